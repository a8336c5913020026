-- sockets: lull and others against servers with a limit that nobody told, over
-- sockets: 100 GETs of different paths, eight at once where the tool can.
--
--   lua bench/sockets.lua [CLIENT...]
--
-- The server is tests/server.lua, a new one for each client, with the models of
-- bench/limits.lua; its log says how many requests came and how many were
-- refused. Lost: paths that were never answered with 200. Time is told against
-- what the limit needs. One that is not installed is left out.

local cjson = require "cjson"

local CALLS = 100
local SERVERS = {
  { "10/s, burst 2, 429", "limits.leaky(10, 2)", 429, 9.7 },
  { "20/s, burst 5, 503", "limits.leaky(20, 5)", 503, 4.7 },
  { "50 in 3 s, 429 that tells", "limits.fixed(50, 3, true)", 429, 3 },
}
local CLIENTS = {
  { "lull", "build/lull", "build/lull get -i %s -O --output-dir %s --parallel 8" },
  { "curl", "curl",
    "curl -s -f -Z --parallel-max 8 --retry 5 --remote-name-all --output-dir %s $(cat %s)", swap = true },
  { "wget", "wget", "wget -q -i %s -P %s -t 6 --retry-on-http-error=429,503" },
  { "aria2", "aria2c", "aria2c -q -i %s -d %s -j 8 -m 6 --retry-wait=1" },
  { "botocore, adaptive", "python3", "python3 bench/clients/botocore_adaptive.py %s" },
}

local function shell(command)
  local pipe = assert(io.popen(command))
  local out = pipe:read "*a"
  pipe:close()
  return out
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local DIR = shell "mktemp -d":gsub("%s", "")

local function world(server)
  local path = DIR .. "/world.lua"
  write(path, ([[
local limits = require "bench.limits"
local model, began = %s, nil
return { ["http://127.0.0.1"] = function()
  local now = require("socket").gettime()
  began = began or now
  local ok, hint = model.ask(now - began)
  return { status = ok and 200 or %d, delay = 0.05,
    body = ok and "x" or "<Error><Code>SlowDown</Code></Error>", headers = { ["retry-after"] = hint } }
end }
]]):format(server[2], server[3]))
  return path
end

-- Requests, refused, and the paths that were served, as the log has them.
local function counts(log)
  local n, refused, served, first, last = 0, 0, {}, nil, 0
  for line in io.lines(log) do
    local r = cjson.decode(line)
    n = n + 1
    first = math.min(first or r.time, r.time)
    last = math.max(last, r.time)
    if r.answer.status == 200 then served[r.path] = true else refused = refused + 1 end
  end
  local got = 0
  for _ in pairs(served) do got = got + 1 end
  return n, refused, CALLS - got, last - (first or last)
end

local function run(client, server)
  local log = DIR .. "/log"
  os.remove(log)
  local pid = shell(("lua5.4 tests/server.lua %s --seconds 600 --log %s > %s/port & echo $!"):format(
    world(server), log, DIR)):match "%d+"
  local port
  repeat
    local file = io.open(DIR .. "/port")
    port = file and (file:read "*a"):match "port (%d+)"
    if file then file:close() end
  until port
  local urls = {}
  for i = 1, CALLS do urls[i] = ("http://127.0.0.1:%s/%d"):format(port, i) end
  write(DIR .. "/urls", table.concat(urls, "\n") .. "\n")
  local got = DIR .. "/got"
  local a, b = DIR .. "/urls", got
  if client.swap then a, b = b, a end
  shell(("rm -rf %s; mkdir %s; %s >/dev/null 2>&1"):format(got, got, client[3]:format(a, b)))
  local n, refused, lost, time = counts(log)
  os.execute("kill " .. pid)
  os.remove(DIR .. "/port")
  return n, refused, lost, time
end

local chosen = {}
for _, name in ipairs(arg) do chosen[name] = true end
print "| server | client | requests | refused | lost | time, x ideal |"
print "|---|---|---|---|---|---|"
for _, server in ipairs(SERVERS) do
  for _, client in ipairs(CLIENTS) do
    local there = os.execute(("command -v %s >/dev/null"):format(client[2]))
    if there and (#arg == 0 or chosen[client[1]]) then
      local n, refused, lost, time = run(client, server)
      print(("| %s | %s | %d | %d | %d | %.2f |"):format(server[1], client[1], n, refused, lost, time / server[4]))
      io.stdout:flush()
    end
  end
end
os.execute("rm -r " .. DIR)
