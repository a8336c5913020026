-- bench: the scenarios, one after another. Called by run.sh, which has built
-- all and started the servers. See README.md.

package.path = arg[0]:gsub("[^/]*$", "") .. "?.lua;" .. package.path
local stats = require "stats"
local peers = require "peers"

local out = table.remove(arg, 1)
local quick = os.getenv "QUICK" ~= nil
local rounds = quick and 1 or tonumber(os.getenv "ROUNDS" or 5)
local port = os.getenv "BENCH_PORT"
local base = "http://127.0.0.1:" .. port
local nginx = tonumber(os.getenv "BENCH_NGINX" or "")
local cpu = os.getenv "BENCH_CLIENT_CPU"
peers.find(out)

-- What is run quickly is kept apart: its figures mean nothing.
local sections = out .. (quick and "/quick/" or "/sections/")
local scenarios, order = {}, {}

local function say(format, ...)
  io.stderr:write(format:format(...), "\n")
end

local function few(n) return quick and math.max(1, math.floor(n / 20)) or n end

-- ---- running ------------------------------------------------------------

local function read(path)
  local file = io.open(path)
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function ask(path) return peers.capture("curl -s -m 10 " .. base .. path) end

-- Runs a command under measure; gives all the numbers that it and measure
-- printed, and its text.
local function measure(command, options)
  options = options or {}
  ask "/reset"
  local pin = options.everywhere and "" or "-c " .. cpu
  local pipe = io.popen(("%s %s/measure %s -t %d %s %s 2>%s/logs/stderr"):format(
    options.env or "", out, pin, options.seconds or 300, options.flags or "",
    command, out))
  local text = pipe:read "*a"
  pipe:close()
  local got = { text = text }
  for name, value in text:gmatch "([%a_]+)[ =](%d+)" do got[name] = tonumber(value) end
  if got.code ~= 0 or (options.expect and got.ok ~= options.expect) then
    say("  failed: %s: exit code %s, %s of %s: %s", command, tostring(got.code),
      tostring(got.ok), tostring(options.expect),
      (read(out .. "/logs/stderr") or ""):sub(1, 300))
    return nil
  end
  return got
end

