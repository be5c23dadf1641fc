/** Those who would take over: where warm standby connections wait, and which standby has decayed unnoticed. */
import type { Endpoint } from './endpoint'
import type { Judge } from './judge'
import type { PoolEffect, SeatId } from './pool-protocol'
import type { Seat } from './seat'

export class Standbys {
  /** Where each seat's warm connection was told to wait. */
  readonly #warm = new Map<SeatId, string>()

  constructor(
    private readonly judge: Judge,
    private readonly emit: (effect: PoolEffect) => void,
  ) {}

  closed(seat: SeatId): void {
    this.#warm.delete(seat)
  }

  /** Looks at everybody again. */
  tell(seats: readonly Seat[]): void {
    for (const seat of seats) if (seat.who.warm) this.#tellWarm(seat)
    this.#tellDecay(seats)
  }

  /** A standby that could not take over is told before it is needed; once, until it is back. */
  #tellDecay(seats: readonly Seat[]): void {
    const isServed = seats.some((seat) => seat.condition.is === 'serving')
    for (const endpoint of this.judge.roster.present()) {
      if (endpoint.breaker.state.is === 'closed') this.judge.forgetWarning('STANDBY_UNREACHABLE', endpoint.id)
      else if (isServed && !seats.some((seat) => seat.uses(endpoint.id))) {
        const sentence = `${endpoint.seed.name} could not take over now: ${endpoint.lastError ?? 'it does not answer'}.`
        this.judge.warnOnce('STANDBY_UNREACHABLE', sentence, endpoint.id)
      }
    }
  }

  #tellWarm(seat: Seat): void {
    const { id } = seat.who
    // The move takes the warm connection with it: what comes next is told anew.
    if (seat.move !== undefined && seat.move.plan.to === this.#warm.get(id)) this.#warm.delete(id)
    // While a road is sought it stays where it is: it may be the road.
    if (seat.place.is === 'searching' || seat.move !== undefined) return
    const endpoint = this.#best(this.judge.roster.get(seat.place.endpointId))
    if (this.#warm.get(id) === endpoint?.id) return
    if (endpoint === undefined) this.#warm.delete(id)
    else this.#warm.set(id, endpoint.id)
    this.emit({ type: 'warm', seat: id, road: endpoint?.road })
  }

  /** The best other server that answers, whether it runs the UCC yet or not. */
  #best(here: Endpoint | undefined): Endpoint | undefined {
    const others = this.judge.roster
      .present()
      .filter((one) => one !== here && (one.server === undefined || one.server !== here?.server))
      .filter((one) => one.liveness.is === 'up' && one.breaker.state.is === 'closed')
      .filter((one) => one.contract !== 'absent' && !one.unauthorized)
    return others.sort((a, b) => a.seed.rank - b.seed.rank || a.order - b.order)[0]
  }
}
