/**
 * The judge: turns probe results, in-band readiness and traffic into what is known of each endpoint and server. It has
 * no opinion about who should be where; that is the seat's, by `choose`.
 */
import type { Standing } from './choose'
import { Designation } from './designation'
import { errorPage, HARD, PERMANENT, PROVES_NETWORK, type Endpoint } from './endpoint'
import { LIVENESS_TRANSITIONS } from './endpoint-transitions'
import { Fence } from './fence'
import type { EndpointSeed, EndpointSource, PoolEffect, ProbeResult, TrafficOutcome } from './pool-protocol'
import type { Random } from './random'
import { ReadinessBook, type Saying, type Word } from './readiness-book'
import type { NetworkFailure } from './road'
import { Roster } from './roster'
import type { PoolSettings } from './settings'
import type { Instant } from './time'
import { transition } from './transitions'
import { PROTOCOL_VERSION, type ReadinessBody } from './wire'

/** A probe of this endpoint is wanted now (soft evidence, an answer that contradicts the beats, a returning server). */
export type Urge = (endpointId: string, minGapMs: number) => void

type Page = Extract<ProbeResult, { is: 'alive' }>

const SOFT_GAP_MS = 500
/** A hard failure is confirmed at once: this gap only keeps a burst of failures from becoming a burst of probes. */
const CONFIRM_GAP_MS = 50
const SOFT_STATUSES: ReadonlySet<number> = new Set([500, 502, 504])

export class Judge {
  readonly roster: Roster
  readonly book = new ReadinessBook()
  readonly #fences = new Map<string | undefined, Fence>()
  readonly #warned = new Set<string>()
  readonly designation = new Designation()
  /** The reference answered while all endpoints failed: the network is fine. Unknown without a reference. */
  networkProven = false

  constructor(
    private readonly settings: PoolSettings,
    random: Random,
    private readonly emit: (effect: PoolEffect) => void,
    private readonly urge: Urge,
  ) {
    this.roster = new Roster(settings.breaker, random)
  }

  fence(ucc: string | undefined): Fence {
    let fence = this.#fences.get(ucc)
    if (fence === undefined) this.#fences.set(ucc, (fence = new Fence(this.settings.failover.fenceMs)))
    return fence
  }

  fences(): IterableIterator<[string | undefined, Fence]> {
    return this.#fences.entries()
  }

  word(endpoint: Endpoint, ucc: string | undefined): Word | undefined {
    return this.book.word(endpoint.server, ucc)
  }

  merge(now: Instant, source: EndpointSource, seeds: readonly EndpointSeed[], name?: string): void {
    const { added, removed } = this.roster.merge(now, source, seeds, name)
    if (added.length + removed.length > 0) this.emit({ type: 'topology-changed', source, added, removed })
  }

  /** What Choose needs of everybody, for one UCC. */
  standings(ucc: string | undefined): Standing[] {
    return this.roster.present().map((endpoint) => this.standing(endpoint, ucc))
  }

  standing(endpoint: Endpoint, ucc: string | undefined): Standing {
    const word = this.word(endpoint, ucc)
    const ready = endpoint.contract === 'absent' ? endpoint.liveness.is === 'up' : this.running(word, ucc)
    return {
      endpointId: endpoint.id,
      server: endpoint.server,
      candidate:
        ready &&
        endpoint.breaker.state.is === 'closed' &&
        !endpoint.unauthorized &&
        word?.draining !== true &&
        this.fence(ucc).allows(word?.term),
      term: word?.term,
      designated: this.designation.current === endpoint.id,
      rank: endpoint.seed.rank,
      order: endpoint.order,
    }
  }

  /**
   * Has a question of this instant been answered for this UCC, or failed? An answer about another UCC of the same
   * endpoint is none.
   */
  triedSince(endpoint: Endpoint, ucc: string | undefined, since: Instant): boolean {
    const { liveness } = endpoint
    return liveness.is === 'down' ? liveness.at >= since : this.saidSince(endpoint, ucc, since)
  }

