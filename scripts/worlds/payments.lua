--[[
A bank that knows Idempotency-Key: a payment is made once for a key, and who
asks again is told of that payment. What the 1st, 2nd, ... key meets is in
TROUBLE, over and over. Who asks while the payment is being made gets a 409;
the key of another payment is a 422; no key is a 400. GET /payments lists
what was paid.

    lull --sim scripts/worlds/payments.lua scripts/cookbook/payments.lua INVOICES
]]

local lull = require "lull"

-- lost: paid, and the answer gets lost; slow: the client gives up before the
-- payment is made; 500: nobody knows, and it was paid; 503: it was not.
local TROUBLE = { "lost", "none", "slow", 503, "none", 500 }

local payments, by_key = {}, {}
local keys = 0

local function answer(payment)
  return 201, nil, { payment = payment.id, invoice = payment.invoice, amount = payment.amount }
end

local function book(key, order)
  payments[#payments + 1] = order
  order.id = ("P%03d"):format(#payments)
  by_key[key].done = true
  return order
end

local function first(key, order)
  local trouble = TROUBLE[(keys - 1) % #TROUBLE + 1]
  if trouble == 503 then
    by_key[key], keys = nil, keys + 1
    return 503
  end
  if trouble == "slow" then lull.sleep(25) end
  book(key, order)
  if trouble == "lost" then return "close" end
  if trouble == 500 then return 500 end
  return answer(order)
end

local function pay(request)
  local key = request.headers["idempotency-key"]
  local order = lull.json.decode(request.body)
  if not key then return 400, nil, { error = "a payment needs a key" } end
  local known = by_key[key]
  if not known then
    keys = keys + 1
    by_key[key] = { order = order }
    return first(key, order)
  end
  if known.order.invoice ~= order.invoice or known.order.amount ~= order.amount then
    return 422, nil, { error = "another payment has this key" }
  end
  if not known.done then return 409, nil, { error = "it is being made" } end
  return answer(known.order)
end

return {
  ["http://bank.test"] = function(request)
    if request.route ~= "/payments" then return 404 end
    if request.method ~= "POST" then return 200, nil, { payments = payments } end
    lull.sleep(0.2)
    return pay(request)
  end,
}
