--[[
A fake of the Copyleaks API, v3: the parts that submitting files needs.

It serves https://id.copyleaks.com (login) and https://api.copyleaks.com
(submit, progress, credits, delete), with that API's limits, token expiry,
conflicts and error bodies, and it breaks on purpose, always in the same
way: which failure a scan meets depends only on how many scans came before
it and on how often it has been tried. What the real API does not have:
GET /_world/scans tells what is stored.

    lull --sim scripts/worlds/copyleaks.lua scripts/copyleaks.lua README.md
    lua tests/server.lua scripts/worlds/copyleaks.lua
]]

local lull = require "lull"

local P = {
  -- The one account. Any other email or key is refused with 401.
  email = "demo@example.com",
  key = "00000000-0000-0000-0000-000000000000",
  credits = 1000, -- one for each 250 words, here 1500 bytes; sandbox: none

  -- Limits: requests in a window of seconds. The window of the account's
  -- 10/s is a little short, since requests may come in closer together than
  -- they were sent. More logins than allowed block the login for a while.
  account_limit = { count = 10, window = 0.9 },
  login_limit = { count = 12, window = 900, block = 300 },

  token_life = 48 * 3600, -- s, what a token says of itself ...
  token_uses = { 15, 400 }, -- ... but the first one dies after 15 requests,
  -- in mid run, and each later one after 400

  login_time = 0.1, -- s, how long an answer takes
  submit_time = 0.2,

  -- What the 1st, 2nd ... scan meets on its 1st, 2nd ... try before it is
  -- taken in. After the last line it starts over.
  failures = {
    { 503, 500, 503 },
    {},
    { "reset" }, -- not stored
    { "lost" }, -- stored, then closed without an answer
    { 429 },
    {},
    { "code 9" },
    { 503, "lost" },
    {},
    { "code 16", 500 },
    {},
    { "reset", 503 },
  },
}

local tokens = {} -- token -> { dies = s, uses = n }
local scans = {} -- id -> a scan that was ever seen
local seen = 0 -- how many of them
local account_hits, login_hits, login_blocked = {}, {}, 0
local token_count, credits = 0, P.credits
local met = {} -- failure -> how often

-- Answers ----------------------------------------------------------------

local function problem(kind, code, message)
  return { error = { type = kind, id = "fake", code = code,
    message = message } }
end

local function throttled() return 429, nil, { error = "Rate limit exceeded" } end

local function unauthorized()
  return 401, { ["content-type"] = "application/problem+json" }, {
    type = "https://tools.ietf.org/html/rfc9110#section-15.5.2",
    title = "Unauthorized", status = 401, traceId = "00-fake-00",
  }
end

local broken = {
  [500] = function() return 500 end,
  [503] = function() return 503, nil, "Service Unavailable" end,
  [429] = throttled,
  reset = function() return "reset" end,
  ["code 9"] = function()
    return 400, nil, problem("api_error", 9,
      "Temporarily unavailable. Please try again later.")
  end,
  ["code 16"] = function()
    return 400, nil, problem("api_error", 16, "Internal error, ticket fake-1.")
  end,
}

-- Limits and tokens ------------------------------------------------------

