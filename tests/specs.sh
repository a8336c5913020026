#!/bin/sh
# Runs each file of specs in a process of its own, as many at once as there are
# processors: what one leaves in memory costs the next nothing. Prints the output
# of those that failed, a line for each Lua, and "N passed, N failed".
#   specs.sh "LUA ..." FILE-OR-FOLDER ...
# LULL_BUILD is what the build's folder has after the name of the Lua,
# LULL_PRELOAD a library that every process loads first.
set -u
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
luas=$1
shift

# The longest ones begin first.
slow="binary_spec wire_spec experiments_spec leaks_spec cookbook_spec"
files=$(find "$@" -name '*_spec.lua' | sort)
first=""
for name in $slow; do
  first="$first $(echo "$files" | grep "/$name.lua")"
done
last=$(echo "$files" | grep -vE "/($(echo "$slow" | tr ' ' '|')).lua")
for lua in $luas; do
  for file in $first $last; do echo "$lua $file"; done
done >"$out/list"

# The binary's own specs run once.
cat >"$out/one" <<'END'
out=$1 lua=$2 file=$3
tags="--exclude-tags=binary"
[ "$lua" != lua5.4 ] || tags=""
log=$out/$lua-$(echo "$file" | tr / -)
[ -z "${LULL_PRELOAD:-}" ] || export LD_PRELOAD="$LULL_PRELOAD"
LULL_LUA=$lua LUA_PATH="./src/?.lua;./?.lua;;" \
  LUA_CPATH="./build/$lua${LULL_BUILD:-}/?.so;;" \
  "$lua" tests/busted.lua $tags --output=plainTerminal --pattern=_spec "$file" >"$log" 2>&1
echo "exit $?" >>"$log"
END
xargs -P "$(nproc)" -L 1 sh "$out/one" "$out" <"$out/list"

# The number before a word in busted's last line; none when there is no such line.
counted() { # WORD FILE
  grep -aE '^[0-9]+ success' "$2" | tail -1 | sed -nE "s/^(.* )?([0-9]+) $1(es|s)? .*/\2/p"
}

passed=0
failed=0
for lua in $luas; do
  good=0
  bad=0
  for log in "$out/$lua"-*; do
    ok=$(counted success "$log")
    failures=$(counted failure "$log")
    errors=$(counted error "$log")
    wrong=$((${failures:-0} + ${errors:-0}))
    # A run that ended badly without saying so counts as one failure.
    [ "$wrong" -gt 0 ] || [ "$(tail -1 "$log")" = "exit 0" ] || wrong=1
    [ "$wrong" -eq 0 ] || cat "$log"
    good=$((good + ${ok:-0}))
    bad=$((bad + wrong))
  done
  echo "== $lua: $good passed, $bad failed"
  passed=$((passed + good))
  failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
