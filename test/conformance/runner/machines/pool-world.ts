/**
 * A scripted world around one Pool machine, in virtual time: servers that answer as told, and clients that do what a
 * session does with the pool's decisions (dial, welcome, beats, pings), no more. It decides nothing itself.
 */
import { DEFAULTS } from '../../../../src/client/defaults'
import { Detector } from '../../../../src/core/detector'
import { Lateness } from '../../../../src/core/lateness'
import { PoolMachine } from '../../../../src/core/pool'
import type {
  EndpointSeed,
  LossCause,
  MovePlan,
  PoolEffect,
  PoolInput,
  ProbeResult,
} from '../../../../src/core/pool-protocol'
import type { FailureKind, NetworkFailure } from '../../../../src/core/road'
import type { PoolSettings, PriorityClass } from '../../../../src/core/settings'
import type { Load, ReadinessState } from '../../../../src/core/wire'

/** The UCC of clients that name none of their own. */
export const UCC = 'helpdesk'
const HEARTBEAT_MS = DEFAULTS.detection.heartbeatMs
/** Much may be due at one instant, but not without end. */
const MAX_AT_ONCE = 1000
/** Failures that are noticed only when the deadline passes. */
const SILENT_FAILURES: ReadonlySet<FailureKind> = new Set<FailureKind>(['timeout', 'connect-timeout'])

/** What a server does. */
export interface Server {
  readonly name: string
  /** What readiness says of every UCC that `uccs` does not name. */
  state: ReadinessState
  uccs: Readonly<Record<string, ReadinessState>>
  term: number | undefined
  /** What beats say: the truth, nothing of a state (`plain`), a state whatever is true; `none`: there are none. */
  beats: 'honest' | 'plain' | 'none' | ReadinessState
  /** How everything that asks or dials it fails; by `timeout` its connections are silent too. */
  fails: FailureKind | undefined
  /** It answers readiness with a page of this status. */
  page: number | undefined
  draining: boolean
  load: Load | undefined
  refusesToken: boolean
  rttMs: number
  /** After so long without a frame of its client it ends a connection (rule 9 of the contract: it may). */
  dropsSilentMs: number | undefined
}

/** What is lost on a road that carries one direction only: what we say, or what is said to us. */
export type LostDirection = 'ours' | 'theirs'

export interface Link {
  readonly endpointId: string
  readonly server: Server
  readonly detector: Detector
  readonly openedAt: number
  /** Nothing arrives by it any more, and nobody says so. */
  isCut: boolean
  /** When the server last heard anything by it. */
  heardAt: number
}

export interface Client {
  readonly name: string
  readonly seat: number
  readonly ucc: string | undefined
  /** Does it need a live connection? Else it only routes requests. */
  live: boolean
  /** What `canMove` answers. */
  canMove: boolean
  link: Link | undefined
  move: MovePlan | undefined
}

interface Task {
  readonly at: number
  readonly run: () => void
}

export interface SeatOptions {
  readonly ucc: string | undefined
  readonly class: PriorityClass
  readonly warm: boolean
  readonly asksCanMove: boolean
  readonly live: boolean
}

export class PoolWorld {
  readonly machine: PoolMachine
  readonly servers = new Map<string, Server>()
  readonly clients = new Map<string, Client>()
  /** Which server answers at which endpoint. */
  readonly roads = new Map<string, string>()
  now = 0
  /** Endpoints that cannot be reached, whoever would answer there, and how that fails. */
  readonly broken = new Map<string, FailureKind>()
  /** Endpoints whose road is dead in one direction, for whatever goes by it. */
  readonly oneWay = new Map<string, LostDirection>()
  /** Our own network: nothing reaches anybody while it is down. */
  network: 'up' | FailureKind = 'up'
  #tasks: Task[] = []
  /** We ourselves are stopped (sleep, a frozen page): since when, and until when. */
  #asleep: { readonly since: number; readonly until: number } | undefined

  constructor(
    readonly settings: PoolSettings,
    random: () => number,
    private readonly told: (effect: PoolEffect) => void,
  ) {
    this.machine = new PoolMachine(settings, random)
  }

