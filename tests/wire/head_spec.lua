-- The head of an answer decides: what its body comes to can only add to it.
local support = require "tests.support"
local wire = require "tests.wire"

local SOON = { kind = "constant", base = 0.001, jitter = "none" }

-- Each path's first answer never comes to its end, its second one does.
local BROKEN = [[
local text = ("0123456789"):rep(20)
local last = { connection = "close" }
local soon = { ["retry-after-ms"] = "20" }
local broken = {
  ["/429-cut"] = { status = 429, headers = soon, body = text, cut = 100 },
  ["/429-cut-chunked"] = { status = 429, headers = { { "retry-after-ms", "20" },
    { "transfer-encoding", "chunked" } }, body = text, cut = 100 },
  ["/429-stall"] = { status = 429, headers = soon, body = text, stall = 0 },
  ["/404-cut"] = { status = 404, body = text, cut = 0 },
  ["/404-stall"] = { status = 404, body = text, stall = 50 },
  ["/401-cut"] = { status = 401, body = text, cut = 50 },
  ["/503-drip"] = { status = 503, headers = soon, body = text, drip = 0.05 },
  ["/302-cut"] = { status = 302, headers = { location = "/there" }, body = text, cut = 5 },
  ["/200-cut"] = { body = text, cut = 50 },
  ["/200-stall"] = { body = text, stall = 50 },
}
local seen = {}
return {
  ["http://api.test"] = function(request)
    local key = request.method .. request.path
    seen[key] = (seen[key] or 0) + 1
    if seen[key] == 1 and broken[request.path] then return broken[request.path] end
    return 200, last, request.path
  end,
}
]]

local PATHS = { "/429-cut", "/429-cut-chunked", "/429-stall", "/404-cut", "/404-stall", "/401-cut", "/503-drip",
  "/302-cut", "/200-cut", "/200-stall" }

