-- Each class of the manual, met by a call over real sockets: what the simulated
-- world promises, the wire can give. h2.refused was promised for long, and never
-- came. A class that is new is here, or is none.
local core = require "lull.core"
local wire = require "tests.wire"

local WORLD = [[
local BODY = ("x"):rep(20)
return { ["http://api.test"] = function(request)
  if request.path == "/cut" then return { body = BODY, cut = 5 } end
  if request.path == "/big" then return { body = ("x"):rep(2 ^ 26) } end
  if request.path == "/ok" then return { body = BODY } end
  if request.path == "/circle" then return 302, { location = "/circle" } end
  return request.path:sub(2)
end }
]]

-- The system sends no more than this: the connection is shut when the body
-- follows the head.
local SENDS_ONCE = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <sys/socket.h>

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
  static int sends;
  ssize_t (*next)(int, const void *, size_t, int) =
      (ssize_t (*)(int, const void *, size_t, int))dlsym(RTLD_NEXT, "send");
  errno = EPIPE;
  return sends++ ? -1 : next(fd, bytes, len, flags);
}
]]

-- Prints of which class a call is, and whether anything was sent.
local CALL = [[
local lull = require "lull"
local _, err = lull.%s(arg[1], { attempts = 1, %s })
print(err.reason, err.history[1].sent)
]]

local server

-- The same in a process of its own, with the library `preload`, within `limits`.
local function called(method, url, options, preload, limits)
  local script = wire.write(CALL:format(method, options), ".lua")
  local result = wire.run(("LD_PRELOAD=%s sh -c '%s exec build/lull \"$@\"' sh %s %s"):format(preload or "",
    limits or "", script, url))
  return result.out:match "^(.*)\ttrue\n$" or result.err
end

local function fails(lull, url, options)
  options = options or {}
  options.attempts = 1
  local _, err = lull.get(url, options)
  return err.reason
end

-- How each is met; gives what the call's error says.
local MET = {
  ["net.dns"] = function(lull) return fails(lull, "http://nowhere.invalid/") end,
  ["net.refused"] = function(lull)
    local url, bound = wire.refusing()
    local reason = fails(lull, url .. "/")
    bound:close()
    return reason
  end,
  -- No TCP goes to all at once: the kernel has no way, and sends nothing.
  ["net.unreachable"] = function(lull) return fails(lull, "http://255.255.255.255/") end,
  ["net.proxy"] = function(lull)
    local proxy = wire.raw_server "HTTP/1.1 403 No\r\n\r\n"
    return fails(lull, "https://api.test/", { proxy = proxy.url })
  end,
  ["net.timeout.connect"] = function(lull)
    local url, held = wire.silent()
    local reason = fails(lull, url .. "/", { timeout = 0.05 })
    for _, socket in ipairs(held) do socket:close() end
    return reason
  end,
  -- On a connection that is there: while the machine was busy, 50 ms were over before a
  -- new one had been made, which is another class.
  ["net.timeout.read"] = function(lull)
    assert(lull.get(server.url .. "/ok"))
    return fails(lull, server.url .. "/hang", { timeout = 0.05 })
  end,
  ["net.reset"] = function(lull) return fails(lull, server.url .. "/reset") end,
  ["net.empty"] = function(lull) return fails(lull, server.url .. "/close") end,
  ["net.send"] = function()
    return called("put", server.url .. "/ok", 'body = ("x"):rep(1e6)', wire.shim(SENDS_ONCE))
  end,
  ["tls.handshake"] = function(lull)
    local tls = wire.tls_server()
    return fails(lull, tls.cut .. "/", { ca = tls.ca })
  end,
  ["tls.cert"] = function(lull) return fails(lull, wire.tls_server().tls .. "/") end,
  ["http.truncated"] = function(lull) return fails(lull, server.url .. "/cut") end,
  ["http.malformed"] = function(lull) return fails(lull, server.url .. "/garbage") end,
  ["http.checksum"] = function(lull)
    return fails(lull, server.url .. "/ok", { output = { wire.path(), sha256 = ("0"):rep(64) } })
  end,
  ["http.redirects"] = function(lull) return fails(lull, server.url .. "/circle") end,
  ["h2.refused"] = function(lull)
    local tls = wire.tls_server "refuse"
    return fails(lull, tls.tls .. "/", { ca = tls.ca })
  end,
  ["limit.body"] = function(lull) return fails(lull, server.url .. "/ok", { max_body = 5 }) end,
  ["limit.headers"] = function(lull) return fails(lull, server.url .. "/ok", { max_headers = 5 }) end,
  ["local.url"] = function(lull) return fails(lull, server.url .. "/ok", { proxy = "no url" }) end,
  ["local.file"] = function(lull) return fails(lull, server.url .. "/ok", { output = wire.path() .. "/none/x" }) end,
  ["local.memory"] = function()
    return called("get", server.url .. "/big", 'max_body = "1g"', nil, "ulimit -v 100000;")
  end,
}

