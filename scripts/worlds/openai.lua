--[[
OpenAI's chat completions with an account's limits: 60 requests and 2,000
tokens in any minute, 8 at once, and whatever is over gets a 429. A request
that fails counts as well. Every 13th request is a 500, every 29th a 429
because somebody else uses the account, too. A prompt that says "broke" finds
the account without money.

    lull --sim scripts/worlds/openai.lua scripts/cookbook/openai.lua PROMPTS
]]

local lull = require "lull"

-- Not quite a minute: requests may come in a little closer together than
-- they were sent.
local WINDOW = 59.9
local LIMITS = { requests = 60, tokens = 2000, at_once = 8 }

local starts = {} -- { at, tokens } of the last minute
local under_way, asked = 0, 0

-- Go's notation of a time: "1m2.5s".
local function go_duration(s)
  if s < 60 then return ("%.3gs"):format(s) end
  return ("%dm%.3gs"):format(math.floor(s / 60), s % 60)
end

local function usage()
  local now, tokens = lull.now(), 0
  while starts[1] and starts[1].at <= now - WINDOW do table.remove(starts, 1) end
  for _, start in ipairs(starts) do tokens = tokens + start.tokens end
  return #starts, tokens
end

local function headers(more)
  local requests, tokens = usage()
  local renewal = starts[1] and starts[1].at + WINDOW - lull.now() or 0
  local h = {
    ["x-ratelimit-limit-requests"] = LIMITS.requests,
    ["x-ratelimit-remaining-requests"] = math.max(0, LIMITS.requests - requests),
    ["x-ratelimit-reset-requests"] = go_duration(renewal),
    ["x-ratelimit-limit-tokens"] = LIMITS.tokens,
    ["x-ratelimit-remaining-tokens"] = math.max(0, LIMITS.tokens - tokens),
    ["x-ratelimit-reset-tokens"] = go_duration(renewal),
  }
  for name, value in pairs(more or {}) do h[name] = value end
  return h
end

local function over(what)
  return 429, headers { ["retry-after-ms"] = 4000 },
    { error = { code = "rate_limit_exceeded", message = "Rate limit reached for " .. what } }
end

local function broke()
  return 429, headers(), { error = { code = "insufficient_quota",
    message = "You exceeded your current quota, please check your plan and billing details." } }
end

local function answer(prompt)
  return 200, headers(), { choices = { { message = { role = "assistant", content = "about " .. prompt } } } }
end

local function judge(prompt, requests, tokens)
  if under_way > LIMITS.at_once then return over "requests at once" end
  if requests > LIMITS.requests then return over "requests per min" end
  if tokens > LIMITS.tokens then return over "tokens per min" end
  if asked % 29 == 0 then return over "somebody else's requests" end
  if prompt:find "broke" then return broke() end
  if asked % 13 == 0 then return 500, headers(), { error = { message = "The server had an error" } } end
  return answer(prompt)
end

return {
  ["https://api.openai.com"] = function(request)
    local body = lull.json.decode(request.body)
    local prompt = body.messages[1].content
    asked, under_way = asked + 1, under_way + 1
    starts[#starts + 1] = { at = lull.now(), tokens = math.ceil(#prompt / 4) + body.max_tokens }
    local status, fields, text = judge(prompt, usage())
    lull.sleep(0.5 + asked % 7 / 10)
    under_way = under_way - 1
    return status, fields, text
  end,
}
