-- Whose a client's credentials are: those of its base's origin, wherever a call,
-- a rule or a redirect sends it.
local support = require "tests.support"

local sim = support.sim

-- What the servers saw: origin path -> headers, with the query's token.
local function seen_by(fn, answers)
  local seen = {}
  local function server(request)
    seen[request.url:match "^(%a+://[^?]*)"] = { authorization = request.headers.authorization,
      key = request.headers["x-api-key"], own = request.headers["x-own"], host = request.headers.host,
      open = request.headers["x-open"], token = request.query.token, page = request.query.page }
    local answer = answers and answers[request.url:match "^(%a+://[^?]*)"]
    if answer then return answer[1], { location = answer[2] } end
    return 200
  end
  sim({ ["http://api.test"] = server, ["https://api.test"] = server, ["http://other.test"] = server,
    ["http://api.test:81"] = server }, fn)
  return seen
end

local function client_of(lull, more)
  local options = { base = "http://api.test/v1", query = { token = lull.secret "t0k", page = 2 },
    headers = { Authorization = "Bearer b", ["X-Api-Key"] = "k", ["X-Own"] = lull.secret "own", Host = "inner.test",
      ["X-Open"] = "open" } }
  for name, value in pairs(more or {}) do options[name] = value end
  return lull.client(options)
end

local ALL = { authorization = "Bearer b", key = "k", own = "own", host = "inner.test", open = "open", token = "t0k",
  page = "2" }
local NONE = { open = "open", page = "2" }


describe("a client's credentials", function()
  -- A URL that an answer named (a Link, a field of JSON) got the client's token,
  -- its key, its custom Host and its secret query, whoever it belonged to.
  it("go to its base's origin, and to no other that a call names", function()
    local seen = seen_by(function(lull)
      local api = client_of(lull)
      for _, url in ipairs { "/a", "b", "http://api.test/c", "HTTP://API.test:80/d", "http://other.test/e",
        "https://api.test/f", "http://api.test:81/g" } do assert(api:get(url)) end
    end)
    for _, at in ipairs { "http://api.test/v1/a", "http://api.test/v1/b", "http://api.test/c" } do
      assert.same(ALL, seen[at], at)
    end
    for url, host in pairs { ["http://other.test/e"] = "other.test", ["https://api.test/f"] = "api.test",
      ["http://api.test:81/g"] = "api.test:81" } do
      local fields = seen[url]
      assert.is_not_nil(fields, url)
      assert.is_true(fields.host == nil or fields.host == host, tostring(fields.host))
      fields.host = nil
      assert.same(NONE, fields, url)
    end
  end)

  it("go there when the client says so, by a call and by a rule, and by no redirect", function()
    local seen = seen_by(function(lull)
      local api = client_of(lull, { cross_origin = true })
      assert(api:get "http://other.test/e")
      assert(api:get("/start", { on = { [302] = function(attempt)
        return attempt:retry { wait = 0, url = "http://other.test/ruled" }
      end } }))
      assert(api:get "/moved")
    end, { ["http://api.test/v1/start"] = { 302, "/x" },
      ["http://api.test/v1/moved"] = { 302, "http://other.test/redirected" } })
    assert.same(ALL, seen["http://other.test/e"])
    local ruled = seen["http://other.test/ruled"]
    assert.same({ "Bearer b", "k", "own", "inner.test" }, { ruled.authorization, ruled.key, ruled.own, ruled.host })
    local redirected = seen["http://other.test/redirected"]
    assert.same({ nil, nil, nil, "open" },
      { redirected.authorization, redirected.key, redirected.own, redirected.open })
    assert.not_equal("inner.test", redirected.host)
  end)

  it("stay when a redirect or a rule leads elsewhere, a custom Host with them", function()
    for _, how in ipairs { "redirect", "rule" } do
      for _, of in ipairs { "client", "call" } do
        local on = how == "rule" and { [302] = function(attempt)
          return attempt:retry { wait = 0, url = "http://other.test/end" }
        end } or nil
        local seen = seen_by(function(lull)
          local headers = { Authorization = "Bearer b", Host = "inner.test", ["X-Open"] = "open" }
          local api = lull.client { base = of == "client" and "http://api.test" or nil,
            headers = of == "client" and headers or nil }
          assert(api:get("http://api.test/start", { headers = of == "call" and headers or nil, on = on }))
        end, { ["http://api.test/start"] = { 302, "http://other.test/end" } })
        assert.equal("inner.test", seen["http://api.test/start"].host, how .. of)
        local there = seen["http://other.test/end"]
        assert.is_nil(there.authorization, how .. of)
        assert.not_equal("inner.test", there.host, how .. of)
        assert.equal("open", there.open)
      end
    end
  end)

  it("come with the call, or with the rule, that names the URL", function()
    local seen = seen_by(function(lull)
      assert(client_of(lull):get("http://other.test/e", { headers = { Authorization = "Bearer its", Host = "its.test" },
        query = { token = lull.secret "its" } }))
      assert(client_of(lull):get("/start", { on = { [302] = function(attempt)
        return attempt:retry { wait = 0, url = "http://other.test/ruled",
          headers = { authorization = "Bearer new", host = "new.test" } }
      end } }))
    end, { ["http://api.test/v1/start"] = { 302, "/x" } })
    local there = seen["http://other.test/e"]
    assert.same({ "Bearer its", nil, nil, "its.test", "its" },
      { there.authorization, there.key, there.own, there.host, there.token })
    there = seen["http://other.test/ruled"]
    assert.same({ "Bearer new", nil, nil, "new.test" }, { there.authorization, there.key, there.own, there.host })
  end)

  it("of a client without a base go where its calls say", function()
    local seen = seen_by(function(lull)
      assert(lull.client({ headers = { Authorization = "Bearer b" } }):get "http://other.test/e")
    end)
    assert.equal("Bearer b", seen["http://other.test/e"].authorization)
  end)
end)
