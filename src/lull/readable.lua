-- readable: why a file that is to be sent cannot be read, in the system's words.

local core = require "lull.core"

local M = {}

---Opens no fifo: who writes to it would see it close.
---@param path string
---@return string? problem "path: reason"; nil when it can be read
function M.problem(path)
  local kind = core.place(path)
  if kind == "stream" or kind == "descriptor" then return nil end
  local file, problem = io.open(path, "rb")
  if not file then return problem end
  local _, reason = file:read(1) -- a folder can be opened
  file:close()
  return reason and ("%s: %s"):format(path, reason) or nil
end

return M
