/**
 * Waits between later attempts. cockatiel's ExponentialBackoff counts the attempts; the generator is ours because its
 * own two do not serve: `decorrelatedJitterGenerator` reads Math.random (a simulation could not replay it) and limits
 * *after* the draw, so that every client at the cap waits the same 30 s and all come back in step.
 */
import { ExponentialBackoff } from 'cockatiel'
import type { GeneratorFn, IBackoff } from 'cockatiel'
import type { Random } from './random'
import type { DurationMs } from './time'

/** First and longest wait of a {@link Backoff}. */
export interface BackoffSettings {
  /** Shortest wait; the first one lies between this and its double. */
  readonly baseMs: DurationMs
  /** No wait is longer. */
  readonly maxMs: DurationMs
}

/**
 * Decorrelated jitter as a generator for cockatiel's `ExponentialBackoff`: the ceiling doubles from `initialDelay` up
 * to `maxDelay`, and the wait is drawn evenly between `initialDelay` and that ceiling, so it stays random at the cap.
 * The ceiling doubles, not the last draw: with a factor of 2 a chain of draws from draws does not grow
 * (E[ln 2u] = ln 2 - 1 < 0).
 */
export function decorrelatedJitter(random: Random): GeneratorFn<number> {
  return (ceiling, { initialDelay, maxDelay, exponent }) => {
    const limited = Math.min(maxDelay, (ceiling ?? initialDelay) * exponent)
    const floor = Math.min(initialDelay, limited)
    return [floor + random() * (limited - floor), limited]
  }
}

/** A series of waits, each longer than the one before on average, until `reset`. */
export class Backoff {
  readonly #factory: ExponentialBackoff<number>
  #current: IBackoff<unknown> | undefined
  #attempts = 0

  constructor({ baseMs, maxMs }: BackoffSettings, random: Random) {
    this.#factory = new ExponentialBackoff({
      generator: decorrelatedJitter(random),
      initialDelay: baseMs,
      maxDelay: maxMs,
      exponent: 2,
    })
  }

  /** How many waits were given since the start or the last `reset`. */
  get attempts(): number {
    return this.#attempts
  }

  /** The next wait. */
  next(): DurationMs {
    this.#current = this.#current === undefined ? this.#factory.next() : this.#current.next(undefined)
    this.#attempts += 1
    return this.#current.duration
  }

  /** Starts again with the shortest wait. */
  reset(): void {
    this.#current = undefined
    this.#attempts = 0
  }
}
