-- JSON: what lua-cjson would lose or change is kept.
local support = require "tests.support"
local lull = support.fresh()
local json = lull.json

local function same(text, value)
  assert.are.equal(text, json.encode(value))
end

local function refused(words, value)
  local place, fine, err = support.line(1), pcall(function()
    json.encode(value) end)
  assert.is_false(fine)
  assert.are.equal(place .. words, err:sub(1, #place + #words))
end

describe("json.encode", function()
  it("writes what JSON has", function()
    same("null", json.null)
    same("true", true)
    same("false", false)
    same('"a\\u0000b\\n\\"\\\\"', "a\0b\n\"\\")
    same("[1,2,3]", { 1, 2, 3 })
    same("[1,null,3]", { 1, json.null, 3 })
    same('{"a":{"b":[]}}', { a = { b = json.empty_array } })
    same("[]", json.empty_array)
    same("{}", {})
  end)

  -- With a journal, when names are in order, a list ended at its first hole.
  it("writes a hole of a list as null, with names in order, too", function()
    for _, in_order in ipairs { false, true } do
      json.in_order = in_order
      same("[1,null,3]", { 1, nil, 3 })
      same("[null,null,3]", { [3] = 3 })
      same('{"a":[null,2]}', { a = { nil, 2 } })
      refused("cannot make JSON of this: table: excessively sparse array", { [4711] = 1 })
    end
    json.in_order = false
  end)

  it("writes whole numbers whole, and others with the digits they need", function()
    same("0", 0)
    same("3", 3.0)
    same("-17", -17)
    same("100000000000000", 1e14)
    same("123456789012345", 123456789012345)
    same("9007199254740991", 2 ^ 53 - 1)
    same("9007199254740992", 2 ^ 53)
    same("-9007199254740992", -2 ^ 53)
    same("0.1", 0.1)
    same("0.3", 0.3)
    same("1.5", 1.5)
    for _, n in ipairs { 1 / 3, 0.1 + 0.2, 1e300, 5e-324, 1.7976931348623157e308, 2 ^ 60, 1e21, 123456.789e3 } do
      assert.are.equal(n, tonumber(json.encode(n)))
      assert.are.equal(n, tonumber(json.encode({ x = n }):match("^{\"x\":(.*)}$")))
    end
  end)

  it("writes integers of 64 bits to the last digit, where Lua has them", function()
    if not math.type then return end
    same("9223372036854775807", math.tointeger("9223372036854775807"))
    same("[9007199254740993]", { math.tointeger("9007199254740993") })
  end)

  it("changes nothing in what it is given", function()
    local value = { big = 2 ^ 60, s = lull.secret "x", list = { 1 / 3 } }
    json.encode(value)
    assert.are.equal(2 ^ 60, value.big)
    assert.are.equal(1 / 3, value.list[1])
    assert.are.equal("***", tostring(value.s))
  end)

  it("opens secrets", function()
    same('{"key":"hush"}', { key = lull.secret "hush" })
  end)

  it("may see a table twice, but not within itself", function()
    local shared = { 1 }
    same("[[1],[1]]", { shared, shared })
    local loop = {}
    loop.loop = { loop }
    refused("cannot make JSON of this: a table that holds itself cannot be JSON", loop)
  end)

  it("says what it cannot write, at the caller's line", function()
    refused("cannot make JSON of this: function: type not supported", { f = function() end })
    refused("cannot make JSON of this: number: must not be NaN or Inf", 0 / 0)
    refused("cannot make JSON of this: number: must not be NaN or Inf", { 1 / 0 })
    refused("cannot make JSON of this: table: excessively sparse array", { [1] = 1, [1000] = 2 })
  end)

  it("cannot be led astray by a text that looks like its own mark", function()
    assert.is_false(pcall(json.encode, "\1lull:raw:]"))
    same('"lull:raw:1"', "lull:raw:1")
  end)

  it("empty_array stays empty", function()
    assert.is_false(pcall(function() json.empty_array[1] = 1 end))
  end)
end)

describe("json.decode", function()
  -- What was read and sent back had {} for each [].
  it("knows an empty list again when it is written", function()
    local text = '{"a":[[],{},[{}]],"b":{},"c":"[]","d\\"[]":[]}'
    local read = json.decode(text)
    json.in_order = true
    same(text, read)
    assert.are.same({ { {}, {}, { {} } }, 0 }, { read.a, #read.a[1] })
    read.a[1][1], read.a[2].x = 1, {}
    same('[[1],{"x":{}},[{}]]', read.a)
    json.in_order = false
    same("[]", json.decode " [\n ] ")
    same('["[]"]', json.decode '["[]"]')
    same("[12]", json.decode "[12]")
    assert.is_nil((json.decode "[[]"))
  end)

  it("reads what JSON has", function()
    assert.are.same({ a = { 1, 2.5, "x", true, false, json.null } },
      json.decode '{"a":[1,2.5,"x",true,false,null]}')
    assert.are.equal(json.null, json.decode "null")
    -- With a byte order mark, as .NET writes files: RFC 8259, section 8.1.
    assert.are.same({ a = 1 }, json.decode '\239\187\191{"a":1}')
    assert.are.same({ id = "12345678901234567890" }, json.decode '\239\187\191{"id":12345678901234567890}')
    assert.is_nil((json.decode '{"a":1}\239\187\191'))
    assert.is_nil((json.decode "\239\187\191"))
    assert.are.equal("\233\169\172" and "馬", json.decode '"\\u99ac"')
  end)

  it("gives whole numbers as integers, where Lua has them", function()
    if not math.type then return end
    assert.are.equal("integer", math.type(json.decode "3"))
    assert.are.equal("integer", math.type(json.decode '{"a":[{"b":-7}]}'.a[1].b))
    assert.are.equal("float", math.type(json.decode "[3.5]"[1]))
    assert.are.equal("3", tostring(json.decode "[3]"[1]))
  end)

  it("gives whole numbers beyond 2^53 as texts of their digits", function()
    for _, digits in ipairs { "9007199254740993", "-9007199254740993", "12345678901234567890", "18446744073709551615",
      "-9223372036854775808", "9223372036854775807", "100000000000000000000" } do
      assert.are.equal(digits, json.decode(digits))
      assert.are.same({ id = digits }, json.decode('{"id":' .. digits .. "}"))
      assert.are.same({ digits, "x" }, json.decode("[ " .. digits .. ' ,"x"]'))
    end
    for _, digits in ipairs { "9007199254740992", "-9007199254740992", "9007199254740991", "1000000000000000" } do
      assert.are.equal(tonumber(digits), json.decode(digits))
    end
  end)

  it("leaves long digits alone in texts, fractions and exponents", function()
    local text = '{"a":"12345678901234567890","b\\"12345678901234567890":1.2345678901234567,"c":12345678901234567e1,'
      .. '"d":"\\\\","e":"x\\"9007199254740993"}'
    local value = json.decode(text)
    assert.are.equal("12345678901234567890", value.a)
    assert.are.equal(1.2345678901234567, value['b"12345678901234567890'])
    assert.are.equal(12345678901234567e1, value.c)
    assert.are.equal("\\", value.d)
    assert.are.equal('x"9007199254740993', value.e)
  end)

  it("gives nil and what is wrong", function()
    for _, bad in ipairs { "", " ", "<html>", "{", '{"a":}', "[1,]", "12 34", '"open', '{"id":9007199254740993' } do
      local value, problem = json.decode(bad)
      assert.is_nil(value)
      assert.is_truthy(problem:find("^not JSON: "), problem)
    end
  end)

  it("takes a text, or says so at the caller's line", function()
    local place, fine, err = support.line(1), pcall(function()
      json.decode(nil) end)
    assert.is_false(fine)
    assert.are.equal(place .. "JSON is decoded from a string, not a nil", err)
  end)

  it("survives deep nesting", function()
    assert.is_truthy(json.decode(("["):rep(500) .. ("]"):rep(500)))
    assert.is_nil((json.decode(("["):rep(100000) .. ("]"):rep(100000))))
  end)

  it("reads back what encode wrote", function()
    local random = support.generator(3)
    local function value(depth)
      local kind = random(1, depth > 3 and 4 or 6)
      if kind == 1 then return random(-1000000, 1000000) end
      if kind == 2 then return random(1, 1000000) / random(1, 1000) end
      if kind == 3 then return ("x\"\\\n\1é"):rep(random(0, 3)) .. random(1, 99) end
      if kind == 4 then return random(0, 1) == 1 end
      local t = {}
      for i = 1, random(1, 4) do t[kind == 5 and i or "k" .. i] = value(depth + 1) end
      return t
    end
    for _ = 1, 200 do
      local v = value(0)
      assert.are.same(v, json.decode(json.encode(v)))
    end
  end)
end)

describe("lua-cjson", function()
  -- It is loaded for the first text of JSON, which may come late.
  it("is missed when lull is loaded, not in the middle of the work", function()
    local wire = require "tests.wire"
    local result = wire.script [[
      package.cpath = package.cpath:match "[^;]*build[^;]*"
      print(pcall(require, "lull"))
    ]]
    assert.matches("^false\t.*module 'cjson' not found", result.out)
    wire.clean()
  end)
end)
