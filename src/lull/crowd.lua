-- crowd: items of which each is one call, and nothing besides. What waits is no
-- task with a stack, but the call, and what its end is told with.

local progress = require "lull.lazy" "lull.progress"
local sched = require "lull.sched"
local tasks = require "lull.tasks"

local M = {}

local Crowd = {}
Crowd.__index = Crowd

-- So many are begun before the loop has its turn.
local BURST = 64

local MANY = 10000 -- beside whom little is to lie about that nobody needs

-- Lua's collector would wait until what there is has doubled. Lua 5.5 has
-- another name for it.
local function collect_early()
  pcall(collectgarbage, "setpause", 120)
end

function Crowd:joined(id, one, two, three)
  local slot = sched.attend(id, self)
  self.one[slot], self.two[slot], self.three[slot] = one, two, three
  self.left = self.left + 1
  if self.left == MANY then collect_early() end
end

-- The next item. Its call has begun; or it has come to its end without.
function Crowd:take(...)
  if (...) == nil then
    self.over = true
    return
  end
  self.sum.total = self.sum.total + 1
  if getmetatable(...) == tasks.Broken then return tasks.tally(self.sum, tasks.Broken, (...)) end
  local id, one, two, three = self.begin(...)
  if id then return self:joined(id, one, two, three) end
  tasks.tally(self.sum, one, two)
end

function Crowd:fill()
  for _ = 1, BURST do
    if self.over or self.left >= self.parallel then return end
    if sched.interrupted then self.over = true else self:take(self.source()) end
  end
  if self.queued then return end
  self.queued = true
  sched.later(self)
end

function Crowd:go_on()
  self:fill()
  if self.over and self.left == 0 then sched.wake(self.parent) end
end

-- The loop has come round.
function Crowd:turn()
  self.queued = false
  self:go_on()
end

-- A call has ended.
function Crowd:told(_, details, id)
  local slot = sched.slot(id)
  local one, two, three = self.one[slot], self.two[slot], self.three[slot]
  self.one[slot], self.two[slot], self.three[slot] = nil, nil, nil
  self.left = self.left - 1
  tasks.tally(self.sum, self.ended(details, one, two, three))
  self:go_on()
end

---Does a call for each item; waits for all, and gives the summary of `each`.
---@param source function gives the next item's values, nil at the end
---@param parallel integer so many are under way at once
---@param begin function of an item's values: the id of its call, and up to three
---values, all that is kept of it; or nil and what a function of `each` gives of one
---@param ended function of a call's last event and those values: the same
function M.run(source, parallel, begin, ended)
  local self = setmetatable({ source = source, parallel = parallel, begin = begin, ended = ended,
    sum = tasks.summary(), parent = sched.current(), left = 0, one = {}, two = {}, three = {} }, Crowd)
  progress.begin(self.sum, source, self)
  self:fill()
  sched.hold(function() return self.over and self.left == 0 end, "each")
  return tasks.conclude(self.sum)
end

return M
