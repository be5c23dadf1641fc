/** What a seat can see: pure questions to the judge about one UCC. */
import { choose, preferred, type Standing } from './choose'
import { PROVES_NETWORK, type Endpoint } from './endpoint'
import type { Judge } from './judge'
import type { OfflineReason, SeatCondition } from './pool-protocol'
import type { Word } from './readiness-book'
import { readyAt } from './seat-places'
import type { ActiveMove, Place, Settled } from './seat-state'
import type { PoolSettings } from './settings'
import { spreadWindow } from './spread'
import { NEVER, type DurationMs, type Instant } from './time'
import type { ReadinessState } from './wire'

/** A probe that fails while in-band proof is younger than this condemns nobody. */
const PROOF_FRESH_MS = 3000
export class SeatView {
  constructor(
    private readonly facts: Judge,
    private readonly ucc: string | undefined,
    private readonly settings: PoolSettings,
  ) {}

  /** Does this place serve the UCC now? A healthy live connection outweighs probes that fail. */
  serves(place: Settled): boolean {
    const endpoint = this.facts.roster.get(place.endpointId)
    if (endpoint === undefined) return false
    const word = this.wordOf(place, endpoint)
    // Without the readiness contract liveness is enough, unless the live connection itself says otherwise.
    if (word === undefined ? endpoint.contract !== 'absent' : !this.facts.running(word, this.ucc)) return false
    if (place.is === 'routing') return this.#routes(endpoint, place.since)
    const proven =
      word !== undefined && endpoint.liveness.is === 'down' && endpoint.liveness.at - word.at < PROOF_FRESH_MS
    return endpoint.misses < this.settings.health.fall || proven || endpoint.contract === 'absent'
  }

  /**
   * The road for a request: where the seat goes or is, else the best candidate. Avoided endpoints come last: they are
   * named when nothing else is a candidate, and whoever avoids them waits as it must.
   */
  route(
    place: Place,
    target: string | undefined,
    avoid: readonly string[],
    asked: string | undefined,
  ): Endpoint | undefined {
    const isHere = place.is !== 'searching' && this.serves(place) && this.#leadsThere(place)
    const usual = target ?? (isHere ? place.endpointId : undefined)
    if (usual !== undefined && !avoid.includes(usual)) return this.facts.roster.get(usual)
    if (place.is === 'searching' && place.search.is === 'comparing' && avoid.length === 0) return undefined
    // After a loss only what answered since counts: a passive server's 200 is never an answer.
    const since = place.is === 'searching' ? place.since : -NEVER
    const said = this.facts.roster.present().filter((endpoint) => this.facts.saidSince(endpoint, this.ucc, since))
    const standings = said.map((endpoint) => this.facts.standing(endpoint, this.ucc))
    const others = standings.filter((standing) => !avoid.includes(standing.endpointId))
    const best = preferred(others, asked)?.endpointId ?? usual ?? preferred(standings, asked)?.endpointId
    return best === undefined ? undefined : this.facts.roster.get(best)
  }

