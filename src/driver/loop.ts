/**
 * The loop: every turn of the machines goes through here, one at a time. A turn takes its inputs, runs the machines
 * until nothing is left to say, carries effects out, arms one timer for the earliest deadline, and only then lets
 * listeners speak, each isolated, so that a listener may call anything, `close()` included.
 *
 * The watcher watches itself: a turn that comes much later than its timer was armed for, or a wall clock that ran ahead
 * of the monotonic one, means that *we* were stopped (sleep, freeze, throttling, a blocked loop).
 */
import { NEVER, type DurationMs, type Instant } from '../core/time'
import type { Cancel, Platform } from '../platform/platform'

export interface LoopPart {
  deadline(): Instant
  tick(now: Instant): void
  /** So much time passed while the monotonic clock stood still: it is told of naps too, that are no pause yet. */
  slept?(now: Instant, ms: DurationMs): void
  /** We were stopped for this long; of it `uncountedMs` passed while the monotonic clock stood still (sleep). */
  pause(now: Instant, lateMs: DurationMs, uncountedMs: DurationMs): void
}

/** Lateness beyond two beats of the default second. */
export const PAUSE_LIMIT_MS = 2000
/** The wall clock runs ahead by less when it is only being set right (500 ppm over the longest timer are 30 ms). */
const NAP_MS = 40
/** After something failed, the machines are not asked again sooner: one that fails at every tick must not spin. */
const AFTER_FAILURE_MS = 100
/** Longer waits are cut: timers of 2^31 ms and more fire at once. */
const MAX_TIMER_MS = 60_000

export class Loop {
  readonly #parts = new Set<LoopPart>()
  readonly #turns: ((now: Instant) => void)[] = []
  readonly #deferred: (() => void)[] = []
  #turning = false
  #emitting = false
  #cancelTimer: Cancel | undefined
  #armedFor: Instant = NEVER
  #seen: { readonly now: Instant; readonly wall: number }
  #closed = false
  #hasFailed = false

  constructor(
    private readonly platform: Platform,
    /** What a turn, an effect or a listener threw. Never allowed into the loop: it ends that one alone. */
    private readonly report: (error: unknown) => void,
  ) {
    this.#seen = { now: platform.now(), wall: platform.wallClock() }
  }

  get now(): Instant {
    return this.platform.now()
  }

  add(part: LoopPart): void {
    this.#parts.add(part)
  }

  remove(part: LoopPart): void {
    this.#parts.delete(part)
  }

  /** Takes a turn now, or behind the present one. */
  run(turn: (now: Instant) => void): void {
    this.#turns.push(turn)
    if (this.#turning || this.#closed) return
    this.#turning = true
    this.#noticePause()
    for (let next = this.#turns.shift(); next !== undefined; next = this.#turns.shift()) this.#take(next)
    this.#turning = false
    this.#arm()
    this.#emit()
  }

  /** Something inside a turn threw: it is told, and the turn goes on without it. */
  failed(error: unknown): void {
    this.#hasFailed = true
    try {
      this.report(error)
    } catch {
      // Whoever is told of failures has failed: there is nobody left to tell.
    }
  }

  /** To be called when the machines have settled. */
  defer(call: () => void): void {
    this.#deferred.push(call)
    if (!this.#turning) this.#emit()
  }

  /** No timer and no turn any more. What was deferred is still said. */
  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#parts.clear()
  }

  #take(turn: (now: Instant) => void): void {
    try {
      turn(this.platform.now())
    } catch (error) {
      this.failed(error)
    }
  }

  #noticePause(): void {
    const now = this.platform.now()
    const wall = this.platform.wallClock()
    const slept = wall - this.#seen.wall - (now - this.#seen.now)
    const lateMs = Math.max(now - this.#armedFor, slept)
    this.#seen = { now, wall }
    if (slept > NAP_MS) for (const part of this.#parts) this.#take(() => part.slept?.(now, slept))
    if (lateMs <= PAUSE_LIMIT_MS) return
    this.#armedFor = NEVER
    const uncountedMs = Math.max(0, slept)
    for (const part of this.#parts) this.#take(() => part.pause(now, lateMs, uncountedMs))
  }

  #arm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (this.#closed) return
    const now = this.platform.now()
    let at = this.#earliest(now)
    if (this.#hasFailed) at = Math.max(at, now + AFTER_FAILURE_MS)
    this.#hasFailed = false
    // Never idle for longer than this: a sleeping machine is noticed at the next wake-up.
    const delay = Math.min(MAX_TIMER_MS, Math.max(0, at - now))
    this.#armedFor = now + delay
    this.#cancelTimer = this.platform.setTimer(Math.ceil(delay), () => this.#fire())
  }

  /** A part that cannot tell its deadline is asked to tick: it must not keep the others waiting. */
  #earliest(now: Instant): Instant {
    let at = NEVER
    for (const part of this.#parts) {
      try {
        at = Math.min(at, part.deadline())
      } catch (error) {
        this.failed(error)
        at = now
      }
    }
    return at
  }

  #fire(): void {
    this.#cancelTimer = undefined
    this.run((now) => {
      for (const part of this.#parts) {
        try {
          if (part.deadline() <= now) part.tick(now)
        } catch (error) {
          this.failed(error)
        }
      }
    })
  }

  #emit(): void {
    if (this.#emitting) return
    this.#emitting = true
    try {
      for (let call = this.#deferred.shift(); call !== undefined; call = this.#deferred.shift()) {
        try {
          call()
        } catch (error) {
          this.failed(error)
        }
      }
    } finally {
      this.#emitting = false
    }
  }
}
