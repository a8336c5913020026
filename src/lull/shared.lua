-- shared: lanes that several processes have, by a Redis: one limit is one for
-- all of them, and a pause of one is a pause of all. The two scripts that the
-- server runs decide that, by its clock; each runs whole or not at all.
--
-- The keys begin with {lull:NAME}:lanes, so that all of them are on one node of
-- a cluster; and what all are to hear at once is said on a channel of that
-- name: "UNTIL LANE", a pause. Of all:
--
--   :meta     epoch, runs (processes so far), lanes (so far)
--   :workers  sorted: the number of a process -> until when its lease is (ms)
--   :names    name of a lane -> its number
--   :w:N      of the process N: its last script, what that gave, its lanes
--
-- Of the lane L, `:L` (pause, windows, and the number of each), and of its
-- window W
--
--   :L:W      sorted: starts, the latest COUNT of them -> when they were (us)
--   :L:W:p    places that are taken and were not used yet: all, and of each
--             process; and `turn`, when the next of those that are spread is due
--
-- A place is given for a time from which it may be used, and fills the window
-- until it is told when it was used. So the windows are as exact as those in
-- one process, whoever sends. Those of a process that is gone are taken to
-- have been used when that was found out.

local patience = require "lull.patience"
local redis = require "lull.redis"
local sched = require "lull.sched"
local usage = require "lull.usage"

local M = {}
usage.own()

local COMMON = [[
local P = KEYS[1] .. ':lanes'
local call = redis.call
local meta, workers = P .. ':meta', P .. ':workers'
local clock = call('TIME')
local us = clock[1] * 1000000 + clock[2]
local now = math.floor(us / 1000)
local function text(n) return string.format('%.0f', n) end
local function leave(w)
  for L = 1, tonumber(call('HGET', meta, 'lanes') or 0) do
    local lane = P .. ':' .. L
    for W = 1, tonumber(call('HGET', lane, 'windows') or 0) do
      local window = lane .. ':' .. W
      local places = window .. ':p'
      local taken = tonumber(call('HGET', places, w) or 0)
      for i = 1, taken do call('ZADD', window, text(us), w .. ':' .. i .. ':gone') end
      if taken > 0 then call('HINCRBY', places, 'all', -taken) end
      call('HDEL', places, w)
    end
  end
  call('ZREM', workers, w)
  call('DEL', P .. ':w:' .. w)
end
local function reap()
  for _, w in ipairs(call('ZRANGEBYSCORE', workers, '-inf', now)) do leave(w) end
end
]]

local JOIN = COMMON .. [[
local version = call('HGET', meta, 'version')
if version and version ~= '1' then return {'version'} end
if not version then call('HSET', meta, 'version', '1', 'epoch', ARGV[3]) end
reap()
local me = tostring(call('HINCRBY', meta, 'runs', 1))
call('ZADD', workers, now + ARGV[1], me)
return {'ok', me, call('HGET', meta, 'epoch'), ARGV[2], clock[1], clock[2]}
]]

