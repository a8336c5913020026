-- lull as a guest in somebody else's program: it changes nothing that is not
-- its own, and lives beside others.

local core = require "lull.core"
local support = require "tests.support"
local unit = require "lull.unit"
local wire = require "tests.wire"


-- What a program has that a library could change.
local WATCH = [[
local function copy(t)
  local c = {}
  for k, v in pairs(t) do c[k] = v end
  return c
end

local function libraries()
  local all = { _G = copy(_G) }
  for name, value in pairs(_G) do
    local library = type(value) == "table" and name ~= "_G" and name ~= "package" and name ~= "arg"
    if library then all[name] = copy(value) end
  end
  all["package"] = copy(package)
  all["the metatable of strings"] = copy(getmetatable "")
  return all
end

local function process()
  local found = { locale = os.setlocale(nil) }
  local file = io.open "/proc/self/status"
  for line in file and file:lines() or function() end do
    local name, value = line:match "^(%w+):%s*(.-)$"
    if name == "Umask" or name == "SigBlk" or name == "SigIgn" or name == "SigCgt" then found[name] = value end
  end
  if file then file:close() end
  return found
end

local function compare(what, before, after)
  for name, value in pairs(after) do
    if before[name] ~= value then print(("%s: %s was %s, is %s"):format(what, tostring(name),
      tostring(before[name]), tostring(value))) end
  end
  for name in pairs(before) do
    if after[name] == nil then print(what .. ": " .. tostring(name) .. " is gone") end
  end
end

local before, process_before = libraries(), process()

function compare_all()
  compare_all = nil
  for name, library in pairs(libraries()) do compare(name, before[name] or {}, library) end
  compare("the process", process_before, process())
end
local compare_all = compare_all
_G.compare_all = nil
]]

local SERVER = "return {\n  ['http://a.test'] = function() return 200, nil, 'body' end }"

local run, has = wire.script, wire.has

describe("as a guest, lull", function()
  teardown(function() wire.clean() end)

  it("touches no global, no library, no signal, no locale, no umask", function()
    local result = run(WATCH .. 'require "lull"\ncompare_all()')
    assert.same({ code = 0, out = "", err = "" }, result)
  end)

  it("leaves them alone while it sends, resolves names and speaks TLS, too", function()
    local server, tls = wire.server(SERVER), wire.tls_server()
    local result = run(WATCH .. [[
      local lull = require "lull"
      lull.each({ 1, 2, 3 }, function() assert(lull.get(arg[1])) end)
      assert(lull.get((arg[1]:gsub("127.0.0.1", "localhost"))))
      assert(lull.get(arg[2], { ca = arg[3] }))
      compare_all()]], ("%s %s %s"):format(server.url, tls.tls, wire.quote(tls.ca)))
    server:stop()
    tls:stop()
    assert.same({ code = 0, out = "", err = "" }, result)
  end)

  it("leaves them alone when a loop of the program's drives it, too", function()
    local result = run(WATCH .. [[
      local lull = require "lull"
      lull.spawn(function() lull.sleep(0.001) lull.get("http://127.0.0.1:1/", { attempts = 1 }) end)
      while lull.step(lull.timeout()) do lull.fds() end
      compare_all()]])
    assert.same({ code = 0, out = "", err = "" }, result)
  end)

  it("gives back what a simulated run replaces", function()
    local result = run(WATCH .. [[
      local sim = require "lull.sim"
      local world = sim.replies { 503, { 200, body = "x" } }
      local function script() print(require "lull".get("http://a.test/").body, os.time(), math.random()) end
      assert(sim.run { script = script, world = world }.ok)
      compare_all()]])
    assert.same({ code = 0, out = "", err = "" }, result)
  end)

  it("is not ended by SIGPIPE when a server hangs up on it, plain or under TLS", function()
    local tls = wire.tls_server()
    local result = run([[
      local lull = require "lull"
      local options = { body = ("x"):rep(2 ^ 23), attempts = 2, backoff = { base = 0 }, http = "1.1", ca = arg[3] }
      print(lull.put(arg[1], options), lull.put(arg[2], options))]],
      ("%s %s %s"):format((tls.hang_up:gsub("^https", "http")), tls.hang_up, wire.quote(tls.ca)))
    tls:stop()
    assert.same({ 0, "nil\tnil\t" }, { result.code, result.out:match "^nil\tnil\t" })
  end)

  it("loads only what is its own, and lua-cjson", function()
    local result = run [[
      local before = {}
      for name in pairs(package.loaded) do before[name] = true end
      require "lull"
      for name in pairs(package.loaded) do
        if not before[name] and name ~= "lull" and not name:find "^lull%." and name ~= "cjson" then print(name) end
      end]]
    assert.same({ code = 0, out = "", err = "" }, result)
  end)

  it("works under a global environment that refuses new names", function()
    local result = run [[
      setmetatable(_G, { __newindex = function(_, name) error("new global " .. name, 2) end,
        __index = function(_, name) error("unknown global " .. name, 2) end })
      local lull = require "lull"
      lull.sleep(0)
      print(lull.get("http://127.0.0.1:1/", { attempts = 1 }))]]
    assert.equal("", result.err)
    assert.matches("refused", result.out)
  end)
end)

