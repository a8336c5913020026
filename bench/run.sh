#!/bin/sh
# Runs the benchmarks: builds what they need, starts the servers on loopback,
# and ends them. bench/README.md says what each measures.
#
#   run.sh [all | count | results | SCENARIO...]
#
# QUICK=1 runs small numbers once, to see that all works.
set -eu
cd "$(dirname "$0")/.."
out=build/bench
lua=${LUA:-lua5.4}

# In virtual time: it needs no server.
if [ "${1:-all}" = converge ]; then
  shift
  make -s module LUA="$lua"
  LUA_PATH="./src/?.lua;./?.lua;;" LUA_CPATH="./build/$lua/?.so;;" \
    exec "$lua" bench/converge.lua "$@"
fi

# They start servers of their own.
case ${1:-all} in
limits) alone=sockets ;;
windows) alone=windows ;;
*) alone= ;;
esac
if [ -n "$alone" ]; then
  shift
  make -s all module LUA="$lua"
  LUA_PATH="./src/?.lua;./?.lua;;" LUA_CPATH="./build/$lua/?.so;;" \
    exec "$lua" "bench/$alone.lua" "$@"
fi
mkdir -p "$out/www/bytes" "$out/logs" "$out/sections" "$out/quick"

missing=""
for tool in gcc curl "$lua"; do
  command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -n "$missing" ]; then
  echo "bench: missing:$missing" >&2
  exit 2
fi

# ---- what is measured, and with what ----

make -s all LUA="$lua"
cp build/lull "$out/lull"
rm -f "$out/lull-single"
[ ! -x build/lull-single ] || cp build/lull-single "$out/" # after `make single`
cp bench/clients/* "$out/"
gcc -std=c11 -O2 -o "$out/server" bench/server.c
gcc -std=c11 -O2 -o "$out/measure" bench/measure.c
gcc -std=c11 -O2 -g -o "$out/floor" bench/floor.c -lcurl

# Peers come from Debian's packages and npm; what is not there is named in
# the results.
if [ "${1:-all}" != count ] && command -v go >/dev/null; then
  (cd "$out" && GO111MODULE=off GOPATH=/usr/share/gocode \
    go build -o goclient client.go) || echo "bench: Go's client: not built"
fi

# ---- limits and processors ----

# shellcheck disable=SC3045
ulimit -n "$(ulimit -Hn)" || true
cpus=$(nproc)
export BENCH_SERVER_CPU=0 BENCH_CLIENT_CPU=$((cpus > 1 ? 1 : 0))

# ---- servers ----

pids=""
stop() {
  for pid in $pids; do kill "$pid" 2>/dev/null || true; done
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

taskset -c "$BENCH_SERVER_CPU" "$out/server" 3600 >"$out/port" &
pids="$pids $!"

if [ "${1:-all}" != count ] && command -v nginx >/dev/null; then
  [ -s "$out/ca.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -days 3650 \
    -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$out/key.pem" -out "$out/ca.pem" 2>/dev/null
  head -c 1024 /dev/zero | tr '\0' x >"$out/www/bytes/1024"
  # Ports that the kernel gives to nobody by itself.
  BENCH_NGINX=${BENCH_NGINX:-28080}
  export BENCH_NGINX
  sed -e "s|@OUT@|$PWD/$out|g" -e "s|@PLAIN@|$BENCH_NGINX|" \
    -e "s|@TLS@|$((BENCH_NGINX + 1))|" -e "s|@SHORT@|$((BENCH_NGINX + 2))|" \
    bench/nginx.conf >"$out/nginx.conf"
  taskset -c "$BENCH_SERVER_CPU" nginx -e "$PWD/$out/logs/error" \
    -p "$PWD/$out" -c nginx.conf &
  pids="$pids $!"
fi

tries=0
while [ ! -s "$out/port" ] && [ $tries -lt 50 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
sleep 0.3
BENCH_PORT=$(cat "$out/port")
export BENCH_PORT

"$lua" bench/bench.lua "$out" "$@"
