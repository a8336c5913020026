-- While nobody answers at all one call goes at a time, and the others wait. Each of
-- them used up its attempts in a few seconds, one after the other, and the retry
-- budget with them: an outage of a minute took 2,400 of 3,000 rows their attempts.

local support = require "tests.support"

-- `class` between the two times (s), and 201 before and after.
local function away(from, to, class)
  local requests = 0
  local function world()
    local lull = require "lull"
    if lull.now() >= from and lull.now() < to then
      requests = requests + 1
      if class == "net.timeout.connect" then lull.sleep(10) end
      return class
    end
    lull.sleep(0.05)
    return 201
  end
  return world, function() return requests end
end

local function batch(world, n, parallel, client)
  local sum, took
  support.sim(world, function(lull)
    local api = lull.client(client or {})
    local items = {}
    for i = 1, n do items[i] = i end
    sum = lull.each(items, { parallel = parallel }, function(i)
      return api:post("http://api.test/" .. i, { key = true })
    end)
    took = lull.now()
  end)
  return sum, took
end

describe("a server that is not there", function()
  it("costs a batch no item, and hardly an attempt", function()
    for _, class in ipairs { "net.refused", "net.dns", "net.unreachable" } do
      local world, requests = away(1, 61, class)
      local sum, took = batch(world, 600, 10)
      assert.are.equal(600, sum.done, class)
      assert.is_true(requests() < 50, class .. " " .. requests())
      assert.is_true(took < 80, class .. " " .. took)
    end
  end)

  -- Those were taken for a sign of load alone: ten at once went on with them, and four
  -- of 600 had none left after five minutes.
  it("costs a batch no item either when connections do not come about in time", function()
    local world, requests = away(1, 301, "net.timeout.connect")
    local sum = batch(world, 600, 10)
    assert.are.equal(600, sum.done)
    assert.is_true(requests() < 42, requests())
  end)

  it("is left alone by all but one, at most each four seconds", function()
    local world, requests = away(0, 1e9, "net.refused")
    local sum = batch(world, 100, 10, { deadline = 600, attempts = 1000, budget = false })
    assert.are.equal(100, sum.later)
    assert.is_true(requests() < 10 + 6000 / 3.6 + 20, requests())
  end)

  it("leaves a call that is alone its own waits", function()
    local world, requests = away(0, 1e9, "net.refused")
    local err
    support.sim(world, function(lull)
      local api = lull.client { attempts = 4, backoff = "const:10ms" }
      err = select(2, api:get "http://api.test/")
    end)
    assert.are.equal(4, requests())
    assert.are.equal(3, math.floor(err.elapsed * 100 + 0.5))
  end)

  it("holds up nobody in a lane that the script has named: it may have other servers", function()
    local took
    support.sim({
      ["http://dead.test"] = function() return "net.refused" end,
      ["http://live.test"] = function() return 200 end,
    }, function(lull)
      local api = lull.client { lane = "all", attempts = 2, backoff = "const:10ms", slow_start = false }
      local items = {}
      for i = 1, 50 do items[i] = i end
      lull.each(items, { parallel = 5 }, function(i)
        return api:get(("http://%s.test/%d"):format(i % 5 == 0 and "live" or "dead", i))
      end)
      took = lull.now()
    end)
    assert.is_true(took < 0.2, took)
  end)

  it("pauses nobody by a single refusal", function()
    local function sixtieth(refused)
      local n, at = 0, nil
      support.sim(function()
        local lull = require "lull"
        n = n + 1
        if n == 60 then at = lull.now() end
        local answer = n == refused and "net.refused" or 200
        lull.sleep(0.01)
        return answer
      end, function(lull)
        local items = {}
        for i = 1, 100 do items[i] = i end
        lull.each(items, { parallel = 4 }, function(i) return lull.get("http://api.test/" .. i) end)
      end)
      return at
    end
    local without, with = sixtieth(0), sixtieth(20)
    assert.is_true(with < without + 0.1, with .. " " .. without)
  end)
end)
