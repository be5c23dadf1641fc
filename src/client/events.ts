/** The events of a client: one typed map, one context object each, with a reason code and a sentence for people. */
import type { GapReason } from '../core/change'
import type { EndpointSource } from '../core/pool-protocol'
import type { Cursor } from '../core/wire'
import type {
  ClientState,
  Decision,
  EndpointInfo,
  EndpointVerdict,
  MoveReport,
  OfflineReason,
  OpenCode,
} from './reports'
import type { WarningCode } from './warnings'

/** Every event, with when it is raised. The names are those of {@link FailoverEvents}. */
export const EVENTS = {
  stateChange: 'The state of the client changed.',
  endpointChange: 'The verdict, breaker, readiness, term or drain of an endpoint changed.',
  topologyChange: 'Endpoints were added or removed.',
  failover: 'An unplanned move has ended: the last topic is live again.',
  switchover: 'A planned move (drain, term, designation, request) has ended.',
  failback: 'A planned move to a better rank has ended.',
  resume: 'A topic is live again on a connection, and its continuity is known.',
  gap: 'The continuity of a log could not be proven: messages may be missing.',
  outcomeUnknown: 'A command or request may have been executed and cannot be repeated safely.',
  warning: 'Something needs a person; nothing was stopped.',
  decision: 'An entry was added to the decision log.',
} as const satisfies Record<keyof FailoverEvents, string>

/** Why the state of the client changed. */
export type StateReason = OpenCode<
  /** A candidate was found, or every subscription is live (again). */
  | 'ready'
  /** The endpoint in use became suspect. */
  | 'suspected'
  /** The live connection is lost or being replaced. */
  | 'recovering'
  /** A subscription is not live (pending, stale). */
  | 'topic-not-live'
  /** No endpoint is a candidate. */
  | 'no-candidate'
  /** There were no endpoints at all yet. */
  | 'no-verdict'
  | 'closed'
>

export interface StateChangeEvent {
  readonly from: ClientState
  readonly to: ClientState
  readonly reason: StateReason
  /** Only with `to: 'offline'`. */
  readonly offlineReason?: OfflineReason
  readonly sentence: string
}

/** What of an endpoint changed, or what changed it. `readiness`: state, term or drain of its server. */
export type EndpointReason = OpenCode<
  | 'breaker-open'
  | 'breaker-half-open'
  | 'breaker-closed'
  | 'readiness'
  | 're-pointed'
  | 'draining'
  | 'drain-ended'
  | 'suspected'
  | 'suspicion-cleared'
>

export interface EndpointChangeEvent {
  /** As it is now. */
  readonly endpoint: EndpointInfo
  /** The verdict before; the same as now when only another fact changed. */
  readonly previous: EndpointVerdict
  readonly reason: EndpointReason
  readonly sentence: string
}

/** Where endpoints are learned from. `hostname`: the dedicated hostname; `topology`: any document or resolver. */
export type TopologySource = EndpointSource

export interface TopologyChangeEvent {
  readonly added: readonly EndpointInfo[]
  /** They drain for 60 s. */
  readonly removed: readonly EndpointInfo[]
  /** All endpoints now, in rank order. */
  readonly endpoints: readonly EndpointInfo[]
  readonly source: TopologySource
  readonly sentence: string
}

/** A finished move, and the sentence that tells it. */
export type MoveEvent = MoveReport & { readonly sentence: string }

export interface ResumeEvent {
  readonly topic: string
  /** `welcome.server` of the server that carries the topic now. */
  readonly server: string
  /**
   * `resumed`: every missed change was sent. `resynced`: snapshot applied as a diff. `continued`: another sequence
   * space, but known message keys prove that nothing is missing.
   */
  readonly how: 'resumed' | 'resynced' | 'continued'
  /** Changes delivered by the resume or resync itself. */
  readonly changes: number
  /** Whether a `gap` went before. */
  readonly gap: boolean
  readonly sentence: string
}

export interface GapEvent {
  readonly topic: string
  /** Last position seen, where there was one. */
  readonly from?: Cursor
  /** Position from which the topic goes on. */
  readonly to: Cursor
  readonly reason: GapReason
  readonly server: string
  readonly sentence: string
}

export interface OutcomeUnknownEvent {
  /** Name of the command, or method and path of the request. */
  readonly subject: string
  readonly kind: 'command' | 'request'
  /** Idempotency key, to look the outcome up with. */
  readonly key?: string
  /** Server it may have reached. */
  readonly server?: string
  readonly sentence: string
}

export interface WarningEvent {
  readonly code: WarningCode
  /** What happened and what to do. */
  readonly sentence: string
  readonly endpoint?: EndpointInfo
  readonly cause?: unknown
}

/**
 * Name of each event and its one context object. Listeners run after the client has settled, each isolated: what one
 * throws is reported as the warning `LISTENER_THREW`.
 */
export interface FailoverEvents {
  stateChange: StateChangeEvent
  endpointChange: EndpointChangeEvent
  topologyChange: TopologyChangeEvent
  failover: MoveEvent
  switchover: MoveEvent
  failback: MoveEvent
  resume: ResumeEvent
  gap: GapEvent
  outcomeUnknown: OutcomeUnknownEvent
  warning: WarningEvent
  decision: Decision
}

/** Name of an event. */
export type FailoverEventName = keyof FailoverEvents

/** What `on(name, listener)` takes. Its return value is ignored; a Promise that rejects is reported. */
export type FailoverListener<Name extends FailoverEventName> = (event: FailoverEvents[Name]) => unknown
