-- text: small conversions that several files need.

local secret = require "lull.secret"
local usage = require "lull.usage"

local M = {}
usage.own()

---The keys of a table in an order that is the same in every run: numbers
---first, then texts.
---@param t table
---@return any[]
function M.keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then
      return a < b
    end
    if type(a) == "number" or type(b) == "number" then return type(a) == "number" end
    return tostring(a) < tostring(b)
  end)
  return keys
end

function M.sorted(t)
  usage.type(t, "what is sorted", "table")
  local first = next(t)
  if first ~= nil and next(t, first) == nil then return next, t end -- of one there is one order
  local keys, i = M.keys(t), 0
  return function()
    i = i + 1
    if keys[i] ~= nil then return keys[i], t[keys[i]] end
  end
end

---Whether there is a header of that name, in whatever letters.
---@param fields table? by name
---@param name string in small letters
---@return boolean
function M.has_field(fields, name)
  for field in pairs(fields or {}) do
    if type(field) == "string" and field:lower() == name then return true end
  end
  return false
end

-- RFC 3986 section 2.3 names what stands for itself.
function M.escape(text)
  return (tostring(text):gsub("[^%w%-._~]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

---What is wrong with a text that the core takes for no URL.
---@param url string
---@return string
function M.url_problem(url)
  local path = url:match "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#%s%c]+([/?#].*)$"
  if path and path:find "[%s%c]" then
    return "holds a space or a control byte; a space is written %20, as lull.escape does"
  end
  return "is no http or https URL"
end

local function number(value)
  if type(value) == "string" then return value end
  if math.type and math.type(value) == "integer" then return ("%d"):format(value) end
  if type(value) == "number" and value == math.floor(value)
    and math.abs(value) < 2 ^ 63 then
    return ("%.0f"):format(value)
  end
  return tostring(value)
end
M.number = number

-- What is a text in a query or a form.
local SHOWN = { string = true, number = true, boolean = true }

---A table as "a=1&b=2"; a list gives its name several times; names sorted.
---@param fields table
---@return string
function M.form(fields)
  local parts = {}
  for name, value in M.sorted(fields) do
    local is_table = type(value) == "table" and not secret.is(value)
    local is_one = not is_table or not usage.is_list(value, tostring(name))
    local list = is_one and { value } or value
    for _, item in ipairs(list) do
      local plain = secret.plain(item)
      if not SHOWN[type(plain)] then
        usage.fail(("the field '%s' must be a string, a number or a boolean, not a %s")
          :format(tostring(name), type(plain)))
      end
      parts[#parts + 1] = M.escape(number(name)) .. "=" .. M.escape(number(plain))
    end
  end
  return table.concat(parts, "&")
end

---Where a text within JSON ends, whose quote is at `at`; its last byte when nothing ends it.
---@param json string
---@param at integer
---@return integer
function M.string_end(json, at)
  local last = at
  repeat
    last = json:find('["\\]', last + 1)
    local escape = last and json:sub(last, last) == "\\"
    if escape then last = last + 1 end
  until not last or not escape
  return last or #json
end

---Seconds for people: "0.25s", "12.3s", "2m 41s", "3h 5m", "20000d".
---@param seconds number
---@return string
function M.duration(seconds)
  if seconds == math.huge then return "for ever" end
  if seconds < 9.995 then
    local text = ("%.2f"):format(seconds):gsub("0+$", ""):gsub("%.$", "")
    return text .. "s"
  end
  if seconds < 59.95 then
    local text = ("%.1f"):format(seconds):gsub("%.0$", "")
    return text .. "s"
  end
  local whole = math.floor(seconds + 0.5)
  if whole < 3600 then
    return ("%dm %ds"):format(math.floor(whole / 60), whole % 60)
  end
  if whole < 172800 then
    return ("%dh %dm"):format(math.floor(whole / 3600), math.floor(whole % 3600 / 60))
  end
  return ("%.0fd"):format(whole / 86400)
end

---A whole number, its thousands apart: "12,500".
---@param n number
---@return string
function M.commas(n)
  local digits, more = ("%.0f"):format(n), 1
  while more > 0 do digits, more = digits:gsub("^(%d+)(%d%d%d)", "%1,%2") end
  return digits
end

---The time of day, with the day where it is another one than now.
---@param wall number s since 1970, told no sooner than it is
---@param now number likewise
---@return string
function M.clock(wall, now)
  local at = math.ceil(wall)
  local same_day = os.date("%Y-%m-%d", at) == os.date("%Y-%m-%d", math.floor(now))
  return os.date(same_day and "%H:%M:%S" or "%Y-%m-%d %H:%M:%S", at)
end

---"1 attempt", "2 attempts".
function M.count(n, what)
  return ("%d %s%s"):format(n, what, n == 1 and "" or "s")
end

return M
