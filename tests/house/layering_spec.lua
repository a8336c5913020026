-- The floors of the house: who may include whom, in C and in Lua, and what
-- every file looks like. A file that is new needs its place here.
local lfs = require "lfs"

-- The core's files from the ground up; a name stands for its .c and its .h.
-- A file includes only files of the floors below its own, and beyond those
-- what EDGES allows.
local FLOORS = {
  { "base" },
  { "buf", "backoff", "timerq", "reason", "idtable", "window", "url", "front" },
  { "http", "sink" },
  { "scan" },
  { "httpdate", "sfield", "reset" },
  { "ratelimit" },
  { "hint" },
  { "lane", "rates", "slots", "pace", "budget", "breaker" },
  { "policy", "chaos" },
  { "client" },
  { "request" },
  { "attempt", "redirect" },
  { "world" },
  { "shards", "target" },
  { "netloop", "transfer", "transfer_end", "world_sim" },
  { "world_real" },
  { "call" },
  { "lanes", "judge" },
  { "fleet_draw", "fleet_stats" },
  { "fleet_server" },
  { "fleet" },
  { "fleet_state" },
  { "fleet_call" },
  { "engine" },
  { "state" },
  { "events", "course", "verdict" },
  { "bind" },
  { "bind_read", "bind_record", "bind_packed", "bind_start", "bind_client", "bind_event", "bind_fleet",
    "bind_words", "bind_input" },
  { "embedded", "slim" },
  { "embed" },
  { "main" },
}

-- Within a floor: the parts of one family.
local EDGES = {
  ["lane.c"] = { "rates", "slots", "pace", "budget", "breaker" },
  ["rates.h"] = { "lane" },
  ["slots.h"] = { "lane" },
  ["budget.h"] = { "lane" },
  ["breaker.h"] = { "lane" },
  ["reset.c"] = { "httpdate" },
  -- The engine's own insides.
  ["engine.c"] = { "state" },
  ["fleet.c"] = { "fleet_state" },
  ["transfer_end.c"] = { "transfer" },
}

-- What no file of a floor may come to, not even through others.
local NEVER = {
  { from = { "policy", "backoff", "hint", "timerq", "lane", "rates", "slots",
      "pace", "budget", "breaker", "window", "http", "client", "request" },
    to = { "world", "world_sim", "world_real", "transfer", "call", "engine", "bind" } },
  { from = { "backoff", "timerq", "reason", "idtable", "window" },
    to = { "buf", "http", "url" } },
  { from = { "hint", "ratelimit", "reset", "sfield", "httpdate", "scan" },
    to = { "policy", "lane", "url", "backoff", "timerq" } },
  { from = { "world", "world_sim", "world_real", "transfer" },
    to = { "call", "timerq", "engine", "bind" } },
  { from = { "engine", "state", "events", "course", "verdict", "judge" },
    to = { "transfer", "bind" } },
  { from = { "main" }, to = { "engine", "bind", "world" } },
}

-- Headers of libraries, and the only files that may include them.
local LIBRARIES = {
  ["curl/curl.h"] = { "shards.h", "target.h", "transfer.h", "url.c", "world_real.c" },
  ["lua.h"] = { "bind.h", "embed.c", "main.c" },
  ["lauxlib.h"] = { "bind.h", "embed.c", "main.c" },
  ["lualib.h"] = { "embed.c", "main.c" },
  ["signal.h"] = { "main.c" },
  ["time.h"] = { "netloop.c", "world_real.c" },
  ["sys/epoll.h"] = { "netloop.c" },
  ["sys/timerfd.h"] = { "netloop.c" },
  ["sys/stat.h"] = { "request.c", "sink.c" },
  ["poll.h"] = { "bind_input.c" },
  ["fcntl.h"] = { "main.c", "sink.c", "transfer.c" },
  ["unistd.h"] = { "bind_input.c", "main.c", "netloop.c", "request.c", "sink.c", "transfer.c",
    "world_real.c" },
}
-- And those that any file may include.
local PLAIN = { "errno.h", "inttypes.h", "limits.h", "math.h", "stdbool.h",
  "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h" }

