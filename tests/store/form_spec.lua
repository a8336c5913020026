-- A journal of the form before, in which each call was found by its item's id: it is
-- looked at as it is, and taken over when it is opened to be written.
local core = require "lull.core"
local unit = require "lull.unit"
local wire = require "tests.wire"

-- As that lull left it, killed in its second run: `busy` and `slow` were under way,
-- `put off` is for later and keeps its calls, and a lane is known.
local FIRST = [[
PRAGMA journal_mode = WAL;
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE batch (id INTEGER PRIMARY KEY, name TEXT UNIQUE, kind TEXT);
CREATE TABLE item (batch INTEGER, id TEXT, state INTEGER, run INTEGER, due INTEGER, data BLOB,
  PRIMARY KEY (batch, id)) WITHOUT ROWID;
CREATE TABLE call (batch INTEGER, id TEXT, nth INTEGER, data BLOB, PRIMARY KEY (batch, id, nth)) WITHOUT ROWID;
INSERT INTO meta VALUES ('runs', 2), ('secret', X'000102030405060708090a0b0c0d0e0f');
INSERT INTO batch VALUES (1, '=x', X'7465787473');
INSERT INTO item VALUES (1, 'done', 1, 1, 0, X'4a31'),
  (1, 'no', 2, 2, 0, CAST('{"reason":404,"why":"rule"}' AS BLOB)),
  (1, 'put off', 3, 2, 1800000000500000, CAST('{"reason":429,"why":"hint"}' AS BLOB));
INSERT INTO call VALUES (0, 'http://x', 1, X'6c616e65'),
  (1, 'busy', 1, CAST('GET http://x/ 0' || char(10) || 'E' AS BLOB)), (1, 'busy', 2, X'00ff'),
  (1, 'put off', 1, X'01'), (1, 'put off', 2, X'02'), (1, 'slow', -1, X'6e6f7465'), (1, 'slow', 1, X'03');
PRAGMA application_id = 1819634796;
PRAGMA user_version = 1;
]]

local CALLS = { busy = { "GET http://x/ 0\nE", "\0\255" }, ["put off"] = { "\1", "\2" },
  slow = { "\3", [-1] = "note" }, done = {}, no = {} }

describe("a journal of the form before", function()
  local engine, path

  before_each(function()
    engine, path = core.engine { sim = true, seed = 1 }, wire.path ".lull"
    unit.journal.exec(path, FIRST)
  end)
  after_each(wire.clean)

  local function open(file) return assert(core.store(engine, file or path, false)) end

  -- What stands in it, as who looks at it is told.
  local function told()
    local journal, all = assert(core.journal(path)), { counts = {}, calls = {} }
    for _, row in ipairs(assert(journal:counts(1))) do all.counts[row.state] = row.count end
    for id in pairs(CALLS) do
      all.calls[id] = {}
      for _, call in ipairs(assert(journal:calls(1, id))) do all.calls[id][call.nth] = call.bytes end
    end
    all.open, all.page = assert(journal:open(1)), assert(journal:open(1, "busy", 5))
    local later = assert(journal:items(1, 3))[1]
    all.later = later and later.due
    journal:close()
    return all
  end

  local function check(all)
    assert.are.same({ [0] = 2, 1, 1, 1 }, all.counts)
    assert.are.same(CALLS, all.calls)
    assert.are.same({ { calls = 2, id = "busy" }, { calls = 2, id = "slow" } }, all.open)
    assert.are.same({ { calls = 2, id = "slow" } }, all.page)
    assert.are.equal(1800000000.5, all.later)
  end

  it("is looked at as it is, and tells the same once it is taken over", function()
    check(told())
    local store = open()
    assert.are.equal(3, store:run())
    check(told())
    store:close()
    check(told())
    -- And so it is at the next one.
    store = open()
    check(told())
    store:close()
  end)

  it("goes on with its calls, whichever they are", function()
    local store = open()
    local number = assert(store:batch("=x", "texts"))
    for id, calls in pairs(CALLS) do
      for _, nth in ipairs { -1, 1, 2, 3 } do assert.are.equal(calls[nth], (store:call(number, id, nth))) end
    end
    assert.are.equal("lane", (store:call(0, "http://x", 1)))
    assert.are.same({ "later", 2, 1800000000.5, '{"reason":429,"why":"hint"}' }, { store:claim(number, "put off") })
    store:put(number, "put off", 2, "again")
    store:put(number, "busy", 2, "again")
    store:settle(number, "slow", "done", 0, "")
    store:close()
    store = open()
    assert.are.equal("\1", (store:call(number, "put off", 1)))
    assert.are.equal("again", (store:call(number, "put off", 2)))
    assert.are.equal("again", (store:call(number, "busy", 2)))
    assert.is_nil((store:call(number, "slow", -1)))
    store:settle(number, "put off", "done", 0, "")
    store:settle(number, "busy", "done", 0, "")
    store:close()
    local all = told()
    assert.are.same({ [0] = 0, 4, 1 }, all.counts)
    assert.are.same({ busy = {}, ["put off"] = {}, slow = {}, done = {}, no = {} }, all.calls)
  end)

  -- A file that can be read alone, as on another machine.
  it("is one file after a run", function()
    open():close()
    local copy = wire.write(assert(io.open(path, "rb")):read "*a", ".lull")
    local store = open(copy)
    assert.are.equal("\0\255", (store:call(1, "busy", 2)))
    store:close()
  end)
end)
