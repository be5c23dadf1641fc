/**
 * The public face of the simulated world: servers, network, names, devices and time in one process, without I/O. The
 * whole client runs on it, as shipped. One seed gives one run, to the last frame.
 */
import type { FailoverClient } from '../client/failover-client-types'
import type { FailoverClientOptions } from '../client/option-types'
import type { ReadinessState } from '../core/wire'
import type { Cancel } from '../platform/platform'
import type { DeviceOptions, SimulatedDevice } from './device-types'
import type { LinkQuality, SimulatedDns, SimulatedNetwork } from './network-types'
import type { Published, PublishInput } from './server/fault-options'
import type { CommandLedger } from './server/ledger'
import type { PoolOptions } from './server/pool-options'
import type { SimulatedServer } from './simulated-server-types'

/** Options of `new SimulatedWorld()`. Everything has a default. */
export interface SimulatedWorldOptions extends PoolOptions {
  /** Everything that is left to chance is drawn from this number. @default 1 */
  readonly seed?: number
  /** What a link is like unless told otherwise. @default 1 to 5 ms one way, no loss */
  readonly network?: LinkQuality
  /** Parent of all names: `srv1.` and `pool.` before it. @default 'contoso.example' */
  readonly domain?: string
  /** Unix milliseconds at which the world begins. @default 2026-01-01T00:00:00Z */
  readonly startAt?: number
  /** Your application's HTTP on every server, while that server lives. @default a few routes to test with */
  readonly http?: SimulatedHttp
  /** Your application's commands by name; others answer their arguments. See {@link SimulatedCommand}. */
  readonly commands?: Readonly<Record<string, SimulatedCommand>>
  /**
   * How many of the last entries of the trace, and of the attempts of a device, are kept at least; the trace's hash is
   * over all. 0: no trace at all. For runs of simulated months.
   * @default all
   */
  readonly traceSize?: number
  /**
   * How many turns promises get before time goes on, whenever code of a client ran. A chain of promises that is longer
   * than that takes simulated time; the client's own take up to 20. Fewer are faster: for runs of simulated months.
   * @default 64
   */
  readonly promiseTurns?: number
}

/** A request of your application, as a simulated server sees it. */
export interface SimulatedHttpRequest {
  /** GET, POST, … */
  readonly method: string
  /** Path with query: `/api/orders?open`. */
  readonly path: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Text of the body. */
  readonly body: string
  /** Name of the server that answers. */
  readonly server: string
  /** State of the UCC the path names (`/api/ucc/NAME/…`), else of the server's first. */
  readonly state: ReadinessState
}

/** What your application answers. */
export interface SimulatedHttpAnswer {
  /** @default 200 */
  readonly status?: number
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>
  /** Text as it is; anything else as JSON. */
  readonly body?: unknown
  /** How long the server takes to answer. @default 0 */
  readonly afterMs?: number
}

/**
 * Your application's HTTP. Returns nothing for what it does not know: that meets the routes to test with
 * (`/api/whoami`, `/api/echo`, …), and 404 where they do not know it either.
 */
export type SimulatedHttp = (request: SimulatedHttpRequest) => SimulatedHttpAnswer | undefined

/** Executes a command and returns its `data`. A throw rejects it; a `code` of the error becomes the error's code. */
export type SimulatedCommand = (
  args: unknown,
  context: {
    /** Name of the server that executes. */
    readonly server: string
    /** UCC it is for. */
    readonly ucc: string
    /** Publishes one change, as `world.publish` does. */
    readonly publish: (topic: string, change: PublishInput) => Published
  },
) => unknown

/** One thing that happened. */
export interface TraceEntry {
  /** Milliseconds since the world began. */
  readonly at: number
  /** Server, device or `world`. */
  readonly actor: string
  /** What it did or what happened to it. */
  readonly what: string
}

