-- What must not be shown is taken out by its value, in whatever encoding it
-- stands, wherever a text leaves: errors, trace, log, recordings, JSON.
local support = require "tests.support"

local sim = support.sim
local URL = "http://api.test/x"

local function has(text, part)
  assert.is_truthy(tostring(text):find(part, 1, true), ("%q is not in:\n%s"):format(part, tostring(text)))
end

local function hasnt(text, part)
  assert.is_nil(tostring(text):find(part, 1, true), ("%q is in:\n%s"):format(part, tostring(text)))
end

local function fresh_redact()
  support.fresh()
  return require "lull.redact"
end

describe("a secret in a text", function()
  local redact = fresh_redact()
  redact.learn "s3cr3t/x y"
  redact.learn "pa%2Fss"
  redact.learn 'qu"ote\\d&<é'

  -- A secret in a query was written by a redirect as /, as %2f and in lower
  -- case, and stood in the trace: only %2F was looked for.
  for name, text in pairs {
    ["as it is"] = "s3cr3t/x y", ["percent-encoded"] = "s3cr3t%2Fx%20y",
    ["in lower case"] = "s3cr3t%2fx%20y", ["in part"] = "s3cr3t/x%20y", ["as a form"] = "s3cr3t%2Fx+y",
    ["where nothing need be"] = "%73%33cr3t%2fx%20y", ["twice"] = "s3cr3t%252Fx%2520y",
    ["in JSON"] = [[s3cr3t\/x y]], ["in JSON by numbers"] = [[s3cr3t\u002fx\u0020y]],
    ["in HTML"] = "s3cr3t&#47;x&#x20;y", ["given encoded"] = "pa%2Fss", ["given encoded, and decoded"] = "pa/ss",
    ["given encoded, and in lower case"] = "pa%2fss", ["with marks in JSON"] = [[qu\"ote\\d&<é]],
    ["with marks in HTML"] = [[qu&quot;ote\d&amp;&lt;&#233;]],
    ["beyond ASCII in JSON"] = [[qu\"ote\\d\u0026\u003c\u00e9]],
    ["percent-encoded bytes"] = "qu%22ote%5Cd%26%3C%C3%A9",
  } do
    it("is found " .. name, function()
      assert.equal("a 100% <***> z", redact.text("a 100% <" .. text .. "> z"))
      assert.equal("***", redact.text(text))
    end)
  end

  it("is found in base64, whatever stands beside it", function()
    for _, before in ipairs { "", "u:", "me:", "you:" } do
      for _, after in ipairs { "", "!", "!!", " and more" } do
        local encoded = redact.base64(before .. "s3cr3t/x y" .. after)
        local url_safe = encoded:gsub("%+", "-"):gsub("/", "_")
        for _, text in ipairs { encoded, url_safe } do
          local shown = redact.text("Basic " .. text)
          has(shown, "***")
          assert.is_true(#shown < #"Basic " + #text - 8, shown)
          for i = 1, #encoded - 4 do
            if before == "" and i < 8 then hasnt(shown, encoded:sub(i, i + 4)) end
          end
        end
      end
    end
  end)

  it("leaves what is none", function()
    for _, text in ipairs { "", "100%", "%zz%2", "s3cr3t", "\\", "\\u00", "&amp", "&#;", "&#99999999;", "a%00b" } do
      assert.equal(text, redact.text(text))
    end
  end)

  it("is found among thousands, and in a long text at once", function()
    local many = fresh_redact()
    for i = 1, 5000 do many.learn(("number %d of them"):format(i)) end
    many.learn "x1"
    local long = ("z"):rep(2 ^ 18)
    local began = os.clock()
    local shown = many.text(long .. "number 17 of them, number%204999%20of+them and x1")
    assert.is_true(shown == long .. "***, *** and ***", shown:sub(-60))
    assert.is_true(os.clock() - began < 5)
  end)
end)

describe("a header that says who one is", function()
  -- It was hidden where it was sent, and shown where a server wrote it back.
  it("is a secret, without having been called one: whole, its part, its password", function()
    local redact = fresh_redact()
    redact.header("Authorization", "Bearer t0ken123")
    redact.header("authorization", "Basic " .. redact.base64 "joe:pa55w0rd")
    redact.header("Cookie", "a=1; session=abcdefghijk; lang=en")
    redact.header("X-Api-Key", "k3yk3y")
    assert.equal("***, ***, ***, ***, ***, ***", redact.text("Bearer t0ken123, t0ken123, pa55w0rd, joe"
      .. ", abcdefghijk, k3yk3y"):gsub(", joe", "") .. ", ***")
    assert.equal("joe a=1 lang=en", redact.text "joe a=1 lang=en")
  end)

  it("is forgotten after a thousand others, so that tokens do not pile up", function()
    local redact = fresh_redact()
    for i = 1, 5000 do redact.header("authorization", ("Bearer token-%d-x"):format(i)) end
    assert.equal("***", redact.text "token-5000-x")
    assert.equal("***", redact.text "token-4600-x")
    assert.equal("token-1-x", redact.text "token-1-x")
  end)
end)

describe("a URL's password", function()
  -- With a byte in it that ends it for every parser, all behind it was shown.
  it("is hidden with an unescaped / # ? or space in it, too", function()
    for _, password in ipairs { "pa/ss", "pa#ss", "pa?ss", "pa ss", "p@ss/w", "/pass", "pass#" } do
      local redact = fresh_redact()
      local url = ("http://me:%s@api.test/a"):format(password)
      redact.url(url)
      assert.equal("http://api.test/a is none", redact.text(url .. " is none"), password)
      local function shown(send, ...)
        local ok, res, err = pcall(send, ...)
        if not ok then return res end
        return err
      end
      hasnt(shown(support.fresh().client, { base = url }), password)
      local function missing() return 404 end
      sim({ ["http://me"] = missing, ["http://ss"] = missing }, function(lull) -- so two of them are read
        hasnt(shown(lull.get, url), password)
      end)
    end
  end)

  -- Such a URL is none, and the error that says so showed it.
  it("is hidden where the scheme is left out, or has a slash too few or too many", function()
    for _, begins in ipairs { "//", "http:/", "http:///", "http:////" } do
      local redact = fresh_redact()
      local url = begins .. "me:password@api.test/a"
      redact.url(url)
      hasnt(redact.text(url .. " is none"), "password")
    end
  end)

  it("of a proxy is hidden, whatever it holds", function()
    for _, proxy in ipairs { "http://me:12/34@proxy.test:1", "me:p#ss@proxy.test", "http://me:1@2:3/4@proxy.test:1" } do
      local redact = fresh_redact()
      redact.url(proxy, true)
      local shown = redact.text(("'%s'"):format(proxy))
      assert.is_truthy(shown:find("^'[^:@]*:?/?/?[*]*@?proxy%.test[:1]*'$"), shown)
    end
  end)

  it("is none where an @ is a part of the path", function()
    local redact = fresh_redact()
    for _, url in ipairs { "http://a.test/@me", "http://127.0.0.1:80/@me", "http://[::1]:8080/a@b",
      "https://a.test/?to=me@b.test" } do
      redact.url(url)
      assert.equal(url, redact.text(url))
    end
  end)

  it("is hidden where a rule or a redirect sends a call", function()
    local said
    sim({ ["http://api.test"] = function(request)
      return request.path == "/x" and 302 or 500, { location = "http://you:word5@api.test/y" }
    end }, function(lull)
      local _, err = lull.get("http://me:pa55@api.test/x", { attempts = 2, on = { [500] = function(attempt)
        return attempt:retry { wait = 0, url = "http://it:w0rd@api.test/z" }
      end } })
      said = { tostring(err), err.url }
    end)
    for _, text in ipairs(said) do
      for _, hidden in ipairs { "pa55", "word5", "w0rd" } do hasnt(text, hidden) end
    end
  end)
end)

describe("where a text leaves", function()
  it("a redirect that writes a secret its own way shows it in no trace and no error", function()
    for _, form in ipairs { "s3cr3t/x", "s3cr3t%2fx", "s3cr3t%2Fx", "%733cr3t/x" } do
      local said
      local t = sim(function(request)
        if request.path == "/x" then return 302, { location = "/y?token=" .. form } end
        return 404
      end, function(lull)
        local _, err = lull.get(URL, { query = { token = lull.secret "s3cr3t/x" } })
        said = { tostring(err), err.url, err.message, lull.json.encode(err) }
      end)
      said[#said + 1] = table.concat(t.lines, "\n")
      for _, text in ipairs(said) do
        hasnt(text:lower(), "s3cr3t")
        hasnt(text:lower(), "%733cr3t")
      end
    end
  end)

  -- It held what the core packs for an error, with the URL as it was sent.
  it("JSON of an error has its fields, and no secret", function()
    sim(function() return 403, { ["x-echo"] = "Bearer t0ken123" }, '{"you":"Bearer t0ken123"}' end, function(lull)
      local _, err = lull.get("http://me:pa55@api.test/x", { query = { key = lull.secret "k3y" }, lane = "of k3y",
        headers = { authorization = "Bearer t0ken123" } })
      local text = lull.json.encode { failed = err }
      local back = lull.json.decode(text).failed
      assert.equal(403, back.reason)
      assert.equal("rule", back.why)
      assert.equal(1, back.attempts)
      assert.equal(tostring(err), back.message)
      assert.equal("http://api.test/x?key=***", back.url)
      assert.same({ status = 403, body = '{"you":"***"}' }, back.response)
      assert.is_nil(back.packed)
      for _, hidden in ipairs { "pa55", "k3y", "t0ken123", "packed" } do hasnt(text, hidden) end
      for name, value in pairs(err) do
        for _, hidden in ipairs { "pa55", "k3y" } do hasnt(name .. tostring(value), hidden) end
      end
      assert.equal("Bearer t0ken123", err.response.headers["x-echo"]) -- the script's own to see
      assert.equal(1, #err.history)
    end)
  end)

  -- A signed URL, or one with a token, stood in full in errors, traces and journals.
  it("a URL is shown without the parameters that say who one is", function()
    sim(function() return 403 end, function(lull)
      local shown = "http://api.test/x?user=7&access_token=***&X-Amz-Signature=***&api%5fkey=***&keys=a"
      local url = "http://api.test/x?user=7&access_token=t0k%2Fen&X-Amz-Signature=c0ffee&api%5fkey=k3y&keys=a#b"
      local _, err = lull.get(url)
      assert.equal(shown .. "#b", err.url)
      has(err, shown)
      for _, hidden in ipairs { "t0k", "c0ffee", "k3y" } do
        hasnt(tostring(err), hidden)
        hasnt(lull.json.encode(err), hidden)
      end
      for _, none in ipairs { "http://api.test:x/", "api.test/" } do
        local ok, wrong = lull.try(lull.get, none .. "?a=1&access_token=t0k3n")
        assert.is_false(ok)
        hasnt(wrong, "t0k3n")
        has(wrong, "access_token=***")
      end
    end)
  end)

  -- Its first sign is looked for by itself, which takes less than a pattern.
  it("such a parameter is found behind each sign, wherever it stands", function()
    local query = require("lull.redact").query
    for _, sign in ipairs { "?", "&", ";", "#" } do
      assert.equal("http://h/a" .. sign .. "sig=***", query("http://h/a" .. sign .. "sig=x"))
      assert.equal("/a" .. sign .. "sig=***&b=1#c", query("/a" .. sign .. "sig=x&b=1#c"))
      assert.equal("http://h/a?b=1;c&d#e" .. sign .. "sig=***", query("http://h/a?b=1;c&d#e" .. sign .. "sig=x"))
    end
    for _, same in ipairs { "", "=", "a=b", "http://h/", "http://h/?a", "http://h/?a=b", "http://h/a=b?c" } do
      assert.equal(same, query(same))
    end
  end)

  it("JSON of a response has status, body and a URL that may be shown", function()
    sim(function() return 200, nil, "k3y" end, function(lull)
      local res = assert(lull.get("http://me:pa55@api.test/x", { query = { key = lull.secret "k3y" } }))
      assert.same({ status = 200, body = "k3y", url = "http://api.test/x?key=***" },
        lull.json.decode(lull.json.encode(res)))
    end)
  end)

  it("advice on a password keeps its words", function()
    local redact = require "lull.redact"
    for _, words in ipairs { "redis://:PASSWORD@HOST/0/NAME", "redis://[USER:PASSWORD@]HOST[:PORT]" } do
      assert.equal(words, redact.text(words))
    end
    assert.equal("redis://HOST/0", redact.text "redis://:PASSWORDS@HOST/0")
  end)

  it("a message of misuse has no secret", function()
    local lull = support.fresh()
    lull.secret "hush-hush"
    for _, misuse in ipairs {
      function() lull.get "hush-hush" end, function() lull.get("http://a.test/", { lane = 5, ["hush-hush"] = 1 }) end,
      function() lull.client { headers = { ["hush-hush:"] = "x" } } end,
      function() lull.client { base = "ftp://hush-hush.test" } end,
    } do
      local ok, err = pcall(misuse)
      assert.is_false(ok)
      hasnt(err, "hush-hush")
      has(err, "***")
    end
  end)
end)
