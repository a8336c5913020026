-- outcomes: what comes out of `--each`: a line of JSON for each row, the rows that
-- are not done, and the sentence at the end.

local exit = require "lull.exit"
local jobs = require "lull.cli.job"
local json = require "lull.json"
local keeping = require "lull.lazy" "lull.batch.kept"
local output = require "lull.cli.output"
local secret = require "lull.secret"
local text = require "lull.text"

local M = {}

-- ---- files ---------------------------------------------------------------

local paths = {} -- of what is open

---Opens what is written row by row; "-" or nil: standard output.
---@param path string?
function M.open(path)
  if not path or path == "-" then return io.stdout end
  local file, problem = io.open(path, "wb")
  if file then paths[file] = path end
  if not file then jobs.refuse("cannot write %s", problem) end
  return file
end

---Writes, and lets nothing wait.
function M.write(file, ...)
  if file == io.stdout then return output.flush(...) end
  local ok, problem = file:write(...)
  if ok then ok, problem = file:flush() end
  if not ok then exit.lose(paths[file] or "standard error", problem) end
end

-- ---- a row's line --------------------------------------------------------

-- The fields of a result's line, in their order, and as they are written.
local FIELDS, NAMES = { "id", "outcome", "status", "attempts", "waited", "why", "error", "body" }, {}
for i, name in ipairs(FIELDS) do NAMES[i] = (i > 1 and ',"' or '{"') .. name .. '":' end

local EXACT = 2 ^ 53

-- As json.encode, which would take longer than the rest of a row.
local function value_text(value)
  local kind = type(value)
  if kind == "number" and value % 1 == 0 and value < EXACT and value > -EXACT then return ("%d"):format(value) end
  if kind == "string" and not value:find "[^%w%-_. ]" then return '"' .. value .. '"' end
  return json.encode(value)
end

---The line of one row, which counts it.
---@param run table of each.lua
---@param line table
function M.put(run, line)
  local outcome = line.outcome
  run.count[outcome] = run.count[outcome] + 1
  if not run.results then return end
  local parts, n = {}, 0
  for i = 1, #FIELDS do
    local value = line[FIELDS[i]]
    if value ~= nil then
      parts[n + 1], parts[n + 2] = NAMES[i], value_text(value)
      n = n + 2
    end
  end
  parts[n + 1] = "}\n"
  M.write(run.results, table.concat(parts))
end

-- The line of -w.
local function write_out(run, line, res, err, number)
  local of = run.plan.job.write_out
  if not of then return end
  local code = res and 0 or line.outcome == "later" and exit.LATER or 1
  M.write(io.stdout, of(res, err, { method = run.o.method, id = line.id, number = number, code = code }))
end

---A row that is not done, as it stood, so that the file can be the next input.
function M.keep_row(run, raw)
  if not run.failed then return end
  if not run.failed_begun then
    run.failed_begun = true
    local header = run.reader.header
    if header then M.write(run.failed, header, "\n") end
  end
  M.write(run.failed, raw, "\n")
end

-- ---- what became of a row ------------------------------------------------

local function body_text(res)
  if res.body == "" then return nil end
  return res.body
end

-- Of a line, for the journal: a run to come writes it again.
local function kept_of(line)
  local kept = { status = line.status, attempts = line.attempts, waited = line.waited }
  keeping.add_body(kept, line.body)
  if line.body and #json.line(kept) > keeping.MOST then kept.body, kept.body_base64 = nil, nil end
  return kept
end

-- What most rows come to, and nobody wants to know more of.
local DONE = '{"id":%s,"outcome":"done","status":%d,"attempts":%d,"waited":%s}\n'

local function put_done(run, id, res)
  run.count.done = run.count.done + 1
  if not run.results then return end
  M.write(run.results, DONE:format(value_text(id), res.status, res.attempts, value_text(res.waited)))
end

---The line of a row that is done. With a journal it gives what is kept.
function M.accepted(run, line, res, number)
  if not (run.o.bodies or run.o.journal or run.plan.job.write_out) then
    put_done(run, line.id, res)
    return true
  end
  line.outcome, line.status = "done", res.status
  line.attempts, line.waited = res.attempts, res.waited
  if run.o.bodies then line.body = body_text(res) end
  M.put(run, line)
  write_out(run, line, res, nil, number)
  return run.o.journal and kept_of(line) or true
end

-- "open": it was cut short, and has no end.
local function outcome_of(err)
  if err.why == "cancelled" then return "open" end
  return err.later and "later" or "failed"
end

---The line of a row that is not. With a journal the next run takes up what is open.
function M.refused(run, line, err, raw, number)
  line.outcome = outcome_of(err)
  line.why, line.error = err.why, tostring(err)
  line.attempts, line.waited = err.attempts, err.waited
  local last = err.response
  line.status = last and last.status
  if run.o.bodies and last then line.body = body_text(last) end
  if line.outcome ~= "open" or not run.o.journal then M.keep_row(run, raw) end
  M.put(run, line)
  write_out(run, line, nil, err, number)
end

---The line of a row that came to its end in a run before, or is not due yet.
---@param state string "done", "failed", "later"
---@param kept table what the journal has
function M.before(run, state, kept, id, raw)
  local line = { id = id, outcome = state }
  for _, name in ipairs { "status", "attempts", "waited", "why", "error" } do line[name] = kept[name] end
  line.body = keeping.body(kept)
  if type(kept.reason) == "number" then line.status = kept.reason end
  if not run.o.bodies or line.body == "" then line.body = nil end
  if state ~= "done" then M.keep_row(run, raw) end
  run.before[state] = (run.before[state] or 0) + 1
  M.put(run, line)
end

-- ---- the end -------------------------------------------------------------

local WORDS = { { "done", "done" }, { "failed", "failed" }, { "later", "can be tried later" }, { "open", "open" } }

---The sentence at the end: how many rows, and what became of them.
function M.tell(run)
  if run.o.dry_run or run.o.script or (run.o.silent and not run.o.show_error) then return end
  local parts, total = {}, 0
  for _, word in ipairs(WORDS) do
    local n, before = run.count[word[1]], run.before[word[1]]
    total = total + n
    if n > 0 or word[1] == "done" then
      parts[#parts + 1] = ("%d %s%s"):format(n, word[2], before and (" (%d before)"):format(before) or "")
    end
  end
  io.stderr:write("lull: ", text.count(total, "row"), ": ", table.concat(parts, ", "), "\n")
end

---A failure before anything was sent, told as the errors of calls are.
---@param words string
function M.failure(words)
  return setmetatable({ why = "rule" }, { __tostring = function() return secret.redact(words) end })
end

return M
