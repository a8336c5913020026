-- pages: a list that a server gives page by page, as one iterator over its items.
-- Where the next page is, is told by a Link header (RFC 8288), by a field of the
-- body that is a cursor or a URL, or by counting.

local core = require "lull.core"
local json = require "lull.json"
local options = require "lull.options"
local outcome = require "lull.outcome"
local text = require "lull.text"
local usage = require "lull.usage"

local M = {}
usage.own()

local OWN = { items = true, cursor = true, cursor_param = true, page = true, first = true, most = true }

local KNOWN = {}
for _, names in ipairs { OWN, options.CALL_NAMES } do
  for name in pairs(names) do KNOWN[name] = true end
end

-- ---- where the next page is ----------------------------------------------

-- The relations of a link's parameters: rel=next, rel="prev next".
local function relations(parameters)
  local quoted = parameters:match ';%s*[Rr][Ee][Ll]%s*=%s*"([^"]*)"'
  return " " .. (quoted or parameters:match ";%s*[Rr][Ee][Ll]%s*=%s*([^%s;,]+)" or ""):lower() .. " "
end

-- What stands behind a link's target, up to the comma before the next one; a comma
-- within quotes is none.
local function parameters_from(header, at)
  local quoted = false
  for i = at, #header do
    local byte = header:sub(i, i)
    if byte == '"' and header:sub(i - 1, i - 1) ~= "\\" then quoted = not quoted end
    if byte == "," and not quoted then return header:sub(at, i - 1), i + 1 end
  end
  return header:sub(at), #header + 1
end

---The target of the first link to the next page; nil: there is none.
---@param header string? the values of all Link headers
function M.next_link(header)
  local at = 1
  while header do
    local _, last, target = header:find("^[%s,]*<([^>]*)>", at)
    if not last then return nil end
    local parameters
    parameters, at = parameters_from(header, last + 1)
    if relations(parameters):find(" next ", 1, true) then return target end
  end
end

-- The value at "paging.next" of a body; nil for none, and for null.
local function field(value, path)
  for name in path:gmatch "[^.]+" do
    if type(value) ~= "table" then return nil end
    value = value[name]
  end
  if value == json.null then return nil end
  return value
end

local function with_parameter(query, name, value)
  if type(query) == "string" then return query .. "&" .. text.form { [name] = value } end
  local all = {}
  for known, one in pairs(query or {}) do all[known] = one end
  all[name] = value
  return all
end

-- A cursor may begin with a slash, too, but has no question mark.
local function is_url(value)
  return value:find "^%a[%w+.-]*://" or value:find "^%?" or value:find "^/.*%?"
end

-- ---- what is on a page ---------------------------------------------------

