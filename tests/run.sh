#!/bin/sh
# Runs every spec on every Lua that is installed; the binary's own specs run
# once. The last line is "N passed, N failed".
#   tests/run.sh [spec ...]
set -u
cd "$(dirname "$0")/.."
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

make -s all || { echo "0 passed, 1 failed"; exit 1; }

# One interpreter: builds for it, runs, leaves its output in a file.
one() {
  lua=$1
  shift
  tags="--exclude-tags=binary"
  [ "$lua" != lua5.4 ] || tags=""
  if make -s module unit LUA="$lua" >"$out/$lua" 2>&1; then
    LULL_LUA=$lua LUA_PATH="./src/?.lua;./?.lua;;" \
      LUA_CPATH="./build/$lua/?.so;;" \
      "$lua" tests/busted.lua $tags --output=plainTerminal \
      --pattern=_spec "$@" >>"$out/$lua" 2>&1
    echo "exit $?" >>"$out/$lua"
  fi
}

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

# Two at a time: the machine has at least two cores.
set_one=""
for lua in $luas; do
  one "$lua" "$@" &
  if [ -n "$set_one" ]; then wait "$set_one"; fi
  set_one=$!
done
wait

passed=0
failed=0
for lua in $luas; do
  line=$(grep -aE '^[0-9]+ success' "$out/$lua" | tail -1)
  ok=$(echo "$line" | sed -n 's/^\([0-9]*\) success.*/\1/p')
  bad=$(echo "$line" | sed -n 's/.* \([0-9]*\) failure.* \([0-9]*\) error.*/\1 + \2/p')
  bad=$((${bad:-1}))
  # A run that ended badly without saying so counts as one failure.
  [ "$bad" -gt 0 ] || [ "$(tail -1 "$out/$lua")" = "exit 0" ] || bad=1
  echo "== $lua: ${ok:-0} passed, $bad failed"
  [ "$bad" -eq 0 ] || cat "$out/$lua"
  passed=$((passed + ${ok:-0}))
  failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
