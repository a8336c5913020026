-- Batches of every kind that are killed at each write of their journal: what is
-- kept of one kind of call must not break another one.
local kills = require "tests.kills"
local sim = require "lull.sim"

local kill_at_each, paths_of, each_once = kills.kill_at_each, kills.paths_of, kills.each_once
local all_settled, flaky = kills.all_settled, kills.flaky

describe("a batch that is killed at each write, of", function()
  it("hedged calls, comes to its end", function()
    kill_at_each { kills = 4, answer = function(server, request, nth)
      server.apply(request)
      return { status = 200, body = request.path, delay = nth == 1 and 1 or 0.01 }
    end, script = function(lull)
      local api = lull.client { base = "http://api.test", attempts = 3, hedge = 0.1 }
      local results, sum = lull.map({ "a", "b" }, function(x) return api:get("/p/" .. x) end)
      for i, x in ipairs { "a", "b" } do assert(results[i].body == "/p/" .. x) end
      return sum
    end, check = function(server, sum)
      all_settled(sum, 2)
      assert.are.equal(0, sum.failed)
      for path, seen in pairs(server.seen) do assert(seen <= 8, path .. " was sent " .. seen .. " times") end
    end }
  end)

  -- The page that says which one is next is remembered, and so is where it leads.
  it("pages, gets each page's items once", function()
    kill_at_each { answer = function(server, request)
      if request.method == "POST" then
        server.apply(request)
        return 201
      end
      local n = tonumber(request.path:match "page=(%d+)")
      return { status = 200, body = ("%d"):format(n), headers = n < 3
        and { link = ('</list?page=%d>; rel="next"'):format(n + 1) } or {} }
    end, script = function(lull)
      local api = lull.client { base = "http://api.test" }
      return lull.each({ "x", "y" }, function(x)
        local path = "/list?page=1"
        while path do
          local page, err = api:get(path)
          if not page then return nil, err end
          local put, wrong = api:post("/" .. x .. page.body, { key = true })
          if not put then return nil, wrong end
          path = page.headers.link and page.headers.link:match "<(.-)>"
        end
        return true
      end)
    end, check = function(server, sum)
      all_settled(sum, 2)
      assert.are.equal(0, sum.failed)
      each_once(server, { "/x1", "/x2", "/x3", "/y1", "/y2", "/y3" })
    end }
  end)

  it("PUTs that meet a 409, applies each once", function()
    kill_at_each { answer = function(server, request, nth)
      if nth == 1 then return 409 end
      server.apply(request)
      return 200
    end, script = function(lull)
      local api = lull.client { base = "http://api.test", backoff = { base = 0.1 }, on = { [409] = "retry" } }
      return lull.each({ "a", "b", "c" }, function(x) return api:put("/p/" .. x, { body = x }) end)
    end, check = function(server, sum)
      all_settled(sum, 3)
      assert.are.equal(0, sum.failed)
      each_once(server, paths_of({ "a", "b", "c" }, "/p/"))
    end }
  end)

  it("items for later, does none of them too early, nor twice", function()
    local before = 0
    kill_at_each { kills = 3, answer = function(server, request, nth)
      if nth == 1 and request.path == "/p/b" then
        server.told = server.base + request.time
        return { status = 429, headers = { ["retry-after"] = "3600" } }
      end
      if request.path == "/p/b" and server.told and server.base + request.time < server.told + 3600 then
        server.early = true
      end
      server.apply(request)
      return 201
    end, script = function(lull)
      local api = lull.client { base = "http://api.test", max_hint = 60, lane = function(call) return call.url end }
      return lull.each({ "a", "b", "c" }, function(x) return api:put("/p/" .. x, { body = x }) end)
    end, check = function(server, sum)
      assert.are.equal(3, sum.done + sum.failed + sum.before + sum.later)
      assert.are.equal(0, sum.failed + sum.open)
      each_once(server, { "/p/a", "/p/c" })
      -- What was told is lost with its commit: then it was never heard of.
      if server.early then assert.is_true(server.lost == true) end
      before = before + sum.later
    end }
    assert.is_true(before > 0)
  end)

  it("downloads, has each file's bytes when its item is done", function()
    -- What is simulated writes to no file that is there: each run has its own.
    local path, whole, number, made = os.tmpname(), ("0123456789"):rep(20), 0, {}
    local function read(name)
      local file = io.open(name)
      local text = file and file:read "*a"
      if file then file:close() end
      return text
    end
    kill_at_each { kills = 4, again = { 0, 2 }, answer = function(_, request, nth)
      local first = tonumber((request.headers.range or ""):match "bytes=(%d+)") or 0
      return { status = first > 0 and 206 or 200, cut = nth % 3 == 1 and 70 or nil, body = whole:sub(first + 1),
        headers = { etag = '"one"', ["content-range"] = first > 0 and ("bytes %d-199/200"):format(first) or nil } }
    end, script = function(lull)
      local api = lull.client { base = "http://api.test", attempts = 6, backoff = { base = 0.1 } }
      number = number + 1
      return lull.each({ "a", "b" }, function(x)
        local name = ("%s%s%d"):format(path, x, number)
        made[#made + 1] = name
        local response, err = api:get("/f/" .. x, { output = name })
        if not response then return nil, err end
        -- A call of a run before that is not made again has made its file then.
        local found
        for _, file in ipairs(made) do found = found or file:find(path .. x, 1, true) and read(file) == whole end
        assert(found, "no file has its bytes")
        return response.status
      end)
    end, check = function(server, sum)
      all_settled(sum, 2)
      assert.are.equal(0, sum.failed)
      for file, seen in pairs(server.seen) do assert(seen <= 6, file .. " was asked for " .. seen .. " times") end
      while made[1] do os.remove(table.remove(made)) end
    end }
    os.remove(path)
  end)

  it("calls that are told to wait, obeys each hint", function()
    kill_at_each { kills = 4, again = { 0, 2 }, answer = function(server, request, nth)
      if nth == 1 then
        server.told = server.told or {}
        server.told[request.path] = server.base + request.time
        return { status = 503, headers = { ["retry-after"] = "30" } }
      end
      if server.base + request.time < server.told[request.path] + 30 then server.early = true end
      server.apply(request)
      return 200
    end, script = function(lull)
      local api = lull.client { base = "http://api.test", max_hint = 60, lane = function(call) return call.url end }
      return lull.each({ "a", "b" }, function(x) return api:put("/p/" .. x, { body = x }) end)
    end, check = function(server, sum)
      all_settled(sum, 2)
      assert.are.equal(0, sum.failed)
      each_once(server, paths_of({ "a", "b" }, "/p/"))
      -- What was told is lost with its commit: then it was never heard of.
      if server.early then assert.is_true(server.lost == true) end
    end }
  end)

  it("200 items with chaos, comes to its end, also when it is killed three times", function()
    local items = {}
    for i = 1, 200 do items[i] = ("i%03d"):format(i) end
    kill_at_each { step = 331, again = { 0, 47 }, times = 2, kills = 4, chaos = "20% 503, 5% net.reset",
      answer = flaky(3, 500), script = function(lull)
        local api = lull.client { base = "http://api.test", attempts = 20, backoff = { base = 0.05 }, budget = false }
        return lull.each(items, { parallel = 16 }, function(x)
          return api:post("/p/" .. x, { key = true, body = x })
        end)
      end, check = function(server, sum)
        all_settled(sum, 200)
        assert.are.equal(0, sum.failed)
        each_once(server, paths_of(items, "/p/"))
      end }
  end)

  it("any kind, gives the same bytes for the same seed, over a kill too", function()
    local function story()
      local journal, server = sim.journal(), kills.new_server(flaky(3, 503))
      local case, lines = { chaos = "20% net.reset", script = function(lull)
        local api = lull.client { base = "http://api.test", attempts = 9, backoff = { base = 0.1 } }
        return lull.each({ "a", "b", "c", "d" }, { parallel = 2 }, function(x)
          return api:post("/p/" .. x, { key = true, json = { b = x, a = 1 } })
        end)
      end }, {}
      for run, nth in ipairs { 7, 5, 0 } do
        journal:crash(nth, run == 2)
        local t = kills.run(case, journal, server, run)
        lines[#lines + 1] = t.text
        for _, request in ipairs(t.requests) do
          lines[#lines + 1] = ("%s %s %s %s"):format(request.time, request.path, request.body,
            request.headers["idempotency-key"])
        end
      end
      all_settled(case.sum, 4)
      return table.concat(lines, "\n")
    end
    assert.are.equal(story(), story())
  end)
end)
