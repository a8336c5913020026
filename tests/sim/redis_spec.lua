-- A journal in a Redis, and lanes that are shared by one, in a simulated world: the
-- same scripts decide, by the world's clock.
local cases = require "tests.kill_cases"
local kills = require "tests.kills"
local sim = require "lull.sim"

local JOURNAL = "redis://redis.test/0/scans?lease=1s"

describe("a simulated Redis", function()
  local function place(latency)
    local redis = sim.redis(latency)
    return { options = { journal = JOURNAL, redis = redis }, gap = 2,
      crash = function(nth, keep) redis:crash(nth, keep) end }
  end

  it("keeps a batch that is killed at each script", function()
    local made = cases.batches[1].make()
    made.again = { 0, 2 }
    kills.kill_at_each(made, function() return place(0) end)
  end)

  it("gives the same bytes for the same seed, over a kill too", function()
    local function story()
      local one, server, lines = place(0.002), kills.new_server(kills.flaky(3, 503)), {}
      local case = { chaos = "20% net.reset", script = function(lull)
        local api = lull.client { base = "http://api.test", attempts = 9, backoff = { base = 0.1 } }
        return lull.each({ "a", "b", "c", "d" }, { parallel = 2 }, function(x)
          return api:post("/p/" .. x, { key = true, json = { b = x, a = 1 } })
        end)
      end }
      for run, nth in ipairs { 9, 6, 0 } do
        one.crash(nth, run == 2)
        local t = kills.run(case, one, server, run)
        lines[#lines + 1] = t.text
        for _, request in ipairs(t.requests) do
          lines[#lines + 1] = ("%s %s %s"):format(request.time, request.path, request.headers["idempotency-key"])
        end
      end
      kills.all_settled(case.sum, 4)
      return table.concat(lines, "\n")
    end
    local first = story()
    assert.matches("exit 70.*exit 70.*exit 0", first)
    assert.are.equal(first, story())
  end)

  it("has what a run before has left, and no more than the limit of all goes", function()
    local redis, starts, base = sim.redis(), {}, 0
    local function run(count)
      local t = sim.run { world = function() return 200 end, redis = redis, time = 1767225600 + base,
        args = { count }, script = function(n)
          local lull = require "lull"
          local api = lull.client { base = "http://api.test", limit = "10/1s", lanes = "redis://redis.test/0/api" }
          for _ = 1, n do assert(api:get "/") end
        end }
      assert.is_true(t.ok, tostring(t.err))
      for _, request in ipairs(t.requests) do starts[#starts + 1] = base + request.time end
      base = base + t.elapsed
    end
    run(14)
    run(14)
    assert.equal(28, #starts)
    for i = 11, #starts do
      assert(starts[i] - starts[i - 10] >= 1 - 1e-6, "a window holds more")
    end
    assert.is_true(starts[28] < 3)
  end)

  -- A process that had room for more asked four times a second whether there was some:
  -- 200 scripts in 40 s, though all that was open was its own.
  it("is asked seldom while nothing can come, and what is due then is taken at once", function()
    local redis, now = sim.redis(0), 1767225600
    local function run(seconds, script, server)
      local t = sim.run { world = server, redis = redis, time = now, journal = "redis://redis.test/0/scans",
        script = script }
      assert.is_true(t.ok, tostring(t.err))
      now = now + seconds
      return t
    end
    run(10, function()
      require("lull").each({ "a" }, function() return nil, { later = true, retry_after = 30 } end)
    end, function() return 200 end)
    redis.taken = 0
    local t = run(0, function()
      local lull = require "lull"
      local api = lull.client { base = "http://api.test", timeout = 90 }
      lull.each({ "a", "b", "c" }, function(x) return api:get("/" .. x) end)
    end, function(request) return { status = 200, delay = request.path == "/b" and 40 or 1 } end)
    local times = {}
    for _, request in ipairs(t.requests) do times[request.path] = request.time end
    assert.is_true(times["/a"] >= 20 and times["/a"] < 20.01, times["/a"] .. " s, and it was due at 20")
    assert.is_true(t.elapsed >= 40 and t.elapsed < 40.1, "it ended at " .. t.elapsed .. " s, and its last at 40")
    assert.is_true(redis.taken < 110, redis.taken .. " scripts")
  end)

  it("says by whom a journal is kept that another version began", function()
    local redis = sim.redis()
    redis:evaluate("return redis.call('HSET', KEYS[1] .. ':meta', 'version', '99')", 0, { "{lull:scans}" })
    local t = sim.run { world = function() return 200 end, journal = JOURNAL, redis = redis, script = function()
      require("lull").each({ "a" }, function() end)
    end }
    assert.equal(1, t.code)
    assert.matches("another lull keeps that journal; use the version that began it", tostring(t.err))
  end)
end)