/** Everything that happened, in order. The same seed and the same calls give the same trace. */
export interface SimulatedTrace {
  /** All of it. */
  entries(): readonly TraceEntry[]
  /** As lines for people; `last`: only so many. */
  lines(options?: { readonly last?: number; readonly actor?: string }): readonly string[]
  /** One word for all of it: equal hashes, equal runs. */
  hash(): string
  /** Adds a line of your own. */
  note(actor: string, what: string): void
}

/** Publishing at an even pace, in simulated time. */
export interface SimulatedGeneration {
  /** Everything published so far, in order. */
  readonly published: readonly Published[]
  /** Stops it and returns all that was published. */
  stop(): readonly Published[]
}

/**
 * A whole world in one process. Time stands still until `run`, `runUntil` or `settle` moves it; faults take effect when
 * they are called. Nothing real is used: no timer, no socket, no clock.
 */
export interface World {
  /** As given. */
  readonly seed: number
  /** Milliseconds since the world began. */
  readonly now: number
  /** The true time, Unix milliseconds. */
  readonly wallClock: number
  /** URL of the dedicated hostname, a CNAME to the first server. */
  readonly hostname: string
  /** Base URLs of the servers in rank order. */
  readonly endpoints: readonly string[]
  /** In rank order. */
  readonly servers: readonly SimulatedServer[]
  /** Packets. */
  readonly network: SimulatedNetwork
  /** Names. */
  readonly dns: SimulatedDns
  /** What commands and unsafe requests did, on all servers, kills included. */
  readonly ledger: CommandLedger
  /** Everything that happened. */
  readonly trace: SimulatedTrace
  /** Devices, in the order they were made. */
  readonly devices: readonly SimulatedDevice[]

  /** One server by name. @throws FailoverError `INVALID_OPTION` for an unknown one */
  server(name: string): SimulatedServer
  /** A new device; or the one of that name. */
  device(options?: DeviceOptions | string): SimulatedDevice
  /** A client on a new device: `world.device().connect(options)`. */
  connect(options?: Partial<FailoverClientOptions>): FailoverClient

  /** Publishes one change on all servers that live. */
  publish(topic: string, change: PublishInput): Published
  /** Publishes at an even pace until stopped. Changes as in `startCluster().generate`. */
  generate(options: {
    readonly topic: string
    readonly perSecond: number
    readonly count?: number
    readonly change?: (n: number) => PublishInput
  }): SimulatedGeneration
  /** Everything published on a topic, in order. */
  published(topic: string): readonly Published[]
  /** The content of a topic, by key (state) or oldest first (logs), as the shared log or the first server has it. */
  content(topic: string): ReadonlyMap<string, unknown>
  /** New sequence spaces: clients hear `subscribed recovered:false` and a snapshot. Without `server`: everywhere. */
  newEpoch(options?: { readonly server?: string; readonly topic?: string }): void
  /** Loses the memory of executed keys: connections end with 1012, and new ones hear its new name. */
  forgetKeys(): void
  /** Delays of commands from now on: before they are executed, and between execution and result. */
  setCommandDelay(delay: { readonly beforeMs?: number; readonly afterMs?: number }): void

  /** Lets so much time pass. */
  run(ms: number): Promise<void>
  /** Lets time pass until the condition holds. @throws Error with the last trace lines when it does not in time */
  runUntil(condition: () => boolean, withinMs: number): Promise<void>
  /** Lets time pass until the promise settles, and gives what it gives. @throws Error when it does not in time */
  settle<T>(promise: Promise<T>, withinMs?: number): Promise<T>
  /** Does something at a moment from now, also during a `run`. */
  after(ms: number, action: () => void): Cancel
  /** A number from 0 up to, not including, 1, from a stream of its own: asking changes nothing else. */
  random(): number

  /** What is still alive on any device. */
  leftovers(): readonly string[]
  /** Ends every device's platforms and every server. Clients should be closed before. Idempotent. */
  close(): void
}
