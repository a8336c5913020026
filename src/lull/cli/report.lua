-- report: `--report FILE` at the end of a run, and `lull report JOURNAL`.

local collect = require "lull.report.collect"
local exit = require "lull.exit"
local formats = require "lull.report.formats"
local html = require "lull.report.html"
local lull = require "lull"
local reading = require "lull.batch.reading"
local redis = require "lull.redis"
local sched = require "lull.sched"
local secret = require "lull.secret"

local M = {}

local FAILURES = 20000 -- of a journal, that a report looks at

local WRITERS = {
  html = html.page, json = formats.json, prom = formats.metrics,
  har = function(data) return formats.har(data, lull.version) end,
}
local ENDINGS = { html = "html", htm = "html", json = "json", har = "har", prom = "prom", txt = "prom" }

---What a report's file is to hold, by its name; or nil and what is wrong.
---@param path string
---@return string?
---@return string? problem
function M.format(path)
  local ending = path:lower():match "%.(%w+)$"
  local format = ending and ENDINGS[ending]
  if format then return format end
  return nil, ("'%s': a report is a file .html, .json, .har, or .prom (OpenMetrics)"):format(path)
end

-- Whole or not at all: what reads it, such as a node exporter, sees no half.
local function write(path, bytes)
  if path == "-" then return require("lull.cli.output").write(bytes) end
  local file, problem = io.open(path .. ".part", "wb")
  if file then
    local ok, why = file:write(bytes)
    local closed, last = file:close()
    problem = not (ok and closed) and (why or last) or nil
  end
  if not problem then problem = select(2, os.rename(path .. ".part", path)) end
  if problem then exit.lose(path, problem) end
end

-- ---- of a journal --------------------------------------------------------

local function add(into, name, n) into[name] = (into[name] or 0) + n end

-- Into the list: those that are not done, and came to an end.
local function add_failures(list, journal, batch, state)
  for item in reading.items(journal, batch.number, state) do
    if #list >= FAILURES then break end
    local reason = item.reason or "failed"
    item.error = item.error and collect.shown(item.error)
    item.outcome = state == "later" and ("later: %s"):format(reason) or reason
    list[#list + 1] = item
  end
end

-- The items of all its batches, and those that are not done.
local function of_journal(path)
  local journal, problem, passing = reading.open(path)
  if not journal then return nil, problem, passing end
  local told = reading.summary(journal, path)
  local data = { version = 1, items = {}, reasons = {}, failures = {}, of_items = true, failure_count = 0 }
  for _, batch in ipairs(told.batches) do
    for _, state in ipairs(reading.STATES) do add(data.items, state, batch[state]) end
    for _, reason in ipairs(batch.reasons) do
      add(data.reasons, ("%s: %s (%s)"):format(reason.outcome, reason.reason or "?", reason.why or ""), reason.count)
    end
    data.failure_count = data.failure_count + batch.failed + batch.later
  end
  for _, state in ipairs { "failed", "later" } do
    for _, batch in ipairs(reading.batches(journal)) do add_failures(data.failures, journal, batch, state) end
  end
  journal:close()
  return data
end

-- What that command may write, and where: without a name it overwrites nothing.
local function place_for(path, out)
  if out == "-" then return "-", "html" end
  if out then
    local format = M.format(out)
    if format == "html" or format == "json" then return out, format end
    return nil, ("'%s': a journal's report is a file .html or .json, or - for standard output"):format(out)
  end
  local name = redis.is(path) and redis.read(path, "journal").name or path:gsub("%.%w+$", "")
  out = name .. ".html"
  local there = io.open(out, "rb")
  if there then
    there:close()
    return nil, ("'%s' is there already: to overwrite it name it with -o"):format(out)
  end
  return out, "html"
end

---Writes the report of a journal.
---@param path string
---@param out string? nil: beside the journal, .html; "-": standard output
---@return string? path where it is; nil: what is wrong
---@return string? problem
---@return boolean? passing
function M.journal(path, out)
  local place, format = place_for(path, out)
  if not place then return nil, format end
  local data, problem, passing = of_journal(path)
  if not data then return nil, problem, passing end
  data.title = redis.shown(path)
  write(place, WRITERS[format](data))
  return place
end

-- ---- of a run ------------------------------------------------------------

local function command()
  return tostring(type(rawget(_G, "arg")) == "table" and arg[0] or "") -- luacheck: ignore
end

local function finish(out, format, title)
  local data = collect.data()
  data.title, data.failure_count = "lull " .. collect.shown_url(title or command()), data.failed_calls
  local kept = sched.journal and not sched.memory_store and of_journal(sched.journal)
  if kept then
    for name, value in pairs(kept) do data[name] = value end
  end
  write(out, WRITERS[format](data))
end

---Begins to gather, for a report at the end of the run.
---@param out string
---@param title string?
---@return function? verdict is told of each verdict; or nil
---@return string? problem
function M.begin(out, title)
  local format, problem = M.format(out)
  if not format then return nil, "--report " .. problem end
  local before = exit.closing
  exit.closing = function()
    before()
    local ok, wrong = pcall(finish, out, format, title)
    if not ok then exit.lose(out, secret.redact(tostring(wrong))) end
  end
  return collect.begin(format == "har")
end

return M
