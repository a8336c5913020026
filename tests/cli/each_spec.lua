-- `lull post URL --each rows.csv`: a request for each row, in the simulated
-- world and over real sockets.
local json = require "lull.json"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

-- Stores what it is sent; some of it at the second try, some never.
local WORLD = [[
local seen = {}
return { ["http://api.test"] = function(request)
  local route = request.route
  seen[route] = (seen[route] or 0) + 1
  if route:find "flaky" and seen[route] == 1 then return 503, { ["retry-after"] = "1" } end
  if route:find "later" then return 429, { ["retry-after"] = "3600" } end
  if route:find "bad" then return 422, nil, "no such thing" end
  return 201, nil, request.method .. " " .. request.path .. " " .. (request.headers["idempotency-key"] or "-")
    .. " " .. (request.headers["x-who"] or "-") .. " " .. (request.body or "")
end }
]]

local ROWS = "id,sku,count\nx1,A-1,3\nflaky,\"B \"\"2\"\"\",0012\nbad,C,1\nlater,D,1\n"

describe("lull post --each #binary", function()
  after_each(wire.clean)

  local function lull(arguments, input) return wire.run(BINARY .. " " .. arguments, input) end

  -- Rows and arguments, with FILE for the rows' file.
  local function each(rows, arguments, ending, input)
    local file, world = wire.write(rows, ending or ".csv"), wire.write(WORLD, ".lua")
    local method, rest = arguments:match "^(%S+) (.*)$"
    return lull(("%s --seed 1 --sim %s %s"):format(method, world, (rest:gsub("FILE", file))), input)
  end

  -- Results by id.
  local function results_of(text)
    local by_id = {}
    for line in text:gmatch "[^\n]+" do
      local result = assert(json.decode(line))
      assert.is_nil(by_id[result.id])
      by_id[result.id] = result
    end
    return by_id
  end

  -- A row that is its URL alone goes a shorter way: it tells the same.
  it("looks at each row's URL where a row can make it none", function()
    local rows = "id,host\n1,api.test\n2,a b\n3,api.test/x y\n"
    local by_id = results_of(each(rows, "get 'http://{host}/o?id={id}' --each FILE --id '{id}'").out)
    assert.equal("done", by_id["1"].outcome)
    assert.equal("failed", by_id["2"].outcome)
    assert.matches("is no http or https URL", by_id["2"].error)
    by_id = results_of(each(rows, "get 'http://api.test/{host}' --each FILE --id '{id}' --bodies").out)
    assert.equal("GET /api.test%2Fx%20y - - ", by_id["3"].body)
    local plain = results_of(each(rows, "get 'http://api.test/{host}' --each FILE --id '{id}'").out)
    for id, line in pairs(plain) do
      by_id[id].body = nil
      assert.are.same(by_id[id], line)
    end
    plain = results_of(each("id\nbad-1\nlater-1\nflaky\nx\n", "get http://api.test/{id} --each FILE --id '{id}'").out)
    assert.are.same({ "failed", "later", "done", 2, "done" }, { plain["bad-1"].outcome, plain["later-1"].outcome,
      plain.flaky.outcome, plain.flaky.attempts, plain.x.outcome })
  end)

  it("sends a row each, and says what became of it", function()
    local failed = wire.path ".csv"
    local result = each(ROWS, "post http://api.test/o/{id} --each FILE --id '{id}' --key 'k-{id}' -H 'X-Who: {sku}' "
      .. "--bodies --failed " .. failed .. [[ --json '{"sku": {sku}, "count": {count}}']])
    local by_id = results_of(result.out)
    assert.are.same({ id = "x1", outcome = "done", status = 201, attempts = 1, waited = 0,
      body = 'POST /o/x1 k-x1 A-1 {"sku": "A-1", "count": 3}' }, by_id.x1)
    assert.equal("done", by_id.flaky.outcome)
    assert.equal(2, by_id.flaky.attempts)
    assert.is_true(by_id.flaky.waited >= 1)
    assert.equal('POST /o/flaky k-flaky B "2" {"sku": "B \\"2\\"", "count": "0012"}', by_id.flaky.body)
    assert.are.same({ "failed", 422, "rule", "no such thing" },
      { by_id.bad.outcome, by_id.bad.status, by_id.bad.why, by_id.bad.body })
    assert.matches("422 Unprocessable Content after 1 attempt", by_id.bad.error)
    assert.are.same({ "later", 429, "hint" }, { by_id.later.outcome, by_id.later.status, by_id.later.why })
    assert.equal("lull: 4 rows: 2 done, 1 failed, 1 can be tried later\n", result.err)
    assert.equal(1, result.code)
    assert.equal("id,sku,count\nbad,C,1\nlater,D,1\n", wire.read(failed))
  end)

  -- Such a row ended the run with a traceback, and the rows beside it with that.
  it("fails a row that makes no header, no key or no part, and goes on", function()
    local rows = '{"id":"1","x":"a"}\n{"id":"2","x":"a\\nb"}\n{"id":"3","x":"c"}\n'
    for arguments, what in pairs { ["-H 'X-Who: {x}'"] = "header", ["--key '{x}'"] = "key",
      ["-F 'a=b;filename={x}'"] = "header" } do
      local by_id = results_of(each(rows, "post http://api.test/ --each FILE --id '{id}' " .. arguments, ".ndjson").out)
      assert.are.same({ "done", "failed", "done" }, { by_id["1"].outcome, by_id["2"].outcome, by_id["3"].outcome })
      assert.matches("which cannot be part of a " .. what, by_id["2"].error)
    end
  end)

  it("takes what failed as its next input, broken rows too", function()
    local failed = wire.path ".csv"
    local rows = "id,note\n1,\"two\nlines\"\n2\nbad,\"said \"\"no\"\"\nand more\"\n"
    local result = each(rows, "put http://api.test/{id} --each FILE -d 'n={note}' --bodies --failed " .. failed)
    local by_id = results_of(result.out)
    assert.matches("n=two%%0Alines$", by_id[1].body)
    assert.matches(":4: 1 fields, and the header has 2$", by_id[2].error)
    assert.equal("id,note\n2\nbad,\"said \"\"no\"\"\nand more\"\n", wire.read(failed))
    assert.equal(1, result.code)
  end)

  it("reads NDJSON with the types that it has, TSV, and lines from standard input", function()
    local result = each('{"id": 7, "tags": ["a"]}\n', "post http://api.test/{id} --each FILE --bodies "
      .. [[--json '{"tags": {tags}, "all": {.}}']], ".ndjson")
    assert.matches('{"tags": %["a"%], "all": {', results_of(result.out)[1].body)
    result = each("id\tx\n7\ta b\n", "get 'http://api.test/{id}?x={x}' --each FILE --bodies", ".tsv")
    assert.matches("^GET /7%?x=a%%20b", results_of(result.out)[1].body)
    result = each("", "get {.} --each - --bodies", ".txt", "http://api.test/a\n\nhttp://api.test/b\n")
    assert.matches("^GET /b ", results_of(result.out)[2].body)
    assert.equal(0, result.code)
  end)

  it("sends NDJSON as it is", function()
    local row = '{"id":1,"tags":[], "n":12345678901234567890, "v": 1.0}'
    for template, body in pairs { ["{.}"] = row, ['{"t": {tags}, "n": {n}, "v": {v}}'] =
      '{"t": [], "n": 12345678901234567890, "v": 1.0}' } do
      for _, how in ipairs { "", "--journal " .. wire.path ".lull" } do
        local words = ("post http://api.test/x --each FILE --bodies %s --json '%s'"):format(how, template)
        local sent = each(row .. "\n", words, ".ndjson")
        assert.equal("POST /x - - " .. body, results_of(sent.out)[1].body)
      end
    end
  end)

  -- It ended the run with a traceback, and --failed had nothing of what was left.
  it("fails a row alone whose number nothing can write again", function()
    local rows = '{"id":1,"v":2}\n{"id":2,"v":1e999}\n{"id":3,"v":{"w":-1e999}}\n{"id":4,"v":5}\n'
    for _, how in ipairs { "-d {v}", "-F v={v}", "--data-urlencode v={v}", "--json {.}", "--json '{\"x\": {v}}'",
      "--journal " .. wire.path ".lull" .. " -d {v}" } do
      local failed = wire.path()
      local result = each(rows, "post http://api.test/{id} --each FILE --failed " .. failed .. " " .. how, ".ndjson")
      assert.equal(1, result.code)
      assert.matches("4 rows: 2 done, 2 failed\n$", result.err)
      assert.equal('{"id":2,"v":1e999}\n{"id":3,"v":{"w":-1e999}}\n', wire.read(failed))
    end
  end)

  it("writes bodies into files that rows name, each into one of its own", function()
    local folder = wire.path ""
    wire.run("mkdir " .. folder)
    local result = each("id\na\nb\n", ("get http://api.test/{id} --each FILE -o '%s/{id}.txt'"):format(folder))
    assert.equal(0, result.code, result.err)
    wire.run(("rm -rf %s"):format(folder))
    result = each("id,n\na,1\nb,1\n", "get http://api.test/{id} --each FILE -o '{n}.txt'")
    assert.are.same({ 2, "" }, { result.code, result.out })
    assert.matches("^lull: rows 1 and 2 would both go to 1%.txt;", result.err)
  end)

  it("says what is wrong before anything is sent: 2", function()
    local function misuse(words, rows, arguments, ending)
      local result = each(rows, arguments, ending)
      assert.are.same({ 2, "" }, { result.code, result.out }, result.err)
      assert.is_truthy(result.err:find("lull: " .. words, 1, true), result.err)
    end
    misuse("the rows have no field 'skv' (they have id, sku); a brace itself is written {{",
      "id,sku\n1,2\n", "post http://api.test/{skv} --each FILE")
    misuse("the rows have no field 'id' (a line is {.}); a brace itself", "a\n", "get http://api.test/{id} --each FILE",
      ".txt")
    misuse("--json makes no JSON of the first row: ", "id\n1\n",
      "post http://api.test/ --each FILE --json '{\"a\": {id}'")
    misuse("--each takes one URL", "id\n1\n", "post http://api.test/ http://api.test/2 --each FILE")
    misuse("--each goes without --curl", "id\n1\n", "post http://api.test/ --each FILE --curl")
    -- Each row went to the one URL that was written there.
    for _, url in ipairs { "http://api.test/{u", "http://api.test/{}", "http://api.test/{ u }" } do
      misuse(("'%s' has a brace that begins no field"):format(url), "u\n1\n", "get '" .. url .. "' --each FILE")
    end
    misuse("'{u' has a brace that begins no field", "u\n1\n", "get http://api.test/ --each FILE -o '{u'")
    -- It was an error of the program, with its lines.
    misuse("cannot read '/tmp': Is a directory; try lull get --help", "", "get http://api.test/ --each /tmp")
    misuse("the first row: 'nonsense://x' is no http or https URL", "u\nnonsense://x\n", "get {u} --each FILE")
    misuse("the first row: 'http://h/' is no http or https URL", "u\nhttp://me:pa#ss@h/\n", "get {u} --each FILE")
    misuse("cannot open /nowhere.csv", "", "get http://api.test/ --each /nowhere.csv")
    misuse("cannot write /nowhere/x", "id\n1\n", "get http://api.test/ --each FILE --results /nowhere/x")
    misuse("format: 'xml' is none of csv, lines, ndjson, tsv", "id\n1\n",
      "get http://api.test/ --each FILE --format xml")
  end)

  -- The rows that failed are the next run's input; written over while they are
  -- read, they were gone, and the run ended well with no row.
  it("never writes over the rows that it reads", function()
    for _, name in ipairs { "--failed", "--results" } do
      local rows = wire.write("id\n1\n", ".csv")
      local result = lull(("get http://127.0.0.1:1/{id} --each %s %s %s"):format(rows, name, rows))
      assert.are.same({ 2, "" }, { result.code, result.out })
      assert.matches("would overwrite .*, which is read", result.err)
      assert.equal("id\n1\n", wire.read(rows))
    end
  end)

  -- A walk for the files' names took the rows out of a pipe that has them once.
  it("takes rows from a pipe once", function()
    local world, folder = wire.write(WORLD, ".lua"), wire.path ""
    local result = wire.run(("mkdir %s; printf 'id\\na\\nb\\nb\\n' | { exec 3<&0; %s get --sim %s --parallel 1 "
      .. "http://api.test/{id} --each /dev/fd/3 --format csv -o '%s/{id}' --seed 1 ; }"):format(
      folder, BINARY, world, folder))
    local by_id = results_of(result.out)
    assert.are.same({ "done", "done", "failed" }, { by_id[1].outcome, by_id[2].outcome, by_id[3].outcome })
    assert.matches("two rows would both go to", by_id[3].error)
  end)

  it("reads standard input once", function()
    local result = lull("post http://127.0.0.1:1/ --each - -d @-", "id\n1\n")
    assert.are.same({ 2, "" }, { result.code, result.out })
    assert.matches("standard input can be read only once", result.err)
  end)

  it("shows the first three requests and the plan instead of sending", function()
    local result = each("id\n1\n2\n3\n4\n", "post http://api.test/{id} --each FILE --key '{id}' --dry-run --attempts 3")
    assert.equal(0, result.code, result.err)
    assert.matches("^POST http://api.test/1\nIdempotency%-Key: 1\n\nPOST http://api.test/2\n", result.out)
    assert.is_nil(result.out:find("/4", 1, true))
    assert.matches("attempts 3, timeout 30s", result.out)
  end)

  -- What the script of --script sends is what the command sends.
  it("gives the script that does the same", function()
    local log = [[
      local out = assert(io.open(%q, "a"))
      return { ["http://api.test"] = function(request)
        out:write(request.method, " ", request.path, " ", request.headers["idempotency-key"] or "-", " ",
          request.headers["x-who"] or "-", " ", request.headers["content-type"] or "-", "\n", request.body or "-", "\n")
        out:flush()
        return 201
      end }]]
    local function sent(command)
      local path = wire.path ".txt"
      local world = wire.write(log:format(path), ".lua")
      local result = lull(command:gsub("WORLD", world))
      assert.equal(0, result.code, result.err)
      return wire.read(path)
    end
    local function same(rows, ending, words)
      local file = wire.write(rows, ending)
      words = words .. " --each " .. file .. " --parallel 1"
      local script = lull(words .. " --script")
      assert.are.same({ 0, "" }, { script.code, script.err })
      local direct = sent(words .. " --sim WORLD --results /dev/null")
      local scripted = sent("--sim WORLD " .. wire.write(script.out, ".lua"))
      return direct, scripted, script.out
    end
    local rows = "id,sku,order no,n\n1,\"B \"\"2\"\"\",x y,0012\n2,C%,z,1.5\n3,null,,true\n4,,,-0.5\n5,,,1e3\n"
    local direct, scripted = same(rows, ".csv", "post 'api.test/o/{id}?q={order no}' --key 'k-{id}' "
      .. [[-H 'X-Who: {sku}' --json '["<{sku}>{{",{n},"{n}"]' --attempts 3 --limit 10/s --on 404=accept]])
    assert.equal(direct, scripted)
    assert.matches('"<B \\"2\\">{","0012","0012"]', direct)
    direct, scripted = same(rows, ".csv", "put 'http://api.test/{id}' -d 'a={sku}&b={n}' -u me:word")
    assert.equal(direct, scripted)
    direct, scripted = same('{"id": 1, "a": {"if": [1,null]}}\n', ".ndjson",
      [[patch 'http://api.test/{id}' --json '{"x":{a.if},"y":[],"z":"{id}"}']])
    assert.equal(direct, scripted)
    direct, scripted = same("http://api.test/a?b\n", ".txt", "delete {.}")
    assert.equal(direct, scripted)
  end)

  it("writes a script as a person would", function()
    local file = wire.write("id,count\n1,2\n", ".csv")
    local result = lull("post http://127.0.0.1:8080/orders --attempts 8 --on 404=accept --limit 10/s --key '{id}' "
      .. [[--json '{"count": {count}, "id": "{id}"}' --script --each ]] .. file)
    assert.equal(([[
#!/usr/bin/env lull
local lull = require "lull"

-- A cell as JSON has it: a number where it is written as one.
local function cell(text)
  local number = text:find "^%%-?%%d[%%d.]*$" and not text:find "^%%-?0%%d" and #text < 16
  local value = (number or text == "true" or text == "false") and lull.json.decode(text)
  if value ~= nil and (value or text == "false") then return value end
  return text
end

local api = lull.client { attempts = 8, limit = "10/s", on = { [404] = "accept" } }

local sum = lull.each(lull.rows "%s", function(row)
  return api:post("http://127.0.0.1:8080/orders", {
    json = { count = cell(row.count), id = row.id },
    key = row.id,
  })
end)
lull.exit(sum.code)
]]):format(file), result.out)
  end)

  -- Closed, it was read as an empty one, and the run ended well with no row.
  it("says that standard input is closed, wherever it is to be read", function()
    for _, arguments in ipairs { "get http://api.test/{.} --each -", "get -i -", "post http://api.test/ -d @-",
      "get -K -", "get http://api.test/{.} --each - --journal " .. wire.path ".lull" } do
      local result = wire.run(("%s %s <&-"):format(BINARY, arguments))
      assert.matches("cannot read '?standard input'?: %w", result.err, arguments)
      assert.is_true(result.code == 1 or result.code == 2, arguments)
    end
    assert.equal(3, wire.run(BINARY .. " - <&-").code)
  end)

  -- A compressed file, or a spreadsheet's UTF-16, had a strange field that `{.}` sent.
  it("does not take what is no text for a header", function()
    for _, bytes in ipairs { "\31\139\8\8ab\n", "\255\254i\0d\0\n\0" } do
      local result = each(bytes, "get http://api.test/{.} --each FILE")
      assert.are.same({ 2, "" }, { result.code, result.out })
      assert.matches(":1: the header: this is no text; rows are plain UTF%-8", result.err)
    end
  end)

  it("does nothing with a file without rows", function()
    local result = each("id\n", "post http://api.test/{id} --each FILE")
    assert.are.same({ 0, "", "lull: 0 rows: 0 done\n" }, { result.code, result.out, result.err })
  end)

  -- A signal lets what is on the wire end; what is not done is kept, and with
  -- what was not begun it makes the next input.
  it("keeps what is not done when it is interrupted", function()
    local server = wire.server(wire.write([[
      return { ["http://api.test"] = function(request)
        if request.route ~= "/1" then return 429, { ["retry-after"] = "100" } end
        return 200
      end }]], ".lua"))
    local failed, rows = wire.path ".csv", wire.write("id\n1\n2\n3\n4\n5\n", ".csv")
    local child = wire.start(("%s get %s --each %s --parallel 2 --failed %s 2>&1"):format(BINARY,
      wire.quote(server.url .. "/{id}"), rows, failed))
    assert.matches('"id":1,"outcome":"done"', child:line())
    wire.eventually(function() return #server:requests() >= 2 end, "two requests")
    child:signal "INT"
    local rest, code = child:finish()
    assert.equal(130, code)
    assert.matches("lull: 5 rows: 1 done, 4 open\n$", rest)
    local left = {}
    for line in wire.read(failed):gmatch "[^\n]+" do left[#left + 1] = line end
    table.sort(left)
    assert.are.same({ "2", "3", "4", "5", "id" }, left)
  end)

  -- A full disk, or a pipe that nobody reads, ended the run half way, with a
  -- traceback.
  it("says once what cannot be written, and goes on; a closed pipe ends it", function()
    local arguments = "post --each FILE http://api.test/{id} -d {.} "
    local rows, failed = "id\na\nb\nbad\n", wire.path()
    local lost = "lull: cannot write to /dev/full: No space left on device\n"
    local result = each(rows, arguments .. "--results /dev/full --failed " .. failed)
    assert.equal(1, result.code)
    assert.equal(lost, result.err:sub(1, #lost))
    assert.equal(1, select(2, result.err:gsub("cannot write", "")))
    assert.equal("id\nbad\n", wire.read(failed))
    result = each("id\na\nb\n", arguments .. "--results /dev/full")
    assert.equal(1, result.code)
    result = each("id\n" .. ("a\n"):rep(3000), arguments .. "| head -c 1")
    assert.equal("{", result.out)
    assert.is_nil(result.err:find("traceback", 1, true), result.err)
  end)

  -- When standard output was closed --failed was left empty, without its header.
  it("keeps what is not done when nobody reads its lines any more", function()
    local rows = {}
    for i = 1, 300 do rows[i] = (i % 50 == 0 and "bad" or i % 70 == 0 and "later" or "r") .. i end
    for _, how in ipairs { "", " --id {id}", " --parallel 1", " --report " .. wire.path ".json" } do
      local server, failed = wire.server(WORLD), wire.path()
      local file = wire.write("id\n" .. table.concat(rows, "\n") .. "\n", ".csv")
      local words = ("post '%s/{id}' --each %s --key --failed %s%s"):format(server.url, file, failed, how)
      local result = lull(words .. " | head -n 1")
      assert.matches('^{"id":[^\n]*}\n$', result.out)
      assert.equal("", result.err)
      local left, sent = {}, {}
      for line in wire.read(failed):gmatch "[^\n]+" do
        assert.is_nil(left[line], line)
        left[line] = true
      end
      assert.is_true(left.id)
      local id = json.decode(result.out).id
      assert.is_nil(left[rows[id] or id])
      for _, request in ipairs(server:requests()) do sent[request.path:sub(2)] = true end
      for _, row in ipairs(rows) do
        if row:find "^[bl]" or not sent[row] then assert.is_true(left[row], row) end
      end
    end
  end)
end)
