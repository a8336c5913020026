-- formats: a report for machines: JSON, HAR 1.2, and OpenMetrics text.

local core = require "lull.core"
local json = require "lull.json"
local text = require "lull.text"

local M = {}

local function list(value) return #value > 0 and value or json.empty_array end

-- ---- JSON ----------------------------------------------------------------

function M.json(data)
  local copy = {}
  for name, value in pairs(data) do
    if name ~= "entries" then copy[name] = value end
  end
  for _, name in ipairs { "steps", "pauses", "slowest", "failures" } do copy[name] = data[name] and list(data[name]) end
  copy.attempts = {}
  for n, count in pairs(data.attempts or {}) do copy.attempts[tostring(n)] = count end
  return json.line(copy)
end

-- ---- HAR -----------------------------------------------------------------

local function stamp(wall)
  local whole = math.floor(wall)
  return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%03dZ"):format(math.floor((wall - whole) * 1000))
end

local function query_of(url)
  local pairs_ = {}
  for name, value in (url:match "%?([^#]*)" or ""):gmatch "([^&=]+)=?([^&]*)" do
    pairs_[#pairs_ + 1] = { name = name, value = value }
  end
  return list(pairs_)
end

local function entry_of(entry)
  local took, blocked = entry.took * 1000, entry.queued * 1000
  return {
    startedDateTime = stamp(entry.at), time = took + blocked, cache = { comment = "lull keeps none" },
    request = { method = entry.method, url = entry.url, httpVersion = "HTTP/1.1", cookies = json.empty_array,
      headers = json.empty_array, queryString = query_of(entry.url), headersSize = -1, bodySize = -1 },
    response = { status = entry.status, statusText = entry.status > 0 and core.status_text(entry.status) or "",
      httpVersion = "HTTP/1.1", cookies = json.empty_array, headers = json.empty_array,
      content = { size = 0, mimeType = "x-unknown" }, redirectURL = "", headersSize = -1, bodySize = -1,
      comment = entry.class },
    timings = { blocked = blocked, send = 0, wait = took, receive = 0 },
  }
end

---HAR 1.2, without headers and bodies: they may hold secrets.
function M.har(data, version)
  local entries = {}
  for i, entry in ipairs(data.entries or {}) do entries[i] = entry_of(entry) end
  return json.line { log = { version = "1.2", creator = { name = "lull", version = version },
    entries = list(entries) } }
end

-- ---- OpenMetrics ---------------------------------------------------------

local function label(value)
  return '"' .. tostring(value):gsub('[\\"\n]', { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }) .. '"'
end

local function number(n) return ("%.6f"):format(n):gsub("%.?0+$", "") end

---Gauges of one run, for the textfile collector of a node exporter.
function M.metrics(data)
  local lines = {}
  local function gauge(name, help, value)
    lines[#lines + 1] = ("# HELP %s %s\n# TYPE %s gauge"):format(name, help, name)
    if type(value) ~= "table" then
      lines[#lines + 1] = name .. " " .. number(value)
      return
    end
    for key, n in text.sorted(value.of) do
      lines[#lines + 1] = ("%s{%s=%s} %s"):format(name, value.by, label(key), number(n))
    end
  end
  gauge("lull_run_start_time_seconds", "When the run began.", data.from)
  gauge("lull_run_duration_seconds", "How long it took.", data.took)
  gauge("lull_run_calls", "Calls that came to their end.", data.calls)
  gauge("lull_run_failed_calls", "Calls that were not accepted.", data.failed_calls)
  gauge("lull_run_requests", "Requests on the wire.", data.requests)
  gauge("lull_run_waited_seconds", "Waits between attempts, of all calls.", data.waited)
  if next(data.outcomes) then
    gauge("lull_run_attempts", "Attempts, by what they came to.", { by = "outcome", of = data.outcomes })
  end
  if data.items then gauge("lull_run_items", "Items, by what became of them.", { by = "state", of = data.items }) end
  lines[#lines + 1] = "# EOF"
  return table.concat(lines, "\n") .. "\n"
end

return M
