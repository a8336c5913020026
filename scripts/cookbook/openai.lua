#!/usr/bin/env lull
-- Answers each line of a file, within three limits: requests a minute, tokens a minute, and so
-- many at once. At its end it writes a line of JSON for each answer; a journal keeps those of runs
-- before, that were killed or stopped.
--
--     OPENAI_API_KEY=... lull --journal FILE scripts/cookbook/openai.lua PROMPTS > answers.jsonl
local lull = require "lull"

-- The account's limits, and what one answer may have.
local REQUESTS, TOKENS, AT_ONCE, ANSWER = "60/1m", 2000, 8, 50

local prompts = arg[1] and assert(io.open(arg[1]))
if not prompts then
  io.stderr:write "usage: openai.lua PROMPTS\n"
  lull.exit(2)
end

local halt -- why no more prompts are sent

local openai = lull.client {
  base = "https://api.openai.com/v1",
  preset = "openai",
  attempts = 6, timeout = "2m",
  limit = { REQUESTS, parallel = AT_ONCE },
  headers = {
    authorization = lull.secret("Bearer " .. (os.getenv "OPENAI_API_KEY" or "none")),
    ["content-type"] = "application/json",
  },
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

-- Tokens are taken before a request is sent, and count until a minute after its answer. Who
-- asks first is served first, so that a long prompt is not overtaken for ever.
local free, queue = TOKENS, {}

local function take(tokens)
  local me = {}
  queue[#queue + 1] = me
  while queue[1] ~= me or free < math.min(tokens, TOKENS) do lull.sleep(1) end
  table.remove(queue, 1)
  free = free - tokens
end

local function give_back(tokens)
  lull.sleep(60)
  free = free + tokens
end

local function ask(prompt)
  local request = lull.json.encode {
    model = "gpt-4o-mini", max_tokens = ANSWER, messages = { { role = "user", content = prompt } } }
  local tokens, taken = math.ceil(#prompt / 4) + ANSWER, 0 -- as the API estimates them
  local res, err = openai:post("/chat/completions", {
    -- Called for each attempt: one that fails has used its tokens as well.
    body = function()
      take(tokens)
      taken = taken + tokens
      return request
    end,
  })
  lull.spawn(give_back, taken)
  return res, err
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
