-- What looks at a journal in a Redis, and what runs over one as over a file:
-- `lull status`, `items`, `retry`, `report`, `work`, `--each`, `lull.map`.
local json = require "lull.json"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local WORLD = [[
local seen = {}
return { ["http://127.0.0.1"] = function(request)
  local route = request.route
  seen[route] = (seen[route] or 0) + 1
  if route:find "late" then return 429, { ["retry-after"] = "3600" } end
  if route:find "bad" and seen[route] == 1 then return 422 end
  if route:find "boom" and seen[route] == 1 then return 503 end
  return 201
end }
]]

describe("a journal in a Redis #binary", function()
  if not wire.has_redis() then
    pending "there is no redis-server here"
    return
  end

  after_each(wire.clean)

  local function lull(arguments) return wire.run(BINARY .. " " .. arguments) end

  local function by_id(text)
    local found = {}
    for line in text:gmatch "[^\n]+" do
      local told = assert(json.decode(line))
      found[told.id] = told
    end
    return found
  end

  local function sum_of(batch) return { batch.done, batch.failed, batch.later, batch.open, batch.queued } end

  local function status(journal) return assert(json.decode(lull("status --json " .. journal).out)) end

  -- Rows of each end, and the command that does them.
  local function rows_of(redis)
    local server, journal = wire.server(WORLD), redis.url .. "orders"
    local file = wire.write("id,sku\na,1\nbad,\"x \"\"2\"\"\"\nlate,3\nboom,4\nb,5\n", ".csv")
    return journal, ("post '%s/{id}' --each %s --journal %s"):format(server.url, file, journal), server
  end

  it("takes rows as one in a file does, and is looked at", function()
    local redis = wire.redis()
    local journal, command, server = rows_of(redis)
    local none = lull("status " .. journal)
    assert.are.same({ 1, "lull: " .. journal .. ": there is no journal of that name\n" }, { none.code, none.err })
    local first = lull(command)
    assert.equal(1, first.code)
    assert.matches("5 rows: 2 done, 2 failed, 1 can be tried later\n$", first.err)
    -- Those that were there before are told again, and not sent again.
    local again = lull(command)
    assert.are.same(by_id(first.out), by_id(again.out))
    assert.matches("2 done %(2 before%), 2 failed %(2 before%), 1 can be tried later %(1 before%)\n$", again.err)
    assert.equal(5, #server:requests())
    local words = lull("status " .. journal).out
    assert.matches("/0/orders: 2 runs; nobody is at work on it\n2 done, 2 failed, 1 later, 0 open, 0 queued\n", words)
    assert.matches("\n  failed +1  422 %(rule%)\n", words)
    assert.matches("\n  later +1  429 %(hint%)\n", words)
    assert.matches("\n  the first for later is due [%d: -]+\n$", words)
    local told = status(journal)
    assert.are.same({ 2, 2, 1, 0, 0 }, sum_of(told.batches[1]))
    assert.is_true(told.batches[1].due > 1e9)
    local items = by_id(lull("items " .. journal).out)
    assert.are.same({ "done", 201 }, { items.a.outcome, items.a.value.status })
    assert.are.same({ "failed", "unsafe", 1 }, { items.boom.outcome, items.boom.why, #items.boom.history })
    assert.is_true(items.late.due > 1e9)
    assert.equal('id,sku\nbad,"x ""2"""\n', lull("items --csv --failed " .. journal .. " bad").out)
    local page, report = wire.path ".json", wire.path ".json"
    assert.equal(0, lull(("report %s -o %s"):format(journal, page)).code)
    assert.are.same({ done = 2, failed = 2, later = 1, open = 0 }, json.decode(wire.read(page)).items)
    assert.equal(1, lull(("%s --report %s"):format(command, report)).code)
    assert.equal(2 + 1, json.decode(wire.read(report)).failure_count) -- with what is for later
  end)

  it("lets what failed be open again, for who feeds and for who only takes", function()
    local redis = wire.redis()
    local journal, command, server = rows_of(redis)
    lull(command)
    local some = lull("retry " .. journal)
    assert.equal("1 item is open again\n", some.out)
    assert.matches("1 item may have been applied, and stay as they are", some.err)
    assert.are.same({ 2, 1, 1, 0, 1 }, sum_of(status(journal).batches[1]))
    assert.matches("3 done %(2 before%), 1 failed %(1 before%), 1 can be tried later", lull(command).err)
    assert.equal("1 item is open again\n", lull("retry " .. journal .. " boom").out)
    assert.equal("0 items are open again\n", lull("retry " .. journal).out)
    -- The batch of a script that has the items, and one that has none.
    local script = wire.write(([[
local lull = require "lull"
local api = lull.client { base = %q }
local sum = lull.each(lull.rows(arg[1]), { name = "x", id = "id" }, function(row) return api:post("/" .. row.id) end)
print(sum.done, sum.failed, sum.total)
lull.exit(sum.code)
]]):format(server.url), ".lua")
    local rows = wire.write("id\nbad2\nc\n", ".csv")
    assert.equal("1\t1\t2\n", lull(("--journal %s %s %s"):format(journal, script, rows)).out)
    assert.equal("1 item is open again\n", lull("retry " .. journal .. " bad2").out)
    local work = lull(("work %s %s /no/such/file.csv"):format(journal, script))
    assert.are.same({ "1\t0\t2\n", "", 0 }, { work.out, work.err, work.code })
  end)

  it("is worked on by who has no source, and waits for one who has", function()
    local redis = wire.redis()
    local server, journal = wire.gated_server(6), redis.url .. "orders"
    local script = wire.write([[
local lull = require "lull"
local api = lull.client { base = arg[1] }
local sum = lull.each(lull.rows(arg[2]), { parallel = 1 }, function(x) return api:put("/" .. x, { body = x }) end)
print(sum.done + sum.before, sum.done)
]], ".lua")
    local rows = wire.write(wire.run("seq 24").out, ".txt")
    local log = wire.path ".log"
    local worker = wire.start(("%s work %s %s %s /no/such/file 2>%s"):format(BINARY, journal, script,
      server.url, log))
    wire.eventually(function() return (wire.read(log) or ""):find("\n", 1, true) end)
    assert.equal(("lull: %s: nobody feeds the batch (unnamed); waiting for one who does, a run without "
      .. "'work'\n"):format(journal), wire.read(log))
    local feeder = wire.start(("%s --journal %s %s %s %s"):format(BINARY, journal, script, server.url, rows))
    local told
    wire.eventually(function()
      told = status(journal)
      return #told.workers == 2 and told.workers[1].held > 0 and told.workers[2].held > 0
    end, "they are not both at it")
    for _, one in ipairs(told.workers) do assert.is_true(one.pid > 0 and one.since > 1e9) end
    assert.matches("; 2 processes are at work on it\n  %S+, process %d+: %d+ items? since ",
      lull("status " .. journal).out)
    server:open(6)
    local mine = assert(tonumber((worker:finish():match "^24\t(%d+)")))
    local rest = assert(tonumber((feeder:finish():match "^24\t(%d+)")))
    assert.equal(24, mine + rest)
    assert.is_true(mine > 0)
    -- All was fed before: there is nothing to wait for.
    assert.equal("24\t0\n", lull(("work %s %s %s /no/such/file"):format(journal, script, server.url)).out)
  end)

  it("gives lull.map of each process all values, in order", function()
    local redis = wire.redis()
    local script = wire.write([[
local lull = require "lull"
local list, sum = lull.map({ "a", "b", "c", "b", "d" }, { parallel = 1 }, function(x)
  lull.sleep(0.1)
  if x == "c" then return nil, "no" end
  return { v = x }
end)
print(list.n, list[1].v, list[2].v, list[3], list[4].v, list[5].v, sum.total)
]], ".lua")
    local command = ("%s --journal %sscans %s 2>/dev/null"):format(BINARY, redis.url, script)
    local one, two = wire.start(command), wire.start(command)
    assert.equal("5\ta\tb\tnil\tb\td\t4\n", (one:finish()))
    assert.equal("5\ta\tb\tnil\tb\td\t4\n", (two:finish()))
    assert.equal("5\ta\tb\tnil\tb\td\t4\n", wire.run(command).out)
  end)

  it("is needed by `work`, and a replica will do to look at it", function()
    for _, arguments in ipairs { "work", "work x.lull x.lua", "work --trace x.lua" } do
      local result = lull(arguments)
      assert.equal(2, result.code)
      assert.matches("work takes the URL of a journal in a Redis, and a script; try lull work %-%-help", result.err)
    end
    assert.matches("^Usage: lull work redis://", lull("work --help").out)
    local redis = wire.redis()
    local journal, command = rows_of(redis)
    lull(command)
    redis:ask "REPLICAOF 127.0.0.1 1"
    assert.are.same({ 2, 2, 1, 0, 0 }, sum_of(status(journal).batches[1]))
    local retry = lull("retry --store-timeout 0.3 " .. journal)
    assert.equal(75, retry.code)
    assert.matches("Redis says 'READONLY", retry.err)
    redis:kill()
    local away = lull("status --store-timeout 0.3 " .. journal)
    assert.equal(75, away.code)
    assert.matches("cannot reach Redis: ", away.err)
  end)
end)
