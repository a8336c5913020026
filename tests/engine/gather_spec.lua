-- When what was written is handed over to a store for which a commit of many
-- writes costs little more than one of a single one.
local unit = require "lull.unit"

describe("what was written", function()
  local before

  before_each(function() before = unit.base.live() end)

  after_each(function() assert.are.equal(before, unit.base.live()) end)

  local function looks(list, timer) return unit.gather.looks(list, true, timer) end

  it("waits for what is on the wire, until nothing has come for 1 ms", function()
    assert.are.same({ 1000, 1000, true }, looks {
      { at = 0, writes = 1, awaited = true, flying = 63 },
      { at = 950, flying = 63 },
      { at = 1000, flying = 63 },
    })
  end)

  it("goes along with what keeps coming, for 10 ms", function()
    local list, handed = {}, {}
    for i = 1, 20 do list[i] = { at = 950 * (i - 1), writes = 1, awaited = true, flying = 64 - i } end
    for i, got in ipairs(looks(list)) do
      if got == true then handed[#handed + 1] = list[i].at end
    end
    assert.are.same({ 10450 }, handed) -- the first look that is later
  end)

  it("goes at once when nothing is on the wire and somebody waits", function()
    assert.are.same({ 1000, true }, looks {
      { at = 0, writes = 1, awaited = true, flying = 1 },
      { at = 20, writes = 1, awaited = true },
    })
  end)

  it("may wait when nobody does, as long as something is to come", function()
    assert.are.same({ 1000, true }, looks({ { at = 0, writes = 1 }, { at = 1000 } }, 1000000))
    assert.are.same({ true }, looks { { at = 0, writes = 1 } })
  end)

  -- An answer that had come alone during a commit was handed over alone when that
  -- ended, just before those to the requests that its end let go: half of the
  -- commits were such.
  it("waits anew when a commit has ended", function()
    assert.are.same({ true, false, 2200, 2250, true }, looks {
      { at = 0, writes = 63, awaited = true },
      { at = 300, writes = 1, awaited = true, flying = 1 },
      { at = 1200, lands = true, flying = 63 },
      { at = 1250, lands = true, writes = 1, awaited = true, flying = 62 },
      { at = 2250, lands = true, flying = 62 },
    })
  end)

  it("goes at once to a store that does not gather", function()
    assert.are.same({ true }, unit.gather.looks({ { at = 0, writes = 1, awaited = true, flying = 63 } }, false))
  end)
end)