  addServer(name: string): Server {
    const server: Server = {
      name,
      state: 'running',
      uccs: {},
      term: undefined,
      beats: 'honest',
      fails: undefined,
      page: undefined,
      draining: false,
      load: { clients: 1, acceptPerSec: 1000 },
      refusesToken: false,
      rttMs: 4,
      dropsSilentMs: undefined,
    }
    this.servers.set(name, server)
    this.roads.set(name, name)
    return server
  }

  server(name: string): Server {
    const server = this.servers.get(name)
    if (server === undefined) throw new Error(`no server is called ${name}`)
    return server
  }

  /** Who answers at this endpoint now. */
  serverAt(endpointId: string): Server {
    return this.server(this.roads.get(endpointId) ?? endpointId)
  }

  client(name: string): Client {
    const client = this.clients.get(name)
    if (client === undefined) throw new Error(`no client is called ${name}`)
    return client
  }

  open(name: string, { ucc, class: priority, warm, asksCanMove, live }: SeatOptions): void {
    const seat = this.clients.size + 1
    this.clients.set(name, { name, seat, ucc, live, canMove: true, link: undefined, move: undefined })
    this.feed({ type: 'seat-open', seat, ucc, priority: () => priority, warm, asksCanMove })
  }

  feed(input: PoolInput): void {
    for (const effect of this.machine.handle(this.now, input)) {
      this.told(effect)
      this.#carryOut(effect)
    }
  }

  /** We are stopped from now on; whatever is due meanwhile is played when we wake up. */
  sleep(ms: number): void {
    this.#asleep = { since: this.now, until: this.now + ms }
  }

  /** Plays everything that is due up to this instant, in order of time. */
  advance(to: number): void {
    if (this.#asleep !== undefined) {
      const { since, until } = this.#asleep
      this.now = Math.min(to, until)
      if (to < until) return
      this.#asleep = undefined
      for (const { link } of this.links()) link.detector.reset(until)
      this.feed({ type: 'pause', lateMs: until - since })
    }
    let atOnce = 0
    for (;;) {
      this.#tasks.sort((a, b) => a.at - b.at)
      const task = this.#tasks[0]
      const links = this.links().map(({ link }) => link.detector.deadline())
      const at = Math.min(task?.at ?? Infinity, this.machine.deadline(), ...links)
      if (at > to) break
      atOnce = at > this.now ? 0 : atOnce + 1
      if (atOnce > MAX_AT_ONCE) throw new Error(`the pool is due again and again at ${this.now}`)
      this.now = Math.max(this.now, at)
      if (task !== undefined && task.at <= this.now) {
        this.#tasks.shift()
        task.run()
      } else if (!this.#detect()) this.feed({ type: 'tick' })
    }
    this.now = to
  }

  after(ms: number, run: () => void): void {
    this.#tasks.push({ at: this.now + ms, run })
  }

  /** Clients with a live connection, of one server if named. */
  links(server?: string): { readonly client: Client; readonly link: Link }[] {
    return [...this.clients.values()].flatMap((client) => {
      const { link } = client
      return link === undefined || (server !== undefined && link.server.name !== server) ? [] : [{ client, link }]
    })
  }

  lose(client: Client, cause: LossCause): void {
    const lastProof = client.link?.detector.lastInbound ?? this.now
    client.link = undefined
    this.feed({ type: 'seat-lost', seat: client.seat, cause, lastProof })
  }

  /** The server speaks on this connection: a status frame. */
  status(client: Client, link: Link): void {
    this.#heard(client, link, this.stateOf(link.server, client.ucc), 'status')
  }

  stateOf({ state, uccs }: Server, ucc: string | undefined): ReadinessState {
    return ucc === undefined ? state : (uccs[ucc] ?? state)
  }

  #carryOut(effect: PoolEffect): void {
    if (effect.type === 'probe') this.#answer(effect)
    else if (effect.type === 'probe-reference') this.after(1, () => this.#reference())
    else if (effect.type === 'go') this.#go(this.#bySeat(effect.seat), effect.plan)
    else if (effect.type === 'cancel-move') {
      const client = this.#bySeat(effect.seat)
      if (client.move?.id === effect.move) client.move = undefined
    } else if (effect.type === 'ask-can-move') {
      const { seat, question } = effect
      this.after(0, () => this.feed({ type: 'can-move', seat, question, allowed: this.#bySeat(seat).canMove }))
    }
  }

  #reference(): void {
    this.feed({ type: 'reference', reachable: this.network === 'up' && this.hasReference })
  }

  /** Is there a neutral address that tells whether our own network works? */
  hasReference = false
  /** Frames have been late on it: silence is borne for longer. */
  isLineUneven = false

  #answer({ attempt, road, ucc, timeoutMs }: Extract<PoolEffect, { type: 'probe' }>): void {
    const server = this.serverAt(road.endpointId)
    const fails = this.#failure(road.endpointId)
    const waitMs = fails !== undefined && SILENT_FAILURES.has(fails) ? timeoutMs : server.rttMs
    // What it says is what it knows when the question arrives.
    this.after(waitMs / 2, () => {
      const result = this.#says(road.endpointId, ucc)
      this.after(waitMs / 2, () => this.feed({ type: 'probed', attempt, result }))
    })
  }

  #says(endpointId: string, ucc: string | undefined): ProbeResult {
    const server = this.serverAt(endpointId)
    const { name, term, page, draining, load, rttMs } = server
    const fails = this.#failure(endpointId)
    if (fails !== undefined) return { is: 'failed', failure: failure(fails) }
    if (page !== undefined) return { is: 'alive', status: page, rttMs }
    const body = { server: name, versions: [1], state: this.stateOf(server, ucc), draining }
    return { is: 'ready', body: { ...body, ...stated(term, load) }, rttMs }
  }

  #failure(endpointId: string): FailureKind | undefined {
    if (this.network !== 'up') return this.network
    // A question and its answer need both directions.
    const oneWay = this.oneWay.has(endpointId) ? 'timeout' : undefined
    return this.broken.get(endpointId) ?? oneWay ?? this.serverAt(endpointId).fails
  }

