-- shared: lanes that several processes have, by a Redis: one limit is one for
-- all of them, and a pause of one is a pause of all. The scripts of `lanescript`
-- decide that; the engine asks for it.

local exit = require "lull.exit"
local lanescript = require "lull.lanescript"
local patience = require "lull.patience"
local redis = require "lull.redis"
local sched = require "lull.sched"
local usage = require "lull.usage"

local M = {}
usage.own()

-- s of a lease at the least: who hears nothing of its server notices that, and sends
-- no more, well before the others take what it has.
local LEASE = 20

local now -- the lanes that are shared: path, store, shown

-- What is wrong is a sentence, and no error of the script's.
local Problem = { __tostring = function(self) return self.message end }

local function problem_of(problem, passing)
  return setmetatable({ message = problem, why = "lanes", later = passing or nil }, Problem)
end

local function open(path)
  local options = redis.read(path, "lanes")
  options.join, options.step, options.assume_durable = lanescript.JOIN, lanescript.STEP, true
  options.lease = math.max(options.lease or 30, LEASE)
  options.channel = ("{lull:%s}:lanes"):format(options.name)
  local store, problem, passing = patience.open(options)
  if not store then error(problem_of(problem, passing), 0) end
  return { store = store, path = path, shown = options.shown }
end

-- What is not used goes back at once.
local function close()
  if not now or now.closed then return end
  sched.engine():share(nil)
  now.closed = true
  patience.close(now.store)
end

---What is wrong with the store may pass: another run may do.
function M.passing() return now ~= nil and not now.closed and now.store:passing() end

---Whether the lanes of a client with these settings are.
---@param settings table
function M.has(settings)
  if not now or now.closed or settings.lanes == false then return false end
  return settings.lanes ~= nil or now.all
end

-- Others do so, too, or have what they had while they can ask.
local function go_alone(why)
  exit.complain(("%s; until it is back this process keeps to its part of each limit"):format(why))
end

---Lanes are shared at that server from now on: those of clients that say so, or
---with `all` those of all that do not say otherwise.
---@param path string a URL
---@param all boolean?
function M.use(path, all)
  if sched.memory_store and not sched.server then return end
  if now and now.path ~= path then
    usage.fail(("lanes are shared at one server: '%s' is in use, and '%s' is another one"):format(now.shown,
      redis.shown(path)))
  end
  if now then return end
  now = open(path)
  now.all, now.goes_on = all or false, sched.store_loss_local
  sched.engine():share(now.store, all or false, sched.store_loss_local or false)
  if not all then
    sched.on("store", function(_, problem) sched.abort(problem_of(problem, M.passing())) end)
  end
  sched.at_end = close
  if sched.store_loss_local then return patience.watch(now, go_alone, 0) end
  patience.watch(now, function(why) sched.abort(problem_of(why, true)) end)
end

return M
