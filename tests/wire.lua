-- wire: child processes and real sockets for the specs. Every child is
-- waited for by what it prints, and ended by its own id.

local cjson = require "cjson"
local socket = require "socket"

local M = {}

local LUA = os.getenv "LULL_LUA" or "lua5.4"
local PATIENCE = 20 -- s, for what should come within milliseconds

local children = {} -- all that run: pid -> child

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
M.quote = quote

local function line_of(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read "*l"
  pipe:close()
  return line
end

-- ---- files ---------------------------------------------------------------

local directory
local count = 0

---A path that nothing has yet, in a directory of this run.
---@param suffix string?
function M.path(suffix)
  directory = directory or line_of "mktemp -d"
  count = count + 1
  return ("%s/%d%s"):format(directory, count, suffix or "")
end

function M.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return text
end

---@return string path
function M.write(text, suffix)
  local path = M.path(suffix)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

---Makes an empty file, which somebody waits for.
function M.touch(path) assert(io.open(path, "wb")):close() end

---Ends every child and removes every file.
function M.clean()
  for _, child in pairs(children) do child:stop() end
  if directory then os.execute("rm -rf " .. quote(directory)) end
  directory = nil
end

-- ---- children ------------------------------------------------------------

---@class wire.child
---@field pid string
local Child = {}
Child.__index = Child

---Starts a shell command; its standard output is read by `child:line()`.
---@param command string
---@return wire.child
function M.start(command)
  local pipe = assert(io.popen("echo $$; exec " .. command))
  local child = setmetatable({ pipe = pipe, command = command }, Child)
  child.pid = assert(pipe:read "*l", "the shell did not start")
  children[child.pid] = child
  return child
end

---Waits for the next line.
function Child:line() return self.pipe:read "*l" end

---@param name string "INT", "TERM", ...
function Child:signal(name)
  os.execute(("kill -%s %s 2>/dev/null"):format(name, self.pid))
end

---Waits for its end; gives what is left of its output, and its exit code
---where this Lua tells it.
---@return string rest, integer? code
function Child:finish()
  if not self.pipe then return "" end
  local rest = self.pipe:read "*a"
  local _, _, code = self.pipe:close()
  self.pipe, children[self.pid] = nil, nil
  return rest, code
end

function Child:stop()
  if not self.pipe then return end
  self:signal "KILL"
  self:finish()
end

---Runs a shell command to its end.
---@param command string
---@param input string? its standard input
---@return { code: integer, out: string, err: string }
function M.run(command, input)
  local out, err, code = M.path ".out", M.path ".err", M.path ".code"
  local from = input and M.write(input) or "/dev/null"
  os.execute(("{ %s; } <%s >%s 2>%s; echo $? >%s"):format(command, from, out, err, code))
  return { out = M.read(out), err = M.read(err), code = tonumber(M.read(code)) }
end

---A library for LD_PRELOAD that stands before another, of C's text.
---@param source string
---@return string path
function M.shim(source)
  local library = M.path ".so"
  local built = M.run(("LD_PRELOAD= gcc -shared -fPIC -o %s %s -ldl"):format(library, M.write(source, ".c")))
  assert(built.code == 0, built.err)
  return library
end

---The command of this run's Lua with these arguments.
function M.lua(...)
  local words = { LUA }
  for i = 1, select("#", ...) do words[i + 1] = quote((select(i, ...))) end
  return table.concat(words, " ")
end

---Runs a script with the Lua of this run, as `run` does.
---@param script string its text
---@param arguments string?
function M.script(script, arguments)
  return M.run(("%s %s %s"):format(LUA, M.write(script, ".lua"), arguments or ""))
end

---True when this Lua has that module.
function M.has(module)
  return M.script(("require %q"):format(module)).code == 0
end

---Asks until `fn` gives something; fails after a while.
function M.eventually(fn, what)
  local ends = socket.gettime() + PATIENCE
  while true do
    local value = fn()
    if value then return value end
    assert(socket.gettime() < ends, what or "it did not come")
    socket.sleep(0.005)
  end
end

-- ---- servers -------------------------------------------------------------

---@param path string of JSON lines
---@return table[] the whole lines so far
function M.json_lines(path)
  local list = {}
  for line in (M.read(path) or ""):gmatch "([^\n]*)\n" do list[#list + 1] = cjson.decode(line) end
  return list
end

---The most of those times, in their order, that lie within `length` (s).
function M.most_within(times, length)
  local most, first = 0, 1
  for i, time in ipairs(times) do
    while time - times[first] >= length do first = first + 1 end
    most = math.max(most, i - first + 1)
  end
  return most
end

---No window of `length` (s) holds more than `most` starts: that many later a request
---arrives a length later than the one before it was started. What was started at the right
---time and left or arrived late, on a busy machine, is nobody's fault.
---@param starts number[] when none of them was started yet, in their order
---@param times number[] when they arrived, in their order
function M.none_early(starts, times, most, length)
  for i = 1, math.min(#starts, #times - most) do
    local early = starts[i] + length - times[i + most]
    assert(early <= 0, ("a window holds more: %.6f s early"):format(early))
  end
end

-- At least `n` requests as the server's log has them, in their order.
local function requests(child, n)
  return M.eventually(function()
    local list = M.json_lines(child.log)
    return #list >= (n or 0) and list
  end, "the server's log is short of requests")
end

local function serve(command)
  local child = M.start(command)
  local line = child:line() or ""
  child.ports = {}
  for port in line:gmatch "%d+" do child.ports[#child.ports + 1] = port end
  assert(child.ports[1], "the server said '" .. line .. "' instead of its port")
  child.url = "http://127.0.0.1:" .. child.ports[1]
  child.requests = requests
  return child
end

---Serves a world on a free port.
---@param world string a file's path, or a world's source text
---@param port string? that one: of a server that was there before
---@return wire.child server with url and requests()
function M.server(world, port)
  if world:find "\n" then world = M.write(world, ".lua") end
  local log = M.path ".log"
  local child = serve(("%s tests/server.lua %s --port %s --seconds 300 --log %s"):format(LUA, quote(world), port or "0",
    quote(log)))
  child.log = log
  return child
end

-- A request is answered when the files of all numbers are there that the number in its
-- path is greater than.
local GATED = [[
local gates = { %s }
return { ["http://127.0.0.1"] = function(request)
  local number = tonumber(request.path:match "%%d+$")
  for most, gate in pairs(gates) do
    while number > most and not io.open(gate) do require("lull").sleep(0.01) end
  end
  return { status = 200, delay = 0.01 }
end }
]]

---Serves paths that end with a number; `server:open(NUMBER)` is waited for with those
---that are greater than one of these. Only what is answered is in its log.
---@param ... integer
function M.gated_server(...)
  local gates, list = {}, {}
  for i, number in ipairs { ... } do
    gates[number] = M.path()
    list[i] = ("[%d] = %q"):format(number, gates[number])
  end
  local server = M.server(GATED:format(table.concat(list, ", ")))
  function server.open(_, number) M.touch(gates[number]) end
  return server
end

---Serves TLS, and HTTP/2 with answers in this order (see tls_server.lua).
---@param answers string?
function M.tls_server(answers)
  local dir = M.path ".tls"
  os.execute("mkdir " .. quote(dir))
  local child = serve(("%s tests/tls_server.lua %s %s"):format(LUA, quote(dir), answers or ""))
  child.log, child.ca = dir .. "/log", dir .. "/ca.pem"
  child.tls = "https://127.0.0.1:" .. child.ports[1]
  child.cut = "https://127.0.0.1:" .. child.ports[2]
  child.h2c = "http://127.0.0.1:" .. child.ports[3]
  child.hang_up = "https://127.0.0.1:" .. child.ports[4]
  return child
end

---Answers each connection's request with these bytes, the last ones for ever.
---@param ... string
function M.raw_server(...)
  local files = {}
  for i, bytes in ipairs { ... } do files[i] = quote(M.write(bytes)) end
  return serve(("%s tests/raw_server.lua %s"):format(LUA, table.concat(files, " ")))
end

---The same over TLS, once: `ending` is "notify", "none" or "demand" (see
---raw_server.lua).
function M.raw_tls_server(ending, bytes)
  local dir = M.path ".raw"
  os.execute("mkdir " .. quote(dir))
  local child = serve(("%s tests/raw_server.lua --tls %s %s %s"):format(LUA, quote(dir), ending, quote(M.write(bytes))))
  child.url, child.ca = child.url:gsub("^http", "https"), dir .. "/ca.pem"
  return child
end

---Serves connections that end (see closing_server.lua).
---@param protocol "clear"|"tls"|"h2"
---@param endings string
function M.closing_server(protocol, endings)
  local dir = M.path ".closing"
  os.execute("mkdir " .. quote(dir))
  local child = serve(("%s tests/closing_server.lua %s %s %s"):format(LUA, quote(dir), protocol, endings))
  child.log, child.ca = dir .. "/log", dir .. "/ca.pem"
  if protocol ~= "clear" then child.url = child.url:gsub("^http", "https") end
  ---Lets the nth connection, which is idle, end; waits until it has.
  function child.finish_idle(_, n)
    M.touch(dir .. "/" .. n)
    M.eventually(function()
      for _, record in ipairs(M.json_lines(child.log)) do
        if record.closed and record.connection == n then return true end
      end
    end, "the connection did not end")
  end
  ---How many requests came.
  function child.count()
    local n = 0
    for _, record in ipairs(M.json_lines(child.log)) do n = record.request or n end
    return n
  end
  return child
end

---Stands before a Redis, and refuses scripts or loses answers (see redis_proxy.lua).
---@param redis table
function M.redis_proxy(redis, first, number, words)
  local child = serve(("%s tests/redis_proxy.lua %d %d %d %s"):format(LUA, redis.port, first, number, quote(words)))
  child.url = ("redis://127.0.0.1:%s/0/"):format(child.ports[1])
  return child
end

-- A port that nobody has now.
local function free_port()
  local bound = assert(socket.tcp4())
  assert(bound:bind("127.0.0.1", 0))
  local _, port = bound:getsockname()
  bound:close()
  return port
end

M.free_port = free_port

-- Debian's redis-tools have the server, too, under another name, and begin no
-- service of their own.
local FIND_REDIS = "command -v redis-server || command -v redis-check-rdb"

---True when there is a Redis to be started.
function M.has_redis() return line_of(FIND_REDIS) ~= nil end

local Redis = {}
Redis.__index = Redis

-- Runs a command, and gives all that it says.
local function hear(self, command)
  local socket_ = assert(socket.tcp4())
  socket_:settimeout(PATIENCE)
  if not socket_:connect("127.0.0.1", self.port) then
    socket_:close()
    return nil
  end
  if self.password then
    socket_:send(("AUTH %s\r\n"):format(self.password))
    socket_:receive "*l"
  end
  socket_:send(command .. "\r\n")
  local line = socket_:receive "*l"
  local size = line and line:match "^%$(%d+)"
  if size then line = socket_:receive(tonumber(size)) end
  socket_:close()
  return line
end

---Runs a command, and gives its first line.
function Redis:ask(command)
  local said = hear(self, command)
  return said and said:match "^[^\r\n]*"
end

-- One that has ended, and was not waited for, has its number still.
local function has_ended(pid)
  local status = M.read("/proc/" .. pid .. "/status")
  if not status then return M.read "/proc/self/status" ~= nil end -- not each system has it
  return status:find "\nState:%s*Z" ~= nil
end

-- Whether it is this one that answers at its port; nil: nobody does yet.
local function is_up(self, loading)
  local pid = (hear(self, "INFO server") or ""):match "process_id:(%d+)"
  if pid and pid ~= self.child.pid or not pid and has_ended(self.child.pid) then return false end
  return pid and (loading or not self:ask "PING":find "^-LOADING") and true or nil
end

---Starts it, in its own folder, on its port; waits until it answers, and unless
---`loading` until it has read its file. False when another has the port.
---@param loading boolean?
function Redis:start(loading)
  self.child = M.start(("%s/redis-server --port %d --bind 127.0.0.1 --dir %s --save '' --logfile log %s"):format(
    quote(self.folder), self.port, quote(self.folder), self.options))
  local up
  M.eventually(function()
    up = is_up(self, loading)
    return up ~= nil
  end, "redis-server does not answer")
  return up
end

---Ends it as a crash would.
function Redis:kill() self.child:stop() end

---A redis-server with a folder of its own; an append-only file unless `options`
---say otherwise.
---@param options string?
function M.redis(options, password)
  local folder = M.path ".redis"
  os.execute(("mkdir %s && ln -s $(%s) %s/redis-server"):format(quote(folder), FIND_REDIS, quote(folder)))
  local redis = setmetatable({ folder = folder, password = password, options = options or "--appendonly yes" }, Redis)
  for _ = 1, 5 do
    redis.port = free_port()
    redis.url = ("redis://127.0.0.1:%d/0/"):format(redis.port)
    if redis:start() then return redis end
    redis.child:finish()
  end
  error "redis-server does not start"
end

---A port where every connection is refused, for as long as the socket lives.
function M.refusing()
  local bound = assert(socket.tcp4())
  assert(bound:bind("127.0.0.1", 0))
  local _, port = bound:getsockname()
  return ("http://127.0.0.1:%d"):format(port), bound
end

---A port that leaves every connection unanswered: its queue of connections
---is full, and nobody takes one out.
---@param address string? on loopback
---@param at integer|string|nil the port; a free one
---@return string url
---@return table sockets that keep it so, for as long as they live
function M.silent(address, at)
  address = address or "127.0.0.1"
  local listener = assert(socket.tcp4())
  assert(listener:bind(address, tonumber(at or 0)))
  assert(listener:listen(0))
  local _, port = listener:getsockname()
  local held = { listener }
  for i = 2, 4 do
    held[i] = socket.tcp4()
    held[i]:settimeout(0)
    held[i]:connect(address, port)
  end
  return ("http://%s:%d"):format(address, port), held
end

-- ---- lull over real sockets ----------------------------------------------

---Runs `fn(lull)` as a script in the real world, as support.sim does in the
---simulated one; gives the verdicts.
---@param fn function
---@return table[] verdicts
function M.real(fn)
  local lull = require("tests.support").fresh()
  local sched = require "lull.sched"
  local engine, verdicts = sched.engine(), {}
  engine:trace(true)
  sched.on("verdict", function(_, details) verdicts[#verdicts + 1] = details end)
  local ok, err = sched.main(fn, lull)
  local live = engine:live()
  engine:close()
  if not ok then error(err, 0) end
  assert(live == 0, "the engine still holds something")
  return verdicts
end

-- What two runs of a scenario must agree on, one line a verdict.
local function story(verdicts)
  local lines = {}
  for i, v in ipairs(verdicts) do
    lines[i] = ("%s %s #%d %s%s -> %s %s sent=%s maybe_applied=%s"):format(v.method, v.url:match "//[^/]*(.*)$",
      v.n, v.status or v.class, v.body_error and " " .. v.body_error or "", v.verdict, v.why or v.source or "",
      tostring(v.sent), tostring(v.maybe_applied))
  end
  return lines
end

local compile = loadstring or load -- luacheck: ignore

---The same scenario in simulation and over the wire.
---@param world string a world's source text
---@param scenario fun(lull: table, base: string)
---@return string[] simulated, string[] real the stories, to be compared
---@return wire.child server, table[] verdicts of the real run
function M.both(world, scenario)
  local simulated = require("tests.support").sim(compile(world)(), function(lull)
    scenario(lull, "http://api.test")
  end)
  local server = M.server(world)
  local real = M.real(function(lull) scenario(lull, server.url) end)
  return story(simulated.verdicts), story(real), server, real
end

-- ---- memory --------------------------------------------------------------

local function peak()
  local status = M.read "/proc/self/status"
  return status and tonumber(status:match "VmHWM:%s*(%d+)")
end

---How much higher this process's memory was during `fn` than before it, in
---KiB; 0 where the system does not tell.
function M.growth(fn)
  collectgarbage()
  collectgarbage()
  local reset = io.open("/proc/self/clear_refs", "w")
  if reset then
    reset:write "5"
    reset:close()
  end
  local before = peak()
  fn()
  return before and peak() - before or 0
end

return M
