-- collect: what a report tells of a run, gathered while it goes on from the verdicts
-- of its attempts. Its memory does not grow with the run: times are put together in
-- ever wider steps, and of failures so many are kept.

local client = require "lull.client"
local memory = require "lull.lazy" "lull.batch.memory"
local outcome = require "lull.outcome"
local progress = require "lull.lazy" "lull.progress"
local sched = require "lull.sched"

local M = {}

local STEPS = 240     -- of time, at most
local FAILURES = 2000 -- that are kept with their histories
local SLOWEST = 20
local PAUSES = 400    -- of all lanes
local ENTRIES = 20000 -- single requests, for HAR
local ATTEMPTS = 50   -- of one history

local run -- what is gathered; nil: nothing is

-- A report is passed on: what a query names a credential is no secret of lull's, and
-- is left out all the same.
local CREDENTIALS = { "token", "key", "secret", "passw", "auth", "sig", "credential", "session" }

---A sentence with URLs, as a report shows it.
---@param words string
function M.shown(words)
  return (words:gsub("([?&])([^=&#%s]+)=([^&#%s]*)", function(mark, name, value)
    for _, word in ipairs(CREDENTIALS) do
      if name:lower():find(word, 1, true) then value = "***" .. (value:match ":$" or "") end
    end
    return mark .. name .. "=" .. value
  end))
end

---A URL as a report shows it.
---@param url string
function M.shown_url(url) return M.shown(outcome.shown_url(url)) end

-- What an attempt came to, in a chart's terms.
local function kind_of(details)
  local status = details.status
  if not status then return "net" end
  if details.verdict == "accept" or details.verdict == "follow" then return "accepted" end
  if status == 429 or status == 503 then return "refused" end
  return "failed"
end
M.KINDS = { "accepted", "refused", "failed", "net" }

-- ---- over time -----------------------------------------------------------

local function widen()
  local steps, last = {}, 0
  for i, step in pairs(run.steps) do
    local at = math.floor((i + 1) / 2)
    steps[at] = steps[at] or {}
    for kind, n in pairs(step) do steps[at][kind] = (steps[at][kind] or 0) + n end
    last = math.max(last, at)
  end
  run.steps, run.last, run.step = steps, last, run.step * 2
end

local function count_at(at, kind)
  local i = math.floor(at / run.step) + 1
  while i > STEPS do
    widen()
    i = math.floor(at / run.step) + 1
  end
  local step = run.steps[i] or {}
  run.steps[i], run.last = step, math.max(run.last, i)
  step[kind] = (step[kind] or 0) + 1
end

-- A wait that the server asked for holds its lane.
local function note_pause(details, at)
  if details.source ~= "hint" or not details.wait or details.wait < 0.5 then return end
  local before = run.paused[details.lane]
  if before and at <= before.to then
    before.to = math.max(before.to, at + details.wait)
  elseif #run.pauses < PAUSES then
    local pause = { lane = details.lane, from = at, to = at + details.wait, status = details.status }
    run.pauses[#run.pauses + 1], run.paused[details.lane] = pause, pause
  end
end

-- ---- calls ---------------------------------------------------------------

local function attempt_of(details)
  return { n = details.n, status = details.status, class = details.class, took = details.took, wait = details.wait,
    verdict = details.verdict, why = details.why, source = details.source, maybe_applied = details.maybe_applied }
end

-- Those with the longest times, the longest first.
local function note_slow(call)
  local list = run.slowest
  if #list == SLOWEST and call.took <= list[SLOWEST].took then return end
  list[math.min(#list + 1, SLOWEST)] = call
  table.sort(list, function(a, b)
    if a.took ~= b.took then return a.took > b.took end
    return a.number < b.number
  end)
end

local function reason_of(details) return tostring(details.status or details.class or "cancelled") end

local function count(into, key) into[key] = (into[key] or 0) + 1 end

local function ended(call, details, at)
  call.took, call.outcome = at - call.from, reason_of(details)
  count(run.attempts, math.min(call.n, 10))
  run.waited = run.waited + call.waited
  run.calls = run.calls + 1
  note_slow({ url = call.url, method = call.method, took = call.took, waited = call.waited, attempts = call.n,
    outcome = call.outcome, number = call.number, item = call.item })
  if details.verdict == "accept" then return end
  run.failed_calls = run.failed_calls + 1
  count(run.reasons, ("%s (%s)"):format(call.outcome, details.why or ""))
  if #run.failures < FAILURES then
    run.failures[#run.failures + 1] = { method = call.method, url = call.url, outcome = call.outcome,
      why = details.why, attempts = call.n, waited = call.waited, took = call.took, history = call.history,
      item = call.item }
  end
end

-- Whose call it is: a row's, or an item's of a journal.
local function name_of()
  if run.row then return tostring(run.row) end
  local item = memory.item_now()
  return item and tostring(item.id) or nil
end

---Calls that begin from now on are this row's; nil: nobody's.
function M.row(name)
  if run then run.row = name end
end

local function call_of(id, details, at)
  local call = run.under_way[id]
  if call then return call end
  run.begun = run.begun + 1
  call = { number = run.begun, from = at - (details.took or 0), waited = 0, n = 0, history = {} }
  call.item, run.names[id] = run.names[id], nil
  run.under_way[id] = call
  return call
end

local function note_entry(details, at)
  if not run.entries or #run.entries >= ENTRIES then return end
  run.entries[#run.entries + 1] = { method = details.method, url = M.shown_url(details.url),
    status = details.status or 0, class = details.class, at = run.wall + at - (details.took or 0),
    took = details.took or 0, queued = details.queued or 0 }
end

-- One attempt has been judged.
local function verdict(id, details)
  local at = details.now - run.since
  run.requests = run.requests + (details.sent and 1 or 0)
  count(run.outcomes, reason_of(details))
  count_at(math.max(at, 0), kind_of(details))
  note_pause(details, at)
  note_entry(details, at)
  local call = call_of(id, details, at)
  call.method, call.url, call.n = details.method, M.shown_url(details.url), details.n
  if #call.history < ATTEMPTS then call.history[#call.history + 1] = attempt_of(details) end
  if details.verdict == "retry" or details.verdict == "follow" then
    call.waited = call.waited + (details.wait or 0)
    return
  end
  ended(call, details, at)
  run.under_way[id] = nil
end

---Begins to gather; gives what is to be told of each verdict.
---@param entries boolean keep single requests, too
---@return fun(id: number, details: table)
function M.begin(entries)
  local engine = sched.engine()
  run = { since = engine:now(), wall = engine:wall(), step = 0.5, steps = {}, last = 0, pauses = {}, paused = {},
    under_way = {}, names = {}, begun = 0, calls = 0, failed_calls = 0, requests = 0, waited = 0, attempts = {},
    outcomes = {}, reasons = {}, slowest = {}, failures = {}, entries = entries and {} or nil }
  progress.keep()
  client.observe("started", function(id) run.names[id] = name_of() end)
  return verdict
end

---What was gathered.
---@return table
function M.data()
  local engine = sched.engine()
  local steps = {}
  for i = 1, run.last do steps[i] = run.steps[i] or {} end
  return { version = 1, from = run.wall, took = engine:now() - run.since, step = run.step, steps = steps,
    pauses = run.pauses, calls = run.calls, failed_calls = run.failed_calls, requests = run.requests,
    waited = run.waited, attempts = run.attempts, outcomes = run.outcomes, reasons = run.reasons,
    slowest = run.slowest, failures = run.failures, entries = run.entries, items = progress.total() }
end

return M
