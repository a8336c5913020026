-- What is read of a journal's file beside a run, or after it.
local core = require "lull.core"
local wire = require "tests.wire"

local engine, store, path

local function names(rows, field)
  local list = {}
  for i, row in ipairs(assert(rows)) do list[i] = row[field or "id"] end
  return list
end

local function counts(journal, batch)
  local by = {}
  for _, row in ipairs(assert(journal:counts(batch))) do by[row.state] = row.count end
  return { open = by[0] or 0, done = by[1] or 0, failed = by[2] or 0, later = by[3] or 0 }
end

-- All that was written is kept for good, and the store open.
local function kept()
  store:close()
  store = assert(core.store(engine, path, false))
end

describe("a journal's reader", function()
  local number

  before_each(function()
    engine, path = core.engine { sim = true, seed = 1 }, wire.path ".lull"
    store = assert(core.store(engine, path, false))
    number = assert(store:batch("=x", "texts"))
    store:put(number, "busy", 1, "GET http://x/ 0\nE")
    store:put(number, "busy", 2, "PUT http://x/ 0\nP")
    store:put(number, "slow", 1, "GET http://x/ 0\nP")
    store:settle(number, "a", "done", 0, 'J{"n":1}')
    store:settle(number, "b", "failed", 0, '{"reason":404,"why":"rule"}')
    store:settle(number, "c", "failed", 0, '{"reason":404,"why":"rule"}')
    store:settle(number, "d", "failed", 0, "")
    store:put(number, "e", 1, "GET http://x/ 0\nE")
    store:settle(number, "e", "later", 1800000000.5, '{"reason":429,"why":"hint"}')
  end)
  after_each(function()
    if store then store:close() end
    store = nil
    wire.clean()
  end)

  it("counts the items by state, those that have begun too", function()
    kept()
    local journal = assert(core.journal(path))
    assert.are.same({ open = 2, done = 1, failed = 3, later = 1 }, counts(journal, number))
    assert.are.same({ "=x" }, names(journal:batches(), "name"))
    assert.are.equal("texts", journal:batches()[1].kind)
    assert.are.equal(2, journal:runs())
    journal:close()
  end)

  it("tells why items failed or are left, the most frequent first", function()
    kept()
    local journal = assert(core.journal(path))
    local rows = assert(journal:reasons(number))
    assert.are.same({ state = 2, count = 2, reason = "404", why = "rule" }, rows[1])
    table.sort(rows, function(x, y) return (x.why or "") < (y.why or "") end)
    assert.are.same({ state = 2, count = 1 }, rows[1])
    assert.are.same({ state = 3, count = 1, reason = "429", why = "hint" }, rows[2])
    journal:close()
  end)

  it("gives items a page at a time, and their calls", function()
    kept()
    local journal = assert(core.journal(path))
    local first = assert(journal:items(number, 2, "", 2))
    assert.are.same({ "b", "c" }, names(first))
    assert.are.same({ "d" }, names(journal:items(number, 2, "c", 2)))
    assert.are.equal('{"reason":404,"why":"rule"}', first[1].bytes)
    assert.are.equal(1, first[1].run)
    assert.are.equal(1800000000.5, journal:items(number, 3)[1].due)
    assert.are.same({ "busy", "slow" }, names(journal:open(number)))
    assert.are.same({ "slow" }, names(journal:open(number, "busy", 5)))
    assert.are.same({ 1, 2 }, names(journal:calls(number, "busy"), "nth"))
    assert.are.equal("PUT http://x/ 0\nP", journal:calls(number, "busy")[2].bytes)
    assert.are.same({ 1 }, names(journal:calls(number, "e"), "nth")) -- what is for later keeps its calls
    journal:close()
  end)

  it("sees an item that was reopened as one that never began", function()
    store:reopen(number, "b")
    store:reopen(number, "e")
    kept()
    local journal = assert(core.journal(path))
    assert.are.same({ open = 2, done = 1, failed = 2, later = 0 }, counts(journal, number))
    assert.are.same({}, journal:calls(number, "e"))
    assert.are.equal("open", (store:claim(number, "b")))
    journal:close()
  end)

  it("names who is at work on it, and does not disturb", function()
    assert.is_truthy(core.journal_holder(path))
    local journal = assert(core.journal(path))
    store:settle(number, "f", "done", 0, "")
    journal:close()
    store:close()
    store = nil
    assert.is_nil(core.journal_holder(path))
    journal = assert(core.journal(path))
    assert.are.equal(2, counts(journal, number).done)
    journal:close()
  end)

  it("says what is no journal", function()
    local function said(file) return select(2, core.journal(file)) end
    assert.matches("there is no such journal; a run with %-%-journal makes one$", said(path .. ".none"))
    assert.matches("it is no journal of lull's$", said(wire.write("", ".lull")))
    assert.matches("it is no journal of lull's$", said(wire.write(("x"):rep(4096), ".lull")))
    local journal = assert(core.journal(path))
    journal:close()
    assert.has_error(function() journal:batches() end, "the journal is closed")
  end)
end)
