#!/usr/bin/env lull
-- A token that expires: on 401, get a new one and try again with it, at once.
--
--     lull scripts/refresh.lua [BASE-URL]
--     lull --sim scripts/worlds/examples.lua scripts/refresh.lua
local lull = require "lull"

local api = lull.client { base = arg[1] or os.getenv "API" or "http://api.test" }
local bearer = "none yet"

local private = api:with {
  on = {
    [401] = function(attempt)
      local res = assert(api:post "/token")
      bearer = lull.secret("Bearer " .. res:json().token)
      return attempt:retry { wait = 0, headers = { authorization = bearer } }
    end,
  },
}

for i = 1, 5 do
  local res = assert(private:get("/private/" .. i, { headers = { authorization = bearer } }))
  print(i, res.status, ("attempt %d"):format(res.attempts))
end
