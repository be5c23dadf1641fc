/**
 * The retries a client may still make. One token a retry; tokens come back with time and with successes, so that a
 * total outage is met by at most `perSecond` retries and a rare failure never waits for one.
 */
import type { Instant } from './time'

/** Numbers of a {@link RetryBudget}. */
export interface RetryBudgetSettings {
  /** Tokens at the start. */
  readonly tokens: number
  /** Tokens at most. */
  readonly maxTokens: number
  /** Tokens gained by each good response. */
  readonly perSuccess: number
  /** Tokens gained by each second. */
  readonly perSecond: number
}

/** A token is counted in billionths. */
const STEPS = 1e9

/** A token bucket, one per client. */
export class RetryBudget {
  #tokens: number
  #countedAt: Instant | undefined

  constructor(private readonly settings: RetryBudgetSettings) {
    this.#tokens = Math.min(settings.tokens, settings.maxTokens)
  }

  /** Takes one token; false (and nothing is taken) when there is less than one. */
  take(now: Instant): boolean {
    if (this.available(now) < 1) return false
    this.#tokens -= 1
    return true
  }

  /** A good response: credits the budget. */
  success(now: Instant): void {
    this.#refill(now)
    this.#credit(this.settings.perSuccess)
  }

  /** Tokens there are, fractions included. */
  available(now: Instant): number {
    this.#refill(now)
    return this.#tokens
  }

  #refill(now: Instant): void {
    // The budget starts to fill with its first use: a client that idled has its start tokens, not more.
    const elapsedMs = this.#countedAt === undefined ? 0 : Math.max(0, now - this.#countedAt)
    this.#countedAt = now
    this.#credit((elapsedMs / 1000) * this.settings.perSecond)
  }

  #credit(tokens: number): void {
    // Ten tenths must be one token, and added as binary fractions they are a little less.
    const sum = Math.round((this.#tokens + tokens) * STEPS) / STEPS
    this.#tokens = Math.min(this.settings.maxTokens, sum)
  }
}
