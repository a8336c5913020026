-- batch: what a journal costs, and what others take for the same.

local stats = require "stats"

local N = 100000
local STORM = 20000
local PEER, FORKED = 10000, 50 -- the slow do less
local MANY = 1000000

---@param t table of bench.lua's: scenario, measure, few, rounds, out, base, say, peers, read
return function(t)
  local journals = t.out .. "/journals"
  local command = t.peers.lull.how
  local fresh = 0

  -- Where a journal is to be, that is not there yet.
  local function new_journal()
    fresh = fresh + 1
    return ("%s/%d"):format(journals, fresh)
  end

  local function clear() os.execute(("rm -rf %s; mkdir -p %s"):format(journals, journals)) end

  local function size_of(path)
    local file = io.open(path)
    if not file then return 0 end
    local size = file:seek "end"
    file:close()
    return size
  end

  local function lull(kind, n, env, more, options)
    options = options or {}
    local text = ("%s %s %s %d 64%s"):format(command, kind, t.base, n, more and " " .. more or "")
    options.env, options.expect, options.seconds = env, n, 600
    return t.measure("env " .. (env or "") .. " " .. text, options), text
  end

  -- ---- with and without ----------------------------------------------------

  local WAYS = {
    { "without a journal", function() return nil end },
    { "with one", function(path) return "JOURNAL=" .. path end },
    { "with one, `durability = \"process\"`", function(path)
      return "DURABILITY=process JOURNAL=" .. path
    end },
  }

  -- Each way once a round; ratios to the first. `bytes`: of the journal, an item.
  local function ways(n, count, more)
    local cpus, walls, bytes, text, own = {}, {}, {}, nil, {}
    for i = 1, count do cpus[i], walls[i] = {}, {} end
    for round = 1, t.rounds do
      local got = {}
      clear()
      for i = 1, count do
        local which = (i + round - 2) % count + 1
        local path = new_journal()
        got[which], text = lull("batch", n, WAYS[which][2](path), more)
        if which == 2 then bytes[#bytes + 1] = size_of(path) / n end
      end
      for i = 1, count do
        if got[i] and got[1] then
          table.insert(cpus[i], got[i].cpu_us / got[1].cpu_us)
          table.insert(walls[i], got[i].wall_us / got[1].wall_us)
          if i == 1 then own[#own + 1] = got[1].cpu_us / n end
        end
      end
      t.say("  round %d: CPU x %.2f", round, cpus[2][#cpus[2]] or -1)
    end
    local rows = {}
    for i = 1, count do rows[i] = { WAYS[i][1], stats.spread(cpus[i]), stats.spread(walls[i]) } end
    return stats.table({ "", "CPU", "wall" }, rows)
      .. ("\n\n`JOURNAL=FILE %s`; 1.00 is here %.1f us an item. The journal has %.0f bytes an "
        .. "item when all are done."):format(text, stats.median(own) or 0, stats.median(bytes) or 0)
  end

  -- ---- others --------------------------------------------------------------

  local function joblog(n)
    local ids, log = t.out .. "/ids", t.out .. "/logs/joblog"
    os.execute(("seq -f item%%08.0f 0 %d >%s; rm -f %s"):format(n - 1, ids, log))
    return ("sh -c 'exec parallel --will-cite --joblog %s -j 64 \"curl -s -o /dev/null -f -X POST -H "
      .. "\\\"Idempotency-Key: {}\\\" -d {} %s/bytes/2?{}\" :::: %s'"):format(log, t.base, ids)
  end

  local function queue(name, k)
    return function(n)
      return ("%s batch %s %d 64%s"):format(t.peers[name].how, t.base, n, k and " " .. k or "")
    end
  end

  -- What an item costs, CPU and wall; what the work alone does where it is told.
  local function costs(got, n)
    if not got then return nil end
    local cpu = got.work_us and got.work_us + (got.redis_us or 0) or got.cpu_us
    return cpu / n, (got.work_wall_us or got.wall_us) / n
  end

  -- Rounds of lull with a journal and of the other, on all processors.
  local function against(name, other, n, k)
    local ratios, speeds, text = {}, {}, nil
    local more = PEER * (k and 1 or 2)
    for _ = 1, t.rounds do
      clear()
      local mine = lull("batch", t.few(more), "JOURNAL=" .. new_journal(), k,
        { everywhere = true })
      text = other(n)
      local theirs = t.measure(text, { everywhere = true, env = "REDIS_DIR=" .. journals .. "/redis" })
      local cpu, wall = costs(mine, t.few(more))
      local their_cpu, their_wall = costs(theirs, n)
      if cpu and their_cpu then
        table.insert(ratios, their_cpu / cpu)
        table.insert(speeds, their_wall / wall)
        t.say("  %s: %.0f us of CPU an item, lull %.0f", name, their_cpu, cpu)
      end
    end
    return { name, stats.spread(ratios, "%.1f"), stats.spread(speeds, "%.1f"), "`" .. (text or "") .. "`" }
  end

  local function others()
    local rows, absent = {}, {}
    local function row(peer, name, ...)
      if t.peers[peer].version == "" then
        absent[#absent + 1] = name
      else
        rows[#rows + 1] = against(name, ...)
      end
    end
    row("BullMQ", "BullMQ", queue "BullMQ", t.few(PEER))
    row("BullMQ", "BullMQ, each item 503 twice", queue("BullMQ", 2), t.few(PEER), 2)
    row("persist-queue", "persist-queue (SQLite)", queue "persist-queue", t.few(PEER / 5))
    row("GNU parallel", "GNU parallel --joblog, curl", joblog, t.few(FORKED))
    return stats.table({ "", "CPU an item, x lull's with a journal", "lull's items a second, x its",
      "command" }, rows) .. "\n\nWhat adding the jobs costs, and the starts of Node and Python, is "
      .. "left out; of lull all is counted. Redis counts as BullMQ's. "
      .. ("%s; %s; GNU parallel %s."):format(t.peers.BullMQ.version, t.peers["persist-queue"].version,
        t.peers["GNU parallel"].version) .. t.missing(absent)
  end

  -- ---- large ones ----------------------------------------------------------

  local function large()
    local n, rows = t.few(MANY), {}
    clear()
    local function row(what, kind, count, path)
      local got, text = lull(kind, count, path and "JOURNAL=" .. path)
      rows[#rows + 1] = { what, got and ("%.2f"):format(got.cpu_us / math.max(count, 1)) or "failed",
        got and ("%.1f"):format(got.rss_kb / 1024) or "", "`" .. text .. "`" }
      return got
    end
    local done, later = new_journal(), new_journal()
    row("no journal", "done", n)
    row("all are done", "done", n, done)
    row("all were done before", "done", n, done)
    row("all are for tomorrow", "later", n, later)
    row("all are still for tomorrow", "later", n, later)
    local open = t.measure(("env JOURNAL=%s %s done %s 0 64"):format(done, command, t.base))
    local start = t.measure(("%s done %s 0 64"):format(command, t.base))
    return ("%d items that make no call:\n\n"):format(n)
      .. stats.table({ "", "CPU an item, us", "most resident, MB", "command" }, rows)
      .. ("\n\nThe journal has %.0f bytes an item. To open it takes %.0f ms more than a start "
        .. "without one; %.1f MB are resident then."):format(size_of(done) / n,
        open and start and (open.wall_us - start.wall_us) / 1000 or -1, open and open.rss_kb / 1024 or -1)
  end

  t.scenario("batch", "Batches: what a journal costs", function()
    local text = ("%d items, a keyed POST each, 64 under way:\n\n"):format(t.few(N)) .. ways(t.few(N), 3)
      .. ("\n\n%d items that meet 503 twice, waits 1 and 2 ms:\n\n"):format(t.few(STORM))
      .. ways(t.few(STORM), 2, "2") .. "\n\nOthers:\n\n" .. others() .. "\n\n" .. large()
    clear()
    return text
  end)
end
