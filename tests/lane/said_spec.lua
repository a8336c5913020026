-- What a lane has learned, and that it lets nobody go, is said where a user looks. A
-- batch that a server had told to wait for a minute looked as if it hung.

local json = require "lull.json"
local limits = require "bench.limits"
local support = require "tests.support"

-- Lines of the trace and of the log of a run.
local function said(world, script)
  local lines, entries = {}, {}
  support.sim(world, function(lull)
    local out = { write = function(_, ...) lines[#lines + 1] = table.concat { ... } end }
    require("lull.trace").install(out, function(line) entries[#entries + 1] = json.decode(line) end)
    script(lull)
  end)
  return table.concat(lines), entries
end

local function first(entries, name)
  for _, entry in ipairs(entries) do
    if entry[name] then return entry end
  end
end

local function many(n, parallel)
  return function(lull)
    local i = 0
    lull.each(function()
      i = i + 1
      return i <= n and i or nil
    end, { parallel = parallel }, function(k) return lull.get("http://api.test/" .. k) end)
  end
end

describe("of a lane is said", function()
  it("what it has learned, in trace and log", function()
    local model = limits.leaky(10, 2)
    local trace, log = said(function()
      return { status = model.ask(require("lull").now()) and 200 or 429, delay = 0.05 }
    end, many(300, 8))
    assert.matches("%d  lane http://api%.test: learned %d+%.%d/s\n", trace)
    assert.is_true(first(log, "learned").learned.rate > 1)
    local _, count = trace:gsub(": learned ", "")
    assert.is_true(count <= 20, tostring(count)) -- of 300 calls: when it changes
  end)

  it("a window, and so many at once", function()
    local model = limits.fixed(100, 10)
    local trace = said(function() return { status = model.ask(require("lull").now()) and 200 or 429, delay = 0.05 } end,
      many(600, 16))
    assert.matches("lane http://api%.test: learned [^\n]*%d+ in 10s", trace)
  end)

  it("that it lets nobody go for more than 2 s, once", function()
    local n = 0
    local trace, log = said(function()
      n = n + 1
      local shut = n > 4 and require("lull").now() < 30
      return { status = shut and 429 or 200, headers = shut and { ["retry-after"] = "60" } or {}, delay = 0.05 }
    end, many(20, 4))
    local _, count = trace:gsub("lane http://api%.test: held for 1m 0s by a pause\n", "")
    assert.are.equal(1, count, trace)
    local entry = first(log, "held")
    assert.are.same({ 429, "pause", 60 }, { entry.status, entry.held_by, math.floor(entry.held + 0.5) })
  end)

  it("by a rate and a quota, too; and not when it is short", function()
    local function hold(world, client)
      return (said(world, function(lull)
        local api = lull.client(client)
        api:get "http://api.test/1"
        assert.is_true(lull.lanes()["http://api.test"].held > 0)
      end))
    end
    local function ok() return 200 end
    assert.matches("held for 1m 0s by the rate\n", hold(ok, { limit = "1/m" }))
    assert.is_nil(hold(ok, { limit = "1/s" }):find("held", 1, true))
    assert.matches("held for 40s by the quota\n", hold(function()
      return 200, { ["x-ratelimit-remaining"] = "0", ["x-ratelimit-reset"] = "40" }
    end, {}))
  end)

  it("in the line of progress, with its end", function()
    local line, lane
    support.sim(function() return 200 end, function(lull)
      local api = lull.client { limit = "1/m" }
      api:get "http://api.test/1"
      local task = lull.spawn(function() api:get "http://api.test/2" end)
      lull.sleep(1)
      line, lane = lull.progress():line(), lull.lanes()["http://api.test"]
      assert.near(59, lull.progress().held, 0.01)
      task:cancel()
    end)
    assert.matches("^1 wait: the rate of api%.test until ", line)
    assert.are.same({ "rate", 59, 0 }, { lane.held_by, lane.held, lane.paused })
  end)
end)
