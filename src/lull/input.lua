-- input: the lines of a file as they come. Who writes them may be slow: the
-- other tasks go on meanwhile.

local core = require "lull.core"
local sched = require "lull.sched"

local M = {}

-- s between two looks at a pipe that has nothing: few while nothing comes, and
-- a line that comes waits for at most the longest of them.
local LEAST, MOST = 0.001, 0.05

local LONGEST = 1048576 -- bytes of a line

-- The next bytes; "" at the end; nil and what is wrong.
local function bytes_of(file)
  local pause = LEAST
  while true do
    local bytes, problem = core.input(file)
    if bytes then return bytes end
    if problem ~= "later" then return nil, problem end
    sched.sleep(pause)
    pause = math.min(2 * pause, MOST)
  end
end

---Gives line after line, without its end; nil at the end, or nil and what is
---wrong. To be called as a function, not by `for`, which cannot wait on every
---Lua.
---@param file file* nothing has been read from it
---@return fun(): string?, string?
function M.lines(file)
  local text, at, ended = "", 1, false
  return function()
    while true do
      local last = text:find("\n", at, true)
      if last then
        local line = text:sub(at, last - 1)
        at = last + 1
        return line
      end
      if ended then return nil end
      if #text - at >= LONGEST then return nil, "a line is longer than a mebibyte" end
      local bytes, problem = bytes_of(file)
      if not bytes then return nil, problem end
      ended = bytes == ""
      text, at = text:sub(at) .. bytes, 1
      if ended and text ~= "" then text = text .. "\n" end
    end
  end
end

return M
