#!/bin/sh
# Installs the peers that lull is measured against: Debian's packages, and
# some of npm's in build/bench. None of them is needed to build or use lull.
set -eu
cd "$(dirname "$0")/.."

packages="nginx-light wrk nghttp2-client curl valgrind openssl time
  golang-go golang-github-hashicorp-go-retryablehttp-dev
  luajit lua-http python3 python3-aiohttp python3-uvloop python3-tenacity
  python3-urllib3 python3-httpx redis-server redis-tools parallel python3-persist-queue
  python3-rq python3-celery python3-redis
  python3-botocore aria2 wget"

sudo=""
[ "$(id -u)" = 0 ] || sudo=sudo
missing=""
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
    grep -q "ok installed" || missing="$missing $package"
done
if [ -n "$missing" ]; then
  echo "bench: installing$missing"
  $sudo apt-get update -q
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
    --no-install-recommends $missing
fi
if command -v npm >/dev/null; then
  echo "bench: installing undici 7, got 14 and BullMQ 6 in build/bench"
  npm install --silent --prefix build/bench undici@7 got@14 bullmq@6 ioredis@5
else
  echo "bench: no npm: undici, got and BullMQ will be missing"
fi
