-- tasks: many at once: each, map, all, race.

local control = require "lull.control"
local ending = require "lull.ending"
local progress = require "lull.lazy" "lull.progress"
local sched = require "lull.sched"
local usage = require "lull.usage"

local M = {}
usage.own()

local unpack = table.unpack or unpack

local function pack(...) return { n = select("#", ...), ... } end

-- ---- what became of the items ---------------------------------------------

-- An item that could not be read: its source says where it stands, and why.
---@type lull.broken_row
local Broken = {}
Broken.__index = Broken
Broken.__tostring = function(row) return ("%s:%d: %s"):format(row.file, row.line, row.broken) end
M.Broken = Broken

local SAID = 10 -- broken rows that are told of one by one

---@type lull.summary
local Summary = {}
Summary.__index = Summary

-- What a batch says of an item instead of what its function gave: it had come
-- to its end before ("done" or "failed", and its value); it goes on in a run to
-- come; it is one that was there already.
M.BEFORE, M.LEFT, M.TWICE = {}, {}, {}

-- 75 says that another run does no harm, and is wanted. What a signal kept from
-- being begun is in no count.
local function code_of(sum)
  if sum.failed > 0 or sum.failed_before then return 1 end
  return (sum.later > 0 or sum.open > 0 or sum.cut) and 75 or 0
end
M.code_of = code_of

-- Counted as failed, and said: the function never sees it.
local function refuse(sum, row)
  sum.failed = sum.failed + 1
  sum.broken = sum.broken + 1
  if sum.broken <= SAID then io.stderr:write("lull: ", tostring(row), "\n") end
end

---The summary of a run that is over.
function M.conclude(sum)
  if sum.broken > SAID then
    io.stderr:write(("lull: %d rows more are broken\n"):format(sum.broken - SAID))
  end
  sum.open = sum.total - sum.done - sum.failed - sum.later - sum.before
  sum.code = code_of(sum)
  sched.concluded = sum
  return sum
end

---Counts an item: what the function gives is what becomes of it.
local function tally(sum, ...)
  local value, err = ...
  if value == Broken then
    refuse(sum, err)
  elseif value == M.BEFORE then
    sum.before = sum.before + 1
    sum.failed_before = sum.failed_before or err == "failed" or nil
  elseif value == M.TWICE then
    sum.total = sum.total - 1
  elseif value == M.LEFT then
    return
  elseif value ~= nil or select("#", ...) == 0 then
    sum.done = sum.done + 1
  elseif type(err) == "table" and err.later then
    sum.later = sum.later + 1
  elseif not (sched.interrupted and type(err) == "table" and err.why == "cancelled") then
    sum.failed = sum.failed + 1
  end
end

M.tally = tally

---The summary of a run that begins.
function M.summary()
  return setmetatable({ total = 0, done = 0, failed = 0, later = 0, before = 0, open = 0, broken = 0,
    code = 0 }, Summary)
end

-- A list or an iterator function as a function that gives the next values,
-- or nil at the end.
local function puller(source, what)
  if type(source) == "table" and not (getmetatable(source) or {}).__call then
    local i = 0
    return function()
      i = i + 1
      if source[i] ~= nil then return source[i], i end
    end
  end
  if type(source) ~= "function" and type(source) ~= "table" then
    usage.fail(what .. " takes a list or an iterator function, not a "
      .. type(source))
  end
  return source
end
M.puller = puller

M.PARALLEL = 10 -- items at once, where nobody says

-- What is for a journal means nothing without one.
local OPTIONS = { parallel = true, journal = true, id = true, name = true, durability = true }

local function parallel_of(options, what)
  usage.type(options, what .. "'s options", "table")
  for name in pairs(options) do
    if not OPTIONS[name] then usage.unknown("option", name, OPTIONS) end
  end
  return usage.count(options.parallel or M.PARALLEL, "parallel", 1)
end

-- A group of tasks that its caller waits for: what one of them fails with
-- ends the others.
local Group = {}
Group.__index = Group

local function new_group(what)
  return setmetatable({ tasks = {}, count = 0, left = 0, what = what, settled = {},
    parent = sched.current() }, Group)
