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
end)