-- ARGV: me, epoch, number of the script, lease; then for each write a head, an
-- id and bytes, as in a journal's.
local STEP = COMMON .. [[
local AHEAD = 100000 -- us that a place is given before its time
local me, out = ARGV[1], {{'now', clock[1], clock[2]}}
if call('HGET', meta, 'epoch') ~= ARGV[2] then return {{'flushed'}} end
local mine = P .. ':w:' .. me
local last = call('HMGET', mine, 'step', 'out')
if last[1] == ARGV[3] then return cmsgpack.unpack(last[2]) end
reap()
call('ZADD', workers, now + ARGV[4], me)
local function say(...) out[#out + 1] = {...} end
local writes = {}

-- This process has that lane, with these windows.
function writes.O(b, name, bytes)
  local number = call('HGET', P .. ':names', name)
  if not number then
    number = tostring(call('HINCRBY', meta, 'lanes', 1))
    call('HSET', P .. ':names', name, number)
  end
  local lane, list = P .. ':' .. number, {number}
  for rate in bytes:gmatch '[^\n]+' do
    local W = call('HGET', lane, '=' .. rate)
    if not W then
      W = tostring(call('HINCRBY', lane, 'windows', 1))
      call('HSET', lane, '=' .. rate, W)
    end
    list[#list + 1] = W .. ' ' .. rate:match '^%d+ %d+ [%d.]+ [%d.]+'
  end
  call('HSET', mine, 'l' .. b, table.concat(list, '\n'))
  say('known', b, tostring(call('ZCARD', workers)))
  local pause = call('HGET', lane, 'pause')
  if pause and tonumber(pause) > us then say('pause', b, pause) end
end

local function windows_of(lane, list)
  local windows = {}
  for W, count, length, gap, room in list:gmatch '\n(%d+) (%d+) (%d+) ([%d.]+) ([%d.]+)' do
    local key = lane .. ':' .. W
    windows[#windows + 1] = {key = key, places = key .. ':p', count = tonumber(count),
      length = tonumber(length), gap = tonumber(gap), room = tonumber(room), starts = {}, back = 0}
  end
  return windows
end

-- What was started, and which places are free again.
local function settle(w)
  if w.back > 0 then
    local back = math.min(w.back, tonumber(call('HGET', w.places, me) or 0))
    if back > 0 then
      call('HINCRBY', w.places, me, -back)
      call('HINCRBY', w.places, 'all', -back)
    end
  end
  for i = 1, #w.starts, 1000 do
    call('ZADD', w.key, unpack(w.starts, i, math.min(i + 999, #w.starts)))
  end
  if #w.starts > 0 then
    call('ZREMRANGEBYRANK', w.key, 0, -w.count - 1)
    call('PEXPIRE', w.key, math.ceil(w.length / 1000) + 60000)
  end
end

-- From when the i-th place may be used of those that are free, not before `at`;
-- nil: nobody knows yet.
local function place(windows, i, at)
  for _, w in ipairs(windows) do
    local n = w.free - i + 1
    if n < 1 then return nil end
    if w.held >= n then at = math.max(at, w.scores[2 * (n - w.low)] + w.length) end
    at = math.max(at, math.ceil(w.turn - w.room))
  end
  return at
end

-- Spread as in one process: the next after that one.
local function turn(windows, at)
  for _, w in ipairs(windows) do w.turn = math.max(w.turn, at) + w.gap end
end

local function look(w, wanted)
  w.held = call('ZCARD', w.key)
  w.free = w.count - tonumber(call('HGET', w.places, 'all') or 0)
  w.low = math.max(0, w.free - wanted - 1)
  w.turn = tonumber(w.gap > 0 and call('HGET', w.places, 'turn') or 0)
  w.scores = w.free > 0 and call('ZREVRANGE', w.key, w.low, w.free - 1, 'WITHSCORES') or {}
end

-- So many places, as far as there are any soon, and nobody takes all at once.
-- When to ask again: a time, 0 for at any, or -1 for soon.
local function give(b, set, wanted, windows, pause)
  local sharers = call('ZCARD', workers)
  local entry = {'places', b, tostring(set), tostring(sharers), '0'}
  out[#out + 1] = entry
  if pause > us + AHEAD then
    entry[5] = text(pause)
    return
  end
  local most = wanted
  for _, w in ipairs(windows) do most = math.min(most, math.max(1, math.floor(w.count / sharers))) end
  for _, w in ipairs(windows) do look(w, most) end
  local line = 0 -- each may have one that is spread, whoever asks first
  for _, w in ipairs(windows) do line = math.max(line, w.gap * sharers) end
  for i = 1, most do
    local at = place(windows, i, math.max(us, pause))
    if not at or at > us + AHEAD + (i == 1 and line or 0) then
      entry[5] = at and text(at) or '-1'
      break
    end
    entry[#entry + 1] = text(at)
    turn(windows, at)
  end
  local given = #entry - 5
  if given == most and most < wanted then entry[5] = '-1' end -- the others first
  if given == 0 then return end
  for _, w in ipairs(windows) do
    call('HINCRBY', w.places, me, given)
    call('HINCRBY', w.places, 'all', given)
    if w.gap > 0 then call('HSET', w.places, 'turn', string.format('%.3f', w.turn)) end
  end
end

local function pause_all(lane, name, pause, wish)
  if tonumber(wish) <= pause then return pause end
  call('HSET', lane, 'pause', wish)
  call('PUBLISH', P, wish .. ' ' .. name)
  return tonumber(wish)
end

-- What became of a lane's places, and how many more are wanted: lines of a
-- letter, a set of windows, and two numbers.
function writes.G(b, name, bytes)
  local list = call('HGET', mine, 'l' .. b)
  if not list then return say('again', b) end
  local lane = P .. ':' .. list:match '^%d+'
  local windows, asks = windows_of(lane, list), {}
  local pause = tonumber(call('HGET', lane, 'pause') or 0)
  local function among(set)
    local those = {}
    for i, w in ipairs(windows) do
      if bit.band(set, bit.lshift(1, i - 1)) ~= 0 then those[#those + 1] = w end
    end
    return those
  end
  for letter, set, number, stamp in bytes:gmatch '(%a) (%d+) (%d+) (%d+)' do
    if letter == 'a' then
      asks[#asks + 1] = {tonumber(set), tonumber(number)}
    elseif letter == 'p' then
      pause = pause_all(lane, name, pause, stamp)
    else
      for _, w in ipairs(among(tonumber(set))) do
        if letter == 'r' then
          w.back = w.back + number
        else
          w.starts[#w.starts + 1] = stamp
          w.starts[#w.starts + 1] = me .. ':' .. number
          w.back = w.back + (letter == 's' and 1 or 0)
        end
      end
    end
  end
  for _, w in ipairs(windows) do settle(w) end
  for _, ask in ipairs(asks) do give(b, ask[1], ask[2], among(ask[1]), pause) end
end

function writes.X() leave(me) end

for i = 5, #ARGV, 3 do
  local letter, b = ARGV[i]:match('^(%a) (%d+)')
  writes[letter](b, ARGV[i + 1], ARGV[i + 2])
end
-- What was given is given again, when the answer was lost on its way.
if call('ZSCORE', workers, me) then call('HSET', mine, 'step', ARGV[3], 'out', cmsgpack.pack(out)) end
return out
]]

local now -- the lanes that are shared: path, store, shown

-- What is wrong is a sentence, and no error of the script's.
local Problem = { __tostring = function(self) return self.message end }

local function problem_of(problem, passing)
  return setmetatable({ message = problem, why = "lanes", later = passing or nil }, Problem)
end

local function open(path)
  local options = redis.read(path, "lanes")
  options.join, options.step, options.assume_durable = JOIN, STEP, true
  options.channel = ("{lull:%s}:lanes"):format(options.name)
  local store, problem, passing = patience.open(options)
  if not store then error(problem_of(problem, passing), 0) end
  return { store = store, path = path, shown = options.shown }
end

-- What is not used goes back at once.
local function close()
  if not now or now.closed then return end
  sched.engine():share(nil)
  now.closed = true
  now.store:close()
end

---What is wrong with the store may pass: another run may do.
function M.passing() return now ~= nil and not now.closed and now.store:passing() end

---Whether the lanes of a client with these settings are.
---@param settings table
function M.has(settings)
  if not now or now.closed or settings.lanes == false then return false end
  return settings.lanes ~= nil or now.all
end

---Lanes are shared at that server from now on: those of clients that say so, or
---with `all` those of all that do not say otherwise.
---@param path string a URL
---@param all boolean?
function M.use(path, all)
  if sched.memory_store then return end -- a simulated world is one process
  if now and now.path ~= path then
    usage.fail(("lanes are shared at one server: '%s' is in use, and '%s' is another one"):format(now.shown,
      redis.shown(path)))
  end
  if now then return end
  now = open(path)
  now.all = all or false
  sched.engine():share(now.store, all or false)
  if not all then
    sched.on("store", function(_, problem) sched.abort(problem_of(problem, M.passing())) end)
  end
  sched.at_end = close
  patience.watch(now, function(why) sched.abort(problem_of(why, true)) end)
end

return M
