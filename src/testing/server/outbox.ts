/** Everything a connection sends passes here, in order, so that faults can delay it or hold it back. */
import type { Cancel, ServerHost } from './host'

interface Entry {
  readonly dueAt: number
  readonly action: () => void
}

export class Outbox {
  readonly #host: ServerHost
  readonly #delayMs: () => number
  #queue: Entry[] = []
  #cancelTimer: Cancel | undefined
  #held = false
  #discarded = false

  constructor(host: ServerHost, delayMs: () => number) {
    this.#host = host
    this.#delayMs = delayMs
  }

  get held(): boolean {
    return this.#held
  }

  push(action: () => void): void {
    if (this.#discarded) return
    const delayMs = this.#delayMs()
    if (delayMs === 0 && this.#queue.length === 0 && !this.#held) {
      action()
      return
    }
    this.#queue.push({ dueAt: this.#host.now() + delayMs, action })
    this.#schedule()
  }

  /** Held: nothing leaves, as if the network had swallowed it. Released: everything follows, in order. */
  hold(on: boolean): void {
    this.#held = on
    if (on) this.#stopTimer()
    if (!on) this.#drain()
  }

  discard(): void {
    this.#discarded = true
    this.#queue = []
    this.#stopTimer()
  }

  #schedule(): void {
    const first = this.#queue[0]
    if (first === undefined || this.#cancelTimer !== undefined || this.#held) return
    this.#cancelTimer = this.#host.after(Math.max(0, first.dueAt - this.#host.now()), () => {
      this.#cancelTimer = undefined
      this.#drain()
    })
  }

  #drain(): void {
    const now = this.#host.now()
    // A timer may fire a fraction early; a frame due within the same millisecond goes too.
    while (!this.#held && (this.#queue[0]?.dueAt ?? Infinity) <= now + 1) this.#queue.shift()?.action()
    this.#schedule()
  }

  #stopTimer(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}
