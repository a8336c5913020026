-- Answers whose heads are odd but harmless: none of them may touch what an
-- earlier answer left behind.
local wire = require "tests.wire"

describe("odd heads", function()
  after_each(wire.clean)

  -- A handle of libcurl before 8.1.0 keeps a pointer to the last header of its
  -- last answer, which is freed by then, and appends a folded line to it
  -- (curl#11101). None serves twice there; under the sanitizers these answers
  -- are what would tell.
  it("that begin with a folded line meet nothing of the answer before", function()
    local plain = "HTTP/1.1 200 OK\r\nX-Long: " .. ("x"):rep(40) .. "\r\nContent-Length: 0\r\n\r\n"
    local folded = "HTTP/1.1 200 OK\r\n " .. ("y"):rep(400) .. "\r\nContent-Length: 0\r\n\r\n"
    local server = wire.raw_server(folded, plain, folded, plain, folded, plain, folded)
    local seen = {}
    wire.real(function(lull)
      local api = lull.client { base = server.url, attempts = 1 }
      for i = 1, 7 do
        local res, err = api:get "/"
        seen[i] = res and "an answer" or tostring(err.reason)
      end
    end)
    for i = 1, 7 do assert.are.equal(i % 2 == 0 and "an answer" or seen[1], seen[i]) end
  end)
end)
