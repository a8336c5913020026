-- The retry budget, for whole calls: what an outage adds to the load, what
-- successes give back, and what an error says of it.
local support = require "tests.support"

local ORIGIN = "http://api.test"

-- `calls` calls at once, each with 5 attempts, against one server; gives
-- the number of requests that it saw, and the errors by why.
local function storm(calls, answer, options)
  local given = { base = ORIGIN, attempts = 5 }
  for name, value in pairs(options or {}) do given[name] = value end
  local why, left = {}, nil
  local t = support.sim(answer, function(lull)
    local client = lull.client(given)
    local i = 0
    lull.each(function()
      i = i + 1
      return i <= calls and i or nil
    end, { parallel = calls }, function()
      local res, err = client:get("/x")
      local key = res and "ok" or err.why
      why[key] = (why[key] or 0) + 1
    end)
    left = lull.lanes()[ORIGIN].budget
  end)
  return #t.requests, why, left
end

local function down() return 503 end

-- What a bucket of one token a retry and a tenth a success leads to.
local TENTH = { capacity = 100, cost = 1, refund = 0.1 }

describe("retry budget", function()
  it("lets a total outage add what the bucket holds, and no more", function()
    for _, calls in ipairs { 200, 1000 } do
      local sent, why, left = storm(calls, down, { budget = TENTH })
      assert.are.equal(calls + 100, sent)
      assert.are.equal(0, left)
      assert.are.equal(calls, (why.budget or 0) + (why.attempts or 0))
      assert.is_true(why.budget > 0)
    end
  end)

  it("is on by default: a total outage of 1,000 calls stays near 1.1", function()
    local sent = storm(1000, down)
    assert.is_true(support.within(sent / 1000, 1.005, 1.11), tostring(sent))
  end)

  it("can be turned off: then an outage multiplies by the attempts", function()
    local sent, why = storm(300, down, { budget = false })
    assert.are.equal(1500, sent)
    assert.are.equal(300, why.attempts)
  end)

  it("is no limit for a few calls", function()
    local sent, why = storm(20, down, { budget = TENTH })
    assert.are.equal(100, sent)
    assert.are.equal(20, why.attempts)
  end)

  it("ends by transport errors as well as by statuses", function()
    local sent = storm(500, function() return "close" end, { budget = TENTH })
    assert.are.equal(600, sent)
  end)

  it("takes a cost and a capacity as data", function()
    for _, case in ipairs { { 500, 5, 100 }, { 500, 10, 50 }, { 500, 14, 35 },
      { 5, 5, 1 }, { 20, 14, 1 }, { 14, 14, 1 }, { 13, 14, 0 }, { 0, 1, 0 } } do
      local sent = storm(200, down,
        { budget = { capacity = case[1], cost = case[2], refund = 0 } })
      assert.are.equal(200 + case[3], sent)
    end
  end)

  it("has each retry's cost taken once, and a success give its refund back", function()
    local levels = {}
    support.sim(support.replies { 503, 503, 200, 200, 404, 503, 404 }, function(lull)
      local client = lull.client { base = ORIGIN, budget = TENTH }
      for _ = 1, 4 do
        client:get("/x")
        levels[#levels + 1] = lull.lanes()[ORIGIN].budget
      end
    end)
    -- two retries and a success; a success; a refusal; a retry, then refused
    local expected = { 98.1, 98.2, 98.2, 97.2 }
    for i, level in ipairs(expected) do
      assert.is_true(math.abs(levels[i] - level) < 1e-9, tostring(levels[i]))
    end
  end)

  it("counts in whole thousandths: ten tenths are one", function()
    support.sim(function(_, n) return n <= 4 and 503 or 200 end, function(lull)
      local client = lull.client { base = ORIGIN, attempts = 2,
        budget = { capacity = 1, cost = 1, refund = 0.1 } }
      client:get("/x") -- one retry: the bucket is empty
      local _, err = client:get("/x")
      assert.are.equal("budget", err.why)
      _, err = client:get("/x")
      assert.are.equal("budget", err.why)
      for i = 1, 10 do
        assert(client:get("/x"))
        assert.are.equal(i == 10, lull.lanes()[ORIGIN].budget == 1)
      end
    end)
  end)

  it("is never filled beyond its capacity", function()
    support.sim(function() return 200 end, function(lull)
      local client = lull.client { base = ORIGIN, budget = TENTH }
      for _ = 1, 20 do assert(client:get("/x")) end
      assert.are.equal(100, lull.lanes()[ORIGIN].budget)
    end)
  end)

  it("does not refill by time", function()
    support.sim(down, function(lull)
      local client = lull.client { base = ORIGIN, attempts = 2,
        budget = { capacity = 1, cost = 1, refund = 0.1 } }
      client:get("/x")
      lull.sleep("10d")
      local _, err = client:get("/x")
      assert.are.equal("budget", err.why)
    end)
  end)

  it("does not pay for asking again after a 2xx or 3xx", function()
    support.sim(support.replies { 202, 202, 304, 202, 503, 200, 503 }, function(lull)
      local client = lull.client { base = ORIGIN, budget = { capacity = 1, cost = 1, refund = 0 },
        attempts = 9, on = { ["202|304"] = "retry" } }
      assert.are.equal(6, assert(client:get "/x").attempts)
      assert.are.equal(0, lull.lanes()[ORIGIN].budget)
      local _, err = client:get "/x"
      assert.are.equal("budget", err.why)
    end)
  end)

  it("does not pay for free retries", function()
    support.sim(support.replies { 503, 503, 503, 200 }, function(lull)
      local res = assert(lull.client { base = ORIGIN,
        budget = { capacity = 0, cost = 1, refund = 0 },
        on = { [503] = function(attempt) return attempt:retry { free = true, wait = 1 } end },
      }:get("/x"))
      assert.are.equal(4, res.attempts)
    end)
  end)

  it("is paid for a rule's own retries", function()
    support.sim(down, function(lull)
      local _, err = lull.client { base = ORIGIN,
        budget = { capacity = 2, cost = 1, refund = 0 },
        on = { [503] = function(attempt) return attempt:retry(1) end },
      }:get("/x")
      assert.are.equal(3, err.attempts)
      assert.are.equal("budget", err.why)
    end)
  end)

  it("is each lane's own", function()
    local function server() return 503 end
    support.sim({ ["http://a.test"] = server, ["http://b.test"] = server }, function(lull)
      local client = lull.client { attempts = 2, budget = { capacity = 1, cost = 1, refund = 0 } }
      client:get("http://a.test/")
      local _, err = client:get("http://a.test/")
      assert.are.equal("budget", err.why)
      _, err = client:get("http://b.test/")
      assert.are.equal("attempts", err.why)
      _, err = client:get("http://a.test/", { lane = "other" })
      assert.are.equal("attempts", err.why)
    end)
  end)

  it("is named as lull's own limit by the error", function()
    support.sim(down, function(lull)
      local _, err = lull.client { base = ORIGIN,
        budget = { capacity = 0, cost = 1, refund = 0 } }:get("/x")
      assert.are.equal("budget", err.why)
      assert.are.equal(503, err.reason)
      assert.are.equal(503, err.response.status)
      assert.is_truthy(tostring(err):find("lull's own retry budget", 1, true))
    end)
  end)

  -- With a tenth a success and three retries: M. Brooker's bucket, as
  -- attempts a call = 1 + min(f + f^2 + f^3, d (1 - f) / (1 - d (1 - f))).
  -- A large number of calls, one after the other, so that the full bucket at
  -- the start counts for little.
  describe("in a steady state", function()
    local CALLS = 2500

    local function load(f, seed)
      local sent = 0
      support.sim(function()
        sent = sent + 1
        return math.random() < f and 503 or 200
      end, function(lull)
        local client = lull.client { base = ORIGIN, attempts = 4,
          backoff = { kind = "constant", base = 0, jitter = "none" },
          budget = { capacity = 10, cost = 1, refund = 0.1 } }
        for _ = 1, CALLS do client:get("/x") end
      end, { seed = seed })
      return sent / CALLS
    end

    for f, expected in pairs { [.01] = 1.0101, [.05] = 1.0526, [.08] = 1.0869,
      [.1] = 1.0989, [.2] = 1.0870, [.5] = 1.0526, [.9] = 1.0101, [1] = 1.0 } do
      it(("attempts a call at a share of %g failures: %.4f"):format(f, expected), function()
        local got = load(f, 5)
        assert.is_true(math.abs(got - expected) < .015, tostring(got))
        assert.is_true(got < 1.115)
      end)
    end
  end)
end)
