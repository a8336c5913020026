#!/usr/bin/env lull
-- The README's example: lull --sim scripts/worlds/examples.lua scripts/readme.lua
local lull = require "lull"
local api = lull.client {
  base = arg[1] or "http://api.test", attempts = 6, deadline = "2m",
  on = {
    [429] = function(attempt) return attempt:retry(attempt.hint and attempt.hint.seconds or 5) end,
    [404] = "accept",
  },
}
local res, err = api:get "/orders/42"
print(res and res.status or err, res and res.body)
