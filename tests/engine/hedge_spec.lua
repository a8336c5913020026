-- Hedging: when an answer is late, a second attempt races the first.
local support = require "tests.support"

local URL = "http://api.test/x"

-- Answers in their order, each as a table; the n-th request gets the n-th.
local function server(list, requests)
  return function(request, n)
    if requests then requests[#requests + 1] = request end
    return list[n] or 200
  end
end

local function call(list, options, method)
  local res, err
  local t = support.sim(server(list), function(lull)
    local client = lull.client(options)
    res, err = client[method or "get"](client, URL)
  end)
  return res, err, t
end

describe("a hedge", function()
  it("gives the first answer, and cancels the other", function()
    local res, _, t = call({ { body = "slow", delay = 5 }, { body = "fast", delay = 0.1 } }, { hedge = "200ms" })
    assert.equal("fast", res.body)
    assert.equal(2, res.attempts)
    assert.equal(2, #t.requests)
    assert.equal(2, #res.history)
    assert.is_true(support.within(res.elapsed, 0.299, 0.301))
    local won, lost = res.history[1], res.history[2]
    assert.is_true(won.hedge)
    assert.equal("accept", won.verdict)
    assert.equal("cancelled", lost.outcome)
    assert.equal("cancelled", lost.why)
    assert.is_true(lost.sent)
    assert.equal(0, t.live)
  end)

  it("loses when the first answers after all", function()
    local res, _, t = call({ { body = "first", delay = 0.3 }, { body = "second", delay = 5 } }, { hedge = 0.2 })
    assert.equal("first", res.body)
    assert.equal(2, #t.requests)
    assert.equal("cancelled", res.history[2].outcome)
    assert.is_true(res.history[2].hedge)
  end)

  it("is not sent when the answer is in time", function()
    local res, _, t = call({ { delay = 0.1 } }, { hedge = 0.2 })
    assert.equal(1, res.attempts)
    assert.equal(1, #t.requests)
  end)

  it("is for safe methods alone", function()
    for _, method in ipairs { "post", "put", "patch", "delete" } do
      local _, _, t = call({ { delay = 5 } }, { hedge = 0.2 }, method)
      assert.equal(1, #t.requests, method)
    end
    for _, method in ipairs { "get", "head", "options" } do
      local _, _, t = call({ { delay = 5 } }, { hedge = 0.2 }, method)
      assert.equal(2, #t.requests, method)
    end
  end)

  it("is not sent for a file, nor beyond the attempts", function()
    local path = os.tmpname()
    os.remove(path) -- what is simulated writes to no file that is there
    local _, _, t = call({ { delay = 5 } }, { hedge = 0.2, attempts = 1 })
    assert.equal(1, #t.requests)
    t = support.sim(server { { delay = 5 } }, function(lull)
      assert(lull.client({ hedge = 0.2 }):get(URL, { output = path }))
    end)
    assert.equal(1, #t.requests)
    os.remove(path)
  end)

  it("leaves the other running when it fails itself", function()
    local res, _, t = call({ { body = "late", delay = 1 }, { status = 503, delay = 0.1 } }, { hedge = 0.2 })
    assert.equal("late", res.body)
    assert.equal(2, #t.requests)
    assert.equal(503, res.history[1].outcome)
    assert.equal("retry", res.history[1].verdict)
    assert.equal(0, res.history[1].wait)
  end)

  -- The first leg was told to come back in 30 s, the second failed without a
  -- word, and the third request went after the backoff's second.
  it("keeps the hint of the leg that fails first", function()
    local res, _, t = call({ { status = 500, headers = { ["retry-after"] = "30" }, delay = 0.5 },
      { status = 500, delay = 0.5 }, { body = "ok" } }, { hedge = 0.2 })
    assert.equal("ok", res.body)
    assert.equal(3, #t.requests)
    assert.is_true(t.requests[3].time >= 30.5 and t.requests[3].time <= 31.6, tostring(t.requests[3].time))
    assert.equal("hint", res.history[2].source)
    assert.equal("retry-after", res.history[2].hint)
    -- A longer one of its own goes before, and one that is over is forgotten.
    _, _, t = call({ { status = 500, headers = { ["retry-after"] = "1" }, delay = 0.5 },
      { status = 500, headers = { ["retry-after"] = "40" }, delay = 0.5 }, { body = "ok" } }, { hedge = 0.2 })
    assert.is_true(t.requests[3].time >= 40.7, tostring(t.requests[3].time))
    _, _, t = call({ { status = 500, headers = { ["retry-after"] = "1" }, delay = 0.5 },
      { status = 500, delay = 5 }, { body = "ok" } }, { hedge = 0.2, backoff = "const:2s" })
    assert.is_true(math.abs(t.requests[3].time - 7.2) < 0.1, tostring(t.requests[3].time))
  end)

  it("goes on alone when the first fails", function()
    local res = call({ { fault = "reset", delay = 0.3 }, { body = "hedge", delay = 1 } }, { hedge = 0.2 })
    assert.equal("hedge", res.body)
    assert.equal("net.reset", res.history[1].outcome)
  end)

  it("is followed by a retry when both fail", function()
    local res, _, t = call({ { status = 500, delay = 0.3 }, { status = 500, delay = 0.3 }, 200 },
      { hedge = 0.2, attempts = 3 })
    assert.equal(200, res.status)
    assert.equal(3, #t.requests)
    assert.equal(3, res.attempts)
  end)

  it("counts as an attempt", function()
    local _, err, t = call({ { status = 500, delay = 0.3 }, { status = 500, delay = 0.3 }, 200 },
      { hedge = 0.2, attempts = 2 })
    assert.equal("attempts", err.why)
    assert.equal(2, #t.requests)
  end)

  it("is paid from the budget, and not sent when that is empty", function()
    local levels = {}
    local t = support.sim(server { { delay = 5 }, { delay = 0.1 }, { delay = 5 }, { delay = 5 } }, function(lull)
      local client = lull.client { hedge = 0.2, budget = { capacity = 1, cost = 1, refund = 0 } }
      assert(client:get(URL))
      levels[1] = lull.lanes()["http://api.test"].budget
      assert(client:get(URL))
    end)
    assert.equal(0, levels[1])
    assert.equal(3, #t.requests)
  end)

  it("ends with the deadline, both legs in the history", function()
    local _, err, t = call({ { delay = 9 }, { delay = 9 } }, { hedge = 0.2, deadline = 1 })
    assert.equal("deadline", err.why)
    assert.equal(2, #t.requests)
    assert.equal(2, #err.history)
    assert.is_true(err.elapsed <= 1.000001)
  end)

  it("ends with its task", function()
    local t = support.sim(server { { delay = 9 }, { delay = 9 } }, function(lull)
      local task = lull.spawn(function() lull.client({ hedge = 0.2 }):get(URL) end)
      lull.sleep(1)
      task:cancel()
    end)
    assert.equal(2, #t.requests)
    assert.equal(0, t.live)
  end)

  it("waits for a place in its lane", function()
    local res, _, t = call({ { body = "one", delay = 1 } }, { hedge = 0.2, limit = { parallel = 1 } })
    assert.equal("one", res.body)
    assert.equal(1, #t.requests)
    assert.equal(0, t.live)
  end)

  -- A function is asked about the answer that came first, not about the loser.
  it("lets a rule's function judge the winner", function()
    local asked = {}
    local res = call({ { status = 404, delay = 5 }, { status = 404, delay = 0.1, body = "b" } },
      { hedge = 0.2, on = { [404] = function(attempt)
        asked[#asked + 1] = attempt.body
        return attempt:accept()
      end } })
    assert.equal(404, res.status)
    assert.are.same({ "b" }, asked)
  end)
end)

describe("a hedge over real sockets", function()
  local wire = require "tests.wire"
  teardown(wire.clean)

  it("is a second request on the wire, and the first is let go", function()
    local server_child = wire.server [[
return { ["http://api.test"] = function(_, n)
  return { body = n == 1 and "slow" or "fast", delay = n == 1 and 5 or 0 }
end }
]]
    local body, attempts
    wire.real(function(lull)
      local res = assert(lull.client({ hedge = 0.05 }):get(server_child.url .. "/"))
      body, attempts = res.body, #res.history
    end)
    assert.equal("fast", body)
    assert.equal(2, attempts)
    assert.equal(2, #server_child:requests(2))
    server_child:stop()
  end)
end)
