-- Writes what the manual takes from the code and from the definition file:
-- the tables of options, defaults, decisions, outcomes and presets, scripts,
-- and what commands print. Each stands between two marks in a page:
--     <!-- NAME -->  ...  <!-- /NAME -->            a table
--     <!-- file: PATH -->  ...  <!-- /file -->      a file, as it is
--     <!-- shell -->  ...  <!-- /shell -->          commands ("$ lull ..."),
--                                                   and what they print
-- Run by `make docs`; a spec compares the pages with what this would write.
--     lua5.4 docs/generate.lua PAGE...

local core = require "lull.core"
local errors = require "lull.cli.errors"
local explain = require "lull.cli.explain"
local definitions = require "docs.definitions"
local library = require "docs.types"
local presets = require "lull.presets"
local text = require "lull.text"

local M = {}

local items

local function defined(name)
  items = items or definitions.read()
  return definitions.find(items, name)
end

-- Each field of a class, with its default where it has one.
local function fields_table(class, first, row)
  local lines = { first, (first:gsub("[^|]+", "---")) }
  for _, field in ipairs(defined(class).fields) do lines[#lines + 1] = row(field) end
  return lines
end

M["client options"] = function()
  return fields_table("lull.client_options", "| option of client and call | default | meaning |", function(field)
    return ("| `%s` | %s | %s |"):format(field.name, field.default or "", field.text)
  end)
end

M["call options"] = function()
  return fields_table("lull.call_options", "| option of a call | meaning |", function(field)
    return ("| `%s` | %s |"):format(field.name, field.text)
  end)
end

local LIMITS = { { "lull.client_options", "" }, { "lull.backoff", "backoff." }, { "lull.budget", "budget." },
  { "lull.breaker", "breaker." } }

-- The limits of a client, and the fields of those that are tables.
function M.defaults()
  local known = library.defaults()
  local lines = { "| option | default | meaning |", "|---|---|---|" }
  for _, limit in ipairs(LIMITS) do
    local class, prefix = limit[1], limit[2]
    for _, field in ipairs(defined(class).fields) do
      if prefix ~= "" or known[class][field.name] then
        lines[#lines + 1] = ("| `%s%s` | %s | %s |"):format(prefix, field.name, field.default, field.text)
      end
    end
  end
  return lines
end

M["why"] = function()
  local lines = { "| `why` | what happened |", "|---|---|" }
  for _, one in ipairs(defined("lull.why").values) do
    lines[#lines + 1] = ("| `%s` | %s |"):format(one.value:gsub('"', ""), one.text)
  end
  return lines
end

local OUTCOMES = {
  { "200, 204, 304", 200 }, { "400, 401, 403, 404, 409, 422", 404 },
  { "408, 425, 429", 429 }, { "500, 502, 503, 504, other 5xx", 503 },
  { "501, 505", 501 },
  { "never sent: `net.dns net.refused net.unreachable net.timeout.connect tls.handshake`", "net.refused", false },
  { "a proxy's 403 or 407: `net.proxy`", "net.proxy", false },
  { "sent and no answer: `net.timeout.read net.reset net.empty net.send`", "net.reset", true },
  { "answer cut short or no HTTP: `http.truncated http.malformed`", "http.truncated", true },
  { "`h2.refused`", "h2.refused", true },
  { "`tls.cert limit.body limit.headers http.redirects http.checksum local.*`", "tls.cert", false },
}

function M.decisions()
  local client = core.client {}
  local lines = { "| outcome | GET HEAD OPTIONS PUT DELETE | POST PATCH | POST PATCH with `key` |",
    "|---|---|---|---|" }
  for _, row in ipairs(OUTCOMES) do
    local cells = {}
    for i, how in ipairs { { "GET" }, { "POST" }, { "POST", true } } do
      local verdict, why = client:decide(how[1], row[2], how[2], row[3])
      cells[i] = why == "unsafe" and verdict .. ": `unsafe`" or verdict
    end
    lines[#lines + 1] = ("| %s | %s |"):format(row[1], table.concat(cells, " | "))
  end
  return lines
end

function M.outcomes()
  local lines = { "| outcome | what happened |", "|---|---|" }
  for name, words in text.sorted(core.classes()) do
    lines[#lines + 1] = ("| `%s` | %s |"):format(name, words)
  end
  return lines
end

function M.presets()
  local lines = { "| preset | attempts | waits before its first retries (s) | cap (s) | longest hint (s) |",
    "|---|---|---|---|---|" }
  for name in text.sorted(presets) do
    local p = library.preset(name)
    lines[#lines + 1] = ("| `%s` | %d | %s | %g | %g |"):format(name, p.attempts, table.concat(p.waits, ", "),
      p.cap, p.max_hint)
  end
  return lines
end

-- "`-d`, `--data DATA`": an option as the manual names it.
local function option_cell(option)
  local names = {}
  for i, alias in ipairs(option._aliases) do
    local argument = i == #option._aliases and option._maxargs > 0 and option._argname
    argument = type(argument) == "table" and argument[1] or argument
    names[i] = "`" .. alias .. (argument and ((option._minargs == 0 and "" or " ") .. argument) or "") .. "`"
  end
  return table.concat(names, ", ")
end

local function option_table(parser)
  local lines = { "| option | meaning |", "|---|---|" }
  for _, option in ipairs(parser._options) do
    lines[#lines + 1] = ("| %s | %s |"):format(option_cell(option), option._description)
  end
  return lines
end

M["script options"] = function() return option_table(require "lull.cli.switches".parser()) end
M["url options"] = function() return option_table(require "lull.cli.flags".parser "get") end
for _, command in ipairs { "status", "items", "retry", "report" } do
  M[command .. " options"] = function() return option_table(require "lull.cli.journal".parser(command)) end
end
-- An entry of what `lull explain` knows, as a row; its messages under one another.
local function error_row(entry)
  local names = {}
  for i, name in ipairs(explain.names(entry)) do names[i] = "`" .. explain.shown(name) .. "`" end
  local name = table.concat(names, "<br>") .. (entry.says and "<br>" .. entry.says or "")
  local cells = { name, explain.plain(entry[2]), explain.plain(entry[3]) }
  for i, cell in ipairs(cells) do cells[i] = cell:gsub("|", "\\|") end
  return "| " .. table.concat(cells, " | ") .. " |"
end

function M.errors()
  local lines = {}
  for _, group in ipairs(errors.GROUPS) do
    lines[#lines + 1] = ("\n## %s\n"):format(group.title)
    if group.about then lines[#lines + 1] = group.about .. "\n" end
    local first = group.messages and "message" or "name"
    lines[#lines + 1] = ("| %s | why it comes | what helps |\n|---|---|---|"):format(first)
    for _, entry in ipairs(group.list) do lines[#lines + 1] = error_row(entry) end
  end
  return lines
end

M["sim options"] = function() return option_table(require "lull.cli.sim".parser()) end

-- An example, as it stands in its file, without the words above it.
local function example(name)
  M[name] = function()
    local lines, code = { "```lua" }, false
    for line in io.lines("scripts/" .. name) do
      code = code or not line:match "^%-%-" and not line:match "^#!"
      if code or not line:match "^%-%-" then lines[#lines + 1] = line end
    end
    lines[#lines + 1] = "```"
    return lines
  end
end

example "readme.lua"
example "readme_spec.lua"
example "hosts/luv.lua"

local function read(path)
  local file = assert(io.open(path))
  local bytes = file:read("*a")
  file:close()
  return bytes
end

local function file_block(path)
  return ("<!-- file: %s -->\n```lua\n%s```\n<!-- /file -->"):format(path, read(path))
end

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- Where every block of commands runs: an empty folder with links to all that
-- is here, so that what they write stays there, and `lull` is the one here. A
-- sanitizer's runtime is not for them.
local STAGE = [[
unset LD_PRELOAD
here=$PWD; stage=$(mktemp -d); for f in *; do ln -s "$here/$f" "$stage"; done
cd "$stage"; PATH=$here/build:$PATH; exec 2>&1
]]

---The commands of a block, run one after another, and what each prints.
---@param block string
---@return string
function M.shell(block)
  local script = { STAGE }
  for command in block:gmatch "%f[^\n%z]%$ ([^\n]*)" do
    script[#script + 1] = ("printf '%%s\\n' %s\n%s\n"):format(quote("$ " .. command), command)
  end
  script[#script + 1] = 'cd "$here"; rm -rf "$stage"\n'
  local pipe = assert(io.popen("sh -c " .. quote(table.concat(script))))
  local printed = pipe:read("*a")
  pipe:close()
  return ("<!-- shell -->\n```console\n%s```\n<!-- /shell -->"):format(printed)
end

---The page with its tables, files and commands as they should be.
---@param page string
---@return string
function M.renew(page)
  page = page:gsub("<!%-%- file: (%S+) %-%->.-<!%-%- /file %-%->", file_block)
  page = page:gsub("<!%-%- shell %-%->(.-)<!%-%- /shell %-%->", M.shell)
  for _, name in ipairs { "defaults", "decisions", "outcomes", "presets", "readme.lua", "readme_spec.lua",
    "hosts/luv.lua", "script options", "url options", "sim options", "client options", "call options",
    "why", "status options", "items options", "retry options", "report options", "errors" } do
    local from, to = "<!-- " .. name .. " -->", "<!-- /" .. name .. " -->"
    local a, b = page:find(from, 1, true)
    local c = b and page:find(to, b, true)
    if a and c then
      page = page:sub(1, b) .. "\n" .. table.concat(M[name](), "\n") .. "\n" .. page:sub(c)
    end
  end
  return page
end

if arg and arg[0] and arg[0]:match("generate%.lua$") then
  for _, path in ipairs(arg) do
    local page = M.renew(read(path))
    local file = assert(io.open(path, "w"))
    file:write(page)
    file:close()
  end
end

return M
