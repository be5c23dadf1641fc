/** The states of a seat: each carries only what it needs. How one follows another stands in seat-transitions.ts. */
import type { MoveKind, MovePlan, MoveReason } from './pool-protocol'
import type { DurationMs, Instant } from './time'

/** What is left of the old connection while a new road is sought. */
export type OldLink =
  /** It works, but nobody is served there (UCC stopped): news may still come by it. */
  | 'alive'
  /** It is suspected: it may still speak. */
  | 'silent'
  | 'gone'

/** How far the search for a road is. */
export type Search =
  /** Nobody is asked before: a whole fleet was drawn apart, and must not ask all at once what it may not use yet. */
  | { readonly is: 'patient'; readonly askAt: Instant }
  | { readonly is: 'asking' }
  /** A better road may still answer, and is waited for: requests wait with the seat, so that both take the same one. */
  | ({ readonly is: 'comparing' } & KnownRoad)
  /** It is taken when the draw is over. */
  | ({ readonly is: 'chosen' } & KnownRoad)

interface KnownRoad {
  /** When the first usable road was known: a better one is waited for only briefly. */
  readonly readyAt: Instant
  /** Somebody was heard before the question was put. */
  readonly askAt?: Instant
}

export type Trust = { readonly is: 'trusted' } | Suspicion

export interface Suspicion {
  /** `unanswered`: the ping's deadline is over. */
  readonly is: 'suspected' | 'unanswered'
  readonly since: Instant
  readonly lastProof: Instant
  /** When the first other server answered after the question: how fast the line is just now. */
  readonly elsewhereAt?: Instant
  /** This server was asked a second time, on another connection. */
  readonly isAskedAgain?: true
}

export interface Goaway {
  readonly at: Instant
  readonly until: Instant
  readonly spreadMs?: DurationMs
  /** Its readiness has said so, too: from then on its readiness says when that is over. */
  readonly isSaid?: true
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
  readonly search: Search
  /** When the question was put, where the draw had put it off. */
  readonly askedAt?: Instant
  /** It was dialled again since, by whatever road, and that came to nothing. */
  readonly hasRedialFailed?: true
  /** The connection was lost in a sleep of our own: that says nothing of its server. */
  readonly isByOwnPause?: true
  readonly evidence: readonly string[]
  /** What the old side said of its leaving, while it may still be come back to. */
  readonly goaway?: Goaway
}

export interface Settled {
  /** A live connection carries the seat, or it only routes requests. */
  readonly is: 'live' | 'routing'
  readonly endpointId: string
  /** Who welcomed the live connection: its readiness counts, whoever else answers at this endpoint by now. */
  readonly server?: string
  /** When it was decided to come here: what was learned later, while dialling too, had no say in that. */
  readonly chosenAt: Instant
  readonly since: Instant
  readonly trust: Trust
  readonly goaway?: Goaway
}

export type Place = Searching | Settled

/** A move under way. */
export type ActiveMove = (
  | { readonly is: 'dialling' }
  /** The new side has answered, and this is its name. */
  | { readonly is: 'welcomed'; readonly server: string }
) & { readonly plan: MovePlan; readonly startedAt: Instant }

export type MoveState = { readonly is: 'none' } | ActiveMove

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