  /** Did the server there speak of this UCC since an instant? What came in band in that very instant came before. */
  saidSince(endpoint: Endpoint, ucc: string | undefined, since: Instant): boolean {
    if (endpoint.contract === 'absent') return endpoint.answeredSince(since)
    const word = this.word(endpoint, ucc)
    return word !== undefined && (word.at > since || word.probedAt >= since)
  }

  /** `unknown` serves a client that names no UCC: then liveness is all there is to ask. */
  running(word: Word | undefined, ucc: string | undefined): boolean {
    return word?.state === 'running' || (ucc === undefined && word?.state === 'unknown')
  }

  probed(now: Instant, endpoint: Endpoint, ucc: string | undefined, result: ProbeResult): void {
    if (result.is === 'failed') this.#missed(now, endpoint, ucc, result.failure)
    else if (result.is === 'ready') this.#ready(now, endpoint, ucc, result.body, result.rttMs)
    else this.#alive(now, endpoint, ucc, result)
  }

  /** Readiness learned in band, of the server that said it. */
  heard(now: Instant, endpoint: Endpoint, server: string, ucc: string | undefined, saying: Saying): void {
    if (saying.via === 'welcome') {
      // Only a new connection says where the road leads now: the beats of an old one speak for the server left behind.
      // It does not say whether readiness can be asked there: only an answer does.
      this.#namedServer(now, endpoint, server)
    }
    if (saying.state === 'running') endpoint.failsTraffic = false
    this.#hear(now, endpoint, server, ucc, saying)
  }

  /** Evidence from traffic. Hard counts; soft asks for a probe, which counts when it fails too; the rest is nothing. */
  evidence(now: Instant, endpoint: Endpoint, outcome: TrafficOutcome): void {
    if (outcome.type === 'timeout') return this.#soft(endpoint)
    if (outcome.type === 'failure') {
      const { failure } = outcome
      if (failure.kind === 'aborted') return
      endpoint.lastError = failure.code ?? failure.message
      if (HARD.has(failure.kind)) this.#count(now, endpoint, failure)
      const confirm = HARD.has(failure.kind) && endpoint.breaker.state.is === 'closed'
      return this.urge(endpoint.id, confirm ? CONFIRM_GAP_MS : SOFT_GAP_MS)
    }
    const soft = SOFT_STATUSES.has(outcome.status) || (outcome.status === 503 && !outcome.retryAfter)
    if (soft) this.#soft(endpoint)
    else if (outcome.status < 500) endpoint.served()
  }

