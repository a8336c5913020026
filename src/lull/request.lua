-- request: what a call sends: its URL, its body, its headers, its key.

local json = require "lull.json"
local multipart = require "lull.lazy" "lull.multipart"
local options = require "lull.options"
local prepare = require "lull.lazy" "lull.prepare"
local redact = require "lull.redact"
local sched = require "lull.sched"
local text = require "lull.text"
local usage = require "lull.usage"
local weights = require "lull.lazy" "lull.weights"

local M = {}
usage.own()

---@type lull.file
local File = {}
File.__index = File

function M.file(path)
  return setmetatable({ path = usage.no_nul(usage.type(path, "a file's path", "string"), "a file's path") }, File)
end

local function target_url(client, target)
  if target:find("%z") then usage.fail "a URL holds no NUL" end
  if target:find("@", 1, true) then
    redact.url(target, target:find "^[^@/?#]*:[^/@].*@" ~= nil and not target:find "://")
  end
  if client.base and target:find("^/[^/]") then return client.base .. target end
  if target:match("^%a[%w+.-]*://") then return target end
  if not client.base then
    usage.fail(("'%s' is no URL: it has no scheme, and the client has no base")
      :format((redact.query(redact.text(target)):gsub("^[^/?#]*@", ""))))
  end
  if target == "" or target:match("^%?") then return client.settings.base .. target end
  return client.base .. "/" .. target:gsub("^/+", "")
end

local function with_query(url, query)
  if not query or (type(query) == "table" and next(query) == nil) then return url end
  if type(query) == "table" then query = text.form(query) end
  local front, fragment = url:match("^([^#]*)(#?.*)$")
  return front .. (front:find("?", 1, true) and "&" or "?") .. query:gsub("^%?", "") .. fragment
end

local BODIES = { "body", "json", "form", "file", "multipart" }
local TYPES = { json = "application/json",
  form = "application/x-www-form-urlencoded",
  file = "application/octet-stream", body = "application/octet-stream" }

local function chosen_body(o)
  local chosen
  for _, name in ipairs(BODIES) do
    if o[name] ~= nil then
      if chosen then
        usage.fail(("a request has one body, not both %s and %s"):format(chosen, name))
      end
      chosen = name
    end
  end
  return chosen
end

local function has_header(name, ...)
  for i = 1, select("#", ...) do
    for field in pairs(select(i, ...) or {}) do
      if type(field) == "string" and field:lower() == name then return true end
    end
  end
  return false
end

-- Puts a string or a lull.file where the core looks for it.
function M.set_body(spec, value)
  if type(value) == "table" and getmetatable(value) == File then
    spec.file = value.path
  elseif type(value) == "string" then
    spec.body = value
  else
    usage.fail(("a body is a string, lull.file(path) or a function that returns "
      .. "one of them, not a %s"):format(type(value)))
  end
end

-- A part that cannot be read ends the call as any other file does.
local function parts_body(parts)
  local body, kind = multipart.of(parts)
  if not body then return M.file(kind) end
  return body, kind
end

-- The body's option, the function that makes it anew, if it is one, and its type.
local function fill_body(spec, o)
  local name = chosen_body(o)
  local value, kind = o[name], TYPES[name]
  if name == "json" then value = json.encode(value) end
  if name == "form" then value = text.form(value) end
  if name == "file" then value = M.file(value) end
  if name == "multipart" then value, kind = parts_body(value) end
  local factory = type(value) == "function" and value or nil
  if factory then value = factory() end
  if name then M.set_body(spec, value) end
  return kind, factory
end

function M.uuid()
  local engine = sched.engine()
  local digits = {}
  for i = 1, 32 do digits[i] = ("%x"):format(engine:random(0, 15)) end
  digits[13] = "4"
  digits[17] = ("%x"):format(8 + engine:random(0, 3))
  return (table.concat(digits):gsub("^(%x%x%x%x%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)", "%1-%2-%3-%4-"))
end

local function remembered_key() return nil end

---Lets `fn()` make the keys of calls that are remembered; nil for others.
function M.keys(fn) remembered_key = fn end

-- The idempotency key: one for the call, the same over all its attempts.
local function key_header(o, headers)
  if not o.key then return headers end
  local value = o.key == true and remembered_key() or o.key
  o.minted = value == true
  if o.minted then value = M.uuid() end
  if o.key_quoted then value = '"' .. value .. '"' end
  local all = {}
  for name, field in pairs(headers or {}) do all[name] = field end
  all[o.key_header or "Idempotency-Key"] = value
  return all
end

local function lane_of(o, spec)
  local lane = o.lane
  if type(lane) == "function" then
    lane = usage.type(lane { method = spec.method, url = spec.url },
      "what the lane's function returns", "string or nil")
    usage.no_nul(lane, "what the lane's function returns")
  end
  return lane
end

local function option(client, given, name)
  if given[name] ~= nil then return given[name] end
  return client.settings[name]
end

---What a call sends, as the core takes it, and the function that makes its body
---anew; `prepare` makes headers anew.
---@param given table the call's options, checked
function M.of(client, method, target, given)
  local base = client.settings
  local spec = { method = method }
  spec.url = target_url(client, target)
  local query = options.query_for(base, spec.url)
  if given.query ~= nil then query = options.joined_query(query, given.query) end
  spec.url = with_query(spec.url, query)
  local keyed = { key = option(client, given, "key"),
    key_header = option(client, given, "key_header"),
    key_quoted = option(client, given, "key_quoted") }
  local headers = key_header(keyed, given.headers)
  local kind, factory = fill_body(spec, given)
  spec.headers, spec.secrets = options.pack_headers(headers)
  if kind and not has_header("content-type", headers, base.headers) then
    spec.headers = (spec.headers or "") .. "content-type\0" .. kind .. "\0"
  end
  if client.made or base.auth or given.auth or options.has_function(given.headers) then
    spec.prepare = prepare.maker(client.made, headers, base.auth, given.auth)
    spec.renews = spec.prepare and spec.prepare.renew and true
  end
  spec.keyed, spec.minted = keyed.key and true or false, keyed.minted
  spec.unsafe = option(client, given, "unsafe")
  spec.lane = lane_of({ lane = option(client, given, "lane") }, spec)
  if base.limit and base.limit.weighed then
    spec.weights, spec.too_heavy = weights.of(base, { method = method, url = spec.url, body = spec.body,
      file = spec.file, json = given.json, form = given.form })
  end
  local output = given.output
  if output then
    spec.output, spec.sha256, spec.onto = output.path, output.sha256, output.continue
  end
  spec.ask_always = factory ~= nil
  for name in pairs(options.LIMITS) do
    if given[name] ~= nil then
      spec[name], spec.limits = given[name], true
    end
  end
  return spec, factory
end

return M
