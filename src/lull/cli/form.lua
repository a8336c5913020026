-- form: what -F and --data-urlencode say, as curl reads them.

local text = require "lull.text"
local template = require "lull.cli.template"

local M = {}

-- Before what is to be percent-encoded: no word of a command line holds a NUL.
M.MARK = "\0"

-- Where the quotes end that a value begins with.
local function closing(words)
  local at = 2
  while true do
    local found = words:find('["\\]', at)
    if not found or words:sub(found, found) == '"' then return found end
    at = found + 2
  end
end

-- "value;type=text/csv;filename=a.csv": what stands before, and these.
local parameters
parameters = function(words)
  local found = {}
  local mark, rest_of = words:match '^([@<]?)(".*)$'
  local last = rest_of and closing(rest_of)
  if last then
    local _, more = parameters("x" .. rest_of:sub(last + 1))
    return mark .. rest_of:sub(1, last), more
  end
  repeat
    local rest, name, value = words:match "^(.*);%s*(%l+)=([^;]*)$"
    if name ~= "type" and name ~= "filename" then break end
    found[name], words = value:match '^"(.*)"$' or value, rest
  until false
  return words, found
end

local function unquoted(words)
  local inside = words:match '^"(.*)"$'
  return inside and inside:gsub("\\(.)", "%1") or words
end

---A part as `multipart` takes it; nil when it has no name.
---@param words string NAME=VALUE, NAME=@FILE or NAME=<FILE
---@return lull.part?
function M.part(words)
  local name, value = words:match "^([^=]+)=(.*)$"
  if not name then return nil end
  local found
  value, found = parameters(value)
  local mark = value:sub(1, 1)
  local part = { name = name, type = found.type, filename = found.filename }
  if mark == "@" then
    part.file = unquoted(value:sub(2))
  elseif mark == "<" then
    part.file = unquoted(value:sub(2))
    part.filename = part.filename or false
  else
    part.value = unquoted(value)
  end
  return part
end

---The same words for curl, which ends a value at the first semicolon that is not
---within quotes.
---@param words string
function M.for_curl(words)
  local part = M.part(words)
  if not (part.value and part.value:find ";") then return words end
  return ('%s="%s"%s%s'):format(part.name, part.value:gsub('["\\]', "\\%0"),
    part.type and ";type=" .. part.type or "", part.filename and ";filename=" .. part.filename or "")
end

-- Percent-encoded; with rows a field stays one, which is encoded with its row.
local function escape(words, with_rows)
  if not with_rows then return text.escape(words) end
  local out = {}
  for i, part in ipairs(template.new(words, "text").parts) do
    out[i] = type(part) == "string" and text.escape(part) or "{" .. part.field .. "}"
  end
  return table.concat(out)
end

---What --data-urlencode makes of its value.
---@param words string CONTENT, =CONTENT, NAME=CONTENT, @FILE or NAME@FILE
---@param read fun(path: string): string
---@param with_rows boolean
function M.urlencode(words, read, with_rows)
  local at = words:find("=", 1, true) or words:find("@", 1, true)
  if not at then return escape(words, with_rows) end
  local name, mark, content = words:sub(1, at - 1), words:sub(at, at), words:sub(at + 1)
  if mark == "@" then content = read(content) end
  return (name ~= "" and name .. "=" or "") .. escape(content, with_rows)
end

return M
