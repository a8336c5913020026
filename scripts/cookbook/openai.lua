#!/usr/bin/env lull
-- Answers each line of a file, within three limits: requests a minute, tokens a minute, and so
-- many at once. Writes a line of JSON for each answer.
--
--     OPENAI_API_KEY=... lull scripts/cookbook/openai.lua PROMPTS > answers.jsonl
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

local later, refused = 0, 0
lull.each(next_prompt, { parallel = AT_ONCE }, function(n, prompt)
  local res, err = ask(prompt)
  if res then
    io.write(lull.json.encode { line = n, answer = res:json().choices[1].message.content }, "\n")
    return
  end
  io.stderr:write(("line %d: %s\n"):format(n, tostring(err)))
  if halt or err.why ~= "rule" then later = later + 1 else refused = refused + 1 end
end)
lull.exit((halt or later > 0) and 75 or refused > 0 and 1 or 0)
