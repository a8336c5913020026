-- OpenSSL begins with the first connection over TLS, not with the process.
local certificate = require "tests.certificate"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local function get(url, config, more)
  return wire.run(("OPENSSL_CONF=%s timeout 20 %s get %s %s"):format(config, BINARY, more or "", url))
end

describe("OpenSSL #binary", function()
  after_each(wire.clean)

  -- It was a tenth of a start's instructions. Whoever opened this file would
  -- wait for one who writes into it.
  it("has not read its configuration when no URL is of https", function()
    local server = wire.server [[
    return { ["http://api.test"] = function() return 200, {}, "plain" end }
    ]]
    local config = wire.path ".cnf"
    os.execute("mkfifo " .. config)
    local result = get(server.url .. "/", config)
    assert.are.same({ 0, "plain" }, { result.code, result.out })
  end)

  it("has read it when one is", function()
    local dir = wire.path ".keys"
    os.execute("mkdir " .. dir)
    local key = certificate(dir)
    local serves = "openssl s_server -accept 127.0.0.1:0 -www -key %s -cert %s/ca.pem 2>&1"
    local child = wire.start(serves:format(key, dir))
    local line
    repeat line = assert(child:line(), "no server") until line:find "^ACCEPT"
    local suite = "TLS_CHACHA20_POLY1305_SHA256" -- not what it would choose
    local config = wire.write("openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = own\n"
      .. "[own]\nCiphersuites = " .. suite .. "\n")
    local result = get(("https://127.0.0.1:%s/"):format(line:match "%d+$"), config, "--cacert " .. dir .. "/ca.pem")
    assert.equal(0, result.code)
    assert.matches("\nNew, TLSv1.3, Cipher is " .. suite, result.out)
  end)
end)
