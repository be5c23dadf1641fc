/**
 * The machines of the core under random inputs: what a network, a server or an application might say, in any order, and
 * when it makes no sense. An episode is one machine's life, the same for the same seed. A machine must never throw.
 */
import { DEFAULTS } from '../../src/client/defaults'
import type { CommandSafety, OutboxEffect } from '../../src/core/command-protocol'
import { OutboxMachine } from '../../src/core/outbox'
import { PoolMachine } from '../../src/core/pool'
import type { LossCause, MovePlan, PoolInput, ProbeResult } from '../../src/core/pool-protocol'
import { seededRandom, type Random } from '../../src/core/random'
import { RequestMachine } from '../../src/core/request'
import type { RequestInput, RouteTaken } from '../../src/core/request-protocol'
import { RetryBudget } from '../../src/core/retry-budget'
import type { FailureKind, NetworkFailure, Road } from '../../src/core/road'
import { SessionMachine } from '../../src/core/session'
import type { SessionInput } from '../../src/core/session-protocol'
import { TopicMachine } from '../../src/core/topic'
import type { TopicInput } from '../../src/core/topic-protocol'
import type { Cursor, ReadinessState, ServerFrame, TopicFrame, TopicKind } from '../../src/core/wire'
import { PoolWorld, seed as endpoint, settings, UCC } from './pool-world'

export type Episode = (seed: number) => void

const STEPS = 300

/** Draws. */
class Dice {
  readonly random: Random

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  below(limit: number): number {
    return Math.floor(this.random() * limit)
  }

  maybe(chance = 0.5): boolean {
    return this.random() < chance
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)]
    if (picked === undefined) throw new Error('nothing to pick from')
    return picked
  }
}

function reset(dice: Dice): NetworkFailure {
  const kinds: readonly FailureKind[] = ['refused', 'reset', 'timeout', 'unreachable', 'certificate']
  return { kind: dice.pick(kinds), sent: dice.pick(['no', 'maybe']), message: 'failed' }
}

// ---- pool -----------------------------------------------------------------------------------------------------------

const ENDPOINTS = ['a', 'b', 'c']

