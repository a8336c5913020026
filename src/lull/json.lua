-- json: lua-cjson, with its losses mended.
--
-- cjson reads every number as a double and writes 14 digits. Here a whole
-- number beyond 2^53 is read as a text of its digits, so that an id is never
-- silently another; whole numbers are whole on every Lua; and numbers are
-- written with as many digits as they need.

local core = require "lull.core"
local lazy = require "lull.lazy"
local secret = require "lull.secret"
local texts = require "lull.text"
local usage = require "lull.usage"
local utf8 = lazy "lull.utf8"

-- cjson's null, which is the null of every C library for Lua.
---@type lull.json
local M = { null = core.null }
usage.own()

-- That cjson is missing is said at once; and a script may change package.cpath.
local linked = package.preload.cjson -- in a binary that has all in it
local search = not linked and rawget(package, "searchpath")
local library = search and search("cjson", package.cpath)
if not library and not linked then require "cjson" end

-- An instance of our own: it may be set up in other ways elsewhere.
local cjson = lazy(function()
  local ok, module = pcall(require, "cjson")
  if not ok then module = (linked or package.loadlib(library, "luaopen_cjson")) "cjson" end
  return module.new()
end)

-- cjson would write {} for an empty list.
M.empty_array = setmetatable({}, { __newindex = function()
  usage.fail("lull.json.empty_array cannot be changed")
end })

-- An empty list that was read: a plain table, but for what it is written as while it
-- is empty.
local EMPTY = {}

local EXACT = 2 ^ 53
local MARK = "\1lull:raw:"
local MARK_JSON = '"\\u0001lull:raw:([^"\\]*)"'

local EMPTY_MARK = MARK .. "[]"

-- The shortest form that reads back as the same number.
local function number_text(n)
  if math.type and math.type(n) == "integer" then return ("%d"):format(n) end
  if n == math.floor(n) and n > -EXACT * 2 and n < EXACT * 2 then
    return ("%.0f"):format(n)
  end
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(n)
    if tonumber(text) == n then return text end
  end
end

-- True for a number that 14 digits cannot hold.
local function is_long(n)
  return n == n and n ~= math.huge and n ~= -math.huge
    and tonumber(("%.14g"):format(n)) ~= n
    or (math.type and math.type(n) == "integer" and (n >= 1e14 or n <= -1e14))
    or (n == math.floor(n) and n ~= 0 and math.abs(n) >= 1e14 and math.abs(n) < 1e21)
end

local prepare

local prepare_table
prepare_table = function(value, seen)
  local copy
  if value == M.empty_array or (getmetatable(value) == EMPTY and next(value) == nil) then return EMPTY_MARK end
  if secret.is(value) then return value:reveal() end
  local meta = getmetatable(value)
  if type(meta) == "table" and rawget(meta, "__json") then return prepare_table(meta.__json(value), seen) end
  if seen[value] then error("a table that holds itself cannot be JSON", 0) end
  seen[value] = true
  for k, v in pairs(value) do
    local w = prepare(v, seen)
    if w ~= v then
      if not copy then
        copy = {}
        for name, field in pairs(value) do copy[name] = field end
      end
      copy[k] = w
    end
  end
  seen[value] = nil
  return copy or value
end

-- The value with secrets opened and long numbers marked; itself when there
-- is nothing to change.
prepare = function(value, seen)
  local kind = type(value)
  if kind == "table" then return prepare_table(value, seen) end
  if kind == "number" and is_long(value) then
    return MARK .. number_text(value)
  end
  if kind == "string" and value:find(MARK, 1, true) then
    error("a text must not begin with lull's own mark", 0)
  end
  return value
end

local sorted

-- The length of a table that cjson would write as a list, in which a hole is null;
-- one that is mostly holes it refuses.
local function list_length(value)
  local n, count = 0, 0
  for key in pairs(value) do
    if type(key) ~= "number" or key < 1 or key ~= math.floor(key) then return nil end
    n, count = math.max(n, key), count + 1
  end
  return n > 0 and (n <= 10 or n <= 2 * count) and n or nil
end

