-- What the command line has beside curl, under curl's names: forms, queries, the line
-- of -w, files of options; and what would be sent, without sending. Runs once.
local json = require "lull.json"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"
local quote = wire.quote

local WORLD = [[
local flaky = 0
return { ["http://api.test"] = function(request)
  if request.route == "/flaky" then
    flaky = flaky + 1
    if flaky % 2 == 1 then return 503, { ["retry-after"] = "2" } end
  end
  if request.route == "/missing" then return 404, nil, "no such thing\n" end
  if request.route == "/later" then return 429, { ["retry-after"] = "3600" } end
  return 200, { ["x-id"] = "7", ["content-type"] = "text/plain" }, table.concat({ request.method, request.path,
    request.headers["content-type"] or "-", request.headers["x-who"] or "-", request.body or "" }, "\n") .. "\n"
end }]]

describe("beside curl #binary", function()
  local server

  setup(function() server = wire.server(WORLD) end)
  teardown(function() wire.clean() end)

  local function lull(arguments, input) return wire.run(BINARY .. " " .. arguments, input) end

  local function sim(arguments, input)
    local method, rest = arguments:match "^(%S+) ?(.*)$"
    return lull(("%s --seed 1 --sim %s %s"):format(method, wire.write(WORLD, ".lua"), rest), input)
  end

  -- Without what each program makes up for itself.
  local function seen(text)
    local boundary = text:match "boundary=(%S+)"
    if boundary then text = text:gsub(boundary:gsub("%p", "%%%0"), "BOUNDARY") end
    return (text:gsub("%-*BOUNDARY", "BOUNDARY"))
  end

  -- What the server sees is what it sees of curl, and of the script.
  local function same(arguments)
    local words = arguments:gsub("URL", server.url)
    local direct = lull(words)
    assert.are.same({ 0, "" }, { direct.code, direct.err }, words)
    local script = lull(words:gsub("^(%a+)", "%1 --script", 1))
    assert.are.same({ 0, "" }, { script.code, script.err }, words)
    local scripted = lull(wire.write(script.out, ".lua"))
    assert.are.same({ 0, "" }, { scripted.code, scripted.err }, script.out)
    assert.equal(seen(direct.out), seen(scripted.out), script.out)
    local line = lull(words:gsub("^(%a+)", "%1 --curl", 1)).out
    local curl = wire.run("export LD_PRELOAD=; " .. line:gsub("\n$", ""))
    assert.equal(0, curl.code, line .. curl.err)
    assert.equal(seen(direct.out), seen(curl.out):gsub("%+", "%%20"):gsub("%%c3%%a9", "%%C3%%A9"), line)
    return direct.out
  end

  it("sends forms as curl does", function()
    local file, text = wire.write("a,b\n1,2\n", ".txt"), wire.write "some text"
    local out = same(("post URL/f -F a=1 -F 'b=x;y;type=text/x' -F 'c=\"q;type=z\"' -F 'up=@%s;filename=\"n.bin\"' "
      .. "-F 'in=<%s'"):format(file, text))
    assert.matches('name="b"\r\nContent%-Type: text/x\r\n\r\nx;y\r\n', out)
    assert.matches('name="c"\r\n\r\nq;type=z\r\n', out)
    assert.matches('name="up"; filename="n.bin"\r\nContent%-Type: text/plain\r\n\r\na,b\n1,2\n\r\n', out)
    assert.matches('name="in"\r\n\r\nsome text\r\n', out)
  end)

  -- The look at the file took what was in the pipe.
  it("sends what comes from a pipe, where it is read once", function()
    local world = wire.write(WORLD, ".lua")
    local function piped(arguments)
      return wire.run("sh -c " .. quote(("printf 'from a pipe' | %s %s --sim %s"):format(BINARY, arguments, world)))
    end
    assert.matches("\r\nfrom a pipe\r\n", piped("post http://api.test/ -F a=@/dev/stdin").out)
    local result = piped "put http://api.test/ -T /dev/stdin"
    assert.matches("%(local.file: /dev/stdin: not a regular file%)", result.err)
    assert.equal(1, result.code)
  end)

  it("percent-encodes data among other data, and puts them into the URL", function()
    local file = wire.write "in a file & more"
    local out = same(("post URL/u -d a=1 --data-urlencode 'q=x y&z' -d b=2 --data-urlencode f@%s"):format(file))
    assert.matches("\na=1&q=x%%20y%%26z&b=2&f=in%%20a%%20file%%20%%26%%20more\n$", out)
    assert.matches("^GET\n/g%?y=1&a=1&q=x%%20y%%C3%%A9\n%-\n",
      same "get 'URL/g?y=1' -G -d a=1 --data-urlencode 'q=x yé'")
    assert.matches("\na%%20b&c%%3D\n$", same "put URL/u --data-urlencode 'a b' --data-urlencode '=c='")
    assert.matches("^GET\n/g%?a=1\n", same "get URL/g --get -d a=1")
  end)

  it("refuses what makes no request", function()
    for arguments, words in pairs { ["post u -F a"] = "%-%-form takes NAME=VALUE, NAME=@FILE or NAME=<FILE, not 'a'",
      ["post u -F a=1 -d b"] = "a request has one body, not both %-%-data and %-%-form",
      ["get u -G"] = "%-%-get puts %-%-data and %-%-data%-urlencode into the URL, and there is none",
      ["get u -w '%{http_cod}'"] = "unknown %-%-write%-out variable 'http_cod' %(did you mean 'http_code'%?%)",
      ["get u --budget x=1"] = "unknown field of budget 'x'", ["get u --breaker nine"] = "breaker.failures is a share",
      ["get u --budget 5,7"] = "%-%-budget takes NAME=VALUE, not '7'",
      -- It was said without the reason, as a failure of the call.
      ["post u -F f=@/nowhere"] = "cannot read /nowhere: No such file or directory",
      ["post u -F f=@/nowhere --dry-run"] = "cannot read /nowhere: No such file or directory",
      ["put u -T /tmp/."] = "cannot read /tmp/.: Is a directory",
      ["put u --data-binary @/nowhere"] = "cannot read /nowhere: No such",
      ["post u -F f=@/nowhere --each README.md"] = "cannot read /nowhere: No such",
      ["post u -F a=@- -d @-"] = "standard input can be read only once",
      ["get u --script --skip-existing -O"] = "%-%-script goes without %-%-skip%-existing" } do
      local result = lull(arguments)
      assert.matches("^lull: .*" .. words, result.err)
      assert.equal(2, result.code)
    end
    -- Files that rows name are each row's.
    for _, body in ipairs { "post -F f=@/nowhere/{id}", "put -T /nowhere/{id}" } do
      local result = sim(body:gsub(" ", " http://api.test/ ", 1) .. " --each " .. wire.write("id\n1\n", ".csv"))
      assert.matches("%(local.file: \\/nowhere\\/1: No such file or directory%)", result.out)
      assert.equal(1, result.code)
    end
  end)

  it("has fields of rows in forms and in what is percent-encoded", function()
    local rows = wire.write("id,note\n1,a b&c\n2,\"{x}\"\n", ".csv")
    local function bodies(arguments)
      local list = {}
      for line in sim(("%s http://api.test/{id} --bodies --each %s"):format(arguments, rows)).out:gmatch "[^\n]+" do
        local result = json.decode(line)
        list[result.id] = result.body
      end
      return list
    end
    local list = bodies("post -F 'n={note}' -F 'f=@" .. rows .. ";filename={id}.csv'")
    assert.matches('name="n"\r\n\r\na b&c\r\n', list[1])
    assert.matches('name="n"\r\n\r\n{x}\r\n.*filename="2.csv"', list[2])
    list = bodies "post -d i={id} --data-urlencode 'q={note} & {{é'"
    assert.matches("\ni=1&q=a%%20b%%26c%%20%%26%%20%%7B%%C3%%A9\n$", list[1])
    assert.matches("\ni=2&q=%%7Bx%%7D%%20%%26", list[2])
    assert.matches("/2%?q=%%7Bx%%7D\n", bodies "get -G --data-urlencode 'q={note}'"[2])
    local result = lull(("post u -F 'n={nope}' --each %s"):format(rows))
    assert.matches("the rows have no field 'nope'", result.err)
    local script = lull(("post http://api.test/{id} -F 'n={note}' --each %s --script"):format(rows)).out
    assert.matches('multipart = { { name = "n", value = row.note } }', script)
  end)

  it("tells what a request came to, in a line of one's own", function()
    local format = quote "%{http_code} %{num_retries} %{attempts} %{waited} %{outcome} %{exitcode} %{content_type} "
      .. quote "%header{x-id} %{size_download} %{url} %{why}|%%\\t\\n"
    local result = sim("get http://api.test/flaky http://api.test/missing http://api.test/later -s -o /dev/null "
      .. "-w " .. format)
    local lines = {}
    for line in result.out:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.matches("^200 1 2 2%.%d+ done 0 text/plain 7 %d+ http://api.test/flaky |%%\t$", lines[1])
    assert.matches("^404 0 1 0%.000000 failed 1 +14 http://api.test/missing rule|%%\t$", lines[2])
    assert.matches("^429 0 1 0%.000000 later 75 +0 http://api.test/later hint|", lines[3])
    local refusing = wire.refusing()
    local gone = lull("get -s --attempts 1 -w '%{http_code} %{errormsg}' " .. refusing)
    assert.matches("^000 GET http.*net.refused", gone.out)
    -- It was 0 with -o, as the body is not in memory.
    local size = "get http://api.test/a -w '%{size_download}\\n' -o "
    local file = wire.path()
    assert.equal("12\n", sim(size .. file).out)
    assert.equal(12, #wire.read(file))
    assert.equal("12\n", sim(size .. "/dev/null").out)
    assert.equal("12\n", sim(size .. "/dev/stderr").out)
    assert.equal("12\n", sim("get http://api.test/{.} -w '%{size_download}\\n' -o /dev/null --each -", "a\n").out)
    local path = wire.write "%{method} %{urlnum}\n"
    assert.equal("GET 0\n", sim("get http://api.test/ -o /dev/null -w @" .. path).out)
  end)

  it("tells it of each row, too", function()
    local rows, results = wire.write("id\nflaky\nmissing\n", ".csv"), wire.path ".ndjson"
    local command = "get http://api.test/{id} --id {id} --parallel 1 -w '%{id} %{http_code}\\n' --each " .. rows
    assert.equal("flaky 200\nmissing 404\n", sim(command).out)
    assert.equal("flaky 200\nmissing 404\n", sim(command .. " --results " .. results).out)
    assert.matches('"id":"flaky"', wire.read(results))
  end)

  it("puts files into a folder", function()
    local folder = wire.path()
    os.execute("mkdir -p " .. folder)
    local url = server.url
    assert.equal(0, lull(("get %s/a.txt %s/b.txt --output-dir %s -o x -o y"):format(url, url, folder)).code)
    assert.equal(0, lull(("get %s/c.txt --output-dir %s -O"):format(server.url, folder)).code)
    local ran = lull(("get %s/{.} --each - --output-dir %s/no/b -o z{.}"):format(server.url, folder), "1\n2\n")
    assert.equal(2, ran.code) -- and not each row's failure
    local said = ("lull: --output-dir: there is no folder '%s/no/b'"):format(folder)
    assert.is_truthy(ran.err:find(said, 1, true), ran.err)
    assert.equal(0, lull(("get %s/{.} --each - --output-dir %s -o z{.}"):format(server.url, folder), "1\n2\n").code)
    assert.equal("c.txt x y z1 z2", (wire.run("ls " .. folder).out:gsub("\n", " "):gsub(" $", "")))
  end)

  it("takes a budget and a breaker", function()
    local world = wire.write([[return { ["http://api.test"] = function() return 503 end }]], ".lua")
    local function run(more)
      return lull(("get http://api.test/a http://api.test/b --seed 1 --sim %s %s"):format(world, more))
    end
    assert.matches("retry budget is empty %(lane http://api.test: 0 of 2 tokens%)", run("--budget 2").err)
    assert.is_nil(run("--budget off").err:find "budget")
    assert.matches("circuit breaker is open", run("--breaker 50%,least=2,open=60s").err)
    assert.is_nil(run("--breaker off").err:find "breaker")
    assert.matches("retry budget: 7 tokens, a retry costs 2", lull("plan get u --budget 7,cost=2").out)
  end)

  it("takes options of a file, as curl's", function()
    local world = wire.write(WORLD, ".lua")
    local inner = wire.write "-A 'not read'\n"
    local config = wire.write(([[
# a comment
url = "http://api.test/a"
--header "X-Who: a \"b\"\\"
sim=%s
fail
  data: x=1   # another
data-urlencode "q=a b"
]]):format(world))
    assert.equal('POST\n/a\napplication/x-www-form-urlencoded\na "b"\\\nx=1&q=a%20b\n', lull("post -K " .. config).out)
    assert.equal("", lull("post --config " .. config).err)
    assert.matches("\ny=2&x=1&q", lull("post -d y=2 --config=" .. config).out)
    assert.matches("\nx=1\n$", lull("post -K - http://api.test/ --sim " .. world, "data = x=1\n").out)
    -- At the end of other flags it was taken for one, and its file was not read: the request
    -- left without what stood there.
    for _, words in ipairs { "-sSK " .. config, "-sSK" .. config, "-K" .. config } do
      assert.equal(lull("post -K " .. config).out, lull("post " .. words).out)
    end
    assert.matches("cannot read /nowhere/x: No such file", lull("get -sK /nowhere/x http://api.test/").err)
    for text, words in pairs { ["data = a b"] = ":1: a value with a blank is written between quotes",
      ["\nfail = yes"] = ":2: %-%-fail takes no value", data = ":1: %-%-data takes a value",
      ['data = "a'] = ":1: a quote that is never closed",
      -- Neither file nor line was said of these, and what came after the quotes was lost.
      ["fail\nfrail = x"] = ":2: unknown option '%-%-frail' %(did you mean '%-%-fail'",
      ["\nrequest = PUT"] = ":2: unknown option '%-%-request' %(the method is the command",
      ["\nattempts = x"] = ":2: attempts: 'x' is no whole number",
      ["parallel = 0\nfail"] = ":1: %-%-parallel takes a whole number",
      ['header = "a: b"\nheader = c'] = ":2: %-%-header takes 'Name: value', not 'c'",
      ["\nurl = ftp://x/"] = ":2: 'ftp://x/' is no http or https URL",
      ['attempts = "2" junk'] = ":1: there is more after the quotes",
      ["="] = ":1: no option", ["config = /nowhere"] = "cannot read /nowhere" } do
      local result = lull("post u -K " .. wire.write(text))
      assert.matches(words, result.err)
      assert.equal(2, result.code)
    end
    assert.matches("a value with a blank", lull("get u -K " .. inner).err)
    assert.matches("^lull: attempts: 'x'", lull("get u --attempts x -K " .. wire.write 'timeout = "5" # s').err)
    assert.matches("^lull: attempts: 'y'", lull("get u -K " .. wire.write "attempts = x" .. " --attempts y").err)
    local max_time = wire.write("max-time = 5\nkey = k7\nurl = u\n")
    assert.matches("Key: k7.* timeout 5s", lull("post --dry-run -K " .. max_time).out)
    -- Without a command it was an unknown option.
    assert.matches("^GET\n/k\n", lull("-K " .. wire.write("url = " .. server.url .. "/k\n")).out)
    assert.matches("^GET\n/k\n", lull("-sK " .. wire.write("url = " .. server.url .. "/k\n")).out)
    assert.equal("", lull("-so /dev/null " .. server.url .. "/k").out)
    assert.matches("^GET\n/k\n", lull("-s --config=" .. wire.write("url = " .. server.url .. "/k\n")).out)
    local itself = wire.path()
    local file = assert(io.open(itself, "w"))
    file:write("config = ", itself, "\n")
    file:close()
    assert.matches("%-%-config: .* names itself", lull("get u -K " .. itself).err)
  end)

  -- --dry-run and --script of URLs were taken, and the requests were sent.
  it("shows what would be sent, and sends nothing", function()
    local rows = wire.write("id\n1\n2\n3\n4\n", ".csv")
    local before = #server:requests()
    for _, command in ipairs { "post URL/a URL/b URL/c URL/d --dry-run -d x=1 --key -u me:verysecret -H 'X-A: b'",
      "plan post URL/a URL/b URL/c URL/d -d x=1 --key=k7 -u me:verysecret -H 'X-A: b'",
      "plan post URL/{id} -d x=1 -H 'X-A: b' --key 'k{id}' -u me:verysecret --each " .. rows } do
      local result = lull((command:gsub("URL", server.url)))
      assert.are.same({ 0, "" }, { result.code, result.err })
      assert.equal(3, select(2, result.out:gsub("POST http", "")))
      assert.matches("\nX%-A: b\n.*Idempotency%-Key: [k%(].*\n\nx=1\n\n", result.out)
      assert.is_nil(result.out:find "verysecret")
      assert.matches("\nclient 1: no base\n  attempts 5", result.out)
    end
    assert.matches("\n%-> x\n", lull("plan " .. server.url .. " -o x").out)
    local form = "post u -F a=b --dry-run "
    assert.matches("\nContent%-Type: multipart/form%-data\n\na=b\n", lull(form).out)
    assert.is_nil(lull(form .. "-H content-type:text/x").out:find "multipart")
    -- All of the file was shown.
    local long = lull("get http://u/ -G --dry-run --data-urlencode q@" .. wire.write(("x"):rep(12000))).out
    assert.matches("^GET http://u/%?q=x+%.%.%. %(12,012 bytes%)\n", long)
    assert.equal(500, #long:match "http://u/%?q=x+")
    for _, more in ipairs { "--dry-run", "--script", "--curl" } do
      lull(("post %s/a -d x %s"):format(server.url, more))
    end
    assert.equal(before, #server:requests())
  end)

  it("writes scripts for several URLs", function()
    local list = wire.write(server.url .. "/1\n" .. server.url .. "/2\n")
    local folder = wire.path()
    os.execute("mkdir -p " .. folder)
    local function scripted(arguments)
      local script = lull((arguments:gsub("URL", server.url)) .. " --script").out
      local result = lull(wire.write(script, ".lua"))
      return result.out, result.code
    end
    local out = scripted("get -i " .. list .. " --parallel 1")
    assert.matches("^GET\n/1\n.*GET\n/2\n", out)
    assert.matches("^200 OK\nx%-id: 7\n", (scripted "head URL/1 -H 'X-A: b'"):gsub("\ncontent.-\nx%-id", "\nx-id"))
    scripted(("get URL/a URL/b -o %s/x -o %s/y"):format(folder, folder))
    scripted(("get URL/c URL/d --output-dir %s -O"):format(folder))
    assert.equal("c d x y", (wire.run("ls " .. folder).out:gsub("\n", " "):gsub(" $", "")))
    local _, code = scripted "get URL/missing"
    assert.equal(1, code)
    _, code = scripted "get URL/later URL/later"
    assert.equal(75, code)
  end)
end)
