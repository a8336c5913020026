-- parser: argparse, which reads the options: the one that the binary carries,
-- else the one that is installed. A script's own `require "argparse"` is not
-- concerned.

return require(package.preload["lull.lib.argparse"] and "lull.lib.argparse" or "argparse")
