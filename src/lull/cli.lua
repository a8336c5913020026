-- cli: the command line of `lull`, for the binary and for the rock alike.

local core = require "lull.core"
local flags = require "lull.later" "lull.flags"
local lull = require "lull"
local outcome = require "lull.outcome"
local sched = require "lull.sched"
local secret = require "lull.secret"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

M.USAGE = 2
M.NOT_LOADED = 3
M.LATER = 75

local EXAMPLES = [[
Examples:
  lull --trace script.lua a.txt b.txt        tell each verdict on standard error
  lull --sim world.lua script.lua            simulated servers, in virtual time
  lull get --attempts 8 URL -o out.json      no script; see lull get --help
Exit codes: 0 done, 1 the script failed, 2 usage, 3 it did not load,
75 some work can be tried later, 130 and 143 after SIGINT and SIGTERM.]]

local function parser()
  local argparse = require "argparse"
  local p = argparse("lull", "Run a Lua script that talks to HTTP APIs which fail, throttle or lie.", EXAMPLES)
  p:usage("Usage: lull [options] script.lua [args]    (- for standard input)\n"
    .. "       lull get|head|post|put|patch|delete [options] URL...\n"
    .. "       lull plan script.lua | lull sim POLICY...    (what would be done; sends nothing)")
  p:add_help("-h --help")
  p:option("--sim", "Run against the servers of this world file, in virtual time."):argname "FILE"
  p:option("--seed", "Fix every random draw."):argname "N"
  p:option("--record", "Keep what the servers answer, for --sim."):argname "FILE"
  p:flag("--bodies", "Record bodies too; they may hold secrets.")
  p:option("--chaos", "Add faults: \"5% 503, 1% net.reset, 2% delay 3s\"."):argname "FAULTS"
  p:option("--log", "Write each verdict as a line of JSON."):argname "FILE"
  p:flag("--trace", "Write each verdict as a line on standard error.")
  p:flag("--quiet", "Do not say what ended the script.")
  p:flag("-v --version", "Show the versions of lull and of what it uses.")
  return p
end

local function plan_parser()
  local p = require "argparse"("lull plan", "Tell what a script would do: run it up to its first request,\n"
    .. "and print each client's limits, rules and waits. Nothing is sent.",
    "Example:\n  lull plan scripts/copyleaks.lua a.txt")
  p:usage "Usage: lull plan script.lua [args]"
  return p:add_help "-h --help"
end

