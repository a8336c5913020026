-- What `lull plan` says of the clients of a script, which sends nothing.

local support = require "tests.support"

-- What it prints for a client with these options.
local function planned(options)
  support.fresh()
  local out, stdout = {}, io.stdout
  local fake = { write = function(self, ...)
    for _, words in ipairs { ... } do out[#out + 1] = words end
    return self
  end }
  io.stdout = fake -- luacheck: ignore
  local ok, err = pcall(require("lull.plan").run, function()
    local lull = require "lull"
    lull.client(options):get "http://127.0.0.1:1/never"
  end)
  io.stdout = stdout -- luacheck: ignore
  assert(ok, err)
  return table.concat(out)
end

local function line_of(text, begins)
  return text:match("\n  " .. begins .. "([^\n]*)")
end

describe("lull plan", function()
  it("says that a lane learns, and how it begins", function()
    assert.are.equal("learns what the server bears, from what it grants and refuses; it begins with 10 at once",
      line_of(planned {}, "its lane "))
    assert.are.equal("learns what the server bears, from what it grants and refuses",
      line_of(planned { slow_start = false }, "its lane "))
  end)

  it("says how many may go in which time, and how many of them at once", function()
    local function limits(limit) return line_of(planned { limit = limit }, "limits of its lane: ") end
    local found = "what the server is found to bear"
    assert.are.equal(found, limits(nil))
    assert.are.equal("10 in 1s, spread; " .. found, limits "10/s")
    assert.are.equal("1 in 1s; " .. found, limits "1/s")
    assert.are.equal("10 in 1s, 5 at once; " .. found, limits "10/s burst 5")
    assert.are.equal("10 in 1s, all at once; 3 at once; " .. found, limits { "10/s", burst = true, parallel = 3 })
    assert.are.equal("12 in 15m 0s, spread for POST /login/*; " .. found, limits { ["POST /login/*"] = "12/15m" })
  end)

  it("says what breaker, pace, hedge, payback and key there are", function()
    local plain = planned {}
    assert.are.same({ "off", "what is left of a quota is spread over its window when it gets short", "off" },
      { line_of(plain, "breaker: "), line_of(plain, "pace: "), line_of(plain, "hedge: ") })
    assert.is_nil(line_of(plain, "key: "))
    assert.is_nil(line_of(plain, "retry budget: "):find "gives its cost back")
    local full = planned { breaker = { failures = "25%", open = "1m" }, pace = false, hedge = "200ms", key = true,
      budget = { payback = true } }
    assert.are.same({ "opens for 1m 0s when 25% of at least 20 outcomes in 30s are failures", "off",
      "a second request of a safe method when there is no answer after 0.2s", "a new one for each call" },
      { line_of(full, "breaker: "), line_of(full, "pace: "), line_of(full, "hedge: "), line_of(full, "key: ") })
    assert.is_truthy(line_of(full, "retry budget: "):find(", a retry that succeeds gives its cost back", 1, true))
    assert.are.equal("the same for all calls", line_of(planned { key = "one" }, "key: "))
  end)
end)
