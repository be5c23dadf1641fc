/**
 * The order among equals. RFC 2782 has targets of one priority drawn by weight; this draws once for each name, so that
 * an answer that says the same again, in whatever order, changes nothing for this client. Exponential keys give the
 * same distribution as drawing one after the other.
 */
const MAX_NAMES = 256
/** Weight 0 is to have "a very small chance" beside others (RFC 2782). */
const SMALLEST_WEIGHT = 1e-3

export class Lots {
  readonly #drawn = new Map<string, number>()

  constructor(private readonly random: () => number) {}

  /** Lower is earlier. */
  of(name: string, weight = 1): number {
    let lot = this.#drawn.get(name)
    if (lot === undefined) {
      // Names come from outside.
      if (this.#drawn.size >= MAX_NAMES) this.#drawn.clear()
      lot = -Math.log(1 - this.random())
      this.#drawn.set(name, lot)
    }
    return lot / Math.max(weight, SMALLEST_WEIGHT)
  }
}
