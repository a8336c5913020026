-- shared: a batch that several processes work on, by a journal in a Redis.
--
-- One of them feeds: it reads the source and puts its items into the journal.
-- All take items out of it, in small lots, and what becomes of an item is
-- written where it was taken. Who is gone gives back what it had: at once when
-- it ended by itself, else when its lease is over. Who only takes feeds nothing.

local control = require "lull.control"
local exit = require "lull.exit"
local journals = require "lull.batch.journal"
local json = require "lull.json"
local patience = require "lull.patience"
local sched = require "lull.sched"
local tasks = require "lull.lazy" "lull.tasks"
local usage = require "lull.usage"

local M = {}
usage.own()

local unpack = table.unpack or unpack

local LOT = 256         -- items that are taken or fed at once, at most
local SHORTEST, LONGEST = 0.005, 2 -- s until it is looked again for items
local READ = 0.25       -- s of that, while the source is read: one may come at any time

-- Waits until all that was written is taken by the server.
local function sync(batch, number)
  if not batch.store:durable(number) then sched.wait(sched.engine():sync()) end
end

-- ---- items as texts --------------------------------------------------------

-- What the source gave, one value as itself and more as a list.
local function encode(batch, ...)
  local n = select("#", ...)
  local ok, bytes = pcall(json.encode, n == 1 and (...) or { ... })
  if not ok then
    usage.fail(("%s: an item that other machines are to have is a text, a number or a table of such: %s"):format(
      batch.where, tostring(bytes):gsub("^.-:%d+: ", "")))
  end
  return (n == 1 and "1" or "n") .. bytes
end

-- Of "round:1bytes" the item, and what came along with it.
local function decode(text)
  local count, bytes = text:match "^%d+:(.)(.*)$"
  local value = json.decode(bytes)
  if count == "1" then return value end
  return unpack(value)
end

-- ---- what the server tells -------------------------------------------------

local told = {}

function told.item(batch, _, id, item, renewed, ...)
  local kept
  for i = 1, select("#", ...), 2 do
    local nth, bytes = select(i, ...)
    kept = kept or {}
    kept[tonumber(nth)] = bytes
  end
  batch.filled = batch.filled + 1
  batch.queue[batch.filled] = { id = id, item = item, renewed = renewed == "L", kept = kept }
end

function told.batch(batch, _, open, later, fed, feeder, cursor, ...)
  local total, done, failed, broken, whole, due = ...
  batch.counts = { open = tonumber(open), later = tonumber(later), total = tonumber(total), done = tonumber(done),
    failed = tonumber(failed), broken = tonumber(broken) }
  batch.fed, batch.fed_by = fed == "1", feeder ~= "" and feeder or nil
  batch.whole, batch.due = whole == "1", tonumber(due) and tonumber(due) / 1000
  batch.cursor = tonumber(feeder) == batch.store:run() and tonumber(cursor) or nil
end

local STATES = { D = "done", F = "failed", L = "later" }

-- Of what was fed: it had its end before, or is not due.
function told.before(batch, _, id, ended)
  local letter, bytes = ended:match "^(%a)%d+:(.*)$"
  local values = batch.passed[id]
  if values then batch.before(STATES[letter], batch.of.kept(STATES[letter], bytes), unpack(values, 1, values.n)) end
end

-- What map gives of an item that another process has done.
function told.value(batch, _, id, ended)
  local bytes = ended:match "^D%d+:(.*)$"
  batch.known[id] = bytes and batch.of.value(bytes)
end

function told.kind(batch, _, kind) batch.other_kind = kind end

function told.twice(_, _, id) exit.complain(("two items have the id '%s'; the second is left out"):format(id)) end

local function tell(journal, word, b, ...)
  if not word then return false end
  local batch = journal.batches[tonumber(b)]
  if batch then told[word](batch, b, ...) end
  return true
end

local function listen(batch)
  while tell(batch.journal, batch.store:news()) do end
end

-- ---- feeding ---------------------------------------------------------------

local function check_kind(batch, kind)
  batch.kind = kind
  sync(batch, batch.store:order("K", batch.number, "", kind))
  listen(batch)
  if batch.other_kind then journals.refuse_kind(batch, kind) end
