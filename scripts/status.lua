#!/usr/bin/env lull
-- Overrides what 429, 503 and 404 mean, one by one. Every other outcome keeps its default.
--
--     lull scripts/status.lua [BASE-URL]
--     lull --sim scripts/worlds/examples.lua scripts/status.lua
local lull = require "lull"

local api = lull.client {
  base = arg[1] or os.getenv "API" or "http://api.test",
  on = {
    [429] = { "retry", attempts = 10 }, -- be more patient, for this status alone
    [503] = function(attempt) -- decide here: 2, 4, 6 s, unless the server says when
      if not attempt.hint then return attempt:retry(2 * attempt.n) end
    end,
    [404] = "accept", -- "there is none" is an answer, too
  },
}

for _, path in ipairs { "/busy", "/down", "/missing" } do
  local res, err = api:get(path)
  print(path, res and res.status or err, res and ("attempt %d"):format(res.attempts))
end
