-- html: a report as one page, which opens from a file: nothing is loaded, in light
-- and dark, on a narrow screen and on a wide one.

local secret = require "lull.secret"
local text = require "lull.text"
local timeline = require "lull.report.timeline"
local utf8 = require "lull.utf8"

local M = {}

local BUDGET = 2500000 -- bytes of tables; what does not fit is counted
local LONGEST = 300    -- bytes of a cell

-- ---- words ---------------------------------------------------------------

local MARKS = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function escape(words)
  words = secret.redact(tostring(words))
  if #words > LONGEST then words = words:sub(1, LONGEST) .. "..." end
  return (utf8.visible(words):gsub('[&<>"]', MARKS))
end

local function seconds(s) return s and text.duration(s) or "" end

-- ---- parts ---------------------------------------------------------------

local STYLE = [[
:root{--back:#fff;--ink:#1f2328;--dim:#59636e;--line:#d8dee4;--card:#f6f8fa;--accepted:#2a78b8;--refused:#c98500;
--failed:#c0392b;--net:#7d4fc4}
@media (prefers-color-scheme:dark){:root{--back:#0d1117;--ink:#e6edf3;--dim:#9198a1;--line:#2a313a;--card:#161b22;
--accepted:#58a6e0;--refused:#e6b33c;--failed:#f0766a;--net:#b594f0}}
*{box-sizing:border-box}body{margin:0 auto;max-width:1200px;padding:16px;background:var(--back);color:var(--ink);
font:15px/1.45 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:28px 0 8px}p{margin:4px 0}.dim{color:var(--dim)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(120px,1fr));gap:8px;margin:12px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:8px 12px}
.card b{display:block;font-size:20px;font-variant-numeric:tabular-nums}.card span{color:var(--dim);font-size:13px}
.wide{overflow-x:auto}svg{width:100%;min-width:640px;height:auto;display:block}
svg text{font:12px system-ui,sans-serif;fill:var(--dim)}.grid{stroke:var(--line)}
.pause{fill:var(--dim);fill-opacity:.18}
.accepted{fill:var(--accepted)}.refused{fill:var(--refused)}.failed{fill:var(--failed)}.net{fill:var(--net)}
.key{display:inline-block;margin-right:14px;white-space:nowrap}.key i{display:inline-block;width:11px;height:11px;
margin-right:5px;border-radius:2px}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;vertical-align:top;padding:5px 10px 5px 0;border-bottom:1px solid var(--line)}
td:first-child{overflow-wrap:anywhere}th{white-space:nowrap}
th button{all:unset;cursor:pointer;font-weight:600}th button:focus-visible{outline:2px solid var(--accepted)}
th[aria-sort=ascending] button::after{content:" \2191"}th[aria-sort=descending] button::after{content:" \2193"}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}summary{cursor:pointer}
ol{margin:4px 0 4px 20px;padding:0;color:var(--dim)}input{font:inherit;color:inherit;background:var(--card);
border:1px solid var(--line);border-radius:6px;padding:5px 9px;width:100%;max-width:340px;margin:4px 0 8px}
@media (max-width:600px){table{display:block;overflow-x:auto}td:first-child{min-width:13em}}
]]

local SCRIPT = [[
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  table.querySelectorAll("th").forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const value = row => row.cells[column].dataset.v ?? row.cells[column].textContent;
    const rows = [...body.rows].sort((a, b) => {
      const x = value(a), y = value(b), n = Number(x) - Number(y);
      return (Number.isNaN(n) ? x.localeCompare(y) : n) * (down ? -1 : 1);
    });
    body.append(...rows);
  }));
}
const find = document.querySelector("#find");
if (find) find.addEventListener("input", () => {
  const words = find.value.toLowerCase();
  for (const row of document.querySelector("#failures").tBodies[0].rows)
    row.hidden = !row.textContent.toLowerCase().includes(words);
});
]]

