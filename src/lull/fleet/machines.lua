-- machines: a few machines, each with a lull of its own, against a server with one
-- limit: what they do when they share their lanes by a Redis, and when each has its own.
-- The scripts are those that a Redis runs, on what stands for one.

local trial = require "lull.fleet.experiment"
local usage = require "lull.usage"

local M = {}
usage.own()

local BASE, LANES = "http://api.test", "redis://redis.test/0/lanes"
local TICK = 0.1 -- s in which a burst is counted

---What may be said besides, of those options of `lull sim`.
M.TAKES = { machines = true, calls = true, fanout = true, think = true, spread = true, method = true, latency = true,
  limit = true, ["retry-after"] = true, timeout = true, attempts = true, seed = true, json = true }

-- ---- the server ------------------------------------------------------------

-- By the generator of the machine whose turn it is.
local function drawn(draw)
  if not draw then return 0 end
  if draw.kind == "uniform" then return draw.a + (draw.b - draw.a) * math.random() end
  local u, angle = 1 - math.random(), 2 * math.pi * math.random()
  return math.max(0, draw.a + draw.b * math.sqrt(-2 * math.log(u)) * math.cos(angle))
end

-- The sliding window of a limit, which what is refused does not fill: how long there is
-- no room in it, 0: one more has passed.
local function window(limit)
  local first, last, times = 1, 0, {}
  return function(now)
    while first <= last and times[first] <= now - limit.window do
      times[first], first = nil, first + 1
    end
    if last - first + 1 >= limit.count then return times[first] + limit.window - now end
    last = last + 1
    times[last] = now
    return 0
  end
end

local function server(o, seen)
  local full = o.limit and window(o.limit) or function() return 0 end
  return function(request)
    local left = full(request.time)
    local answer = { status = left > 0 and 429 or 200, delay = 2 * drawn(o.latency), headers = {} }
    seen.refused = seen.refused + (left > 0 and 1 or 0)
    local told = o["retry-after"]
    if left > 0 and told then answer.headers["retry-after"] = tostring(math.ceil(told == "auto" and left or told)) end
    return answer
  end
end

-- ---- the machines ----------------------------------------------------------

-- What each of them runs.
local function script(policy, o, seen)
  return function()
    local lull = require "lull"
    local api, list = lull.client(policy), {}
    for i = 1, o.calls or 1 do list[i] = i end
    if o.spread then lull.sleep(o.spread * math.random()) end
    lull.each(list, { parallel = o.fanout or 1 }, function()
      local began = lull.now()
      local response = api:request(o.method or "GET", "/")
      if response then seen.took[#seen.took + 1] = lull.now() - began end
      seen.done = math.max(seen.done, lull.now())
      if o.think then lull.sleep(o.think) end
      return true
    end)
  end
end

local function percentile(sorted, share) return sorted[math.max(1, math.ceil(share * #sorted))] end

-- The most requests in any tick.
local function burst_of(requests)
  local times, first, most = {}, 1, 0
  for i, request in ipairs(requests) do times[i] = request.time end
  table.sort(times)
  for i, time in ipairs(times) do
    while time - times[first] >= TICK do first = first + 1 end
    most = math.max(most, i - first + 1)
  end
  return most
end

local function run(name, o, shared)
  local sim = require "lull.sim"
  local policy, seen = { base = BASE, timeout = o.timeout, attempts = o.attempts }, { took = {}, refused = 0, done = 0 }
  for key, value in pairs(trial.options(name)) do
    if policy[key] == nil then policy[key] = value end
  end
  policy.lanes = shared and LANES or nil
  local redis = sim.redis()
  local t = sim.run { machines = o.machines, seed = o.seed or 1, redis = redis, world = server(o, seen),
    script = script(policy, o, seen) }
  if t.err then trial.fail(trial.FAILED, tostring(t.err)) end
  table.sort(seen.took)
  local calls = o.machines * (o.calls or 1)
  return { policy = name .. (shared and "" or ", apart"), calls = calls, completed = #seen.took,
    given_up = calls - #seen.took, requests = #t.requests, amplification = #t.requests / calls, refused = seen.refused,
    done = seen.done, p50 = percentile(seen.took, 0.5), p95 = percentile(seen.took, 0.95),
    p99 = percentile(seen.took, 0.99), burst = burst_of(t.requests), scripts = redis.taken }
end

---Runs them twice: with lanes that are shared, and each with its own.
---@param name string a preset, or a file that returns client options
---@param o table options of `lull sim`, checked
---@return table[] figures
function M.figures(name, o)
  if trial.YARDSTICKS[name] then usage.fail(("policy '%s' is a yardstick, which has no lane to share"):format(name)) end
  return { run(name, o, true), run(name, o, false) }
end

return M
