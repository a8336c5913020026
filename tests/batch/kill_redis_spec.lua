-- The batches of kill_spec and kill_kinds_spec with their journal in a real Redis,
-- whose clock is that of the simulated world. There each script runs whole or not at
-- all: a process is killed before its nth one runs, or when it has run and nobody has
-- heard what it said. Lanes are kept there as well, and their scripts count. What
-- nobody kills is the same, to the microsecond, over the Redis that is simulated.
--
-- At ten scripts of a batch, or all when there are fewer, which lie as far apart as each
-- other. LULL_KILLS: at so many, and oftener again.
local cases = require "tests.kill_cases"
local json = require "lull.json"
local kills = require "tests.kills"
local resp = require "tests.resp"
local sim = require "lull.sim"
local wire = require "tests.wire"

local unpack = table.unpack or unpack -- luacheck: ignore
local MANY = tonumber(os.getenv "LULL_KILLS")
local POINTS = MANY or os.getenv "LULL_BUILD" == "-asan" and 3 or 10
local MOST = 5000 -- scripts of a run that comes to an end
local JOURNAL = "redis://redis.test/0/scans?lease=1s"

describe("a batch over a Redis that is killed at each script #binary", function()
  if not wire.has_redis() then
    pending "there is no redis-server here"
    return
  end

  local link

  setup(function() link = resp.connect(wire.redis().port) end)
  teardown(wire.clean)

  -- A simulated Redis whose scripts are run by the real one.
  local function new_server()
    local server, scripts = sim.redis(0), {}
    link:ask "FLUSHDB"
    function server.evaluate(_, script, now, argv)
      assert(server.taken < MOST, "the run comes to no end")
      scripts[script] = scripts[script] or link:script(script)
      link:set_clock(now)
      return scripts[script](unpack(argv))
    end
    return server
  end

  local function place_at(server)
    return { options = { journal = JOURNAL, redis = server }, gap = 2,
      crash = function(n, keep) server:crash(n, keep) end }
  end

  local function place() return place_at(new_server()) end

  -- A run that nobody kills: what was sent when, and what came of it.
  local function story_of(case, server)
    local seen = kills.new_server(case.answer)
    kills.run(case, place_at(server), seen, 1)
    local lines = { json.line(case.sum) }
    for _, at in ipairs(seen.times) do lines[#lines + 1] = ("%s %.6f"):format(at.path, at.time) end
    return table.concat(lines, "\n")
  end

  -- How many scripts a run has that nobody kills.
  local function scripts_of(case)
    local server = new_server()
    story_of(case, server)
    return server.taken
  end

  for _, list in ipairs { cases.batches, cases.kinds } do
    for _, case in ipairs(list) do
      it(case.name:gsub(" #binary", ""), function()
        local made = case.make()
        if not MANY then made.again = { 0, 2 } end
        assert.equal(story_of(case.make(), new_server()), story_of(case.make(), sim.redis(0)))
        kills.kill_at_each(made, place, math.ceil(scripts_of(case.make()) / POINTS))
      end)
    end
  end
end)
