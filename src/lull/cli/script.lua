-- script: the Lua script that does what a command line does: the next step, where
-- the command line is not enough.

local json = require "lull.json"
local lull = require "lull"
local secret = require "lull.secret"
local template = require "lull.cli.template"
local text = require "lull.text"

local M = {}

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch "%a+" do KEYWORDS[word] = true end

local function is_name(key)
  return type(key) == "string" and key:find "^[%a_][%w_]*$" ~= nil and not KEYWORDS[key]
end

-- A text as Lua has it, on one line.
local function quote(value)
  return (("%q"):format(value):gsub("\\\n", "\\n"):gsub("\r", "\\r"):gsub("%z", "\\0"))
end

-- ---- what a row has, as an expression ------------------------------------

local function field_of(name)
  if name == "." then return "row" end
  if is_name(name) then return "row." .. name end
  if not name:find(".", 1, true) then return ("row[%s]"):format(quote(name)) end
  local steps = {}
  for step in name:gmatch "[^.]+" do
    steps[#steps + 1] = is_name(step) and "." .. step or ("[%s]"):format(quote(step))
  end
  return "row" .. table.concat(steps)
end

-- How a field is put in each place, as template.lua does it.
local PLACES = {
  json = function(part) return part.quoted and "lull.json.encode(%s):sub(2, -2)" or "lull.json.encode(%s)" end,
  url = function(part) return part.first and "%s" or "lull.escape(%s)" end,
  form = function() return "lull.escape(%s)" end,
}

local function as_it_is() return "%s" end

-- A template as an expression: texts and fields joined by "..".
local function expression(made)
  local out = {}
  for i, part in ipairs(made.parts) do
    out[i] = type(part) == "string" and quote(part)
      or (PLACES[made.place] or as_it_is)(part):format(field_of(part.field))
  end
  return #out > 0 and table.concat(out, " .. ") or '""'
end

-- ---- tables --------------------------------------------------------------

-- Code, where a value would be written.
local Code = {}
local function code(words) return setmetatable({ words = words }, Code) end

local source

local function entries(value, indent)
  local out = {}
  for key, one in text.sorted(value) do
    local name = is_name(key) and key .. " = "
      or ("[%s] = "):format(type(key) == "string" and quote(key) or tostring(key))
    if type(key) == "number" and key == #out + 1 then name = "" end
    out[#out + 1] = name .. source(one, indent)
  end
  return out
end

-- A table on one line where it fits behind what is there, else an entry a line.
source = function(value, indent, before)
  if getmetatable(value) == Code then return value.words end
  if secret.is(value) then return "lull.secret " .. quote(value:reveal()) end
  if value == json.null then return "lull.json.null" end
  if type(value) == "string" then return quote(value) end
  if type(value) ~= "table" then return text.number(value) end
  if next(value) == nil then return "{}" end
  local inner = indent .. "  "
  local list = entries(value, inner)
  local line = "{ " .. table.concat(list, ", ") .. " }"
  if #line + #indent + (before or 0) < 90 and not line:find("\n", 1, true) then return line end
  return "{\n" .. inner .. table.concat(list, ",\n" .. inner) .. ",\n" .. indent .. "}"
end

-- ---- a body of JSON ------------------------------------------------------

-- Stands for a field while the template is read as JSON. No row and no template
-- has such a text.
local MARK = "\238\128\128%d\238\128\129"
local MARKED = "\238\128\128(%d+)\238\128\129"

-- With the marks taken out again: a field alone, or within a text.
local function unmarked(value, fields)
  if type(value) == "table" then
    local copy = {}
    for key, one in pairs(value) do copy[key] = unmarked(one, fields) end
    return copy
  end
  if type(value) ~= "string" or not value:find(MARKED) then return value end
  local alone = value:match("^" .. MARKED .. "$")
  if alone then return code(fields[tonumber(alone)]) end
  local out, done = {}, 1
  for from, number, last in value:gmatch("()" .. MARKED .. "()") do
    if from > done then out[#out + 1] = quote(value:sub(done, from - 1)) end
    out[#out + 1] = fields[tonumber(number)]
    done = last
  end
  if done <= #value then out[#out + 1] = quote(value:sub(done)) end
  return code(table.concat(out, " .. "))
end

-- A cell of CSV that no quotes surround may be a number: `cell`.
local function json_field(part, of_cells)
  local field = field_of(part.field)
  if of_cells and not part.quoted and part.field ~= "." then return ("cell(%s)"):format(field) end
  return part.quoted and not of_cells and ("tostring(%s)"):format(field) or field
end

-- The template as a table of Lua's; nil when it is none, or has an empty list,
-- which a table cannot tell from an empty object.
local function json_table(made, of_cells)
  local pieces, fields = {}, {}
  for i, part in ipairs(made.parts) do
    pieces[i] = part
    if type(part) == "table" then
      fields[#fields + 1] = json_field(part, of_cells)
      local mark = MARK:format(#fields)
      pieces[i] = part.quoted and mark or '"' .. mark .. '"'
    end
  end
  local whole = table.concat(pieces)
  local value = json.decode(whole)
  if type(value) ~= "table" or whole:find "%[%s*%]" then return nil end
  return unmarked(value, fields)
end

-- The same as a text, for what is no table.
local function json_text(made, of_cells)
  local out = {}
  for i, part in ipairs(made.parts) do
    out[i] = type(part) == "string" and quote(part) or PLACES.json(part):format(json_field(part, of_cells))
  end
  return table.concat(out, " .. ")
end

local CELL = [[

-- A cell as JSON has it: a number where it is written as one.
local function cell(text)
  local number = text:find "^%-?%d[%d.]*$" and not text:find "^%-?0%d" and #text < 16
  local value = (number or text == "true" or text == "false") and lull.json.decode(text)
  if value ~= nil and (value or text == "false") then return value end
  return text
end
]]

-- ---- the script ----------------------------------------------------------

-- As a person would write them: numbers as numbers, one rate without a list.
local function tidied(settings)
  local out, on = {}, settings.on and {}
  for name, value in pairs(settings) do
    local number = type(value) == "string" and value:find "^%d+$" and #value < 16
    out[name] = number and tonumber(value) or value
  end
  for key, verdict in pairs(settings.on or {}) do on[key:find "^%d+$" and tonumber(key) or key] = verdict end
  out.on = on
  if out.limit and #out.limit == 1 then out.limit = out.limit[1] end
  return out
end

-- The type and what is accepted come with `json`.
local function client_source(given, json_body)
  local settings, headers = tidied(given), {}
  for name, value in pairs(settings.headers or {}) do
    local own = json_body and (name == "Content-Type" or name == "Accept") or name == "User-Agent"
      and value == "lull/" .. lull.version
    if not own then headers[name] = value end
  end
  settings.headers = next(headers) and headers or nil
  return source(settings, "")
end

-- The parts of a form, with fields in them.
local function parts_source(parts)
  local list = {}
  for i, one in ipairs(parts) do
    local part = {}
    for name, value in pairs(one.part) do part[name] = value end
    for name, made in pairs(one.made) do part[name] = code(expression(made)) end
    list[i] = part
  end
  return list
end

local function body_into(options, plan, of_cells)
  if plan.upload then options.file = code(expression(plan.upload)) end
  if plan.file then options.file = plan.file.path end
  if plan.parts then options.multipart = parts_source(plan.parts) end
  if not plan.body then return end
  local is_json = plan.body.place == "json"
  options.json = is_json and json_table(plan.body, of_cells) or nil
  if options.json == nil then
    options.body = code(is_json and json_text(plan.body, of_cells) or expression(plan.body))
  end
end

local function call_options(plan, of_cells)
  local options = {}
  body_into(options, plan, of_cells)
  if plan.key then options.key = code(expression(plan.key)) elseif plan.job.call.key then options.key = true end
  if plan.output then options.output = code(expression(plan.output)) end
  if plan.query then options.query = code(expression(plan.query)) end
  for name, made in pairs(plan.headers) do
    options.headers = options.headers or {}
    options.headers[name] = code(expression(made))
  end
  return options
end

-- The rows' format, where the file's name does not say it.
local function rows_source(o)
  if not o.format then return "lull.rows " .. quote(o.each) end
  return ("lull.rows(%s, { format = %s })"):format(quote(o.each), quote(o.format))
end

-- How rows are told apart: a field's name, where that is all.
local function id_source(plan)
  if not plan.id then return nil end
  local parts = plan.id.parts
  if #parts == 1 and type(parts[1]) == "table" and parts[1].field ~= "." then return parts[1].field end
  return code(("function(row) return %s end"):format(expression(plan.id)))
end

local function each_options(o, plan)
  local options = { parallel = o.parallel and tonumber(o.parallel), journal = o.journal,
    id = o.journal and id_source(plan) or nil }
  return next(options) and ", " .. source(options, "") or ""
end

local function of_cells(o)
  local format = o.format or o.each:lower():match "%.(%w+)$"
  return format ~= "ndjson" and format ~= "jsonl"
end

-- ---- of URLs -------------------------------------------------------------

-- A body of JSON as a table, where it is one that comes out the same.
local function json_option(body)
  local value = json.decode(body)
  if type(value) == "table" and not body:find "%[%s*%]" then return value end
end

-- The options of a call. `url` is the name of a variable, if there are several.
local function url_options(o, job, output)
  local options = {}
  for name, value in pairs(job.call) do options[name] = value end
  if o.json[1] and not o.get then options.json = json_option(options.body) end
  if options.json ~= nil then options.body = nil end
  if type(options.body) == "table" then options.file, options.body = options.body.path, nil end
  local path = output and quote(output)
  if o.remote_name then
    path = 'url:gsub("[?#].*", ""):match "[^/]+$"'
    if o.output_dir then path = quote(o.output_dir .. "/") .. " .. " .. path end
  end
  if path then options.output = code(o.continue and ("{ %s, continue = true }"):format(path) or path) end
  return options
end

local function url_of(given) return given:find "^%a[%w+.-]*://" and given or "http://" .. given end

-- What is done with an answer.
local function printed(o, options, indent)
  if o.method == "HEAD" then
    return indent .. "print(res)\n" .. indent
      .. 'for name, value in res.headers:each() do print(name .. ": " .. value) end\n'
  end
  return options.output and "" or indent .. "io.write(res.body)\n"
end

local function call_of(o, url, options, indent)
  local call = ("api:%s(%s"):format(o.method:lower(), url)
  if next(options) then call = call .. ", " .. source(options, indent, #call) end
  return call .. ")"
end

local function one_url(o, job)
  local options = url_options(o, job, o.output[1])
  local url = quote(url_of(o.url[1]))
  return table.concat { o.remote_name and ("local url = %s\n"):format(url) or "", "local res, err = ",
    call_of(o, o.remote_name and "url" or url, options, ""), "\nif not res then error(err) end\n",
    printed(o, options, "") }
end

local function all_urls(o)
  if o.input then return ('lull.rows(%s, { format = "lines" })'):format(quote(o.input)) end
  local list = {}
  for i, url in ipairs(o.url) do list[i] = url_of(url) end
  return source(list, "", 10)
end

local function many_urls(o, job)
  local options = url_options(o, job)
  local outputs = {}
  for i, path in ipairs(o.output) do outputs[url_of(o.url[i])] = path end
  if next(outputs) then options.output = code "outputs[url]" end
  local words = printed(o, options, "    ")
  local table_of = next(outputs) and "local outputs = " .. source(outputs, "") .. "\n" or ""
  return table.concat { table_of, "local sum = lull.each(", all_urls(o), ", { parallel = ", tostring(job.parallel),
    " }, function(url)\n  local res, err = ", call_of(o, "url", options, "  "), "\n",
    words ~= "" and "  if res then\n" .. words .. "  end\n" or "", "  return res, err\nend)\nlull.exit(sum.code)\n" }
end

---The script that does what the command line does with its URLs.
---@param o table from flags.parse
---@param job table from job.new
---@return string
function M.of_urls(o, job)
  local many = #o.url ~= 1 or o.input
  return '#!/usr/bin/env lull\nlocal lull = require "lull"\n\nlocal api = lull.client '
    .. client_source(job.settings, o.json[1] ~= nil) .. "\n\n" .. (many and many_urls or one_url)(o, job)
end

---The script that does for each row what the command line does.
---@param o table from flags.parse
---@param plan table what each.lua has understood
---@param settings table what lull.client is told
---@return string
function M.of(o, plan, settings)
  local options = call_options(plan, of_cells(o))
  local first = plan.url.parts[1]
  local scheme = type(first) == "string" and not first:find "^%a[%w+.-]*://" and "http://" or ""
  local url = expression(template.new(scheme .. o.url[1], "url"))
  local call = ("return api:%s(%s"):format(o.method:lower(), url)
  if next(options) then call = call .. ", " .. source(options, "  ", #call) end
  return table.concat {
    '#!/usr/bin/env lull\nlocal lull = require "lull"\n', call:find("cell(", 1, true) and CELL or "",
    "\nlocal api = lull.client ", client_source(settings, options.json ~= nil), "\n\n",
    "local sum = lull.each(", rows_source(o), each_options(o, plan), ", function(row)\n  ", call, ")\nend)\n",
    "lull.exit(sum.code)\n",
  }
end

return M
