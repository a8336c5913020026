-- peers: who is measured, how each is called, and its version.

local M = {}
local out -- the directory of all that is built

local function capture(command)
  local pipe = io.popen(command .. " 2>/dev/null")
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end
M.capture = capture

local function there(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function has(program) return capture("command -v " .. program) ~= "" end

local function python(modules)
  local list = {}
  for name in modules:gmatch "%S+" do
    list[#list + 1] = ("'%s ' + version('%s')"):format(name, name)
  end
  return capture("/usr/bin/python3 -c \"from importlib.metadata import version; "
    .. "import sys; print('Python', sys.version.split()[0], "
    .. table.concat(list, ", ") .. ")\"")
end

local function npm(name)
  local path = out .. "/node_modules/" .. name .. "/package.json"
  if not there(path) or not has "node" then return "" end
  return ("Node %s, %s %s"):format(capture "node --version", name,
    capture("sed -n 's/.*\"version\": \"\\(.*\\)\".*/\\1/p' " .. path))
end

local function debian(package)
  return capture("dpkg-query -W -f '${Version}' " .. package)
end

-- name -> the start of its command, and its version: "" when it is missing
local function known()
  local function client(name, how, version, more)
    local entry = more or {}
    entry.name, entry.how, entry.version = name, how, version
    M[name] = entry
  end
  local curl = capture "curl --version | head -1 | cut -d' ' -f1-4"
  client("floor", out .. "/floor", "libcurl "
    .. capture "pkg-config --modversion libcurl" .. ", gcc "
    .. capture "gcc -dumpfullversion")
  client("floor, fresh handles", "env FRESH=1 " .. out .. "/floor", "the same, a handle for each request")
  client("lull", out .. "/lull " .. out .. "/lull.lua",
    capture(out .. "/lull --version | head -1") .. " "
    .. capture "git describe --always --dirty"
    .. (capture("ldd " .. out .. "/lull"):find "mimalloc"
      and ", mimalloc " .. debian "libmimalloc2.0" or ", libc's malloc"))
  client("lull, one file", out .. "/lull-single " .. out .. "/lull.lua", there(out .. "/lull-single")
    and capture(out .. "/lull-single --version | sed -n '1p;3p' | tr '\n' ' '") or "")
  client("curl", "curl", curl)
  client("wrk", "wrk", has "wrk" and "wrk " .. debian "wrk" or "")
  client("h2load", "h2load", has "h2load" and capture "h2load --version" or "")
  local go = there(out .. "/goclient") and capture "go version" or ""
  client("Go net/http", out .. "/goclient net", go)
  client("go-retryablehttp", out .. "/goclient retryable", go ~= "" and go
    .. ", go-retryablehttp "
    .. debian "golang-github-hashicorp-go-retryablehttp-dev" or "")
  client("lua-http", "luajit " .. out .. "/lua_http.lua",
    has "luajit" and debian "lua-http" ~= "" and "lua-http " .. debian "lua-http"
    .. ", " .. capture "luajit -v | cut -d' ' -f1-2" or "", { slow = 0.5 })
  client("undici", "node " .. out .. "/node.mjs undici", npm "undici", { slow = 0.25 })
  client("got", "node " .. out .. "/node.mjs got", npm "got", { slow = 0.05 })
  client("aiohttp", "/usr/bin/python3 " .. out .. "/aio.py aiohttp",
    python "aiohttp tenacity", { slow = 0.1 })
  client("aiohttp, uvloop", "/usr/bin/python3 " .. out .. "/aio.py aiohttp-uvloop",
    python "aiohttp tenacity uvloop", { slow = 0.1 })
  client("httpx", "/usr/bin/python3 " .. out .. "/aio.py httpx",
    python "httpx tenacity", { slow = 0.05 })
  client("urllib3", "/usr/bin/python3 " .. out .. "/threads.py urllib3",
    python "urllib3", { slow = 0.1 })
  client("BullMQ", "node " .. out .. "/bullmq.mjs", has "redis-server" and npm "bullmq" ~= "" and npm "bullmq"
    .. ", Redis " .. debian "redis-server" or "")
  local fleet = "/usr/bin/python3 " .. out .. "/fleet.py"
  client("celery", fleet, has "redis-server" and python "celery redis urllib3" or "")
  client("rq", fleet, has "redis-server" and python "rq redis urllib3" or "")
  client("persist-queue", "/usr/bin/python3 " .. out .. "/persist.py", python "persist-queue")
  client("GNU parallel", "parallel", debian "parallel")
  -- Debian's lua-curl is an older one, without the multi interface.
  client("Lua-cURLv3", nil, "")
end

---Finds out what is there.
function M.find(directory)
  out = directory
  known()
end

return M
