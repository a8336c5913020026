-- What bounds a call: timeouts, deadline, the longest hint, the lane's pause,
-- budget and breaker.
local support = require "tests.support"
local sim, replies, within = support.sim, support.replies, support.within

local URL = "http://api.test/"

local function has(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%q is not in %q"):format(part, tostring(text)), 2)
  end
end

-- One call, a GET; gives the response, the error and the transcript.
local function get(server, options, method)
  local res, err
  local t = sim(type(server) == "table" and replies(server) or server, function(lull)
    res, err = lull.client({ backoff = "const:1s,none", budget = false }):request(method or "GET", URL, options)
  end)
  local result = res or err
  assert.are.equal(#t.requests, #result.history)
  assert.are.equal(#t.requests, result.attempts)
  assert.are.equal(0, t.live)
  return res, err, t
end

local function always(reply, ...)
  local rest = { ... }
  return function() return reply, rest[1], rest[2] end
end

local function count(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

describe("timeout", function()
  it("of a list holds for attempt 1, 2, ..., and the last one stays", function()
    local _, err, t = get(always("hang"), { attempts = 5, timeout = { 2, 5, 10 } })
    local took = {}
    for i, entry in ipairs(err.history) do took[i] = entry.took end
    assert.are.same({ 2, 5, 10, 10, 10 }, took)
    assert.are.equal(41, t.now)
    assert.are.equal("attempts", err.why)
  end)

  it("is 30 s by default, and none for ever", function()
    local _, err = get(always("hang"), { attempts = 1 })
    assert.are.equal(30, err.elapsed)
    assert.are.equal(200, get({ { status = 200, delay = 5000 } }, { timeout = math.huge }).status)
  end)

  it("does not count the time in the queue", function()
    local t = sim(always { status = 200, delay = 8 }, function(lull)
      local api = lull.client { base = "http://api.test", limit = { parallel = 1 }, timeout = 10 }
      lull.each(count(3), function() assert(api:get("/")) end)
    end)
    assert.are.equal(24, t.now)
    assert.are.equal(3, #t.requests)
  end)

  it("lets an answer in that comes in time, and none that comes late", function()
    assert.are.equal(200, get({ { status = 200, delay = 2.999999 } }, { timeout = 3 }).status)
    local _, err, t = get({ { status = 201, delay = 3.5 }, { status = 202, delay = 1 } }, { timeout = 3, attempts = 2 })
    assert.is_nil(err)
    assert.are.equal(2, #t.requests)
  end)
end)

describe("deadline", function()
  it("stops rather than wait longer than it leaves", function()
    local _, err, t = get(always(503), { deadline = 10, attempts = 9, backoff = "exp:1s,none" })
    assert.are.equal("deadline", err.why)
    assert.are.equal(4, err.attempts) -- at 0, 1, 3 and 7 s; the next would be at 15
    assert.are.equal(7, t.now)
    assert.are.equal(503, err.response.status)
    has(err, "after 4 attempts in 7s: the deadline leaves no time")
  end)

  it("ends the attempt that is on the wire", function()
    local _, err, t = get(always("hang"), { deadline = 5 })
    assert.are.equal("deadline", err.why)
    assert.are.equal("net.timeout.read", err.reason)
    assert.are.equal(5, t.now)
    assert.are.equal(5, err.elapsed)
  end)

  it("counts the time in the queue", function()
    local err
    local t = sim(always { status = 200, delay = 10 }, function(lull)
      local api = lull.client { base = "http://api.test", limit = { parallel = 1 }, deadline = 5, timeout = 60 }
      local first = lull.spawn(api.get, api, "/1", { deadline = 60 })
      lull.sleep(0)
      err = select(2, api:get("/2"))
      assert.are.equal(5, lull.now())
      assert(first:join())
    end)
    assert.are.equal("deadline", err.why)
    assert.are.equal("deadline", err.reason)
    assert.are.equal(0, err.attempts)
    assert.are.equal(0, #err.history)
    assert.is_nil(err.response)
    assert.are.equal("GET http://api.test/2: nothing was sent: the deadline leaves no time", tostring(err))
    assert.are.equal(1, #t.requests)
  end)

  it("counts the time that a rule's function takes", function()
    local _, err, t = get(always(503), { deadline = 5, on = { [503] = function(attempt)
      require("lull.sched").sleep(6)
      assert.are.equal(5, attempt.left)
      return attempt:retry(0)
    end } })
    assert.are.equal("deadline", err.why)
    assert.are.equal(1, #t.requests)
    assert.are.equal(6, t.now)
  end)

  it("lets a rule's function accept after it", function()
    local res = get(always(503), { deadline = 5, on = { [503] = function(attempt)
      require("lull.sched").sleep(6)
      return attempt:accept()
    end } })
    assert.are.equal(503, res.status)
  end)

  it("of nothing sends nothing, or one attempt without time", function()
    local _, err = get(always("hang"), { deadline = 0 })
    assert.are.equal("deadline", err.why)
    assert.are.equal(0, err.elapsed)
  end)
end)

describe("whatever the policy", function()
  local KINDS = { "constant", "linear", "exponential" }
  local JITTERS = { "none", "full", "equal", "decorrelated", { 0.5, 3 }, { factor = { 0.5, 1.5 } } }
  local REPLIES = { 500, 502, 503, 429, "reset", "close", "hang", 408, 404, 200 }
  local METHODS = { "GET", "POST", "PUT" }

  local function policy(random)
    local backoff = { kind = KINDS[random(1, 3)], base = random(0, 40) / 10, factor = random(1, 40) / 10,
      cap = random(0, 300) / 10, jitter = JITTERS[random(1, #JITTERS)] }
    local options = { backoff = backoff, attempts = random(1, 12), timeout = random(1, 90) / 10,
      deadline = random(0, 600) / 10, max_hint = random(1, 300) / 10, budget = false, on = {} }
    if random(1, 3) == 1 then options.on["5xx"] = { "retry", attempts = random(1, 5) } end
    if random(1, 3) == 1 then
      options.on["net"] = function(attempt)
        local choice = random(1, 5)
        if choice == 1 then return attempt:retry(random(0, 100) / 10) end
        if choice == 2 then return attempt:retry { free = true } end
        if choice == 3 then return attempt:stop() end
        if choice == 4 then return "retry" end
      end
    end
    return options
  end

  local function server(random)
    return function()
      local reply = { delay = random(0, 30) / 10 }
      local what = REPLIES[random(1, #REPLIES)]
      reply[type(what) == "number" and "status" or "fault"] = what
      if type(what) == "number" and random(1, 3) == 1 then
        reply.headers = { ["retry-after"] = random(0, 40) }
      end
      return reply
    end
  end

  -- What holds for every call.
  local function check(result, options, method, requests)
    local what = method .. " " .. tostring(result)
    local waited, counted = 0, 0
    assert.are.equal(requests, result.attempts, what)
    assert.are.equal(requests, #result.history, what)
    for i, entry in ipairs(result.history) do
      waited = waited + entry.wait
      if not entry.free then counted = counted + 1 end
      assert.is_true(entry.wait >= 0, what)
      assert.are.equal(i < requests and "retry" or (result.why and "stop" or "accept"), entry.verdict, what)
      if entry.source == "backoff" then assert.is_true(entry.wait <= options.backoff.cap + 1e-6, what) end
      if entry.source == "hint" then assert.is_true(entry.hint_seconds <= options.max_hint, what) end
      assert.is_true(entry.took <= options.timeout + 1e-6, what)
    end
    assert.is_true(math.abs(waited - result.waited) < 1e-6, what)
    assert.is_true(result.elapsed <= options.deadline + 1e-6, what)
    assert.is_true(result.waited <= options.deadline + 1e-6, what)
    if not options.on["5xx"] then assert.is_true(counted <= options.attempts, what) end
    if result.why == "unsafe" then assert.are.equal("POST", method, what) end
  end

  for seed = 1, 4 do
    it("the waits stay within the deadline, the attempts within their limit, seed " .. seed, function()
      local random = support.generator(seed * 7919)
      local whys = {}
      local sent, answer = 0, server(random)
      local t = sim(function() sent = sent + 1; return answer() end, function(lull)
        for _ = 1, 100 do
          local options, method = policy(random), METHODS[random(1, 3)]
          local before = sent
          -- A lane of its own: pauses are told apart from waits elsewhere.
          options.lane = "lane " .. random(1, 1000000)
          local res, err = lull.client(options):request(method, URL)
          check(res or err, options, method, sent - before)
          local why = res and "accepted" or err.why
          whys[why] = (whys[why] or 0) + 1
        end
      end)
      assert.are.equal(0, t.live)
      for _, why in ipairs { "accepted", "attempts", "deadline", "unsafe", "rule", "hint" } do
        assert.is_true((whys[why] or 0) > 0, why)
      end
    end)
  end
end)

describe("a hint", function()
  it("is obeyed, never early, spread a little upwards", function()
    for _, seconds in ipairs { 1, 5, 30, 120 } do
      local res = get { { 429, { ["retry-after"] = seconds } }, 200 }
      assert.is_true(within(res.waited, seconds, seconds + math.min(1, seconds / 10)), res.waited)
      assert.are.equal("hint", res.history[1].source)
      assert.are.equal("retry-after", res.history[1].hint)
      assert.are.equal(seconds, res.history[1].hint_seconds)
    end
  end)

  it("of nothing leaves the backoff in force", function()
    local res = get { { 429, { ["retry-after"] = 0 } }, 200 }
    assert.are.equal(1, res.waited)
    assert.are.equal("backoff", res.history[1].source)
  end)

  it("of a fraction is not undercut", function()
    local res = get { { 429, { ["retry-after"] = "2.9" } }, 200 }
    assert.is_true(within(res.waited, 2.9, 3.2), res.waited)
  end)

  -- express-brute and fastify's ban refuse with a 403 that says how long;
  -- 409, 413 and 423 with a time are temporary, too (RFC 9110 15.5.14). Each
  -- was a failure for good.
  it("makes a 403, a 409, a 413 and a 423 temporary, for every method", function()
    for _, status in ipairs { 403, 409, 413, 423 } do
      for _, header in ipairs { "retry-after", "retry-after-ms", "Retry-After-short" } do
        for _, method in ipairs { "GET", "PUT", "POST" } do
          local wait = header == "retry-after-ms" and 5000 or 5
          local res = get({ { status, { [header] = wait } }, 200 }, {}, method)
          assert.are.equal(200, res.status)
          assert.is_true(within(res.waited, 5, 5.5), res.waited)
        end
      end
    end
  end)

  it("does so for no other status, nor when it says nothing or tells of a quota", function()
    for _, status in ipairs { 400, 401, 402, 404, 405, 410, 412, 422, 451, 501 } do
      local _, err = get(always(status, { ["retry-after"] = 5 }))
      assert.are.equal(1, err.attempts)
    end
    for _, headers in ipairs { {}, { ["retry-after"] = 0 }, { ["retry-after"] = "soon" },
      { ["x-ratelimit-remaining"] = 0, ["x-ratelimit-reset"] = 5 } } do
      for _, status in ipairs { 403, 409, 413, 423 } do
        local _, err = get(always(status, headers))
        assert.are.equal(1, err.attempts)
        assert.are.equal("rule", err.why)
      end
    end
    -- Flask-Limiter 3.3.0 sends a Retry-After with every answer, the
    -- application's own 403 too.
    local _, err = get(always(403, { ["retry-after"] = 5, ["x-ratelimit-remaining"] = 2,
      ["x-ratelimit-reset"] = 5 }))
    assert.are.equal(1, err.attempts)
    -- The time may stand in the next field.
    local res = get { { 403, { ["retry-after"] = 0, ["x-ratelimit-remaining"] = 0,
      ["x-ratelimit-reset"] = 5 } }, 200 }
    assert.is_true(within(res.waited, 5, 5.5), res.waited)
    res = get { { 403, { ["x-ratelimit-retry-after"] = 5 } }, 200 }
    assert.is_true(within(res.waited, 5, 5.5), res.waited)
  end)

  it("of a temporary status is bounded like any other, and a rule goes before it", function()
    local _, err = get(always(423, { ["retry-after"] = 301 }))
    assert.are.equal("hint", err.why)
    assert.are.equal(301, err.retry_after)
    _, err = get(always(423, { ["retry-after"] = 5 }), { on = { [423] = "stop" } })
    assert.are.equal(1, err.attempts)
    assert.are.equal(409, get({ { 409, { ["retry-after"] = 5 } } }, { on = { [409] = "accept" } }).status)
  end)

  it("that is longer than max_hint ends the call at once", function()
    local _, err, t = get(always(429, { ["retry-after"] = 11000 * 86400 }))
    assert.are.equal("hint", err.why)
    assert.are.equal(429, err.reason)
    assert.are.equal(11000 * 86400, err.retry_after)
    assert.are.equal(0, t.now)
    assert.are.equal(1, err.attempts)
    has(err, "429 Too Many Requests after 1 attempt in 0s: the server asks for a longer wait than allowed (11000d)")
    _, err = get(always(503, { ["retry-after"] = 301 }))
    assert.are.equal("hint", err.why)
    assert.are.equal(301, err.retry_after)
    assert.are.equal(2, get({ { 503, { ["retry-after"] = 301 } }, 200 }, { max_hint = 301 }).attempts)
  end)

  -- It was lost with the last attempt, so that an item of a batch was due at once.
  it("is told by the error of a call that has no attempts or tokens left for it", function()
    local _, err = get(always(503, { ["retry-after"] = 30 }), { attempts = 2 })
    assert.are.same({ "attempts", 30 }, { err.why, err.retry_after })
    has(err, "attempts used up, and the server asked for 30s")
    _, err = get({ { 503, { ["retry-after"] = 30 } }, 500 }, { attempts = 2 })
    assert.are.same({ "attempts", 500 }, { err.why, err.reason })
    assert.is_nil(err.retry_after)
    _, err = get(always(403, { ["x-ratelimit-reset"] = 5, ["x-ratelimit-remaining"] = 2 }), { attempts = 2 })
    assert.is_nil(err.retry_after) -- nothing was to be tried again
  end)

  it("that is longer than the deadline leaves ends the call at once", function()
    local _, err, t = get(always(503, { ["retry-after"] = 60 }), { deadline = 50 })
    assert.are.equal("hint", err.why)
    assert.are.equal(60, err.retry_after)
    assert.are.equal(0, t.now)
  end)

  it("is overruled by a function's own wait, also when it is too long", function()
    local res = get({ { 429, { ["retry-after"] = 9999 } }, 200 }, { on = { [429] = function(attempt)
      assert.are.equal(9999, attempt.hint.seconds)
      return attempt:retry(3)
    end } })
    assert.are.equal(3, res.waited)
  end)

  it("may be a date, measured by the server's own clock", function()
    local res = get { { 503, { date = "Fri, 29 Sep 2023 16:26:37 GMT",
      ["retry-after"] = "Fri, 29 Sep 2023 16:26:57 GMT" } }, 200 }
    assert.is_true(within(res.waited, 20, 21), res.waited)
  end)
end)

describe("a lane that was told to wait", function()
  -- 20 calls at once, 5 in parallel; the first answer says 429.
  local function crowd(first)
    local n = 0
    return sim(function()
      n = n + 1
      if n <= 5 then return first end
      return { status = 200, delay = 1 }
    end, function(lull)
      local api = lull.client { base = "http://api.test", limit = { parallel = 5 }, budget = false }
      lull.each(count(20), { parallel = 20 }, function(i) assert(api:get("/" .. i)) end)
    end)
  end

  -- A download takes long, and its status is known long before.
  it("ends for the others with the status of the one that goes first, not with its body", function()
    local n, passed = 0, {}
    sim(function()
      n = n + 1
      if n <= 4 then return { status = 429, headers = { ["retry-after"] = 10 } } end
      passed[#passed + 1] = require("lull").now()
      return { status = 200, delay = 0.1, body = ("x"):rep(10), drip = 1 }
    end, function(lull)
      local tasks = {}
      for i = 1, 4 do tasks[i] = lull.spawn(function() assert(lull.get("http://api.test/" .. i)) end) end
      for i = 1, 4 do tasks[i]:join() end
    end)
    assert.are.equal(4, #passed)
    local apart = passed[2] - passed[1] -- the first body has come after 10.1 s
    assert.is_true(apart >= 0.1 and apart < 1, tostring(apart))
  end)

  it("holds all of its calls back, then one goes first", function()
    local t = crowd { status = 429, headers = { ["retry-after"] = 10 } }
    local early, at_once = 0, 0
    for _, request in ipairs(t.requests) do
      if request.time < 10 then early = early + 1 end
      if request.time >= 10 and request.time < t.requests[6].time + 1 then at_once = at_once + 1 end
    end
    assert.are.equal(5, early)
    assert.are.equal(1, at_once)
    assert.are.equal(25, #t.requests)
  end)

  it("does so for a 503 with a hint, and not for one without", function()
    local t = crowd { status = 503, headers = { ["retry-after"] = 10 } }
    assert.are.equal(5, #t.requests - 20)
    assert.is_true(t.requests[6].time >= 10)
    t = crowd { status = 503 }
    assert.is_true(t.requests[6].time < 1)
  end)

  it("does so for a limiter's 403, and not for a file that is locked", function()
    local t = crowd { status = 403, headers = { ["retry-after"] = 10 } }
    assert.are.equal(5, #t.requests - 20)
    assert.is_true(t.requests[6].time >= 10)
    t = crowd { status = 423, headers = { ["retry-after"] = 10 } }
    assert.is_true(t.requests[6].time < 1)
  end)

  it("lets the lanes beside it alone", function()
    local times = {}
    sim({ ["http://api.test"] = replies { { 429, { ["retry-after"] = 30 } }, 200 },
      ["http://other.test"] = always(200) }, function(lull)
      local task = lull.spawn(lull.get, URL)
      lull.sleep(1)
      assert(lull.get("http://other.test/"))
      times.other = lull.now()
      task:join()
      times.first = lull.now()
    end)
    assert.are.equal(1, times.other)
    assert.is_true(times.first >= 30)
  end)

  it("is not stopped by a wait that is too long to be obeyed", function()
    local n = 0
    sim(function()
      n = n + 1
      if n == 1 then return 429, { ["retry-after"] = 86400 } end
      return 200
    end, function(lull)
      local _, err = lull.get(URL)
      assert.are.equal("hint", err.why)
      assert.are.equal(200, lull.get(URL).status)
      assert.are.equal(0, lull.now())
    end)
  end)
end)

describe("the budget", function()
  it("bounds retries, and the error says whose limit it is and how full", function()
    local err
    local t = sim(always(503), function(lull)
      local api = lull.client { attempts = 9, backoff = "const:1s,none",
        budget = { capacity = 2, cost = 1, refund = 0 } }
      err = select(2, api:get(URL))
    end)
    assert.are.equal("budget", err.why)
    assert.are.equal(503, err.reason)
    assert.are.equal(3, #t.requests)
    assert.are.equal(0, err.budget)
    assert.are.equal(2, err.budget_capacity)
    assert.are.equal("http://api.test", err.lane)
    has(err, "503 Service Unavailable after 3 attempts in 2s: lull's own retry budget is empty "
      .. "(lane http://api.test: 0 of 2 tokens)")
  end)

  it("is paid back by successes, and shared by all calls of the lane", function()
    local whys = {}
    sim(function(request) return request.path == "/bad" and 503 or 200 end, function(lull)
      local api = lull.client { base = "http://api.test", attempts = 9, backoff = "const:1s,none",
        budget = { capacity = 2, cost = 1, refund = 0.5 } }
      local function bad()
        local _, err = api:get("/bad")
        whys[#whys + 1] = err.attempts
      end
      bad()
      bad()
      for _ = 1, 4 do api:get("/good") end
      bad()
      for _ = 1, 1000 do api:get("/good") end
      bad()
    end)
    assert.are.same({ 3, 1, 3, 3 }, whys)
  end)

  it("is on by default: an outage costs a tenth more, not five times as much", function()
    local capacity
    local t = sim(always(503), function(lull)
      lull.each(count(1000), function() lull.get(URL) end)
      capacity = lull.lanes()["http://api.test"].budget_capacity
    end)
    assert.are.equal(1000 + capacity, #t.requests)
    assert.is_true(capacity <= 100)
  end)

  it("may be turned off", function()
    local t = sim(always(503), function(lull)
      local api = lull.client { budget = false }
      lull.each(count(10), function() api:get(URL) end)
    end)
    assert.are.equal(50, #t.requests)
  end)

  it("is not charged for free retries", function()
    local t = sim(replies { 202, 202, 202, 202, 200 }, function(lull)
      local api = lull.client { budget = { capacity = 1, cost = 1, refund = 0 }, on = { [202] = function(attempt)
        return attempt:retry { free = true }
      end } }
      assert(api:get(URL))
    end)
    assert.are.equal(5, #t.requests)
  end)
end)

describe("the breaker", function()
  it("refuses calls at once while it is open, and says when it will try", function()
    local err
    local broken = true
    local t = sim(function() return broken and 500 or 200 end, function(lull)
      local api = lull.client { base = "http://api.test", attempts = 1,
        breaker = { failures = "50%", window = "30s", least = 4, open = "15s" } }
      for _ = 1, 4 do api:get("/") end
      err = select(2, api:get("/"))
      assert.are.equal("breaker", err.why)
      assert.are.equal(0, err.attempts)
      assert.is_true(within(err.retry_after, 14, 15))
      has(err, "nothing was sent: lull's own circuit breaker is open (15s) (lane http://api.test)")
      broken = false
      lull.sleep(15)
      assert.are.equal(200, api:get("/").status)
      assert.are.equal(200, api:get("/").status)
    end)
    assert.are.equal(6, #t.requests)
  end)

  local BREAKER = { failures = "50%", window = "1m", least = 4, open = "10m" }

  -- They waited for one probe after the other, ten minutes each.
  it("ends calls that wait to be tried again, when their time comes", function()
    local ended = {}
    local t = sim(function() require "lull".sleep(0.1); return 503 end, function(lull)
      local api = lull.client { base = "http://api.test", attempts = 4, backoff = "const:5s,0s-1s",
        breaker = BREAKER }
      lull.each({ 1, 2, 3, 4 }, { parallel = 4 }, function(i)
        if i == 4 then lull.sleep(1) end
        local _, err = api:get("/" .. i)
        ended[i] = lull.now()
        assert.are.equal("breaker", err.why)
        assert.are.equal(1, err.attempts)
        assert.are.equal(503, err.reason)
      end)
    end)
    assert.is_true(within(ended[4], 1, 2))
    for i = 1, 3 do assert.is_true(within(ended[i], 5, 7)) end
    assert.are.equal(4, #t.requests)
    assert.are.equal(0, t.live)
  end)

  it("ends calls that wait in the queue, when it opens", function()
    local t = sim(function() return 500 end, function(lull)
      local api = lull.client { base = "http://api.test", attempts = 1, limit = { parallel = 1 },
        breaker = BREAKER }
      local whys = {}
      lull.each({ 1, 2, 3, 4, 5, 6 }, { parallel = 6 }, function(i)
        whys[i] = select(2, api:post("/")).why
      end)
      assert.are.same({ "unsafe", "unsafe", "unsafe", "unsafe", "breaker", "breaker" }, whys)
      assert.is_true(lull.now() < 1)
    end)
    assert.are.equal(4, #t.requests)
    assert.are.equal(0, t.live)
  end)

  -- The one that tried it hung until its timeout, and nobody else was let in, though
  -- the server was well again.
  it("is tried by another, when the one that tries it is slow", function()
    local t = sim(function(request)
      if request.path == "/down" then return 500 end
      if request.path == "/slow" then require "lull".sleep(20) end
      return 200
    end, function(lull)
      local api = lull.client { base = "http://api.test", attempts = 1,
        breaker = { failures = "50%", window = "30s", least = 4, open = "15s" } }
      for _ = 1, 4 do api:get("/down") end
      lull.sleep(15)
      local slow = lull.spawn(function() return api:get("/slow") end)
      lull.sleep(1)
      assert.are.equal("breaker", select(2, api:get("/soon")).why)
      lull.sleep(1)
      assert.are.equal(200, api:get("/other").status)
      assert.are.equal(200, api:get("/more").status)
      assert.are.equal(200, slow:join().status)
    end)
    assert.are.equal(7, #t.requests)
  end)

  it("lets who was sent before wait for the one that probes", function()
    local broken = true
    local t = sim(function(request)
      if request.path == "/probe" then require "lull".sleep(2) end
      return broken and 503 or 200
    end, function(lull)
      local api = lull.client { base = "http://api.test", attempts = 3, budget = false,
        backoff = "const:31s", breaker = { failures = "50%", window = "1m", least = 4, open = "30s" } }
      local waiting = lull.spawn(function() return api:get("/early") end)
      for _ = 1, 3 do api:get("/", { attempts = 1 }) end
      broken = false
      lull.sleep(30.5)
      local probe = lull.spawn(function() return api:get("/probe") end)
      lull.sleep(0.1)
      local _, err = api:get("/late")
      assert.are.equal("breaker", err.why)
      assert.are.equal(200, probe:join().status)
      assert.are.equal(200, waiting:join().status)
    end)
    assert.are.equal(6, #t.requests)
  end)
end)
