-- A download that a SIGTERM or a SIGHUP ends: after the grace it is cut, what has
-- come of it stays under its stable name with its validator, and the next run
-- goes on with that. A service manager that waits in vain kills, and cron's next
-- run began anew.

local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"
local quote = wire.quote

-- A file of 20 bytes for each path, in ranges. The first answer for each stands
-- still after 7 of them.
local FILES = [[
local BODY, seen = "0123456789abcdefghij", {}
return { ["http://api.test"] = function(request)
  local path = request.route
  local first = tonumber((request.headers.range or ""):match "^bytes=(%d+)%-$")
  local answer = { status = 200, headers = { etag = '"1"' }, body = BODY }
  if first and request.headers["if-range"] == '"1"' then
    answer.status, answer.body = 206, BODY:sub(first + 1)
    answer.headers["content-range"] = ("bytes %d-19/20"):format(first)
  end
  if not seen[path] and path ~= "/quick" then answer.stall = 7 end
  seen[path] = true
  return answer
end }
]]
local WHOLE = "0123456789abcdefghij"

local function beside(path) return wire.run("ls -A " .. quote(path) .. "* 2>/dev/null").out end

local SCRIPT = [[
local lull = require "lull"
local res, err = lull.get(arg[1], { output = arg[2] })
print(res and "done" or err.why)
]]

describe("a download that a signal ends #binary", function()
  after_each(wire.clean)

  local function part_of(path, size)
    wire.eventually(function() return #(wire.read(path .. ".lull-part") or "") == size end, "no part")
  end

  local function start(arguments)
    local err = wire.path()
    local child = wire.start(("%s %s 2>%s"):format(quote(BINARY), arguments, err))
    child.err = err
    return child
  end

  -- Each way to say where a body goes: what is run, and into which file.
  local WAYS = {
    ["-o"] = function(url, path) return ("get --grace 50ms -o %s %s/x"):format(quote(path), url) end,
    ["-O"] = function(url, path)
      return ("get --grace 50ms -O --output-dir %s %s/%s"):format(quote(path:match "^(.*)/"), url, path:match "[^/]*$")
    end,
    output = function(url, path)
      return ("--grace 50ms %s %s/x %s"):format(wire.write(SCRIPT, ".lua"), url, quote(path))
    end,
  }

  for way, arguments in pairs(WAYS) do
    for name, number in pairs { HUP = 1, TERM = 15 } do
      it(("is cut after the grace, and the next run goes on: %s, SIG%s"):format(way, name), function()
        local server, path = wire.server(FILES), wire.path()
        local command = arguments(server.url, path)
        local child = start(command)
        part_of(path, 7)
        child:signal(name)
        assert.are.equal(128 + number, select(2, child:finish()))
        assert.matches("cut 1 request that had not ended after 0%.05s", wire.read(child.err))
        assert.is_nil(wire.read(path))
        assert.are.equal(WHOLE:sub(1, 7), wire.read(path .. ".lull-part"))
        assert.are.equal(0, wire.run(BINARY .. " " .. command).code)
        assert.are.equal(WHOLE, wire.read(path))
        assert.are.equal(path .. "\n", beside(path))
        local requests = server:requests(2)
        assert.are.equal("bytes=7-", requests[2].headers.range)
        assert.are.equal('"1"', requests[2].headers["if-range"])
      end)
    end
  end

  it("may end within the grace", function()
    local server = wire.server(FILES:gsub("answer%.stall = 7", "answer.drip = 0.02"))
    local path = wire.path()
    local child = start(("get -o %s %s/x"):format(quote(path), server.url))
    part_of(path, 7)
    child:signal "TERM"
    assert.are.equal(143, select(2, child:finish()))
    assert.are.equal(WHOLE, wire.read(path))
    assert.are.equal(path .. "\n", beside(path))
  end)

  local ITEMS = [[
  local lull = require "lull"
  local sum = lull.each({ "quick", "a", "b" }, function(item)
    local res, err = lull.get(arg[1] .. item, { output = arg[2] .. item })
    if not res then return nil, err end
  end)
  lull.exit(sum.code)
  ]]

  -- Rows of a file, or a script's items: what is cut is open, and the same command
  -- goes on with each file where it was.
  local BATCHES = {
    ["--each"] = function(options, url, folder)
      return ("get %s --each %s -o '%s{.}' %s{.}"):format(options, wire.write("quick\na\nb\n", ".txt"), folder, url)
    end,
    ["lull.each"] = function(options, url, folder)
      return ("%s %s %s %s"):format(options, wire.write(ITEMS, ".lua"), url, folder)
    end,
  }

  for way, arguments in pairs(BATCHES) do
    it("is open in a journal, and gone on with: " .. way, function()
      local server, folder, journal = wire.server(FILES), wire.path() .. "/", wire.path ".lull"
      os.execute("mkdir " .. quote(folder))
      local command = arguments("--grace 50ms --journal " .. journal, server.url .. "/", folder)
      local child = start(command)
      for _, name in ipairs { "a", "b" } do part_of(folder .. name, 7) end
      wire.eventually(function() return wire.read(folder .. "quick") == WHOLE end, "no file")
      child:signal "TERM"
      assert.are.equal(143, select(2, child:finish()))
      assert.matches("\n1 done, 0 failed, 0 later, 2 open\n", wire.run(BINARY .. " status " .. journal).out)
      local result = wire.run(BINARY .. " " .. command)
      assert.are.equal(0, result.code, result.err)
      assert.are.equal("a\nb\nquick\n", wire.run("ls -A " .. folder).out)
      for _, name in ipairs { "a", "b", "quick" } do assert.are.equal(WHOLE, wire.read(folder .. name)) end
      local ranges = {}
      for _, request in ipairs(server:requests(5)) do
        ranges[#ranges + 1] = request.path .. " " .. (request.headers.range or "whole")
      end
      table.sort(ranges)
      assert.are.same({ "/a bytes=7-", "/a whole", "/b bytes=7-", "/b whole", "/quick whole" }, ranges)
    end)
  end
end)
