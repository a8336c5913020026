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
  ["/jobs"] = { { 202, { location = "/jobs/7" } } },
  ["/jobs/7"] = { { 202 }, { 503 }, { 202, SOON }, { 202 },
    { 200, nil, { state = "done" } } },
}

local TOKEN_USES = 3 -- a token is good for so many requests
local PAGES = 4
local BROKEN_PART = "20" -- of /parts/1, 2, ...: this one is gone for good

local requests = {} -- path -> how many
local token, uses = 0, 0

local function from_list(list, count)
  local answer = list[(count - 1) % #list + 1]
  return answer[1], answer[2], answer[3]
end

local function private(request)
  local expected = ("Bearer token-%d"):format(token)
  if request.headers.authorization ~= expected or uses == 0 then return 401 end
  uses = uses - 1
  return 200, nil, "secret\n"
end

local function new_token()
  token, uses = token + 1, TOKEN_USES
  return 200, nil, { token = ("token-%d"):format(token) }
end

local function page(request, count)
  if count % 3 == 0 then return 503, SOON end
  local number = tonumber(request.query.page) or 1
  local links = {}
  if number > 1 then
    links[1] = ('</items?page=%d>; rel="prev"'):format(number - 1)
  end
  if number < PAGES then
    links[#links + 1] = ('</items?page=%d>; rel="next"'):format(number + 1)
  end
  return 200, { link = table.concat(links, ", ") },
    { items = { ("item-%d1"):format(number), ("item-%d2"):format(number) } }
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
  if path == "/token" and request.method == "POST" then return new_token() end
  if path:find("^/private/") then return private(request) end
  if path == "/items" then return page(request, count) end
  if path:find("^/parts/%d+$") then return part(request, count) end
  return 404, nil, "no such path\n"
end

return { ["http://api.test"] = serve }
