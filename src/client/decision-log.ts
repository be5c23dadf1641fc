import type { Decision } from './reports'

/** The last decisions, oldest first; each token-free. */
export class DecisionLog {
  readonly #entries: Decision[] = []

  constructor(private readonly limit = 200) {}

  add(decision: Decision): void {
    this.#entries.push(decision)
    if (this.#entries.length > this.limit) this.#entries.shift()
  }

  list(): readonly Decision[] {
    return [...this.#entries]
  }
}
