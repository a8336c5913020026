-- How many transfers a handle of libcurl serves, counted by a library that stands
-- before it.
local unit = require "lull.unit"
local wire = require "tests.wire"

local SHIM = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
void *curl_easy_init(void)
{
  void *(*next)(void) = (void *(*)(void))dlsym(RTLD_NEXT, "curl_easy_init");
  if (write(9, "h", 1) != 1)
    return 0;
  return next();
}
]]

-- Notes how many inits have no cleanup yet. A module's libcurl is not in sight of
-- what stands before it.
local COUNTS = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
static int inits;
static void *next(const char *name)
{
  void *found = dlsym(RTLD_NEXT, name);
  return found ? found : dlsym(dlopen("libcurl.so.4", RTLD_NOW), name);
}
int curl_global_init(long flags)
{
  dprintf(9, "%d ", ++inits);
  return ((int (*)(long))next("curl_global_init"))(flags);
}
void curl_global_cleanup(void)
{
  dprintf(9, "%d ", --inits);
  ((void (*)(void))next("curl_global_cleanup"))();
}
]]

describe("a handle #binary", function()
  after_each(wire.clean)

  -- One of libcurl before 8.1.0 keeps a pointer into what its last transfer has
  -- freed (curl#11101), which a server can make it follow. There each request has
  -- a handle of its own; later ones serve again, at a third less.
  it("serves one transfer before libcurl 8.1.0, and many from then on", function()
    local library = wire.shim(SHIM)
    local server = wire.server(wire.write([[return { ["http://api.test"] = function() return 200, nil, "x" end }]],
      ".lua"))
    local function made_for(requests)
      local counted, urls = wire.path(), {}
      for i = 1, requests do urls[i] = ("%s/%d\n"):format(server.url, i) end
      local result = wire.run(("LD_PRELOAD=%s build/lull get -i - 9>%s"):format(library, counted), table.concat(urls))
      assert.are.same({ 0, ("x"):rep(requests), "" }, { result.code, result.out, result.err })
      return #wire.read(counted)
    end
    local major, minor = wire.run "LD_PRELOAD= build/lull --version".out:match "libcurl/(%d+)%.(%d+)"
    local once = tonumber(major) * 100 + tonumber(minor) < 801
    assert.equal(once and 11 or 0, made_for(12) - made_for(1))
  end)

  -- The list of a plain request's headers stays for the client's next one, in
  -- another handle: never for another client's, nor for one with more to say.
  it("sends each client's own headers, in whatever order they come", function()
    local server = wire.server [[
    return { ["*"] = function(request)
      local h = request.headers
      return 200, nil, table.concat({ h["user-agent"], h["x-one"] or "-", h.connection or "-",
        h["accept-encoding"] or "-", request.body }, " ")
    end }
    ]]
    local result = wire.run("LD_PRELOAD= build/lull " .. wire.write(([[
      local lull = require "lull"
      local base = %q
      local a = lull.client { base = base, headers = { ["User-Agent"] = "a", ["accept-encoding"] = "identity" } }
      local b = lull.client { base = base,
        headers = { ["User-Agent"] = "b", ["X-One"] = "1", ["accept-encoding"] = "x" } }
      local c = lull.client { base = base, headers = { ["User-Agent"] = "c", Connection = "close", ["X-One"] = "3",
        ["accept-encoding"] = "y" } }
      for _, client in ipairs { a, a, b, b, a, c, c, b, c, a } do print(client:get("/").body) end
      print(b:post("/", { body = "text" }).body)
      print(b:get("/", { headers = { ["X-One"] = "2" } }).body)
      print(b:get("/").body)
    ]]):format(server.url), ".lua"))
    local A, B, C = "a - - identity ", "b 1 - x ", "c 3 close y "
    assert.are.same({ 0, table.concat({ A, A, B, B, A, C, C, B, C, A, B .. "text", "b 2 - x ", B, "" }, "\n"), "" },
      { result.code, result.out, result.err })
  end)

  -- It is looked for once, until a variable changes.
  it("goes by the proxy that the environment names, also when that changes", function()
    for _, name in ipairs { "http_proxy", "HTTPS_PROXY", "all_proxy" } do
      assert.is_false(unit.world.proxy_named(name, nil))
      assert.is_true(unit.world.proxy_named(name, "http://127.0.0.1:1"))
      assert.is_true(unit.world.proxy_named(name, "http://127.0.0.1:2"))
      assert.is_false(unit.world.proxy_named(name, nil))
    end
    assert.is_false(unit.world.proxy_named("no_proxy", "*"))
    assert.is_false(unit.world.proxy_named("no_proxy", nil))
  end)

  -- There was no cleanup: what a libcurl allocates once, a leak checker found. It waits
  -- for the module's end, as somebody beside us may rely on our init.
  it("leaves libcurl as it was, once lull is gone, and not before", function()
    local library, runtime = wire.shim(COUNTS), os.getenv "LULL_PRELOAD" -- of what is instrumented, and first
    local script = wire.write([[
      local core = require "lull.core"
      for _ = 1, 2 do core.engine {}:close() end
      require "lull".get("http://127.0.0.1:9/", { attempts = 1 })
      io.open("/dev/fd/9", "a"):write "end "
    ]], ".lua")
    local programs = { ["build/lull"] = library, [wire.lua()] = runtime and runtime .. ":" .. library or library }
    for program, preload in pairs(programs) do
      local counted = wire.path()
      local result = wire.run(("LD_PRELOAD= timeout 60 env LD_PRELOAD=%s %s %s 9>>%s"):format(preload, program, script,
        counted))
      assert.are.same({ 0, "" }, { result.code, result.err })
      local up, down = wire.read(counted):match "^([%d ]+)end ([%d ]+)$"
      assert.is_nil((" " .. up):find " 0 ", up)
      assert.matches("0 $", down)
    end
  end)

  -- A child held the server's connections open after they had been closed here, and
  -- libcurl 7.88's own pair of sockets.
  it("leaves no socket to a child, and SIGPIPE unignored", function()
    local server = wire.server [[
    return { ["*"] = function() return 200 end }
    ]]
    local result = wire.run("LD_PRELOAD= build/lull " .. wire.write(([[
      local lull = require "lull"
      assert(lull.get(%q))
      io.write(io.popen("ls -l /proc/self/fd; grep SigIgn /proc/self/status"):read "*a")
    ]]):format(server.url), ".lua"))
    assert.are.same({ 0, "" }, { result.code, result.err })
    assert.is_nil(result.out:find "socket:")
    local ignored = tonumber(result.out:match "SigIgn:%s*(%x+)":sub(-4), 16)
    assert.are.equal(0, math.floor(ignored / 2 ^ 12) % 2) -- SIGPIPE, the 13th
  end)
end)
