/** Servers that share no log: after a move the content is the new server's, and what the consumer heard is exact. */
import { describe, expect, test } from 'vitest'
import type { Change, StateSubscription } from 'failover-client'
import type { Cluster, Published } from 'failover-client/testing/node'
import { compareLog, EXACT, recordLog, reportTimes, startHarness, until, type Connected } from '../support/harness'

const CHAT = 'chat/room1'
const AGENTS = 'ucc/helpdesk/agents'
const FAST = { detection: { heartbeatMs: 500 } } as const

interface Board {
  readonly subscription: StateSubscription
  readonly changes: Change[]
  /** Complaints: a change that changed nothing, a wrong `previous`, a view unlike the changes, an empty view. */
  readonly faults: string[]
}

/** Follows a state topic change by change, as an application that keeps its own copy would. */
function watchBoard({ client }: Connected): Board {
  const subscription = client.subscribe(AGENTS)
  const own = new Map<string, string>()
  const board: Board = { subscription, changes: [], faults: [] }
  let wasFilled = false
  subscription.on('change', (change) => {
    board.changes.push(change)
    if (change.op === 'gap') return void board.faults.push('a gap on a state topic')
    const before = own.get(change.key)
    const told = 'previous' in change ? JSON.stringify(change.previous) : undefined
    if (told !== before) board.faults.push(`${change.key}: previous is ${told ?? 'none'}, was ${before ?? 'none'}`)
    if (change.op === 'remove') own.delete(change.key)
    else {
      const now = JSON.stringify(change.data)
      if (now === before) board.faults.push(`${change.key}: ${change.origin} change to what it was, ${now}`)
      own.set(change.key, now)
    }
  })
  subscription.on('batch', () => {
    const { view } = subscription
    if (view.size > 0) wasFilled = true
    if (wasFilled && view.size === 0) board.faults.push('the view was empty')
    const seen = sorted(new Map([...view].map(([key, data]) => [key, JSON.stringify(data)])))
    if (seen !== sorted(own)) board.faults.push('the view is not what the changes say')
  })
  return board
}

/** Content as text: neither the order of keys nor that of members counts. */
function sorted(map: ReadonlyMap<string, unknown>): string {
  return [...map]
    .map(([key, data]) => `${key} ${JSON.stringify(data, members(data))}`)
    .sort()
    .join('\n')
}

/** Names of all members, in one order. */
function members(data: unknown): string[] | undefined {
  return typeof data === 'object' && data !== null ? Object.keys(data).sort() : undefined
}

/** What one server has, by asking it directly: a second client that knows only that one. */
async function contentOf(cluster: Cluster, server: string, connect: (options: object) => Connected): Promise<string> {
  const { client } = connect({ hostname: cluster.server(server).url, endpoints: [cluster.server(server).url] })
  const view = client.subscribe(AGENTS)
  await until(`the content of ${server}`, () => view.state === 'live', 5000)
  const content = sorted(view.view)
  await client.close()
  return content
}

