-- Makes the completions for bash, zsh and fish of the command line's parsers.
--     lua5.4 docs/complete.lua

local cli = require "lull.cli.main"
local flags = require "lull.cli.flags"
local switches = require "lull.cli.switches"
local fleet = require "lull.cli.sim"
local journal = require "lull.cli.journal"
local presets = require "lull.presets"
local scenarios = require "lull.fleet.scenarios"
local text = require "lull.text"
local trial = require "lull.fleet.experiment"

local M = {}

local TEXTS = {
  help = "show the help", explain = "tell why something comes, and what helps", plan = "tell what a script would do",
  sim = "show what policies do to a server",
  get = "get URLs", head = "show status and headers of URLs", post = "post to URLs",
  status = "tell how a journal stands", items = "list the items of a journal",
  retry = "let failed items be open again", report = "tell of a journal in a page",
  work = "run a batch's script on one more machine",
  put = "put to URLs", patch = "patch what is at URLs", delete = "delete what is at URLs",
}

-- What an option's value is: a file's path, one of some words, or something
-- else.
local FILES = { FILE = true }
local WORDS = { ["--preset"] = presets, ["--scenario"] = scenarios.named }

-- The options of a parser as plain tables.
local function options_of(parser)
  local list = {}
  for _, option in ipairs(parser._options) do
    local argument = option._maxargs > 0 and option._argname or nil
    argument = type(argument) == "table" and argument[1] or argument
    list[#list + 1] = {
      aliases = option._aliases, argument = option._minargs > 0 and argument or nil,
      joined = option._minargs == 0 and option._maxargs > 0, many = option._maxcount > 1,
      words = WORDS[option._name] and text.keys(WORDS[option._name]) or nil,
      files = FILES[argument], description = option._description:gsub("%.$", ""),
    }
  end
  return list
end

-- What `lull sim` compares.
local function policies()
  local names = {}
  for name in pairs(presets) do names[name] = true end
  for name in pairs(trial.YARDSTICKS) do names[name] = true end
  return table.concat(text.keys(names), " ")
end

local function all()
  local commands, journals = {}, {}
  for i, name in ipairs(journal.COMMANDS) do
    journals[i] = { name = name, options = options_of(journal.parser(name)) }
  end
  for _, name in ipairs(text.keys(cli.COMMANDS)) do
    commands[#commands + 1] = { name = name, text = TEXTS[name] or name }
  end
  return { script = options_of(switches.parser()), url = options_of(flags.parser "get"),
    sim = options_of(fleet.parser()), plan = options_of(switches.plan_parser()),
    journals = journals, methods = flags.METHODS, commands = commands }
end

-- Names of the options for which `wanted` holds.
local function aliases(list, wanted)
  local out = {}
  for _, option in ipairs(list) do
    for _, alias in ipairs(wanted(option) and option.aliases or {}) do out[#out + 1] = alias end
  end
  return table.concat(out, " ")
end

local function any() return true end

local function names_of(commands)
  local names = {}
  for i, command in ipairs(commands) do names[i] = command.name end
  return table.concat(names, " ")
end

-- Text with each $NAME replaced.
local function filled(template, values)
  return (template:gsub("%$([A-Z_]+)%$", values))
end

local BASH = [=[
# Completion of lull for bash. Made by docs/complete.lua.

_lull_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

# Of a command: its options, those that take a file, those that take something
# else, and what else may stand there.
_lull_command()
{
    if [[ $previous == --preset ]]; then
        _lull_words "$PRESETS$"
    elif [[ $previous == --scenario ]]; then
        _lull_words "$SCENARIOS$"
    elif [[ " $2 " == *" $previous "* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    elif [[ " $3 " == *" $previous "* ]]; then
        compopt +o default
    elif [[ $cur == -* ]]; then
        _lull_words "$1"
    elif [[ -n $4 ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$4" -- "$cur"; compgen -f -- "$cur")
    fi
}

_lull()
{
    local cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local i word command=
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            $VALUED$) ((i++)) ;;
            -?*) ;;
            *) command=$word; break ;;
        esac
    done
    case $command in
        $METHODS$)
            _lull_command "$URL_OPTIONS$" "$URL_FILES$" "$URL_OTHERS$" ;;
        sim)
            _lull_command "$SIM_OPTIONS$" "$SIM_FILES$" "$SIM_OTHERS$" "$POLICIES$" ;;
$JOURNALS$
        plan)
            ((i + 1 < COMP_CWORD)) || _lull_command "$PLAN_OPTIONS$" ;;
        "")
            _lull_command "$SCRIPT_OPTIONS$" "$SCRIPT_FILES$" "$SCRIPT_OTHERS$" "$COMMANDS$" ;;
    esac
}
complete -o default -o filenames -F _lull lull
]=]

