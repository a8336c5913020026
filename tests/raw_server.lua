-- Answers the request of the nth connection with the bytes of the nth file, as
-- they are, and closes; the last file serves for ever. Prints its port first.
--     raw_server.lua FILE...

local socket = require "socket"

local answers = {}
for i, path in ipairs(arg) do
  local file = assert(io.open(path, "rb"))
  answers[i] = file:read "*a"
  file:close()
end

local server = assert(socket.bind("127.0.0.1", 0))
server:settimeout(300)
print((select(2, server:getsockname())))
io.stdout:flush()

local n = 0
while true do
  local client = assert(server:accept())
  n = n + 1
  client:settimeout(20)
  repeat
    local line = client:receive "*l"
  until not line or line == ""
  client:send(answers[n] or answers[#answers])
  client:shutdown "send"
  repeat
    local _, problem, part = client:receive "*a" -- until the client has read it all
  until problem or not part or part == ""
  client:close()
end
