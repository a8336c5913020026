--[==[
lull.sim.world: world files: servers written as Lua functions, for `--sim` and
for tests/server.lua alike. This file loads a world, chooses the server of a
request, calls it and brings what it returned into one form. It knows no
transport and no scheduler: it never sleeps, reads no clock, opens nothing.

A world file
------------
It returns a table of functions, keyed by origin (scheme, host, port):

    local lull = require "lull"
    return {
      ["https://api.example.com"] = function(request, n)
        lull.sleep(0.2)
        if n == 1 then return 503, { ["retry-after"] = "2" } end
        return 200, { ["x-count"] = n }, "hello"
      end,
    }

In a world file lull.sleep, lull.now, lull.time and lull.json may be used,
and nothing else of lull, since the same file is to run in virtual time and
on real sockets.

The key "*" stands for every other origin.

`request` is a lull.request, and what is returned an answer, a fault or a
lull.answer of the definition file (library/lull.lua). With a fault, the request
has been read whole, and the function has run: what it stored stays stored. A
fault may also be named by its outcome: "net.reset" "net.empty"
"net.timeout.read" "http.malformed"; and in a simulated run by any other class
of transport error, such as "net.refused" or "tls.cert". `body`, where given
with "garbage", is those bytes.

Content-Length is added, Date is not. With a header `transfer-encoding:
chunked` the body goes out in chunks; with `connection: close` the
connection ends after the answer. An answer to HEAD, a 204 and a 304 are
sent without their body.

Several origins behind one port
-------------------------------
On real sockets a client connects to 127.0.0.1, so the origin may have to be
guessed. The server is, in this order: the one that the Host header names;
the one that an X-Lull-Origin header names; the only one there is; the one
whose path fits best in `paths`, which a world may add:

    return {
      ["https://id.example.com"]  = login,
      ["https://api.example.com"] = api,
      paths = { ["/account/"] = "https://id.example.com",
                ["/"]         = "https://api.example.com" },
    }
]==]

local answers = require "lull.sim.answer"

local M = {}

---@class lull.servers
---@field name string                     the file, for messages
---@field servers table<string, function> by normal origin
---@field origins string[]                sorted
---@field paths { prefix: string, origin: string }[] longest prefix first
---@field counts table<string, integer>   requests each origin has had
local World = {}
World.__index = World

local PORTS = { http = "80", https = "443" }

local function failed(text, ...) return nil, text:format(...) end

---"HTTPS://Api.Example.com:443/" -> "https://api.example.com"
---@param url string an origin, or any URL of it
---@return string? origin, string? path what comes after it
function M.origin(url)
  local scheme, host, path = url:match("^(%a+)://([^/?#]+)(.*)$")
  scheme = scheme and scheme:lower()
  if not PORTS[scheme] then return nil end
  host = host:gsub("^.*@", ""):lower():gsub(":" .. PORTS[scheme] .. "$", ""):gsub(":$", "")
  return scheme .. "://" .. host, path
end

-- Loading ----------------------------------------------------------------

