-- each: a batch: items of which each comes to one end, over all runs.

local exit = require "lull.exit"
local journals = require "lull.batch.journal"
local json = require "lull.json"
local keeping = require "lull.batch.kept"
local memory = require "lull.batch.memory"
local sched = require "lull.sched"
local shared = require "lull.lazy" "lull.batch.shared"
local secret = require "lull.secret"
local tasks = require "lull.lazy" "lull.tasks"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

-- ---- ids -----------------------------------------------------------------

local function id_text(id)
  if type(id) == "number" then return text.number(id) end
  if type(id) == "string" and id ~= "" then return id end
end

-- How items are told apart, for the journal.
local function kind_of(batch, item)
  local by = batch.id and (type(batch.id) == "string" and (" by '%s'"):format(batch.id) or " by a function") or ""
  return (type(item) == "string" and "texts" or type(item) == "number" and "numbers" or "tables") .. by
end

local KINDS = { string = true, number = true, table = true }

-- No line of the script's runs when an item is looked at: the error names the
-- function that it is for.
local function misfit(batch, message) error(("%s: %s"):format(batch.where, message), 0) end

local function id_of(batch, item)
  if not KINDS[type(item)] or getmetatable(item) and type(item) == "table" then
    misfit(batch, ("an item of a batch is a text, a number or a plain table, not a %s"):format(type(item)))
  end
  local id
  if type(batch.id) == "function" then
    id = batch.id(item)
  elseif type(item) == "table" then
    id = item[batch.id or "id"]
  elseif batch.id then
    misfit(batch, ("the id is the field '%s' of an item, and this item is a %s"):format(batch.id, type(item)))
  else
    id = item
  end
  local name = id_text(id)
  if not name then
    misfit(batch, ("an item needs an id, which is a text or a number; this one has %s (`id` names the field, "
      .. "or is a function of the item)"):format(id == "" and "an empty one" or "a " .. type(id)))
  end
  return name
end

-- ---- what is kept of an item ---------------------------------------------

local MOST = 100 -- attempts of a history that are kept

-- Each attempt of the call that an item ended with.
local function history_of(err)
  local list = {}
  for i, entry in ipairs(err.history or {}) do
    if i > MOST then break end
    list[i] = { n = entry.n, status = entry.status, class = entry.class, at = entry.at, took = entry.took,
      wait = entry.wait > 0 and entry.wait or nil, verdict = entry.verdict, why = entry.why, source = entry.source,
      maybe_applied = entry.maybe_applied or nil }
  end
  return #list > 0 and list or nil
end

-- Why an item failed or is left, and what it was, for people and for what reads
-- journals. `at`: when it was put off, by the clock; it stands last.
local function kept_failure(batch, item, err, at)
  local reason = type(err) == "table" and rawget(err, "reason") or nil
  local why = type(err) == "table" and rawget(err, "why") or nil
  local told = { item = item, history = why and history_of(err) or nil,
    error = secret.redact(tostring(secret.shown(err))), reason = reason, why = why,
    attempts = why and err.attempts or nil, waited = why and err.waited or nil,
    written = at and math.floor(at) }
  if batch.bodies and why and err.response then keeping.add_body(told, err.response.body) end
  local ok, line = pcall(json.line, told)
  if not ok or #line > keeping.MOST then
    told.item, told.body, told.body_base64, told.history = nil, nil, nil, nil
    ok, line = pcall(json.line, told)
  end
  return ok and secret.redact(line) or ""
end

local function failure_of(bytes) return bytes ~= "" and json.decode(bytes) or {} end

-- ---- an item's end -------------------------------------------------------

local function settle(batch, record, state, due, bytes)
  record.written = batch.store:settle(batch.number, record.id, state, due, bytes)
  batch.written, batch.last = record.written, batch.last + 1
  batch.settling[batch.last] = record
end

