-- Batches of every kind that are killed at each write of their journal: what is
-- kept of one kind of call must not break another one.
local cases = require "tests.kill_cases"
local kills = require "tests.kills"

describe("a batch that is killed at each write, of", function()
  for _, case in ipairs(cases.kinds) do
    it(case.name, function() kills.kill_at_each(case.make()) end)
  end

  it("any kind, gives the same bytes for the same seed, over a kill too", function()
    local function story()
      local place, server = kills.memory(), kills.new_server(kills.flaky(3, 503))
      local case, lines = { chaos = "20% net.reset", script = function(lull)
        local api = lull.client { base = "http://api.test", attempts = 9, backoff = { base = 0.1 } }
        return lull.each({ "a", "b", "c", "d" }, { parallel = 2 }, function(x)
          return api:post("/p/" .. x, { key = true, json = { b = x, a = 1 } })
        end)
      end }, {}
      for run, nth in ipairs { 7, 5, 0 } do
        place.crash(nth, run == 2)
        local t = kills.run(case, place, server, run)
        lines[#lines + 1] = t.text
        for _, request in ipairs(t.requests) do
          lines[#lines + 1] = ("%s %s %s %s"):format(request.time, request.path, request.body,
            request.headers["idempotency-key"])
        end
      end
      kills.all_settled(case.sum, 4)
      return table.concat(lines, "\n")
    end
    assert.are.equal(story(), story())
  end)
end)
