-- Ids: never used twice, and exact in a Lua number.
local unit = require "lull.unit"

describe("idtable", function()
  local t, before

  before_each(function()
    collectgarbage()
    collectgarbage()
    before = unit.base.live()
    t = unit.idtable.new()
  end)

  after_each(function()
    unit.base.fail(-1)
    t = nil
    collectgarbage()
    collectgarbage()
    assert.are.equal(before, unit.base.live())
  end)

  it("gives back what it was given", function()
    local a, b = t:add(1), t:add(2)
    assert.are_not.equal(a, b)
    assert.are.equal(1, t:get(a))
    assert.are.equal(2, t:get(b))
    assert.are.equal(2, t:live())
  end)

  it("knows no id that it did not give", function()
    local a = t:add(1)
    for _, id in ipairs { 0, 1, a - 1, a + 1, a + 2 ^ 24, 2 ^ 53 - 1 } do
      assert.is_nil(t:get(id))
      t:take(id)
    end
    assert.are.equal(1, t:get(a))
  end)

  it("knows no id that was given back", function()
    local a = t:add(1)
    t:take(a)
    assert.is_nil(t:get(a))
    local b = t:add(2)
    assert.are_not.equal(a, b)
    assert.is_nil(t:get(a))
    t:take(a)
    assert.are.equal(2, t:get(b))
    assert.are.equal(1, t:live())
  end)

  it("agrees with a model under random use", function()
    local rng = unit.backoff.rng(31)
    local model, ids, seen = {}, {}, {}
    for step = 1, 20000 do
      if #ids == 0 or rng:range(1, 100) <= 52 then
        local thing = step % 65536
        local id = t:add(thing)
        assert.is_true(id > 0 and id < 2 ^ 53 and id == math.floor(id))
        assert.is_nil(seen[id])
        seen[id], model[id] = true, thing
        ids[#ids + 1] = id
      else
        local i = rng:range(1, #ids)
        local id = ids[i]
        ids[i] = ids[#ids]
        ids[#ids] = nil
        assert.are.equal(model[id], t:get(id))
        t:take(id)
        model[id] = nil
        assert.is_nil(t:get(id))
      end
    end
    assert.are.equal(#ids, t:live())
    local expected = {}
    for _, thing in pairs(model) do expected[#expected + 1] = thing end
    local all = t:all()
    table.sort(expected)
    table.sort(all)
    assert.are.same(expected, all)
  end)

  it("uses one place over and over, each time under another id", function()
    local last = 0
    for _ = 1, 5000 do
      local id = t:add(7)
      assert.is_true(id > last)
      last = id
      t:take(id)
    end
  end)

  it("gives 0 without memory, and goes on afterwards", function()
    unit.base.fail(1)
    local ids = {}
    while true do
      local id = t:add(#ids)
      if id == 0 then break end
      ids[#ids + 1] = id
    end
    assert.is_true(#ids > 0)
    for i, id in ipairs(ids) do assert.are.equal(i - 1, t:get(id)) end
    unit.base.fail(-1)
    assert.is_true(t:add(99) > 0)
  end)
end)
