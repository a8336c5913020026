#!/bin/sh
# Submits this repository's own files to a failing API on loopback, and then
# checks the server's log against lull's; then sends the rows of a file, without
# a script, through a kill. Called by `make demo`; ends within half a minute on
# an idle machine; its exit status says whether all was right.
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
server=""
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi; rm -rf "$dir"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
  yellow=$(printf '\033[33m') green=$(printf '\033[32m')
else
  bold="" dim="" plain="" yellow="" green=""
fi
say() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }

# The server says its port once it listens.
mkfifo "$dir/port"
lua5.4 tests/server.lua scripts/worlds/copyleaks.lua --seconds 120 \
  --log "$dir/server.log" >"$dir/port" &
server=$!
read -r _ port <"$dir/port"
url="http://127.0.0.1:$port"

# 48 files: four times through all that the server has in store.
list() { git ls-files 2>/dev/null || true; find src scripts tests -type f | sort; }
list | grep -E '\.(c|h|lua|sh)$' | awk '!seen[$0]++' | head -48 >"$dir/files"
set --
while read -r file; do set -- "$@" "$file"; done <"$dir/files"

say "A failing API listens on $url (scripts/worlds/copyleaks.lua)."
echo "It takes 10 requests a second, lets its first token expire, answers 429, 500 and 503, resets"
echo "connections, and now and then stores a file without saying so."
say "lull submits $# files of this repository to it (scripts/copyleaks.lua), with --trace:"
echo "The waits are a twentieth of the documented 2-11, 3-12, 5-14 ... seconds: this is a demo."
echo

# The trace, made to fit: eight digits of a scan's id for its URL, and what
# held an attempt up in two words.
shorten() {
  sed -u -E \
    -e '/^demo: /d' \
    -e 's/ #[0-9]+ [A-Z]+ / /' \
    -e 's,http://[^ ]*/v3/scans/submit/file/([0-9a-f]{8})[0-9a-f]*,scan \1,' \
    -e 's,http://[^ ]*/v3/account/login/api,login        ,' \
    -e 's, attempt ([0-9]+) of [0-9]+:, try \1:,' \
    -e "s, \\[(rule [^]]*|by the script's rule)\\],," \
    -e 's, \[waited 0(\.0[0-9]*)?s [^]]*\],,' \
    -e 's, \[waited ([^ ]*) for ([a-z]*) of [^]]*\], [\2: \1],' \
    -e "s/.*-> retry.*/$yellow&$plain/" \
    -e "s/.*-> accept.*/$green&$plain/"
}
set +e
{
  COPYLEAKS_API=$url COPYLEAKS_ID=$url build/lull --seed 1 --trace \
    --log "$dir/lull.log" tests/demo.lua "$@" 2>&1 >"$dir/out"
  echo $? >"$dir/code"
} | shorten
set -e

say "What the script printed: file, scan, outcome, attempts, seconds waited"
awk -F '\t' -v dim="$dim" -v plain="$plain" '
  NF == 5 { printf "%-32s %s%s%s  %-7s %d %5s\n", $1, dim, $2, plain, $3, $4, $5; next }
  { print }' "$dir/out"

say "The server's log against lull's:"
status=0
lua5.4 tests/demo_check.lua "$dir/server.log" "$dir/lull.log" "$url" || status=1
[ "$(cat "$dir/code")" = 0 ] || {
  echo "WRONG  the script ended with $(cat "$dir/code")"
  status=1
}
# A file of rows, no script, and a kill on the way.
kill "$server" 2>/dev/null || true
export DEMO_ORDERS="$dir/stored"
: >"$DEMO_ORDERS"
mkfifo "$dir/second"
lua5.4 tests/server.lua tests/demo_orders.lua --seconds 60 >"$dir/second" &
server=$!
read -r _ port <"$dir/second"
{ echo id,sku,count; seq 1 40 | awk '{ printf "o%02d,S-%d,%d\n", $1, $1, $1 % 5 + 1 }'; } >"$dir/orders.csv"
say "Each row of orders.csv a request, no script; lull is killed on its way (kill -9), and started again:"
cat <<END
lull post http://127.0.0.1:$port/orders --each orders.csv --key '{id}' \\
  --json '{"sku": {sku}, "count": {count}}' --journal orders.lull --failed failed.csv --report orders.html
END
lull=$PWD/build/lull
set -- post "http://127.0.0.1:$port/orders" --each orders.csv --key '{id}' --results results.ndjson \
  --json '{"sku": {sku}, "count": {count}}' --journal orders.lull --failed failed.csv --report orders.html
stored() { wc -l <"$DEMO_ORDERS"; }
cd "$dir"
"$lull" "$@" 2>/dev/null &
run=$!
for _ in $(seq 200); do
  [ "$(stored)" -lt 12 ] || break
  sleep 0.05
done
kill -9 "$run" 2>/dev/null || true
wait "$run" 2>/dev/null || true
echo "killed: $("$lull" status orders.lull | sed -n 2p)"
"$lull" "$@" || status=1
cd "$OLDPWD"
if [ "$(stored)" = 40 ] && [ "$(cut -d' ' -f1 "$DEMO_ORDERS" | sort -u | wc -l)" = 40 ]; then
  echo "ok    the server has each of the 40 orders once"
else
  echo "WRONG  the server has $(stored) orders"
  status=1
fi
if [ "$status" = 0 ]; then
  say "Every file is in, each exactly once, and so is every row."
else
  say "Something is wrong; see above."
fi
exit "$status"
