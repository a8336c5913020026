-- stats: medians and quartiles, and their tables in Markdown.

local M = {}

-- By linear interpolation between the two nearest.
local function quantile(sorted, q)
  local at = 1 + (#sorted - 1) * q
  local low = math.floor(at)
  local high = math.min(low + 1, #sorted)
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
end

---Of a list of numbers: median, first and third quartile; nil of none.
function M.quartiles(list)
  if #list == 0 then return nil end
  local sorted = {}
  for i, v in ipairs(list) do sorted[i] = v end
  table.sort(sorted)
  return quantile(sorted, 0.5), quantile(sorted, 0.25), quantile(sorted, 0.75)
end

function M.median(list) return (M.quartiles(list)) end

---"1.13 [1.09-1.19]"
function M.spread(list, format)
  local middle, low, high = M.quartiles(list)
  if not middle then return "-" end
  format = format or "%.2f"
  return (format .. " [" .. format .. "-" .. format .. "]"):format(middle, low, high)
end

---A Markdown table of a list of titles and of rows.
function M.table(titles, rows)
  local lines = { "| " .. table.concat(titles, " | ") .. " |",
    "|" .. ("---|"):rep(#titles) }
  for _, row in ipairs(rows) do
    lines[#lines + 1] = "| " .. table.concat(row, " | ") .. " |"
  end
  return table.concat(lines, "\n")
end

return M
