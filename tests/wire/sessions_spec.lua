-- TLS sessions: a server that closes its connections is not asked for a whole
-- handshake each time.
local certificate = require "tests.certificate"
local support = require "tests.support"
local wire = require "tests.wire"

-- OpenSSL's own server: it closes each connection, and its page says whether the
-- session is a new one.
local function server()
  local dir = wire.path ".sessions"
  os.execute("mkdir " .. dir)
  local key = certificate(dir)
  local child = wire.start(("openssl s_server -accept 127.0.0.1:0 -www -key %s -cert %s/ca.pem 2>&1"):format(key, dir))
  local line
  repeat line = assert(child:line(), "no server") until line:find "^ACCEPT"
  return "https://127.0.0.1:" .. line:match "%d+$", dir .. "/ca.pem"
end

describe("a session of TLS", function()
  after_each(wire.clean)

  -- A handle of libcurl before 8.1.0 serves once, and what it remembered of its
  -- server went with it: no session was resumed.
  it("is resumed by the connections that follow", function()
    local url, ca = server()
    local lull = support.fresh()
    local client = lull.client { base = url, ca = ca }
    assert.matches("\nNew, TLSv1", assert(client:get "/").body)
    for _ = 1, 5 do assert.matches("\nReused, TLSv1", assert(client:get "/").body) end
  end)

  it("of a server that was trusted for nothing is not one for who checks", function()
    local url, ca = server()
    local lull = support.fresh()
    assert.matches("\nNew, TLSv1", assert(lull.get(url, { insecure = true, lane = "a" })).body)
    local res, err = lull.get(url)
    assert.is_nil(res)
    assert.equal("tls.cert", err.reason)
    assert.matches("\nNew, TLSv1", assert(lull.get(url, { ca = ca })).body)
  end)
end)
