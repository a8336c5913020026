#!/usr/bin/env lull
-- Orders a report, which takes its time, and asks until it is there: for ten minutes at most.
--
--     lull scripts/cookbook/poll.lua [BASE-URL]
local lull = require "lull"

local api = lull.client { base = arg[1] or "http://reports.test", deadline = "10m" }

-- One job, though its answer may get lost: the key is the same over all attempts.
local job = assert(api:post("/jobs", { json = { kind = "report" }, key = true }))

local res, err = api:get(job.headers.location, {
  attempts = 20, -- of failures on the way; "not yet" is counted by itself
  on = { [202] = { "retry", attempts = 1000, backoff = "const:3s" } },
})
if not res then
  print(err)
  lull.exit(err.why == "deadline" and 75 or 1)
end

local report = res:json()
print(report.state, report.url, ("asked %d times in %.0f s"):format(res.attempts, res.elapsed))
lull.exit(report.state == "done" and 0 or 1)
