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

local SLASH = ("/"):byte()

local function target_url(client, target)
  if target:find("\0", 1, true) then usage.fail "a URL holds no NUL" end
  if target:find("@", 1, true) then
    redact.url(target, target:find "^[^@/?#]*:[^/@].*@" ~= nil and not target:find "://")
  end
  local first, second = target:byte(1, 2)
  if client.base and first == SLASH and second and second ~= SLASH then return client.base .. target end
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
  form = "application/x-www-form-urlencoded", multipart = "multipart/form-data",
  file = "application/octet-stream", body = "application/octet-stream" }

local function two_bodies(o)
  local given = {}
  for _, name in ipairs(BODIES) do given[#given + 1] = o[name] ~= nil and name or nil end
  usage.fail(("a request has one body, not both %s and %s"):format(given[1], given[2]))
end

local function chosen_body(o)
  local chosen
  for name in pairs(o) do
    if TYPES[name] then
      if chosen then two_bodies(o) end
      chosen = name
    end
  end
  return chosen
end

-- Whether the call's headers or the client's, which are looked at once, say what its
-- body is.
local function says_type(client, headers)
  if client.typed == nil then client.typed = text.has_field(client.settings.headers, "content-type") end
  return client.typed or text.has_field(headers, "content-type")
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

local MADE = { json = json.encode, form = text.form, file = M.file }

-- The body's option, the function that makes it anew, if it is one, and its type.
local function fill_body(spec, o)
  local name = chosen_body(o)
  if not name then return nil end
  if spec.method == "HEAD" then usage.fail(("a HEAD request has no body, and this one has %s"):format(name)) end
  local value, kind, factory = o[name], TYPES[name], nil
  if MADE[name] then value = MADE[name](value) end
  if name == "multipart" then value, kind = parts_body(value) end
  if type(value) == "function" then
    factory = value
    value = factory()
  end
  M.set_body(spec, value)
  return kind, factory
end

function M.uuid() return sched.engine():uuid() end

local function remembered_key() return nil end

---Lets `fn()` make the keys of calls that are remembered; nil for others.
function M.keys(fn) remembered_key = fn end

local function option(client, given, name)
  local value = given[name]
  if value ~= nil then return value end
  return client.settings[name]
end

-- The idempotency key: one for the call, the same over all its attempts. Gives the
-- headers with it, and its name; a header of that name, however it is written, gives
-- way to it.
local function with_key(client, given, spec, headers)
  local key = option(client, given, "key")
  spec.keyed = key and true or false
  if not key then return headers end
  local value = key == true and remembered_key() or key
  spec.minted = value == true
  if spec.minted then value = M.uuid() end
  if option(client, given, "key_quoted") then value = '"' .. value .. '"' end
  local header = option(client, given, "key_header") or "Idempotency-Key"
  local all, lower = { [header] = value }, header:lower()
  if headers then
    for name, field in pairs(headers) do
      if type(name) ~= "string" or name:lower() ~= lower then all[name] = field end
    end
  end
  return all, lower
end

local function lane_of(client, given, spec)
  local lane = option(client, given, "lane")
  if type(lane) == "function" then
    lane = usage.type(lane { method = spec.method, url = spec.url },
      "what the lane's function returns", "string or nil")
    usage.no_nul(lane, "what the lane's function returns")
  end
  return lane
end

local function full_url(client, target, given)
  local url = target_url(client, target)
  local query = options.query_for(client.settings, url)
  if given.query ~= nil then query = options.joined_query(query, given.query) end
  return with_query(url, query)
end

---What a call sends, as the core takes it, and the function that makes its body
---anew; `prepare` makes headers anew.
---@param given table the call's options, checked
function M.of(client, method, target, given)
  local base = client.settings
  local spec = { method = method, url = full_url(client, target, given) }
  local headers, key_name = with_key(client, given, spec, given.headers)
  local kind, factory = fill_body(spec, given)
  if headers then spec.headers, spec.secrets = options.pack_headers(headers) end
  if kind and not says_type(client, headers) then
    spec.headers = (spec.headers or "") .. "content-type\0" .. kind .. "\0"
  end
  if client.made or base.auth or given.auth or options.has_function(given.headers) then
    spec.prepare = prepare.maker(client.made, headers, base.auth, given.auth, key_name)
    spec.renews = spec.prepare and spec.prepare.renew and true
  end
  spec.unsafe = option(client, given, "unsafe")
  spec.lane = lane_of(client, given, spec)
  if base.limit and base.limit.weighed then
    spec.weights, spec.too_heavy = weights.of(base, { method = method, url = spec.url, body = spec.body,
      file = spec.file, json = given.json, form = given.form })
  end
  local output = given.output
  if output then
    spec.output, spec.sha256, spec.onto = output.path, output.sha256, output.continue
  end
  spec.ask_always = factory ~= nil
  for name, value in pairs(given) do
    if options.LIMITS[name] then
      spec[name], spec.limits = value, true
    end
  end
  return spec, factory
end

return M
