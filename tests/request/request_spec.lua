-- URLs, requests, and what a redirect makes of one.
local unit = require "lull.unit"
local request = unit.request
local INVALID = "invalid argument"

-- "a: b" lines as the core takes them.
local function raw(fields)
  return (fields:gsub("([^:\n]+): ?([^\n]*)\n?", "%1\0%2\0"))
end

describe("url", function()
  local before

  before_each(function()
    collectgarbage()
    collectgarbage()
    before = unit.base.live()
  end)
  after_each(function() assert.are.equal(before, unit.base.live()) end)

  local function is(origin, path, text)
    assert.are.same({ origin, path }, { request.url(text) })
  end

  it("has an origin and a path", function()
    is("http://api.test", "/a/b", "http://api.test/a/b")
    is("https://api.test", "/", "https://api.test")
    is("https://api.test", "/", "https://api.test/")
  end)

  it("keeps its query with the path, and loses its fragment", function()
    is("http://api.test", "/a?b=c&d", "http://api.test/a?b=c&d#e")
    is("http://api.test", "/?q", "http://api.test?q")
  end)

  it("loses the port that is usual, and keeps another", function()
    is("http://api.test", "/", "http://api.test:80/")
    is("https://api.test", "/", "https://api.test:443/")
    is("http://api.test:443", "/", "http://api.test:443/")
    is("https://api.test:8443", "/x", "https://api.test:8443/x")
  end)

  it("may name its host by an address", function()
    is("http://127.0.0.1:8080", "/", "http://127.0.0.1:8080/")
    is("http://[::1]:8080", "/x", "http://[::1]:8080/x")
    is("https://[2001:db8::1]", "/", "https://[2001:db8::1]:443/")
  end)

  -- "http:///a/x" had the front "http://", with which "http:///b/y" began, too:
  -- the request, and its secrets, went to a.
  it("has a front, unless only a parser can tell where it ends", function()
    for url, front in pairs {
      ["http://api.test/a"] = "http://api.test", ["https://api.test:8443"] = "https://api.test:8443",
      ["HTTP://[::1]:80/x"] = "HTTP://[::1]:80", ["http://api.test?q=/"] = "http://api.test",
      ["http://api.test#http://b"] = "http://api.test", ["http://a/b?u=http://c/d"] = "http://a",
    } do assert.are.equal(#front, request.front(url), url) end
    for _, url in ipairs { "http:///a/x", "http:/a/x", "http:/a?u=http://b/c", "http:a", "/a://b", "?://a",
      "http://u:p@a/", "http://a\\b/", "http://a%2eb/", "http://[fe80::1%25eth0]/", "http://", "", "api.test" } do
      assert.are.equal(0, request.front(url), url)
    end
  end)

  it("has a rest behind its front, when nothing in it needs a parser", function()
    local front = "http://api.test"
    for _, rest in ipairs { "/", "/a.b/c..d", "/a?b=c/d&e", "/a//b", "/%2f", "/@:;" } do
      assert.are.equal(rest, request.rest(front, front .. rest))
    end
    for _, rest in ipairs { "", "?a", ":80/", ".org/", "/./a", "/a/../b", "/.a", "/a b", "/a#b", "/a\\b",
      "/\195\164" } do
      assert.is_nil(request.rest(front, front .. rest), rest)
    end
    assert.is_nil(request.rest(front, "http://api"))
  end)

  it("loses user and password from its origin", function()
    is("http://api.test", "/a", "http://user:secret@api.test/a")
    is("http://api.test", "/a@b", "http://api.test/a@b")
  end)

  it("has a scheme in lower case", function()
    is("http://api.test", "/", "HTTP://api.test/")
  end)

  -- Two spellings of one host would be two lanes.
  it("has a host in lower case", function()
    is("http://api.test", "/", "http://API.Test/")
  end)

  it("is none", function()
    for _, text in ipairs { "", "/path", "api.test", "ftp://api.test/",
      "file:///etc/passwd", "http://", "http://a b/",
      "http://api.test:99999/", "http://api.test:x/", "http://[::1/",
      "javascript:alert(1)", "http://api.test/a\nb", "gopher://api.test/" } do
      local origin, problem = request.url(text)
      assert.is_nil(origin, text)
      assert.are.equal(INVALID, problem, text)
    end
  end)

  describe("resolved", function()
    local BASE = "http://api.test/a/b?c=d"

    for location, expected in pairs {
      ["/x"] = "http://api.test/x",
      ["x"] = "http://api.test/a/x",
      ["../x"] = "http://api.test/x",
      ["?q=1"] = "http://api.test/a/b?q=1",
      ["//other.test/x"] = "http://other.test/x",
      ["https://other.test:8443/x"] = "https://other.test:8443/x",
      ["/x#fragment"] = "http://api.test/x",
      ["/a b"] = "http://api.test/a%20b",
    } do
      it(("against its base: %s"):format(location), function()
        assert.are.equal(expected, request.resolve(BASE, location))
      end)
    end

    it("to none: another scheme, or garbage", function()
      for _, location in ipairs { "ftp://other.test/", "file:///etc/passwd",
        "javascript:alert(1)", "http://" } do
        local url, problem = request.resolve(BASE, location)
        assert.is_nil(url, location)
        assert.are.equal(INVALID, problem)
      end
    end)
  end)

  it("is told without user and password", function()
    assert.are.equal("http://api.test/a?b", request.redact("http://u:p@api.test/a?b"))
    assert.are.equal("http://api.test/a", request.redact("http://u@api.test/a"))
    assert.are.equal("no url at all", request.redact("no url at all"))
  end)
end)

describe("request", function()
  local before, r

  before_each(function()
    collectgarbage()
    collectgarbage()
    before = unit.base.live()
  end)

  after_each(function()
    unit.base.fail(-1)
    if r then r:clear() end
    r = nil
    assert.are.equal(before, unit.base.live())
  end)

  local function new(method, url)
    r = request.new { method = method, url = url or "https://api.test/a",
      headers = raw "content-type: text/plain\nx-own: 1\nContent-Length: 5",
      secrets = raw "authorization: Bearer t", body = method == "POST" and "hello" or nil }
    return r
  end

  describe("redirected", function()
    it("becomes a GET without its body: POST by 301, 302, 303", function()
      for _, status in ipairs { 301, 302, 303 } do
        if r then r:clear() end
        assert.is_true(new("POST"):redirect(status, "/b"))
        local now = r:look()
        assert.are.equal("GET", now.method)
        assert.is_nil(now.body)
        assert.are.equal("https://api.test/b", now.url)
        assert.are.equal(raw "x-own: 1", now.headers)
      end
    end)

    it("stays what it is by 307 and 308", function()
      for _, status in ipairs { 307, 308 } do
        if r then r:clear() end
        assert.is_true(new("POST"):redirect(status, "/b"))
        local now = r:look()
        assert.are.equal("POST", now.method)
        assert.are.equal("hello", now.body)
        assert.are.equal("content-type", now.headers:sub(1, 12))
      end
    end)

    it("keeps other methods by 301 and 302, and a HEAD by 303", function()
      for _, case in ipairs { { 301, "PUT", "PUT" }, { 302, "DELETE", "DELETE" },
        { 303, "PUT", "GET" }, { 303, "HEAD", "HEAD" }, { 301, "HEAD", "HEAD" } } do
        if r then r:clear() end
        assert.is_true(new(case[2]):redirect(case[1], "/b"))
        assert.are.equal(case[3], r:look().method)
      end
    end)

    it("to another origin shows no secrets there, and none when it returns", function()
      assert.is_true(new("GET"):redirect(302, "/b"))
      assert.is_false(r:look().foreign)
      assert.are.equal(raw "content-type: text/plain\nx-own: 1\nContent-Length: 5"
        .. raw "authorization: Bearer t", r:outgoing())
      assert.is_true(r:redirect(302, "https://other.test/"))
      assert.is_true(r:look().foreign)
      assert.is_nil(r:outgoing("", raw "cookie: c"):find("[Aa]uthorization"))
      assert.is_nil(r:outgoing("", raw "cookie: c"):find("cookie"))
      assert.is_true(r:redirect(302, "https://api.test/"))
      assert.is_true(r:look().foreign)
    end)

    it("to another port or scheme is to another origin", function()
      assert.is_true(new("GET"):redirect(302, "https://api.test:8443/"))
      assert.is_true(r:look().foreign)
      r:clear()
      assert.is_true(new("GET", "http://api.test/"):redirect(302, "https://api.test/"))
      assert.is_true(r:look().foreign)
    end)

    it("is refused from https to http, and to what is not the web", function()
      new("POST")
      for _, to in ipairs { "http://api.test/", "http://other.test/", "ftp://api.test/",
        "file:///etc/passwd", "http://" } do
        assert.are.same({ nil, INVALID }, { r:redirect(302, to) })
      end
      local now = r:look()
      assert.are.equal("POST", now.method)
      assert.are.equal("hello", now.body)
      assert.is_false(now.foreign)
    end)

    it("keeps a fragment to itself", function()
      assert.is_true(new("GET"):redirect(302, "/b#c"))
      assert.are.equal("https://api.test/b", r:look().url)
    end)
  end)

  describe("sends", function()
    -- Common methods are nobody's memory, and others are the request's own.
    it("a method of any length, also when it becomes another", function()
      local long = ("PURGE"):rep(40)
      new(long)
      assert.are.equal(long, r:look().method)
      assert.is_true(r:redirect(303, "/b"))
      assert.are.equal("GET", r:look().method)
      assert.is_false((pcall(request.new, { method = "GET IT", url = "http://api.test/" })))
    end)

    it("its own headers instead of the client's of that name", function()
      new("GET")
      local out = r:outgoing(raw "X-Own: 2\nX-More: 3", raw "Authorization: other\nCookie: c")
      assert.are.equal(raw "content-type: text/plain\nx-own: 1\nContent-Length: 5"
        .. raw "authorization: Bearer t" .. raw "X-More: 3\nCookie: c", out)
    end)

    it("nothing for an empty value, which keeps the client's out", function()
      r = request.new { method = "GET", url = "http://api.test/", headers = "X-Own\0\0" }
      assert.are.equal(raw "X-More: 3", r:outgoing(raw "x-own: 2\nX-More: 3"))
    end)

    it("overriding headers instead of those of that name", function()
      new("GET")
      assert.is_true(r:override(raw "X-OWN: 2\nnew: 3"))
      assert.are.equal(raw "content-type: text/plain\nContent-Length: 5\nX-OWN: 2\nnew: 3",
        r:look().headers)
      assert.are.same({ nil, INVALID }, { r:override("bad\0a\nb\0") })
      assert.is_truthy(r:look().headers:find("X-OWN", 1, true))
    end)
  end)

  describe("body from a file", function()
    local path

    before_each(function()
      path = os.tmpname()
      local file = assert(io.open(path, "wb"))
      file:write("hello")
      file:close()
    end)

    after_each(function() os.remove(path) end)

    it("has the file's length, and is the same while the file is", function()
      new("GET")
      assert.are.equal(5, r:body_file(path))
      assert.is_true(r:body_check())
    end)

    it("is refused when the file has changed since", function()
      new("GET")
      r:body_file(path)
      local file = assert(io.open(path, "ab"))
      file:write("!")
      file:close()
      assert.are.same({ nil, "the file changed since the first attempt" },
        { r:body_check() })
    end)

    it("is refused when there is none, and for a directory", function()
      new("GET")
      assert.are.same({ nil, "cannot read or write the file" },
        { r:body_file(path .. ".none") })
      assert.are.same({ nil, "cannot read or write the file" }, { r:body_file("tests") })
      r:body_file(path)
      os.remove(path)
      assert.are.same({ nil, "cannot read or write the file" }, { r:body_check() })
    end)
  end)

  it("is whole or unchanged when memory ends during a redirect", function()
    for n = 0, 30 do
      new("POST")
      unit.base.fail(n)
      local ok = r:redirect(303, "/b")
      unit.base.fail(-1)
      local now = r:look()
      assert.are.equal(ok and "https://api.test/b" or "https://api.test/a", now.url)
      r:clear()
      assert.are.equal(before, unit.base.live())
      if ok then return end
    end
    error("no end of it")
  end)
end)
