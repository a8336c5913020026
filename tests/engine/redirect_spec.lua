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
end)
