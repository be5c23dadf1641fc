/** Links of a session, frame by frame in virtual time: signs of life, and the term of a standby that waited. */
import { describe, expect, test } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { Link } from '../../src/core/link'
import type { MovePlan, PoolInput } from '../../src/core/pool-protocol'
import { SessionMachine } from '../../src/core/session'
import type { SessionEffect, SessionInput } from '../../src/core/session-protocol'
import type { ClientFrame, ServerFrame } from '../../src/core/wire'

const TOPIC = 'ucc/helpdesk/log'

class SessionWorld {
  readonly machine: SessionMachine
  readonly sent: { readonly at: number; readonly link: number; readonly frame: ClientFrame }[] = []
  readonly pool: PoolInput[] = []
  readonly effects: SessionEffect[] = []
  now = 0

  constructor(more: { readonly warm?: boolean; readonly hasRestore?: boolean } = {}) {
    const { detection, connect, streams } = DEFAULTS
    this.machine = new SessionMachine({
      seat: 1,
      settings: { detection, connect, streams },
      ucc: 'helpdesk',
      client: { id: 'c1' },
      warm: false,
      hasRestore: false,
      commands: { maxQueued: 10, maxQueuedBytes: 10_000, sharedKeys: false },
      ...more,
    })
    this.feed({ type: 'topic-open', config: { name: TOPIC, kind: 'log', logKeys: 100, staleAfterMs: 5000 } })
  }

  feed(input: SessionInput): void {
    for (const effect of this.machine.handle(this.now, input)) {
      this.effects.push(effect)
      if (effect.type === 'send') this.sent.push({ at: this.now, link: effect.link, frame: effect.frame })
      if (effect.type === 'pool') this.pool.push(effect.input)
    }
  }

  run(ms: number): void {
    const end = this.now + ms
    while (this.machine.deadline() <= end) {
      this.now = Math.max(this.now, this.machine.deadline())
      this.feed({ type: 'tick' })
    }
    this.now = end
  }

  frame(link: number, frame: ServerFrame): void {
    this.feed({ type: 'link-frame', link, frame })
  }

  welcome(
    link: number,
    server: string,
    more: { readonly state?: 'running' | 'stopped'; readonly term?: number } = {},
  ): void {
    this.feed({ type: 'link-opened', link })
    this.feed({ type: 'token', link })
    this.frame(link, {
      type: 'welcome',
      version: 1,
      server,
      state: 'running',
      heartbeatMs: 1000,
      ts: this.now,
      ...more,
    })
  }

  go(id: number, to: string, more: Partial<MovePlan> = {}): void {
    const at = this.now
    const times = { lastProof: at, detected: at, decided: at, dialled: at }
    const plan = { id, kind: 'initial' as const, reason: 'start' as const, to, road: road(to), evidence: [], times }
    this.feed({ type: 'go', plan: { ...plan, makeBeforeBreak: false, ...more } })
  }

  pings(): readonly number[] {
    return this.sent.filter(({ frame }) => frame.type === 'ping').map(({ at }) => at)
  }
}

function road(endpointId: string): MovePlan['road'] {
  return { endpointId, generation: 1, url: `https://${endpointId}.test` }
}

function live(world: SessionWorld): void {
  world.go(1, 'srv1')
  world.welcome(1, 'srv1', { term: 1 })
  world.feed({ type: 'restored', link: 1, ok: true })
  const cursor = { epoch: 'e', seq: 0 }
  world.frame(1, { type: 'subscribed', id: 1, kind: 'log', recovered: false, cursor })
  world.frame(1, { type: 'snapshot', id: 1, cursor, items: [] })
}

