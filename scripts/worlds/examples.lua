--[[
One server with all that the examples beside this folder ask for, and with
failures on the way. Each path goes through its own list of answers and then
starts over, so that an example can be run again.

    lull --sim scripts/worlds/examples.lua scripts/status.lua
    lua tests/server.lua scripts/worlds/examples.lua     (and API=http://...)
]]

local lull = require "lull"

local SOON = { ["retry-after"] = "1" }
local HELLO = { 200, nil, "hello\n" }

-- What the 1st, 2nd ... request of a path gets.
local ANSWERS = {
  ["/hello"] = { { 503 }, HELLO },
  ["/world"] = { { "reset" }, { 502 }, HELLO },
  ["/busy"] = { { 429, SOON }, { 429, SOON }, { 429, SOON }, { 429, SOON },
    { 429, SOON }, { 429, SOON }, HELLO },
  ["/down"] = { { 503 }, { 503 }, { 503, SOON }, HELLO },
  ["/missing"] = { { 404 } },
  ["/orders/42"] = { { 503 }, { 429, SOON }, { "close" },
    { 200, nil, { id = 42, state = "paid" } } },
}

local BROKEN_PART = "20" -- of /parts/1, 2, ...: this one is gone for good

local requests = {} -- path -> how many

local function from_list(list, count)
  local answer = list[(count - 1) % #list + 1]
  return answer[1], answer[2], answer[3]
end

local function part(request, count)
  lull.sleep(0.05)
  local number = request.route:match("%d+$")
  if number == BROKEN_PART then return 410 end
  if count == 1 and number % 4 == 0 then return 503 end
  return 200, nil, ("part %s\n"):format(number)
end

local function serve(request)
  local path = request.route
  requests[path] = (requests[path] or 0) + 1
  local count = requests[path]
  if ANSWERS[path] then return from_list(ANSWERS[path], count) end
  if path:find("^/parts/%d+$") then return part(request, count) end
  return 404, nil, "no such path\n"
end

return { ["http://api.test"] = serve }
