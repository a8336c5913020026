-- Makes a manual page of the manual's own pages, so that there is one source.
--     lua5.4 docs/man.lua
--
-- Knows what the manual uses of Markdown: headings, paragraphs, code, lists
-- and tables; marks and links are left out.

local M = {}

local DATE = "2026-11-24"
local NAMES = {
  lull = "run Lua scripts and requests against HTTP APIs that fail",
  ["lull-script"] = "scripts for lull",
}
local SEE = { lull = "lull-script(5), curl(1), lua(1)", ["lull-script"] = "lull(1), lua(1)" }

-- Text as roff takes it: nothing in it is a request or an escape.
local function plain(text)
  return (text:gsub("×", "x"):gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("^([.'])", "\\&%1"))
end

-- Code is bold; the names of links stay, their targets go.
local function inline(text)
  text = text:gsub("%[([^%]\n]+)%]%([^)]*%)", "%1"):gsub("%*%*(.-)%*%*", "%1")
  local out, at = {}, 1
  for from, code, to in text:gmatch "()`([^`]*)`()" do
    out[#out + 1] = plain(text:sub(at, from - 1))
    out[#out + 1] = "\\fB" .. plain(code) .. "\\fR"
    at = to
  end
  out[#out + 1] = plain(text:sub(at))
  return (table.concat(out):gsub("%s+", " "):gsub("^%s", ""):gsub("^([.'])", "\\&%1"))
end

-- Long text in lines; none begins as a request does.
local function folded(text)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if line ~= "" and #line + #word > 76 then
      lines[#lines + 1] = line
      line = word:gsub("^([.'])", "\\&%1")
    else
      line = line .. (line == "" and "" or " ") .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

-- ---- the page as a list of blocks ----------------------------------------

local function cells_of(line)
  local cells, cell, code = {}, {}, false
  for c in line:match("^|%s*(.-)%s*|$"):gmatch "." do
    if c == "`" then code = not code end
    if c == "|" and not code then
      cells[#cells + 1] = table.concat(cell):match "^%s*(.-)%s*$"
      cell = {}
    else
      cell[#cell + 1] = c
    end
  end
  cells[#cells + 1] = table.concat(cell):match "^%s*(.-)%s*$"
  return cells
end

-- What kind of block a line begins.
local function kind_of(line, fenced)
  if line:find "^```" then return "fence" end
  if fenced then return "code" end
  if line:find "^    " then return "code" end
  if line:find "^#+ " then return "heading" end
  if line:find "^|[-|]+$" then return "rule" end
  if line:find "^|" then return "row" end
  if line:find "^%- " then return "item" end
  if line:find "^<!%-%-" then return "mark" end
  if line:find "^%s*$" then return "empty" end
  return "text"
end

local JOINS = { code = true, row = true, text = true }

-- Lines that belong together, with their kind. A text line goes on with a
-- paragraph or an item; an empty line inside of code is part of it.
local function blocks_of(page)
  local blocks, block, fenced = {}, nil, false
  for line in (page .. "\n"):gmatch "([^\n]*)\n" do
    local kind = kind_of(line, fenced)
    if kind == "fence" then
      fenced, block = not fenced, nil
    elseif kind == "empty" and block and block.kind == "code" then
      block[#block + 1] = ""
    elseif kind == "code" and block and block.kind == "item" then
      block[#block + 1] = line
    elseif kind == "text" and block and block.kind == "item" then
      block[#block + 1] = line
    elseif JOINS[kind] and block and block.kind == kind then
      block[#block + 1] = line
    elseif kind == "empty" or kind == "mark" or kind == "rule" then
      if kind ~= "rule" then block = nil end
    else
      block = { kind = kind, fenced = fenced, line }
      blocks[#blocks + 1] = block
    end
  end
  return blocks
end

-- ---- blocks as roff ------------------------------------------------------

local write = {}

function write.heading(out, block, page)
  local marks, words = block[1]:match "^(#+) (.*)$"
  if #marks == 1 then
    page.title = words:upper()
  else
    out((page.pages > 1 and ".SS " or ".SH ") .. (page.pages > 1 and words or words:upper()))
  end
  page.fresh = true
end

function write.text(out, block, page)
  if not page.fresh then out ".PP" end
  out(folded(inline(table.concat(block, "\n"))))
  page.fresh = false
end

function write.item(out, block, page)
  out ".IP \\(bu 2"
  out(folded(inline((table.concat(block, "\n"):gsub("^%- ", "")))))
  page.fresh = false
end

function write.code(out, block, page)
  while block[#block] == "" do block[#block] = nil end
  if not page.fresh then out ".PP" end
  out ".RS 4"
  out ".nf"
  for _, line in ipairs(block) do out(line == "" and "\\&" or plain(block.fenced and line or line:sub(5))) end
  out ".fi"
  out ".RE"
  page.fresh = false
end

-- A table of two columns is a list of terms; a wider one tells what each
-- column is.
function write.row(out, block, page)
  local head = cells_of(block[1])
  for i = 2, #block do
    local cells = cells_of(block[i])
    out ".TP"
    out(inline(cells[1]))
    local parts = {}
    for j = 2, #cells do
      if cells[j] ~= "" then
        parts[#parts + 1] = (#head > 2 and head[j] ~= "meaning" and inline(head[j]) .. ": " or "") .. inline(cells[j])
      end
    end
    out(#parts > 0 and folded(table.concat(parts, "; ")) or "\\&")
  end
  page.fresh = false
end

---A manual page.
---@param name string
---@param section string
---@param pages string[] Markdown
---@return string
function M.page(name, section, pages)
  local lines = {}
  local function out(line) lines[#lines + 1] = line end
  out(('.\\" Made from the manual in docs/ by docs/man.lua.'))
  out((".TH %s %s %s lull"):format(name:upper():gsub("%-", "\\-"), section, DATE))
  out ".SH NAME"
  out(("%s \\- %s"):format(plain(name), NAMES[name]))
  for i, text in ipairs(pages) do
    local state = { pages = #pages, fresh = true }
    for j, block in ipairs(blocks_of(text)) do
      if i == 1 and j == 2 then
        out ".SH SYNOPSIS"
      elseif j == (i == 1 and 3 or 2) then
        out(".SH " .. (#pages > 1 and state.title or "DESCRIPTION"))
        state.fresh = true
      end
      write[block.kind](out, block, state)
    end
  end
  out ".SH SEE ALSO"
  out(plain(SEE[name]))
  return table.concat(lines, "\n") .. "\n"
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

---The pages and what each is made of.
M.MADE = {
  { "lull", "1", { "docs/command.md" } },
  { "lull-script", "5", { "docs/scripting.md", "docs/deciding.md", "docs/worlds.md", "docs/testing.md" } },
}

---@param made table an entry of M.MADE
function M.make(made)
  local pages = {}
  for i, path in ipairs(made[3]) do pages[i] = read(path) end
  return M.page(made[1], made[2], pages)
end

if arg and arg[0] and arg[0]:match "man%.lua$" then
  for _, made in ipairs(M.MADE) do
    local file = assert(io.open(("man/%s.%s"):format(made[1], made[2]), "w"))
    file:write(M.make(made))
    file:close()
  end
end

return M
