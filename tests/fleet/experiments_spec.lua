-- Published results come out again, within the tolerances that their spread
-- gives: four standard errors of the mean, where it is a mean.

local experiments = dofile("docs/experiments.lua")
local scenarios = require "lull.fleet.scenarios"
local trial = require "lull.fleet.experiment"

local function within(value, lo, hi, what)
  assert.is_true(value >= lo and value <= hi, ("%s: %s is not in [%s, %s]"):format(what, value, lo, hi))
end

describe("Brooker's comparison of jitter", function()
  -- Calls of one trial: mean and standard deviation; time in ms likewise.
  local REFERENCE = {
    [10] = { Exponential = { 50.9, 4.1, 3498, 1306 }, Decorr = { 37.7, 2.1, 439, 90 },
      EqualJitter = { 42.5, 2.5, 724, 179 }, FullJitter = { 38.9, 2.4, 467, 107 }, None = { 50.6, 4.1, 377, 35 } },
    [100] = { Exponential = { 1859, 59, 63647, 3933 }, Decorr = { 1000, 29, 4601, 648 },
      EqualJitter = { 813, 7.5, 6645, 666 }, FullJitter = { 796, 7.1, 4894, 528 }, None = { 2423, 31, 2027, 44 } },
  }
  local rows = {}
  for clients in pairs(REFERENCE) do rows[clients] = scenarios.occ_figures({ clients = clients })[1] end

  it("has its calls and times, with 10 and with 100 clients", function()
    for clients, algorithms in pairs(REFERENCE) do
      for name, r in pairs(algorithms) do
        local f, what = rows[clients][name], clients .. " " .. name
        within(f.calls, r[1] - r[2] * 0.4 - 0.5, r[1] + r[2] * 0.4 + 0.5, what)
        within(f.seconds * 1000, r[3] - r[4] * 0.4, r[3] + r[4] * 0.4, what)
      end
    end
  end)

  it("has its claims: less than half the calls, its orders, and work that grows as N squared", function()
    local f = rows[100]
    within(f.FullJitter.calls / f.Exponential.calls, 0.41, 0.45, "full / exponential")
    assert.is_true(f.FullJitter.calls <= f.EqualJitter.calls and f.EqualJitter.calls < f.Decorr.calls)
    assert.is_true(f.Decorr.calls < f.Exponential.calls and f.Exponential.calls < f.None.calls)
    assert.is_true(f.None.seconds < f.Decorr.seconds and f.Decorr.seconds < f.FullJitter.seconds)
    assert.is_true(f.FullJitter.seconds < f.EqualJitter.seconds
      and f.EqualJitter.seconds * 5 < f.Exponential.seconds)
    within(f.None.calls * 2 / 100 ^ 2, 0.44, 0.49, "None: calls * 2 / N^2")
  end)

  it("holds for 190 clients, too #binary", function()
    local f = scenarios.occ_figures({ clients = 190 })[1]
    within(f.None.calls * 2 / 190 ^ 2, 0.44, 0.49, "None: calls * 2 / N^2")
    within(f.FullJitter.calls, 1772 - 4.8, 1772 + 4.8, "full jitter, calls")
    within(f.Exponential.calls, 5165 - 45, 5165 + 45, "exponential, calls")
  end)

  it("is lost by those who do not wait, when the server has a limit", function()
    local f = scenarios.occ_figures({ clients = 100, capacity = 500, trials = 20 })[1]
    assert.is_true(f.None.seconds > f.FullJitter.seconds)
    assert.is_true(f.None.calls > 3 * f.FullJitter.calls)
  end)
end)

describe("Brooker's retry budget", function()
  local CALLS = 100000
  local rows = scenarios.budget_figures { calls = CALLS }

  it("has the closed form without a budget", function()
    for _, row in ipairs(rows) do
      local sd = math.sqrt(row.f * (1 - row.f)) * 2.5 -- of one call; 3 retries at most
      within(row.plain, row.plain_formula - 4 * sd / math.sqrt(CALLS) - 1e-9,
        row.plain_formula + 4 * sd / math.sqrt(CALLS) + 1e-9, "f = " .. row.f)
    end
  end)

  it("has the published amplification with a budget of 10 %", function()
    local published = { 1.0100, 1.0524, 1.0855, 1.0970, 1.0869, 1.0527, 1.0102, 1.0000 }
    for i, row in ipairs(rows) do
      -- Four standard errors, and the bucket of 10 that it starts with.
      local tolerance = 4 * math.sqrt(row.f * (1 - row.f) / CALLS) + 10 / CALLS + 5e-5
      within(row.budget, published[i] - tolerance, published[i] + tolerance, "f = " .. row.f)
      assert.is_true(row.budget < 1.1)
    end
  end)
end)

