/**
 * A seat: one client's place in the pool. It decides where the client should be, why, and how urgently; the session
 * carries it out.
 *
 *   searching ──road found, draw over──► move ──committed──► at
 *      ▲                                  │                  │ planned reasons (term, rank, drain, wish): move,
 *      │◄──────────attempt failed─────────┘                  │ make-before-break, the place stays `at` meanwhile
 *      └──────lost, UCC stopped, endpoint down, silent───────┘
 */
import type { Standing } from './choose'
import type { Endpoint } from './endpoint'
import { HoldDown } from './failback'
import type { Judge } from './judge'
import { describeLoss, holdAgainst, lossReason } from './losses'
import { PlannedMoves, type AskedWish } from './planned-moves'
import type { LossCause, MoveKind, MovePlan, MoveReason, PoolEffect, SeatCondition, SeatId } from './pool-protocol'
import type { Random } from './random'
import { betterRoadUntil, search } from './search'
import { SeatBackoffs } from './seat-backoffs'
import type { ActiveMove, OldLink, Place, Searching, Settled } from './seat-state'
import { backAt, searchingFrom, type LeaveFacts } from './seat-places'
import { SeatView } from './seat-view'
import type { PoolSettings, PriorityClass } from './settings'
import { askDelay, drawSpread } from './spread'
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

export class Seat {
  #place: Place
  #move: ActiveMove | undefined
  #topicSilentSince: Instant | undefined
  #announcedSpreadMs: DurationMs | undefined
  #condition: SeatCondition = { is: 'connecting' }
  #wakeAt: Instant = NEVER
  #everServed = false
  /** Everybody was asked because this seat's endpoint missed a probe. */
  #isAsking = false
  readonly #holdDown: HoldDown
  readonly #backoffs: SeatBackoffs
  readonly #view: SeatView
  readonly #planned: PlannedMoves

