#!/usr/bin/env lull
-- Pays each invoice of a file once, whatever gets lost on the way.
--
--     lull scripts/cookbook/payments.lua INVOICES [BASE-URL]      INVOICES: "number amount" a line
local lull = require "lull"

if not arg[1] then
  io.stderr:write "usage: payments.lua INVOICES [BASE-URL]\n"
  lull.exit(2)
end

local bank = lull.client {
  base = arg[2] or "http://bank.test",
  attempts = 8, timeout = "20s", deadline = "10m",
  on = {
    -- With a key a 409 says that the first attempt is still being worked on.
    [409] = { "retry", backoff = "const:2s" },
  },
}

local count = { paid = 0, refused = 0, later = 0 }

local function pay(line)
  local number, amount = line:match "^(%S+)%s+(%d+)$"
  if not number then
    count.refused = count.refused + 1
    return print("refused", line, "not a number and an amount")
  end
  local res, err = bank:post("/payments", {
    -- The invoice's own number, so that another run of this script is no second payment either.
    key = "invoice-" .. number,
    json = { invoice = number, amount = tonumber(amount) },
  })
  local group = res and "paid" or err.why == "rule" and "refused" or "later"
  count[group] = count[group] + 1
  print(group, number, res and res:json().payment or tostring(err))
end

lull.each(assert(io.open(arg[1])):lines(), { parallel = 4 }, pay)
print(("%d paid, %d refused, %d to be tried later"):format(count.paid, count.refused, count.later))
lull.exit(count.later > 0 and 75 or count.refused > 0 and 1 or 0)
