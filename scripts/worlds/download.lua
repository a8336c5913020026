--[[
Large files that come in pieces: after 300,000 bytes the connection is cut,
whatever part was asked for. /big.bin changes its version once on the way, so
that what is there of it is worthless; /plain.bin has no version and knows of
no ranges, and gets through at the third try. Each byte tells where it
stands, so that a file that was put together wrongly is seen to be so.

    lull --sim scripts/worlds/download.lua scripts/cookbook/download.lua FOLDER http://files.test/big.bin
]]

local lull = require "lull"

local PIECE = 300000
local SIZE = 1000000

-- The bytes of a file: eight for each place that is a multiple of eight.
local function content(version)
  local parts = {}
  for at = 0, SIZE - 8, 8 do parts[#parts + 1] = ("%s%07d"):format(version, at / 8) end
  return table.concat(parts)
end

local versions = { content "a", content "b" }
local asked = {} -- path -> how often

local function piece(answer)
  if #answer.body > PIECE then answer.cut = PIECE end
  return answer
end

local function big(request, count)
  local version = count <= 2 and 1 or 2
  local etag, body = ('"v%d"'):format(version), versions[version]
  local from = tonumber((request.headers.range or ""):match "^bytes=(%d+)%-$")
  local headers = { etag = etag, ["accept-ranges"] = "bytes" }
  if not from or request.headers["if-range"] ~= etag then
    return piece { status = 200, headers = headers, body = body }
  end
  headers["content-range"] = ("bytes %d-%d/%d"):format(from, #body - 1, #body)
  return piece { status = 206, headers = headers, body = body:sub(from + 1) }
end

local function plain(count)
  local body = versions[1]
  return { status = 200, headers = {}, body = body, cut = count < 3 and PIECE or nil }
end

return {
  ["http://files.test"] = function(request)
    asked[request.path] = (asked[request.path] or 0) + 1
    local count = asked[request.path]
    lull.sleep(0.2)
    if request.route == "/big.bin" then
      if count == 5 then return 503, { ["retry-after"] = "20" } end
      return big(request, count)
    elseif request.route == "/plain.bin" then
      return plain(count)
    end
    return 404
  end,
}
