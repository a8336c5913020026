-- scenarios: prepared experiments of `lull sim`: published results, made
-- again with lull's own functions.

local figures = require "lull.fleet.stats"
local trial = require "lull.fleet.experiment"

local M = {}
local fixed = figures.fixed

-- Text or JSON from the same rows: lists of { name, value, text }.
local function lines_of(o, head, rows)
  if o.json then
    local objects = {}
    for i, row in ipairs(rows) do objects[i] = figures.object(row) end
    return { "[" .. table.concat(objects, ",\n ") .. "]" }
  end
  local cells, lines = {}, {}
  for i, title in ipairs(head.columns) do cells[1] = cells[1] or {}; cells[1][i] = title end
  for _, row in ipairs(rows) do
    local line = {}
    for _, field in ipairs(row) do
      if field[3] then line[#line + 1] = field[3] end
    end
    cells[#cells + 1] = line
  end
  for i, line in ipairs(head) do lines[i] = line end
  for _, line in ipairs(figures.aligned(cells)) do lines[#lines + 1] = line end
  return lines
end

-- ---- optimistic locking --------------------------------------------------

local function exponential(jitter, base)
  return { kind = "exponential", base = base or 0.01, factor = 2, cap = 2, jitter = jitter }
end

local ALGORITHMS = {
  { "Exponential", exponential("none") },
  { "Decorr", exponential("decorrelated", 0.005) },
  { "EqualJitter", exponential("equal") },
  { "FullJitter", exponential("full") },
  { "None", { kind = "constant", base = 0, jitter = "none" } },
}

local function contend(algorithm, clients, o)
  local policy = { attempts = 1000, budget = false, backoff = algorithm, on = { [409] = "retry" } }
  local calls, time = 0, 0
  local trials = o.trials or 100
  for turn = 1, trials do
    local f = trial.figures(policy, { plain = true, clients = clients, conflicts = true,
      capacity = o.capacity, seed = ((o.seed or 1) % 1e6 * 1000 + turn) * 1000 + clients,
      latency = { kind = "normal", a = 0.010, b = 0.002 } })
    calls, time = calls + f.requests, time + f.done
  end
  return calls / trials, time / trials
end

---M. Brooker, "Exponential Backoff And Jitter", 2015: N clients each write
---one row once, with optimistic locking.
---@param o { seed: integer?, clients: integer?, capacity: number?, trials: integer? }
---@return table rows by clients: algorithm -> { calls, seconds }
function M.occ_figures(o)
  local rows = {}
  for _, clients in ipairs(o.clients and { o.clients } or { 10, 30, 50, 70, 100, 130, 160, 190 }) do
    local row = { clients = clients }
    for _, algorithm in ipairs(ALGORITHMS) do
      local calls, seconds = contend(algorithm[2], clients, o)
      row[algorithm[1]] = { calls = calls, seconds = seconds }
    end
    rows[#rows + 1] = row
  end
  return rows
end

local function occ(o)
  local head = { "Optimistic locking: each of N clients writes one row once.",
    "Calls (writes) / time in ms, means of 100 trials.", columns = { "N" } }
  for _, algorithm in ipairs(ALGORITHMS) do head.columns[#head.columns + 1] = algorithm[1] end
  local rows = {}
  for i, row in ipairs(M.occ_figures(o)) do
    rows[i] = { { "clients", row.clients, ("%d"):format(row.clients) } }
    for _, algorithm in ipairs(ALGORITHMS) do
      local name, f = algorithm[1], row[algorithm[1]]
      table.insert(rows[i], { name .. "_calls", f.calls, fixed(f.calls, 1) .. " / " .. fixed(f.seconds * 1000, 0) })
      table.insert(rows[i], { name .. "_seconds", f.seconds })
    end
  end
  return lines_of(o, head, rows)
end

-- ---- the budget ----------------------------------------------------------

local TENTH = { capacity = 10, cost = 1, refund = 0.1 }
local AT_ONCE = { kind = "constant", base = 0, jitter = "none" }

---What retries add when a share f of all requests fails: 3 retries at most,
---without a budget, and with one that a success feeds by a tenth.
---@param o { seed: integer?, calls: integer? }
---@return table rows f, plain, plain_formula, budget, budget_formula
function M.budget_figures(o)
  local rows = {}
  for _, f in ipairs { 0.01, 0.05, 0.08, 0.1, 0.2, 0.5, 0.9, 1 } do
    local row = { f = f }
    for name, budget in pairs { plain = false, budget = TENTH } do
      row[name] = trial.figures({ attempts = 4, budget = budget, backoff = AT_ONCE }, { plain = true, clients = 1,
        calls = o.calls or 400000, fail = { share = f, status = 503 }, seed = o.seed }).amplification
    end
    local added = f + f ^ 2 + f ^ 3
    row.plain_formula = 1 + added
    row.budget_formula = 1 + math.min(added, 0.1 * (1 - f) / (1 - 0.1 * (1 - f)))
    rows[#rows + 1] = row
  end
  return rows
end

local function budget(o)
  local head = { "Requests a call when a share of all requests fails; up to 3 retries.",
    columns = { "fails", "no budget", "formula", "10 % budget", "formula" } }
  local rows = {}
  for i, row in ipairs(M.budget_figures(o)) do
    local function field(name) return { name, row[name], fixed(row[name], 4) } end
    rows[i] = { { "f", row.f, ("%g %%"):format(row.f * 100) }, field "plain", field "plain_formula",
      field "budget", field "budget_formula" }
  end
  return lines_of(o, head, rows)
end

-- ---- metastable failure --------------------------------------------------

local RETRIES = {
  { "none", "no retry", { attempts = 1 } },
  { "retry", "1 retry", { attempts = 2, budget = false, backoff = AT_ONCE } },
  { "budget", "1 retry, 10 % budget", { attempts = 2, budget = TENTH, backoff = AT_ONCE } },
  { "queue", "1 retry, queue of 150", { attempts = 2, budget = false, backoff = AT_ONCE }, 150 },
}

-- A list's sum over [from, to) seconds, a second.
local function mean_between(list, width, from, to)
  local sum = 0
  for i = math.floor(from / width) + 1, math.floor(to / width) do sum = sum + (list[i] or 0) end
  return sum / (to - from)
end

---The toy of Bronson et al., "Metastable Failures in Distributed Systems",
---HotOS 2021: 300 requests/s, first in first out, a timeout of 1 s, and from
---second 50 to 60 a network that holds all requests.
---@param o { seed: integer? }
---@return table rows load, and by policy { offered, good, recovered }
function M.metastable_figures(o)
  local rows = {}
  for _, load in ipairs { 100, 140, 160, 200, 280 } do
    local row = { load = load }
    for _, retries in ipairs(RETRIES) do
      local f = trial.figures(retries[3], { plain = true, clients = 1, rate = load, capacity = 300, timeout = 1,
        ["for"] = 400, outage = { from = 50, to = 60, kind = "hold" }, queue = retries[4], seed = o.seed })
      row[retries[1]] = { offered = mean_between(f.offered, f.bucket, 350, 400),
        good = mean_between(f.good, f.bucket, 350, 400), recovered = 60 + f.recover }
    end
    rows[#rows + 1] = row
  end
  return rows
end

local function metastable(o)
  local head = { "A server for 300 requests/s, a timeout of 1 s, an outage from second 50 to 60.",
    "In the last 50 of 400 s: requests/s / completed/s, and the second from which it holds.", columns = { "load/s" } }
  for _, retries in ipairs(RETRIES) do head.columns[#head.columns + 1] = retries[2] end
  local rows = {}
  for i, row in ipairs(M.metastable_figures(o)) do
    rows[i] = { { "load", row.load, ("%d"):format(row.load) } }
    for _, retries in ipairs(RETRIES) do
      local name, f = retries[1], row[retries[1]]
      local since = f.recovered == math.huge and "never" or fixed(f.recovered, 0)
      local words = ("%s / %s, %s"):format(fixed(f.offered, 0), fixed(f.good, 0), since)
      table.insert(rows[i], { name .. "_offered", f.offered, words })
      table.insert(rows[i], { name .. "_good", f.good })
      table.insert(rows[i], { name .. "_recovered", f.recovered })
    end
  end
  return lines_of(o, head, rows)
end

-- ---- hedging -------------------------------------------------------------

-- A leaf server: 1 to 10 ms, but for 2 % above; the tail is fitted to what
-- the paper tells of its quantiles.
local LEAF = { kind = "tail", a = 0.001, b = 0.010, tails = {
  { share = 0.02, at = 0.010, exponent = 0.955 },
  { share = 0.00316, at = 0.06907, exponent = 1.766 } } }

---Dean and Barroso, "The Tail at Scale", 2013: a query asks 100 servers and
---waits for the last; with hedge = 10 ms. So far out in the tail one run has
---a standard error of 6 % (plain) and 3 % (hedged): the seed is one near the
---middle.
---@param o { seed: integer?, queries: integer? }
---@return table plain, table hedged figures
function M.hedge_figures(o)
  local function run(hedge)
    return trial.figures({ attempts = 2, hedge = hedge }, { plain = true, clients = 1,
      calls = (o.queries or 100000) * 100, fanout = 100, service = LEAF, seed = o.seed or 2, timeout = 86400 })
  end
  return run(nil), run(0.010)
end

local function hedge(o)
  local head = { "A query to 100 servers, of which it needs all; 100,000 queries.",
    columns = { "hedge after", "p50 ms", "p95 ms", "p99 ms", "p99.9 ms", "more requests" } }
  local rows = {}
  for i, f in ipairs { M.hedge_figures(o) } do
    local function field(name) return { name, f[name], fixed(f[name] * 1000, 0) } end
    rows[i] = { { "hedge", i == 2 and 0.010 or nil, i == 2 and "10 ms" or "never" }, field "p50", field "p95",
      field "p99", field "p999", { "amplification", f.amplification, fixed((f.amplification - 1) * 100, 2) .. " %" } }
  end
  return lines_of(o, head, rows)
end

-- ---- the README's picture ------------------------------------------------

local readme = {
  options = { clients = 1000, rate = 40, ["for"] = 180, limit = { count = 50, window = 1 },
    latency = { kind = "uniform", a = 0.02, b = 0.06 }, outage = { from = 30, to = 60, kind = "status" } },
  policies = { "curl", "exponential", "copyleaks", "standard" },
}

---What `--scenario` takes: a load and its policies; or a run that prints its
---own table, and the options that it takes.
M.named = {
  occ = { run = occ, takes = { clients = true, capacity = true } },
  budget = { run = budget, takes = {} },
  metastable = { run = metastable, takes = {} },
  hedge = { run = hedge, takes = {} },
  readme = readme,
}

return M
