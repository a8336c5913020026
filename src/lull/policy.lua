-- policy: the options that make a policy: backoff, rules, limits, budget and
-- breaker, each checked and in the form that the core takes.

local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

local at_least_one = usage.at_least(1)

local KINDS = { constant = true, linear = true, exponential = true }
local JITTERS = { none = true, full = true, equal = true, decorrelated = true }
local BACKOFF = { kind = true, base = true, factor = true, cap = true, jitter = true }

local function range(value, name)
  local lo, hi = usage.duration(value[1], name), usage.duration(value[2], name)
  if hi < lo then usage.fail(name .. ": the range ends before it begins") end
  return lo, hi
end

local function jitter_fields(out, value, name)
  if type(value) ~= "table" then
    out.jitter = usage.word(value, name, JITTERS)
  elseif value.factor then
    out.jitter = "factor"
    out.lo, out.hi = range(usage.type(value.factor, name .. ".factor", "table"), name)
  else
    out.jitter = "added"
    out.lo, out.hi = range(value, name)
  end
end

-- "exp:1s..60s,full", "const:2s", "linear:1s..30s,1s-10s"
local function parse_backoff(value, name)
  local words = { exp = "exponential", exponential = "exponential",
    const = "constant", constant = "constant", linear = "linear" }
  local kind, waits, jitter = value:match("^(%a+):([^,]+),?(.*)$")
  local base, cap = (waits or ""):match("^(.-)%.%.(.*)$")
  if not kind or not words[kind] then
    usage.fail(("%s: '%s' is no backoff; it is a table, or a text such as "
      .. '"exp:1s..60s,full", "linear:2s", "const:5s,1s-2s"'):format(name, value))
  end
  local lo, hi = jitter:match("^([%w.]+)%-([%w.]+)$")
  return { kind = words[kind], base = base or waits, cap = cap,
    jitter = lo and { lo, hi } or (jitter ~= "" and jitter or nil) }
end

function M.backoff(value, name)
  if type(value) == "string" then value = parse_backoff(value, name) end
  usage.type(value, name, "table")
  for field in pairs(value) do
    if not BACKOFF[field] then usage.unknown("field of " .. name, field, BACKOFF) end
  end
  local out = {}
  if value.kind then out.kind = usage.word(value.kind, name .. ".kind", KINDS) end
  if value.base then out.base = usage.duration(value.base, name .. ".base") end
  if value.cap then out.cap = usage.duration(value.cap, name .. ".cap") end
  if value.factor then
    out.factor = usage.type(value.factor, name .. ".factor", "number")
    if not (out.factor > 0 and out.factor < math.huge) then
      usage.fail(name .. ".factor must be above 0")
    end
  end
  -- A constant wait is one, unless it is said how it is to be spread.
  local jitter = value.jitter or (out.kind == "constant" and "none") or nil
  if jitter then jitter_fields(out, jitter, name .. ".jitter") end
  return out
end

local RULE = { attempts = true, backoff = true, timeout = true, pause = true,
  unsafe = true }
local ACTIONS = { accept = true, retry = true, stop = true }

local function rule(value, name)
  if type(value) == "function" then return { ask = true, fn = value } end
  if type(value) == "string" then
    return { action = usage.word(value, name, ACTIONS) }
  end
  usage.type(value, name, "string or table or function")
  local out = {}
  for field, v in pairs(value) do
    if field == 1 then
      local first = rule(v, name)
      out.action, out.ask, out.fn = first.action, first.ask, first.fn
    elseif not RULE[field] then
      usage.unknown("field of " .. name, field, RULE)
    end
  end
  if value.attempts then out.attempts = at_least_one(value.attempts, name .. ".attempts") end
  if value.timeout then out.timeout = usage.duration(value.timeout, name .. ".timeout") end
  if value.backoff then out.backoff = M.backoff(value.backoff, name .. ".backoff") end
  for _, flag in ipairs { "unsafe", "pause" } do
    if value[flag] ~= nil then
      out[flag] = usage.type(value[flag], name .. "." .. flag, "boolean")
    end
  end
  return out
end