-- Counts one more request; false when the window was full already.
local function admit(hits, limit)
  local now = lull.now()
  while hits[1] and hits[1] <= now - limit.window do table.remove(hits, 1) end
  if #hits >= limit.count then return false end
  hits[#hits + 1] = now
  return true
end

local function stamp(time)
  local ticks = math.floor(time % 1 * 1e7) -- seven digits, as .NET writes them
  return os.date("!%Y-%m-%dT%H:%M:%S", math.floor(time))
    .. (".%07d+00:00"):format(ticks)
end

local function new_token()
  token_count = token_count + 1
  local token, now = ("fake-token-%d"):format(token_count), lull.time()
  local uses = P.token_uses[math.min(token_count, #P.token_uses)]
  tokens[token] = { dies = now + P.token_life, uses = uses }
  return { access_token = token, [".issued"] = stamp(now),
    [".expires"] = stamp(now + P.token_life) }
end

local function authorized(request)
  local header = request.headers.authorization or ""
  local token = tokens[header:match("^Bearer (.+)$") or ""]
  if not token or lull.time() >= token.dies or token.uses == 0 then
    return false
  end
  token.uses = token.uses - 1
  return true
end

local function parse(body)
  local ok, value = pcall(lull.json.decode, body)
  return ok and type(value) == "table" and value or {}
end

-- Login ------------------------------------------------------------------

local function missing(fields, body)
  local lines
  for _, field in ipairs(fields) do
    if type(body[field]) ~= "string" or body[field] == "" then
      lines = lines or {}
      lines[field:gsub("^%l", string.upper)] =
        { ("The %s field is required."):format(field) }
    end
  end
  return lines
end

local function may_login()
  if lull.now() < login_blocked then return false end
  if admit(login_hits, P.login_limit) then return true end
  login_blocked = lull.now() + P.login_limit.block
  return false
end

local function login(request)
  if not may_login() then return throttled() end
  lull.sleep(P.login_time)
  local body = parse(request.body)
  local lines = missing({ "email", "key" }, body)
  if lines then return 400, nil, lines end
  if body.email ~= P.email or body.key ~= P.key then
    return 401, nil, { message = "Invalid login credentials." }
  end
  return 200, nil, new_token()
end

-- Submit -----------------------------------------------------------------

local function valid_id(id)
  return #id >= 3 and #id <= 36
    and not id:find("[^a-z0-9!@$^&+%%=_(){}<>';:/.\",~`|-]")
end

local function decoded_size(base64)
  if #base64 % 4 ~= 0 or not base64:find("^[%w+/]+=?=?$") then return nil end
  return #base64 / 4 * 3 - #base64:match("=*$")
end

local function scan_of(id)
  if not scans[id] then
    seen = seen + 1
    scans[id] = { id = id, tries = 0, stored = 0, conflicts = 0,
      failures = P.failures[(seen - 1) % #P.failures + 1] }
  end
  return scans[id]
end

local function price(bytes, properties)
  if type(properties) == "table" and properties.sandbox then return 0 end
  return math.ceil(bytes / 1500)
end

local function store(scan, body, bytes)
  local cost = price(bytes, body.properties)
  if cost > credits then
    return 402, nil, problem("payment_error", 13, "No credits left.")
  end
  credits = credits - cost
  scan.stored, scan.present = scan.stored + 1, true
  scan.filename, scan.bytes, scan.since = body.filename, bytes, lull.now()
  return 201, nil, ""
end

local function take_in(scan, request)
  local body = parse(request.body)
  local lines = missing({ "base64", "filename" }, body)
  if lines then return 400, nil, lines end
  local bytes = decoded_size(body.base64)
  if not bytes or #body.filename > 255 then
    return 400, nil, problem("invalid_request_error", 14, "Invalid file.")
  end
  if scan.present then
    scan.conflicts = scan.conflicts + 1
    return 409, nil, problem("invalid_request_error", nil,
      "A scan with the same Id already exists in the system.")
  end
  return store(scan, body, bytes)
end

local function submit(request, id)
  if not valid_id(id) then
    return 400, nil, problem("invalid_request_error", 1, "Invalid scan id.")
  end
  local scan = scan_of(id)
  scan.tries = scan.tries + 1
  local failure = scan.failures[scan.tries]
  if failure then met[tostring(failure)] = (met[tostring(failure)] or 0) + 1 end
  lull.sleep(P.submit_time)
  if failure == "lost" then
    take_in(scan, request)
    return "close"
  end
  if failure then return broken[failure]() end
  return take_in(scan, request)
end

-- The rest ---------------------------------------------------------------

local function progress(_, id)
  local scan = scans[id]
  if not (scan and scan.present) then return 404 end
  local percents = math.floor((lull.now() - scan.since) * 10)
  return 200, nil, { percents = math.min(100, percents) }
end

local function amount() return 200, nil, { Amount = credits } end

local function delete(request)
  local list = parse(request.body).scans
  if type(list) ~= "table" then
    return 400, nil, { Scans = { "The scans field is required." } }
  end
  for _, entry in ipairs(list) do
    local scan = scans[entry.id]
    if scan then scan.present = false end
  end
  return 202
end

-- What is stored, for checks: `stored` is how often a scan was taken in.
local function inventory()
  local list, total = {}, 0
  for _, scan in pairs(scans) do
    list[#list + 1] = { id = scan.id, filename = scan.filename,
      bytes = scan.bytes, stored = scan.stored, tries = scan.tries,
      conflicts = scan.conflicts }
    if scan.present then total = total + 1 end
  end
  table.sort(list, function(a, b) return a.id < b.id end)
  return 200, nil, { count = total, scans = list, failures = met,
    logins = token_count, credits = credits }
end

local routes = {
  { "PUT", "^/v3/scans/submit/file/(.+)$", submit },
  { "GET", "^/v3/scans/credits$", amount },
  { "GET", "^/v3/scans/(.+)/progress$", progress },
  { "PATCH", "^/v3%.1/scans/delete$", delete },
}

local function decode(text)
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function handler(request)
  for _, route in ipairs(routes) do
    local id = request.route:match(route[2])
    if id and request.method == route[1] then return route[3], decode(id) end
  end
end

local function api(request)
  if request.route == "/_world/scans" then return inventory() end
  local serve, id = handler(request)
  if not serve then return 404 end
  if not admit(account_hits, P.account_limit) then return throttled() end
  if not authorized(request) then return unauthorized() end
  return serve(request, id)
end

local function identity(request)
  if request.route ~= "/v3/account/login/api" then return 404 end
  if request.method ~= "POST" then return 405, { allow = "POST" } end
  return login(request)
end

return {
  ["https://id.copyleaks.com"] = identity,
  ["https://api.copyleaks.com"] = api,
  paths = {
    ["/v3/account/"] = "https://id.copyleaks.com",
    ["/"] = "https://api.copyleaks.com",
  },
}
