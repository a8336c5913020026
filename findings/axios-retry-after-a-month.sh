#!/bin/sh
# axios-retry 4.5.0 comes back after 1 ms, three times, when a server tells it to come
# back in a month: the longer it is sent away, the sooner it is there again.
#
# Retry-After, seconds or a date, becomes milliseconds for setTimeout, and above 2^31 - 1,
# 24.8 days, node's timer takes 1 instead (with a warning on standard error that is the
# only trace). A monthly quota says 2592000; who obeys it loses all retries and the call
# in some ms, and shows a server that counts offences three more. An hour is waited for.
# Of its siblings got gives up at once, and ky and undici (its maxTimeout is 30 s) wait.
#
# Seen with npm's axios-retry 4.5.0 as it comes, axios 1.21.1, got 16.1.0, ky 2.1.0 and
# undici 7.30.2 on Node 20; what each has done within 2 s: see `expected` below.
set -eu
here=$(mktemp -d)
# Ends only what was started here.
trap 'rm -rf "$here"' EXIT
cd "$here"

npm install --silent --no-audit --no-fund axios@1.21.1 axios-retry@4.5.0 got@16.1.0 ky@2.1.0 undici@7.30.2

cat >clients.mjs <<'JS'
import http from "node:http";
import axios from "axios";
import axiosRetry from "axios-retry";
import got from "got";
import ky from "ky";
import { Agent, RetryAgent, request } from "undici";

const MONTH = 30 * 24 * 3600;
const said = {
  hour: () => "3600",
  month: () => `${MONTH}`,
  date: () => new Date(Date.now() + MONTH * 1000).toUTCString(),
};
const asked = {};
const server = http.createServer((request, response) => {
  const wait = request.url.split("/")[2];
  asked[request.url] = (asked[request.url] ?? 0) + 1;
  response.writeHead(429, { "Retry-After": said[wait]() }).end();
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

const client = axios.create();
axiosRetry(client);
const dispatcher = new RetryAgent(new Agent());
const calls = {
  "axios-retry": (url) => client.get(url),
  got: (url) => got(url),
  ky: (url) => ky(url),
  undici: (url) => request(url, { dispatcher }),
};
const tell = async ([name, call, wait]) => {
  const path = `/${name}/${wait}`;
  const over = new Promise((done) => setTimeout(done, 2000, "waits"));
  const called = call(`http://127.0.0.1:${server.address().port}${path}`);
  const what = await Promise.race([called.then(() => "is served", () => "has failed"), over]);
  return `${name}, ${wait}: ${what}, requests ${asked[path]}`;
};
const tried = Object.entries(calls).flatMap(([name, call]) => Object.keys(said).map((wait) => [name, call, wait]));
console.log((await Promise.all(tried.map(tell))).join("\n"));
process.exit(0);
JS
node clients.mjs | tee seen
cat >expected <<'TEXT'
axios-retry, hour: waits, requests 1
axios-retry, month: has failed, requests 4
axios-retry, date: has failed, requests 4
got, hour: waits, requests 1
got, month: has failed, requests 1
got, date: has failed, requests 1
ky, hour: waits, requests 1
ky, month: waits, requests 1
ky, date: waits, requests 1
undici, hour: waits, requests 1
undici, month: waits, requests 1
undici, date: waits, requests 1
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
