-- libcurl's codes: each has its class in one table, and each that a transfer of ours
-- can end with is met over sockets. A library before libcurl's notes which came.
local unit = require "lull.unit"
local wire = require "tests.wire"

local unpack = table.unpack or unpack

local LAST = 101 -- of the newest libcurl that was looked at, 8.22; 7.88 had up to 99

-- What the table says; all others are net.other.
local CLASSES = {
  ["by evidence"] = { 0, 1, 7, 16, 27, 28, 43, 92, 95, 100 },
  ["net.dns"] = { 5, 6 },
  ["net.unreachable"] = { 97 },
  ["net.empty"] = { 42, 52, 65 },
  ["net.send"] = { 55 },
  ["net.reset"] = { 56 },
  ["tls.handshake"] = { 35, 101 },
  ["tls.cert"] = { 53, 54, 58, 59, 60, 66, 77, 82, 83, 90, 91, 98 },
  ["http.truncated"] = { 18 },
  ["http.malformed"] = { 8, 23, 26, 61 },
  ["limit.body"] = { 63 },
  ["local.url"] = { 3 },
  ["local.memory"] = { 2, 4, 41 },
}

local CANNOT = {
  [2] = "libcurl itself cannot begin",
  [3] = "lull reads each URL before libcurl does",
  [4] = "an option of a libcurl that was built without it",
  [26] = "what lull reads from a file that fails ends as 42",
  [28] = "lull's own timers come first",
  [41] = "unused since 7.53",
  [53] = "SSLENGINE is not set", [54] = "SSLENGINE is not set", [66] = "SSLENGINE is not set",
  [59] = "SSL_CIPHER_LIST is not set",
  [63] = "MAXFILESIZE is not set, and a length that nobody can count to is 23",
  [65] = "what is to be sent can always be read again",
  [82] = "CRLFILE is not set", [83] = "ISSUERCERT is not set",
  [90] = "PINNEDPUBLICKEY is not set", [91] = "SSL_VERIFYSTATUS is not set",
  [95] = "HTTP/3 is not asked for", [101] = "ECH is not set",
  [98] = "a server says under TLS 1.3 only after the handshake that it wants a certificate: 55 or 56",
}

local SHIM = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
struct message {
  int kind;
  void *easy;
  union { void *any; int code; } data;
};
struct message *curl_multi_info_read(void *multi, int *left)
{
  struct message *(*next)(void *, int *) =
      (struct message *(*)(void *, int *))dlsym(RTLD_NEXT, "curl_multi_info_read");
  struct message *m = next(multi, left);
  if (m && m->kind == 1)
    dprintf(9, "%d ", m->data.code);
  return m;
}
]]

-- Makes the calls one after the other; before each one's codes its name is noted,
-- and what it came to is printed.
local CALLS = [[
local lull = require "lull"
for _, call in ipairs(dofile(arg[1])) do
  local codes = io.open("/dev/fd/9", "a")
  codes:write("\n", call.name, "=")
  codes:close()
  call.options.attempts = 1
  local res, err = lull.get(call.url, call.options)
  print(("%s=%s"):format(call.name, res and res.status or err.reason))
end
]]

-- The second request goes when its connection has ended.
local IDLE = [[
local lull = require "lull"
local url, ca, ends, log = (table.unpack or unpack)(arg)
local api = lull.client { base = url, ca = ca, attempts = 1 }
assert(api:get "/")
assert(io.open(ends, "w")):close()
while not assert(io.open(log)):read "*a":find "closed" do lull.sleep(0.005) end
print(assert(api:get "/").status)
]]

local SOCKS = [[
local server = assert(require "socket".bind("127.0.0.1", 0))
print(select(2, server:getsockname()))
io.stdout:flush()
server:accept():send "none of SOCKS"
]]

local WORLD = [[
return { ["*"] = function(request)
  if request.path == "/cut" then return { body = ("x"):rep(20), cut = 5 } end
  if request.path == "/200" then return 200, nil, "x" end
  return request.path:sub(2)
end }
]]

describe("libcurl's codes:", function()
  local named = {}
  for class, codes in pairs(CLASSES) do
    for _, code in ipairs(codes) do named[code] = class end
  end

  it("each has its class, and one that is not known yet is none of these", function()
    for code = 0, LAST do assert.are.equal(named[code] or "net.other", (unit.world.curlcode(code)), code) end
    for _, code in ipairs { -1, LAST + 1, 1000 } do assert.are.equal("net.other", (unit.world.curlcode(code))) end
  end)

  it("the libcurl that is here knows no newer ones", function()
    local none = select(2, unit.world.curlcode(100000))
    for code = LAST + 1, 300 do assert.are.equal(none, select(2, unit.world.curlcode(code)), code) end
  end)
end)

