#!/bin/sh
# BullMQ 6.7.0 with ioredis puts a job into its queue twice for one queue.add(), when
# the connection to Redis breaks after the job is there and before the answer is: two
# jobs with ids of their own, of which the caller is told one. Both are then worked on.
#
# ioredis sends what was not answered again once it is connected again
# (autoResendUnfulfilledCommands, on by default; its manual thinks of blocking commands
# such as brpop), and what add() sends, a script that takes the next id by INCR, is not
# made to be sent twice. A limiter's INCR counts twice in the same way. With BullMQ's
# adapter for node-redis the same add() ends with an error, and there is one job. A
# jobId of one's own keeps it to one with either.
#
# A relay stands between: it breaks the connection off instead of giving the first
# answer after it is told to. A failover or a proxy's timeout does so, too.
#
# Seen with npm's bullmq 6.7.0, ioredis 6.0.0, redis 6.3.1 and Debian 12's redis
# 5:7.0.15-1~deb12u10: see `expected` below.
set -eu
here=$(mktemp -d)
pids=
# Ends only what was started here.
trap 'kill $pids 2>/dev/null || true; sleep 1; rm -rf "$here"' EXIT
cd "$here"

npm install --silent --no-audit --no-fund bullmq@6.7.0 ioredis@6.0.0 redis@6.3.1
apt-get download -q -o APT::Sandbox::User=root redis-tools=5:7.0.15-1~deb12u10 libhiredis0.14 libjemalloc2 \
  liblua5.1-0 liblzf1 lua-bitop lua-cjson >/dev/null
for package in *.deb; do dpkg -x "$package" .; done
ln -s redis-check-rdb usr/bin/redis-server # one program, by its name
LD_LIBRARY_PATH=$(echo usr/lib/*-linux-gnu) usr/bin/redis-server --port 0 --unixsocket "$here/redis.sock" \
  --save '' --appendonly no --dir "$here" >redis.log 2>&1 &
pids=$!
until [ -S redis.sock ]; do sleep 0.1; done

cat >add.mjs <<'JS'
import net from "node:net";
import { Queue, createNodeRedisClient } from "bullmq";
import { Redis } from "ioredis";
import { createClient } from "redis";

// What comes is passed on; of the first answer after `breaks` is set the client
// hears nothing but the end of its connection.
let breaks = false;
const relay = net.createServer((client) => {
  const store = net.connect(process.argv[2]);
  client.on("data", (data) => store.write(data));
  store.on("data", (data) => {
    if (!breaks) return client.write(data);
    breaks = false;
    client.destroy();
  });
  for (const [one, other] of [[client, store], [store, client]]) {
    one.on("error", () => {});
    one.on("close", () => other.destroy());
  }
});
await new Promise((done) => relay.listen(0, "127.0.0.1", done));
const { port } = relay.address();
const host = "127.0.0.1";

async function count(name, connection, call) {
  const queue = new Queue(name, { connection });
  queue.on("error", () => {});
  await queue.add("first", {});
  breaks = true;
  const told = await call(queue).then((job) => "id " + job.id, () => "an error");
  // Looked up over a connection of its own, which is not broken.
  const look = new Redis({ path: process.argv[2] });
  const waiting = await look.lrange(`bull:${name}:wait`, 0, -1);
  await look.quit();
  const orders = waiting.filter((id) => id !== "1").reverse();
  console.log(`${name}: add() gave ${told}; orders in the queue: ${orders.join(" ")}`);
}
const order = (queue) => queue.add("order", {});
await count("ioredis", { host, port }, order);
await count("ioredis-with-a-jobId", { host, port }, (queue) => queue.add("order", {}, { jobId: "order-7" }));
const client = createClient({ url: `redis://${host}:${port}` });
client.on("error", () => {});
await client.connect();
await count("node-redis", createNodeRedisClient(client), order);

breaks = false;
const counter = new Redis({ host, port });
await counter.ping();
breaks = true;
console.log(`one INCR by ioredis: ${await counter.incr("counter")}`);
process.exit(0);
JS
node add.mjs "$here/redis.sock" | tee seen
cat >expected <<'TEXT'
ioredis: add() gave id 3; orders in the queue: 2 3
ioredis-with-a-jobId: add() gave id order-7; orders in the queue: order-7
node-redis: add() gave an error; orders in the queue: 2
one INCR by ioredis: 2
TEXT
diff expected seen || { echo "this is no longer so"; exit 1; }
