#!/usr/bin/env lull
-- Gets files from whichever mirror has them; one that fails is not asked again while others work.
--
--     lull scripts/cookbook/mirrors.lua MIRRORS FILE...      MIRRORS: URLs, one a line
local lull = require "lull"

local list = arg[1] and assert(io.open(arg[1]))
if not list or not arg[2] then
  io.stderr:write "usage: mirrors.lua MIRRORS FILE...\n"
  lull.exit(2)
end
local mirrors = {}
for line in list:lines() do
  if line:find "^http" then mirrors[#mirrors + 1] = (line:gsub("/*%s*$", "")) end
end

local client = lull.client {
  timeout = "10s", -- slow is as good as down while there are others
  attempts = 3 * #mirrors, deadline = "10m",
}

-- To the end of the list: it is asked again when all others have failed.
local function demote(mirror)
  for i, other in ipairs(mirrors) do
    if other == mirror then table.insert(mirrors, table.remove(mirrors, i)) return end
  end
end

local function get(name)
  local order, at, without = {}, 1, {}
  for i, mirror in ipairs(mirrors) do order[i] = mirror end
  -- To the next one: at once, and after each round with a wait.
  local function elsewhere(attempt)
    if attempt.status ~= 404 then
      demote(order[at])
    elseif not without[order[at]] then -- it may be behind the others
      without[order[at]] = true
      without[#without + 1] = order[at]
    end
    if #without == #order then return attempt:stop "no mirror has it" end
    at = at % #order + 1
    return attempt:retry { url = order[at] .. "/" .. name, wait = at == 1 and 10 or 0 }
  end
  -- A page that says hello to guests is not the file.
  local function check(attempt)
    if (attempt.headers["content-type"] or ""):find "^text/html" then return elsewhere(attempt) end
  end
  return client:get(order[1] .. "/" .. name, { on = { [200] = check, ["*"] = elsewhere } })
end

local failed = 0
for i = 2, #arg do
  local res, err = get(arg[i])
  if res then
    print(arg[i], ("%d bytes from %s, attempt %d"):format(#res.body, res.url:match "^%a+://[^/]+", res.attempts))
  else
    failed = failed + 1
    print(arg[i], err)
  end
end
lull.exit(failed == 0 and 0 or 1)