describe("two engines of one process", function()
  it("have clocks and sleeps of their own", function()
    local a, b = core.engine { sim = true, seed = 1, wall = 0 }, core.engine { sim = true, seed = 1, wall = 5 }
    local id = a:sleep(10)
    b:sleep(3)
    assert.equal("timer", (b:step()))
    assert.equal(3, b:now())
    assert.equal(0, a:now())
    local kind, woken = a:step()
    assert.equal("timer", kind)
    assert.equal(id, woken)
    assert.equal(10, a:now())
    a:close()
    b:sleep(1)
    assert.equal("timer", (b:step()))
    b:close()
  end)

  it("draw the same numbers from the same seed, whatever the other draws", function()
    local a, b = core.engine { sim = true, seed = 7 }, core.engine { sim = true, seed = 7 }
    local first = { a:random(0, 1e6), a:random(0, 1e6) }
    assert.same(first, { b:random(0, 1e6), b:random(0, 1e6) })
    a:close()
    b:close()
  end)

  it("send side by side", function()
    local server = wire.server(SERVER)
    local client = core.client {}
    local engines, done = { core.engine {}, core.engine {} }, 0
    for _, engine in ipairs(engines) do engine:start(client, { method = "GET", url = server.url }) end
    while done < 2 do
      for _, engine in ipairs(engines) do
        local kind, _, details = engine:step(0.01)
        if kind == "done" then
          assert.equal(200, details.status)
          done = done + 1
        end
      end
    end
    for _, engine in ipairs(engines) do engine:close() end
    server:stop()
    wire.clean()
  end)
end)

describe("two states of one process", function()
  teardown(function() wire.clean() end)

  local BEGIN = [[
    lull, url = require "lull", %q
    task = lull.spawn(function() return lull.get(url).body end)
    lull.step()
    return lull.fds()[1] or 0 ]]

  it("send side by side, and either may end first", function()
    local server = wire.server(SERVER)
    local a, b = unit.state.new(), unit.state.new()
    local fd_a, fd_b = a:run(BEGIN:format(server.url)), b:run(BEGIN:format(server.url))
    assert.is_true(fd_a == "0" or fd_a ~= fd_b)
    assert.equal("body", b:run "return task:join()")
    b:close()
    assert.equal("body", a:run "return task:join() and lull.get(url).body")
    a:run(BEGIN:format(server.url))
    a:close() -- amid a call
    server:stop()
  end)

  it("know nothing of each other's clients, lanes, secrets and presets", function()
    local a, b = unit.state.new(), unit.state.new()
    a:run [[
      lull = require "lull"
      lull.secret "hush-hush"
      lull.preset.mine = { attempts = 1 }
      lull.get("http://127.0.0.1:1/", { attempts = 1 }) ]]
    assert.equal("http://127.0.0.1:1", a:run "return (next(lull.lanes()))")
    assert.equal("hush-hush nil nil", b:run [[
      local lull, secret = require "lull", require "lull.secret"
      local lanes = tostring(next(lull.lanes()))
      return ("%s %s %s"):format(secret.redact "hush-hush", tostring(lull.preset.mine), lanes) ]])
    a:close()
    b:close()
  end)

  it("may run in threads of their own", function()
    if not has "luv" then return pending "luv is not installed for this Lua" end
    -- Debian 13's luv 1.48 ends each thread by a crash, whatever runs in it.
    local alone = run [[
      local uv = require "luv"
      uv.new_thread(function() end):join() ]]
    if alone.code ~= 0 then return pending "luv's threads do not work here" end
    local server = wire.server(SERVER)
    local result = run([[
      local uv = require "luv"
      local function work(url)
        local lull, good = require "lull", 0
        for _ = 1, 5 do
          local client = lull.client { base = url }
          lull.each({ 1, 2, 3, 4 }, { parallel = 4 }, function()
            if client:get "/".body == "body" then good = good + 1 end
          end)
        end
        io.write(good .. "\n")
      end
      local threads = {}
      for i = 1, 3 do threads[i] = uv.new_thread(work, arg[1]) end
      work(arg[1])
      for _, thread in ipairs(threads) do thread:join() end]], server.url)
    server:stop()
    assert.same({ code = 0, out = ("20\n"):rep(4), err = "" }, result)
  end)

  it("may be of two processes, when one forks before its first call", function()
    if not has "ffi" then return pending "this Lua has no ffi to fork with" end
    local server = wire.server(SERVER)
    local result = run([[
      local ffi, lull = require "ffi", require "lull"
      ffi.cdef "int fork(void); int waitpid(int, int *, int);"
      local client = lull.client { base = arg[1] }
      local child = ffi.C.fork()
      local body = client:get "/".body
      if child == 0 then os.exit(body == "body" and 7 or 1) end
      local status = ffi.new "int[1]"
      ffi.C.waitpid(child, status, 0)
      print(body, status[0] / 256)]], server.url)
    server:stop()
    assert.same({ code = 0, out = "body\t7\n", err = "" }, result)
  end)
end)