end

-- Puts what the source gave into the journal; nil at its end.
local function put(batch, ...)
  local item = ...
  if item == nil then return nil end
  if getmetatable(item) == tasks.Broken then
    exit.complain(tostring(item))
    return batch.store:order("R", batch.number)
  end
  local id = batch.of.id(batch, item)
  if not batch.kind then check_kind(batch, batch.of.kind(batch, item)) end
  if batch.before then batch.passed[id] = { n = select("#", ...), ... } end
  return batch.store:order("F", batch.number, id, encode(batch, ...), batch.before and 1 or 0)
end

-- What was fed is taken by the server, and what it says of that is told.
local function taken_in(batch, number)
  sync(batch, number)
  listen(batch)
  batch.passed = {}
end

-- What another machine has fed already is passed over.
local function feed(batch, source, from)
  local n = 0
  while n < from and source() ~= nil do n = n + 1 end
  while not (batch.over or sched.interrupted) do
    local number = put(batch, source())
    if not number then
      return taken_in(batch, batch.store:order("E", batch.number))
    end
    n = n + 1
    if n % LOT == 0 then taken_in(batch, number) end
  end
end

-- In a task of its own: a source that is slow holds nobody up.
local function begin_feeding(batch)
  local from = batch.cursor
  batch.feeding = true
  sched.background(function()
    local ok, err = control.try(feed, batch, batch.source, from)
    if not ok then batch.wrong = { err } end
  end)
end

-- ---- taking ----------------------------------------------------------------

-- As many at once as are gone in about a second: neither a round trip for each,
-- nor much that others could do meanwhile.
local function size_lot(batch)
  local now = sched.engine():now()
  local passed, ended = now - (batch.asked_at or now), batch.ended - (batch.asked_ended or 0)
  batch.asked_at, batch.asked_ended = now, batch.ended
  if passed > 0 and passed < 0.5 and ended >= batch.lot / 2 then
    batch.lot = math.min(batch.lot * 2, LOT)
  elseif passed > 2 and not batch.idle then
    batch.lot = math.max(math.floor(batch.lot / 2), 1)
  end
  return batch.lot
end

local function ask(batch, count)
  local may_feed = not (batch.feeding or sched.takes_only)
  batch.asked = batch.store:order("C", batch.number, "", may_feed and "1" or "", count)
end

local function take_news(batch)
  if batch.asked and batch.store:durable(batch.asked) then batch.asked = nil end
  listen(batch)
  if batch.cursor and not (batch.feeding or batch.fed) then begin_feeding(batch) end
end

local function pop(batch)
  local entry = batch.queue[batch.next]
  if not entry then return nil end
  batch.queue[batch.next] = nil
  batch.next = batch.next + 1
  return entry
end

-- Nothing is left that could still come. Who only takes waits for one that feeds,
-- unless the source has been read to its end before.
local function is_over(batch)
  if batch.counts.open > 0 then return false end
  if batch.fed or not sched.takes_only then return batch.fed end
  if not (batch.whole or batch.fed_by or batch.told) then
    batch.told = true
    exit.complain(("%s: nobody feeds the batch %s; waiting for one who does, a run without 'work'"):format(
      batch.journal.shown, batch.shown))
  end
  return batch.whole and not batch.fed_by
end

-- Until it is looked again: for a quarter of the time that there was none, and until one
-- is due; or until nothing is held here any more, as the batch may be over then.
local function rest(batch)
  local now = sched.engine():now()
  batch.idle = batch.idle or now
  local pause = math.min((now - batch.idle) / 4, batch.fed and LONGEST or READ, batch.due or LONGEST)
  batch.resting = sched.current()
  sched.sleep(math.max(pause, SHORTEST))
  batch.resting = nil
end

