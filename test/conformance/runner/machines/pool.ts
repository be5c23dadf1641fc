/** The Pool machine: who is asked, who is believed, and where each client should be. */
import { DEFAULTS } from '../../../../src/client/defaults'
import type { EndpointSource, PoolEffect, TrafficOutcome } from '../../../../src/core/pool-protocol'
import type { FailureKind } from '../../../../src/core/road'
import type { PoolSettings, PriorityClass } from '../../../../src/core/settings'
import type { ReadinessState } from '../../../../src/core/wire'
import { CaseError, Fields } from '../fields'
import type { MachineKind, Subject } from '../machine'
import { failure, PoolWorld, seed, UCC, type Client, type LostDirection, type Server } from './pool-world'

const STATES: readonly ReadinessState[] = ['running', 'starting', 'stopped', 'unknown']
const CLASSES: readonly PriorityClass[] = ['interactive', 'agent', 'board', 'visitor']
const SOURCES: readonly EndpointSource[] = ['configured', 'hostname', 'peers', 'topology', 'dns', 'store']
const DIRECTIONS: readonly LostDirection[] = ['ours', 'theirs']
const FAILURES: readonly FailureKind[] = [
  'refused',
  'reset',
  'unreachable',
  'connect-timeout',
  'timeout',
  'certificate',
  'dns',
  'opaque',
  'blocked',
  'aborted',
]

/** What happened since the last phase. */
interface Story {
  readonly moves: unknown[]
  readonly warnings: unknown[]
  readonly probes: unknown[]
  readonly decisions: string[]
  readonly changes: string[]
  readonly questions: unknown[]
  readonly refusals: string[]
  readonly topology: unknown[]
  /** Endpoints that were let go of: nothing is kept open there any more. */
  readonly left: unknown[]
  /** Where warm connections were told to wait. */
  readonly warmed: unknown[]
}

type Act = (world: PoolWorld, row: Fields, word: string) => void

