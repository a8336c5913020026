-- timeline: attempts over time as an SVG: a bar a step, by what they came to, with
-- the pauses that servers asked for drawn in.

local M = {}

local WIDTH, LEFT, RIGHT, TOP, HEIGHT, BOTTOM = 860, 56, 10, 10, 200, 24

M.KINDS = { "accepted", "refused", "failed", "net" }

-- A round step so that `span` has at most `most` of them.
local function round_step(span, most)
  local size = 10 ^ math.floor(math.log(math.max(span, 1e-9) / most) / math.log(10))
  for _, times in ipairs { 1, 2, 5 } do
    if span / (size * times) <= most then return size * times end
  end
  return size * 10
end

local CLOCK = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400 }

local function time_step(span, most)
  if span < most then return round_step(span, most) end
  for _, step in ipairs(CLOCK) do
    if span / step <= most then return step end
  end
  return math.ceil(span / most / 86400) * 86400
end

-- On an axis all are of one unit, that of its step.
local function time_text(at, step)
  if step and step < 3600 then
    if step < 60 then return ("%gs"):format(at) end
    return ("%gm"):format(at / 60)
  end
  if at >= 3600 then return (("%.1f"):format(at / 3600):gsub("%.0$", "")) .. "h" end
  if at >= 120 then return (("%.1f"):format(at / 60):gsub("%.0$", "")) .. "m" end
  return (("%.1f"):format(at):gsub("%.0$", "")) .. "s"
end

local function number_text(n)
  if n >= 10000 then return ("%.0fk"):format(n / 1000) end
  return (("%.1f"):format(n):gsub("%.0$", ""))
end

local function sum_of(step)
  local sum = 0
  for _, n in pairs(step) do sum = sum + n end
  return sum
end

local function add(out, format, ...) out[#out + 1] = format:format(...) end

local function grid(out, span, most, x, y)
  local up = round_step(most, 4)
  for i = 0, math.floor(most / up + 1e-9) do
    add(out, '<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>', LEFT, WIDTH - RIGHT, y(i * up), y(i * up))
    add(out, '<text class="small" x="%d" y="%.1f" text-anchor="end">%s</text>', LEFT - 6, y(i * up) + 4,
      number_text(i * up))
  end
  local along = time_step(span, 8)
  for i = 0, math.floor(span / along + 1e-9) do
    local anchor = i == 0 and "start" or x(i * along) > WIDTH - 40 and "end" or "middle"
    add(out, '<text class="small" x="%.1f" y="%d" text-anchor="%s">%s</text>', x(i * along), TOP + HEIGHT + 18, anchor,
      time_text(i * along, along))
  end
end

---@param data table of collect.data
---@param escape fun(text: string): string
---@return string
function M.svg(data, escape)
  local span, most = math.max(#data.steps * data.step, data.step), 0
  for _, step in ipairs(data.steps) do most = math.max(most, sum_of(step) / data.step) end
  most = math.max(most, 1e-6)
  local function x(at) return LEFT + (WIDTH - LEFT - RIGHT) * math.min(at, span) / span end
  local function y(n) return TOP + HEIGHT * (1 - n / most) end
  local out = { ('<svg viewBox="0 0 %d %d" role="img" aria-label="Attempts over time">'):format(WIDTH,
    TOP + HEIGHT + BOTTOM) }
  for _, pause in ipairs(data.pauses) do
    if pause.from < span then
      local words = ("%s: %s, a pause of %s as the server asked"):format(pause.lane or "",
        tostring(pause.status or ""), time_text(pause.to - pause.from))
      add(out, '<rect class="pause" x="%.1f" y="%d" width="%.1f" height="%d"><title>%s</title></rect>', x(pause.from),
        TOP, math.max(x(pause.to) - x(pause.from), 1), HEIGHT, escape(words))
    end
  end
  grid(out, span, most, x, y)
  for i, step in ipairs(data.steps) do
    local from, below = x((i - 1) * data.step), 0
    local width = math.max(x(i * data.step) - from - 0.5, 0.5)
    for _, kind in ipairs(M.KINDS) do
      local n = (step[kind] or 0) / data.step
      if n > 0 then
        add(out, '<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s: %d in %s from %s</title>'
          .. "</rect>", kind, from, y(below + n), width, y(below) - y(below + n), kind, step[kind],
          time_text(data.step), time_text((i - 1) * data.step))
        below = below + n
      end
    end
  end
  out[#out + 1] = "</svg>"
  return table.concat(out, "\n")
end

return M
