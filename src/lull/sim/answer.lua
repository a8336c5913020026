--[==[
lull.sim.answer: what a world's server returned, brought into one form: checked,
header names in order, the body a text, durations in seconds.
]==]

local json = require "cjson"

---@class lull.answers
---@field encode fun(value: any): string how a body that is a table is written
local M = { encode = json.encode }

---An answer in its one form.
---@class lull.settled_answer
---@field status integer?             nil only with a fault
---@field headers { [1]: string, [2]: string }[]?
---@field body string                 "" where none is sent; garbage's bytes
---@field fault "reset"|"close"|"hang"|"garbage"|nil
---@field cut integer?                bytes
---@field stall integer?              bytes
---@field drip number?                seconds
---@field delay number?               seconds

local FAULTS = { reset = true, close = true, hang = true, garbage = true }
-- The outcomes that a fault may be named by instead; and those that only a
-- simulated run can have.
local OUTCOMES = { ["net.reset"] = "reset", ["net.empty"] = "close",
  ["net.timeout.read"] = "hang", ["http.malformed"] = "garbage" }
local SIMULATED = { ["net.dns"] = true, ["net.refused"] = true,
  ["net.unreachable"] = true, ["net.timeout.connect"] = true, ["net.proxy"] = true,
  ["net.send"] = true, ["tls.handshake"] = true, ["tls.cert"] = true,
  ["h2.refused"] = true, ["http.truncated"] = true }
local FIELDS = {
  status = true, headers = true, body = true, fault = true, cut = true,
  stall = true, drip = true, delay = true,
}
local UNITS = { ms = 0.001, s = 1, m = 60, h = 3600 }
local GARBAGE = "this is not HTTP\r\n"

-- Numbers as text, the same on all interpreters: 2.0 is "2".
local function number_text(value) return ("%.14g"):format(value) end

---Seconds of a duration: a number, or a string such as "250ms".
---@param value any
---@return number? seconds nil when it is none, or negative or not finite
function M.seconds(value)
  if type(value) == "string" then
    local digits, unit = value:match("^([%d.]+)(%l+)$")
    value = UNITS[unit] and tonumber(digits) and tonumber(digits) * UNITS[unit]
  end
  if type(value) ~= "number" or not (value >= 0 and value < math.huge) then
    return nil
  end
  return value
end

-- An error is raised as { text }, caught in `normalize` and told with the
-- server's name by its caller.
local function bad(text, ...) error({ text:format(...) }, 0) end

local function header_value(name, value)
  if type(value) == "number" then value = number_text(value) end
  if type(value) ~= "string" then
    bad("the header %s is a %s", name, type(value))
  end
  if value:find("[\r\n%z]") then
    bad("the header %s has a line break in it", name)
  end
  return value
end

local function add_header(list, name, value)
  if type(name) ~= "string" or not name:find("^[%w!#$%%&'*+.^_`|~-]+$") then
    bad("%q is no name of a header", tostring(name))
  end
  if type(value) ~= "table" then value = { value } end
  for _, one in ipairs(value) do
    list[#list + 1] = { name, header_value(name, one) }
  end
end

-- A table has no order of its own, so its names are sorted: the same world
-- gives the same bytes on every interpreter.
local function header_list(headers)
  local list, names = {}, {}
  if type(headers) ~= "table" then
    bad("its headers are a %s", type(headers))
  end
  for _, pair in ipairs(headers) do
    if type(pair) ~= "table" then bad("a header is no pair") end
    add_header(list, pair[1], pair[2])
  end
  for name in pairs(headers) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do add_header(list, name, headers[name]) end
  return list
end

local function has_header(list, name)
  for _, pair in ipairs(list) do
    if pair[1]:lower() == name then return pair[2] end
  end
end

local function body_text(body, headers)
  if body == nil then return "" end
  if type(body) == "string" then return body end
  if type(body) ~= "table" then bad("its body is a %s", type(body)) end
  if not has_header(headers, "content-type") then
    headers[#headers + 1] = { "content-type", "application/json" }
  end
  local ok, text = pcall(M.encode, body)
  if not ok then bad("its body: %s", tostring(text)) end
  return text
end

local function check_status(status)
  if status == nil then return 200 end
  if type(status) ~= "number" or status % 1 ~= 0
    or status < 200 or status > 999 then
    bad("its status is %s", tostring(status))
  end
  return status
end

-- `cut` and `stall`: where the body ends, or stops, before its end.
local function check_part(name, part, body)
  if part == nil then return nil end
  if type(part) ~= "number" or part % 1 ~= 0 or part < 0 or part >= #body then
    bad("%s is %s; it should be less than the %d bytes of the body", name,
      tostring(part), #body)
  end
  return part
end

local function check_seconds(name, value)
  local seconds = M.seconds(value)
  if value ~= nil and not seconds then
    bad("%s is %s", name, tostring(value))
  end
  return seconds
end

local function to_table(first, headers, body)
  if type(first) == "string" then return { fault = first } end
  if type(first) == "number" then
    return { status = first, headers = headers, body = body }
  end
  if type(first) ~= "table" then
    bad("it returned %s; it should return a status, the name of a fault or "
      .. "a table", first == nil and "nothing" or "a " .. type(first))
  end
  return first
end

local function check_fields(raw)
  for field in pairs(raw) do
    if not FIELDS[field] then
      bad("an answer has no field %q", tostring(field))
    end
  end
  if raw.fault ~= nil and not FAULTS[raw.fault] and not OUTCOMES[raw.fault]
    and not SIMULATED[raw.fault] then
    bad("%q is no fault; the faults are reset, close, hang and garbage",
      tostring(raw.fault))
  end
end

-- The body stays away, its length is told all the same (RFC 9110, 9.3.2).
local function drop_body(answer)
  answer.body, answer.cut, answer.stall, answer.drip = "", nil, nil, nil
  return answer
end

local function normal_fault(raw)
  local fault = OUTCOMES[raw.fault] or raw.fault
  return {
    fault = fault, delay = check_seconds("delay", raw.delay),
    body = fault == "garbage" and body_text(raw.body or GARBAGE, {}) or "",
  }
end

local function normal_answer(raw, method)
  check_fields(raw)
  if raw.fault then return normal_fault(raw) end
  local status = check_status(raw.status)
  local headers = header_list(raw.headers or {})
  local body = body_text(raw.body, headers)
  local answer = {
    status = status, headers = headers, body = body,
    cut = check_part("cut", raw.cut, body),
    stall = check_part("stall", raw.stall, body), drip = check_seconds("drip", raw.drip),
    delay = check_seconds("delay", raw.delay),
  }
  if status == 204 then return drop_body(answer) end
  if not has_header(headers, "content-length")
    and not has_header(headers, "transfer-encoding") then
    headers[#headers + 1] = { "content-length", number_text(#body) }
  end
  if status == 304 or method == "HEAD" then return drop_body(answer) end
  return answer
end

---Brings what a server returned into one form.
---@param method string of the request: HEAD has no body
---@param first any
---@param headers any?
---@param body any?
---@return lull.settled_answer? answer, string? err
function M.normalize(method, first, headers, body)
  local ok, result = pcall(function()
    return normal_answer(to_table(first, headers, body), method)
  end)
  if ok then return result end
  return nil, type(result) == "table" and result[1] or tostring(result)
end

return M
