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

describe("a key that is minted", function()
  -- The call was `hint`, for later, exit code 75: another run sent it again by
  -- another key, and what the 500 had done was done twice.
  local function server(_, n)
    if n == 1 then return 500 end
    return 429, { ["retry-after"] = "86400" }
  end

  it("protects within one run: what may have been applied is not for later", function()
    local err = fails(server, "POST", { key = true })
    assert.same({ "hint", false }, { err.why, err.later })
    assert.is_false(fails(server, "POST", {}, { key = true }).later)
  end)

  it("leaves for later what was never applied, and what has a key of its own", function()
    assert.is_true(fails(function() return 429, { ["retry-after"] = "86400" } end, "POST", { key = true }).later)
    assert.is_true(fails(server, "POST", { key = "order-7" }).later)
    assert.is_true(fails(server, "PUT").later)
  end)

  it("is the same in each run of a batch with a journal", function()
    local keys, later = {}, {}
    local journal = require("lull.sim").journal()
    for run = 1, 2 do
      require("lull.sim").run { journal = journal, world = function(request, n)
        keys[#keys + 1] = request.headers["idempotency-key"]
        return server(request, n)
      end, script = function()
        local lull = require "lull"
        lull.each({ "a" }, function()
          local res, problem = lull.post(URL, { key = true })
          later[run] = problem and problem.later
          return res, problem
        end)
      end, time = 1767225600 + (run - 1) * 90000 }
    end
    assert.same({ true, true }, later)
    for _, key in ipairs(keys) do assert.equal(keys[1], key) end
    assert.is_true(#keys > 2)
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