-- Options end at the script's name; what follows is the script's own.
local function split(argv, aliases)
  local options, i = {}, 1
  while argv[i] and argv[i]:match("^%-.") do
    options[#options + 1] = argv[i]
    if argv[i] == "--" then
      options[#options] = nil
      i = i + 1
      break
    end
    local option = aliases[argv[i]]
    if option and option._minargs == 1 and argv[i + 1] then
      i = i + 1
      options[#options + 1] = argv[i]
    end
    i = i + 1
  end
  return options, argv[i], i
end

local function complain(problem)
  io.stderr:write("lull: ", secret.redact(tostring(problem)), "\n")
end

local function versions()
  local cjson = require "cjson"
  local lua = rawget(_G, "jit") and (rawget(_G, "jit").version .. ", " .. _VERSION) or _VERSION
  io.write(("lull %s\n%s\n%s\nlua-cjson %s\n"):format(lull.version, lua,
    core.transport(), tostring(cjson._VERSION)))
  return 0
end

-- Options, the script's name and its place in argv; or nil and what is wrong.
-- Without options argparse is not even loaded.
local function parse(argv, make_parser)
  if not (argv[1] or ""):find "^%-." then return {}, argv[1], 1 end
  local p = make_parser()
  local aliases = flags.aliases_of(p)
  local options, script, at = split(argv, aliases)
  local ok, parsed = p:pparse(options)
  if not ok then return nil, flags.explain(parsed, aliases) end
  return parsed, script, at
end

local function open(o, name)
  if not o[name] then return nil end
  local file, problem = io.open(o[name], "w")
  return file, not file and ("--%s: %s"):format(name, problem) or nil
end

-- Trace, log and recording.
local function watch(o)
  local log, recording, problem
  log, problem = open(o, "log")
  if problem then return nil, problem end
  recording, problem = open(o, "record")
  if problem then return nil, problem end
  if o.chaos then
    local ok, wrong = require("lull.chaos").install(o.chaos)
    if not ok then return nil, "--chaos: " .. wrong end
  end
  if o.trace or log or recording then
    require("lull.trace").install(o.trace and io.stderr, log,
      recording and require("lull.record").install(recording, o.bodies or false))
  end
  return true
end

local function prepare(o)
  M.quiet = o.quiet
  local seed = o.seed and tonumber(o.seed)
  if o.seed and (not seed or seed < 0 or seed ~= math.floor(seed) or seed >= 2 ^ 53) then
    return nil, "--seed takes a whole number from 0 to 2^53"
  end
  if o.sim then
    local ok, problem = require("lull.simulate").install(o.sim, seed or 0)
    if not ok then return nil, problem, M.NOT_LOADED end
  elseif seed then
    sched.use(core.engine { seed = seed, interrupt_fd = sched.interrupt_fd })
  end
  return watch(o)
end

-- What the script's end means to who started it.
local LATER = { hint = true, budget = true, breaker = true }

---The exit code that an error which ended a script comes to.
---@param err any
---@return integer
function M.code_of(err)
  if sched.is_exit(err) then return err.code end
  if getmetatable(err) == outcome.Error and LATER[err.why] then return M.LATER end
  return 1
end

local function failure(err)
  local quiet = sched.is_exit(err) or (sched.interrupted and sched.is_cancellation(err))
  if not quiet and not M.quiet then complain(secret.shown(err)) end
  return M.code_of(err)
end

-- As the standard print, but a closed pipe ends the script instead of
-- letting it work for nobody.
local function printing(...)
  local parts = {}
  for i = 1, select("#", ...) do parts[i] = tostring((select(i, ...))) end
  local ok, problem = io.stdout:write(table.concat(parts, "\t"), "\n")
  if not ok then usage.fail("cannot write to standard output: " .. tostring(problem)) end
end

local function set_arguments(argv, script, at)
  local args = {}
  for i = at + 1, #argv do args[i - at] = argv[i] end
  args[0] = script
  _G.arg = args -- luacheck: ignore
  _G.print = printing -- luacheck: ignore
  return args
end

-- Commands by their first word; a module is loaded when its turn comes, and
-- each takes argv and gives the exit code.
local COMMANDS = {}

local function load(script)
  local chunk, problem = loadfile(script ~= "-" and script or nil)
  local command = not chunk and problem:find "^cannot open" and usage.nearest(script, COMMANDS)
  if command then problem = ("%s (did you mean 'lull %s'?)"):format(problem, command) end
  if not chunk then complain(problem) end
  return chunk
end

local last_signal = function() return 0 end

-- The script's exit code from how it ended. One that was busy when the signal
-- came was stopped before the loop could hear of it.
local function ended(ok, err)
  local code = ok and 0 or failure(err)
  local signal = sched.interrupted or last_signal()
  if signal > 0 then code = 128 + signal end
  return code
end

-- The first signal. Who waits at a terminal is told what for.
local function interrupted(signal)
  sched.interrupt(signal)
  local flying = 0
  for _, lane in pairs(sched.engine():lanes()) do flying = flying + lane.flying end
  if flying > 0 and not M.quiet then
    complain(("finishing %s; once more stops at once"):format(text.count(flying, "request")))
  end
end

local unpack = table.unpack or unpack -- luacheck: ignore

-- argv without its first word.
local function rest_of(argv)
  local rest = {}
  for i = 2, #argv do rest[i - 1] = argv[i] end
  return rest
end

-- lull plan script.lua [args]
local function plan(argv)
  argv = rest_of(argv)
  local ok, script, at = parse(argv, plan_parser)
  if not ok or not script then
    complain((script or "plan takes a script") .. "; try lull plan --help")
    return M.USAGE
  end
  local chunk = load(script)
  if not chunk then return M.NOT_LOADED end
  local args = set_arguments(argv, script, at)
  return ended(require("lull.plan").run(chunk, unpack(args)))
end

COMMANDS.plan = plan

-- lull sim [options] POLICY...
function COMMANDS.sim(argv) return require("lull.fleet").run(argv, complain) end

local METHODS = { get = true, head = true, post = true, put = true, patch = true, delete = true }

for method in pairs(METHODS) do
  COMMANDS[method] = function(argv) return require("lull.fetch").run(argv) end
end

-- `lull --trace get URL` is `lull get --trace URL`.
local function command_first(argv)
  if not (argv[1] or ""):find "^%-." then return argv end
  local options, name, at = split(argv, flags.aliases_of(parser()))
  if not METHODS[name] then return argv end
  local moved = { name }
  for _, option in ipairs(options) do moved[#moved + 1] = option end
  for i = at + 1, #argv do moved[#moved + 1] = argv[i] end
  return moved
end

M.COMMANDS, M.parser, M.plan_parser, M.prepare = COMMANDS, parser, plan_parser, prepare
M.complain, M.ended = complain, ended

---Runs the command line and gives the exit code.
---@param argv string[]
---@param host table? what only the binary has: signals
---@return integer
function M.main(argv, host)
  if host then
    sched.interrupt_fd = host.interrupt_fd
    sched.tell(host.entering)
    last_signal = host.acknowledge
    sched.on("interrupt", function() interrupted(host.acknowledge()) end)
  end
  argv = command_first(argv)
  local command = COMMANDS[argv[1]]
  if command then return command(argv) end
  local o, script, at = parse(argv, parser)
  if not o then
    complain(script .. "; try lull --help")
    return M.USAGE
  end
  if o.version then return versions() end
  if not script then
    complain("no script is named; try lull --help")
    return M.USAGE
  end
  local chunk = load(script)
  if not chunk then return M.NOT_LOADED end
  local ok, problem, code = prepare(o)
  if not ok then
    complain(problem)
    return code or M.USAGE
  end
  return ended(sched.main(chunk, unpack(set_arguments(argv, script, at))))
end

return M
