#!/usr/bin/env lull
-- Sends each line of a file to a service, and notes what is done: another run does only the rest.
-- When the service is down it stops, with exit code 75: later.
--
--     lull scripts/cookbook/cron.lua LINES DONE [BASE-URL]
local lull = require "lull"

local lines, done_path = arg[1], arg[2]
if not done_path then
  io.stderr:write "usage: cron.lua LINES DONE [BASE-URL]\n"
  lull.exit(2)
end

local service = lull.client {
  base = arg[3] or "http://events.test",
  attempts = 4, timeout = "10s", deadline = "2m",
  limit = { "10/s", parallel = 4 },
  -- When half of what was tried in a minute has failed, the rest would too.
  breaker = { failures = "50%", window = "1m", least = 8, open = "10m" },
}

local done = {}
local journal = assert(io.open(done_path, "a+"))
for line in journal:lines() do done[line] = true end

local count = { sent = 0, before = 0, refused = 0, later = 0 }

local next_line = assert(io.open(lines)):lines()
local function next_job()
  local line = count.later == 0 and next_line() or nil
  while line and done[line] do
    count.before = count.before + 1
    line = next_line()
  end
  return line
end

lull.each(next_job, { parallel = 4 }, function(line)
  local id = line:match "%S+"
  -- PUT, and under its own name: if the note below gets lost, it is put there once more.
  local res, err = service:put("/events/" .. lull.escape(id), { json = { text = line } })
  if res then
    journal:write(line, "\n")
    journal:flush()
    count.sent = count.sent + 1
  else
    io.stderr:write(tostring(err), "\n")
    local group = err.why == "rule" and "refused" or "later"
    count[group] = count[group] + 1
  end
end)

print(("%d sent, %d were done before, %d refused%s"):format(count.sent, count.before, count.refused,
  count.later > 0 and "; the rest later" or ""))
lull.exit(count.later > 0 and 75 or count.refused > 0 and 1 or 0)
