-- secret: a text that is sent but never shown.

local redact = require "lull.redact"
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

function M.new(text)
  if M.is(text) then return text end
  usage.type(text, "a secret", "string")
  local secret = setmetatable({}, Secret)
  texts[secret] = text
  redact.learn(text)
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

M.redact = redact.text

---What an error says, without secrets; one that is no text, as `lua` tells it.
---@param err any
---@return string
function M.shown(err)
  local kind, meta = type(err), getmetatable(err)
  local speaks = kind == "string" or kind == "number" or (meta and meta.__tostring)
  return M.redact(speaks and tostring(err) or ("(error object is a %s value)"):format(kind))
end

return M