-- What a file may call only if it is named here.
local CALLS = {
  { "clock_gettime", "gettimeofday", "time", "clock",
    in_file = { "netloop.c", "world_real.c" } },
  { "getentropy", "getrandom", "rand", "srand", "random", "srandom",
    in_file = { "world_real.c" } },
  { "malloc", "calloc", "realloc", "free", "strdup", "strndup", in_file = { "base.c" } },
  { "socket", "connect", "bind", "listen", "accept", "sleep", "usleep", "nanosleep",
    "getenv", "system", "popen", "fork", in_file = {} },
  { "lua_call", "lua_callk", "lua_pcall", "lua_pcallk", "lua_resume", "luaL_ref",
    in_file = { "embed.c", "main.c" } },
}

-- The names that a header declares begin with lull_<file>_, or with one of
-- these words, when the file has more than one concept.
local CONCEPTS = {
  base = { "usec", "err", "mem" },
  backoff = { "rng" },
  timerq = { "timer" },
  http = { "headers", "method", "status" },
  reason = { "class", "action", "why", "source" },
  policy = { "limits", "backoff_init" }, -- the defaults are its own
  request = { "body" },
  attempt = { "response" },
  world = { "transport" },
  state = { "events", "course", "verdict" },
  fleet_state = { "fleet" },
}

-- lull's Lua files from the ground up, by the same rule.
local LUA_FLOORS = {
  { "usage", "later" },
  { "secret" },
  { "text", "json", "lost" },
  { "sched", "outcome", "world" },
  { "tasks", "attempt", "presets", "policy", "chaos", "record", "input" },
  { "options" },
  { "request" },
  { "client", "figures", "trial" },
  { "simulate", "trace", "plan", "chart", "scenarios" },
  { "lull" },
  { "curl", "flags", "job" },
  { "switches" },
  { "cli" },
  { "fetch", "sim", "fleet" },
  { "command" },
}
-- What is loaded only when a command asks for it.
local LUA_EDGES = { cli = { "fetch", "fleet" } }
local LUA_NEVER = {
  { from = { "usage", "text", "secret", "json", "outcome", "attempt", "world" },
    to = { "sched", "client", "lull" } },
  { from = { "sched", "tasks" }, to = { "client", "options", "lull" } },
  { from = { "simulate" }, to = { "client", "options", "lull" } },
}
-- Modules of others, and who may ask for them.
local LUA_LIBRARIES = {
  ["lull.core"] = { "json", "sched", "outcome", "attempt", "options", "client", "chaos",
    "record", "input", "simulate", "trace", "flags", "fetch", "switches", "trial" },
  cjson = { "json", "world", "switches" },
  argparse = { "flags", "switches", "fleet" },
}

-- ---- reading --------------------------------------------------------------

local function set_of(list)
  local set = {}
  for _, item in ipairs(list) do set[item] = true end
  return set
end

local function files_in(directory, ending)
  local list = {}
  for name in lfs.dir(directory) do
    if name:match("%." .. ending .. "$") then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

