/** Streams under odd circumstances: big and cut snapshots, new epochs, broken and slow consumers, no WebSocket. */
import { describe, expect, test } from 'vitest'
import { isFailoverError, type Change, type FailoverClient } from 'failover-client'
import type { ConnectionRecord, Published } from 'failover-client/testing/node'
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

const CHAT = 'chat/room1'
const AGENTS = 'ucc/helpdesk/agents'
const FAST = { detection: { heartbeatMs: 500 } } as const

/** 300 items of 10 kB. */
function publishThreeMegabytes({ cluster }: Harness): void {
  const text = 'x'.repeat(10_000)
  for (let n = 0; n < 300; n += 1) cluster.publish(AGENTS, { key: `a${n}`, data: { n, text } })
}

function contentJson({ cluster }: Harness): string {
  return JSON.stringify([...cluster.content(AGENTS)])
}

async function failedOver({ client, events }: Connected, times = 1): Promise<void> {
  await until(
    'the failover',
    () => events.failover.length >= times,
    12_000,
    () => client.decisions().slice(-8),
  )
}

describe('a 3 MB snapshot', () => {
  test('comes in parts, is cut in the middle, and is applied whole, once', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    publishThreeMegabytes(harness)
    await cluster.cutSnapshotAfterParts('srv1', 6)
    const connected = harness.connect(FAST)
    const board = connected.client.subscribe(AGENTS)
    const sizes: number[] = []
    board.on('batch', () => sizes.push(board.view.size))
    const took = await until(
      'the board',
      () => board.state === 'live',
      12_000,
      () => connected.client.decisions().slice(-8),
    )
    reportTimes('3 MB snapshot, cut once: subscribe to live', [took])
    // A half one was never shown.
    expect(sizes).toEqual([300])
    expect(JSON.stringify([...board.view])).toBe(contentJson(harness))
    const [cut] = cluster.server('srv1').connections()
    expect(cut).toMatchObject({ closeCode: 1006 })
  })

  test.each(['shared', 'split'] as const)(
    'is cut in the middle of a failover (%s logs): the old view stays until the new one is whole',
    async (log) => {
      const harness = await startHarness({ log, historySize: 2, standby: 'stopped' })
      const { cluster } = harness
      publishThreeMegabytes(harness)
      const { client, events } = harness.connect(FAST)
      const board = client.subscribe(AGENTS)
      await until('the board', () => board.state === 'live' && board.view.size === 300, 9000)
      const before = board.view
      const batches: (readonly Change[])[] = []
      board.on('batch', (changes) => batches.push(changes))
      await cluster.cutSnapshotAfterParts('srv2', 6)
      await cluster.kill('srv1')
      // While nobody serves: all of it comes with the snapshot.
      for (const n of [10, 20, 30]) cluster.publish(AGENTS, { key: `a${n}`, data: { n, text: 'new' } })
      await until('the loss to be seen', () => board.state === 'recovering', 3000)
      await cluster.startUcc('srv2')
      const cut = (): ConnectionRecord | undefined => cluster.server('srv2').connections()[0]
      await until(
        'the cut',
        () => cut()?.closedAt !== undefined,
        9000,
        () => client.decisions().slice(-8),
      )
      expect(cut()).toMatchObject({ closeCode: 1006 })
      expect(board.view).toBe(before)
      await until(
        'the board again',
        () => board.state === 'live',
        15_000,
        () => client.decisions().slice(-8),
      )
      expect(events.failover).toMatchObject([{ to: { server: 'srv2' } }])
      // One resync, with the real differences only, however often it was begun.
      expect(
        batches.map((changes) =>
          changes.map((change) => (change.op === 'gap' ? 'gap' : `${change.key} ${change.origin}`)).sort(),
        ),
      ).toEqual([['a10 resync', 'a20 resync', 'a30 resync']])
      expect(board.view.size).toBe(300)
      expect(board.view.get('a20')).toEqual({ n: 20, text: 'new' })
    },
  )
})

describe('a new epoch', () => {
  test('in the middle of the stream and during a failover: nothing is told twice, nothing is lost', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    for (let n = 0; n < 20; n += 1) cluster.publish(AGENTS, { key: `a${n}`, data: { n } })
    const connected = harness.connect(FAST)
    const log = recordLog(connected.client, CHAT)
    const board = connected.client.subscribe(AGENTS)
    await until('both topics', () => log.subscription.state === 'live' && board.state === 'live', 5000)
    const changes: Change[] = []
    await until('the board', () => board.view.size === 20, 3000)
    board.on('change', (change) => changes.push(change))
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    await until('a running stream', () => log.keys.length > 40, 5000)
    cluster.newEpoch()
    const first = log.keys.length
    await until('the stream to go on', () => log.keys.length > first + 40, 5000)
    // Again, while nobody listens.
    await cluster.kill('srv1')
    cluster.newEpoch()
    await failedOver(connected)
    const second = log.keys.length
    await until('the stream to go on', () => log.keys.length > second + 40, 5000)
    const published = chat.stop()
    await until('all messages', () => log.keys.length >= published.length, 5000)
    expect(compareLog(published, log.keys)).toEqual(EXACT)
    expect(connected.events.gap).toEqual([])
    // The same content in another sequence space is no change of a board.
    expect(changes).toEqual([])
    expect(JSON.stringify([...board.view])).toBe(contentJson(harness))
    expect(log.subscription.cursor?.epoch).toBe('shared.3')
  })
})

