-- Renews what `lull sim` prints in a page. Each run stands between two marks:
--     <!-- run: lull sim --scenario occ -->  ...  <!-- /run -->
-- A spec compares the page with what this would write.
--     lua5.4 docs/experiments.lua docs/experiments.md

local fleet = require "lull.cli.sim"

local M = {}

---The lines of one command, in a block. A picture goes to `svg` instead of
---where the command says, when that is given.
---@param command string
---@param svg string?
---@return string
function M.run(command, svg)
  local argv = {}
  for word in command:gsub("^lull ", ""):gmatch("%S+") do argv[#argv + 1] = word end
  for i, word in ipairs(argv) do
    if word == "--svg" and svg then argv[i + 1] = svg end
  end
  return ("```\n$ %s\n%s\n```"):format(command, table.concat(fleet.output(argv), "\n"))
end

---The page with its runs as they should be.
---@param page string
---@param svg string? as above
---@return string
function M.renew(page, svg)
  return (page:gsub("(<!%-%- run: ([^\n]-) %-%->\n).-(<!%-%- /run %-%->)", function(from, command, to)
    return from .. M.run(command, svg) .. "\n" .. to
  end))
end

if arg and arg[0] and arg[0]:match("experiments%.lua$") then
  for _, path in ipairs(arg) do
    local file = assert(io.open(path))
    local page = file:read("*a")
    file:close()
    page = M.renew(page)
    file = assert(io.open(path, "w"))
    file:write(page)
    file:close()
  end
end

return M
