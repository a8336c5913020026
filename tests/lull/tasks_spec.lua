-- Tasks: spawn, join, cancel, each, map, all, race, try, time; and where a
-- task may not wait.
local support = require "tests.support"
local sim, outside, line = support.sim, support.outside, support.line

local function ok() return 200 end
local function nothing() end
local URL = "http://api.test/"

-- Runs a script without servers that matter; nothing may be left behind.
local function run(fn, options)
  local t = sim(ok, fn, options)
  assert.are.equal(0, t.live)
  return t
end

-- The error of a script that is to fail, as text.
local function failure(fn)
  local t = sim(ok, fn, { may_fail = true })
  assert.is_false(t.ok)
  return tostring(t.err)
end

local function has(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%q is not in %q"):format(part, tostring(text)), 2)
  end
end

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

describe("a task", function()
  it("runs when its maker next waits, with its arguments", function()
    run(function(lull)
      local got
      local task = lull.spawn(function(...) got = { n = select("#", ...), ... } end, 1, nil, "x", nil)
      assert.is_nil(got)
      task:join()
      assert.are.same({ n = 4, 1, nil, "x", nil }, got)
    end)
  end)

  it("gives all its results to join, nils too, as often as asked", function()
    run(function(lull)
      local task = lull.spawn(function() return nil, 2, nil end)
      for _ = 1, 3 do
        assert.are.equal(3, select("#", task:join()))
        assert.are.equal(2, select(2, task:join()))
      end
    end)
  end)

  it("may be joined by several tasks at once, and after its end", function()
    run(function(lull)
      local one = lull.spawn(function() lull.sleep(1); return "one" end)
      local function wait() return one:join(), lull.now() end
      local a, b = lull.spawn(wait), lull.spawn(wait)
      assert.are.same({ "one", 1 }, { a:join() })
      assert.are.same({ "one", 1 }, { b:join() })
      assert.are.equal("one", one:join())
      assert.are.equal(1, lull.now())
    end)
  end)

  it("is finished before the script ends, though nobody joined it", function()
    local finished
    local t = run(function(lull)
      lull.spawn(function() lull.sleep(5); finished = true end)
    end)
    assert.is_true(finished)
    assert.are.equal(5, t.now)
  end)

  it("raises its error in join, with its own traceback", function()
    run(function(lull)
      local function explode_here() error("boom") end
      local task = lull.spawn(function() lull.sleep(1); explode_here() end)
      local fine, err = lull.try(task.join, task)
      assert.is_false(fine)
      has(err, "boom")
      has(err, "stack traceback:")
      has(err, "explode_here")
      assert.are.equal(1, select(2, err:gsub("stack traceback:", "")))
    end)
  end)

  it("raises a table as it is", function()
    run(function(lull)
      local problem = { code = 7 }
      local task = lull.spawn(function() error(problem) end)
      local fine, err = lull.try(task.join, task)
      assert.is_false(fine)
      assert.are.equal(problem, err)
    end)
  end)

  it("may fail with nil", function()
    run(function(lull)
      local task = lull.spawn(function() error(nil) end)
      local fine, err = lull.try(task.join, task)
      assert.is_false(fine)
      assert.is_true(err == nil or type(err) == "string") -- 5.4 words it
    end)
  end)

  it("cannot join itself", function()
    run(function(lull)
      local task
      task = lull.spawn(function()
        local fine, err = lull.try(task.join, task)
        assert.is_false(fine)
        has(err, "a task cannot join itself")
        return "alive"
      end)
      assert.are.equal("alive", task:join())
    end)
  end)

  it("tells where it came from in its name", function()
    run(function(lull)
      local place = line(1):gsub(": $", "")
      has(lull.spawn(function() end), place)
    end)
  end)

  it("takes a function, or says so at the caller's line", function()
    run(function(lull)
      local place, fine, err = line(1), pcall(function()
        lull.spawn("x") end)
      assert.is_false(fine)
      assert.are.equal(place .. "what is spawned must be a function, not a string", err)
    end)
  end)

  it("ends the script with its error when nobody joined it", function()
    local text = failure(function(lull)
      lull.spawn(function() error("lost and found") end)
      lull.sleep(1)
    end)
    has(text, "lost and found")
    has(text, "stack traceback:")
  end)

  it("has its error told once it is joined, and not again at the end", function()
    local t = run(function(lull)
      local task = lull.spawn(function() error("seen") end)
      lull.sleep(1)
      assert.is_false((lull.try(task.join, task)))
    end)
    assert.is_true(t.ok)
  end)

  it("is told first when it failed first of several", function()
    has(failure(function(lull)
      for i = 1, 20 do
        lull.spawn(function() lull.sleep(i == 7 and 1 or 2); error("error of " .. i) end)
      end
    end), "error of 7")
  end)

  it("that failed is let go once it was joined", function()
    run(function(lull)
      local kept = setmetatable({}, { __mode = "k" })
      for _ = 1, 50 do
        local task = lull.spawn(function() error("x") end)
        lull.sleep(1)
        lull.try(task.join, task)
        kept[task] = true
      end
      collectgarbage()
      collectgarbage()
      local left = 0
      for _ in pairs(kept) do left = left + 1 end
      assert.is_true(left <= 2, left)
    end)
  end)

  it("does not keep the others from their end when it fails unseen", function()
    local finished
    failure(function(lull)
      lull.spawn(function() error("early") end)
      lull.spawn(function() lull.sleep(9); finished = true end)
    end)
    assert.is_true(finished)
  end)
end)

describe("waiting for ever", function()
  it("is an error that names the tasks and what they wait in", function()
    local place
    local text = failure(function(lull)
      local a, b
      place = line(1):gsub(": $", "")
      a = lull.spawn(function() b:join() end)
      b = lull.spawn(function() a:join() end)
      a:join()
    end)
    has(text, "all tasks are asleep, and nothing will wake them: ")
    has(text, "2 (" .. place .. ") (in join)")
    has(text, "3 (")
    has(text, "the script (in join)")
  end)

  it("is an error outside of tasks, too", function()
    outside(ok, function(lull)
      local a, b
      a = lull.spawn(function() b:join() end)
      b = lull.spawn(function() a:join() end)
      local fine, err = pcall(a.join, a)
      assert.is_false(fine)
      has(err, "all tasks are asleep, and nothing will wake them: ")
      a:cancel()
      b:cancel()
      b:join()
    end)
  end)
end)

describe("cancel", function()
  local function cancelled(task)
    local first, err = task:join()
    assert.is_nil(first)
    has(err, "cancelled")
    assert.are.equal("cancelled", err.why)
  end

  it("before the task ran keeps it from ever running", function()
    run(function(lull)
      local ran
      local task = lull.spawn(function() ran = true end)
      assert.is_true(task:cancel())
      cancelled(task)
      lull.sleep(1)
      assert.is_nil(ran)
    end)
  end)

  -- The code that cancels was itself among those that end: it went on to be
  -- raised there, and those behind it were never reached.
  it("ends all that a task runs, also from one of them", function()
    local t = run(function(lull)
      local ran, task = {}, nil
      task = lull.spawn(function()
        lull.all { function() lull.sleep(0.1); task:cancel(); ran.first = true end,
          function() lull.sleep(10); ran.second = true end }
      end)
      cancelled(task)
      local pulled = 0
      task = lull.spawn(function()
        lull.each(numbers(10), { parallel = 3 }, function(i)
          pulled = pulled + 1
          if i == 1 then lull.sleep(0.1); task:cancel() end
          lull.sleep(1)
        end)
      end)
      cancelled(task)
      lull.sleep(20)
      assert.are.same({}, ran)
      assert.are.equal(3, pulled)
    end)
    assert.is_true(t.ok)
  end)

  it("ends a sleep at once", function()
    local t = run(function(lull)
      local after
      local task = lull.spawn(function() lull.sleep(100); after = true end)
      lull.sleep(1)
      assert.is_true(task:cancel())
      cancelled(task)
      assert.is_nil(after)
      assert.are.equal(1, lull.now())
    end)
    assert.are.equal(1, t.now)
  end)

  -- Cancelled as the last thing of a script, it was missing from the trace.
  it("takes a call off the wire, and its history says so", function()
    local t = sim(function() return "hang" end, function(lull)
      local task = lull.spawn(lull.get, URL)
      lull.sleep(1)
      assert.is_true(task:cancel())
      cancelled(task)
    end)
    assert.are.equal(1, t.now)
    assert.are.equal(0, t.live)
    assert.are.equal(1, #t.requests)
    assert.are.equal(1, #t.verdicts)
    assert.are.equal("stop", t.verdicts[1].verdict)
    assert.are.equal("cancelled", t.verdicts[1].why)
  end)

  it("ends a call that waits for its next attempt", function()
    local t = sim(function() return 503, { ["retry-after"] = "100" } end, function(lull)
      local task = lull.spawn(lull.get, URL)
      lull.sleep(1)
      assert.is_true(task:cancel())
      cancelled(task)
    end)
    assert.are.equal(1, t.now)
    assert.are.equal(0, t.live)
    assert.are.equal(1, #t.requests)
  end)

  it("ends a call that has not had its turn, and frees the turn", function()
    local t = sim(function() return { delay = 2 } end, function(lull)
      local api = lull.client { base = "http://api.test", limit = { parallel = 1 } }
      local first = lull.spawn(api.get, api, "/1")
      local second = lull.spawn(api.get, api, "/2")
      local third = lull.spawn(api.get, api, "/3")
      lull.sleep(1)
      second:cancel()
      cancelled(second)
      assert.are.equal(200, first:join().status)
      assert.are.equal(200, third:join().status)
      assert.are.equal(4, lull.now())
    end)
    assert.are.equal(2, #t.requests)
    assert.are.equal(0, t.live)
  end)

  -- The rule's function was unwound, and the call was left behind for ever.
  it("ends a call while its rule's function thinks", function()
    local t = sim(function() return 500 end, function(lull)
      local thought
      local task = lull.spawn(function()
        lull.get(URL, { on = { [500] = function()
          lull.sleep(50)
          thought = true
        end } })
      end)
      lull.sleep(1)
      assert.is_true(task:cancel())
      cancelled(task)
      assert.is_nil(thought)
      assert.are.equal(1, lull.now())
      assert.are.equal(500, lull.get(URL, { on = { [500] = "accept" } }).status)
    end)
    assert.are.equal(0, t.live)
    assert.are.equal(1, t.now)
  end)

  it("ends a call whose rule's function catches the cancellation", function()
    local t = sim(function() return 500 end, function(lull)
      local task = lull.spawn(lull.get, URL, { on = { [500] = function(attempt)
        pcall(lull.sleep, 50)
        return attempt:retry(100)
      end } })
      lull.sleep(1)
      task:cancel()
      cancelled(task)
    end)
    assert.are.equal(1, t.now)
    assert.are.equal(0, t.live)
    assert.are.equal(1, #t.requests)
  end)

  it("reaches the tasks that each runs for it", function()
    local t = sim(function() return "hang" end, function(lull)
      local task = lull.spawn(lull.each, numbers(50), { parallel = 5 }, function(i)
        lull.get(URL .. i)
      end)
      lull.sleep(1)
      task:cancel()
      cancelled(task)
      assert.are.equal(1, lull.now())
    end)
    assert.are.equal(5, #t.requests)
    assert.are.equal(0, t.live)
  end)

  it("twice does no harm, and says when there was nothing to end", function()
    run(function(lull)
      local task = lull.spawn(lull.sleep, 10)
      lull.sleep(1)
      assert.is_true(task:cancel())
      task:cancel()
      cancelled(task)
      assert.is_false(task:cancel())
      assert.are.equal(1, lull.now())
    end)
  end)

  it("after the end changes nothing", function()
    run(function(lull)
      local task = lull.spawn(function() return "kept" end)
      task:join()
      assert.is_false(task:cancel())
      assert.are.equal("kept", task:join())
    end)
  end)

  it("of oneself ends the task on the spot", function()
    run(function(lull)
      local after
      local task
      task = lull.spawn(function()
        task:cancel()
        after = true
      end)
      cancelled(task)
      assert.is_nil(after)
    end)
  end)

  it("of the script itself is no success of what comes after", function()
    local after
    sim(ok, function(lull)
      require("lull.sched").current():cancel()
      after = lull
    end, { may_fail = true })
    assert.is_nil(after)
  end)

  it("is not stopped by a task that catches it: the next wait raises again", function()
    run(function(lull)
      local steps = {}
      local task = lull.spawn(function()
        for i = 1, 3 do
          pcall(lull.sleep, 10)
          steps[i] = lull.now()
        end
        lull.sleep(10)
        steps.finished = true
      end)
      lull.sleep(1)
      task:cancel()
      cancelled(task)
      assert.is_nil(steps.finished)
      assert.are.equal(1, lull.now())
    end)
  end)

  it("goes through try", function()
    run(function(lull)
      local seen = "nothing"
      local task = lull.spawn(function()
        seen = lull.try(lull.sleep, 10)
        seen = "went on"
      end)
      lull.sleep(1)
      task:cancel()
      cancelled(task)
      assert.are.equal("nothing", seen)
    end)
  end)

  it("goes through nested tries and a call in them", function()
    local t = sim(function() return "hang" end, function(lull)
      local after
      local task = lull.spawn(function()
        lull.try(lull.try, lull.try, lull.get, URL)
        after = true
      end)
      lull.sleep(1)
      task:cancel()
      cancelled(task)
      assert.is_nil(after)
      assert.are.equal(1, lull.now())
    end)
    assert.are.equal(0, t.live)
  end)

  it("of a task that another joins gives that one the cancellation", function()
    run(function(lull)
      local sleeper = lull.spawn(lull.sleep, 100)
      local joiner = lull.spawn(function() return sleeper:join() end)
      lull.sleep(1)
      sleeper:cancel()
      cancelled(joiner)
    end)
  end)

  it("of the joiner leaves the joined alone", function()
    run(function(lull)
      local sleeper = lull.spawn(function() lull.sleep(5); return "rested" end)
      local joiner = lull.spawn(function() return sleeper:join() end)
      lull.sleep(1)
      joiner:cancel()
      cancelled(joiner)
      assert.are.equal("rested", sleeper:join())
      assert.are.equal(5, lull.now())
    end)
  end)

  it("works from outside of every task", function()
    local live = outside(function() return "hang" end, function(lull)
      local task = lull.spawn(lull.get, URL)
      lull.sleep(1)
      assert.is_true(task:cancel())
      cancelled(task)
      assert.are.equal(1, lull.now())
      lull.sleep(0)
    end)
    assert.are.equal(0, live)
  end)
end)

describe("each", function()
  it("gives items and their index in order, one at a time when told so", function()
    run(function(lull)
      local got = {}
      lull.each({ "a", "b", "c" }, { parallel = 1 }, function(item, i)
        lull.sleep(1)
        got[#got + 1] = i .. item
      end)
      assert.are.same({ "1a", "2b", "3c" }, got)
      assert.are.equal(3, lull.now())
    end)
  end)

  it("runs ten at once unless told otherwise", function()
    run(function(lull)
      lull.each(numbers(30), function() lull.sleep(1) end)
      assert.are.equal(3, lull.now())
    end)
  end)

  it("takes an iterator function and gives all its values", function()
    run(function(lull)
      local sum, words = 0, {}
      local i = 0
      lull.each(function()
        i = i + 1
        if i <= 5 then return i, "n" .. i, nil, i end
      end, { parallel = 2 }, function(...)
        assert.are.equal(4, select("#", ...))
        local n, word = ...
        sum = sum + n
        words[n] = word
      end)
      assert.are.equal(15, sum)
      assert.are.same({ "n1", "n2", "n3", "n4", "n5" }, words)
    end)
  end)

  it("takes io.lines, gmatch and callable tables", function()
    run(function(lull)
      local words = {}
      lull.each(("a b c"):gmatch("%a"), { parallel = 1 }, function(w) words[#words + 1] = w end)
      local left = 3
      lull.each(setmetatable({}, { __call = function()
        left = left - 1
        if left >= 0 then return left end
      end }), { parallel = 1 }, function(n) words[#words + 1] = n end)
      assert.are.same({ "a", "b", "c", 2, 1, 0 }, words)
    end)
  end)

  it("lets the iterator itself wait, and enters it one at a time", function()
    local t = sim(function(request)
      local page = tonumber(request.query.page)
      return 200, nil, { items = { page * 2 - 1, page * 2 }, more = page < 4 }
    end, function(lull)
      local page, inside, got = 0, 0, {}
      local items, more = {}, true
      local function next_item()
        inside = inside + 1
        assert.are.equal(1, inside)
        if #items == 0 and more then
          page = page + 1
          lull.sleep(1)
          local body = lull.get(URL, { query = { page = page } }):json()
          items, more = body.items, body.more
        end
        inside = inside - 1
        return table.remove(items, 1)
      end
      lull.each(next_item, { parallel = 3 }, function(n)
        lull.sleep(0.1)
        got[n] = true
      end)
      assert.are.equal(8, #got)
    end)
    assert.are.equal(4, #t.requests)
    assert.are.equal(0, t.live)
  end)

  it("has never more at work than parallel, and always as many", function()
    run(function(lull)
      local random = support.generator(7)
      local busy, most = 0, 0
      lull.each(numbers(200), { parallel = 7 }, function()
        busy = busy + 1
        most = math.max(most, busy)
        lull.sleep(random(1, 100) / 100)
        busy = busy - 1
      end)
      assert.are.equal(7, most)
    end)
  end)

  -- The group kept every task until its last one had ended: of a million
  -- that came due one by one, none was collected before.
  it("lets go of the tasks that have ended, while the others wait", function()
    run(function(lull)
      local tasks, left = setmetatable({}, { __mode = "k" }), 0
      lull.each(numbers(400), { parallel = 400 }, function(i)
        tasks[coroutine.running()] = true
        lull.sleep(i)
        if i < 350 then return end
        collectgarbage()
        collectgarbage()
        for _ in pairs(tasks) do left = left + 1 end
        lull.sleep(1000)
      end)
      assert.is_true(left > 0 and left < 51 * 150, left)
    end)
  end)

  -- A coroutine's stack doubles when it gets too deep, and stays so: one value
  -- more in a frame of lull's cost each waiting worker 640 bytes.
  it("holds hardly more for a worker whose iterator has slept", function()
    local function bytes_of_each(naps)
      local n, bytes = 500, nil
      run(function(lull)
        local i, began = 0, lull.now()
        local function pull()
          i = i + 1
          if i > n then return nil end
          local early = began + (i - 1) * naps - lull.now()
          if early > 0 then lull.sleep(early) end
          return i
        end
        local function count()
          for _ = 1, 3 do collectgarbage() end
          return collectgarbage "count"
        end
        local before = count()
        lull.each(pull, { parallel = n }, function(k)
          lull.sleep(1000)
          if k == 1 then bytes = (count() - before) * 1024 / n end
          lull.sleep(1000)
        end)
      end)
      return bytes
    end
    local still, slept = bytes_of_each(0), bytes_of_each(1e-3)
    -- 5.1 has its calls in an array, which doubles, too.
    local more = _VERSION == "Lua 5.1" and not rawget(_G, "jit") and 1000 or 250
    assert.is_true(still > 500 and slept < still + more, ("%.0f, %.0f"):format(still, slept))
  end)

  -- A collector that is told of many ended tasks began to run again.
  it("leaves a collector that the script has stopped as it is", function()
    run(function(lull)
      collectgarbage()
      collectgarbage "stop"
      local gone = setmetatable({ {} }, { __mode = "v" })
      lull.each(numbers(12000), { parallel = 12000 }, function() lull.sleep(1) end)
      for i = 1, 300000 do local _ = { i } end
      local kept = gone[1]
      collectgarbage "restart"
      assert.is_table(kept)
    end)
  end)

  it("names the workers that nothing will wake", function()
    for _, many in ipairs { "each", "map" } do
      local place
      local text = failure(function(lull)
        local a, b
        a = lull.spawn(function() b:join() end)
        b = lull.spawn(function() a:join() end)
        place = line(1):gsub(": $", "")
        lull[many](numbers(3), { parallel = 3 }, function() a:join() end)
      end)
      local _, named = text:gsub("%d %(" .. place:gsub("%p", "%%%0") .. "%) %(in join%)", "")
      assert.are.equal(3, named, text)
      has(text, "the script (in " .. many .. ")")
    end
  end)

  it("pulls nothing before there is a place for it", function()
    run(function(lull)
      local pulled, finished, most_ahead = 0, 0, 0
      lull.each(function()
        if pulled == 60 then return nil end
        pulled = pulled + 1
        most_ahead = math.max(most_ahead, pulled - finished)
        return pulled
      end, { parallel = 4 }, function()
        lull.sleep(1)
        finished = finished + 1
      end)
      assert.are.equal(60, finished)
      assert.are.equal(4, most_ahead)
    end)
  end)

  -- A worker that was made meanwhile took the turn of one that waited, and that
  -- one was never asked again.
  it("gives each its turn at an iterator that waits", function()
    local seen = {}
    run(function(lull)
      local n = 0
      lull.each(function()
        lull.sleep(1)
        n = n + 1
        return n <= 9 and n or nil
      end, { parallel = 4 }, function(item) seen[#seen + 1] = item end)
    end)
    assert.are.same({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, seen)
  end)

  it("does not ask an iterator again after its end", function()
    run(function(lull)
      local calls = 0
      lull.each(function()
        calls = calls + 1
        lull.sleep(0.5)
        if calls <= 3 then return calls end
        assert.are.equal(4, calls)
      end, { parallel = 10 }, function() lull.sleep(3) end)
      assert.are.equal(4, calls)
    end)
  end)

  it("makes no more tasks than it has places, however long the list", function()
    run(function(lull)
      local made = 0
      local create = coroutine.create
      coroutine.create = function(...) made = made + 1; return create(...) end -- luacheck: ignore
      local fine, err = lull.try(lull.each, numbers(5000), { parallel = 3 }, function(i)
        if i % 100 == 0 then lull.sleep(0.01) end
      end)
      coroutine.create = create -- luacheck: ignore
      assert(fine, err)
      assert.is_true(made <= 5, made)
    end)
  end)

  it("makes no more tasks than there are items, however many places", function()
    run(function(lull)
      local made = 0
      local create = coroutine.create
      coroutine.create = function(...) made = made + 1; return create(...) end -- luacheck: ignore
      local fine, err = lull.try(lull.each, numbers(3), { parallel = 1000 }, function() lull.sleep(1) end)
      coroutine.create = create -- luacheck: ignore
      assert(fine, err)
      assert.is_true(made <= 6, made)
    end)
  end)

  it("ends the rest at an error, and raises it with its traceback", function()
    local t = sim(function(request)
      if request.path == "/3" then return { status = 410, delay = 1 } end
      return "hang"
    end, function(lull)
      local begun = 0
      local function fetch_part(i)
        begun = begun + 1
        error(select(2, lull.get(URL .. i)), 0)
      end
      local fine, err = lull.try(lull.each, numbers(100), { parallel = 4 }, fetch_part)
      assert.is_false(fine)
      assert.are.equal("rule", err.why)
      assert.are.equal(4, begun)
      fine, err = lull.try(lull.each, { 1 }, function() error("plain words") end)
      assert.is_false(fine)
      has(err, "plain words")
      has(err, "stack traceback:")
    end)
    assert.are.equal(1, t.now)
    assert.are.equal(0, t.live)
    assert.are.equal(4, #t.requests)
  end)

  it("raises an error of the iterator, too", function()
    run(function(lull)
      local fine, err = lull.try(lull.each, function() error("no more paper") end, nothing)
      assert.is_false(fine)
      has(err, "no more paper")
    end)
  end)

  it("does nothing with an empty list", function()
    run(function(lull)
      lull.each({}, function() error("never") end)
      lull.each({}, { parallel = 5 }, function() error("never") end)
      lull.each(nothing, function() error("never") end)
      assert.are.equal(0, lull.now())
    end)
  end)

  it("can be nested", function()
    run(function(lull)
      local sum = 0
      lull.each({ 1, 2, 3 }, function(i)
        lull.each({ 10, 20 }, function(j)
          lull.sleep(1)
          sum = sum + i * j
        end)
      end)
      assert.are.equal(180, sum)
      assert.are.equal(1, lull.now())
    end)
  end)

  it("says what is wrong with its arguments, at the caller's line", function()
    run(function(lull)
      local function misuse(expected, ...)
        local arguments, n = { ... }, select("#", ...)
        local place, fine, err = line(1), pcall(function()
          lull.each((table.unpack or unpack)(arguments, 1, n)) end)
        assert.is_false(fine)
        assert.are.equal(place .. expected, err)
      end
      misuse("each's function must be a function, not a nil", { 1 })
      misuse("each's function must be a function, not a string", { 1 }, {}, "f")
      misuse("each takes a list or an iterator function, not a number", 5, nothing)
      misuse("each's options must be a table, not a number", { 1 }, 5, nothing)
      misuse("unknown option 'paralel' (did you mean 'parallel'?)", { 1 }, { paralel = 2 }, nothing)
      misuse("parallel: '0' is no whole number of at least 1", { 1 }, { parallel = 0 }, nothing)
      misuse("parallel: '1.5' is no whole number of at least 1", { 1 }, { parallel = 1.5 }, nothing)
    end)
  end)
end)

describe("map", function()
  it("keeps the order of the items, not of their ends", function()
    run(function(lull)
      local list = lull.map({ 3, 1, 2 }, function(n) lull.sleep(n); return n * 10 end)
      assert.are.same({ n = 3, 30, 10, 20 }, list)
      assert.are.equal(3, lull.now())
    end)
  end)

  it("keeps a place for each nil, and counts all", function()
    run(function(lull)
      local list = lull.map(numbers(5), function(n) if n % 2 == 1 then return n end end)
      assert.are.same({ n = 5, 1, nil, 3, nil, 5 }, list)
    end)
  end)

  it("takes an iterator, and an empty one", function()
    run(function(lull)
      assert.are.same({ n = 3, "A", "B", "C" }, lull.map(("abc"):gmatch("."), string.upper))
      assert.are.same({ n = 0 }, lull.map(nothing, string.upper))
      assert.are.same({ n = 0 }, lull.map({}, string.upper))
    end)
  end)

  it("gives the item and its index to the function", function()
    run(function(lull)
      assert.are.same({ n = 2, "1x", "2y" }, lull.map({ "x", "y" }, { parallel = 1 },
        function(item, i) return i .. item end))
    end)
  end)

  it("raises the first error and cancels the rest", function()
    run(function(lull)
      local fine, err = lull.try(lull.map, numbers(9), function(n)
        lull.sleep(n)
        if n == 2 then error("two") end
        return n
      end)
      assert.is_false(fine)
      has(err, "two")
      assert.are.equal(2, lull.now())
    end)
  end)

  it("checks its arguments before it runs anything", function()
    run(function(lull)
      local place, fine, err = line(1), pcall(function()
        lull.map({ 1 }, { parallell = 2 }, nothing) end)
      assert.is_false(fine)
      assert.are.equal(place .. "unknown option 'parallell' (did you mean 'parallel'?)", err)
      place, fine, err = line(1), pcall(function()
        lull.map("abc", nothing) end)
      assert.is_false(fine)
      assert.are.equal(place .. "map takes a list or an iterator function, not a string", err)
    end)
  end)
end)

describe("all", function()
  it("runs its functions at once and lists their first results", function()
    run(function(lull)
      local list = lull.all {
        function() lull.sleep(2); return "a", "dropped" end,
        function() lull.sleep(1); return nil end,
        function() return "c" end,
      }
      assert.are.same({ n = 3, "a", nil, "c" }, list)
      assert.are.equal(2, lull.now())
    end)
  end)

  it("takes tasks that were started before, ended ones too", function()
    run(function(lull)
      local one = lull.spawn(function() lull.sleep(1); return 1 end)
      local two = lull.spawn(function() return 2 end)
      two:join()
      assert.are.same({ n = 3, 1, 2, 3 }, lull.all { one, two, function() return 3 end })
    end)
  end)

  it("returns the first nil and error, and cancels the rest", function()
    local t = sim(function(request)
      if request.path == "/bad" then return 404 end
      return "hang"
    end, function(lull)
      local list, err = lull.all {
        function() return lull.get(URL .. "slow") end,
        function() return lull.get(URL .. "bad") end,
      }
      assert.is_nil(list)
      assert.are.equal(404, err.reason)
      assert.are.equal(0, lull.now())
    end)
    assert.are.equal(0, t.live)
  end)

  it("raises the first error, and cancels the rest, tasks from before too", function()
    run(function(lull)
      local before = lull.spawn(lull.sleep, 100)
      local fine, err = lull.try(lull.all, { before,
        function() lull.sleep(1); error("one down") end })
      assert.is_false(fine)
      has(err, "one down")
      assert.is_nil((before:join()))
      assert.are.equal(1, lull.now())
    end)
  end)

  it("of nothing is an empty list", function()
    run(function(lull) assert.are.same({ n = 0 }, lull.all {}) end)
  end)

  -- The first function ran all the same.
  it("refuses what is neither function nor task, and starts nothing", function()
    run(function(lull)
      local ran
      local place, fine, err = line(1), pcall(function()
        lull.all { function() ran = true end, 5 } end)
      assert.is_false(fine)
      assert.are.equal(place .. "all takes a list of functions or tasks, not of numbers", err)
      lull.sleep(1)
      assert.is_nil(ran)
    end)
  end)
end)

describe("race", function()
  it("gives all results of the first, and cancels the rest", function()
    local t = sim(function(request) return { delay = request.path == "/fast" and 1 or 50 } end, function(lull)
      local res, extra = lull.race {
        function() return lull.get(URL .. "slow"), "slow" end,
        function() return lull.get(URL .. "fast"), "fast" end,
      }
      assert.are.equal(200, res.status)
      assert.are.equal("fast", extra)
      assert.are.equal(1, lull.now())
    end)
    assert.are.equal(0, t.live)
  end)

  it("is not won by an error, raised or returned", function()
    run(function(lull)
      assert.are.equal("late but good", lull.race {
        function() error("bad") end,
        function() return nil, "worse" end,
        function() lull.sleep(3); return "late but good" end,
      })
    end)
  end)

  it("is won by nil alone and by false", function()
    run(function(lull)
      assert.are.equal(0, select("#", lull.race { nothing, function() lull.sleep(1) end }))
      assert.is_false(lull.race { function() return false end })
    end)
  end)

  it("gives what the last one came to when none wins", function()
    run(function(lull)
      local value, err = lull.race {
        function() lull.sleep(1); return nil, "last" end,
        function() return nil, "first" end,
      }
      assert.is_nil(value)
      assert.are.equal("last", err)
      local fine
      fine, err = lull.try(lull.race, {
        function() lull.sleep(1); error("last raised") end,
        function() return nil, "first" end,
      })
      assert.is_false(fine)
      has(err, "last raised")
    end)
  end)

  it("makes a time limit with a sleep", function()
    local t = sim(function() return "hang" end, function(lull)
      local res, err = lull.race {
        function() return lull.get(URL) end,
        function() lull.sleep(2); return "too late" end,
      }
      assert.are.equal("too late", res)
      assert.is_nil(err)
    end)
    assert.are.equal(2, t.now)
    assert.are.equal(0, t.live)
  end)

  it("needs someone to race", function()
    run(function(lull)
      local place, fine, err = line(1), pcall(function()
        lull.race {} end)
      assert.is_false(fine)
      assert.are.equal(place .. "race takes at least one function or task", err)
    end)
  end)
end)

describe("try", function()
  it("gives true and all results, or false and the error, as pcall does", function()
    run(function(lull)
      local function results(...) return { n = select("#", ...), ... } end
      assert.are.same({ n = 4, true, 1, nil, nil }, results(lull.try(function(...) return ... end, 1, nil, nil)))
      assert.are.same({ n = 1, true }, results(lull.try(nothing)))
      local problem = {}
      local fine, err = lull.try(error, problem)
      assert.is_false(fine)
      assert.are.equal(problem, err)
      fine, err = lull.try(error, "text", 0)
      assert.is_false(fine)
      assert.are.equal("text", err)
    end)
  end)

  it("lets the function wait, nested too", function()
    run(function(lull)
      local fine, a, err = lull.try(function()
        lull.sleep(1)
        local inner, problem = lull.try(function()
          lull.sleep(1)
          assert.are.equal(200, lull.get(URL).status)
          error("inner", 0)
        end)
        lull.sleep(1)
        return inner, problem
      end)
      assert.are.same({ true, false, "inner" }, { fine, a, err })
      assert.are.equal(3, lull.now())
    end)
  end)

  it("outside of tasks it is pcall", function()
    outside(ok, function(lull)
      assert.are.same({ true, 1 }, { lull.try(function() lull.sleep(1); return lull.now() end) })
      assert.are.same({ false, "x" }, { lull.try(error, "x", 0) })
    end)
  end)

  -- Lua 5.4 caught it, Lua 5.1 went on and ended at the next wait.
  it("lets lull.exit through", function()
    local after
    local t = sim(ok, function(lull)
      lull.try(lull.exit, 3)
      after = true
    end, { may_fail = true })
    assert.is_nil(after)
    assert.are.equal(3, t.err.code)
  end)
end)

describe("time", function()
  it("is virtual, moves by sleeping alone, and takes every form of duration", function()
    run(function(lull)
      local wall = lull.time()
      for _, text in ipairs { 0.25, "250ms", "1500ms", "2s", "1m", "1h30m", "0", 0 } do lull.sleep(text) end
      assert.are.equal(0.25 + 0.25 + 1.5 + 2 + 60 + 5400, lull.now())
      assert.are.equal(lull.now(), lull.time() - wall)
    end)
  end)

  it("lets others run in a sleep of nothing", function()
    run(function(lull)
      local ran
      lull.spawn(function() ran = true end)
      lull.sleep(0)
      assert.is_true(ran)
    end)
  end)

  it("refuses what is no duration, at the caller's line", function()
    run(function(lull)
      for _, bad in ipairs { -1, "soon", "", "5 parsecs", "1", {}, 0 / 0, "-2s" } do
        if bad ~= "1" then
          local place, fine, err = line(1), pcall(function()
            lull.sleep(bad) end)
          assert.is_false(fine, tostring(bad))
          has(err, place .. "sleep: '" .. tostring(bad) .. "' is no duration")
        end
      end
    end)
  end)

  it("wakes sleepers in the order of their time, and of their start", function()
    run(function(lull)
      local order = {}
      for i, s in ipairs { 3, 1, 2, 1, 3 } do
        lull.spawn(function() lull.sleep(s); order[#order + 1] = i end)
      end
      lull.sleep(4)
      assert.are.same({ 2, 4, 3, 1, 5 }, order)
    end)
  end)
end)

describe("lull.exit", function()
  it("ends the script from a task within a task, with its code", function()
    local after
    local t = sim(function() return "hang" end, function(lull)
      lull.spawn(function()
        lull.each({ 1, 2 }, function(i)
          if i == 2 then
            lull.sleep(1)
            lull.exit(7)
          end
          lull.get(URL)
        end)
        after = true
      end)
      lull.sleep(100)
      after = true
    end, { may_fail = true })
    assert.is_false(t.ok)
    assert.are.equal(7, t.err.code)
    assert.is_nil(after)
    assert.are.equal(1, t.now)
  end)

  it("is 0 by default, and checks its code", function()
    local t = sim(ok, function(lull)
      assert.is_false(pcall(lull.exit, "x"))
      assert.is_false(pcall(lull.exit, -1))
      lull.exit()
    end, { may_fail = true })
    assert.are.equal(0, t.err.code)
  end)
end)

describe("outside of every task", function()
  it("a verb blocks until its call is done, and tasks run meanwhile", function()
    local live = outside(function() return { status = 200, delay = 2 } end, function(lull)
      local ticks = 0
      local ticker = lull.spawn(function() for _ = 1, 3 do lull.sleep(0.5); ticks = ticks + 1 end end)
      assert.are.equal(200, lull.get(URL).status)
      assert.are.equal(2, lull.now())
      assert.are.equal(3, ticks)
      ticker:join()
    end)
    assert.are.equal(0, live)
  end)

  it("sleep blocks, join runs the task, each map all and race work", function()
    outside(ok, function(lull)
      lull.sleep(1)
      assert.are.equal(1, lull.now())
      assert.are.equal("x", lull.spawn(function() lull.sleep(1); return "x" end):join())
      local sum = 0
      lull.each({ 1, 2, 3 }, function(n) lull.sleep(1); sum = sum + n end)
      assert.are.equal(6, sum)
      assert.are.same({ n = 2, 2, 4 }, lull.map({ 1, 2 }, function(n) lull.sleep(1); return n * 2 end))
      assert.are.same({ n = 1, 1 }, lull.all { function() return 1 end })
      assert.are.equal(1, lull.race { function() lull.sleep(9) end, function() return 1 end })
      assert.are.equal(4, lull.now())
    end)
  end)

  it("an error in a joined task is raised, and the next call works", function()
    outside(ok, function(lull)
      local task = lull.spawn(function() lull.sleep(1); error("in a task") end)
      local fine, err = pcall(task.join, task)
      assert.is_false(fine)
      has(err, "in a task")
      has(err, "stack traceback:")
      assert.are.equal(200, lull.get(URL).status)
    end)
  end)

  it("a rule's function may send and sleep", function()
    local n = 0
    outside(function(request)
      if request.path == "/token" then return 200, nil, "t" end
      n = n + 1
      return n == 1 and 401 or 200
    end, function(lull)
      local res = lull.get(URL, { on = { [401] = function(attempt)
        lull.sleep(1)
        assert.are.equal("t", lull.get(URL .. "token").body)
        return attempt:retry(0)
      end } })
      assert.are.equal(200, res.status)
      assert.are.equal(1, lull.now())
    end)
  end)

  it("an error in a rule's function leaves nothing behind", function()
    local live = outside(ok, function(lull)
      local fine, err = pcall(lull.get, URL, { on = { [200] = function() error("rule broke") end } })
      assert.is_false(fine)
      has(err, "rule broke")
      has(err, "stack traceback:")
      assert.are.equal(200, lull.get(URL).status)
    end)
    assert.are.equal(0, live)
  end)
end)

describe("where Lua cannot wait", function()
  local BOUNDARY = "lull cannot wait here: Lua does not let a task sleep inside table.sort, string.gsub, require, "
    .. "or a metamethod or iterator called from C"
  local FOREIGN = "lull cannot wait inside a coroutine that it does not know: use lull.spawn or lull.each instead"

  -- In each place: refused with the sentence, at the line of the caller,
  -- nothing is left in the engine, and a call afterwards works.
  local function refused(sentence, place)
    for _, wait in ipairs { "get", "sleep", "join", "each" } do
      local sent = 0
      local t = sim(function() sent = sent + 1; return 200 end, function(lull)
        local asleep = lull.spawn(lull.sleep, 1)
        lull.sleep(0)
        local where
        local function attempt()
          if wait == "get" then where = line(); lull.get(URL) end
          if wait == "sleep" then where = line(); lull.sleep(1) end
          if wait == "join" then where = line(); asleep:join() end
          if wait == "each" then where = line(); lull.each({ 1 }, nothing) end
          error("it did wait")
        end
        local fine, err = lull.try(place, attempt)
        assert.is_false(fine)
        has(err, where .. sentence)
        assert.are.equal(1, require("lull.sched").engine():live()) -- asleep's
        assert.are.equal(200, lull.get(URL).status)
        asleep:join()
      end)
      assert.are.equal(1, sent)
      assert.are.equal(0, t.live)
    end
  end

  it("table.sort", function()
    refused(BOUNDARY, function(attempt) table.sort({ 2, 1 }, attempt) end)
  end)

  it("string.gsub", function()
    refused(BOUNDARY, function(attempt) return (("x"):gsub("x", attempt)) end)
  end)

  it("require", function()
    refused(BOUNDARY, function(attempt)
      package.preload["a module that waits"] = attempt
      package.loaded["a module that waits"] = nil
      require "a module that waits"
    end)
  end)

  it("a metamethod called from C", function()
    refused(BOUNDARY, function(attempt)
      return (("x"):gsub("x", setmetatable({}, { __index = attempt })))
    end)
  end)

  it("a coroutine of someone else", function()
    refused(FOREIGN, function(attempt) coroutine.wrap(attempt)() end)
    refused(FOREIGN, function(attempt)
      local co = coroutine.create(attempt)
      error((select(2, coroutine.resume(co))), 0)
    end)
  end)

  it("a coroutine of someone else outside of every task", function()
    outside(ok, function(lull)
      for _, wait in ipairs { function() lull.get(URL) end, function() lull.sleep(1) end } do
        local fine, err = pcall(coroutine.wrap(wait))
        assert.is_false(fine)
        has(err, FOREIGN)
      end
      assert.are.equal(200, lull.get(URL).status)
    end)
  end)

  it("pcall, where this Lua is 5.1; elsewhere it waits", function()
    if support.pcall_yields then
      run(function(lull)
        assert.is_true(pcall(lull.sleep, 1))
        local fine, res = pcall(lull.get, URL)
        assert.is_true(fine)
        assert.are.equal(200, res.status)
        assert.is_true(xpcall(function() lull.sleep(1) end, debug.traceback))
        assert.are.equal(2, lull.now())
      end)
    else
      refused(BOUNDARY .. ", or inside any metamethod or iterator, pcall, xpcall and dofile (use lull.try instead",
        function(attempt)
          local fine, err = pcall(attempt)
          assert.is_false(fine)
          error(err, 0)
        end)
    end
  end)

  it("an iterator in Lua, and a metamethod called from Lua, where this Lua is 5.1", function()
    local function iterate(attempt)
      for value in attempt do error(value) end
    end
    local function index(attempt)
      local value = setmetatable({}, { __index = attempt }).field
      return value
    end
    if support.pcall_yields then
      run(function(lull)
        iterate(function() lull.sleep(1) end)
        index(function() lull.sleep(1) end)
        assert.are.equal(2, lull.now())
      end)
    else
      refused(BOUNDARY, iterate)
      -- Here Lua itself refuses, after the fact: the sentence is the same,
      -- but the line is only in the traceback.
      local t = sim(ok, function(lull)
        local fine, err = lull.try(index, function() lull.get(URL) end)
        assert.is_false(fine)
        has(err, BOUNDARY)
        assert.are.equal(200, lull.get(URL).status)
      end)
      assert.are.equal(0, t.live)
    end
  end)
end)
