-- The server of the demo's second part: it takes ten orders each half second, and
-- refuses what comes quicker; an order's key makes it one, however often it comes.
-- It keeps in the file of DEMO_ORDERS what it has stored.
local stored, seen = assert(io.open(os.getenv "DEMO_ORDERS", "a")), {}
local window, count

return { ["http://api.test"] = function(request)
  local now = math.floor(request.time * 2)
  if now ~= window then window, count = now, 0 end
  count = count + 1
  if count > 10 then return 429, { ["retry-after"] = "1" } end
  local key = request.headers["idempotency-key"]
  if not seen[key] then
    seen[key] = true
    stored:write(key, " ", request.body, "\n")
    stored:flush()
  end
  return 201
end }