-- Those of the names that are there; `absent` gets the others.
local function present(names, absent)
  local list = {}
  for _, name in ipairs(names) do
    if peers[name].version ~= "" then
      list[#list + 1] = name
    else
      absent[#absent + 1] = name
    end
  end
  return list
end

local function missing(absent)
  if #absent == 0 then return "" end
  return "\n\nMissing: " .. table.concat(absent, ", ") .. "."
end

-- ---- the cost of a request ----------------------------------------------

-- curl takes its URLs from a file, wrk and h2load count by themselves.
local special = {}

function special.curl(job, n)
  local path = ("%s/urls-%s"):format(out, job.scenario)
  local lines = {}
  for i = 1, n do
    lines[i] = ('url = "%s%s"'):format(job.base,
      job.scenario == "storm" and ("/storm/%d?k=2"):format(i - 1) or "/bytes/1024")
  end
  write(path, table.concat(lines, "\n") .. "\n")
  return ("sh -c 'exec curl -s --parallel --parallel-max %d --retry 4 --retry-delay 1%s "
    .. "-K %s >/dev/null'"):format(job.parallel, job.ca and " --cacert " .. job.ca or "", path)
end

function special.wrk(job)
  return ("wrk -t1 -c%d -d1s %s/bytes/1024"):format(job.parallel, job.base),
    function(got) return tonumber(got.text:match "(%d+) requests in") end
end

function special.h2load(job, n)
  return ("h2load --h1 -t1 -n %d -c %d %s/bytes/1024"):format(n, job.parallel, job.base)
end

local function command(name, job, n)
  if special[name] then return special[name](job, n) end
  return ("%s %s %s %d %d%s"):format(peers[name].how, job.scenario, job.base, n,
    job.parallel, job.extra and " " .. job.extra or "")
end

-- us a call of the whole process. The slow do less of the work: what the
-- start costs is measured apart and spread over all of it.
local function cost_of(name, job)
  local slow = job.n >= 1000 and peers[name].slow or 1
  local n = math.floor(job.n * slow)
  local text, count = command(name, job, n)
  local got = measure(text, {
    env = job.ca and "CA=" .. job.ca, seconds = 120,
    expect = not special[name] and n or nil })
  if not got then return nil end
  if count then n = count(got) end
  if slow == 1 then return got.cpu_us / n, text end
  local start = measure(command(name, job, 1), { env = job.ca and "CA=" .. job.ca })
  if not start then return nil end
  return (got.cpu_us - start.cpu_us) / (n - 1) + start.cpu_us / job.n, text
end

-- Rounds in which each is measured once, in an order that rotates. Gives the
-- ratios to the first of the list by name, the costs, and the commands.
local function compare(list, job)
  local ratios, costs, commands = {}, {}, {}
  for _, name in ipairs(list) do ratios[name], costs[name] = {}, {} end
  for round = 1, rounds do
    local this = {}
    for i = 1, #list do
      local name = list[(i + round - 2) % #list + 1]
      this[name], commands[name] = cost_of(name, job)
    end
    say("  round %d: %s", round, (function()
      local texts = {}
      for _, name in ipairs(list) do
        texts[#texts + 1] = ("%s %.1f"):format(name, this[name] or -1)
      end
      return table.concat(texts, ", ")
    end)())
    for _, name in ipairs(list) do
      if this[name] and this[list[1]] then
        table.insert(ratios[name], this[name] / this[list[1]])
        table.insert(costs[name], this[name])
      end
    end
  end
  return ratios, costs, commands
end

local function cost_table(names, job)
  local absent = {}
  local list = present(names, absent)
  local ratios, costs, commands = compare(list, job)
  local rows = {}
  for _, name in ipairs(list) do
    rows[#rows + 1] = { name, stats.spread(ratios[name]),
      commands[name] and "`" .. commands[name] .. "`" or "failed" }
  end
  return ("%s\n\nThe floor's 1.00 is here %.1f us a call.%s"):format(
    stats.table({ "", "x floor, median [quartiles]", "command" }, rows),
    stats.median(costs[list[1]]) or 0, missing(absent))
end

-- ---- the scenarios -------------------------------------------------------

-- A long one is run by its name alone.
local function scenario(name, title, run, long)
  order[#order + 1] = name
  scenarios[name] = { title = title, run = run, long = long }
end

local EVERY = { "floor", "floor, fresh handles", "lull", "lull, one file", "wrk", "h2load", "Go net/http",
  "go-retryablehttp", "Lua-cURLv3", "curl", "lua-http", "undici", "aiohttp",
  "aiohttp, uvloop", "urllib3", "got", "httpx" }

scenario("throughput", "Throughput: 20,000 GETs of 1 KiB", function()
  local job = { scenario = "throughput", base = base, n = few(20000), parallel = 64 }
  local text = "64 in flight:\n\n" .. cost_table(EVERY, job)
  job.parallel = 1000
  text = text .. "\n\n1,000 in flight (curl allows 300 at most):\n\n"
    .. cost_table({ "floor", "floor, fresh handles", "lull", "lull, one file", "go-retryablehttp",
      "undici" }, job)
  if not nginx then return text .. "\n\nMissing: nginx." end
  job.parallel, job.base = 64, "http://127.0.0.1:" .. nginx
  return text .. "\n\n64 in flight, nginx as the server:\n\n"
    .. cost_table({ "floor", "floor, fresh handles", "lull", "lull, one file", "go-retryablehttp",
      "curl" }, job)
end)

scenario("storm", "Retry storm: 5,000 calls that each meet 503 twice, waits 1 and 2 ms",
  function()
    local list = {}
    for _, name in ipairs(EVERY) do
      if name ~= "wrk" and name ~= "h2load" and name ~= "Go net/http" then
        list[#list + 1] = name
      end
    end
    return cost_table(list,
      { scenario = "storm", base = base, n = few(5000), parallel = 64 })
      .. "\n\ncurl counts in whole seconds: it waits 1 s."
  end)

scenario("rule", "A rule as a function against a rule as a word", function()
  local ratios, extra = {}, {}
  local n = few(5000)
  for round = 1, rounds do
    local us = {}
    for i = 1, 2 do
      local which = (i + round) % 2 == 0 and "storm" or "function"
      local got = measure(("%s %s %s %d 64"):format(peers.lull.how, which, base, n),
        { expect = n })
      us[which] = got and got.cpu_us
    end
    if us.storm and us["function"] then
      table.insert(ratios, us["function"] / us.storm)
      table.insert(extra, (us["function"] - us.storm) / (2 * n))
    end
  end
  return ("The storm with `function(attempt) return attempt:retry() end` for 503 "
    .. "instead of `\"retry\"`: %s times the CPU, %s us more an outcome "
    .. "judged.\n\n`%s function %s %d 64`, `... storm ...`"):format(
    stats.spread(ratios), stats.spread(extra, "%.1f"), peers.lull.how, base, n)
end)

scenario("hanging", "A fast request while K others only wait for their answer", function()
  local rows, notes = {}, {}
  for _, k in ipairs { 0, 1000, 4000 } do
    local absent = {}
    local list = present({ "floor", "lull", "Go net/http" }, absent)
    local costs, ratios = {}, {}
    for _, name in ipairs(list) do costs[name], ratios[name] = {}, {} end
    local n = few(5000)
    for round = 1, rounds do
      local this = {}
      for i = 1, #list do
        local name = list[(i + round - 2) % #list + 1]
        local got = measure(("%s hanging %s %d 64 %d"):format(
          peers[name].how, base, n, k))
        -- the first cpu_us is the client's own, of the fast requests alone
        local inner = got and tonumber(got.text:match "cpu_us[ =](%d+)")
        this[name] = inner and inner / n
      end
      say("  K = %d, round %d: floor %.1f, lull %.1f", k, round, this.floor or -1,
        this.lull or -1)
      for _, name in ipairs(list) do
        if this[name] and this.floor then
          table.insert(costs[name], this[name])
          table.insert(ratios[name], this[name] / this.floor)
        end
      end
    end
    for _, name in ipairs(list) do
      rows[#rows + 1] = { tostring(k), name, stats.spread(ratios[name]),
        ("`%s hanging %s %d 64 %d`"):format(peers[name].how, base, n, k) }
    end
    notes[#notes + 1] = ("%.1f us at %d"):format(stats.median(costs.floor) or 0, k)
  end
  return "CPU of the fast requests alone, 64 in flight, as each client counts its "
    .. "own.\n\n" .. stats.table({ "K", "", "x floor in the same state", "command" },
    rows) .. "\n\nThe floor's 1.00 is here " .. table.concat(notes, ", ") .. "."
end)

-- One run in which n calls wait at once, looked at meanwhile.
local function wait_run(name, n, parallel, after, kind, more, under)
  local text = ("%s %s %s %d %d %d%s"):format(peers[name].how, kind, base, n, parallel,
    after, more and " " .. more or "")
  local got = measure(text, { expect = n, seconds = 500, env = under,
    flags = ("-w %s,%d"):format(port, math.floor(n * 0.999)) })
  local late = {}
  for value in ask("/late"):gmatch "%-?%d+" do late[#late + 1] = tonumber(value) end
  if got then
    say("  %s: %.0f bytes each, idle %.2f %%, pause %.1f ms, late p50 %.1f p99 %.1f ms",
      name, (got.wait_kb or 0) * 1024 / n, (got.idle_us or 0) / 1e4,
      (got.pause_us or 0) / 1e3, (late[3] or 0) / 1e3, (late[5] or 0) / 1e3)
  end
  return got, late, text
end

-- What an empty process of the peer holds.
local function bare_kb(name)
  local got = measure(("%s throughput %s 64 64"):format(peers[name].how, base))
  return got and got.rss_kb or 0
end

local WAIT_TITLES = { "", "calls", "bytes resident a call", "MB in all", "idle CPU, %",
  "late p50 ms", "late p99 ms", "least ms", "command" }

local function wait_row(name, n, got, late, text)
  if not got then return { name, tostring(n), "failed", "", "", "", "", "", "`" .. text .. "`" } end
  local function ms(i) return ("%.1f"):format((late[i] or 0) / 1000) end
  if got.wait_kb == 0 then
    return { name, tostring(n), "its calls never waited all at once", "", "", "", "",
      ms(2), "`" .. text .. "`" }
  end
  return { name, tostring(n),
    ("%.0f"):format(math.max(0, got.wait_kb - bare_kb(name)) * 1024 / n),
    ("%.0f"):format(got.wait_kb / 1024), ("%.2f"):format(got.idle_us / 1e4),
    ms(3), ms(5), ms(2), "`" .. text .. "`" }
end

local EXPLAIN = "Lateness is the server's view: from its 503 to the next request of "
  .. "the id, less Retry-After. When all come due at once, it is the time that the "
  .. "requests take, one after another."
local SPREAD = "lull spreads each Retry-After upwards by a tenth and at most 1 s, so that "
  .. "not all come back in one moment: that is in its lateness here."

scenario("waiting", "Calls waiting at once between a 503 with Retry-After and their second try",
  function()
    local rows, pauses, absent = {}, {}, {}
    local plans = { { "floor", 100000, 12 }, { "lull", 100000, 14 },
      { "go-retryablehttp", 50000, 12 }, { "lua-http", 20000, 8 },
      { "undici", 20000, 9 }, { "aiohttp", 10000, 9 } }
    for _, plan in ipairs(plans) do
      local name = plan[1]
      if #present({ name }, absent) == 1 then
        local n, apart = few(plan[2]), name == "floor" or name == "lull"
        local beats = name ~= "lua-http" and "1" or nil
        local _
        local got, late, text = wait_run(name, n, 64, plan[3], "waiting",
          not apart and beats or nil)
        rows[#rows + 1] = wait_row(name, n, got, late, text)
        if apart then got, _, text = wait_run(name, n, 64, plan[3], "waiting", beats) end
        pauses[#pauses + 1] = beats and { name, tostring(n),
          got and ("%.1f"):format((got.pause_us or 0) / 1000) or "failed",
          "`" .. text .. "`" }
      end
    end
    return stats.table(WAIT_TITLES, rows) .. "\n\n" .. EXPLAIN .. " " .. SPREAD
      .. "\n\nThe worst pause of the loop in the whole of such a run, by a heartbeat of "
      .. "10 ms, which for floor and lull is a run of its own, so that their idle CPU is "
      .. "without it:\n\n" .. stats.table({ "", "calls", "ms", "command" }, pauses)
      .. "\n\nThe slower peers do fewer calls, that the run may end; what a call "
      .. "holds is told by the same number. urllib3 waits in threads and cannot take "
      .. "part." .. missing(absent)
  end)

scenario("million", "1,000,000 calls waiting at once", function()
  local n, some = few(1000000), few(20000)
  -- All must have had their 503 before the first of them comes due.
  local pace = measure(("%s storm %s %d 64"):format(peers.lull.how, base, some))
  local after = math.ceil(8 + 2 * n * (pace and pace.wall_us or 6e6) / (3 * some) / 1e6)
  local has_time = peers.capture "command -v /usr/bin/time" ~= ""
  local got, late, text = wait_run("lull", n, 64, after, "waiting", nil,
    has_time and ("/usr/bin/time -v -o %s/logs/time"):format(out) or nil)
  local quoted = has_time and read(out .. "/logs/time") or "/usr/bin/time is missing"
  local again = stats.table(WAIT_TITLES, { wait_row("lull", n, got, late, text) })
  return again .. (got and ("\n\nMost resident in the whole run: %.0f MB; CPU %.1f us a "
    .. "request.\n\n```\n%s```"):format(got.rss_kb / 1024, got.cpu_us / n / 2, quoted)
    or "")
end)

scenario("paced", "10,000 calls begun at 1,000 a second, all of them waiting", function()
  local rows, absent = {}, {}
  local n = few(10000)
  for _, name in ipairs(present({ "floor", "lull", "go-retryablehttp", "undici",
    "aiohttp" }, absent)) do
    local half = name ~= "floor" and name ~= "lull"
    local count = half and math.floor(n / 2) or n
    local got, late, text = wait_run(name, count, 64, half and 8 or 13, "paced", "1000")
    rows[#rows + 1] = wait_row(name, count, got, late, text)
  end
  return stats.table(WAIT_TITLES, rows) .. "\n\nAs above, but they come due one by one, "
    .. "so that lateness is the client's. lull waits by its own backoff and not by "
    .. "Retry-After, which it would spread." .. missing(absent)
end)

scenario("timers", "Lateness of a wait between two attempts", function()
  local rows, absent = {}, {}
  local list = present({ "floor", "lull", "go-retryablehttp", "undici" }, absent)
  local few_peers = present({ "floor", "lull", "go-retryablehttp" }, {})
  local cases = { { 100, few(10), 1, 0, rounds }, { 100, few(10), 1, 100000, rounds },
    { 10000, few(100), few(100), 0, 1 } }
  for _, case in ipairs(cases) do
    local ms, n, parallel, armed, times = case[1], case[2], case[3], case[4], case[5]
    for _, name in ipairs((ms > 1000 or armed > 0) and few_peers or list) do
      local p50, p99, least = {}, {}, math.huge
      local text = ("%s timers %s %d %d %d %d"):format(peers[name].how, base, n, parallel,
        ms, armed)
      for _ = 1, times do
        if measure(text, { expect = n }) then
          local late = {}
          for value in ask("/late"):gmatch "%-?%d+" do late[#late + 1] = tonumber(value) end
          table.insert(p50, late[3] / 1000)
          table.insert(p99, late[5] / 1000)
          least = math.min(least, late[2] / 1000)
        end
      end
      say("  %d ms, %d armed: %s: p50 %.2f", ms, armed, name, stats.median(p50) or -1)
      rows[#rows + 1] = { ("%g s"):format(ms / 1000), tostring(armed), name,
        ("%.2f"):format(stats.median(p50) or -1), ("%.2f"):format(stats.median(p99) or -1),
        ("%.3f"):format(least), "`" .. text .. "`" }
    end
  end
  return stats.table({ "wait", "other timers armed", "", "late p50 ms", "p99 ms", "least ms",
    "command" }, rows) .. "\n\nThe server's view, from its 503 to the next request; the "
    .. "median of the rounds. Less than 0 would be too early." .. missing(absent)
end)

-- One GET by a program: without options, with one, with five.
local function starts_of(cases, name, program, more)
  local url = " " .. base .. "/bytes/1024"
  cases[#cases + 1] = { name, program .. url }
  cases[#cases + 1] = { name .. ", one option", program .. " -H a:b" .. url }
  cases[#cases + 1] = { name .. ", five options", program .. " -H a:b -H c:d -A bench " .. more .. url }
end

scenario("start", "Start: one GET, the whole process", function()
  local url, absent = base .. "/bytes/1024", {}
  local cases = {}
  starts_of(cases, "curl", "curl -s -o /dev/null", "--max-time 30 --retry 4")
  cases[#cases + 1] = { "lull, a script", ("%s/lull %s/get.lua %s"):format(out, out, url) }
  starts_of(cases, "lull get", out .. "/lull get", "--timeout 30 --attempts 5")
  if #present({ "lull, one file" }, absent) == 1 then
    cases[#cases + 1] = { "one file, a script", ("%s/lull-single %s/get.lua %s"):format(out, out, url) }
    starts_of(cases, "one file", out .. "/lull-single get", "--timeout 30 --attempts 5")
  end
  cases[#cases + 1] = { "floor", ("%s/floor throughput %s 1 1"):format(out, base) }
  for _, name in ipairs(present({ "Go net/http", "go-retryablehttp", "lua-http", "undici", "urllib3",
    "aiohttp" }, absent)) do
    cases[#cases + 1] = { name, ("%s throughput %s 1 1"):format(peers[name].how, base) }
  end
  local cpus, walls, first = {}, {}, {}
  for round = 1, rounds do
    for i = 1, #cases do
      local case = cases[(i + round - 2) % #cases + 1]
      local got = measure(case[2], { flags = "-r " .. few(5) })
      if got then first[case[1]] = { got.cpu_us, got.wall_us } end
    end
    for _, case in ipairs(cases) do
      local name, curl = case[1], first.curl
      cpus[name], walls[name] = cpus[name] or {}, walls[name] or {}
      if first[name] and curl then
        table.insert(cpus[name], first[name][1] / curl[1])
        table.insert(walls[name], first[name][2] / curl[2])
      end
    end
  end
  local rows = {}
  for _, case in ipairs(cases) do
    rows[#rows + 1] = { case[1], stats.spread(cpus[case[1]]), stats.spread(walls[case[1]]),
      "`" .. case[2] .. "`" }
  end
  return stats.table({ "", "CPU, x curl", "wall, x curl", "command" }, rows)
    .. ("\n\n%d times a round; curl's 1.00 is here %.1f ms of CPU."):format(few(5),
    first.curl and first.curl[1] / few(5) / 1000 or 0) .. missing(absent)
end)

-- How many handshakes of a run over connections that the server closes after
-- 10 requests were resumed.
local function resumed(name)
  local log = out .. "/logs/sessions"
  local before = #(read(log) or "")
  local n = few(2000)
  measure(("%s throughput https://127.0.0.1:%d %d 4"):format(peers[name].how, nginx + 2, n),
    { env = "CA=" .. out .. "/ca.pem" })
  os.execute "sleep 0.3"
  local reused, all = 0, 0
  for mark in (read(log) or ""):sub(before + 1):gmatch "[^\n]+" do
    all = all + 1
    if mark == "r" then reused = reused + 1 end
  end
  return all > 0 and ("%.0f %%"):format(100 * reused / all) or "unknown"
end

scenario("tls", "TLS: 20,000 GETs over HTTPS, 64 in flight, nginx", function()
  if not nginx then return "Missing: nginx." end
  local job = { scenario = "throughput", base = "https://127.0.0.1:" .. (nginx + 1),
    n = few(20000), parallel = 64, ca = out .. "/ca.pem" }
  local text = cost_table({ "floor", "lull", "lull, one file", "Go net/http", "go-retryablehttp",
    "curl", "undici", "aiohttp" }, job)
  return ("%s\n\nAll with `CA=%s`. When the server closes each connection after 10 "
    .. "requests, this part of all requests came over a resumed session: floor %s, lull %s."):format(
    text, job.ca, resumed "floor", resumed "lull")
end)

-- One process for each part of the work, all at once.
local function workers(count, n)
  local each = ("%s throughput %s %d 64 &"):format(peers.lull.how, base, math.floor(n / count))
  return ("sh -c '%s wait'"):format((each .. " "):rep(count))
end

scenario("cores", "Several processes: the same work split", function()
  local n, walls, cpus, commands = few(40000), {}, {}, {}
  local counts = { 1, 2, 4 }
  for _, k in ipairs(counts) do walls[k], cpus[k] = {}, {} end
  for _ = 1, rounds do
    local alone
    for _, k in ipairs(counts) do
      commands[k] = workers(k, n)
      local got = measure(commands[k], { everywhere = true })
      alone = alone or got
      if got and alone then
        table.insert(walls[k], got.wall_us / alone.wall_us)
        table.insert(cpus[k], got.cpu_us / alone.cpu_us)
      end
    end
  end
  local rows = {}
  for _, k in ipairs(counts) do
    rows[#rows + 1] = { tostring(k), stats.spread(walls[k]), stats.spread(cpus[k]),
      "`" .. commands[k] .. "`" }
  end
  return stats.table({ "processes", "wall, x one process", "CPU, x one process", "command" },
    rows) .. "\n\n" .. n .. " calls, 64 in flight in each process. The processes may use both "
    .. "processors, one of which the server has, too."
end)

require "batch" { scenario = scenario, measure = measure, missing = missing, few = few, rounds = rounds,
  out = out, base = base, say = say, peers = peers }

require "fleet" { scenario = scenario, measure = measure, missing = missing, few = few, rounds = rounds,
  out = out, base = base, say = say, peers = peers }

-- ---- growth ----------------------------------------------------------------

local function grow(list, runs)
  local points = {}
  for _, value in ipairs(list) do
    local n, parallel, times, reference = runs(value)
    local ratios, costs, rss = {}, {}, 0
    for round = 1, times do
      local us = {}
      for i = 1, 2 do
        local name = (i + round) % 2 == 0 and "floor" or "lull"
        local some = name == "floor" and reference or n
        local got = measure(("%s throughput %s %d %d"):format(peers[name].how, base, some,
          parallel), { expect = some, seconds = 400 })
        us[name] = got and got.cpu_us / some
        if got and name == "lull" then rss = got.rss_kb end
      end
      if us.lull and us.floor then
        table.insert(ratios, us.lull / us.floor)
        table.insert(costs, us.lull)
      end
    end
    say("  %d: %s of the floor, %.1f us", value, stats.spread(ratios), stats.median(costs) or -1)
    points[#points + 1] = { x = value, ratio = ratios, us = stats.median(costs) or 0, rss = rss }
  end
  return points
end

local function growth_table(title, points, unit)
  local rows = {}
  for _, p in ipairs(points) do
    rows[#rows + 1] = { tostring(p.x), stats.spread(p.ratio),
      ("%.2f"):format(p.us / unit), ("%.1f"):format(p.rss / 1024) }
  end
  return stats.table({ title, "x floor doing the same", "x lull's own at the middle",
    "most resident, MB" }, rows)
end

-- One curve: x on a scale of powers of ten, y from 0 to `most` times the
-- middle, where a line is drawn.
local function curve(points, unit, left, top, label)
  local wide, high, most = 300, 200, 2
  for _, p in ipairs(points) do most = math.max(most, math.ceil(p.us / unit)) end
  local last = math.log(points[#points].x)
  local first = math.log(points[1].x)
  local parts, marks = {}, {}
  for i, p in ipairs(points) do
    local at = left + (math.log(p.x) - first) / (last - first) * wide
    local y = top + high - p.us / unit / most * high
    parts[i] = ("%.0f,%.0f"):format(at, y)
    marks[i] = ('<circle cx="%.0f" cy="%.0f" r="3"/><text x="%.0f" y="%.0f">%g</text>'):format(
      at, y, at, top + high + 15, p.x)
  end
  return ('<rect x="%d" y="%d" width="%d" height="%d" class="f"/>'):format(left, top, wide, high)
    .. ('<path d="M%d %.0fh%d" class="g"/>'):format(left, top + high - high / most, wide)
    .. ('<polyline points="%s" class="l"/>'):format(table.concat(parts, " "))
    .. table.concat(marks)
    .. ('<text x="%d" y="%d">%s; top: %d</text>'):format(left + wide / 2, top - 8, label, most)
end

local function picture(calls, flight, unit_calls, unit_flight)
  write(quick and sections .. "growth.svg" or "bench/growth.svg",
    '<svg xmlns="http://www.w3.org/2000/svg" width="740" height="270" '
    .. 'font-family="sans-serif" font-size="10" text-anchor="middle">'
    .. '<style>.f,.l{fill:none;stroke:#333}.l{stroke:#06c;stroke-width:2}.g{stroke:#ccc}</style>'
    .. curve(calls, unit_calls, 30, 30, "CPU a call, by calls in one run (line: that of 10,000)")
    .. curve(flight, unit_flight, 400, 30, "CPU a call, by calls in flight (line: that of 64)")
    .. "</svg>\n")
end

scenario("growth", "The cost of growth", function()
  local counts = quick and { 1000, 10000 } or { 1000, 10000, 100000, 1000000 }
  local flights = quick and { 1, 64, 1000 } or { 1, 8, 64, 512, 1000, 4000, 10000 }
  local calls = grow(counts, function(n)
    return n, 64, math.min(rounds, n >= 1000000 and 1 or n >= 100000 and 2 or 5),
      math.min(n, 100000)
  end)
  local flight = grow(flights, function(parallel)
    return few(parallel > 1000 and 20000 or 10000), parallel, math.min(rounds, 3)
  end)
  local unit_calls, unit_flight = calls[2].us, 1
  for _, p in ipairs(flight) do
    if p.x == 64 then unit_flight = p.us end
  end
  picture(calls, flight, unit_calls, unit_flight)
  return "By calls in one run, 64 in flight (the middle is 10,000; the floor does 100,000 at "
    .. "most):\n\n"
    .. growth_table("calls", calls, unit_calls)
    .. "\n\nBy calls in flight, 10,000 calls, 20,000 from 4,000 (the middle is 64):\n\n"
    .. growth_table("in flight", flight, unit_flight)
    .. ("\n\n![CPU a call](growth.svg)\n\n`%s throughput %s CALLS IN-FLIGHT`, `%s ...`"):format(
    peers.lull.how, base, peers.floor.how)
end)

-- ---- instruction counts ------------------------------------------------------

local BAND = 0.05

-- One in flight: with more it hangs on chance how many answers come at once.
local IN_FLIGHT = 1

local function instructions(name, kind, n)
  ask "/reset"
  local log = out .. "/logs/callgrind"
  os.execute(("timeout 200 valgrind --tool=callgrind --callgrind-out-file=%s/callgrind.%s.%s "
    .. "%s %s %s %d %d >%s 2>&1"):format(out, name, kind, peers[name].how, kind, base, n,
    IN_FLIGHT, log))
  local text = read(log) or ""
  if not text:find("ok " .. n, 1, true) then
    error("bench-count: the run failed: " .. text:sub(1, 500), 0)
  end
  return math.floor(tonumber(text:match "Collected : (%d+)") / n)
end

-- Instructions a call by library, start included.
local function by_library(name, kind, n)
  local sums, top = {}, {}
  for line in peers.capture(("callgrind_annotate --threshold=100 %s/callgrind.%s.%s"):format(
    out, name, kind)):gmatch "[^\n]+" do
    local number, fn, object = line:match "^%s*([%d,]+) %(.-%)%s+(.-) %[(.-)%]$"
    if number then
      local each = tonumber((number:gsub(",", ""))) / n
      object = object:match "[^/]*$":gsub("%.so.*", "")
      sums[object] = (sums[object] or 0) + each
      if object == "lull" and #top < 12 then
        top[#top + 1] = ("%s %.0f"):format(fn:match "[^/]*$", each)
      end
    end
  end
  return sums, top
end

scenario("profile", "Where the instructions go: callgrind, one call in flight", function()
  if peers.capture "command -v valgrind" == "" then return "Missing: valgrind." end
  local rows, own = {}, {}
  for _, case in ipairs { { "throughput", 2000 }, { "storm", 1000 } } do
    local kind, n = case[1], case[2]
    local all = { lull = instructions("lull", kind, n), floor = instructions("floor", kind, n) }
    local floor = by_library("floor", kind, n)
    local lull, top = by_library("lull", kind, n)
    for _, object in ipairs { "libcurl", "liblua5.4", "libc", "libmimalloc", "lull" } do
      local theirs = object == "lull" and floor.floor or floor[object]
      rows[#rows + 1] = { kind, object == "lull" and "the program itself" or object,
        ("%.0f"):format(theirs or 0), ("%.0f"):format(lull[object] or 0) }
    end
    rows[#rows + 1] = { kind, "all", tostring(all.floor), tostring(all.lull) }
    own[#own + 1] = ("%s: %s"):format(kind, table.concat(top, ", "))
  end
  return stats.table({ "", "", "floor, instructions a call", "lull" }, rows)
    .. "\n\nStart included: 2,000 calls, and 1,000 of the storm (each three requests). "
    .. "Of lull's own C, most are in:\n\n- " .. table.concat(own, "\n- ")
end)

local function count()
  if peers.capture "command -v valgrind" == "" then
    print "bench-count: FAILED: valgrind is missing (Debian's package valgrind)"
    return 1
  end
  local kept, lines, bad = {}, {}, false
  for kind, value in (read "bench/counts.txt" or ""):gmatch "([%a]+) (%d+)" do
    kept[kind] = tonumber(value)
  end
  local renew = os.getenv "RENEW" ~= nil
  for _, case in ipairs { { "throughput", 2000, floor = true }, { "storm", 1000, floor = true },
    { "batch", 1000 } } do
    local kind, n = case[1], case[2]
    local got = math.min(instructions("lull", kind, n), instructions("lull", kind, n))
    local floor = case.floor and instructions("floor", kind, n)
    lines[#lines + 1] = ("%s %d"):format(kind, got)
    local before = kept[kind]
    local change = before and got / before - 1
    local verdict = "no count kept"
    if change then
      verdict = ("%+.1f %%, %s"):format(change * 100,
        math.abs(change) <= BAND and "within 5 %" or "OUTSIDE 5 %")
      bad = bad or math.abs(change) > BAND
    end
    print(("bench-count: %s: %d instructions a call (kept %s: %s)%s"):format(kind, got, tostring(before), verdict,
      floor and (", %.2f of the floor's %d"):format(got / floor, floor) or ""))
    bad = bad or not before
  end
  if renew then
    write("bench/counts.txt", "# Instructions a call, start included: make bench-count "
      .. "compares, RENEW=1 make bench-count writes.\n# " .. peers.floor.version .. ", "
      .. peers.capture "valgrind --version" .. "\n" .. table.concat(lines, "\n") .. "\n")
    print "bench-count: written to bench/counts.txt"
    return 0
  end
  print(bad and "bench-count: FAILED: look for what changed, or renew with RENEW=1 make bench-count"
    or "bench-count: passed")
  return bad and 1 or 0
end

-- ---- the results -------------------------------------------------------------

local function load_average()
  return (read "/proc/loadavg" or "?"):match "%S+"
end

local function machine()
  local info = read "/proc/cpuinfo" or ""
  return ("%s, %s processors, %s, Linux %s"):format(
    info:match "model name%s*:%s*([^\n]+)" or "?", peers.capture "nproc",
    (read "/etc/os-release" or ""):match 'PRETTY_NAME="([^"]+)"' or "?",
    peers.capture "uname -r":match "^%d+%.%d+")
end

local function versions()
  local lines, seen = {}, {}
  for _, name in ipairs(EVERY) do
    if not seen[name] then
      local version = peers[name].version
      lines[#lines + 1] = ("- %s: %s"):format(name, version ~= "" and version or "missing")
      seen[name] = true
    end
  end
  if nginx then lines[#lines + 1] = "- nginx: " .. peers.capture "dpkg-query -W -f '${Version}' nginx" end
  return table.concat(lines, "\n")
end

-- What the results that are there have under that title: a section is run when its time is
-- found, and the others stay.
local function kept(title)
  local head = "## " .. title .. "\n"
  local text = read "bench/RESULTS.md" or ""
  local from = text:find(head, 1, true)
  return from and (text:sub(from):gsub("\n## .*", ""):gsub("%s+$", ""))
end

local function results()
  local parts = { "# Results\n\nWritten by `make bench`; [README.md](README.md) says how each is "
    .. "measured and what a ratio means. Under each table stands the load of the machine "
    .. "before and after: where it is above about 1.5, the machine did other work, too, and "
    .. "its ratios are rough.\n\nMachine: " .. machine() .. ".\n\nVersions:\n\n"
    .. versions() }
  for _, name in ipairs(order) do
    local text = read(sections .. name) or kept(scenarios[name].title)
    parts[#parts + 1] = text or ("## %s\n\nNot run."):format(scenarios[name].title)
  end
  local path = quick and sections .. "RESULTS.md" or "bench/RESULTS.md"
  write(path, table.concat(parts, "\n\n") .. "\n")
  print("bench: written to " .. path)
end

local function run(name)
  local began, load = os.time(), load_average()
  say("bench: %s", name)
  local text = scenarios[name].run()
  local section = ("## %s\n\n%s\n\n%s, ROUNDS=%d, %d s, load %s before and %s after."):format(
    scenarios[name].title, text, os.date("!%Y-%m-%d %H:%M UTC", began), rounds,
    os.time() - began, load, load_average())
  write(sections .. name, section)
  return section
end

if arg[1] == "count" then os.exit(count()) end
-- The scenarios of that name, or whose names begin with it.
local function named(word)
  if scenarios[word] then return { word } end
  local list = {}
  for _, name in ipairs(order) do
    if name:sub(1, #word + 1) == word .. "-" and not scenarios[name].long then list[#list + 1] = name end
  end
  return list
end

if arg[1] == nil or arg[1] == "all" then
  for _, name in ipairs(order) do
    if not scenarios[name].long then run(name) end
  end
  results()
elseif arg[1] == "results" then
  results()
else
  for _, word in ipairs(arg) do
    local list = named(word)
    if #list == 0 then
      say("bench: no scenario %s; there are all, count, results, %s", word, table.concat(order, ", "))
      os.exit(2)
    end
    for _, name in ipairs(list) do print(run(name)) end
  end
end
