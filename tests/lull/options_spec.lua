-- Options: what a client and a call may be told, and what is said to a wrong
-- one.
local support = require "tests.support"
local sim, line = support.sim, support.line

local unpack = table.unpack or unpack -- luacheck: ignore
local URL = "http://api.test/"
local INF = math.huge

local function ok() return 200 end

local function has(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%q is not in %q"):format(part, tostring(text)), 2)
  end
end

local lull = support.fresh()

-- What the client made of its options.
local function limits(options) return lull.client(options).core:limits() end

-- The least, mean and most seconds before retry n.
local function waits(backoff, n)
  return { lull.client({ backoff = backoff }).core:wait(n) }
end

-- A client with such options is refused at this line, with these words.
local function refused(options, words)
  local place, fine, err = line(1), pcall(function()
    lull.client(options) end)
  assert.is_false(fine)
  if err ~= place .. words then
    error(("%q is not %q"):format(tostring(err), place .. words), 2)
  end
end

-- A call with such options is refused at this line, and nothing was sent.
local function call_refused(options, words, method, url)
  local t = sim(ok, function(fresh)
    local place, fine, err = line(1), fresh.try(function()
      fresh.request(method or "POST", url or URL, options) end)
    assert.is_false(fine)
    if err:sub(1, #place + #words) ~= place .. words then
      error(("%q is not %q"):format(err, place .. words), 0)
    end
  end)
  assert.are.equal(0, #t.requests)
  assert.are.equal(0, t.live)
end

-- The request that a call with such options sends.
local function sent(client, target, options, method)
  local request
  sim(function(r) request = r; return 200 end, function(fresh)
    assert.are.equal(200, fresh.client(client):request(method or "GET", target, options).status)
  end)
  return request
end

describe("a wrong option", function()
  it("is told with the nearest right name, at the caller's line", function()
    refused({ attemps = 3 }, "unknown option 'attemps' (did you mean 'attempts'?)")
    refused({ timout = 3 }, "unknown option 'timout' (did you mean 'timeout'?)")
    refused({ Timeout = 3 }, "unknown option 'Timeout' (did you mean 'timeout'?)")
    refused({ haeders = {} }, "unknown option 'haeders' (did you mean 'headers'?)")
    refused({ something_else = 3 }, "unknown option 'something_else'")
    refused({ "x" }, "unknown option '1'")
    refused({ json = {} }, "unknown option 'json'")
    call_refused({ jsn = {} }, "unknown option 'jsn' (did you mean 'json'?)")
    call_refused({ outptu = "x" }, "unknown option 'outptu' (did you mean 'output'?)")
  end)

  it("is told wherever it stands: in with, in a call, on the module", function()
    local api = lull.client { base = "http://api.test" }
    local place, fine, err = line(1), pcall(function()
      api:with { retries = 3 } end)
    assert.is_false(fine)
    assert.are.equal(place .. "unknown option 'retries'", err)
    place, fine, err = line(1), pcall(function()
      api:get("/", { bidy = "x" }) end)
    assert.is_false(fine)
    assert.are.equal(place .. "unknown option 'bidy' (did you mean 'body'?)", err)
    place, fine, err = line(1), pcall(function()
      lull.get(URL, 5) end)
    assert.is_false(fine)
    assert.are.equal(place .. "a call's options must be a table, not a number", err)
    place, fine, err = line(1), pcall(function()
      return lull.put(URL, { body = "x", json = {} }) end)
    assert.is_false(fine)
    -- A tail call leaves no line of its own: the next one is told.
    has(err, place:match("^[^:]+:"))
    has(err, "a request has one body, not both body and json")
  end)

  it("has the wrong type", function()
    refused({ base = 5 }, "base must be a string, not a number")
    refused({ backoff = { jitter = { factor = 1 } } }, "backoff.jitter.factor must be a table, not a number")
    refused({ limit = { [true] = "1/s" } },
      "limit: a key is 'parallel', 'burst', a path, a method and a path, or the name of what calls weigh")
    -- What is no secret of this lull was taken for an empty list, and not sent.
    refused({ headers = { a = setmetatable({}, {}) } }, "headers['a'] must be a string, a secret or a list of them")
    refused({ headers = { a = { b = "c" } } }, "headers['a'] must be a string, a secret or a list of them")
    -- What was behind a hole was not sent, without a word.
    refused({ headers = { a = { "b", nil, "d" } } }, "headers['a'][2] is nil: a list has no holes")
    refused({ headers = { a = { "b", c = "d" } } }, "headers['a'] must be a string, a secret or a list of them")
    refused({ preset = 5 }, "preset must be a string or table, not a number")
    refused({ on = "retry" }, "on must be a table, not a string")
    refused({ headers = "x" }, "headers must be a table, not a string")
    refused({ query = 5 }, "query must be a table or string, not a number")
    refused({ lane = 5 }, "lane must be a string or function, not a number")
    refused({ key = 5 }, "key must be a string or boolean, not a number")
    refused({ insecure = "yes" }, "insecure must be a boolean, not a string")
    refused({ unsafe = 1 }, "unsafe must be a boolean, not a number")
    refused({ pace = 1 }, "pace must be a boolean, not a number")
    refused({ slow_start = 1 }, "slow_start must be a boolean, not a number")
    refused({ ca = true }, "ca must be a string, not a boolean")
    refused({ proxy = 1 }, "proxy must be a string or boolean, not a number")
    refused({ budget = 5 }, "budget must be a table or boolean, not a number")
    refused({ breaker = true }, "breaker must be a table, not a boolean")
    refused({ backoff = 5 }, "backoff must be a table, not a number")
    refused({ attempts = "many" }, "attempts: 'many' is no whole number of at least 1")
    call_refused({ form = "a=1" }, "form must be a table, not a string")
    call_refused({ file = 5 }, "file must be a string, not a number")
    call_refused({ output = 5 }, "output must be a string, not a number")
    call_refused({ body = 5 }, "body must be a string or table or function, not a number")
    local place, fine, err = line(1), pcall(function()
      lull.client(5) end)
    assert.is_false(fine)
    assert.are.equal(place .. "a client's options must be a table, not a number", err)
  end)
end)

describe("attempts", function()
  it("is a whole number from 1", function()
    assert.are.equal(5, limits({}).attempts)
    assert.are.equal(1, limits({ attempts = 1 }).attempts)
    assert.are.equal(7, limits({ attempts = "7" }).attempts)
    for _, bad in ipairs { 0, -1, 1.5, "x", "1.5", INF } do
      refused({ attempts = bad }, ("attempts: '%s' is no whole number of at least 1"):format(tostring(bad)))
    end
  end)

  -- 2^32 attempts came out as none.
  it("may be more than the core can count", function()
    assert.are.equal(2 ^ 31 - 1, limits({ attempts = 2 ^ 32 }).attempts)
    assert.are.equal(2 ^ 31 - 1, limits({ attempts = 1e300 }).attempts)
  end)
end)

describe("a duration", function()
  it("is a number of seconds or a text with units", function()
    for text, seconds in pairs { ["250ms"] = 0.25, ["2s"] = 2, ["10m"] = 600, ["1h"] = 3600, ["1.5s"] = 1.5,
      ["1h30m"] = 5400, ["2d"] = 172800, ["5min"] = 300, ["0"] = 0, ["7"] = 7, ["100us"] = 1e-4 } do
      assert.are.equal(seconds, limits({ deadline = text }).deadline)
    end
    assert.are.equal(0.5, limits({ deadline = 0.5 }).deadline)
    assert.are.equal(limits({}).deadline, limits({ deadline = INF }).deadline)
    assert.are.equal(300, limits({}).max_hint)
    assert.are.equal(60, limits({ max_hint = "1m" }).max_hint)
  end)

  it("is nothing else", function()
    for _, bad in ipairs { "", " ", "soon", "5x", "-1s", "1e3s", "1s 2", "s", "1.s.", ".5s", -1, "inf", "nan",
      "0x10", "1,5s", "5 s", true } do
      refused({ deadline = bad }, ("deadline: '%s' is no duration; it is a number of seconds, or a text "
        .. 'such as "250ms", "2s", "10m", "1h"'):format(tostring(bad)))
    end
    assert.is_false(pcall(lull.client, { deadline = 0 / 0 }))
  end)
end)

describe("stall", function()
  it("is a duration longer than none, and leaves no default of a timeout", function()
    assert.are.equal(math.huge, limits({}).stall)
    assert.are.equal(30, lull.client({}).core:limits(true).stall)
    assert.are.same({ math.huge }, lull.client({}).core:limits(true).timeout)
    assert.are.same({ 10, { math.huge } }, { limits({ stall = "10s" }).stall, limits({ stall = "10s" }).timeout })
    assert.are.same({ 5 }, limits({ stall = "10s", timeout = 5 }).timeout)
    assert.are.equal(math.huge, lull.client({ timeout = 5 }).core:limits(true).stall)
    refused({ stall = 0 }, "stall: it is longer than 0; math.huge is for ever")
    call_refused({ stall = "x" }, "stall: 'x' is no duration")
    call_refused({ stall = "0s" }, "stall: it is longer than 0")
  end)
end)

describe("timeout", function()
  it("is one duration, or one for each attempt", function()
    assert.are.same({ 30 }, limits({}).timeout)
    assert.are.same({ 0.5 }, limits({ timeout = "500ms" }).timeout)
    assert.are.same({ 2, 5, 10 }, limits({ timeout = { 2, "5s", 10 } }).timeout)
  end)

  it("is a list of one to eight", function()
    assert.are.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, limits({ timeout = { 1, 2, 3, 4, 5, 6, 7, 8 } }).timeout)
    for _, none in ipairs { {}, { foo = 1 } } do
      refused({ timeout = none }, "timeout: a table is a list of durations, and this one has none")
    end
    refused({ timeout = { 1, 2, 3, 4, 5, 6, 7, 8, 9 } }, "timeout: at most 8 timeouts")
    refused({ timeout = { 1, "x" } }, "timeout: 'x' is no duration; it is a number of seconds, or a text "
      .. 'such as "250ms", "2s", "10m", "1h"')
    -- Told by the core, and not at the caller's line.
    call_refused({ timeout = { 1, 2, 3, 4, 5, 6, 7, 8, 9 } }, "timeout: at most 8 timeouts")
  end)
end)

describe("a size", function()
  it("is a number of bytes or a text with a unit", function()
    assert.are.equal(64 * 2 ^ 20, limits({}).max_body)
    for text, bytes in pairs { ["100"] = 100, ["1k"] = 1024, ["2KiB"] = 2048, ["3MB"] = 3 * 2 ^ 20, ["1 GiB"] = 2 ^ 30,
      ["0"] = 0 } do
      assert.are.equal(bytes, limits({ max_body = text }).max_body)
    end
    assert.are.equal(5000, limits({ max_headers = 5000 }).max_headers)
  end)

  it("is nothing else", function()
    for _, bad in ipairs { "big", -1, "1.5k", 1.5, "1t", "" } do
      refused({ max_body = bad }, ("max_body: '%s' is no whole number of at least 0"):format(tostring(bad)))
    end
  end)
end)

describe("backoff", function()
  it("is a table of kind, base, factor, cap and jitter", function()
    assert.are.same({ 0, 0.5, 1 }, waits(nil, 1))
    assert.are.same({ 0, 30, 60 }, waits(nil, 1100))
    assert.are.same({ 3, 3, 3 }, waits({ kind = "constant", base = 3, jitter = "none" }, 5))
    assert.are.same({ 6, 6, 6 }, waits({ kind = "linear", base = "2s", jitter = "none" }, 3))
    assert.are.same({ 18, 18, 18 }, waits({ base = 2, factor = 3, jitter = "none" }, 3))
    assert.are.same({ 4, 4, 4 }, waits({ base = 2, factor = 3, cap = 4, jitter = "none" }, 3))
    assert.are.same({ 2, 3, 4 }, waits({ base = 4, jitter = "equal" }, 1))
    assert.are.same({ 2, 6.5, 11 }, waits({ base = 1, jitter = { 1, 10 } }, 1))
    assert.are.same({ 3, 3.5, 4 }, waits({ base = 4, jitter = { factor = { 0.75, 1 } } }, 1))
  end)

  it("is a text", function()
    assert.are.same(waits({ base = 1, cap = 30, jitter = "full" }, 7), waits("exp:1s..30s,full", 7))
    assert.are.same(waits({ base = 2, jitter = "none" }, 3), waits("exp:2s,none", 3))
    assert.are.same(waits({ base = 2, cap = 4, jitter = "none" }, 3), waits("exponential:2s..4s,none", 3))
    assert.are.same(waits({ kind = "linear", base = 2, jitter = "equal" }, 3), waits("linear:2s,equal", 3))
    assert.are.same({ 6, 6.5, 7 }, waits("const:5s,1s-2s", 3))
    assert.are.same({ 0.25, 0.25, 0.25 }, waits("constant:250ms,none", 3))
  end)

  it("is nothing else", function()
    for _, bad in ipairs { "", "exp", "exp:", "5s", "quadratic:1s", "exp 1s" } do
      local fine, err = pcall(lull.client, { backoff = bad })
      assert.is_false(fine, bad)
      has(err, "backoff")
    end
    refused({ backoff = "expo:1s" }, "backoff: 'expo:1s' is no backoff; it is a table, or a text such as "
      .. '"exp:1s..60s,full", "linear:2s", "const:5s,1s-2s"')
    refused({ backoff = "exp:1s..60s,ful" },
      "backoff.jitter: 'ful' is none of decorrelated, equal, full, none (did you mean 'full'?)")
    refused({ backoff = { kind = "exp" } }, "backoff.kind: 'exp' is none of constant, exponential, linear")
    refused({ backoff = { bse = 1 } }, "unknown field of backoff 'bse' (did you mean 'base'?)")
    refused({ backoff = { base = -1 } }, "backoff.base: '-1' is no duration; it is a number of seconds, or a text "
      .. 'such as "250ms", "2s", "10m", "1h"')
    refused({ backoff = { factor = "2" } }, "backoff.factor must be a number, not a string")
    refused({ backoff = { factor = 0 } }, "backoff.factor must be above 0")
    refused({ backoff = { jitter = { 5, 1 } } }, "backoff.jitter: the range ends before it begins")
    refused({ on = { [503] = { "retry", backoff = { cpa = 1 } } } },
      "unknown field of on[503].backoff 'cpa' (did you mean 'cap'?)")
  end)
end)

describe("limit", function()
  local function lane_of(limit)
    local state
    sim(ok, function(fresh)
      fresh.client({ limit = limit }):get(URL)
      state = fresh.lanes()["http://api.test"]
    end)
    return state
  end

  -- How long `n` calls at once take with such limits.
  local function takes(n, limit, method, path)
    return sim(ok, function(fresh)
      local api = fresh.client { base = "http://api.test", limit = limit, pace = false }
      local list = {}
      for i = 1, n do list[i] = i end
      fresh.each(list, { parallel = n }, function() assert(api:request(method or "GET", path or "/")) end)
    end).now
  end

  it("is a rate, a list of rates, a parallelism, or all of them", function()
    assert.are.equal(0.9, takes(10, "10/s"))
    assert.are.equal(1, takes(11, "10/s"))
    assert.are.equal(900, takes(13, { "12/15m" }))
    assert.are.equal(60, takes(5, { "4/s", "4/1m", parallel = 2 }))
    assert.are.equal(2, lane_of({ parallel = 2 }).parallel)
    assert.are.equal(0.5, takes(3, "2/500ms"))
  end)

  -- Ten went in the first millisecond, and a leaky bucket refused nine of them. A
  -- window of minutes is spread over two seconds of it, or a few calls would take it.
  it("spreads what a window allows", function()
    assert.are.equal(4.95, takes(100, "20/s"))
    assert.are.equal(1.5, takes(4, "4/2s"))
    assert.are.near(2 * 499 / 500, takes(500, "500/1m"), 0.001)
    assert.are.near(2 * 9 / 10, takes(10, "10/h"), 0.001)
    assert.are.near(29 / 30, takes(30, "30/s"), 0.001)
    assert.are.near(29999 / 30000, takes(30000, "30000/s"), 0.001)
  end)

  it("lets as many go at once as `burst` says, and then the others evenly", function()
    assert.are.equal(0, takes(10, "10/s burst 10"))
    assert.are.equal(0, takes(10, "10/s burst"))
    assert.are.equal(0, takes(10, { "10/s", burst = true }))
    assert.are.equal(0.5, takes(10, { "10/s", burst = 5 }))
    assert.are.equal(0.5, takes(10, "10/s burst 5"))
    assert.are.equal(0, takes(10, { "10/s burst 10", "20/1m", burst = 10 }))
    assert.are.near(25, takes(300, "600/1m burst 50"), 0.001)
    assert.are.equal(6, takes(2, "10/1m burst 1"))
    assert.are.equal(9, takes(10, { "10/s", burst = 10, ["/*"] = "60/1m burst 1" }))
    assert.are.equal(0, takes(5, { ["/*"] = "5/1m burst" }))
  end)

  it("may be of a route, with or without a method", function()
    assert.are.equal(60, takes(3, { ["POST /login/*"] = "2/m" }, "POST", "/login/now"))
    assert.are.equal(0, takes(3, { ["POST /login/*"] = "2/m" }, "GET", "/login/now"))
    assert.are.equal(0, takes(3, { ["POST /login/*"] = "2/m" }, "POST", "/other"))
    assert.are.equal(60, takes(3, { ["/login/*"] = { "2/m", "9/s" } }, "PUT", "/login/now"))
  end)

  it("is nothing else", function()
    local NO_RATE = ' is no rate; it is a text such as "10/s", "80/1m", "12/15m"'
    for _, bad in ipairs { "fast", "10", "10/", "/s", "0/s", "-1/s", "1.5/s", "10/x", "10/0s", 10 } do
      local fine, err = pcall(lull.client, { limit = bad })
      assert.is_false(fine, bad)
      has(err, ("limit: '%s'" .. NO_RATE):format(tostring(bad)))
    end
    refused({ limit = { "1/s", burst = 0 } }, "limit.burst: '0' is no whole number of at least 1")
    refused({ limit = { "1/s", burst = "all" } }, "limit.burst: 'all' is no whole number of at least 1")
    refused({ limit = "3/s burst 0" }, "limit's burst: '0' is no whole number of at least 1")
    refused({ limit = "burst 3" }, "limit: 'burst 3'" .. NO_RATE)
    refused({ limit = "3/s burst 1.5" }, "limit: '3/s burst 1.5'" .. NO_RATE)
    refused({ limit = { brst = 3 } }, "unknown field of limit 'brst' (did you mean 'burst'?)")
    refused({ limit = { paralel = 3 } }, "unknown field of limit 'paralel' (did you mean 'parallel'?)")
    refused({ limit = { parallel = 0 } }, "limit.parallel: '0' is no whole number of at least 1")
    refused({ limit = { ["POST login"] = "1/s" } }, "unknown field of limit 'POST login'")
  end)

  it("says so when there are more rates than a lane can hold", function()
    local many = {}
    for i = 1, 50 do many[i] = i .. "/s" end
    local fine, err = pcall(lull.client, { limit = many })
    assert.is_false(fine)
    has(err, "options_spec.lua:")
    has(err, "a lane has at most ")
  end)
end)

describe("budget and breaker", function()
  it("take their own fields", function()
    lull.client { budget = false, breaker = false }
    lull.client { budget = true }
    lull.client { budget = { capacity = 500, cost = 14, refund = 1 } }
    lull.client { breaker = { failures = "50%", window = "30s", least = 20, open = "15s" } }
    lull.client { breaker = { failures = 0.5 } }
    refused({ budget = { capasity = 5 } }, "unknown field of budget 'capasity' (did you mean 'capacity'?)")
    refused({ budget = { cost = "5" } }, "budget.cost must be a number, not a string")
    refused({ budget = { cost = -1 } }, "budget.cost is out of range")
    refused({ breaker = { lest = 5 } }, "unknown field of breaker 'lest' (did you mean 'least'?)")
    refused({ breaker = { failures = 50 } }, 'breaker.failures is a share from 0 to 1, or a text such as "50%"')
    refused({ breaker = { failures = "500%" } }, 'breaker.failures is a share from 0 to 1, or a text such as "50%"')
  end)
end)

describe("on", function()
  it("refuses keys that mean nothing, with the nearest right one", function()
    refused({ on = { ["net.timeot"] = "stop" } }, "unknown outcome 'net.timeot' (did you mean 'net.timeout'?)")
    refused({ on = { [600] = "stop" } }, "unknown outcome '600'")
    refused({ on = { [99] = "stop" } }, "unknown outcome '99'")
    refused({ on = { ["504-502"] = "stop" } }, "unknown outcome '504-502'")
    refused({ on = { ["6xx"] = "stop" } }, "unknown outcome '6xx' (did you mean '4xx'?)")
    refused({ on = { ["429|"] = "stop" } }, "unknown outcome '429|'")
    refused({ on = { [""] = "stop" } }, "unknown outcome ''")
    refused({ on = { [true] = "stop" } }, "on: a key is a status or the name of an outcome")
    call_refused({ on = { ["net.dsn"] = "stop" } }, "unknown outcome 'net.dsn' (did you mean 'net.dns'?)")
  end)

  it("refuses rules that mean nothing", function()
    refused({ on = { [404] = "acept" } }, "on[404]: 'acept' is none of accept, retry, stop (did you mean 'accept'?)")
    refused({ on = { [404] = 5 } }, "on[404] must be a string or table or function, not a number")
    refused({ on = { [404] = { "retry", atempts = 3 } } },
      "unknown field of on[404] 'atempts' (did you mean 'attempts'?)")
    refused({ on = { [404] = { "retry", "stop" } } }, "unknown field of on[404] '2'")
    refused({ on = { [404] = { attempts = 0 } } }, "on[404].attempts: '0' is no whole number of at least 1")
    refused({ on = { [404] = { timeout = "x" } } }, "on[404].timeout: 'x' is no duration; it is a number of seconds, "
      .. 'or a text such as "250ms", "2s", "10m", "1h"')
    -- A text such as "no" was taken for yes.
    refused({ on = { [404] = { pause = "no" } } }, "on[404].pause must be a boolean, not a string")
    refused({ on = { [404] = { unsafe = "no" } } }, "on[404].unsafe must be a boolean, not a string")
  end)
end)

describe("preset", function()
  it("is a name, a table, or a name of one's own", function()
    assert.are.equal(8, limits({ preset = "copyleaks" }).attempts)
    assert.are.equal(3, limits({ preset = { attempts = 3 } }).attempts)
    local fresh = support.fresh()
    fresh.preset.mine = { attempts = 9 }
    assert.are.equal(9, fresh.client({ preset = "mine" }).core:limits().attempts)
  end)

  it("lies below the options beside it", function()
    assert.are.equal(2, limits({ preset = "copyleaks", attempts = 2 }).attempts)
  end)

  it("is checked as a client's options are", function()
    refused({ preset = "copyleeks" }, "unknown preset 'copyleeks' (did you mean 'copyleaks'?)")
    refused({ preset = { atempts = 3 } }, "unknown option 'atempts' (did you mean 'attempts'?)")
  end)
end)

describe("headers", function()
  it("reach the server: texts, numbers, lists, secrets, none for false", function()
    local r = sent({ headers = { ["X-Client"] = "c", ["x-off"] = "seen" } }, URL,
      { headers = { A = "text", B = 5, C = { "1", "2" }, ["X-Off"] = false } })
    assert.are.equal("text", r.headers.a)
    assert.are.equal("5", r.headers.b)
    assert.are.equal("1, 2", r.headers.c)
    assert.are.equal("c", r.headers["x-client"])
    assert.is_nil(r.headers["x-off"])
    sim(function(request)
      assert.are.equal("hidden", request.headers.d)
      return 200
    end, function(fresh)
      assert(fresh.get(URL, { headers = { D = fresh.secret "hidden" } }))
    end)
  end)

  it("of a call win over the client's, without regard to case", function()
    local client = { headers = { ["X-One"] = "client", ["X-Two"] = { "a", "b" } } }
    local r = sent(client, URL, { headers = { ["x-one"] = "call", ["X-TWO"] = "c" } })
    assert.are.equal("call", r.headers["x-one"])
    assert.are.equal("c", r.headers["x-two"])
  end)

  it("with line ends or NULs are refused before anything is sent", function()
    for _, bad in ipairs { "a\r\nEvil: 1", "a\nb", "a\rb", "a\0b", "\r\n" } do
      refused({ headers = { ["X-A"] = bad } },
        "headers['X-A'] holds a line end or a NUL, which would smuggle another header in")
      refused({ headers = { ["X-A"] = { "fine", bad } } },
        "headers['X-A'] holds a line end or a NUL, which would smuggle another header in")
      refused({ headers = { ["X-A"] = lull.secret(bad) } },
        "headers['X-A'] holds a line end or a NUL, which would smuggle another header in")
      call_refused({ headers = { ["X-A"] = bad } },
        "headers['X-A'] holds a line end or a NUL, which would smuggle another header in")
    end
    for _, bad in ipairs { "X\r\nEvil", "X A", "X:", "", "X\0", " X" } do
      refused({ headers = { [bad] = "v" } }, ("headers: '%s' is no name of a header"):format(bad))
    end
    refused({ headers = { "X: v" } }, "headers: '1' is no name of a header")
    refused({ headers = { X = {} , Y = true } }, "headers['Y'] must be a string, not a boolean")
  end)

  it("are refused in a rule's retry, too", function()
    local t = sim(function() return 503 end, function(fresh)
      local fine, err = fresh.try(fresh.get, URL, { on = { [503] = function(attempt)
        return attempt:retry { headers = { X = "a\r\nb: c" } }
      end } })
      assert.is_false(fine)
      has(err, "headers['X'] holds a line end or a NUL")
    end)
    assert.are.equal(1, #t.requests)
    assert.are.equal(0, t.live)
  end)

  it("name the kind of body unless they do so already", function()
    assert.are.equal("application/json", sent({}, URL, { json = {} }, "PUT").headers["content-type"])
    assert.are.equal("application/x-www-form-urlencoded", sent({}, URL, { form = {} }, "PUT").headers["content-type"])
    assert.are.equal("text/x", sent({}, URL, { json = {}, headers = { ["Content-Type"] = "text/x" } },
      "PUT").headers["content-type"])
    assert.are.equal("text/y", sent({ headers = { ["CONTENT-TYPE"] = "text/y" } }, URL, { json = {} },
      "PUT").headers["content-type"])
    assert.is_nil(sent({}, URL, nil, "GET").headers["content-type"])
  end)
end)

describe("the URL", function()
  local function url(base, target, options)
    return sent({ base = base }, target, options).url
  end

  it("is joined to the base by one slash", function()
    for _, base in ipairs { "http://api.test/v1", "http://api.test/v1/", "http://api.test/v1//" } do
      assert.are.equal("http://api.test/v1/a", url(base, "a"))
      assert.are.equal("http://api.test/v1/a", url(base, "/a"))
      assert.are.equal("http://api.test/v1/a/", url(base, "/a/"))
      assert.are.equal("http://api.test/v1/a?x=1", url(base, "/a?x=1"))
    end
    assert.are.equal("http://api.test/v1", url("http://api.test/v1", ""))
    assert.are.equal("http://api.test/v1?x=1", url("http://api.test/v1", "?x=1"))
    assert.are.equal("http://api.test/a", url("http://api.test", "a"))
  end)

  it("stands for itself when it is whole, whatever the base", function()
    assert.are.equal("http://api.test/x", url("http://other.test/v1", "http://api.test/x"))
  end)

  it("that cannot be sent is refused at the caller's line", function()
    call_refused({}, "'/x' is no URL: it has no scheme, and the client has no base", "GET", "/x")
    call_refused({}, "'api.test/x' is no URL: it has no scheme, and the client has no base", "GET", "api.test/x")
    for _, bad in ipairs { "ftp://api.test/", "file:///etc/passwd", "http://", "http://api.test:99999/",
      "http://a b/" } do
      call_refused({}, ("'GET %s' cannot be sent: the URL is no http or https URL"):format(bad), "GET", bad)
    end
    for _, bad in ipairs { "", "GE T", "GET\r\n", "CONNECT", "get" } do
      call_refused({}, ("'%s %s' cannot be sent: no such method"):format(bad, URL), bad)
    end
    refused({ base = "api.test" }, "base: 'api.test' is no http or https URL")
    refused({ base = "ftp://api.test" }, "base: 'ftp://api.test' is no http or https URL")
    refused({ base = "" }, "base: '' is no http or https URL")
    -- A path joined to it would have become part of the query.
    refused({ base = "http://api.test/?key=1" }, "base: it has a query or a fragment; a query is an option of its own")
    refused({ base = "http://api.test/#x" }, "base: it has a query or a fragment; a query is an option of its own")
  end)

  it("with a space is refused with the way to write it", function()
    local wrong = "holds a space or a control byte; a space is written %20, as lull.escape does"
    for _, bad in ipairs { URL .. "a b", URL .. "?q=a b", URL .. "a\tb" } do
      call_refused({}, ("'GET %s' cannot be sent: the URL %s"):format(bad, wrong), "GET", bad)
    end
    refused({ base = "http://api.test/a b" }, ("base: 'http://api.test/a b' %s"):format(wrong))
    assert.are.equal("/a%20b/%C3%A4", url("http://api.test", "/" .. ("a b/\195\164"):gsub("[^/]+", lull.escape))
      :match "^http://api.test(.*)$")
  end)

  it("with line ends is refused", function()
    for _, bad in ipairs { URL .. "a\r\nb", URL .. "a\nb", URL .. "a b" } do
      local t = sim(ok, function(fresh)
        assert.is_false((fresh.try(fresh.get, bad)))
      end)
      assert.are.equal(0, #t.requests)
    end
  end)

  -- The rest of it was left out, and the request went elsewhere.
  -- A file "private\0.txt" was read as "private" and sent, a query was cut, a
  -- retry went to half a URL: C reads a text up to its NUL. It refuses such a
  -- text now wherever it takes one, and each option before that, by name.
  it("refuses a NUL in whatever C would cut there", function()
    for _, name in ipairs { "base", "ca", "cert", "cert_key", "proxy", "lane", "query", "file", "output" } do
      local value = (name == "base" and URL or "a") .. "\0b"
      if name ~= "file" and name ~= "output" then refused({ [name] = value }, name .. " holds a NUL") end
      if name ~= "base" then call_refused({ [name] = value }, name .. " holds a NUL", "POST", URL) end
    end
    refused({ on = { ["404\0"] = "retry" } }, "on's key holds a NUL")
    refused({ limit = { ["GET /a\0b"] = "1/s" } }, "limit's path holds a NUL")
    refused({ limit = { ["/a\0b"] = "1/s" } }, "limit's path holds a NUL")
    for _, misuse in ipairs {
      function(fresh) fresh.file "private\0.txt" end,
      function(fresh) fresh.post(URL, { body = function() return fresh.file "private\0.txt" end }) end,
      function(fresh) fresh.rows "private\0.csv" end,
      function(fresh) fresh.get(URL, { on = { [404] = function(attempt) attempt:retry { url = "/a\0b" } end } }) end,
      function() require("lull.sim").run { script = "private\0.lua" } end,
      function() require("lull.core").client { cert = "a\0b" } end,
    } do
      local requests
      local t = sim(function() return 404 end, function(fresh)
        -- Lua 5.1 lets nothing wait within a pcall.
        local fine, err = fresh.try(misuse, fresh)
        assert.is_false(fine)
        has(tostring(err), "holds a NUL")
      end)
      requests = #t.requests
      assert.is_true(requests <= 1)
    end
  end)

  it("sends nothing to a URL, or into a path, with a NUL", function()
    call_refused({}, "a URL holds no NUL", "GET", URL .. "a\0b")
    call_refused({ output = "a\0b" }, "output holds a NUL", "GET", URL)
    call_refused({}, "the method holds a NUL", "GET\0X", URL)
    call_refused({ query = "a\0b" }, "query holds a NUL", "GET", URL)
    call_refused({ lane = function() return "a\0b" end }, "what the lane's function returns holds a NUL", "GET", URL)
  end)

  it("takes methods with a colon only", function()
    local api = lull.client { base = "http://api.test" }
    local place, fine, err = line(1), pcall(function()
      api.get("/x") end)
    assert.is_false(fine)
    assert.are.equal(place .. "call a client's methods with a colon: client:get(url)", err)
    place, fine, err = line(1), pcall(function()
      local _ = api.with { attempts = 2 } end)
    assert.is_false(fine)
    assert.are.equal(place .. "call a client's methods with a colon: client:with(options)", err)
    place, fine, err = line(1), pcall(function()
      api:get() end)
    assert.is_false(fine)
    assert.are.equal(place .. "the URL must be a string, not a nil", err)
  end)

  it("has a verb for each method", function()
    for _, verb in ipairs { "get", "head", "post", "put", "patch", "delete", "options" } do
      local t = sim(ok, function(fresh)
        local api = fresh.client { base = "http://api.test" }
        assert.are.equal(200, api[verb](api, "/").status)
        assert.are.equal(200, fresh[verb](URL).status)
      end)
      assert.are.equal(verb:upper(), t.requests[1].method)
      assert.are.equal(verb:upper(), t.requests[2].method)
    end
    assert.are.equal("PROPFIND", sent({}, URL, nil, "PROPFIND").method)
  end)
end)

describe("query", function()
  local function path(client, target, options)
    client.base = "http://api.test"
    return sent(client, target, options).path
  end

  it("is encoded, sorted by name, lists repeat their name", function()
    assert.are.equal("/?a=1&b=x%20y%26z&c=1&c=2&d=true&e=%C3%A9",
      path({}, "/", { query = { b = "x y&z", a = 1, c = { 1, 2 }, d = true, e = "\195\169" } }))
    assert.are.equal("/?n=10000000000&x=1.5", path({}, "/", { query = { n = 1e10, x = 1.5 } }))
  end)

  it("is added to one that is there, before a fragment", function()
    assert.are.equal("/p?x=1&a=2", path({}, "/p?x=1", { query = { a = 2 } }))
    assert.are.equal("/p?a=2", path({}, "/p#frag", { query = { a = 2 } }))
    assert.are.equal("/p?x=1", path({}, "/p?x=1", { query = {} }))
  end)

  it("may be a text, taken as it is", function()
    assert.are.equal("/p?a=%20b&c", path({}, "/p", { query = "a=%20b&c" }))
    assert.are.equal("/p?a=1", path({}, "/p", { query = "?a=1" }))
  end)

  -- The client's value was sent as well: ?a=1&a=3&b=2.
  it("of a call wins over the client's, name by name", function()
    assert.are.equal("/?a=3&b=2&c=4", path({ query = { a = 1, b = 2 } }, "/", { query = { a = 3, c = 4 } }))
    assert.are.equal("/?a=1&b=2", path({ query = { a = 1, b = 2 } }, "/"))
    assert.are.equal("/?z=1", path({ query = { a = 1 } }, "/", { query = "z=1" }))
  end)

  it("hides a secret in what is shown, not in what is sent", function()
    local t = sim(function(request)
      assert.are.equal("s3cr3t/x", request.query.token)
      return 404
    end, function(fresh)
      local res, err = fresh.get(URL, { query = { token = fresh.secret "s3cr3t/x" } })
      assert.is_nil(res)
      has(err, "GET http://api.test/?token=***: 404 Not Found")
    end)
    assert.are.equal(1, #t.requests)
  end)
end)

describe("key", function()
  -- What each of some requests that failed on the way had for a key.
  local function keys(client, options, name)
    local list = {}
    sim(function(request)
      list[#list + 1] = request.headers[name or "idempotency-key"] or "none"
      return #list % 3 == 0 and 200 or 500
    end, function(fresh)
      local api = fresh.client(client)
      assert(api:post(URL, options))
      assert(api:post(URL, options))
    end)
    return list
  end

  it("true mints one UUID a call, the same over its attempts", function()
    local list = keys({ key = true })
    local uuid = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
    assert.are.equal(6, #list)
    assert.is_truthy(list[1]:match(uuid), list[1])
    assert.is_truthy(list[4]:match(uuid))
    assert.are.same({ list[1], list[1], list[1], list[4], list[4], list[4] }, list)
    assert.are_not.equal(list[1], list[4])
  end)

  it("as a text is used as it is; quoted and under another name when told so", function()
    assert.are.equal("order-7", keys({}, { key = "order-7" })[1])
    assert.are.equal('"order-7"', keys({ key_quoted = true }, { key = "order-7" })[2])
    assert.are.equal("order-7", keys({ key_header = "X-Request-Id" }, { key = "order-7" }, "x-request-id")[3])
  end)

  -- Written in other letters, a header of that name was sent beside the key; and made by
  -- a function, in its place: another key with each attempt of a POST that was sent again
  -- since it had one.
  it("goes before a header of its name, however that is written or made", function()
    local n = 0
    local function fresh_one()
      n = n + 1
      return "other-" .. n
    end
    for _, headers in ipairs { { ["idempotency-key"] = "other" }, { ["IDEMPOTENCY-KEY"] = fresh_one },
      { ["Idempotency-Key"] = fresh_one }, { ["idempotency-key"] = { "a", "b" } } } do
      assert.are.same({ "order-7", "order-7", "order-7" },
        { unpack(keys({}, { key = "order-7", headers = headers }), 1, 3) })
      assert.are.same({ "order-7", "order-7", "order-7" },
        { unpack(keys({ headers = headers }, { key = "order-7" }), 1, 3) })
    end
    local function all() return { ["idempotency-KEY"] = fresh_one(), other = "x" } end
    assert.are.same({ "order-7", "order-7", "order-7" },
      { unpack(keys({}, { key = "order-7", headers = all }), 1, 3) })
    assert.are.equal("x", keys({}, { key = "order-7", headers = all }, "other")[2])
  end)

  it("of the client can be turned off in a call", function()
    local seen
    local t = sim(function(request) seen = request.headers["idempotency-key"]; return 500 end, function(fresh)
      local api = fresh.client { key = true }
      local _, err = api:post(URL, { key = false })
      assert.are.equal("unsafe", err.why)
    end)
    assert.is_nil(seen)
    assert.are.equal(1, #t.requests)
  end)

  it("cannot smuggle a header in", function()
    refused({ key = "a\r\nb" }, "key holds a control byte, or nothing")
    refused({ key = "" }, "key holds a control byte, or nothing")
    refused({ key_header = "X\r\nEvil" }, "key_header: 'X\r\nEvil' is no name of a header")
    refused({ key_header = "" }, "key_header: '' is no name of a header")
    call_refused({ key = "x", key_header = "A B" }, "key_header: 'A B' is no name of a header")
    refused({ key_header = "content-Length" }, "key_header: 'content-Length' is told by lull itself")
  end)
end)

describe("the body", function()
  -- It left as a POST or a PUT, without a key, and was sent again as a HEAD may be.
  it("is none of a HEAD's", function()
    for _, given in ipairs { { body = "x" }, { body = "" }, { json = { 1 } }, { form = {} }, { file = "x" },
      { body = function() return "x" end }, { multipart = { { name = "a", value = "b" } } } } do
      sim(function() error "it was sent" end, function(fresh)
        local fine, err = fresh.try(function() return fresh.head(URL, given) end)
        assert.is_false(fine)
        has(err, "a HEAD request has no body, and this one has " .. next(given))
        assert.is_false((fresh.try(function() return fresh.request("HEAD", URL, given) end)))
      end)
    end
  end)

  -- With a smaller one the rest of the body was the next request of the connection.
  it("has the length that it has, whatever the headers say", function()
    for _, client in ipairs { {}, { headers = { ["content-LENGTH"] = "3" } } } do
      sim(function(request)
        assert.are.equal("abcdef", request.body)
        assert.is_true(request.headers["content-length"] == nil or request.headers["content-length"] == "6")
        assert.are.equal("y", request.headers.x)
        return 200
      end, function(fresh)
        local api = fresh.client(client)
        assert(api:post(URL, { body = "abcdef", headers = { x = "y", ["Content-Length"] = "3" } }))
        assert(api:post(URL, { body = "abcdef", headers = { x = "y",
          ["Content-Length"] = function() return "3" end } }))
      end)
    end
  end)

  it("is one of body, json, form and file", function()
    for _, pair in ipairs { { "body", "json" }, { "body", "form" }, { "json", "form" }, { "json", "file" } } do
      local options = { [pair[1]] = pair[1] == "json" and {} or "x", [pair[2]] = pair[2] == "file" and "x" or {} }
      call_refused(options, ("a request has one body, not both %s and %s"):format(pair[1], pair[2]))
    end
    call_refused({ body = "x", json = false }, "a request has one body, not both body and json")
  end)

  it("goes out as it is, as JSON, as a form", function()
    assert.are.equal("a\0b\r\n", sent({}, URL, { body = "a\0b\r\n" }, "PUT").body)
    assert.are.equal("", sent({}, URL, { body = "" }, "PUT").body)
    assert.are.equal('{"a":[1,2]}', sent({}, URL, { json = { a = { 1, 2 } } }, "PUT").body)
    assert.are.equal("false", sent({}, URL, { json = false }, "PUT").body)
    assert.are.equal('"x"', sent({}, URL, { json = "x" }, "PUT").body)
    assert.are.equal("a=1&b=x%20%26", sent({}, URL, { form = { b = "x &", a = 1 } }, "PUT").body)
  end)

  it("goes out in parts", function()
    local function parts(list) return sent({}, URL, { multipart = list }, "PUT") end
    local got = parts { { name = 'a"b', value = 1 }, { name = "f", file = "tests/busted.lua", filename = "x.txt" },
      { name = "g", file = "tests/busted.lua", filename = false }, { name = "t", value = "<a/>", type = "text/xml" } }
    local boundary = got.headers["content-type"]:match "^multipart/form%-data; boundary=(lull%-%x+)$"
    local file = assert(io.open "tests/busted.lua")
    local bytes = file:read "*a"
    file:close()
    assert.are.equal(table.concat {
      "--", boundary, '\r\nContent-Disposition: form-data; name="a%22b"\r\n\r\n1\r\n',
      "--", boundary, '\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n',
      "Content-Type: application/octet-stream\r\n\r\n", bytes, "\r\n",
      "--", boundary, '\r\nContent-Disposition: form-data; name="g"\r\n\r\n', bytes, "\r\n",
      "--", boundary, '\r\nContent-Disposition: form-data; name="t"\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n',
      "--", boundary, "--\r\n" }, got.body)
    assert.are.equal("--", parts({}).body:sub(1, 2))
    -- A journal knows a call again by its body.
    local one = { { name = "a", value = "x" } }
    assert.are.equal(parts(one).body, parts(one).body)
    assert.are.equal("text/x", sent({}, URL, { multipart = one, headers = { ["content-type"] = "text/x" } },
      "PUT").headers["content-type"])
  end)

  it("in parts is checked", function()
    call_refused({ multipart = { { name = "a" } } }, "multipart[1]: a part has either a value or a file")
    call_refused({ multipart = { { name = "a", value = "1", file = "x" } } },
      "multipart[1]: a part has either a value or a file")
    call_refused({ multipart = { { value = "1" } } }, "multipart[1].name must be a string, not a nil")
    call_refused({ multipart = { { name = "a", value = {} } } },
      "multipart[1].value must be a string or number or boolean, not a table")
    call_refused({ multipart = { { name = "a", valu = "1" } } },
      "unknown field of multipart[1] 'valu' (did you mean 'value'?)")
    call_refused({ multipart = { { name = "a", value = "1", type = "a\r\nb" } } },
      "multipart[1].type holds a line end or a NUL")
    call_refused({ multipart = { a = "1" } },
      'multipart is a list of parts, such as { name = "a", value = "1" }')
    -- What was behind a hole was not sent, without a word.
    local part = { name = "a", value = "1" }
    call_refused({ multipart = { part, nil, part } }, "multipart[2] is nil: a list has no holes")
    call_refused({ multipart = { [2] = part } }, "multipart[1] is nil: a list has no holes")
    call_refused({ multipart = { part, [1.5] = part } }, "multipart is a list of parts, such as ")
    call_refused({ form = { a = { "b", nil, "d" } } }, "a[2] is nil: a list has no holes")
    call_refused({ query = { a = { b = "c" } } }, "the field 'a' must be a string, a number or a boolean, not a table")
    call_refused({ multipart = { { name = "a", file = "x", filename = true } } },
      "multipart[1].filename must be a string or false, not true")
    call_refused({ multipart = {}, json = {} }, "a request has one body, not both json and multipart")
  end)

  it("may be a function, which is checked", function()
    assert.are.equal("made", sent({}, URL, { body = function() return "made" end }, "PUT").body)
    call_refused({ body = {} },
      "a body is a string, lull.file(path) or a function that returns one of them, not a table")
    call_refused({ body = function() end },
      "a body is a string, lull.file(path) or a function that returns one of them, not a nil")
    call_refused({ json = { f = print } }, "cannot make JSON of this: function: type not supported")
  end)
end)

describe("with", function()
  it("gives a changed copy and leaves the client as it was", function()
    local api = lull.client { attempts = 3, base = "http://api.test" }
    local copy = api:with { attempts = 5 }
    assert.are.equal(3, api.core:limits().attempts)
    assert.are.equal(5, copy.core:limits().attempts)
    assert.are.equal("lull.client http://api.test", tostring(copy))
  end)

  it("adds headers without regard to case, query by name, backoff by field", function()
    local seen
    sim(function(request) seen = request; return 200 end, function(fresh)
      local api = fresh.client { base = "http://api.test", headers = { ["X-A"] = "1", ["X-B"] = "1" },
        query = { a = 1, b = 1 }, backoff = { base = 2, cap = 9, jitter = "none" } }
      local copy = api:with { headers = { ["x-b"] = "2", ["X-C"] = "2" }, query = { b = 2, c = 2 },
        backoff = { base = 3 } }
      assert.are.same({ 9, 9, 9 }, { copy.core:wait(5) })
      assert.are.same({ 3, 3, 3 }, { copy.core:wait(1) })
      assert(copy:get("/"))
      assert.are.equal("1 2 2", seen.headers["x-a"] .. " " .. seen.headers["x-b"] .. " " .. seen.headers["x-c"])
      assert.are.equal("/?a=1&b=2&c=2", seen.path)
      assert(api:get("/"))
      assert.is_nil(seen.headers["x-c"])
      assert.are.equal("1", seen.headers["x-b"])
      assert.are.equal("/?a=1&b=1", seen.path)
      assert.are.same({ 2, 2, 2 }, { api.core:wait(1) })
    end)
  end)

  it("adds rules: those above win where both are equally close", function()
    local t = sim(function(request) return tonumber(request.path:sub(2)) end, function(fresh)
      local api = fresh.client { base = "http://api.test", on = { [404] = "stop", [403] = "accept" } }
      local copy = api:with { on = { [404] = "accept" } }
      assert.are.equal(404, copy:get("/404").status)
      assert.are.equal(403, copy:get("/403").status)
      assert.is_nil((api:get("/404")))
      assert.are.equal(404, api:get("/404", { on = { ["404"] = "accept" } }).status)
    end)
    assert.are.equal(4, #t.requests)
  end)

  it("is not changed by what happens to the tables it was made from", function()
    local seen
    sim(function(request) seen = request; return 200 end, function(fresh)
      local given = { base = "http://api.test", headers = { X = "1" }, query = { a = 1 },
        on = { [200] = "accept" }, attempts = 2, backoff = { base = 2, jitter = "none" } }
      local api = fresh.client(given)
      given.headers.X, given.query.a, given.on[200], given.attempts, given.backoff.base = "9", 9, "stop", 9, 9
      given.headers.Y, given.query.b = "9", 9
      for _, client in ipairs { api, api:with {} } do
        assert(client:get("/"))
        assert.are.equal("1", seen.headers.x)
        assert.is_nil(seen.headers.y)
        assert.are.equal("/?a=1", seen.path)
        assert.are.equal(2, client.core:limits().attempts)
        assert.are.same({ 2, 2, 2 }, { client.core:wait(1) })
      end
    end)
  end)

  it("can be stacked", function()
    local api = lull.client { attempts = 1, timeout = 1 }
    for i = 2, 50 do api = api:with { attempts = i } end
    assert.are.equal(50, api.core:limits().attempts)
    assert.are.same({ 1 }, api.core:limits().timeout)
  end)

  it("keeps what a call changes to that call", function()
    local t = sim(function() return 503 end, function(fresh)
      local api = fresh.client { base = "http://api.test", attempts = 2, budget = false }
      local _, err = api:get("/", { attempts = 1 })
      assert.are.equal(1, err.attempts)
      _, err = api:get("/", { backoff = "const:1s,none", attempts = 3 })
      assert.are.equal(3, err.attempts)
      assert.are.equal(2, err.waited)
      _, err = api:get("/")
      assert.are.equal(2, err.attempts)
    end)
    assert.are.equal(6, #t.requests)
  end)
end)

describe("lane", function()
  it("is a name, or a function of method and URL", function()
    local asked = {}
    sim(ok, function(fresh)
      local api = fresh.client { base = "http://api.test", lane = function(request)
        asked[#asked + 1] = request.method .. " " .. request.url
        if request.method == "POST" then return "writes" end
      end }
      assert(api:get("/a"))
      assert(api:post("/b"))
      assert(api:get("/c", { lane = "mine" }))
      local names = {}
      for name in fresh.sorted(fresh.lanes()) do names[#names + 1] = name end
      assert.are.same({ "http://api.test", "mine", "writes" }, names)
    end)
    assert.are.same({ "GET http://api.test/a", "POST http://api.test/b" }, asked)
  end)

  it("function's result is checked", function()
    call_refused({ lane = function() return 5 end },
      "what the lane's function returns must be a string or nil, not a number")
  end)
end)

describe("http and the rest of the transport's options", function()
  it("are checked by word", function()
    lull.client { http = "1.1" }
    lull.client { http = 1.1 }
    lull.client { http = 2 }
    lull.client { http = "any", ca = "/x", cert = "/y", cert_key = "/z", proxy = false, insecure = true }
    lull.client { proxy = "http://proxy.test:3128", encoded = true, redirects = 0 }
    refused({ http = "3" }, "http: '3' is none of 1.1, 2, any")
    refused({ redirects = -1 }, "redirects: '-1' is no whole number of at least 0")
  end)
end)
