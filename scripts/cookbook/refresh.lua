#!/usr/bin/env lull
-- Many requests with a token that expires: one of them gets a new one, the others wait for it.
--
--     lull scripts/cookbook/refresh.lua [BASE-URL]
local lull = require "lull"

local login = lull.client { base = arg[1] or "http://private.test", unsafe = true }

local token = lull.token(function()
  local res, err = login:post("/token", { form = { grant_type = "client_credentials",
    client_secret = lull.secret(os.getenv "CLIENT_SECRET" or "none") } })
  if not res then return nil, err end
  return res:json().access_token -- with a second value: how long it lasts
end)

local api = login:with { unsafe = false, auth = token }

local numbers = {}
for i = 1, 60 do numbers[i] = i end

local failed = 0
lull.each(numbers, { parallel = 10 }, function(i)
  local res, err = api:get("/items/" .. i)
  if not res then
    failed = failed + 1
    print(err)
  end
end)
print(("%d of %d items"):format(#numbers - failed, #numbers))
lull.exit(failed == 0 and 0 or 1)
