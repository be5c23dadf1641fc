/**
 * The Pool machine: one per dedicated hostname, shared by all its clients. Inputs are what was answered and seen;
 * effects say whom to ask, and where each seat should be. It does no I/O, knows no clock and arms no timer:
 *
 *     handle(now, input) → effects        deadline() → when to send `tick`
 *
 * After every input the machine settles: all seats look at the facts again, then what is due is asked.
 */
import { Cadence } from './cadence'
import type { Endpoint } from './endpoint'
import { EqualTerms } from './equal-terms'
import { Judge } from './judge'
import { Prober, type Attempt } from './prober'
import type { PoolEffect, PoolInput, ProbeResult, SeatId } from './pool-protocol'
import type { Random } from './random'
import { Seat } from './seat'
import type { SeatContext } from './seat-context'
import type { PoolSettings } from './settings'
import { Standbys } from './standbys'
import { NEVER, type DurationMs, type Instant } from './time'

/** Longer than the question may take, so that no two are under way. */
const REFERENCE_AGAIN_MS = 2000

export class PoolMachine {
  readonly judge: Judge
  readonly #seats = new Map<SeatId, Seat>()
  readonly #prober: Prober
  readonly #cadence: Cadence
  readonly #standbys: Standbys
  readonly #equalTerms: EqualTerms
  #effects: PoolEffect[] = []
  #lastMove = 0
  #lastQuestion = 0
  #referenceAskedAt: Instant = -NEVER
  /** The roster that the schedules of probes were made for; nothing when the seats have changed since. */
  #scheduledRoster: number | undefined

