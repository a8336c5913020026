--[[
A service that makes reports. POST /jobs begins one and tells where to ask
for it; that says 202 until the report is there, 40 s later. The first answer
to a POST gets lost, and one POST with the key of another begins no second
job. Asking meets a 503 and a reset, and now and then a wish to be asked
later. GET /jobs tells how many jobs there are.

    lull --sim scripts/worlds/poll.lua scripts/cookbook/poll.lua
]]

local lull = require "lull"

local TAKES = 40 -- s
-- What asking gets before the report is there, over and over.
local BEFORE = { { 202 }, { 202, { ["retry-after"] = "8" } }, { 503 }, { 202 }, { "reset" } }

local jobs = {} -- number -> { done_at, asked }
local by_key = {} -- key -> number

local function begin(request)
  local key = request.headers["idempotency-key"]
  local first = not (key and by_key[key])
  if first then
    jobs[#jobs + 1] = { done_at = lull.now() + TAKES, asked = 0 }
    if key then by_key[key] = #jobs end
  end
  if first and #jobs == 1 then return "close" end
  return 202, { location = ("/jobs/%d"):format(key and by_key[key] or #jobs) }
end

local function state(number)
  local job = jobs[number]
  if not job then return 404 end
  job.asked = job.asked + 1
  if lull.now() >= job.done_at then
    return 200, nil, { state = "done", url = ("/reports/%d"):format(number) }
  end
  local answer = BEFORE[(job.asked - 1) % #BEFORE + 1]
  return answer[1], answer[2]
end

return {
  ["http://reports.test"] = function(request)
    if request.route == "/jobs" and request.method ~= "POST" then return 200, nil, { count = #jobs } end
    lull.sleep(0.1)
    if request.route == "/jobs" then return begin(request) end
    return state(tonumber(request.route:match "^/jobs/(%d+)$"))
  end,
}