const INPUTS: Readonly<Record<string, Act>> = {
  /** A client comes: `"anna"`, or with `client`, `ucc`, `class`, `warm`, `asksCanMove`, `live`. */
  open: (world, row, word) => open(world, named(row, word, 'client')),
  close: (world, row, word) => {
    const { name, seat } = world.client(row.string(word))
    world.feed({ type: 'seat-close', seat })
    world.clients.delete(name)
  },
  /** From now on a server does as told; nobody is told. */
  server: (world, row, word) => withFields(row, word, (given) => script(world.server(given.string('name')), given)),
  /** Its process dies: connections are reset, dials are refused. */
  crash: (world, row, word) => {
    const server = world.server(row.string(word))
    server.fails = 'refused'
    for (const { client } of world.links(server.name)) {
      world.lose(client, { type: 'closed', code: 1006, failure: failure('reset') })
    }
  },
  /** It accepts and answers nothing any more; its connections are silent. */
  hang: (world, row, word) => void (world.server(row.string(word)).fails = 'timeout'),
  /** It is there again: `"srv1"`, or with what has changed; `newTerm` is one above every term so far. */
  back: (world, row, word) => withFields(named(row, word, 'name'), undefined, (given) => back(world, given)),
  /** It says on all its connections what state it is in: a `status` frame. */
  status: (world, row, word) => {
    for (const { client, link } of world.links(row.string(word))) world.status(client, link)
  },
  /** It closes all its connections because it restarts (1012). */
  restart: (world, row, word) => {
    for (const { client } of world.links(row.string(word))) world.lose(client, { type: 'restart', code: 1012 })
  },
  goaway: (world, row, word) => withFields(row, word, (given) => goaway(world, given)),
  /** The road to this endpoint `fails` from now on, whoever would answer there; null: no more. */
  road: (world, row, word) =>
    withFields(row, word, (given) => {
      const endpoint = given.string('endpoint')
      if (given.raw('fails') === null) world.broken.delete(endpoint)
      else world.broken.set(endpoint, given.oneOf('fails', FAILURES))
    }),
  /** The road to this endpoint carries one direction only from now on: `ours` or `theirs` is `lost`; null: neither. */
  oneWay: (world, row, word) =>
    withFields(row, word, (given) => {
      const endpoint = given.string('endpoint')
      if (given.raw('lost') === null) world.oneWay.delete(endpoint)
      else world.oneWay.set(endpoint, given.oneOf('lost', DIRECTIONS))
    }),
  /** This client needs a live connection from now on (its first subscription). */
  subscribe: (world, row, word) => {
    const client = world.client(row.string(word))
    client.live = true
    world.feed({ type: 'seat-live', seat: client.seat })
  },
  /** A `welcome` that belongs to a move, however old. */
  welcomed: (world, row, word) =>
    withFields(row, word, (given) => {
      const { seat } = world.client(given.string('client'))
      const move = given.number('move')
      world.feed({ type: 'seat-welcomed', seat, move, server: given.string('server') })
      world.feed({ type: 'seat-committed', seat, move, live: true })
    }),
  /** The connection of this client is silent from now on, and only that. */
  cut: (world, row, word) => {
    const { link } = world.client(row.string(word))
    if (link !== undefined) link.isCut = true
  },
  /** The connection of this client is closed, without a word. */
  reset: (world, row, word) => {
    world.lose(world.client(row.string(word)), { type: 'closed', code: 1006, failure: failure('reset') })
  },
  /** Another server answers at this endpoint from now on. Connections stay where they are. */
  repoint: (world, row, word) =>
    withFields(row, word, (given) => world.roads.set(given.string('endpoint'), world.server(given.string('to')).name)),
  /** The endpoint the dedicated hostname points at, by its resolver; null: nobody, or several. */
  designate: (world, row, word) =>
    world.feed({ type: 'designated', endpointId: row.raw(word) === null ? undefined : row.string(word) }),
  /** A source names endpoints. */
  endpoints: (world, row, word) => withFields(row, word, (given) => endpoints(world, given)),
  /** Readiness heard in band, as it stands. */
  readiness: (world, row, word) => withFields(row, word, (given) => readiness(world, given)),
  /** A topic lies in this `epoch` at this server: its subscription was answered. */
  space: (world, row, word) =>
    withFields(row, word, (given) => {
      const [topic, server, epoch] = [given.string('topic'), given.string('server'), given.string('epoch')]
      world.feed({ type: 'sequence-space', ucc: given.string('ucc', UCC), topic, server, epoch })
    }),
  /** What traffic has seen of an endpoint: a `status`, a `failure` or a `timeout`. */
  traffic: (world, row, word) => withFields(row, word, (given) => traffic(world, given)),
  /** Our own network: `up`, or how everything fails. */
  network: (world, row, word) => void (world.network = row.oneOf(word, ['up', ...FAILURES])),
  /** We ourselves are stopped for so many milliseconds from now on: sleep, a frozen page, a blocked event loop. */
  sleep: (world, row, word) => world.sleep(row.number(word)),
  hidden: (world, row, word) => world.feed({ type: 'hidden', hidden: row.boolean(word) }),
  /** Something happened around us (online, wake, a page shown): look at once. */
  check: (world, row, word) => row.boolean(word) && world.feed({ type: 'check' }),
  silentTopic: (world, row, word) =>
    world.feed({ type: 'topic-silent', seat: world.client(row.string(word)).seat, silent: true }),
  /** `switchover()` or `failback()` of the application. */
  ask: (world, row, word) => withFields(row, word, (given) => ask(world, given)),
  /** What this client's `canMove` answers from now on. */
  canMove: (world, row, word) =>
    withFields(row, word, (given) => (world.client(given.string('client')).canMove = given.boolean('allowed'))),
}