describe('consumers', () => {
  test('a handler that throws on the 7th change: reported once, the change counts, nothing is lost', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    const connected = harness.connect(FAST)
    const log = recordLog(connected.client, CHAT)
    const broken = connected.client.subscribe(CHAT)
    const heard: string[] = []
    const errors: unknown[] = []
    broken.on('change', (change) => {
      heard.push(change.op === 'gap' ? 'gap' : change.key)
      if (heard.length === 7) throw new Error('the handler is broken')
    })
    broken.on('error', (error) => errors.push(error))
    await until('the chat', () => log.subscription.state === 'live', 5000)
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    await until('the seventh', () => heard.length >= 7, 5000)
    await cluster.kill('srv1')
    await failedOver(connected)
    const before = heard.length
    await until('the stream to go on', () => heard.length > before + 40, 5000)
    const published = chat.stop()
    await until('all messages', () => heard.length >= published.length && log.keys.length >= published.length, 5000)
    expect(compareLog(published, heard)).toEqual(EXACT)
    expect(compareLog(published, log.keys)).toEqual(EXACT)
    expect(broken.cursor).toEqual(published.at(-1)?.cursor)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({ message: 'the handler is broken' })
  })

  test('a handler that throws and nobody who listens for errors: one warning', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    const connected = harness.connect(FAST)
    const heard: string[] = []
    const chat = connected.client.subscribe(CHAT)
    chat.on('change', (change) => {
      heard.push(change.op === 'gap' ? 'gap' : change.key)
      if (heard.length === 7) throw new Error('the handler is broken')
    })
    await until('the chat', () => chat.state === 'live', 5000)
    for (let n = 0; n < 12; n += 1) cluster.publish(CHAT, { key: `m${n}`, data: n })
    await until('all of them', () => heard.length === 12, 5000)
    const threw = connected.events.warning.filter((warning) => warning.code === 'LISTENER_THREW')
    expect(threw).toHaveLength(1)
    expect(threw[0]?.sentence).toContain('the handler is broken')
  })

  test.each(['shared', 'split'] as const)(
    'a loop slower than the stream, its buffer full at the kill (%s logs): still exact',
    async (log) => {
      const harness = await startHarness({ log })
      const { cluster } = harness
      const connected = harness.connect(FAST)
      const fast = recordLog(connected.client, AGENTS.replace('agents', 'log'))
      const slow = connected.client.subscribe(CHAT, { maxBuffered: 50 })
      const heard: string[] = []
      let paceMs = 10
      const loop = (async () => {
        for await (const change of slow) {
          heard.push(change.op === 'gap' ? 'gap' : change.key)
          await elapseExactly(paceMs)
        }
      })()
      await until('both topics', () => slow.state === 'live' && fast.subscription.state === 'live', 5000)
      const chat = cluster.generate({ topic: CHAT, perSecond: 400 })
      const other = cluster.generate({ topic: AGENTS.replace('agents', 'log'), perSecond: 100 })
      // Full: the server was asked to stop, so this connection carries the other topic only.
      const isPaused = (): boolean =>
        cluster
          .server('srv1')
          .connections()
          .some((one) => one.closedAt === undefined && one.topics.length === 1)
      await until('the full buffer', () => heard.length > 5 && isPaused(), 5000)
      expect(slow.state).toBe('live')
      await cluster.kill('srv1')
      await failedOver(connected)
      await until('news', () => fast.keys.length > other.published.length - 20, 3000)
      // Its own slowness is no fault of a server.
      expect(connected.client.state).toBe('connected')
      await elapse(300)
      other.stop()
      const published = chat.stop()
      paceMs = 0
      await until(
        'all messages',
        () => heard.length >= published.length,
        12_000,
        () => [heard.length, published.length, slow.state],
      )
      expect(compareLog(published, heard)).toEqual(EXACT)
      expect(connected.events.gap).toEqual([])
      slow.close()
      await loop
      expect(compareLog(other.published, fast.keys)).toEqual(EXACT)
    },
  )

  test('a slow loop on a state topic: coalesced by key, across the kill, and in the end the newest', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    const connected = harness.connect(FAST)
    const slow = connected.client.subscribe(AGENTS, { maxBuffered: 10 })
    const own = new Map<string, unknown>()
    let steps = 0
    let paceMs = 10
    const loop = (async () => {
      for await (const change of slow) {
        steps += 1
        if (change.op === 'remove') own.delete(change.key)
        else if (change.op === 'upsert') own.set(change.key, change.data)
        await elapseExactly(paceMs)
      }
    })()
    await until('the board', () => slow.state === 'live', 5000)
    const agents = cluster.generate({ topic: AGENTS, perSecond: 500 })
    await until('a slow consumer', () => agents.published.length > 100 && steps > 5, 5000)
    await cluster.kill('srv1')
    await failedOver(connected)
    const published = agents.stop()
    paceMs = 0
    const content = cluster.content(AGENTS)
    const isEqual = (): boolean =>
      content.size === own.size &&
      [...content].every(([key, data]) => JSON.stringify(data) === JSON.stringify(own.get(key)))
    await until('the newest values', isEqual, 5000)
    expect(steps).toBeLessThan(published.length)
    slow.close()
    await loop
  })

  test('a quiet board beside a busy chat is not stale: a server that sends anything is proven to run', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    cluster.publish(AGENTS, { key: 'a1', data: 1 })
    const connected = harness.connect({ streams: { staleAfterMs: 2000 } })
    const log = recordLog(connected.client, CHAT)
    const board = connected.client.subscribe(AGENTS)
    await until('both topics', () => log.subscription.state === 'live' && board.view.size === 1, 5000)
    await until('the client to be connected', () => connected.client.state === 'connected', 3000)
    const states: string[] = []
    board.on('state', (state) => states.push(state))
    // So busy that no beat is ever due.
    const chat = cluster.generate({ topic: CHAT, perSecond: 100 })
    let oldestMs = 0
    for (let round = 0; round < 25; round += 1) {
      await elapse(200)
      oldestMs = Math.max(oldestMs, board.ageMs ?? Infinity)
    }
    chat.stop()
    expect(states).toEqual([])
    expect(oldestMs).toBeLessThan(2000)
    expect(connected.events.stateChange.map((change) => change.to)).toEqual(['connected'])
  })

  test('a topic the server refuses: thrown from the loop, told to listeners, and the client lives on', async () => {
    const harness = await startHarness({ topics: { [CHAT]: 'log' }, onlyTopics: true })
    const connected = harness.connect(FAST)
    const log = recordLog(connected.client, CHAT)
    const refused = connected.client.subscribe('no/such/topic')
    const errors: unknown[] = []
    refused.on('error', (error) => errors.push(error))
    const thrown = await iterate(refused).catch((error: unknown) => error)
    expect(isFailoverError(thrown, 'SUBSCRIPTION_REJECTED')).toBe(true)
    expect(thrown).toMatchObject({ fields: { subject: 'no/such/topic', reason: 'unknown-topic' } })
    expect(errors).toEqual([thrown])
    expect(refused.state).toBe('closed')
    await until(
      'the good topic',
      () => log.subscription.state === 'live' && connected.client.state === 'connected',
      5000,
    )
    harness.cluster.publish(CHAT, { key: 'm0', data: 1 })
    await until('its message', () => log.keys.length === 1, 3000)
  })

  test('an AbortSignal closes a subscription: before it is live, and in the middle', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    const { client } = harness.connect(FAST)
    const log = recordLog(client, CHAT)
    const early = client.subscribe(AGENTS, { signal: AbortSignal.abort() })
    expect(early.state).toBe('closed')
    await until('the chat', () => log.subscription.state === 'live', 5000)
    const controller = new AbortController()
    const late = client.subscribe('ucc/helpdesk/calls', { signal: controller.signal })
    const topics = (): readonly string[] => cluster.server('srv1').connections()[0]?.topics ?? []
    await until('the second topic', () => late.state === 'live' && topics().length === 2, 5000)
    const end = iterate(late)
    controller.abort()
    expect(late.state).toBe('closed')
    await end
    await until('the goodbye to that topic', () => topics().length === 1, 3000)
    expect(topics()).toEqual([CHAT])
  })
})

