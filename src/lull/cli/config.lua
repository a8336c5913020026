-- config: options from a file, written as curl's -K takes them: an option a line,
-- its name with or without dashes, then a blank, "=" or ":", and its value.

local usage = require "lull.usage"
local whole = require "lull.cli.whole"

local M = {}
usage.own()

local MOST = 8 -- files that name one another

local ESCAPED = { t = "\t", n = "\n", r = "\r", v = "\v" }

-- A value between quotes, or a word; nil and what is wrong.
local function value_of(rest)
  if rest:sub(1, 1) ~= '"' then
    local word, more = rest:match "^(%S+)%s*(.*)$"
    if more ~= "" and not more:find "^#" then return nil, "a value with a blank is written between quotes" end
    return word
  end
  local out, at = {}, 2
  while true do
    local from, _, char, after = rest:find('(["\\])(.?)', at)
    if not from then return nil, "a quote that is never closed" end
    out[#out + 1] = rest:sub(at, from - 1)
    if char == '"' then break end
    out[#out + 1] = ESCAPED[after] or after
    at = from + 2
  end
  return table.concat(out)
end

-- A line as one or two words of a command line.
local function line_words(line, aliases)
  local name, rest = line:match "^(%-*[^%s=:]+)%s*[=:]?%s*(.-)%s*$"
  if not name then return nil, "no option" end
  if not name:find "^%-" then name = "--" .. name end
  local value, problem
  if rest ~= "" then value, problem = value_of(rest) end
  if problem then return nil, problem end
  if name == "--url" then return { value } end
  local option = aliases[name]
  if not option then return { name } end -- of which the parser complains
  if option._maxargs == 0 then
    if value then return nil, name .. " takes no value" end
    return { name }
  end
  if not value and option._minargs > 0 then return nil, name .. " takes a value" end
  return value and { name, value } or { name }
end

local expand

-- The words of a file.
local function words_of(path, aliases, depth)
  if depth > MOST then return nil, ("--config: %s names itself"):format(path) end
  local all, problem = whole.read(path)
  if not all then return nil, problem end
  local argv, number = {}, 0
  for bytes in (all .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local line = bytes:gsub("%z", ""):match "^%s*(.-)%s*$"
    if line ~= "" and line:sub(1, 1) ~= "#" then
      local words, wrong = line_words(line, aliases)
      if not words then return nil, ("%s:%d: %s"):format(path, number, wrong) end
      for _, word in ipairs(words) do argv[#argv + 1] = word end
    end
  end
  return expand(argv, aliases, depth + 1)
end

-- The words of a command line, with those of its files in their places.
expand = function(argv, aliases, depth)
  local out, i = {}, 1
  while argv[i] do
    local word = argv[i]
    if word == "--" then
      for j = i, #argv do out[#out + 1] = argv[j] end
      return out
    end
    local path = word:match "^%-%-config=(.*)$" or word:match "^%-K(.+)$"
    if word == "--config" or word == "-K" then
      i = i + 1
      path = argv[i]
    end
    local option = aliases[word]
    if path then
      local words, problem = words_of(path, aliases, depth)
      if not words then return nil, problem end
      for _, one in ipairs(words) do out[#out + 1] = one end
    else
      out[#out + 1] = word
      if option and option._minargs == 1 and argv[i + 1] then
        i = i + 1
        out[#out + 1] = argv[i]
      end
    end
    i = i + 1
  end
  return out
end

---The command line with what its files say; or nil and what is wrong.
---@param argv string[] the command first
---@param aliases table of flags.aliases_of
---@return string[]?
---@return string? problem
function M.expand(argv, aliases) return expand(argv, aliases, 0) end

return M
