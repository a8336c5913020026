-- flags: the options of `lull get` and its sisters, named as curl's where
-- curl has one. job.lua says what they mean.

local config = require "lull.lazy" "lull.cli.config"
local form = require "lull.lazy" "lull.cli.form"
local presets = require "lull.presets"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

---The commands, in the order in which help and manual name them.
M.METHODS = { "get", "head", "post", "put", "patch", "delete" }

-- Each group's options: aliases, argument's name, description; "*" may be
-- given several times, "1" only once: the one before it would be lost without a word.
-- Without an argument's name it is a flag.
local GROUPS = {
  { "What is sent",
    { "-d --data", "DATA", "The body; several are joined by '&'. @FILE reads a file, @- standard input.", "*" },
    { "--data-binary", "DATA", "The same, once; a file is sent byte for byte.", "1" },
    { "--data-urlencode", "DATA", "As -d, percent-encoded: CONTENT, =CONTENT, NAME=CONTENT, @FILE, NAME@FILE.", "*" },
    { "-G --get", nil, "What -d and --data-urlencode say goes into the URL's query." },
    { "-F --form", "NAME=VALUE", "A part of a multipart form; NAME=@FILE sends a file, NAME=<FILE its text as a "
      .. "value; ;type=TYPE and ;filename=NAME may follow.", "*" },
    { "--json", "DATA", "A body of JSON, with its Content-Type and Accept.", "*" },
    { "-T --upload-file", "FILE", "The body is this file, of each URL.", "1" },
    { "-H --header", "LINE", "A header 'Name: value'; 'Name:' sends none of that name.", "*" },
    { "-A --user-agent", "NAME", "The User-Agent header." },
    { "-u --user", "USER:PASSWORD", "Authorization: Basic." },
    { "--key", "[=KEY]", "An Idempotency-Key, the same over all attempts; without KEY a new one.", "?" },
    { "-i --input", "FILE", "Take URLs from this file, too, one a line; - is standard input.", "1" },
    { "-K --config", "FILE", "Options of this file, one a line, as curl's: name = value, url = URL, # comment.", "*" },
    { "--curl", nil, "Print the curl command instead of sending." },
    { "--script", nil, "Print the Lua script that does the same, and send nothing." },
    { "--dry-run", nil, "Show the first three requests and the plan, and send nothing, as lull plan get URL does." },
  },
  { "Each row a request",
    { "--each", "FILE", "A request for each row of this CSV, TSV, NDJSON or text file, - for standard input: {field} "
      .. "in the URL, -d, --data-urlencode, -F, --json, -H, --key, -o and -T is what the row has, "
      .. "{.} the whole row, {{ a brace.", "1" },
    { "--format", "NAME", "Of --each: csv, tsv, ndjson or lines; else by the file's name." },
    { "--id", "TEXT", "What a row is called in the results, such as {id}; else its number." },
    { "--results", "FILE", "A line of JSON for each row, here instead of on standard output.", "1" },
    { "--failed", "FILE", "The rows that are not done, as they stood: the next run's --each.", "1" },
    { "--journal", "FILE", "Remember what is done: the same command goes on after a kill. Rows are told apart by "
      .. "--id, else by their field id; lines by themselves.", "1" },
  },
  { "What is decided",
    { "--attempts", "N", "Tries of one URL, the first included (5)." },
    { "-m --timeout --max-time", "TIME", "Of one attempt (30s, and none with --stall)." },
    { "--stall", "TIME", "An attempt ends when no byte moves for so long (30s with -o and -T, else none)." },
    { "--deadline", "TIME", "Of one URL, waits included (none)." },
    { "--backoff", "WAITS", "Such as exp:1s..60s,full or const:5s." },
    { "--max-hint", "TIME", "The longest wait that a server may ask for (5m)." },
    { "--on", "OUTCOME=VERDICT", "Such as 404=accept, 5xx=stop, net.dns=retry; hint is the same as retry.", "*" },
    { "--preset", "NAME", "Begin with these settings: " .. table.concat(text.keys(presets), ", ") .. "." },
    { "--unsafe", nil, "Try a POST or PATCH again, though it may have been applied." },
    { "--limit", "RATE", "At most so many to one server, such as 10/s, or '80/1m burst 5': five at once.", "*" },
    { "--parallel", "N", "URLs at once (1)." },
    { "--budget", "BUDGET", "What retries may cost: off, a capacity, or such as capacity=100,cost=5,refund=1." },
    { "--breaker", "BREAKER", "Leave a server that fails alone: off, a share, or such as 50%,window=10s,open=30s." },
  },
  { "How it gets there",
    { "-x --proxy", "URL", "Through this proxy; '' is none, whatever the environment says." },
    { "-k --insecure", nil, "Do not check the server's certificate." },
    { "--cacert", "FILE", "Trust these certificates instead of the system's." },
    { "-E --cert", "FILE", "The client's own certificate." },
    { "--cert-key", "FILE", "Its private key." },
    { "--http1.1", nil, "HTTP/1.1 only." },
    { "--http2", nil, "HTTP/2 from the first byte." },
    { "--max-redirs", "N", "Redirects followed for one attempt (10)." },
    { "-f --fail -L --location --compressed", nil, "As it is anyway; for hands that are used to curl." },
  },
  { "What comes out",
    { "-o --output", "FILE", "The body of an accepted answer; one for each URL, in their order.", "*" },
    { "-O --remote-name", nil, "The same, into a file named as the URL's last part." },
    { "--output-dir", "DIR", "The folder for -o and -O." },
    { "-w --write-out", "FORMAT", "After each request, such as '%{http_code} %{attempts} %{waited}\\n', to standard "
      .. "output; @FILE reads it. With --each instead of the results." },
    { "--continue", nil, "Go on with a file that is there; the rest is asked for." },
    { "--skip-existing", nil, "Leave out what is there; with --sha256 only if that is right." },
    { "--sha256", "SUM|FILE", "What the body has to be; a FILE is as sha256sum writes it.", "1" },
    { "--fail-with-body", nil, "Give the body of an error, too." },
    { "--max-filesize", "SIZE", "Of a body (64MB in memory, none in a file)." },
    { "-s --silent", nil, "No errors on standard error." },
    { "-S --show-error", nil, "Errors even so." },
    { "--report", "FILE", "Tell of the run at its end: .html, .json, .har, or .prom (OpenMetrics)." },
    { "--progress", "WHEN", "Say how far it is: auto (on a terminal), always or never." },
    { "--trace", nil, "A line a verdict on standard error." },
    { "--log", "FILE", "A line of JSON a verdict; - is standard output." },
    { "--record", "FILE", "Keep what the servers answer, for --sim." },
    { "--bodies", nil, "Bodies in recordings and in the results of --each, too; they may hold secrets." },
    { "--chaos", "FAULTS", "Add faults, such as '5% 503, 1% net.reset, 2% delay 3s'." },
    { "--grace", "TIME", "After SIGTERM or SIGHUP, what is on the wire has so long (10s)." },
    { "--seed", "N", "Fix every random draw." },
    { "--sim", "FILE", "Against the servers of this world file, in virtual time." },
    { "-h --help", nil, "This help." },
  },
}