-- What stands for each way to end: of which class it is, or of which of two, by its
-- code, of which there are several where versions differ. `raw` is answered as it is, by a server that has
-- these in their order; `h2` likewise.
local OK = "HTTP/1.1 200 OK\r\n"
local function headers(lines) return OK .. lines .. "\r\n\r\nx" end
local MET = {
  { name = "a whole answer", path = "/200", [0] = "200" },
  { name = "a cut answer", path = "/cut", [18] = "http.truncated" },
  { name = "an end without an answer", path = "/close", [52] = "net.empty" },
  { name = "a reset", path = "/reset", [56] = "net.reset" },
  { name = "an end within the headers", raw = OK .. "A: b", [0] = "http.truncated" },
  { name = "no HTTP", raw = "garbage\r\n\r\n", [1] = "http.malformed" },
  { name = "a length that is none", raw = headers "Content-Length: abc", [8] = "http.malformed" },
  -- libcurl took the last of two, and read on to the connection's end where one was
  -- too large, which made a cut answer a whole one.
  { name = "two lengths", raw = headers "Content-Length: 1\r\nContent-Length: 2", [8] = "http.malformed",
    [23] = "http.malformed" },
  { name = "two lengths in a line", raw = headers "Content-Length: 1, 2", [8] = "http.malformed",
    [23] = "http.malformed" },
  { name = "a length beyond all", raw = headers "Content-Length: 99999999999999999999", [8] = "http.malformed",
    [23] = "http.malformed" },
  { name = "one length, said twice", raw = headers "Content-Length: 1\r\nContent-Length: 1", [0] = "200" },
  { name = "one length, twice in a line", raw = headers "Content-Length: 1 , 1", [0] = "200" },
  -- Before 8.14 it decoded what nobody had asked for, and a cut one was whole; since
  -- then it ends at that header, and not at the end of the head.
  { name = "a coding that nobody asked for", raw = headers "Transfer-Encoding: gzip, chunked", [23] = "http.malformed",
    [61] = "http.malformed" },
  { name = "the same with an error, whose head decides", [61] = "404 http.malformed",
    raw = "HTTP/1.1 404 No\r\nTransfer-Encoding: foo\r\n\r\nx" },
  { name = "a bad chunk", raw = headers "Transfer-Encoding: chunked\r\n\r\nzz", [56] = "http.malformed" },
  { name = "more headers than max_headers", raw = headers("A: " .. ("x"):rep(2000)), options = { max_headers = 1000 },
    [23] = "limit.headers" },
  { name = "a line of headers without end", raw = headers("A: " .. ("x"):rep(2e5)), options = { max_headers = 300000 },
    [27] = "limit.headers", [100] = "limit.headers" },
  -- Later ones read on.
  { name = "a first header that begins with a space", raw = headers " A: b\r\nContent-Length: 1",
    [43] = "http.malformed", [8] = "http.malformed", [0] = "200" },
  { name = "a refused stream", h2 = "refuse", [7] = "h2.refused", [16] = "h2.refused", [56] = "h2.refused",
    [92] = "h2.refused" },
  { name = "a stream that is reset", h2 = "cancel", [92] = "net.reset" },
  { name = "a GOAWAY that leaves it out", h2 = "goaway", [7] = "h2.refused", [16] = "h2.refused", [56] = "h2.refused" },
  { name = "nobody listens", at = "refusing", [7] = "net.refused" },
  { name = "a name without an address", url = "http://nowhere.invalid/", [6] = "net.dns" },
  { name = "a proxy without an address", options = { proxy = "http://nowhere.invalid:1" }, [5] = "net.dns" },
  { name = "a proxy that does not speak SOCKS", at = "api", through = "socks", [97] = "net.unreachable" },
  { name = "a handshake that is cut", at = "cut", ca = "tls", [35] = "tls.handshake" },
  { name = "a certificate of ours that is not there", at = "tls", ca = "tls", options = { cert = "/nowhere" },
    [58] = "tls.cert" },
  { name = "a certificate that is not trusted", at = "tls", ca = "demand", [60] = "tls.cert" },
  { name = "no certificates to trust", at = "tls", options = { ca = "/nowhere" }, [77] = "tls.cert" },
  { name = "a server that wants a certificate", at = "demand", ca = "demand", [56] = "tls.cert", [55] = "net.send" },
}

