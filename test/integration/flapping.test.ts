/** What would throw clients to and fro: a flapping server whose term rises, and a server that forgot its term. */
import { beforeAll, expect, test } from 'vitest'
import { logTopic, type FailoverClient } from 'failover-client'
import type { Cluster } from 'failover-client/testing/node'
import {
  compareLog,
  elapse,
  EXACT,
  recordLog,
  reportTimes,
  startHarness,
  until,
  type Connected,
} from '../support/harness'

const LOG = 'ucc/helpdesk/log'
const FLAP_MS = 60_000
const CLIENTS = 3

interface Flapped {
  readonly clients: readonly Connected[]
  readonly faults: readonly Record<string, string[]>[]
  readonly rounds: number
}

interface Reset {
  readonly connected: Connected
  readonly attachedAfterMs: number
  /** From before the kill: a slow restart does not shorten the time in which nobody may be attached. */
  readonly sinceKillMs: number
  /** As it was then. */
  readonly active: FailoverClient['active']
}

/** Up 4 s, down 4 s; the other server is promoted 0.5 s after each death, and runs on when the flapper is back. */
async function flap(cluster: Cluster): Promise<number> {
  const startedAt = performance.now()
  let rounds = 0
  while (performance.now() - startedAt < FLAP_MS) {
    await elapse(4000)
    await cluster.kill('srv1')
    await elapse(500)
    await cluster.promote('srv2')
    await elapse(3500)
    await cluster.restart('srv1', { state: 'running', term: 'new' })
    rounds += 1
  }
  return rounds
}

async function flapping(): Promise<Flapped> {
  const { cluster, connect } = await startHarness({ standby: 'stopped' })
  const clients = Array.from({ length: CLIENTS }, () => connect())
  const logs = clients.map(({ client }) => recordLog(client, logTopic(LOG)))
  const generation = cluster.generate({ topic: LOG, perSecond: 20 })
  await until('every log flows', () => logs.every(({ keys }) => keys.length > 5), 10_000)
  const rounds = await flap(cluster)
  const published = generation.stop()
  await until('all is delivered', () => logs.every(({ keys }) => keys.at(-1) === published.at(-1)?.key), 10_000)
  const faults = logs.map(({ keys }) =>
    compareLog(published.slice(published.findIndex(({ key }) => key === keys[0])), keys),
  )
  return { clients, faults, rounds }
}

/** A server at term 1,000 is re-imaged and comes back at term 1, while the other one is gone. */
async function reimaged(fenceMs?: number): Promise<Reset> {
  const { cluster, connect } = await startHarness({ uccs: { helpdesk: { running: ['srv1'], term: 1000 } } })
  const connected = connect(fenceMs === undefined ? {} : { failover: { fenceMs } })
  const { keys } = recordLog(connected.client, logTopic(LOG))
  cluster.generate({ topic: LOG, perSecond: 20 })
  await until('the log flows', () => keys.length > 5, 10_000)
  const killedAt = performance.now()
  await cluster.kill('srv2')
  await cluster.kill('srv1')
  await until('the loss is seen', () => connected.client.state !== 'connected', 5000)
  await cluster.restart('srv1', { term: 1 })
  const before = keys.length
  const attachedAfterMs = await until(
    'attached again',
    () => connected.client.state === 'connected' && keys.length > before,
    3 * 70_000,
    () => connected.client.diagnostics(),
  )
  const sinceKillMs = performance.now() - killedAt
  return { connected, attachedAfterMs, sinceKillMs, active: connected.client.active }
}

let flapped: Flapped
let reset: Reset

// Each takes a minute by its nature: they run side by side.
beforeAll(async () => {
  ;[flapped, reset] = await Promise.all([flapping(), reimaged()])
}, 240_000)

// fault-matrix: 49
test('a flapping active server with a rising term: at most 3 moves in a minute', () => {
  expect(flapped.rounds).toBeGreaterThanOrEqual(7)
  const moves = flapped.clients.map(
    ({ events }) => events.failover.length + events.switchover.length + events.failback.length,
  )
  console.log(`moves of ${moves.length} clients in ${flapped.rounds} rounds: ${moves.join(', ')}`)
  expect(Math.max(...moves)).toBeLessThanOrEqual(3)
  expect(Math.min(...moves)).toBeGreaterThan(0)
  for (const fault of flapped.faults) expect(fault).toEqual(EXACT)
})

test('a server re-imaged at term 1 while the other is gone: attached within 70 s, one TERM_RESET', () => {
  const { connected, attachedAfterMs, sinceKillMs, active } = reset
  reportTimes('re-imaged at term 1, default fence', [attachedAfterMs])
  expect(attachedAfterMs).toBeLessThan(70_000)
  // Not before the fence has fallen.
  expect(sinceKillMs).toBeGreaterThan(50_000)
  expect(connected.events.warning.filter(({ code }) => code === 'TERM_RESET')).toHaveLength(1)
  expect(active).toMatchObject({ server: 'srv1', term: 1 })
})

test('the fence follows `failover.fenceMs`', async () => {
  const { connected, attachedAfterMs, sinceKillMs } = await reimaged(3000)
  reportTimes('re-imaged at term 1, fence 3 s', [attachedAfterMs])
  expect(sinceKillMs).toBeGreaterThan(1500)
  expect(attachedAfterMs).toBeLessThan(3 * 4000)
  expect(connected.events.warning.filter(({ code }) => code === 'TERM_RESET')).toHaveLength(1)
})
