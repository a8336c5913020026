-- Small conversions: durations for people, encodings, sorted tables, nearest
-- names.
local support = require "tests.support"
local lull = support.fresh()
local text, usage = require "lull.text", require "lull.usage"

describe("a duration for people", function()
  it("is as short as it can be", function()
    local expected = {
      { 0, "0s" }, { 0.001, "0s" }, { 0.005001, "0.01s" }, { 0.25, "0.25s" }, { 0.5, "0.5s" }, { 1, "1s" },
      { 2.5, "2.5s" }, { 9.99, "9.99s" }, { 9.996, "10s" }, { 10, "10s" }, { 12.34, "12.3s" }, { 59.94, "59.9s" },
      { 59.96, "1m 0s" }, { 60, "1m 0s" }, { 161, "2m 41s" }, { 3599.4, "59m 59s" }, { 3599.6, "1h 0m" },
      { 3600, "1h 0m" }, { 11100, "3h 5m" }, { 172799, "47h 59m" }, { 172800, "2d" }, { 1728000000, "20000d" },
      { math.huge, "for ever" },
    }
    for _, pair in ipairs(expected) do assert.are.equal(pair[2], text.duration(pair[1])) end
  end)
end)

describe("a number as text", function()
  it("is the same on every Lua", function()
    for _, pair in ipairs { { 3.0, "3" }, { -7, "-7" }, { 1e15, "1000000000000000" }, { 2 ^ 53, "9007199254740992" },
      { 0.5, "0.5" }, { "x", "x" }, { true, "true" } } do
      assert.are.equal(pair[2], text.number(pair[1]))
    end
  end)

  -- An id in a query was rounded to an even one.
  it("loses no digit of an integer", function()
    if not math.type then return end
    assert.are.equal("9007199254740993", text.number(math.tointeger("9007199254740993")))
  end)
end)

describe("escape", function()
  it("leaves unreserved characters only", function()
    assert.are.equal("AZaz09-._~", lull.escape("AZaz09-._~"))
    assert.are.equal("%20%25%2F%2B%00%C3%A9", lull.escape(" %/+\0\195\169"))
    assert.are.equal("5", lull.escape(5))
  end)
end)

describe("a form", function()
  it("is sorted, encoded, and repeats the name of a list", function()
    assert.are.equal("", text.form {})
    assert.are.equal("a=1&a=2&b=x%20y&c=", text.form { b = "x y", a = { 1, 2 }, c = "" })
    assert.are.equal("1=a&2=b&x=c", text.form { "a", "b", x = "c" })
    assert.are.equal("a%26=%3D", text.form { ["a&"] = "=" })
    assert.are.equal("k=s", text.form { k = lull.secret "s" })
    assert.are.equal("f=false", text.form { f = false })
  end)

  -- It was sent as "table: 0x55...".
  it("takes texts, numbers and booleans only", function()
    for _, bad in ipairs { { a = { { 1 } } }, { a = print }, { a = { b = {} , {} } }, { a = lull.json.null } } do
      local place, fine, err = support.line(1), pcall(function()
        text.form(bad) end)
      assert.is_false(fine)
      assert.is_truthy(err:find(place .. "the field 'a' must be a string, a number or a boolean, not a ", 1, true), err)
    end
  end)
end)

describe("sorted", function()
  it("walks numbers first, then texts, whatever the Lua", function()
    local t = { b = 1, a = 2, [10] = 3, [9] = 4, [true] = 5, [1.5] = 6 }
    local keys = {}
    for key, value in lull.sorted(t) do
      keys[#keys + 1] = tostring(key)
      assert.are.equal(t[key], value)
    end
    assert.are.same({ "1.5", "9", "10", "a", "b", "true" }, keys)
  end)

  it("walks values that are false, and nothing in an empty table", function()
    local n = 0
    for _, value in lull.sorted { a = false, b = false } do
      assert.is_false(value)
      n = n + 1
    end
    assert.are.equal(2, n)
    for key in lull.sorted {} do error(key) end
  end)
end)

describe("the nearest name", function()
  local names = { timeout = 1, attempts = 1, on = 1, key = 1, backoff = 1 }

  it("is one that a slip of the finger away", function()
    for wrong, right in pairs { timout = "timeout", tiemout = "timeout", Timeout = "timeout", atempts = "attempts",
      attempt = "attempts", no = "on", backof = "backoff", keys = "key" } do
      assert.are.equal(right, usage.nearest(wrong, names))
    end
  end)

  it("is none when nothing is near", function()
    for _, wrong in ipairs { "", "x", "retries", "something", 5, true } do
      assert.is_nil(usage.nearest(wrong, names))
    end
  end)

  it("of two that are equally near is the first by name", function()
    assert.are.equal("aa", usage.nearest("ab", { ac = 1, aa = 1, ad = 1 }))
  end)
end)

describe("a count", function()
  it("has the plural where it should", function()
    assert.are.same({ "0 attempts", "1 attempt", "2 attempts" },
      { text.count(0, "attempt"), text.count(1, "attempt"), text.count(2, "attempt") })
  end)
end)