  constructor(
    readonly who: SeatIdentity,
    private readonly context: SeatContext,
    now: Instant,
  ) {
    const { judge, settings, random } = context
    this.#holdDown = new HoldDown(settings.failback, random)
    this.#backoffs = new SeatBackoffs(settings.connect, random)
    this.#view = new SeatView(judge, who.ucc, settings)
    this.#planned = new PlannedMoves(who, context, this.#holdDown, {
      start: (at, plan) => this.#start(at, plan),
      wake: (at) => this.#wake(at),
      barredUntil: (id) => this.#backoffs.barredUntil(id),
      windowMs: (from, to) => this.#view.windowMs(from, to, this.#announcedMs()),
      name: (id) => this.#name(id),
    })
    this.#place = searchingFrom(now, undefined, undefined, 'start', 'gone', { lastProof: now, evidence: [] })
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
    if (this.#place.is === 'searching') return !this.isPatient
    return (
      this.#place.suspicion !== undefined || this.#place.goaway !== undefined || this.#topicSilentSince !== undefined
    )
  }

  uses(endpointId: string): boolean {
    const here = this.#place.is === 'at' ? this.#place.endpointId : this.#place.from
    return here === endpointId || this.#move?.plan.to === endpointId
  }

  /** The road for a request of this seat: where it is or goes, else the best candidate; never an avoided one. */
  route(avoid: readonly string[]): Endpoint | undefined {
    const target = this.#unplanned() || this.#isDoubted() ? this.#move?.plan.to : undefined
    return this.#view.route(this.#place, target, avoid, this.#planned.asked)
  }

  // ---- what happened ------------------------------------------------------------------------------------------

  suspect(now: Instant, lastProof: Instant): void {
    if (this.#place.is !== 'at' || this.#place.suspicion !== undefined) return
    this.#place = { ...this.#place, suspicion: { since: now, ping: 'waiting', lastProof } }
    this.context.askAll(now, this.who.ucc)
  }

  unanswered(now: Instant, lastProof: Instant): void {
    if (this.#place.is === 'searching' && this.#place.oldLink === 'alive') {
      // What was left of the old connection has died meanwhile: nobody may come back to it.
      this.#place = { ...this.#place, oldLink: 'silent' }
    }
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
    } else if (
      this.#place.is === 'searching' &&
      this.#place.oldLink === 'silent' &&
      this.#place.from !== undefined &&
      this.#move === undefined
    ) {
      this.#place = backAt(now, this.#place, this.#place.from)
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
      this.#place = { ...this.#place, oldLink: 'gone' }
      return
    }
    holdAgainst(this.context.judge, now, this.context.judge.roster.get(this.#place.endpointId), cause)
    this.#backoffs.lost(now, this.#place.endpointId)
    // A planned move under way goes on, as a failover.
    this.#leave(now, lossReason(cause), 'gone', { lastProof, evidence: [describeLoss(cause)] })
  }

  goaway(now: Instant, leaveWithinMs: DurationMs, spreadMs: DurationMs | undefined): void {
    if (this.#place.is === 'searching' && this.#place.oldLink !== 'alive') return
    const goaway = { at: now, until: now + leaveWithinMs, ...(spreadMs === undefined ? {} : { spreadMs }) }
    this.#place = { ...this.#place, goaway }
    this.context.askAll(now, this.who.ucc)
  }

  topicSilent(now: Instant, silent: boolean): void {
    this.#topicSilentSince = silent ? (this.#topicSilentSince ?? now) : undefined
    if (silent) this.context.askAll(now, this.who.ucc)
  }

  welcomed(moveId: number, server: string, spreadMs: DurationMs | undefined): void {
    this.#announcedSpreadMs = spreadMs
    if (this.#move?.plan.id === moveId) this.#move = { ...this.#move, welcomedBy: server }
  }

  committed(now: Instant, moveId: number, live: boolean): void {
    const move = this.#move
    if (move === undefined || move.plan.id !== moveId) return
    this.#move = undefined
    this.#everServed = true
    const { plan } = move
    if (plan.kind === 'failover') this.#holdDown.failover(now)
    else if (plan.kind === 'switchover' || plan.kind === 'failback') this.#holdDown.planned(now)
    this.#planned.committed(plan)
    // Silence was the old side's; the new one has its own.
    this.#topicSilentSince = undefined
    const server = live ? move.welcomedBy : undefined
    this.#place = { is: 'at', endpointId: plan.to, live, since: now, ...(server === undefined ? {} : { server }) }
    if (plan.from !== undefined && plan.from !== plan.to && plan.makeBeforeBreak)
      this.#announceLeft(plan.from, 'drained')
  }

  /** A seat that only routed requests needs a live connection now: dialled where it is, on recent proof. */
  wantLive(now: Instant): void {
    if (this.#place.is !== 'at' || this.#place.live || this.#move !== undefined) return
    const since = now - this.context.settings.health.activeIntervalMs
    this.#place = {
      ...this.#searchingHere(now, 'start', 'gone', { lastProof: now, evidence: [], since }),
      dialAfter: now,
    }
    this.context.askAll(now, this.who.ucc)
  }

  stable(): void {
    if (this.#place.is !== 'at') return
    this.#backoffs.forget(this.#place.endpointId)
    this.context.judge.roster.get(this.#place.endpointId)?.breaker.settle()
  }

  failed(now: Instant, moveId: number, cause: LossCause): void {
    const move = this.#move
    if (move === undefined || move.plan.id !== moveId) return
    this.#move = undefined
    const waitMs = this.#backoffs.bar(now, move.plan.to, cause.type === 'refused' ? (cause.retryAfterMs ?? 0) : 0)
    this.context.emit({
      type: 'decision',
      kind: 'attempt-failed',
      reason: cause.type,
      sentence: `The attempt on ${this.#name(move.plan.to)} failed: ${describeLoss(cause)}.`,
      facts: { endpoint: move.plan.to, waitMs: Math.round(waitMs) },
    })
    holdAgainst(this.context.judge, now, this.context.judge.roster.get(move.plan.to), cause)
    if (this.#place.is === 'searching') this.#place = { ...omitReady(this.#place), since: now }
    else this.#planned.drop(`the move to ${this.#name(move.plan.to)} failed: ${describeLoss(cause)}`)
    this.context.askAll(now, this.who.ucc)
  }

  /** Is the question for a road put off, because the draw still lasts? */
  get isPatient(): boolean {
    return this.#place.is === 'searching' && this.#place.askAt !== undefined
  }

  /** The time has come, or somebody cannot wait for it (a request): the question is put now. */
  needsRoad(now: Instant): void {
    if (this.#place.is !== 'searching' || this.#place.askAt === undefined) return
    const { askAt: _, ...place } = this.#place
    this.#place = place
    this.context.askAll(now, this.who.ucc)
  }

  ask(wish: AskedWish): void {
    const { refuse } = this.#planned
    if (this.#move !== undefined) refuse(wish.call, `a move to ${this.#name(this.#move.plan.to)} is under way`)
    else if (this.#place.is !== 'at') refuse(wish.call, 'the client is not connected to any endpoint now')
    else this.#planned.ask(this.#place, wish)
  }

  answered(now: Instant, question: number, allowed: boolean): void {
    this.#planned.answered(now, question, allowed)
  }

  closed(): void {
    this.#planned.drop('the client was closed')
  }

  // ---- what to do about it --------------------------------------------------------------------------------------

  /** Looks at everything again. Called after each input of the pool. */
  evaluate(now: Instant): void {
    this.#wakeAt = NEVER
    if (this.#move !== undefined) this.#watchMove(now)
    // The old side of a planned move is judged like any other: it may die, or stop serving, meanwhile.
    if (this.#place.is === 'at') this.#hold(now, this.#place)
    if (this.#place.is === 'searching' && now >= (this.#place.askAt ?? NEVER)) this.needsRoad(now)
    if (this.#move === undefined && this.#place.is === 'searching') this.#seek(now, this.#place)
    this.#tellCondition()
  }

  #seek(now: Instant, place: Searching): void {
    const { judge, settings } = this.context
    if (place.askAt !== undefined) this.#wake(place.askAt)
    const barred = (id: string): boolean => this.#backoffs.barredUntil(id) > now
    const result = search(judge, { place, ucc: this.who.ucc, asked: this.#planned.asked, barred })
    this.#wake(this.#backoffs.next(now))
    if (result.found === 'nothing') {
      if (place.readyAt !== undefined) this.#place = omitReady(place)
      return
    }
    if (place.oldLink === 'alive' && isSameServer(result.to, place)) return this.#recovered(now, place)
    const readyAt = place.readyAt ?? now
    const waitUntil = result.betterPending ? betterRoadUntil(readyAt, settings.connect.betterRoadMs) : now
    this.#place = { ...omitReady(place), readyAt, ...(now < waitUntil ? { isWaiting: true } : {}) }
    const goAt = Math.max(waitUntil, place.dialAfter)
    if (now < goAt) return this.#wake(goAt)
    this.#go(now, place, result.to, readyAt)
  }

  #go(now: Instant, place: Searching, to: Standing, readyAt: Instant): void {
    const kind: MoveKind = !this.#everServed ? 'initial' : isSameServer(to, place) ? 'redial' : 'failover'
    // Whatever is left of the old connection may speak until the new one carries everything, if it can speak at all.
    const makeBeforeBreak = place.oldLink === 'alive'
    const decided = Math.max(place.detected, Math.min(readyAt, now))
    if (kind === 'failover' && place.from !== undefined) this.#announceLeft(place.from, 'lost')
    this.#start(now, {
      kind,
      // A seat that only routed requests had no connection to lose: its endpoint does not serve any more.
      reason: kind === 'failover' && place.reason === 'start' ? 'endpoint-down' : place.reason,
      to: to.endpointId,
      makeBeforeBreak,
      evidence: [...place.evidence, this.#describe(to)],
      times: { lastProof: place.lastProof, detected: place.detected, decided, dialled: now },
      ...(place.from === undefined ? {} : { from: place.from }),
      ...(place.fromServer === undefined ? {} : { fromServer: place.fromServer }),
    })
  }

  #start(now: Instant, plan: Omit<MovePlan, 'id' | 'road'>): void {
    const endpoint = this.context.judge.roster.get(plan.to)
    if (endpoint === undefined) return
    const minTerm = this.context.judge.fence(this.who.ucc).term
    const fenced = minTerm === undefined ? {} : { minTerm }
    const full: MovePlan = { ...plan, ...fenced, id: this.context.nextMoveId(), road: endpoint.road }
    this.#move = { plan: full, startedAt: now }
    // The session gives the old connection up with this: nobody comes back to it.
    if (!plan.makeBeforeBreak && this.#place.is === 'searching') this.#place = { ...this.#place, oldLink: 'gone' }
    const from = plan.from === undefined ? '' : ` from ${this.#name(plan.from)}`
    this.context.emit({
      type: 'decision',
      kind: plan.kind,
      reason: plan.reason,
      sentence: `Go${from} to ${this.#name(plan.to)} (${plan.kind}): ${[plan.reason, ...plan.evidence].join('; ')}.`,
      facts: { to: plan.to, from: plan.from, move: full.id },
    })
    this.#planned.begun(full)
    this.context.emit({ type: 'go', seat: this.who.id, plan: full })
  }

  /** The place is settled: does it still serve, and is there a reason to be elsewhere? */
  #hold(now: Instant, place: Settled): void {
    const { judge } = this.context
    const endpoint = judge.roster.get(place.endpointId)
    if (endpoint === undefined)
      return this.#leave(now, 'endpoint-down', 'gone', { lastProof: now, evidence: ['the endpoint was removed'] })
    if (place.suspicion !== undefined && this.#judgeSuspicion(now, place, endpoint)) return
    this.#doubt(now, place, endpoint)
    if (!this.#view.serves(place)) {
      const word = this.#view.wordOf(place, endpoint)
      const stopped = word !== undefined && !judge.running(word, this.who.ucc)
      const who = place.server ?? endpoint.server ?? endpoint.id
      const evidence = [stopped ? `${who} says ${word.state}` : `${endpoint.seed.name} does not answer`]
      const oldLink = place.live ? 'alive' : 'gone'
      return this.#leave(now, stopped ? 'ucc-stopped' : 'endpoint-down', oldLink, {
        lastProof: word?.at ?? now,
        evidence,
      })
    }
    if (place.suspicion === undefined && this.#move === undefined)
      this.#planned.consider(now, place, endpoint, this.#topicSilentSince)
  }

  /** A seat without a connection of its own has no beats: the first miss is its suspicion, and everybody is asked. */
  #doubt(now: Instant, place: Settled, endpoint: Endpoint): void {
    const isMissing = !place.live && endpoint.misses > 0
    if (isMissing && !this.#isAsking) this.context.askAll(now, this.who.ucc)
    this.#isAsking = isMissing
  }

  #judgeSuspicion(now: Instant, place: Settled, endpoint: Endpoint): boolean {
    const { suspicion } = place
    if (suspicion === undefined) return false
    const { decision, hard, reason, readiness } = this.#view.judge(endpoint, suspicion)
    if (decision === 'undecided' || decision === 'clear' || decision === 'planned') return false
    // Nothing is known but silence: count nothing, ask on.
    if (decision === 'blind') return true
    if (hard) this.context.judge.silent(now, endpoint)
    const { lastProof, since, ping } = suspicion
    const evidence = [`no frame for ${Math.round(now - lastProof)} ms, ping ${ping}`, readiness]
    // An answering connection (row one) is alive; an unanswered one may only still speak.
    this.#leave(now, reason, ping === 'none' ? 'silent' : 'alive', { lastProof, evidence, since, asked: true })
    return true
  }

  #watchMove(now: Instant): void {
    const move = this.#move
    if (move === undefined || !this.#view.isHopeless(move)) return
    this.context.emit({ type: 'cancel-move', seat: this.who.id, move: move.plan.id })
    this.failed(now, move.plan.id, { type: 'not-ready', state: this.#view.readinessOf(move.plan.to) })
  }

  /** Off this place: look for another road. `since`: what answered from then on counts. */
  #leave(now: Instant, reason: MoveReason, oldLink: OldLink, facts: LeaveFacts & { readonly asked?: boolean }): void {
    this.#planned.reset()
    const move = this.#move
    const place = this.#searchingHere(now, reason, oldLink, facts)
    const { settings, random } = this.context
    const askAt = facts.asked === true ? now : now + askDelay(place.dialAfter - now, settings, random)
    this.#place = askAt > now ? { ...place, askAt } : place
    if (facts.asked !== true && askAt <= now) this.context.askAll(now, this.who.ucc)
    if (move === undefined) return
    if (move.welcomedBy !== undefined) return this.#upgrade(now, move)
    // Nobody has answered over there yet: whoever answers now is the better road, the same one included.
    this.context.emit({ type: 'cancel-move', seat: this.who.id, move: move.plan.id })
    this.#move = undefined
  }

  /** The old side died during a planned move: the move goes on as a failover. */
  #upgrade(now: Instant, move: ActiveMove): void {
    const { plan } = move
    if (plan.kind !== 'switchover' && plan.kind !== 'failback') return
    const times = { ...plan.times, lastProof: Math.min(plan.times.lastProof, now) }
    this.#move = { ...move, plan: { ...plan, kind: 'failover', makeBeforeBreak: false, times } }
    if (plan.from !== undefined) this.#announceLeft(plan.from, 'lost')
  }

  #searchingHere(now: Instant, reason: MoveReason, oldLink: OldLink, facts: LeaveFacts): Searching {
    const here = this.#place.is === 'at' ? this.#place : undefined
    const from = here === undefined ? undefined : this.context.judge.roster.get(here.endpointId)
    const windowMs = from === undefined ? 0 : this.#view.windowFrom(from, this.#announcedMs())
    const drawMs = from === undefined ? 0 : drawSpread(windowMs, this.who.priority(), this.context.random)
    return { ...searchingFrom(now, here, from, reason, oldLink, facts), dialAfter: now + drawMs }
  }

  #recovered(now: Instant, place: Searching): void {
    if (place.from === undefined) return
    this.#place = backAt(now, place, place.from)
    this.context.emit({
      type: 'decision',
      kind: 'recovered',
      reason: place.reason,
      sentence: `${this.#name(place.from)} serves again: no move.`,
      facts: {},
    })
  }

  // ---- what is known --------------------------------------------------------------------------------------------

  /** What the server being left, or the one dialled, has announced of the spread. */
  #announcedMs(): DurationMs | undefined {
    const goaway = this.#place.is === 'at' ? this.#place.goaway : undefined
    return goaway?.spreadMs ?? this.#announcedSpreadMs
  }

  #unplanned(): boolean {
    const kind = this.#move?.plan.kind
    return kind === 'initial' || kind === 'failover' || kind === 'redial'
  }

  /** The topic is silent here and another server took over: what this one answers is not to be believed. */
  #isDoubted(): boolean {
    return this.#move?.plan.reason === 'topic-silent'
  }

  #announceLeft(endpointId: string, how: 'lost' | 'drained'): void {
    const generation = this.context.judge.roster.get(endpointId)?.generation ?? 0
    this.context.emit({ type: 'left', endpointId, generation, how, seat: this.who.id })
  }

  #tellCondition(): void {
    const facts = { moving: this.#move !== undefined, everServed: this.#everServed, before: this.#condition }
    const isDoubted = this.#place.is === 'at' && this.#isDoubted()
    const condition: SeatCondition = isDoubted
      ? { is: 'degraded', why: 'moving' }
      : this.#view.condition(this.#place, facts)
    const same = JSON.stringify(condition) === JSON.stringify(this.#condition)
    if (same) return
    this.#condition = condition
    this.context.emit({ type: 'condition', seat: this.who.id, condition })
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

/** The server that was left answers again. By its name where it is known: the endpoint may lead elsewhere by now. */
function isSameServer(to: Standing, { from, fromServer }: Searching): boolean {
  return to.server === undefined || fromServer === undefined ? to.endpointId === from : to.server === fromServer
}

function omitReady(place: Searching): Searching {
  const { readyAt: _, isWaiting: __, ...rest } = place
  return rest
}
