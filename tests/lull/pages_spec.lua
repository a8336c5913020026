-- A list that comes page by page, as one iterator.
local support = require "tests.support"

local BASE = "http://api.test"

-- What `fn(lull, api)` gives, in a world where `server` answers; and the paths
-- that were asked for.
local function with(server, fn)
  local got
  local t = support.sim(server, function(lull) got = fn(lull, lull.client { base = BASE, attempts = 2 }) end)
  local paths = {}
  for i, request in ipairs(t.requests) do paths[i] = request.path end
  return got, paths
end

-- All items of the pages, in a row; a failure's text at the end.
local function all(lull, iterator)
  local out = {}
  local ok, err = lull.try(function()
    local item = iterator()
    while item ~= nil do
      out[#out + 1] = type(item) == "table" and item.id or item
      item = iterator()
    end
  end)
  if not ok then out[#out + 1] = tostring(err) end
  return out
end

local function json(value) return require("lull").json.encode(value) end

local function linked(request)
  local n = tonumber(request.query.page or 1)
  local link = ('</list?page=1>; rel="first"; title="a, b; rel=next", </list?page=%d&x=%%41>;title="x";REL="last next"')
    :format(n + 1)
  return 200, { link = n < 3 and link or '</list?page=1>; rel=first' }, json { n * 10, n * 10 + 1 }
end

describe("pages", function()
  it("follow Link headers, whatever else stands in them", function()
    local got, paths = with(linked, function(lull, api)
      return all(lull, lull.pages(api, "/list", { headers = { a = "b" } }))
    end)
    assert.are.same({ 10, 11, 20, 21, 30, 31 }, got)
    assert.are.same({ "/list", "/list?page=2&x=%41", "/list?page=3&x=%41" }, paths)
  end)

  it("are a source of lull.each, and wait there", function()
    local got = with(function(request)
      require("lull").sleep(1)
      return linked(request)
    end, function(lull, api)
      local sum, statuses = 0, {}
      local summary = lull.each(lull.pages(api, "/list"), { parallel = 4 }, function(item, res)
        sum = sum + item
        statuses[#statuses + 1] = res.status
      end)
      return { sum, summary.done, #statuses }
    end)
    assert.are.same({ 123, 6, 6 }, got)
  end)

  it("follow a cursor in the body, to its end", function()
    local NEXT = { [""] = "a/b=", ["a/b="] = 77, ["77"] = "" }
    local got, paths = with(function(request)
      local at = request.query.after or ""
      return 200, nil, { data = { rows = { { id = at .. "1" }, { id = at .. "2" } } }, paging = { after = NEXT[at] } }
    end, function(lull, api)
      return all(lull, lull.pages(api, "/list", { items = "data.rows", cursor = "paging.after", query = { size = 2 } }))
    end)
    assert.are.same({ "1", "2", "a/b=1", "a/b=2", "771", "772" }, got)
    assert.are.same({ "/list?size=2", "/list?after=a%2Fb%3D&size=2", "/list?after=77&size=2" }, paths)
  end)

  it("take the parameter's name, and queries that are texts", function()
    local _, paths = with(function(request)
      return 200, nil, { list = { 1 }, next = not request.query.token and "/x" or nil }
    end, function(lull, api)
      return all(lull, lull.pages(api, "/list", { cursor = "next", cursor_param = "token", query = "q=1" }))
    end)
    assert.are.same({ "/list?q=1", "/list?q=1&token=%2Fx" }, paths)
  end)

  it("follow a URL in the body, which null ends", function()
    local got, paths = with(function(request)
      local n = tonumber(request.query.p or 1)
      local links = { { next = "http://api.test/list?p=2" }, { next = "/list?p=3" }, { next = "?p=4" },
        { next = require("lull").json.null } }
      return 200, nil, { items = { n }, links = links[n] }
    end, function(lull, api) return all(lull, lull.pages(api, "/list", { cursor = "links.next" })) end)
    assert.are.same({ 1, 2, 3, 4 }, got)
    assert.are.same({ "/list", "/list?p=2", "/list?p=3", "/list?p=4" }, paths)
  end)

  it("count, until a page is empty", function()
    local got, paths = with(function(request)
      local n = tonumber(request.query.page)
      if n == 3 then return 204 end
      return 200, nil, { items = { n } }
    end, function(lull, api)
      return { all(lull, lull.pages(api, "/list", { page = "page" })),
        all(lull, lull.pages(api, "/list", { page = "page", first = 0, most = 2 })) }
    end)
    assert.are.same({ { 1, 2 }, { 0, 1 } }, got)
    assert.are.same({ "/list?page=1", "/list?page=2", "/list?page=3", "/list?page=0", "/list?page=1" }, paths)
  end)

  it("are passed over where they are empty, and told apart by a function", function()
    local got = with(function(request)
      local n = tonumber(request.query.page or 1)
      return 200, n < 3 and { link = ("</list?page=%d>; rel=next"):format(n + 1) } or nil,
        n == 2 and "" or { a = { n }, b = { -n } }
    end, function(lull, api)
      return all(lull, lull.pages(api, "/list", {
        items = function(res, body) return res.body ~= "" and body.b or nil end }))
    end)
    assert.are.same({ -1, -3 }, got)
  end)

  it("never go round for ever", function()
    local got, paths = with(function() return 200, { link = "</list?page=2>; rel=next" }, json { 1 } end,
      function(lull, api) return all(lull, lull.pages(api, "/list")) end)
    assert.are.same({ 1, "http://api.test/list?page=2: the next page is one that was there before" }, got)
    assert.equal(2, #paths)
  end)

  it("raise the error of a page that cannot be got, for who catches it and for the exit code", function()
    local got = with(function(request)
      if request.query.page then return 500 end
      return 200, { link = "</list?page=2>; rel=next" }, json { 1 }
    end, function(lull, api)
      local list = all(lull, lull.pages(api, "/list"))
      local ok, err = lull.try(lull.each, lull.pages(api, "/list"), function() end)
      return { list[1], list[2]:match "500 Internal Server Error", ok, tostring(err):match "after 2 attempts" }
    end)
    assert.are.same({ 1, "500 Internal Server Error", false, "after 2 attempts" }, got)
  end)

  it("say what is wrong with a page", function()
    local function said(body, options)
      return with(function() return 200, nil, body end, function(lull, api)
        local list = all(lull, lull.pages(api, "/list", options))
        return list[#list]
      end)
    end
    assert.matches("^http://api.test/list: the page is no JSON: ", said "<html>")
    assert.matches("the page holds %(there is none%): name it", said "{\"a\":1}")
    assert.matches("the page holds %(a, b%): name it", said "{\"a\":[],\"b\":[]}")
    assert.matches("'a' is no list on this page", said("{\"a\":\"x\"}", { items = "a" }))
    assert.matches("'c' is no cursor, but a table", said("{\"a\":[],\"c\":{\"d\":1}}", { items = "a", cursor = "c" }))
    assert.is_nil(said("{\"a\":null}", { items = "a" }))
  end)

  it("are refused where the options are wrong", function()
    with(function() return 200 end, function(lull, api)
      local function fails(text, ...)
        local ok, err = pcall(lull.pages, ...)
        assert.is_false(ok)
        assert.is_truthy(tostring(err):find(text, 1, true), tostring(err))
      end
      fails("unknown option 'item' (did you mean 'items'?)", api, "/", { item = "x" })
      fails("pages go by a cursor or by their number, not by both", api, "/", { cursor = "a", page = "b" })
      fails("first: '-1' is no whole number", api, "/", { page = "p", first = -1 })
      fails("most: '0' is no whole number", api, "/", { most = 0 })
      fails("pages takes a client first", {}, "/")
      fails("pages takes a client first", "/")
      fails("the path of the first page must be a string", api, nil)
    end)
  end)
end)