describe("the metastable failure of HotOS 2021", function()
  -- load: offered, goodput and the second of recovery; none, 1 retry, budget
  local NEVER = math.huge
  local REFERENCE = {
    { 100, { 100, 100, 64 }, { 100, 100, 77 }, { 100, 100, 64 } },
    { 140, { 140, 140, 68 }, { 140, 140, 179 }, { 140, 140, 68 } },
    { 160, { 160, 160, 70 }, { 320, 0, NEVER }, { 160, 160, 70 } },
    { 200, { 200, 200, 78 }, { 400, 0, NEVER }, { 200, 200, 78 } },
    { 280, { 280, 280, 186 }, { 560, 0, NEVER }, { 280, 280, 187 } },
  }
  local rows = scenarios.metastable_figures {}

  for i, r in ipairs(REFERENCE) do
    it("comes and goes as published at " .. r[1] .. " calls/s", function()
      for j, name in ipairs { "none", "retry", "budget" } do
        local f, published = rows[i][name], r[j + 1]
        within(f.offered, published[1] - 1, published[1] + 1, name)
        within(f.good, published[2] - 1, published[2] + 1, name)
        if published[3] == NEVER then
          assert.equal(NEVER, f.recovered)
        else
          within(f.recovered, published[3] - 1, published[3] + 1, name)
        end
      end
    end)
  end

  it("leaves no tail when the queue is bounded", function()
    for _, row in ipairs(rows) do within(row.queue.recovered, 60, 62, row.load) end
  end)
end)

-- Those that take seconds are compared once, on one Lua.
local SLOW = { ["lull sim --scenario occ"] = true, ["lull sim --scenario hedge"] = true,
  ["lull sim --scenario budget"] = true,
  ["lull sim --scenario occ --clients 100 --capacity 500/s"] = true }

local function runs_of(page)
  local runs = {}
  for command, block in page:gmatch("<!%-%- run: ([^\n]-) %-%->\n(.-)\n<!%-%- /run %-%->") do
    runs[#runs + 1] = { command = command, block = block }
  end
  return runs
end

local function read(path)
  local file = assert(io.open(path))
  local content = file:read("*a")
  file:close()
  return content
end

describe("docs/experiments.md", function()
  local hedge
  for _, run in ipairs(runs_of(read("docs/experiments.md"))) do
    local slow = SLOW[run.command]
    it("shows what the command prints: " .. run.command .. (slow and " #binary" or ""), function()
      local svg = os.tmpname()
      local block = experiments.run(run.command, svg)
      assert.equal(block, run.block)
      if run.command:find("--svg docs/fleet.svg", 1, true) then assert.equal(read(svg), read("docs/fleet.svg")) end
      os.remove(svg)
      if run.command:find("hedge", 1, true) then hedge = block end
    end)
  end

  it("has the tail at scale: 1761 ms become 71 ms for 2 % more requests #binary", function()
    local plain = hedge:match("never[%s%d]-(%d+)%s+0%.00 %%")
    local hedged, more = hedge:match("10 ms[%s%d]-(%d+)%s+(%d%.%d+) %%")
    within(tonumber(plain), 1761 * 0.95, 1761 * 1.05, "p99.9 without a hedge, ms")
    within(tonumber(hedged), 71 * 0.95, 71 * 1.05, "p99.9 with a hedge, ms")
    within(tonumber(more), 1.98, 2.02, "% more requests")
  end)

  it("says of standard what its table says: it is not the best at an outage of 30 s", function()
    local o = { clients = 1000, rate = 40, ["for"] = 180, limit = { count = 50, window = 1 },
      latency = { kind = "uniform", a = 0.02, b = 0.06 }, outage = { from = 30, to = 60, kind = "status" } }
    local standard, copyleaks = trial.figures("standard", o), trial.figures("copyleaks", o)
    assert.is_true(standard.given_up > 100 and copyleaks.given_up == 0)
  end)
end)