local function add_server(world, key, server)
  local origin, rest
  if type(key) == "string" then origin, rest = M.origin(key) end
  if key == "*" then origin, rest = "*", "" end
  if not origin or (rest ~= "" and rest ~= "/") then
    return failed("world %s: %q is no origin; one is written like "
      .. "\"https://api.example.com\"", world.name, tostring(key))
  end
  if type(server) ~= "function" then
    return failed("world %s: %s should be a function, it is a %s",
      world.name, origin, type(server))
  end
  world.servers[origin], world.counts[origin] = server, 0
  world.origins[#world.origins + 1] = origin
  return true
end

local function add_path(world, prefix, url)
  local origin = type(url) == "string" and M.origin(url)
  if type(prefix) ~= "string" or prefix:sub(1, 1) ~= "/"
    or not world.servers[origin or ""] then
    return failed("world %s: paths[%q] should name one of its origins",
      world.name, tostring(prefix))
  end
  world.paths[#world.paths + 1] = { prefix = prefix, origin = origin }
  return true
end

local function each(world, map, add)
  for key, value in pairs(map) do
    local ok, err = add(world, key, value)
    if not ok then return nil, err end
  end
  return true
end

---Checks a table of servers.
---@param servers any what a world file returned
---@param name string? for messages
---@return lull.servers? world, string? err one sentence
function M.new(servers, name)
  name = name or "(table)"
  if type(servers) ~= "table" then
    return failed("world %s: it returned a %s; it should return a table of "
      .. "functions keyed by origin", name, type(servers))
  end
  local world = setmetatable({ name = name, servers = {}, origins = {},
    paths = {}, counts = {} }, World)
  local map, paths = {}, servers.paths or {}
  for key, value in pairs(servers) do
    if key ~= "paths" then map[key] = value end
  end
  local ok, err = each(world, map, add_server)
  if not ok then return nil, err end
  if #world.origins == 0 then
    return failed("world %s: it has no server", name)
  end
  ok, err = each(world, paths, add_path)
  if not ok then return nil, err end
  table.sort(world.origins)
  table.sort(world.paths, function(a, b) return #a.prefix > #b.prefix end)
  return world
end

---Loads a world file.
---@param path string
---@return lull.servers? world, string? err one sentence
function M.load(path)
  local chunk, err = loadfile(path)
  if not chunk then return failed("world %s: %s", path, err) end
  local ok, servers = pcall(chunk)
  if not ok then return failed("world %s: %s", path, tostring(servers)) end
  return M.new(servers, path)
end

-- Choosing ---------------------------------------------------------------

---The server of a URL; for the simulation, where the origin is known.
---@param url string
---@return string? origin, string? err
function World:by_url(url)
  local origin = M.origin(url)
  if origin and self.servers[origin] then return origin end
  if self.servers["*"] then return "*" end
  return failed("world %s has no server for %s", self.name, origin or url)
end

local function by_host(world, host)
  for _, origin in ipairs(world.origins) do
    if origin:match("//(.*)$") == host:lower() then return origin end
  end
end

local function by_path(world, path)
  for _, hint in ipairs(world.paths) do
    if path:sub(1, #hint.prefix) == hint.prefix then return hint.origin end
  end
end

---The server of a request that came in on a socket.
---@param host string the Host header, "" for none
---@param hint string the X-Lull-Origin header, "" for none
---@param path string
---@return string? origin, string? err
function World:by_wire(host, hint, path)
  local hinted = M.origin(hint)
  local origin = by_host(self, host)
    or (hinted and self.servers[hinted] and hinted)
    or (#self.origins == 1 and self.origins[1])
    or by_path(self, path)
  if origin then return origin end
  return failed("world %s has no server for %s%s", self.name, host, path)
end

-- Requests ---------------------------------------------------------------

local lookup = {
  __index = function(headers, name)
    return type(name) == "string" and rawget(headers, name:lower()) or nil
  end,
}

---A table of header fields, looked up without regard to case.
---@param pairs_list { [1]: string, [2]: string }[]
---@return table<string, string> headers keys in lower case
function M.headers(pairs_list)
  local headers = {}
  for _, pair in ipairs(pairs_list) do
    local name = pair[1]:lower()
    local before = headers[name]
    headers[name] = before and (before .. ", " .. pair[2]) or pair[2]
  end
  return setmetatable(headers, lookup)
end

local function decode(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function parse_query(text)
  local query = {}
  for name, value in text:gmatch("([^&=]+)=?([^&]*)") do
    query[decode(name)] = decode(value)
  end
  return query
end

---Completes a request: `headers` comes in as a list of pairs, and path,
---route and query are taken from the URL.
---@param fields { method: string, url: string, headers: table, body: string?, connection: integer?, time: number? }
---@return lull.request
function M.request(fields)
  local _, path = M.origin(fields.url)
  path = (path or ""):gsub("#.*$", "")
  if path:sub(1, 1) ~= "/" then path = "/" .. path end
  local route, query = path:match("^([^?]*)%??(.*)$")
  return {
    method = fields.method, url = fields.url, path = path, route = route,
    query = parse_query(query), headers = M.headers(fields.headers),
    body = fields.body or "", connection = fields.connection or 1,
    time = fields.time or 0,
  }
end

---Counts the request, calls its server and normalizes the answer.
---
---`try(fn, ...)` is the transport's pcall: true and the results, or false
---and a message (a traceback in it is welcome). It has to let `fn` yield,
---which Lua 5.1's own pcall does not.
---@param origin string from by_url or by_wire
---@param request lull.request
---@param try fun(fn: function, ...): boolean, ...
---@return lull.settled_answer? answer, string? err
function World:answer(origin, request, try)
  self.counts[origin] = self.counts[origin] + 1
  local ok, first, headers, body =
    try(self.servers[origin], request, self.counts[origin])
  if not ok then
    return failed("world %s: the server %s raised: %s", self.name, origin,
      tostring(first))
  end
  local answer, err = answers.normalize(request.method, first, headers, body)
  if answer then return answer end
  return failed("world %s: the answer of %s to %s %s is wrong: %s",
    self.name, origin, request.method, request.path, err)
end

return M
