-- Response headers -> how long to wait, and why. The vectors are those of
-- the standards and of what servers and clients were seen to do; each table
-- row is one test.

local hint = require("lull.unit").hint

local unpack = rawget(table, "unpack") or unpack

local HUGE = math.huge
local DATE = "Fri, 29 Sep 2023 16:26:37 GMT"
local AT = 1696004797 -- DATE

-- "Name: value" lines, or {name, value} pairs, to the list C wants.
local function headers(lines)
  local list = {}
  for _, line in ipairs(lines) do
    if type(line) == "string" then
      local name, value = line:match("^([^:]+):%s*(.*)$")
      line = { name, value }
    end
    list[#list + 1] = line
  end
  return list
end

local function read(lines, status, wall)
  return hint.read(headers(lines), status or 503, wall or AT)
end

local function quota(lines, wall)
  return hint.quota(headers(lines), wall or AT)
end

local function near(expected, got)
  if expected == got then
    return
  end
  -- a double holds microseconds exactly for 285 years only
  assert.is_true(math.abs(expected - got) < math.max(1e-6, expected * 1e-15),
    ("expected %s, got %s"):format(tostring(expected), tostring(got)))
end

-- One test a row: { text, seconds or nil }, the text in `field`.
local function field_rows(field, source, status, rows)
  for _, row in ipairs(rows) do
    local text, wait = row[1], row[2]
    local shown = #text > 40 and text:sub(1, 40) .. "..." or text
    it(("%s: %q -> %s"):format(field, shown, tostring(wait)), function()
      local h = hint.read({ { "Date", DATE }, { field, text } }, status, AT)
      if wait then
        assert.equal(source, h.source)
        near(wait, h.wait)
        assert.is_false(h.unanchored)
      else
        assert.equal("none", h.source)
        assert.equal(0, h.wait)
        assert.equal("", h.raw)
      end
    end)
  end
end

-- One test a row: { what, lines, seconds or nil [, source [, status]] }.
local function read_rows(default, rows)
  for _, row in ipairs(rows) do
    local what, lines, wait, source, status = unpack(row, 1, 5)
    it(what, function()
      local h = read(lines, status or 429)
      assert.equal(wait and (source or default) or "none", h.source)
      near(wait or 0, h.wait)
    end)
  end
end

describe("Retry-After as a number", function()
  field_rows("Retry-After", "retry-after", 503, {
    { "120", 120 },
    { "0", 0 },
    { " 7 ", 7 },
    { "\t7\t", 7 },
    { "007", 7 },
    { "00", 0 },
    { "1", 1 },
    { "86400", 86400 },
    { "1728000000", 1728000000 },
    { "20350101", 20350101 },
    { "999999999", 999999999 },
    { "1." }, { ".5" }, { "1.5s" }, { "1.2.3" }, { "-1.5" }, { "1,5", 5 },
    { "-5" }, { "-10" }, { "-0" }, { "+7" },
    { "5s" }, { "5 s" }, { "5 seconds" }, { "7 8" },
    { "" }, { " " }, { "," }, { ",,," },
    { "inf" }, { "nan" }, { "Infinity" }, { "NaN" },
    { "1e3" }, { "0x10" }, { "12abc" }, { "abc" },
    { "\"12\"" }, { "12;13" }, { "12\f" }, { "\v12" },
    { "\1937" }, { "12\255" }, { "\217\161" },
    { "null" }, { "undefined" }, { "soon" },
  })

  -- RFC 9110 has whole seconds. rate-limiter-flexible's manual, Shopify and
  -- Sentry send decimals; they were nothing once, and the backoff came back
  -- after less than a second.
  field_rows("Retry-After", "retry-after", 429, {
    { "1.5", 1.5 }, { "1.0", 1 }, { "2.9", 2.9 }, { "4.771", 4.771 },
    { " 2.0 ", 2 }, { "0.25", 0.25 }, { "0.0", 0 }, { "007.5", 7.5 },
    { "2.9, 1.5", 2.9 }, { "0.0000001", 0.000001 }, { "1.0000001", 1.000001 },
    { "59.999999999", 60 }, { (AT + 60) .. ".5", 61.5 },
    { (AT + 60) .. "000.5", 61.0005 },
    { ("9"):rep(30) .. ".5", HUGE },
  })

  -- Digits that overflow must not come out small: curl 7.88.1 reads 20
  -- nines as 0 and tries again at once.
  field_rows("Retry-After", "retry-after", 503, {
    { "99999999999999999999", HUGE },
    { "9223372036854775807", HUGE },
    { "9223372036854775808", HUGE },
    { "18446744073709551615", HUGE },
    { "18446744073709551616", HUGE },
    { "18446744073709551617", HUGE },
    { "9223372036854", 9223372036854 },
    { "9223372036855", HUGE },
    { "100000000000000", HUGE },
    { "100000000000", 1e11 },
    { "999999999999", 1e12 - 1 },
    { ("9"):rep(5000), HUGE },
    { ("0"):rep(5000) .. "3", 3 },
    { "1" .. ("0"):rep(64), HUGE },
  })

  it("marks a present 0 as a hint, so that a backoff is its floor", function()
    local h = read({ "Retry-After: 0" })
    assert.same({ "retry-after", 0, "0" }, { h.source, h.wait, h.raw })
  end)
end)

-- express-rate-limiter 1.3.1 rounds its waits down, and writes 0 when there is
-- most of a second left, or six of them in its outer window. That was taken
-- for an answer, and what stood beside it was not looked at.
describe("a wait of nothing says nothing", function()
  read_rows("retry-after", {
    { "a quota that is used up tells more", { "Date: " .. DATE,
      "Retry-After: 0", "X-RateLimit-Remaining: 0",
      "X-RateLimit-Reset: " .. AT + 6 }, 7, "x-ratelimit-reset" },
    { "so does one that does not tell, on 429", { "Retry-After: 0",
      "X-RateLimit-Remaining: -1", "X-RateLimit-Reset: 6" }, 6,
      "x-ratelimit-reset" },
    { "but not on 503", { "Retry-After: 0", "X-RateLimit-Remaining: -1",
      "X-RateLimit-Reset: 6" }, 0, "retry-after", 503 },
    { "a rest is no wait", { "Retry-After: 0", "X-RateLimit-Remaining: 3",
      "X-RateLimit-Reset: 6" }, 0 },
    { "a date that has passed says nothing either", { "Date: " .. DATE,
      "Retry-After: " .. DATE, 'RateLimit: "a";r=0;t=9' }, 9, "ratelimit" },
    { "milliseconds of nothing", { "retry-after-ms: 0", "Retry-After: 5" },
      5 },
    { "a quota of nothing before another", { 'RateLimit: "a";r=0;t=0',
      "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 5" }, 5,
      "x-ratelimit-reset" },
    { "and the first stays when all say nothing", { "retry-after-ms: 0",
      "Retry-After: 0", 'RateLimit: "a";r=0;t=0' }, 0, "retry-after-ms" },
  })

  it("is told with the text that told more", function()
    assert.equal("6", read({ "Retry-After: 0", "X-RateLimit-Reset: 6" },
      429).raw)
  end)

  it("but a wait goes before every quota, however short", function()
    near(2, read({ "Retry-After: 2", 'RateLimit: "a";r=0;t=60',
      "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 90" }, 429).wait)
  end)
end)

-- @nestjs/throttler 6.7.1 puts a throttler's name behind each field:
-- "Retry-After-short". It was another field, and 40 calls took 137 attempts.
describe("Retry-After with a suffix", function()
  read_rows("retry-after", {
    { "is one", { "Retry-After-short: 5" }, 5 },
    { "on every status", { "Retry-After-short: 5" }, 5, nil, 503 },
    { "may be a date", { "Date: " .. DATE,
      "retry-after-long: Fri, 29 Sep 2023 16:26:57 GMT" }, 20 },
    { "the longest counts", { "Retry-After-short: 5", "Retry-After-long: 60",
      "Retry-After-medium: 9" }, 60 },
    { "also beside the one without", { "Retry-After: 5",
      "Retry-After-long: 60" }, 60 },
    { "and not when it is shorter", { "Retry-After-short: 5",
      "Retry-After: 60" }, 60 },
    { "its 0 says nothing", { "Retry-After-short: 0",
      "Retry-After-long: 7" }, 7 },
    { "may be any name", { "Retry-After-user_1.b-c: 5" }, 5 },
    { "may tell the unit", { "Retry-After-Seconds: 5" }, 5 },
    { "that is no time is nothing", { "Retry-After-Reason: too fast" } },
    { "of nothing is none", { "Retry-After-: 5" } },
    { "that is not one", { "Retry-Aftershort: 5" } },
    { "milliseconds are no seconds", { "Retry-After-Milliseconds: 5000" } },
    { "nor are these", { "Retry-After-Msec: 5000" } },
    { "and milliseconds are read as such", { "Retry-After-Ms: 5000" }, 5,
      "retry-after-ms" },
  })

  it("tells the text that won", function()
    assert.equal("60", read({ "Retry-After-a: 5", "Retry-After-b: 60" }).raw)
  end)
end)

-- Docker Hub and others send a Unix time, which read as a delay is a wait
-- of half a century.
-- Only a number within a day of the answer is a moment. 20,000 days are
-- 1728000000 seconds, which was once read as a day in 2024, long past, so
-- that a wait that must be refused became no wait at all.
describe("Retry-After as a Unix time", function()
  field_rows("Retry-After", "retry-after", 429, {
    { tostring(AT + 60), 61 },
    { tostring(AT), 1 },
    { tostring(AT - 1), 0 },
    { tostring(AT - 3600), 0 },
    { tostring(AT + 86399), 86400 },
    { tostring(AT + 86401), AT + 86401 },
    { tostring(AT - 86401), AT - 86401 },
    { "1728000000", 1728000000 },
    { "1000000000", 1000000000 },
    { "1696004857000", 61 },
    { "1696004857500", 61.5 },
    { "1000000000000", 1000000000000 },
    { "99999999999", 99999999999 },
  })

  it("is unanchored without Date", function()
    local h = read({ "Retry-After: " .. (AT + 60) })
    assert.is_true(h.unanchored)
    near(61, h.wait)
  end)
end)

describe("Retry-After more than once", function()
  local later = "Fri, 29 Sep 2023 16:26:57 GMT" -- DATE + 20
  read_rows("retry-after", {
    { "in one line", { "Retry-After: 12, 30" }, 30 },
    { "in one line, the larger first", { "Retry-After: 30, 12" }, 30 },
    { "without white space", { "Retry-After: 12,30" }, 30 },
    { "in two lines", { "Retry-After: 12", "Retry-After: 30" }, 30 },
    { "in two lines, the larger first",
      { "Retry-After: 30", "retry-after: 12" }, 30 },
    { "with empty members", { "Retry-After: , 12 ,, 30 ," }, 30 },
    { "one member is no wait", { "Retry-After: 12, soon" }, 12 },
    { "one line is no wait", { "Retry-After: x", "Retry-After: 12" }, 12 },
    { "one line is empty", { "Retry-After:", "Retry-After: 12" }, 12 },
    { "none is a wait", { "Retry-After: x", "Retry-After: -1, y" } },
    { "a zero and a wait", { "Retry-After: 0", "Retry-After: 9" }, 9 },
    { "a date and a number",
      { "Date: " .. DATE, "Retry-After: " .. later .. ", 12" }, 20 },
    { "a number and a date",
      { "Date: " .. DATE, "Retry-After: 12, " .. later }, 20 },
    { "a date and a larger number",
      { "Date: " .. DATE, "Retry-After: " .. later, "Retry-After: 21" }, 21 },
    { "two dates",
      { "Date: " .. DATE, "Retry-After: " .. DATE .. ", " .. later }, 20 },
    { "the overflow is the larger",
      { "Retry-After: 5, 99999999999999999999" }, HUGE },
  })

  it("tells the line that won", function()
    assert.equal("30", read({ "Retry-After: 5", "Retry-After: 30" }).raw)
  end)
end)

-- RFC 9110 section 5.6.7, with `now` = 2026-11-23 00:00:00.
describe("HTTP-date", function()
  local NOW = 1795392000
  local rows = {
    { "Fri, 31 Dec 1999 23:59:59 GMT", 946684799 },
    { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
    { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
    { "Sun Nov  6 08:49:37 1994", 784111777 },
    { "Sun Nov 16 08:49:37 1994", 784975777 },
    { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
    { "Wed, 31 Dec 1969 23:59:59 GMT", -1 },
    { "Tue, 19 Jan 2038 03:14:07 GMT", 2147483647 },
    { "Tue, 19 Jan 2038 03:14:08 GMT", 2147483648 },
    { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 },
    { "Mon, 01 Jan 0001 00:00:00 GMT", -62135596800 },
    { "Sat, 01 Jan 0000 00:00:00 GMT", -62167219200 },
    -- the second that was not cut
    { "Wed, 31 Dec 2008 23:59:60 GMT", 1230768000 },
    { "Wed Dec 31 23:59:60 2008", 1230768000 },
    { "Wed, 31 Dec 2008 23:59:61 GMT" },
    { "Wed, 31 Dec 2008 23:59:99 GMT" },
    { "Wed, 31 Dec 2008 24:00:00 GMT" },
    { "Wed, 31 Dec 2008 23:60:00 GMT" },
    -- every month's last day, and the day after it
    { "Tue, 31 Jan 2023 00:00:00 GMT", 1675123200 },
    { "Tue, 32 Jan 2023 00:00:00 GMT" },
    { "Tue, 28 Feb 2023 00:00:00 GMT", 1677542400 },
    { "Wed, 29 Feb 2023 00:00:00 GMT" },
    { "Thu, 29 Feb 2024 00:00:00 GMT", 1709164800 },
    { "Fri, 30 Feb 2024 00:00:00 GMT" },
    { "Tue, 29 Feb 2000 00:00:00 GMT", 951782400 },
    { "Mon, 29 Feb 2100 00:00:00 GMT" },
    { "Thu, 29 Feb 1900 00:00:00 GMT" },
    { "Fri, 31 Mar 2023 00:00:00 GMT", 1680220800 },
    { "Sun, 30 Apr 2023 00:00:00 GMT", 1682812800 },
    { "Mon, 31 Apr 2023 00:00:00 GMT" },
    { "Fri, 31 Jun 2023 00:00:00 GMT" },
    { "Sun, 31 Sep 2023 00:00:00 GMT" },
    { "Fri, 31 Nov 2023 00:00:00 GMT" },
    { "Sun, 00 Nov 1994 08:49:37 GMT" },
    { "Sun Nov  0 08:49:37 1994" },
    { "Sun Nov 31 08:49:37 1994" },
    -- the century of two digits
    { "Friday, 06-Nov-76 08:49:37 GMT", 3371878177 },
    { "Sunday, 06-Nov-77 08:49:37 GMT", 247654177 },
    { "Monday, 23-Nov-76 00:00:00 GMT", 3373315200 },
    { "Monday, 23-Nov-76 00:00:01 GMT", 217555201 },
    { "Sunday, 06-Nov-00 08:49:37 GMT", 973500577 },
    { "Sunday, 06-Nov-99 08:49:37 GMT", 941878177 },
    { "Sunday, 06-Nov-26 08:49:37 GMT", 1793954977 },
    { "Thursday, 29-Feb-24 00:00:00 GMT", 1709164800 },
    { "Thursday, 29-Feb-23 00:00:00 GMT" },
    -- weekdays: a name is needed, the right one is not
    { "Mon, 06 Nov 1994 08:49:37 GMT", 784111777 },
    { "Monday, 06 Nov 1994 08:49:37 GMT", 784111777 },
    { "Sat, 06-Nov-94 08:49:37 GMT", 784111777 },
    { "Wed Nov  6 08:49:37 1994", 784111777 },
    { "Zun, 29 Sep 2023 16:26:57 GMT" },
    { "Su, 06 Nov 1994 08:49:37 GMT" },
    { "Sunda, 06 Nov 1994 08:49:37 GMT" },
    { "sun, 06 Nov 1994 08:49:37 GMT" },
    { "SUN, 06 Nov 1994 08:49:37 GMT" },
    { "06 Nov 1994 08:49:37 GMT" },
    { "Sunday 06-Nov-94 08:49:37 GMT" },
    -- zones and case
    { "Sun, 06 Nov 1994 08:49:37 gmt" },
    { "Sun, 06 Nov 1994 08:49:37 UTC" },
    { "Sun, 06 Nov 1994 08:49:37 EST" },
    { "Sun, 06 Nov 1994 08:49:37 +0000" },
    { "Sun, 06 Nov 1994 08:49:37" },
    { "Sun, 06 Nov 1994 08:49:37 GMT+1" },
    { "Sun, 06 nov 1994 08:49:37 GMT" },
    { "Sun, 06 NOV 1994 08:49:37 GMT" },
    { "Sun, 06 Nov 1994 08:49:37 GMT " , 784111777 },
    { "\tSun, 06 Nov 1994 08:49:37 GMT", 784111777 },
    -- form
    { "Sun,  06 Nov 1994 08:49:37 GMT" },
    { "Sun,06 Nov 1994 08:49:37 GMT" },
    { "Sun, 6 Nov 1994 08:49:37 GMT" },
    { "Sun, 006 Nov 1994 08:49:37 GMT" },
    { "Sun, 06 Nov 94 08:49:37 GMT" },
    { "Sun, 06 Nov 01994 08:49:37 GMT" },
    { "Sun, 06-Nov-1994 08:49:37 GMT" },
    { "Sun, 06 Nov 1994 8:49:37 GMT" },
    { "Sun, 06 Nov 1994 08:49 GMT" },
    { "Sun, 06 Nov 1994 08.49.37 GMT" },
    { "Sun, 06 Nov 1994 08:49:37.5 GMT" },
    { "Sun, 06 Nov 1994\t08:49:37 GMT" },
    { "Sun, 06 Nov -994 08:49:37 GMT" },
    { "Sun, -6 Nov 1994 08:49:37 GMT" },
    { "Sun, 06 Foo 1994 08:49:37 GMT" },
    { "Sun, 06 November 1994 08:49:37 GMT" },
    { "Sun, 06 11 1994 08:49:37 GMT" },
    { "Sun, Nov 06 1994 08:49:37 GMT" },
    { "Sun Nov 6 08:49:37 1994" },
    { "Sun Nov   6 08:49:37 1994" },
    { "Sun Nov  6 08:49:37 94" },
    { "Sun Nov  6 08:49:37 1994 GMT" },
    { "Sun Nov  6 08:49:37 GMT 1994" },
    { "Sun, 06 Nov 1994 08:49:37 GMT, x" },
    { "20350101" }, { "784111777" }, { "1994" }, { "Sun" }, { "GMT" },
    { "" }, { "now" }, { "1994-11-06T08:49:37Z" },
    { ("Sun, "):rep(1000) },
  }
  for _, row in ipairs(rows) do
    it(("%q -> %s"):format(row[1]:sub(1, 40), tostring(row[2])), function()
      assert.equal(row[2], hint.date(row[1], NOW))
    end)
  end

  it("reads no prefix of a date as one", function()
    for _, text in ipairs { rows[2][1], rows[3][1], rows[4][1] } do
      for n = 0, #text - 1 do
        assert.is_nil(hint.date(text:sub(1, n), NOW))
      end
    end
  end)

  it("takes the century from any clock", function()
    local text = "Monday, 01-Jan-50 00:00:00 GMT"
    assert.equal(-631152000, hint.date(text, -2e9))
    assert.equal(-631152000, hint.date(text, 0))
    assert.equal(2524608000, hint.date(text, NOW))
    assert.equal(5680281600, hint.date(text, 5e9))
  end)

  it("agrees with the calendar on every day of 400 years", function()
    local names = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
      "Sep", "Oct", "Nov", "Dec" }
    local days = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }
    local at = 0
    for year = 1970, 2369 do
      local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
      for month = 1, 12 do
        local last = days[month] + (leap and month == 2 and 1 or 0)
        for day = 1, last do
          local text = ("Mon, %02d %s %d 00:00:00 GMT"):format(day,
            names[month], year)
          if hint.date(text, 0) ~= at then
            assert.equal(at, hint.date(text, 0), text)
          end
          at = at + 86400
        end
        assert.is_nil(hint.date(("Mon, %02d %s %d 00:00:00 GMT"):format(
          last + 1, names[month], year), 0))
      end
    end
  end)
end)

describe("RFC 3339", function()
  for _, row in ipairs {
    { "2023-09-29T16:26:57Z", 1696004817 },
    { "2023-09-29t16:26:57z", 1696004817 },
    { "2023-09-29 16:26:57Z", 1696004817 },
    { "2023-09-29T16:26:57.5Z", 1696004817.5 },
    { "2023-09-29T16:26:57.000000Z", 1696004817 },
    { "2023-09-29T16:26:57.000000001Z", 1696004817.000001 },
    { "2023-09-29T16:26:57.9999999Z", 1696004818 },
    { "2023-09-29T16:26:57+00:00", 1696004817 },
    { "2023-09-29T16:26:57-00:00", 1696004817 },
    { "2023-09-29T17:26:57+01:00", 1696004817 },
    { "2023-09-29T10:56:57-05:30", 1696004817 },
    { "2023-09-30T16:25:57+23:59", 1696004817 },
    { "1990-12-31T23:59:60Z", 662688000 },
    { "1990-12-31T15:59:60-08:00", 662688000 },
    { "1937-01-01T12:00:27.87+00:20", -1041337172.13 },
    { "0000-01-01T00:00:00Z", -62167219200 },
    { "9999-12-31T23:59:59Z", 253402300799 },
    { "2024-02-29T00:00:00Z", 1709164800 },
    { "2023-02-29T00:00:00Z" }, { "2023-13-01T00:00:00Z" },
    { "2023-00-01T00:00:00Z" }, { "2023-01-00T00:00:00Z" },
    { "2023-01-32T00:00:00Z" }, { "2023-09-29T24:00:00Z" },
    { "2023-09-29T16:60:57Z" }, { "2023-09-29T16:26:61Z" },
    { "2023-09-29T16:26:57" }, { "2023-09-29T16:26Z" },
    { "2023-09-29" }, { "2023-09-29T" }, { "20230929T162657Z" },
    { "2023-09-29T16:26:57.Z" }, { "2023-09-29T16:26:57,5Z" },
    { "2023-09-29T16:26:57+0100" }, { "2023-09-29T16:26:57+1:00" },
    { "2023-09-29T16:26:57+24:00" }, { "2023-09-29T16:26:57+00:60" },
    { "2023-09-29T16:26:57ZZ" }, { "2023-09-29T16:26:57 Z" },
    { "2023-9-29T16:26:57Z" }, { "23-09-29T16:26:57Z" },
    { "-2023-09-29T16:26:57Z" }, { "2023-09-29_16:26:57Z" }, { "" },
  } do
    it(("%q -> %s"):format(row[1], tostring(row[2])), function()
      local at = hint.iso(row[1])
      assert.equal(row[2] == nil, at == nil)
      near(row[2] or 0, at or 0)
    end)
  end
end)

describe("Retry-After as a date", function()
  field_rows("Retry-After", "retry-after", 503, {
    { "Fri, 29 Sep 2023 16:26:57 GMT", 20 },
    { "Friday, 29-Sep-23 16:26:57 GMT", 20 },
    { "Fri Sep 29 16:26:57 2023", 20 },
    { "2023-09-29T16:26:57Z", 20 },
    { "2023-09-29T18:26:57.25+02:00", 20.25 },
    { "Fri, 29 Sep 2023 16:26:37 GMT", 0 },
    { "Fri, 29 Sep 2023 16:26:36 GMT", 0 },
    { "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
    { "Mon, 01 Jan 0001 00:00:00 GMT", 0 },
    { "Fri, 31 Dec 9999 23:59:59 GMT", 253402300799 - AT },
    { "Zun, 29 Sep 2023 16:26:57 GMT" },
    { "Fri, 29 Sep 2023 16:26:57 gmt" },
    { "Fri, 29 Sep 2023 24:00:00 GMT" },
    { "2023-09-29T16:26:57" },
    { "2023-09-29" },
    { "Tue Feb 16 2021 09:02:42 GMT+0100 (CET)" },
  })

  -- Atlassian's resets have no seconds, Java's and Python's dates an offset
  -- without a colon. Such a date counts when it lies within a year.
  for name, source in pairs { ["Retry-After"] = "retry-after",
    ["X-RateLimit-Reset"] = "x-ratelimit-reset" } do
    local more = name == "Retry-After" and 0 or 1 -- it was cut to seconds
    field_rows(name, source, 429, {
      { "2023-09-29T16:27Z", 23 + more },
      { "2023-09-29t16:27z", 23 + more },
      { "2023-09-29T18:27+02:00", 23 + more },
      { "2023-09-29T18:27+0200", 23 + more },
      { "2023-09-29T18:27+02", 23 + more },
      { "2023-09-29 11:27-0500", 23 + more },
      { "2023-09-29T16:26:57+0000", 20 + more },
      { "2023-09-29T17:26:57.5+0100", 20.5 + more },
      { "2023-09-29T10:56:57-0530", 20 + more },
      { "2023-09-29T17:26:57+01", 20 + more },
      { "Fri, 29 Sep 2023 16:26:57 +0000", 20 + more },
      { "Fri, 29 Sep 2023 16:26:57 -0000", 20 + more },
      { "Fri, 29 Sep 2023 18:26:57 +0200", 20 + more },
      { "2023-09-29T16:26Z", 0 },
      { "2024-09-28T16:26Z", 31535963 + more },
      -- beyond what can be meant
      { "2024-10-01T16:26Z" }, { "9999-12-31T23:59Z" },
      { "2023-09-28T16:26Z" }, { "0001-01-01T00:00Z" },
      { "Fri, 31 Dec 9999 23:59:59 +0000" },
      -- and what is none
      { "2023-09-29T16:27" }, { "2023-09-29T16Z" }, { "2023-09-29T24:00Z" },
      { "2023-09-29T16:60Z" }, { "2023-09-29T16:27:Z" },
      { "2023-09-29T16:27:61Z" }, { "2023-09-29T16:27.5Z" },
      { "2023-02-30T16:27Z" }, { "2023-09-29T16:27+2" },
      { "2023-09-29T16:27+24" }, { "2023-09-29T16:27+0260" },
      { "2023-09-29T16:27+020" }, { "2023-09-29T16:27ZZ" },
      { "2023-09-29T16:27 Z" }, { "Fri, 29 Sep 2023 16:26:57 +00:00" },
      { "Fri, 29 Sep 2023 16:26:57 UTC" }, { "Fri, 29 Sep 2023 16:26:57 +" },
    })
  end

  -- { what, local clock, lines, seconds, unanchored }
  for _, row in ipairs {
    { "a right clock", AT, { "Date: " .. DATE }, 20, false },
    { "a clock 300 s ahead", AT + 300, { "Date: " .. DATE }, 20, false },
    { "a clock 300 s behind", AT - 300, { "Date: " .. DATE }, 20, false },
    { "a clock in 1970", 0, { "Date: " .. DATE }, 20, false },
    { "a clock in 2100", 4102444800, { "Date: " .. DATE }, 20, false },
    { "an Age", AT, { "Date: " .. DATE, "Age: 5" }, 15, false },
    { "an Age and a wrong clock", AT + 999, { "Date: " .. DATE, "age:5" },
      15, false },
    { "an Age of all the wait", AT, { "Date: " .. DATE, "Age: 20" }, 0,
      false },
    { "an Age beyond it", AT, { "Date: " .. DATE, "Age: 21" }, 0, false },
    { "an Age that overflows", AT,
      { "Date: " .. DATE, "Age: 99999999999999999999" }, 0, false },
    { "an Age that is none", AT, { "Date: " .. DATE, "Age: -5" }, 20, false },
    { "an Age with a fraction", AT, { "Date: " .. DATE, "Age: 5.5" }, 20,
      false },
    { "a second Age", AT, { "Date: " .. DATE, "Age: x", "Age: 5" }, 15,
      false },
    { "no Date, a right clock", AT, {}, 20, true },
    { "no Date, a clock 300 s ahead", AT + 300, {}, 0, true },
    { "no Date, a clock 5 s behind", AT - 5, {}, 25, true },
    { "no Date, but an Age", AT, { "Age: 5" }, 20, true },
    { "a Date that is none", AT, { "Date: yesterday" }, 20, true },
    { "an empty Date", AT, { "Date:" }, 20, true },
    { "a Date that is a number", AT, { "Date: 1696004797" }, 20, true },
    { "a second Date", AT + 300, { "Date: x", "Date: " .. DATE }, 20, false },
    { "a Date after RFC 850", AT + 300,
      { "Date: Friday, 29-Sep-23 16:26:37 GMT" }, 20, false },
    { "a Date after asctime", AT + 300, { "Date: Fri Sep 29 16:26:37 2023" },
      20, false },
    { "a clock before all dates", -9e12, { "Date: " .. DATE }, 20, false },
    { "no Date and a clock before all dates", -9e12, {}, 9e12 + AT + 20,
      true },
    { "no Date and the first clock there is", -9.223372e12, {}, HUGE, true },
    { "no Date and a clock after all dates", 9e12, {}, 0, true },
  } do
    it("with " .. row[1], function()
      local lines = { "Retry-After: Fri, 29 Sep 2023 16:26:57 GMT" }
      for _, line in ipairs(row[3]) do
        lines[#lines + 1] = line
      end
      local h = read(lines, 503, row[2])
      assert.equal("retry-after", h.source)
      near(row[4], h.wait)
      assert.equal(row[5], h.unanchored)
    end)
  end

  it("takes a two-digit year's century from Date", function()
    local h = read({ "Date: " .. DATE,
      "Retry-After: Friday, 29-Sep-23 16:26:57 GMT" }, 503, 0)
    near(20, h.wait)
  end)

  it("does not change a delay by Age", function()
    near(60, read({ "Date: " .. DATE, "Age: 50", "Retry-After: 60" }).wait)
  end)

  it("is not unanchored when it is a number", function()
    assert.is_false(read({ "Retry-After: 60" }).unanchored)
  end)
end)

for name, source in pairs {
  ["retry-after-ms"] = "retry-after-ms",
  ["x-ms-retry-after-ms"] = "x-ms-retry-after-ms",
  ["X-Amz-Retry-After"] = "x-amz-retry-after",
} do
  describe(name, function()
    field_rows(name, source, 500, {
      { "1500", 1.5 }, { "0", 0 }, { "10000", 10 }, { "3000", 3 },
      { "10", 0.01 }, { "1", 0.001 }, { " 20 ", 0.02 }, { "0020", 0.02 },
      { "invalid" }, { "-100" }, { "1500ms" }, { "" }, { "1e3" },
      { "+5" }, { "inf" }, { "Fri, 29 Sep 2023 16:26:57 GMT" },
      { "99999999999999999999", HUGE }, { "1696004857000", 1696004857 },
      { "100, 200", 0.2 },
    })
  end)
end

-- openai-python reads a float; the AWS SDKs take whole numbers only.
describe("a part of a millisecond", function()
  for _, name in ipairs { "retry-after-ms", "x-ms-retry-after-ms" } do
    field_rows(name, name, 429, { { "1.5", 0.0015 }, { "1500.0", 1.5 },
      { "812.1234", 0.812124 }, { "1." }, { ".5" } })
  end
  field_rows("x-amz-retry-after", "x-amz-retry-after", 429, { { "1.5" },
    { "1500.0" } })
end)

describe("grpc-retry-pushback-ms", function()
  for _, row in ipairs {
    { "200", 0.2 }, { "0", 0 }, { "1", 0.001 }, { " 5 ", 0.005 },
    { "2147483647", 2147483.647 },
    { "2147483648" }, { "99999999999" }, { "99999999999999999999999" },
    { "-1" }, { "-0" }, { "-2147483648" }, { "abc" }, { "1.5" }, { "" },
    { "+5" }, { "5ms" }, { "0x10" }, { "100, 200" }, { "1 2" }, { "nan" },
  } do
    it(("%q -> %s"):format(row[1], tostring(row[2] or "stop")), function()
      local h = hint.read({ { "grpc-retry-pushback-ms", row[1] } }, 503, AT)
      assert.equal(row[2] and "none" or "stop", h.advice)
      assert.equal(row[2] and "grpc-retry-pushback-ms" or "none", h.source)
      near(row[2] or 0, h.wait)
    end)
  end

  it("goes before a no of another header", function()
    local h = read({ "x-should-retry: false", "grpc-retry-pushback-ms: 5" })
    assert.equal("none", h.advice)
    near(0.005, h.wait)
  end)

  it("goes before a yes of another header", function()
    local h = read({ "x-should-retry: true", "grpc-retry-pushback-ms: -1" })
    assert.equal("stop", h.advice)
  end)

  it("may agree with a yes", function()
    local h = read({ "x-should-retry: true", "grpc-retry-pushback-ms: 5" })
    assert.equal("retry", h.advice)
    near(0.005, h.wait)
  end)

  it("forbids when one of two lines does", function()
    local h = read({ "grpc-retry-pushback-ms: 200",
      "grpc-retry-pushback-ms: -1", "grpc-retry-pushback-ms: 300" })
    assert.same({ "stop", "none", 0, "" },
      { h.advice, h.source, h.wait, h.raw })
  end)

  it("takes the longer of two lines", function()
    near(0.3, read({ "grpc-retry-pushback-ms: 200",
      "grpc-retry-pushback-ms: 300", "grpc-retry-pushback-ms: 0" }).wait)
  end)

  it("leaves a wait of another header to be told after a no", function()
    local h = read({ "grpc-retry-pushback-ms: -1", "Retry-After: 9" })
    assert.same({ "stop", "retry-after", 9 }, { h.advice, h.source, h.wait })
  end)
end)

describe("yes-no headers", function()
  for _, row in ipairs {
    { { "x-should-retry: true" }, "retry" },
    { { "x-should-retry: false" }, "stop" },
    { { "X-Should-Retry: TRUE" }, "retry" },
    { { "X-SHOULD-RETRY: False" }, "stop" },
    { { "Stripe-Should-Retry: true" }, "retry" },
    { { "stripe-should-retry: false" }, "stop" },
    { { "x-should-retry: maybe" }, "none" },
    { { "x-should-retry:" }, "none" },
    { { "x-should-retry: 1" }, "none" },
    { { "x-should-retry: truely" }, "none" },
    { {}, "none" },
    { { "x-should-retry: true", "x-should-retry: false" }, "stop" },
    { { "x-should-retry: false", "x-should-retry: true" }, "stop" },
    { { "x-should-retry: true", "Stripe-Should-Retry: false" }, "stop" },
    { { "x-should-retry: ?", "Stripe-Should-Retry: true" }, "retry" },
  } do
    it(table.concat(row[1], " + ") .. " -> " .. row[2], function()
      local h = read(row[1])
      assert.equal(row[2], h.advice)
      assert.equal("none", h.source)
    end)
  end

  it("go along with a wait", function()
    local h = read({ "x-should-retry: true", "retry-after-ms: 250" })
    assert.same({ "retry", "retry-after-ms", 0.25 },
      { h.advice, h.source, h.wait })
  end)
end)

describe("the order of sources", function()
  local order = {
    { "grpc-retry-pushback-ms", "1000", "grpc-retry-pushback-ms", 1 },
    { "retry-after-ms", "2000", "retry-after-ms", 2, "soon" },
    { "x-ms-retry-after-ms", "3000", "x-ms-retry-after-ms", 3, "-1" },
    { "x-amz-retry-after", "4000", "x-amz-retry-after", 4, "1.5" },
    { "Retry-After", "5", "retry-after", 5, "5s" },
    { "RateLimit", '"p";r=0;t=6', "ratelimit", 6, '"p";r=0;t=6;' },
    { "RateLimit-Reset", "7", "ratelimit", 7, "-7" },
    { "X-RateLimit-Reset", "8", "x-ratelimit-reset", 8, "never" },
  }

  for first = 1, #order do
    it(order[first][1] .. " goes before what follows", function()
      local list = {}
      for i = #order, first, -1 do
        list[#list + 1] = { order[i][1], order[i][2] }
      end
      local h = hint.read(list, 429, AT)
      assert.equal(order[first][3], h.source)
      near(order[first][4], h.wait)
      assert.equal(order[first][2], h.raw)
    end)
  end

  for last = 3, #order do
    it(order[last][1] .. " counts when all before it is malformed", function()
      local list = {}
      for i = 2, last - 1 do
        list[#list + 1] = { order[i][1], order[i][5] }
      end
      list[#list + 1] = { order[last][1], order[last][2] }
      local h = hint.read(list, 429, AT)
      assert.equal(order[last][3], h.source)
      near(order[last][4], h.wait)
    end)
  end

  it("does not depend on the case of names", function()
    for _, row in ipairs(order) do
      for _, name in ipairs { row[1]:upper(), row[1]:lower() } do
        assert.equal(row[3], hint.read({ { name, row[2] } }, 429, AT).source)
      end
    end
  end)

  it("takes no name for another", function()
    for _, row in ipairs(order) do
      for _, name in ipairs { row[1] .. "x", "x" .. row[1], row[1] .. "-",
        row[1]:gsub("-", "_", 1) .. "_" } do
        assert.equal("none", hint.read({ { name, row[2] } }, 429, AT).source)
      end
    end
  end)

  it("is none without headers", function()
    assert.same({ source = "none", wait = 0, unanchored = false,
      advice = "none", raw = "" }, hint.read({}, 429, AT))
  end)

  it("has a name for each source", function()
    local seen = {}
    for n = 0, 8 do
      local name = hint.name(n)
      assert.is_nil(seen[name])
      seen[name] = n
    end
    assert.equal(0, seen.none)
    assert.equal(8, seen.body)
    assert.equal("none", hint.name(9))
    assert.equal("none", hint.name(-1))
  end)
end)

-- draft-ietf-httpapi-ratelimit-headers-11 with RFC 9651.
describe("RateLimit", function()
  local function rows(status, list)
    for _, row in ipairs(list) do
      it(("%d: %s -> %s"):format(status, row[1], tostring(row[2])), function()
        local h = hint.read({ { "RateLimit", row[1] } }, status, AT)
        assert.equal(row[2] and "ratelimit" or "none", h.source)
        near(row[2] or 0, h.wait)
        assert.is_false(h.unanchored)
      end)
    end
  end

  rows(503, {
    { '"default";r=50;t=30' },
    { '"p";r=0;t=10', 10 },
    { '"p";t=10;r=0', 10 },
    { '"default";r=999;pk=:dHJpYWwxMjEzMjM=:' },
    { '"a";r=0;t=5, "b";r=9;t=60', 5 },
    { '"a";r=0;t=5,"b";r=0;t=60', 60 },
    { '"a";r=0;t=60,"b";r=0;t=5', 60 },
    { '"a";r=0;t=5\t,\t"b";r=0;t=60', 60 },
    { '"a";r=0;t=0', 0 },
    { '"a";r=0' },
    { '"a";r=0, "b";r=0;t=7', 7 },
    { '"a";t=5, "b";r=0;t=7', 7 },
    { '"a";t=5' },
    { '""' }, { '"a"' },
    { '"";r=0;t=9', 9 },
    { '"p"; r=0;  t=10', 10 },
    { '"p";r=0;t=10;pk=:dHJpYWwxMjEzMjM=:', 10 },
    { '"p";r=0;t=10;pk=::', 10 },
    { '"p";r=00;t=010', 10 },
    { '"p";r=-0;t=10', 10 },
    -- the last of two equal names counts, RFC 9651 section 4.2.3.2
    { '"p";r=5;r=0;t=99;t=10', 10 },
    { '"p";r=0;r=5;t=10' },
    -- what is not known is not looked at
    { '"p";r=0;t=10;x', 10 },
    { '"p";r=0;t=10;x=?0;y=tok;*z=1.5;w="a\\"b;c,d";q=@1659578233', 10 },
    { '"p";x=%"f%c3%bc";r=0;t=10', 10 },
    { '"p";rr=5;r=0;tt=1;t=10', 10 },
    { '"p\\";r=7;t=9";r=0;t=10', 10 },
    { '"a, b; \\\\";r=0;t=10', 10 },
    -- saturation: 15 digits fit, 16 are malformed
    { '"p";r=0;t=999999999999999', HUGE },
    { '"p";r=0;t=9223372036854', 9223372036854 },
    { '"p";r=0;t=9223372036855', HUGE },
    { '"p";r=0;t=9999999999999999' },
    { '"p";r=0;t=1696004857', 1696004857 },
    -- malformed: ignored as a whole
    { 'default;r=0;t=5' }, { 'default;r=5' },
    { '"a";r=1.5;t=5' }, { '"a";r=-1;t=5' }, { '"a";r="0";t=5' },
    { '"a";r=0;t=-5' }, { '"a";r=0;t=5.0' }, { '"a";r=0;t="5"' },
    { '"a";r=0;t' }, { '"a";r;t=5' }, { '"a";r=?0;t=5' },
    { '"a";r=0;t=@5' }, { '"a";r=:MA==:;t=5' }, { '"a";r=0;t=5s' },
    { '"a";r=0;t=5,' }, { '"a";r=0;t=5,,"b";r=1' }, { ',"a";r=0;t=5' },
    { '"a";r=0;t=5;' }, { '"a";;r=0;t=5' }, { '"a";r=;t=5' },
    { '"a" ;r=0;t=5' }, { '"a";r =0;t=5' }, { '"a";r= 0;t=5' },
    { '"a";\tr=0;t=5' }, { '"a";R=0;T=5' }, { '"a;r=0;t=5' },
    { '"a"r=0;t=5' }, { '"a";r=0 t=5' }, { '"a";r=0;t=5 "b"' },
    { '"\\a";r=0;t=5' }, { '"a\\' }, { '"\9";r=0;t=5' },
    { '"\195\188";r=0;t=5' }, { "'a';r=0;t=5" }, { '("a");r=0;t=5' },
    { '("a" "b");r=0;t=5' }, { '1;r=0;t=5' }, { '?1;r=0;t=5' },
    { ':YQ==:;r=0;t=5' }, { '"a";r=--0;t=5' }, { '"a";r=-;t=5' },
    { '"a";r=0;t=5;x=1.2345' }, { '"a";r=0;t=5;x=1.' },
    { '"a";r=0;t=5;x=1234567890123.1' }, { '"a";r=0;t=5;x=.5' },
    { '"a";r=0;t=5;x=:a-b:' }, { '"a";r=0;t=5;x=:YQ==' },
    { '"a";r=0;t=5;x=%"%C3"' }, { '"a";r=0;t=5;x=%"%c' },
    { '"a";r=0;t=5;x=?2' }, { '"a";r=0;t=5;x=@1.5' },
    { '"a";r=0;t=5;x="' }, { '"a";r=0;t=5;_x=1' }, { '"a";r=0;t=5;1=1' },
    { '"a";r=0;t=5, b;r=0;t=9' }, { '"a";r=0;t=5, "b";r=x' },
    { '"a";r=0;t=5\127' }, { "" }, { '"' }, { ";" }, { "," }, { "(" },
  })
  -- a rest is a rest, whatever the status
  rows(429, {
    { '"default";r=50;t=30' },
    { '"p";r=0;t=10', 10 },
    { '"a";t=5' },
    { 'default;r=5;t=5' },
  })

  read_rows("ratelimit", {
    { "lines are one list",
      { 'RateLimit: "a";r=0;t=5', 'ratelimit: "b";r=0;t=60' }, 60 },
    { "an empty line adds nothing",
      { "RateLimit:", 'RateLimit: "b";r=0;t=60', "RateLimit:" }, 60 },
    { "one bad line spoils the others",
      { 'RateLimit: "a";r=0;t=5', 'RateLimit: "b";r=x;t=60' } },
    { "a string does not go on in the next line",
      { 'RateLimit: "a', 'RateLimit: b";r=0;t=60' } },
    { "a cached response tells nothing",
      { "Age: 1", 'RateLimit: "a";r=0;t=5' } },
    { "an Age of 0 is not cached",
      { "Age: 0", 'RateLimit: "a";r=0;t=5' }, 5 },
    { "Retry-After goes before it",
      { 'RateLimit: "a";r=0;t=5', "Retry-After: 2" }, 2, "retry-after" },
    { "RateLimit-Policy is no wait",
      { 'RateLimit-Policy: "a";q=100;w=60' } },
    { "a malformed one leaves the older fields",
      { 'RateLimit: "a";r=0;t=5;', "RateLimit-Remaining: 0",
        "RateLimit-Reset: 9" }, 9 },
    { "a rest in it leaves the vendor's fields",
      { 'RateLimit: "a";r=5;t=5', "X-RateLimit-Remaining: 0",
        "X-RateLimit-Reset: 9" }, 9, "x-ratelimit-reset" },
  })

  -- The draft makes t optional, and Tomcat 10.1's filter leaves it out. What
  -- is used up comes back with the next window, so the length of the
  -- window, which the policy of that name tells, is the longest wait.
  local fast = 'RateLimit-Policy: "fast-1";q=300;w=60'
  read_rows("ratelimit", {
    { "without t: w of the policy", { 'RateLimit: "fast-1";r=0', fast }, 60 },
    { "on every status", { 'RateLimit: "fast-1";r=0', fast }, 60, nil, 503 },
    { "of that name", { 'RateLimit: "b";r=0',
      'RateLimit-Policy: "a";q=1;w=9, "b";q=2;w=60' }, 60 },
    { "on another line", { 'RateLimit: "b";r=0',
      'RateLimit-Policy: "a";q=1;w=9', 'RateLimit-Policy: "b";w=60' }, 60 },
    { "of two of that name the longer", { 'RateLimit: "a";r=0',
      'RateLimit-Policy: "a";q=1;w=9, "a";q=9;w=90' }, 90 },
    { "no policy of that name", { 'RateLimit: "other";r=0', fast } },
    { "a name that only begins so", { 'RateLimit: "fast";r=0', fast } },
    { "another case", { 'RateLimit: "FAST-1";r=0', fast } },
    { "a policy without w", { 'RateLimit: "a";r=0',
      'RateLimit-Policy: "a";q=300' } },
    { "no policy", { 'RateLimit: "fast-1";r=0' } },
    { "a rest is no wait", { 'RateLimit: "fast-1";r=1', fast } },
    { "t goes before w", { 'RateLimit: "fast-1";r=0;t=5', fast }, 5 },
    { "a malformed policy", { 'RateLimit: "fast-1";r=0', fast .. ";" } },
    { "a negative w", { 'RateLimit: "a";r=0', 'RateLimit-Policy: "a";w=-1' } },
    { "a text for w", { 'RateLimit: "a";r=0',
      'RateLimit-Policy: "a";w="60"' } },
    { "express-rate-limit's", { 'RateLimit: "3-in-5sec"; r=0',
      'RateLimit-Policy: "3-in-5sec"; q=3; w=5; pk=:MTJjYTE3YjQ5YWYy:' }, 5 },
    { "a name with quotes in it", { [[RateLimit: "a\"b";r=0]],
      [[RateLimit-Policy: "a\"b";w=7]] }, 7 },
    { "the longest of several", { 'RateLimit: "a";r=0, "b";r=0;t=3, "c";r=5',
      'RateLimit-Policy: "a";w=10, "b";w=99, "c";w=99' }, 10 },
    { "Retry-After goes before it", { 'RateLimit: "fast-1";r=0', fast,
      "Retry-After: 2" }, 2, "retry-after" },
    { "a cached response tells nothing", { "Age: 1",
      'RateLimit: "fast-1";r=0', fast } },
    { "a dictionary: the longest of its policies",
      { "RateLimit: limit=10, remaining=0", "RateLimit-Policy: 10;w=1, 50;w=60" },
      60 },
    { "a triple: the same", { "RateLimit-Remaining: 0",
      "RateLimit-Policy: 100;w=60" }, 60 },
    { "a triple whose limit tells it, as Docker Hub's",
      { "RateLimit-Limit: 100;w=21600", "RateLimit-Remaining: 0;w=21600" },
      21600 },
    { "a triple with a rest", { "RateLimit-Limit: 100;w=60",
      "RateLimit-Remaining: 76;w=60" } },
  })

  it("without t is no quota to pace by: the window may end any moment", function()
    assert.is_nil(quota({ 'RateLimit: "fast-1";r=0', fast }))
    assert.is_nil(quota({ 'RateLimit: "fast-1";r=5', fast }))
    assert.is_nil(quota({ "RateLimit-Remaining: 0", "RateLimit-Policy: 9;w=60" }))
  end)

  it("tells the line that the wait came from", function()
    assert.equal('"b";r=0;t=60', read({ 'RateLimit: "a";r=0;t=5',
      'RateLimit: "b";r=0;t=60', 'RateLimit: "c";r=1;t=90' }).raw)
  end)
end)

describe("RateLimit of the older drafts", function()
  read_rows("ratelimit", {
    { "a dictionary",
      { "RateLimit: limit=100, remaining=0, reset=5" }, 5, nil, 503 },
    { "a dictionary with parameters",
      { 'RateLimit: limit=100;w=60, remaining=0;x="a,b", reset=5' }, 5 },
    { "a dictionary over lines",
      { "RateLimit: limit=100, remaining=0", "RateLimit: reset=5" }, 5 },
    { "a dictionary's last value counts",
      { "RateLimit: remaining=9, reset=1, remaining=0, reset=5" }, 5 },
    { "a dictionary with a rest",
      { "RateLimit: limit=100, remaining=50, reset=5" } },
    { "a dictionary without a rest", { "RateLimit: limit=100, reset=5" } },
    { "a dictionary without a reset", { "RateLimit: remaining=0" } },
    { "a dictionary, malformed", { "RateLimit: remaining=0, reset=5," } },
    { "a dictionary, negative", { "RateLimit: remaining=0, reset=-5" } },
    { "a dictionary, fraction", { "RateLimit: remaining=0, reset=5.5" } },
    { "a dictionary, boolean", { "RateLimit: remaining=0, reset" } },
    { "a dictionary, cached",
      { "Age: 9", "RateLimit: limit=1, remaining=0, reset=5" } },
    { "a dictionary and a list", { "RateLimit: remaining=0, reset=5",
      'RateLimit: "a";r=0;t=5' } },
    { "a triple", { "RateLimit-Limit: 100", "RateLimit-Remaining: 0",
      "RateLimit-Reset: 50" }, 50, nil, 503 },
    { "a triple with a rest", { "RateLimit-Limit: 100",
      "RateLimit-Remaining: 1", "RateLimit-Reset: 50" } },
    { "a triple without its rest, 429", { "RateLimit-Reset: 50" }, 50 },
    { "a triple without its rest, 503", { "RateLimit-Reset: 50" }, nil, nil,
      503 },
    { "a triple whose rest is none, 429",
      { "RateLimit-Remaining: x", "RateLimit-Reset: 50" }, 50 },
    { "a triple whose rest is negative, 503",
      { "RateLimit-Remaining: -1", "RateLimit-Reset: 50" }, nil, nil, 503 },
    { "a triple, reset 0",
      { "RateLimit-Remaining: 0", "RateLimit-Reset: 0" }, 0 },
    { "a triple, reset -1",
      { "RateLimit-Remaining: 0", "RateLimit-Reset: -1" } },
    { "a triple, empty", { "RateLimit-Remaining:", "RateLimit-Reset:" } },
    { "a triple with a Unix time", { "Date: " .. DATE,
      "RateLimit-Remaining: 0", "RateLimit-Reset: " .. AT + 60 }, 61 },
    { "a triple, cached", { "Age: 9", "RateLimit-Remaining: 0",
      "RateLimit-Reset: 50" } },
    { "a triple twice", { "RateLimit-Remaining: 5",
      "RateLimit-Remaining: 0", "RateLimit-Reset: 50",
      "RateLimit-Reset: 60" }, 60 },
  })
end)

describe("X-RateLimit-Reset", function()
  field_rows("X-RateLimit-Reset", "x-ratelimit-reset", 429, {
    -- seconds
    { "30", 30 }, { " 30 ", 30 }, { "030", 30 }, { "1.5", 1.5 },
    { "0.25", 0.25 }, { "0.0000001", 0.000001 }, { "999999999", 999999999 },
    { "1.0000000000000000000000000000000000001", 1.000001 },
    { "29.9999999", 30 },
    -- Unix times: anchored to Date, and a second later than they say
    { tostring(AT + 60), 61 }, { tostring(AT), 1 }, { tostring(AT - 1), 0 },
    { tostring(AT - 999), 0 }, { "1000000000", 0 },
    { (AT + 60) .. ".5", 61.5 }, { (AT + 60) .. ".123456789", 61.123457 },
    { (AT + 60) .. "000", 61 }, { (AT + 60) .. "250", 61.25 },
    { "999999999999", 999999999999 - AT + 1 },
    { "1000000000000", 0 },
    -- RFC 3339 and other dates
    { "2023-09-29T16:27:37Z", 61 }, { "2023-09-29T16:27:37.5Z", 61.5 },
    { "2023-09-29T18:27:37+02:00", 61 },
    { "Fri, 29 Sep 2023 16:27:37 GMT", 61 },
    { "Friday, 29-Sep-23 16:27:37 GMT", 61 },
    { "Fri Sep 29 16:27:37 2023", 61 },
    { "Fri Sep 29 2023 18:27:37 GMT+0200 (CEST)", 61 },
    { "Fri Sep 29 2023 18:27:37 GMT+0200", 61 },
    { "Tue Feb 16 2021 09:02:42 GMT+0100 (CET)", 0 },
    { "1994-11-06T08:49:37Z", 0 },
    { "2023-09-29T16:27:37" }, { "2023-09-29" },
    { "Fri Sep 29 2023 18:27:37 GMT+0200 (" },
    { "Fri Sep 29 2023 18:27:37 GMT+0200 (CEST" },
    { "Fri Sep 29 2023 18:27:37 GMT+0200 CEST)" },
    { "Fri Sep 29 2023 18:27:37 GMT+02:00" },
    { "Fri Sep 29 2023 18:27:37" },
    -- Go durations
    { "1s", 1 }, { "6ms", 0.006 }, { "1m30.5s", 90.5 }, { "1h2m3s", 3723 },
    { "6m0s", 360 }, { "8.64s", 8.64 }, { "1h", 3600 }, { "1.5h", 5400 },
    { "0.5m", 30 }, { "500us", 0.0005 }, { "1ns", 0.000001 },
    { "500\194\181s", 0.0005 }, { "500\206\188s", 0.0005 },
    { "0s", 0 }, { "0ms", 0 }, { "1s1ms1us", 1.001001 }, { "1s1s", 2 },
    { "20h30m0.5s", 73800.5 }, { "1m", 60 }, { "1m1ms", 60.001 },
    { "999ns", 0.000001 }, { "1001ns", 0.000002 },
    { "99999999999999999999s", HUGE }, { "99999999999999999999ns", HUGE },
    { "9999999999h", HUGE }, { "2562047h", 2562047 * 3600 },
    { "9999999h9999999h", HUGE },
    { "1d" }, { "1m30" }, { "m" }, { "s" }, { "1 s" }, { "1m 30s" },
    { "1.s" }, { ".5s" }, { "-1s" }, { "+1s" }, { "1S" }, { "1M" },
    { "1h-2m" }, { "1\194s" }, { "1\194\181" }, { "1e3s" }, { "1,5s", 5 },
    -- what is written for nothing
    { "0" }, { "0.0" }, { "00" }, { "-1" }, { "-30" }, { "-1696004857" },
    { "2147483647" }, { "4294967295" }, { "9223372036854775807" },
    { "18446744073709551615" }, { "99999999999999999999" },
    { "" }, { "inf" }, { "nan" }, { "never" }, { "null" }, { "1e9" },
    { "+30" }, { "0x1e" }, { "30 seconds" }, { "1." }, { ".5" }, { "1.2.3" },
  })

  it("counts from Date, as GitHub's does: 60 (+1)", function()
    local h = hint.read({ { "Date", "Mon, 03 Aug 2026 06:25:00 GMT" },
      { "x-ratelimit-remaining", "0" },
      { "x-ratelimit-reset", "1785738360" } }, 403, 0)
    near(61, h.wait)
    assert.is_false(h.unanchored)
  end)

  it("reads milliseconds and fractions of that time", function()
    local date = { "Date", "Mon, 03 Aug 2026 06:25:00 GMT" }
    near(61, hint.read({ date, { "x-ratelimit-reset", "1785738360000" } },
      429, 0).wait)
    near(24.123, hint.read({ { "Date", "Tue, 02 Aug 2016 21:23:20 GMT" },
      { "x-ratelimit-reset", "1470173023.123" } }, 429, 0).wait)
  end)

  it("is unanchored without Date, unless it is relative", function()
    assert.is_true(read({ "X-RateLimit-Reset: " .. AT + 9 }, 429).unanchored)
    assert.is_true(read({ "X-RateLimit-Reset: 2023-09-29T16:27:37Z" },
      429).unanchored)
    assert.is_false(read({ "X-RateLimit-Reset: 9" }, 429).unanchored)
    assert.is_false(read({ "X-RateLimit-Reset: 9s" }, 429).unanchored)
  end)

  it("takes Age into account", function()
    near(51, read({ "Date: " .. DATE, "Age: 10",
      "X-RateLimit-Reset: " .. AT + 60 }, 429).wait)
  end)
end)

describe("X-RateLimit-Remaining", function()
  local reset = "X-RateLimit-Reset: 30"
  for _, row in ipairs {
    -- text, a wait on 429, a wait on another status
    { "0", true, true }, { " 0 ", true, true }, { "00", true, true },
    { "0.0", true, true }, { "0.9", true, true }, { "0, 5", true, true },
    { "1", false, false }, { "598.0", false, false }, { "5000", false, false },
    { "99999999999999999999", false, false },
    { "-1", true, false }, { "", true, false }, { "x", true, false },
    { "1e0", true, false }, { "unlimited", true, false },
  } do
    it(("%q: %s on 429, %s on 403"):format(row[1], tostring(row[2]),
      tostring(row[3])), function()
      local rest = "X-RateLimit-Remaining: " .. row[1]
      local h = read({ rest, reset }, 429)
      assert.equal(row[2] and "x-ratelimit-reset" or "none", h.source)
      for _, status in ipairs { 200, 403, 500, 503 } do
        h = read({ rest, reset }, status)
        assert.equal(row[3] and "x-ratelimit-reset" or "none", h.source)
      end
    end)
  end

  it("is not known when it is absent", function()
    assert.equal(30, read({ reset }, 429).wait)
    assert.equal("none", read({ reset }, 403).source)
  end)
end)

describe("the relatives of X-RateLimit-Reset", function()
  read_rows("x-ratelimit-reset", {
    { "Twitter", { "Date: " .. DATE, "x-rate-limit-remaining: 0",
      "x-rate-limit-reset: " .. AT + 60 }, 61, nil, 403 },
    { "Twitter, with a rest", { "x-rate-limit-remaining: 3",
      "x-rate-limit-reset: 60" } },
    { "Discord: the relative one is preferred", { "Date: " .. DATE,
      "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: " .. AT + 60 .. ".5",
      "X-RateLimit-Reset-After: 0.75" }, 0.75, nil, 403 },
    { "Discord: unless it is malformed", { "Date: " .. DATE,
      "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: " .. AT + 60 .. ".5",
      "X-RateLimit-Reset-After: soon" }, 61.5 },
    { "Symfony", { "Date: " .. DATE, "X-RateLimit-Remaining: 0",
      "X-RateLimit-Retry-After: " .. AT + 60 }, 61 },
    { "OpenAI: requests are used up", {
      "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 6m0s",
      "x-ratelimit-remaining-tokens: 100", "x-ratelimit-reset-tokens: 1h",
    }, 360 },
    { "OpenAI: tokens are used up", {
      "x-ratelimit-remaining-requests: 99", "x-ratelimit-reset-requests: 1h",
      "x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 6ms",
    }, 0.006 },
    { "OpenAI: both are used up", {
      "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 2s",
      "x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 1m30.5s",
    }, 90.5 },
    { "OpenAI: neither is used up", {
      "x-ratelimit-remaining-requests: 9", "x-ratelimit-reset-requests: 2s",
      "x-ratelimit-remaining-tokens: 9", "x-ratelimit-reset-tokens: 1m",
    } },
    { "OpenAI: neither tells", { "x-ratelimit-reset-requests: 2s",
      "x-ratelimit-reset-tokens: 1m" }, 60 },
    { "OpenAI: what is used up goes before what does not tell", {
      "x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 2s",
      "x-ratelimit-reset-tokens: 1m" }, 2 },
    { "Azure: -1 says nothing", { "x-ratelimit-remaining-requests: 0",
      "x-ratelimit-reset-requests: -1" } },
    { "Azure: 0 says nothing", { "x-ratelimit-remaining-requests: 0",
      "x-ratelimit-reset-requests: 0" } },
    { "Azure: seconds", { "x-ratelimit-remaining-requests: 0",
      "x-ratelimit-reset-requests: 12" }, 12 },
    { "Azure: a rest of -1", { "x-ratelimit-remaining-requests: -1",
      "x-ratelimit-reset-requests: 12" }, nil, nil, 503 },
    { "Anthropic: requests", { "Date: " .. DATE,
      "anthropic-ratelimit-requests-remaining: 0",
      "anthropic-ratelimit-requests-reset: 2023-09-29T16:27:37Z",
      "anthropic-ratelimit-tokens-remaining: 5",
      "anthropic-ratelimit-tokens-reset: 2023-09-29T17:27:37Z" }, 61 },
    { "Anthropic: tokens", { "Date: " .. DATE,
      "anthropic-ratelimit-tokens-remaining: 0",
      "anthropic-ratelimit-tokens-reset: 2023-09-29T16:27:37Z" }, 61 },
    { "Anthropic: input tokens", { "Date: " .. DATE,
      "anthropic-ratelimit-input-tokens-remaining: 0",
      "anthropic-ratelimit-input-tokens-reset: 2023-09-29T16:27:37Z" }, 61 },
    { "Anthropic: output tokens", { "Date: " .. DATE,
      "anthropic-ratelimit-output-tokens-remaining: 0",
      "anthropic-ratelimit-output-tokens-reset: 2023-09-29T16:27:37Z" }, 61 },
    { "two lines", { "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 30",
      "X-RateLimit-Reset: 40" }, 40 },
  })
end)

-- The parts of a name are read, so that no server need be known.
describe("a quota by any name", function()
  local at = tostring(AT + 60)
  local ms = at .. "219"
  read_rows("x-ratelimit-reset", {
    -- @nestjs/throttler 6.7.1
    { "a suffix", { "X-RateLimit-Remaining-short: 0",
      "X-RateLimit-Reset-short: 5", "X-RateLimit-Remaining-long: 99",
      "X-RateLimit-Reset-long: 60" }, 5, nil, 503 },
    { "two suffixes, both used up", { "X-RateLimit-Remaining-short: 0",
      "X-RateLimit-Reset-short: 5", "X-RateLimit-Remaining-long: 0",
      "X-RateLimit-Reset-long: 60" }, 60 },
    { "a suffix with a rest", { "X-RateLimit-Remaining-short: 2",
      "X-RateLimit-Reset-short: 5" } },
    { "a suffix does not take another's count",
      { "X-RateLimit-Remaining-a: 0", "X-RateLimit-Reset-b: 5" }, nil, nil,
      503 },
    { "the standard's name with a suffix", { "RateLimit-Remaining-short: 0",
      "RateLimit-Reset-short: 5" }, 5, "ratelimit", 503 },
    -- hapi-rate-limit 8.0.0: what was asked for beyond the limit is -1
    { "hapi's user", { "Date: " .. DATE, "X-RateLimit-PathLimit: 50",
      "X-RateLimit-PathRemaining: 46", "X-RateLimit-PathReset: " .. ms,
      "X-RateLimit-UserLimit: 3", "X-RateLimit-UserRemaining: -1",
      "X-RateLimit-UserReset: " .. at .. "219" }, 61.219 },
    { "hapi's user, whatever the status", { "Date: " .. DATE,
      "X-RateLimit-UserRemaining: -1", "X-RateLimit-UserReset: " .. ms },
      61.219, nil, 503 },
    { "hapi's path", { "Date: " .. DATE, "X-RateLimit-PathRemaining: -1",
      "X-RateLimit-PathReset: " .. ms, "X-RateLimit-UserRemaining: 7",
      "X-RateLimit-UserReset: " .. (AT + 999) .. "000" }, 61.219 },
    { "hapi's user on a path", { "Date: " .. DATE,
      "X-RateLimit-UserPathRemaining: 0",
      "X-RateLimit-UserPathReset: " .. ms }, 61.219 },
    { "hapi's 0", { "Date: " .. DATE, "X-RateLimit-UserRemaining: 0",
      "X-RateLimit-UserReset: " .. ms }, 61.219, nil, 403 },
    { "hapi's rest", { "Date: " .. DATE, "X-RateLimit-UserRemaining: 1",
      "X-RateLimit-UserReset: " .. ms } },
    -- koa-ratelimit 6.0.0 with the names of its manual
    { "koa's", { "Date: " .. DATE, "Rate-Limit-Remaining: 0",
      "Rate-Limit-Reset: " .. at .. ".664329", "Rate-Limit-Total: 3" },
      61.664329, nil, 503 },
    { "koa's rest", { "Rate-Limit-Remaining: 1", "Rate-Limit-Reset: 60" } },
    -- Symfony's says when to come back, and needs no count
    { "X-RateLimit-Retry-After alone", { "X-RateLimit-Retry-After: 9" }, 9,
      nil, 503 },
    { "X-RateLimit-Retry-After, a moment", { "Date: " .. DATE,
      "X-RateLimit-Remaining: 0", "X-RateLimit-Retry-After: " .. at }, 61,
      nil, 503 },
    { "X-RateLimit-Retry-After with a rest", { "X-RateLimit-Remaining: 4",
      "X-RateLimit-Retry-After: 9" } },
    { "X-RateLimit-Retry-After after the reset", {
      "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 5",
      "X-RateLimit-Retry-After: 9" }, 5 },
    -- below nothing
    { "less than nothing", { "X-RateLimit-Remaining: -5",
      "X-RateLimit-Reset: 9" }, 9, nil, 503 },
    { "-1 may be no limit at all", { "X-RateLimit-Remaining: -1",
      "X-RateLimit-Reset: 9" }, nil, nil, 503 },
    -- a unit, and no window's name
    { "a reset's time", { "Date: " .. DATE, "X-RateLimit-Remaining: 0",
      "X-RateLimit-Reset-Time: 2023-09-29T16:27:37Z" }, 61, nil, 503 },
    { "a reset's milliseconds", { "X-RateLimit-Remaining: 0",
      "X-RateLimit-Reset-Ms: 1500" }, 1.5, nil, 503 },
    { "a moment in milliseconds", { "Date: " .. DATE,
      "X-RateLimit-Remaining: 0", "X-RateLimit-Reset-Ms: " .. ms }, 61.219,
      nil, 503 },
    { "a reset of an unknown kind", { "X-RateLimit-Remaining: 0",
      "X-RateLimit-Reset-Whatever: 5" }, 5, nil, 503 },
    { "a name in the middle", { "X-RateLimit-Burst-Remaining: 0",
      "X-RateLimit-Burst-Reset: 5" }, 5, nil, 503 },
    { "in any case", { "x-RATELIMIT-userREMAINING: 0",
      "X-ratelimit-USERreset: 5" }, 5, nil, 503 },
    -- before the name anything may stand, if both fields are there
    { "somebody's own", { "Zendesk-RateLimit-Remaining: 0",
      "Zendesk-RateLimit-Reset: 5" }, 5, nil, 503 },
    { "somebody's own with X", { "X-App-Rate-Limit-Remaining: 0",
      "X-App-Rate-Limit-Reset: 5" }, 5, nil, 503 },
    { "somebody's own, half", { "Zendesk-RateLimit-Reset: 5" } },
    { "somebody's own and another's", { "Zendesk-RateLimit-Reset: 5",
      "X-RateLimit-Remaining: 0" } },
    -- what only looks like one
    { "no dash after it", { "X-RateLimitReset: 5" } },
    { "a word that ends so", { "Xrate-limit-Reset: 5" } },
    { "a limit is no reset", { "X-RateLimit-Limit: 5" } },
    { "a word that begins so", { "X-RateLimit-Resetting: 5" } },
    { "nothing before it", { "X-RateLimit--Reset: 5" } },
    { "an empty suffix", { "X-RateLimit-Reset-: 5" } },
  })

  it("is paced by, and what is below nothing is not", function()
    assert.same({ remaining = 2, reset = 5 }, quota({
      "X-RateLimit-Remaining-short: 2", "X-RateLimit-Reset-short: 5" }))
    local q = quota({ "Date: " .. DATE, "X-RateLimit-UserRemaining: 2",
      "X-RateLimit-UserReset: " .. ms })
    assert.equal(2, q.remaining)
    near(61.219, q.reset)
    assert.is_nil(quota({ "X-RateLimit-UserRemaining: -1",
      "X-RateLimit-UserReset: 5" }))
  end)

  it("is told of sixteen windows at most, in linear time", function()
    local list = {}
    for i = 1, 20000 do
      list[i] = { "X-RateLimit-Reset-" .. i, "1" }
    end
    list[#list + 1] = { "X-RateLimit-Remaining-1", "0" }
    near(1, hint.read(list, 429, AT).wait)
  end)
end)

describe("quota", function()
  -- { what, lines, remaining or nil, reset }
  for _, row in ipairs {
    { "nothing said", {} },
    { "a policy", { 'RateLimit: "default";r=50;t=30' }, 50, 30 },
    { "a policy that is used up", { 'RateLimit: "p";r=0;t=10' }, 0, 10 },
    { "a policy without reset", { 'RateLimit: "p";r=9' } },
    { "a policy without rest", { 'RateLimit: "p";t=9' } },
    { "a malformed policy", { 'RateLimit: "p";r=9;t=9;' } },
    { "the tightest of two", { 'RateLimit: "a";r=10;t=60, "b";r=9;t=1' }, 10,
      60 },
    { "the tightest of two, second", { 'RateLimit: "b";r=9;t=1',
      'RateLimit: "a";r=10;t=60' }, 10, 60 },
    { "the tightest is used up", { 'RateLimit: "a";r=1;t=999999,"b";r=0;t=5' },
      0, 5 },
    { "of two used up the longer", { 'RateLimit: "a";r=0;t=5,"b";r=0;t=6' },
      0, 6 },
    { "of two equal the longer", { 'RateLimit: "a";r=1;t=5,"b";r=2;t=10' },
      2, 10 },
    { "a dictionary", { "RateLimit: limit=100, remaining=50, reset=5" }, 50,
      5 },
    { "a triple", { "RateLimit-Limit: 100", "RateLimit-Remaining: 7",
      "RateLimit-Reset: 50" }, 7, 50 },
    { "a triple without rest", { "RateLimit-Reset: 50" } },
    { "GitHub", { "Date: " .. DATE, "X-RateLimit-Remaining: 4999",
      "X-RateLimit-Reset: " .. AT + 3600 }, 4999, 3601 },
    { "OpenAI", { "x-ratelimit-remaining-requests: 59",
      "x-ratelimit-reset-requests: 1s",
      "x-ratelimit-remaining-tokens: 149984",
      "x-ratelimit-reset-tokens: 6ms" }, 59, 1 },
    { "the tightest of families", { 'RateLimit: "a";r=10;t=1',
      "RateLimit-Remaining: 3", "RateLimit-Reset: 1",
      "X-RateLimit-Remaining: 5", "X-RateLimit-Reset: 1" }, 3, 1 },
    { "a rest of -1", { "X-RateLimit-Remaining: -1",
      "X-RateLimit-Reset: 9" } },
    { "a reset of -1", { "X-RateLimit-Remaining: 1",
      "X-RateLimit-Reset: -1" } },
    { "a rest without reset", { "X-RateLimit-Remaining: 1" } },
    { "a fraction", { "X-RateLimit-Remaining: 598.7",
      "X-RateLimit-Reset: 9" }, 598, 9 },
    { "a cached response", { "Age: 1", 'RateLimit: "a";r=10;t=1',
      "X-RateLimit-Remaining: 5", "X-RateLimit-Reset: 1" } },
    { "Retry-After is no quota", { "Retry-After: 5" } },
    { "a rest that overflows", {
      "X-RateLimit-Remaining: 99999999999999999999",
      "X-RateLimit-Reset: 9" }, 2 ^ 63, 9 },
    { "a reset that never comes", {
      "X-RateLimit-Remaining: 9",
      "X-RateLimit-Reset: 99999999999999999999s" }, 9, HUGE },
  } do
    it("of " .. row[1], function()
      local q = quota(row[2])
      assert.equal(row[3], q and q.remaining)
      near(row[4] or 0, q and q.reset or 0)
    end)
  end
end)

describe("raw", function()
  it("is the text as it came", function()
    assert.equal("007", read({ "Retry-After:   007  " }).raw)
    assert.equal("12, 30", read({ "Retry-After: 12, 30" }).raw)
  end)

  it("is cut to fit", function()
    local raw = read({ "Retry-After: " .. ("1"):rep(500) }).raw
    assert.equal(("1"):rep(63), raw)
    assert.equal(("0"):rep(62) .. "5",
      read({ "Retry-After: " .. ("0"):rep(62) .. "5" }).raw)
  end)

  it("has no byte that could steer a terminal", function()
    assert.equal("9,??[31m?",
      hint.read({ { "Retry-After", "9,\t\27[31m\155" } }, 503, AT).raw)
  end)
end)

-- Bytes of all kinds, made of what the readers look for and of noise. The
-- generator is our own, so that every interpreter draws the same.
describe("hostile headers", function()
  local seed = 20240229
  local function draw(n) -- 1..n; Park and Miller's minimal standard
    seed = seed * 16807 % 2147483647
    return seed % n + 1
  end

  local names = { "Retry-After", "retry-after-ms", "x-ms-retry-after-ms",
    "x-amz-retry-after", "grpc-retry-pushback-ms", "x-should-retry",
    "Stripe-Should-Retry", "Date", "Age", "RateLimit", "RateLimit-Reset",
    "RateLimit-Remaining", "RateLimit-Policy", "X-RateLimit-Reset",
    "X-RateLimit-Reset-After", "X-RateLimit-Remaining",
    "x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens",
    "anthropic-ratelimit-requests-reset", "x-rate-limit-reset" }
  local parts = { "0", "1", "9", "-1", "99999999999999999999", "1696004857",
    "1696004857000", "Fri, 29 Sep 2023 16:26:57 GMT", "Fri", ", ", ",", " ",
    "29-Sep-23", "16:26:57", " GMT", "Fri Sep 29 16:26:57 2023", "2023-09-29",
    "T", "Z", ".", "+01:00", "s", "ms", "h", "m", "us", "\194\181s", '"a"',
    '"', "\\", ";", "r=0", "t=5", "r=", "t=", ";r=0;t=9", "remaining=0",
    "reset=5", "=", ":", "@", "?1", "%", "(", ")", "true", "false", "nan",
    "\t", "e", "x", "9223372036854775807", "pk=:YQ==:", "00", "60", "23" }

  local function noise()
    local byte
    repeat
      byte = draw(256) - 1
    until byte ~= 0 and byte ~= 10 and byte ~= 13
    return string.char(byte)
  end

  local function value()
    local t = {}
    for i = 1, draw(9) - 1 do
      t[i] = draw(6) == 1 and noise() or parts[draw(#parts)]
    end
    return table.concat(t)
  end

  local statuses = { 200, 403, 429, 503 }
  local walls = { AT, 0, -9e12, 9e12, 2 ^ 62 / 1e6 }

  local function check(list)
    local status, wall = statuses[draw(4)], walls[draw(#walls)]
    local h = hint.read(list, status, wall)
    local q = hint.quota(list, wall)
    local sane = h.wait >= 0 and h.wait == h.wait and #h.raw < 64
      and not h.raw:find("[%c\127-\255]")
      and (h.source ~= "none" or (h.wait == 0 and h.raw == ""))
      and (not q or (q.remaining >= 0 and q.reset >= 0))
    if not sane then
      local t = {}
      for i, pair in ipairs(list) do
        t[i] = ("%s: %q"):format(pair[1], pair[2])
      end
      error("not sane: " .. table.concat(t, "\n"))
    end
  end

  it("leave every result sane, one field at a time", function()
    for _, name in ipairs(names) do
      for _ = 1, 300 do
        check { { name, value() } }
      end
    end
  end)

  it("leave every result sane, many at once", function()
    for _ = 1, 4000 do
      local list = {}
      for i = 1, draw(8) do
        list[i] = { names[draw(#names)], value() }
      end
      check(list)
    end
  end)

  it("leave every result sane, of plain noise", function()
    for _, name in ipairs(names) do
      for _ = 1, 100 do
        local t = {}
        for i = 1, draw(40) do
          t[i] = noise()
        end
        check { { name, table.concat(t) } }
      end
    end
  end)

  it("are read in linear time", function()
    local list = {}
    for i = 1, 20000 do
      list[i] = { names[draw(#names)], "1, " }
    end
    list[#list + 1] = { "Retry-After", ("1,"):rep(100000) }
    list[#list + 1] = { "RateLimit", ('"a";r=0;t=1,'):rep(20000) .. '"b"' }
    check(list)
  end)
end)
