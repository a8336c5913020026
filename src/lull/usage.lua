-- usage: misuse is an error at the caller's line; and what a value of an
-- option may look like.

local redact = require "lull.redact"

local M = {}

local getinfo = debug.getinfo -- a script may take debug away

-- The chunks that belong to lull: an error is laid to the first line outside
-- of them.
local own = {}

---Counts the calling file as lull's own.
function M.own()
  own[getinfo(2, "S").source] = true
end

M.own()

-- Bytes of a secret that is looked for in what lull itself says of a misuse; a
-- shorter one would take letters out of its words.
local LEAST = 3

---Where a function stands: "script.lua:12".
---@param fn function
---@return string
function M.place(fn)
  local info = getinfo(fn, "S")
  return ("%s:%d"):format(info.short_src, info.linedefined)
end

local maker -- the function that made what is checked now: no line on the stack tells

---Calls `check(a, b)`, which does not wait; what it finds wrong is laid to where
---`fn`, which made it, stands.
function M.at(fn, check, a, b)
  maker = fn
  local result = check(a, b)
  maker = nil
  return result
end

---Raises `message`, without secrets, at the nearest line that is not lull's.
---@param message string
function M.fail(message)
  message = redact.text(message, LEAST)
  if maker then
    message, maker = M.place(maker) .. ": " .. message, nil
    error(message, 0)
  end
  local level = 2
  local info = getinfo(level, "Sl")
  while info and (own[info.source] or info.what == "C" or info.what == "tail") do
    level = level + 1
    info = getinfo(level, "Sl")
  end
  if info and info.currentline > 0 then
    message = ("%s:%d: %s"):format(info.short_src, info.currentline, message)
  end
  error(message, 0)
end

---Refuses a text that holds a NUL: C reads it up to there, and would send or
---write something else.
---@param value any
---@param name string
function M.no_nul(value, name)
  if type(value) == "string" and value:find("%z") then M.fail(name .. " holds a NUL") end
  return value
end

-- Edit distance of two short words (Levenshtein), with neighbours swapped as
-- one step.
local function distance(a, b)
  local before, row = {}, {}
  local older
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    older, before, row = before, row, {}
    row[0] = i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(row[j - 1] + 1, before[j] + 1, before[j - 1] + same)
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1)
        and a:byte(i - 1) == b:byte(j) then
        row[j] = math.min(row[j], older[j - 2] + 1)
      end
    end
  end
  return row[#b]
end

---The name in a set or list that is nearest to a wrong one, or nil.
---@param word any
---@param names table names as keys
---@return string?
function M.nearest(word, names)
  local best, best_distance
  word = tostring(word)
  for name in pairs(names) do
    local d = distance(word:lower(), tostring(name):lower())
    if not best or d < best_distance
      or (d == best_distance and tostring(name) < tostring(best)) then
      best, best_distance = name, d
    end
  end
  if best and best_distance <= math.max(1, math.floor(#word / 3))
    and best_distance < #word then
    return tostring(best)
  end
end

---Raises for an unknown name, with the nearest right one.
function M.unknown(what, name, names)
  local nearest = M.nearest(name, names)
  M.fail(("unknown %s '%s'%s"):format(what, tostring(name),
    nearest and (" (did you mean '%s'?)"):format(nearest) or ""))
end

local UNITS = { us = 1e-6, ms = 0.001, s = 1, m = 60, min = 60, h = 3600, d = 86400 }

local function parse_duration(text)
  local total, rest = 0, text
  if text == "" then return nil end
  while rest ~= "" do
    local digits, unit, more = rest:match("^(%d+%.?%d*)(%a+)(.*)$")
    if not digits or not UNITS[unit] then return nil end
    total = total + tonumber(digits) * UNITS[unit]
    rest = more
  end
  return total
end

---Seconds of a duration: a number, or "250ms" "2s" "10m" "1h" "1h30m".
---@param value any
---@param name string the option's name, for the message
---@return number seconds
function M.duration(value, name)
  local seconds = value
  if type(value) == "string" then
    seconds = parse_duration(value)
      or (value:match("^%d+%.?%d*$") and tonumber(value))
  end
  if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 then
    M.fail(("%s: '%s' is no duration; it is a number of seconds, or a text "
      .. 'such as "250ms", "2s", "10m", "1h"'):format(name, tostring(value)))
  end
  return seconds
end

---More than this the core cannot count; it is as good as no limit.
M.MOST = 2 ^ 31 - 1

---A rate "10/s", "80/1m", "12/15m".
---@param value any
---@param name string
---@param most number? that a window can hold; default a million
---@return table { count, window in seconds }
function M.rate(value, name, most)
  local count, window
  if type(value) == "string" then
    local digits, per = value:match("^%s*(%d+)%s*/%s*(%w[%w.]*)%s*$")
    if digits then
      count = tonumber(digits)
      window = UNITS[per] or parse_duration(per)
    end
  end
  if not window or window <= 0 or count < 1 then
    M.fail(("%s: '%s' is no rate; it is a text such as \"10/s\", \"80/1m\", "
      .. '"12/15m"'):format(name, tostring(value)))
  end
  if count > (most or 1e6) then
    M.fail(("%s: '%s' is more than a window can hold: %.0f"):format(name, value, most or 1e6))
  end
  return { count = count, window = window }
end

---A whole number of at least `least`.
function M.count(value, name, least)
  local n = type(value) == "string" and tonumber(value) or value
  if type(n) ~= "number" or n ~= math.floor(n) or n < least
    or n == math.huge then
    M.fail(("%s: '%s' is no whole number of at least %d"):format(name,
      tostring(value), least))
  end
  return n
end

---A check for a whole number of at least `n`; more than the core can count is
---as much as it can.
---@param n integer
---@return fun(value: any, name: string): integer
function M.at_least(n)
  return function(value, name) return math.min(M.count(value, name, n), M.MOST) end
end

---A value of one of the types named ("string", "string or table").
function M.type(value, name, types)
  if type(value) == types then return value end
  for kind in types:gmatch("%a+") do
    if type(value) == kind then return value end
  end
  M.fail(("%s must be a %s, not a %s"):format(name, types, type(value)))
end

---True of a list, false of a table with names; one with a hole is refused, as what is
---behind it would be lost.
---@param value table
---@param name string
function M.is_list(value, name)
  local last, count = 0, 0
  for key in pairs(value) do
    if type(key) ~= "number" or key < 1 or key % 1 ~= 0 then return false end
    last, count = math.max(last, key), count + 1
  end
  if last == count then return true end
  local hole = 1
  while value[hole] ~= nil do hole = hole + 1 end
  M.fail(("%s[%d] is nil: a list has no holes"):format(name, hole))
end

---One of the words, which are keys of a table.
function M.word(value, name, words)
  if type(value) == "string" and words[value] then return value end
  local nearest = M.nearest(value, words)
  local list = {}
  for word in pairs(words) do list[#list + 1] = word end
  table.sort(list)
  M.fail(("%s: '%s' is none of %s%s"):format(name, tostring(value),
    table.concat(list, ", "),
    nearest and (" (did you mean '%s'?)"):format(nearest) or ""))
end

return M
