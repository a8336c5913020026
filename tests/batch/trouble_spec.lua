-- A batch in a Redis under what may befall it: a server that comes back without its
-- file, or without the end of it; machines whose clocks differ; more than a server
-- should be given. Each is one sentence and its exit code, and nothing is sent twice.
local resp = require "tests.resp"
local scripts = require "lull.batch.redis"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local SCRIPT = [[
local lull = require "lull"
local api, items = lull.client { base = arg[1], max_hint = 60 }, {}
for i = 1, tonumber(arg[2]) do items[i] = "i" .. i end
local sum = lull.each(items, { parallel = 4 }, function(x)
  print "."
  io.flush()
  return api:post("/" .. x, { key = arg[3] == "keyed", body = x, headers = { ["x-run"] = arg[4] } })
end)
print(("done %d failed %d open %d total %d"):format(sum.done + sum.before, sum.failed, sum.open, sum.total))
lull.exit(sum.code)
]]

local WORLD = 'return { ["http://127.0.0.1"] = function() return { status = 201, delay = 0.01 } end }\n'

-- Shifts the clock on the wall of a process by $SHIFT seconds.
local CLOCK = [[
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t which, struct timespec *ts)
{
  long result = syscall(SYS_clock_gettime, which, ts);
  if (which == CLOCK_REALTIME)
    ts->tv_sec += atoi(getenv("SHIFT"));
  return (int)result;
}
]]

