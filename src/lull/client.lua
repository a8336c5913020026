-- client: the verbs, and one call from its start to its end, as its task sees it.
--
-- A call is started in the engine; its task sleeps until the engine is done
-- with it, or asks about an outcome for which the script has a function.
-- That function runs here, in the task, so it may itself send and sleep.

local attempt = require "lull.lazy" "lull.attempt"
local control = require "lull.control"
local core = require "lull.core"
local options = require "lull.options"
local outcome = require "lull.outcome"
local maker = require "lull.lazy" "lull.prepare"
local readable = require "lull.lazy" "lull.readable"
local request = require "lull.lazy" "lull.request"
local sched = require "lull.sched"
local secret = require "lull.secret"
local shared = require "lull.lazy" "lull.shared"
local text = require "lull.text"
local usage = require "lull.usage"
local weights = require "lull.lazy" "lull.weights"

local M = {}
usage.own()

---@type lull.client
local Client = {}
Client.__index = Client
Client.__tostring = function(client)
  local base = client.settings.base
  return "lull.client" .. (base and (" " .. secret.redact(base)) or "")
end

function M.file(path) return request.file(path) end

local observers = { made = {}, started = {} }
local forbidden -- what to do instead of starting a call
local watched = false -- somebody is told of each start, or forbids it

---Calls `fn(client)` for each client that is made, or `fn(id)` for each call.
function M.observe(what, fn)
  table.insert(observers[what], fn)
  watched = watched or what == "started"
end

local remember -- what sends a call, or tells what is remembered of it

---Lets `fn(spec, start)` give the result of each call, for which it may call
---`start(spec)`; and `key()` the keys of those that it remembers.
function M.remember_by(fn, key)
  remember, watched = fn, true
  request.keys(key)
end

---Calls `fn()` instead of starting a call.
function M.forbid(fn) forbidden, watched = fn, true end

local function tell_started(id)
  for _, fn in ipairs(observers.started) do fn(id) end
end

-- Clients whose calls say nothing but a method and a target -> the core's.
local plain = setmetatable({}, { __mode = "k" })

local function new_client(checked, cert_of_call)
  if checked.lanes then shared.use(checked.lanes) end
  local client = setmetatable({ settings = checked }, Client)
  client.base = checked.base and checked.base:gsub("/+$", "")
  client.core, client.functions = options.compile(checked, client.base, cert_of_call)
  client.rules = checked.on
  client.made = options.has_function(checked.headers) and maker.functions(checked.headers) or nil
  client.weighed = checked.limit and checked.limit.weighed
  if not (client.made or client.weighed or checked.auth or checked.key or checked.query or checked.lane
    or checked.unsafe) then
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

-- ---- one call, from start to end ------------------------------------------

-- What a verdict changes of the request: nil, or a table for the core.
local function changes(verdict, factory, may_retry)
  local again = verdict.action == "retry" or verdict.suggested == "retry"
  local anew = factory and again and (may_retry or verdict.free)
  if not (verdict.headers or verdict.url or anew) then return nil end
  local c = { url = verdict.url }
  c.headers, c.secrets = options.pack_headers(
    verdict.headers and options.static_headers(verdict.headers, "headers"), true)
  if anew then request.set_body(c, factory()) end
  return c
end

-- A 401 for a call with a token, which may have been renewed: the call goes
-- again then. Nil where it has its 401.
local function renewed(own, details)
  local ok, problem = own.renew(outcome.lazy(details, "n"))
  if ok == nil then
    own.problem = problem
    return { action = "stop", why = outcome.no_token(problem) }
  end
  return ok and { action = "retry", suggested = "retry", wait = 0, free = true } or nil
end

-- Asks the script. Runs in the call's own task.
local function consult(client, details, factory, own)
  local again = details.status == 401 and own and own.renew and renewed(own, details)
  if again then return again, changes(again, factory, true) end
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

-- The path, and the system's words for what is wrong with it.
local function why_unread(path) return readable.problem(path) or path .. ": not a regular file" end

local function refuse_start(method, url, spec, problem, detail)
  if problem == "invalid argument" then
    local wrong = core.url(url) and "no such method" or "the URL " .. text.url_problem(url)
    usage.fail(("'%s %s' cannot be sent: %s"):format(method, outcome.shown_url(url), wrong))
  end
  if detail then
    return nil, outcome.refuse(method, url, "rule", { class = "local.file", detail = detail })
  end
  if spec.file then
    return nil, outcome.refuse(method, url, "rule", { class = "local.file", detail = why_unread(spec.file) })
  end
  return nil, outcome.refuse(method, url, "rule", { text = problem })
end

-- The file that a body's function named for the next attempt is not there.
local function without_body(client, details, path)
  if details.status then
    details.last_status, details.last_body = details.status, details.body
  end
  details.class, details.detail, details.text = "local.file", why_unread(path), nil
  details.why, details.why_text = "rule", "not to be retried"
  return outcome.conclude(details, nil, client.rules)
end

-- Asks the script by `fn(...)`; what it sends for that is not remembered.
local function asked(fn, ...)
  local task = remember and sched.current()
  local before = task and rawget(task, "ruling")
  if task then task.ruling = true end
  local ok, one, two = control.traced(fn, ...)
  if task then task.ruling = before end
  return ok, one, two
end

-- Makes the headers of the request that is to leave, and gives the next event:
-- one that came meanwhile, as the call's time was over, say.
local function prepared(id, own, details)
  local engine, box = sched.engine(), sched.listen(id)
  local ok, headers, secrets = asked(own.make, details)
  local problem = headers
  if ok and not headers then -- there is no token
    own.problem, problem = secrets, nil
    engine:cancel(id)
  elseif ok then
    ok, problem = engine:prepare(id, headers, secrets)
    problem = problem and "the headers cannot be sent: " .. problem
  end
  if problem and not ok then
    engine:cancel(id)
    error(problem, 0)
  end
  return sched.wait_on(id, box)
