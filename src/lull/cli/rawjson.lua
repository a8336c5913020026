-- rawjson: the text of a row of NDJSON, as it stood, and of what is in it: what is sent
-- on is not changed by having been read.

local json = require "lull.json"
local texts = require "lull.text"

local M = {}

-- Who reads JSON here takes more than JSON has (0x10, 01, a line end within a text):
-- such a row has no text to be sent on.
local NUMBERS = { "^%-?%d+$", "^%-?%d+%.%d+$", "^%-?%d+[eE][+-]?%d+$", "^%-?%d+%.%d+[eE][+-]?%d+$" }

local function is_number(word)
  if word:find "^%-?0%d" then return false end
  for _, pattern in ipairs(NUMBERS) do
    if word:find(pattern) then return true end
  end
  return false
end

local function is_strict(text)
  if text:find "[%z\1-\31]" then return false end
  local bare = text:gsub("\\.", ""):gsub('"[^"]*"', "")
  for word in bare:gmatch "[^%s%[%]{},:]+" do
    if not (word == "true" or word == "false" or word == "null" or is_number(word)) then return false end
  end
  return true
end

-- Where the object or list ends that begins at `at`.
local function group_end(text, at)
  local depth = 0
  while true do
    local mark = text:sub(at, at)
    if mark == '"' then at = texts.string_end(text, at) end
    if mark == "{" or mark == "[" then depth = depth + 1 end
    if mark == "}" or mark == "]" then depth = depth - 1 end
    if depth == 0 then return at end
    at = text:find('["%[%]{}]', at + 1)
  end
end

local function value_end(text, at)
  local mark = text:sub(at, at)
  if mark == '"' then return texts.string_end(text, at) end
  if mark == "{" or mark == "[" then return group_end(text, at) end
  return text:find("[%s,}%]]", at) - 1
end

-- The members of an object that is JSON: texts by names. Of two of a name the last
-- one counts, as for who reads it.
local function members_of(text)
  local members, at = {}, text:match '^{%s*()"'
  while at do
    local last = texts.string_end(text, at)
    local name = json.decode(text:sub(at, last))
    local from = text:match("^%s*:%s*()", last + 1)
    last = value_end(text, from)
    members[name] = text:sub(from, last)
    at = text:match('^%s*,%s*()"', last + 1)
  end
  return members
end

---The JSON of a field, as it stands in a row's text; nil where it does not.
---@param text string one row of NDJSON that was read
---@param name string as a template has it: "sku", "a.b", "." for all of it
---@return string?
function M.field(text, name)
  if not is_strict(text) then return nil end
  text = text:match "^%s*(.-)%s*$"
  if name == "." then return text end
  local members = members_of(text)
  if members[name] then return members[name] end
  for step in name:gmatch "[^.]+" do
    text = members_of(text)[step]
    if not text then return nil end
  end
  return text
end

return M
