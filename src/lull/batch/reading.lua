-- reading: what stands in a journal, for who looks at it, while a run is at work on
-- it or not. It changes nothing, and holds up nobody.

local core = require "lull.core"
local json = require "lull.json"
local keeping = require "lull.batch.kept"
local memory = require "lull.batch.memory"
local redis = require "lull.redis"
local remote = require "lull.lazy" "lull.batch.remote"
local sched = require "lull.sched"

local M = {}

M.VERSION = 1 -- of what `summary` gives
M.STATES = { "done", "failed", "later", "open" }

local NUMBERS = { open = 0, done = 1, failed = 2, later = 3 } -- as the store has them
local WORDS = { [0] = "open", "done", "failed", "later" }
local PAGE = 500   -- items at a time
local LOOKED = 10000 -- items under way, or for later, that a summary looks at

---The journal, to be closed; or nil, a sentence, and whether it may pass.
---@param path string
function M.open(path)
  if redis.is(path) then return remote.open(path) end
  return core.journal(path)
end

---Those items are open again; gives what is wrong.
---@param path string
---@param list { batch: integer, id: string }[]
---@return string? problem
---@return boolean? passing
function M.reopen(path, list)
  if redis.is(path) then
    local journal, problem, passing = remote.open(path)
    if not journal then return problem, passing end
    journal:reopen(list)
    return journal:close()
  end
  local store, problem = core.store(sched.engine(), path, false)
  if not store then return problem end
  for _, item in ipairs(list) do store:reopen(item.batch, item.id) end
  store:close()
end

---The process that is at work on it, or nil.
function M.holder(path) return core.journal_holder(path) end

-- A batch without a name has its number among those for a name.
local function shown(name) return name:sub(1, 1) == "=" and name:sub(2) or nil end

---@return { number: integer, name: string?, kind: string }[]
function M.batches(journal)
  local list = assert(journal:batches())
  for _, batch in ipairs(list) do batch.name = shown(batch.name) end
  return list
end

-- ---- items ---------------------------------------------------------------

-- An item that came to its end, or is for later.
local function settled(state, row)
  local item = state ~= "done" and row.bytes and json.decode(row.bytes) or {}
  item.id, item.outcome, item.run = row.id, state, row.run
  if state == "done" and row.bytes then item.value = keeping.shown(row.bytes) end -- of nothing there are none
  if state == "later" then item.due = row.due end
  return item
end

-- An empty list is one in JSON, too.
local function list_of(values) return values[1] and values or json.empty_array end

-- One that has begun, with its calls.
local function begun(journal, batch, row)
  local calls = {}
  for _, call in ipairs(row.calls_of or assert(journal:calls(batch, row.id))) do
    if call.nth > 0 then calls[#calls + 1] = memory.told(call.bytes) end
  end
  for _, call in ipairs(calls) do call.history = call.history and list_of(call.history) end
  return { id = row.id, outcome = "open", calls = list_of(calls) }
end

local function page_of(journal, batch, state, after)
  if state == "open" then return assert(journal:open(batch, after, PAGE)) end
  return assert(journal:items(batch, NUMBERS[state], after, PAGE))
end

-- Where the page behind this one begins; nil: there is none.
local function behind(page)
  if page.next then return page.next ~= "" and page.next or nil end
  return #page == PAGE and page[#page].id or nil
end

---The items of a state, one after the other; a page at a time is in memory.
---@param state "done"|"failed"|"later"|"open"
---@return fun(): table?
function M.items(journal, batch, state)
  local page, at = page_of(journal, batch, state, ""), 0
  return function()
    at = at + 1
    while not page[at] and behind(page) do page, at = page_of(journal, batch, state, behind(page)), 1 end
    local row = page[at]
    if not row then return nil end
    return state == "open" and begun(journal, batch, row) or settled(state, row)
  end
end

-- ---- the whole -----------------------------------------------------------

local function add_time(into, name, at)
  if not at or at <= 0 then return end
  into[name] = math.min(into[name] or at, at)
end

-- What those under way do: on the wire, or a wait, until when at the earliest.
local function under_way(journal, batch)
  local told, n = { on_the_wire = 0, waiting = 0 }, 0
  for item in M.items(journal, batch, "open") do
    local last = item.calls[#item.calls]
    if last and last.on_the_wire then told.on_the_wire = told.on_the_wire + 1 end
    if last and last["until"] then
      told.waiting = told.waiting + 1
      add_time(told, "until", last["until"])
    end
    n = n + 1
    if n >= LOOKED then break end
  end
  return told
end

local function first_due(journal, batch)
  local told, n = {}, 0
  for item in M.items(journal, batch, "later") do
    add_time(told, "due", item.due)
    n = n + 1
    if n >= LOOKED then break end
  end
  return told.due
end

local function batch_summary(journal, batch)
  local told = { name = batch.name, kind = batch.kind, done = 0, failed = 0, later = 0, open = 0, reasons = {} }
  for _, row in ipairs(assert(journal:counts(batch.number))) do told[WORDS[row.state]] = row.count end
  for i, row in ipairs(assert(journal:reasons(batch.number))) do
    told.reasons[i] = { outcome = WORDS[row.state], count = row.count, reason = row.reason, why = row.why }
  end
  told.queued = batch.queued
  if told.open > 0 then told.under_way = under_way(journal, batch.number) end
  if told.later > 0 then told.due = batch.due or first_due(journal, batch.number) end
  return told
end

---What became of all items, by batch.
---@param path string
---@return table
function M.summary(journal, path)
  local batches = {}
  for i, batch in ipairs(M.batches(journal)) do batches[i] = batch_summary(journal, batch) end
  local remote_one = redis.is(path)
  return { version = M.VERSION, journal = redis.shown(path), runs = journal:runs(), batches = batches,
    pid = not remote_one and M.holder(path) or nil, workers = remote_one and journal:workers() or nil,
    lanes = remote_one and journal:lanes() or nil }
end

return M
