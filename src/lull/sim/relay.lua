-- relay: a store that several processes share, in a simulated world: the scripts that
-- a Redis would run are run by what stands for it, in virtual time.
--
-- That server has `run(self, script, now, argv)`, which gives what the script says, or
-- nil and why this process ends here; `now` is the world's clock (us). It may have a
-- `latency`, in seconds, and `hears`: a store -> what is called with all that is said:
-- when (us), on which channel, and what.

local core = require "lull.core"
local sched = require "lull.sched"

local M = {}

-- Runs the script that is under way, if there is one; gives why nothing more is kept.
local function run(relay)
  local argv, store = relay.argv, relay.store
  relay.argv = nil
  if not argv then return nil end
  local now = math.floor(sched.engine():wall() * 1e6)
  local said, why = relay.server:run(relay.options[argv.join and "join" or "step"], now, argv)
  if said then return store:said(said) end
  store:fail(why)
  return why
end

local function take(relay)
  local argv, join = relay.store:script()
  if not argv then return nil end
  if join then argv[#argv + 1] = "simulated " .. relay.number end
  argv.join = join
  relay.argv = argv
  return argv
end

local function serve(relay)
  if relay.argv or not take(relay) then return end
  local latency = relay.server.latency or 0
  if latency == 0 then return run(relay) end
  sched.background(function()
    sched.sleep(latency)
    run(relay)
  end)
end

-- A lease that nothing else renews.
local function renew(relay)
  sched.background(function()
    while not relay.closed do
      sched.sleep(relay.options.lease / 3)
      if not relay.closed then relay.store:renew() end
    end
  end)
end

-- Hears what is said on the channel, when it is said: another machine's clock may be
-- ahead by then.
local function hearer(relay, channel)
  return function(at, said_on, text)
    if said_on ~= channel then return end
    local left = at / 1e6 - sched.engine():wall()
    if left <= 0 then return relay.store:heard(channel, text) end
    sched.background(function()
      sched.sleep(left)
      if not relay.closed then relay.store:heard(channel, text) end
    end)
  end
end

-- The store, which has joined; or nil and a sentence.
local function open(relays, server, number, options)
  options.relay, options.lease = true, options.lease or 30
  local store, problem = core.store(sched.engine(), options)
  if not store then return nil, problem end
  local relay = { store = store, server = server, options = options, number = number }
  take(relay)
  problem = run(relay)
  if problem then
    store:close()
    return nil, problem
  end
  relays[#relays + 1], relays[store] = relay, relay
  if options.channel and server.hears then server.hears[store] = hearer(relay, options.channel) end
  renew(relay)
  return store
end

-- What was written is kept, and what it has goes back; then it is closed.
local function close(relay)
  local store, hears = relay.store, relay.server.hears
  relay.closed = true
  if store:durable(0) then -- it has no problem
    store:order("X", 0)
    repeat run(relay) until not take(relay)
  end
  if hears then hears[store] = nil end
  store:close()
end

---What opens and closes the stores of a simulated machine, at that server.
---@param server table
---@param number integer of this machine
function M.host(server, number)
  local relays = {}
  sched.on("script", function()
    for _, relay in ipairs(relays) do
      if not relay.closed then serve(relay) end
    end
  end)
  return {
    open = function(options) return open(relays, server, number, options) end,
    close = function(store) close(relays[store]) end,
    ---The process has ended as by a kill: nothing goes back.
    cut = function(why)
      for _, relay in ipairs(relays) do
        if not relay.closed then relay.store:fail(why) end
      end
    end,
  }
end

return M
