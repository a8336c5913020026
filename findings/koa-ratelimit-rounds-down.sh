#!/bin/sh
# koa-ratelimit 6.0.0 rounds Retry-After down, to 0 in its window's last second,
# and urllib3 1.26.12 takes 0 for no wait: who obeys is refused again at once,
# and loses the call though the window is all but over.
#
# A window of 1.5 s: the first refusal says 1, the client comes back after one
# second, is told 0, and with no backoff factor set (the default) spends the
# rest of its retries within milliseconds. RFC 9110 10.2.3 has whole seconds, so
# a limiter that wants to be obeyed rounds up.
#
# Seen with npm's koa-ratelimit 6.0.0 (koa 3.0.0) and Debian 12's python3-urllib3
# 1.26.12-1+deb12u4: Retry-After 1, then 0 four times; the call fails with "too
# many 429 error responses" less than 1.4 s after it began.
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; rm -rf "$here"' EXIT
cd "$here"

npm install --silent --no-audit --no-fund koa@3.0.0 koa-ratelimit@6.0.0
apt-get download -q -o APT::Sandbox::User=root python3-urllib3=1.26.12-1+deb12u4 python3-six >/dev/null
for package in *.deb; do dpkg -x "$package" .; done

cat >server.mjs <<'JS'
import Koa from "koa";
import ratelimit from "koa-ratelimit";

const app = new Koa();
app.use(ratelimit({ driver: "memory", db: new Map(), duration: 1500, max: 1, id: () => "one" }));
app.use((context) => { context.body = "ok"; });
const server = app.listen(0, "127.0.0.1", () => console.log(server.address().port));
JS
node server.mjs >port &
pids=$!
until [ -s port ]; do sleep 0.1; done

cat >client.py <<'PY'
import sys, time
import urllib3

print("urllib3", urllib3.__version__)
told = []

class Told(urllib3.Retry):
    def get_retry_after(self, response):
        told.append(response.headers.get("Retry-After"))
        return super().get_retry_after(response)

url = "http://127.0.0.1:%s/" % sys.argv[1]
pool = urllib3.PoolManager(retries=Told(total=5, status_forcelist=[429]))
assert pool.request("GET", url).status == 200
begin = time.monotonic()
try:
    print(pool.request("GET", url).status)
    sys.exit("the second call is no longer lost")
except urllib3.exceptions.MaxRetryError as problem:
    lost = problem.reason
took = time.monotonic() - begin
print("Retry-After:", *told)
print("lost after %.1f s: %s" % (took, lost))
if told != ["1"] + ["0"] * 4 or took > 1.4:
    sys.exit("this is no longer so")
PY
PYTHONPATH=$here/usr/lib/python3/dist-packages /usr/bin/python3 client.py "$(cat port)"
