-- windows: several processes that share lanes in a Redis, at a limit for long: the
-- most that one window held, by the server's log, and how much of the limit was used.
--
--   lua bench/windows.lua [PROCESSES [COUNT/SECONDS,... [LENGTH]]]
--
-- By default five, `50/s` and `500/1m` for ten minutes, all ten times as fast. It
-- needs a redis-server. The last window that fits decides what is to be had.

local wire = require "tests.wire"

local PROCESSES = tonumber(arg[1]) or 5
local LIMITS = arg[2] or "50/0.1,500/6"
local LENGTH = tonumber(arg[3]) or 60

local SCRIPT = [[
local lull = require "lull"
local limit = {}
for count, length in arg[3]:gmatch "(%d+)/([%d.]+)" do
  limit[#limit + 1] = ("%d/%dms"):format(count, length * 1000)
end
local api = lull.client { base = arg[1], lanes = arg[2], limit = limit, lane = "one" }
local ends = lull.now() + tonumber(arg[4])
local function path() return lull.now() < ends and "/" or nil end
lull.each(path, { parallel = 4 }, function(at) return api:get(at) end)
]]

local WORLD = 'return { ["http://127.0.0.1"] = function() return 200 end }\n'

local function times_of(server)
  local times = {}
  for _, request in ipairs(server:requests()) do times[#times + 1] = request.time end
  table.sort(times)
  return times
end

-- What the limits allow from the first request on, as far as any window decides.
local function allowed(limits)
  local least = math.huge
  for count, length in limits:gmatch "(%d+)/([%d.]+)" do
    least = math.min(least, count * math.ceil(LENGTH / length))
  end
  return least
end

local redis, server = wire.redis "--appendonly yes", wire.server(WORLD)
local script, children = wire.write(SCRIPT, ".lua"), {}
for i = 1, PROCESSES do
  children[i] = wire.start(("build/lull %s %s %swindows %s %g"):format(script, server.url, redis.url, LIMITS, LENGTH))
end
for i = 1, PROCESSES do children[i]:finish() end
local times, inside = times_of(server), 0
for _, time in ipairs(times) do
  if time - times[1] < LENGTH then inside = inside + 1 end
end
print(("%d processes, %s for %g s: %d requests, %.1f %% of what is allowed"):format(PROCESSES, LIMITS, LENGTH, inside,
  100 * inside / allowed(LIMITS)))
for count, length in LIMITS:gmatch "(%d+)/([%d.]+)" do
  print(("at most %d within %s s, of %s"):format(wire.most_within(times, tonumber(length)), length, count))
end
wire.clean()
