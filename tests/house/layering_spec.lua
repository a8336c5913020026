-- The floors of the house: folders and their order, who may use which library,
-- what may be called where, no circles, and what every file looks like.
local lfs = require "lfs"

-- The core's folders from the ground up. A file includes and calls what is in
-- its own folder or in one further down; of two in one row neither the other.
local FLOORS = {
  { "base" }, { "http" }, { "hint" }, { "lane", "policy" }, { "request" }, { "world" }, { "store" },
  { "engine" }, { "fleet" }, { "bind" }, { "binary" },
}
-- The binary knows the core as a Lua module, and nothing else of it.
local NEVER = { binary = { "base", "http", "hint", "lane", "policy", "request", "world", "store", "engine",
  "fleet", "bind" } }

-- lull's Lua folders; the first is src/lull itself, and public is lull.lua.
local LUA_FLOORS = { { "lull" }, { "batch" }, { "public" }, { "sim" }, { "fleet" }, { "report" }, { "cli" },
  { "command" } }

-- Headers of libraries, and the folders or files that may include them.
local LIBRARIES = {
  ["curl/curl.h"] = { "world/", "http/url.c" },
  ["lua.h"] = { "bind/", "binary/" },
  ["lauxlib.h"] = { "bind/", "binary/" },
  ["lualib.h"] = { "binary/" },
  ["signal.h"] = { "binary/main.c", "http/place.c", "store/thread.c" },
  ["time.h"] = { "world/" },
  ["sys/epoll.h"] = { "world/netloop.c" },
  ["sys/timerfd.h"] = { "world/netloop.c" },
  ["sys/resource.h"] = { "binary/main.c", "http/files.c" },
  ["sys/ioctl.h"] = { "bind/input.c" },
  ["sys/file.h"] = { "http/part.c", "store/lock.c" },
  ["sys/stat.h"] = { "request/", "http/", "store/" },
  ["sys/vfs.h"] = { "store/lock.c" },
  ["sqlite3.h"] = { "store/sqlite.h" },
  ["hiredis/hiredis.h"] = { "store/hiredis.h" },
  ["openssl/err.h"] = { "store/openssl.c" },
  ["openssl/ssl.h"] = { "store/openssl.c" },
  ["openssl/x509v3.h"] = { "store/openssl.c" },
  ["stdatomic.h"] = { "binary/lazyinit.c" },
  ["dlfcn.h"] = { "base/library.c", "binary/lazyinit.c", "world/transfer_lookup.c" },
  ["sys/auxv.h"] = { "world/transfer_lookup.c" },
  ["pthread.h"] = { "store/thread.h" },
  ["poll.h"] = { "bind/input.c", "binary/", "http/files.c", "http/place.c", "store/crew.c", "store/store.c",
    "world/sockets.c" },
  ["sys/socket.h"] = { "world/sockets.c" },
  ["netinet/in.h"] = { "world/sockets.c" },
  ["fcntl.h"] = { "binary/", "http/", "store/", "world/" },
  ["unistd.h"] = { "bind/input.c", "binary/", "http/", "request/", "store/", "world/" },
}
-- And those that any file may include.
local PLAIN = { "errno.h", "inttypes.h", "limits.h", "math.h", "stdbool.h",
  "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h" }

-- What a file may call only if it, or its folder, is named here.
local CALLS = {
  { "clock_gettime", "gettimeofday", "time", "clock", where = { "world/netloop.c", "world/real.c" } },
  { "getentropy", "getrandom", "rand", "srand", "random", "srandom", where = { "world/real.c" } },
  { "malloc", "calloc", "realloc", "free", "strdup", "strndup", where = { "base/base.c" } },
  { "socket", where = { "world/sockets.c" } },
  { "connect", "bind", "listen", "accept", "sleep", "usleep", "nanosleep", "getenv", "system",
    "popen", "fork", where = {} },
  { "lua_call", "lua_callk", "lua_pcall", "lua_pcallk", "lua_resume", "luaL_ref", where = { "binary/" } },
}

-- A header's names begin with lull_<file>_, with lull_<folder>_, or with one
-- of these words, where a file has more than one concept.
local CONCEPTS = {
  ["base/base"] = { "usec", "err", "mem" },
  ["base/timerq"] = { "timer" },
  ["http/http"] = { "headers", "method", "status" },
  ["policy/reason"] = { "class", "action", "why", "source" },
  ["policy/policy"] = { "limits", "backoff_init" }, -- the defaults are its own
  ["request/request"] = { "body" },
  ["world/attempt"] = { "response" },
  ["world/world"] = { "transport" },
}

