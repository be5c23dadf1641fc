/**
 * A seat: one client's place in the pool. It decides where the client should be, why, and how urgently; the session
 * carries it out.
 *
 *   searching ──road found, draw over──► move ──committed──► at
 *      ▲                                  │                  │ planned reasons (term, rank, drain, wish): move,
 *      │◄──────────attempt failed─────────┘                  │ make-before-break, the place stays `at` meanwhile
 *      └──────lost, UCC stopped, endpoint down, silent───────┘
 */
import { Backoff } from './backoff'
import { choose, type Standing } from './choose'
import type { Endpoint } from './endpoint'
import { HoldDown } from './failback'
import type { Judge } from './judge'
import type { LossCause, MoveKind, MovePlan, MoveReason, OfflineReason, PoolEffect, SeatCondition, SeatId } from './pool-protocol'
import type { Random } from './random'
import { betterRoadUntil, search } from './search'
import { lossReason, moveKind, type ActiveMove, type OldLink, type PendingMove, type Place, type Searching, type Settled, type Wish } from './seat-state'
import type { PoolSettings, PriorityClass } from './settings'
import { drawSpread, spreadWindow } from './spread'
import { decideSuspicion, type AskedReadiness } from './suspicion'
import { NEVER, type DurationMs, type Instant } from './time'

export interface SeatContext {
  readonly judge: Judge
  readonly settings: PoolSettings
  readonly random: Random
  readonly emit: (effect: PoolEffect) => void
  /** Ask everybody's readiness for this UCC at once. */
  readonly askAll: (now: Instant, ucc: string | undefined) => void
  readonly nextMoveId: () => number
  readonly nextQuestion: () => number
}

export interface SeatIdentity {
  readonly id: SeatId
  readonly ucc: string | undefined
  readonly priority: () => PriorityClass
  readonly warm: boolean
  readonly asksCanMove: boolean
}

/** Planned moves by term or designation wait at most this long for a quiet moment. */
const QUIET_LIMIT_MS = 1_800_000
/** How long after a refusal `canMove` is asked again. */
const ASK_AGAIN_MS = 1000
/** A probe that fails while in-band proof is younger than this condemns nobody. */
const PROOF_FRESH_MS = 3000

export class Seat {
  #place: Place
  #move: ActiveMove | undefined
  #pending: PendingMove | undefined
  #wish: Wish | undefined
  #topicSilentSince: Instant | undefined
  #announcedSpreadMs: DurationMs | undefined
  #condition: SeatCondition = { is: 'connecting' }
  #wakeAt: Instant = NEVER
  #everServed = false
  readonly #holdDown: HoldDown
  readonly #backoffs = new Map<string, { readonly backoff: Backoff; until: Instant }>()

  constructor(
    readonly who: SeatIdentity,
    private readonly context: SeatContext,
    now: Instant,
  ) {
    this.#holdDown = new HoldDown(context.settings.failback, context.random)
    this.#place = this.#searching(now, 'start', 'gone', { lastProof: now, evidence: [] })
    context.askAll(now, who.ucc)
  }

  get place(): Place {
    return this.#place
  }

  get move(): ActiveMove | undefined {
    return this.#move
  }

  get condition(): SeatCondition {
    return this.#condition
  }

  deadline(): Instant {
    return this.#wakeAt
  }

