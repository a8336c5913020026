--[[
Serves a world file (see src/lull/sim/world.lua) over real sockets, on 127.0.0.1.

    lua tests/server.lua WORLD.lua [--port N] [--log FILE] [--seconds N]

The first line on standard output is "port N", written once it listens. It
ends by itself after --seconds, and on SIGTERM or SIGINT.

The log has one JSON object a line, one for each request that reached the
server:
    time         s, wall clock, when the request had been read
    connection   1, 2, ...: which connection it came on
    request      1, 2, ...: which request of this server it is
    origin, n    the server that answered, and its own count of requests
    method, host, path
    headers      names in lower case
    fields       the same as they came: a list of names and values
    body_length  bytes
    body_hash    SHA-256, hex
    answer       what it gets: status and length, or the fault, and the
                 modifiers; "incomplete" when the client left amid its
                 request, which then has no origin
The line is on disk before the first byte of the answer leaves, so whoever
has an answer finds its request in the log.
]]

local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/../src/?.lua;" .. package.path

local argparse = require "argparse"
local cjson = require "cjson"
local cqueues = require "cqueues"
local digest = require "openssl.digest"
local luasocket = require "socket"
local signal = require "cqueues.signal"
local socket = require "cqueues.socket"
local answers = require "lull.sim.answer"
local world_of = require "lull.sim.world"

local MAX_LINE = 64 * 1024
local MAX_FIELDS = 1000
local MAX_BODY = 256 * 1024 * 1024
local BLOCK = 64 * 1024

local REASONS = {
  [200] = "OK", [201] = "Created", [202] = "Accepted", [204] = "No Content",
  [301] = "Moved Permanently", [302] = "Found", [303] = "See Other",
  [304] = "Not Modified", [307] = "Temporary Redirect",
  [308] = "Permanent Redirect", [400] = "Bad Request",
  [401] = "Unauthorized", [402] = "Payment Required", [403] = "Forbidden",
  [404] = "Not Found", [405] = "Method Not Allowed",
  [408] = "Request Timeout", [409] = "Conflict", [410] = "Gone",
  [413] = "Content Too Large", [421] = "Misdirected Request",
  [422] = "Unprocessable Content", [425] = "Too Early",
  [429] = "Too Many Requests", [500] = "Internal Server Error",
  [501] = "Not Implemented", [502] = "Bad Gateway",
  [503] = "Service Unavailable", [504] = "Gateway Timeout",
  [505] = "HTTP Version Not Supported",
}

-- What a world file finds as `require "lull"`. Sleeping through cqueues
-- keeps one slow answer from holding up the others.
package.loaded["lull"] = setmetatable({
  sleep = function(duration)
    cqueues.sleep(answers.seconds(duration)
      or error("sleep: bad duration " .. tostring(duration), 2))
  end,
  now = cqueues.monotime,
  time = luasocket.gettime,
  json = cjson,
}, {
  __index = function(_, name)
    error("lull." .. tostring(name) .. " is not for world files", 2)
  end,
})

-- As pcall, but its function may yield on every Lua, and a message comes
-- with a traceback.
local function try(fn, ...)
  local co = coroutine.create(fn)
  local function done(ok, ...)
    if ok then return true, ... end
    return false, debug.traceback(co, tostring((...)))
  end
  return done(cqueues.resume(co, ...))
end

-- Reading ----------------------------------------------------------------

local function read_line(con)
  local line = con:xread("*l")
  return line and (line:gsub("\r$", ""))
end

