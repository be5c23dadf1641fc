/**
 * What the library needs of the world. Three implementations: `node/`, `browser/` and the simulated one. Methods take
 * callbacks and return a cancel function, never Promises, so that a simulation stays one synchronous loop. A callback
 * is never called before its method has returned, and never after its cancel function was called.
 */
import type { NetworkFailure, Road } from '../core/road'
import type { DurationMs, Instant } from '../core/time'

/** Stops what was started. Idempotent; nothing of it calls back afterwards and nothing of it stays alive. */
export type Cancel = () => void

/** Hints from the surroundings. Each triggers an immediate check and nothing else. */
export type PlatformSignal = 'online' | 'offline' | 'visible' | 'hidden' | 'suspend' | 'resume'

/** One small HTTP exchange whose body is read whole: readiness, topology document, command. Redirects are refused. */
export interface ExchangeRequest {
  readonly road: Road
  /** Appended to `road.url`, with its query: `/failover/ready?ucc=helpdesk`. */
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** To the end of the body. */
  readonly timeoutMs: DurationMs
  /** A longer body is a `too-large` failure. */
  readonly maxBytes: number
  /**
   * The entity tag of what is known already: 304 says that it still holds. Without effect in pages, where the header
   * would have to be allowed by the server first.
   */
  readonly knownTag?: string
  /**
   * Over a connection of its own, where the platform can: a connection kept alive leads to whom it led when it was
   * opened, wherever the name or the load balancer points by now.
   */
  readonly fresh?: boolean
  /**
   * Only whether somebody answers is asked: in pages a redirect, and an answer that CORS hides, are answers too (with
   * status 0 and without a body).
   */
  readonly anyAnswer?: boolean
}

export type ExchangeOutcome =
  | {
      readonly ok: true
      readonly status: number
      readonly header: (name: string) => string | undefined
      readonly body: string
    }
  | { readonly ok: false; readonly failure: NetworkFailure }

/** A user's request, already routed: `url` is absolute and lies under `road.url`. */
export interface RoutedRequest {
  readonly road: Road
  readonly url: string
  /** `signal` is honoured by the platform for the body too; `redirect` is as the platform can (see `redirects`). */
  readonly init: RequestInit
  /**
   * To a connection. Where the platform can prove that nothing was sent, a request that still waits for one then fails
   * with `connect-timeout`; elsewhere without effect.
   */
  readonly connectTimeoutMs?: DurationMs
  /**
   * Told, where the platform can prove it, that the request waits for a connection (`true`: nothing of it has left) and
   * that it is about to be written (`false`). Until the first word it may have left.
   */
  readonly waits?: (isWaiting: boolean) => void
}

export type FetchOutcome =
  { readonly ok: true; readonly response: Response } | { readonly ok: false; readonly failure: NetworkFailure }

/** A response whose body is read as it comes: the event stream. */
export interface StreamRequest {
  readonly road: Road
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** To the response head. */
  readonly timeoutMs: DurationMs
}

export interface StreamHandlers {
  head(status: number, header: (name: string) => string | undefined): void
  /** Decoded text, in order, cut anywhere. */
  text(chunk: string): void
  /** Exactly once, last: no failure when the server ended the body. */
  end(failure?: NetworkFailure): void
}

export interface SocketRequest {
  readonly road: Road
  /** Appended to the road's URL (whose scheme becomes ws or wss). */
  readonly path: string
  readonly protocols: readonly string[]
  /** Larger messages close the socket (`too-large`). Default: no limit of ours. */
  readonly maxMessageBytes?: number
}

export type SocketData = string | ArrayBuffer

export interface SocketHandlers {
  opened(info: { readonly protocol: string; readonly extensions: string }): void
  message(data: SocketData): void
  /** Exactly once, last. `failure` says why where the platform knows. */
  closed(close: {
    readonly code: number
    readonly reason: string
    readonly clean: boolean
    readonly failure?: NetworkFailure
    /** HTTP status that answered the upgrade, where the platform can see it (Node). */
    readonly status?: number
  }): void
}

export interface PlatformSocket {
  send(data: string | ArrayBufferLike | ArrayBufferView): void
  readonly bufferedAmount: number
  /** Starts the close handshake; `closed` follows. */
  close(code: number, reason: string): void
  /** Drops it now; no handler is called any more; errors that come later are absorbed. */
  abandon(): void
}

