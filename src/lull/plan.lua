-- plan: what each client of a script would do, told without sending a byte.

local client = require "lull.client"
local is_exit = require "lull.ending".is_exit
local sched = require "lull.sched"
local secret = require "lull.secret"
local text = require "lull.text"

local M = {}

local duration = text.duration

local function limit_of(seconds)
  return seconds == math.huge and "none" or duration(seconds)
end

local JITTER = {
  none = "no jitter",
  full = "full jitter: 0 to all of it",
  equal = "equal jitter: half to all of it",
  decorrelated = "decorrelated jitter: base to three times the last wait",
}

local function backoff_text(b)
  local steps = b.kind
  if b.kind == "exponential" then steps = ("%s, factor %g"):format(steps, b.factor) end
  local jitter = JITTER[b.jitter]
  if b.jitter == "added" then
    jitter = ("plus %s to %s at random"):format(duration(b.lo), duration(b.hi))
  elseif b.jitter == "factor" then
    jitter = ("times %g to %g at random"):format(b.lo, b.hi)
  end
  return ("%s from %s, at most %s; %s"):format(steps, duration(b.base), duration(b.cap), jitter)
end

-- How the waits end: by the number of attempts, or by the deadline first.
local function ending(attempts, deadline, sums)
  if deadline == math.huge then return ("attempts: %d"):format(attempts) end
  if sums.least >= deadline then return "deadline: " .. duration(deadline) .. ", always first" end
  if sums.most < deadline then return ("attempts: %d, before the deadline"):format(attempts) end
  return ("attempts: %d, or the deadline of %s"):format(attempts, duration(deadline))
end

local ROW = "    %-6s %8s %8s %8s   %s\n"

local function wait_table(out, core_client, rule, attempts, deadline)
  local sums = { least = 0, mean = 0, most = 0 }
  out(ROW:format("retry", "least", "mean", "most", "added up: least, mean, most"))
  local shown = math.min(attempts - 1, 12)
  for n = 1, attempts - 1 do
    local least, mean, most = core_client:wait(n, rule)
    sums.least, sums.mean, sums.most = sums.least + least, sums.mean + mean, sums.most + most
    if n <= shown or n == attempts - 1 then
      if n > shown + 1 then out("    ...\n") end
      out(ROW:format(n, duration(least), duration(mean), duration(most),
        ("%s, %s, %s"):format(duration(sums.least), duration(sums.mean), duration(sums.most))))
    end
  end
  out("    ended by " .. ending(attempts, deadline, sums) .. "\n")
end

local function rule_text(rule)
  local words = rule.fn and "function" or rule.action or "default"
  if rule.attempts then words = ("%s, at most %d of them"):format(words, rule.attempts) end
  if rule.timeout then words = words .. ", then timeout " .. duration(rule.timeout) end
  if rule.pause ~= nil then words = words .. (rule.pause and ", pauses the lane" or ", no pause") end
  if rule.unsafe then words = words .. ", unsafe methods too" end
  if rule.backoff then words = words .. ", own waits" end
  return words
end

local function burst_text(rate)
  if not rate.burst then return rate.count > 1 and ", spread" or "" end
  return rate.burst < rate.count and (", %d at once"):format(rate.burst) or ", all at once"
end

local function rate_of(rate)
  if rate.name then return (" of '%s', by weight"):format(rate.name) end
  if not rate.path then return burst_text(rate) end
  return burst_text(rate) .. " for " .. (rate.method ~= "" and rate.method .. " " or "") .. rate.path
end

