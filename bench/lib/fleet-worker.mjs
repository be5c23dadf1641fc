// One process of a fleet: so many clients, each with its own live connection and one topic.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { createFailoverClient, stateTopic } from 'failover-client'

const clients = []
const delays = monitorEventLoopDelay({ resolution: 10 })
let moved = 0

process.on('message', async ({ order, ...more }) => {
  if (order === 'start') await start(more)
  else if (order === 'watch') delays.enable()
  else if (order === 'stall') process.send({ told: 'stall', stallMs: delays.max / 1e6 })
  else if (order === 'stop') {
    await Promise.all(clients.map((client) => client.close()))
    process.exit(0)
  }
})
process.on('disconnect', () => process.exit(1))

async function start({ hostname, endpoints, count, perSecond, options }) {
  const subscriptions = []
  const started = performance.now()
  for (let n = 0; n < count; n += 1) {
    const client = createFailoverClient({
      hostname,
      endpoints,
      ucc: 'helpdesk',
      priority: 'agent',
      failback: { mode: 'manual' },
      ...options,
    })
    client.on('failover', () => {
      moved += 1
      if (moved === count) process.send({ told: 'moved' })
    })
    clients.push(client)
    subscriptions.push(client.subscribe(stateTopic('ucc/helpdesk/agents')))
    const due = started + ((n + 1) / perSecond) * 1000
    if (due > performance.now()) await delay(due - performance.now())
  }
  while (subscriptions.some(({ state }) => state !== 'live')) await delay(50)
  process.send({ told: 'ready' })
}
