/**
 * Fence: a server that ran the UCC before and comes back with its old term must not get anybody. The fence is the
 * highest term any server announced within the window, reachable now or not. When nobody has announced it for that
 * long while somebody announces a lower one (the server was re-imaged, its clock was wrong), it falls to the highest
 * now announced. While nobody says anything, as in an outage of everything, it stands. Never persisted.
 */
import type { DurationMs, Instant } from './time'

interface Announced {
  readonly term: number
  readonly at: Instant
}

/** Server names come from outside: a hostile one must not fill the memory. */
const MAX_SERVERS = 128

export class Fence {
  /** The highest recent word of each server, so that a re-imaged server cannot erase its own past. */
  readonly #highest = new Map<string, Announced>()
  /** The last word of each server, however low. */
  readonly #latest = new Map<string, Announced>()
  #term: number | undefined

  constructor(private readonly windowMs: DurationMs) {}

  /** Highest term in force. */
  get term(): number | undefined {
    return this.#term
  }

  announce(now: Instant, server: string, term: number): void {
    const known = this.#highest.get(server)
    if (known === undefined || term >= known.term || now - known.at >= this.windowMs) {
      remember(this.#highest, server, { term, at: now })
    }
    remember(this.#latest, server, { term, at: now })
    if (this.#term === undefined || term > this.#term) this.#term = term
  }

  /** Is attaching to a server of this term allowed? No term is equal to all. */
  allows(term: number | undefined): boolean {
    return term === undefined || this.#term === undefined || term >= this.#term
  }

  /** When the fence may fall next: only when somebody has said something since its term was last announced. */
  deadline(): Instant {
    const lastAt = this.#lastAt()
    const isSucceeded = [...this.#latest.values()].some(({ term, at }) => term !== this.#term && at > lastAt)
    return isSucceeded ? lastAt + this.windowMs : Infinity
  }

  /** Lets the fence fall when its window has passed. Returns the new term when it fell. */
  expire(now: Instant): { readonly from: number; readonly to: number } | undefined {
    const from = this.#term
    if (from === undefined || now < this.deadline()) return undefined
    for (const said of [this.#highest, this.#latest]) {
      for (const [server, { at }] of said) if (now - at >= this.windowMs) said.delete(server)
    }
    // Of those whose past has lapsed, the last word is their highest now: the fence may fall to it, and from it again.
    for (const [server, word] of this.#latest) if (!this.#highest.has(server)) remember(this.#highest, server, word)
    const terms = [...this.#highest.values(), ...this.#latest.values()].map(({ term }) => term)
    if (terms.length === 0) return undefined
    const to = Math.max(...terms)
    this.#term = to
    return to === from ? undefined : { from, to }
  }

  /** We ourselves were stopped: the time did not count. */
  shift(byMs: DurationMs): void {
    for (const said of [this.#highest, this.#latest]) {
      for (const [server, { term, at }] of said) said.set(server, { term, at: at + byMs })
    }
  }

  #lastAt(): Instant {
    let lastAt = -Infinity
    for (const { term, at } of this.#highest.values()) if (term === this.#term) lastAt = Math.max(lastAt, at)
    return lastAt
  }
}

function remember(said: Map<string, Announced>, server: string, word: Announced): void {
  said.delete(server)
  const oldest = said.size >= MAX_SERVERS ? said.keys().next().value : undefined
  if (oldest !== undefined) said.delete(oldest)
  said.set(server, word)
}
