-- The journal's file as the engine sees it: what is written is what is read, in
-- whatever order; and without memory it says so.
local core = require "lull.core"
local wire = require "tests.wire"

-- Runs `fn(open, sync)`: `open(path)` gives a store, `sync(store)` keeps all.
local function with_stores(fn)
  wire.real(function()
    local sched = require "lull.sched"
    local engine = sched.engine()
    local function sync(store, written)
      if not store:durable(written) then sched.wait(engine:sync()) end
    end
    local function open(path)
      local store, problem = core.store(engine, path, true)
      if store then engine:attach(store) end
      return store, problem
    end
    fn(open, sync, engine)
    engine:attach(nil)
  end)
end

local function draws(seed)
  return function(most)
    seed = seed * 16807 % 2147483647
    return 1 + seed % most
  end
end

describe("the journal's file", function()
  after_each(wire.clean)

  -- A claim goes on from the one before, and none is made where nothing lies
  -- between: so it is asked in order, against it, anew, and between its own writes.
  it("tells what was written of each item, in any order", function()
    with_stores(function(open, sync, engine)
      local path, model = wire.path ".lull", {}
      for run = 1, 3 do
        local store, draw = assert(open(path)), draws(run)
        local batches = { store:batch("=one", "texts"), (store:batch("=two", "texts")) }
        local last, written = 0, 0
        for step = 1, 1200 do
          -- Mostly the next one, as items come.
          local n = draw(4) > 1 and last % 80 + 1 or draw(80)
          local batch = batches[draw(3) == 1 and 2 or 1]
          local id = ("i%d"):format(n):rep(n % 3 + 1)
          local key = batch .. id
          last = n
          local state, _, _, bytes = store:claim(batch, id)
          local expected = model[key]
          assert.are.equal(expected and expected.state or "open", state, ("run %d, step %d: %s"):format(run, step, id))
          assert.are.equal(expected and expected.bytes or "", bytes)
          -- What ends now may have been claimed long ago.
          if draw(3) == 1 then
            id = ("i%d"):format(n % 80 + draw(5))
            key = batch .. id
          end
          local what = draw(8)
          if what <= 2 then
            model[key] = { state = what == 1 and "done" or "later", bytes = ("b"):rep(step % 50) }
            written = store:settle(batch, id, model[key].state, 0, model[key].bytes)
          elseif what == 3 and model[key] then
            model[key] = nil
            written = store:reopen(batch, id)
          end
          if what <= 3 then sync(store, written) end
        end
        engine:attach(nil)
        store:close()
      end
    end)
  end)

  it("gives back an item's calls until it has come to its end", function()
    with_stores(function(open, sync, engine)
      local store = assert(open(wire.path ".lull"))
      local batch = store:batch("=one", "texts")
      store:put(batch, "a", 1, "first")
      store:put(batch, "a", 1, "second")
      sync(store, store:put(batch, "a", 2, "\0\n"))
      assert.are.equal("second", store:call(batch, "a", 1))
      assert.are.equal("\0\n", store:call(batch, "a", 2))
      assert.is_nil(store:call(batch, "a", 3))
      assert.is_nil(store:call(batch, "a", -1))
      sync(store, store:put(batch, "a", -2, "aside"))
      assert.are.equal("aside", store:call(batch, "a", -1))
      sync(store, store:settle(batch, "a", "later", 7, "why"))
      assert.are.equal("second", store:call(batch, "a", 1))
      sync(store, store:settle(batch, "a", "done", 0, ""))
      assert.is_nil(store:call(batch, "a", 1))
      engine:attach(nil)
      store:close()
    end)
  end)

  -- Each call has a row whose number is another's when it is over: what is kept, and
  -- what a reader sees, is to be the calls' own, whatever came together in a commit.
  it("keeps each item's calls apart, whatever ends, begins and rests", function()
    local path, model = wire.path ".lull", {}
    local function of(id)
      model[id] = model[id] or { calls = {} }
      return model[id]
    end
    local function check(store, batch)
      local journal, open = assert(core.journal(path)), {}
      for id, item in pairs(model) do
        local seen, kept = {}, {}
        for _, call in ipairs(assert(journal:calls(batch, id))) do
          assert.is_nil(seen[call.nth], id)
          seen[call.nth] = call.bytes
        end
        for nth in pairs(item.calls) do kept[nth] = store:call(batch, id, nth) end
        assert.are.same(item.calls, seen, id)
        assert.are.same(item.calls, kept, id)
        assert.is_nil((store:call(batch, id, 4)))
        if not item.state and next(item.calls) then open[#open + 1] = id end
      end
      table.sort(open)
      for i, row in ipairs(assert(journal:open(batch))) do assert.are.equal(open[i], row.id) end
      assert.are.equal(#open, #journal:open(batch))
      journal:close()
    end
    with_stores(function(open, sync, engine)
      for run = 1, 4 do
        local store, draw = assert(open(path)), draws(run)
        local batch = store:batch("=one", "texts")
        if run > 1 then check(store, batch) end
        for step = 1, 600 do
          local id = ("i%d"):format(draw(12)):rep(draw(12) > 11 and 3 or 1)
          local item, what = of(id), draw(10)
          local written
          if what <= 6 then
            local nth = draw(5) - 2
            nth = nth < 1 and -1 or nth
            item.calls[nth] = ("%d.%d."):format(run, step):rep(draw(40))
            written = store:put(batch, id, nth, item.calls[nth])
          elseif what <= 8 then
            model[id] = { calls = {}, state = "done" }
            written = store:settle(batch, id, "done", 0, "")
          elseif what == 9 then
            item.state = "later"
            written = store:settle(batch, id, "later", 0, "")
          else
            model[id] = { calls = {} }
            written = store:reopen(batch, id)
          end
          -- What rests is no more written to before that is kept.
          if what == 9 or draw(6) == 1 then sync(store, written) end
          if draw(40) == 1 then
            sync(store, written)
            check(store, batch)
          end
        end
        engine:attach(nil)
        store:close()
      end
    end)
  end)

  it("says so when there is no memory, and has lost nothing of what it kept", function()
    local path = wire.path ".lull"
    with_stores(function(open, sync, engine)
      local store = assert(open(path))
      sync(store, store:settle(store:batch("=one", "texts"), "a", "done", 0, "kept"))
      engine:attach(nil)
      store:close()
    end)
    with_stores(function(open, _, engine)
      local refused, n = 0, 0
      repeat
        n = n + 1
        core.fail_after(n)
        local called, store, problem = pcall(open, path)
        core.fail_after(-1)
        if not (called and store) then
          refused = refused + 1
          local told = tostring(called and problem or store)
          assert(told:find "memory", n .. ": " .. told)
        else
          local batch = store:batch("=one", "texts")
          core.fail_after(1)
          local claimed, state, told = pcall(store.claim, store, batch, "a")
          core.fail_after(-1)
          if claimed and not state then assert.is_truthy(told:find "memory") end
          engine:attach(nil)
          store:close()
        end
      until called and store or n > 200
      assert.is_true(refused > 1)
      -- Where calls get their places in the file, all of them are kept or none.
      local lost = 0
      n = 0
      repeat
        n = n + 1
        local store, there = assert(open(path)), 0
        local batch = store:batch("=one", "texts")
        for i = 1, 70 do store:put(batch, "b" .. i, 1, "call") end
        engine:attach(nil)
        core.fail_after(n)
        store:close()
        core.fail_after(-1)
        store = assert(open(path))
        for i = 1, 70 do there = there + (store:call(batch, "b" .. i, 1) == "call" and 1 or 0) end
        engine:attach(nil)
        store:close()
        assert(there == 0 or there == 70, n .. ": " .. there)
        lost = lost + (there == 0 and 1 or 0)
      until there > 0 or n > 200
      assert.is_true(lost > 70)
      local store = assert(open(path))
      assert.are.equal("done", (store:claim(store:batch("=one", "texts"), "a")))
      engine:attach(nil)
      store:close()
    end)
  end)
end)
