/** Planned moves: a drain, a `switchover()`, and what happens when they cannot be carried out. */
import { describe, expect, test } from 'vitest'
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
  type LogRecord,
} from '../support/harness'

const CHAT = 'chat/room1'
const AGENTS = 'ucc/helpdesk/agents'
/** Fast beats: these tests are about moves, not about detection. */
const FAST = { detection: { heartbeatMs: 500 } } as const

interface Busy extends Connected {
  readonly log: LogRecord
  readonly board: ReturnType<Connected['client']['subscribe']> & { readonly view: ReadonlyMap<string, unknown> }
  /** States both subscriptions went through after they were live. */
  readonly states: string[]
  /** Sizes of the view that a reader who looks all the time would have seen. */
  smallestView(): number
}

/** A client with a board and a chat, both live, on srv1. */
async function busyClient(harness: Harness, options: Parameters<Harness['connect']>[0] = {}): Promise<Busy> {
  const { cluster } = harness
  for (let n = 0; n < 20; n += 1) cluster.publish(AGENTS, { key: `a${n}`, data: { n } })
  const connected = harness.connect({ ...FAST, ...options })
  const log = recordLog(connected.client, CHAT)
  const board = connected.client.subscribe(AGENTS)
  const isLive = (): boolean => log.subscription.state === 'live' && board.state === 'live'
  await until('both topics to be live', () => isLive() && board.view.size === 20, 10_000)
  await until('the client to be connected', () => connected.client.state === 'connected', 3000)
  const states: string[] = []
  log.subscription.on('state', (state) => states.push(`chat ${state}`))
  board.on('state', (state) => states.push(`board ${state}`))
  let smallest = board.view.size
  board.on('batch', () => (smallest = Math.min(smallest, board.view.size)))
  return { ...connected, log, board, states, smallestView: () => smallest }
}

function live(harness: Harness, server: string): readonly ConnectionRecord[] {
  return harness.cluster
    .server(server)
    .connections()
    .filter((one) => one.client !== undefined)
}

/** The only live connection a server ever had. */
function onlyConnection(harness: Harness, server: string): ConnectionRecord {
  const [first, ...more] = live(harness, server)
  if (first === undefined || more.length > 0) throw new Error(`${server} had ${more.length + 1} live connections`)
  return first
}

/** The chat is exact and the board equals the server's. */
async function expectExact(harness: Harness, busy: Busy, published: Parameters<typeof compareLog>[0]): Promise<void> {
  const done = (): boolean => busy.log.keys.length >= published.length
  await until('all messages', done, 5000, () => compareLog(published, busy.log.keys))
  expect(compareLog(published, busy.log.keys)).toEqual(EXACT)
  const content = harness.cluster.content(AGENTS)
  const same = (): boolean => JSON.stringify([...busy.board.view]) === JSON.stringify([...content])
  await until('the view to be the content', same, 5000)
  expect(busy.events.gap).toEqual([])
  expect(busy.smallestView()).toBe(20)
}

function expectPartsAddUp(timings: Connected['events']['switchover'][number]['timings']): void {
  const { totalMs, ...parts } = timings
  const sum = Object.values(parts).reduce((left, right) => left + right, 0)
  expect(Math.abs(sum - totalMs)).toBeLessThan(0.001)
}

