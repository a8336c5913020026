#!/usr/bin/env lull
--[[
Submits files to the Copyleaks API and sees each of them in, whatever happens on the way.

    COPYLEAKS_EMAIL=... COPYLEAKS_KEY=... lull scripts/copyleaks.lua FILE...
    lull --sim scripts/worlds/copyleaks.lua scripts/copyleaks.lua FILE...

Prints one line a file: path, scan id, outcome, attempts, seconds waited. Exit code: 0 all are in,
75 some may be tried later, 1 some were refused. With `--journal FILE` it goes on after a kill, and
another run takes up what was left for later.
]]
local lull = require "lull"
local base64 = require("mime").b64
local digest = require "openssl.digest"

-- Without these it logs in as the simulated account, which the real API refuses.
local EMAIL = os.getenv "COPYLEAKS_EMAIL" or "demo@example.com"
local KEY = os.getenv "COPYLEAKS_KEY" or "00000000-0000-0000-0000-000000000000"
-- Sandbox scans are free and give mock results; the webhook is told when a scan is done.
local PROPERTIES = { sandbox = true, webhooks = { status = "https://example.com/done/{STATUS}" } }

local identity = lull.client {
  base = os.getenv "COPYLEAKS_ID" or "https://id.copyleaks.com",
  preset = "copyleaks", attempts = 5, timeout = 30, deadline = 900,
  lane = "copyleaks-login", limit = { "12/15m" },
  unsafe = true, -- a login repeated does no harm
  on = {
    ["5xx"] = "retry", net = "retry", http = "retry",
    [429] = function(attempt) return attempt:retry(300) end, -- it is blocked for 5 minutes
  },
}
local halt -- why no more files are sent: { why, code }

-- "2018-11-26T16:15:38.2431255+02:00" -> seconds; only differences mean something
local function seconds(stamp)
  local y, mo, d, h, mi, s, sign, oh, om =
    stamp:match("^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)[.%d]*([-+])(%d+):(%d+)")
  local local_time = { year = y, month = mo, day = d, hour = h, min = mi, sec = s, isdst = false }
  return os.time(local_time) - (oh * 60 + om) * (sign == "+" and 60 or -60)
end

-- However many tasks need it at once, one login serves them all.
local session = lull.token(function()
  local res, err = identity:post("/v3/account/login/api",
    { json = { email = EMAIL, key = lull.secret(KEY) } })
  if not res then
    halt = { why = tostring(err), code = err.why == "rule" and 1 or 75 }
    return nil, err
  end
  local token = res:json()
  -- By the server's own clock: ours may be wrong.
  return token.access_token, seconds(token[".expires"]) - seconds(token[".issued"])
end)

local api = lull.client {
  base = os.getenv "COPYLEAKS_API" or "https://api.copyleaks.com",
  auth = session,
  preset = "copyleaks", attempts = 8, timeout = 60, deadline = 600,
  limit = { "10/s", parallel = 32 },
  -- A success pays for two retries: ten requests a second bound the load; in an outage it is still
  -- after a hundred of them that the rest is left for later.
  budget = { refund = 2 },
}

-- The code in an error's body knows better than the status.
local function by_code(attempt)
  if halt then return attempt:stop(halt.why) end
  local body = attempt:json()
  local err = type(body) == "table" and body.error
  local code = type(err) == "table" and err.code
  if code == 9 or code == 16 then return attempt:retry() end
  if code == 13 or code == 17 then
    halt = { why = "no credits left", code = 75 }
    return attempt:stop(halt.why)
  end
end

local function submit(id, name, content)
  return api:put("/v3/scans/submit/file/" .. id, {
    json = { base64 = (base64(content)), filename = name, properties = PROPERTIES },
    on = {
      ["4xx"] = by_code, ["5xx"] = by_code, [429] = by_code, [503] = by_code,
      -- The id is the content's: once an attempt may have arrived, a conflict says that it did.
      [409] = function(attempt) if attempt.maybe_applied then return attempt:accept() end end,
    },
  })
end

-- The first 128 bits of SHA-256: the same content is always the same scan.
local function scan_id(content)
  local hash = digest.new("sha256"):final(content):sub(1, 16)
  return (hash:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function read(path)
  local file, err = io.open(path, "rb")
  local content
  if file then content, err = file:read("*a"); file:close() end
  if content == "" then return nil, "empty" end
  return content, "unreadable", err
end

local function report(path, id, outcome, result)
  print(("%s\t%s\t%s\t%d\t%.1f"):format(path, id, outcome, result.attempts or 0, result.waited or 0))
end

local sent, same = {}, 0 -- ids of this run: files of the same content are one scan

-- What it gives is what becomes of the file.
local function send(path)
  local content, problem, detail = read(path)
  if not content then
    if detail then io.stderr:write(detail, "\n") end
    report(path, "-", problem, {})
    return nil, problem
  end
  local id = scan_id(content)
  if sent[id] then
    same = same + 1
    return print(path, id, "same as " .. sent[id], 0, "0.0")
  end
  sent[id] = path
  local res, err = submit(id, path:match("[^/]*$"):sub(-255), content)
  if res then
    report(path, id, res.status == 409 and "landed" or "stored", res)
    return res
  end
  if not halt then io.stderr:write(tostring(err), "\n") end
  -- A PUT does no harm in another run: only what the API refused is not for later.
  err.later = halt ~= nil or err.why ~= "rule"
  local conflict = err.response and err.response.status == 409
  report(path, id, err.later and "later" or conflict and "conflict" or "refused", err)
  return nil, err
end

if #arg == 0 then
  io.stderr:write("usage: lull scripts/copyleaks.lua FILE...\n")
  lull.exit(2)
end
-- A file that has changed since a run before is another scan. It is read when its turn comes, so
-- that at most 32 of them are in memory.
local function id_of(path)
  local content = read(path)
  return content and scan_id(content) or path
end

local sum = lull.each(arg, { parallel = 32, id = id_of }, send)
if halt then io.stderr:write("stopped: ", halt.why, "\n") end
print(("%s%d in, %d to be tried later, %d refused"):format(
  sum.before > 0 and ("%d before, "):format(sum.before) or "", sum.done - same, sum.later, sum.failed))
lull.exit(halt and halt.code or sum.code)
