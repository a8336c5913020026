-- Several machines in one simulated world, by one clock: what they do together with one
-- limit, one pause, and one batch, decided by the scripts that a Redis runs.
local sim = require "lull.sim"

local LANES = "redis://redis.test/0/api"

describe("several simulated machines", function()
  local function times_of(t)
    local times = {}
    for _, request in ipairs(t.requests) do times[#times + 1] = request.time end
    table.sort(times)
    return times
  end

  -- Each sends so many, as fast as it may.
  local function run(count, limit, more)
    local o = { machines = 5, world = function() return 200 end, script = function()
      local lull = require "lull"
      local api = lull.client { base = "http://api.test", limit = limit, lanes = LANES, lane = "one" }
      local list = {}
      for i = 1, count do list[i] = i end
      lull.each(list, { parallel = 8 }, function(x) assert(api:get("/" .. x)) end)
      print(lull.lanes().one.processes)
    end }
    for name, value in pairs(more or {}) do o[name] = value end
    local t = sim.run(o)
    if t.err then error(tostring(t.err), 0) end
    return t
  end

  it("keep one limit, and use it", function()
    local t = run(200, { "50/1s", "200/6s" })
    local times = times_of(t)
    assert.equal(1000, #times)
    for _, limit in ipairs { { 50, 1 }, { 200, 6 } } do
      for i = limit[1] + 1, #times do
        assert(times[i] - times[i - limit[1]] >= limit[2] - 1e-6, "a window holds more")
      end
    end
    -- Four of the longer windows are full while all of them have more to send.
    local used = 0
    for _, time in ipairs(times) do used = used + (time < 24 - 1e-6 and 1 or 0) end
    assert.is_true(used >= 0.97 * 800, used .. " were sent in four windows")
    assert.matches("^5\n%d\n%d\n%d\n%d\n$", t.output) -- the first to end knew of all
  end)

  -- One that was alone asked for each second request when its limit was near: places
  -- were given 0.1 s before their time, and each start was told of at once.
  it("ask seldom while one is alone, near the limit too, and make room for who comes", function()
    local redis, n, came, alone = sim.redis(), 0, nil, nil
    local t = sim.run { machines = 2, redis = redis, world = function(request)
      if request.time < 20 then alone = redis.taken end
      if request.machine == 2 then came = came or request.time end
      return 200
    end, script = function()
      local lull = require "lull"
      n = n + 1
      local api = lull.client { base = "http://api.test", limit = "25/1s", lanes = LANES, lane = "one" }
      if n == 2 then lull.sleep(20) end
      for i = 1, n == 2 and 200 or 600 do
        assert(api:get("/" .. i))
        lull.sleep(0.05)
      end
    end }
    if t.err then error(tostring(t.err), 0) end
    assert.is_true(alone < 30, alone .. " scripts for 400 requests")
    assert.is_true(came < 20 + 1.1, "the second waited until " .. came)
    local times, second = times_of(t), 0
    for i = 26, #times do assert(times[i] - times[i - 25] >= 1 - 1e-6, "a window holds more") end
    for _, request in ipairs(t.requests) do
      if request.machine == 2 and request.time < 30 then second = second + 1 end
    end
    assert.is_true(second >= 100, second .. " of the second in ten seconds")
  end)

  -- A start was told of within a second, which was a script for each request.
  it("ask for a tenth of a long window at once, while there is room for all", function()
    local redis = sim.redis()
    local t = run(30, "500/1m", { redis = redis, script = function()
      local lull = require "lull"
      local api = lull.client { base = "http://api.test", limit = "500/1m", lanes = LANES, lane = "one" }
      for i = 1, 30 do
        assert(api:get("/" .. i))
        lull.sleep(0.5 + math.random())
      end
    end })
    assert.equal(150, #t.requests)
    assert.is_true(redis.taken < 100, redis.taken .. " scripts for 150 requests")
  end)

  it("hold all of them from a round trip after one was told to wait", function()
    local latency, told = 0.004, nil
    local t = run(40, "100/1s", { redis = sim.redis(latency), world = function(request)
      if request.machine == 3 and request.time > 0.3 and not told then
        told = request.time
        return { status = 429, headers = { ["retry-after"] = "5" } }
      end
      return 200
    end })
    assert.is_number(told)
    local after, last = 0, 0
    for _, time in ipairs(times_of(t)) do
      assert(time <= told + 2 * latency or time >= told + 5, "sent " .. time - told .. " s after it was told to wait")
      if time >= told + 5 then after = after + 1 end
      last = time
    end
    assert.is_true(after > 0 and last < told + 10)
  end)

  it("have the slots back of one that is switched off, when its lease is over", function()
    local sent, most, all = {}, 0, nil
    run(100, { parallel = 4 }, { machines = 2, off = { 2.5 }, world = function(request)
      local flying, mine = 1, request.machine == 2 and 1 or 0
      for i = #sent, math.max(1, #sent - 8), -1 do
        if sent[i].time > request.time - 1 + 1e-6 then
          flying, mine = flying + 1, mine + (sent[i].machine == 2 and 1 or 0)
        end
      end
      sent[#sent + 1] = request
      most = math.max(most, flying)
      if mine == 4 then all = all or request.time end
      return { status = 200, delay = 1 }
    end })
    assert.equal(4, most)
    -- A lease is of 30 s, and is renewed in its first third.
    assert.is_true(all > 2.5 + 20 and all < 2.5 + 32, "it has all slots at " .. tostring(all))
  end)

  it("do one batch, and what one leaves that is switched off", function()
    local keys, seen = {}, {}
    local o = { machines = 3, off = { [2] = 1.2 }, journal = "redis://redis.test/0/scans?lease=2s",
      world = function(request)
        local key = request.headers["idempotency-key"]
        assert(key and (keys[request.path] or key) == key, "another key")
        keys[request.path] = key
        seen[request.path] = true
        return { status = 201, delay = 0.3 }
      end, script = function()
        local lull = require "lull"
        local api, list = lull.client { base = "http://api.test" }, {}
        for i = 1, 60 do list[i] = "i" .. i end
        local sum = lull.each(list, { parallel = 3 }, function(x) return api:post("/" .. x, { key = true }) end)
        print(sum.total, sum.done + sum.before, sum.failed, sum.open)
      end }
    local t = sim.run(o)
    if t.err then error(tostring(t.err), 0) end
    assert.equal("60\t60\t0\t0\n60\t60\t0\t0\n", t.output)
    local by = {}
    for _, request in ipairs(t.requests) do by[request.machine] = (by[request.machine] or 0) + 1 end
    assert.is_true(by[1] > 0 and by[2] > 0 and by[3] > 0)
    for i = 1, 60 do assert.is_true(seen["/i" .. i]) end
    assert.equal(t.text, sim.run(o).text)
  end)

  it("take what one had that is switched off as soon as its lease is over", function()
    local redis, ends, again = sim.redis(), 0, nil
    local evaluate = redis.evaluate
    function redis:evaluate(...)
      local said = evaluate(self, ...)
      ends = (self.keys["{lull:scans}:workers"] or {})["2"] or ends
      return said
    end
    local t = sim.run { machines = 2, off = { [2] = 15 }, journal = "redis://redis.test/0/scans", redis = redis,
      world = function(request)
        if request.machine == 1 and request.time > 15 then again = request.time end
        return { status = 200, delay = request.machine == 2 and 60 or 1 }
      end, script = function()
        local lull = require "lull"
        local api = lull.client { base = "http://api.test", timeout = 90, backoff = { base = 0.001 } }
        lull.each({ "i1", "i2" }, { parallel = 1 }, function(x) return api:get("/" .. x) end)
      end }
    if t.err then error(tostring(t.err), 0) end
    local late = again - (ends / 1000 - 1767225600)
    assert.is_true(ends / 1000 > 1767225600 + 30 and late >= 0 and late < 0.02, late .. " s late")
  end)

  -- The first one's clock and generator were those of all: when it had ended, the
  -- others' os.time stood still, and math.random raised.
  it("have each a clock of its own, when another has ended", function()
    local n = 0
    local t = sim.run { machines = 2, world = function() return 200 end, script = function()
      local lull = require "lull"
      n = n + 1
      if n == 1 then return end
      local began = os.time()
      lull.sleep(100)
      print(os.time() - began, math.random() < 1)
    end }
    if t.err then error(tostring(t.err), 0) end
    assert.equal("100\ttrue\n", t.output)
  end)

  it("say what one of them fails with", function()
    local t = sim.run { machines = 2, world = function() return 200 end, script = function()
      require("lull").sleep(math.random())
      error "no more"
    end }
    assert.are.same({ false, 1 }, { t.ok, t.code })
    assert.matches("no more", tostring(t.err))
    assert.has_error(function() sim.run { machines = 0, script = print, world = {} } end,
      "sim.run: machines is how many there are, from 1")
    assert.has_error(function() sim.run { off = { 1 }, script = print, world = {} } end,
      "sim.run: off is of several machines")
  end)
end)
