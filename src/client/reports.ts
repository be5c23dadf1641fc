/**
 * What the client says of itself: endpoints, states, moves and decisions. Plain immutable data without any token or
 * payload, fit for a log or a ticket.
 */
import type { MoveReason } from '../core/pool-protocol'
import type { ReadinessState } from '../core/wire'

export type { MoveReason, OfflineReason } from '../core/pool-protocol'

/** A documented code, or one of a later version: handle the ones you know. */
export type OpenCode<Known extends string> = Known | (string & Record<never, never>)

/**
 * - `connecting`: no verdict yet, or the first subscriptions are not all live yet
 * - `connected`: a candidate is known, and the live connection (where one is needed) carries every subscription. One
 *   that is added later says `pending` itself until it is live; the client stays `connected`
 * - `degraded`: the endpoint in use is suspect, a connection is recovering, or a subscription is not live any more
 * - `offline`: no candidate; the client never gives up. {@link OfflineReason} says why: `network`, this machine has no
 *   network (every endpoint and the reference fail together); `servers`, the network works, no server answers;
 *   `starting`, servers answer, none runs the UCC (all starting, or all stopped); `unauthorized`, every server that
 *   answers refuses the token
 * - `closed`: after `close()`
 */
export type ClientState = 'connecting' | 'connected' | 'degraded' | 'offline' | 'closed'

/** State of an endpoint's circuit breaker. Only the prober tries a half-open one, never a user's request. */
export type BreakerState = 'closed' | 'open' | 'half-open'

/** A label derived from the other facts of an endpoint, for people. The first that holds, in this order. */
export type EndpointVerdict = 'draining' | 'unhealthy' | 'starting' | 'suspect' | 'healthy' | 'unknown'

/** One endpoint (a road: one dialable origin) as the client sees it now. A snapshot: it does not change later. */
export interface EndpointInfo {
  /** Stable: normalised base URL, and `#address` where an address is configured. */
  readonly id: string
  /** Base URL, http or https, without a trailing slash. */
  readonly url: string
  /** The configured name, else host and path of the URL. */
  readonly name: string
  /** IP address that is dialled instead of the name (Node). */
  readonly address?: string | undefined
  /** Name of the server that last answered there. */
  readonly server: string | undefined
  /** Lower is preferred. */
  readonly rank: number
  /** The configured label. */
  readonly site: string | undefined
  /** Of this endpoint, for all its UCCs. */
  readonly breaker: BreakerState
  /** Of the UCC on the server that answers there: the last valid answer. */
  readonly readiness: ReadinessState
  /** Rising number of the UCC's incarnation, where the server tells it. */
  readonly term: number | undefined
  /** Its server asks its clients to leave. */
  readonly draining: boolean
  /** The live connection there is silent; the next moments decide. */
  readonly suspect: boolean
  /** Smoothed round-trip time of probes and pings, milliseconds. Never decides. */
  readonly rttMs: number | undefined
  /** The last failure in words, token-free; nothing once a probe has passed. */
  readonly lastError: string | undefined
  /** All of this in one word. */
  readonly verdict: EndpointVerdict
}

/** Every reason for which a client leaves one endpoint for another, with what it means. */
export const MOVE_REASONS = {
  start: 'The first connection.',
  'connection-lost': 'The live connection was closed or reset, and another server answered `running` first.',
  'connection-broken': 'The connection is dead, its server is not (NAT, proxy).',
  'server-silent': 'The server answered neither a ping nor a readiness probe, and another one runs the UCC.',
  'server-restart': 'The server closed with 1001 or 1012: it restarts, no penalty.',
  'ucc-stopped': 'The server lives, but does not run the UCC any more.',
  'endpoint-down': 'Probes and real traffic failed too often, or the endpoint refuses connections: its breaker opened.',
  drain: 'The server asked its clients to leave.',
  drained: 'The server had asked its clients to leave and has now closed the connection.',
  term: 'Another server announced a higher term for the UCC: it is the active one now.',
  designation: 'The dedicated hostname now points at another endpoint, or the same endpoint is another server now.',
  rank: 'A better ranked endpoint has been ready long enough: failback.',
  switchover: '`switchover()` or `failback()` was called.',
  'topic-silent': 'A topic stayed silent beyond `freshWithinMs`, and another server has run the UCC more recently.',
} as const satisfies Record<MoveReason, string>

/** `failover`: unplanned. `failback`: a planned move to a better rank. `switchover`: every other planned move. */
export type MoveKind = 'failover' | 'switchover' | 'failback'

/** Where the time of a move went, milliseconds. The parts add up to `totalMs`. */
export interface MoveTimings {
  /** From the last proof of the old side to the decision's evidence. 0 for planned moves. */
  readonly detectMs: number
  /** From the evidence to the decision, waiting for a better road included. */
  readonly decideMs: number
  /** The spread draw. */
  readonly spreadMs: number
  /** From the dial to `welcome`. */
  readonly connectMs: number
  /** The `restoreSession` hook. */
  readonly restoreMs: number
  /** Until the last topic was live again. */
  readonly resumeMs: number
  /** From the last proof of the old side until the last topic was live again. */
  readonly totalMs: number
}

/** A finished move: told once, when the last topic is live again. */
export interface MoveReport {
  /** Unplanned, planned, or planned to a better rank. */
  readonly kind: MoveKind
  /** The endpoint left. */
  readonly from: EndpointInfo
  /** The endpoint in use now. */
  readonly to: EndpointInfo
  /** Why: a name in {@link MOVE_REASONS}. */
  readonly reason: MoveReason
  /** What was seen, oldest first, one sentence each. */
  readonly evidence: readonly string[]
  /** Where the time went. */
  readonly timings: MoveTimings
}

/** A planned move that waits for a quiet moment: the argument of `canMove`. */
export interface Move {
  /** `failback`: to a better rank. */
  readonly kind: 'switchover' | 'failback'
  /** The endpoint in use. */
  readonly from: EndpointInfo
  /** Where it would go. */
  readonly to: EndpointInfo
  /** Why: a name in {@link MOVE_REASONS}. */
  readonly reason: MoveReason
}

/** What a decision was about. */
export type DecisionKind = OpenCode<
  | 'resolve'
  | 'verdict'
  | 'suspicion'
  | 'network'
  | 'choice'
  | 'move'
  | 'attempt-failed'
  | 'recovered'
  | 'connection'
  | 'transport'
  | 'token'
  | 'request'
  | 'command'
  | 'stream'
  | 'state'
>

/** One entry of the decision log. Token-free. */
export interface Decision {
  /** Unix milliseconds, local clock. */
  readonly at: number
  /** What it was about. */
  readonly kind: DecisionKind
  /** Code, stable within a major version. */
  readonly reason: string
  /** The same for people. */
  readonly sentence: string
  /** What it was decided on. */
  readonly facts: Readonly<Record<string, string | number | boolean | undefined>>
}
