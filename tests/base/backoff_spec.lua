-- Backoff: the published schedules, the bounds of every kind and jitter, and
-- the generator.
local unit = require "lull.unit"
local backoff = unit.backoff
local INF = math.huge
local JITTERS = { "none", "full", "equal", "decorrelated", "added", "factor" }
local KINDS = { "constant", "linear", "exponential" }

-- Times are whole microseconds, and rounded up when they are read.
local function near(expected, got, what)
  if math.abs(expected - got) > 2e-6 then
    error(("%s: expected %.9g, got %.9g"):format(what or "time", expected, got), 2)
  end
end

local function bounds_are(b, list)
  for n, span in ipairs(list) do
    local least, _, most = backoff.bounds(b, n)
    near(span[1], least, ("least of wait %d"):format(n))
    near(span[2], most, ("most of wait %d"):format(n))
  end
end

-- With no jitter, and with every draw at its most.
local function waits_are(b, list)
  local rng = backoff.rng(1)
  for n, wait in ipairs(list) do
    local _, _, most = backoff.bounds(b, n)
    near(wait, most, ("most of wait %d"):format(n))
    if b.jitter == nil then
      near(wait, backoff.wait(b, n, nil, rng), ("wait %d"):format(n))
    end
  end
end

describe("backoff", function()
  -- The schedules that others publish, by their source.
  describe("schedule", function()
    it("of the AWS SDKs' standard mode 2.0: base 1, cap 20", function()
      local list = { 1, 2, 4, 8, 16, 20, 20 }
      waits_are({ base = 1, cap = 20 }, list)
      waits_are({ base = 1, cap = 20, jitter = "full" }, list)
    end)

    it("of the AWS SDKs' standard mode 2.1: base 0.05, 1 when throttled", function()
      local list = { .05, .1, .2, .4, .8, 1.6, 3.2, 6.4, 12.8, 20, 20 }
      waits_are({ base = .05, cap = 20 }, list)
      waits_are({ base = .05, cap = 20, jitter = "full" }, list)
      waits_are({ base = 1, cap = 20, jitter = "full" }, { 1, 2 })
    end)

    it("of DynamoDB: base 0.025, in all 0.175", function()
      waits_are({ base = .025, cap = 20 }, { .025, .05, .1 })
      local sum, rng = 0, backoff.rng(1)
      for n = 1, 3 do sum = sum + backoff.wait({ base = .025, cap = 20 }, n, nil, rng) end
      near(.175, sum)
    end)

    it("of curl --retry: 1, 2, 4 ... 512, 600, and no jitter", function()
      waits_are({ base = 1, cap = 600 },
        { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600 })
    end)

    it("of wget: 1, 2, 3 ... 10", function()
      waits_are({ kind = "linear", base = 1, cap = 10 },
        { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10 })
    end)

    it("of the OpenAI libraries: up to a quarter less", function()
      bounds_are({ base = .5, cap = 8, jitter = "factor", lo = .75, hi = 1 },
        { { .375, .5 }, { .75, 1 }, { 1.5, 2 }, { 3, 4 }, { 6, 8 }, { 6, 8 } })
    end)

    -- Stripe adds a floor of 0.5 s, which makes its first wait 0.5 s flat;
    -- all later ones are above it.
    it("of Stripe, but for the floor under its first wait", function()
      local b = { base = .5, cap = 5, jitter = "factor", lo = .5, hi = 1 }
      bounds_are(b, { { .25, .5 }, { .5, 1 }, { 1, 2 }, { 2, 4 }, { 2.5, 5 }, { 2.5, 5 } })
    end)

    -- lull's cap bounds the whole wait, so a cap of 1.2 s stands for the
    -- 1 s that gRPC applies before its jitter; the shape differs above it.
    it("of gRPC A6: 20 % to both sides", function()
      local b = { base = .1, cap = 1.2, jitter = "factor", lo = .8, hi = 1.2 }
      bounds_are(b, { { .08, .12 }, { .16, .24 }, { .32, .48 }, { .64, .96 } })
      local _, _, most = backoff.bounds(b, 5)
      near(1.2, most)
    end)

    -- Envoy's (2^N - 1) * 25 ms is no geometric series, and cannot be told
    -- to lull; a linear one has its first wait and its cap.
    it("of aws-c-io: full jitter on 500 ms, cap 20 s", function()
      bounds_are({ base = .5, cap = 20, jitter = "full" },
        { { 0, .5 }, { 0, 1 }, { 0, 2 }, { 0, 4 }, { 0, 8 }, { 0, 16 }, { 0, 20 } })
    end)

    it("of the Copyleaks page with r = 1", function()
      waits_are({ base = 1, cap = 60, jitter = "added", lo = 1, hi = 1 },
        { 2, 3, 5, 9, 17, 33, 60, 60 })
      local rng = backoff.rng(1)
      for n, wait in ipairs { 2, 3, 5, 9, 17, 33, 60, 60 } do
        near(wait, backoff.wait({ base = 1, cap = 60, jitter = "added",
          lo = 1, hi = 1 }, n, nil, rng))
      end
    end)

    it("of the Copyleaks page with r from 1 to 10", function()
      bounds_are({ base = 1, cap = 60, jitter = "added", lo = 1, hi = 10 },
        { { 2, 11 }, { 3, 12 }, { 5, 14 }, { 9, 18 }, { 17, 26 }, { 33, 42 },
          { 60, 60 }, { 60, 60 } })
    end)

    it("of Polly: a constant 2 s", function()
      waits_are({ kind = "constant", base = 2, cap = 60 }, { 2, 2, 2 })
    end)

    it("of a factor below 1 shrinks", function()
      waits_are({ base = 8, factor = .5, cap = 60 }, { 8, 4, 2, 1, .5 })
    end)

    it("of a factor that is no whole number", function()
      waits_are({ base = .5, factor = 1.5, cap = 60 }, { .5, .75, 1.125, 1.6875 })
    end)
  end)

  describe("saturates", function()
    local rng = backoff.rng(1)

    local function wait(b, n) return backoff.wait(b, n, nil, rng) end

    it("at attempt 65, 1100 and the last that can be counted", function()
      for _, n in ipairs { 64, 65, 1100, 2 ^ 31, 2 ^ 32 - 1 } do
        assert.are.equal(8, wait({ base = .5, cap = 8 }, n))
        assert.are.equal(60, wait({ kind = "linear", cap = 60 }, n))
        assert.are.equal(60, wait({ base = 1, cap = 60, jitter = "added", lo = 1, hi = 10 }, n))
      end
    end)

    it("where the cap is as long as time itself", function()
      for _, jitter in ipairs { "none", "added", "factor" } do
        local b = { base = 1, cap = INF, jitter = jitter, lo = 1, hi = 1 }
        assert.are.equal(INF, wait(b, 1100))
        b.kind, b.base = "linear", 1e12
        assert.are.equal(INF, wait(b, 2 ^ 32 - 1))
      end
    end)

    it("where base times factor is beyond 64 bits", function()
      assert.are.equal(20, wait({ base = 1e12, factor = 1e12, cap = 20 }, 2))
      assert.are.equal(20, wait({ base = 1, factor = 1e300, cap = 20 }, 2))
      assert.are.equal(20, wait({ base = INF, factor = 1e300, cap = 20 }, 9))
      assert.are.equal(INF, wait({ base = 9e12, factor = 2, cap = INF }, 2))
    end)

    it("with a cap below the base", function()
      for _, kind in ipairs(KINDS) do
        for n = 1, 5 do
          assert.are.equal(2, wait({ kind = kind, base = 5, cap = 2 }, n))
        end
      end
    end)

    it("with a cap of nothing, whatever the jitter", function()
      for _, kind in ipairs(KINDS) do
        for _, jitter in ipairs(JITTERS) do
          local b = { kind = kind, jitter = jitter, base = 5, cap = 0, lo = 1, hi = 9 }
          assert.are.equal(0, wait(b, 3))
          if jitter ~= "decorrelated" then
            assert.are.equal(0, (select(3, backoff.bounds(b, 3))))
          end
        end
      end
    end)

    it("with a base of nothing", function()
      for _, kind in ipairs(KINDS) do
        for _, jitter in ipairs { "none", "full", "equal", "decorrelated", "factor" } do
          local b = { kind = kind, jitter = jitter, base = 0, cap = 60, lo = 1, hi = 9 }
          for _, n in ipairs { 1, 2, 70, 1100 } do
            assert.are.equal(0, wait(b, n))
          end
        end
      end
    end)

    -- A product that is cut to whole microseconds stays where it is: 1 us
    -- by 1.5 is 1 us again.
    it("where the base is a few microseconds and the factor small", function()
      assert.are.equal(60, wait({ base = 1e-6, factor = 1.5, cap = 60 }, 1100))
      assert.are.equal(60, wait({ base = 5e-6, factor = 1.1, cap = 60 }, 1100))
    end)
  end)

  describe("property", function()
    -- Parameters over many orders of magnitude, ends included.
    local function length(rng)
      local kind = rng:range(1, 12)
      if kind == 1 then return 0 end
      if kind == 2 then return INF end
      if kind == 3 then return 1e-6 end
      return rng:range(1, 1000) * 10 ^ rng:range(-6, 9)
    end

    local function parameters(rng, kind, jitter)
      local b = { kind = kind, jitter = jitter, base = length(rng),
        cap = unit.base.from(length(rng)) / 1e6, lo = length(rng),
        hi = length(rng) }
      b.factor = ({ .5, 1, 1.5, 2, 3, 1000, 1e300 })[rng:range(1, 7)]
      if b.lo > b.hi then b.lo, b.hi = b.hi, b.lo end
      return b
    end

    local RETRIES = { 1, 2, 3, 5, 10, 40, 63, 64, 65, 1100, 4294967295 }

    for _, kind in ipairs(KINDS) do
      for _, jitter in ipairs(JITTERS) do
        it(("0 <= wait <= cap, within its bounds: %s, %s"):format(kind, jitter), function()
          local rng = backoff.rng(#kind * 10 + #jitter)
          for _ = 1, 60 do
            local b, previous = parameters(rng, kind, jitter), nil
            -- For ever so many steps of hardly any growth there is no end:
            -- what is stuck at a microsecond is walked step by step.
            local steps = b.factor == 1.5 and 10 or #RETRIES
            for i = 1, steps do
              local n = jitter == "decorrelated" and i or RETRIES[i]
              local least, mean, most = backoff.bounds(b, n)
              local w = backoff.wait(b, n, previous, rng)
              assert.is_true(w >= 0 and w <= b.cap)
              assert.is_true(least >= 0 and least <= w and w <= most)
              if not (jitter == "decorrelated" and b.base > b.cap) then
                assert.is_true(most <= b.cap)
              end
              -- Beyond 2^53 microseconds a mean is not exact.
              if most < 1e9 then
                assert.is_true(least <= mean and mean <= most)
              end
              previous = w
            end
          end
        end)
      end
    end

    -- The bounds begin at the base, and are not held at the cap then.
    it("decorrelated bounds hold with a cap below the base", function()
      local _, _, most = backoff.bounds({ base = 5, cap = 2, jitter = "decorrelated" }, 1)
      assert.are.equal(2, most)
    end)

    -- The mean of two times without end does not fit, and becomes negative.
    it("the mean of a wait without end is without end", function()
      local _, mean = backoff.bounds({ base = 1, cap = INF, jitter = "none" }, 1100)
      assert.are.equal(INF, mean)
    end)

    it("a range with both ends the same gives that end", function()
      local rng = backoff.rng(3)
      for _, x in ipairs { 0, 1e-6, 1, 7, 3600, 1e9 } do
        local b = { base = 1, cap = INF, jitter = "added", lo = x, hi = x }
        for n = 1, 5 do near(2 ^ (n - 1) + x, backoff.wait(b, n, nil, rng)) end
      end
      local b = { base = 4, cap = 60, jitter = "factor", lo = .5, hi = .5 }
      assert.are.equal(2, backoff.wait(b, 1, nil, rng))
    end)

    it("the same seed gives the same waits", function()
      for _, jitter in ipairs(JITTERS) do
        local one, other = backoff.rng(77), backoff.rng(77)
        local b = { base = 1, cap = 60, jitter = jitter, lo = 1, hi = 2 }
        for n = 1, 50 do
          assert.are.equal(backoff.wait(b, n, 3, one), backoff.wait(b, n, 3, other))
        end
      end
    end)
  end)

  -- Others lose these: once Finagle's jittered backoffs reach their maximum
  -- they stay there, all of them, and its decorrelated one never shrinks.
  describe("jitter", function()
    it("survives at the cap", function()
      for _, jitter in ipairs { "full", "equal", "decorrelated", "factor" } do
        local rng, seen, distinct = backoff.rng(5), {}, 0
        local b = { base = 1, cap = 60, jitter = jitter, lo = .75, hi = 1 }
        local previous
        for n = 1, 300 do
          previous = backoff.wait(b, n, previous, rng)
          if n > 20 and not seen[previous] then
            seen[previous], distinct = true, distinct + 1
          end
        end
        assert.is_true(distinct > 100, jitter)
      end
    end)

    it("that is added is gone at the cap, as the Copyleaks page has it", function()
      local rng = backoff.rng(5)
      local b = { base = 1, cap = 60, jitter = "added", lo = 1, hi = 10 }
      for n = 7, 50 do assert.are.equal(60, backoff.wait(b, n, nil, rng)) end
    end)

    it("decorrelated begins between base and three times base", function()
      local rng = backoff.rng(6)
      local b = { base = 1, cap = 60, jitter = "decorrelated" }
      local least, most = INF, 0
      for _ = 1, 2000 do
        local w = backoff.wait(b, 1, nil, rng)
        least, most = math.min(least, w), math.max(most, w)
      end
      assert.is_true(least >= 1 and least < 1.01)
      assert.is_true(most <= 3 and most > 2.99)
    end)

    it("decorrelated can shrink again", function()
      local rng = backoff.rng(6)
      local b = { base = 1, cap = 60, jitter = "decorrelated" }
      local previous, shrunk, floor = 60, 0, 60
      for n = 1, 1000 do
        local w = backoff.wait(b, n, previous, rng)
        if w < previous then shrunk = shrunk + 1 end
        floor = math.min(floor, w)
        previous = w
      end
      assert.is_true(shrunk > 200)
      assert.is_true(floor < 2)
    end)

    -- The mean of many draws is the mean that is printed.
    local DRAWS = 4000

    local function agrees(b, n, expected)
      local rng = backoff.rng(n * 100 + 11)
      local sum, squares = 0, 0
      for _ = 1, DRAWS do
        local w = backoff.wait(b, n, nil, rng)
        sum, squares = sum + w, squares + w * w
      end
      local mean = sum / DRAWS
      local error_of_mean = math.sqrt(math.max(squares / DRAWS - mean * mean, 0) / DRAWS)
      local _, told = backoff.bounds(b, n)
      if expected then near(expected, told, "printed mean") end
      assert.is_true(math.abs(mean - told) <= 4 * error_of_mean + 2e-6,
        ("mean %.6f, printed %.6f"):format(mean, told))
    end

    it("has the mean that is printed: full is half", function()
      for n = 1, 9 do
        agrees({ base = 1, cap = 60, jitter = "full" }, n, math.min(2 ^ (n - 1), 60) / 2)
      end
    end)

    it("has the mean that is printed: equal is three quarters", function()
      for n = 1, 9 do
        agrees({ base = 1, cap = 60, jitter = "equal" }, n, math.min(2 ^ (n - 1), 60) * .75)
      end
    end)

    it("has the mean that is printed: added, half of it beyond the cap too", function()
      for n = 1, 8 do
        agrees({ base = 1, cap = 60, jitter = "added", lo = 1, hi = 10 }, n)
      end
      -- 32 + U(1, 10) under a cap of 37.5: half of the draws are cut.
      agrees({ base = 1, cap = 37.5, jitter = "added", lo = 1, hi = 10 }, 6, 36.375)
    end)

    it("has the mean that is printed: factor, the cap included", function()
      for n = 1, 6 do
        agrees({ base = .5, cap = 8, jitter = "factor", lo = .75, hi = 1 }, n)
        agrees({ base = 1, cap = 10, jitter = "factor", lo = .5, hi = 2 }, n)
      end
    end)

    it("has the mean that is printed: the first decorrelated one", function()
      agrees({ base = 1, cap = 60, jitter = "decorrelated" }, 1, 2)
    end)

    -- Later ones hang on those before.
    local function chain(length, check)
      local sums, rng, runs = {}, backoff.rng(17), 4000
      local b = { base = 1, cap = 60, jitter = "decorrelated" }
      for _ = 1, runs do
        local previous
        for n = 1, length do
          previous = backoff.wait(b, n, previous, rng)
          sums[n] = (sums[n] or 0) + previous
        end
      end
      for n = 1, length do
        local _, told = backoff.bounds(b, n)
        check(n, sums[n] / runs, told)
      end
    end

    it("has the mean that is printed: decorrelated ones below the cap", function()
      chain(3, function(n, mean, told)
        assert.is_true(math.abs(mean - told) < .03 * mean,
          ("wait %d: mean %.3f, printed %.3f"):format(n, mean, told))
      end)
    end)

    -- A step from the mean of the step before is not the mean of all steps,
    -- once some of them meet the cap: half as much again is printed.
    it("has the mean that is printed: decorrelated ones at the cap", function()
      chain(10, function(n, mean, told)
        assert.is_true(math.abs(mean - told) < .05 * mean,
          ("wait %d: mean %.3f, printed %.3f"):format(n, mean, told))
      end)
    end)
  end)

  describe("generator", function()
    -- From an implementation of its own of both papers' algorithms.
    local KNOWN = {
      [0] = { "99ec5f36cb75f2b4", "bf6e1f784956452a", "1a5f849d4933e6e0",
        "6aa594f1262d2d2c", last = "7aac8c483a2edd2f" },
      [1] = { "b3f2af6d0fc710c5", "853b559647364cea", "92f89756082a4514",
        "642e1c7bc266a3a7", last = "b8517c33c344d153" },
      [42] = { "15780b2e0c2ec716", "6104d9866d113a7e", "ae17533239e499a1",
        "ecb8ad4703b360a1", last = "8de5848c61ab8968" },
      [9007199254740991] = { "38daf29b1ebbe041", "db282e495b1b8379",
        "1b5b097bad6154c0", "bc60d3d05dd113f9", last = "6f7b9cf51a259e0b" },
    }

    for seed, outputs in pairs(KNOWN) do
      it(("is xoshiro256** filled by splitmix64, seed %.0f"):format(seed), function()
        local rng, last = backoff.rng(seed), nil
        for n = 1, 1000 do
          last = rng:next()
          if outputs[n] then assert.are.equal(outputs[n], last) end
        end
        assert.are.equal(outputs.last, last)
      end)
    end

    it("draws known numbers from a range", function()
      local rng = backoff.rng(7)
      for _, n in ipairs { 6294339, 7669453, 2285687, 2996136, 1213827, 1275125 } do
        assert.are.equal(n, rng:range(1000000, 10000000))
      end
    end)

    it("gives both ends, and nothing beyond them", function()
      local rng, seen = backoff.rng(8), {}
      for _ = 1, 500 do
        local n = rng:range(-3, 3)
        assert.is_true(n >= -3 and n <= 3)
        seen[n] = true
      end
      for n = -3, 3 do assert.is_true(seen[n]) end
    end)

    it("gives lo where there is no range, and draws nothing", function()
      local rng, other = backoff.rng(9), backoff.rng(9)
      assert.are.equal(5, rng:range(5, 5))
      assert.are.equal(5, rng:range(5, 4))
      assert.are.equal(5, rng:range(5, -INF))
      assert.are.equal(other:next(), rng:next())
    end)

    it("takes the widest ranges there are", function()
      local rng, below = backoff.rng(10), 0
      for _ = 1, 1000 do
        assert.is_true(rng:range(0, INF) >= 0)
        if rng:range(-INF, INF) < 0 then below = below + 1 end
      end
      assert.is_true(below > 400 and below < 600)
    end)

    -- Chi-square with k - 1 degrees of freedom: the bound is its 99.9th
    -- percentile, and the seed is fixed.
    local function chi_square(k, draws, seed)
      local rng, cells, sum = backoff.rng(seed), {}, 0
      for i = 0, k - 1 do cells[i] = 0 end
      for _ = 1, draws do
        local i = rng:range(0, k - 1)
        cells[i] = cells[i] + 1
      end
      for i = 0, k - 1 do sum = sum + (cells[i] - draws / k) ^ 2 / (draws / k) end
      return sum
    end

    for k, bound in pairs { [2] = 10.83, [3] = 13.82, [7] = 22.46, [10] = 27.88, [100] = 148.23 } do
      it(("is even over %d values"):format(k), function()
        assert.is_true(chi_square(k, 30000, 4) < bound)
      end)
    end

    -- A range of two thirds of all there is: a plain remainder would fall
    -- into its first half twice as often as into its second.
    it("is even where a remainder would not be", function()
      local rng, low, draws = backoff.rng(12), 0, 20000
      local half = 2 ^ 61
      for _ = 1, draws do
        local n = rng:range(-3 * half, 3 * half - 1)
        if n < 0 then low = low + 1 end
      end
      assert.is_true(math.abs(low - draws / 2) < 4 * math.sqrt(draws) / 2)
    end)
  end)
end)

describe("time", function()
  it("in seconds is rounded up to microseconds", function()
    for seconds, us in pairs { [0] = 0, [1] = 1e6, [.5] = 5e5, [1e-6] = 1,
      [1e-7] = 1, [1.0000001] = 1000001, [300] = 3e8 } do
      assert.are.equal(us, unit.base.from(seconds))
    end
  end)

  it("is never negative, and saturates", function()
    assert.are.equal(0, unit.base.from(-1))
    assert.are.equal(0, unit.base.from(-INF))
    assert.are.equal(0, unit.base.from(0 / 0))
    assert.are.equal(INF, unit.base.from(1e13))
    assert.are.equal(INF, unit.base.from(INF))
  end)

  it("adds up to LULL_NEVER at most", function()
    assert.are.equal(3, unit.base.add(1, 2))
    assert.are.equal(-1, unit.base.add(1, -2))
    assert.are.equal(INF, unit.base.add(INF, 1))
    assert.are.equal(INF, unit.base.add(9e18, 9e18))
    assert.is_true(unit.base.add(-INF, -1) < -9e18)
  end)
end)
