-- A journal whose disk takes no more, or whose file is not what it was: one
-- sentence that says what to do, exit code 1, and nothing lost or done twice.
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"
BINARY = BINARY:sub(1, 1) == "/" and BINARY or wire.run "pwd".out:match "[^\n]*" .. "/" .. BINARY

-- A POST without a key for each item: sent twice it would be done twice.
local SCRIPT = [[
local lull = require "lull"
local api = lull.client { base = arg[1] }
local items = {}
for i = 1, tonumber(arg[2]) do items[i] = ("item%03d"):format(i) end
local sum = lull.each(items, { parallel = 8 }, function(x) return api:post("/" .. x, { body = x }) end)
print(("total %d done %d failed %d before %d"):format(sum.total, sum.done, sum.failed, sum.before))
lull.exit(sum.code)
]]

local WORLD = [[
return { ["http://127.0.0.1"] = function() return 201 end }
]]

local function lull(journal, script, arguments, before)
  return wire.run(("(%s %s --journal %s %s %s)"):format(before or "", wire.quote(BINARY), wire.quote(journal),
    wire.quote(script), arguments or ""))
end

local function one_sentence(result, words)
  assert.are.equal(1, result.code, result.err)
  assert.are.equal(1, select(2, result.err:gsub("\n", "")), result.err)
  assert.is_truthy(result.err:find(words, 1, true), result.err)
end

local function numbers(result)
  local total, done, failed, before = result.out:match "total (%d+) done (%d+) failed (%d+) before (%d+)"
  assert.is_truthy(total, result.out .. result.err)
  return tonumber(total), tonumber(done), tonumber(failed), tonumber(before)
end

