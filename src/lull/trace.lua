-- trace: each verdict as a line for people, or as a JSON line for machines.
-- Nothing secret reaches either.

local core = require "lull.core"
local json = require "lull.json"
local lanes = require "lull.lanes"
local outcome = require "lull.outcome"
local patience = require "lull.lazy" "lull.patience"
local redact = require "lull.redact"
local sched = require "lull.sched"
local secret = require "lull.secret"
local text = require "lull.text"
local utf8 = require "lull.utf8"

local M = {}

local function outcome_of(details)
  if details.status then
    return (("%d %s"):format(details.status, core.status_text(details.status)):gsub("%s+$", ""))
  end
  if details.proxy_status then return ("%s %d"):format(details.class, details.proxy_status) end
  return details.class or "cancelled"
end

-- "retry in 4.2s (hint retry-after)", "follow", "stop: attempts"
local function verdict(details)
  local source = details.source
  if details.verdict == "retry" or details.verdict == "follow" then
    -- Without one it goes on at once, or by its other leg, which flies already.
    if not source then return details.verdict end
    if source == "hint" then source = "hint " .. (details.hint or "") end
    return ("%s in %s (%s)"):format(details.verdict, text.duration(details.wait), source)
  elseif details.verdict == "stop" then
    return "stop: " .. (details.why or "")
  end
  return details.verdict
end

-- Calls are numbered in the order of their start.
local numbers, count = {}, 0

function M.number(id)
  count = count + 1
  numbers[id] = count
end

---One line for people.
---@param id number
---@param details table of the event "verdict"
---@param since number when the run began, monotonic s
function M.line(id, details, since)
  local line = ("%9.3f  #%d %s %s  attempt %d of %d: %s -> %s"):format(
    details.now - since, numbers[id] or 0, details.method, outcome.shown_url(details.url),
    details.n, details.limit, outcome_of(details), verdict(details))
  if details.rule_key then line = ("%s [rule %s]"):format(line, details.rule_key) end
  if details.chaos then line = line .. " [chaos]" end
  if details.hedge then line = line .. " [hedge]" end
  if details.body_error then line = ("%s [its body: %s]"):format(line, details.body_error) end
  if details.resumed then line = line .. " [continued]" end
  if details.cause and details.cause ~= "none" and details.queued >= 0.001 then
    line = ("%s [waited %s for %s of lane %s]"):format(line, text.duration(details.queued),
      details.cause, details.lane)
  end
  return utf8.visible(secret.redact(line))
end

-- What is new of its lane, a line each.
local function lane_lines(out, details, since, news)
  local function put(...)
    out:write(utf8.visible(secret.redact(("%9.3f  lane %s: %s"):format(details.now - since, details.lane,
      string.format(...)))), "\n")
  end
  if news.learned then put("learned %s", lanes.learned(news.learned) or "that it knows no limit any more") end
  if news.held then put("held for %s by %s", text.duration(news.held), lanes.CAUSES[news.held_by]) end
end

---The same as a table for JSON, with what is new of the lane.
function M.record(id, details, since, news)
  return redact.all {
    time = details.now - since,
    wall = sched.engine():wall(),
    call = numbers[id],
    method = details.method,
    url = outcome.shown_url(details.url),
    lane = details.lane,
    attempt = details.n,
    attempts = details.limit,
    status = details.status,
    class = details.class,
    proxy_status = details.proxy_status,
    body_error = details.body_error,
    sent = details.sent,
    maybe_applied = details.maybe_applied,
    took = details.took,
    verdict = details.verdict,
    why = details.why,
    wait = (details.verdict == "retry" or details.source) and details.wait or nil,
    source = details.source,
    hint = details.hint,
    hint_seconds = details.hint_seconds,
    rule = details.rule_key,
    queued = details.queued,
    queued_for = details.cause,
    hedge = details.hedge,
    chaos = details.chaos,
    continued = details.resumed,
    asked = details.asked,
    free = details.free,
    learned = news.learned,
    held = news.held,
    held_by = news.held_by,
  }
end

-- Of a store whose server is away, or back.
local function tell_store(trace, log, since, news)
  local at, state = sched.engine():now() - since, news.away and "away" or "back"
  if trace then
    trace:write(utf8.visible(secret.redact(("%9.3f  store: %s %s %s"):format(at, state,
      news.away and "for" or "after", text.duration(news.seconds)) .. " (" .. news.why .. ")")), "\n")
  end
  if log then
    log(json.line(redact.all { time = at, wall = sched.engine():wall(), store = state, why = news.why,
      away_for = news.seconds }))
  end
end

---Reports every verdict: to `trace` (a file) as lines, to `log` (a function) as
---lines of JSON, to `record` (a function) as it is, to `watch` (a function) with
---its call's id.
function M.install(trace, log, record, watch)
  local engine = sched.engine()
  local since = engine:now()
  engine:trace(true)
  require("lull.client").observe("started", M.number)
  sched.on("verdict", function(id, details)
    local news = (trace or log) and lanes.news(details.lane)
    if trace then
      trace:write(M.line(id, details, since), "\n")
      lane_lines(trace, details, since, news)
    end
    if log then log(json.line(M.record(id, details, since, news))) end
    if record then record(details) end
    if watch then watch(id, details) end
  end)
  if trace or log then
    patience.listen(function(news) tell_store(trace, log, since, news) end)
  end
  sched.on("done", function(id) numbers[id] = nil end)
end

return M
