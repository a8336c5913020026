-- kills: batches in a simulated world that are killed at every write of their
-- journal, and go on, judged by what the servers saw.
--
-- A journal is a `place`: where a run keeps it (`options` of sim.run), `gap`, what is
-- passed between two runs, in s, and crash(n, keep): the next run is killed at its nth
-- write; 0: it is not. `keep`: what was written along with it is kept.
local assert = require "luassert"
local sim = require "lull.sim"

local M = {}

-- The servers outlive the runs: what they did is what counts.
function M.new_server(answer)
  local server = { seen = {}, effects = {}, times = {} }
  function server.fn(request, n)
    local path = request.path
    server.seen[path] = (server.seen[path] or 0) + 1
    table.insert(server.times, { path = path, time = server.base + request.time })
    local reply = answer(server, request, server.seen[path], n)
    return reply
  end
  -- Something is done, once a key; without a key each time.
  function server.apply(request)
    local key = request.headers["idempotency-key"] or (request.method ~= "POST" and request.method)
    local of = server.effects[request.path] or { n = 0, keys = {} }
    server.effects[request.path] = of
    if not key or not of.keys[key] then of.n = of.n + 1 end
    if key then of.keys[key] = true end
  end
  return server
end

---A journal in memory.
function M.memory()
  local journal = sim.journal()
  return { options = { journal = journal }, gap = 1, crash = function(n, keep) journal:crash(n, keep) end }
end

-- One run of a batch. The clock goes on from run to run.
function M.run(case, place, server, seed)
  server.base = server.base or 0
  local t = sim.run { script = function()
    case.sum = nil
    case.sum = case.script(require "lull")
  end, world = server.fn, journal = place.options.journal, redis = place.options.redis, seed = seed,
    chaos = case.chaos, time = 1767225600 + server.base }
  server.base = math.floor(server.base + t.elapsed) + place.gap
  for _, verdict in ipairs(t.verdicts) do
    server.lost = server.lost or verdict.outcome == "net.reset"
  end
  return t
end

local function crashed(t)
  return not t.ok and tostring(t.err):find("the process ended here", 1, true) ~= nil
end

local function must_end(t)
  if t.err and not (type(t.err) == "table" and t.err.code) then error(tostring(t.err), 0) end
end

-- Each write on one Lua; some of them on the others, and under a sanitizer, where a
-- write takes five times as long.
local STEP = os.getenv "LULL_BUILD" == "-asan" and 7 or (os.getenv "LULL_LUA" or "lua5.4") ~= "lua5.4" and 5 or 1

-- Kills the batch at its nth write, for each n, and again while it goes on;
-- then lets it come to its end, which `check` looks at.
---@param case table
---@param new_place function? gives an empty journal
---@param step integer? from n to n
function M.kill_at_each(case, new_place, step)
  local n, killed = 0, 0
  repeat
    n = n + (step or case.step or n == 0 and 1 or STEP)
    local any = false
    for _, keep in ipairs { false, true } do
      for _, again in ipairs(case.again or { 0, 1, 2, 3 }) do
        local place, server = (new_place or M.memory)(), M.new_server(case.answer)
        place.crash(n, keep)
        local runs = 1
        local t = M.run(case, place, server, 1)
        if crashed(t) then
          any, killed = true, killed + 1
          -- Again while it goes on, and while it goes on after that.
          for time = 1, again > 0 and (case.times or 1) or 0 do
            place.crash(again, keep)
            t = M.run(case, place, server, 1 + time)
            runs = runs + 1
            if not crashed(t) then must_end(t) end
          end
          place.crash(0)
          t = M.run(case, place, server, 9)
          runs = runs + 1
        end
        must_end(t)
        local where = ("killed at write %d%s, then at %d"):format(n, keep and "" or " with the commit", again)
        local ok, err = pcall(case.check, server, case.sum, runs, t)
        if not ok then error(where .. ": " .. tostring(type(err) == "table" and err.message or err), 0) end
      end
    end
  until not any
  assert.is_true(killed >= (case.kills or 8))
  if case.finally then case.finally() end
  return n
end

function M.paths_of(items, prefix)
  local paths = {}
  for i, item in ipairs(items) do paths[i] = prefix .. item end
  return paths
end

function M.each_once(server, paths)
  for _, path in ipairs(paths) do
    local effects = server.effects[path]
    assert(effects and effects.n == 1, path .. ": " .. (effects and effects.n or 0) .. " effects")
  end
end

function M.all_settled(sum, n)
  assert.are.equal(n, sum.total)
  assert.are.equal(n, sum.done + sum.failed + sum.before + sum.later)
  assert.are.equal(0, sum.open)
end

function M.flaky(every, status)
  return function(server, request, nth)
    if every > 0 and (nth + #request.path) % every == 0 then return status end
    server.apply(request)
    return { status = 201, body = '{"ok":true}' }
  end
end

return M
