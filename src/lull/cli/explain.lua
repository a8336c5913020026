-- explain: `lull explain NAME`: why something comes, and what helps.

local errors = require "lull.cli.errors"
local exit = require "lull.exit"
local output = require "lull.cli.output"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}

local WIDTH = 78

---A text of the table as it is read.
---@param words string
function M.plain(words) return (words:gsub("%s+", " ")) end

---The messages of an entry; of one with a name that.
---@param entry table
---@return string[]
function M.names(entry) return type(entry[1]) == "table" and entry[1] or { entry[1] } end

-- ---- finding -------------------------------------------------------------

-- Entries by their names, and those names.
local function named()
  local found = {}
  for _, group in ipairs(errors.GROUPS) do
    for _, entry in ipairs(group.messages and {} or group.list) do found[entry[1]] = entry end
  end
  return found
end

local LEAST = 6 -- letters that tell one message from others

-- What stands in a message between what varies.
local function pieces_of(message)
  local list = {}
  message = M.plain(message):gsub("%%l?[sdfq]", "\1"):gsub("%%%.0f", "\1"):gsub("%%%%", "%%")
  for part in message:gmatch "[^\1]+" do
    local piece = part:match "^%s*(.-)%s*$"
    if #piece:gsub("%A", "") >= LEAST then list[#list + 1] = piece end
  end
  return list
end

-- How much of the words is this message: the letters of its pieces that are in
-- them; or of them, when they are a part of one.
local function likeness(words, message)
  local n = 0
  for _, piece in ipairs(pieces_of(message)) do
    if words:find(piece, 1, true) then n = n + #piece end
    if #words > LEAST and piece:find(words, 1, true) then n = math.max(n, #words) end
  end
  return n
end

-- The entry whose message the words are likest to.
local function by_message(words)
  local best, most = nil, 0
  local function try(entry, message)
    local n = likeness(words, message)
    if n > most then best, most = entry, n end
  end
  for _, group in ipairs(errors.GROUPS) do
    for _, entry in ipairs(group.list) do
      if entry.says then try(entry, entry.says) end
      for _, message in ipairs(group.messages and M.names(entry) or {}) do try(entry, message) end
    end
  end
  return best
end

-- Names of which this is a part ("net", "timeout"), or the hundred that it is of.
local function relatives(names, name)
  local list = {}
  for one in text.sorted(names) do
    if ("." .. one .. "."):find("." .. name .. ".", 1, true) then list[#list + 1] = names[one] end
  end
  local hundred = name:match "^(%d)%d%d$"
  if #list == 0 and hundred and names[hundred .. "xx"] then list[1] = names[hundred .. "xx"] end
  return list
end

---The entries that a name or a message is of.
---@param words string
---@return table[]
function M.find(words)
  local names = named()
  if names[words] then return { names[words] } end
  local list = relatives(names, words)
  if #list > 0 then return list end
  local message = by_message(words)
  local class = words:match "%((%l[%l%d]*%.[%l.]+)" -- of a call's error: "(net.refused: ...)"
  list[1] = message
  if names[class or ""] then list[#list + 1] = names[class] end
  return list
end

-- ---- printing ------------------------------------------------------------

local function wrapped(words, indent)
  local lines, line = {}, indent
  words = M.plain(words):gsub("%[(.-)%]%b()", "%1")
  for word in words:gmatch "%S+" do
    if #line + #word > WIDTH then
      lines[#lines + 1] = line:gsub("%s+$", "")
      line = indent
    end
    line = line .. word .. " "
  end
  lines[#lines + 1] = line:gsub("%s+$", "")
  return table.concat(lines, "\n")
end

-- As a person reads a message: "..." for what varies.
---@param message string
function M.shown(message)
  return (M.plain(message):gsub("%%%.0f", "..."):gsub("%%l?[sdfq]", "..."):gsub("%%%%", "%%"))
end

local function entry_text(entry)
  local lines = {}
  for i, name in ipairs(M.names(entry)) do lines[i] = wrapped(M.shown(name), "") end
  if entry.says then lines[1] = lines[1] .. ": " .. entry.says end
  lines[#lines + 1] = wrapped(entry[2], "  ")
  if entry[3] ~= "" then lines[#lines + 1] = wrapped("What helps: " .. entry[3], "  ") end
  return table.concat(lines, "\n") .. "\n"
end

local function all_names()
  local lines = {}
  for _, group in ipairs(errors.GROUPS) do
    local list = {}
    for _, entry in ipairs(group.messages and {} or group.list) do list[#list + 1] = entry[1] end
    if #list > 0 then lines[#lines + 1] = ("%s:\n%s\n"):format(group.title, wrapped(table.concat(list, " "), "  ")) end
  end
  return table.concat(lines) .. "A message is explained, too: lull explain \"it is no journal of lull's\"\n"
end

local ABOUT = [[
Usage: lull explain NAME|MESSAGE

Tells why something comes, and what helps: how a call ends (unsafe), an error of
the transport (net.refused), a status (409), an exit code (75), a message.
Without a name it names them all.
]]

-- What is near to a name that nothing has.
local function near(words)
  local names, list = named(), {}
  local nearest = usage.nearest(words, names)
  if nearest then list[1] = nearest end
  for name in text.sorted(names) do
    local holds = #words > 2 and name:find(words, 1, true) and name ~= nearest
    if holds then list[#list + 1] = name end
  end
  return #list > 0 and (" (did you mean %s?)"):format(table.concat(list, ", ")) or ""
end

---Runs the command; gives the exit code.
---@param argv string[] the command first
---@return integer
function M.run(argv)
  if argv[2] == "-h" or argv[2] == "--help" then
    output.write(ABOUT)
    return 0
  end
  local words = M.plain(table.concat(argv, " ", 2)):gsub("^ ", ""):gsub(" $", "")
  if words == "" then
    output.write(all_names())
    return 0
  end
  local list = M.find(words)
  if #list == 0 then
    exit.complain(("nothing is known of '%s'%s; lull explain names all"):format(words, near(words)))
    return exit.USAGE
  end
  local parts = {}
  for i, entry in ipairs(list) do parts[i] = entry_text(entry) end
  output.write(table.concat(parts, "\n"))
  return 0
end

return M
