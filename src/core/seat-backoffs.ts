/** Waits between attempts, per endpoint: an untried standby does not inherit the primary's. */
import { Backoff } from './backoff'
import type { Random } from './random'
import type { ConnectSettings } from './settings'
import { NEVER, type DurationMs, type Instant } from './time'

interface Waiting {
  readonly backoff: Backoff
  until: Instant
}

export class SeatBackoffs {
  readonly #entries = new Map<string, Waiting>()

  constructor(
    private readonly settings: ConnectSettings,
    private readonly random: Random,
  ) {}

  /** An attempt failed: not before the drawn wait, nor before what the server asked for. Returns the wait. */
  bar(now: Instant, endpointId: string, askedMs: DurationMs): DurationMs {
    const entry = this.#entries.get(endpointId) ?? this.#fresh(now)
    this.#entries.set(endpointId, entry)
    const waitMs = Math.max(askedMs, entry.backoff.next())
    entry.until = now + waitMs
    return waitMs
  }

  /**
   * A live connection there was lost. Once is no failure; again before it was stable is one, or a server that welcomes
   * and closes (a drain that is over, a crash loop) would be dialled without end.
   */
  lost(now: Instant, endpointId: string): void {
    if (this.#entries.has(endpointId)) this.bar(now, endpointId, 0)
    else this.#entries.set(endpointId, this.#fresh(now))
  }

  /** When this endpoint may be dialled again. */
  barredUntil(endpointId: string): Instant {
    return this.#entries.get(endpointId)?.until ?? -NEVER
  }

  /** The next instant at which some endpoint may be dialled again. */
  next(now: Instant): Instant {
    let at = NEVER
    for (const { until } of this.#entries.values()) if (until > now) at = Math.min(at, until)
    return at
  }

  /** It has been stable there: the waits are short again. */
  forget(endpointId: string): void {
    this.#entries.delete(endpointId)
  }

  #fresh(now: Instant): Waiting {
    const { backoffMs, maxBackoffMs } = this.settings
    return { backoff: new Backoff({ baseMs: backoffMs, maxMs: maxBackoffMs }, this.random), until: now }
  }
}
