-- Simulated fleets: small ones whose figures can be told by hand, and what
-- the command makes of its options.

local core = require "lull.core"
local chart = require "lull.fleet.chart"
local fleet = require "lull.cli.sim"
local support = require "tests.support"
local trial = require "lull.fleet.experiment"

local ONCE = { attempts = 1 }

-- Waits of exactly one second.
local function steady(attempts, more)
  local policy = { attempts = attempts, backoff = { kind = "constant", base = 1, jitter = "none" } }
  for name, value in pairs(more or {}) do policy[name] = value end
  return policy
end

local function run(policy, o)
  o.clients = o.clients or 1
  return trial.figures(policy, o)
end

local function close(expected, value)
  assert.is_true(math.abs(expected - value) < 1e-6, ("expected %s, got %s"):format(expected, value))
end

local function output(...)
  return table.concat(fleet.output { "sim", ... }, "\n")
end

-- Each is a process of its own, and knows nothing of the others. A lane that took the
-- limit for failures that no rate mends sent as it liked: of ten one had an eighth of
-- its share, and up to 1.3 were refused for each served. And below ten a second a lane
-- grew the slower the slower it was, so that who began with little kept it.
describe("clients of one limit", function()
  -- Processes with more to do than ten minutes allow, at 50 a second: each has half of
  -- its share at least, and nothing is lost.
  local function shared(clients, seed)
    local calls = 2 * 30000 / clients + 600
    local f = run("standard", { clients = clients, calls = calls, fanout = calls, seed = seed, ["for"] = 600,
      latency = { kind = "uniform", a = 0.02, b = 0.06 }, limit = { count = 50, window = 1 } })
    assert.equal(0, f.given_up)
    assert.is_true(f.least >= 15000 / clients, tostring(f.least))
    assert.is_true(f.completed >= 0.9 * 50 * 600, tostring(f.completed))
    return f
  end

  it("reach it together, and each has at least half of its share", function()
    for _, clients in ipairs { 2, 10 } do
      local f = run("standard", { clients = clients, calls = 30000 / clients, fanout = 30000 / clients,
        latency = { kind = "uniform", a = 0.02, b = 0.06 }, limit = { count = 50, window = 1 },
        ["for"] = 300, seed = 1 })
      assert.is_true(f.completed >= 0.9 * 50 * 300 and f.completed <= 50 * 301, tostring(f.completed))
      assert.is_true(f.least * clients >= 50 * 300 / 2, ("%d of %d clients"):format(f.least, clients))
      assert.is_true(f.requests <= 1.06 * f.completed, tostring(f.requests))
      assert.equal(0, f.given_up)
    end
  end)

  -- Where most was refused for once, two and a half times as much was taken for as ever:
  -- nothing bounded what such a lane sent, and 2.4 to 3.6 were refused for each served.
  it("are refused no more than needed where a bare 503 tells no limit", function()
    for _, seed in ipairs { 1, 2 } do
      local f = run("standard", { clients = 10, calls = 6600, fanout = 6600, seed = seed, ["for"] = 600,
        latency = { kind = "uniform", a = 0.02, b = 0.06 }, capacity = 50, queue = 5 })
      assert.equal(0, f.given_up)
      assert.is_true(f.requests <= 3.3 * f.completed, ("%.2f"):format(f.requests / f.completed))
    end
  end)

  -- Of ten one had a fifth of its share after ten minutes, and another a third: at five a
  -- second, too, a lane grew by a share of its rate, and who was refused by chance in the
  -- first seconds stayed behind.
  it("are ten, and each has at least half of its share", function()
    for _, seed in ipairs { 42, 50 } do
      local f = shared(10, seed)
      assert.is_true(f.requests <= 1.06 * f.completed, tostring(f.requests))
    end
  end)

  -- A lane that may ask once in ten seconds hears one answer in ten seconds, and grew by
  -- a share of its rate: of a hundred the least had a quarter of its share after ten
  -- minutes. And four refused in a row, by chance, made a window of 335 in 528 s of one
  -- lane's life; as it had learned another before, of 1 s, that was taken to confirm it:
  -- the 850 calls that it had left ended, as it held them for 331 s.
  it("are a hundred, and each has at least half of its share", function()
    for _, seed in ipairs { 1, 2 } do shared(100, seed) end
  end)
end)

