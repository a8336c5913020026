-- `lull get` and its sisters: the binary against a server on loopback, and in
-- the simulated world.

local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"
local quote = wire.quote

-- Answers by path; each path's list goes round.
local WORLD = [[
local lull = require "lull"
local seen = {}
local function turn(path) seen[path] = (seen[path] or 0) + 1 return seen[path] end
local answers = {
  ["/ok"] = function() return 200, nil, "fine\n" end,
  ["/flaky"] = function(_, n) if n % 2 == 1 then return 503 end return 200, nil, "at last\n" end,
  ["/cut"] = function(_, n)
    if n % 2 == 1 then return { status = 200, body = "half an answer\n", cut = 7 } end
    return 200, nil, "a whole answer\n"
  end,
  ["/always-cut"] = function() return { status = 200, body = "half an answer\n", cut = 7 } end,
  ["/slow"] = function() lull.sleep(0.3) return 200, nil, "slow\n" end,
  ["/missing"] = function() return 404, nil, "no such thing\n" end,
  ["/hang"] = function() return "hang" end,
  ["/down"] = function() return 503, nil, "down\n" end,
  ["/broken"] = function() return 500, nil, "broken\n" end,
  ["/later"] = function() return 429, { ["retry-after"] = "3600" } end,
  ["/teapot"] = function() return 418, nil, "short and stout\n" end,
  ["/from"] = function() return 302, { location = "/ok" } end,
  ["/binary"] = function() return 200, nil, "x\0y" end,
  ["/bytes"] = function() return 200, nil, "\255\254" end,
  ["/latin"] = function() return 200, { ["content-type"] = "text/plain; charset=latin1" }, "caf\233" end,
  ["/bad"] = function() return 404, nil, "x\0y" end,
  ["/json"] = function() return 200, nil, { state = "paid" } end,
  ["/"] = function() return 200 end,
  ["/ok/"] = function() return 200 end,
  ["/echo"] = function(request) return 200, nil, request.body end,
}
return { ["http://api.test"] = function(request)
  local number = request.route:match "^/n/(%d+)$"
  if number then
    lull.sleep((97 * number) % 7 / 100)
    return 200, nil, number .. "\n"
  end
  return answers[request.route](request, turn(request.route))
end }
]]

local function lull(arguments, input) return wire.run(BINARY .. " " .. arguments, input) end

