-- The scripts that a Redis runs for lanes which several processes share, by a clock
-- that the spec sets: no window ever holds more, whatever became of a process.
local resp = require "tests.resp"
local scripts = require "lull.lanescript"
local support = require "tests.support"
local wire = require "tests.wire"

local RATE = "%d %d 0.000 0.000 - *\n" -- of so many, in so many us

describe("the scripts of shared lanes #binary", function()
  if not wire.has_redis() then
    pending "there is no redis-server here"
    return
  end

  local redis, link, join, step, now
  local LANES = "{lull:x}:lanes"

  setup(function()
    redis = wire.redis "--appendonly no"
    link = resp.connect(redis.port)
    join, step = link:script(scripts.JOIN), link:script(scripts.STEP)
  end)
  teardown(wire.clean)

  local function go_to(us)
    now = us
    link:set_clock(us)
  end

  before_each(function()
    link:ask "FLUSHDB"
    go_to(1767225600e6)
  end)

  -- A process that has joined; p(letter, bytes, ...) is a script of these writes.
  local function process(rate, lease)
    local p = { lease = lease or 30000, step = 0, lane = 1 }
    local told = join("{lull:x}", p.lease, "0123456789abcdef", "epoch", "here 1")
    p.me, p.epoch = told[2], told[3]
    ---Gives the words that came back, by their first: lists.
    function p.tell(...)
      p.step = p.step + 1
      local writes = {}
      for i = 1, select("#", ...), 2 do
        local letter, bytes = select(i, ...)
        writes[#writes + 1], writes[#writes + 2], writes[#writes + 3] = letter .. " " .. p.lane .. " 0 0", "one", bytes
      end
      local words = {}
      for _, entry in ipairs(step("{lull:x}", p.me, p.epoch, p.step, p.lease, table.unpack(writes))) do
        words[entry[1]] = words[entry[1]] or {}
        table.insert(words[entry[1]], entry)
      end
      return words
    end
    -- The places that it is given: from when each.
    function p.ask(n, more)
      local times = {}
      for _, entry in ipairs(p.tell("G", (more or "") .. ("a 1 %d 0\n"):format(n)).places or {}) do
        for i = 6, #entry, 2 do
          for _ = 1, tonumber(entry[i + 1]) do times[#times + 1] = tonumber(entry[i]) end
        end
      end
      return times
    end
    p.tell("O", rate)
    return p
  end

  local function sent(number, at) return ("s 1 %d %.0f\n"):format(number, at) end

  -- What was told within a second of another script renewed no expiry: one that
  -- was set in a burst took the whole window with it, two minutes later.
  it("keep what a window holds for as long as it matters", function()
    local p = process(RATE:format(500, 60e6))
    p.ask(10)
    p.tell("G", sent(1, now))
    assert.equal(1, link:ask("PEXPIRE", LANES .. ":1:1", 1000))
    p.tell("G", sent(2, now))
    assert.is_true(link:ask("PTTL", LANES .. ":1:1") > 60000)
  end)

  -- It was told to begin again, and what it had sent meanwhile was in no window.
  it("count what a process sent whose lease was over", function()
    local p, other = process(RATE:format(10, 10e6)), process(RATE:format(10, 10e6))
    assert.equal(5, #p.ask(10)) -- each its part
    go_to(now + 31e6)
    other.tell("G", "") -- finds that its lease is over: five are taken to be used now
    go_to(now + 9e6)
    local words = p.tell("G", sent(1, now) .. sent(2, now) .. "a 1 5 0\n")
    assert.are.same({ { "again", "1" } }, words.again)
    assert.is_nil(words.places)
    go_to(now + 1.5e6) -- the five are out of the window, and those two are not
    local times = other.ask(5)
    for i = 1, 5 do assert.is_true(times[i] <= now) end
    assert.equal(3, #other.ask(5))
  end)

  -- The second time they had the same names as the first, and stood there once.
  it("count what a process held each time that its lease is over", function()
    local p, other = process(RATE:format(10, 3600e6)), process(RATE:format(10, 3600e6))
    for turn = 1, 2 do
      p.tell("O", RATE:format(10, 3600e6))
      assert.equal(3, #p.ask(3))
      go_to(now + 31e6)
      other.tell("G", "")
      assert.equal(3 * turn, link:ask("ZCARD", LANES .. ":1:1"))
    end
    assert.is_true(link:ask("PTTL", LANES .. ":1:1") > 3600e3)
  end)

  -- Within a second of a script it was not renewed: one of a second was over then.
  it("renew a lease in time, however short", function()
    local p, other = process(RATE:format(10, 10e6), 1000), process(RATE:format(10, 10e6), 1000)
    for _ = 1, 5 do
      p.ask(1)
      go_to(now + 0.8e6)
    end
    other.tell("G", "")
    assert.equal(5, tonumber(link:ask("HGET", LANES .. ":1", "1:" .. p.me)))
  end)

  -- It took what it had from itself, was given more in the same breath, and forgot that.
  it("leave a process what it has that comes late, when nobody has taken it", function()
    local p = process(RATE:format(10, 10e6))
    p.ask(3)
    go_to(now + 31e6)
    assert.equal(2, #p.ask(2))
    assert.is_nil(p.tell("G", "").again)
    assert.equal("5", link:ask("HGET", LANES .. ":1", "1:" .. p.me))
  end)

  it("find out that Redis has lost the last that it was told", function()
    local p = process(RATE:format(10, 10e6))
    p.ask(1)
    p.tell("G", sent(1, now))
    link:ask("HSET", LANES .. ":w:" .. p.me, "step", "2")
    assert.is_table(p.tell("G", "").flushed)
    local late = process(RATE:format(10, 10e6))
    link:ask("DEL", LANES .. ":w:" .. late.me)
    link:ask("HSET", LANES .. ":meta", "runs", late.me - 1)
    assert.is_table(late.tell("G", "").flushed)
  end)

  -- Several processes that ask, use late or give back what they have, and are gone
  -- for a while, by a clock that goes on in steps.
  it("never let a window hold more, and let all of it be used", function()
    local draw, starts, many = support.below(5), {}, { { 10, 1e6 }, { 40, 6e6 } }
    local rates, processes = RATE:format(10, 1e6) .. RATE:format(40, 6e6), {}
    for i = 1, 4 do processes[i] = { p = process(rates), places = {}, untold = {}, n = 0 } end
    local function use(one)
      while one.places[1] and one.places[1] <= now and draw(5) > 0 do
        table.remove(one.places, 1)
        one.n = one.n + 1
        one.untold[#one.untold + 1] = ("s 3 %d %.0f\n"):format(one.n, now)
        starts[#starts + 1] = now
      end
    end
    local function talk(one)
      local bytes = table.concat(one.untold)
      one.untold = {}
      if #one.places > 2 and draw(4) == 0 then
        table.remove(one.places)
        bytes = bytes .. "r 3 1 0\n"
      end
      local words = one.p.tell("G", bytes .. "a 3 6 0\n")
      for _, entry in ipairs(words.places or {}) do
        for i = 6, #entry, 2 do
          for _ = 1, tonumber(entry[i + 1]) do one.places[#one.places + 1] = tonumber(entry[i]) end
        end
      end
      table.sort(one.places)
      if not words.again then return end
      one.places = {}
      one.p.lane = one.p.lane + 1
      one.p.tell("O", rates)
    end
    local began = now
    for turn = 1, 1200 do
      for _, one in ipairs(processes) do
        if one.gone then
          one.gone = now < one.gone and one.gone or nil
        else
          use(one)
          if draw(3) == 0 then talk(one) end
          -- One that stands still for longer than its lease has used nothing since.
          if turn % 400 == 399 and draw(2) == 0 then one.gone, one.places = now + 35e6, {} end
        end
      end
      go_to(now + 20000 + draw(20000))
    end
    for _, limit in ipairs(many) do
      for i = limit[1] + 1, #starts do
        assert(starts[i] - starts[i - limit[1]] >= limit[2], "a window holds more")
      end
    end
    assert.is_true(#starts > 0.8 * 40 * (now - began) / 6e6, #starts .. " starts")
  end)
end)
