-- How a Redis is reached: by TLS, by sentinels, and by a name that stands before
-- several. Real servers with folders of their own.
local certificate = require "tests.certificate"
local resp = require "tests.resp"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local function has(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in:\n%s"):format(part, tostring(text)), 2) end
end

local function command(journal, script, arguments)
  return ("%s --journal %s %s %s 2>&1"):format(wire.quote(BINARY), wire.quote(journal), script, arguments or "")
end

-- The first item is done at once, the others once the file is there.
local SCRIPT = [[
local lull = require "lull"
local sum = lull.each({ "a", "b", "c" }, { parallel = 1 }, function(x)
  while x ~= "a" and not io.open(arg[1]) do lull.sleep(0.01) end
  print(x)
  io.flush()
  return x
end)
print(("total %d done %d before %d open %d"):format(sum.total, sum.done, sum.before, sum.open))
lull.exit(sum.code)
]]


describe("a Redis that is reached by TLS #binary", function()
  if not wire.has_redis() then
    pending "there is no redis-server here"
    return
  end

  after_each(wire.clean)

  -- A server with a plain port and another one for TLS; the options of a URL.
  local function secure(more, address_only)
    local folder, port = wire.path ".tls", wire.free_port()
    os.execute("mkdir " .. wire.quote(folder))
    certificate(folder, address_only)
    local redis = wire.redis(("--appendonly yes --tls-port %d --bind 127.0.0.1 127.0.0.2 --tls-cert-file %s/ca.pem" ..
      " --tls-key-file %s/key.pem --tls-ca-cert-file %s/ca.pem %s"):format(port, folder, folder, folder,
      more or "--tls-auth-clients no"))
    local trust = "cacert=" .. folder .. "/ca.pem"
    return redis, function(host) return ("rediss://%s:%d/0/scans"):format(host, port) end, trust, folder
  end

  -- Items beyond a record of TLS, and replies of several.
  it("has a journal, which goes on when the connection was cut", function()
    local redis, url, trust = secure()
    local script, go = wire.write([[
local lull = require "lull"
local items = {}
for i = 1, 60 do items[i] = { id = i, text = ("x"):rep(i * 1000) } end
local n = 0
local sum = lull.each(items, { parallel = 3 }, function(item)
  n = n + 1
  if n == 10 then print "there" io.flush() end
  while n >= 10 and not io.open(arg[1]) do lull.sleep(0.01) end
  assert(#item.text == item.id * 1000)
  return item.text
end)
print(("total %d done %d"):format(sum.total, sum.done))
]], ".lua"), wire.path()
    local child = wire.start(command(url "127.0.0.1" .. "?" .. trust, script, go))
    assert.equal("there", child:line())
    redis:ask "CLIENT KILL TYPE normal"
    wire.touch(go)
    has(child:finish(), "total 60 done 60")
    has(wire.run(("%s status %s"):format(BINARY, wire.quote(url "localhost" .. "?" .. trust))).out, "60 done, 0 failed")
  end)

  it("tells at once what the others say of shared lanes", function()
    local redis, url, trust = secure()
    local child = wire.start(("%s %s %s 2>&1"):format(BINARY, wire.write([[
local lull = require "lull"
local api = lull.client { base = "http://127.0.0.1:1", lanes = arg[1], lane = "one", attempts = 1 }
api:get "/"
while not lull.lanes().one.machines do lull.sleep(0.01) end -- its server's clock is known
print "there"
io.flush()
while lull.lanes().one.paused == 0 do lull.sleep(0.01) end
print(lull.lanes().one.paused > 60)
]], ".lua"), wire.quote(url "127.0.0.1" .. "?" .. trust)))
    assert.equal("there", child:line())
    -- What was said before it listened is lost: it waited for that for ever.
    wire.eventually(function()
      return redis:ask(('PUBLISH {lull:scans}:lanes "pause %d000000 one"'):format(os.time() + 120)) == ":1"
    end, "it does not listen")
    assert.equal("true\n", (child:finish()))
  end)

  -- One sentence after none of the script's, and the exit code.
  local function refused(journal, ...)
    local result = wire.run(command(journal, wire.write('require "lull".each({ "a" }, print)', ".lua")))
    assert.equal(1, result.code, result.out)
    for _, words in ipairs { ... } do has(result.out, words) end
    assert.equal(1, select(2, result.out:gsub("\n", "")), result.out)
  end

  it("shows a certificate that is checked, and so is its name", function()
    local _, url, trust, folder = secure()
    refused(url "127.0.0.1", "Redis's certificate is not to be trusted: self", "signed certificate")
    refused(url "127.0.0.2" .. "?" .. trust, "Redis's certificate is not to be trusted: IP address mismatch")
    local none = folder .. "/none"
    refused(url "127.0.0.1" .. "?cacert=" .. none, "the certificates to trust cannot be read: No such file")
    refused(url "127.0.0.1" .. "?capath=" .. none, "Redis's certificate is not to be trusted: ")
    _, url, trust = secure(nil, true)
    refused(url "localhost" .. "?" .. trust, "Redis's certificate is not to be trusted: hostname mismatch")
  end)

  it("may want a certificate", function()
    local _, url, trust, folder = secure "--tls-auth-clients yes"
    refused(url "127.0.0.1" .. "?" .. trust, "TLS with Redis: ", "certificate required")
    local shown = url "127.0.0.1" .. "?" .. trust .. "&cert=" .. folder .. "/ca.pem"
    refused(shown, "the key of the certificate that cert= names is no good: ")
    refused(url "127.0.0.1" .. "?" .. trust .. "&cert=" .. folder .. "/none",
      "the certificate that cert= names is no good: No such file")
    local script, go = wire.write(SCRIPT, ".lua"), wire.path()
    wire.touch(go)
    has(wire.run(command(shown .. "&key=" .. folder .. "/key.pem", script, go)).out, "total 3 done 3 ")
  end)

  it("is no other server", function()
    local redis = wire.redis()
    local plain = wire.run(command(("rediss://127.0.0.1:%d/0/scans"):format(redis.port),
      "--store-timeout 0 " .. wire.write('require "lull".each({ "a" }, print)', ".lua")))
    assert.equal(75, plain.code)
    has(plain.out, "cannot reach Redis: no answer by TLS\n")
  end)

  it("is named by a URL that says all", function()
    local script = wire.write('require "lull".each({ "a" }, print)', ".lua")
    for journal, words in pairs {
      ["redis://127.0.0.1/0/scans?cacert=a"] = "cacert is for TLS: rediss://",
      ["rediss://127.0.0.1/0/scans?cacert="] = "cacert: a file is to be named",
      ["rediss://127.0.0.1/0/scans?key=a"] = "key is that of a certificate: name that with cert=",
      ["rediss://127.0.0.1/0/scans?cacart=a"] = "(did you mean 'cacert'?)",
      ["rediss://%2Ftmp%2Fa/0/scans"] = "TLS is for hosts, not for sockets: redis://",
    } do
      local result = wire.run(command(journal, script))
      assert.equal(2, result.code, result.out)
      has(result.out, words)
    end
  end)
end)

describe("a Redis that is reached by sentinels, or a name #binary", function()
  if not wire.has_redis() then return end

  after_each(wire.clean)

  -- A primary and its replica, which has all that the primary has.
  local function pair(more)
    local primary = wire.redis("--appendonly yes " .. (more or ""))
    local replica = wire.redis(("--appendonly yes --repl-diskless-sync-delay 0 --replicaof 127.0.0.1 %d"):format(
      primary.port))
    return primary, replica
  end

  -- It has what the primary has, which takes nothing more: what it takes later is lost
  -- with it, and then the run ends.
  local function follows(primary, replica)
    wire.eventually(function() return replica:ask "HGET {lull:scans}:1 done" == "1" end, "the replica does not follow")
    primary:ask "CLIENT PAUSE 60000 WRITE"
    local function offset(one)
      return resp.connect(one.port):ask("INFO", "replication"):match "master_repl_offset:(%d+)"
    end
    wire.eventually(function() return offset(primary) == offset(replica) end, "the replica does not follow")
  end

  local function sentinel(primary)
    local port, file = wire.free_port(), wire.write ""
    local child = wire.start(("%s %s --sentinel --port %d --bind 127.0.0.1 >/dev/null 2>&1"):format(
      primary.folder .. "/redis-server", file, port))
    local one = setmetatable({ port = port, child = child }, getmetatable(primary))
    wire.eventually(function() return one:ask "PING" end, "the sentinel does not answer")
    one:ask(("SENTINEL MONITOR main 127.0.0.1 %d 1"):format(primary.port))
    one:ask "SENTINEL SET main failover-timeout 1000"
    return one
  end

  it("has another primary after a failover, and the run goes on there", function()
    local primary, replica = pair()
    local one = sentinel(primary)
    local _, bound = wire.refusing() -- a sentinel that is not there any more
    local port = select(2, bound:getsockname())
    local journal = ("redis+sentinel://127.0.0.1:%d,127.0.0.1:%d/main/0/scans"):format(port, one.port)
    local go = wire.path()
    local child = wire.start(command(journal, wire.write(SCRIPT, ".lua"), go))
    assert.equal("a", child:line())
    wire.eventually(function() return (one:ask "SENTINEL CKQUORUM main"):find "^+OK" end)
    wire.eventually(function() return one:ask "SENTINEL REPLICAS main":find "^%*1" end, "it knows no replica")
    follows(primary, replica)
    primary:kill()
    one:ask "SENTINEL SET main down-after-milliseconds 200" -- one that is but slow is not down
    wire.touch(go)
    local rest, code = child:finish()
    has(rest, "total 3 done 3 before 0 open 0")
    assert.equal(0, code or 0)
    assert.equal("3", replica:ask "HGET {lull:scans}:1 done")
    has(wire.run(("%s status %s"):format(BINARY, journal)).out, "3 done, 0 failed")
    bound:close()
  end)

  it("may be asked of sentinels that want a password of their own", function()
    local primary = wire.redis("--appendonly yes --requirepass sesame1", "sesame1")
    local one = sentinel(primary)
    one:ask "SENTINEL SET main auth-pass sesame1"
    one:ask "ACL SETUSER finder on >sesame3 +@all"
    one:ask "ACL SETUSER default resetpass >sesame2"
    one.password = "sesame2"
    local journal = ("redis+sentinel://:sesame1@127.0.0.1:%d/main/0/scans"):format(one.port)
    local script, go = wire.write(SCRIPT, ".lua"), wire.path()
    wire.touch(go)
    local result
    for query, words in pairs {
      [""] = "main/0/scans: a sentinel says 'NOAUTH Authentication required.': name its password with "
        .. "sentinel_password=\n",
      ["?sentinel_password=sesame1"] = "main/0/scans: a sentinel says 'WRONGPASS ",
    } do
      result = wire.run(command(journal .. query, script, go))
      assert.equal(1, result.code, result.out)
      has(result.out, words)
      assert.equal(1, select(2, result.out:gsub("\n", "")), result.out)
      assert.is_nil(result.out:find("sesame", 1, true))
    end
    has(wire.run(command(journal .. "?sentinel_password=sesame2", script, go)).out, "total 3 done 3 before 0 open 0")
    has(wire.run(command(journal .. "?sentinel_username=finder&sentinel_password=sesame3", script, go)).out,
      "total 3 done 0 before 3 open 0")
    result = wire.run(command((journal:gsub("sesame1", "sesame4")) .. "?sentinel_password=sesame2", script, go))
    has(result.out, ": Redis says 'WRONGPASS ")
    assert.equal(1, result.code)
    for query, words in pairs {
      ["?sentinel_password="] = "sentinel_password: nothing is named",
      ["?sentinel_username=a"] = "sentinel_username has a password: name that with sentinel_password=",
    } do
      result = wire.run(command(journal .. query, script, go))
      assert.equal(2, result.code, result.out)
      has(result.out, words)
    end
    has(wire.run(command("redis://127.0.0.1/0/scans?sentinel_password=a", script, go)).out,
      "sentinel_password is for sentinels: redis+sentinel://")
  end)

  -- Two numbers instead of a host and a port ended the process.
  it("is not found at what answers otherwise than a sentinel", function()
    local other = wire.start("lua5.4 " .. wire.write([[
local server = require("socket").bind("127.0.0.1", 0)
print((select(2, server:getsockname())))
io.stdout:flush()
while true do
  local client = server:accept()
  client:receive "*l"
  client:send "*2\r\n:1\r\n:2\r\n"
  client:close()
end
]], ".lua"))
    local result = wire.run(command(("redis+sentinel://127.0.0.1:%s/main/0/scans"):format(other:line()),
      "--store-timeout 0.3 " .. wire.write('require "lull".each({ "a" }, print)', ".lua")))
    assert.equal(75, result.code)
    has(result.out, ": no sentinel knows a primary of the name main\n")
  end)

  it("is said when no sentinel knows it, and waited for", function()
    local primary = wire.redis()
    local one = sentinel(primary)
    local script = "--store-timeout 0.3 " .. wire.write('require "lull".each({ "a" }, print)', ".lua")
    local journal = ("redis+sentinel://:sesame@127.0.0.1:%d/%%s/0/scans"):format(one.port)
    local result = wire.run(command(journal:format "other", script))
    assert.equal(75, result.code)
    has(result.out, ("redis+sentinel://127.0.0.1:%d/other/0/scans: "):format(one.port))
    has(result.out, ": no sentinel knows a primary of the name other\n")
    for words, url in pairs {
      ["the journal's URL names no primary; in Redis it is redis+sentinel://"] = "redis+sentinel://h",
      ["the journal's URL names no database; in Redis it is redis+sentinel://"] = "redis+sentinel://h/main/scans",
      ["the journal's URL has no port that can be"] = "redis+sentinel://h,i:x/main/0/scans",
      ["the journal's URL names no host"] = "redis+sentinel://h,/main/0/scans",
    } do
      result = wire.run(command(url, script))
      assert.equal(2, result.code, result.out)
      has(result.out, words)
    end
  end)

  -- Replication is asynchronous: what the replica has not when it becomes the primary is
  -- lost. It is told by the count of scripts, and what was done in them is done again.
  it("is a replica that lags, and what it has not is found out", function()
    local path, first, second = wire.path ".name", wire.path ".sock", wire.path ".sock"
    local primary, replica = pair("--unixsocket " .. first)
    replica:kill()
    replica.options = replica.options .. " --unixsocket " .. second
    replica:start()
    os.execute(("ln -s %s %s"):format(first, path))
    local go, script = wire.path(), wire.write(SCRIPT:gsub("arg%[1%]", "arg[1] .. x"), ".lua")
    local journal = "redis://" .. path:gsub("/", "%%2F") .. "/0/scans?lease=2s"
    local child = wire.start(command(journal, script, go))
    assert.equal("a", child:line())
    follows(primary, replica)
    replica:ask "REPLICAOF NO ONE"
    primary:ask "CLIENT UNPAUSE"
    wire.touch(go .. "b")
    assert.equal("b", child:line())
    wire.eventually(function() return primary:ask "HGET {lull:scans}:1 done" == "2" end, "b is not done")
    primary:kill()
    os.execute(("ln -sfn %s %s"):format(second, path))
    wire.touch(go .. "c")
    local rest, code = child:finish()
    has(rest, "scans: Redis has lost the last that it had taken")
    assert.equal(1, code or 0)
    assert.equal("1", replica:ask "HGET {lull:scans}:1 done")
    has(wire.run(command(journal, script, go)).out, "total 3 done 2 before 1 open 0")
  end)

  -- The connection to the one that is a replica now was kept, and asked for ever.
  it("is another one under the same name, once the first is a replica", function()
    local path, first, second = wire.path ".name", wire.path ".sock", wire.path ".sock"
    local primary, replica = pair("--unixsocket " .. first)
    replica:kill()
    replica.options = replica.options .. " --unixsocket " .. second
    replica:start()
    os.execute(("ln -s %s %s"):format(first, path))
    local go = wire.path()
    local journal = "redis://" .. path:gsub("/", "%%2F") .. "/0/scans"
    local child = wire.start(command(journal, wire.write(SCRIPT, ".lua"), go))
    assert.equal("a", child:line())
    follows(primary, replica)
    replica:ask "REPLICAOF NO ONE"
    primary:ask(("REPLICAOF 127.0.0.1 %d"):format(replica.port))
    primary:ask "CLIENT UNPAUSE"
    os.execute(("ln -sfn %s %s"):format(second, path))
    wire.touch(go)
    has(child:finish(), "total 3 done 3 before 0 open 0")
    assert.equal("3", replica:ask "HGET {lull:scans}:1 done")
  end)
end)
