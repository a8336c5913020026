-- stats: numbers, tables and JSON rows as text, the same on every Lua.

local json = require "lull.json"
local text = require "lull.text"

local M = {}

---A number with so many decimals. Lua's own format rounds what lies in the
---middle up on one interpreter and to even on another.
---@param n number
---@param digits integer
---@return string
function M.fixed(n, digits)
  local scale = 10 ^ digits
  return (("%%.%df"):format(digits):format(math.floor(n * scale + 0.5) / scale))
end

---A whole number.
function M.number(n) return M.fixed(n, 0) end

local function short(n, digits)
  return (M.fixed(n, digits):gsub("(%.%d-)0+$", "%1"):gsub("%.$", ""))
end

---Seconds for people; nil: none, infinity: never.
function M.duration(seconds)
  if not seconds then return "-" end
  if seconds == math.huge then return "never" end
  if seconds == 0 or seconds >= 59.95 then return text.duration(seconds) end
  if seconds < 0.1 then return short(seconds * 1000, seconds < 0.01 and 2 or 1) .. "ms" end
  return short(seconds, seconds < 9.995 and 2 or 1) .. "s"
end

---Lines of a table: the first column to the left, the others to the right.
---@param rows string[][]
---@return string[]
function M.aligned(rows)
  local widths, lines = {}, {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, #cell) end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for i, cell in ipairs(row) do
      local gap = (" "):rep(widths[i] - #cell)
      cells[i] = i == 1 and cell .. gap or gap .. cell
    end
    lines[#lines + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  return lines
end

---One JSON object of fields in their order.
---@param fields any[][] name, value
---@return string
function M.object(fields)
  local parts = {}
  for _, field in ipairs(fields) do
    local value = field[2]
    if value == nil or value == math.huge then value = json.null end
    parts[#parts + 1] = ("%s: %s"):format(json.encode(field[1]), json.encode(value))
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

return M