local function valued(o) return o.argument end
local function of_file(o) return o.argument and o.files end
local function other(o) return o.argument and not o.files and not o.words end

local function bash_journals(c)
  local cases = {}
  for i, one in ipairs(c.journals) do
    cases[i] = ("        %s)\n            _lull_command %q \"\" %q ;;"):format(one.name, aliases(one.options, any),
      aliases(one.options, other))
  end
  return table.concat(cases, "\n")
end

---@return string
function M.bash()
  local c = all()
  return filled(BASH, {
    VALUED = aliases(c.script, valued):gsub(" ", "|"), PRESETS = table.concat(text.keys(presets), " "),
    SCENARIOS = table.concat(text.keys(scenarios.named), " "), METHODS = table.concat(c.methods, "|"),
    URL_OPTIONS = aliases(c.url, any), URL_FILES = aliases(c.url, of_file), URL_OTHERS = aliases(c.url, other),
    SIM_OPTIONS = aliases(c.sim, any), SIM_FILES = aliases(c.sim, of_file), SIM_OTHERS = aliases(c.sim, other),
    JOURNALS = bash_journals(c), PLAN_OPTIONS = aliases(c.plan, any),
    POLICIES = policies(), COMMANDS = names_of(c.commands),
    SCRIPT_OPTIONS = aliases(c.script, any), SCRIPT_FILES = aliases(c.script, of_file),
    SCRIPT_OTHERS = aliases(c.script, other),
  })
end

-- ---- zsh -----------------------------------------------------------------

local function zsh_quoted(words) return "'" .. words:gsub("'", "'\\''") .. "'" end

local function zsh_value(option)
  if option.joined then return "=-::value: " end
  if not option.argument then return "" end
  local name = option.argument:gsub("[:=]", "-")
  if option.words then return (":%s:(%s)"):format(name, table.concat(option.words, " ")) end
  return (":%s:%s"):format(name, option.files and "_files" or " ")
end

local function zsh_option(option)
  local lines = {}
  for _, alias in ipairs(option.aliases) do
    local sticky = option.joined and "" or (option.argument and alias:find "^%-%-" and "=" or "")
    local description = option.description:gsub("[%[%]\\:]", "\\%0")
    lines[#lines + 1] = "    " .. zsh_quoted((option.many and "*" or "") .. alias .. sticky
      .. (option.joined and "=-" or "") .. "[" .. description .. "]"
      .. (option.joined and "::value: " or zsh_value(option)))
  end
  return table.concat(lines, "\n")
end

local function zsh_options(list)
  local lines = {}
  for i, option in ipairs(list) do lines[i] = zsh_option(option) end
  return table.concat(lines, "\n")
end

local ZSH = [=[
#compdef lull
# Completion of lull for zsh. Made by docs/complete.lua.

_lull_first() {
  local -a commands=(
$COMMANDS$
  )
  _describe -t commands command commands
  _files
}

_lull_policy() {
  _alternative 'policies:policy:($POLICIES$)' 'files:file:_files'
}

_lull() {
  local -a script_options=(
$SCRIPT_OPTIONS$
  )
  local -a url_options=(
$URL_OPTIONS$
  )
  local -a sim_options=(
$SIM_OPTIONS$
  )
  local -a plan_options=(
$PLAN_OPTIONS$
  )
  case $words[2] in
    ($METHODS$)
      shift words
      (( CURRENT-- ))
      _arguments -s -S $url_options '*:URL:_urls' ;;
    (sim)
      shift words
      (( CURRENT-- ))
      _arguments -S $sim_options '*:policy:_lull_policy' ;;
$JOURNALS$
    (plan)
      shift words
      (( CURRENT-- ))
      _arguments -S $plan_options '1:script:_files' '*:argument:_files' ;;
    (*)
      _arguments -S $script_options '1:script or command:_lull_first' '*:argument:_files' ;;
  esac
}

_lull "$@"
]=]

