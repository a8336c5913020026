-- attempt: what a rule's function gets to see of an outcome, and the
-- verdicts that it may return.

local core = require "lull.core"
local json = require "lull.json"
local outcome = require "lull.outcome"
local redact = require "lull.redact"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

---@type lull.attempt
local Attempt = {}
Attempt.__index = function(self, name)
  local method = Attempt[name]
  if method then return method end
  if name == "request" then
    self.request = { method = outcome.lazy(self, "method"), url = outcome.lazy(self, "url") }
    return self.request
  elseif name == "headers" and not rawget(self, "status") then
    return outcome.headers "" -- those that are packed are of an answer before
  end
  return outcome.lazy(self, name)
end

local Verdict = {}

local function verdict(fields) return setmetatable(fields, Verdict) end

local PLAIN = { accept = verdict { action = "accept" }, retry = verdict { action = "retry" },
  stop = verdict { action = "stop" } }

local function check(self, method)
  if getmetatable(self) ~= Attempt then
    usage.fail(("call an attempt's methods with a colon: attempt:%s()"):format(method))
  end
end

function Attempt:accept()
  check(self, "accept")
  if not self.status then
    usage.fail(("a transport error (%s) cannot be accepted: there is no "
      .. "answer"):format(self.reason))
  end
  return PLAIN.accept
end

local RETRY = { wait = true, headers = true, url = true, free = true }
M.RETRY = RETRY

function Attempt:retry(options)
  check(self, "retry")
  if options == nil then return PLAIN.retry end
  if type(options) ~= "table" then options = { wait = options } end
  for name in pairs(options) do
    if not RETRY[name] then usage.unknown("field of retry", name, RETRY) end
  end
  local url = options.url and usage.type(options.url, "url", "string")
  if url then redact.url(usage.no_nul(url, "url")) end
  if url and not core.resolve(self.request.url, url) then
    usage.fail(("url: '%s' %s"):format(url, text.url_problem(url)))
  end
  return verdict { action = "retry", headers = options.headers, url = url,
    wait = options.wait and usage.duration(options.wait, "wait"),
    free = options.free and true or false }
end

function Attempt:stop(why)
  check(self, "stop")
  return verdict { action = "stop",
    why = why and usage.type(why, "why", "string") }
end

function Attempt:weigh(weight, name)
  check(self, "weigh")
  local correct = rawget(self, "weighing")
  if correct then correct(weight, name) end
end

function Attempt:json()
  check(self, "json")
  if not self.body then return nil, "there is no answer" end
  return json.decode(self.body)
end

Attempt.__tostring = function(self)
  return ("attempt %d: %s"):format(self.n, tostring(self.reason))
end

---@param details table of the event "ask"; it becomes the attempt
---@param rules table[]? the client's
---@return lull.attempt
function M.new(details, rules)
  details.reason = details.status or details.class
  details.rules = rules
  return setmetatable(details, Attempt)
end

---The verdict in what a rule's function returned; nil lets the default stand.
function M.verdict_of(value, where)
  if value == nil or getmetatable(value) == Verdict then return value end
  if type(value) == "string" and PLAIN[value] then return PLAIN[value] end
  error(("the rule for %s returned %s: it returns attempt:accept(), "
    .. "attempt:retry(), attempt:stop() or nothing"):format(
    text.number(where), type(value) == "string" and ("'%s'"):format(value)
      or "a " .. type(value)), 0)
end

return M