export function playPool(seed: number): void {
  const dice = new Dice(seed)
  const machine = new PoolMachine(
    settings({ failback: { holdDownMs: 2000 }, connect: { betterRoadMs: 2000 } }),
    dice.random,
  )
  const terms = new Map(ENDPOINTS.map((id) => [id, 1]))
  const probes: { readonly attempt: number; readonly endpointId: string }[] = []
  const needsLive = dice.pick([0.9, 0.3])
  /** How much goes wrong in this life. */
  const trouble = dice.pick([0.02, 0.1, 0.3])
  const questions: number[] = []
  let now = 1000
  let move = 0
  const feed = (input: PoolInput): void => {
    for (const effect of machine.handle(now, input)) {
      if (effect.type === 'probe') probes.push({ attempt: effect.attempt, endpointId: effect.road.endpointId })
      else if (effect.type === 'go') move = effect.plan.id
      else if (effect.type === 'ask-can-move') questions.push(effect.question)
    }
  }
  feed({ type: 'endpoints', source: 'configured', seeds: ENDPOINTS.map((id, rank) => endpoint(id, rank)) })
  feed({
    type: 'seat-open',
    seat: 1,
    ucc: UCC,
    priority: () => dice.pick(['interactive', 'agent', 'visitor']),
    warm: dice.maybe(),
    asksCanMove: dice.maybe(),
  })
  /** Of the fleet: sizes the draw. */
  const clients = dice.pick([1, 50, 300])
  const state = (): ReadinessState => (dice.maybe(trouble) ? dice.pick(['stopped', 'starting', 'unknown']) : 'running')
  const says = (endpointId: string): ProbeResult => {
    const server = dice.maybe(0.05) ? dice.pick(ENDPOINTS) : endpointId
    const term = terms.get(server) ?? 1
    const load = { clients, acceptPerSec: 100 }
    if (dice.maybe(trouble)) return { is: 'failed', failure: reset(dice) }
    return { is: 'ready', rttMs: 5, body: { server, versions: [1], state: state(), term, load } }
  }
  const answer = (): PoolInput | undefined => {
    const probe = probes.shift()
    return probe === undefined ? undefined : { type: 'probed', attempt: probe.attempt, result: says(probe.endpointId) }
  }
  const inputs: readonly (() => PoolInput | undefined)[] = [
    ...Array<() => PoolInput | undefined>(8).fill(answer),
    () => ({ type: 'seat-welcomed', seat: 1, move, server: dice.pick(ENDPOINTS) }),
    () => ({ type: 'seat-committed', seat: 1, move, live: dice.maybe(needsLive) }),
    () => (dice.maybe(trouble) ? { type: 'seat-failed', seat: 1, move, cause: loss(dice) } : undefined),
    () => (dice.maybe(trouble) ? { type: 'seat-lost', seat: 1, cause: loss(dice), lastProof: now } : undefined),
    () => ({ type: dice.pick(['seat-live', 'seat-needs-road', 'seat-stable', 'seat-clear', 'check']), seat: 1 }),
    () => (dice.maybe(trouble) ? { type: 'seat-suspect', seat: 1, lastProof: now - 1500 } : undefined),
    () => (dice.maybe(trouble) ? { type: 'seat-unanswered', seat: 1, lastProof: now - 1500 } : undefined),
    () => (dice.maybe(trouble) ? { type: 'goaway', seat: 1, leaveWithinMs: 5000 } : undefined),
    () => (dice.maybe(trouble) ? { type: 'topic-silent', seat: 1, silent: dice.maybe() } : undefined),
    () => (dice.maybe(trouble) ? { type: 'ask-move', seat: 1, call: 1, wish: 'switchover', hold: false } : undefined),
    () => ({ type: 'can-move', seat: 1, question: questions.shift() ?? 0, allowed: dice.maybe() }),
    () => {
      const endpointId = dice.pick(ENDPOINTS)
      const { generation } = machine.judge.roster.get(endpointId) ?? { generation: 0 }
      const outcome = { type: 'failure', failure: reset(dice) } as const
      return dice.maybe(2 * trouble) ? { type: 'evidence', endpointId, generation, outcome } : undefined
    },
    () => (dice.maybe(0.05) ? { type: 'pause', lateMs: 5000 } : undefined),
    () => {
      const server = dice.pick(ENDPOINTS)
      if (dice.maybe(trouble)) terms.set(server, Math.max(...terms.values()) + 1)
      const term = terms.get(server) ?? 1
      return { type: 'readiness', endpointId: server, server, ucc: UCC, state: state(), term, via: 'beat' }
    },
  ]
  for (let step = 0; step < STEPS; step += 1) {
    const input = dice.pick(inputs)()
    if (input !== undefined) feed(input)
    now = dice.maybe(0.3) ? Math.max(now, Math.min(machine.deadline(), now + 5000)) : now + dice.below(20)
    feed({ type: 'tick' })
  }
}

/** What chance brings too seldom. */
export function playRarePool(): void {
  playSearch(3000)
  playSearch(1)
  playSecondThoughts()
  playRouting()
  playLive()
}

/** After a loss `c` is heard before anybody was asked, and stops again; `b` might still be the better road. */
function playSearch(clients: number): void {
  const world = new PoolWorld(ENDPOINTS)
  for (const id of ENDPOINTS) world.server(id).load = { clients, acceptPerSec: 100 }
  world.open({ class: 'visitor' })
  world.run(5000)
  world.kill('a')
  const heard = (state: ReadinessState): void => {
    world.run(1)
    world.feed({ type: 'readiness', endpointId: 'c', server: 'c', ucc: UCC, state, via: 'status' })
  }
  heard('running')
  heard('stopped')
  heard('running')
  // Nobody better is waited for any more.
  world.run(300)
  world.feed({ type: 'check' })
  heard('stopped')
}