-- Those whose end is kept for good need not be held any more: who comes with
-- the same id finds them in the journal.
local function tidy(batch)
  local list = batch.settling
  while list[batch.first] and batch.store:durable(list[batch.first].written) do
    batch.open[list[batch.first].id] = nil
    list[batch.first] = nil
    batch.first = batch.first + 1
  end
end

local UNSURE = "a request of another task of the item was under way, and may have been applied: it is not "
  .. "sent again (give it a key, or send it in the item's own function)"

local function fail(batch, record, item, err)
  settle(batch, record, "failed", 0, kept_failure(batch, item, err))
  return nil, err
end

-- What the item's function gave is what becomes of it.
local function conclude(batch, record, item, ...)
  local value, err = ...
  sched.current().item = nil
  if record.differs then return fail(batch, record, item, record.differs) end
  if record.interrupted or sched.interrupted and type(err) == "table" and err.why == "cancelled" then
    batch.open[record.id] = nil
    return tasks.LEFT
  end
  if value ~= nil or select("#", ...) == 0 then
    settle(batch, record, "done", 0, keeping.of(value))
    return ...
  end
  if type(err) ~= "table" or not err.later then return fail(batch, record, item, err) end
  if record.unsure then
    err.later = false
    return fail(batch, record, item, err)
  end
  if record.asides > 0 then return fail(batch, record, item, UNSURE) end
  -- The clock of a shared journal is its server's.
  local now = batch.journal.batches and 0 or sched.engine():wall()
  settle(batch, record, "later", now + (tonumber(err.retry_after) or 0), kept_failure(batch, item, err,
    now > 0 and now or nil))
  return nil, err
end

-- ---- an item's beginning -------------------------------------------------

local function twice(batch, id)
  exit.complain(("two items have the id '%s'; the second is left out"):format(id))
  return batch and tasks.TWICE
end

local LATER = { later = true }

-- An item that was put off after now: the clock was set back since. Nothing is taken
-- to have passed, and it waits as long as it was to, from now on.
local function set_clock(batch, id, due, bytes)
  local now = sched.engine():wall()
  local head, at = bytes:match '^(.*"written":)(%d+)}%s*$'
  if not at or tonumber(at) <= now then return end
  batch.written = batch.store:settle(batch.number, id, "later", now + due - tonumber(at),
    ("%s%d}\n"):format(head, math.floor(now)))
end

-- What is known of the item already, for the loop, and last what is kept of it;
-- nil: it is to be run.
local function known(batch, id)
  if batch.open[id] then return twice(batch, id) end
  local state, run, due, bytes = batch.store:claim(batch.number, id)
  if not state then journals.refuse(run) end
  if state == "open" then return nil, false end
  if run == batch.store:run() then return twice(batch, id) end
  if state == "later" then
    if due <= sched.engine():wall() then return nil, true end
    set_clock(batch, id, due, bytes)
    return nil, nil, LATER, batch.before and failure_of(bytes)
  end
  if state == "failed" then return tasks.BEFORE, state, nil, batch.before and failure_of(bytes) end
  if not (batch.values or batch.before) then return tasks.BEFORE, state end
  local value = keeping.value(bytes)
  return tasks.BEFORE, state, value, value or {}
end

local function begin(batch, id, renewed)
  local resumed = batch.store:run() > 1
  local record = { id = id, batch = batch, calls = 0, keys = 0, asides = 0, written = 0, resumed = resumed,
    renewed = renewed }
  batch.open[id] = record
  return record
end

-- All that was written is kept for good.
local function sync(batch)
  if not batch.store:durable(batch.written) then sched.wait(sched.engine():sync()) end
end

local SETTLING = 1000 -- ends that are not kept yet, for which a quick batch waits

