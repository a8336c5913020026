-- What may have been applied and may not be sent twice ends as `unsafe`, whatever
-- limit ended it; and what could only be cut by its deadline is not sent.
local support = require "tests.support"

local sim = support.sim
local URL = "http://api.test/x"

-- One call: its error, and the transcript.
local function fails(server, method, options, client)
  local err
  local t = sim(server, function(lull)
    local res
    res, err = lull.client(client or {}):request(method, URL, options)
    assert(not res, "it was accepted")
  end)
  return err, t
end

local function ends(expected, server, method, options, client)
  local err, t = fails(server, method, options, client)
  assert.same(expected, { err.why, #t.requests, err.history[#err.history].maybe_applied })
  assert.equal(err.history[#err.history].why, err.why)
  return err, t
end

local function hang() return "hang" end

describe("a request that may have been applied", function()
  -- A POST that its deadline ended on the wire was `deadline`: exit 75, "another
  -- run does no harm".
  it("is unsafe when its deadline ends it on the wire", function()
    ends({ "unsafe", 1, true }, hang, "POST", { deadline = 3 })
    ends({ "unsafe", 1, true }, function() return { status = 503, delay = 5 } end, "PATCH",
      { deadline = 3, timeout = 9 })
    ends({ "deadline", 1, true }, hang, "GET", { deadline = 3 })
    ends({ "deadline", 1, true }, hang, "POST", { deadline = 3, key = "k" })
    ends({ "deadline", 1, true }, hang, "POST", { deadline = 3, unsafe = true })
    ends({ "deadline", 1, true }, hang, "POST", { deadline = 3, on = { ["net.timeout"] = { "retry", unsafe = true } } })
  end)

  it("is unsafe when a rule stops it at its deadline", function()
    for _, rule in ipairs { "stop", function(attempt) return attempt:stop "no" end, function() end } do
      ends({ "unsafe", 1, true }, hang, "POST", { deadline = 3, on = { ["net.timeout"] = rule } })
    end
  end)

  it("is what the limit says when it was not applied", function()
    local throttled = function() return 429, { ["retry-after"] = "400" } end
    ends({ "hint", 1, false }, throttled, "POST", {})
    ends({ "attempts", 2, false }, function() return 429 end, "POST", { attempts = 2 })
    ends({ "deadline", 1, false }, function() return 429 end, "POST", { deadline = 3, backoff = "const:5s" })
  end)

  -- A POST that is answered 303 is done; the GET after it failed, and the call
  -- ended as if another run were no harm.
  it("is unsafe when it was done and only its redirect fails", function()
    local function server(request) return request.method == "POST" and 303 or 429, { location = "/y",
      ["retry-after"] = request.method == "GET" and "400" or nil } end
    ends({ "unsafe", 2, true }, server, "POST", {})
    ends({ "hint", 2, true }, server, "POST", { key = true })
    ends({ "hint", 2, true }, server, "POST", { unsafe = true })
    ends({ "unsafe", 3, true }, function(request)
      return request.method == "POST" and 302 or 500, { location = "/y" }
    end, "POST", { attempts = 2 })
    ends({ "unsafe", 2, true }, function(request)
      return request.method == "POST" and 302 or 500, { location = "/y" }
    end, "POST", { deadline = 4, backoff = "const:5s" })
    ends({ "hint", 2, false }, function(request)
      return request.path == "/x" and 307 or 429,
        { location = "/y", ["retry-after"] = request.path == "/y" and "400" or nil }
    end, "POST", {})
  end)
end)

describe("a deadline", function()
  -- A request that left 4 ms before its deadline was cut on the wire, and a POST
  -- with it: nobody knew whether it was done.
  it("keeps what could only begin shortly before it from being sent", function()
    for _, left in ipairs { 0.001, 0.004, 0.009 } do
      local second
      local t = sim(function() return { status = 200, delay = 5 - left } end, function(lull)
        local api = lull.client { limit = { parallel = 1 } }
        local first = lull.spawn(function() return api:post(URL, { timeout = 20 }) end)
        lull.sleep(0)
        local _, problem = api:post(URL, { deadline = 5 })
        second = problem
        first:join()
      end)
      assert.equal("deadline", second.why)
      assert.equal(0, second.attempts)
      assert.equal(1, #t.requests)
      t = select(2, fails(function() return 429 end, "POST", { deadline = 2 + left, backoff = "const:2s" }))
      assert.equal(1, #t.requests)
      assert.equal(0, t.now) -- and no wait for nothing
    end
    local _, t = fails(function() return 429 end, "POST", { deadline = 2.05, backoff = "const:2s" })
    assert.equal(2, #t.requests)
  end)

  it("that is short itself is no reason", function()
    local _, t = fails(hang, "GET", { deadline = 0.002 })
    assert.equal(1, #t.requests)
  end)
end)
