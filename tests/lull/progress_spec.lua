-- lull.progress(): how far a run is, in the simulated world.
local support = require "tests.support"

describe("lull.progress", function()
  -- Looks at a batch from a task beside it, at these seconds.
  local function watch(times, server, options, fn)
    local seen = {}
    support.sim(server, function(lull)
      local api = lull.client(options)
      lull.spawn(function()
        for _, at in ipairs(times) do
          lull.sleep(at - lull.now())
          local p = lull.progress()
          local fits = {}
          for width = 1, 100 do fits[width] = p:line(width) end
          seen[#seen + 1] = { p = p, line = tostring(p), fits = fits }
        end
      end)
      fn(lull, api)
    end)
    return seen
  end

  local function items(n)
    local list = {}
    for i = 1, n do list[i] = i end
    return list
  end

  it("tells what is done, failed, later and under way, the rate and the time left", function()
    local seen = watch({ 0.5, 5.5, 6.5, 10.05 }, function(request)
      require("lull").sleep(1)
      return request.path:find "7$" and 404 or 200
    end, { base = "http://api.test" }, function(lull, api)
      lull.each(items(100), { parallel = 10 }, function(i) return api:get("/" .. i) end)
    end)
    assert.equal("0 of 100 done, 10 under way", seen[1].line)
    local p = seen[2].p
    assert.are.same({ 45, 5, 0, 100, 10, 0 }, { p.done, p.failed, p.later, p.total, p.under_way, p.waiting })
    assert.equal(10, p.rate)
    assert.equal(5, p.left)
    assert.equal("54 of 100 done, 6 failed, 10 under way, 10/s, 4s left", seen[3].line)
  end)

  -- A screen that stood still said nothing of why.
  it("tells what waits for what, until when, and who said so", function()
    local seen = watch({ 2 }, function(_, n) return n == 1 and 429 or 200, { ["retry-after"] = "20" } end,
      { base = "http://api.test" }, function(lull, api)
        lull.each(items(30), { parallel = 14 }, function(i) return api:get("/" .. i) end)
      end)
    local p = seen[1].p
    assert.is_true(p.waiting >= 1 and p.waiting <= 14)
    assert.are.same({ 429, "hint", "http://api.test" }, { p.waits[1].status, p.waits[1].source, p.waits[1].lane })
    assert.is_true(math.abs(p.waits[1].first - 18) < 1, p.waits[1].first)
    assert.matches("%d+ wait: 429 of api%.test until %d%d:%d%d:%d%d, as the server asked", seen[1].line)
    assert.is_nil(p.left)
  end)

  it("counts who queues in a lane that pauses to what made it pause", function()
    local seen = watch({ 2 }, function() return 429, { ["retry-after"] = "20" } end,
      { base = "http://api.test", limit = { parallel = 2 }, attempts = 2 }, function(lull, api)
        lull.each(items(9), { parallel = 9 }, function(i) return api:get("/" .. i) end)
      end)
    assert.are.same({ 9, 9, 0 }, { seen[1].p.waiting, seen[1].p.waits[1].count, seen[1].p.under_way })
    assert.is_true(math.abs(seen[1].p.held - 18) < 0.5)
  end)

  it("names the rate, where that is what calls wait for", function()
    local seen = watch({ 2 }, function() return 200 end, { base = "http://api.test", limit = "2/10s" },
      function(lull, api)
      lull.each(items(4), { parallel = 4 }, function(i) return api:get("/" .. i) end)
    end)
    assert.equal("2 of 4 done, 2 wait: the rate of api.test", (seen[1].line:gsub(" until.*", "")))
  end)

  it("is as short as it has to be", function()
    local seen = watch({ 12 }, function(_, n)
      require("lull").sleep(1)
      if n > 100 then return 429, { ["retry-after"] = "20" } end
      return 200
    end, { base = "http://api.test" }, function(lull, api)
      lull.each(items(1000), { parallel = 10 }, function(i) return api:get("/" .. i) end)
    end)
    for width, line in ipairs(seen[1].fits) do
      assert.is_true(#line <= width, line)
      if width >= 60 then assert.matches("10 wait: 429", line) end
    end
    assert.matches("as the server asked", seen[1].line)
    assert.matches("^100 of 1,000 done, 10 wait: 429 until [%d: -]+$", seen[1].fits[54])
  end)

  it("lets go of a batch that has ended by an error", function()
    support.sim(function() return 200 end, function(lull)
      lull.try(lull.each, { 1, 2 }, function() error "no" end)
      assert.is_false(lull.progress().batch)
      assert.equal("", tostring(lull.progress()))
    end)
  end)

  it("knows from a file's size how many rows there may be", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write("id\n" .. ("abc\n"):rep(100))
    file:close()
    local seen = watch({ 5.5 }, function()
      require("lull").sleep(1)
      return 200
    end, { base = "http://api.test" }, function(lull, api)
      lull.each(lull.rows(path, { format = "csv" }), { parallel = 10 }, function(row) return api:get("/" .. row.id) end)
    end)
    os.remove(path)
    assert.is_true(math.abs(seen[1].p.total - 100) <= 2)
    assert.matches("^50 of about 1?%d+ done", seen[1].line)
  end)
end)
