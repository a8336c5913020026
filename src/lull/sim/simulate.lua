-- simulate: the simulated world: its servers answer in tasks of their own,
-- in virtual time.

local control = require "lull.control"
local core = require "lull.core"
local json = require "lull.json"
local outcome = require "lull.outcome"
local record = require "lull.sim.record"
local redis = require "lull.sim.redis"
local relay = require "lull.sim.relay"
local sched = require "lull.sched"
local answers = require "lull.sim.answer"
local world = require "lull.sim.world"

local M = {}

-- What a fault on the wire looks like to the client.
local CLASSES = { reset = "net.reset", close = "net.empty",
  garbage = "http.malformed" }

local NEVER_SENT = { ["net.dns"] = true, ["net.refused"] = true,
  ["net.unreachable"] = true, ["net.timeout.connect"] = true, ["net.proxy"] = true,
  ["tls.handshake"] = true, ["tls.cert"] = true }

-- The virtual clock begins here: 2026-01-01 00:00 UTC.
local EPOCH = 1767225600

local function raw_of(list)
  local parts = {}
  for i, field in ipairs(list or {}) do
    parts[i] = field[1] .. "\0" .. field[2] .. "\0"
  end
  return table.concat(parts)
end

local function body_of(details)
  if not details.file then return details.body or "" end
  local file = assert(io.open(details.file, "rb"))
  local body = file:read("*a")
  file:close()
  return body
end

-- As libcurl does: these tell also that there is no body.
local TELLS_NONE = { POST = true, PUT = true, PATCH = true }

local function headers_of(details, body)
  local list = outcome.header_list(details.headers or "")
  for _, field in ipairs(list) do
    local name = field[1]:lower()
    if name == "content-length" or name == "transfer-encoding" then return list end
  end
  if details.body or details.file or TELLS_NONE[details.method] then
    list[#list + 1] = { "content-length", tostring(#body) }
  end
  return list
end

-- What is wrong with the world ends the run: M.problem is the first of it.
local function wrong(problem)
  M.problem = M.problem or problem
  sched.abort(problem)
end

-- The head of an answer whose body takes its time comes by itself; true when
-- all of what is shown has come.
local function drip(id, details, answer, shown)
  local seconds = (answer.drip or 0) * #shown
  local head = { nth = details.nth, status = answer.status, headers = raw_of(answer.headers) }
  if seconds == 0 and not answer.stall then return true end
  sched.engine():arriving(id, head, answer.drip or 0)
  if seconds > 0 then sched.sleep(seconds) end
  if answer.stall then sched.engine():arriving(id, { nth = details.nth }) end
  return not answer.stall
end

-- Waits as the answer says, then gives it to the engine.
local function reply(id, details, answer)
  local shown = answer.body:sub(1, answer.cut or answer.stall or -1)
  if (answer.delay or 0) > 0 then sched.sleep(answer.delay) end
  if answer.fault == "hang" or not drip(id, details, answer, shown) then return end
  sched.engine():reply(id, { nth = details.nth, sent = not NEVER_SENT[answer.fault],
    class = CLASSES[answer.fault] or answer.fault or (answer.cut and "http.truncated") or nil,
    status = answer.status, headers = raw_of(answer.headers), body = shown })
end

local function serve(the_world, id, details)
  local origin, problem = the_world:by_url(details.url)
  if not origin then
    sched.engine():reply(id, { nth = details.nth, class = "net.dns" })
    error(problem, 0) -- told when the script has ended
  end
  local body = body_of(details)
  local request = world.request { method = details.method, url = details.url,
    headers = headers_of(details, body), body = body,
    connection = 1, time = sched.engine():now() }
  local answer
  answer, problem = the_world:answer(origin, request, control.try)
  if answer and answer.status and answer.status > 599 then
    answer, problem = nil, ("%s: a status above 599"):format(origin)
  end
  if not answer then
    sched.engine():reply(id, { nth = details.nth, status = 500, sent = true,
      body = tostring(problem) })
    wrong(problem)
  end
  reply(id, details, answer)
end

-- os.time and its like tell the world's time, and math.random draws from its
-- generator, so that the same seed gives the same run.
local function replacements(engine)
  local real_time, real_date = os.time, os.date
  local time, random = {}, {}
  function time.time(t)
    if t then return real_time(t) end
    return math.floor(engine:wall())
  end
  function time.date(format, t)
    return real_date(format or "%c", t or math.floor(engine:wall()))
  end
  function time.clock() return engine:now() end
  function random.randomseed() end
  function random.random(lo, hi)
    if not lo then return engine:random() end
    if not hi then lo, hi = 1, lo end
    if hi < lo then error("bad argument to 'random' (interval is empty)", 2) end
    local drawn = engine:random(lo, hi)
    return math.tointeger and math.tointeger(drawn) or drawn
  end
  return time, random
end

-- Replaces fields of a library; the function that is returned undoes it.
local function replace(library, fields)
  local old = {}
  for name, fn in pairs(fields) do
    old[name] = library[name]
    library[name] = fn
  end
  return function()
    for name, fn in pairs(old) do library[name] = fn end
  end
end

-- The world of a file, or nil and what is wrong with that.
local function load(path)
  local recording, other = record.is_recording(path)
  if other and not recording then
    return nil, ("%s is neither a world file nor what lull --record writes"):format(path)
  end
  if not recording then return world.load(path) end
  local servers, problem = record.world(path)
  if not servers then return nil, problem end
  return world.new(servers, path)
end

-- What is played may not harm what is real: a file that was there before is
-- none to be written to, and neither is a device.
local function keeper()
  local made = {}
  return function(path)
    local kind = core.place(path)
    if kind == "new" then made[path] = true end
    if made[path] or (kind ~= "file" and kind ~= "stream") then return nil end
    return path .. ": it is there already, and what is simulated writes to no real file"
  end
end

local time, random -- of this machine

---The clock and the generator of this machine are those of os and math from now on.
---@return function restore gives them their own back
function M.turn()
  local restore_os, restore_math = replace(os, time), replace(math, random)
  return function()
    restore_os()
    restore_math()
  end
end

---Runs everything against simulated servers from now on.
---@param source string|table a world file, or what one returns
---@param seed integer
---@param time number? the wall clock at the beginning, s since 1970
---@param server table? what stands for a Redis (see relay); a new one
---@param number integer? which of several machines this is
---@return function? restore gives os and math their own functions back
---@return string? problem one sentence
function M.install(source, seed, time_at_start, server, number)
  local engine = core.engine { sim = true, seed = seed, wall = time_at_start or EPOCH }
  sched.use(engine)
  sched.memory_store = core.memory_store()
  sched.server = relay.host(server or redis.new(), number or 1)
  json.in_order, answers.encode = true, json.encode
  sched.keeps = keeper()
  local the_world, problem
  if type(source) == "table" then
    the_world, problem = world.new(source, "the world")
  else
    the_world, problem = load(source)
  end
  if not the_world then return nil, problem end
  time, random = replacements(engine)
  sched.on("send", function(id, details)
    local task = sched.background(serve, the_world, id, details)
    task.name = "server of " .. details.url
  end)
  return M.turn()
end

return M
