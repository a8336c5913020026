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
    at = from + 1
    if char == '"' then break end
    out[#out + 1] = ESCAPED[after] or after
    at = from + 2
  end
  if not rest:find("^%s*$", at) and not rest:find("^%s*#", at) then return nil, "there is more after the quotes" end
  return table.concat(out)
end

-- A line as one or two words of a command line.
local function line_words(line, aliases, explain)
  local name, rest = line:match "^(%-*[^%s=:]+)%s*[=:]?%s*(.-)%s*$"
  if not name then return nil, "no option" end
  if not name:find "^%-" then name = "--" .. name end
  local value, problem
  if rest ~= "" then value, problem = value_of(rest) end
  if problem then return nil, problem end
  if name == "--url" then return { value } end
  local option = aliases[name]
  if not option and (name:find "^%-%-" or #name == 2) then
    return nil, explain(("unknown option '%s'"):format(name), aliases)
  end
  if not option then return { name } end -- letters in one word, as in -sS
  if option._maxargs == 0 then
    if value then return nil, name .. " takes no value" end
    return { name }
  end
  if not value and option._minargs > 0 then return nil, name .. " takes a value" end
  if value and option._minargs == 0 then return { name .. "=" .. value } end
  return value and { name, value } or { name }
end

local expand

-- The words of a file.
local function words_of(path, aliases, run, depth)
  if depth > MOST then return nil, ("--config: %s names itself"):format(path) end
  local all, problem = whole.read(path)
  if not all then return nil, problem end
  local argv, number = {}, 0
  for bytes in (all .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local line = bytes:gsub("%z", ""):match "^%s*(.-)%s*$"
    if line ~= "" and line:sub(1, 1) ~= "#" then
      local words, wrong = line_words(line, aliases, run.explain)
      if not words then return nil, ("%s:%d: %s"):format(path, number, wrong) end
      run.lines[#run.lines + 1] = { option = aliases[words[1]], value = words[#words],
        where = ("%s:%d"):format(path, number) }
      for _, word in ipairs(words) do argv[#argv + 1] = word end
    end
  end
  return expand(argv, aliases, run, depth + 1)
end

-- The command line has the option once more, and that counts.
local function forget(lines, option)
  for i = #lines, 1, -1 do
    if option._maxcount == 1 and lines[i].option == option then table.remove(lines, i) end
  end
end

-- A word of flags in which -K comes last, as in -sK or -sKFILE: the flags before it, and
-- the file, or "" where that is the next word.
local function file_after(word, aliases)
  for i = 2, word:find "^%-%a" and #word or 0 do
    local letter = word:sub(i, i)
    if letter == "K" then return word:sub(1, i - 1), word:sub(i + 1) end
    local option = aliases["-" .. letter]
    if not option or option._maxargs ~= 0 then return nil end
  end
end

-- The words of a command line, with those of its files in their places.
expand = function(argv, aliases, run, depth)
  local out, i = {}, 1
  while argv[i] do
    local word = argv[i]
    if word == "--" then
      for j = i, #argv do out[#out + 1] = argv[j] end
      return out
    end
    local flags, path = file_after(word, aliases)
    if flags and flags ~= "-" then out[#out + 1] = flags end
    path = path or word:match "^%-%-config=(.*)$"
    if word == "--config" or path == "" and flags then
      i = i + 1
      path = argv[i]
    end
    local option = aliases[word]
    if path then
      local words, problem = words_of(path, aliases, run, depth)
      if not words then return nil, problem end
      for _, one in ipairs(words) do out[#out + 1] = one end
    else
      out[#out + 1] = word
      if option and depth == 0 then forget(run.lines, option) end
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
---@param explain fun(problem: string, aliases: table): string as flags.explain
---@return string[]?
---@return table|string lines what the files say, for `located`; or the problem
function M.expand(argv, aliases, explain)
  local run = { lines = {}, explain = explain }
  local words, problem = expand(argv, aliases, run, 0)
  return words, words and run.lines or problem
end

-- Whether a sentence is about what this line says.
local function is_about(problem, line)
  if problem:find("'" .. line.value .. "'", 1, true) then return true end
  if not line.option or line.option._maxcount ~= 1 then return false end
  for _, alias in ipairs(line.option._aliases) do
    local name = alias:match "^%-%-(.+)$"
    local at = name and problem:match "^%S+"
    if at and (at == alias or at:gsub(":$", "") == name:gsub("%-", "_")) then return true end
  end
  return false
end

---The sentence with the file and the line that it is about, where there is one.
---@param problem string
---@param lines table? of expand
---@return string
function M.located(problem, lines)
  for i = #(lines or {}), 1, -1 do
    if is_about(problem, lines[i]) then return ("%s: %s"):format(lines[i].where, problem) end
  end
  return problem
end

return M
