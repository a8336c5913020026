-- client: the verbs, and the course of one call as its task sees it.
--
-- A call is started in the engine; its task sleeps until the engine is done
-- with it, or asks about an outcome for which the script has a function.
-- That function runs here, in the task, so it may itself send and sleep.

local attempt = require "lull.later" "lull.attempt"
local core = require "lull.core"
local json = require "lull.json"
local options = require "lull.options"
local outcome = require "lull.outcome"
local sched = require "lull.sched"
local secret = require "lull.secret"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

---@type lull.client
local Client = {}
Client.__index = Client
Client.__tostring = function(client)
  local base = client.settings.base
  return "lull.client" .. (base and (" " .. secret.redact(base)) or "")
end

---@type lull.file
local File = {}
File.__index = File

function M.file(path)
  return setmetatable({ path = usage.type(path, "a file's path", "string") }, File)
end

local observers = { made = {}, started = {} }
local forbidden -- what to do instead of starting a call
local watched = false -- somebody is told of each start, or forbids it

---Calls `fn(client)` for each client that is made, or `fn(id)` for each call.
function M.observe(what, fn)
  table.insert(observers[what], fn)
  watched = watched or what == "started"
end

---Calls `fn()` instead of starting a call.
function M.forbid(fn) forbidden, watched = fn, true end

local function tell_started(id)
  for _, fn in ipairs(observers.started) do fn(id) end
end

-- Clients whose calls say nothing but a method and a target -> the core's.
local plain = setmetatable({}, { __mode = "k" })

local function new_client(checked)
  local client = setmetatable({ settings = checked }, Client)
  client.base = checked.base and checked.base:gsub("/+$", "")
  client.core, client.functions = options.compile(checked, client.base)
  client.rules = checked.on
  if not (checked.key or checked.query or checked.lane or checked.unsafe) then
    plain[client] = client.core
  end
  for _, fn in ipairs(observers.made) do fn(client) end
  return client
end

function M.new(given)
  return new_client(options.layer({}, usage.type(given or {}, "a client's options", "table")))
end

local function check_self(self, example)
  if getmetatable(self) ~= Client then
    usage.fail("call a client's methods with a colon: client:" .. example)
  end
end

function Client:with(given)
  check_self(self, "with(options)")
  return new_client(options.layer(self.settings, usage.type(given, "with's options", "table")))
end

-- ---- the request ---------------------------------------------------------

local function target_url(client, target)
  if target:find("%z") then usage.fail "a URL holds no NUL" end
  if client.base and target:find("^/[^/]") then return client.base .. target end
  if target:match("^%a[%w+.-]*://") then return target end
  if not client.base then
    usage.fail(("'%s' is no URL: it has no scheme, and the client has no base")
      :format((secret.redact(target):gsub("^[^/?#]*@", ""))))
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

local BODIES = { "body", "json", "form", "file" }
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
      if field:lower() == name then return true end
    end
  end
  return false
end

-- Puts a string or a lull.file where the core looks for it.
local function set_body(spec, value)
  if type(value) == "table" and getmetatable(value) == File then
    spec.file = value.path
  elseif type(value) == "string" then
    spec.body = value
  else
    usage.fail(("a body is a string, lull.file(path) or a function that returns "
      .. "one of them, not a %s"):format(type(value)))
  end
end

-- The body, and the function that makes it anew, if it is one.
local function fill_body(spec, o)
  local name = chosen_body(o)
  local value = o[name]
  if name == "json" then value = json.encode(value) end
  if name == "form" then value = text.form(value) end
  if name == "file" then value = M.file(value) end
  local factory = type(value) == "function" and value or nil
  if factory then value = factory() end
  if name then set_body(spec, value) end
  return name, factory
end

local function uuid()
  local engine = sched.engine()
  local digits = {}
  for i = 1, 32 do digits[i] = ("%x"):format(engine:random(0, 15)) end
  digits[13] = "4"
  digits[17] = ("%x"):format(8 + engine:random(0, 3))
  return (table.concat(digits):gsub("^(%x%x%x%x%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)", "%1-%2-%3-%4-"))
end
M.uuid = uuid

-- The idempotency key: one for the call, the same over all its attempts.
local function key_header(o, headers)
  if not o.key then return headers end
  local value = o.key == true and uuid() or o.key
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
  end
  return lane
end

local function option(client, given, name)
  if given[name] ~= nil then return given[name] end
  return client.settings[name]
end

local function spec_of(client, method, target, given)
  local base = client.settings
  local spec = { method = method }
  spec.url = with_query(target_url(client, target), given.query == nil and base.query
    or options.joined_query(base.query, given.query))
  local keyed = { key = option(client, given, "key"),
    key_header = option(client, given, "key_header"),
    key_quoted = option(client, given, "key_quoted") }
  local headers = key_header(keyed, given.headers)
  local body, factory = fill_body(spec, given)
  spec.headers, spec.secrets = options.pack_headers(headers)
  if body and not has_header("content-type", headers, base.headers) then
    spec.headers = (spec.headers or "") .. "content-type\0" .. TYPES[body] .. "\0"
  end
  spec.keyed = keyed.key and true or false
  spec.unsafe = option(client, given, "unsafe")
  spec.lane = lane_of({ lane = option(client, given, "lane") }, spec)
  spec.output = given.output
  spec.ask_always = factory ~= nil
  for name in pairs(options.LIMITS) do
    if given[name] ~= nil then
      spec[name], spec.limits = given[name], true
    end
  end
  return spec, factory
