/** The timers of one connection: none outlives it. */
import type { Cancel, ServerHost } from './host'

export class Timers {
  readonly #host: ServerHost
  readonly #pending = new Set<Cancel>()

  constructor(host: ServerHost) {
    this.#host = host
  }

  after(delayMs: number, action: () => void): Cancel {
    const stop = this.#host.after(delayMs, () => {
      this.#pending.delete(cancel)
      action()
    })
    const cancel = (): void => {
      stop()
      this.#pending.delete(cancel)
    }
    this.#pending.add(cancel)
    return cancel
  }

  clear(): void {
    for (const cancel of this.#pending) cancel()
  }
}
