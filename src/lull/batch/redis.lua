-- redis: a journal in a Redis: the two scripts that the server runs. All that the
-- machines decide together is decided in these, by the server's clock; each runs
-- whole or not at all.
--
-- The keys of a journal begin with {lull:NAME}, so that all of them are on one
-- node of a cluster. Of the journal:
--
--   :meta     version, secret, epoch, runs (workers so far), round, batches
--   :workers  sorted: the number of a worker -> until when its lease is (ms)
--   :who      worker -> since when (ms), its machine and process
--   :w:N      of the worker N: its last script, what that gave, its batches
--   :names    name of a batch -> its number
--
-- Of the batch B, `:B` (round, kind, feeder, cursor, fed, whole, total, done,
-- failed, broken) and
--
--   :B:item      id -> the round that fed it, and the item; while it has no end
--   :B:end       id -> what became of it
--   :B:failed    id -> the item, of those that failed: they may be retried
--   :B:ready     list of ids that nobody has begun
--   :B:orphans   set of ids whose worker is gone, or gave them back
--   :B:later     sorted: ids deferred in a round before -> when due (us)
--   :B:deferred  sorted: ids deferred in this round
--   :B:held:N    set of ids that the worker N has
--   :B:c:ID      of an item that has no end: nth -> what is kept of its call
--
-- A round lasts from the first worker that joins to the last that leaves: what
-- is deferred in one is taken up in the next, as with a journal in a file.

local redis = require "lull.redis"

local M = {}

M.VERSION = "2"

local COMMON = [[
local P = KEYS[1]
local call = redis.call
local meta, workers = P .. ':meta', P .. ':workers'
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function leave(w)
  for b = 1, tonumber(call('HGET', meta, 'batches') or 0) do
    local held, orphans = P .. ':' .. b .. ':held:' .. w, P .. ':' .. b .. ':orphans'
    if call('EXISTS', held) == 1 then
      call('SUNIONSTORE', orphans, orphans, held)
      call('DEL', held)
    end
  end
  call('ZREM', workers, w)
  call('DEL', P .. ':w:' .. w)
  call('HDEL', P .. ':who', w)
end
local function reap()
  for _, w in ipairs(call('ZRANGEBYSCORE', workers, '-inf', now)) do leave(w) end
end
]]

M.JOIN = COMMON .. [[
local version = call('HGET', meta, 'version')
if version and version ~= ']] .. M.VERSION .. [[' then return {'version'} end
if not version then
  call('HSET', meta, 'version', ']] .. M.VERSION .. [[', 'secret', ARGV[2], 'epoch', ARGV[3])
end
reap()
if call('ZCARD', workers) == 0 then call('HINCRBY', meta, 'round', 1) end
local me = tostring(call('HINCRBY', meta, 'runs', 1))
call('ZADD', workers, now + ARGV[1], me)
call('HSET', P .. ':who', me, now .. ' ' .. ARGV[4])
return {'ok', me, call('HGET', meta, 'epoch'), call('HGET', meta, 'secret'), clock[1], clock[2]}
]]

