/**
 * A small scripted world around one PoolMachine, in virtual time: servers that answer probes as told, and clients that
 * carry out what the pool decides (dial, welcome, beats). No timers, no sockets: `run(ms)` plays what is due, in order.
 */
import { DEFAULTS } from '../../src/client/defaults'
import { PoolMachine } from '../../src/core/pool'
import type {
  EndpointSeed,
  LossCause,
  MovePlan,
  PoolEffect,
  PoolInput,
  ProbeResult,
  TrafficOutcome,
} from '../../src/core/pool-protocol'
import { seededRandom, type Random } from '../../src/core/random'
import type { FailureKind } from '../../src/core/road'
import type { PoolSettings, PriorityClass } from '../../src/core/settings'
import type { Load, ReadinessState } from '../../src/core/wire'

type Partly<T> = { readonly [K in keyof T]?: Partial<T[K]> }

/** What a server does when it is asked. */
export interface Script {
  /** State it tells by readiness, for every UCC that `uccs` does not name. */
  state: ReadinessState
  /** By UCC, where it differs. */
  uccs: Record<string, ReadinessState>
  term: number | undefined
  /** What its beats claim; `none`: no beats at all, `plain`: beats without a state. */
  beats: ReadinessState | 'none' | 'plain'
  /** Probes and dials fail so. */
  fails: FailureKind | undefined
  /** It answers with something that is no readiness, of this status (true: 200). */
  foreign: boolean | number
  draining: boolean
  load: Load | undefined
  /** Time to an answer. */
  rttMs: number
}

export interface Asked {
  readonly at: number
  readonly endpointId: string
  readonly ucc: string | undefined
}

interface Client {
  readonly seat: number
  readonly ucc: string | undefined
  /** Endpoint and server of its live connection. */
  at: string | undefined
  move: MovePlan | undefined
  silent: boolean
  /** A live connection carries it; else it only routes requests. */
  readonly live: boolean
}

interface Task {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

export const UCC = 'helpdesk'

export function settings(changes: Partly<PoolSettings> = {}): PoolSettings {
  const { health, breaker, detection, connect, failover, failback } = DEFAULTS
  return {
    health: { ...health, ...changes.health },
    breaker: { ...breaker, ...changes.breaker },
    detection: { ...detection, ...changes.detection },
    connect: { ...connect, ...changes.connect },
    failover: { ...failover, ...changes.failover },
    failback: { ...failback, ...changes.failback },
  }
}

export function seed(id: string, rank: number): EndpointSeed {
  return { id, url: `https://${id}.test`, name: id, rank }
}

export class PoolWorld {
  readonly machine: PoolMachine
  readonly effects: { readonly at: number; readonly effect: PoolEffect }[] = []
  readonly probes: Asked[] = []
  readonly moves: { readonly at: number; readonly plan: MovePlan }[] = []
  readonly clients: Client[] = []
  now = 1000
  readonly #scripts = new Map<string, Script>()
  readonly #names = new Map<string, string>()
  #queue: Task[] = []
  #order = 0

  constructor(servers: readonly string[], changes: Partly<PoolSettings> = {}, random: Random = seededRandom(1)) {
    this.machine = new PoolMachine(settings(changes), random)
    for (const [rank, name] of servers.entries()) this.addServer(name, rank)
    this.feed({ type: 'endpoints', source: 'configured', seeds: servers.map((name, rank) => seed(name, rank)) })
  }

  addServer(name: string, _rank: number): void {
    const script: Script = {
      state: 'running',
      uccs: {},
      term: undefined,
      beats: 'running',
      fails: undefined,
      foreign: false,
      draining: false,
      load: { clients: 1, acceptPerSec: 500 },
      rttMs: 5,
    }
    this.#scripts.set(name, script)
    this.#names.set(name, name)
  }

  server(name: string): Script {
    const script = this.#scripts.get(name)
    if (script === undefined) throw new Error(`no server ${name}`)
    return script
  }

