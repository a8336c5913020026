-- A batch with a journal: what becomes of items and calls from run to run, in a
-- simulated world.
local sim = require "lull.sim"

local EPOCH = 1767225600

local function has(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in %q"):format(part, tostring(text)), 2) end
end

local function ok(request) return { status = 200, body = "ok " .. request.path } end

-- Runs `fn(lull)` with the journal; its transcript, with what fn gave as `got`,
-- and what standard error said.
local function run(journal, server, fn, time)
  local got, said, real = nil, {}, io.stderr
  io.stderr = { write = function(self, ...) -- luacheck: ignore
    for i = 1, select("#", ...) do said[#said + 1] = tostring((select(i, ...))) end
    return self
  end }
  local fine, t = pcall(sim.run, { script = function() got = fn(require "lull") end, world = server,
    journal = journal, time = EPOCH + (time or 0) })
  io.stderr = real -- luacheck: ignore
  if not fine then error(t, 0) end
  t.got, t.said = got, table.concat(said)
  return t
end

local function summary(t)
  if t.err then error(tostring(t.err), 0) end
  local s = t.got
  return ("done %d failed %d later %d before %d open %d total %d code %d"):format(s.done, s.failed, s.later,
    s.before, s.open, s.total, s.code)
end

local function client(lull, options)
  options = options or {}
  options.base = "http://api.test"
  return lull.client(options)
end

local function ids_to(n)
  local ids = {}
  for i = 1, n do ids[i] = i end
  return ids
end

describe("items of a batch", function()
  it("that are done or failed are not run again", function()
    local journal = sim.journal()
    local function script(lull)
      local api = client(lull)
      return lull.each({ "a", "b", "c" }, function(x) return api:get("/" .. x) end)
    end
    local function server(request) return request.path == "/b" and 404 or ok(request) end
    assert.are.equal("done 2 failed 1 later 0 before 0 open 0 total 3 code 1", summary(run(journal, server, script)))
    local second = run(journal, server, script)
    assert.are.equal("done 0 failed 0 later 0 before 3 open 0 total 3 code 1", summary(second))
    assert.are.equal(0, #second.requests)
  end)

  it("for later run when they are due, with their keys and without what is done", function()
    local journal, keys, steps = sim.journal(), {}, {}
    local function server(request)
      if request.path == "/step" then
        steps[#steps + 1] = request.headers["idempotency-key"]
        return 200
      end
      keys[#keys + 1] = request.headers["idempotency-key"]
      return #keys == 1 and { status = 429, headers = { ["retry-after"] = "3600" } } or 200
    end
    local function script(lull)
      local api = client(lull)
      return lull.each({ "a" }, function()
        assert(api:post("/step", { key = true }))
        return api:post("/last", { key = true })
      end)
    end
    assert.are.equal("done 0 failed 0 later 1 before 0 open 0 total 1 code 75", summary(run(journal, server, script)))
    assert.are.equal("done 0 failed 0 later 1 before 0 open 0 total 1 code 75",
      summary(run(journal, server, script, 1800)))
    assert.are.equal(1, #keys)
    assert.are.equal("done 1 failed 0 later 0 before 0 open 0 total 1 code 0",
      summary(run(journal, server, script, 3700)))
    assert.are.equal(1, #steps)
    assert.are.equal(2, #keys)
    assert.are.equal(keys[1], keys[2])
    assert.are_not.equal(keys[1], steps[1])
    assert.matches("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-8%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$", keys[1])
  end)

  -- One that the script put off, after a call that was used up, stayed so for ever: each
  -- run was given the kept end of that call.
  it("that the script puts off make anew the call that failed, and no other one", function()
    local journal, failures = sim.journal(), 0
    local function server(request)
      if request.path == "/a" and failures < 2 then
        failures = failures + 1
        return 500
      end
      return request.path == "/none" and 404 or ok(request)
    end
    local function script(lull)
      local api = client(lull, { attempts = 2 })
      return lull.each({ "a" }, function(x)
        assert(api:post("/login", { key = true }))
        assert(not api:get "/none")
        local response, err = api:put("/" .. x, { body = x })
        if err then err.later = true end
        return response, err
      end)
    end
    assert.are.equal("done 0 failed 0 later 1 before 0 open 0 total 1 code 75", summary(run(journal, server, script)))
    local second = run(journal, server, script, 60)
    assert.are.equal("done 1 failed 0 later 0 before 0 open 0 total 1 code 0", summary(second))
    for _, request in ipairs(second.requests) do assert.are.equal("/a", request.path) end
    assert.are.equal(1, #second.requests)
  end)

  -- The journal had it as failed, and the summary as one for later.
  it("that the script puts off fail when they may have been applied and have no key", function()
    local journal = sim.journal()
    local function script(lull)
      return lull.each({ "a" }, function(x)
        local response, err = client(lull):post("/" .. x)
        if err then err.later = true end
        return response, err
      end)
    end
    local first = run(journal, function() return "close" end, script)
    assert.are.equal("done 0 failed 1 later 0 before 0 open 0 total 1 code 1", summary(first))
    assert.are.equal(0, #run(journal, ok, script, 60).requests)
  end)

  it("are done when their function says so, whatever its last call came to", function()
    local journal = sim.journal()
    local t = run(journal, function() return "close" end, function(lull)
      return lull.each({ "a" }, function(x) return client(lull):post("/" .. x) or "never mind" end)
    end)
    assert.are.equal("done 1 failed 0 later 0 before 0 open 0 total 1 code 0", summary(t))
  end)

  -- A clock that was set back made none wait longer than it was told; one that was set forth
  -- ends the waits.
  it("are neither lost nor done twice when the clock is set back or forth by a year", function()
    local YEAR = 365 * 86400
    for _, set in ipairs { -YEAR, YEAR } do
      local journal, effects, told = sim.journal(), {}, {}
      local function server(request)
        local path = request.path
        if not told[path] then
          told[path] = true
          return { status = 429, headers = { ["retry-after"] = path == "/later" and "3600" or "40" } }
        end
        effects[path] = (effects[path] or 0) + 1
        return 201
      end
      local function script(lull)
        local api = client(lull, { max_hint = 60, lane = function(call) return call.url end })
        return lull.each({ "waits", "later" }, function(x) return api:put("/" .. x, { body = x }) end)
      end
      journal:crash(3)
      run(journal, server, script)
      journal:crash(0)
      local second = run(journal, server, script, set)
      assert.is_true(second.elapsed <= 41, tostring(second.elapsed))
      run(journal, server, script, set + 60)
      local last = run(journal, server, script, YEAR + 7200)
      assert.are.equal(0, last.code)
      assert.are.same({ ["/waits"] = 1, ["/later"] = 1 }, effects)
    end
  end)

  -- Their time was kept by the clock alone: one that was set back by a year held them for a year.
  it("for later wait no longer than they were told to when the clock is set back", function()
    local YEAR = 365 * 86400
    local journal, sent = sim.journal(), 0
    local function server()
      sent = sent + 1
      return sent == 1 and { status = 429, headers = { ["retry-after"] = "3600" } } or 201
    end
    local function script(lull)
      local api = client(lull)
      -- What an item is may look like what is kept of it.
      return lull.each({ { id = "a", written = 9e9 } }, function(x) return api:put("/" .. x.id) end)
    end
    local function later_at(time)
      assert.are.equal("done 0 failed 0 later 1 before 0 open 0 total 1 code 75",
        summary(run(journal, server, script, time)))
    end
    later_at(0)
    later_at(-YEAR)
    later_at(3590 - YEAR)
    assert.are.equal(1, sent)
    assert.are.equal("done 1 failed 0 later 0 before 0 open 0 total 1 code 0",
      summary(run(journal, server, script, 3610 - YEAR)))
    assert.are.equal(2, sent)
  end)

  it("of one id are one, and the second is said", function()
    local journal = sim.journal()
    local t = run(journal, ok, function(lull)
      local n = 0
      local sum = lull.each({ "a", "b", "a" }, { parallel = 1 }, function() n = n + 1 end)
      assert(n == 2)
      return sum
    end)
    assert.are.equal("done 2 failed 0 later 0 before 0 open 0 total 2 code 0", summary(t))
    has(t.said, "two items have the id 'a'; the second is left out")
  end)

  it("have an id: themselves, a field, or what a function gives", function()
    local journal = sim.journal()
    local rows = { { id = 1, n = "x" }, { id = 2, n = "y" } }
    local function counted(lull, name, id, items)
      return lull.each(items or rows, { name = name, id = id }, function() end).before
    end
    local function script(lull)
      return { counted(lull, "one"), counted(lull, "two", "n"),
        counted(lull, "three", function(r) return r.n .. r.id end),
        counted(lull, "four", nil, { 1, 2.5, 3 }), counted(lull, "five", nil, { "s" }) }
    end
    assert.are.same({ 0, 0, 0, 0, 0 }, run(journal, ok, script).got)
    assert.are.same({ 2, 2, 2, 3, 1 }, run(journal, ok, script).got)
  end)

  it("are refused when they cannot be told apart", function()
    for _, case in ipairs {
      { { {} }, {}, "an item needs an id, which is a text or a number; this one has a nil" },
      { { { scan = true } }, { id = "scan" }, "this one has a boolean" },
      { { "" }, {}, "this one has an empty one" },
      { { "a" }, { id = "scan" }, "the id is the field 'scan' of an item, and this item is a string" },
      { { print }, {}, "an item of a batch is a text, a number or a plain table, not a function" },
      { { "a" }, { id = 7 }, "id must be a string or function, not a number" },
      { { "a" }, { name = 7 }, "name must be a string, not a number" },
      { { "a" }, { durability = "none" }, "durability: 'none' is none of full, process" },
      -- They were cut there: two journals, or two batches, were one.
      { { "a" }, { journal = "a\0b" }, "journal holds a NUL" },
      { { "a" }, { name = "a\0b" }, "name holds a NUL" },
      { { "a" }, { journl = "x" }, "unknown option 'journl' (did you mean 'journal'?)" },
    } do
      local t = run(sim.journal(), ok, function(lull) lull.each(case[1], case[2], function() end) end)
      assert.is_false(t.ok)
      has(t.err, "batch_spec.lua:")
      has(t.err, case[3])
    end
  end)

  it("of another kind than before are refused", function()
    local journal = sim.journal()
    run(journal, ok, function(lull) return lull.each({ "a" }, { name = "files" }, function() end) end)
    local t = run(journal, ok, function(lull)
      return lull.each({ { id = 1 } }, { name = "files" }, function() end)
    end)
    has(t.err, "the items of the batch files are now tables, and were others before; give this batch another `name`")
  end)

  it("of two batches do not meet: by order or by name", function()
    local journal = sim.journal()
    local function script(lull)
      local one = lull.each({ "a" }, function() end)
      local two = lull.each({ "a" }, function() end)
      local three = lull.each({ "a" }, { name = "1" }, function() end)
      return { one.before, two.before, three.before, one.done + two.done + three.done }
    end
    assert.are.same({ 0, 0, 0, 3 }, run(journal, ok, script).got)
    assert.are.same({ 1, 1, 1, 0 }, run(journal, ok, script).got)
    has(run(journal, ok, function(lull)
      lull.each({ "a" }, { name = "x" }, function() end)
      lull.each({ "a" }, { name = "x" }, function() end)
    end).err, "a batch named 'x' has been there in this run")
    has(run(journal, ok, function(lull)
      lull.all { function() lull.each({ "a" }, function() lull.sleep(1) end) end,
        function() lull.each({ "b" }, function() end) end }
    end).err, "two batches at once need a `name` each")
  end)

  it("give map what was kept of them", function()
    local journal = sim.journal()
    local function script(lull)
      local api = client(lull)
      local results = lull.map({ "a", "b", "c", "d" }, function(x)
        if x == "a" then return api:get("/a") end
        if x == "b" then return { list = { 1, 2 }, t = "x" } end
        if x == "c" then return 7 end
        return ("x"):rep(70000)
      end)
      return { results[1].status, results[1].body, results[2].list[2], results[3], results[4] and #results[4] or "none",
        n = results.n }
    end
    assert.are.same({ 200, "ok /a", 2, 7, 70000, n = 4 }, run(journal, ok, script).got)
    assert.are.same({ 200, "ok /a", 2, 7, "none", n = 4 }, run(journal, ok, script).got)
  end)

  -- Of those that were kept, the first few were let go of and all others held until the end: a batch of a
  -- million took 600 bytes more for each.
  it("are not held when they are done", function()
    local held = {}
    run(sim.journal(), ok, function(lull)
      lull.each(ids_to(6000), { parallel = 8 }, function(i)
        if i % 2000 ~= 0 then return end
        collectgarbage()
        held[i] = collectgarbage "count"
      end)
    end)
    assert.is_true(held[6000] - held[2000] < 300, ("%.0f KB"):format(held[6000] - held[2000]))
  end)

  it("give map every text as it was", function()
    local journal, texts = sim.journal(), { "", "plain", 'a "b"', "a\\b", "a/b", "a\0\1\nb", "\127", "gr\195\188n" }
    local function script(lull)
      return lull.map(ids_to(#texts), function(i) return texts[i] end)
    end
    texts.n = #texts
    run(journal, ok, script)
    assert.are.same(texts, run(journal, ok, script).got)
  end)

  -- What is no UTF-8 was kept as people are shown it: of "\x89\xFF" came eight characters
  -- in the next run, of { 1, nil, 3 } came { 1 }, of { 1, x = 2 } came { ["1"] = 1, x = 2 }.
  it("give map every value as it was, or none", function()
    local same = { "\228\246", "\255\0\"\n\\", "\1lull:raw:x", 2 ^ 53, -2 ^ 80, 0.1, { 1, { a = false } }, { } }
    local none = { { t = "\228" }, { ["\228"] = 1 }, { 1, nil, 3 }, { nil, 2 }, { 1, x = 2 }, { 2 ^ 53 + 2 }, 0 / 0,
      { [4711] = 1 } }
    local function script(lull, path)
      local api = client(lull)
      local all = lull.map(ids_to(1 + #same + #none), { journal = path }, function(i)
        if i > #same + #none then return api:get("/") end
        if i <= #same then return same[i] end
        return none[i - #same]
      end)
      local last = all[all.n]
      all[all.n] = last and { last.status, last.body, type(last.headers) }
      return all
    end
    local function server() return { status = 201, body = "\137\255\0A" } end
    for _, where in ipairs { { journal = sim.journal() }, { redis = sim.redis(), path = "redis://store/0/j" } } do
      local function once()
        local got
        local t = sim.run { script = function() got = script(require "lull", where.path) end, world = server,
          journal = where.journal, redis = where.redis, time = EPOCH }
        assert.is_nil(t.err)
        return got, #t.requests
      end
      once()
      local got, sent = once()
      assert.are.equal(0, sent)
      for i, value in ipairs(same) do assert.are.same(value, got[i]) end
      for i = 1, #none do assert.is_nil(got[#same + i], i) end
      assert.are.same({ 201, "\137\255\0A", "table" }, got[got.n])
    end
  end)

  it("stay open when their function raises, and their calls are remembered", function()
    local journal = sim.journal()
    local function script(fails)
      return function(lull)
        local api = client(lull)
        return lull.each({ "a" }, function()
          local res = assert(api:post("/a"))
          if fails then error "no further" end
          return res.body .. res.headers["x-a"] .. res.attempts
        end)
      end
    end
    local function server() return { status = 200, body = "b", headers = { ["x-a"] = "c" } } end
    has(run(journal, server, script(true)).err, "no further")
    local second = run(journal, server, script(false))
    assert.are.equal("done 1 failed 0 later 0 before 0 open 0 total 1 code 0", summary(second))
    assert.are.equal(0, #second.requests)
  end)

  it("find responses as they were, however often they were tried", function()
    local journal, seen, fields = sim.journal(), {}, { "status", "body", "attempts", "elapsed", "waited", "method",
      "url" }
    local function script(lull)
      local api = client(lull, { backoff = { base = 1.25, jitter = "none" } })
      return lull.each({ "a" }, function()
        local list, res = {}, assert(api:put("/a?b=c", { body = "" }))
        for i, name in ipairs(fields) do list[i] = res[name] end
        list[#list + 1] = res.headers["x-a"]
        seen[#seen + 1] = list
        if #seen == 1 then error "no further" end
      end)
    end
    local asked = 0
    local function server()
      asked = asked + 1
      return asked < 3 and 503 or { status = 201, body = 'b"\0', headers = { ["x-a"] = "c" }, delay = 0.25 }
    end
    run(journal, server, script)
    assert.are.equal(0, #run(journal, server, script).requests)
    assert.are.same(seen[1], seen[2])
    assert.are.same({ 201, 'b"\0', 3 }, { seen[1][1], seen[1][2], seen[1][3] })
    assert.is_true(seen[1][4] > seen[1][5] and seen[1][5] > 1)
  end)

  it("find errors as they were: status, reason, words, the last answer", function()
    local journal, seen = sim.journal(), {}
    local function script(lull)
      local api = client(lull)
      return lull.each({ "a" }, function()
        local _, err = api:get("/a")
        seen[#seen + 1] = { err.reason, err.why, err.message:gsub(" in .*", ""), err.response.status,
          err.response.body, err.attempts, err.later, err.method, err.url }
        if #seen == 1 then error "no further" end
      end)
    end
    local function server() return { status = 404, body = "gone" } end
    run(journal, server, script)
    assert.are.equal(0, #run(journal, server, script).requests)
    assert.are.same(seen[1], seen[2])
  end)
end)

describe("a run that chaos ends at a write", function()
  it("says 70, and the next ones go on", function()
    local journal, sent, ended = sim.journal(), {}, 0
    local t
    for seed = 1, 200 do
      t = sim.run { journal = journal, seed = seed, chaos = "5% crash", world = function(request)
        sent[request.path] = (sent[request.path] or 0) + 1
        return 201
      end, script = function()
        local lull = require "lull"
        local api, items = client(lull), {}
        for i = 1, 20 do items[i] = "i" .. i end
        local sum = lull.each(items, { parallel = 4 }, function(x) return api:post("/" .. x) end)
        lull.exit(sum.code)
      end }
      if t.code ~= 70 then break end
      ended = ended + 1
    end
    assert.is_true(ended > 1, ended .. " crashes")
    assert.is_true(t.code == 0 or t.code == 1, tostring(t.err))
    local n = 0
    for path, times in pairs(sent) do
      n = n + 1
      assert.are.equal(1, times, path)
    end
    assert.is_true(n > 10)
  end)

  it("is one thing among others that may go wrong", function()
    assert.has_error(function() sim.run { chaos = "crash", script = function() end } end)
    local t = sim.run { chaos = "10% 503, crash 100%", world = ok, script = function()
      require("lull").each({ "a" }, { journal = "x" }, function() end)
    end }
    assert.are.equal(70, t.code)
  end)
end)

describe("a script that has changed", function()
  local function script(path, fails)
    return function(lull)
      local api = client(lull)
      return lull.each({ "a" }, function()
        local res, err = api:post(path, { key = true, json = { a = 1, b = 2, c = 3, d = 4 } })
        if fails then error "no further" end
        return res, err
      end)
    end
  end

  it("makes the item fail whose call is another one, and says both", function()
    local journal = sim.journal()
    run(journal, ok, script("/one", true))
    local second = run(journal, ok, script("/two"))
    assert.are.equal("done 0 failed 1 later 0 before 0 open 0 total 1 code 1", summary(second))
    assert.are.equal(0, #second.requests)
  end)

  it("goes on when its calls are the same", function()
    local journal = sim.journal()
    run(journal, ok, script("/one", true))
    assert.are.equal("done 1 failed 0 later 0 before 0 open 0 total 1 code 0",
      summary(run(journal, ok, script("/one"))))
  end)
end)

describe("a loop without a journal", function()
  it("takes what is said for one, and remembers nothing", function()
    local n = 0
    for _ = 1, 2 do
      local t = sim.run { world = ok, script = function()
        require("lull").each({ "a" }, { id = function() error "not asked" end, name = "x" }, function() n = n + 1 end)
      end }
      assert.is_true(t.ok, tostring(t.err))
    end
    assert.are.equal(2, n)
  end)
end)
