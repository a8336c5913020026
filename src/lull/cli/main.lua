-- main: the command line of `lull`, for the binary and for the rock alike.

local core = require "lull.core"
local exit = require "lull.exit"
local output = require "lull.cli.output"
local progress = require "lull.lazy" "lull.cli.progress"
local redis = require "lull.lazy" "lull.redis"
local sched = require "lull.sched"
local switches = require "lull.lazy" "lull.cli.switches"
local text = require "lull.text"
local usage = require "lull.usage"

require "lull" -- here, whatever the script makes of package.path

local M = {}
usage.own()

-- Options, the script's name and its place in argv; or nil and what is wrong.
local function parse(argv, parser)
  if not (argv[1] or ""):find "^%-." then return {}, argv[1], 1 end
  return switches.parse(argv, parser)
end

local function set_arguments(argv, script, at)
  local args = {}
  for i = at + 1, #argv do args[i - at] = argv[i] end
  args[0] = script
  _G.arg = args -- luacheck: ignore
  _G.print = output.print -- luacheck: ignore
  return args
end

-- Commands by their first word; a module is loaded when its turn comes, and
-- each takes argv and gives the exit code.
local COMMANDS = {}

local function load(script)
  local chunk, problem = loadfile(script ~= "-" and script or nil)
  local command = not chunk and problem:find "^cannot open" and usage.nearest(script, COMMANDS)
  if command then problem = ("%s (did you mean 'lull %s'?)"):format(problem, command) end
  if not chunk then exit.complain(problem) end
  return chunk
end

local INT = 2 -- of the terminal, where whoever waits can ask once more

-- The first signal. Who waits at a terminal is told what for.
local function interrupted(signal)
  sched.interrupt(signal)
  if signal ~= INT then
    sched.cut_after(exit.grace, function(n)
      if n == 0 or exit.quiet then return end
      exit.complain(("cut %s that had not ended after %s"):format(text.count(n, "request"),
        text.duration(exit.grace)))
    end)
  end
  local flying = 0
  for _, lane in pairs(sched.engine():lanes()) do flying = flying + lane.flying end
  if flying > 0 and not exit.quiet then
    exit.complain(("finishing %s; once more stops at once"):format(text.count(flying, "request")))
  end
end

local unpack = table.unpack or unpack -- luacheck: ignore

-- argv without its first word.
local function rest_of(argv)
  local rest = {}
  for i = 2, #argv do rest[i - 1] = argv[i] end
  return rest
end

local METHODS = { get = true, head = true, post = true, put = true, patch = true, delete = true }

-- No script's name: `lull URL` is `lull get URL`.
local function is_url(word) return (word or ""):lower():find "^https?://" ~= nil end

-- lull plan script.lua [args], lull plan get URL
local function plan(argv)
  argv = rest_of(argv)
  if is_url(argv[1]) then table.insert(argv, 1, "get") end
  if METHODS[argv[1]] then
    table.insert(argv, 2, "--dry-run")
    return require("lull.cli.fetch").run(argv)
  end
  local ok, script, at = parse(argv, "plan_parser")
  if not ok or not script then
    exit.complain((script or "plan takes a script") .. "; try lull plan --help")
    return exit.USAGE
  end
  local chunk = load(script)
  if not chunk then return exit.NOT_LOADED end
  local args = set_arguments(argv, script, at)
  return exit.ended(require("lull.plan").run(chunk, unpack(args)))
end

COMMANDS.plan = plan

-- lull sim [options] POLICY...
function COMMANDS.sim(argv) return require("lull.cli.sim").run(argv, exit.complain) end

for method in pairs(METHODS) do
  COMMANDS[method] = function(argv) return require("lull.cli.fetch").run(argv) end
end

-- lull status|items|retry|report JOURNAL
for _, command in ipairs { "status", "items", "retry", "report" } do
  COMMANDS[command] = function(argv) return require("lull.cli.journal").run(argv) end
end

-- lull work redis://HOST/0/NAME script.lua [args]
function COMMANDS.work(argv)
  local rest = rest_of(argv)
  if rest[1] == "--help" or rest[1] == "-h" then switches.work_parser():parse(rest) end
  local o, path, at = parse(rest, "parser")
  if not o or not path or not redis.is(path) then
    exit.complain((not o and path or "work takes the URL of a journal in a Redis, and a script")
      .. "; try lull work --help")
    return exit.USAGE
  end
  table.remove(rest, at)
  table.insert(rest, 1, "--journal")
  table.insert(rest, 2, path)
  sched.takes_only = true
  return M.main(rest)
end

-- lull explain NAME
function COMMANDS.explain(argv) return require("lull.cli.explain").run(argv) end

-- lull help [COMMAND]
function COMMANDS.help(argv)
  local name = argv[2]
  if name and name ~= "help" and COMMANDS[name] then return M.main { name, "--help" } end
  if not name or name == "help" then return M.main { "--help" } end
  local nearest = usage.nearest(name, COMMANDS)
  exit.complain(("no command is called '%s'%s; try lull help"):format(name,
    nearest and (" (did you mean '%s'?)"):format(nearest) or ""))
  return exit.USAGE
end

local function with_get(argv)
  local all = { "get" }
  for i, word in ipairs(argv) do all[i + 1] = word end
  return all
end

M.COMMANDS = COMMANDS

-- What the binary does for it: signals, and standard output.
local function lodge(host)
  sched.interrupt_fd = host.interrupt_fd
  sched.resume_by(host.resume)
  exit.last_signal, exit.unread, output.tell_stdout = host.acknowledge, host.unread, host.tell_stdout
  sched.on("interrupt", function()
    if host.unread() then
      pcall(sched.exit, 1)
    else
      interrupted(host.acknowledge())
    end
  end)
end

---Runs the command line and gives the exit code.
---@param argv string[]
---@param host table? what only the binary has
---@return integer
function M.main(argv, host)
  if host then lodge(host) end
  if (argv[1] or ""):find "^%-." then argv = switches.command_first(argv, METHODS, is_url) end
  if is_url(argv[1]) then argv = with_get(argv) end
  local command = COMMANDS[argv[1]]
  if command then return command(argv) end
  local o, script, at = parse(argv, "parser")
  if not o then
    exit.complain(script .. "; try lull --help")
    return exit.USAGE
  end
  if o.version then
    output.write(switches.versions())
    return 0
  end
  if not script then
    exit.complain("no script is named; try lull --help")
    return exit.USAGE
  end
  local chunk = load(script)
  if not chunk then return exit.NOT_LOADED end
  exit.quiet = o.quiet
  local problem, unusable
  if next(o) then
    problem, unusable = switches.prepare(o)
  elseif core.terminal(io.stderr) then
    progress.begin()
  end
  if problem then
    exit.complain(problem)
    return unusable and exit.NOT_LOADED or exit.USAGE
  end
  return exit.ended(sched.main(chunk, unpack(set_arguments(argv, script, at))))
end

return M
