-- limits: models of servers that limit who asks them, each as the world
-- function of a simulated server. What a row of bench/converge.lua runs
-- against.
--
-- A model has `ask(now)`, which grants (true) or refuses (false) and may name
-- a Retry-After in whole seconds; times are seconds since the run began.
-- `free`, where there is one, is called when a granted request is done.

local M = {}

---A leaky bucket as nginx's `limit_req ... nodelay`: `rate` a second flow out,
---and what comes when more than `burst` are in it is refused.
function M.leaky(rate, burst, hint)
  local excess, last = 0, nil
  return { ask = function(now)
    if last then excess = math.max(0, excess - (now - last) * rate) end
    last = now
    if excess > burst then return false, hint end
    excess = excess + 1
    return true
  end }
end

---GCRA, as in ITU-T I.371: the same bucket, told by the time that the next
---request is expected at.
function M.gcra(rate, tolerance, hint)
  local expected = 0
  return { ask = function(now)
    if now < expected - tolerance - 1e-9 then return false, hint end
    expected = math.max(now, expected) + 1 / rate
    return true
  end }
end

---`count` in each window of `length` s by the clock. `tell`: a 429 says how
---much of it is left. `phase`: how far the first is gone when the run begins.
function M.fixed(count, length, tell, phase)
  local window, used
  return { ask = function(now)
    local at = now + (phase or 0)
    local this = math.floor(at / length + 1e-9)
    if this ~= window then window, used = this, 0 end
    used = used + 1
    if used <= count then return true end
    return false, tell and math.ceil((this + 1) * length - at - 1e-9) or nil
  end }
end

---`count` in any `length` s. `harsh`: what was refused counts, too, as in
---HAProxy's `sc_http_req_rate`, so that who hammers is never let in.
function M.sliding(count, length, harsh, tell)
  local log, first, last = {}, 1, 0
  return { ask = function(now)
    while first <= last and log[first] <= now - length + 1e-9 do first = first + 1 end
    local ok = last - first + 1 < count
    if ok or harsh then
      last = last + 1
      log[last] = now
    end
    return ok, not ok and tell and math.ceil(log[first] + length - now) or nil
  end }
end

---At most `count` at once (nginx's `limit_conn`); each takes `takes` s.
function M.slots(count, takes)
  local held = 0
  return { takes = takes, ask = function()
    if held >= count then return false end
    held = held + 1
    return true
  end, free = function() held = held - 1 end }
end

---No limit: a share of the answers is a failure.
function M.noise(share, hint, random)
  return { ask = function() return random() >= share, hint end }
end

---Both at once; what the second refuses the first has counted, as with two
---`limit_req` of one location.
function M.both(a, b)
  return { takes = a.takes or b.takes, ask = function(now)
    local ok, hint = a.ask(now)
    if not ok then return false, hint end
    ok, hint = b.ask(now)
    if not ok and a.free then a.free() end
    return ok, hint
  end, free = a.free or b.free }
end

---`a` up to `at`, `b` from then on.
function M.changing(a, at, b)
  return { ask = function(now) return (now < at and a or b).ask(now) end }
end

---Somebody else asks, too, `rate` times a second.
function M.shared(limit, rate)
  local seen = 0
  return { ask = function(now)
    while seen / rate <= now do
      limit.ask(seen / rate)
      seen = seen + 1
    end
    return limit.ask(now)
  end }
end

---It has granted `count` when the run begins.
function M.used(limit, count)
  for _ = 1, count do limit.ask(0) end
  return limit
end

---Nothing is granted from `from` up to `to`.
function M.outage(limit, from, to)
  return { ask = function(now)
    if now >= from and now < to then return false end
    return limit.ask(now)
  end }
end

return M
