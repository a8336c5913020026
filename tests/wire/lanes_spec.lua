-- What calls share, over real sockets: the server's log is the witness.
local wire = require "tests.wire"

local function times_of(requests)
  local times = {}
  for i, request in ipairs(requests) do times[i] = request.time end
  table.sort(times)
  return times
end

-- Notes for each attempt of what `get` gives a time before which it was not started.
local function noted(lull, starts, get)
  local began = lull.time()
  for _, entry in ipairs(assert(get()).history) do starts[#starts + 1] = began + entry.at end
end

describe("lanes over real sockets", function()
  teardown(wire.clean)

  it("hold a limit in every window, with 200 tasks at once", function()
    local server = wire.server [[
return { ["http://api.test"] = function() return 200, {}, "ok" end }
]]
    local starts = {}
    wire.real(function(lull)
      local api = lull.client { base = server.url, limit = { "50/250ms", "130/s", parallel = 64 } }
      local numbers = {}
      for i = 1, 200 do numbers[i] = i end
      lull.each(numbers, { parallel = 200 }, function(i)
        noted(lull, starts, function() return api:get("/" .. i) end)
      end)
    end)
    local times = times_of(server:requests(200))
    server:stop()
    table.sort(starts)
    assert.equal(200, #starts)
    assert.equal(200, #times)
    wire.none_early(starts, times, 50, 0.25)
    wire.none_early(starts, times, 130, 1)
  end)

  it("let retries pay as first tries do", function()
    local server = wire.server [[
return { ["http://api.test"] = function(_, n) return n % 2 == 0 and 200 or 500, {}, "" end }
]]
    local starts = {}
    wire.real(function(lull)
      local api = lull.client { base = server.url, limit = "20/200ms", attempts = 10,
        backoff = { kind = "constant", base = 0.001, jitter = "none" } }
      lull.each({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 },
        { parallel = 20 }, function(i) noted(lull, starts, function() return api:get("/" .. i) end) end)
    end)
    local times = times_of(server:requests(40))
    server:stop()
    table.sort(starts)
    assert.equal(40, #starts)
    assert.equal(40, #times)
    wire.none_early(starts, times, 20, 0.2)
  end)

  -- 64 calls are in flight when the first 429 comes. Nothing more reaches the
  -- server before the pause is over; then one goes first, and then the rest.
  it("pause for all after a 429", function()
    local server = wire.server [[
local lull = require "lull"
local open
return { ["http://api.test"] = function(_, n)
  open = open or lull.now() + 1
  if lull.now() < open then return 429, { ["retry-after"] = "1" }, "" end
  return { status = 200, delay = 0.02 }
end }
]]
    wire.real(function(lull)
      local api = lull.client { base = server.url, limit = { parallel = 64 } }
      local numbers = {}
      for i = 1, 200 do numbers[i] = i end
      lull.each(numbers, { parallel = 200 }, function(i) assert(api:get("/" .. i)) end)
    end)
    local requests = server:requests(201)
    server:stop()
    local refused, passed = {}, {}
    for _, request in ipairs(requests) do
      local into = request.answer.status == 429 and refused or passed
      into[#into + 1] = request.time
    end
    assert.is_true(#refused <= 64, #refused .. " ran into the pause")
    assert.equal(200, #passed)
    table.sort(refused)
    table.sort(passed)
    assert.is_true(passed[1] - refused[1] >= 1, "the pause was cut short")
    assert.is_true(passed[2] - passed[1] >= 0.02, "nobody went first")
  end)

  it("end at once when the server asks for 20,000 days", function()
    local server = wire.server [[
return { ["http://api.test"] = function() return 503, { ["retry-after"] = "1728000000" }, "" end }
]]
    wire.real(function(lull)
      local res, err = lull.get(server.url .. "/")
      assert.is_nil(res)
      assert.equal(0, err.waited)
      assert.equal(1, err.attempts)
      assert.equal("hint", err.why)
      assert.equal(1728000000, err.retry_after)
    end)
    server:stop()
  end)

  it("continue a download that is cut five times, in little memory", function()
    local size = 64 * 2 ^ 20
    local child = wire.start((os.getenv "LULL_LUA" or "lua5.4")
      .. (" tests/big_server.lua %d 5 120"):format(size))
    local port = child:line():match "%d+"
    local path = wire.path ".bin"
    local attempts
    local growth = wire.growth(function()
      wire.real(function(lull)
        local res = assert(lull.get("http://127.0.0.1:" .. port .. "/", { output = path,
          attempts = 6, backoff = { kind = "constant", base = 0.001, jitter = "none" } }))
        attempts = res.attempts
      end)
    end)
    child:stop()
    assert.equal(6, attempts)
    assert.is_true(growth < 32 * 1024, growth .. " KiB")
    local big = dofile("tests/big_server.lua")
    local file = assert(io.open(path, "rb"))
    for number = 0, size / 65536 - 1 do
      if file:read(65536) ~= big.block(number) then error("block " .. number .. " differs") end
    end
    assert.is_nil(file:read(1))
    file:close()
  end)
end)
