-- template: text with the fields of a row in it: "{sku}", "{.}" for the whole
-- row, "{{" for a brace. What a field has is escaped by the place it is put in.

local json = require "lull.json"
local rawjson = require "lull.lazy" "lull.cli.rawjson"
local text = require "lull.text"

local M = {}

---@class lull.template
---@field place string
---@field mistyped string|false a URL or a path with a brace that begins no field: each row
---would go to one place
---@field parts (string|{ field: string, quoted: boolean?, first: boolean? })[]
local Template = {}
Template.__index = Template

-- A field's name as it may stand between braces: "sku", "order id", "a.b".
local NAME = "^{([%w_%.][%w_%.%- ]*)}"

-- ---- reading -------------------------------------------------------------

-- Whether a text that begins outside of a JSON string ends inside of one.
local function ends_quoted(parts)
  local inside = false
  for _, part in ipairs(parts) do
    if type(part) == "string" then
      for mark in part:gsub("\\.", ""):gmatch '"' do inside = mark == '"' and not inside end
    end
  end
  return inside
end

-- The text up to `to`, joined to the one before.
local function add_text(parts, piece)
  if piece == "" then return end
  local last = #parts
  if type(parts[last]) == "string" then
    parts[last] = parts[last] .. piece
  else
    parts[last + 1] = piece
  end
end

-- The parts; and whether a brace began no field, and stands for itself.
local function parts_of(source, place)
  local parts, at, is_bare = {}, 1, false
  while true do
    local brace = source:find("{", at, true)
    add_text(parts, source:sub(at, (brace or 0) - 1))
    if not brace then return parts, is_bare end
    local field = source:match(NAME, brace)
    if source:sub(brace, brace + 1) == "{{" then
      add_text(parts, "{")
      at = brace + 2
    elseif field then
      parts[#parts + 1] = { field = field, quoted = place == "json" and ends_quoted(parts), first = #parts == 0 }
      at = brace + #field + 2
    else
      add_text(parts, "{")
      at, is_bare = brace + 1, true
    end
  end
end

---A template. `place` says how what a row has is escaped: "url" (percent-encoded,
---but for a field that the URL begins with), "form" (percent-encoded), "json"
---(a JSON value; within quotes the inside of a JSON string), "path" (no folder
---of its own), "line" (a header, or a name), "key", "file" (a path), "text" (as it
---is).
---@param source string
---@param place "url"|"form"|"json"|"path"|"line"|"key"|"file"|"text"
---@return lull.template
function M.new(source, place)
  local parts, is_bare = parts_of(source, place)
  local names_place = place == "url" or place == "path"
  return setmetatable({ parts = parts, place = place, mistyped = names_place and is_bare and source }, Template)
end

---True when there is a field in it.
---@param source string
function M.has_fields(source) return #M.new(source, "text"):fields() > 0 end

---The names of its fields, in their order; "." for the whole row.
---@return string[]
function Template:fields()
  local names = {}
  for _, part in ipairs(self.parts) do
    if type(part) == "table" then names[#names + 1] = part.field end
  end
  return names
end

-- ---- what a row has ------------------------------------------------------

---A field of a row: by its name, or by a path of names; nil when there is none.
---@param row any
---@param name string
function M.field(row, name)
  if name == "." then return row end
  if type(row) ~= "table" then return nil end
  if row[name] ~= nil then return row[name] end
  local value = row
  for step in name:gmatch "[^.]+" do
    if type(value) ~= "table" then return nil end
    value = value[step]
  end
  return value
end

local function words(value)
  if type(value) == "string" then return value end
  return json.encode(value)
end

-- What stands for a value in a CSV cell: a number, when JSON would write it so,
-- true or false, else a text: "0012", "+1" and "null" are texts.
local function literal(value)
  local number = #value < 16 and (value:find "^%-?[1-9]%d*$" or value == "0" or value:find "^%-?[1-9]%d*%.%d+$"
    or value:find "^%-?0%.%d+$")
  if number or value == "true" or value == "false" then return value end
  return json.encode(value)
end

-- A text is what it says, whatever it was written like.
local function as_json(value, part, raw)
  local stood = raw and (not part.quoted or type(value) ~= "string") and rawjson.field(raw, part.field)
  if part.quoted then return json.encode(stood or words(value)):sub(2, -2) end
  if stood then return stood end
  if type(value) == "string" and part.field ~= "." then return literal(value) end
  return json.encode(value)
end

local function refuse(part, shown, what)
  return nil, ("the field '%s' is %q, which cannot be part of a %s"):format(part.field, shown, what)
end

-- A value without the bytes that would make something else of what it is put in.
local function without(bytes, what)
  return function(value, part)
    local words_of = words(value)
    if words_of:find(bytes) then return refuse(part, words_of, what) end
    return words_of
  end
end

local as_name = without("[/%z]", "file's name")

-- A value names a file, never a way to another folder.
local function as_path(value, part)
  local name = words(value)
  if name == "." or name == ".." or name == "" then return refuse(part, name, "file's name") end
  return as_name(value, part)
end

local PLACES = {
  json = as_json,
  path = as_path,
  form = function(value) return text.escape(words(value)) end,
  text = words,
  line = without("[%z\r\n]", "header"),
  file = without("%z", "file's name"),
  key = without("%c", "key"),
  url = function(value, part) return part.first and words(value) or text.escape(words(value)) end,
}

-- JSON has a word for what is not there; no other place has.
local function problem_of(value, part, place)
  if value == nil then return ("the row has no field '%s'"):format(part.field) end
  if value == json.null and place ~= "json" then return ("the field '%s' is null"):format(part.field) end
end

-- What is put for a field; or nil and what is wrong: a value may have no form in JSON.
local function piece_of(put, value, part, raw)
  local ok, piece, problem = pcall(put, value, part, raw)
  if ok then return piece, problem end
  local why = tostring(piece):match "cannot make JSON.*$" or error(piece, 0)
  return nil, ("the field '%s': %s"):format(part.field, why)
end

---The text for one row; or nil and what is wrong with the row.
---@param row any
---@param raw string? of NDJSON: the row's text, whose values JSON is made of
---@return string?
---@return string? problem
function Template:of(row, raw)
  local out, put = {}, PLACES[self.place]
  for i, part in ipairs(self.parts) do
    local piece, problem = part, nil
    if type(part) == "table" then
      local value = M.field(row, part.field)
      problem = problem_of(value, part, self.place)
      if not problem then piece, problem = piece_of(put, value, part, raw) end
    end
    if problem then return nil, problem end
    out[i] = piece
  end
  local whole = table.concat(out)
  if whole == "" and self.place == "key" then return nil, "the row makes an empty key" end
  return whole
end

return M