  /** Counted when readiness, asked at once, fails too: there an error page in its place is a failure. */
  #soft(endpoint: Endpoint): void {
    endpoint.failsTraffic = true
    this.urge(endpoint.id, SOFT_GAP_MS)
  }

  /** One hard failure without a failure object: a connection went silent while another server runs. */
  silent(now: Instant, endpoint: Endpoint): void {
    endpoint.lastError = 'silent'
    // Its last answer holds, but it is no proof that it could be gone back to: the hold-down begins with the next one.
    this.book.interrupt(endpoint.server)
    if (endpoint.breaker.failure(now)) this.#condemned(endpoint, 'server-silent')
  }

  /** Once per endpoint and code, so that a lasting fault is one warning. */
  warnOnce(code: string, sentence: string, endpointId?: string, cause?: unknown): void {
    const key = `${code} ${endpointId ?? ''}`
    if (this.#warned.has(key)) return
    this.#warned.add(key)
    this.emit({ type: 'warning', code, sentence, ...(endpointId === undefined ? {} : { endpointId }), cause })
  }

  forgetWarning(code: string, endpointId?: string): void {
    if (this.#warned.size > 0) this.#warned.delete(`${code} ${endpointId ?? ''}`)
  }

  #ready(now: Instant, endpoint: Endpoint, ucc: string | undefined, body: ReadinessBody, rttMs: number): void {
    endpoint.contract = 'present'
    endpoint.failsTraffic = false
    this.forgetWarning('FOREIGN_READINESS', endpoint.id)
    this.#namedServer(now, endpoint, body.server)
    this.#passed(now, endpoint, ucc, rttMs)
    this.#hear(now, endpoint, body.server, ucc, {
      state: body.state,
      term: body.term,
      load: body.load,
      draining: body.draining ?? false,
      via: 'probe',
      askedAt: now - rttMs,
    })
    if (!body.versions.includes(PROTOCOL_VERSION)) {
      const spoken = body.versions.join(', ')
      const sentence = `${body.server} speaks version ${spoken} of the contract, not ${PROTOCOL_VERSION}.`
      this.warnOnce('STANDBY_VERSION', sentence, endpoint.id)
    }
    if (ucc !== undefined && body.state === 'unknown') {
      const sentence = `${body.server} does not know the UCC "${ucc}": it could not take over.`
      this.warnOnce('UNKNOWN_UCC', sentence, endpoint.id)
    }
  }

  #alive(now: Instant, endpoint: Endpoint, ucc: string | undefined, { rttMs, status }: Page): void {
    if (endpoint.isBrokenBy(status)) return this.#missed(now, endpoint, ucc, errorPage(status))
    if (endpoint.contract === 'present') {
      // It used to speak the contract: this page is a captive portal or a proxy's, and says nothing of the server.
      const sentence = `${endpoint.seed.name} answered ${status} with something else than readiness.`
      return this.warnOnce('FOREIGN_READINESS', sentence, endpoint.id)
    }
    endpoint.contract = 'absent'
    const how = 'judged by liveness and traffic, so a stopped UCC is not seen'
    this.warnOnce('NO_READINESS_CONTRACT', `${endpoint.seed.name} offers no readiness: ${how}.`, endpoint.id)
    this.#passed(now, endpoint, ucc, rttMs)
  }

  #passed(now: Instant, endpoint: Endpoint, ucc: string | undefined, rttMs: number): void {
    endpoint.liveness = { is: transition(LIVENESS_TRANSITIONS, endpoint.liveness.is, 'answered'), at: now }
    endpoint.answered()
    endpoint.rttMs = rttMs
    endpoint.lastError = undefined
    if (!endpoint.passed.hear(ucc)) return endpoint.breaker.success()
    if (endpoint.breaker.probePassed(now, this.#riseOf(endpoint))) {
      this.#changed(endpoint, 'breaker-closed', `${endpoint.seed.name} answers again.`)
    }
  }

  /** One pass is enough when nobody else could serve. */
  #riseOf(endpoint: Endpoint): number {
    const others = this.roster.present().some((other) => other !== endpoint && other.breaker.state.is === 'closed')
    return others ? this.settings.health.rise : 1
  }

  #missed(now: Instant, endpoint: Endpoint, ucc: string | undefined, failure: NetworkFailure): void {
    if (failure.kind === 'aborted') return
    const is = transition(LIVENESS_TRANSITIONS, endpoint.liveness.is, 'missed')
    endpoint.liveness = { is, at: now, kind: failure.kind }
    endpoint.lastError = failure.code ?? failure.message
    endpoint.passed.reset()
    const counts = endpoint.missed.hear(ucc)
    if (failure.kind !== 'refused') endpoint.refused.reset()
    const refused = failure.kind === 'refused' && endpoint.refused.hear(ucc)
    endpoint.breaker.probeFailed(now)
    if (counts) this.#count(now, endpoint, failure)
    // A refused connection confirmed once is down; anything else needs `fall` misses.
    if (refused && endpoint.refused.count === 1) this.urge(endpoint.id, CONFIRM_GAP_MS)
    const down = endpoint.refused.count >= 2 || endpoint.misses >= this.settings.health.fall
    if (down && this.#isTheirs(endpoint, failure)) this.#trip(now, endpoint, failure)
  }

  #count(now: Instant, endpoint: Endpoint, failure: NetworkFailure): void {
    if (!this.#isTheirs(endpoint, failure)) return
    if (PERMANENT.has(failure.kind)) return this.#trip(now, endpoint, failure)
    if (endpoint.breaker.failure(now)) this.#condemned(endpoint, failure.kind)
  }

  #trip(now: Instant, endpoint: Endpoint, failure: NetworkFailure): void {
    const permanent = PERMANENT.has(failure.kind)
    if (permanent) {
      const code = failure.kind === 'certificate' ? 'CERTIFICATE' : 'BLOCKED'
      this.warnOnce(code, `${endpoint.seed.name}: ${failure.message}`, endpoint.id, failure.cause)
    }
    if (endpoint.breaker.trip(now, permanent)) this.#condemned(endpoint, failure.kind)
  }

  /**
   * "It is me" or "it is them": a failure that does not prove that the network works is held against an endpoint only
   * while another one answers (or the reference does).
   */
  #isTheirs(endpoint: Endpoint, failure: NetworkFailure): boolean {
    if (PROVES_NETWORK.has(failure.kind) || failure.kind === 'blocked' || this.networkProven) return true
    return this.roster.all().some((other) => other !== endpoint && other.liveness.is === 'up')
  }

  #condemned(endpoint: Endpoint, reason: string): void {
    // A new generation: nothing may reuse a keep-alive socket of the old one.
    endpoint.generation += 1
    this.book.interrupt(endpoint.server)
    this.emit({ type: 'release', endpointId: endpoint.id, generation: endpoint.generation })
    this.#changed(endpoint, 'breaker-open', `${endpoint.seed.name} is not used: ${reason}.`)
  }

  #namedServer(now: Instant, endpoint: Endpoint, server: string): void {
    if (endpoint.server === server) return
    const before = endpoint.server
    endpoint.server = server
    if (before === undefined) return this.#secondRoad(endpoint, server)
    endpoint.forgetRefusal()
    endpoint.repoint(now)
    endpoint.generation += 1
    this.emit({ type: 'release', endpointId: endpoint.id, generation: endpoint.generation })
    this.#changed(endpoint, 're-pointed', `${endpoint.seed.name} led to ${before} and now leads to ${server}.`)
  }

  /** Of a server that is known by another endpoint nothing is new but the road. */
  #secondRoad(endpoint: Endpoint, server: string): void {
    const first = this.roster.present().find((one) => one !== endpoint && one.server === server)
    if (first === undefined) return
    this.#changed(endpoint, 'second-road', `${endpoint.seed.name} leads to ${server}, as ${first.seed.name} does.`)
  }

  #hear(now: Instant, endpoint: Endpoint, server: string, ucc: string | undefined, saying: Saying): void {
    const before = this.book.word(server, ucc)?.term
    const { changed, again } = this.book.hear(now, server, ucc, saying)
    const word = this.book.word(server, ucc)
    // Events prove what the server said last, its term too: on a busy topic no beat repeats it. And a term that was
    // announced is announced, also where beats are outvoted and their word does not count.
    const announced = saying.term ?? word?.term
    if (announced !== undefined) this.fence(ucc).announce(now, server, announced)
    // A new life of the UCC: what it thinks of the token is open again.
    if (before !== undefined && (word?.term ?? before) > before) endpoint.forgetRefusal()
    if (again) this.urge(endpoint.id, this.settings.health.edgeIntervalMs)
    if (!changed) return
    const term = word?.term === undefined ? '' : `, term ${word.term}`
    const name = ucc === undefined ? 'its UCC' : `UCC ${ucc}`
    this.#changed(endpoint, 'readiness', `${server}: ${name} is ${word?.state ?? 'unknown'}${term} (${saying.via}).`)
  }

  #changed(endpoint: Endpoint, reason: string, sentence: string): void {
    this.emit({ type: 'endpoint-changed', endpointId: endpoint.id, reason, sentence })
  }
}
