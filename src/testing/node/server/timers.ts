/** The timers of one connection: none outlives it. */
export class Timers {
  readonly #pending = new Set<NodeJS.Timeout>()

  after(delayMs: number, action: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#pending.delete(timer)
      action()
    }, delayMs)
    this.#pending.add(timer)
    return timer
  }

  cancel(timer: NodeJS.Timeout | undefined): void {
    if (timer === undefined) return
    clearTimeout(timer)
    this.#pending.delete(timer)
  }

  clear(): void {
    for (const timer of this.#pending) clearTimeout(timer)
    this.#pending.clear()
  }
}
