-- What a run says of itself on standard error: on a terminal, in a log, or not.
local socket = require "socket"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local HOLDS = [[
return { ["http://api.test"] = function(request, n)
  if n == 3 then return 429, { ["retry-after"] = "100" } end
  return 200
end }]]

describe("progress #binary", function()
  after_each(wire.clean)

  local function lull(arguments) return wire.run(BINARY .. " " .. arguments) end

  local function lines_of(text)
    local list = {}
    for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
    return list
  end

  it("says nothing where there is no terminal, unless it is asked", function()
    local rows, world = wire.write(("id\n" .. ("7\n"):rep(5)), ".csv"), wire.write(HOLDS, ".lua")
    local command = ("get http://api.test/{id} --each %s --sim %s --results /dev/null --parallel 1"):format(rows, world)
    assert.equal("lull: 5 rows: 5 done\n", lull(command).err)
    assert.equal("lull: 5 rows: 5 done\n", lull(command .. " --progress never").err)
    local lines = lines_of(lull(command .. " --progress always").err)
    assert.matches("^lull: 2 of .- done, 1 wait: 429 of api%.test until [%d: -]+, as the server asked$", lines[1])
    assert.equal("lull: 5 rows: 5 done", lines[#lines])
    assert.is_true(#lines >= 4 and #lines <= 6, table.concat(lines, "\n")) -- the wait, and every 30 s
  end)

  it("says a wait that holds everybody, without rows too", function()
    local result = lull(("get http://api.test/1 http://api.test/2 http://api.test/3 --sim %s --progress always"):format(
      wire.write(HOLDS, ".lua")))
    assert.matches("^lull: 1 wait: 429 of api%.test until [%d: -]+, as the server asked\n$", result.err)
    assert.equal(0, result.code)
  end)

  it("takes a word", function()
    for _, command in ipairs { "get http://api.test/", wire.write("return", ".lua") } do
      local result = lull("--progress sometimes " .. command)
      assert.equal(2, result.code)
      assert.matches("^lull: %-%-progress takes auto, always or never, not 'sometimes'", result.err)
    end
    assert.matches("did you mean 'always'", lull("get --progress alway http://api.test/").err)
  end)

  -- The timer of the line would have kept the loop awake for ever.
  it("does not hide that all tasks wait for each other", function()
    local script = wire.write([[
      local lull = require "lull"
      local a, b
      a = lull.spawn(function() lull.sleep(0.01); b:join() end)
      b = lull.spawn(function() a:join() end)
      a:join()]], ".lua")
    local result = lull("--progress always " .. script)
    assert.equal(1, result.code)
    assert.matches("all tasks are asleep", result.err)
  end)

  -- Runs it on a terminal of so many columns; gives all that it was sent.
  local function on_terminal(columns, arguments)
    local command = ("stty cols %d; exec %s %s"):format(columns, BINARY, arguments)
    return (wire.run(("script -qec %s /dev/null"):format(wire.quote(command))).out:gsub("\r\n", "\n"))
  end

  -- What stands on the screen's rows in the end, and the most that stood on one.
  local function rows_of(bytes)
    local rows, row, widest = {}, "", 0
    for part, mark in (bytes .. "\n"):gmatch "([^\r\n]*)([\r\n])" do
      local piece = part
      local cleared = piece:find("\27[K", 1, true)
      piece = cleared and piece:gsub("\27%[K", "") or piece .. row:sub(#piece + 1)
      widest, row = math.max(widest, #piece), piece
      if mark == "\n" then
        rows[#rows + 1] = row
        row = ""
      end
    end
    return rows, widest
  end

  local SCRIPT = [[
    local lull = require "lull"
    local n = 0
    lull.each(function() n = n + 1; return n <= 60 and n or nil end, { parallel = 3 }, function(i)
      lull.sleep(0.05)
      if i %% 10 == 0 then print("printed " .. i) end
      if i %% 15 == 0 then io.stderr:write("told ", i, "\n") end
      if i == 40 then io.write("half ") end
      if i == 44 then io.write("a line\n") end
    end)]]

  it("is one line of a terminal, and tears nothing that is printed", function()
    for _, columns in ipairs { 30, 80, 200 } do
      local began = socket.gettime()
      local bytes = on_terminal(columns, wire.write(SCRIPT:format(), ".lua"))
      local took = socket.gettime() - began
      local rows, widest = rows_of(bytes)
      assert.are.same({ "printed 10", "told 15", "printed 20", "printed 30", "told 30" },
        { rows[1], rows[2], rows[3], rows[4], rows[5] }, bytes)
      assert.matches("half ", table.concat(rows, "\n"))
      for _, row in ipairs(rows) do
        assert.is_nil(row:find "done" and row:find "printed", row)
      end
      assert.is_true(widest < columns)
      local drawn = select(2, bytes:gsub("\r[^\r\n]* done[^\r\n]*\27%[K", ""))
      -- Ten times a second, and when something is printed: 6 lines, 4 that are told, and 2.
      assert.is_true(drawn >= 2 and drawn <= 10 * took + 13, ("drawn %d times in %.3f s"):format(drawn, took))
    end
  end)

  it("is gone when the run has ended, and never there with --quiet or --progress never", function()
    local script = wire.write(SCRIPT:format(), ".lua")
    local bytes = on_terminal(80, script)
    assert.is_true(bytes:find "under way" ~= nil)
    local rows = rows_of(bytes)
    for _, row in ipairs(rows) do assert.is_nil(row:find "under way", row) end
    for _, option in ipairs { "--quiet", "--progress never" } do
      assert.is_nil(on_terminal(80, option .. " " .. script):find "under way")
    end
  end)
end)
