/**
 * The circuit breaker of one endpoint. cockatiel counts (consecutive failures, failures in a window) and spaces the
 * open times; it does not wrap: its policy would read the clock, arm timers and queue callers behind a half-open probe.
 * Here only the prober tries a half-open breaker, and only the prober closes it.
 */
import { ConsecutiveBreaker, CountBreaker } from 'cockatiel'
import { Backoff } from './backoff'
import { BREAKER_TRANSITIONS } from './endpoint-transitions'
import type { Random } from './random'
import type { BreakerSettings } from './settings'
import type { DurationMs, Instant } from './time'
import { transition } from './transitions'

export type BreakerState =
  | { readonly is: 'closed' }
  | { readonly is: 'open'; readonly until: Instant; readonly permanent: boolean }
  | { readonly is: 'half-open'; readonly passes: number }

// cockatiel's CircuitState; its enum is not imported because only the two counters are used.
const CLOSED = 0

export class EndpointBreaker {
  #state: BreakerState = { is: 'closed' }
  #consecutive: ConsecutiveBreaker
  #count: CountBreaker
  readonly #backoff: Backoff

  constructor(
    private readonly settings: BreakerSettings,
    random: Random,
  ) {
    this.#consecutive = this.#newConsecutive()
    this.#count = this.#newCount()
    this.#backoff = new Backoff({ baseMs: settings.firstOpenMs, maxMs: settings.maxOpenMs }, random)
  }

  get state(): BreakerState {
    return this.#state
  }

  /** Traffic or a probe succeeded. Closes nothing: that is the prober's, by `probePassed`. */
  success(): void {
    this.#consecutive.success()
    this.#count.success(CLOSED)
  }

  /** A counted failure. True when this one opened the breaker. */
  failure(now: Instant): boolean {
    const tripped = [this.#consecutive.failure(), this.#count.failure(CLOSED)].includes(true)
    if (!tripped || this.#state.is !== 'closed') return false
    return this.trip(now, false)
  }

  /** Opens it now. Permanent failures (certificate, CSP, CORS) stay open long. True unless it was open before. */
  trip(now: Instant, permanent: boolean): boolean {
    const wasOpen = this.#state.is !== 'closed'
    if (this.#state.is === 'open' && this.#state.permanent === permanent) return false
    const openMs = permanent ? this.settings.permanentOpenMs : this.#backoff.next()
    this.#state = { is: transition(BREAKER_TRANSITIONS, this.#state.is, 'trip'), until: now + openMs, permanent }
    return !wasOpen
  }

  /** The prober's success. Closes after `rise` passes in a row, or after one when nothing else could serve. */
  probePassed(now: Instant, rise: number): boolean {
    this.success()
    if (this.#state.is === 'closed') return false
    if (this.#state.is === 'open' && now < this.#state.until && rise > 1) return false
    const passes = this.#state.is === 'half-open' ? this.#state.passes + 1 : 1
    if (passes < rise) {
      this.#state = { is: transition(BREAKER_TRANSITIONS, this.#state.is, 'pass'), passes }
      return false
    }
    this.#state = { is: transition(BREAKER_TRANSITIONS, this.#state.is, 'close') }
    // Fresh counters: cockatiel's keep their samples, so that one failure after closing would reopen (measured, 3.2.1).
    this.#consecutive = this.#newConsecutive()
    this.#count = this.#newCount()
    return true
  }

  /** The prober's failure: a half-open breaker opens again, an open one starts its rise anew. */
  probeFailed(now: Instant): void {
    if (this.#state.is !== 'half-open') return
    const is = transition(BREAKER_TRANSITIONS, this.#state.is, 'fail')
    this.#state = { is, until: now + this.#backoff.next(), permanent: false }
  }

  /** Welcome, restore, resubscribe and a stable time are behind us: only now are the waits short again. */
  settle(): void {
    this.#backoff.reset()
  }

  /** Own network lost or own sleep: the time did not count. */
  shift(byMs: DurationMs): void {
    if (this.#state.is === 'open') this.#state = { ...this.#state, until: this.#state.until + byMs }
  }

  #newConsecutive(): ConsecutiveBreaker {
    return new ConsecutiveBreaker(this.settings.consecutive)
  }

  #newCount(): CountBreaker {
    const { failures, window } = this.settings
    // cockatiel opens *above* the threshold, so it lies half a failure below: 5 of 10 is 0.45. Always between 0 and 1,
    // and further from a whole count than rounding reaches, up to the largest window.
    return new CountBreaker({ threshold: (failures - 0.5) / window, size: window, minimumNumberOfCalls: window })
  }
}
