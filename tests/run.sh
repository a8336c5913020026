#!/bin/sh
# Runs every spec on every Lua that is installed; the binary's own specs run
# once. The last line is "N passed, N failed".
#   tests/run.sh [FILE-OR-FOLDER ...]
set -u
cd "$(dirname "$0")/.."

# Which modules there are for which Lua differs from system to system, and Lua 5.5
# is younger than most: only those with all that the specs need.
luas=""
for lua in lua5.1 lua5.2 lua5.3 lua5.4 lua5.5 luajit; do
  command -v "$lua" >/dev/null || continue
  lacks=""
  for module in busted cjson socket cqueues; do
    "$lua" -e "require '$module'" 2>/dev/null || lacks="$lacks $module"
  done
  number=${lua#lua}
  [ "$lua" = luajit ] || pkg-config --exists "lua$number" 2>/dev/null ||
    pkg-config --exists "lua-$number" 2>/dev/null || lacks="$lacks headers"
  if [ -n "$lacks" ]; then
    echo "$lua is left out: there is no$lacks for it"
  else
    luas="$luas $lua"
  fi
done
# LULL_TEST_LUAS chooses fewer.
luas=${LULL_TEST_LUAS:-$luas}
[ $# -gt 0 ] || set -- tests scripts

broken() { echo "0 passed, 1 failed"; exit 1; }
make -s -j"$(nproc)" all || broken
for lua in $luas; do
  make -s -j"$(nproc)" module unit LUA="$lua" || broken
done
tests/specs.sh "$luas" "$@"
