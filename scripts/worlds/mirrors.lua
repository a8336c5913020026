--[[
Four mirrors of the same files: one is not there, one is so slow that nobody
waits for it, one shows a page of its own to everybody, and one is a day
behind and has not got new.txt, which the fourth has. The fifth is good, but
now and then it has too many guests.

    lull --sim scripts/worlds/mirrors.lua scripts/cookbook/mirrors.lua MIRRORS FILE...
]]

local lull = require "lull"

local FILES = { ["/old.txt"] = "old\n", ["/older.txt"] = "older\n" }

local guests = 0

return {
  ["http://down.test"] = function() return "net.refused" end,
  ["http://slow.test"] = function(request)
    lull.sleep(60)
    return 200, nil, FILES[request.route]
  end,
  ["http://hotel.test"] = function()
    return 200, { ["content-type"] = "text/html; charset=utf-8" }, "<p>Welcome! Please log in.</p>"
  end,
  ["http://behind.test"] = function(request)
    lull.sleep(0.1)
    if not FILES[request.route] then return 404 end
    return 200, { ["content-type"] = "text/plain" }, FILES[request.route]
  end,
  ["http://good.test"] = function(request)
    lull.sleep(0.1)
    guests = guests + 1
    if guests % 2 == 1 then return 503 end
    local text = FILES[request.route] or request.route == "/new.txt" and "new\n"
    if not text then return 404 end
    return 200, { ["content-type"] = "text/plain" }, text
  end,
}
