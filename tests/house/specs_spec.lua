-- The runner of the specs: what goes wrong is told, however it goes. Runs once,
-- not on every Lua.
local wire = require "tests.wire"

local GOOD = 'describe("a", function() it("b", function() end) end)'

describe("a run of specs #binary", function()
  after_each(wire.clean)

  -- Runs files of these texts by name, and gives what the last line counts.
  local function run(texts, more)
    local folder = wire.path()
    os.execute(("mkdir -p '%s/a b'"):format(folder))
    for name, text in pairs(texts) do
      local file = assert(io.open(("%s/a b/%s_spec.lua"):format(folder, name), "w"))
      file:write(text)
      file:close()
    end
    local result = wire.run(("tests/specs.sh lua5.4 '%s' %s"):format(folder, more or ""))
    local passed, failed = result.out:match "(%d+) passed, (%d+) failed\n$"
    return { tonumber(passed), tonumber(failed), code = result.code }
  end

  it("counts what passes, whatever the files are called", function()
    assert.are.same({ 3, 0, code = 0 }, run { one = GOOD, ["o'ne"] = GOOD, ["o ne"] = GOOD })
  end)

  it("counts what fails", function()
    assert.are.same({ 1, 1, code = 1 }, run { one = GOOD, two = GOOD:gsub("end%) end%)", 'error "x" %0') })
  end)

  -- These passed without a word.
  it("counts what ends before its time, or does not begin", function()
    assert.are.same({ 1, 1, code = 1 }, run { one = GOOD, two = "os.exit(0)" })
    assert.are.same({ 1, 1, code = 1 }, run { one = GOOD,
      two = GOOD:gsub("end%) end%)", "os.exit(0) %0") .. GOOD })
    assert.are.same({ 1, 1, code = 1 }, run { one = GOOD, two = "describe(" })
    assert.are.same({ 1, 1, code = 1 }, run({ one = GOOD }, "tests/nowhere_spec.lua"))
    assert.are.same({ 0, 0, code = 1 }, run {})
  end)

  -- One that had ended was taken for alive, and another's server at its port for it.
  it("has the redis-server that it has started, or none", function()
    if not wire.has_redis() then return pending "there is no redis-server here" end
    local first = wire.redis()
    local second = setmetatable({ folder = first.folder, options = "", port = first.port }, getmetatable(first))
    assert.is_false(second:start())
    second.port, second.options = wire.free_port(), "--appendonly neither >/dev/null 2>&1"
    assert.is_false(second:start())
    assert.equal("+PONG", first:ask "PING")
  end)
end)