describe("a journal on a bad disk #binary", function()
  after_each(wire.clean)

  it("that takes no more ends the run; the next one goes on, and sends nothing twice", function()
    local script = wire.write(SCRIPT, ".lua")
    for _, blocks in ipairs { 1, 130 } do
      local server, journal = wire.server(WORLD), wire.path ".lull"
      local full = lull(journal, script, server.url .. " 200", ("trap '' XFSZ; ulimit -f %d; exec"):format(blocks))
      one_sentence(full, journal)
      assert.is_truthy(full.err:find("; see what is wrong with the disk, or which limit files have, and run it", 1,
        true), full.err)
      local sent = #server:requests()
      assert.is_true(sent < 200)
      local total, done, failed, before = numbers(lull(journal, script, server.url .. " 200"))
      assert.are.same({ 200, 200 }, { total, done + failed + before })
      -- What had been sent and could not be kept is said to be unsure: eight were under way.
      assert.is_true(failed <= 8, tostring(failed))
      local seen, requests = {}, server:requests()
      for _, request in ipairs(requests) do
        assert.is_nil(seen[request.path], request.path .. " was sent twice")
        seen[request.path] = true
      end
      assert.is_true(#requests >= done + before)
      server:stop()
    end
  end)

  it("whose folder cannot be written to is refused, and looking at it is not", function()
    local folder = wire.path()
    local script = wire.write('require "lull".each({ "a" }, function() return 1 end)', ".lua")
    os.execute(("mkdir %s"):format(folder))
    local journal = folder .. "/run.lull"
    assert.are.equal(0, lull(journal, script).code)
    -- To root all is writable.
    local other = wire.run "id -u".out == "0\n" and "setpriv --reuid=65534 --clear-groups" or ""
    os.execute(("chmod 555 %s; chmod 755 %s/..; chmod 444 %s %s"):format(folder, folder, journal, script))
    one_sentence(lull(journal, script, nil, other), "; a journal's file and its folder have to be writable")
    local status = wire.run(("%s %s status %s"):format(other, wire.quote(BINARY), journal))
    assert.are.equal(0, status.code, status.err)
    os.execute(("chmod 755 %s"):format(folder))
  end)

  -- A file that lacked a part of its last page was taken for whole, with zeros there. A bit that
  -- has flipped SQLite may not notice, but then the run comes to an end.
  it("that was cut, or has flipped bits, is refused or goes on, and nothing else", function()
    local script = wire.write((SCRIPT:gsub("return api:post.-%)", "return x:rep(40)")), ".lua")
    local journal = wire.path ".lull"
    assert.are.equal(0, lull(journal, script, "http://none.test 300").code)
    local bytes = wire.read(journal)
    assert.is_true(#bytes > 20000)
    for _, size in ipairs { 99, 4096, 4097, #bytes - 1 } do
      local result = lull(wire.write(bytes:sub(1, size), ".lull"), script, "http://none.test 300")
      one_sentence(result, "; the file is damaged, go on with a copy of it")
    end
    local draw, refused = 5, 0
    for _ = 1, 5 do
      draw = draw * 16807 % 2147483647
      local at = 1 + draw % #bytes
      local flipped = bytes:sub(1, at - 1) .. string.char((bytes:byte(at) + 128) % 256) .. bytes:sub(at + 1)
      local result = lull(wire.write(flipped, ".lull"), script, "http://none.test 300")
      if result.code ~= 0 then
        one_sentence(result, "")
        refused = refused + 1
      end
    end
    assert.is_true(refused < 5)
  end)
end)

if not os.getenv "LULL_KILLS" then return end

-- For `make kills`: strace (Debian: strace) ends the process at each write and each sync of a
-- small batch, or lets the disk refuse it.
describe("a journal at each write and sync #binary", function()
  after_each(wire.clean)

  local SMALL = [[
local lull = require "lull"
local api = lull.client { base = arg[1] }
local sum = lull.each({ "a", "b", "c", "d" }, { parallel = 2 }, function(x)
  local one, err = api:put("/put/" .. x, { body = x })
  if not one then return nil, err end
  return api:post("/" .. (x < "c" and "keyed/" or "plain/") .. x, { key = x < "c" or nil, body = x })
end)
print(("total %d done %d failed %d before %d"):format(sum.total, sum.done, sum.failed, sum.before))
lull.exit(sum.code)
]]

  -- What the server saw of each item that comes to its end at last.
  local function judge(server, from)
    local seen, keys = {}, {}
    local requests = server:requests()
    for i = from + 1, #requests do
      local path, key = requests[i].path, requests[i].headers["idempotency-key"]
      seen[path] = (seen[path] or 0) + 1
      if path:find "^/keyed" then
        assert.is_true(keys[path] == nil or keys[path] == key, path .. " has two keys")
        keys[path] = key
      end
    end
    for _, x in ipairs { "a", "b", "c", "d" } do assert.is_true((seen["/put/" .. x] or 0) >= 1) end
    for _, x in ipairs { "c", "d" } do
      assert.is_true((seen["/plain/" .. x] or 0) <= 1, "/plain/" .. x .. " was sent twice")
    end
    return #requests
  end

  for _, what in ipairs { "signal=KILL", "error=ENOSPC", "error=EIO" } do
    for _, call in ipairs { "pwrite64", "fdatasync" } do
      it(("goes on after %s of %s"):format(what, call), function()
        assert.are.equal(0, wire.run("strace -V").code, "strace is not installed")
        local server, script = wire.server(WORLD), wire.write(SMALL, ".lua")
        local from, broken, n, whole = 0, 0, 0, 0
        repeat
          n = n + 1
          local journal = wire.path ".lull"
          local first = lull(journal, script, server.url,
            ("strace -f -qq -o /dev/null -e trace=%s -e inject=%s:%s:when=%d"):format(call, call, what, n))
          whole = first.code == 0 and whole + 1 or 0
          if first.code ~= 0 then
            broken = broken + 1
            if what == "signal=KILL" then
              assert.are.equal(137, first.code)
            else
              one_sentence(first, journal)
            end
            local total, done, failed, before = numbers(lull(journal, script, server.url))
            assert.are.same({ 4, 4 }, { total, done + failed + before })
          end
          from = judge(server, from)
        until whole == 3 -- each thread counts its own
        print(("%s of %s: %d times"):format(what, call, broken))
        assert.is_true(broken > 5)
      end)
    end
  end
end)
