-- patience: with a store at a server, which may be away for a while.

local core = require "lull.core"
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

---Calls `lost(why)` when the server has not come back for as long as it is worth
---waiting for, or for `seconds`; looks until `place.closed`. Once each time that
---it goes away.
---@param place table its `store`
---@param lost fun(why: string)
---@param seconds number?
function M.watch(place, lost, seconds)
  if sched.server then return end -- it is always there
  sched.background(function()
    local since, said
    while not place.closed do
      sched.sleep(LOOK)
      local why = not place.closed and place.store:away()
      since, said = why and (since or sched.engine():now()), why and said
      if why and not said and sched.engine():now() - since >= (seconds or patience()) then
        said = true
        lost(why)
      end
    end
  end)
end

return M
