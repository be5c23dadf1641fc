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
  /** A subscription is not live: stale, recovering, or one of the first is still pending. */
  | 'topic-not-live'
  /** No endpoint is a candidate. */
  | 'no-candidate'
  /** There were no endpoints at all yet. */
  | 'no-verdict'
  | 'closed'
>

/** Context of `stateChange`. */
export interface StateChangeEvent {
  /** The state before. */
  readonly from: ClientState
  /** The state now. */
  readonly to: ClientState
  /** Code of what changed it. */
  readonly reason: StateReason
  /** Only with `to: 'offline'`. */
  readonly offlineReason?: OfflineReason
  /** The same for people. */
  readonly sentence: string
}

/** What of an endpoint changed, or what changed it. `readiness`: state, term or drain of its server. */
export type EndpointReason = OpenCode<
  'breaker-open' | 'breaker-closed' | 'readiness' | 're-pointed' | 'second-road' | 'draining' | 'suspected'
>

/** Context of `endpointChange`. */
export interface EndpointChangeEvent {
  /** As it is now. */
  readonly endpoint: EndpointInfo
  /** The verdict before; the same as now when only another fact changed. */
  readonly previous: EndpointVerdict
  /** Code of what changed. */
  readonly reason: EndpointReason
  /** The same for people. */
  readonly sentence: string
}

/** Where endpoints are learned from. `hostname`: the dedicated hostname; `topology`: any document or resolver. */
export type TopologySource = EndpointSource

/** Context of `topologyChange`. */
export interface TopologyChangeEvent {
  /** They are probed before use. */
  readonly added: readonly EndpointInfo[]
  /** They drain for 60 s. */
  readonly removed: readonly EndpointInfo[]
  /** All endpoints now, in rank order. */
  readonly endpoints: readonly EndpointInfo[]
  /** Who named the change. */
  readonly source: TopologySource
  /** The same for people. */
  readonly sentence: string
}

/** A finished move, and the sentence that tells it. */
export type MoveEvent = MoveReport & { readonly sentence: string }

/** Context of `resume`. */
export interface ResumeEvent {
  /** Name of the topic. */
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
  /** The same for people. */
  readonly sentence: string
}

/** Context of `gap`: the same as the change with `op: 'gap'` that the subscription delivers in its place. */
export interface GapEvent {
  /** Name of the topic. */
  readonly topic: string
  /** Last position seen, where there was one. */
  readonly from?: Cursor
  /** Position from which the topic goes on. */
  readonly to: Cursor
  /** Why continuity could not be proven. */
  readonly reason: GapReason
  /** `welcome.server` of the server that carries the topic now. */
  readonly server: string
  /** The same for people. */
  readonly sentence: string
}

/** Context of `outcomeUnknown`. */
export interface OutcomeUnknownEvent {
  /** Name of the command, or method and path of the request. */
  readonly subject: string
  /** A `client.command` or a request of `client.fetch`. */
  readonly kind: 'command' | 'request'
  /** Idempotency key, to look the outcome up with. */
  readonly key?: string
  /** Server it may have reached. */
  readonly server?: string
  /** The same for people. */
  readonly sentence: string
}

/** Context of `warning`. */
export interface WarningEvent {
  /** A name in {@link WARNINGS}, which says what to do. */
  readonly code: WarningCode
  /** What happened and what to do. */
  readonly sentence: string
  /** The endpoint concerned, if it is one. */
  readonly endpoint?: EndpointInfo
  /** What was thrown, where something was; tokens are blanked. */
  readonly cause?: unknown
}

/**
 * Name of each event and its one context object. Listeners run after the client has settled, each isolated: what one
 * throws is reported as the warning `LISTENER_THREW`.
 */
export interface FailoverEvents {
  /** The state of the client changed. */
  stateChange: StateChangeEvent
  /** The verdict, breaker, readiness, term or drain of an endpoint changed. */
  endpointChange: EndpointChangeEvent
  /** Endpoints were added or removed. */
  topologyChange: TopologyChangeEvent
  /** An unplanned move has ended. */
  failover: MoveEvent
  /** A planned move has ended. */
  switchover: MoveEvent
  /** A planned move to a better rank has ended. */
  failback: MoveEvent
  /** A topic is live again, and its continuity is known. */
  resume: ResumeEvent
  /** Messages of a log may be missing. */
  gap: GapEvent
  /** Something may have been executed and cannot be repeated safely. */
  outcomeUnknown: OutcomeUnknownEvent
  /** Something needs a person. */
  warning: WarningEvent
  /** An entry was added to the decision log. */
  decision: Decision
}

/** Name of an event. */
export type FailoverEventName = keyof FailoverEvents

/** What `on(name, listener)` takes. Its return value is ignored; a Promise that rejects is reported. */
export type FailoverListener<Name extends FailoverEventName> = (event: FailoverEvents[Name]) => unknown
