-- support: what the specs share: a fresh lull in a simulated world, and
-- servers on loopback.

local M = {}

-- All of lull's Lua files anew; the core stays.
local function fresh()
  for name in pairs(package.loaded) do
    if (name == "lull" or name:match("^lull%.")) and name ~= "lull.core" and name ~= "lull.unit" then
      package.loaded[name] = nil
    end
  end
  return require "lull"
end
M.fresh = fresh

---Runs `fn(lull)` as a script in a simulated world; gives a transcript:
---ok, err, requests (as the servers saw them), verdicts, now (virtual s).
---@param servers table origin -> function, or one function for all of http://api.test
---@param fn function
---@param options { seed: integer? }?
function M.sim(servers, fn, options)
  if type(servers) == "function" then servers = { ["http://api.test"] = servers } end
  local lull = fresh()
  local sched, simulate = require "lull.sched", require "lull.sim.simulate"
  local transcript = { requests = {}, verdicts = {}, lines = {} }
  local watched = {}
  for origin, server in pairs(servers) do
    watched[origin] = type(server) ~= "function" and server or function(request, n)
      table.insert(transcript.requests, request)
      return server(request, n)
    end
  end
  local restore, problem = simulate.install(watched, options and options.seed or 1)
  if not restore then error(problem, 0) end
  local engine = sched.engine()
  engine:trace(true)
  sched.on("verdict", function(id, details)
    table.insert(transcript.verdicts, details)
    table.insert(transcript.lines, require("lull.trace").line(id, details, 0))
  end)
  local ok, err = sched.main(fn, lull)
  restore()
  transcript.ok, transcript.err, transcript.now = ok, err, engine:now()
  transcript.live = engine:live()
  engine:close()
  if not ok and not (options and options.may_fail) then
    if type(err) == "table" and rawget(err, "message") then error(err, 0) end
    error(tostring(err), 0)
  end
  return transcript
end

---Runs `fn(lull)` outside of every task, as a plain program that requires
---lull does, in a simulated world of one server; gives how many calls and
---sleeps were left behind.
function M.outside(server, fn)
  local lull = fresh()
  local sched, simulate = require "lull.sched", require "lull.sim.simulate"
  local restore = assert(simulate.install({ ["http://api.test"] = server }, 1))
  local engine = sched.engine()
  local ok, err = pcall(fn, lull)
  local live = engine:live()
  restore()
  engine:close()
  if not ok then error(err, 0) end
  return live
end

---The line of this place in the calling file, as an error tells it.
---@param down integer? so many lines below
function M.line(down)
  local info = debug.getinfo(2, "Sl")
  return ("%s:%d: "):format(info.short_src, info.currentline + (down or 0))
end

---Park and Miller's generator: the same numbers on every Lua.
function M.generator(seed)
  local state = seed
  return function(lo, hi)
    state = (state * 16807) % 2147483647
    return lo + state % (hi - lo + 1)
  end
end

---The same, as whole numbers below n.
function M.below(seed)
  local draw = M.generator(seed)
  return function(n) return draw(0, n - 1) end
end

---Which C functions a task may not wait inside of.
M.pcall_yields = coroutine.wrap(function()
  return pcall(coroutine.yield, "yielded")
end)() == "yielded"

---A server that gives these answers in their order: a status, a fault, or a
---list { status, headers, body }. One request too many is an error.
function M.replies(list)
  local i = 0
  return function()
    i = i + 1
    local reply = list[i]
    assert(reply, "one request more than there are replies")
    if type(reply) == "table" and reply[1] then return reply[1], reply[2], reply[3] end
    return reply
  end
end

---True when `value` lies in [lo, hi].
function M.within(value, lo, hi)
  return value >= lo and value <= hi
end

return M
