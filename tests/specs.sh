#!/bin/sh
# Runs each file of specs in a process of its own: what one leaves in memory costs
# the next nothing. Two more at once than there are processors, as many of them
# wait for a server. Prints the output of those that failed, a line for each Lua,
# and "N passed, N failed".
#   specs.sh "LUA ..." FILE-OR-FOLDER ...
# LULL_BUILD is what the build's folder has after the name of the Lua,
# LULL_PRELOAD a library that every process loads first.
set -u
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
luas=$1
shift

missing=0
for place in "$@"; do
  [ -e "$place" ] || { echo "$place: no such file or folder"; missing=$((missing + 1)); }
done

# The longest ones begin first. A line is a file: no name has a line's end.
slow='/(binary|wire|download|head|experiments|leaks|cookbook|kill|kill_kinds|manual|redis|shared|fetch|progress|lookup)_spec\.lua$'
find "$@" -name '*_spec.lua' 2>/dev/null | sort >"$out/sorted"
{ grep -E "$slow" "$out/sorted"; grep -vE "$slow" "$out/sorted"; } >"$out/files"
for lua in $luas; do
  number=0
  while IFS= read -r file; do
    number=$((number + 1))
    printf '%s\0%s\0%s\0' "$lua" "$number" "$file"
  done <"$out/files"
done >"$out/list"

# The binary's own specs run once.
cat >"$out/one" <<'END'
out=$1 lua=$2 number=$3 file=$4
tags="--exclude-tags=binary"
[ "$lua" != lua5.4 ] || tags=""
log=$out/$lua.$number
[ -z "${LULL_PRELOAD:-}" ] || export LD_PRELOAD="$LULL_PRELOAD"
LULL_LUA=$lua LUA_PATH="./src/?.lua;./?.lua;;" \
  LUA_CPATH="./build/$lua${LULL_BUILD:-}/?.so;;" \
  "$lua" tests/busted.lua $tags --output=plainTerminal --pattern=_spec "$file" >"$log" 2>&1
code=$?
printf '\n%s: exit %s\n' "$file" "$code" >>"$log"
END
xargs -0 -r -P $(($(nproc) + 2)) -n 3 sh "$out/one" "$out" <"$out/list"

# The number before a word in busted's last line; none when there is no such line.
counted() { # WORD FILE
  grep -aE '^[0-9]+ success' "$2" | tail -1 | sed -nE "s/^(.* )?([0-9]+) $1(es|s)? .*/\2/p"
}

# What went wrong in a run; one that ended without busted's last line, or badly
# without a word, counts as one failure.
wrong_in() { # FILE
  failures=$(counted failure "$1")
  errors=$(counted error "$1")
  sum=$((${failures:-1} + ${errors:-0}))
  [ "$sum" -gt 0 ] || tail -1 "$1" | grep -q ': exit 0$' || sum=1
  echo "$sum"
}

passed=0
failed=$missing
for lua in $luas; do
  good=0
  bad=0
  number=0
  while IFS= read -r file; do
    number=$((number + 1))
    log=$out/$lua.$number
    [ -e "$log" ] || echo "$file: was not run" >"$log"
    ok=$(counted success "$log")
    wrong=$(wrong_in "$log")
    [ "$wrong" -eq 0 ] || cat "$log"
    good=$((good + ${ok:-0}))
    bad=$((bad + wrong))
  done <"$out/files"
  echo "== $lua: $good passed, $bad failed"
  passed=$((passed + good))
  failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
