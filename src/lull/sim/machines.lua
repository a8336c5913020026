-- machines: several simulated machines, each with a lull and an engine of its own, by
-- one clock: who has something to do now does it, then all go on to what is next.

local M = {}

local function micro(seconds) return math.floor(seconds * 1e6 + 0.5) end

-- Lets the machine go on until then; what it does now it does first.
local function go_on(machine, target)
  local sched, engine = machine.sched, machine.engine
  repeat
    local left = math.max(0, target - micro(engine:now()))
    machine.live = sched.step(left / 1e6)
  until not machine.live or micro(engine:now()) >= target
end

-- Until when none of them has anything to do.
local function next_time(list, now)
  local soonest
  for _, machine in ipairs(list) do
    local patience = machine.live and machine.sched.timeout()
    local at = patience and now + micro(patience)
    if at and machine.off then at = math.min(at, micro(machine.off)) end
    if at then soonest = math.min(soonest or at, at) end
  end
  return soonest
end

-- What it does until then, and whether it goes on; one that is switched off gives nothing
-- back.
local function turn(machine, now)
  if machine.off and now >= micro(machine.off) then
    machine.live = false
    return machine.sched.server.cut "switched off"
  end
  go_on(machine, now)
end

---Runs `start(machine)`'s function on each, with what it gives besides, until all have
---ended. `err` of a machine is what it failed with.
---@param list table[] machines: sched, engine; off: when it is switched off (s)
---@param within fun(machine: table, fn: function): boolean, any calls it as if alone
---@param start fun(machine: table): function, ...
---@param ended fun(machine: table) is called in its turn
function M.run(list, within, start, ended)
  local function finish(machine, err)
    machine.live = false
    machine.err = err or machine.root.done and machine.root.failed and machine.root.traceback or nil
    local ok, wrong = within(machine, function()
      if machine.sched.at_end then machine.sched.at_end() end
      ended(machine)
    end)
    if not ok then machine.err = machine.err or wrong end
  end
  for _, machine in ipairs(list) do
    within(machine, function()
      machine.sched.in_main, machine.live = true, true
      machine.root = machine.sched.spawn(start(machine))
      machine.root.name, machine.root.seen = "the script", true
    end)
  end
  local now = 0
  while now do
    for _, machine in ipairs(list) do
      if machine.live then
        local ok, err = within(machine, function() turn(machine, now) end)
        if not ok or not machine.live then finish(machine, not ok and err or nil) end
      end
    end
    now = next_time(list, now)
  end
end

return M
