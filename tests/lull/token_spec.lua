-- Credentials that are fetched once, shared and renewed: what every longer
-- script had written by hand, with the errors that are made there.
local sim = require "lull.sim"
local support = require "tests.support"
local wire = require "tests.wire"

after_each(wire.clean)

local function has(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in %q"):format(part, tostring(text)), 2) end
end

-- A server whose tokens are t1, t2, ...; `good(token)` says which it takes.
local function servers(good, login)
  local world = { logins = 0, tokens = {}, refused = 0 }
  world.servers = {
    ["http://id.test"] = function(request)
      world.logins = world.logins + 1
      if login then
        local answer = login(world.logins, request)
        if answer then return answer end
      end
      return { body = "t" .. world.logins, delay = 1 }
    end,
    ["http://api.test"] = function(request)
      local token = request.headers.authorization or "none"
      world.tokens[#world.tokens + 1] = token
      local fine = good(token, request, world)
      if not fine then world.refused = world.refused + 1 end
      return fine and 200 or 401
    end,
  }
  return world
end

local function clients(lull, life)
  local id = lull.client { base = "http://id.test", attempts = 2, unsafe = true }
  local token = lull.token(function()
    local res, err = id:post "/login"
    if not res then return nil, err end
    return res.body, life
  end)
  return lull.client { base = "http://api.test", auth = token, limit = { parallel = 64 } }, token
end

describe("a token", function()
  it("is fetched once for all who begin, and shared by clients", function()
    local w = servers(function() return true end)
    support.sim(w.servers, function(lull)
      local api, token = clients(lull, "1h")
      local other = lull.client { auth = token }
      lull.each(lull.rows and { 1, 2, 3, 4, 5, 6 }, { parallel = 6 }, function(i)
        assert((i % 2 == 0 and api or other):get "http://api.test/")
      end)
      assert.are.equal(1, select("#", lull.get("http://api.test/", { auth = token })))
      assert.are.equal(1, lull.now())
      assert(api:get("/", { auth = false }))
      assert(api:get("/", { headers = { Authorization = "mine" } }))
      assert(api:with({ auth = false }):get "/")
    end)
    assert.are.equal(1, w.logins)
    assert.are.equal(("Bearer t1 "):rep(7) .. "none mine none", table.concat(w.tokens, " "))
  end)

  it("is renewed before it ends, while the old one serves", function()
    local w = servers(function() return true end)
    support.sim(w.servers, function(lull)
      local api = clients(lull, 100)
      for _ = 1, 6 do -- at 1, 21, 41, ...
        assert(api:get "/")
        lull.sleep(20)
      end
      lull.sleep(1)
      assert(api:get "/") -- at 122: renewed at 101, fetched by 102
    end)
    -- Nobody was sent in the last tenth of its life: at 101 it had ended.
    assert.are.equal(2, w.logins)
    assert.are.equal("Bearer t1", w.tokens[5])
    assert.are.equal("Bearer t2", w.tokens[6])
    w = servers(function() return true end)
    support.sim(w.servers, function(lull)
      local api = clients(lull, 100)
      assert(api:get "/")
      lull.sleep(92) -- within its last tenth
      local before = lull.now()
      assert(api:get "/")
      assert.are.equal(before, lull.now())
      lull.sleep(5)
      assert(api:get "/")
    end)
    assert.are.equal("Bearer t1 Bearer t1 Bearer t2", table.concat(w.tokens, " "))
  end)

  it("that is refused a hundred times at once is renewed once, for methods that are not repeated, too", function()
    local w = servers(function(token) return token ~= "Bearer t1" end)
    support.sim(w.servers, function(lull)
      local api = clients(lull)
      local items = {}
      for i = 1, 100 do items[i] = i end
      lull.each(items, { parallel = 50 }, function()
        local res = assert(api:post("/", { body = "x", attempts = 1 }))
        assert.are.equal(200, res.status)
      end)
    end)
    assert.are.equal(2, w.logins)
    assert.are.equal(50, w.refused)
  end)

  it("that is older than the one there is goes again with that", function()
    local w = servers(function(token, request, world)
      if request.path == "/slow" then return token ~= "Bearer t1" end
      return not (token == "Bearer t1" and world.refused == 0)
    end)
    w.servers["http://api.test"] = (function(serve)
      return function(request)
        local answer = serve(request)
        return { status = answer, delay = request.path == "/slow" and 20 or 0 }
      end
    end)(w.servers["http://api.test"])
    support.sim(w.servers, function(lull)
      local api = clients(lull)
      local task = lull.spawn(function() return assert(api:get "/slow") end)
      lull.sleep(5)
      w.refused = 0
      assert(api:get "/fast") -- renews
      assert.are.equal(200, task:join().status)
    end)
    assert.are.equal(2, w.logins)
  end)

  it("is not renewed for ever: a 401 is what the call gets", function()
    local w = servers(function() return false end)
    support.sim(w.servers, function(lull)
      local api = clients(lull)
      for _ = 1, 5 do
        local _, err = api:get "/"
        assert.are.equal(401, err.reason)
        assert.are.equal("rule", err.why)
      end
      local _, err = api:get("/", { on = { [401] = function(attempt) return attempt:stop "mine" end } })
      has(err, "mine")
    end)
    assert.are.equal(2, w.logins)
    assert.are.equal(7, #w.tokens)
  end)

  it("that cannot be fetched is everybody's failure, and is not fetched again at once", function()
    for status, later in pairs { [401] = false, [429] = true } do
      local w = servers(function() return true end, function()
        return { status = status, headers = { ["retry-after"] = later and "3000" or nil } }
      end)
      support.sim(w.servers, function(lull)
        local api = clients(lull)
        local items = {}
        for i = 1, 40 do items[i] = i end
        lull.each(items, { parallel = 10 }, function()
          local res, err = api:get "/x"
          assert.is_nil(res)
          assert.are.same({ "auth", "auth", later, 0 }, { err.reason, err.why, err.later, err.attempts })
          has(err, "GET http://api.test/x: no token: POST http://id.test/login: " .. status)
          assert.are.equal(later, err.retry_after ~= nil)
        end)
        assert.are.equal(1, w.logins)
        lull.sleep(later and 3000 or 60)
        assert.is_nil((api:get "/x"))
        assert.are.equal(2, w.logins)
      end)
      assert.are.equal(0, #w.tokens)
    end
  end)

  it("that cannot be renewed after a 401 leaves that to the call, for later where it is", function()
    local w = servers(function() return false end, function(n)
      return n > 1 and { status = 429, headers = { ["retry-after"] = "3000" } } or nil
    end)
    support.sim(w.servers, function(lull)
      local api = clients(lull)
      local _, err = api:get "/"
      assert.are.same({ 401, "auth", true, 1 }, { err.reason, err.why, err.later, err.attempts })
      has(err, "no token: POST http://id.test/login: 429")
      _, err = api:get "/"
      assert.are.equal("auth", err.reason)
    end)
    assert.are.equal(2, w.logins)
  end)

  it("is told of in words when its function raises, gives nothing, or waits for itself", function()
    support.sim(function() return 200 end, function(lull)
      local function try(fn, options)
        local api = lull.client { base = "http://api.test", auth = lull.token(fn, options) }
        local ok, _, err = lull.try(function() return api:get "/" end)
        if ok then return err and tostring(err) end
        return tostring(select(2, lull.try(function() return api:get "/" end)))
      end
      local place
      has(try(function() place = support.line(0); error "no key" end), place .. "no key")
      has(try(function() return nil end), "no token: its function gave none: nothing was sent")
      has(try(function() return nil, "no such user" end), "no token: no such user: nothing was sent")
      has(try(function() return 7 end), "a token must be a string, not a number")
      has(try(function() return "a\nb" end), "holds a control byte")
      has(try(function() return "a", "x" end), "a token's lifetime: 'x' is no duration")
      local api
      api = lull.client { base = "http://api.test", auth = lull.token(function() return (api:get "/").body end) }
      local ok, err = lull.try(function() return api:get "/" end)
      assert.is_false(ok)
      has(err, "its calls need a client without it")
    end)
  end)

  it("is sent under another name or scheme, and never shown", function()
    local seen = {}
    local t = support.sim(function(request)
      seen[#seen + 1] = (request.headers["x-api-key"] or "-") .. "|" .. (request.headers.authorization or "-")
      return 400
    end, function(lull)
      local function get(text, options)
        local token = lull.token(function() return text end, options)
        local _, err = lull.get("http://api.test/?k=" .. "canary1", { auth = token })
        assert.is_nil(tostring(err):find("canary1", 1, true), tostring(err))
        assert.are.equal("lull.token ***", tostring(token))
        assert.is_nil(next(token))
      end
      get(lull.secret "canary1", { header = "X-Api-Key" })
      get("canary1", { scheme = "Token" })
      get("Basic canary1")
      get("canary1", { scheme = false })
      local ok, err = pcall(lull.token, function() end, { headr = "x" })
      assert.is_false(ok)
      has(err, "unknown field of a token 'headr' (did you mean 'header'?)")
      ok, err = pcall(lull.client, { auth = "text" })
      assert.is_false(ok)
      has(err, "auth must be a lull.token, not a string")
    end)
    assert.are.equal("canary1|- -|Token canary1 -|Basic canary1 -|canary1", table.concat(seen, " "))
    for _, line in ipairs(t.lines) do assert.is_nil(line:find("canary1", 1, true), line) end
  end)

  it("stays with its client's origin, and another's 401 renews nothing", function()
    local w = servers(function(_, request) return request.path ~= "/go" end)
    w.servers["http://other.test"] = function(request) return request.headers.authorization and 500 or 401 end
    w.servers["http://api.test"] = function() return { status = 302, headers = { location = "http://other.test/" } } end
    support.sim(w.servers, function(lull)
      local api = clients(lull)
      local _, err = api:get "/go"
      assert.are.equal(401, err.reason)
      _, err = api:get "http://other.test/"
      assert.are.equal(401, err.reason)
    end)
    assert.are.equal(1, w.logins)
  end)

  it("outlives the task that asked for it first, and serves a lane with one place", function()
    local t = support.sim(function(request)
      if request.path == "/login" then return { body = "t", delay = 5 } end
      return request.headers.authorization == "Bearer t" and 200 or 401
    end, function(lull)
      local plain = lull.client { base = "http://api.test", limit = { parallel = 1 } }
      local api = plain:with { auth = lull.token(function() return assert(plain:get "/login").body end) }
      local first = lull.spawn(function() return api:get "/" end)
      local second = lull.spawn(function() return api:get "/" end)
      lull.sleep(1)
      first:cancel()
      assert.are.equal(200, second:join().status)
    end)
    assert.are.equal(2, #t.requests)
  end)

  it("is no call of a batch's item, and a failure of it leaves the item for later", function()
    local journal, down, calls = sim.journal(), true, 0
    local function script()
      local lull = require "lull"
      local id = lull.client { base = "http://id.test", attempts = 2, max_hint = 1 }
      local api = lull.client { base = "http://api.test", auth = lull.token(function()
        local res, err = id:get "/"
        return res and res.body, res and 3600 or err
      end) }
      local sum = lull.each({ "a", "b" }, function(x)
        local res, err = api:get("/" .. x)
        if not res then return nil, err end
        return api:post("/" .. x)
      end)
      lull.exit(sum.code)
    end
    local world = {
      ["http://id.test"] = function()
        return down and { status = 429, headers = { ["retry-after"] = "50" } } or { body = "t" }
      end,
      ["http://api.test"] = function() calls = calls + 1 return 200 end }
    sim.run { script = script, world = world, journal = journal, time = 1767225600 }
    assert.are.equal(0, calls)
    down = false
    local t = sim.run { script = script, world = world, journal = journal, time = 1767225700 }
    assert.are.equal(4, calls, tostring(t.err))
  end)

  it("goes over the wire", function()
    local server = wire.server [[
    local n = 0
    return { ["http://api.test"] = function(request)
      if request.path == "/login" then n = n + 1 return { body = "t" .. n } end
      return request.headers.authorization == "Bearer t2" and 200 or 401
    end } ]]
    wire.real(function(lull)
      local plain = lull.client { base = server.url }
      local api = plain:with { auth = lull.token(function() return assert(plain:post "/login").body, "1h" end) }
      lull.each({ 1, 2, 3, 4 }, { parallel = 4 }, function() assert(api:post("/", { body = "x" })) end)
    end)
    local logins = 0
    for _, request in ipairs(server:requests()) do
      if request.path == "/login" then logins = logins + 1 end
    end
    assert.are.equal(2, logins)
  end)
end)