  /** Must readiness be asked at the edge cadence for this seat? */
  get watchful(): boolean {
    if (this.#place.is === 'searching') return true
    return this.#place.suspicion !== undefined || this.#place.goaway !== undefined || this.#topicSilentSince !== undefined
  }

  uses(endpointId: string): boolean {
    const here = this.#place.is === 'at' ? this.#place.endpointId : this.#place.from
    return here === endpointId || this.#move?.plan.to === endpointId
  }

  /** The road for a request of this seat: where it is or goes, else the best candidate; never an avoided one. */
  route(avoid: readonly string[]): Endpoint | undefined {
    const { judge } = this.context
    const target = this.#unplanned() ? this.#move?.plan.to : undefined
    const here = this.#place.is === 'at' ? this.#place : undefined
    if (target !== undefined && !avoid.includes(target)) return judge.roster.get(target)
    if (here !== undefined && !avoid.includes(here.endpointId) && this.#serves(here)) return judge.roster.get(here.endpointId)
    const since = this.#place.is === 'searching' ? this.#place.since : -NEVER
    const others = judge.roster.present().filter((endpoint) => {
      if (avoid.includes(endpoint.id)) return false
      return endpoint.contract === 'absent' ? endpoint.answeredSince(since) : (judge.word(endpoint, this.who.ucc)?.at ?? -NEVER) >= since
    })
    const best = choose(
      others.map((endpoint) => judge.standing(endpoint, this.who.ucc)),
      { endpointId: '', serves: false },
      this.#wish?.to,
    )
    return best.do === 'failover' ? judge.roster.get(best.to.endpointId) : undefined
  }

  // ---- what happened ------------------------------------------------------------------------------------------

  suspect(now: Instant, lastProof: Instant): void {
    if (this.#place.is !== 'at' || this.#place.suspicion !== undefined) return
    this.#place = { ...this.#place, suspicion: { since: now, ping: 'waiting', lastProof } }
    this.context.askAll(now, this.who.ucc)
  }

  unanswered(now: Instant, lastProof: Instant): void {
    if (this.#place.is !== 'at') return
    if (this.#place.suspicion === undefined) this.context.askAll(now, this.who.ucc)
    const since = this.#place.suspicion?.since ?? now
    this.#place = { ...this.#place, suspicion: { since, ping: 'none', lastProof } }
  }

  /** The connection spoke again. */
  clear(now: Instant): void {
    if (this.#place.is === 'at' && this.#place.suspicion !== undefined) {
      const { suspicion: _, ...place } = this.#place
      this.#place = place
    } else if (this.#place.is === 'searching' && this.#place.oldLink === 'silent' && this.#place.from !== undefined && this.#move === undefined) {
      this.#place = { is: 'at', endpointId: this.#place.from, live: true, since: now }
    }
  }

  /** We ourselves were stopped: nobody is to blame, nothing that was waited for counts. */
  pause(now: Instant): void {
    this.clear(now)
    if (this.#place.is === 'searching') this.#place = { ...this.#place, since: now }
    this.context.askAll(now, this.who.ucc)
  }

  lost(now: Instant, cause: LossCause, lastProof: Instant): void {
    if (this.#place.is === 'searching') {
      if (this.#place.oldLink !== 'gone') this.#place = { ...this.#place, oldLink: 'gone' }
      return
    }
    const { reason, hard } = lossReason(cause)
    const endpoint = this.context.judge.roster.get(this.#place.endpointId)
    if (endpoint !== undefined && hard && cause.type === 'closed') {
      const failure = cause.failure ?? { kind: 'reset' as const, sent: 'maybe' as const, message: `closed with ${cause.code}` }
      this.context.judge.evidence(now, endpoint, { type: 'failure', failure })
    }
    // A planned move under way goes on, as a failover.
    this.#leave(now, reason, 'gone', { lastProof, evidence: [describeLoss(cause)] })
  }

  goaway(now: Instant, leaveWithinMs: DurationMs, spreadMs: DurationMs | undefined): void {
    if (this.#place.is !== 'at') return
    const goaway = { at: now, until: now + leaveWithinMs, draw: this.context.random(), ...(spreadMs === undefined ? {} : { spreadMs }) }
    this.#place = { ...this.#place, goaway }
    this.context.askAll(now, this.who.ucc)
  }

  topicSilent(now: Instant, silent: boolean): void {
    this.#topicSilentSince = silent ? (this.#topicSilentSince ?? now) : undefined
    if (silent) this.context.askAll(now, this.who.ucc)
  }

  welcomed(spreadMs: DurationMs | undefined): void {
    this.#announcedSpreadMs = spreadMs
  }

  committed(now: Instant, moveId: number, live: boolean): void {
    const move = this.#move
    if (move === undefined || move.plan.id !== moveId) return
    this.#move = undefined
    this.#pending = undefined
    this.#everServed = true
    const { plan } = move
    if (plan.kind === 'failover') this.#holdDown.failover(now)
    else if (plan.kind === 'switchover' || plan.kind === 'failback') this.#holdDown.planned(now)
    // A held wish stays as a preference; the call that made it is answered.
    this.#wish = this.#wish?.hold === true ? { to: this.#wish.to, hold: true } : undefined
    this.#place = { is: 'at', endpointId: plan.to, live, since: now }
    if (plan.from !== undefined && plan.from !== plan.to && plan.makeBeforeBreak) this.#announceLeft(plan.from, 'drained')
  }

  /** A seat that only routed requests needs a live connection now: dialled where it is, on recent proof. */
  wantLive(now: Instant): void {
    if (this.#place.is !== 'at' || this.#place.live || this.#move !== undefined) return
    const since = now - this.context.settings.health.activeIntervalMs
    this.#place = { ...this.#searching(now, 'start', 'gone', { lastProof: now, evidence: [], since }), dialAfter: now }
    this.context.askAll(now, this.who.ucc)
  }

  stable(): void {
    if (this.#place.is !== 'at') return
    this.#backoffs.delete(this.#place.endpointId)
    this.context.judge.roster.get(this.#place.endpointId)?.breaker.settle()
  }

  failed(now: Instant, moveId: number, cause: LossCause): void {
    const move = this.#move
    if (move === undefined || move.plan.id !== moveId) return
    this.#move = undefined
    const waitMs = this.#bar(now, move.plan.to, cause)
    this.context.emit({
      type: 'decision',
      kind: 'attempt-failed',
      reason: cause.type,
      sentence: `The attempt on ${this.#name(move.plan.to)} failed: ${describeLoss(cause)}.`,
      facts: { endpoint: move.plan.to, waitMs: Math.round(waitMs) },
    })
    const endpoint = this.context.judge.roster.get(move.plan.to)
    if (endpoint !== undefined && cause.type === 'closed') {
      const failure = cause.failure ?? { kind: 'reset' as const, sent: 'maybe' as const, message: `closed with ${cause.code}` }
      this.context.judge.evidence(now, endpoint, { type: 'failure', failure })
    } else if (endpoint !== undefined && cause.type === 'timeout') {
      this.context.judge.evidence(now, endpoint, { type: 'timeout' })
    }
    if (this.#place.is === 'searching') this.#place = { ...omitReady(this.#place), since: now }
    else this.#refuseWish(`the move to ${this.#name(move.plan.to)} failed: ${describeLoss(cause)}`)
    this.context.askAll(now, this.who.ucc)
  }

  ask(now: Instant, wish: { readonly call: number; readonly wish: 'switchover' | 'failback'; readonly to?: string; readonly hold: boolean }): void {
    const { judge, emit } = this.context
    const refuse = (message: string): void => emit({ type: 'move-refused', seat: this.who.id, call: wish.call, message })
    if (this.#place.is !== 'at') return refuse('the client is not connected to any endpoint now')
    const here = this.#place.endpointId
    const standings = judge.standings(this.who.ucc)
    const target = wish.to ?? this.#otherThan(here, standings, wish.wish)
    if (target === undefined) return refuse('no other endpoint can serve now')
    const standing = standings.find((one) => one.endpointId === target)
    if (standing === undefined) return refuse(`no such endpoint: ${target}`)
    if (target === here) return refuse(`${this.#name(target)} is already the active endpoint`)
    if (!standing.candidate) return refuse(`${this.#name(target)} cannot serve now`)
    this.#refuseWish('another move was asked for')
    this.#wish = { call: wish.call, to: target, hold: wish.hold }
    this.#pending = undefined
    void now
  }

  answered(question: number, allowed: boolean, now: Instant): void {
    const pending = this.#pending
    if (pending === undefined || typeof pending.question === 'string' || !('asked' in pending.question)) return
    if (pending.question.asked !== question) return
    this.#pending = { ...pending, question: allowed ? 'granted' : { refusedUntil: now + ASK_AGAIN_MS } }
  }

  closed(): void {
    this.#refuseWish('the client was closed')
  }

  // ---- what to do about it --------------------------------------------------------------------------------------

  /** Looks at everything again. Called after each input of the pool. */
  evaluate(now: Instant): void {
    this.#wakeAt = NEVER
    if (this.#move !== undefined) this.#watchMove(now)
    if (this.#move === undefined && this.#place.is === 'at') this.#hold(now, this.#place)
    if (this.#move === undefined && this.#place.is === 'searching') this.#seek(now, this.#place)
    this.#tellCondition()
  }

  #seek(now: Instant, place: Searching): void {
    const { judge, settings } = this.context
    const barred = (id: string): boolean => this.#barredUntil(id) > now
    const result = search(judge, { place, ucc: this.who.ucc, asked: this.#wish?.to, barred })
    for (const { until } of this.#backoffs.values()) if (until > now) this.#wake(until)
    if (result.found === 'nothing') {
      if (place.readyAt !== undefined) this.#place = omitReady(place)
      return
    }
    if (place.oldLink === 'alive' && result.to.endpointId === place.from) return this.#recovered(now, place)
    const readyAt = place.readyAt ?? now
    if (place.readyAt === undefined) this.#place = { ...place, readyAt }
    const waitUntil = result.betterPending ? betterRoadUntil(readyAt, settings.connect.betterRoadMs) : now
    const goAt = Math.max(waitUntil, place.dialAfter)
    if (now < goAt) return this.#wake(goAt)
    this.#go(now, place, result.to, readyAt)
  }

  #go(now: Instant, place: Searching, to: Standing, readyAt: Instant): void {
    const sameServer = to.endpointId === place.from || (to.server !== undefined && to.server === place.fromServer)
    const kind: MoveKind = !this.#everServed ? 'initial' : sameServer ? 'redial' : 'failover'
    // Whatever is left of the old connection may speak until the new one carries everything, if it can speak at all.
    const makeBeforeBreak = place.oldLink === 'alive'
    const decided = Math.max(place.detected, Math.min(readyAt, now))
    if (kind === 'failover' && place.from !== undefined) this.#announceLeft(place.from, 'lost')
    this.#start(now, {
      kind,
      reason: place.reason,
      to: to.endpointId,
      makeBeforeBreak,
      evidence: [...place.evidence, this.#describe(to)],
      times: { lastProof: place.lastProof, detected: place.detected, decided, dialled: now },
      ...(place.from === undefined ? {} : { from: place.from }),
      ...(place.fromServer === undefined ? {} : { fromServer: place.fromServer }),
    })
  }

  #start(now: Instant, plan: Omit<MovePlan, 'id' | 'road'>, call?: number): void {
    const endpoint = this.context.judge.roster.get(plan.to)
    if (endpoint === undefined) return
    const minTerm = this.context.judge.fence(this.who.ucc).term
    const fenced = minTerm === undefined ? {} : { minTerm }
    const full: MovePlan = { ...plan, ...fenced, id: this.context.nextMoveId(), road: endpoint.road }
    this.#move = { plan: full, startedAt: now, ...(call === undefined ? {} : { call }) }
    const from = plan.from === undefined ? '' : ` from ${this.#name(plan.from)}`
    this.context.emit({
      type: 'decision',
      kind: plan.kind,
      reason: plan.reason,
      sentence: `Go${from} to ${this.#name(plan.to)} (${plan.kind}): ${[plan.reason, ...plan.evidence].join('; ')}.`,
      facts: { to: plan.to, from: plan.from, move: full.id },
    })
    if (call !== undefined) this.context.emit({ type: 'move-accepted', seat: this.who.id, call, move: full.id })
    this.context.emit({ type: 'go', seat: this.who.id, plan: full })
  }

  /** The place is settled: does it still serve, and is there a reason to be elsewhere? */
  #hold(now: Instant, place: Settled): void {
    const { judge } = this.context
    const endpoint = judge.roster.get(place.endpointId)
    if (endpoint === undefined) return this.#leave(now, 'endpoint-down', 'gone', { lastProof: now, evidence: ['the endpoint was removed'] })
    if (place.suspicion !== undefined && this.#judgeSuspicion(now, place, endpoint)) return
    if (!this.#serves(place)) {
      const word = judge.word(endpoint, this.who.ucc)
      const stopped = word !== undefined && !judge.running(word, this.who.ucc) && endpoint.contract !== 'absent'
      const evidence = [stopped ? `${endpoint.server ?? endpoint.id} says ${word.state}` : `${endpoint.seed.name} does not answer`]
      const oldLink = place.live ? 'alive' : 'gone'
      return this.#leave(now, stopped ? 'ucc-stopped' : 'endpoint-down', oldLink, { lastProof: word?.at ?? now, evidence })
    }
    if (place.suspicion === undefined) this.#considerPlanned(now, place, endpoint)
  }

  #judgeSuspicion(now: Instant, place: Settled, endpoint: Endpoint): boolean {
    const { judge } = this.context
    const suspicion = place.suspicion
    if (suspicion === undefined) return false
    const current = this.#asked(endpoint, suspicion.since)
    const other = this.#bestOther(endpoint, suspicion.since)
    const term = judge.word(endpoint, this.who.ucc)?.term
    const otherTermHigher = term !== undefined && other.term !== undefined && other.term > term
    const { decision, hard } = decideSuspicion({ ping: suspicion.ping, current, other: other.readiness, otherTermHigher })
    if (decision === 'undecided' || decision === 'clear' || decision === 'planned') return false
    // Nothing is known but silence: count nothing, ask on.
    if (decision === 'blind') return true
    if (hard) judge.silent(now, endpoint)
    const evidence = [`no frame for ${Math.round(now - suspicion.lastProof)} ms, ping ${suspicion.ping}`, `readiness here ${current}, elsewhere ${other.readiness}`]
    const reason: MoveReason = decision === 'redial' ? 'connection-broken' : current === 'stopped' || current === 'starting' ? 'ucc-stopped' : 'server-silent'
    // An answering connection (row one) is alive; an unanswered one may only still speak.
    const oldLink: OldLink = suspicion.ping === 'none' ? 'silent' : 'alive'
    this.#leave(now, reason, oldLink, { lastProof: suspicion.lastProof, evidence, since: suspicion.since, asked: true })
    return true
  }

  #considerPlanned(now: Instant, place: Settled, endpoint: Endpoint): void {
    const { judge } = this.context
    const standings = judge.standings(this.who.ucc)
    const draining = place.goaway !== undefined || judge.word(endpoint, this.who.ucc)?.draining === true
    if (draining) return this.#considerDrain(now, place, endpoint, standings)
    if (this.#topicSilentSince !== undefined && this.#considerSilence(now, place, endpoint, standings)) return
    const choice = choose(standings, { endpointId: place.endpointId, serves: true }, this.#wish?.to)
    if (choice.do !== 'move') {
      this.#pending = undefined
      return
    }
    const betterRank = choice.to.rank < endpoint.seed.rank
    if (this.context.settings.failback.mode === 'manual' && betterRank && (choice.reason === 'rank' || choice.reason === 'term')) return
    const reason: MoveReason = choice.reason
    this.#pend(now, choice.to, reason, moveKind(reason, betterRank), this.#notBefore(now, choice.to, reason), this.#latest(now, reason))
    this.#pursue(now, place, endpoint)
  }

  /** The topic is silent though everything claims to run: another server that took over since is where it speaks. */
  #considerSilence(now: Instant, place: Settled, endpoint: Endpoint, standings: readonly Standing[]): boolean {
    const { judge } = this.context
    const since = this.#topicSilentSince
    const here = judge.word(endpoint, this.who.ucc)
    if (since === undefined) return false
    const to = standings.find((standing) => {
      if (!standing.candidate || standing.server === endpoint.server || standing.endpointId === place.endpointId) return false
      const word = judge.book.word(standing.server, this.who.ucc)
      const higher = word?.term !== undefined && here?.term !== undefined && word.term > here.term
      return higher || (word?.runningSince !== undefined && word.runningSince >= since)
    })
    if (to === undefined) return false
    this.#pend(now, to, 'topic-silent', 'switchover', now, now)
    this.#pursue(now, place, endpoint)
    return true
  }

  #considerDrain(now: Instant, place: Settled, endpoint: Endpoint, standings: readonly Standing[]): void {
    const others = standings.filter((standing) => standing.server === undefined || standing.server !== endpoint.server)
    const choice = choose(others, { endpointId: place.endpointId, serves: false }, this.#wish?.to)
    if (choice.do !== 'failover') {
      this.#pending = undefined
      return
    }
    const until = place.goaway?.until ?? now + this.#windowMs(endpoint, choice.to) * 2
    const windowMs = Math.min(place.goaway?.spreadMs ?? this.#windowMs(endpoint, choice.to), (until - (place.goaway?.at ?? now)) / 2)
    const drawn = drawSpread(windowMs, this.who.priority(), () => place.goaway?.draw ?? this.context.random())
    const notBefore = (place.goaway?.at ?? now) + Math.min(drawn, Math.max(0, windowMs * 5))
    this.#pend(now, choice.to, 'drain', 'switchover', Math.min(notBefore, until), until)
    this.#pursue(now, place, endpoint)
  }

  #pend(now: Instant, to: Standing, reason: MoveReason, kind: 'switchover' | 'failback', notBefore: Instant, latest: Instant): void {
    const known = this.#pending
    if (known !== undefined && known.to === to.endpointId && known.reason === reason) {
      // The hold-down counts continuous readiness: an interruption pushes it out, nothing pulls it in but a new reason.
      if (notBefore > known.notBefore) this.#pending = { ...known, notBefore }
      return
    }
    this.#pending = { to: to.endpointId, reason, kind, since: now, notBefore, latest, question: 'not-asked' }
  }

  /** Waits for the hold-down, the backoff and the quiet moment; then goes. */
  #pursue(now: Instant, place: Settled, endpoint: Endpoint): void {
    const pending = this.#pending
    if (pending === undefined) return
    const notBefore = Math.max(pending.notBefore, this.#barredUntil(pending.to))
    if (now < notBefore) return this.#wake(notBefore)
    const asks = this.who.asksCanMove && pending.reason !== 'switchover' && pending.reason !== 'topic-silent'
    if (asks && pending.question !== 'granted' && now < pending.latest) return this.#askQuiet(now, pending, place)
    const call = pending.reason === 'switchover' ? this.#wish?.call : undefined
    this.#start(
      now,
      {
        kind: pending.kind,
        reason: pending.reason,
        to: pending.to,
        from: place.endpointId,
        ...(endpoint.server === undefined ? {} : { fromServer: endpoint.server }),
        makeBeforeBreak: true,
        evidence: [],
        times: { lastProof: now, detected: now, decided: now, dialled: now },
      },
      call,
    )
  }

  #askQuiet(now: Instant, pending: PendingMove, place: Settled): void {
    this.#wake(pending.latest)
    if (pending.question !== 'not-asked' && typeof pending.question !== 'string') {
      if ('asked' in pending.question) return
      if (now < pending.question.refusedUntil) return this.#wake(pending.question.refusedUntil)
    }
    const question = this.context.nextQuestion()
    this.#pending = { ...pending, question: { asked: question } }
    const { kind, to, reason } = pending
    this.context.emit({ type: 'ask-can-move', seat: this.who.id, question, kind, from: place.endpointId, to, reason })
  }

  #notBefore(now: Instant, to: Standing, reason: MoveReason): Instant {
    if (reason === 'switchover' && this.#wish?.call !== undefined) return now
    const word = this.context.judge.book.word(to.server, this.who.ucc)
    const heldDown = (word?.runningSince ?? this.#pending?.since ?? now) + this.#holdDown.waitMs(now)
    if (reason === 'term') return this.#holdDown.recently(now) ? heldDown : now
    return heldDown
  }

  #latest(now: Instant, reason: MoveReason): Instant {
    const since = this.#pending?.reason === reason ? this.#pending.since : now
    return reason === 'term' || reason === 'designation' ? since + QUIET_LIMIT_MS : NEVER
  }

  #watchMove(now: Instant): void {
    const move = this.#move
    if (move === undefined) return
    const endpoint = this.context.judge.roster.get(move.plan.to)
    const word = endpoint === undefined ? undefined : this.context.judge.word(endpoint, this.who.ucc)
    const hopeless =
      endpoint === undefined ||
      (endpoint.liveness.is === 'down' && endpoint.liveness.at > move.startedAt && endpoint.breaker.state.is !== 'closed') ||
      (endpoint.contract === 'present' && word !== undefined && word.at > move.startedAt && !this.context.judge.running(word, this.who.ucc))
    if (!hopeless) return
    this.context.emit({ type: 'cancel-move', seat: this.who.id, move: move.plan.id })
    this.failed(now, move.plan.id, { type: 'not-ready', state: word?.state ?? 'unknown' })
  }

  /** Off this place: look for another road. `since`: what answered from then on counts. */
  #leave(
    now: Instant,
    reason: MoveReason,
    oldLink: OldLink,
    facts: { readonly lastProof: Instant; readonly evidence: readonly string[]; readonly since?: Instant; readonly asked?: boolean },
  ): void {
    this.#pending = undefined
    const move = this.#move
    this.#place = this.#searching(now, reason, oldLink, facts)
    if (facts.asked !== true) this.context.askAll(now, this.who.ucc)
    if (move !== undefined) this.#upgrade(now, move)
  }

  /** The old side died during a planned move: the move goes on as a failover. */
  #upgrade(now: Instant, move: ActiveMove): void {
    const { plan } = move
    if (plan.kind !== 'switchover' && plan.kind !== 'failback') return
    const times = { ...plan.times, lastProof: Math.min(plan.times.lastProof, now) }
    this.#move = { ...move, plan: { ...plan, kind: 'failover', makeBeforeBreak: false, times } }
    if (plan.from !== undefined) this.#announceLeft(plan.from, 'lost')
  }

  #searching(
    now: Instant,
    reason: MoveReason,
    oldLink: OldLink,
    facts: { readonly lastProof: Instant; readonly evidence: readonly string[]; readonly since?: Instant },
  ): Searching {
    const from = this.#place?.is === 'at' ? this.context.judge.roster.get(this.#place.endpointId) : undefined
    const dialAfter = from === undefined ? now : now + this.#drawMs(from)
    return {
      is: 'searching',
      since: facts.since ?? now,
      reason,
      oldLink,
      lastProof: Math.min(facts.lastProof, now),
      detected: now,
      dialAfter,
      evidence: facts.evidence,
      ...(from === undefined ? {} : { from: from.id }),
      ...(from?.server === undefined ? {} : { fromServer: from.server }),
    }
  }

  #recovered(now: Instant, place: Searching): void {
    if (place.from === undefined) return
    this.#place = { is: 'at', endpointId: place.from, live: true, since: now }
    this.context.emit({ type: 'decision', kind: 'recovered', reason: place.reason, sentence: `${this.#name(place.from)} serves again: no move.`, facts: {} })
  }

  // ---- what is known --------------------------------------------------------------------------------------------

  /** Does this place serve the UCC now? A healthy live connection outweighs probes that fail. */
  #serves(place: Settled): boolean {
    const { judge, settings } = this.context
    const endpoint = judge.roster.get(place.endpointId)
    if (endpoint === undefined) return false
    const word = judge.word(endpoint, this.who.ucc)
    if (endpoint.contract !== 'absent' && (word === undefined || !judge.running(word, this.who.ucc))) return false
    if (!place.live) return endpoint.breaker.state.is === 'closed'
    const probesFail = endpoint.misses >= settings.health.fall
    const proven = word !== undefined && endpoint.liveness.is === 'down' && endpoint.liveness.at - word.at < PROOF_FRESH_MS
    return !probesFail || proven || endpoint.contract === 'absent'
  }

  #asked(endpoint: Endpoint, since: Instant): AskedReadiness {
    const word = this.context.judge.word(endpoint, this.who.ucc)
    if (word !== undefined && !this.context.judge.running(word, this.who.ucc) && word.at >= since) return word.state
    if (endpoint.liveness.is === 'down' && endpoint.liveness.at >= since) return endpoint.liveness.kind === 'refused' ? 'refused' : 'none'
    if (!endpoint.answeredSince(since)) return word !== undefined && (word.state === 'stopped' || word.state === 'starting') ? word.state : 'none'
    return endpoint.contract === 'absent' ? 'running' : (word?.state ?? 'none')
  }

  #bestOther(current: Endpoint, since: Instant): { readonly readiness: AskedReadiness; readonly term: number | undefined } {
    const { judge } = this.context
    const order: readonly AskedReadiness[] = ['running', 'starting', 'stopped', 'unknown', 'none', 'refused']
    const others = judge.roster.present().filter((one) => one !== current && (one.server === undefined || one.server !== current.server))
    const answers = others
      .filter((one) => judge.fence(this.who.ucc).allows(judge.word(one, this.who.ucc)?.term))
      .map((one) => ({ readiness: one.answeredSince(since) ? this.#asked(one, since) : ('none' as const), term: judge.word(one, this.who.ucc)?.term }))
    answers.sort((a, b) => order.indexOf(a.readiness) - order.indexOf(b.readiness))
    return answers[0] ?? { readiness: 'none', term: undefined }
  }

  #otherThan(here: string, standings: readonly Standing[], wish: 'switchover' | 'failback'): string | undefined {
    const rank = standings.find((one) => one.endpointId === here)?.rank ?? 0
    const others = standings.filter((one) => one.endpointId !== here && (wish === 'switchover' || one.rank < rank))
    const choice = choose(others, { endpointId: here, serves: false })
    return choice.do === 'failover' ? choice.to.endpointId : undefined
  }

  #drawMs(from: Endpoint): DurationMs {
    const best = choose(this.context.judge.standings(this.who.ucc), { endpointId: from.id, serves: false })
    return drawSpread(this.#windowMs(from, best.do === 'failover' ? best.to : undefined), this.who.priority(), this.context.random)
  }

  /** The spread window W between two endpoints. */
  #windowMs(from: Endpoint, to: Standing | undefined): DurationMs {
    const { judge, settings } = this.context
    const left = judge.word(from, this.who.ucc)?.load
    const dialled = to === undefined ? undefined : judge.book.word(to.server, this.who.ucc)?.load
    const announcedMs = this.#place?.is === 'at' ? (this.#place.goaway?.spreadMs ?? this.#announcedSpreadMs) : this.#announcedSpreadMs
    return spreadWindow(
      {
        ...(announcedMs === undefined ? {} : { announcedMs }),
        ...(left === undefined ? {} : { left }),
        ...(dialled === undefined ? {} : { dialled }),
      },
      settings.failover,
    )
  }

  #bar(now: Instant, endpointId: string, cause: LossCause): DurationMs {
    const { backoffMs, maxBackoffMs } = this.context.settings.connect
    let entry = this.#backoffs.get(endpointId)
    if (entry === undefined) {
      entry = { backoff: new Backoff({ baseMs: backoffMs, maxMs: maxBackoffMs }, this.context.random), until: now }
      this.#backoffs.set(endpointId, entry)
    }
    const asked = cause.type === 'refused' ? (cause.retryAfterMs ?? 0) : 0
    const waitMs = Math.max(asked, entry.backoff.next())
    entry.until = now + waitMs
    return waitMs
  }

  #barredUntil(endpointId: string): Instant {
    return this.#backoffs.get(endpointId)?.until ?? -NEVER
  }

  #unplanned(): boolean {
    const kind = this.#move?.plan.kind
    return kind === 'initial' || kind === 'failover' || kind === 'redial'
  }

  #announceLeft(endpointId: string, how: 'lost' | 'drained'): void {
    const generation = this.context.judge.roster.get(endpointId)?.generation ?? 0
    this.context.emit({ type: 'left', endpointId, generation, how, seat: this.who.id })
  }

  #refuseWish(message: string): void {
    if (this.#wish?.call !== undefined) this.context.emit({ type: 'move-refused', seat: this.who.id, call: this.#wish.call, message })
    this.#wish = undefined
    this.#pending = undefined
  }

  #tellCondition(): void {
    const condition = this.#currentCondition()
    const same = JSON.stringify(condition) === JSON.stringify(this.#condition)
    if (same) return
    this.#condition = condition
    this.context.emit({ type: 'condition', seat: this.who.id, condition })
  }

  #currentCondition(): SeatCondition {
    const place = this.#place
    if (place.is === 'at') return place.suspicion === undefined ? { is: 'serving' } : this.#suspectCondition(place.suspicion.since)
    if (this.#move !== undefined) return this.#everServed ? { is: 'degraded', why: 'moving' } : { is: 'connecting' }
    const roster = this.context.judge.roster.present()
    if (place.readyAt !== undefined) return this.#everServed ? { is: 'degraded', why: 'lost' } : { is: 'connecting' }
    const offline = this.#condition.is === 'offline' || (roster.length > 0 && roster.every((one) => one.triedSince(place.since)))
    if (offline) return { is: 'offline', reason: this.#offlineReason() }
    return this.#everServed ? { is: 'degraded', why: 'lost' } : { is: 'connecting' }
  }

  #suspectCondition(since: Instant): SeatCondition {
    const roster = this.context.judge.roster.present()
    const nobody = roster.every((one) => one.triedSince(since) && one.liveness.is === 'down')
    return nobody ? { is: 'offline', reason: this.#offlineReason() } : { is: 'degraded', why: 'suspect' }
  }

  #offlineReason(): OfflineReason {
    const { judge } = this.context
    const roster = judge.roster.present()
    const up = roster.filter((one) => one.liveness.is === 'up')
    const running = up.filter((one) => judge.running(judge.word(one, this.who.ucc), this.who.ucc) || one.contract === 'absent')
    if (running.length > 0 && running.every((one) => one.unauthorized)) return 'unauthorized'
    if (up.length > 0) return 'starting'
    const proven = roster.some((one) => one.liveness.is === 'down' && (one.liveness.kind === 'refused' || one.liveness.kind === 'reset' || one.liveness.kind === 'certificate'))
    return proven || judge.networkProven ? 'servers' : 'network'
  }

  #describe(standing: Standing): string {
    const term = standing.term === undefined ? '' : ` with term ${standing.term}`
    return `${standing.server ?? standing.endpointId} answered running${term}`
  }

  #name(endpointId: string): string {
    return this.context.judge.roster.get(endpointId)?.seed.name ?? endpointId
  }

  #wake(at: Instant): void {
    this.#wakeAt = Math.min(this.#wakeAt, at)
  }
}

function omitReady(place: Searching): Searching {
  const { readyAt: _, ...rest } = place
  return rest
}

/** A loss in a few words, free of payloads. */
export function describeLoss(cause: LossCause): string {
  switch (cause.type) {
    case 'restart':
      return `closed with ${cause.code} (restart)`
    case 'drained':
      return 'the drain ran out'
    case 'closed':
      return `closed with ${cause.code}${cause.failure === undefined ? '' : ` (${cause.failure.code ?? cause.failure.kind})`}`
    case 'timeout':
      return `${cause.phase} timed out`
    case 'unauthorized':
      return 'the token was refused'
    case 'local':
      return `the ${cause.what} failed`
    case 'refused':
      return `refused: ${cause.code}`
    case 'not-ready':
      return `the UCC is ${cause.state} there`
    case 'protocol':
      return `protocol error: ${cause.detail}`
  }
}
