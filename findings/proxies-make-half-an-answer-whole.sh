#!/bin/sh
# nginx at its default, Caddy, lighttpd and h2o make a whole answer of a half one: their
# server breaks off in the middle of a page, and the client is told that it has all of
# it: 200, 50,000 of 100,000 bytes, exit 0. A cache of nginx's gives it to all others.
#
# Apache, HAProxy, and nginx with proxy_http_version 1.1 cut the client off, as RFC 9112 8
# asks of who got an incomplete message; then it can try again. What is lost between one
# of the others and its server can be seen by nobody behind it, and no retry helps.
#
# Caddy logs "aborting with incomplete response", and ends the client's chunks with the
# last one all the same; lighttpd and h2o do so without a word. nginx cannot know it: by
# default it asks in HTTP/1.0, to which node (as most servers do) sends what has no length
# to the connection's end, without chunks, so that an end by a crash looks like the end.
# lighttpd's maintainers, asked for it, say that a client sees that the last chunk is
# missing; with server.stream-response-body = 2, not the default, it does now and then
# over HTTP/1.1, and never over HTTP/2.
#
# Seen with Debian 12's nginx 1.22.1-9+deb12u11, caddy 2.6.2-5, lighttpd 1.4.69-1, h2o
# 2.2.5+dfsg2-7, apache2 2.4.71-1~deb12u1, haproxy 2.6.12-1+deb12u4, curl
# 7.88.1-10+deb12u15, node 20; each page breaks off once and is asked for twice: see
# `expected` below.
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; sleep 1; rm -rf "$here"' EXIT
cd "$here"

apt-get download -q -o APT::Sandbox::User=root nginx=1.22.1-9+deb12u11 caddy=2.6.2-5 lighttpd=1.4.69-1 \
  h2o=2.2.5+dfsg2-7 apache2-bin=2.4.71-1~deb12u1 libapr1 libaprutil1 libbrotli1 libjansson4 liblua5.3-0 \
  haproxy=2.6.12-1+deb12u4 libopentracing-c-wrapper0 libopentracing1 \
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
port=$(cat port)
LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH

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
    listen unix:$here/nginx.sock;
    location / { proxy_pass http://127.0.0.1:$port; }
  }
  server {
    listen unix:$here/nginx-1.1.sock;
    location / {
      proxy_pass http://127.0.0.1:$port;
      proxy_http_version 1.1;
    }
  }
}
CFG
usr/sbin/nginx -p "$here" -c nginx.conf 2>problems &
pids="$pids $!"

cat >caddy.json <<CFG
{"admin": {"disabled": true}, "apps": {"http": {"servers": {"shop": {
  "listen": ["unix/$here/caddy.sock"], "automatic_https": {"disable": true},
  "routes": [{"handle": [{"handler": "reverse_proxy", "upstreams": [{"dial": "127.0.0.1:$port"}]}]}]}}}}}
CFG
HOME=$here usr/bin/caddy run --config caddy.json 2>caddy.log &
pids="$pids $!"

cat >lighttpd.conf <<CFG
server.document-root = "$here"
server.bind = "$here/lighttpd.sock"
server.errorlog = "$here/lighttpd.log"
server.modules = ("mod_proxy")
proxy.server = ("" => (("host" => "127.0.0.1", "port" => $port)))
CFG
usr/sbin/lighttpd -D -f lighttpd.conf -m usr/lib/lighttpd &
pids="$pids $!"

cat >h2o.conf <<CFG
num-threads: 1
listen: {type: unix, port: $here/h2o.sock}
hosts: {default: {paths: {/: {proxy.reverse.url: "http://127.0.0.1:$port/"}}}}
CFG
usr/bin/h2o -c h2o.conf >h2o.log 2>&1 &
pids="$pids $!"

apache=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >apache.conf <<CFG
ServerRoot $here
ServerName shop.test
Listen 127.0.0.1:$apache
PidFile apache.pid
ErrorLog apache.log
DefaultRuntimeDir $here
LoadModule mpm_event_module usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module usr/lib/apache2/modules/mod_proxy_http.so
ProxyPass / http://127.0.0.1:$port/
CFG
usr/sbin/apache2 -X -f "$here/apache.conf" &
pids="$pids $!"

cat >haproxy.cfg <<CFG
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
listen shop
  bind unix@$here/haproxy.sock
  server one 127.0.0.1:$port
CFG
usr/sbin/haproxy -f haproxy.cfg -db >haproxy.log 2>&1 &
pids="$pids $!"

ask() { # NAME
  where=--unix-socket
  [ "$1" != apache ] || where=
  # shellcheck disable=SC2086 # it is left out for Apache
  usr/bin/curl -q -sS --max-time 20 -o page ${where:+$where "$here/$1.sock"} "http://127.0.0.1:$apache/$1" 2>>said
}
# One listens when it can be connected to; a request would be the one that breaks off.
cat >listening.py <<'PY'
import socket, sys, time

end = time.monotonic() + 30
for where in sys.argv[1:]:
    while True:
        try:
            unix = "/" in where
            one = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
            one.connect(where if unix else ("127.0.0.1", int(where)))
            one.close()
            break
        except OSError:
            if time.monotonic() > end:
                sys.exit("nothing listens at " + where)
            time.sleep(0.1)
PY
python3 listening.py "$apache" "$here/nginx.sock" "$here/nginx-1.1.sock" "$here/caddy.sock" \
  "$here/lighttpd.sock" "$here/h2o.sock" "$here/haproxy.sock"

for name in nginx caddy lighttpd h2o nginx-1.1 apache haproxy; do
  told=
  for _ in 1 2; do
    code=0
    ask "$name" || code=$?
    told="$told exit $code, $(wc -c <page) bytes;"
  done
  echo "$name:$told the server was asked $(grep -c "^/$name " asked) times"
done | tee seen
cat said asked
cat >expected <<'TEXT'
nginx: exit 0, 50000 bytes; exit 0, 50000 bytes; the server was asked 1 times
caddy: exit 0, 50000 bytes; exit 0, 100000 bytes; the server was asked 2 times
lighttpd: exit 0, 50000 bytes; exit 0, 100000 bytes; the server was asked 2 times
h2o: exit 0, 50000 bytes; exit 0, 100000 bytes; the server was asked 2 times
nginx-1.1: exit 18, 50000 bytes; exit 0, 100000 bytes; the server was asked 2 times
apache: exit 18, 50000 bytes; exit 0, 100000 bytes; the server was asked 2 times
haproxy: exit 18, 50000 bytes; exit 0, 100000 bytes; the server was asked 2 times
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
