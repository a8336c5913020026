-- The one file in bare roots, where nothing of lull's is installed; run by
-- single/test.sh, which makes them and names them in LULL_ROOTS.
local wire = require "tests.wire"
local quote = wire.quote

local FILE = os.getenv "LULL_BINARY" or "build/lull-single"

local function put(root, place, text)
  local file = assert(io.open(root .. place, "wb"))
  file:write(text)
  file:close()
  return place
end

for root in (os.getenv "LULL_ROOTS" or ""):gmatch "%S+" do
  describe("one file in " .. root:match "[^/]+$", function()
    local function inside(command)
      local clean = "env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "
      return wire.run(("chroot %s %s sh -c %s"):format(quote(root), clean, quote(command)))
    end

    local function good(command)
      local result = inside(command)
      assert.equal("", result.err)
      assert.equal(0, result.code)
      return result.out
    end

    setup(function()
      assert.equal(0, wire.run(("cp %s %s/lull"):format(quote(FILE), quote(root))).code)
    end)
    after_each(wire.clean)

    it("begins, and needs libc and libm alone", function()
      assert.matches("libcurl/8", good "/lull --version")
      local needs = {}
      for name in good("ldd /lull"):gmatch "([%w_.-]+) =>" do needs[#needs + 1] = name end
      table.sort(needs)
      assert.are.same({ "libc.so.6", "libm.so.6" }, needs)
    end)

    it("gets, by address and by name", function()
      local server = wire.server [[
return { ["http://api.test"] = function(request)
  return { status = 200, body = "it came for " .. request.headers.host:match "^[^:]+" }
end }]]
      assert.equal("it came for 127.0.0.1", good("/lull get " .. server.url .. "/"))
      assert.equal("it came for localhost", good("/lull get " .. server.url:gsub("127.0.0.1", "localhost") .. "/"))
    end)

    it("retries, and tells what it did", function()
      local server = wire.server [[
local n = 0
return { ["http://api.test"] = function()
  n = n + 1
  return n < 3 and 503 or { status = 200, body = "at last" }
end }]]
      local script = put(root, "/retry.lua", [[
        local lull = require "lull"
        local res = assert(lull.get(arg[1], { backoff = { base = 0.01 } }))
        print(res.status, res.body, res.attempts, lull.json.encode { done = true }, require "cjson" ~= nil)]])
      assert.equal('200\tat last\t3\t{"done":true}\ttrue\n', good(("/lull %s %s/"):format(script, server.url)))
    end)

    it("downloads over TLS from who shows a certificate of its own, and from nobody else", function()
      local server = wire.tls_server()
      put(root, "/own.pem", wire.read(server.ca))
      assert.equal("", good(("/lull get --cacert /own.pem -o /got %s/"):format(server.tls)))
      assert.equal("hello over h2\n", wire.read(root .. "/got"))
      local refused = inside(("/lull get --attempts 1 %s/"):format(server.tls))
      assert.matches("tls.cert", refused.err)
      assert.are_not.equal(0, refused.code)
    end)

    it("finds the system's certificates where other distributions have them", function()
      local server = wire.tls_server()
      assert.equal("", good "mkdir -p /etc/pki/tls/certs")
      put(root, "/etc/pki/tls/certs/ca-bundle.crt", wire.read(server.ca))
      local got = inside(("/lull get %s/"):format(server.tls))
      good "rm -r /etc/pki"
      assert.equal("hello over h2\n", got.out)
    end)

    -- A configuration that nobody writes holds up who reads it; one that wants
    -- longer keys than the server has ends the connection.
    it("begins with OpenSSL where TLS is spoken, and as its configuration says", function()
      local server = wire.server [[
return { ["http://api.test"] = function()
  return { status = 200, body = "in the clear" }
end }]]
      local tls = wire.tls_server()
      put(root, "/own.pem", wire.read(tls.ca))
      put(root, "/strict.cnf", "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = every\n"
        .. "[every]\nCipherString = DEFAULT:@SECLEVEL=5\n")
      good "mkfifo /unwritten.cnf"
      local get = "OPENSSL_CONF=%s timeout 10 /lull get --attempts 1 --cacert /own.pem %s/"
      assert.equal("in the clear", good(get:format("/unwritten.cnf", server.url)))
      assert.equal("hello over h2\n", good(get:format("/nothing.cnf", tls.tls)))
      local refused = inside(get:format("/strict.cnf", tls.tls))
      assert.matches("tls", refused.err)
      assert.are_not.equal(0, refused.code)
      assert.equal(124, inside(get:format("/unwritten.cnf", tls.tls)).code)
      good "rm /unwritten.cnf /strict.cnf"
    end)

    it("keeps a journal, and goes on with it", function()
      local server = wire.server [[
return { ["http://api.test"] = function()
  return { status = 200, body = "kept" }
end }]]
      local script = put(root, "/batch.lua", [[
        local lull = require "lull"
        local sum = lull.each({ "a", "b", "c" }, {}, function(id) return lull.post(arg[1] .. id, { key = true }) end)
        lull.exit(sum.code)]])
      for _ = 1, 2 do
        assert.equal(0, inside(("/lull --journal /run.lull %s %s/"):format(script, server.url)).code)
      end
      assert.equal(3, #server:requests())
      good "rm /run.lull*"
    end)

    -- The rocks bring OpenSSL with them, which must not be mixed up with the
    -- one that is in the file.
    it("runs the flagship, and its rocks in C", function()
      local server = wire.server "scripts/worlds/copyleaks.lua"
      local made = inside("apt-get -o Acquire::Check-Valid-Until=false update && "
        .. "apt-get install -y --no-install-recommends lua-socket lua-luaossl")
      assert.equal(0, made.code, made.err)
      for _, name in ipairs { "scripts/copyleaks.lua", "tests/demo.lua" } do
        good("mkdir -p /demo/" .. name:match "^[^/]+")
        put(root, "/demo/" .. name, wire.read(name))
      end
      local run = inside(("cd /demo && export COPYLEAKS_API=%s COPYLEAKS_ID=%s && "):format(server.url, server.url)
        .. "/lull --seed 1 tests/demo.lua scripts/copyleaks.lua")
      assert.equal("", run.err:gsub("demo: [^\n]*\n", ""))
      assert.equal(0, run.code)
      assert.matches("^scripts/copyleaks.lua\t", run.out)
    end)
  end)
end
