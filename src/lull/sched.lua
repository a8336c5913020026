-- sched: tasks, and the loop that runs them.
--
-- A task is a coroutine. One that waits for the engine stands in `waiting`
-- under the slot of the id that it waits for; one that may go on stands in
-- `ready`. The loop runs what is ready, then lets the engine step, which
-- gives one event, and resumes the task that waits for it. The same
-- functions called outside of every task run the loop until what they wait
-- for is there.

local core = require "lull.core"
local ending = require "lull.ending"
local unhandled = require "lull.unhandled"
local usage = require "lull.usage"
local yieldable = require "lull.yieldable"

local M = {}
usage.own()

local native = yieldable.native
local running, yield, resume = coroutine.running, native "yield", native "resume"
local create, status = native "create", native "status"
local unpack = table.unpack or unpack

-- The low bits of an id, its slot: slots are used again, so that a table by
-- slots stays small.
local SLOTS = 16777216

-- A million tasks may wait: what most of them do not have is said here once,
-- and a group's worker has two fields of its own, its coroutine and what it
-- waits for.
---@type lull.task
local Task = { done = false, cancelled = false, seen = false, failed = false,
  state = false,    -- "new" or "ready": it stands in `ready`
  pending = false,  -- the id that it waits for
  group = false,    -- to be told of its end, and of its failure
  number = false,   -- in its name
  fn = false,
  joiners = false }
Task.__index = Task
M.Task = Task

local engine            -- the engine that everything waits for
local current           -- the task that runs now
local waiting = {}      -- slot of an id -> task, or a main-level box; and what
                        -- lull's own yields give: who gives it has not ended
local ready = {}        -- fifo of tasks
local first, last = 1, 0
local live = {}         -- the script's tasks that have not ended, and the groups
                        -- whose workers have not
local blocked = {}      -- task -> what it waits in, in a word, when that is no call
local exit              -- what lull.exit was called with
local failed_alone = {} -- tasks that failed, and nobody has asked why -> which one it was
local failures = 0
local handlers = {}     -- event kind -> function, for events without a waiter
local made = 0

local function next_number()
  made = made + 1
  return made
end

-- The number of a task, and where its function stands. A worker has none
-- before it is asked for.
local function name_of(task)
  task.number = task.number or next_number()
  return task.name or ("%d (%s)"):format(task.number, usage.place(task.fn or task.group.fn))
end

Task.__tostring = function(task) return "task " .. name_of(task) end

-- What the workers of a group have in common, looked up in one step.
local function worker_of(group)
  local worker = {}
  for name, value in pairs(Task) do worker[name] = value end
  worker.group, worker.__index = group, worker
  return worker
end

function M.exit(code)
  local request = ending.exit(usage.count(code or 0, "exit", 0))
  if not M.in_main then os.exit(request.code) end
  exit = exit or request
  if current and running() == current.co then pcall(yield) end
  error(request, 0)
end

---Ends the run with that error, whatever the tasks are doing.
function M.abort(err) exit = exit or err end

---Coroutines are resumed by the host's function, which so knows what runs.
function M.resume_by(fn) resume = fn end

---Uses this engine from now on.
function M.use(new_engine) engine = new_engine end

---The engine in use; the real one is made when it is first needed.
function M.engine()
  engine = engine or core.engine { interrupt_fd = M.interrupt_fd }
  return engine
end

---Calls `fn(id, details)` for events of that kind that nobody waits for; for
---"done", which a task may wait for, `fn(id)`.
function M.on(kind, fn) handlers[kind] = fn end

---The task that runs now, or nil outside of every task.
function M.current() return current end

local function pack(...) return { n = select("#", ...), ... } end

---Is called with each task of the script's, when somebody wants to know.
M.spawned = false

---The summary of the `each` or `map` that ended last.
M.concluded = nil

---No batch is fed here: what others feed is done.
M.takes_only = false

---The journal that was named for the whole run, and whether it goes on though
---calls have changed; in a simulated world what stands in for its file, and what
---opens, closes and cuts off stores of a simulated Redis; and the share of its writes at which
---the process ends, for who tries that.
M.journal, M.force, M.memory_store, M.server, M.crash = nil, nil, nil, nil, nil

---How long the server of a shared journal may be away, in s; whether it is not
---looked at whether it keeps what it takes; and whether shared lanes go on with
---their part while it is away.
M.store_timeout, M.assume_durable, M.store_loss_local = nil, nil, nil

---Raises, at the caller's line, when this code cannot wait.
function M.check() return yieldable.check(current) end

---What is done when the last task has ended, in a program of lull's own.
M.at_end = nil

