/**
 * Inputs and effects of the Pool machine: one per dedicated hostname. It judges endpoints and servers, and says where
 * each *seat* (one client, one UCC) should be, why, and how urgently. It never opens anything itself.
 */
import type { NetworkFailure, Road } from './road'
import type { PriorityClass } from './settings'
import type { DurationMs, Instant } from './time'
import type { Load, ReadinessBody, ReadinessState } from './wire'

/** One client of the pool. */
export type SeatId = number
/** One attempt to move a seat. Rising; what comes back with an older id is discarded. */
export type MoveId = number

/** What a server has against the token: it does not hold (4401), or it holds and is not allowed here (4403). */
export type TokenRefusal = 'unauthorized' | 'forbidden'

export type EndpointSource = 'configured' | 'hostname' | 'peers' | 'topology' | 'dns' | 'store'

/** An endpoint as a source names it: accepted and normalised, not yet judged. */
export interface EndpointSeed {
  readonly id: string
  readonly url: string
  readonly name: string
  readonly rank: number
  readonly site?: string
  readonly address?: string
  readonly hostname?: string
  /** Server name, where the source tells it (peers). */
  readonly server?: string
}

export type ProbeResult =
  /** A valid readiness body. Judged by the body alone, whatever the status. */
  | { readonly is: 'ready'; readonly body: ReadinessBody; readonly rttMs: DurationMs }
  /** Something answered, but not in the words of the contract. */
  | { readonly is: 'alive'; readonly status: number; readonly rttMs: DurationMs }
  | { readonly is: 'failed'; readonly failure: NetworkFailure }

/** What real traffic says of an endpoint. */
export type TrafficOutcome =
  | { readonly type: 'status'; readonly status: number; readonly retryAfter: boolean }
  | { readonly type: 'failure'; readonly failure: NetworkFailure }
  | { readonly type: 'timeout' }

/** Why a live connection or an attempt ended. */
export type LossCause =
  /** The server said so (1001, 1012): no penalty. */
  | { readonly type: 'restart'; readonly code: number }
  /** The drain ran out (1001 after a goaway). */
  | { readonly type: 'drained' }
  | { readonly type: 'closed'; readonly code: number; readonly failure?: NetworkFailure }
  | { readonly type: 'timeout'; readonly phase: 'connect' | 'restore' }
  | { readonly type: 'unauthorized' }
  /** The token provider or the restore hook failed: counts against nobody. */
  | { readonly type: 'local'; readonly what: 'token' | 'restore' }
  | { readonly type: 'refused'; readonly code: string; readonly retryAfterMs?: DurationMs }
  /** The welcome said that the UCC does not run there, or the term is below the fence. */
  | { readonly type: 'not-ready'; readonly state: ReadinessState }
  | { readonly type: 'protocol'; readonly detail: string }

/** Why a client leaves one endpoint for another. `MOVE_REASONS` says what each means. */
export type MoveReason =
  | 'start'
  | 'connection-lost'
  | 'connection-broken'
  | 'server-silent'
  | 'server-restart'
  | 'ucc-stopped'
  | 'endpoint-down'
  | 'drain'
  | 'drained'
  | 'term'
  | 'designation'
  | 'rank'
  | 'switchover'
  | 'topic-silent'

export type MoveKind = 'initial' | 'redial' | 'failover' | 'switchover' | 'failback'

export interface MovePlan {
  readonly id: MoveId
  readonly kind: MoveKind
  readonly reason: MoveReason
  readonly to: string
  readonly road: Road
  /** The endpoint left, if any. */
  readonly from?: string
  readonly fromServer?: string
  /** What was seen, in sentences. */
  readonly evidence: readonly string[]
  /** Keep the old connection until the new one carries everything. */
  readonly makeBeforeBreak: boolean
  /** The fence at the decision, or as `fence` said later: a welcome with a lower term is not attached to. */
  readonly minTerm?: number
  readonly times: MoveTimes
}

