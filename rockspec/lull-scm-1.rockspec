rockspec_format = "3.0"
package = "lull"
version = "scm-1"
source = { url = "git+file://." }
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
    ["lull"] = "src/lull.lua",
    ["lull.attempt"] = "src/lull/attempt.lua",
    ["lull.cli"] = "src/lull/cli.lua",
    ["lull.client"] = "src/lull/client.lua",
    ["lull.json"] = "src/lull/json.lua",
    ["lull.options"] = "src/lull/options.lua",
    ["lull.outcome"] = "src/lull/outcome.lua",
    ["lull.plan"] = "src/lull/plan.lua",
    ["lull.presets"] = "src/lull/presets.lua",
    ["lull.sched"] = "src/lull/sched.lua",
    ["lull.secret"] = "src/lull/secret.lua",
    ["lull.simulate"] = "src/lull/simulate.lua",
    ["lull.tasks"] = "src/lull/tasks.lua",
    ["lull.text"] = "src/lull/text.lua",
    ["lull.trace"] = "src/lull/trace.lua",
    ["lull.usage"] = "src/lull/usage.lua",
    ["lull.world"] = "src/lull/world.lua",
    ["lull.core"] = {
      sources = {
        "src/attempt.c",
        "src/backoff.c",
        "src/base.c",
        "src/bind.c",
        "src/bind_client.c",
        "src/bind_event.c",
        "src/bind_read.c",
        "src/breaker.c",
        "src/budget.c",
        "src/buf.c",
        "src/call.c",
        "src/client.c",
        "src/course.c",
        "src/engine.c",
        "src/events.c",
        "src/hint.c",
        "src/http.c",
        "src/httpdate.c",
        "src/idtable.c",
        "src/judge.c",
        "src/lane.c",
        "src/lanes.c",
        "src/pace.c",
        "src/policy.c",
        "src/ratelimit.c",
        "src/rates.c",
        "src/reason.c",
        "src/redirect.c",
        "src/request.c",
        "src/reset.c",
        "src/scan.c",
        "src/sfield.c",
        "src/sink.c",
        "src/slots.c",
        "src/timerq.c",
        "src/transfer.c",
        "src/url.c",
        "src/verdict.c",
        "src/window.c",
        "src/world_real.c",
        "src/world_sim.c",
      },
      libraries = { "curl", "m" },
    },
  },
  install = { bin = { lull = "src/command.lua" } },
}
test = { type = "busted" }
