-- chart: offered load and goodput over time as an SVG, one line a policy;
-- its colours follow the reader's scheme, light or dark.

local fixed = require("lull.fleet.stats").fixed
local text = require "lull.text"

local M = {}

local WIDTH, LEFT, RIGHT = 860, 62, 18
local PLOT, GAP, TOP = 190, 56, 22
local POINTS = 150 -- a line has no more

-- Light and dark, one for each line; after Okabe and Ito, set apart from the
-- background. Dashes tell them apart without colour.
local COLOURS = {
  { "#0072b2", "#56b4e9" }, { "#d55e00", "#ff9e4a" }, { "#007a5a", "#2fc99a" }, { "#b0428a", "#e891c7" },
  { "#8a6d00", "#e6c84a" }, { "#5a4fcf", "#a79ff5" }, { "#a02c2c", "#f08a8a" }, { "#4d4d4d", "#c0c0c0" },
}
local DASHES = { "", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3" }

local function style()
  local light, dark = {}, {}
  for i, pair in ipairs(COLOURS) do
    light[i] = (".l%d{stroke:%s}"):format(i, pair[1])
    dark[i] = (".l%d{stroke:%s}"):format(i, pair[2])
  end
  return ([[<style>
text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.back{fill:#ffffff}.grid{stroke:#d8dee4;stroke-width:1}.axis{stroke:#59636e;stroke-width:1}
.out{fill:#59636e;fill-opacity:.13}.cap{stroke:#59636e;stroke-width:1;stroke-dasharray:2 4}
.small{fill:#59636e}.title{font-weight:600}.line{fill:none;stroke-width:1.8;stroke-linejoin:round}
%s
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.back{fill:#0d1117}.grid{stroke:#2a313a}
.axis{stroke:#9198a1}.out{fill:#9198a1;fill-opacity:.18}.cap{stroke:#9198a1}.small{fill:#9198a1}
%s}
</style>]]):format(table.concat(light, ""), table.concat(dark, ""))
end

local function escape(words)
  return (words:gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }))
end

local function number(n)
  return (fixed(n, 1):gsub("%.0$", ""))
end

-- ---- data ----------------------------------------------------------------

-- A round step so that `span` has at most `most` of them.
local function step(span, most)
  local size = 10 ^ math.floor(math.log(span / most) / math.log(10))
  for _, times in ipairs { 1, 2, 5, 10 } do
    if span / (size * times) <= most + 1e-9 then return size * times end
  end
  return size * 10
end

-- Time steps are those of clocks.
local TIMES = { 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400 }

local function time_step(span, most)
  for _, size in ipairs(TIMES) do
    if span / size <= most then return size end
  end
  return step(span, most)
end

-- The list in bins of `bin` seconds, a second.
local function binned(list, width, bin, span)
  local out = {}
  for i = 1, math.ceil(span / bin - 1e-9) do out[i] = 0 end
  for i, n in ipairs(list) do
    local at = math.floor((i - 1) * width / bin + 1e-9) + 1
    if out[at] then out[at] = out[at] + n / bin end
  end
  return out
end

local function prepare(list)
  local span, width = 0, 0
  for _, f in ipairs(list) do
    span, width = math.max(span, #f.offered * f.bucket), math.max(width, f.bucket)
  end
  span = math.max(span, width, 1)
  local bin = math.max(width, 1)
  while span / bin > POINTS do bin = bin * 2 end
  return span, bin
end

-- ---- drawing -------------------------------------------------------------

local function x_of(t, span) return LEFT + (WIDTH - LEFT - RIGHT) * t / span end

local function dash_of(k)
  return DASHES[k] ~= "" and (' stroke-dasharray="%s"'):format(DASHES[k]) or ""
end

local function polyline(values, bin, span, top, most, k)
  local points = {}
  for i, v in ipairs(values) do
    local x, y = x_of(math.min((i - 0.5) * bin, span), span), top + PLOT - PLOT * v / most
    points[i] = (i > 1 and "L" or "M") .. number(x) .. " " .. number(y)
  end
  return ('<path class="line l%d" d="%s"%s/>'):format(k, table.concat(points), dash_of(k))
end

-- Each panel: its title with the unit, grid, labels, lines.
local function axes(out, top, most, title)
  local function add(...) out[#out + 1] = (...):format(select(2, ...)) end
  add('<text class="title" x="%d" y="%d">%s</text>', LEFT, top - 8, escape(title))
  local size = step(most, 5)
  for i = 0, math.floor(most / size + 1e-9) do
    local y = top + PLOT - PLOT * i * size / most
    add('<path class="%s" d="M%d %sH%d"/>', i == 0 and "axis" or "grid", LEFT, number(y), WIDTH - RIGHT)
    add('<text class="small" x="%d" y="%s" text-anchor="end">%s</text>', LEFT - 8, number(y + 4), number(i * size))
  end
end

local function time_axis(out, top, span)
  local size = time_step(span, 10)
  for i = 0, math.floor(span / size + 1e-9) do
    local x = number(x_of(i * size, span))
    out[#out + 1] = ('<path class="axis" d="M%s %dv5"/>'):format(x, top + PLOT)
    out[#out + 1] = ('<text class="small" x="%s" y="%d" text-anchor="middle">%s</text>'):format(x, top + PLOT + 19,
      number(i * size))
  end
  out[#out + 1] = ('<text class="small" x="%d" y="%d" text-anchor="middle">time in s</text>'):format(
    math.floor((LEFT + WIDTH - RIGHT) / 2), top + PLOT + 38)
end

local function shade_outage(out, outage, top, span)
  if not outage then return end
  local from, to = x_of(outage.from, span), x_of(math.min(outage.to, span), span)
  out[#out + 1] = ('<rect class="out" x="%s" y="%d" width="%s" height="%d"/>'):format(number(from), top,
    number(to - from), PLOT)
end

-- The server's bound, with its name in the title's line, at the right.
local function bound(out, value, name, top, most)
  if not value or value > most then return end
  local y = top + PLOT - PLOT * value / most
  out[#out + 1] = ('<path class="cap" d="M%d %sH%d"/>'):format(LEFT, number(y), WIDTH - RIGHT)
  out[#out + 1] = ('<text class="small" x="%d" y="%d" text-anchor="end">dotted: %s %s/s</text>'):format(WIDTH - RIGHT,
    top - 8, name, number(value))
end

local function legend(out, list, outage)
  local x, y = LEFT, 24
  local function place(width)
    if x + width > WIDTH - RIGHT then x, y = LEFT, y + 20 end
    x = x + width
    return x - width
  end
  for i, f in ipairs(list) do
    local k = (i - 1) % #COLOURS + 1
    local at = place(46 + 7.5 * #f.policy)
    out[#out + 1] = ('<path class="line l%d" d="M%s %dh26"%s/><text x="%s" y="%d">%s</text>'):format(k, number(at),
      y - 4, dash_of(k), number(at + 32), y, escape(f.policy))
  end
  if outage then
    local at = place(86)
    out[#out + 1] = ('<rect class="out" x="%s" y="%d" width="26" height="12"/><text x="%s" y="%d">outage</text>')
      :format(number(at), y - 10, number(at + 32), y)
  end
  return y
end

local function most_of(lists)
  local most = 1
  for _, list in ipairs(lists) do
    for _, v in ipairs(list) do most = math.max(most, v) end
  end
  local size = step(most * 1.02, 5)
  return math.ceil(most * 1.02 / size) * size
end

local PANELS = {
  { "offered", "Offered load: requests/s that reach the server" },
  { "good", "Goodput: calls/s that complete" },
}

---@param list table[] figures: policy, offered, good, bucket
---@param about { outage: table?, limit: number?, capacity: number? }
---@return string svg
function M.draw(list, about)
  local span, bin = prepare(list)
  local out = {}
  local top = legend(out, list, about.outage) + TOP + 18
  for p, panel in ipairs(PANELS) do
    local lines = {}
    for i, f in ipairs(list) do lines[i] = binned(f[panel[1]], f.bucket, bin, span) end
    local most = most_of(lines)
    shade_outage(out, about.outage, top, span)
    axes(out, top, most, panel[2])
    bound(out, about.limit or about.capacity, about.limit and "limit" or "capacity", top, most)
    for i in ipairs(list) do
      out[#out + 1] = polyline(lines[i], bin, span, top, most, (i - 1) % #COLOURS + 1)
    end
    if p == #PANELS then time_axis(out, top, span) else top = top + PLOT + GAP end
  end
  local height = top + PLOT + 50
  return table.concat({
    ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">'):format(
      WIDTH, height, WIDTH, height),
    ("<title>Offered load and goodput over %s</title>"):format(text.duration(span)),
    style(), ('<rect class="back" width="%d" height="%d"/>'):format(WIDTH, height), table.concat(out, "\n"), "</svg>\n",
  }, "\n")
end

return M
