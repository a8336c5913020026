-- output: what a run writes besides its files: standard output, the log and the
-- recording. Of one that cannot be written that is said once, at once; the run
-- goes on, and its exit code tells of it. A pipe that nobody reads ends it.

local exit = require "lull.exit"
local sched = require "lull.sched"

local M = {}

-- Standard output, until the binary has a better one: who was told of a failure.
function M.tell_stdout(problem) exit.lose("standard output", problem) end

-- Gives false when it cannot be written.
local function written(ok, problem)
  if ok then return true end
  if exit.unread() then sched.exit(1) end
  M.tell_stdout(problem)
  return false
end

---Writes to standard output.
---@param ... string
---@return boolean ok
function M.write(...) return written(io.stdout:write(...)) end

---The same, and lets nothing wait.
---@param ... string
---@return boolean ok
function M.flush(...) return M.write(...) and written(io.stdout:flush()) end

---As the standard print; a failure is said.
function M.print(...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
  M.write(table.concat(parts, "\t"), "\n")
end

---What a parser's add_help takes: its own way does not see what fails.
function M.help(parser)
  return { "-h --help", action = function() os.exit(M.flush(parser:get_help(), "\n") and 0 or 1) end }
end

---What takes lines for an option such as --log: a function, or nil and what is
---wrong; "-" is standard output.
---@param option string
---@param path string
---@return fun(line: string)?
---@return string? problem
function M.lines(option, path)
  if path == "-" then return M.flush end
  local file, problem = io.open(path, "w")
  if not file then return nil, ("%s: %s"):format(option, problem) end
  return function(line)
    local ok, why = file:write(line)
    if ok then ok, why = file:flush() end
    if not ok then exit.lose(path, why) end
  end
end

return M