-- ARGV: me, epoch, number of the script, lease; then for each write a head, an
-- id and bytes. A head is a letter, the worker's own number of a batch, and two
-- numbers more.
M.STEP = COMMON .. [[
local MOST = 1000000 -- bytes of items that are given at once
local me, out = ARGV[1], {{'now', clock[1], clock[2]}}
if call('HGET', meta, 'epoch') ~= ARGV[2] then return {{'epoch'}} end
if not call('ZSCORE', workers, me) then
  return {{tonumber(call('HGET', meta, 'runs')) < tonumber(me) and 'lost' or 'gone'}}
end
local mine = P .. ':w:' .. me
local last = call('HGET', mine, 'step') or 0
if last == ARGV[3] then return cmsgpack.unpack(call('HGET', mine, 'out')) end
if last + 1 ~= tonumber(ARGV[3]) then return {{'lost'}} end
call('ZADD', workers, now + ARGV[4], me)
local round = call('HGET', meta, 'round')
local numbers = {}
local function key(b, name)
  if not numbers[b] then numbers[b] = P .. ':' .. call('HGET', mine, 'b' .. b) end
  return name and numbers[b] .. name or numbers[b]
end
local function say(...) out[#out + 1] = {...} end
local writes = {}

-- The batch of that name: of a new round, it begins anew.
function writes.B(b, name)
  local number = call('HGET', P .. ':names', name)
  if not number then
    number = tostring(call('HINCRBY', meta, 'batches', 1))
    call('HSET', P .. ':names', name, number)
  end
  call('HSET', mine, 'b' .. b, number)
  local B = key(b)
  if call('HGET', B, 'round') ~= round then
    call('HSET', B, 'round', round, 'feeder', '', 'cursor', 0, 'fed', 0, 'broken', 0)
    call('ZUNIONSTORE', B .. ':later', 2, B .. ':later', B .. ':deferred', 'AGGREGATE', 'MAX')
    call('DEL', B .. ':deferred')
  end
end

-- The kind of its items.
function writes.K(b, _, kind)
  local before = call('HGET', key(b), 'kind')
  if not before then call('HSET', key(b), 'kind', kind) end
  if before and before ~= kind then say('kind', b, before) end
end

-- An item of its source. With `wanted` it is told what became of it before.
function writes.F(b, id, bytes, wanted)
  local B = key(b)
  call('HINCRBY', B, 'cursor', 1)
  local item, ended = call('HGET', B .. ':item', id), nil
  if not item then ended = call('HGET', B .. ':end', id) end
  if item and item:match('^%d+') == round or ended and ended:match('^%a(%d+)') == round then
    return say('twice', b, id)
  end
  if wanted == '1' and item and tonumber(call('ZSCORE', B .. ':later', id) or 0) > now * 1000 then
    ended, item = call('HGET', B .. ':end', id), 'L'
  end
  if wanted == '1' and ended then say('before', b, id, ended) end
  if ended and not item then return end
  call('HSET', B .. ':item', id, round .. ':' .. bytes)
  if item then return end
  call('RPUSH', B .. ':ready', id)
  call('HINCRBY', B, 'total', 1)
end

-- A row of its source that could not be read; the source's end.
function writes.R(b)
  call('HINCRBY', key(b), 'cursor', 1)
  call('HINCRBY', key(b), 'broken', 1)
end
function writes.E(b) call('HSET', key(b), 'fed', 1, 'whole', 1) end

function writes.c(b, id, bytes, nth) call('HSET', key(b, ':c:') .. id, nth, bytes) end

local function ended(b, id, state, bytes)
  local B = key(b)
  if call('SREM', B .. ':held:' .. me, id) == 0 then return nil end
  local item = call('HGET', B .. ':item', id) or '0:'
  call('HSET', B .. ':end', id, state .. item:match('^%d+') .. ':' .. bytes)
  if state == 'F' then call('HSET', B .. ':failed', id, item) end
  return B
end
function writes.S(b, id, bytes, state)
  local done = state == '1'
  local B = ended(b, id, done and 'D' or 'F', bytes)
  if not B then return end
  call('HDEL', B .. ':item', id)
  call('DEL', B .. ':c:' .. id)
  call('HINCRBY', B, done and 'done' or 'failed', 1)
end
function writes.L(b, id, bytes, _, wait)
  local B = ended(b, id, 'L', bytes)
  if B then call('ZADD', B .. ':deferred', now * 1000 + wait, id) end
end

-- What would make the answer too large goes back.
local function give(b, ids)
  local B, size, n = key(b), 0, 0
  while ids[n + 1] and size < MOST do
    n = n + 1
    local id = ids[n]
    local entry = {'item', b, id, call('HGET', B .. ':item', id), call('HGET', B .. ':end', id) and 'L' or ''}
    for _, part in ipairs(call('HGETALL', B .. ':c:' .. id)) do entry[#entry + 1] = part end
    out[#out + 1] = entry
    size = size + #entry[4]
  end
  if n > 0 then call('SADD', B .. ':held:' .. me, unpack(ids, 1, n)) end
  if n < #ids then call('SADD', B .. ':orphans', unpack(ids, n + 1)) end
end

-- In how many ms an item may be there: what is for later is due, or a lease is over.
local function next_due(B)
  local due
  local function at(ms)
    local left = math.max(0, math.ceil(ms - now) + 1)
    due = math.min(due or left, left)
  end
  local later = call('ZRANGE', B .. ':later', 0, 0, 'WITHSCORES')
  if later[2] then at(later[2] / 1000) end
  local leases = call('ZRANGE', workers, 0, 1, 'WITHSCORES')
  for i = 1, #leases, 2 do
    if leases[i] ~= me then at(leases[i + 1]) end
  end
  return due and tostring(due)
end

-- So many items more, and how the batch stands; who says that it may feeds,
-- when nobody does.
function writes.C(b, _, may_feed, wanted)
  reap()
  local B, n = key(b), tonumber(wanted)
  local ids = {}
  local function take(from)
    for _, id in ipairs(from) do ids[#ids + 1] = id end
  end
  if n > 0 then take(call('SPOP', B .. ':orphans', n)) end
  if #ids < n then
    local due = call('ZRANGEBYSCORE', B .. ':later', '-inf', now * 1000, 'LIMIT', 0, n - #ids)
    if #due > 0 then call('ZREM', B .. ':later', unpack(due)) end
    take(due)
  end
  if #ids < n then
    local count = n - #ids
    local ready = call('LRANGE', B .. ':ready', 0, count - 1)
    if #ready > 0 then call('LTRIM', B .. ':ready', #ready, -1) end
    take(ready)
  end
  give(b, ids)
  local of = call('HMGET', B, 'fed', 'feeder', 'cursor', 'total', 'done', 'failed', 'broken', 'whole')
  if of[2] ~= '' and not call('ZSCORE', workers, of[2]) then of[2] = '' end
  if may_feed ~= '' and of[1] ~= '1' and of[2] == '' then
    of[2] = me
    if of[3] == '0' then of[8] = '0' end
    call('HSET', B, 'feeder', me, 'whole', of[8] or '0')
  end
  local later = call('ZCARD', B .. ':later') + call('ZCARD', B .. ':deferred')
  say('batch', b, tostring(call('HLEN', B .. ':item') - later), tostring(later), of[1], of[2], of[3],
    of[4] or '0', of[5] or '0', of[6] or '0', of[7], of[8] or '0', n > 0 and #ids == 0 and next_due(B) or '')
end

-- What became of an item.
function writes.V(b, id) say('value', b, id, call('HGET', key(b, ':end'), id) or '') end

function writes.X() leave(me) end

for i = 5, #ARGV, 3 do
  local letter, b, first, second = ARGV[i]:match('^(%a) (%d+) (-?%d+) (-?%d+)$')
  writes[letter](b, ARGV[i + 1], ARGV[i + 2], first, second)
end
-- What was given is given again, when the answer was lost on its way.
if call('ZSCORE', workers, me) then call('HSET', mine, 'step', ARGV[3], 'out', cmsgpack.pack(out)) end
return out
]]

---What the journal's URL says, for the core.
---@param path string
---@return table
function M.read(path)
  local options = redis.read(path, "journal")
  options.join, options.step = M.JOIN, M.STEP
  return options
end

return M
