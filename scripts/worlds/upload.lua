--[[
A store of files: PUT puts one there, GET gives it back. What the 1st, 2nd,
... file meets on its 1st, 2nd, ... try is in FAILURES, over and over; a name
that ends in ".tmp" is refused for good. More than eight at a time are too
many.

    lull --sim scripts/worlds/upload.lua scripts/cookbook/upload.lua FOLDER http://files.test/backup
]]

local lull = require "lull"

-- "lost": stored, and then the connection closes without an answer.
local FAILURES = { { 503, "reset" }, {}, { "lost" }, {}, { 429 }, { 500, "lost" }, {} }
local AT_ONCE = 8

local files = {} -- path -> { body, failures, tries }
local seen, under_way = 0, 0

local function file_of(path)
  if not files[path] then
    seen = seen + 1
    files[path] = { failures = FAILURES[(seen - 1) % #FAILURES + 1], tries = 0 }
  end
  return files[path]
end

local function put(request)
  if request.route:find "%.tmp$" then return 415 end
  local file = file_of(request.route)
  file.tries = file.tries + 1
  local failure = file.failures[file.tries]
  if failure == "lost" then
    file.body = request.body
    return "close"
  end
  if failure == 429 then return 429, { ["retry-after"] = "2" } end
  if failure then return failure end
  local is_new = not file.body
  file.body = request.body
  return is_new and 201 or 204
end

local function serve(request)
  under_way = under_way + 1
  lull.sleep(0.1)
  local too_many = under_way > AT_ONCE
  under_way = under_way - 1
  if too_many then return 429, { ["retry-after"] = "5" } end
  if request.method == "PUT" then return put(request) end
  local file = files[request.route]
  if request.method == "GET" and file and file.body then return 200, nil, file.body end
  return 404
end

return { ["http://files.test"] = serve }
