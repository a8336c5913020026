-- Downloads over real sockets: what is continued, by whom, and into what.
--
-- Another version's rest was appended to the part of a file, and the call
-- ended well; a file was replaced together with its mode and owner; and a
-- program that was killed began anew.

local support = require "tests.support"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"
local quote = wire.quote
local SOON = "const:10ms,none"

-- /name: ranges of a file whose version is what the query says.
local RANGES = [[
local BODY = ("0123456789"):rep(%d)
local n = {}
return { ["http://api.test"] = function(request)
  local path = request.route
  n[path] = (n[path] or 0) + 1
  local first = tonumber((request.headers.range or ""):match "^bytes=(%%d+)%%-$")
  local answer = { status = 200, headers = { etag = '"1"' }, body = BODY }
  if first and first >= #BODY then
    return 416, { ["content-range"] = "bytes */" .. #BODY }, ""
  end
  if first and (request.headers["if-range"] or '"1"') == '"1"' then
    answer.status, answer.body = 206, BODY:sub(first + 1)
    answer.headers["content-range"] = ("bytes %%d-%%d/%%d"):format(first, #BODY - 1, #BODY)
  end
  if (path == "/cut" and n[path] == 1 or path == "/always") and #answer.body > 15 then answer.cut = 15 end
  if path == "/slow" and n[path] == 1 then answer.drip = 0.02 end
  return answer
end }
]]
local function ranges(times) return wire.server(RANGES:format(times or 10)) end
local WHOLE = ("0123456789"):rep(10)

local function beside(path) return wire.run("ls -A " .. quote(path) .. "* 2>/dev/null").out end

local function get(arguments, input)
  return wire.run(BINARY .. " get --backoff const:10ms,none " .. arguments, input)
end

-- A server whose nth answer is the nth of the list, in Lua.
local function answers(list)
  return wire.server(([[
local list, n = { %s }, 0
return { ["http://api.test"] = function()
  n = n + 1
  return list[n] or { status = 500 }
end }
]]):format(table.concat(list, ", ")))
end

local function answer(status, headers, body, cut)
  return ("{ status = %d, headers = { %s }, body = %q, cut = %s }"):format(status, headers, body, tostring(cut))
end

teardown(wire.clean)

describe("a part", function()
  local FIRST = answer(200, [[etag = '"1"']], "0123456789", 4)
  local AGAIN = answer(200, [[etag = '"2"']], "abcdefghij")

  local function run(list, outcomes, body)
    local server, path = answers(list), wire.path()
    wire.real(function(lull)
      local res, err = lull.get(server.url .. "/", { output = path, backoff = SOON, attempts = 4 })
      local seen = {}
      for i, entry in ipairs((res or err).history) do seen[i] = entry.outcome end
      assert.are.same(outcomes, seen)
    end)
    assert.are.equal(body, wire.read(path))
    if body then assert.are.equal(path .. "\n", beside(path)) end
    server:stop()
  end

  local function part(headers, body, cut) return answer(206, headers, body, cut) end

  it("of the same version is appended", function()
    run({ FIRST, part([[etag = '"1"', ["content-range"] = "bytes 4-9/10"]], "456789") },
      { "http.truncated", 206 }, "0123456789")
  end)

  for name, headers in pairs {
    ["of another ETag"] = [[etag = '"2"', ["content-range"] = "bytes 4-9/10"]],
    ["of a weak ETag"] = [[etag = 'W/"1"', ["content-range"] = "bytes 4-9/10"]],
    ["of another length"] = [[etag = '"1"', ["content-range"] = "bytes 4-9/11"]],
    ["of another place"] = [[etag = '"1"', ["content-range"] = "bytes 3-9/10"]],
    ["of no place"] = [[etag = '"1"']],
    ["of a place that makes no sense"] = [[etag = '"1"', ["content-range"] = "bytes 4-10/10"]],
    ["that says nothing of its version or length"] = [[["content-range"] = "bytes 4-9/*"]],
    ["that is compressed"] = [[etag = '"1"', ["content-encoding"] = "br", ["content-range"] = "bytes 4-9/10"]],
    ["of several pieces"] = [[etag = '"1"', ["content-type"] = "multipart/byteranges; boundary=x"]],
  } do
    it(name .. " starts again from zero", function()
      run({ FIRST, part(headers, "456789"), AGAIN }, { "http.truncated", "http.malformed", 200 }, "abcdefghij")
    end)
  end

  it("of another Last-Modified starts again from zero", function()
    local dates = [[["last-modified"] = "Sun, 06 Nov 1994 08:49:%02d GMT", date = "Sun, 06 Nov 1994 09:00:00 GMT"]]
    run({ answer(200, dates:format(1), "0123456789", 4),
      part(dates:format(2) .. [[, ["content-range"] = "bytes 4-9/10"]], "456789"), AGAIN },
      { "http.truncated", "http.malformed", 200 }, "abcdefghij")
  end)

  it("that ends before its end is gone on with", function()
    run({ FIRST, part([[etag = '"1"', ["content-range"] = "bytes 4-9/10"]], "45"),
      part([[etag = '"1"', ["content-range"] = "bytes 6-9/10"]], "6789") },
      { "http.truncated", "http.truncated", 206 }, "0123456789")
  end)

  it("of a length that is not told is compared with what the first answer told", function()
    run({ FIRST, part([[etag = '"1"', ["content-range"] = "bytes 4-6/*"]], "456"),
      part([[etag = '"1"', ["content-range"] = "bytes 7-9/*"]], "789") },
      { "http.truncated", "http.truncated", 206 }, "0123456789")
  end)

  it("of a length that nobody told is never taken for the whole", function()
    local chunked = [[etag = '"1"', ["transfer-encoding"] = "chunked"]]
    run({ answer(200, chunked, "0123456789", 4), part([[etag = '"1"', ["content-range"] = "bytes 4-9/*"]], "456789"),
      answer(416, [[["content-range"] = "bytes */10"]], "") },
      { "http.truncated", "http.truncated", 416 }, "0123456789")
  end)

  -- What there was of the first version was taken for the whole of the second.
  it("that there is none of, as another version is just so long, starts again from zero", function()
    local none, other = [[["content-range"] = "bytes */4"]], [[etag = '"2"', ["content-range"] = "bytes */4"]]
    local unknown = answer(200, [[etag = '"1"', ["transfer-encoding"] = "chunked"]], "0123456789", 4)
    for _, case in ipairs { { FIRST, none }, { FIRST, other }, { unknown, other } } do
      run({ case[1], answer(416, case[2], ""), AGAIN }, { "http.truncated", 416, 200 }, "abcdefghij")
    end
  end)

  it("that nobody asked for is gone on with, or fails", function()
    run({ part([[etag = '"1"', ["content-range"] = "bytes 0-3/10"]], "0123"),
      part([[etag = '"1"', ["content-range"] = "bytes 4-9/10"]], "456789") },
      { "http.truncated", 206 }, "0123456789")
    local odd = part([[etag = '"1"', ["content-range"] = "bytes 4-9/10"]], "456789")
    run({ odd, odd, odd, odd }, { "http.malformed", "http.malformed", "http.malformed", "http.malformed" })
  end)

  it("that nobody asked for is no whole body in memory, either", function()
    local server = answers { part([[["content-range"] = "bytes 0-3/10"]], "0123"),
      part([[["content-range"] = "bytes 0-9/10"]], "0123456789") }
    wire.real(function(lull)
      local res = assert(lull.get(server.url .. "/", { backoff = SOON }))
      assert.are.equal(2, res.attempts)
      assert.are.equal("0123456789", res.body)
    end)
  end)

  it("that the script asked for is as long as it says", function()
    local server = answers { part([[["content-range"] = "bytes 4-9/10"]], "456"),
      part([[["content-range"] = "bytes 4-9/10"]], "456789") }
    wire.real(function(lull)
      local res = assert(lull.get(server.url .. "/", { backoff = SOON, headers = { range = "bytes=4-9" } }))
      assert.are.equal(2, res.attempts)
      assert.are.equal("456789", res.body)
    end)
    for _, request in ipairs(server:requests(2)) do
      -- A range of what is compressed is one that nobody can decode.
      assert.are.equal("identity", request.headers["accept-encoding"])
    end
  end)
end)

describe("a compressed body", function()
  local GZIP, files = [[printf %s "$1" | gzip -n]], {}
  setup(function()
    local function make(name, command)
      files[name] = wire.path "." .. name
      assert.equal(0, wire.run(("set -- one; { %s; } >%s"):format(command, files[name])).code)
    end
    local two = GZIP .. "; printf two | gzip -n"
    make("members", two .. "; printf '' | gzip; seq 20000 | gzip; for _ in $(seq 50); do printf . | gzip; done")
    make("padded", two .. "; head -c 1000 /dev/zero")
    make("junk", two .. "; printf junk")
    make("cut", two .. " | head -c 15")
    make("twice", "{ " .. two .. "; } | gzip -n; printf more | gzip -n | gzip -n")
    -- What is in a gzip file between its header of ten bytes and its end of eight.
    make("bare", GZIP .. " | tail -c +11 | head -c -8")
    make("empty", "true")
    make("none", "printf none")
  end)
  teardown(wire.clean)

  local CODING = { twice = "gzip, x-gzip", bare = "deflate" }

  -- Serves the file that the path names, in pieces of so many bytes.
  local function serve()
    return wire.server([[
      local FILES, CODING = ]] .. "{" .. (function()
        local list = {}
        for name, path in pairs(files) do list[#list + 1] = ("%s = %q"):format(name, path) end
        return table.concat(list, ", ")
      end)() .. [[ }, { twice = "gzip, x-gzip", bare = "deflate" }
      return { ["http://api.test"] = function(request)
        local name = request.path:sub(2)
        local file = io.open(FILES[name], "rb")
        local body = file:read "*a"
        file:close()
        return { status = 200, headers = { ["content-encoding"] = CODING[name] or "gzip" }, body = body,
          drip = #body > 0 and #body < 200 and 0.02 or nil }
      end }
    ]])
  end

  local numbers = wire.run("seq 20000").out
  local DECODED = { members = "onetwo" .. numbers .. ("."):rep(50), padded = "onetwo",
    twice = "onetwomore", bare = "one", empty = "" }

  -- libcurl decodes the first member of several, and refused what follows; they were
  -- http.malformed, and lost with a POST.
  it("is decoded whole, in memory and in a file, whatever the method", function()
    local server, path = serve(), wire.path()
    wire.real(function(lull)
      for name, text in pairs(DECODED) do
        local url = server.url .. "/" .. name
        for _, res in ipairs { assert(lull.get(url)), assert(lull.post(url)) } do
          assert.are.same({ text, 1 }, { res.body, res.attempts }, name)
        end
        assert(lull.get(url, { output = path }))
        assert.are.equal(text, wire.read(path), name)
        local raw = assert(lull.get(url, { encoded = true }))
        assert.are.equal(wire.read(files[name]), raw.body)
        assert.are.equal(CODING[name] or "gzip", raw.headers["content-encoding"])
      end
    end)
  end)

  -- One that ended too early was taken for whole when its length was right.
  it("is none that is cut, or followed by something else, or another thing", function()
    local server, path = serve(), wire.path()
    wire.real(function(lull)
      for name, reason in pairs { cut = "http.truncated", junk = "http.malformed", none = "http.malformed" } do
        for _, output in ipairs { false, path } do
          local _, err = lull.get(server.url .. "/" .. name, { attempts = 1, output = output or nil })
          assert.are.equal(reason, err.reason)
          assert.are.equal(name ~= "cut", tostring(err):find("encoded = true gives it as it came", 1, true) ~= nil)
        end
        assert.is_nil(wire.read(path))
      end
    end)
  end)

  it("counts decoded bytes against max_body, over all its members", function()
    local server = serve()
    wire.real(function(lull)
      local _, err = lull.get(server.url .. "/members", { max_body = #DECODED.members - 1 })
      assert.are.same({ "limit.body", 1 }, { err.reason, err.attempts })
      local res = assert(lull.get(server.url .. "/members", { max_body = #DECODED.members }))
      assert.are.equal(DECODED.members, res.body)
    end)
  end)
end)

-- A simulated answer with a coding was left as it was: a script that was tested so
-- met another body on the wire.
describe("a body with a coding, in both worlds", function()
  teardown(wire.clean)

  it("is the same", function()
    local path, n = wire.path(), 0
    local made = wire.run "printf hello | gzip -n | base64 -w0".out
    local world = ([[
      local base64 = require "lull.base64"
      local GZIP = base64.decode %q
      local codings = { ["/unknown"] = "UTF-8", ["/twice"] = "gzip, identity" }
      local bodies = { ["/none"] = "none", ["/junk"] = GZIP .. "junk", ["/short"] = GZIP:sub(1, 20),
        ["/members"] = GZIP .. GZIP, ["/empty"] = "" }
      return { ["http://api.test"] = function(request)
        local path = request.path
        return { status = path == "/missing" and 404 or 200, body = bodies[path] or GZIP,
          headers = { ["content-encoding"] = codings[path] or "gzip" }, cut = path == "/cut" and 12 or nil }
      end }
    ]]):format(made)
    local told = { {}, {} }
    local function add(list, res, err, file)
      local said = tostring(err or ""):find("encoded = true", 1, true) and "advice" or ""
      local last = res or err.response
      n = #list + 1
      list[n] = table.concat({ res and res.status or err.reason, last and last.body or "", file or "", said }, "|")
    end
    local function scenario(list) return function(lull, base)
      for _, name in ipairs { "ok", "unknown", "twice", "none", "junk", "short", "members", "empty", "missing",
        "cut" } do
        local url = base .. "/" .. name
        for _, options in ipairs { {}, { encoded = true }, { headers = { ["accept-encoding"] = "br" } },
          { headers = { ["accept-encoding"] = "identity" } }, { max_body = 7 }, { output = path } } do
          os.remove(path)
          options.attempts = 1
          local res, err = lull.get(url, options)
          add(list, res, err, options.output and wire.read(path))
        end
      end
    end end
    local source = (loadstring or load)(world)() -- luacheck: ignore
    support.sim(source, function(lull) scenario(told[1])(lull, "http://api.test") end)
    local server = wire.server(world)
    wire.real(function(lull) scenario(told[2])(lull, server.url) end)
    assert.are.equal(60, n)
    assert.are.same(told[2], told[1])
    assert.are.equal("200|hello||", told[1][1])
  end)
end)

describe("the next run", function()
  it("goes on with what a killed one has left, and leaves nothing #binary", function()
    local server, path = ranges(), wire.path()
    local child = wire.start(("%s get -o %s %s/slow"):format(BINARY, quote(path), server.url))
    wire.eventually(function() return #(wire.read(path .. ".lull-part") or "") >= 5 end, "no part")
    child:signal "KILL"
    child:finish()
    assert.is_nil(wire.read(path))
    local size = #wire.read(path .. ".lull-part")
    local result = get(("--trace -o %s %s/slow"):format(quote(path), server.url))
    assert.are.equal(0, result.code)
    assert.matches("206 Partial Content %-> accept %[continued%]", result.err)
    assert.are.equal(WHOLE, wire.read(path))
    assert.are.equal(path .. "\n", beside(path))
    local requests = server:requests(2)
    assert.are.equal(("bytes=%d-"):format(size), requests[2].headers.range)
    assert.are.equal('"1"', requests[2].headers["if-range"])
  end)

  it("goes on with what one has left that was killed, when a journal remembers the call #binary", function()
    local server, path, journal = ranges(), wire.path(), wire.path ".lull"
    local command = ("%s --journal %s %s %s %s"):format(BINARY, journal, wire.write([[
local lull = require "lull"
local results, sum = lull.map({ "a" }, function() return lull.get(arg[1] .. "/slow", { output = arg[2] }) end)
local res = results[1]
print(sum.done, sum.failed, sum.before, res.status, res.attempts)
]], ".lua"), server.url, path)
    local child = wire.start(command)
    wire.eventually(function() return #(wire.read(path .. ".lull-part") or "") >= 5 end, "no part")
    child:signal "KILL"
    child:finish()
    local size = #wire.read(path .. ".lull-part")
    -- The attempt that was broken off counts; what it brought is not fetched again.
    assert.are.equal("1\t0\t0\t206\t2\n", wire.run(command).out)
    assert.are.equal(WHOLE, wire.read(path))
    assert.are.equal(path .. "\n", beside(path))
    assert.are.equal(("bytes=%d-"):format(size), server:requests(2)[2].headers.range)
  end)

  it("goes on with what a failed one has left, and a script does #binary", function()
    local server, path = ranges(), wire.path()
    assert.are.equal(75, get(("--attempts 1 -o %s %s/cut"):format(quote(path), server.url)).code)
    assert.are.equal(("0123456789"):rep(2):sub(1, 15), wire.read(path .. ".lull-part"))
    wire.real(function(lull)
      local res = assert(lull.get(server.url .. "/cut", { output = path }))
      assert.are.equal(206, res.status)
    end)
    assert.are.equal(WHOLE, wire.read(path))
    assert.are.equal(path .. "\n", beside(path))
  end)

  it("of another URL begins anew #binary", function()
    local server, path = ranges(), wire.path()
    assert.are.equal(75, get(("--attempts 1 -o %s %s/cut"):format(quote(path), server.url)).code)
    assert.are.equal(0, get(("-o %s %s/other"):format(quote(path), server.url)).code)
    assert.is_nil(server:requests(2)[2].headers.range)
    assert.are.equal(path .. "\n", beside(path))
  end)

  it("begins anew with a note that is not whole #binary", function()
    local server = ranges()
    for _, note in ipairs { "", "lull part 1\nkey x\n", ("x"):rep(5000), "\0" } do
      local path = wire.path()
      assert.are.equal(75, get(("--attempts 1 -o %s %s/always"):format(quote(path), server.url)).code)
      local file = assert(io.open(path .. ".lull-part.note", "wb"))
      file:write(note)
      file:close()
      assert.are.equal(0, get(("--attempts 9 -o %s %s/always"):format(quote(path), server.url)).code)
      assert.are.equal(WHOLE, wire.read(path))
      assert.are.equal(path .. "\n", beside(path))
    end
  end)

  it("finds that it was whole before #binary", function()
    local server, path = ranges(), wire.path()
    assert.are.equal(75, get(("--attempts 1 -o %s %s/always"):format(quote(path), server.url)).code)
    local file = assert(io.open(path .. ".lull-part", "ab"))
    file:write(WHOLE:sub(16))
    file:close()
    assert.are.equal(0, get(("-o %s %s/always"):format(quote(path), server.url)).code)
    assert.are.equal(WHOLE, wire.read(path))
    assert.are.equal(path .. "\n", beside(path))
  end)

  it("keeps apart from one that has not ended #binary", function()
    local server, path = ranges(), wire.path()
    local child = wire.start(("%s get -o %s %s/slow"):format(BINARY, quote(path), server.url))
    wire.eventually(function() return #(wire.read(path .. ".lull-part") or "") >= 5 end, "no part")
    assert.are.equal(0, get(("-o %s %s/slow"):format(quote(path), server.url)).code)
    assert.are.equal(WHOLE, wire.read(path))
    os.remove(path)
    local _, code = child:finish()
    assert.is_true(code == nil or code == 0)
    assert.are.equal(WHOLE, wire.read(path))
    assert.are.equal(path .. "\n", beside(path))
  end)

  it("touches nobody else's file of that name #binary", function()
    local server, path = ranges(), wire.path()
    local other = wire.write "precious"
    os.execute(("ln -s %s %s"):format(quote(other), quote(path .. ".lull-part")))
    assert.are.equal(0, get(("-o %s %s/ok"):format(quote(path), server.url)).code)
    assert.are.equal("precious", wire.read(other))
    assert.are.equal(WHOLE, wire.read(path))
  end)
end)

describe("-o", function()
  local server
  setup(function() server = ranges() end)

  it("is looked at before a POST is sent #binary", function()
    local before = #server:requests()
    local result = wire.run(("%s post -o %s/missing/x %s/ok"):format(BINARY, wire.path(), server.url))
    assert.are.equal(1, result.code)
    assert.matches("/missing/x: No such file or directory%)", result.err)
    assert.are.equal(before, #server:requests())
  end)

  it("keeps mode and owner of a file, and its other names #binary", function()
    local path = wire.write "old"
    os.execute(("chmod 640 %s; ln %s %s"):format(quote(path), quote(path), quote(path .. "-hard")))
    assert.are.equal(0, get(("-o %s %s/ok"):format(quote(path), server.url)).code)
    assert.are.equal(WHOLE, wire.read(path))
    assert.are.equal(WHOLE, wire.read(path .. "-hard"))
    os.remove(path .. "-hard")
    local owner = wire.run "id -u".out == "0\n" and "1234:4321" or "$(id -u):$(id -g)"
    os.execute(("chown %s %s"):format(owner, quote(path)))
    local before = wire.run("stat -c '%a %u %g' " .. quote(path)).out
    assert.are.equal("640", before:match "%d+")
    assert.are.equal(0, get(("-o %s %s/ok"):format(quote(path), server.url)).code)
    assert.are.equal(before, wire.run("stat -c '%a %u %g' " .. quote(path)).out)
  end)

  it("follows links, also one to what is not there yet #binary", function()
    local path = wire.path()
    os.execute(("mkdir %s; ln -s %s/b %s/a; ln -s a %s/first"):format(path, path, path, path))
    for _ = 1, 2 do
      assert.are.equal(0, get(("-o %s/first %s/ok"):format(path, server.url)).code)
      assert.are.equal(WHOLE, wire.read(path .. "/b"))
      assert.are.equal(0, wire.run(("test -L %s/a -a -L %s/first"):format(path, path)).code)
      assert.are.equal("a\nb\nfirst\n", wire.run("ls " .. path).out)
    end
  end)

  it("writes to what is no file as it is #binary", function()
    local path = wire.path()
    assert.are.equal(WHOLE, wire.run(("mkfifo %s; cat %s & %s get -o %s %s/cut; wait"):format(
      path, path, BINARY, path, server.url)).out)
    assert.are.equal(0, wire.run("test -p " .. path).code)
    assert.are.equal(0, get("-o /dev/null " .. server.url .. "/ok").code)
    assert.are.equal(0, wire.run("test -c /dev/null").code)
    local full = get("-o /dev/full " .. server.url .. "/ok")
    assert.are.equal(1, full.code)
    assert.matches("/dev/full: No space left on device", full.err)
  end)

  it("that names a descriptor writes to that, where it stands #binary", function()
    for _, name in ipairs { "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/../dev/stdout", "/dev/fd/9" } do
      local path = wire.path()
      local result = wire.run(("{ echo before; %s get -o %s %s/ok; echo after; } 9>&1 >%s 2>&1"):format(
        BINARY, name, server.url, path))
      local text = name == "/dev/fd/9" and "before\nafter\n" or "before\n" .. WHOLE .. "after\n"
      assert.are.equal(text, wire.read(path))
      assert.are.equal(name == "/dev/fd/9" and WHOLE or "", result.out)
      assert.are.equal(path .. "\n", beside(path))
    end
    assert.matches("Bad file descriptor", get("-o /dev/fd/77 " .. server.url .. "/ok").err)
  end)

  it("into a folder that takes no other file writes to the file #binary", function()
    if wire.run "id -u".out == "0\n" then
      if wire.run "command -v setpriv".code ~= 0 then return end
    end
    local as = wire.run "id -u".out == "0\n" and "setpriv --reuid 65534 --regid 65534 --clear-groups " or ""
    local copy, folder = wire.path(), wire.path()
    os.execute(("cp %s %s; chmod 755 $(dirname %s) %s; mkdir %s; echo old >%s/f; chmod 555 %s; chmod 666 %s/f"):format(
      BINARY, copy, copy, copy, folder, folder, folder, folder))
    local result = wire.run(("cd / && %s%s get -o %s/f %s/ok"):format(as, copy, folder, server.url))
    assert.are.equal("", result.err)
    assert.are.equal(WHOLE, wire.read(folder .. "/f"))
    assert.matches("Permission denied", wire.run(("cd / && %s%s get -o %s/g %s/ok"):format(
      as, copy, folder, server.url)).err)
    os.execute("chmod 755 " .. folder)
  end)
end)

describe("lull get", function()
  local SUM, server
  setup(function()
    server = ranges()
    SUM = wire.run("sha256sum", WHOLE).out:match "%x+"
  end)

  local function folder() local path = wire.path(); os.execute("mkdir " .. path); return path end

  it("--skip-existing leaves out what is there #binary", function()
    local path, before = wire.write "mine", #server:requests()
    assert.are.equal(0, get(("--skip-existing -o %s %s/ok"):format(path, server.url)).code)
    assert.are.equal("mine", wire.read(path))
    assert.are.equal(before, #server:requests())
    assert.are.equal(0, get(("--skip-existing --sha256 %s -o %s %s/ok"):format(SUM, path, server.url)).code)
    assert.are.equal(WHOLE, wire.read(path))
    assert.are.equal(before + 1, #server:requests(before + 1))
    assert.are.equal(0, get(("--skip-existing --sha256 %s -o %s %s/ok"):format(SUM, path, server.url)).code)
    assert.are.equal(before + 1, #server:requests())
  end)

  it("--continue asks for the rest of what is there #binary", function()
    local path = wire.write(WHOLE:sub(1, 33))
    assert.are.equal(0, get(("--continue -o %s %s/ok"):format(path, server.url)).code)
    assert.are.equal(WHOLE, wire.read(path))
    local before = #server:requests()
    assert.are.equal("bytes=33-", server:requests()[before].headers.range)
    assert.are.equal(0, get(("--continue -o %s %s/ok"):format(path, server.url)).code)
    assert.are.equal("bytes=100-", server:requests(before + 1)[before + 1].headers.range)
    assert.are.equal(WHOLE, wire.read(path))
    assert.are.equal(path .. "\n", beside(path))
    -- Longer than the whole: it is another file.
    path = wire.write(WHOLE .. "x")
    assert.are.equal(0, get(("--continue -o %s %s/ok"):format(path, server.url)).code)
    assert.are.equal(WHOLE, wire.read(path))
  end)

  it("--continue begins anew when the server's file is younger than that #binary", function()
    local old = answers { answer(206, [[["content-range"] = "bytes 4-9/10",
      ["last-modified"] = "Sun, 06 Nov 2033 08:49:37 GMT"]], "456789"), answer(200, "", "abcdefghij") }
    local path = wire.write "0123"
    assert.are.equal(0, get(("--continue -o %s %s/"):format(path, old.url)).code)
    assert.are.equal("abcdefghij", wire.read(path))
  end)

  it("--continue and a checksum that does not fit begin anew #binary", function()
    local path = wire.write(("x"):rep(33))
    assert.are.equal(0, get(("--continue --sha256 %s -o %s %s/ok"):format(SUM, path, server.url)).code)
    assert.are.equal(WHOLE, wire.read(path))
  end)

  it("--sha256 refuses a body that is another #binary", function()
    local path = wire.write "mine"
    local wrong = ("0"):rep(64)
    local result = get(("--sha256 %s -o %s %s/ok"):format(wrong, path, server.url))
    assert.are.equal(1, result.code)
    assert.matches("the body is not what its checksum says %(http%.checksum%)", result.err)
    assert.are.equal("mine", wire.read(path))
    assert.are.equal(path .. "\n", beside(path))
    result = get(("--sha256 %s %s/ok"):format(wrong, server.url))
    assert.are.equal(1, result.code)
    assert.are.equal("", result.out)
    assert.matches("http%.checksum", result.err)
    assert.are.equal(WHOLE, get(("--sha256 %s %s/ok"):format(SUM:upper(), server.url)).out)
    assert.are.equal(0, get(("--sha256 %s -o %s %s/cut"):format(SUM, path, server.url)).code)
    assert.are.equal(WHOLE, wire.read(path))
  end)

  it("--sha256 takes a list of sums #binary", function()
    local dir = folder()
    local list = wire.write(("# sums\n%s  dir/ok\n%s *bad\nSHA256 (bsd) = %s\n"):format(SUM, ("0"):rep(64), SUM))
    local result = wire.run(("cd %s && %s get -O --sha256 %s %s/ok %s/bsd %s/bad %s/unknown"):format(dir,
      wire.run("realpath " .. BINARY).out:match "[^\n]+", list, server.url, server.url, server.url, server.url))
    assert.are.equal(1, result.code)
    assert.matches("/bad: .-http%.checksum", result.err)
    assert.matches("has no sum of unknown", result.err)
    assert.are.equal("bsd\nok\n", wire.run("ls " .. dir).out)
  end)

  it("says which options do not fit #binary", function()
    for arguments, problem in pairs {
      ["get --continue u"] = "--continue needs --output or --remote-name",
      ["get --skip-existing u"] = "--skip-existing needs --output or --remote-name",
      ["post --continue -o x u"] = "--continue is for lull get",
      ["head --sha256 " .. ("0"):rep(64) .. " u"] = "--sha256 is of a body, and lull head has none",
      ["get --sha256 " .. ("0"):rep(64) .. " u v"] = "--sha256 with a sum is for one URL; a file may have several",
      ["get --sha256 /missing u"] = "--sha256 takes 64 hexadecimal digits or a file of sums: /missing",
      ["get --sha256 /dev/null u"] = "there is no SHA-256 in /dev/null",
    } do
      local result = wire.run(BINARY .. " " .. arguments)
      assert.are.equal(2, result.code)
      assert.is_truthy(result.err:find(problem, 1, true), result.err)
    end
  end)

  it("--fail-with-body writes to what is no file as it is, too #binary", function()
    local path = wire.path()
    local bad = answers { answer(404, "", "sorry") }
    local result = wire.run(("{ echo before; %s get -s --fail-with-body -o /dev/stdout %s/; } >%s"):format(
      BINARY, bad.url, path))
    assert.are.equal(1, result.code)
    assert.are.equal("before\nsorry", wire.read(path))
  end)

  it("a checksum of a script's is one, too", function()
    wire.real(function(lull)
      local path = wire.path()
      local res, err = lull.get(server.url .. "/ok", { output = { path, sha256 = ("0"):rep(64) } })
      assert.is_nil(res)
      assert.are.equal("http.checksum", err.reason)
      assert.are.equal(1, err.attempts)
      assert(lull.get(server.url .. "/ok", { output = { path, sha256 = SUM } }))
      assert.are.equal(WHOLE, wire.read(path))
    end)
  end)
end)

describe("a simulated world", function()
  it("writes to no real file that is there #binary", function()
    local world = wire.write([[return { ["http://api.test"] = function() return 200, nil, "played" end }]], ".lua")
    local path, new = wire.write "real", wire.path()
    local result = get(("--sim %s -o %s http://api.test/"):format(world, path))
    assert.are.equal(1, result.code)
    assert.is_truthy(result.err:find(
      path .. ": it is there already, and what is simulated writes to no real file", 1, true))
    assert.are.equal("real", wire.read(path))
    assert.are.equal(0, get(("--sim %s -o %s http://api.test/"):format(world, new)).code)
    assert.are.equal("played", wire.read(new))
    assert.are.equal("played", get(("--sim %s -o /dev/stdout http://api.test/"):format(world)).out)
    local script = wire.write("local lull = require 'lull'\nfor _ = 1, 2 do assert(lull.get('http://api.test/', "
      .. "{ output = arg[1] })) end\nprint(io.open(arg[1]):read '*a')\n", ".lua")
    os.remove(new)
    assert.are.equal("played\n", wire.run(("%s --sim %s %s %s"):format(BINARY, world, script, new)).out)
  end)
end)

describe("sha256", function()
  -- FIPS 180-4's own examples, and the lengths around a block's end.
  it("is what the standard says", function()
    local core = require "lull.core"
    support.fresh()
    for text, sum in pairs {
      [""] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"] =
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      [("a"):rep(1000000)] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0",
    } do
      assert.are.equal(sum, core.sha256(text))
    end
    for _, len in ipairs { 54, 55, 56, 57, 63, 64, 65, 118, 119, 120, 121, 127, 128, 129 } do
      local path = wire.write(("\255"):rep(len))
      assert.are.equal(wire.run("sha256sum " .. path).out:match "%x+", core.sha256(("\255"):rep(len)))
      assert.are.equal(core.sha256(("\255"):rep(len)), core.file_sha256(path))
    end
  end)
end)