describe("lull get #binary", function()
  local server, world

  setup(function()
    world = wire.write(WORLD, ".lua")
    server = wire.server(world)
  end)

  teardown(function() wire.clean() end)

  -- Over the wire, with URLs written as "URL/path".
  local function over_wire(arguments, input)
    return lull((arguments:gsub("URL(/%S+)", function(path) return quote(server.url .. path) end)), input)
  end

  local function sim(arguments, input)
    local command, rest = arguments:match "^(%S+) (.*)$"
    return lull(("%s --sim %s --seed 1 %s"):format(command, quote(world),
      (rest:gsub("URL/", "http://api.test/"))), input)
  end

  -- The requests that `fn` makes at the server, as its log has them.
  local function requests_of(fn)
    local before = #server:requests()
    fn()
    local all, new = server:requests(before + 1), {}
    for i = before + 1, #all do new[#new + 1] = all[i] end
    return new
  end

  local function one_request(arguments, input)
    local result
    local list = requests_of(function() result = over_wire(arguments, input) end)
    assert.equal("", result.err)
    assert.equal(1, #list)
    return list[1], result
  end

  describe("gives the body", function()
    it("of an accepted answer, and exit code 0", function()
      assert.same({ code = 0, out = "fine\n", err = "" }, over_wire "get URL/ok")
    end)

    it("of a redirect's target", function()
      assert.equal("fine\n", over_wire("get URL/from").out)
      assert.equal("", over_wire("get --max-redirs 0 URL/from").out)
    end)

    it("whole, after a retry, and never half", function()
      local flaky = "get --backoff const:10ms,none URL/flaky"
      assert.same({ code = 0, out = "at last\n", err = "" }, over_wire(flaky))
      local cut = over_wire "get --backoff const:10ms,none URL/cut"
      assert.same({ code = 0, out = "a whole answer\n", err = "" }, cut)
      local never = over_wire "get --attempts 2 --backoff const:10ms,none URL/always-cut"
      assert.equal("", never.out)
      assert.equal(75, never.code)
      assert.matches("cut short %(http.truncated", never.err)
    end)

    it("to a pipe that another program reads", function()
      local url = quote(server.url .. "/json")
      assert.equal('{"state":"paid"}', wire.run(BINARY .. " get " .. url .. " | cat").out)
    end)

    it("and says when nobody reads it", function()
      local result = wire.run(("%s get %s >/dev/full"):format(BINARY, quote(server.url .. "/ok")))
      assert.equal(1, result.code)
      assert.matches("cannot write to standard output", result.err)
    end)

    it("where only a URL is named", function()
      assert.same({ code = 0, out = "fine\n", err = "" }, lull(quote(server.url .. "/ok")))
      assert.equal("fine\n", lull("--sim " .. quote(world) .. " HTTP://api.test/ok").out)
      assert.equal("fine\n", lull("http://api.test/ok --sim " .. quote(world)).out)
    end)

    -- Bytes may move the cursor of a terminal, or change what it shows of all
    -- that follows.
    it("to a terminal only when it is text", function()
      local function terminal(arguments)
        local words = ("%s get --sim %s %s"):format(BINARY, quote(world), arguments:gsub("URL/", "http://api.test/"))
        return wire.run(("LD_PRELOAD= script -qec %s /dev/null </dev/null"):format(quote(words)))
      end
      assert.same({ 0, "fine\r\n" }, { terminal("URL/ok").code, terminal("URL/ok").out })
      assert.same({ 0, "caf\233" }, { terminal("URL/latin").code, terminal("URL/latin").out })
      for _, arguments in ipairs { "URL/binary", "URL/bytes", "--fail-with-body -s -S URL/bad" } do
        local result = terminal(arguments)
        assert.equal(1, result.code)
        assert.matches("the body is binary, and this is a terminal; %-o FILE keeps it", result.out)
        assert.is_nil(result.out:find "[%z\254\255]")
      end
      assert.same({ 0, "x\0y" }, { terminal("-o - URL/binary").code, terminal("-o - URL/binary").out })
      assert.equal("x\0y", sim("get URL/binary").out)
    end)

    it("of an error only with --fail-with-body", function()
      local plain = sim "get URL/missing"
      assert.equal("", plain.out)
      assert.equal(1, plain.code)
      assert.equal("lull: GET http://api.test/missing: 404 Not Found after 1 attempt in 0s: "
        .. "not to be retried\n", plain.err)
      local with = sim "get --fail-with-body URL/missing"
      assert.equal("no such thing\n", with.out)
      assert.equal(1, with.code)
      local path = wire.path()
      assert.equal("", sim("get --fail-with-body -o " .. path .. " URL/missing").out)
      assert.equal("no such thing\n", wire.read(path))
    end)

    it("of several URLs in their order", function()
      local urls, expected = {}, {}
      for i = 1, 40 do
        urls[i], expected[i] = "URL/n/" .. i, i .. "\n"
      end
      local result = sim("get --parallel 9 " .. table.concat(urls, " "))
      assert.equal(table.concat(expected), result.out)
      result = over_wire("get --parallel 9 " .. table.concat(urls, " "))
      assert.equal(table.concat(expected), result.out)
      result = sim "get --parallel 3 URL/slow URL/missing URL/ok"
      assert.equal("slow\nfine\n", result.out)
      assert.equal(1, result.code)
    end)

    it("of head: status and headers", function()
      assert.equal("200 OK\ncontent-length: 5\n\n", sim("head URL/ok").out)
    end)
  end)

  describe("takes URLs", function()
    -- Without options the parser's library is not even loaded.
    it("as the parser of options would", function()
      local flags, fetch = require "lull.cli.flags", require "lull.cli.fetch"
      for _, command in ipairs { "get", "head", "post", "put", "patch", "delete" } do
        assert.are.same(flags.parse { command, "--", "http://a/", "http://b/" },
          fetch.bare { command, "http://a/", "http://b/" })
        assert.are.same(flags.parse { command, "--" }, fetch.bare { command })
        assert.is_nil(fetch.bare { command, "http://a/", "--trace" })
      end
    end)

    -- What is plain is read without argparse, whose start would cost more than a
    -- request; what that makes of it is the same.
    it("and options, as the parser of all options would", function()
      local flags = require "lull.cli.flags"
      local function whole(words)
        local _, o = assert(flags.parser("get"):pparse(words))
        o.method = "GET"
        return o
      end
      local function same(words)
        local argv = { "get" }
        for i, word in ipairs(words) do argv[i + 1] = word end
        assert.are.same(whole(words), flags.parse(argv))
      end
      for _, group in ipairs(flags.GROUPS) do
        for i = 2, #group do
          local names, takes = group[i][1], group[i][2]
          for name in names:gmatch "%S+" do
            local value = takes and name:find "^%-%-" and "=-k" or takes and "-k" or ""
            local special = { ["--help"] = true, ["-h"] = true, ["--config"] = true, ["-K"] = true,
              ["--output-dir"] = true, ["--data-urlencode"] = true }
            if not special[name] then same { "http://a/", name .. value } end
          end
        end
      end
      same { "-sSk", "http://a/", "-Ofoo=b", "--", "-x" }
      same { "-sfHa:b", "-H", "c:d", "http://a/" }
      -- What comes before "--" is told to argparse.
      for words in ([[
        http://a/ -H a:b http://b/ --header=c:d -H -x -
        -m 1 --timeout 2 -s -s -x= --proxy= http://a/
        --key http://a/|--key= http://a/|--key=1 http://a/|http://a/ --key
        --each f --key {id} http://a/|--each=f --key http://a/ --key x
        -d a --data-urlencode b=c -d - --data-urlencode=-d http://a/
        -sS -kL http://a/|-sx http://a/ http://b/|-f --fail -o - -o x
      ]]):gmatch "[^|\n]+" do
        local argv = { "get" }
        for word in words:gmatch "%S+" do argv[#argv + 1] = word end
        local plain = flags.parse(argv)
        argv[#argv + 1] = "--"
        assert.are.same(flags.parse(argv), plain, words)
      end
      local _, problem = flags.parse { "get", "-H", "a:b", "--atempts", "3", "http://a/" }
      assert.equal("unknown option '--atempts' (did you mean '--attempts'?)", problem)
      assert.equal("option '-H' requires an argument", select(2, flags.parse { "get", "-s", "-H" }))
    end)

    -- Where none of them is given their module is not loaded.
    it("and knows which options those are that all commands share", function()
      local asked = {}
      require("lull.cli.switches").prepare(setmetatable({}, { __index = function(_, name) asked[name] = true end }))
      for _, name in ipairs(require("lull.cli.fetch").SWITCHES) do asked[name] = nil end
      assert.are.same({}, asked)
    end)

    it("from a file and from standard input", function()
      local list = "http://api.test/ok\n\n  # a comment\r\n http://api.test/n/7 \r\napi.test/n/8"
      local result = sim("get -i - URL/n/1", list)
      assert.same({ code = 0, out = "1\nfine\n7\n8\n", err = "" }, result)
      assert.equal("1\nfine\n7\n8\n", sim("get URL/n/1 --input " .. wire.write(list)).out)
    end)

    -- A pipe, and the test at its other end.
    local function piped(options)
      local pipe, err = wire.path(), wire.path()
      os.execute("mkfifo " .. quote(pipe))
      local child = wire.start(("timeout --foreground 20 %s get %s -i %s 2>%s"):format(
        BINARY, options, quote(pipe), err))
      child.err = err
      return child, assert(io.open(pipe, "w"))
    end

    -- The process stood still in its look for the next line, and nothing was
    -- sent, answered or printed meanwhile.
    it("as they come, and does not stand still for the next one", function()
      local child, pipe = piped "--parallel 3 --backoff const:10ms,none"
      for _, path in ipairs { "/ok", "/flaky", "/n/4" } do
        pipe:write(server.url, path, "\n")
        pipe:flush()
        assert.equal(({ ["/ok"] = "fine", ["/flaky"] = "at last", ["/n/4"] = "4" })[path], child:line())
      end
      pipe:write(server.url, "/n/5")
      pipe:close()
      local rest, code = child:finish()
      assert.same({ "5\n", 0, "" }, { rest, code, wire.read(child.err) })
    end)

    it("until a signal comes", function()
      local child, pipe = piped "--parallel 3"
      pipe:write(server.url, "/ok\n")
      pipe:flush()
      assert.equal("fine", child:line())
      child:signal "INT"
      local rest, code = child:finish()
      pipe:close()
      assert.same({ "", 130, "" }, { rest, code, wire.read(child.err) })
    end)

    it("and says when the file cannot be read, or that there is none", function()
      for _, simulated in ipairs { "", "--sim " .. quote(world) } do
        local result = lull(("get %s -i /"):format(simulated))
        assert.same({ code = 1, out = "", err = "lull: cannot read /: Is a directory\n" }, result)
      end
      local closed = "lull: cannot read standard input: it is closed\n"
      assert.same({ code = 1, out = "", err = closed }, lull "get -i - <&-")
    end)

    it("and goes on after a line that is none", function()
      local path = wire.write "ftp://a/b\nhttp://api.test/ok\n"
      local result = sim("get -i " .. path)
      assert.equal("fine\n", result.out)
      assert.equal(1, result.code)
      assert.equal(("lull: %s:1: 'ftp://a/b' is no http or https URL\n"):format(path), result.err)
    end)

    -- A NUL ended the run with a traceback; a line without an end was read for
    -- ever.
    -- Records in the place of URLs were an error each, and the URL that they were
    -- meant for got one POST of nothing.
    it("and does not take a list of records for bodies", function()
      local records = wire.write('{"a":1}\n{"a":2}\n', ".ndjson")
      for _, command in ipairs { "post", "put", "patch" } do
        local sent = requests_of(function()
          local result = over_wire(("%s -i %s URL/ok"):format(command, records))
          assert.equal(2, result.code)
          assert.matches("takes URLs from the file, and no bodies", result.err)
          over_wire("get URL/ok") -- the log is written in order
        end)
        assert.equal(1, #sent)
        assert.equal("GET", sent[1].method)
      end
      local urls = wire.write("http://api.test/ok\n", ".txt")
      assert.equal("fine\nfine\n", sim("post -d '' -i " .. urls .. " URL/ok").out)
    end)

    it("and says when a line cannot be a URL, or has no end", function()
      local result = sim("get -i -", "http://api.test/ok\0b\nhttp://api.test/ok\n")
      assert.equal("fine\n", result.out)
      assert.equal(1, result.code)
      assert.is_truthy(result.err:match "^lull: %-:1: '[^\n]*' holds a space or a control byte; [^\n]*\n$")
      result = over_wire("get -i " .. wire.write(("x"):rep(2000000)))
      assert.equal(1, result.code)
      assert.is_truthy(result.err:find("a line is longer than a mebibyte", 1, true))
    end)

    it("without holding many results for one that is slow", function()
      local lines = { "http://api.test/slow" }
      for i = 1, 500 do lines[#lines + 1] = "http://api.test/n/" .. i end
      local result = sim("get --parallel 5 -i -", table.concat(lines, "\n"))
      assert.equal(0, result.code)
      assert.equal("slow\n1\n2\n3\n", result.out:sub(1, 11))
      assert.matches("\n499\n500\n$", result.out)
    end)
  end)

  describe("writes", function()
    it("into files, one for each URL", function()
      local a, b = wire.path(), wire.path()
      local result = over_wire(("get -o %s -o %s URL/n/1 URL/n/2 URL/n/3"):format(a, b))
      assert.same({ code = 0, out = "3\n", err = "" }, result)
      assert.equal("1\n", wire.read(a))
      assert.equal("2\n", wire.read(b))
    end)

    it("nothing where an answer is not accepted", function()
      local path = wire.path()
      over_wire(("get -o %s --attempts 1 URL/always-cut"):format(path))
      assert.is_nil(wire.read(path))
    end)

    it("into files named as the URLs are", function()
      local dir = wire.path()
      os.execute("mkdir " .. dir)
      local here = wire.run "pwd".out:gsub("\n", "")
      local binary = BINARY:find "^/" and BINARY or here .. "/" .. BINARY
      local result = wire.run(("cd %s && %s get -O %s/n/5?x=1 %s/n/6 %s/ %s/n/6"):format(dir, quote(binary),
        server.url, server.url, server.url, server.url))
      assert.equal(1, result.code)
      assert.equal("5\n", wire.read(dir .. "/5"))
      assert.equal("6\n", wire.read(dir .. "/6"))
      assert.matches("the URL ends in no file's name", result.err)
      assert.matches("two URLs cannot both go to 6", result.err)
    end)
  end)

  describe("sends", function()
    it("a method for each command", function()
      for _, command in ipairs { "get", "head", "post", "put", "patch", "delete" } do
        local request = one_request(command .. " URL/ok")
        assert.equal(command:upper(), request.method)
        assert.matches("^lull/", request.headers["user-agent"])
      end
    end)

    it("data as curl does", function()
      local path = wire.write "c=3\r\nd\n"
      local request, result = one_request(("post -d a=1 -d '-b' --data @%s URL/echo"):format(path))
      assert.equal("a=1&-b&c=3d", result.out)
      assert.equal("application/x-www-form-urlencoded", request.headers["content-type"])
      assert.equal("c=3\r\nd\n", select(2, one_request(("post --data-binary @%s URL/echo"):format(path))).out)
      assert.equal("in\n", select(2, one_request("put --data-binary @- URL/echo", "in\n")).out)
      assert.equal("in", select(2, one_request("put -d @- URL/echo", "in\n")).out)
    end)

    it("JSON with its headers", function()
      local request, result = one_request [[post --json '{"a":' --json '1}' URL/echo]]
      assert.equal('{"a":1}', result.out)
      assert.equal("application/json", request.headers["content-type"])
      assert.equal("application/json", request.headers.accept)
    end)

    it("a file", function()
      local request, result = one_request(("put -T %s URL/echo"):format(wire.write "bytes\n"))
      assert.equal("bytes\n", result.out)
      assert.equal("6", request.headers["content-length"])
    end)

    it("headers, user and password", function()
      local request = one_request(
        "get -H 'X-A: 1' -H 'x-a:2' -H 'User-Agent:' -H 'Accept: text/plain' -u 'me:wörd' URL/ok")
      assert.equal("1, 2", request.headers["x-a"])
      assert.is_nil(request.headers["user-agent"])
      assert.equal("text/plain", request.headers.accept)
      assert.equal("Basic bWU6d8O2cmQ=", request.headers.authorization)
      assert.equal("me/1", one_request("get -A me/1 URL/ok").headers["user-agent"])
    end)

    it("one key for all attempts", function()
      local keys = {}
      local list = requests_of(function()
        over_wire "post --key --backoff const:10ms,none -d x URL/flaky"
      end)
      for i, request in ipairs(list) do keys[i] = request.headers["idempotency-key"] end
      assert.equal(2, #keys)
      assert.equal(keys[1], keys[2])
      assert.matches("^%x+%-%x+%-4%x+%-%x+%-%x+$", keys[1])
      assert.equal("mine", one_request("post --key=mine URL/ok").headers["idempotency-key"])
    end)

    it("through a proxy", function()
      local request = one_request(("get -x %s http://nowhere.invalid/ok"):format(server.url))
      assert.equal("nowhere.invalid", request.host)
    end)
  end)

  -- libcurl takes it for one whose name has no address, and says it with its
  -- password.
  it("takes a proxy of the environment that is no URL for local.url, and hides its password", function()
    for _, proxy in ipairs { "http://me:pa/ss@127.0.0.1:1", "http://me:12#ss@127.0.0.1:1", "me:pa?ss@127.0.0.1",
      "http://me:pa ss@127.0.0.1:1", "foo://127.0.0.1:1" } do
      local command = "http_proxy=%s %s get --attempts 3 --backoff const:1s --trace http://127.0.0.1:1/"
      local result = wire.run(command:format(wire.quote(proxy), wire.quote(BINARY)))
      assert.equal(1, result.code, result.err)
      assert.matches("after 1 attempt", result.err)
      assert.matches("local.url: the proxy is no URL; in its password %2F", result.err, 1, true)
      assert.is_nil(result.err:find "[p1][a2][/#? ]ss", result.err)
    end
  end)

  describe("decides", function()
    it("by the rules of --on", function()
      assert.equal("no such thing\n", sim("get --on 404=accept URL/missing").out)
      assert.equal("no such thing\n", sim("get --on 404,410=accept URL/missing").out)
      assert.matches("after 1 attempt", sim("get --on 5xx=stop URL/broken").err)
      assert.matches("after 3 attempts", sim("get --on 418=retry --attempts 3 URL/teapot").err)
      assert.matches("after 3 attempts", sim("get --on 418=hint --attempts 3 URL/teapot").err)
    end)

    it("by attempts, waits, deadline, timeout and hints", function()
      assert.matches("after 2 attempts", sim("get --attempts 2 URL/down").err)
      assert.matches("after 3 attempts in 20s", sim("get --attempts 3 --backoff const:10s,none URL/down").err)
      assert.matches("deadline", sim("get --deadline 15s --attempts 9 --backoff const:10s,none URL/down").err)
      assert.matches("net.timeout.read", sim("get -m 0.1 --attempts 1 URL/slow").err)
      assert.matches("1h 0m", sim("get URL/later").err)
      assert.matches("in 4h", sim("get --max-hint 2h --attempts 5 URL/later").err)
    end)

    it("by a preset", function()
      assert.matches("after 8 attempts", sim("get --preset copyleaks URL/down").err)
    end)

    it("not to send a POST twice, unless told so", function()
      assert.matches("after 1 attempt", sim("post URL/broken").err)
      assert.matches("after 5 attempts", sim("post --unsafe URL/broken").err)
      assert.matches("after 5 attempts", sim("post --key URL/broken").err)
      -- Another run makes another key, and could do again what was done.
      assert.equal(1, sim("post --key URL/broken").code)
      assert.equal(75, sim("post --key=mine URL/broken").code)
    end)

    it("how fast to go", function()
      local log = wire.path()
      local urls = ("URL/ok "):rep(7)
      sim(("get --parallel 7 --limit 2/s --log %s %s"):format(log, urls))
      local list = wire.json_lines(log)
      assert.equal(7, #list)
      assert.is_true(list[7].time >= 3)
    end)

    it("and tells each verdict", function()
      local result = sim "get --trace URL/flaky"
      assert.matches("503 Service Unavailable %-> retry in", result.err)
      assert.matches("200 OK %-> accept", result.err)
      assert.equal(result.err, sim("get --trace URL/flaky").err)
      local moved = lull(("--trace --seed 1 --sim %s get http://api.test/flaky"):format(quote(world)))
      assert.equal(result.err, moved.err)
    end)

    -- As with curl, an option may stand before the URL; it was unknown there.
    it("may stand before the URL, of lull get, too", function()
      local path = wire.path()
      local simulated = " --seed 1 --sim " .. quote(world)
      for _, options in ipairs { "-o " .. quote(path) .. simulated,
        "-H a:b" .. simulated .. " --output=" .. quote(path) } do
        local result = lull(options .. " http://api.test/flaky")
        assert.are.same({ 0, "" }, { result.code, result.out }, result.err)
        assert.is_truthy(#wire.read(path) > 0)
        os.remove(path)
      end
      assert.matches("unknown option '%-o'", lull("-o x no-url.lua").err)
    end)

    it("how large a body may be", function()
      assert.matches("limit.body", sim("get --max-filesize 3 URL/ok").err)
    end)
  end)

  describe("ends with", function()
    it("75 when all that failed can be tried later", function()
      assert.equal(75, sim("get URL/down").code)
      assert.equal(75, sim("get --attempts 1 URL/down URL/ok").code)
      assert.equal(75, sim("get URL/later").code)
      assert.equal(75, sim("get --deadline 1s URL/down").code)
      -- A POST that its deadline ended on the wire: another run may do harm.
      assert.equal(1, sim("post -d a --deadline 1s URL/hang").code)
      assert.matches("sending it again might do it twice", sim("post -d a --deadline 1s URL/hang").err)
      assert.equal(75, sim("get --deadline 1s URL/hang").code)
      assert.equal(1, sim("get URL/down URL/missing").code)
      assert.equal(1, sim("post URL/broken").code)
    end)

    it("130 after SIGINT", function()
      local err = wire.path()
      local before = #server:requests()
      local child = wire.start(("sh -c '%s get %s/down --backoff const:60s,none 2>%s & echo $!; wait $!; echo $?'")
        :format(BINARY, server.url, err))
      local pid = child:line()
      wire.eventually(function() return #server:requests() > before or nil end)
      os.execute("kill -INT " .. pid)
      assert.equal("130\n", child:finish())
      assert.matches("cancelled\n$", wire.read(err))
    end)

    it("no word of an error when it is to be silent", function()
      assert.equal("", sim("get -s URL/missing").err)
      assert.matches("404", sim("get -sS URL/missing").err)
      assert.matches("404", sim("get -fsSL URL/missing").err)
    end)

    -- Hands that are used to curl had a GET with a body, and no word of it.
    it("a line about a GET with a body", function()
      local said = "lull: a GET with a body is sent: the method is the command (lull post sends a POST, "
        .. "-G puts -d into the URL)\n"
      for arguments, words in pairs { ["get URL/echo -d a=b"] = said, ["get URL/echo -F a=b"] = said,
        ["get URL/echo -s -d a=b"] = "", ["get URL/echo -sS -d a=b"] = said, ["get URL/echo -G -d a=b"] = "",
        ["delete URL/echo -d a=b"] = "" } do
        local result = sim(arguments)
        assert.same({ 0, words }, { result.code, result.err }, arguments)
      end
    end)

    it("2 and a hint for what is no command line", function()
      for arguments, message in pairs {
        ["get"] = "no URL is given",
        ["get --dta x u"] = "unknown option '--dta' (did you mean '--data'?)",
        ["get --retry 3 u"] = "unknown option '--retry' (did you mean '--attempts'?)",
        ["get -X PUT u"] = "the method is the command",
        ["get -I u"] = "unknown option '-I' (status and headers are shown by lull head)",
        ["get --create-dirs u"] = "unknown option '--create-dirs' (folders are not made: mkdir -p)",
        -- The first file was not sent, and nothing was said.
        ["put u v -T a -Tb"] = "--upload-file is given twice, and only one of them would count",
        ["put u -T a --upload-file=b"] = "--upload-file is given twice",
        ["post u --data-binary a --data-binary @b"] = "--data-binary is given twice",
        ["get -i a -i b"] = "--input is given twice",
        ["get {.} --each a --each b"] = "--each is given twice",
        ["get u -O --sha256 a --sha256 b"] = "--sha256 is given twice",
        -- It was a URL, and a POST went out with a key of its own.
        ["post --key abc http://h.test/"] = "after --key stands 'abc', which is no URL: --key=abc sends it",
        ["post http://h.test/ --key order:42"] = "after --key stands 'order:42'",
        ["post http://h.test/ -Ss --key '{id}'"] = "after --key stands '{id}'",
        ["post http://h.test/{id} --each x.csv --key v1.2"] = "after --key stands 'v1.2'",
        -- A script's first call said it, with the lines of lull's own files.
        ["get --journal redis://127.0.0.1:1/x u --each README.md"] = "the journal's URL names no database; in Redis",
        -- All were ignored.
        ["post --failed f u"] = "--failed is for rows: give them by --each (a file with a URL a line: post {.} --each",
        ["get --results f u"] = "--results is for rows",
        ["get --id f u"] = "--id is for rows",
        ["get --format csv u"] = "--format is for rows",
        ["get ftp://x/"] = "'ftp://x/' is no http or https URL",
        -- A byte in the password that should be escaped makes it none: it was shown.
        ["get 'http://me:pa/ss@h.test/'"] = "'http://h.test/' is no http or https URL",
        ["'http://me:pa#ss@h.test/'"] = "'http://h.test/' is no http or https URL",
        ["get 'x/a b'"] = "'x/a b' holds a space or a control byte; a space is written %20, as lull.escape does",
        ["get --attempts none u"] = "attempts: 'none' is no whole number",
        ["get --attempts"] = "requires an argument",
        ["get --parallel 0 u"] = "--parallel takes a whole number",
        ["get --on 404 u"] = "takes OUTCOME=VERDICT",
        ["get --on 404=acept u"] = "did you mean 'accept'",
        ["get --on 4x4=accept u"] = "unknown outcome '4x4'",
        ["get --preset gitub u"] = "did you mean 'github'",
        ["get --backoff soon u"] = "'soon' is no backoff",
        ["get --limit 3 u"] = "'3' is no rate",
        ["get -H nothing u"] = "takes 'Name: value'",
        ["get -u me u"] = "takes USER:PASSWORD",
        ["get -i http://h.test/"] = "cannot read http://h.test/: No such file or directory (-i is a file of URLs; "
          .. "headers are shown by lull head)",
        ["post -d @/nowhere/at/all u"] = "cannot read /nowhere/at/all",
        ["post -d a --json 1 u"] = "one body, not both --data and --json",
        ["post -d @- -i - u"] = "read only once",
        ["head -d a u"] = "head sends no body",
        ["get -o a -o b u"] = "more outputs than URLs",
        ["get --http1.1 --http2 u"] = "exclude each other",
        ["get --seed x u"] = "--seed takes",
        ["get -q u"] = "unknown option '-q'; try",
        ["plan"] = "plan takes a script",
        ["plan --trace x"] = "unknown option '--trace'",
        ["plan --hepl x"] = "unknown option '--hepl' (did you mean '--help'?)",
        ["sim"] = "no policy is named",
        ["sim --polices x"] = "unknown option '--polices'",
        ["sim --clinets 3 none"] = "did you mean '--clients'?",
      } do
        local result = lull(arguments, "")
        assert.equal(2, result.code, arguments)
        assert.is_truthy(result.err:find(message, 1, true), result.err)
        assert.matches("; try lull %a+ %-%-help\n$", result.err)
        assert.equal("", result.out)
      end
    end)
  end)

  describe("shows nothing secret", function()
    it("in traces, logs and errors", function()
      local log = wire.path()
      local result = sim("get -u me:hush --trace --log " .. log
        .. " -H 'X-Api-Key: hush' http://me:hush@api.test/missing?x=hush")
      assert.is_nil((result.err .. result.out .. wire.read(log)):find("hush", 1, true))
    end)
  end)

  describe("prints a curl command", function()
    local OWN = { time = true, connection = true, request = true, n = true, fields = true }

    local function comparable(request)
      local copy = {}
      for name, value in pairs(request) do copy[name] = not OWN[name] and value or nil end
      return copy
    end

    local function same_request(arguments, input)
      local lull_made = one_request(arguments, input)
      local printed
      local command = arguments:gsub("^(%a+)", "%1 --curl", 1)
      printed = over_wire(command, input)
      assert.equal(0, printed.code)
      -- A sanitizer's runtime, if there is one, is not for curl.
      local line = "LD_PRELOAD= " .. printed.out:gsub("\n$", "")
      local list = requests_of(function() assert.equal("", wire.run(line, input).err) end)
      assert.same(comparable(lull_made), comparable(list[1]))
      return printed.out
    end

    it("that makes the same request", function()
      local file = wire.write "some bytes\n"
      same_request "get URL/ok"
      same_request "get -H 'X-A: it'\"'\"'s \"$HOME\" `x`' -u 'me:w d' URL/ok?a=b&c=%20[1]"
      same_request "head URL/ok"
      same_request "post URL/ok"
      same_request "post -d a=1 -d 'b=@2 3' URL/ok"
      same_request(("put -T %s URL/ok"):format(file))
      -- curl adds the file's name to such a URL.
      same_request(("put -T %s URL/ok/"):format(file))
      same_request(("patch -T %s -H 'Content-Type: text/plain' URL/ok"):format(file))
      same_request(("put --data-binary @%s URL/ok"):format(file))
      same_request "post --json '{}' -A me/2 URL/ok"
      same_request "delete URL/ok"
      same_request "delete -d why URL/ok"
      same_request "post --key=k1 -H 'Content-Type:' -d x URL/ok"
      same_request("post -d @- URL/ok", "from input")
    end)

    -- It printed --retry 4 for a POST without a key: curl, which tries again
    -- whatever the method, sent one that had been answered 503 five times.
    it("that sends nothing twice which lull would not", function()
      for _, command in ipairs { "post -d a", "patch -d a", "post --json {}", "post --preset standard",
        "post --attempts 9 -d a", "post --preset copyleaks" } do
        local line = lull(command .. " --curl u", "").out
        assert.is_nil(line:find("--retry", 1, true), line)
      end
      for _, command in ipairs { "get", "head", "put -d a", "delete", "post --key=k", "patch --key=k -d a",
        "post --unsafe", "post --preset curl", "post --preset openai" } do
        local line = lull(command .. " --curl u", "").out
        assert.is_truthy(line:find("--retry ", 1, true), command)
      end
      assert.is_truthy(lull("post --preset openai --curl u", "").out:find "Idempotency%-Key: %x+%-")
      local line = lull("post --curl -m 9s --deadline 5s -d a u", "").out
      assert.is_truthy(line:find(" --max-time 5 ", 1, true), line)
      local before = #server:requests()
      local printed = lull("post --curl -d a " .. server.url .. "/down", "").out
      wire.run("LD_PRELOAD= " .. printed:match "[^\n]+")
      assert.equal(before + 1, #server:requests(before + 1))
    end)

    it("with what curl knows of the limits", function()
      local line = lull("get --curl --attempts 8 -m 5s --deadline 10m -k --cacert a --cert-key b -o 'x y' "
        .. "--http2 http://h/{a}").out
      for _, part in ipairs { "--retry 7 ", "--max-time 5 ", "--retry-max-time 600 ", "--insecure ", "--cacert a ",
        "--key b ", "--output 'x y' ", "--http2-prior-knowledge ", "--globoff 'http://h/{a}'\n" } do
        assert.is_truthy(line:find(part, 1, true), part)
      end
    end)

    it("with what an attempt may stand still, of which curl has a whole number of seconds", function()
      for command, part in pairs {
        ["get --stall 2500ms u"] = " --speed-time 3 --speed-limit 1 ", ["get -o a u"] = " --speed-time 30 ",
        ["put -T Makefile u"] = " --speed-time 30 ", ["get -m 9 -o a u"] = " --max-time 9 ",
        ["get --stall 4 -m 9 u"] = " --speed-time 4 --speed-limit 1 --max-time 9 ", ["get u"] = " --max-time 30 ",
      } do
        local curl = lull(command .. " --curl").out
        assert.is_truthy(curl:find(part, 1, true), curl)
        assert.equal(part:find "speed" ~= nil, curl:find "--speed" ~= nil, curl)
        assert.equal(part:find "max" ~= nil, curl:find "--max" ~= nil, curl)
      end
    end)

    it("for each URL", function()
      local _, lines = lull("get --curl a b", "").out:gsub("\n", "")
      assert.equal(2, lines)
    end)

    -- A line that was none ended it with a traceback.
    it("of the lines that are URLs, and says which are none", function()
      local result = lull("get --curl -i -", "http://a/\nno url\nhttp://b/\n")
      assert.are.equal(1, result.code)
      assert.matches("http://a/\n.*http://b/\n$", result.out)
      assert.are.equal("lull: -:2: 'no url' is no http or https URL\n", result.err)
    end)
  end)

  describe("help", function()
    it("names the commands within 24 lines, with three examples", function()
      local help = lull("--help", "").out
      local _, lines = help:gsub("\n", "")
      assert.is_true(lines <= 24)
      assert.matches("get|head|post|put|patch|delete", help)
      assert.matches("lull plan", help)
      assert.matches("| sim POLICY |", help, 1, true)
      local _, examples = help:match("Examples:\n(.-)\nExit"):gsub("  lull ", "")
      assert.equal(3, examples)
    end)

    it("is there for each command, and no wider than a screen of 100", function()
      for _, command in ipairs { "get", "head", "post", "put", "patch", "delete" } do
        local result = lull(command .. " --help", "")
        assert.equal(0, result.code)
        assert.matches("^Usage: lull " .. command .. " ", result.out)
        assert.matches("Examples:\n  lull " .. command .. " ", result.out)
        for line in result.out:gmatch "[^\n]+" do assert.is_true(#line <= 100, line) end
      end
      for command, example in pairs { plan = "Example:", sim = "Examples:" } do
        local result = lull(command .. " --help", "")
        assert.equal(0, result.code)
        assert.matches("^Usage: lull " .. command .. " ", result.out)
        assert.matches(example .. "\n  lull " .. command .. " ", result.out)
        for line in result.out:gmatch "[^\n]+" do assert.is_true(#line <= 100, line) end
      end
    end)

    it("is near when a command is misspelt", function()
      local result = lull("psot http://x", "")
      assert.equal(3, result.code)
      assert.matches("did you mean 'lull post'", result.err)
    end)
  end)
end)
