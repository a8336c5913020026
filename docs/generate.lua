-- Writes what the manual takes from the code: the tables of defaults, decisions,
-- outcomes, presets and options, and examples. Each stands between two marks in a page:
--     <!-- NAME -->  ...  <!-- /NAME -->
-- Run by `make docs`; a spec compares the pages with what this would write.
--     lua5.4 docs/generate.lua PAGE...

local core = require "lull.core"
local presets = require "lull.presets"
local options = require "lull.options"
local text = require "lull.text"

local M = {}

local function size(bytes)
  if bytes >= 2 ^ 20 then return ("%g MiB"):format(bytes / 2 ^ 20) end
  return ("%g KiB"):format(bytes / 2 ^ 10)
end

local function seconds(s) return s == math.huge and "none" or ("%g s"):format(s) end

function M.defaults()
  local client = core.client {}
  local l, b = client:limits(), client:backoff()
  local rows = {
    { "attempts", ("%d"):format(l.attempts), "tries of one call, the first included" },
    { "timeout", seconds(l.timeout[1]), "of one attempt; a list for attempt 1, 2, ..." },
    { "deadline", seconds(l.deadline), "of the whole call, waits included" },
    { "max_hint", seconds(l.max_hint), "the longest wait that a server may ask for" },
    { "backoff.kind", b.kind, "`constant`, `linear` or `exponential`" },
    { "backoff.base", seconds(b.base), "the first wait" },
    { "backoff.factor", ("%g"):format(b.factor), "of an exponential backoff" },
    { "backoff.cap", seconds(b.cap), "no wait is longer, jitter included" },
    { "backoff.jitter", b.jitter, "`none`, `full`, `equal`, `decorrelated`, `{lo, hi}` or `{factor = {lo, hi}}`" },
    { "budget.capacity", ("%g"):format(l.budget_capacity), "retries that a lane may make before any success" },
    { "budget.cost", ("%g"):format(l.budget_cost), "of one retry" },
    { "budget.refund", ("%g"):format(l.budget_refund), "by one success" },
    { "redirects", ("%g"):format(l.redirects), "followed for one attempt" },
    { "max_body", size(l.max_body), "of a decoded body in memory" },
    { "max_headers", size(l.max_headers), "of an answer's headers" },
  }
  local lines = { "| option | default | meaning |", "|---|---|---|" }
  for _, row in ipairs(rows) do
    lines[#lines + 1] = ("| `%s` | %s | %s |"):format(row[1], row[2], row[3])
  end
  return lines
end

local OUTCOMES = {
  { "200, 204, 304", 200 }, { "400, 401, 403, 404, 409, 422", 404 },
  { "408, 425, 429, 503", 503 }, { "500, 502, 504, other 5xx", 500 },
  { "501, 505", 501 },
  { "never sent: `net.dns net.refused net.unreachable net.timeout.connect tls.handshake`", "net.refused", false },
  { "sent and no answer: `net.timeout.read net.reset net.empty net.send`", "net.reset", true },
  { "answer cut short or no HTTP: `http.truncated http.malformed`", "http.truncated", true },
  { "`h2.refused`", "h2.refused", true },
  { "`tls.cert limit.body limit.headers http.redirects local.*`", "tls.cert", false },
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

local function wait_cell(client, n)
  local least, _, most = client:wait(n)
  if least == most then return ("%g"):format(least) end
  return ("%g to %g"):format(least, most)
end

function M.presets()
  local lines = { "| preset | attempts | waits before its first retries (s) | cap (s) | longest hint (s) |",
    "|---|---|---|---|---|" }
  for name, preset in text.sorted(presets) do
    local client = options.compile(options.layer({}, { preset = preset }))
    local l, waits = client:limits(), {}
    for n = 1, math.min(4, l.attempts - 1) do waits[n] = wait_cell(client, n) end
    lines[#lines + 1] = ("| `%s` | %d | %s | %g | %g |"):format(name, l.attempts,
      table.concat(waits, ", "), client:backoff().cap, l.max_hint)
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

M["script options"] = function() return option_table(require "lull.cli".parser()) end
M["url options"] = function() return option_table(require "lull.flags".parser "get") end

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

---The page with its tables as they should be.
---@param page string
---@return string
function M.renew(page)
  for _, name in ipairs { "defaults", "decisions", "outcomes", "presets", "readme.lua", "readme_spec.lua",
    "hosts/luv.lua", "script options", "url options" } do
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
    local file = assert(io.open(path))
    local page = file:read("*a")
    file:close()
    file = assert(io.open(path, "w"))
    file:write(M.renew(page))
    file:close()
  end
end

return M
