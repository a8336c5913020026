#!/usr/bin/env lull
-- Creates notes that must not replace others, and deletes some, although answers get lost.
--
--     lull scripts/cookbook/lost.lua [BASE-URL]
local lull = require "lull"

local notes = lull.client { base = arg[1] or "http://notes.test", attempts = 5, timeout = "10s" }

local function create(name, text)
  local url = "/notes/" .. name
  return notes:put(url, { body = text, headers = { ["if-none-match"] = "*" }, on = {
    -- It is there. Ours, if an answer was lost and it holds what was sent.
    [412] = function(attempt)
      local res = attempt.maybe_applied and notes:get(url)
      if res and res.body == text then return attempt:accept() end
    end,
  } })
end

local function delete(name)
  return notes:delete("/notes/" .. name, { on = {
    -- It is gone, and an attempt whose answer was lost may have done that.
    [404] = function(attempt)
      if attempt.maybe_applied then return attempt:accept() end
    end,
  } })
end

local failed = 0

local function report(what, name, res, err)
  if not res then failed = failed + 1 end
  print(what, name, res and "done" or tostring(err.reason), (res or err).attempts)
end

for _, name in ipairs { "one", "two", "taken" } do report("create", name, create(name, "note " .. name)) end
for _, name in ipairs { "old", "older", "never" } do report("delete", name, delete(name)) end
lull.exit(failed > 0 and 1 or 0)
