-- resp: a connection to a Redis, for specs that run the scripts which lull gives
-- it, by a clock of their own.

local socket = require "socket"

local M = {}
local Connection = {}
Connection.__index = Connection

---@param port integer
function M.connect(port)
  local peer = assert(socket.connect("127.0.0.1", port))
  peer:setoption("tcp-nodelay", true)
  peer:settimeout(20)
  return setmetatable({ peer = peer }, Connection)
end

local function read(peer)
  local line = assert(peer:receive "*l")
  local kind, rest = line:sub(1, 1), line:sub(2)
  if kind == "-" then error(rest, 0) end
  if kind == ":" then return tonumber(rest) end
  if kind == "+" or rest == "-1" then return kind == "+" and rest end
  if kind == "$" then return assert(peer:receive(tonumber(rest) + 2)):sub(1, -3) end
  local list = {}
  for i = 1, tonumber(rest) do list[i] = read(peer) end
  return list
end

---Runs a command; raises what Redis refuses.
function Connection:ask(...)
  local parts = { ("*%d\r\n"):format(select("#", ...)) }
  for i = 1, select("#", ...) do
    local text = tostring((select(i, ...)))
    parts[#parts + 1] = ("$%d\r\n%s\r\n"):format(#text, text)
  end
  assert(self.peer:send(table.concat(parts)))
  return read(self.peer)
end

---A script whose clock is the hash "clock"; gives what runs it for a key.
---@param script string
function Connection:script(script)
  local ours, n = script:gsub("call%('TIME'%)", "call('HMGET', 'clock', 's', 'us')")
  assert(n == 1, "the script does not ask for the time")
  local sha = self:ask("SCRIPT", "LOAD", ours)
  return function(key, ...) return self:ask("EVALSHA", sha, 1, key, ...) end
end

---The clock shows that time.
---@param us number microseconds
function Connection:set_clock(us)
  self:ask("HSET", "clock", "s", ("%.0f"):format(math.floor(us / 1e6)), "us", ("%.0f"):format(us % 1e6))
end

return M
