-- switches: the options of `lull script.lua` and of `lull plan`, and what those
-- do that all commands share: traces, logs, recordings, worlds, chance.

local core = require "lull.core"
local exit = require "lull.exit"
local flags = require "lull.lazy" "lull.cli.flags"
local lull = require "lull"
local output = require "lull.cli.output"
local journals = require "lull.lazy" "lull.batch.journal"
local redis = require "lull.lazy" "lull.redis"
local patience = require "lull.lazy" "lull.patience"
local sched = require "lull.sched"
local progress = require "lull.lazy" "lull.cli.progress"
local usage = require "lull.usage"

local M = {}
usage.own()

local EXAMPLES = [[
Examples:
  lull --journal run.lull script.lua         goes on after a kill
  lull --sim world.lua script.lua            simulated servers, in virtual time
  lull get --attempts 8 URL -o out.json      no script; see lull get --help
Exit codes: 0 done, 1 failed, 2 usage, 3 did not load, 75 try later, 129/130/143 after HUP/INT/TERM.]]

function M.parser()
  local argparse = require "lull.cli.parser"
  local p = argparse("lull", "Run a Lua script that talks to HTTP APIs which fail, throttle or lie.", EXAMPLES)
  p:usage("Usage: lull [options] script.lua|- [args] | lull get|head|post|put|patch|delete [options] URL...\n"
    .. "   lull plan SCRIPT | sim POLICY | status|items|retry|report FILE | work REDIS SCRIPT | explain NAME")
  p:add_help(output.help(p))
  p:option("--sim", "Run against the servers of this world file, in virtual time."):argname "FILE"
  p:option("--seed", "Fix every random draw."):argname "N"
  p:option("--record", "Keep what the servers answer, for --sim (bodies: --bodies)."):argname "FILE"
  p:flag("--bodies", "Record bodies too; they may hold secrets."):hidden(true)
  p:option("--chaos", "Add faults: \"5% 503, 1% net.reset, 2% delay 3s\"."):argname "FAULTS"
  p:option("--journal", "Remember what is done: lull.each goes on after a kill."):argname "FILE"
  p:option("--store-timeout", "A Redis with the journal may be away for so long (30s)."):argname "TIME"
    :hidden(true)
  p:flag("--assume-durable", "Take a Redis as a journal that may forget."):hidden(true)
  p:option("--on-store-loss", "While the Redis of shared lanes is away: stop (the default), or local: use a part."
    ):argname "WHAT":hidden(true)
  p:flag("--force", "Go on with a journal though the script's calls have changed."):hidden(true)
  p:option("--log", "Write each verdict as a line of JSON; - is standard output."):argname "FILE"
  p:flag("--trace", "Write each verdict as a line on standard error.")
  p:option("--report", "Tell of the run at its end: .html, .json, .har, or .prom (OpenMetrics)."):argname "FILE"
  p:option("--progress", "Say how far it is: auto (on a terminal), always, never."):argname "WHEN"
  p:option("--grace", "After SIGTERM or SIGHUP, what is on the wire has so long (10s)."):argname "TIME":hidden(true)
  p:flag("--quiet", "Do not say what ended the script.")
  p:flag("-v --version", "Show the versions of lull and of what it uses.")
  return p
end

function M.plan_parser()
  local p = require "lull.cli.parser"("lull plan", "Tell what a script would do: run it up to its first request,\n"
    .. "and print each client's limits, rules and waits. Nothing is sent.",
    "Example:\n  lull plan scripts/copyleaks.lua a.txt")
  p:usage "Usage: lull plan script.lua [args] | lull plan get|head|post|put|patch|delete [options] URL..."
  return p:add_help(output.help(p))
end

function M.work_parser()
  local p = require "lull.cli.parser"("lull work", "Run a batch's script on one more machine, which needs no\n"
    .. "source: it takes what others have put into a journal in a Redis.",
    "Example:\n  lull work redis://queue.example.com/0/scans scans.lua")
  p:usage "Usage: lull work redis://HOST/DATABASE/NAME [options of lull script.lua] script.lua [args]"
  return p:add_help(output.help(p))
end

-- The option whose value comes next: of flags in one word, as in -so FILE, the last.
local function option_of(word, aliases)
  local before, last = word:match "^%-(%a+)(%a)$"
  for letter in (before or ""):gmatch "." do
    local flag = aliases["-" .. letter]
    if not flag or flag._maxargs > 0 then return aliases[word] end
  end
  return aliases[word] or aliases["-" .. (last or "")]
end

