-- Options: what a client and a call may be told, and what is said to a wrong
-- one.
local support = require "tests.support"
local sim, line = support.sim, support.line

local URL = "http://api.test/"
local INF = math.huge

local function ok() return 200 end

local function has(text, part)
  if not tostring(text):find(part, 1, true) then
    error(("%q is not in %q"):format(part, tostring(text)), 2)
  end
end

local lull = support.fresh()

-- What the client made of its options.
local function limits(options) return lull.client(options).core:limits() end

-- The least, mean and most seconds before retry n.
local function waits(backoff, n)
  return { lull.client({ backoff = backoff }).core:wait(n) }
end

-- A client with such options is refused at this line, with these words.
local function refused(options, words)
  local place, fine, err = line(1), pcall(function()
    lull.client(options) end)
  assert.is_false(fine)
  if err ~= place .. words then
    error(("%q is not %q"):format(tostring(err), place .. words), 2)
  end
end

-- A call with such options is refused at this line, and nothing was sent.
local function call_refused(options, words, method, url)
  local t = sim(ok, function(fresh)
    local place, fine, err = line(1), fresh.try(function()
      fresh.request(method or "POST", url or URL, options) end)
    assert.is_false(fine)
    if err:match("^[^\n]*") ~= place .. words then
      error(("%q is not %q"):format(err, place .. words), 0)
    end
  end)
  assert.are.equal(0, #t.requests)
  assert.are.equal(0, t.live)
end

-- The request that a call with such options sends.
local function sent(client, target, options, method)
  local request
  sim(function(r) request = r; return 200 end, function(fresh)
    assert.are.equal(200, fresh.client(client):request(method or "GET", target, options).status)
  end)
  return request
end

describe("a wrong option", function()
  it("is told with the nearest right name, at the caller's line", function()
    refused({ attemps = 3 }, "unknown option 'attemps' (did you mean 'attempts'?)")
    refused({ timout = 3 }, "unknown option 'timout' (did you mean 'timeout'?)")
    refused({ Timeout = 3 }, "unknown option 'Timeout' (did you mean 'timeout'?)")
    refused({ haeders = {} }, "unknown option 'haeders' (did you mean 'headers'?)")
    refused({ something_else = 3 }, "unknown option 'something_else'")
    refused({ "x" }, "unknown option '1'")
    refused({ json = {} }, "unknown option 'json'")
    call_refused({ jsn = {} }, "unknown option 'jsn' (did you mean 'json'?)")
    call_refused({ outptu = "x" }, "unknown option 'outptu' (did you mean 'output'?)")
    call_refused({ on = { [404] = "acept" } },
      "on[404]: 'acept' is none of accept, retry, stop (did you mean 'accept'?)")
  end)

  it("is told wherever it stands: in with, in a call, in a rule", function()
    local api = lull.client { base = "http://api.test" }
    local place, fine, err = line(1), pcall(function()
      api:with { retries = 3 } end)
    assert.is_false(fine)
    assert.are.equal(place .. "unknown option 'retries'", err)
    place, fine, err = line(1), pcall(function()
      api:get("/", { retires = 3 }) end)
    assert.is_false(fine)
    assert.are.equal(place .. "unknown option 'retires'", err)
    place, fine, err = line(1), pcall(function()
      lull.get(URL, 5) end)
    assert.is_false(fine)
    assert.are.equal(place .. "a call's options must be a table, not a number", err)
  end)

  it("has the wrong type", function()
    refused({ attempts = {} }, "attempts: '" .. "' is no whole number of at least 1")
  end)
end)
