-- unhandled: errors of tasks that nobody joins, in a program that is not run by
-- `lull` and has no loop of its own. Nobody can be sure before the task is
-- collected, or the state closed: then one line goes to standard error.

local secret = require "lull.secret"

local M = {}

-- Calls `fn` when what it gives is collected; 5.1 does that only for
-- userdata.
local function at_the_end(fn)
  if _VERSION ~= "Lua 5.1" then return setmetatable({}, { __gc = fn }) end
  local proxy = rawget(_G, "newproxy")(true)
  getmetatable(proxy).__gc = fn
  return proxy
end

local function tell(note)
  if note.line then io.stderr:write(note.line) end
end

---The task has failed, and nobody knows. An error in a finalizer would be
---raised in whatever runs then.
---@param task lull.task
---@param name string
function M.note(task, name)
  local ok, text = pcall(secret.shown, task.err)
  local note = { line = ("lull: task %s failed, and nobody joined it: %s\n"):format(name,
    ok and text:match "^[^\n]*" or "(no text)") }
  task.note, task.sentinel = note, at_the_end(function() pcall(tell, note) end)
end

---Somebody has asked.
---@param task lull.task
function M.forget(task)
  if task.note then task.note.line = nil end
end

return M