local function is_list(value)
  return type(value) == "table" and value ~= json.null and (#value > 0 or next(value) == nil)
end

-- The names of a body's fields that are lists.
local function lists_of(body)
  local names = {}
  for name, value in pairs(body) do
    if is_list(value) then names[#names + 1] = tostring(name) end
  end
  table.sort(names)
  return names
end

local function wrong(pages, words, ...)
  error(("%s: %s"):format(outcome.shown_url(pages.at), words:format(...)), 0)
end

local function items_by(pages, path, body)
  local items = field(body, path)
  if items == nil then return {} end
  if not is_list(items) then wrong(pages, "'%s' is no list on this page", path) end
  return items
end

local function list(value, name) return usage.type(value, name, "table") end

local function items_of(pages, res, body)
  local how = pages.items
  if type(how) == "function" then
    return usage.at(how, list, how(res, body) or {}, "what the function of items gives")
  end
  if how then return items_by(pages, how, body) end
  if is_list(body) then return body end
  local names = type(body) == "table" and lists_of(body) or {}
  if #names == 1 then return body[names[1]] end
  wrong(pages, "it is not clear which list the page holds (%s): name it, as in items = \"data\"",
    #names > 0 and table.concat(names, ", ") or "there is none")
end

-- ---- from page to page ---------------------------------------------------

-- One after the other, each once: a server that leads back would have no end.
local function go_to(pages, target, query)
  local mark = target .. " " .. (type(query) == "table" and text.form(query) or tostring(query))
  if pages.seen[mark] then wrong(pages, "the next page is one that was there before") end
  pages.seen[mark] = true
  pages.target, pages.query = target, query
end

local function follow_cursor(pages, body)
  local value = field(body, pages.cursor)
  if value == nil or value == "" or value == false then return nil end
  if type(value) ~= "string" and type(value) ~= "number" then
    wrong(pages, "'%s' is no cursor, but a %s", pages.cursor, type(value))
  end
  if is_url(tostring(value)) then return go_to(pages, core.resolve(pages.at, value)) end
  go_to(pages, pages.path, with_parameter(pages.given.query, pages.cursor_param, value))
end

local function follow(pages, res, body, count)
  pages.target = nil
  if pages.fetched == pages.most then return end
  if pages.cursor then return follow_cursor(pages, body) end
  if pages.page then
    if count == 0 then return end
    pages.number = pages.number + 1
    return go_to(pages, pages.path, with_parameter(pages.given.query, pages.page, pages.number))
  end
  local link = M.next_link(res.headers.link)
  if link then go_to(pages, core.resolve(pages.at, link)) end
end

-- The items of the next page; nil: there is none.
local function fetch(pages)
  if not pages.target then return nil end
  local call = {}
  for name, value in pairs(pages.given) do call[name] = value end
  call.query = pages.query
  local res, err = pages.client:get(pages.target, call)
  if not res then error(err, 0) end
  pages.at, pages.fetched = res.url, pages.fetched + 1
  local body, problem = {}, nil
  if res.body ~= "" then body, problem = res:json() end
  if body == nil then wrong(pages, "the page is no JSON: %s", problem) end
  local items = items_of(pages, res, body)
  follow(pages, res, body, #items)
  return items, res
end

-- ---- what the script calls -----------------------------------------------

-- The options of the list, and those of its calls.
local function split(given)
  local own, call = {}, {}
  for name, value in pairs(usage.type(given, "the options of pages", "table")) do
    if not KNOWN[name] then usage.unknown("option", name, KNOWN) end
    local into = OWN[name] and own or call
    into[name] = value
  end
  return own, call
end

local function checked(own)
  usage.type(own.items, "items", "string or function or nil")
  usage.type(own.cursor, "cursor", "string or nil")
  usage.type(own.page, "page", "string or nil")
  if own.cursor and own.page then usage.fail "pages go by a cursor or by their number, not by both" end
  local short = own.cursor and own.cursor:match "([^.]+)$"
  return { items = own.items, cursor = own.cursor, page = own.page,
    cursor_param = usage.type(own.cursor_param or short or "", "cursor_param", "string"),
    number = usage.count(own.first or 1, "first", 0),
    most = own.most and usage.count(own.most, "most", 1) or nil }
end

---An iterator over the items of all pages; with each comes its page's response.
---Raises the error of a page that cannot be got.
---@param client lull.client
---@param path string the first page
---@param given table?
---@return fun(): any, lull.response?
function M.new(client, path, given)
  if type(client) ~= "table" or type(client.with) ~= "function" then
    usage.fail "pages takes a client first: lull.pages(lull.client { ... }, path)"
  end
  usage.type(path, "the path of the first page", "string")
  local own, call = split(given or {})
  local pages = checked(own)
  pages.client, pages.path, pages.given = client, path, call
  pages.at, pages.fetched, pages.seen = path, 0, {}
  go_to(pages, path, pages.page and with_parameter(call.query, pages.page, pages.number) or call.query)
  local items, at, res = {}, 0, nil
  return function()
    at = at + 1
    while items and items[at] == nil do
      items, res = fetch(pages)
      at = 1
    end
    if items then return items[at], res end
  end
end

return M
