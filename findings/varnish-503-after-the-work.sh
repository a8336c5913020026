#!/bin/sh
# Varnish 7.1.1 answers 503 with "Retry-After: 5" when its backend has read a
# POST and breaks off before the answer; curl --retry 7.88.1 takes that for leave
# to send the POST again: one order becomes as many as it has attempts.
#
# A 503 from a proxy says nothing about whether the work was done. The header is
# in Varnish's built-in VCL (vcl_backend_error), so each installation that does
# not replace it says so. curl repeats a 503 whatever the method is.
#
# Seen with Debian 12's varnish 7.1.1-2+deb12u1 and curl 7.88.1-10+deb12u15:
#   503, Retry-After: 5; the backend read the POST three times with --retry 2
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; sleep 1; rm -rf "$here"' EXIT
cd "$here"

apt-get download -q -o APT::Sandbox::User=root varnish=7.1.1-2+deb12u1 libvarnishapi3=7.1.1-2+deb12u1 \
  curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done
LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu):$(echo usr/lib/*-linux-gnu/varnish)
export LD_LIBRARY_PATH

cat >backend.py <<'PY'
import socket, sys

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    stream = connection.makefile("rb")
    line, length = stream.readline(), 0
    method = line.split(b" ")[0].decode()
    while line.strip():
        line = stream.readline()
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    print(method, stream.read(length).decode(), file=sys.stderr, flush=True)
    connection.shutdown(socket.SHUT_RDWR)
PY
python3 backend.py >port 2>>got &
pids=$!
until [ -s port ]; do sleep 0.1; done

usr/sbin/varnishd -F -j none -n "$here/varnish" -a "$here/in.sock" \
  -b "127.0.0.1:$(cat port)" >varnish.log 2>&1 &
pids="$pids $!"
tries=0
until [ -S in.sock ]; do
  sleep 0.1
  tries=$((tries + 1))
  [ "$tries" -lt 200 ] || { cat varnish.log; exit 1; }
done

ask() { usr/bin/curl -sS -o body -D head --unix-socket in.sock -d once "$@" http://shop.test/ || true; }
until ask 2>/dev/null && grep -q '^HTTP' head; do sleep 0.1; done
tr -d '\r' <head | grep -iE '^(HTTP|retry-after)' | tee told
: >got
ask --retry 2 --no-progress-meter 2>&1 || true
echo "the backend read:"
cat got
grep -q '503' told && grep -qi '^retry-after: 5$' told || { echo "Varnish says something else now"; exit 1; }
[ "$(grep -c '^POST once$' got)" = 3 ] || { echo "curl no longer repeats the POST"; exit 1; }
