-- `lull status`, `lull items` and `lull retry`: what a journal remembers.
local json = require "lull.json"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local WORLD = [[
local seen = {}
return { ["http://api.test"] = function(request)
  local route = request.route
  seen[route] = (seen[route] or 0) + 1
  if route:find "late" then return 429, { ["retry-after"] = "3600" } end
  if route:find "bad" and seen[route] == 1 then return 422 end
  if route:find "boom" then return 503 end
  if route:find "hold" then return 429, { ["retry-after"] = "100" } end
  return 201
end }]]

describe("a journal's commands #binary", function()
  after_each(wire.clean)

  local function lull(arguments) return wire.run(BINARY .. " " .. arguments) end

  local function lines_of(text)
    local list = {}
    for line in text:gmatch "[^\n]+" do list[#list + 1] = assert(json.decode(line)) end
    return list
  end

  -- A journal with an item of each end.
  local function journal_of(rows)
    local server, path = wire.server(WORLD), wire.path ".lull"
    local file = wire.write(rows or "id,sku\na,1\nbad,\"x \"\"2\"\"\"\nlate,3\nboom,4\nb,5\n", ".csv")
    local command = ("post '%s/{id}' --each %s --journal %s --results /dev/null"):format(server.url, file, path)
    return path, command, server
  end

  it("tell what became of the items, and why", function()
    local path, command = journal_of()
    assert.equal(1, lull(command).code)
    local result = lull("status " .. path)
    assert.equal(0, result.code)
    assert.matches("^" .. path:gsub("%p", "%%%0")
      .. ": 1 run; nobody is at work on it\n2 done, 2 failed, 1 later, 0 open\n", result.out)
    assert.matches("\n  failed +1  422 %(rule%)\n", result.out)
    assert.matches("\n  failed +1  503 %(unsafe%)\n", result.out)
    assert.matches("\n  later +1  429 %(hint%)\n  the first for later is due [%d: -]+\n$", result.out)
    local told = assert(json.decode(lull("status --json " .. path).out))
    assert.are.same({ 1, 1, path, nil }, { told.version, told.runs, told.journal, told.pid })
    local batch = told.batches[1]
    assert.are.same({ 2, 2, 1, 0, 3 }, { batch.done, batch.failed, batch.later, batch.open, #batch.reasons })
    assert.is_true(batch.due > 1e9)
  end)

  it("list the items, with each attempt of what failed", function()
    local path, command = journal_of()
    lull(command)
    local list = lines_of(lull("items " .. path).out)
    assert.equal(5, #list)
    local failed = lines_of(lull("items --failed " .. path).out)
    assert.equal(2, #failed)
    assert.are.same({ "bad", "failed", 422, "rule", 1 },
      { failed[1].id, failed[1].outcome, failed[1].reason, failed[1].why, #failed[1].history })
    assert.are.same({ id = "bad", sku = 'x "2"' }, failed[1].item)
    local attempt = failed[1].history[1]
    assert.are.same({ 422, "stop", 1 }, { attempt.status, attempt.verdict, attempt.n })
    assert.is_true(failed[2].history[1].maybe_applied)
    assert.equal("id,sku\nbad,\"x \"\"2\"\"\"\nboom,4\n", lull("items --failed --csv " .. path).out)
    assert.are.same({ 201, 1 }, { lines_of(lull("items --done " .. path).out)[1].value.status,
      #lines_of(lull("items --later " .. path).out) })
    list = lines_of(lull("items " .. path .. " boom a").out)
    assert.are.same({ "a", "boom" }, { list[1].id, list[2].id })
    assert.equal(2, #list)
  end)

  -- An id or a reason that was mistyped came to no output, or to "1 item is open again",
  -- and to exit 0.
  it("name the ids and the reason that nothing has", function()
    local path, command = journal_of()
    lull(command)
    local function refused(arguments, words, out)
      local result = lull(arguments:format(path))
      assert.are.same({ 1, "lull: " .. words .. "\n", out }, { result.code, result.err, out and result.out })
    end
    refused("items %s 999", "no item has the id: 999", "")
    refused("items %s a x y", "no item has the id: x, y")
    refused("items %s --failed a", "no item of these has the id: a", "")
    refused("retry %s bad nosuchid", "no item failed that has the id: nosuchid", "1 item is open again\n")
    refused("retry %s a", "no item failed that has the id: a", "0 items are open again\n")
    refused("retry %s --reason nonsense", "no item failed by nonsense", "0 items are open again\n")
    refused("retry %s --later --reason nonsense", "no item failed, or is for later, by nonsense",
      "0 items are open again\n")
    local result = lull(("retry %s --reason 503"):format(path))
    assert.are.same({ 0, "0 items are open again\n" }, { result.code, result.out }) -- it is there, and said
  end)

  -- What its function gives is kept, and nothing is not even an empty text there.
  it("list items whose function gave nothing", function()
    local path = wire.path ".lull"
    local script = wire.write('require("lull").each({ "a", "b" }, function() end)', ".lua")
    assert.equal(0, lull(("--journal %s %s"):format(path, script)).code)
    local function item(id) return { id = id, outcome = "done", run = 1 } end
    assert.are.same({ item "a", item "b" }, lines_of(lull("items " .. path).out))
  end)

  -- Who only looks must not hold up a run, nor be refused by it.
  -- Such a value was kept as it is shown here; now it is shown so, and kept as it is.
  it("show values that are no UTF-8 so that a terminal can have them", function()
    local path, server = wire.path ".lull", wire.server [[
return { ["http://api.test"] = function() return 201, nil, "\255\27A"
end }]]
    local script = wire.write([[
local lull = require "lull"
lull.each({ "x", "y" }, { parallel = 1 }, function(x) return x == "x" and "\228\27" or lull.get(arg[1]) end)]], ".lua")
    assert.equal(0, lull(("--journal %s %s %s"):format(path, script, server.url)).code)
    assert.equal('{"id":"x","outcome":"done","run":1,"value":"\\\\xE4\\u001b"}\n'
      .. '{"id":"y","outcome":"done","run":1,"value":{"body":"\\\\xFF\\u001bA","status":201}}\n',
      lull("items " .. path).out)
  end)

  it("read while a run is at work, and tell what waits until when", function()
    local path, command = journal_of "id\nhold1\nhold2\na\n"
    local child = wire.start(("%s %s 2>&1"):format(BINARY, command:gsub("post", "put")))
    wire.eventually(function()
      local result = lull("status --json " .. path)
      local told = result.code == 0 and json.decode(result.out)
      local way = told and told.batches[1] and told.batches[1].under_way
      return way and way.waiting == 2 and told.batches[1].done == 1
    end, "two that wait")
    local words = lull("status " .. path).out
    assert.matches(("process %s is at work on it\n1 done, 0 failed, 0 later, 2 open\n"):format(child.pid), words)
    assert.matches("\n  open +2  0 on the wire, 2 wait, the first until [%d: -]+\n$", words)
    local list = lines_of(lull("items --open " .. path).out)
    assert.are.same({ "hold1", "open", 1 }, { list[1].id, list[1].outcome, list[1].calls[1].attempts })
    assert.matches("^PUT http://127.0.0.1:%d+/hold1$", list[1].calls[1].request)
    assert.is_true(list[1].calls[1]["until"] > 1e9)
    local first = list[1].calls[1].history
    assert.are.same({ 1, 429 }, { #first, first[1].status })
    assert.is_true(first[1].at > 1e9 and first[1].took < 60 and first[1].wait > 60)
    local watcher = wire.start(("%s status --watch --json %s"):format(BINARY, path))
    assert.matches('"pid":' .. child.pid, watcher:line())
    child:signal "INT"
    child:finish()
    local rest, code = watcher:finish()
    assert.equal(0, code)
    assert.is_nil(rest:match('"pid":[^\n]*\n$'))
  end)

  -- An item that is stuck said how often it was tried, and not what came of it.
  it("tell of an open item each attempt, those of runs before, too", function()
    local server = wire.server [[
local n = 0
return { ["http://api.test"] = function()
  n = n + 1
  return 500 + n % 4
end }]]
    local path = wire.path ".lull"
    local command = ("%s put %s/x --each %s --journal %s --attempts 99 --backoff const:150ms --on 5xx=retry 2>&1")
      :format(BINARY, server.url, wire.write("id\na\n", ".csv"), path)
    local function history(least)
      local list
      wire.eventually(function()
        local result = lull("items --open " .. path)
        local call = result.code == 0 and (lines_of(result.out)[1] or { calls = {} }).calls[1]
        list = call and call.history or {}
        return #list >= least
      end, least .. " attempts")
      return list
    end
    local child = wire.start(command)
    local before = history(3)
    child:signal "KILL"
    child:finish()
    child = wire.start(command)
    local list = history(#before + 2)
    child:signal "KILL"
    child:finish()
    for i, entry in ipairs(before) do
      assert.are.same({ entry.status, entry.took, entry.wait }, { list[i].status, list[i].took, list[i].wait })
      assert.is_true(math.abs(entry.at - list[i].at) < 1) -- by the wall clock
    end
    assert.are.same({ 501, 502, 503 }, { list[1].status, list[2].status, list[3].status })
    for i = 2, #list do assert.is_true(list[i].at >= list[i - 1].at) end
    assert.is_true(math.abs(list[1].wait - 0.15) < 0.001)
  end)

  -- An empty history was an object, {}, where all others are lists.
  it("tell of an open item without an attempt a list that is empty", function()
    local gated, path = wire.gated_server(0), wire.path ".lull"
    local child = wire.start(("%s put %s/1 --each %s --journal %s 2>&1"):format(BINARY, gated.url,
      wire.write("id\na\n", ".csv"), path))
    local out
    wire.eventually(function()
      out = lull("items --open " .. path).out
      return out:find('"on_the_wire":true', 1, true) ~= nil
    end, "one on the wire")
    assert.is_truthy(out:find('"history":[]', 1, true), out)
    child:signal "KILL"
    child:finish()
  end)

  it("let failed items be open again, but what may have been applied only by name", function()
    local path, command, server = journal_of()
    lull(command)
    local before = #server:requests()
    local result = lull("retry " .. path)
    assert.equal("1 item is open again\n", result.out)
    assert.matches("^lull: 1 item may have been applied, and stay as they are: name their ids, or %-%-reason unsafe\n$",
      result.err)
    result = lull(command)
    assert.matches("5 rows: 3 done %(2 before%), 1 failed %(1 before%), 1 can be tried later", result.err)
    assert.equal(before + 1, #server:requests())
    assert.equal("1 item is open again\n", lull("retry " .. path .. " --reason unsafe").out)
    lull(command)
    assert.equal("1 item is open again\n", lull("retry " .. path .. " boom").out)
    assert.equal("1 item is open again\n", lull("retry " .. path .. " --later --reason 429").out)
  end)

  it("refuse a journal that a run is at work on, for a retry alone", function()
    local path, command = journal_of "id\nbad\nhold\n"
    local child = wire.start(("%s %s 2>&1"):format(BINARY, command))
    wire.eventually(function()
      local told = json.decode(lull("status --json " .. path).out)
      return type(told) == "table" and told.batches[1] and told.batches[1].failed == 1
    end, "one that failed")
    local result = lull("retry " .. path)
    assert.equal(1, result.code)
    assert.matches(child.pid, result.err)
    assert.is_nil(result.err:find "traceback")
  end)

  it("say what is wrong", function()
    for _, command in ipairs { "status", "items", "retry" } do
      local result = lull(command .. " /nowhere.lull")
      assert.are.same({ 1, "", "lull: /nowhere.lull: there is no such journal; a run with --journal makes one\n" },
        { result.code, result.out, result.err })
    end
    for command, words in pairs { status = "missing argument 'journal'; try lull status --help",
      ["items --faild x"] = "unknown option '--faild' (did you mean '--failed'?); try lull items --help" } do
      local result = lull(command)
      assert.are.same({ 2, "lull: " .. words .. "\n" }, { result.code, result.err })
    end
    assert.matches("lull retry orders.lull %-%-reason 5xx", lull("retry --help").out)
  end)

  -- A script whose items had failed ended without a word.
  it("are not needed to know what a script's items came to", function()
    local script = wire.write([[
local lull = require "lull"
local sum = lull.each({ 1, 2, 3, 4 }, function(i)
  if i == 1 then return true end
  return nil, { later = i < 4 }
end)
lull.exit(tonumber(arg[1]) or sum.code)]], ".lua")
    local said = "lull: 4 items: 1 done, 1 failed, 2 can be tried later\n"
    for arguments, words in pairs { [script] = said, ["--quiet " .. script] = "", [script .. " 3"] = "",
      [script .. " 0"] = "" } do
      assert.equal(words, lull(arguments).err)
    end
  end)
end)