local function card(out, value, name)
  out[#out + 1] = ('<div class="card"><b>%s</b><span>%s</span></div>'):format(value, name)
end

local STATES = { "done", "failed", "later", "open", "before" }
local NAMES = { later = "for later", before = "before this run" }

local function cards(data)
  local out = { '<div class="cards">' }
  for _, state in ipairs(STATES) do
    local n = data.items and data.items[state]
    local wanted = n and (n > 0 or state == "done" or state == "failed")
    if wanted then card(out, text.commas(n), "items " .. (NAMES[state] or state)) end
  end
  if data.calls then
    card(out, text.commas(data.calls), "calls")
    card(out, text.commas(data.failed_calls), "calls failed")
    card(out, text.commas(data.requests), "requests")
    card(out, seconds(data.took), "took")
    card(out, seconds(data.calls > 0 and data.waited / data.calls or 0), "waits a call")
  end
  out[#out + 1] = "</div>"
  return table.concat(out)
end

local function head_row(columns)
  local out = {}
  for i, column in ipairs(columns) do
    out[i] = ('<th%s><button type="button">%s</button></th>'):format(column.n and ' class="n"' or "", column[1])
  end
  return "<thead><tr>" .. table.concat(out) .. "</tr></thead>"
end

local function number_cell(value, shown) return ('<td class="n" data-v="%s">%s</td>'):format(value, shown) end

local function over_time(data)
  if data.of_items and not data.steps then
    return '<p class="dim">A journal keeps no times of attempts, and of what is done no attempts: a report that is '
      .. "made by the run (--report) has them.</p>"
  end
  if not data.steps or #data.steps == 0 then return "" end
  local keys = {}
  for i, kind in ipairs(timeline.KINDS) do
    keys[i] = ('<span class="key"><i style="background:var(--%s)"></i>%s</span>'):format(kind,
      kind == "net" and "no answer" or kind == "refused" and "refused (429, 503)" or kind)
  end
  return ('<h2>Attempts a second</h2><p class="dim">%s<span class="key"><i style="background:var(--dim);'
    .. 'opacity:.4"></i>a pause that the server asked for</span></p><div class="wide">%s</div>'):format(
    table.concat(keys), timeline.svg(data, escape))
end

local function counts_table(title, first, counts)
  if not counts or not next(counts) then return "" end
  local rows = {}
  for name, n in text.sorted(counts) do
    rows[#rows + 1] = ("<tr><td>%s</td>%s</tr>"):format(escape(name), number_cell(n, text.commas(n)))
  end
  return ("<h2>%s</h2><table>%s<tbody>%s</tbody></table>"):format(title,
    head_row { { first }, { "how often", n = true } }, table.concat(rows))
end

local function attempts_table(data)
  local counts = {}
  for n, count in pairs(data.attempts or {}) do counts[n >= 10 and "10 and more" or tostring(n)] = count end
  return counts_table("Attempts of a call", "attempts", counts)
end

-- Calls of rows may be alike but for their bodies.
local function call_text(call)
  local words = (call.method or "") .. " " .. (call.url or "")
  return call.item and ("%s: %s"):format(call.item, words) or words
end

local function slowest_table(data)
  if not data.slowest or #data.slowest == 0 then return "" end
  local rows = {}
  for i, call in ipairs(data.slowest) do
    rows[i] = ("<tr><td>%s</td><td>%s</td>%s%s%s</tr>"):format(escape(call_text(call)),
      escape(call.outcome), number_cell(call.took, seconds(call.took)), number_cell(call.waited, seconds(call.waited)),
      number_cell(call.attempts, call.attempts))
  end
  return ("<h2>The slowest calls</h2><table>%s<tbody>%s</tbody></table>"):format(head_row { { "call" }, { "outcome" },
    { "took", n = true }, { "waited", n = true }, { "attempts", n = true } }, table.concat(rows))
end

-- ---- what failed ---------------------------------------------------------

local function attempt_text(attempt)
  local words = tostring(attempt.status or attempt.class or "cancelled")
  if attempt.took then words = words .. " after " .. seconds(attempt.took) end
  if attempt.maybe_applied then words = words .. ", may have been applied" end
  if attempt.verdict == "retry" or attempt.verdict == "follow" then
    return ("%s; then %s, %s (%s)"):format(words, attempt.verdict, seconds(attempt.wait or 0), attempt.source or "")
  end
  return ("%s; %s"):format(words, attempt.why and "stop: " .. attempt.why or attempt.verdict or "")
end

local function failure_row(failure)
  local name = failure.id or call_text(failure)
  local list = {}
  for i, attempt in ipairs(failure.history or {}) do list[i] = "<li>" .. escape(attempt_text(attempt)) .. "</li>" end
  local more = failure.error and "<p>" .. escape(failure.error) .. "</p>" or ""
  local what = escape(name)
  if #list > 0 or more ~= "" then
    what = ("<details><summary>%s</summary>%s<ol>%s</ol></details>"):format(what, more, table.concat(list))
  end
  return ("<tr><td>%s</td><td>%s</td><td>%s</td>%s%s</tr>\n"):format(what, escape(failure.outcome or ""),
    escape(failure.why or ""), number_cell(failure.attempts or 0, failure.attempts or ""),
    number_cell(failure.waited or 0, seconds(failure.waited)))
end

local function failures_table(data)
  local list, rows, size = data.failures or {}, {}, 0
  if #list == 0 then return "" end
  for i, failure in ipairs(list) do
    local row = failure_row(failure)
    size = size + #row
    if size > BUDGET then break end
    rows[i] = row
  end
  local left = (data.failure_count or #list) - #rows
  local note = left > 0 and ('<p class="dim">%s more are not on this page.</p>'):format(text.commas(left)) or ""
  return ('<h2>%s</h2><input id="find" type="search" placeholder="find" aria-label="find">%s'
    .. '<table id="failures">%s<tbody>%s</tbody></table>'):format(
    data.of_items and "What is not done" or "What failed", note,
    head_row { { data.of_items and "item" or "call" }, { "outcome" }, { "why" }, { "attempts", n = true },
      { "waited", n = true } }, table.concat(rows))
end

-- ---- the page ------------------------------------------------------------

---@param data table of collect.data, or of a journal
---@return string
function M.page(data)
  local when = data.from and os.date("!%Y-%m-%d %H:%M:%S UTC", math.floor(data.from)) or ""
  return table.concat { "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">",
    '<meta name="viewport" content="width=device-width,initial-scale=1"><title>', escape(data.title), "</title>",
    '<link rel="icon" href="data:,"><style>', STYLE, "</style></head><body>\n<h1>", escape(data.title),
    '</h1><p class="dim">', when, "</p>\n", cards(data), over_time(data), "\n",
    counts_table("Why", "outcome", data.reasons), failures_table(data), slowest_table(data), attempts_table(data),
    counts_table("What attempts came to", "outcome", data.outcomes), "\n<script>", SCRIPT, "</script></body></html>\n" }
end

return M
