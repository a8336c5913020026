-- base64: bytes as letters and digits, and back (RFC 4648 section 4).

local M = {}

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local values -- of digits by their bytes, once they are asked for

local function values_of_digits()
  local list = {}
  for i = 1, 64 do list[DIGITS:byte(i)] = i - 1 end
  return list
end

---@param bytes string
---@return string
function M.encode(bytes)
  local out = {}
  for i = 1, #bytes, 3 do
    local a, b, c = bytes:byte(i, i + 2)
    local n = a * 65536 + (b or 0) * 256 + (c or 0)
    for shift = 18, 0, -6 do
      local digit = math.floor(n / 2 ^ shift) % 64 + 1
      out[#out + 1] = DIGITS:sub(digit, digit)
    end
    if not c then out[#out] = "=" end
    if not b then out[#out - 1] = "=" end
  end
  return table.concat(out)
end

---The bytes, or nil for what is no base64. It may lack its last "=".
---@param text string
---@return string?
function M.decode(text)
  local digits, rest = text:match "^([%w+/]*)(=*)$"
  if not digits or #digits % 4 == 1 or #rest > 2 then return nil end
  local out = {}
  values = values or values_of_digits()
  for i = 1, #digits, 4 do
    local n, have = 0, math.min(4, #digits - i + 1)
    for j = i, i + 3 do n = n * 64 + (values[digits:byte(j)] or 0) end
    for j = 2, have do
      out[#out + 1] = string.char(math.floor(n / 2 ^ (8 * (4 - j))) % 256)
    end
  end
  return table.concat(out)
end

return M
