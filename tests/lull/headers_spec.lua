-- Headers that a function makes anew for each request. Signatures, times and
-- credentials had to be set by hand, once for a call: what was tried again went
-- out with what had been made for the first attempt.
local sim = require "lull.sim"
local support = require "tests.support"
local wire = require "tests.wire"

local function has(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in %q"):format(part, tostring(text)), 2) end
end

-- What the server saw under that name, request by request.
local function seen(t, name)
  local list = {}
  for i, request in ipairs(t.requests) do list[i] = request.headers[name] or "-" end
  return table.concat(list, " ")
end

after_each(wire.clean)

describe("a function in the place of a header's value", function()
  it("is asked for each attempt, and told of the request", function()
    local told = {}
    local t = support.sim(support.replies { 503, 503, 200 }, function(lull)
      local api = lull.client { base = "http://api.test", backoff = "const:1s", headers = {
        ["x-sign"] = function(request)
          told[#told + 1] = request
          return ("%s-%d-%g"):format(request.method, request.attempt, lull.now())
        end } }
      assert(api:put("/a?b=1", { body = "text" }))
    end)
    assert.are.equal("PUT-1-0 PUT-2-1 PUT-3-2", seen(t, "x-sign"))
    assert.are.same({ method = "PUT", url = "http://api.test/a?b=1", body = "text", attempt = 2 }, told[2])
  end)

  it("is asked when its lane lets the attempt go, and not before", function()
    local t = support.sim(function() return 200 end, function(lull)
      local api = lull.client { base = "http://api.test", limit = "1/10s",
        headers = { ["x-at"] = function() return lull.now() end } }
      lull.each({ 1, 2, 3 }, { parallel = 3 }, function() assert(api:get "/") end)
    end)
    assert.are.equal("0 10 20", (seen(t, "x-at"):gsub("%.0", "")))
  end)

  it("is one of a call's, or of all headers, and the call's own go before its client's", function()
    local t = support.sim(function() return 200 end, function(lull)
      local n = 0
      local api = lull.client { base = "http://api.test", headers = function(request)
        n = n + 1
        return { ["X-All"] = request.method .. n, ["x-given"] = "client", [n == 1 and "x-first" or "x-then"] = n }
      end }
      assert(api:get("/", { headers = { ["X-Given"] = "call", ["x-one"] = function() return { "a", "b" } end } }))
      assert(api:get("/", { headers = function() return { ["x-all"] = false } end }))
      assert(api:with({ headers = { ["x-given"] = function() return "with" end } }):get("/"))
    end)
    assert.are.equal("GET1 - GET3", seen(t, "x-all"))
    assert.are.equal("call client with", seen(t, "x-given"))
    assert.are.equal("1 - -", seen(t, "x-first"))
    assert.are.equal("- 2 3", seen(t, "x-then"))
    assert.are.equal("a, b - -", seen(t, "x-one"))
  end)

  it("takes back what it does not make any more", function()
    local t = support.sim(support.replies { 503, 503, 200, 200 }, function(lull)
      local n = 0
      assert(lull.get("http://api.test/", { headers = {
        ["x-some"] = function(request) return request.attempt ~= 2 and "yes" or nil end,
        ["x-kind"] = function(request) return request.attempt == 2 and lull.secret "hidden" or "open" end,
      } }))
      assert(lull.get("http://api.test/", { headers = function()
        n = n + 1
        return n == 1 and { authorization = "a" } or nil
      end }))
    end)
    assert.are.equal("yes - yes -", seen(t, "x-some"))
    assert.are.equal("open hidden open -", seen(t, "x-kind"))
  end)

  it("may send and wait itself, though the lane has one place, and the rate is exact", function()
    local t = support.sim(function() return 200 end, function(lull)
      local api = lull.client { base = "http://api.test", limit = { "4/1h", burst = true, parallel = 1 } }
      local plain = api
      api = api:with { headers = { ["x-nonce"] = function()
        lull.sleep(1)
        return assert(plain:post("/nonce", { unsafe = true })).status
      end } }
      for _ = 1, 2 do assert(api:get "/a") end
      assert.are.equal(2, lull.now())
    end)
    assert.are.equal("- 200 - 200", seen(t, "x-nonce"))
    assert.are.equal(2, t.now)
  end)

  it("is asked for each leg of a hedged call, which goes without what is not made at once", function()
    local n = 0
    local function make() n = n + 1 return n end
    local function late() return { delay = 5 } end
    local t = support.sim(late, function(lull)
      local api = lull.client { base = "http://api.test", hedge = 1 }
      assert(api:get("/", { headers = { ["x-n"] = make } }))
    end)
    assert.are.equal("1 2", seen(t, "x-n"))
    t = support.sim(late, function(lull)
      local api = lull.client { base = "http://api.test", hedge = 1 }
      n = 0
      for _, wait in ipairs { 2, 20 } do
        assert(api:get("/", { headers = { ["x-n"] = function()
          if n % 2 == 1 then lull.sleep(wait) end
          return make()
        end } }))
      end
    end)
    assert.are.equal("1 3", seen(t, "x-n"))
    assert.are.equal(0, t.live)
  end)

  it("is asked for each request of a redirect, and what says who one is stays with its origin", function()
    local function servers()
      return { ["http://api.test"] = function(request)
        if request.path == "/away" then return { status = 302, headers = { location = "http://other.test/x" } } end
        return request.path == "/b" and 200 or { status = 302, headers = { location = "/b" } }
      end, ["http://other.test"] = function() return 200 end }
    end
    for _, whose in ipairs { "client", "call" } do
      local urls = {}
      local headers = {
        ["x-open"] = function(request) urls[#urls + 1] = request.url return #urls end,
        authorization = function() return "who" end,
        ["x-mine"] = function() return require("lull").secret "mine" end,
      }
      local t = support.sim(servers(), function(lull)
        local api = lull.client { base = "http://api.test", headers = whose == "client" and headers or nil }
        local options = whose == "call" and { headers = headers } or nil
        assert(api:get("/a", options))
        assert(api:get("/away", options))
        assert(api:get("http://other.test/y", options))
      end)
      assert.are.equal("1 2 3 4 5", seen(t, "x-open"))
      -- The last is the call's own URL: its headers are for that, its client's are not.
      local last = whose == "call" and "who" or "-"
      assert.are.equal("who who who - " .. last, seen(t, "authorization"))
      assert.are.equal("mine mine mine - " .. (whose == "call" and "mine" or "-"), seen(t, "x-mine"))
      assert.are.same({ "http://api.test/a", "http://api.test/b", "http://api.test/away", "http://other.test/x",
        "http://other.test/y" }, urls)
    end
  end)

  it("comes back with the call from where a redirect led", function()
    local n = 0
    local t = support.sim({
      ["http://api.test"] = function() return { status = 307, headers = { location = "http://other.test/x" } } end,
      ["http://other.test"] = function()
        n = n + 1
        return n == 1 and 503 or n == 2 and 404 or 200
      end }, function(lull)
      local made = 0
      assert(lull.get("http://api.test/", { backoff = "const:1s", headers = { authorization = function()
        made = made + 1
        return "who" .. made
      end } }))
    end)
    assert.are.equal("who1 - - who4 -", seen(t, "authorization"))
  end)

  it("that raises ends the call at its own line, and so does one that gives no header", function()
    local place
    local t = support.sim(function() return 200 end, function(lull)
      local ok, err = lull.try(function()
        return lull.get("http://api.test/", { headers = { ["x-a"] = function()
          place = support.line(1)
          error "no key"
        end } })
      end)
      assert.is_false(ok)
      assert.are.equal(place .. "no key", tostring(err):match "[^\n]*")
      local what = "what a function makes of headers"
      for _, wrong in ipairs {
        { "x-a", true, what .. "['x-a'] must be a string, not a boolean" },
        { "x-a", "a\nb", what .. "['x-a'] holds a line end" }, { "x-a", function() end, "not a function" },
        { nil, "text", what .. " must be a table, not a string" },
        { nil, { [""] = "x" }, "'' is no name of a header" },
      } do
        place = support.line(1)
        local function make() return wrong[2] end
        local headers = wrong[1] and { [wrong[1]] = make } or make
        ok, err = lull.try(function() return lull.get("http://api.test/", { headers = headers }) end)
        assert.is_false(ok)
        assert.are.equal(place, tostring(err):sub(1, #place))
        has(err, wrong[3])
      end
      assert.are.equal(200, lull.get("http://api.test/", { headers = { ["x-a"] = function() end } }).status)
    end)
    assert.are.equal(1, #t.requests)
    assert.are.equal(0, t.live)
  end)

  it("that takes longer than its call has ends with it, and a cancelled one at once", function()
    local t = support.sim(function() return 200 end, function(lull)
      local function slow() lull.sleep(100) return "x" end
      local _, err = lull.get("http://api.test/", { deadline = 10, headers = { ["x-a"] = slow } })
      assert.are.equal("deadline", err.why)
      assert.are.equal(0, err.attempts)
      local task = lull.spawn(function() return lull.get("http://api.test/", { headers = { ["x-a"] = slow } }) end)
      lull.sleep(1)
      task:cancel()
      assert.are.equal("cancelled", select(2, task:join()).why)
      assert.are.equal(200, lull.get("http://api.test/").status)
    end)
    assert.are.equal(1, #t.requests)
    assert.are.equal(0, t.live)
  end)

  it("serves a program outside of every task", function()
    local left = support.outside(function(request) return { body = request.headers["x-a"] } end, function(lull)
      local function now() return "now" end
      assert.are.equal("now", lull.get("http://api.test/", { headers = { ["x-a"] = now } }).body)
      assert.are.equal("then", lull.get("http://api.test/",
        { headers = { ["x-a"] = function() lull.sleep(1) return "then" end } }).body)
    end)
    assert.are.equal(0, left)
  end)

  it("changes nothing of what a journal remembers", function()
    local journal, n, sent = sim.journal(), 0, {}
    local function script()
      local lull = require "lull"
      local api = lull.client { base = "http://api.test", headers = { ["x-n"] = function()
        n = n + 1
        lull.sleep(1)
        return n
      end } }
      local results = {}
      lull.each({ "a", "b" }, function(x)
        local first = assert(api:get("/first/" .. x))
        assert(api:post("/last/" .. x, { body = first.body }))
      end)
      return results
    end
    local function server(request)
      sent[#sent + 1] = request.method .. request.path .. " " .. request.headers["x-n"]
      return { body = "same" }
    end
    local function run(options)
      options.script, options.world, options.journal = script, server, journal
      return sim.run(options)
    end
    local first = run {}
    assert.is_nil(first.err)
    assert.are.equal(4, #sent)
    assert.is_nil(run({}).err)
    assert.are.equal(4, #sent)
  end)

  it("is sent over the wire, for each attempt and redirect", function()
    local sim_story, real_story = wire.both([[
      local n = 0
      return { ["http://api.test"] = function(request)
        n = n + 1
        if request.path == "/go" then return { status = 302, headers = { location = "/there" } } end
        if request.headers["x-n"] ~= tostring(n) then return 400 end
        return n % 2 == 0 and 503 or 200
      end }
    ]], function(lull, base)
      local n = 0
      local api = lull.client { base = base, backoff = "const:10ms", headers = { ["x-n"] = function()
        n = n + 1
        if n == 3 then lull.sleep(0.01) end
        return n
      end } }
      for _ = 1, 3 do assert(api:get "/") end
      assert(api:get "/go")
      assert(api:post("/", { body = "x", unsafe = true }))
    end)
    assert.are.same(sim_story, real_story)
    assert.is_true(#real_story >= 7)
  end)

  it("is no verdict's, and no list's", function()
    support.sim(support.replies { 503, 200 }, function(lull)
      local ok, err = lull.try(function()
        return lull.get("http://api.test/", { on = { [503] = function(attempt)
          return attempt:retry { headers = { ["x-a"] = function() end } }
        end } })
      end)
      assert.is_false(ok)
      has(err, "headers['x-a'] must be a string, not a function")
      ok, err = pcall(lull.client, { headers = { ["x-a"] = { function() end } } })
      assert.is_false(ok)
      has(err, "headers['x-a'] must be a string, not a function")
    end)
  end)
end)
