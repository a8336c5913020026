-- journal: the one that this process is at work on, and its batches.

local core = require "lull.core"
local client = require "lull.client"
local exit = require "lull.exit"
local json = require "lull.json"
local memory = require "lull.batch.memory"
local batch_redis = require "lull.batch.redis"
local patience = require "lull.patience"
local redis = require "lull.redis"
local sched = require "lull.sched"
local shared = require "lull.shared"
local usage = require "lull.usage"

local M = {}
usage.own()

-- What is wrong with a journal is a sentence, and no error of the script's.
local Problem = { __tostring = function(self) return self.message end }

-- `passing`: another run may do.
local function problem_of(problem, passing)
  return setmetatable({ message = problem, why = "journal", later = passing or nil }, Problem)
end

local function refuse(problem, passing) error(problem_of(problem, passing), 0) end
M.refuse = refuse

---Ends the run, whatever its tasks are doing.
function M.abort(problem, passing) sched.abort(problem_of(problem, passing)) end

local now -- the journal that is open: path, shown, store, names, unnamed, under_way;
          -- of a shared one batches, by their numbers

-- One that is away may come, for a while.
local function open_redis(path)
  local options = batch_redis.read(path)
  options.assume_durable = sched.assume_durable
  local store, problem, passing = patience.open(options)
  if not store then refuse(problem, passing) end
  return { store = store, batches = {}, shown = options.shown }
end

---True for one at which several processes work. In a simulated world it may be in
---memory, whatever its name.
function M.is_shared(path) return redis.is(path) and (sched.server ~= nil or not sched.memory_store) end

local function open_alone(path, durability)
  local store, problem = core.store(sched.engine(), sched.memory_store or path, durability == "process")
  if not store then refuse(problem) end
  return { store = store, shown = path }
end

local function open_store(path, durability)
  local journal = M.is_shared(path) and open_redis(path) or open_alone(path, durability)
  if sched.crash then journal.store:chaos(sched.engine(), sched.crash) end
  return journal
end

-- Nothing more can be kept: the run ends.
local function broken(_, problem)
  local what = problem_of(problem, now and now.store:passing() or shared.passing())
  what.code = problem:find("the process ended here", 1, true) and exit.CRASHED or nil
  sched.abort(what)
end

local function refuse_other(shown, path)
  usage.fail(("one journal at a time: '%s' is open, and '%s' is another one"):format(shown, redis.shown(path)))
end

-- Calls may have opened it before it was known how durable it is to be.
local function as_open(durability)
  if durability == "process" and not now.relaxed then
    now.relaxed = true
    local problem = now.store:relax()
    if problem then refuse(problem) end
  end
  return now
end

---The journal of that path, open. A simulated world has one, whatever its name.
function M.open(path, durability)
  if sched.memory_store and not M.is_shared(path) then path = sched.journal or path end
  if now and now.path == path then return as_open(durability) end
  if now then refuse_other(now.shown, path) end
  if sched.journal and path ~= sched.journal then refuse_other(redis.shown(sched.journal), path) end
  local journal = open_store(path, durability)
  sched.engine():attach(journal.store)
  sched.on("store", broken)
  sched.spawned = function(task) task.within = memory.item_now() end
  client.remember_by(memory.call, memory.key)
  json.in_order = true -- a body is the same bytes in each run
  journal.path, journal.names, journal.unnamed = path, {}, 0
  journal.relaxed = durability == "process"
  now = journal
  if journal.batches then shared.use(path, true) end
  return now
end

---A journal that was named from outside is opened by the first call: what its lanes
---know is for that one, too.
function M.await()
  client.remember_by(function(spec, start)
    if not M.is_shared(sched.journal) then M.open(sched.journal) end
    return memory.call(spec, start)
  end, function() end)
end

---Keeps all that was written, and closes it.
function M.close()
  if not now then return end
  sched.engine():attach(nil)
  now.closed = true
  local is_shared = now.batches ~= nil
  if is_shared then patience.close(now.store) else now.store:close() end
  now = nil
end

-- Unnamed batches are told apart by their order.
local function name_of(journal, name)
  if not name then
    if journal.under_way then
      usage.fail "two batches at once need a `name` each: after a restart they are told apart by it"
    end
    journal.unnamed = journal.unnamed + 1
    return tostring(journal.unnamed)
  end
  if journal.names[name] then
    usage.fail(("a batch named '%s' has been there in this run; give this one another name"):format(name))
  end
  journal.names[name] = true
  return "=" .. name
end

---A batch of the journal.
---@return table batch name, store, journal; its number when its kind is known
function M.batch(journal, name, force)
  local batch = { journal = journal, store = journal.store, name = name_of(journal, name),
    shown = name or "(unnamed)", force = force, open = {}, written = 0 }
  if not name then journal.under_way = batch end
  return batch
end

function M.leave(batch)
  if batch.journal.under_way == batch then batch.journal.under_way = nil end
end

---Refuses a batch whose items are of a kind now that they were not before.
function M.refuse_kind(batch, kind)
  refuse(("%s: the items of the batch %s are now %s, and were others before; give this batch "
    .. "another `name`"):format(batch.journal.shown, batch.shown, kind))
end

---The batch's items are of that kind, as they were before.
function M.enroll(batch, kind)
  local number, problem = batch.store:batch(batch.name, kind)
  if problem == "kind" then M.refuse_kind(batch, kind) end
  if not number then refuse(problem) end
  batch.number, batch.kind = number, kind
end

return M
