/** Where requests of the drop-in faces go: the seat's own candidate, as soon as there is one. */
import type { RouteTaken } from '../core/request-protocol'
import type { RetryBudget } from '../core/retry-budget'
import type { Endpoint } from '../core/endpoint'
import type { SeatId } from '../core/pool-protocol'
import type { Instant } from '../core/time'
import { clientClosed } from '../drop-in/fetch-errors'
import { nearestHome, originOf } from '../drop-in/fetch-url'
import type { Evidence, LeftEndpoint, RequestInDoubt, Route, RouteAsk, Routing } from '../drop-in/routing'
import type { PoolDriver } from '../driver/pool-driver'
import type { Cancel, Platform } from '../platform/platform'
import type { ClientConfig } from './options'
import type { TokenKeeper } from './token-keeper'

export interface RoutingOptions {
  /** Base path of this client's URLs, in place of the dedicated hostname's. */
  readonly basePath: string | undefined
  readonly config: ClientConfig
  readonly platform: Platform
  readonly pool: PoolDriver
  readonly seat: SeatId
  readonly budget: RetryBudget
  readonly tokens: TokenKeeper
  readonly inDoubt: (doubt: RequestInDoubt) => void
  readonly lack: Routing['lack']
  /** True when the session is restored at this server already (or no hook is configured); else it is under way. */
  readonly isRestored: (endpoint: Endpoint) => boolean
}

interface Waiter {
  readonly ask: RouteAsk
  readonly done: (route: Route) => void
  asked: boolean
  isCancelled: boolean
}

/** An unsafe request in a page goes only to a server whose readiness proof is younger than this. */
const FRESH_PROOF_MS = 5000

export class ClientRouting implements Routing {
  readonly platform: Platform
  readonly base: URL
  readonly requests: Routing['requests']
  readonly connectTimeoutMs: number
  readonly budget: RetryBudget
  closed = false
  readonly #closing = new AbortController()
  readonly closing = this.#closing.signal
  readonly #waiters = new Set<Waiter>()
  readonly #leftListeners = new Set<(left: LeftEndpoint) => void>()
  readonly #closeListeners = new Set<() => void>()

  constructor(private readonly options: RoutingOptions) {
    const { config, platform, budget, basePath } = options
    this.platform = platform
    this.budget = budget
    this.base = new URL(basePath === undefined ? `${config.hostname.url}/` : `${basePath}/`, config.hostname.url)
    this.connectTimeoutMs = config.connect.timeoutMs
    const { timeoutMs, readyTimeoutMs, maxRetries } = config.requests
    const { sharedKeys, methods } = config.retry
    this.requests = { timeoutMs, readyTimeoutMs, maxRetries, sharedKeys, safeMethods: new Set(methods) }
  }

  knows(url: URL): boolean {
    const origin = originOf(url)
    if (origin === this.base.origin) return true
    return this.options.pool.endpoints().some((endpoint) => new URL(endpoint.seed.url).origin === origin)
  }

