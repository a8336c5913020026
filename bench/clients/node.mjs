// Node: undici's RetryAgent, and got.
//
//   node.mjs undici|got SCENARIO BASE N PARALLEL [X] [Y]
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'

const [library, scenario, base, ...numbers] = process.argv.slice(2)
const [total, parallel, x = 0, y = 0] = numbers.map(Number)
const ca = process.env.CA ? readFileSync(process.env.CA) : undefined
let ok = 0
let pause = 0

async function withUndici () {
  const { Agent, RetryAgent, request } = await import('undici')
  const pool = new Agent({ connections: parallel, connect: { ca } })
  const dispatcher = new RetryAgent(pool, {
    maxRetries: 4,
    minTimeout: scenario === 'timers' ? x : 1,
    maxTimeout: 3600e3,
    timeoutFactor: 2,
    statusCodes: [503]
  })
  // What hangs does so on connections of its own.
  const open = new Agent()
  return {
    async get (path) {
      const { statusCode, body } = await request(base + path, { dispatcher })
      await body.arrayBuffer()
      return statusCode
    },
    async hang (path) {
      const { body } = await request(base + path, { dispatcher: open })
      await body.arrayBuffer()
    }
  }
}

async function withGot () {
  const { default: got } = await import('got')
  const options = { keepAlive: true, maxSockets: parallel }
  const client = got.extend({
    agent: { http: new http.Agent(options), https: new https.Agent(options) },
    https: { certificateAuthority: ca },
    retry: {
      limit: 4,
      statusCodes: [503],
      calculateDelay: ({ attemptCount, retryAfter, computedValue }) =>
        computedValue && (retryAfter || 2 ** (attemptCount - 1))
    }
  })
  return {
    get: async path => (await client(base + path, { responseType: 'buffer' })).statusCode
  }
}

const client = await (library === 'got' ? withGot() : withUndici())

async function fetch (path) {
  try {
    if (await client.get(path) === 200) ok++
  } catch (err) {
    console.error(err.message)
  }
}

async function many (workers, fn) {
  let next = 0
  async function work () {
    while (next < total) await fn(next++)
  }
  await Promise.all(Array.from({ length: workers }, work))
}

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

function beat () {
  let before = performance.now()
  setInterval(() => {
    const moment = performance.now()
    pause = Math.max(pause, moment - before - 10)
    before = moment
  }, 10).unref()
}

function report (more) {
  console.log(`ok ${ok} pause_us ${Math.round(pause * 1000)}${more || ''}`)
  process.exit(0)
}

const began = performance.now()
const bytes = () => fetch('/bytes/1024')

if (scenario === 'throughput') {
  await many(parallel, bytes)
} else if (scenario === 'storm') {
  await many(parallel, i => fetch(`/storm/${i}?k=2`))
} else if (scenario === 'waiting') {
  if (y) beat()
  await many(total, i => fetch(`/storm/${i}?k=1&after=${x}`))
} else if (scenario === 'paced') {
  await many(total, async i => {
    await sleep(Math.max(0, began + i * 1000 / y - performance.now()))
    await fetch(`/storm/${i}?k=1&after=${x}`)
  })
} else if (scenario === 'timers') {
  for (let i = 0; i < y; i++) setTimeout(() => {}, 3600e3)
  await many(parallel, async i => {
    if (parallel > 1) await sleep(i * 7)
    await fetch(`/storm/${i}?k=1&ms=${x}`)
  })
} else if (scenario === 'hanging') {
  for (let i = 0; i < x; i++) client.hang(`/hang?${i}`).catch(() => {})
  if (x > 0) await client.hang(`/gate/${x}`)
  const before = process.cpuUsage()
  await many(parallel, bytes)
  const { user, system } = process.cpuUsage(before)
  report(` cpu_us ${user + system}`)
}
report()