  /**
   * A connection holds on to its server when its endpoint is re-pointed; a request goes to whoever is there now. Where
   * that one does not run the UCC, another road is taken.
   */
  #leadsThere({ endpointId, server }: Settled): boolean {
    const endpoint = this.facts.roster.get(endpointId)
    if (endpoint === undefined || server === undefined || endpoint.server === server) return true
    return endpoint.contract === 'absent' || this.facts.running(this.facts.word(endpoint, this.ucc), this.ucc)
  }

  /** The target of a move has been found down, without the UCC, or below the fence since the move began. */
  isHopeless({ plan, startedAt }: ActiveMove): boolean {
    const endpoint = this.facts.roster.get(plan.to)
    if (endpoint === undefined) return true
    const { liveness, breaker, contract } = endpoint
    if (liveness.is === 'down' && liveness.at > startedAt && breaker.state.is !== 'closed') return true
    const word = this.facts.word(endpoint, this.ucc)
    if (!this.facts.fence(this.ucc).allows(word?.term)) return true
    // Also in the very instant in which it began: nobody sets out for a server that is known not to run.
    return contract === 'present' && word !== undefined && word.at >= startedAt && !this.facts.running(word, this.ucc)
  }

  readinessOf(endpointId: string): ReadinessState {
    const endpoint = this.facts.roster.get(endpointId)
    return (endpoint === undefined ? undefined : this.facts.word(endpoint, this.ucc)?.state) ?? 'unknown'
  }

  /** What to show of this place. `before` is kept where nothing new can be said. */
  condition(
    place: Place,
    facts: { readonly moving: boolean; readonly everServed: boolean; readonly before: SeatCondition },
  ): SeatCondition {
    if (place.is !== 'searching')
      return place.trust.is === 'trusted' ? { is: 'serving' } : this.#suspect(place.trust.since)
    // A candidate is in use; only its live connection is being opened.
    if (place.reason === 'start' && facts.everServed && (facts.moving || facts.before.is === 'serving'))
      return { is: 'serving' }
    const waiting: SeatCondition = { is: 'connecting' }
    // Out of nothing a road is tried: told when it carries.
    if (facts.moving && facts.before.is === 'offline') return facts.before
    if (facts.moving) return facts.everServed ? { is: 'degraded', why: 'moving' } : waiting
    const lost: SeatCondition = facts.everServed ? { is: 'degraded', why: 'lost' } : waiting
    // Somebody runs and may be dialled again soon: that is no lack of candidates, only the wait between two attempts.
    if (readyAt(place) !== undefined || this.#isOffered(place.since)) return lost
    const isOffline = facts.before.is === 'offline' || this.#allTried(place.since)
    return isOffline ? { is: 'offline', reason: this.offlineReason() } : lost
  }

  /** The spread window W of a move between these two. */
  windowMs(from: Endpoint, to: Standing | undefined, announcedMs: DurationMs | undefined): DurationMs {
    const left = this.facts.word(from, this.ucc)?.load
    const dialled = to === undefined ? undefined : this.facts.book.word(to.server, this.ucc)?.load
    return spreadWindow(
      {
        ...(announcedMs === undefined ? {} : { announcedMs }),
        ...(left === undefined ? {} : { left }),
        ...(dialled === undefined ? {} : { dialled }),
      },
      this.settings.failover,
    )
  }

  /** The same before the target is known: the best candidate of the moment stands for it. */
  windowFrom(from: Endpoint, announcedMs: DurationMs | undefined): DurationMs {
    const best = choose(this.facts.standings(this.ucc), { endpointId: from.id, serves: false })
    return this.windowMs(from, best.do === 'failover' ? best.to : undefined, announcedMs)
  }

  offlineReason(): OfflineReason {
    const roster = this.facts.roster.present()
    const up = roster.filter((one) => one.liveness.is === 'up')
    const running = up.filter(
      (one) => one.contract === 'absent' || this.facts.running(this.facts.word(one, this.ucc), this.ucc),
    )
    if (running.length > 0 && running.every((one) => one.unauthorized)) return 'unauthorized'
    if (up.length > 0) return 'starting'
    const proven = roster.some((one) => one.liveness.is === 'down' && PROVES_NETWORK.has(one.liveness.kind))
    return proven || this.facts.networkProven ? 'servers' : 'network'
  }

  #suspect(since: Instant): SeatCondition {
    const nobody = this.facts.roster.present().every((one) => one.liveness.is === 'down' && one.liveness.at >= since)
    return nobody ? { is: 'offline', reason: this.offlineReason() } : { is: 'degraded', why: 'suspect' }
  }

  /** Has somebody who may be attached to answered `running` since then? */
  #isOffered(since: Instant): boolean {
    return this.facts.roster.present().some((one) => {
      const word = this.facts.word(one, this.ucc)
      if (!this.facts.saidSince(one, this.ucc, since) || one.unauthorized) return false
      if (one.contract === 'absent') return true
      return this.facts.running(word, this.ucc) && this.facts.fence(this.ucc).allows(word?.term)
    })
  }

  /** The word that counts here: of the server that welcomed the connection, else of who answers now. */
  wordOf(place: Settled, endpoint: Endpoint): Word | undefined {
    return place.server === undefined
      ? this.facts.word(endpoint, this.ucc)
      : this.facts.book.word(place.server, this.ucc)
  }

  /**
   * Can requests go there? An open breaker bars nobody who answers while there is no other candidate. Only what was
   * heard since the seat came here speaks against it: on what was known before it was chosen, and to leave for that
   * would be to choose it again, in the same instant and without end.
   */
  #routes(endpoint: Endpoint, since: Instant): boolean {
    const { liveness, misses } = endpoint
    if (liveness.is === 'down' && liveness.at > since && (misses >= this.settings.health.fall || this.#allDown()))
      return false
    if (endpoint.breaker.state.is === 'closed') return true
    const others = this.facts.roster
      .present()
      .filter((one) => one !== endpoint && (one.server === undefined || one.server !== endpoint.server))
      .filter((one) => this.facts.saidSince(one, this.ucc, since))
      .map((one) => this.facts.standing(one, this.ucc))
    const answers = liveness.is === 'up' || (liveness.is === 'down' && liveness.at <= since)
    return answers && preferred(others) === undefined
  }

  #allDown(): boolean {
    return this.facts.roster.present().every((one) => one.liveness.is === 'down')
  }

  #allTried(since: Instant): boolean {
    const roster = this.facts.roster.present()
    return roster.length > 0 && roster.every((one) => this.facts.triedSince(one, this.ucc, since))
  }
}
