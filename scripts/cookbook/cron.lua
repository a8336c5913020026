#!/usr/bin/env lull
-- Sends each line of a file to a service. A journal says what is done: another run does only the
-- rest. When the service is down it stops, with exit code 75: later.
--
--     lull scripts/cookbook/cron.lua LINES JOURNAL [BASE-URL]
local lull = require "lull"

local lines, journal = arg[1], arg[2]
if not journal then
  io.stderr:write "usage: cron.lua LINES JOURNAL [BASE-URL]\n"
  lull.exit(2)
end

local service = lull.client {
  base = arg[3] or "http://events.test",
  attempts = 4, timeout = "10s", deadline = "2m",
  limit = { "10/s", parallel = 4 },
  -- When half of what was tried in a minute has failed, the rest would too.
  breaker = { failures = "50%", window = "1m", least = 8, open = "10m" },
}

local down = false -- once a line can only be sent later, no more are begun
local rows = lull.rows(lines, { format = "lines" })
local function next_line() return not down and rows() or nil end

local function name_of(line) return line:match "%S+" end

local sum = lull.each(next_line, { parallel = 4, journal = journal, id = name_of }, function(line)
  -- PUT, and under its own name: what was on its way at a kill is put there once more.
  local res, err = service:put("/events/" .. lull.escape(name_of(line)), { json = { text = line } })
  if err then
    io.stderr:write(tostring(err), "\n")
    down = down or err.later
  end
  return res, err
end)

print(("%d sent, %d were done before, %d refused%s"):format(sum.done, sum.before, sum.failed,
  down and "; the rest later" or ""))
lull.exit(sum.code)