-- Rules as a list; of two keys that are equally close the single one comes
-- last, and so wins.
function M.rules(value, name)
  usage.type(value, name, "table")
  local list = {}
  for key, v in text.sorted(value) do
    if type(key) ~= "number" and type(key) ~= "string" then
      usage.fail(name .. ": a key is a status or the name of an outcome")
    end
    local one = rule(v, ("%s[%s]"):format(name, text.number(key)))
    one.key = usage.no_nul(text.number(key), name .. "'s key")
    if one.key:find("|", 1, true) then
      table.insert(list, 1, one)
    else
      list[#list + 1] = one
    end
  end
  return list
end

-- A rate, and how many may start at once: "10/s burst 5", or "10/s burst" for
-- all of them.
local function rate_of(value, name, most)
  local words, burst
  if type(value) == "string" then words, burst = value:match("^(.-)%s+burst%s*(%d*)%s*$") end
  local rate = usage.rate(words or value, name, most)
  if burst then rate.burst = burst == "" and rate.count or at_least_one(burst, name .. "'s burst") end
  return rate
end

-- `burst` beside a list of rates is of those that have none of their own.
local function spread(rates, burst, name)
  if not burst then return end
  if burst ~= true then burst = at_least_one(burst, name .. ".burst") end
  for _, rate in ipairs(rates) do
    if not (rate.path or rate.name) then rate.burst = rate.burst or (burst == true and rate.count or burst) end
  end
end

local FIELDS = { parallel = true, burst = true }
local MOST_WEIGHT = 4e9

-- A name, or "POST /login/*": the method, and the path; nil: any.
local function place_of(key, name)
  if type(key) ~= "string" then
    usage.fail(name .. ": a key is 'parallel', 'burst', a path, a method and a path, or the name of what calls weigh")
  end
  local method, path = usage.no_nul(key, name .. "'s path"):match("^(%u[%u|]*)%s+([/*].*)$")
  return method or "", path or key:match("^/.*$")
end

-- A rate, or a list of them, in which `weight` says what a call weighs.
local function keyed(out, key, value, name)
  local method, path = place_of(key, name)
  local list = type(value) == "table" and value or { value }
  local where = ("%s['%s']"):format(name, key)
  local weight = usage.type(list.weight, where .. ".weight", "function or nil")
  if not path and not weight then usage.unknown("field of " .. name, key, FIELDS) end
  for field in pairs(list) do
    if type(field) ~= "number" and field ~= "weight" then
      usage.unknown("field of " .. where, field, { weight = true })
    end
  end
  if #list == 0 then usage.fail(where .. ": there is no rate in it") end
  local least = math.huge
  for _, one in ipairs(list) do
    local rate = rate_of(one, where, weight and MOST_WEIGHT)
    if weight and rate.burst then usage.fail(where .. ": a rate that weighs has no burst") end
    rate.method, rate.path, rate.name = method, path, weight and key
    least = math.min(least, rate.count)
    out.rates[#out.rates + 1] = rate
  end
  if weight then
    out.weighed = out.weighed or {}
    table.insert(out.weighed, { name = key, fn = weight, most = least })
  end
end

function M.limit(value, name)
  if type(value) ~= "table" then value = { value } end
  local out, burst = { rates = {} }, nil
  for key, v in text.sorted(value) do
    if key == "burst" then
      burst = v
    elseif key == "parallel" then
      -- "auto" is what every lane does.
      if v ~= "auto" then out.parallel = at_least_one(v, name .. ".parallel") end
    elseif type(key) == "number" then
      out.rates[#out.rates + 1] = rate_of(v, name)
    else
      keyed(out, key, v, name)
    end
  end
  spread(out.rates, burst, name)
  return out
end

local function share(value, name)
  local percent = type(value) == "string" and value:match("^([%d.]+)%%$")
  local n = percent and tonumber(percent) / 100 or value
  if type(n) ~= "number" or not (n >= 0 and n <= 1) then
    usage.fail(name .. ' is a share from 0 to 1, or a text such as "50%"')
  end
  return n
end

local BUDGET = { capacity = true, cost = true, refund = true, payback = true }

function M.budget(value, name)
  if type(value) == "boolean" then return value end
  usage.type(value, name, "table or boolean")
  local out = {}
  for field, v in pairs(value) do
    if not BUDGET[field] then usage.unknown("field of " .. name, field, BUDGET) end
    out[field] = usage.type(v, name .. "." .. field, field == "payback" and "boolean" or "number")
    if field ~= "payback" and not (v >= 0 and v <= 4e6) then usage.fail(name .. "." .. field .. " is out of range") end
  end
  return out
end

local BREAKER = { failures = share, window = usage.duration, least = at_least_one, open = usage.duration }

function M.breaker(value, name)
  if value == false then return false end
  usage.type(value, name, "table")
  local out = {}
  for field, v in pairs(value) do
    if not BREAKER[field] then usage.unknown("field of " .. name, field, BREAKER) end
    out[field] = BREAKER[field](v, name .. "." .. field)
  end
  return out
end

---The fields of these, and the words that some take; the definition file is
---compared with them.
M.FIELDS = { backoff = BACKOFF, rule = RULE, budget = BUDGET, breaker = BREAKER }
M.WORDS = { kind = KINDS, jitter = JITTERS, action = ACTIONS }

return M