-- Modules of others, and the modules that may ask for them.
local LUA_LIBRARIES = {
  ["lull.core"] = { "batch.journal", "batch.memory", "json", "sched", "outcome", "attempt", "options", "client",
    "trace", "sim", "sim.chaos", "sim.record", "sim.relay", "sim.simulate", "input", "multipart", "pages", "patience",
    "cli.each", "cli.files", "cli.flags", "cli.fetch", "cli.journal", "cli.main", "cli.progress", "cli.switches",
    "batch.reading", "fleet.experiment", "report.formats", "readable" },
  cjson = { "json", "sim.answer", "cli.switches" },
  argparse = {}, -- cli.parser chooses one
}

-- ---- reading --------------------------------------------------------------

local function set_of(list)
  local set = {}
  for _, item in ipairs(list) do set[item] = true end
  return set
end

local function entries(directory)
  local list = {}
  for name in lfs.dir(directory) do
    if name:sub(1, 1) ~= "." then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

local function is_folder(path) return lfs.attributes(path, "mode") == "directory" end

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
local function folder_of(name) return name:match("^(.-)/") end

-- C without its comments and the insides of its strings.
local function bare_c(text)
  text = text:gsub("/%*.-%*/", function(comment) return (comment:gsub("[^\n]", " ")) end)
  return (text:gsub('\\"', "  "):gsub("'\"'", "' '"):gsub('"[^"\n]*"', '""'))
end