  #go(client: Client, plan: MovePlan): void {
    client.move = plan
    if (!plan.makeBeforeBreak) client.link = undefined
    if (!client.live) return this.after(0, () => this.#routed(client, plan))
    const server = this.serverAt(plan.to)
    const fails = this.#failure(plan.to)
    const isSilent = fails !== undefined && SILENT_FAILURES.has(fails)
    this.after(isSilent ? this.settings.connect.timeoutMs : 2 * server.rttMs, () => {
      if (client.move === plan) this.#arrived(client, plan, server)
    })
  }

  /** Nothing is dialled for a client that only routes requests. */
  #routed(client: Client, plan: MovePlan): void {
    if (client.move !== plan) return
    client.move = undefined
    this.feed({ type: 'seat-committed', seat: client.seat, move: plan.id, live: false })
  }

  /** The attempt has an end: what the session would say of it. */
  #arrived(client: Client, plan: MovePlan, server: Server): void {
    client.move = undefined
    const { seat, ucc } = client
    const fail = (cause: LossCause): void => this.feed({ type: 'seat-failed', seat, move: plan.id, cause })
    const fails = this.#failure(plan.to)
    if (fails !== undefined && SILENT_FAILURES.has(fails)) return fail({ type: 'timeout', phase: 'connect' })
    if (fails !== undefined) return fail({ type: 'closed', code: 1006, failure: failure(fails) })
    if (server.refusesToken) {
      this.feed({ type: 'token', endpointId: plan.to, accepted: false })
      return fail({ type: 'unauthorized' })
    }
    const lateness = new Lateness()
    if (this.isLineUneven) lateness.heard(0, HEARTBEAT_MS)
    const detector = new Detector(this.settings.detection, HEARTBEAT_MS, true, lateness, this.now)
    const { now } = this
    const link: Link = { endpointId: plan.to, server, detector, openedAt: now, isCut: false, heardAt: now }
    const state = this.stateOf(server, ucc)
    this.#heard(client, link, state, 'welcome')
    const isFenced = plan.minTerm !== undefined && server.term !== undefined && server.term < plan.minTerm
    if (state !== 'running' || isFenced) return fail({ type: 'not-ready', state })
    client.link = link
    this.feed({ type: 'seat-welcomed', seat, move: plan.id, server: server.name })
    this.feed({ type: 'seat-committed', seat, move: plan.id, live: true })
    this.#beat(client, link)
    this.after(this.settings.connect.stableAfterMs, () => {
      if (client.link === link) this.feed({ type: 'seat-stable', seat })
    })
  }

  #beat(client: Client, link: Link): void {
    this.after(HEARTBEAT_MS, () => {
      if (client.link !== link) return
      const { beats, dropsSilentMs = Infinity } = link.server
      if (this.now - link.heardAt >= dropsSilentMs) return this.#dropped(client, link)
      if (this.#reaches(link) && beats !== 'none') {
        this.#inbound(client, link)
        if (beats !== 'plain') {
          this.#heard(client, link, beats === 'honest' ? this.stateOf(link.server, client.ucc) : beats, 'beat')
        }
      }
      this.#beat(client, link)
    })
  }

  /** Does what this server says on the connection arrive? */
  #reaches(link: Link): boolean {
    return this.#carries(link, 'theirs')
  }

  #carries(link: Link, direction: LostDirection): boolean {
    const isBroken = this.broken.has(link.endpointId) || this.oneWay.get(link.endpointId) === direction
    return !link.isCut && !isBroken && this.network === 'up' && link.server.fails === undefined
  }

  /** The server gives up a client that it does not hear. It stops; whether we learn of it is the line's. */
  #dropped(client: Client, link: Link): void {
    if (this.#reaches(link)) this.lose(client, { type: 'closed', code: 1006, failure: failure('reset') })
    else link.isCut = true
  }

  #inbound(client: Client, link: Link): void {
    if (link.detector.inbound(this.now)) this.feed({ type: 'seat-clear', seat: client.seat })
    const sign = link.detector.signOfLife(this.now)
    if (sign !== undefined) this.#ping(client, link, sign)
  }

  /** The silence of connections, as a session's links see it. True when one of them was due. */
  #detect(): boolean {
    const due = this.links().find(({ link }) => link.detector.deadline() <= this.now)
    if (due === undefined) return false
    const { client, link } = due
    for (const verdict of link.detector.tick(this.now)) {
      if (verdict.type === 'ping') this.#ping(client, link, verdict.n)
      else {
        const type = verdict.type === 'suspect' ? 'seat-suspect' : 'seat-unanswered'
        this.feed({ type, seat: client.seat, lastProof: link.detector.lastInbound })
      }
    }
    return true
  }

  #ping(client: Client, link: Link, n: number): void {
    link.detector.sent(this.now)
    if (!this.#carries(link, 'ours') && link.server.fails !== 'timeout') return
    link.heardAt = this.now
    this.#pong(client, link, n)
  }

  #pong(client: Client, link: Link, n: number): void {
    this.after(link.server.rttMs, () => {
      if (client.link !== link) return
      // A server that hangs finds the ping in its socket when it goes on.
      if (link.server.fails === 'timeout') return this.#pong(client, link, n)
      if (!this.#reaches(link)) return
      link.detector.pong(this.now, n)
      this.#inbound(client, link)
    })
  }

  #heard(client: Client, link: Link, state: ReadinessState, via: 'welcome' | 'beat' | 'status'): void {
    const { name: server, term, load } = link.server
    const more = stated(term, load)
    this.feed({ type: 'readiness', endpointId: link.endpointId, server, ucc: client.ucc, state, via, ...more })
  }

  #bySeat(seat: number): Client {
    const client = [...this.clients.values()].find((one) => one.seat === seat)
    if (client === undefined) throw new Error(`no client has seat ${seat}`)
    return client
  }
}

export function failure(kind: FailureKind): NetworkFailure {
  return { kind, sent: 'maybe', message: kind }
}

/** An endpoint as configuration or another source names it. */
export function seed(id: string, rank: number, url = `https://${id}.contoso.com`): EndpointSeed {
  return { id, url, name: id, rank }
}

function stated(term: number | undefined, load: Load | undefined): { readonly term?: number; readonly load?: Load } {
  return { ...(term === undefined ? {} : { term }), ...(load === undefined ? {} : { load }) }
}
