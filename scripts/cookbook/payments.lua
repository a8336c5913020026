#!/usr/bin/env lull
-- Pays each invoice of a file once, whatever gets lost on the way. With a journal another run does
-- only the rest.
--
--     lull --journal FILE scripts/cookbook/payments.lua INVOICES [BASE-URL]
--                                                        INVOICES: "number amount" a line
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

local function pay(line)
  local number, amount = line:match "^(%S+)%s+(%d+)$"
  if not number then
    print("refused", line, "not a number and an amount")
    return nil, "not a number and an amount"
  end
  local res, err = bank:post("/payments", {
    -- The invoice's own number, so that it is paid once from another file, too.
    key = "invoice-" .. number,
    json = { invoice = number, amount = tonumber(amount) },
  })
  if err then err.later = err.why ~= "rule" end -- what is not refused may be paid another time
  print(res and "paid" or err.later and "later" or "refused", number,
    res and res:json().payment or tostring(err))
  return res, err
end

local sum = lull.each(lull.rows(arg[1], { format = "lines" }), { parallel = 4 }, pay)
print(("%d paid, %d before, %d refused, %d to be tried later"):format(sum.done, sum.before, sum.failed,
  sum.later))
lull.exit(sum.code)