describe("one client", function()
  it("tries at 0, 1, 3 and 7 s through an outage of 5 s", function()
    local f = run("curl", { outage = { from = 0, to = 5, kind = "status" } })
    assert.equal(1, f.completed)
    assert.equal(4, f.requests)
    assert.equal(1, f.burst)
    close(7, f.done)
    close(7, f.p50)
    close(2, f.recover)
  end)

  it("gives up when its attempts are used up, and says by what", function()
    -- Told by hand, so without the pauses that a lane learns.
    local f = run(steady(3), { plain = true, calls = 2, outage = { from = 0, to = 100, kind = "status" } })
    assert.equal(0, f.completed)
    assert.equal(2, f.given_up)
    assert.equal(6, f.requests)
    assert.same({ attempts = 2 }, f.why)
    close(4, f.done)
    assert.is_nil(f.p50)
  end)

  it("is refused: curl does not try again, the standard policy does", function()
    local o = { outage = { from = 0, to = 0.001, kind = "refuse" } }
    assert.same({ rule = 1 }, run("curl", o).why)
    assert.equal(1, run("standard", o).completed)
  end)

  it("times out on what is held, and meets the answer at the outage's end", function()
    local f = run(steady(5), { timeout = 1, outage = { from = 0, to = 3, kind = "hold" } })
    assert.equal(1, f.completed)
    assert.equal(2, f.requests) -- at 0 and at 2; both delivered at 3
    assert.equal(2, f.burst)
    close(3, f.done)
  end)

  it("does not send a POST twice that may have been applied", function()
    local o = { method = "POST", timeout = 1, outage = { from = 0, to = 3, kind = "hold" } }
    assert.same({ unsafe = 1 }, run("standard", o).why)
  end)

  it("waits as long as it is told", function()
    local f = run("standard", { outage = { from = 0, to = 5, kind = "status" }, ["retry-after"] = 4 })
    assert.equal(3, f.requests)
    assert.is_true(f.done >= 8 and f.done <= 8.8)
  end)

  it("spends its budget once, over all its calls", function()
    local policy = steady(5, { budget = { capacity = 3, cost = 1, refund = 0 } })
    local f = run(policy, { calls = 4, outage = { from = 0, to = 100, kind = "status" } })
    assert.equal(4 + 3, f.requests)
    assert.same({ budget = 4 }, f.why)
  end)

  it("opens its breaker, and fails the rest at once", function()
    local policy = steady(5, { breaker = { failures = 0.5, least = 2, window = 30, open = 3600 } })
    local f = run(policy, { calls = 4, outage = { from = 0, to = 100, kind = "status" } })
    assert.equal(2, f.requests)
    assert.same({ breaker = 4 }, f.why)
  end)

  -- Those that waited were tried again, one every 10 s, each of which found it shut.
  it("ends by its breaker those that are due, too, and those in the queue", function()
    local breaker = { failures = 0.5, least = 2, window = 30, open = 3600 }
    local f = run(steady(5, { breaker = breaker, budget = false }),
      { calls = 4, fanout = 4, outage = { from = 0, to = 100, kind = "status" } })
    assert.equal(4, f.requests)
    assert.same({ breaker = 4 }, f.why)
    assert.is_true(f.done < 1.1, tostring(f.done))
    f = run(steady(1, { breaker = breaker, limit = { parallel = 1 } }),
      { calls = 6, fanout = 6, latency = { kind = "uniform", a = 0.1, b = 0.1 },
        outage = { from = 0, to = 100, kind = "status" } })
    assert.equal(2, f.requests)
    assert.same({ attempts = 2, breaker = 4 }, f.why)
  end)

  it("keeps its own rate", function()
    local f = run({ limit = "1/s" }, { calls = 3, fanout = 3 })
    assert.equal(3, f.completed)
    close(2, f.done)
    close(2, f.p50) -- of the fan-out: its last call
  end)

  it("races a second attempt after the hedge's time", function()
    local slow = { service = { kind = "uniform", a = 0.1, b = 0.1 } }
    assert.equal(2, run({ hedge = 0.05 }, slow).requests)
    assert.equal(1, run({ hedge = 0.1 }, slow).requests)
    slow.method = "POST"
    assert.equal(1, run({ hedge = 0.05 }, slow).requests)
  end)

  -- Who was in the lane's queue, or waited for a try of its own, waited there until
  -- its deadline, where a script's client ends it at once.
  it("ends at once what its lane is held too long for, queued or waiting", function()
    local latency = { kind = "uniform", a = 0.05, b = 0.05 }
    local o = { calls = 40, fanout = 40, latency = latency, limit = { count = 1, window = 500 }, ["retry-after"] = 100 }
    local f = run({ deadline = 30 }, o)
    assert.equal(1, f.completed)
    assert.same({ hint = 39 }, f.why)
    assert.equal(12, f.requests) -- ten at first, and two when one was granted
    assert.is_true(f.done <= 0.2 + 1e-6, tostring(f.done))
    o.limit, o["retry-after"] = nil, nil
    o.outage = { from = 0, to = 100, kind = "status" }
    f = run(steady(9, { deadline = 0.5 }), o)
    assert.same({ deadline = 40 }, f.why)
    assert.is_true(f.done < 0.5, tostring(f.done))
  end)

  it("makes its calls one after the other, with pauses", function()
    local f = run(ONCE, { calls = 3, think = 10, service = { kind = "uniform", a = 1, b = 1 } })
    close(23, f.done)
    close(1, f.p99)
  end)
end)

