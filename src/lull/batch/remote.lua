-- remote: what stands in a journal in a Redis, for who looks at it, and what is to
-- be open again. It asks by two scripts of its own, and joins no batch: a replica
-- will do, but for `reopen`.

local lanes = require "lull.lanes"
local lanescript = require "lull.lanescript"
local patience = require "lull.patience"
local redis = require "lull.redis"
local scripts = require "lull.batch.redis"

local M = {}

local JOIN = [[
local meta = redis.call('HMGET', KEYS[1] .. ':meta', 'version', 'runs', 'epoch', 'secret')
local lanes = redis.call('EXISTS', KEYS[1] .. ':lanes:meta') == 1
if not meta[1] and not lanes then return {'none'} end
if meta[1] and meta[1] ~= ']] .. scripts.VERSION .. [[' then return {'version'} end
local clock = redis.call('TIME')
return {'ok', meta[2] or '0', meta[3] or '', meta[4] or ('0'):rep(16), clock[1], clock[2]}
]]

-- ARGV as that of the worker's script. A page is of the ids that a scan gives, from
-- a cursor "KEY NUMBER" on, where KEY is one of several that are gone through.
local STEP = lanescript.MACHINES .. [[
local P = KEYS[1]
local call = redis.call
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local out = {{'now', clock[1], clock[2]}}
if (call('HGET', P .. ':meta', 'epoch') or '') ~= ARGV[2] then return {{'epoch'}} end
local function say(...) out[#out + 1] = {...} end
local function key(b, name) return P .. ':' .. b .. name end
local function workers() return call('ZRANGE', P .. ':workers', 0, -1, 'WITHSCORES') end

-- The keys in which the ids of a state are, and by which command they are scanned.
local function held(b)
  local keys, list = {key(b, ':orphans')}, workers()
  for i = 1, #list, 2 do keys[#keys + 1] = key(b, ':held:' .. list[i]) end
  return keys, 'SSCAN', 1
end
local PLACES = {open = held}
function PLACES.done(b) return {key(b, ':end')}, 'HSCAN', 2 end
function PLACES.failed(b) return {key(b, ':failed')}, 'HSCAN', 2 end
function PLACES.later(b) return {key(b, ':deferred'), key(b, ':later')}, 'ZSCAN', 2 end

-- Calls fn(id, what stands beside it) for the page; gives the next cursor, or ''.
local function scan(b, state, cursor, fn)
  local keys, command, step = PLACES[state](b)
  local at, from = cursor:match('^(%d+) (%d+)$')
  at = tonumber(at or 1)
  local page = call(command, keys[at], from or '0', 'COUNT', 500)
  for i = 1, #page[2], step do fn(page[2][i], page[2][i + 1]) end
  if page[1] ~= '0' then return at .. ' ' .. page[1] end
  return at < #keys and (at + 1) .. ' 0' or ''
end

local asks = {}

function asks.N()
  local names = call('HGETALL', P .. ':names')
  for i = 1, #names, 2 do
    local b = names[i + 1]
    local of = call('HMGET', key(b, ''), 'kind', 'done', 'failed', 'total')
    local later = call('ZCARD', key(b, ':later')) + call('ZCARD', key(b, ':deferred'))
    local open = 0
    for _, set in ipairs((held(b))) do open = open + call('SCARD', set) end
    local due
    for _, set in ipairs({':later', ':deferred'}) do
      local first = tonumber(call('ZRANGE', key(b, set), 0, 0, 'WITHSCORES')[2])
      if first and (not due or first < due) then due = first end
    end
    say('batch', b, names[i], of[1] or '', of[2] or '0', of[3] or '0', tostring(later), tostring(open),
      tostring(call('LLEN', key(b, ':ready'))), due and string.format('%.0f', due) or '')
  end
end

function asks.W()
  local list = workers()
  for i = 1, #list, 2 do
    local n = 0
    for b = 1, tonumber(call('HGET', P .. ':meta', 'batches') or 0) do
      n = n + call('SCARD', key(b, ':held:' .. list[i]))
    end
    say('worker', list[i], call('HGET', P .. ':who', list[i]) or '', tostring(n),
      tonumber(list[i + 1]) > now and '1' or '')
  end
end

-- Lanes that are shared under that name: a time in us, or ''.
function asks.M()
  local names = call('HGETALL', P .. ':lanes:names')
  local us = clock[1] * 1000000 + clock[2]
  local function later(time) return time and tonumber(time) > us and time or '' end
  for i = 1, #names, 2 do
    local lane = P .. ':lanes:' .. names[i + 1]
    local of = call('HMGET', lane, 'pause', 'open', 'quota')
    say('lane', names[i], later(of[1]), of[2] or '', (of[3] or ''):match '^%d*', table.concat(machines(lane), '\n'))
  end
end

function asks.P(b, cursor, state)
  local wanted = state:sub(1, 1):upper()
  local rest = scan(b, state, cursor, function(id, beside)
    local bytes = state == 'done' and beside or state ~= 'open' and call('HGET', key(b, ':end'), id) or ''
    if state == 'open' then
      say('row', id, '', '', unpack(call('HGETALL', key(b, ':c:') .. id)))
    elseif bytes and bytes:sub(1, 1) == wanted then
      say('row', id, bytes, state == 'later' and string.format('%.0f', beside) or '')
    end
  end)
  say('next', rest)
end

-- How often which reason is there, of a page.
function asks.A(b, cursor, state)
  local counts = {}
  local rest = scan(b, state, cursor, function(id)
    local bytes = call('HGET', key(b, ':end'), id) or ''
    local ok, told = pcall(cjson.decode, bytes:match('^%a%d+:(.*)$') or '')
    if not ok or type(told) ~= 'table' then told = {} end
    local name = tostring(told.reason or '') .. '\n' .. tostring(told.why or '')
    counts[name] = (counts[name] or 0) + 1
  end)
  for name, count in pairs(counts) do say('reason', name, tostring(count)) end
  say('next', rest)
end

-- One that failed, or is for later, is open again, and has made no call.
function asks.R(b, id)
  local ended = call('HGET', key(b, ':end'), id)
  local letter = ended and ended:sub(1, 1)
  if letter == 'F' then
    local item = call('HGET', key(b, ':failed'), id) or '0:'
    call('HDEL', key(b, ':failed'), id)
    call('HSET', key(b, ':item'), id, '0:' .. item:match('^%d+:(.*)$'))
    call('HINCRBY', key(b, ''), 'failed', -1)
  elseif letter == 'L' then
    local removed = call('ZREM', key(b, ':later'), id) + call('ZREM', key(b, ':deferred'), id)
    if removed == 0 then return end -- somebody is at it
  else
    return
  end
  call('HDEL', key(b, ':end'), id)
  call('DEL', key(b, ':c:') .. id)
  call('RPUSH', key(b, ':ready'), id)
end

function asks.X() end

for i = 5, #ARGV, 3 do
  local letter, b = ARGV[i]:match('^(%a) (%d+)')
  asks[letter](b, ARGV[i + 1], ARGV[i + 2])
end
return out
]]

-- ---- asking ----------------------------------------------------------------

---@class lull.batch.remote
local Journal = {}
Journal.__index = Journal

-- What is wrong may be over in another run.
local Problem = { __tostring = function(self) return self.message end }

local function refuse(message, passing)
  error(setmetatable({ message = message, why = "journal", later = passing or nil }, Problem), 0)
end

-- Waits for all that was asked; calls told[word](...) for each answer.
local function listen(journal, told)
  local well, problem, passing = journal.store:settled(patience.seconds())
  if not well then refuse(problem, passing) end
  local function take(word, ...)
    if word and told[word] then told[word](...) end
    return word
  end
  while take(journal.store:news()) do end
end

local function ask(journal, letter, batch, id, bytes, told)
  journal.store:order(letter, batch, id, bytes)
  listen(journal, told)
end

---The journal, to be closed; or nil, a sentence, and whether it may pass.
---@param path string
function M.open(path)
  local options = redis.read(path, "journal")
  options.join, options.step, options.assume_durable = JOIN, STEP, true
  local store, problem, passing = patience.open(options)
  if not store then return nil, problem, passing end
  return setmetatable({ store = store }, Journal)
end

-- ---- as a journal in a file -------------------------------------------------

function Journal:close() self.store:close() end

function Journal:runs() return self.store:run() end

---{number, name, kind}..., and how each stands.
function Journal:batches()
  local list, told = {}, {}
  function told.batch(number, name, kind, done, failed, later, open, queued, due)
    list[#list + 1] = { number = tonumber(number), name = name, kind = kind, done = tonumber(done),
      failed = tonumber(failed), later = tonumber(later), open = tonumber(open), queued = tonumber(queued),
      due = tonumber(due) and tonumber(due) / 1e6 }
  end
  ask(self, "N", 0, "", "", told)
  table.sort(list, function(a, b) return a.number < b.number end)
  self.list = list
  return list
end

function Journal:counts(number)
  for _, batch in ipairs(self.list or self:batches()) do
    if batch.number == number then
      return { { state = 0, count = batch.open }, { state = 1, count = batch.done },
        { state = 2, count = batch.failed }, { state = 3, count = batch.later } }
    end
  end
  return {}
end

local function count_reasons(journal, number, state, list)
  local counts, cursor, told = {}, "", {}
  function told.reason(name, count) counts[name] = (counts[name] or 0) + tonumber(count) end
  function told.next(rest) cursor = rest end
  repeat ask(journal, "A", number, cursor, state == 2 and "failed" or "later", told) until cursor == ""
  for name, count in pairs(counts) do
    local reason, why = name:match "^(.*)\n(.*)$"
    list[#list + 1] = { state = state, count = count, reason = reason ~= "" and reason or nil,
      why = why ~= "" and why or nil }
  end
end

---{state, count, reason, why}..., the most frequent first.
function Journal:reasons(number)
  local list = {}
  for state = 2, 3 do count_reasons(self, number, state, list) end
  table.sort(list, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return (a.reason or "") .. (a.why or "") < (b.reason or "") .. (b.why or "")
  end)
  return list
end

local STATES = { [0] = "open", "done", "failed", "later" }

local function calls_of(...)
  local calls = {}
  for i = 1, select("#", ...), 2 do
    local nth, bytes = select(i, ...)
    calls[#calls + 1] = { nth = tonumber(nth), bytes = bytes }
  end
  table.sort(calls, function(a, b) return a.nth < b.nth end)
  return calls
end

---A page of items, in no order; its `next` is where the one behind it begins.
---@param state integer as the store has it
---@param after string
function Journal:items(number, state, after)
  local page, told = { next = "" }, {}
  function told.row(id, bytes, due, ...)
    page[#page + 1] = { id = id, due = (tonumber(due) or 0) / 1e6, bytes = bytes:match "^%a%d+:(.*)$" or "",
      calls_of = state == 0 and calls_of(...) or nil }
  end
  function told.next(rest) page.next = rest end
  ask(self, "P", number, after, STATES[state], told)
  return page
end

function Journal:open(number, after) return self:items(number, 0, after) end

---The processes that are at work on it.
---@return { machine: string, pid: integer?, since: number, held: integer, lost: boolean? }[]
function Journal:workers()
  local list, told = {}, {}
  function told.worker(_, who, held, alive)
    local since, machine, pid = who:match "^(%d+) (.-) ?(%d*)$"
    list[#list + 1] = { machine = machine, pid = tonumber(pid), since = (tonumber(since) or 0) / 1000,
      held = tonumber(held), lost = alive == "" or nil }
  end
  ask(self, "W", 0, "", "", told)
  return list
end

---The lanes that are shared under its name, those first that most have.
---@return { name: string, machines: lull.lane_machine[], paused_until: number?, breaker: string?, quota: number? }[]
function Journal:lanes()
  local list, told = {}, {}
  function told.lane(name, pause, open, quota, lines)
    list[#list + 1] = { name = name, machines = lanes.machines(lines), breaker = open ~= "" and "open" or nil,
      paused_until = tonumber(pause) and tonumber(pause) / 1e6, quota = tonumber(quota) }
  end
  ask(self, "M", 0, "", "", told)
  table.sort(list, function(a, b)
    if #a.machines ~= #b.machines then return #a.machines > #b.machines end
    return a.name < b.name
  end)
  return list
end

local LOT = 256 -- items that are asked for at once

---Those items are open again.
---@param list { batch: integer, id: string }[]
function Journal:reopen(list)
  for i, item in ipairs(list) do
    self.store:order("R", item.batch, item.id)
    if i % LOT == 0 or i == #list then listen(self, {}) end
  end
end

return M
