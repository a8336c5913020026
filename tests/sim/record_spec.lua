-- --record, --bodies and --chaos of the binary: what real servers answered,
-- kept without its secrets and played back.
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local function lull(arguments) return wire.run(wire.quote(BINARY) .. " " .. arguments) end

local function has(text, part)
  assert.is_truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
end

local function lacks(text, part)
  assert.is_nil(text:find(part, 1, true), ("%q is in:\n%s"):format(part, text))
end

local WORLD = [[
return { ["http://api.test"] = function(request, n)
  if n == 1 then return 503, { ["retry-after-ms"] = "5" }, "later" end
  return 200, { ["set-cookie"] = "id=hidden1", etag = '"e"' }, { path = request.path, n = n }
end }
]]

local SCRIPT = [[
local lull = require "lull"
local res = assert(lull.get(arg[1] .. "/a", { query = { token = lull.secret "hidden2" },
  headers = { authorization = "Bearer hidden3" } }))
print(res.status, res:json() and res:json().n, res.attempts)
]]

describe("the binary #binary", function()
  after_each(wire.clean)

  it("records real servers, and plays them back without them", function()
    local server = wire.server(WORLD)
    local recording, script = wire.path ".jsonl", wire.write(SCRIPT, ".lua")
    local real = lull(("--record %s --bodies %s %s"):format(recording, script, server.url))
    server:stop()
    assert.equal(0, real.code, real.err)
    assert.equal("200\t2\t2\n", real.out)
    local text = wire.read(recording)
    has(text, '"lull":"recording"')
    has(text, "later")
    for i = 1, 3 do lacks(text, "hidden" .. i) end
    local played = lull(("--sim %s %s %s"):format(recording, script, server.url))
    assert.equal(real.out, played.out, played.err)
    assert.equal(0, played.code)
  end)

  -- What went as a header, and was called no secret, stood in the recording
  -- where the server wrote it back.
  it("records no authorization that a server echoes", function()
    local server = wire.server [[
    return { ["http://api.test"] = function(request)
      local said = request.headers.authorization
      return 200, { ["x-echo"] = said, location = "/?was=" .. said:gsub(" ", "+") }, { token = said:match "%S+$" }
    end }
    ]]
    local recording = wire.path ".jsonl"
    local result = lull(("get --record %s --bodies -H 'Authorization: Bearer t0ken-123' %s/a"):format(recording,
      server.url))
    assert.equal(0, result.code, result.err)
    result = lull(("get --record %s2 --bodies -u me:pa55word %s/a"):format(recording, server.url))
    assert.equal(0, result.code, result.err)
    server:stop()
    for _, path in ipairs { recording, recording .. "2" } do
      local text = wire.read(path)
      has(text, "x-echo")
      for _, hidden in ipairs { "t0ken", "pa55word", "bWU6", "cGE1" } do lacks(text, hidden) end
    end
    os.remove(recording .. "2")
  end)

  it("keeps no bodies unless asked", function()
    local server = wire.server(WORLD)
    local recording, script = wire.path ".jsonl", wire.write(SCRIPT, ".lua")
    lull(("--record %s %s %s"):format(recording, script, server.url))
    server:stop()
    lacks(wire.read(recording), "later")
  end)

  it("ends with one sentence where a script asks for what was not recorded", function()
    local recording = wire.write('{"bodies":true,"lull":"recording","version":1}\n', ".jsonl")
    local result = lull(("--sim %s %s http://api.test"):format(recording, wire.write(SCRIPT, ".lua")))
    assert.equal(1, result.code)
    assert.equal("", result.out)
    has(result.err, "has no answer to GET http://api.test/a?token=***")
    recording = wire.write('{"lull":"recording","version":7}\n', ".jsonl")
    result = lull(("--sim %s %s http://api.test"):format(recording, wire.write(SCRIPT, ".lua")))
    assert.equal(3, result.code)
    has(result.err, "is of version 7, and this lull reads version 1")
  end)

  -- JSON is UTF-8: a body of other bytes made a recording that other programs
  -- refuse to read.
  it("is UTF-8 whatever bytes came, and gives back the same", function()
    local server = wire.server [[
return { ["http://api.test"] = function(request)
  return request.path == "/bad" and 404 or 200, { ["x-name"] = "caf\233" }, "a\0\255\254b"
end }
]]
    local recording, script = wire.path ".jsonl", wire.write([[
local lull = require "lull"
local res = assert(lull.get(arg[1] .. "/good"))
local _, err = lull.get(arg[1] .. "/bad")
for _, one in ipairs { res, err.response } do print(one.headers["x-name"], one.body) end
]], ".lua")
    local real = lull(("--record %s --bodies %s %s"):format(recording, script, server.url))
    server:stop()
    assert.equal(("caf\233\ta\0\255\254b\n"):rep(2), real.out)
    local text = wire.read(recording)
    assert.is_nil(text:find "[%z\128-\255]")
    has(text, '"body_base64":"YQD\\/\\/mI="')
    has(text, '["x-name","Y2Fm6Q==","base64"]')
    assert.same(real, lull(("--sim %s %s %s"):format(recording, script, server.url)))
  end)

  it("says of what is no recording which line of it, and what is wrong", function()
    local script = wire.write("require('lull').get 'http://api.test/'", ".lua")
    local first = '{"bodies":true,"lull":"recording","version":1}\n'
    for line, words in pairs {
      ["{bad"] = "is not JSON", ["3"] = "is no record", ["null"] = "is no record",
      ['{"method":3}'] = "is without method and url",
      ['{"method":"GET","url":"http://api.test/"}'] = "is without a status or an error's class",
      ['{"method":"GET","url":"http://api.test/","class":"net.odd"}'] = "without a status or an error's class",
      ['{"method":"GET","url":"http://api.test/","status":200,"headers":[1]}'] = "with a header that is none",
      ['{"method":"GET","url":"http://api.test/","status":200,"headers":[["a","#","base64"]]}'] = "with a header",
      ['{"method":"GET","url":"http://api.test/","status":200,"body":{}}'] = "with a body that is none",
      ['{"method":"GET","url":"http://api.test/","status":200,"body_base64":"a"}'] = "with a body that is none",
    } do
      local recording = wire.write(first .. line .. "\n", ".jsonl")
      local result = lull(("--sim %s %s"):format(recording, script))
      assert.equal(3, result.code, line)
      has(result.err, ("lull: recording %s: line 2 "):format(recording))
      has(result.err, words)
      assert.equal(1, select(2, result.err:gsub("\n", "")))
    end
    local other = wire.write('{"time":0}\n', ".jsonl")
    local result = lull(("--sim %s %s"):format(other, script))
    assert.same({ 3, ("lull: %s is neither a world file nor what lull --record writes\n"):format(other) },
      { result.code, result.err })
  end)

  it("adds chaos to a real run, and marks it", function()
    local server = wire.server [[
return { ["http://api.test"] = function() return 200 end }
]]
    local script = wire.write([[
local lull = require "lull"
for _ = 1, 40 do
  assert(lull.get(arg[1], { backoff = "const:1ms", attempts = 30, budget = false }))
end
]], ".lua")
    local result = lull(("--chaos '30%% 503, 10%% net.reset' --seed 2 --trace %s %s"):format(script, server.url))
    assert.equal(0, result.code, result.err)
    local _, marked = result.err:gsub("%[chaos%]", "")
    local _, accepted = result.err:gsub("200 OK %-> accept", "")
    assert.equal(40, accepted)
    assert.is_true(marked > 0)
    -- What chaos answers never reaches the server.
    assert.equal(40, #server:requests(40))
    server:stop()
  end)

  it("refuses chaos that it does not understand", function()
    local result = lull("--chaos '5% 999' " .. wire.write("", ".lua"))
    assert.equal(2, result.code)
    has(result.err, "--chaos: '5% 999' is no fault")
  end)
end)