describe("the head of an answer", function()
  after_each(wire.clean)

  -- A 429 whose body was cut was asked again after the backoff, and not when
  -- it said; a cut 404 was asked five times, and a POST's cut 401 was unsafe.
  for _, method in ipairs { "GET", "POST", "PUT" } do
    it("decides, however the body of a " .. method .. " ends, in both worlds", function()
      local simulated, real = wire.both(BROKEN, function(lull, base)
        local api = lull.client { base = base, backoff = SOON, timeout = 0.3, attempts = 3 }
        for _, path in ipairs(PATHS) do api:request(method, path) end
      end)
      assert.are.same(simulated, real)
      local text = table.concat(real, "\n")
      assert.is_truthy(text:find("/429-cut #1 429 http.truncated -> retry hint", 1, true), text)
      assert.is_truthy(text:find("/429-cut-chunked #1 429 http.truncated -> retry hint", 1, true), text)
      assert.is_truthy(text:find("/429-stall #1 429 net.timeout.read -> retry hint", 1, true), text)
      assert.is_truthy(text:find("/404-cut #1 404 http.truncated -> stop rule", 1, true), text)
      assert.is_truthy(text:find("/404-stall #1 404 net.timeout.read -> stop rule", 1, true), text)
      assert.is_truthy(text:find("/401-cut #1 401 http.truncated -> stop rule", 1, true), text)
      assert.is_truthy(text:find("/302-cut #1 302 http.truncated -> follow", 1, true), text)
      assert.is_truthy(text:find("/200-cut #1 http.truncated -> ", 1, true), text)
      assert.is_truthy(text:find("/200-stall #1 net.timeout.read -> ", 1, true), text)
    end)
  end

  it("tells a rule, the error and the report what ended the body", function()
    local server = wire.server(BROKEN)
    local seen
    wire.real(function(lull)
      local api = lull.client { base = server.url, on = { [404] = function(attempt)
        seen = { attempt.status, attempt.body_error, #attempt.body }
        return attempt:accept()
      end } }
      local res = assert(api:get "/404-cut")
      assert.are.same({ 404, "http.truncated" }, { res.status, res.body_error })
      assert.are.equal("http.truncated", res.history[1].body_error)
      assert.is_nil(assert(api:get "/404-cut").body_error)
      local _, err = api:get "/401-cut"
      assert.are.same({ 401, "http.truncated", 50 }, { err.reason, err.response.body_error, #err.response.body })
    end)
    assert.are.same({ 404, "http.truncated", 0 }, seen)
  end)

  it("is of no use for a file: what a rule accepts is whole, or is none", function()
    local server = wire.server(BROKEN)
    local path = wire.path()
    wire.real(function(lull)
      local res, err = lull.get(server.url .. "/404-cut", { output = path, on = { [404] = "accept" } })
      assert.is_nil(res)
      assert.are.equal("http.truncated", err.reason)
    end)
    assert.is_nil(wire.read(path))
  end)

  -- The list began anew at each line that looked like a status line.
  it("is no trailer, and no field, that is named like a status line", function()
    local server = wire.raw_server(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nHTTP/1.1 500 x: y\r\nX-A: 1\r\n\r\n"
      .. "2\r\nok\r\n0\r\nHTTP/1.1 429 Slow: down\r\nRetry-After: 60\r\n\r\n")
    wire.real(function(lull)
      local res = assert(lull.get(server.url .. "/", { attempts = 1 }))
      assert.are.same({ 200, "ok", "1" }, { res.status, res.body, res.headers["x-a"] })
      assert.is_nil(res.headers["retry-after"])
    end)
  end)

  -- What was asked after a pause, or of a half-open breaker, held all others
  -- back until the last byte of its body had come.
  it("lets those go who wait for the first one after a pause", function()
    local at = {}
    support.sim(function(request, n)
      if n == 1 then return 429, { ["retry-after"] = "1" } end
      if n == 2 then return { body = ("x"):rep(20), drip = 1 } end
      at[#at + 1] = request.time
      return 200
    end, function(lull)
      local api = lull.client { base = "http://api.test", limit = { parallel = 4 } }
      assert.is_nil((api:get("/", { attempts = 1 })))
      lull.each({ 1, 2, 3 }, { parallel = 3 }, function() assert(api:get "/") end)
    end)
    assert.are.equal(2, #at)
    assert.is_true(at[1] < 5, "sent at " .. at[1])
  end)

  it("closes the breaker that it was to try", function()
    local ended = {}
    support.sim(function(request, n)
      if n <= 4 then return 500 end
      if request.path == "/slow" then return { body = ("x"):rep(20), drip = 1 } end
      return 200
    end, function(lull)
      local api = lull.client { base = "http://api.test", attempts = 1,
        breaker = { failures = 0.5, window = 30, least = 4, open = 5 } }
      for _ = 1, 4 do api:get "/" end
      lull.sleep(6)
      local slow = lull.spawn(function() return api:get "/slow" end)
      lull.sleep(1)
      ended[1] = assert(api:get "/").status
      ended[2] = lull.now()
      assert(slow:join())
    end)
    assert.are.equal(200, ended[1])
    assert.is_true(ended[2] < 10)
  end)

  it("pauses the lane at once", function()
    local second
    support.sim(function(request, n)
      if n == 1 then return { status = 429, headers = { ["retry-after"] = "30" }, body = ("x"):rep(20), drip = 1 } end
      second = second or request.time
      return 200
    end, function(lull)
      local api = lull.client { base = "http://api.test" }
      local first = lull.spawn(function() return api:get("/", { attempts = 1 }) end)
      lull.sleep(1)
      assert(api:get "/")
      first:join()
    end)
    assert.is_true(second >= 30, "sent at " .. second)
  end)

  -- A simulated download that dripped for 40 s ended at 30 s, and a real one
  -- did not; and a real one that crept ended, after its time for standing still.
  it("of a download that goes on has no time limit but one for standing still, in both worlds", function()
    local world = [[
    return { ["http://api.test"] = function(request)
      local body = ("x"):rep(10)
      if request.path == "/stall" then return { body = body, stall = 5 } end
      return { body = body, drip = 0.15 }
    end }
    ]]
    local core = require "lull.core"
    local function download(url)
      local engine = core.engine {}
      engine:start(core.client { timeout = 0.5, attempts = 1, timeout_by_default = true },
        { method = "GET", url = url, output = wire.path() })
      local kind, _, details
      repeat kind, _, details = engine:step(1) until kind == "done"
      engine:close()
      return details.accepted and details.status or details.class
    end
    local server = wire.server(world)
    assert.are.equal(200, download(server.url .. "/"))
    assert.are.equal("net.timeout.read", download(server.url .. "/stall"))
    local took, stalled
    support.sim(function(request)
      if request.path == "/stall" then return { body = "0123456789", stall = 5, drip = 1 } end
      return { body = ("x"):rep(40), drip = 1 }
    end, function(lull)
      assert(lull.get("http://api.test/", { output = wire.path() }))
      took = lull.now()
      local _, err = lull.get("http://api.test/stall", { output = wire.path(), attempts = 1 })
      assert.are.equal("net.timeout.read", err.reason)
      stalled = lull.now() - took
    end)
    assert.are.equal(40, took)
    assert.are.equal(35, stalled)
  end)

  -- A body that goes on for a minute could be had only with a `timeout` of more,
  -- with which one that stands still was held for as long.
  it("has a time limit for standing still where the script says so, beside that for the whole", function()
    local function ends(options, answer)
      local took, reason, words
      support.sim(function() return answer end, function(lull)
        local res, err = lull.get("http://api.test/", options)
        took, reason, words = lull.now(), res and res.status or err.reason, tostring(err)
      end)
      return took, reason, words
    end
    local text = ("x"):rep(60)
    local drips, stands = { body = text, drip = 1 }, { body = text, stall = 5, drip = 1 }
    for _, case in ipairs {
      { { stall = "10s" }, drips, 60, 200 }, -- also without a file
      { { stall = "10s" }, stands, 15, "net.timeout.read" },
      { {}, drips, 30, "net.timeout.read" },
      { { stall = "10s", timeout = 20 }, drips, 20, "net.timeout.read" },
      { { stall = "10s", timeout = 12 }, stands, 12, "net.timeout.read" },
      { { stall = "10s" }, { body = text, delay = 11 }, 10, "net.timeout.read" },
      { { stall = math.huge }, { body = text, delay = 100 }, 100, 200 },
      { { stall = math.huge, output = wire.path() }, { body = text, delay = 100 }, 100, 200 },
      { { stall = "40s", output = wire.path() }, stands, 45, "net.timeout.read" },
      { { timeout = 70, output = wire.path() }, stands, 70, "net.timeout.read" },
      { { stall = "0.5s", output = wire.path() }, drips, 0.5, "net.timeout.read" },
    } do
      local options, answer = case[1], case[2]
      options.attempts = 1
      local took, reason, words = ends(options, answer)
      assert.are.same({ case[3], case[4] }, { took, reason }, words)
    end
    local _, _, words = ends({ stall = "10s", attempts = 1 }, stands)
    assert.is_truthy(words:find("no answer in time (net.timeout.read: no byte moved for 10 s)", 1, true), words)
    _, _, words = ends({ timeout = "10s", attempts = 1 }, stands)
    assert.is_nil(words:find("moved", 1, true), words)
  end)

  it("has it of its client, and of each attempt anew", function()
    local sent = {}
    support.sim(function(request)
      sent[#sent + 1] = request.time
      if #sent == 1 then return { body = "0123456789", stall = 5 } end
      return { body = "ok" }
    end, function(lull)
      local api = lull.client { base = "http://api.test", stall = 7, backoff = "const:1s" }
      assert.are.equal("ok", assert(api:get "/").body)
    end)
    assert.are.same({ 0, 8 }, sent)
  end)

  it("has it over the wire, too", function()
    local server = wire.server [[
    return { ["http://api.test"] = function(request)
      if request.path == "/stall" then return { body = "0123456789", stall = 5 } end
      return { body = ("x"):rep(10), drip = 0.1 }
    end }
    ]]
    wire.real(function(lull)
      local api = lull.client { base = server.url, attempts = 1, stall = 1 }
      local _, err = api:get "/stall"
      assert.are.equal("net.timeout.read", err.reason)
      assert.is_truthy(tostring(err):find("no byte moved for 1 s", 1, true), tostring(err))
      _, err = api:post("/stall", { body = "x", output = wire.path() })
      assert.are.equal("net.timeout.read", err.reason)
      -- In all longer than it may stand still.
      local started = lull.now()
      assert(api:get("/", { stall = 3, timeout = 60, headers = { ["x-more"] = "1" } }))
      assert.is_true(lull.now() - started >= 0.9)
    end)
  end)

  -- A bad chunk, and headers beyond libcurl's own limit, were a reset.
  describe("that is none, or more than lull bears", function()
    local OK = "HTTP/1.1 200 OK\r\n"
    local CHUNKED = OK .. "Transfer-Encoding: chunked\r\n\r\n"
    local many = {}
    for i = 1, 9000 do many[i] = ("x-%d: %s\r\n"):format(i, ("y"):rep(25)) end
    for name, case in pairs {
      ["a chunk without a length"] = { "http.malformed", CHUNKED .. "zz\r\nok\r\n0\r\n\r\n" },
      ["a chunk that does not end"] = { "http.malformed", CHUNKED .. "2\r\nokXX\r\n0\r\n\r\n" },
      ["a chunk of a length beyond all numbers"] = { "http.malformed", CHUNKED .. ("f"):rep(20) .. "\r\nok" },
      ["a chunk that is cut"] = { "http.truncated", CHUNKED .. "5\r\nok" },
      ["a bad chunk of an error"] = { 404, "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" },
      ["a bad coding"] = { "http.malformed", OK .. "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone" },
      ["a bad coding of an error"] = { 404,
        "HTTP/1.1 404 No\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone" },
      ["a head that is cut"] = { "http.truncated", "HTTP/1.1 429 No\r\nRetry-Af" },
      ["a status that is no number"] = { "http.malformed", "HTTP/1.1 abc\r\n\r\n" },
      ["HTTP/0.9"] = { "http.malformed", "hello" },
      ["nothing"] = { "net.empty", "" },
      ["many headers"] = { "limit.headers", OK .. table.concat(many) .. "\r\n" },
      ["many small headers"] = { "limit.headers", OK .. ("a:b\r\n"):rep(70000) .. "\r\n" },
      ["a header of 120 KB"] = { "limit.headers", OK .. "x: " .. ("y"):rep(120000) .. "\r\n\r\n" },
      ["a 103 without end"] = { "limit.headers",
        ("HTTP/1.1 103 Hints\r\nlink: <x>\r\n\r\n"):rep(20000) .. OK .. "\r\n" },
    } do
      it(name, function()
        local server = wire.raw_server(case[2])
        wire.real(function(lull)
          local _, err = lull.get(server.url .. "/", { attempts = 1, max_headers = "300k" })
          assert.are.equal(case[1], err.reason)
        end)
      end)
    end

    it("a max_headers beyond what libcurl bears", function()
      local lull = support.fresh()
      local ok, problem = pcall(lull.client, { max_headers = "301k" })
      assert.is_false(ok)
      assert.is_truthy(tostring(problem):find("libcurl takes at most 300k", 1, true), problem)
    end)
  end)
end)
