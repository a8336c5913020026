-- Looking names up, and connecting to what they stand for, with a resolver that is
-- told what to do: a library that stands before libc's.
local wire = require "tests.wire"

local SHIM = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static void note(const char *word, const char *name)
{
  char line[300];
  int fd = open(getenv("LOOKUPS"), O_WRONLY | O_APPEND | O_CREAT, 0600);
  int n = snprintf(line, sizeof line, "%s %s\n", word, name);
  if (write(fd, line, (size_t)n) != n)
    abort();
  close(fd);
}

static void pause_a_bit(void)
{
  struct timespec ms = {0, 1000000};
  nanosleep(&ms, NULL);
}

static void wait_for_leave(void)
{
  while (access(getenv("LEAVE"), F_OK) != 0)
    pause_a_bit();
}

/* silent*.test is told when the file LEAVE is there; two.test has two addresses,
   the first of them with nobody there who answers. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
  resolve *next = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
  int err;
  if (name && strncmp(name, "silent", 6) == 0) {
    if (hints->ai_family == AF_INET6) /* libcurl may ask apart */
      return EAI_NONAME;
    note("asked", name);
    wait_for_leave();
    err = next("127.0.0.1", service, hints, res);
    note("answered", name);
    return err;
  }
  if (name && strcmp(name, "two.test") == 0) {
    err = next("127.0.0.2", service, hints, res);
    return err ? err : next("127.0.0.1", service, hints, &(*res)->ai_next);
  }
  return next(name, service, hints, res);
}

static int threads(void)
{
  DIR *dir = opendir("/proc/self/task");
  int n = 0;
  while (readdir(dir))
    n++;
  closedir(dir);
  return n - 2;
}

/* Once the process has left main, and a module may be gone with its state. */
__attribute__((destructor)) static void last_words(void)
{
  if (!getenv("AT_EXIT"))
    return;
  note("exits with", threads() > 1 ? "threads" : "none");
  close(open(getenv("LEAVE"), O_WRONLY | O_CREAT, 0600));
  while (threads() > 1)
    pause_a_bit();
}
]]

local WORLD = [[
return { ["http://api.test"] = function() return 200, nil, "here" end }
]]

-- What a script prints of a call, whatever came of it.
local PRELUDE = [[
local lull = require "lull"
local PORT, LOOKUPS, LEAVE = ...
local function say(name, response, err)
  print(name, response and response.body or err.reason, response and response.attempts or err.attempts)
  io.stdout:flush()
end
local function url(host) return ("http://%s:%s/"):format(host, PORT) end
local function seen(text)
  local file = io.open(LOOKUPS)
  local all = file and file:read "*a" or ""
  if file then file:close() end
  return select(2, all:gsub(text, ""))
end
local function until_seen(text, n) while seen(text) < n do lull.sleep(0.005) end end
]]

