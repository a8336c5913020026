-- The definition file against what lull really has, both ways: every name that
-- is there stands in it, and it names nothing that is not there.

local definitions = require "docs.definitions"
local library = require "docs.types"
local reference = require "docs.reference"
local support = require "tests.support"
local wire = require "tests.wire"

local items = definitions.read()
local lull = support.fresh()
local core, options, policy = require "lull.core", require "lull.options", require "lull.policy"

local function find(name) return definitions.find(items, name) end

local function set_of(list, field)
  local set = {}
  for _, item in ipairs(list) do set[field and item[field] or item] = true end
  return set
end

local function keys_of(t)
  local set = {}
  for key in pairs(t) do set[key] = true end
  return set
end

-- Two sets of names are the same, or it is told what is missing where.
local function assert_same_names(what, documented, real)
  local wrong = {}
  for name in pairs(real) do
    if not documented[name] then wrong[#wrong + 1] = ("%s has no %s in %s"):format(what, name, definitions.PATH) end
  end
  for name in pairs(documented) do
    if not real[name] then wrong[#wrong + 1] = ("%s has no %s but in %s"):format(what, name, definitions.PATH) end
  end
  table.sort(wrong)
  assert.equal("", table.concat(wrong, "\n"))
end

local function fields_of(class) return set_of(find(class).fields, "name") end

-- The values of an alias that are texts.
local function words_of(alias)
  local set = {}
  for _, value in ipairs(find(alias).values) do set[value.value:match '^"(.*)"$' or value.value] = true end
  return set
end

-- The texts among the alternatives of a field's type.
local function choices(class, name)
  for _, field in ipairs(find(class).fields) do
    if field.name == name then
      local set = {}
      for word in field.type:gmatch '"([^"]*)"' do set[word] = true end
      return set
    end
  end
  error(class .. " has no " .. name)
end

-- The functions of a class, by name.
local function functions_of(class)
  local list = {}
  for _, item in ipairs(items) do
    if item.kind == "function" and item.owner == class then list[item.name] = item end
  end
  return list
end

-- What a function of lull's sees under that name, itself or by another.
local function hidden(fn, wanted, seen)
  seen = seen or {}
  if seen[fn] then return nil end
  seen[fn] = true
  for i = 1, 255 do
    local name, value = debug.getupvalue(fn, i)
    if not name then return nil end
    if name == wanted then return value end
    local found = type(value) == "function" and hidden(value, wanted, seen)
    if found then return found end
  end
end

describe("the definition file", function()
  it("is up to date, and so is the reference", function()
    local file = wire.read(definitions.PATH)
    assert.equal(library.renew(file), file)
    assert.equal(reference.page(items), wire.read(reference.PATH))
  end)

  it("is Lua that does no harm when it is loaded", function()
    local before = keys_of(_G)
    assert.is_table(assert(loadfile(definitions.PATH))())
    assert.is_nil(assert(loadfile "library/lull/sim.lua")())
    assert.same(before, keys_of(_G))
  end)

  it("names no type that nothing defines, and none twice", function()
    local known, wrong = set_of { "any", "boolean", "fun", "function", "integer", "nil", "number", "string", "table",
      "true", "false" }, {}
    for _, item in ipairs(items) do
      if item.kind ~= "function" then
        if known[item.name] then wrong[#wrong + 1] = item.name .. " is there twice" end
        known[item.name] = true
      end
    end
    local function check(where, kind)
      for _, name in ipairs(definitions.names_in(kind)) do
        if not known[name] then wrong[#wrong + 1] = ("%s: what is %s?"):format(where, name) end
      end
    end
    for _, item in ipairs(items) do
      check(item.name, (item.type or "any") .. "|" .. (item.parent or "any"))
      for _, list in ipairs { item.fields or {}, item.params or {}, item.returns or {} } do
        for _, one in ipairs(list) do check(item.name .. "." .. (one.name or "return"), one.type) end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
  end)

  it("tells of each function, and of each of its parameters", function()
    local wrong = {}
    for _, item in ipairs(items) do
      if item.kind == "function" then
        local names = {}
        for i, param in ipairs(item.params) do names[i] = param.name end
        if table.concat(names, " ") ~= table.concat(item.arguments, " ") or item.text == "" then
          wrong[#wrong + 1] = item.name
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
  end)

  it("is the only one that defines what the sources' comments name", function()
    local own, wrong = {}, {}
    for _, item in ipairs(items) do
      if item.kind ~= "function" then own[item.name] = true end
    end
    local listed = wire.run "ls src/*.lua src/lull/*.lua".out
    local named = {}
    for path in listed:gmatch "[^\n]+" do
      for line in wire.read(path):gmatch "[^\n]+" do
        local class = line:match "^%s*%-%-%-@class ([%w_.]+)"
        if class and own[class] then wrong[#wrong + 1] = path .. " defines " .. class .. ", too" end
        if class then own[class] = true end
        for name in (line:match "^%s*%-%-%-@%a+ (.*)$" or ""):gmatch "lull%.[%a_.]+" do named[name] = path end
      end
    end
    for name, path in pairs(named) do
      if not own[name] then wrong[#wrong + 1] = ("%s: what is %s?"):format(path, name) end
    end
    assert.equal("", table.concat(wrong, "\n"))
    wire.clean()
  end)
end)

describe("the reference", function()
  it("has a heading for every link", function()
    local page, anchors, wrong = wire.read(reference.PATH), {}, {}
    for heading in page:gmatch "\n##+ ([^\n]+)" do
      anchors[heading:lower():gsub("[^%w%s_-]", ""):gsub(" ", "-")] = true
    end
    for anchor in page:gmatch "%]%(#([^)]*)%)" do
      if not anchors[anchor] then wrong[#wrong + 1] = anchor end
    end
    assert.equal("", table.concat(wrong, "\n"))
  end)
end)

-- ---- names ---------------------------------------------------------------

-- The functions that an object answers to as methods.
local function methods_of(object)
  local index = getmetatable(object).__index
  local tables, methods = { index }, {}
  if type(index) == "function" then
    tables = {}
    for i = 1, 255 do
      local name, value = debug.getupvalue(index, i)
      if not name then break end
      if type(value) == "table" then tables[#tables + 1] = value end
    end
  end
  for _, t in ipairs(tables) do
    for name, value in pairs(t) do
      local own = type(value) == "function" and not name:find "^__"
      if own and rawequal(object[name], value) then methods[name] = value end
    end
  end
  return methods
end

-- The names of a function's parameters, where this Lua tells them; what the
-- sources call `given` is `options` to others.
local function parameters_of(fn)
  local names, info = {}, debug.getinfo(fn, "u")
  if not info.nparams then return nil end
  for i = 1, info.nparams do
    local name = debug.getlocal(fn, i)
    names[#names + 1] = name == "given" and "options" or (name ~= "self" and name or nil)
  end
  if info.isvararg then names[#names + 1] = "..." end
  return names
end

local function check_functions(class, real)
  local documented = functions_of(class)
  assert_same_names(class, keys_of(documented), keys_of(real))
  for name, item in pairs(documented) do
    local parameters = parameters_of(real[name])
    if parameters then
      assert.equal(table.concat(parameters, ", "), table.concat(item.arguments, ", "), class .. "." .. name)
    end
  end
end

local function functions_in(module)
  local functions, values = {}, {}
  for name, value in pairs(module) do
    if type(value) == "function" then functions[name] = value else values[name] = value end
  end
  return functions, values
end

local VERBS = { "get", "head", "post", "put", "patch", "delete", "options", "request" }

describe("the names of", function()
  it("the module", function()
    local functions, values = functions_in(lull)
    local methods = methods_of(lull.client {})
    for _, verb in ipairs(VERBS) do functions[verb] = methods[verb] end
    check_functions("lull", functions)
    assert_same_names("lull", fields_of "lull", keys_of(values))
  end)

  it("JSON and sim", function()
    local functions, values = functions_in(lull.json)
    check_functions("lull.json", functions)
    assert_same_names("lull.json", fields_of "lull.json", keys_of(values))
    functions, values = functions_in(require "lull.sim")
    check_functions("lull.sim", functions)
    assert.same({}, values)
  end)

  it("clients and secrets", function()
    check_functions("lull.client", methods_of(lull.client {}))
    check_functions("lull.secret", methods_of(lull.secret "x"))
    assert_same_names("lull.file", fields_of "lull.file", keys_of(lull.file "x"))
  end)

  it("options", function()
    assert_same_names("a client's options", fields_of "lull.client_options", keys_of(options.CLIENT))
    assert_same_names("a call's options", fields_of "lull.call_options", keys_of(options.CALL))
    for name, fields in pairs(policy.FIELDS) do
      local class = name == "rule" and "lull.rule_options" or "lull." .. name
      local documented = fields_of(class)
      documented["[1]"] = nil
      assert_same_names(name, documented, keys_of(fields))
    end
    assert_same_names("retry", fields_of "lull.retry_options", keys_of(require "lull.attempt".RETRY))
    assert_same_names("each", fields_of "lull.each_options", hidden(require "lull.tasks".each, "OPTIONS"))
    assert_same_names("sim.run", fields_of "lull.sim_options", hidden(require "lull.sim".run, "OPTIONS"))
  end)

  it("presets, outcomes and other words", function()
    assert_same_names("lull.preset", words_of "lull.preset_name", keys_of(lull.preset))
    assert_same_names("an outcome", words_of "lull.class", keys_of(core.classes()))
    local words = core.words()
    assert_same_names("why", words_of "lull.why", set_of(words.why))
    assert_same_names("source", words_of "lull.source", set_of(words.source))
    assert_same_names("hint", words_of "lull.hint_source", set_of(words.hint))
    assert_same_names("cause", words_of "lull.cause", set_of(words.cause))
    assert_same_names("an action", words_of "lull.action", policy.WORDS.action)
    assert_same_names("kind", choices("lull.backoff", "kind"), policy.WORDS.kind)
    assert_same_names("jitter", choices("lull.backoff", "jitter"), policy.WORDS.jitter)
    assert_same_names("http", choices("lull.client_options", "http"), options.WORDS.http)
  end)

  it("answers and faults of a world", function()
    local normalize = require "lull.sim.answer".normalize
    assert_same_names("an answer", fields_of "lull.answer", hidden(normalize, "FIELDS"))
    local faults = keys_of(hidden(normalize, "FAULTS"))
    faults["lull.class"] = true
    assert_same_names("a fault", words_of "lull.fault", faults)
  end)

  it("exit codes, here and in the command line's page", function()
    local exit = require "lull.exit"
    local documented = words_of "lull.exit_code"
    documented.integer = nil
    local codes = {}
    for _, code in ipairs { 0, 1, exit.USAGE, exit.NOT_LOADED, exit.CRASHED, exit.LATER, 128 + 1, 128 + 2, 128 + 15 } do
      codes[tostring(code)] = true
    end
    assert_same_names("the command", documented, codes)
    local section = wire.read "docs/command.md":match "\n## Exit codes\n(.-)\n## "
    local told = {}
    for cell in section:gmatch "\n| ([%d, ]+) |" do
      for code in cell:gmatch "%d+" do told[code] = true end
    end
    assert_same_names("docs/command.md", documented, told)
  end)

  it("the command's options, in its page", function()
    local page, wrong = wire.read "docs/command.md", {}
    local parsers = { require "lull.cli.switches".parser(), require "lull.cli.sim".parser() }
    for _, method in ipairs(require "lull.cli.flags".METHODS) do
      parsers[#parsers + 1] = require "lull.cli.flags".parser(method)
    end
    for _, parser in ipairs(parsers) do
      for _, option in ipairs(parser._options) do
        for _, alias in ipairs(option._aliases) do
          if not page:find("`" .. alias, 1, true) then wrong[#wrong + 1] = alias end
        end
      end
    end
    assert.equal("", table.concat(wrong, "\n"))
  end)
end)

-- ---- what real objects have ----------------------------------------------

-- What lull keeps in an object for itself.
local INTERNAL = {
  ["lull.response"] = set_of { "accepted", "packed", "ruled", "rules" },
  ["lull.error"] = set_of { "outcome", "packed", "rules", "stop_reason", "why_text" },
  ["lull.attempt"] = set_of { "class", "may_retry", "packed", "rule", "rules", "text", "weighing" },
  ["lull.task"] = set_of { "blocked", "co", "err", "failed", "fn", "group", "joiners", "number", "owned", "parent",
    "pending", "results", "resumer", "seen", "sleeping", "started", "state", "traceback" },
}

local seen = {}

-- Notes the fields that an object of a class has, also those that are made
-- when they are asked for.
local function note(class, object)
  seen[class] = seen[class] or {}
  for name in pairs(object) do seen[class][name] = true end
  for name in pairs(fields_of(class)) do
    if object[name] ~= nil then seen[class][name] = true end
  end
end

local function note_history(list)
  for _, entry in ipairs(list) do note("lull.history_entry", entry) end
end

local function note_outcome(res, err)
  if res then
    note_history(res.history)
    note("lull.response", res)
  else
    note_history(err.history)
    note("lull.error", err)
    if err.response then note_outcome(err.response) end
  end
end

local DATE = "Thu, 01 Jan 2026 00:00:07 GMT"
local cut = 0

local function whole_or_cut()
  cut = cut + 1
  local headers = { etag = '"one"', ["content-range"] = cut > 1 and "bytes 3-5/6" or nil }
  if cut > 1 then return { status = 206, headers = headers, body = "def" } end
  return { status = 200, headers = headers, body = "abcdef", cut = 3 }
end

local tight = require "bench.limits".leaky(10, 2)

local SERVERS = {
  ["/ok"] = function() return 200, nil, "{}" end,
  ["/dated"] = function(_, n) if n % 2 == 1 then return 503, { ["retry-after"] = DATE } end return 200 end,
  ["/later"] = function() return 429, { ["retry-after"] = "9999" } end,
  ["/down"] = function() return 503 end,
  ["/reset"] = function() return "reset" end,
  ["/tight"] = function() return tight.ask(require "lull".now()) and 200 or 429 end,
  ["/proxy"] = function() return { fault = "net.proxy" } end,
  ["/moved"] = function() return 302, { location = "/ok" } end,
  ["/slow"] = function() return { status = 200, delay = 5 } end,
  ["/file"] = whole_or_cut,
  ["/gone"] = function() return { status = 410, body = "abcdef", cut = 3 } end,
  ["/quota"] = function() return 200, { ["ratelimit-limit"] = "10", ["ratelimit-remaining"] = "3",
    ["ratelimit-reset"] = "60" } end,
}

local function watch_attempt(attempt)
  note("lull.attempt", attempt)
  if attempt.hint then note("lull.hint", attempt.hint) end
end

local function calls(own)
  note_outcome(own.get("http://api.test/ok", { limit = "1/s" }))
  note_outcome(own.get("http://api.test/ok", { limit = "1/s" }))
  note_outcome(own.get "http://api.test/moved")
  note_outcome(own.get("http://api.test/dated", { deadline = "1h", on = { [503] = watch_attempt } }))
  note_outcome(own.get("http://api.test/reset", { attempts = 2, on = { net = watch_attempt } }))
  note_outcome(own.get("http://api.test/down", { attempts = 2, on = { [503] = function(attempt)
    if #attempt.history == 1 then return attempt:retry { free = true, wait = 1 } end
  end } }))
  note_outcome(own.get "http://api.test/later")
  note_outcome(own.get("http://api.test/down", { lane = "poor", budget = { capacity = 0.5 } }))
  own.get("http://api.test/ok", { lane = "slow", limit = "1/m" })
  note_outcome(own.get("http://api.test/ok", { lane = "slow", deadline = 5 }))
  note_outcome(own.get("http://api.test/slow", { hedge = 1 }))
  local heavy = own.client { lane = "heavy", limit = { tokens = { "9/1s", weight = function(request)
    note("lull.weighed_request", request)
    return 1
  end } }, on = { [200] = watch_attempt } }
  note_outcome(heavy:get "http://api.test/ok")
  note_outcome(heavy:post("http://api.test/ok", { json = {} }))
  note_outcome(heavy:post("http://api.test/ok", { form = {} }))
  note_outcome(heavy:put("http://api.test/ok", { file = wire.write "x" }))
  for _, window in ipairs(own.lanes().heavy.weighed) do note("lull.lane_weight", window) end
  -- Of a lane that processes share by a Redis, as its script tells it.
  local machines = require("lull.lanes").machines "1 2 3000 here 4"
  note("lull.lane", { machines = machines })
  note("lull.lane_machine", machines[1])
  local many = own.client { lane = "tight" }
  own.each({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { parallel = 9 }, function() return many:get "http://api.test/tight" end)
  note_outcome(own.get("http://api.test/file", { output = wire.path() }))
  note_outcome(own.get "http://api.test/quota")
  note_outcome(own.get("http://api.test/gone", { on = { [410] = function(attempt)
    watch_attempt(attempt)
    return attempt:accept()
  end } }))
  note_outcome(own.get "http://api.test/proxy")
end

local function cancelled_call(own)
  local result
  local task = own.spawn(function() return own.get "http://api.test/slow" end)
  own.sleep(1)
  note("lull.task", task)
  task:cancel()
  own.sleep(1)
  note("lull.task", task)
  result = own.spawn(function() end)
  result:join()
  note("lull.task", result)
  return result
end

describe("the fields of", function()
  local objects = {}

  setup(function()
    local servers = { ["http://api.test"] = function(request, n)
      note("lull.request", request)
      return SERVERS[request.route](request, n)
    end }
    local function script(own)
      local trace, sched, lanes = require "lull.trace", require "lull.sched", require "lull.lanes"
      require "lull.client".observe("started", trace.number)
      sched.on("verdict", function(id, d) note("lull.log_entry", trace.record(id, d, 0, lanes.news(d.lane))) end)
      calls(own)
      objects.task = cancelled_call(own)
      for _, lane in pairs(own.lanes()) do note("lull.lane", lane) end
      objects.response = own.get "http://api.test/ok"
      objects.headers = objects.response.headers
      own.get("http://api.test/ok", { on = { [200] = function(attempt) objects.attempt = attempt end } })
      note("lull.target", objects.attempt.request)
      own.get("http://api.test/ok", { lane = function(request)
        note("lull.target", request)
        return "another"
      end })
      assert(sched.engine():chaos { share = 1, status = 503 })
      note_outcome(own.get("http://api.test/ok", { attempts = 1 }))
    end
    support.sim(servers, script)
    local sim = require "lull.sim"
    local run = sim.run { script = function()
      local own = require "lull"
      own.get("http://api.test/later", { max_hint = 0 })
      own.get("http://api.test/down", { attempts = 2 })
      error "on purpose"
    end, world = function(request, n) return SERVERS[request.route](request, n) end }
    note("lull.transcript", run)
    for _, verdict in ipairs(run.verdicts) do note("lull.transcript_verdict", verdict) end
    run = sim.run { script = function() require "lull".get("http://api.test/ok", { attempts = 1 }) end,
      world = function() return 200 end, chaos = "100% 503" }
    for _, verdict in ipairs(run.verdicts) do note("lull.transcript_verdict", verdict) end
    lull = support.fresh()
  end)

  teardown(wire.clean)

  for _, class in ipairs { "response", "error", "attempt", "task", "lane", "hint", "history_entry", "log_entry",
    "request", "target", "weighed_request", "lane_weight",
    "lane_machine", "transcript", "transcript_verdict" } do
    it(class, function()
      local real = {}
      for name in pairs(seen["lull." .. class]) do
        if not (INTERNAL["lull." .. class] or {})[name] then real[name] = true end
      end
      assert_same_names(class, fields_of("lull." .. class), real)
    end)
  end

  it("what has methods, and its methods", function()
    for class, object in pairs(objects) do check_functions("lull." .. class, methods_of(object)) end
  end)
end)
