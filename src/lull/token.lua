-- token: a credential that a function fetches: once for all who need it, anew
-- before it is no longer good, and once when a server refuses it.
--
-- The function runs in a task of its own, so that nobody's end is its end. A
-- failure is everybody's who waits, and is not repeated for a while.

local control = require "lull.control"
local ending = require "lull.ending"
local sched = require "lull.sched"
local secret = require "lull.secret"
local usage = require "lull.usage"

local M = {}
usage.own()

---@type lull.token
local Token = {}
Token.__index = Token
Token.__tostring = function() return "lull.token ***" end

-- What is kept of each, and not in the object: printing its fields shows nothing.
local states = setmetatable({}, { __mode = "k" })

local OPTIONS = { header = true, scheme = true }

-- A token is renewed when so much of its life is left, at most so many seconds.
local LAST, LAST_SECONDS = 0.1, 300
-- After a failure it is fetched again no sooner than this: where another try may
-- do, twice as late each time.
local SOON, LATE = 1, 60

function M.new(fn, given)
  usage.type(fn, "what fetches a token", "function")
  given = usage.type(given or {}, "a token's options", "table")
  for name in pairs(given) do
    if not OPTIONS[name] then usage.unknown("field of a token", name, OPTIONS) end
  end
  local header = usage.type(given.header or "authorization", "header", "string")
  local scheme = given.scheme
  if scheme == nil or scheme == true then scheme = header:lower() == "authorization" and "Bearer" end
  local token = setmetatable({}, Token)
  states[token] = { fn = fn, header = header, scheme = usage.type(scheme, "scheme", "string or boolean"),
    serial = 0, failures = 0, waiting = {} }
  return token
end

function M.is(value) return getmetatable(value) == Token end

---The header that it is sent in.
function M.header(token) return states[token].header end

-- "Bearer TEXT"; a text that has its scheme stays as it is. Plain texts are
-- joined: Lua before 5.4.5 may lose its stack in a concatenation of three that
-- calls a metamethod.
local function value_of(s, text)
  local plain = secret.plain(text)
  if s.scheme and not plain:find(" ", 1, true) then plain = s.scheme .. " " .. plain end
  return secret.new(plain)
end

local function check_text(text)
  if secret.is(text) then text = secret.plain(text) end
  usage.type(text, "a token", "string")
  if text == "" or text:find "[%c]" then usage.fail "a token holds a control byte, or nothing" end
  return text
end

-- What the function gives, checked: the text and its life, or nil and an error.
local function fetch(s)
  local text, life = s.fn()
  if text == nil then return nil, life == nil and "its function gave none" or life end
  secret.new((usage.at(s.fn, check_text, text)))
  if life ~= nil then life = usage.at(s.fn, usage.duration, life, "a token's lifetime") end
  return text, life
end

local function succeed(s, text, life, after_refusal)
  local now = sched.engine():now()
  life = life or math.huge
  s.value, s.serial = value_of(s, text), s.serial + 1
  s.good_until = now + life
  s.renew_at = s.good_until - (life < math.huge and math.min(LAST_SECONDS, life * LAST) or 0)
  s.failure, s.failures, s.accepted, s.after_refusal = nil, 0, false, after_refusal
end

local function fail(s, problem, raised)
  local err = type(problem) == "table" and problem or {}
  local wait = LATE
  s.failures = s.failures + 1
  if err.later then wait = err.retry_after or math.min(LATE, SOON * 2 ^ (s.failures - 1)) end
  s.failure = { problem = problem, raised = raised, later = err.later and true or false,
    until_when = sched.engine():now() + wait }
end

local function renew(s, after_refusal)
  s.fetching = sched.background(function()
    sched.current().fetches = s
    local ok, text, life = control.traced(fetch, s)
    s.fetching = nil
    if ok and text then
      succeed(s, text, life, after_refusal)
    elseif ok then
      fail(s, life)
    else
      fail(s, text, true)
    end
    local waiting = s.waiting
    s.waiting = {}
    for _, task in ipairs(waiting) do sched.wake(task) end
    if not ok and (ending.is_exit(text)) then error(text, 0) end
  end)
end

-- Whether the code that runs now is the function that fetches.
local function fetches(s)
  local task = sched.current()
  while task do
    if rawget(task, "fetches") == s then return true end
    task = task.parent
  end
  return false
end

-- Waits until the fetch that is under way has ended.
local function await(s)
  if fetches(s) then
    usage.fail("the function that fetches a token waits for that token itself: its calls need a client without it")
  end
  local fetching = s.fetching
  if sched.current() then table.insert(s.waiting, sched.current()) end
  sched.hold(function() return s.fetching ~= fetching end, "token")
end

-- nil and the failure; what was raised is raised by each who waited.
local function failed(s)
  local f = s.failure
  if f.raised then error(f.problem, 0) end
  return nil, { problem = f.problem, later = f.later,
    retry_after = f.later and math.max(0, f.until_when - sched.engine():now()) or nil }
end

-- What may be fetched now: not within a while after a failure.
local function may_fetch(s)
  return not s.failure or s.failure.raised or sched.engine():now() >= s.failure.until_when
end

---The number of the latest one.
function M.serial(token) return states[token].serial end

---The header's value and its number, waiting for it if need be; or nil and what
---is wrong: { problem, later, retry_after }.
function M.value(token)
  local s = states[token]
  local now = sched.engine():now()
  if s.value and now >= s.renew_at and not s.fetching and may_fetch(s) then renew(s) end
  if s.value and now < s.good_until then return s.value, s.serial end
  s.value = nil
  if not s.fetching then
    if not may_fetch(s) then return failed(s) end
    renew(s)
  end
  await(s)
  if s.value then return s.value, s.serial end
  return failed(s)
end

---A server refused the value of that number. True when there is another one;
---false when it was fetched for this very reason and never accepted, so that one
---more would do no good; or nil and what is wrong.
function M.refused(token, serial)
  local s = states[token]
  if s.serial ~= serial and s.value then return true end
  if s.value and s.after_refusal and not s.accepted then return false end
  s.value = nil
  if not s.fetching then renew(s, true) end
  await(s)
  if s.value then return true end
  return failed(s)
end

---A server took the value of that number.
function M.accepted(token, serial)
  local s = states[token]
  if s.serial == serial then s.accepted = true end
end

return M
