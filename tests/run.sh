#!/bin/sh
# Runs every spec on every Lua that is installed; the binary's own specs run
# once. The last line is "N passed, N failed".
#   tests/run.sh [FILE-OR-FOLDER ...]
set -u
cd "$(dirname "$0")/.."

luas=""
for lua in lua5.1 lua5.2 lua5.3 lua5.4 luajit; do
  command -v "$lua" >/dev/null && luas="$luas $lua"
done
# Lua 5.5 is younger than most systems: only with all that the tests need.
if pkg-config --exists lua5.5 2>/dev/null || pkg-config --exists lua-5.5 2>/dev/null; then
  lua5.5 -e 'require "busted"' 2>/dev/null && luas="$luas lua5.5"
fi
# LULL_TEST_LUAS chooses fewer.
luas=${LULL_TEST_LUAS:-$luas}
[ $# -gt 0 ] || set -- tests scripts

broken() { echo "0 passed, 1 failed"; exit 1; }
make -s all || broken
for lua in $luas; do
  make -s module unit LUA="$lua" || broken
done
tests/specs.sh "$luas" "$@"
