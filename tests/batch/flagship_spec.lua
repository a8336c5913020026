-- The flagship that is killed over and over while it submits files to the
-- failing API, over real sockets. `make kills` has the long form of it.
local http = require "socket.http"
local cjson = require "cjson"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"
local LONG = os.getenv "LULL_KILLS" ~= nil
local FILES, KILLS = LONG and 48 or 8, LONG and 10 or 3

local function files_of(n)
  local files = {}
  for i = 1, n do files[i] = wire.write(("file %d\n"):format(i), ".txt") end
  return files
end

-- Each run logs in, more often than a quarter of an hour allows.
local function patient_world()
  local world, n = wire.read("scripts/worlds/copyleaks.lua"):gsub("login_limit = { count = 12",
    "login_limit = { count = 99")
  assert(n == 1)
  return world
end

describe("copyleaks.lua with a journal #binary", function()
  after_each(wire.clean)

  it("stores each file once, however often it is killed", function()
    local server, journal = wire.server(patient_world()), wire.path ".lull"
    local command = ("env COPYLEAKS_API=%s COPYLEAKS_ID=%s %s --trace --journal %s tests/demo.lua %s 2>&1"):format(
      server.url, server.url, wire.quote(BINARY), journal, table.concat(files_of(FILES), " "))
    local draw = 11
    for _ = 1, KILLS do
      draw = draw * 16807 % 2147483647
      local child = wire.start(command)
      -- Its first line is the demo's, its second one the login's.
      for _ = 1, 3 + draw % 5 do
        local line = child:line()
        assert(line or not LONG, "it ended before it was killed")
        if not line then break end
      end
      child:signal "KILL"
      child:finish()
    end
    -- What the kills cost a file of its attempts may be too many: then it is for later.
    local runs, last = 1, wire.run(command)
    while last.code == 75 and runs < KILLS do runs, last = runs + 1, wire.run(command) end
    assert.are.equal(0, last.code, last.out)
    local done = assert(last.out:match "(%d+) in, 0 to be tried later, 0 refused\n", last.out)
    local before = last.out:match "(%d+) before, " or 0 -- it is not said when there is none
    assert.are.equal(FILES, tonumber(before) + tonumber(done), last.out)
    local world = cjson.decode((assert(http.request(server.url .. "/_world/scans"))))
    assert.are.equal(FILES, world.count)
    for _, scan in ipairs(world.scans) do assert.are.equal(1, scan.stored, scan.id) end
  end)
end)
