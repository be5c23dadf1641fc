/** Going back after a repair is deliberate: once, after its hold-down, make-before-break; `manual` never by itself. */
import { expect, test } from 'vitest'
import { logTopic, type FailoverClientOptions } from 'failover-client'
import type { ConnectionRecord } from 'failover-client/testing/node'
import {
  compareLog,
  elapse,
  EXACT,
  recordLog,
  reportTimes,
  startHarness,
  until,
  type Connected,
  type Harness,
} from '../support/harness'

const LOG = 'ucc/helpdesk/log'
const HOLD_MS = 3000
/** Faster rounds, so that a repaired server is noticed soon; the hold-down itself is what is measured. */
const TUNED: Partial<FailoverClientOptions> = {
  health: { standbyIntervalMs: 1000 },
  failback: { holdDownMs: HOLD_MS },
}
const LONGEST_MS = HOLD_MS * 1.5 + 1500

function moves({ events }: Connected): number {
  return events.failover.length + events.switchover.length + events.failback.length
}

/** A client that follows a log and has lost its first server. */
async function failedOver(
  harness: Harness,
  options: Partial<FailoverClientOptions> = {},
): Promise<{ connected: Connected; keys: readonly string[] }> {
  const { cluster } = harness
  const connected = harness.connect({ ...TUNED, ...options })
  const { keys } = recordLog(connected.client, logTopic(LOG))
  await until('the log flows', () => keys.length > 10, 10_000)
  await cluster.kill('srv1')
  await until('the client has failed over', () => connected.events.failover.length === 1, 5000)
  return { connected, keys }
}

// fault-matrix: 50
test('automatic: once, after the hold-down, make-before-break, nothing lost', async () => {
  const harness = await startHarness()
  const { cluster } = harness
  const generation = cluster.generate({ topic: LOG, perSecond: 100 })
  const { connected, keys } = await failedOver(harness)
  const { client, events } = connected
  // Before the order: a busy machine may let the client see the repair before it lets us see its answer.
  const repairedAt = performance.now()
  await cluster.restart('srv1')
  await until(
    'the client goes back',
    () => events.failback.length > 0,
    3 * LONGEST_MS,
    () => client.diagnostics(),
  )
  const waitedMs = performance.now() - repairedAt
  reportTimes(`failback, hold-down ${HOLD_MS} ms + 0 to 50 %`, [waitedMs])
  expect(waitedMs).toBeGreaterThanOrEqual(HOLD_MS)
  expect(events.failback[0]).toMatchObject({ kind: 'failback', reason: 'rank' })
  expect(client.active?.server).toBe('srv1')
  // Make-before-break: the old side heard a goodbye, after the new one had carried the log.
  const old = (): ConnectionRecord | undefined => cluster.server('srv2').connections().at(-1)
  const next = (): ConnectionRecord | undefined => cluster.server('srv1').connections().at(-1)
  await until('the old side is closed', () => old()?.closedAt !== undefined && next()?.topics.length === 1, 5000)
  expect(old()).toMatchObject({ left: 'rank', closeCode: 1000 })
  expect(next()).toMatchObject({ topics: [LOG], closedAt: undefined })
  expect(next()?.openedAt).toBeLessThan(old()?.closedAt ?? 0)
  await elapse(HOLD_MS * 2)
  const published = generation.stop()
  await until('all is delivered', () => keys.at(-1) === published.at(-1)?.key, 5000)
  expect(compareLog(published.slice(published.findIndex(({ key }) => key === keys[0])), keys)).toEqual(EXACT)
  expect(moves(connected)).toBe(2)
  expect(events.gap).toEqual([])
  // The planned part was never told as an interruption.
  expect(events.stateChange.filter(({ to }) => to === 'degraded')).toHaveLength(1)
})

test('an interruption of readiness starts the hold-down anew', async () => {
  const harness = await startHarness()
  const { cluster } = harness
  cluster.generate({ topic: LOG, perSecond: 50 })
  const holdDownMs = 6000
  const { connected } = await failedOver(harness, { failback: { holdDownMs } })
  const { client, events } = connected
  const isSeen = (state: string): boolean => client.endpoints[0]?.readiness === state
  await until('the loss is seen', () => client.endpoints[0]?.breaker === 'open', 5000)
  await cluster.restart('srv1')
  await until('the repair is seen', () => client.endpoints[0]?.breaker !== 'open' && isSeen('running'), 10_000)
  await elapse(1000)
  await cluster.stopUcc('srv1')
  await until('the stop is seen', () => isSeen('stopped'), 5000)
  expect(events.failback).toEqual([])
  const againAt = performance.now()
  await cluster.startUcc('srv1', 'helpdesk', { term: 'same' })
  await until(
    'the client goes back',
    () => events.failback.length > 0,
    3 * (holdDownMs * 1.5 + 1500),
    () => client.diagnostics(),
  )
  const waitedMs = performance.now() - againAt
  reportTimes(`failback after an interruption, hold-down ${holdDownMs} ms + 0 to 50 %`, [waitedMs])
  expect(waitedMs).toBeGreaterThanOrEqual(holdDownMs)
})

test('a repaired server with a higher term is under the same hold-down after a failover', async () => {
  const harness = await startHarness()
  const { cluster } = harness
  cluster.generate({ topic: LOG, perSecond: 50 })
  const { connected } = await failedOver(harness)
  const { client, events } = connected
  const repairedAt = performance.now()
  await cluster.restart('srv1', { term: 'new' })
  await until(
    'the client goes back',
    () => events.failback.length > 0,
    3 * LONGEST_MS,
    () => client.diagnostics(),
  )
  const waitedMs = performance.now() - repairedAt
  reportTimes('failback by term', [waitedMs])
  expect(waitedMs).toBeGreaterThanOrEqual(HOLD_MS)
  expect(events.failback[0]).toMatchObject({ reason: 'term' })
  expect(moves(connected)).toBe(2)
})

test('manual: never by itself, by rank or by term; by `failback()` at once', async () => {
  const harness = await startHarness()
  const { cluster } = harness
  cluster.generate({ topic: LOG, perSecond: 50 })
  const { connected } = await failedOver(harness, { failback: { mode: 'manual', holdDownMs: 500, jitter: 0 } })
  const { client } = connected
  const repaired = (term: number): boolean => {
    const [first] = client.endpoints
    return first?.breaker === 'closed' && first.readiness === 'running' && first.term === term
  }
  await cluster.restart('srv1', { term: 1 })
  await until('the repair is seen', () => repaired(1), 10_000)
  await elapse(4000)
  await cluster.restart('srv1', { term: 9 })
  await until(
    'the higher term is seen',
    () => repaired(9),
    10_000,
    () => client.endpoints,
  )
  await elapse(4000)
  expect(moves(connected)).toBe(1)
  expect(client.active?.server).toBe('srv2')
  const report = await client.failback()
  expect(report).toMatchObject({ to: { server: 'srv1' } })
  expect(client.active?.server).toBe('srv1')
  expect(moves(connected)).toBe(2)
})
