/** One machine or page that clients run on: its clocks, its network, and what happens to it. */
import { createClientOn } from '../client/failover-client'
import type { FailoverClient } from '../client/failover-client-types'
import type { FailoverClientOptions } from '../client/option-types'
import type { ResolvedEndpoint, Resolver } from '../client/resolvers'
import type { Random } from '../core/random'
import type { Road } from '../core/road'
import type { Cancel, Platform, PlatformSignal } from '../platform/platform'
import { drawId, stream } from './chance'
import { DeviceClock } from './device-clock'
import { NameCache, type Lookup, type Names } from './names'
import type { DialHandlers, Dialler, Host, Network } from './network'
import { nodeFailure, pageFailure, type Failures } from './platform-failures'
import { SimulatedPlatform, type PlatformDevice } from './simulated-platform'
import type { Timeline } from './timeline'
import type { Trace } from './trace'
import type { AttemptRecord, DeviceOptions, SimulatedDevice } from './device-types'

export interface DeviceParts {
  readonly timeline: Timeline
  readonly trace: Trace
  readonly seed: number
  readonly startAt: number
  /** How many of its last attempts are remembered, at least. */
  readonly recordsKept: number
  readonly network: Network
  readonly names: Names
  /** The foreign page of a captive network. */
  readonly portal: Host
  /** Code of a client or of the user ran. */
  touched(): void
  /** What `connect` fills in. */
  defaults(): FailoverClientOptions
  /** URL of the server at this address. */
  serverAt(address: string): string | undefined
}

const HIDDEN_THROTTLE_MS = 1000

export class Device implements SimulatedDevice, PlatformDevice, Dialler {
  readonly name: string
  readonly kind: 'node' | 'page'
  readonly failures: Failures
  readonly origin: string | undefined
  readonly #parts: DeviceParts
  readonly #clock: DeviceClock
  readonly #random: Random
  readonly #ids: Random
  readonly #names: NameCache
  readonly #listeners = new Set<(signal: PlatformSignal) => void>()
  readonly #attempts: AttemptRecord[] = []
  readonly #live = new Set<{ readonly what: string }>()
  readonly #platforms = new Set<Platform>()
  #isOffline = false
  #isHidden = false
  #portal: Host | undefined

