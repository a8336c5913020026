-- A lane's windows whose starts weigh, against a naive count of all of them.
local unit = require "lull.unit"
local new, ticket = unit.lane.new, unit.lane.ticket

local function generator(seed)
  local state = seed
  return function(n)
    state = (state * 16807) % 2147483647
    return state % n
  end
end

describe("a window whose starts weigh", function()
  local lane, before

  before_each(function()
    before = unit.lane.live()
    lane = new("origin")
  end)

  after_each(function()
    unit.lane.fail(-1)
    lane:free()
    assert.are.equal(before, unit.lane.live())
  end)

  local function configure(most, length)
    assert.is_true(lane:configure { routes = { { nil, nil, most, length, nil, "w" } } })
  end

  local function add(weight)
    local t = ticket(weight)
    lane:enqueue(t, "GET", "/")
    return t
  end

  -- Starts what may start; nil and when to ask again.
  local function start(weight, now)
    local t = add(weight)
    local started, when = lane:next(now)
    if not started then t:leave(now) end
    return started, when
  end

  it("tells when there is room for so much, and not for less", function()
    configure(10, 8)
    for i = 0, 3 do start(2, i):finish(i) end
    assert.are.same({ nil, 8 }, { start(3, 4) })
    assert.are.same({ nil, 9 }, { start(5, 4) })
    assert.are.same({ nil, 11 }, { start(10, 4) })
    start(2, 4):finish(4)
    assert.are.same({ nil, 8 }, { start(1, 7) })
    assert.is_truthy(start(2, 8))
    assert.are.equal("none", lane:cause(8))
    local t = add(9)
    assert.are.equal("rate", lane:cause(8))
    t:leave(8)
  end)

  it("counts what has started, and has not left, whatever the time", function()
    configure(10, 1)
    lane:expect_sent(true)
    local first, second = start(6, 0), start(4, 0)
    assert.are.same({ nil, math.huge }, { start(1, 100) })
    first:sent(100)
    assert.are.same({ nil, math.huge }, { start(7, 100.5) })
    second:sent(100.5)
    assert.are.same({ nil, 101 }, { start(6, 100.5) })
    assert.are.same({ nil, 101.5 }, { start(10, 100.5) })
    first:finish(100.5)
    second:finish(100.5)
  end)

  it("counts an ended one as what it was: once, and when it was", function()
    configure(10, 8)
    local t = start(8, 0)
    t:finish(1)
    t:weigh(lane, 3)
    start(7, 1):finish(1)
    assert.are.same({ nil, 8 }, { start(1, 1) })
    t:weigh(lane, 9)
    t:weigh(lane, 9)
    assert.are.same({ nil, 8 }, { start(3, 1) })
    assert.are.same({ nil, 9 }, { start(4, 1) })
    t:weigh(lane, 0)
    assert.is_truthy(start(3, 1))
  end)

  -- The stamps of starts, which may leave later than they start, and arrive
  -- sooner than they are counted; and weights that are put right.
  it("never holds more than it says, and lets go what fits", function()
    for seed = 1, 60 do
      local random = generator(seed)
      local most, length = 5 + random(40), 1 + random(20)
      lane:free()
      lane = new("origin")
      configure(most, length)
      lane:expect_sent(true)
      local all, flying, now, starts = {}, {}, 0, 0
      local function held(at)
        local sum = 0
        for _, t in ipairs(all) do
          if not t.stamp or t.stamp > at - length then sum = sum + t.weight end
        end
        return sum
      end
      for _ = 1, 300 do
        local what = random(8)
        if what < 5 then
          local weight = 1 + random(most)
          local t, when = start(weight, now)
          local fits = held(now) + weight <= most
          assert.are.equal(fits, t ~= nil)
          if t then
            starts = starts + 1
            all[#all + 1] = { t = t, weight = weight }
            flying[#flying + 1] = all[#all]
          elseif when < math.huge then
            assert.is_true(held(when) + weight <= most)
            assert.is_true(when <= now or held(when - 1e-6) + weight > most)
          end
        elseif what < 7 and #flying > 0 then
          local f = table.remove(flying, 1 + random(#flying))
          f.t:sent(now)
          f.stamp = now
          f.t:finish(now)
          if random(3) == 0 then
            local real = random(f.weight + 1)
            f.t:weigh(lane, real)
            f.weight = real
          end
        else
          now = now + random(length * 2) / 4
        end
      end
      assert.is_true(starts > 20)
      for _, f in ipairs(flying) do f.t:finish(now) end
    end
  end)

  it("lets less go without memory, and never more", function()
    configure(1000, 1000)
    unit.lane.fail(0)
    local sum = 0
    for i = 1, 200 do
      unit.lane.fail(0)
      local t = start(4, i)
      assert.is_truthy(t)
      sum = sum + 4
      t:finish(i)
    end
    unit.lane.fail(-1)
    assert.are.equal(800, sum)
    assert.is_nil((start(201, 999)))
    local free = 0
    for i = 1001, 1200 do
      while true do
        local t = start(1, i)
        if not t then break end
        free = free + 1
        t:finish(i)
      end
      assert.is_true(free <= 200 + 4 * (i - 1000), tostring(free))
    end
    assert.are.equal(1000, free) -- as of old, once the last of them is over
  end)

  it("is given up whole where there is no memory for it", function()
    local n = 1
    while true do
      local fine = lane:configure { routes = { { "PUT", "/a*", 1, 5, nil, "w" } }, fail = n }
      if fine then break end
      n = n + 1
    end
    assert.is_true(n > 4)
  end)

  it("outlives the process, and stays as it is where there are very many", function()
    configure(100000, 1000)
    for i = 1, 500 do start(10, i):finish(i) end
    local bytes = assert(lane:save(500, 1790000000))
    assert.is_true(#bytes < 2000, tostring(#bytes))
    lane:free()
    lane = new("origin")
    configure(6000, 1000)
    assert.is_true(lane:restore(0, 1790000000, bytes))
    assert.is_truthy(start(1000, 0))
    assert.is_nil((start(1, 0)))
    local _, when = start(1000, 0)
    assert.is_true(when >= 600 and when <= 610, tostring(when))
  end)
end)
