-- show: what would be sent, instead of sending: requests, and the plan.

local lull = require "lull"
local outcome = require "lull.outcome"
local secret = require "lull.secret"
local text = require "lull.text"

local M = {}

M.SHOWN = 3 -- requests

local MOST = 500 -- bytes of a URL

-- A file may be in it.
local function cut(url)
  if #url <= MOST then return url end
  return ("%s... (%s bytes)"):format(url:sub(1, MOST), text.commas(#url))
end

local function part_text(part)
  local what = part.file and (part.filename == false and "<" or "@") .. part.file or text.number(part.value)
  return ("%s=%s%s"):format(part.name, what, part.type and ";type=" .. part.type or "")
end

local function body_text(call)
  if type(call.body) == "string" then return "\n" .. call.body end
  if call.body then return "\n@" .. call.body.path end
  if not call.multipart then return nil end
  local parts = {}
  for i, part in ipairs(call.multipart) do parts[i] = part_text(part) end
  return "\n" .. table.concat(parts, "\n")
end

local function add_headers(lines, headers)
  for _, name in ipairs(text.keys(headers or {})) do
    local value = headers[name]
    if name == "User-Agent" and value == "lull/" .. lull.version then value = false end
    for _, one in ipairs(type(value) == "table" and not secret.is(value) and value or { value }) do
      if one then lines[#lines + 1] = name .. ": " .. tostring(one) end
    end
  end
end

---A request as text, without secrets.
---@param method string
---@param url string
---@param call table its options
---@param settings table the client's
function M.request(method, url, call, settings)
  if call.query then url = url .. (url:find("?", 1, true) and "&" or "?") .. call.query end
  local lines = { method .. " " .. cut(outcome.shown_url(url)) }
  add_headers(lines, settings.headers)
  add_headers(lines, call.headers)
  if call.multipart and not text.has_field(settings.headers, "content-type") then
    lines[#lines + 1] = "Content-Type: multipart/form-data"
  end
  if call.key then lines[#lines + 1] = "Idempotency-Key: " .. (call.key == true and "(a new one)" or call.key) end
  lines[#lines + 1] = body_text(call)
  if call.output then lines[#lines + 1] = "-> " .. call.output end
  return secret.redact(table.concat(lines, "\n")) .. "\n\n"
end

---What the client would do about failures, on standard output.
function M.plan(client) require("lull.plan").describe(client) end

return M
