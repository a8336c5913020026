-- prepare: headers that the script makes anew for each request: by a function
-- in the place of a header's value, or of all headers.
--
-- `headers` with functions has those that make all of them under 1, 2, ...,
-- one of each layer, and those of one header under its name.

local options = require "lull.options"
local text = require "lull.text"
local token = require "lull.token"
local usage = require "lull.usage"

local M = {}
usage.own()

---What of these headers is made by functions; nil: nothing.
---@param fields table?
function M.functions(fields)
  local found
  for name, value in pairs(fields or {}) do
    if type(value) == "function" then
      found = found or {}
      found[name] = value
    end
  end
  return found
end

-- So often a call may go again with a token that others have renewed.
local MOST = 5

-- One header in the place of others of its name.
local function put(out, name, value)
  for known in pairs(out) do
    if known:lower() == name:lower() then out[known] = nil end
  end
  out[name] = value
end

-- What the functions of one layer make of a request, by name.
local function made(functions, request)
  local out = {}
  for name, fn in text.sorted(functions) do
    local value = fn(request)
    if type(name) == "number" then
      value = usage.at(fn, options.static_headers, value or {}, "what a function makes of headers")
      for field, one in text.sorted(value) do put(out, field, one) end
    else
      if value == nil then value = false end
      usage.at(fn, options.static_headers, { [name] = value }, "what a function makes of headers")
      put(out, name, value)
    end
  end
  return out
end

-- Those that no other origin may see stay at home.
local function kept_home(fields)
  local out = {}
  for name, value in pairs(fields) do
    if not (options.is_guarded(name, value) or name:lower() == "host") then out[name] = value end
  end
  return out
end

local function names_of(fields, into)
  for name in pairs(fields or {}) do
    if type(name) == "string" then into[name:lower()] = true end
  end
  return into
end

-- The headers that functions make of a request: the client's, below the call's.
local function all_made(client, own, mine, details, key_name)
  local request = { method = details.method, url = details.url, body = details.body, attempt = details.n }
  local all = {}
  if client then
    local theirs = made(client, request)
    for name, value in pairs(details.at_home and theirs or kept_home(theirs)) do
      if not mine[name:lower()] then all[name] = value end
    end
  end
  if own then
    for name, value in pairs(made(own, request)) do put(all, name, value) end
  end
  if key_name then put(all, key_name, nil) end
  return all
end

-- The token that a call uses, and whether it is the call's own. A header of the
-- call's own by that name goes before it.
local function choose_token(theirs, given, mine)
  local auth = theirs
  if given ~= nil then auth = given end
  if auth and mine[token.header(auth):lower()] then auth = nil end
  return auth or nil, given ~= nil
end

-- What a call has to do with its token: `put` sets the header; `renew` says
-- whether one that was refused has another in its place; `ended` tells of an
-- answer that took it.
local function holder(auth, is_own)
  local used, renewed, again = {}, false, 0
  local self = {}
  function self.put(all, details)
    used[details.n] = nil
    if not (is_own or details.at_home) then return true end
    local value, serial = token.value(auth)
    if not value then return nil, serial end
    if not details.foreign then used[details.n] = serial end
    put(all, token.header(auth), value)
    return true
  end
  function self.renew(n)
    local serial = used[n]
    if not serial or renewed or again >= MOST then return false end
    local known = token.serial(auth)
    again = again + 1
    renewed = known == serial
    return token.refused(auth, serial)
  end
  function self.ended(n) if used[n] then token.accepted(auth, used[n]) end end
  return self
end

---What makes the headers of a call's requests, `make(details)`: as the core takes
---them, or nil and what is wrong; nil when there is none to make. With a token
---also `renew(n)`, of the attempt that was refused, and `ended(n)`.
---@param client table? functions of the client's layers
---@param fields table? the call's headers
---@param theirs table? the client's token
---@param given table|false|nil the call's
---@param key_name string? of the header of its key, in small letters: no function makes that
---@return table?
function M.maker(client, fields, theirs, given, key_name)
  local own, mine, before = M.functions(fields), names_of(fields, {}), {}
  local auth, is_own = choose_token(theirs, given, mine)
  if not (client or own or auth) then return nil end
  local self = auth and holder(auth, is_own) or {}
  function self.make(details)
    local all = all_made(client, own, mine, details, key_name)
    if auth then
      local ok, problem = self.put(all, details)
      if not ok then return nil, problem end
    end
    local now = names_of(all, {})
    for name in pairs(before) do
      if not now[name] then all[name] = false end
    end
    before = now
    local headers, secrets = options.pack_headers(all, true)
    return headers or "", secrets
  end
  return self
end

return M
