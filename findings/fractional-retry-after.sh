#!/bin/sh
# The middleware in rate-limiter-flexible's manual answers with a fractional
# Retry-After, and of four clients no two read it alike: urllib3 raises an error
# instead of trying again, got takes no notice, curl drops the fraction and comes
# back too early, undici waits as long as was meant.
#
# The manual of rate-limiter-flexible 11.4.0 sets Retry-After to msBeforeNext /
# 1000. RFC 9110 10.2.3 knows whole seconds and dates only.
#
# Seen with a limit of one request in 3 s; each client is told some 2.9:
#   urllib3 1.26.12-1+deb12u4   InvalidHeader, no second request
#   curl 7.88.1-10+deb12u15     "Will retry in 2 seconds", refused again
#   got 16.1.0                  comes back after its own second, refused again
#   undici 7.30.2               one retry, after 2.9 s, served
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; rm -rf "$here"' EXIT
cd "$here"

npm install --silent --no-audit --no-fund rate-limiter-flexible@11.4.0 got@16.1.0 undici@7.30.2
apt-get download -q -o APT::Sandbox::User=root python3-urllib3=1.26.12-1+deb12u4 python3-six \
  curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15 >/dev/null
for package in *.deb; do dpkg -x "$package" .; done

# One request in 3 s for each path; what was answered goes to `answers`.
cat >server.mjs <<'JS'
import http from "node:http";
import { RateLimiterMemory } from "rate-limiter-flexible";

const limiter = new RateLimiterMemory({ points: 1, duration: 3 });
const server = http.createServer(async (request, response) => {
  try {
    await limiter.consume(request.url);
  } catch (refusal) {
    response.setHeader("Retry-After", refusal.msBeforeNext / 1000);
    response.statusCode = 429;
  }
  console.error(request.url, response.statusCode, response.getHeader("Retry-After") ?? "");
  response.end();
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node server.mjs >port 2>answers &
pids=$!
until [ -s port ]; do sleep 0.1; done
url=http://127.0.0.1:$(cat port)

cat >urllib3_.py <<'PY'
import sys
import urllib3

pool = urllib3.PoolManager(retries=urllib3.Retry(total=3, status_forcelist=[429]))
pool.request("GET", sys.argv[1])
try:
    print("urllib3:", pool.request("GET", sys.argv[1]).status)
except Exception as problem:
    print("urllib3:", type(problem).__name__)
PY
cat >clients.mjs <<'JS'
import got from "got";
import { Agent, RetryAgent, request } from "undici";

const base = process.argv[2];
await got(base + "/got", { retry: { limit: 1 } });
await got(base + "/got", { retry: { limit: 1 } })
  .then((a) => console.log("got:", a.statusCode), (e) => console.log("got:", e.response?.statusCode));
const dispatcher = new RetryAgent(new Agent(), { maxRetries: 1 });
await request(base + "/undici", { dispatcher });
await request(base + "/undici", { dispatcher })
  .then((a) => console.log("undici:", a.statusCode), (e) => console.log("undici:", e.statusCode));
await dispatcher.close();
JS
{
  PYTHONPATH=$here/usr/lib/python3/dist-packages /usr/bin/python3 urllib3_.py "$url/urllib3"
  LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu)
  export LD_LIBRARY_PATH
  usr/bin/curl -s "$url/curl"
  usr/bin/curl --retry 1 --no-progress-meter -w 'curl: %{http_code}\n' "$url/curl" 2>&1 | sed 's/^Warning:/curl:/'
  unset LD_LIBRARY_PATH
  node clients.mjs "$url"
} | tee seen
echo "the server said:"
cat answers

cat >expected <<'TEXT'
urllib3: InvalidHeader
curl: Problem : HTTP error. Will retry in 2 seconds. 1 retries left.
curl: 429
got: 429
undici: 200
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
[ "$(grep -c '^/urllib3 429' answers)" = 1 ] || { echo "urllib3 tries again now"; exit 1; }
