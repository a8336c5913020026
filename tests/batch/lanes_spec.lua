-- What a lane knows is kept in the journal: a run that was killed and begun again
-- sent the whole burst of its limit anew, and sent within a pause that it had been
-- told of.
local kills = require "tests.kills"
local sim = require "lull.sim"

local function items_of(n)
  local items = {}
  for i = 1, n do items[i] = ("i%02d"):format(i) end
  return items
end

-- The most requests that any window of that length has seen.
local function most(times, length)
  local high = 0
  for i, from in ipairs(times) do
    local n = 0
    for k = i, #times do
      if times[k].time - from.time < length - 1e-6 then n = n + 1 end
    end
    high = math.max(high, n)
  end
  return high
end

describe("a lane of a batch that is killed at each write", function()
  local function holds_limit(make, again)
    local full = false
    kills.kill_at_each { again = again or { 0, 2 }, answer = kills.flaky(0), script = function(lull)
      local api = lull.client { base = "http://api.test", limit = "4/1m" }
      return lull.each(items_of(9), { parallel = 9 }, function(x) return make(api, "/p/" .. x, lull) end)
    end, check = function(server, sum)
      kills.all_settled(sum, 9)
      local high = most(server.times, 60)
      assert(high <= 4, high .. " within a minute")
      full = full or high == 4
    end }
    assert.is_true(full)
  end

  it("holds its limit over the kill, with keys #binary", function()
    holds_limit(function(api, path) return api:post(path, { key = true }) end)
  end)

  it("holds its limit over the kill, without keys #binary", function()
    holds_limit(function(api, path) return api:post(path) end, { 0 })
  end)

  -- What no item remembers is counted as well.
  it("holds its limit over the kill, with calls of other tasks #binary", function()
    holds_limit(function(api, path, lull)
      local got, err = lull.all { function() return api:get(path) end }
      return got and true, err
    end, { 0 })
  end)

  it("is paused until the time that it was told", function()
    kills.kill_at_each { again = { 0, 2 }, answer = function(server, request, nth)
      local now = server.base + request.time
      if request.path == "/p/i01" and nth == 1 then
        server.told = now + 45
        return { status = 429, headers = { ["retry-after"] = "45" } }
      end
      if server.told and now < server.told and now > server.told - 45 then server.early = request.path end
      server.apply(request)
      return 200
    end, script = function(lull)
      local api = lull.client { base = "http://api.test" }
      return lull.each(items_of(6), { parallel = 1 }, function(x) return api:put("/p/" .. x, { body = x }) end)
    end, check = function(server, sum)
      kills.all_settled(sum, 6)
      -- What was told is lost with its commit: then it was never heard of.
      assert(not server.early or server.lost == true, tostring(server.early))
    end }
  end)
end)

