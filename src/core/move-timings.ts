import type { MovePlan } from './pool-protocol'
import type { MoveTimings } from './session-protocol'
import type { Instant } from './time'

/**
 * How long the parts of a move took. Each part ends where the next begins, so they add up to the total: from the last
 * proof of the old side to the last topic live on the new one.
 */
export function timingsOf(
  plan: MovePlan,
  reached: { readonly welcomed?: Instant; readonly restored?: Instant; readonly live?: Instant },
  now: Instant,
): MoveTimings {
  const { lastProof, detected, decided, dialled } = plan.times
  const welcomed = Math.max(dialled, reached.welcomed ?? now)
  const restored = Math.max(welcomed, reached.restored ?? now)
  const live = Math.max(restored, reached.live ?? now)
  return {
    detectMs: detected - lastProof,
    decideMs: decided - detected,
    spreadMs: dialled - decided,
    connectMs: welcomed - dialled,
    restoreMs: restored - welcomed,
    resumeMs: live - restored,
    totalMs: live - lastProof,
  }
}