end

local FEW = 64     -- tasks that are not worth a look
local MANY = 10000 -- whose memory is not to wait for a collector that lets it double

-- On Lua 5.1 a step would start a collector that the script has stopped.
local function collect()
  if _VERSION ~= "Lua 5.1" and collectgarbage "isrunning" then collectgarbage("step", 0) end
end

-- The ended ones are let go of: the first eighth, as there may be no memory to
-- spare, then a half at a time.
local function tidy(group)
  local before, share = #group.tasks, group.tidied and 2 or 8
  if before < FEW or group.left > before - before / share then return end
  local tasks = {}
  group.tidied = true
  for _, task in ipairs(group.tasks) do
    if not task.done then tasks[#tasks + 1] = task end
  end
  group.tasks = tasks
  if before > MANY then collect() end
end

function Group:stop()
  self.ending = true
  for _, task in ipairs(self.tasks) do control.stop(task) end
end

-- The first failure is the one that counts.
function Group:fail(err)
  if self.failed then return end
  self.failed = { err }
  self:stop()
end

function Group:joined(task)
  self.count = self.count + 1
  self.tasks[#self.tasks + 1] = task
  self.left = self.left + 1
end

-- `settled(task)` is told of its end, unless it is cancelled.
function Group:add(fn, settled)
  local task = sched.spawn(fn)
  self:joined(task)
  self.settled[task] = settled
  task.group = self
  return task
end

-- A task of the group has ended.
function Group:ended(task)
  self.left = self.left - 1
  if self.vacate then self.vacate(task) end
  if not task.cancelled or not ending.is_cancellation(task.err) then
    local settled = self.settled[task]
    if settled then settled(task) end
    if task.failed then self:fail(task.traceback) end
  end
  tidy(self)
  if self.left > 0 then return end
  sched.disband(self)
  sched.wake(self.parent)
end

-- Waits for all, and raises the failure, if any.
function Group:wait()
  local parent = self.parent
  local before = parent and parent.owned
  if parent then parent.owned = { self } end
  sched.hold(function() return self.left == 0 end, self.what)
  if parent then parent.owned = before end
  if self.failed then error(self.failed[1], 0) end
end

-- One worker pulls at a time: an iterator may wait, and must not be entered
-- again meanwhile. Another may be quicker than the one whose turn it is, which
-- then queues again.
local function wait_turn(state)
  while state.pulling do
    local place = { task = sched.current() }
    state.queue[#state.queue + 1] = place
    sched.hold(function() return place.called end, "each")
  end
end

local function give_turn(state)
  local place = table.remove(state.queue, 1)
  if place then
    place.called = true
    sched.wake(place.task)
  end
end

local function leave(state)
  give_turn(state)
  sched.leave()
end

-- In the loop: one more worker.
local function grow(state)
  state.growing = false
  local group = state.group
  if not (state.over or group.failed or group.ending) then sched.begin(group) end
end

local pull

-- One more worker only when there was something to pull: ten items never
-- make a thousand tasks.
local function pulled(state, ...)
  state.pulling = false
  if (...) == nil then
    state.over = true
    return leave(state)
  end
  state.sum.total = state.sum.total + 1
  if getmetatable(...) == Broken then
    refuse(state.sum, (...))
    return pull(state)
  end
  if state.group.count < state.parallel and not state.growing then
    state.growing = true
    sched.later(state)
  end
  if state.queue[1] then give_turn(state) end
  return ...
end

-- What the source gives next. At its end the worker ends within here. Few
-- values on the stack, here and above: a source that sleeps is still to fit in
-- a coroutine's first one, which would double, and stay so for each worker.
pull = function(state)
  if state.pulling then wait_turn(state) end
  if state.over or sched.interrupted then return leave(state) end
  state.pulling = sched.current()
  return pulled(state, state.source())
end

-- All that the source has was begun.
local function is_whole(sum, source)
  local size = progress.size_of(source)
  if not size then return false end
  local total, exact = size(sum.total)
  return exact and total <= sum.total
end

-- `wrapped` does what `fn`, the script's, is for.
local function run(what, source, options, fn, wrapped)
  local sum = M.summary()
  local state = { source = puller(source, what), sum = sum, queue = {},
    turn = grow, parallel = parallel_of(options, what) }
  sched.check()
  local group = new_group(what)
  state.group = group
  wrapped = wrapped or fn
  -- Few values on the stack here, too.
  local function take() return pull(state) end
  local function count(...) return tally(sum, ...) end
  group.work = function()
    while true do count(wrapped(take())) end
  end
  -- A signal may end the worker whose turn it is, within an iterator that waits.
  group.vacate = function(task)
    if state.pulling == task then
      state.pulling = false
      give_turn(state)
    end
  end
  group:add(group.work).fn = fn -- by which it is named
  group.fn = fn
  progress.begin(sum, source, group)
  group:wait()
  sum.cut = sched.interrupted and not state.over and not is_whole(sum, source) or nil
  return M.conclude(sum)
end

local function function_of(what, options, fn)
  if fn == nil and type(options) == "function" then options, fn = {}, options end
  return options or {}, usage.type(fn, what .. "'s function", "function")
end

-- `wrapped` is called for each item instead of `fn`, which is the script's.
function M.each(source, options, fn, wrapped)
  options, fn = function_of("each", options, fn)
  return run("each", source, options, fn, wrapped)
end

function M.map(source, options, fn, wrapped)
  options, fn = function_of("map", options, fn)
  wrapped = wrapped or fn
  local results, n = { n = 0 }, 0
  local take = puller(source, "map")
  local function numbered(...)
    if (...) == nil then return nil end
    n = n + 1
    return n, ...
  end
  local function keep(i, ...)
    local value, _, before = ...
    if value == M.BEFORE then value = before end
    if value ~= M.LEFT and value ~= M.TWICE then results[i] = value end
    return ...
  end
  local function next_item() return numbered(take()) end
  progress.sizes[next_item] = progress.size_of(source)
  local sum = run("map", next_item, options, fn, function(i, ...)
    if getmetatable(...) == Broken then return Broken, ... end
    return keep(i, wrapped(...))
  end)
  results.n = n
  return results, sum
end

-- All are looked at before the first is started.
local function check_items(list, what)
  usage.type(list, what .. "'s argument", "table")
  for _, item in ipairs(list) do
    if type(item) ~= "function"
      and not (type(item) == "table" and type(item.join) == "function") then
      usage.fail(("%s takes a list of functions or tasks, not of %ss"):format(
        what, type(item)))
    end
  end
  sched.check()
end

-- Adds a function, or a task that was started before; the latter is
-- cancelled with the group.
local function add_item(group, item, settled)
  if type(item) == "function" then
    group:add(item, settled)
  else
    group:add(function() return item:join() end, settled).owned = { item }
  end
end

function M.all(list)
  check_items(list, "all")
  local group, results, refused = new_group("all"), { n = #list }, nil
  for i, item in ipairs(list) do
    add_item(group, item, function(task)
      local got = task.results
      if got and got[1] == nil and got[2] ~= nil and not refused then
        refused = pack(unpack(got, 1, got.n))
        group:stop()
      elseif got then
        results[i] = got[1]
      end
    end)
  end
  group:wait()
  if refused then return unpack(refused, 1, refused.n) end
  return results
end

function M.race(list)
  if type(list) == "table" and #list == 0 then
    usage.fail("race takes at least one function or task")
  end
  check_items(list, "race")
  local group, winner, loser = new_group("race"), nil, nil
  group.fail = function() end
  for _, item in ipairs(list) do
    add_item(group, item, function(task)
      local got = task.results
      if not winner and got and not (got[1] == nil and got[2] ~= nil) then
        winner = got
        group:stop()
      else
        loser = task
      end
    end)
  end
  group:wait()
  if winner then return unpack(winner, 1, winner.n) end
  if loser and loser.failed then error(loser.traceback, 0) end
  if loser then return unpack(loser.results, 1, loser.results.n) end
end

return M