describe('drain', () => {
  // fault-matrix: 4, 48
  test('no gap, nothing twice, leave is said, the old connection is closed last', async () => {
    const times: number[] = []
    for (let round = 0; round < 5; round += 1) {
      const harness = await startHarness()
      const { cluster } = harness
      const busy = await busyClient(harness)
      const chat = cluster.generate({ topic: CHAT, perSecond: 500 })
      const agents = cluster.generate({
        topic: AGENTS,
        perSecond: 100,
        change: (n) => ({ key: `a${n % 20}`, data: { n: n + 100 } }),
      })
      await until('a running stream', () => busy.log.keys.length > 100, 5000)
      const { atMonotonicMs } = await cluster.drain('srv1', { leaveWithinMs: 3000, spreadMs: 200 })
      await until(
        'the switchover',
        () => busy.events.switchover.length > 0,
        9000,
        () => busy.client.decisions().slice(-8),
      )
      times.push(performance.now() - atMonotonicMs)
      const old = (): ConnectionRecord => onlyConnection(harness, 'srv1')
      await until('the old connection to be closed', () => old().closedAt !== undefined, 3000)
      const before = busy.log.keys.length
      await until('news from the new side', () => busy.log.keys.length > before + 50, 3000)
      agents.stop()
      await expectExact(harness, busy, chat.stop())

      expect(busy.events.switchover).toMatchObject([
        { reason: 'drain', from: { server: 'srv1' }, to: { server: 'srv2' } },
      ])
      expectPartsAddUp(busy.events.switchover[0]!.timings)
      expect(busy.events.failover).toEqual([])
      expect(busy.states).toEqual([])
      expect(busy.events.stateChange.map((change) => change.to)).toEqual(['connected'])
      const fresh = onlyConnection(harness, 'srv2')
      expect(old()).toMatchObject({ left: 'drain', closeCode: 1000 })
      expect(fresh).toMatchObject({ left: undefined, closedAt: undefined, previous: { server: 'srv1' } })
      // Make before break: the new side carried both topics before the old one was left.
      expect(old().closedAt).toBeGreaterThan(fresh.openedAt)
      expect([...fresh.topics].sort()).toEqual([CHAT, AGENTS])
      await cluster.close()
    }
    reportTimes('drain, from the goaway to the switchover (spreadMs 200)', times)
  })

  test('the overlap is deduplicated: a new side that lags sends again what the old one delivered', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    const busy = await busyClient(harness)
    // Every frame of srv2 comes 150 ms later: while it is joined, its replay repeats what srv1 has delivered.
    await cluster.slow('srv2', { delayMs: 150 })
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    await until('a running stream', () => busy.log.keys.length > 50, 5000)
    const { atMonotonicMs } = await cluster.drain('srv1', { leaveWithinMs: 4000, spreadMs: 100 })
    await until(
      'the switchover',
      () => busy.events.switchover.length > 0,
      9000,
      () => busy.client.decisions().slice(-8),
    )
    const tookMs = performance.now() - atMonotonicMs
    const before = busy.log.keys.length
    await until('news from the new side', () => busy.log.keys.length > before + 50, 3000)
    await expectExact(harness, busy, chat.stop())
    reportTimes('drain to a server that lags 150 ms', [tookMs])
    // Neither the overlap limit (5 s) nor the end of the drain (4 s) was needed.
    expect(tookMs).toBeLessThan(3000)
    expect(busy.events.failover).toEqual([])
    expect(busy.states).toEqual([])
    expect(onlyConnection(harness, 'srv1')).toMatchObject({ left: 'drain', closeCode: 1000 })
    // Published after srv2 had the connection, yet delivered by srv1: srv2 has sent those again, and late.
    const { openedAt } = onlyConnection(harness, 'srv2')
    const overlapping = busy.log.changes.filter(
      (change) => change.server === 'srv1' && (change.ts ?? 0) > openedAt + 10,
    )
    expect(overlapping.length).toBeGreaterThan(10)
  })

  test('split logs: the board changes sides by difference, the chat by message keys', async () => {
    const harness = await startHarness({ log: 'split' })
    const { cluster } = harness
    const busy = await busyClient(harness)
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    await until('a running stream', () => busy.log.keys.length > 50, 5000)
    cluster.server('srv2').publish(AGENTS, { key: 'a3', data: { n: 'srv2 knows better' } })
    const changes: unknown[] = []
    busy.board.on('change', (change) => changes.push(change))
    await cluster.drain('srv1', { leaveWithinMs: 3000, spreadMs: 100 })
    await until(
      'the switchover',
      () => busy.events.switchover.length > 0,
      9000,
      () => busy.client.decisions().slice(-8),
    )
    const before = busy.log.keys.length
    await until('news from the new side', () => busy.log.keys.length > before + 50, 3000)
    const published = chat.stop()
    await until('all messages', () => busy.log.keys.length >= published.length, 5000)
    expect(compareLog(published, busy.log.keys)).toEqual(EXACT)
    expect(busy.events.gap).toEqual([])
    expect(busy.states).toEqual([])
    expect(busy.smallestView()).toBe(20)
    const previous = { n: 3 }
    expect(changes).toMatchObject([
      { op: 'upsert', key: 'a3', data: { n: 'srv2 knows better' }, previous, origin: 'resync', server: 'srv2' },
    ])
    expect(changes).toHaveLength(1)
    // Both ran under term 1, and not on one log.
    expect(busy.events.warning.filter(({ code }) => code === 'EQUAL_TERMS')).toHaveLength(1)
    expect(onlyConnection(harness, 'srv1')).toMatchObject({ left: 'drain', closeCode: 1000 })
  })

  test('nobody else runs the UCC: the old side is kept; the first one to run takes over without a gap', async () => {
    const harness = await startHarness({ standby: 'stopped' })
    const { cluster } = harness
    const busy = await busyClient(harness)
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    await until('a running stream', () => busy.log.keys.length > 50, 5000)
    await cluster.drain('srv1', { leaveWithinMs: 8000, spreadMs: 100 })
    await elapse(1000)
    expect(busy.client.state).toBe('connected')
    expect(busy.client.active?.server).toBe('srv1')
    const started = performance.now()
    await cluster.startUcc('srv2')
    await until(
      'the switchover',
      () => busy.events.switchover.length > 0,
      6000,
      () => busy.client.decisions().slice(-8),
    )
    reportTimes('drain, from the start of the standby to the switchover', [performance.now() - started])
    const before = busy.log.keys.length
    await until('news from the new side', () => busy.log.keys.length > before + 50, 3000)
    await expectExact(harness, busy, chat.stop())
    expect(busy.events.failover).toEqual([])
    expect(busy.states).toEqual([])
    expect(onlyConnection(harness, 'srv1')).toMatchObject({ left: 'drain', closeCode: 1000 })
  })

  test('the only endpoint drains: used until it closes, then honestly gone, then back with everything', async () => {
    const harness = await startHarness({ servers: 1 })
    const { cluster } = harness
    const busy = await busyClient(harness, { connect: { maxBackoffMs: 2000 } })
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    await until('a running stream', () => busy.log.keys.length > 50, 5000)
    const drainedAt = performance.now()
    await cluster.drain('srv1', { leaveWithinMs: 1000 })
    const first = (): ConnectionRecord | undefined => live(harness, 'srv1')[0]
    await until('the old connection to be closed', () => first()?.closedAt !== undefined, 4000)
    expect(performance.now() - drainedAt).toBeGreaterThan(950)
    expect(first()).toMatchObject({ left: undefined, closeCode: 1001 })
    // Delivered to the last moment, and not called connected when it is not.
    await until('the loss to be told', () => busy.client.state !== 'connected', 1000)
    expect(busy.log.keys.length).toBeGreaterThan(150)
    // The server closes whoever comes back before its drain is over: that must not become a storm.
    await elapse(2000)
    const dials = live(harness, 'srv1').length
    console.log(`the only endpoint, drained and still there for 2 s: ${dials - 1} more connections`)
    expect(dials).toBeLessThan(10)
    await cluster.kill('srv1')
    await until(
      'offline',
      () => busy.client.state === 'offline',
      15_000,
      () => busy.client.decisions().slice(-8),
    )
    // Planned or not: what was known stays readable, with its age.
    expect(busy.board.view.size).toBe(20)
    expect(busy.board.ageMs).toBeGreaterThan(0)
    await cluster.restart('srv1')
    const back = await until(
      'both topics to be live again',
      () => busy.log.subscription.state === 'live' && busy.board.state === 'live',
      15_000,
    )
    reportTimes('the only endpoint, from its restart to live', [back])
    await expectExact(harness, busy, chat.stop())
    expect(busy.client.state).toBe('connected')
    const told = busy.events.stateChange.map((change) => change.to)
    const offlineAt = told.indexOf('offline')
    // Each connection that the draining server took and closed was told, and the end of it too.
    expect(new Set(told.slice(0, offlineAt))).toEqual(new Set(['connected', 'degraded']))
    expect(told.slice(offlineAt)).toEqual(['offline', 'degraded', 'connected'])
    // No other endpoint was left for: that is no failover and no switchover.
    expect([...busy.events.failover, ...busy.events.switchover]).toEqual([])
  })

  test('the draining server dies in the middle of the move: the move goes on as a failover', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    const busy = await busyClient(harness)
    await cluster.slow('srv2', { delayMs: 300 })
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    await until('a running stream', () => busy.log.keys.length > 50, 5000)
    await cluster.drain('srv1', { leaveWithinMs: 4000, spreadMs: 0 })
    await until('the new connection', () => live(harness, 'srv2').length > 0, 6000)
    await cluster.kill('srv1')
    await until(
      'the failover',
      () => busy.events.failover.length > 0,
      6000,
      () => busy.client.decisions().slice(-8),
    )
    await cluster.slow('srv2', { delayMs: 0 })
    const before = busy.log.keys.length
    await until('news from the new side', () => busy.log.keys.length > before + 50, 3000)
    await expectExact(harness, busy, chat.stop())
    expect(busy.events.switchover).toEqual([])
    expect(busy.events.failover).toMatchObject([{ kind: 'failover', from: { server: 'srv1' }, to: { server: 'srv2' } }])
    expectPartsAddUp(busy.events.failover[0]!.timings)
  })

  test('the new side dies in the middle of the move: nothing is lost, the old side serves on', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    const busy = await busyClient(harness)
    await cluster.slow('srv2', { delayMs: 300 })
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    await until('a running stream', () => busy.log.keys.length > 50, 5000)
    await cluster.drain('srv1', { leaveWithinMs: 12_000, spreadMs: 0 })
    await until('the new connection', () => live(harness, 'srv2').length > 0, 8000)
    await cluster.kill('srv2')
    const before = busy.log.keys.length
    await until('news from the old side', () => busy.log.keys.length > before + 100, 3000)
    expect(busy.states).toEqual([])
    expect(busy.client.active?.server).toBe('srv1')
    expect(busy.client.state).toBe('connected')
    // It comes back, and the drain is honoured after all.
    await cluster.restart('srv2')
    await until(
      'the switchover',
      () => busy.events.switchover.length > 0,
      12_000,
      () => busy.client.decisions().slice(-8),
    )
    const after = busy.log.keys.length
    await until('news from the new side', () => busy.log.keys.length > after + 50, 3000)
    await expectExact(harness, busy, chat.stop())
    expect(onlyConnection(harness, 'srv1')).toMatchObject({ left: 'drain', closeCode: 1000 })
  })
})

