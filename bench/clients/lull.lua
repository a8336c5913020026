-- lull: as its own manual has it. See README.md for the arguments.
local lull = require "lull"

local scenario, base = arg[1], arg[2]
local total, parallel = tonumber(arg[3]), tonumber(arg[4])
local x, y = tonumber(arg[5]), tonumber(arg[6])

local ok = 0
local tick_worst = 0
local options = { base = base, ca = os.getenv "CA" }

local function count(res, err)
  if res then ok = ok + 1 else io.stderr:write(tostring(err), "\n") end
end

-- 1 .. n as an iterator: nothing is held for what has not begun.
local function upto(n)
  local i = 0
  return function()
    if i < n then
      i = i + 1
      return i
    end
  end
end

local function many(n, api, path)
  lull.each(upto(n), { parallel = parallel }, function() count(api:get(path)) end)
end

-- Each call meets a 503 with Retry-After, obeyed by itself: one answer does
-- not hold back the others, so that all of them wait at once.
local function storms(api, path)
  return function(i) count(api:get(path:format(i - 1))) end
end

local function each_waits(more)
  options.limit = { parallel = parallel }
  options.budget = false
  options.on = { [503] = { "retry", pause = false } }
  for name, value in pairs(more or {}) do options[name] = value end
  return lull.client(options)
end

-- A heartbeat that sees how long the loop is away.
local function beat()
  local before = lull.now()
  while true do
    lull.sleep(0.01)
    local moment = lull.now()
    tick_worst = math.max(tick_worst, moment - before - 0.01)
    before = moment
  end
end

local runs = {}

function runs.throughput()
  many(total, lull.client(options), "/bytes/1024")
end

-- A 503 is that call's affair alone, as the peers have it: a lane that paused and
-- learned by it would find a limit that the server does not have.
local function storm(rule)
  options.budget = false
  options.backoff = { base = "1ms", factor = 2, jitter = "none" }
  options.on = { [503] = { rule, pause = false } }
  lull.each(upto(total), { parallel = parallel },
    storms(lull.client(options), "/storm/%d?k=2"))
end

function runs.storm() storm "retry" end
-- luacheck: push ignore 431
runs["function"] = function()
  storm(function(attempt) return attempt:retry() end)
end
-- luacheck: pop

-- A batch: a keyed POST an item, each met by `x` 503s, which tell of no limit;
-- with a journal in JOURNAL, or without.
local function items()
  local pull = upto(total)
  return function()
    local i = pull()
    return i and ("item%08d"):format(i)
  end
end

local function batch(fn)
  return lull.each(items(), { parallel = parallel, journal = os.getenv "JOURNAL",
    durability = os.getenv "DURABILITY" }, fn)
end

function runs.batch()
  options.budget = false
  options.backoff = { base = "1ms", factor = 2, jitter = "none" }
  options.on = { [503] = { "retry", pause = false } }
  local api = lull.client(options)
  local path = x and x > 0 and "/storm/%d?k=" .. x or "/bytes/2?%d"
  ok = batch(function(id)
    return api:post(path:format(tonumber(id:sub(5))), { key = true, body = id })
  end).done
end

-- Items that make no call: all are done; or all are for tomorrow. A second time
-- the journal knows each, and it is passed over.
function runs.done()
  ok = batch(function(id) return #id end).total
end

function runs.later()
  ok = batch(function() return nil, { later = true, retry_after = 86400 } end).total
end

-- All are fed, and none but the first begun: how much Redis has then.
function runs.queued()
  local function ask(command)
    local pipe = io.popen(("redis-cli -p %s %s"):format(os.getenv "REDIS", command))
    local text = pipe:read "*a"
    pipe:close()
    return text
  end
  local function memory() return tonumber(ask("info memory"):match "used_memory:(%d+)") end
  local before = memory()
  lull.each(items(), { parallel = 1, journal = os.getenv "JOURNAL" }, function()
    while not ask("hget {lull:bench}:1 fed"):find "1" do lull.sleep(0.2) end
    print(("bytes %d"):format(memory() - before))
    lull.exit(0)
  end)
end

function runs.waiting()
  local pulse = y and lull.spawn(beat)
  lull.each(upto(total), { parallel = total },
    storms(each_waits(), "/storm/%d?k=1&after=" .. x))
  if pulse then pulse:cancel() end
end

-- A wait of its own: a Retry-After it would spread.
local function constant(seconds)
  return { kind = "constant", base = seconds, cap = 3600, jitter = "none" }
end

function runs.paced()
  local began = lull.now()
  local pull = upto(total)
  local api = each_waits { backoff = constant(x) }
  lull.each(function()
    local i = pull()
    if not i then return nil end
    local early = began + (i - 1) / y - lull.now()
    if early > 0 then lull.sleep(early) end
    return i
  end, { parallel = total }, storms(api, ("/storm/%%d?k=1&ms=%d"):format(x * 1000)))
end

function runs.timers()
  local api = each_waits {
    backoff = constant(x / 1000),
    limit = { parallel = 64 },
  }
  local others = {}
  for i = 1, y do others[i] = lull.spawn(lull.sleep, 3600) end
  local get = storms(api, "/storm/%d?k=1&ms=" .. x)
  lull.each(upto(total), { parallel = parallel }, function(i)
    if parallel > 1 then lull.sleep((i - 1) * 0.007) end
    get(i)
  end)
  for _, task in ipairs(others) do task:cancel() end
end

function runs.hanging()
  local api = lull.client(options)
  for i = 1, x do
    lull.spawn(function() api:get("/hang?" .. i, { timeout = 600 }) end)
  end
  if x > 0 then assert(api:get("/gate/" .. x, { timeout = 600 })) end
  local before = os.clock()
  many(total, api, "/bytes/1024")
  local spent = os.clock() - before
  print(("ok %d cpu_us %.0f"):format(ok, spent * 1e6))
  os.exit(0)
end

runs[scenario]()
print(("ok %d pause_us %.0f"):format(ok, tick_worst * 1e6))
