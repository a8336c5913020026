#!/usr/bin/env lull
-- Downloads large files, two at a time. What was cut is continued where it ended; a file is there
-- whole or not at all.
--
--     lull scripts/cookbook/download.lua FOLDER URL...
local lull = require "lull"

local folder = arg[1]
if not arg[2] then
  io.stderr:write "usage: download.lua FOLDER URL...\n"
  lull.exit(2)
end

local client = lull.client {
  deadline = "6h",
  budget = false, -- a cut is hardly a failure: it brings the file further
  on = {
    ["http.truncated"] = { "retry", attempts = 200, backoff = "const:1s" },
    ["net.timeout.read"] = { "retry", attempts = 50 },
  },
}

-- "7 attempts, 6 of them for the rest only", from the history.
local function story(res)
  local resumed = 0
  for _, entry in ipairs(res.history) do
    if entry.resumed then resumed = resumed + 1 end
  end
  return ("%d attempts, %d of them for the rest only"):format(res.attempts, resumed)
end

local i, code = 1, 0
local function next_url()
  i = i + 1
  return arg[i]
end

lull.each(next_url, { parallel = 2 }, function(url)
  local name = url:gsub("[?#].*", ""):match "([^/]+)/*$"
  local res, err = client:get(url, { output = folder .. "/" .. name })
  if res then
    print(name, story(res))
  else
    code = math.max(code, err.why == "rule" and 1 or 75)
    print(name, err)
  end
end)
lull.exit(code)
