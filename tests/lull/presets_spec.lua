-- Presets: each against the schedule and the statuses that its source
-- publishes, printed and in simulation.
local support = require "tests.support"

local function near(expected, got, what)
  if math.abs(expected - got) > 3e-6 then
    error(("%s: expected %.6g, got %.6g"):format(what, expected, got), 2)
  end
end

-- The core's client of a preset, as the module makes it, and the numbers of
-- its rules by their keys.
local function compiled(name, more)
  support.fresh()
  local options = require "lull.options"
  local given, numbers = { preset = name }, {}
  for field, value in pairs(more or {}) do given[field] = value end
  local settings = options.layer({}, given)
  for i, rule in ipairs(settings.on or {}) do numbers[rule.key] = i end
  local client, functions = options.compile(settings)
  return client, functions, numbers
end

-- least and most of wait 1, 2, 3 ... by the client's backoff, or its rule's.
local function prints(client, spans, rule)
  for n, span in ipairs(spans) do
    local least, mean, most = client:wait(n, rule)
    near(span[1], least, ("least of wait %d"):format(n))
    near(span[2], most, ("most of wait %d"):format(n))
    assert.is_true(least <= mean and mean <= most)
  end
end

local function full(list)
  local spans = {}
  for n, most in ipairs(list) do spans[n] = { 0, most } end
  return spans
end

local function exact(list)
  local spans = {}
  for n, wait in ipairs(list) do spans[n] = { wait, wait } end
  return spans
end

