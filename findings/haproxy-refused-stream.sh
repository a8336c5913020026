#!/bin/sh
# HAProxy 2.6.12 says REFUSED_STREAM over HTTP/2 for a POST that its backend has
# read whole, and curl 7.88.1 then sends it again: one command, two orders.
#
# RFC 9113 8.7 lets a client repeat a refused stream, whatever its method, as
# nothing of it was processed. HAProxy uses it for something else: when a server
# connection that it uses again dies before the answer, it ends the client's
# stream without one, so that the client may decide, and as nothing was sent on
# that stream, the reset's code is REFUSED_STREAM.
#
# Here the backend answers a GET, keeps the connection, reads a POST on it and
# ends without an answer, as a process does that dies at its work.
#
# Seen with Debian 12's haproxy 2.6.12-1+deb12u4 and curl 7.88.1-10+deb12u15:
#   the backend got: GET, POST once, POST once; curl: 200, exit 0
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; rm -rf "$here"' EXIT
cd "$here"

apt-get download -q -o APT::Sandbox::User=root haproxy=2.6.12-1+deb12u4 libopentracing-c-wrapper0 libopentracing1 \
  curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done
LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH

cat >backend.py <<'PY'
import socket, sys, threading

def request(stream):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    length = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
              if line.startswith(b"content-length:")]
    return head.split(b" ")[0], stream.read(length[0] if length else 0)

def serve(connection):
    stream, used = connection.makefile("rb"), False
    while True:
        got = request(stream)
        if not got:
            break
        print(*(part.decode() for part in got), file=sys.stderr, flush=True)
        if got[0] == b"POST" and used:
            break
        used = True
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    connection.shutdown(socket.SHUT_RDWR)

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
PY
python3 backend.py >port 2>got &
pids=$!
until [ -s port ]; do sleep 0.1; done

cat >haproxy.cfg <<CFG
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend in
  bind unix@$here/in.sock proto h2
  default_backend out
backend out
  http-reuse always
  server one 127.0.0.1:$(cat port)
CFG
usr/sbin/haproxy -f haproxy.cfg -db >/dev/null 2>&1 &
pids="$pids $!"
until [ -S in.sock ]; do sleep 0.1; done

ask() {
  usr/bin/curl -sS --max-time 20 -o /dev/null -w '%{http_code}\n' --http2-prior-knowledge \
    --unix-socket in.sock "$@" http://shop.test/
}
usr/sbin/haproxy -v | head -1
usr/bin/curl --version | head -1
ask >/dev/null
status=$(ask -d once)
echo "the backend got:"
cat got
echo "curl: $status"
[ "$status" = 200 ] || { echo "curl no longer ends with 200"; exit 1; }
[ "$(grep -c '^POST once' got)" = 2 ] || { echo "the POST no longer arrives twice"; exit 1; }
