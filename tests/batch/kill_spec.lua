-- A batch that is killed at every write of its journal, and goes on: in a
-- simulated world, judged by what its servers saw.
local kills = require "tests.kills"

local kill_at_each, paths_of, each_once = kills.kill_at_each, kills.paths_of, kills.each_once
local all_settled, flaky = kills.all_settled, kills.flaky

local ITEMS = { "a", "b", "c", "d", "e" }

describe("a batch that is killed at each write", function()
  it("has done each keyed POST once", function()
    kill_at_each { answer = flaky(2, 429), script = function(lull)
      local api = lull.client { base = "http://api.test", backoff = { base = 0.1 } }
      return lull.each(ITEMS, { parallel = 3 }, function(x)
        return api:post("/p/" .. x, { key = true, json = { x = x, y = 1 } })
      end)
    end, check = function(server, sum)
      all_settled(sum, 5)
      assert.are.equal(0, sum.failed)
      each_once(server, paths_of(ITEMS, "/p/"))
      for _, effects in pairs(server.effects) do
        local keys = 0
        for _ in pairs(effects.keys) do keys = keys + 1 end
        assert.are.equal(1, keys) -- the same key in each run
      end
    end }
  end)

  it("never sends a POST without a key twice, and says where nobody can know #binary", function()
    kill_at_each { answer = flaky(0), script = function(lull)
      local api, reasons = lull.client { base = "http://api.test" }, {}
      local sum = lull.each(ITEMS, { parallel = 2 }, function(x)
        local res, err = api:post("/p/" .. x, { body = x })
        if err then reasons[#reasons + 1] = err.why end
        return res, err
      end)
      return { total = sum.total, done = sum.done, failed = sum.failed, before = sum.before, later = sum.later,
        open = sum.open, reasons = reasons }
    end, check = function(server, sum)
      all_settled(sum, 5)
      for _, path in ipairs(paths_of(ITEMS, "/p/")) do
        assert((server.seen[path] or 0) <= 1, path .. " was sent " .. tostring(server.seen[path]) .. " times")
      end
      for _, why in ipairs(sum.reasons) do assert.are.equal("unsafe", why) end
      assert.are.equal(#sum.reasons, sum.failed)
    end }
  end)

  it("keeps to the attempts of a call, over all runs #binary", function()
    kill_at_each { answer = function() return 503 end, script = function(lull)
      local api = lull.client { base = "http://api.test", attempts = 3, backoff = { base = 0.1 } }
      return lull.each({ "a", "b" }, function(x)
        local res, err = api:put("/p/" .. x, { body = x })
        if err then err.later = false end -- one that is put off has them anew
        return res, err
      end)
    end, check = function(server, sum)
      all_settled(sum, 2)
      assert.are.equal(0, sum.done + sum.later)
      for path, seen in pairs(server.seen) do assert(seen <= 3, path .. " was sent " .. seen .. " times") end
    end }
  end)

  it("waits as long as it was told, whatever comes between", function()
    local waited = 0
    kill_at_each { answer = function(server, request, nth)
      if nth == 1 then return { status = 429, headers = { ["retry-after"] = "40" } } end
      server.apply(request)
      return 200
    end, script = function(lull)
      local api = lull.client { base = "http://api.test", max_hint = 60 }
      return lull.each({ "a" }, function(x) return api:put("/p/" .. x, { body = x }) end)
    end, kills = 4, check = function(server, sum, runs)
      all_settled(sum, 1)
      each_once(server, { "/p/a" })
      local first
      -- What the server said may be lost with its commit: then it is an answer that never came.
      if server.lost then return end
      if runs > 1 then waited = waited + 1 end
      for _, at in ipairs(server.times) do
        if not first then
          first = at.time
        else
          assert(at.time - first >= 40 and at.time - first < 50, "sent after " .. (at.time - first))
        end
      end
    end }
    assert.is_true(waited > 2)
  end)

  it("does not send again what was recorded: login, then two calls #binary", function()
    kill_at_each { answer = function(server, request)
      if request.path == "/login" then return { status = 200, body = "token" } end
      server.apply(request)
      return { status = 200, headers = { ["x-next"] = "n" .. request.path }, body = request.path }
    end, script = function(lull)
      local api = lull.client { base = "http://api.test" }
      local results, sum = lull.map({ "a", "b" }, function(x)
        local login = assert(api:post("/login", { key = true }))
        assert(login.body == "token")
        local one = assert(api:put("/one/" .. x, { body = login.body }))
        assert(one.headers["x-next"] == "n/one/" .. x)
        return api:post("/two/" .. x, { key = true, body = one.body })
      end)
      for i, x in ipairs { "a", "b" } do assert(results[i].body == "/two/" .. x, "no value of " .. x) end
      return sum
    end, check = function(server, sum)
      all_settled(sum, 2)
      assert.are.equal(0, sum.failed)
      each_once(server, { "/one/a", "/one/b", "/two/a", "/two/b" })
    end }
  end)

  it("asks the rules of the script what it makes of a lost answer", function()
    kill_at_each { answer = function(server, request, nth)
      if nth > 1 then return 409 end -- it is there already
      server.apply(request)
      return 201
    end, script = function(lull)
      local api = lull.client { base = "http://api.test", on = {
        [409] = function(attempt) if attempt.maybe_applied then return attempt:accept() end end } }
      return lull.each({ "a", "b" }, function(x) return api:put("/p/" .. x, { body = x }) end)
    end, check = function(server, sum)
      all_settled(sum, 2)
      assert.are.equal(0, sum.failed)
      each_once(server, { "/p/a", "/p/b" })
    end }
  end)

  -- The call went on to a GET, which waited to be tried again: taken up, it began with its POST.
  it("does not send a POST again that was answered with a redirect #binary", function()
    kill_at_each { answer = function(server, request, nth)
      if request.method == "POST" then
        server.apply(request)
        return { status = 303, headers = { location = "/done" .. request.path } }
      end
      return nth == 1 and 503 or 200
    end, script = function(lull)
      local api = lull.client { base = "http://api.test", backoff = { base = 0.1 } }
      return lull.each({ "a", "b" }, function(x) return api:post("/p/" .. x, { body = x }) end)
    end, check = function(server, sum)
      all_settled(sum, 2)
      for path, seen in pairs(server.seen) do
        assert(path:find "^/done" or seen <= 1, path .. " was sent " .. seen .. " times")
      end
    end }
  end)

  it("does not send again an unkeyed POST of another task of an item", function()
    kill_at_each { answer = flaky(0), script = function(lull)
      local api = lull.client { base = "http://api.test" }
      return lull.each({ "a", "b" }, function(x)
        local got, err = lull.all { function() return api:post("/one/" .. x) end,
          function() return api:post("/two/" .. x) end }
        return got and true, err
      end)
    end, check = function(server, sum)
      all_settled(sum, 2)
      for path, seen in pairs(server.seen) do assert(seen <= 1, path .. " was sent " .. seen .. " times") end
    end }
  end)

  it("comes to its end with 40 items and chaos #binary", function()
    local items = {}
    for i = 1, 40 do items[i] = ("i%02d"):format(i) end
    kill_at_each { step = 9, chaos = "20% 503, 5% net.reset", answer = flaky(3, 500), script = function(lull)
      local api = lull.client { base = "http://api.test", attempts = 20, backoff = { base = 0.05 }, budget = false }
      return lull.each(items, { parallel = 8 }, function(x) return api:post("/p/" .. x, { key = true, body = x }) end)
    end, check = function(server, sum)
      all_settled(sum, 40)
      assert.are.equal(0, sum.failed)
      each_once(server, paths_of(items, "/p/"))
    end }
  end)
end)
