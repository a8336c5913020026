-- multipart: a body of several parts (RFC 7578), as a form with files has it. It is
-- made in memory.

local core = require "lull.core"
local secret = require "lull.secret"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

local PART = { name = true, value = true, file = true, filename = true, type = true }

-- What stands in a part's head.
local function word(value, name, types)
  usage.type(value, name, types)
  if type(value) == "string" and value:find "[\r\n%z]" then usage.fail(name .. " holds a line end or a NUL") end
  return value
end

local function checked(part, name)
  for field in pairs(usage.type(part, name, "table")) do
    if not PART[field] then usage.unknown("field of " .. name, tostring(field), PART) end
  end
  word(part.name, name .. ".name", "string")
  word(part.type, name .. ".type", "string or nil")
  word(part.filename, name .. ".filename", "string or boolean or nil")
  if part.filename == true then usage.fail(name .. ".filename must be a string or false, not true") end
  local plain = secret.plain(part.value)
  if (plain ~= nil) == (part.file ~= nil) then usage.fail(name .. ": a part has either a value or a file") end
  if part.file then word(part.file, name .. ".file", "string") end
  if plain ~= nil then usage.type(plain, name .. ".value", "string or number or boolean") end
  return part
end

---The check of the option: a list of parts.
function M.check(value, name)
  if not usage.is_list(usage.type(value, name, "table"), name) then
    usage.fail(name .. " is a list of parts, such as { name = \"a\", value = \"1\" }")
  end
  for i, part in ipairs(value) do checked(part, ("%s[%d]"):format(name, i)) end
  return value
end

-- As browsers write a name between quotes.
local function quoted(name)
  return '"' .. name:gsub('[\r\n"]', { ["\r"] = "%0D", ["\n"] = "%0A", ['"'] = "%22" }) .. '"'
end

-- By the ending, as curl knows them.
local KINDS = { gif = "image/gif", jpg = "image/jpeg", jpeg = "image/jpeg", png = "image/png", svg = "image/svg+xml",
  txt = "text/plain", htm = "text/html", html = "text/html", pdf = "application/pdf", xml = "application/xml" }

local function read(path)
  local file = io.open(path, "rb")
  local bytes = file and file:read "*a"
  if file then file:close() end
  return bytes
end

-- A part's head and what is in it; nil when its file cannot be read.
local function part_text(part)
  local name, kind = part.filename, part.type
  if part.file and name == nil then name = part.file:match "[^/]*$" end
  if part.file and name and not kind then
    kind = KINDS[part.file:lower():match "%.(%w+)$" or ""] or "application/octet-stream"
  end
  local body = part.file and read(part.file) or nil
  if part.file and not body then return nil end
  return table.concat { "Content-Disposition: form-data; name=", quoted(part.name),
    name and "; filename=" .. quoted(name) or "", "\r\n", kind and "Content-Type: " .. kind .. "\r\n" or "", "\r\n",
    body or text.number(secret.plain(part.value)), "\r\n" }
end

---The body, and its type; or nil and the file that cannot be read. The same parts
---are the same bytes: a journal knows the call again.
---@param parts lull.part[]
---@return string? body
---@return string type
function M.of(parts)
  local texts = {}
  for i, part in ipairs(parts) do
    texts[i] = part_text(part)
    if not texts[i] then return nil, part.file end
  end
  local boundary = "lull-" .. core.sha256(table.concat(texts, "\0")):sub(1, 32)
  local out = {}
  for _, piece in ipairs(texts) do
    out[#out + 1] = "--" .. boundary .. "\r\n"
    out[#out + 1] = piece
  end
  out[#out + 1] = "--" .. boundary .. "--\r\n"
  return table.concat(out), "multipart/form-data; boundary=" .. boundary
end

return M
