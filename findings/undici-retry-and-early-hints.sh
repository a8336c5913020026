#!/bin/sh
# undici 7.30.2 fails with each answer that comes after a 103 Early Hints once it is
# told to retry: without RetryAgent the page is there, with it, and with
# interceptors.retry(), the same page ends in UND_ERR_REQ_RETRY.
#
# The retry handler takes the head of the 103 for that of the answer: no length, no
# ETag, and something given to the caller. It then takes the 200 for an answer to a
# retry, and one that has no Content-Range; asks for the rest behind the last byte
# ("bytes=2000-", of 2,000), and says in the end that the server knows no ranges and
# answered with 103. RFC 9110 15.2 has a client take any 1xx before the answer, even if
# it expects none; node's servers and CDNs send 103 for each page that has hints.
#
# Seen with npm's undici 7.30.2, the last that runs on Node 20, which is server and
# client here; in 8 it is a known bug and mended (8.13.1 on Node 24 has each page):
#   Agent: 200, 2000 bytes, requests 1
#   RetryAgent and interceptors.retry(): UND_ERR_REQ_RETRY, status 103
set -eu
here=$(mktemp -d)
# Ends only what was started here.
trap 'rm -rf "$here"' EXIT
cd "$here"

npm install --silent --no-audit --no-fund undici@7.30.2

cat >hints.mjs <<'JS'
import http from "node:http";
import { Agent, RetryAgent, interceptors, request } from "undici";

const BODY = "x".repeat(2000);
const ranges = [];
const server = http.createServer((asked, response) => {
  const { range } = asked.headers;
  ranges.push(range ?? "all");
  if (asked.url === "/hints") response.writeEarlyHints({ link: "</style.css>; rel=preload; as=style" });
  const begin = range === undefined ? 0 : Number(/^bytes=(\d+)-/.exec(range)[1]);
  response.setHeader("ETag", '"one"');
  if (begin >= BODY.length) {
    response.writeHead(416, { "Content-Range": `bytes */${BODY.length}` }).end();
  } else if (range !== undefined) {
    response.setHeader("Content-Range", `bytes ${begin}-${BODY.length - 1}/${BODY.length}`);
    response.writeHead(206, { "Content-Length": BODY.length - begin }).end(BODY.slice(begin));
  } else {
    response.writeHead(200, { "Content-Length": BODY.length }).end(BODY);
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

const options = { maxRetries: 2, minTimeout: 10 };
const dispatchers = {
  Agent: () => new Agent(),
  RetryAgent: () => new RetryAgent(new Agent(), options),
  "interceptors.retry()": () => new Agent().compose(interceptors.retry(options)),
};
for (const path of ["/plain", "/hints"]) {
  for (const [name, make] of Object.entries(dispatchers)) {
    ranges.length = 0;
    let told;
    try {
      const answer = await request(`http://127.0.0.1:${server.address().port}${path}`, { dispatcher: make() });
      told = `${answer.statusCode}, ${(await answer.body.text()).length} bytes`;
    } catch (problem) {
      told = `${problem.code}, status ${problem.statusCode}`;
    }
    console.log(`${path} ${name}: ${told}; asked for ${ranges.join(", ")}`);
  }
}
process.exit(0);
JS
node hints.mjs | tee seen
cat >expected <<'TEXT'
/plain Agent: 200, 2000 bytes; asked for all
/plain RetryAgent: 200, 2000 bytes; asked for all
/plain interceptors.retry(): 200, 2000 bytes; asked for all
/hints Agent: 200, 2000 bytes; asked for all
/hints RetryAgent: UND_ERR_REQ_RETRY, status 103; asked for all, bytes=2000-
/hints interceptors.retry(): UND_ERR_REQ_RETRY, status 103; asked for all, bytes=2000-
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
