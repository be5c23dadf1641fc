/**
 * How often an endpoint is asked for its readiness, from the facts of the moment: at the edge cadence where a change is
 * expected, seldom where beats prove it or nobody waits, never faster than a fallen server can bear.
 */
import type { Endpoint } from './endpoint'
import type { Judge } from './judge'
import type { ProbeKey } from './prober'
import type { Seat } from './seat'
import type { PoolSettings } from './settings'
import { spreadWindow } from './spread'
import { NEVER, type DurationMs, type Instant } from './time'

/** With every endpoint down, each is asked once a second: cheap, for ever, and soon enough. */
const ALL_DOWN_MS = 1000

export class Cadence {
  /** The page is hidden: nobody looks. */
  hidden = false
  /** An answer here contradicted the beats, or traffic failed softly: ask once more at the edge cadence. */
  readonly #recheck = new Set<string>()

  constructor(
    private readonly settings: PoolSettings,
    private readonly judge: Judge,
    private readonly seats: () => Iterable<Seat>,
  ) {}

  recheck(endpointId: string): void {
    this.#recheck.add(endpointId)
  }

  asked(endpointId: string): void {
    this.#recheck.delete(endpointId)
  }

  /** When this schedule is due next. `unit` is its own rhythm around 1. */
  readonly nextAt = (key: ProbeKey, lastAt: Instant, unit: number): Instant => {
    const { health } = this.settings
    const endpoint = this.judge.roster.get(key.endpointId)
    if (endpoint === undefined) return NEVER
    const edgeAt = (): Instant => lastAt + unit * this.#edgeMs(endpoint, key.ucc)
    let inUse = false
    for (const seat of this.seats()) {
      if (seat.who.ucc !== key.ucc) continue
      if (seat.watchful) return edgeAt()
      inUse ||= isInUse(seat, endpoint)
    }
    const missing = endpoint.misses > 0 && endpoint.misses < health.fall
    const returning = endpoint.breaker.state.is !== 'closed' && endpoint.liveness.is === 'up'
    if (missing || returning || endpoint.isSettling || this.#recheck.has(endpoint.id)) return edgeAt()
    if (this.hidden) return lastAt + unit * health.hiddenIntervalMs
    const standbyAt = lastAt + unit * health.standbyIntervalMs
    if (!inUse) return standbyAt
    const proofAt = this.judge.word(endpoint, key.ucc)?.at ?? -NEVER
    return Math.min(standbyAt, Math.max(lastAt, proofAt) + unit * health.activeIntervalMs)
  }

  /** Half the spread window where that is longer: a whole fleet asks. */
  #edgeMs(endpoint: Endpoint, ucc: string | undefined): DurationMs {
    const load = this.judge.word(endpoint, ucc)?.load
    // Those who ask a standby are the clients of the active server: its own count says nothing.
    const clients = this.judge.roster.present().flatMap((one) => this.judge.word(one, ucc)?.load?.clients ?? [])
    const left = clients.length === 0 ? {} : { clients: Math.max(...clients) }
    // Without any announcement the default window is about moves; asking goes at the plain edge cadence.
    const windowMs = load === undefined ? 0 : spreadWindow({ left, dialled: load }, this.settings.failover)
    const allDown = this.judge.roster.present().every((one) => one.liveness.is === 'down')
    return allDown ? Math.max(ALL_DOWN_MS, windowMs) : Math.max(this.settings.health.edgeIntervalMs, windowMs / 2)
  }
}

function isInUse(seat: Seat, endpoint: Endpoint): boolean {
  const here = seat.place.is === 'searching' ? undefined : seat.place.endpointId
  return here === endpoint.id || seat.move?.plan.to === endpoint.id
}
