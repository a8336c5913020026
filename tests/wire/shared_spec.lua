-- Lanes that several processes share: real processes, a real redis-server with
-- a folder of its own, and a server whose log says what arrived when.
local resp = require "tests.resp"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local function has(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in:\n%s"):format(part, tostring(text)), 2) end
end

-- Sends so many requests, by two at once; prints for each a time before which it was not
-- started, and a later one when it is answered, and after the last what the lane's state
-- is.
local SCRIPT = [[
local lull = require "lull"
local limit = {}
for rate in (arg[3] or ""):gmatch "[^,]+" do limit[#limit + 1] = rate end
local api = lull.client { base = arg[1], lanes = arg[4] ~= "none" and arg[4] or nil, limit = limit, lane = "one" }
local n, most = 0, tonumber(arg[2])
print "begins"
io.flush()
local sum = lull.each(function() n = n + 1 if n <= most then return n end end, { parallel = 2 }, function(i)
  local began = lull.time()
  print(("start %d %.6f"):format(i, began))
  local response, err = api:get(arg[5] .. i)
  if response then print(("start %d %.6f"):format(i, began + response.history[1].at)) end
  return response, err
end)
print(("done %d processes %s"):format(sum.done, tostring(lull.lanes().one.processes)))
lull.exit(sum.code)
]]

-- A server that is fast, and once says that it has too much.
local FAST = 'return { ["http://127.0.0.1"] = function() return 200 end }\n'
local REFUSES = [[
local n = 0
return { ["http://127.0.0.1"] = function()
  n = n + 1
  if n == 30 then return { status = 429, headers = { ["retry-after"] = "2" } } end
  return { status = 200, delay = 0.01 }
end }
]]

-- Each is busy with a request for a while.
local BUSY = 'return { ["http://127.0.0.1"] = function() return { status = 200, delay = 0.05 } end }\n'
-- All but what ends with 0.
local FAILS = [[
return { ["http://127.0.0.1"] = function(request)
  return request.path:find "/0$" and 200 or { status = 500, delay = 0.03 }
end }
]]

-- What is one for all beside rates: arg[3] is a client's options, and arg[6] what is to
-- be so of the lane before the last calls, so many as arg[7] says. It prints what its
-- calls came to.
local OPTIONS = [[
local lull = require "lull"
local options = (loadstring or load)("return {" .. arg[3] .. "}")()
options.base, options.lanes, options.lane = arg[1], arg[4], "one"
local api, ends = lull.client(options), {}
local function send(first, last)
  lull.each(coroutine.wrap(function() for i = first, last do coroutine.yield(i) end end), { parallel = 8 }, function(i)
    local _, err = api:get(arg[5] .. i)
    local why = err and (err.why or err.reason) or "well"
    ends[why] = (ends[why] or 0) + 1
  end)
end
local most = tonumber(arg[2])
if arg[6] then assert(api:get(arg[5] .. 0)) end -- its lane is there with that
send(1, most)
if arg[6] then
  print "there"
  io.flush()
  local is_so = (loadstring or load)("local lane = ... return " .. arg[6])
  local latest = lull.now() + 20
  while not is_so(lull.lanes().one) do
    assert(lull.now() < latest, "it is not told")
    lull.sleep(0.01)
  end
  send(most + 1, most + tonumber(arg[7]))
end
local list = {}
for why, n in pairs(ends) do list[#list + 1] = why .. "=" .. n end
table.sort(list)
print("ends " .. table.concat(list, " "))
]]

local script, options_script

local function start_with(server, redis, name, count, options, condition, more)
  options_script = options_script or wire.write(OPTIONS, ".lua")
  return wire.start(("%s %s %s %d '%s' '%s%s' /%s/ %s 2>&1"):format(wire.quote(BINARY), options_script, server.url,
    count, options, redis.url, name, name, condition and ("'%s' %d"):format(condition, more) or ""))
end

-- Its lanes have that name; so have the paths of its requests.
local function start(server, redis, name, count, rates, options)
  script = script or wire.write(SCRIPT, ".lua")
  return wire.start(("%s %s %s %s %d '%s' '%s%s' /%s/ 2>&1"):format(wire.quote(BINARY), options or "", script,
    server.url, count, rates, redis.url, name, name))
end

-- The last of those times for each of them, of what several have printed.
local function starts_in(...)
  local times = {}
  for _, text in ipairs { ... } do
    local starts = {}
    for i, time in text:gmatch "start (%d+) ([%d.]+)" do starts[i] = tonumber(time) end
    for _, time in pairs(starts) do times[#times + 1] = time end
  end
  table.sort(times)
  return times
end

-- Waits until so many processes have the only lane of that name.
local function wait_for(redis, name, count)
  wire.eventually(function() return redis:ask(("HLEN {lull:%s}:lanes:1:h"):format(name)) == ":" .. count end)
end

-- When those requests came, as the server saw it; at least so many.
local function times_of(server, name, n)
  return wire.eventually(function()
    local times = {}
    for _, request in ipairs(server:requests()) do
      if request.path:find("/" .. name .. "/", 1, true) == 1 then times[#times + 1] = request.time end
    end
    table.sort(times)
    return #times >= (n or 0) and times
  end, "the server's log is short of requests")
end

-- Calls fn(command) for each that Redis has put into its file, a list of words.
local function each_kept(redis, fn)
  for file in wire.run("ls " .. redis.folder .. "/appendonlydir/*.incr.aof").out:gmatch "[^\n]+" do
    local text, at = wire.read(file), 1
    for count, from in text:gmatch "%*(%d+)\r\n()%$" do
      if from > at then
        local command = {}
        for i = 1, tonumber(count) do
          local size, to = text:match("^%$(%d+)\r\n()", from)
          command[i] = text:sub(to, to + size - 1)
          from = to + size + 2
        end
        at = from - 1
        fn(command)
      end
    end
  end
end

-- When the requests under that name were started, as the processes have told, by
-- Redis's clock.
local function starts_of(redis, name)
  local window, starts, times = ("{lull:%s}:lanes:1:1"):format(name), {}, {}
  each_kept(redis, function(command)
    if command[1] ~= "ZADD" or command[2] ~= window then return end
    for i = 3, #command, 2 do
      if command[i + 1]:find "^%d+:%d+$" then starts[command[i + 1]] = command[i] / 1e6 end
    end
  end)
  for _, time in pairs(starts) do times[#times + 1] = time end
  table.sort(times)
  return times
end

describe("lanes that several processes share #binary", function()
  if not wire.has_redis() then
    pending "there is no redis-server here"
    return
  end

  local server, redis
  setup(function()
    server, redis = wire.server(FAST), wire.redis "--appendonly yes --appendfsync always"
  end)
  teardown(wire.clean)

  local function hold(name, n, count, length, from)
    local starts, times = starts_of(redis, name), times_of(from or server, name, n)
    assert.equal(n, #starts)
    assert.equal(n, #times)
    wire.none_early(starts, times, count, length)
  end

  it("send no more than the limit allows one, and use what it allows", function()
    local children = {}
    for i = 1, 3 do children[i] = start(server, redis, "rates", 21, "20/200ms,40/500ms") end
    for i = 1, 3 do
      local rest, code = children[i]:finish()
      has(rest, "done 21 processes ")
      assert.are.equal(0, code or 0)
    end
    hold("rates", 63, 20, 0.2)
    hold("rates", 63, 40, 0.5)
    local times = times_of(server, "rates", 63)
    assert(times[63] - times[1] < 3, "the limit is not used") -- 0.7 s, and a busy machine
  end)

  -- In a script: waits until a pause is heard, or is over, as arg[3] says: heard so late
  -- it is none.
  local HEARD = [[
local file
repeat file = io.open(arg[3]) until file -- no step meanwhile
local over = tonumber(file:read "*a")
local function wait_for_pause()
  while lull.lanes().one.paused == 0 and lull.time() < over do lull.sleep(0.01) end
end
]]

  -- Says in that file when the pause is over.
  local function say_over(path, time)
    os.rename(wire.write(tostring(time)), path)
  end

  -- Its first transfers are started slowly, so that steps are long; and what asks a Redis
  -- leaves late, so that it is answered in the midst of one.
  local SLOW_STEPS = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
#include <unistd.h>
static int steps;
int curl_multi_add_handle(void *multi, void *easy)
{
  int (*real)(void *, void *) = dlsym(RTLD_NEXT, "curl_multi_add_handle");
  if (steps++ < 40)
    usleep(100000);
  return real(multi, easy);
}
static void wait_with(const char *bytes)
{
  if (*bytes == '*' && steps < 40)
    usleep(60000);
}
ssize_t write(int fd, const void *bytes, size_t len)
{
  ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  wait_with(bytes);
  return real(fd, bytes, len);
}
ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
  ssize_t (*real)(int, const void *, size_t, int) = dlsym(RTLD_NEXT, "send");
  wait_with(bytes);
  return real(fd, bytes, len, flags);
}
]]

  -- What the server's clock showed when it was asked was taken to be of when the step
  -- began, and the clock to be ahead by as much: pauses ended early, and places were
  -- used before their time.
  it("end a pause by their server's clock, not before, though a step was long", function()
    local ended = wire.write([[
local lull = require "lull"
local api, list = lull.client { base = arg[1], lanes = arg[2], lane = "one", limit = "100/1s burst 100" }, {}
for i = 1, 40 do list[i] = i end
lull.each(list, { parallel = 3 }, function(i) return api:get("/early/" .. i) end)
print "there"
io.flush()
]] .. HEARD .. [[
wait_for_pause()
print((api:get "/ended/1"))
]], ".lua")
    local go = wire.path()
    local runtime = os.getenv "LULL_PRELOAD" -- which comes first
    local child = wire.start(("env LD_PRELOAD=%s%s %s %s %s %sended %s 2>&1"):format(runtime and runtime .. ":" or "",
      wire.shim(SLOW_STEPS), BINARY, ended, server.url, redis.url, go))
    assert.equal("there", child:line())
    local until_ = os.time() + 2
    redis:ask(('PUBLISH {lull:ended}:lanes "pause %d000000 one"'):format(until_))
    say_over(go, until_)
    has(child:finish(), "200")
    local at = times_of(server, "ended", 1)[1]
    assert(at >= until_, ("%.3f s early"):format(until_ - at))
  end)

  -- Each by itself would send one every 50 ms, three times as many as are spread.
  it("spread what the limit allows, whoever sends it", function()
    local children = {}
    for i = 1, 3 do children[i] = start(server, redis, "spread", 10, "20/1s") end
    for i = 1, 3 do has(children[i]:finish(), "done 10 processes ") end
    local starts = starts_of(redis, "spread")
    assert.equal(30, #starts)
    assert(wire.most_within(starts, 0.25) <= 10, "they were started together")
    for i = 1, 3 do children[i] = start(server, redis, "burst", 10, "20/1s burst 20") end
    for i = 1, 3 do has(children[i]:finish(), "done 10 processes ") end
    hold("burst", 30, 20, 1)
  end)

  -- What one had heard it told again when the clocks were known better, a little
  -- later each time: a pause grew to one that no call waits for.
  it("pause together when the server has told one of them to wait", function()
    local refusing, children = wire.server(REFUSES), {}
    for i = 1, 3 do children[i] = start(refusing, redis, "pauses", 80, "") end
    for i = 1, 3 do has(children[i]:finish(), "done 80 processes ") end
    local refused
    for _, request in ipairs(refusing:requests(241)) do
      if request.answer.status == 429 then refused = request.time end
    end
    local before, early = 0, 0
    for _, time in ipairs(times_of(refusing, "pauses", 241)) do
      if time <= refused then before = before + 1 end
      -- A round trip, on a machine that is busy with other things.
      if time > refused + 1 and time < refused + 2 then early = early + 1 end
    end
    assert(before < 80, "they were not at it at the same time")
    assert.are.equal(0, early)
  end)

  -- One that came before it was known what time it is there was taken to last for some
  -- 20,000 days: the calls of who had just joined failed.
  it("hear of a pause before they know their server's clock", function()
    local go = wire.path()
    local child = wire.start(("%s %s %s %ssoon %s 2>&1"):format(BINARY, wire.write([[
local lull = require "lull"
local api = lull.client { base = arg[1], lanes = arg[2], lane = "one" }
print "there"
io.flush()
]] .. HEARD .. [[
assert(api:get "/soon/1") -- which has left before anything is heard
wait_for_pause()
print(api:get "/soon/2")
]], ".lua"), server.url, redis.url, go))
    assert.equal("there", child:line())
    local until_ = os.time() + 2
    wire.eventually(function()
      return redis:ask(('PUBLISH {lull:soon}:lanes "pause %d000000 one"'):format(until_)) == ":1"
    end)
    redis:ask(("HSET {lull:soon}:lanes:1 pause %d000000"):format(until_))
    say_over(go, until_)
    has(child:finish(), "200")
    assert.is_true(times_of(server, "soon", 2)[2] >= until_)
  end)

  -- Whoever sends seldom would pay a script for each request, and a script that a Redis
  -- runs seldom costs it ten times as much as one of many.
  it("ask a few times a second, and not for each request", function()
    local seldom = wire.write([[
local lull = require "lull"
local api = lull.client { base = arg[1], lanes = arg[2], lane = "one", limit = "1000/1s burst 1000" }
local began = lull.now()
for i = 1, 100 do
  assert(api:get("/seldom/" .. i))
  lull.sleep(0.05)
end
print(lull.now() - began)
]], ".lua")
    local function scripts()
      return tonumber(resp.connect(redis.port):ask("INFO", "commandstats"):match "cmdstat_evalsha:calls=(%d+)" or 0)
    end
    local before = scripts()
    local took = tonumber(wire.run(("%s %s %s %sseldom"):format(BINARY, seldom, server.url, redis.url)).out)
    local asked = scripts() - before - 6 -- its beginning, and its end
    assert(asked / took < 2.6, ("%d scripts in %.3f s"):format(asked, took))
  end)

  -- One that is killed leaves places that nobody knows to be used or not: they
  -- are counted as used when its lease is over, and come back from then on.
  it("get back what a process held that was killed, when its lease is over", function()
    has(start(server, redis, "held", 1, "10/200ms"):finish(), "done 1 processes 1")
    redis:ask "HSET {lull:held}:lanes:1 1:99 10 1:all 10"
    redis:ask [[HSET {lull:held}:lanes:w:99 l1 "1\n1 10 200000 0.000 0.000"]]
    redis:ask(("ZADD {lull:held}:lanes:workers %d000 99"):format(os.time() + 1))
    has(start(server, redis, "held", 15, "10/200ms"):finish(), "done 15 processes 1")
    hold("held", 16, 10, 0.2)
  end)

  -- Answers none before it has had four at once; says in a file how many the most were.
  local AT_ONCE = [[
local open, most = 0, 0
return { ["http://127.0.0.1"] = function()
  open = open + 1
  most = math.max(most, open)
  assert(io.open(%q, "w")):write(most):close()
  while most < 4 do require("lull").sleep(0.01) end
  require("lull").sleep(0.05)
  open = open - 1
  return 200
end }
]]

  it("have no more in flight than the limit allows one, and all get their part", function()
    local most, children = wire.path(), {}
    local busy = wire.server(AT_ONCE:format(most))
    for i = 1, 3 do children[i] = start_with(busy, redis, "slots", 20, "limit = { parallel = 4 }") end
    for i = 1, 3 do has(children[i]:finish(), "ends well=20") end
    assert.are.equal(60, #times_of(busy, "slots", 60))
    assert.are.equal("4", wire.read(most))
  end)

  it("tell who has them, what each holds, and since when", function()
    local busy, children, json = wire.server(BUSY), {}, require "lull.json"
    for i = 1, 2 do children[i] = start_with(busy, redis, "who", 4000, "limit = { [[900/1m]], parallel = 4 }") end
    local function status(options) return wire.run(("%s status %s %swho"):format(BINARY, options, redis.url)).out end
    local told = wire.eventually(function()
      local said = json.decode(status "--json")
      return said and said.lanes[1] and #said.lanes[1].machines == 2 and said
    end, "they are not told")
    assert.are.equal("one", told.lanes[1].name)
    local slots, pids = 0, {}
    for _, machine in ipairs(told.lanes[1].machines) do
      slots = slots + machine.slots
      pids[machine.pid] = true
      assert(math.abs(machine.since - os.time()) < 60 and machine.machine ~= "" and machine.places >= 0)
    end
    assert(slots <= 4, slots)
    for i = 1, 2 do assert(pids[tonumber(children[i].pid)], "a process is not told") end
    local words = status ""
    has(words, "/0/who: shared lanes, and no journal\nlane one: 2 processes share it\n")
    assert.matches("\n  %S+, process %d+: %d slots? and %d+ places? since [%d:]+\n$", words)
    redis:ask(("HSET {lull:who}:lanes:1 pause %d000000 open 1 quota 5:9:1"):format(os.time() + 60))
    has(status "", "processes share it, paused until ")
    redis:ask "HDEL {lull:who}:lanes:1 pause"
    has(status "", "processes share it, the breaker is open, 5 of the quota left\n")
    for i = 1, 2 do children[i]:stop() end
    local alone = wire.write([[
local lull = require "lull"
local api = lull.client { base = arg[1], lanes = arg[2], lane = "one", limit = { parallel = 3 } }
assert(api:get "/a")
local machines = lull.lanes().one.machines
print(#machines, machines[1].pid == tonumber(arg[3]), machines[1].slots, lull.time() - machines[1].since < 60)
]], ".lua")
    has(wire.run(("sh -c 'exec %s %s %s %salone $$'"):format(BINARY, alone, busy.url, redis.url)).out,
      "1\ttrue\t")
  end)

  -- What the others have taken from it is not there any more. It asked for slots of a
  -- lane that Redis no longer knew as its own, was not answered, and waited for ever.
  it("go on when a process's own lease was over", function()
    local go = wire.path()
    local child = wire.start(("%s %s %s '%sover' %s 2>&1"):format(wire.quote(BINARY), wire.write([[
local lull = require "lull"
local api = lull.client { base = arg[1], lanes = arg[2], lane = "one", limit = { parallel = 4 } }
print(api:get "/over/0")
io.flush()
while not io.open(arg[3]) do lull.sleep(0.01) end
local list = lull.map({ 1, 2, 3 }, { parallel = 3 }, function(i) return api:get("/over/" .. i) end)
print(#list)
]], ".lua"), server.url, redis.url, go))
    child:line()
    assert.are.equal(":1", redis:ask "DEL {lull:over}:lanes:w:1")
    assert.are.equal(":1", redis:ask [[PUBLISH {lull:over}:lanes "slots 99 one"]])
    wire.touch(go)
    has(child:finish(), "3")
  end)

  -- What it had sent since was in nobody's window: the marks of it went to a lane that
  -- was not its own any more, and what had started then was told of twice.
  it("hold when a process's lease was over, again and again", function()
    local first = start(server, redis, "lapse", 60, "10/200ms")
    local others = {}
    for i = 1, 3 do
      times_of(server, "lapse", 15 * i)
      redis:ask "ZADD {lull:lapse}:lanes:workers 1 1" -- who joins takes what it has
      others[i] = start(server, redis, "lapse", 10, "10/200ms")
    end
    has(first:finish(), "done 60 ")
    for i = 1, 3 do has(others[i]:finish(), "done 10 ") end
    hold("lapse", 90, 10, 0.2)
  end)

  it("get back the slots of a process that was killed, when its lease is over", function()
    has(start_with(server, redis, "dead", 1, "limit = { parallel = 2 }"):finish(), "ends well=1")
    redis:ask "HSET {lull:dead}:lanes:w:99 l1 1"
    redis:ask [[HSET {lull:dead}:lanes:1:h 99 "2 2 0"]]
    redis:ask(("ZADD {lull:dead}:lanes:workers %d000 99"):format(os.time() + 2))
    local child = start_with(server, redis, "dead", 3, "limit = { parallel = 2 }")
    has(child:finish(), "ends well=3")
    assert.are.equal(":0", redis:ask "HEXISTS {lull:dead}:lanes:1:h 99")
  end)

  -- None alone has so many failures that it would open; each is told that it has.
  it("have one breaker", function()
    local failing, children, refused = wire.server(FAILS), {}, 0
    for i = 1, 3 do
      children[i] = start_with(failing, redis, "breaker", 25,
        'attempts = 1, breaker = { failures = 0.5, window = "60s", least = 60, open = "60s" }',
        'lane.breaker == "open"', 5)
    end
    for i = 1, 3 do
      local rest = children[i]:finish()
      has(rest, "breaker=")
      refused = refused + rest:match "breaker=(%d+)"
    end
    assert(refused >= 15, "it did not open for all")
    assert.are.equal(93 - refused, #times_of(failing, "breaker", 93 - refused))
  end)

  -- One spends what there is, once the others are there; they are told, and spend nothing.
  it("have one retry budget", function()
    local failing, children = wire.server(FAILS), {}
    local function start_one(count, condition)
      return start_with(failing, redis, "budget", count,
        'attempts = 6, backoff = { base = "50ms", cap = "50ms" }, budget = { capacity = 10, cost = 1, refund = 0 }',
        condition, 10)
    end
    for i = 1, 2 do children[i] = start_one(0, "lane.budget == 0") end
    for i = 1, 2 do assert.are.equal("there", children[i]:line()) end
    has(start_one(10):finish(), "ends ")
    for i = 1, 2 do has(children[i]:finish(), "ends budget=10") end
    assert.are.equal(42, #times_of(failing, "budget", 42))
  end)

  -- The server tells one of them that its quota is nearly used up; the other, which no
  -- answer has told so, paces itself by it.
  it("know the quota that answers tell, whoever was told", function()
    local tells = wire.server [[
return { ["http://127.0.0.1"] = function(request)
  if request.path:find "told" then
    return { status = 200, headers = { ["x-ratelimit-limit"] = "100", ["x-ratelimit-remaining"] = "4",
      ["x-ratelimit-reset"] = "4" } }
  end
  return 200
end }
]]
    local quota, go = wire.write([[
local lull = require "lull"
local api = lull.client { base = arg[1], lanes = arg[2], lane = "one", pace = true }
if arg[3] == "told" then
  assert(api:get "/quota/told")
  lull.sleep(60)
else
  print "there"
  io.flush()
  while not io.open(arg[4]) do lull.sleep(0.01) end
  assert(api:get "/quota/other0") -- its lane is there with that
  while not lull.lanes().one.quota do lull.sleep(0.01) end
  for i = 1, 4 do assert(api:get("/quota/other" .. i)) end
end
]], ".lua"), wire.path()
    local command = ("%s %s %s %squota %%s %s 2>&1"):format(BINARY, quota, tells.url, redis.url, go)
    local other = wire.start(command:format "other")
    assert.are.equal("there", other:line())
    local told = wire.start(command:format "told")
    wire.eventually(function() return redis:ask "HEXISTS {lull:quota}:lanes:1 quota" == ":1" end)
    wire.touch(go)
    assert.are.equal("", (other:finish()))
    told:stop()
    -- Two of four are its own; then it waits until there are new ones.
    local times = times_of(tells, "quota", 6)
    assert(times[6] >= times[1] + 4, ("after %.3f s"):format(times[6] - times[1]))
  end)

  it("come with a journal in a Redis, unless a client has its own", function()
    local both = wire.write([[
local lull = require "lull"
local api = lull.client { base = arg[1], lane = "shared", limit = "500/1s" }
local own = api:with { lane = "own", lanes = false }
local sum = lull.each({ "a", "b" }, function(x)
  local ok, err = api:get("/" .. x)
  if not ok then return nil, err end
  return own:get("/" .. x)
end)
print("done " .. sum.done)
]], ".lua")
    has(wire.run(("%s --journal %sscans %s %s 2>&1"):format(wire.quote(BINARY), redis.url, both, server.url)).out,
      "done 2\n")
    assert.are.equal(":1", redis:ask "HEXISTS {lull:scans}:lanes:names shared")
    assert.are.equal(":0", redis:ask "HEXISTS {lull:scans}:lanes:names own")
  end)

  -- What calls weigh is counted by each process for itself: said, and not sent
  -- as if the limit held for all.
  it("have no rates that weigh, but those of a client that has its own", function()
    local weighs = wire.write([[
local lull = require "lull"
local api = lull.client { base = arg[1], limit = { tokens = { "9/1s", weight = function() return 1 end } } }
local sum = lull.each({ "a" }, function(x) return (api:with { lanes = arg[2] ~= "own" and nil }:get("/" .. x)) end)
print("done " .. sum.done)
]], ".lua")
    local command = ("%s --journal %s%%s %s %s %%s 2>&1"):format(wire.quote(BINARY), redis.url, weighs, server.url)
    local result = wire.run(command:format("weighs", ""))
    assert.are.equal(1, result.code)
    has(result.out, weighs .. ":3: limit")
    has(result.out, "limit['tokens']: what calls weigh is not shared with other processes; say lanes = false")
    has(wire.run(command:format("apart", "own")).out, "done 1\n")
  end)

  it("are named by a URL of a Redis, one for all", function()
    local function refused(lanes, words)
      local client = wire.write(('require "lull".client { lanes = %s }'):format(lanes), ".lua")
      local result = wire.run(("%s %s 2>&1"):format(wire.quote(BINARY), client))
      assert.are.equal(1, result.code, lanes)
      has(result.out, words)
    end
    refused("1", "lanes must be a string or boolean, not a number")
    refused("'here'", "lanes: where lanes are shared is redis://HOST/0/NAME")
    refused("'redis://127.0.0.1/0'", "the lanes' URL names no lanes")
    refused(("'%sa' } require 'lull'.client { lanes = '%sb'"):format(redis.url, redis.url),
      "lanes are shared at one server")
    -- The client's module and the journal's each had a copy of what shares lanes: a
    -- second server was taken up beside the journal's, and nothing was said.
    local late = wire.write(('require "lull".client { lanes = "%sb" }'):format(redis.url), ".lua")
    has(wire.run(("%s --journal %sa %s 2>&1"):format(wire.quote(BINARY), redis.url, wire.write([[
local lull = require "lull"
lull.each({ "a" }, function() dofile(arg[1]) end)
]], ".lua") .. " " .. late)).out, "lanes are shared at one server")
  end)

  it("are those of one process in a simulated world", function()
    local alone = wire.write([[
local lull = require "lull"
local api = lull.client { base = "http://a.test", lanes = "redis://127.0.0.1:1/0/api", limit = "10/1s", lane = "one" }
for i = 1, 11 do assert(api:get("/" .. i)) end
print(lull.now() >= 1, lull.lanes().one.processes)
]], ".lua")
    local world = wire.write('return { ["http://a.test"] = function() return 200 end }', ".lua")
    has(wire.run(("%s --sim %s %s 2>&1"):format(wire.quote(BINARY), world, alone)).out, "true\t1")
  end)

  -- An answer that was on its way when the connection broke went to a lane under
  -- the number that it had had: its places were lost, and no more were asked for.
  it("hold when their server goes away, and go on when it is back", function()
    local gated = wire.gated_server(30)
    local child = start(gated, redis, "back", 40, "10/200ms")
    times_of(gated, "back", 10)
    redis:kill()
    redis:start()
    gated:open(30)
    has(child:finish(), "done 40 processes 1")
    hold("back", 40, 10, 0.2, gated)
  end)

  it("say that their server has been away for more than a moment, and is back", function()
    local gated = wire.gated_server(30)
    local child = start(gated, redis, "said", 40, "10/200ms", "--trace --progress always")
    times_of(gated, "said", 10)
    redis:kill()
    gated:open(30)
    for _, part in ipairs { "  store: away for 2", " wait: Redis does not answer" } do
      repeat local line = assert(child:line()) until line:find(part, 1, true)
    end
    redis:start()
    local rest = child:finish()
    has(rest, "  store: back after ")
    has(rest, "done 40 processes 1")
  end)

  -- Fail closed is the default. Each of two has half of what is allowed, once what the
  -- other may have sent before is out of the window.
  it("go on with their part while their server is away, where that is asked for", function()
    local gated, children, said = wire.gated_server(0, 20, 45), {}, {}
    for i = 1, 2 do children[i] = start(gated, redis, "part", 60, "10/200ms", "--on-store-loss local") end
    wait_for(redis, "part", 2)
    gated:open(0)
    times_of(gated, "part", 30) -- each has sent ten at least, and was told that they are two
    redis:kill()
    gated:open(20)
    times_of(gated, "part", 80) -- each has gone on
    redis:start()
    -- 2 of each wait for an answer.
    wire.eventually(function() return #starts_of(redis, "part") == 94 end, "they do not tell what they have sent")
    gated:open(45)
    for i = 1, 2 do
      local rest, code = children[i]:finish()
      has(rest, ": cannot reach Redis: ")
      has(rest, "; until it is back this process keeps to its part of each limit\n")
      has(rest, "done 60 ")
      assert.are.equal(0, code or 0)
      said[i] = rest
    end
    local starts = starts_in(said[1], said[2])
    assert.are.equal(120, #starts)
    wire.none_early(starts, times_of(gated, "part", 120), 10, 0.2)
    has(wire.run(("%s --on-store-loss never %s 2>&1"):format(BINARY, script)).out,
      "--on-store-loss: 'never' is none of stop, local")
    -- Who was never told how many they are has no part.
    local alone = start(server, redis, "none", 1, "10/200ms", "--on-store-loss local --store-timeout 0")
    has(alone:finish(), "done 1 processes 1")
  end)

  it("end the run when their server has lost what it had, or stays away", function()
    local function ended(child, words, code)
      local rest, got = child:finish()
      has(rest, words)
      assert.are.equal(code, got or code)
      return rest
    end
    local gated = wire.gated_server(30)
    local child = start(gated, redis, "lost", 60, "5/200ms")
    times_of(gated, "lost", 5)
    redis:ask "FLUSHALL"
    gated:open(30)
    ended(child, "the shared lanes are not there any more", 1)
    gated = wire.gated_server(30)
    child = start(gated, redis, "away", 60, "5/200ms", "--store-timeout 0.3")
    times_of(gated, "away", 6)
    redis:kill()
    gated:open(30)
    local starts = starts_in(ended(child, "/0/away: cannot reach Redis: ", 75))
    assert(#starts >= 6, #starts .. " are told")
    wire.none_early(starts, times_of(gated, "away"), 5, 0.2)
    ended(start(server, redis, "never", 1, "", "--store-timeout 0"), "cannot reach Redis: ", 75)
  end)
end)
