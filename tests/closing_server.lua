--[[
A server that ends its connections as servers do: an idle one, one on which a
request has just come.

    lua tests/closing_server.lua DIRECTORY PROTOCOL ENDINGS

PROTOCOL is "clear" or "tls" (HTTP/1.1), or "h2" (over TLS). ENDINGS says what
happens to the 1st, 2nd ... request, the last one for ever:
    keep     200, and the connection goes on
    idle     200, and once there is a file DIRECTORY/N (of the Nth connection)
             the connection ends: close_notify (TLS), FIN
    notify   as `idle`, but no FIN comes (TLS)
    goaway   as `idle`, with GOAWAY before (h2)
    cross    the connection ends, as with `idle`, but without an answer
    die      the server ends, without an answer

Prints "port N" once it listens. The certificate is in DIRECTORY/ca.pem.
DIRECTORY/log gets a JSON line a request (connection, request, ending), and one
with "closed" once the connection has ended. One connection at a time.
]]

local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/../?.lua;" .. package.path

local cjson = require "cjson"
local certificate = require "tests.certificate"
local socket = require "socket"

local directory, protocol = assert(arg[1]), assert(arg[2])
local endings = {}
for ending in assert(arg[3]):gmatch "%a+" do endings[#endings + 1] = ending end

local log = assert(io.open(directory .. "/log", "w"))
local connections, requests = 0, 0

local function note(record)
  log:write(cjson.encode(record), "\n")
  log:flush()
end

-- ---- HTTP/1.1 -------------------------------------------------------------

local h1 = {
  hello = function() return true end,
  answer = function(con) con:send "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" end,
  goaway = function() end,
}

-- True when a whole request has come.
function h1.read(con)
  local length = 0
  while true do
    local line = con:receive "*l"
    if not line then return false end
    length = tonumber(line:lower():match "^content%-length:%s*(%d+)") or length
    if line == "" then return length == 0 or con:receive(length) ~= nil end
  end
end

-- ---- HTTP/2: as much of RFC 9113 as an answer without a body needs ---------

local HEADERS, SETTINGS, PING, GOAWAY = 1, 4, 6, 7
local END_STREAM, ACK, END_HEADERS = 1, 1, 4

local function number(n, bytes)
  local text = ""
  for _ = 1, bytes do
    text = string.char(n % 256) .. text
    n = math.floor(n / 256)
  end
  return text
end

local function frame(kind, flags, stream, payload)
  return number(#payload, 3) .. string.char(kind, flags) .. number(stream, 4) .. payload
end

local h2 = {}
local settled -- the client has taken our settings

function h2.hello(con)
  settled = false
  return con:receive(24) and con:send(frame(SETTINGS, 0, 0, ""))
end

-- Gives the stream that is to be answered, once the client has said all that
-- it had to: what is unread when a connection is closed would reset it.
function h2.read(con)
  local stream
  while not (stream and settled) do
    local head = con:receive(9)
    if not head then return nil end
    local length = head:byte(1) * 65536 + head:byte(2) * 256 + head:byte(3)
    local kind, flags = head:byte(4), head:byte(5)
    local payload = length > 0 and con:receive(length) or ""
    local ack = flags % 2 == ACK
    if kind == SETTINGS and ack then settled = true end
    if (kind == SETTINGS or kind == PING) and not ack then
      con:send(frame(kind, ACK, 0, kind == PING and payload or ""))
    elseif kind <= HEADERS and flags % 2 == END_STREAM then
      stream = head:byte(8) * 256 + head:byte(9)
    end
  end
  return stream
end

function h2.answer(con, stream)
  con:send(frame(HEADERS, END_HEADERS + END_STREAM, stream, "\136"))
end

function h2.goaway(con, stream) con:send(frame(GOAWAY, 0, 0, number(stream, 4) .. number(0, 4))) end

local speak = protocol == "h2" and h2 or h1

-- ---- connections ------------------------------------------------------------

local parameters = protocol ~= "clear" and {
  mode = "server", protocol = "any", options = { "all" },
  key = certificate(directory), certificate = directory .. "/ca.pem",
  alpn = function(offered)
    for _, one in ipairs(offered) do
      if one == (protocol == "h2" and "h2" or "http/1.1") then return { one } end
    end
  end,
}

-- A child has the socket, too, for as long as this server lives: so no FIN
-- goes out with close_notify.
local function hold(con)
  local pipe = io.popen("exec cat >/dev/null", "w")
  con:close()
  return pipe
end

local held = {}

local function wait_for(path)
  local file
  repeat
    socket.sleep(0.001)
    file = io.open(path)
  until file
  file:close()
end

-- True when the connection goes on.
local function finish(con, ending, stream)
  if ending == "die" then os.exit(0) end
  if ending ~= "cross" then speak.answer(con, stream) end
  if ending == "keep" then return true end
  if ending ~= "cross" then wait_for(directory .. "/" .. connections) end
  if ending == "goaway" then speak.goaway(con, stream) end
  if ending == "notify" then
    held[#held + 1] = hold(con)
  else
    con:close()
  end
  return false
end

local function serve(con)
  if not speak.hello(con) then return end
  while true do
    local stream = speak.read(con)
    if not stream then return end
    requests = requests + 1
    local ending = endings[math.min(requests, #endings)]
    note { connection = connections, request = requests, ending = ending }
    if not finish(con, ending, stream) then
      note { connection = connections, closed = true }
      return
    end
  end
end

local function accept(listener)
  local con = assert(listener:accept())
  con:setoption("tcp-nodelay", true)
  if not parameters then return con end
  local ssl = require "ssl"
  con = assert(ssl.wrap(con, parameters))
  return con:dohandshake() and con or nil
end

local listener = assert(socket.bind("127.0.0.1", 0))
local _, port = listener:getsockname()
io.stdout:write(("port %d\n"):format(port))
io.stdout:flush()
while true do
  local con = accept(listener)
  connections = connections + 1
  if con then
    serve(con)
    con:close()
  end
end