local function rates_text(limit)
  local words = {}
  for _, rate in ipairs(limit and limit.rates or {}) do
    words[#words + 1] = ("%.0f in %s%s"):format(rate.count, duration(rate.window), rate_of(rate))
  end
  if limit and limit.parallel then words[#words + 1] = limit.parallel .. " at once" end
  words[#words + 1] = "what the server is found to bear"
  return table.concat(words, "; ")
end

-- What overrides what: later rules of the same key win, and stand alone.
local function effective(rules)
  local last, list = {}, {}
  for i, rule in ipairs(rules or {}) do last[rule.key] = i end
  for i, rule in ipairs(rules or {}) do
    if last[rule.key] == i then list[#list + 1] = { index = i, rule = rule } end
  end
  table.sort(list, function(a, b) return a.rule.key < b.rule.key end)
  return list
end

local function timeouts(list)
  local words = {}
  for i, seconds in ipairs(list) do words[i] = limit_of(seconds) end
  return #words > 0 and table.concat(words, ", ") or "none"
end

local function budget_text(limits)
  if not limits.budget then return "off" end
  return ("%g tokens, a retry costs %g, a success gives %g%s"):format(limits.budget_capacity, limits.budget_cost,
    limits.budget_refund, limits.payback and ", a retry that succeeds gives its cost back" or "")
end

local function breaker_text(b)
  return ("opens for %s when %g%% of at least %d outcomes in %s are failures"):format(duration(b.open),
    100 * b.failures, b.least, duration(b.window))
end

local function key_text(key)
  return key == true and "a new one for each call" or "the same for all calls"
end

local function extras(out, o, limits)
  out(("  breaker: %s\n"):format(limits.breaker and breaker_text(limits.breaker) or "off"))
  out(("  pace: %s\n"):format(limits.pace and "what is left of a quota is spread over its window when it gets short"
    or "off"))
  out(("  hedge: %s\n"):format(limits.hedge > 0 and ("a second request of a safe method when there is no answer "
    .. "after %s"):format(duration(limits.hedge)) or "off"))
  if o.key then out(("  key: %s\n"):format(key_text(o.key))) end
end

local function describe(out, number, made)
  local o, core_client = made.settings, made.core
  local limits = core_client:limits()
  out(("client %d: %s\n"):format(number, o.base and secret.redact(o.base) or "no base"))
  local stall = o.stall and (", stall %s"):format(limit_of(o.stall)) or ""
  out(("  attempts %d, timeout %s%s, deadline %s, longest hint obeyed %s\n"):format(limits.attempts,
    timeouts(limits.timeout), stall, limit_of(limits.deadline), limit_of(limits.max_hint)))
  out(("  limits of its lane: %s\n"):format(rates_text(o.limit)))
  out(("  its lane learns what the server bears, from what it grants and refuses%s\n"):format(
    o.slow_start == false and "" or "; it begins with 10 at once"))
  out(("  retry budget: %s\n"):format(budget_text(limits)))
  extras(out, o, limits)
  local rules = effective(o.on)
  if #rules > 0 then out("  rules, the most specific wins; the table of defaults for the rest:\n") end
  for _, one in ipairs(rules) do out(("    %-20s %s\n"):format(one.rule.key, rule_text(one.rule))) end
  out("  waits: " .. backoff_text(core_client:backoff()) .. "\n")
  wait_table(out, core_client, nil, limits.attempts, limits.deadline)
  for _, one in ipairs(rules) do
    if one.rule.backoff then
      out(("  waits after %s: %s\n"):format(one.rule.key, backoff_text(core_client:backoff(one.index))))
      wait_table(out, core_client, one.index, one.rule.attempts or limits.attempts, limits.deadline)
    end
  end
end

---Describes one client on standard output.
---@param made table what observers of "made" are told
function M.describe(made)
  describe(function(words) io.stdout:write(words) end, 1, made)
end

---Runs the script up to its first request and describes the clients that it
---has made by then. What the script itself prints is not shown.
---@param chunk function
---@param ... string the script's arguments
---@return boolean ok
---@return any err
function M.run(chunk, ...)
  local clients = {}
  client.observe("made", function(made) clients[#clients + 1] = made end)
  client.forbid(function() sched.exit(0) end)
  local stdout, write = io.stdout, io.write
  local function silent() end
  print, io.write = silent, function() return stdout end -- luacheck: ignore
  local ok, err = sched.main(chunk, ...)
  io.write = write -- luacheck: ignore
  if not ok and not is_exit(err) then return false, err end
  for number, made in ipairs(clients) do
    describe(function(words) stdout:write(words) end, number, made)
  end
  if #clients == 0 then stdout:write("the script makes no client before its first request\n") end
  return true
end

return M
