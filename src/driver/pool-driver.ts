/** Runs one Pool machine on one platform: carries its effects out, feeds results back. Shared by the pool's clients. */
import type { Endpoint } from '../core/endpoint'
import { PoolMachine } from '../core/pool'
import type { EndpointSeed, EndpointSource, PoolEffect, PoolInput, ProbeResult, SeatId } from '../core/pool-protocol'
import type { Road } from '../core/road'
import type { Seat } from '../core/seat'
import type { PoolSettings } from '../core/settings'
import type { DurationMs, Instant } from '../core/time'
import type { Peer } from '../core/wire'
import type { Cancel, Platform, PlatformSignal } from '../platform/platform'
import type { Loop, LoopPart } from './loop'

/** What the pool asks of the client layer. All callbacks come later, never at once. */
export interface PoolHooks {
  probe(
    ask: { road: Road; ucc: string | undefined; timeoutMs: DurationMs },
    done: (result: ProbeResult) => void,
  ): Cancel
  /** Is the network there at all? Nothing where there is no reference. */
  reference?(done: (reachable: boolean) => void): Cancel
  /** Peers as a server names them, made into seeds where they are acceptable. */
  acceptPeers(server: string, peers: readonly Peer[]): readonly EndpointSeed[]
  /** An endpoint was found down, or a client has lost its own: the sources may know more by now. */
  tripped(): void
}

/** Effects that concern one seat. */
export type SeatEffect = Extract<PoolEffect, { seat: SeatId } | { type: 'left' }>
/** Effects that concern everybody of the pool. */
export type PoolNews = Extract<PoolEffect, { type: 'endpoint-changed' | 'topology-changed' | 'warning' | 'decision' }>

export interface SeatListener {
  seat(effect: SeatEffect): void
  news(news: PoolNews): void
  /** The endpoint was left for all (no seat named). */
  settled(): void
}

/** How long the word of a dead server on its peers still holds. */
const PEERS_LAPSE_MS = 600_000
const MAX_WORDS_OF_PEERS = 64

export class PoolDriver implements LoopPart {
  readonly machine: PoolMachine
  readonly #listeners = new Map<SeatId, SeatListener>()
  readonly #running = new Set<Cancel>()
  readonly #peersHeard = new Map<string, { readonly text: string; at: Instant }>()
  readonly #unwatch: Cancel
  #lastSeat = 0
  #closed = false

  constructor(
    readonly loop: Loop,
    private readonly platform: Platform,
    settings: PoolSettings,
    private readonly hooks: PoolHooks,
  ) {
    this.machine = new PoolMachine(settings, () => platform.random())
    loop.add(this)
    this.#unwatch = platform.watchSignals((signal) => this.signal(signal))
  }

  deadline(): Instant {
    return this.machine.deadline()
  }

  tick(): void {
    this.feed({ type: 'tick' })
  }

