-- Redirects: followed by lull, a hop at a time.
local support = require "tests.support"
local sim = support.sim

local URL = "http://api.test/start"

local function has(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%q is not in %q"):format(part, tostring(text)), 2)
  end
end

-- Servers of some origins, which send /start on to `location`.
local function world(status, location)
  local function serve(request)
    if request.route == "/start" then return status, { location = location } end
    return 200, nil, request.method .. " " .. request.url
  end
  return { ["http://api.test"] = serve, ["http://other.test"] = serve, ["https://safe.test"] = serve,
    ["http://api.test:8080"] = serve, ["http://safe.test"] = serve }
end

local function follow(servers, method, options, url)
  local res, err
  local t = sim(servers, function(lull)
    res, err = lull.request(method, url or URL, options)
  end)
  assert.are.equal(#t.requests, #(res or err).history)
  assert.are.equal(0, t.live)
  return res, err, t
end

describe("a redirect", function()
  it("is followed as browsers do: 301, 302 and 303 make POST a GET, 307 and 308 do not", function()
    local expected = {
      [301] = { GET = "GET", HEAD = "HEAD", POST = "GET", PUT = "PUT", DELETE = "DELETE" },
      [303] = { GET = "GET", HEAD = "HEAD", POST = "GET", PUT = "GET", DELETE = "GET" },
      [307] = { GET = "GET", HEAD = "HEAD", POST = "POST", PUT = "PUT", DELETE = "DELETE" },
    }
    expected[302], expected[308] = expected[301], expected[307]
    for status, methods in pairs(expected) do
      for method, becomes in pairs(methods) do
        local body = (method == "POST" or method == "PUT") and "payload" or nil
        local res, _, t = follow(world(status, "/end"), method, { body = body })
        local what = status .. " " .. method
        assert.are.equal(200, res.status, what)
        assert.are.equal(2, #t.requests, what)
        assert.are.equal(becomes, t.requests[2].method, what)
        assert.are.equal("http://api.test/end", t.requests[2].url, what)
        assert.are.equal("http://api.test/end", res.url, what)
        assert.are.equal(becomes == method and body or "", t.requests[2].body, what)
        if becomes ~= method then
          assert.is_nil(t.requests[2].headers["content-type"], what)
        end
      end
    end
  end)

  it("is a hop of its attempt: one entry in the history, no attempt of its own", function()
    local res, _, t = follow(world(302, "/end"), "GET")
    assert.are.equal(1, res.attempts)
    assert.are.equal(2, #res.history)
    assert.are.equal("follow", res.history[1].verdict)
    assert.are.equal(302, res.history[1].outcome)
    assert.are.equal("accept", res.history[2].verdict)
    assert.are.same({ 1, 1 }, { res.history[1].n, res.history[2].n })
    assert.are.equal(2, #t.verdicts)
    assert.are.equal(0, t.now)
  end)

  it("may be relative, absolute, to another path, and keeps nothing of the query", function()
    for location, url in pairs { ["end"] = "http://api.test/end", ["/a/b?c=1"] = "http://api.test/a/b?c=1",
      ["?x=1"] = "http://api.test/start?x=1", ["//other.test/x"] = "http://other.test/x",
      ["http://other.test/y#frag"] = "http://other.test/y", ["/sp ace"] = "http://api.test/sp%20ace" } do
      local servers = world(302, location)
      local plain = servers["http://api.test"]
      servers["http://api.test"] = function(request)
        if request.query.x then return 200 end
        return plain(request)
      end
      local res = follow(servers, "GET", { query = { q = 1 } })
      assert.are.equal(url, res.url)
    end
  end)

  it("goes to its target again when that fails, not through the first again", function()
    local n = 0
    local servers = world(307, "/end")
    local plain = servers["http://api.test"]
    servers["http://api.test"] = function(request)
      n = n + 1
      if n == 2 then return 429 end
      return plain(request)
    end
    local res, _, t = follow(servers, "POST", { body = "big" })
    assert.are.equal(200, res.status)
    local urls = {}
    for i, request in ipairs(t.requests) do urls[i] = request.route .. request.body end
    assert.are.same({ "/startbig", "/endbig", "/endbig" }, urls)
    assert.are.equal(2, res.attempts)
  end)

  it("to another origin carries no credentials", function()
    for _, target in ipairs { "http://other.test/end", "http://api.test:8080/end" } do
      local request
      local t = sim(world(302, target), function(lull)
        local api = lull.client { headers = { Cookie = "c=1", ["X-Open"] = "open", ["X-Own"] = lull.secret "own" } }
        assert(api:get(URL, { headers = { Authorization = "Bearer t", ["X-Api-Key"] = "k", ["X-Plain"] = "plain",
          ["X-Mine"] = lull.secret "mine" } }))
      end)
      for _, name in ipairs { "authorization", "cookie", "x-api-key", "x-own", "x-mine" } do
        assert.is_truthy(t.requests[1].headers[name], name)
        assert.is_nil(t.requests[2].headers[name], name)
      end
      request = t.requests[2]
      assert.are.equal("open", request.headers["x-open"])
      assert.are.equal("plain", request.headers["x-plain"])
    end
  end)

  it("to the same origin keeps them", function()
    local _, _, t = follow(world(302, "http://API.test:80/end"), "GET", { headers = { authorization = "t" } })
    assert.are.equal("t", t.requests[2].headers.authorization)
  end)

  it("to another origin and back does not bring them back", function()
    local servers = world(302, "http://other.test/back")
    servers["http://other.test"] = function() return 302, { location = "http://api.test/end" } end
    local _, _, t = follow(servers, "GET", { headers = { authorization = "t" } })
    assert.are.equal(3, #t.requests)
    assert.is_nil(t.requests[3].headers.authorization)
  end)

  it("from https to http is refused", function()
    local _, err, t = follow(world(302, "http://safe.test/end"), "GET", nil, "https://safe.test/start")
    assert.are.equal(1, #t.requests)
    assert.are.equal("http.redirects", err.reason)
    assert.are.equal("rule", err.why)
    assert.are.equal(302, err.response.status)
    has(err, "too many redirects, or one that is not allowed (http.redirects)")
    assert.are.equal(2, #select(3, follow(world(302, "https://safe.test/end"), "GET")).requests)
  end)

  it("to something that is no web page is refused", function()
    for _, location in ipairs { "ftp://other.test/", "file:///etc/passwd", "http://", "javascript:1" } do
      local _, err, t = follow(world(302, location), "GET")
      assert.are.equal(1, #t.requests, location)
      assert.are.equal("http.redirects", err.reason)
    end
  end)

  it("without a Location is an answer like any other", function()
    local res = follow(function() return 302 end, "GET")
    assert.are.equal(302, res.status)
  end)

  it("is not followed for 300, 304 and 305", function()
    for _, status in ipairs { 300, 304, 305 } do
      assert.are.equal(status, follow(world(status, "/end"), "GET").status)
    end
  end)

  it("is followed ten times and no more", function()
    local function chain(length)
      return function(request)
        local n = tonumber(request.path:match("%d+$")) or 0
        if n < length then return 302, { location = "/" .. n + 1 } end
        return 200
      end
    end
    assert.are.equal(11, #follow(chain(10), "GET").history)
    local _, err, t = follow(chain(11), "GET")
    assert.are.equal(11, #t.requests)
    assert.are.equal("http.redirects", err.reason)
    assert.are.equal("rule", err.why)
    assert.are.equal(1, err.attempts)
    _, err, t = follow(function() return 302, { location = "/start" } end, "GET")
    assert.are.equal(11, #t.requests)
    assert.are.equal("http.redirects", err.reason)
  end)

  it("is followed as often as the client says", function()
    sim(world(302, "/end"), function(lull)
      assert.are.equal(302, lull.client({ redirects = 0 }):get(URL).status)
      assert.are.equal(200, lull.client({ redirects = 1 }):get(URL).status)
    end)
  end)

  it("is the script's when it has a rule for it", function()
    local res, _, t = follow(world(302, "/end"), "GET", { on = { [302] = "accept" } })
    assert.are.equal(302, res.status)
    assert.are.equal(1, #t.requests)
    res = follow(world(302, "/end"), "GET", { on = { [302] = function(attempt)
      return attempt:retry { wait = 0, url = attempt.headers.location }
    end } })
    assert.are.equal(200, res.status)
    assert.are.equal(2, res.attempts)
    assert.are.equal(200, follow(world(302, "/end"), "GET", { on = { ["*"] = "accept" } }).status)
  end)

  it("is within the call's deadline and the attempt's timeout", function()
    local _, err = follow(function(request)
      return { status = 302, headers = { location = request.path == "/a" and "/b" or "/a" }, delay = 1 }
    end, "GET", { deadline = 3.5, timeout = 2 })
    assert.are.equal("deadline", err.why)
    assert.are.equal(3.5, err.elapsed)
  end)

  it("takes a POST's transfer-encoding and expectation away with its body", function()
    local headers = { ["transfer-encoding"] = "chunked", expect = "100-continue", trailer = "x",
      ["content-type"] = "text/plain", ["content-language"] = "en", ["x-mine"] = "1" }
    for _, status in ipairs { 301, 302, 303 } do
      local _, _, t = follow(world(status, "/end"), "POST", { body = "x", headers = headers })
      assert.are.equal("GET", t.requests[2].method)
      for name in pairs(headers) do
        assert.are.equal(name == "x-mine" and "1" or nil, t.requests[2].headers[name], name)
      end
    end
    local _, _, t = follow(world(307, "/end"), "POST", { body = "x", headers = headers })
    assert.are.equal("chunked", t.requests[2].headers["transfer-encoding"])
  end)

  -- It went along with a relative Location, and was lost with an absolute one.
  it("within the origin keeps the URL's user, and to another it does not", function()
    local from = "http://user:p%40ss@api.test/start"
    for location, url in pairs {
      ["/end"] = "http://user:p%40ss@api.test/end", ["http://api.test/end"] = "http://user:p%40ss@api.test/end",
      ["HTTP://API.TEST:80/end"] = "http://user:p%40ss@API.TEST:80/end",
      ["http://me@api.test/end"] = "http://me@api.test/end", ["http://api.test:8080/end"] = "http://api.test:8080/end",
      ["http://other.test/end"] = "http://other.test/end", ["//other.test/end"] = "http://other.test/end" } do
      local seen
      local servers = world(302, location)
      for origin, serve in pairs(servers) do
        servers[origin] = function(request) seen = request.url return serve(request) end
      end
      follow(servers, "GET", nil, from)
      assert.are.equal(url, seen)
    end
  end)
end)

-- RFC 9110 section 10.2.3: with a 3xx, Retry-After is the least time to wait
-- before the redirect. It was followed at once.
describe("a redirect that asks to wait", function()
  local function after(headers, options)
    local res, err, t = follow(function(request)
      if request.path == "/end" then return 200 end
      headers.location = "/end"
      return 303, headers
    end, "GET", options)
    return res, err, t
  end

  it("is followed then, as a hop of the same attempt", function()
    for _, status in ipairs { 301, 302, 303, 307, 308 } do
      local res, _, t = follow(function(request)
        if request.path == "/end" then return 200, nil, request.method .. request.body end
        return status, { location = "/end", ["retry-after"] = 20 }
      end, "PUT", { body = "x" })
      assert.are.equal(status == 303 and "GET" or "PUTx", res.body)
      assert.is_true(support.within(t.requests[2].time, 20, 21), t.requests[2].time)
      assert.are.equal(1, res.attempts)
      assert.are.same({ "follow", "hint", "retry-after", 20 }, { res.history[1].verdict, res.history[1].source,
        res.history[1].hint, res.history[1].hint_seconds })
      assert.is_true(support.within(res.waited, 20, 21), res.waited)
    end
  end)

  it("is followed at once when it says nothing, or when something is left of a quota", function()
    for _, headers in ipairs { { ["retry-after"] = 0 }, { ["retry-after"] = "soon" },
      { ["retry-after"] = 9, ["x-ratelimit-remaining"] = 500, ["x-ratelimit-reset"] = 9 } } do
      local _, _, t = after(headers)
      assert.are.equal(0, t.requests[2].time)
    end
  end)

  it("ends the call at once when the wait is longer than max_hint or the deadline", function()
    for _, options in ipairs { { max_hint = 10 }, { deadline = 10 } } do
      local _, err, t = after({ ["retry-after"] = 20 }, options)
      assert.are.same({ "hint", 303, 20 }, { err.why, err.reason, err.retry_after })
      assert.are.equal(0, t.now)
      assert.are.equal("http://api.test/start", err.url)
    end
  end)

  it("can be cancelled meanwhile, and holds no place", function()
    sim(function(request)
      if request.path ~= "/start" then return 200 end
      return 302, { location = "/end", ["retry-after"] = 20 }
    end, function(lull)
      local api = lull.client { base = "http://api.test", limit = { parallel = 1 } }
      local task = lull.spawn(function() return api:get "/start" end)
      lull.sleep(1)
      assert.are.equal(200, api:get("/other").status)
      assert.are.equal(1, lull.now())
      task:cancel()
    end)
  end)

  -- Eleven hops in two milliseconds, and the job was given up as a loop.
  it("to itself is a poll until it is ready, and no loop", function()
    local n = 0
    local res, _, t = follow(function(request)
      n = n + 1
      if request.method == "POST" then return 303, { location = "/job" } end
      if n < 60 then return 302, { location = "http://api.test/job", ["retry-after"] = 5 } end
      return 200, nil, "ready"
    end, "POST", { body = "x" })
    assert.are.equal("ready", res.body)
    assert.are.equal(60, #t.requests)
    assert.are.equal(1, res.attempts)
    assert.is_true(t.now >= 58 * 5)
  end)

  it("to itself is bounded by the deadline, and by a thousand requests", function()
    local server = function() return 307, { location = "", ["retry-after-ms"] = 100 } end
    local _, err, t = follow(server, "GET", { deadline = 3 })
    assert.are.same({ "hint", 307 }, { err.why, err.reason })
    assert.is_true(t.now < 3)
    _, err, t = follow(server, "GET")
    assert.are.equal("http.redirects", err.reason)
    assert.are.equal(1000, #t.requests)
  end)

  it("in a circle of two is one all the same", function()
    local _, err, t = follow(function(request)
      return 302, { location = request.path == "/start" and "/b" or "/start", ["retry-after"] = 1 }
    end, "GET")
    assert.are.equal("http.redirects", err.reason)
    assert.are.equal(11, #t.requests)
  end)
end)

-- Signed URLs expire, and mirrors die: a redirect may lead elsewhere when it
-- is asked for again (RFC 9110 section 15.4). A retry went to the first target
-- for ever.
describe("a retry after a redirect", function()
  local SIGNED = "http://other.test/file?signature="

  -- The first target fails with `first`; when it is asked again, with `then_`.
  local function signed(first, then_, options, method, status)
    local signatures, asked = 0, {}
    local res, err, t = follow({
      ["http://api.test"] = function()
        signatures = signatures + 1
        return status or 307, { location = SIGNED .. signatures }
      end,
      ["http://other.test"] = function(request)
        local mine = request.query.signature
        asked[mine] = (asked[mine] or 0) + 1
        if mine ~= "1" then return 200, nil, request.method .. mine .. request.body end
        return asked[mine] == 1 and first or then_
      end,
    }, method or "GET", options)
    local urls = {}
    for i, request in ipairs(t.requests) do urls[i] = request.url:match "start" or request.url:match "%d+$" end
    return res, err, table.concat(urls, " "), t
  end

  it("goes to the original URL when the target has expired meanwhile", function()
    for _, status in ipairs { 401, 403, 404, 410 } do
      local res, _, urls = signed(503, status)
      assert.are.equal("GET2", res.body)
      assert.are.equal("start 1 1 start 2", urls)
      assert.are.equal(3, res.attempts)
    end
  end)

  it("goes there when the target cannot be reached", function()
    for _, fault in ipairs { "net.dns", "net.refused", "net.unreachable", "net.timeout.connect", "tls.handshake" } do
      local res, _, urls = signed({ fault = fault }, 200)
      assert.are.equal("GET2", res.body)
      assert.are.equal("start 1 start 2", urls)
    end
  end)

  it("goes there for a rule's retry, with method and body as they were", function()
    local res, _, urls = signed(404, 404, { on = { [404] = "retry" }, body = "x" }, "PUT")
    assert.are.equal("PUT2x", res.body)
    assert.are.equal("start 1 start 2", urls)
  end)

  it("goes to the target when that is only busy, or broke off", function()
    for _, first in ipairs { 500, 503, 429, { fault = "reset" } } do
      local res, _, urls = signed(first, { status = 200, body = "first" })
      assert.are.equal("first", res.body)
      assert.are.equal("start 1 1", urls)
    end
  end)

  it("is none when a fresh target says no", function()
    for _, status in ipairs { 401, 403, 404, 410 } do
      local _, err, urls = signed(status, 200)
      assert.are.equal(status, err.reason)
      assert.are.equal("start 1", urls)
    end
    local _, err, urls = signed(503, 422)
    assert.are.equal(422, err.reason)
    assert.are.equal("start 1 1", urls)
  end)

  it("never does a POST again that has become a GET", function()
    local _, err, urls = signed(503, 404, { body = "x" }, "POST", 303)
    assert.are.equal(404, err.reason)
    assert.are.equal("start 1 1", urls)
    local refused = { fault = "net.refused" }
    _, err, urls = signed(refused, refused, { body = "x", attempts = 3 }, "POST", 302)
    assert.are.equal("net.refused", err.reason)
    assert.are.equal("start 1 1 1", urls)
  end)

  it("brings back the secrets that stayed there, and the script's newer ones", function()
    local seen = {}
    local t = sim({
      ["http://api.test"] = function(request)
        local headers = request.headers
        seen[#seen + 1] = table.concat({ headers.authorization, headers.cookie, headers["x-own"], headers.host }, " ")
        return 307, { location = SIGNED .. #seen }
      end,
      ["http://other.test"] = function(request)
        assert.is_nil(request.headers.cookie)
        assert.is_nil(request.headers["x-own"])
        assert.are_not.equal("mine", request.headers.host)
        return request.query.signature == "3" and 200 or 401
      end,
    }, function(lull)
      local api = lull.client { headers = { ["x-own"] = lull.secret "own" } }
      local n = 0
      local headers = { authorization = "old", cookie = "c=1", host = "mine" }
      assert(api:get(URL, { headers = headers, on = { [401] = function(attempt)
        n = n + 1
        if n == 1 then return attempt:retry() end
        return attempt:retry { headers = { authorization = "new" } }
      end } }))
    end)
    assert.are.same({ "old c=1 own mine", "old c=1 own mine", "new c=1 own mine" }, seen)
    assert.are.equal(6, #t.requests)
  end)

  it("goes where a function says, whatever redirects said before", function()
    local res, _, urls = signed(404, 404, { on = { [404] = function(attempt)
      return attempt:retry { wait = 0, url = SIGNED .. "7" }
    end } })
    assert.are.equal("GET7", res.body)
    assert.are.equal("start 1 7", urls)
  end)

  it("goes all the way back, over several hops", function()
    local n, paths = 0, {}
    local res = follow(function(request)
      paths[#paths + 1] = request.path
      if request.path == "/start" then return 302, { location = "/a" } end
      if request.path == "/a" then return 302, { location = "/b" } end
      n = n + 1
      return n == 1 and 503 or n == 2 and 404 or 200
    end, "GET")
    assert.are.equal(200, res.status)
    assert.are.equal("/start /a /b /b /start /a /b", table.concat(paths, " "))
  end)
end)

-- RFC 9110 section 10.1.1: the same again without the expectation. It was an
-- error like any other 4xx.
describe("a 417", function()
  local function picky(options, client)
    local expects = {}
    local res, err
    local t = sim(function(request)
      expects[#expects + 1] = request.headers.expect or "-"
      if request.headers.expect then return 417 end
      return 200, nil, request.method .. request.body
    end, function(lull)
      res, err = lull.client(client or {}):post(URL, options)
    end)
    assert.are.equal(#t.requests, #(res or err).history)
    return res, err, table.concat(expects, " "), t
  end

  it("is sent again at once without Expect, as a hop of the same attempt", function()
    local res, _, expects, t = picky { body = "x", attempts = 1, headers = { expect = "100-continue" } }
    assert.are.equal("POSTx", res.body)
    assert.are.equal("100-continue -", expects)
    assert.are.equal(1, res.attempts)
    assert.are.equal(0, t.now)
    assert.are.equal("follow", res.history[1].verdict)
  end)

  it("is the same when the client's headers have it", function()
    local res, _, expects = picky({ body = "x" }, { headers = { Expect = "100-continue" } })
    assert.are.equal("POSTx", res.body)
    assert.are.equal("100-continue -", expects)
  end)

  it("is an answer like any other where nothing was expected, or a rule speaks", function()
    local _, err = follow(function() return 417 end, "GET")
    assert.are.same({ 417, 1 }, { err.reason, #err.history })
    local expects
    _, err, expects = picky { body = "x", headers = { expect = "100-continue" }, on = { [417] = "stop" } }
    assert.are.same({ 417, "100-continue" }, { err.reason, expects })
  end)
end)