-- ---- the loop ------------------------------------------------------------

local function push(task)
  task.state = task.state or "ready"
  last = last + 1
  ready[last] = task
end

local function pop()
  local task = ready[first]
  ready[first] = nil
  first = first + 1
  if first > last then first, last = 1, 0 end
  return task
end

local function fail(task, err)
  err = yieldable.reworded(err)
  task.failed = true
  task.err = err
  task.traceback = ending.with_traceback(err, task.co, err)
  if ending.is_exit(err) then
    exit = exit or err
  elseif not (task.seen or task.group) and not ending.is_cancellation(err) then
    failures = failures + 1
    failed_alone[task] = failures
  end
end

-- What a task is unwound with that ends before its function returns.
local LEFT = {}

---Ends the task that runs now, as if its function had returned nothing.
function M.leave() error(LEFT, 0) end

---The task has ended, with these results or this error.
local function finish(task, ok, ...)
  task.done = true
  live[task], blocked[task] = nil, nil
  if (...) == LEFT then
    task.results = pack()
  elseif ok then
    task.results = pack(...)
  else
    fail(task, (...))
  end
  for _, joiner in ipairs(task.joiners or {}) do push(joiner) end
  if task.group then task.group:ended(task) end
end

M.finish = finish

-- The task has come to a wait, or to its end; `before` runs again.
local function after(task, before, ok, ...)
  current = before
  if (...) == waiting or status(task.co) ~= "dead" then return end
  -- A yield that Lua refused leaves what it waited for behind.
  if task.pending then
    waiting[task.pending % SLOTS] = nil
    engine:cancel(task.pending)
  end
  finish(task, ok, ...)
end

-- Lets the task go on with these values.
local function run_task(task, ...)
  local before = current
  current = task
  return after(task, before, resume(task.co, ...))
end

-- The same for a group's worker, whose results are nobody's: no list of them to
-- carry along, as most of what is run is a worker.
local function run_worker(task, kind, details, id)
  local before = current
  current = task
  local ok, first_value = resume(task.co, kind, details, id)
  if first_value == waiting then
    current = before
    return
  end
  return after(task, before, ok, first_value)
end

-- The first task that is ready, or what something else has to do in the loop.
local function run_ready()
  local task = pop()
  if not task.co then return task:turn() end
  local args = task.args
  task.state, task.args = nil, nil
  if task.done then return end
  if args then return run_task(task, unpack(args, 1, args.n)) end
  return run_task(task)
end

-- What a task waits in: a word, or the request of a call.
local function place(task)
  local what = blocked[task]
  if not what and task.pending then
    what = table.concat({ engine:request_of(task.pending) }, " ")
  end
  return what and " (in " .. what .. ")" or ""
end

-- Calls `fn` for each task of the script's that has not ended.
local function each_live(fn)
  for one in pairs(live) do
    if one.co then
      fn(one)
    else
      for _, worker in ipairs(one.tasks) do
        if not (worker.done or live[worker]) then fn(worker) end
      end
    end
  end
end