-- One call; `answer(n)` gives status, headers, body of its nth request.
local function call(name, answer, method, more, seed)
  local given = { base = "http://api.test", preset = name, budget = false }
  for field, value in pairs(more or {}) do given[field] = value end
  local res, err, requests
  local t = support.sim(function(_, n) return answer(n) end, function(lull)
    local client = lull.client(given)
    res, err = client:request(method or "GET", "/x")
    local history = (res or err).history
    requests = #history
  end, { seed = seed })
  local waits = {}
  for _, entry in ipairs((res or err).history) do
    if entry.verdict == "retry" then waits[#waits + 1] = entry.wait end
  end
  return { res = res, err = err, waits = waits, requests = requests,
    sent = t.requests, now = t.now }
end

local function always(...)
  local reply = { ... }
  return function() return reply[1], reply[2], reply[3] end
end

-- The waits of one call that meets the same answer for ever lie in `spans`,
-- and are of that number.
local function waits(name, spans, ...)
  local seen = {}
  for seed = 1, 20 do
    local got = call(name, always(...), "GET", nil, seed)
    assert.are.equal(#spans, #got.waits)
    assert.are.equal(#spans + 1, got.requests)
    assert.are.equal("attempts", got.err.why)
    for n, span in ipairs(spans) do
      local wait = got.waits[n]
      if wait < span[1] - 3e-6 or wait > span[2] + 3e-6 then
        error(("wait %d is %.6f"):format(n, wait), 2)
      end
      seen[n] = seen[n] or {}
      seen[n][wait] = true
    end
  end
  for n, span in ipairs(spans) do
    local distinct = 0
    for _ in pairs(seen[n]) do distinct = distinct + 1 end
    assert.is_true(distinct > 10 or span[1] == span[2], "the draws of wait " .. n)
  end
end

-- Which statuses are tried a second time, as a set. A 206 tells what it is a part
-- of: one that nobody asked for is accepted only when it is all there is. A 421
-- is asked again over another connection, whatever the preset: it says that this
-- one leads to another server.
local function retried(name, method)
  local set = {}
  support.sim(function(request)
    return tonumber(request.path:match("%d+")), { ["content-range"] = "bytes 0-0/1" }, "x"
  end, function(lull)
    local client = lull.client { base = "http://api.test", preset = name,
      attempts = 2, budget = false, limit = { parallel = 1 } }
    for status = 200, 599 do
      local res, err = client:request(method or "GET", "/" .. status)
      if (res or err).attempts > 1 then set[status] = true end
    end
  end)
  set[421] = nil
  return set
end

local function set_of(list)
  local set = {}
  for _, status in ipairs(list) do set[status] = true end
  return set
end

local function all_5xx(list, except)
  local set = set_of(list)
  for status = 500, 599 do set[status] = true end
  for _, status in ipairs(except or {}) do set[status] = nil end
  return set
end

describe("preset", function()
  it("that does not exist is an error that names the nearest", function()
    support.sim(always(200), function(lull)
      local ok, message = pcall(lull.client, { preset = "copyleak" })
      assert.is_false(ok)
      assert.is_truthy(tostring(message):find("did you mean 'copyleaks'?", 1, true))
    end)
  end)

  it("may be a table, or a name that the script gives", function()
    support.sim(support.replies { 418, 418, 200, 418, 418, 200 }, function(lull)
      local mine = { attempts = 3, on = { [418] = "retry" },
        backoff = { kind = "constant", base = 1, jitter = "none" } }
      lull.preset.mine = mine
      for _, preset in ipairs { mine, "mine" } do
        local res = assert(lull.client { base = "http://api.test", preset = preset }:get("/"))
        assert.are.equal(3, res.attempts)
        assert.are.equal(2, res.waited)
      end
    end)
  end)

  it("is overruled by the script's own options and rules", function()
    support.sim(support.replies { 429, 429, 503 }, function(lull)
      local client = lull.client { base = "http://api.test", preset = "curl",
        attempts = 9, on = { [503] = "stop" } }
      local _, err = client:get("/")
      assert.are.equal(3, err.attempts)
      assert.are.equal("rule", err.why)
    end)
  end)

  it("is checked like any client's options: all of them load", function()
    support.fresh()
    for name in pairs(require "lull.presets") do
      assert.are.equal("userdata", type(compiled(name)), name)
    end
  end)

  describe("standard", function()
    local SPANS = full { 1, 2, 4, 8, 16, 32, 60, 60 }

    it("prints full jitter on 1, 2, 4 ... 60", function()
      prints((compiled "standard"), SPANS)
      assert.are.equal(5, compiled("standard"):limits().attempts)
    end)

    it("waits so", function() waits("standard", { SPANS[1], SPANS[2], SPANS[3], SPANS[4] }, 503) end)

    it("retries 408, 425, 429 and every 5xx but 501 and 505", function()
      assert.are.same(all_5xx({ 408, 425, 429 }, { 501, 505 }), retried("standard"))
    end)

    it("retries a POST only where it was not processed", function()
      assert.are.same(set_of { 408, 425, 429 }, retried("standard", "POST"))
    end)
  end)

  describe("copyleaks", function()
    local SPANS = { { 2, 11 }, { 3, 12 }, { 5, 14 }, { 9, 18 }, { 17, 26 },
      { 33, 42 }, { 60, 60 } }

    it("prints the page's waits: 2^i + U(1, 10), at most 60", function()
      local client = compiled("copyleaks")
      prints(client, SPANS)
      local least, mean, most = client:wait(1100)
      assert.are.same({ 60, 60, 60 }, { least, mean, most })
      assert.are.equal(8, compiled("copyleaks"):limits().attempts)
    end)

    it("prints the page's means", function()
      local client = compiled("copyleaks")
      for n, mean in ipairs { 6.5, 7.5, 9.5, 13.5, 21.5, 37.5, 60 } do
        near(mean, (select(2, client:wait(n))), "mean")
      end
    end)

    it("waits so", function() waits("copyleaks", SPANS, 503) end)

    it("with r = 1 is 2, 3, 5, 9, 17, 33, 60, 60", function()
      local backoff = { jitter = { 1, 1 } }
      prints((compiled("copyleaks", { backoff = backoff })),
        exact { 2, 3, 5, 9, 17, 33, 60, 60 })
      local got = call("copyleaks", always(503), "GET", { backoff = backoff, attempts = 9 })
      assert.are.same({ 2, 3, 5, 9, 17, 33, 60, 60 }, got.waits)
    end)

    it("retries 429, 503 and every 5xx", function()
      local set = retried("copyleaks")
      set[408], set[425] = nil, nil -- lull's own: the page is silent
      assert.are.same(all_5xx { 429 }, set)
    end)

    -- The page recommends to repeat a 503, and a proxy says 503 after the work:
    -- what may be made twice is named in the preset, the rest stops.
    it("repeats a login and a deletion after a 503, and no other POST or PATCH", function()
      for _, preset in ipairs { "copyleaks", "copyleaks+spread" } do
        support.sim(always(503), function(lull)
          local api = lull.client { base = "http://api.test", preset = preset, attempts = 2 }
          for sent, attempts in pairs { ["POST /v3/account/login/api"] = 2, ["PATCH /v3.1/scans/delete"] = 2,
            ["POST /v3/account/login/api?x=1"] = 2, ["PATCH /v3/scans/start"] = 1, ["POST /v3/account/login/apis"] = 1,
            ["POST /x/v3/account/login/api"] = 1, ["POST /v2/writer-detector/a/check"] = 1,
            ["PATCH /v3/account/login/api"] = 1, ["PUT /v3/scans/submit/file/a"] = 2, ["POST /"] = 1 } do
            local method, path = sent:match("(%u+) (.*)")
            local _, err = api:request(method, path)
            assert.are.same({ sent, attempts, attempts == 2 and "attempts" or "unsafe" },
              { sent, err.attempts, err.why })
          end
        end)
      end
    end)

    it("lets the server ask for longer", function()
      local got = call("copyleaks", function(n)
        if n == 1 then return 429, { ["retry-after"] = "100" } end
        return 200
      end)
      assert.is_true(support.within(got.waits[1], 100, 101))
    end)
  end)

  describe("copyleaks+spread", function()
    local SPANS = { { 4, 8 }, { 8, 16 }, { 16, 32 }, { 30, 60 }, { 30, 60 },
      { 30, 60 }, { 30, 60 } }

    it("prints waits of which half is chance, at the longest too", function()
      prints((compiled "copyleaks+spread"), SPANS)
    end)

    it("waits so", function() waits("copyleaks+spread", SPANS, 503) end)

    it("retries what copyleaks retries", function()
      assert.are.same(retried("copyleaks"), retried("copyleaks+spread"))
    end)
  end)

  describe("aws", function()
    it("prints full jitter on 0.05 s, and on 1 s when throttled", function()
      local client, _, rules = compiled("aws")
      local transient = full { .05, .1, .2, .4, .8, 1.6, 3.2, 6.4, 12.8, 20, 20 }
      prints(client, transient)
      prints(client, transient, assert(rules["500|502|503|504"]))
      prints(client, full { 1, 2, 4, 8, 16, 20, 20 }, assert(rules["429"]))
      assert.are.equal(3, client:limits().attempts)
    end)

    it("waits so", function()
      waits("aws", full { .05, .1 }, 500)
      waits("aws", full { 1, 2 }, 429)
    end)

    it("retries 500, 502, 503, 504 and the throttle", function()
      assert.are.same(set_of { 429, 500, 502, 503, 504 }, retried("aws"))
    end)

    it("does not repeat a POST that may have been applied", function()
      assert.are.same(set_of { 429 }, retried("aws", "POST"))
      local got = call("aws", function(n)
        return n == 1 and 500 or 200, { ["x-amz-retry-after"] = "1500" }
      end, "POST")
      assert.are.equal("unsafe", got.err.why)
    end)

    -- botocore's and smithy-rs's vectors, at attempt 1; theirs have the draw
    -- at its most, here it is whatever it is.
    for value, span in pairs { ["1500"] = { 1.5, 1.5 }, ["0"] = { 0, .05 },
      ["10000"] = { 5, 5.05 }, invalid = { 0, .05 }, ["-100"] = { 0, .05 },
      ["3000"] = { 3, 3 }, ["10"] = { .01, .05 } } do
      it("takes x-amz-retry-after: " .. value, function()
        for _, status in ipairs { 500, 503 } do
          for seed = 1, 10 do
            local got = call("aws", function(n)
              if n == 1 then return status, { ["x-amz-retry-after"] = value } end
              return 200
            end, "GET", nil, seed)
            assert.is_true(support.within(got.waits[1], span[1] - 2e-6, span[2] + 2e-6),
              tostring(got.waits[1]))
            assert.is_true(got.now <= span[2] + 1e-5)
          end
        end
      end)
    end

    it("takes x-amz-retry-after up to 5 s beyond a throttle's wait", function()
      local got = call("aws", function(n)
        return n < 3 and 429 or 200, { ["x-amz-retry-after"] = "10000" }
      end)
      assert.is_true(support.within(got.waits[1], 5, 6))
      assert.is_true(support.within(got.waits[2], 5, 7))
    end)

    it("has a quota of 500, of which a retry takes 14, and keeps it when the call fails", function()
      support.sim(support.replies { 500, 500, 500, 500, 200, 200 }, function(lull)
        local client = lull.client { base = "http://api.test", preset = "aws" }
        local function level() return lull.lanes()["http://api.test"].budget end
        assert.is_nil((client:get("/")))
        assert.are.equal(472, level())
        assert(client:get("/"))
        assert.are.equal(472, level())
        assert(client:get("/"))
        assert.are.equal(473, level())
      end)
    end)

    it("makes 35 retries in an outage, and then fails fast", function()
      local retries, denied = 0, nil
      support.sim(always(500), function(lull)
        local client = lull.client { base = "http://api.test", preset = "aws" }
        for _ = 1, 40 do
          local _, err = client:get("/")
          retries = retries + err.attempts - 1
          denied = denied or err.why == "budget"
        end
      end)
      assert.are.equal(35, retries)
      assert.is_true(denied)
    end)

    -- The SDKs give back the last retry's cost when it succeeds: 486.
    it("gives a retry's 14 back when it succeeds", function()
      support.sim(support.replies { 500, 500, 200 }, function(lull)
        assert(lull.client { base = "http://api.test", preset = "aws" }:get("/"))
        assert.are.equal(486, lull.lanes()["http://api.test"].budget)
      end)
    end)
  end)

  describe("github", function()
    local SPANS = { { 60, 64 }, { 120, 128 }, { 240, 256 }, { 480, 512 } }

    it("prints at least a minute, then exponentially, for 403 and 429", function()
      local client, _, rules = compiled("github")
      for _, key in ipairs { "403", "429" } do
        prints(client, SPANS, assert(rules[key]))
        local least, _, most = client:wait(6, rules[key])
        assert.are.same({ 960, 1024 }, { least, most })
      end
      prints(client, full { 1, 2, 4 })
    end)

    it("waits so where nothing is said, and then gives up", function()
      waits("github", SPANS, 429)
      waits("github", SPANS, 403, nil, '{"message": "You have exceeded a Secondary Rate Limit."}')
      waits("github", SPANS, 403, { ["x-ratelimit-remaining"] = "0" })
    end)

    it("takes a 403 that is no throttle for a refusal", function()
      for _, headers in ipairs { {}, { ["x-ratelimit-remaining"] = "12" } } do
        local got = call("github", always(403, headers, '{"message": "Forbidden"}'))
        assert.are.equal(1, got.err.attempts)
        assert.are.equal("rule", got.err.why)
      end
    end)

    it("waits as Retry-After says, for 403 and 429", function()
      for _, status in ipairs { 403, 429 } do
        local got = call("github", function(n)
          if n == 1 then return status, { ["retry-after"] = "30" } end
          return 200
        end)
        assert.are.equal(2, got.res.attempts)
        assert.is_true(support.within(got.waits[1], 30, 31))
      end
    end)

    it("waits until x-ratelimit-reset where nothing remains", function()
      for _, status in ipairs { 403, 429 } do
        local got = call("github", function(n)
          if n > 1 then return 200 end
          return status, { ["x-ratelimit-remaining"] = "0",
            ["x-ratelimit-reset"] = "1785738360", date = "Mon, 03 Aug 2026 06:25:00 GMT" }
        end)
        assert.are.equal(2, got.res.attempts)
        assert.is_true(support.within(got.waits[1], 60, 62.1), tostring(got.waits[1]))
      end
    end)

    it("waits for a reset within the hour, and for no later one", function()
      local function reset_in(seconds)
        return call("github", function(n)
          if n > 1 then return 200 end
          return 403, { ["x-ratelimit-remaining"] = "0", date = "Mon, 03 Aug 2026 06:25:00 GMT",
            ["x-ratelimit-reset"] = ("%d"):format(1785738300 + seconds) }
        end)
      end
      assert.are.equal(2, reset_in(3600).res.attempts)
      local late = reset_in(7200).err
      assert.are.equal("hint", late.why)
      assert.is_true(support.within(late.retry_after, 7200, 7202))
    end)

    it("pauses the lane: others wait as well, for 403 and 429", function()
      for _, status in ipairs { 403, 429 } do
        local first, at = true, nil
        support.sim(function(request)
          if request.path == "/throttled" and first then
            first = false
            return status, { ["retry-after"] = "30" }
          end
          return 200
        end, function(lull)
          local client = lull.client { base = "http://api.test", preset = "github" }
          local task = lull.spawn(function() assert(client:get("/throttled")) end)
          lull.sleep(1)
          assert(client:get("/other"))
          at = lull.now()
          task:join()
        end)
        assert.is_true(at >= 30, tostring(at))
      end
    end)

    it("does not pause the lane for a refusal", function()
      support.sim(function(request) return request.path == "/no" and 403 or 200 end, function(lull)
        local client = lull.client { base = "http://api.test", preset = "github" }
        assert.is_nil((client:get("/no")))
        assert(client:get("/yes"))
        assert.are.equal(0, lull.now())
      end)
    end)

    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
      it("keeps a second between writes by " .. method, function()
        local times = {}
        support.sim(function(request)
          times[#times + 1] = request.time
          return 200
        end, function(lull)
          local client = lull.client { base = "http://api.test", preset = "github" }
          lull.each({ 1, 2, 3, 4 }, { parallel = 4 }, function() assert(client:request(method, "/x")) end)
        end)
        assert.are.equal(4, #times)
        for n = 2, 4 do assert.is_true(times[n] - times[n - 1] >= 1) end
      end)
    end

    it("keeps no second between reads, but 2 between searches", function()
      support.sim(always(200), function(lull)
        local client = lull.client { base = "http://api.test", preset = "github" }
        for _ = 1, 5 do assert(client:get("/x")) end
        assert.are.equal(0, lull.now())
        for _ = 1, 3 do assert(client:get("/search/code?q=x")) end
        assert.is_true(lull.now() >= 4)
      end)
    end)

    -- One window over several methods.
    it("keeps a second between a POST and a PATCH too", function()
      support.sim(always(200), function(lull)
        local client = lull.client { base = "http://api.test", preset = "github" }
        assert(client:post("/x"))
        assert(client:patch("/x"))
        assert.is_true(lull.now() >= 1)
      end)
    end)

    it("flies ten at a time", function()
      local flying, most = 0, 0
      support.sim(function()
        flying = flying + 1
        most = math.max(most, flying)
        require("lull").sleep(1)
        flying = flying - 1
        return 200
      end, function(lull)
        local client = lull.client { base = "http://api.test", preset = "github" }
        local list = {}
        for i = 1, 40 do list[i] = i end
        lull.each(list, { parallel = 40 }, function() assert(client:get("/x")) end)
      end)
      assert.are.equal(10, most)
    end)
  end)

  describe("openai", function()
    local SPANS = { { .375, .5 }, { .75, 1 }, { 1.5, 2 }, { 3, 4 }, { 6, 8 }, { 6, 8 } }

    it("prints 0.5 s doubling to 8, up to a quarter less", function()
      prints((compiled "openai"), SPANS)
      assert.are.equal(3, compiled("openai"):limits().attempts)
      assert.are.equal(120, compiled("openai"):limits().max_hint)
    end)

    it("waits so", function() waits("openai", { SPANS[1], SPANS[2] }, 500) end)

    it("retries 408, 409, 429 and every 5xx, by POST too", function()
      for _, method in ipairs { "GET", "POST" } do
        local set = retried("openai", method)
        set[425] = nil -- lull's own
        assert.are.same(all_5xx { 408, 409, 429 }, set)
      end
    end)

    it("obeys x-should-retry first, both ways", function()
      for _, status in ipairs { 408, 409, 429, 500, 501, 503, 505 } do
        local got = call("openai", always(status, { ["x-should-retry"] = "false" }))
        assert.are.equal(1, got.err.attempts, tostring(status))
        assert.are.equal("rule", got.err.why)
      end
      for _, status in ipairs { 400, 401, 404, 409, 422, 501 } do
        local got = call("openai", always(status, { ["x-should-retry"] = "true" }))
        assert.are.equal(3, got.err.attempts, tostring(status))
      end
    end)

    it("takes retry-after-ms before Retry-After", function()
      local got = call("openai", function(n)
        if n == 1 then return 429, { ["retry-after-ms"] = "1500", ["retry-after"] = "9" } end
        return 200
      end)
      assert.is_true(support.within(got.waits[1], 1.5, 1.65))
    end)

    it("waits 120 s when asked, and stops when asked for more", function()
      local got = call("openai", function(n)
        if n == 1 then return 429, { ["retry-after"] = "120" } end
        return 200
      end)
      assert.is_true(support.within(got.waits[1], 120, 121))
      got = call("openai", always(429, { ["retry-after"] = "121" }))
      assert.are.equal(1, got.err.attempts)
      assert.are.equal("hint", got.err.why)
      assert.are.equal(121, got.err.retry_after)
    end)

    it("takes a hint of nothing for its own wait", function()
      local got = call("openai", function(n)
        if n == 1 then return 503, { ["retry-after"] = "0" } end
        return 200
      end)
      assert.is_true(support.within(got.waits[1], .375, .5))
    end)

    it("sends one idempotency key with all tries", function()
      local got = call("openai", function(n) return n < 3 and 500 or 200 end, "POST")
      assert.are.equal(3, got.res.attempts)
      local key = got.sent[1].headers["idempotency-key"]
      assert.are.equal(36, #key)
      for _, request in ipairs(got.sent) do
        assert.are.equal(key, request.headers["idempotency-key"])
      end
    end)
  end)

  describe("curl", function()
    it("prints 1, 2, 4 ... 512, 600, 600 and no jitter", function()
      prints((compiled "curl"), exact { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600 })
      assert.are.equal(4, compiled("curl"):limits().attempts)
    end)

    it("waits so", function()
      waits("curl", exact { 1, 2, 4 }, 503)
      local got = call("curl", always(503), "GET", { attempts = 13 })
      assert.are.same({ 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600 }, got.waits)
    end)

    it("retries its eight statuses, by any method", function()
      local eight = set_of { 408, 429, 500, 502, 503, 504, 522, 524 }
      assert.are.same(eight, retried("curl"))
      assert.are.same(eight, retried("curl", "POST"))
    end)

    it("retries timeouts, and no other end of a connection", function()
      for _, fault in ipairs { "reset", "close", "garbage" } do
        assert.are.equal(1, call("curl", always(fault)).err.attempts, fault)
      end
      local got = call("curl", function(n) return n == 1 and "hang" or 200 end, "POST")
      assert.are.equal(2, got.res.attempts)
      assert.are.same({ 1 }, got.waits)
    end)

    it("waits for a Retry-After of up to 6 hours", function()
      local got = call("curl", function(n)
        if n == 1 then return 503, { ["retry-after"] = "21600" } end
        return 200
      end)
      assert.are.equal(2, got.res.attempts)
      assert.are.equal("hint", call("curl", always(503, { ["retry-after"] = "21601" })).err.why)
    end)
  end)
end)

describe("the presets", function()
  it("are each looked at in this file", function()
    local file = assert(io.open "tests/lull/presets_spec.lua")
    local text = file:read "*a"
    file:close()
    for name in pairs(require "lull.presets") do
      local quoted = ('"%s"'):format(name)
      local seen = text:find("compiled(" .. quoted, 1, true) or text:find("compiled " .. quoted, 1, true)
      assert.is_truthy(seen, name)
    end
  end)
end)
