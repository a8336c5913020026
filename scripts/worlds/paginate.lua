--[[
A list of 50 items in pages of ten, newest first. After the second page a new
one is added, so that what was the last of a page comes again as the first of
the next. One page is a 503, one is cut short; item 13 is deleted before it
can be got.

    lull --sim scripts/worlds/paginate.lua scripts/cookbook/paginate.lua
]]

local lull = require "lull"

local PER_PAGE = 10

local ids = {}
for i = 50, 1, -1 do ids[#ids + 1] = i end

local asked = {} -- path -> how often

local function page_of(number)
  local items = {}
  for i = (number - 1) * PER_PAGE + 1, math.min(number * PER_PAGE, #ids) do
    items[#items + 1] = { id = ids[i] }
  end
  local link = number * PER_PAGE < #ids and ('</items?page=%d>; rel="next", </items?page=1>; rel="first"')
    :format(number + 1) or '</items?page=1>; rel="first"'
  return { status = 200, headers = { link = link }, body = lull.json.encode { items = items } }
end

local function list(number, count)
  if number == 2 and count == 1 then return 503, { ["retry-after"] = "3" } end
  local answer = page_of(number)
  if number == 2 then table.insert(ids, 1, 51) end
  if number == 4 and count == 1 then answer.cut = 20 end
  return answer
end

return {
  ["http://shop.test"] = function(request)
    asked[request.path] = (asked[request.path] or 0) + 1
    lull.sleep(0.1)
    if request.route == "/items" then return list(tonumber(request.query.page) or 1, asked[request.path]) end
    local id = tonumber(request.route:match "^/items/(%d+)$")
    if not id then return 404 end
    if id == 13 then return 410 end
    if id % 9 == 0 and asked[request.path] == 1 then return 502 end
    return 200, nil, { id = id, name = ("item %d"):format(id) }
  end,
}
