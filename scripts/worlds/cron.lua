--[[
A service that takes events by their names. After its 60th event of a run it
goes down and stays down. An event called "odd" is none
that it can take.

    lull --sim scripts/worlds/cron.lua scripts/cookbook/cron.lua LINES DONE
]]

local lull = require "lull"

local GOOD_FOR = 60

local events = 0

return {
  ["http://events.test"] = function(request)
    lull.sleep(0.2)
    if events >= GOOD_FOR then return 503 end
    if request.method ~= "PUT" then return 405, { allow = "PUT" } end
    if request.route == "/events/odd" then return 422 end
    events = events + 1
    return 204
  end,
}
