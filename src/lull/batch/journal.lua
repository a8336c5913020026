-- journal: the one that this process is at work on, and its batches.

local core = require "lull.core"
local client = require "lull.client"
local exit = require "lull.exit"
local json = require "lull.json"
local memory = require "lull.batch.memory"
local sched = require "lull.sched"
local usage = require "lull.usage"

local M = {}
usage.own()

-- What is wrong with a journal is a sentence, and no error of the script's.
local Problem = { __tostring = function(self) return self.message end }

local function refuse(problem) error(setmetatable({ message = problem, why = "journal" }, Problem), 0) end
M.refuse = refuse

local now -- the journal that is open: path, store, names, unnamed, under_way

-- In a simulated world it is in memory.
local function open_store(path, durability)
  local store, problem = core.store(sched.engine(), sched.memory_store or path, durability == "process")
  if not store then refuse(problem) end
  if sched.crash then store:chaos(sched.engine(), sched.crash) end
  return store
end

-- Nothing more can be kept: the run ends.
local function broken(_, problem)
  local code = problem:find("the process ended here", 1, true) and exit.CRASHED or 1
  sched.abort(setmetatable({ message = problem, why = "journal", code = code }, Problem))
end

---The journal of that path, open.
function M.open(path, durability)
  if now and now.path == path then return now end
  if now then
    usage.fail(("one journal at a time: '%s' is open, and '%s' is another one"):format(now.path, path))
  end
  local store = open_store(path, durability)
  sched.engine():attach(store)
  sched.on("store", broken)
  sched.spawned = function(task) task.within = memory.item_now() end
  client.remember_by(memory.call, memory.key)
  json.in_order = true -- a body is the same bytes in each run
  now = { path = path, store = store, names = {}, unnamed = 0 }
  return now
end

---Keeps all that was written, and closes it.
function M.close()
  if not now then return end
  sched.engine():attach(nil)
  now.store:close()
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

---The batch's items are of that kind, as they were before.
function M.enroll(batch, kind)
  local number, problem = batch.store:batch(batch.name, kind)
  if problem == "kind" then
    usage.fail(("%s: the items of the batch %s are now %s, and were others before; give this batch "
      .. "another `name`"):format(batch.journal.path, batch.shown, kind))
  end
  if not number then refuse(problem) end
  batch.number, batch.kind = number, kind
end

return M