-- And those that no wire gives, and why.
local CANNOT = {
  ["net.other"] = "what libcurl does not say yet: each code that it has for http and https is of another class",
}

describe("a class of the manual #binary", function()
  setup(function() server = wire.server(WORLD) end)
  teardown(wire.clean)

  for name, meet in pairs(MET) do
    it("is met over the wire: " .. name, function()
      local reason
      wire.real(function(lull) reason = meet(lull) end)
      assert.are.equal(name, reason)
    end)
  end

  it("is one of these", function()
    for name in pairs(core.classes()) do
      assert.is_truthy(MET[name] or CANNOT[name], name .. " is met nowhere")
    end
  end)
end)

describe("over TLS", function()
  teardown(wire.clean)

  -- RFC 9112, section 9.8: what ends with its connection is whole when close_notify
  -- came first; anybody on the way can end a connection. libcurl took it for whole
  -- until 8.0, and for a broken connection since then.
  local ENDS = {
    ["of a length"] = { 200, 200, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
    ["in chunks"] = { 200, 200, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" },
    ["that has no body"] = { 204, 204, "HTTP/1.1 204 No Content\r\n\r\n" },
    ["without a length"] = { 200, "http.truncated", "HTTP/1.1 200 OK\r\n\r\nhello" },
    ["without a length, of HTTP/1.0"] = { http = "1.1", 200, "http.truncated", "HTTP/1.0 200 OK\r\nA: b\r\n\r\nhello" },
    ["without a length, and nothing in it"] = { 200, "http.truncated", "HTTP/1.1 200 OK\r\n\r\n" },
    ["without a length, of an error"] = { 404, 404, "HTTP/1.1 404 Not Found\r\n\r\nhello" },
    ["in chunks that are cut"] = { "http.truncated", "http.truncated",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" },
  }
  for name, case in pairs(ENDS) do
    for i, ending in ipairs { "notify", "none" } do
      it(("an answer %s is whole or cut; close_notify: %s"):format(name, ending), function()
        local tls = wire.raw_tls_server(ending, case[3])
        wire.real(function(lull)
          local res, err = lull.get(tls.url .. "/", { ca = tls.ca, attempts = 1, http = case.http })
          assert.are.equal(case[i], res and res.status or err.reason)
        end)
      end)
    end
  end

  it("a HEAD has no body that could be cut", function()
    local tls = wire.raw_tls_server("none", "HTTP/1.1 200 OK\r\n\r\n")
    wire.real(function(lull) assert(lull.head(tls.url .. "/", { ca = tls.ca })) end)
  end)

  -- The client's part of the handshake is over by then, and its request on the way;
  -- the server has none of it. It was net.reset, and unsafe. When the connection is
  -- gone before its words are read, nothing was sent and it is tried again.
  it("a server that misses the client's certificate has not taken the request", function()
    local tls = wire.raw_tls_server("demand", "HTTP/1.1 200 OK\r\n\r\nhello")
    wire.real(function(lull)
      for _, method in ipairs { "get", "post" } do
        local _, err = lull[method](tls.url .. "/", { ca = tls.ca, attempts = 100, backoff = "const:1ms,none" })
        assert.are.same({ "tls.cert", "rule" }, { err.reason, err.why })
        for _, entry in ipairs(err.history) do
          assert.is_true(entry.outcome == "tls.cert" or not entry.sent, entry.outcome)
          assert.is_false(entry.maybe_applied)
        end
      end
    end)
  end)
end)
