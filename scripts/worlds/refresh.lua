--[[
Items that are shown to who has a valid token. A token is good for 25
requests, then it is a 401, also for those that are under way at that moment.
A new one makes the old one invalid: two clients that get tokens for the same
account chase each other out. The second request for a token is answered 503.

    lull --sim scripts/worlds/refresh.lua scripts/cookbook/refresh.lua
]]

local lull = require "lull"

local USES = 25

local number, uses = 0, 0
local asked = 0

local function new_token()
  asked = asked + 1
  lull.sleep(0.3)
  if asked == 2 then return 503 end
  number, uses = number + 1, USES
  return 200, nil, { access_token = ("token-%d"):format(number) }
end

local function valid(request)
  if request.headers.authorization ~= ("Bearer token-%d"):format(number) then return false end
  if uses == 0 then return false end
  uses = uses - 1
  return true
end

return {
  ["http://private.test"] = function(request)
    if request.method == "POST" and request.route == "/token" then return new_token() end
    lull.sleep(0.2)
    if not valid(request) then return 401, { ["www-authenticate"] = "Bearer" } end
    return 200, nil, { item = request.route:match "%d+$" }
  end,
}