/** Instants in order; each later one is never before an earlier one. */
export interface MoveTimes {
  /** Last proof of the old side. */
  readonly lastProof: Instant
  readonly detected: Instant
  readonly decided: Instant
  readonly dialled: Instant
}

export type PoolInput =
  /** Who is named now. Of a kind with several sources (`name`) each replaces its own word only. */
  | {
      readonly type: 'endpoints'
      readonly source: EndpointSource
      readonly name?: string
      readonly seeds: readonly EndpointSeed[]
    }
  | { readonly type: 'probed'; readonly attempt: number; readonly result: ProbeResult }
  | { readonly type: 'reference'; readonly reachable: boolean }
  | {
      readonly type: 'evidence'
      readonly endpointId: string
      readonly generation: number
      readonly outcome: TrafficOutcome
    }
  /** Readiness learned in band. `via` says how: only what proves readiness comes here. */
  | {
      readonly type: 'readiness'
      readonly endpointId: string
      readonly server: string
      readonly ucc: string | undefined
      readonly state: ReadinessState
      readonly term?: number
      readonly load?: Load
      readonly via: 'welcome' | 'status' | 'beat' | 'traffic'
    }
  | { readonly type: 'hidden'; readonly hidden: boolean }
  /** Something happened around us (online, wake): check at once. */
  | { readonly type: 'check' }
  /**
   * We ourselves were stopped (sleep, freeze, blocked loop): blame nobody, check at once. `uncountedMs`: the part of it
   * in which our monotonic clock stood still, so that no deadline has come nearer.
   */
  | { readonly type: 'pause'; readonly lateMs: DurationMs; readonly uncountedMs?: DurationMs }
  | {
      readonly type: 'seat-open'
      readonly seat: SeatId
      readonly ucc: string | undefined
      readonly priority: () => PriorityClass
      readonly warm: boolean
      /** Are planned moves to be asked for first (`canMove`)? */
      readonly asksCanMove: boolean
    }
  /** The seat needs a live connection now (first subscription or command). */
  | { readonly type: 'seat-live'; readonly seat: SeatId }
  | { readonly type: 'seat-close'; readonly seat: SeatId }
  /** A request of this seat waits for a road. */
  | { readonly type: 'seat-needs-road'; readonly seat: SeatId }
  | { readonly type: 'seat-suspect'; readonly seat: SeatId; readonly lastProof: Instant }
  | { readonly type: 'seat-unanswered'; readonly seat: SeatId; readonly lastProof: Instant }
  | { readonly type: 'seat-clear'; readonly seat: SeatId }
  | { readonly type: 'seat-lost'; readonly seat: SeatId; readonly cause: LossCause; readonly lastProof: Instant }
  | {
      readonly type: 'seat-welcomed'
      readonly seat: SeatId
      readonly move: MoveId
      readonly server: string
      readonly spreadMs?: DurationMs
    }
  /** The new side carries the seat now. */
  | { readonly type: 'seat-committed'; readonly seat: SeatId; readonly move: MoveId; readonly live: boolean }
  | { readonly type: 'seat-stable'; readonly seat: SeatId }
  | { readonly type: 'seat-failed'; readonly seat: SeatId; readonly move: MoveId; readonly cause: LossCause }
  | {
      readonly type: 'goaway'
      readonly seat: SeatId
      readonly leaveWithinMs: DurationMs
      readonly spreadMs?: DurationMs
    }
  | { readonly type: 'topic-silent'; readonly seat: SeatId; readonly silent: boolean }
  | {
      readonly type: 'ask-move'
      readonly seat: SeatId
      readonly call: number
      readonly wish: 'switchover' | 'failback'
      readonly to?: string
      readonly hold: boolean
      /** The caller's own words, for the report. */
      readonly why?: string
    }
  | { readonly type: 'can-move'; readonly seat: SeatId; readonly question: number; readonly allowed: boolean }
  /** The designated endpoint by DNS (exactly one), or nobody. */
  | { readonly type: 'designated'; readonly endpointId: string | undefined }
  /** The token was refused or accepted at this endpoint. `refusal`: how; `unauthorized` unless named. */
  | {
      readonly type: 'token'
      readonly endpointId: string
      readonly accepted: boolean
      readonly refusal?: TokenRefusal
    }
  /** A topic lies in this sequence space at this server. */
  | {
      readonly type: 'sequence-space'
      readonly ucc: string | undefined
      readonly topic: string
      readonly server: string
      readonly epoch: string
    }
  /** Another token than before, asked for on behalf of this endpoint: the others' refusals meant the old one. */
  | { readonly type: 'token-renewed'; readonly endpointId: string }
  | { readonly type: 'tick' }

