-- redis_proxy: stands before a Redis, and refuses scripts as that would, or loses its
-- answers. Prints its port.
--     redis_proxy.lua PORT FIRST COUNT WORDS
-- From the FIRST script on, COUNT of them (0: all) get the error WORDS and do not
-- run; WORDS "HTTP..." are no error of a Redis. With WORDS "cut" each COUNT-th one does
-- run, and its connection ends without an answer.
local socket = require "socket"

local port, first, count, words = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3]), arg[4]
local listener = assert(socket.bind("127.0.0.1", 0))
local scripts = 0
local peers, watched = {}, { listener } -- a socket -> the one on the other side

print((select(2, listener:getsockname())))
io.stdout:flush()

local function is_hit()
  scripts = scripts + 1
  if words == "cut" then return scripts >= first and scripts % count == 0 end
  return scripts >= first and (count == 0 or scripts < first + count)
end

-- Where the command that begins at `at` ends; nil: it is not whole.
local function end_of(bytes, at)
  local n, from = bytes:match("^%*(%d+)\r\n()", at)
  for _ = 1, tonumber(n) or 0 do
    local size, to = bytes:match("^%$(%d+)\r\n()", from)
    if not size or to + size + 1 > #bytes then return nil end
    from = to + size + 2
  end
  return n and from
end

local function drop(side)
  for _, one in ipairs { side, peers[side].other } do
    one:close()
    peers[one] = nil
    for i = #watched, 1, -1 do
      if watched[i] == one then table.remove(watched, i) end
    end
  end
end

local function join(client)
  local server = assert(socket.connect("127.0.0.1", port))
  for _, one in ipairs { client, server } do one:setoption("tcp-nodelay", true) end
  peers[client] = { other = server, held = "", client = true }
  peers[server] = { other = client }
  watched[#watched + 1], watched[#watched + 2] = client, server
end

-- A command goes on, or is answered here.
local function command(client, server, bytes)
  if bytes:match "^%*%d+\r\n%$%d+\r\n(%u+)" == "EVALSHA" and is_hit() then
    if words ~= "cut" then return client:send((words:find "^HTTP" and "" or "-") .. words .. "\r\n") end
    peers[server].cut = true
  end
  server:send(bytes)
end

local function pass(side, bytes)
  local peer = peers[side]
  if not peer.client then return not peer.cut and peer.other:send(bytes) end
  peer.held = peer.held .. bytes
  local to = end_of(peer.held, 1)
  while to do
    command(side, peer.other, peer.held:sub(1, to - 1))
    peer.held = peer.held:sub(to)
    to = end_of(peer.held, 1)
  end
  return true
end

while true do
  for _, side in ipairs((socket.select(watched))) do
    if side == listener then
      join(listener:accept())
    elseif peers[side] then
      side:settimeout(0)
      local bytes, problem, part = side:receive(65536)
      side:settimeout(nil)
      bytes = bytes or part
      local ended = problem == "closed" or bytes ~= "" and not pass(side, bytes)
      if ended then drop(side) end
    end
  end
end
