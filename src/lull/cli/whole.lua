-- whole: all bytes of a file that an option names, or of standard input.

local M = {}

---@param path string "-": standard input
---@return string?
---@return string? problem a sentence
function M.read(path)
  local file, problem = io.stdin, nil
  if path ~= "-" then file, problem = io.open(path, "rb") end
  if not file then return nil, "cannot read " .. problem end
  local bytes
  bytes, problem = file:read "*a"
  if path ~= "-" then file:close() end
  if bytes then return bytes end
  return nil, ("cannot read %s: %s"):format(path == "-" and "standard input" or path, problem)
end

return M
