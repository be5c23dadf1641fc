/** What a seat says: its condition, its decisions in sentences, and which endpoint was left. */
import { describeLoss } from './losses'
import type { LossCause, MovePlan, MoveReason, SeatCondition } from './pool-protocol'
import type { SeatContext, SeatIdentity } from './seat-context'
import type { DurationMs } from './time'

export class SeatVoice {
  #condition: SeatCondition = { is: 'connecting' }

  constructor(
    private readonly who: SeatIdentity,
    private readonly context: SeatContext,
  ) {}

  /** As told last. */
  get condition(): SeatCondition {
    return this.#condition
  }

  /** Told when it has changed. */
  tell(condition: SeatCondition): void {
    if (JSON.stringify(condition) === JSON.stringify(this.#condition)) return
    this.#condition = condition
    this.context.emit({ type: 'condition', seat: this.who.id, condition })
  }

  goes(plan: MovePlan): void {
    const { kind, reason, to } = plan
    const from = plan.from === undefined ? '' : ` from ${this.name(plan.from)}`
    this.context.emit({
      type: 'decision',
      kind,
      reason,
      sentence: `Go${from} to ${this.name(to)} (${kind}): ${[reason, ...plan.evidence].join('; ')}.`,
      facts: { to, from: plan.from, move: plan.id },
    })
  }

  failed({ to }: MovePlan, cause: LossCause, waitMs: DurationMs): void {
    this.context.emit({
      type: 'decision',
      kind: 'attempt-failed',
      reason: cause.type,
      sentence: `The attempt on ${this.name(to)} failed: ${describeLoss(cause)}.`,
      facts: { endpoint: to, waitMs: Math.round(waitMs) },
    })
  }

  recovered(endpointId: string, reason: MoveReason): void {
    const sentence = `${this.name(endpointId)} serves again: no move.`
    this.context.emit({ type: 'decision', kind: 'recovered', reason, sentence, facts: {} })
  }

  left(endpointId: string, how: 'lost' | 'drained'): void {
    const generation = this.context.judge.roster.get(endpointId)?.generation ?? 0
    this.context.emit({ type: 'left', endpointId, generation, how, seat: this.who.id })
  }

  name(endpointId: string): string {
    return this.context.judge.roster.get(endpointId)?.seed.name ?? endpointId
  }
}