  constructor(
    private readonly settings: PoolSettings,
    private readonly random: Random,
  ) {
    this.#prober = new Prober(settings.health, random)
    const emit = (effect: PoolEffect): void => void this.#effects.push(effect)
    this.judge = new Judge(settings, random, emit, (endpointId, minGapMs) => this.#urge(endpointId, minGapMs))
    this.#cadence = new Cadence(settings, this.judge, () => this.#seats.values())
    this.#standbys = new Standbys(this.judge, emit)
    this.#equalTerms = new EqualTerms(this.judge)
  }

  seat(id: SeatId): Seat | undefined {
    return this.#seats.get(id)
  }

  endpoints(): Endpoint[] {
    return this.judge.roster.all()
  }

  /** The one way in. Never throws for what came from outside. */
  handle(now: Instant, input: PoolInput): readonly PoolEffect[] {
    this.#now = now
    this.#take(now, input)
    this.#settle(now)
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** When the next `tick` is due. */
  deadline(): Instant {
    let at = Math.min(
      this.#prober.deadline(this.#cadence.nextAt),
      this.judge.roster.deadline((id) => this.#used(id)),
    )
    for (const seat of this.#seats.values()) at = Math.min(at, seat.deadline())
    for (const [, fence] of this.judge.fences()) at = Math.min(at, fence.deadline())
    return at
  }

  #now: Instant = 0

  #take(now: Instant, input: PoolInput): void {
    switch (input.type) {
      case 'endpoints':
        return this.judge.merge(now, input.source, input.seeds, input.name)
      case 'probed':
        return this.#probed(now, input.attempt, input.result)
      case 'reference':
        this.judge.networkProven = input.reachable
        return
      case 'evidence':
        return this.#evidence(now, input)
      case 'readiness':
        return this.#heard(now, input)
      case 'hidden':
        this.#cadence.hidden = input.hidden
        return input.hidden ? undefined : this.#prober.urge(now, () => true, this.settings.health.edgeIntervalMs)
      case 'check':
        return this.#prober.urge(now, () => true)
      case 'pause':
        return this.#pause(now, input.lateMs, input.uncountedMs ?? 0)
      case 'designated':
        return this.judge.designation.hear(now, input.endpointId)
      case 'token':
        return this.#token(now, input)
      case 'sequence-space':
        return this.#equalTerms.hear(input.ucc, input.topic, input.server, input.epoch)
      case 'token-renewed':
        return this.#tokenRenewed(input.endpointId)
      case 'tick':
        return this.#tick(now)
      default:
        return this.#toSeat(now, input)
    }
  }

  #toSeat(now: Instant, input: Extract<PoolInput, { seat: SeatId }>): void {
    if (input.type === 'seat-open') return this.#open(now, input)
    const seat = this.#seats.get(input.seat)
    if (seat === undefined) return
    switch (input.type) {
      case 'seat-close':
        seat.closed()
        this.#seats.delete(input.seat)
        this.#scheduledRoster = undefined
        this.#standbys.closed(input.seat)
        return
      case 'seat-live':
        return seat.wantLive(now)
      case 'seat-needs-road':
        return seat.needsRoad(now)
      case 'seat-suspect':
        return seat.suspect(now, input.lastProof)
      case 'seat-unanswered':
        return seat.unanswered(now, input.lastProof)
      case 'seat-clear':
        return seat.clear(now)
      case 'seat-lost':
        return seat.lost(now, input.cause, input.lastProof)
      case 'seat-welcomed':
        return seat.welcomed(input.move, input.server, input.spreadMs)
      case 'seat-committed':
        return seat.committed(now, input.move, input.live)
      case 'seat-stable':
        return seat.stable()
      case 'seat-failed':
        return seat.failed(now, input.move, input.cause)
      case 'goaway':
        return seat.goaway(now, input.leaveWithinMs, input.spreadMs)
      case 'topic-silent':
        return seat.topicSilent(now, input.silent)
      case 'ask-move':
        return seat.ask(input)
      case 'can-move':
        return seat.answered(now, input.question, input.allowed)
    }
  }

  #open(now: Instant, input: Extract<PoolInput, { type: 'seat-open' }>): void {
    const { seat: id, ucc, priority, warm, asksCanMove } = input
    const context: SeatContext = {
      judge: this.judge,
      settings: this.settings,
      random: this.random,
      emit: (effect) => void this.#effects.push(effect),
      askAll: (at, which) => this.#prober.urge(at, (key) => key.ucc === which),
      askAgain: (at, endpointId, which) =>
        this.#prober.hedge(at, (key) => key.endpointId === endpointId && key.ucc === which),
      nextMoveId: () => (this.#lastMove += 1),
      nextQuestion: () => (this.#lastQuestion += 1),
    }
    this.#seats.set(id, new Seat({ id, ucc, priority, warm, asksCanMove }, context, now))
    this.#scheduledRoster = undefined
  }

  #probed(now: Instant, attemptId: number, result: ProbeResult): void {
    const attempt = this.#prober.ended(attemptId)
    if (attempt === undefined) return this.#answeredLate(now, this.#prober.endedLate(attemptId), result)
    const endpoint = this.judge.roster.get(attempt.endpointId)
    if (endpoint === undefined) return
    // A failure of an older generation is nobody's fault now: the verdict has changed since.
    if (result.is === 'failed' && attempt.generation !== endpoint.generation) return
    // Asked twice is asked once: the failure of the first question has been counted, or will be.
    if (result.is === 'failed' && attempt.isHedge) return
    this.judge.probed(now, endpoint, attempt.ucc, result)
    this.#equalTerms.check(attempt.ucc)
    this.#askReference(now)
  }

  /** Of before a pause of ours: it says nothing of how it is now. But a term that was announced is announced. */
  #answeredLate(now: Instant, attempt: Attempt | undefined, result: ProbeResult): void {
    if (attempt === undefined || result.is !== 'ready' || result.body.term === undefined) return
    this.judge.fence(attempt.ucc).announce(now, result.body.server, result.body.term)
  }

  /** All endpoints fail together: is it me? One neutral question, asked again while it lasts: networks come and go. */
  #askReference(now: Instant): void {
    const roster = this.judge.roster.present()
    const allFail = roster.length > 0 && roster.every((endpoint) => endpoint.liveness.is === 'down')
    if (!allFail) {
      this.#referenceAskedAt = -NEVER
      this.judge.networkProven = false
    } else if (now - this.#referenceAskedAt >= REFERENCE_AGAIN_MS) {
      this.#referenceAskedAt = now
      this.#effects.push({ type: 'probe-reference' })
    }
  }

