-- The cookbook: its page says what the files and the commands say, and each
-- recipe does to its server what the page claims. The server's view is
-- written down by a world around the recipe's own.
local sim = require "lull.sim"
local wire = require "tests.wire"

local quote = wire.quote
local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local RECIPES = { "github", "openai", "upload", "poll", "refresh", "paginate", "mirrors", "download", "payments",
  "lost", "cron" }

-- The recipe's world, noting each request with its time, and the answer with
-- its own. `state`, where given, is a path that is asked for after each.
local WATCHED = [[
local lull = require "lull"
local world = %s
local log, begun, state = assert(io.open(%q, "w")), assert(io.open(%q, "w")), %s
local function note(file, fields)
  file:write(lull.json.encode(fields), "\n")
  file:flush()
end
for origin, serve in pairs(world) do
  world[origin] = function(request, n)
    local entry = { origin = origin, at = lull.now(), method = request.method, path = request.path,
      headers = { key = request.headers["idempotency-key"], range = request.headers.range,
        if_range = request.headers["if-range"], authorization = request.headers.authorization },
      body = request.body }
    note(begun, entry)
    local status, headers, body = serve(request, n)
    entry.ended, entry.status = lull.now(), type(status) == "table" and status.status or status
    if state then entry.state = select(3, serve { method = "GET", route = state, path = state, headers = {} }) end
    note(log, entry)
    return status, headers, body
  end
end
return world
]]

-- Runs a recipe, its world or another one; gives what it printed, its exit
-- code, the requests in the order of their answers, and those that `began`,
-- of which some may never have been answered.
local function run(name, arguments, options)
  options = options or {}
  local log, begun = wire.path ".jsonl", wire.path ".jsonl"
  local world = options.world or ("dofile %q"):format("scripts/worlds/" .. name .. ".lua")
  local state = options.state and ("%q"):format(options.state) or "nil"
  local result = wire.run(("%s --sim %s --seed %d %s %s"):format(quote(BINARY),
    wire.write(WATCHED:format(world, log, begun, state), ".lua"), options.seed or 0,
    options.script or ("scripts/cookbook/%s.lua"):format(name), arguments or ""))
  result.requests, result.began = wire.json_lines(log), wire.json_lines(begun)
  return result
end

