-- kill_cases: batches of every kind, which the specs kill while they run and let go on:
-- over a journal in memory, and over one in a Redis. Each is a function that makes
-- it anew: see kill_at_each in kills.
local assert = require "luassert"
local kills = require "tests.kills"

local each_once, paths_of = kills.each_once, kills.paths_of
local all_settled, flaky = kills.all_settled, kills.flaky

local M = { batches = {}, kinds = {} }

local ITEMS = { "a", "b", "c", "d", "e" }

local function add(list, name, make) list[#list + 1] = { name = name, make = make } end

add(M.batches, "has done each keyed POST once", function()
  return { answer = flaky(2, 429), script = function(lull)
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

add(M.batches, "never sends a POST without a key twice, and says where nobody can know #binary", function()
  return { answer = flaky(0), script = function(lull)
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

add(M.batches, "keeps to the attempts of a call, over all runs #binary", function()
  return { answer = function() return 503 end, script = function(lull)
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

add(M.batches, "waits as long as it was told, whatever comes between", function()
  local waited = 0
  return { answer = function(server, request, nth)
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
  end, finally = function()
    assert.is_true(waited > 2)
  end }
end)

add(M.batches, "does not send again what was recorded: login, then two calls #binary", function()
  return { answer = function(server, request)
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

add(M.batches, "asks the rules of the script what it makes of a lost answer", function()
  return { answer = function(server, request, nth)
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
add(M.batches, "does not send a POST again that was answered with a redirect #binary", function()
  return { answer = function(server, request, nth)
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

add(M.batches, "does not send again an unkeyed POST of another task of an item", function()
  return { answer = flaky(0), script = function(lull)
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

add(M.batches, "comes to its end with 40 items and chaos #binary", function()
  local items = {}
  for i = 1, 40 do items[i] = ("i%02d"):format(i) end
  return { step = 9, chaos = "20% 503, 5% net.reset", answer = flaky(3, 500), script = function(lull)
    local api = lull.client { base = "http://api.test", attempts = 20, backoff = { base = 0.05 }, budget = false }
    return lull.each(items, { parallel = 8 }, function(x) return api:post("/p/" .. x, { key = true, body = x }) end)
  end, check = function(server, sum)
    all_settled(sum, 40)
    assert.are.equal(0, sum.failed)
    each_once(server, paths_of(items, "/p/"))
  end }
end)

add(M.kinds, "hedged calls, comes to its end", function()
  return { kills = 4, answer = function(server, request, nth)
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
add(M.kinds, "pages, gets each page's items once", function()
  return { answer = function(server, request)
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

add(M.kinds, "PUTs that meet a 409, applies each once", function()
  return { answer = function(server, request, nth)
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

add(M.kinds, "items for later, does none of them too early, nor twice", function()
  local before = 0
  return { kills = 3, answer = function(server, request, nth)
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
  end, finally = function()
    assert.is_true(before > 0)
  end }
end)

add(M.kinds, "downloads, has each file's bytes when its item is done", function()
  -- What is simulated writes to no file that is there: each run has its own.
  local path, whole, number, made = os.tmpname(), ("0123456789"):rep(20), 0, {}
  local function read(name)
    local file = io.open(name)
    local text = file and file:read "*a"
    if file then file:close() end
    return text
  end
  return { kills = 4, again = { 0, 2 }, answer = function(_, request, nth)
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
  end, finally = function()
    os.remove(path)
  end }
end)

add(M.kinds, "calls that are told to wait, obeys each hint", function()
  return { kills = 4, again = { 0, 2 }, answer = function(server, request, nth)
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

add(M.kinds, "200 items with chaos, comes to its end, also when it is killed three times", function()
  local items = {}
  for i = 1, 200 do items[i] = ("i%03d"):format(i) end
  return { step = 331, again = { 0, 47 }, times = 2, kills = 4, chaos = "20% 503, 5% net.reset",
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

return M
