/** Asks one source of endpoints again and again: in its rhythm, soon after a changed answer, and at once on a trip. */
import { CONFIRM_MS } from '../core/designation'
import { NEVER, type DurationMs, type Instant } from '../core/time'
import type { Cancel, Platform } from '../platform/platform'

/** Whether the source designates another endpoint than the last time. */
export type Answered = 'same' | 'changed'

/** So that a fleet does not ask in step. */
const SPREAD = 0.1
/** A changed word is asked for again when it can be believed. */
const AGAIN_MS = CONFIRM_MS + 100
const MIN_GAP_MS = 1000

export class ResolverPoll {
  /** Has it been asked to the end at least once? */
  hasEnded = false
  #askedAt: Instant = -NEVER
  /** Ends the question under way, or the wait for the next one. */
  #stop: Cancel = () => undefined
  #isAsking = false
  #isUrgent = false
  /** An answer that changes each time is asked for in the ordinary rhythm. */
  #isConfirming = false
  /** A changed word can be believed from here on; a question in between does not replace the one that is due then. */
  #confirmAt: Instant = -NEVER
  #isClosed = false

  constructor(
    private readonly platform: Platform,
    private readonly pollMs: DurationMs,
    /** `done` is called once, later. */
    private readonly ask: (done: (answered: Answered) => void) => Cancel,
  ) {
    this.#start()
  }

  /** As soon as may be. */
  refresh(): void {
    if (this.#isClosed) return
    // What is being answered may have been said before the trip.
    if (this.#isAsking) this.#isUrgent = true
    else this.#wait(this.#gapMs())
  }

  close(): void {
    this.#isClosed = true
    this.#stop()
  }

  #start(): void {
    this.#isAsking = true
    this.#isUrgent = false
    this.#askedAt = this.platform.now()
    this.#stop = this.ask((answered) => {
      if (this.#isClosed) return
      this.#isAsking = false
      this.hasEnded = true
      this.#stop = () => undefined
      const now = this.platform.now()
      this.#isConfirming = answered === 'changed' && !this.#isConfirming
      if (this.#isConfirming) this.#confirmAt = now + AGAIN_MS
      const pollMs = this.pollMs * (1 + SPREAD * (2 * this.platform.random() - 1))
      const waitMs = now < this.#confirmAt ? this.#confirmAt - now : pollMs
      this.#wait(this.#isUrgent ? this.#gapMs() : waitMs)
    })
  }

  #gapMs(): DurationMs {
    return Math.max(0, this.#askedAt + MIN_GAP_MS - this.platform.now())
  }

  #wait(waitMs: DurationMs): void {
    this.#stop()
    this.#stop = this.platform.setTimer(waitMs, () => this.#start())
  }
}