describe("a client of the fleet does what a script's client does", function()
  -- No jitter, so that both have the same waits whatever they draw.
  local policies = {
    curl = { preset = "curl" },
    budget = steady(9, { budget = { capacity = 4, cost = 1, refund = 0.5 } }),
    breaker = steady(4, { breaker = { failures = 0.6, least = 3, window = 10, open = 2 } }),
    rule = steady(3, { on = { [503] = { "retry", attempts = 6, backoff = { base = 0.5, jitter = "none" } } } }),
    deadline = steady(99, { deadline = 5 }),
    rate = steady(3, { limit = "2/5s" }),
    ["held beyond its deadline"] = steady(3, { limit = "1/5s", deadline = 3 }),
    ["held for longer than a wait may be"] = steady(3, { limit = "1/9s", max_hint = 2 }),
  }
  for name, policy in pairs(policies) do
    it(name, function()
      local given_up = 0
      local t = support.sim(function() return require("lull").now() < 12 and 503 or 200 end, function(lull)
        local options = { base = "http://api.test" }
        for option, value in pairs(policy) do options[option] = value end
        local client = lull.client(options)
        for _ = 1, 8 do
          if not client:get("/") then given_up = given_up + 1 end
          lull.sleep(1)
        end
      end)
      local f = run(policy, { calls = 8, think = 1, outage = { from = 0, to = 12, kind = "status" } })
      assert.equal(#t.requests, f.requests)
      assert.equal(given_up, f.given_up)
      close(t.now - 1, f.done) -- the last pause is not the fleet's
    end)
  end
end)

describe("the server", function()
  it("lets through what its limit allows, and no more", function()
    local f = run(steady(2), { clients = 10, limit = { count = 5, window = 1 } })
    assert.equal(10, f.completed)
    assert.equal(15, f.requests)
    assert.equal(10, f.burst)
    close(1, f.done)
  end)

  it("limits each client by itself", function()
    local f = run(ONCE, { clients = 3, calls = 2, ["limit-each"] = { count = 1, window = 60 } })
    assert.equal(3, f.completed)
    assert.equal(3, f.given_up)
  end)

  it("tells when there is room again", function()
    local f = run("standard", { clients = 2, limit = { count = 1, window = 2 }, ["retry-after"] = "auto" })
    assert.equal(3, f.requests)
    assert.is_true(f.done >= 2 and f.done <= 2.2)
  end)

  it("works through its queue, first in, first out", function()
    local f = run(ONCE, { clients = 4, capacity = 2, latency = { kind = "uniform", a = 0.25, b = 0.25 } })
    close(2.5, f.done)
    close(1.5, f.p50)
  end)

  it("refuses what its queue has no room for", function()
    local f = run(ONCE, { clients = 4, capacity = 1, queue = 1 })
    assert.equal(2, f.completed)
    close(2, f.done)
  end)

  it("accepts one of two writes to the same version", function()
    local o = { clients = 2, conflicts = true, latency = { kind = "uniform", a = 0.01, b = 0.01 } }
    assert.same({ rule = 1 }, run(ONCE, o).why)
    local f = run({ attempts = 9, on = { [409] = "retry" }, backoff = { base = 0 } }, o)
    assert.equal(3, f.requests)
    close(0.08, f.done)
  end)

  it("fails a share at random", function()
    local f = run(ONCE, { calls = 10000, fail = { share = 0.25, status = 500 } })
    assert.is_true(math.abs(f.given_up - 2500) < 4 * math.sqrt(10000 * 0.25 * 0.75))
  end)
end)

describe("the figures", function()
  it("of small runs are exact, of large ones within 1 %", function()
    local spread = { kind = "uniform", a = 1, b = 3 }
    for _, calls in ipairs { 1000, 100000 } do
      local f = run(ONCE, { calls = calls, service = spread })
      assert.is_true(math.abs(f.p50 - 2) < 0.02 + 4 / math.sqrt(calls))
      assert.is_true(math.abs(f.p99 - 2.98) < 0.03 + 1 / math.sqrt(calls))
    end
  end)

  it("keep their size however long the run is", function()
    local f = run(ONCE, { calls = 100, think = 3600 })
    assert.is_true(#f.offered <= 8192)
    local sum = 0
    for _, n in ipairs(f.offered) do sum = sum + n end
    assert.equal(100, sum)
    close(99 * 3600, f.done)
  end)

  it("tell when an open load is served again", function()
    -- Without a lane that sends less when it is not answered.
    local o = { plain = true, rate = 10, ["for"] = 30, outage = { from = 10, to = 15, kind = "status" } }
    assert.equal(0, run(ONCE, o).recover)
    o.capacity, o.timeout, o.outage.kind = 11, 1, "hold"
    -- 50 held and at most 11 of them in time: drains at 1/s
    local f = run(ONCE, o)
    assert.equal(math.huge, f.recover)
    o["for"] = 120
    f = run(ONCE, o)
    assert.is_true(f.recover >= 38 and f.recover <= 41)
  end)

  it("count what had not ended", function()
    local f = run(ONCE, { clients = 3, ["for"] = 1, service = { kind = "uniform", a = 2, b = 2 } })
    assert.equal(3, f.unfinished)
    assert.truthy(output("--clients", "3", "--for", "1s", "--service", "2s", "none")
      :find("none: 3 calls had not ended when the time was over", 1, true))
  end)
end)

describe("the same seed", function()
  local argv = { "--clients", "50", "--calls", "3", "--latency", "5ms-9ms", "--limit", "20/s", "--outage",
    "1s..9s", "--spread", "5s" }

  local function with(seed, ...)
    local all = { "--seed", seed, ... }
    for _, word in ipairs(argv) do table.insert(all, word) end
    return output((table.unpack or unpack)(all)) -- luacheck: ignore
  end

  it("gives the same table, another seed another", function()
    local first = with("7", "standard", "copyleaks", "aws")
    assert.equal(first, with("7", "standard", "copyleaks", "aws"))
    assert.not_equal(first, with("8", "standard", "copyleaks", "aws"))
  end)

  it("gives this table, on every Lua", function()
    assert.same({
      "policy       completed  given up  requests  per call  all done     p50    p95    p99  burst  recover",
      "curl               119        31       346      2.31       16s  17.2ms  7.06s  7.07s     13    6.99s",
      "exponential        141         9       326      2.17       20s    17ms  15.1s  15.1s     12    9.98s",
      "standard           126        24       385      2.57     16.2s  16.8ms  10.8s  11.7s     10    7.19s",
    }, fleet.output { "sim", "--clients", "50", "--calls", "3", "--limit", "20/s", "--outage", "1s..9s",
      "--latency", "8ms~1ms", "--spread", "5s", "curl", "exponential", "standard" })
  end)

  it("gives the same JSON, in the order of the table", function()
    local json = with("7", "curl", "none", "--json")
    assert.equal(json, with("7", "curl", "none", "--json"))
    local rows = require("lull.json").decode(json)
    assert.equal("curl", rows[1].policy)
    assert.equal(150, rows[2].calls)
    assert.truthy(json:find('^%[{"policy": "curl", "calls": 150, "completed": '))
  end)

  it("meets the same calls under every policy", function()
    local o = { rate = 20, poisson = true, ["for"] = 20, limit = { count = 10, window = 1 } }
    assert.equal(run("none", o).calls, run("standard", o).calls)
  end)
end)

describe("misuse is one sentence", function()
  local cases = {
    { "no policy is named" },
    { "unknown policy 'standart' (did you mean 'standard'?); a policy is a preset, none, curl, fixed, "
      .. "exponential, or a Lua file", "standart" },
    { "unknown option '--clents' (did you mean '--clients'?)", "--clents", "3", "none" },
    { "--clients: '0' is no whole number of at least 1", "--clients", "0", "none" },
    { "--clients: '20000000' is more than 10000000", "--clients", "20000000", "none" },
    { "--calls and --rate do not go together", "--rate", "4/s", "--calls", "3", "none" },
    { "--poisson takes a --rate", "--poisson", "none" },
    { "--outage: the outage ends before it begins", "--outage", "5s..3s", "none" },
    { "--outage: '5s' is no outage; it is FROM..TO, and after a comma 503 (the default), refuse or hold",
      "--outage", "5s", "none" },
    { "--latency: the range ends before it begins", "--latency", "5ms-2ms", "none" },
    { "--fail: '200%' is no share; it is a text such as \"10%\" or \"10%,500\"", "--fail", "200%", "none" },
    { "--limit: '2000000/s' is more than a window can hold: 1000000", "--limit", "2000000/s", "none" },
    { "unknown scenario 'ocx' (did you mean 'occ'?)", "--scenario", "ocx" },
    { "--calls does not go with --scenario occ", "--scenario", "occ", "--calls", "4" },
    { "--scenario occ has policies of its own", "--scenario", "occ", "standard" },
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local argv = { "sim" }
      for i = 2, #case do argv[i] = case[i] end
      local said
      assert.equal(2, fleet.run(argv, function(words) said = words end))
      assert.equal(case[1] .. "; try lull sim --help", said)
    end)
  end
end)

describe("a policy in a file", function()
  local path

  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function policy(source, ...)
    local file = assert(io.open(path, "w"))
    file:write(source)
    file:close()
    local said = {}
    local ok, lines = pcall(fleet.output, { "sim", "--clients", "1", path, ... },
      function(words) said[#said + 1] = words end)
    return ok, lines, said
  end

  it("is a table of a client's options", function()
    local ok, lines = policy("return { attempts = 2, backoff = 'const:1s' }", "--outage", "0s..9s", "--json")
    assert.is_true(ok)
    assert.truthy(lines[1]:find('"requests": 2', 1, true))
  end)

  it("that has a wrong option is told by name", function()
    local ok, problem = policy("return { attemps = 2 }")
    assert.is_false(ok)
    local words = ("policy '%s': unknown option 'attemps' (did you mean 'attempts'?)"):format(path)
    assert.truthy(problem:find(words, 1, true))
  end)

  it("that gives no table, or does not load, is told", function()
    local _, problem = policy("return 5")
    assert.truthy(problem:find("must return a table of client options, not a number", 1, true))
    _, problem = policy("return {")
    assert.equal(3, problem.code)
  end)

  it("that is a preset hears nothing of the preset's own functions", function()
    for _, name in ipairs { "copyleaks", "github" } do
      local _, asked = trial.policy(name)
      assert.are.same({}, asked)
    end
  end)

  it("whose rule is a function hears that it is not asked", function()
    local ok, _, said = policy("return { on = { [503] = function() end } }")
    assert.is_true(ok)
    assert.truthy(said[1]:find("its function for '503' is not asked; the default stands", 1, true))
  end)
end)

describe("memory", function()
  local small = { clients = 40, calls = 3, fanout = 2, seed = 1, method = "GET",
    limit_each = { count = 2, window = 1 }, hop = { a = 0.01, b = 0.02 }, retry_after = 1,
    outage = "status", outage_from = 0, outage_to = 2, spread = 1 }

  it("is given back, also when there is not enough of it", function()
    local client = trial.policy { limit = "5/s", hedge = 0.01, on = { ["503"] = { "retry", attempts = 9 } } }
    -- Twice: what an earlier test left is freed by a finalizer.
    collectgarbage()
    collectgarbage()
    local before = core.memory()
    local failures = 0
    for n = 0, 400 do
      core.fail_after(n)
      local ok, problem = pcall(core.fleet, client, small)
      core.fail_after(-1)
      if not ok then
        failures = failures + 1
        assert.truthy(tostring(problem):find("out of memory", 1, true))
      end
    end
    assert.is_true(failures > 20)
    collectgarbage()
    collectgarbage()
    assert.equal(before, core.memory())
  end)

  it("of a client and its call is small", function()
    assert.is_true(run(ONCE, {}).client_bytes <= 512)
  end)

  -- The most that a whole process ever held, in KiB; Linux tells.
  local function peak()
    local file = io.open("/proc/self/status")
    local kib = file and file:read("*a"):match("VmHWM:%s*(%d+)")
    if file then file:close() end
    return tonumber(kib)
  end

  it("of 100,000 clients at once is below 2 KiB each, lanes included #binary", function()
    local before = peak()
    if not before or os.getenv("ASAN_OPTIONS") then return pending("this system does not tell") end
    local f = trial.figures("standard", { clients = 100000, outage = { from = 0, to = 1, kind = "status" },
      limit = { count = 50000, window = 1 } })
    assert.equal(100000, f.completed + f.given_up)
    assert.is_true((peak() - before) * 1024 < 2048 * 100000)
  end)
end)

describe("the picture", function()
  local figures = {}
  for _, name in ipairs { "none", "standard" } do
    table.insert(figures, trial.figures(name, { clients = 10, rate = 5, ["for"] = 20,
      outage = { from = 5, to = 8, kind = "status" } }))
  end
  local svg = chart.draw(figures, { outage = { from = 5, to = 8 }, limit = 5 })

  it("names each line, its axes and their units", function()
    for _, words in ipairs { ">none<", ">standard<", ">outage<", "requests/s", "calls/s", "time in s",
      "dotted: limit 5/s", "prefers-color-scheme:dark" } do
      assert.truthy(svg:find(words, 1, true), words)
    end
  end)

  it("is well-formed: what is opened is closed, and text is escaped", function()
    local depth = 0
    for close_mark, self_mark in svg:gmatch("<(/?)[^>]-(/?)>") do
      if close_mark == "/" then depth = depth - 1 elseif self_mark ~= "/" then depth = depth + 1 end
    end
    assert.equal(0, depth)
    figures[1].policy = "a<b>&c"
    assert.truthy(chart.draw(figures, {}):find("a&lt;b&gt;&amp;c", 1, true))
  end)

  it("is drawn for a run of nothing, too", function()
    local nothing = { policy = "none", offered = {}, good = {}, bucket = 0.125 }
    assert.truthy(chart.draw({ nothing }, {}):find("</svg>", 1, true))
  end)
end)

describe("the command #binary", function()
  local wire = require "tests.wire"
  local BINARY = os.getenv "LULL_BINARY" or "./build/lull"

  local function lull(words) return wire.run(wire.quote(BINARY) .. " sim " .. words) end

  it("prints its table, and its help", function()
    local t = lull("--clients 2 none")
    assert.equal(0, t.code)
    assert.truthy(t.out:find("none            2         0         2", 1, true))
    assert.truthy(lull("--help").out:find("Usage: lull sim [options] POLICY...", 1, true))
  end)

  it("ends with 2 for misuse, 3 for a policy that does not load, 1 for a picture that cannot be written", function()
    local t = lull("")
    assert.equal("lull: no policy is named; try lull sim --help\n", t.err)
    assert.equal(2, t.code)
    assert.equal(3, lull("not-there.lua").code)
    t = lull("--svg /not/there.svg none")
    assert.equal(1, t.code)
    assert.truthy(t.err:find("lull: --svg: ", 1, true))
  end)
end)
