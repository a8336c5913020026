-- command: the `lull` that the rock installs; the binary has main.c instead.

require("lull.usage").own()
local code = require("lull.cli.main").main(arg)
require("lull.cli.output").flush()
os.exit(require("lull.exit").with_losses(code))
