-- rows: the items of a file, one after the other: CSV, TSV, NDJSON or lines.
--
-- A row that is broken comes as an item of its own, which says where it stands
-- and what is wrong; what is around it is not lost. With each comes its text, as
-- it stood.

local input = require "lull.lazy" "lull.input"
local json = require "lull.json"
local progress = require "lull.lazy" "lull.progress"
local tasks = require "lull.lazy" "lull.tasks"
local sched = require "lull.sched"
local usage = require "lull.usage"

local M = {}
usage.own()

local FORMATS = { csv = true, tsv = true, ndjson = true, lines = true }
local OPTIONS = { format = true }
local BY_NAME = { csv = "csv", tsv = "tsv", tab = "tsv", ndjson = "ndjson", jsonl = "ndjson" }

-- Bytes of a row at most: a quote that is never closed is not to swallow a file.
local LONGEST = 1048576

-- ---- lines ---------------------------------------------------------------

-- Lines with their numbers, of which some may be put back.
local Reader = {}
Reader.__index = Reader

function Reader:next()
  local again = self.again[#self.again]
  if again then
    self.again[#self.again] = nil
    return again.text, again.number
  end
  local line, problem = self.lines()
  if problem then usage.fail(("cannot read '%s': %s"):format(self.name, problem)) end
  self.bytes = self.bytes + (line and #line + 1 or 0)
  if not line then
    if self.file and self.file ~= io.stdin then self.file:close() end
    self.file, self.lines = nil, function() return nil end
    return nil
  end
  self.number = self.number + 1
  if self.number == 1 then line = line:gsub("^\239\187\191", "") end
  return line, self.number
end

-- Those lines come again, in their order, but for the first.
function Reader:put_back(taken)
  for i = #taken, 2, -1 do
    self.again[#self.again + 1] = { text = taken[i], number = taken.numbers[i] }
  end
end

function Reader:broken(number, problem)
  return setmetatable({ file = self.name, line = number, broken = problem }, tasks.Broken)
end

local function chomp(line) return (line:gsub("\r$", "")) end

-- The next line that is not empty, with a CR at its end if it has one.
local function raw_line(reader)
  while true do
    local line, number = reader:next()
    if not line then return nil end
    if line ~= "" and line ~= "\r" then return line, number end
  end
end

local function filled(reader)
  local line, number = raw_line(reader)
  return line and chomp(line), number
end

-- ---- CSV and TSV ---------------------------------------------------------

-- From the quote at `at`: the field, and where it ends; or nil, and what is
-- wrong, which is "open" when the quote is not closed.
local function quoted(text, at)
  local from = at + 1
  while true do
    local quote = text:find('"', from, true)
    if not quote then return nil, "open" end
    if text:sub(quote + 1, quote + 1) ~= '"' then
      local after = text:sub(quote + 1, quote + 1)
      if after ~= "" and after ~= "," then return nil, "text after a field's closing quote" end
      return text:sub(at + 1, quote - 1):gsub('""', '"'), quote + 1
    end
    from = quote + 2
  end
end

local function unquoted(text, at)
  local comma = text:find(",", at, true) or #text + 1
  local field = text:sub(at, comma - 1)
  if field:find('"', 1, true) then return nil, "a quote within a field that is not quoted" end
  return field, comma
end

-- RFC 4180: the fields of a row; or nil and what is wrong.
local function csv_fields(text)
  local fields, at = {}, 1
  while true do
    local read = text:sub(at, at) == '"' and quoted or unquoted
    local field, after = read(text, at)
    if not field then return nil, after end
    fields[#fields + 1] = field
    if after > #text then return fields end
    at = after + 1
  end
end

local function tsv_fields(text)
  local fields = {}
  for field in (text .. "\t"):gmatch "([^\t]*)\t" do fields[#fields + 1] = field end
  return fields
end

local function add_line(taken, line, number)
  taken[#taken + 1] = line
  taken.numbers[#taken] = number
  taken.size = taken.size + #line
end

-- One more line for a row whose quote is open: what is wrong, or nil when the
-- row may be whole now.
local function extend(reader, taken)
  while true do
    local line, number = reader:next()
    if not line or taken.size + #line > LONGEST then
      if line then add_line(taken, line, number) end
      return "a quote that is never closed"
    end
    add_line(taken, line, number)
    if line:find('"', 1, true) then return nil end
  end
end

-- The fields of the next row, its first line's number and its text; nil at the
-- end; false, the number, the text and what is wrong. A row goes on over lines
-- while a quote is open.
local function next_fields(reader, fields_of)
  local line, number = raw_line(reader)
  if not line then return nil end
  local taken = { line, numbers = { number }, size = #line }
  while true do
    local raw = chomp(table.concat(taken, "\n"))
    local fields, problem = fields_of(raw)
    if fields then return fields, number, raw end
    if problem == "open" then problem = extend(reader, taken) end
    if problem then
      reader:put_back(taken)
      return false, number, chomp(line), problem
    end
  end
end

local function header_of(reader, fields_of)
  local header, number, raw, problem = next_fields(reader, fields_of)
  if header == nil then return nil end
  reader.header = raw
  local seen = {}
  for _, name in ipairs(header or {}) do
    if seen[name] then problem = ("two columns are called '%s'"):format(name) end
    seen[name] = true
  end
  if (raw or ""):find "[%z\1-\8\14-\31]" then problem = "this is no text; rows are plain UTF-8" end
  if problem then usage.fail(("%s:%d: the header: %s"):format(reader.name, number, problem)) end
  return header
end

local function table_rows(fields_of)
  return function(reader)
    local header
    return function()
      header = header or header_of(reader, fields_of)
      if not header then return nil end
      local fields, number, raw, problem = next_fields(reader, fields_of)
      if fields == nil then return nil end
      if fields and #fields ~= #header then
        problem = ("%d fields, and the header has %d"):format(#fields, #header)
      end
      if problem then return reader:broken(number, problem), raw end
      local row = {}
      for i, name in ipairs(header) do row[name] = fields[i] end
      return row, raw
    end
  end
end

-- ---- NDJSON and lines ----------------------------------------------------

-- Whether there is a number in it that JSON has no form for: 1e999, which is read as
-- endless, or NaN.
local function has_no_form(value)
  if type(value) == "number" then return value - value ~= 0 end
  if type(value) ~= "table" then return false end
  for _, field in pairs(value) do
    if has_no_form(field) then return true end
  end
  return false
end

local function values(reader)
  return function()
    local line, number = filled(reader)
    if not line then return nil end
    local value, problem = json.decode(line)
    if not problem and has_no_form(value) then problem = "a number is beyond what can be told of, such as 1e999" end
    if problem then return reader:broken(number, problem), line end
    if value == json.null or type(value) == "boolean" then
      return reader:broken(number, ("%s is no item"):format(line)), line
    end
    return value, line
  end
end

local function texts(reader)
  return function()
    local line = filled(reader)
    return line, line
  end
end

local MAKERS = { csv = table_rows(csv_fields), tsv = table_rows(tsv_fields), ndjson = values,
  lines = texts }

-- ---- what the script calls -----------------------------------------------

local function format_of(path, given)
  if given then return usage.word(given, "format", FORMATS) end
  local ending = path:lower():match "%.(%w+)$"
  if ending == "json" then
    usage.fail(("'%s': rows are no JSON document; for a value on each line say "
      .. '{ format = "ndjson" }'):format(path))
  end
  return BY_NAME[ending] or "lines"
end

-- Bytes from here to the end of a file that can tell. With a buffer a seek would
-- read, and what is read there is lost to who reads past it.
local function left_in(file)
  file:setvbuf "no"
  local at = file:seek()
  local size = at and file:seek "end"
  if at then file:seek("set", at) end
  return size and size > at and size - at or nil
end

-- How many rows there may be, by the length of those that have come.
local function guess(reader, size)
  if not size then return nil end
  return function(n) return reader.bytes > 0 and math.max(n, math.floor(n * size / reader.bytes + 0.5)) or nil end
end

---As `rows`; and with the function a table: its `format`, and when a row has been
---read its `header`, the text of a table's first line.
---@param path string
---@param options table?
---@return function next the next row and its text
---@return { format: string, header: string? }
function M.open(path, options)
  usage.no_nul(usage.type(path, "the path of rows", "string"), "the path of rows")
  for name in pairs(usage.type(options or {}, "rows' options", "table")) do
    if not OPTIONS[name] then usage.unknown("option", name, OPTIONS) end
  end
  local format = format_of(path, (options or {}).format)
  local file, problem = io.stdin, nil
  if path ~= "-" then file, problem = io.open(path, "rb") end
  if not file then usage.fail("cannot open " .. problem) end
  local reader = setmetatable({ name = path == "-" and "standard input" or path, file = file, format = format,
    lines = input.lines(file), number = 0, bytes = 0, again = {} }, Reader)
  local next_row = MAKERS[format](reader)
  progress.sizes[next_row] = guess(reader, left_in(file))
  return next_row, reader
end

---An iterator function over the rows of a file, "-" for standard input.
---@param path string
---@param options table?
function M.rows(path, options)
  local ok, next_row = pcall(M.open, path, options)
  if ok then return next_row end
  if not sched.takes_only then error(next_row, 0) end
  return function() error(next_row, 0) end -- who feeds has the file
end

---Whether an item is a row that could not be read; `tostring` says why.
---@param row any
function M.is_broken(row) return getmetatable(row) == tasks.Broken end

return M
