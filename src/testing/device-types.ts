/** Machines and pages that clients run on. */
import type { FailoverClient } from '../client/failover-client-types'
import type { FailoverClientOptions } from '../client/option-types'
import type { Resolver } from '../client/resolvers'
import type { Platform } from '../platform/platform'
import type { LinkQuality } from './network-types'

/** What happens to a page or a machine. */
export interface SimulatedDevice {
  /** For traces and `network.links`. */
  readonly name: string
  /** `node` sees everything; `page` sees what a page may see. */
  readonly kind: 'node' | 'page'
  /** Clock, timers and network of this device: one for each client. */
  platform(): Platform
  /** A client on this device. Hostname, endpoints and UCC of the world are filled in where they are not given. */
  connect(options?: Partial<FailoverClientOptions>): FailoverClient
  /** A resolver that follows the dedicated hostname through this device's DNS cache. For option `resolver`. */
  resolver(options?: { readonly name?: string; readonly pollMs?: number }): Resolver
  /** Monotonic clock. */
  readonly now: number
  /** Unix milliseconds, skew included. */
  readonly wallClock: number
  /**
   * The machine sleeps: nothing runs, nothing arrives. Its monotonic clock stops too unless `countsSleep`.
   * `forMs`: it wakes by itself.
   */
  sleep(options?: { readonly forMs?: number; readonly countsSleep?: boolean }): void
  /** Ends `sleep`. */
  wake(): void
  /** A page is frozen: no code runs, its network stack lives on. Signals `suspend`, and `resume` at the end. */
  freeze(): void
  /** Ends `freeze`: what was due and what came meanwhile happens now. */
  thaw(): void
  /** The code of this device is blocked for so long (a long task): as `freeze`, without signals. */
  block(ms: number): void
  /** Timers fire at multiples of this only, as in hidden pages: 1000, then 60000; 0 ends it. */
  throttle(ms: number): void
  /** Page hidden: signal `hidden`, timers throttled to 1 s. */
  hide(): void
  /** Page visible again. */
  show(): void
  /** Its network is gone and it knows: connections stay silent, new ones fail, signal `offline`. */
  offline(): void
  /** Its network is back, signal `online`. `silently`: without the signal. */
  online(options?: { readonly silently?: boolean }): void
  /** A captive network: every HTTP request is answered by a foreign page, sockets are refused. `false` ends it. */
  captive(on?: boolean): void
  /** Moves the wall clock, as a person or NTP does. */
  stepClock(ms: number): void
  /** Everything this device tried to reach. */
  attempts(): readonly AttemptRecord[]
  /** What is still alive: timers, connections, requests, listeners. Empty after every client of it has closed. */
  leftovers(): readonly string[]
}

/** Options of `world.device()`. */
export interface DeviceOptions {
  /** @default 'device1', 'device2', … */
  readonly name?: string
  /** @default 'node' */
  readonly kind?: 'node' | 'page'
  /** Wall clock minus true time. @default 0 */
  readonly clockSkewMs?: number
  /** The page's own origin, asked whether the network works. @default none */
  readonly origin?: string
  /** What its links are like. @default the world's */
  readonly network?: LinkQuality
}

/** One try of a device to reach something. */
export interface AttemptRecord {
  /** Milliseconds since the world began. */
  readonly at: number
  /** What for. `connect`: a TCP connection; the others are requests. */
  readonly kind: 'connect' | 'socket' | 'readiness' | 'events' | 'command' | 'http' | 'dns'
  /** URL or name dialled. */
  readonly url: string
  /** `endpointId` of the road; the name for `dns`. */
  readonly endpointId: string
  /** HTTP method of requests. */
  readonly method: string | undefined
}
