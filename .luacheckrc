-- Lua 5.1 syntax and library; what later versions add is asked for first.
std = "min"
max_line_length = 120
read_globals = {
  "unpack",
  table = { fields = { "unpack" } },
  math = { fields = { "type", "tointeger" } },
  coroutine = { fields = { "isyieldable" } },
}
self = false
files["tests/*/*_spec.lua"] = { std = "min+busted" }
files["scripts/*_spec.lua"] = { std = "min+busted" }
files["single/*_spec.lua"] = { std = "min+busted" }
files["scripts/*.lua"] = { globals = { "arg" } }
files["scripts/cookbook/*.lua"] = { globals = { "arg" } }
-- Definitions for editors: nothing in them is called.
files["library"] = { ignore = { "212", "221", "241" } }