  #evidence(now: Instant, input: Extract<PoolInput, { type: 'evidence' }>): void {
    const endpoint = this.judge.roster.get(input.endpointId)
    if (endpoint === undefined || endpoint.generation !== input.generation) return
    this.judge.evidence(now, endpoint, input.outcome)
  }

  #heard(now: Instant, input: Extract<PoolInput, { type: 'readiness' }>): void {
    const endpoint = this.judge.roster.get(input.endpointId)
    if (endpoint === undefined) return
    const { server, ucc, state, term, load, via } = input
    this.judge.heard(now, endpoint, server, ucc, { state, term, load, via })
  }

  #token(now: Instant, { endpointId, accepted, refusal }: Extract<PoolInput, { type: 'token' }>): void {
    const endpoint = this.judge.roster.get(endpointId)
    if (accepted) endpoint?.forgetRefusal()
    else endpoint?.refuseToken(now, refusal ?? 'unauthorized')
  }

  #tokenRenewed(endpointId: string): void {
    for (const endpoint of this.judge.roster.all()) {
      if (endpoint.id !== endpointId) endpoint.liftRefusal()
    }
  }

  #pause(now: Instant, lateMs: DurationMs, uncountedMs: DurationMs): void {
    // A clock that stood still has brought nothing nearer: only the time it counted must not count.
    const countedMs = Math.max(0, lateMs - uncountedMs)
    this.#prober.dropAll()
    for (const endpoint of this.judge.roster.all()) {
      endpoint.breaker.shift(countedMs)
      endpoint.missed.reset()
    }
    for (const [, fence] of this.judge.fences()) fence.shift(countedMs)
    for (const seat of this.#seats.values()) seat.pause(now)
    this.#prober.urge(now, () => true)
    const sentence = `We ourselves were stopped for ${Math.round(lateMs)} ms: nobody is blamed, everybody is asked.`
    this.#effects.push({
      type: 'decision',
      kind: 'own-pause',
      reason: 'late',
      sentence,
      facts: { lateMs: Math.round(lateMs) },
    })
  }

  #tick(now: Instant): void {
    for (const { attempt } of this.#prober.overdue(now)) {
      const failure = { kind: 'timeout' as const, sent: 'maybe' as const, message: 'the probe did not end' }
      this.#probed(now, attempt, { is: 'failed', failure })
    }
    for (const [, fence] of this.judge.fences()) {
      const fell = fence.expire(now)
      if (fell === undefined) continue
      const { fenceMs } = this.settings.failover
      const sentence = `Nobody has announced term ${fell.from} for ${fenceMs} ms: terms start again at ${fell.to}.`
      this.#effects.push({ type: 'warning', code: 'TERM_RESET', sentence })
    }
    for (const endpoint of this.judge.roster.all()) endpoint.lapseRefusal(now)
    const purged = this.judge.roster.purge(now, (id) => this.#used(id))
    for (const id of purged)
      this.#effects.push({ type: 'release', endpointId: id, generation: Number.MAX_SAFE_INTEGER })
  }

  #settle(now: Instant): void {
    this.#syncProber()
    for (const seat of this.#seats.values()) seat.evaluate(now)
    this.#standbys.tell([...this.#seats.values()])
    for (const attempt of this.#prober.due(
      now,
      this.#cadence.nextAt,
      (id) => this.judge.roster.get(id)?.generation ?? 0,
    )) {
      this.#ask(attempt)
    }
  }

  #ask(attempt: Attempt): void {
    const endpoint = this.judge.roster.get(attempt.endpointId)
    if (endpoint === undefined) return
    const { timeoutMs } = this.settings.health
    this.#cadence.asked(attempt.endpointId)
    this.#effects.push({ type: 'probe', attempt: attempt.attempt, road: endpoint.road, ucc: attempt.ucc, timeoutMs })
  }

  #syncProber(): void {
    const { version } = this.judge.roster
    if (version === this.#scheduledRoster) return
    this.#scheduledRoster = version
    const uccs = new Set([...this.#seats.values()].map((seat) => seat.who.ucc))
    const roster = this.judge.roster.all()
    this.#prober.sync(roster.flatMap((endpoint) => [...uccs].map((ucc) => ({ endpointId: endpoint.id, ucc }))))
  }

  #urge(endpointId: string, minGapMs: DurationMs): void {
    if (minGapMs >= this.settings.health.edgeIntervalMs) this.#cadence.recheck(endpointId)
    this.#prober.urge(this.#now, (key) => key.endpointId === endpointId, minGapMs)
  }

  #used(id: string): boolean {
    for (const seat of this.#seats.values()) if (seat.uses(id)) return true
    return false
  }
}
