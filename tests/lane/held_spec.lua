-- What holds a lane for longer than a call may wait ends the call at once, with
-- the time after which it may be tried again. Such calls waited in the queue until
-- their deadline, or for hours, to be told then what had been known all along.

local limits = require "bench.limits"
local support = require "tests.support"

-- One answer for the first request, and others for those after it.
local function first_then(first, rest)
  local n = 0
  return function()
    n = n + 1
    return n == 1 and first or rest or 200
  end, function() return n end
end

local function told(seconds) return { status = 429, headers = { ["retry-after"] = tostring(seconds) } } end
local function empty(seconds, more)
  local headers = { ["x-ratelimit-remaining"] = "0", ["x-ratelimit-reset"] = tostring(seconds) }
  for name, value in pairs(more or {}) do headers[name] = value end
  return headers
end

-- Begins a call that meets the first answer; then another: its end, and when.
local function second(first, options, client)
  local out = {}
  local world, requests = first_then(first)
  support.sim(world, function(lull)
    local api = lull.client(client or {})
    local before = lull.spawn(function() return api:get "http://api.test/1" end)
    lull.sleep(0.1)
    local began = lull.now()
    out.res, out.err = api:get("http://api.test/2", options)
    out.took = lull.now() - began
    out.requests = requests()
    before:cancel()
  end)
  return out
end

local function ended(out, why, by, after)
  assert.is_nil(out.res)
  assert.are.equal(why, out.err.why)
  assert.are.equal(0, out.took)
  assert.are.equal(1, out.requests)
  assert.are.equal(by, out.err.held_by)
  assert.near(after, out.err.retry_after, 0.11)
end

describe("a call that its lane is held too long for ends at once", function()
  it("when a pause that the server asked for is beyond its deadline", function()
    local out = second(told(60), { deadline = 30 })
    ended(out, "hint", "pause", 60)
    assert.is_true(out.err.later)
    assert.are.equal("GET http://api.test/2: nothing was sent: a pause would hold it in lane http://api.test"
      .. " for longer than allowed (1m 0s); run it again after that, or raise max_hint",
      (tostring(out.err):gsub("59%.%ds", "1m 0s")))
  end)

  it("and not when the pause ends before", function()
    local out = second(told(60), { deadline = 90 })
    assert.are.equal(200, out.res.status)
    assert.is_true(out.took >= 59)
  end)

  it("when the pause is the lane's own: then it is the deadline alone", function()
    local out = {}
    support.sim(function() return 503 end, function(lull)
      local api = lull.client { attempts = 9, budget = false }
      local tasks = {}
      for i = 1, 30 do tasks[i] = lull.spawn(function() api:get("http://api.test/" .. i) end) end
      lull.sleep(4)
      while lull.lanes()["http://api.test"].paused < 0.5 do lull.sleep(0.01) end
      local began = lull.now()
      local _, err = api:get("http://api.test/late", { deadline = 0.3 })
      out.why, out.took, out.by = err.why, lull.now() - began, err.held_by
      for i = 1, 30 do tasks[i]:cancel() end
    end)
    assert.are.same({ why = "deadline", took = 0, by = "pause" }, out)
  end)

  it("when a quota's reset is beyond what a wait may be", function()
    local out = second({ status = 200, headers = empty(3600) })
    ended(out, "hint", "pace", 3600)
    assert.is_truthy(tostring(out.err):find("the server's quota would hold it", 1, true))
    ended(second({ status = 200, headers = empty(200) }, { deadline = 100 }), "hint", "pace", 200)
    assert.are.equal(200, second({ status = 200, headers = empty(200) }).res.status)
  end)

  it("when a rate that the script set is beyond its deadline, or its `max_hint`", function()
    ended(second(200, { deadline = 20 }, { limit = "1/m" }), "hint", "rate", 60)
    ended(second(200, {}, { limit = "1/m", max_hint = 30 }), "hint", "rate", 60)
    ended(second(200, { deadline = 20 }, { limit = { ["GET /*"] = "1/m" } }), "hint", "rate", 60)
    assert.are.equal(200, second(200, {}, { limit = "1/15m" }).res.status)
  end)

  it("when what its lane has learned is beyond what a wait may be", function()
    local function ends(max_hint)
      local model, n, granted, held = limits.fixed(20, 600), 0, 0, 0
      support.sim(function()
        return { status = model.ask(require("lull").now()) and 200 or 429, delay = 0.05 }
      end, function(lull)
        local api = lull.client { attempts = 999, budget = false, max_hint = max_hint }
        lull.each(function()
          n = n + 1
          return n <= 100 and n or nil
        end, { parallel = 8 }, function(i)
          local res, err = api:get("http://api.test/" .. i)
          if res then
            granted = granted + 1
            return
          end
          assert.are.same({ "hint", "learned" }, { err.why, err.held_by })
          assert.is_true(err.retry_after > 300 and err.retry_after <= 600, tostring(err.retry_after))
          held = held + 1
        end)
      end)
      return { granted, held }
    end
    assert.are.same({ 40, 60 }, ends())
    assert.are.same({ 100, 0 }, ends "1h")
  end)

  it("when it waited in the queue, or for its next attempt, as the hold began", function()
    local ends = {}
    support.sim(function(request)
      if request.path == "/waits" then return 500 end
      return { status = 429, delay = 1, headers = { ["retry-after"] = "100" } }
    end, function(lull)
      local api = lull.client { limit = { parallel = 1 }, backoff = "const:5s" }
      local function call(path)
        return lull.spawn(function()
          local _, err = api:get("http://api.test" .. path, { deadline = path == "/long" and 500 or 50 })
          ends[path] = { err.why, err.held_by, lull.now() }
        end)
      end
      call "/waits"
      lull.sleep(0.1)
      local long = call "/long"
      lull.sleep(0.1)
      call "/queued"
      lull.sleep(2)
      assert.is_nil(ends["/long"])
      long:cancel()
    end)
    assert.are.same({ "hint", "pause" }, { ends["/queued"][1], ends["/queued"][2] })
    assert.near(1.1, ends["/queued"][3], 0.01)
    assert.are.same({ "hint", "pause" }, { ends["/waits"][1], ends["/waits"][2] })
    assert.near(1.1, ends["/waits"][3], 0.01)
  end)

  -- RFC 9110 and the RateLimit drafts: Retry-After has precedence over the reset of
  -- a quota beside it. The lane stood still until the reset.
  it("and a hint counts more than the reset of the quota beside it", function()
    for _, status in ipairs { 429, 503 } do
      local out = second({ status = status, headers = empty(60, { ["retry-after"] = "2" }) }, { deadline = 30 })
      assert.are.equal(200, out.res.status)
      assert.is_true(out.took > 1.5 and out.took < 5, tostring(out.took))
    end
  end)

  it("in a batch as what is left for later", function()
    local sum
    support.sim(first_then({ status = 200, headers = empty(3600) }), function(lull)
      sum = lull.each({ "a", "b", "c" }, { parallel = 1 }, function(id) return lull.get("http://api.test/" .. id) end)
    end)
    assert.are.same({ 1, 2, 75 }, { sum.done, sum.later, sum.code })
  end)
end)