local function zsh_journals(c)
  local cases = {}
  for i, one in ipairs(c.journals) do
    cases[i] = ("    (%s)\n      shift words\n      (( CURRENT-- ))\n      _arguments -S \\\n%s \\\n"
      .. "        '1:journal:_files' '*:id: ' ;;"):format(one.name, zsh_options(one.options):gsub("\n", " \\\n"))
  end
  return table.concat(cases, "\n")
end

---@return string
function M.zsh()
  local c = all()
  local commands = {}
  for i, command in ipairs(c.commands) do
    commands[i] = "    " .. zsh_quoted(command.name .. ":" .. command.text)
  end
  return filled(ZSH, { COMMANDS = table.concat(commands, "\n"), METHODS = table.concat(c.methods, "|"),
    JOURNALS = zsh_journals(c), SCRIPT_OPTIONS = zsh_options(c.script),
    URL_OPTIONS = zsh_options(c.url),
    SIM_OPTIONS = zsh_options(c.sim), PLAN_OPTIONS = zsh_options(c.plan), POLICIES = policies() })
end

-- ---- fish ----------------------------------------------------------------

local function fish_quoted(words) return "'" .. words:gsub("[\\']", "\\%0") .. "'" end

local function fish_option(condition, option)
  local parts = { "complete -c lull -n " .. fish_quoted(condition) }
  for _, alias in ipairs(option.aliases) do
    local long = alias:match "^%-%-(.*)$"
    parts[#parts + 1] = long and "-l " .. long or "-s " .. alias:sub(2)
  end
  if option.words then
    parts[#parts + 1] = "-xa " .. fish_quoted(table.concat(option.words, " "))
  elseif option.argument then
    parts[#parts + 1] = option.files and "-rF" or "-x"
  end
  parts[#parts + 1] = "-d " .. fish_quoted(option.description)
  return table.concat(parts, " ")
end

---@return string
function M.fish()
  local c = all()
  local lines = { "# Completion of lull for fish. Made by docs/complete.lua." }
  for _, command in ipairs(c.commands) do
    lines[#lines + 1] = ("complete -c lull -n __fish_is_first_arg -a %s -d %s"):format(command.name,
      fish_quoted(command.text))
  end
  local methods = table.concat(c.methods, " ")
  for _, option in ipairs(c.script) do
    lines[#lines + 1] = fish_option("not __fish_seen_subcommand_from " .. names_of(c.commands), option)
  end
  for _, option in ipairs(c.url) do
    lines[#lines + 1] = fish_option("__fish_seen_subcommand_from " .. methods, option)
  end
  for _, option in ipairs(c.sim) do
    lines[#lines + 1] = fish_option("__fish_seen_subcommand_from sim", option)
  end
  lines[#lines + 1] = ("complete -c lull -n %s -a %s"):format(fish_quoted "__fish_seen_subcommand_from sim",
    fish_quoted(policies()))
  for _, one in ipairs(c.journals) do
    for _, option in ipairs(one.options) do
      lines[#lines + 1] = fish_option("__fish_seen_subcommand_from " .. one.name, option)
    end
  end
  for _, option in ipairs(c.plan) do
    lines[#lines + 1] = fish_option("__fish_seen_subcommand_from plan", option)
  end
  return table.concat(lines, "\n") .. "\n"
end

---The files, and what makes each.
M.MADE = {
  ["completions/lull.bash"] = M.bash,
  ["completions/_lull"] = M.zsh,
  ["completions/lull.fish"] = M.fish,
}

if arg and arg[0] and arg[0]:match "complete%.lua$" then
  for path, make in pairs(M.MADE) do
    local file = assert(io.open(path, "w"))
    file:write(make())
    file:close()
  end
end

return M