local function sorted_object(value)
  local parts, names = {}, {}
  for name in pairs(value) do
    if type(name) ~= "string" then return cjson.encode(value) end
    names[#names + 1] = name
  end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = cjson.encode(name) .. ":" .. sorted(value[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

sorted = function(value)
  if type(value) ~= "table" then return cjson.encode(value) end
  local n = list_length(value)
  if not n then return sorted_object(value) end
  local parts = {}
  for i = 1, n do parts[i] = sorted(value[i]) end
  return "[" .. table.concat(parts, ",") .. "]"
end

M.in_order = false

local function encode(value, write)
  local ok, text = pcall(function() return write(prepare(value, {})) end)
  if not ok then
    text = tostring(text):gsub("^.-:%d+: ", ""):gsub("^Cannot serialise ", "")
    usage.fail("cannot make JSON of this: " .. text)
  end
  return (text:gsub(MARK_JSON, "%1"))
end

function M.encode(value)
  return encode(value, M.in_order and sorted or cjson.encode)
end

-- A byte that is no UTF-8, within a text.
local function byte_text(byte) return ("\\\\x%02X"):format(byte:byte()) end

function M.line(value)
  local line = encode(value, sorted)
  if line:find "[\128-\255]" then line = utf8.valid(line, byte_text) end
  return line .. "\n"
end

local DIGITS = ("%d"):rep(16)

-- Whole numbers of 16 digits and more that a double cannot hold, put into
-- quotes; texts are passed over.
local function quote_long(text)
  local out, at = {}, 1
  while true do
    local from = text:find('["%-%d]', at)
    if not from then break end
    local last
    if text:sub(from, from) == '"' then
      last = texts.string_end(text, from)
      out[#out + 1] = text:sub(at, last)
    else
      local number
      number, last = text:match("^(%-?[%d.eE+%-]*)()", from)
      last = math.max(last - 1, from)
      -- As a double on every Lua: an integer's abs may be negative.
      local long = number:match("^%-?%d+$") and math.abs(tonumber(number) + 0.0) > EXACT
        or number:match("^%-?900719925474099[3-9]$")
      out[#out + 1] = text:sub(at, from - 1)
      out[#out + 1] = long and '"' .. number .. '"' or text:sub(from, last)
    end
    at = last + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

local function has_empty_list(text)
  local at = text:find("[", 1, true)
  while at and not text:find("^%[%s*%]", at) do at = text:find("[", at + 1, true) end
  return at ~= nil
end

-- Empty lists as marks: cjson would read them as it reads {}.
local function mark_empty_lists(text)
  local out, at = {}, 1
  while at <= #text do
    local quote = text:find('"', at, true)
    out[#out + 1] = text:sub(at, (quote or 0) - 1):gsub("%[%s*%]", '"\\u0001lull:raw:[]"')
    if not quote then break end
    at = texts.string_end(text, quote) + 1
    out[#out + 1] = text:sub(quote, at - 1)
  end
  return table.concat(out)
end

local function with_empty_lists(value)
  if value == EMPTY_MARK then return setmetatable({}, EMPTY) end
  if type(value) ~= "table" then return value end
  for k, v in pairs(value) do
    if v == EMPTY_MARK or type(v) == "table" then value[k] = with_empty_lists(v) end
  end
  return value
end

local tointeger = math.tointeger

-- Whole numbers as integers where Lua has them (5.3 and later).
local function whole(value)
  for k, v in pairs(value) do
    if type(v) == "table" then
      whole(v)
    elseif type(v) == "number" then
      value[k] = tointeger(v) or v
    end
  end
  return value
end

function M.decode(text)
  if type(text) ~= "string" then
    usage.fail("JSON is decoded from a string, not a " .. type(text))
  end
  -- RFC 8259, section 8.1: a byte order mark may be ignored.
  if text:sub(1, 3) == "\239\187\191" then text = text:sub(4) end
  if text:find(DIGITS) then text = quote_long(text) end
  local has_empty = has_empty_list(text)
  if has_empty then text = mark_empty_lists(text) end
  local ok, value = pcall(cjson.decode, text)
  if not ok then
    return nil, "not JSON: " .. tostring(value):gsub("^.-:%d+: ", "")
  end
  if has_empty then value = with_empty_lists(value) end
  if tointeger then
    if type(value) == "table" then return whole(value) end
    if type(value) == "number" then return tointeger(value) or value end
  end
  return value
end

return M
