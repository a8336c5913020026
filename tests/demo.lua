-- The flagship with the preset's waits divided by twenty, so that a demo ends
-- in seconds. All else is as in scripts/copyleaks.lua, which it runs.
local lull = require "lull"

lull.preset.copyleaks.backoff = { kind = "exponential", base = 0.05, factor = 2, cap = 3,
  jitter = { 0.05, 0.5 } }
io.stderr:write("demo: every wait is a twentieth of what the API's documentation asks for\n")

local script = assert(loadfile "scripts/copyleaks.lua")
script((table.unpack or unpack)(arg))
