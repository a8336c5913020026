-- lanescript: the two scripts that a Redis runs for lanes that several
-- processes share. They decide, by the server's clock; each runs whole or not
-- at all. What they do most they do with few calls: one reads what there is of
-- the process, one what there is of a lane, one writes it.
--
-- All keys begin with {lull:NAME}:lanes, so that they are on one node of a
-- cluster. Of all:
--
--   :meta     version, epoch, runs (processes so far), lanes (so far)
--   :workers  sorted: the number of a process -> until when its lease is (ms)
--   :names    name of a lane -> its number
--   :w:N      of the process N: who it is, when it came and was seen last (ms),
--             its last script, what that gave, and its lanes
--
-- Of the lane number L:
--
--   :L        pause (us), windows, the number of each; of the window W the places
--             that are taken and were not used yet: W:all, and W:N of a process;
--             W:turn: when the next of those that are spread is due;
--             open: until when its breaker is (us), trial: who tries it,
--             tally: what it goes by; budget: what is left of it; quota: what
--             was told of it last
--   :L:h      process -> how many slots it holds, and wants; when it came (ms)
--   :L:W      sorted: starts of the window's length -> when they were (us)
--
-- A place is given for a time from which it may be used, and fills the window
-- until it is told when it was used. So the windows are as exact as those in
-- one process, whoever sends. What a process has that is gone is taken to have
-- been used when that was found out.
--
-- What all are to hear at once is said on the channel {lull:NAME}:lanes: a word,
-- a value, and the lane's name.

local facts = require "lull.lanefacts"

local M = {}

local COMMON = [[
local P = KEYS[1] .. ':lanes'
local call = redis.call
local meta, workers = P .. ':meta', P .. ':workers'
local clock = call('TIME')
local us = clock[1] * 1000000 + clock[2]
local now = math.floor(us / 1000)
local function text(n) return string.format('%.0f', n) end
local function leave(w)
  local key = P .. ':w:' .. w
  local its = call('HGETALL', key)
  call('HDEL', key, 'epoch', 'step', 'out', 'seen')
  for i = 1, #its, 2 do
    local L = its[i]:find '^l%d' and its[i + 1]:match '^%d+'
    if L then
      local lane = P .. ':' .. L
      for W, length in its[i + 1]:gmatch '\n(%d+) %d+ (%d+)' do
        local taken = tonumber(call('HGET', lane, W .. ':' .. w) or 0)
        for n = 1, taken do call('ZADD', lane .. ':' .. W, text(us), w .. ':' .. n .. ':gone' .. text(us)) end
        if taken > 0 then
          call('PEXPIRE', lane .. ':' .. W, math.ceil(length / 1000) + 60000)
          call('HINCRBY', lane, W .. ':all', -taken)
        end
        call('HDEL', lane, W .. ':' .. w)
      end
      call('HDEL', lane .. ':h', w)
      if call('HGET', lane, 'trial') == w then call('HDEL', lane, 'trial') end
    end
  end
  call('ZREM', workers, w)
end
local function reap()
  for _, w in ipairs(call('ZRANGEBYSCORE', workers, '-inf', now)) do leave(w) end
end
]]