local function names_of_sleepers()
  local names = {}
  each_live(function(task) names[#names + 1] = name_of(task) .. place(task) end)
  table.sort(names)
  return #names > 0 and table.concat(names, ", ") or "the main program"
end

-- The event that a task waits for, a crowd, or the main program.
local function wake_up(waiter, kind, details, id)
  if not waiter.co then
    if waiter.told then return waiter:told(kind, details, id) end
    waiter.kind, waiter.details = kind, details
    return
  end
  waiter.pending = nil
  if waiter.fn then return run_task(waiter, kind, details, id) end
  return run_worker(waiter, kind, details, id)
end

-- As many tasks may run before the engine has its turn: a hundred thousand
-- that begin at once must not hold up those that wait for an answer.
local BURST = 64
local ran = 0

-- Runs a task that is ready; or takes an event of the engine's, waiting for
-- it no longer than `patience`. Gives the kind of the event, or "task".
local function turn(patience)
  if first <= last then
    ran = ran + 1
    if ran <= BURST then
      run_ready()
      return "task"
    end
    patience = 0
  end
  ran = 0
  local kind, id, details = (engine or M.engine()):step(patience)
  local handler = handlers[kind]
  if kind == "done" or kind == "timer" or kind == "ask" or kind == "headers" then -- somebody waits for it
    local slot = id % SLOTS
    local waiter = waiting[slot]
    waiting[slot] = nil
    if handler then handler(id) end
    if waiter then wake_up(waiter, kind, details, id) end
  elseif handler then
    handler(id, details)
  elseif kind == "idle" and first <= last then
    kind = "task"
  end
  return kind
end

local function fail_asleep()
  error("all tasks are asleep, and nothing will wake them: " .. names_of_sleepers(), 0)
end

-- Who runs the loop here waits for something else, and gets it.
local function put_aside()
  for task in pairs(failed_alone) do
    failed_alone[task] = nil
    unhandled.note(task, name_of(task))
  end
end

---Runs tasks and the engine until `finished()` says so.
local function pump(finished)
  while not finished() do
    if exit then error(exit, 0) end
    if turn() == "none" then fail_asleep() end
    if not M.in_main and next(failed_alone) then put_aside() end
  end
end

-- ---- waiting -------------------------------------------------------------

-- What a task is told that was woken early: it was cancelled meanwhile, or was roused.
local function ended()
  if current.cancelled then error(current.cancelled, 0) end
end

---Lets the task that runs now stand still until another wakes it, or ends it.
---@param what string what it waits in, for messages
function M.pause(what)
  local task = current
  blocked[task] = what
  yield(waiting)
  blocked[task] = nil
end

local function wait_outside(id)
  local box = M.listen(id)
  pump(function() return box.kind end)
  return box.kind, box.details
end

-- The core itself sees whether a call may wait where it is made.
local core_looks = (tonumber(_VERSION:match "[%d.]+$") or 0) >= 5.3

---For a call that the core starts and waits for in one: the engine, the task,
---its coroutine and the table to stand in. Nothing when it cannot be: the
---longer way says why.
function M.reserve()
  local task = current
  if not task or task.cancelled or M.interrupted then return nil end
  if not core_looks then M.check() end
  return engine or M.engine(), task, task.co, waiting
end

---Takes note of the next event of an id, while its task does something else.
---@param id number
---@return table box for `wait`
function M.listen(id)
  local box = { pending = id }
  waiting[id % SLOTS] = box
  return box
end

---What a table by ids is to be keyed by.
---@param id number
function M.slot(id) return id % SLOTS end

---Lets the loop call `crowd:told(kind, details, id)`, outside of every task, with
---the next event of an id, and gives the slot of the id.
---@param id number
---@param crowd table
function M.attend(id, crowd)
  waiting[id % SLOTS] = crowd
  return id % SLOTS
end

---Waits for the next event of an id: kind and details. `check` must have
---been called before the id was made.
---@param id number
function M.wait(id)
  local task = current
  if not task then return wait_outside(id) end
  waiting[id % SLOTS] = task
  task.pending = id
  local kind, details = yield(waiting)
  if not kind then ended() end
  return kind, details
end

---The same for one that was listened to.
---@param id number
---@param box table of `listen`: what has come since
function M.wait_on(id, box)
  if box.kind then return box.kind, box.details end
  return M.wait(id)
end

function M.sleep(seconds)
  seconds = usage.duration(seconds, "sleep")
  M.check()
  if M.interrupted then
    local reason = ending.cancellation "interrupted"
    if current then current.cancelled = reason end
    error(reason, 0)
  end
  local id = M.engine():sleep(seconds)
  local task = current
  if task then blocked[task] = "sleep" end
  M.wait(id)
  if task then blocked[task] = nil end
end

-- ---- tasks ---------------------------------------------------------------

-- Of a C function some Luas make no coroutine.
local c_coroutines = pcall(create, print)

local function body_of(fn)
  if c_coroutines or debug.getinfo(fn, "S").what ~= "C" then return fn end
  return function(...) return fn(...) end
end

local function spawn(fn, ...)
  local task = setmetatable({ co = create(body_of(fn)), fn = fn,
    number = next_number(), state = "new" }, Task)
  if select("#", ...) > 0 then task.args = pack(...) end
  push(task)
  return task
end

function M.spawn(fn, ...)
  local task = spawn(usage.type(fn, "what is spawned", "function"), ...)
  live[task] = true
  if M.spawned then M.spawned(task) end
  return task
end

---Lets `thing:turn()` be called by the loop, outside of every task, after
---what is ready now.
function M.later(thing) push(thing) end

---Runs the group's `work` in one more task, at once. Only from a turn of the
---loop: from within a task it would make the stack of each as deep as those
---before it.
function M.begin(group)
  group.worker = group.worker or worker_of(group)
  local task = setmetatable({ co = create(group.work), pending = nil }, group.worker)
  live[group] = true
  group:joined(task)
  return run_worker(task)
end

---The last task of the group has ended.
function M.disband(group) live[group] = nil end

---Starts a task that nobody waits for: the script may end without it.
M.background = spawn

---Waits until `holds()`; whoever may make it hold calls `wake`.
---@param holds function
---@param what string for messages
function M.hold(holds, what)
  M.check()
  if not current then return pump(holds) end
  while not holds() do
    M.pause(what)
    if current.cancelled then ended() end
  end
end

---Lets a task look again at what it holds for.
function M.wake(task)
  if task and not task.done and not task.state then push(task) end
end

---Takes back what the task waits for.
function M.forget(task)
  waiting[task.pending % SLOTS] = nil
  engine:cancel(task.pending)
  task.pending = nil
end

---Somebody asks what became of the task: its failure is theirs now.
function M.asked(task)
  task.seen, failed_alone[task] = true, nil
  unhandled.forget(task)
end

-- ---- the end -------------------------------------------------------------

-- The first error of a task that nobody joined.
local function first_unhandled()
  local first_one
  for task, when in pairs(failed_alone) do
    if not first_one or when < failed_alone[first_one] then first_one = task end
  end
  return first_one
end

local TURNS = 1000 -- of one step: then the host has its own
local LONGEST = 3600 -- s; so that no host needs a case for infinity

function M.fds() return { M.engine():fd() } end

function M.timeout()
  if first <= last or next(failed_alone) then return 0 end
  local due = engine and next(live) and engine:due()
  return due and math.min(due, LONGEST) or nil
end

function M.step(patience)
  patience = usage.duration(patience or 0, "step")
  if current then usage.fail("lull.step is for the program around the tasks, not for a task") end
  local kind = turn(M.timeout() and patience or 0)
  for _ = 2, TURNS do
    if kind == "none" or kind == "idle" then break end
    kind = turn(0)
  end
  local failed = first_unhandled()
  if failed then
    failed_alone[failed] = nil
    error(failed.traceback, 0)
  end
  local left = M.timeout() ~= nil
  if not left and next(live) then fail_asleep() end
  return left
end

-- Takes back what tasks still wait for, and tells what there is to tell:
-- the last verdicts would be missing from the trace.
local function wind_up()
  local ids = {}
  for slot, waiter in pairs(waiting) do
    ids[#ids + 1] = waiter.pending
    waiting[slot] = nil
  end
  table.sort(ids)
  for _, id in ipairs(ids) do engine:cancel(id) end
  while engine do
    local kind, id, details = engine:step(0)
    if kind == "none" or kind == "idle" then return end
    if kind == "verdict" and handlers.verdict then handlers.verdict(id, details) end
  end
end

---Runs `fn(...)` as a task until it and every other task have ended. True;
---or false and the error, also one in a task that nobody joined.
function M.main(fn, ...)
  local root = M.spawn(fn, ...)
  root.name, root.seen = "the script", true
  M.in_main = true
  local ok, err = pcall(pump, function()
    return root.done and (root.failed or next(live) == nil)
  end)
  wind_up()
  if M.at_end then M.at_end() end
  if not ok then return false, err end
  local failed = root.failed and root or first_unhandled()
  if failed then return false, failed.traceback end
  return true
end

---Ends a task's sleep, as if its time were over.
---@param task table?
function M.rouse(task)
  if not task or blocked[task] ~= "sleep" or not task.pending then return end
  M.forget(task)
  push(task)
end

---The process is asked to end: sleeping tasks are ended, and the engine
---lets only what is on the wire come to its end.
---@param signal string
function M.interrupt(signal)
  M.interrupted = signal
  M.engine():drain()
  each_live(function(task)
    while task.child and not task.child.done do task = task.child end
    if blocked[task] == "sleep" and task.pending then
      task.cancelled = ending.cancellation "interrupted"
      M.rouse(task)
    end
  end)
end

-- Once in a run: it goes on, but slower.
handlers.files = function(_, limit)
  local most = limit > 0 and ("no more than %d files may be open at once (ulimit -n)"):format(limit)
    or "no more files can be opened"
  io.stderr:write("lull: ", most, ": calls wait for each other\n")
end

local alarms = {} -- id of a sleep -> what is done at its end

handlers.timer = function(id)
  local fn = alarms[id]
  alarms[id] = nil
  -- Alone, it would hide that all others wait for each other.
  if fn and (engine:live() > 0 or first <= last) then fn() end
end

---Calls `fn()` after so many seconds, from within the loop, if the run goes on.
---@param seconds number
---@param fn function
function M.after(seconds, fn) alarms[M.engine():sleep(seconds)] = fn end

---Cancels the calls that still fly after so many seconds, and tells how many.
---@param seconds number
---@param told fun(n: integer)
function M.cut_after(seconds, told)
  M.after(seconds, function() told(M.engine():cut()) end)
end

return M
