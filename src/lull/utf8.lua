-- utf8: bytes that somebody else made, as text that may be printed and kept.

local M = {}

local function hex(byte) return ("\\x%02X"):format(byte:byte()) end

local function follows(byte) return byte and byte >= 0x80 and byte <= 0xBF end

-- How many bytes the character there has; nil where there is none (RFC 3629
-- section 4: no long forms, no surrogates, nothing above U+10FFFF).
local function width(text, at)
  local a, b, c, d = text:byte(at, at + 3)
  if a < 0x80 then return 1 end
  if not follows(b) or a < 0xC2 then return nil end
  if a < 0xE0 then return 2 end
  if not follows(c) or (a == 0xE0 and b < 0xA0) or (a == 0xED and b > 0x9F) then return nil end
  if a < 0xF0 then return 3 end
  if not follows(d) or (a == 0xF0 and b < 0x90) or (a == 0xF4 and b > 0x8F) or a > 0xF4 then return nil end
  return 4
end

-- A run of bytes above ASCII, with what is no character given to `show`.
local function mended(run, show)
  local parts, at = {}, 1
  while at <= #run do
    local n = width(run, at)
    local piece = run:sub(at, at + (n or 1) - 1)
    parts[#parts + 1] = n and piece or show(piece)
    at = at + #piece
  end
  return table.concat(parts)
end

---The text with each byte that is no UTF-8 as `show` has it, or as "\xFF".
---@param text string
---@param show (fun(byte: string): string)?
---@return string
function M.valid(text, show)
  if not text:find "[\128-\255]" then return text end
  return (text:gsub("[\128-\255]+", function(run) return mended(run, show or hex) end))
end

---True when all of it is UTF-8.
function M.is(text)
  return M.valid(text) == text
end

---The same as valid, with control bytes shown, too: for one line of a terminal.
---@param text string
---@return string
function M.visible(text)
  return (M.valid(text):gsub("%c", hex))
end

return M
