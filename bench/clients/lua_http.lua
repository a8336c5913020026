-- lua-http, by hand: one connection a worker, and the retrying written out.
--
--   lua_http.lua SCENARIO BASE N PARALLEL [X] [Y]
local cqueues = require "cqueues"
local condition = require "cqueues.condition"
local http_client = require "http.client"
local new_headers = require("http.headers").new
local uri = require "lpeg_patterns.uri".uri -- as lua-http reads them itself

local scenario, base = arg[1], arg[2]
local total, parallel = tonumber(arg[3]), tonumber(arg[4])
local x, y = tonumber(arg[5]), tonumber(arg[6])
local at = uri:match(base)
local authority = at.host .. ":" .. at.port
local loop = cqueues.new()
local ok = 0
local idle, opened = {}, 0
local free = condition.new()

local function connect()
  return assert(http_client.connect { host = at.host, port = at.port })
end

local function take()
  while #idle == 0 and opened >= parallel do free:wait() end
  local connection = table.remove(idle)
  if connection then return connection end
  opened = opened + 1
  return connect()
end

local function give(connection)
  idle[#idle + 1] = connection
  free:signal(1)
end

local function send(connection, path)
  local stream = assert(connection:new_stream())
  local headers = new_headers()
  headers:append(":method", "GET")
  headers:append(":scheme", "http")
  headers:append(":authority", authority)
  headers:append(":path", path)
  headers:append("user-agent", "lua-http")
  assert(stream:write_headers(headers, true))
  local answer = assert(stream:get_headers())
  assert(stream:get_body_as_string())
  return answer:get ":status", answer:get "retry-after"
end

local function fetch(path)
  for n = 1, 5 do
    local connection = take()
    local status, after = send(connection, path)
    give(connection)
    if status == "200" then
      ok = ok + 1
      return
    end
    cqueues.sleep(tonumber(after) or 0.001 * 2 ^ (n - 1))
  end
end

local function many(workers, fn)
  local next_one = 0
  for _ = 1, workers do
    loop:wrap(function()
      while next_one < total do
        next_one = next_one + 1
        fn(next_one - 1)
      end
    end)
  end
end

local began = cqueues.monotime()

local runs = {
  throughput = function() many(parallel, function() fetch "/bytes/1024" end) end,
  storm = function()
    many(parallel, function(i) fetch(("/storm/%d?k=2"):format(i)) end)
  end,
  waiting = function()
    many(total, function(i) fetch(("/storm/%d?k=1&after=%d"):format(i, x)) end)
  end,
  paced = function()
    many(total, function(i)
      cqueues.sleep(began + i / y - cqueues.monotime())
      fetch(("/storm/%d?k=1&after=%d"):format(i, x))
    end)
  end,
}

runs[scenario]()
assert(loop:loop())
print("ok " .. ok)