  /** From now on another server answers at this endpoint. */
  repoint(endpointId: string, server: string): void {
    this.#names.set(endpointId, server)
  }

  /** A client that needs a live connection, unless told otherwise. */
  open(
    more: Partial<Extract<PoolInput, { type: 'seat-open' }>> & {
      readonly class?: PriorityClass
      readonly live?: boolean
    } = {},
  ): Client {
    const { class: priority = 'agent', live = true, ...rest } = more
    const seat = this.clients.length + 1
    const client: Client = {
      seat,
      ucc: 'ucc' in rest ? rest.ucc : UCC,
      at: undefined,
      move: undefined,
      silent: !live,
      live,
    }
    this.clients.push(client)
    const defaults = { ucc: UCC, priority: () => priority, warm: false, asksCanMove: false }
    this.feed({ type: 'seat-open', ...defaults, ...rest, seat })
    this.#beat(client)
    return client
  }

  feed(input: PoolInput): void {
    for (const effect of this.machine.handle(this.now, input)) {
      this.effects.push({ at: this.now, effect })
      this.#carryOut(effect)
    }
  }

  /** Plays what is due within this time. */
  run(ms: number): void {
    const end = this.now + ms
    for (;;) {
      const [first] = this.#queue.sort((a, b) => a.at - b.at || a.order - b.order)
      const at = Math.min(first?.at ?? Infinity, this.machine.deadline())
      if (at > end) break
      this.now = Math.max(this.now, at)
      if (first !== undefined && first.at <= this.now) {
        this.#queue = this.#queue.filter((one) => one !== first)
        first.run()
      } else {
        this.feed({ type: 'tick' })
      }
    }
    this.now = end
  }

  /** Plays on until this holds. Returns how long it took. @throws Error after `withinMs` */
  until(what: string, holds: () => boolean, withinMs: number): number {
    const started = this.now
    while (!holds()) {
      if (this.now - started >= withinMs) throw new Error(`not within ${withinMs} ms: ${what}`)
      this.run(1)
    }
    return this.now - started
  }

  after(ms: number, run: () => void): void {
    this.#order += 1
    this.#queue.push({ at: this.now + ms, order: this.#order, run })
  }

  /** The server dies: probes are refused, its connections are reset. */
  kill(name: string): void {
    this.server(name).fails = 'refused'
    for (const client of this.clients) {
      if (client.at !== undefined && this.#names.get(client.at) === name) this.lose(client, reset())
    }
  }

  lose(client: Client, cause: LossCause): void {
    client.at = undefined
    this.feed({ type: 'seat-lost', seat: client.seat, cause, lastProof: this.now })
  }

  /** What traffic has seen, of the present generation. */
  evidence(endpointId: string, outcome: TrafficOutcome): void {
    const generation = this.machine.judge.roster.get(endpointId)?.generation ?? NaN
    this.feed({ type: 'evidence', endpointId, generation, outcome })
  }

  /** Effects of one type, so far. */
  all<Type extends PoolEffect['type']>(type: Type): readonly Extract<PoolEffect, { type: Type }>[] {
    return this.effects.map(({ effect }) => effect).filter((effect) => effect.type === type) as never
  }

  warnings(): readonly string[] {
    return this.all('warning').map(({ code }) => code)
  }

  breaker(endpointId: string): string | undefined {
    return this.machine.judge.roster.get(endpointId)?.breaker.state.is
  }

  probesOf(endpointId: string, since = 0, ucc: string | undefined = UCC): readonly number[] {
    return this.probes
      .filter((one) => one.endpointId === endpointId && one.ucc === ucc && one.at >= since)
      .map(({ at }) => at)
  }

  #carryOut(effect: PoolEffect): void {
    if (effect.type === 'probe') {
      this.probes.push({ at: this.now, endpointId: effect.road.endpointId, ucc: effect.ucc })
      this.#answer(effect)
    } else if (effect.type === 'go') this.#go(effect.seat, effect.plan)
    else if (effect.type === 'cancel-move') {
      const client = this.#client(effect.seat)
      if (client.move?.id === effect.move) client.move = undefined
    }
  }

