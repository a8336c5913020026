-- job: what the options of `lull get` and its sisters mean: a client, and
-- what each call is told.

local base64 = require "lull.base64"
local form = require "lull.lazy" "lull.cli.form"
local lull = require "lull"
local readable = require "lull.lazy" "lull.readable"
local secret = require "lull.secret"
local text = require "lull.text"
local usage = require "lull.usage"
local whole_file = require "lull.cli.whole"
local write_out = require "lull.lazy" "lull.cli.write_out"

local M = {}
usage.own()

---Ends what the command line asks for: it is wrong, and the words say how.
---@param message string as of string.format
function M.refuse(message, ...) error({ usage = message:format(...) }, 0) end

local refuse = M.refuse

---"Name: value" -> its two parts; nil when it is no header's line.
---@param line string
---@return string? name
---@return string? value
function M.header(line) return line:match "^([^%s:]+):%s*(.-)%s*$" end

local function read(path)
  local bytes, problem = whole_file.read(path)
  if not bytes then refuse("%s", problem) end
  return bytes
end

-- A file is looked at before anything is sent. Where its name has fields, each row has
-- another one.
local function readable_file(path, o)
  local problem = not (o.each and path:find("{", 1, true)) and readable.problem(path)
  if problem then refuse("cannot read %s", problem) end
  return path
end

-- As curl: of a file for -d the line ends are left out.
local function data(value, exact, with_rows)
  if value:sub(1, 1) == "\0" then return form.urlencode(value:sub(2), read, with_rows) end
  local path = value:match "^@(.*)$"
  if not path then return value end
  return exact and read(path) or (read(path):gsub("[\r\n%z]", ""))
end

local function all_data(list, exact, separator, with_rows)
  local parts = {}
  for i, value in ipairs(list) do parts[i] = data(value, exact, with_rows) end
  return table.concat(parts, separator)
end

local FORM = { ["Content-Type"] = "application/x-www-form-urlencoded" }

-- The parts of a form.
local function parts_of(list, o)
  local parts = {}
  for i, words in ipairs(list) do
    parts[i] = form.part(words) or refuse("--form takes NAME=VALUE, NAME=@FILE or NAME=<FILE, not '%s'", words)
    if parts[i].file == "-" then
      parts[i] = { name = parts[i].name, type = parts[i].type, filename = parts[i].filename, value = read "-" }
    elseif parts[i].file then
      readable_file(parts[i].file, o)
    end
  end
  return parts
end

-- The body and the headers that come with it.
local BODIES = {
  data = function(list, o) return all_data(list, false, "&", o.each ~= nil), FORM end,
  form = function(list, o) return parts_of(list, o), {} end,
  data_binary = function(value, o)
    local path = value:match "^@(.+)$"
    if path and path ~= "-" then return lull.file(readable_file(path, o)), FORM end
    return data(value, true), FORM
  end,
  json = function(list)
    return all_data(list, true, ""), { ["Content-Type"] = "application/json", Accept = "application/json" }
  end,
  upload_file = function(path, o)
    if path == "-" then return read(path), {} end
    return lull.file(readable_file(path, o)), {}
  end,
}

---True when the command line names a body.
function M.has_body(o)
  for name in pairs(BODIES) do
    if o[name] and (type(o[name]) ~= "table" or o[name][1]) then return true end
  end
  return false
end

local function body_of(o)
  local chosen
  for name in text.sorted(BODIES) do
    local given = o[name]
    if given and (type(given) ~= "table" or given[1]) then
      if chosen then refuse("a request has one body, not both --%s and --%s",
        (chosen:gsub("_", "-")), (name:gsub("_", "-"))) end
      chosen = name
    end
  end
  if chosen and o.method == "HEAD" and not o.get then refuse("head sends no body") end
  if o.get and chosen ~= "data" then refuse "--get puts --data and --data-urlencode into the URL, and there is none" end
  if chosen then return chosen, BODIES[chosen](o[chosen], o) end
  return nil, nil, {}
end

local function basic(user)
  if not user:find(":", 1, true) then refuse "--user takes USER:PASSWORD" end
  secret.new(user:match ":(.*)$")
  return secret.new("Basic " .. base64.encode(user))
end

-- Puts a header in the place of one of the same name, or beside it.
local function put(headers, name, value, beside)
  for known, old in pairs(headers) do
    if known:lower() == name:lower() then
      if beside and old then
        headers[known] = type(old) == "table" and not secret.is(old) and old or { old }
        table.insert(headers[known], value)
        return
      end
      headers[known] = nil
    end
  end
  headers[name] = value
end

