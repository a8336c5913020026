-- progress: what a run says of itself on standard error while it goes on: one line
-- of a terminal that is drawn anew, or a plain line now and then.
--
-- What others write to the terminal comes first: the line is taken away for it, and
-- is drawn again when that has come to the end of its own line.

local core = require "lull.core"
local exit = require "lull.exit"
local progress = require "lull.lazy" "lull.progress"
local sched = require "lull.sched"
local usage = require "lull.usage"

local M = {}

local FIRST = 0.5  -- s before there is a line: what is quick needs none
local OFTEN = 0.1  -- s between two of a terminal
local SHARE = 200  -- and so many times what a look costs
local SELDOM = 30  -- s between plain lines
local LOOK = 1     -- s between looks for them
local HOLDS = 2    -- s of a wait for all that are worth a word

local MODES = { auto = true, always = true, never = true }

local shown = false   -- the line that stands on the terminal
local amid = false    -- the last thing that was written there has not ended its line
local on = false

-- ---- the terminal --------------------------------------------------------

local raw = {} -- what wrote before

local function put(bytes) raw.write(io.stderr, bytes) end

local function hide()
  if not shown then return end
  shown = false
  put "\r\27[K"
end

local function note(...)
  for i = select("#", ...), 1, -1 do
    local piece = tostring((select(i, ...)))
    if piece ~= "" then
      amid = piece:sub(-1) ~= "\n"
      return
    end
  end
end

local default -- what io.write writes to

-- Whoever writes to the terminal, by a file's own method or by io.write.
local function watch_writers()
  local methods = getmetatable(io.stderr).__index
  local watched = { [io.stderr] = true }
  if core.terminal(io.stdout) then watched[io.stdout] = true end
  raw.write, raw.io_write, default = methods.write, io.write, io.output
  methods.write = function(file, ...)
    if on and watched[file] then
      hide()
      note(...)
    end
    return raw.write(file, ...)
  end
  io.write = function(...) -- luacheck: ignore
    if on and watched[default()] then
      hide()
      note(...)
    end
    return raw.io_write(...)
  end
end

local function columns()
  local _, width = core.terminal(io.stderr)
  return (width or tonumber(os.getenv "COLUMNS") or 80) - 1
end

-- Nothing is said of a script's single calls, but of a wait that holds them all.
local function worth(p) return p.batch or p.away or (p.held or 0) > HOLDS or shown and p.held end

local function draw()
  if amid then return end
  local p = progress.now()
  if not worth(p) then return hide() end
  local line = p:line(columns())
  if line == shown then return end
  put("\r" .. line .. "\27[K")
  shown = line
end

-- ---- plain lines ---------------------------------------------------------

local last_said, last_held, last_away

local function say()
  local p = progress.now()
  local engine = sched.engine()
  local now, held = engine:now(), p.held and engine:wall() + p.held
  local news = held and p.held > HOLDS and not (last_held and math.abs(held - last_held) < 1)
  if news then last_held = held end
  news, last_away = news or (p.away and not last_away), p.away
  if not news and now - last_said < SELDOM then return end
  if not (p.batch or news) then return end
  last_said = now
  io.stderr:write("lull: ", p:line(), "\n")
end

-- ---- the run -------------------------------------------------------------

local cost = 0 -- s of the last look

-- A look is as dear as the cheaper of two: within one the process may have had to
-- wait for a core.
local function go_on(look, often)
  if not on then return end
  local engine = sched.engine()
  local before, last = engine:wall(), cost
  look()
  cost = math.min(engine:wall() - before, 1)
  sched.after(math.max(often, math.min(cost, last) * SHARE), function() go_on(look, often) end)
end

---Begins to tell.
---@param mode "auto"|"always"|"never"?
---@param quiet boolean?
---@return string? problem
function M.begin(mode, quiet)
  mode = mode or "auto"
  if not MODES[mode] then
    local nearest = usage.nearest(mode, MODES)
    return ("--progress takes auto, always or never, not '%s'%s"):format(mode,
      nearest and (" (did you mean '%s'?)"):format(nearest) or "")
  end
  local terminal = core.terminal(io.stderr)
  if mode == "never" or mode == "auto" and (quiet or not terminal or os.getenv "TERM" == "dumb") then return nil end
  on, last_said, exit.closing = true, sched.engine():now(), M.finish
  if terminal then
    watch_writers()
    sched.after(FIRST, function() go_on(draw, OFTEN) end)
  else
    sched.after(LOOK, function() go_on(say, LOOK) end)
  end
end

---The run has ended: nothing stands there any more.
function M.finish()
  if on then hide() end
  on = false
end

return M
