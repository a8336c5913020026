#!/usr/bin/env lull
-- Many requests with a token that expires: one of them gets a new one, the others wait for it.
--
--     lull scripts/cookbook/refresh.lua [BASE-URL]
local lull = require "lull"

local login = lull.client { base = arg[1] or "http://private.test", unsafe = true }

local token -- what the authorization header says
local renewal -- the task that is getting a new one

local function get_token()
  local res = assert(login:post("/token", { form = { grant_type = "client_credentials",
    client_secret = lull.secret(os.getenv "CLIENT_SECRET" or "none") } }))
  token, renewal = lull.secret("Bearer " .. res:json().access_token), nil
end

-- A token other than `refused`. However many ask at once, one request is made.
local function valid_token(refused)
  if renewal or token == refused then
    renewal = renewal or lull.spawn(get_token)
    renewal:join()
  end
  return token
end

local api = login:with { unsafe = false }

local function get(path)
  local used = valid_token(nil)
  return api:get(path, {
    headers = { authorization = used },
    on = {
      -- Twice in one call: a token that was refused while new. More would be no use.
      [401] = { attempts = 3, function(attempt)
        used = valid_token(used)
        return attempt:retry { wait = 0, headers = { authorization = used } }
      end },
    },
  })
end

local numbers = {}
for i = 1, 60 do numbers[i] = i end

local failed = 0
lull.each(numbers, { parallel = 10 }, function(i)
  local res, err = get("/items/" .. i)
  if not res then
    failed = failed + 1
    print(err)
  end
end)
print(("%d of %d items"):format(#numbers - failed, #numbers))
lull.exit(failed == 0 and 0 or 1)