local function lines_of(text)
  local list = {}
  for line in (text:gsub("\n*$", "\n")):gmatch("([^\n]*)\n") do list[#list + 1] = line end
  return list
end

local function stem_of(name) return (name:gsub("%.%w+$", "")) end

-- C without its comments and the insides of its strings.
local function bare_c(text)
  text = text:gsub("/%*.-%*/", function(comment) return (comment:gsub("[^\n]", " ")) end)
  return (text:gsub('\\"', "  "):gsub("'\"'", "' '"):gsub('"[^"\n]*"', '""'))
end

local C, names = {}, {}
for _, ending in ipairs { "c", "h" } do
  for _, name in ipairs(files_in("src", ending)) do
    names[#names + 1] = name
    local text = read("src/" .. name)
    local own, libraries = {}, {}
    for _, line in ipairs(lines_of(text)) do
      own[#own + 1] = line:match('^#%s*include%s+"([^"]+)"')
      libraries[#libraries + 1] = line:match("^#%s*include%s+<([^>]+)>")
    end
    C[name] = { text = text, bare = bare_c(text), lines = lines_of(text),
      includes = own, libraries = libraries }
  end
end

local function floor_numbers(floors)
  local floor = {}
  for number, list in ipairs(floors) do
    for _, name in ipairs(list) do
      assert(not floor[name], name .. " has two floors")
      floor[name] = number
    end
  end
  return floor
end

-- Everything that can be reached, by a map from a name to a set of names.
local function reach(edges, from, seen)
  seen = seen or {}
  for to in pairs(edges[from] or {}) do
    if not seen[to] then
      seen[to] = true
      reach(edges, to, seen)
    end
  end
  return seen
end

local function never(rules, edges)
  local wrong = {}
  for _, rule in ipairs(rules) do
    for _, from in ipairs(rule.from) do
      local all = reach(edges, from)
      for _, to in ipairs(rule.to) do
        if all[to] then wrong[#wrong + 1] = from .. " comes to " .. to end
      end
    end
  end
  return wrong
end

local function none(wrong)
  table.sort(wrong)
  assert.are.equal("", table.concat(wrong, "\n"))
end

-- ---- C --------------------------------------------------------------------

describe("layers of the core", function()
  local floor = floor_numbers(FLOORS)

  it("have a floor for every file, and a file for every name", function()
    local wrong, found = {}, {}
    for _, name in ipairs(names) do
      found[stem_of(name)] = true
      if not floor[stem_of(name)] then wrong[#wrong + 1] = name .. " has no floor" end
    end
    for name in pairs(floor) do
      if not found[name] then wrong[#wrong + 1] = name .. " is no file" end
    end
    none(wrong)
  end)

  it("are crossed by no include", function()
    local wrong = {}
    for _, name in ipairs(names) do
      local stem, allowed = stem_of(name), set_of(EDGES[name] or {})
      for _, include in ipairs(C[name].includes) do
        local other = stem_of(include)
        if not C[include] then
          wrong[#wrong + 1] = ("%s includes %s, which is not in src/"):format(name, include)
        elseif other ~= stem and not allowed[other] and floor[other]
          and floor[other] >= (floor[stem] or 0) then
          wrong[#wrong + 1] = ("%s (floor %d) includes %s (floor %d)"):format(name,
            floor[stem] or 0, include, floor[other])
        end
      end
    end
    none(wrong)
  end)

  it("use every exception that is made", function()
    local wrong = {}
    for name, list in pairs(EDGES) do
      local includes = set_of(C[name] and C[name].includes or {})
      for _, other in ipairs(list) do
        if not includes[other .. ".h"] then
          wrong[#wrong + 1] = name .. " no longer includes " .. other .. ".h"
        end
      end
    end
    none(wrong)
  end)

  it("are not crossed by a detour either", function()
    local edges = {}
    for _, name in ipairs(names) do
      local stem = stem_of(name)
      -- A header is seen by all that include it, a .c by nobody.
      if name:match("%.h$") then
        edges[stem] = edges[stem] or {}
        for _, include in ipairs(C[name].includes) do edges[stem][stem_of(include)] = true end
      end
    end
    for _, name in ipairs(names) do
      if name:match("%.c$") then
        local own = {}
        for _, include in ipairs(C[name].includes) do own[stem_of(include)] = true end
        own[stem_of(name)] = nil
        edges["(" .. name .. ")"] = own
        local header = edges[stem_of(name)]
        for other in pairs(header or {}) do own[other] = true end
      end
    end
    local rules = {}
    for _, rule in ipairs(NEVER) do
      local from = {}
      for _, stem in ipairs(rule.from) do
        from[#from + 1] = edges["(" .. stem .. ".c)"] and "(" .. stem .. ".c)" or stem
      end
      rules[#rules + 1] = { from = from, to = rule.to }
    end
    none(never(rules, edges))
  end)

  it("keep libraries where they belong", function()
    local wrong, plain = {}, set_of(PLAIN)
    for _, name in ipairs(names) do
      for _, library in ipairs(C[name].libraries) do
        local allowed = LIBRARIES[library]
        if not plain[library] and not (allowed and set_of(allowed)[name]) then
          wrong[#wrong + 1] = ("%s includes <%s>"):format(name, library)
        end
      end
    end
    none(wrong)
  end)

  -- The names that a file calls, other than its own functions and those
  -- that it finds in a struct.
  local function called_by(file)
    local called = {}
    for at, word in file.bare:gmatch("()%f[%w_]([%a_][%w_]*)%s*%(") do
      local before = file.bare:sub(at - 1, at - 1)
      if before ~= ">" and before ~= "." then called[word] = true end
    end
    for word in file.bare:gmatch("\n%a[%w_ *]*%f[%w_]([%a_][%w_]*)%(") do called[word] = nil end
    return called
  end

  it("read clocks, draw entropy, allocate and call Lua where they belong", function()
    local wrong = {}
    for _, name in ipairs(names) do
      local called = called_by(C[name])
      for _, rule in ipairs(CALLS) do
        for _, word in ipairs(rule) do
          if called[word] and not set_of(rule.in_file)[name] then
            wrong[#wrong + 1] = ("%s calls %s"):format(name, word)
          end
        end
      end
    end
    none(wrong)
  end)

  it("would notice: what is called where it belongs is found there", function()
    assert.is_true(called_by(C["base.c"]).free)
    assert.is_true(called_by(C["main.c"]).lua_pcall)
    assert.is_true(called_by(C["world_real.c"]).getentropy)
  end)
end)

describe("a file of the core", function()
  it("opens with what it is", function()
    local wrong = {}
    for _, name in ipairs(names) do
      local text = C[name].text
      -- A .c with a header of its own leaves it to that.
      local header = C[stem_of(name) .. ".h"]
      if not text:find("^/%*") and not (name:match("%.c$") and header
        and header.text:find("^/%*")) then
        wrong[#wrong + 1] = name
      end
    end
    none(wrong)
  end)

  it("has a header that says what the file is called", function()
    local wrong = {}
    for _, name in ipairs(names) do
      local stem = stem_of(name)
      if C[name].text:find("^/%*\n") and not C[name].text:find("^/%*\n %* " .. stem .. ": ") then
        wrong[#wrong + 1] = name
      end
    end
    none(wrong)
  end)

  it("has a guard of its own name, when it is a header", function()
    local wrong = {}
    for _, name in ipairs(names) do
      local guard = "LULL_" .. stem_of(name):upper() .. "_H"
      local lines = ("#ifndef %s\n#define %s\n"):format(guard, guard)
      if name:match("%.h$") and not C[name].text:find(lines, 1, true) then
        wrong[#wrong + 1] = name
      end
    end
    none(wrong)
  end)

  it("has no line of more than 79 columns, no tab and no blank at an end", function()
    local wrong = {}
    for _, name in ipairs(names) do
      for number, line in ipairs(C[name].lines) do
        if #line > 79 or line:find("\t", 1, true) or line:find(" $") then
          wrong[#wrong + 1] = ("%s:%d"):format(name, number)
        end
      end
    end
    none(wrong)
  end)

  it("has at most 450 lines", function()
    local wrong = {}
    for _, name in ipairs(names) do
      if #C[name].lines > 450 then wrong[#wrong + 1] = ("%s: %d"):format(name, #C[name].lines) end
    end
    none(wrong)
  end)

  -- The bodies of all functions: from "{" to "}", both in the first column.
  -- A label of a switch, alone on its line, is an entry of a table.
  local function bodies(name)
    local list, begin, count = {}, nil, 0
    for number, line in ipairs(C[name].lines) do
      if line == "{" then begin, count = number, 0 end
      if line == "}" and begin then
        list[#list + 1] = { at = begin, lines = count - 1 }
        begin = nil
      end
      if begin and not line:find("^%s*case [%w_]+:%s*$") then count = count + 1 end
    end
    return list
  end

  it("has no function of more than 60 lines, and half of all have ten or less", function()
    local wrong, all = {}, {}
    for _, name in ipairs(names) do
      for _, body in ipairs(bodies(name)) do
        all[#all + 1] = body.lines
        if body.lines > 60 then
          wrong[#wrong + 1] = ("%s:%d has %d lines"):format(name, body.at, body.lines)
        end
      end
    end
    table.sort(all)
    assert.is_true(#all > 300)
    assert.is_true(all[math.ceil(#all / 2)] <= 10)
    none(wrong)
  end)

  local function allowed(stem, word)
    local prefixes = { stem }
    for _, concept in ipairs(CONCEPTS[stem] or {}) do prefixes[#prefixes + 1] = concept end
    if stem:match("^bind_") then prefixes[#prefixes + 1] = "bind" end
    if stem:match("^world_") then prefixes[#prefixes + 1] = "world" end
    for _, prefix in ipairs(prefixes) do
      if word:find("^lull_" .. prefix .. "_") or word == "lull_" .. prefix then
        return true
      end
    end
  end

  it("declares functions by its own name", function()
    local wrong = {}
    for _, name in ipairs(names) do
      if name:match("%.h$") and name ~= "embedded.h" then
        for word in C[name].bare:gmatch("\n[%a][%w_ ]*[ *]([%a_][%w_]*)%([^;{]*%);") do
          if not allowed(stem_of(name), word) then
            wrong[#wrong + 1] = ("%s declares %s"):format(name, word)
          end
        end
      end
    end
    none(wrong)
  end)

  it("has no other external names, and no struct behind a typedef", function()
    local wrong, declared = {}, {}
    for _, name in ipairs(names) do
      if name:match("%.h$") then
        for word in C[name].bare:gmatch("[ *](lull_[%w_]*)[%(;,]") do declared[word] = true end
      end
      if C[name].bare:find("typedef%s+struct") then wrong[#wrong + 1] = name .. ": typedef struct" end
    end
    for _, name in ipairs(names) do
      if name:match("%.c$") then
        for head, word in C[name].bare:gmatch("\n([%a][%w_ *]-)([%a_][%w_]*)%([^;{}()]*%)\n{") do
          local static = head:find("static", 1, true)
          if not static and not declared[word] and word ~= "main" and not word:find("^luaopen_") then
            wrong[#wrong + 1] = ("%s: %s"):format(name, word)
          end
          if static and word:find("^lull_") then
            wrong[#wrong + 1] = ("%s: %s is static"):format(name, word)
          end
        end
      end
    end
    none(wrong)
  end)
end)

-- ---- Lua ------------------------------------------------------------------

describe("layers of the Lua files", function()
  local floor, requires, text_of = floor_numbers(LUA_FLOORS), {}, {}

  -- Lua without its comments.
  local function bare(text)
    text = text:gsub("%-%-%[(=*)%[.-%]%1%]", "")
    return (text:gsub("%-%-[^\n]*", ""))
  end

  local function module_of(path)
    return path:match("^src/lull/(.*)%.lua$") or path:match("^src/(.*)%.lua$")
  end

  for _, directory in ipairs { "src", "src/lull" } do
    for _, name in ipairs(files_in(directory, "lua")) do
      local module = module_of(directory .. "/" .. name)
      local text = read(directory .. "/" .. name)
      requires[module], text_of[module] = {}, text
      for other in bare(text):gmatch('%f[%w_]require%s*%(?%s*"([%w_.]+)"') do
        requires[module][other] = true
      end
      for other in bare(text):gmatch('"lull%.later"%s*"([%w_.]+)"') do
        requires[module][other] = true
      end
    end
  end

  local function own(name)
    if name == "lull" then return "lull" end
    return name ~= "lull.core" and name:match("^lull%.(.*)$") or nil
  end

  it("have a floor for every file, and a file for every name", function()
    local wrong = {}
    for name in pairs(requires) do
      if not floor[name] then wrong[#wrong + 1] = name .. " has no floor" end
    end
    for name in pairs(floor) do
      if not requires[name] then wrong[#wrong + 1] = name .. " is no file" end
    end
    none(wrong)
  end)

  it("are crossed by no require", function()
    local wrong = {}
    for name, others in pairs(requires) do
      for other in pairs(others) do
        local module = own(other)
        local above = (floor[module] or 0) >= (floor[name] or 99)
        if module and above and not set_of(LUA_EDGES[name] or {})[module] then
          wrong[#wrong + 1] = ("%s requires %s"):format(name, other)
        elseif not module and not set_of(LUA_LIBRARIES[other] or {})[name] then
          wrong[#wrong + 1] = ("%s requires %s"):format(name, other)
        end
      end
    end
    none(wrong)
  end)

  it("are not crossed by a detour either", function()
    local edges = {}
    for name, others in pairs(requires) do
      edges[name] = {}
      for other in pairs(others) do
        if own(other) then edges[name][own(other)] = true end
      end
    end
    none(never(LUA_NEVER, edges))
  end)

  it("open with what they are", function()
    local wrong = {}
    for name, text in pairs(text_of) do
      if not (text:find("^%-%- " .. name .. ": ") or text:find("^%-%-%[=*%[\nlull%." .. name .. ": ")) then
        wrong[#wrong + 1] = name
      end
    end
    none(wrong)
  end)
end)