/** The road that was chosen stops during the draw: what is left is worse than one that has not answered yet. */
function playSecondThoughts(): void {
  const world = new PoolWorld(['a', 'b', 'c', 'd'], { connect: { betterRoadMs: 2000 } })
  for (const id of ['a', 'b', 'c', 'd']) world.server(id).load = { clients: 3000, acceptPerSec: 100 }
  const client = world.open({ class: 'visitor' })
  world.run(5000)
  world.lose(client, { type: 'restart', code: 1012 })
  const says = (server: string, state: ReadinessState): void => {
    world.run(1)
    world.feed({ type: 'readiness', endpointId: server, server, ucc: UCC, state, via: 'status' })
  }
  says('d', 'running')
  says('b', 'running')
  says('b', 'stopped')
}

/** Clients that need no live connection: one is lost, one needs one after all, one is moved and hears nothing more. */
function playRouting(): void {
  const world = new PoolWorld(ENDPOINTS)
  const settle = (seat: number, live = false): void => {
    const move = world.all('go').findLast((go) => go.seat === seat)?.plan.id ?? 0
    world.feed({ type: 'seat-committed', seat, move, live })
  }
  const routed = (): number => {
    const { seat } = world.open()
    world.until('a move', () => world.all('go').some((go) => go.seat === seat), 5000)
    settle(seat)
    return seat
  }
  const moved = { type: 'ask-move', call: 1, wish: 'switchover', to: 'b', hold: false } as const
  world.feed({ type: 'seat-lost', seat: routed(), cause: { type: 'restart', code: 1012 }, lastProof: world.now })
  world.feed({ type: 'seat-live', seat: routed() })
  for (const live of [true, false]) {
    const seat = routed()
    world.feed({ ...moved, seat })
    settle(seat, live)
    world.server('b').fails = live ? undefined : 'timeout'
    world.feed({ type: 'seat-suspect', seat, lastProof: world.now })
    world.run(100)
    world.feed({ type: 'seat-unanswered', seat, lastProof: world.now - 1000 })
    world.run(1000)
  }
}

/** A silence that ends, a lost side of a planned move, and a drain at a moment that is not quiet. */
function playLive(): void {
  const world = new PoolWorld(ENDPOINTS)
  const client = world.open({ asksCanMove: true })
  const { seat } = client
  world.run(3000)
  for (const type of ['seat-suspect', 'seat-unanswered', 'seat-unanswered'] as const) {
    world.feed({ type, seat, lastProof: world.now })
    if (type === 'seat-suspect') world.feed({ type: 'seat-clear', seat })
  }
  world.feed({ type: 'seat-clear', seat })
  world.feed({ type: 'goaway', seat, leaveWithinMs: 20_000 })
  for (const allowed of [false, true]) {
    const asked = world.all('ask-can-move').length
    world.until('asked', () => world.all('ask-can-move').length > asked, 20_000)
    const question = world.all('ask-can-move').at(-1)?.question ?? 0
    world.feed({ type: 'can-move', seat, question, allowed })
  }
  world.lose(client, { type: 'restart', code: 1012 })
}

function loss(dice: Dice): LossCause {
  return dice.pick<LossCause>([
    { type: 'restart', code: 1012 },
    { type: 'closed', code: 1006, failure: reset(dice) },
    { type: 'timeout', phase: 'connect' },
  ])
}

// ---- session --------------------------------------------------------------------------------------------------------

