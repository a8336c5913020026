-- lull in a program that runs cqueues: one of its threads sleeps until there
-- is something to do for lull, and lets it.
--
--     lua scripts/hosts/cqueues.lua URL...
local condition = require "cqueues.condition"
local cqueues = require "cqueues"
local lull = require "lull"

-- What cqueues.poll asks of anything that it is to wait for.
local guest = { pollfd = lull.fds()[1], events = "r", timeout = lull.timeout }
local spawned = condition.new()

-- A task started while the driver sleeps must wake it.
local function spawn(...)
  spawned:signal()
  return lull.spawn(...)
end

local queue = cqueues.new()
queue:wrap(function()
  while lull.step() do cqueues.poll(guest, spawned) end
end)

-- The program itself.
local ticks = 0
queue:wrap(function()
  for _ = 1, 3 do
    ticks = ticks + 1
    cqueues.sleep(0.001)
  end
end)

for _, url in ipairs(arg) do
  spawn(function()
    local res, err = lull.get(url)
    print(res and res.status or err, url)
  end)
end

assert(queue:loop())
print(("done; the program's own thread ran %s"):format(ticks > 0 and "meanwhile" or "not at all"))