  #answer({ attempt, road, ucc, timeoutMs }: Extract<PoolEffect, { type: 'probe' }>): void {
    const name = this.#names.get(road.endpointId) ?? ''
    const { fails, rttMs } = this.server(name)
    const waits = fails === 'timeout' || fails === 'unreachable' ? timeoutMs : rttMs
    // What it says is what it knows when the question arrives.
    this.after(waits / 2, () => {
      const result = this.#says(name, ucc)
      this.after(waits / 2, () => this.feed({ type: 'probed', attempt, result }))
    })
  }

  #says(name: string, ucc: string | undefined): ProbeResult {
    const { state, uccs, term, fails, foreign, draining, load, rttMs } = this.server(name)
    if (fails !== undefined) return { is: 'failed', failure: { kind: fails, sent: 'maybe', message: fails } }
    if (foreign !== false) return { is: 'alive', status: foreign === true ? 200 : foreign, rttMs }
    const own = ucc === undefined ? state : (uccs[ucc] ?? state)
    const body = { server: name, versions: [1], state: own, draining }
    const more = { ...(term === undefined ? {} : { term }), ...(load === undefined ? {} : { load }) }
    return { is: 'ready', body: { ...body, ...more }, rttMs }
  }

  #go(seat: number, plan: MovePlan): void {
    const client = this.#client(seat)
    this.moves.push({ at: this.now, plan })
    client.move = plan
    if (!plan.makeBeforeBreak) client.at = undefined
    const name = this.#names.get(plan.to) ?? ''
    this.after(this.server(name).rttMs * 2, () => {
      if (client.move !== plan) return
      client.move = undefined
      const script = this.server(name)
      if (script.fails !== undefined) return this.feed({ type: 'seat-failed', seat, move: plan.id, cause: reset() })
      const state = client.ucc === undefined ? script.state : (script.uccs[client.ucc] ?? script.state)
      const told = script.beats === 'none' || script.beats === 'plain' ? state : script.beats
      this.#say(client, plan.to, told, 'welcome')
      if (told !== 'running') {
        return this.feed({ type: 'seat-failed', seat, move: plan.id, cause: { type: 'not-ready', state: told } })
      }
      client.at = plan.to
      client.silent = !client.live
      this.feed({ type: 'seat-welcomed', seat, move: plan.id, server: name })
      this.feed({ type: 'seat-committed', seat, move: plan.id, live: client.live })
      this.after(10_000, () => client.at === plan.to && this.feed({ type: 'seat-stable', seat }))
    })
  }

  #beat(client: Client): void {
    this.after(1000, () => {
      const beats = client.at === undefined ? 'none' : this.server(this.#names.get(client.at) ?? '').beats
      if (client.at !== undefined && !client.silent && beats !== 'none' && beats !== 'plain') {
        this.#say(client, client.at, beats, 'beat')
      }
      this.#beat(client)
    })
  }

  #say(client: Client, endpointId: string, state: ReadinessState, via: 'welcome' | 'beat' | 'status'): void {
    const server = this.#names.get(endpointId) ?? ''
    const { term, load } = this.server(server)
    const more = { ...(term === undefined ? {} : { term }), ...(load === undefined ? {} : { load }) }
    this.feed({ type: 'readiness', endpointId, server, ucc: client.ucc, state, via, ...more })
  }

  /** The server behind this client's connection pushes its state. */
  push(client: Client, state: ReadinessState): void {
    if (client.at !== undefined) this.#say(client, client.at, state, 'status')
  }

  #client(seat: number): Client {
    const client = this.clients.find((one) => one.seat === seat)
    if (client === undefined) throw new Error(`no client ${seat}`)
    return client
  }
}

export function reset(): LossCause {
  return { type: 'closed', code: 1006, failure: { kind: 'reset', sent: 'maybe', message: 'ECONNRESET' } }
}
