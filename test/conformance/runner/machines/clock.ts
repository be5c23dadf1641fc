/** The time of one case: what falls due on the way is told at its own instant. */
import { type Instant } from '../../../../src/core/time'

/** A machine may be due several times at one instant, but not for ever. */
const MAX_TICKS_AT_ONCE = 1000

export class Clock {
  now: Instant = 0

  constructor(
    private readonly deadline: () => Instant,
    private readonly tick: () => void,
  ) {}

  advance(to: Instant): void {
    let atOnce = 0
    for (let due = this.deadline(); due <= to; due = this.deadline()) {
      atOnce = due > this.now ? 0 : atOnce + 1
      if (atOnce > MAX_TICKS_AT_ONCE) throw new Error(`the machine is due again and again at ${this.now}`)
      this.now = Math.max(this.now, due)
      this.tick()
    }
    this.now = to
  }
}
