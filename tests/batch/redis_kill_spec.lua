-- Several processes at a batch in a Redis that is killed, as they are, with nothing
-- said: by the API's own log each keyed item's effect is there once, no POST without
-- a key came twice, and all items have an end. LULL_KILLS: how often a worker is
-- killed, one in forty times Redis; LULL_ITEMS: of how many items.
local support = require "tests.support"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"
local KILLS = tonumber(os.getenv "LULL_KILLS") or 6
local ITEMS = tonumber(os.getenv "LULL_ITEMS") or 240
local WORKERS = 5

local SCRIPT = [[
local lull = require "lull"
local api = lull.client { base = arg[1], backoff = { base = 0.01 }, attempts = 20, budget = false }
local items = {}
for i = 1, tonumber(arg[2]) do items[i] = { id = i } end
local sum = lull.each(items, { parallel = 4 }, function(item)
  if item.id % 3 == 0 then return api:post("/plain/" .. item.id, { body = "x" }) end
  if item.id % 3 == 1 then return api:put("/put/" .. item.id, { body = "x" }) end
  return api:post("/keyed/" .. item.id, { key = true, body = "x" })
end)
print(("total %d open %d later %d"):format(sum.total, sum.open, sum.later))
lull.exit(sum.code)
]]

local WORLD = [[
local n = 0
return { ["http://127.0.0.1"] = function(request)
  n = n + 1
  if n % 11 == 0 and not request.path:find "plain" then return 503 end
  return { status = 201, delay = 0.02 }
end }
]]

describe("a batch in a Redis, of processes that are killed #binary", function()
  if not wire.has_redis() then
    pending "there is no redis-server here"
    return
  end

  after_each(wire.clean)

  it("has each effect once, whoever is killed, Redis too", function()
    local redis, server = wire.redis "--appendonly yes --appendfsync always", wire.server(WORLD)
    local script, draw, workers = wire.write(SCRIPT, ".lua"), support.below(7), {}
    local errors = wire.path()
    local command = ("%s --journal '%sscans?lease=1s' %s %s %d 2>>%s"):format(BINARY, redis.url, script,
      server.url, ITEMS, errors)
    for i = 1, WORKERS do workers[i] = wire.start(command) end
    local log, count = assert(io.open(server.log)), 0
    local function progress()
      log:seek "cur" -- its end is not for ever
      for _ in log:lines() do count = count + 1 end
      return count
    end
    for kill = 1, KILLS do
      -- Some of the requests later, or when there is nothing more to be done.
      local from = progress()
      wire.eventually(function() return progress() > from + draw(ITEMS / KILLS) or progress() >= ITEMS end)
      local victim = 1 + draw(WORKERS)
      workers[victim]:stop()
      if kill % 40 == 3 then
        redis:kill()
        redis:start()
      end
      workers[victim] = wire.start(command)
    end
    local gone = 0 -- so busy a machine that a lease of 1 s was over: it says that it is to be started again
    for i = 1, WORKERS do
      local out, code = workers[i]:finish()
      while code == 75 do
        gone = gone + 1
        out, code = wire.start(command):finish()
      end
      assert.equal(("total %d open 0 later 0\n"):format(ITEMS), out)
    end
    local _, told = (wire.read(errors) or ""):gsub("was away for longer than its lease", "")
    assert.is_true(told >= gone, wire.read(errors))
    log:close()
    local seen, keys = {}, {}
    for _, request in ipairs(server:requests()) do
      local path, key = request.path, request.headers["idempotency-key"]
      seen[path] = (seen[path] or 0) + 1
      assert(not path:find "plain" or seen[path] == 1, path .. " was sent again")
      assert(not path:find "keyed" or key and (keys[path] or key) == key, path .. " was sent with two keys")
      keys[path] = key
    end
    for i = 1, ITEMS do
      local path = (i % 3 == 1 and "/put/" or "/keyed/") .. i
      assert(i % 3 == 0 or seen[path], path .. " was never sent")
    end
    -- What may not be sent again has failed, where a kill met it: no more than were
    -- under way.
    local failed = tonumber((redis:ask "HGET {lull:scans}:1 failed")) or 0
    local done = tonumber((redis:ask "HGET {lull:scans}:1 done"))
    assert.equal(ITEMS, done + failed)
    assert.is_true(failed <= 4 * KILLS, failed .. " have failed")
  end)
end)
