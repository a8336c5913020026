-- prepare: headers that the script makes anew for each request: by a function
-- in the place of a header's value, or of all headers.
--
-- `headers` with functions has those that make all of them under 1, 2, ...,
-- one of each layer, and those of one header under its name.

local options = require "lull.options"
local text = require "lull.text"
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

local function place(fn)
  local info = debug.getinfo(fn, "S")
  return ("%s:%d"):format(info.short_src, info.linedefined)
end

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
      value = usage.at(place(fn), options.static_headers, value or {}, "what a function makes of headers")
      for field, one in text.sorted(value) do put(out, field, one) end
    else
      if value == nil then value = false end
      usage.at(place(fn), options.static_headers, { [name] = value }, "what a function makes of headers")
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

---The function that makes the headers of a call's next request, as the core
---takes them; nil when there is none to make.
---@param client table? functions of the client's layers
---@param fields table? the call's headers
---@return (fun(details: table): string?, string?)?
function M.maker(client, fields)
  local own = M.functions(fields)
  if not (client or own) then return nil end
  local mine, before = names_of(fields, {}), {}
  return function(details)
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
    local now = names_of(all, {})
    for name in pairs(before) do
      if not now[name] then all[name] = false end
    end
    before = now
    return options.pack_headers(all, true)
  end
end

return M
