#!/bin/sh
# nginx 1.22.1 at its default passes half an answer on as a whole one, and caches it:
# node's server breaks off in the middle of a page, and each client gets 50,000 of
# its 100,000 bytes as a complete 200 until the cache is renewed.
#
# proxy_http_version is 1.0 where nothing is set. To such a client node (as most
# servers do) sends a body of unknown length without chunks, to the connection's end,
# so that an end by an error looks like the end. nginx then sends that to the client
# in chunks with their last one, by which it says that the answer is whole: what was
# lost between nginx and the server can be seen by nobody behind it, and no retry
# helps. With 1.1 nginx sees it, logs it, cuts the client off, and caches nothing.
#
# Seen with Debian 12's nginx 1.22.1-9+deb12u11 and curl 7.88.1-10+deb12u15, node 20;
# the page breaks off once:
#   by default: exit 0, 50000 bytes; exit 0, 50000 bytes; requests of the server 1
#   proxy_http_version 1.1: exit 18, 50000 bytes; exit 0, 100000 bytes; requests 2
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; rm -rf "$here"' EXIT
cd "$here"

apt-get download -q -o APT::Sandbox::User=root nginx=1.22.1-9+deb12u11 \
  curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done

# A page in two halves. For the first request for a path the connection ends when one
# has gone out, as it does when a process dies.
cat >server.mjs <<'JS'
import http from "node:http";

const asked = {};
const server = http.createServer((request, response) => {
  asked[request.url] = (asked[request.url] ?? 0) + 1;
  console.error(request.url, request.httpVersion);
  const half = "x".repeat(50000);
  response.write(half, () => {
    if (asked[request.url] === 1) response.socket.end();
    else response.end(half);
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node server.mjs >port 2>asked &
pids=$!
until [ -s port ]; do sleep 0.1; done

cat >nginx.conf <<CFG
daemon off;
master_process off;
pid nginx.pid;
error_log errors warn;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  proxy_cache_path cache keys_zone=pages:1m;
  proxy_cache pages;
  proxy_cache_valid 200 10m;
  server {
    listen unix:$here/in.sock;
    location /default { proxy_pass http://127.0.0.1:$(cat port); }
    location /1.1 {
      proxy_pass http://127.0.0.1:$(cat port);
      proxy_http_version 1.1;
    }
  }
}
CFG
usr/sbin/nginx -p "$here" -c nginx.conf 2>problems &
pids="$pids $!"
until [ -S in.sock ]; do sleep 0.1; done

LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
{
  for path in default 1.1; do
    for _ in 1 2; do
      code=0
      usr/bin/curl -q -sS -o page --unix-socket in.sock "http://shop.test/$path" 2>>said || code=$?
      echo "$path: exit $code, $(wc -c <page) bytes"
    done
    echo "$path: requests of the server $(grep -c "^/$path " asked)"
  done
} | tee seen
cat asked said
cat >expected <<'TEXT'
default: exit 0, 50000 bytes
default: exit 0, 50000 bytes
default: requests of the server 1
1.1: exit 18, 50000 bytes
1.1: exit 0, 100000 bytes
1.1: requests of the server 2
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
