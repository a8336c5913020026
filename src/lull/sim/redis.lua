-- redis: what stands for a Redis in a simulated world: the commands that lull's own
-- scripts use, on tables, by the world's clock. No other script will do, and no
-- client talks to it.

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

-- ---- values ----------------------------------------------------------------

-- As Redis makes a text of a number.
local function text(value)
  if type(value) ~= "number" then return value end
  return ("%.17g"):format(value)
end

local function texts(...)
  local list = { ... }
  for i = 1, select("#", ...) do list[i] = text(list[i]) end
  return list
end

local function size(set)
  local n = 0
  for _ in pairs(set) do n = n + 1 end
  return n
end

-- In one order, whatever Lua's tables have: the same run is the same.
local function sorted(set, before)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names, before)
  return names
end

-- Of a sorted set: by score, then by name.
local function by_score(set)
  return sorted(set, function(a, b)
    if set[a] ~= set[b] then return set[a] < set[b] end
    return a < b
  end)
end

-- From one place to another, from 0, or below 0 from the end.
local function slice(list, from, to)
  from, to = tonumber(from), tonumber(to)
  if from < 0 then from = #list + from end
  if to < 0 then to = #list + to end
  local part = {}
  for i = from + 1, math.min(to + 1, #list) do part[#part + 1] = list[i] end
  return part
end

local function with_scores(set, names, wanted)
  if not wanted then return names end
  local list = {}
  for _, name in ipairs(names) do
    list[#list + 1] = name
    list[#list + 1] = text(set[name])
  end
  return list
end

-- ---- commands --------------------------------------------------------------

---@class lull.sim.server
local Server = {}
Server.__index = Server

local commands = {}

-- What is under a key, made when it is new; one that is empty goes.
local function at(server, key)
  local value = server.keys[key]
  if not value then
    value = {}
    server.keys[key] = value
  end
  return value
end

local function tidy(server, key)
  local value = server.keys[key]
  if value and next(value) == nil then server.keys[key] = nil end
end

function commands.TIME(server)
  return { ("%.0f"):format(math.floor(server.now / 1e6)), ("%.0f"):format(server.now % 1e6) }
end

function commands.EXISTS(server, key) return server.keys[key] and 1 or 0 end

function commands.DEL(server, key)
  local was = server.keys[key]
  server.keys[key] = nil
  return was and 1 or 0
end

-- What is over is taken away by the scripts themselves, before they look.
function commands.PEXPIRE(server, key) return server.keys[key] and 1 or 0 end

function commands.PUBLISH(server, channel, message)
  for _, hear in pairs(server.hears) do hear(server.now, channel, message) end
  return 0
end

function commands.HGET(server, key, field) return at(server, key)[field] or false end

function commands.HSET(server, key, ...)
  local hash, new = at(server, key), 0
  for i = 1, select("#", ...), 2 do
    local field, value = select(i, ...)
    if hash[field] == nil then new = new + 1 end
    hash[field] = value
  end
  return new
end

function commands.HSETNX(server, key, field, value)
  if at(server, key)[field] ~= nil then return 0 end
  server.keys[key][field] = value
  return 1
end

function commands.HMGET(server, key, ...)
  local list = { ... }
  for i, field in ipairs(list) do list[i] = at(server, key)[field] or false end
  return list
end

function commands.HGETALL(server, key)
  local list = {}
  for _, field in ipairs(sorted(at(server, key))) do
    list[#list + 1] = field
    list[#list + 1] = server.keys[key][field]
  end
  return list
end

function commands.HDEL(server, key, ...)
  local hash, gone = at(server, key), 0
  for i = 1, select("#", ...) do
    local field = select(i, ...)
    if hash[field] ~= nil then gone = gone + 1 end
    hash[field] = nil
  end
  return gone
end

function commands.HLEN(server, key) return size(at(server, key)) end

function commands.HINCRBY(server, key, field, by)
  local value = tonumber(at(server, key)[field] or 0) + tonumber(by)
  server.keys[key][field] = text(value)
  return value
end

function commands.SADD(server, key, ...)
  for _, name in ipairs { ... } do at(server, key)[name] = true end
end

function commands.SREM(server, key, name)
  local was = at(server, key)[name]
  server.keys[key][name] = nil
  return was and 1 or 0
end

function commands.SPOP(server, key, count)
  local names = slice(sorted(at(server, key)), 0, tonumber(count) - 1)
  for _, name in ipairs(names) do server.keys[key][name] = nil end
  return names
end

function commands.SUNIONSTORE(server, to, ...)
  local all = {}
  for _, key in ipairs { ... } do
    for name in pairs(at(server, key)) do all[name] = true end
    tidy(server, key)
  end
  server.keys[to] = all
end

function commands.RPUSH(server, key, value) table.insert(at(server, key), value) end

function commands.LRANGE(server, key, from, to) return slice(at(server, key), from, to) end

function commands.LTRIM(server, key, from, to) server.keys[key] = slice(at(server, key), from, to) end

function commands.ZADD(server, key, ...)
  for i = 1, select("#", ...), 2 do
    local score, name = select(i, ...)
    at(server, key)[name] = tonumber(score)
  end
end

function commands.ZREM(server, key, ...)
  for _, name in ipairs { ... } do at(server, key)[name] = nil end
end

function commands.ZCARD(server, key) return size(at(server, key)) end

function commands.ZSCORE(server, key, name) return text(at(server, key)[name]) or false end

function commands.ZUNIONSTORE(server, to, count, ...)
  local all = {}
  for i = 1, tonumber(count) do
    local key = select(i, ...)
    for name, score in pairs(at(server, key)) do all[name] = math.max(all[name] or score, score) end
    tidy(server, key)
  end
  server.keys[to] = all
end

local function bound(word) return word == "-inf" and -math.huge or tonumber(word) end

function commands.ZRANGEBYSCORE(server, key, low, high, _, from, count)
  local set, names = at(server, key), {}
  for _, name in ipairs(by_score(set)) do
    if set[name] >= bound(low) and set[name] <= bound(high) then names[#names + 1] = name end
  end
  return count and slice(names, from, from + count - 1) or names
end

function commands.ZREMRANGEBYSCORE(server, key, low, high)
  local set = at(server, key)
  for name, score in pairs(set) do
    if score >= bound(low) and score <= bound(high) then set[name] = nil end
  end
end

function commands.ZRANGE(server, key, from, to, scores)
  local set = at(server, key)
  return with_scores(set, slice(by_score(set), from, to), scores)
end

function commands.ZREVRANGE(server, key, from, to, scores)
  local set, names = at(server, key), {}
  for _, name in ipairs(by_score(set)) do table.insert(names, 1, name) end
  return with_scores(set, slice(names, from, to), scores)
end

-- ---- scripts ---------------------------------------------------------------

-- What the scripts find of Lua 5.1 in a Redis. What is packed is not looked into.
local function environment(server)
  local env = { KEYS = {}, ARGV = {}, redis = {}, unpack = unpack, cmsgpack = {}, bit = {}, math = math,
    string = string, table = table, ipairs = ipairs, pairs = pairs, select = select, type = type,
    tonumber = tonumber, pcall = pcall, error = error }
  function env.redis.call(name, key, ...)
    local answer = commands[name](server, key, unpack(texts(...), 1, select("#", ...)))
    if key then tidy(server, key) end
    return answer
  end
  function env.tostring(value) return type(value) == "number" and ("%.14g"):format(value) or tostring(value) end
  function env.cmsgpack.pack(value) return value end
  function env.cmsgpack.unpack(value) return value end
  function env.bit.lshift(value, by) return value * 2 ^ by end
  function env.bit.band(value, one) return math.floor(value / one) % 2 * one end -- of one bit
  return env
end

-- A script, whose environment is that table.
local function compile(source, env)
  if setfenv then return setfenv(assert(loadstring(source, "=script")), env) end -- luacheck: ignore
  return assert(load(source, "=script", "t", env))
end

---Runs a script by that clock (us) for a key and arguments; gives what it says.
---@param script string
---@param now number
---@param argv string[] the key first
function Server:evaluate(script, now, argv)
  local compiled = self.scripts[script]
  if not compiled then
    local env = environment(self)
    compiled = { env = env, fn = compile(script, env) }
    self.scripts[script] = compiled
  end
  self.now = now
  compiled.env.KEYS = { argv[1] }
  compiled.env.ARGV = { unpack(argv, 2, #argv) }
  return compiled.fn()
end

---The same, or nil and why the process has ended that asks for it.
function Server:run(script, now, argv)
  if self.ended then return nil, self.ended end
  self.taken = self.taken + 1
  local is_last = self.taken == self.crash_at
  if is_last then self.ended = ("the process ended here (script %d)"):format(self.taken) end
  if is_last and not self.keep then return nil, self.ended end
  local said = self:evaluate(script, now, argv)
  return not is_last and said or nil, self.ended
end

---Each script runs whole or not at all: the process that is at work ends before the
---nth from now on has run, or with `keep` when it has, and has heard nothing of it.
---@param nth integer 0: it does not end
---@param keep boolean?
function Server:crash(nth, keep)
  self.taken, self.crash_at, self.keep, self.ended = 0, nth, keep, nil
end

---An empty one. What it is asked takes so long.
---@param latency number? seconds; 1 ms
function M.new(latency)
  return setmetatable({ keys = {}, scripts = {}, hears = {}, latency = latency or 0.001, now = 0, taken = 0 }, Server)
end

return M
