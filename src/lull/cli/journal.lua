-- journal: `lull status`, `lull items` and `lull retry`: what a journal remembers.

local core = require "lull.core"
local exit = require "lull.exit"
local flags = require "lull.cli.flags"
local json = require "lull.json"
local output = require "lull.cli.output"
local reading = require "lull.batch.reading"
local sched = require "lull.sched"
local secret = require "lull.secret"
local switches = require "lull.lazy" "lull.cli.switches"
local text = require "lull.text"

local M = {}

M.COMMANDS = { "status", "items", "retry", "report" }

-- What is wrong with a journal is a sentence, and no error of a script's.
local Problem = { __tostring = function(self) return self.message end }

local function refuse(problem, passing)
  error(setmetatable({ message = secret.redact(problem), why = "journal", later = passing or nil }, Problem), 0)
end

-- ---- the command lines ---------------------------------------------------

local PARSERS = {
  status = function(p)
    p:argument "journal":argname "JOURNAL"
    p:flag("--json", "Print it as JSON, of the version that it says.")
    p:flag("--watch", "Look again each second, until nobody is at work on it.")
  end,
  items = function(p)
    p:argument "journal":argname "JOURNAL"
    p:argument "id":args "*":argname "ID"
    p:flag("--failed", "Those that failed, with each attempt.")
    p:flag("--later", "Those that can be tried later.")
    p:flag("--done", "Those that are done.")
    p:flag("--open", "Those that have begun and not ended, with their calls.")
    p:flag("--csv", "The items themselves as CSV, ready to be the next --each; of those done only ids.")
  end,
  retry = function(p)
    p:argument "journal":argname "JOURNAL"
    p:argument "id":args "*":argname "ID"
    p:option("--reason", "Those alone that failed so: 422, 5xx, net.timeout, unsafe."):argname "NAME"
    p:flag("--later", "And those for later are due now.")
  end,
}

PARSERS.report = function(p)
  p:argument "journal":argname "JOURNAL"
  p:option("-o --output", "Where it goes: .html, .json, or - (HTML on standard output). Without it: JOURNAL's name "
    .. "with .html, unless that file is there."):argname "FILE"
end

local ABOUT = {
  status = { "What became of the items of a journal, and why.",
    "  lull status orders.lull\n  lull status --watch orders.lull" },
  items = { "The items of a journal, a line of JSON each.",
    "  lull items orders.lull --failed | jq .error\n  lull items orders.lull --failed --csv > again.csv" },
  report = { "A page that tells what became of a journal's items.", "  lull report orders.lull -o orders.html" },
  retry = { "Lets failed items of a journal be open again: the next run takes them up.",
    "  lull retry orders.lull --reason 5xx\n  lull retry orders.lull 4711 4712" },
}

---The parser of one command; manual and completions are made of it, too.
---@param command string
function M.parser(command)
  local p = require "lull.cli.parser"("lull " .. command, ABOUT[command][1], "Examples:\n" .. ABOUT[command][2])
  p:add_help(output.help(p))
  PARSERS[command](p)
  p:option("--store-timeout", "A Redis with the journal may be away for so long (30s)."):argname "TIME"
  return p
end

-- ---- words ---------------------------------------------------------------

local function clock(at) return text.clock(at, sched.engine():wall()) end

local function reason_line(reason)
  local words = reason.reason and tostring(reason.reason) or "no reason is kept"
  if reason.why then words = ("%s (%s)"):format(words, reason.why) end
  return ("  %-7s %8s  %s"):format(reason.outcome, text.commas(reason.count), words)
end

