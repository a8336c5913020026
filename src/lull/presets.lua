-- presets: policies as data, each after what its source publishes. A preset
-- is a table of a client's options; a script may add its own:
-- lull.preset.name = { ... }.
--
-- What a server asks for goes before each preset's own waits, and what may
-- have been applied is repeated only where that is safe, unless a preset
-- says otherwise.

local sched = require "lull.sched"

local M = {}

---lull's own defaults: 5 attempts, full jitter on 1, 2, 4 ... seconds, never
---more than 60.
M.standard = {}

-- Calls that may be made twice: a second login is given a token of its own,
-- what is deleted is deleted. A scan that is submitted bears an id, and PUT is
-- repeated anyway. A detection may be charged twice, and a start or an export
-- done twice: these stop.
local COPYLEAKS_BEARS = {
  ["POST /v3/account/login/api"] = true, ["PATCH /v3.1/scans/delete"] = true,
}

-- The page says to repeat a 503, and a proxy says 503 after the work, too.
local function copyleaks_503(attempt)
  local request = attempt.request
  local path = request.url:match("^%a+://[^/?#]*([^?#]*)")
  if COPYLEAKS_BEARS[request.method .. " " .. tostring(path)] then return attempt:retry() end
end

local COPYLEAKS_ON = { [429] = "retry", [503] = { copyleaks_503 }, ["5xx"] = "retry" }

---Source: docs.copyleaks.com/concepts/performance/handling-failures. On 429,
---503 and every other 5xx wait 1 + r, 2 + r, 4 + r ... seconds, r random
---between 1 and 10, never longer than 60 in all, up to n times. That leaves
---no chance in the longest wait; "copyleaks+spread" does. A login and a
---deletion are repeated after a 503; any other POST or PATCH stops there.
M.copyleaks = {
  attempts = 8,
  backoff = { kind = "exponential", base = 1, factor = 2, cap = 60,
    jitter = { 1, 10 } },
  on = COPYLEAKS_ON,
}

---The same outcomes and the same longest wait, for many machines that failed
---together: half of each wait is left to chance, also of the longest, so
---that they do not come back together: 4-8, 8-16, 16-32, 30-60 seconds.
M["copyleaks+spread"] = {
  attempts = 8,
  backoff = { kind = "exponential", base = 8, factor = 2, cap = 60,
    jitter = "equal" },
  on = COPYLEAKS_ON,
}

-- The longest wait that the AWS SDKs take from x-amz-retry-after is their own
-- and this many seconds.
local AMZ_MORE = 5

-- x-amz-retry-after held between the wait t that was drawn and t + 5.
local function aws_rule(base, cap)
  local function hinted(attempt)
    local hint = attempt.hint
    if attempt.verdict ~= "retry" or not hint
      or hint.source ~= "x-amz-retry-after" then
      return nil
    end
    local t = sched.engine():random() * math.min(base * 2 ^ (attempt.n - 1), cap)
    return attempt:retry(math.max(t, math.min(hint.seconds, t + AMZ_MORE)))
  end
  return { hinted, pause = false, backoff = { kind = "exponential",
    base = base, factor = 2, cap = cap, jitter = "full" } }
end

---Source: docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
---and botocore's retries/standard.py: the standard mode 2.1, the default of
---the SDKs as of November 2026. At most 3 tries; full jitter on 1 s when
---throttled and on 50 ms otherwise, never more than 20 s; a quota of 500, of
---which a retry takes 14, and gets back when it succeeds. The SDKs know a
---throttle by its error code; a 429 stands for it here.
M.aws = {
  attempts = 3,
  backoff = { kind = "exponential", base = 0.05, factor = 2, cap = 20,
    jitter = "full" },
  on = {
    [429] = aws_rule(1, 20),
    ["500|502|503|504"] = aws_rule(0.05, 20),
    ["5xx"] = "stop",
    ["408|425"] = "stop",
  },
  budget = { capacity = 500, cost = 14, refund = 1, payback = true },
}

-- At least a minute, then exponentially. A sixteenth is left to chance, at
-- the longest too.
local GITHUB_WAIT = { kind = "exponential", base = 64, factor = 2, cap = 1024,
  jitter = { factor = { 0.9375, 1 } } }

-- A throttle is a 403 of which nothing remains, or with Retry-After, or that
-- says so; every other 403 is a refusal.
local function github_403(attempt)
  local body = (attempt.body or ""):lower()
  if attempt.hint or attempt.headers["retry-after"]
    or attempt.headers["x-ratelimit-remaining"] == "0"
    or body:find("secondary rate limit", 1, true) then
    return attempt:retry()
  end
end

---Source: docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
---and octokit/plugin-throttling. 403 or 429: with Retry-After that long; with
---nothing remaining until x-ratelimit-reset; otherwise at least a minute,
---then exponentially; meanwhile the lane stands still. 10 at a time, a second
---between two writes of a kind, 2 between two searches.
M.github = {
  on = {
    [403] = { github_403, pause = true, backoff = GITHUB_WAIT },
    [429] = { "retry", pause = true, backoff = GITHUB_WAIT },
  },
  limit = {
    parallel = 10,
    ["POST|PUT|PATCH|DELETE /*"] = "1/s",
    ["GET /search/*"] = "1/2s",
  },
  max_hint = 3660,
}

-- x-should-retry is obeyed by default; a rule that says "retry" would go
-- before it.
local function unless_forbidden(attempt)
  if attempt.headers["x-should-retry"] ~= "false" then return attempt:retry() end
end

---Source: openai-python's _base_client.py. 2 retries on 408, 409, 429, every
---5xx and connection errors, as x-should-retry says; retry-after-ms, then
---Retry-After, and one of more than 120 s is not waited for; otherwise 0.5 s
---doubling to 8 s, up to a quarter less by chance. One idempotency key for
---all tries.
M.openai = {
  attempts = 3,
  backoff = { kind = "exponential", base = 0.5, factor = 2, cap = 8,
    jitter = { factor = { 0.75, 1 } } },
  on = { ["409|501|505"] = unless_forbidden },
  max_hint = 120,
  key = true,
}

---Source: curl's --retry.md and tool_operate.c, as `curl --retry 3`: 1, 2,
---4 ... s doubling to 10 minutes, no jitter, any method, on eight statuses,
---timeouts and names that do not resolve; a Retry-After of up to 6 hours.
M.curl = {
  attempts = 4,
  backoff = { kind = "exponential", base = 1, factor = 2, cap = 600,
    jitter = "none" },
  on = {
    ["408|429|500|502|503|504|522|524"] = "retry",
    ["4xx"] = "stop",
    ["5xx"] = "stop",
    ["net"] = "stop",
    ["net.timeout"] = "retry",
    ["net.dns"] = "retry",
    ["tls"] = "stop",
    ["http"] = "stop",
  },
  max_hint = 21600,
  unsafe = true,
  budget = false,
}

return M
