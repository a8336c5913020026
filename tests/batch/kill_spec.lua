-- A batch that is killed at every write of its journal, and goes on: in a
-- simulated world, judged by what its servers saw.
local cases = require "tests.kill_cases"
local kills = require "tests.kills"

describe("a batch that is killed at each write", function()
  for _, case in ipairs(cases.batches) do
    it(case.name, function() kills.kill_at_each(case.make()) end)
  end
end)
