// BullMQ: a queue of jobs in Redis, each a keyed POST.
//
//   bullmq.mjs batch BASE N PARALLEL [K]      each job meets 503 K times
//
// WORKERS=1 processes work at once, PARALLEL jobs in flight in each. A
// redis-server of its own (AOF everysec) is started and ended, in the folder
// REDIS_DIR; or REDIS=port names one that is there. What is printed is of the
// work alone: adding the jobs and the starts are left out.
import { fork, spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { Pool } from 'undici'

const [, base, ...numbers] = process.argv.slice(2)
const [total, parallel, k = 0] = numbers.map(Number)
const workers = Number(process.env.WORKERS || 1)
const name = 'bench'

// ---- a worker, in a process of its own ------------------------------------

function work () {
  const pool = new Pool(base, { connections: parallel })
  const connection = { host: '127.0.0.1', port: Number(process.env.REDIS), maxRetriesPerRequest: null }
  let done = 0
  const worker = new Worker(name, async job => {
    const { id } = job.data
    const { statusCode, body } = await pool.request({
      path: k > 0 ? `/storm/${id}?k=${k}` : `/bytes/2?${id}`,
      method: 'POST',
      headers: { 'idempotency-key': job.id },
      body: job.id
    })
    await body.dump()
    if (statusCode !== 200) throw new Error(`status ${statusCode}`)
    return statusCode
  }, { connection, concurrency: parallel, autorun: false })
  worker.on('completed', () => done++)
  worker.on('error', err => console.error(err.message))
  process.on('message', what => {
    if (what === 'end') process.exit(0)
    const before = process.cpuUsage()
    setInterval(() => {
      const { user, system } = process.cpuUsage(before)
      process.send({ done, us: user + system })
    }, 20)
    worker.run()
  })
  worker.waitUntilReady().then(() => process.send('ready'))
}

// ---- all of it -------------------------------------------------------------

async function freePort () {
  const server = createServer()
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise(resolve => server.close(resolve))
  return port
}

async function startRedis () {
  const dir = process.env.REDIS_DIR || '/tmp/lull-bench-redis'
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true })
  const port = await freePort()
  const child = spawn(process.env.REDIS_SERVER || 'redis-server', ['--port', port, '--bind', '127.0.0.1',
    '--dir', dir, '--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec', '--logfile', 'log'])
  return { port, end: () => new Promise(resolve => child.on('exit', resolve).kill()) }
}

async function redisUs (redis) {
  const text = await redis.info('cpu')
  const sum = ['sys', 'user', 'sys_children', 'user_children']
    .map(part => Number(text.match(new RegExp(`used_cpu_${part}:([\\d.]+)`))[1]))
    .reduce((a, b) => a + b)
  return sum * 1e6
}

async function add (queue) {
  for (let from = 0; from < total; from += 1000) {
    const jobs = []
    for (let i = from; i < Math.min(from + 1000, total); i++) {
      jobs.push({
        name: 'post',
        data: { id: i },
        opts: { jobId: 'item' + String(i).padStart(8, '0'), attempts: 5, backoff: { type: 'exponential', delay: 1 } }
      })
    }
    await queue.addBulk(jobs)
  }
}

function start (port) {
  const env = { ...process.env, REDIS: port, WORKER: 1 }
  return Promise.all(Array.from({ length: workers }, () => {
    const child = fork(process.argv[1], process.argv.slice(2), { env })
    return new Promise(resolve => child.once('message', () => resolve(child)))
  }))
}

async function end (child) {
  const gone = new Promise(resolve => child.on('exit', resolve))
  child.send('end')
  await gone
}

const sum = (list, what) => list.reduce((all, one) => all + one[what], 0)

// Until all is done: how long that took, and what it cost the workers.
async function run (children) {
  const last = children.map(() => ({ done: 0, us: 0 }))
  const began = performance.now()
  await new Promise(resolve => {
    children.forEach((child, i) => {
      child.on('message', news => {
        last[i] = news
        if (sum(last, 'done') >= total) resolve()
      })
      child.send('begin')
    })
  })
  return { wall: (performance.now() - began) * 1000, us: sum(last, 'us'), done: sum(last, 'done') }
}

async function main () {
  const own = process.env.REDIS ? null : await startRedis()
  const port = own ? own.port : Number(process.env.REDIS)
  const redis = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null })
  redis.on('error', () => {}) // until it is there
  while (await redis.ping().catch(() => '') !== 'PONG') await sleep(20)
  const queue = new Queue(name, { connection: { host: '127.0.0.1', port } })
  await queue.obliterate({ force: true })
  await add(queue)
  const children = await start(port)
  const before = await redisUs(redis)
  const { wall, us, done } = await run(children)
  const redisSpent = await redisUs(redis) - before
  await Promise.all(children.map(end))
  await queue.close()
  redis.disconnect()
  if (own) await own.end()
  console.log(`ok ${done} work_us ${us} redis_us ${Math.round(redisSpent)} work_wall_us ${Math.round(wall)}`)
  process.exit(0)
}

if (process.env.WORKER) work()
else await main()
