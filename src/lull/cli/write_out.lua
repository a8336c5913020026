-- write_out: the line of -w, with what a request came to: %{http_code} and the like,
-- named as curl's where curl has one.

local exit = require "lull.exit"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

local function status(_, last) return ("%03d"):format(last and last.status or 0) end

local function header(name)
  return function(_, last) return last and last.headers[name] or "" end
end

local function time(seconds) return ("%.6f"):format(seconds or 0) end

-- Each of what the call gave (a response or an error), of its last answer, and of
-- what the command knows of it.
local VARIABLES = {
  http_code = status, response_code = status,
  content_type = header "content-type",
  redirect_url = header "location",
  size_download = function(_, last) return text.number(last and (last.written or #(last.body or "")) or 0) end,
  time_total = function(made) return time(made.elapsed) end,
  num_retries = function(made) return text.number(math.max((made.attempts or 0) - 1, 0)) end,
  attempts = function(made) return text.number(made.attempts or 0) end,
  waited = function(made) return time(made.waited) end,
  method = function(_, _, of) return of.method end,
  url = function(made, _, of) return of.url or made.url or "" end,
  url_effective = function(made, _, of) return made.url or of.url or "" end,
  urlnum = function(_, _, of) return text.number(of.number - 1) end,
  filename_effective = function(_, _, of) return of.output or "" end,
  errormsg = function(made, _, of) return of.failed and tostring(made) or "" end,
  exitcode = function(_, _, of) return text.number(of.code) end,
  outcome = function(_, _, of) return of.failed and (of.code == exit.LATER and "later" or "failed") or "done" end,
  why = function(made, _, of) return of.failed and made.why or "" end,
  id = function(_, _, of) return text.number(of.id or of.number) end,
}
M.VARIABLES = VARIABLES

local ESCAPED = { n = "\n", r = "\r", t = "\t" }

-- The format in pieces: texts, and functions that give one.
local function pieces_of(format)
  local pieces, at = {}, 1
  while at <= #format do
    local mark = format:find("[%%\\]", at)
    if mark ~= at then pieces[#pieces + 1] = format:sub(at, (mark or 0) - 1) end
    if not mark then break end
    local name = format:match("^%%{([%w_]+)}", mark)
    local field = format:match("^%%header{([^}]+)}", mark)
    local letter = format:sub(mark + 1, mark + 1)
    if name then
      if not VARIABLES[name] then usage.unknown("--write-out variable", name, VARIABLES) end
      pieces[#pieces + 1] = VARIABLES[name]
      at = mark + #name + 3
    elseif field then
      pieces[#pieces + 1] = header(field)
      at = mark + #field + 9
    elseif format:sub(mark, mark) == "\\" then
      pieces[#pieces + 1] = ESCAPED[letter] or "\\" .. letter
      at = mark + 2
    else
      pieces[#pieces + 1] = "%"
      at = mark + (letter == "%" and 2 or 1)
    end
  end
  return pieces
end

---What makes the line of a call: of its response or nil, its error, and what the
---command knows (`method url output number id code`).
---@param format string
---@return fun(res: table?, err: any, of: table): string
function M.new(format)
  local pieces = pieces_of(format)
  return function(res, err, of)
    local made = res or err
    local last = res or (type(err) == "table" and err.response) or nil
    of.failed = not res
    local out = {}
    for i, piece in ipairs(pieces) do out[i] = type(piece) == "string" and piece or piece(made, last, of) end
    return table.concat(out)
  end
end

return M
