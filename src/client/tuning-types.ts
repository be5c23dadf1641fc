/**
 * The tuning groups of the options: each member with its meaning, unit and default. The defaults hold for a heartbeat
 * of one second; the reasons are in ARCHITECTURE.md. Durations are milliseconds.
 */
import type { Probe } from './probes'

/** How endpoints are probed. */
export interface HealthConfig {
  /**
   * Readiness path under the endpoint's base URL.
   * @default '/failover/ready'
   */
  readonly path: string
  /** How an endpoint is asked. @default readinessProbe() */
  readonly probe: Probe
  /** One probe. @default 1500 */
  readonly timeoutMs: number
  /** The endpoint in use, without other proof of readiness. @default 2000 */
  readonly activeIntervalMs: number
  /** The others, and the one in use while beats prove readiness. @default 15000 */
  readonly standbyIntervalMs: number
  /** All, while the page is hidden. @default 60000 */
  readonly hiddenIntervalMs: number
  /** Where a change is expected (recovering, starting, draining), or half the spread window if longer. @default 500 */
  readonly edgeIntervalMs: number
  /** Share by which intervals vary, 0 to 1. @default 0.2 */
  readonly jitter: number
  /** Misses in a row until an endpoint is down. @default 3 */
  readonly fall: number
  /** Passes in a row until it is up again; 1 while there is no other candidate. @default 3 */
  readonly rise: number
  /**
   * Tells "my network" from "their servers": any URL that answers when the network works. Default: the page's own
   * origin when it is no endpoint, else none.
   */
  readonly referenceUrl?: string
}

/** Circuit breaker of each endpoint. */
export interface BreakerConfig {
  /** Failures in a row that open it. @default 3 */
  readonly consecutive: number
  /** Failures among the last `window` results that open it. @default 5 */
  readonly failures: number
  /** @default 10 */
  readonly window: number
  /** Shortest time open; it grows with each opening. @default 500 */
  readonly firstOpenMs: number
  /** Longest time open. @default 30000 */
  readonly maxOpenMs: number
  /** Time open after what no retry cures (certificate, CORS, CSP). @default 300000 */
  readonly permanentOpenMs: number
}

/** How a silent connection is noticed. */
export interface DetectionConfig {
  /** Heartbeat asked of the server, 500 to 30000; its `welcome` decides. @default 1000 */
  readonly heartbeatMs: number
  /** A beat this late is asked for by a ping. @default 100 */
  readonly pingAfterMs: number
  /** Least lateness of a beat that is suspicious. @default 300 */
  readonly minSlackMs: number
  /** Greatest lateness of a beat that is not yet suspicious. @default 900 */
  readonly maxSlackMs: number
  /** Longest wait for a pong, at least 300. @default 2000 */
  readonly maxPingMs: number
}

/** How connections are made and changed. */
export interface ConnectConfig {
  /** From the dial to `welcome`. @default 5000 */
  readonly timeoutMs: number
  /** For the `restoreSession` hook. @default 10000 */
  readonly restoreTimeoutMs: number
  /** How long both sides of a planned move are read at most. @default 5000 */
  readonly overlapMs: number
  /** How long to wait for a better road after the first that answered `running`. @default 250 */
  readonly betterRoadMs: number
  /** Up this long: backoff and failure counts start anew. @default 10000 */
  readonly stableAfterMs: number
  /** First wait between attempts at one endpoint. @default 250 */
  readonly backoffMs: number
  /** Longest wait. @default 30000 */
  readonly maxBackoffMs: number
}

/** How unplanned moves are spread and fenced. */
export interface FailoverConfig {
  /** Spread window W where servers announce none. @default 1000 */
  readonly spreadMs: number
  /** Cap of W; 0 switches the spread off. @default 30000 */
  readonly maxSpreadMs: number
  /** How long the highest announced term bars lower ones after it was last heard. @default 60000 */
  readonly fenceMs: number
}

/** When to go back to a better ranked endpoint. */
export interface FailbackConfig {
  /** `manual`: only `failback()` and designation. @default 'automatic' */
  readonly mode: 'automatic' | 'manual'
  /** Continuous readiness it must show first. @default 60000 */
  readonly holdDownMs: number
  /** Share of the hold-down added at random per client, 0 to 1. @default 0.5 */
  readonly jitter: number
  /** The hold-down grows by this for each further failover within `flapWindowMs`. @default 2 */
  readonly factor: number
  /** Its cap. @default 900000 */
  readonly maxHoldDownMs: number
  /** @default 300000 */
  readonly flapWindowMs: number
}

