-- Serves one large file whose bytes follow from their place, in pieces, so
-- that a download of any size can be checked and nobody holds it in memory.
-- It knows Range and If-Range, and cuts the first answers short.
--     big_server.lua SIZE CUTS SECONDS
-- Prints its port, then one line a request: its Range, or "whole".

local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local size, cuts, seconds = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3] or 60)
local TAG = '"v1"'
local BLOCK = 65536

local M = {}

-- 64 KiB that tell which block of the file they are.
function M.block(number)
  local line = ("%15d\n"):format(number)
  return line:rep(BLOCK / #line)
end

local function send_bytes(client, from, to)
  while from < to do
    local number = math.floor(from / BLOCK)
    local start = from - number * BLOCK
    local piece = M.block(number):sub(start + 1, math.min(BLOCK, start + to - from))
    if not client:write(piece) then return end
    from = from + #piece
  end
  client:flush()
end

local function read_request(client)
  local headers = {}
  if not client:read "*l" then return nil end
  for raw in client:lines "*l" do
    local line = raw:gsub("\r$", "")
    if line == "" then return headers end
    local name, value = line:match "^([^:]+):%s*(.*)$"
    if name then headers[name:lower()] = value end
  end
end

local function answer(client, headers)
  local from = tonumber((headers.range or ""):match "^bytes=(%d+)%-$")
  local rest = from and headers["if-range"] == TAG and from < size
  print(rest and headers.range or "whole")
  io.stdout:flush()
  from = rest and from or 0
  client:write(rest and "HTTP/1.1 206 Partial Content\r\n" or "HTTP/1.1 200 OK\r\n")
  if rest then
    client:write(("content-range: bytes %d-%d/%d\r\n"):format(from, size - 1, size))
  end
  client:write(("etag: %s\r\ncontent-length: %d\r\n\r\n"):format(TAG, size - from))
  local to = size
  if cuts > 0 then
    cuts = cuts - 1
    to = from + math.floor((size - from) / 3) + 1234
  end
  send_bytes(client, from, to)
  return to == size
end

local function serve(client)
  client:setmode("b", "bf")
  client:onerror(function(_, _, code) return code end)
  while true do
    local headers = read_request(client)
    if not headers or not answer(client, headers) then break end
  end
  client:close()
end

if arg[1] and arg[0]:match "big_server%.lua$" then
  local loop = cqueues.new()
  local listener = socket.listen("127.0.0.1", 0)
  loop:wrap(function()
    listener:listen()
    local _, _, port = listener:localname()
    print("port " .. port)
    io.stdout:flush()
    while true do
      local client = listener:accept()
      loop:wrap(serve, client)
    end
  end)
  local ends = cqueues.monotime() + seconds
  while cqueues.monotime() < ends do
    assert(loop:step(math.max(0, ends - cqueues.monotime())))
  end
end

return M
