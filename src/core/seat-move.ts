/** The move of a seat that is under way: at most one, and what comes of an older one is not looked at. */
import type { MoveId, MovePlan } from './pool-protocol'
import type { SeatContext, SeatIdentity } from './seat-context'
import type { MoveSketch } from './seat-search'
import type { ActiveMove, MoveState } from './seat-state'
import { MOVE_TRANSITIONS } from './seat-transitions'
import type { Instant } from './time'
import { transition } from './transitions'

export class SeatMove {
  #state: MoveState = { is: 'none' }

  constructor(
    private readonly who: SeatIdentity,
    private readonly context: SeatContext,
  ) {}

  get active(): ActiveMove | undefined {
    return this.#state.is === 'none' ? undefined : this.#state
  }

  /** The move under way, if it is this one. */
  named(id: MoveId): ActiveMove | undefined {
    return this.active?.plan.id === id ? this.active : undefined
  }

  get isUnplanned(): boolean {
    const kind = this.active?.plan.kind
    return kind === 'initial' || kind === 'failover' || kind === 'redial'
  }

  /** The topic is silent here and another server took over: what this one answers is not to be believed. */
  get isByDoubt(): boolean {
    return this.active?.plan.reason === 'topic-silent'
  }

  /** Returns the plan with what the pool adds; nothing when its target is gone. */
  begin(now: Instant, plan: MoveSketch): MovePlan | undefined {
    const endpoint = this.context.judge.roster.get(plan.to)
    if (endpoint === undefined) return undefined
    const minTerm = this.context.judge.fence(this.who.ucc).term
    const fenced = minTerm === undefined ? {} : { minTerm }
    const full: MovePlan = { ...plan, ...fenced, id: this.context.nextMoveId(), road: endpoint.road }
    this.#state = { is: transition(MOVE_TRANSITIONS, this.#state.is, 'begin'), plan: full, startedAt: now }
    return full
  }

  welcomed(id: MoveId, server: string): void {
    const move = this.named(id)
    if (move !== undefined) this.#state = { ...move, is: transition(MOVE_TRANSITIONS, move.is, 'welcome'), server }
  }

  end(move: ActiveMove, how: 'commit' | 'fail'): void {
    this.#state = { is: transition(MOVE_TRANSITIONS, move.is, how) }
  }

  /** A welcome may have been written before its server said a higher term by another road: the session must know. */
  tellFence(move: ActiveMove): void {
    const minTerm = this.context.judge.fence(this.who.ucc).term
    if (minTerm === undefined || minTerm === move.plan.minTerm) return
    this.#state = { ...move, plan: { ...move.plan, minTerm } }
    this.context.emit({ type: 'fence', seat: this.who.id, move: move.plan.id, minTerm })
  }

  /** The session is told to stop it. */
  tellCancelled({ plan }: ActiveMove): void {
    this.context.emit({ type: 'cancel-move', seat: this.who.id, move: plan.id })
  }

  /**
   * The old side was lost. A planned move whose new side has answered goes on as a failover: its plan is returned.
   * Where nobody has answered yet, whoever answers now is the better road, the same one included.
   */
  lostOldSide(now: Instant): MovePlan | undefined {
    const move = this.active
    if (move === undefined) return undefined
    const { plan } = move
    if (move.is === 'dialling') {
      this.tellCancelled(move)
      this.#state = { is: transition(MOVE_TRANSITIONS, move.is, 'cancel') }
      return undefined
    }
    if (plan.kind !== 'switchover' && plan.kind !== 'failback') return undefined
    const times = { ...plan.times, lastProof: Math.min(plan.times.lastProof, now) }
    const upgraded: MovePlan = { ...plan, kind: 'failover', makeBeforeBreak: false, times }
    this.#state = { ...move, is: transition(MOVE_TRANSITIONS, move.is, 'upgrade'), plan: upgraded }
    return upgraded
  }
}
