-- ending: the errors that end a task, or the run, and are no failures; and the
-- traceback of those that are.

local M = {}

-- What a cancelled task is unwound with.
local Cancelled = { __tostring = function(self) return self.message end }

-- What lull.exit unwinds the script with.
local Exit = { __tostring = function(self) return "exit " .. self.code end }

---@param message string "cancelled", or "interrupted" by a signal
function M.cancellation(message)
  return setmetatable({ message = message, why = "cancelled",
    reason = "cancelled" }, Cancelled)
end

---@param code integer of the process
function M.exit(code) return setmetatable({ code = code }, Exit) end

function M.is_exit(err) return getmetatable(err) == Exit end

---True for the error that ends a cancelled task.
function M.is_cancellation(err) return getmetatable(err) == Cancelled end

local TRACE = "\nstack traceback:"

---A text error with its traceback, which it gets once.
---@param ... any what debug.traceback takes
function M.with_traceback(err, ...)
  if type(err) ~= "string" or err:find(TRACE, 1, true) then return err end
  return debug.traceback(...)
end

return M
