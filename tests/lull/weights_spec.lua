-- Rates of which a call takes what it weighs. An account of so many tokens a
-- minute had to be kept by hand: a queue, tasks that give back, and prompts that
-- were overtaken.
local support = require "tests.support"
local sim, line = support.sim, support.line

local function has(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in %q"):format(part, tostring(text)), 2) end
end

local function length(request) return #request.body end

-- The most that any window of so many seconds has of what the server saw.
local function most_within(seen, window)
  local most = 0
  for i, first in ipairs(seen) do
    local sum = 0
    for k = i, #seen do
      if seen[k].at < first.at + window - 1e-9 then sum = sum + seen[k].weight end
    end
    most = math.max(most, sum)
  end
  return most
end

local sleep

-- Calls of these lengths, all at once: what the server saw of them, in its order.
local function run(lengths, limit, more, answer)
  local seen, now = {}, nil
  local result = sim(function(request)
    seen[#seen + 1] = { at = now(), weight = #request.body, path = request.path }
    return answer and answer(request, #seen) or 200
  end, function(lull)
    now, sleep = lull.now, lull.sleep
    local options = { base = "http://api.test", limit = limit, pace = false, slow_start = false, key = true }
    for name, value in pairs(more or {}) do options[name] = value end
    local api = lull.client(options)
    lull.each(lengths, { parallel = 64 }, function(n)
      if type(n) == "number" then n = { n } end
      assert(api:post(n[2] or "/", { body = ("x"):rep(n[1]) }))
    end)
  end)
  return seen, result
end

describe("a rate that weighs", function()
  it("has no window that holds more than it says, whatever calls weigh", function()
    local lengths, state, sum = {}, 7, 0
    for i = 1, 300 do
      state = state * 16807 % 2147483647
      lengths[i] = 1 + state % (i % 9 == 0 and 1000 or 120)
      sum = sum + lengths[i]
    end
    local seen, result = run(lengths, { tokens = { "1000/10s", weight = length } }, nil, function(_, n)
      return n % 7 == 0 and 503 or 200 -- an attempt that fails has used its weight as well
    end)
    local most = most_within(seen, 10)
    assert.is_true(most <= 1000, tostring(most))
    assert.is_true(most > 950, tostring(most))
    assert.is_true(#seen > 300)
    assert.is_true(result.now < sum / 1000 * 10 * 1.6, tostring(result.now))
  end)

  it("is of all its windows, and beside those that count requests", function()
    local seen = run({ 40, 40, 40, 40, 40, 40 }, { "3/2s burst", tokens = { "100/1s", "130/10s", weight = length } })
    assert.is_true(most_within(seen, 1) <= 100)
    assert.is_true(most_within(seen, 10) <= 130)
    assert.are.equal(20, math.floor(seen[5].at + 0.5) + 10)
  end)

  it("lets nobody overtake for ever who weighs much", function()
    local lengths = { 60 }
    for i = 2, 12 do lengths[i] = 60 end
    table.insert(lengths, 2, 100)
    local seen = run(lengths, { tokens = { "100/1s", weight = length } })
    assert.are.equal(100, seen[2].weight)
  end)

  it("counts nothing for who weighs nothing, and in a path's rate only its calls", function()
    local seen = run({ 100, { 100, "/free" }, { 100, "/free" }, 100 },
      { ["POST /"] = { "100/1m", weight = length } })
    assert.are.same({ 0, 0, 0, 60 }, { seen[1].at, seen[2].at, seen[3].at, seen[4].at })
    seen = run({ 100, 100, 100 }, { tokens = { "100/1m", weight = function() end } })
    assert.are.equal(0, seen[3].at)
  end)

  it("is put right by a rule, downwards and upwards, as often as it likes", function()
    local function by(real)
      return { on = { [200] = function(attempt)
        attempt:weigh(1)
        attempt:weigh(real, "tokens")
      end } }
    end
    local limit = { tokens = { "100/10s", weight = length }, parallel = 1 }
    assert.are.equal(0, run({ 90, 90, 90 }, limit, by(5))[3].at)
    assert.are.equal(10, run({ 50, 50, 50 }, limit, by(60))[2].at)
    -- What is free again is so at once, and not when the rule is done.
    assert.are.equal(1, run({ 90, 90 }, { tokens = limit.tokens }, { on = { [200] = function(attempt)
      sleep(1)
      attempt:weigh(5)
      sleep(3)
    end } })[2].at)
    -- More than the window has room for: it waits until it is empty, and goes on.
    assert.are.equal(10, run({ 50, 50 }, limit, by(5000))[2].at)
  end)

  it("says which, where several weigh, and who is asked", function()
    local problem, late
    sim(function() return 200 end, function(lull)
      local limit = { input = { "100/1m", weight = length }, output = { "50/1m", weight = function() return 10 end } }
      local api = lull.client { base = "http://api.test", limit = limit, on = { [200] = function(attempt)
        late = attempt
        local _, first = pcall(attempt.weigh, attempt, 3)
        local _, second = pcall(attempt.weigh, attempt, 3, "outptu")
        local _, third = pcall(attempt.weigh, attempt, -1, "input")
        problem = table.concat({ first, second, third }, "\n")
        attempt:weigh(3, "output")
      end } }
      assert(api:post("/", { body = "12345" }))
      local weighed = lull.lanes()["http://api.test"].weighed
      assert.are.same({ { name = "input", most = 100, window = 60, held = 5 },
        { name = "output", most = 50, window = 60, held = 3 } }, weighed)
      local _, err = pcall(late.weigh, late, 3, "output")
      has(err, "weigh: it is for the rule's function, while that is asked")
    end)
    has(problem, "weigh: 2 rates weigh; say which: attempt:weigh(n, 'input')")
    has(problem, "unknown rate that weighs 'outptu' (did you mean 'output'?)")
    has(problem, "what it weighs is a number from 0 up, not -1")
  end)

  -- What was put right was the mark of the attempt that was sent first and lost: the
  -- window was to hold 30 of the other one, which weighed 10, for three seconds more.
  it("is put right for the attempt that won, of two that raced", function()
    local held, n = {}, 0
    sim(function()
      n = n + 1
      if n == 1 then require "lull".sleep(100) end
      return 200
    end, function(lull)
      local api = lull.client { base = "http://api.test", hedge = "3s", timeout = 200,
        limit = { tokens = { "100/10s", weight = function() return 30 end } },
        on = { [200] = function(attempt) attempt:weigh(10) end } }
      assert(api:get "/")
      for i = 1, 3 do
        held[i] = lull.lanes()["http://api.test"].weighed[1].held
        lull.sleep(i == 1 and 8 or 3)
      end
    end)
    assert.are.same({ 40, 10, 0 }, held)
  end)

  it("gets what a call sends", function()
    local requests = {}
    sim(function() return 200 end, function(lull)
      local api = lull.client { base = "http://api.test", limit = { tokens = { "9/1s", weight = function(request)
        requests[#requests + 1] = request
        return 0.5
      end } } }
      assert(api:post("/a", { json = { n = 1 } }))
      assert(api:get "/b")
      assert.are.equal(2, lull.lanes()["http://api.test"].weighed[1].held) -- rounded up
    end)
    assert.are.same({ method = "POST", url = "http://api.test/a", body = '{"n":1}', json = { n = 1 } }, requests[1])
    assert.are.same({ method = "GET", url = "http://api.test/b" }, requests[2])
  end)

  it("ends a call at once that no window has room for", function()
    sim(function() error "it was sent" end, function(lull)
      local api = lull.client { base = "http://api.test", limit = { tokens = { "90/1m", "10/1s", weight = length } } }
      local res, err = api:post("/", { body = "12345678901" })
      assert.is_nil(res)
      has(err, "it weighs 11, and 'tokens' has room for 10")
      assert.are.same({ "rule", 0, false }, { err.why, err.attempts, err.later })
    end)
  end)

  it("is another client's, too, under its name; one that has a smaller window waits for no more than that", function()
    sim(function() return 200 end, function(lull)
      local big = lull.client { base = "http://api.test", limit = { tokens = { "100/10s", weight = length } } }
      local small = lull.client { base = "http://api.test", limit = { tokens = { "50/10s", weight = length } } }
      assert(small:post("/", { body = ("x"):rep(10) }))
      assert(big:post("/", { body = ("x"):rep(80) }))
      assert.are.equal(10, lull.now())
    end)
  end)

  it("says what is wrong with it", function()
    local lull = support.fresh()
    local function refused(limit, words)
      local place, fine, err = line(1), pcall(function()
        lull.client { limit = limit } end)
      assert.is_false(fine)
      assert.are.equal(place .. words, err)
    end
    refused({ tokens = "9/1s" }, "unknown field of limit 'tokens'")
    refused({ tokens = { "9/1s", weight = 3 } }, "limit['tokens'].weight must be a function or nil, not a number")
    refused({ tokens = { "9/1s burst 3", weight = length } }, "limit['tokens']: a rate that weighs has no burst")
    refused({ tokens = { weight = length } }, "limit['tokens']: there is no rate in it")
    refused({ tokens = { "9/1s", wieght = length } }, "unknown field of limit 'tokens'")
    refused({ ["/a"] = { "9/1s", wieght = length } },
      "unknown field of limit['/a'] 'wieght' (did you mean 'weight'?)")
    refused({ tokens = { "5000000000/1s", weight = length } },
      "limit['tokens']: '5000000000/1s' is more than a window can hold: 4000000000")
    local place, fine, err = line(1), pcall(function()
      local api = lull.client { limit = { tokens = { "9/1s", weight = function() return "3" end } } }
      return api:get "http://api.test/"
    end)
    assert.is_false(fine)
    assert.are.equal(place .. "what 'tokens' weighs is a number from 0 up, not 3", err)
  end)
end)
