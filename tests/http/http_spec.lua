-- Plain values: bounded bytes, header lists, methods and statuses.
local unit = require "lull.unit"
local http = unit.http

local function refused(text, ok, problem)
  assert.is_nil(ok)
  assert.are.equal(text, problem)
end

local LIMIT, INVALID, MEMORY = "larger than its limit", "invalid argument", "out of memory"

describe("buf", function()
  after_each(function() unit.base.fail(-1) end)

  it("grows as bytes come", function()
    local buf, expected = http.buf(1e6), {}
    for i = 1, 300 do
      local piece = ("%d\0"):format(i)
      assert.is_true(buf:add(piece))
      expected[i] = piece
    end
    assert.are.equal(table.concat(expected), (buf:look()))
  end)

  it("never grows past its maximum", function()
    local buf = http.buf(200)
    assert.is_true(buf:add(("x"):rep(150)))
    refused(LIMIT, buf:add(("y"):rep(51)))
    assert.is_true(buf:add(("y"):rep(50)))
    refused(LIMIT, buf:add("z"))
    assert.is_true(buf:add(""))
    local bytes, capacity = buf:look()
    assert.are.equal(("x"):rep(150) .. ("y"):rep(50), bytes)
    assert.are.equal(200, capacity)
  end)

  it("takes nothing at a maximum of nothing", function()
    local buf = http.buf(0)
    assert.is_true(buf:add(""))
    refused(LIMIT, buf:add("x"))
  end)

  it("keeps what it had when there is no memory", function()
    local buf = http.buf(1e6)
    buf:add("before")
    unit.base.fail(0)
    refused(MEMORY, buf:add(("x"):rep(1000)))
    unit.base.fail(-1)
    assert.are.equal("before", (buf:look()))
    assert.is_true(buf:add(" and after"))
    assert.are.equal("before and after", (buf:look()))
  end)

  it("gives memory back when it is trimmed", function()
    local buf = http.buf(1e6)
    buf:add(("x"):rep(1000))
    buf:trim()
    assert.are.equal(1000, (select(2, buf:look())))
    unit.base.fail(0)
    buf:trim() -- cannot, and says nothing
    unit.base.fail(-1)
    assert.are.equal(1000, #buf:look())
    buf:clear()
    buf:trim()
    assert.are.equal(0, (select(2, buf:look())))
    assert.is_true(buf:add("again"))
  end)
end)

describe("headers", function()
  local list, before

  before_each(function()
    collectgarbage()
    collectgarbage()
    before = unit.base.live()
    list = http.headers()
  end)

  after_each(function()
    unit.base.fail(-1)
    list:clear()
    assert.are.equal(before, unit.base.live())
  end)

  it("are found without regard to case", function()
    list:add("Content-Type", "text/plain")
    assert.are.equal("text/plain", list:get("content-type"))
    assert.are.equal("text/plain", list:get("CONTENT-TYPE"))
    assert.is_nil(list:get("content-typ"))
    assert.is_nil(list:get("content-type2"))
  end)

  it("may be repeated, and keep their order", function()
    for i = 1, 3 do
      list:add(i % 2 == 1 and "Set-Cookie" or "set-cookie", "c" .. i)
      list:add("X-" .. i, "x")
    end
    for i = 1, 3 do assert.are.equal("c" .. i, list:get("SET-COOKIE", i)) end
    assert.is_nil(list:get("set-cookie", 4))
    assert.are.same({ { "Set-Cookie", "c1" }, { "X-1", "x" }, { "set-cookie", "c2" },
      { "X-2", "x" }, { "Set-Cookie", "c3" }, { "X-3", "x" } }, list:all())
    assert.are.equal(6, list:count())
  end)

  it("lose the white space around their values, and none within", function()
    list:add("a", " \t b \t c \t ")
    assert.are.equal("b \t c", list:get("a"))
    list:add("empty", "  ")
    assert.are.equal("", list:get("empty"))
  end)

  for name, bytes in pairs { CR = "\r", LF = "\n", NUL = "\0" } do
    it("are refused with a " .. name .. " in the name or the value", function()
      for _, place in ipairs { "%sab", "a%sb", "ab%s" } do
        local text = place:format("?"):gsub("?", function() return bytes end)
        refused(INVALID, list:add(text, "value"))
        refused(INVALID, list:add("name", text))
      end
      assert.are.equal(0, list:count())
      assert.are.equal("", list:raw())
    end)
  end

  it("are refused without a name", function()
    refused(INVALID, list:add("", "value"))
    assert.are.equal(0, list:count())
  end)

  it("go through their packed form and back unchanged", function()
    local rng = unit.backoff.rng(21)
    local function word(n)
      local bytes = {}
      for i = 1, n do bytes[i] = string.char(rng:range(33, 126)) end
      return table.concat(bytes)
    end
    for _ = 1, 50 do
      assert.is_true(list:add(word(rng:range(1, 20)), word(rng:range(0, 40))))
    end
    local copy = http.headers()
    assert.is_true(copy:add_raw(list:raw()))
    assert.are.equal(list:raw(), copy:raw())
    assert.are.equal(50, copy:count())
    copy:clear()
  end)

  it("are refused in a packed form that is cut or malformed", function()
    refused(INVALID, list:add_raw("a\0b"))
    refused(INVALID, list:add_raw("a"))
    refused(INVALID, list:add_raw("\0b\0"))
    refused(INVALID, list:add_raw("a\0b\r\nc: d\0"))
    assert.is_true(list:add_raw(""))
  end)

  it("stay within their limit, names and values together", function()
    local small = http.headers(10) -- with a NUL after each
    assert.is_true(small:add("abc", "defg"))
    refused(LIMIT, small:add("h", ""))
    assert.are.equal(1, small:count())
    assert.are.equal("abc\0defg\0", small:raw())
    small:clear()
    assert.is_true(small:add("abcd", "efgh"))
    small:clear()
  end)

  it("are as they were when there is no memory for one more", function()
    for n = 0, 4 do
      unit.base.fail(-1)
      list:clear()
      list:add("a", "b")
      unit.base.fail(n)
      local ok, problem = list:add("long", ("x"):rep(500))
      if not ok then
        assert.are.equal(MEMORY, problem)
        assert.are.same({ { "a", "b" } }, list:all())
        assert.are.equal(1, list:count())
      end
    end
  end)

  describe("from lines", function()
    local function one(line)
      list:clear()
      assert.is_true(list:add_line(line))
      return list:all()[1]
    end

    it("come without the line's end", function()
      assert.are.same({ "Name", "value" }, one("Name: value\r\n"))
      assert.are.same({ "Name", "value" }, one("Name:value\n"))
      assert.are.same({ "Name", "value" }, one("Name:  value "))
      assert.are.same({ "Name", "" }, one("Name:\r\n"))
      assert.are.same({ "Name", "a: b: c" }, one("Name: a: b: c\r\n"))
    end)

    it("are left out when they are no field", function()
      for _, line in ipairs { "", "\r\n", "\n", "no colon\r\n", ": no name\r\n",
        "HTTP/1.1 200 OK\r\n", "a\0b: c\r\n", "a: b\0c\r\n", "a: b\rc: d\r\n" } do
        assert.is_nil(one(line))
      end
    end)

    -- They were left out once, and a Retry-After with its value on the next
    -- line was empty.
    it("that go on in the next are one: RFC 9112 section 5.2", function()
      one("Name: value\r\n")
      assert.is_true(list:add_line(" and more\r\n"))
      assert.is_true(list:add_line("\t and more \r\n"))
      assert.is_true(list:add_line("  \r\n"))
      assert.are.same({ { "Name", "value and more and more" } }, list:all())
      one("Retry-After:\r\n")
      assert.is_true(list:add_line("\t5\r\n"))
      assert.is_true(list:add_line("Other: x\r\n"))
      assert.are.same({ { "Retry-After", "5" }, { "Other", "x" } }, list:all())
    end)

    -- Such a line would become a header whose name begins with a blank.
    it("that go on in the next with a colon are no field of their own", function()
      one("Name: value\r\n")
      assert.is_true(list:add_line(" and: more\r\n"))
      assert.are.same({ { "Name", "value and: more" } }, list:all())
    end)

    it("that are no field take what goes on with them along", function()
      one("Name: value\r\n")
      for _, line in ipairs { "Name : smuggled\r\n", " more\r\n", "no colon\r\n",
        " more\r\n", "a: b\0c\r\n", " more\r\n" } do
        assert.is_true(list:add_line(line))
      end
      assert.are.same({ { "Name", "value" } }, list:all())
      list:clear()
      assert.is_true(list:add_line(" nothing before it\r\n"))
      assert.are.same({}, list:all())
    end)

    it("that go on count towards the limit", function()
      local small = http.headers(10)
      assert.is_true(small:add_line("abc: def\r\n"))
      refused(LIMIT, small:add_line(" ghi\r\n"))
      assert.are.same({ { "abc", "def" } }, small:all())
      small:clear()
    end)
  end)
end)

describe("method", function()
  -- RFC 9110 section 9.2.
  local SAFE, IDEMPOTENT, OTHER = { "GET", "HEAD", "OPTIONS", "TRACE" },
    { "PUT", "DELETE" }, { "POST", "PATCH", "PURGE", "M-SEARCH", "MY_OWN" }

  it("is safe and idempotent", function()
    for _, name in ipairs(SAFE) do
      assert.are.same({ true, true, true }, { http.method(name) })
    end
  end)

  it("is idempotent only", function()
    for _, name in ipairs(IDEMPOTENT) do
      assert.are.same({ true, false, true }, { http.method(name) })
    end
  end)

  it("is neither", function()
    for _, name in ipairs(OTHER) do
      assert.are.same({ true, false, false }, { http.method(name) })
    end
  end)

  it("is none: lower case, empty, with a space or a line end, CONNECT", function()
    for _, name in ipairs { "", "get", "Get", "GET ", " GET", "GET /", "G\r\nET",
      "GE:T", "CONNECT", "GÉT" } do
      assert.is_false((http.method(name)))
    end
  end)
end)

describe("status text", function()
  it("names what an RFC names", function()
    for status, text in pairs { [200] = "OK", [404] = "Not Found",
      [429] = "Too Many Requests", [503] = "Service Unavailable" } do
      assert.are.equal(text, http.status_text(status))
    end
  end)

  it("is empty for the rest", function()
    for _, status in ipairs { 0, -1, 99, 299, 599, 600, 999, 100000 } do
      assert.are.equal("", http.status_text(status))
    end
  end)
end)
