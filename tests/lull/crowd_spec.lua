-- Many calls without tasks, as `lull --each` makes them.
local support = require "tests.support"

local function numbers(n)
  local i = 0
  return function()
    i = i + 1
    if i <= n then return i end
  end
end

-- Does a GET of /1, /2, ... for each value of the source; gives the summary, and
-- what each came to.
local function crowd_of(lull, source, parallel, options)
  local client, crowd = require "lull.client", require "lull.crowd"
  local api, ends = lull.client(options), {}
  assert.is_true(client.is_unattended(api))
  local sum = crowd.run(source, parallel, function(value)
    if value == "bad" then return nil, nil, { why = "rule" } end
    local id, res, err = client.begin(api, "GET", "/" .. value)
    if id then return id, value, "of " .. value end
    return nil, res, err
  end, function(details, value, text, none)
    assert.is_nil(none)
    local res, err = client.ended(api, details, false)
    ends[#ends + 1] = { value, text, res and res.body or err.why }
    return res, err
  end)
  return sum, ends
end

local BASE = "http://api.test"

describe("a crowd", function()
  it("does a call for each item, so many at once, and counts what they come to", function()
    local flying, most = 0, 0
    local t = support.sim(function(request)
      flying = flying + 1
      most = math.max(most, flying)
      require("lull").sleep(1)
      flying = flying - 1
      if request.path == "/7" then return 404 end
      return 200, nil, "body " .. request.path
    end, function(lull)
      local sum, ends = crowd_of(lull, numbers(20), 4, { base = BASE })
      assert.are.same({ 20, 19, 1, 0, 1 }, { sum.total, sum.done, sum.failed, sum.open, sum.code })
      table.sort(ends, function(a, b) return a[1] < b[1] end)
      for i, one in ipairs(ends) do
        assert.are.same({ i, "of " .. i, i == 7 and "rule" or "body /" .. i }, one)
      end
    end)
    assert.equal(4, most)
    assert.equal(20, #t.requests)
    assert.equal(5, t.now)
    assert.equal(0, t.live)
  end)

  it("retries as others do, and goes on with the next item meanwhile", function()
    local seen = {}
    support.sim(function(request)
      seen[request.path] = (seen[request.path] or 0) + 1
      return seen[request.path] == 1 and request.path == "/1" and 503 or 200
    end, function(lull)
      local sum, ends = crowd_of(lull, numbers(3), 2, { base = BASE })
      assert.are.same({ 3, 0 }, { sum.done, sum.code })
      assert.are.same({ 2, 3, 1 }, { ends[1][1], ends[2][1], ends[3][1] })
    end)
  end)

  it("counts items that have no call, and those that cannot be read", function()
    local broken
    support.sim(function() return 200 end, function(lull)
      broken = setmetatable({ file = "rows", line = 2, broken = "no row" }, require("lull.tasks").Broken)
      local list, i = { "a", broken, "bad", "b" }, 0
      local err, stderr = {}, io.stderr
      io.stderr = { write = function(_, ...) err[#err + 1] = table.concat { ... } end } -- luacheck: ignore
      local ok, sum = lull.try(crowd_of, lull, function()
        i = i + 1
        return list[i]
      end, 10, { base = BASE })
      io.stderr = stderr -- luacheck: ignore
      assert.is_true(ok, sum)
      assert.are.same({ 4, 2, 2, 1 }, { sum.total, sum.done, sum.failed, sum.broken })
      assert.are.same({ "lull: rows:2: no row\n" }, err)
    end)
  end)

  it("has nothing to wait for when there is no item", function()
    support.sim(function() return 200 end, function(lull)
      local sum = crowd_of(lull, numbers(0), 10, { base = BASE })
      assert.are.same({ 0, 0 }, { sum.total, sum.code })
    end)
  end)

  it("ends with the error of what makes its calls", function()
    local t = support.sim(function() return 200 end, function()
      require("lull.crowd").run(numbers(3), 2, function() error "no call" end)
    end, { may_fail = true })
    assert.is_false(t.ok)
    assert.is_truthy(tostring(t.err):find("no call", 1, true))
  end)

  -- A task held two thousand bytes while it waited.
  it("holds few bytes of Lua's for each that waits", function()
    local MANY = 4000
    local function slow()
      require("lull").sleep(10)
      return 200
    end
    support.sim(slow, function(lull)
      local before, within
      lull.spawn(function()
        collectgarbage()
        before = collectgarbage "count"
        lull.sleep(5) -- all have begun, and few have left their lane
        collectgarbage()
        within = collectgarbage "count"
      end)
      local sum = crowd_of(lull, numbers(MANY), MANY, { base = BASE })
      assert.equal(MANY, sum.done)
      local each = (within - before) * 1024 / MANY
      assert.is_true(each < 200, ("%.0f bytes each"):format(each))
    end)
  end)

  it("is not for clients whose calls ask the script", function()
    support.sim(function() return 200 end, function(lull)
      local client = require "lull.client"
      assert.is_true(client.is_unattended(lull.client { on = { [404] = "accept" }, key = true }))
      assert.is_false(client.is_unattended(lull.client { on = { [404] = function() end } }))
      assert.is_false(client.is_unattended(lull.client { headers = { a = function() end } }))
      assert.is_false(client.is_unattended(lull.client { auth = lull.token(function() return "x", 60 end) }))
    end)
  end)
end)