-- The core's files, by "folder/name.c".
local C, names = {}, {}
for _, folder in ipairs(entries "src") do
  for _, file in ipairs(is_folder("src/" .. folder) and entries("src/" .. folder) or {}) do
    if file:find "%.[ch]$" then
      local name = folder .. "/" .. file
      local text = read("src/" .. name)
      local own, libraries = {}, {}
      for _, line in ipairs(lines_of(text)) do
        own[#own + 1] = line:match('^#%s*include%s+"([^"]+)"')
        libraries[#libraries + 1] = line:match("^#%s*include%s+<([^>]+)>")
      end
      names[#names + 1] = name
      C[name] = { text = text, bare = bare_c(text), lines = lines_of(text), includes = own, libraries = libraries }
    end
  end
end

-- What the objects say of calls, where no declaration can hide one: a list of
-- { from, to, symbol } with stems, "engine/verdict".
local function calls_between_files()
  local home, wanted, objects = {}, {}, {}
  for _, name in ipairs(names) do
    for _, build in ipairs { "core", os.getenv "LULL_LUA" or "lua5.4" } do
      local object = ("build/%s%s/%s.o"):format(build, os.getenv "LULL_BUILD" or "", stem_of(name))
      if name:find "%.c$" and lfs.attributes(object) then objects[#objects + 1] = "'" .. object .. "'" end
    end
  end
  local pipe = assert(io.popen("nm -A " .. table.concat(objects, " ")))
  for line in pipe:lines() do
    local stem, kind, symbol = line:match "([^/]+/[^/]+)%.o:.* (%a) (lull_[%w_]+)$"
    if kind == "U" then
      wanted[#wanted + 1] = { from = stem, symbol = symbol }
    elseif kind then
      home[symbol] = stem
    end
  end
  pipe:close()
  for _, call in ipairs(wanted) do call.to = home[call.symbol] end
  return wanted
end

local function none(wrong)
  table.sort(wrong)
  assert.are.equal("", table.concat(wrong, "\n"))
end

local function floor_numbers(floors)
  local floor = {}
  for number, list in ipairs(floors) do
    for _, name in ipairs(list) do floor[name] = number end
  end
  return floor
end

-- What is wrong with a use of `to` by `from`, both folders; nil: nothing.
local function crossing(floor, from, to)
  if from == to then return nil end
  if not floor[from] or not floor[to] then return "a folder that has no floor" end
  if floor[to] >= floor[from] then return ("%s is no floor below %s"):format(to, from) end
  return set_of(NEVER[from] or {})[to] and ("%s must know nothing of %s"):format(from, to) or nil
end

-- The first circle among uses, { from, to, how } each, as a sentence; or nil.
local function circle(uses)
  local edges, state, path = {}, {}, {}
  for _, use in ipairs(uses) do
    if use.from ~= use.to then
      edges[use.from] = edges[use.from] or {}
      table.insert(edges[use.from], use)
    end
  end
  local function visit(node)
    state[node] = "open"
    for _, use in ipairs(edges[node] or {}) do
      path[#path + 1] = use
      if state[use.to] == "open" then
        local first = #path
        while path[first].from ~= use.to do first = first - 1 end
        local parts = {}
        for i = first, #path do parts[#parts + 1] = ("%s %s %s"):format(path[i].from, path[i].how, path[i].to) end
        return "a circle: " .. table.concat(parts, ", ")
      end
      local found = not state[use.to] and visit(use.to)
      if found then return found end
      path[#path] = nil
    end
    state[node] = "closed"
  end
  local starts = {}
  for node in pairs(edges) do starts[#starts + 1] = node end
  table.sort(starts)
  for _, node in ipairs(starts) do
    local found = not state[node] and visit(node)
    if found then return found end
  end
end

-- ---- C --------------------------------------------------------------------

describe("the core's folders", function()
  local floor = floor_numbers(FLOORS)

  local function includes()
    local uses = {}
    for _, name in ipairs(names) do
      for _, include in ipairs(C[name].includes) do
        uses[#uses + 1] = { from = stem_of(name), to = stem_of(include), how = "includes", file = name,
          other = include }
      end
    end
    return uses
  end

  local found_calls

  local function calls()
    if found_calls then return found_calls end
    found_calls = {}
    for _, call in ipairs(calls_between_files()) do
      if call.to then
        found_calls[#found_calls + 1] = { from = call.from, to = call.to, how = ("calls %s of"):format(call.symbol) }
      end
    end
    return found_calls
  end

  it("are left out by no include", function()
    local wrong = {}
    for _, use in ipairs(includes()) do
      if not C[use.other] then
        wrong[#wrong + 1] = ("%s includes %s, which is not in src/"):format(use.file, use.other)
      end
    end
    none(wrong)
  end)

  it("are crossed neither by an include nor by a call", function()
    local wrong = {}
    for _, list in ipairs { includes(), calls() } do
      for _, use in ipairs(list) do
        local why = crossing(floor, folder_of(use.from), folder_of(use.to))
        if why then wrong[#wrong + 1] = ("%s %s %s: %s"):format(use.from, use.how, use.to, why) end
      end
    end
    none(wrong)
  end)

  it("have no circle among their files, by includes or by calls", function()
    local uses = includes()
    for _, use in ipairs(calls()) do uses[#uses + 1] = use end
    assert.is_nil(circle(uses))
  end)

  it("would notice a step up, a forbidden one, and a circle", function()
    assert.matches("engine is no floor below lane", crossing(floor, "lane", "engine"))
    assert.matches("lane is no floor below policy", crossing(floor, "policy", "lane"))
    assert.matches("binary must know nothing of engine", crossing(floor, "binary", "engine"))
    assert.matches("no floor", crossing(floor, "engine", "attic"))
    assert.is_nil(crossing(floor, "engine", "base"))
    assert.equal("a circle: a/x includes a/y, a/y calls f of a/z, a/z includes a/x", circle {
      { from = "a/w", to = "a/x", how = "includes" }, { from = "a/x", to = "a/y", how = "includes" },
      { from = "a/y", to = "a/z", how = "calls f of" }, { from = "a/z", to = "a/x", how = "includes" },
    })
  end)

  it("are seen through: the objects tell calls that are there", function()
    local found = {}
    for _, use in ipairs(calls()) do found[use.from .. " " .. use.to] = true end
    assert.is_true(found["engine/verdict engine/lifecycle"])
    assert.is_true(found["engine/engine policy/policy"])
    assert.is_true(found["lane/lane lane/rates"])
  end)

  local function may(list, name)
    for _, place in ipairs(list or {}) do
      if place == name or place == folder_of(name) .. "/" then return true end
    end
  end

  it("keep libraries where they belong", function()
    local wrong, plain = {}, set_of(PLAIN)
    for _, name in ipairs(names) do
      for _, library in ipairs(C[name].libraries) do
        if not plain[library] and not may(LIBRARIES[library], name) then
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
          if called[word] and not may(rule.where, name) then
            wrong[#wrong + 1] = ("%s calls %s"):format(name, word)
          end
        end
      end
    end
    none(wrong)
  end)

  it("would notice: what is called where it belongs is found there", function()
    assert.is_true(called_by(C["base/base.c"]).free)
    assert.is_true(called_by(C["binary/main.c"]).lua_pcall)
    assert.is_true(called_by(C["world/real.c"]).getentropy)
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
      local stem = stem_of(name):match "[^/]*$"
      if C[name].text:find("^/%*\n") and not C[name].text:find("^/%*\n %* " .. stem .. ": ") then
        wrong[#wrong + 1] = name
      end
    end
    none(wrong)
  end)

  it("has a guard of its own name, when it is a header", function()
    local wrong = {}
    for _, name in ipairs(names) do
      local guard = "LULL_" .. stem_of(name):gsub("/", "_"):upper() .. "_H"
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
    local folder, file = stem:match "^(.-)/(.*)$"
    local prefixes = { file, folder }
    for _, concept in ipairs(CONCEPTS[stem] or {}) do prefixes[#prefixes + 1] = concept end
    for _, prefix in ipairs(prefixes) do
      if word:find("^lull_" .. prefix .. "_") or word == "lull_" .. prefix then return true end
    end
  end

  it("declares functions by its own name", function()
    local wrong = {}
    for _, name in ipairs(names) do
      if name:match("%.h$") and name ~= "binary/embedded.h" then
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

-- lull's modules, by "cli.fetch"; lull itself is "lull".
local modules = {}

local function add_module(path)
  local name = path:match "^src/lull/(.*)%.lua$" or path:match "^src/(.*)%.lua$"
  local text = read(path)
  local bare = text:gsub("%-%-%[(=*)%[.-%]%1%]", ""):gsub("%-%-[^\n]*", "")
  local requires = {}
  for other in bare:gmatch '%f[%w_]require%s*%(?%s*"([%w_.]+)"' do requires[#requires + 1] = other end
  for other in bare:gmatch '"lull%.lazy"%s*"([%w_.]+)"' do requires[#requires + 1] = other end
  for other in bare:gmatch '%f[%w_]lazy "([%w_.]+)"' do requires[#requires + 1] = other end
  modules[name:gsub("/", ".")] = { text = text, lines = lines_of(text), requires = requires, path = path }
end

local function add_modules(folder)
  for _, name in ipairs(entries(folder)) do
    if is_folder(folder .. "/" .. name) then
      add_modules(folder .. "/" .. name)
    elseif name:find "%.lua$" then
      add_module(folder .. "/" .. name)
    end
  end
end

add_module "src/lull.lua"
add_module "src/command.lua"
add_modules "src/lull"

describe("lull's Lua folders", function()
  local floor = floor_numbers(LUA_FLOORS)

  local function own(name)
    if name == "lull" then return "lull" end
    return name ~= "lull.core" and name:match "^lull%.(.*)$" or nil
  end

  -- lull.sim is the public face of its folder.
  local function folder(name)
    if name == "command" or name == "sim" then return name end
    if name == "lull" then return "public" end
    return name:match "^(.-)%." or "lull"
  end

  local function uses()
    local list = {}
    for name, module in pairs(modules) do
      for _, other in ipairs(module.requires) do
        if own(other) then list[#list + 1] = { from = name, to = own(other), how = "requires" } end
      end
    end
    table.sort(list, function(a, b) return a.from .. " " .. a.to < b.from .. " " .. b.to end)
    return list
  end

  it("are crossed by no require", function()
    local wrong = {}
    for _, use in ipairs(uses()) do
      local why = modules[use.to] and crossing(floor, folder(use.from), folder(use.to)) or
        not modules[use.to] and "no such module"
      if why then wrong[#wrong + 1] = ("%s requires %s: %s"):format(use.from, use.to, why) end
    end
    none(wrong)
  end)

  it("have no circle among their files", function() assert.is_nil(circle(uses())) end)

  it("keep the modules of others where they belong", function()
    local wrong = {}
    for name, module in pairs(modules) do
      for _, other in ipairs(module.requires) do
        if not own(other) and not set_of(LUA_LIBRARIES[other] or {})[name] then
          wrong[#wrong + 1] = ("%s requires %s"):format(name, other)
        end
      end
    end
    none(wrong)
  end)

  it("open with what they are", function()
    local wrong = {}
    for name, module in pairs(modules) do
      local last = name:match "[^.]*$"
      local plain, long = "-- " .. last .. ": ", "lull." .. name .. ": "
      if module.text:sub(1, #plain) ~= plain and not module.text:find("^%-%-%[=*%[\n" .. long:gsub("%.", "%%.")) then
        wrong[#wrong + 1] = name
      end
    end
    none(wrong)
  end)
end)