export function playSession(seed: number): void {
  const dice = new Dice(seed)
  const { detection, connect, streams } = DEFAULTS
  const machine = new SessionMachine({
    seat: 1,
    settings: { detection, connect, streams },
    ucc: UCC,
    client: { id: 'c1' },
    warm: dice.maybe(0.3),
    hasRestore: dice.maybe(),
    commands: { maxQueued: 10, maxQueuedBytes: 10_000, sharedKeys: false },
  })
  let now = 1000
  let links = 0
  const feed = (input: SessionInput): void => {
    for (const effect of machine.handle(now, input)) if (effect.type === 'open-link') links = effect.link
  }
  const road = (): Road => {
    const endpointId = dice.pick(ENDPOINTS)
    return { endpointId, generation: 1, url: `https://${endpointId}.test` }
  }
  const plan = (id: number): MovePlan => {
    const times = { lastProof: now, detected: now, decided: now, dialled: now }
    const to = road()
    const kind = dice.pick(['initial', 'failover', 'switchover', 'switchover'] as const)
    const makeBeforeBreak = kind === 'switchover' || dice.maybe(0.2)
    return { id, kind, reason: 'start', to: to.endpointId, road: to, evidence: [], times, makeBeforeBreak }
  }
  const link = (): number => Math.max(1, links - dice.pick([0, 0, 0, 1, 2]))
  const frame = (): ServerFrame => {
    const cursor = { epoch: 'e', seq: 0 }
    const state = dice.maybe(0.9) ? 'running' : 'stopped'
    return dice.pick<ServerFrame>([
      { type: 'welcome', version: 1, server: dice.pick(ENDPOINTS), state, heartbeatMs: 1000 },
      { type: 'subscribed', id: 1, kind: 'log', recovered: false, cursor },
      { type: 'snapshot', id: 1, cursor, items: [] },
      { type: 'heartbeat', state, ts: now },
      { type: 'reject', id: 1, code: 'not-running', message: '' },
    ])
  }
  const command = { name: 'n', args: null, safety: 'effect' as const, target: 'n', bytes: 1 }
  const topic = { name: 't', kind: 'log' as const, logKeys: 10, staleAfterMs: 5000 }
  const inputs: readonly ((step: number) => SessionInput | undefined)[] = [
    (step) => (dice.maybe(0.4) ? { type: 'go', plan: plan(step) } : undefined),
    (step) => (dice.maybe(0.1) ? { type: 'cancel-move', move: step - dice.below(20) } : undefined),
    (step) => (dice.maybe(0.1) ? { type: 'fence', move: step - dice.below(20), minTerm: dice.below(3) } : undefined),
    () => (dice.maybe(0.3) ? { type: 'warm', road: dice.maybe(0.8) ? road() : undefined } : undefined),
    () => ({ type: 'topic-open', config: topic }),
    () => (dice.maybe(0.3) ? { type: 'topic-close', topic: 't' } : undefined),
    () => ({ type: 'link-opened', link: link() }),
    () => ({ type: 'token', link: link(), token: 'token', ...(dice.maybe(0.1) ? { failed: true } : {}) }),
    () => ({ type: 'link-opened', link: link() }),
    () => ({ type: 'token', link: link(), token: 'token', ...(dice.maybe(0.1) ? { failed: true } : {}) }),
    () => (dice.maybe(0.3) ? { type: 'restored', link: link(), ok: dice.maybe(0.9) } : undefined),
    (step) => ({ type: 'command', request: { ...command, command: step, key: `${step}`, deadline: now + 5000 } }),
    () => (dice.maybe(0.2) ? { type: 'link-closed', link: link(), code: dice.pick([1000, 1006, 4401]) } : undefined),
    () => (dice.maybe(0.05) ? { type: 'close' } : undefined),
    () => (dice.maybe(0.2) ? { type: 'pause', lateMs: 3000 } : undefined),
    ...Array<() => SessionInput>(20).fill(() => ({ type: 'link-frame', link: link(), frame: frame() })),
  ]
  for (let step = 0; step < STEPS; step += 1) {
    const input = dice.pick(inputs)(step)
    if (input !== undefined) feed(input)
    now = dice.maybe(0.05) ? Math.max(now, Math.min(machine.deadline(), now + 5000)) : now + dice.below(20)
    feed({ type: 'tick' })
  }
}

