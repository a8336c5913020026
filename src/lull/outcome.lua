-- outcome: what a call gives back: a response, or an error that explains
-- itself. What is costly to take apart (headers, history) is taken apart
-- when it is looked at.

local core = require "lull.core"
local json = require "lull.json"
local redact = require "lull.redact"
local secret = require "lull.secret"
local text = require "lull.text"
local usage = require "lull.usage"
local utf8 = require "lull.lazy" "lull.utf8"

local M = {}
usage.own()

---@type lull.headers
local headers_methods = {}

---Headers as the core gives them (name NUL value NUL ...) as a list of pairs.
---@param raw string
local function parse(raw)
  local list = {}
  for name, value in raw:gmatch("(%Z+)%z(%Z*)%z") do
    list[#list + 1] = { name, value }
  end
  return list
end

M.header_list = parse

local raws = setmetatable({}, { __mode = "k" })
local lists = setmetatable({}, { __mode = "k" })

local function list_of(headers)
  local list = lists[headers]
  if not list then
    list = parse(raws[headers] or "")
    lists[headers] = list
  end
  return list
end

function headers_methods:all(name)
  if type(name) ~= "string" then usage.fail("headers:all(name) takes a header's name") end
  local values = {}
  name = name:lower()
  for _, field in ipairs(list_of(self)) do
    if field[1]:lower() == name then values[#values + 1] = field[2] end
  end
  return values
end

function headers_methods:each()
  local list, i = list_of(self), 0
  return function()
    i = i + 1
    if list[i] then return list[i][1], list[i][2] end
  end
end

local Headers = {}
function Headers.__index(self, name)
  if headers_methods[name] then return headers_methods[name] end
  if type(name) ~= "string" then return nil end
  name = name:lower()
  for _, field in ipairs(list_of(self)) do
    if field[1]:lower() == name then return field[2] end
  end
end

---@param raw string name NUL value NUL ...
---@return lull.headers
function M.headers(raw)
  local headers = setmetatable({}, Headers)
  raws[headers] = raw
  return headers
end

-- ---- history -------------------------------------------------------------

-- One entry a request on the wire, with `outcome`, `verdict`, `wait`, `why`
-- and more; `rule` is the rule's key.
local function history(list, rules)
  for _, entry in ipairs(list) do
    entry.outcome = entry.status or entry.class or "cancelled"
    entry.rule = entry.rule and rules and rules[entry.rule].key
  end
  return list
end

-- What the core has packed for an error, with the URL as it was sent: not in
-- the object, so that printing its fields shows nothing.
local packs = setmetatable({}, { __mode = "k" })

-- Fields that are made when they are first asked for, from what the core has
-- packed.
local function lazy(object, name)
  local packed = rawget(object, "packed") or packs[object]
  local value = packed and core.unpack(packed, name)
  if name == "headers" then
    value = M.headers(value or "")
  elseif name == "history" then
    value = history(value or {}, rawget(object, "rules"))
  end
  if value ~= nil then rawset(object, name, value) end
  return value
end
M.lazy = lazy

---A URL as it may be shown.
---@param url string
---@return string
function M.shown_url(url)
  local shown = secret.redact(url)
  -- It is parsed, which takes long, where there may be a user in it.
  if shown:find("@", 1, true) then shown = secret.redact(core.redact(shown) or shown) end
  return redact.query(shown)
end

-- What is lull's own in an object.
local INTERNAL = { packed = true, rules = true, accepted = true }

-- Its fields as JSON is to show them.
local function fields(object)
  local out = {}
  for name, value in pairs(object) do
    if not INTERNAL[name] then out[name] = value end
  end
  return out
end

-- ---- response ------------------------------------------------------------

-- The core makes a response whole, if no rule of the script's was asked.
local Response = core.response()
---@type lull.response
local methods = {}
Response.__index = function(self, name) return methods[name] or lazy(self, name) end

function methods:json()
  if getmetatable(self) ~= Response then
    usage.fail("call a response's methods with a colon: response:json()")
  end
  return json.decode(self.body)
end

Response.__tostring = function(self)
  return ("%d %s"):format(self.status, core.status_text(self.status))
end

-- The body is the server's, and as it came.
Response.__json = function(self)
  local out = fields(self)
  out.url = M.shown_url(self.url)
  return out
end

---True for what a call gives when it is accepted.
function M.is_response(value) return getmetatable(value) == Response end

-- The event's table becomes the response: a call makes few tables.
local function response(details, rules)
  if details.accepted == "ruled" then details.rules = rules end
  return setmetatable(details, Response)
end

-- The last real answer of a call that failed after it.
local function last_response(details, rules)
  local last = setmetatable({ status = details.last_status, body = details.last_body, rules = rules }, Response)
  if details.status == details.last_status then last.body_error = details.body_error end
  packs[last] = details.packed
  return last
end

-- ---- error ---------------------------------------------------------------

---@type lull.error
local Error = {}
Error.__index = function(self, name)
  if name == "message" then return tostring(self) end
  return lazy(self, name)
end
M.Error = Error

Error.__json = function(self)
  local out = fields(self)
  out.message, out.response = self.message, self.response and fields(self.response)
  return redact.all(out)
end

-- "503 Service Unavailable", or "the connection was refused (net.refused:
-- words of the transport)".
local function outcome_text(details, attempts)
  if details.class then
    local words = details.detail and details.detail ~= ""
      and (": " .. details.detail) or ""
    return ("%s (%s%s)"):format(details.text or core.classes()[details.class],
      details.class, words)
  elseif details.status then
    return (("%d %s"):format(details.status, core.status_text(details.status))
      :gsub("%s+$", ""))
  end
  return details.text or (attempts == 0 and "nothing was sent" or "no whole answer came")
end

-- What the user can do about an end, where that is known.
local NEXT = {
  hint = "run it again after that, or raise max_hint",
  budget = "it fills with what is accepted; run it again later, or raise budget",
  breaker = "run it again after that",
  unsafe = "a key makes it safe: key = true, or --key",
}

-- What holds a lane.
local HELD = { pause = "a pause", pace = "the server's quota", rate = "the rate that was set for it",
  learned = "the rate that it has learned" }

local function ending(err)
  if err.stop_reason then return err.stop_reason end
  local words = err.why_text or err.why
  if err.held_by then
    words = ("%s would hold it in lane %s for longer than allowed"):format(HELD[err.held_by] or err.held_by,
      utf8.visible(err.lane))
  end
  if err.retry_after and (err.why == "attempts" or err.why == "budget") then
    words = ("%s, and the server asked for %s"):format(words, text.duration(err.retry_after))
  elseif err.retry_after then
    words = ("%s (%s)"):format(words, text.duration(err.retry_after))
  end
  if err.why == "budget" then
    words = ("%s (lane %s: %.4g of %.4g tokens)"):format(words, utf8.visible(err.lane),
      err.budget, err.budget_capacity)
  elseif err.why == "breaker" then
    words = ("%s (lane %s)"):format(words, utf8.visible(err.lane))
  end
  return NEXT[err.why] and ("%s; %s"):format(words, NEXT[err.why]) or words
end

Error.__tostring = function(self)
  local after = self.attempts == 0 and ""
    or (" after %s in %s"):format(text.count(self.attempts, "attempt"),
      text.duration(self.elapsed))
  return secret.redact(("%s %s: %s%s: %s"):format(self.method, self.url,
    self.outcome, after, ending(self)))
end

-- Errors of calls whose key was made for this run alone.
local minted = setmetatable({}, { __mode = "k" })

---True when another run could do again what was done: the call may have been
---applied, and its key is another one then.
function M.may_double(err)
  local last = minted[err] and err.history[#err.history]
  return last and last.maybe_applied or false
end

---The call's key was made for this run alone: what may have been applied is not
---for later, whatever limit ended it.
---@param err table?
function M.mint(err)
  if not err then return end
  minted[err] = true
  if err.later and M.may_double(err) then err.later = false end
end

-- What another run may change: each of them has stopped a retry that was due.
local LATER = { attempts = true, deadline = true, hint = true, budget = true, breaker = true }

---What a call's end means for the script: a response, or nil and an error.
---@param details table of the event "done"
---@param stop_reason string? what the script's rule said
---@param rules table[]? the client's
function M.conclude(details, stop_reason, rules)
  if details.accepted then return response(details, rules) end
  local packed = details.packed
  local attempts = core.unpack(packed, "attempts")
  local err = setmetatable({
    reason = details.class or details.status or details.why,
    why = details.why,
    why_text = details.why_text,
    stop_reason = stop_reason,
    later = LATER[details.why] or false,
    outcome = secret.redact(outcome_text(details, attempts)),
    attempts = attempts,
    elapsed = core.unpack(packed, "elapsed"),
    waited = core.unpack(packed, "waited"),
    retry_after = details.retry_after,
    proxy_status = details.proxy_status,
    lane = details.lane and secret.redact(details.lane),
    held_by = details.held_by,
    budget = details.budget,
    budget_capacity = details.budget_capacity,
    method = core.unpack(packed, "method"),
    url = M.shown_url(core.unpack(packed, "url")),
    rules = rules,
  }, Error)
  packs[err] = packed
  if details.last_status then err.response = last_response(details, rules) end
  return nil, err
end

---Why there was no token, in words.
---@param failure { problem: any }
function M.no_token(failure) return "no token: " .. secret.shown(failure.problem) end

---The call ended since there was no token for it.
---@param err lull.error
---@param failure { problem: any, later: boolean, retry_after: number? }
function M.without_token(err, failure)
  if err.reason ~= 401 then
    err.reason, err.outcome = "auth", M.no_token(failure)
    err.why_text = err.attempts == 0 and "nothing was sent" or "not tried again"
  end
  err.why, err.later, err.retry_after = "auth", failure.later, failure.retry_after
end

local function recall_response(told, prefix)
  local recalled = { status = tonumber(told[prefix .. "status"]), body = told[prefix .. "body"] or "",
    headers = M.headers(told[prefix .. "headers"] or ""), history = {}, attempts = told.attempts,
    elapsed = told.elapsed, waited = told.waited, url = told.url, method = told.method }
  return setmetatable(recalled, Response)
end

---What a call gave in a run before this one: its response, or nil and its error.
---@param told table what was kept of it
function M.recall(told)
  if told.status then return recall_response(told, "") end
  local err = { history = {}, later = told.later ~= nil }
  for name, value in pairs(told) do
    if not (name:find "^last_" or name == "later" or name == "maybe" or name == "status_reason") then
      err[name] = value
    end
  end
  if told.status_reason then err.reason = tonumber(told.reason) end
  if told.last_status then err.response = recall_response(told, "last_") end
  return nil, setmetatable(err, Error)
end

---An error for a call that never started.
---@param why string
---@param details { class: string?, detail: string?, text: string? } what was wrong
function M.refuse(method, url, why, details)
  return setmetatable({ reason = details.class or why, why = why,
    why_text = why == "rule" and "not to be retried" or why, later = false,
    outcome = secret.redact(outcome_text(details, 0)), attempts = 0, elapsed = 0, waited = 0,
    method = method, url = M.shown_url(url) }, Error)
end

return M
