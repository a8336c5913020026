-- Takes one upload, slowly, and answers 201. Prints its port first.
--     slow_server.lua SECONDS
-- The body comes down in pieces spread over so many seconds.

local socket = require "socket"

local seconds = tonumber(arg[1])
local PIECES = 50

local server = assert(socket.bind("127.0.0.1", 0))
server:settimeout(20)
print((select(2, server:getsockname())))
io.stdout:flush()

local client = assert(server:accept())
client:settimeout(20)
local length
repeat
  local line = assert(client:receive "*l")
  length = tonumber(line:lower():match "^content%-length:%s*(%d+)") or length
until line == ""
for i = 1, PIECES do
  assert(client:receive(math.floor(length * i / PIECES) - math.floor(length * (i - 1) / PIECES)))
  socket.sleep(seconds / PIECES)
end
client:send "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
client:close()
