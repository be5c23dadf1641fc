/**
 * The designated endpoint: the one the dedicated hostname points at. The first word holds at once; a *change* of it is
 * believed after two equal answers at least 2 s apart, so that one odd answer of a round of name servers moves nobody.
 * Within a minute of another change, or of an answer that was contradicted before it was believed, a change has to hold
 * for a minute: name servers that disagree for long, twice each in turn, would swing a fleet for ever.
 */
import { NEVER, type DurationMs, type Instant } from './time'

/** How far apart two equal answers must be to be believed. */
export const CONFIRM_MS: DurationMs = 2000
/** A change so soon after another one, or after a contradiction, has to hold for as long. */
export const UNSETTLED_MS: DurationMs = 60_000

export class Designation {
  /** Nobody, while the answer names none or several. */
  current: string | undefined
  /**
   * When it last became another one. Coming back to the same is no change; the first word is one, for whoever has
   * settled before it came: name servers are slower than a server that answers.
   */
  changedAt: Instant = -NEVER
  #last: string | undefined
  /** When a change was last believed, or contradicted before it was; the first word is none. */
  #wobbledAt: Instant = -NEVER
  #asked: { readonly endpointId: string; readonly since: Instant } | undefined

  /** An answer: exactly one endpoint, or nobody. */
  hear(now: Instant, endpointId: string | undefined): void {
    if (this.#asked !== undefined && endpointId !== undefined && endpointId !== this.#asked.endpointId)
      this.#wobbledAt = now
    if (endpointId === undefined || endpointId === this.#last || this.#last === undefined) {
      this.#asked = undefined
      this.current = endpointId
      if (this.#last === undefined && endpointId !== undefined) this.changedAt = now
      this.#last ??= endpointId
      return
    }
    if (this.#asked?.endpointId !== endpointId) this.#asked = { endpointId, since: now }
    const neededMs = this.#asked.since - this.#wobbledAt < UNSETTLED_MS ? UNSETTLED_MS : CONFIRM_MS
    if (now - this.#asked.since < neededMs) return
    this.#asked = undefined
    this.current = endpointId
    this.#last = endpointId
    this.changedAt = now
    this.#wobbledAt = now
  }
}
