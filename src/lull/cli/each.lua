-- each: `lull post URL --each rows.csv`: a request for each row of a file.
--
-- Rows are read one by one, and what became of each is a line of JSON at once:
-- memory does not grow with the file.

local batches = require "lull.lazy" "lull.batch.each"
local clients = require "lull.client"
local core = require "lull.core"
local crowds = require "lull.lazy" "lull.crowd"
local exit = require "lull.exit"
local jobs = require "lull.cli.job"
local json = require "lull.json"
local lull = require "lull"
local outcomes = require "lull.cli.outcomes"
local progress = require "lull.lazy" "lull.progress"
local redact = require "lull.redact"
local rows = require "lull.batch.rows"
local sched = require "lull.sched"
local showing = require "lull.lazy" "lull.cli.show"
local tasks = require "lull.lazy" "lull.tasks"
local template = require "lull.cli.template"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

local refuse = jobs.refuse

-- ---- templates -----------------------------------------------------------

-- The value of a header that is given once with each row.
local function take_headers(o)
  local fixed, varying = {}, {}
  for _, line in ipairs(o.header) do
    local name, value = jobs.header(line)
    if name and template.has_fields(value) then
      varying[name] = template.new(value, "line")
    else
      fixed[#fixed + 1] = line
    end
  end
  o.header = fixed
  return varying
end

local function is_form(o)
  if o.get then return true end
  for _, line in ipairs(o.header) do
    local kind = line:lower():match "^content%-type:%s*(.*)$"
    if kind and not kind:find("x-www-form-urlencoded", 1, true) then return false end
  end
  return true
end

-- A body that is a text has fields; one that is a file is sent as it is.
local function body_of(job, o)
  local body = job.call.body
  job.call.body = nil
  if type(body) ~= "string" then return nil, body end
  return template.new(body, o.json[1] and "json" or is_form(o) and "form" or "text")
end

-- The parts of a form, each with a template for what may have fields.
local function parts_of(job)
  local list = {}
  for i, part in ipairs(job.call.multipart or {}) do
    local made = {}
    for name, place in pairs { value = "text", file = "line", filename = "line" } do
      if type(part[name]) == "string" then made[name] = template.new(part[name], place) end
    end
    list[i] = { part = part, made = made }
  end
  return list[1] and list or nil
end

-- The file that -T names is another one for each row.
local function take_upload(o)
  local path = o.upload_file
  if not path or not template.has_fields(path) then return nil end
  o.upload_file = nil
  return template.new(path, "file")
end

-- The client, and what is made anew for each row.
local function understand(o)
  local headers, upload = take_headers(o), take_upload(o)
  local job, problem = jobs.new(o)
  if not job then return nil, problem end
  local plan = { job = job, headers = headers, upload = upload, url = template.new(o.url[1], "url") }
  plan.body, plan.file = body_of(job, o)
  plan.parts = parts_of(job)
  if job.call.query then plan.query = template.new(job.call.query, "form") end
  local key = job.call.key
  if type(key) == "string" then plan.key = template.new(key, "key") end
  if o.output[1] then plan.output = template.new(o.output[1], "path") end
  if o.id then plan.id = template.new(o.id, "text") end
  plan.is_bare = not (next(headers) or upload or plan.body or plan.file or plan.parts or plan.query or plan.output
    or key)
  return plan
end

local function all_templates(plan)
  local list = { plan.url, plan.body, plan.key, plan.output, plan.id, plan.upload, plan.query }
  local found = {}
  for i = 1, 7 do found[#found + 1] = list[i] end
  for _, one in ipairs(plan.parts or {}) do
    for _, made in text.sorted(one.made) do found[#found + 1] = made end
  end
  for _, name in ipairs(text.keys(plan.headers)) do found[#found + 1] = plan.headers[name] end
  return found
end

-- ---- one row -------------------------------------------------------------

-- Where fields come after the server's name, escaped, none makes it no URL.
local function url_of(plan, row)
  local url, problem = plan.url:of(row)
  if not url then return nil, problem end
  if plan.goes_to then return url end
  if not url:find "^%a[%w+.-]*://" then url = "http://" .. url end
  if core.url(url) then
    plan.goes_to = type(plan.url.parts[1]) == "string" and plan.url.parts[1]:match "^%a[%w+.-]*://[^/?#]+[/?#]"
    return url
  end
  redact.url(url)
  return nil, ("'%s' %s"):format(url, text.url_problem(url))
end

local function body_for(plan, row, raw)
  if plan.body then return plan.body:of(row, plan.is_json and raw or nil) end
  if not plan.upload then return plan.file end
  local path, problem = plan.upload:of(row)
  return path and lull.file(path), problem
end

-- One of the call's options that is made of the row.
local function add(call, name, made, row)
  if not made then return nil end
  local value, problem = made:of(row)
  call[name] = value
  return problem
end

local function parts_for(plan, row)
  local list = {}
  for i, one in ipairs(plan.parts) do
    local part = {}
    for name, value in pairs(one.part) do part[name] = value end
    for name, made in pairs(one.made) do
      local value, problem = made:of(row)
      if not value then return nil, problem end
      part[name] = value
    end
    list[i] = part
  end
  return list
end

-- What is sent for a row, of which `raw` is the text: the URL and the call's options;
-- or nil and what is wrong with the row.
local function request_of(plan, row, raw)
  local url, problem = url_of(plan, row)
  if not url then return nil, problem end
  if plan.is_bare then return url, nil end
  local call = { headers = next(plan.headers) and {} or nil, key = plan.job.call.key }
  call.body, problem = body_for(plan, row, raw)
  if plan.parts and not problem then call.multipart, problem = parts_for(plan, row) end
  problem = problem or add(call, "key", plan.key, row) or add(call, "output", plan.output, row)
    or add(call, "query", plan.query, row)
  for name, value in pairs(plan.headers) do problem = problem or add(call.headers, name, value, row) end
  if problem then return nil, problem end
  return url, call
end

-- ---- before anything is sent ---------------------------------------------

local function has_field(row, name)
  return name == "." or template.field(row, name) ~= nil
end

local function check_fields(plan, row)
  for _, made in ipairs(all_templates(plan)) do
    if made.mistyped then
      refuse("'%s' has a brace that begins no field: a field is {name}, the whole row {.}, and a brace itself {{",
        made.mistyped)
    end
    for _, name in ipairs(made:fields()) do
      if not has_field(row, name) then
        local known = type(row) == "table" and text.keys(row) or {}
        refuse("the rows have no field '%s' (%s); a brace itself is written {{", name,
          #known > 0 and "they have " .. table.concat(known, ", ") or "a line is {.}")
      end
    end
  end
end

-- By what the journal is to tell rows apart.
local function check_id(plan, row)
  if plan.id or type(row) ~= "table" or row.id ~= nil then return end
  refuse("--journal tells rows apart by their field 'id', and these have none (they have %s): name another by "
    .. "--id, such as --id '{%s}'", table.concat(text.keys(row), ", "), tostring(text.keys(row)[1]))
end

-- The first row shows what is wrong with all of them.
local function check_first(plan, row, o, raw)
  check_fields(plan, row)
  if o.journal then check_id(plan, row) end
  local url, call = request_of(plan, row, raw)
  if not url then refuse("the first row: %s", call) end
  if plan.body and plan.body.place == "json" then
    local value, problem = json.decode(call.body)
    if value == nil then refuse("--json makes no JSON of the first row: %s: %s", problem, call.body) end
  end
end

-- Two rows that go to one file: seen in a walk of their own, before the first
-- request. What cannot be walked twice, standard input or a pipe, has a row
-- refused when its turn comes.
local function check_outputs(run)
  local plan, o = run.plan, run.o
  if not plan.output or not run.walks_again then return end
  local seen, number = {}, 0
  for row in rows.rows(o.each, { format = o.format }) do
    number = number + 1
    local path = not rows.is_broken(row) and plan.output:of(row)
    if path and seen[path] then
      refuse("rows %d and %d would both go to %s", seen[path], number, path)
    end
    if path then seen[path] = number end
  end
end

-- ---- the run -------------------------------------------------------------

-- Of a file's rows that is known before the first is sent.
local function taken(run, call)
  if not (call and call.output) or run.walks_again then return nil end
  local before = run.outputs[call.output]
  run.outputs[call.output] = true
  return before and ("two rows would both go to %s"):format(call.output)
end

-- What `how` gives of a row's request; or nil, nil and why there is none.
local function send(run, row, raw, how)
  local url, call = request_of(run.plan, row, raw)
  local problem = not url and call or taken(run, call)
  if problem then return nil, nil, outcomes.failure(problem) end
  return how(run.plan.job.client, run.o.method, url, call)
end

-- A row's name. With a journal it is what tells rows apart over all runs.
local function id_of(run, row, number)
  if run.plan.id then return run.plan.id:of(row) end
  if not run.o.journal then return number end
  if type(row) == "table" then return row.id end
  return row
end

-- A row's line, and what the run counts it as.
local function settle(run, name, number, raw, res, err)
  if run.begun then run.begun[number] = nil end
  local line = { id = name or number }
  if res then return outcomes.accepted(run, line, res, number) end
  outcomes.refused(run, line, err, raw, number)
  return nil, err
end

local function request(client, method, url, call)
  local res, err = client:request(method, url, call)
  return res, nil, err
end

-- One row from its request to its line, in a task of its own.
local function one(run, row, raw, number)
  local res, _, err = send(run, row, raw, request)
  return settle(run, id_of(run, row, number), number, raw, res, err)
end

-- All rows without tasks.
local function crowd(run, source)
  local collect = run.o.report and require "lull.report.collect"
  local client, minted = run.plan.job.client, run.plan.job.call.key == true
  local parallel = run.o.parallel and run.plan.job.parallel or tasks.PARALLEL
  local function begin(row, raw, number)
    local name = run.plan.id and id_of(run, row) or nil
    if collect then collect.row(name or number) end
    local id, res, err = send(run, row, raw, clients.begin)
    if id then return id, number, run.failed and raw or nil, name end
    return nil, settle(run, name, number, raw, res, err)
  end
  return crowds.run(source, parallel, begin, function(details, number, raw, name)
    return settle(run, name, number, raw, clients.ended(client, details, minted))
  end)
end

-- With a journal: a row without a name is one that cannot be read.
local function nameless(run, row, number)
  local id, problem = id_of(run, row, number)
  if (type(id) == "string" and id ~= "") or type(id) == "number" then return nil end
  return setmetatable({ file = run.reader.name, line = run.reader.number,
    broken = problem or "the row has no id" }, tasks.Broken)
end

-- The rows with their texts and numbers. A broken one has its line here: no
-- request is made of it.
local function source_of(run)
  local number = 0
  return function()
    local row, raw
    if run.first then row, raw, run.first = run.first.row, run.first.raw, nil else row, raw = run.next() end
    if row == nil then return nil end
    number = number + 1
    if run.o.journal and not rows.is_broken(row) then row = nameless(run, row, number) or row end
    if rows.is_broken(row) then
      outcomes.keep_row(run, raw)
      outcomes.put(run, { id = number, outcome = "failed", error = tostring(row) })
    elseif run.begun then
      run.begun[number] = raw
    end
    return row, raw, number
  end
end

-- What was not begun is not done either. A journal knows that.
local function keep_rest(run)
  if not (run.begun and run.walks_again) then return end
  local row, raw = run.next()
  while row ~= nil do
    outcomes.keep_row(run, raw)
    run.count.open = run.count.open + 1
    row, raw = run.next()
  end
end

-- After a run that was broken off, as nobody reads what it prints: those that were
-- under way have no end either.
local function keep_all(run)
  for _, number in ipairs(text.keys(run.begun or {})) do outcomes.keep_row(run, run.begun[number]) end
  keep_rest(run)
end

-- What is written must not be what is read: the rows would be gone.
local function check_targets(o)
  for _, name in ipairs { "results", "failed", "journal" } do
    if o[name] and o[name]:gsub("^%./", "") == o.each:gsub("^%./", "") and o.each ~= "-" then
      refuse("--%s would overwrite %s, which is read", name, o.each)
    end
  end
end

-- The first row that is whole, which comes again.
local function peek(run)
  local row, raw = run.next()
  if row == nil then return nil end
  run.first = { row = row, raw = raw }
  return not rows.is_broken(row) and row or nil
end

local function prepare(o)
  check_targets(o)
  local plan, problem = understand(o)
  if not plan then refuse("%s", problem) end
  local ok, next_row, reader = pcall(rows.open, o.each, { format = o.format })
  if not ok then refuse("%s", next_row) end
  plan.is_json = reader.format == "ndjson"
  local run = { o = o, plan = plan, next = next_row, reader = reader, outputs = {},
    count = { done = 0, failed = 0, later = 0, open = 0 }, before = {} }
  run.walks_again = o.each ~= "-" and reader.file:seek() ~= nil
  local readable, row = lull.try(function() return peek(run) end)
  if not readable then refuse("%s", row) end
  if row ~= nil then check_first(plan, row, o, run.first.raw) end
  check_outputs(run)
  local instead = o.dry_run or o.script
  run.results = instead and io.stderr or (o.results or not o.write_out) and outcomes.open(o.results)
  run.failed = o.failed and not instead and outcomes.open(o.failed)
  run.begun = run.failed and not o.journal and {} or nil -- texts of rows under way, by number
  return run
end

-- ---- instead of sending --------------------------------------------------

local function show(run, row, raw)
  local url, call = request_of(run.plan, row, raw)
  if not url then return outcomes.write(io.stdout, "# ", call, "\n\n") end
  outcomes.write(io.stdout, showing.request(run.o.method, url, call or {}, run.plan.job.settings))
end

local function dry_run(run)
  local take = source_of(run)
  for _ = 1, showing.SHOWN do
    local row, raw = take()
    if row == nil then break end
    if not rows.is_broken(row) then show(run, row, raw) end
  end
  showing.plan(run.plan.job.client)
end

-- ---- the command ---------------------------------------------------------

local function run_all(run)
  local o = run.o
  if o.script then
    return outcomes.write(io.stdout, require("lull.cli.script").of(o, run.plan, run.plan.job.settings))
  end
  if o.dry_run then return dry_run(run) end
  local options = { parallel = o.parallel and run.plan.job.parallel,
    id = o.journal and function(row) return (id_of(run, row)) end or nil }
  local source = source_of(run)
  progress.sizes[source] = progress.sizes[run.next]
  if not o.journal and clients.is_unattended(run.plan.job.client) then
    run.sum = crowd(run, source)
    return sched.interrupted and keep_rest(run)
  end
  local function fn(...) return one(run, ...) end
  local told = { again = "the same command", bodies = o.bodies, before = function(state, kept, row, raw)
    outcomes.before(run, state, kept, id_of(run, row), raw)
  end }
  run.sum = (o.journal and batches or lull).each(source, options, fn, told)
  if sched.interrupted then keep_rest(run) end
end

-- What makes no sense with rows, before they are looked at.
local function check_options(o)
  if #o.url ~= 1 then refuse "--each takes one URL, with {field} where a row's field goes" end
  if #o.output > 1 then refuse "--each takes one --output, with a field in it" end
  for _, name in ipairs { "input", "remote_name", "curl" } do
    if o[name] then refuse("--each goes without --%s", (name:gsub("_", "-"))) end
  end
end

---Runs the command for each row; gives the exit code, or nil and what is wrong
---with the command line.
---@param o table from flags.parse
---@return integer?
---@return string? problem
function M.run(o)
  local misuse, sum, run
  local ok, err = sched.main(function()
    local usable, problem = lull.try(function()
      check_options(o)
      return prepare(o)
    end)
    if usable then
      run = problem
      run_all(run)
      sum = run.sum
    elseif type(problem) == "table" and problem.usage then
      misuse = problem.usage
    else
      error(problem, 0)
    end
    if usable then outcomes.tell(problem) end
  end)
  if misuse then return nil, misuse end
  if run and not ok then keep_all(run) end
  local code = exit.ended(ok, err)
  return code ~= 0 and code or sum and sum.code or 0
end

return M
