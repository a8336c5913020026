-- `lull sim --machines`: whole machines that share their lanes, against one limit.
local sim = require "lull.cli.sim"

describe("lull sim --machines", function()
  local function output(...)
    local argv = { "sim", "--machines", "4", ... }
    return sim.output(argv)
  end

  -- Rows of a JSON output, by their policy.
  local function rows(...)
    local list = {}
    for _, row in ipairs(require("lull.json").decode(table.concat(output("--json", ...), "\n"))) do
      list[row.policy] = row
    end
    return list
  end

  local function fails(words, fn, ...)
    local ok, err = pcall(fn, ...)
    assert.is_false(ok)
    if not tostring(err):find(words, 1, true) then error(("%q is not in: %s"):format(words, tostring(err)), 2) end
  end

  local function file(text)
    local path = os.tmpname()
    local handle = assert(io.open(path, "w"))
    handle:write(text)
    handle:close()
    return path
  end

  it("shows what a limit that all know is for all together, and for each apart", function()
    local path = file 'return { preset = "standard", limit = "50/1s" }'
    local list = rows("--calls", "100", "--fanout", "10", "--limit", "50/s", "--latency", "5ms", path)
    os.remove(path)
    local shared, apart = list[path], list[path .. ", apart"]
    assert.are.same({ 400, 400, 0, 400, 0, 1 }, { shared.calls, shared.completed, shared.given_up, shared.requests,
      shared.refused, shared.amplification })
    assert.is_true(shared.done > 7 and shared.done < 9, "400 at 50/s took " .. shared.done .. " s")
    assert.is_true(shared.scripts > 0 and apart.scripts == 0)
    assert.is_true(apart.refused > 20 and apart.requests >= 400 + apart.refused)
    assert.is_true(apart.burst > shared.burst and shared.p50 <= shared.p95 and shared.p95 <= shared.p99)
  end)

  it("has two rows for each policy, the same for the same seed", function()
    local lines = output("--calls", "5", "--think", "1s", "--spread", "2s", "--limit", "2/s", "--retry-after", "auto",
      "--latency", "20ms~5ms", "standard", "aws")
    assert.equal(5, #lines)
    assert.matches("^policy +completed +given up +requests +per call +refused +all done .* scripts$", lines[1])
    for i, name in ipairs { "standard ", "standard, apart ", "aws ", "aws, apart " } do
      assert.equal(name, lines[i + 1]:sub(1, #name))
    end
    assert.are.same(lines, output("--calls", "5", "--think", "1s", "--spread", "2s", "--limit", "2/s",
      "--retry-after", "auto", "--latency", "20ms~5ms", "standard", "aws"))
    assert.are_not.same(lines, output("--calls", "5", "--think", "1s", "--spread", "2s", "--limit", "2/s",
      "--retry-after", "auto", "--latency", "20ms~5ms", "--seed", "2", "standard", "aws"))
  end)

  it("says what goes with it", function()
    fails("--clients does not go with --machines", output, "--clients", "9", "standard")
    fails("policy 'curl' is a yardstick, which has no lane to share", output, "curl")
    fails("no policy is named", output)
    fails("--machines: '101' is more than 100", sim.output, { "sim", "--machines", "101", "standard" })
  end)
end)
