-- Where the certificates of authorities stand.
local unit = require "lull.unit"
local wire = require "tests.wire"

describe("authorities", function()
  after_each(wire.clean)

  -- The one file was built for Debian, and is copied to systems that have the
  -- certificates elsewhere: there it trusted nobody (curl: error 77).
  it("are read elsewhere only when they are not where libcurl looks", function()
    local usual, other, nowhere = wire.write "a", wire.write "b", wire.path()
    assert.is_nil(unit.world.trust(usual, other, nowhere))
    assert.equal(other, unit.world.trust(nowhere, other, usual))
    assert.equal(other, unit.world.trust(nowhere, nowhere, other))
  end)

  it("are libcurl's to miss when none are there", function()
    local nowhere = wire.path()
    assert.is_nil(unit.world.trust(nowhere, nowhere, nowhere))
  end)
end)
