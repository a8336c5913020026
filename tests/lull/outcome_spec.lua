-- What a call gives back: the response, the error, their history; and what is
-- told of them in traces and logs.
local support = require "tests.support"
local sim, replies, within = support.sim, support.replies, support.within

local URL = "http://api.test/"

local function has(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%q is not in %q"):format(part, tostring(text)), 2)
  end
end

local function hasnt(text, part)
  if tostring(text):find(part, 1, true) then
    error(("%q is in %q"):format(part, tostring(text)), 2)
  end
end

local function call(server, options, client)
  local res, err
  local t = sim(type(server) == "table" and replies(server) or server, function(lull)
    res, err = lull.client(client or { backoff = "const:1s,none" }):get(URL, options)
  end)
  return res, err, t
end

describe("a response", function()
  it("has every field that is promised", function()
    local res = call({ 503, { status = 201, headers = { { "X-A", "1" }, { "x-a", "2" }, { "ETag", '"e"' } },
      body = '{"a":1}', delay = 2 } }, { query = { q = 1 } })
    assert.are.equal(201, res.status)
    assert.are.equal('{"a":1}', res.body)
    assert.are.same({ a = 1 }, res:json())
    assert.are.equal("http://api.test/?q=1", res.url)
    assert.are.equal(2, res.attempts)
    assert.are.equal(3, res.elapsed)
    assert.are.equal(1, res.waited)
    assert.are.equal(2, #res.history)
    assert.are.equal("201 Created", tostring(res))
    -- What its metatable has is nobody's field.
    for _, name in ipairs { "__name", "__index", "__tostring" } do assert.is_nil(res[name]) end
    assert.is_nil(res.no_such_field)
  end)

  it("has headers without regard to case, repeated ones, and their order", function()
    local h = call({ { 200, { { "Set-Cookie", "a=1" }, { "X-Other", "" }, { "set-cookie", "b=2" } }, "" } }).headers
    assert.are.equal("a=1", h["SET-COOKIE"])
    assert.are.same({ "a=1", "b=2" }, h:all "Set-Cookie")
    assert.are.equal("", h["x-other"])
    assert.are.same({}, h:all "x-none")
    assert.is_nil(h["x-none"])
    assert.is_nil(h[1])
    local names = {}
    for name, value in h:each() do names[#names + 1] = name .. "=" .. value end
    assert.are.equal("Set-Cookie=a=1", names[1])
    assert.are.equal("set-cookie=b=2", names[3])
  end)

  it("a header may be called as a method is", function()
    local h = call({ { 200, { all = "yes", each = "1" }, "" } }).headers
    assert.are.same({ "yes" }, h:all "all")
    assert.are.equal("yes", h.All)
  end)

  it("has a body that is empty, or any bytes", function()
    assert.are.equal("", call({ 204 }).body)
    assert.are.equal("a\0b\255", call({ { 200, nil, "a\0b\255" } }).body)
  end)

  it("says what is wrong with JSON that is none", function()
    local value, problem = call({ { 200, nil, "<html>" } }):json()
    assert.is_nil(value)
    has(problem, "not JSON: ")
    value, problem = call({ 204 }):json()
    assert.is_nil(value)
    has(problem, "not JSON: ")
  end)

  it("does not make another id of a long one", function()
    local text = '{"id":9007199254740993,"small":9007199254740992,"x":-12345678901234567890}'
    local body = call({ { 200, nil, text } }):json()
    assert.are.equal("9007199254740993", body.id)
    assert.are.equal(2 ^ 53, body.small)
    assert.are.equal("-12345678901234567890", body.x)
  end)
end)

describe("an error", function()
  it("has every field that is promised", function()
    local _, err = call({ "reset", { 503, { ["x-a"] = "1" }, "sorry" }, "close" }, { attempts = 3 })
    assert.are.equal("net.empty", err.reason)
    assert.are.equal("attempts", err.why)
    assert.are.equal(3, err.attempts)
    assert.are.equal(2, err.waited)
    assert.are.equal(2, err.elapsed)
    assert.are.equal("GET", err.method)
    assert.are.equal("http://api.test/", err.url)
    assert.are.equal("http://api.test", err.lane)
    assert.are.equal(503, err.response.status) -- the last real one
    assert.are.equal("sorry", err.response.body)
    assert.are.equal("1", err.response.headers["X-A"])
    assert.is_nil(err.retry_after)
    assert.are.equal(3, #err.history)
    assert.are.equal(tostring(err), err.message)
    assert.is_nil(err.no_such_field)
  end)

  it("is one sentence: what, how often, how long, and why it ended", function()
    local function text(server, options) return tostring((select(2, call(server, options)))) end
    local down = function() return 503 end
    assert.are.equal("GET http://api.test/: 503 Service Unavailable after 5 attempts in 4s: attempts used up",
      text(down))
    assert.are.equal("GET http://api.test/: 404 Not Found after 1 attempt in 0s: not to be retried", text { 404 })
    assert.are.equal("GET http://api.test/: the connection was reset (net.reset) after 2 attempts in 1s: "
      .. "attempts used up", text({ "reset", "reset" }, { attempts = 2 }))
    assert.are.equal("GET http://api.test/: no answer in time (net.timeout.read) after 1 attempt in 2.5s: "
      .. "the deadline leaves no time", text({ "hang" }, { deadline = 2.5 }))
    assert.are.equal("GET http://api.test/: 503 Service Unavailable after 1 attempt in 0s: the server asks for a "
      .. "longer wait than allowed (1h 0m); run it again after that, or raise max_hint",
      text { { 503, { ["retry-after"] = 3600 } } })
    assert.are.equal("GET http://api.test/: 599 after 1 attempt in 0s: not to be retried",
      text({ 599 }, { on = { [599] = "stop" } }))
    assert.are.equal("GET http://api.test/: 503 Service Unavailable after 8 attempts in 2m 41s: attempts used up",
      text(down, { attempts = 8, backoff = "const:23s,none" }))
  end)

  it("names an unsafe end", function()
    local err
    sim(function() return "close" end, function(lull) err = select(2, lull.post(URL)) end)
    assert.are.equal("POST http://api.test/: the connection closed without an answer (net.empty) after 1 attempt "
      .. "in 0s: sending it again might do it twice; a key makes it safe: key = true, or --key", tostring(err))
  end)

  it("can be raised and caught again as it is", function()
    sim(replies { 404 }, function(lull)
      local fine, err = lull.try(function()
        local res, problem = lull.get(URL)
        if not res then error(problem) end
      end)
      assert.is_false(fine)
      assert.are.equal(404, err.reason)
    end)
  end)

  it("ends a script with its own sentence", function()
    local t = sim(replies { 404 }, function(lull)
      local _, err = lull.get(URL)
      error(err)
    end, { may_fail = true })
    assert.are.equal("GET http://api.test/: 404 Not Found after 1 attempt in 0s: not to be retried", tostring(t.err))
  end)

  it("keeps no more than a part of a long body while it waits", function()
    local _, err = call({ { 503, nil, ("x"):rep(100000) }, "reset" }, { attempts = 2 })
    assert.are.equal(503, err.response.status)
    assert.is_true(#err.response.body >= 1000 and #err.response.body <= 100000)
    _, err = call({ { 404, nil, ("x"):rep(100000) } })
    assert.are.equal(100000, #err.response.body)
  end)
end)

describe("the history", function()
  it("has an entry for each request: outcome, verdict, wait, why and more", function()
    local _, err = call({ { status = 408, delay = 2 }, { 429, { ["retry-after"] = "10" } }, "close", 404 })
    local h = err.history
    local brief = {}
    for i, e in ipairs(h) do brief[i] = ("%d %s %s %s"):format(e.n, e.outcome, e.verdict, e.why or "-") end
    assert.are.same({ "1 408 retry -", "2 429 retry -", "3 net.empty retry -", "4 404 stop rule" }, brief)
    assert.are.equal(408, h[1].status)
    assert.is_nil(h[1].class)
    assert.are.equal("net.empty", h[3].class)
    assert.is_nil(h[3].status)
    assert.are.equal(0, h[1].at)
    assert.are.equal(2, h[1].took)
    assert.are.equal(1, h[1].wait)
    assert.are.equal("backoff", h[1].source)
    assert.are.equal(3, h[2].at)
    assert.are.equal("hint", h[2].source)
    assert.are.equal("retry-after", h[2].hint)
    assert.are.equal(10, h[2].hint_seconds)
    assert.is_true(within(h[2].wait, 10, 11))
    assert.is_false(h[2].maybe_applied)
    assert.is_true(h[3].maybe_applied)
    assert.is_true(h[3].sent)
    assert.are.equal(0, h[4].wait)
    assert.are.equal(h, err.history)
  end)

  it("tells that a function was asked", function()
    local res = call({ 503, 200 }, { on = { [503] = function(attempt) return attempt:retry(3) end } })
    assert.is_true(res.history[1].asked)
    assert.are.equal("rule", res.history[1].source)
    assert.is_nil(res.history[2].asked)
  end)
end)

describe("a secret", function()
  local lull = support.fresh()

  it("is shown as three stars, and joined to a text it stays one", function()
    local s = lull.secret "hush"
    assert.are.equal("***", tostring(s))
    assert.are.equal("***", tostring("Bearer " .. s))
    assert.are.equal("Bearer hush!", (("Bearer " .. s) .. "!"):reveal())
    assert.are.equal("hush", s:reveal())
    assert.are.equal(s, lull.secret(s))
    for _, value in pairs(s) do error(value) end
    assert.is_false(pcall(lull.secret, 5))
  end)

  it("is found also percent-encoded, and within a longer one", function()
    local redact = require("lull.secret").redact
    local kept = { lull.secret "in/ner", lull.secret "outer in/ner tail" }
    assert.are.equal("x *** y *** z", redact("x in/ner y in%2Fner z"))
    -- The shorter one went first, and left "outer *** tail".
    assert.are.equal("<***>", redact("<outer in/ner tail>"))
    assert.are.equal(2, #kept)
  end)

  it("is hidden in a client's name, and in a URL that is none", function()
    local api = lull.client { base = "http://user:pass@api.test" }
    assert.are.equal("lull.client http://api.test", tostring(api))
    local _, err = pcall(lull.get, "user:pass@api.test/a")
    hasnt(err, "pass")
  end)

  -- The user and password of URLs were looked for from every letter anew: a
  -- text of 100 kB took a minute, and a long URL held up its error message.
  it("is looked for in a long text at once", function()
    local redact = require("lull.secret").redact
    local long = ("x"):rep(4 * 2 ^ 20)
    local began = os.clock()
    assert.are.equal(long .. " http://a.test/?" .. long, redact(long .. " http://u:p@a.test/?" .. long))
    assert.is_true(os.clock() - began < 2)
  end)

  -- What was sent only once was forgotten before the error was printed.
  it("is hidden in an error also when the script has dropped it", function()
    sim(function() return 404 end, function(fresh)
      local _, err = fresh.get(URL, { query = { token = fresh.secret "dropped soon" } })
      collectgarbage()
      collectgarbage()
      hasnt(err, "dropped")
      hasnt(err.url, "dropped")
      has(err, "token=***")
    end)
  end)

  it("never comes with an error: headers, query, userinfo, a rule's words", function()
    sim(function() return 403 end, function(fresh)
      local key = fresh.secret "k3y"
      local _, err = fresh.get("http://user:pa55@api.test/x", { query = { key = key },
        headers = { Authorization = "Bearer t0ken", ["X-Api-Key"] = key },
        on = { [403] = function(attempt) return attempt:stop("refused with k3y") end } })
      for _, hidden in ipairs { "k3y", "pa55", "t0ken" } do
        hasnt(err, hidden)
        hasnt(err.message, hidden)
        hasnt(err.url, hidden)
      end
    end)
  end)

  it("goes out as it is: in headers, query, form and JSON", function()
    local t = sim(function() return 200 end, function(fresh)
      local s = fresh.secret "s&s"
      assert(fresh.post(URL, { form = { a = s, b = { s } }, headers = { h = s } }))
      assert(fresh.post(URL, { json = { a = s, b = { s } }, query = { q = s } }))
    end)
    assert.are.equal("a=s%26s&b=s%26s", t.requests[1].body)
    assert.are.equal("s&s", t.requests[1].headers.h)
    local body = require("cjson").decode(t.requests[2].body)
    assert.are.same({ a = "s&s", b = { "s&s" } }, body)
    assert.are.equal("s&s", t.requests[2].query.q)
  end)
end)

describe("the trace", function()
  -- A file that is a list of what was written.
  local function sink()
    local file = { text = "" }
    function file:write(...) self.text = self.text .. table.concat { ... } end
    function file.flush() end
    return file
  end

  local function traced(servers, fn)
    local trace, log = sink(), sink()
    sim(servers, function(lull)
      require("lull.trace").install(trace, function(line) log:write(line) end)
      fn(lull)
    end)
    return trace.text, log.text
  end

  local function scenario(lull)
    local api = lull.client { base = "http://user:pa55@api.test", backoff = "const:2s,none",
      headers = { authorization = lull.secret "t0ken" } }
    assert(api:get("/a", { query = { key = lull.secret "k3y" } }))
    api:post("/b", { body = "x" })
  end

  local SERVER = function() return replies { 503, { 429, { ["retry-after"] = "0" } }, 200, "close" } end

  it("has one line a verdict, and no secrets", function()
    local trace = traced(SERVER(), scenario)
    local lines = {}
    for text in trace:gmatch("[^\n]+") do lines[#lines + 1] = text end
    assert.are.equal(4, #lines)
    has(lines[1], "0.000  #1 GET http://api.test/a?key=***  attempt 1 of 5: 503 Service Unavailable "
      .. "-> retry in 2s (backoff)")
    has(lines[2], "2.000  #1 GET")
    has(lines[2], "attempt 2 of 5: 429 Too Many Requests -> retry in 2s (backoff)")
    has(lines[3], "attempt 3 of 5: 200 OK -> accept")
    has(lines[4], "#2 POST http://api.test/b  attempt 1 of 5: net.empty -> stop: unsafe")
    for _, hidden in ipairs { "pa55", "t0ken", "k3y" } do hasnt(trace, hidden) end
  end)

  it("has the same as JSON lines in the log", function()
    local _, log = traced(SERVER(), scenario)
    local cjson = require "cjson"
    local records = {}
    for text in log:gmatch("[^\n]+") do records[#records + 1] = cjson.decode(text) end
    assert.are.equal(4, #records)
    for _, hidden in ipairs { "pa55", "t0ken", "k3y" } do hasnt(log, hidden) end
    local first, last = records[1], records[4]
    assert.are.equal(0, first.time)
    assert.are.equal(1, first.call)
    assert.are.equal("GET", first.method)
    assert.are.equal("http://api.test/a?key=***", first.url)
    assert.are.equal(1, first.attempt)
    assert.are.equal(5, first.attempts)
    assert.are.equal(503, first.status)
    assert.are.equal("retry", first.verdict)
    assert.are.equal(2, first.wait)
    assert.are.equal("backoff", first.source)
    assert.are.equal("http://user:pa55@api.test", (first.lane:gsub("//api", "//user:pa55@api")))
    assert.are.equal(2, last.call)
    assert.are.equal("net.empty", last.class)
    assert.is_nil(last.status)
    assert.are.equal("stop", last.verdict)
    assert.are.equal("unsafe", last.why)
    assert.is_true(last.maybe_applied)
    assert.is_nil(last.wait)
  end)

  it("tells of redirects, of a cancelled call and of a rule's part", function()
    local trace = traced(function(request)
      if request.path == "/hang" then return "hang" end
      if request.path == "/from" then return 302, { location = "/to" } end
      return 404
    end, function(lull)
      lull.get(URL .. "from", { on = { [404] = function(attempt) return attempt:accept() end } })
      local task = lull.spawn(lull.get, URL .. "hang")
      lull.sleep(1)
      task:cancel()
    end)
    has(trace, "attempt 1 of 5: 302 Found -> follow")
    has(trace, "GET http://api.test/to  attempt 1 of 5: 404 Not Found -> accept")
    has(trace, "[rule 404]")
    has(trace, "GET http://api.test/hang  attempt 1 of 5: cancelled -> stop: cancelled")
  end)

  -- A dot instead of a colon was an error at a line of lull's own.
  it("says so when a method is called with a dot", function()
    support.sim(function() return 503, {}, "{}" end, function(lull)
      local res = lull.get("http://api.test/", { on = { [503] = function(attempt)
        for _, method in ipairs { "accept", "retry", "stop", "json" } do
          local ok, err = pcall(function() attempt[method]() end)
          assert.is_false(ok)
          assert.is_truthy(err:find("outcome_spec.lua:%d+: call an attempt's methods with a colon"), err)
        end
        return attempt:accept()
      end } })
      local ok, err = pcall(function() res.json() end)
      assert.is_false(ok)
      assert.is_truthy(err:find("outcome_spec.lua:%d+: call a response's methods with a colon"), err)
      ok, err = pcall(function() res.headers.all("x") end)
      assert.is_false(ok)
      assert.is_truthy(err:find("headers:all(name)", 1, true), err)
    end)
  end)

end)