-- Fields up to the empty line, as a list of pairs; nil when it breaks off.
local function read_fields(con)
  local fields = {}
  while #fields <= MAX_FIELDS do
    local line = read_line(con)
    if line == "" then return fields end
    local name, value = (line or ""):match("^([^%s:]+):%s*(.-)%s*$")
    if not name then return nil end
    fields[#fields + 1] = { name, value }
  end
end

local function read_bytes(con, count, blocks)
  while count > 0 do
    local block = con:xread(-math.min(count, BLOCK))
    if not block then return false end
    blocks[#blocks + 1] = block
    count = count - #block
  end
  return true
end

local function read_chunks(con)
  local blocks, total = {}, 0
  while true do
    local size = tonumber((read_line(con) or ""):match("^(%x+)") or "", 16)
    total = total + (size or math.huge)
    if total > MAX_BODY then return nil end
    if size == 0 then return read_fields(con) and table.concat(blocks) end
    if not read_bytes(con, size, blocks) or read_line(con) ~= "" then
      return nil
    end
  end
end

local function read_body(con, headers)
  if (headers["expect"] or ""):lower() == "100-continue" then
    con:xwrite("HTTP/1.1 100 Continue\r\n\r\n")
  end
  if (headers["transfer-encoding"] or ""):lower() == "chunked" then
    return read_chunks(con)
  end
  local blocks, length = {}, tonumber(headers["content-length"] or 0)
  if not length or length > MAX_BODY then return nil end
  return read_bytes(con, length, blocks) and table.concat(blocks) or nil
end

local function read_start(con)
  local line = read_line(con)
  if line == "" then line = read_line(con) end -- RFC 9112, section 2.2
  if not line then return nil end
  local method, target, minor = line:match("^(%u+) (%S+) HTTP/1%.(%d)$")
  return { method = method or "?", path = target or line, minor = minor }
end

-- A request as it came: nil when the connection ended before one began,
-- `whole` when all of it is there.
local function read_request(con)
  local request = read_start(con)
  if not request then return nil end
  local fields = request.minor and read_fields(con)
  request.fields = fields or {}
  request.headers = world_of.headers(request.fields)
  request.host = request.headers.host or ""
  -- A client that takes this server for its proxy says where it wants to go.
  local host, path = request.path:match("^https?://([^/?]+)(.*)$")
  if host then request.host, request.path = host, path end
  request.body = fields and read_body(con, request.headers)
  request.whole = request.body ~= nil and request.body ~= false
  return request
end

-- Writing ----------------------------------------------------------------

local function header(answer, name)
  for _, pair in ipairs(answer.headers) do
    if pair[1]:lower() == name then return pair[2]:lower() end
  end
end

local function head_text(answer)
  local lines = { ("HTTP/1.1 %d %s"):format(answer.status,
    REASONS[answer.status] or "Status") }
  for _, pair in ipairs(answer.headers) do
    lines[#lines + 1] = pair[1] .. ": " .. pair[2]
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- The body as it goes out: one chunk where the world wants chunks.
local function body_text(answer)
  local body = answer.body
  local part = answer.cut or answer.stall
  if body == "" or header(answer, "transfer-encoding") ~= "chunked" then
    return part and body:sub(1, part) or body
  end
  local opening = ("%x\r\n"):format(#body)
  if part then return opening .. body:sub(1, part) end
  return opening .. body .. "\r\n0\r\n\r\n"
end

local function send_slowly(con, text, pause)
  for i = 1, #text do
    cqueues.sleep(pause)
    if not con:xwrite(text:sub(i, i)) then return end
  end
end

local function send_answer(con, answer)
  local head, body = head_text(answer), body_text(answer)
  if not answer.drip then return con:xwrite(head .. body) end
  if con:xwrite(head) then send_slowly(con, body, answer.drip) end
end

-- An answer after which the client cannot tell where the next one begins
-- ends the connection, too.
local function is_last(request, answer)
  local length = header(answer, "content-length")
  return answer.cut ~= nil
    or (answer.body ~= "" and length and tonumber(length) ~= #answer.body)
    or header(answer, "connection") == "close"
    or (request.headers.connection or ""):lower() == "close"
    or request.minor == "0"
end

-- Closing with SO_LINGER 0 sends RST. cqueues has no such option, so a
-- luasocket object borrows the descriptor for that one call.
local function reset(con)
  local borrower = luasocket.tcp()
  borrower:setfd(con:pollfd())
  borrower:setoption("linger", { on = true, timeout = 0 })
  borrower:setfd(-1)
end

local faults = {
  reset = reset,
  close = function() end,
  hang = function(con) while con:xread(-BLOCK) do end end,
  garbage = function(con, answer) con:xwrite(answer.body) end,
}

-- True when the connection may go on.
local function send(con, request, answer)
  if answer.delay then cqueues.sleep(answer.delay) end
  if answer.fault then
    (faults[answer.fault] or faults.close)(con, answer)
    return false
  end
  send_answer(con, answer)
  if answer.stall then faults.hang(con) end
  return not answer.stall and not is_last(request, answer)
end

-- Serving ----------------------------------------------------------------

local Server = {}
Server.__index = Server

local function plain(status, text)
  return answers.normalize("GET", status, { ["content-type"] = "text/plain" },
    text .. "\n")
end

local function full_url(origin, path)
  if path:sub(1, 1) ~= "/" then path = "/" .. path end
  return origin .. path
end

-- The answer of the world, or of this server where the world has none.
function Server:decide(raw)
  local hint = raw.headers["x-lull-origin"] or ""
  local origin, err = self.world:by_wire(raw.host, hint, raw.path)
  if not origin then return plain(421, err) end
  local request = world_of.request {
    method = raw.method, url = full_url(origin == "*" and "http://" .. raw.host or origin, raw.path),
    headers = raw.fields, body = raw.body, connection = raw.connection,
    time = cqueues.monotime(),
  }
  raw.origin, raw.n = origin, self.world.counts[origin] + 1
  local answer
  answer, err = self.world:answer(origin, request, try)
  if answer then return answer end
  io.stderr:write(err, "\n")
  return plain(500, err)
end

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function answer_record(answer)
  if type(answer) == "string" then return answer end
  return {
    status = answer.status, fault = answer.fault, cut = answer.cut,
    stall = answer.stall, drip = answer.drip, delay = answer.delay,
    length = answer.status and #answer.body or nil,
  }
end

function Server:record(raw, answer)
  if not self.log then return end
  local body = raw.body or ""
  self.log:write(cjson.encode {
    time = raw.time, connection = raw.connection, request = raw.number,
    origin = raw.origin, n = raw.n, method = raw.method, host = raw.host,
    path = raw.path, headers = raw.headers, fields = raw.fields,
    body_length = #body, body_hash = hex(digest.new("sha256"):final(body)),
    answer = answer_record(answer),
  }, "\n")
  self.log:flush()
end

-- Reads one request and answers it; true when another may follow.
function Server:exchange(con, connection)
  local raw = read_request(con)
  if not raw then return false end
  self.requests = self.requests + 1
  raw.number, raw.connection = self.requests, connection
  raw.time = luasocket.gettime()
  if not raw.minor then
    local answer = plain(400, "this is no HTTP/1 request")
    self:record(raw, answer)
    con:xwrite(head_text(answer) .. answer.body)
    return false
  elseif not raw.whole then
    self:record(raw, "incomplete")
    return false
  end
  local answer = self:decide(raw)
  self:record(raw, answer)
  return send(con, raw, answer)
end

function Server:serve(con)
  self.connections = self.connections + 1
  local connection = self.connections
  con:setmode("b", "bn")
  con:setmaxline(MAX_LINE, MAX_LINE)
  -- A client that leaves is no error here: reads and writes return nil.
  con:onerror(function(_, _, why) return why end)
  while self:exchange(con, connection) do end
  con:close()
end

function Server:accept(listener, queue)
  listener:onerror(function(_, _, why) return why end)
  while true do
    local con = listener:accept { nodelay = true }
    if con then
      queue:wrap(function() self:serve(con) end)
    else
      cqueues.sleep(0.01) -- out of descriptors: wait for some to close
    end
  end
end

-- Starting and ending ----------------------------------------------------

local function die(text)
  io.stderr:write("server.lua: ", text, "\n")
  os.exit(1)
end

local function options()
  local parser = argparse("server.lua", "Serves a world file on 127.0.0.1.")
  parser:argument("world", "The world file.")
  parser:option("--port", "Port to listen on, 0 for any.", 0, tonumber)
  parser:option("--log", "File for one JSON line a request.")
  parser:option("--seconds", "Ends by itself after so long.", 600, tonumber)
  return parser:parse()
end

local function listen(port)
  local listener = socket.listen { host = "127.0.0.1", port = port,
    reuseaddr = true }
  local ok, err = pcall(listener.listen, listener)
  if not ok then die(tostring(err)) end
  local _, _, bound = listener:localname()
  return listener, bound
end

local function open_log(path)
  local file, err = io.open(path, "w")
  return file or die(err)
end

local function main()
  local opts = options()
  local world, err = world_of.load(opts.world)
  if not world then die(err) end
  local server = setmetatable({ world = world, requests = 0, connections = 0,
    log = opts.log and open_log(opts.log) }, Server)
  local listener, port = listen(opts.port)

  signal.block(signal.SIGTERM, signal.SIGINT)
  signal.ignore(signal.SIGPIPE)
  local queue = cqueues.new()
  queue:wrap(function() server:accept(listener, queue) end)
  queue:wrap(function()
    signal.listen(signal.SIGTERM, signal.SIGINT):wait(opts.seconds)
    os.exit(0) -- the log is on disk already
  end)
  io.stdout:write(("port %d\n"):format(port))
  io.stdout:flush()
  for message in queue:errors() do io.stderr:write(tostring(message), "\n") end
end

main()
