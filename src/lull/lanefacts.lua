-- lanefacts: of the scripts for lanes that several processes share (see
-- lanescript) the part that knows slots, the breaker, the retry budget and
-- quotas: what a lane has beside windows, told in lines of a letter and
-- numbers.

return [[
local facts = {}

-- The slots of so many that are due to each, who want so many: what one does not
-- want is for the others, and what does not divide goes round, a second each.
local function part_of(list, most, who)
  local rest, left, second = most, #list, math.floor(now / 1000)
  table.sort(list, function(a, b)
    if a.want ~= b.want then return a.want < b.want end
    return a.w < b.w
  end)
  for k, p in ipairs(list) do
    local part = math.floor(rest / left)
    if p.want > part and (k + second) % left < rest % left then part = part + 1 end
    part = math.min(part, p.want)
    if p.w == who then return part end
    rest, left = rest - part, left - 1
  end
  return 0
end

-- c MOST FLYING WANT CALLED: slots. CALLED: the others have asked for it.
function facts.c(lane, b, name, most, flying, want, called)
  local all, list, others, short = call('HGETALL', lane .. ':h'), {}, 0, false
  local since, had = now, 0
  for i = 1, #all, 2 do
    local held, wish, came = all[i + 1]:match '^(%d+) (%d+) (%d+)'
    held, wish = tonumber(held), tonumber(wish)
    if all[i] == me then
      since, had = came, held
    else
      others = others + held
      short = short or wish > held
      if wish > 0 then list[#list + 1] = {w = all[i], want = wish} end
    end
  end
  if want > 0 then list[#list + 1] = {w = me, want = want} end
  local mine = math.min(want, math.max(0, most - others))
  if short then mine = math.min(mine, part_of(list, most, me)) end
  local held = math.max(flying, mine)
  call('HSET', lane .. ':h', me, held .. ' ' .. want .. ' ' .. since)
  say('slots', b, tostring(mine), tostring(held))
  if (short and held < had) or (mine < want and called == 0) then shout('slots', me, name) end
end

-- e TOTAL FAILED SHARE WINDOW LEAST OPEN: what came of attempts, and when the
-- breaker opens.
function facts.e(lane, _, name, total, failed, share, window, least, open)
  local known = call('HMGET', lane, 'open', 'tally')
  if known[1] then return end
  local tally = known[2] and cmsgpack.unpack(known[2]) or {}
  local tick = math.floor(us / math.max(1, window / 10))
  local sums, kept = {0, 0}, {{tick, total, failed}}
  for _, bucket in ipairs(tally) do
    if bucket[1] == tick then
      kept[1] = {tick, bucket[2] + total, bucket[3] + failed}
    elseif bucket[1] > tick - 10 then
      kept[#kept + 1] = bucket
    end
  end
  for _, bucket in ipairs(kept) do
    sums[1], sums[2] = sums[1] + bucket[2], sums[2] + bucket[3]
  end
  if sums[2] > 0 and sums[1] >= least and sums[2] * 1000000 >= share * sums[1] then
    call('HSET', lane, 'open', text(us + open))
    call('HDEL', lane, 'tally', 'trial')
    shout('open', text(us + open), name)
  else
    call('HSET', lane, 'tally', cmsgpack.pack(kept))
  end
end

-- t: may this process try it?
function facts.t(lane, b)
  local known = call('HMGET', lane, 'open', 'trial')
  if not known[1] then return say('closed', b, '0') end
  if tonumber(known[1]) > us then return say('open', b, known[1]) end
  if known[2] and known[2] ~= me then return say('trial', b, '0') end
  call('HSET', lane, 'trial', me)
  say('trial', b, '1')
end

-- z RESULT OPEN: what came of that: 1 it failed, 2 it passed, 3 nothing.
function facts.z(lane, _, name, result, open)
  if call('HGET', lane, 'trial') ~= me then return end
  call('HDEL', lane, 'trial')
  if result == 2 then
    call('HDEL', lane, 'open')
    return shout('closed', '0', name)
  end
  if result == 1 then call('HSET', lane, 'open', text(us + open)) end
  shout('open', call('HGET', lane, 'open') or '0', name)
end

-- b CAPACITY SPENT REFUNDED, in thousandths. What several spent at the same
-- moment is owed.
function facts.b(lane, b, name, capacity, spent, refunded)
  local was = tonumber(call('HGET', lane, 'budget') or capacity)
  local level = text(math.min(capacity, was - spent + refunded))
  call('HSET', lane, 'budget', level)
  say('budget', b, level)
  if spent > 0 and tonumber(level) < capacity / 2 then shout('budget', level, name) end
end

-- q REMAINING CREST RESET (us): a quota, as the server told it. Of one window
-- the smaller remainder holds.
function facts.q(lane, b, name, remaining, crest, reset)
  local known, told = call('HGET', lane, 'quota'), remaining
  if known then
    local left, most, ends = known:match '^(%d+):(%d+):(%d+)$'
    if tonumber(ends) > us and math.abs(ends - reset) < 1500000 then
      remaining, crest, reset = math.min(remaining, left), math.max(crest, most), ends
    end
  end
  local quota = text(remaining) .. ':' .. text(crest) .. ':' .. text(reset)
  if remaining ~= told then say('quota', b, quota) end
  if quota == known then return end
  call('HSET', lane, 'quota', quota)
  if remaining * 4 < crest then shout('quota', quota, name) end
end

function writes.F(b, name, bytes)
  local list = call('HGET', mine, 'l' .. b)
  if not list then return say('again', b) end
  local lane = P .. ':' .. list:match '^%d+'
  for letter, numbers in bytes:gmatch '(%a)([^\n]*)\n' do
    local values = {}
    for number in numbers:gmatch '%d+' do values[#values + 1] = tonumber(number) end
    facts[letter](lane, b, name, unpack(values))
  end
end
]]
