/**
 * The designated endpoint: the one the dedicated hostname points at. The first word holds at once; a *change* of it is
 * believed after two equal answers at least 2 s apart, so that one odd answer of a round of name servers moves nobody.
 * A third change within five minutes has to hold for a minute: name servers that disagree for long, and answer twice
 * each in turn, would swing a fleet for ever.
 */
import { NEVER, type DurationMs, type Instant } from './time'

/** How far apart two equal answers must be to be believed. */
export const CONFIRM_MS: DurationMs = 2000
/** Flipped, and flipped back again: whoever does so a third time has to mean it for as long. */
export const SWINGING_CONFIRM_MS: DurationMs = 60_000
const SWINGING_WITHIN_MS = 300_000

export class Designation {
  /** Nobody, while the answer names none or several. */
  current: string | undefined
  /**
   * When it last became another one. Coming back to the same is no change; the first word is one, for whoever has
   * settled before it came: name servers are slower than a server that answers.
   */
  changedAt: Instant = -NEVER
  #last: string | undefined
  /** When the last change was believed, and the one before; the first word is none. */
  #flippedAt: Instant = -NEVER
  #flippedBefore: Instant = -NEVER
  #asked: { readonly endpointId: string; readonly since: Instant } | undefined

  /** An answer: exactly one endpoint, or nobody. */
  hear(now: Instant, endpointId: string | undefined): void {
    const asked = this.#asked
    const isContradicted = asked !== undefined && endpointId !== undefined && endpointId !== asked.endpointId
    // They disagree still.
    if (isContradicted && this.#isSwinging(asked.since)) this.#flippedBefore = now
    if (endpointId === undefined || endpointId === this.#last || this.#last === undefined) {
      this.#asked = undefined
      this.current = endpointId
      if (this.#last === undefined && endpointId !== undefined) this.changedAt = now
      this.#last ??= endpointId
      return
    }
    if (this.#asked?.endpointId !== endpointId) this.#asked = { endpointId, since: now }
    const neededMs = this.#isSwinging(this.#asked.since) ? SWINGING_CONFIRM_MS : CONFIRM_MS
    if (now - this.#asked.since < neededMs) return
    this.#asked = undefined
    this.current = endpointId
    this.#last = endpointId
    this.changedAt = now
    this.#flippedBefore = this.#flippedAt
    this.#flippedAt = now
  }

  #isSwinging(since: Instant): boolean {
    return since - this.#flippedBefore < SWINGING_WITHIN_MS
  }
}
