#!/usr/bin/env lull
-- Reads a list page by page (Link headers, RFC 8288) and gets each of its items, four at a time;
-- the next page is asked for when there is a place for its items.
--
--     lull scripts/cookbook/paginate.lua [BASE-URL]
local lull = require "lull"

local api = lull.client { base = arg[1] or "http://shop.test", limit = { parallel = 4 } }

local function next_page(res)
  for target, parameters in (res.headers.link or ""):gmatch "<([^>]*)>([^,]*)" do
    if parameters:find 'rel="?next"?' then return target end
  end
end

-- All entries, page after page. A list that changes meanwhile may show one twice.
local function entries(url)
  local page, i, seen = {}, 0, {}
  local function following()
    i = i + 1
    if page[i] or not url then return page[i] end
    local res = assert(api:get(url))
    page, i, url = res:json().items, 0, next_page(res)
    return following()
  end
  return function()
    local entry = following()
    while entry and seen[entry.id] do entry = following() end
    if entry then seen[entry.id] = true end
    return entry
  end
end

local count = { here = 0, gone = 0 }
lull.each(entries "/items?page=1", { parallel = 4 }, function(entry)
  -- What was in the list may be gone by now; that is no failure.
  local res = assert(api:get("/items/" .. entry.id, { on = { ["404|410"] = "accept" } }))
  local group = res.status == 200 and "here" or "gone"
  count[group] = count[group] + 1
end)
print(("%d items, %d gone meanwhile"):format(count.here, count.gone))
