-- fetch: `lull get URL` and its sisters, for those who need no script.
--
-- A body is printed when its answer is accepted, whole, and in the order of
-- the URLs, however many are under way at once.

local core = require "lull.core"
local exit = require "lull.exit"
local lazy = require "lull.lazy"
local lull = require "lull"
local redact = require "lull.redact"
local sched = require "lull.sched"
local stdout = require "lull.cli.output"
local text = require "lull.text"
local usage = require "lull.usage"

-- What URLs alone do without.
local config = lazy "lull.cli.config"
local files, flags, input = lazy "lull.cli.files", lazy "lull.cli.flags", lazy "lull.input"
local jobs, progress, switches = lazy "lull.cli.job", lazy "lull.cli.progress", lazy "lull.cli.switches"
local utf8 = lazy "lull.utf8"

local M = {}
usage.own()

-- So many results for each call under way may wait for an earlier one.
local WINDOW = 8

-- A failure that is told as the errors of calls are.
local function failure(words)
  return setmetatable({ why = "rule" }, { __tostring = function() return words end })
end

-- ---- the URLs ------------------------------------------------------------

-- A URL as the command line has it, or nil and what is wrong with it.
local function url_of(given)
  local url = given:find "^%a[%w+.-]*://" and given or "http://" .. given
  if core.url(url) then return url end
  redact.url(url) -- one whose password makes it none is not shown with that
  return nil, ("'%s' %s"):format(given, text.url_problem(url))
end

-- Sent without a body by mistake rather than on purpose.
local WITH_BODY = { POST = true, PUT = true, PATCH = true }

-- Of rows, which there are none of.
local OF_ROWS = { "journal", "failed", "results", "id", "format" }

local function problem_of_rows(o)
  for _, name in ipairs(OF_ROWS) do
    if o[name] then
      return ("--%s is for rows: give them by --each (a file with a URL a line: %s {.} --each FILE)"):format(name,
        o.method:lower())
    end
  end
end

-- What is wrong with the URLs of the command line and where they are to go.
local function problem_of_urls(o)
  local problem = problem_of_rows(o)
  if problem then return problem end
  if #o.url == 0 and not o.input then return "no URL is given" end
  for _, url in ipairs(o.url) do
    local usable
    usable, problem = url_of(url)
    if not usable then return problem end
  end
  if #o.output > 0 and (o.remote_name or o.input) then
    return "--output is for URLs of the command line, without --remote-name"
  end
  if #o.output > #o.url then return "there are more outputs than URLs" end
  if o.input and WITH_BODY[o.method] and not jobs.has_body(o) then
    return ("%s -i takes URLs from the file, and no bodies; say what each is sent with --data or --json "
      .. "(--data '' for nothing), or take rows by --each"):format(o.method:lower())
  end
  if o.script and (o.skip_existing or o.sha256) then
    return "--script goes without --skip-existing and --sha256"
  end
  if o.continue or o.skip_existing or o.sha256 then return files.problem(o) end
end

-- What gives line after line. In virtual time nothing can be waited for.
local function reader_of(o)
  local file, problem = io.stdin, nil
  if o.input ~= "-" then file, problem = io.open(o.input, "rb") end
  if not file then
    error({ usage = ("cannot read %s (-i is a file of URLs; headers are shown by lull head)"):format(problem) }, 0)
  end
  if o.sim then return function() return file:read "*l" end end
  return input.lines(file)
end

-- Lines but empty ones and comments, with a name for messages.
local function lines_of(o)
  if not o.input then return function() end end
  local path, reader, number = o.input, reader_of(o), 0
  return function()
    local line, problem = reader()
    while line do
      number = number + 1
      local url = line:match "^%s*(.-)%s*$"
      if url ~= "" and not url:find "^#" then return url, ("%s:%d"):format(path, number) end
      line, problem = reader()
    end
    if problem then
      error(failure(("cannot read %s: %s"):format(path == "-" and "standard input" or path, problem)), 0)
    end
  end
end

-- All URLs in their order, pulled one by one.
local function items_of(o)
  local next_line, index = lines_of(o), 0
  return function()
    index = index + 1
    if o.url[index] then
      return { index = index, url = url_of(o.url[index]), output = o.output[index] }
    end
    local line, where = next_line()
    if not line then return nil end
    local url, problem = url_of(line)
    return { index = index, url = url, problem = problem, where = where }
  end
end

local function output_of(run, item)
  local path = item.output
  if run.o.remote_name then
    path = files.remote_name(item.url)
    if not path then return nil, "the URL ends in no file's name" end
  end
  if run.o.remote_name and run.o.output_dir then path = run.o.output_dir .. "/" .. path end
  if path == "-" then return nil end
  if path and run.outputs[path] then return nil, ("two URLs cannot both go to %s"):format(path) end
  if path then run.outputs[path] = true end
  return path