/** Why nobody can serve: this machine's network, the servers, none runs the UCC, or the token is refused. */
export type OfflineReason = 'network' | 'servers' | 'starting' | 'unauthorized'

/** What a seat is, as the client shows it (subscriptions come on top). */
export type SeatCondition =
  | { readonly is: 'connecting' }
  | { readonly is: 'serving' }
  | { readonly is: 'degraded'; readonly why: 'suspect' | 'lost' | 'moving' | 'waiting' }
  | { readonly is: 'offline'; readonly reason: OfflineReason }

export type PoolEffect =
  | {
      readonly type: 'probe'
      readonly attempt: number
      readonly road: Road
      readonly ucc: string | undefined
      readonly timeoutMs: DurationMs
    }
  | { readonly type: 'probe-reference' }
  | { readonly type: 'go'; readonly seat: SeatId; readonly plan: MovePlan }
  /** Stop this attempt: its target is no longer one. */
  | { readonly type: 'cancel-move'; readonly seat: SeatId; readonly move: MoveId }
  /** The fence has moved while this attempt is under way. */
  | { readonly type: 'fence'; readonly seat: SeatId; readonly move: MoveId; readonly minTerm: number }
  /** The suspected connection goes on or is given up: `redial` and failovers come as `go`. */
  | { readonly type: 'warm'; readonly seat: SeatId; readonly road: Road | undefined }
  | {
      readonly type: 'ask-can-move'
      readonly seat: SeatId
      readonly question: number
      readonly kind: 'switchover' | 'failback'
      readonly from: string
      readonly to: string
      readonly reason: MoveReason
    }
  | { readonly type: 'move-refused'; readonly seat: SeatId; readonly call: number; readonly message: string }
  /** This call's wish is the move with this id. */
  | { readonly type: 'move-accepted'; readonly seat: SeatId; readonly call: number; readonly move: MoveId }
  | { readonly type: 'condition'; readonly seat: SeatId; readonly condition: SeatCondition }
  /** The endpoint was left: by one seat, or condemned for all. */
  | {
      readonly type: 'left'
      readonly endpointId: string
      readonly generation: number
      readonly how: 'lost' | 'drained'
      readonly seat?: SeatId
    }
  /** Nothing kept alive below this generation may be used again. */
  | { readonly type: 'release'; readonly endpointId: string; readonly generation: number }
  | {
      readonly type: 'endpoint-changed'
      readonly endpointId: string
      readonly reason: string
      readonly sentence: string
    }
  | {
      readonly type: 'topology-changed'
      readonly source: EndpointSource
      readonly added: readonly string[]
      readonly removed: readonly string[]
    }
  | {
      readonly type: 'warning'
      readonly code: string
      readonly sentence: string
      readonly endpointId?: string
      readonly cause?: unknown
    }
  | {
      readonly type: 'decision'
      readonly kind: string
      readonly reason: string
      readonly sentence: string
      readonly facts: DecisionFacts
    }

export type DecisionFacts = Readonly<Record<string, string | number | boolean | undefined>>
