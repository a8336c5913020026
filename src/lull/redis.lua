-- redis: the URL of a Redis, and of what is kept in it under a name: a journal,
-- or lanes that several processes share.

local usage = require "lull.usage"

local M = {}
usage.own()

local SHAPE = "redis://[USER:PASSWORD@]HOST[:PORT]/DATABASE/NAME"
local SENTINEL_SHAPE = "redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]...]/PRIMARY/DATABASE/NAME"

-- How it is spoken to.
local SCHEMES = {
  ["redis"] = {},
  ["rediss"] = { tls = true },
  ["redis+sentinel"] = { sentinels = true },
  ["rediss+sentinel"] = { tls = true, sentinels = true },
}

-- What is kept there -> whose URL it is.
local WHOSE = { journal = "the journal's", lanes = "the lanes'" }

-- `what` has a place for whose it is.
local function wrong(o, what, whose)
  usage.fail(("%s; in Redis it is %s"):format(what:format(whose), o.sentinels and SENTINEL_SHAPE or SHAPE))
end

local function plain(part)
  return (part:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- An option -> its check, or what else it wants of the URL.
local OPTIONS = { lease = usage.duration, cacert = "tls", capath = "tls", cert = "tls", key = "tls",
  sentinel_username = "sentinels", sentinel_password = "sentinels" }
local NEEDS = { tls = { "%s: a file is to be named", "%s is for TLS: rediss://" },
  sentinels = { "%s: nothing is named", "%s is for sentinels: redis+sentinel://" } }

local function read_options(o, query)
  for pair in query:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=(.*)$"
    name, value = name or pair, plain(value or "")
    if OPTIONS[name] == nil then usage.unknown("option of such a URL", name, OPTIONS) end
    local needs = NEEDS[OPTIONS[name]]
    if needs and value == "" then usage.fail(needs[1]:format(name)) end
    if needs and not o[OPTIONS[name]] then usage.fail(needs[2]:format(name)) end
    o[name] = needs and value or OPTIONS[name](value, name)
  end
  if o.lease and (o.lease < 1 or o.lease > 3600) then usage.fail "lease: from 1s to 1h" end
  if o.sentinel_username and not o.sentinel_password then
    usage.fail "sentinel_username has a password: name that with sentinel_password="
  end
  if o.key and not o.cert then usage.fail "key is that of a certificate: name that with cert=" end
end

local function read_user(o, server)
  local who, at = server:match "^(.*)@(.*)$"
  if not who then return server end
  local user, password = who:match "^([^:]*):(.*)$"
  o.user, o.password = plain(user or ""), plain(password or who)
  if o.user == "" then o.user = nil end
  return at
end

local function read_host(o, at, whose, usual)
  local host, port = at:match "^%[(.*)%](.*)$"
  if not host then host, port = at:match "^([^:]*)(.*)$" end
  host = plain(host)
  port = port == "" and usual or tonumber(port:match "^:(%d+)$" or "")
  if host == "" then wrong(o, "%s URL names no host", whose) end
  if not port or port < 1 or port > 65535 then wrong(o, "%s URL has no port that can be", whose) end
  if o.tls and host:sub(1, 1) == "/" then usage.fail "TLS is for hosts, not for sockets: redis://" end
  return host, port
end

local function read_server(o, server, whose)
  local at = read_user(o, server)
  if not o.sentinels then
    o.host, o.port = read_host(o, at, whose, 6379)
    return
  end
  local lines = {}
  for one in (at .. ","):gmatch "([^,]*)," do lines[#lines + 1] = ("%s %d"):format(read_host(o, one, whose, 26379)) end
  o.sentinels = table.concat(lines, "\n")
end

-- The URL's scheme, and what is behind it.
local function split(path)
  local scheme, rest = path:match "^(redis[%a+]*)://(.*)$"
  if scheme and SCHEMES[scheme] then return SCHEMES[scheme], rest end
end

---True for the URL of one.
function M.is(path) return split(path) ~= nil end

---The URL without what is secret.
function M.shown(path) return (path:gsub("^([%a+]+://)[^/]*@", "%1"):gsub("%?.*$", "")) end

---What the URL says, for the core.
---@param path string
---@param what "journal"|"lanes"
---@return table
function M.read(path, what)
  local whose = WHOSE[what]
  local scheme, behind = split(path)
  local rest, query = behind:match "^([^?]*)%??(.*)$"
  local o = { shown = M.shown(path), tls = scheme.tls, sentinels = scheme.sentinels }
  local server, place = rest:match "^([^/]*)/?(.*)$"
  if o.sentinels then o.primary, place = place:match "^([^/]*)/?(.*)$" end
  local database, name = place:match "^([^/]*)/?(.*)$"
  read_server(o, server, whose)
  o.primary = o.primary and plain(o.primary)
  if o.primary == "" then wrong(o, "%s URL names no primary", whose) end
  if not database:match "^%d+$" then wrong(o, "%s URL names no database", whose) end
  o.database, o.name = tonumber(database), plain(name)
  if o.name == "" then wrong(o, "%s URL names no " .. what, whose) end
  if not o.name:match "^[%w._-]+$" or #o.name > 100 then
    wrong(o, ("%%s name '%s' is not of letters, digits, '.', '_' and '-'"):format((o.name:gsub("%%", "%%%%"))), whose)
  end
  read_options(o, query)
  return o
end

return M