describe('signs of life', () => {
  const event = (seq: number, ts: number): ServerFrame => ({
    type: 'event',
    id: 1,
    seq,
    op: 'append',
    key: `m${seq}`,
    data: 1,
    ts,
  })

  test('a client that only listens says something every 15 s: a server drops one that is silent for 30', () => {
    const world = new SessionWorld()
    live(world)
    for (let seq = 1; seq <= 1200; seq += 1) {
      world.run(100)
      world.frame(1, event(seq, world.now))
    }
    const pings = world.pings()
    expect(pings.length).toBeGreaterThanOrEqual(7)
    expect(pings.length).toBeLessThanOrEqual(9)
    expect(Math.max(...pings.map((at, index) => at - (pings[index - 1] ?? 0)))).toBeLessThanOrEqual(15_200)
    // Nobody waits for its pong.
    expect(world.pool.filter(({ type }) => type === 'seat-suspect' || type === 'seat-unanswered')).toEqual([])
  })

  test('not while it says enough anyway', () => {
    const world = new SessionWorld()
    live(world)
    for (let seq = 1; seq <= 600; seq += 1) {
      world.run(100)
      world.frame(1, event(seq, world.now))
      if (seq % 100 === 0) world.feed({ type: 'token', link: 1, token: 'renewed' })
    }
    expect(world.pings()).toEqual([])
  })
})

describe('a warm standby', () => {
  const waiting = (world: SessionWorld): void => {
    live(world)
    world.feed({ type: 'warm', road: road('srv2') })
    world.welcome(2, 'srv2', { state: 'stopped', term: 1 })
  }

  test('is attached to by the term it says now, not by that of its welcome', () => {
    const world = new SessionWorld({ warm: true, hasRestore: true })
    waiting(world)
    world.frame(2, { type: 'status', state: 'running', term: 3 })
    world.go(2, 'srv2', { kind: 'failover', reason: 'ucc-stopped', from: 'srv1', makeBeforeBreak: true, minTerm: 3 })
    expect(world.pool.filter(({ type }) => type === 'seat-failed')).toEqual([])
    expect(world.effects.findLast(({ type }) => type === 'restore')).toMatchObject({ link: 2, server: 'srv2', term: 3 })
    // No new dial: one for each side.
    expect(world.effects.filter(({ type }) => type === 'open-link')).toHaveLength(2)
  })

  test('and refused when that is below the fence', () => {
    const world = new SessionWorld({ warm: true })
    waiting(world)
    world.frame(2, { type: 'status', state: 'running', term: 3 })
    world.go(2, 'srv2', { kind: 'failover', reason: 'ucc-stopped', from: 'srv1', makeBeforeBreak: true, minTerm: 4 })
    expect(world.pool.find(({ type }) => type === 'seat-failed')).toMatchObject({
      move: 2,
      cause: { type: 'not-ready' },
    })
  })
})

describe('a link that was left', () => {
  const request = (command: number, lane?: number): SessionInput => {
    const base = { command, name: 'do', args: null, key: `k${command}`, target: 'do', deadline: 100_000, bytes: 4 }
    return { type: 'command', request: { ...base, safety: 'effect', ...(lane === undefined ? {} : { lane }) } }
  }
  const outcomes = (world: SessionWorld): unknown[] =>
    world.effects.flatMap((effect) => (effect.type === 'outbox' ? [effect.effect] : []))

  test('takes no command any more', () => {
    const world = new SessionWorld()
    live(world)
    world.feed({ type: 'topic-close', topic: TOPIC })
    // Nobody needs a live connection any more: a move leaves the one there is and dials none.
    world.go(2, 'srv2', { kind: 'switchover', reason: 'drain', from: 'srv1', makeBeforeBreak: true })
    const left = world.sent.findIndex(({ link, frame }) => link === 1 && frame.type === 'leave')
    expect(left).toBeGreaterThan(0)
    world.feed(request(2))
    world.feed(request(3, 1))
    expect(world.sent.slice(left + 1).filter(({ link }) => link === 1)).toEqual([])
    expect(outcomes(world)).toMatchObject([{ command: 3, code: 'NO_ENDPOINT_AVAILABLE' }])
    // It asks for a connection, and leaves on that one.
    expect(world.pool.at(-1)).toMatchObject({ type: 'seat-live' })
    world.go(3, 'srv2', { kind: 'redial' })
    world.welcome(2, 'srv2', { term: 1 })
    expect(world.sent.at(-1)).toMatchObject({ link: 2, frame: { type: 'command' } })
  })
})

