-- sim: `lull sim`: many clients in virtual time against a model of a
-- server, one row of figures a policy.

local chart = require "lull.fleet.chart"
local exit = require "lull.exit"
local figures = require "lull.fleet.stats"
local fleet = require "lull.fleet.machines"
local flags = require "lull.cli.flags"
local named = require("lull.fleet.scenarios").named
local output = require "lull.cli.output"
local text = require "lull.text"
local trial = require "lull.fleet.experiment"
local usage = require "lull.usage"

local M = {}
usage.own()

local number, duration = figures.number, figures.duration

-- ---- what the options take -----------------------------------------------

local function whole(least, most)
  return function(value, name)
    local n = usage.count(value, name, least)
    if n > most then usage.fail(("%s: '%s' is more than %.0f"):format(name, value, most)) end
    return n
  end
end

-- The core keeps a stamp for each request of a window.
local function limit(value, name)
  local rate = usage.rate(value, name)
  if rate.count > 1e6 then usage.fail(("%s: '%s' is more than a million"):format(name, value)) end
  return rate
end

local function per_second(value, name)
  local rate = usage.rate(value, name)
  return rate.count / rate.window
end

-- "50ms", "50ms-200ms" (uniform), "50ms~10ms" (normal: mean, deviation)
local function draw(value, name)
  local a, sign, b = value:match("^([%w.]+)([-~])([%w.]+)$")
  a = usage.duration(a or value, name)
  b = b and usage.duration(b, name) or a
  if sign == "-" and b < a then usage.fail(name .. ": the range ends before it begins") end
  return { kind = sign == "~" and "normal" or "uniform", a = a, b = b }
end

local OUTAGES = { refuse = "refuse", hold = "hold", ["503"] = "status" }

local function outage(value, name)
  local from, to, kind = value:match("^([%w.]-)%.%.([%w.]+),?(.*)$")
  if not from or not (kind == "" or OUTAGES[kind]) then
    usage.fail(("%s: '%s' is no outage; it is FROM..TO, and after a comma 503 "
      .. "(the default), refuse or hold"):format(name, value))
  end
  from, to = usage.duration(from, name), usage.duration(to, name)
  if to <= from then usage.fail(name .. ": the outage ends before it begins") end
  return { from = from, to = to, kind = OUTAGES[kind == "" and "503" or kind] }
end

-- "10%", "10%,500"
local function share(value, name)
  local percent, status = value:match("^([%d.]+)%%,?(%d*)$")
  local n = percent and tonumber(percent)
  if not n or n > 100 or not (status == "" or status:match("^[45]%d%d$")) then
    usage.fail(("%s: '%s' is no share; it is a text such as \"10%%\" or \"10%%,500\""):format(name, value))
  end
  return { share = n / 100, status = status ~= "" and tonumber(status) or 503 }
end

local function retry_after(value, name)
  return value == "auto" and "auto" or usage.duration(value, name)
end

local METHODS = { GET = true, HEAD = true, PUT = true, DELETE = true,
  POST = true, PATCH = true, OPTIONS = true }

local function method(value, name) return usage.word(value, name, METHODS) end

-- name, argument (none: a flag), check, help
local OPTIONS = {
  { "machines", "N", whole(1, 100), "So many whole machines instead, which share their lanes by a Redis; and "
    .. "beside them as many that do not." },
  { "clients", "N", whole(1, 1e7), "How many; each is a process with its own lane. Default 1000." },
  { "calls", "N", whole(1, 1e9), "What each client has to do. Default 1." },
  { "fanout", "N", whole(1, 1e6), "How many of its calls a client makes at once. Default 1." },
  { "think", "D", usage.duration, "The pause of a client between calls." },
  { "spread", "D", usage.duration, "Clients begin at random within this time, and not all at once." },
  { "rate", "R", per_second, "Open load instead: calls begin at this rate (40/s), whatever became of others." },
  { "poisson", nil, nil, "The open load is a Poisson process, and not even." },
  { "for", "D", usage.duration, "How long calls begin (--rate; default 5m), or when to stop." },
  { "method", "M", method, "Of all calls. Default GET." },
  { "latency", "D", draw, "One way to the server: 20ms, 20ms-60ms, or 20ms~5ms (mean, deviation)." },
  { "capacity", "R", per_second, "What the server can do: 300/s. Default: anything." },
  { "service", "D", draw, "What an answer takes besides; as --latency." },
  { "queue", "N", whole(0, 1e9), "More than this many waiting: 503. Default: no bound." },
  { "limit", "R", limit, "The server's rate limit for all together (50/s): 429." },
  { "limit-each", "R", limit, "The same for each client." },
  { "outage", "FROM..TO", outage, "60s..90s answers 503; 60s..90s,refuse refuses connections; ...,hold "
    .. "keeps requests and delivers them at its end." },
  { "fail", "SHARE", share, "This share fails at random: 10% (503), or 10%,500." },
  { "retry-after", "D", retry_after, "Told with each 429 and 503; auto: with 429, until there is room." },
  { "conflicts", nil, nil, "Each call reads and then writes one row, with optimistic locking: 409." },
  { "timeout", "D", usage.duration, "Of one attempt, for every policy." },
  { "attempts", "N", whole(1, 1e6), "Tries of one call, for every policy." },
  { "seed", "N", whole(0, 2 ^ 53), "Of all random draws. Default 1." },
  { "svg", "FILE", nil, "Draw offered load and goodput over time." },
  { "json", nil, nil, "Print JSON." },
  { "scenario", "NAME", nil, "A prepared experiment: occ, budget, metastable, hedge or readme." },
}