local IDLE_ENDS = { [42] = "200", [0] = "200" }

describe("a code of libcurl's #binary", function()
  local shim, codes, results

  -- Runs it with these arguments, and what it prints.
  local function run(script, ...)
    local words, noted = { wire.write(script, ".lua"), ... }, wire.path()
    for i, word in ipairs(words) do words[i] = wire.quote(word) end
    local result = wire.run(("LD_PRELOAD=%s build/lull %s 9>>%s"):format(shim, table.concat(words, " "), noted))
    assert.are.equal("", result.err)
    return result.out, wire.read(noted)
  end

  -- The answers of that kind, in their order.
  local function listed(kind)
    local list = {}
    for _, case in ipairs(MET) do list[#list + 1] = case[kind] end
    return list
  end

  -- Where each of them is called, and whom to trust there.
  local function places()
    local raw, world, tls = wire.raw_server(unpack(listed "raw")), wire.server(WORLD), wire.tls_server()
    local h2 = wire.tls_server(table.concat(listed "h2", ","))
    local demand = wire.raw_tls_server("demand", OK .. "\r\n")
    local socks = wire.start(wire.lua(wire.write(SOCKS, ".lua"))):line():match "%d+"
    return { raw = raw.url, path = world.url, h2 = h2.tls, tls = tls.tls, cut = tls.cut, demand = demand.url,
      refusing = wire.refusing(), api = "http://api.test", socks = "socks5h://127.0.0.1:" .. socks },
      { h2 = h2.ca, tls = tls.ca, demand = demand.ca }
  end

  -- Each raw answer is asked for by its number: by their order, one connection more than
  -- was counted on gave all that came later the answer of another.
  local function path_of(case)
    for i, raw in ipairs(listed "raw") do
      if raw == case.raw then return "/answer/" .. i end
    end
    return case.path or "/"
  end

  local function call_of(case, urls, authorities)
    local kind = case.raw and "raw" or case.path and "path" or case.h2 and "h2" or case.at or "api"
    local options = case.options or {}
    options.ca = options.ca or authorities[case.ca or kind]
    options.proxy = options.proxy or urls[case.through]
    local list = {}
    for key, value in pairs(options) do list[#list + 1] = ("%s = %q"):format(key, value) end
    return ("{ name = %q, url = %q, options = { %s } },\n"):format(case.name,
      case.url or urls[kind] .. path_of(case), table.concat(list, ", "))
  end

  setup(function()
    shim, codes, results = wire.shim(SHIM), {}, {}
    local urls, authorities = places()
    local calls = {}
    for i, case in ipairs(MET) do calls[i] = call_of(case, urls, authorities) end
    local out, noted = run(CALLS, wire.write("return {\n" .. table.concat(calls) .. "}", ".lua"))
    -- The last of those that one call has: a connection that was closed comes before.
    for name, list in noted:gmatch "\n([^=\n]*)=([%d ]*)" do codes[name] = tonumber(list:match "(%d+) ?$") end
    for name, what in out:gmatch "([^=\n]*)=([^\n]*)" do results[name] = what end
  end)
  teardown(wire.clean)

  for _, case in ipairs(MET) do
    local name = case.name
    it("is met by " .. name, function()
      local code = codes[name]
      assert(case[code] and (" " .. case[code] .. " "):find(" " .. results[name] .. " ", 1, true),
        ("code %s: %s"):format(code, results[name]))
    end)
  end

  it("is met by a connection that ended while it was idle", function()
    local closing = wire.closing_server("h2", "idle keep")
    local status, noted = run(IDLE, closing.url, closing.ca, (closing.log:gsub("log$", "1")), closing.log)
    local code = noted:match "^0 (42) 0 $" or noted:match "^0 (0) $"
    assert.are.equal(IDLE_ENDS[tonumber(code)] .. "\n", status)
  end)

  it("is met by one of these, or cannot be", function()
    local met = { [42] = true }
    for _, case in ipairs(MET) do
      for code = 0, LAST do met[code] = met[code] or case[code] end
    end
    for code = 0, LAST do
      local other = unit.world.curlcode(code) == "net.other"
      assert.is_true((met[code] ~= nil) ~= (other or CANNOT[code] ~= nil), code)
    end
  end)
end)
