-- `lull explain` and docs/errors.md: all that a user can meet is in the table that
-- they are made of, and nothing else is. Runs once, not on every Lua.
local core = require "lull.core"
local errors = require "lull.cli.errors"
local exit = require "lull.exit"
local explain = require "lull.cli.explain"
local wire = require "tests.wire"

local BINARY = os.getenv "LULL_BINARY" or "build/lull"

local function names_of(title)
  for _, group in ipairs(errors.GROUPS) do
    if group.title == title then
      local names = {}
      for _, entry in ipairs(group.list) do names[entry[1]] = entry end
      return names
    end
  end
end

-- All sources as one text, with texts that are written in pieces joined.
local function sources()
  local text = wire.run("cat $(ls src/lull/*.lua src/lull/*/*.lua | grep -v messages.lua) src/*/*.[ch]").out
  return (text:gsub('"%s*%.%.%s*"', ""):gsub('"%s*%.%.%s*\'', ""):gsub('"\n%s*"', ""):gsub('\\"', '"'))
end

describe("what is explained #binary", function()
  teardown(wire.clean)

  it("has each end of a call, with the words that it is told by", function()
    local names, text = names_of "How a call ends", wire.read "src/policy/reason.c"
    for why, words in text:match "why_names.-};":gmatch '{"(%l+)",%s*"([^"]+)"}' do
      assert(names[why], why .. " is not explained")
      if why ~= "cancelled" then assert.equal(words, names[why].says) end
    end
    for value in wire.read "library/lull.lua":match "@alias lull%.why\n(.-)\n\n":gmatch '"(%l+)"' do
      assert(names[value], value .. " is not explained")
    end
  end)

  it("has each class of error, and no other", function()
    local names = names_of "Errors of the transport"
    for class in pairs(core.classes()) do assert(names[class], class .. " is not explained") end
    for name in pairs(names) do assert(core.classes()[name], name .. " is no class") end
  end)

  -- They were in messages and in the log, and nowhere explained.
  it("has what holds a lane, with the words of the line of progress", function()
    local names = names_of "What holds a lane"
    for value in wire.read "library/lull.lua":match "\n%-%-%-@field held_by%? (.-)\n":gmatch '"(%l+)"' do
      assert(names[value], value .. " is not explained")
      assert.equal(require("lull.lanes").CAUSES[value], names[value].says)
    end
    assert(names.held)
    for _, name in ipairs { "held", "pause", "pace", "rate", "learned" } do
      assert.are.same({ names[name] }, explain.find(name))
    end
  end)

  it("has each exit code", function()
    local names = names_of "Exit codes"
    for _, code in ipairs { 0, 1, exit.USAGE, exit.NOT_LOADED, exit.CRASHED, exit.LATER, 129, 130, 143 } do
      assert(names[tostring(code)], code .. " is not explained")
    end
    local told = wire.read "docs/command.md":match "## Exit codes\n(.-)\n\n%u"
    for line in told:gmatch "\n| ([%d, ]+) |" do
      for code in line:gmatch "%d+" do assert(names[code], code .. " is not explained") end
    end
  end)

  -- What only names what another sentence says: "%s", "%s: %s".
  local function says_nothing(message) return #message:gsub("%%%a", ""):gsub("[^%a]", "") < 6 end

  it("has each message that ends a command or is raised", function()
    local missing = {}
    local files = wire.run "ls src/lull/*.lua src/lull/batch/*.lua src/lull/cli/*.lua src/lull/fleet/*.lua".out
    for path in files:gmatch "%S+" do
      local text = "\n" .. wire.read(path)
      text = text:gsub("\n%s*%-%-[^\n]*", ""):gsub('"%s*%.%.%s*"', ""):gsub("\"%s*%.%.%s*'", "\"\0'")
      for _, verb in ipairs { "fail", "refuse", "complain", "failure", "wrong" } do
        for found in text:gmatch("%f[%w_]" .. verb .. '[ (]%(?"([^\n]-[^\\])"') do
          local message = explain.shown((found:gsub('\\"', '"')))
          if not says_nothing(message) and not explain.find(message:match "^%s*(.-)%s*$")[1] then
            missing[#missing + 1] = path .. ": " .. message
          end
        end
      end
    end
    assert.are.same({}, missing)
  end)

  it("has no message that nothing says any more", function()
    local text, gone = explain.plain(sources()), {}
    for _, group in ipairs(errors.GROUPS) do
      for _, entry in ipairs(group.messages and group.list or {}) do
        for _, message in ipairs(explain.names(entry)) do
          if not text:find(explain.plain(message):match "^%s*(.-)%s*$", 1, true) then gone[#gone + 1] = message end
        end
      end
    end
    assert.are.same({}, gone)
  end)
end)

describe("lull explain #binary", function()
  teardown(wire.clean)

  local function lull(arguments) return wire.run(BINARY .. " explain " .. arguments) end

  it("tells the cause and what helps", function()
    local result = lull "unsafe"
    assert.equal(0, result.code)
    assert.matches("^unsafe: sending it again might do it twice\n  The request was sent,", result.out)
    assert.matches("\n  What helps: .*%-%-key", result.out)
    assert.matches("^75\n  What is left can be tried later", lull "75".out)
    assert.matches("^net.refused\n", lull "net.refused".out)
    for line in (lull "hint".out .. lull "net".out):gmatch "[^\n]+" do assert(#line <= 78, line) end
  end)

  it("takes a level, a status that has no entry, and the words of an error", function()
    for _, level in ipairs { "net.timeout", "timeout" } do
      local _, count = lull(level).out:gsub("net%.timeout%.%l+\n", "")
      assert.equal(2, count)
    end
    assert.matches("^4xx\n", lull "418".out)
    assert.matches("^409\n", lull "409".out)
    local told = lull "'GET http://a.test/: the connection was refused (net.refused: no) in 1s: attempts used up'"
    assert.matches("^attempts: attempts used up\n.*\n\nnet.refused\n", told.out)
    assert.matches("was not touched", lull "'lull: run.lull: it is no journal of lull'\"'\"'s; name another file'".out)
    assert.matches("^the rows have no field '...'", lull [["lull: the rows have no field 'sku' (they have id)"]].out)
  end)

  it("names what is near, or all", function()
    local result = lull "unsave"
    assert.equal(2, result.code)
    assert.equal("lull: nothing is known of 'unsave' (did you mean unsafe?); lull explain names all\n", result.err)
    assert.matches("%(did you mean net%.timeout%.connect, net%.timeout%.read%?%)", lull "meout".err)
    assert.matches("How a call ends:\n  rule attempts", lull "".out)
    assert.matches("^Usage: lull explain", lull "--help".out)
  end)
end)

describe("a message #binary", function()
  after_each(wire.clean)

  -- The file of a name that was not there was "No such file or directory", and any
  -- other file "not a database".
  it("of a journal that is none says what would make one", function()
    local path = wire.path ".lull"
    assert.equal(("lull: %s: there is no such journal; a run with --journal makes one\n"):format(path),
      wire.run(BINARY .. " status " .. path).err)
    assert.equal("lull: README.md: it is no journal of lull's\n", wire.run(BINARY .. " items README.md").err)
  end)

  it("of a call says what helps, where that is known", function()
    local server = wire.server [[return { ["http://api.test"] = function(request)
      if request.route == "/hint" then return 429, { ["retry-after"] = "3600" } end
      return 500
    end }]]
    local function last(arguments) return wire.run(BINARY .. " " .. arguments).err:match "([^:]+:[^:]+)\n$" end
    assert.matches("might do it twice; a key makes it safe: key = true, or %-%-key\n$",
      wire.run(("%s post %s/a -d x"):format(BINARY, server.url)).err)
    assert.matches("allowed %(1h 0m%); run it again after that, or raise max_hint$",
      last("get " .. server.url .. "/hint"))
  end)
end)
