-- redis: the URL of a Redis, and of what is kept in it under a name: a journal,
-- or lanes that several processes share.

local usage = require "lull.usage"

local M = {}
usage.own()

local SHAPE = "redis://[USER:PASSWORD@]HOST[:PORT]/DATABASE/NAME"

-- What is kept there -> whose URL it is.
local WHOSE = { journal = "the journal's", lanes = "the lanes'" }

-- `what` has a place for whose it is.
local function wrong(what, whose)
  usage.fail(("%s; in Redis it is %s"):format(what:format(whose), SHAPE))
end

local function plain(part)
  return (part:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local OPTIONS = { lease = true }

local function read_options(o, query)
  for pair in query:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=(.*)$"
    name = name or pair
    if not OPTIONS[name] then usage.unknown("option of such a URL", name, OPTIONS) end
    o[name] = usage.duration(plain(value or ""), name)
  end
  if o.lease and (o.lease < 1 or o.lease > 3600) then usage.fail "lease: from 1s to 1h" end
end

local function read_server(o, server, whose)
  local who, at = server:match "^(.*)@(.*)$"
  if who then
    local user, password = who:match "^([^:]*):(.*)$"
    o.user, o.password = plain(user or ""), plain(password or who)
    if o.user == "" then o.user = nil end
  end
  at = at or server
  local host, port = at:match "^%[(.*)%](.*)$"
  if not host then host, port = at:match "^([^:]*)(.*)$" end
  o.host = plain(host)
  o.port = port == "" and 6379 or tonumber(port:match "^:(%d+)$" or "")
  if o.host == "" then wrong("%s URL names no host", whose) end
  if not o.port or o.port < 1 or o.port > 65535 then wrong("%s URL has no port that can be", whose) end
end

---True for the URL of one.
function M.is(path) return path:match "^rediss?://" ~= nil end

---The URL without what is secret.
function M.shown(path) return (path:gsub("^(rediss?://)[^/]*@", "%1"):gsub("%?.*$", "")) end

---What the URL says, for the core.
---@param path string
---@param what "journal"|"lanes"
---@return table
function M.read(path, what)
  local whose = WHOSE[what]
  if path:find "^rediss:" then
    usage.fail "rediss:// needs a hiredis with TLS, which this lull does not use; name a tunnel's redis:// instead"
  end
  local rest, query = path:match "^redis://([^?]*)%??(.*)$"
  local server, database, name = rest:match "^([^/]*)/?([^/]*)/?(.*)$"
  local o = { shown = M.shown(path) }
  read_server(o, server, whose)
  if not database:match "^%d+$" then wrong("%s URL names no database", whose) end
  o.database, o.name = tonumber(database), plain(name)
  if o.name == "" then wrong("%s URL names no " .. what, whose) end
  if not o.name:match "^[%w._-]+$" or #o.name > 100 then
    wrong(("%%s name '%s' is not of letters, digits, '.', '_' and '-'"):format((o.name:gsub("%%", "%%%%"))), whose)
  end
  read_options(o, query)
  return o
end

return M
