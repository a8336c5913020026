-- lull in a program that runs copas: its select watches lull's descriptor
-- beside the sockets. Here the program is a server, and lull asks it.
--
--     lua scripts/hosts/copas.lua PATH...
local copas = require "copas"
local lull = require "lull"
local socket = require "socket"

-- A socket as far as copas can see: when it is readable it has been read.
local ready, there = {}, false
function ready.getfd() return lull.fds()[1] or -1 end
function ready.dirty() return false end
function ready.receive()
  there = not there
  return not there or nil, "timeout"
end

-- Keeps it among what copas waits for.
copas.addthread(function()
  while copas.receive(ready) do end
end)

-- The program itself.
local listener = assert(socket.bind("127.0.0.1", 0))
local _, port = listener:getsockname()
local served = 0

copas.addserver(listener, function(connection)
  connection = copas.wrap(connection)
  while (connection:receive "*l" or "") ~= "" do end
  served = served + 1
  connection:send "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
end)

for _, path in ipairs(arg) do
  lull.spawn(function()
    local res, err = lull.get(("http://127.0.0.1:%d%s"):format(port, path))
    print(res and res.status or err, path)
  end)
end

while lull.step() do copas.step(lull.timeout()) end
print(("done; the program's own server answered %d times meanwhile"):format(served))
