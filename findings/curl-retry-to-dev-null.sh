#!/bin/sh
# curl 7.88.1 does not try again where its output is /dev/null: the first answer
# to be retried that has a body ends it with 23, "Failed to truncate file".
#
# Before another try curl cuts off what the last one wrote, and /dev/null cannot
# be cut. `curl --retry 5 -o /dev/null -w '%{http_code}'` is how scripts wait for
# a service to come up; it does, as long as the errors meanwhile have no body.
#
# Seen with Debian 12's curl 7.88.1-10+deb12u15: 503 with a body of 4 bytes, one
# request and exit 23; without a body, or with -o and a file, two requests and 0.
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; rm -rf "$here"' EXIT
cd "$here"

apt-get download -q -o APT::Sandbox::User=root curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done
LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH

# The first request for a path gets 503, each later one 200.
cat >server.py <<'PY'
import http.server, sys

asked = {}

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        asked[self.path] = asked.get(self.path, 0) + 1
        print(self.path, file=sys.stderr, flush=True)
        body = b"" if self.path == "/empty" else b"wait"
        self.send_response(503 if asked[self.path] == 1 else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PY
python3 server.py >port 2>asked &
pids=$!
until [ -s port ]; do sleep 0.1; done

# try PATH OUTPUT: "exit code, requests"
try() {
  code=0
  usr/bin/curl -sS --retry 2 --retry-delay 1 -o "$2" "http://127.0.0.1:$(cat port)/$1" 2>>errors || code=$?
  echo "-o ${2##*/}, /$1: exit $code, requests $(grep -c "^/$1\$" asked)"
}
{
  try body /dev/null
  try empty /dev/null
  try file file
} | tee seen
cat errors
cat >expected <<'TEXT'
-o null, /body: exit 23, requests 1
-o null, /empty: exit 0, requests 2
-o file, /file: exit 0, requests 2
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
