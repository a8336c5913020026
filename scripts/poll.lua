#!/usr/bin/env lull
-- A job that takes its time: 202 and a Location, which is asked until it says 200, for 2 minutes
-- at most. What goes wrong meanwhile is tried again as ever.
--
--     lull scripts/poll.lua [BASE-URL]
--     lull --sim scripts/worlds/examples.lua scripts/poll.lua
local lull = require "lull"

local api = lull.client { base = arg[1] or os.getenv "API" or "http://api.test" }

local job = assert(api:post("/jobs", { json = { kind = "report" } }))
local res, err = api:get(job.headers.location, {
  attempts = 100,
  deadline = "2m",
  on = { [202] = function(attempt) return attempt:retry(attempt.hint and attempt.wait or 3) end },
})

if not res then
  print(err)
  lull.exit(75)
end
print(res:json().state, ("asked %d times in %.0f s"):format(res.attempts, res.elapsed))