export const pool: MachineKind = {
  inputs: Object.keys(INPUTS),
  expects: {
    moves: [],
    warnings: undefined,
    at: undefined,
    routes: undefined,
    conditions: undefined,
    breakers: undefined,
    generations: undefined,
    endpoints: undefined,
    fences: undefined,
    warm: undefined,
    probes: undefined,
    decisions: undefined,
    changes: undefined,
    questions: undefined,
    refusals: [],
    topology: undefined,
    left: undefined,
    warmed: undefined,
  },
  create: (config) => new PoolSubject(config),
}

class PoolSubject implements Subject {
  readonly #world: PoolWorld
  readonly #conditions = new Map<number, string>()
  readonly #warm = new Map<number, string | undefined>()
  #story = emptyStory()

  constructor(config: Fields) {
    const random = randomOf(config)
    this.#world = new PoolWorld(settingsOf(config.object('settings')), random, (effect) => this.#tell(effect))
    this.#world.hasReference = config.boolean('reference', false)
    this.#world.isLineUneven = config.boolean('unevenLine', false)
    const rows = serversOf(config)
    for (const { name, given } of rows) {
      const server = this.#world.addServer(name)
      if (given !== undefined) script(server, given)
    }
    for (const [endpoint, to] of Object.entries(config.object('roads').value)) {
      this.#world.roads.set(endpoint, this.#world.server(String(to)).name)
    }
    const first = config.strings(
      'endpoints',
      rows.map(({ name }) => name),
    )
    this.#world.feed({ type: 'endpoints', source: 'configured', seeds: first.map((id, rank) => seed(id, rank)) })
    this.#story = emptyStory()
  }

  advance(to: number): void {
    this.#world.advance(to)
  }

