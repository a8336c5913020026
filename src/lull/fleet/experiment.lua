-- experiment: one policy through one simulated fleet: its figures. The clients are
-- the core's own policy, backoff, lane, budget and hint code.

local core = require "lull.core"
local options = require "lull.options"
local presets = require "lull.presets"
local usage = require "lull.usage"

local M = {}
usage.own()

M.FAILED, M.USAGE, M.NOT_LOADED = 1, 2, 3

---Raises a failure that is no misuse, with its exit code.
---@param code integer
---@param words string
function M.fail(code, words) error({ code = code, words = words }, 0) end

-- ---- policies ------------------------------------------------------------

-- No lull about it: a loop around one call, that shares nothing.
local function plain(policy)
  policy.budget = false
  policy.on = { ["429|503"] = { pause = false } }
  return policy
end

---Yardsticks: what is done without a library, or with none at all.
M.YARDSTICKS = {
  none = plain { attempts = 1 },
  curl = plain { preset = "curl" },
  fixed = plain { backoff = { kind = "constant", base = 1, jitter = "none" } },
  exponential = plain { backoff = { jitter = "none" } },
}

local function is_file(name)
  if name:find("[/.]") then return true end
  local file = io.open(name)
  return file and file:close() or false
end

local function from_file(name)
  local chunk, problem = loadfile(name)
  if not chunk then M.fail(M.NOT_LOADED, problem) end
  local ok, policy = pcall(chunk)
  if not ok then M.fail(M.NOT_LOADED, tostring(policy)) end
  if type(policy) ~= "table" then
    usage.fail(("policy '%s' must return a table of client options, not a %s"):format(name, type(policy)))
  end
  return policy
end

local function known_names()
  local names = {}
  for name in pairs(presets) do names[name] = true end
  for name in pairs(M.YARDSTICKS) do names[name] = true end
  return names
end

local function policy_options(name)
  if M.YARDSTICKS[name] then return M.YARDSTICKS[name] end
  if type(presets[name]) == "table" then return { preset = name } end
  if is_file(name) then return from_file(name) end
  local nearest = usage.nearest(name, known_names())
  usage.fail(("unknown policy '%s'%s; a policy is a preset, none, curl, fixed, exponential, or a Lua file"):format(
    name, nearest and (" (did you mean '%s'?)"):format(nearest) or ""))
end

---Without the place in a file: what is wrong is on the command line, or in a
---table.
function M.bare(words) return (tostring(words):gsub("^[^\n:]+:%d+: ", "")) end

---The client options of a policy.
M.options = policy_options

local function layer(name)
  local given = type(name) == "table" and name or policy_options(name)
  local ok, settings = pcall(options.layer, {}, given)
  if not ok then usage.fail(("policy '%s': %s"):format(tostring(name), M.bare(settings))) end
  return settings
end

-- The functions of the presets: none is about what a simulated server says.
local function functions_of_presets()
  local own = {}
  for name, preset in pairs(presets) do
    for _, rule in ipairs(type(preset) == "table" and options.layer({}, { preset = name }).on or {}) do
      if rule.fn then own[rule.fn] = true end
    end
  end
  return own
end

---A policy as the core takes it.
---@param name string|table a preset, a yardstick, a file; or client options
---@param over table? options for every policy: timeout, attempts
---@param unlearned boolean? nobody's lane learns: as without lull
---@return userdata client
---@return string[] asked outcomes whose functions are not asked here; the presets' are not told
function M.policy(name, over, unlearned)
  over = options.check(over or {})
  if name == "none" then over.attempts = nil end
  local settings = options.merge(layer(name), over)
  local asked, own = {}, functions_of_presets()
  for _, rule in ipairs(settings.on or {}) do
    if rule.fn and not own[rule.fn] then asked[#asked + 1] = rule.key end
  end
  settings.learn = not (unlearned or M.YARDSTICKS[name])
  return options.compile(settings), asked
end

-- Options that only make sense in one kind of load.
local CLOSED = { "calls", "fanout", "think", "spread" }

-- ---- a run ---------------------------------------------------------------

local function rate_of(rate)
  return rate and { count = rate.count, window = rate.window } or nil
end

local function check_load(o)
  if o.rate then
    for _, name in ipairs(CLOSED) do
      if o[name] then usage.fail(("--%s and --rate do not go together"):format(name)) end
    end
  elseif o.poisson then
    usage.fail("--poisson takes a --rate")
  end
end

-- The core's options.
local function core_options(o)
  local out, failing = o.outage or {}, o.fail or {}
  return {
    seed = o.seed or 1, clients = o.clients or 1000, calls = o.calls,
    fanout = o.fanout, think = o.think, spread = o.spread, rate = o.rate,
    poisson = o.poisson, lasting = o["for"] or (o.rate and 300) or nil,
    method = o.method or "GET", hop = o.latency, service = o.service,
    capacity = o.capacity, queue = o.queue, limit = rate_of(o.limit),
    limit_each = rate_of(o["limit-each"]), outage = out.kind,
    outage_from = out.from, outage_to = out.to, fail = failing.share,
    fail_status = failing.status, conflicts = o.conflicts,
    retry_after = o["retry-after"] ~= "auto" and o["retry-after"] or nil,
    retry_after_window = o["retry-after"] == "auto",
  }
end

---Runs one fleet.
---@param name string|table as M.policy
---@param o table options, checked
---@return table figures
function M.figures(name, o)
  check_load(o)
  local client = M.policy(name, { timeout = o.timeout, attempts = o.attempts }, o.plain)
  local ok, figures = pcall(core.fleet, client, core_options(o))
  if not ok then M.fail(M.FAILED, M.bare(figures)) end
  figures.policy = type(name) == "string" and name or "policy"
  figures.amplification = figures.calls > 0 and figures.requests / figures.calls or 0
  figures.unfinished = figures.calls - figures.completed - figures.given_up
  return figures
end

return M
