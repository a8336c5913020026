-- A Redis that refuses what a run asks of it, at its start and amid it, and one whose
-- answers are lost: one sentence, its exit code, nothing lost, and nothing sent twice.
-- A real server, with something before it that says what such a server says.
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

-- What Redis says -> what lull says, and whether that may pass.
local WORDS = {
  { "LOADING Redis is loading the dataset in memory", "it is reading its data; wait for it", true },
  { "BUSY Redis is busy running a script.", "another script keeps it busy; wait for that", true },
  { "MASTERDOWN Link with MASTER is down", "its primary is away; wait for it", true },
  { "CLUSTERDOWN The cluster is down", "its cluster is away; wait for it", true },
  { "TRYAGAIN Multiple keys request during rehashing of slot", "its cluster moves the journal; wait for it", true },
  { "READONLY You can't write against a read only replica.", "it is a replica; name the primary", true },
  { "NOREPLICAS Not enough good replicas to write.", "its replicas are away; wait for them", true },
  { "MISCONF Errors writing to the AOF file", "it cannot write to its disk; make room there", true },
  { "OOM command not allowed when used memory > 'maxmemory'.", "it has no memory left; raise its maxmemory", true },
  { "NOAUTH Authentication required.", "name the password before the host: :PASSWORD@HOST", false },
  { "NOPERM this user has no permissions", "give the user what the manual's ACL line has", false },
  { "MOVED 3999 127.0.0.1:6381", "name the node of the cluster that has the journal", false },
  { "ERR something else", "it does not work as a journal", false },
}

local SCRIPT = [[
local lull = require "lull"
local api, items = lull.client { base = arg[1] }, {}
for i = 1, tonumber(arg[2]) do items[i] = "i" .. i end
local sum = lull.each(items, { parallel = 4 }, function(x) return api:post("/" .. x, { body = x }) end)
print(("done %d failed %d open %d total %d"):format(sum.done + sum.before, sum.failed, sum.open, sum.total))
lull.exit(sum.code)
]]

local WORLD = [[
return { ["http://127.0.0.1"] = function() return { status = 201, delay = 0.002 } end }
]]

describe("a Redis before which something stands #binary", function()
  if not wire.has_redis() then
    pending "there is no redis-server here"
    return
  end

  after_each(wire.clean)

  local function run(journal, server, items, options)
    return wire.run(("%s --journal %s %s %s %s %d"):format(BINARY, wire.quote(journal .. "scans?lease=1s"),
      options or "", wire.write(SCRIPT, ".lua"), server.url, items))
  end

  -- Nothing was sent twice; gives how much was sent.
  local function sent(server)
    local seen, n = {}, 0
    for _, request in ipairs(server:requests()) do
      assert.is_nil(seen[request.path], request.path .. " was sent again")
      seen[request.path], n = true, n + 1
    end
    return n
  end

  -- One sentence of both, and the exit code.
  local function tells(result, says, advice, passes)
    assert.equal(passes and 75 or 1, result.code, result.err)
    local words = ("Redis says '%s': %s"):format(says, advice)
    assert(result.err:find(words, 1, true), ("%q is not in %s"):format(words, result.err))
    assert.equal(1, select(2, result.err:gsub("\n", "")), result.err)
  end

  it("is told of in one sentence when a run begins, and nothing is sent", function()
    local redis, server = wire.redis(), wire.server(WORLD)
    for _, word in ipairs(WORDS) do
      local proxy = wire.redis_proxy(redis, 1, 0, word[1])
      tells(run(proxy.url, server, 5, "--store-timeout 0"), word[1], word[2], word[3])
      proxy:stop()
    end
    assert.equal(0, sent(server))
  end)

  it("is told of amid a run; another one does the rest, and nothing twice", function()
    for _, number in ipairs { 6, 11 } do
      local word = WORDS[number]
      local redis, server = wire.redis(), wire.server(WORLD)
      local result = run(wire.redis_proxy(redis, 30, 0, word[1]).url, server, 300, "--store-timeout 0.3")
      tells(result, word[1], word[2], word[3])
      local before = sent(server)
      assert.is_true(before < 300)
      -- What was under way may have been applied, and has failed as unsafe.
      local last = run(redis.url, server, 300)
      local done, failed = last.out:match "^done (%d+) failed (%d+) open 0 total 300\n"
      assert.equal(300, done + failed, last.out .. last.err)
      assert.is_true(tonumber(failed) <= 4, last.out)
      assert.is_true(sent(server) >= tonumber(done))
      wire.clean()
    end
  end)

  local LANES = [[
local lull = require "lull"
local api = lull.client { base = arg[1], lanes = arg[2], lane = "one", limit = "10/200ms" }
local n = 0
local sum = lull.each(function() n = n + 1 if n <= 60 then return n end end, { parallel = 2 }, function(i)
  return api:get("/" .. i)
end)
print(("done %d"):format(sum.done))
]]

  it("is told of in one sentence to who shares lanes there without a journal", function()
    local redis, server = wire.redis "--appendonly no", wire.server(WORLD)
    local function share(first, word, options)
      local proxy = wire.redis_proxy(redis, first, 0, word[1])
      local result = wire.run(("%s %s %s %s %slanes"):format(BINARY, options, wire.write(LANES, ".lua"), server.url,
        proxy.url))
      proxy:stop()
      return result
    end
    for _, number in ipairs { 4, 6, 9, 11, 12 } do
      local word = WORDS[number]
      local before = #server:requests()
      tells(share(1, word, "--store-timeout 0"), word[1], word[2], word[3])
      assert.equal(before, #server:requests())
      tells(share(6, word, "--store-timeout 0.3"), word[1], word[2], word[3])
      assert.is_true(#server:requests() < before + 60)
    end
    -- What may pass is lived without, where that is asked for; what does not is no loss.
    local local_one = share(6, WORDS[6], "--on-store-loss local")
    assert.equal("done 60\n", local_one.out)
    assert.matches("Redis says 'READONLY .*; until it is back this process keeps to its part of each limit\n$",
      local_one.err)
    tells(share(6, WORDS[11], "--on-store-loss local"), WORDS[11][1], WORDS[11][2], false)
  end)

  it("is waited for when that passes, and nothing is lost", function()
    local redis, server = wire.redis(), wire.server(WORLD)
    local result = run(wire.redis_proxy(redis, 30, 3, WORDS[2][1]).url, server, 200)
    assert.equal("done 200 failed 0 open 0 total 200\n", result.out)
    assert.equal(200, sent(server))
  end)

  -- A script that ran, and whose answer is lost, does not run again.
  it("whose answers are lost gives them again", function()
    local redis, server = wire.redis(), wire.server(WORLD)
    local result = run(wire.redis_proxy(redis, 4, 9, "cut").url, server, 60)
    assert.are.same({ "done 60 failed 0 open 0 total 60\n", "" }, { result.out, result.err })
    assert.equal(60, sent(server))
  end)

  it("is none", function()
    local redis, server = wire.redis(), wire.server(WORLD)
    local result = run(wire.redis_proxy(redis, 1, 0, "HTTP/1.1 400 Bad Request").url, server, 1)
    assert.equal(1, result.code)
    assert.matches("what answers there is no Redis", result.err)
  end)
end)
