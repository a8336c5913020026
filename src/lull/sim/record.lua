-- record: what real servers answered, kept in a file, and played back in a
-- simulated run.
--
-- A line of JSON for each request on the wire, after a first line that says
-- what the file is. Secrets are left out; bodies are kept when asked for.

local base64 = require "lull.base64"
local core = require "lull.core"
local json = require "lull.json"
local outcome = require "lull.outcome"
local redact = require "lull.redact"
local sched = require "lull.sched"
local utf8 = require "lull.utf8"

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

-- JSON is UTF-8; a header that is none has a third field, which says how it is
-- written, and a body another name.
local function encoded(record)
  for _, pair in ipairs(record.headers or {}) do
    if not utf8.is(pair[2]) then pair[2], pair[3] = base64.encode(pair[2]), "base64" end
  end
  if record.body and not utf8.is(record.body) then
    record.body, record.body_base64 = nil, base64.encode(record.body)
  end
  return record
end

---Keeps every answer from now on.
---@param write fun(line: string)
---@param bodies boolean
function M.install(write, bodies)
  write(json.line { lull = "recording", version = VERSION, bodies = bodies })
  sched.engine():record(true)
  return function(details)
    if details.chaos or details.verdict == "stop" and details.why == "cancelled" then return end
    write(json.line(encoded(redact.all { method = details.method, url = outcome.shown_url(details.url),
      status = details.status, class = details.class, sent = details.sent, took = details.took,
      headers = details.status and header_list(details.raw_headers),
      body = bodies and details.status and (details.body or "") or nil })))
  end
end

---Whether the file begins as a recording does; and, when it does not, as some
---other JSON.
---@return boolean recording
---@return boolean json
function M.is_recording(path)
  local file = io.open(path, "rb")
  local first = file and file:read("*l") or ""
  if file then file:close() end
  return first:find('"lull":"recording"', 1, true) ~= nil, first:find "^%s*[{%[]" ~= nil
end

-- The plain text of a field, or nil for what is none.
local function plain(text, encoding)
  if type(text) ~= "string" then return nil end
  if encoding == nil then return text end
  return encoding == "base64" and base64.decode(text) or nil
end

-- A header of a record with its plain value.
local function read_header(pair)
  if type(pair) ~= "table" or type(pair[1]) ~= "string" then return nil end
  local value = plain(pair[2], pair[3])
  return value and { pair[1], value }
end

-- What the body is, or nil and true for one that cannot be read.
local function read_body(record)
  if record.body_base64 ~= nil then
    local body = plain(record.body_base64, "base64")
    return body, body == nil
  end
  return record.body, record.body ~= nil and type(record.body) ~= "string"
end

-- Puts plain texts in place of what stands for them; a word for what is wrong.
local function read_record(record)
  if type(record) ~= "table" then return "no record" end
  if type(record.method) ~= "string" or type(record.url) ~= "string" then return "without method and url" end
  local status, took = record.status, record.took
  local answered = type(status) == "number" and status >= 100 and status <= 599
  if not answered and not core.classes()[record.class or ""] then return "without a status or an error's class" end
  if took ~= nil and (type(took) ~= "number" or took < 0) then return "of a strange duration" end
  local headers = record.headers
  if headers ~= nil and type(headers) ~= "table" then return "without a list of headers" end
  for i, pair in ipairs(headers or {}) do
    headers[i] = read_header(pair)
    if not headers[i] then return "with a header that is none" end
  end
  local wrong
  record.body, wrong = read_body(record)
  return wrong and "with a body that is none" or nil
end

local function read_lines(path)
  local list = {}
  for one in io.lines(path) do
    local record, problem = json.decode(one)
    if record ~= nil and #list > 0 then problem = read_record(record) end
    if record == nil or problem then
      return nil, ("recording %s: line %d is %s"):format(path, #list + 1, problem)
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
