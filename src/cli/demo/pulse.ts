/** How events come in over time: bars for the screen, and the longest silence a person would have noticed. */

const BUCKET_MS = 250
const BUCKETS = 240

/** Counts arrivals of the last minute, in buckets of a quarter of a second. */
export class Pulse {
  readonly #counts = new Map<number, number>()
  /** Bucket of the first arrival. */
  #first = Infinity
  #lastAt: number
  #longestMs = 0

  constructor(now: number) {
    this.#lastAt = now
  }

  hit(now: number): void {
    this.#longestMs = Math.max(this.#longestMs, now - this.#lastAt)
    this.#lastAt = now
    const bucket = Math.floor(now / BUCKET_MS)
    this.#first = Math.min(this.#first, bucket)
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1)
    if (this.#counts.size <= BUCKETS) return
    for (const old of this.#counts.keys()) {
      if (old < bucket - BUCKETS) this.#counts.delete(old)
    }
  }

  /** Arrivals in each of the last `count` full buckets, oldest first; -1 before the first arrival ever. */
  bars(now: number, count: number): readonly number[] {
    const oldest = Math.floor(now / BUCKET_MS) - count
    return Array.from({ length: count }, (_unused, index) => {
      const bucket = oldest + index
      return bucket < this.#first ? -1 : (this.#counts.get(bucket) ?? 0)
    })
  }

  /** Since the last arrival. */
  silentMs(now: number): number {
    return Math.max(0, now - this.#lastAt)
  }

  /** Longest time without an arrival since the last call of `restart`. */
  longestSilenceMs(now: number): number {
    return Math.max(this.#longestMs, this.silentMs(now))
  }

  restart(now: number): void {
    // The silence before is another step's.
    this.#longestMs = 0
    this.#lastAt = Math.max(this.#lastAt, now)
  }
}
