-- options: what a client and a call may be told, checked, merged in layers
-- and turned into what the core takes.

local core = require "lull.core"
local multipart = require "lull.lazy" "lull.multipart"
local policy = require "lull.lazy" "lull.policy"
local presets = require "lull.presets"
local redis = require "lull.lazy" "lull.redis"
local redact = require "lull.redact"
local secret = require "lull.secret"
local text = require "lull.text"
local token = require "lull.lazy" "lull.token"
local usage = require "lull.usage"

local M = { version = "0.1.0" }
usage.own()

-- ---- one check for each option -------------------------------------------

local function of_type(types)
  return function(value, name) return usage.type(value, name, types) end
end

-- What C reads, up to a NUL.
local function plain(types)
  return function(value, name) return usage.no_nul(usage.type(value, name, types), name) end
end

-- A path, or a table of it and of what the file has to be.
local function output(value, name)
  if type(value) ~= "table" then return { path = plain "string" (value, name) } end
  local known = { path = true, sha256 = true, continue = true }
  for field in pairs(value) do
    if field ~= 1 and not known[field] then usage.unknown(name .. " field", tostring(field), known) end
  end
  local path, sum = value[1] or value.path, usage.type(value.sha256, name .. ".sha256", "string or nil")
  if sum and not (#sum == 64 and sum:find "^%x+$") then
    usage.fail(name .. ".sha256 is 64 hexadecimal digits")
  end
  return { path = plain "string" (path, name .. "'s path"), sha256 = sum,
    continue = usage.type(value.continue, name .. ".continue", "boolean or nil") }
end

local function of_policy(what)
  return function(value, name) return policy[what](value, name) end
end

local function timeouts(value, name)
  if type(value) ~= "table" then return usage.duration(value, name) end
  local list = {}
  for i, one in ipairs(value) do list[i] = usage.duration(one, name) end
  if #list == 0 then usage.fail(name .. ": a table is a list of durations, and this one has none") end
  if #list > 8 then usage.fail(name .. ": at most 8 timeouts") end
  return list
end

local function stall(value, name)
  local seconds = usage.duration(value, name)
  if seconds == 0 then usage.fail(name .. ": it is longer than 0; math.huge is for ever") end
  return seconds
end

local function size(value, name)
  local units = { [""] = 1, k = 2 ^ 10, m = 2 ^ 20, g = 2 ^ 30 }
  local digits, unit
  if type(value) == "string" then
    digits, unit = value:lower():match("^(%d+)%s*([kmg]?)i?b?$")
  end
  local bytes = digits and tonumber(digits) * units[unit] or value
  return math.min(usage.count(bytes, name, 0), 2 ^ 53)
end

-- libcurl ends an answer whose headers are more, with an error of its own.
local HEADERS_MOST = 300 * 1024

local function headers_size(value, name)
  local bytes = size(value, name)
  if bytes > HEADERS_MOST then
    usage.fail(("%s: libcurl takes at most 300k of headers, so this is to be 300k or less"):format(name))
  end
  return bytes
end

local function header_name(value, name)
  if type(value) ~= "string" or value == "" or value:find("[%c%s:]") then
    usage.fail(("%s: '%s' is no name of a header"):format(name, tostring(value)))
  end
  return value
end

-- What the transport says by itself: another number would cut the body, or make its
-- rest the next request of the connection.
local OWN = "content-length"

local function key_header(value, name)
  if header_name(value, name):lower() == OWN then
    usage.fail(("%s: '%s' is told by lull itself"):format(name, value))
  end
  return value
end

-- Under a name there may be a function, which makes the value anew for each
-- request; and in the place of all of them.
local function header_fields(value, name, static)
  if type(value) == "function" and not static then return { value } end
  usage.type(value, name, "table")
  for field, v in pairs(value) do
    header_name(field, name)
    if type(v) == "function" and not static then v = "" end
    local is_table = type(v) == "table" and not secret.is(v)
    local list = is_table and v or { v }
    if is_table and (getmetatable(v) or not usage.is_list(v, ("%s['%s']"):format(name, field))) then
      usage.fail(("%s['%s'] must be a string, a secret or a list of them"):format(name, field))
    end
    for _, one in ipairs(list) do
      local bytes = secret.plain(one)
      if type(bytes) ~= "string" and type(bytes) ~= "number" and bytes ~= false then
        usage.fail(("%s['%s'] must be a string, not a %s"):format(name, field, type(bytes)))
      end
      if type(bytes) == "string" and bytes:find("[\r\n%z]") then
        usage.fail(("%s['%s'] holds a line end or a NUL, which would smuggle "
          .. "another header in"):format(name, field))
      end
    end
  end
  return value
end

---Whether a function makes some of these headers.
---@param fields table?
function M.has_function(fields)
  for _, value in pairs(fields or {}) do
    if type(value) == "function" then return true end
  end
  return false
end

---Headers without functions.
---@param value any
---@param name string
function M.static_headers(value, name) return header_fields(value, name, true) end

local function auth(value, name)
  if value == false or token.is(value) then return value end
  usage.fail(("%s must be a lull.token, not a %s"):format(name, type(value)))
end

local function base_url(value, name)
  usage.no_nul(usage.type(value, name, "string"), name)
  redact.url(value)
  if not core.url(value) then
    usage.fail(("%s: '%s' %s"):format(name, value, text.url_problem(value)))
  end
  if value:find("[?#]") then
    usage.fail(name .. ": it has a query or a fragment; a query is an option of its own")
  end
  return value
end

local function lanes(value, name)
  if value == false then return value end
  usage.no_nul(usage.type(value, name, "string or boolean"), name)
  if not redis.is(value) then usage.fail(name .. ": where lanes are shared is redis://HOST/0/NAME") end
  redis.read(value, "lanes")
  return value
end

local function proxy_url(value, name)
  usage.no_nul(usage.type(value, name, "string or boolean"), name)
  if type(value) == "string" then redact.url(value, true) end
  return value
end

local function preset(value, name)
  if type(value) == "table" then return value end
  usage.type(value, name, "string or table")
  if type(presets[value]) ~= "table" then usage.unknown("preset", value, presets) end
  return presets[value]
end

local function key(value, name)
  if value == true or value == false then return value end
  usage.type(value, name, "string or boolean")
  if value == "" or value:find("[%c]") then usage.fail(name .. " holds a control byte, or nothing") end
  return value
end

local VERSIONS = { any = true, ["1.1"] = true, ["2"] = true }

-- What a client takes, and a call too.
local CLIENT = {
  base = base_url,
  preset = preset,
  attempts = usage.at_least(1),
  timeout = timeouts,
  stall = stall,
  deadline = usage.duration,
  max_hint = usage.duration,
  backoff = of_policy "backoff",
  on = of_policy "rules",
  limit = of_policy "limit",
  budget = of_policy "budget",
  breaker = of_policy "breaker",
  pace = of_type("boolean"), slow_start = of_type("boolean"),
  hedge = usage.duration,
  lane = plain "string or function",
  lanes = lanes,
  unsafe = of_type("boolean"),
  cross_origin = of_type("boolean"),
  key = key,
  key_header = key_header,
  key_quoted = of_type("boolean"),
  auth = auth,
  headers = function(value, name) return header_fields(value, name) end,
  query = plain "table or string",
  ca = plain "string",
  cert = plain "string",
  cert_key = plain "string",
  proxy = proxy_url,
  insecure = of_type("boolean"),
  http = function(value, name) return usage.word(tostring(value), name, VERSIONS) end,
  encoded = of_type("boolean"),
  redirects = usage.at_least(0),
  max_body = size,
  max_headers = headers_size,
}
M.CLIENT = CLIENT

-- What only a call takes.
local CALL = {
  body = of_type("string or table or function"),
  json = function(value) return value end,
  form = of_type("table"),
  multipart = function(value, name) return multipart.check(value, name) end,
  file = plain "string",
  output = output,
}
M.CALL = CALL

---The words that some take; the definition file is compared with them.
M.WORDS = { http = VERSIONS }

local function names(...)
  local all = {}
  for _, set in ipairs { ... } do
    for name in pairs(set) do all[name] = true end
  end
  return all
end

local CALL_NAMES = names(CLIENT, CALL)
M.CALL_NAMES = CALL_NAMES

-- The limits that a call may have of its own without a policy of its own.
M.LIMITS = { attempts = true, timeout = true, stall = true, deadline = true, max_hint = true }

-- What a call can be told without a client of its own: the check of each.
M.CHEAP = {}
for name in pairs(names(CALL, M.LIMITS, { query = true, headers = true, key = true,
  key_header = true, key_quoted = true, lane = true, unsafe = true, auth = true })) do
  M.CHEAP[name] = CLIENT[name] or CALL[name]
end

---Checks options, each by its own check; raises at the caller's line.
---@param options table a client's
---@return table checked
function M.check(options)
  local checked = {}
  for name, value in pairs(options) do
    local check = CLIENT[name] or usage.unknown("option", name, CLIENT)
    checked[name] = check(value, name)
  end
  return checked
end

-- ---- layers --------------------------------------------------------------

local function joined_headers(a, b)
  local out, lower = {}, {}
  for name, value in pairs(a or {}) do
    out[name] = value
    lower[tostring(name):lower()] = name
  end
  for given, value in text.sorted(b) do
    local name = given
    if type(name) == "number" then -- a function that makes all, of one more layer
      name = #out + 1
    elseif lower[name:lower()] then
      out[lower[name:lower()]] = nil
    end
    out[name] = value
  end
  return out
end

local function joined_list(a, b)
  local out = {}
  for _, item in ipairs(a or {}) do out[#out + 1] = item end
  for _, item in ipairs(b) do out[#out + 1] = item end
  return out
end

local function joined_fields(a, b)
  local out = {}
  for name, value in pairs(a or {}) do out[name] = value end
  for name, value in pairs(b) do out[name] = value end
  return out
end

local function joined_query(a, b)
  if type(b) ~= "table" then return b end
  return joined_fields(type(a) == "table" and a or nil, b)
end
M.joined_query = joined_query

local JOIN = { headers = joined_headers, on = joined_list,
  backoff = joined_fields, query = joined_query }

---A checked layer over another: what it names wins, headers and query name
---by name, and its rules come after those below.
---@param below table
---@param above table
---@return table
function M.merge(below, above)
  local out = {}
  for name, value in pairs(below) do out[name] = value end
  for name, value in pairs(above) do
    local join = JOIN[name]
    out[name] = join and join(out[name], value) or value
  end
  return out
end

---The layers of a client: the preset's below, the options above.
---@param below table checked
---@param options table unchecked
function M.layer(below, options)
  local checked = M.check(options)
  if checked.preset then
    below = M.merge(below, M.check(checked.preset))
  end
  return M.merge(below, checked)
end

-- ---- for the core --------------------------------------------------------

---True for a header that no other origin may see.
function M.is_guarded(name, value) return redact.is_sensitive(name) or secret.is(value) end

-- One line of a header, among those that any origin may see, or that only its own may.
local function pack_field(name, one, open, hidden, replacing)
  if #name == #OWN and name:lower() == OWN then return end
  local sensitive = redact.is_sensitive(name)
  local plain_text = one ~= false and text.number(secret.plain(one)) or ""
  if sensitive then redact.header(name, plain_text) end
  local into, other = open, hidden
  if sensitive or secret.is(one) then into, other = hidden, open end
  if replacing then other[#other + 1] = name .. "\0\0" end
  into[#into + 1] = name .. "\0" .. plain_text .. "\0"
end

---Headers as the core takes them, but for those that functions make: those that any origin may see, and those
---that only their own may. Names sorted; false sends none. What replaces a
---header of an earlier attempt takes it out of the other kind, too.
---@param fields table?
---@param replacing boolean?
---@return string? headers, string? secrets
function M.pack_headers(fields, replacing)
  if not fields or next(fields) == nil then return nil, nil end
  local open, hidden = {}, {}
  for name, value in text.sorted(fields) do
    if type(value) == "table" and not secret.is(value) then
      for _, one in ipairs(value) do pack_field(name, one, open, hidden, replacing) end
    elseif type(value) ~= "function" then
      pack_field(name, value, open, hidden, replacing)
    end
  end
  return open[1] and table.concat(open), hidden[1] and table.concat(hidden)
end

local function holds_secret(value)
  for _, one in pairs(type(value) == "table" and not secret.is(value) and value or { value }) do
    if secret.is(one) then return true end
  end
  return false
end

---A client's query for that URL: without its secrets when the client has a base
---of another origin, and does not say that they may go there.
---@param o table checked: the client's options
---@param url string
function M.query_for(o, url)
  local open, hidden = {}, false
  if type(o.query) ~= "table" or not o.base or o.cross_origin then return o.query end
  for name, value in pairs(o.query) do
    if holds_secret(value) then hidden = true else open[name] = value end
  end
  return hidden and core.url(url) ~= core.url(o.base) and open or o.query
end

local function rule_list(on)
  local list, functions = {}, {}
  for i, one in ipairs(on or {}) do
    list[i] = { key = one.key, action = one.action, ask = one.ask,
      attempts = one.attempts, timeout = one.timeout, backoff = one.backoff,
      pause = one.pause, unsafe = one.unsafe }
    functions[i] = one.fn or false
  end
  return list, functions
end

---The core's client for checked options, and the rules' functions by index.
---@param o table checked and merged
---@param base string? as its URLs begin
---@param cert_of_call boolean? its certificate is for where a call sends
---@return userdata client, function[] functions
function M.compile(o, base, cert_of_call)
  local list, functions = rule_list(o.on)
  local headers, secrets = M.pack_headers(joined_headers(
    { ["user-agent"] = "lull/" .. M.version }, o.headers or {}))
  local limit = o.limit or { rates = {} }
  local proxy = o.proxy
  if proxy == false then proxy = "" elseif proxy == true then proxy = nil end
  local ok, client = pcall(core.client, {
    attempts = o.attempts, timeout = o.timeout, stall = o.stall, deadline = o.deadline,
    max_hint = o.max_hint, unsafe = o.unsafe, backoff = o.backoff,
    rules = list, headers = headers, secrets = secrets, ca = o.ca,
    cert = o.cert, cert_key = o.cert_key, proxy = proxy,
    insecure = o.insecure, http = o.http, encoded = o.encoded,
    redirects = o.redirects, max_body = o.max_body,
    max_headers = o.max_headers, parallel = limit.parallel,
    learn = o.learn, slow_start = o.slow_start, rates = limit.rates, pace = o.pace,
    budget = o.budget, breaker = o.breaker or nil, hedge = o.hedge,
    shared = o.lanes and true, apart = o.lanes == false,
    base = base, cross_origin = o.cross_origin, cert_of_call = cert_of_call,
  })
  if not ok then
    local message = tostring(client):gsub("^.-:%d+: ", "")
    local wrong = message:match("^no outcome is called '(.*)'$")
    if wrong then
      local known = core.classes()
      for _, name in ipairs { "net", "net.timeout", "tls", "http", "limit", "local", "4xx", "5xx", "*" } do
        known[name] = ""
      end
      usage.unknown("outcome", wrong, known)
    end
    usage.fail(message)
  end
  return client, functions
end

return M
