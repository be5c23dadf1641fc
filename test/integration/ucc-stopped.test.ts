/**
 * The gray failure: the UCC is stopped while the web services answer perfectly. Four ways to learn of it, from a push
 * to nothing but the silence of a topic. The passive server says `stopped` for 3 s, then runs with a higher term.
 */
import { expect, test } from 'vitest'
import { logTopic, type SubscribeOptions } from 'failover-client'
import type { Announce } from 'failover-client/testing/node'
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
  type LogRecord,
} from '../support/harness'

const LOG = 'ucc/helpdesk/log'
const OTHER_LOG = 'ucc/sales/log'
/** How long nobody runs the UCC. */
const NOBODY_MS = 3000
const CLIENTS = 4
const FRESH_MS = 2000

interface Answer {
  readonly got: string
  readonly told: string
}

interface Follower extends Connected {
  readonly log: LogRecord
  /** `performance.now()` of the end of its move. */
  movedAt(): number | undefined
  /** What a GET got that was issued in each `stateChange` since the stop, and what that had told. */
  readonly answers: Answer[]
}

interface Case {
  readonly announce: Announce
  /** Bound of the issue, from the instant at which the other server runs (it is later than the stop). */
  readonly withinMs: number
  readonly subscribe?: SubscribeOptions
}

/** A client on `helpdesk` that asks the web services each time it is told that its state changed. */
function follow({ connect }: Harness, { subscribe = {} }: Case): Follower {
  const connected = connect()
  const { client } = connected
  const answers: Answer[] = []
  let at: number | undefined
  for (const kind of ['failover', 'switchover', 'failback'] as const) client.on(kind, () => (at ??= performance.now()))
  const log = recordLog(client, logTopic(LOG), subscribe)
  return { ...connected, log, answers, movedAt: () => at }
}

/** From now on every `stateChange` is followed by a GET; what it got is kept. */
function askOnStateChange({ client, answers }: Follower): Promise<void>[] {
  const asked: Promise<void>[] = []
  client.on('stateChange', ({ to, sentence }) => {
    if (to === 'closed') return
    const ask = client
      .fetch('/api/ucc/helpdesk/agents', { signal: AbortSignal.timeout(20_000) })
      .then(async (response) => {
        const { server, items } = (await response.json()) as { server: string; items: unknown[] }
        answers.push({ got: `${server} ${response.status} ${items.length}`, told: sentence })
      })
    asked.push(ask)
  })
  return asked
}

async function scene(kase: Case): Promise<readonly number[]> {
  const harness = await startHarness({ uccs: ['helpdesk', 'sales'], standby: 'stopped' })
  const { cluster } = harness
  cluster.publish('ucc/helpdesk/agents', { key: 'a1', data: { name: 'Ada' } })
  const followers = Array.from({ length: CLIENTS }, () => follow(harness, kase))
  const bystander = harness.connect({ ucc: 'sales' })
  const otherLog = recordLog(bystander.client, logTopic(OTHER_LOG))
  const generation = cluster.generate({ topic: LOG, perSecond: 50 })
  const others = cluster.generate({ topic: OTHER_LOG, perSecond: 50 })
  await until(
    'every log flows',
    () => [...followers.map(({ log }) => log), otherLog].every(({ keys }) => keys.length > 10),
    10_000,
  )
  const srv2 = cluster.server('srv2')
  const liveDials = (): number => srv2.dials().filter(({ kind }) => kind === 'upgrade' || kind === 'events').length
  const asked = followers.flatMap((follower) => [askOnStateChange(follower)])

  await cluster.stopUcc('srv1', 'helpdesk', { announce: kase.announce })
  await elapse(NOBODY_MS)
  await cluster.sync()
  expect(liveDials(), 'dials of a server that answers `stopped`').toBe(0)
  const running = await cluster.promote('srv2', 'helpdesk')
  await until(
    'all have moved',
    () => followers.every(({ movedAt }) => movedAt() !== undefined),
    3 * kase.withinMs,
    () => followers.map(({ client }) => client.diagnostics()),
  )

  const published = generation.stop()
  await until('all is delivered', () => followers.every(({ log }) => log.keys.at(-1) === published.at(-1)?.key), 5000)
  for (const { client, log, events } of followers) {
    expect(client.active?.server).toBe('srv2')
    expect(compareLog(published.slice(published.findIndex(({ key }) => key === log.keys[0])), log.keys)).toEqual(EXACT)
    expect([...events.failover, ...events.switchover, ...events.failback]).toHaveLength(1)
    const { breaker } = client.endpoints.find(({ server }) => server === 'srv1') ?? {}
    expect(breaker).toBe('closed')
    expect(events.endpointChange.filter(({ reason }) => reason === 'breaker-open')).toEqual([])
    expect(events.gap).toEqual([])
  }
  await Promise.all(asked.flat())
  for (const { answers, events } of followers) {
    // A higher term found elsewhere is a planned move, of which nothing but its end is told.
    const isTold = events.switchover[0]?.reason !== 'term'
    expect(events.stateChange.some(({ to }) => to !== 'connected')).toBe(isTold)
    expect(answers.length > 0).toBe(isTold)
    expect(answers.filter(({ got }) => got !== 'srv2 200 1')).toEqual([])
  }
  // The other UCC of that server was never disturbed.
  const sales = others.stop()
  await until('the other log is complete', () => otherLog.keys.at(-1) === sales.at(-1)?.key, 5000)
  expect(compareLog(sales.slice(sales.findIndex(({ key }) => key === otherLog.keys[0])), otherLog.keys)).toEqual(EXACT)
  expect(bystander.client.active?.server).toBe('srv1')
  expect(bystander.events.failover.length + bystander.events.switchover.length).toBe(0)
  expect(bystander.events.stateChange.map(({ to }) => to)).toEqual(['connected'])
  return followers.map(({ movedAt }) => (movedAt() ?? NaN) - running.atMonotonicMs)
}

async function check(name: string, kase: Case): Promise<void> {
  const times = await scene(kase)
  reportTimes(name, times)
  expect(Math.max(...times)).toBeLessThan(3 * kase.withinMs)
}

test('(a) pushed by `status`: attached within 1 s of `running`', () =>
  check('(a) status', { announce: 'status', withinMs: 1000 }))

test('(b) beats without a state, readiness `stopped`: within 4 s of `running`', () =>
  check('(b) beats without it', { announce: 'beats', withinMs: 4000 }))

test('(c) beats claim `running`, readiness `stopped`: within 20 s', { timeout: 90_000 }, () =>
  check('(c) beats against readiness', { announce: 'readiness', withinMs: 20_000 }),
)

test('(d) only the topic is silent: within `freshWithinMs` + 4 s', () =>
  check('(d) silent topic', {
    announce: 'silent',
    withinMs: FRESH_MS + 4000,
    subscribe: { freshWithinMs: FRESH_MS },
  }))