end

-- ---- one call ------------------------------------------------------------

-- Before anything was sent.
local function refused(item, problem)
  return { err = failure(("%s: %s"):format(item.where or item.url, problem)), url = item.url, number = item.index }
end

local function fetch(run, item)
  if not item.url then return refused(item, item.problem) end
  local output, problem = output_of(run, item)
  if problem then return refused(item, problem) end
  local sum
  sum, problem = run.sums(output or item.url:gsub("[?#].*", ""))
  if problem then return refused(item, problem) end
  if run.o.skip_existing and output and files.is_there(output, sum) then return { there = true } end
  local call = { output = output and { output, sha256 = sum, continue = run.o.continue } }
  for name, value in pairs(run.job.call) do call[name] = value end
  local client, method = run.job.client, run.o.method:lower()
  local res, err = client[method](client, item.url, next(call) and call or nil)
  if res and sum and not output and core.sha256(res.body) ~= sum then
    res, err = nil, failure(("%s %s: %s (http.checksum)"):format(run.o.method, item.url,
      core.classes()["http.checksum"]))
  end
  return { res = res, err = err, output = output, url = item.url, anyway = item.output == "-" }
end

-- ---- what comes out ------------------------------------------------------

-- What a terminal would take for commands, or show as nonsense.
local function is_binary(res)
  if res.body:find "[%z\1-\6\14-\26\28-\31\127]" then return true end
  local kind = res.headers["content-type"] or ""
  return not kind:lower():find "^text/" and not utf8.is(res.body)
end

-- The body, but for bytes that are not meant for a terminal.
local function print_body(run, result, res)
  if result.anyway or not core.terminal(io.stdout) or not is_binary(res) then return stdout.flush(res.body) end
  run.failed.final = true
  exit.complain(("%s: the body is binary, and this is a terminal; -o FILE keeps it, -o - prints it even so")
    :format(result.url))
end

