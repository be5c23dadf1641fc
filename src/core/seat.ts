/**
 * A seat: one client's place in the pool. It decides where the client should be, why, and how urgently; the session
 * carries it out. `PLACE_TRANSITIONS` and its neighbours say how one place follows another:
 *
 *   searching ──road found, draw over──► move ──committed──► live, or routing
 *      ▲                                  │                  │ planned reasons (term, rank, drain, wish): move,
 *      │◄──────────attempt failed─────────┘                  │ make-before-break, the place stays meanwhile
 *      └──────lost, UCC stopped, endpoint down, silent───────┘
 */
import type { Endpoint } from './endpoint'
import { HoldDown } from './failback'
import { describeLoss, holdAgainst, lossReason } from './losses'
import { PlannedMoves, type AskedWish } from './planned-moves'
import type { LossCause, SeatCondition } from './pool-protocol'
import { isWhence } from './search'
import { SeatBackoffs } from './seat-backoffs'
import type { SeatContext, SeatIdentity } from './seat-context'
import { SeatMove } from './seat-move'
import * as places from './seat-places'
import { seek, type MoveSketch } from './seat-search'
import type { ActiveMove, Place, Searching, Settled } from './seat-state'
import { SeatVerdicts } from './seat-verdict'
import { SeatView } from './seat-view'
import { SeatVoice } from './seat-voice'
import { askDelay, drawSpread } from './spread'
import { NEVER, type DurationMs, type Instant } from './time'

/** An answer on a healthy line has come by then; with a lost packet it takes 200 ms to a second longer. */
const ASK_AGAIN_MS = 150
/** What the server ended while we slept is noticed so soon after we wake: a reset at once, silence by its ping. */
const AFTER_PAUSE_MS = 5000

export class Seat {
  #place: Place
  #topicSilentSince: Instant | undefined
  #announcedSpreadMs: DurationMs | undefined
  #wakeAt: Instant = NEVER
  #everServed = false
  /** Everybody was asked because this seat's endpoint missed a probe. */
  #isAsking = false
  #pausedAt: Instant = -NEVER
  readonly #move: SeatMove
  readonly #holdDown: HoldDown
  readonly #backoffs: SeatBackoffs
  readonly #view: SeatView
  readonly #verdicts: SeatVerdicts
  readonly #voice: SeatVoice
  readonly #planned: PlannedMoves