describe('the event stream', () => {
  // fault-matrix: 42
  test('after two refused upgrades it carries streams and commands, and through a kill likewise', async () => {
    const harness = await startHarness({ refuseUpgrades: true })
    const { cluster } = harness
    for (let n = 0; n < 20; n += 1) cluster.publish(AGENTS, { key: `a${n}`, data: { n } })
    const connected = harness.connect(FAST)
    const { client, events } = connected
    const log = recordLog(client, CHAT)
    const board = client.subscribe(AGENTS)
    const isLive = (): boolean => log.subscription.state === 'live' && board.state === 'live' && board.view.size === 20
    reportTimes('two refused upgrades, then the event stream', [
      await until('both topics', isLive, 9000, () => client.decisions().slice(-10)),
    ])
    // The attempts alternate while both servers answer `running`; where it ended there were two.
    const from = client.active?.server ?? 'none'
    const to = from === 'srv1' ? 'srv2' : 'srv1'
    expect(upgrades(harness, from)).toBe(2)
    const downgraded = events.warning.filter((warning) => warning.code === 'TRANSPORT_DOWNGRADE')
    expect(downgraded.map((warning) => warning.endpoint?.server)).toContain(from)
    // A refused upgrade is a proxy's doing: it says nothing against a server that answers.
    expect(client.endpoints.map((endpoint) => endpoint.breaker)).toEqual(['closed', 'closed'])
    expect(events.stateChange.map((change) => change.to)).toEqual(['connected'])
    const chat = cluster.generate({ topic: CHAT, perSecond: 200 })
    expect(await client.command('echo', { n: 1 }, { key: 'before' })).toEqual({ n: 1 })
    await until('a running stream', () => log.keys.length > 50, 5000)
    const times: number[] = []
    // Executed on the old server, its answer never came: asked again where the keys are shared.
    const inFlight = client.command(
      'slow',
      { delayMs: 60_000 },
      { key: 'in-flight', safety: 'claim', deadlineMs: 20_000 },
    )
    await until('its execution', () => cluster.ledger.executions('in-flight').length === 1, 3000)
    const { atMonotonicMs } = await cluster.kill(from)
    await failedOver(connected)
    times.push(performance.now() - atMonotonicMs)
    expect(await inFlight).toEqual({ delayMs: 60_000 })
    expect(await client.command('echo', { n: 2 }, { key: 'after' })).toEqual({ n: 2 })
    const before = log.keys.length
    await until('the stream to go on', () => log.keys.length > before + 50, 5000)
    const published = chat.stop()
    await until('all messages', () => log.keys.length >= published.length, 5000)
    expect(compareLog(published, log.keys)).toEqual(EXACT)
    expect(events.gap).toEqual([])
    expect(JSON.stringify([...board.view])).toBe(contentJson(harness))
    expect(cluster.ledger.violations()).toEqual([])
    expect(cluster.ledger.repeated()).toEqual([])
    const transports = cluster
      .server(to)
      .connections()
      .map((one) => one.transport)
    expect(new Set(transports)).toEqual(new Set(['events']))
    reportTimes('event stream: kill to live', times)
  })

  test('a topic more, a topic less, a drain: no change is lost while the stream is opened anew', async () => {
    const harness = await startHarness({ refuseUpgrades: true })
    const { cluster } = harness
    const connected = harness.connect(FAST)
    const log = recordLog(connected.client, CHAT)
    await until('the chat', () => log.subscription.state === 'live', 9000)
    const chat = cluster.generate({ topic: CHAT, perSecond: 300 })
    for (let round = 0; round < 5; round += 1) {
      const more = connected.client.subscribe(`ucc/helpdesk/extra${round}`)
      await until('one topic more', () => more.state === 'live', 5000)
      more.close()
    }
    const from = connected.client.active?.server ?? 'none'
    await cluster.drain(from, { leaveWithinMs: 6000, spreadMs: 100 })
    const { switchover, failback } = connected.events
    await until(
      'the planned move',
      () => switchover.length + failback.length > 0,
      12_000,
      () => connected.client.decisions().slice(-8),
    )
    const before = log.keys.length
    await until('the stream to go on', () => log.keys.length > before + 50, 5000)
    const published: readonly Published[] = chat.stop()
    await until('all messages', () => log.keys.length >= published.length, 5000)
    expect(compareLog(published, log.keys)).toEqual(EXACT)
    expect(connected.events.gap).toEqual([])
    expect(connected.events.failover).toEqual([])
    await until(
      'the old stream to end',
      () =>
        cluster
          .server(from)
          .connections()
          .every((one) => one.closedAt !== undefined),
      5000,
    )
  })
})

function upgrades({ cluster }: Harness, server: string): number {
  return cluster
    .server(server)
    .requests()
    .filter((one) => one.headers['upgrade'] === 'websocket').length
}

async function iterate(subscription: ReturnType<FailoverClient['subscribe']>): Promise<number> {
  let count = 0
  for await (const _ of subscription) count += 1
  return count
}

/** A consumer's own work. */
function elapseExactly(ms: number): Promise<void> {
  return new Promise((resolve) => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)))
}
