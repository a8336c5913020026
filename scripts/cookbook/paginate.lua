#!/usr/bin/env lull
-- Reads a list page by page (Link headers, RFC 8288) and gets each of its items, four at a time;
-- the next page is asked for when there is a place for its items.
--
--     lull scripts/cookbook/paginate.lua [BASE-URL]
local lull = require "lull"

local api = lull.client { base = arg[1] or "http://shop.test", limit = { parallel = 4 } }

-- All entries, page after page. A list that changes meanwhile may show one twice.
local function entries(path)
  local next_entry, seen = lull.pages(api, path), {}
  return function()
    local entry = next_entry()
    while entry and seen[entry.id] do entry = next_entry() end
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
