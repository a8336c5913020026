-- Answers the request of the nth connection with the bytes of the nth file, as
-- they are, and closes; the last file serves for ever. A request for /answer/N gets
-- the Nth, whatever came before. Prints its port first.
--     raw_server.lua [--tls DIRECTORY WORD] FILE...
-- Over TLS, with the certificate DIRECTORY/ca.pem, the WORD says how it ends:
--     notify   with close_notify, before the connection closes
--     none     the connection closes, with the whole server
--     demand   a client without a certificate is none: nothing is answered

local socket = require "socket"

local tls, first = nil, 1
if arg[1] == "--tls" then
  local path = arg[0]:match "^(.*)/[^/]*$" or "."
  package.path = path .. "/../?.lua;" .. package.path
  local directory, word = arg[2], arg[3]
  tls = { mode = "server", protocol = "any", options = { "all" }, cafile = directory .. "/ca.pem",
    key = require "tests.certificate"(directory), certificate = directory .. "/ca.pem",
    verify = word == "demand" and { "peer", "fail_if_no_peer_cert" } or "none" }
  tls.dies, first = word == "none", 4
end

local answers = {}
for i = first, #arg do
  local file = assert(io.open(arg[i], "rb"))
  answers[#answers + 1] = file:read "*a"
  file:close()
end

local server = assert(socket.bind("127.0.0.1", 0))
server:settimeout(300)
print((select(2, server:getsockname())))
io.stdout:flush()

-- Under TLS a close says close_notify, and the end of the process does not.
local function finish(client)
  if not tls then
    client:shutdown "send"
    client:receive "*a" -- until the client has read it all
  elseif tls.dies then
    os.exit(0)
  end
end

local function serve(client, answer)
  client:settimeout(20)
  if tls then client = assert(require("ssl").wrap(client, tls)) end
  if not tls or client:dohandshake() then
    local line = client:receive "*l"
    local wanted = tonumber((line or ""):match "/answer/(%d+) ")
    while line and line ~= "" do line = client:receive "*l" end
    client:send(answers[wanted] or answer)
    finish(client)
  end
  client:close()
end

local n = 0
while true do
  local client = assert(server:accept())
  n = n + 1
  serve(client, answers[n] or answers[#answers])
end