describe("a batch in a Redis, in trouble #binary", function()
  if not wire.has_redis() then
    pending "there is no redis-server here"
    return
  end

  after_each(wire.clean)

  local function command(redis, server, items, kind, before)
    return ("%s %s --journal '%sscans?lease=2s' %s %s %d %s 2>&1"):format(before or "", BINARY, redis.url,
      wire.write(SCRIPT, ".lua"), server.url, items, kind or "plain")
  end

  local function seen_twice(server)
    local seen, twice, n = {}, 0, 0
    for _, request in ipairs(server:requests()) do
      if seen[request.path] then twice = twice + 1 end
      seen[request.path], n = true, n + 1
    end
    return twice, n
  end

  -- One that is at it when the server is killed, and `change` its folder. `change` may
  -- name the size that its file had when 20 were answered; of the 40 that came after, at
  -- least 36 were known to the process to be kept.
  local function restarted(change, kind)
    local redis, server = wire.redis "--appendonly yes --appendfsync always", wire.gated_server(20, 200)
    local child = wire.start(command(redis, server, 400, kind))
    server:requests(20)
    local size = wire.run(("cat %s/appendonlydir/*.incr.aof | wc -c"):format(redis.folder)).out
    server:open(20)
    server:requests(60)
    redis:kill()
    os.execute(("cd %s && %s"):format(wire.quote(redis.folder), change:format(tonumber(size))))
    redis:start()
    server:open(200)
    local rest, code = child:finish()
    return rest:match "([^\n]*)\n$", code, redis, server
  end

  it("ends when Redis was restarted without its file", function()
    local last, code, redis, server = restarted "rm -rf appendonlydir"
    -- Its lanes are there as little; who finds out first says so.
    assert.matches("is not there any more: Redis was flushed, or has lost what it had; it cannot be known what was "
      .. "%l+$", (last:gsub("are not", "is not")))
    assert.equal(1, code or 1)
    assert.equal(0, (seen_twice(server)))
    redis:kill()
    redis.options = "--appendonly no"
    redis:start()
    assert.matches("keeps no append%-only file", wire.run(command(redis, server, 400)).out)
  end)

  -- What Redis documents of everysec: what it took in its last second may be gone. Some
  -- bytes were cut off, which were at times of one script, whose answer had not come yet:
  -- it was run again, nothing was lost, and the batch went on.
  it("ends when Redis has lost the last that it had taken, and then goes on", function()
    local last, code, redis, server = restarted("truncate -s %d appendonlydir/*.incr.aof", "keyed")
    assert.is_true(last:find("Redis has lost the last that it had taken", 1, true) ~= nil
      or last:find("has lost what it had; it cannot be known what was sent", 1, true) ~= nil, last)
    assert.equal(1, code or 1)
    local again = wire.run(command(redis, server, 400, "keyed again"))
    assert.matches("done 400 failed 0 open 0 total 400\n$", again.out)
    -- It is bounded: all are sent but the 20 that were answered then, of which the last 4
    -- may not have been kept yet; each has its key.
    local twice, n = seen_twice(server)
    assert.equal(400, n - twice)
    local sent = { ["nil"] = 0, again = 0 }
    for _, request in ipairs(server:requests()) do
      local run = tostring(request.headers["x-run"])
      assert.is_nil(sent[run .. request.path])
      sent[run], sent[run .. request.path] = sent[run] + 1, true
    end
    assert.is_true(sent.again >= 380 and sent.again <= 384, sent.again .. " were sent then")
    local keys = {}
    for _, request in ipairs(server:requests()) do
      local key = request.headers["idempotency-key"]
      assert.equal(keys[request.path] or key, key)
      keys[request.path] = key
    end
  end)

  -- A script either runs whole or is refused: an item is there, or is fed again.
  it("waits when Redis has no memory left while items are fed, and loses none", function()
    local redis, go = wire.redis "--appendonly yes", wire.path()
    local script = wire.write([[
local lull = require "lull"
local text, n, seen = ("x"):rep(1000), 0, {}
local sum = lull.each(function()
  n = n + 1
  if n == 600 then
    print "there"
    io.flush()
    while not io.open(arg[1]) do lull.sleep(0.01) end
  end
  if n <= 1000 then return { id = n, text = text } end
end, function(item)
  assert(not seen[item.id])
  seen[item.id] = true
  return #item.text
end)
print(("done %d before %d failed %d open %d total %d"):format(sum.done, sum.before, sum.failed, sum.open, sum.total))
lull.exit(sum.code)
]], ".lua")
    local function start(patience)
      os.remove(go)
      local child = wire.start(("%s --store-timeout %s --journal '%sscans?lease=1s' %s %s 2>&1"):format(BINARY,
        patience, redis.url, script, go))
      assert.equal("there", child:line())
      redis:ask "CONFIG SET maxmemory 1"
      assert(io.open(go, "w")):close()
      return child
    end
    local rest, code = start(0.5):finish()
    assert.equal(75, code)
    assert.matches("^lull: redis://127.0.0.1:%d+/0/scans: Redis says 'OOM [^\n]*': it has no memory left; raise its "
      .. "maxmemory\n$", rest)
    redis:ask "CONFIG SET maxmemory 0"
    redis:ask "CONFIG RESETSTAT"
    local child = start(60)
    wire.eventually(function()
      return resp.connect(redis.port):ask("INFO", "errorstats"):find("OOM", 1, true)
    end, "nothing is refused")
    redis:ask "CONFIG SET maxmemory 0"
    rest, code = child:finish()
    local done, before = rest:match "done (%d+) before (%d+) failed 0 open 0 total 1000\n$"
    assert.equal(1000, tonumber(done) + tonumber(before), rest)
    assert.equal(0, code or 0)
  end)

  -- One machine's clock is an hour fast, and another's an hour slow: what a killed one
  -- was told to wait, the other waits, no less and not an hour more.
  it("goes by one clock, whatever those of the machines show", function()
    local shim = wire.path ".so"
    local made = wire.run(("%s -shared -fPIC -o %s -x c %s"):format(os.getenv "CC" or "cc", shim,
      wire.write(CLOCK, ".c")))
    if made.code ~= 0 or os.getenv "LULL_BUILD" then return end -- a sanitizer is to be the first library
    local redis, server = wire.redis(), wire.server [[
local told = {}
return { ["http://127.0.0.1"] = function(request)
  local first = not told[request.path]
  told[request.path] = true
  return first and { status = 429, headers = { ["retry-after"] = "3" } } or 201
end }
]]
    local function at(shift) return ("env LD_PRELOAD=%s SHIFT=%d"):format(shim, shift) end
    local child = wire.start(command(redis, server, 1, "keyed", at(3600)))
    server:requests(1)
    wire.eventually(function() return redis:ask "EXISTS {lull:scans}:1:c:i1" == ":1" end)
    child:stop()
    local other = wire.run(command(redis, server, 1, "keyed", at(-3600)))
    assert.matches("done 1 failed 0 open 0 total 1\n$", other.out)
    local list = server:requests(2)
    local waited = list[2].time - list[1].time
    assert.is_true(waited >= 3 and waited < 30, waited .. " s")
  end)

  it("is refused by a lull of another version, its lanes too", function()
    local redis, server = wire.redis(), wire.server(WORLD)
    redis:ask "HSET {lull:scans}:lanes:meta version 99"
    local result = wire.run(command(redis, server, 1))
    assert.matches("another lull keeps that journal; use the version that began it\n$", result.out)
    assert.equal(1, result.code)
    assert.equal(0, #server:requests())
  end)

  -- All that was claimed at once came in one answer, which Redis kept, and read again
  -- with each script that followed. LULL_ITEMS=400 makes them a hundred megabytes.
  it("takes items that are large", function()
    local redis = wire.redis()
    local script = wire.write([[
local lull = require "lull"
local text, n, length = ("x"):rep(250000), 0, 0
local sum = lull.each(function()
  n = n + 1
  if n <= tonumber(arg[1]) then return { id = n, text = text } end
end, function(item) length = length + #item.text end)
print(sum.done, length)
]], ".lua")
    local n = tonumber(os.getenv "LULL_ITEMS") or 40
    assert.equal(("%d\t%d\n"):format(n, n * 250000), wire.run(("%s --journal %sscans %s %d"):format(BINARY, redis.url,
      script, n)).out)
  end)

  it("gives no more of them at once than a megabyte, and each once", function()
    local link = resp.connect(wire.redis().port)
    link:set_clock(1767225600e6)
    local join, step = link:script(scripts.JOIN), link:script(scripts.STEP)
    local joined = join("{lull:x}", 30000, "0123456789abcdef", "epoch", "here 1")
    local number = 0
    local function tell(...)
      number = number + 1
      return step("{lull:x}", joined[2], joined[3], number, 30000, ...)
    end
    tell("B 1 0 0", "1", "")
    for i = 1, 20 do tell("F 1 0 0", "i" .. i, ("x"):rep(250000)) end
    local seen, most = {}, 0
    for _ = 1, 6 do
      local n = 0
      for _, entry in ipairs(tell("C 1 256 0", "", "")) do
        if entry[1] == "item" then
          assert.is_nil(seen[entry[3]])
          seen[entry[3]], n = true, n + 1
        end
      end
      most = math.max(most, n)
    end
    assert.equal(4, most)
    for i = 1, 20 do assert(seen["i" .. i], i .. " was not given") end
    -- Of a server that has lost the last that it took, nothing more is to be had.
    number = number + 1
    assert.are.same({ { "lost" } }, tell("C 1 1 0", "", ""))
  end)
end)
