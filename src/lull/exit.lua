-- exit: what the end of a script means to who started it: the exit codes, and
-- the sentence on standard error. It never ends the process itself.

local ending = require "lull.ending"
local outcome = require "lull.outcome"
local sched = require "lull.sched"
local secret = require "lull.secret"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

M.USAGE = 2
M.NOT_LOADED = 3
M.CRASHED = 70 -- chaos ended the process at a write of its journal
M.LATER = 75

-- Failures are not said.
M.quiet = false

-- s that what is on the wire has for its end after SIGTERM and SIGHUP: systemd
-- and cron kill after longer ones.
M.grace = 10

---The number of the last signal, 0 for none; the binary has another.
M.last_signal = function() return 0 end

-- What could not be written, by name.
local lost = {}

---True when nobody reads standard output any more; the binary knows.
M.unread = function() return false end

---@param problem any
function M.complain(problem)
  io.stderr:write("lull: ", secret.redact(tostring(problem)), "\n")
end

---Says, once for each name, that it cannot be written. The run goes on; its exit
---code is 1.
---@param name string
---@param problem string
function M.lose(name, problem)
  if lost[name] then return end
  lost[name] = true
  local reason = tostring(problem):gsub("^" .. name:gsub("%p", "%%%0") .. ": ", "")
  M.complain(("cannot write to %s: %s"):format(name, reason))
end

---That exit code, or 1 where something could not be written: that may be all
---that was asked for.
---@param code integer
---@return integer
function M.with_losses(code)
  return next(lost) and (code == 0 or code == M.LATER) and 1 or code
end

---The exit code that an error which ended a script comes to.
---@param err any
---@return integer
function M.code_of(err)
  if ending.is_exit(err) then return err.code end
  if type(err) ~= "table" then return 1 end
  local why = rawget(err, "why")
  local of_journal = (why == "journal" or why == "lanes") and getmetatable(err) ~= outcome.Error
  if (of_journal or getmetatable(err) == outcome.Error) and err.later then return M.LATER end
  return of_journal and rawget(err, "code") or 1
end

local WORDS = { { "done", "done" }, { "before", "before" }, { "failed", "failed" },
  { "later", "can be tried later" }, { "open", "open" } }

-- What a summary came to whose code a script has passed on; nil: nothing to be said.
local function summary_of(err)
  local sum = sched.concluded
  if err.code == 0 or not sum or sum.code ~= err.code or sched.interrupted then return nil end
  local parts = {}
  for _, word in ipairs(WORDS) do
    local n = sum[word[1]]
    if n > 0 or word[1] == "done" then parts[#parts + 1] = ("%s %s"):format(text.commas(n), word[2]) end
  end
  return ("%s: %s"):format(text.count(sum.total, "item"), table.concat(parts, ", "))
end

local function failure(err)
  local words
  if ending.is_exit(err) then
    words = summary_of(err)
  elseif not (sched.interrupted and ending.is_cancellation(err)) then
    words = secret.shown(err)
  end
  if words and not M.quiet then M.complain(words) end
  return M.code_of(err)
end

---Is called when a run has ended, before that is told.
M.closing = function() end

---The script's exit code from how it ended. One that was busy when the signal
---came was stopped before the loop could hear of it.
---@param ok boolean
---@param err any
---@return integer
function M.ended(ok, err)
  M.closing()
  if M.unread() then return 1 end
  local code = ok and 0 or failure(err)
  local signal = sched.interrupted or M.last_signal()
  if signal > 0 then code = 128 + signal end
  return M.with_losses(code)
end

return M