/** A link that was left for another one is lost while the result of a command is awaited on it. */
export function playRareSession(): void {
  const { detection, connect, streams } = DEFAULTS
  const commands = { maxQueued: 10, maxQueuedBytes: 10_000, sharedKeys: false }
  const config = { seat: 1, ucc: UCC, client: { id: 'c1' }, warm: false, hasRestore: false, commands }
  const machine = new SessionMachine({ ...config, settings: { detection, connect, streams } })
  const request = { command: 1, name: 'n', args: null, safety: 'effect' as const, key: 'k', target: 'n', bytes: 1 }
  machine.handle(0, { type: 'command', request: { ...request, deadline: 5000 } })
  for (const link of [1, 2]) {
    const to = { endpointId: `e${link}`, generation: 1, url: `https://e${link}.test` }
    const times = { lastProof: 0, detected: 0, decided: 0, dialled: 0 }
    const plan = { id: link, to: to.endpointId, road: to, evidence: [], times, makeBeforeBreak: link === 2 }
    machine.handle(0, { type: 'go', plan: { ...plan, kind: 'initial', reason: 'start' } })
    machine.handle(0, { type: 'link-opened', link })
    machine.handle(0, { type: 'token', link, token: 'token' })
    const frame = { type: 'welcome', version: 1, server: `srv${link}`, state: 'running', heartbeatMs: 1000 } as const
    machine.handle(0, { type: 'link-frame', link, frame })
  }
  machine.handle(0, { type: 'link-closed', link: 1, code: 1006 })
}

// ---- topic ----------------------------------------------------------------------------------------------------------

export function playTopic(seed: number): void {
  const dice = new Dice(seed)
  const kind = dice.pick<TopicKind>(['log', 'state', 'ephemeral'])
  const machine = new TopicMachine({ name: 't', kind, logKeys: 10, staleAfterMs: 2000 })
  let now = 1000
  let links = 0
  let seq = 0
  const link = (): number => Math.max(1, links - dice.below(3))
  const cursor = (): Cursor => ({ epoch: dice.maybe(0.9) ? 'A' : 'B', seq })
  const frame = (): TopicFrame => {
    seq += dice.pick([0, 1, 1, 1, 5])
    const op = dice.pick(['append', 'upsert'] as const)
    return dice.pick<TopicFrame>([
      {
        type: 'subscribed',
        id: 1,
        kind,
        recovered: dice.maybe(),
        cursor: { ...cursor(), seq: seq + dice.pick([0, 1, 2, 10]) },
      },
      { type: 'snapshot', id: 1, cursor: cursor(), items: [{ key: 'k', data: 1 }], more: dice.maybe(0.3) },
      {
        type: 'event',
        id: 1,
        seq,
        op: kind === 'ephemeral' ? op : kind === 'log' ? 'append' : 'upsert',
        key: `${seq}`,
      },
    ])
  }
  const inputs: readonly (() => TopicInput)[] = [
    () => ({ type: 'link-ready', link: (links += 1), server: dice.pick(ENDPOINTS), heartbeatMs: 1000 }),
    () => ({ type: 'link-lost', link: link() }),
    () => ({ type: 'pressure', full: dice.maybe(0.3) }),
    () => ({ type: 'proof', link: link() }),
    () => ({ type: 'not-running', link: link() }),
    () => ({ type: 'rejected', link: link(), code: dice.maybe(0.98) ? 'not-running' : 'unknown-topic', message: '' }),
    () => (dice.maybe(0.02) ? { type: 'close' } : { type: 'tick' }),
    ...Array<() => TopicInput>(6).fill(() => ({ type: 'frame', link: link(), frame: frame() })),
  ]
  for (let step = 0; step < STEPS; step += 1) {
    machine.handle(now, dice.pick(inputs)())
    now += dice.pick([1, 10, 1000])
  }
}

// ---- command --------------------------------------------------------------------------------------------------------

