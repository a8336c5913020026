-- lull over real sockets on loopback. What the servers' logs say is the
-- truth; what lull says has to agree with it.
local socket = require "socket"
local support = require "tests.support"
local wire = require "tests.wire"

-- A short wait between attempts, the same in every run.
local SOON = { kind = "constant", base = 0.001, jitter = "none" }

-- An answer's body under three encodings.
local PLAIN = "hello hello hello hello world\n"
local GZIP = "\031\139\008\000\000\000\000\000\002\003\203\072\205\201\201\087"
  .. "\200\192\032\203\243\139\114\082\184\000\224\083\051\141\030\000\000\000"
local ZSTD = "\040\181\047\253\004\104\149\000\000\096\104\101\108\108\111\032"
  .. "\119\111\114\108\100\010\001\000\241\074\017\162\108\006\050"
-- One block, not compressed (RFC 7932, section 9.2).
local BROTLI = "\139\005\128hello world\n\003"

-- gzip of zeros without end: 13 bytes of it are 2064.
local BOMB_HEAD = "\031\139\008\000\000\000\000\000\002\003\099\096\024\005"
  .. "\163\096\020\140\130\081"
local BOMB_BLOCK = "\048\010\070\193\040\024\005\163\096\020\140\130\081"

-- A server where each path begins with its fault and then works. Every answer
-- ends its connection: on a used one a reset cannot be told from a close.
local FAULTS = [[
local text = ("0123456789"):rep(20)
local last = { connection = "close" }
local faults = {
  ["/reset"] = { fault = "reset" },
  ["/close"] = { fault = "close" },
  ["/hang"] = { fault = "hang" },
  ["/garbage"] = { fault = "garbage" },
  ["/cut"] = { body = text, cut = 100 },
  ["/cut-at-once"] = { body = text, cut = 0 },
  ["/cut-chunked"] = { body = text, cut = 100, headers = { ["transfer-encoding"] = "chunked" } },
  ["/drip"] = { body = "slowly", drip = 0.001, headers = last },
  ["/drip-for-ever"] = { body = text, drip = 0.05 },
  ["/delay"] = { body = "late", delay = 0.02, headers = last },
  ["/delay-too-long"] = { body = "too late", delay = 30 },
  ["/500"] = { status = 500, headers = last },
  ["/503"] = { status = 503, headers = last },
  ["/404"] = { status = 404, headers = last },
}
local seen = {}
return {
  ["http://api.test"] = function(request)
    local key = request.method .. request.path
    seen[key] = (seen[key] or 0) + 1
    if seen[key] == 1 and faults[request.path] then return faults[request.path] end
    return 200, last, request.path
  end,
}
]]

local PATHS = { "/reset", "/close", "/hang", "/garbage", "/cut", "/cut-at-once",
  "/cut-chunked", "/drip", "/drip-for-ever", "/delay", "/delay-too-long",
  "/500", "/503", "/404" }
local METHODS = { "GET", "PUT", "DELETE", "HEAD", "OPTIONS", "POST", "PATCH" }

local function count(list, test)
  local n = 0
  for _, item in ipairs(list) do
    if test(item) then n = n + 1 end
  end
  return n
end

