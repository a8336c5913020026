-- The policy: keys, the table of defaults, what is ambiguous, and limits.
local unit = require "lull.unit"
local core = require "lull.core"
local policy = unit.policy
local INF = math.huge
local unpack = table.unpack or unpack

local function new(fields) return policy.new(fields or {}) end

local function rule(p, key, fields)
  local index, problem = p:rule(key, fields or {})
  if not index then error(problem .. ": " .. key, 2) end
  return index
end

describe("rule's key", function()
  -- Every outcome that the key brings its rule to.
  local function found(p, index)
    local set = {}
    for status = 0, 599 do
      if p:find(status) == index then set[status] = true end
    end
    for class in pairs(policy.classes()) do
      if p:find(class) == index then set[class] = true end
    end
    return set
  end

  local function covers(key, list)
    local p, expected = new(), {}
    for _, outcome in ipairs(list) do expected[outcome] = true end
    assert.are.same(expected, found(p, rule(p, key)))
  end

  local function span(lo, hi, list)
    list = list or {}
    for status = lo, hi do list[#list + 1] = status end
    return list
  end

  it("may be a status", function() covers("503", { 503 }) end)

  it("may be a hundred", function()
    for hundred = 1, 5 do
      covers(hundred .. "xx", span(hundred * 100, hundred * 100 + 99))
    end
  end)

  it("may be a range, ends included", function()
    covers("502-504", { 502, 503, 504 })
    covers("503-503", { 503 })
    covers("100-599", span(100, 599))
  end)

  it("may be alternatives", function()
    covers("429|503", { 429, 503 })
    covers("429|502-504|net.dns", { 429, 502, 503, 504, "net.dns" })
    covers("4xx|503", span(400, 499, { 503 }))
  end)

  it("may be a class at each of its levels", function()
    covers("net.timeout.connect", { "net.timeout.connect" })
    covers("net.timeout", { "net.timeout.connect", "net.timeout.read" })
    covers("net", { "net.dns", "net.refused", "net.unreachable", "net.proxy",
      "net.timeout.connect", "net.timeout.read", "net.reset", "net.empty",
      "net.send", "net.other" })
    covers("tls", { "tls.handshake", "tls.cert" })
    covers("http", { "http.truncated", "http.malformed", "http.redirects", "http.checksum" })
    covers("limit", { "limit.body", "limit.headers" })
    covers("h2", { "h2.refused" })
    covers("local", { "local.url", "local.file", "local.memory" })
  end)

  it("may be each class by its full name", function()
    for class in pairs(policy.classes()) do covers(class, { class }) end
  end)

  -- A success is none of its business: { ["*"] = "retry" } repeats failures.
  it("may be every failure", function()
    local list = span(400, 599)
    list[#list + 1] = 0 -- stands for what is beyond 599
    for class in pairs(policy.classes()) do list[#list + 1] = class end
    covers("*", list)
  end)

  it("is refused when it means nothing", function()
    for _, key in ipairs { "", "|", "503|", "|503", "503||504", "5x", "5xxx",
      "6xx", "0xx", "xx", "99", "600", "999", "0503", "503 ", " 503", "50a",
      "504-502", "502-", "-504", "502-50", "502-600", "99-200", "502-504-506",
      "503,504", "net.", ".net", "net.time", "nett", "NET", "net.timeout.",
      "net.timeout.connect.x", "**", "timeout", "-1", "5XX" } do
      local p = new()
      local index, problem = p:rule(key, {})
      assert.is_nil(index, key)
      assert.are.equal("invalid argument", problem)
    end
  end)

  it("is refused by a client too, which names it", function()
    for _, key in ipairs { "5x", "600", "net.time" } do
      assert.has_error(function()
        core.client { rules = { { key = key, action = "retry" } } }
      end, ("no outcome is called '%s'"):format(key))
    end
  end)

  it("that does not end after three bytes is not read beyond them", function()
    for _, key in ipairs { "503-", "5", "50", "502-5", "|" } do
      assert.is_nil((new():rule(key, {})))
    end
  end)
end)

describe("the most specific key wins", function()
  -- From the widest to the narrowest.
  local STATUS = { "*", "100-599", "5xx", "500-504", "502-504", "503" }
  local CLASS = { "*", "net", "net.timeout", "net.timeout.connect" }

  -- All orders of a list.
  local function orders(list, fn, n)
    n = n or #list
    if n <= 1 then return fn(list) end
    for i = 1, n do
      list[i], list[n] = list[n], list[i]
      orders(list, fn, n - 1)
      list[i], list[n] = list[n], list[i]
    end
  end

  local function matrix(keys, outcome)
    local narrowest = keys[#keys]
    orders({ unpack(keys) }, function(order)
      local p, names = new(), {}
      for _, key in ipairs(order) do names[rule(p, key)] = key end
      if names[p:find(outcome)] ~= narrowest then
        error(table.concat(order, " ") .. " gives " .. tostring(names[p:find(outcome)]))
      end
    end)
  end

  it("for a status, in each of 720 orders", function() matrix(STATUS, 503) end)

  it("for a status that the narrower do not name", function()
    matrix({ "*", "5xx", "502-504" }, 502)
    matrix({ "*", "5xx" }, 599)
    matrix({ "*" }, 418)
  end)

  it("for a class", function()
    matrix(CLASS, "net.timeout.connect")
    matrix({ "*", "net", "net.timeout" }, "net.timeout.read")
    matrix({ "*", "net" }, "net.dns")
    matrix({ "*" }, "tls.cert")
  end)

  it("each alternative by its own width", function()
    local p = new()
    local wide = rule(p, "502-504")
    local either = rule(p, "429|5xx")
    assert.are.equal(either, p:find(429))
    assert.are.equal(either, p:find(500))
    assert.are.equal(wide, p:find(503))
  end)

  it("and of two as specific the later", function()
    local p = new()
    rule(p, "503")
    local later = rule(p, "503")
    assert.are.equal(later, p:find(503))
    local range = rule(p, "429-430")
    local other = rule(p, "428-429")
    assert.are.equal(other, p:find(429))
    assert.are.equal(range, p:find(430))
  end)

  it("and nothing for what no key names", function()
    local p = new()
    rule(p, "5xx")
    assert.is_nil((p:find(429)))
    assert.is_nil((p:find("net.dns")))
    assert.is_nil((p:find(0)))
    assert.is_nil((p:find(600)))
    assert.is_nil((p:find(-1)))
  end)

  it("and beyond 599 only everything", function()
    local p = new()
    local all = rule(p, "*")
    for _, status in ipairs { 600, 999, 1000, -5 } do
      assert.are.equal(all, p:find(status))
    end
  end)

  it("and a status is named by all but everything", function()
    local p = new()
    rule(p, "*")
    assert.is_false(p:names(301))
    rule(p, "3xx")
    assert.is_true(p:names(301))
    assert.is_false(p:names(401))
    assert.is_false(p:names(600))
    assert.is_false(p:names(-1))
  end)
end)

-- Facts of a first attempt; the fields that are given replace these.
local function facts(fields)
  local f = { status = 0, tries = 1, total = 1, rule_hits = 1, sent = true }
  if fields.class then f.status = nil end
  for name, value in pairs(fields) do f[name] = value end
  return f
end

local function suggest(p, fields, seed)
  return p:suggest(facts(fields), unit.backoff.rng(seed or 1))
end

local NEVER_SENT = { "net.dns", "net.refused", "net.unreachable",
  "net.timeout.connect", "tls.handshake" }
local AMBIGUOUS = { "net.timeout.read", "net.reset", "net.empty", "net.send",
  "net.other", "http.truncated", "http.malformed" }
local PERMANENT = { "tls.cert", "http.redirects", "http.checksum", "limit.body",
  "limit.headers", "local.url", "local.file", "local.memory" }

describe("the table of defaults", function()
  local function decides(action, why, fields)
    for _, unsafe in ipairs { true, false } do
      local f = {}
      for name, value in pairs(fields) do f[name] = value end
      if f.repeatable == nil then f.repeatable = unsafe end
      local v = suggest(new(), f)
      local what = ("%s, %s"):format(fields.status or fields.class, tostring(f.repeatable))
      assert.are.equal(action, v.action, what)
      assert.are.equal(why, v.why, what)
    end
  end

  it("accepts 2xx and 3xx", function()
    for _, status in ipairs { 200, 201, 204, 206, 299, 300, 301, 304, 399 } do
      decides("accept", "", { status = status })
    end
  end)

  it("takes a proxy's refusal for what its status means, and never for an answer", function()
    for _, status in ipairs { 200, 302, 400, 403, 404, 407, 501, 0 } do
      decides("stop", "rule", { class = "net.proxy", status = status, sent = false })
    end
    for _, status in ipairs { 408, 429, 500, 502, 503, 504 } do
      decides("retry", "", { class = "net.proxy", status = status, sent = false })
    end
  end)

  it("retries what the server says it did not process, by any method", function()
    for _, status in ipairs { 408, 425, 429 } do
      decides("retry", "", { status = status })
    end
  end)

  it("stops at other 4xx, and at 501 and 505", function()
    for status = 400, 499 do
      -- A 421 is asked again over another connection (RFC 9110, 15.5.20).
      if status ~= 408 and status ~= 421 and status ~= 425 and status ~= 429 then
        decides("stop", "rule", { status = status })
      end
    end
    decides("stop", "rule", { status = 501 })
    decides("stop", "rule", { status = 505 })
  end)

  it("retries other 5xx where that is safe, and calls it unsafe elsewhere", function()
    for status = 500, 599 do
      if status ~= 501 and status ~= 505 then
        decides("retry", "", { status = status, repeatable = true })
        decides("stop", "unsafe", { status = status, repeatable = false })
      end
    end
  end)

  it("retries what never left, by any method", function()
    for _, class in ipairs(NEVER_SENT) do
      decides("retry", "", { class = class, sent = false })
    end
  end)

  it("retries what may have been applied only where that is safe", function()
    for _, class in ipairs(AMBIGUOUS) do
      decides("retry", "", { class = class, sent = true, repeatable = true })
      decides("stop", "unsafe", { class = class, sent = true, repeatable = false })
    end
  end)

  it("goes by the evidence, not by the class alone", function()
    for _, class in ipairs(AMBIGUOUS) do
      decides("retry", "", { class = class, sent = false })
    end
    for _, class in ipairs(NEVER_SENT) do
      decides("stop", "unsafe", { class = class, sent = true, repeatable = false })
    end
  end)

  it("retries a stream that HTTP/2 refused: it was not processed", function()
    decides("retry", "", { class = "h2.refused", sent = true })
  end)

  it("stops where trying again cannot help", function()
    for _, class in ipairs(PERMANENT) do
      decides("stop", "rule", { class = class, sent = false })
      decides("stop", "rule", { class = class, sent = true })
    end
  end)

  it("names every class, once", function()
    local all, count = policy.classes(), 0
    for _, list in ipairs { NEVER_SENT, AMBIGUOUS, PERMANENT, { "h2.refused", "net.proxy" } } do
      for _, class in ipairs(list) do
        assert.are.equal(list == PERMANENT, all[class], class)
        count = count + 1
      end
    end
    for _ in pairs(all) do count = count - 1 end
    assert.are.equal(0, count)
  end)

  it("obeys what the server says about retrying at all", function()
    decides("retry", "", { status = 409, advice = "retry", repeatable = true })
    decides("stop", "rule", { status = 503, advice = "stop" })
    decides("stop", "rule", { status = 429, advice = "stop", hint = 3 })
    decides("accept", "", { status = 200, advice = "stop" })
  end)

  it("lets the call, its rule or its policy say that it may be done twice", function()
    local outcome = { status = 500, repeatable = false }
    local function action(p, unsafe)
      return suggest(p, { status = 500, unsafe = unsafe }).action
    end
    assert.are.equal("stop", suggest(new(), outcome).action)
    assert.are.equal("retry", action(new(), true))
    assert.are.equal("retry", action(new { unsafe = true }))
    local p = new()
    rule(p, "5xx", { action = "retry", unsafe = true })
    assert.are.equal("retry", action(p))
  end)
end)

describe("ambiguous", function()
  -- 503 was held for a proof until a proxy answered it, with a Retry-After,
  -- when its backend had broken off after the work: a POST was applied five
  -- times.
  it("are the 5xx that do not say, 503 among them", function()
    for status = 200, 599 do
      local expected = status >= 500 and status ~= 501 and status ~= 505
      assert.are.equal(expected, policy.ambiguous { status = status, sent = true })
    end
  end)

  it("are all transport errors after a byte has left, but a refused stream and a missed certificate", function()
    local not_taken = { ["h2.refused"] = true, ["tls.cert"] = true }
    for class in pairs(policy.classes()) do
      assert.is_false(policy.ambiguous { class = class, sent = false })
      assert.are.equal(not not_taken[class], policy.ambiguous { class = class, sent = true })
    end
  end)
end)

describe("a rule", function()
  it("overrules the table", function()
    local p = new()
    rule(p, "404", { action = "retry" })
    rule(p, "503", { action = "stop" })
    rule(p, "500", { action = "accept" })
    assert.are.equal("retry", suggest(p, { status = 404, repeatable = true }).action)
    local v = suggest(p, { status = 503 })
    assert.are.equal("stop", v.action)
    assert.are.equal("rule", v.why)
    assert.are.equal("accept", suggest(p, { status = 500 }).action)
  end)

  it("that says retry does not make it safe", function()
    local p = new()
    rule(p, "5xx", { action = "retry" })
    local v = suggest(p, { status = 500, repeatable = false })
    assert.are.equal("stop", v.action)
    assert.are.equal("unsafe", v.why)
  end)

  it("that only changes limits leaves the table in force", function()
    local p = new()
    rule(p, "*", { attempts = 3 })
    assert.are.equal("retry", suggest(p, { status = 503, repeatable = true }).action)
    assert.are.equal("stop", suggest(p, { status = 404 }).action)
    assert.are.equal("accept", suggest(p, { status = 200 }).action)
  end)

  it("with a backoff of its own waits by it", function()
    local p = new { backoff = { base = 1, cap = 60 } }
    rule(p, "429", { action = "retry", backoff = { kind = "constant", base = 7, cap = 60 } })
    local v = suggest(p, { status = 429, tries = 4, rule_hits = 2 })
    assert.are.equal(7, v.wait)
    assert.are.equal("rule", v.source)
    v = suggest(p, { status = 503, repeatable = true, tries = 4 })
    assert.are.equal(8, v.wait)
    assert.are.equal("backoff", v.source)
  end)

  it("with a backoff or attempts of its own counts its own outcomes for the wait", function()
    local p = new { backoff = { base = 1, cap = 60 } }
    rule(p, "429", { action = "retry", backoff = { base = 1, cap = 60 } })
    rule(p, "503", { action = "retry", attempts = 9 })
    assert.are.equal(2, suggest(p, { status = 429, tries = 5, rule_hits = 2 }).wait)
    assert.are.equal(4, suggest(p, { status = 503, repeatable = true, tries = 1, rule_hits = 3 }).wait)
  end)

  it("that asks has a wait to show, also for a stop", function()
    local p = new { backoff = { base = 3, cap = 60 } }
    rule(p, "404", { ask = true })
    local v = suggest(p, { status = 404 })
    assert.are.equal("stop", v.action)
    assert.are.equal(3, v.wait)
  end)
end)

describe("a hint", function()
  it("is never shortened, and spread upwards by at most a tenth and a second", function()
    local p, rng = new(), unit.backoff.rng(3)
    for _, hint in ipairs { 1e-6, .001, .5, 1, 5, 9.9, 10, 11, 60, 300, 3600, 1e6 } do
      local least, most = INF, 0
      for _ = 1, 300 do
        local v = p:suggest(facts { status = 503, repeatable = true, hint = hint }, rng)
        assert.are.equal("hint", v.source)
        least, most = math.min(least, v.wait), math.max(most, v.wait)
      end
      local spread = math.min(1, hint / 10)
      assert.is_true(least >= hint)
      assert.is_true(most <= hint + spread + 1e-6)
      if hint >= .5 then
        assert.is_true(least < hint + spread * .05)
        assert.is_true(most > hint + spread * .95)
      end
    end
  end)

  it("goes before the backoff, also a rule's own, shorter or longer", function()
    local p = new { backoff = { base = 30, cap = 60 } }
    rule(p, "429", { action = "retry", backoff = { base = 50, cap = 60 } })
    for _, status in ipairs { 429, 503 } do
      for _, hint in ipairs { 2, 200 } do
        local v = suggest(p, { status = status, repeatable = true, hint = hint })
        assert.are.equal("hint", v.source)
        assert.is_true(v.wait >= hint and v.wait <= hint + 1)
      end
    end
  end)

  it("of nothing leaves the backoff in force", function()
    local v = suggest(new { backoff = { base = 4, cap = 60 } }, { status = 503, repeatable = true, hint = 0 })
    assert.are.equal("backoff", v.source)
    assert.are.equal(4, v.wait)
  end)

  it("without end saturates", function()
    assert.are.equal(INF, suggest(new(), { status = 503, repeatable = true, hint = INF }).wait)
  end)
end)

describe("limits", function()
  local RETRY = { action = "retry", wait = 2, source = "backoff" }

  local function limit(fields, wish, free, p)
    return (p or new { attempts = 5 }):limit(facts(fields), wish or RETRY, free)
  end

  local function stops(why, fields, wish, free, p)
    local v = limit(fields, wish, free, p)
    assert.are.equal("stop", v.action)
    assert.are.equal(why, v.why)
  end

  local function retries(fields, wish, free, p)
    assert.are.equal("retry", limit(fields, wish, free, p).action)
  end

  it("leave accept and stop alone", function()
    assert.are.equal("accept", limit({ status = 200, tries = 99 }, { action = "accept" }).action)
    assert.are.equal("stop", limit({ status = 404, tries = 99 }, { action = "stop" }).action)
  end)

  it("count attempts, the first included", function()
    retries { status = 503, repeatable = true, tries = 4 }
    stops("attempts", { status = 503, tries = 5 })
    stops("attempts", { status = 503, tries = 1, attempts = 1 })
  end)

  it("do not count free retries, up to the ceiling", function()
    retries({ status = 503, tries = 5, total = 999 }, RETRY, true)
    stops("attempts", { status = 503, tries = 1, total = 1000 }, RETRY, true)
    stops("attempts", { status = 503, tries = 1, total = 1000 }, RETRY, false)
  end)

  it("count the outcomes of a rule with attempts of its own, and not the call's", function()
    local p = new { attempts = 5 }
    rule(p, "429", { action = "retry", attempts = 3 })
    retries({ status = 429, tries = 99, rule_hits = 2 }, RETRY, false, p)
    stops("attempts", { status = 429, tries = 1, rule_hits = 3 }, RETRY, false, p)
    stops("attempts", { status = 503, tries = 5, rule_hits = 1 }, RETRY, false, p)
  end)

  it("refuse a hint that is longer than max_hint", function()
    local wish = { action = "retry", wait = 301, source = "hint" }
    stops("hint", { status = 429, hint = 300.5 }, wish)
    retries({ status = 429, hint = 300 }, wish)
    retries({ status = 429, hint = 500, max_hint = 500 }, wish)
    stops("hint", { status = 429, hint = 500, max_hint = 0 }, wish)
  end)

  it("do not hold a script's own wait against max_hint", function()
    retries({ status = 429, hint = 500 }, { action = "retry", wait = 400, source = "rule" })
  end)

  it("refuse a wait that reaches the deadline, and say whose it was", function()
    retries { status = 503, now = 10, deadline_at = 12.001 }
    stops("deadline", { status = 503, now = 10, deadline_at = 12 })
    stops("deadline", { status = 503, now = 10, deadline_at = 11 })
    stops("hint", { status = 503, now = 10, deadline_at = 11, hint = 2 },
      { action = "retry", wait = 2, source = "hint" })
    stops("deadline", { status = 503, now = 10, deadline_at = 11 },
      { action = "retry", wait = 2, source = "rule" })
  end)

  it("blame the deadline for what stops after it", function()
    stops("deadline", { class = "net.timeout.read", now = 12, deadline_at = 12 },
      { action = "stop" })
  end)

  it("stop all retries when the process is to end", function()
    stops("cancelled", { status = 503, drained = true })
    assert.are.equal("accept",
      limit({ status = 200, drained = true }, { action = "accept" }).action)
  end)

  it("are looked at in one order: end, attempts, hint, deadline", function()
    local all = { status = 429, drained = true, tries = 5, hint = 400, now = 10, deadline_at = 11 }
    local wish = { action = "retry", wait = 400, source = "hint" }
    stops("cancelled", all, wish)
    all.drained = false
    stops("attempts", all, wish)
    all.tries = 1
    stops("hint", all, wish)
    wish.source = "backoff"
    stops("deadline", all, wish)
  end)

  it("hold whatever is wished, for random facts", function()
    local rng, p = unit.backoff.rng(41), new { attempts = 5 }
    local actions = { "accept", "retry", "stop" }
    for _ = 1, 2000 do
      local f = { status = rng:range(200, 599), tries = rng:range(1, 8),
        total = rng:range(1, 1001), now = rng:range(0, 100),
        deadline_at = rng:range(0, 200), hint = rng:range(0, 600) }
      local wish = { action = actions[rng:range(1, 3)], wait = rng:range(0, 500),
        source = ({ "backoff", "rule", "hint" })[rng:range(1, 3)] }
      local free = rng:range(0, 1) == 1
      local v = p:limit(facts(f), wish, free)
      if v.action == "retry" then
        assert.are.equal("retry", wish.action)
        assert.is_true(f.now + v.wait < f.deadline_at)
        assert.is_true(f.total < 1000 and (free or f.tries < 5))
        assert.is_true(wish.source ~= "hint" or f.hint <= 300)
      elseif wish.action == "retry" then
        assert.are.equal("stop", v.action)
        assert.are_not.equal("", v.why)
      else
        assert.are.equal(wish.action, v.action)
      end
    end
  end)
end)

describe("an attempt's timeout", function()
  it("may grow, and the last one stays", function()
    for n, seconds in ipairs { 2, 5, 10, 10, 10 } do
      assert.are.equal(seconds, policy.timeout({ 2, 5, 10 }, n))
    end
  end)

  it("may be one for all, or none", function()
    assert.are.equal(30, policy.timeout({ 30 }, 7))
    assert.is_nil((policy.timeout({}, 1)))
  end)
end)

describe("a client's defaults", function()
  it("are those of the contract", function()
    local limits = core.client({}):limits()
    assert.are.equal(5, limits.attempts)
    assert.are.equal(INF, limits.deadline)
    assert.are.equal(300, limits.max_hint)
    assert.are.same({ 30 }, limits.timeout)
    assert.are.equal(10, limits.redirects)
    assert.are.equal(2 ^ 26, limits.max_body)
    assert.are.equal(2 ^ 18, limits.max_headers)
    for n, most in ipairs { 1, 2, 4, 8, 16, 32, 60, 60 } do
      local least, mean, top = core.client({}):wait(n)
      assert.are.same({ 0, most / 2, most }, { least, mean, top })
    end
  end)
end)

describe("a policy without memory", function()
  it("keeps the rules that it has", function()
    local before = unit.base.live()
    local p = new()
    local first = rule(p, "5xx")
    unit.base.fail(0)
    local index, problem = p:rule("503", {})
    unit.base.fail(-1)
    assert.is_nil(index)
    assert.are.equal("out of memory", problem)
    assert.are.equal(first, p:find(503))
    rule(p, "503")
    p = nil -- luacheck: ignore 311
    collectgarbage()
    collectgarbage()
    assert.is_true(unit.base.live() <= before)
  end)
end)
