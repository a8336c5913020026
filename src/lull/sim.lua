-- sim: a script, unchanged, against simulated servers in virtual time, from a
-- test: hours pass in milliseconds, and the same seed gives the same run.
--
-- A run has a lull of its own (its modules are loaded anew and given back
-- afterwards), so that it may be called from a program that uses lull. What
-- Lua modules it loads besides are its own, too: they hold its lull.

---@type lull.sim
local M = {}

local OPTIONS = { script = true, args = true, world = true, seed = true, chaos = true, journal = true, time = true,
  redis = true, machines = true, off = true }

-- Standard output, kept instead of shown.
local function capture()
  local parts, saved = {}, { print = print, write = io.write, stdout = io.stdout }
  local stdout = {}
  function stdout.write(self, ...)
    for i = 1, select("#", ...) do parts[#parts + 1] = tostring((select(i, ...))) end
    return self
  end
  function stdout.flush() return true end
  function stdout.setvbuf() return true end
  print = function(...) -- luacheck: ignore
    for i = 1, select("#", ...) do
      parts[#parts + 1] = (i > 1 and "\t" or "") .. tostring((select(i, ...)))
    end
    parts[#parts + 1] = "\n"
  end
  io.write = function(...) stdout:write(...) return stdout end -- luacheck: ignore
  io.stdout = stdout -- luacheck: ignore
  return function()
    print, io.write, io.stdout = saved.print, saved.write, saved.stdout -- luacheck: ignore
    return table.concat(parts)
  end
end

local function is_own(name)
  return (name == "lull" or name:find "^lull%.") and name ~= "lull.core" and name ~= "lull.unit"
end

-- Takes lull's Lua modules out of package.loaded, and gives them.
local function unload()
  local modules = {}
  for name, module in pairs(package.loaded) do
    if is_own(name) then modules[name] = module end
  end
  for name in pairs(modules) do package.loaded[name] = nil end
  return modules
end

-- True when `require` finds that module as a Lua file.
local function is_lua(name)
  local path = name:gsub("%.", "/")
  for template in package.path:gmatch "[^;]+" do
    local file = io.open((template:gsub("%?", function() return path end)))
    if file then return file:close() end
  end
end

-- Takes out what was not there before.
local function unload_since(before)
  for name in pairs(package.loaded) do
    if not before[name] and is_lua(name) then package.loaded[name] = nil end
  end
end

local SEARCHERS = package.searchers or package.loaders -- luacheck: ignore
local find_file = SEARCHERS[2]
local compiled = {} -- name -> its chunk, and where that was found

-- A searcher that compiles each of lull's modules once: its chunk, called again, makes
-- a module of its own. Compiling them was three quarters of a run.
local function search(name)
  if not is_own(name) then return nil end
  if not compiled[name] then
    local chunk, where = find_file(name)
    if type(chunk) ~= "function" then return chunk end
    compiled[name] = { chunk, where }
  end
  return compiled[name][1], compiled[name][2]
end

local function stop_searching()
  for i, searcher in ipairs(SEARCHERS) do
    if searcher == search then return table.remove(SEARCHERS, i) end
  end
end

-- lull's Lua modules anew; the function that is returned puts the old ones
-- back.
local function fresh()
  local saved, before = unload(), {}
  for name in pairs(package.loaded) do before[name] = true end
  table.insert(SEARCHERS, 2, search)
  return function()
    stop_searching()
    unload()
    unload_since(before)
    for name, module in pairs(saved) do package.loaded[name] = module end
  end
end

-- ---- replies -------------------------------------------------------------

local Replies = {}
Replies.__index = Replies
local FIELDS = { body = true, delay = true, cut = true, stall = true, drip = true }

-- Adds headers by name, or a list of pairs.
local function add_headers(headers, more)
  if type(more) ~= "table" then error("a reply's headers are a table, not a " .. type(more), 0) end
  for name, value in pairs(more) do
    headers[type(name) == "number" and #headers + 1 or name] = value
  end
end

-- What a reply's field is: headers of their own, part of the answer, or a header.
local function add_field(answer, name, value)
  if name == 1 then
    answer[type(value) == "number" and "status" or "fault"] = value
  elseif name == 2 or name == "headers" then
    add_headers(answer.headers, value)
  elseif name == 3 then
    answer.body = value
  elseif FIELDS[name] then
    answer[name] = value
  else
    answer.headers[name] = value
  end
end

local function answer_of(item)
  if type(item) ~= "table" then return item end
  if item.status or item.fault then return item end
  local answer = { headers = {} }
  for name, value in pairs(item) do add_field(answer, name, value) end
  return answer
end

Replies.__call = function(self, request)
  self.asked = self.asked + 1
  local item = self.list[self.asked]
  if item == nil then
    error(("request %d (%s %s), and there are only %d replies"):format(self.asked,
      request.method, request.path, #self.list), 0)
  end
  return answer_of(item)
end

function M.replies(list)
  return setmetatable({ list = list, asked = 0 }, Replies)
end

local function unasked(server)
  if getmetatable(server) ~= Replies or server.asked >= #server.list then return nil end
  return ("only %d of %d replies were asked for"):format(server.asked, #server.list)
end

-- ---- a run ---------------------------------------------------------------

-- Servers by origin, each noting what it sees: the requests of all machines.
local function watched(world, requests)
  if type(world) == "string" then
    world = assert(loadfile(world))()
  elseif type(world) == "function" or getmetatable(world) == Replies then
    world = { ["*"] = world }
  end
  if type(world) ~= "table" then error("a world is a table of servers, not a " .. type(world), 0) end
  local servers, counts = {}, {}
  for origin, server in pairs(world) do
    local callable = type(server) == "function" or getmetatable(server) == Replies
    servers[origin] = callable and function(request)
      requests[#requests + 1] = request
      counts[origin], request.machine = (counts[origin] or 0) + 1, requests.machine
      return server(request, counts[origin])
    end or server
  end
  return servers, world
end

local function note_verdicts(transcript, engine, sched, mark)
  local trace = require "lull.trace"
  local since = engine:now()
  engine:trace(true)
  require("lull.client").observe("started", trace.number)
  sched.on("verdict", function(id, d)
    transcript.verdicts[#transcript.verdicts + 1] = { outcome = d.status or d.class or "cancelled",
      verdict = d.verdict, wait = d.wait, source = d.source, why = d.why, n = d.n,
      method = d.method, url = d.url, at = d.now - since, chaos = d.chaos }
    transcript.waited = transcript.waited + d.wait
    transcript.lines[#transcript.lines + 1] = mark .. trace.line(id, d, since)
  end)
end

local function chunk_of(script)
  if type(script) == "function" then return script end
  local chunk, problem = loadfile(script)
  if not chunk then error(problem, 0) end
  return chunk
end

local function text_of(transcript)
  return ("%s--- output\n%s--- exit %d after %.3f s\n"):format(
    table.concat(transcript.lines, "\n") .. (transcript.lines[1] and "\n" or ""),
    transcript.output, transcript.code, transcript.elapsed)
end

---A journal for runs, which each go on where the one before ended.
function M.journal() return require("lull.core").memory_store() end

---What stands for a Redis, for runs that share what is in it.
---@param latency number? seconds that it takes to answer; 1 ms
function M.redis(latency) return require("lull.sim.redis").new(latency) end

local unpack = table.unpack or unpack -- luacheck: ignore

-- One machine, with modules of its own, in a simulated world.
local function equip(o, transcript, servers, number, redis)
  local sched, simulate = require "lull.sched", require "lull.sim.simulate"
  local restore, problem = simulate.install(servers, (o.seed or 0) + number - 1, o.time, redis, number)
  if not restore then error(problem, 0) end
  if o.journal then
    local is_named = type(o.journal) == "string"
    sched.journal = is_named and o.journal or "the journal"
    sched.memory_store = is_named and sched.memory_store or o.journal
    require "lull" -- whose modules are the journal's, too
    require "lull.lazy" "lull.batch.journal".await()
  end
  local engine = sched.engine()
  if o.chaos then
    local ok, wrong = require("lull.sim.chaos").install(o.chaos)
    if not ok then error(wrong, 0) end
  end
  note_verdicts(transcript, engine, sched, o.machines and ("[%d] "):format(number) or "")
  return { number = number, sched = sched, simulate = simulate, engine = engine, restore = restore,
    code_of = require("lull.exit").code_of }
end

-- What it keeps is closed.
local function dismantle(machine)
  if package.loaded["lull.batch.journal"] then require("lull.batch.journal").close() end
  machine.elapsed = machine.engine:now()
  machine.engine:close()
end

-- Runs the script on all machines, whose modules are loaded when it is their turn.
local function run_all(o, transcript, servers)
  local machines = require "lull.sim.machines"
  local list, chunks, redis = {}, {}, o.redis or M.redis()
  for i = 1, o.machines do
    chunks[i] = chunk_of(o.script)
    list[i] = equip(o, transcript, servers, i, redis)
    list[i].restore()
    list[i].off = o.off and o.off[i]
    list[i].modules = unload()
  end
  local function within(machine, fn)
    local others = unload()
    for name, module in pairs(machine.modules) do package.loaded[name] = module end
    transcript.requests.machine = machine.number
    local restore = machine.simulate.turn()
    local ok, err = pcall(fn)
    restore()
    machine.modules = unload()
    for name, module in pairs(others) do package.loaded[name] = module end
    return ok, err
  end
  machines.run(list, within, function(machine)
    return chunks[machine.number], unpack(o.args or {})
  end, dismantle)
  transcript.requests.machine = nil
  for _, machine in ipairs(list) do
    transcript.err = transcript.err or machine.err
    list[1].elapsed = math.max(list[1].elapsed, machine.elapsed)
  end
  transcript.ok = transcript.err == nil
  return list[1]
end

local function run_one(o, transcript, servers)
  local chunk, machine = chunk_of(o.script), equip(o, transcript, servers, 1, o.redis)
  transcript.ok, transcript.err = machine.sched.main(chunk, unpack(o.args or {}))
  return machine
end

-- The run itself, between fresh modules and the old ones.
local function run(o, transcript)
  local servers, world = watched(o.world, transcript.requests)
  local output, exit, args = capture(), os.exit, arg
  os.exit = function(code) require("lull.sched").exit(code == true and 0 or code or 0) end -- luacheck: ignore
  arg = { [0] = type(o.script) == "string" and o.script or "(function)", unpack(o.args or {}) } -- luacheck: ignore
  local ok, machine = pcall(o.machines and run_all or run_one, o, transcript, servers)
  os.exit, arg = exit, args -- luacheck: ignore
  if ok and not o.machines then
    machine.restore()
    dismantle(machine)
  end
  transcript.output = output()
  if not ok then error(machine, 0) end
  transcript.code = transcript.ok and 0 or machine.code_of(transcript.err)
  transcript.ok = transcript.code == 0
  transcript.elapsed = machine.elapsed
  transcript.text = text_of(transcript)
  if machine.simulate.problem then error(machine.simulate.problem, 0) end
  for _, server in pairs(world) do
    if type(server) == "table" and transcript.ok then
      local problem = unasked(server)
      if problem then error(problem, 0) end
    end
  end
end

function M.run(o)
  for name, value in pairs(o) do
    if not OPTIONS[name] then error(("sim.run has no option '%s'"):format(tostring(name)), 2) end
    if type(value) == "string" and value:find("%z") then error(("sim.run: %s holds a NUL"):format(name), 2) end
  end
  local count = o.machines
  if count and not (type(count) == "number" and count >= 1 and count % 1 == 0) then
    error("sim.run: machines is how many there are, from 1", 2)
  end
  if o.off and not count then error("sim.run: off is of several machines", 2) end
  local transcript = { requests = {}, verdicts = {}, lines = {}, waited = 0 }
  local back = fresh()
  local ok, err = pcall(run, o, transcript)
  back()
  if not ok then error(err, 2) end
  return transcript
end

return M
