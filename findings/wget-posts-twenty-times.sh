#!/bin/sh
# wget 1.21.3 sends a POST twenty times when its server reads it and ends without
# an answer: one command, twenty orders, exit 4.
#
# --tries is 20 by default, but for fatal errors such as a refused connection, says
# the manual, and names no method there, nor tries at --post-data. So when all of a
# POST or PATCH has gone out and its connection ends without an answer, it is sent
# again as a GET would be; RFC 9110 9.2.2 has a client not repeat by itself what is
# not idempotent, unless it knows that it was not applied. curl sends it once.
# A script that is given one webhook to call finds out from the other side's books.
#
# Seen with Debian 12's wget 1.21.3-1+deb12u1 and curl 7.88.1-10+deb12u15:
#   wget --post-data: exit 4, requests 20
#   wget --method=PATCH: exit 4, requests 20
#   curl -d: exit 52, requests 1
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; rm -rf "$here"' EXIT
cd "$here"

apt-get download -q -o APT::Sandbox::User=root wget=1.21.3-1+deb12u1 libpsl5 \
  curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done
LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH

# Reads a request whole, and ends its connection.
cat >server.py <<'PY'
import socket, sys

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    stream = connection.makefile("rb")
    line, length = stream.readline(), 0
    words = line.decode().split()
    while line.strip():
        line = stream.readline()
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    print(words[1], words[0], stream.read(length).decode(), file=sys.stderr, flush=True)
    connection.shutdown(socket.SHUT_RDWR)
PY
python3 server.py >port 2>got &
pids=$!
until [ -s port ]; do sleep 0.1; done

# try PATH METHOD NAME COMMAND...
try() {
  path=$1 method=$2 name=$3
  shift 3
  code=0
  "$@" "http://127.0.0.1:$(cat port)/$path" 2>>errors || code=$?
  echo "$name: exit $code, requests $(grep -c "^/$path $method once\$" got)"
}
# Without --waitretry=0 it waits 1, 2, 3, ... 10 s between them.
{
  try post POST 'wget --post-data' usr/bin/wget --no-config -q --waitretry=0 -O page --post-data=once
  try patch PATCH 'wget --method=PATCH' usr/bin/wget --no-config -q --waitretry=0 -O page --method=PATCH --body-data=once
  try curl POST 'curl -d' usr/bin/curl -q -sS -o page -d once
} | tee seen
cat errors
cat >expected <<'TEXT'
wget --post-data: exit 4, requests 20
wget --method=PATCH: exit 4, requests 20
curl -d: exit 52, requests 1
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
