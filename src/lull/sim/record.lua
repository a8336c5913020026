-- record: what real servers answered, kept in a file, and played back in a
-- simulated run.
--
-- A line of JSON for each request on the wire, after a first line that says
-- what the file is. Secrets are left out; bodies are kept when asked for.

local json = require "lull.json"
local outcome = require "lull.outcome"
local redact = require "lull.redact"
local sched = require "lull.sched"

local M = {}

local VERSION = 1
local HIDDEN = { ["set-cookie"] = true, ["www-authenticate"] = true, ["proxy-authenticate"] = true,
  ["authentication-info"] = true }

local function header_list(raw)
  local list = {}
  for name, value in outcome.headers(raw or ""):each() do
    if not HIDDEN[name:lower()] and not redact.is_sensitive(name) then list[#list + 1] = { name, value } end
  end
  return #list > 0 and list or json.empty_array
end

---Keeps every answer from now on.
---@param file file*
---@param bodies boolean
function M.install(file, bodies)
  file:write(json.line { lull = "recording", version = VERSION, bodies = bodies })
  sched.engine():record(true)
  return function(details)
    if details.chaos or details.verdict == "stop" and details.why == "cancelled" then return end
    file:write(json.line(redact.all { method = details.method, url = outcome.shown_url(details.url),
      status = details.status, class = details.class, sent = details.sent, took = details.took,
      headers = details.status and header_list(details.raw_headers),
      body = bodies and details.status and (details.body or "") or nil }))
    file:flush()
  end
end

---True when the file begins as a recording does.
function M.is_recording(path)
  local file = io.open(path, "rb")
  local first = file and file:read("*l")
  if file then file:close() end
  return first ~= nil and first:find('"lull":"recording"', 1, true) ~= nil
end

local function read_lines(path)
  local list = {}
  for one in io.lines(path) do
    local record, problem = json.decode(one)
    if type(record) ~= "table" then
      return nil, ("recording %s: line %d is %s"):format(path, #list + 1, problem or "no record")
    end
    list[#list + 1] = record
  end
  return list
end

local function key_of(method, url) return method .. " " .. outcome.shown_url(url) end

local function answer_of(record)
  if record.class then return { fault = record.class, delay = record.took } end
  local headers = {}
  for i, pair in ipairs(record.headers or {}) do
    -- The body is kept decoded and whole.
    local name = pair[1]:lower()
    if name ~= "content-encoding" and name ~= "transfer-encoding" and name ~= "content-length" then
      headers[#headers + 1] = record.headers[i]
    end
  end
  return { status = record.status, headers = headers, body = record.body, delay = record.took }
end

---The recording as a world: each request gets the answers that were recorded
---for its method and URL, in their order.
---@param path string
---@return table? servers
---@return string? problem one sentence
function M.world(path)
  local list, problem = read_lines(path)
  if not list then return nil, problem end
  if list[1].version ~= VERSION then
    return nil, ("recording %s is of version %s, and this lull reads version %d"):format(path,
      tostring(list[1].version), VERSION)
  end
  local answers = {}
  for i = 2, #list do
    local key = key_of(list[i].method, list[i].url)
    answers[key] = answers[key] or { asked = 0 }
    table.insert(answers[key], list[i])
  end
  return { ["*"] = function(request)
    local key = key_of(request.method, request.url)
    local queue = answers[key]
    if not queue then error(("the recording %s has no answer to %s"):format(path, key), 0) end
    queue.asked = queue.asked + 1
    if not queue[queue.asked] then
      error(("the recording %s has only %d answers to %s"):format(path, #queue, key), 0)
    end
    return answer_of(queue[queue.asked])
  end }
end

return M
