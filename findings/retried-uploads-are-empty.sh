#!/bin/sh
# curl -T - --retry, axios-retry and retry-axios put an empty object in the place of an
# upload that had to be tried again, and say that all is well: 200, exit 0.
#
# A stream can be read once. The server reads it whole and answers 503; the second try
# begins where the stream is, at its end, and sends a body that is valid, complete, and
# empty, which the server stores. `pg_dump | curl -f --retry 3 -T - URL` so keeps an empty
# backup on the one night when the store is busy. curl's manual warns of redirected input
# at --retry-all-errors alone, not at -T or --retry; for redirects, which it follows with
# an empty body too, there has been a report.
#
# Of the siblings got and undici end with an error, since they know that the body is
# used up, and ky keeps what it has sent and sends it again.
#
# Seen with Debian 12's curl 7.88.1-10+deb12u15 and npm's axios 1.21.1, axios-retry 4.5.0,
# retry-axios 4.0.3, got 16.1.0, undici 7.30.2 and ky 2.1.0 on Node 20; each puts 100,000
# bytes, and the first answer is 503: see `expected` below.
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; rm -rf "$here"' EXIT
cd "$here"

npm install --silent --no-audit --no-fund axios@1.21.1 axios-retry@4.5.0 retry-axios@4.0.3 got@16.1.0 \
  undici@7.30.2 ky@2.1.0
apt-get download -q -o APT::Sandbox::User=root curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done
head -c 100000 /dev/zero | tr '\0' x >payload

# Reads what is put whole; the first one for a path gets 503, each later one 200.
cat >store.mjs <<'JS'
import http from "node:http";

const puts = {};
const server = http.createServer((request, response) => {
  let length = 0;
  request.on("data", (data) => { length += data.length; });
  request.on("end", () => {
    puts[request.url] = (puts[request.url] ?? 0) + 1;
    console.error(request.url, request.method, length);
    response.writeHead(puts[request.url] === 1 ? 503 : 200).end();
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node store.mjs >port 2>stored &
pids=$!
until [ -s port ]; do sleep 0.1; done
url=http://127.0.0.1:$(cat port)

cat >put.mjs <<'JS'
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import axios from "axios";
import axiosRetry from "axios-retry";
import got from "got";
import ky from "ky";
import * as rax from "retry-axios";
import { Agent, RetryAgent, request } from "undici";

const body = () => createReadStream("payload");
const one = axios.create();
axiosRetry(one);
const other = axios.create();
rax.attach(other);
const dispatcher = new RetryAgent(new Agent());
const clients = {
  "axios-retry": (url) => one.put(url, body()),
  "retry-axios": (url) => other.put(url, body(), { raxConfig: {} }),
  got: (url) => got.put(url, { body: body() }),
  undici: (url) => request(url, { method: "PUT", body: body(), dispatcher }),
  ky: (url) => ky.put(url, { body: Readable.toWeb(body()), duplex: "half" }),
};
const [base, name] = process.argv.slice(2);
const told = await clients[name](`${base}/${name}`).then((answer) => answer.status, () => "an error");
console.log(told);
process.exit(0);
JS
told() { # NAME WHAT
  echo "$1: $2; the store got $(sed -n "s|^/$1 PUT ||p" stored | tr '\n' ' ')"
}
{
  code=0
  answer=$(head -c 100000 payload | LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu) \
    usr/bin/curl -q -f -sS --retry 3 -o page -w '%{http_code}' -T - "$url/curl") || code=$?
  told curl "$answer, exit $code"
  for name in axios-retry retry-axios got undici ky; do told "$name" "$(node put.mjs "$url" "$name")"; done
} | sed 's/ *$//' | tee seen
cat >expected <<'TEXT'
curl: 200, exit 0; the store got 100000 0
axios-retry: 200; the store got 100000 0
retry-axios: 200; the store got 100000 0
got: an error; the store got 100000
undici: an error; the store got 100000
ky: 200; the store got 100000 100000
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
