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
    local cpus, walls, held, bytes, text, own = {}, {}, {}, {}, nil, {}
    for i = 1, count do cpus[i], walls[i], held[i] = {}, {}, 0 end
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
          held[i] = math.max(held[i], got[i].rss_kb / 1024)
          if i == 1 then own[#own + 1] = got[1].cpu_us / n end
        end
      end
      t.say("  round %d: CPU x %.2f", round, cpus[2][#cpus[2]] or -1)
    end
    local rows = {}
    for i = 1, count do
      rows[i] = { WAYS[i][1], stats.spread(cpus[i]), stats.spread(walls[i]), ("%.1f"):format(held[i]) }
    end
    return stats.table({ "", "CPU", "wall", "most resident, MB" }, rows)
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

  local HEAD = { "", "CPU an item, x lull's with a journal", "lull's items a second, x its", "command" }

  -- A scenario of its own for each, so that none takes long.
  local function other(short, peer, name, how, n, k)
    t.scenario("batch-" .. short, "Batches: beside " .. name, function()
      if t.peers[peer].version == "" then return "Missing: " .. name .. "." end
      local row = against(name, how, n, k)
      clear()
      return stats.table(HEAD, { row }) .. "\n\nOf the other what adding the jobs costs, and its start, is left out "
        .. "where it tells what its work took; of lull all is counted. Redis counts as BullMQ's. "
        .. peer .. ": " .. t.peers[peer].version .. "."
    end)
  end

  -- ---- large ones ----------------------------------------------------------

  local LARGE = { "", "CPU an item, us", "most resident, MB", "command" }

  -- Items that make no call, and the same again.
  local function large(kind, n)
    local rows, path = {}, new_journal()
    local function row(what, journal)
      local got, text = lull(kind, n, journal and "JOURNAL=" .. journal)
      rows[#rows + 1] = { what, got and ("%.2f"):format(got.cpu_us / n) or "failed",
        got and ("%.1f"):format(got.rss_kb / 1024) or "", "`" .. text .. "`" }
    end
    clear()
    row "no journal"
    row("a new one", path)
    row("the same again", path)
    local text = ("%d items that make no call:\n\n"):format(n) .. stats.table(LARGE, rows)
    local opens, held = {}, 0
    for i = 1, t.rounds do
      local open = t.measure(("env JOURNAL=%s %s %s %s 0 64"):format(path, command, kind, t.base))
      local start = t.measure(("%s %s %s 0 64"):format(command, kind, t.base))
      opens[i] = open and start and (open.wall_us - start.wall_us) / 1000 or nil
      held = math.max(held, open and open.rss_kb / 1024 or 0)
    end
    text = text .. ("\n\nThe journal has %.0f bytes an item. To open it takes %.0f ms more than a start "
      .. "without one; %.1f MB are resident then."):format(size_of(path) / n, stats.median(opens) or -1, held)
    clear()
    return text
  end

  t.scenario("batch-posts", "Batches: what a journal costs", function()
    return ("%d items, a keyed POST each, 64 under way:\n\n"):format(t.few(N)) .. ways(t.few(N), 3)
  end)
  t.scenario("batch-storm", "Batches: what a journal costs when calls are refused", function()
    return ("%d items that meet 503 twice, waits 1 and 2 ms:\n\n"):format(t.few(STORM))
      .. ways(t.few(STORM), 3, "2")
  end)
  other("bullmq", "BullMQ", "BullMQ", queue "BullMQ", t.few(PEER))
  other("bullmq-storm", "BullMQ", "BullMQ, each item 503 twice", queue("BullMQ", 2), t.few(PEER), 2)
  other("sqlite", "persist-queue", "persist-queue (SQLite)", queue "persist-queue", t.few(PEER / 5))
  other("parallel", "GNU parallel", "GNU parallel --joblog, curl", joblog, t.few(FORKED))
  t.scenario("batch-done", "Batches: items that are done", function() return large("done", t.few(MANY)) end)
  t.scenario("batch-later", "Batches: items for tomorrow", function() return large("later", t.few(MANY)) end)
  t.scenario("batch-ten-million", "Batches: 10,000,000 items", function() return large("done", t.few(10 * MANY)) end,
    "long")
end
