-- lanes: what there is to say of a lane: what it has learned, and what holds it.

local sched = require "lull.sched"
local text = require "lull.text"

local M = {}

---s of a wait for all that are worth a word.
M.LONG = 2

-- A rate that has moved by less is no news: it breathes by that much.
local MOVED = 0.2

---Who has a lane, of the lines that the script of shared lanes tells.
---@param lines string
---@return lull.lane_machine[]
function M.machines(lines)
  local list = {}
  for slots, places, since, who in lines:gmatch "(%d+) (%d+) (%d+) ([^\n]*)" do
    local machine, pid = who:match "^(.-) ?(%d*)$"
    list[#list + 1] = { machine = machine, pid = tonumber(pid), since = tonumber(since) / 1000,
      slots = tonumber(slots), places = tonumber(places) }
  end
  table.sort(list, function(a, b)
    if a.since ~= b.since then return a.since < b.since end
    return (a.pid or 0) < (b.pid or 0)
  end)
  return list
end

---The state of each lane, by its name.
function M.all()
  local list = sched.engine():lanes()
  for _, lane in pairs(list) do lane.machines = lane.machines and M.machines(lane.machines) end
  return list
end

---What holds a lane, in words.
M.CAUSES = { rate = "the rate", pause = "a pause", pace = "the quota", breaker = "the breaker",
  learned = "what it learned" }

---"9.8/s", "100 in 10s", "8 at once"; nil: nothing is known.
---@param learned lull.learned
function M.learned(learned)
  local parts = {}
  local function put(...) parts[#parts + 1] = string.format(...) end
  if learned.rate then put(learned.rate >= 100 and "%.0f/s" or "%.1f/s", learned.rate) end
  if learned.count then put("%d in %s", learned.count, text.duration(learned.window)) end
  if learned.parallel then put("%d at once", learned.parallel) end
  if learned.noise then put("%.0f%% refused at any rate", 100 * learned.noise) end
  return #parts > 0 and table.concat(parts, ", ") or nil
end

local function has_moved(a, b)
  if not (a and b) then return a ~= b end
  return math.abs(a - b) > MOVED * b
end

local function is_news(learned, before)
  return has_moved(learned.rate, before.rate) or has_moved(learned.noise, before.noise)
    or learned.count ~= before.count or learned.window ~= before.window or learned.parallel ~= before.parallel
end

local told = {} -- by lane: what was said of it last

---What is new of a lane: what it has learned, and for how long (s) it is held and
---by what, when that holds everybody for more than a moment.
---@param name string
---@return { learned: lull.learned?, held: number?, held_by: string? }
function M.news(name)
  local engine, news = sched.engine(), {}
  local lane = engine:lanes()[name]
  if not lane then return news end
  local before = told[name] or { learned = {}, ends = 0 }
  told[name] = before
  if is_news(lane.learned, before.learned) then
    news.learned, before.learned = lane.learned, lane.learned
  end
  local ends = engine:now() + lane.held
  if lane.held > M.LONG and ends > before.ends + 1 then
    news.held, news.held_by, before.ends = lane.held, lane.held_by, ends
  end
  return news
end

return M
