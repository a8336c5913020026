-- converge: what lull's lanes do against servers with a limit that nobody
-- told: calls lost, time against the ideal, requests refused for each served.
-- In virtual time, so that the same sources give the same figures everywhere.
--
--   lua bench/converge.lua [-s SEEDS] [--check] [NAME...]
--
-- Each row is one `lull.each` with no options but `parallel`, run with five
-- seeds; shown are the median and the worst. `--check` runs the rows that are
-- short and fails when one is beyond what is allowed of it.
--
-- Then how fair it is: calls that begin together (the last ends at most twice as
-- late as the median would let one expect), and processes that share one limit.

local experiment = require "lull.fleet.experiment"
local limits = require "bench.limits"
local sim = require "lull.sim"

local LATENCY = 0.05

-- name, calls, at once, the least time that the limit allows (s), the
-- most that is allowed: times the ideal, and refused for each served; then the
-- model. `latency`: of an answer.
local ROWS = {
  { "leaky bucket 10/s, burst 2, bare 429", 30, 8, 2.75, 1.5, 0.4, short = true, method = "put",
    function() return limits.leaky(10, 2) end },
  { "the same", 300, 8, 29.7, 1.15, 0.05, short = true, function() return limits.leaky(10, 2) end },
  { "20/s, burst 5, bare 503", 300, 20, 14.7, 1.15, 0.05, short = true, status = 503,
    function() return limits.leaky(20, 5) end },
  { "bucket 50/s, Retry-After: 1", 2000, 100, 39, 1.15, 0.05, short = true,
    function() return limits.leaky(50, 50, 1) end },
  { "the same", 2000, 500, 39, 1.15, 0.05, short = true, function() return limits.leaky(50, 50, 1) end },
  { "fixed window 100 in 60 s, told", 600, 16, 300.5, 1.15, 0.05, short = true,
    function() return limits.fixed(100, 60, true) end },
  { "fixed window 100 in 10 s, bare 429", 600, 16, 50.5, 1.15, 0.05, short = true,
    function() return limits.fixed(100, 10) end },
  { "sliding 20 in 10 s, counts refused ones", 200, 16, 90.05, 1.3, 0.1, short = true,
    function() return limits.sliding(20, 10, true) end },
  { "8 at once, bare 503", 400, 64, 10.1, 1.2, 0.1, short = true, status = 503,
    function() return limits.slots(8, 0.2) end },
  { "3 % 503 with Retry-After: 1", 5000, 200, 3.0, 1.5, 0.05, short = true, status = 503,
    function(random) return limits.noise(0.03, 1, random) end },
  { "the same", 5000, 2000, 2.4, 1.5, 0.05, status = 503,
    function(random) return limits.noise(0.03, 1, random) end },
  { "10 % 503", 2000, 50, 6.0, 1.5, 0.15, short = true, status = 503,
    function(random) return limits.noise(0.1, nil, random) end },

  { "sliding log 50 in 5 s", 600, 16, 55.2, 1.15, 0.05, function() return limits.sliding(50, 5) end },
  { "sliding log 100 in 60 s, told", 400, 16, 180.5, 1.15, 0.05,
    function() return limits.sliding(100, 60, false, true) end },
  { "fixed window 100 in 10 s, begun before", 600, 16, 45.5, 1.15, 0.05,
    function() return limits.fixed(100, 10, false, 5) end },
  { "fixed window 30 in 1 s", 600, 16, 19.1, 1.15, 0.05, function() return limits.fixed(30, 1) end },
  { "token bucket 10/s of 1", 300, 8, 29.9, 1.15, 0.05, function() return limits.leaky(10, 0) end },
  { "GCRA 30/s, tolerance 100 ms", 900, 50, 29.8, 1.15, 0.05, function() return limits.gcra(30, 0.1) end },
  { "leaky bucket 2/s, burst 5", 120, 10, 57.0, 1.15, 0.2, function() return limits.leaky(2, 5) end },
  { "leaky bucket 200/s, burst 20", 6000, 100, 29.9, 1.15, 0.05, function() return limits.leaky(200, 20) end },
  { "20/s and 300 in 60 s", 600, 16, 74.8, 1.15, 0.05,
    function() return limits.both(limits.leaky(20, 5), limits.fixed(300, 60)) end },
  { "20/s and 8 at once", 400, 32, 19.7, 1.15, 0.05,
    function() return limits.both(limits.slots(8, 0.2), limits.leaky(20, 5)) end },
  { "20/s, halved after 20 s", 600, 16, 39.6, 1.15, 0.05,
    function() return limits.changing(limits.leaky(20, 5), 20, limits.leaky(10, 5)) end },
  { "10/s, doubled after 20 s", 600, 16, 39.6, 1.15, 0.05,
    function() return limits.changing(limits.leaky(10, 5), 20, limits.leaky(20, 5)) end },
  { "30/s, 10/s of them somebody else's", 600, 16, 29.8, 1.15, 0.05,
    function() return limits.shared(limits.leaky(30, 5), 10) end },
  { "20/s, out for 30 s", 600, 16, 59.7, 1.15, 0.05,
    function() return limits.outage(limits.leaky(20, 5), 10, 40) end },
  { "no limit, out for 30 s", 2000, 16, 36.3, 1.15, 0.05, status = 503,
    function() return limits.outage(limits.leaky(1e6, 1e6), 3, 33) end },
  { "20/s, 5 ms an answer", 300, 16, 14.7, 1.15, 0.05, latency = 0.005, function() return limits.leaky(20, 5) end },
  { "20/s, 500 ms an answer", 300, 16, 15.2, 1.15, 0.05, latency = 0.5, function() return limits.leaky(20, 5) end },
  { "100/s, 10 at once", 2000, 10, 19.9, 1.15, 0.05, function() return limits.leaky(100, 20) end },
  { "100/s, 2,000 at once", 2000, 2000, 19.8, 1.15, 0.05, function() return limits.leaky(100, 20) end },
  { "sliding 10 in 0.9 s, full when it begins", 200, 16, 18.0, 1.2, 0.12, function()
    return limits.used(limits.sliding(10, 0.9), 10) end },
  { "no limit", 2000, 10, 10.0, 1.02, 0, function() return limits.leaky(1e6, 1e6) end },
  { "no limit, 500 at once", 20000, 500, 2.0, 1.3, 0, function() return limits.leaky(1e6, 1e6) end },
}

