-- The same seed gives the same run, byte for byte, on every Lua.
--
-- One scenario with many tasks, jitter, rules, hints, faults, redirects,
-- limits and a cancellation; what it prints and traces is compared with
-- golden/run.txt. After a change that is meant to change it, renew it with
--
--     LULL_GOLDEN=write lua5.4 tests/busted.lua --pattern=_spec tests/sim/determinism_spec.lua
--
-- and read the difference.
local support = require "tests.support"

local GOLDEN = "tests/golden/run.txt"

local function world()
  local counts = {}
  local function api(request)
    counts[request.route] = (counts[request.route] or 0) + 1
    local n = counts[request.route]
    local i = tonumber(request.route:match("%d+$")) or 0
    if request.route == "/token" then return 200, nil, { token = "t" .. n } end
    if request.headers.authorization == "t0" and i % 5 == 0 then return 401 end
    if i % 7 == 0 and n == 1 then return 302, { location = "/items/" .. i + 100 } end
    if i % 6 == 0 and n < 3 then return 503, { ["retry-after"] = 2 } end
    if i % 4 == 0 and n == 1 then return ({ "reset", "close", "hang", "garbage" })[i / 4 % 4 + 1] end
    if i % 9 == 0 then return 404 end
    if i % 11 == 0 then return 500 end
    local delay = math.random() / 4
    return { status = 200, delay = delay, body = { i = i, lucky = math.random(1, 6), at = os.time() % 1000 } }
  end
  return { ["http://api.test"] = api, ["http://logs.test"] = function() return { status = 204, delay = 0.05 } end }
end

local function scenario(lull, say)
  local token = "t0"
  local api = lull.client { base = "http://api.test", timeout = 3, deadline = 40, attempts = 4,
    limit = { "20/s", parallel = 6 }, key = true,
    backoff = { kind = "exponential", base = 0.5, cap = 8, jitter = "decorrelated" },
    on = {
      [401] = function(attempt)
        token = assert(lull.post("http://api.test/token")):json().token
        return attempt:retry { wait = 0, headers = { authorization = lull.secret(token) } }
      end,
      [404] = "accept",
      ["5xx"] = { "retry", attempts = 3, backoff = "linear:1s..5s,0s-1s" },
    } }
  local items = {}
  for i = 1, 40 do items[i] = i end
  local results = lull.map(items, { parallel = 12 }, function(i)
    local method = i % 3 == 0 and "POST" or "GET"
    local res, err = api:request(method, "/items/" .. i, {
      headers = { authorization = token }, json = method == "POST" and { i = i } or nil })
    lull.spawn(lull.get, "http://logs.test/" .. i)
    if not res then return tostring(err) end
    local body = res.status == 200 and res:json() or {}
    return ("%d %s %d %.6f %.6f"):format(res.status, tostring(body.lucky), res.attempts, res.elapsed, res.waited)
  end)
  for i = 1, results.n do say(i, results[i]) end
  local racing = lull.spawn(api.get, api, "/items/3", { lane = "own" })
  lull.sleep(0.01)
  racing:cancel()
  say("race", lull.race {
    function() lull.sleep(math.random()); return "first" end,
    function() lull.sleep(math.random()); return "second" end,
  })
  for name, lane in lull.sorted(lull.lanes()) do
    say("lane", name, lane.queued, lane.flying, ("%.3f"):format(lane.budget))
  end
  say("end", ("%.6f %.6f"):format(lull.now(), lull.time()))
end

-- All that the scenario says, and its trace.
local function run(seed)
  local said = {}
  local t = support.sim(world(), function(lull)
    scenario(lull, function(...)
      local parts = {}
      for i = 1, select("#", ...) do
        local value = select(i, ...)
        parts[i] = type(value) == "number" and ("%d"):format(value) or tostring(value)
      end
      said[#said + 1] = table.concat(parts, "\t")
    end)
  end, { seed = seed })
  assert.are.equal(0, t.live)
  return table.concat(said, "\n") .. "\n\n" .. table.concat(t.lines, "\n") .. "\n"
end

describe("a run", function()
  it("is the same as ever for the same seed", function()
    local text = run(42)
    if os.getenv "LULL_GOLDEN" == "write" then
      local file = assert(io.open(GOLDEN, "wb"))
      file:write(text)
      file:close()
    end
    local file = assert(io.open(GOLDEN, "rb"))
    local golden = file:read("*a")
    file:close()
    -- The first line that differs says more than two long texts.
    local mine, theirs = text:gmatch("[^\n]*"), golden:gmatch("[^\n]*")
    for line in mine do assert.are.equal(theirs(), line) end
    assert.are.equal(golden, text)
  end)

  it("is the same twice in one process", function()
    assert.are.equal(run(7), run(7))
  end)

  it("is another for another seed", function()
    assert.are_not.equal(run(1), run(2))
  end)
end)
