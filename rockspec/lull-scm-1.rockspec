rockspec_format = "3.0"
package = "lull"
version = "scm-1"
source = { url = "git+file://." }
description = {
  summary = "A Lua-scriptable retry runtime for HTTP",
  detailed = [[
lull sends HTTP requests and does everything between the first try and the
last: it waits, retries, paces, gives up, and explains each of these. A C core
holds the transport (libcurl) and the timers; scripts override any decision.]],
  license = "MIT",
}
dependencies = { "lua >= 5.1, < 5.6", "lua-cjson", "argparse" }
test_dependencies = { "busted" }
external_dependencies = { CURL = { library = "curl" } }
build = {
  type = "builtin",
  modules = {
    ["lull.core"] = {
      sources = { "@SOURCES@" },
      libraries = { "curl", "m" },
      incdirs = { "$(CURL_INCDIR)" },
      libdirs = { "$(CURL_LIBDIR)" },
    },
  },
  install = { bin = { lull = "src/lull/command.lua" } },
}
test = { type = "busted" }