local CHECKS = {}
for _, option in ipairs(OPTIONS) do CHECKS[option[1]] = option end

-- ---- output --------------------------------------------------------------

local COLUMNS = {
  { "completed", "completed", number },
  { "given up", "given_up", number },
  { "requests", "requests", number },
  { "per call", "amplification", function(n) return figures.fixed(n, 2) end },
  { "all done", "done", duration },
  { "p50", "p50", duration },
  { "p95", "p95", duration },
  { "p99", "p99", duration },
  { "burst", "burst", number },
  { "recover", "recover", duration },
}

local SHARED = { COLUMNS[1], COLUMNS[2], COLUMNS[3], COLUMNS[4], { "refused", "refused", number }, COLUMNS[5],
  COLUMNS[6], COLUMNS[7], COLUMNS[8], COLUMNS[9], { "scripts", "scripts", number } }

local function unfinished_lines(list)
  local lines = {}
  for _, f in ipairs(list) do
    if (f.unfinished or 0) > 0 then
      lines[#lines + 1] = ("%s: %s calls had not ended when the time was over"):format(f.policy, number(f.unfinished))
    end
  end
  return lines
end

local function as_table(list, columns)
  local rows = { { "policy" } }
  for i, column in ipairs(columns) do rows[1][i + 1] = column[1] end
  for _, f in ipairs(list) do
    local row = { f.policy }
    for i, column in ipairs(columns) do row[i + 1] = column[3](f[column[2]]) end
    rows[#rows + 1] = row
  end
  local lines = figures.aligned(rows)
  for _, line in ipairs(unfinished_lines(list)) do lines[#lines + 1] = line end
  return lines
end

local FIELDS = { "policy", "calls", "completed", "given_up", "unfinished", "least", "requests", "amplification", "done",
  "p50", "p95", "p99", "p999", "burst", "recover" }

local SHARED_FIELDS = { "policy", "calls", "completed", "given_up", "requests", "refused", "amplification", "done",
  "p50", "p95", "p99", "burst", "scripts" }

local function as_json(list, names)
  local lines = {}
  for i, f in ipairs(list) do
    local fields = {}
    for j, name in ipairs(names) do fields[j] = { name, f[name] } end
    lines[i] = figures.object(fields)
  end
  return { "[" .. table.concat(lines, ",\n ") .. "]" }
end

local function write_file(path, content)
  local file, problem = io.open(path, "w")
  if not file then trial.fail(trial.FAILED, "--svg: " .. problem) end
  local written, why = file:write(content)
  local closed, late = file:close()
  written, why = written and closed, why or late
  if not written then trial.fail(trial.FAILED, "--svg: " .. why) end
end

local function draw_chart(path, list, o)
  write_file(path, chart.draw(list, {
    outage = o.outage, limit = o.limit and o.limit.count / o.limit.window, capacity = o.capacity,
  }))
end

-- ---- the command ---------------------------------------------------------

local ABOUT = [[
A POLICY is a preset, one of the yardsticks none, curl, fixed (every second) and
exponential (1, 2, 4 ... s) without jitter, budget or lane, or a Lua file that
returns a table of client options.

Columns: requests that the server saw, and how many of them a call took; 429s
(refused); when the last call ended; how long calls took that completed (p50: half
of them no longer); the most requests in any 100 ms (burst); and how long after the
outage goodput was back at 95 % of the load for good (--rate), or the last call that
had met the outage ended (recover); what a Redis was asked (scripts). "-": there is
none. "apart": machines that share nothing.

Examples:
  lull sim --limit 50/s --outage 0s..30s --spread 10s copyleaks standard
  lull sim --rate 280/s --capacity 300/s --timeout 1s --outage 50s..60s,hold none aws
  lull sim --machines 5 --calls 100 --fanout 10 --limit 50/s github standard
  lull sim --scenario readme --svg fleet.svg]]

function M.parser()
  local argparse = require "lull.cli.parser"
  local p = argparse("lull sim", "See what a policy does to a server: many clients, in virtual time.", ABOUT)
  p:usage("Usage: lull sim [options] POLICY...")
  p:add_help(output.help(p))
  p:help_max_width(88)
  p:argument("policy", "What to compare; one row each."):args("*")
  for _, option in ipairs(OPTIONS) do
    local given = option[2] and p:option("--" .. option[1], option[4]):argname(option[2])
      or p:flag("--" .. option[1], option[4])
    given:target(option[1])
  end
  return p
end

local function parse(argv)
  local args, o = {}, {}
  for i = 2, #argv do args[i - 1] = argv[i] end
  local p = M.parser()
  local ok, parsed = p:pparse(args)
  if not ok then usage.fail(flags.explain(parsed, flags.aliases_of(p))) end
  for name, value in pairs(parsed) do
    local check = CHECKS[name] and CHECKS[name][3]
    if CHECKS[name] then o[name] = check and check(value, "--" .. name) or value end
  end
  return o, parsed.policy
end

-- What every prepared experiment takes.
local OWN = { seed = true, json = true, scenario = true }

local function run_experiment(experiment, o, policies)
  for name in text.sorted(o) do
    if not OWN[name] and not experiment.takes[name] then
      usage.fail(("--%s does not go with --scenario %s"):format(name, o.scenario))
    end
  end
  if #policies > 0 then usage.fail(("--scenario %s has policies of its own"):format(o.scenario)) end
  return experiment.run(o)
end

local function run_fleets(o, policies, note)
  if #policies == 0 then usage.fail "no policy is named" end
  local list = {}
  for i, name in ipairs(policies) do
    local _, asked = trial.policy(name)
    for _, key in ipairs(asked) do
      note(("policy '%s': its function for '%s' is not asked; the default stands"):format(name, key))
    end
    list[i] = trial.figures(name, o)
  end
  if o.svg then draw_chart(o.svg, list, o) end
  return o.json and as_json(list, FIELDS) or as_table(list, COLUMNS)
end

local function run_machines(o, policies)
  if #policies == 0 then usage.fail "no policy is named" end
  for name in text.sorted(o) do
    if not fleet.TAKES[name] then usage.fail(("--%s does not go with --machines"):format(name)) end
  end
  local list = {}
  for _, name in ipairs(policies) do
    for _, f in ipairs(fleet.figures(name, o)) do list[#list + 1] = f end
  end
  return o.json and as_json(list, SHARED_FIELDS) or as_table(list, SHARED)
end

-- A prepared load: what the command line says stands above it.
local function run_load(load, o, policies, note)
  local all = {}
  for name, value in pairs(load.options) do all[name] = value end
  for name, value in pairs(o) do all[name] = value end
  return run_fleets(all, #policies > 0 and policies or load.policies, note)
end

---What the command prints; misuse raises.
---@param argv string[] the first is "sim"
---@param note fun(text: string)? takes remarks
---@return string[] lines
function M.output(argv, note)
  note = note or function() end
  local o, policies = parse(argv)
  if o.machines and not o.scenario then return run_machines(o, policies) end
  if not o.scenario then return run_fleets(o, policies, note) end
  local scenario = named[o.scenario]
  if not scenario then usage.unknown("scenario", o.scenario, named) end
  if scenario.run then return run_experiment(scenario, o, policies) end
  return run_load(scenario, o, policies, note)
end

---@param argv string[]
---@param complain fun(text: string) writes a line of misuse
---@return integer code
function M.run(argv, complain)
  local ok, lines = pcall(M.output, argv, complain)
  if not ok and type(lines) == "table" then
    complain(lines.words)
    return lines.code
  end
  if not ok then
    complain(trial.bare(lines) .. "; try lull sim --help")
    return trial.USAGE
  end
  output.write(table.concat(lines, "\n"), "\n")
  return exit.ended(true)
end

return M