describe('what a link keeps', () => {
  test('nothing of commands, and nothing of topics that are over', () => {
    const road = { endpointId: 'srv1', generation: 1, url: 'https://srv1.test' }
    const link = new Link(1, road, undefined, false, 0, 5000)
    for (let n = 0; n < 100; n += 1) {
      link.nextId()
      link.topicId(`topic ${n}`)
      link.answered.add(`topic ${n}`)
      link.adopted.add(`topic ${n}`)
      link.forget(`topic ${n}`)
    }
    expect([link.ids.size, link.topicIds.size, link.answered.size, link.adopted.size]).toEqual([0, 0, 0, 0])
    expect(link.nextId()).toBe(201)
  })

  test('a command refused by its id ends', () => {
    const world = new SessionWorld()
    live(world)
    const base = { name: 'do', args: null, key: 'k', target: 'do', deadline: 100_000, bytes: 4 }
    world.feed({ type: 'command', request: { ...base, command: 1, safety: 'effect' } })
    world.frame(1, { type: 'reject', id: 2, code: 'forbidden', message: 'no' })
    expect(world.effects.find(({ type }) => type === 'outbox')).toMatchObject({ effect: { code: 'COMMAND_REJECTED' } })
  })
})

describe('our own pause', () => {
  const failed = (world: SessionWorld): unknown[] => world.pool.filter(({ type }) => type === 'seat-failed')
  const asleep = (world: SessionWorld, ms: number): void => {
    world.now += ms
    world.feed({ type: 'pause', lateMs: ms })
    world.feed({ type: 'tick' })
  }

  test('is not counted against a dial', () => {
    const world = new SessionWorld()
    world.go(1, 'srv1')
    world.run(1000)
    asleep(world, 20_000)
    expect(failed(world)).toEqual([])
    world.run(3999)
    expect(failed(world)).toEqual([])
    world.run(2)
    expect(failed(world)).toHaveLength(1)
  })

  test('nor against a restore', () => {
    const world = new SessionWorld({ hasRestore: true })
    world.go(1, 'srv1')
    world.welcome(1, 'srv1', { term: 1 })
    asleep(world, 20_000)
    expect(failed(world)).toEqual([])
    world.frame(1, { type: 'heartbeat', state: 'running', ts: world.now })
    world.feed({ type: 'restored', link: 1, ok: true })
    expect(failed(world)).toEqual([])
  })

  test('gives at most a whole new deadline when the monotonic clock slept, too', () => {
    const world = new SessionWorld()
    world.go(1, 'srv1')
    world.run(1000)
    world.feed({ type: 'pause', lateMs: 8 * 3_600_000 })
    world.run(5001)
    expect(failed(world)).toHaveLength(1)
  })
})

describe('silent topics', () => {
  test('the pool is told once for all of them, again when the last is heard, and by closing it', () => {
    const world = new SessionWorld()
    const fresh = { logKeys: 100, staleAfterMs: 5000, kind: 'state' as const, freshWithinMs: 2000 }
    world.feed({ type: 'topic-open', config: { name: 'one', ...fresh } })
    world.feed({ type: 'topic-open', config: { name: 'two', ...fresh } })
    live(world)
    const cursor = { epoch: 'e', seq: 0 }
    for (const id of [2, 3]) {
      world.frame(1, { type: 'subscribed', id, kind: 'state', recovered: false, cursor })
      world.frame(1, { type: 'snapshot', id, cursor, items: [] })
    }
    const told = (): boolean[] => world.pool.flatMap((input) => (input.type === 'topic-silent' ? [input.silent] : []))
    for (let second = 0; second < 3; second += 1) {
      world.run(900)
      world.frame(1, { type: 'heartbeat', state: 'running', ts: world.now })
    }
    expect(told()).toEqual([true])
    world.frame(1, { type: 'event', id: 2, seq: 1, op: 'upsert', key: 'k', data: 1, ts: world.now })
    expect(told()).toEqual([true])
    world.feed({ type: 'topic-close', topic: 'two' })
    expect(told()).toEqual([true, false])
  })
})
