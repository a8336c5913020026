-- Sockets that rest between two requests: the kernel goes on to tell of them, and
-- each way that one can go while it rests. What is asked of the kernel is counted
-- by a library that stands before libc, which also knows the names of *.test.
local wire = require "tests.wire"

local SHIM = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int control(int, int, int, struct epoll_event *);
typedef int look(struct pollfd *, nfds_t, int);
typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static int is_connection(int fd)
{
  int type;
  socklen_t len = sizeof type;
  return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

/* What libcurl 8.23 wakes itself with is none. */
int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
  control *next = (control *)dlsym(RTLD_NEXT, "epoll_ctl");
  if (is_connection(fd) && write(9, op == EPOLL_CTL_ADD ? "a" : op == EPOLL_CTL_DEL ? "d" : "m", 1) != 1)
    _exit(99);
  return next(epfd, op, fd, event);
}

/* A look whether the server has closed it; libcurl's own do not ask for that. */
int poll(struct pollfd *fds, nfds_t n, int timeout)
{
  look *next = (look *)dlsym(RTLD_NEXT, "poll");
  if (n == 1 && fds[0].events & POLLRDHUP && write(9, "l", 1) != 1)
    _exit(99);
  return next(fds, n, timeout);
}

/* two.test has two addresses, the first of them with nobody who answers. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
  resolve *next = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
  size_t len = name ? strlen(name) : 0;
  int err;
  if (len < 6 || strcmp(name + len - 5, ".test") != 0)
    return next(name, service, hints, res);
  if (hints->ai_family == AF_INET6) /* libcurl may ask apart */
    return EAI_NONAME;
  if (strcmp(name, "two.test") != 0)
    return next("127.0.0.1", service, hints, res);
  err = next("127.0.0.2", service, hints, res);
  return err ? err : next("127.0.0.1", service, hints, &(*res)->ai_next);
}
]]

-- Answers as the path's last word says: "bye" ends the connection a moment later
-- without having said so, "hang" never answers, all else is kept.
local SERVER = [[
local cqueues, socket = require "cqueues", require "cqueues.socket"
local listener = assert(socket.listen("127.0.0.1", 0))
local _, _, port = listener:localname()
print("port " .. port)
io.stdout:flush()
local loop = cqueues.new()
loop:wrap(function()
  for con in listener:clients() do
    loop:wrap(function()
      con:setmode("b", "bn")
      con:onerror(function(_, _, why) return why end)
      while true do
        local path = con:read "*l"
        path = path and path:match "^%u+ (%S+)"
        if not path then break end
        repeat local line = con:read "*l" until not line or line == "\r" or line == ""
        if path:find "hang$" then cqueues.sleep(60) end
        con:write "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhere"
        con:flush()
        if path:find "bye$" then break end
      end
      con:close()
    end)
  end
end)
assert(loop:loop())
]]

local PRELUDE = [[
local lull = require "lull"
local PORT, CA = ...
local function url(host, path) return ("http://%s:%s/%s"):format(host, PORT, path or "") end
-- A request may cross the end of its connection: then the next attempt is answered.
local HOW = { timeout = 20, attempts = 5, backoff = { base = 0.001 }, budget = false, breaker = false }
local api = lull.client(HOW)
local function list(n)
  local numbers = {}
  for i = 1, n do numbers[i] = i end
  return numbers
end
local good = 0
local function get(...)
  local response, err = api:get(...)
  if not response then error(tostring(err)) end
  good = good + 1
  return response
end
]]