/** What a client runs on: clock, timers, randomness and network. See the head of this file for its promises. */
export interface Platform {
  /** `node`, `browser`, `simulated`. For diagnostics only; nothing branches on it. */
  readonly name: string
  /** What this platform can do; decisions read these, not the name. */
  readonly can: {
    /** See and dial addresses, keep Host and SNI. */
    readonly pinAddress: boolean
    /** Tell provably unsent requests from others. */
    readonly proveUnsent: boolean
    /** Follow redirects itself, hop by hop (`manual` shows the response), instead of leaving them to the browser. */
    readonly inspectRedirects: boolean
  }
  /** Monotonic, milliseconds. Advances during sleep or not, as the platform can: see `wallClock`. */
  now(): Instant
  /** Unix milliseconds; only for values that leave the process and to notice sleep. */
  wallClock(): number
  /** From 0 up to, not including, 1. */
  random(): number
  /** A random id of at least 96 bits. */
  randomId(): string
  /** Calls back once, after at least `delayMs`. */
  setTimer(delayMs: DurationMs, callback: () => void): Cancel
  /** One small exchange, its body read whole. */
  exchange(request: ExchangeRequest, done: (outcome: ExchangeOutcome) => void): Cancel
  /** One request of the user; the response is handed over when its head is there. */
  fetch(request: RoutedRequest, done: (outcome: FetchOutcome) => void): Cancel
  /** A request whose body is read as it comes. */
  stream(request: StreamRequest, handlers: StreamHandlers): Cancel
  /** One WebSocket. */
  openSocket(request: SocketRequest, handlers: SocketHandlers): PlatformSocket
  /** The load balancer's own check; absent in pages. */
  connectTcp?(road: Road, port: number, timeoutMs: DurationMs, done: (failure?: NetworkFailure) => void): Cancel
  /** Hints from the surroundings, until cancelled. */
  watchSignals(listener: (signal: PlatformSignal) => void): Cancel
  /** URL of the page's own origin: the reference that tells "my network" from "their server". */
  readonly ownOrigin?: string
  /** Destroys what is kept alive for this endpoint's generations below `generation` (all, when absent). */
  releaseRoad(endpointId: string, generation?: number): void
  /** Where the last known good endpoints are kept when the user names no store. */
  readonly store?: Store
  /** Asked for endpoints when the user names no resolver. */
  readonly resolver?: Resolver
  /** Where the platform looks up names itself: what it found last. */
  readonly names?: NameMemory
  /** Nothing stays alive. */
  close(): void
}

/** Addresses of the names dialled, for the time when no name server answers. */
export interface NameMemory {
  /** The address found last, unless that is too long ago. */
  known(name: string): string | undefined
  /** From an earlier run: used when a look-up fails, and nothing newer is known. */
  hint(name: string, address: string, ageMs: DurationMs): void
}

/** Small persistent memory. Errors are reported as warnings, never thrown into the client. */
export interface Store {
  /** The stored text, or nothing. */
  load(key: string): string | undefined | Promise<string | undefined>
  /** Replaces the text under `key`, atomically. */
  save(key: string, value: string): void | Promise<void>
}

/** One endpoint as a resolver names it. Subject to the rules for learned names (`allowedHosts`, no downgrade). */
export interface ResolvedEndpoint {
  /** Base URL. The dedicated hostname's own URL together with `address`: that name at this address. */
  readonly url: string
  /** Dial this IP address (Node). */
  readonly address?: string
  /** Name of the server, where the source knows it. */
  readonly server?: string
  /** Lower is preferred. Default: the place in the list. */
  readonly rank?: number
  /** The dedicated hostname points here now. */
  readonly designated?: boolean
}

/** One endpoint that is known from elsewhere. */
export interface KnownEndpoint {
  /** Base URL. */
  readonly url: string
  /** Its pinned IP address, where it has one. */
  readonly address?: string
}

/** What a resolver is asked for. */
export interface ResolveContext {
  /** Name of the dedicated hostname, without scheme and port. */
  readonly hostname: string
  /** Its normalised base URL. */
  readonly url: string
  /** The UCC of the client, where it names one. */
  readonly ucc?: string
  /** Endpoints known by configuration, topology documents, peers and the store: so that they can be designated. */
  readonly endpoints: readonly KnownEndpoint[]
  /** Aborted when the answer is not wanted any more. */
  readonly signal: AbortSignal
}

/** A source of endpoints. An empty answer is refused and the last good one stays (24 h); a rejection is a warning. */
export interface Resolver {
  /** For events and the decision log. */
  readonly name: string
  /**
   * Milliseconds between two questions, ±10 %. A changed designation is asked for again after 2 s.
   * @default 10000
   */
  readonly pollMs?: number
  /**
   * Ask at once, too, when an endpoint is lost or found down (at most once a second): for sources that stand the
   * questions of a whole fleet at one instant.
   * @default false
   */
  readonly refreshOnTrip?: boolean
  /** All endpoints known now, best first. */
  resolve(context: ResolveContext): Promise<readonly ResolvedEndpoint[]>
}