  constructor(
    readonly who: SeatIdentity,
    private readonly context: SeatContext,
    now: Instant,
  ) {
    const { judge, settings, random } = context
    this.#move = new SeatMove(who, context)
    this.#holdDown = new HoldDown(settings.failback, random)
    this.#backoffs = new SeatBackoffs(settings.connect, random)
    this.#view = new SeatView(judge, who.ucc, settings)
    this.#verdicts = new SeatVerdicts(judge, who.ucc, this.#view, settings)
    this.#voice = new SeatVoice(who, context)
    this.#planned = new PlannedMoves(who, context, this.#holdDown, {
      start: (at, plan) => this.#start(at, plan),
      wake: (at) => this.#wake(at),
      barredUntil: (id) => this.#backoffs.barredUntil(id),
      windowMs: (from, to) => this.#view.windowMs(from, to, this.#announcedMs()),
      name: (id) => this.#voice.name(id),
    })
    this.#place = places.beginning(now)
    this.#askAll(now)
  }

  get place(): Place {
    return this.#place
  }

  get move(): ActiveMove | undefined {
    return this.#move.active
  }

  get condition(): SeatCondition {
    return this.#voice.condition
  }

  deadline(): Instant {
    return this.#wakeAt
  }

  /** Must readiness be asked at the edge cadence for this seat? */
  get watchful(): boolean {
    if (this.#place.is === 'searching') return !this.isPatient
    const { trust, goaway } = this.#place
    return trust.is !== 'trusted' || goaway !== undefined || this.#topicSilentSince !== undefined
  }

  /** Is the question for a road put off, because the draw still lasts? */
  get isPatient(): boolean {
    return this.#place.is === 'searching' && places.askAt(this.#place) !== undefined
  }

  uses(endpointId: string): boolean {
    const here = this.#place.is === 'searching' ? this.#place.from : this.#place.endpointId
    return here === endpointId || this.move?.plan.to === endpointId
  }

  /** The road for a request of this seat: where it is or goes, else the best candidate; never an avoided one. */
  route(avoid: readonly string[]): Endpoint | undefined {
    const target = this.#move.isUnplanned || this.#move.isByDoubt ? this.move?.plan.to : undefined
    return this.#view.route(this.#place, target, avoid, this.#planned.asked)
  }

  // ---- what happened ------------------------------------------------------------------------------------------

  suspect(now: Instant, lastProof: Instant): void {
    if (this.#place.is === 'searching' || this.#place.trust.is !== 'trusted') return
    this.#place = places.suspected(now, this.#place, lastProof)
    this.#forgetBeats(this.#place)
    this.#askAll(now)
  }

  unanswered(now: Instant, lastProof: Instant): void {
    if (this.#place.is === 'searching') {
      // What was left of the old connection has died meanwhile: nobody may come back to it.
      if (this.#place.oldLink === 'alive') this.#place = places.oldLinkAfter(this.#place, 'hush')
      return
    }
    this.#forgetBeats(this.#place)
    if (this.#place.trust.is === 'trusted') this.#askAll(now)
    this.#place = places.unanswered(now, this.#place, lastProof)
  }

  /** The connection spoke again. */
  clear(now: Instant): void {
    const place = this.#place
    if (place.is !== 'searching') this.#place = places.trusted(place)
    else if (place.oldLink === 'silent' && place.from !== undefined && this.move === undefined)
      this.#place = places.backAt(now, place, place.from)
  }

  /** We ourselves were stopped: nobody is to blame, nothing that was waited for counts. */
  pause(now: Instant): void {
    this.#pausedAt = now
    this.clear(now)
    if (this.#place.is === 'searching') this.#place = { ...this.#place, since: now }
    this.#askAll(now)
  }

  lost(now: Instant, cause: LossCause, lastProof: Instant): void {
    const place = this.#place
    if (place.is === 'searching') {
      this.#place = places.oldLinkAfter(place, 'lose')
      return
    }
    this.#forgetBeats(place)
    holdAgainst(this.context.judge, now, this.context.judge.roster.get(place.endpointId), cause)
    this.#backoffs.lost(now, place.endpointId)
    // A planned move under way goes on, as a failover.
    const evidence = [describeLoss(cause)]
    this.#leave(now, place, 'lose', { reason: lossReason(cause), oldLink: 'gone', lastProof, evidence })
  }

  goaway(now: Instant, leaveWithinMs: DurationMs, spreadMs: DurationMs | undefined): void {
    if (this.#place.is === 'searching' && this.#place.oldLink !== 'alive') return
    const goaway = { at: now, until: now + leaveWithinMs, ...(spreadMs === undefined ? {} : { spreadMs }) }
    this.#place = { ...this.#place, goaway }
    this.#askAll(now)
  }

  topicSilent(now: Instant, silent: boolean): void {
    this.#topicSilentSince = silent ? (this.#topicSilentSince ?? now) : undefined
    if (silent) this.#askAll(now)
  }

  welcomed(moveId: number, server: string, spreadMs: DurationMs | undefined): void {
    this.#announcedSpreadMs = spreadMs
    this.#move.welcomed(moveId, server)
  }

  committed(now: Instant, moveId: number, live: boolean): void {
    const move = this.#move.named(moveId)
    if (move === undefined) return
    this.#move.end(move, 'commit')
    this.#everServed = true
    const { plan } = move
    if (plan.kind === 'failover') this.#holdDown.failover(now)
    else if (plan.kind === 'switchover' || plan.kind === 'failback') this.#holdDown.planned(now)
    this.#planned.committed(plan)
    // Silence was the old side's; the new one has its own.
    this.#topicSilentSince = undefined
    const server = move.is === 'welcomed' ? move.server : undefined
    this.#place = places.arrived(now, this.#place, plan, live, server)
    if (plan.from !== undefined && plan.from !== plan.to && plan.makeBeforeBreak) this.#voice.left(plan.from, 'drained')
  }

  /** A seat that only routed requests needs a live connection now: dialled where it is, on recent proof. */
  wantLive(now: Instant): void {
    const place = this.#place
    if (place.is !== 'routing' || this.move !== undefined) return
    const { judge, settings } = this.context
    const from = judge.roster.get(place.endpointId)
    const since = now - settings.health.activeIntervalMs
    const facts = { reason: 'start', oldLink: 'gone', lastProof: now, evidence: [], since } as const
    this.#place = places.left(now, place, 'need', from, facts)
    this.#askAll(now)
  }

  stable(): void {
    if (this.#place.is === 'searching') return
    this.#backoffs.forget(this.#place.endpointId)
    this.context.judge.roster.get(this.#place.endpointId)?.breaker.settle()
  }

  failed(now: Instant, moveId: number, cause: LossCause): void {
    const move = this.#move.named(moveId)
    if (move === undefined) return
    this.#move.end(move, 'fail')
    const { to } = move.plan
    const waitMs = this.#backoffs.bar(now, to, cause.type === 'refused' ? (cause.retryAfterMs ?? 0) : 0)
    this.#voice.failed(move.plan, cause, waitMs)
    const { judge } = this.context
    holdAgainst(judge, now, judge.roster.get(to), cause)
    const place = this.#place
    if (place.is === 'searching')
      this.#place = places.attemptFailed(
        now,
        place,
        isWhence({ endpointId: to, server: judge.roster.get(to)?.server }, place),
      )
    else this.#planned.drop(`the move to ${this.#voice.name(to)} failed: ${describeLoss(cause)}`)
    this.#askAll(now)
  }

  /** The time has come, or somebody cannot wait for it (a request): the question is put now. */
  needsRoad(now: Instant): void {
    if (this.#place.is !== 'searching' || !this.isPatient) return
    this.#place = places.asked(now, this.#place)
    this.#askAll(now)
  }

  ask(wish: AskedWish): void {
    const { refuse } = this.#planned
    if (this.move !== undefined) refuse(wish.call, `a move to ${this.#voice.name(this.move.plan.to)} is under way`)
    else if (this.#place.is === 'searching') refuse(wish.call, 'the client is not connected to any endpoint now')
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
    if (this.move !== undefined) this.#watchMove(now, this.move)
    // The old side of a planned move is judged like any other: it may die, or stop serving, meanwhile.
    if (this.#place.is !== 'searching') this.#hold(now, this.#place)
    if (this.#place.is === 'searching' && now >= (places.askAt(this.#place) ?? NEVER)) this.needsRoad(now)
    if (this.move === undefined && this.#place.is === 'searching') this.#seek(now, this.#place)
    this.#tellCondition()
  }

  #seek(now: Instant, place: Searching): void {
    const { judge, settings } = this.context
    const barred = (id: string): boolean => this.#backoffs.barredUntil(id) > now
    const { betterRoadMs } = settings.connect
    const facts = {
      judge,
      ucc: this.who.ucc,
      asked: this.#planned.asked,
      barred,
      betterRoadMs,
      probeTimeoutMs: settings.health.timeoutMs,
      everServed: this.#everServed,
    }
    const sought = seek(now, place, facts)
    this.#wake(this.#backoffs.next(now))
    if (sought.do === 'recover') {
      this.#place = places.backAt(now, place, sought.from)
      return this.#voice.recovered(sought.from, place.reason)
    }
    this.#place = sought.place
    if (sought.do === 'wait') return this.#wake(sought.until)
    const { plan } = sought
    if (plan.kind === 'failover' && plan.from !== undefined) this.#voice.left(plan.from, 'lost')
    this.#start(now, plan)
  }

  #start(now: Instant, sketch: MoveSketch): void {
    const plan = this.#move.begin(now, sketch)
    if (plan === undefined) return
    // The session gives the old connection up with this: nobody comes back to it.
    if (!plan.makeBeforeBreak && this.#place.is === 'searching') this.#place = places.oldLinkAfter(this.#place, 'drop')
    this.#voice.goes(plan)
    this.#planned.begun(plan)
    this.context.emit({ type: 'go', seat: this.who.id, plan })
  }

  /** The place is settled: does it still serve, and is there a reason to be elsewhere? */
  #hold(now: Instant, settled: Settled): void {
    const { judge } = this.context
    const endpoint = judge.roster.get(settled.endpointId)
    const place = this.#askedAgain(now, this.#compared(now, this.#leaving(now, settled, endpoint), endpoint), endpoint)
    this.#doubt(now, place, endpoint)
    const verdict = this.#verdicts.of(now, place, endpoint)
    if (verdict.is === 'leave') {
      if (verdict.isHard && endpoint !== undefined) judge.silent(now, endpoint)
      return this.#leave(now, place, verdict.event, verdict.facts)
    }
    const isCalm = verdict.is === 'serves' && place.trust.is === 'trusted' && this.move === undefined
    if (isCalm && endpoint !== undefined) this.#planned.consider(now, place, endpoint, this.#topicSilentSince)
  }

  #leaving(now: Instant, place: Settled, endpoint: Endpoint | undefined): Settled {
    const { holdDownMs } = this.context.settings.failback
    const word = endpoint === undefined ? undefined : this.#view.wordOf(place, endpoint)
    const after = places.leaving(now, place, word, holdDownMs)
    if (after.goaway !== undefined) this.#wake(after.goaway.until + holdDownMs)
    this.#place = after
    return after
  }

  /** How soon others answer is the measure of how soon this server should. */
  #compared(now: Instant, place: Settled, endpoint: Endpoint | undefined): Settled {
    if (place.trust.is === 'trusted' || endpoint === undefined) return place
    const after = places.heardElsewhere(place, this.#verdicts.elsewhereAt(endpoint, place.trust))
    if (after.trust.is !== 'trusted' && now < this.#verdicts.heardOutAt(after.trust))
      this.#wake(this.#verdicts.heardOutAt(after.trust))
    this.#place = after
    return after
  }

  /** One lost packet keeps an answer away for a second. Asked on two connections, the server in doubt is heard. */
  #askedAgain(now: Instant, place: Settled, endpoint: Endpoint | undefined): Settled {
    const { trust } = place
    if (trust.is === 'trusted' || trust.isAskedAgain === true || endpoint === undefined) return place
    const { judge } = this.context
    const at = trust.since + ASK_AGAIN_MS
    if (judge.triedSince(endpoint, this.who.ucc, trust.since)) return place
    if (now < at) {
      this.#wake(at)
      return place
    }
    this.context.askAgain(now, endpoint.id, this.who.ucc)
    this.#place = places.askedAgain(place)
    return this.#place
  }

  /** A seat without a connection of its own has no beats: the first miss is its suspicion, and everybody is asked. */
  #doubt(now: Instant, place: Settled, endpoint: Endpoint | undefined): void {
    const isMissing = place.is === 'routing' && endpoint !== undefined && endpoint.misses > 0
    if (isMissing && !this.#isAsking) this.#askAll(now)
    this.#isAsking = isMissing
  }

  #watchMove(now: Instant, move: ActiveMove): void {
    if (!this.#view.isHopeless(move)) return this.#move.tellFence(move)
    this.#move.tellCancelled(move)
    const { id, to } = move.plan
    const state = this.#view.readinessOf(to)
    // It may run, with a term that somebody has outbid meanwhile.
    this.failed(now, id, { type: 'not-ready', state: state === 'running' ? 'unknown' : state })
  }

  /** Off this place: look for another road, after a draw of its own. Who was suspected was asked about already. */
  #leave(now: Instant, here: Settled, event: places.Leaving, facts: places.LeaveFacts): void {
    this.#planned.reset()
    const { judge, settings, random } = this.context
    const from = judge.roster.get(here.endpointId)
    const windowMs = from === undefined ? 0 : this.#view.windowFrom(from, this.#announcedMs())
    const drawMs = from === undefined ? 0 : drawSpread(windowMs, this.who.priority(), random)
    const waitMs = event === 'doubt' ? 0 : askDelay(drawMs, settings, random)
    const isByOwnPause = event === 'lose' && now - this.#pausedAt < AFTER_PAUSE_MS
    const place = { ...places.left(now, here, event, from, { ...facts, isByOwnPause }), dialAfter: now + drawMs }
    this.#place = waitMs > 0 ? places.putOff(place, now + waitMs) : place
    if (event !== 'doubt' && waitMs <= 0) this.#askAll(now)
    const upgraded = this.#move.lostOldSide(now)
    if (upgraded?.from !== undefined) this.#voice.left(upgraded.from, 'lost')
  }

  // ---- what is known --------------------------------------------------------------------------------------------

  /** What the server being left, or the one dialled, has announced of the spread. */
  #announcedMs(): DurationMs | undefined {
    const goaway = this.#place.is === 'searching' ? undefined : this.#place.goaway
    return goaway?.spreadMs ?? this.#announcedSpreadMs
  }

  #tellCondition(): void {
    const isDoubted = this.#place.is !== 'searching' && this.#move.isByDoubt
    const facts = { moving: this.move !== undefined, everServed: this.#everServed, before: this.condition }
    this.#voice.tell(isDoubted ? { is: 'degraded', why: 'moving' } : this.#view.condition(this.#place, facts))
  }

  /** The connection that brought them is silent or lost: what its server answers now is no contradiction. */
  #forgetBeats({ endpointId, server }: Settled): void {
    const { book, roster } = this.context.judge
    book.forgetBeats(server ?? roster.get(endpointId)?.server, this.who.ucc)
  }

  #askAll(now: Instant): void {
    this.context.askAll(now, this.who.ucc)
  }

  #wake(at: Instant): void {
    this.#wakeAt = Math.min(this.#wakeAt, at)
  }
}
