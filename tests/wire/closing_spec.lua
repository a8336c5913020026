-- Kept connections that the server ends: what goes over them next. What the
-- server's log says is the truth.
local wire = require "tests.wire"

local SOON = { kind = "constant", base = 0.001, jitter = "none" }

describe("a kept connection", function()
  after_each(wire.clean)

  -- Servers close an idle connection under TLS by close_notify and FIN. libcurl
  -- 7.88 saw something to read and took it for alive, and 8.23 does not look
  -- within a second: what was sent over it reached nobody. A POST was lost as
  -- unsafe, and a GET paid an attempt and a wait for nothing.
  for _, case in ipairs {
    { "clear", "idle" }, { "tls", "idle" }, { "tls", "notify" }, { "h2", "idle" }, { "h2", "goaway" },
  } do
    for _, method in ipairs { "POST", "GET" } do
      it(("that was closed while idle is not used: %s, %s, %s"):format(method, case[1], case[2]), function()
        local server = wire.closing_server(case[1], case[2])
        wire.real(function(lull)
          local api = lull.client { base = server.url, ca = server.ca, attempts = 2, backoff = SOON }
          for i = 1, 4 do
            local res, err = api:request(method, "/", { body = method == "POST" and "x" or nil })
            assert(res, tostring(err))
            assert.are.equal(1, res.attempts)
            server:finish_idle(i)
          end
        end)
        assert.are.equal(4, server.count())
      end)
    end
  end

  -- lull's own wait was what let the connection die.
  it("that dies while a call waits costs it nothing", function()
    local server = wire.closing_server("tls", "idle")
    wire.real(function(lull)
      local api = lull.client { base = server.url, ca = server.ca, backoff = SOON, attempts = 3 }
      local n = 0
      local res = assert(api:post("/", { body = "x", on = { [200] = function(attempt)
        n = n + 1
        if n == 3 then return attempt:accept() end
        server:finish_idle(n)
        return attempt:retry { wait = 0 }
      end } }))
      assert.are.equal(3, res.attempts)
    end)
    assert.are.equal(3, server.count())
  end)

  -- Both ends let go at the same time: nobody knows whether the request was
  -- read, so it is not sent again.
  for _, protocol in ipairs { "clear", "tls", "h2" } do
    it("that ends when a POST has just gone out is unsafe: " .. protocol, function()
      local server = wire.closing_server(protocol, "keep,cross,keep")
      wire.real(function(lull)
        local api = lull.client { base = server.url, ca = server.ca, attempts = 3, backoff = SOON }
        assert(api:post("/", { body = "x" }))
        local res, err = api:post("/", { body = "x" })
        assert.is_nil(res)
        assert.are.equal("unsafe", err.why)
        assert.is_true(err.history[1].sent)
        assert.is_true(err.history[1].maybe_applied)
        assert.are.equal(1, err.attempts)
      end)
      assert.are.equal(2, server.count())
    end)
  end

  -- libcurl connects anew by itself when a kept connection dies under a
  -- request, and what it said of that was taken for the attempt's end:
  -- "refused", which means never sent, although it was.
  for _, protocol in ipairs { "clear", "tls", "h2" } do
    it("whose server dies in mid-POST is no refused one: " .. protocol, function()
      local server = wire.closing_server(protocol, "keep,die")
      wire.real(function(lull)
        local api = lull.client { base = server.url, ca = server.ca, attempts = 3, backoff = SOON }
        assert(api:post("/", { body = "x" }))
        local _, err = api:post("/", { body = "x" })
        assert.are.equal("unsafe", err.why)
        assert.are_not.equal("net.refused", err.reason)
        assert.is_true(err.history[1].sent)
        assert.is_true(err.history[1].maybe_applied)
      end)
      assert.are.equal(2, server.count())
    end)
  end

  -- libcurl 8.14 wants to rewind what it uploaded, and when it is not told how,
  -- the wish stays with the handle: every later attempt on it failed unsent, and
  -- a GET rewound standard input, so that a script began anew with its lines.
  it("that dies under the upload of a file spoils nothing for others", function()
    local server = wire.closing_server("clear", "keep,cross,keep")
    local script = wire.write(([[
      local lull = require "lull"
      local api = lull.client { base = %q, backoff = { kind = "constant", base = 0.001, jitter = "none" } }
      print(io.read "*l")
      print(assert(api:put("/", { file = arg[1] })).attempts)
      print(assert(api:put("/", { file = arg[1] })).attempts)
      print(io.read "*l")
      for _ = 1, 3 do print(assert(api:get "/").attempts) end
      print(io.read "*l")
    ]]):format(server.url), ".lua")
    local run = wire.run(wire.lua(script, wire.write "a file"), "one\ntwo\nthree\n")
    assert.are.same({ "one\n1\n2\ntwo\n1\n1\n1\nthree\n", "" }, { run.out, run.err })
    assert.are.equal(6, server.count())
  end)
end)
