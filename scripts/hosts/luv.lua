-- lull in a program that runs libuv's loop: a timer lets lull do what can be
-- done now; between its turns the loop is the program's own.
--
--     lua scripts/hosts/luv.lua URL...
local lull = require "lull"
local uv = require "luv"

for _, url in ipairs(arg) do
  lull.spawn(function()
    local res, err = lull.get(url)
    print(res and res.status or err, url)
  end)
end

local ticks = 0
local own = uv.new_timer()
own:start(0, 20, function() ticks = ticks + 1 end)

local driver = uv.new_timer()
driver:start(0, 10, function()
  if not lull.step(0) then
    driver:close()
    own:close()
  end
end)

uv.run()
print(("done; the program's own timer ran %s"):format(ticks > 0 and "meanwhile" or "not at all"))
