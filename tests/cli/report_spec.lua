-- Reports: at the end of a run, and of a journal.
local json = require "lull.json"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local WORLD = [[
local n = 0
return { ["http://api.test"] = function(request)
  n = n + 1
  if n == 5 then return 429, { ["retry-after"] = "8" } end
  if request.route:find "7$" then return 422 end
  return 201
end }]]

describe("a report #binary", function()
  after_each(wire.clean)

  local function lull(arguments) return wire.run(BINARY .. " " .. arguments) end

  local function rows(n)
    local list = { "id" }
    for i = 1, n do list[i + 1] = tostring(i) end
    return wire.write(table.concat(list, "\n") .. "\n", ".csv")
  end

  local function report(ending, more)
    local path = wire.path(ending)
    local result = lull(("put 'http://api.test/{id}?token=canaryone' --each %s --sim %s --results /dev/null %s "
      .. "--report %s"):format(rows(40), wire.write(WORLD, ".lua"), more or "", path))
    assert.equal("lull: 40 rows: 36 done, 4 failed\n", result.err)
    return assert(wire.read(path))
  end

  it("is a page without outside parts, with what failed and its attempts", function()
    local page = report ".html"
    assert.matches("^<!DOCTYPE html>", page)
    for _, part in ipairs { "src=", "@import", "stylesheet", "url%(" } do assert.is_nil(page:find(part), part) end
    for target in page:gmatch 'href="([^"]*)"' do assert.equal("data:,", target) end
    assert.matches("<b>36</b><span>items done</span>", page)
    assert.matches("<b>4</b><span>items failed</span>", page)
    assert.matches('class="pause"[^>]*><title>http://api.test: 429, a pause of 8[%d.]*s as the server asked', page)
    assert.matches("<summary>17: PUT http://api.test/17%?token=%*%*%*</summary>.-<li>422 after 0s; stop: rule</li>",
      page)
    assert.matches("<title>lull PUT http://api.test/{id}", page)
    assert.matches("prefers%-color%-scheme:dark", page)
    -- An axis went 45s, 1m, 75s.
    local units = {}
    for unit in page:gmatch 'text%-anchor="%a+">[%d.]+(%a)</text>' do units[#units + 1] = unit end
    assert.is_true(#units > 2)
    assert.equal(units[1]:rep(#units), table.concat(units))
  end)

  it("is JSON with a version", function()
    local told = assert(json.decode(report ".json"))
    assert.are.same({ 1, 40, 4, 41, 36, 4 }, { told.version, told.calls, told.failed_calls, told.requests,
      told.items.done, told.items.failed })
    assert.are.same({ ["201"] = 36, ["422"] = 4, ["429"] = 1 }, told.outcomes)
    assert.are.same({ 422, "stop", "rule" }, { told.failures[1].history[1].status, told.failures[1].history[1].verdict,
      told.failures[1].history[1].why })
    -- Rows that go to one URL were not to be told apart.
    assert.are.same({ "7", "17", "27", "37" }, { told.failures[1].item, told.failures[2].item, told.failures[3].item,
      told.failures[4].item })
    assert.is_truthy(told.slowest[1].item)
    local sum = 0
    for _, step in ipairs(told.steps) do
      for _, n in pairs(step) do sum = sum + n end
    end
    assert.equal(41, sum)
  end)

  -- The fields that HAR 1.2 demands.
  it("is HAR 1.2", function()
    local log = assert(json.decode(report ".har")).log
    assert.are.same({ "1.2", "lull", 41 }, { log.version, log.creator.name, #log.entries })
    for _, entry in ipairs(log.entries) do
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ$", entry.startedDateTime)
      for _, name in ipairs { "time", "request", "response", "cache", "timings" } do assert.is_truthy(entry[name]) end
      for _, name in ipairs { "method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize",
        "bodySize" } do assert.is_truthy(entry.request[name], name) end
      for _, name in ipairs { "status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL",
        "headersSize", "bodySize" } do assert.is_truthy(entry.response[name], name) end
      assert.is_true(entry.timings.send >= 0 and entry.timings.wait >= 0 and entry.timings.receive >= 0)
      assert.equal("token", entry.request.queryString[1].name)
    end
  end)

  it("is text that Prometheus reads", function()
    local metrics = report ".prom"
    assert.matches("\n# EOF\n$", metrics)
    assert.matches('\nlull_run_attempts{outcome="429"} 1\n', metrics)
    assert.matches('\nlull_run_items{state="done"} 36\n', metrics)
    for line in metrics:gmatch "[^\n]+" do
      assert.is_truthy(line:find "^# " or line:find "^[a-z_]+%b{} [%d.]+$" or line:find "^[a-z_]+ [%d.]+$", line)
    end
    if wire.run("command -v promtool").code == 0 then
      assert.equal(0, wire.run("promtool check metrics", metrics).code)
    end
  end)

  -- Whoever passes a report on passes no secret on.
  it("has no secret in it", function()
    local script = wire.write([[
      local lull = require "lull"
      local api = lull.client { base = "http://api.test", headers = { ["X-Api-Key"] = lull.secret "canarytwo" } }
      lull.each({ "1", "17" }, function(id)
        local url = "/" .. id .. "?access_token=canarythree&x=canarytwo"
        return api:post(url, { key = "canaryfour", body = "canaryfive" })
      end)]], ".lua")
    local world = wire.write(WORLD, ".lua")
    for _, ending in ipairs { ".html", ".json", ".har", ".prom" } do
      local path = wire.path(ending)
      assert.equal(0, lull(("--sim %s --report %s %s"):format(world, path, script)).code)
      assert.is_nil(assert(wire.read(path)):find "canary")
      assert.is_nil(report(ending, "-u me:canarysix -H 'Authorization: canaryseven'"):find "canary")
    end
  end)

  it("is of all runs, with a journal; and of a journal alone", function()
    local server = wire.server(WORLD)
    local journal, path, file = wire.path ".lull", wire.path ".html", rows(20)
    local command = ("put '%s/{id}?token=canary' --each %s --journal %s --results /dev/null --report %s --max-hint 1s "
      .. "--parallel 1"):format(server.url, file, journal, path)
    assert.equal(1, lull(command).code)
    local page = wire.read(path)
    assert.matches("<b>2</b><span>items failed</span>", page)
    assert.matches("<b>1</b><span>items for later</span>", page)
    assert.matches("<summary>17</summary><p>PUT http://127.0.0.1:%d+/17%?token=%*%*%*: 422 ", page)
    assert.matches("<td>later: 429</td><td>hint</td>", page) -- only what had failed was there
    assert.equal(1, lull(command).code)
    assert.matches("<b>2</b><span>items failed</span>", wire.read(path))
    local alone = wire.path ".html"
    assert.equal(0, lull(("report %s -o %s"):format(journal, alone)).code)
    assert.matches("<summary>17</summary><p>PUT http://127.0.0.1:%d+/17%?token=%*%*%*: 422 ", wire.read(alone))
    assert.matches("%(rule%)", wire.read(alone))
    assert.matches("A journal keeps no times of attempts", wire.read(alone))
    assert.is_nil(page:find "keeps no times")
    local told = wire.path ".json"
    lull(("report %s -o %s"):format(journal, told))
    assert.equal(2, json.decode(wire.read(told)).items.failed)
    -- The errors that a journal has kept were shown with what the run's own hid.
    assert.is_nil((page .. wire.read(alone) .. wire.read(told)):find "canary")
  end)

  -- Without a name it overwrote the journal's .html without a word: the report that the
  -- run itself had made.
  it("of a journal goes where no file is, and says where; or to standard output", function()
    local journal = wire.path ".lull"
    local script = wire.write('require("lull").each({ "a" }, function() end)', ".lua")
    assert.equal(0, lull(("--journal %s %s"):format(journal, script)).code)
    local page = journal:gsub("%.lull$", ".html")
    local result = lull("report " .. journal)
    assert.are.same({ 0, page .. "\n", "" }, { result.code, result.out, result.err })
    local before = wire.read(page)
    assert.matches("^<!DOCTYPE html>", before)
    result = lull("report " .. journal)
    assert.are.same({ 1, "", ("lull: '%s' is there already: to overwrite it name it with -o\n"):format(page) },
      { result.code, result.out, result.err })
    assert.are.same({ 0, before }, { lull(("report %s -o -"):format(journal)).code,
      lull(("report %s -o -"):format(journal)).out })
    assert.are.same({ 0, "" }, { lull(("report %s -o %s"):format(journal, page)).code,
      lull(("report %s -o %s"):format(journal, page)).out })
    for _, name in ipairs { "x.csv", "x.har", "x.prom", "x" } do
      result = lull(("report %s -o %s"):format(journal, name))
      assert.are.same({ 1, ("lull: '%s': a journal's report is a file .html or .json, or - for standard output\n")
        :format(name) }, { result.code, result.err })
    end
  end)

  it("says what is wrong", function()
    local result = lull "get http://127.0.0.1:1/ --report run.pdf"
    assert.are.same({ 2, "" }, { result.code, result.out })
    assert.matches("^lull: %-%-report 'run.pdf': a report is a file .html, .json, .har, or .prom %(OpenMetrics%);",
      result.err)
    result = lull "report /nowhere.lull -o /tmp/x.html"
    assert.are.same({ 1, "lull: /nowhere.lull: there is no such journal; a run with --journal makes one\n" },
      { result.code, result.err })
    local script = wire.write("return", ".lua")
    result = lull("--report /nowhere/x.html " .. script)
    assert.equal(1, result.code)
    assert.matches("^lull: cannot write to /nowhere/x.html: ", result.err)
  end)

  -- A hundred thousand failures are more than a browser likes.
  it("stays within 3 MB, and says what is left out", function()
    local failures = {}
    for i = 1, 100000 do
      local history = {}
      for n = 1, 5 do history[n] = { n = n, status = 503, took = 0.1, wait = 1, verdict = "retry" } end
      failures[i] = { method = "POST", url = "http://api.example.com/" .. i, outcome = "503", why = "attempts",
        attempts = 5, waited = 4, history = history }
    end
    local page = require("lull.report.html").page { title = "many", failures = failures, failure_count = 100000 }
    assert.is_true(#page < 3e6)
    assert.matches("%d+,%d+ more are not on this page", page)
  end)

  -- Where there is a browser: no error in its console, and a table sorts.
  it("works in a browser", function()
    if wire.run("command -v chromium").code ~= 0 then return end
    local page = report ".html"
    local path = wire.write(page:gsub("</body>", [[<script>
      document.querySelector("#failures th button").click();
      document.querySelector("#failures th button").click();
      document.title = [...document.querySelectorAll("#failures summary")].map(s => s.textContent.match(/\d+\?/)[0])
        .join(" ");
      </script></body>]]), ".html")
    -- The sanitizer's library is not for it.
    local result = wire.run(("env -u LD_PRELOAD timeout -k 5 120 chromium --headless=new --no-sandbox --disable-gpu "
      .. "--no-first-run --disable-background-networking --disable-component-update --disable-sync "
      .. "--user-data-dir=%s.profile --enable-logging=stderr --dump-dom file://%s"):format(path, path))
    assert.matches("<title>7%? 37%? 27%? 17%?</title>", result.out)
    assert.is_nil(result.err:find "CONSOLE", result.err)
  end)
end)
