-- Too few files may be open at once: a socket that cannot be opened is nobody's
-- fault over there. Such calls failed as net.unreachable, net.dns or local.file,
-- used up their attempts and opened the breaker.
local wire = require "tests.wire"

-- Names of *.test, which take a file and a moment to be found, as any name does.
local SHIM = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

typedef int resolve(const char *, const char *, const struct addrinfo *, struct addrinfo **);

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
  resolve *next = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
  size_t len = name ? strlen(name) : 0;
  int fd;
  if (len < 6 || strcmp(name + len - 5, ".test") != 0)
    return next(name, service, hints, res);
  if (hints->ai_family == AF_INET6) /* libcurl may ask apart */
    return EAI_NONAME;
  fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return EAI_SYSTEM;
  usleep(10000);
  close(fd);
  return next("127.0.0.1", service, hints, res);
}
]]

local SCRIPT = [[
local lull = require "lull"
local PORT, FOLDER = ...
local api = lull.client { attempts = 1, limit = { parallel = 200 }, breaker = { failures = 1, open = 60 } }
local good = 0
local function list(n)
  local numbers = {}
  for i = 1, n do numbers[i] = i end
  return numbers
end
local function each(n, fn)
  lull.each(list(n), { parallel = n }, function(i)
    local response, err = fn(i)
    if not response then error(tostring(err), 0) end
    assert(response.attempts == 1)
    good = good + 1
  end)
end
local function take_all()
  lull.sleep(0) -- makes the loop, which has files of its own
  local files = {}
  while true do
    local file = io.open "/dev/null"
    if not file then return files end
    files[#files + 1] = file
  end
end
local function url(host, path) return ("http://%s:%s/%s"):format(host, PORT, path) end
]]

describe("with too few files #binary", function()
  local server, library
  setup(function()
    server = wire.server [[
      local lull = require "lull"
      return { ["*"] = function(request)
        lull.sleep(0.01)
        return 200, nil, (request.path .. "\n"):rep(200)
      end }
    ]]
    library = wire.shim(SHIM)
  end)
  teardown(wire.clean)

  local asked = 0

  -- Runs it where no more than `most` files may be open; gives what it prints.
  local function run(most, script, more)
    local runtime = os.getenv "LULL_PRELOAD" -- which comes first
    local result = wire.run(("ulimit -Sn %d; ulimit -Hn %d; LD_PRELOAD= timeout 60 env LD_PRELOAD=%s%s %s %s %s %s")
      :format(most, most, runtime and runtime .. ":" or "", library, os.getenv "LULL_BINARY" or "build/lull",
        wire.write(SCRIPT .. script .. "\nprint(good)", ".lua"), server.ports[1], more or ""))
    local list = server:requests()
    local came = #list - asked
    asked = #list
    return { result.code, result.err, result.out, came }
  end

  local function held(most, n)
    local said = "lull: no more than %d files may be open at once (ulimit -n): calls wait for each other\n"
    return { 0, said:format(most), n .. "\n", n }
  end

  it("calls wait for each other, and none is counted as tried", function()
    assert.are.same(held(40, 200), run(40, [[each(200, function(i) return api:get(url("127.0.0.1", i)) end)]]))
  end)

  -- A POST whose answer could not be written had been applied; a download began
  -- anew because its part could not be opened.
  it("nothing is sent whose answer, or body, has no file", function()
    local folder = wire.path ".files"
    os.execute(("mkdir '%s'"):format(folder))
    assert.are.same(held(40, 90), run(40, [[
      each(60, function(i) return api:post(url("127.0.0.1", i), { output = FOLDER .. "/" .. i, unsafe = true }) end)
      each(30, function(i) return api:put(url("127.0.0.1", i), { file = FOLDER .. "/" .. i }) end)
    ]], folder))
    for i = 1, 60 do assert.equal(("/" .. i .. "\n"):rep(200), wire.read(folder .. "/" .. i)) end
  end)

  -- A look-up that cannot open its files says that there is no such name; and
  -- connections that rest had all the files.
  it("names are found, and what rests makes room for what is to be sent", function()
    assert.are.same(held(40, 60), run(40, [[
      each(35, function(i) return api:get(url(("n%d.test"):format(i), i), { lane = "one" }) end)
      for i = 1, 25 do each(1, function() return api:get(url(("m%d.test"):format(i), i), { lane = "one" }) end) end
    ]]))
  end)

  -- Others have them: it is tried again, until there are some or the time is over.
  it("that others have, waits for those", function()
    assert.are.same(held(24, 20), run(24, [[
      local files = take_all()
      lull.spawn(function()
        lull.sleep(0.3)
        for _, file in ipairs(files) do file:close() end
      end)
      each(20, function(i) return api:get(url("127.0.0.1", i)) end)
    ]]))
    -- How long that may take is the call's affair.
    local ended = run(24, [[
      local files = take_all() -- and holds them
      local response, err = api:get(url("127.0.0.1", 1), { deadline = 0.5 })
      assert(response == nil and err.why == "deadline" and err.attempts == 0)
    ]])
    assert.are.same({ 0, held(24, 0)[2], "0\n", 0 }, ended)
  end)
end)
