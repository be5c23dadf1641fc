/**
 * Which endpoints refuse WebSocket upgrades (a proxy strips them): two failed handshakes where somebody answered, and
 * the event stream is taken there; WebSocket is tried again at the next connection after ten minutes. A transport
 * downgrade says nothing against the endpoint.
 */
import type { Link } from './link'
import type { SessionEffect, SessionInput } from './session-protocol'
import { NEVER, type DurationMs, type Instant } from './time'

const DOWNGRADE_MS: DurationMs = 600_000
const FAILURES = 2

export class Upgrades {
  readonly #entries = new Map<string, { failed: number; downgradedUntil: Instant }>()

  isDowngraded(now: Instant, endpointId: string): boolean {
    return (this.#entries.get(endpointId)?.downgradedUntil ?? -NEVER) > now
  }

  /** A link closed: a handshake that failed though it reached somebody counts. Says so when it downgrades. */
  closed(now: Instant, link: Link, close: Extract<SessionInput, { type: 'link-closed' }>): SessionEffect | undefined {
    if (link.phase.is !== 'dialling' || link.downgraded || link.socketOpen) return undefined
    // A page sees nothing of a refused handshake; readiness has answered, or nobody would have dialled.
    if (close.status === undefined && close.failure !== undefined && close.failure.kind !== 'opaque') return undefined
    const { endpointId } = link.road
    const entry = this.#entries.get(endpointId) ?? { failed: 0, downgradedUntil: -NEVER }
    this.#entries.set(endpointId, entry)
    entry.failed += 1
    if (entry.failed < FAILURES) return undefined
    entry.failed = 0
    entry.downgradedUntil = now + DOWNGRADE_MS
    const sentence = `${endpointId} refuses WebSocket upgrades: the event stream is used there for 10 minutes.`
    return { type: 'warning', code: 'TRANSPORT_DOWNGRADE', sentence, endpointId }
  }

  /** A WebSocket was welcomed there. */
  succeeded(endpointId: string): void {
    this.#entries.delete(endpointId)
  }
}