local function head_text(res)
  local lines = { tostring(res) }
  for name, value in res.headers:each() do lines[#lines + 1] = name .. ": " .. value end
  return table.concat(lines, "\n") .. "\n\n"
end

local function write_error_body(run, result)
  local err = result.err
  if type(err.reason) ~= "number" or not err.response then return end
  if not result.output then return print_body(run, result, err.response) end
  local ok, problem = core.write(result.output, err.response.body)
  if not ok then exit.lose(result.output, problem) end
end

-- What is printed of an answer that was accepted, or said of an error; gives the
-- exit code that this alone would be.
local function tell(run, result)
  local o, res, err = run.o, result.res, result.err
  if res then
    if o.method == "HEAD" then
      stdout.flush(head_text(res))
    elseif not result.output then
      print_body(run, result, res)
    end
    return 0
  end
  local later = err.later
  run.failed[later and "later" or "final"] = true
  if not (o.silent and not o.show_error) then exit.complain(err) end
  if o.fail_with_body then write_error_body(run, result) end
  return later and exit.LATER or 1
end

local function deliver(run, result)
  if result.there then return end
  local code = tell(run, result)
  if not run.job.write_out then return end
  stdout.flush(run.job.write_out(result.res, result.err, { method = run.o.method, url = result.url,
    output = result.output, number = result.number, code = code }))
end

-- Gives out what is there, up to the first that is still under way.
local function flush(run)
  while run.results[run.turn] do
    local result = run.results[run.turn]
    run.results[run.turn] = nil
    run.turn = run.turn + 1
    deliver(run, result)
  end
  sched.wake(run.puller)
end

-- The next URL, once the results that wait for their turn are few enough.
local function pull(run)
  local item = run.items()
  if not item then return nil end
  run.puller = sched.current()
  sched.hold(function() return item.index < run.turn + run.window end, "the URLs before")
  run.puller = nil
  return item
end

local function fetch_one(run, item)
  local result = fetch(run, item)
  result.number = item.index
  run.results[item.index] = result
  flush(run)
end

local function fetch_all(run)
  if run.job.parallel > 1 then
    return lull.each(function() return pull(run) end, { parallel = run.job.parallel },
      function(item) fetch_one(run, item) end)
  end
  local item = run.items()
  while item do
    fetch_one(run, item)
    item = not sched.interrupted and run.items() or nil
  end
end

-- ---- the command ---------------------------------------------------------

local function code_of(run, ok, err)
  local code = exit.ended(ok, err)
  if code ~= 0 then return code end
  if run.failed.final then return 1 end
  return run.failed.later and exit.LATER or 0
end

local function misuse(command, problem, o)
  if o and o.config_lines then problem = config.located(problem, o.config_lines) end
  exit.complain(("%s; try lull %s --help"):format(problem, command))
  return exit.USAGE
end

-- Calls `show(item)` for each URL instead of sending.
local function instead(run, show)
  local ok, err = sched.main(function()
    local item = run.items()
    while item do
      if item.url then show(item) else deliver(run, refused(item, item.problem)) end
      item = run.items()
    end
  end)
  return code_of(run, ok, err)
end

local function print_curl(run)
  local curl = require "lull.cli.curl"
  return instead(run, function(item)
    stdout.flush(curl.command(run.o, run.job, item.url, item.output), "\n")
  end)
end

-- The first requests, and the plan.
local function dry_run(run)
  local show, shown = require "lull.cli.show", 0
  local code = instead(run, function(item)
    shown = shown + 1
    if shown > show.SHOWN then return end
    local call = { output = output_of(run, item) }
    for name, value in pairs(run.job.call) do call[name] = value end
    stdout.flush(show.request(run.o.method, item.url, call, run.job.settings))
  end)
  show.plan(run.job.client)
  return code
end

local function print_script(run)
  stdout.write(require("lull.cli.script").of_urls(run.o, run.job))
  return 0
end

-- What is asked for instead of sending; nil for the thing itself.
local function other(run)
  if run.o.curl then return print_curl(run) end
  if run.o.script then return print_script(run) end
  if run.o.dry_run then return dry_run(run) end
end

---What flags.parse makes of URLs alone; nil when there is more. The parser
---would take longer than all else before the first request.
---@param argv string[] the command first
---@return table?
function M.bare(argv)
  local o = { url = {}, method = argv[1]:upper(), data = {}, header = {}, json = {}, limit = {},
    on = {}, output = {}, form = {}, config = {}, data_urlencode = {} }
  for i = 2, #argv do
    if argv[i]:find "^%-" then return nil end
    o.url[i - 1] = argv[i]
  end
  return o
end

-- The command line as options and what they make of each call; or without the
-- latter, and what is wrong.
local function understand(argv)
  local bare, problem = M.bare(argv), nil
  local o = bare
  if not bare then o, problem = flags.parse(argv) end
  if not o or o.help then return o, nil, problem end
  problem = not o.each and problem_of_urls(o)
  if problem then return o, nil, problem end
  if o.each then return o end
  if bare then return o, { client = lull.client {}, call = {}, parallel = 1, bare = true } end
  return o, jobs.new(o)
end

-- What switches.prepare looks at: without any of these there is only a run's progress
-- to be told, on a terminal.
M.SWITCHES = { "seed", "grace", "store_timeout", "on_store_loss", "journal", "force", "assume_durable", "sim", "log",
  "record", "chaos", "report", "trace", "progress" }

local function tell_progress(o)
  if core.terminal(io.stderr) then progress.begin(nil, o.silent) end
end

local function has_switches(o)
  for _, name in ipairs(M.SWITCHES) do
    if o[name] ~= nil then return true end
  end
  return false
end

-- curl would make a POST of it.
local function tell_of_body(o)
  if o.method ~= "GET" or o.get or not jobs.has_body(o) then return end
  exit.complain "a GET with a body is sent: the method is the command (lull post sends a POST, -G puts -d into the URL)"
end

-- The exit code of what cannot begin; nil when all is prepared.
local function prepare(command, o)
  local problem, unusable
  if has_switches(o) then problem, unusable = switches.prepare(o) else tell_progress(o) end
  if unusable then
    exit.complain(problem)
    return exit.NOT_LOADED
  end
  exit.quiet = o.silent and not o.show_error
  if not (problem or exit.quiet) then tell_of_body(o) end
  return problem and misuse(command, problem, o) or nil
end

local function start(run)
  local code
  if run.job.bare then tell_progress(run.o) else code = prepare(run.command, run.o) end
  return code or code_of(run, sched.main(fetch_all, run))
end

local function start_each(command, o)
  local code = prepare(command, o)
  if code then return code end
  local ended, problem = require("lull.cli.each").run(o)
  return ended or misuse(command, problem, o)
end

local function no_sums() return nil end

---Runs `lull get ...` and its sisters; gives the exit code.
---@param argv string[] the command first
---@return integer
function M.run(argv)
  local command = argv[1]
  local o, job, problem = understand(argv)
  if o and o.help then
    stdout.write(o.help, "\n")
    return 0
  end
  if o and o.each and not problem then return start_each(command, o) end
  if not job then return misuse(command, problem, o) end
  local found, items = pcall(items_of, o)
  if not found then return misuse(command, items.usage or items, o) end
  local sums
  sums, problem = no_sums, nil
  if o.sha256 then sums, problem = files.sums(o) end
  if not sums then return misuse(command, problem, o) end
  local run = { command = command, o = o, job = job, items = items, sums = sums, results = {}, outputs = {},
    failed = {}, turn = 1, window = WINDOW * job.parallel }
  return other(run) or start(run)
end

return M