local function open_lines(batch, lines)
  local way = batch.under_way
  if not way then return end
  local words = text.commas(way.on_the_wire) .. " on the wire"
  if way.waiting > 0 then
    words = ("%s, %s wait, the first until %s"):format(words, text.commas(way.waiting), clock(way["until"]))
  end
  lines[#lines + 1] = ("  %-7s %8s  %s"):format("open", text.commas(batch.open), words)
end

local function batch_lines(batch, lines, rate)
  local counts = {}
  for _, state in ipairs(reading.STATES) do counts[#counts + 1] = text.commas(batch[state]) .. " " .. state end
  if batch.queued then counts[#counts + 1] = text.commas(batch.queued) .. " queued" end
  if rate then counts[#counts + 1] = ("%.1f/s"):format(rate) end
  lines[#lines + 1] = (batch.name and ("%s: "):format(batch.name) or "") .. table.concat(counts, ", ")
  for _, reason in ipairs(batch.reasons) do lines[#lines + 1] = reason_line(reason) end
  if batch.due then lines[#lines + 1] = "  the first for later is due " .. clock(batch.due) end
  open_lines(batch, lines)
end

local function settled(batch) return batch.done + batch.failed + batch.later end

-- Items a second of a batch since the look before.
local function rate_of(batch, before, i)
  local old = before and before.batches[i]
  if not old then return nil end
  return math.max(settled(batch) - settled(old), 0) / (batch.at - old.at)
end

local function is_busy(told) return told.pid or #(told.workers or {}) > 0 end

-- Who is at work on it.
local function holders(told)
  if told.pid then return ("process %d is at work on it"):format(told.pid) end
  local n = #(told.workers or {})
  if n == 0 then return "nobody is at work on it" end
  return ("%s at work on it"):format(n == 1 and "1 process is" or n .. " processes are")
end

local function worker_line(worker)
  return ("  %s, process %s: %s since %s%s"):format(worker.machine, worker.pid or "?", text.count(worker.held, "item"),
    clock(worker.since), worker.lost and ", and its lease is over" or "")
end

-- A lane that nobody has any more is not told.
local function lane_lines(lane, lines)
  local n = #lane.machines
  if n == 0 then return end
  local words = { n == 1 and "1 process shares it" or n .. " processes share it" }
  if lane.paused_until then words[#words + 1] = "paused until " .. clock(lane.paused_until) end
  if lane.breaker then words[#words + 1] = "the breaker is open" end
  if lane.quota then words[#words + 1] = text.commas(lane.quota) .. " of the quota left" end
  lines[#lines + 1] = ("lane %s: %s"):format(lane.name, table.concat(words, ", "))
  for _, machine in ipairs(lane.machines) do
    lines[#lines + 1] = ("  %s, process %s: %s and %s since %s"):format(machine.machine, machine.pid or "?",
      text.count(machine.slots, "slot"), text.count(machine.places, "place"), clock(machine.since))
  end
end

local function status_text(told, before)
  local lanes = told.lanes or {}
  local lines = { ("%s: %s; %s"):format(told.journal, text.count(told.runs, "run"), holders(told)) }
  if told.runs == 0 and #lanes > 0 then lines[1] = told.journal .. ": shared lanes, and no journal" end
  for _, worker in ipairs(told.workers or {}) do lines[#lines + 1] = worker_line(worker) end
  for i, batch in ipairs(told.batches) do
    batch.at = sched.engine():now()
    batch_lines(batch, lines, is_busy(told) and rate_of(batch, before, i))
  end
  if #told.batches == 0 and #lanes == 0 then lines[#lines + 1] = "no batch has begun" end
  for _, lane in ipairs(lanes) do lane_lines(lane, lines) end
  return table.concat(lines, "\n") .. "\n"
end

-- ---- status --------------------------------------------------------------

local function look(path)
  local journal, problem, passing = reading.open(path)
  if not journal then refuse(problem, passing) end
  local told = reading.summary(journal, path)
  journal:close()
  return told
end

local function watch(o)
  local terminal, before = core.terminal(io.stdout), nil
  repeat
    local told = look(o.journal)
    local words = o.json and json.line(told) or status_text(told, before)
    output.flush(terminal and not o.json and "\27[H\27[J" or "", words)
    before = told
    if is_busy(told) then sched.sleep(1) end
  until not is_busy(told) or sched.interrupted
end

local RUN = {}

function RUN.status(o)
  if o.watch then return watch(o) end
  local told = look(o.journal)
  output.write(o.json and json.line(told) or status_text(told))
end

-- ---- items ---------------------------------------------------------------

local function asked(o)
  local states, ids = {}, o.id[1] and {} or nil
  for _, state in ipairs(reading.STATES) do
    if o[state] then states[#states + 1] = state end
  end
  for _, id in ipairs(o.id) do ids[id] = true end
  return #states > 0 and states or reading.STATES, ids
end

-- Of the ids that were named, those that nothing was found of.
local function missing(o, found)
  local list = {}
  for _, id in ipairs(o.id) do
    if not found[id] then list[#list + 1] = id end
  end
  return list
end

-- Calls `fn(item, batch)` for each item of these states.
local function each_item(path, states, ids, fn)
  local journal, problem, passing = reading.open(path)
  if not journal then refuse(problem, passing) end
  for _, batch in ipairs(reading.batches(journal)) do
    for _, state in ipairs(states) do
      for item in reading.items(journal, batch.number, state) do
        if not ids or ids[item.id] then fn(item, batch) end
        if sched.interrupted then return end
      end
    end
  end
  journal:close()
end

local function cell(value)
  if value == nil or value == json.null then return "" end
  local words = type(value) == "string" and value or json.encode(value)
  if not words:find '[",\r\n]' then return words end
  return '"' .. words:gsub('"', '""') .. '"'
end

-- The items' own fields, as those of the first.
local function csv_writer()
  local columns
  return function(item)
    local row = type(item.item) == "table" and item.item or { id = item.item or item.id }
    if not columns then
      columns = text.keys(row)
      local names = {}
      for i, name in ipairs(columns) do names[i] = cell(name) end
      output.write(table.concat(names, ","), "\n")
    end
    local cells = {}
    for i, name in ipairs(columns) do cells[i] = cell(row[name]) end
    output.write(table.concat(cells, ","), "\n")
  end
end

-- What was asked for and is not there: the command is no success.
local function refuse_missing(list, what)
  if #list > 0 and not sched.interrupted then refuse(("%s: %s"):format(what, table.concat(list, ", "))) end
end

function RUN.items(o)
  local states, ids = asked(o)
  local found = {}
  local write = o.csv and csv_writer() or function(item, batch)
    item.batch = batch.name
    output.write(json.line(item))
  end
  each_item(o.journal, states, ids, function(item, batch)
    found[item.id] = true
    write(item, batch)
  end)
  refuse_missing(missing(o, found), states == reading.STATES and "no item has the id" or "no item of these has the id")
end

-- ---- retry ---------------------------------------------------------------

-- As rules name outcomes: "422", "5xx", "net" and all below it; or why it ended.
local function is_reason(item, name)
  if not name then return true end
  local reason = tostring(item.reason or "")
  local class = name:match "^(%d)xx$"
  if class then return reason:find("^" .. class .. "%d%d$") ~= nil end
  return reason == name or reason:sub(1, #name + 1) == name .. "." or item.why == name
end

-- Which are to be open again. What may have been applied is so only when it is
-- named.
local function chosen(o)
  local states, list, left, found = { "failed", o.later and "later" or nil }, {}, 0, {}
  local _, ids = asked(o)
  each_item(o.journal, states, ids, function(item, batch)
    if not is_reason(item, o.reason) then return end
    found[item.id] = true
    if item.why == "unsafe" and not (ids or o.reason == "unsafe") then
      left = left + 1
    else
      list[#list + 1] = { batch = batch.number, id = item.id }
    end
  end)
  return list, left, missing(o, found)
end

function RUN.retry(o)
  local list, left, absent = chosen(o)
  if #list > 0 then
    local problem, passing = reading.reopen(o.journal, list)
    if problem then refuse(problem, passing) end
  end
  output.write(("%s open again\n"):format(text.count(#list, "item") .. (#list == 1 and " is" or " are")))
  if left > 0 then
    exit.complain(("%s may have been applied, and stay as they are: name their ids, or --reason unsafe"):format(
      text.count(left, "item")))
  end
  local which = ("no item %s%s"):format(o.later and "failed, or is for later," or "failed",
    o.reason and " by " .. o.reason or "")
  refuse_missing(absent, which .. " that has the id")
  if o.reason and #list + left == 0 then refuse(which) end
end

function RUN.report(o)
  local place, problem, passing = require("lull.cli.report").journal(o.journal, o.output)
  if not place then refuse(problem, passing) end
  if not o.output then output.write(place, "\n") end
end

-- ---- the command ---------------------------------------------------------

---Runs the command; gives the exit code.
---@param argv string[] the command first
---@return integer
function M.run(argv)
  local command, rest = argv[1], {}
  for i = 2, #argv do rest[i - 1] = argv[i] end
  local p = M.parser(command)
  local ok, o = p:pparse(rest)
  if not ok then
    exit.complain(("%s; try lull %s --help"):format(flags.explain(o, flags.aliases_of(p)), command))
    return exit.USAGE
  end
  local problem = o.store_timeout and switches.set_store_timeout(o.store_timeout)
  if problem then
    exit.complain(problem)
    return exit.USAGE
  end
  return exit.ended(sched.main(RUN[command], o))
end

return M
