-- Rows of a file as items, and what a loop over items came to.
local support = require "tests.support"

local function file_of(bytes, ending)
  local path = os.tmpname()
  os.remove(path)
  path = path .. ending
  local file = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
  return path
end

-- Standard error while `fn` runs.
local function said_by(fn)
  local said, real = {}, io.stderr
  io.stderr = { write = function(self, ...) -- luacheck: ignore
    for i = 1, select("#", ...) do said[#said + 1] = tostring((select(i, ...))) end
    return self
  end }
  local ok, err = pcall(fn)
  io.stderr = real -- luacheck: ignore
  if not ok then error(err, 0) end
  return table.concat(said)
end

-- What a file's rows are; broken ones as "line: what is wrong".
local function rows_of(bytes, ending, options)
  local path, list = file_of(bytes, ending), {}
  local lull = support.fresh()
  local ok, err = pcall(function()
    local pull = lull.rows(path, options)
    for row in pull do
      list[#list + 1] = type(row) == "table" and row.broken and ("%d: %s"):format(row.line, row.broken) or row
    end
    assert.is_nil(pull()) -- the end stays the end
  end)
  os.remove(path)
  if not ok then error(err, 0) end
  return list
end

local function has(text, part)
  if not tostring(text):find(part, 1, true) then error(("%q is not in %q"):format(part, tostring(text)), 2) end
end

describe("rows of CSV", function()
  it("are tables by the header's names, as RFC 4180 has them", function()
    assert.are.same({ { a = "1", b = 'x "y", z' }, { a = "", b = "two\r\nlines" }, { a = " 3 ", b = "" } },
      rows_of('a,b\r\n1,"x ""y"", z"\r\n,"two\r\nlines"\r\n 3 ,\r\n', ".csv"))
  end)

  it("may lack the last line's end, and begin with a byte order mark", function()
    assert.are.same({ { a = "1" } }, rows_of("\239\187\191a\n1", ".csv"))
  end)

  it("leave out empty lines, and are none without a header", function()
    assert.are.same({ { a = "1" }, { a = "2" } }, rows_of("a\n\n1\r\n\r\n2\n\n", ".csv"))
    assert.are.same({}, rows_of("", ".csv"))
    assert.are.same({}, rows_of("a,b\n", ".csv"))
  end)

  it("that are broken say their line, and the rest goes on", function()
    assert.are.same({ { a = "1", b = "2" }, "3: 1 fields, and the header has 2",
      "4: a quote within a field that is not quoted", "5: text after a field's closing quote",
      { a = "3", b = "4" } },
      rows_of('a,b\n1,2\nx\n1,2"\n1,"2"3\n3,4\n', ".csv"))
  end)

  -- One quote that is not closed would make one row of the rest of the file.
  it("lose one line to a quote that is never closed", function()
    assert.are.same({ "2: a quote that is never closed", { a = "2", b = "x" }, { a = "3", b = "y" } },
      rows_of('a,b\n1,"open\n2,x\n3,y\n', ".csv"))
    assert.are.same({ "2: text after a field's closing quote", { a = "2", b = "x" } },
      rows_of('a,b\n1,"open\n2,"x"\n', ".csv"))
  end)

  it("need a header that can be read", function()
    for _, case in ipairs { { "a,b,a\n1,2,3\n", "two columns are called 'a'" },
      { 'a,"b\n', "a quote that is never closed" } } do
      local ok, err = pcall(rows_of, case[1], ".csv")
      assert.is_false(ok)
      has(err, ":1: the header: " .. case[2])
    end
  end)

  -- Each line of an open quote was parsed with all before it: 20,000 lines took minutes.
  it("take a long quoted text line by line", function()
    local text = ("x\n"):rep(100000)
    assert.are.same({ { a = text } }, rows_of('a\n"' .. text .. '"\n', ".csv"))
  end)
end)

describe("rows of other files", function()
  it("are TSV by their name, where a quote is a quote", function()
    assert.are.same({ { a = '"1', b = "" }, "3: 3 fields, and the header has 2" },
      rows_of('a\tb\n"1\t\n1\t2\t3\n', ".tsv"))
  end)

  it("are values of NDJSON", function()
    assert.are.same({ { a = 1 }, "t", 7, "5: null is no item", { b = { 1 } } },
      rows_of('{"a":1}\n"t"\n\n7\nnull\n{"b":[1]}\n', ".jsonl"))
    has(rows_of("{\n", ".ndjson")[1], "1: not JSON: ")
    -- A number that is read as endless, which nothing can write again, ended the run.
    local beyond = ": a number is beyond what can be told of, such as 1e999"
    assert.are.same({ "1" .. beyond, { v = 1e300 }, "3" .. beyond, "4" .. beyond, "5" .. beyond },
      rows_of('{"v":1e999}\n{"v":1e300}\n{"v":[{"w":-1e999}]}\n1e999\n{"v":NaN}\n', ".ndjson"))
  end)

  it("are lines otherwise, or what `format` says", function()
    assert.are.same({ "a,b", "1,2" }, rows_of("a,b\r\n\n1,2", ".txt"))
    assert.are.same({ "a" }, rows_of("a\n", ".csv", { format = "lines" }))
    assert.are.same({ { a = "1" } }, rows_of("a\n1\n", ".txt", { format = "csv" }))
  end)

  it("are refused with a reason", function()
    local lull = support.fresh()
    for _, case in ipairs { { { "/nowhere/rows.csv" }, "cannot open /nowhere/rows.csv: " },
      { { "rows.json" }, 'for a value on each line say { format = "ndjson" }' },
      { { "rows.csv", { format = "cvs" } }, "'cvs' is none of csv, lines, ndjson, tsv (did you mean 'csv'?)" },
      { { "rows.csv", { fromat = "csv" } }, "unknown option 'fromat' (did you mean 'format'?)" },
      { { 7 }, "the path of rows must be a string, not a number" } } do
      local ok, err = pcall(lull.rows, case[1][1], case[1][2])
      assert.is_false(ok)
      has(err, "rows_spec.lua:")
      has(err, case[2])
    end
  end)
end)

-- The summary of a loop over these items, each with what its function gives.
local function summary_of(items, fn, how)
  local sum
  support.sim(function() return 200 end, function(lull)
    local _
    if how == "map" then
      _, sum = lull.map(items, fn)
    else
      sum = lull.each(items, fn)
    end
  end)
  return sum
end

local function counts(sum)
  return { done = sum.done, failed = sum.failed, later = sum.later, open = sum.open, before = sum.before,
    total = sum.total, code = sum.code }
end

describe("a summary", function()
  local ENDS = { done = function() return 1 end, no = function() return false end, nothing = function() end,
    failed = function() return nil, "no" end, empty = function() return nil end,
    later = function() return nil, { later = true } end }

  local function of(...) return counts(summary_of({ ... }, function(name) return ENDS[name]() end)) end

  it("counts what the function gave: a value, nothing, an error, one for later", function()
    assert.are.same({ done = 3, failed = 2, later = 1, open = 0, before = 0, total = 6, code = 1 },
      of("done", "no", "nothing", "failed", "empty", "later"))
  end)

  it("has the exit code: 0, 75 when some are left for later, 1 when some failed", function()
    assert.are.equal(0, of().code)
    assert.are.equal(0, of("done", "nothing").code)
    assert.are.equal(75, of("done", "later").code)
    assert.are.equal(1, of("later", "failed").code)
  end)

  it("comes after the results of map", function()
    local sum = summary_of({ "done", "failed" }, function(name) return ENDS[name]() end, "map")
    assert.are.same({ done = 1, failed = 1, later = 0, open = 0, before = 0, total = 2, code = 1 }, counts(sum))
  end)

  it("counts a broken row as failed, which the function never sees", function()
    local path = file_of("a\n1\nx,y\n2\n", ".csv")
    for _, how in ipairs { "each", "map" } do
      local seen, sum = {}, nil
      local said = said_by(function()
        support.sim(function() return 200 end, function(lull)
          local _
          if how == "map" then
            _, sum = lull.map(lull.rows(path), function(row) seen[#seen + 1] = row.a; return 1 end)
          else
            sum = lull.each(lull.rows(path), function(row) seen[#seen + 1] = row.a end)
          end
        end)
      end)
      assert.are.same({ "1", "2" }, seen)
      assert.are.same({ done = 2, failed = 1, later = 0, open = 0, before = 0, total = 3, code = 1 }, counts(sum))
      assert.are.equal(("lull: %s:3: 2 fields, and the header has 1\n"):format(path), said)
    end
    os.remove(path)
  end)

  it("tells of ten broken rows, and how many more there are", function()
    local path = file_of("a\n" .. ("x,y\n"):rep(25), ".csv")
    local said = said_by(function()
      support.sim(function() return 200 end, function(lull)
        assert.are.equal(25, lull.each(lull.rows(path), function() end).failed)
      end)
    end)
    os.remove(path)
    assert.are.equal(11, select(2, said:gsub("\n", "")))
    has(said, "lull: 15 rows more are broken\n")
  end)
end)

describe("err.later", function()
  local function error_of(answer, options)
    local err
    support.sim(answer, function(lull)
      options = options or {}
      options.base = "http://api.test"
      local _
      _, err = lull.client(options):get("/")
    end)
    return err
  end

  it("is true where the exit code would be 75", function()
    local far = function() return { status = 429, headers = { ["retry-after"] = "3600" } } end
    assert.is_true(error_of(far).later)
    assert.is_false(error_of(function() return 404 end).later)
    assert.is_true(error_of(function() return 503 end, { attempts = 2 }).later)
  end)
end)
