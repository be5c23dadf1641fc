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

/** A move is told once, when a link carries every topic; one that broke before is told with the one that ends it. */
export class MoveReporter {
  #open: { readonly plan: MovePlan; readonly link: Link } | undefined

  begin(plan: MovePlan, link: Link): void {
    const before = this.#open
    this.#open = { plan: before === undefined || before.link === link ? plan : continued(before.plan, plan), link }
  }

  finish(link: Link, now: Instant): Extract<SessionEffect, { type: 'moved' }> | undefined {
    const open = this.#open
    if (open?.link !== link) return undefined
    this.#open = undefined
    return { type: 'moved', plan: open.plan, timings: timingsOf(open.plan, link.times, now) }
  }
}

/** Two moves as one: `before` was never told, because its link was lost before all topics were live on it. */
function continued(before: MovePlan, plan: MovePlan): MovePlan {
  const isMove = before.from !== undefined && before.kind !== 'initial' && before.kind !== 'redial'
  if (!isMove) return plan
  const isBack = plan.to === before.from
  // Whoever called it back is told of that move alone.
  if (isBack && plan.reason === 'switchover') return plan
  const isAsked = !isBack && (plan.kind === 'switchover' || plan.kind === 'failback')
  // Back where it began: nothing was left in the end.
  const kind = isBack ? 'redial' : plan.kind === 'redial' ? before.kind : 'failover'
  const { lastProof, detected } = before.times
  return {
    ...plan,
    // Who asked for the first of them waits for its report.
    id: isAsked ? plan.id : before.id,
    kind: isAsked && before.kind !== 'failover' ? plan.kind : kind,
    reason: before.reason,
    from: before.from,
    ...(before.fromServer === undefined ? {} : { fromServer: before.fromServer }),
    evidence: [...before.evidence, ...plan.evidence],
    times: { ...plan.times, lastProof, detected },
  }
}