describe("several clients of one state", function()
  teardown(function() wire.clean() end)

  it("keep what is theirs, at the same time and to the same server", function()
    local answers, failures = {}, 0
    local t = support.sim(function(request)
      if request.headers["x-who"] ~= "patient" or failures == 2 then return 404 end
      failures = failures + 1
      return 503
    end, function(lull)
      local plain = lull.client { base = "http://api.test" }
      local patient = plain:with { headers = { ["x-who"] = "patient" }, attempts = 5, backoff = { base = 1 } }
      local easy = plain:with { headers = { ["x-who"] = "easy" }, on = { [404] = "accept" }, query = { q = 1 } }
      lull.all {
        function() answers.plain = select(2, plain:get "/").attempts end,
        function() answers.patient = select(2, patient:get "/").attempts end,
        function() answers.easy = easy:get "/".status end,
      }
      answers.again = select(2, plain:get "/").reason
    end)
    assert.is_true(t.ok, t.err)
    assert.same({ plain = 1, patient = 3, easy = 404, again = 404 }, answers)
    local seen = {}
    for _, request in ipairs(t.requests) do
      seen[#seen + 1] = ("%s %s"):format(request.path, request.headers["x-who"] or "-")
    end
    table.sort(seen)
    assert.same({ "/ -", "/ -", "/ patient", "/ patient", "/ patient", "/?q=1 easy" }, seen)
  end)

  it("leave nothing behind on a connection that the next one uses", function()
    local server = wire.server(SERVER)
    local result = run([[
      local lull = require "lull"
      local plain = lull.client { base = arg[1] }
      local other = lull.client { base = arg[1], headers = { ["x-other"] = "1", authorization = lull.secret "s" },
        http = "1.1", timeout = 5, insecure = true, encoded = true }
      for _ = 1, 3 do
        plain:get "/plain"
        other:post("/other", { body = "b" })
      end]], server.url)
    assert.same({ code = 0, out = "", err = "" }, result)
    for i, request in ipairs(server:requests(6)) do
      local other = i % 2 == 0
      assert.equal(1, request.connection)
      assert.equal(other and "POST /other" or "GET /plain", request.method .. " " .. request.path)
      assert.equal(other and "1" or nil, request.headers["x-other"])
      assert.equal(other and "s" or nil, request.headers.authorization)
      assert.equal(other and 1 or 0, request.body_length)
      assert.equal(not other, request.headers["accept-encoding"] ~= nil)
    end
    server:stop()
  end)
end)

describe("beside others in one process, lull", function()
  local server

  setup(function()
    server = wire.server(SERVER)
  end)

  teardown(function() wire.clean() end)

  it("sends, and so does luasocket", function()
    local result = run([[
      local http, lull = require "socket.http", require "lull"
      print((http.request(arg[1])), lull.get(arg[1]).body, (http.request(arg[1])))]], server.url)
    assert.same({ code = 0, out = "body\tbody\tbody\n", err = "" }, result)
  end)

  it("sends, and so does lua-curl", function()
    if not has "curl" then return pending "lua-curl is not installed for this Lua" end
    for _, order in ipairs { 'local curl, lull = require "curl", require "lull"',
      'local lull, curl = require "lull", require "curl"' } do
      local result = run(order .. [[

        local function by_curl()
          local got = {}
          local easy = curl.easy_init()
          easy:setopt(curl.OPT_URL, arg[1])
          easy:setopt(curl.OPT_WRITEFUNCTION, function(bytes, size) got[#got + 1] = bytes return size end)
          easy:perform()
          return table.concat(got)
        end
        print(by_curl(), lull.get(arg[1]).body, by_curl())]], server.url)
      assert.same({ code = 0, out = "body\tbody\tbody\n", err = "" }, result)
    end
  end)
end)
