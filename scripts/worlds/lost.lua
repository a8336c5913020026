--[[
A store of notes. Who creates one with If-None-Match: * gets a 412 when it is
there, who deletes one that is not there a 404. Of what it has done it loses
every second answer: the connection closes.

    lull --sim scripts/worlds/lost.lua scripts/cookbook/lost.lua
]]

local notes = { ["/notes/taken"] = "somebody else's", ["/notes/old"] = "to be deleted", ["/notes/older"] = "too" }
local done = 0

local function answer(status)
  done = done + 1
  if done % 2 == 1 then return "close" end
  return status
end

local METHODS = {
  GET = function(request)
    if not notes[request.path] then return 404 end
    return 200, nil, notes[request.path]
  end,
  PUT = function(request)
    if request.headers["if-none-match"] == "*" and notes[request.path] then return 412 end
    notes[request.path] = request.body
    return answer(201)
  end,
  DELETE = function(request)
    if not notes[request.path] then return 404 end
    notes[request.path] = nil
    return answer(204)
  end,
}

return {
  ["http://notes.test"] = function(request)
    local method = METHODS[request.method]
    if not method then return 405 end
    return method(request)
  end,
}
