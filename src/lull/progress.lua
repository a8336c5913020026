-- progress: how far a run is: what became of its items, what is under way, what
-- waits for what, and how long it may take. It looks when it is asked, and reads
-- no clock but the world's.

local lanes = require "lull.lanes"
local patience = require "lull.lazy" "lull.patience"
local sched = require "lull.sched"
local text = require "lull.text"
local utf8 = require "lull.utf8"

local M = {}

-- ---- what is counted -----------------------------------------------------

local runs = {} -- each, map: summaries of those under way, the first is the outermost

-- An iterator -> a function that tells of how many items it may have, when so
-- many have come; nil where nobody knows.
M.sizes = setmetatable({}, { __mode = "k" })

local kept -- the summaries of all that are not within another, when somebody wants them

---From now on `total` can tell.
function M.keep() kept = kept or {} end

---What became of the items of all runs that are not within another; nil: there are
---none.
---@return { done: integer, failed: integer, later: integer, open: integer, before: integer }?
function M.total()
  if not kept or #kept == 0 then return nil end
  local all = { done = 0, failed = 0, later = 0, open = 0, before = 0 }
  for _, sum in ipairs(kept) do
    for _, name in ipairs { "done", "failed", "later", "before" } do all[name] = all[name] + sum[name] end
    all.open = all.open + sum.total - sum.done - sum.failed - sum.later - sum.before
  end
  return all
end

---How many items a source may have, as `sizes` tells it.
function M.size_of(source)
  if M.sizes[source] then return M.sizes[source] end
  if type(source) == "table" and #source > 0 then return function() return #source, true end end
end

-- Those that have ended are let go of, however they did.
local function tidy()
  for i = #runs, 1, -1 do
    if runs[i].group.left == 0 then table.remove(runs, i) end
  end
end

