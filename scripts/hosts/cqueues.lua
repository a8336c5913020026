-- lull in a program that runs cqueues: one of its threads lets lull do what
-- can be done now, and sleeps in between.
--
--     lua scripts/hosts/cqueues.lua URL...
local cqueues = require "cqueues"
local lull = require "lull"

for _, url in ipairs(arg) do
  lull.spawn(function()
    local res, err = lull.get(url)
    print(res and res.status or err, url)
  end)
end

local ticks, done = 0, false
local queue = cqueues.new()
queue:wrap(function()
  while not done do
    ticks = ticks + 1
    cqueues.sleep(0.02)
  end
end)

queue:wrap(function()
  while lull.step(0) do cqueues.sleep(0.01) end
  done = true
end)

assert(queue:loop())
print(("done; the program's own thread ran %s"):format(ticks > 0 and "meanwhile" or "not at all"))