describe('after a kill', () => {
  test('the state view equals the new server and only real differences were emitted, never an empty view', async () => {
    const harness = await startHarness({ log: 'split' })
    const { cluster } = harness
    for (let n = 0; n < 30; n += 1) cluster.publish(AGENTS, { key: `a${n}`, data: { n, skills: ['de', 'en'] } })
    const connected = harness.connect(FAST)
    const board = watchBoard(connected)
    const { subscription } = board
    await until('the board', () => subscription.state === 'live' && subscription.view.size === 30, 5000)
    // The servers differ: one agent only here, one only there, one in another state there.
    cluster.server('srv1').publish(AGENTS, { key: 'only1', data: { n: 101 } })
    cluster.server('srv2').publish(AGENTS, { key: 'only2', data: { n: 102 } })
    cluster.server('srv2').publish(AGENTS, { key: 'a5', data: { n: 5, skills: ['fr'] } })
    cluster.server('srv2').publish(AGENTS, { key: 'a6', op: 'remove' })
    // The same value with its members in another order is no difference.
    cluster.server('srv2').publish(AGENTS, { key: 'a7', data: { skills: ['de', 'en'], n: 7 } })
    await until('what only srv1 knows', () => subscription.view.has('only1'), 3000)
    const { view } = subscription
    const before = board.changes.length
    const { atMonotonicMs } = await cluster.kill('srv1')
    // During the outage everything known stays.
    expect(subscription.view).toBe(view)
    await until(
      'the failover',
      () => connected.events.failover.length > 0,
      9000,
      () => connected.client.decisions().slice(-8),
    )
    reportTimes('split log: kill to live', [performance.now() - atMonotonicMs])
    expect(board.faults).toEqual([])
    const resync = board.changes
      .slice(before)
      .map((change) => (change.op === 'gap' ? change.op : `${change.op} ${change.key} ${change.origin}`))
    expect(resync.sort()).toEqual([
      'remove a6 resync',
      'remove only1 resync',
      'upsert a5 resync',
      'upsert only2 resync',
    ])
    expect(sorted(subscription.view)).toBe(await contentOf(cluster, 'srv2', harness.connect))
    expect(connected.events.resume).toMatchObject([
      { topic: AGENTS, server: 'srv2', how: 'resynced', changes: 4, gap: false },
    ])
    // And it goes on live.
    cluster.publish(AGENTS, { key: 'a1', data: { n: 'after' } })
    await until('a live change', () => JSON.stringify(subscription.view.get('a1')) === '{"n":"after"}', 3000)
    expect(board.faults).toEqual([])
  })

  test('board and chat under load, kill after kill, with servers that come back with new positions', async () => {
    const harness = await startHarness({ log: 'split', heartbeatMs: 500 })
    const { cluster } = harness
    for (let n = 0; n < 50; n += 1) cluster.publish(AGENTS, { key: `k${n}`, data: { n: -1 } })
    const connected = harness.connect(FAST)
    const board = watchBoard(connected)
    const log = recordLog(connected.client, CHAT)
    const isLive = (): boolean => board.subscription.state === 'live' && log.subscription.state === 'live'
    await until('both topics', () => isLive() && board.subscription.view.size === 50, 5000)
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    const agents = cluster.generate({ topic: AGENTS, perSecond: 300 })
    const times: number[] = []
    for (let round = 0; round < 6; round += 1) {
      const isFlowing = (): boolean => log.keys.length > Math.max(100 * (round + 1), chat.published.length - 20)
      await until('a running stream', () => isFlowing() && isLive(), 5000)
      const victim = connected.client.active?.server ?? 'none'
      const { atMonotonicMs } = await cluster.kill(victim)
      await until(
        'the failover',
        () => connected.events.failover.length > round,
        9000,
        () => connected.client.decisions().slice(-8),
      )
      times.push(performance.now() - atMonotonicMs)
      await cluster.restart(victim)
    }
    await until('news', () => log.keys.length > chat.published.length - 20, 5000)
    agents.stop()
    const published = chat.stop()
    await until(
      'all messages',
      () => log.keys.length >= published.length,
      5000,
      () => compareLog(published, log.keys),
    )
    reportTimes('split logs under load: kill to live', times)
    expect(compareLog(published, log.keys)).toEqual(EXACT)
    expect(connected.events.gap).toEqual([])
    expect(connected.events.failover).toHaveLength(6)
    const last = connected.client.active?.server ?? 'none'
    const content = await contentOf(cluster, last, harness.connect)
    await until('the view of the last server', () => sorted(board.subscription.view) === content, 5000)
    expect(board.faults).toEqual([])
  })

  test('a chat log keeps every message once, also those only the dead server had', async () => {
    const harness = await startHarness({ log: 'split' })
    const { cluster } = harness
    const connected = harness.connect(FAST)
    const log = recordLog(connected.client, CHAT)
    await until('the chat', () => log.subscription.state === 'live', 5000)
    for (let n = 0; n < 40; n += 1) cluster.publish(CHAT, { key: `m${n}`, data: n })
    cluster.server('srv1').publish(CHAT, { key: 'only1', data: 'srv1' })
    await until('all of them', () => log.keys.length === 41, 5000)
    await cluster.kill('srv1')
    for (let n = 40; n < 60; n += 1) cluster.publish(CHAT, { key: `m${n}`, data: n })
    await until(
      'the rest',
      () => log.keys.length >= 61,
      9000,
      () => log.keys,
    )
    const expected = Array.from({ length: 60 }, (_, n) => `m${n}`)
    expect(log.keys).toEqual([...expected.slice(0, 40), 'only1', ...expected.slice(40)])
    const origins = new Set(log.changes.slice(41).map((change) => change.origin))
    expect([...origins]).toEqual(expect.arrayContaining(['resync']))
    await until('the failover', () => connected.events.failover.length === 1, 3000)
    expect(connected.events.resume).toMatchObject([{ how: 'continued', gap: false }])
    expect(connected.events.gap).toEqual([])
  })

  test('what the new server cannot tell any more is a gap in its place, told in band and as an event', async () => {
    const harness = await startHarness({ log: 'split', recentItems: 10 })
    const { cluster } = harness
    const connected = harness.connect(FAST)
    const log = recordLog(connected.client, CHAT)
    const published: Published[] = []
    const publish = (from: number, to: number): void => {
      for (let n = from; n < to; n += 1) published.push(cluster.publish(CHAT, { key: `m${n}`, data: n }))
    }
    await until('the chat', () => log.subscription.state === 'live', 5000)
    publish(0, 30)
    await until('all of them', () => log.keys.length === 30, 5000)
    const { cursor } = log.subscription
    await cluster.kill('srv1')
    // Thirty messages while nobody listens, of which the new server still holds ten.
    publish(30, 60)
    await until('the failover', () => connected.events.failover.length === 1, 9000)
    publish(60, 65)
    await until(
      'the rest',
      () => log.keys.length >= 46,
      5000,
      () => log.keys,
    )
    const numbered = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, n) => `m${from + n}`)
    expect(log.keys).toEqual([...numbered(0, 30), 'gap', ...numbered(50, 65)])
    const gap = log.changes[30]
    expect(gap).toMatchObject({ op: 'gap', reason: 'epoch-changed', from: cursor, server: 'srv2', origin: 'resync' })
    expect(connected.events.gap).toMatchObject([{ topic: CHAT, reason: 'epoch-changed', from: cursor, server: 'srv2' }])
    expect(connected.events.resume).toMatchObject([{ how: 'resynced', gap: true }])
  })

  test('a shared log whose history is too short reports a gap, not a silent loss', async () => {
    const harness = await startHarness({ historySize: 5, recentItems: 3 })
    const { cluster } = harness
    const connected = harness.connect(FAST)
    const log = recordLog(connected.client, CHAT)
    await until('the chat', () => log.subscription.state === 'live', 5000)
    for (let n = 0; n < 20; n += 1) cluster.publish(CHAT, { key: `m${n}`, data: n })
    await until('all of them', () => log.keys.length === 20, 5000)
    await cluster.kill('srv1')
    for (let n = 20; n < 60; n += 1) cluster.publish(CHAT, { key: `m${n}`, data: n })
    await until(
      'the rest',
      () => log.keys.at(-1) === 'm59',
      9000,
      () => log.keys,
    )
    expect(log.keys.slice(19)).toEqual(['m19', 'gap', 'm57', 'm58', 'm59'])
    expect(log.changes[20]).toMatchObject({ op: 'gap', reason: 'history-lost' })
    expect(connected.events.gap).toMatchObject([{ reason: 'history-lost' }])
  })
})
