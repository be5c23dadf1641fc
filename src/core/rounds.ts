/**
 * Counts verdicts in rounds. An endpoint is asked once per UCC: three UCCs see one lost packet storm three times, which
 * is still one verdict. A round ends when a schedule that has spoken in it speaks again, so the count grows as fast as
 * that of a single schedule, however many there are.
 */
export class Rounds {
  readonly #spoken = new Set<string | undefined>()
  #count = 0

  /** Rounds since the start or the last `reset`. */
  get count(): number {
    return this.#count
  }

  /** The schedule of this UCC speaks. True when that begins a round: only then it counts. */
  hear(ucc: string | undefined): boolean {
    const begins = this.#count === 0 || this.#spoken.has(ucc)
    if (begins) {
      this.#spoken.clear()
      this.#count += 1
    }
    this.#spoken.add(ucc)
    return begins
  }

  reset(): void {
    this.#spoken.clear()
    this.#count = 0
  }
}
