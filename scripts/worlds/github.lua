--[[
GitHub's REST API, as far as labels go, with its two kinds of limit: a quota
of requests (x-ratelimit-*), and the secondary limits against bursts. Both
are told by a 403, which may also mean that one may not.

It blocks whoever writes more often than once a second or has more than ten
requests under way, and begins the block anew when asked while it lasts. It
also blocks after so many writes whatever the client does, since it is not
the only one who uses that account.

    lull --sim scripts/worlds/github.lua scripts/cookbook/github.lua octo/demo triage
]]

local lull = require "lull"

local ISSUES = 40
local LOCKED = 7 -- this issue may not be labelled
local LOST = 11 -- the first label of this one is set, and the answer gets lost
local TAKES = 0.4 -- s
local BLOCK = 60 -- s
local QUOTA_AT = 30 -- after so many writes the hour's quota is used up,
local QUOTA_AGAIN = 900 -- and renewed after so many seconds
-- After so many writes: a block that is told with Retry-After, and one that
-- is not.
local BURSTS = { [8] = true, [20] = false }

local under_way, writes, last_write = 0, 0, -1
local blocked_until, told = 0, false
local quota_again, quota_used
local lost = false

local function http_date(time) return os.date("!%a, %d %b %Y %H:%M:%S GMT", math.floor(time)) end

-- What every answer tells of the quota.
local function headers(more)
  local h = { date = http_date(lull.time()), ["x-ratelimit-limit"] = 5000,
    ["x-ratelimit-remaining"] = 4000 - writes, ["x-ratelimit-reset"] = math.floor(lull.time()) + 1800 }
  for name, value in pairs(more or {}) do h[name] = value end
  return h
end

local function secondary()
  return 403, headers { ["retry-after"] = told and math.ceil(blocked_until - lull.now()) or nil },
    { message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again." }
end

local function block(with_header)
  blocked_until, told = lull.now() + BLOCK, with_header
  return secondary()
end

local function out_of_quota()
  return 403, headers { ["x-ratelimit-remaining"] = 0, ["x-ratelimit-reset"] = math.floor(quota_again) },
    { message = "API rate limit exceeded for user ID 1." }
end

local function list()
  local issues = {}
  for i = 1, ISSUES do issues[i] = { number = i, title = ("issue %d"):format(i) } end
  return 200, headers(), issues
end

local function too_fast(request)
  if request.method ~= "POST" then return under_way > 10 end
  local early = lull.now() - last_write < 0.99 -- as seen from here
  last_write = lull.now()
  return early or under_way > 10
end

local function write(request)
  local number = tonumber(request.route:match "/issues/(%d+)/labels$")
  if number == LOCKED then
    return 403, headers(), { message = "Resource not accessible by personal access token" }
  end
  writes = writes + 1
  if number == LOST and not lost then
    lost = true
    return "close"
  end
  return 200, headers(), { { name = "triage" } }
end

local function limits(request)
  local now = lull.now()
  if quota_again and lull.time() < quota_again then return out_of_quota() end
  if now < blocked_until then return block(told) end
  if too_fast(request) then return block(true) end
  if BURSTS[writes] ~= nil then
    local with_header = BURSTS[writes]
    BURSTS[writes] = nil
    return block(with_header)
  end
  if writes == QUOTA_AT and not quota_used then
    quota_used, quota_again = true, lull.time() + QUOTA_AGAIN
    return out_of_quota()
  end
end

local function serve(request)
  under_way = under_way + 1
  lull.sleep(TAKES)
  local status, fields, body = limits(request)
  if not status then
    if request.method == "GET" then
      status, fields, body = list()
    else
      status, fields, body = write(request)
    end
  end
  under_way = under_way - 1
  return status, fields, body
end

return { ["https://api.github.com"] = serve }