local function headers_of(o, with_body)
  local headers, given = { ["User-Agent"] = o.user_agent or "lull/" .. lull.version }, {}
  for name, value in pairs(with_body) do headers[name] = value end
  if o.user then headers.Authorization = basic(o.user) end
  for _, line in ipairs(o.header) do
    local name, value = M.header(line)
    if not name then refuse("--header takes 'Name: value', not '%s'", line) end
    put(headers, name, value ~= "" and value, given[name:lower()])
    given[name:lower()] = true
  end
  return headers
end

local function rules_of(list)
  local on = {}
  for _, rule in ipairs(list) do
    local outcome, verdict = rule:match "^(.-)=(.*)$"
    if not outcome then refuse("--on takes OUTCOME=VERDICT, such as 404=accept, not '%s'", rule) end
    on[outcome:gsub(",", "|")] = verdict == "hint" and "retry" or verdict
  end
  return on
end

local function http_of(o)
  if o["http1.1"] and o.http2 then refuse "--http1.1 and --http2 exclude each other" end
  return (o["http1.1"] and "1.1") or (o.http2 and "2") or nil
end

local function whole(value, name)
  local n = tonumber(value)
  if not n or n < 1 or n ~= math.floor(n) or n > usage.MOST then
    refuse("%s takes a whole number from 1 up", name)
  end
  return n
end

local function proxy_of(value)
  if value == "" then return false end
  return value
end

-- "50%,window=10s": a table; what has no name is the field `first`.
local function fields_of(value, first, name)
  local out = {}
  for piece in value:gmatch "[^,]+" do
    local field, words = piece:match "^%s*([%l_]+)=(.-)%s*$"
    if not field and next(out) then refuse("%s takes NAME=VALUE, not '%s'", name, piece) end
    field, words = field or first, words or piece
    out[field] = tonumber(words) or words
  end
  return out
end

local SWITCH = { on = true, off = false }

local function budget_of(value)
  if not value then return nil end
  if SWITCH[value] ~= nil then return SWITCH[value] end
  local fields = fields_of(value, "capacity", "--budget")
  if SWITCH[fields.payback] ~= nil then fields.payback = SWITCH[fields.payback] end
  return fields
end

local function breaker_of(value)
  if not value or value == "off" then return value and false end
  return value == "on" and {} or fields_of(value, "failures", "--breaker")
end

-- What lull.client is told.
local function client_options(o, headers)
  return {
    preset = o.preset, attempts = o.attempts, timeout = o.timeout, stall = o.stall, deadline = o.deadline,
    backoff = o.backoff, max_hint = o.max_hint, on = o.on[1] and rules_of(o.on),
    limit = o.limit[1] and o.limit, unsafe = o.unsafe, headers = headers, ca = o.cacert,
    cert = o.cert, cert_key = o.cert_key, insecure = o.insecure, proxy = proxy_of(o.proxy),
    http = http_of(o), redirects = o.max_redirs, max_body = o.max_filesize,
    budget = budget_of(o.budget), breaker = breaker_of(o.breaker),
  }
end

-- argparse gives a list for what may be there or not.
local function key_of(key)
  if type(key) == "table" then key = key[1] or "" end
  if key == "" then return true end
  return key
end

local function check_input(o)
  local readers = (o.input == "-" or o.each == "-") and 1 or 0
  local bodies = { o.data_binary or "", o.upload_file == "-" and "@-" or "" }
  for _, list in ipairs { o.data, o.json, bodies } do
    for _, value in ipairs(list) do
      readers = readers + ((value == "@-" or value:find "^%z[^=]*@%-$") and 1 or 0)
    end
  end
  for _, words in ipairs(o.form) do readers = readers + (words:find "^[^=]+=[@<]%-%f[;%z]" and 1 or 0) end
  for _, path in ipairs(o.config) do readers = readers + (path == "-" and 1 or 0) end
  if readers > 1 then refuse "standard input can be read only once" end
end

---What is to be done: the client, the options of each call, how many at once.
---@param o table from flags.parse
---@return { client: lull.client, call: table, parallel: integer }?
---@return string? problem
function M.new(o)
  local ok, job = pcall(function()
    check_input(o)
    local chosen, body, with_body = body_of(o)
    local settings = client_options(o, headers_of(o, o.get and {} or with_body))
    local call = { key = key_of(o.key) }
    call[o.get and "query" or chosen == "form" and "multipart" or "body"] = body
    local made = { client = lull.client(settings), settings = settings, call = call,
      parallel = o.parallel and whole(o.parallel, "--parallel") or 1 }
    if o.write_out then made.write_out = write_out.new(data(o.write_out, true)) end
    return made
  end)
  if ok then return job end
  return nil, type(job) == "table" and job.usage or tostring(job)
end

return M