local function lines_of(text)
  local list = {}
  for line in text:gmatch "([^\n]*)\n" do list[#list + 1] = line end
  return list
end

local function last_line(result) return lines_of(result.out)[#lines_of(result.out)] end

local function has(text, part)
  assert.is_truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
end

-- Those of the requests for which all given fields are so.
local function where(requests, fields)
  local found = {}
  for _, r in ipairs(requests) do
    local fits = true
    for name, value in pairs(fields) do fits = fits and r[name] == value end
    if fits then found[#found + 1] = r end
  end
  return found
end

-- The most that were under way at once.
local function most_at_once(requests)
  local most = 0
  for _, r in ipairs(requests) do
    local n = 0
    for _, other in ipairs(requests) do
      if other.at <= r.at and r.at < other.ended then n = n + 1 end
    end
    most = math.max(most, n)
  end
  return most
end

-- The largest sum of `amount` over the starts of any `window` seconds.
local function most_within(requests, window, amount)
  local most = 0
  for _, first in ipairs(requests) do
    local sum = 0
    for _, r in ipairs(requests) do
      if r.at >= first.at and r.at < first.at + window - 1e-6 then sum = sum + amount(r) end
    end
    most = math.max(most, sum)
  end
  return most
end

local function sorted_by_start(requests)
  table.sort(requests, function(a, b) return a.at < b.at end)
  return requests
end

-- ---- what several of them need ------------------------------------------------

-- A folder with names that shells and URLs trip over.
local function folder()
  local path = wire.path()
  os.execute(("mkdir -p %s/'a b'/c"):format(path))
  local files = {}
  for i, name in ipairs { "plain.txt", "a b/space in.txt", "a b/c/per%cent?#.txt", "a b/line\nend.txt", "gr\195\188n",
    "quote'd", "empty" } do
    files["/backup/" .. name] = name == "empty" and "" or ("content %d of %s\0\n"):format(i, name)
  end
  for i = 1, 30 do files[("/backup/n%02d"):format(i)] = ("number %d\n"):format(i):rep(1000) end
  for name, content in pairs(files) do
    local file = assert(io.open(path .. name:gsub("^/backup", ""), "wb"))
    file:write(content)
    file:close()
  end
  return path, files
end

local function unescaped(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function check_upload(requests, files)
  local stored = {}
  for _, r in ipairs(requests) do
    local name = unescaped(r.path)
    assert.are.equal("PUT", r.method)
    assert.are.equal(files[name], r.body, name)
    if r.status == 201 or r.status == 204 then
      assert.is_nil(stored[name])
      stored[name] = true
    end
  end
  for name in pairs(files) do assert.is_true(stored[name], name .. " is not stored") end
end

local function mirror_list()
  return wire.write("http://down.test/\nhttp://slow.test\n# not this\nhttp://hotel.test/\n"
    .. "http://behind.test/\nhttp://good.test/\n")
end

-- What a file of the world should be.
local function numbered(version)
  local parts = {}
  for i = 0, 124999 do parts[#parts + 1] = ("%s%07d"):format(version, i) end
  return table.concat(parts)
end

local function check_download(requests, path)
  assert.is_true(wire.read(path .. "/big.bin") == numbered "b", "big.bin is not its second version")
  assert.is_true(wire.read(path .. "/plain.bin") == numbered "a", "plain.bin is broken")
  local big = sorted_by_start(where(requests, { path = "/big.bin" }))
  local ranges = {}
  for i, r in ipairs(big) do ranges[i] = r.headers.range and tonumber(r.headers.range:match "%d+") or 0 end
  -- Of the third answer all is new; the fifth is a 503.
  assert.are.same({ 0, 300000, 600000, 300000, 600000, 600000, 900000 }, ranges)
  assert.are.same({ 200, 206, 200, 206, 503, 206, 206 }, (function()
    local statuses = {}
    for i, r in ipairs(big) do statuses[i] = r.status end
    return statuses
  end)())
  assert.are.equal('"v1"', big[3].headers.if_range)
  assert.are.equal('"v2"', big[4].headers.if_range)
  for _, r in ipairs(where(requests, { path = "/plain.bin" })) do assert.is_nil(r.headers.range) end
  assert.are.equal("big.bin\nplain.bin\n", wire.run("ls -A " .. path).out)
end

describe("the cookbook's page #binary", function()
  teardown(wire.clean)

  local page = wire.read "docs/cookbook.md"

  it("has the scripts as they are, and what the commands print", function()
    local made = assert(loadfile "docs/generate.lua")().renew(page)
    for i, line in ipairs(lines_of(made)) do assert.are.equal(line, lines_of(page)[i]) end
    assert.are.equal(made, page)
  end)

  it("has every recipe, with its command", function()
    local listed = {}
    for name in wire.run "ls scripts/cookbook".out:gmatch "(%w+)%.lua" do
      listed[#listed + 1] = name
      has(page, ("<!-- file: scripts/cookbook/%s.lua -->"):format(name))
      has(page, ("--sim scripts/worlds/%s.lua scripts/cookbook/%s.lua"):format(name, name))
    end
    local known = { (table.unpack or unpack)(RECIPES) }
    table.sort(known)
    assert.are.same(known, listed)
  end)
end)

describe("a recipe #binary", function()
  after_each(wire.clean)

  it("github: asks nothing while blocked, writes once a second, and a refusal once", function()
    for seed = 0, 2 do
      local result = run("github", "octo/demo triage", { seed = seed })
      assert.are.equal(1, result.code)
      assert.are.equal("39 labelled, 1 refused, 0 to be tried later\n", result.out)
      local sent = sorted_by_start(result.requests)
      local labels = {}
      for _, r in ipairs(where(sent, { status = 200, method = "POST" })) do
        assert.is_nil(labels[r.path])
        labels[r.path] = true
      end
      assert.are.equal(1, #where(sent, { path = "/repos/octo/demo/issues/7/labels" }))
      assert.are.equal(2, #where(sent, { path = "/repos/octo/demo/issues/11/labels" })) -- its answer got lost
      local posts = where(sent, { method = "POST" })
      assert.are.equal(1, most_within(posts, 1, function() return 1 end))
      assert.is_true(most_at_once(sent) <= 10)
      -- Two bursts and the quota: three throttles, each met once.
      local blocks, throttles = { 60, 60, 900 }, {}
      for _, r in ipairs(where(sent, { status = 403 })) do
        if not r.path:find "/7/" then throttles[#throttles + 1] = r end
      end
      assert.are.equal(3, #throttles)
      for i, throttle in ipairs(throttles) do
        for _, r in ipairs(sent) do
          assert.is_false(r.at > throttle.ended and r.at < throttle.ended + blocks[i] - 1,
            ("asked %g s after block %d began"):format(r.at - throttle.ended, i))
        end
      end
    end
  end)

  local function tokens_of(r)
    local prompt = r.body:match '"content":"(.-)"'
    return math.ceil(#prompt / 4) + 50
  end

  local function prompts(n, size)
    local list = {}
    for i = 1, n do list[i] = ("%d "):format(i):rep(math.ceil(size / (#tostring(i) + 1))) end
    return wire.write(table.concat(list, "\n") .. "\n")
  end

  -- Only somebody else's use and the server's own errors are in the way.
  local function check_limits(result, n)
    assert.are.equal(0, result.code, result.err)
    local sent, answers = result.requests, {}
    for _, line in ipairs(lines_of(result.out)) do
      local number = tonumber(line:match '"line":(%d+)')
      assert.is_nil(answers[number])
      answers[number] = true
    end
    assert.are.equal(n, #lines_of(result.out))
    assert.are.equal(n, #where(sent, { status = 200 }))
    assert.are.equal(math.floor(#sent / 29), #where(sent, { status = 429 }))
    local keys = {}
    for _, r in ipairs(where(sent, { status = 200 })) do
      assert.is_nil(keys[r.headers.key])
      keys[r.headers.key] = true
    end
    return most_within(sent, 60, function() return 1 end), most_within(sent, 60, tokens_of), most_at_once(sent)
  end

  it("openai: keeps within requests and tokens of any minute, and so many at once", function()
    local _, tokens, at_once = check_limits(run("openai", prompts(100, 40)), 100)
    assert.is_true(tokens <= 2000 and tokens > 1500, tostring(tokens))
    assert.is_true(at_once <= 8)
    _, tokens = check_limits(run("openai", prompts(20, 2000)), 20) -- long ones: three a minute
    assert.is_true(tokens <= 2000, tostring(tokens))
  end)

  it("openai: keeps within the requests where these are what is scarce", function()
    local script = wire.read "scripts/cookbook/openai.lua":gsub("2000/1m", "1000000/1m")
    local result = run("openai", prompts(150, 20), { script = wire.write(script, ".lua"), world = [[{
      ["https://api.openai.com"] = function()
        lull.sleep(0.2)
        return 200, nil, { choices = { { message = { content = "x" } } } }
      end }]] })
    assert.are.equal(0, result.code, result.err)
    local sent = result.requests
    assert.are.equal(150, #sent)
    assert.are.equal(60, most_within(sent, 60, function() return 1 end))
    assert.is_true(most_at_once(sent) <= 8)
  end)

  it("openai: stops when there is no money left: 75", function()
    local path = wire.write("one\ntwo\nI am broke\n" .. ("more\n"):rep(50))
    local result = run("openai", path)
    assert.are.equal(75, result.code)
    has(result.err, "line 3: ")
    has(result.err, "the account's quota is used up")
    assert.is_true(#result.requests <= 12)
    assert.are.equal(1, #where(result.requests, { status = 429 }))
  end)

  it("upload: has every file stored with its bytes, eight at a time", function()
    local path, files = folder()
    local result = run("upload", path .. " http://files.test/backup")
    assert.are.equal(0, result.code, result.out)
    assert.are.equal("37 uploaded, 0 before, 0 refused, 0 to be tried later", last_line(result))
    check_upload(result.requests, files)
    assert.are.equal(8, most_at_once(result.requests))
    assert.are.equal(5, #where(result.requests, { status = 500 }))
    os.execute(("touch %s/x.tmp"):format(path))
    result = run("upload", path .. " http://files.test/backup")
    assert.are.equal(1, result.code)
    has(result.out, "refused\tx.tmp\tPUT http://files.test/backup/x.tmp: 415 ")
    assert.are.equal(1, #where(result.requests, { path = "/backup/x.tmp" }))
    result = run("upload", path .. " http://files.test/", { world =
      '{ ["http://files.test"] = function() return 503, { ["retry-after"] = 3600 } end }' })
    assert.are.equal(75, result.code)
    assert.are.equal("0 uploaded, 0 before, 0 refused, 38 to be tried later", last_line(result))
  end)

  it("poll: begins one job, asks no earlier than told, and ends with the report", function()
    local result = run("poll", nil, { state = "/jobs" })
    assert.are.equal(0, result.code)
    assert.is_truthy(result.out:match "^done\t/reports/1\tasked 13 times in 44 s\n$")
    local sent = sorted_by_start(result.requests)
    assert.are.equal(1, sent[#sent].state.count)
    local posts = where(sent, { path = "/jobs" })
    assert.are.equal(2, #posts) -- the first answer got lost
    assert.are.equal(posts[1].headers.key, posts[2].headers.key)
    local asked = where(sent, { path = "/jobs/1" })
    for i = 2, #asked do
      local before, gap = asked[i - 1], asked[i].at - asked[i - 1].ended
      if before.status == 202 then assert.is_true(gap >= 3 - 1e-6, tostring(gap)) end
    end
    assert.is_true(asked[3].at - asked[2].ended >= 8) -- Retry-After: 8
    assert.are.equal(503, asked[3].status)
  end)

  it("poll: a job that is merely slow is asked for ten minutes, then left: 75", function()
    local result = run("poll", nil, { world = [[{ ["http://reports.test"] = function(request)
      return 202, request.method == "POST" and { location = "/jobs/1" } or nil
    end }]] })
    assert.are.equal(75, result.code)
    has(result.out, "deadline")
    local sent = sorted_by_start(result.requests)
    assert.is_true(sent[#sent].at > 590 and sent[#sent].at <= 600)
    assert.are.equal(201, #sent)
  end)

  it("refresh: gets one token for each that expired, and every item once", function()
    local result = run "refresh"
    assert.are.equal(0, result.code, result.out)
    assert.are.equal("60 of 60 items\n", result.out)
    local sent = result.requests
    assert.are.equal(60, #where(sent, { status = 200, method = "GET" }))
    local tokens = where(sent, { path = "/token" })
    assert.are.equal(1, most_at_once(tokens))
    assert.are.equal(3, #where(tokens, { status = 200 })) -- 60 items, 25 for each
    assert.are.equal(1, #where(tokens, { status = 503 }))
    -- Five were under way, twice, that found no use left; those that began at the same moment
    -- wait for the new token, as their header is made when they leave.
    assert.are.equal(10, #where(sent, { status = 401 }))
  end)

  it("refresh: does not ask for ever where even new tokens are refused", function()
    local result = run("refresh", nil, { world = [[{ ["http://private.test"] = function(request)
      if request.route == "/token" then return 200, nil, { access_token = "no good" } end
      return 401
    end }]] })
    assert.are.equal(1, result.code)
    assert.are.equal("0 of 60 items", last_line(result))
    -- Three for each at most; before that the retry budget is empty.
    assert.is_true(#where(result.requests, { status = 401 }) <= 180)
  end)

  it("paginate: gets each item once, though one is on two pages, and one page is cut", function()
    local result = run "paginate"
    assert.are.equal(0, result.code, result.err)
    assert.are.equal("49 items, 1 gone meanwhile\n", result.out)
    local sent, seen = result.requests, {}
    for _, r in ipairs(sent) do
      local id = r.path:match "^/items/(%d+)$"
      if id and r.status ~= 502 then
        assert.is_nil(seen[id], id)
        seen[id] = true
      end
    end
    for id = 1, 50 do assert.is_true(seen[tostring(id)], "item " .. id) end
    for page = 1, 6 do
      assert.are.equal((page == 2 or page == 4) and 2 or 1, #where(sent, { path = "/items?page=" .. page }))
    end
    assert.is_true(most_at_once(sent) <= 4)
    local second = where(sent, { path = "/items?page=2" })
    assert.is_true(second[2].at - second[1].ended >= 3) -- Retry-After: 3
  end)

  it("mirrors: asks the broken ones once, and finds what one of them has", function()
    local result = run("mirrors", mirror_list() .. " old.txt older.txt")
    assert.are.equal(0, result.code)
    assert.are.equal("old.txt\t4 bytes from http://behind.test, attempt 4\n"
      .. "older.txt\t6 bytes from http://behind.test, attempt 1\n", result.out)
    local function asked(name) return #where(result.began, { origin = "http://" .. name .. ".test" }) end
    assert.are.same({ 1, 1, 1, 2, 0 }, { asked "down", asked "slow", asked "hotel", asked "behind", asked "good" })
    result = run("mirrors", mirror_list() .. " new.txt")
    assert.are.equal("new.txt\t4 bytes from http://good.test, attempt 10\n", result.out)
  end)

  it("mirrors: what all of them lack is soon told", function()
    local result = run("mirrors", mirror_list() .. " none.txt", { world = [[(function()
      local function none() return 404 end
      return { ["http://down.test"] = none, ["http://slow.test"] = none, ["http://hotel.test"] = none,
        ["http://behind.test"] = none, ["http://good.test"] = none }
    end)()]] })
    assert.are.equal(1, result.code)
    has(result.out, "GET http://good.test/none.txt: 404 Not Found after 5 attempts in 0s: no mirror has it")
    assert.are.equal(5, #result.requests)
  end)

  it("download: asks for the rest only, and begins anew when the file has changed", function()
    local path = wire.path()
    os.execute("mkdir " .. path)
    local result = run("download", path .. " http://files.test/big.bin http://files.test/plain.bin")
    assert.are.equal(0, result.code, result.out)
    check_download(result.requests, path)
    result = run("download", path .. " http://files.test/none.bin")
    assert.are.equal(1, result.code)
    assert.are.equal("big.bin\nplain.bin\n", wire.run("ls -A " .. path).out)
  end)

  local INVOICES = "2041 120\n2042 80\n2043 99\n2044 15\n2045 300\n2046 7\n"

  it("payments: each invoice is paid once, whatever got lost", function()
    for seed = 0, 4 do
      local result = run("payments", wire.write(INVOICES .. "2042 80\nnonsense\n2043 100\n"),
        { state = "/payments", seed = seed })
      assert.are.equal(1, result.code)
      assert.are.equal("7 paid, 0 before, 2 refused, 0 to be tried later", last_line(result))
      has(result.out, "refused\tnonsense\t")
      local sent = result.requests
      local payments, invoices = sent[#sent].state.payments, {}
      assert.are.equal(6, #payments)
      for _, payment in ipairs(payments) do invoices[payment.invoice] = payment.amount end
      assert.are.same({ ["2041"] = 120, ["2042"] = 80, ["2043"] = invoices["2043"], ["2044"] = 15, ["2045"] = 300,
        ["2046"] = 7 }, invoices)
      assert.are.equal(1, #where(sent, { status = 422 }))
      assert.is_true(#where(sent, { status = 409 }) > 0)
      for _, r in ipairs(sent) do
        assert.are.equal(r.headers.key, "invoice-" .. r.body:match '"invoice":"(%d+)"')
      end
      assert.is_true(most_at_once(sent) <= 5) -- four, and the one that the client gave up
    end
  end)

  local function events(n)
    local list = {}
    for i = 1, n do list[i] = ("event-%d something happened"):format(i) end
    return table.concat(list, "\n") .. "\n"
  end

  -- The second attempt of what had worked found 404 or 412, and the call was
  -- told as failed.
  it("lost: what worked and whose answer got lost is done, and nothing else", function()
    local result = run "lost"
    assert.are.equal(1, result.code)
    local statuses = {}
    for _, r in ipairs(result.requests) do
      statuses[#statuses + 1] = ("%s %s %s"):format(r.method, r.path:match "[^/]+$",
        (tostring(r.status):gsub("%.0$", "")))
    end
    assert.are.same({ "PUT one close", "PUT one 412", "GET one 200", "PUT two 201", "PUT taken 412",
      "DELETE old close", "DELETE old 404", "DELETE older 204", "DELETE never 404" }, statuses)
  end)

  it("lost: what somebody else has put there meanwhile is not ours", function()
    local result = run("lost", "", { world = [[{ ["http://notes.test"] = function(request)
      if request.method == "PUT" and not theirs then theirs = true return "close" end
      if request.method == "GET" then return 200, nil, "theirs" end
      return 412
    end }]] })
    has(result.out, "create\tone\t412\t2")
  end)

  -- Runs a recipe twice with one journal, in which the second one finds what the first one did.
  local function twice(name, args)
    local journal, list = sim.journal(), {}
    for i = 1, 2 do
      list[i] = sim.run { script = ("scripts/cookbook/%s.lua"):format(name), args = args, journal = journal, seed = i,
        world = ("scripts/worlds/%s.lua"):format(name), time = 1767225600 + i * 3600 }
    end
    return list[1], list[2]
  end

  it("cron: stops with 75 in an outage, and the next run does only the rest", function()
    local lines = wire.write(events(100))
    local once = run("cron", lines .. " journal")
    assert.are.equal(16, #where(once.requests, { status = 503 })) -- four were under way, of four attempts
    local first, second = twice("cron", { lines, "journal" })
    assert.are.same({ 75, "60 sent, 0 were done before, 0 refused; the rest later\n" }, { first.code, first.output })
    assert.are.same({ 0, "40 sent, 60 were done before, 0 refused\n" }, { second.code, second.output })
    local seen = {}
    for _, transcript in ipairs { first, second } do
      for _, r in ipairs(transcript.requests) do seen[r.path] = (seen[r.path] or 0) + 1 end
    end
    for i = 1, 60 do assert.are.equal(1, seen["/events/event-" .. i]) end
    assert.is_true(most_within(once.requests, 1, function() return 1 end) <= 10)
  end)

  it("cron: in an outage from the start the breaker ends it after a few requests", function()
    local result = run("cron", wire.write(events(1000)) .. " " .. wire.path(),
      { world = '{ ["http://events.test"] = function() return 503 end }' })
    assert.are.equal(75, result.code)
    assert.is_true(#result.requests <= 9, tostring(#result.requests))
    has(result.err, "breaker")
  end)

  -- What has failed is not sent again, and the exit code still says that something has.
  it("cron: what is refused is told, and is no reason to stop", function()
    local first, second = twice("cron", { wire.write("odd one\n" .. events(5)), "journal" })
    assert.are.same({ 1, "5 sent, 0 were done before, 1 refused\n" }, { first.code, first.output })
    assert.are.same({ 1, "0 sent, 6 were done before, 0 refused\n", 0 }, { second.code, second.output,
      #second.requests })
    has(run("cron", wire.write("odd one\n" .. events(5)) .. " journal").err, "PUT http://events.test/events/odd: 422 ")
  end)

  it("openai, upload, payments: another run with the journal asks for nothing that is done", function()
    local path = folder()
    for name, args in pairs { openai = { prompts(5, 40) }, upload = { path, "http://files.test/backup" },
      payments = { wire.write(INVOICES) } } do
      local first, second = twice(name, args)
      assert.are.same({ 0, 0, 0 }, { first.code, second.code, #second.requests }, name)
      if name == "openai" then assert.are.equal(first.output, second.output) end
      if name == "upload" then has(second.output, "0 uploaded, 37 before, 0 refused, 0 to be tried later\n") end
      if name == "payments" then has(second.output, "0 paid, 6 before, 0 refused, 0 to be tried later\n") end
    end
  end)
end)

-- The same worlds behind real sockets: what libcurl does to bodies, ranges and
-- connections is not simulated here. Where a world asks for seconds of
-- patience it is 20 ms.
describe("a recipe over real sockets #binary", function()
  local HASTY = [[(function()
    local world = dofile %q
    for origin, serve in pairs(world) do
      world[origin] = function(request, n)
        local status, headers, body = serve(request, n)
        if headers and headers["retry-after"] then headers = { ["retry-after-ms"] = 20 } end
        return status, headers, body
      end
    end
    return world
  end)()]]

  local running, files, from, to = {}, nil, nil, nil

  local function start(name, arguments)
    local log = wire.path ".jsonl"
    local world = HASTY:format(("scripts/worlds/%s.lua"):format(name))
    local server = wire.server(WATCHED:format(world, log, wire.path(), "nil"))
    running[name] = { log = log, child = wire.start(("%s --seed 1 scripts/cookbook/%s.lua %s"):format(quote(BINARY),
      name, (arguments:gsub("%%u", server.url)))) }
  end

  -- All at once, since some have waits of their own.
  setup(function()
    from, files = folder()
    to = wire.path()
    os.execute("mkdir " .. to)
    start("upload", from .. " %u/backup")
    start("download", to .. " %u/big.bin %u/plain.bin")
    start("paginate", "%u")
    start("refresh", "%u")
  end)
  teardown(wire.clean)

  local function finish(name)
    local out, code = running[name].child:finish()
    assert.are.equal(0, code, out)
    return last_line { out = out }, wire.json_lines(running[name].log)
  end

  it("upload stores every file with its bytes", function()
    local last, requests = finish "upload"
    assert.are.equal("37 uploaded, 0 before, 0 refused, 0 to be tried later", last)
    check_upload(requests, files)
  end)

  it("refresh gets one token for each that expired", function()
    local last, requests = finish "refresh"
    assert.are.equal("60 of 60 items", last)
    local tokens = where(requests, { path = "/token" })
    assert.are.equal(1, most_at_once(tokens))
    assert.are.equal(3, #where(tokens, { status = 200 }))
    assert.are.equal(60, #where(requests, { status = 200, method = "GET" }))
  end)

  it("paginate gets each item once", function()
    local last = finish "paginate"
    assert.are.equal("49 items, 1 gone meanwhile", last)
  end)

  it("download asks for the rest only", function()
    local _, requests = finish "download"
    check_download(requests, to)
  end)
end)

describe("the recipes", function()
  teardown(wire.clean)

  it("do the same on every Lua", function()
    local function last(name, ...)
      local result = sim.run { script = ("scripts/cookbook/%s.lua"):format(name), args = { ... },
        world = ("scripts/worlds/%s.lua"):format(name) }
      return last_line { out = result.output }
    end
    local lines = wire.write "event-1 one\nevent-2 two\n"
    assert.are.same({
      "39 labelled, 1 refused, 0 to be tried later",
      '{"answer":"about event-2 two","line":2}',
      "37 uploaded, 0 before, 0 refused, 0 to be tried later",
      "done\t/reports/1\tasked 13 times in 44 s",
      "60 of 60 items",
      "49 items, 1 gone meanwhile",
      "old.txt\t4 bytes from http://behind.test, attempt 4",
      "plain.bin\t3 attempts, 0 of them for the rest only",
      "1 paid, 0 before, 0 refused, 0 to be tried later",
      "delete\tnever\t404\t1",
      "2 sent, 0 were done before, 0 refused",
    }, {
      last("github", "octo/demo", "triage"),
      last("openai", lines),
      last("upload", (folder()), "http://files.test/backup"),
      last "poll",
      last "refresh",
      last "paginate",
      last("mirrors", mirror_list(), "old.txt"),
      last("download", wire.path():match "^.*/", "http://files.test/plain.bin"),
      last("payments", wire.write "1 2\n"),
      last "lost",
      last("cron", lines, wire.path()),
    })
  end)
end)
