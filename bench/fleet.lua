-- fleet: several processes at one batch in a Redis, and what other queues that live
-- in a Redis take for the same: one keyed POST an item.

local stats = require "stats"

local N, PEER, FORKS = 6000, 4000, 100 -- items of lull, BullMQ; of celery a part, of rq, which forks, few
local MANY = 1000000
local WORKERS = { 1, 2, 4 }
local PARALLEL = 64
local TICK = 10000 -- us, in which the kernel tells what a process took

---@param t table of bench.lua's: scenario, measure, few, rounds, out, base, say, peers, missing
return function(t)
  local rounds = math.min(t.rounds, 3)
  local port = os.getenv "BENCH_REDIS" or "28089"
  local folder = t.out .. "/fleet"
  local journal = ("redis://127.0.0.1:%s/0/bench"):format(port)
  local asked = ("redis-cli -p %s "):format(port)

  local function capture(command)
    local pipe = io.popen(command .. " 2>/dev/null")
    local text = pipe:read "*a"
    pipe:close()
    return text
  end

  -- What a process has used so far, us.
  local function used(pid)
    local file = io.open(("/proc/%s/stat"):format(pid))
    if not file then return 0 end
    local rest = file:read("*a"):match "%) (.*)"
    file:close()
    local fields = {}
    for field in rest:gmatch "%S+" do fields[#fields + 1] = field end
    return (fields[12] + fields[13]) * TICK
  end

  -- A fast one may have used nothing that can be told.
  local function is_there(pid)
    local file = io.open("/proc/" .. pid .. "/stat")
    if not file then return false end
    local state = file:read("*a"):match "%) (%u)"
    file:close()
    return state ~= nil and state ~= "Z"
  end

  -- Calls fn(pid) while a Redis of its own is there, empty; gives what fn does.
  local function with_redis(fn)
    os.execute(("rm -rf %s; mkdir -p %s"):format(folder, folder))
    os.execute(("cd %s && redis-server --port %s --bind 127.0.0.1 --save '' --appendonly yes "
      .. "--appendfsync everysec --daemonize yes --logfile log --pidfile pid"):format(folder, port))
    local pid
    for _ = 1, 100 do
      if capture(asked .. "ping"):find "PONG" then break end
      os.execute "sleep 0.1"
    end
    pid = assert(capture(("cat %s/pid"):format(folder)):match "%d+", "redis-server does not start: is port "
      .. port .. " taken? BENCH_REDIS is another one")
    local got = fn(pid)
    os.execute("kill " .. pid)
    while is_there(pid) do os.execute "sleep 0.05" end
    return got
  end

  -- ---- each of them ----------------------------------------------------------

  local function processes(command, k)
    return ("sh -c 'for i in $(seq %d); do %s & done; wait'"):format(k, command)
  end

  -- name -> items, and the command of k workers for n of them; `ahead` is done before.
  local ways = {
    lull = { N, function(k, n)
      return processes(("JOURNAL=%s %s batch %s %d %d"):format(journal, t.peers.lull.how, t.base, n, PARALLEL), k)
    end },
    BullMQ = { PEER, function(k, n)
      return ("env WORKERS=%d REDIS=%s %s batch %s %d %d"):format(k, port, t.peers.BullMQ.how, t.base, n, PARALLEL)
    end },
    celery = { PEER / 10, function(k, n)
      return ("env REDIS=%s %s celery-work %s %d %d"):format(port, t.peers.celery.how, t.base, n, k)
    end, "celery-add" },
    rq = { FORKS, function(k, n)
      return processes(("env REDIS=%s %s rq-work %s %d"):format(port, t.peers.rq.how, t.base, n), k)
    end, "rq-add" },
  }

  -- The CPU of workers and of Redis, and how long n items took, us.
  local function spent(name, k, n)
    local way = ways[name]
    return with_redis(function(pid)
      if way[3] then
        capture(("env REDIS=%s %s %s %s %d"):format(port, t.peers[name].how, way[3], t.base, n))
      end
      local before = used(pid)
      local got = t.measure(way[2](k, n), { everywhere = true, seconds = 120 })
      return got and { redis = got.redis_us or used(pid) - before, own = got.work_us or got.cpu_us,
        wall = got.work_wall_us or got.wall_us }
    end)
  end

  -- Items a second, and the CPU an item. Of those that do few, the start is taken off.
  local function run(name, k)
    local n = t.few(ways[name][1])
    local got = spent(name, k, n)
    local start = ways[name][3] and spent(name, k, 1) or { redis = 0, own = 0, wall = 0 }
    if not (got and start) then return nil end
    return { rate = n / math.max(got.wall - start.wall, 1) * 1e6, own = (got.own - start.own) / n,
      redis = (got.redis - start.redis) / n }
  end

  local function row(name, k, got, of_lull)
    return { name, tostring(k), ("%.0f"):format(got.rate), ("%.0f"):format(got.own), ("%.0f"):format(got.redis),
      stats.spread(of_lull.rate, "%.1f"), stats.spread(of_lull.cpu, "%.2f") }
  end

  -- All of them by k workers, once a round, lull beside each.
  local function compare(names, k, rows)
    local all = {}
    for _, name in ipairs(names) do all[name] = { rate = {}, cpu = {} } end
    for round = 1, rounds do
      local this = {}
      for i = 1, #names do
        local name = names[(i + round - 2) % #names + 1]
        this[name] = run(name, k)
        all[name].last = this[name] or all[name].last
      end
      for name, got in pairs(this) do
        if this.lull then
          table.insert(all[name].rate, this.lull.rate / got.rate)
          table.insert(all[name].cpu, (this.lull.own + this.lull.redis) / (got.own + got.redis))
        end
      end
      if this.lull and this.BullMQ then
        t.say("  %d workers, round %d: lull %.0f items/s, BullMQ %.0f", k, round, this.lull.rate, this.BullMQ.rate)
      end
    end
    for _, name in ipairs(names) do
      if all[name].last then rows[#rows + 1] = row(name, k, all[name].last, all[name]) end
    end
  end

  -- ---- queued ----------------------------------------------------------------

  -- Bytes of a Redis for an item that waits, beside its text and id.
  local function queued()
    local n = t.few(MANY)
    return with_redis(function()
      local got = t.measure(("env JOURNAL=%s REDIS=%s %s queued %s %d"):format(journal, port, t.peers.lull.how,
        t.base, n), { everywhere = true, seconds = 300 })
      if not (got and got.bytes) then return "What items take that wait: not measured." end
      return ("%d items that wait take %.0f bytes each in Redis, with their text of %d."):format(n, got.bytes / n,
        #"item00000000")
    end)
  end

  t.scenario("fleet", "A fleet: several processes at one batch in a Redis", function()
    local names, absent, rows = {}, {}, {}
    for _, name in ipairs { "lull", "BullMQ", "celery", "rq" } do
      table.insert(t.peers[name].version ~= "" and names or absent, name)
    end
    for _, k in ipairs(WORKERS) do compare(names, k, rows) end
    local versions = {}
    for i, name in ipairs(names) do versions[i] = t.peers[name].version end
    return "A keyed POST an item, 64 in flight in each worker where it can, Redis with an append-only file, "
      .. "everysec. CPU in us an item, by /proc.\n\n"
      .. stats.table({ "", "workers", "items a second", "CPU of the workers", "of Redis",
        "lull's items a second, x its", "lull's CPU, x its" }, rows)
      .. ("\n\nItems a second and CPU are those of the last round, the ratios of all. Of lull the start and the "
        .. "feeding are counted; of the others the jobs were added before, and the starts are left out. "
        .. "%s.\n\n"):format(table.concat(versions, "; ")) .. queued() .. t.missing(absent)
  end)
end