export function playOutbox(seed: number): void {
  const dice = new Dice(seed)
  let ids = 0
  const config = { maxQueued: 10, maxQueuedBytes: 1000, sharedKeys: dice.maybe() }
  const machine = new OutboxMachine(config, () => (ids += 1))
  let now = 1000
  let links = 1
  let commands = 0
  const sent: Extract<OutboxEffect, { type: 'send' }>[] = []
  const feed = (input: Parameters<OutboxMachine['handle']>[1]): void => {
    for (const effect of machine.handle(now, input)) if (effect.type === 'send') sent.push(effect)
  }
  const link = (): number => Math.max(1, links - dice.below(2))
  const command = (): void => {
    const safety = dice.pick<CommandSafety>(['read', 'set', 'keyed', 'claim', 'effect'])
    const request = {
      command: (commands += 1),
      name: 'n',
      args: null,
      safety,
      key: `${commands}`,
      target: 'n',
      bytes: 1,
    }
    const lane = dice.maybe(0.2) ? { lane: link() } : {}
    feed({ type: 'command', request: { ...request, deadline: now + dice.pick([50, 5000]), ...lane } })
  }
  const result = (): void => {
    const last = sent.splice(dice.below(sent.length), 1)[0]
    if (last === undefined) return
    const status = dice.pick(['done', 'duplicate', 'rejected', 'rejected', 'expired'] as const)
    const error = status === 'rejected' ? { error: { code: dice.pick(['not-running', 'no']), message: '' } } : {}
    feed({ type: 'result', link: last.link, id: last.id, frame: { type: 'result', id: last.id, status, ...error } })
  }
  const steps: readonly (() => void)[] = [
    command,
    command,
    result,
    () => feed({ type: 'link-open', link: (links += 1), running: true, keys: dice.pick(['x', 'x', 'y']) }),
    () => feed({ type: 'link-lost', link: link() }),
    () => feed({ type: 'link-running', link: link(), running: dice.maybe(0.7) }),
    () => feed({ type: 'abort', command: commands - dice.below(3), reason: 'enough' }),
    () => feed({ type: 'tick' }),
    () => void (dice.maybe(0.02) && feed({ type: 'close' })),
  ]
  for (let step = 0; step < STEPS; step += 1) {
    dice.pick(steps)()
    now += dice.pick([1, 10, 300])
  }
}

// ---- request --------------------------------------------------------------------------------------------------------

export function playRequest(seed: number): void {
  const dice = new Dice(seed)
  const budget = new RetryBudget({ tokens: dice.below(2), maxTokens: 2, perSuccess: 0.1, perSecond: 0.05 })
  const flags = { safe: dice.maybe(0.7), keyed: dice.maybe(), sharedKeys: dice.maybe(), replayable: dice.maybe(0.8) }
  const config = { deadline: 15_000, readyTimeoutMs: 5000, maxRetries: 2, proveUnsent: dice.maybe(), ...flags }
  const machine = new RequestMachine(config, budget, dice.random)
  let now = 0
  let attempt = 0
  const feed = (input: RequestInput): void => {
    for (const effect of machine.handle(now, input)) if (effect.type === 'dispatch') attempt = effect.attempt
  }
  const route = (): RouteTaken => ({ endpointId: dice.pick(ENDPOINTS), generation: 1 })
  const inputs: readonly (() => RequestInput)[] = [
    () => ({ type: 'routed', route: route() }),
    () => ({ type: 'routed', route: route() }),
    () => ({ type: 'sent', attempt }),
    () => ({ type: 'waiting', attempt }),
    () => ({ type: 'redirected', attempt, route: route() }),
    () => ({ type: 'response', attempt, status: dice.pick([200, 503, 429]), retryAfterMs: dice.pick([100, 20_000]) }),
    () => ({ type: 'failed', attempt, failure: reset(dice) }),
    () => ({ type: 'left', endpointId: dice.pick(ENDPOINTS) }),
    () => ({ type: dice.maybe(0.1) ? dice.pick(['aborted', 'closed']) : 'tick' }),
  ]
  if (dice.maybe(0.95)) feed({ type: 'start' })
  for (let step = 0; step < 30; step += 1) {
    feed(dice.pick(inputs)())
    now += dice.pick([1, 100, 1000])
  }
}
