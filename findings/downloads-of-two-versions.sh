#!/bin/sh
# wget 1.21.3 and aria2 1.36.0 put the halves of two versions of a file together
# and end with 0, though the server told them apart by ETag and Last-Modified.
#
# A download breaks off in the middle, and the file is renewed before the client
# comes back. Within one run, without -c, both ask for the rest by Range and
# without If-Range, so that the server sends a 206 of the new version; neither
# compares its validators and its date with those of the first answer (RFC 9110
# 15.3.7.3 lets parts be combined only when they share a strong validator).
#
# Seen with Debian 12's wget 1.21.3-1+deb12u1 and aria2 1.36.0-1:
#   100,000 bytes of the old file, then 100,000 of the new one, exit 0
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; rm -rf "$here"' EXIT
cd "$here"

apt-get download -q -o APT::Sandbox::User=root wget=1.21.3-1+deb12u1 libpsl5 \
  aria2=1.36.0-1 libaria2-0=1.36.0-1 libc-ares2 libssh2-1 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done
LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH

# The first answer is of version A and ends in its middle; all later ones are of
# version B. If-Range is honoured.
cat >server.py <<'PY'
import http.server, sys

SIZE = 200000
VERSIONS = [(b"A", '"one"', "Mon, 02 Nov 2026 10:00:00 GMT"), (b"B", '"two"', "Tue, 03 Nov 2026 10:00:00 GMT")]
asked = []

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        first = not asked
        asked.append(True)
        letter, tag, date = VERSIONS[0 if first else 1]
        wanted, condition = self.headers.get("Range"), self.headers.get("If-Range")
        print("Range:", wanted, "If-Range:", condition, file=sys.stderr, flush=True)
        start = 0
        if wanted and condition in (None, tag, date):
            start = int(wanted.split("=")[1].split("-")[0])
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, SIZE - 1, SIZE))
        else:
            self.send_response(200)
        self.send_header("ETag", tag)
        self.send_header("Last-Modified", date)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(SIZE - start))
        self.end_headers()
        self.wfile.write(letter * ((SIZE - start) // (2 if first else 1)))
        self.close_connection = True

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PY

wrong=0
# try NAME COMMAND...: the command is given the URL, and writes to NAME.
try() {
  name=$1
  shift
  python3 server.py >port 2>asked &
  server=$!
  pids="$pids $server"
  until [ -s port ]; do sleep 0.1; done
  code=0
  "$@" "http://127.0.0.1:$(cat port)/file" || code=$?
  kill "$server"
  wait "$server" 2>/dev/null || true
  old=$(tr -dc A <"$name" | wc -c)
  new=$(tr -dc B <"$name" | wc -c)
  echo "$name: exit $code, $old bytes of the old file and $new of the new one"
  sed 's/^/  /' asked
  [ "$code $old $new" = "0 100000 100000" ] || wrong=1
  rm port
}
usr/bin/wget --version | head -1
usr/bin/aria2c --version | head -1
try wget.out usr/bin/wget -q --waitretry=0 -O wget.out
try aria2.out usr/bin/aria2c -q --no-conf --retry-wait=1 -o aria2.out
[ "$wrong" = 0 ] || echo "this is no longer so"
exit "$wrong"
