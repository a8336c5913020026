-- kept: what a journal keeps of an item that is done: the value that its function
-- gave, so that it comes back as it was, or nothing.
--
-- "J" and a value as JSON; "R" and a response's status and body as JSON; and for
-- what is no UTF-8, which JSON cannot hold, "B" and the bytes of a text, "S", a
-- response's status, a colon and the bytes of its body.

local base64 = require "lull.lazy" "lull.base64"
local json = require "lull.json"
local outcome = require "lull.outcome"
local secret = require "lull.secret"
local utf8 = require "lull.lazy" "lull.utf8"

local M = {}

M.MOST = 65536 -- bytes of a value that is kept

local EXACT = 2 ^ 53

-- Digits beyond that are read as a text; a double is written with an exponent from
-- 1e17 on.
local function is_exact_number(value)
  return value <= EXACT and value >= -EXACT or value % 1 ~= 0
    or not (math.type and math.type(value) == "integer") and math.abs(value) >= 1e17
end

local is_exact

-- No list with holes, and none with names beside its numbers.
local function is_exact_table(value, depth)
  local count, names = 0, 0
  for name, field in pairs(value) do
    if type(name) == "string" then names = names + 1 else count = count + 1 end
    if not (is_exact(name, depth) and is_exact(field, depth)) then return false end
  end
  return count == 0 or names == 0 and value[count] ~= nil and #value == count
end

-- Whether JSON gives it back as it is. What JSON has no form for at all is not
-- looked for.
is_exact = function(value, depth)
  local kind = type(value)
  if kind == "string" then return not value:find "[\128-\255]" or utf8.is(value) end
  if kind == "number" then return is_exact_number(value) end
  if kind ~= "table" then return true end
  return depth < 100 and is_exact_table(value, depth + 1)
end

-- JSON of a text in which nothing is to be escaped.
local function simple_line(value)
  if type(value) == "string" and not value:find '[%c"\\/\127-\255]' then return '"' .. value .. '"\n' end
end

-- A line of JSON; nil when it would not be the same.
local function line_of(value)
  local line = simple_line(value)
  if line then return line end
  if not is_exact(value, 0) then return nil end
  local ok, made = pcall(json.line, value)
  return ok and made or nil
end

---What is kept of a value: nothing, the empty text, of one that cannot be kept.
---@param value any
---@return string bytes
function M.of(value)
  if value == nil then return "" end
  local response = outcome.is_response(value)
  local whole = response and value.body or value
  local bytes = line_of(whole)
  if bytes and response then
    bytes = ('R{"body":%s,"status":%d}\n'):format(bytes:sub(1, -2), value.status)
  elseif bytes then
    bytes = "J" .. bytes
  elseif type(whole) == "string" then
    bytes = (response and ("S%d:"):format(value.status) or "B") .. whole
  end
  if not bytes or #bytes > M.MOST + 1 then return "" end
  return secret.redact(bytes)
end

-- The fields of a response that is no UTF-8.
local function response_of(bytes)
  local status, body = bytes:match "^(%d+):(.*)$"
  return { status = tonumber(status), body = body }
end

---The value as it was.
---@param bytes string
---@return any
function M.value(bytes)
  local kind, rest = bytes:sub(1, 1), bytes:sub(2)
  if kind == "J" then return json.decode(rest) end
  if kind == "R" then return outcome.recall(json.decode(rest)) end
  if kind == "B" then return rest end
  if kind == "S" then return outcome.recall(response_of(rest)) end
end

---Adds a body to what is kept as JSON: as `body`, or `body_base64` when it is no UTF-8.
---@param told table
---@param body string?
function M.add_body(told, body)
  if not body then return end
  if utf8.is(body) then told.body = body else told.body_base64 = base64.encode(body) end
end

---The body that was added.
---@param told table
---@return string?
function M.body(told) return told.body_base64 and base64.decode(told.body_base64) or told.body end

---The value for who looks at it: a response is a table.
---@param bytes string
---@return any
function M.shown(bytes)
  local kind, rest = bytes:sub(1, 1), bytes:sub(2)
  if kind == "S" then return response_of(rest) end
  if kind == "R" then return (json.decode(rest)) end
  return M.value(bytes)
end

return M
