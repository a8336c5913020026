-- Writes a rockspec from what is in src: LuaRocks' builtin build wants every
-- file by name. `make docs` runs it; a spec compares.
--     lua5.4 rockspec/make.lua [VERSION [URL]] > rockspec/lull-VERSION.rockspec

local VERSION, URL = arg[1] or "scm-1", arg[2] or "git+file://."

-- A release is what its tag names, unless it is a file of its own.
local function source()
  local release = VERSION:match "^(%d[%d.]*)%-%d+$"
  local more = release and URL:find "^git" and (', tag = "v%s"'):format(release) or ""
  -- LuaRocks from 3.11 on does not guess what folder is in an archive.
  if URL:find "^file:" then more = (', dir = "%s"'):format(URL:match "([^/]*)%.tar%.gz$") end
  return ('{ url = "%s"%s }'):format(URL, more)
end

local function files(pattern)
  local list = {}
  local pipe = io.popen("ls " .. pattern)
  for name in pipe:lines() do list[#list + 1] = name end
  pipe:close()
  table.sort(list)
  return list
end

local function module_lines()
  local lines = {}
  for _, path in ipairs(files("src/lull.lua src/lull/*.lua src/lull/*/*.lua")) do
    local name = path:match("^src/(.*)%.lua$"):gsub("/", ".")
    lines[#lines + 1] = ('    ["%s"] = "%s",'):format(name, path)
  end
  -- Definitions for editors, beside what they define.
  lines[#lines + 1] = '    ["lull.types"] = "library/lull.lua",'
  lines[#lines + 1] = '    ["lull.core"] = {\n      sources = {'
  for _, path in ipairs(files("src/*/*.c")) do
    -- What only the binary is made of.
    if not path:find "^src/binary/" then lines[#lines + 1] = ('        "%s",'):format(path) end
  end
  lines[#lines + 1] = "      },\n      incdirs = { \"src\" },"
  lines[#lines + 1] = "      libraries = { \"curl\", \"m\", \"pthread\", \"dl\" },\n    },"
  return table.concat(lines, "\n")
end

io.write(([[
rockspec_format = "3.0"
package = "lull"
version = "%s"
source = %s
description = {
  summary = "A Lua-scriptable retry runtime for HTTP",
  detailed = "lull sends HTTP requests and does everything between the first "
    .. "try and the last: it waits, retries, paces, gives up, and explains "
    .. "each of these. Scripts override any decision.",
  license = "MIT",
}
dependencies = { "lua >= 5.1, < 5.6", "lua-cjson", "argparse" }
test_dependencies = { "busted" }
-- Only the library: a look for curl.h fails where it is in a multiarch folder.
external_dependencies = { CURL = { library = "curl" } }
build = {
  type = "builtin",
  modules = {
%s
  },
  install = { bin = { lull = "src/command.lua" } },
}
test = { type = "command", script = "tests/luarocks.lua" }
]]):format(VERSION, source(), module_lines()))