  homeOf(url: URL): URL {
    const homes = this.options.pool.endpoints().map((endpoint) => new URL(this.#urlOf(endpoint)))
    return nearestHome(url, [this.base, ...homes]) ?? (this.knows(url) ? this.base : new URL(originOf(url)))
  }

  candidateAt(url: URL): Route | undefined {
    const endpoints = this.options.pool.endpoints()
    const homes = new Map(endpoints.map((endpoint) => [new URL(this.#urlOf(endpoint)), endpoint]))
    const home = nearestHome(url, [...homes.keys()])
    const named = home === undefined ? undefined : homes.get(home)
    return named !== undefined && this.#mayBeAsked(named) ? this.#routeTo(named) : undefined
  }

  serves({ endpointId }: RouteTaken): boolean {
    const endpoint = this.options.pool.endpoint(endpointId)
    return endpoint !== undefined && this.#mayBeAsked(endpoint)
  }

  route(ask: RouteAsk, done: (route: Route) => void): Cancel {
    const waiter: Waiter = { ask, done, asked: false, isCancelled: false }
    this.#waiters.add(waiter)
    queueMicrotask(() => this.#offer(waiter))
    return () => {
      waiter.isCancelled = true
      this.#waiters.delete(waiter)
    }
  }

  lack(): ReturnType<Routing['lack']> {
    return this.options.lack()
  }

  evidence(route: RouteTaken, outcome: Evidence): void {
    const { endpointId, generation } = route
    this.options.pool.feed({ type: 'evidence', endpointId, generation, outcome })
  }

  token(ask: Parameters<Routing['token']>[0], done: Parameters<Routing['token']>[1]): Cancel {
    return this.options.tokens.ask(ask, done)
  }

  inDoubt(doubt: RequestInDoubt): void {
    this.options.inDoubt(doubt)
  }

  onLeft(listener: (left: LeftEndpoint) => void): Cancel {
    this.#leftListeners.add(listener)
    return () => void this.#leftListeners.delete(listener)
  }

  onClose(listener: () => void): Cancel {
    this.#closeListeners.add(listener)
    return () => void this.#closeListeners.delete(listener)
  }

  /** The machines have settled: whoever waits may have a road now. */
  settled(): void {
    for (const waiter of [...this.#waiters]) this.#offer(waiter)
  }

  left(left: LeftEndpoint): void {
    for (const listener of [...this.#leftListeners]) listener(left)
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.#waiters.clear()
    for (const listener of [...this.#closeListeners]) listener()
    this.#closeListeners.clear()
    this.#leftListeners.clear()
    this.#closing.abort(clientClosed())
  }

  /** With all others avoided it is the one that is named, unless it is no candidate. */
  #mayBeAsked(endpoint: Endpoint): boolean {
    const { pool, seat, isRestored } = this.options
    const others = pool.endpoints().flatMap(({ id }) => (id === endpoint.id ? [] : [id]))
    return pool.seat(seat)?.route(others) === endpoint && isRestored(endpoint)
  }

  #offer(waiter: Waiter): void {
    if (!this.#waiters.has(waiter) || this.closed) return
    const { pool, seat } = this.options
    const { avoid } = waiter.ask
    // With no other candidate the avoided one is better than none; whoever asks knows when it may be asked again.
    const endpoint = pool.seat(seat)?.route(avoid) ?? (avoid.length > 0 ? pool.seat(seat)?.route([]) : undefined)
    if (endpoint === undefined && pool.seat(seat)?.isPatient === true) pool.feed({ type: 'seat-needs-road', seat })
    if (endpoint === undefined || !this.options.isRestored(endpoint)) return
    if (waiter.ask.freshProof && !this.#isFresh(endpoint, pool.loop.now)) {
      if (!waiter.asked) {
        waiter.asked = true
        pool.feed({ type: 'check' })
      }
      return
    }
    this.#waiters.delete(waiter)
    const route = this.#routeTo(endpoint)
    // Never inside the turn that found it.
    queueMicrotask(() => {
      if (!this.closed && !waiter.isCancelled) waiter.done(route)
    })
  }

  #routeTo(endpoint: Endpoint): Route {
    const { id: endpointId, generation, server } = endpoint
    const road = { ...endpoint.road, url: this.#urlOf(endpoint) }
    return { endpointId, generation, road, ...(server === undefined ? {} : { server }) }
  }

  /** Where this client's URLs lie at an endpoint. */
  #urlOf({ road: { url } }: Endpoint): string {
    const { basePath } = this.options
    return basePath === undefined ? url : new URL(url).origin + basePath
  }

  #isFresh(endpoint: Endpoint, now: Instant): boolean {
    const { pool, config } = this.options
    const word = pool.machine.judge.word(endpoint, config.ucc)
    const provenAt = endpoint.contract === 'absent' && endpoint.liveness.is === 'up' ? endpoint.liveness.at : word?.at
    return provenAt !== undefined && now - provenAt <= FRESH_PROOF_MS
  }
}
