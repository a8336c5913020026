-- presets: policies as data, each after what its source publishes. A preset
-- is a table of a client's options; a script may add its own:
-- lull.preset.name = { ... }.

local M = {}

---lull's own defaults: 5 attempts, full jitter on 1, 2, 4 ... seconds, never
---more than 60.
M.standard = {}

---"Handling Failures" of the Copyleaks API: on 429, 503 and every 5xx wait
---1 + r, 2 + r, 4 + r ... seconds, r random between 1 and 10, never longer
---than 60, up to n times.
M.copyleaks = {
  attempts = 8,
  backoff = { kind = "exponential", base = 1, factor = 2, cap = 60,
    jitter = { 1, 10 } },
  on = { [429] = "retry", ["5xx"] = "retry" },
}

---The AWS SDKs' standard mode as of November 2026: at most 3 tries, full
---jitter on 50 ms, on 1 s when throttled, never more than 20 s.
M.aws = {
  attempts = 3,
  backoff = { kind = "exponential", base = 0.05, factor = 2, cap = 20,
    jitter = "full" },
  on = {
    [429] = { "retry", backoff = { kind = "exponential", base = 1,
      factor = 2, cap = 20, jitter = "full" } },
    ["500|502|503|504"] = "retry",
    ["5xx"] = "stop",
  },
  budget = { capacity = 500, cost = 14, refund = 1 },
}

---octokit's throttling rules and GitHub's own: a 403 with nothing remaining,
---or with Retry-After, is a throttle; a minute where nothing is said.
M.github = {
  on = {
    [403] = function(attempt)
      local headers = attempt.headers
      if attempt.hint then return attempt:retry() end
      if headers["x-ratelimit-remaining"] == "0" or headers["retry-after"] then
        return attempt:retry(60)
      end
    end,
    [429] = { "retry", backoff = { kind = "exponential", base = 60,
      factor = 2, cap = 900, jitter = { 0, 1 } } },
  },
  max_hint = 3600,
}

---The OpenAI libraries: 2 retries, 0.5 s doubling to 8 s, up to a quarter
---less by chance; a wait of more than 120 s is not waited for.
M.openai = {
  attempts = 3,
  backoff = { kind = "exponential", base = 0.5, factor = 2, cap = 8,
    jitter = { factor = { 0.75, 1 } } },
  on = { ["408|409|429"] = "retry", ["5xx"] = "retry" },
  max_hint = 120,
}

---curl --retry 3: 1, 2, 4 ... s doubling to 10 minutes, no jitter, any
---method, on eight statuses, timeouts and names that do not resolve.
M.curl = {
  attempts = 4,
  backoff = { kind = "exponential", base = 1, factor = 2, cap = 600,
    jitter = "none" },
  on = {
    ["408|429|500|502|503|504|522|524"] = "retry",
    ["5xx"] = "stop",
    ["net"] = "stop",
    ["net.timeout"] = "retry",
    ["net.dns"] = "retry",
    ["tls"] = "stop",
    ["http"] = "stop",
  },
  unsafe = true,
  budget = false,
}

return M
