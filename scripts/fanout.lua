#!/usr/bin/env lull
-- Many requests, at most eight at a time. The first that fails for good ends them all: those
-- under way are cancelled, those not begun stay so.
--
--     lull scripts/fanout.lua [BASE-URL]
--     lull --sim scripts/worlds/examples.lua scripts/fanout.lua
local lull = require "lull"

local api = lull.client { base = arg[1] or os.getenv "API" or "http://api.test" }

local numbers = {}
for i = 1, 30 do numbers[i] = i end

local done = 0
local ok, failure = lull.try(lull.each, numbers, { parallel = 8 }, function(i)
  local res, err = api:get("/parts/" .. i)
  if not res then error(err, 0) end
  done = done + 1
end)

print(ok and "all parts are here" or "stopped: " .. tostring(failure))
print(("%d of %d"):format(done, #numbers))
