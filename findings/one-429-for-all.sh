#!/bin/sh
# nginx 1.22.1 and Apache's mod_cache 2.4.71 answer everybody with the 429 that one
# client got: they store it, with its Retry-After and its RateLimit fields.
#
# RFC 6585 4: "Responses with the 429 status code MUST NOT be stored by a cache." Both
# store any status that comes with a max-age, and an application that sets its
# Cache-Control for all of its answers before its limiter refuses sends one with 429.
# proxy_cache_valid 200 does not narrow nginx: a header goes before it. nginx sends no
# Age either, so that a client told to wait 60 s by an answer of 50 s ago waits 60.
# Varnish's built-in rules store no 429 whatever it says.
#
# A site lets each client have one page a minute, and its pages be cached as long:
# a asks for the first page and for the second, then b asks for the second.
#
# Seen with npm's express 5.3.0 and express-rate-limit 8.7.5, Debian 12's nginx
# 1.22.1-9+deb12u11, apache2 2.4.71-1~deb12u1 and varnish 7.1.1-2+deb12u1:
#   nginx, Apache: a 200, a 429, b 429; the site has never heard of b
#   Varnish: a 200, a 429, b 200
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; sleep 1; rm -rf "$here"' EXIT
cd "$here"

npm install --silent --no-audit --no-fund express@5.3.0 express-rate-limit@8.7.5
apt-get download -q -o APT::Sandbox::User=root nginx=1.22.1-9+deb12u11 apache2-bin=2.4.71-1~deb12u1 \
  libapr1 libaprutil1 libbrotli1 libcurl4=7.88.1-10+deb12u15 libjansson4 liblua5.3-0 \
  varnish=7.1.1-2+deb12u1 libvarnishapi3=7.1.1-2+deb12u1 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done

cat >server.mjs <<'JS'
import express from "express";
import { rateLimit } from "express-rate-limit";

const app = express();
app.use((request, response, next) => {
  console.error(request.path, request.get("X-Client"));
  response.set("Cache-Control", "public, max-age=60");
  next();
});
app.use(rateLimit({ windowMs: 60000, limit: 1, standardHeaders: "draft-8", legacyHeaders: false,
  keyGenerator: (request) => request.path.split("/")[1] + request.get("X-Client") }));
app.get("/:proxy/:page", (request, response) => {
  response.send("page " + request.params.page);
});
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node server.mjs >port 2>asked &
pids=$!
until [ -s port ]; do sleep 0.1; done

mkdir cache
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
  proxy_cache_path nginx-cache keys_zone=pages:1m;
  server {
    listen unix:$here/nginx.sock;
    location / {
      proxy_pass http://127.0.0.1:$(cat port);
      proxy_cache pages;
      proxy_cache_valid 200 1m;
    }
  }
}
CFG
usr/sbin/nginx -p "$here" -c nginx.conf 2>problems &
pids="$pids $!"

apache=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >apache.conf <<CFG
ServerRoot $here
ServerName shop.test
Listen 127.0.0.1:$apache
PidFile apache.pid
ErrorLog apache.errors
DefaultRuntimeDir $here
LoadModule mpm_event_module usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module usr/lib/apache2/modules/mod_authz_core.so
LoadModule proxy_module usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module usr/lib/apache2/modules/mod_proxy_http.so
LoadModule cache_module usr/lib/apache2/modules/mod_cache.so
LoadModule cache_disk_module usr/lib/apache2/modules/mod_cache_disk.so
CacheRoot $here/cache
CacheEnable disk /
ProxyPass / http://127.0.0.1:$(cat port)/
CFG
LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu):$(echo usr/lib/*-linux-gnu/varnish)
export LD_LIBRARY_PATH
usr/sbin/apache2 -X -f "$here/apache.conf" &
pids="$pids $!"
usr/sbin/varnishd -F -j none -n "$here/varnish" -a "$here/varnish.sock" -b "127.0.0.1:$(cat port)" >varnish.log 2>&1 &
pids="$pids $!"
unset LD_LIBRARY_PATH
listens() { python3 -c "import socket; socket.create_connection(('127.0.0.1', $apache))" 2>/dev/null; }
tries=0
until [ -S nginx.sock ] && [ -S varnish.sock ] && listens; do
  sleep 0.1
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || { cat varnish.log apache.errors problems; exit 1; }
done

cat >ask.py <<'PY'
import http.client, socket, sys

name, where = sys.argv[1:]

def ask(client, page):
    connection = http.client.HTTPConnection("shop.test")
    if "/" in where:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(where)
    else:
        connection.sock = socket.create_connection(("127.0.0.1", int(where)))
    connection.request("GET", "/%s/%d" % (name, page), headers={"X-Client": client})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    for field in "Retry-After", "RateLimit", "Age":
        print("  %s: %s" % (field, answer.getheader(field)), file=sys.stderr)
    return "%s %d" % (client, answer.status)

print(name + ":", ", ".join([ask("a", 1), ask("a", 2), ask("b", 2)]))
PY
{
  python3 ask.py nginx "$here/nginx.sock"
  python3 ask.py apache "$apache"
  python3 ask.py varnish "$here/varnish.sock"
} | tee seen
echo "the site heard of:"
cat asked
cat >expected <<'TEXT'
nginx: a 200, a 429, b 429
apache: a 200, a 429, b 429
varnish: a 200, a 429, b 200
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
! grep '^/[na].* b$' asked || { echo "b is asked for now"; exit 1; }
