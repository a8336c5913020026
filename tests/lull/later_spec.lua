-- What a run to come may mend is for later: an error says so where the exit code of
-- a script that ends with it is 75, and nowhere else.
local sim = require "lull.sim"

-- Each: what the server answers, the call's options, its method.
local CASES = {
  { "attempts", false, function() return 503 end, { attempts = 2 } },
  { "attempts", false, function() return "net.refused" end, { attempts = 2 } },
  { "deadline", false, function() return 503 end, { deadline = 1, backoff = "const:5s" } },
  { "hint", true, function() return 429, { ["retry-after"] = "86400" } end, {} },
  { "budget", true, function() return 503 end, { budget = { capacity = 1, cost = 1 } } },
  { "rule", false, function() return 404 end, {} },
  { "rule", false, function() return "tls.cert" end, {} },
  { "unsafe", false, function() return 500 end, {}, "POST" },
  { "hint", true, function() return 429, { ["retry-after"] = "86400" } end, {}, "POST" },
  { "rule", false, function() return 503 end, { on = { [503] = "stop" } } },
}

describe("an error", function()
  it("is for later where the exit code is 75", function()
    local got, expected = {}, {}
    for i, case in ipairs(CASES) do
      local why, later, answer, given, method = case[1], case[2], case[3], case[4], case[5] or "GET"
      local seen
      local run = sim.run { world = function()
        local what, headers = answer()
        return type(what) == "string" and what or { status = what, headers = headers }
      end, script = function()
        local options = { base = "http://a.test" }
        for name, value in pairs(given) do options[name] = value end
        local client = require("lull").client(options)
        local _, err = client[method:lower()](client, "/")
        seen = err
        error(err, 0)
      end }
      got[i] = ("%d %s %s %d"):format(i, seen.why, tostring(seen.later), run.code)
      expected[i] = ("%d %s %s %d"):format(i, why, tostring(later), later and 75 or 1)
    end
    assert.are.equal(table.concat(expected, "\n"), table.concat(got, "\n"))
  end)
end)