  constructor(parts: DeviceParts, options: DeviceOptions, name: string) {
    const { timeline, seed, names, startAt } = parts
    this.#parts = parts
    this.name = name
    this.kind = options.kind ?? 'node'
    this.origin = options.origin
    this.failures = this.kind === 'node' ? nodeFailure : pageFailure
    this.#clock = new DeviceClock(timeline, startAt + (options.clockSkewMs ?? 0), () => parts.touched())
    this.#random = stream(seed, `code of ${name}`)
    this.#ids = stream(seed, `ids of ${name}`)
    this.#names = new NameCache(names, timeline, stream(seed, `names of ${name}`), {
      isCutOff: () => this.isCutOff,
      asked: (asked) => this.#attempted({ kind: 'dns', url: asked, endpointId: asked, method: undefined }),
    })
  }

  get now(): number {
    return this.#clock.now
  }

  get wallClock(): number {
    return this.#clock.wallClock
  }

  get isCutOff(): boolean {
    return this.#isOffline || this.#clock.is('asleep')
  }

  get portal(): Host | undefined {
    return this.#portal
  }

  platform(): Platform {
    const platform = new SimulatedPlatform(this)
    this.#platforms.add(platform)
    return platform
  }

  connect(options: Partial<FailoverClientOptions> = {}): FailoverClient {
    this.#parts.touched()
    const client = createClientOn({ ...this.#parts.defaults(), ...options }, () => this.platform())
    const tell = (what: string, sentence: string): void => this.#trace(what, sentence)
    client.on('stateChange', ({ to, sentence }) => tell(to, sentence))
    client.on('failover', ({ sentence }) => tell('failover', sentence))
    client.on('switchover', ({ sentence }) => tell('switchover', sentence))
    client.on('failback', ({ sentence }) => tell('failback', sentence))
    client.on('gap', ({ sentence }) => tell('gap', sentence))
    client.on('warning', ({ sentence }) => tell('warning', sentence))
    return client
  }

  resolver({ name = 'simulated DNS', pollMs }: { readonly name?: string; readonly pollMs?: number } = {}): Resolver {
    return {
      name,
      ...(pollMs === undefined ? {} : { pollMs }),
      resolve: ({ hostname, url, signal }) =>
        new Promise((resolve, reject) => {
          const cancel = this.lookup(hostname, (lookup) => {
            if (lookup.ok) resolve([this.#named(url, lookup.address)])
            else reject(new Error(`${hostname}: ${lookup.code}`))
          })
          signal.addEventListener('abort', cancel, { once: true })
        }),
    }
  }

  sleep({ forMs, countsSleep = false }: { readonly forMs?: number; readonly countsSleep?: boolean } = {}): void {
    this.#trace('sleeps')
    this.#clock.stop('asleep', countsSleep)
    if (forMs !== undefined) this.#parts.timeline.after(forMs, () => this.wake())
  }

  wake(): void {
    if (!this.#clock.is('asleep')) return
    this.#trace('wakes')
    this.#clock.go('asleep')
  }

  freeze(): void {
    this.#signal('suspend')
    this.#parts.timeline.after(0, () => this.#clock.stop('frozen', true))
  }

  thaw(): void {
    this.#trace('thaws')
    this.#clock.go('frozen')
    this.#signal('resume')
  }

  block(ms: number): void {
    this.#trace(`is blocked for ${ms} ms`)
    this.#clock.stop('blocked', true)
    this.#parts.timeline.after(ms, () => this.#clock.go('blocked'))
  }

  throttle(ms: number): void {
    this.#trace(`throttles timers to ${ms} ms`)
    this.#clock.throttle(ms)
  }

  hide(): void {
    this.#isHidden = true
    this.#clock.throttle(HIDDEN_THROTTLE_MS)
    this.#signal('hidden')
  }

  show(): void {
    this.#isHidden = false
    this.#clock.throttle(0)
    this.#signal('visible')
  }

  offline(): void {
    this.#isOffline = true
    this.#signal('offline')
  }

  online({ silently = false }: { readonly silently?: boolean } = {}): void {
    this.#isOffline = false
    if (silently) this.#trace('is online, silently')
    else this.#signal('online')
  }

  captive(on = true): void {
    this.#trace(on ? 'is in a captive network' : 'is in a free network')
    this.#portal = on ? this.#parts.portal : undefined
    // Nobody stands in the way any more: what was kept open to the portal is of no use.
    const { network, portal } = this.#parts
    if (!on) network.links({ device: this.name, server: portal.name }).reset()
  }

  stepClock(ms: number): void {
    this.#trace(`wall clock steps by ${ms} ms`)
    this.#clock.stepWallClock(ms)
  }

  attempts(): readonly AttemptRecord[] {
    return [...this.#attempts]
  }

  leftovers(): readonly string[] {
    return [...this.#live].map(({ what }) => `${this.name}: ${what}`)
  }

  /** Ends the platforms that are left. */
  close(): void {
    for (const platform of this.#platforms) platform.close()
    this.#platforms.clear()
  }

  random(): number {
    return this.#random()
  }

  randomId(): string {
    return drawId(this.#ids)
  }

  setTimer(delayMs: number, callback: () => void): Cancel {
    return this.#clock.setTimer(delayMs, callback)
  }

  track(what: string): () => void {
    const entry = { what }
    this.#live.add(entry)
    return () => void this.#live.delete(entry)
  }

  attempt(kind: AttemptRecord['kind'], road: Road, target: string, method?: string): void {
    this.#attempted({ kind, url: road.url + target, endpointId: road.endpointId, method })
  }

  watchSignals(listener: (signal: PlatformSignal) => void): Cancel {
    this.#listeners.add(listener)
    // A page may start hidden or offline.
    const cancel = this.setTimer(0, () => {
      if (this.#isOffline) listener('offline')
      if (this.#isHidden) listener('hidden')
    })
    return () => {
      cancel()
      this.#listeners.delete(listener)
    }
  }

  lookup(name: string, done: (lookup: Lookup) => void): Cancel {
    let isOver = false
    const cancel = this.#names.lookup(name, (lookup) =>
      this.#clock.run(() => {
        if (!isOver) done(lookup)
      }),
    )
    return () => {
      isOver = true
      cancel()
    }
  }

  dial(address: string, handlers: DialHandlers): Cancel {
    let isOver = false
    const run = (action: () => void): void =>
      this.#clock.run(() => {
        if (!isOver) action()
      })
    const cancel = this.#parts.network.dial(this, address, {
      connected: (end) => run(() => handlers.connected(end)),
      failed: (kind, code) => run(() => handlers.failed(kind, code)),
      data: (segment) => run(() => handlers.data(segment)),
      ended: (how) => run(() => handlers.ended(how)),
    })
    return () => {
      isOver = true
      cancel()
    }
  }

  /** The endpoint that the dedicated hostname designates: a server known by its own name, or the name at an address. */
  #named(hostnameUrl: string, address: string): ResolvedEndpoint {
    const url = this.#parts.serverAt(address)
    if (url !== undefined) return { url, designated: true }
    return { url: hostnameUrl, designated: true, ...(this.kind === 'node' ? { address } : {}) }
  }

  #signal(signal: PlatformSignal): void {
    this.#trace(signal)
    for (const listener of this.#listeners) {
      this.#parts.timeline.after(0, () =>
        this.#clock.run(() => {
          if (this.#listeners.has(listener)) listener(signal)
        }),
      )
    }
  }

  #attempted(attempt: Omit<AttemptRecord, 'at'>): void {
    this.#attempts.push({ at: this.#parts.timeline.now, ...attempt })
    const { recordsKept } = this.#parts
    // Forgotten in lots, not one by one.
    if (this.#attempts.length > 2 * recordsKept) this.#attempts.splice(0, this.#attempts.length - recordsKept)
    this.#trace(attempt.kind, attempt.url)
  }

  #trace(what: string, text = ''): void {
    this.#parts.trace.note(this.name, what, text)
  }
}
