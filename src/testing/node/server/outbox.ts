/** Everything a connection sends passes here, in order, so that faults can delay it or hold it back. */

interface Entry {
  readonly dueAt: number
  readonly action: () => void
}

export class Outbox {
  readonly #delayMs: () => number
  #queue: Entry[] = []
  #timer: NodeJS.Timeout | undefined
  #held = false
  #discarded = false

  constructor(delayMs: () => number) {
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
    this.#queue.push({ dueAt: performance.now() + delayMs, action })
    this.#schedule()
  }

  /** Held: nothing leaves, as if the network had swallowed it. Released: everything follows, in order. */
  hold(on: boolean): void {
    this.#held = on
    if (on) clearTimeout(this.#timer)
    this.#timer = undefined
    if (!on) this.#drain()
  }

  discard(): void {
    this.#discarded = true
    this.#queue = []
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    const first = this.#queue[0]
    if (first === undefined || this.#timer !== undefined || this.#held) return
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined
        this.#drain()
      },
      Math.max(0, first.dueAt - performance.now()),
    )
  }

  #drain(): void {
    const now = performance.now()
    // A timer may fire a fraction early; a frame due within the same millisecond goes too.
    while (!this.#held && (this.#queue[0]?.dueAt ?? Infinity) <= now + 1) this.#queue.shift()?.action()
    this.#schedule()
  }
}
