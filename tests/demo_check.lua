--[[
Compares what the failing API's server saw with what lull says it did.

    lua tests/demo_check.lua SERVER-LOG LULL-LOG URL

SERVER-LOG is what tests/server.lua wrote, LULL-LOG what `lull --log` wrote,
URL where the server still runs: its GET /_world/scans tells what is stored.
Prints what it found, a sentence a finding; exit code 0 when all agree.
]]

local cjson = require "cjson"
local http = require "socket.http"

local PUT = "/v3/scans/submit/file/(%x+)"
-- What a fault of the server may look like from here: on a connection that
-- was used before, a reset cannot be told from a close.
local FAULTS = { reset = { ["net.reset"] = true, ["net.empty"] = true }, close = { ["net.empty"] = true } }

local good = true

local function say(ok, text, ...)
  good = good and ok
  print((ok and "ok    " or "WRONG ") .. text:format(...))
end

local function read(path)
  local list = {}
  for line in assert(io.open(path)):lines() do list[#list + 1] = cjson.decode(line) end
  return list
end

-- The PUTs of each scan in their order: id -> list of what `what` makes of
-- them; and how many ids and PUTs there are.
local function by_scan(records, path_of, what)
  local scans, ids, puts = {}, 0, 0
  for _, record in ipairs(records) do
    local id = record.method == "PUT" and path_of(record):match(PUT)
    if id then
      if not scans[id] then ids = ids + 1 end
      scans[id] = scans[id] or {}
      table.insert(scans[id], what(record))
      puts = puts + 1
    end
  end
  return scans, ids, puts
end

local function path(record) return record.path end
local function url(record) return record.url end
local function answer(record) return record.answer.fault or record.answer.status end
local function outcome(record) return record.status or record.class end

local function same(served, seen)
  return served == seen or (FAULTS[served] ~= nil and FAULTS[served][seen] == true)
end

-- The first difference between two histories of a scan, or nil.
local function difference(served, seen)
  for i = 1, math.max(#served, #seen) do
    if not same(served[i], seen[i]) then
      return ("attempt %d: the server gave %s, lull says %s"):format(i, tostring(served[i]), tostring(seen[i]))
    end
  end
end

local function compare(server, lull)
  local served, _, puts = by_scan(server, path, answer)
  local seen, ids, attempts = by_scan(lull, url, outcome)
  local different = 0
  for id, list in pairs(seen) do
    local first = difference(served[id] or {}, list)
    if first then
      different = different + 1
      say(false, "scan %s, %s", id, first)
    end
  end
  for id in pairs(served) do
    if not seen[id] then say(false, "scan %s reached the server, and lull does not know of it", id) end
  end
  say(puts == attempts and different == 0,
    "%d PUTs reached the server, %d attempts are in lull's log; attempt by attempt they %s",
    puts, attempts, different == 0 and puts == attempts and "agree" or "differ")
  return ids
end

local function check_stored(base, ids)
  local body = assert(http.request(base .. "/_world/scans"))
  local world = cjson.decode(body)
  local once = 0
  for _, scan in ipairs(world.scans) do
    if scan.stored == 1 then once = once + 1 else say(false, "scan %s is stored %d times", scan.id, scan.stored) end
  end
  say(world.logins == 2, "%d logins: one at the start, one for all who found the token expired", world.logins)
  say(once == ids and world.count == ids, "%d scans were sent, %d are stored, %d of them exactly once",
    ids, world.count, once)
end

-- What went wrong on the way, so that the run has proved something.
local function check_trouble(server)
  local met = {}
  for _, record in ipairs(server) do
    local key = record.answer ~= "incomplete" and answer(record)
    if key then met[key] = (met[key] or 0) + 1 end
  end
  local parts, all = {}, true
  for _, trouble in ipairs {
    { 429, "throttled (429)" }, { 503, "unavailable (503)" }, { 500, "broken (500)" },
    { 401, "token expired (401)" }, { "reset", "connection reset" }, { "close", "stored but not answered" },
  } do
    parts[#parts + 1] = ("%d x %s"):format(met[trouble[1]] or 0, trouble[2])
    all = all and met[trouble[1]] ~= nil
  end
  say(all, "on the way: %s", table.concat(parts, ",\n                  "))
end

local server, lull = read(arg[1]), read(arg[2])
check_trouble(server)
local ids = compare(server, lull)
check_stored(arg[3], ids)
os.exit(good and 0 or 1)