-- Options end at the script's name; what follows is the script's own. The last
-- result: one is not among the aliases.
local function split(argv, aliases)
  local options, i, strange = {}, 1, false
  while argv[i] and argv[i]:match("^%-.") do
    options[#options + 1] = argv[i]
    if argv[i] == "--" then
      options[#options] = nil
      i = i + 1
      break
    end
    local option = option_of(argv[i], aliases)
    strange = strange or not option
    if option and option._minargs == 1 and argv[i + 1] then
      i = i + 1
      options[#options + 1] = argv[i]
    end
    i = i + 1
  end
  return options, argv[i], i, strange
end

---Options, the script's name and its place in argv; or nil and what is wrong.
---@param argv string[]
---@param parser string the function that makes it
function M.parse(argv, parser)
  local p = M[parser]()
  local aliases = flags.aliases_of(p)
  local options, script, at = split(argv, aliases)
  local ok, parsed = p:pparse(options)
  if not ok then return nil, flags.explain(parsed, aliases) end
  return parsed, script, at
end

-- A file of options may have the URLs, too.
local function has_config(options)
  for _, word in ipairs(options) do
    if word:find "^%-%a*K" or word:find "^%-%-config" then return true end
  end
  return false
end

---`lull --trace get URL` is `lull get --trace URL`, and so is `lull --trace URL`; as
---`lull -o FILE URL` is `lull get -o FILE URL`, and `lull -K FILE` is `lull get -K FILE`.
---@param argv string[]
---@param methods table<string, true>
---@param is_url fun(word: string?): boolean
---@return string[] argv the same, or with the command first
function M.command_first(argv, methods, is_url)
  local options, name, at, strange = split(argv, flags.aliases_of(M.parser()))
  if strange then options, name, at = split(argv, flags.aliases_of(flags.parser "get")) end
  local url = is_url(name)
  if not name and has_config(options) then name = "get" end
  if not methods[name] and not url then return argv end
  local moved = { url and "get" or name }
  for _, option in ipairs(options) do moved[#moved + 1] = option end
  for i = url and at or at + 1, #argv do moved[#moved + 1] = argv[i] end
  return moved
end

---The versions of lull and of what it uses, a line each.
---@return string
function M.versions()
  local cjson = require "cjson"
  local lua = rawget(_G, "jit") and (rawget(_G, "jit").version .. ", " .. _VERSION) or _VERSION
  local parts = package.preload["lull.lib.parts"] -- in the one file
  return ("lull %s\n%s\n%s\nlua-cjson %s\n%s"):format(lull.version, lua, core.transport(),
    tostring(cjson._VERSION), parts and "with, of Debian:\n" .. parts "lull.lib.parts" or "")
end

local function open(o, name)
  if o[name] then return output.lines("--" .. name, o[name]) end
end

-- How long a run may go on after SIGTERM; gives what is wrong.
local function set_grace(value)
  local ok, seconds = pcall(usage.duration, value, "--grace")
  if not ok then return seconds end
  exit.grace = math.min(seconds, usage.MOST)
end

---How long a journal's server may be away; gives what is wrong.
---@param value string
---@return string? problem
function M.set_store_timeout(value)
  local ok, seconds = pcall(usage.duration, value, "--store-timeout")
  if not ok then return seconds end
  sched.store_timeout = math.min(seconds, usage.MOST)
end

-- Trace, log and recording; gives what is wrong.
local function watch(o)
  local log, recording, problem
  log, problem = open(o, "log")
  if problem then return problem end
  recording, problem = open(o, "record")
  if problem then return problem end
  if o.chaos then
    local ok, wrong = require("lull.sim.chaos").install(o.chaos)
    if not ok then return "--chaos: " .. wrong end
  end
  local gather
  if o.report then
    gather, problem = require("lull.cli.report").begin(o.report, o.method and ("%s %s"):format(o.method,
      o.url[1] or o.input or ""))
    if problem then return problem end
  end
  if o.trace or log or recording or gather then
    require("lull.trace").install(o.trace and io.stderr, log,
      recording and require("lull.sim.record").install(recording, o.bodies or false), gather)
  end
end

-- What is wrong with the URL of a journal.
local function journal_problem(url)
  local ok, problem = pcall(redis.read, url, "journal")
  return not ok and problem or nil
end

local LOSSES = { stop = true, ["local"] = true }

-- Gives what is wrong.
local function set_loss(what)
  if not LOSSES[what] then return ("--on-store-loss: '%s' is none of stop, local"):format(what) end
  sched.store_loss_local = what == "local"
end

---Does what options ask for before anything is sent.
---@param o table the options
---@return string? problem what is wrong with them
---@return boolean? unusable a world does not load
function M.prepare(o)
  local seed = o.seed and tonumber(o.seed)
  if o.seed and (not seed or seed < 0 or seed ~= math.floor(seed) or seed >= 2 ^ 53) then
    return "--seed takes a whole number from 0 to 2^53"
  end
  local problem = o.grace and set_grace(o.grace)
  if problem then return problem end
  problem = o.store_timeout and M.set_store_timeout(o.store_timeout)
  if problem then return problem end
  problem = o.on_store_loss and set_loss(o.on_store_loss)
  if problem then return problem end
  if o.journal == "" then return "--journal takes the name of a file, or a redis:// URL" end
  problem = o.journal and redis.is(o.journal) and journal_problem(o.journal)
  if problem then return problem end
  sched.journal, sched.force, sched.assume_durable = o.journal, o.force, o.assume_durable
  if o.journal then journals.await() end
  if o.sim then
    local ok, wrong = require("lull.sim.simulate").install(o.sim, seed or 0)
    if not ok then return wrong, true end
  elseif seed then
    sched.use(core.engine { seed = seed, interrupt_fd = sched.interrupt_fd })
  end
  return watch(o) or M.tell(o)
end

-- Whoever sits there learns why nothing moves. Who goes on with a part has said so.
local function tell_store(o)
  if not core.terminal(io.stderr) or o.quiet or o.silent or o.trace then return end
  patience.listen(function(news)
    if news.away and sched.store_loss_local then return end
    exit.complain(news.why .. (news.away and "; it is waited for" or " again"))
  end)
end

---Begins to tell how far it is, where anybody looks.
---@param o table the options
---@return string? problem
function M.tell(o)
  tell_store(o)
  if not (o.progress or core.terminal(io.stderr)) then return nil end
  return progress.begin(o.progress, o.quiet or o.silent)
end

return M
