#!/bin/sh
# wget -N, curl -z and curl --etag-save keep half a file for good after a download
# that broke off: the next run, and each one after it, asks whether the file was
# modified, hears 304, and ends with 0.
#
# What breaks off fails as it should. But curl 7.88.1 has by then saved the ETag,
# which came with the head, and the half file is newer than the server's, so that
# If-Modified-Since of its time gets 304 too. None of them compares its length.
# wget's manual (5.2, a footnote) promises that a different length is downloaded
# whatever the time says; since -N sends If-Modified-Since, it is so with
# --no-if-modified-since alone. Nightly mirrors are made of these very options;
# apt-mirror has had a mend for it.
#
# Seen with Debian 12's wget 1.21.3-1+deb12u1 and curl 7.88.1-10+deb12u15, a file
# of 200,000 bytes that breaks off at 100,000 once; exits of three runs, and what
# is there after them: see `expected` below.
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

# One version of each file, a day old. Its first GET ends in the middle; what asks
# whether it was modified is told that it was not.
cat >server.py <<'PY'
import email.utils, http.server, sys, time

SIZE, TAG = 200000, '"one"'
MODIFIED = int(time.time()) - 86400
asked = set()

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def unmodified(self):
        tag, since = self.headers.get("If-None-Match"), self.headers.get("If-Modified-Since")
        if tag is not None:
            return tag == TAG
        return since is not None and email.utils.parsedate_to_datetime(since).timestamp() >= MODIFIED

    def do_GET(self):
        unmodified = self.unmodified()
        self.send_response(304 if unmodified else 200)
        self.send_header("ETag", TAG)
        self.send_header("Last-Modified", email.utils.formatdate(MODIFIED, usegmt=True))
        if not unmodified:
            self.send_header("Content-Length", str(SIZE))
        self.end_headers()
        if not unmodified and self.command == "GET":
            self.wfile.write(b"x" * (SIZE if self.path in asked else SIZE // 2))
            asked.add(self.path)
            self.close_connection = True

    do_HEAD = do_GET

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PY
python3 server.py >port &
pids=$!
until [ -s port ]; do sleep 0.1; done

# thrice FILE NAME COMMAND...
thrice() {
  file=$1 name=$2 codes=
  shift 2
  for _ in 1 2 3; do
    code=0
    "$@" "http://127.0.0.1:$(cat port)/$file" 2>>errors || code=$?
    codes="$codes $code"
  done
  echo "$name: exits$codes, $(wc -c <"$file") bytes"
}
{
  thrice tag 'curl --etag-compare --etag-save' usr/bin/curl -q -sS --etag-compare known --etag-save known -o tag
  thrice date 'curl -R -z' usr/bin/curl -q -sS -R -z date -o date
  thrice new 'wget -N' usr/bin/wget --no-config -nv -t 1 -N
  thrice continued 'wget -N -c' usr/bin/wget --no-config -nv -t 1 -N -c
  thrice head 'wget -N --no-if-modified-since' usr/bin/wget --no-config -nv -t 1 -N --no-if-modified-since
} | tee seen
cat errors
cat >expected <<'TEXT'
curl --etag-compare --etag-save: exits 18 0 0, 100000 bytes
curl -R -z: exits 18 0 0, 100000 bytes
wget -N: exits 4 0 0, 100000 bytes
wget -N -c: exits 4 0 0, 100000 bytes
wget -N --no-if-modified-since: exits 4 0 0, 200000 bytes
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
