-- lull in a program with a loop of its own: what the loop is told, and that
-- it is woken and need not look.

local core = require "lull.core"
local wire = require "tests.wire"

local LUA = os.getenv "LULL_LUA" or "lua5.4"

local SERVER = "return {\n  ['http://a.test'] = function() return 200, nil, 'body' end }"
local SLOW = "return {\n  ['http://a.test'] = function() return { status = 200, body = 'body', delay = 1 } end }"

local run, has = wire.script, wire.has

local function prints(expected, script, arguments)
  assert.same({ code = 0, out = expected, err = "" }, run('local lull = require "lull"\n' .. script, arguments))
end

-- Where there is no descriptor lull looks, and that is all there is to see.
local function is_watched() return core.engine({}):fd() ~= nil end
local UNWATCHED = "this system gives no descriptor"

-- luasocket's select takes whatever has a descriptor; and a server within the
-- same script answers when it is told to.
local SELECT = [[
local socket = require "socket"
local ready = { getfd = function() return lull.fds()[1] end, dirty = function() return false end }
local function readable(patience) return #(socket.select({ ready }, nil, patience)) == 1 end
local listener = assert(socket.bind("127.0.0.1", 0))
local url = "http://127.0.0.1:" .. select(2, listener:getsockname())
local function answer(connection, text)
  connection:send(("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s"):format(#text, text))
end
-- The next request, as soon as all of it is there.
local function request()
  listener:settimeout(0)
  local connection
  repeat
    lull.step(0.001)
    connection = listener:accept()
  until connection
  connection:settimeout(0)
  local line
  repeat
    lull.step(0.001)
    line = connection:receive "*l"
  until line == ""
  return connection
end
]]

describe("lull.step", function()
  teardown(function() wire.clean() end)

  -- One that would sleep for an hour tells that a step has not waited for it, however
  -- busy the machine is.
  it("does what can be done, waits no longer than told, and says when all is done", function()
    prints("true\ttrue\nawake\ntrue\tfalse\n", [[
      local function sleeper() lull.sleep(0.05) print "awake" end
      local long = lull.spawn(lull.sleep, 3600)
      local began = lull.now()
      print(lull.step(0), lull.now() - began < 3600)
      long:cancel()
      began = lull.now()
      lull.spawn(sleeper)
      while lull.step(0.01) do end
      print(lull.now() - began >= 0.05, lull.step(0))]])
  end)

  it("does not wait when there is nothing to wait for", function()
    prints("false\tfalse\ttrue\n", [[
      local began = lull.now()
      local before = lull.step(3600)
      lull.spawn(function() end)
      while lull.step(3600) do end
      print(before, lull.step(3600), lull.now() - began < 3600)]])
  end)

  it("raises the error of a task that nobody joins", function()
    prints("false\tlost and found\nthe other\n", [[
      lull.spawn(function() error "lost and found" end)
      local told
      lull.spawn(function() repeat lull.sleep(0.01) until told print "the other" end)
      local ok, err = pcall(lull.step)
      print(ok, err:match "lost and found")
      told = true
      while lull.step(0.01) do end]])
  end)

  it("raises each such error, one a step, and is due until it has", function()
    prints("0\tone\n0\ttwo\nnil\tfalse\n", [[
      lull.spawn(function() error("one", 0) end)
      lull.spawn(function() error("two", 0) end)
      for _ = 1, 2 do
        local due = lull.timeout()
        print(due, (select(2, pcall(lull.step)):match "^%a+"))
      end
      print(lull.timeout(), lull.step())]])
  end)

  -- What was loaded when it was first used was not found there any more.
  it("may go to another folder, and look for modules elsewhere", function()
    local result = wire.script [[
      local lull = require "lull"
      require "lfs".chdir "/"
      package.path, package.cpath = "", ""
      local api = lull.client { on = { ["net.refused"] = function(attempt) return attempt:stop() end } }
      lull.each({ 1 }, function() print((select(2, api:get "http://127.0.0.1:1/")).why) end)
      print(lull.json.encode { 1 })
    ]]
    assert.equal("rule\n[1]\n", result.out)
    assert.equal("", result.err)
  end)

  it("is not for tasks", function()
    local result = run [[
      local lull = require "lull"
      local task = lull.spawn(function() lull.step(0) end)
      print(pcall(task.join, task))]]
    assert.matches("lull.step is for the program around the tasks", result.out)
  end)

  it("names the tasks that nothing will wake", function()
    local result = run [[
      local lull = require "lull"
      local a, b
      a = lull.spawn(function() b:join() end)
      b = lull.spawn(function() a:join() end)
      print(pcall(lull.step))
      print(lull.timeout())
      a:cancel()
      print(lull.timeout(), lull.step(), lull.timeout())]]
    assert.matches("^false\tall tasks are asleep, and nothing will wake them: 1 .* %(in join%), 2 .* %(in join%)\n",
      result.out)
    assert.matches("\nnil\n0\tfalse\tnil\n$", result.out)
  end)

  it("does all that can be done: of two answers both", function()
    if not is_watched() then return pending(UNWATCHED) end
    prints("true\n", SELECT .. [[
      for _, wait in ipairs { 20, 50 } do
        local api = lull.client { base = url, backoff = { base = wait, jitter = "none" }, timeout = 100 }
        lull.spawn(function() api:get "/" end)
      end
      local both = { request(), request() }
      for _, connection in ipairs(both) do connection:send "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" end
      repeat
        readable(60)
        lull.step()
      until lull.timeout() < 60
      print(lull.timeout() > 10 and lull.timeout() <= 20)]])
  end)

  -- What arrived while the host was away is there when its time is up, too:
  -- of four answers three used to come too late.
  it("takes an answer that is there for an answer, however late the host is", function()
    prints("200\t200\t200\t200\n", SELECT .. [[
      local api, got, connections = lull.client { base = url, timeout = 0.5, attempts = 1 }, {}, {}
      for i = 1, 4 do
        lull.spawn(function()
          local res, err = api:get "/"
          got[i] = tostring(res and res.status or err)
        end)
      end
      for i = 1, 4 do connections[i] = request() end
      for i = 1, 4 do answer(connections[i], "late") end
      socket.sleep(0.6) -- longer than the timeout
      while lull.step(lull.timeout()) do end
      print(table.concat(got, "\t"))]])
  end)
end)

describe("lull.timeout", function()
  teardown(function() wire.clean() end)

  it("is nil without a task, 0 with one that can go on, else the time until the first timer", function()
    prints("nil\n0\ntrue\ttrue\n0\ntrue\nnil\n", [[
      print(lull.timeout())
      local task = lull.spawn(function() lull.sleep(50) end)
      print(lull.timeout())
      lull.step()
      print(lull.timeout() > 40, lull.timeout() <= 50)
      local shorter = lull.spawn(function() lull.sleep(5) end)
      print(lull.timeout())
      lull.step()
      print(lull.timeout() <= 5)
      task:cancel()
      shorter:cancel()
      lull.spawn(function() end)
      local other = lull.spawn(function() end)
      other:cancel()
      lull.step()
      local last = lull.spawn(function() error "cancelled before it began" end)
      last:cancel()
      lull.step()
      print(lull.timeout())]])
  end)

  it("is never more than an hour", function()
    prints("3600\n", [[
      lull.spawn(function() lull.sleep "2h" end)
      lull.step()
      print(("%d"):format(lull.timeout()))]])
  end)

  it("may be asked by a task, as the descriptors may be", function()
    prints("nil\ttrue\n0\n", [[
      lull.spawn(function()
        print(lull.timeout(), lull.fds()[1] == lull.fds()[1])
        lull.spawn(function() end)
        print(lull.timeout())
      end):join()]])
  end)

  it("is in the time of the world, where there is nothing to watch", function()
    prints("0\tnil\t0\t99\n", [[
      local sim = require "lull.sim"
      local run = sim.run { world = function() return 200 end, script = function()
        local inner = require "lull"
        inner.spawn(function() inner.sleep(100) end)
        local before = inner.timeout()
        inner.sleep(1)
        print(#inner.fds(), inner.fds()[1], before, ("%d"):format(inner.timeout()))
      end }
      io.write(run.output)]])
  end)
end)

describe("lull.fds", function()
  teardown(function() wire.clean() end)

  it("gives the same list before, amid and after a call", function()
    if not is_watched() then return pending(UNWATCHED) end
    local server = wire.server(SERVER)
    prints("1\ttrue\ttrue\n", [[
      local before = lull.fds()
      local amid
      lull.spawn(function() amid = lull.fds() lull.get(arg[1]) end)
      while lull.step(lull.timeout()) do end
      print(#before, before[1] == amid[1], before[1] == lull.fds()[1])]], server.url)
    server:stop()
  end)

  it("is quiet while an answer is awaited, and wakes the host when it comes", function()
    if not is_watched() then return pending(UNWATCHED) end
    prints("quiet\t100\nwoken\nhello\tfalse\nquiet\n", SELECT .. [[
      local body
      lull.spawn(function() body = lull.get(url, { timeout = 100 }).body end)
      local connection = request()
      while readable(0) or lull.timeout() < 90 do lull.step() end -- what connecting leaves behind
      print(readable(0) and "loud" or "quiet", ("%d"):format(math.ceil(lull.timeout())))
      answer(connection, "hello")
      print(readable(60) and "woken" or "asleep")
      local more
      repeat more = lull.step() until not more or not readable(60)
      print(body, more)
      while readable(0) do lull.step() end
      print(readable(0) and "loud" or "quiet")]])
  end)

  it("need not be watched by one host alone", function()
    local server = wire.server(SERVER)
    local result = run([[
      local lull = require "lull"
      local cqueues = require "cqueues"
      local got = 0
      local function driver()
        local guest = { pollfd = lull.fds()[1], events = "r", timeout = lull.timeout }
        while lull.step() do cqueues.poll(guest) end
      end
      for _ = 1, 10 do
        lull.spawn(function()
          local res = assert(lull.get(arg[1]))
          got = got + #res.body
        end)
      end
      local one, other = cqueues.new(), cqueues.new()
      one:wrap(driver)
      other:wrap(driver)
      while not (one:empty() and other:empty()) do
        assert(one:step(0.01))
        assert(other:step(0.01))
      end
      print(got)]], server.url)
    server:stop()
    assert.same({ code = 0, out = "40\n", err = "" }, result)
  end)
end)

describe("a host", function()
  local server, slow, counted

  setup(function()
    server, slow = wire.server(SERVER), wire.server(SLOW)
    counted = wire.write([[
      local lull = require "lull"
      local step, steps = lull.step, 0
      function lull.step(...)
        steps = steps + 1
        return step(...)
      end
      dofile(table.remove(arg, 1))
      io.stderr:write(steps)]], ".lua")
  end)

  teardown(function() wire.clean() end)

  -- Asking a hundred times a second would take a hundred steps and more.
  for _, host in ipairs { "luv", "copas", "cqueues" } do
    it("that runs " .. host .. " drives lull, and does not look when there is nothing", function()
      if not has(host) then return pending(host .. " is not installed for this Lua") end
      for _, base in ipairs(host == "copas" and { "" } or { server.url, slow.url }) do
        local result = wire.run(("%s %s scripts/hosts/%s.lua %s/a %s/b"):format(LUA, counted, host, base, base))
        assert.equal(0, result.code, result.err)
        for _, path in ipairs { "/a", "/b" } do
          assert.is_truthy(result.out:find("200\t" .. base .. path .. "\n", 1, true), result.out)
        end
        assert.matches("\ndone; .* meanwhile\n$", result.out)
        assert.is_true(tonumber(result.err) <= (is_watched() and 40 or 400), result.err .. " steps")
      end
    end)
  end

  it("whose callback runs inside a task is told that it cannot wait there", function()
    if not has "luv" then return pending "luv is not installed for this Lua" end
    local result = run [[
      local lull, uv = require "lull", require "luv"
      lull.spawn(function()
        local timer = uv.new_timer()
        timer:start(0, 0, function()
          timer:close()
          print(pcall(lull.sleep, 1))
          lull.spawn(print, "later")
        end)
        uv.run()
      end):join()
      lull.sleep(0)]]
    assert.equal("", result.err)
    assert.matches("^false\t%S+:6: lull cannot wait in a callback of the host that runs inside a task; start a task",
      result.out)
    assert.matches("\nlater\n$", result.out)
  end)
end)

-- OpenResty's functions for coroutines go by way of its scheduler, and Lua's own
-- stand beside them: `require "lull"` tried the former, which cannot be done
-- within require; and a call was told not to use coroutine.wrap, which nobody had.
describe("a host that runs its code in coroutines of its own", function()
  teardown(function() wire.clean() end)

  local HOST = [[
local raw = coroutine
local own = { running = raw.running, wrap = raw.wrap, _create = raw.create, _resume = raw.resume,
  _yield = raw.yield, _status = raw.status, create = raw.create, status = raw.status }
function own.resume(co, ...) return raw.yield("resume", co, ...) end
function own.yield(...) return raw.yield("yield", ...) end
coroutine = own
local function handler()
  local lull = require "lull"
  print(pcall(lull.get, arg[1]))
  local body
  lull.spawn(function() body = lull.get(arg[1]).body end)
  while not body do
    lull.step(0.01)
    own.yield()
  end
  print(body)
end
local thread, results = raw.create(handler), {}
repeat
  local ok, what, co = raw.resume(thread, unpack(results))
  assert(ok, what)
  results = what == "resume" and { raw.resume(co) } or {}
until raw.status(thread) == "dead"
]]

  it("can require lull, is told what to do, and can do it", function()
    local server = wire.server(SERVER)
    local result = run("local unpack = table.unpack or unpack\n" .. HOST, server.url .. "/")
    assert.equal("", result.err)
    local said, body = result.out:match "^false\t[^\n]*: (lull cannot wait [^\n]*)\n(.*)$"
    assert.equal("lull cannot wait inside a coroutine that it does not know: use lull.spawn or lull.each instead of "
      .. "one's own; where a host runs all code in coroutines, as OpenResty does, spawn a task and call lull.step "
      .. "until it has ended", said)
    assert.equal("body\n", body)
  end)
end)

describe("the page on embedding", function()
  teardown(function() wire.clean() end)

  it("shows the example as it is, and code that Lua takes", function()
    local page, blocks = wire.read "docs/embedding.md", 0
    assert.equal(page, assert(loadfile "docs/generate.lua")().renew(page))
    for block in page:gmatch "\n```lua\n(.-)\n```" do
      blocks = blocks + 1
      assert(loadfile(wire.write(block)))
    end
    assert.equal(5, blocks)
  end)

  it("shows programs that work", function()
    local server = wire.server(SERVER)
    local page = wire.read "docs/embedding.md":gsub("https://api%.example%.com", server.url)
    local out = {}
    for block in page:gmatch "\n```lua\n(local lull.-)\n```" do
      if not block:find "luv" then
        local result = run(block)
        assert.same({ code = 0, err = "" }, { code = result.code, err = result.err })
        out[#out + 1] = result.out
      end
    end
    server:stop()
    assert.same({ "body\n", "200\tbody\n", "200 OK\n" }, out)
  end)
end)

describe("the error of a task that nobody joins, in a program without a loop", function()
  teardown(function() wire.clean() end)

  it("is told on standard error when nobody can join it any more, and no call loses its answer", function()
    local result = run [[
      local lull = require "lull"
      lull.spawn(function() error "first\nmore of it" end)
      lull.sleep(0.001)
      print "still here"
      collectgarbage()
      collectgarbage()
      io.stderr:write "then\n"
      kept = lull.spawn(function() error(setmetatable({}, { __tostring = function() return "last" end })) end)
      lull.spawn(function() error {} end)
      lull.sleep(0)
      lull.sleep(0.001)]]
    assert.equal("still here\n", result.out)
    assert.equal(0, result.code)
    local first, rest = result.err:match "^(.-)then\n(.*)$"
    assert.matches("^lull: task 1 %(%S+:2%) failed, and nobody joined it: %S+:2: first\n$", first)
    assert.matches("lull: task 2 %(%S+:8%) failed, and nobody joined it: last\n", rest)
    assert.matches("lull: task 3 %(%S+:9%) failed, and nobody joined it: %(error object is a table value%)\n", rest)
  end)

  it("is told to who joins it later, and to nobody else", function()
    prints("false\tmine\n", [[
      local task = lull.spawn(function() error("mine", 0) end)
      lull.sleep(0.001)
      local ok, err = pcall(task.join, task)
      print(ok, (err:match "^%a+"))]])
  end)

  it("shows no secret, and no error of its own", function()
    local result = run [[
      local lull = require "lull"
      lull.secret "hush-hush"
      lull.spawn(function() error("with hush-hush in it", 0) end)
      lull.spawn(function() error(setmetatable({}, { __tostring = function() error "worse" end })) end)
      lull.sleep(0.001)]]
    assert.equal(0, result.code)
    assert.matches("nobody joined it: with %*%*%* in it\n", result.err)
    assert.matches("nobody joined it: %(no text%)\n", result.err)
  end)
end)
