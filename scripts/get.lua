#!/usr/bin/env lull
-- Gets each URL, ten at a time, with the default policy: what may pass by itself is tried again.
--
--     lull scripts/get.lua URL...
--     lull --sim scripts/worlds/examples.lua scripts/get.lua http://api.test/hello
local lull = require "lull"

local failed = 0
lull.each(arg, { parallel = 10 }, function(url)
  local res, err = lull.get(url)
  if res then
    print(("%d, %d bytes, attempt %d: %s"):format(res.status, #res.body, res.attempts, url))
  else
    failed = failed + 1
    print(err)
  end
end)
lull.exit(failed == 0 and 0 or 1)
