-- lull as a guest in somebody else's program: it changes nothing that is not
-- its own, and lives beside others.

local core = require "lull.core"
local wire = require "tests.wire"

local LUA = os.getenv "LULL_LUA" or "lua5.4"

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

local function run(script, arguments)
  return wire.run(("%s %s %s"):format(LUA, wire.write(script, ".lua"), arguments or ""))
end

local function has(module)
  return run(("require %q"):format(module)).code == 0
end

describe("as a guest, lull", function()
  teardown(function() wire.clean() end)

  it("touches no global, no library, no signal, no locale, no umask", function()
    local result = run(WATCH .. 'require "lull"\ncompare_all()')
    assert.same({ code = 0, out = "", err = "" }, result)
  end)

  it("leaves them alone while it sends, too", function()
    local server = wire.server(SERVER)
    local result = run(WATCH .. [[
      local lull = require "lull"
      lull.each({ 1, 2, 3 }, function() assert(lull.get(arg[1])) end)
      compare_all()]], server.url)
    server:stop()
    assert.same({ code = 0, out = "", err = "" }, result)
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

  for _, host in ipairs { "luv", "copas", "cqueues" } do
    it("is driven by the loop of " .. host, function()
      if not has(host) then return pending(host .. " is not installed for this Lua") end
      local base = host == "copas" and "" or server.url
      local result = wire.run(("%s scripts/hosts/%s.lua %s/a %s/b"):format(LUA, host, base, base))
      assert.equal("", result.err)
      for _, path in ipairs { "/a", "/b" } do
        assert.is_truthy(result.out:find("200\t" .. base .. path .. "\n", 1, true), result.out)
      end
      assert.matches("\ndone; .* meanwhile\n$", result.out)
    end)
  end
end)

describe("lull.step", function()
  teardown(function() wire.clean() end)

  it("does what can be done, waits no longer than told, and says when all is done", function()
    local result = run [[
      local lull = require "lull"
      local function sleeper() lull.sleep(0.05) print "awake" end
      lull.spawn(sleeper)
      local began = lull.now()
      print(lull.step(0), lull.now() - began < 0.04)
      while lull.step(0.01) do end
      print(lull.now() - began >= 0.05, lull.step(0))]]
    assert.same({ code = 0, out = "true\ttrue\nawake\ntrue\tfalse\n", err = "" }, result)
  end)

  it("raises the error of a task that nobody joins", function()
    local result = run [[
      local lull = require "lull"
      lull.spawn(function() error "lost and found" end)
      lull.spawn(function() lull.sleep(0.02) print "the other" end)
      local ok, err = pcall(lull.step)
      print(ok, err:match "lost and found")
      while lull.step(0.01) do end]]
    assert.same({ code = 0, out = "false\tlost and found\nthe other\n", err = "" }, result)
  end)

  it("is not for tasks", function()
    local result = run [[
      local lull = require "lull"
      local task = lull.spawn(function() lull.step(0) end)
      print(pcall(task.join, task))]]
    assert.matches("lull.step is for the program around the tasks", result.out)
  end)
end)
