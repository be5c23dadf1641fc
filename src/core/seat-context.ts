/** What a seat is given: who it is, and what the pool does for it. */
import type { Judge } from './judge'
import type { PoolEffect, SeatId } from './pool-protocol'
import type { Random } from './random'
import type { PoolSettings, PriorityClass } from './settings'
import type { Instant } from './time'

export interface SeatContext {
  readonly judge: Judge
  readonly settings: PoolSettings
  readonly random: Random
  readonly emit: (effect: PoolEffect) => void
  /** Ask everybody's readiness for this UCC at once. */
  readonly askAll: (now: Instant, ucc: string | undefined) => void
  /** Ask this one again, beside a question that is still under way. */
  readonly askAgain: (now: Instant, endpointId: string, ucc: string | undefined) => void
  readonly nextMoveId: () => number
  readonly nextQuestion: () => number
}

export interface SeatIdentity {
  readonly id: SeatId
  readonly ucc: string | undefined
  readonly priority: () => PriorityClass
  readonly warm: boolean
  readonly asksCanMove: boolean
}
