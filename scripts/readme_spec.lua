-- A complete test of a script: an hour of waiting in a few milliseconds.
--     tests/run.sh scripts/readme_spec.lua    (busted, where lull is installed)
local sim = require "lull.sim"

describe("readme.lua", function()
  it("waits as long as the server asks, and gets the order", function()
    local run = sim.run {
      script = "scripts/readme.lua",
      world = sim.replies { 503, { 429, ["retry-after"] = 60 }, "net.reset", { 200, body = "paid" } },
    }
    assert.equal("200\tpaid\n", run.output)
    assert.equal(4, #run.requests)
    assert.is_true(run.verdicts[2].wait >= 60)
  end)
end)
