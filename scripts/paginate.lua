#!/usr/bin/env lull
-- Follows Link headers (RFC 8288) from page to page, until there is no next one.
--
--     lull scripts/paginate.lua [BASE-URL]
--     lull --sim scripts/worlds/examples.lua scripts/paginate.lua
local lull = require "lull"

local api = lull.client { base = arg[1] or os.getenv "API" or "http://api.test" }

local function next_page(res)
  for target, parameters in (res.headers.link or ""):gmatch "<([^>]*)>([^,]*)" do
    if parameters:find 'rel="?next"?' then return target end
  end
end

local url = "/items?page=1"
while url do
  local res = assert(api:get(url))
  print(url, table.concat(res:json().items, " "))
  url = next_page(res)
end
