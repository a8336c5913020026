-- Nothing is left behind: whatever a call's state is when it ends, and
-- wherever memory runs out.
local core = require "lull.core"
local lfs = require "lfs"
local socket = require "socket"

-- What LuaJIT compiles holds what it was compiled for: an engine that the test had let
-- go of was counted as left, now and then.
if type(jit) == "table" then jit.off() end -- luacheck: ignore

local function settle()
  collectgarbage()
  collectgarbage()
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local bytes = file:read("*a")
  file:close()
  return bytes
end

-- What stands in a directory besides `whole`.
local function parts_in(directory)
  local list = {}
  for name in lfs.dir(directory) do
    if name ~= "." and name ~= ".." and name ~= "whole" then list[#list + 1] = name end
  end
  return list
end

local function fields(list)
  local raw = {}
  for i, field in ipairs(list) do raw[i] = field .. "\0" end
  return table.concat(raw)
end

describe("leaks", function()
  local before, directory, path

  before_each(function()
    settle()
    before = core.memory()
    directory = os.tmpname()
    os.remove(directory)
    assert(lfs.mkdir(directory))
    path = directory .. "/whole"
  end)

  after_each(function()
    core.fail_after(-1)
    settle()
    local left, parts = core.memory() - before, parts_in(directory)
    os.remove(path)
    os.remove(directory)
    assert.are.equal(0, left)
    assert.are.same({}, parts)
  end)

  local function sim(seed) return core.engine { sim = true, seed = seed or 1 } end

  local function client(more)
    local options = { attempts = 5, headers = fields { "x-all", "1" },
      secrets = fields { "authorization", "t" },
      backoff = { kind = "constant", base = 1, cap = 60, jitter = "none" } }
    for name, value in pairs(more or {}) do options[name] = value end
    return core.client(options)
  end

  local function judge(engine, id, j)
    return engine:judge(id, j.action, j.wait, j.free, j)
  end

  local group = 0 -- each has an origin of its own, and so a lane

  local function start(engine, with, more)
    local spec = { method = "GET", url = ("http://api%d.test/x"):format(group),
      headers = fields { "x-own", "1" }, secrets = fields { "cookie", "c" },
      limits = true, deadline = 1000 }
    for name, value in pairs(more or {}) do spec[name] = value end
    return engine:start(with, spec)
  end

  -- Steps until that event (of that id); gives its id and details.
  local function until_event(engine, wanted, of)
    for _ = 1, 1000 do
      local kind, id, details = engine:step()
      if kind == wanted and (not of or of == id) then return id, details end
      assert.are_not.equal("none", kind)
    end
    error("no event " .. wanted)
  end

  -- Steps until there is nothing to tell now.
  local function quiet(engine)
    for _ = 1, 1000 do
      local kind = engine:step(0)
      if kind == "idle" or kind == "none" then return end
    end
    error("it does not become quiet")
  end

  local function reply(engine, id, details, status, headers, body)
    return engine:reply(id, { nth = details.nth, status = status, sent = true,
      headers = headers, body = body })
  end

  -- A call in each state; each gives the id of what it leaves.
  local STATES = {
    ["new"] = function(engine) return start(engine, client()) end,
    queued = function(engine)
      local one = client { parallel = 1 }
      local first = start(engine, one)
      local id = start(engine, one)
      until_event(engine, "send", first)
      return id
    end,
    ["behind a pause"] = function(engine)
      local one = client()
      local first = start(engine, one)
      local _, details = until_event(engine, "send", first)
      reply(engine, first, details, 429, fields { "retry-after", "100" })
      local id = start(engine, one)
      quiet(engine)
      return id
    end,
    ["flying, not handed out"] = function(engine)
      local one = client()
      local first = start(engine, one)
      local id = start(engine, one)
      until_event(engine, "send", first)
      return id
    end,
    ["flying, handed out"] = function(engine)
      local id = start(engine, client())
      until_event(engine, "send", id)
      return id
    end,
    ["flying with a body and an output"] = function(engine)
      local id = start(engine, client(), { method = "PUT", body = ("x"):rep(10000), output = path })
      until_event(engine, "send", id)
      return id
    end,
    hedged = function(engine)
      local id = start(engine, client { hedge = 0.2 })
      until_event(engine, "send", id)
      until_event(engine, "send", id)
      return id
    end,
    ["hedged, one of them answered"] = function(engine)
      local id = start(engine, client { hedge = 0.2 })
      until_event(engine, "send", id)
      local _, details = until_event(engine, "send", id)
      reply(engine, id, details, 503)
      quiet(engine)
      return id
    end,
    asked = function(engine)
      local id = start(engine, client { rules = { { key = "*", ask = true } } })
      local _, details = until_event(engine, "send", id)
      reply(engine, id, details, 503, fields { "retry-after", "3" }, "body")
      until_event(engine, "ask", id)
      return id
    end,
    ["asked, not told"] = function(engine)
      local id = start(engine, client { rules = { { key = "*", ask = true } } })
      local _, details = until_event(engine, "send", id)
      reply(engine, id, details, 503)
      return id
    end,
    waiting = function(engine)
      local id = start(engine, client())
      local _, details = until_event(engine, "send", id)
      reply(engine, id, details, 503, fields { "a", "b" }, ("x"):rep(100000))
      quiet(engine)
      return id
    end,
    ["waiting with half of a file"] = function(engine)
      local id = start(engine, client(), { output = path })
      local _, details = until_event(engine, "send", id)
      engine:reply(id, { nth = details.nth, class = "http.truncated", status = 200,
        sent = true, headers = fields { "etag", '"1"' }, body = "half" })
      quiet(engine)
      return id
    end,
    ["done, not told"] = function(engine)
      local id = start(engine, client())
      local _, details = until_event(engine, "send", id)
      reply(engine, id, details, 200, fields { "a", "b" }, "body")
      return id
    end,
    ["done with a file, not told"] = function(engine)
      local id = start(engine, client(), { output = path })
      local _, details = until_event(engine, "send", id)
      reply(engine, id, details, 200, "", "body")
      return id
    end,
    redirected = function(engine)
      local id = start(engine, client(), { method = "POST", body = "b" })
      local _, details = until_event(engine, "send", id)
      reply(engine, id, details, 303, fields { "location", "https://other.test/" })
      until_event(engine, "send", id)
      return id
    end,
    traced = function(engine)
      engine:trace(true)
      local id = start(engine, client())
      local _, details = until_event(engine, "send", id)
      reply(engine, id, details, 503)
      return id
    end,
    asleep = function(engine) return engine:sleep(10) end,
    ["awake, not told"] = function(engine)
      local first, id = engine:sleep(0), engine:sleep(0)
      until_event(engine, "timer", first)
      return id
    end,
  }
  STATES.cancelled = function(engine)
    local id = STATES["flying, handed out"](engine)
    engine:cancel(id)
    return id
  end

  for name, reach in pairs(STATES) do
    it("an engine closed with a call " .. name, function()
      local engine = sim()
      reach(engine)
      engine:close()
    end)

    it("an engine collected with a call " .. name, function()
      reach(sim())
    end)

    it("a call cancelled while " .. name, function()
      local engine = sim()
      local id = reach(engine)
      engine:cancel(id)
      engine:cancel(id)
      quiet(engine)
      engine:drain()
      for _ = 1, 10 do quiet(engine) end
      engine:close()
    end)
  end

  it("an engine closed with calls in all states at once", function()
    local engine = sim()
    for _ = 1, 2 do
      for _, reach in pairs(STATES) do
        group = group + 1
        reach(engine)
      end
    end
    engine:close()
    engine:close()
  end)

  it("an engine closed at once", function() sim():close() end)

  it("clients that are collected while their calls run", function()
    local engine, ids = sim(), {}
    for i = 1, 20 do ids[i] = start(engine, client()) end
    settle()
    local accepted = 0
    while engine:live() > 0 do
      local kind, id, details = engine:step()
      if kind == "send" then reply(engine, id, details, 200, "", "body") end
      if kind == "done" and details.accepted then accepted = accepted + 1 end
    end
    assert.are.equal(#ids, accepted)
    engine:close()
  end)

  it("a client that outlives its engine", function()
    local one, engine = client(), sim()
    start(engine, one)
    engine:close()
    local other = sim()
    start(other, one)
    other:close()
  end)

  it("calls that could not be started", function()
    local engine, one = sim(), client()
    for _, wrong in ipairs { { url = "no url" }, { url = "ftp://api.test/" },
      { method = "get" }, { method = "" }, { headers = "no raw form" },
      { headers = fields { "a", "b\r\nc: d" } }, { secrets = fields { "", "b" } },
      { file = path .. ".none" }, { file = "tests" },
      { url = "no url", body = "b", output = path, lane = "l" } } do
      local id, problem = start(engine, one, wrong)
      assert.is_nil(id)
      assert.are.equal("string", type(problem))
    end
    for _, wrong in ipairs { { method = 1 }, { url = {} }, { body = {} } } do
      assert.is_false(pcall(start, engine, one, wrong))
    end
    assert.is_false(pcall(engine.start, engine, one, {}))
    assert.is_false(pcall(engine.start, engine, one))
    assert.are.equal(0, engine:live())
    engine:close()
  end)

  it("clients that could not be made", function()
    for _, wrong in ipairs { { rules = { { key = "nothing" } } },
      { rules = { { key = "503", action = "perhaps" } } },
      { headers = "no raw form" }, { secrets = fields { "a", "b\n" } },
      { backoff = { kind = "sideways" } }, { http = "3" }, { ca = {} },
      { rates = { { count = 1, window = 1, path = "/a", method = "GET" },
        { count = 1, window = 1, path = {} } } } } do
      assert.is_false(pcall(client, wrong))
    end
    local rates = {}
    for i = 1, 30 do rates[i] = { count = 1, window = i, path = "/" .. i, method = "GET" } end
    assert.is_false(pcall(client, { rates = rates }))
  end)

  it("judgements that cannot be carried out", function()
    local engine = sim()
    local id = STATES.asked(engine)
    for _, wrong in ipairs { { action = "retry", url = "ftp://api.test/" },
      { action = "retry", headers = fields { "", "b" } },
      { action = "retry", headers = fields { "a", "b" }, secrets = fields { "c", "\n" } },
      { action = "retry", file = path .. ".none" },
      { action = "retry", body = "b", url = "http://" } } do
      assert.is_nil((judge(engine, id, wrong)))
    end
    assert.is_true(judge(engine, id, { action = "retry", body = "b",
      url = "/y", headers = fields { "x-own", "2" } }))
    local _, details = until_event(engine, "send")
    assert.are.equal("/y", details.url:match("test(/.*)$"))
    assert.are.equal("b", details.body)
    engine:close()
  end)

  -- The names of a list that does not end in NUL are read beyond its end.
  it("judgements with headers that are no list", function()
    local engine = sim()
    local id = STATES.asked(engine)
    for _, raw in ipairs { "no raw form", "a\0b", "a" } do
      assert.is_nil((judge(engine, id, { action = "retry", headers = raw })))
      assert.is_nil((judge(engine, id, { action = "retry", secrets = raw })))
    end
    engine:close()
  end)

  it("many calls, with random answers and cancellations", function()
    local engine, one = sim(7), client { attempts = 3, parallel = 50, hedge = 0.5,
      rules = { { key = "418", ask = true } } }
    local ids = {}
    for i = 1, 1500 do
      ids[i] = start(engine, one, { url = ("http://h%d.test/%d"):format(i % 7, i),
        method = i % 3 == 0 and "POST" or "GET", body = i % 5 == 0 and "body" or nil })
      if i % 10 == 0 then engine:sleep(engine:random(0, 5)) end
    end
    local done = 0
    while engine:live() > 0 do
      local kind, id, details = engine:step()
      local what = engine:random(1, 10)
      if what == 1 then engine:cancel(ids[engine:random(1, #ids)]) end
      if kind == "done" then done = done + 1 end
      if kind == "ask" then
        judge(engine, id, { action = what < 6 and "retry" or "default", wait = 1 })
      elseif kind == "send" then
        if what < 4 then
          reply(engine, id, details, 200, fields { "a", "b" }, "body")
        elseif what == 4 then
          engine:reply(id, { nth = details.nth, class = "net.reset", status = 0, sent = true })
        elseif what == 5 then
          reply(engine, id, details, 418)
        elseif what == 6 then
          reply(engine, id, details, 302, fields { "location", "/elsewhere" })
        elseif what < 10 then
          reply(engine, id, details, 503, fields { "retry-after", "1" })
        end -- else it hangs
      end
    end
    assert.are.equal(1500, done)
    engine:close()
  end)

  describe("in the real world", function()
    local server, url

    before_each(function()
      server = assert(socket.bind("127.0.0.1", 0, 64))
      local _, port = server:getsockname()
      url = ("http://127.0.0.1:%d/x"):format(port)
    end)

    after_each(function() server:close() end)

    -- The server's queue takes the connection, and nobody answers.
    local function silent(n)
      local engine, one, ids = core.engine {}, client { parallel = 3 }, {}
      for i = 1, n do
        ids[i] = start(engine, one, { url = url, method = "PUT", body = ("x"):rep(1000) })
      end
      for _ = 1, 5 do engine:step(0.01) end
      return engine, ids
    end

    it("an engine closed while a server never answers", function()
      local engine = silent(6)
      engine:close()
    end)

    it("an engine collected while a server never answers", function()
      silent(6)
    end)

    it("calls cancelled while a server never answers", function()
      local engine, ids = silent(6)
      for _, id in ipairs(ids) do engine:cancel(id) end
      local done = 0
      while engine:live() > 0 do
        if engine:step(1) == "done" then done = done + 1 end
      end
      assert.are.equal(6, done)
      engine:close()
    end)

    it("calls whose attempts ran out of time", function()
      local engine = core.engine {}
      start(engine, client { attempts = 2, timeout = 0.02, backoff = { kind = "constant",
        base = 0.01, cap = 1, jitter = "none" } }, { url = url })
      local _, details = until_event(engine, "done")
      assert.are.equal("net.timeout.read", details.class)
      assert.are.equal(2, core.unpack(details.packed, "attempts"))
      engine:close()
    end)

    it("a server that hangs up, and one that is not there", function()
      local engine = core.engine {}
      local one = client { attempts = 2, backoff = { kind = "constant", base = 0.001,
        cap = 1, jitter = "none" } }
      server:settimeout(0)
      start(engine, one, { url = url, output = path })
      local kind
      repeat
        kind = engine:step(0.01)
        local peer = server:accept()
        if peer then peer:close() end
      until kind == "done"
      server:close()
      start(engine, one, { url = url })
      local _, details = until_event(engine, "done")
      assert.are.equal("net.refused", details.class)
      engine:close()
    end)
  end)

  -- Lets the nth allocation fail, and every one after it, for n = 0, 1, 2
  -- ... until the course runs through as if nothing had been. `course` gives
  -- a word for how it ended, or raises.
  local function without_memory(course, clean)
    local calm, n, failures = 0, 0, 0
    while calm < 25 do
      core.fail_after(n)
      local ok, ended = pcall(course)
      core.fail_after(-1)
      settle()
      assert.are.equal(before, core.memory(), ("the %dth allocation"):format(n))
      assert.are.same({}, parts_in(directory))
      if ok and ended == clean then
        calm = calm + 1
      else
        calm = 0
        failures = failures + 1
        ended = tostring(ended)
        if not (ended:find("memory", 1, true) or ended:find("transport", 1, true)
          or ended:find("file", 1, true)) then
          error(("the %dth allocation: %s"):format(n, ended))
        end
      end
      os.remove(path)
      n = n + 1
      if n > 3000 then error "no end of it" end
    end
    return failures
  end

  -- Answers by `answer(nth request)`: until the call is done.
  local function drive(engine, answer)
    while true do
      local kind, id, details = engine:step()
      if kind == "none" then return "nothing left" end
      if kind == "done" then
        if details.accepted then return "accepted " .. #(details.body or "") end
        return (details.class or details.why) .. ": " .. (details.text or "")
      elseif kind == "ask" then
        local ok, problem = judge(engine, id, answer(details, true))
        if not ok then
          engine:cancel(id)
          drive(engine, answer)
          return problem
        end
      elseif kind == "send" then
        local given = answer(details, false) -- nothing: it hangs
        local ok, problem = true, nil
        if given then ok, problem = engine:reply(id, given) end
        if not ok then return problem end
      end
    end
  end

  local function once(with, spec, answer)
    return function()
      local engine = sim()
      local ok, result = pcall(function()
        local id, problem = start(engine, client(with), spec)
        if not id then return problem end
        return drive(engine, answer)
      end)
      engine:close()
      if not ok then error(result, 0) end
      return result
    end
  end

  describe("without memory", function()
    it("a client with everything", function()
      local rules, rates = {}, {}
      for i = 1, 20 do
        rules[i] = { key = tostring(400 + i), action = "retry", backoff = { kind = "linear" } }
      end
      for i = 1, 4 do
        rates[i] = { count = i, window = 1, method = "GET", path = "/" .. i }
      end
      local made = without_memory(function()
        client { rules = rules, rates = rates, ca = "ca", proxy = "p", cert = "c",
          cert_key = "k", timeout = { 1, 2 }, breaker = {} }
        return "made"
      end, "made")
      assert.is_true(made > 20)
    end)

    it("an engine", function()
      without_memory(function()
        sim():close()
        return "closed"
      end, "closed")
    end)

    it("a call that is retried", function()
      local failures = without_memory(once({}, { method = "PUT", body = ("x"):rep(500),
        lane = "own" }, function(details)
        return { nth = details.nth, status = details.nth < 4 and 503 or 200, sent = true,
          headers = fields { "retry-after", "1", "a", ("b"):rep(300) },
          body = ("y"):rep(5000) }
      end), "accepted 5000")
      assert.is_true(failures > 10)
    end)

    it("a call that is redirected", function()
      without_memory(once({}, { method = "POST", body = "b",
        headers = fields { "content-type", "t", "x", "y" } }, function(details)
        local to = ({ "/y", "https://other.test/z", "/last" })[details.nth]
        return { nth = details.nth, status = to and 302 or 200, sent = true,
          headers = to and fields { "location", to } or "", body = "done" }
      end), "accepted 4")
    end)

    it("a call that is judged by a script", function()
      without_memory(once({ rules = { { key = "*", ask = true } } }, {}, function(details, asked)
        if asked then
          return { action = core.unpack(details.packed, "n") < 3 and "retry" or "accept", body = ("b"):rep(300),
            headers = fields { "x-own", ("v"):rep(300) }, secrets = fields { "cookie", "d" },
            url = "/again" }
        end
        return { nth = details.nth, status = 503, sent = true, body = "done" }
      end), "accepted 4")
    end)

    it("a call into a file, which is whole or not there", function()
      without_memory(function()
        local ended = once({}, { output = path }, function(details)
          return { nth = details.nth, status = 200, sent = true, body = ("z"):rep(5000) }
        end)()
        local bytes = read(path)
        if bytes then assert.are.equal(("z"):rep(5000), bytes) end
        return ended .. (bytes and " whole" or "")
      end, "accepted 0 whole")
    end)

    it("a call into a file that goes on where it was cut", function()
      without_memory(function()
        local ended = once({}, { output = path }, function(details)
          local resumed = details.headers:find("bytes=4-", 1, true)
          if details.nth == 1 then
            return { nth = 1, class = "http.truncated", status = 200, sent = true,
              headers = fields { "etag", '"1"' }, body = "half" }
          elseif resumed then
            return { nth = details.nth, status = 206, sent = true, body = " whole",
              headers = fields { "content-range", "bytes 4-9/10", "etag", '"1"' } }
          end
          return { nth = details.nth, status = 200, sent = true, body = "half whole" }
        end)()
        local bytes = read(path)
        if bytes then assert.are.equal("half whole", bytes) end
        return ended .. (bytes and " whole" or "")
      end, "accepted 0 whole")
    end)

    it("a call that is hedged", function()
      without_memory(once({ hedge = 0.1 }, {}, function(details)
        if details.nth == 1 then return nil end
        return { nth = details.nth, status = 200, sent = true, body = "won" }
      end), "accepted 3")
    end)

    it("many calls and sleeps", function()
      without_memory(function()
        local engine, one = sim(), client()
        local started, done, problem = 0, 0, nil
        local ok, raised = pcall(function()
          for i = 1, 40 do
            local id, text = start(engine, one, { url = "http://h" .. i .. ".test/" })
            if id then started = started + 1 else problem = text end
            engine:sleep(i)
          end
        end)
        while engine:live() > 0 do
          local kind, id, details = engine:step()
          if kind == "done" then
            done = done + 1
            if not details.accepted then problem = details.text end
          end
          if kind == "send" then
            engine:reply(id, { nth = details.nth, status = 200, sent = true, body = "b" })
          end
        end
        assert.are.equal(started, done)
        engine:close()
        if not ok then error(raised, 0) end
        return problem or "all"
      end, "all")
    end)

    it("a transfer in the real world", function()
      local server = assert(socket.bind("127.0.0.1", 0))
      local _, port = server:getsockname()
      server:settimeout(0)
      local function course()
        local engine
        local peers, done = {}, nil
        local ok, raised = pcall(function()
          engine = core.engine {}
          local id, problem = start(engine, client { attempts = 1, timeout = 5 },
            { url = ("http://127.0.0.1:%d/x"):format(port), output = path })
          if not id then
            done = problem
            return
          end
          while not done do
            local kind, _, details = engine:step(0.005)
            if kind == "done" then
              done = details.accepted and "accepted"
                or (details.class or details.why) .. ": " .. (details.text or "")
            end
            local peer = server:accept()
            if peer then
              peer:settimeout(0.2)
              repeat local line = peer:receive "*l" until not line or line == ""
              peer:send("HTTP/1.1 200 OK\r\nx-more: " .. ("h"):rep(300)
                .. "\r\ncontent-length: 5000\r\n\r\n" .. ("z"):rep(5000))
              peers[#peers + 1] = peer
            end
          end
        end)
        if engine then engine:close() end
        for _, peer in ipairs(peers) do peer:close() end
        if not ok then error(raised, 0) end
        local bytes = read(path)
        if bytes then assert.are.equal(("z"):rep(5000), bytes) end
        assert.are.equal(done == "accepted", bytes ~= nil)
        return done
      end
      without_memory(course, "accepted")
      server:close()
    end)
  end)
end)
