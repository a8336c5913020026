-- Reads the definition file (library/lull.lua) as data: what the reference,
-- the manual's tables of options and the specs are made of.
--
-- Knows what that file uses of LuaCATS: alias, class, field, param, return,
-- overload and operator, with comments above each; "-- ---- Title ----" begins
-- a section.

local M = { PATH = "library/lull.lua" }

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local OPENING, CLOSING = "[%(%[{<]", "[%)%]}>]"

-- A type ends at the first blank outside of brackets, but for those within
-- "fun(): a, b".
local function split_type(words)
  local depth, i = 0, 1
  while i <= #words do
    local c = words:sub(i, i)
    if c == '"' then
      i = words:find('"', i + 1, true) or #words
    elseif c:find(OPENING) then
      depth = depth + 1
    elseif c:find(CLOSING) then
      depth = depth - 1
    elseif c == " " and depth == 0 and not words:sub(1, i - 1):find "[:,]$" then
      return words:sub(1, i - 1), words:sub(i + 1)
    end
    i = i + 1
  end
  return words, ""
end
M.split_type = split_type

-- "Of one attempt. Default 30 s." -> "Of one attempt.", "30 s"
local function split_default(text)
  local words, default = text:match "^(.-)%s*Default (.-)%.$"
  if words then return words, default end
  return text, nil
end

local function joined(a, b)
  return a == "" and b or (b == "" and a or a .. " " .. b)
end

-- A name, its type, and what is said of it; the comments above come first.
local function member(words, above, pattern)
  local name, optional, rest = words:match(pattern)
  if not name then error("no member: " .. words, 0) end
  local kind, text = split_type(rest)
  local whole, default = split_default(joined(above, text))
  return { name = name, optional = optional == "?", type = kind, text = whole, default = default }
end

local FIELD, PARAM = "^(%[?[%w_]+%]?)(%??) (.*)$", "^([%w_.]+)(%??) (.*)$"

-- ---- one line after another ----------------------------------------------

local read_tag = {}

local function take_text(state)
  local text = table.concat(state.text, " ")
  state.text = {}
  return text
end

local function add(state, item)
  item.section = state.section
  state.items[#state.items + 1] = item
  state.item = item
end

function read_tag.meta() end

function read_tag.alias(state, words)
  local name, kind = words:match "^([%w_.]+) ?(.*)$"
  add(state, { kind = "alias", name = name, type = kind ~= "" and kind or nil, text = take_text(state), values = {} })
end

function read_tag.class(state, words)
  local name, parent = words:match "^([%w_.]+):? ?(.*)$"
  add(state, { kind = "class", name = name, parent = parent ~= "" and parent or nil, text = take_text(state),
    fields = {} })
end

function read_tag.field(state, words)
  table.insert(state.item.fields, member(words, take_text(state), FIELD))
end

function read_tag.operator(state, words) state.item.operator = words end

local function signature(state)
  if not state.signature then
    state.signature = { text = take_text(state), params = {}, returns = {}, overloads = {} }
  end
  return state.signature
end

function read_tag.param(state, words)
  table.insert(signature(state).params, member(words, "", PARAM))
end

read_tag["return"] = function(state, words)
  local kind, rest = split_type(words)
  local name, text = rest:match "^([%w_.]*) ?(.*)$"
  table.insert(signature(state).returns, { type = kind, name = name ~= "" and name or nil, text = text })
end

function read_tag.overload(state, words) table.insert(signature(state).overloads, words) end

function read_tag.type(state) state.text = {} end

-- "---| "net.dns" # the host name has no address"
local function read_value(state, words)
  local value, text = words:match "^(%S+) # (.*)$"
  if not value then error("no value: " .. words, 0) end
  table.insert(state.item.values, { value = value, text = text })
end

local function read_function(state, path, argument_list)
  local owner, separator, name = path:match "^([%w_]+)([.:])([%w_]+)$"
  local made = signature(state)
  made.kind, made.owner, made.name, made.method = "function", state.owners[owner], name, separator == ":"
  made.arguments = {}
  for argument in argument_list:gmatch "[^%s,]+" do table.insert(made.arguments, argument) end
  state.signature = nil
  add(state, made)
end

local function read_line(state, line)
  local tag, words = line:match "^%-%-%-@(%a+) ?(.*)$"
  local path, arguments = line:match "^function ([%w_.:]+)%(([^)]*)%) end$"
  local variable = line:match "^local ([%w_]+) = {}$"
  if tag then
    if not read_tag[tag] then error("an unknown tag: " .. tag, 0) end
    read_tag[tag](state, words)
  elseif line:find "^%-%-%-|" then
    read_value(state, line:sub(6))
  elseif line:find "^%-%-%-" then
    table.insert(state.text, line:sub(4))
  elseif line:find "^%-%- %-%-%-%- " then
    state.section = line:match "^%-%- %-%-%-%- (.-) %-+$"
  elseif variable then
    state.owners[variable] = state.item.name
  elseif path then
    read_function(state, path, arguments)
  elseif line ~= "" and not line:find "^%-%- " and line ~= "return lull" then
    error("what is this?", 0)
  end
end

---The file as a list of items in their order:
---alias { name, type or values, text }, class { name, parent, fields, text },
---function { owner, name, method, arguments, params, returns, text }.
---@param path string?
---@return table[]
function M.read(path)
  path = path or M.PATH
  local state, number = { items = {}, text = {}, owners = {} }, 0
  for line in (read(path) .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    local ok, problem = pcall(read_line, state, line)
    if not ok then error(("%s:%d: %s"):format(path, number, problem), 0) end
  end
  return state.items
end

---The class or alias of that name.
---@param items table[]
---@param name string
function M.find(items, name)
  for _, item in ipairs(items) do
    if item.name == name and item.kind ~= "function" then return item end
  end
  error("nothing is called " .. name, 2)
end

---The names of types in a type.
---@param kind string
---@return string[]
function M.names_in(kind)
  local list = {}
  kind = kind:gsub('"[^"]*"', ""):gsub("[%w_]+%??:", "")
  for name in kind:gmatch "[%a_][%w_.]*" do list[#list + 1] = name end
  return list
end

return M