describe("a socket that rests #binary", function()
  local library, port
  setup(function()
    library = wire.shim(SHIM)
    port = wire.start(wire.lua(wire.write(SERVER, ".lua"))):line():match "%d+"
  end)
  teardown(wire.clean)

  -- Gives how often the kernel was asked to tell of a socket, or not to.
  local function run(expected, script, more)
    local counted, runtime = wire.path(), os.getenv "LULL_PRELOAD" -- which comes first
    local result = wire.run(("LD_PRELOAD= timeout 120 env LD_PRELOAD=%s%s %s %s %s %s 9>%s"):format(
      runtime and runtime .. ":" or "", library, os.getenv "LULL_BINARY" or "build/lull",
      wire.write(PRELUDE .. script .. "\nprint(good)", ".lua"), port, more or "", counted))
    assert.are.same({ 0, "", expected .. "\n" }, { result.code, result.err, result.out })
    return #wire.read(counted)
  end

  -- It was forgotten after each request, and asked for anew with the next; and
  -- looked at before each, though the kernel had just told of all that rest. One
  -- whose first answer was there at once did not rest at all.
  it("costs the kernel nothing", function()
    local asked = run(60, "for _ = 1, 60 do get(url '127.0.0.1') end")
    assert.is_true(asked < 12, tostring(asked)) -- to connect takes two or three
    asked = run(200, "lull.each(list(200), { parallel = 8 }, function() get(url '127.0.0.1') end)")
    assert.is_true(asked < 8 * 8, tostring(asked))
  end)

  it("is forgotten when its server closes it, and nothing turns round meanwhile", function()
    local asked = run(20, [[
      for _ = 1, 20 do get(url("127.0.0.1", "bye")) lull.sleep(0.02) end
      local before = os.clock()
      lull.sleep(1)
      assert(os.clock() - before < 0.05)
    ]])
    assert.is_true(asked <= 20 * 4 + 8, tostring(asked))
  end)

  it("may be closed just as it is wanted again", function()
    run(200, "for i = 1, 200 do get(url('127.0.0.1', i % 2 == 0 and 'bye' or 'keep')) end")
  end)

  -- The number of one that was closed is another's: a resolver's, which libcurl
  -- opens itself, or a connection's to somebody else.
  it("leaves its number to whatever comes next", function()
    run(180, [[
      for i = 1, 60 do
        get(url("127.0.0.1", "bye"))
        get(url(("n%d.test"):format(i), i % 3 == 0 and "bye" or "keep"))
        lull.sleep(i % 4 * 0.002)
        get(url "127.0.0.1")
      end
    ]])
  end)

  -- libcurl 8.21 left a third of those open for ever that made room for another
  -- (curl#22306), and tells of none that rests (curl#22049): counted is that no
  -- more are open than libcurl is to keep, and that the kernel watches them all.
  it("is one of thousands of hosts', more than libcurl keeps", function()
    run(2600, [[
      -- The pipe's other end is closed meanwhile: what is listed may be gone.
      local function count(command)
        local pipe = assert(io.popen("exec 2>/dev/null; " .. command))
        local n = tonumber((pipe:read "*a"))
        pipe:close()
        return n
      end
      local function open() return count "ls -l /proc/$PPID/fd | grep -c socket:" end
      local function watched() -- not a process for each: they took minutes, under the sanitizers
        return count [=[ {
            sed -n "s/^tfd: *\\([0-9]*\\) .*/\\1/p" /proc/$PPID/fdinfo/* | sort -u
            ls -l /proc/$PPID/fd | sed -n "s/.* \\([0-9]*\\) -> socket:.*/\\1/p"
          } | sort | uniq -d | grep -c .]=]
      end
      local before, kept = open(), 1000
      for round = 1, 2 do
        lull.each(list(1300), { parallel = 100 }, function(i)
          get(url(("h%d.localhost"):format(i), round == 2 and i % 7 == 0 and "bye" or "keep"))
        end)
        local now, seen = open() - before, watched()
        assert(now > kept / 2 and now < kept + 10, now .. " are open")
        assert(round == 2 or seen > now - 10, ("%d are open, %d are watched"):format(now, seen))
      end
    ]])
  end)

  -- libcurl 7.88 closes the socket that did not connect without a word, and the
  -- next one has its number: the list of sockets went round in a circle.
  it("comes after one that did not connect", function()
    local _, held = wire.silent("127.0.0.2", port)
    run(8, [[
      for i = 1, 4 do get(url "two.test", { timeout = 4 }) get(url "127.0.0.1") end
    ]])
    for _, each in ipairs(held) do each:close() end
  end)

  it("goes with the call that is cancelled", function()
    run(60, [[
      for i = 1, 30 do
        local hanging = lull.spawn(function() return get(url("127.0.0.1", "hang")) end)
        get(url "127.0.0.1")
        hanging:cancel()
        get(url("127.0.0.1", i % 2 == 0 and "bye" or "keep"))
      end
    ]])
  end)

  it("leads to a proxy", function()
    run(40, [[
      HOW.proxy = url "127.0.0.1"
      api = lull.client(HOW)
      for i = 1, 40 do get(("http://h%d.test/%s"):format(i, i % 5 == 0 and "bye" or "keep")) end
    ]])
  end)

  it("speaks HTTP/2", function()
    local server = wire.tls_server "ok,ok,ok,leave,ok"
    local few = run(12, ([[
      HOW.ca = CA
      api = lull.client(HOW)
      for _ = 1, 4 do lull.each(list(3), { parallel = 3 }, function() get(%q) end) end
    ]]):format(server.tls .. "/"), server.ca)
    assert.is_true(few < 60, tostring(few))
  end)
end)
