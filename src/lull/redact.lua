-- redact: takes out of a text what must not be shown: by value, in every
-- encoding of it, and the user and password of URLs.
--
-- A server writes back what it was sent, in ways of its own: %2f and %2F and /,
-- \/ in JSON, &#47; in HTML, + for a space, base64. So the text is decoded,
-- step by step, and what is found in a step is taken out where it came from.

local base64 = require "lull.base64"

local M = {}

-- ---- what must not be shown -------------------------------------------------

-- Below this many forms each is looked for; above, each place of the text.
local FEW = 64

-- Forms in a set are found together. Those of base64 are looked for in other
-- letters, and are a part of what is taken out.
local function new_set() return { count = 0, shortest = 3, list = {}, begin = {}, known = {} } end

local function add_form(set, form)
  if form == "" or set.known[form] then return end
  set.known[form], set.count = true, set.count + 1
  set.list[set.count] = form
  local first = form:sub(1, 3)
  set.shortest = math.min(set.shortest, #first)
  set.begin[first] = set.begin[first] or {}
  table.insert(set.begin[first], form)
end

local function new_store() return { plain = new_set(), coded = new_set(), known = {}, count = 0 } end

-- What a script calls a secret is kept; of what is only taken for one (a new
-- token each hour, say) the last so many.
local MOST_GUESSED = 1000
local secrets, guessed, guessed_before = new_store(), new_store(), new_store()

M.base64 = base64.encode

-- The digits that are the text's alone, wherever it begins in what is encoded.
local function coded_forms(text)
  local forms = {}
  for before = 0, 2 do
    local digits = M.base64(("\0"):rep(before) .. text)
    local own = digits:sub(math.ceil(before * 4 / 3) + 1, math.floor((before + #text) * 4 / 3))
    if #own >= 4 then forms[#forms + 1] = own end
  end
  return forms
end

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function learn(store, text)
  if store.known[text] then return false end
  store.known[text], store.count = true, store.count + 1
  for _, form in ipairs { text, unescape(text) } do
    add_form(store.plain, (form:gsub("%+", " "))) -- a form has + for a space
    for _, digits in ipairs(coded_forms(form)) do add_form(store.coded, digits) end
  end
  return true
end

---From now on that text is shown nowhere.
---@param text string
function M.learn(text)
  if text ~= "" then learn(secrets, text) end
end

-- The same for what nobody called a secret; too short, it would take words out
-- of every sentence.
local function guess(text, least)
  if not text or #text < least or secrets.known[text] then return end
  learn(guessed, text)
  if guessed.count >= MOST_GUESSED then guessed, guessed_before = new_store(), guessed end
end

-- Headers that say who one is. They go to no other origin, and are not shown.
local SENSITIVE = { authorization = true, cookie = true, ["proxy-authorization"] = true, ["x-api-key"] = true,
  ["api-key"] = true, ["x-auth-token"] = true, ["x-access-token"] = true, ["private-token"] = true,
  ["x-goog-api-key"] = true, ["x-amz-security-token"] = true, ["ocp-apim-subscription-key"] = true }

---@param name string
---@return boolean
function M.is_sensitive(name) return SENSITIVE[name:lower()] or false end

local LEAST, LEAST_COOKIE = 4, 8 -- bytes

local function decode64(digits) return base64.decode((digits:gsub("[^%w+/]", ""))) or "" end

---Learns the value of a header that says who one is.
---@param name string
---@param value string
function M.header(name, value)
  if guessed.known[value] then return end
  guess(value, LEAST)
  guessed.known[value] = true
  if name:lower() == "cookie" then
    for part in value:gmatch "=([^;]*)" do guess(part, LEAST_COOKIE) end
    return
  end
  local scheme, rest = value:match "^(%S+)%s+(.-)%s*$"
  guess(rest, LEAST)
  if scheme and scheme:lower() == "basic" then guess(decode64(rest):match ":(.*)$", LEAST) end
end

-- ---- URLs -------------------------------------------------------------------

-- A host with a port, or one that can be no user with a password behind it.
local function is_host(authority)
  return not authority:find(":", 1, true) or authority:find "^%[" ~= nil or authority:find ":%d+$" ~= nil
end

local function looks_like_host(host) return host:find "[.:%[]" ~= nil or host == "localhost" end

-- The user and password in a URL, also where a byte in them that should be
-- escaped ends them for every parser: a / a # a ? or a space; and where the scheme
-- is left out, or has a slash too few or too many. nil: none.
local function user_of(url, is_proxy)
  local rest = url:match "^%a[%w+.-]*:/+(.*)$" or url:match "^//+(.*)$" or (is_proxy and url)
  if not rest or not rest:find("@", 1, true) then return nil end
  local authority = rest:match "^[^/?#]*"
  local user, host = authority:match "^(.*)@(.*)$"
  local beyond = rest:find("@", #authority + 1, true) ~= nil
  if user and not (beyond and (is_proxy or not looks_like_host(host))) then return user end
  if user or (beyond and (is_proxy or not is_host(authority))) then return rest:match "^(.*)@" end
  return nil
end

-- Parameters of a query that say who one is, without their - and _: RFC 6750's,
-- those that sign URLs (AWS, Google, Azure), and what APIs call their keys.
local PARAMETERS = { accesstoken = true, refreshtoken = true, idtoken = true, authtoken = true, token = true,
  apikey = true, xapikey = true, subscriptionkey = true, password = true, passwd = true, pwd = true, secret = true,
  clientsecret = true, sig = true, signature = true, xamzsignature = true, xamzsecuritytoken = true,
  xgoogsignature = true }

local function is_parameter(name) return PARAMETERS[unescape(name):lower():gsub("[-_]", "")] end

local PARAMETER = "([?&;#])([^?&;#=]+)=([^&;#%s]+)"
local SIGNS = { "?", "&", ";", "#" }

local function without_value(before, name)
  if is_parameter(name) then return before .. name .. "=***" end
end

-- Where the first parameter may stand; nil: there is none. Plain searches, as a
-- pattern takes more for each byte than these for all.
local function query_at(url)
  if not url:find("=", 1, true) then return nil end
  local at
  for _, sign in ipairs(SIGNS) do
    local here = url:find(sign, 1, true)
    if here and here < (at or here + 1) then at = here end
  end
  return at
end

---A URL without the values of parameters that say who one is.
---@param url string
---@return string
function M.query(url)
  local at = query_at(url)
  return at and url:sub(1, at - 1) .. url:sub(at):gsub(PARAMETER, without_value) or url
end

local LEAST_USER = 8 -- bytes of one without a password: a token

---Learns what a URL says of its user.
---@param url string
---@param is_proxy boolean? a URL that has no path
function M.url(url, is_proxy)
  for _, name, value in url:gmatch(PARAMETER) do
    if is_parameter(name) then guess(value, LEAST) end
  end
  local user = url:find("@", 1, true) and user_of(url, is_proxy)
  if not user then return end
  local password = user:match ":(.*)$"
  guess(user, password and 3 or LEAST_USER)
  guess(password, LEAST)
end

-- ---- steps of decoding ------------------------------------------------------

local NAMED = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'" }
local SHORT = { n = "\n", t = "\t", r = "\r", b = "\b", f = "\f", ["/"] = "/", ["\\"] = "\\", ['"'] = '"' }

-- UTF-8, written here for Lua 5.1.
local function character(code)
  if code < 0x80 then return string.char(code) end
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
  if code > 0xFFFF then return nil end
  return string.char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
end

local function number_of(digits, base)
  local code = digits and #digits < 8 and tonumber(digits, base)
  return code and character(code)
end

-- What is escaped at that place: the text it stands for, and where it ends.
local ESCAPES = {
  ["%"] = function(text, at)
    local hex = text:match("^%x%x", at + 1)
    if hex then return string.char(tonumber(hex, 16)), at + 2 end
  end,
  ["\\"] = function(text, at)
    local hex = text:match("^u(%x%x%x%x)", at + 1)
    if hex then return number_of(hex, 16), at + 5 end
    return SHORT[text:sub(at + 1, at + 1)], at + 1
  end,
  ["&"] = function(text, at)
    local name, last = text:match("^(#?%w+);()", at + 1)
    if not name then return nil end
    return NAMED[name] or number_of(name:match "^#[xX](%x+)$", 16) or number_of(name:match "^#(%d+)$", 10), last - 1
  end,
}

-- A text with its escapes undone once, and where each of them was: `at` and
-- `last` there, `from` and `to` in the text. nil when it has none.
local function decoded(text)
  local out, units, size, done = {}, {}, 0, 1
  local at = text:find("[%%\\&]")
  while at do
    local plain, last = ESCAPES[text:sub(at, at)](text, at)
    if plain then
      out[#out + 1] = text:sub(done, at - 1)
      out[#out + 1] = plain
      size = size + at - done
      units[#units + 1] = { at = size + 1, last = size + #plain, from = at, to = last }
      size, done = size + #plain, last + 1
    end
    at = text:find("[%%\\&]", plain and done or at + 1)
  end
  if not units[1] then return nil end
  return table.concat(out) .. text:sub(done), units
end

-- The unit at a place or the last before it.
local function unit_at(units, place)
  local low, high = 0, #units
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if units[middle].at <= place then low = middle else high = middle - 1 end
  end
  return units[low]
end

-- Where a place of the decoded text came from: first and last byte.
local function origin(units, place)
  local unit = unit_at(units, place)
  if not unit then return place, place end
  if place <= unit.last then return unit.from, unit.to end
  local same = unit.to + place - unit.last
  return same, same
end

-- ---- finding ----------------------------------------------------------------

local function each_of_few(set, text, least, found)
  for _, form in ipairs(set.list) do
    local from, to = text:find(form, 1, true)
    while from and #form >= least do
      found(from, to)
      from, to = text:find(form, to + 1, true)
    end
  end
end

local function each_of_many(set, text, least, found)
  for at = 1, #text do
    for length = math.max(set.shortest, math.min(least, 3)), 3 do
      local list = set.begin[text:sub(at, at + length - 1)]
      for _, form in ipairs(list or {}) do
        if (length == 3 or #form == length) and text:sub(at, at + #form - 1) == form then
          found(at, at + #form - 1)
        end
      end
    end
  end
end

local function each_found(set, text, least, found)
  if set.count == 0 then return end
  if set.count <= FEW then return each_of_few(set, text, least, found) end
  return each_of_many(set, text, least, found)
end

-- What is found in one step, told by its place in that step. Of base64 the
-- digits beside it hold some bits of the text, too.
local function find_all(text, least, found)
  local spaced, digits = (text:gsub("%+", " ")), nil
  for _, store in ipairs { secrets, guessed, guessed_before } do
    each_found(store.plain, spaced, least, found)
    if store.coded.count > 0 then
      digits = digits or text:gsub("%-", "+"):gsub("_", "/")
      each_found(store.coded, digits, least, function(from, to)
        if from > 1 and digits:find("^[%w+/]", from - 1) then from = from - 1 end
        if digits:find("^[%w+/]", to + 1) then to = to + 1 end
        found(from, to)
      end)
    end
  end
end

local STEPS = 3 -- of decoding: a URL in a URL, in JSON

-- Stretches of the text to be taken out: first and last byte.
local function stretches(text, least)
  local list, steps = {}, {}
  local step = text
  for depth = 0, STEPS do
    find_all(step, least, function(from, to)
      for i = depth, 1, -1 do
        local _
        from, _ = origin(steps[i], from)
        _, to = origin(steps[i], to)
      end
      list[#list + 1] = { from, to }
    end)
    local units
    step, units = decoded(step)
    if not step then break end
    steps[depth + 1] = units
  end
  return list
end

local function without(text, list)
  local out, done = {}, 0
  table.sort(list, function(a, b) return a[1] < b[1] end)
  for _, stretch in ipairs(list) do
    if stretch[1] > done then
      out[#out + 1] = text:sub(done + 1, stretch[1] - 1)
      out[#out + 1] = "***"
    end
    done = math.max(done, stretch[2])
  end
  return table.concat(out) .. text:sub(done + 1)
end

-- Proxies of the environment: libcurl's words on them hold their passwords.
local environment_read = false
local function read_environment()
  environment_read = true
  for _, name in ipairs { "http", "https", "all" } do
    for _, variable in ipairs { name .. "_proxy", name:upper() .. "_PROXY" } do
      local value = os.getenv(variable)
      if value then M.url(value, true) end
    end
  end
end

-- What lull's own words have in the place of a user and a password.
local MEANT = { [":PASSWORD"] = true, ["[USER:PASSWORD"] = true }

local function without_user(user)
  if not MEANT[user] then return "://" end
end

---`text` as it may be shown: with "***" for each secret in it, and its URLs
---without user and password.
---@param text string
---@param least integer? bytes of the shortest that is looked for: 1
---@return string
function M.text(text, least)
  if not environment_read then read_environment() end
  if secrets.count + guessed.count + guessed_before.count > 0 then
    local list = stretches(text, least or 1)
    if list[1] then text = without(text, list) end
  end
  if not text:find("@", 1, true) then return text end
  return (text:gsub("://([^/?#%s]*)@", without_user))
end

---The same for every text in a table, of which a copy is given.
---@param value any
---@return any
function M.all(value)
  if type(value) == "string" then return M.text(value) end
  if type(value) ~= "table" or next(value) == nil then return value end
  local copy = {}
  for key, one in pairs(value) do copy[type(key) == "string" and M.text(key) or key] = M.all(one) end
  return copy
end

return M