/** Routed HTTP requests. */
export interface RequestsConfig {
  /** To the response headers, retries included; the body belongs to the caller's signal. @default 15000 */
  readonly timeoutMs: number
  /** Wait for a candidate. @default 5000 */
  readonly readyTimeoutMs: number
  /** Repeats of one request. @default 2 */
  readonly maxRetries: number
}

/** Which requests are repeated, and how many in all: a budget, so that retries never double the load of an outage. */
export interface RetryConfig {
  /** Repeats in hand at the start. @default 5 */
  readonly tokens: number
  /** Most that can be saved up. @default 100 */
  readonly maxTokens: number
  /** Earned by a success. @default 0.1 */
  readonly perSuccess: number
  /** Earned by a second. @default 0.05 */
  readonly perSecond: number
  /** Methods that may be repeated on another server. @default ['GET', 'HEAD', 'OPTIONS'] */
  readonly methods: readonly string[]
  /** All servers share the memory of `Idempotency-Key`: such a request may be repeated elsewhere. @default false */
  readonly sharedKeys: boolean
}

/** Subscriptions and their connection. */
export interface StreamsConfig {
  /** WebSocket path under the endpoint's base URL. @default '/failover/stream' */
  readonly path: string
  /** Event stream path under the endpoint's base URL. @default '/failover/events' */
  readonly eventsPath: string
  /** Changes a consumer may be behind. @default 1000 */
  readonly maxBuffered: number
  /** Without event and beat for max(this, 2 × heartbeat) a topic is stale. @default 5000 */
  readonly staleAfterMs: number
  /** Message keys remembered per log, which tell duplicates across sequence spaces. @default 1000 */
  readonly logKeys: number
  /** Larger frames are refused. Bytes. @default 1048576 */
  readonly maxFrameBytes: number
  /** Reserved for keeping state views in the store; has no effect yet. @default false */
  readonly persistViews: boolean
}

/** Commands. */
export interface CommandsConfig {
  /** Path of commands beside an event stream, under the endpoint's base URL. @default '/failover/command' */
  readonly path: string
  /** Deadline of a command that names none. @default 10000 */
  readonly deadlineMs: number
  /** Commands that may wait for a connection. @default 256 */
  readonly maxQueued: number
  /** Their arguments together. Bytes. @default 1048576 */
  readonly maxQueuedBytes: number
  /** `keyed` commands may be repeated on servers with another command memory. @default false */
  readonly sharedKeys: boolean
}

/** Any of the members; `undefined` is the same as absent. */
export type Tuning<T> = { readonly [Name in keyof T]?: T[Name] | undefined }

/** All tuning groups, complete. */
export interface TuningConfig {
  /** How endpoints are probed. */
  readonly health: HealthConfig
  /** When an endpoint is not used any more. */
  readonly breaker: BreakerConfig
  /** How a silent connection is noticed. */
  readonly detection: DetectionConfig
  /** How connections are made and changed. */
  readonly connect: ConnectConfig
  /** How unplanned moves are spread and fenced. */
  readonly failover: FailoverConfig
  /** When to go back. */
  readonly failback: FailbackConfig
  /** Time and repeats of one routed request. */
  readonly requests: RequestsConfig
  /** Which requests are repeated, and how many in all. */
  readonly retry: RetryConfig
  /** Subscriptions and their connection. */
  readonly streams: StreamsConfig
  /** Commands and their queue. */
  readonly commands: CommandsConfig
}

/** All tuning groups as options: what is not given is taken from `DEFAULTS`. */
export type TuningOptions = {
  readonly [Group in Exclude<keyof TuningConfig, 'health'>]?: Tuning<TuningConfig[Group]> | undefined
} & { readonly health?: HealthOptions | undefined }

/** `health` as an option. */
export type HealthOptions = Tuning<Omit<HealthConfig, 'referenceUrl'>> & {
  /** {@link HealthConfig.referenceUrl} */
  readonly referenceUrl?: string | URL | undefined
}