end

-- What a call comes to; without a token the reason is that.
local function concluded(client, details, stop_reason, own)
  if not own then return outcome.conclude(details, stop_reason, client.rules) end
  local response, err = outcome.conclude(details, stop_reason, client.rules)
  if response and own.ended then own.ended(response.attempts) end
  if response then return response end
  if own.problem then outcome.without_token(err, own.problem) end
  return nil, err
end

-- Goes with the call from event to event, until it is done.
local function follow(client, id, factory, own, kind, details)
  local engine = sched.engine()
  local stop_reason
  while kind == "headers" do kind, details = prepared(id, own, details) end
  while kind ~= "done" do
    details.weighing = client.weighed and weights.corrector(client.weighed, id)
    local ok, verdict, changed = asked(consult, client, details, factory, own)
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
    while kind == "headers" do kind, details = prepared(id, own, details) end
  end
  return concluded(client, details, stop_reason, own)
end

-- Its error is that of a call whose key is not made again.
local function minted(response, err)
  outcome.mint(err)
  return response, err
end

-- Its id; or nil, and what a call gives that cannot be begun.
local function start(client, spec)
  if spec.too_heavy then
    return nil, nil, outcome.refuse(spec.method, spec.url, "rule", { text = spec.too_heavy })
  end
  if spec.output and sched.keeps then
    local kept = sched.keeps(spec.output)
    if kept then return nil, refuse_start(spec.method, spec.url, spec, kept, kept) end
  end
  local id, problem, detail = sched.engine():start(client.core, spec)
  if not id then return nil, refuse_start(spec.method, spec.url, spec, problem, detail) end
  tell_started(id)
  return id
end

local function send(client, spec, factory)
  local id, response, err = start(client, spec)
  if not id then return response, err end
  if spec.minted then return minted(follow(client, id, factory, spec.prepare, sched.wait(id))) end
  return follow(client, id, factory, spec.prepare, sched.wait(id))
end

local function run(client, spec, factory)
  if forbidden then forbidden() end
  if not remember then return send(client, spec, factory) end
  return remember(spec, function(told) return send(client, told, factory) end)
end

-- Options that need a policy of their own make a client of their own.
local function split(client, given)
  local checked, own = {}, nil
  for name in pairs(given) do
    if not options.CALL_NAMES[name] then usage.unknown("option", name, options.CALL_NAMES) end
  end
  for name, value in pairs(given) do
    local check = options.CHEAP[name]
    if check then
      checked[name] = check(value, name)
    else
      own = own or {}
      own[name] = value
    end
  end
  if own then client = new_client(options.layer(client.settings, own), own.cert ~= nil) end
  return client, checked
end

-- The client that serves a call, what it is to send, and the function that
-- makes its body anew.
local function prepare(client, method, target, given)
  given = given == nil and {} or usage.type(given, "a call's options", "table")
  local serving, checked = split(client, given)
  sched.check()
  return serving, request.of(serving, method, target, checked)
end

local function has_function(functions)
  for _, fn in pairs(functions) do
    if fn then return true end
  end
  return false
end

---Whether a call of the client's asks nothing of the script until its end, and may
---be begun by `begin`: no rule and no header of its is a function, and nothing
---remembers its calls.
function M.is_unattended(client)
  return not (has_function(client.functions) or client.made or client.settings.auth or remember or forbidden)
end

---Begins a call without a task that waits for it: its id; or nil, and what the call
---gives.
---@param client lull.client `is_unattended`
---@param given table? the call's options
function M.begin(client, method, target, given)
  local simply = given == nil and not watched and plain[client]
  if simply then
    sched.check()
    local id = sched.engine():begin(simply, method, target)
    if id then return id end -- else what is below says why not
  end
  local serving, spec = prepare(client, method, target, given)
  return start(serving, spec)
end

---What such a call gives, of its last event.
---@param client lull.client
---@param details table
---@param is_minted boolean its key was made here
function M.ended(client, details, is_minted)
  if is_minted then return minted(outcome.conclude(details, nil, client.rules)) end
  return outcome.conclude(details, nil, client.rules)
end

local function request_by(self, method, target, given)
  check_self(self, "get(url)")
  usage.type(target, "the URL", "string")
  local client, spec, factory = prepare(self, method, target, given)
  if sched.interrupted then
    return nil, outcome.refuse(method, spec.url, "cancelled", {})
  end
  return run(client, spec, factory)
end

function Client:request(method, target, given)
  check_self(self, "get(url)")
  usage.no_nul(usage.type(method, "the method", "string"), "the method")
  return request_by(self, method, target, given)
end

local fetch, reserve = core.fetch, sched.reserve

-- A call without options, which most are, is started without a table, and
-- waited for by the core, few calls deep: what a task has once needed of its
-- stack, it keeps while it waits.
for _, method in ipairs { "get", "head", "post", "put", "patch", "delete", "options" } do
  local upper = method:upper()
  Client[method] = function(self, target, given)
    local simply = given == nil and not watched and plain[self]
    if not simply then return request_by(self, upper, target, given) end
    local kind, details, id = fetch(simply, upper, target, reserve())
    if kind == "done" and details.accepted == true then return details end
    if kind == "done" then return outcome.conclude(details, nil, self.rules) end
    if kind then return follow(self, id, nil, nil, kind, details) end
    return request_by(self, upper, target) -- says why, also that the task is cancelled
  end
end

return M
