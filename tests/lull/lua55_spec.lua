-- Lua 5.5, which not every system has: the control variable of a loop (of
-- several the first) is read-only, and `global` is a word of its own. All Lua
-- files are read for both; where 5.5 is installed lull is built for it.

local wire = require "tests.wire"

-- ---- a scanner of Lua 5.1's syntax ----------------------------------------

-- Past a comment or a text that begins at `at`; nil when none does.
local function past_quoted(text, at)
  local comment = text:match("^%-%-()", at)
  local level = text:match("^%[(=*)%[", comment or at)
  if level then return select(2, text:find("]" .. level .. "]", at, true)) + 1 end
  if comment then return text:find("\n", at, true) or #text + 1 end
  local quote = text:match("^[\"']", at)
  if not quote then return nil end
  local to = at + 1
  while text:sub(to, to) ~= quote do to = to + (text:sub(to, to) == "\\" and 2 or 1) end
  return to + 1
end

-- Words, numbers and signs, each with its line; a text is the sign '"'.
local function tokens_of(text)
  local list, line, at = {}, 1, (text:match "^#![^\n]*()" or 1)
  while at <= #text do
    local to = past_quoted(text, at)
    local token = not to and (text:match("^[%a_][%w_]*", at) or text:match("^%.?%d[%w.]*", at)
      or text:match("^[=~<>]=", at) or text:match("^%.%.+", at) or text:match("^%S", at))
    if to and text:sub(at, at + 1) ~= "--" then token = '"' end
    if token then list[#list + 1] = { token, line } end
    to = to or at + math.max(1, #(token or ""))
    line = line + select(2, text:sub(at, to - 1):gsub("\n", ""))
    at = to
  end
  return list
end

local OPENS, CLOSES = { ["{"] = true, ["("] = true, ["["] = true }, { ["}"] = true, [")"] = true, ["]"] = true }
local WORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch "%a+" do WORDS[word] = true end

-- Where the tokens are read, and the blocks and brackets around that place.
local Scan = {}
Scan.__index = Scan

function Scan:token(at) return self.tokens[at] and self.tokens[at][1] or "" end
function Scan:is_name(at) return self:token(at):find "^[%a_]" and not WORDS[self:token(at)] end
function Scan:top() return self.stack[#self.stack] end
function Scan:close() self.stack[#self.stack] = nil end
function Scan:open(block, names) self.stack[#self.stack + 1] = { block = block, names = names or {} } end

-- Takes names with commas between them into a table.
function Scan:take(names)
  while self:is_name(self.at) or self:token(self.at) == "," do
    if self:is_name(self.at) then names[self:token(self.at)] = false end
    self.at = self.at + 1
  end
  return names
end

function Scan:is_control(name)
  for i = #self.stack, 1, -1 do
    local control = self.stack[i].names[name]
    if control ~= nil then return control end
  end
  return false
end

-- The beginning of the bracket that ends at `at`.
function Scan:bracket(at)
  local depth = 0
  repeat
    depth = depth + (CLOSES[self:token(at)] and 1 or 0) - (OPENS[self:token(at)] and 1 or 0)
    at = at - 1
  until depth == 0
  return at + 1
end

-- Names that the `=` at `at` assigns to; of `a.b, t[1], c` that is c.
function Scan:targets(at)
  local names = {}
  repeat
    at = at - 1
    local last = at
    while not self:is_name(at) or self:token(at - 1):find "^[.:]$" do
      at = (CLOSES[self:token(at)] and self:bracket(at) or at) - 1
    end
    if at == last then names[#names + 1] = self:token(at) end
    at = at - 1
  until self:token(at) ~= ","
  return names
end

function Scan:fault(at, text)
  self.faults[#self.faults + 1] = ("%d: %s"):format(self.tokens[at][2], text)
end

local handle = {}

handle["for"] = function(scan)
  local control = scan:token(scan.at)
  local names = scan:take {}
  names[control], scan:top().loop = true, names
  scan.at = scan.at + 1 -- the = or in
end

handle["do"] = function(scan)
  local loop = scan:top().loop
  scan:top().loop = nil
  scan:open(true, loop)
end

handle["local"] = function(scan)
  if scan:token(scan.at) == "function" then return end
  scan:take(scan:top().names)
  if scan:token(scan.at) == "=" then scan.at = scan.at + 1 end
end

handle["function"] = function(scan)
  while scan:token(scan.at) ~= "(" do scan.at = scan.at + 1 end
  scan.at = scan.at + 1
  scan:open(true, scan:take {})
  while scan:token(scan.at - 1) ~= ")" do scan.at = scan.at + 1 end
end

handle["="] = function(scan)
  if not scan:top().block then return end -- a field of a table
  for _, name in ipairs(scan:targets(scan.at - 1)) do
    if scan:is_control(name) then scan:fault(scan.at - 1, ("an assignment to '%s'"):format(name)) end
  end
end

handle["then"] = function(scan) scan:open(true) end
handle["repeat"] = handle["then"]
handle["else"] = function(scan) scan:close() scan:open(true) end
for _, word in ipairs { "elseif", "end", "until" } do handle[word] = Scan.close end
for sign in pairs(CLOSES) do handle[sign] = Scan.close end
for sign in pairs(OPENS) do handle[sign] = function(scan) scan:open(false) end end

-- What 5.5 refuses: assignments to the control variable of a loop, and a name
-- that it has for itself.
local function faults(text)
  local scan = setmetatable({ tokens = tokens_of(text), at = 1, faults = {}, stack = { { block = true, names = {} } } },
    Scan)
  for at = 1, #scan.tokens do
    if scan:token(at) == "global" then scan:fault(at, "the name 'global'") end
  end
  while scan.tokens[scan.at] do
    local act = handle[scan:token(scan.at)]
    scan.at = scan.at + 1
    if act then act(scan) end
  end
  assert(#scan.stack == 1, "the scanner lost its way")
  return scan.faults
end

local function lua_files()
  local list = {}
  local names = wire.run "find src scripts tests docs bench rockspec -name '*.lua' | LC_ALL=C sort"
  for name in names.out:gmatch "[^\n]+" do list[#list + 1] = name end
  return list
end

-- ---------------------------------------------------------------------------

describe("Lua 5.5", function()
  teardown(function() wire.clean() end)

  it("is told apart by a scanner that sees what it should", function()
    local function count(text) return #faults(text .. "\n") end
    assert.equal(1, count "for i = 1, 3 do i = i + 1 end")
    assert.equal(1, count "for k, v in pairs(t) do if v then v, k = nil end end")
    assert.equal(1, count "for a, b in f() do x, b, t[a].c, a = 1, 2, 3, 4 end")
    assert.equal(1, count "for i = 1, 3 do local function f() i = 2 end end")
    assert.equal(1, count "for line in x:lines() do t.line = { line = 1 } line = 2 end")
    assert.equal(1, count "for i = 1, 2 do end for j = 1, 2 do i = 1 j = 1 end")
    assert.equal(1, count "for i = 1, 2 do f(a)\n i, j = 1, 2 end")
    assert.equal(1, count "local global = 1")
    assert.equal(1, count "return t.global")
    for _, fine in ipairs { "for k, v in pairs(t) do v = k end",
      "for i = 1, 3 do local i = i i = i + 1 end", "for i = 1, 3 do t.i = 1 t[i] = { i = 2 } end",
      "for i = 1, 3 do f(function(i) i = 2 end) end", "for i = 1, 3 do end i = 1", "while i do i = nil end",
      "for i = 1, 3 do if i == 2 then x = 1 elseif i <= 3 then y = 2 else z = 3 end repeat j = i until j == i end",
      "-- global\nlocal s, t = 'global \\' i = 1', [==[ global ]] ]==]", "for i = 1, 2 do local a, b = i, 2 end",
      "for i = 1, 3 do t[f(i)].x, y = i, i end" } do
      assert.same({}, faults(fine .. "\n"), fine)
    end
  end)

  it("takes every Lua file", function()
    local wrong, files = {}, lua_files()
    for _, name in ipairs(files) do
      for _, fault in ipairs(faults(wire.read(name))) do wrong[#wrong + 1] = name .. ":" .. fault end
    end
    assert.same({}, wrong)
    assert.is_true(#files > 80)
  end)

  it("builds the module and the binary without a warning #binary", function()
    if wire.run "pkg-config --exists lua5.5 || pkg-config --exists lua-5.5".code ~= 0 then
      return pending "Lua 5.5 is not installed"
    end
    local made = wire.run "make -s module build/lua5.5/lull-bin-shared LUA=lua5.5 STATIC_LUA= WERROR=-Werror"
    assert.equal("", made.err)
    assert.equal(0, made.code)
  end)
end)
