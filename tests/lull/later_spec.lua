-- What a run to come may mend is for later: an error says so where the exit code of
-- a script that ends with it is 75, and nowhere else. Attempts that were used up, and
-- a deadline, were for good in a script, and for later with `lull get`: so what a batch
-- sent while a server was away had failed, and no run to come took it up.
local sim = require "lull.sim"

-- Each: what the server answers, the call's options, its method.
local CASES = {
  { "attempts", true, function() return 503 end, { attempts = 2 } },
  { "attempts", true, function() return "net.refused" end, { attempts = 2 } },
  { "deadline", true, function() return 503 end, { deadline = 1, backoff = "const:5s" } },
  { "hint", true, function() return 429, { ["retry-after"] = "86400" } end, {} },
  { "budget", true, function() return 503 end, { budget = { capacity = 1, cost = 1 } } },
  { "rule", false, function() return 404 end, {} },
  { "rule", false, function() return "tls.cert" end, {} },
  { "unsafe", false, function() return 500 end, {}, "POST" },
  { "hint", true, function() return 429, { ["retry-after"] = "86400" } end, {}, "POST" },
  { "attempts", true, function() return 503 end, { attempts = 2, key = "k" }, "POST" },
  { "unsafe", false, function() return 503 end, { attempts = 2 }, "POST" },
  { "attempts", false, function() return 503 end, { attempts = 2, key = true }, "POST" }, -- another key then
  { "attempts", true, function() return "net.refused" end, { attempts = 2, key = true }, "POST" },
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

  it("leaves its item for the next run of a batch, which sends it with attempts anew", function()
    local journal, up, seen = sim.journal(), false, {}
    local function once(day)
      local sum
      local run = sim.run { journal = journal, time = day * 86400, world = function(request)
        if not up then return "net.refused" end
        seen[#seen + 1] = request.path
        return request.path == "/2" and 422 or 201
      end, script = function()
        local lull = require "lull"
        local api = lull.client { base = "http://a.test", attempts = 3 }
        sum = lull.each({ "1", "2", "3" }, { journal = "j" }, function(id)
          return api:post("/" .. id, { key = true })
        end)
        lull.exit(sum.code)
      end }
      return ("%d: %d done %d failed %d later %d before"):format(run.code, sum.done, sum.failed, sum.later, sum.before)
    end
    assert.are.equal("75: 0 done 0 failed 3 later 0 before", once(1))
    up = true
    assert.are.equal("1: 2 done 1 failed 0 later 0 before", once(2))
    assert.are.equal("1: 0 done 0 failed 0 later 3 before", once(3))
    table.sort(seen)
    assert.are.same({ "/1", "/2", "/3" }, seen)
  end)
end)