describe("a lane over the end of a run", function()
  -- With `within` the script names the journal, which is opened by its batch.
  local function run(journal, at, world, script, within)
    return sim.run { script = function()
      if within then require("lull.sched").memory_store = journal end
      return script(require "lull")
    end, world = world, journal = not within and journal or nil, time = 1767225600 + at, seed = 3 }
  end

  -- Both runs of 10 items: the times at which the second one sent.
  local function second(options)
    local journal = sim.journal()
    local function script(from)
      return function(lull)
        local api = lull.client(options.client)
        if options.before then api:get "/before" end
        local items = {}
        for i = from, from + (options.before and 8 or 9) do items[#items + 1] = i end
        lull.each(items, { journal = options.within and "x.lull", parallel = 10 }, function(i)
          return api:get("/" .. i)
        end)
      end
    end
    local first = run(journal, 0, options.world, script(1), options.within)
    assert(first.ok, tostring(first.err))
    local t = run(journal, math.ceil(first.elapsed) + (options.gap or 0), options.world, script(11), options.within)
    assert(t.ok, tostring(t.err))
    local times = {}
    for i, request in ipairs(t.requests) do times[i] = request.time end
    return times, first, t
  end

  local LIMITED = { base = "http://api.test", limit = "10/1m" }

  it("counts what was sent in its windows", function()
    local function ok() return 200 end
    local times = second { client = LIMITED, world = ok }
    assert.is_true(times[1] >= 57, tostring(times[1]))
    times = second { client = LIMITED, world = ok, gap = 60 }
    assert.is_true(times[10] < 5, tostring(times[10]))
    -- A clock that was set back by a year: no longer than a minute.
    times = second { client = LIMITED, world = ok, gap = -365 * 86400 }
    assert.is_true(times[1] >= 57 and times[10] <= 65, tostring(times[1]))
  end)

  -- The login of a script went before its batch, and so before anything was known.
  it("counts what was sent, for calls before the batch, too", function()
    local times = second { client = LIMITED, world = function() return 200 end, before = true }
    assert.is_true(times[1] >= 58, tostring(times[1]))
  end)

  it("knows what was sent before, when the script names its journal after a call", function()
    local times = second { client = LIMITED, world = function() return 200 end, before = true, within = true }
    assert.is_true(times[1] < 1 and times[2] >= 58, tostring(times[2]))
  end)

  -- Only the windows of the client that called first were known again: the other's
  -- limit began anew with each run.
  it("counts what was sent in the windows of each client", function()
    for _, first in ipairs { "2/1s", false } do
      local journal = sim.journal()
      local function script(lull)
        local login = lull.client { base = "http://api.test", limit = first or nil }
        local api = lull.client { base = "http://api.test", limit = "4/1m" }
        login:get "/login"
        for i = 1, 4 do api:get("/" .. i) end
      end
      local function ok() return 200 end
      local t = run(journal, 0, ok, script)
      t = run(journal, math.ceil(t.elapsed) + 10, ok, script)
      assert.are.equal(5, #t.requests)
      assert.is_true(t.requests[1].time < 1, tostring(t.requests[1].time))
      assert.is_true(t.requests[2].time > 40, tostring(t.requests[2].time))
    end
  end)

  -- Nothing else is written by then, and the wait may be long.
  it("keeps a pause at once, of a call outside of items, too", function()
    local journal = sim.journal()
    journal:crash(1)
    local function script(lull) lull.client({ base = "http://api.test" }):get "/" end
    local first = run(journal, 0, function() return { status = 429, headers = { ["retry-after"] = "45" } } end, script)
    assert.matches("the process ended here", tostring(first.err))
    assert.is_true(first.elapsed < 1)
    journal:crash(2)
    first = run(journal, 0, function() return { status = 429, headers = { ["retry-after"] = "45" } } end, script)
    assert.is_true(first.elapsed > 44, tostring(first.elapsed))
    journal:crash(0)
    local second_run = run(journal, 10, function() return 200 end, script)
    assert.is_true(second_run.requests[1].time > 34, tostring(second_run.requests[1].time))
  end)

  it("keeps what it has learned", function()
    -- Ten in ten seconds, and nothing is told.
    local function world()
      local seen = {}
      return function(request)
        local now, n = request.time, 0
        for _, at in ipairs(seen) do if now - at < 10 then n = n + 1 end end
        if n >= 5 then return 429 end
        seen[#seen + 1] = now
        return 200
      end
    end
    local journal = sim.journal()
    local function script(from)
      return function(lull)
        local api = lull.client { base = "http://api.test", attempts = 50, backoff = { base = 0.2, cap = 5 } }
        local items = {}
        for i = from, from + 39 do items[#items + 1] = i end
        lull.each(items, { parallel = 20 }, function(i) return api:get("/" .. i) end)
        return lull.lanes()
      end
    end
    local function refused(t)
      local n = 0
      for _, verdict in ipairs(t.verdicts) do n = n + (verdict.outcome == 429 and 1 or 0) end
      return n
    end
    local first = run(journal, 0, world(), script(1))
    local fresh = run(sim.journal(), 0, world(), script(41))
    local later = run(journal, math.ceil(first.elapsed) + 5, world(), script(41))
    assert(first.ok and later.ok and fresh.ok, tostring(first.err or later.err))
    assert.is_true(refused(later) < refused(fresh) / 2, ("%d, and %d without"):format(refused(later), refused(fresh)))
  end)
end)
