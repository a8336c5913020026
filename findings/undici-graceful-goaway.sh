#!/bin/sh
# undici 7.30.2 over HTTP/2 takes nginx's graceful GOAWAY for an error: POSTs
# that nginx has taken and answers all the same fail, and their answers are lost.
#
# nginx 1.22.1 ends an HTTP/2 connection after keepalive_requests requests (1,000
# by default, and at each reload) by GOAWAY with code 0 and the number of the
# last stream, and goes on to answer all streams up to it (RFC 9113 6.8). undici
# closes the socket when the frame comes and fails the oldest request in flight;
# as the error says neither which stream it was nor whether it was above the last
# one, a caller cannot know that the order was taken.
#
# Here 1,200 POSTs go, 20 at a time, to an nginx that ends a connection every 20.
#
# Seen with npm's undici 7.30.2 on Node 20 and Debian 12's nginx 1.22.1-9+deb12u11:
# nginx answers each of the 1,200 with 200, undici has 34 to 40 errors in three
# runs: UND_ERR_SOCKET, HTTP/2: "GOAWAY" frame received with code 0. With 50
# requests a connection, and with 20,000 POSTs at the default of 1,000, it was
# one in each of three runs, and one.
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; rm -rf "$here"' EXIT
cd "$here"

npm install --silent --no-audit --no-fund undici@7.30.2
apt-get download -q -o APT::Sandbox::User=root nginx=1.22.1-9+deb12u11 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done
openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.pem -days 2 \
  -subj /CN=shop.test -addext subjectAltName=DNS:shop.test 2>/dev/null

cat >nginx.conf <<CFG
daemon off;
master_process off;
pid nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
  access_log answers;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen unix:$here/in.sock ssl http2;
    ssl_certificate certificate.pem;
    ssl_certificate_key key.pem;
    keepalive_requests 20;
    location / { return 200 "ok"; }
  }
}
CFG
usr/sbin/nginx -p "$here" -c nginx.conf 2>errors &
pids=$!
until [ -S in.sock ]; do sleep 0.1; done

cat >client.mjs <<'JS'
import { readFileSync } from "node:fs";
import { Agent, request } from "undici";

const CALLS = 1200;
const dispatcher = new Agent({ allowH2: true, connections: 1, pipelining: 20,
  connect: { socketPath: process.argv[2], ca: readFileSync("certificate.pem"), servername: "shop.test" } });
let begun = 0, served = 0;
const errors = {};
async function worker() {
  while (begun++ < CALLS) {
    try {
      const answer = await request("https://shop.test/", { method: "POST", body: "once", dispatcher });
      await answer.body.text();
      served += answer.statusCode === 200;
    } catch (error) {
      const text = `${error.code}, ${error.message}`;
      errors[text] = (errors[text] ?? 0) + 1;
    }
  }
}
await Promise.all(Array.from({ length: 20 }, worker));
console.log("served", served);
for (const text in errors) console.log("failed", errors[text], text);
process.exit(0);
JS
node client.mjs "$here/in.sock" | tee seen
answered=$(grep -c '" 200 ' answers)
echo "nginx answered with 200: $answered"
[ "$answered" = 1200 ] || { echo "nginx no longer answers all"; exit 1; }
grep -q '^failed .*"GOAWAY" frame received with code 0' seen || { echo "undici no longer loses any"; exit 1; }
