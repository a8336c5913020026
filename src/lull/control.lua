-- control: what is done to a task from outside of it: joined, cancelled, or run as
-- a part of the one that runs now.

local ending = require "lull.ending"
local sched = require "lull.sched"
local usage = require "lull.usage"
local yieldable = require "lull.yieldable"

local M = {}
usage.own()

local unpack = table.unpack or unpack

local Task = sched.Task

-- True when the code that runs now is the task's, be it in a child of try.
local function is_within(task)
  local at = sched.current()
  while at and at ~= task do at = at.parent end
  return at ~= nil
end

-- Waits until the task has ended.
local function await(task)
  sched.check()
  if is_within(task) then usage.fail("a task cannot join itself") end
  sched.asked(task)
  if task.done then return end
  local current = sched.current()
  if current then
    task.joiners = task.joiners or {}
    table.insert(task.joiners, current)
  end
  sched.hold(function() return task.done end, "join")
end

function Task:join()
  await(self)
  if not self.failed then return unpack(self.results, 1, self.results.n) end
  if ending.is_cancellation(self.err) then return nil, self.err end
  error(self.traceback, 0)
end

-- Ends the task and those that it runs, but for the code that runs now: that
-- ends when it next waits, or by its caller.
local function stop(task)
  if task.done then return false end
  task.cancelled = task.cancelled or ending.cancellation "cancelled"
  task.seen = true
  for _, child in ipairs(task.owned or {}) do -- a task, or a group of them
    if child.co then stop(child) else child:stop() end
  end
  if is_within(task) then return true end
  if task.pending then sched.forget(task) end
  if task.state == "new" then
    sched.finish(task, false, task.cancelled)
  elseif not task.state then
    sched.later(task)
  end
  return true
end
M.stop = stop

function Task:cancel()
  local current = sched.current()
  local before = current and current.cancelled
  local stopped = stop(self)
  if current and current.cancelled and (not before or stopped and is_within(self)) then
    error(current.cancelled, 0)
  end
  return stopped
end

-- Runs `fn(...)` as a task of its own to its end; it ends with its parent,
-- which is then cancelled.
local function run_child(fn, ...)
  sched.check()
  local parent, task = sched.current(), sched.background(fn, ...)
  task.seen, task.parent = true, parent
  parent.child = task
  task.joiners = { parent }
  while not task.done and not parent.cancelled do
    sched.pause "join"
  end
  if not task.done then stop(task) end
  return task
end

-- A cancellation and lull.exit are no failures to be handled: they go on
-- upwards.
local function unless_ending(ok, ...)
  local current = sched.current()
  if not ok and current and current.cancelled then
    error(current.cancelled, 0)
  end
  if not ok and ending.is_exit((...)) then error((...), 0) end
  return ok, ...
end

function M.try(fn, ...)
  usage.type(fn, "what is tried", "function")
  if yieldable.pcall_yields or not sched.current() then
    return unless_ending(pcall(fn, ...))
  end
  local task = run_child(fn, ...)
  if not task.results then return unless_ending(false, task.err) end
  return true, unpack(task.results, 1, task.results.n)
end

local function traceback(err)
  return ending.with_traceback(err, err, 2)
end

-- `fn(a, b, c, d)` on a Lua whose pcall does not let a task wait, and whose
-- xpcall passes no arguments on.
local function traced_apart(fn, a, b, c, d)
  if not sched.current() then return xpcall(function() return fn(a, b, c, d) end, traceback) end
  local task = run_child(fn, a, b, c, d)
  if not task.results then return false, task.traceback end
  return true, unpack(task.results, 1, 2)
end

---As try, for four arguments and two results; but a text error comes with its
---traceback, and what ends the task is returned, too: its caller has something
---to put away first.
function M.traced(fn, a, b, c, d)
  local ok, one, two
  if yieldable.pcall_yields then
    ok, one, two = xpcall(fn, traceback, a, b, c, d)
  else
    ok, one, two = traced_apart(fn, a, b, c, d)
  end
  local current = sched.current()
  if current and current.cancelled then return false, current.cancelled end
  return ok, one, two
end

return M
