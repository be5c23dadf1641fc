/** Where a seat is, as a discriminated union: each state carries only what it needs. */
import type { MoveKind, MovePlan, MoveReason } from './pool-protocol'
import type { PingAnswer } from './suspicion'
import type { DurationMs, Instant } from './time'

/** What is left of the old connection while a new road is sought. */
export type OldLink =
  /** It works, but nobody is served there (UCC stopped): news may still come by it. */
  | 'alive'
  /** It is suspected: it may still speak. */
  | 'silent'
  | 'gone'

export interface Suspicion {
  readonly since: Instant
  readonly ping: PingAnswer
  readonly lastProof: Instant
}

export interface Goaway {
  readonly at: Instant
  readonly until: Instant
  readonly spreadMs?: DurationMs
}

/** Looking for a road. Only what answered `running` at or after `since` counts. */
export interface Searching {
  readonly is: 'searching'
  readonly since: Instant
  readonly from?: string
  readonly fromServer?: string
  readonly reason: MoveReason
  readonly oldLink: OldLink
  readonly lastProof: Instant
  readonly detected: Instant
  /** End of this client's own spread draw. */
  readonly dialAfter: Instant
  /** Nobody is asked before: a whole fleet was drawn apart, and must not ask all at once what it may not use yet. */
  readonly askAt?: Instant
  /** When the first usable road was known: a better one is waited for only briefly. */
  readonly readyAt?: Instant
  /** A better road may still answer, and is waited for: requests wait with the seat, so that both take the same one. */
  readonly isWaiting?: true
  readonly evidence: readonly string[]
  /** What the old side said of its leaving, while it may still be come back to. */
  readonly goaway?: Goaway
}

export interface Settled {
  readonly is: 'at'
  readonly endpointId: string
  /** Who welcomed the live connection: its readiness counts, whoever else answers at this endpoint by now. */
  readonly server?: string
  /** A live connection carries the seat (else it only routes requests). */
  readonly live: boolean
  readonly since: Instant
  readonly suspicion?: Suspicion
  readonly goaway?: Goaway
}

export type Place = Searching | Settled

/** A move under way. */
export interface ActiveMove {
  readonly plan: MovePlan
  readonly startedAt: Instant
  /** The new side has answered, and this is its name. */
  readonly welcomedBy?: string
}

/** A planned move that waits: for its hold-down, its draw, or the application's quiet moment. */
export interface PendingMove {
  readonly to: string
  readonly reason: MoveReason
  readonly kind: 'switchover' | 'failback'
  readonly since: Instant
  readonly notBefore: Instant
  /** From here on it no longer waits for a quiet moment. */
  readonly latest: Instant
  readonly question:
    | { readonly is: 'not-asked' }
    | { readonly is: 'asked'; readonly question: number }
    | { readonly is: 'refused'; readonly until: Instant }
    | { readonly is: 'granted' }
}

/** What `switchover()` or `failback()` asked for. */
export interface Wish {
  readonly call?: number
  /** The move that carries the call. */
  readonly move?: number
  readonly to: string
  readonly hold: boolean
  readonly why?: string
}

/** After these the lost endpoint is not waited for: it said so itself, or it was just found out. */
export const NOT_BACK: ReadonlySet<MoveReason> = new Set<MoveReason>([
  'server-restart',
  'drained',
  'server-silent',
  'ucc-stopped',
  'endpoint-down',
  'topic-silent',
])

/** A failback is a planned move to a better rank; every other planned move is a switchover. */
export function moveKind(betterRank: boolean): Extract<MoveKind, 'switchover' | 'failback'> {
  return betterRank ? 'failback' : 'switchover'
}
