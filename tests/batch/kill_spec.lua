-- A batch that is killed at every write of its journal, and goes on: in a
-- simulated world, judged by what its servers saw.
local sim = require "lull.sim"

-- The servers outlive the runs: what they did is what counts.
local function new_server(answer)
  local server = { seen = {}, effects = {}, times = {} }
  function server.fn(request, n)
    local path = request.path
    server.seen[path] = (server.seen[path] or 0) + 1
    table.insert(server.times, { path = path, time = server.base + request.time })
    local reply = answer(server, request, server.seen[path], n)
    return reply
  end
  -- Something is done, once a key; without a key each time.
  function server.apply(request)
    local key = request.headers["idempotency-key"] or (request.method ~= "POST" and request.method)
    local of = server.effects[request.path] or { n = 0, keys = {} }
    server.effects[request.path] = of
    if not key or not of.keys[key] then of.n = of.n + 1 end
    if key then of.keys[key] = true end
  end
  return server
end

-- One run of a batch. The clock goes on from run to run.
local function run(case, journal, server, seed)
  server.base = server.base or 0
  local t = sim.run { script = function()
    case.sum = nil
    case.sum = case.script(require "lull")
  end, world = server.fn, journal = journal, seed = seed, chaos = case.chaos,
    time = 1767225600 + math.floor(server.base) }
  server.base = server.base + t.elapsed + 1
  for _, verdict in ipairs(t.verdicts) do
    server.lost = server.lost or verdict.outcome == "net.reset"
  end
  return t
end

local function crashed(t) return not t.ok and tostring(t.err):find("the process ended here", 1, true) ~= nil end

local function must_end(t)
  if t.err and not (type(t.err) == "table" and t.err.code) then error(tostring(t.err), 0) end
end

-- Kills the batch at its nth write, for each n, and again while it goes on;
-- then lets it come to its end, which `check` looks at.
local function kill_at_each(case)
  local n, killed = 0, 0
  repeat
    n = n + (case.step or 1)
    local any = false
    for _, keep in ipairs { false, true } do
      for _, again in ipairs { 0, 1, 2, 3 } do
        local journal, server = sim.journal(), new_server(case.answer)
        journal:crash(n, keep)
        local runs = 1
        local t = run(case, journal, server, 1)
        if crashed(t) then
          any, killed = true, killed + 1
          if again > 0 then
            journal:crash(again, keep)
            t = run(case, journal, server, 2)
            runs = runs + 1
            if not crashed(t) then must_end(t) end
          end
          journal:crash(0)
          t = run(case, journal, server, 3)
          runs = runs + 1
        end
        must_end(t)
        local where = ("killed at write %d%s, then at %d"):format(n, keep and "" or " with the commit", again)
        local ok, err = pcall(case.check, server, case.sum, runs, t)
        if not ok then error(where .. ": " .. tostring(type(err) == "table" and err.message or err), 0) end
      end
    end
  until not any
  assert.is_true(killed >= (case.kills or 8))
  return n
end

local ITEMS = { "a", "b", "c", "d", "e" }

local function paths_of(items, prefix)
  local paths = {}
  for i, item in ipairs(items) do paths[i] = prefix .. item end
  return paths
end

local function each_once(server, paths)
  for _, path in ipairs(paths) do
    local effects = server.effects[path]
    assert(effects and effects.n == 1, path .. ": " .. (effects and effects.n or 0) .. " effects")
  end
end

local function all_settled(sum, n)
  assert.are.equal(n, sum.total)
  assert.are.equal(n, sum.done + sum.failed + sum.before + sum.later)
  assert.are.equal(0, sum.open)
end

local function flaky(every, status)
  return function(server, request, nth)
    if every > 0 and (nth + #request.path) % every == 0 then return status end
    server.apply(request)
    return { status = 201, body = '{"ok":true}' }
  end
end

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

  it("never sends a POST without a key twice, and says where nobody can know", function()
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

  it("keeps to the attempts of a call, over all runs", function()
    kill_at_each { answer = function() return 503 end, script = function(lull)
      local api = lull.client { base = "http://api.test", attempts = 3, backoff = { base = 0.1 } }
      return lull.each({ "a", "b" }, function(x) return api:put("/p/" .. x, { body = x }) end)
    end, check = function(server, sum)
      all_settled(sum, 2)
      assert.are.equal(0, sum.done)
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

  it("does not send again what was recorded: login, then two calls", function()
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
  it("does not send a POST again that was answered with a redirect", function()
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

  it("comes to its end with 40 items and chaos", function()
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
