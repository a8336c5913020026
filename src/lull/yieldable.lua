-- yieldable: may the code that runs now wait, and what is said when it may not.

local usage = require "lull.usage"

local M = {}
usage.own()

-- Tasks are plain coroutines. OpenResty puts functions of its own in the place
-- of Lua's, which come back by way of its scheduler, and keeps Lua's so.
---@param name string of a function of the coroutine library
function M.native(name) return coroutine["_" .. name] or coroutine[name] end

local running, yield, resume = coroutine.running, M.native "yield", M.native "resume"
local create, status = M.native "create", M.native "status"

local FOREIGN = "lull cannot wait inside a coroutine that it does not know: "
  .. "use lull.spawn or lull.each instead of coroutine.wrap or "
  .. "coroutine.create, or fetch before the coroutine is made"
local HOST = "lull cannot wait inside a coroutine that it does not know: "
  .. "use lull.spawn or lull.each instead of one's own; where a host runs all code "
  .. "in coroutines, as OpenResty does, spawn a task and call lull.step until it has ended"
local WITHIN = "lull cannot wait in a callback of the host that runs inside a task; "
  .. "start a task there with lull.spawn"
local BOUNDARY = "lull cannot wait here: Lua does not let a task sleep inside "
  .. "table.sort, string.gsub, require, or a metamethod or iterator called "
  .. "from C%s. Do the waiting before or after, or collect the values first"
local PCALL = ", or inside any metamethod or iterator, pcall, xpcall and dofile "
  .. "(use lull.try instead of pcall)"

local function pcall_yields()
  local co = create(function() pcall(yield) end)
  resume(co)
  return status(co) == "suspended"
end

-- C functions that a yield may pass through.
local yieldable_c = {}
if pcall_yields() then
  for _, fn in ipairs { pcall, xpcall, dofile } do yieldable_c[fn] = true end
end
M.pcall_yields = next(yieldable_c) ~= nil

-- Without coroutine.isyieldable the stack tells: a C function between the
-- task and here, other than those that let a yield through; and on 5.1 an
-- iterator. A metamethod on 5.1 does not show.
local function stack_yields()
  local level = 3
  local info = debug.getinfo(level, "Sfn")
  while info do
    if info.what == "C" and not yieldable_c[info.func] then return false end
    if info.name == "(for generator)" and not M.pcall_yields then return false end
    level = level + 1
    info = debug.getinfo(level, "Sfn")
  end
  return true
end

local isyieldable = coroutine.isyieldable or stack_yields

local function boundary() return BOUNDARY:format(M.pcall_yields and "" or PCALL) end

---Raises, at the caller's line, when this code cannot wait. To be tail-called:
---the stack that is looked at begins with the caller.
---@param current lull.task? the one that runs now
function M.check(current)
  local co, main = running()
  if co == nil or main then
    if current then usage.fail(WITHIN) end
    return
  end
  if not current then usage.fail(HOST) end
  if current.co ~= co then usage.fail(FOREIGN) end
  if not isyieldable() then
    usage.fail(boundary())
  end
  if current.cancelled then error(current.cancelled, 0) end
end

---The error of a yield that Lua refused after all, in words of ours.
---@param err any
function M.reworded(err)
  return type(err) == "string"
    and err:gsub("attempt to yield across [%a/-]+ boundary", boundary) or err
end

return M
