-- `lull post URL --each rows.csv --journal FILE`: rows over several runs, in real
-- time and over real sockets.
local json = require "lull.json"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

-- Keeps in a file what it has done, by the key, so that it does nothing twice and
-- knows after a kill; what comes quicker than it likes is refused.
local ORDERS = [[
local path, seen = %q, {}
local file = io.open(path, "a+")
for line in file:lines() do seen[line:match "^%%S+"] = true end
local window, count
return { ["http://api.test"] = function(request)
  local now = math.floor(request.time * 4)
  if now ~= window then window, count = now, 0 end
  count = count + 1
  if count > 20 then return 429, { ["retry-after"] = "1" } end
  local key = request.headers["idempotency-key"]
  if not seen[key] then
    seen[key] = true
    file:write(key, " ", request.body, "\n")
    file:flush()
  end
  return 201, nil, "stored " .. key
end }]]

local function lines_of(path)
  local list = {}
  for line in (wire.read(path) or ""):gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

describe("lull --each --journal #binary", function()
  after_each(wire.clean)

  local function lull(arguments, input) return wire.run(BINARY .. " " .. arguments, input) end

  -- The server refuses what comes too fast, and is killed amid the run; lull is
  -- killed three times. In the end the server has each row once, and the results
  -- tell of all rows.
  it("does each row once, whoever is killed", function()
    local stored, rows = wire.path ".txt", { "id,sku,count" }
    for i = 1, 120 do rows[i + 1] = ("o%03d,S-%d,%d"):format(i, i, i) end
    local file, journal = wire.write(table.concat(rows, "\n") .. "\n", ".csv"), wire.path ".lull"
    local results, failed = wire.path ".ndjson", wire.path ".csv"
    local world = ORDERS:format(stored)
    local server = wire.server(world)
    local command = ("%s post %s/orders --each %s --json %s --key '{id}' --journal %s --failed %s --results %s "
      .. "--attempts 50 --backoff const:50ms 2>/dev/null"):format(BINARY, server.url, file,
      wire.quote '{"sku": {sku}, "count": {count}}', journal, failed, results)
    for kill = 1, 3 do
      local child = wire.start(command)
      wire.eventually(function() return #lines_of(stored) >= kill * 25 end, "the run stands still")
      if kill == 2 then
        server:stop()
        server = wire.server(world, server.ports[1])
      end
      child:stop()
    end
    local left = 120 - #lines_of(stored)
    assert.is_true(left > 0)
    local result = wire.run((command:gsub("2>/dev/null", "")))
    assert.equal(0, result.code, result.err)
    assert.matches("lull: 120 rows: 120 done %(%d+ before%)\n$", result.err)
    local effects, ids = {}, {}
    for _, line in ipairs(lines_of(stored)) do
      local key, body = line:match "^(%S+) (.*)$"
      assert.is_nil(effects[key], key .. " is there twice")
      effects[key] = body
    end
    for _, line in ipairs(lines_of(results)) do
      local told = json.decode(line)
      assert.are.same({ "done", 201 }, { told.outcome, told.status })
      ids[told.id] = (ids[told.id] or 0) + 1
    end
    for i = 1, 120 do
      local id = ("o%03d"):format(i)
      assert.equal(('{"sku": "S-%d", "count": %d}'):format(i, i), effects[id])
      assert.equal(1, ids[id])
    end
    assert.equal("", wire.read(failed))
  end)

  -- A world whose answers are by the row's name; sees what was sent in all runs.
  local function server_of(answers)
    return wire.server(([[
      local answers = { %s }
      return { ["http://api.test"] = function(request)
        local answer = answers[request.route:match "[^/]*$"]
        if answer == 429 then return 429, { ["retry-after"] = "3600" } end
        return answer or 201, nil, "body of " .. request.route
      end }]]):format(answers))
  end

  local function outcomes_of(text)
    local by_id = {}
    for line in text:gmatch "[^\n]+" do
      local told = assert(json.decode(line))
      by_id[told.id] = told
    end
    return by_id
  end

  it("tells in each run of all rows, those before too, and sends none of these again", function()
    local server, failed = server_of "bad = 422, late = 429", wire.path ".csv"
    local file, journal = wire.write("id\na\nbad\nlate\n\"x\n", ".csv"), wire.path ".lull"
    local command = ("get '%s/{id}' --each %s --journal %s --bodies --failed %s"):format(server.url, file, journal,
      failed)
    local first = lull(command)
    assert.equal(1, first.code)
    local second = lull(command)
    assert.equal(1, second.code)
    assert.are.same(outcomes_of(first.out), outcomes_of(second.out))
    local by_id = outcomes_of(second.out)
    assert.are.same({ "done", 201, "body of /a", 1 },
      { by_id.a.outcome, by_id.a.status, by_id.a.body, by_id.a.attempts })
    assert.are.same({ "failed", 422, "rule" }, { by_id.bad.outcome, by_id.bad.status, by_id.bad.why })
    assert.are.same({ "later", 429, "hint" }, { by_id.late.outcome, by_id.late.status, by_id.late.why })
    assert.equal("failed", by_id[4].outcome)
    assert.equal("id\nbad\nlate\n\"x\n", wire.read(failed))
    assert.matches("4 rows: 1 done %(1 before%), 2 failed %(1 before%), 1 can be tried later %(1 before%)\n$",
      second.err)
    assert.equal(3, #server:requests())
  end)

  -- The second run told of the four bytes as people are shown them, in ten characters.
  it("tells of a body that is no UTF-8 in each run as it was", function()
    local server = wire.server [[return { ["http://api.test"] = function(request)
      return request.route:find "bad" and 422 or 201, nil, "\137\255\0A" end }]]
    local file, journal = wire.write("id\na\nbad\n", ".csv"), wire.path ".lull"
    local command = ("get '%s/{id}' --each %s --journal %s --bodies"):format(server.url, file, journal)
    local first = outcomes_of(lull(command).out)
    assert.equal("\137\255\0A", first.a.body)
    assert.equal("\137\255\0A", first.bad.body)
    assert.are.same(first, outcomes_of(lull(command).out))
    assert.equal(2, #server:requests())
    assert.matches('"body_base64":"if8AQQ=="', lull("items --done " .. journal).out, 1, true)
  end)

  it("exits with 75 when some are left, and takes the rest up", function()
    local server, journal = server_of "b = 429", wire.path ".lull"
    local file = wire.write("id\na\nb\n", ".csv")
    local command = ("put '%s/{id}' --each %s --journal %s"):format(server.url, file, journal)
    assert.equal(75, lull(command).code)
    assert.equal(75, lull(command).code)
    assert.equal(2, #server:requests())
  end)

  it("tells rows apart by --id, by their field id, or lines by themselves", function()
    local server = server_of ""
    local rows = wire.write("sku,n\ns1,1\ns2,2\n", ".csv")
    local command = ("get '%s/{sku}' --each %s --journal "):format(server.url, rows)
    local result = lull(command .. wire.path ".lull")
    assert.are.same({ 2, "" }, { result.code, result.out })
    assert.matches("^lull: %-%-journal tells rows apart by their field 'id', and these have none %(they have n, sku%): "
      .. "name another by %-%-id, such as %-%-id '{n}'", result.err)
    result = lull(command .. wire.path ".lull" .. " --id 'k-{sku}'")
    assert.equal("done", outcomes_of(result.out)["k-s2"].outcome)
    local lines = wire.write("x\ny\nx\n", ".txt")
    result = lull(("get '%s/{.}' --each %s --journal %s"):format(server.url, lines, wire.path ".lull"))
    assert.equal("done", outcomes_of(result.out).y.outcome)
    assert.matches("two items have the id 'x'; the second is left out\n", result.err)
    assert.equal(0, result.code)
    local json_rows = wire.write('{"id": 7}\n{"id": null}\n{"n": 1}\n', ".ndjson")
    result = lull(("get '%s/{id}' --each %s --journal %s"):format(server.url, json_rows, wire.path ".lull"))
    assert.equal("done", outcomes_of(result.out)[7].outcome)
    assert.matches(":2: the row has no id$", outcomes_of(result.out)[2].error)
    assert.matches(":3: the row has no id$", outcomes_of(result.out)[3].error)
  end)

  it("wants rows, and a file of its own", function()
    local result = lull "get http://127.0.0.1:1/ --journal x.lull"
    assert.are.same({ 2, "" }, { result.code, result.out })
    assert.matches("^lull: %-%-journal is for rows: give them by %-%-each", result.err)
    local rows = wire.write("id\n1\n", ".csv")
    result = lull(("get http://127.0.0.1:1/{id} --each %s --journal %s"):format(rows, rows))
    assert.equal(2, result.code)
    assert.equal("id\n1\n", wire.read(rows))
  end)

  -- What is open is the journal's: it is no row of --failed.
  it("goes on after a signal, by the same command", function()
    local server, failed = server_of "c = 503", wire.path ".csv"
    local rows, journal = wire.write("id\na\nb\nc\nd\n", ".csv"), wire.path ".lull"
    local command = ("get '%s/{id}' --each %s --journal %s --failed %s --parallel 1 --backoff const:60s"):format(
      server.url, rows, journal, failed)
    local child = wire.start(("%s %s 2>&1"):format(BINARY, command))
    wire.eventually(function() return #server:requests() >= 3 end, "three requests")
    child:signal "INT"
    local rest, code = child:finish()
    assert.equal(130, code)
    assert.matches("lull: the same command goes on after 2 that are done\n", rest)
    assert.equal("", wire.read(failed))
  end)

  it("puts the journal into the script of --script", function()
    local rows = wire.write("sku\n1\n", ".csv")
    local script = lull(("get http://a.test/{sku} --each %s --journal o.lull --id '{sku}' --script"):format(rows)).out
    assert.matches('{ id = "sku", journal = "o.lull" }, function%(row%)', script)
    script = lull(("get http://a.test/{sku} --each %s --journal o.lull --id 'x-{sku}' --script"):format(rows)).out
    assert.matches('id = function%(row%) return "x%-" %.%. row%.sku end', script)
  end)
end)
