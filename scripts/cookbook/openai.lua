#!/usr/bin/env lull
-- Answers each line of a file, within three limits: requests a minute, tokens a minute, and so
-- many at once. At its end it writes a line of JSON for each answer; a journal keeps those of runs
-- before, that were killed or stopped.
--
--     OPENAI_API_KEY=... lull --journal FILE scripts/cookbook/openai.lua PROMPTS > answers.jsonl
local lull = require "lull"

-- The account's limits, and what one answer may have.
local REQUESTS, TOKENS, AT_ONCE, ANSWER = "60/1m", "2000/1m", 8, 50

local prompts = arg[1] and assert(io.open(arg[1]))
if not prompts then
  io.stderr:write "usage: openai.lua PROMPTS\n"
  lull.exit(2)
end

local halt -- why no more prompts are sent

-- Tokens as the API estimates them, when it counts a request.
local function tokens_of(request)
  local sum = request.json.max_tokens
  for _, message in ipairs(request.json.messages) do sum = sum + math.ceil(#message.content / 4) end
  return sum
end

local openai = lull.client {
  base = "https://api.openai.com/v1",
  preset = "openai",
  attempts = 6, timeout = "2m",
  limit = { REQUESTS, parallel = AT_ONCE, tokens = { TOKENS, weight = tokens_of } },
  headers = { authorization = lull.secret("Bearer " .. (os.getenv "OPENAI_API_KEY" or "none")) },
  on = {
    -- A 429 may also mean that there is no money left: no wait helps against that.
    [429] = function(attempt)
      local problem = (attempt:json() or {}).error
      if problem and problem.code == "insufficient_quota" then
        halt = "the account's quota is used up"
        return attempt:stop(halt)
      end
    end,
  },
}

local function ask(prompt)
  return openai:post("/chat/completions", { json = {
    model = "gpt-4o-mini", max_tokens = ANSWER, messages = { { role = "user", content = prompt } } } })
end

local number = 0
local function next_prompt()
  local line = not halt and prompts:read "*l"
  if not line then return nil end
  number = number + 1
  return number, line
end

-- An item is a line's number; what its function gives is kept.
local answers, sum = lull.map(next_prompt, { parallel = AT_ONCE }, function(n, prompt)
  local res, err = ask(prompt)
  if res then return res:json().choices[1].message.content end
  io.stderr:write(("line %d: %s\n"):format(n, tostring(err)))
  err.later = halt ~= nil or err.why ~= "rule" -- what is not refused may be asked another time
  return nil, err
end)
for n = 1, answers.n do
  if answers[n] then io.write(lull.json.encode { line = n, answer = answers[n] }, "\n") end
end
lull.exit(sum.code)
