// One measurement of memory in a process of its own: node --expose-gc memory-worker.mjs KIND COUNT URL
import { setTimeout as delay } from 'node:timers/promises'
import { createFailoverClient, stateTopic } from 'failover-client'
import { WebSocket } from 'ws'

const [kind, countText, url] = process.argv.slice(2)
const count = Number(countText)
const kept = []

/** Heap and resident memory when the garbage is gone. */
async function settle() {
  for (let round = 0; round < 5; round += 1) {
    globalThis.gc()
    await delay(50)
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heapUsed: heapUsed + external, rss }
}

async function until(condition) {
  const started = performance.now()
  while (!condition()) {
    if (performance.now() - started > 60_000) throw new Error('it did not come')
    await delay(5)
  }
}

function client() {
  return createFailoverClient({ hostname: url, endpoints: [url], ucc: 'helpdesk' })
}

function subscribe(one, topic) {
  const subscription = one.subscribe(stateTopic(topic))
  subscription.on('batch', () => undefined)
  return subscription
}

const MAKE = {
  /** Subscriptions of one client, each with ten items. */
  subscriptions: async () => {
    const one = client()
    const first = subscribe(one, 'state-items-10/first')
    await until(() => first.state === 'live')
    return async () => {
      for (let n = 0; n < count; n += 1) kept.push(subscribe(one, `state-items-10/${n}`))
      await until(() => kept.every(({ state }) => state === 'live'))
    }
  },
  /** Whole clients, each with one live connection and one topic. */
  clients: async () => {
    kept.push(subscribe(client(), 'state-items-10/first'))
    await until(() => kept.every(({ state }) => state === 'live'))
    return async () => {
      for (let n = 0; n < count; n += 1) kept.push(subscribe(client(), 'state-items-10/one'))
      await until(() => kept.every(({ state }) => state === 'live'))
    }
  },
  /** The baseline of `clients`: the same connections and items in a Map, by hand. */
  sockets: async () => {
    const open = () => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/failover/stream`, { perMessageDeflate: false })
      const one = { socket, items: undefined }
      socket.on('open', () => {
        socket.send(JSON.stringify({ type: 'hello', version: 1, client: { id: 'raw' }, ucc: 'helpdesk' }))
        socket.send(JSON.stringify({ type: 'subscribe', id: 1, topic: 'state-items-10/one' }))
      })
      socket.on('message', (data) => {
        const frame = JSON.parse(String(data))
        if (frame.type === 'snapshot') one.items = new Map(frame.items.map(({ key, data: item }) => [key, item]))
      })
      return one
    }
    kept.push(open())
    await until(() => kept.every(({ items }) => items !== undefined))
    return async () => {
      for (let n = 0; n < count; n += 1) kept.push(open())
      await until(() => kept.every(({ items }) => items !== undefined))
    }
  },
}

const grow = await MAKE[kind]()
const before = await settle()
await grow()
const after = await settle()
process.stdout.write(
  JSON.stringify({ heap: (after.heapUsed - before.heapUsed) / count, rss: (after.rss - before.rss) / count }),
)
process.exit(0)
