--[[
A server for what tests/server.lua does not speak: TLS, and HTTP/2 with and
without it. It answers every request alike, whatever its path.

    lua tests/tls_server.lua DIRECTORY [ANSWERS]

Prints "ports A B C D" once it listens: A speaks TLS (HTTP/2 or HTTP/1.1, as
the client likes), B hangs up amid the handshake, C speaks HTTP/2 in the clear,
D hangs up amid the request, under TLS.
Makes a key and a certificate for 127.0.0.1 and localhost, and leaves the
certificate in DIRECTORY/ca.pem. DIRECTORY/log gets a JSON line a request:
protocol, connection, stream (HTTP/2), answer.

ANSWERS says what the 1st, 2nd ... HTTP/2 request gets, the last one for ever:
    ok       200 and "hello over h2\n"
    refuse   RST_STREAM with REFUSED_STREAM: it was not processed
    cancel   RST_STREAM with INTERNAL_ERROR
    cut      200 and half of the body, then RST_STREAM
    close    the connection ends
    hang     nothing, for ever
    goaway   GOAWAY whose last stream is the one before: this one was not
             processed
    late     GOAWAY that leaves this one out, and then the connection ends
    half     GOAWAY for which the second one before it was the last, and the
             answers of those up to there
    leave    GOAWAY for which this one was the last, then its answer
    old      RST_STREAM with HTTP_1_1_REQUIRED
    misled   421
    early    REFUSED_STREAM, before the body has come
    full     413, before the body has come, and then NO_ERROR (RFC 9113, 8.1)

HTTP/2 is RFC 9113, as much of it as an answer needs: requests are not taken
apart, so that no header compression has to be undone.
]]

local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/../?.lua;" .. package.path

local certificate = require "tests.certificate"
local cjson = require "cjson"
local cqueues = require "cqueues"
local signal = require "cqueues.signal"
local socket = require "cqueues.socket"
local context = require "openssl.ssl.context"

