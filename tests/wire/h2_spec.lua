-- What HTTP/2 says of requests that it does not answer (RFC 9113, sections 6.8,
-- 7 and 8.7), over TLS; and which connections are not used again.
local wire = require "tests.wire"

local SOON = { kind = "constant", base = 0.001, jitter = "none" }

-- The outcomes of one call, and the error or response.
local function call(answers, method, options)
  local server = wire.tls_server(answers)
  local history, outcome = {}, nil
  wire.real(function(lull)
    local api = lull.client { base = server.tls, ca = server.ca, backoff = SOON, attempts = 2, timeout = 5 }
    local res, err = api:request(method, "/", options)
    outcome = res or err
    for i, entry in ipairs(outcome.history) do history[i] = entry.outcome end
  end)
  return history, outcome, server:requests(#history)
end

describe("HTTP/2", function()
  after_each(wire.clean)

  -- The simulated world gave h2.refused, and the wire never did: libcurl sends
  -- again by itself, which lull refuses, and so it was net.empty: unsafe.
  for _, answers in ipairs { "goaway,ok", "late,ok" } do
    for _, method in ipairs { "GET", "POST", "PUT" } do
      it("a " .. method .. " that a GOAWAY leaves out goes again: " .. answers, function()
        local history, outcome, requests = call(answers, method, { body = method ~= "GET" and "x" or nil })
        assert.are.same({ "h2.refused", 200 }, history)
        assert.is_false(outcome.history[1].maybe_applied)
        assert.are.equal(2, #requests)
        assert.are_not.equal(requests[1].connection, requests[2].connection)
      end)
    end
  end

  it("of many that fly on a connection, those go again that its GOAWAY leaves out", function()
    local server = wire.tls_server "ok,hang,hang,hang,half,ok"
    local outcomes = {}
    wire.real(function(lull)
      local api = lull.client { base = server.tls, ca = server.ca, backoff = SOON, attempts = 2, timeout = 5 }
      assert(api:post("/", { body = "x" }))
      lull.each({ 1, 2, 3, 4 }, { parallel = 4 }, function()
        local res = assert(api:post("/", { body = "x" }))
        outcomes[#outcomes + 1] = res.history[1].outcome
        assert.is_false(res.history[1].maybe_applied)
      end)
    end)
    table.sort(outcomes, function(a, b) return tostring(a) < tostring(b) end)
    assert.are.same({ 200, 200, "h2.refused", "h2.refused" }, outcomes)
    assert.are.equal(7, #server:requests(7))
  end)

  -- HAProxy says so after its backend has read the whole POST.
  it("a refused stream is no proof once the whole request has gone out", function()
    local history, outcome, requests = call("refuse,ok", "POST", { body = "x" })
    assert.are.same({ "h2.refused" }, history)
    assert.are.equal("unsafe", outcome.why)
    assert.is_true(outcome.history[1].maybe_applied)
    assert.are.equal(1, #requests)
    assert.are.same({ "h2.refused", 200 }, (call("refuse,ok", "GET")))
    assert.are.same({ "h2.refused", 200 }, (call("refuse,ok", "PUT", { body = "x" })))
    assert.are.same({ "h2.refused", 200 }, (call("refuse,ok", "POST", { body = "x", key = true })))
  end)

  it("a stream that is refused before its body has come was not processed", function()
    local history, outcome = call("early,ok", "POST", { body = ("x"):rep(2 ^ 20) })
    assert.are.same({ "h2.refused", 200 }, history)
    assert.is_false(outcome.history[1].maybe_applied)
  end)

  -- libcurl keeps in the handle that a stream of a kept connection was refused, and
  -- says so again when the handle's next connection dies.
  it("a refused stream is no news of the handle's next transfer", function()
    local tls = wire.tls_server(("ok,goaway,"):rep(5))
    local demand = wire.raw_tls_server("demand", "HTTP/1.1 200 OK\r\n\r\n")
    wire.real(function(lull)
      for _ = 1, 5 do
        assert(lull.get(tls.tls .. "/", { ca = tls.ca, attempts = 1 }))
        assert.are.equal("h2.refused", select(2, lull.get(tls.tls .. "/", { ca = tls.ca, attempts = 1 })).reason)
        local _, err = lull.get(demand.url .. "/", { ca = demand.ca, attempts = 1 })
        assert.are_not.equal("h2.refused", err.reason)
      end
    end)
  end)

  it("a server that wants HTTP/1.1 gets it with the next attempt", function()
    local history, _, requests = call("old,ok", "GET")
    assert.are.same({ "h2.refused", 200 }, history)
    assert.are.same({ "h2", "http/1.1" }, { requests[1].protocol, requests[2].protocol })
    assert.are.equal("unsafe", select(2, call("old,ok", "POST", { body = "x" })).why)
  end)

  it("a connection that dies before any byte of an answer is net.empty", function()
    local history, outcome = call("close,ok", "POST", { body = "x" })
    assert.are.same({ "net.empty" }, history)
    assert.are.equal("unsafe", outcome.why)
    assert.are.same({ "net.empty", 200 }, (call("close,ok", "GET")))
  end)

  it("a stream that is reset is net.reset, and one that is cut http.truncated", function()
    assert.are.same({ "net.reset", 200 }, (call("cancel,ok", "GET")))
    assert.are.same({ "http.truncated", 200 }, (call("cut,ok", "GET")))
    assert.are.equal("unsafe", select(2, call("cancel,ok", "POST")).why)
  end)

  it("a misdirected request goes once over another connection", function()
    local history, _, requests = call("misled,ok", "POST", { body = "x" })
    assert.are.same({ 421, 200 }, history)
    assert.are_not.equal(requests[1].connection, requests[2].connection)
    local outcome
    history, outcome = call("misled", "POST", { body = "x", attempts = 5 })
    assert.are.same({ 421, 421 }, history)
    assert.are.equal("rule", outcome.why)
  end)

  -- RFC 9113, section 8.1: the answer is whole, and no more of the body wanted.
  -- libcurl 7.88 loses it when the reset comes along with it.
  it("an answer that comes before the body has ends the sending, where libcurl gives it", function()
    local history, outcome = call("full", "POST", { body = ("x"):rep(2 ^ 20) })
    if history[1] == 413 then
      assert.are.equal("rule", outcome.why)
    else
      assert.is_truthy(require("lull.core").transport():find("libcurl/7.", 1, true))
      assert.are.equal("unsafe", outcome.why)
    end
    assert.are.equal(1, #history)
  end)

  -- All attempts of a call timed out on a connection that was dead, and those
  -- of the calls after it, while new connections worked.
  it("a connection on which an attempt timed out is not used again", function()
    local server = wire.tls_server "ok,hang,ok"
    wire.real(function(lull)
      local api = lull.client { base = server.tls, ca = server.ca, backoff = SOON, attempts = 2, timeout = 0.5 }
      assert(api:get "/")
      assert.are.equal("net.timeout.read", assert(api:get "/").history[1].outcome)
      assert(api:get "/")
      local _, err = api:get("/", { attempts = 1 })
      assert.is_nil(err)
    end)
    local requests = server:requests(5)
    assert.are.equal(requests[1].connection, requests[2].connection)
    for i = 3, 5 do assert.are_not.equal(requests[1].connection, requests[i].connection) end
  end)
end)

describe("Connection: close", function()
  after_each(wire.clean)

  -- Whether the server closes it or not: one that does loses what comes next.
  it("of the request is the last one on its connection", function()
    local server = wire.tls_server()
    wire.real(function(lull)
      local api = lull.client { base = server.tls, ca = server.ca, http = "1.1" }
      for _, value in ipairs { "close", "Close", "x-more, close", "x-close" } do
        assert(api:post("/", { headers = { connection = value } }))
        assert(api:post "/")
      end
    end)
    local connections = {}
    for i, request in ipairs(server:requests(8)) do connections[i] = request.connection end
    assert.are.same({ 1, 2, 2, 3, 3, 4, 4, 4 }, connections)
  end)
end)

describe("TLS", function()
  after_each(wire.clean)

  -- libcurl's code for it differs by version: 58, and 43.
  it("with a certificate that has no key is tls.cert", function()
    local server = wire.tls_server()
    wire.real(function(lull)
      local _, err = lull.get(server.tls .. "/", { ca = server.ca, cert = server.ca, attempts = 2, backoff = SOON })
      assert.are.same({ "tls.cert", "rule", 1 }, { err.reason, err.why, err.attempts })
    end)
  end)
end)
