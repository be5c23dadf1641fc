/**
 * Whether the code of a device runs, and what its clocks say meanwhile. Everything that calls the client back passes
 * `run`: code that is stopped finds later what it has missed, in order.
 */
import type { Cancel } from '../platform/platform'
import type { Timeline } from './timeline'

export type Stop = 'asleep' | 'frozen' | 'blocked'

/** Time goes in microseconds. */
const GRAIN_MS = 0.001

export class DeviceClock {
  #throttleMs = 0
  /** Timers that are due, and wait for their turn. */
  readonly #throttled = new Set<() => void>()
  readonly #timeline: Timeline
  /** The code of a client ran: its promises want a turn. */
  readonly #touched: () => void
  readonly #stops = new Set<Stop>()
  readonly #missed: (() => void)[] = []
  #wallOffsetMs: number
  /** Time that the monotonic clock did not count. */
  #uncountedMs = 0
  #uncountedSince: number | undefined

  constructor(timeline: Timeline, wallOffsetMs: number, touched: () => void) {
    this.#timeline = timeline
    this.#wallOffsetMs = wallOffsetMs
    this.#touched = touched
  }

  /** Monotonic. */
  get now(): number {
    return (this.#uncountedSince ?? this.#timeline.now) - this.#uncountedMs
  }

  /** Unix milliseconds. */
  get wallClock(): number {
    return Math.floor(this.#timeline.now + this.#wallOffsetMs)
  }

  get isStopped(): boolean {
    return this.#stops.size > 0
  }

  is(stop: Stop): boolean {
    return this.#stops.has(stop)
  }

  /** Timers fire at multiples of this only; 0: at any time. Those that are due already do so at once. */
  throttle(ms: number): void {
    this.#throttleMs = ms
    for (const look of [...this.#throttled]) this.run(look)
  }

  stepWallClock(ms: number): void {
    this.#wallOffsetMs += ms
  }

  stop(why: Stop, countsTime: boolean): void {
    this.#stops.add(why)
    if (!countsTime) this.#uncountedSince ??= this.#timeline.now
  }

  go(why: Stop): void {
    this.#stops.delete(why)
    if (this.isStopped) return
    if (this.#uncountedSince !== undefined) this.#uncountedMs += this.#timeline.now - this.#uncountedSince
    this.#uncountedSince = undefined
    for (let turn = this.#missed.length; turn > 0; turn -= 1) this.#catchUp()
  }

  /** Now, or when the code runs again; always behind what was missed: nothing overtakes on a connection. */
  run(action: () => void): void {
    if (!this.isStopped && this.#missed.length === 0) return this.#do(action)
    this.#missed.push(action)
    if (!this.isStopped) this.#catchUp()
  }

  /** One turn each, so that promises are settled in between, as in any event loop. */
  #catchUp(): void {
    this.#timeline.after(0, () => {
      const action = this.isStopped ? undefined : this.#missed.shift()
      if (action !== undefined) this.#do(action)
    })
  }

  #do(action: () => void): void {
    this.#touched()
    action()
  }

  setTimer(delayMs: number, callback: () => void): Cancel {
    if (!Number.isFinite(delayMs)) return () => undefined
    const dueAt = this.now + Math.max(0, delayMs)
    let isOver = false
    let cancel: Cancel = () => undefined
    const look = (): void => {
      this.#throttled.delete(look)
      if (isOver) return
      cancel()
      const waitMs = this.#untilDue(dueAt)
      if (waitMs > 0 && this.now >= dueAt) this.#throttled.add(look)
      if (waitMs > 0) return arm(waitMs)
      isOver = true
      callback()
    }
    const arm = (waitMs: number): void => {
      // Never early, as the platform promises: whoever is woken before its deadline would ask again without end.
      cancel = this.#timeline.after(Math.ceil(waitMs / GRAIN_MS) * GRAIN_MS, () => this.run(look))
    }
    arm(delayMs)
    return () => {
      isOver = true
      this.#throttled.delete(look)
      cancel()
    }
  }

  #untilDue(dueAt: number): number {
    const { now } = this
    const throttleMs = this.#throttleMs
    const waitMs = dueAt - now
    if (waitMs > 0 || throttleMs === 0) return waitMs
    const beyond = now % throttleMs
    return beyond <= GRAIN_MS ? 0 : throttleMs - beyond
  }
}
