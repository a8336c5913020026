-- The journal in a Redis: several processes at one batch, what one leaves that
-- dies, and what may go wrong with the server. The binary, over real sockets and
-- a real redis-server with a folder of its own.
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local function has(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in:\n%s"):format(part, tostring(text)), 2) end
end

local function lines_of(text) return select(2, text:gsub("\n", "")) end

local function command(journal, script, arguments)
  return ("%s --journal %s %s %s 2>&1"):format(wire.quote(BINARY), wire.quote(journal), script, arguments or "")
end

-- Prints each item when it has an end; and the sum.
local SCRIPT = [[
local lull = require "lull"
local api = lull.client { base = arg[1], backoff = { base = 0.01 }, attempts = 50, budget = false,
  lane = "one", limit = { parallel = 6 } }
local items = {}
for i = 1, tonumber(arg[2]) do items[i] = ("item%03d"):format(i) end
local sum = lull.each(items, { parallel = 6 }, function(x, i)
  assert(x == ("item%03d"):format(i))
  local response, err = api:post("/p/" .. x, { key = arg[3] == "keyed", body = x })
  print(x)
  io.flush()
  return response, err
end)
print(("total %d done %d failed %d before %d later %d open %d"):format(sum.total, sum.done, sum.failed, sum.before,
  sum.later, sum.open))
lull.exit(sum.code)
]]

local SLOW = [[
local n = 0
return { ["http://127.0.0.1"] = function(request)
  n = n + 1
  if request.headers["idempotency-key"] and n % 7 == 3 then return 503 end
  return { status = 201, body = request.path, delay = 0.01 }
end }
]]

-- So slow that two are at work on a batch though one begins late.
local SLOWER = SLOW:gsub("0%.01", "0.1")

local function number_of(text, word) return tonumber(text:match(word .. " (%d+)")) end

-- Paths -> how often, and of each the keys.
local function seen_by(server)
  local seen, count = {}, 0
  for _, request in ipairs(server:requests()) do
    local of = seen[request.path]
    if not of then
      of, count = { n = 0, keys = {} }, count + 1
      seen[request.path] = of
    end
    of.n = of.n + 1
    of.keys[request.headers["idempotency-key"] or "none"] = true
  end
  return seen, count
end

local function one_key_each(seen)
  for path, of in pairs(seen) do
    local first = next(of.keys)
    assert(next(of.keys, first) == nil, path .. " was sent with two keys")
  end
end

describe("a journal in a Redis #binary", function()
  if not wire.has_redis() then
    pending "there is no redis-server here"
    return
  end

  after_each(wire.clean)

  it("lets several processes do a batch, each item once", function()
    local server, redis = wire.server(SLOW), wire.redis()
    local script, workers = wire.write(SCRIPT, ".lua"), {}
    for i = 1, 3 do workers[i] = wire.start(command(redis.url .. "scans", script, server.url .. " 200 plain")) end
    local done = 0
    for i = 1, 3 do
      local rest, code = workers[i]:finish()
      done = done + number_of(rest, "done")
      assert.are.equal(200, number_of(rest, "total"), rest)
      assert.are.equal(200, number_of(rest, "done") + number_of(rest, "before"), rest)
      assert.are.equal(0, code or 0)
    end
    assert.are.equal(200, done)
    local seen, count = seen_by(server)
    assert.are.equal(200, count)
    for path, of in pairs(seen) do assert(of.n == 1, path) end
    -- A round later there is nothing to be done.
    local again = wire.run(command(redis.url .. "scans", script, server.url .. " 200 plain"))
    has(again.out, "total 200 done 0 failed 0 before 200 later 0 open 0")
  end)

  it("gives what a killed worker held to another one, with the same keys", function()
    local server, redis = wire.server(SLOWER), wire.redis()
    local script = wire.write(SCRIPT, ".lua")
    local journal = redis.url .. "scans?lease=1s"
    local first = wire.start(command(journal, script, server.url .. " 150 keyed"))
    for _ = 1, 5 do first:line() end
    local second = wire.start(command(journal, script, server.url .. " 150 keyed"))
    second:line()
    first:signal "KILL" -- it feeds, and has items under way
    first:finish()
    local rest, code = second:finish()
    assert.are.equal(0, code or 0, rest)
    assert.are.equal(150, number_of(rest, "total"), rest)
    assert.are.equal(150, number_of(rest, "done") + number_of(rest, "before"), rest)
    local seen, count = seen_by(server)
    assert.are.equal(150, count)
    one_key_each(seen)
  end)

  it("never lets a POST without a key be sent again by another worker", function()
    local server, redis = wire.server(SLOW), wire.redis()
    local script = wire.write(SCRIPT, ".lua")
    local journal = redis.url .. "scans?lease=1s"
    local killed = 0
    for i = 1, 4 do
      local child = wire.start(command(journal, script, server.url .. " 150 plain"))
      for _ = 1, 3 + i * 4 do child:line() end
      child:signal "KILL"
      child:finish()
      killed = killed + 1
    end
    local last = wire.run(command(journal, script, server.url .. " 150 plain"))
    assert.are.equal(150, number_of(last.out, "total"), last.out)
    assert.are.equal(0, number_of(last.out, "open") + number_of(last.out, "later"))
    local seen, count = seen_by(server)
    for path, of in pairs(seen) do assert(of.n == 1, path .. " was sent again") end
    -- What was under way at a kill has failed, sent or not.
    assert.are.equal(1, last.code)
    assert.is_true(tonumber((redis:ask "HGET {lull:scans}:1 failed")) >= 150 - count)
  end)

  it("takes nothing more from a worker that was away for longer than its lease", function()
    local server, redis = wire.server(SLOWER), wire.redis()
    local script = wire.write(SCRIPT, ".lua")
    local journal = redis.url .. "scans?lease=1s"
    local first = wire.start(command(journal, script, server.url .. " 150 plain"))
    for _ = 1, 5 do first:line() end
    first:signal "STOP"
    local second = wire.run(command(journal, script, server.url .. " 150 plain"))
    assert.are.equal(150, number_of(second.out, "total"), second.out)
    assert.are.equal(0, number_of(second.out, "open"))
    first:signal "CONT"
    local rest, code = first:finish()
    has(rest, "this process was away for longer than its lease")
    assert.are.equal(75, code or 75)
    for path, of in pairs((seen_by(server))) do assert(of.n == 1, path .. " was sent again") end
  end)

  -- With a journal in a Redis it was passed over without a word.
  it("lets the process end at a write when it is asked to", function()
    local redis = wire.redis()
    local script = wire.write('local n = require "lull".each({ "a" }, function(x) return x end).done print(n)', ".lua")
    local journal = redis.url .. "scans?lease=1s"
    local first = wire.run(command(journal, '--chaos "crash 100%" ' .. script))
    assert.are.equal(70, first.code, first.out)
    has(first.out, "lull: --chaos: the process ends here, at write 1\n")
    has(wire.run(command(journal, script)).out, "1\n")
  end)

  it("has back at once what a worker held that was told to end", function()
    local redis = wire.redis()
    local script = wire.write([[
local lull = require "lull"
local sum = lull.each({ "a", "b" }, { parallel = 1 }, function(x)
  print("begun " .. x)
  io.flush()
  if arg[1] == "wait" then lull.sleep(60) end
  return x
end)
print(sum.done)
]], ".lua")
    local child = wire.start(command(redis.url .. "scans", script, "wait"))
    assert.are.equal("begun a", child:line())
    child:signal "TERM"
    local rest = child:finish()
    has(rest, "lull --journal redis://127.0.0.1:" .. redis.port .. "/0/scans " .. script .. " goes on")
    local last = wire.run(command(redis.url .. "scans", script))
    has(last.out, "begun a\n")
    has(last.out, "\n2\n")
  end)

  it("keeps what is for later for the next round, and its calls with it", function()
    local redis = wire.redis()
    local server = wire.server [[
local told
return { ["http://127.0.0.1"] = function(request)
  if request.path == "/first" then return { status = 200, body = "one" } end
  if told then return 200 end
  told = true
  return { status = 429, headers = { ["retry-after"] = "1" } }
end }
]]
    local script = wire.write([[
local lull = require "lull"
local api = lull.client { base = arg[1], max_hint = 0.1 }
local sum = lull.each({ { id = 7, list = { 1, 2 }, deep = { a = "\n\0" } } }, function(item)
  assert(item.id == 7 and #item.list == 2 and item.deep.a == "\n\0")
  assert(api:post("/first", { key = true }))
  return api:post("/second", { key = true })
end)
print(("total %d done %d failed %d before %d later %d"):format(sum.total, sum.done, sum.failed, sum.before, sum.later))
lull.exit(sum.code)
]], ".lua")
    local first = wire.run(command(redis.url .. "scans", script, server.url))
    has(first.out, "total 1 done 0 failed 0 before 0 later 1")
    assert.are.equal(75, first.code)
    local last = wire.eventually(function()
      local run = wire.run(command(redis.url .. "scans", script, server.url))
      return run.code ~= 75 and run
    end, "it did not become due")
    has(last.out, "total 1 done 1 failed 0 before 0 later 0")
    local seen = seen_by(server)
    assert.are.equal(1, seen["/first"].n)
    assert.are.equal(2, seen["/second"].n)
    one_key_each(seen)
  end)

  it("says a second item of one id, a row that cannot be read, and items of another kind", function()
    local redis = wire.redis()
    local rows = wire.write("id,n\n1,a\n2,b\n1,c\n4,d,e\n", ".csv")
    local script = wire.write([[
local lull = require "lull"
local sum = lull.each(lull.rows(arg[1]), { name = "rows" }, function(row) return row.n end)
print(("total %d done %d failed %d before %d later %d"):format(sum.total, sum.done, sum.failed, sum.before, sum.later))
lull.exit(sum.code)
]], ".lua")
    local first = wire.run(command(redis.url .. "scans", script, rows))
    has(first.out, "two items have the id '1'; the second is left out")
    has(first.out, rows .. ":5: ")
    has(first.out, "total 3 done 2 failed 1 before 0 later 0")
    assert.are.equal(1, first.code)
    local other = wire.write('require "lull".each({ "a" }, { name = "rows" }, function() end)', ".lua")
    local second = wire.run(command(redis.url .. "scans", other))
    has(second.out, "the items of the batch rows are now texts, and were others before")
    assert.are.equal(1, second.code)
  end)

  it("raises what its source or its function raises", function()
    local redis = wire.redis()
    local function raised(script, words)
      local result = wire.run(command(redis.url .. "scans", wire.write(script, ".lua")))
      assert.are.equal(1, result.code, result.out)
      has(result.out, words)
    end
    raised('require "lull".each(function() error "no source" end, function() end)', "no source")
    raised('require "lull".each({ "a" }, function() error "no function" end)', "no function")
    raised('require "lull".each({ { id = 1, f = print } }, { name = "x" }, function() end)',
      "an item that other machines are to have is a text, a number or a table of such")
  end)
end)

describe("a Redis that is no good #binary", function()
  if not wire.has_redis() then return end

  after_each(wire.clean)

  local NOTHING = 'print "here" io.flush() require "lull".each({ "a" }, function() print "ran" end)'

  -- One sentence after the script's line, and that exit code.
  local function refused(options, journal, code, ...)
    local script = wire.write(NOTHING, ".lua")
    local result = wire.run(command(journal, options .. " " .. script))
    assert.are.equal(code, result.code, result.out)
    for _, words in ipairs { ... } do has(result.out, words) end
    assert.is_nil(result.out:find "ran\n", result.out)
    assert.are.equal(2, lines_of(result.out), result.out)
    assert.is_nil(result.out:find("sesame", 1, true), result.out)
  end

  it("is waited for at the start, and then it is for later", function()
    local _, bound = wire.refusing()
    local _, port = bound:getsockname()
    local journal = ("redis://:sesame@127.0.0.1:%d/0/scans"):format(port)
    refused("--store-timeout 0.3", journal, 75, ("redis://127.0.0.1:%d/0/scans: cannot reach Redis: "):format(port),
      "Connection refused")
    bound:close()
  end)

  it("may come while it is waited for", function()
    local redis = wire.redis()
    redis:kill()
    local child = wire.start(command(redis.url .. "scans", wire.write(NOTHING, ".lua")))
    assert.are.equal("here", child:line())
    redis:start()
    has(child:finish(), "ran\n")
  end)

  it("is refused when it may forget, unless it is said to be good enough", function()
    local forgetful = wire.redis "--appendonly no"
    refused("", forgetful.url .. "scans", 1, "it keeps no append-only file", "set appendonly yes",
      "--assume-durable")
    local script = wire.write(NOTHING, ".lua")
    local taken = wire.run(command(forgetful.url .. "scans", "--assume-durable " .. script))
    has(taken.out, "ran\n")
    local evicting = wire.redis "--appendonly yes --maxmemory 100mb --maxmemory-policy allkeys-lru"
    refused("", evicting.url .. "scans", 1, "set maxmemory-policy noeviction")
  end)

  it("asks for a password, which no message shows", function()
    local redis = wire.redis("--appendonly yes --requirepass sesame", "sesame")
    local place = ("127.0.0.1:%d/0/scans"):format(redis.port)
    refused("", "redis://" .. place, 1, "Redis says 'NOAUTH", "name the password")
    refused("", "redis://:sesame2@" .. place, 1, "redis://" .. place .. ": Redis says 'WRONGPASS")
    local script = wire.write(NOTHING, ".lua")
    has(wire.run(command("redis://:sesame@" .. place, script)).out, "ran\n")
    has(wire.run(command("redis://default:sesame@" .. place .. "2", script)).out, "ran\n")
    redis:ask "ACL SETUSER lull on >sesame3 ~{lull:*}* +@read"
    refused("", "redis://lull:sesame3@" .. place, 1, "Redis says 'NOPERM", "ACL line")
    local line = wire.read("docs/machines.md"):match "(ACL SETUSER[^\n]*)"
    assert.are.equal("+OK", redis:ask((line:gsub("PASSWORD", "sesame4"))))
    has(wire.run(command("redis://lull:sesame4@" .. place .. "3", script)).out, "ran\n")
  end)

  it("is a replica, is full, or holds something else under that name", function()
    local redis = wire.redis()
    redis:ask "SET {lull:other}:meta x"
    refused("", redis.url .. "other", 1, "Redis says 'WRONGTYPE", "the keys of that name are no journal's")
    redis:ask "HSET {lull:newer}:meta version 99"
    refused("", redis.url .. "newer", 1, "use the version that began it")
    redis:ask "CONFIG SET maxmemory 1"
    refused("--store-timeout 0.3", redis.url .. "scans", 75, "Redis says 'OOM", "raise its maxmemory")
    redis:ask "CONFIG SET maxmemory 0"
    redis:ask "REPLICAOF 127.0.0.1 1"
    refused("--store-timeout 0.3", redis.url .. "scans", 75, "Redis says 'READONLY", "name the primary")
  end)

  it("is named by a URL that says all", function()
    local script = wire.write(NOTHING, ".lua")
    for journal, words in pairs {
      ["redis://127.0.0.1"] = "the journal's URL names no database",
      ["redis://127.0.0.1/0"] = "the journal's URL names no journal",
      ["redis://127.0.0.1/x/scans"] = "the journal's URL names no database",
      ["redis://127.0.0.1:99999/0/scans"] = "the journal's URL has no port that can be",
      ["redis:///0/scans"] = "the journal's URL names no host",
      ["redis://127.0.0.1/0/a%20b"] = "the journal's name 'a b' is not of letters",
      ["redis://127.0.0.1/0/a%25s"] = "the journal's name 'a%s' is not of letters",
      ["redis://127.0.0.1/0/scans?leese=3"] = "(did you mean 'lease'?)",
      ["redis://127.0.0.1/0/scans?lease=0"] = "lease: from 1s to 1h",
    } do
      local result = wire.run(command(journal, script))
      assert.are.equal(2, result.code, journal)
      has(result.out, words)
    end
  end)

  -- All keys of a journal, and of its lanes, are in one slot.
  it("may be the node of a cluster that has the journal", function()
    local redis = wire.redis("--appendonly yes --cluster-enabled yes --cluster-port " .. wire.free_port())
    assert.are.equal("+OK", redis:ask "CLUSTER ADDSLOTSRANGE 0 16383")
    wire.eventually(function() return redis:ask "SET x 1" == "+OK" end)
    local server = wire.server(SLOW)
    local result = wire.run(command(redis.url .. "scans", wire.write(SCRIPT, ".lua"), server.url .. " 20 plain"))
    has(result.out, "total 20 done 20 failed 0")
    has(wire.run(("%s status %sscans"):format(BINARY, redis.url)).out, "20 done, 0 failed")
    -- Its slot is another node's.
    local slot = redis:ask "CLUSTER KEYSLOT {lull:scans}":match "%d+"
    redis:ask("CLUSTER DELSLOTS " .. slot)
    redis:ask "CONFIG SET cluster-require-full-coverage no"
    refused("--store-timeout 0.3", redis.url .. "scans", 75, "Redis says 'CLUSTERDOWN")
  end)

  it("may be behind a socket of its machine", function()
    local path = wire.path ".sock"
    wire.redis("--appendonly yes --unixsocket " .. path)
    local script = wire.write(NOTHING, ".lua")
    has(wire.run(command("redis://" .. path:gsub("/", "%%2F") .. "/0/scans", script)).out, "ran\n")
  end)

  -- A batch that is under way: prints a line for each item.
  local function under_way(redis, options)
    local server = wire.server(SLOW)
    local child = wire.start(command(redis.url .. "scans", options .. " " .. wire.write(SCRIPT, ".lua"),
      server.url .. " 600 plain"))
    for _ = 1, 5 do child:line() end
    return child, server
  end

  it("that goes away under a run is waited for: with its file, nothing is lost", function()
    local redis = wire.redis "--appendonly yes --appendfsync always"
    local child, server = under_way(redis, "")
    redis:kill()
    redis:start()
    local rest, code = child:finish()
    has(rest, "total 600 done 600 failed 0 before 0 later 0 open 0")
    assert.are.equal(0, code or 0)
    for path, of in pairs((seen_by(server))) do assert(of.n == 1, path .. " was sent again") end
  end)

  local function line_with(child, part)
    repeat local line = assert(child:line()) until line:find(part, 1, true)
  end

  -- Nothing was said of seconds in which nothing went on, and the line of progress named
  -- a rate as what was waited for.
  it("that is away for more than a moment is said to be, and to be back", function()
    local redis, log = wire.redis "--appendonly yes", wire.path ".log"
    local child = under_way(redis, "--trace --progress always --log " .. log)
    redis:kill()
    line_with(child, "  store: away for 2")
    line_with(child, "Redis does not answer")
    redis:start()
    line_with(child, "  store: back after ")
    has(child:finish(), "total 600 done 600")
    local told = wire.read(log)
    has(told, '"store":"away"')
    has(told, "cannot reach Redis: ")
    has(told, '"store":"back"')
    assert.equal(2, select(2, told:gsub('"store":', ""))) -- once, though its lanes are there, too
  end)

  -- One that took what it was asked and said nothing was not away for 5 s.
  it("that hangs is away, too", function()
    local redis = wire.redis "--appendonly yes"
    local child = under_way(redis, "--trace")
    redis.child:signal "STOP"
    line_with(child, "/0/scans: Redis does not answer)")
    redis.child:signal "CONT"
    line_with(child, "  store: back after ")
    has(child:finish(), "total 600 done 600")
  end)

  it("that is away is told of to who sits at a terminal, and not to others", function()
    local redis = wire.redis "--appendonly yes"
    local child, server = under_way(redis, "")
    local session = wire.start(("script -qec %s /dev/null"):format(wire.quote(command(redis.url .. "seen",
      "--progress never " .. wire.write(SCRIPT, ".lua"), server.url .. " 300 plain"))))
    line_with(session, "item")
    redis:kill()
    line_with(session, "/0/seen: cannot reach Redis: ")
    redis:start()
    line_with(session, "/0/seen: Redis answers again")
    has(session:finish(), "total 300 done 300")
    local rest = child:finish()
    has(rest, "total 600 done 600")
    assert.is_nil(rest:find "Redis")
  end)

  -- While it reads its file, Redis says that it keeps none: a run was refused that
  -- came a moment too early after a restart.
  it("that reads its file is waited for", function()
    local redis = wire.redis()
    redis:ask [[EVAL "for i = 1, 6000 do redis.call('SET', 'k' .. i, i) end" 0]] -- it looks up every 1,024
    redis:kill()
    redis.options = redis.options .. " --key-load-delay 200"
    redis:start(true)
    refused("--store-timeout 0", redis.url .. "scans", 75, "Redis says 'LOADING")
    has(wire.run(command(redis.url .. "scans", wire.write(NOTHING, ".lua"))).out, "ran\n")
  end)

  it("that stays away ends the run, and it is for later", function()
    local redis = wire.redis()
    local child = under_way(redis, "--store-timeout 0.5")
    redis:kill()
    local rest, code = child:finish()
    has(rest, "/0/scans: cannot reach Redis: ")
    assert.are.equal(75, code or 75)
  end)

  it("that is flushed under a run ends it: nobody knows what was done", function()
    local redis = wire.redis()
    local child, server = under_way(redis, "")
    redis:ask "FLUSHALL"
    local rest, code = child:finish()
    has(rest, "the journal is not there any more")
    assert.are.equal(1, code or 1)
    for path, of in pairs((seen_by(server))) do assert(of.n == 1, path .. " was sent again") end
  end)

  it("may forget the scripts", function()
    local redis = wire.redis()
    local child = under_way(redis, "")
    redis:ask "SCRIPT FLUSH"
    has(child:finish(), "total 600 done 600 failed 0 before 0 later 0 open 0")
  end)
end)