-- The next item, or nil when none is left that could come: asked for before
-- the last one is gone.
local function next_item(batch)
  while true do
    if batch.wrong then error(batch.wrong[1], 0) end
    take_news(batch)
    local entry = pop(batch)
    if not batch.asked and batch.filled - batch.next < batch.lot / 2 then ask(batch, size_lot(batch)) end
    if entry then
      batch.idle = nil
      return entry
    end
    sync(batch, batch.asked)
    take_news(batch)
    if batch.next > batch.filled then
      if is_over(batch) then return nil end
      rest(batch)
    end
  end
end

-- It has come to its end here; what map is to give of it is kept.
local function own(batch, entry, ...)
  batch.ended = batch.ended + 1
  if batch.ended == batch.next - 1 then
    batch.idle = nil
    sched.rouse(batch.resting)
  end
  if batch.known and (...) ~= tasks.LEFT then batch.known[entry.id] = (...) end
  return ...
end

-- What becomes of an item that was taken.
local function process(batch, fn, entry)
  local record = batch.of.begin(batch, entry)
  if record.unknown then return own(batch, entry, batch.of.fail(batch, record, decode(entry.item))) end
  sched.current().item = record
  return own(batch, entry, batch.of.conclude(batch, record, decode(entry.item), fn(decode(entry.item))))
end

-- ---- the batch -------------------------------------------------------------

local function watch(journal)
  if journal.watched then return end
  journal.watched = true
  patience.watch(journal, function(why) journals.abort(why, true) end)
end

-- What the journal says of the whole batch, and this process of its own part.
local function conclude(batch, sum)
  ask(batch, 0)
  sync(batch, batch.asked)
  take_news(batch)
  local counts = batch.counts
  sum.failed_before = counts.failed + counts.broken > 0 or nil
  sum.total, sum.later, sum.open = counts.total, counts.later, counts.open
  sum.broken = batch.feeding and counts.broken or 0
  sum.total, sum.failed = sum.total + sum.broken, sum.failed + sum.broken
  sum.before = sum.total - sum.done - sum.failed - sum.later - sum.open
  sum.code = tasks.code_of(sum)
  return sum
end

---Runs the batch; `of` has what a batch does with an item: id, kind, begin,
---fail, conclude, kept, value.
function M.each(batch, source, options, fn, of)
  local journal = batch.journal
  batch.of, batch.queue, batch.next, batch.filled, batch.passed = of, {}, 1, 0, {}
  batch.source, batch.ended = tasks.puller(source, "each"), 0
  batch.lot = math.min(usage.count(options.parallel or 10, "parallel", 1), LOT)
  journal.batches[#journal.batches + 1] = batch
  batch.number = #journal.batches
  watch(journal)
  batch.store:order("B", batch.number, batch.name)
  local sum = tasks.each(function() return next_item(batch) end, options, fn,
    function(entry) return process(batch, fn, entry) end)
  batch.over = true
  return conclude(batch, sum)
end

-- All that the source gives, and the ids; what is there twice has its place twice.
local function gather(batch, source)
  local take, items, ids = tasks.puller(source, "map"), {}, {}
  local function add(...)
    if (...) == nil then return false end
    items[#items + 1] = { n = select("#", ...), ... }
    ids[#items] = getmetatable(...) ~= tasks.Broken and batch.of.id(batch, (...)) or false
    return true
  end
  while add(take()) do end
  return items, ids
end

-- Asks for what other processes have done.
local function fetch(batch, ids)
  local asked = {}
  for i, id in ipairs(ids) do
    if id and batch.known[id] == nil and not asked[id] then
      asked[id] = true
      batch.asked = batch.store:order("V", batch.number, id)
    end
    if i % LOT == 0 or i == #ids then
      if batch.asked then sync(batch, batch.asked) end
      take_news(batch)
    end
  end
end

---As `each`; and what became of each of the source's items, whoever has done it.
function M.map(batch, source, options, fn, of)
  batch.of, batch.known = of, {}
  local items, ids = gather(batch, source)
  local at, results = 0, { n = #items }
  local function next_one()
    at = at + 1
    if items[at] then return unpack(items[at], 1, items[at].n) end
  end
  local sum = M.each(batch, next_one, options, fn, of)
  fetch(batch, ids)
  for i, id in ipairs(ids) do
    if id then results[i] = batch.known[id] end
  end
  return results, sum
end

return M