-- The answers of one row's server, and what it counts.
local function server_of(row, seed, count)
  local random = require("bench.random")(seed)
  local model = row[7](random)
  local latency = row.latency or LATENCY
  return function()
    local now = require("lull").now()
    local ok, hint = model.ask(now)
    local takes = latency * (0.8 + 0.4 * random())
    if not ok then
      count.refused = count.refused + 1
      return { status = row.status or 429, delay = takes, headers = { ["retry-after"] = hint } }
    end
    count.served = count.served + 1
    if model.takes then takes = model.takes * (0.8 + 0.4 * random()) end
    if model.free then
      require("lull").sleep(takes)
      model.free()
      return 200
    end
    return { status = 200, delay = takes }
  end
end

---One run of a row: how many were lost, the time, and refused for each served.
local function run(row, seed)
  local count, out = { refused = 0, served = 0 }, { lost = 0, ends = {} }
  sim.run { seed = seed, world = server_of(row, seed, count), script = function()
    local lull = require "lull"
    local began = lull.now()
    lull.each(function()
      out.begun = (out.begun or 0) + 1
      return out.begun <= row[2] and out.begun or nil
    end, { parallel = row[3] }, function(i)
      local res, err = lull[row.method or "get"]("http://api.test/" .. i)
      out.ends[#out.ends + 1] = lull.now() - began
      if not res then
        out.lost = out.lost + 1
        out.why = err.why
      end
    end)
    out.time = lull.now() - began
  end }
  out.refused = count.refused / math.max(count.served, 1)
  return out
end

local function median(list)
  table.sort(list)
  return list[math.floor(#list / 2) + 1]
end

local function measure(row, seeds)
  local lost, times, refused = {}, {}, {}
  for seed = 1, seeds do
    local out = run(row, seed)
    lost[seed], times[seed], refused[seed] = out.lost, out.time / row[4], out.refused
  end
  return { lost = median(lost), lost_worst = lost[seeds], time = median(times),
    time_worst = times[seeds], refused = median(refused), refused_worst = refused[seeds] }
end

-- What a row is beyond; nil when it is within.
local function beyond(row, m)
  if m.lost_worst > 0 then return "lost" end
  if m.time > row[5] then return "time" end
  if m.refused > row[6] then return "refused" end
end

local seeds, check, chosen = 5, false, {}
local i = 1
while arg[i] do
  if arg[i] == "-s" then
    i = i + 1
    seeds = tonumber(arg[i])
  elseif arg[i] == "--check" then
    check = true
  else
    chosen[#chosen + 1] = arg[i]
  end
  i = i + 1
end

local function wanted(row, number)
  if check then return row.short end
  for _, name in ipairs(chosen) do
    if tonumber(name) == number or (not tonumber(name) and row.name:find(name, 1, true)) then return true end
  end
  return #chosen == 0
end

local failed = 0
print("| | server | calls, at once | lost | time, x ideal | refused for each served | beyond |")
print("|---|---|---|---|---|---|---|")
for number, row in ipairs(ROWS) do
  row.name = row[1] == "the same" and ROWS[number - 1].name or row[1]
  if wanted(row, number) then
    local m = measure(row, seeds)
    local what = beyond(row, m)
    if what then failed = failed + 1 end
    print(("| %d | %s | %d, %d | %d, %d | %.2f, %.2f | %.3f, %.3f | %s |"):format(number, row.name,
      row[2], row[3], m.lost, m.lost_worst, m.time, m.time_worst, m.refused, m.refused_worst, what or ""))
    io.stdout:flush()
  end
end

-- Served one after another, the last ends at twice the median.
local function late(model, seed)
  local row = { "", 300, 300, 1, method = "get", [7] = model }
  local ends = run(row, seed).ends
  return ends[#ends] / (2 * ends[#ends / 2])
end

local FAIR = {
  { "20/s, burst 5", function() return limits.leaky(20, 5) end },
  { "bucket 50/s, Retry-After: 1", function() return limits.leaky(50, 50, 1) end },
  { "fixed window 100 in 10 s", function() return limits.fixed(100, 10) end },
  { "sliding log 50 in 5 s", function() return limits.sliding(50, 5) end },
  { "8 at once", function() return limits.slots(8, 0.2) end },
}

if check or #chosen == 0 then
  print "\n| 300 calls that begin together | the last, to what the median lets expect |\n|---|---|"
  for _, row in ipairs(FAIR) do
    local times = {}
    for seed = 1, seeds do times[seed] = late(row[2], seed) end
    local middle = median(times)
    if times[seeds] > 2 then failed = failed + 1 end
    print(("| %s | %.2f, %.2f |"):format(row[1], middle, times[seeds]))
  end
end

local LENGTH, RATE = 600, 50
local CLIENTS = { 2, 10, 100 }
local SHARED = {
  { "429", limit = { count = RATE, window = 1 } },
  { "bare 503 when five wait", capacity = RATE, queue = 5 },
}

local function shares(server, clients, seed)
  local calls = 2 * LENGTH * RATE / clients + 600
  local f = experiment.figures("standard", { clients = clients, calls = calls, fanout = calls, seed = seed,
    latency = { kind = "uniform", a = 0.02, b = 0.06 }, limit = server.limit, capacity = server.capacity,
    queue = server.queue, ["for"] = LENGTH })
  local most = RATE * LENGTH
  return { f.completed / most, f.least * clients / most, f.requests / f.completed - 1, f.given_up }
end

local function share_row(server, clients)
  local columns = { {}, {}, {}, {} }
  for seed = 1, seeds do
    for k, value in ipairs(shares(server, clients, seed)) do columns[k][seed] = value end
  end
  local all, least, refused, lost = median(columns[1]), median(columns[2]), median(columns[3]), median(columns[4])
  print(("| %d, %s | %.2f, %.2f | %.2f, %.2f | %.3f, %.3f | %d, %d |"):format(clients, server[1], all, columns[1][1],
    least, columns[2][1], refused, columns[3][seeds], lost, columns[4][seeds]))
end

if not check and #chosen == 0 then
  print(("\n| processes on one limit of %d/s, %d s | together, of the limit | the least, of its share "
    .. "| refused for each served | lost |\n|---|---|---|---|---|"):format(RATE, LENGTH))
  for _, server in ipairs(SHARED) do
    for _, clients in ipairs(CLIENTS) do share_row(server, clients) end
  end
end
if check and failed > 0 then os.exit(1) end
