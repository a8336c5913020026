-- The journal in a file: what a run leaves, what the next one takes up, who may
-- have it, and what is wrong with it. The binary, over real sockets.
local socket = require "socket"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"
local HERE = wire.run "pwd".out:match "[^\n]*"
if BINARY:sub(1, 1) ~= "/" then BINARY = HERE .. "/" .. BINARY end
local KILLS = tonumber(os.getenv "LULL_KILLS") or 12 -- of each kind; `make kills` has many
local ITEMS = KILLS * 5 -- of which some are left at the last one

local function has(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in:\n%s"):format(part, tostring(text)), 2) end
end

-- A server that remembers: an effect for each key, and each request.
local WORLD = [[
local n = 0
return { ["http://127.0.0.1"] = function(request)
  n = n + 1
  if n % 7 == 3 then return 503 end
  if n % 11 == 5 then return { status = 429, headers = { ["retry-after"] = "0" } } end
  return { status = 201, body = request.path, delay = 0.004 }
end }
]]

-- That its refusals are no limit's has to be said: the lane learned one from them and kept it, so
-- that after some kills a run took seconds for a few items, and hundreds of kills were not over
-- when their server had ended.
local SCRIPT = [[
local lull = require "lull"
local api = lull.client { base = arg[1], backoff = { base = 0.01 }, attempts = 50, budget = false,
  on = { [429] = { "retry", pause = false }, [503] = { "retry", pause = false } },
  lane = "one", limit = { parallel = 6 } }
local items = {}
for i = 1, tonumber(arg[2]) do items[i] = ("item%03d"):format(i) end
local sum = lull.each(items, { parallel = 6 }, function(x)
  local response, err = api:post("/p/" .. x, { key = arg[3] == "keyed", body = x })
  print(x)
  io.flush()
  return response, err
end)
print(("total %d done %d failed %d before %d later %d"):format(sum.total, sum.done, sum.failed, sum.before, sum.later))
lull.exit(sum.code)
]]

local function command(journal, script, arguments)
  return ("%s --journal %s %s %s 2>&1"):format(wire.quote(BINARY), wire.quote(journal), wire.quote(script), arguments)
end

-- Kills the run at its k-th line, for each k; then lets it end. What it says
-- last.
local function kill_often(journal, script, arguments, kills)
  local draw = 7
  for _ = 1, kills do
    draw = draw * 16807 % 2147483647
    local child = wire.start(command(journal, script, arguments))
    for _ = 1, 1 + draw % 9 do
      if not child:line() then break end
    end
    socket.sleep(draw % 4 / 1000) -- anywhere between two lines
    child:signal "KILL"
    child:finish()
  end
  return wire.run(command(journal, script, arguments))
end

local function number_of(text, word) return tonumber(text:match(word .. " (%d+)")) end

describe("a journal in a file #binary", function()
  after_each(wire.clean)

  it("lets each keyed POST be done once, however often the process is killed", function()
    local server, journal = wire.server(WORLD), wire.path ".lull"
    local last = kill_often(journal, wire.write(SCRIPT, ".lua"), server.url .. (" %d keyed"):format(ITEMS), KILLS)
    assert.are.equal(0, last.code, last.out .. last.err)
    assert.are.equal(ITEMS, number_of(last.out, "total"))
    assert.are.equal(ITEMS, number_of(last.out, "done") + number_of(last.out, "before"))
    local keys, count = {}, 0
    for _, request in ipairs(server:requests()) do
      local key = request.headers["idempotency-key"]
      assert.is_true(keys[request.path] == nil or keys[request.path] == key, request.path .. " has two keys")
      if not keys[request.path] then count = count + 1 end
      keys[request.path] = key
    end
    assert.are.equal(ITEMS, count)
  end)

  it("never lets a POST without a key be sent again when it may have been applied", function()
    local server, journal = wire.server [[
return { ["http://127.0.0.1"] = function() return { status = 201, delay = 0.004 } end }
]], wire.path ".lull"
    local last = kill_often(journal, wire.write(SCRIPT, ".lua"), server.url .. (" %d plain"):format(ITEMS), KILLS)
    assert.are.equal(ITEMS, number_of(last.out, "total"), last.out .. last.err)
    local seen, twice = {}, nil
    for _, request in ipairs(server:requests()) do
      if seen[request.path] then twice = request.path end
      seen[request.path] = true
    end
    assert.is_nil(twice)
    -- What was under way at a kill has failed, and is said to have.
    assert.are.equal(1, last.code)
  end)

  it("may be made to end the process by chance, and goes on", function()
    local server, journal = wire.server(WORLD), wire.path ".lull"
    local script, ended, seed = wire.write(SCRIPT, ".lua"), 0, 0
    local last
    repeat
      seed = seed + 1
      last = wire.run(("%s --seed %d --chaos 'crash 2%%%%' --journal %s %s %s 60 keyed 2>&1"):format(wire.quote(BINARY),
        seed, wire.quote(journal), wire.quote(script), server.url):gsub("%%%%", "%%"))
      if last.code == 70 then
        ended = ended + 1
        assert.matches("lull: %-%-chaos: the process ends here, at write %d+\n$", last.out)
      end
    until last.code ~= 70
    assert.are.equal(0, last.code, last.out)
    assert.is_true(ended > 2)
    local keys = {}
    for _, request in ipairs(server:requests()) do
      local key = request.headers["idempotency-key"]
      assert.are.equal(keys[request.path] or key, key)
      keys[request.path] = key
    end
    assert.are.equal(60, number_of(last.out, "total"))
  end)

  it("takes the word of a script that has changed only when it is told to", function()
    local server, journal = wire.server(WORLD), wire.path ".lull"
    local function write(path, rest)
      return wire.write(([[
local lull = require "lull"
local api = lull.client { base = arg[1], backoff = { base = 0.01 } }
local sum = lull.each({ "a" }, function()
  local response, err = api:post("%s", { key = true })
  %s
  if err then io.stderr:write(err.message) end
  return response, err
end)
lull.exit(sum.code)
]]):format(path, rest or ""), ".lua")
    end
    local function go(script, options)
      return wire.run(("%s %s --journal %s %s %s 2>&1"):format(wire.quote(BINARY), options or "", wire.quote(journal),
        wire.quote(script), server.url))
    end
    has(go(write("/one", 'error "no further"')).out, "no further")
    local sent = #server:requests()
    local forced = go(write "/two", "--force")
    assert.are.equal(0, forced.code, forced.out)
    assert.is_true(#server:requests() > sent)
    journal = wire.path ".lull"
    go(write("/one", 'error "no further"'))
    sent = #server:requests()
    local refused = go(write "/two")
    assert.are.equal(1, refused.code)
    has(refused.out, "call 1 was 'POST " .. server.url .. "/one")
    has(refused.out, "and is now 'POST " .. server.url .. "/two")
    has(refused.out, "begin a new journal, or go on with --force")
    assert.are.equal(sent, #server:requests())
  end)

  it("goes on after Ctrl-C, and says how", function()
    local server, journal = wire.server(WORLD), wire.path ".lull"
    local script = wire.write(SCRIPT, ".lua")
    local child = wire.start(command(journal, script, server.url .. " 2000 keyed"))
    for _ = 1, 5 do child:line() end
    child:signal "INT"
    local rest, code = child:finish()
    -- How many were done when the signal came hangs on how busy the machine is.
    local done = tonumber(rest:match "done (%d+)")
    has(rest, ("lull: lull --journal %s %s goes on with %s of 2,000\n"):format(journal, script,
      (tostring(2000 - done):gsub("^(%d)(%d%d%d)$", "%1,%2"))))
    if code then assert.are.equal(130, code) end
  end)

  it("has one process, and a second one is told which", function()
    local journal = wire.path ".lull"
    local script = wire.write([[
local lull = require "lull"
lull.each({ "a" }, function() print "begun" io.flush() lull.sleep(60) end)
]], ".lua")
    local child = wire.start(command(journal, script, ""))
    assert.are.equal("begun", child:line())
    local second = wire.run(command(journal, script, ""))
    assert.are.equal(1, second.code)
    has(second.out, journal .. ": another process is at work on it (pid " .. child.pid .. "); wait for its end")
    child:signal "KILL"
    child:finish()
    local third = wire.start(command(journal, script, ""))
    assert.are.equal("begun", third:line()) -- a lock goes with its process
    third:signal "KILL"
    third:finish()
  end)

  it("is one file after the run, which only its owner can read", function()
    local journal = wire.path ".lull"
    local script = wire.write('require "lull".each({ "a", "b" }, function(x) return x end)', ".lua")
    assert.are.equal(0, wire.run(command(journal, script, "")).code)
    assert.are.equal("", wire.run("ls " .. journal .. "-*").out)
    assert.are.equal("-rw-------", wire.run("ls -l " .. journal).out:sub(1, 10))
    -- Moved elsewhere, it goes on there.
    local other = wire.path ".lull"
    wire.run(("cp %s %s"):format(journal, other))
    script = wire.write('print(require "lull".each({ "a", "b", "c" }, function(x) return x end).before)', ".lua")
    assert.are.equal("2\n", wire.run(command(other, script, "")).out)
  end)

  it("is refused in one sentence when it is something else, or cannot be written", function()
    local script = wire.write('print "here" require "lull".each({ "a" }, function() print "ran" end)', ".lua")
    local function refused(journal, words)
      local result = wire.run(command(journal, script, ""))
      assert.are.equal(1, result.code)
      has(result.out, words)
      assert.is_nil(result.out:find "ran")
      assert.are.equal(2, select(2, result.out:gsub("\n", "")), result.out)
    end
    refused(wire.write("a,b\n1,2\n", ".csv"), "it is no journal of lull's; name another file")
    refused("/nowhere/run.lull", "/nowhere/run.lull: No such file or directory")
    -- It came with a traceback through lull's own files.
    local other = wire.path ".lull"
    assert.are.equal(0, wire.run(command(other, wire.write('require "lull".each({ 1, 2 }, print)', ".lua"), "")).code)
    refused(other, other .. ": the items of the batch (unnamed) are now texts, and were others before; give this "
      .. "batch another `name`")
    if wire.run("command -v sqlite3").code ~= 0 then return end
    local function database(sql)
      local path = wire.path ".lull"
      wire.run(("sqlite3 %s %s"):format(path, wire.quote(sql)))
      return path
    end
    refused(database "CREATE TABLE t (x)", "it is no journal of lull's; name another file")
    refused(database "PRAGMA application_id = 1819634796; PRAGMA user_version = 99; CREATE TABLE t (x)",
      "it is a journal of a newer lull; use that one")
    -- A pipe held up the process at its opening.
    local pipe = wire.path()
    wire.run("mkfifo " .. pipe)
    refused(pipe, pipe .. ": it is no plain file; name another file")
    -- Cut and with flipped bits: nothing is sent.
    local journal = wire.path ".lull"
    wire.run(command(journal, wire.write('require "lull".each({ "x" }, function() end)', ".lua"), ""))
    wire.run(("truncate -s 6000 %s"):format(journal))
    refused(journal, journal .. ": ")
  end)

  -- One that was there, and empty, could be read by all still.
  it("is its owner's alone, also where an empty file was before", function()
    local journal = wire.write("", ".lull")
    wire.run("chmod 644 " .. journal)
    wire.run(command(journal, wire.write('require "lull".each({ "a" }, function() end)', ".lua"), ""))
    assert.are.equal("-rw-------", wire.run("ls -l " .. journal).out:sub(1, 10))
  end)

  -- SQLite goes on with a file that has no name any more: the run ended well, nothing of
  -- it was kept, and POSTs without a key were sent again by the next.
  it("is missed when it is deleted, moved or replaced in mid-run", function()
    local script = wire.write([[
local lull = require "lull"
local api = lull.client { base = arg[1] }
local n = 0
lull.each(function() n = n + 1 return n end, { parallel = 1 }, function(i)
  if i == 3 then os.execute(arg[2]) end
  return api:post("/" .. i, { body = "x" })
end)
print "ended well"
]], ".lua")
    for _, change in ipairs { "rm -f %s", "mv %s %s.other", "cp %s %s.other && mv %s.other %s" } do
      local journal = wire.path ".lull"
      local server = wire.server 'return { ["http://127.0.0.1"] = function() return 201 end }\n'
      local changed = change:gsub("%%s", (journal:gsub("%%", "%%%%")))
      local result = wire.run(command(journal, script, server.url .. " " .. wire.quote(changed)))
      assert.are.equal(1, result.code, result.out)
      has(result.out, journal .. ": it is not there any more: it was deleted, moved or replaced while it was "
        .. "written to\n")
      assert.is_nil(result.out:find "ended well")
      assert.are.equal(2, #server:requests())
    end
  end)

  -- The script's own name was taken, and nothing was in the file of the command line.
  it("is one, whoever names it", function()
    local journal, other = wire.path ".lull", wire.path ".lull"
    local script = wire.write(([[
require "lull".each({ "a" }, { journal = %q }, function() print "ran" end)
]]):format(other), ".lua")
    local result = wire.run(command(journal, script, ""))
    assert.are.equal(1, result.code)
    has(result.out, ("one journal at a time: '%s' is open, and '%s' is another one"):format(journal, other))
    assert.is_nil(result.out:find "ran\n")
    has(wire.run(command(other, script, "")).out, "ran\n")
    result = wire.run(command("", script, ""))
    assert.are.equal(2, result.code, result.out)
    has(result.out, "--journal takes the name of a file, or a redis:// URL")
  end)

  -- It was opened twice, and the second one was told that the first was at work.
  it("opened by a call before its batch, is as durable as the batch says", function()
    local server, journal = wire.server(WORLD), wire.path ".lull"
    local script = wire.write([[
local lull = require "lull"
assert(lull.get(arg[1] .. "/before"))
local sum = lull.each({ "a" }, { durability = arg[2] }, function(x) return lull.put(arg[1] .. "/" .. x) end)
print(sum.done, sum.before)
]], ".lua")
    has(wire.run(command(journal, script, server.url .. " process")).out, "1\t0\n")
    has(wire.run(command(journal, script, server.url .. " full")).out, "0\t1\n")
  end)

  -- The journal's modules were loaded beside lull's own, and no call could wait.
  it("is simulated by the binary, with what its lanes know", function()
    local script = wire.write([[
local sim = require "lull.sim"
local journal = sim.journal()
for run = 1, 2 do
  io.write(tostring(sim.run { journal = journal, time = 1767225600 + run, world = function() return 200 end,
    script = function()
      local lull = require "lull"
      local api = lull.client { base = "http://a.test", limit = "3/1m" }
      assert(api:get "/x")
      print(lull.each({ "a", "b" }, function(x) return api:get("/" .. x) end).before, lull.now() > 50)
    end }.output))
end
]], ".lua")
    assert.are.equal("0\tfalse\n2\ttrue\n", wire.run(wire.quote(BINARY) .. " " .. script).out)
  end)

  -- statfs(2) says so, and a mount of one needs a server.
  it("on a network file system is refused", function()
    local library = wire.shim [[
#include <string.h>
#include <stdlib.h>
#include <sys/vfs.h>
int statfs(const char *path, struct statfs *to)
{
  (void)path;
  memset(to, 0, sizeof *to);
  to->f_type = strtol(getenv("FS"), NULL, 16);
  return 0;
}
]]
    local script = wire.write('print(require "lull".each({ "a" }, function() end).done)', ".lua")
    for number, name in pairs { ["6969"] = "NFS", ["517B"] = "SMB", ["FF534D42"] = "SMB", ["FE534D42"] = "SMB",
      ["01021997"] = "9P", ["00C36400"] = "Ceph", ["5346414F"] = "AFS", ["EF53"] = false, ["01021994"] = false } do
      local journal = wire.path ".lull"
      local result = wire.run(("FS=%s LD_PRELOAD=\"$LD_PRELOAD %s\" %s --journal %s %s 2>&1"):format(number, library,
        wire.quote(BINARY), journal, script))
      assert.are.equal(name and 1 or 0, result.code, result.out)
      if name then
        has(result.out, ("lull: %s: it would be on a network file system (%s), where a journal is not safe; "
          .. "put it on a local disk\n"):format(journal, name))
        assert.are.equal("", wire.run("ls -d " .. journal .. "* 2>/dev/null").out)
      else
        assert.are.equal("1\n", result.out)
      end
    end
  end)

  it("that cannot grow ends the run, and nothing is lost of what it has", function()
    local folder = wire.path()
    if wire.run(("mkdir %s && mount -t tmpfs -o size=300k tmpfs %s"):format(folder, folder)).code ~= 0 then
      pending "no file system can be mounted here; disk_spec.lua does the same with a limit of the file's size"
      return
    end
    local server = wire.server [[
return { ["http://127.0.0.1"] = function() return 201 end }
]]
    local script = wire.write(SCRIPT, ".lua")
    local full = wire.run(command(folder .. "/run.lull", script, server.url .. " 3000 plain"))
    local sent = #server:requests()
    local journal = wire.path ".lull"
    wire.run(("cp %s/run.lull %s; cp %s/run.lull-wal %s-wal"):format(folder, journal, folder, journal))
    wire.run(("umount %s"):format(folder))
    assert.are.equal(1, full.code, full.out)
    has(full.out, "run.lull: database or disk is full; make room there, and run it again\n")
    assert.is_true(sent < 3000)
    local last = wire.run(command(journal, script, server.url .. " 3000 plain"))
    local seen, twice = {}, nil
    for _, request in ipairs(server:requests()) do
      if seen[request.path] then twice = request.path end
      seen[request.path] = true
    end
    assert.is_nil(twice)
    assert.are.equal(3000, number_of(last.out, "total"), last.out)
    assert.are.equal(0, number_of(last.out, "later"))
  end)

  it("is not made by a run without one", function()
    local script = wire.write('print(require "lull".each({ "a" }, function() end).done)', ".lua")
    local result = wire.run(("%s %s; ! grep -q sqlite /proc/self/maps"):format(wire.quote(BINARY), script))
    assert.are.equal("1\n", result.out)
  end)
end)
