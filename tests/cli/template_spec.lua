local json = require "lull.json"
local template = require "lull.cli.template"

local function of(source, place, row) return template.new(source, place):of(row) end

local function refused(words, source, place, row)
  local text, problem = of(source, place, row)
  assert.is_nil(text)
  assert.equal(words, problem)
end

describe("a template", function()
  it("names its fields; a brace that begins none stays, and {{ is one", function()
    assert.are.same({ "sku", ".", "order id", "a.b" }, template.new("{sku}{.}{order id}x{a.b}", "text"):fields())
    assert.equal('{"a": {}} {1 } {', of('{"a": {}} {{1 } {', "text", {}))
    assert.equal("{sku}", of("{{sku}", "text", { sku = "A" }))
    assert.is_true(template.has_fields "x{a}")
    assert.is_false(template.has_fields '{"a": 1}')
  end)

  it("percent-encodes in a URL, but for a field that it begins with", function()
    local row = { id = "a/b c", url = "http://h/x?y=1" }
    assert.equal("http://h/a%2Fb%20c", of("http://h/{id}", "url", row))
    assert.equal("http://h/x?y=1&z=a%2Fb%20c", of("{url}&z={id}", "url", row))
    assert.equal("q=a%2Fb%20c&n=5", of("q={id}&n={n}", "form", { id = "a/b c", n = 5 }))
  end)

  -- A value that holds a quote must not end the string that it stands in.
  it("makes JSON: a value where none is quoted, the inside of a string where one is", function()
    local row = { a = 'x"\\y', n = "3", zip = "0012", big = "12345678901234567890", yes = "true", plus = "+1" }
    assert.equal('{"a": "x\\"\\\\y", "n": 3}', of('{"a": {a}, "n": {n}}', "json", row))
    assert.equal('{"a": "<x\\"\\\\y>", "n": "3"}', of('{"a": "<{a}>", "n": "{n}"}', "json", row))
    assert.equal('["0012","12345678901234567890",true,"+1"]', of("[{zip},{big},{yes},{plus}]", "json", row))
    assert.equal('["null",-0.5,"1e3"]', of("[{a},{b},{c}]", "json", { a = "null", b = "-0.5", c = "1e3" }))
    assert.equal('{"\\"{": "0012"}', of('{"\\"{{": {zip}}', "json", row))
  end)

  it("keeps the types that a row of JSON has", function()
    local row = json.decode '{"n": 3, "t": "3", "b": false, "z": null, "l": [1, 2], "o": {"x": "y"}}'
    assert.equal("[3,3,false,null,[1,2]]", of("[{n},{t},{b},{z},{l}]", "json", row))
    assert.equal('"y" y', of('{o.x} ', "json", row) .. of("{o.x}", "text", row))
    assert.equal('{"x":"y"}', of("{.}", "json", row.o))
    assert.equal('"a line"', of("{.}", "json", "a line"))
    assert.equal("a%20line", of("{.}", "form", "a line"))
  end)

  -- A row was read and written anew: [] came as {}, 1.0 as 1, and a long number in quotes.
  it("puts the JSON of a row of NDJSON as it stands in its text", function()
    local raw = ' {"id": 1.0, "a.b": [], "o": {"p": [1, {"q]\\"": "}"}], "\\u0078": -1.50e+3}, "t": "3\\/", '
      .. '"n": 12345678901234567890, "n2": null, "d": 1, "d": {}} '
    local row = json.decode(raw)
    local function same(text, source) assert.equal(text, (template.new(source, "json"):of(row, raw))) end
    same(raw:match "^ (.*) $", "{.}")
    same('[1.0,[],"3\\/",12345678901234567890,null,{}]', "[{id},{a.b},{t},{n},{n2},{d}]")
    same('[[1, {"q]\\"": "}"}],-1.50e+3]', "[{o.p},{o.x}]")
    same('"1.0 3\\/ 12345678901234567890 [] -1.50e+3"', '"{id} {t} {n} {a.b} {o.x}"')
  end)

  it("never puts JSON that is none, as it was read from such", function()
    local read = { ['{"a":0x10}'] = "16", ['{"a":01}'] = "1", ['{"a":"\t"}'] = '"\\t"', ['{"a":1.}'] = "1" }
    for raw, text in pairs(read) do
      assert.equal("[" .. text .. "]", (template.new("[{a}]", "json"):of(json.decode(raw), raw)))
    end
  end)

  it("never lets a value name another folder", function()
    assert.equal("out/a b.json", of("out/{id}.json", "path", { id = "a b" }))
    refused("the field 'id' is \"../x\", which cannot be part of a file's name", "out/{id}", "path", { id = "../x" })
    refused("the field 'id' is \"..\", which cannot be part of a file's name", "{id}", "path", { id = ".." })
    refused("the field 'id' is \"\", which cannot be part of a file's name", "{id}", "path", { id = "" })
  end)

  it("lets no value make something else of a header, a key or a file's name", function()
    refused("the field 'x' is \"a\\\nb\", which cannot be part of a header", "{x}", "line", { x = "a\nb" })
    refused("the field 'x' is \"a\\\nb\", which cannot be part of a key", "{x}", "key", { x = "a\nb" })
    assert.is_nil((of("{x}", "file", { x = "a\0b" })))
    assert.equal("a\nb a\tb", of("{x}", "file", { x = "a\nb" }) .. " " .. of("{x}", "line", { x = "a\tb" }))
    refused("the row makes an empty key", "{x}", "key", { x = "" })
    refused("the field 'x': cannot make JSON of this: a text must not begin with lull's own mark", "[{x}]", "json",
      { x = "\1lull:raw:1" })
    assert.equal("", of("{x}", "line", { x = "" }))
  end)

  it("says which field a row does not have", function()
    refused("the row has no field 'sku'", "{sku}", "json", {})
    refused("the row has no field 'sku'", "{sku}", "text", "a line")
    refused("the field 'z' is null", "{z}", "url", { z = json.null })
  end)
end)