  take(word: string, row: Fields): void {
    INPUTS[word]?.(this.#world, row, word)
  }

  observe(): Readonly<Record<string, unknown>> {
    const { machine, clients } = this.#world
    const endpoints = machine.endpoints()
    const story = this.#story
    this.#story = emptyStory()
    const byClient = (read: (client: Client) => unknown): Record<string, unknown> =>
      Object.fromEntries([...clients.values()].map((client) => [client.name, read(client)]))
    return {
      ...story,
      at: byClient(({ link }) => link?.server.name ?? null),
      routes: byClient(({ seat }) => machine.seat(seat)?.route([])?.id ?? null),
      conditions: byClient(({ seat }) => this.#conditions.get(seat) ?? 'connecting'),
      warm: byClient(({ seat }) => this.#warm.get(seat) ?? null),
      breakers: Object.fromEntries(endpoints.map(({ id, breaker }) => [id, breaker.state.is])),
      generations: Object.fromEntries(endpoints.map(({ id, generation }) => [id, generation])),
      endpoints: machine.judge.roster.present().map(({ id }) => id),
      fences: Object.fromEntries([...machine.judge.fences()].map(([ucc, fence]) => [ucc ?? '', fence.term])),
    }
  }

  #tell(effect: PoolEffect): void {
    const { now: at, clients } = this.#world
    const nameOf = (seat: number): string | undefined =>
      [...clients.values()].find((client) => client.seat === seat)?.name
    switch (effect.type) {
      case 'go': {
        const { kind, reason, to, from, makeBeforeBreak } = effect.plan
        this.#story.moves.push({ at, client: nameOf(effect.seat), kind, reason, to, from, makeBeforeBreak })
        return
      }
      case 'warning':
        this.#story.warnings.push({ at, code: effect.code, endpoint: effect.endpointId })
        return
      case 'probe':
        this.#story.probes.push({ at, endpoint: effect.road.endpointId, ucc: effect.ucc })
        return
      case 'decision':
        this.#story.decisions.push(`${effect.kind}: ${effect.reason}`)
        return
      case 'endpoint-changed':
        this.#story.changes.push(`${effect.endpointId}: ${effect.reason}`)
        return
      case 'ask-can-move':
        this.#story.questions.push({ at, client: nameOf(effect.seat), to: effect.to, reason: effect.reason })
        return
      case 'move-refused':
        this.#story.refusals.push(effect.message)
        return
      case 'topology-changed':
        this.#story.topology.push({ source: effect.source, added: effect.added, removed: effect.removed })
        return
      case 'condition':
        this.#conditions.set(effect.seat, conditionText(effect.condition))
        return
      case 'warm':
        this.#warm.set(effect.seat, effect.road?.endpointId)
        this.#story.warmed.push({ at, client: nameOf(effect.seat), to: effect.road?.endpointId ?? null })
        return
      case 'left': {
        const client = effect.seat === undefined ? null : nameOf(effect.seat)
        this.#story.left.push({ at, client, endpoint: effect.endpointId, how: effect.how })
        return
      }
      default:
        return
    }
  }
}

function emptyStory(): Story {
  return {
    moves: [],
    warnings: [],
    probes: [],
    decisions: [],
    changes: [],
    questions: [],
    refusals: [],
    topology: [],
    left: [],
    warmed: [],
  }
}

/** `serving`, `degraded: lost`, `offline: network`. */
function conditionText(condition: Extract<PoolEffect, { type: 'condition' }>['condition']): string {
  if (condition.is === 'degraded') return `degraded: ${condition.why}`
  return condition.is === 'offline' ? `offline: ${condition.reason}` : condition.is
}

// ---- config ---------------------------------------------------------------------------------------------------------

/** `random`: every draw, one half unless told otherwise: no jitter, and the middle of every window. */
function randomOf(config: Fields): () => number {
  const drawn = config.number('random', 0.5)
  return () => drawn
}

const FAILBACK_MODES = ['automatic', 'manual'] as const

/** Defaults, and what the case changes of them, section by section. */
function settingsOf(given: Fields): PoolSettings {
  const { health, breaker, detection, connect, failover, failback } = DEFAULTS
  const defaults = { health, breaker, detection, connect, failover, failback }
  const sections = Object.entries(defaults).map(([name, numbers]) => {
    const section = given.object(name)
    const merged = { ...numbers, ...section.value }
    for (const key of Object.keys(section.value)) {
      if (!(key in numbers)) throw new CaseError(`${section.path}.${key}`, 'no such setting')
      if (key === 'mode') section.oneOf('mode', FAILBACK_MODES)
      else section.number(key)
    }
    return [name, merged]
  })
  given.done()
  return Object.fromEntries(sections) as PoolSettings
}

/** Names, or objects with a name and what the server does. */
function serversOf(config: Fields): readonly { readonly name: string; readonly given?: Fields }[] {
  const rows = config.raw('servers')
  if (!Array.isArray(rows)) throw new CaseError('config.servers', 'a list of servers expected')
  return rows.map((row: unknown, n) => {
    if (typeof row === 'string') return { name: row }
    const given = Fields.of(`config.servers[${n}]`, row)
    return { name: given.string('name'), given }
  })
}

// ---- inputs ---------------------------------------------------------------------------------------------------------

/** `"srv1"` stands for `{ [name]: "srv1" }`. */
function named(row: Fields, word: string, name: string): Fields {
  const value = row.raw(word)
  const path = `${row.path}.${word}`
  return typeof value === 'string' ? new Fields(path, { [name]: value }) : Fields.of(path, value)
}

function withFields(row: Fields, word: string | undefined, act: (given: Fields) => unknown): void {
  const given = word === undefined ? row : row.object(word)
  act(given)
  given.done()
}

function open(world: PoolWorld, given: Fields): void {
  const options = {
    ucc: given.raw('ucc') === null ? undefined : given.string('ucc', UCC),
    class: given.oneOf('class', CLASSES, 'agent'),
    warm: given.boolean('warm', false),
    asksCanMove: given.boolean('asksCanMove', false),
    live: given.boolean('live', true),
  }
  world.open(given.string('client'), options)
  given.done()
}

function script(server: Server, given: Fields): void {
  given.raw('name')
  if (given.has('state')) server.state = given.oneOf('state', STATES)
  if (given.has('uccs')) server.uccs = given.object('uccs').value as Server['uccs']
  if (given.has('term')) server.term = given.number('term')
  if (given.has('beats')) server.beats = given.oneOf('beats', ['honest', 'plain', 'none', ...STATES])
  if (given.has('fails')) server.fails = given.oneOf('fails', FAILURES)
  if (given.has('page')) server.page = given.raw('page') === null ? undefined : given.number('page')
  if (given.has('draining')) server.draining = given.boolean('draining')
  if (given.has('refusesToken')) server.refusesToken = given.boolean('refusesToken')
  if (given.has('rttMs')) server.rttMs = given.number('rttMs')
  if (given.has('dropsSilentMs')) server.dropsSilentMs = given.number('dropsSilentMs')
  if (given.has('load')) server.load = given.raw('load') === null ? undefined : load(given.object('load'))
  given.done()
}

function load(given: Fields): { clients: number; acceptPerSec: number } {
  const read = { clients: given.number('clients'), acceptPerSec: given.number('acceptPerSec') }
  given.done()
  return read
}

function back(world: PoolWorld, given: Fields): void {
  const server = world.server(given.string('name'))
  server.fails = undefined
  if (given.has('newTerm') && given.boolean('newTerm')) {
    server.term = Math.max(0, ...[...world.servers.values()].map(({ term = 0 }) => term)) + 1
  }
  script(server, given)
}

function goaway(world: PoolWorld, given: Fields): void {
  const server = given.string('server')
  const leaveWithinMs = given.number('leaveWithinMs')
  const closesAfterMs = given.number('closesAfterMs', leaveWithinMs)
  const spread = given.has('spreadMs') ? { spreadMs: given.number('spreadMs') } : {}
  for (const { client, link } of world.links(server)) {
    world.feed({ type: 'goaway', seat: client.seat, leaveWithinMs, ...spread })
    world.after(closesAfterMs, () => {
      if (client.link === link) world.lose(client, { type: 'drained' })
    })
  }
}

function endpoints(world: PoolWorld, given: Fields): void {
  const source = given.oneOf('source', SOURCES)
  const name = given.has('name') ? { name: given.string('name') } : {}
  const seeds = given.objects('are').map((row, n) => {
    const read = seed(row.string('id'), row.number('rank', n))
    row.done()
    if (!world.roads.has(read.id)) world.addServer(read.id)
    return read
  })
  world.feed({ type: 'endpoints', source, ...name, seeds })
}

function readiness(world: PoolWorld, given: Fields): void {
  const server = given.string('from')
  world.feed({
    type: 'readiness',
    endpointId: given.string('endpoint', server),
    server,
    ucc: given.string('ucc', UCC),
    state: given.oneOf('state', STATES),
    via: given.oneOf('via', ['welcome', 'status', 'beat', 'traffic'], 'status'),
    ...(given.has('term') ? { term: given.number('term') } : {}),
  })
}

function traffic(world: PoolWorld, given: Fields): void {
  const endpointId = given.string('endpoint')
  const present = world.machine.judge.roster.get(endpointId)?.generation ?? 0
  const generation = given.number('generation', present)
  world.feed({ type: 'evidence', endpointId, generation, outcome: outcomeOf(given) })
}

function outcomeOf(given: Fields): TrafficOutcome {
  if (given.has('status')) {
    return { type: 'status', status: given.number('status'), retryAfter: given.boolean('retryAfter', false) }
  }
  if (given.has('failure')) return { type: 'failure', failure: failure(given.oneOf('failure', FAILURES)) }
  return given.boolean('timeout') ? { type: 'timeout' } : { type: 'status', status: 200, retryAfter: false }
}

function ask(world: PoolWorld, given: Fields): void {
  world.feed({
    type: 'ask-move',
    seat: world.client(given.string('client')).seat,
    call: given.number('call', 1),
    wish: given.oneOf('for', ['switchover', 'failback']),
    hold: given.boolean('hold', false),
    ...(given.has('to') ? { to: given.string('to') } : {}),
  })
}