local function process(batch, fn, item, ...)
  if not batch.number then journals.enroll(batch, kind_of(batch, item)) end
  if batch.settling[batch.first] then tidy(batch) end
  if batch.last - batch.first >= SETTLING then sync(batch) end
  local id = id_of(batch, item)
  local what, more, value, kept = known(batch, id)
  if kept and batch.before then batch.before(what and more or "later", kept, item, ...) end
  if what then return what, more, value end
  if value then return nil, value end
  local record = begin(batch, id, more)
  if record.resumed and memory.has_asides(batch, id) then return fail(batch, record, item, UNSURE) end
  sched.current().item = record
  return conclude(batch, record, item, fn(item, ...))
end

-- What a shared batch does with an item that it was given: its record, with what
-- is kept of its calls.
local shared_items = { id = id_of, kind = kind_of, conclude = conclude, value = keeping.value }

function shared_items.kept(state, bytes)
  if state == "done" then return keeping.value(bytes) or {} end
  return failure_of(bytes)
end

function shared_items.begin(batch, entry)
  if batch.settling[batch.first] then tidy(batch) end
  local record = begin(batch, entry.id, entry.renewed)
  record.resumed, record.kept = entry.kept ~= nil, entry.kept
  for nth in pairs(entry.kept or {}) do record.unknown = record.unknown or nth < 0 end
  return record
end

function shared_items.fail(batch, record, item) return fail(batch, record, item, UNSURE) end

-- ---- the batch -----------------------------------------------------------

-- How to go on, for who has ended the run at a terminal.
local function say_how(batch, source, sum)
  local settled = sum.done + sum.failed + sum.before
  local total = type(source) == "table" and #source > 0 and #source
  local script = type(rawget(_G, "arg")) == "table" and arg[0] or "script.lua" -- luacheck: ignore
  local command = batch.again or ("lull %s %s %s"):format(sched.takes_only and "work" or "--journal",
    batch.journal.shown, script)
  if total and settled >= total then return end
  local left = total and ("with %s of %s"):format(text.commas(total - settled), text.commas(total))
    or ("after %s that are done"):format(text.commas(settled))
  exit.complain(("%s goes on %s"):format(command, left))
end

local function check(options)
  local durability = options.durability or "full"
  if durability ~= "full" and durability ~= "process" then
    usage.fail(("durability: '%s' is none of full, process"):format(tostring(durability)))
  end
  if options.id ~= nil then usage.type(options.id, "id", "string or function") end
  if options.name ~= nil then usage.no_nul(usage.type(options.name, "name", "string"), "name") end
  usage.no_nul(usage.type(options.journal or sched.journal, "journal", "string"), "journal")
  return durability
end

local function run(how, source, options, fn, told)
  local durability = check(options)
  sched.check()
  local path = options.journal or sched.journal
  local journal = journals.open(path, durability)
  local batch = journals.batch(journal, options.name, sched.force)
  batch.id, batch.settling, batch.first, batch.last = options.id, {}, 1, 0
  batch.values = how == "map"
  if told then batch.before, batch.again, batch.bodies = told.before, told.again, told.bodies end
  batch.where = usage.place(fn)
  local first, second
  if journal.batches then
    first, second = shared[how](batch, source, options, fn, shared_items)
  else
    first, second = tasks[how](source, options, fn, function(...) return process(batch, fn, ...) end)
  end
  sync(batch)
  journals.leave(batch)
  if sched.interrupted then say_how(batch, source, second or first) end
  return first, second
end

---True when a batch is to be kept in a journal: one is named, and this is no part
---of an item.
function M.wanted(options)
  return (type(options) == "table" and options.journal or sched.journal) and not memory.item_now()
end

---`told`, of the command line: `before(state, kept, item, ...)` hears of items that
---came to their end in a run before, or are not due; `again` is the command that
---goes on; `bodies`: of failures, too.
function M.each(source, options, fn, told)
  if fn == nil then options, fn = {}, options end
  return (run("each", source, options or {}, usage.type(fn, "each's function", "function"), told))
end

function M.map(source, options, fn)
  if fn == nil then options, fn = {}, options end
  return run("map", source, options or {}, usage.type(fn, "map's function", "function"))
end

return M