---A run of `each` or `map` begins.
---@param sum table its summary
---@param source any
---@param group table of its tasks
function M.begin(sum, source, group)
  tidy()
  if kept and #runs == 0 then kept[#kept + 1] = sum end
  runs[#runs + 1] = { sum = sum, size = M.size_of(source), group = group }
end

-- ---- rate ----------------------------------------------------------------

local WHILE = 30 -- s that a rate is taken of
local LEAST = 3  -- s, and as many items, below which there is none

local samples = { first = 1, last = 0 } -- of one run: at, settled

local function sample(run, now, settled)
  if samples.run ~= run then samples = { first = 1, last = 0, run = run } end
  local newest = samples[samples.last]
  if newest and now - newest.at < 0.09 then return end
  samples.last = samples.last + 1
  samples[samples.last] = { at = now, settled = settled }
  while now - samples[samples.first].at > WHILE do
    samples[samples.first] = nil
    samples.first = samples.first + 1
  end
end

-- Items a second; nil: nobody can say.
local function rate_of(now, settled)
  local oldest = samples[samples.first]
  local took, count = now - oldest.at, settled - oldest.settled
  if took >= LEAST and count >= LEAST then return count / took end
end

-- ---- waits ---------------------------------------------------------------

-- What a lane's queue waits for, but a free slot: that is its turn.
local QUEUED = lanes.CAUSES

local function first_of(groups, lane)
  for _, group in ipairs(groups) do
    if group.lane == lane then return group end
  end
end

-- Who queues in a lane that pauses waits for what made it pause.
local function add_queue(groups, name, lane)
  if lane.queued == 0 or not QUEUED[lane.waits_for] then return 0 end
  local group = lane.waits_for == "pause" and first_of(groups, name)
  if group then
    group.count = group.count + lane.queued
  else
    local held = lane.waits_for == "pause" and lane.paused or lane.held > lanes.LONG and lane.held or nil
    groups[#groups + 1] = { lane = name, count = lane.queued, cause = lane.waits_for, first = held, last = held }
  end
  return lane.queued
end

-- The groups, the biggest first; how many calls wait in all, and how many calls
-- there are.
local function waits_of(engine)
  local groups, others, calls = engine:waits()
  local waiting = others
  for _, group in ipairs(groups) do waiting = waiting + group.count end
  for name, lane in text.sorted(engine:lanes()) do waiting = waiting + add_queue(groups, name, lane) end
  local wall = engine:wall()
  for _, group in ipairs(groups) do
    group["until"], group.until_last = group.first and wall + group.first, group.last and wall + group.last
  end
  table.sort(groups, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return (a.first or 0) > (b.first or 0)
  end)
  return groups, waiting, calls
end

-- ---- time left -----------------------------------------------------------

local function soonest(groups)
  local first
  for _, group in ipairs(groups) do
    if group.first and (not first or group.first < first) then first = group.first end
  end
  return first
end

-- Of the rate of the last while and the waits that are known.
local function left_of(p)
  if not p.total or not p.rate then return nil end
  local rest = p.total - p.done - p.failed - p.later - p.before
  return math.max(rest, 0) / p.rate + (p.held or 0)
end

-- ---- what is told --------------------------------------------------------

---@type lull.progress
local Progress = {}
Progress.__index = Progress

-- Before any item, and without a batch, there are only calls.
local function counts(p, run, calls)
  if not run then
    p.under_way = calls - p.waiting
    return
  end
  local sum = run.sum
  for _, name in ipairs { "done", "failed", "later", "before" } do p[name] = sum[name] end
  p.total, p.exact = nil, nil
  if run.size then p.total, p.exact = run.size(sum.total) end
  local open = sum.total - sum.done - sum.failed - sum.later - sum.before
  p.under_way = math.max(open - p.waiting, 0)
end

function M.now()
  tidy()
  local engine, run = sched.engine(), runs[1]
  local p = setmetatable({ done = 0, failed = 0, later = 0, before = 0, batch = run ~= nil }, Progress)
  local calls
  p.waits, p.waiting, calls = waits_of(engine)
  counts(p, run, calls)
  p.away = patience.absent()
  if calls > 0 and p.waiting == calls then p.held = soonest(p.waits) end
  if run then
    local now, settled = engine:now(), p.done + p.failed + p.later
    sample(run, now, settled)
    p.rate = rate_of(now, settled)
    p.left = left_of(p)
  end
  return p
end

-- ---- words ---------------------------------------------------------------

local WHO = { hint = ", as the server asked", rule = ", as the script says" }

-- "14 wait: 429 until 10:42:10, as the server asked". `drop` 1: without the lane;
-- 2: without who set it.
local function wait_text(p, drop, now)
  if p.away then return p.waiting > 0 and ("%s wait: %s"):format(text.commas(p.waiting), p.away) or p.away end
  local group = p.waits[1]
  if not group then return nil end
  local what = group.cause and lanes.CAUSES[group.cause] or tostring(group.status or group.class or "of the run before")
  if drop < 1 and group.lane ~= "" then what = what .. " of " .. utf8.visible(group.lane):gsub("^%a+://", "") end
  if group["until"] then
    what = what .. " until " .. text.clock(group["until"], now)
    if group.last - group.first > 1 then what = what .. " to " .. text.clock(group.until_last, now) end
  end
  if drop < 2 then what = what .. (WHO[group.source] or "") end
  local more = p.waiting - group.count
  local rest = more > 0 and (", %s more"):format(text.commas(more)) or ""
  return ("%s wait: %s%s"):format(text.commas(group.count), what, rest)
end

-- Seconds as few words: what is far away is not known to the second.
local function about(seconds)
  local step = seconds < 60 and 1 or seconds < 3600 and 10 or 60
  return text.duration(math.ceil(seconds / step) * step)
end

local function rate_text(rate)
  return rate >= 10 and ("%s/s"):format(text.commas(rate)) or ("%.1f/s"):format(rate)
end

local function done_text(p, drop)
  local settled = p.done + p.before
  if not p.total or drop >= 5 then return text.commas(settled) .. " done" end
  return ("%s of %s%s done"):format(text.commas(settled), p.exact and "" or "about ", text.commas(p.total))
end

-- With ever less, the higher `drop` is.
local function line_of(p, drop, now)
  local parts = {}
  local function put(words) parts[#parts + 1] = words end
  if p.batch then
    put(done_text(p, drop))
    if p.failed > 0 then put(text.commas(p.failed) .. " failed") end
    if p.later > 0 then put(text.commas(p.later) .. " later") end
  end
  if p.under_way > 0 and drop < 3 then put(text.commas(p.under_way) .. " under way") end
  put(wait_text(p, drop, now))
  if p.rate and drop < 4 then put(rate_text(p.rate)) end
  if p.left and drop < 6 then put(about(p.left) .. " left") end
  return table.concat(parts, ", ")
end

---The line, of at most so many characters.
---@param width integer?
function Progress:line(width)
  local now = sched.engine():wall()
  for drop = 0, 6 do
    local line = line_of(self, drop, now)
    if not width or #line <= width then return line end
  end
  return (line_of(self, 6, now):sub(1, width))
end

Progress.__tostring = function(self) return self:line() end

return M