describe('switchover()', () => {
  test('moves likewise, there and back, and waits for the answers in flight', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    const busy = await busyClient(harness)
    const chat = cluster.generate({ topic: CHAT, perSecond: 500 })
    await until('a running stream', () => busy.log.keys.length > 100, 5000)
    const times: number[] = []
    for (const [round, to] of ['srv2', 'srv1', 'srv2', 'srv1'].entries()) {
      const from = to === 'srv1' ? 'srv2' : 'srv1'
      // By definition: a planned move to a better rank.
      const kind = to === 'srv1' ? 'failback' : 'switchover'
      // Its answer takes half a second: it comes over the old connection, after the move.
      const answer = busy.client.command('slow', { delayMs: 500 }, { key: `slow-${round}` })
      answer.catch(() => undefined)
      await until('the command to be executed', () => cluster.ledger.executions(`slow-${round}`).length === 1, 3000)
      const started = performance.now()
      const report = await busy.client.switchover({ to, reason: 'maintenance' })
      times.push(performance.now() - started)
      expect(report).toMatchObject({ kind, reason: 'switchover', from: { server: from }, to: { server: to } })
      expectPartsAddUp(report.timings)
      expect(busy.client.active?.server).toBe(to)
      const old = (): ConnectionRecord | undefined => live(harness, from).at(-1)
      expect(old()?.closedAt).toBeUndefined()
      expect(await answer).toEqual({ delayMs: 500 })
      expect(cluster.ledger.executions(`slow-${round}`)).toMatchObject([{ server: from }])
      await until('the old connection to be closed', () => old()?.closedAt !== undefined, 3000)
      expect(old()).toMatchObject({ left: 'switchover', closeCode: 1000 })
    }
    const before = busy.log.keys.length
    await until('news from the new side', () => busy.log.keys.length > before + 50, 3000)
    await expectExact(harness, busy, chat.stop())
    reportTimes('switchover()', times)
    expect([...busy.events.switchover, ...busy.events.failback].map((event) => event.to.server)).toEqual([
      'srv2',
      'srv2',
      'srv1',
      'srv1',
    ])
    expect(busy.events.failover).toEqual([])
    expect(busy.states).toEqual([])
    expect(cluster.ledger.violations()).toEqual([])
  })

  test('to nowhere fails, says why, and changes nothing', async () => {
    const harness = await startHarness({ standby: 'stopped' })
    const { cluster } = harness
    const busy = await busyClient(harness)
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    await until('a running stream', () => busy.log.keys.length > 50, 5000)
    await expect(busy.client.switchover({ to: 'srv2' })).rejects.toMatchObject({ code: 'MOVE_FAILED' })
    await expect(busy.client.switchover({ to: 'srv9' })).rejects.toMatchObject({ code: 'INVALID_OPTION' })
    await expect(busy.client.switchover()).rejects.toMatchObject({ code: 'MOVE_FAILED' })
    await expectExact(harness, busy, chat.stop())
    expect(busy.client.active?.server).toBe('srv1')
    expect(busy.states).toEqual([])
  })
})
