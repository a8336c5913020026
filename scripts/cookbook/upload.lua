#!/usr/bin/env lull
-- Uploads every file of a folder and of those in it, eight at a time. With a journal another run
-- does only the rest.
--
--     lull --journal FILE scripts/cookbook/upload.lua FOLDER URL
local lull = require "lull"

local folder, url = arg[1], arg[2]
if not url then
  io.stderr:write "usage: upload.lua FOLDER URL\n"
  lull.exit(2)
end

local store = lull.client {
  base = url,
  attempts = 8, timeout = "5m", deadline = "30m",
  limit = { parallel = 8 },
}

-- The names of all files, sorted, so that two runs do the same. A NUL is the one byte that no
-- name has.
local function files_in(path)
  local pipe = assert(io.popen(("cd '%s' && find . -type f -print0"):format((path:gsub("'", "'\\''")))))
  local names = {}
  for name in pipe:read("*a"):gmatch "%./(%Z+)" do names[#names + 1] = name end
  pipe:close()
  table.sort(names)
  return names
end

-- "a b/c%.txt" -> "/a%20b/c%25.txt"
local function path_of(name) return "/" .. name:gsub("[^/]+", lull.escape) end

local sum = lull.each(files_in(folder), { parallel = 8 }, function(name)
  local res, err = store:put(path_of(name), { file = folder .. "/" .. name })
  if err then err.later = err.why ~= "rule" end -- what is not refused may be uploaded another time
  print(res and "uploaded" or err.later and "later" or "refused", name,
    res and ("attempt %d"):format(res.attempts) or tostring(err))
  return res, err
end)

print(("%d uploaded, %d before, %d refused, %d to be tried later"):format(sum.done, sum.before,
  sum.failed, sum.later))
lull.exit(sum.code)