describe("a look-up #binary", function()
  local library, lookups, leave, server
  setup(function()
    library = wire.shim(SHIM)
    server = wire.server(WORLD)
  end)
  before_each(function() lookups, leave = wire.path(), wire.path() end)
  teardown(wire.clean)

  -- Runs a script with that resolver. A process that waits for it never ends.
  local function run(script, runner, more)
    local libraries = runner and os.getenv "LD_PRELOAD" and os.getenv "LD_PRELOAD" .. ":" or ""
    return wire.run(("LOOKUPS=%s LEAVE=%s %s LD_PRELOAD= timeout 60 env LD_PRELOAD=%s%s %s %s %s %s %s"):format(lookups,
      leave, more or "", libraries, library, runner or "build/lull", wire.write(PRELUDE .. script, ".lua"),
      server.ports[1], lookups, leave))
  end

  -- libcurl waits for its resolver's thread before it lets a transfer go, and all
  -- other transfers waited with it: a call with a deadline of 2 s ended after 10.
  it("that nobody answers ends with its attempt, holds up no other call, nor the end", function()
    local result = run [[
      local api = lull.client { attempts = 2, timeout = 0.05, backoff = { kind = "constant", base = 0.01 } }
      local hanging = lull.spawn(function()
        lull.get(url "silent-for-ever.test", { timeout = 3600, deadline = 7200 })
      end)
      until_seen("asked", 1)
      say("while it hangs", lull.get(url "127.0.0.1"))
      say("timeout", api:get(url "silent.test"))
      say("deadline", lull.get(url "silent.test", { deadline = 3, timeout = 3600 }))
      say("after it", lull.get(url "127.0.0.1"))
      until_seen("asked", 4)
      hanging:cancel()
      say("after a cancel", lull.get(url "127.0.0.1"))
    ]]
    assert.are.same({ 0, "" }, { result.code, result.err })
    assert.equal("while it hangs\there\t1\ntimeout\tnet.timeout.connect\t2\n"
      .. "deadline\tnet.timeout.connect\t1\nafter it\there\t1\nafter a cancel\there\t1\n", result.out)
    assert.is_nil(wire.read(lookups):find "answered")
  end)

  -- libcurl 8.20 and later look up in 20 threads at most.
  it("of many names at once holds up none that is known", function()
    local result = run [[
      local tasks = {}
      for i = 1, 150 do
        tasks[i] = lull.spawn(function()
          return lull.get(url("silent" .. i .. ".test"), { timeout = 3600, deadline = 7200 })
        end)
      end
      until_seen("asked", 150)
      say("localhost", lull.get(url "localhost"))
      for i = 1, 150 do tasks[i]:cancel() end
      say("address", lull.get(url "127.0.0.1"))
    ]]
    assert.are.same({ 0, "", "localhost\there\t1\naddress\there\t1\n" }, { result.code, result.err, result.out })
    assert.is_nil(wire.read(lookups):find "answered")
  end)

  -- libcurl 7.88 opens a pair of sockets for each look-up, which a child inherited:
  -- a shell that went on in the background held them for as long as it lived.
  it("leaves nothing of its own to a child", function()
    local result = run [[
      local function waits(n)
        lull.spawn(function() lull.get(url("silent" .. n .. ".test"), { timeout = 3600, deadline = 7200 }) end)
        until_seen("asked", n)
      end
      local function inherited() return (io.popen "readlink /proc/self/fd/*"):read "*a":gsub("pipe:%S+", "pipe") end
      local before = inherited()
      waits(1)
      local one = inherited()
      local file = io.open(LEAVE .. ".low", "w") -- a gap, so that a pair's numbers are apart
      waits(2)
      file:close()
      waits(3)
      print(before ~= "" and before == one and one == inherited() and "the same" or before .. one .. inherited())
      os.exit(0)
    ]]
    assert.are.same({ 0, "the same\n" }, { result.code, result.out }, result.err)
  end)

  -- It took longer than an attempt each time, and began anew each time.
  it("that is answered late is known to the next attempt", function()
    local result = run [[
      say("late", lull.get(url "silent.test", { timeout = { 0.05, 30 }, on = { ["net.timeout"] = function(attempt)
        io.open(LEAVE, "w"):close()
        until_seen("answered", 1)
        lull.get(url "127.0.0.1") -- libcurl takes the answer meanwhile
        return attempt:retry(0)
      end } }))
    ]]
    assert.are.same({ 0, "", "late\there\t2\n" }, { result.code, result.err, result.out })
    assert.equal("asked silent.test\nanswered silent.test\n", wire.read(lookups))
  end)

  -- Each address had half of five minutes, which is more than any attempt has.
  it("that gives two addresses goes on to the second when the first drops what is sent", function()
    local _, held = wire.silent("127.0.0.2", server.ports[1])
    local result = run [[
      say("two", lull.get(url "two.test", { timeout = 8, attempts = 1 }))
    ]]
    assert.are.same({ 0, "", "two\there\t1\n" }, { result.code, result.err, result.out })
    for _, each in ipairs(held) do each:close() end
  end)

  -- The thread came back to code that had been unloaded with the module.
  it("that outlives its Lua state comes back to libcurl", function()
    local result = run([[
      say("hangs", lull.get(url "silent.test", { timeout = 0.05, attempts = 1 }))
      until_seen("asked", 1)
    ]], wire.lua(), "AT_EXIT=1")
    assert.are.same({ 0, "", "hangs\tnet.timeout.connect\t1\n" }, { result.code, result.err, result.out })
    assert.equal("asked silent.test\nexits with threads\nanswered silent.test\n", wire.read(lookups))
  end)
end)
