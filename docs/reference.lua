-- Makes the reference (docs/reference.md) of the definition file.
--     lua5.4 docs/reference.lua

local definitions = require "docs.definitions"

local M = { PATH = "docs/reference.md" }

local HEAD = [[
# Reference

All that is public, as [library/lull.lua](../library/lull.lua) has it for
editors; this page is made of that file. In words: [scripting](scripting.md),
[deciding](deciding.md), [worlds](worlds.md), [the command line](command.md).

An editor whose language server reads LuaCATS (lua-language-server, EmmyLua) is
told once where the file is. After `luarocks install` the folder of the tree's
modules is what it wants, after `make install` or the Debian package
`PREFIX/share/lull/library`:

```json
{ "workspace": { "library": ["/usr/local/share/lua/5.4"] } }
```

in a `.luarc.json` beside the scripts.

A `?` after a name or a type: it may be left out, or nil.
]]

-- The anchor that a heading gets.
local function slug(heading)
  return (heading:lower():gsub("[^%w%s_-]", ""):gsub(" ", "-"))
end

-- The alternatives of a type.
local function parts_of(kind)
  local parts, part, depth, quoted = {}, {}, 0, false
  for c in kind:gmatch "." do
    if c == '"' then quoted = not quoted end
    if c:find "[%(%[{<]" then depth = depth + 1 end
    if c:find "[%)%]}>]" then depth = depth - 1 end
    if c == "|" and depth == 0 and not quoted and not kind:find "^fun" then
      parts[#parts + 1] = table.concat(part)
      part = {}
    else
      part[#part + 1] = c
    end
  end
  parts[#parts + 1] = table.concat(part)
  return parts
end

local function type_text(kind, known)
  local words = {}
  for i, part in ipairs(parts_of(kind)) do
    local name, rest = part:match "^(lull[%w_.]*)([%[%]?]*)$"
    words[i] = name and known[name] and ("[`%s`](#%s)%s"):format(name, slug(name),
      rest ~= "" and "`" .. rest .. "`" or "") or "`" .. part .. "`"
  end
  return table.concat(words, " or ")
end

local function cell(text) return (text:gsub("|", "\\|")) end

-- ---- items ---------------------------------------------------------------

local write = {}

local function heading(out, words)
  out("### " .. words)
  out ""
end

local function paragraph(out, text)
  if text ~= "" then
    out(text)
    out ""
  end
end

write["alias"] = function(out, item, known)
  heading(out, item.name)
  paragraph(out, item.text)
  if item.type then return paragraph(out, type_text(item.type, known)) end
  out "| value | meaning |"
  out "|---|---|"
  for _, value in ipairs(item.values) do
    out(("| %s | %s |"):format(cell(type_text(value.value, known)), cell(value.text)))
  end
  out ""
end

local function meaning(member)
  return member.text .. (member.default and ("%sDefault %s."):format(member.text ~= "" and " " or "", member.default)
    or "")
end

function write.class(out, item, known)
  heading(out, item.name)
  if item.parent then paragraph(out, "Has all that " .. type_text(item.parent, known) .. " has.") end
  paragraph(out, item.text)
  if #item.fields > 0 then
    out "| field | type | meaning |"
    out "|---|---|---|"
  end
  for _, field in ipairs(item.fields) do
    out(("| `%s%s` | %s | %s |"):format(field.name, field.optional and "?" or "",
      cell(type_text(field.type, known)), cell(meaning(field))))
  end
  if #item.fields > 0 then out "" end
end

-- "lull.each(source, options?, fn)"
local function call_text(item)
  local names, optional = {}, {}
  for _, param in ipairs(item.params) do optional[param.name] = param.optional end
  for i, name in ipairs(item.arguments) do names[i] = name .. (optional[name] and "?" or "") end
  return ("%s%s%s(%s)"):format(item.owner:gsub("^lull%.", item.method and "" or "lull."), item.method and ":" or ".",
    item.name, table.concat(names, ", "))
end

write["function"] = function(out, item, known)
  heading(out, "`" .. call_text(item) .. "`")
  paragraph(out, item.text)
  for _, param in ipairs(item.params) do
    local words = meaning(param)
    out(("- `%s`: %s%s"):format(param.name, type_text(param.type, known), words ~= "" and "; " .. words or ""))
  end
  for i, result in ipairs(item.returns) do
    out(("- %s %s%s%s"):format(i == 1 and "gives" or "and", type_text(result.type, known),
      result.name and " `" .. result.name .. "`" or "", result.text ~= "" and "; " .. result.text or ""))
  end
  if #item.params + #item.returns > 0 then out "" end
end

---The page.
---@param items table[]? of definitions.read
---@return string
function M.page(items)
  items = items or definitions.read()
  local lines, known, section = { HEAD }, {}, nil
  local function out(line) lines[#lines + 1] = line end
  for _, item in ipairs(items) do
    if item.kind ~= "function" then known[item.name] = true end
  end
  for _, item in ipairs(items) do
    if item.section ~= section then
      section = item.section
      out("## " .. section)
      out ""
    end
    write[item.kind](out, item, known)
  end
  return (table.concat(lines, "\n"):gsub("\n+$", "\n"))
end

if arg and arg[0] and arg[0]:match "reference%.lua$" then
  local file = assert(io.open(M.PATH, "w"))
  file:write(M.page())
  file:close()
end

return M
