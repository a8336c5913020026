-- What a lane knows outlives the process: a second run of a script began with the
-- whole burst again, though the first had been told to wait for a minute.

local unit = require "lull.unit"
local unpack = table.unpack or unpack
local new, ticket = unit.lane.new, unit.lane.ticket

local WALL = 1790000000
local DAY, YEAR = 86400, 365 * 86400
local LEARNS = { adaptive = true, slow_start = true, pace = true }

describe("what a lane knows", function()
  local before
  before_each(function() before = unit.lane.live() end)
  after_each(function() assert.are.equal(before, unit.lane.live()) end)

  local function lane_of(conf)
    local lane = new "origin"
    assert.is_true(lane:configure(conf or LEARNS))
    return lane
  end

  -- Starts what may start of so many, and ends it.
  local function send(lane, now, count, how, path)
    local n = 0
    for _ = 1, count do
      local t = ticket()
      lane:enqueue(t, "GET", path or "/")
      local started = lane:next(now)
      if started then
        n = n + 1
        started:finish(now, unpack(how or {}))
      else
        t:leave(now)
      end
    end
    return n
  end

  -- When one more may start; nil: at once.
  local function due(lane, now, path)
    local t = ticket()
    lane:enqueue(t, "GET", path or "/")
    local started, when = lane:next(now)
    t:leave(now)
    return not started and when or nil
  end

  -- The lane of another process, which begins `passed` seconds later by the wall
  -- clock, at 5 by its own.
  local function resumed(lane, now, passed, conf)
    local bytes = assert(lane:save(now, WALL))
    lane:free()
    local other = lane_of(conf)
    assert.is_true(other:restore(5, WALL + passed, bytes))
    return other, bytes
  end

  local function check(lane, now, passed, conf, expected, path)
    local other = resumed(lane, now, passed, conf)
    local at = due(other, 5, path)
    if expected then assert.near(expected, assert(at) - 5, 1e-5) else assert.is_nil(at) end
    other:free()
  end

  local function paused()
    local lane = lane_of()
    lane:pause(160)
    return lane
  end

  it("is the end of a pause", function()
    check(paused(), 100, 0, nil, 60)
    check(paused(), 100, 10, nil, 50)
    check(paused(), 100, 60, nil, nil)
    check(paused(), 200, 0, nil, nil)
  end)

  -- A clock that was put back tells nothing: no longer than what was left.
  it("though the clock moved", function()
    check(paused(), 100, -YEAR, nil, 60)
    check(paused(), 100, -1, nil, 60)
    check(paused(), 100, YEAR, nil, nil)
  end)

  local function quota()
    local lane = lane_of()
    send(lane, 100, 1, { "pass", 0, 30 })
    return lane
  end

  it("is a quota that was told", function()
    check(quota(), 100, 10, nil, 20)
    check(quota(), 100, 30, nil, nil)
    check(quota(), 100, -YEAR, nil, 30)
  end)

  local BREAKER = { breaker = { failures = 0.5, window = 10, least = 2, open = 30 } }

  local function broken()
    local lane = lane_of(BREAKER)
    send(lane, 100, 2, { "fail" })
    return lane
  end

  it("is an open breaker, which is half open when its time is over", function()
    check(broken(), 100, 10, BREAKER, 20)
    for passed, name in pairs { [10] = "open", [40] = "half-open", [2 * DAY] = "closed" } do
      local other = resumed(broken(), 100, passed, BREAKER)
      assert.are.equal(name, other:inspect(5).breaker)
      other:free()
    end
    check(broken(), 100, 10, LEARNS, nil)
  end)

  local function used(conf, count)
    local lane = lane_of(conf)
    assert.are.equal(count, send(lane, 98, count))
    return lane
  end

  it("is what was sent in the windows of rates", function()
    local conf = { rates = { { 3, 10 } } }
    check(used(conf, 3), 100, 1, conf, 7)
    check(used(conf, 2), 100, 1, conf, nil)
    check(used(conf, 3), 100, 8, conf, nil)
    check(used(conf, 3), 100, -YEAR, conf, 8)
    check(used(conf, 3), 100, 1, { rates = { { 5, 10 } } }, nil)
    check(used(conf, 3), 100, 1, { rates = { { 2, 20 } } }, 17)
    check(used({ rates = { { 9, 1 }, { 3, 10 } } }, 3), 100, 1, conf, 7)
  end)

  it("is kept by route", function()
    local odd = "/a b%\n\195\164/*"
    local conf = { routes = { { "GET", odd, 1, 10 }, { nil, "/c", 1, 10 } } }
    local function lane()
      local one = lane_of(conf)
      send(one, 98, 1, nil, "/a b%\n\195\164/1")
      return one
    end
    check(lane(), 100, 1, conf, 7, "/a b%\n\195\164/2")
    check(lane(), 100, 1, conf, nil, "/c")
    check(lane(), 100, 1, { routes = { { "PUT", odd, 1, 10 } } }, nil, "/a b%\n\195\164/2")
  end)

  it("is small, and never less than was sent", function()
    local conf = { rates = { { 1000, 60 } } }
    local lane = lane_of(conf)
    for i = 1, 1000 do assert.are.equal(1, send(lane, i * 0.05, 1)) end
    local other, bytes = resumed(lane, 51, 1, conf)
    assert.is_true(#bytes < 2000, tostring(#bytes))
    local at = due(other, 5) - 5
    assert.is_true(at >= 8.05 and at <= 9, tostring(at))
    other:free()
  end)

  it("is what was sent, and has not left yet", function()
    local conf = { rates = { { 1, 10 } } }
    local lane = lane_of(conf)
    lane:expect_sent(true)
    local t = ticket()
    lane:enqueue(t, "GET", "/")
    assert.are.equal(t, lane:next(100))
    local bytes = lane:save(100, WALL)
    t:leave(100)
    lane:free()
    -- When it came to the server nobody knows: it may be just now.
    for _, passed in ipairs { 0, 3, 30 } do
      local other = lane_of(conf)
      assert.is_true(other:restore(5, WALL + passed, bytes))
      assert.are.equal(15, due(other, 5))
      other:free()
    end
  end)

  it("is worth to be kept, if there is anything", function()
    local conf = { rates = { { 3, 10 } } }
    local lane = lane_of(conf)
    assert.is_false(select(3, lane:save(100, WALL)))
    send(lane, 100, 1)
    assert.is_true(select(3, lane:save(100, WALL)))
    lane:free()
    lane = paused()
    assert.is_true(select(3, lane:save(100, WALL)))
    assert.is_false(select(3, lane:save(160, WALL)))
    lane:free()
  end)

  it("is added to what it knows already", function()
    local conf = { rates = { { 3, 10 } } }
    local bytes
    for _, at in ipairs { 92, 98 } do
      local lane = lane_of(conf)
      if bytes then assert.is_true(lane:restore(98, WALL + 6, bytes)) end
      assert.are.equal(at == 92 and 1 or 2, send(lane, at, at == 92 and 1 or 2))
      if bytes then assert.are.equal(102, due(lane, 98)) end
      bytes = lane:save(at, WALL)
      lane:free()
    end
  end)

  local LEARNED = ("lull-lane 1 %d000000\nrate 9800000 10000000\nperiod 2 10000000 1 3000000 1 1000000 1\n"
    .. "parallel 8 1\nnoise 30000\n"):format(WALL)

  it("is what was learned", function()
    local lane = lane_of()
    assert.is_true(lane:restore(5, WALL + 4, LEARNED))
    local is = lane:inspect(5)
    assert.are.same({ 9.8, 2, 10, 8, 0.03 }, { is.rate, is.count, is.window, is.at_once, is.noise })
    assert.are.equal(8, due(lane, 5))
    assert.are.equal((LEARNED:gsub("3000000 1 1000000 1", "7000000 1 5000000 1")), (lane:save(5, WALL)))
    lane:free()
  end)

  it("but not after a day, or where nothing is learned", function()
    for _, case in ipairs { { DAY, LEARNS }, { YEAR, LEARNS }, { 0, { pace = true } } } do
      local lane = lane_of(case[2])
      assert.is_true(lane:restore(5, WALL + case[1], LEARNED))
      local is = lane:inspect(5)
      assert.are.same({ 0, 0, 0, 0 }, { is.rate, is.count, is.at_once, is.noise })
      lane:free()
    end
  end)

  it("is nothing when the bytes are of another kind", function()
    for _, bytes in ipairs { "", "lull-lane 1", "lull-lane 1 x\n", "lull-lane 2 5\npause 60000000\n",
      "lull-lane 10 5\n", "lull-lane 1 99999999999999999999\n", "\0" } do
      local lane = lane_of()
      assert.is_false(lane:restore(5, WALL, bytes))
      assert.is_nil(due(lane, 5))
      lane:free()
    end
  end)

  -- What a broken journal may hold.
  it("is harmless, whatever the bytes", function()
    local whole = LEARNED .. "pause 60000000\nquota 1 2 3\nbreaker 5\nsent =GET =/a%20 1 1\nfuture 1 2\n\nrate -1\n"
    local state = 7
    local function draw(n)
      state = (state * 16807) % 2147483647
      return state % n + 1
    end
    for i = 1, 400 do
      local bytes = whole:sub(1, i <= #whole and i or -1)
      if i % 2 == 0 then
        local at = draw(#bytes)
        bytes = bytes:sub(1, at - 1) .. ("0123456789 =-%\n\255"):sub(draw(16)):sub(1, 1) .. bytes:sub(at + 1)
      end
      local lane = lane_of { adaptive = true, pace = true, rates = { { 5, 1 } }, breaker = BREAKER.breaker }
      lane:restore(5, WALL, bytes)
      due(lane, 5)
      assert(lane:save(5, WALL))
      lane:free()
    end
  end)

  it("is an error when there is no memory", function()
    local lane = paused()
    local bytes, err = lane:save(100, WALL, 1)
    assert.is_nil(bytes)
    assert.are.equal("out of memory", err)
    lane:free()
  end)
end)