  pause(_now: Instant, lateMs: DurationMs, uncountedMs: DurationMs): void {
    for (const word of this.#peersHeard.values()) word.at += Math.max(0, lateMs - uncountedMs)
    this.feed({ type: 'pause', lateMs, uncountedMs })
  }

  /** A hint from the surroundings: an immediate check, nothing else. */
  signal(signal: PlatformSignal): void {
    if (signal === 'hidden' || signal === 'visible') this.feed({ type: 'hidden', hidden: signal === 'hidden' })
    else this.feed({ type: 'check' })
  }

  nextSeat(listener: SeatListener): SeatId {
    this.#lastSeat += 1
    this.#listeners.set(this.#lastSeat, listener)
    return this.#lastSeat
  }

  endpoints(): Endpoint[] {
    return this.machine.endpoints()
  }

  endpoint(id: string): Endpoint | undefined {
    return this.machine.judge.roster.get(id)
  }

  seat(id: SeatId): Seat | undefined {
    return this.machine.seat(id)
  }

  /** `name`: which source of its kind, where there are several. */
  merge(source: EndpointSource, seeds: readonly EndpointSeed[], name?: string): void {
    this.feed({ type: 'endpoints', source, seeds, ...(name === undefined ? {} : { name }) })
  }

  /** Peers as `server` names them, beside those of the other servers; the same word again changes nothing. */
  peers(server: string, peers: readonly Peer[]): void {
    const text = JSON.stringify(peers)
    const isNews = this.#peersHeard.get(server)?.text !== text
    this.#peersHeard.delete(server)
    this.#peersHeard.set(server, { text, at: this.loop.now })
    if (isNews) {
      const seeds = this.hooks.acceptPeers(server, peers)
      // An empty or wholly foreign list is refused: the last good one stays.
      if (seeds.length > 0) this.merge('peers', seeds, server)
    }
    this.#forgetPeers(server)
  }

  /** A server long gone names nobody any more, once another one speaks: it would keep itself in the list for ever. */
  #forgetPeers(speaker: string): void {
    const { now } = this.loop
    const alive = new Set(this.endpoints().flatMap((one) => (one.liveness.is === 'up' ? [one.server] : [])))
    for (const [server, word] of this.#peersHeard) {
      if (alive.has(server)) word.at = now
      // Server names come from outside: a hostile one must not fill the memory. The one not heard for longest goes.
      const isTooMany = this.#peersHeard.size > MAX_WORDS_OF_PEERS
      if (server === speaker || (!isTooMany && now - word.at < PEERS_LAPSE_MS)) continue
      this.#peersHeard.delete(server)
      this.merge('peers', [], server)
    }
  }

  feed(input: PoolInput): void {
    if (this.#closed) return
    this.loop.run((now) => {
      if (this.#closed) return
      for (const effect of this.machine.handle(now, input)) {
        // What one effect throws must not cost the others.
        try {
          this.#carryOut(effect)
        } catch (error) {
          this.loop.failed(error)
        }
      }
      for (const listener of this.#listeners.values()) listener.settled()
    })
  }

  leave(seat: SeatId): void {
    this.feed({ type: 'seat-close', seat })
    this.loop.run(() => void this.#listeners.delete(seat))
  }

  close(): void {
    this.#closed = true
    this.#unwatch()
    for (const cancel of this.#running) cancel()
    this.#running.clear()
    this.loop.remove(this)
  }

  #carryOut(effect: PoolEffect): void {
    switch (effect.type) {
      case 'probe':
        return this.#probe(effect)
      case 'probe-reference':
        return this.#reference()
      case 'release':
        return this.platform.releaseRoad(effect.endpointId, effect.generation)
      case 'endpoint-changed':
        if (effect.reason === 'breaker-open') this.hooks.tripped()
        return this.#tellNews(effect)
      case 'topology-changed':
      case 'warning':
      case 'decision':
        return this.#tellNews(effect)
      case 'left':
        if (effect.how === 'lost') this.hooks.tripped()
        return effect.seat === undefined ? undefined : this.#listeners.get(effect.seat)?.seat(effect)
      default:
        this.#listeners.get(effect.seat)?.seat(effect)
    }
  }

  #tellNews(news: PoolNews): void {
    for (const listener of this.#listeners.values()) listener.news(news)
  }

  #probe({ attempt, road, ucc, timeoutMs }: Extract<PoolEffect, { type: 'probe' }>): void {
    this.#start((done) =>
      this.hooks.probe({ road, ucc, timeoutMs }, (result) => {
        done()
        // First the roads, then the verdict: with the first answer it is known already where else one could go.
        if (result.is === 'ready' && result.body.peers !== undefined) this.peers(result.body.server, result.body.peers)
        this.feed({ type: 'probed', attempt, result })
      }),
    )
  }

  #reference(): void {
    const { hooks } = this
    if (hooks.reference === undefined) return
    this.#start((done) =>
      hooks.reference?.((reachable) => {
        done()
        this.feed({ type: 'reference', reachable })
      }),
    )
  }

  /** Keeps the cancel function for as long as the work runs. */
  #start(work: (done: () => void) => Cancel | undefined): void {
    // Callbacks come later, never inside the call: `cancel` is known by then.
    const cancel = work(() => {
      if (cancel !== undefined) this.#running.delete(cancel)
    })
    if (cancel !== undefined) this.#running.add(cancel)
  }
}
