-- files: where `lull get` and its sisters put a body: names, files that are
-- there already, checksums.

local core = require "lull.core"

local M = {}

-- "https://host/a/b.txt?x" -> "b.txt"
function M.remote_name(url)
  local path = url:gsub("[?#].*", ""):match "^%a[%w+.-]*://[^/]*(/.*)$" or ""
  local name = path:match "[^/]*$"
  if name ~= "" and name ~= "." and name ~= ".." and not name:find "%z" then return name end
end

-- A line of a list of sums, as sha256sum and BSD's sha256 write it, or a sum
-- alone.
local function sum_of(line)
  local name, sum = line:match "^SHA256 %((.+)%) = (%x+)%s*$"
  if not name then
    sum, name = line:match "^\\?(%x+)[ \t]+[ *]?(.-)%s*$"
  end
  if not name then sum, name = line:match "^(%x+)%s*$", "" end
  if sum and #sum == 64 then return sum:lower(), name:match "[^/]*$" end
end

local function read_sums(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, "--sha256 takes 64 hexadecimal digits or a file of sums: " .. problem end
  local sums = {}
  for line in file:lines() do
    local sum, name = sum_of(line)
    if sum then sums[name] = sum end
  end
  file:close()
  if not next(sums) then return nil, ("there is no SHA-256 in %s"):format(path) end
  return sums
end

---What --sha256 says: a function that gives the sum of a file's name, or nil
---and what is wrong; or nil and what is wrong with the option.
---@param o table the options
---@return function?
---@return string? problem
function M.sums(o)
  local given = o.sha256
  if not given then return function() return nil end end
  if #given == 64 and given:find "^%x+$" then
    if #o.url ~= 1 or o.input then return nil, "--sha256 with a sum is for one URL; a file may have several" end
    return function() return given:lower() end
  end
  local sums, problem = read_sums(given)
  if not sums then return nil, problem end
  return function(name)
    local sum = sums[(name or ""):match "[^/]*$"] or sums[""]
    return sum, not sum and ("%s has no sum of %s"):format(given, tostring(name)) or nil
  end
end

---True when a file is there, and is what it should be.
---@param path string
---@param sum string?
function M.is_there(path, sum)
  if core.place(path) ~= "file" then return false end
  return not sum or core.file_sha256(path) == sum
end

---What is wrong with the options about files.
---@param o table
---@return string? problem
function M.problem(o)
  local named = #o.output > 0 or o.remote_name
  for _, name in ipairs { "continue", "skip_existing" } do
    local flag = "--" .. name:gsub("_", "-")
    if o[name] and o.method ~= "GET" then return flag .. " is for lull get" end
    if o[name] and not named then return flag .. " needs --output or --remote-name" end
  end
  if o.sha256 and o.method == "HEAD" then return "--sha256 is of a body, and lull head has none" end
end

return M
