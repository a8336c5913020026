-- weights: what a call weighs in the rates of its client that count more than
-- requests, such as the tokens of an account: said when the call is made, and
-- put right when an answer tells.

local shared = require "lull.lazy" "lull.shared"
local sched = require "lull.sched"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

local function whole(value, name)
  if type(value) ~= "number" or not (value >= 0 and value < 2 ^ 32) then
    usage.fail(("%s is a number from 0 up, not %s"):format(name, tostring(value)))
  end
  return math.ceil(value)
end

local function weigh(one, request)
  local weight = one.fn(request)
  return weight == nil and 0 or usage.at(one.fn, whole, weight, ("what '%s' weighs"):format(one.name))
end

---What a call weighs by name; or nil, and why no window will ever have room for it.
---@param settings table the client's
---@param request lull.weighed_request
function M.of(settings, request)
  if shared.has(settings) then
    usage.fail(("limit['%s']: what calls weigh is not shared with other processes; say lanes = false, and "
      .. "give each of them its part"):format(settings.limit.weighed[1].name))
  end
  local weights = {}
  for _, one in ipairs(settings.limit.weighed) do
    local weight = weigh(one, request)
    if weight > one.most then
      return nil, ("it weighs %.0f, and '%s' has room for %.0f"):format(weight, one.name, one.most)
    end
    weights[one.name] = weight
  end
  return weights
end

local function named(list, name)
  local names = {}
  for _, one in ipairs(list) do names[one.name] = true end
  if name == nil and #list == 1 then return list[1].name end
  if name == nil then
    usage.fail(("weigh: %d rates weigh; say which: attempt:weigh(n, '%s')"):format(#list, list[1].name))
  end
  if not names[name] then usage.unknown("rate that weighs", text.number(name), names) end
  return name
end

---What puts right what the attempt of that call weighed.
---@param list table[] the client's rates that weigh
---@param id number
---@return fun(weight: number, name: string?)
function M.corrector(list, id)
  return function(weight, name)
    local done = sched.engine():weigh(id, named(list, name), whole(weight, "what it weighs"))
    if not done then usage.fail "weigh: it is for the rule's function, while that is asked" end
  end
end

return M