local directory = assert(arg[1], "a directory is needed")
local answers = {}
for answer in (arg[2] or "ok"):gmatch "%a+" do answers[#answers + 1] = answer end

local log = assert(io.open(directory .. "/log", "w"))
local connections, requests = 0, 0

local function note(record)
  log:write(cjson.encode(record), "\n")
  log:flush()
end

-- Certificate ------------------------------------------------------------

local function tls_context()
  local _, cert, key = certificate(directory)
  local ctx = context.new("TLS", true)
  ctx:setCertificate(cert)
  ctx:setPrivateKey(key)
  ctx:setAlpnSelect(function(_, offered)
    for _, protocol in ipairs(offered) do
      if protocol == "h2" then return "h2" end
    end
    return "http/1.1"
  end)
  return ctx
end

-- HTTP/2 -----------------------------------------------------------------

local DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
local END_STREAM, ACK, END_HEADERS = 1, 1, 4
local REFUSED_STREAM, INTERNAL_ERROR, HTTP_1_1_REQUIRED = "\0\0\0\7", "\0\0\0\2", "\0\0\0\13"
local STATUS_200 = "\136" -- one index into HPACK's static table
local BODY = "hello over h2\n"

local function number(n, bytes)
  local text = ""
  for _ = 1, bytes do
    text = string.char(n % 256) .. text
    n = math.floor(n / 256)
  end
  return text
end

local function value(text)
  local n = 0
  for i = 1, #text do n = n * 256 + text:byte(i) end
  return n
end

local function frame(kind, flags, stream, payload)
  return number(#payload, 3) .. string.char(kind, flags) .. number(stream, 4) .. payload
end

local function read_frame(con)
  local head = con:xread(9)
  if not head or #head < 9 then return nil end
  local length = value(head:sub(1, 3))
  local payload = length > 0 and con:xread(length) or ""
  if not payload then return nil end
  return head:byte(4), head:byte(5), value(head:sub(6, 9)) % 2 ^ 31, payload
end

local function head(stream) return frame(HEADERS, END_HEADERS, stream, STATUS_200) end

local replies = {
  ok = function(stream) return head(stream) .. frame(DATA, END_STREAM, stream, BODY) end,
  refuse = function(stream) return frame(RST_STREAM, 0, stream, REFUSED_STREAM) end,
  cancel = function(stream) return frame(RST_STREAM, 0, stream, INTERNAL_ERROR) end,
  cut = function(stream) -- the end comes once the client has the beginning
    return head(stream) .. frame(DATA, 0, stream, BODY:sub(1, 5)) .. frame(PING, 0, 0, number(stream, 8))
  end,
}

-- HPACK: a field that is not indexed, its name the static table's 8th.
local function status(stream, digits, flags) return frame(HEADERS, END_HEADERS + flags, stream, "\8\3" .. digits) end

local function goaway(last) return frame(GOAWAY, 0, 0, number(last, 4) .. "\0\0\0\0") end

function replies.goaway(stream) return goaway(math.max(stream - 2, 0)) end
replies.late = replies.goaway
function replies.half(stream) return goaway(stream - 4) .. replies.ok(stream - 6) .. replies.ok(stream - 4) end
function replies.leave(stream) return goaway(stream) .. replies.ok(stream) end
function replies.old(stream) return frame(RST_STREAM, 0, stream, HTTP_1_1_REQUIRED) end
function replies.misled(stream) return status(stream, "421", END_STREAM) end
replies.early = replies.refuse
function replies.full(stream) return status(stream, "413", END_STREAM) .. frame(RST_STREAM, 0, stream, "\0\0\0\0") end
function replies.hang() return "" end

-- After these the connection ends; and these come before the body has.
local LAST = { late = true }
local EARLY = { early = true, full = true }

-- True when the connection may go on.
local function answer(con, stream, connection, protocol)
  requests = requests + 1
  local word = answers[math.min(requests, #answers)]
  note { protocol = protocol, connection = connection, stream = stream, answer = word }
  if word == "close" then return false end
  return con:xwrite(replies[word](stream)) and not LAST[word]
end

-- Has the client said all, or enough?
local function ends(kind, flags)
  if kind == HEADERS and EARLY[answers[math.min(requests + 1, #answers)]] then return true end
  return (kind == HEADERS or kind == DATA) and flags % 2 == END_STREAM
end

-- Ends the connection without a reset, which is what unread bytes would give.
local function finish(con)
  con:shutdown "w"
  while con:xread(-4096) do end
end

local function serve_h2(con, connection, protocol)
  if not con:xread(24) then return end -- the client's preface
  con:xwrite(frame(SETTINGS, 0, 0, ""))
  local answered = {}
  while true do
    local kind, flags, stream, payload = read_frame(con)
    if not kind then return end
    local ack = flags % 2 == ACK
    if kind == SETTINGS and not ack then con:xwrite(frame(SETTINGS, ACK, 0, "")) end
    if kind == PING and not ack then con:xwrite(frame(PING, ACK, 0, payload)) end
    if kind == PING and ack then con:xwrite(frame(RST_STREAM, 0, value(payload), INTERNAL_ERROR)) end
    if kind == DATA and #payload > 0 then
      local more = number(#payload, 4)
      con:xwrite(frame(WINDOW_UPDATE, 0, 0, more) .. frame(WINDOW_UPDATE, 0, stream, more))
    end
    if not answered[stream] and ends(kind, flags) then
      answered[stream] = true
      if not answer(con, stream, connection, protocol) then return finish(con) end
    end
  end
end

-- HTTP/1.1 ---------------------------------------------------------------

local TEXT = "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nhello over tls\n"

local function serve_h1(con, connection)
  while true do
    local line = con:xread "*l"
    if not line then return end
    if line == "\r" or line == "" then
      note { protocol = "http/1.1", connection = connection, answer = "ok" }
      con:xwrite(TEXT)
    end
  end
end

-- Connections ------------------------------------------------------------

local ctx = tls_context()

local function serve_tls(con, connection)
  if not con:starttls(ctx) then return end
  if con:checktls():getAlpnSelected() == "h2" then
    serve_h2(con, connection, "h2")
  else
    serve_h1(con, connection)
  end
end

local function cut(con) con:xread(1) end

local function hang_up(con)
  if con:starttls(ctx) then con:xread(1) end
end

local function serve_clear(con, connection) serve_h2(con, connection, "h2c") end

local function listen(queue, serve)
  local listener = socket.listen { host = "127.0.0.1", port = 0, reuseaddr = true }
  assert(listener:listen())
  queue:wrap(function()
    while true do
      local con = listener:accept { nodelay = true }
      connections = connections + 1
      local connection = connections
      con:setmode("bn", "bn")
      con:onerror(function(_, _, why) return why end)
      queue:wrap(function()
        serve(con, connection)
        con:close()
      end)
    end
  end)
  local _, _, port = listener:localname()
  return port
end

signal.block(signal.SIGTERM)
signal.ignore(signal.SIGPIPE)
local queue = cqueues.new()
local a, b, c = listen(queue, serve_tls), listen(queue, cut), listen(queue, serve_clear)
local d = listen(queue, hang_up)
queue:wrap(function()
  signal.listen(signal.SIGTERM):wait(300)
  os.exit(0)
end)
io.stdout:write(("ports %d %d %d %d\n"):format(a, b, c, d))
io.stdout:flush()
for message in queue:errors() do io.stderr:write(tostring(message), "\n") end
