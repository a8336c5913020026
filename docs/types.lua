-- Writes into the definition file what the code decides: the classes of
-- transport errors, the presets, and the defaults.
--     lua5.4 docs/types.lua

local core = require "lull.core"
local options = require "lull.options"
local presets = require "lull.presets"
local text = require "lull.text"

local M = { PATH = "library/lull.lua" }

local function size(bytes)
  if bytes >= 2 ^ 20 then return ("%g MiB"):format(bytes / 2 ^ 20) end
  return ("%g KiB"):format(bytes / 2 ^ 10)
end

local function seconds(s) return s == math.huge and "none" or ("%g s"):format(s) end

local function number(n) return ("%g"):format(n) end

---The defaults that the core tells, by class and field.
---@return table<string, table<string, string>>
function M.defaults()
  local client = core.client {}
  local l, b = client:limits(), client:backoff()
  return {
    ["lull.client_options"] = { attempts = number(l.attempts), timeout = seconds(l.timeout[1]),
      deadline = seconds(l.deadline), max_hint = seconds(l.max_hint), redirects = number(l.redirects),
      max_body = size(l.max_body), max_headers = size(l.max_headers) },
    ["lull.backoff"] = { kind = b.kind, base = seconds(b.base), factor = number(b.factor), cap = seconds(b.cap),
      jitter = b.jitter },
    ["lull.budget"] = { capacity = number(l.budget_capacity), cost = number(l.budget_cost),
      refund = number(l.budget_refund) },
  }
end

local function wait_words(client, n)
  local least, _, most = client:wait(n)
  if least == most then return number(least) end
  return ("%g to %g"):format(least, most)
end

---A preset in figures: attempts, its first waits (texts, s), the longest (s)
---and the longest hint (s).
---@param name string
function M.preset(name)
  local client = options.compile(options.layer({}, { preset = name }))
  local l, waits = client:limits(), {}
  for n = 1, math.min(4, l.attempts - 1) do waits[n] = wait_words(client, n) end
  return { attempts = l.attempts, waits = waits, cap = client:backoff().cap, max_hint = l.max_hint }
end

local function preset_lines()
  local lines = {}
  for name in text.sorted(presets) do
    local p = M.preset(name)
    lines[#lines + 1] = ('---| "%s" # %d attempts; waits %s%s s, at most %g\n'):format(name, p.attempts,
      table.concat(p.waits, ", "), #p.waits < p.attempts - 1 and " ..." or "", p.cap)
  end
  return table.concat(lines)
end

local function class_lines()
  local lines = {}
  for name, words in text.sorted(core.classes()) do lines[#lines + 1] = ('---| "%s" # %s\n'):format(name, words) end
  return table.concat(lines)
end

-- The file with other values of an alias.
local function with_values(file, alias, values)
  local head = "---@alias " .. alias .. "\n"
  local from, to = file:find(head, 1, true)
  assert(from, alias .. " is not in the definition file")
  local rest = file:sub(to + 1)
  while rest:find "^%-%-%-|" do rest = rest:gsub("^[^\n]*\n", "") end
  return file:sub(1, to) .. values .. rest
end

-- The file with the default of one field, which stands at the end of the
-- comment above it.
local function with_default(file, class, field, value)
  local begin = assert(file:find("---@class " .. class .. "\n", 1, true), class)
  local at = file:find("\n---@field " .. field .. "? ", begin, true)
  assert(at, class .. " has no field " .. field)
  local above, found = file:sub(1, at - 1):gsub("Default [^\n]-%.$", function() return "Default " .. value .. "." end)
  assert(found == 1, field .. " has no default")
  return above .. file:sub(at)
end

---The file as it should be.
---@param file string
---@return string
function M.renew(file)
  file = with_values(file, "lull.class", class_lines())
  file = with_values(file, "lull.preset_name", preset_lines())
  for class, fields in text.sorted(M.defaults()) do
    for field, value in text.sorted(fields) do file = with_default(file, class, field, value) end
  end
  return file
end

if arg and arg[0] and arg[0]:match "types%.lua$" then
  local file = assert(io.open(M.PATH))
  local renewed = M.renew(file:read "*a") -- may fail: the old is still there
  file:close()
  file = assert(io.open(M.PATH, "w"))
  file:write(renewed)
  file:close()
end

return M
