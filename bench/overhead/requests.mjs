// A request through the client against the same request without it.
import { createFailoverClient } from 'failover-client'
import { Agent, request } from 'undici'
import { count, median, times } from '../lib/numbers.mjs'
import { report } from '../lib/report.mjs'
import { startPlainServer } from '../lib/start-plain-server.mjs'

const PATH = '/api/agents'
const ROUNDS = 9
const WARM_UP = 500
const SEQUENTIAL = 1000
const PARALLEL = 3000
const IN_FLIGHT = 32

async function runParallel(ask) {
  let left = PARALLEL
  const lane = async () => {
    while (left > 0) {
      left -= 1
      await ask()
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane))
}

async function runSequential(ask) {
  for (let n = 0; n < SEQUENTIAL; n += 1) await ask()
}

/** Microseconds a request: by the clock, and of our own CPU. */
async function cost(run, ask, requests) {
  const cpu = process.cpuUsage()
  const started = performance.now()
  await run(ask)
  const clockUs = ((performance.now() - started) * 1000) / requests
  const { user, system } = process.cpuUsage(cpu)
  return { clockUs, cpuUs: (user + system) / requests }
}

export async function measureRequests() {
  const server = await startPlainServer()
  const url = server.url + PATH
  const dispatcher = new Agent({ connections: 64 })
  const client = createFailoverClient({ hostname: server.url, endpoints: [server.url], ucc: 'helpdesk' })
  await client.ready({ timeoutMs: 9000 })
  const subjects = [
    { name: 'global fetch, undici Agent', ask: async () => (await fetch(url, { dispatcher })).json() },
    { name: 'undici.request', ask: async () => (await request(url, { dispatcher })).body.json() },
    { name: 'client.fetch', ask: async () => (await client.fetch(PATH)).json() },
  ].map((subject) => ({ ...subject, one: [], many: [] }))
  for (const { ask } of subjects) for (let n = 0; n < WARM_UP; n += 1) await ask()
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const subject of subjects) {
      subject.one.push(await cost(runSequential, subject.ask, SEQUENTIAL))
      subject.many.push(await cost(runParallel, subject.ask, PARALLEL))
    }
  }
  await client.close()
  await dispatcher.close()
  await server.stop()
  const of = (costs, which) => median(costs.map((one) => one[which]))
  const base = subjects[0]
  const rows = subjects.map(({ name, one, many }) => [
    name,
    `${of(one, 'clockUs').toFixed(0)} us`,
    `${of(one, 'cpuUs').toFixed(0)} us`,
    times(of(one, 'cpuUs') / of(base.one, 'cpuUs')),
    count(1e6 / of(many, 'clockUs')),
    `${of(many, 'cpuUs').toFixed(0)} us`,
    times(of(many, 'cpuUs') / of(base.many, 'cpuUs')),
  ])
  const columns = [
    'GET with a JSON body',
    'one at a time',
    'CPU',
    'CPU ratio',
    `${IN_FLIGHT} in flight, a second`,
    'CPU',
    'CPU ratio',
  ]
  report({ title: 'Requests', columns, rows })
}