local function on_path(requests, path)
  local list = {}
  for _, request in ipairs(requests) do
    if request.path == path then list[#list + 1] = request end
  end
  return list
end

local both = wire.both
local compile = loadstring or load -- luacheck: ignore

describe("over the wire", function()
  after_each(wire.clean)

  -- ---- the same as in simulation ------------------------------------------

  for _, method in ipairs { "GET", "POST", "PUT" } do
    it("a " .. method .. " meets every fault as it does in simulation", function()
      local simulated, real, server, verdicts = both(FAULTS, function(lull, base)
        local api = lull.client { base = base, backoff = SOON, timeout = 0.3, attempts = 3 }
        for _, path in ipairs(PATHS) do api:request(method, path) end
      end)
      assert.are.same(simulated, real)
      assert.are.equal(#verdicts, #server:requests(#verdicts))
    end)
  end

  it("the length of a body is told as it is in simulation", function()
    local world = [[return { ["http://api.test"] = function(request)
      return 200, { ["x-length"] = request.headers["content-length"] or "none" }
    end }]]
    local chunked = { ["transfer-encoding"] = "chunked" }
    local function lengths(lull, base)
      local list, api = {}, lull.client { base = base }
      local path = wire.write "on disk"
      for _, method in ipairs { "GET", "DELETE", "OPTIONS", "POST", "PUT", "PATCH" } do
        for _, options in ipairs { {}, { body = "" }, { body = "abc" }, { file = path },
          { body = "abc", headers = chunked } } do
          local res = assert(api:request(method, "/x", options))
          list[#list + 1] = ("%s %d %s"):format(method, #list % 5 + 1, res.headers["x-length"])
        end
      end
      return list
    end
    local simulated, real
    support.sim(compile(world)(), function(lull) simulated = lengths(lull, "http://api.test") end)
    local server = wire.server(world)
    wire.real(function(lull) real = lengths(lull, server.url) end)
    assert.are.same(real, simulated)
    assert.are.equal("GET 1 none", real[1])
    assert.are.equal("PUT 3 3", real[23])
    assert.are.equal("PUT 4 7", real[24])
  end)

  it("leave to send a body is asked only when the script says so", function()
    local server = wire.server [[return { ["http://api.test"] = function(request)
      return 200, { ["x-expect"] = request.headers.expect or "none" }, request.body
    end }]]
    wire.real(function(lull)
      local large = ("x"):rep(2 ^ 21)
      local res = assert(lull.put(server.url, { body = large }))
      assert.are.equal("none", res.headers["x-expect"])
      res = assert(lull.put(server.url, { body = large, headers = { expect = "100-continue" } }))
      assert.are.equal("100-continue", res.headers["x-expect"])
      assert.are.equal(#large, #res.body)
    end)
  end)

  it("with an idempotency key a POST is retried through every fault", function()
    local simulated, real = both(FAULTS, function(lull, base)
      local api = lull.client { base = base, backoff = SOON, timeout = 0.3, attempts = 3 }
      for _, path in ipairs(PATHS) do api:post(path, { key = true }) end
    end)
    assert.are.same(simulated, real)
  end)

  it("rules of every kind are followed as in simulation", function()
    local simulated, real = both(FAULTS, function(lull, base)
      local api = lull.client { base = base, backoff = SOON, timeout = 0.3, attempts = 4,
        on = {
          [404] = function(attempt) return attempt:retry { wait = 0, headers = { ["x-again"] = "1" } } end,
          [500] = "accept",
          ["net.reset"] = { "retry", attempts = 2 },
          ["net.empty"] = function(attempt)
            assert(attempt.maybe_applied)
            return attempt:stop "we do not know"
          end,
          ["http.truncated"] = "stop",
        } }
      for _, path in ipairs(PATHS) do api:get(path) end
    end)
    assert.are.same(simulated, real)
  end)

  -- ---- one attempt is one request -----------------------------------------

  -- Each path works once, so that its connection is kept; then the server
  -- reads a request on it and hangs up; then it works again.
  local DYING = [[
  local seen = {}
  return { ["http://api.test"] = function(request)
    seen[request.path] = (seen[request.path] or 0) + 1
    return { fault = seen[request.path] == 2 and "close" or nil }
  end }
  ]]

  for _, method in ipairs(METHODS) do
    it("a " .. method .. " on a reused connection that dies is on the wire as often as lull says", function()
      local server = wire.server(DYING)
      local history = {}
      wire.real(function(lull)
        local api = lull.client { base = server.url, backoff = SOON, on = { ["*"] = "retry", ["2xx"] = "accept" } }
        for _ = 1, 2 do
          local res, err = api:request(method, "/x")
          for _, entry in ipairs((res or err).history) do history[#history + 1] = entry.outcome end
        end
      end)
      local requests = server:requests(#history)
      assert.are.equal(#history, #requests)
      assert.are.equal(requests[1].connection, requests[2].connection)
      local retried = method ~= "POST" and method ~= "PATCH"
      assert.are.same(retried and { 200, "net.empty", 200 } or { 200, "net.empty" }, history)
    end)
  end

  -- libcurl alone would send it again: the server had it twice, the caller
  -- saw one 200.
  it("a POST whose answer got lost is sent once, and its error says that it may have arrived", function()
    local server = wire.server(DYING)
    local err
    wire.real(function(lull)
      local api = lull.client { base = server.url, backoff = SOON }
      assert(api:post("/pay", { body = "first" }))
      local _
      _, err = api:post("/pay", { body = "second" })
    end)
    assert.are.equal("net.empty", err.reason)
    assert.are.equal("unsafe", err.why)
    assert.are.equal(1, err.attempts)
    assert.is_true(err.history[1].maybe_applied)
    local requests = server:requests(2)
    assert.are.equal(2, #requests)
    assert.are.equal(#"second", requests[2].body_length)
  end)

  it("with a key the lost POST is sent twice, with the same key", function()
    local server = wire.server(DYING)
    local res
    wire.real(function(lull)
      local api = lull.client { base = server.url, backoff = SOON }
      assert(api:post("/pay", { body = "first" }))
      res = assert(api:post("/pay", { body = "second", key = true }))
    end)
    assert.are.equal(2, res.attempts)
    local requests = server:requests(3)
    assert.are.equal(3, #requests)
    local key = requests[2].headers["idempotency-key"]
    assert.is_truthy(key:match "^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$")
    assert.are.equal(key, requests[3].headers["idempotency-key"])
    assert.are.equal(requests[2].body_hash, requests[3].body_hash)
    assert.is_nil(requests[1].headers["idempotency-key"])
  end)

  it("a body from a file or a function is sent afresh with each attempt", function()
    local server = wire.server(DYING)
    local path = wire.write "from a file"
    wire.real(function(lull)
      local api = lull.client { base = server.url, backoff = SOON }
      assert(api:put("/file", { file = path }))
      assert.are.equal(2, assert(api:put("/file", { file = path })).attempts)
      local made = 0
      local function body()
        made = made + 1
        return "body " .. made
      end
      assert(api:put("/made", { body = body }))
      assert.are.equal(2, assert(api:put("/made", { body = body })).attempts)
      assert.are.equal(3, made)
    end)
    local requests = server:requests(6)
    assert.are.equal(6, #requests)
    assert.are.equal(requests[1].body_hash, requests[3].body_hash)
    assert.are.equal(3, count(on_path(requests, "/made"), function(r) return r.body_length == #"body 1" end))
    assert.are_not.equal(requests[5].body_hash, requests[6].body_hash)
  end)

  -- ---- no connection ------------------------------------------------------

  it("a refused connection is retried, whatever the method", function()
    local url, keep = wire.refusing()
    wire.real(function(lull)
      local _, err = lull.post(url .. "/", { attempts = 3, backoff = SOON })
      assert.are.equal("net.refused", err.reason)
      assert.are.equal("attempts", err.why)
      assert.are.equal(3, err.attempts)
      assert.is_false(err.history[1].sent)
      assert.is_false(err.history[1].maybe_applied)
      assert.is_truthy(tostring(err):find("POST " .. url .. "/: ", 1, true))
      assert.is_truthy(tostring(err):find "refused.* after 3 attempts in .*: attempts used up")
    end)
    keep:close()
  end)

  it("a name that does not resolve is retried", function()
    -- Too long for a label, so that no resolver has to be asked.
    local url = ("http://%s.invalid/"):format(("a"):rep(64))
    wire.real(function(lull)
      local _, err = lull.post(url, { attempts = 2, backoff = SOON })
      assert.are.equal("net.dns", err.reason)
      assert.are.equal(2, err.attempts)
      assert.is_false(err.history[1].sent)
    end)
  end)

  it("a connection that nobody takes is given up after the attempt's timeout", function()
    local url, held = wire.silent()
    wire.real(function(lull)
      local _, err = lull.post(url .. "/", { attempts = 2, backoff = SOON, timeout = 0.1 })
      assert.are.equal("net.timeout.connect", err.reason)
      assert.are.equal(2, err.attempts)
      assert.is_false(err.history[1].sent)
      assert.is_true(err.elapsed >= 0.2)
    end)
    for _, one in ipairs(held) do one:close() end
  end)

  it("a hanging answer is given up after the timeout, and the deadline ends the call", function()
    local server = wire.server [[
    return { ["http://api.test"] = function() return "hang" end }
    ]]
    wire.real(function(lull)
      local _, err = lull.get(server.url, { attempts = 2, backoff = SOON, timeout = "100ms" })
      assert.are.equal("net.timeout.read", err.reason)
      assert.are.equal("attempts", err.why)
      assert.is_true(err.elapsed >= 0.2)
      _, err = lull.get(server.url, { attempts = 9, backoff = SOON, timeout = 10, deadline = 0.1 })
      assert.are.equal("net.timeout.read", err.reason)
      assert.are.equal("deadline", err.why)
      assert.is_true(err.elapsed >= 0.1 and err.elapsed < 5)
    end)
  end)

  -- Lua was busy, or the process stopped, until after the deadline: the retry
  -- whose wait had ended meanwhile was sent all the same.
  it("a retry whose wait ended late is not sent after the deadline", function()
    local server = wire.server [[
    return { ["http://api.test"] = function() return 429 end }
    ]]
    wire.real(function(lull)
      local function be_busy() -- as soon as it waits
        local until_then = socket.gettime() + 1.2
        while socket.gettime() < until_then do end -- luacheck: ignore
      end
      local _, err = lull.post(server.url, { attempts = 9, backoff = "const:300ms", deadline = 1,
        on = { [429] = function() lull.spawn(be_busy) end } })
      assert.are.equal("deadline", err.why)
      assert.are.equal(1, err.attempts)
    end)
    assert.are.equal(1, #server:requests(1))
  end)

  it("a cancelled call leaves nothing behind", function()
    local server = wire.server [[
    return { ["http://api.test"] = function() return "hang" end }
    ]]
    wire.real(function(lull)
      local task = lull.spawn(function() return lull.get(server.url) end)
      while #wire.json_lines(server.log) == 0 do lull.sleep(0.005) end
      task:cancel()
      local res, err = task:join()
      assert.is_nil(res)
      assert.are.equal("cancelled", err.why)
    end)
    assert.are.equal(1, #server:requests(1))
  end)

  -- ---- TLS and HTTP/2 -----------------------------------------------------

  describe("TLS", function()
    it("a certificate of an unknown authority ends the call at once", function()
      local server = wire.tls_server()
      wire.real(function(lull)
        local _, err = lull.get(server.tls .. "/", { attempts = 3, backoff = SOON })
        assert.are.equal("tls.cert", err.reason)
        assert.are.equal("rule", err.why)
        assert.are.equal(1, err.attempts)
        assert.is_false(err.history[1].sent)
      end)
      assert.are.equal(0, #server:requests())
    end)

    it("an authority of one's own is trusted by `ca`, for its names only", function()
      local server = wire.tls_server()
      wire.real(function(lull)
        local api = lull.client { ca = server.ca }
        assert.are.equal("hello over h2\n", assert(api:get(server.tls .. "/")).body)
        assert(api:get((server.tls:gsub("127.0.0.1", "localhost"))))
        local _, err = api:get((server.tls:gsub("127.0.0.1", "127.0.0.2")), { attempts = 1 })
        assert.are_not.equal("rule", err and err.reason)
        assert.is_truthy(err)
      end)
    end)

    -- What was set for https stayed for http: a call to a host that hangs held
    -- up all others to it.
    it("leaves nothing behind for a URL without TLS", function()
      local server = wire.tls_server()
      local plain = wire.server [[
      return { ["*"] = function(request)
        if request.path == "/hang" then require("lull").sleep(20) end
        return 200
      end }
      ]]
      wire.real(function(lull)
        local api = lull.client { ca = server.ca, attempts = 1, timeout = 3 }
        local function get(url) return function() return api:get(url) end end
        assert(lull.all { get(server.tls .. "/"), get(server.tls .. "/"), get(server.tls .. "/") })
        local hanging = lull.spawn(function() api:get(plain.url .. "/hang") end)
        lull.sleep(0.05)
        assert.are.equal(200, assert(api:get(plain.url .. "/ok")).status)
        hanging:cancel()
        local second = api:with { http = "2" }
        assert(second:get(server.tls .. "/"))
        for _ = 1, 3 do assert(second:get(server.h2c .. "/")) end
      end)
    end)

    -- The client's own certificate was shown to whoever a URL, a rule or a
    -- redirect named. One that cannot be loaded tells whether it was asked for.
    it("the client's own certificate is for its base's origin, or that of the call which brings it", function()
      local server = wire.tls_server()
      local other = server.tls:gsub("127.0.0.1", "localhost")
      local moving = wire.server(('return { ["*"] = function() return 302, { location = "%s/" } end }\n'):format(other))
      wire.real(function(lull)
        local function reason(api, url, options)
          local res, err = api:get(url, options)
          return res and res.status or err.reason
        end
        local cert = { ca = server.ca, cert = "/no/such/cert.pem", attempts = 1 }
        local api = lull.client(cert):with { base = server.tls }
        assert.are.equal("tls.cert", reason(api, "/"))
        assert.are.equal(200, reason(api, other .. "/"))
        assert.are.equal(200, reason(api:with { base = moving.url }, "/"))
        assert.are.equal(200, reason(lull.client(cert), moving.url .. "/"))
        assert.are.equal(200, reason(api:with { base = moving.url }, "/", { on = { [302] = function(attempt)
          return attempt:retry { wait = 0, url = other .. "/" }
        end }, attempts = 2 }))
        assert.are.equal("tls.cert", reason(api:with { cross_origin = true }, other .. "/"))
        assert.are.equal("tls.cert", reason(lull.client { base = server.tls, ca = server.ca }, other .. "/", cert))
        assert.are.equal("tls.cert", reason(lull.client(cert), other .. "/"))
      end)
    end)

    it("insecure = true asks for no certificate", function()
      local server = wire.tls_server()
      wire.real(function(lull)
        assert(lull.get(server.tls .. "/", { insecure = true }))
        -- What one client was told does not leak into another.
        local _, err = lull.get(server.tls .. "/")
        assert.are.equal("tls.cert", err.reason)
      end)
    end)

    it("a handshake that is cut was never sent: retried, whatever the method", function()
      local server = wire.tls_server()
      wire.real(function(lull)
        local _, err = lull.post(server.cut .. "/", { attempts = 2, backoff = SOON, ca = server.ca })
        assert.are.equal("tls.handshake", err.reason)
        assert.are.equal("attempts", err.why)
        assert.are.equal(2, err.attempts)
        assert.is_false(err.history[1].maybe_applied)
      end)
    end)
  end)

  describe("HTTP/2", function()
  -- The second call used to fail: libcurl set HTTP/2 up twice.
  it("in the clear, one call after the other", function()
    local server = wire.tls_server()
    wire.real(function(lull)
      local api = lull.client { base = server.h2c, http = "2", attempts = 1 }
      for _ = 1, 3 do assert(api:get "/") end
    end)
    assert.are.equal(3, #server:requests(3))
  end)

    it("is spoken over TLS, many calls on one connection", function()
      local server = wire.tls_server()
      wire.real(function(lull)
        local api = lull.client { base = server.tls, ca = server.ca, limit = { parallel = 20 } }
        assert(api:get "/")
        local results = lull.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, function() return assert(api:get "/").status end)
        assert.are.equal(10, #results)
      end)
      local requests = server:requests(11)
      for _, request in ipairs(requests) do
        assert.are.equal("h2", request.protocol)
        assert.are.equal(requests[1].connection, request.connection)
      end
    end)

    it("is not spoken where http = \"1.1\"", function()
      local server = wire.tls_server()
      wire.real(function(lull)
        assert.are.equal("hello over tls\n", assert(lull.get(server.tls .. "/", { ca = server.ca, http = "1.1" })).body)
      end)
      assert.are.equal("http/1.1", server:requests(1)[1].protocol)
    end)

    it("is spoken in the clear where http = \"2\"", function()
      local server = wire.tls_server()
      wire.real(function(lull)
        assert.are.equal("hello over h2\n", assert(lull.post(server.h2c .. "/", { http = "2", body = "x" })).body)
      end)
      assert.are.equal("h2c", server:requests(1)[1].protocol)
    end)

    -- libcurl answers REFUSED_STREAM by sending again on its own, which is
    -- refused as on any connection; so the GET is retried by lull.
    it("a refused stream is retried, one request an attempt", function()
      local server = wire.tls_server "ok,refuse,refuse,ok"
      local res
      wire.real(function(lull)
        local api = lull.client { base = server.tls, ca = server.ca, backoff = SOON }
        assert(api:get "/")
        res = assert(api:get "/")
      end)
      assert.are.equal(3, res.attempts)
      assert.are.equal(4, #server:requests(4))
    end)

    it("a stream that breaks off may have been processed", function()
      local server = wire.tls_server "cancel,cut,cut,ok"
      wire.real(function(lull)
        local api = lull.client { base = server.tls, ca = server.ca, backoff = SOON }
        local _, err = api:post("/", { body = "x" })
        assert.are.equal("net.reset", err.reason)
        assert.are.equal("unsafe", err.why)
        assert.is_true(err.history[1].maybe_applied)
        _, err = api:post("/", { body = "x" })
        -- Whether any of the answer was seen depends on how the frames came.
        assert.is_true(err.reason == "http.truncated" or err.reason == "net.reset")
        assert.are.equal("unsafe", err.why)
        assert.are.equal(2, assert(api:get "/").attempts)
      end)
      assert.are.equal(4, #server:requests(4))
    end)
  end)

  -- ---- redirects ----------------------------------------------------------

  it("a redirect to another origin carries no secret", function()
    local there = wire.server [[
    return { ["http://there.test"] = function(request) return 200, nil, request.method .. request.body end }
    ]]
    local here = wire.server [[
    return { ["http://here.test"] = function(request)
      if request.route == "/home" then return 200, nil, "home" end
      return request.method == "POST" and 303 or 307, { location = request.query.to }
    end }
    ]]
    wire.real(function(lull)
      local api = lull.client { base = here.url, headers = { authorization = "Bearer abc", ["x-open"] = "1" } }
      local headers = { cookie = "a=b", ["x-api-key"] = "key", ["x-mine"] = lull.secret "hidden", ["x-too"] = "2" }
      local res = assert(api:get("/away", { query = { to = there.url .. "/landed" }, headers = headers }))
      assert.are.equal(there.url .. "/landed", res.url)
      assert.are.equal(1, res.attempts)
      assert.are.equal(2, #res.history)
      -- 303 makes a GET of it, without the body.
      assert.are.equal("GET", assert(api:post("/away", { query = { to = there.url .. "/landed" },
        headers = headers, body = "x" })).body)
      -- 307 does not.
      assert.are.equal("PUTx", assert(api:put("/away", { query = { to = there.url .. "/landed" },
        headers = headers, body = "x" })).body)
      assert.are.equal("home", assert(api:get("/away", { query = { to = "/home" }, headers = headers })).body)
    end)
    local foreign, own = there:requests(3), here:requests(5)
    assert.are.equal(3, #foreign)
    for _, request in ipairs(foreign) do
      for _, name in ipairs { "authorization", "cookie", "x-api-key", "x-mine" } do
        assert.is_nil(request.headers[name], name)
      end
      assert.are.equal("1", request.headers["x-open"])
      assert.are.equal("2", request.headers["x-too"])
    end
    assert.are.equal(5, #own)
    for _, request in ipairs(own) do
      assert.are.equal("Bearer abc", request.headers.authorization)
      assert.are.equal("a=b", request.headers.cookie)
      assert.are.equal("key", request.headers["x-api-key"])
      assert.are.equal("hidden", request.headers["x-mine"])
    end
  end)

  it("redirects in a circle end, and each hop is on the wire as in the history", function()
    local server = wire.server [[
    return { ["http://api.test"] = function() return 302, { location = "/again" } end }
    ]]
    wire.real(function(lull)
      local _, err = lull.get(server.url .. "/", { redirects = 4 })
      assert.are.equal("http.redirects", err.reason)
      assert.are.equal(#err.history, #server:requests(#err.history))
      assert.are.equal(5, #err.history)
      -- None wanted: the answer is what it is.
      assert.are.equal(302, assert(lull.get(server.url .. "/", { redirects = 0 })).status)
    end)
  end)

  it("user and password of a URL are sent, and told to nobody", function()
    local server = wire.server [[
    return { ["http://api.test"] = function() return 404 end }
    ]]
    wire.real(function(lull)
      local _, err = lull.get((server.url:gsub("//", "//user:pass@")) .. "/")
      assert.is_nil(tostring(err):find "pass")
      assert.is_nil(err.url:find "pass")
    end)
    assert.are.equal("Basic dXNlcjpwYXNz", server:requests(1)[1].headers.authorization)
  end)

  -- ---- bodies -------------------------------------------------------------

  it("decodes gzip, br and zstd", function()
    local server = wire.server(([[
    local bodies = { gzip = %q, zstd = %q, br = %q }
    return { ["http://api.test"] = function(request)
      local coding = request.path:sub(2)
      return 200, { ["content-encoding"] = coding }, bodies[coding]
    end }
    ]]):format(GZIP, ZSTD, BROTLI))
    wire.real(function(lull)
      assert.are.equal(PLAIN, assert(lull.get(server.url .. "/gzip")).body)
      local offered = server:requests(1)[1].headers["accept-encoding"]
      for coding, text in pairs { zstd = PLAIN, br = "hello world\n" } do
        if offered:find(coding, 1, true) then
          assert.are.equal(text, assert(lull.get(server.url .. "/" .. coding)).body)
        end
      end
      -- As it came, for those who want that.
      assert.are.equal(GZIP, assert(lull.get(server.url .. "/gzip", { encoded = true })).body)
    end)
  end)

  -- routup writes "utf-8" on every answer, stores write "aws-chunked". libcurl
  -- refuses what it cannot decode, so each of them was http.malformed.
  it("a content coding that nobody knows leaves the body as it is", function()
    local server = wire.server(([[
    local codings = { ["/utf8"] = "UTF-8", ["/aws"] = "aws-chunked", ["/zip"] = "zip", ["/mixed"] = "gzip, x-mine",
      ["/none"] = "identity", ["/empty"] = "" }
    return { ["http://api.test"] = function(request)
      if request.path == "/gzip" then return 200, { ["content-encoding"] = "gzip" }, %q end
      local headers = { ["content-encoding"] = codings[request.path:match "^[^?]*"], etag = '"1"' }
      return tonumber(request.query.status) or 200, headers, "plain"
    end }
    ]]):format(GZIP))
    local path = wire.path ".out"
    wire.real(function(lull)
      for _, name in ipairs { "/utf8", "/aws", "/zip", "/mixed", "/none", "/empty" } do
        for _, method in ipairs { "get", "post" } do
          local res = assert(lull[method](server.url .. name, method == "post" and { body = "x" } or nil))
          assert.are.same({ 200, '"1"', "plain", 1 }, { res.status, res.headers.etag, res.body, res.attempts })
        end
        assert(lull.get(server.url .. name, { output = path }))
        assert.are.equal("plain", wire.read(path))
        -- The next one is decoded as ever: an option is not left behind.
        assert.are.equal(PLAIN, assert(lull.get(server.url .. "/gzip")).body)
      end
      local _, err = lull.get(server.url .. "/utf8", { query = { status = 404 } })
      assert.are.same({ 404, 404, "plain" }, { err.reason, err.response.status, err.response.body })
      assert.are.equal(200, assert(lull.head(server.url .. "/gzip")).status)
      assert.are.equal(200, assert(lull.head(server.url .. "/zip")).status)
    end)
  end)

  -- libcurl answers a 417 that comes before the body by sending again itself;
  -- that was refused it, and the answer was net.empty.
  it("a 417 instead of the 100 is sent again without Expect", function()
    for _, close in ipairs { "", "Connection: close\\r\\n" } do
      local server = wire.start((os.getenv "LULL_LUA" or "lua5.4") .. " " .. wire.write(([[
      local listener = assert(require("socket").bind("127.0.0.1", 0))
      io.stdout:setvbuf "no"
      print((select(2, listener:getsockname())))
      for _ = 1, 2 do
        local client, expect, length = listener:accept(), false, 0
        repeat
          local line = client:receive():lower()
          expect = expect or line:find "^expect:" ~= nil
          length = tonumber(line:match "^content%%-length: (%%d+)") or length
        until line == ""
        if expect then
          client:send("HTTP/1.1 417 Expectation Failed\r\nX-Why: no\r\n%sContent-Length: 0\r\n\r\n")
        else
          print(#client:receive(length))
          client:send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        end
      end
      ]]):format(close), ".lua"))
      local url = ("http://127.0.0.1:%s/"):format(server:line())
      wire.real(function(lull)
        local res = assert(lull.post(url, { body = ("x"):rep(300000), headers = { expect = "100-continue" } }))
        assert.are.same({ "ok", 1, 2 }, { res.body, res.attempts, #res.history })
      end)
      assert.are.equal("300000", server:line())
      server:stop()
    end
  end)

  -- What goes on in the next line was left out, and this hint was empty.
  it("a header that goes on in the next line is read whole", function()
    local server = wire.start((os.getenv "LULL_LUA" or "lua5.4") .. " " .. wire.write([[
    local listener = assert(require("socket").bind("127.0.0.1", 0))
    io.stdout:setvbuf "no"
    print((select(2, listener:getsockname())))
    for _, answer in ipairs { "429 Slow Down\r\nRetry-After-Ms:\r\n 10", "200 OK\r\nX-Two: one\r\n\t two" } do
      local client = listener:accept()
      repeat local line = client:receive() until not line or line == ""
      client:send("HTTP/1.1 " .. answer .. "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
      client:close()
    end
    ]], ".lua"))
    local url = ("http://127.0.0.1:%s/"):format(server:line())
    wire.real(function(lull)
      local res = assert(lull.get(url))
      assert.are.equal(0.01, res.history[1].hint_seconds)
      assert.are.equal("one two", res.headers["x-two"])
    end)
    server:stop()
  end)

  it("a small answer that unpacks to a huge one is stopped by max_body", function()
    local server = wire.server(([[
    local bomb = %q .. (%q):rep(40000) -- 80 MB of zeros
    return { ["http://api.test"] = function() return 200, { ["content-encoding"] = "gzip" }, bomb end }
    ]]):format(BOMB_HEAD, BOMB_BLOCK))
    local growth = wire.growth(function()
      wire.real(function(lull)
        local _, err = lull.get(server.url, { max_body = "1m" })
        assert.are.equal("limit.body", err.reason)
        assert.are.equal(1, err.attempts)
      end)
    end)
    assert.is_true(growth < 16 * 1024, growth .. " KiB")
  end)

  -- libcurl takes headers that end with the connection for a whole answer: a
  -- server that died there was believed to have said 200.
  it("an answer whose headers are cut short is none", function()
    local server = wire.server [[
    return { ["http://api.test"] = function(request, n)
      local head = "HTTP/1.1 200 OK\r\nX-One: 1\r\n"
      if request.path == "/long" then
        return { fault = "garbage", body = head .. "X-Long: " .. ("x"):rep(200000) .. "\r\n\r\n" }
      end
      if request.path == "/trailers" then
        return { fault = "garbage", body = head
          .. "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: 2\r\n\r\n" }
      end
      return n == 1 and { fault = "garbage", body = head .. "Content-Le" } or "close"
    end }
    ]]
    wire.real(function(lull)
      local api = lull.client { base = server.url, attempts = 2, backoff = SOON }
      local _, err = api:post("/", { body = "x" })
      assert.are.equal("http.truncated", err.reason)
      assert.are.equal("unsafe", err.why)
      assert.is_true(err.history[1].maybe_applied)
      -- One line that is too long for libcurl was said to be "out of memory".
      _, err = api:get "/long"
      assert.are.equal("limit.headers", err.reason)
      -- Trailers were headers when there was no body before them.
      local res = assert(api:get "/trailers")
      assert.are.equal("1", res.headers["x-one"])
      assert.is_nil(res.headers["x-late"])
    end)
  end)

  it("an answer beyond max_body or max_headers ends the call", function()
    local server = wire.server [[
    return { ["http://api.test"] = function(request)
      if request.path == "/headers" then return 200, { ["x-long"] = ("x"):rep(8000) }, "ok" end
      if request.path == "/chunked" then
        return 200, { ["transfer-encoding"] = "chunked" }, ("x"):rep(8000)
      end
      return 200, nil, ("x"):rep(8000)
    end }
    ]]
    wire.real(function(lull)
      local api = lull.client { base = server.url, max_body = 7999, max_headers = 7999, backoff = SOON }
      for path, reason in pairs { ["/body"] = "limit.body", ["/chunked"] = "limit.body",
        ["/headers"] = "limit.headers" } do
        local _, err = api:get(path)
        assert.are.equal(reason, err.reason)
        assert.are.equal(1, err.attempts)
        assert.are.equal("rule", err.why)
      end
      assert.are.equal(8000, #assert(lull.get(server.url .. "/body", { max_body = 8000 })).body)
      local path = wire.path()
      local _, err = api:get("/body", { output = path })
      assert.are.equal("limit.body", err.reason)
      assert.is_nil(wire.read(path))
    end)
  end)

  it("20 MB go up from a file and from a string, the file in constant memory", function()
    local server = wire.server [[
    return { ["http://api.test"] = function(request) return 200, nil, tostring(#request.body) end }
    ]]
    local size = 20 * 1024 * 1024
    local path = wire.path()
    os.execute(("head -c %d /dev/zero >%s"):format(size, path))
    local growth = wire.growth(function()
      wire.real(function(lull)
        assert.are.equal(tostring(size), assert(lull.put(server.url .. "/", { body = lull.file(path) })).body)
      end)
    end)
    assert.is_true(growth < 10 * 1024, growth .. " KiB")
    wire.real(function(lull)
      assert.are.equal(tostring(size), assert(lull.put(server.url .. "/", { body = ("\0"):rep(size) })).body)
    end)
    local requests = server:requests(2)
    assert.are.equal(requests[1].body_hash, requests[2].body_hash)
    assert.are.equal(size, requests[1].body_length)
    for _, request in ipairs(requests) do assert.is_nil(request.headers.expect) end
  end)

  -- Every path was "/".
  it("a server of every origin sees the path", function()
    local server = wire.server [[
    return { ["*"] = function(request) return 200, nil, request.path end }
    ]]
    wire.real(function(lull)
      assert.are.equal("/a/b", assert(lull.get(server.url .. "/a/b")).body)
    end)
  end)

  -- Only what changed of a URL is given to libcurl anew. Set apart, a path's
  -- escapes would change their case and its dots would stay, and a query, or
  -- a user, that the next URL does not have could be left over.
  it("each URL is asked for as it would be alone, whatever came before", function()
    local server = wire.server [[
    return { ["*"] = function() return 200 end }
    ]]
    local other = wire.server [[
    return { ["*"] = function() return 200 end }
    ]]
    -- libcurl 8.14 leaves the mark of an empty query out.
    local minor = tonumber(require("lull.core").transport():match "libcurl/8%.(%d+)")
    local bare = minor and minor < 21 and "/a" or "/a?"
    local targets = { -- what is given, and what is asked for
      { "/a?b=c&d", "/a?b=c&d" }, { "/a", "/a" }, { "/a?", bare }, { "/", "/" }, { "", "/" },
      { "/%2F%2f?%C3%A9", "/%2F%2f?%C3%A9" }, { "/b", "/b" }, { "/x/../y", "/y" }, { "/x/./y", "/x/y" },
      { "/x..y/z.", "/x..y/z." }, { "/a#part", "/a" }, { "?q", "/?q" }, { "/a//b;c=d/@e:f", "/a//b;c=d/@e:f" },
      { "/q?r=/s?t", "/q?r=/s?t" }, { "/.well-known", "/.well-known" }, { "/a?b#c?d", "/a?b" },
    }
    wire.real(function(lull)
      local api = lull.client {}
      for _, target in ipairs(targets) do assert(api:get(server.url .. target[1])) end
      assert(api:get((server.url:gsub("//", "//user:pass@")) .. "/with"))
      assert(api:get(server.url .. "/without"))
      assert(api:get(other.url .. "/there"))
      assert(api:get(server.url .. "/here"))
      -- Spellings that libcurl takes, too.
      assert(api:get((server.url:gsub("//", "///")) .. "/three"))
      assert(api:get((other.url:gsub("//", "///")) .. "/three"))
      local one = lull.client { base = server.url:gsub("//", "/") }
      assert(one:get "/?u=http://b/1")
      assert(one:get "/?u=http://b/2")
    end)
    local requests = server:requests(#targets + 6)
    -- libcurl 8.23 writes escapes in capitals, which is the same URL (RFC 3986, 6.2.2.1).
    local function spelt(path) return minor and minor > 14 and path:gsub("%%%x%x", string.upper) or path end
    for i, target in ipairs(targets) do assert.are.equal(spelt(target[2]), spelt(requests[i].path)) end
    local with, without = requests[#targets + 1], requests[#targets + 2]
    assert.are.equal("Basic dXNlcjpwYXNz", with.headers.authorization)
    assert.is_nil(without.headers.authorization)
    assert.are.equal("/there", other:requests(2)[1].path)
    assert.are.equal("/three", other:requests(2)[2].path)
    assert.are.equal("/here", requests[#targets + 3].path)
    assert.are.equal("/three", requests[#targets + 4].path)
    assert.are.equal("/?u=http://b/1", requests[#targets + 5].path)
    assert.are.equal("/?u=http://b/2", requests[#targets + 6].path)
  end)

  -- The server had stored a mixture of the old bytes and the new, and lull
  -- told of a success.
  it("a file that changes while it is sent is no success", function()
    local path = wire.write(("old"):rep(1000))
    local server = wire.server(([[
    return { ["http://api.test"] = function()
      local file = io.open(%q, "r+b")
      file:write "new"
      file:close()
      return 201
    end }
    ]]):format(path))
    wire.real(function(lull)
      local res, err = lull.put(server.url .. "/", { file = path })
      assert.is_nil(res)
      assert.are.equal("local.file", err.reason)
      assert.are.equal(1, err.attempts)
      assert.is_true(err.history[1].maybe_applied)
    end)
    assert.are.equal(1, #server:requests(1))
  end)

  -- An upload of 50 MB over a slow line was ended after 30 s, however well it
  -- went.
  it("a file that goes up slowly has no time limit but one for standing still", function()
    local path = wire.path()
    os.execute(("head -c %d /dev/zero >%s"):format(16 * 1024 * 1024, path))
    local core = require "lull.core"
    local function upload(more)
      local child = wire.start(("%s tests/slow_server.lua 2.5"):format(os.getenv "LULL_LUA" or "lua5.4"))
      local options = { timeout = 1, attempts = 1 }
      for name, value in pairs(more) do options[name] = value end
      local engine = core.engine {}
      engine:start(core.client(options), { method = "PUT", file = path,
        url = ("http://127.0.0.1:%d/"):format(child:line()) })
      local kind, _, details
      repeat kind, _, details = engine:step(1) until kind == "done"
      engine:close()
      return details.accepted and details.status or details.class
    end
    assert.are.equal(201, upload { timeout_by_default = true })
    assert.are.equal("net.timeout.read", upload {})
  end)

  it("20 MB come down into a file in constant memory", function()
    local server = wire.server [[
    local body = ("0123456789abcdef"):rep(20 * 65536)
    local n = 0
    return { ["http://api.test"] = function()
      n = n + 1
      return { body = body, cut = n == 1 and 1000000 or nil }
    end }
    ]]
    local path = wire.path()
    local growth = wire.growth(function()
      wire.real(function(lull)
        local res = assert(lull.get(server.url .. "/", { output = path, backoff = SOON }))
        assert.are.equal(2, res.attempts)
        assert.are.equal("", res.body)
      end)
    end)
    assert.is_true(growth < 10 * 1024, growth .. " KiB")
    assert.are.equal(("0123456789abcdef"):rep(20 * 65536), wire.read(path))
    assert.are.equal(path .. "\n", wire.run("ls " .. path .. "*").out)
  end)

  it("the file of a failed download stays as it was", function()
    local server = wire.server [[
    return { ["http://api.test"] = function(request)
      if request.path == "/404" then return 404, nil, "no such thing" end
      return { body = ("x"):rep(1000), cut = 500 }
    end }
    ]]
    local path = wire.write "before"
    wire.real(function(lull)
      local api = lull.client { base = server.url, backoff = SOON, attempts = 2 }
      local _, err = api:get("/cut", { output = path })
      assert.are.equal("http.truncated", err.reason)
      _, err = api:get("/404", { output = path })
      assert.are.equal("no such thing", err.response.body)
    end)
    assert.are.equal("before", wire.read(path))
    assert.are.equal(path .. "\n", wire.run("ls " .. path .. "*").out)
  end)

  it("HEAD, 204, 304 and chunked answers are what they are, on one connection", function()
    local server = wire.server [[
    return { ["http://api.test"] = function(request)
      if request.path == "/204" then return 204 end
      if request.path == "/304" then return 304, { etag = '"a"' } end
      if request.path == "/chunked" then return 200, { ["transfer-encoding"] = "chunked" }, "in a chunk" end
      return 200, { ["x-a"] = { "1", "2" } }, "0123456789"
    end }
    ]]
    wire.real(function(lull)
      local api = lull.client { base = server.url }
      local res = assert(api:head "/")
      assert.are.equal("", res.body)
      assert.are.equal("10", res.headers["Content-Length"])
      assert.are.same({ "1", "2" }, res.headers:all "X-A")
      res = assert(api:get "/204")
      assert.are.same({ 204, "" }, { res.status, res.body })
      res = assert(api:get("/304", { headers = { ["if-none-match"] = '"a"' } }))
      assert.are.same({ 304, "" }, { res.status, res.body })
      assert.are.equal("in a chunk", assert(api:get "/chunked").body)
      assert.are.equal("0123456789", assert(api:delete "/").body)
      assert.are.equal("0123456789", assert(api:options "/").body)
    end)
    local requests = server:requests(6)
    assert.are.same({ "HEAD", "GET", "GET", "GET", "DELETE", "OPTIONS" }, (function()
      local methods = {}
      for i, request in ipairs(requests) do
        methods[i] = request.method
        assert.are.equal(1, request.connection)
      end
      return methods
    end)())
  end)

  -- ---- what is sent -------------------------------------------------------

  it("names and values of headers arrive as they were given", function()
    local server = wire.server [[
    return { ["http://api.test"] = function() return 200 end }
    ]]
    wire.real(function(lull)
      assert(lull.post(server.url .. "/a%20b?c=d%2Fe", {
        headers = { ["X-CamelCase"] = "Mixed Case", ["x-colon"] = "a: b; c=\"d\"", ["x-number"] = 42,
          ["x-utf8"] = "caf\195\169", ["x-list"] = { "one", "two" }, ["X-Secret"] = lull.secret "s3",
          ["User-Agent"] = "me/1" },
        query = { f = "g h", ["\195\169"] = "&" },
        json = { a = 1 },
      }))
    end)
    local request = server:requests(1)[1]
    local fields = {}
    for _, field in ipairs(request.fields) do
      fields[field[1]] = fields[field[1]] and fields[field[1]] .. "|" .. field[2] or field[2]
    end
    assert.are.equal("Mixed Case", fields["X-CamelCase"])
    assert.are.equal('a: b; c="d"', fields["x-colon"])
    assert.are.equal("42", fields["x-number"])
    assert.are.equal("caf\195\169", fields["x-utf8"])
    assert.are.equal("one|two", fields["x-list"])
    assert.are.equal("s3", fields["X-Secret"])
    assert.are.equal("me/1", fields["User-Agent"])
    assert.are.equal("application/json", request.headers["content-type"])
    assert.is_nil(request.headers.expect)
    assert.are.equal("/a%20b?c=d%2Fe&f=g%20h&%C3%A9=%26", request.path)
    assert.are.equal(#'{"a":1}', request.body_length)
  end)

  -- The CONNECT to the proxy was taken for the request, and a POST of which
  -- no byte had left was stopped as unsafe.
  it("what a proxy's tunnel does not let through was not sent", function()
    local proxy = wire.server [[
    return { ["http://api.test"] = function() return "close" end }
    ]]
    wire.real(function(lull)
      local _, err = lull.post("https://api.test/", { proxy = proxy.url, body = "x", attempts = 2, backoff = SOON })
      assert.are.equal("attempts", err.why)
      assert.is_false(err.history[2].sent)
      assert.is_false(err.history[2].maybe_applied)
    end)
  end)

  -- A proxy that wants a password, or does not allow the host, will not change
  -- its mind; one that is busy says so. All were net.unreachable, tried again
  -- five times, and the Retry-After was not looked at.
  it("a proxy's refusal of the tunnel is net.proxy, with its status", function()
    local proxy = wire.start((os.getenv "LULL_LUA" or "lua5.4") .. " " .. wire.write([[
    local listener = assert(require("socket").bind("127.0.0.1", 0))
    io.stdout:setvbuf "no"
    print((select(2, listener:getsockname())))
    while true do
      local client = listener:accept()
      local host = client:receive():match "^CONNECT s(%w+)"
      repeat local line = client:receive() until not line or line == ""
      local status, header = host:match "^(%d+)(%a*)$"
      header = header == "ms" and "retry-after-ms: 20\r\n" or header == "long" and "Retry-After: 900\r\n" or ""
      client:send(("HTTP/1.1 %s No\r\n%sContent-Length: 2\r\nX-From: proxy\r\n\r\nno"):format(status, header))
      client:close()
    end
    ]], ".lua"))
    local options = { proxy = "http://127.0.0.1:" .. proxy:line(), body = "x", attempts = 2, backoff = SOON }
    wire.real(function(lull)
      for status, after in pairs { [407] = 1, [403] = 1, [404] = 1, [502] = 2, [503] = 2, [429] = 2 } do
        local _, err = lull.post(("https://s%d.test/"):format(status), options)
        assert.are.same({ "net.proxy", status, after }, { err.reason, err.proxy_status, err.attempts })
        assert.are.equal(after == 1 and "rule" or "attempts", err.why)
        assert.is_truthy(tostring(err):find(("the proxy refused the tunnel (net.proxy: %d "):format(status), 1, true))
        assert.is_nil(err.response)
        for _, entry in ipairs(err.history) do
          assert.are.same({ "net.proxy", status }, { entry.outcome, entry.proxy_status })
          assert.is_nil(entry.status)
          assert.is_false(entry.sent)
          assert.is_false(entry.maybe_applied)
        end
      end
      local _, err = lull.post("https://s503ms.test/", options)
      assert.are.same({ "hint", "retry-after-ms", 0.02 },
        { err.history[1].source, err.history[1].hint, err.history[1].hint_seconds })
      _, err = lull.post("https://s503long.test/", options)
      assert.are.same({ "hint", 900, 1 }, { err.why, err.retry_after, err.attempts })
      _, err = lull.post("https://s403ms.test/", options)
      assert.are.equal(2, err.attempts)
    end)
    proxy:stop()
  end)

  it("a proxy gets the whole URL", function()
    local proxy = wire.server [[
    return { ["http://example.test"] = function(request) return 200, nil, request.url end }
    ]]
    wire.real(function(lull)
      local api = lull.client { proxy = proxy.url }
      assert.are.equal("http://example.test/a?b", assert(api:get "http://example.test/a?b").body)
    end)
    assert.are.equal("example.test", proxy:requests(1)[1].host)
  end)

  -- A proxy whose password holds a / # ? or a space was taken for a name that
  -- has no address, tried again and again, and shown with that password.
  it("a proxy that is no URL is local.url, at once, and its password not shown", function()
    for _, proxy in ipairs { "http://me:pa/ss@127.0.0.1:1", "http://me:pa#ss@127.0.0.1:1",
      "http://me:12?ss@127.0.0.1:1",
      "http://me:12/ss@127.0.0.1:1", "http://me:pa ss@127.0.0.1:1", "foo://127.0.0.1:1", "no url" } do
      local problem
      wire.real(function(lull)
        local _, err = lull.post("http://127.0.0.1:1/", { proxy = proxy, body = "x", attempts = 3, backoff = SOON })
        problem = { tostring(err), lull.json.encode(err) }
        assert.are.same({ "local.url", "rule", 1 }, { err.reason, err.why, err.attempts }, proxy)
        assert.is_false(err.history[1].sent)
      end)
      for _, text in ipairs(problem) do
        assert.is_nil(text:find "ss@")
        assert.is_nil(text:find "[p1][a2][/#? ]ss", text)
      end
    end
  end)

  -- ---- many ---------------------------------------------------------------

  it("connections are kept and used again", function()
    local server = wire.server [[
    return { ["http://api.test"] = function() return 200 end }
    ]]
    wire.real(function(lull)
      local api = lull.client { base = server.url }
      for _ = 1, 30 do assert(api:get "/") end
    end)
    for _, request in ipairs(server:requests(30)) do assert.are.equal(1, request.connection) end
  end)

  it("200 calls at once keep to a rate of 60 in 600 ms", function()
    local server = wire.server [[
    return { ["http://api.test"] = function() return 200 end }
    ]]
    local began = socket.gettime()
    wire.real(function(lull)
      local api = lull.client { base = server.url, limit = { "60/600ms", parallel = 50 } }
      local numbers = {}
      for i = 1, 200 do numbers[i] = i end
      lull.each(numbers, { parallel = 200 }, function() assert(api:get "/") end)
    end)
    assert.is_true(socket.gettime() - began >= 1.8)
    local requests = server:requests(200)
    assert.are.equal(200, #requests)
    -- They may come in a little closer together than they were sent.
    for i = 61, 200 do
      assert.is_true(requests[i].time - requests[i - 60].time > 0.4, "request " .. i)
    end
  end)

  it("a throttled lane pauses: the others wait as long as the server asked", function()
    local server = wire.server [[
    return { ["http://api.test"] = function(_, n)
      if n == 1 then return 429, { ["retry-after-ms"] = "300" } end
      return 200
    end }
    ]]
    wire.real(function(lull)
      local api = lull.client { base = server.url, limit = { parallel = 1 } }
      lull.each({ 1, 2, 3, 4, 5 }, { parallel = 5 }, function() assert(api:get "/") end)
    end)
    local requests = server:requests(6)
    assert.are.equal(6, #requests)
    -- The clock of the log is the wall's, so a little less is allowed.
    assert.is_true(requests[2].time - requests[1].time >= 0.29)
  end)

  -- ---- as a module --------------------------------------------------------

  it("works outside of every task: the verbs block", function()
    local server = wire.server(FAULTS)
    local lull = support.fresh()
    local api = lull.client { base = server.url, backoff = SOON }
    assert.are.equal(2, assert(api:get "/503").attempts)
    local res, err = api:get "/404"
    assert.is_nil(res)
    assert.are.equal(404, err.reason)
    local task = lull.spawn(function() return assert(api:get "/500").attempts end)
    assert.are.equal(2, task:join())
    local all = lull.map({ "/a", "/b", "/c" }, function(path) return assert(api:get(path)).body end)
    assert.are.same({ "/a", "/b", "/c", n = 3 }, all)
    assert.are.equal(0, require("lull.sched").engine():live())
    require("lull.sched").engine():close()
  end)

  -- libcurl keeps fewer connections the fewer transfers there are, and so each
  -- burst opened new ones.
  it("bursts use the connections of the burst before", function()
    local server = wire.server [[
    return { ["http://api.test"] = function() return 200 end }
    ]]
    wire.real(function(lull)
      local api = lull.client { base = server.url, limit = { parallel = 50 } }
      local numbers = {}
      for i = 1, 50 do numbers[i] = i end
      for _ = 1, 4 do lull.each(numbers, { parallel = 50 }, function() assert(api:get "/") end) end
    end)
    for _, request in ipairs(server:requests(200)) do assert.is_true(request.connection <= 50) end
  end)
end)
