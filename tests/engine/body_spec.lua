-- Bodies that are sent, and answers that go to a file.
local support = require "tests.support"
local sim, replies = support.sim, support.replies

local URL = "http://api.test/"

local function has(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%q is not in %q"):format(part, tostring(text)), 2)
  end
end

local function write(path, bytes)
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local bytes = file:read("*a")
  file:close()
  return bytes
end

-- The names in a folder that begin as `path` does.
local function beside(path)
  local pipe = io.popen("ls -A " .. path .. "* 2>/dev/null")
  local list = pipe:read("*a")
  pipe:close()
  return list
end

describe("a body", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("as a text is sent again as it was", function()
    local t = sim(replies { 503, "reset", 200 }, function(lull)
      assert(lull.put(URL, { body = "same\0bytes" }))
    end)
    for i = 1, 3 do assert.are.equal("same\0bytes", t.requests[i].body) end
  end)

  it("as a file is read anew for each attempt", function()
    write(path, "on disk")
    local t = sim(replies { 503, 200, 200 }, function(lull)
      assert(lull.put(URL, { body = lull.file(path) }))
      assert(lull.put(URL, { file = path }))
    end)
    for i = 1, 3 do
      assert.are.equal("on disk", t.requests[i].body)
      assert.are.equal("application/octet-stream", t.requests[i].headers["content-type"])
    end
  end)

  it("as an empty file is sent, too", function()
    write(path, "")
    local t = sim(replies { 200 }, function(lull) assert(lull.put(URL, { file = path })) end)
    assert.are.equal("", t.requests[1].body)
  end)

  it("as a file that changed meanwhile is not sent", function()
    write(path, "before")
    local t = sim(replies { 503 }, function(lull)
      local res, err = lull.put(URL, { file = path, on = { [503] = function(attempt)
        write(path, "after it")
        return attempt:retry(1)
      end } })
      assert.is_nil(res)
      assert.are.equal("local.file", err.reason)
      assert.are.equal("rule", err.why)
      assert.are.equal(503, err.response.status)
      has(err, "a file cannot be read or written (local.file")
    end)
    assert.are.equal(1, #t.requests)
    assert.are.equal(0, t.live)
  end)

  it("as a file that went away meanwhile is not sent", function()
    write(path, "before")
    local t = sim(replies { 503 }, function(lull)
      local _, err = lull.put(URL, { file = path, on = { [503] = function(attempt)
        os.remove(path)
        return attempt:retry(1)
      end } })
      assert.are.equal("local.file", err.reason)
    end)
    assert.are.equal(1, #t.requests)
  end)

  it("as a file that is not there fails before anything is sent, and names the file", function()
    local t = sim(replies {}, function(lull)
      for _, missing in ipairs { path .. ".missing", "/", path .. "/below" } do
        local res, err = lull.put(URL, { file = missing })
        assert.is_nil(res)
        has(err, "PUT http://api.test/: ")
        has(err, missing)
        assert.are.equal("local.file", err.reason)
        assert.are.equal("rule", err.why)
        assert.are.equal(0, err.attempts)
        assert.are.same({}, err.history)
        assert.is_nil(err.response)
        assert.is_nil(tostring(err):find(": rule"))
      end
    end)
    assert.are.equal(0, #t.requests)
    assert.are.equal(0, t.live)
  end)

  it("as a function is made once for each attempt", function()
    local made = 0
    local t = sim(replies { 503, "close", 503, 200 }, function(lull)
      local res = lull.put(URL, { body = function() made = made + 1; return "made " .. made end })
      assert.are.equal(4, res.attempts)
    end)
    assert.are.equal(4, made)
    for i = 1, 4 do assert.are.equal("made " .. i, t.requests[i].body) end
    assert.are.equal(0, t.live)
  end)

  it("as a function is not made for an attempt that never comes", function()
    local made = 0
    local function body() made = made + 1; return "x" end
    sim(function() return 503 end, function(lull)
      local _, err = lull.put(URL, { body = body, attempts = 2 })
      assert.are.equal("attempts", err.why)
      assert.are.equal(2, made)
      _, err = lull.post(URL, { body = body, on = { [503] = "stop" } })
      assert.are.equal("rule", err.why)
      assert.are.equal(3, made)
    end)
  end)

  it("as a function may wait and send", function()
    local t = sim(function(request)
      return request.path == "/part" and 200 or (request.time < 2 and 503 or 200), nil, "part"
    end, function(lull)
      local api = lull.client { base = "http://api.test", backoff = "const:1s,none" }
      assert(api:put("/", { body = function()
        lull.sleep(1)
        return assert(api:get("/part")).body
      end }))
    end)
    assert.are.equal(0, t.live)
    for _, request in ipairs(t.requests) do
      if request.method == "PUT" then assert.are.equal("part", request.body) end
    end
  end)

  it("as a function that raises ends the call where it is", function()
    local made = 0
    local t = sim(function() return 503 end, function(lull)
      local fine, err = lull.try(lull.put, URL, { body = function()
        made = made + 1
        if made == 2 then error("no more paper") end
        return "x"
      end })
      assert.is_false(fine)
      has(err, "no more paper")
      fine, err = lull.try(lull.put, URL, { body = function() error("none at all") end })
      assert.is_false(fine)
      has(err, "none at all")
    end)
    assert.are.equal(1, #t.requests)
    assert.are.equal(0, t.live)
  end)

  -- It was raised, as the rule's fault.
  it("as a function that names a missing file later is the world's failure", function()
    local made = 0
    local t = sim(function() return 503 end, function(lull)
      local res, err = lull.put(URL, { body = function()
        made = made + 1
        return made == 1 and "x" or lull.file(path .. ".missing")
      end })
      assert.is_nil(res)
      assert.are.equal("local.file", err.reason)
      assert.are.equal(1, err.attempts)
      assert.are.equal(503, err.response.status)
      has(err, "PUT http://api.test/: a file cannot be read or written (local.file: " .. path .. ".missing: "
        .. "No such file or directory) after 1 attempt in 0s: not to be retried")
    end)
    assert.are.equal(1, #t.requests)
    assert.are.equal(0, t.live)
  end)

  it("as a function may give a file", function()
    write(path, "on disk")
    local t = sim(replies { 503, 200 }, function(lull)
      assert(lull.put(URL, { body = function() return lull.file(path) end }))
    end)
    assert.are.equal("on disk", t.requests[2].body)
  end)
end)

describe("output", function()
  local path
  before_each(function()
    path = os.tmpname()
    os.remove(path)
  end)
  after_each(function() os.remove(path) end)

  it("holds the accepted answer, whole, and nothing is beside it", function()
    local bytes = ("0123456789\0\n"):rep(10000)
    sim(replies { { 200, nil, bytes } }, function(lull)
      local res = assert(lull.get(URL, { output = path }))
      assert.are.equal("", res.body)
    end)
    assert.are.equal(bytes, read(path))
    assert.are.equal(path .. "\n", beside(path))
  end)

  it("replaces what was there only when the answer is whole", function()
    sim(replies { { 200, nil, "old" }, { body = "half of it", cut = 4 }, { 200, nil, "new" } }, function(lull)
      assert(lull.get(URL, { output = path }))
      assert(lull.get(URL, { output = path, on = { http = function(attempt)
        assert.are.equal("old", read(path))
        return attempt:retry(1)
      end } }))
    end)
    assert.are.equal("new", read(path))
    assert.are.equal(path .. "\n", beside(path))
  end)

  it("is not there after a call that fails", function()
    sim(function() return { body = "half of it", cut = 4 } end, function(lull)
      local _, err = lull.get(URL, { output = path, attempts = 3 })
      assert.are.equal("http.truncated", err.reason)
    end)
    assert.are.equal("", beside(path))
  end)

  it("is not touched by the answer of a failure, whose body stays in memory", function()
    sim(replies { { 500, nil, "sorry" }, { 404, nil, "no such thing" } }, function(lull)
      local _, err = lull.get(URL, { output = path })
      assert.are.equal("no such thing", err.response.body)
    end)
    assert.are.equal("", beside(path))
  end)

  it("takes the answer that a rule accepts, whatever its status", function()
    sim(replies { { 404, nil, "a page all the same" } }, function(lull)
      local res = assert(lull.get(URL, { output = path, on = { [404] = "accept" } }))
      assert.are.equal(404, res.status)
    end)
    assert.are.equal("a page all the same", read(path))
    assert.are.equal(path .. "\n", beside(path))
  end)

  it("is not there when a rule refuses the answer", function()
    sim(replies { { 200, nil, "not this" } }, function(lull)
      local _, err = lull.get(URL, { output = path, on = { [200] = "stop" } })
      assert.are.equal("rule", err.why)
    end)
    assert.are.equal("", beside(path))
  end)

  it("is not there when the task is cancelled, or the rule's function raises", function()
    sim(function() return 200, nil, "almost" end, function(lull)
      local task = lull.spawn(lull.get, URL, { output = path, on = { [200] = function() lull.sleep(10) end } })
      lull.sleep(1)
      task:cancel()
      task:join()
      assert.is_false((lull.try(lull.get, URL, { output = path, on = { [200] = function() error("broken") end } })))
      lull.sleep(0)
      assert.are.equal("", beside(path))
    end)
  end)

  it("of an empty answer is an empty file", function()
    sim(replies { 200, 204 }, function(lull)
      assert(lull.get(URL, { output = path }))
      assert.are.equal("", read(path))
      os.remove(path)
      assert(lull.get(URL, { output = path }))
      assert.are.equal("", read(path))
    end)
  end)

  -- It was found out when the answer had come: a POST was applied, and what
  -- it gave back was lost.
  it("that cannot be written is said before anything is sent, and why", function()
    write(path, "")
    os.execute("ln -s " .. path .. ".loop " .. path .. ".loop")
    local t = sim(function() return 200, nil, "x" end, function(lull)
      for name, reason in pairs { [path .. "/file"] = "Not a directory",
        [path .. ".missing/file"] = "No such file or directory", ["/tmp"] = "Is a directory",
        ["/tmp/"] = "Is a directory", ["."] = "Is a directory", [""] = "No such file or directory",
        ["/proc/nothing"] = "No such file or directory", ["/dev/fd/0123"] = "Bad file descriptor",
        [path .. ".loop"] = "Too many levels of symbolic links",
        [("x"):rep(300)] = "File name too long" } do
        local res, err = lull.post(URL, { output = name })
        assert.is_nil(res)
        assert.are.equal("local.file", err.reason)
        assert.are.equal("rule", err.why)
        assert.are.equal(0, err.attempts)
        has(err, "POST http://api.test/: a file cannot be read or written (local.file: "
          .. name .. ": " .. reason .. "): not to be retried")
      end
    end)
    assert.are.equal(0, #t.requests)
    assert.are.equal(0, t.live)
    os.remove(path .. ".loop")
  end)

  -- A download that is continued trusted any 206 to be the rest of it.
  describe("that is continued", function()
    local function head(range) return { etag = '"1"', ["content-range"] = range } end
    local first = { headers = head(), body = "0123456789", cut = 4 }

    local function run(answers, outcomes)
      os.remove(path)
      table.insert(answers, 1, first)
      sim(replies(answers), function(lull)
        local res = assert(lull.get(URL, { output = path }))
        local list = {}
        for i, entry in ipairs(res.history) do list[i] = entry.outcome end
        assert.are.same(outcomes, list)
      end)
      assert.are.equal("0123456789", read(path))
      assert.are.equal(path .. "\n", beside(path))
    end

    it("goes on when the server sends less than the rest", function()
      run({ { 206, head "bytes 4-6/10", "456" }, { 206, head "bytes 7-9/10", "789" } },
        { "http.truncated", "http.truncated", 206 })
    end)

    it("begins anew when it is sent another part, or one that is not named", function()
      run({ { 206, head "bytes 2-9/10", "23456789" }, { 200, head(), "0123456789" } },
        { "http.truncated", "http.malformed", 200 })
      run({ { 206, head(), "456789" }, { 200, head(), "0123456789" } },
        { "http.truncated", "http.malformed", 200 })
    end)

    it("begins anew when the part is the script's own", function()
      local ranges = {}
      sim(function(request, n)
        ranges[n] = request.headers.range
        local answer = { status = 206, headers = head "bytes 4-9/10", body = "456789" }
        if n == 1 then answer.cut = 4 end
        return answer
      end, function(lull) assert(lull.get(URL, { output = path, headers = { range = "bytes=4-9" } })) end)
      assert.are.same({ "bytes=4-9", "bytes=4-9" }, ranges)
      assert.are.equal("456789", read(path))
    end)
  end)

  -- A file of that name was put in the place of the device.
  it("may be /dev/null, which stays what it is", function()
    sim(function() return 200, nil, "x" end, function(lull)
      assert(lull.get(URL, { output = "/dev/null" }))
    end)
    assert.are.equal("", beside "/dev/null.lull-part")
    assert.is_true(os.execute "test -c /dev/null" == true or os.execute "test -c /dev/null" == 0)
  end)

  it("is bounded by max_body, as memory is", function()
    local t = sim(function() return 200, nil, ("x"):rep(1001) end, function(lull)
      local api = lull.client { max_body = 1000 }
      for _, options in ipairs { {}, { output = path } } do
        local _, err = api:get(URL, options)
        assert.are.equal("limit.body", err.reason)
        assert.are.equal("rule", err.why)
        has(err, "the body is larger than max_body (limit.body)")
      end
      assert.are.equal(1001, #assert(api:get(URL, { max_body = "1001" })).body)
    end)
    assert.are.equal(3, #t.requests)
    assert.are.equal("", beside(path))
  end)

  it("max_headers bounds the headers", function()
    sim(function() return 200, { ["x-long"] = ("x"):rep(2000) } end, function(lull)
      local _, err = lull.get(URL, { max_headers = 1000 })
      assert.are.equal("limit.headers", err.reason)
      assert(lull.get(URL, { max_headers = 4000 }))
    end)
  end)
end)
