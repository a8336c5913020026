-- The binary: what it prints where, its exit codes, its signals; and every
-- example, in simulation and over real sockets. Runs once, not on every Lua.
local socket = require "socket"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"
local HERE = wire.run "pwd".out:match "[^\n]*"
if BINARY:sub(1, 1) ~= "/" then BINARY = HERE .. "/" .. BINARY end

-- Runs lull with these arguments, as a shell would take them.
local function lull(arguments, input) return wire.run(wire.quote(BINARY) .. " " .. arguments, input) end

-- The same with a script's text before the arguments.
local function script(text, options, arguments)
  return lull(("%s %s %s"):format(options or "", wire.write(text, ".lua"), arguments or ""))
end

local function lines_of(text)
  local list = {}
  for line in text:gmatch "([^\n]*)\n" do list[#list + 1] = line end
  return list
end

local function has(text, part)
  assert.is_truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
end

local function lacks(text, part)
  assert.is_nil(text:find(part, 1, true), ("%q is in:\n%s"):format(part, text))
end

-- One clear sentence on standard error, and nothing else anywhere.
local function refused(result, code, ...)
  assert.are.equal(code, result.code, result.err)
  assert.are.equal("", result.out)
  assert.are.equal(1, #lines_of(result.err), result.err)
  assert.are.equal("lull: ", result.err:sub(1, 6))
  for _, part in ipairs { ... } do has(result.err, part) end
end

local REFUSED = "http://127.0.0.1:1/" -- port 1: nobody listens there

describe("the binary #binary", function()
  after_each(wire.clean)

  -- ---- scripts ------------------------------------------------------------

  it("runs a script with its arguments, which are not lull's", function()
    local path = wire.write("print(arg[0]) print(#arg, ...)", ".lua")
    local result = lull(path .. " a 'b c' --trace -x --")
    assert.are.equal(0, result.code)
    assert.are.equal(path .. "\n5\ta\tb c\t--trace\t-x\t--\n", result.out)
    assert.are.equal("", result.err)
    assert.are.equal(path .. "\n1\tx\n", lull("-- " .. path .. " x").out)
  end)

  -- What is loaded when it is first used took another copy's parts, or none:
  -- a secret of its own was no secret then, and its header was not sent.
  describe("loads what a script may never use from its own copy of lull", function()
    local SAYS = [[return { ["http://api.test"] = function(request)
      return 200, nil, request.headers.authorization or "none" end }]]
    local ASK = [[
    print(lull.get(arg[1], { headers = { authorization = token } }).body)
    print(lull.post(arg[1], { key = true, body = file, headers = { authorization = token } }).body)
    print(pcall(lull.client, { backoff = "x" }))
    ]]

    local function check(before)
      local server = wire.server(SAYS)
      local result = script(before .. ASK, "", server.url .. "/")
      assert.are.equal("", result.err)
      local lines = lines_of(result.out)
      assert.are.same({ "token", "token" }, { lines[1], lines[2] })
      assert.matches("^false\t[^\t]*%d+%.lua:%d+: backoff: 'x' is no backoff", lines[3])
    end

    it("when lull.sim runs a script with a copy of its own", function()
      check [[
      local lull, sim = require "lull", require "lull.sim"
      local token, path, file = lull.secret "token", arg[0], nil
      sim.run { world = sim.replies { 200 }, script = function()
        file = lull.file(path)
        require "lull".get("http://a.test/", { headers = { a = "b" } })
      end }
      ]]
    end)

    -- What `require` had loaded was loaded once more, and did not know its own objects.
    it("also one that was required before it was used", function()
      local result = script([[
      local lull = require "lull"
      local token = require "lull.token"
      print(token.is(lull.token(function() return "x" end)))
      ]])
      assert.are.same({ "true\n", "" }, { result.out, result.err })
    end)

    it("when a script guards what Lua knows of modules", function()
      check [[
      local lull = require "lull"
      local token, file = lull.secret "token", lull.file(arg[0])
      setmetatable(package.loaded, { __newindex = function(_, name) error("no " .. name) end })
      ]]
    end)

    it("when a script has cleared what Lua knows of modules, and globals", function()
      check [[
      local lull = require "lull"
      local token, file = lull.secret "token", lull.file(arg[0])
      for name in pairs(package.loaded) do
        if name:find "^lull" then package.loaded[name] = nil end
      end
      for name in pairs(package.preload) do package.preload[name] = nil end
      require, rawset, debug = nil, nil, nil -- luacheck: ignore
      ]]
    end)
  end)

  -- Its memory is not given back piece by piece; what has an end still has it,
  -- the youngest first, and what that prints is written.
  it("ends what a script has left open", function()
    local path = wire.path()
    local result = script([[
    local function ended(name)
      local thing = newproxy and newproxy(true) or setmetatable({}, {})
      getmetatable(thing).__gc = function() print(name) end
      return _VERSION == "Lua 5.1" and thing or setmetatable(thing, getmetatable(thing))
    end
    FIRST, SECOND = ended "first", ended "second"
    FILE = io.open(arg[1], "w")
    FILE:write "held back"
    require "lull".exit(7)
    ]], nil, path)
    assert.are.same({ 7, "second\nfirst\n", "" }, { result.code, result.out, result.err })
    assert.equal("held back", wire.read(path))
  end)

  -- What is embedded has its lines, for messages, but not the names of local
  -- variables: half of the strings that are read at a start.
  it("has its own modules with their lines, and without what only we would read", function()
    local result = script [[
    local get = require "lull".get
    local info = debug.getinfo(get, "SL")
    print(info.short_src, next(info.activelines) > info.linedefined)
    print(_VERSION, debug.getlocal(require "lull".each, 1), (debug.getupvalue(get, 1)))
    ]]
    local lines = lines_of(result.out)
    assert.are.equal("lull.lua\ttrue", lines[1])
    if lines[2]:find "^Lua 5.4" then assert.are.equal("Lua 5.4\tnil\t(no name)", lines[2]) end
  end)

  it("runs a spec of busted's, with nothing else of lull installed", function()
    local spec = [[
    require "busted.runner" ()
    local sim = require "lull.sim"
    it("is simulated", function()
      local run = sim.run { world = sim.replies { 503, 200 },
        script = function() print(require("lull").get("http://a.test/").attempts) end }
      assert.equal(%q, run.output)
    end)
    ]]
    for wanted, code in pairs { ["2\n"] = 0, ["3\n"] = 1 } do
      local path = wire.write(spec:format(wanted), "_spec.lua")
      local result = wire.run(("cd / && env -u LUA_PATH -u LUA_CPATH %s %s"):format(wire.quote(BINARY), path))
      assert.are.equal(code, result.code, result.out .. result.err)
      has(result.out, code == 0 and "1 success" or "1 failure")
    end
  end)

  it("reads a script from standard input", function()
    local result = lull("- one two", "print(arg[0], ...)")
    assert.are.equal(0, result.code)
    assert.are.equal("-\tone\ttwo\n", result.out)
    refused(lull("-", "x = = 1"), 3, "stdin:1:")
  end)

  it("is what a shebang calls", function()
    local bin = wire.path()
    os.execute(("mkdir %s && ln -s %s %s/lull"):format(bin, wire.quote(BINARY), bin))
    local path = wire.write "#!/usr/bin/env lull\nprint('hello', ...)\n"
    os.execute("chmod +x " .. path)
    local result = wire.run(("PATH=%s:$PATH %s there"):format(bin, path))
    assert.are.equal("hello\tthere\n", result.out)
    assert.are.equal(0, result.code)
  end)

  it("runs from any directory, and needs none of its files", function()
    local elsewhere = wire.path()
    os.execute(("mkdir %s && cp %s %s/copied"):format(elsewhere, wire.quote(BINARY), elsewhere))
    local path = wire.write("local lull = require 'lull' print(lull.version, lull.json.encode { 1 })", ".lua")
    local result = wire.run(("cd %s && LUA_PATH=';;' ./copied %s"):format(elsewhere, path))
    assert.are.equal(0, result.code, result.err)
    assert.is_truthy(result.out:match "^%d+%.%d+%.%d+\t%[1%]\n$")
  end)

  -- argparse was looked for, read and compiled at each start with an option, a
  -- quarter of its instructions. A script's own argparse is its own affair.
  it("reads its options where no argparse is installed", function()
    local bare = "LUA_PATH=/nowhere/?.lua " .. wire.quote(BINARY)
    local help = wire.run(bare .. " get --help")
    assert.are.same({ 0, "" }, { help.code, help.err })
    has(help.out, "--attempts")
    local own = wire.run(bare .. " " .. wire.write("print(pcall(require, 'argparse'))", ".lua"))
    has(own.out, "module 'argparse' not found")
  end)

  -- With a soft limit of 1024, as most systems have it, two thousand calls at
  -- once ended half of them for want of descriptors.
  it("may open as many files as the hard limit lets it", function()
    local path = wire.write([[
    for line in io.lines "/proc/self/limits" do
      if line:find "^Max open files" then print(line:match "(%d+)%s+(%d+)") end
    end
    ]], ".lua")
    local result = wire.run(("ulimit -Sn 50; ulimit -Hn 300; %s %s"):format(wire.quote(BINARY), path))
    assert.are.same({ code = 0, out = "300\t300\n", err = "" }, result)
  end)

  it("a script that is not there or is no Lua did not load: 3", function()
    refused(lull "no/such/script.lua", 3, "no/such/script.lua", "No such file")
    local path = wire.write("local x = 1\nx = = 2\n", ".lua")
    refused(lull(path), 3, path .. ":2:", "near '='")
    refused(lull "/", 3, "/")
  end)

  it("a script that raises fails: 1, with the line and a traceback", function()
    local result = script "local function f()\n  error 'boom'\nend\nf()"
    assert.are.equal(1, result.code)
    assert.is_truthy(result.err:match "^lull: [^\n]*:2: boom\nstack traceback:\n")
    assert.is_truthy(result.err:match ":4: in ")
    lacks(result.err, "src/lull")
    refused(script "error { a = 1 }", 1, "error object is a table value")
    refused(script "error()", 1, "error object is a nil value")
    refused(script "error(setmetatable({}, { __tostring = function() return 'of its own kind' end }))", 1,
      "of its own kind")
  end)

  it("an error of lull that nobody handles is one sentence", function()
    local result = script(("assert(require('lull').get('%s', { attempts = 1 }))"):format(REFUSED))
    refused(result, 75, "GET " .. REFUSED .. ": ", "refused", "after 1 attempt in ", ": attempts used up")
  end)

  it("misuse is told at the script's line", function()
    local result = script "local lull = require 'lull'\nlull.get('http://a.test/', { tiemout = 3 })"
    assert.are.equal(1, result.code)
    assert.is_truthy(result.err:match "^lull: [^\n]*%.lua:2: unknown option 'tiemout' %(did you mean 'timeout'%?%)\n")
  end)

  it("ends with the code of lull.exit, from whichever task, or of os.exit", function()
    assert.are.equal(0, script "require('lull').exit()".code)
    assert.are.equal(42, script "require('lull').exit(42)".code)
    assert.are.equal(7, script "os.exit(7)".code)
    local result = script [[
    local lull = require "lull"
    lull.spawn(function() lull.sleep(0.001) print "first" lull.exit(5) end)
    lull.sleep(100)
    print "never"
    ]]
    assert.are.same({ 5, "first\n", "" }, { result.code, result.out, result.err })
  end)

  it("waits for tasks that still run when the script ends", function()
    local result = script [[
    local lull = require "lull"
    lull.spawn(function()
      lull.sleep(0.01)
      lull.spawn(function() lull.sleep(0.01) print "third" end)
      print "second"
    end)
    print "first"
    ]]
    assert.are.same({ 0, "first\nsecond\nthird\n" }, { result.code, result.out })
  end)

  it("an error in a task that nobody joins fails the script", function()
    local result = script [[
    local lull = require "lull"
    lull.spawn(function() lull.sleep(0.001) error "lost" end)
    lull.spawn(function() lull.sleep(0.01) print "another" end)
    ]]
    assert.are.equal(1, result.code)
    assert.are.equal("another\n", result.out)
    assert.is_truthy(result.err:match "^lull: [^\n]*:2: lost\nstack traceback:\n")
  end)

  it("tasks that sleep on nothing are named", function()
    refused(script "local t t = require('lull').spawn(function() t.joiners = {} coroutine.yield() end)", 1,
      "asleep", ".lua:1")
  end)

  -- It was told as an error of the script's, with a traceback; and what wrote
  -- by io.write went on for nobody. Other tools end without a word.
  it("a closed pipe ends a script that prints for ever, without a word", function()
    for _, line in ipairs { "print 'y'", "io.write 'y\\n'", "io.stdout:write 'y\\n'", "pcall(print, 'y')" } do
      local path = wire.write(("while true do %s end"):format(line), ".lua")
      local result = wire.run(("{ %s %s; echo $? >&3; } 3>&2 | head -2"):format(wire.quote(BINARY), path))
      assert.are.same({ "y\ny\n", "1\n" }, { result.out, result.err }, line)
    end
  end)

  it("a closed pipe of a log or a body, too", function()
    local world = wire.write("return { ['http://api.test'] = function() return 200, nil, ('y\\n'):rep(1e5) end }",
      ".lua")
    local path = wire.write("while true do require('lull').get 'http://api.test/' end", ".lua")
    for _, arguments in ipairs { "--log - --sim %s " .. path, "get --sim %s http://api.test/" } do
      local result = wire.run(("{ %s %s; echo $? >&3; } 3>&2 | head -c 1"):format(wire.quote(BINARY),
        arguments:format(world)))
      assert.are.same({ 1, "1\n" }, { #result.out, result.err }, arguments)
    end
  end)

  -- The pipe that signals come by took the place of the closed one, and what
  -- was printed was taken for a signal.
  it("a closed output is no success either, and no signal", function()
    local path = wire.write("print 'lost' require('lull').sleep(0.01) io.stderr:write 'after\\n'", ".lua")
    local result = wire.run(("%s %s <&- >&-"):format(wire.quote(BINARY), path))
    assert.are.equal(1, result.code)
    has(result.err, "cannot write to standard output")
  end)

  it("output that cannot be written is no success", function()
    local path = wire.write("io.write 'lost'", ".lua")
    local result = wire.run(("%s %s >/dev/full"):format(wire.quote(BINARY), path))
    assert.are.equal(1, result.code)
    assert.are.equal("lull: cannot write to standard output: No space left on device\n", result.err)
  end)

  -- A log on a full disk ended with 0, and nobody was told; a print that failed
  -- ended the script half way.
  it("what cannot be written is said at once, and once; the run goes on: 1", function()
    local world = wire.write("return { ['http://api.test'] = function() return 200 end }", ".lua")
    local path = wire.write([[
    local lull = require "lull"
    io.stdout:setvbuf "no"
    for i = 1, 3 do
      lull.get("http://api.test/" .. i)
      print(i)
      io.stderr:write("call ", i, "\n")
    end
    ]], ".lua")
    local lost = "lull: cannot write to %s: No space left on device\n"
    local calls = "call 1\ncall 2\ncall 3\n"
    local result = lull(("--sim %s %s >/dev/full"):format(world, path))
    assert.are.same({ 1, "", lost:format "standard output" .. calls }, { result.code, result.out, result.err })
    result = lull(("--sim %s --log /dev/full %s"):format(world, path))
    assert.are.same({ 1, "1\n2\n3\n", lost:format "/dev/full" .. calls }, { result.code, result.out, result.err })
    result = lull(("--sim %s --record /dev/full %s"):format(world, path))
    assert.are.same({ 1, "1\n2\n3\n", lost:format "/dev/full" .. calls }, { result.code, result.out, result.err })
    result = lull(("--sim %s --log - %s >/dev/full"):format(world, path))
    assert.are.same({ 1, "", lost:format "standard output" .. calls }, { result.code, result.out, result.err })
    -- What a script writes itself is seen when the loop comes round.
    result = script([[
    io.stdout:setvbuf "no"
    require("lull").spawn(function() io.stdout:write "lost" end)
    require("lull").sleep(0)
    io.stderr:write "after\n"
    ]], "", ">/dev/full")
    assert.are.same({ 1, "lull: cannot write to standard output\nafter\n" }, { result.code, result.err })
  end)

  it("what cannot be written does not pass for work that is left: 1, and no 75", function()
    local world = wire.write([[
    return { ["http://api.test"] = function() return 503, { ["retry-after"] = "3600" } end }
    ]], ".lua")
    local result = script("assert(require('lull').get 'http://api.test/')", "--log /dev/full --sim " .. world)
    assert.are.equal(1, result.code)
    for _, command in ipairs { "--version", "get --help", "help", "sim none --clients 1" } do
      assert.are.equal(1, lull(command .. " >/dev/full").code, command)
    end
    assert.are.equal(1, lull("sim none --clients 1 --svg /dev/full").code)
  end)

  it("something to be tried later: 75", function()
    local world = wire.write([[
    return { ["http://api.test"] = function() return 503, { ["retry-after"] = "3600" } end }
    ]], ".lua")
    local result = script("assert(require('lull').get 'http://api.test/')", "--sim " .. world)
    refused(result, 75, "503 Service Unavailable after 1 attempt", "1h")
    result = script("assert(require('lull').get('http://api.test/', { max_hint = '2h', attempts = 2 }))",
      "--sim " .. world)
    refused(result, 75, "attempts used up")
  end)

  -- ---- options ------------------------------------------------------------

  it("--help fits on a screen and goes to standard output", function()
    for _, option in ipairs { "--help", "-h" } do
      local result = lull(option)
      assert.are.equal(0, result.code)
      assert.are.equal("", result.err)
      assert.is_true(#lines_of(result.out) <= 24)
      for _, word in ipairs { "--sim", "--seed", "--log", "--trace", "--quiet", "--version", "75", "130" } do
        has(result.out, word)
      end
      for _, line in ipairs(lines_of(result.out)) do assert.is_true(#line <= 100, line) end
    end
  end)

  it("help is a command, too", function()
    assert.are.same(lull "--help", lull "help")
    for _, command in ipairs { "get", "sim", "plan" } do
      assert.are.same(lull(command .. " --help"), lull("help " .. command))
    end
    refused(lull "help hlep", 2, "no command is called 'hlep' (did you mean 'help'?)")
  end)

  it("--version tells lull and what it is made of", function()
    local result = lull "--version"
    assert.are.equal(0, result.code)
    for _, word in ipairs { "lull ", "Lua 5.", "libcurl/", "SSL/", "lua-cjson " } do has(result.out, word) end
    assert.are.equal(result.out, lull "-v".out)
  end)

  it("misuse of the command line: 2", function()
    refused(lull "", 2, "no script", "--help")
    refused(lull "--trce x.lua", 2, "unknown option '--trce' (did you mean '--trace'?)")
    refused(lull "--sede=1 x.lua", 2, "did you mean '--seed'?")
    refused(lull "-q x.lua", 2, "-q")
    refused(lull "--seed", 2, "--seed")
    local path = wire.write("print(1)", ".lua")
    for _, seed in ipairs { "x", "1.5", "1e300", "''" } do
      refused(lull("--seed " .. seed .. " " .. path), 2, "--seed")
    end
    local journal = lull("--journal redis://127.0.0.1:1/x " .. path)
    refused(journal, 2, "lull: the journal's URL names no database; in Redis it is redis://")
    assert.is_nil(journal.err:find "traceback")
    refused(lull("--log /no/such/dir/log " .. path), 2, "--log", "/no/such/dir/log")
  end)

  it("--seed fixes every draw", function()
    local text = [[
    local lull = require "lull"
    local res, err = lull.get("%s", { attempts = 4, backoff = { base = 0.001, jitter = "full" } })
    for _, entry in ipairs(err.history) do print(entry.wait) end
    ]]
    local function waits(options) return script(text:format(REFUSED), options).out end
    assert.are.equal(waits "--seed 1", waits "--seed=1")
    assert.are_not.equal(waits "--seed 1", waits "--seed 2")
    assert.are_not.equal(waits "", waits "")
    assert.are.equal(waits "--seed 9007199254740991", waits "--seed 9007199254740991")
  end)

  -- ---- trace and log ------------------------------------------------------

  local STORY = wire.quote "scripts/worlds/examples.lua"

  it("--trace is one line a verdict on standard error", function()
    local urls = "http://api.test/hello http://api.test/gone"
    local result = lull("--sim " .. STORY .. " --seed 1 --trace scripts/get.lua " .. urls)
    local traced = lines_of(result.err)
    assert.are.equal(3, #traced, result.err)
    has(traced[1], "#1 GET http://api.test/hello")
    has(traced[1], "attempt 1 of 5: 503 Service Unavailable -> retry in ")
    has(traced[1], "(backoff)")
    has(traced[2], "#2 GET http://api.test/gone")
    has(traced[2], "404 Not Found -> stop: rule")
    has(traced[3], "attempt 2 of 5: 200 OK -> accept")
    assert.are.equal(result.err, lull("--trace --seed 1 --sim " .. STORY .. " scripts/get.lua " .. urls).err)
  end)

  -- What the server saw was in no log when the call ended while the script was
  -- being asked: cancelled, or by an error in the rule.
  it("an outcome that is never decided is told all the same", function()
    local world = wire.write 'return { ["http://c.test"] = function() return 503 end }'
    local story = wire.write [[
      local lull = require "lull"
      local slow = lull.client { on = { [503] = function() lull.sleep(10) end } }
      local task = lull.spawn(function() slow:get "http://c.test/slow" end)
      lull.sleep(1)
      task:cancel()
      local wrong = lull.client { on = { [503] = function() error "oh" end } }
      lull.try(wrong.get, wrong, "http://c.test/wrong")
    ]]
    local traced = lines_of(lull(("--sim %s --trace %s"):format(world, story)).err)
    assert.are.equal(2, #traced)
    has(traced[1], "#1 GET http://c.test/slow  attempt 1 of 5: 503 Service Unavailable -> stop: cancelled [rule 503]")
    has(traced[2], "#2 GET http://c.test/wrong  attempt 1 of 5: 503 Service Unavailable -> stop: cancelled [rule 503]")
  end)

  -- The leg that lost had the call's next URL, and its number was gone.
  it("both legs of a hedged call are told with its number and where they went", function()
    local world = wire.write [[
      local lull = require "lull"
      local n = 0
      return { ["http://a.test"] = function(request)
        if request.path == "/end" then return 200 end
        n = n + 1
        if n == 1 then lull.sleep(5) end
        return 302, { location = "/end" }
      end }
    ]]
    local story = wire.write [[
      require "lull".client { hedge = 0.5 }:get "http://a.test/begin"
    ]]
    local traced = lines_of(lull(("--sim %s --trace %s"):format(world, story)).err)
    assert.are.equal(3, #traced)
    has(traced[1], "#1 GET http://a.test/begin  attempt 2 of 5: 302 Found -> follow [hedge]")
    has(traced[2], "#1 GET http://a.test/begin  attempt 1 of 5: cancelled -> stop: cancelled")
    has(traced[3], "#1 GET http://a.test/end  attempt 2 of 5: 200 OK -> accept")
  end)

  it("--log is one JSON object a verdict", function()
    local log = wire.path()
    local result = lull(("--sim %s --seed 1 --log %s scripts/status.lua"):format(STORY, log))
    assert.are.equal("", result.err)
    local records = wire.json_lines(log)
    assert.are.equal(7 + 4 + 1, #records)
    local before = 0
    for i, record in ipairs(records) do
      assert.are.equal("GET", record.method)
      assert.is_true(record.time >= before)
      before = record.time
      assert.are.equal(i <= 7 and 1 or i <= 11 and 2 or 3, record.call)
      assert.is_truthy(record.url:match "^http://api%.test/")
      assert.is_truthy(({ accept = true, retry = true, stop = true })[record.verdict])
      assert.is_number(record.wall)
    end
    assert.are.same({ 429, "hint", 1, "retry-after" },
      { records[1].status, records[1].source, records[1].hint_seconds, records[1].hint })
    assert.are.same({ 503, "rule", 2, true },
      { records[8].status, records[8].source, records[8].wait, records[8].asked })
  end)

  -- A lane may be named by whatever a script has at hand: its bytes made the log
  -- no UTF-8, and moved the cursor of who looked at the trace.
  it("control bytes and what is no UTF-8 are shown as such", function()
    local world = wire.write("return { ['http://api.test'] = function() return 200 end }", ".lua")
    local log = wire.path()
    local result = script([[
    local lull = require "lull"
    for _ = 1, 2 do
      lull.get("http://api.test/", { lane = "a\1b\255c\27[31m\237\160\128\195\169", limit = "1/s" })
    end
    for name in pairs(lull.lanes()) do print((name:gsub("[%c\128-\255]", "?"))) end
    ]], "--trace --log " .. log .. " --sim " .. world)
    has(result.err, "for rate of lane a\\x01b\\xFFc\\x1B[31m\\xED\\xA0\\x80\195\169]")
    assert.are.equal("a?b?c?[31m?????\n", result.out)
    has(wire.read(log), '"lane":"a\\u0001b\\\\xFFc\\u001b[31m\\\\xED\\\\xA0\\\\x80\195\169"')
  end)

  it("--log - is standard output", function()
    local world = wire.write("return { ['http://api.test'] = function() return 200 end }", ".lua")
    local result = script("print(require('lull').get 'http://api.test/')", "--log - --sim " .. world)
    local lines = lines_of(result.out)
    assert.are.equal(2, #lines)
    has(lines[1], '"verdict":"accept"')
    assert.are.same({ "200 OK", "", 0 }, { lines[2], result.err, result.code })
  end)

  it("secrets reach neither trace nor log nor errors", function()
    local world = wire.write([[
    return { ["http://api.test"] = function(request)
      if request.path == "/moved" then return 302, { location = "/to?token=tok-query" } end
      return 503, { ["set-cookie"] = "session=cookie-set" }
    end }
    ]], ".lua")
    local log = wire.path()
    local result = script([[
    local lull = require "lull"
    local api = lull.client { attempts = 2,
      headers = { authorization = "Bearer tok-auth", cookie = "a=tok-cookie", ["x-api-key"] = "tok-key",
        ["proxy-authorization"] = "tok-proxy", ["x-mine"] = lull.secret "tok-wrapped" } }
    local secret = lull.secret "tok-query"
    print(tostring(secret), api)
    local _, err = api:get("http://user:tok-pass@api.test/a", { query = { token = secret } })
    print(err, err.url)
    print(api:post("http://api.test/b", { json = { key = secret }, key = true }))
    print(api:get("http://user:tok-pass@api.test/moved"))
    print(pcall(api.get, api, "ftp://user:tok-pass@api.test/?t=tok-query"))
    lull.spawn(function() error("in a task: " .. "tok-query") end)
    api:get("http://user:tok-pass@api.test/", { timeuot = 1 })
    ]], ("--sim %s --trace --log %s"):format(world, log))
    assert.are.equal(1, result.code)
    local logged = wire.read(log)
    assert.is_true(#lines_of(logged) >= 7, logged)
    for _, text in ipairs { result.out, result.err, logged } do
      assert.is_nil(text:match "tok%-%a+", text)
      lacks(text, "cookie-set")
    end
    has(result.out, "***")
    has(result.err, "http://api.test/a?token=***")
  end)

  -- ---- simulation ---------------------------------------------------------

  it("waits as the Copyleaks documentation says, in no time", function()
    local log = wire.path()
    local began = socket.gettime()
    local result = lull(("--sim scripts/worlds/copyleaks.lua --seed 1 --log %s "
      .. "scripts/copyleaks.lua Makefile"):format(log))
    local took = socket.gettime() - began
    assert.are.equal(0, result.code, result.err)
    assert.is_truthy(result.out:match "^Makefile\t%x+\tstored\t4\t%d+%.%d\n1 in, 0 to be tried later, 0 refused\n$")
    local waits = {}
    for _, record in ipairs(wire.json_lines(log)) do waits[#waits + 1] = record.wait end
    assert.are.equal(3, #waits)
    for i, range in ipairs { { 2, 11 }, { 3, 12 }, { 5, 14 } } do
      assert.is_true(waits[i] >= range[1] and waits[i] <= range[2], waits[i])
    end
    assert(took < waits[1] + waits[2] + waits[3], "it waited")
  end)

  it("the same seed gives the same bytes", function()
    local function run(seed)
      local log = wire.path()
      local result = lull(("--sim scripts/worlds/copyleaks.lua --seed %d --trace --log %s scripts/copyleaks.lua "
        .. "src/lull/*.lua src/*/*.h"):format(seed, log))
      assert.are.equal(0, result.code, result.err)
      return result.out .. result.err .. wire.read(log)
    end
    local one = run(1)
    assert.are.equal(one, run(1))
    assert.are_not.equal(one, run(2))
  end)

  it("a wrong world file is told in one sentence: 3", function()
    local path = wire.write("print 'not reached'", ".lua")
    local function world(text) return lull(("--sim %s %s"):format(wire.write(text, ".lua"), path)) end
    refused(lull("--sim no/such/world.lua " .. path), 3, "world no/such/world.lua", "No such file")
    refused(world "x = = 1", 3, "world ", ":1:", "near '='")
    refused(world "error 'boom'", 3, "world ", ":1: boom")
    refused(world "return 42", 3, "it returned a number; it should return a table of functions keyed by origin")
    refused(world "return {}", 3, "it has no server")
    refused(world "return { ['api.test'] = function() end }", 3, '"api.test" is no origin')
    refused(world "return { ['http://api.test'] = 200 }", 3, "http://api.test should be a function, it is a number")
    refused(world "return { ['http://a'] = print, paths = { ['/'] = 'http://b' } }", 3, 'paths["/"]')
  end)

  it("a server that fails, or is not there, fails the run and says so", function()
    local function run(world)
      return script("print(require('lull').get('http://api.test/x', { attempts = 1 }))",
        "--sim " .. wire.write(world, ".lua"))
    end
    for world, words in pairs {
      ["return { ['http://api.test'] = function() error 'broken' end }"] = { "http://api.test raised", "broken" },
      ["return { ['http://api.test'] = function() return 'rest' end }"] = { "GET /x", '"rest" is no fault' },
      ["return { ['http://api.test'] = function() return 42 end }"] = { "GET /x", "its status is 42" },
      ["return { ['http://other.test'] = function() return 200 end }"] = { "no server for http://api.test" },
    } do
      local result = run(world)
      assert.are.equal(1, result.code, world)
      for _, word in ipairs(words) do has(result.err, word) end
    end
  end)

  -- ---- signals ------------------------------------------------------------

  local SLOW = [[
  return { ["http://api.test"] = function(request)
    if request.path == "/down" then return 503 end
    if request.path == "/hang" then return "hang" end
    return { delay = 0.4, body = "done" }
  end }
  ]]

  -- /slow is on its way when the server has it in its log, and by then /down
  -- waits for its next attempt.
  local DRAINING = [[
  local lull = require "lull"
  local api = lull.client { base = arg[1], backoff = { kind = "constant", base = 60, jitter = "none" } }
  local function say(...) print(...) io.stdout:flush() end
  lull.spawn(function()
    local res, err = api:get("/down", { on = { [503] = function()
      lull.spawn(function()
        local slow, problem = api:get(arg[2])
        say("flying", slow and slow.body or problem.why)
        say("after", select(2, api:get "/never").why)
      end)
    end } })
    say("waiting", res or err.why)
  end)
  lull.spawn(function() lull.sleep(1000) say "slept" end)
  lull.each(function() lull.sleep(0.001) return 1 end, { parallel = 1 }, function() end)
  say "the script goes on"
  ]]

  local FINISHING = "lull: finishing %s; once more stops at once\n"

  -- A program with its arguments, which may be signalled.
  local function run(arguments)
    local err = wire.path()
    local child = wire.start(("%s %s 2>%s"):format(wire.quote(BINARY), arguments, err))
    child.err = err
    return child
  end

  local function start(text, arguments, options)
    return run(("%s %s %s"):format(options or "", wire.write(text, ".lua"), arguments or ""))
  end

  -- A script whose first two requests to a slow server are under way when the
  -- signal comes.
  local function signalled(name, text, argument)
    local server = wire.server(SLOW)
    local child = start(text, server.url .. " " .. (argument or ""))
    server:requests(2)
    child:signal(name)
    local out, code = child:finish()
    return out, code, child, server
  end

  -- A SIGTERM waited for the whole of a download, until systemd sent a SIGKILL;
  -- a SIGHUP ended the process in the middle of everything. "Nothing was sent",
  -- said the error of what was cut.
  for name, number in pairs { HUP = 1, TERM = 15 } do
    it("SIG" .. name .. " cuts what is on the wire after the grace", function()
      local server = wire.server(SLOW)
      local child = start([[
      local res, err = require("lull").get(arg[1] .. "/hang")
      print(res, err.why, err.outcome)
      ]], server.url, "--grace 0.2")
      server:requests(1)
      child:signal(name)
      local out, code = child:finish()
      assert.are.same({ "nil\tcancelled\tno whole answer came\n", 128 + number }, { out, code })
      assert.are.equal(FINISHING:format "1 request" .. "lull: cut 1 request that had not ended after 0.2s\n",
        wire.read(child.err))
    end)
  end

  it("SIGINT leaves what is on the wire its time: who sent it can send another", function()
    local server = wire.server(SLOW)
    local child = start("print(require('lull').get(arg[1] .. '/slow').body)", server.url, "--grace 0")
    server:requests(1)
    child:signal "INT"
    assert.are.same({ "done\n", 130 }, { child:finish() })
  end)

  it("a URL that hangs has the grace, and no longer", function()
    local server = wire.server(SLOW)
    local child = run(("get --grace 100ms %s/hang"):format(server.url))
    server:requests(1)
    child:signal "TERM"
    assert.are.same({ "", 143 }, { child:finish() })
    has(wire.read(child.err), "cut 1 request that had not ended after 0.1s")
    refused(lull "get --grace soon http://127.0.0.1:1/", 2, "--grace: 'soon' is no duration")
    refused(lull("--grace soon " .. wire.write("", ".lua")), 2, "--grace: 'soon' is no duration")
  end)

  it("nohup is heard", function()
    local server = wire.server(SLOW)
    local child = wire.start("sh -c " .. wire.quote(("trap '' HUP; exec %s get %s/slow")
      :format(wire.quote(BINARY), server.url)))
    server:requests(1)
    child:signal "HUP"
    assert.are.same({ "done", 0 }, { child:finish() })
  end)

  for name, number in pairs { INT = 2, HUP = 1, TERM = 15 } do
    it("SIG" .. name .. " lets what is on the wire come to its end, and cancels the rest", function()
      local out, code, child, server = signalled(name, DRAINING, "/slow")
      assert.are.equal(128 + number, code)
      local said = lines_of(out)
      table.sort(said)
      assert.are.same({ "after\tcancelled", "flying\tdone", "the script goes on", "waiting\tcancelled" }, said)
      assert.are.equal(FINISHING:format "1 request", wire.read(child.err))
      assert.are.equal(2, #server:requests(2))
    end)
  end

  -- The hedge of a call whose first attempt had failed was left waiting for
  -- the end of its lane's pause.
  it("a signal cancels what has only a hedge left that is not sent", function()
    local server = wire.server [[
    return { ["http://api.test"] = function()
      return { status = 503, headers = { ["retry-after"] = "20" }, delay = 0.2 }
    end }
    ]]
    local child = start([[
    local lull = require "lull"
    lull.spawn(function() lull.sleep(0.4) print "ready" io.stdout:flush() end)
    local _, err = lull.get(arg[1], { hedge = 0.05, limit = { parallel = 1 } })
    print(err.why)
    ]], server.url .. "/")
    local began = socket.gettime()
    assert.are.equal("ready", child:line())
    child:signal "INT"
    local out, code = child:finish()
    assert.are.equal("cancelled\n", out)
    assert.are.equal(130, code)
    assert.is_true(socket.gettime() - began < 10)
  end)

  -- The read was cut short, and the script said not to load; or it went on, and
  -- the process ended two seconds later.
  it("a signal while a script is still read, or a body", function()
    for _, arguments in ipairs { "%s", "plan %s", "post -d @%s " .. REFUSED } do
      local pipe = wire.path()
      os.execute("mkfifo " .. pipe)
      local child = run(arguments:format(pipe))
      local writer = assert(io.open(pipe, "w"))
      -- More than a pipe holds: it is written when some of it has been read.
      writer:write(("-- more is to come\n"):rep(10000))
      writer:flush()
      child:signal "INT"
      local out, code = child:finish()
      writer:close()
      assert.are.same({ "", 130, "" }, { out, code, wire.read(child.err) })
    end
  end)

  it("a second signal ends it at once", function()
    local server = wire.server(SLOW)
    local child = start(DRAINING, server.url .. " /hang")
    server:requests(2)
    child:signal "INT"
    local began = socket.gettime()
    -- The first has been heard when the waiting call says that it is cancelled.
    repeat local line = child:line() until not line or line:find "^waiting"
    child:signal "INT"
    local _, code = child:finish()
    assert.are.equal(130, code)
    assert.is_true(socket.gettime() - began < 10)
  end)

  it("a signal ends a script that never waits", function()
    local children = {}
    for i, text in ipairs {
      "while true do end",
      "while true do pcall(function() while true do end end) end",
      "coroutine.wrap(function() while true do end end)()",
      "while true do require('lull').try(function() while true do end end) end",
      -- The loop heard of the signal, and then the script did not come back.
      "while true do require('lull').get('http://127.0.0.1:1/', { attempts = 1 }) end",
      "while true do pcall(require('lull').sleep, 1) end",
    } do
      children[i] = start("print 'busy' io.stdout:flush() " .. text)
    end
    for _, child in ipairs(children) do assert.are.equal("busy", child:line()) end
    for _, child in ipairs(children) do child:signal "INT" end
    for i, child in ipairs(children) do
      local _, code = child:finish()
      assert.are.equal(130, code)
      -- A pcall of the script's may catch the first attempt, or may not.
      local said = wire.read(child.err)
      local raised = said:find("interrupted\nstack traceback:", 1, true)
      assert.is_truthy(raised or said:find("does not stop", 1, true), said)
      if i == 1 or i == 5 then assert.is_truthy(raised, said) end
    end
  end)

  -- The others waited for ever for their turn at the iterator.
  it("a signal ends an iterator that waits, and what its items do comes to its end", function()
    local server = wire.server(SLOW)
    local child = start([[
    local lull = require "lull"
    local n = 0
    local function items()
      n = n + 1
      if n > 2 then
        print "waiting" io.stdout:flush()
        lull.sleep(1000)
      end
      return n
    end
    lull.each(items, { parallel = 4 }, function() print((lull.get(arg[1])).body) end)
    print "after"
    ]], server.url .. "/slow")
    assert.are.equal("waiting", child:line())
    server:requests(2)
    child:signal "INT"
    local out, code = child:finish()
    assert.are.equal("done\ndone\nafter\n", out)
    assert.are.equal(130, code)
    assert.are.equal(FINISHING:format "2 requests", wire.read(child.err))
  end)

  it("a quiet one does not say what it waits for after a signal", function()
    local server = wire.server(SLOW)
    local url = server.url .. "/slow"
    local begun = 0
    for _, arguments in ipairs { "get -s " .. url, "get " .. url,
      "--quiet " .. wire.write("print(require('lull').get(arg[1]).body)", ".lua") .. " " .. url } do
      local child = run(arguments)
      begun = begun + 1
      server:requests(begun)
      child:signal "INT"
      local out, code = child:finish()
      assert.are.equal(130, code)
      assert.are.equal("done", out:sub(1, 4))
      assert.are.equal(begun == 2 and FINISHING:format "1 request" or "", wire.read(child.err))
    end
  end)

  it("a script sees that it was interrupted: lull.each does not tell", function()
    local out, code = signalled("TERM", [[
    local lull = require "lull"
    local ended = 0
    print(lull.interrupted())
    -- The code was 0, though one was never begun.
    local sum = lull.each({ "/slow", "/slow", "/slow" }, { parallel = 2 }, function(path)
      local res = lull.get(arg[1] .. path)
      if res then ended = ended + 1 end
    end)
    print(ended, lull.interrupted(), sum.total, sum.code)
    lull.exit(7)
    ]])
    assert.are.equal("nil\n2\t15\t2\t75\n", out)
    assert.are.equal(143, code)
  end)

  -- The sleep was refused by an error that made lull.each fail.
  it("a worker that would sleep after the signal ends as one that slept", function()
    local out, code = signalled("INT", [[
    local lull = require "lull"
    lull.each({ "/slow", "/slow", "/slow" }, { parallel = 2 }, function(path)
      print(lull.get(arg[1] .. path).body)
      lull.sleep(0.01)
      print "never"
    end)
    print(lull.interrupted())
    ]])
    assert.are.equal("done\ndone\n2\n", out)
    assert.are.equal(130, code)
  end)

  it("a script that only sleeps ends at once", function()
    local child = start "print 'here' io.stdout:flush() require('lull').sleep(1000)"
    child:line()
    child:signal "TERM"
    local _, code = child:finish()
    assert.are.equal(143, code)
    assert.are.equal("", wire.read(child.err))
  end)
end)

-- ---- the examples ----------------------------------------------------------

-- The worlds as they are, but where they say "in one second" it is 20 ms.
local HASTY = [[
local world = dofile "scripts/worlds/examples.lua"
local serve = world["http://api.test"]
local function hasten(status, headers, body)
  if headers and headers["retry-after"] then headers = { ["retry-after-ms"] = "20" } end
  return status, headers, body
end
return { ["http://api.test"] = function(request, n) return hasten(serve(request, n)) end }
]]

-- Arguments after the base URL, and what is printed; %u is the base URL.
local EXAMPLES = {
  ["get.lua"] = { arguments = "%u/hello %u/world %u/nothing", code = 1, sorted = true, out = {
    "200, 6 bytes, attempt 2: %u/hello",
    "200, 6 bytes, attempt 3: %u/world",
    "GET %u/nothing: 404 Not Found after 1 attempt in [%d.]+m?s: .*",
  } },
  ["status.lua"] = { arguments = "%u", code = 0, out = {
    "/busy\t200\tattempt 7", "/down\t200\tattempt 4", "/missing\t404\tattempt 1" } },
  ["fanout.lua"] = { arguments = "%u", code = 0, out = {
    "stopped: GET %u/parts/20: 410 Gone after 1 attempt in .*", "%d+ of 30" } },
  ["readme.lua"] = { arguments = "%u", code = 0, out = { '200\t{.*"state":"paid".*}' } },
}

local function filled(text, url, quoted)
  local escaped = quoted and url:gsub("%p", "%%%0") or url
  return (text:gsub("%%u", function() return escaped end))
end

local function check_example(name, out, code, url)
  local example = EXAMPLES[name]
  local printed = lines_of(out)
  if example.sorted then table.sort(printed) end
  assert.are.equal(#example.out, #printed, out)
  for i, pattern in ipairs(example.out) do
    local line = printed[i]
    assert.is_truthy(line:match("^" .. filled(pattern, url, true) .. "$"), name .. ": " .. line)
  end
  assert.are.equal(example.code, code)
end

describe("the examples #binary", function()
  local running = {}

  -- All over real sockets at once, while the others run: some have waits of
  -- their own. They are looked at last.
  setup(function()
    for name, example in pairs(EXAMPLES) do
      local server = wire.server(HASTY)
      local child = wire.start(("%s --seed 1 scripts/%s %s"):format(wire.quote(BINARY), name,
        filled(example.arguments, server.url)))
      running[name] = { child = child, server = server }
    end
  end)

  teardown(wire.clean)

  it("are all tested", function()
    local listed = wire.run "ls scripts/*.lua".out
    for path in listed:gmatch "scripts/([^\n]*)\n" do
      assert.is_truthy(EXAMPLES[path] or path == "copyleaks.lua" or path:find "_spec", path .. " has no test")
    end
  end)

  for name, example in pairs(EXAMPLES) do
    it(name .. " against its world in simulation", function()
      local url = "http://api.test"
      local result = lull(("--sim scripts/worlds/examples.lua --seed 1 scripts/%s %s"):format(name,
        filled(example.arguments, url)))
      check_example(name, result.out, result.code, url)
      assert.are.equal("", result.err)
    end)
  end

  it("copyleaks.lua refuses what it cannot read, and goes on", function()
    local empty = wire.write ""
    local result = lull("--sim scripts/worlds/copyleaks.lua --seed 1 "
      .. "scripts/copyleaks.lua no/such/file LICENSE " .. empty)
    assert.are.equal(1, result.code)
    has(result.out, "no/such/file\t-\tunreadable\t0\t0.0\n")
    has(result.out, empty .. "\t-\tempty\t0\t0.0\n")
    assert.is_truthy(result.out:match "\nLICENSE\t%x+\tstored\t4\t")
    has(result.out, "1 in, 0 to be tried later, 2 refused\n")
    has(result.err, "no/such/file: No such file")
  end)

  -- A world of one answer to every submission.
  local function submitting(answer, login)
    local world = wire.write(([[
    local token = { access_token = "t", [".issued"] = "2026-01-01T00:00:00.0000000+00:00",
      [".expires"] = "2026-01-03T00:00:00.0000000+00:00" }
    return {
      ["https://id.copyleaks.com"] = function(_, n) %s return 200, nil, token end,
      ["https://api.copyleaks.com"] = function(_, n) %s end,
    }
    ]]):format(login or "", answer), ".lua")
    local log = wire.path()
    local result = lull(("--sim %s --seed 1 --log %s scripts/copyleaks.lua LICENSE Makefile"):format(world, log))
    return result, wire.json_lines(log)
  end

  it("copyleaks.lua stops everything when no credits are left: 75", function()
    local result, records = submitting "return 402, nil, { error = { code = 13, message = 'No credits' } }"
    assert.are.equal(75, result.code)
    has(result.out, "0 in, 2 to be tried later, 0 refused\n")
    has(result.err, "stopped: no credits left")
    assert.are.equal(3, #records)
  end)

  it("copyleaks.lua takes a conflict for what it is: its own lost answer, or another's scan", function()
    local result = submitting "return 409"
    assert.are.equal(1, result.code)
    assert.is_truthy(result.out:match "LICENSE\t%x+\tconflict\t1\t0.0\n")
    result = submitting "if n <= 2 then return 'close' end return 409"
    assert.are.equal(0, result.code)
    assert.is_truthy(result.out:match "LICENSE\t%x+\tlanded\t2\t")
  end)

  it("copyleaks.lua waits five minutes when its login is blocked", function()
    local result, records = submitting("return 201", "if n == 1 then return 429 end")
    assert.are.equal(0, result.code)
    assert.are.equal(300, records[1].wait)
    has(result.out, "2 in, 0 to be tried later, 0 refused\n")
  end)

  it("copyleaks.lua with a wrong key says so and ends", function()
    local result = wire.run(("COPYLEAKS_KEY=wrong-key %s --sim scripts/worlds/copyleaks.lua --trace "
      .. "scripts/copyleaks.lua LICENSE Makefile"):format(wire.quote(BINARY)))
    assert.are.equal(1, result.code)
    has(result.out, "0 in, 2 to be tried later, 0 refused\n")
    has(result.err, "stopped: POST https://id.copyleaks.com/v3/account/login/api: 401 Unauthorized")
    lacks(result.err, "wrong-key")
  end)

  it("copyleaks.lua without files tells its usage: 2", function()
    local result = lull "scripts/copyleaks.lua"
    assert.are.same({ 2, "", "usage: lull scripts/copyleaks.lua FILE...\n" }, { result.code, result.out, result.err })
  end)

  -- With the demo's shorter waits. Each file is stored once; what the server's
  -- log says of each scan is what lull says.
  it("copyleaks.lua gets every file in over real sockets", function()
    local server = wire.server "scripts/worlds/copyleaks.lua"
    local log = wire.path()
    local files = {}
    for i = 1, 12 do files[i] = wire.write(("file %d\n"):format(i)) end
    local result = wire.run(("COPYLEAKS_API=%s COPYLEAKS_ID=%s %s --seed 1 --log %s tests/demo.lua %s"):format(
      server.url, server.url, wire.quote(BINARY), log, table.concat(files, " ")))
    assert.are.equal(0, result.code, result.err)
    has(result.out, "12 in, 0 to be tried later, 0 refused\n")
    local check = wire.run(("%s tests/demo_check.lua %s %s %s"):format(os.getenv "LULL_LUA" or "lua5.4",
      wire.quote(server.log), wire.quote(log), server.url))
    assert.are.equal(0, check.code, check.out .. check.err)
  end)

  for name in pairs(EXAMPLES) do
    it(name .. " over real sockets", function()
      local out, code = running[name].child:finish()
      check_example(name, out, code, running[name].server.url)
    end)
  end
end)
