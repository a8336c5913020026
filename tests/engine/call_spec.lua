-- A call and what is decided about its outcomes: the table of defaults, and
-- the rules of a script.
local support = require "tests.support"
local sim, replies = support.sim, support.replies

local URL = "http://api.test/"

local function has(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%q is not in %q"):format(part, tostring(text)), 2)
  end
end

-- One call to a server, which is a function or a list of replies. Gives the
-- response, the error and the transcript; what the history says is compared
-- with what the server saw.
local function call(server, options, method, client)
  if type(server) == "table" then server = replies(server) end
  local res, err
  local t = sim(server, function(lull)
    local api = lull.client(client or { backoff = "const:1s,none" })
    res, err = api:request(method or "GET", URL, options)
  end)
  local result = res or err
  assert.are.equal(#t.requests, #result.history)
  assert.are.equal(#t.requests, result.attempts)
  assert.are.equal(#t.requests, #t.verdicts)
  assert.are.equal(0, t.live)
  return res, err, t
end

-- Such replies, over and over.
local function always(...)
  local reply = { ... }
  return function() return reply[1], reply[2], reply[3] end
end

describe("the table of defaults", function()
  -- Outcomes by what the server does; the class that a fault comes to.
  local ACCEPTED = { 200, 201, 204, 304 }
  local NOT_PROCESSED = { 408, 425, 429 }
  local MAYBE_DONE = { 500, 502, 503, 504, 599 }
  local REFUSED = { 400, 401, 403, 404, 409, 418, 501, 505 }
  local FAULTS = { reset = "net.reset", close = "net.empty", hang = "net.timeout.read",
    garbage = "http.malformed", cut = "http.truncated" }

  local METHODS = {
    { "GET" }, { "HEAD" }, { "OPTIONS" }, { "PUT" }, { "DELETE" }, { "TRACE" },
    { "POST", unsafe = true }, { "PATCH", unsafe = true },
    { "POST", options = { key = true } }, { "PATCH", options = { key = "k" } },
    { "POST", options = { unsafe = true } }, { "PATCH", options = { unsafe = true } },
  }

  local function options_of(method)
    local options = { attempts = 2, timeout = 3 }
    for name, value in pairs(method.options or {}) do options[name] = value end
    return options
  end

  local function ends(method, server, outcome, verdict, why, n)
    local res, err, t = call(server, options_of(method), method[1])
    local what = ("%s %s"):format(method[1], tostring(outcome))
    local result = res or err
    assert.are.equal(n, #t.requests, what)
    assert.are.equal(verdict, result.history[n].verdict, what)
    assert.are.equal(outcome, result.history[n].outcome, what)
    assert.are.equal(verdict == "accept", res ~= nil, what)
    if err then
      assert.are.equal(outcome, err.reason, what)
      assert.are.equal(why, err.why, what)
      assert.are.equal(why, err.history[n].why, what)
    end
    if n == 2 then
      assert.are.equal("retry", result.history[1].verdict, what)
      assert.are.equal(1, result.history[1].wait, what)
    end
    return result
  end

  for _, method in ipairs(METHODS) do
    local name = method[1] .. (method.options and (method.options.key and " with a key" or " with unsafe") or "")

    it("accepts 2xx and 3xx of " .. name, function()
      for _, status in ipairs(ACCEPTED) do ends(method, always(status), status, "accept", nil, 1) end
    end)

    it("tries again what was not processed, of " .. name, function()
      for _, status in ipairs(NOT_PROCESSED) do
        local result = ends(method, always(status), status, "stop", "attempts", 2)
        assert.is_false(result.history[2].maybe_applied)
      end
    end)

    it((method.unsafe and "stops at" or "tries again") .. " what may be done already, of " .. name, function()
      local why, n = "attempts", 2
      if method.unsafe then why, n = "unsafe", 1 end
      for _, status in ipairs(MAYBE_DONE) do
        local result = ends(method, always(status), status, "stop", why, n)
        assert.is_true(result.history[1].maybe_applied)
      end
      for fault, class in pairs(FAULTS) do
        local reply = fault == "cut" and { body = "0123456789", cut = 3 } or fault
        if not (fault == "cut" and method[1] == "HEAD") then
          local result = ends(method, always(reply), class, "stop", why, n)
          assert.is_true(result.history[1].sent)
          assert.is_true(result.history[1].maybe_applied)
          assert.is_nil(result.response)
        end
      end
    end)

    it("stops at what will not get better, of " .. name, function()
      for _, status in ipairs(REFUSED) do ends(method, always(status), status, "stop", "rule", 1) end
    end)

    it("tries again what was never sent, of " .. name, function()
      local err
      local t = sim(always(200), function(lull)
        local api = lull.client { backoff = "const:1s,none" }
        err = select(2, api:request(method[1], "http://nowhere.test/", options_of(method)))
      end, { may_fail = true })
      assert.are.equal(0, #t.requests)
      assert.are.equal("net.dns", err.reason)
      assert.are.equal("attempts", err.why)
      assert.are.equal(2, #err.history)
      assert.is_false(err.history[1].sent)
      assert.is_false(err.history[2].maybe_applied)
    end)
  end

  it("remembers over the attempts that one may have been done", function()
    local res = call({ "close", 503, 200 }, { key = true }, "POST")
    local history = res.history
    assert.are.same({ true, true, true },
      { history[1].maybe_applied, history[2].maybe_applied, history[3].maybe_applied })
  end)

  it("goes by the server's own yes or no about retrying", function()
    local res = call({ { 400, { ["x-should-retry"] = "true" } }, 200 })
    assert.are.equal(2, res.attempts)
    local _, err = call { { 500, { ["x-should-retry"] = "false" } } }
    assert.are.equal("rule", err.why)
  end)
end)

describe("a rule", function()
  it("is a word", function()
    assert.are.equal(404, call({ 404 }, { on = { [404] = "accept" } }).status)
    assert.are.equal(2, call({ 404, 200 }, { on = { [404] = "retry" } }).attempts)
    local _, err = call({ 503 }, { on = { [503] = "stop" } })
    assert.are.equal("rule", err.why)
    _, err = call({ 200 }, { on = { [200] = "stop" } })
    assert.are.equal(200, err.reason)
    assert.are.equal(2, call({ 200, 204 }, { on = { [200] = "retry" } }).attempts)
  end)

  it("retry does not make a method safe, unless it says so", function()
    local _, err = call({ 500 }, { on = { [500] = "retry" } }, "POST")
    assert.are.equal("unsafe", err.why)
    _, err = call({ 500 }, { on = { [500] = { "retry" } } }, "POST")
    assert.are.equal("unsafe", err.why)
    assert.are.equal(2, call({ 500, 200 }, { on = { [500] = { "retry", unsafe = true } } }, "POST").attempts)
    assert.are.equal(2, call({ 500, 200 }, { on = { [500] = function(attempt)
      assert.are.equal("stop", attempt.verdict)
      return attempt:retry()
    end } }, "POST").attempts)
  end)

  it("of the narrowest key wins, whatever the order and the width", function()
    local keys = { "*", "4xx", "5xx", "500-504", "502-504", "503-504", "429|430", "503", "net", "net.timeout",
      "net.timeout.read", "http" }
    local expected = {
      [404] = "4xx", [505] = "5xx", [500] = "500-504", [502] = "502-504", [504] = "503-504", [503] = "503",
      [429] = "429|430", reset = "net", hang = "net.timeout.read", garbage = "http",
    }
    for outcome, key in pairs(expected) do
      for turn = 1, 2 do
        local client = { timeout = 1 }
        -- Half of the keys below, half above, and the other way round.
        local below, above = {}, {}
        for i, name in ipairs(keys) do
          local into = (i % 2 == 0) == (turn == 1) and below or above
          into[name] = function(attempt) return attempt:stop(name) end
        end
        client.preset = { on = below }
        client.on = above
        local _, err = call(always(outcome), nil, nil, client)
        assert.are.equal(key, err.stop_reason, tostring(outcome))
      end
    end
  end)

  it("holds for every class at each level", function()
    for _, key in ipairs { "net.timeout.read", "net.timeout", "net", "*" } do
      local _, err = call({ "hang" }, { timeout = 1, on = { [key] = "stop" } })
      assert.are.equal("rule", err.why)
      assert.are.equal("net.timeout.read", err.reason)
    end
    for fault, keys in pairs { reset = { "net.reset", "net" }, close = { "net.empty", "net" },
      garbage = { "http.malformed", "http" } } do
      for _, key in ipairs(keys) do
        local _, err = call({ fault }, { on = { [key] = "stop" } })
        assert.are.equal("rule", err.why, key)
      end
    end
    local _, err = call({ { body = "abc", cut = 1 } }, { on = { ["http.truncated"] = "stop" } })
    assert.are.equal("rule", err.why)
  end)

  it("may be for alternatives, and the single key is closer", function()
    local function why(status)
      local _, err = call({ status }, { on = {
        ["429|503"] = function(attempt) return attempt:stop("either") end,
        [503] = function(attempt) return attempt:stop("single") end,
        ["net|500-502"] = function(attempt) return attempt:stop("mixed") end,
      } })
      return err.stop_reason
    end
    assert.are.equal("either", why(429))
    assert.are.equal("single", why(503))
    assert.are.equal("mixed", why(501))
    assert.are.equal("mixed", why("reset"))
  end)

  it("may be written as a number or a text, the later layer wins", function()
    assert.are.equal(404, call({ 404 }, { on = { ["404"] = "accept" } }, nil, { on = { [404] = "stop" } }).status)
    assert.are.equal(404, call({ 404 }, { on = { [404] = "accept" } }, nil, { on = { ["404"] = "stop" } }).status)
  end)

  it("of the script goes over the preset's, of the preset's narrower key stays", function()
    local preset = { on = { ["5xx"] = "stop", [429] = "stop", [404] = "accept" } }
    local client = { preset = preset, backoff = "const:1s,none", on = { ["5xx"] = "retry", ["4xx"] = "retry" } }
    assert.are.equal(2, call({ 500, 200 }, nil, nil, client).attempts)
    assert.are.equal(404, call({ 404 }, nil, nil, client).status)
    local _, err = call({ 429 }, nil, nil, client)
    assert.are.equal("rule", err.why)
    assert.are.equal(2, call({ 400, 204 }, { on = { ["*"] = "accept" } }, nil, client).attempts)
  end)

  it("is named in the history", function()
    local res = call({ 503, "reset", 200 }, { on = { ["5xx"] = "retry" } })
    assert.are.same({ "5xx" }, { res.history[1].rule, res.history[2].rule, res.history[3].rule })
  end)
end)

describe("a rule's table", function()
  it("counts attempts of its own, and the call's are for the rest", function()
    local client = { attempts = 2, backoff = "const:1s,none", budget = false,
      on = { [503] = { "retry", attempts = 4 } } }
    assert.are.equal(4, call({ 503, 503, 503, 200 }, nil, nil, client).attempts)
    local _, err = call({ 503, 503, 503, 503 }, nil, nil, client)
    assert.are.equal("attempts", err.why)
    -- Two 500s use up the call's attempts; the 503s between do not.
    _, err = call({ 503, 500, 503, 503, 500 }, nil, nil, client)
    assert.are.equal("attempts", err.why)
    assert.are.equal(500, err.reason)
  end)

  it("may allow fewer than the call", function()
    local _, err = call({ 500, 503, 500, 503 }, { attempts = 9, on = { [503] = { "retry", attempts = 2 } } })
    assert.are.equal("attempts", err.why)
    assert.are.equal(503, err.reason)
    _, err = call({ 503 }, { attempts = 9, on = { [503] = { attempts = 1 } } })
    assert.are.equal("attempts", err.why)
  end)

  it("has a backoff of its own, counted by its own outcomes", function()
    local res = call({ 500, 503, 500, 503, 503, 200 }, { attempts = 9,
      on = { [503] = { "retry", backoff = "exp:10s,none" } } })
    local waits = {}
    for i, entry in ipairs(res.history) do waits[i] = entry.wait end
    assert.are.same({ 1, 10, 1, 20, 40, 0 }, waits)
    assert.are.equal("backoff", res.history[1].source)
    assert.are.equal("rule", res.history[2].source)
    assert.are.equal(72, res.waited)
  end)

  it("has a timeout of its own, for the attempt after it", function()
    local _, err, t = call({ 503, "hang", "hang" }, { attempts = 3, timeout = 20,
      on = { [503] = { "retry", timeout = 3 } } })
    assert.are.equal("net.timeout.read", err.reason)
    assert.are.equal(3, err.history[2].took)
    assert.are.equal(20, err.history[3].took)
    assert.are.equal(25, t.now)
  end)

  it("may only change limits and leave the verdict as it was", function()
    local _, err = call({ 404 }, { on = { [404] = { attempts = 3 } } })
    assert.are.equal("rule", err.why)
    _, err = call({ 500 }, { on = { [500] = { attempts = 3 } } }, "POST")
    assert.are.equal("unsafe", err.why)
  end)

  it("may hold a function beside its limits", function()
    local n = 0
    local _, err = call(always(503), { on = { [503] = { function() n = n + 1 end, attempts = 3 } } })
    assert.are.equal("attempts", err.why)
    assert.are.equal(3, n)
    assert.are.equal(3, err.attempts)
  end)

  -- Whether a second call, begun at 0.5 s, waits for the first one's 5 s.
  local function second_call_waits(reply, rule)
    local first = true
    local t = sim(function()
      if not first then return 200 end
      first = false
      return reply
    end, function(lull)
      local api = lull.client { base = "http://api.test", backoff = "const:5s,none", on = { [reply] = rule } }
      local task = lull.spawn(api.get, api, "/1")
      lull.sleep(0.5)
      assert(api:get("/2"))
      task:join()
    end)
    return t.requests[2].time >= 5
  end

  it("may pause the lane, or not", function()
    assert.is_false(second_call_waits(500, { "retry" }))
    assert.is_true(second_call_waits(500, { "retry", pause = true }))
    -- A pause without a hint is the lane's own, and a short one at first: the
    -- backoff of one call, 5 s here, is no reason to hold the others.
    assert.is_false(second_call_waits(429, { "retry" }))
    assert.is_false(second_call_waits(429, { "retry", pause = false }))
  end)
end)

describe("a rule's function", function()
  -- What the function gets to see of an outcome.
  local function seen(server, options, method)
    local attempt
    options = options or {}
    options.on = { ["*"] = function(a)
      attempt = a
      return a.status and a:accept() or a:stop()
    end }
    call(server, options, method)
    return attempt
  end

  it("sees the answer", function()
    local a = seen({ { 418, { ["X-A"] = { "1", "2" }, ["Content-Type"] = "application/json" }, '{"a":[1]}' } })
    assert.are.equal(1, a.n)
    assert.are.equal(418, a.status)
    assert.are.equal(418, a.reason)
    assert.are.equal("1", a.headers["x-a"])
    assert.are.same({ "1", "2" }, a.headers:all("X-A"))
    assert.are.equal('{"a":[1]}', a.body)
    assert.are.same({ a = { 1 } }, a:json())
    assert.is_true(a.sent)
    assert.is_false(a.maybe_applied)
    assert.is_nil(a.hint)
    assert.are.equal("stop", a.verdict)
    assert.are.same({ method = "GET", url = URL }, a.request)
    assert.are.equal(1, #a.history)
    assert.are.equal(418, a.history[1].outcome)
    assert.is_nil(a.left)
    assert.are.equal("attempt 1: 418", tostring(a))
  end)

  it("sees a transport error", function()
    local a = seen({ "close" }, { deadline = 10 }, "POST")
    assert.is_nil(a.status)
    assert.are.equal("net.empty", a.reason)
    assert.is_nil(a.body)
    assert.is_nil(a.headers["x-a"])
    assert.is_nil((a:json()))
    assert.is_true(a.sent)
    assert.is_true(a.maybe_applied)
    assert.are.equal("stop", a.verdict)
    assert.are.equal(10, a.left)
  end)

  it("sees the hint, and what lull would wait", function()
    local a = seen({ { 503, { ["retry-after"] = "20" } } })
    assert.are.equal(20, a.hint.seconds)
    assert.are.equal("retry-after", a.hint.source)
    assert.are.equal("20", a.hint.raw)
    assert.is_true(support.within(a.wait, 20, 21))
    assert.are.equal("retry", a.verdict)
  end)

  it("sees the time that went by, and what is left of the deadline", function()
    local list = {}
    call({ { status = 503, delay = 2 }, { status = 503, delay = 3 }, 200 }, { deadline = 20,
      on = { [503] = function(a) list[#list + 1] = { a.n, a.elapsed, a.left, a.wait, #a.history } end } })
    assert.are.same({ { 1, 2, 18, 1, 1 }, { 2, 6, 14, 1, 2 } }, list)
  end)

  it("returns nothing to let the default stand", function()
    assert.are.equal(200, call({ 503, 200 }, { on = { [503] = function() end } }).status)
    assert.are.equal(200, call({ 503, 200 }, { on = { [503] = function() return nil end } }).status)
    local _, err = call({ 404 }, { on = { [404] = function() end } })
    assert.are.equal("rule", err.why)
    _, err = call({ 500 }, { on = { [500] = function() end } }, "POST")
    assert.are.equal("unsafe", err.why)
  end)

  it("returns a verdict, or its word", function()
    assert.are.equal(404, call({ 404 }, { on = { [404] = function(a) return a:accept() end } }).status)
    assert.are.equal(404, call({ 404 }, { on = { [404] = function() return "accept" end } }).status)
    assert.are.equal(2, call({ 404, 200 }, { on = { [404] = function() return "retry" end } }).attempts)
    local _, err = call({ 200 }, { on = { [200] = function() return "stop" end } })
    assert.are.equal("rule", err.why)
  end)

  it("says how long to wait: a number, a text, a table", function()
    for given, seconds in pairs { [7] = 7, ["250ms"] = 0.25, [0] = 0 } do
      local res = call({ 503, 200 }, { on = { [503] = function(a) return a:retry(given) end } })
      assert.are.equal(seconds, res.waited)
      assert.are.equal("rule", res.history[1].source)
      res = call({ 503, 200 }, { on = { [503] = function(a) return a:retry { wait = given } end } })
      assert.are.equal(seconds, res.waited)
    end
    assert.are.equal(1, call({ 503, 200 }, { on = { [503] = function(a) return a:retry {} end } }).waited)
  end)

  it("may say why it stops, in the error's text", function()
    local _, err = call({ 403 }, { on = { [403] = function(a) return a:stop("no credits left") end } })
    assert.are.equal("rule", err.why)
    assert.are.equal("GET http://api.test/: 403 after 1 attempt in 0s: no credits left",
      (tostring(err):gsub("403 Forbidden", "403")))
  end)

  it("changes headers for the next attempts, and the URL", function()
    local _, _, t = call({ 401, 503, 200 }, { headers = { ["X-A"] = "1", ["X-B"] = "1" },
      on = { [401] = function(a)
        return a:retry { wait = 0, url = "/other?x=1", headers = { ["x-a"] = "2", ["X-B"] = false, ["X-C"] = "2" } }
      end } })
    assert.are.equal("1", t.requests[1].headers["x-a"])
    for i = 2, 3 do
      assert.are.equal("http://api.test/other?x=1", t.requests[i].url)
      assert.are.equal("2", t.requests[i].headers["x-a"])
      assert.is_nil(t.requests[i].headers["x-b"])
      assert.are.equal("2", t.requests[i].headers["x-c"])
    end
  end)

  it("blames what failed, and not where the next attempt would have gone", function()
    local t = sim({ ["http://a.test"] = always(500), ["http://b.test"] = always(502) }, function(lull)
      local function elsewhere(a) return a:retry { url = a.status == 500 and "http://b.test/" or "http://a.test/" } end
      local _, err = lull.get("http://a.test/", { attempts = 2, on = { ["5xx"] = elsewhere } })
      assert.are.equal("http://b.test/", err.url)
      has(tostring(err), "GET http://b.test/: 502 ")
    end)
    assert.are.same({ "http://a.test/", "http://b.test/" }, { t.verdicts[1].url, t.verdicts[2].url })
    assert.are.same({ 500, 502 }, { t.verdicts[1].status, t.verdicts[2].status })
  end)

  it("replaces a secret header by another", function()
    local seen_tokens = {}
    sim(function(request)
      seen_tokens[#seen_tokens + 1] = request.headers.authorization
      return #seen_tokens < 3 and 401 or 200
    end, function(lull)
      local n = 0
      local api = lull.client { base = "http://api.test", headers = { Authorization = "zero" } }
      assert(api:get("/", { headers = { authorization = "one" }, on = { [401] = function(a)
        n = n + 1
        return a:retry { wait = 0, headers = { Authorization = lull.secret("new " .. n) } }
      end } }))
    end)
    assert.are.same({ "one", "new 1", "new 2" }, seen_tokens)
  end)

  -- A secret and an open header of one name were both sent.
  it("replaces an open header by a secret one, and the other way round, or by none", function()
    local PAIRS = { { "old", "new" }, { "old", true }, { true, "new" }, { true, true }, { true, false } }
    for _, pair in ipairs(PAIRS) do
      local t = sim(replies { 401, 200 }, function(lull)
        local function field(value) return value == true and lull.secret "hush" or value end
        assert(lull.get(URL, { headers = { ["X-T"] = field(pair[1]) }, on = { [401] = function(attempt)
          return attempt:retry { wait = 0, headers = { ["x-t"] = field(pair[2]) } }
        end } }))
      end)
      local expected = pair[2]
      if expected == true then expected = "hush" end
      assert.are.equal(expected or nil, t.requests[2].headers["x-t"])
    end
  end)

  it("cannot accept what is no answer", function()
    local t = sim(always("reset"), function(lull)
      local fine, err = lull.try(lull.get, URL, { on = { net = function(a)
        local verdict = a:accept() -- after a tail call Lua 5.1 knows no line
        return verdict
      end } })
      assert.is_false(fine)
      has(err, "call_spec.lua:")
      has(err, "a transport error (net.reset) cannot be accepted: there is no answer")
      local _, failure = lull.get(URL, { on = { net = function() return "accept" end } })
      assert.are.equal("rule", failure.why)
      _, failure = lull.get(URL, { on = { net = "accept" } })
      assert.are.equal("rule", failure.why)
    end)
    assert.are.equal(0, t.live)
  end)

  it("that returns nonsense is told what it may return", function()
    for text, value in pairs { ["'yes'"] = "yes", ["a number"] = 5, ["a table"] = {}, ["a boolean"] = true } do
      local t = sim(always(503), function(lull)
        local fine, err = lull.try(lull.get, URL, { on = { ["5xx"] = function() return value end } })
        assert.is_false(fine)
        has(err, "the rule for 503 returned " .. text .. ": it returns attempt:accept(), attempt:retry(), "
          .. "attempt:stop() or nothing")
      end)
      assert.are.equal(1, #t.requests)
      assert.are.equal(0, t.live)
    end
  end)

  it("that misuses a verdict is told so at its line", function()
    local function misuse(words, verdict)
      local t = sim(always(503), function(lull)
        local fine, err = lull.try(lull.get, URL, { on = { [503] = function(a) return verdict(a) end } })
        assert.is_false(fine)
        has(err, "call_spec.lua:")
        has(err, words)
      end)
      assert.are.equal(0, t.live)
    end
    misuse("unknown field of retry 'wiat' (did you mean 'wait'?)", function(a) return (a:retry { wiat = 1 }) end)
    misuse("wait: '-1' is no duration", function(a) return (a:retry(-1)) end)
    misuse("wait: 'soon' is no duration", function(a) return (a:retry("soon")) end)
    misuse("url must be a string, not a number", function(a) return (a:retry { url = 5 }) end)
    misuse("why must be a string, not a number", function(a) return (a:stop(5)) end)
    misuse("url: 'ftp://x/' is no http or https URL", function(a) return (a:retry { url = "ftp://x/" }) end)
  end)

  it("that raises ends the call, and its traceback reaches the caller", function()
    local t = sim(always(503), function(lull)
      local place = support.line(1)
      local function broken_rule(attempt) return attempt.nothing.there end
      local fine, err = lull.try(lull.get, URL, { on = { [503] = broken_rule } })
      assert.is_false(fine)
      has(err, place)
      has(err, "stack traceback:")
      assert.are.equal(1, select(2, err:gsub("stack traceback:", "")))
      local problem = {}
      fine, err = lull.try(lull.get, URL, { on = { [503] = function() error(problem) end } })
      assert.is_false(fine)
      assert.are.equal(problem, err)
      lull.sleep(0)
      assert.are.equal(0, require("lull.sched").engine():live())
    end)
    assert.are.equal(2, #t.requests)
  end)

  it("that raises does not end the script's other calls", function()
    local t = sim(function(request)
      return request.path == "/bad" and 500 or { status = 200, delay = 2 }
    end, function(lull)
      local api = lull.client { base = "http://api.test", on = { [500] = function() error("broken") end } }
      local good = lull.spawn(api.get, api, "/good")
      assert.is_false((lull.try(api.get, api, "/bad")))
      assert.are.equal(200, good:join().status)
    end)
    assert.are.equal(0, t.live)
  end)

  it("may send requests, sleep and spawn", function()
    local token = 0
    local t = sim(function(request)
      if request.path == "/token" then
        token = token + 1
        return { status = token == 1 and 503 or 200, body = "t" .. token }
      end
      return request.headers.authorization == "t2" and 200 or 401
    end, function(lull)
      local api = lull.client { base = "http://api.test", backoff = "const:1s,none" }
      local spawned
      local res = api:get("/", { on = { [401] = function(attempt)
        lull.sleep(1)
        local background = lull.spawn(function() lull.sleep(0.5); return "done" end)
        local got
        lull.each({ 1 }, function() got = assert(api:get("/token")).body end)
        spawned = background:join()
        return attempt:retry { wait = 0, headers = { authorization = got } }
      end } })
      assert.are.equal(200, res.status)
      assert.are.equal("done", spawned)
      assert.are.equal(2, lull.now())
    end)
    assert.are.equal(4, #t.requests)
    assert.are.equal(0, t.live)
  end)

  it("holds no place of its lane while it thinks", function()
    local first = true
    sim(function()
      if first then first = false; return 500 end
      return 200
    end, function(lull)
      local api = lull.client { base = "http://api.test", limit = { parallel = 1 }, on = { [500] = function(attempt)
        assert(attempt.n == 1)
        lull.sleep(10)
        return attempt:retry(0)
      end } }
      local slow = lull.spawn(api.get, api, "/slow")
      lull.sleep(1)
      assert(api:get("/quick"))
      assert.are.equal(1, lull.now())
      assert.are.equal(200, slow:join().status)
      assert.are.equal(10, lull.now())
    end)
  end)

  it("may be for a 2xx: an error in the body, a job still pending", function()
    local res = call({ { 200, nil, { state = "pending" } }, { 202, nil, "" }, { 200, nil, { state = "done" } } },
      { on = { [202] = "retry", [200] = function(attempt)
        if attempt:json().state == "pending" then return attempt:retry(5) end
      end } })
    assert.are.equal("done", res:json().state)
    assert.are.equal(3, res.attempts)
    assert.are.equal(6, res.waited)
  end)

  it("that always retries is bounded by the attempts", function()
    local _, err = call(always(404), { attempts = 4, on = { ["*"] = function(a) return a:retry(0) end } })
    assert.are.equal(4, err.attempts)
    assert.are.equal("attempts", err.why)
  end)

  it("that always retries for free is bounded by the deadline", function()
    local _, err, t = call(always(200), { attempts = 2, deadline = 30,
      on = { [200] = function(a) return a:retry { wait = 7, free = true } end } })
    assert.are.equal("deadline", err.why)
    assert.are.equal(5, err.attempts)
    assert.are.equal(28, t.now)
  end)

  it("that always retries for free is bounded by a ceiling", function()
    local _, err = call(always(200), { attempts = 2, on = { [200] = function(a)
      return a:retry { wait = 0, free = true }
    end } })
    assert.are.equal("attempts", err.why)
    assert.are.equal(1000, err.attempts)
  end)

  it("retries for free without using up the attempts", function()
    local n = 0
    local res = call({ 202, 503, 202, 202, 200 }, { attempts = 2, on = { [202] = function(a)
      n = n + 1
      return a:retry { free = true }
    end } })
    assert.are.equal(5, res.attempts)
    assert.are.equal(3, n)
    assert.is_true(res.history[1].free)
    assert.is_nil(res.history[2].free)
  end)

  -- They used up the rule's own attempts, and gave the call one more each.
  it("retries for free without using up a rule's own attempts, or sparing the call's", function()
    local options = { attempts = 2, on = { [202] = { function(a) return a:retry { free = true } end, attempts = 2 } } }
    local res = call({ 202, 202, 202, 200 }, options)
    assert.are.equal(4, res.attempts)
    local _, err = call({ 202, 202, 202, 503, 503, 200 }, options)
    assert.are.equal("attempts", err.why)
    assert.are.equal(5, err.attempts)
  end)

  it("is run in the call's own task, on whatever Lua", function()
    local inside, around
    sim({ ["http://api.test"] = replies { 503, 200 } }, function(lull)
      lull.spawn(function()
        around = "mine"
        assert(lull.get(URL, { on = { [503] = function() inside = around end } }))
      end):join()
    end)
    assert.are.equal("mine", inside)
  end)
end)
