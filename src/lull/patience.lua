-- patience: with a store at a server, which may be away for a while.

local core = require "lull.core"
local lanes = require "lull.lanes"
local sched = require "lull.sched"

local M = {}

local PATIENCE = 30 -- s that the server may be away, by default
local AGAIN = 0.2   -- s until it is asked again
local LOOK = 0.5    -- s between two looks at whether it is there

local function patience() return sched.store_timeout or PATIENCE end
M.seconds = patience

---The store, once the server is there; or nil, a sentence, and whether it may pass.
---@param options table as `core.store` takes them
function M.open(options)
  if sched.server then return sched.server.open(options) end
  local engine = sched.engine()
  local ends = engine:now() + patience()
  while true do
    local store, problem, passing = core.store(engine, options)
    if store then return store end
    if not passing or engine:now() >= ends then return nil, problem, passing end
    sched.sleep(AGAIN)
  end
end

---Keeps what was written, gives back what it has, and closes it.
---@param store table of `open`
function M.close(store)
  if sched.server then return sched.server.close(store) end
  store:close()
end

-- ---- when it is away -------------------------------------------------------

local listeners = {}
local gone = {} -- places that have been away for long

---@class lull.patience_news
---@field away boolean it is, or it is back
---@field why string
---@field seconds number for so long

---Is told when a server has been away for more than a moment, and when it is back.
---@param fn fun(news: lull.patience_news)
function M.listen(fn) listeners[#listeners + 1] = fn end

---Why nothing goes on, when that is so for more than a moment; or nil.
---@return string?
function M.absent()
  for place in pairs(gone) do
    if not place.goes_on then return "Redis does not answer" end
  end
end

-- A journal and its lanes at one server are away together, which is said once.
local function tell(place, news)
  local first = not next(gone)
  gone[place] = news.away or nil
  if (news.away and first) or (not news.away and not next(gone)) then
    for _, fn in ipairs(listeners) do fn(news) end
  end
end

-- Who has no answer for long is away, whatever the reason is.
local function note(place, why, asked, now)
  if not why and (asked == 0 or asked ~= place.asked) then
    if gone[place] then
      tell(place, { away = false, why = place.shown .. ": Redis answers", seconds = now - place.answered })
    end
    place.answered, place.asked = now, asked
  elseif not gone[place] and now - place.answered >= lanes.LONG then
    tell(place, { away = true, why = why or place.shown .. ": Redis does not answer", seconds = now - place.answered })
  end
end

---Calls `lost(why)` when the server has not come back for as long as it is worth
---waiting for, or for `seconds`; looks until `place.closed`. Once each time that
---it goes away. What listens is told.
---@param place table its `store`, `shown`, and whether the run `goes_on` without it
---@param lost fun(why: string)
---@param seconds number?
function M.watch(place, lost, seconds)
  if sched.server then return end -- it is always there
  place.answered = sched.engine():now()
  sched.background(function()
    local since, said
    while not place.closed do
      sched.sleep(LOOK)
      if place.closed then break end
      local why, asked = place.store:away()
      local now = sched.engine():now()
      note(place, why, asked, now)
      since, said = why and (since or now), why and said
      if why and not said and now - since >= (seconds or patience()) then
        said = true
        lost(why)
      end
    end
    gone[place] = nil
  end)
end

return M
