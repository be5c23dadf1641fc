import type { MovePlan } from './pool-protocol'
import type { Link } from './link'
import type { MoveTimings, SessionEffect } from './session-protocol'
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

/** A move is told once, when its link carries every topic. */
export class MoveReporter {
  #open: { readonly plan: MovePlan; readonly link: Link } | undefined

  begin(plan: MovePlan, link: Link): void {
    this.#open = { plan, link }
  }

  finish(link: Link, now: Instant): Extract<SessionEffect, { type: 'moved' }> | undefined {
    const open = this.#open
    if (open?.link !== link) return undefined
    this.#open = undefined
    return { type: 'moved', plan: open.plan, timings: timingsOf(open.plan, link.times, now) }
  }
}
