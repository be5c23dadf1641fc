/**
 * Fence: a server that ran the UCC before and comes back with its old term must not get anybody. The fence is the
 * highest term any server announced within the window, reachable now or not. When nobody has announced it for that
 * long (the server was re-imaged, its clock was wrong), it falls to the highest still announced. Never persisted.
 */
import type { DurationMs, Instant } from './time'

export class Fence {
  /** Last announcement of each server: term and when. */
  readonly #announced = new Map<string, { readonly term: number; readonly at: Instant }>()
  #term: number | undefined

  constructor(private readonly windowMs: DurationMs) {}

  /** Highest term in force. */
  get term(): number | undefined {
    return this.#term
  }

  announce(now: Instant, server: string, term: number): void {
    const known = this.#announced.get(server)
    // The highest recent word of each server counts, so that a re-imaged server cannot erase its own past.
    if (known === undefined || term >= known.term || now - known.at >= this.windowMs) {
      this.#announced.set(server, { term, at: now })
    }
    if (this.#term === undefined || term > this.#term) this.#term = term
  }

  /** Is attaching to a server of this term allowed? No term is equal to all. */
  allows(term: number | undefined): boolean {
    return term === undefined || this.#term === undefined || term >= this.#term
  }

  /** When the fence may fall next. */
  deadline(): Instant {
    let holders = Number.NEGATIVE_INFINITY
    for (const { term, at } of this.#announced.values()) if (term === this.#term) holders = Math.max(holders, at)
    return this.#term === undefined || holders === Number.NEGATIVE_INFINITY ? Infinity : holders + this.windowMs
  }

  /**
   * Lets the fence fall when its window has passed. `presentTerms`: what each server said last, however low.
   * Returns the new term when it fell.
   */
  expire(
    now: Instant,
    presentTerms: readonly number[],
  ): { readonly from: number; readonly to: number | undefined } | undefined {
    if (this.#term === undefined || now < this.deadline()) return undefined
    for (const [server, { at }] of this.#announced) {
      if (now - at >= this.windowMs) this.#announced.delete(server)
    }
    const from = this.#term
    const terms = [...presentTerms, ...[...this.#announced.values()].map((entry) => entry.term)]
    this.#term = terms.length === 0 ? undefined : Math.max(...terms)
    return this.#term === from ? undefined : { from, to: this.#term }
  }
}