end

-- ---- the course of a call ------------------------------------------------

-- What a verdict changes of the request: nil, or a table for the core.
local function changes(verdict, factory, may_retry)
  local again = verdict.action == "retry" or verdict.suggested == "retry"
  local anew = factory and again and (may_retry or verdict.free)
  if not (verdict.headers or verdict.url or anew) then return nil end
  local c = { url = verdict.url }
  c.headers, c.secrets = options.pack_headers(
    verdict.headers and options.CLIENT.headers(verdict.headers, "headers"), true)
  if anew then set_body(c, factory()) end
  return c
end

-- Asks the script. Runs in the call's own task.
local function consult(client, details, factory)
  local fn = client.functions[details.rule]
  local may_retry, suggested = details.may_retry, details.verdict
  local verdict
  if fn then
    local seen = attempt.new(details, client.rules)
    verdict = attempt.verdict_of(fn(seen), seen.reason)
  end
  verdict = verdict or { action = "default", suggested = suggested }
  return verdict, changes(verdict, factory, may_retry)
end

local function refuse_start(method, url, spec, problem)
  if problem == "invalid argument" then
    local wrong = core.url(url) and "no such method" or "the URL " .. text.url_problem(url)
    usage.fail(("'%s %s' cannot be sent: %s"):format(method, secret.redact(url), wrong))
  end
  if spec.file then
    return nil, outcome.refuse(method, url, "rule", { class = "local.file", detail = spec.file })
  end
  return nil, outcome.refuse(method, url, "rule", { text = problem })
end

-- The file that a body's function named for the next attempt is not there.
local function without_body(client, details, path)
  if details.status then
    details.last_status, details.last_body = details.status, details.body
  end
  details.class, details.detail, details.text = "local.file", path, nil
  details.why, details.why_text = "rule", "not to be retried"
  return outcome.conclude(details, nil, client.rules)
end

-- Goes with the call from event to event, until it is done.
local function follow(client, id, factory, kind, details)
  local engine = sched.engine()
  local stop_reason
  while kind ~= "done" do
    local ok, verdict, changed = sched.traced(consult, client, details, factory)
    local problem = verdict
    if ok then
      stop_reason = verdict.why
      ok, problem = engine:judge(id, verdict.action, verdict.wait, verdict.free, changed)
      problem = problem and "the rule's verdict cannot be carried out: " .. problem
    end
    if not ok then
      engine:cancel(id)
      if changed and changed.file then return without_body(client, details, changed.file) end
      error(problem, 0)
    end
    kind, details = sched.wait(id)
  end
  return outcome.conclude(details, stop_reason, client.rules)
end

local function run(client, spec, factory)
  if forbidden then forbidden() end
  local id, problem = sched.engine():start(client.core, spec)
  if not id then return refuse_start(spec.method, spec.url, spec, problem) end
  tell_started(id)
  return follow(client, id, factory, sched.wait(id))
end

-- Options that need a policy of their own make a client of their own.
local function split(client, given)
  local cheap, own = {}, nil
  for name, value in pairs(given) do
    if not options.CALL_NAMES[name] then
      usage.unknown("option", name, options.CALL_NAMES)
    elseif options.CHEAP[name] then
      cheap[name] = value
    else
      own = own or {}
      own[name] = value
    end
  end
  return own and client:with(own) or client, options.check(cheap, true)
end

-- The client that serves a call, what it is to send, and the function that
-- makes its body anew.
local function prepare(client, method, target, given)
  given = given == nil and {} or usage.type(given, "a call's options", "table")
  local serving, checked = split(client, given)
  sched.check()
  return serving, spec_of(serving, method, target, checked)
end

function Client:request(method, target, given)
  check_self(self, "get(url)")
  usage.type(method, "the method", "string")
  usage.type(target, "the URL", "string")
  local client, spec, factory = prepare(self, method, target, given)
  if sched.interrupted then
    return nil, outcome.refuse(method, spec.url, "cancelled", {})
  end
  return run(client, spec, factory)
end

local fetch, berth = core.fetch, sched.berth

-- A call without options, which most are, is started without a table, and
-- waited for by the core, few calls deep: what a task has once needed of its
-- stack, it keeps while it waits.
for _, method in ipairs { "get", "head", "post", "put", "patch", "delete", "options" } do
  local upper = method:upper()
  Client[method] = function(self, target, given)
    local simply = given == nil and not watched and plain[self]
    if not simply then return Client.request(self, upper, target, given) end
    local kind, details, id = fetch(simply, upper, target, berth())
    if kind == "done" and details.accepted == true then return details end
    if kind == "done" then return outcome.conclude(details, nil, self.rules) end
    if kind then return follow(self, id, nil, kind, details) end
    return Client.request(self, upper, target) -- says why, also that the task is cancelled
  end
end

return M
