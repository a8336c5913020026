-- The timer queue: a heap by (time, sequence), against a naive model.
local unit = require "lull.unit"
local new = unit.timerq.new
local NEVER = math.huge

describe("timerq", function()
  local q, before

  before_each(function()
    collectgarbage()
    collectgarbage()
    before = unit.base.live()
    q = new(64)
  end)

  after_each(function()
    unit.base.fail(-1)
    q = nil
    collectgarbage()
    collectgarbage()
    assert.are.equal(before, unit.base.live())
  end)

  local function set(list)
    for n, at in ipairs(list) do q:set(n, at) end
  end

  -- All that fire in the round at `now`, in order.
  local function round(now)
    local fired = {}
    q:begin(now)
    for n in function() return q:fire() end do fired[#fired + 1] = n end
    return fired
  end

  it("is empty at first", function()
    assert.is_nil(q:first())
    assert.are.same({}, round(NEVER))
    assert.is_false(q:armed(1))
  end)

  it("gives the earliest first", function()
    set { 30, 10, 20 }
    assert.are.equal(10, q:first())
    assert.are.same({}, round(9))
    assert.are.same({ 2 }, round(10))
    assert.are.equal(20, q:first())
    assert.are.same({ 3, 1 }, round(30))
    assert.is_nil(q:first())
  end)

  it("gives timers of the same time in the order of arming", function()
    for n = 40, 1, -1 do q:set(n, 7) end
    local fired = round(7)
    assert.are.equal(40, #fired)
    for i, n in ipairs(fired) do assert.are.equal(41 - i, n) end
  end)

  it("puts a timer that is armed again behind its equals", function()
    set { 5, 5, 5 }
    q:set(1, 5)
    assert.are.same({ 2, 3, 1 }, round(5))
  end)

  it("moves a timer both ways", function()
    set { 10, 20, 30, 40 }
    q:set(4, 5)
    q:set(1, 35)
    assert.are.same({ 4, 2, 3, 1 }, round(100))
  end)

  it("cancels, and cancelling twice is harmless", function()
    set { 10, 20, 30 }
    q:cancel(2)
    q:cancel(2)
    assert.is_false(q:armed(2))
    assert.are.same({ 1, 3 }, round(100))
    q:cancel(1)
    assert.are.same({}, round(100))
  end)

  it("takes LULL_NEVER as not to fire at all", function()
    q:set(1, NEVER)
    assert.is_false(q:armed(1))
    assert.is_nil(q:first())
    q:set(2, 10)
    q:set(2, NEVER)
    assert.is_false(q:armed(2))
    assert.are.same({}, round(NEVER))
  end)

  it("takes times before the present, and below zero", function()
    set { 50, -3, 0 }
    assert.are.equal(-3, q:first())
    assert.are.same({ 2, 3, 1 }, round(60))
    q:set(1, 20)
    assert.are.equal(20, q:first())
    assert.are.same({ 1 }, round(60))
  end)

  describe("round", function()
    it("fires all that are due at its begin before what is armed meanwhile", function()
      set { 1, 2, 3 }
      q:begin(10)
      local fired = {}
      for n in function() return q:fire() end do
        fired[#fired + 1] = n
        q:set(n, 0) -- at once again: it would starve the others
      end
      assert.are.same({ 1, 2, 3 }, fired)
      assert.are.same({ 1, 2, 3 }, round(10))
    end)

    it("disarms what it gives out", function()
      set { 1, 2 }
      q:begin(10)
      assert.is_true(q:armed(1))
      assert.are.equal(1, q:fire())
      assert.is_false(q:armed(1))
      assert.is_true(q:armed(2))
      assert.are.equal(2, q:fire())
      assert.is_nil(q:fire())
    end)

    it("tells the first time also while it lasts", function()
      set { 3, 4, 50 }
      q:begin(10)
      assert.are.equal(3, q:first())
      q:fire()
      assert.are.equal(4, q:first())
      q:fire()
      assert.are.equal(50, q:first())
    end)

    it("lets go of one that is cancelled or moved, wherever it stands", function()
      for victim = 1, 4 do
        for later = 0, 1 do
          set { 1, 2, 3, 4 }
          q:begin(10)
          local expected = {}
          for n = 1, 4 do
            if n ~= victim then expected[#expected + 1] = n end
          end
          if later == 0 then q:cancel(victim) else q:set(victim, 20) end
          local fired = {}
          for n in function() return q:fire() end do fired[#fired + 1] = n end
          assert.are.same(expected, fired)
          assert.are.same(later == 0 and {} or { victim }, round(20))
        end
      end
    end)

    it("lets go of what is cancelled between two that fire", function()
      set { 1, 1, 1, 1 }
      q:begin(1)
      assert.are.equal(1, q:fire())
      q:cancel(2)
      q:cancel(4)
      assert.are.equal(3, q:fire())
      assert.is_nil(q:fire())
    end)

    it("can be begun again before it is over", function()
      set { 1, 5 }
      q:begin(1)
      q:begin(5)
      assert.are.equal(1, q:fire())
      assert.are.equal(2, q:fire())
      assert.is_nil(q:fire())
    end)
  end)

  describe("under random use", function()
    local TIMERS = 200

    -- The model: a list that is sorted anew each time.
    local function earliest(model)
      local best
      for n, entry in pairs(model) do
        local other = model[best]
        if not other or entry.at < other.at
          or (entry.at == other.at and entry.seq < other.seq) then
          best = n
        end
      end
      return best
    end

    local function take_due(model, now)
      local due = {}
      while true do
        local n = earliest(model)
        if not n or model[n].at > now then return due end
        due[#due + 1] = n
        model[n] = nil
      end
    end

    local function run(seed, steps, spread)
      local rng = unit.backoff.rng(seed)
      local heap, model, now, seq = new(TIMERS), {}, 0, 0
      for _ = 1, steps do
        local n, what = rng:range(1, TIMERS), rng:range(1, 100)
        if what <= 60 then
          local at = now + rng:range(-spread, spread)
          seq = seq + 1
          heap:set(n, at)
          model[n] = { at = at, seq = seq }
        elseif what <= 80 then
          heap:cancel(n)
          model[n] = nil
        elseif what <= 84 then
          heap:set(n, NEVER)
          model[n] = nil
        else
          now = now + rng:range(0, spread)
          heap:begin(now)
          for _, expected in ipairs(take_due(model, now)) do
            assert.are.equal(expected, heap:fire())
          end
          assert.is_nil(heap:fire())
        end
        local best = earliest(model)
        assert.are.equal(best and model[best].at or nil, (heap:first()))
        assert.are.equal(model[n] ~= nil, heap:armed(n))
      end
    end

    for seed, spread in ipairs { 1, 3, 50, 1000000 } do
      it(("agrees with the model, spread %d"):format(spread), function()
        run(seed, 1500, spread)
      end)
    end

    it("agrees with the model when rounds are disturbed", function()
      local rng = unit.backoff.rng(9)
      local heap, model, seq = new(TIMERS), {}, 0
      for now = 1, 200 do
        for _ = 1, 30 do
          local n, at = rng:range(1, TIMERS), now + rng:range(-2, 9)
          seq = seq + 1
          heap:set(n, at)
          model[n] = { at = at, seq = seq }
        end
        heap:begin(now)
        local due = take_due(model, now)
        local inside = {}
        for _, n in ipairs(due) do inside[n] = true end
        for _, n in ipairs(due) do
          if inside[n] then
            assert.are.equal(n, heap:fire())
            inside[n] = nil
            local other = rng:range(1, TIMERS)
            inside[other], model[other] = nil, nil
            if rng:range(0, 1) == 0 then
              heap:cancel(other)
            else
              seq = seq + 1
              heap:set(other, now)
              model[other] = { at = now, seq = seq }
            end
          end
        end
        assert.is_nil(heap:fire())
      end
    end)
  end)

  describe("without memory", function()
    it("fails to reserve, and arms what was reserved all the same", function()
      q = nil
      local small, reserved = new(0), 0
      unit.base.fail(1)
      while small:reserve() do reserved = reserved + 1 end
      assert.is_true(reserved > 0)
      assert.are.same({ nil, "out of memory" }, { small:reserve() })
      for n = 1, reserved do small:set(n, reserved - n) end
      small:begin(NEVER)
      for n = reserved, 1, -1 do assert.are.equal(n, small:fire()) end
      assert.is_nil(small:fire())
      unit.base.fail(-1)
      assert.is_true(small:reserve())
      for n = 1, reserved + 1 do small:set(n, n) end
      assert.are.equal(1, small:first())
    end)

    it("lets a place that was given back be reserved again", function()
      q = nil
      local small = new(0)
      unit.base.fail(1)
      local reserved = 0
      while small:reserve() do reserved = reserved + 1 end
      for _ = 1, 100 do
        small:release()
        assert.is_true(small:reserve())
        assert.is_nil((small:reserve()))
      end
      for n = 1, reserved do small:set(n, 1) end
      small:begin(1)
      for n = 1, reserved do assert.are.equal(n, small:fire()) end
    end)
  end)
end)
