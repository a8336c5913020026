-- lull in a program that runs libuv's loop: a descriptor tells when there is
-- something to do, a timer when there will be; in between the loop is the
-- program's own.
--
--     lua scripts/hosts/luv.lua URL...
local lull = require "lull"
local uv = require "luv"

local timer, before = uv.new_timer(), uv.new_prepare()
local function step() lull.step() end

for _, fd in ipairs(lull.fds()) do
  local poll = uv.new_poll(fd)
  poll:start("r", step)
  poll:unref()
end

-- Asked each time before the loop sleeps, so that a task may be started
-- anywhere. The timer alone keeps the loop alive: as long as there is a task.
before:start(function()
  local seconds = lull.timeout()
  if not seconds then return timer:stop() end
  uv.update_time()
  timer:start(math.ceil(seconds * 1000), 0, step)
end)
before:unref()
timer:start(0, 0, step)

-- The program itself.
local ticks = 0
local own = uv.new_timer()
own:start(0, 20, function() ticks = ticks + 1 end)
own:unref()

for _, url in ipairs(arg) do
  lull.spawn(function()
    local res, err = lull.get(url)
    print(res and res.status or err, url)
  end)
end

uv.run()
print(("done; the program's own timer ran %s"):format(ticks > 0 and "meanwhile" or "not at all"))