-- Who has a lane, and what each holds: lines of slots, places of its windows, since
-- when (ms, by the server's clock), and the machine and process.
M.MACHINES = [[
local function machines(lane)
  local lines, all = {}, redis.call('HGETALL', lane .. ':h')
  local windows = tonumber(redis.call('HGET', lane, 'windows') or 0)
  for i = 1, #all, 2 do
    local slots, _, since = all[i + 1]:match '^(%d+) (%d+) (%d+)'
    local places = 0
    for W = 1, windows do
      places = math.max(places, tonumber(redis.call('HGET', lane, W .. ':' .. all[i]) or 0))
    end
    local who = redis.call('HGET', lane:match '^(.*):%d+$' .. ':w:' .. all[i], 'who')
    lines[#lines + 1] = ('%d %d %.0f %s'):format(slots, places, since, who or '')
  end
  return lines
end
]]

M.JOIN = COMMON .. [[
local version = call('HGET', meta, 'version')
if version and version ~= '2' then return {'version'} end
if not version then call('HSET', meta, 'version', '2', 'epoch', ARGV[3]) end
reap()
local me = tostring(call('HINCRBY', meta, 'runs', 1))
local epoch = call('HGET', meta, 'epoch')
call('ZADD', workers, now + ARGV[1], me)
call('HSET', P .. ':w:' .. me, 'epoch', epoch, 'who', ARGV[4], 'since', now, 'seen', now)
return {'ok', me, epoch, ARGV[2], clock[1], clock[2]}
]]

-- ARGV: me, epoch, number of the script, lease; then for each write a head, an
-- id and bytes, as in a journal's. What is needed seldom is made when it is: functions
-- take a tenth of what the script takes.
M.STEP = COMMON .. [[
local AHEAD = 100000 -- us that a place is given before its time,
local ALONE = 2000000 -- and where nobody else could have it
local SEEN = math.min(1000, ARGV[4] / 3) -- ms that a lease need not be renewed
local DAY = 86400000
local me, out = ARGV[1], {{'now', clock[1], clock[2]}}
local mine = P .. ':w:' .. me
local had = call('HMGET', mine, 'epoch', 'step', 'seen')
local function say(...) out[#out + 1] = {...} end
local lost = {} -- number of a lane -> what it was, when the lease was over

-- What it was given has been given up: it asks for it anew.
local function begin_again()
  local its = call('HGETALL', mine)
  for i = 1, #its, 2 do
    local b = its[i]:match '^l(%d+)'
    if b then
      lost[b] = its[i + 1]
      call('HDEL', mine, its[i])
      say('again', b)
    end
  end
  call('HSET', mine, 'epoch', ARGV[2], 'since', now)
end

if not had[1] then
  local known = call('HMGET', meta, 'epoch', 'runs')
  if known[1] ~= ARGV[2] or tonumber(known[2]) < tonumber(me) then return {{'flushed'}} end
  begin_again()
elseif had[1] ~= ARGV[2] then
  return {{'flushed'}}
elseif had[2] == ARGV[3] then
  return cmsgpack.unpack(call('HGET', mine, 'out'))
elseif (had[2] or 0) + 1 ~= tonumber(ARGV[3]) then
  return {{'flushed'}} -- the last that it was told
end
local seen = now - (had[3] or 0) < SEEN
if not seen then
  call('ZADD', workers, now + ARGV[4], me) -- what nobody took is its own
  reap()
  call('HSET', mine, 'seen', now)
  call('PEXPIRE', mine, DAY)
end
local function shout(word, value, name) call('PUBLISH', P, word .. ' ' .. value .. ' ' .. name) end
local writes = {}

local more = {} -- letter -> what makes its function
local tell_machines

function more.O()
]] .. M.MACHINES .. [[
function tell_machines(b, L)
  local lines = machines(P .. ':' .. L)
  say('machines', b, tostring(#lines), table.concat(lines, '\n'))
end

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
  call('HSETNX', lane .. ':h', me, '0 0 ' .. now)
  tell_machines(b, number)
  local known = call('HMGET', lane, 'pause', 'open', 'budget', 'quota')
  if known[1] and tonumber(known[1]) > us then say('pause', b, known[1]) end
  if known[2] then say('open', b, known[2]) end
  if known[3] then say('budget', b, known[3]) end
  if known[4] then say('quota', b, known[4]) end
end
end

-- The lane's windows, and what is taken of them; its pause.
local function open_lane(list)
  local lane = { key = P .. ':' .. list:match '^%d+', windows = {} }
  local fields = {'pause'}
  for W, count, length, gap, room in list:gmatch '\n(%d+) (%d+) (%d+) ([%d.]+) ([%d.]+)' do
    lane.windows[#lane.windows + 1] = {W = W, key = lane.key .. ':' .. W, count = tonumber(count),
      length = tonumber(length), gap = tonumber(gap), room = tonumber(room), starts = {}, back = 0}
    fields[#fields + 1] = W .. ':all'
    fields[#fields + 1] = W .. ':' .. me
    fields[#fields + 1] = W .. ':turn'
  end
  local known = call('HMGET', lane.key, unpack(fields))
  lane.pause = tonumber(known[1] or 0)
  for i, w in ipairs(lane.windows) do
    w.all, w.mine = tonumber(known[3 * i - 1] or 0), tonumber(known[3 * i] or 0)
    w.was, w.turn = w.mine, tonumber(known[3 * i + 1] or 0)
  end
  return lane
end

-- What was started, and which places are free again.
local function settle(w)
  local back = math.min(w.back, w.mine)
  w.mine, w.all = w.mine - back, w.all - back
  for i = 1, #w.starts, 1000 do
    call('ZADD', w.key, unpack(w.starts, i, math.min(i + 999, #w.starts)))
  end
  if #w.starts > 0 then call('PEXPIRE', w.key, math.ceil(w.length / 1000) + 60000) end
  if w.unused and w.gap > 0 and w.all == 0 then -- nobody has a turn that is to come
    local last = call('ZREVRANGE', w.key, 0, 0, 'WITHSCORES')
    w.turn, w.turned = math.min(w.turn, (last[2] or 0) + w.gap), true
  end
end

local function close_lane(lane)
  local fields = {}
  for _, w in ipairs(lane.windows) do
    if w.mine ~= w.was then
      fields[#fields + 1] = w.W .. ':all'
      fields[#fields + 1] = w.all
      fields[#fields + 1] = w.W .. ':' .. me
      fields[#fields + 1] = w.mine
    end
    if w.turned then
      fields[#fields + 1] = w.W .. ':turn'
      fields[#fields + 1] = ('%.3f'):format(w.turn)
    end
  end
  if #fields > 0 then call('HSET', lane.key, unpack(fields)) end
end

-- From when the i-th place may be used of those that are free, not before `at`;
-- nil: nobody knows yet.
local function place(windows, i, at)
  for _, w in ipairs(windows) do
    local n = w.count - w.all - i + 1
    if n < 1 then return nil end
    if w.held >= n then at = math.max(at, w.scores[2 * (n - w.low)] + w.length) end
    at = math.max(at, math.ceil(w.turn - w.room))
  end
  return at
end

-- Spread as in one process: the next after that one.
local function turn(windows, at)
  for _, w in ipairs(windows) do
    if w.gap > 0 then w.turn, w.turned = math.max(w.turn, at) + w.gap, true end
  end
end

-- True when so many may go at once, and nothing is spread.
local function has_room(windows, wanted)
  local room = true
  for _, w in ipairs(windows) do
    call('ZREMRANGEBYSCORE', w.key, '-inf', text(us - w.length))
    w.held = call('ZCARD', w.key)
    room = room and w.gap == 0 and w.all + w.held + wanted <= w.count
  end
  return room
end

-- The places of the windows that are free, but for the last: from when.
local function list_places(windows, wanted, at, sharers)
  local ahead = sharers == 1 and ALONE or AHEAD
  local times, line = {}, 0 -- each may have one that is spread, whoever asks first
  for _, w in ipairs(windows) do
    local free = w.count - w.all
    w.low = math.max(0, free - wanted - 1)
    line = math.max(line, w.gap * sharers)
    w.scores = free > 0 and call('ZREVRANGE', w.key, w.low, free - 1, 'WITHSCORES') or {}
  end
  for i = 1, wanted do
    local from = place(windows, i, at)
    if not from or from > us + ahead + (i == 1 and line or 0) then return times, from and text(from) or '-1' end
    times[i] = from
    turn(windows, from)
  end
  return times, '0'
end

-- So many places, as far as there are any soon, and nobody takes all at once:
-- from when, and how many of those. When to ask again: a time, 0 for at any, or
-- -1 for soon.
local function give(b, set, wanted, lane, windows)
  local sharers, pause = call('HLEN', lane.key .. ':h'), lane.pause
  local entry = {'places', b, set, tostring(sharers), '0'}
  out[#out + 1] = entry
  if pause > us + AHEAD then
    entry[5] = text(pause)
    return
  end
  local most, at, given = wanted, math.max(us, pause), 0
  for _, w in ipairs(windows) do most = math.min(most, math.max(1, math.floor(w.count / math.max(1, sharers)))) end
  if has_room(windows, most) then
    entry[6], entry[7], given = text(at), tostring(most), most
  else
    local times, again = list_places(windows, most, at, sharers)
    for _, from in ipairs(times) do
      entry[#entry + 1] = text(from)
      entry[#entry + 1] = '1'
    end
    entry[5], given = again, #times
  end
  if given == most and most < wanted then entry[5] = '-1' end -- the others first
  for _, w in ipairs(windows) do w.mine, w.all = w.mine + given, w.all + given end
end

local function pause_all(lane, name, wish)
  if tonumber(wish) <= lane.pause then return end
  call('HSET', lane.key, 'pause', wish)
  shout('pause', wish, name)
  lane.pause = tonumber(wish)
end

-- What became of a lane's places, and how many more are wanted: lines of a
-- letter, a set of windows, and two numbers.
function writes.G(b, name, bytes)
  local list = lost[b] or call('HGET', mine, 'l' .. b)
  if not list then return say('again', b) end
  local lane, asks = open_lane(list), {}
  local windows, sets = lane.windows, {}
  local function among(set)
    if sets[set] then return sets[set] end
    local those = {}
    for i, w in ipairs(windows) do
      if bit.band(set, bit.lshift(1, i - 1)) ~= 0 then those[#those + 1] = w end
    end
    sets[set] = those
    return those
  end
  for letter, set, number, stamp in bytes:gmatch '(%a) (%d+) (%d+) (%d+)' do
    if letter == 'a' then
      asks[#asks + 1] = {set, tonumber(number)}
    elseif letter == 'p' then
      pause_all(lane, name, stamp)
    else
      for _, w in ipairs(among(set)) do
        if letter == 'r' then
          w.back, w.unused = w.back + number, true
        else
          w.starts[#w.starts + 1] = stamp
          w.starts[#w.starts + 1] = me .. ':' .. number
          w.back = w.back + (letter == 's' and 1 or 0)
        end
      end
    end
  end
  for _, w in ipairs(windows) do settle(w) end
  for _, ask in ipairs(lost[b] and {} or asks) do give(b, ask[1], ask[2], lane, among(ask[1])) end
  close_lane(lane)
  if not seen and not lost[b] then
    more.O()
    tell_machines(b, list:match '^%d+')
  end
end

function more.F()
]] .. facts .. [[
end

function more.X()
  function writes.X()
    leave(me)
    call('DEL', mine)
  end
end

local stays = true
for i = 5, #ARGV, 3 do
  local letter, b = ARGV[i]:match('^(%a) (%d+)')
  if not writes[letter] then more[letter]() end
  writes[letter](b, ARGV[i + 1], ARGV[i + 2])
  stays = letter ~= 'X'
end
-- What was given is given again, when the answer was lost on its way.
if stays then call('HSET', mine, 'step', ARGV[3], 'out', cmsgpack.pack(out)) end
return out
]]

return M
