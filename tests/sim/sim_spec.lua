-- lull.sim: scripts in virtual time, from a test.
local sim = require "lull.sim"
local support = require "tests.support"

local function has(text, part)
  assert.is_truthy(tostring(text):find(part, 1, true), ("%q is not in:\n%s"):format(part, tostring(text)))
end

local function script(text)
  return assert((loadstring or load)(text)) -- luacheck: ignore
end

describe("sim.run", function()
  it("gives what the servers saw, what was decided, and what was written", function()
    local run = sim.run {
      script = script [[
local lull = require "lull"
local res = lull.post("http://a.test/x?q=1", { json = { n = 1 }, key = true })
io.write("status ", res.status, "\n")
io.stdout:write(arg[1], "\n")
print(...)
]],
      args = { "one", "two" },
      world = sim.replies { { 503, ["retry-after"] = 7 }, { 200, body = "ok" } },
      seed = 5,
    }
    assert.is_true(run.ok)
    assert.equal(0, run.code)
    assert.equal("status 200\none\none\ttwo\n", run.output)
    assert.equal(2, #run.requests)
    assert.equal("POST", run.requests[1].method)
    assert.equal('{"n":1}', run.requests[1].body)
    assert.equal("1", run.requests[1].query.q)
    assert.equal(run.requests[1].headers["idempotency-key"], run.requests[2].headers["idempotency-key"])
    assert.equal(503, run.verdicts[1].outcome)
    assert.equal("hint", run.verdicts[1].source)
    assert.is_true(run.waited >= 7 and run.waited <= 7.7)
    assert.is_true(run.elapsed >= 7)
    has(run.text, "--- exit 0 after 7.")
  end)

  it("loads the script's own modules anew, each time: they hold the run's lull", function()
    local name = os.tmpname()
    local file = assert(io.open(name .. ".lua", "w"))
    file:write [[
      local lull = require "lull"
      local api = lull.client { base = "http://a.test" }
      return { get = function() return api:get "/" end }
    ]]
    file:close()
    local path, module = package.path, name:match "[^/]*$"
    package.path = name:match "^.*/" .. "?.lua;" .. path
    for _ = 1, 2 do
      local run = sim.run { world = sim.replies { 503, 200 }, args = { module },
        script = function(own) print(require(own).get().attempts) end }
      assert.equal("2\n", run.output)
      assert.is_nil(package.loaded[module])
    end
    package.path = path
    os.remove(name)
    os.remove(name .. ".lua")
  end)

  it("is the same for the same seed, and another for another", function()
    local function run(seed)
      return sim.run { seed = seed, world = sim.replies { 503, 500, 200 },
        script = function() print(require("lull").get("http://a.test/"), math.random(1000000), os.time()) end }
    end
    assert.equal(run(1).text, run(1).text)
    assert.not_equal(run(1).text, run(2).text)
  end)

  it("gives exit codes as the command line does", function()
    local function code(text, world)
      return sim.run { script = script(text), world = world or function() return 200 end }.code
    end
    assert.equal(0, code "")
    assert.equal(1, code "error('no')")
    assert.equal(9, code "os.exit(9)")
    assert.equal(0, code "os.exit(true)")
    assert.equal(4, code "require('lull').exit(4)")
    assert.equal(75, code([[
local lull = require "lull"
local res, err = lull.get("http://a.test/", { max_hint = 10 })
if not res then error(err, 0) end
]], sim.replies { { 429, ["retry-after"] = 11 } }))
  end)

  it("tells time of its own", function()
    local run = sim.run { world = function() return 200 end, script = script [[
local t, c = os.time(), os.clock()
require("lull").sleep("2h")
print(os.time() - t, os.clock() - c >= 7200, os.date("!%Y", t))
]] }
    has(run.output, "7200")
    has(run.output, "true\t2026")
    assert.is_true(os.time() > 1767225600 + 86400)
  end)

  -- An hour of waits and more, in far less than a tenth of a second.
  it("passes an hour in no time", function()
    local began = os.clock()
    local run = sim.run { world = sim.replies { { 503, ["retry-after"] = 3000 }, { 503, ["retry-after"] = 3000 }, 200 },
      script = script [[assert(require("lull").get("http://a.test/", { max_hint = 4000 }))]] }
    assert.is_true(run.waited > 3600)
    -- Counted in work, not in time: two waits, three requests.
    assert.equal(3, #run.requests)
    assert.is_true(os.clock() - began < 5)
  end)

  it("leaves the caller's lull, its clocks and its output alone", function()
    local lull, time, out, print_ = require "lull", os.time, io.stdout, print
    sim.run { script = script "error 'no'", world = function() return 200 end }
    assert.equal(lull, require "lull")
    assert.equal(time, os.time)
    assert.equal(out, io.stdout)
    assert.equal(print_, print)
    assert.equal(lull, package.loaded["lull"])
  end)

  it("refuses what it does not know", function()
    assert.has_error(function() sim.run { scripts = "x" } end)
    local ok, err = pcall(sim.run, { script = "no such file.lua", world = {} })
    assert.is_false(ok)
    has(err, "no such file.lua")
  end)
end)

describe("a world that is wrong", function()
  local function fails(world, text)
    local ok, err = pcall(sim.run, { world = world,
      script = script [[require("lull").get("http://a.test/x", { attempts = 3 })]] })
    assert.is_false(ok)
    has(err, text)
  end

  it("is one clear sentence", function()
    fails(sim.replies { { 503, headers = "x" } }, "a reply's headers are a table, not a string")
    fails(sim.replies { 503 }, "request 2 (GET /x), and there are only 1 replies")
    fails(sim.replies { 200, 200 }, "only 1 of 2 replies were asked for")
    fails(function() error "broken server" end, "broken server")
    fails(function() return "explode" end, '"explode" is no fault')
    fails({ ["ftp://x"] = function() return 200 end }, "is no origin")
    fails({ ["http://a.test"] = 200 }, "should be a function")
    fails({}, "it has no server")
    fails(42, "a world is a table of servers, not a number")
  end)

  -- A URL with a colon and no port found no server.
  it("is not wrong for how an origin is written", function()
    for _, url in ipairs { "HTTP://A.test:80/x", "http://a.test:/x", "http://me:secret@a.test/x" } do
      local run = sim.run { world = { ["http://A.test:"] = function() return 200 end },
        script = script(("assert(require \"lull\".get(%q))"):format(url)) }
      assert.equal(0, run.code, run.err)
    end
  end)

  it("names the tasks when all sleep on nothing", function()
    local run = sim.run { world = function() return 200 end, script = script [[
local lull = require "lull"
local a, b
a = lull.spawn(function() b:join() end)
b = lull.spawn(function() a:join() end)
a:join()
]] }
    assert.equal(1, run.code)
    has(run.err, "all tasks are asleep")
    has(run.err, "the script (in join)")
  end)
end)

describe("chaos", function()
  local function run(chaos, seed)
    return sim.run { chaos = chaos, seed = seed or 3, world = function() return 200 end, script = script [[
local lull = require "lull"
local numbers = {}
for i = 1, 400 do numbers[i] = i end
lull.each(numbers, { parallel = 1 }, function(i)
  local res, err = lull.get("http://a.test/" .. i, { backoff = "const:10ms", attempts = 50, budget = false })
  if not res then error(err, 0) end
end)
]] }
  end

  it("adds its share of faults, and marks them", function()
    local t = run "20% 503, 10% net.reset"
    assert.is_true(t.ok)
    local count, unmarked = {}, 0
    for _, verdict in ipairs(t.verdicts) do
      if verdict.chaos then count[verdict.outcome] = (count[verdict.outcome] or 0) + 1 end
      if verdict.outcome ~= 200 and not verdict.chaos then unmarked = unmarked + 1 end
    end
    local n = #t.verdicts
    -- Four standard errors of a share p of n: 4 sqrt(p (1 - p) / n).
    assert.is_true(math.abs(count[503] / n - 0.2) < 4 * math.sqrt(0.16 / n))
    assert.is_true(math.abs(count["net.reset"] / n - 0.1) < 4 * math.sqrt(0.09 / n))
    assert.equal(0, unmarked)
    -- What is answered by chaos never reached the server.
    assert.equal(400, #t.requests)
    has(t.text, "[chaos]")
  end)

  it("may be late instead", function()
    local plain, late = run "0% 503", run "50% delay 3s"
    assert.is_true(late.elapsed - plain.elapsed > 400)
    assert.equal(400, #late.requests)
  end)

  it("is the same for the same seed", function()
    assert.equal(run("30% 500", 8).text, run("30% 500", 8).text)
  end)

  it("says what it does not understand", function()
    for _, text in ipairs { "5 503", "5% 999", "5% net.nothing", "5% delay", "101% 503", "", "5% 503 x" } do
      local ok, err = pcall(run, text)
      assert.is_false(ok, text)
      has(err, "is no fault")
    end
    local ok, err = pcall(run, "60% 503, 50% 500")
    assert.is_false(ok)
    has(err, "add up to more than 100%")
  end)
end)

-- Each example as it runs in its world. After a change that is meant, renew by
--     LULL_GOLDEN=write lua5.4 tests/busted.lua --pattern=_spec tests/sim/sim_spec.lua
-- and read the difference.
describe("a golden transcript", function()
  local EXAMPLES = { "status", "fanout", "readme" }

  local function golden(name, options)
    local text = sim.run(options).text
    local path = "tests/golden/" .. name .. ".txt"
    if os.getenv "LULL_GOLDEN" == "write" then
      local file = assert(io.open(path, "w"))
      file:write(text)
      file:close()
    end
    local file = assert(io.open(path))
    local expected = file:read "*a"
    file:close()
    assert.equal(expected, text)
  end

  for _, name in ipairs(EXAMPLES) do
    it("of " .. name .. ".lua", function()
      golden(name, { script = "scripts/" .. name .. ".lua", world = "scripts/worlds/examples.lua", seed = 1 })
    end)
  end

  it("of get.lua", function()
    golden("get", { script = "scripts/get.lua", world = "scripts/worlds/examples.lua", seed = 1,
      args = { "http://api.test/orders/42", "http://api.test/nowhere" } })
  end)

  it("of copyleaks.lua", function()
    golden("copyleaks", { script = "scripts/copyleaks.lua", world = "scripts/worlds/copyleaks.lua", seed = 1,
      args = { "LICENSE", ".editorconfig" } })
  end)
end)

describe("a recording", function()
  local record = require "lull.sim.record"

  local function write(lines)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(table.concat(lines, "\n"), "\n")
    file:close()
    return path
  end

  local HEAD = '{"bodies":true,"lull":"recording","version":1}'

  it("is played back in its order, method and URL by method and URL", function()
    local path = write { HEAD,
      '{"method":"GET","url":"http://a.test/1","status":503,"headers":[],"took":0.5,"sent":true}',
      '{"method":"GET","url":"http://a.test/2","status":200,"headers":[["x","y"]],"body":"two","took":0,"sent":true}',
      '{"class":"net.reset","method":"GET","url":"http://a.test/1","took":0,"sent":true}',
      '{"method":"GET","url":"http://a.test/1","status":200,"headers":[],"body":"one","took":0,"sent":true}' }
    local run = sim.run { world = assert(record.world(path)), script = script [[
local lull = require "lull"
print(lull.get("http://a.test/1").body, lull.get("http://a.test/2").headers.x)
]] }
    os.remove(path)
    assert.equal("one\ty\n", run.output)
    assert.is_true(run.elapsed > 0.5)
  end)

  it("says where a script asks for what was not recorded", function()
    local path = write { HEAD, '{"method":"GET","url":"http://a.test/1","status":503,"took":0,"sent":true}' }
    local ok, err = pcall(sim.run, { world = assert(record.world(path)),
      script = script [[require("lull").get "http://a.test/2"]] })
    assert.is_false(ok)
    has(err, "has no answer to GET http://a.test/2")
    ok, err = pcall(sim.run, { world = assert(record.world(path)),
      script = script [[require("lull").get "http://a.test/1"]] })
    assert.is_false(ok)
    has(err, "has only 1 answers to GET http://a.test/1")
    os.remove(path)
  end)

  it("of another version, or that is none, is one clear sentence", function()
    local path = write { '{"lull":"recording","version":9}' }
    local world, problem = record.world(path)
    assert.is_nil(world)
    has(problem, "is of version 9, and this lull reads version 1")
    os.remove(path)
    path = write { HEAD, "{oops" }
    world, problem = record.world(path)
    assert.is_nil(world)
    has(problem, "line 2 is not JSON")
    os.remove(path)
  end)
end)

-- The support of the other specs is no second simulator.
-- Headers in a table of their own became one header called "headers", or none.
it("a reply's headers stand beside the rest, or in a table, or as lull.get has them", function()
  local waits = {}
  local run = sim.run {
    world = sim.replies {
      { 429, ["retry-after"] = 11 }, { 429, headers = { ["retry-after"] = 12, ["set-cookie"] = { "a", "b" } } },
      { 503, headers = { { "x-a", "1" }, { "retry-after", "13" } }, ["x-b"] = "2" },
      { 503, { ["retry-after"] = 14 }, "busy" },
      { 200, headers = { ["x-c"] = "3" }, body = "done" },
    },
    script = function()
      local res = assert(require("lull").get "http://a.test/")
      print(res.body, res.headers["x-c"])
    end,
  }
  for i = 1, 4 do waits[i] = math.floor(run.verdicts[i].wait) end
  assert.same({ 11, 12, 13, 14 }, waits)
  assert.equal("done\t3\n", run.output)
end)

it("support.replies and sim.replies agree", function()
  local a = support.sim(support.replies { 503, 200 }, function(lull) assert(lull.get "http://api.test/") end)
  assert.equal(2, #a.requests)
end)
