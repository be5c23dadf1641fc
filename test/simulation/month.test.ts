import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { SimulatedWorld } from '../../src/testing/index'
import { watchPlatform } from '../../src/testing/swarm/watched-platform'

// A wallboard runs for weeks. Beats and probes are seldom here, so that a month takes seconds: what could pile up does
// so by moves.

const HOUR_MS = 3_600_000
const MONTH_MS = 30 * 24 * HOUR_MS
const FAILOVERS = 100
const MAX_GROWTH_BYTES = 1_048_576
const TOPIC = 'ucc/helpdesk/agents'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heapBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

test(`a month with ${FAILOVERS} failovers: constant timers and listeners, and the heap does not grow`, async () => {
  const world = new SimulatedWorld({ standby: 'running', heartbeatMs: 30_000, traceSize: 100 })
  const device = world.device()
  const { platform, alive } = watchPlatform(device.platform(), () => undefined)
  const health = { activeIntervalMs: 60_000, standbyIntervalMs: 60_000 }
  const client = device.connect({ platform, store: false, health, failback: { mode: 'manual' } })
  let failovers = 0
  client.on('failover', () => (failovers += 1))
  const agents = client.subscribe(TOPIC)
  let n = 0
  const pass = async (): Promise<void> => {
    n += 1
    world.publish(TOPIC, { key: `agent-${n % 10}`, data: { n } })
    const server = world.servers.find(({ name }) => name === client.active?.server)
    server?.kill()
    await world.run(10 * 60_000)
    server?.restart()
    await world.run(MONTH_MS / FAILOVERS - 10 * 60_000)
    for (const each of world.servers) each.clearRecords()
  }
  await world.runUntil(() => client.state === 'connected' && agents.state === 'live', 60_000)
  // Full logs, warm caches: what grows once only has grown by then.
  for (let round = 0; round < 20; round += 1) await pass()
  const before = { heap: heapBytes(), alive: { ...alive }, listeners: device.leftovers().length }
  failovers = 0
  for (let round = 0; round < FAILOVERS; round += 1) await pass()
  expect(failovers).toBe(FAILOVERS)
  expect({ ...alive }).toEqual(before.alive)
  expect(device.leftovers()).toHaveLength(before.listeners)
  expect(heapBytes() - before.heap).toBeLessThan(MAX_GROWTH_BYTES)
  expect(agents.view.get(`agent-${n % 10}`)).toEqual({ n })
  await world.settle(client.close())
  expect(Object.values(alive).every((count) => count === 0)).toBe(true)
  world.close()
}, 300_000)
