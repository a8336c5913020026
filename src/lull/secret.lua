-- secret: a text that is sent but never shown.

local usage = require "lull.usage"

local M = {}
usage.own()

---@type lull.secret
local Secret = {}
Secret.__index = Secret
Secret.__tostring = function() return "***" end
Secret.__concat = function(a, b)
  local function text(v) return M.is(v) and v:reveal() or tostring(v) end
  return M.new(text(a) .. text(b))
end

-- The text is kept here and not in the object, so that printing its fields
-- shows nothing.
local texts = setmetatable({}, { __mode = "k" })

-- Every text that was ever a secret, each once: a message may be made when
-- the secret itself is long collected.
local known, list, sorted = {}, {}, true

function M.new(text)
  if M.is(text) then return text end
  usage.type(text, "a secret", "string")
  local secret = setmetatable({}, Secret)
  texts[secret] = text
  if text ~= "" and not known[text] then
    known[text], sorted = true, false
    list[#list + 1] = text
  end
  return secret
end

function Secret:reveal() return texts[self] end

function M.is(value)
  return type(value) == "table" and getmetatable(value) == Secret
end

---A secret's text, or the value as it is.
function M.plain(value)
  if M.is(value) then return texts[value] end
  return value
end

local function escaped(text)
  return (text:gsub("[^%w%-._~]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

local function replaced(text, form)
  local from, to = text:find(form, 1, true)
  while from do
    text = text:sub(1, from - 1) .. "***" .. text:sub(to + 1)
    from, to = text:find(form, from + 3, true)
  end
  return text
end

-- Of two secrets, one within the other, the longer goes first: nothing of it
-- must stay behind.
local function longer(a, b)
  if #a ~= #b then return #a > #b end
  return a < b
end

---`text` with every secret in it replaced by "***", also where it stands
---percent-encoded, and its URLs without user and password.
---@param text string
---@return string
function M.redact(text)
  text = text:gsub("(://)[^/?#%s]*@", "%1")
  if not sorted then
    table.sort(list, longer)
    sorted = true
  end
  for _, hidden in ipairs(list) do
    text = replaced(replaced(text, hidden), escaped(hidden))
  end
  return text
end

---What an error says, without secrets; one that is no text, as `lua` tells it.
---@param err any
---@return string
function M.shown(err)
  local kind, meta = type(err), getmetatable(err)
  local speaks = kind == "string" or kind == "number" or (meta and meta.__tostring)
  return M.redact(speaks and tostring(err) or ("(error object is a %s value)"):format(kind))
end

return M
