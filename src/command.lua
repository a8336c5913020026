-- command: the `lull` that the rock installs; the binary has main.c instead.

local code = require("lull.cli").main(arg)
io.stdout:flush()
os.exit(code)
