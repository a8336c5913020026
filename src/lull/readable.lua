-- readable: why a file that is to be sent cannot be read, in the system's words.

local core = require "lull.core"

local M = {}

---Reads nothing: of a pipe that would be lost. A fifo is not opened: who writes to it
---would see it close.
---@param path string
---@return string? problem "path: reason"; nil when it can be read
function M.problem(path)
  if core.place(path) == "stream" then return nil end
  local folder = io.open(path .. "/.")
  if folder then
    folder:close()
    return path .. ": Is a directory"
  end
  local file, problem = io.open(path, "rb")
  if file then file:close() end
  return problem
end

return M