local EXAMPLES = {
  get = [[
  lull get https://api.example.com/orders/42 | jq .state
  lull get --on 404=accept --deadline 10m -o 42.json https://api.example.com/orders/42
  lull get -i urls.txt -O --parallel 8 --limit 10/s]],
  head = [[
  lull head https://api.example.com/orders/42
  lull head -i urls.txt --parallel 8 --on 404=accept]],
  post = [[
  lull post --key --json '{"amount": 5}' https://api.example.com/payments
  lull post -d @form.txt -u me:word https://api.example.com/orders]],
  put = [[
  lull put -T photo.jpg https://api.example.com/files/photo.jpg
  lull put --preset copyleaks --json @scan.json https://api.example.com/scans/7]],
  patch = [[
  lull patch --json '{"state": "paid"}' https://api.example.com/orders/42]],
  delete = [[
  lull delete --on 404=accept https://api.example.com/orders/42]],
}

local CODES = [[
Exit codes: 0 all were accepted, 75 what failed can be tried later, 1 some of
it cannot, 2 usage, 129, 130 and 143 after SIGHUP, SIGINT and SIGTERM.]]

local WHOLE = " What may pass by itself is tried again. The body is\n"
  .. "printed when the answer is accepted, whole."

local ABOUT = {
  get = "Gets URLs." .. WHOLE,
  head = "Shows status and headers of URLs. What may pass by itself is tried again.",
  post = "Posts to URLs." .. WHOLE,
  put = "Puts to URLs." .. WHOLE,
  patch = "Patches what is at URLs." .. WHOLE,
  delete = "Deletes what is at URLs." .. WHOLE,
}

local WIDTH = 24 -- of the options' column

local function wrapped(words)
  local lines, line = {}, ""
  for word in words:gmatch "%S+" do
    if #line + 1 + #word > 72 then
      lines[#lines + 1] = line
      line = ""
    end
    line = line .. (line == "" and "" or " ") .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n" .. (" "):rep(WIDTH + 4))
end

-- "  -d, --data DATA       The body ..."
local function help_line(spec)
  local names = spec[1]:gsub(" ", ", ")
  if not names:find "^%-%a" then names = "    " .. names end
  if spec[2] then names = names .. (spec[4] == "?" and "" or " ") .. spec[2] end
  if #names > WIDTH then names = names .. "\n  " .. (" "):rep(WIDTH) end
  return ("  %-" .. WIDTH .. "s  %s"):format(names, wrapped(spec[3]))
end

local function help_text(command)
  local lines = { ("Usage: lull %s [options] URL...\n"):format(command), ABOUT[command] }
  for _, group in ipairs(GROUPS) do
    lines[#lines + 1] = "\n" .. group[1] .. ":"
    for i = 2, #group do lines[#lines + 1] = help_line(group[i]) end
  end
  lines[#lines + 1] = "\nExamples:\n" .. EXAMPLES[command] .. "\n" .. CODES
  return table.concat(lines, "\n")
end

local function add_option(p, spec)
  local aliases, argname, description, count = spec[1], spec[2], spec[3], spec[4]
  if not argname then return p:flag(aliases, description) end
  local option = p:option(aliases, description):argname(argname)
  if count == "*" then option:count "*" end
  if count == "?" then option:args "?" end
  if count == "1" then option:overwrite(false) end
  return option
end

---The parser of one command; the manual is made of it, too.
---@param command string
function M.parser(command)
  local p = require "lull.cli.parser"("lull " .. command, ABOUT[command])
  p:add_help(false):help(help_text(command))
  p:argument "url":args "*":argname "URL"
  for _, group in ipairs(GROUPS) do
    for i = 2, #group do add_option(p, group[i]) end
  end
  return p
end

M.GROUPS, M.EXAMPLES = GROUPS, EXAMPLES

-- ---- the command line ----------------------------------------------------

-- What others call these.
local MEANT = { ["--retry"] = "--attempts", ["--head"] = "status and headers are shown by lull head",
  ["-I"] = "status and headers are shown by lull head", ["--create-dirs"] = "folders are not made: mkdir -p",
  ["--speed-time"] = "--stall", ["--speed-limit"] = "--stall",
  ["--request"] = "the method is the command, as in lull put",
  ["-X"] = "the method is the command, as in lull put",
  ["--retry-max-time"] = "--deadline", ["--include"] = "headers are shown by lull head", ["--verbose"] = "--trace",
  ["-v"] = "--trace", ["--rate"] = "--limit" }

---The options that a parser knows, by each of their names.
function M.aliases_of(p)
  local all = {}
  for _, option in ipairs(p._options) do
    for _, alias in ipairs(option._aliases) do all[alias] = option end
  end
  return all
end

-- Where each row is a request a key is made of the row: --key '{id}'. Else a
-- bare --key has no value, whatever comes after it.
local function key_follows(argv, i)
  local value = argv[i + 1]
  if argv[i] ~= "--key" or not value:find("{", 1, true) or value:find("://", 1, true) then return false end
  for _, word in ipairs(argv) do
    if word == "--each" or word:find "^%-%-each=" then return true end
  end
  return false
end

-- What follows a bare --key is a URL. One that may as well be a key is not taken for
-- it: the request would go out, with another key than was meant.
local function is_address(word)
  if word:find "/" or word:find "^localhost%f[:%z]" or word:find "^%[" then return true end
  local host = word:match "^(.-):%d+$" or word
  return host:find "%.%a[%w-]*$" ~= nil or host:find "^%d+%.%d+%.%d+%.%d+$" ~= nil
end

local function follows_strangely(argv, i)
  local word = argv[i + 1]
  return word and not word:find "^%-" and not is_address(word)
end

local function key_problem(word)
  return ("after --key stands '%s', which is no URL: --key=%s sends it as the key, and --key alone a new one; "
    .. "to a host of that name it is http://%s"):format(word, word, word)
end

-- What is to be percent-encoded stands in its place among the other data.
local function marked(word)
  local value = word:match "^%-%-data%-urlencode=(.*)$"
  return value and "--data=" .. form.MARK .. value or word
end

-- argparse takes a value that begins with "-" for an option; curl does not. Or nil and
-- what is wrong.
local function joined(argv, aliases)
  local out, i = {}, 2
  while argv[i] do
    local option = aliases[argv[i]]
    if argv[i] == "--" then
      for j = i, #argv do out[#out + 1] = argv[j] end
      return out
    elseif option and argv[i + 1] and (option._minargs == 1 or key_follows(argv, i)) then
      out[#out + 1] = marked(option._aliases[#option._aliases] .. "=" .. argv[i + 1])
      i = i + 1
    elseif argv[i]:find "^%-%-data%-urlencode=" then
      out[#out + 1] = marked(argv[i])
    elseif argv[i] == "--key" and follows_strangely(argv, i) then
      return nil, key_problem(argv[i + 1])
    else
      out[#out + 1] = argv[i] == "--key" and "--key=" or argv[i]
    end
    i = i + 1
  end
  return out
end

---What argparse complains of, with the nearest name to one that is unknown.
---@param problem string
---@param aliases table of aliases_of
---@return string
function M.explain(problem, aliases)
  local twice = problem:match "^option '(.-)' must be used at most 1 time"
  if twice then
    local names = aliases[twice]._aliases
    return ("%s is given twice, and only one of them would count"):format(names[#names])
  end
  local name = problem:match "^unknown option '(.-)'"
  if not name then return (problem:gsub("%s*\n.*", "")) end
  local meant = MEANT[name]
  if meant and meant:find "^%-" and not aliases[meant] then meant = nil end
  meant = meant or (name:find "^%-%-" and usage.nearest(name, aliases) or nil)
  if not meant then return ("unknown option '%s'"):format(name) end
  return ("unknown option '%s' (%s)"):format(name,
    meant:find "^%-" and ("did you mean '%s'?"):format(meant) or meant)
end

local function is_folder(path)
  local file = io.open(path .. "/.")
  return file and file:close()
end

-- The outputs within --output-dir, which has no fields; or what is wrong with it.
-- Without this each row of a batch would fail by itself.
local function into_folder(o)
  if not o.script and not is_folder(o.output_dir) then
    return ("--output-dir: there is no folder '%s'"):format(o.output_dir)
  end
  local folder = o.each and o.output_dir:gsub("{", "{{") or o.output_dir
  for i, path in ipairs(o.output) do
    if path ~= "-" then o.output[i] = folder .. "/" .. path end
  end
end

-- The name of an option in what argparse gives: its first long one.
local function target_of(spec) return (spec[1]:match "%-%-(%S+)":gsub("%-", "_")) end

-- What stands for options that may be given several times and are not.
local function nothing_yet()
  local o = { url = {} }
  for _, group in ipairs(GROUPS) do
    for i = 2, #group do
      if group[i][4] == "*" then o[target_of(group[i])] = {} end
    end
  end
  return o
end

-- The option that has this name. The first look is for most others.
local function option_of(name)
  for _, group in ipairs(GROUPS) do
    for i = 2, #group do
      local names = group[i][1]
      if names:find(name, 1, true) and (" " .. names .. " "):find(" " .. name .. " ", 1, true) then
        return group[i]
      end
    end
  end
end

-- Gives false for what argparse refuses.
local function put(o, spec, value)
  local target = target_of(spec)
  if spec[4] == "1" and o[target] then return false end
  if spec[4] == "*" then
    table.insert(o[target], value)
  else
    o[target] = spec[4] == "?" and { value } or value
  end
  return true
end

-- What is not read here: -h, and -K, whose file has options.
local FOR_ARGPARSE = { help = true, config = true }

-- Flags in one word, as in -sS; nil when it is something else.
local function put_letters(o, word)
  local letters = word:match "^%-(%a%a+)$"
  for letter in (letters or ""):gmatch "." do
    local spec = option_of("-" .. letter)
    if not spec or spec[2] or FOR_ARGPARSE[target_of(spec)] then return nil end
    put(o, spec, true)
  end
  return letters
end

-- Reads one word, and its value. Gives the last place that it has read; nil for what
-- it does not understand.
local function put_word(o, argv, i)
  local word = argv[i]
  if word == "-" or not word:find "^%-" then
    table.insert(o.url, word)
    return i
  end
  local spec, value = option_of(word), nil
  if not spec then
    local name, given = word:match "^(%-%-[^=]+)=(.*)$"
    spec, value = name and option_of(name), given
    if not spec then return put_letters(o, word) and i end
  end
  if FOR_ARGPARSE[target_of(spec)] or value and not spec[2] then return nil end
  if not value and spec[4] == "?" and not (argv[i + 1] and key_follows(argv, i)) then
    if follows_strangely(argv, i) then return nil end
    value = ""
  elseif not value and spec[2] then
    i = i + 1
    value = argv[i]
    if not value then return nil end
  end
  if spec[1] == "--data-urlencode" then
    spec, value = option_of "--data", form.MARK .. value
  end
  return put(o, spec, spec[2] == nil or value) and i or nil
end

-- As argparse would, which takes longer to load, and to be told of all options, than
-- the rest of a start. nil for what only that understands, or explains.
local function parse_plain(argv)
  local o, i = nothing_yet(), 2
  while argv[i] do
    i = put_word(o, argv, i)
    if not i then return nil end
    i = i + 1
  end
  return o
end

local function parse_all(argv)
  local p = M.parser(argv[1])
  local aliases = M.aliases_of(p)
  local words, lines = config.expand(argv, aliases, M.explain)
  if not words then return nil, lines end
  local problem
  words, problem = joined(words, aliases)
  if not words then return nil, problem end
  local ok, o = p:pparse(words)
  if not ok then return nil, config.located(M.explain(o, aliases), lines) end
  o.config_lines = lines[1] and lines
  o.help = o.help and p:get_help()
  return o
end

---The command line as a table, or nil and what is wrong with it.
---@param argv string[] the command first
---@return table?
---@return string? problem
function M.parse(argv)
  local o, problem = parse_plain(argv), nil
  if not o then o, problem = parse_all(argv) end
  if not o then return nil, problem end
  o.method = argv[1]:upper()
  problem = o.output_dir and into_folder(o)
  if problem then return nil, problem end
  return o
end

return M
