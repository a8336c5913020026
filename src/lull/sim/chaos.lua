-- chaos: faults at the client, by chance: "5% 503, 1% net.reset, 2% delay 3s,
-- 0.1% crash".

local core = require "lull.core"
local sched = require "lull.sched"
local usage = require "lull.usage"

local M = {}
usage.own()

local function parse(part)
  part = part:gsub("^%s*crash%s+([%d.]+%%)%s*$", "%1 crash")
  local percent, what, rest = part:match("^%s*([%d.]+)%%%s+(%S+)%s*(%S*)%s*$")
  local share = tonumber(percent)
  if not share or share > 100 then return nil end
  local fault = { share = share / 100 }
  if what == "delay" and rest ~= "" then
    local ok, seconds = pcall(usage.duration, rest, "delay")
    fault.delay = ok and seconds or nil
    return ok and fault or nil
  elseif rest == "" and what == "crash" then
    return { crash = true, share = fault.share }
  elseif rest == "" and what:match("^[1-5]%d%d$") then
    fault.status = tonumber(what)
    return fault
  elseif rest == "" and core.classes()[what] then
    fault.class = what
    return fault
  end
end

---Adds faults to all attempts from now on.
---@param text string
---@return boolean? ok
---@return string? problem one sentence
function M.install(text)
  for part in (text .. ","):gmatch("([^,]*),") do
    local fault = parse(part)
    if not fault then
      return nil, ("'%s' is no fault; one is written like \"5%% 503\", \"1%% net.reset\", "
        .. "\"2%% delay 3s\" or \"0.1%% crash\"")
        :format(part)
    end
    if fault.crash then
      sched.crash = fault.share -- at a write of the journal, once there is one
    elseif not sched.engine():chaos(fault) then
      return nil, "the faults add up to more than 100%, or are more than 16"
    end
  end
  return true
end

return M
