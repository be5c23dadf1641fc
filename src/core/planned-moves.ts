/**
 * Planned moves of a seat: the old side still works, so there is time to ask whether to go (drain, term, designation,
 * rank, a wish), when (hold-down, spread, backoff), and whether this moment is quiet enough (`canMove`).
 */
import { choose, type Choice, type Standing } from './choose'
import type { Endpoint } from './endpoint'
import type { HoldDown } from './failback'
import type { MovePlan, MoveReason } from './pool-protocol'
import type { Word } from './readiness-book'
import { moveKind, type PendingMove, type Settled, type Wish } from './seat-state'
import type { SeatContext, SeatIdentity } from './seat-context'
import type { MoveSketch } from './seat-search'
import { QUIET_TRANSITIONS } from './seat-transitions'
import { drawSpread } from './spread'
import { NEVER, type DurationMs, type Instant } from './time'
import { transition } from './transitions'

/** Moves by term or designation wait at most this long for a quiet moment. A failback waits without bound. */
const QUIET_LIMIT_MS = 1_800_000
/** Who is named no more is left after this: some three answers of DNS. */
const SHORT_SIGHTED_MS = 30_000
/** How long after a refusal `canMove` is asked again. */
const ASK_AGAIN_MS = 1000
/** A drain waits for the quiet moment until so long before the server closes: a move takes a few round trips. */
const DRAIN_LEAD_MS = 1000

/** What a seat does for its planned moves. */
export interface PlannedHost {
  start(now: Instant, plan: MoveSketch): void
  wake(at: Instant): void
  barredUntil(endpointId: string): Instant
  windowMs(from: Endpoint, to: Standing | undefined): DurationMs
  name(endpointId: string): string
}

export interface AskedWish {
  readonly call: number
  readonly wish: 'switchover' | 'failback'
  readonly to?: string
  readonly hold: boolean
  readonly why?: string
}

export class PlannedMoves {
  #pending: PendingMove | undefined
  #wish: Wish | undefined

  constructor(
    private readonly who: SeatIdentity,
    private readonly context: SeatContext,
    private readonly holdDown: HoldDown,
    private readonly host: PlannedHost,
  ) {}

  /** The endpoint asked for, while a wish stands. */
  get asked(): string | undefined {
    return this.#wish?.to
  }

  /** Nothing is planned any more: the place was left, or a move has begun to be carried out. */
  reset(): void {
    this.#pending = undefined
  }

  /** A move has ended: a wish counts once, unless it is held. */
  committed(plan: MovePlan): void {
    this.#pending = undefined
    const wish = this.#wish
    // A call has exactly one end: another move may have brought us where it wanted, or somewhere else.
    if (wish?.call !== undefined && wish.move !== plan.id) {
      if (wish.to === plan.to) this.#accept(wish.call, plan.id)
      else this.refuse(wish.call, `the client had to move to ${this.host.name(plan.to)} instead`)
    }
    this.#wish = wish?.hold === true ? { to: wish.to, hold: true } : undefined
  }

  /** This move carries the call: its report is the answer. */
  #accept(call: number, move: number): void {
    this.context.emit({ type: 'move-accepted', seat: this.who.id, call, move })
  }

  /** A move has begun that carries the wish. */
  begun(plan: MovePlan): void {
    if (this.#wish?.call === undefined || this.#wish.to !== plan.to || plan.reason !== 'switchover') return
    this.#wish = { ...this.#wish, move: plan.id }
    this.#accept(this.#wish.call ?? 0, plan.id)
  }

  /** `switchover()` or `failback()` from this settled place. */
  ask(place: Settled, wish: AskedWish): void {
    const here = place.endpointId
    const standings = this.context.judge.standings(this.who.ucc)
    const target = wish.to ?? this.#otherThan(here, standings, wish.wish)
    if (target === undefined) return this.refuse(wish.call, 'no other endpoint can serve now')
    const standing = standings.find((one) => one.endpointId === target)
    if (standing === undefined) return this.refuse(wish.call, `no such endpoint: ${target}`)
    if (target === here) return this.refuse(wish.call, `${this.host.name(target)} is already the active endpoint`)
    if (!standing.candidate) return this.refuse(wish.call, `${this.host.name(target)} cannot serve now`)
    this.drop('another move was asked for')
    this.#wish = { call: wish.call, to: target, hold: wish.hold, ...(wish.why === undefined ? {} : { why: wish.why }) }
  }

  readonly refuse = (call: number, message: string): void => {
    this.context.emit({ type: 'move-refused', seat: this.who.id, call, message })
  }

  /** The wish comes to nothing. */
  drop(message: string): void {
    if (this.#wish?.call !== undefined) this.refuse(this.#wish.call, message)
    this.#wish = undefined
    this.#pending = undefined
  }

  /** `canMove` has answered. */
  answered(now: Instant, question: number, allowed: boolean): void {
    const pending = this.#pending
    if (pending === undefined || pending.question.is !== 'asked' || pending.question.question !== question) return
    const { is } = pending.question
    this.#pending = {
      ...pending,
      question: allowed
        ? { is: transition(QUIET_TRANSITIONS, is, 'allow') }
        : { is: transition(QUIET_TRANSITIONS, is, 'refuse'), until: now + ASK_AGAIN_MS },
    }
  }

  /** The place serves: is there a reason to be elsewhere? */
  consider(now: Instant, place: Settled, endpoint: Endpoint, topicSilentSince: Instant | undefined): void {
    const { judge, settings } = this.context
    const isRemoved = endpoint.removedAt !== undefined
    const others = judge.standings(this.who.ucc)
    const standings = isRemoved ? [...others, judge.standing(endpoint, this.who.ucc)] : others
    const isLeaving = place.goaway !== undefined || judge.word(endpoint, this.who.ucc)?.draining === true
    // An endpoint that no source names any more is left like a draining one. Not at once: there are name servers that
    // give a few of many addresses, others each time. And not where its server is known by another road: that server
    // goes nowhere (DNS, mostly, has been told the name of an address).
    const isKnown = others.some((one) => one.candidate && one.server !== undefined && one.server === endpoint.server)
    const goneAt = (endpoint.removedAt ?? NEVER) + SHORT_SIGHTED_MS
    if (isRemoved && now < goneAt) this.host.wake(goneAt)
    const draining = isLeaving || (!isKnown && now >= goneAt)
    if (draining && this.#wish?.call === undefined) return this.#drain(now, place, endpoint, others)
    if (topicSilentSince !== undefined && this.#silence(now, place, endpoint, standings, topicSilentSince)) return
    if (this.#isRepointed(place, endpoint)) return this.#follow(now, place, endpoint)
    const choice = choose(standings, { endpointId: place.endpointId, serves: true }, this.asked)
    if (choice.do !== 'move' || this.#isManual(choice, endpoint, settings.failback.mode)) return this.reset()
    const { to, reason } = choice
    this.#pend(now, endpoint, to, reason, this.#notBefore(now, place, to, reason), this.#latest(now, reason))
    this.#pursue(now, place, endpoint)
  }

  /**
   * This road leads to another server now, and that one is the UCC's: its term is higher. Without a difference of terms
   * it is a designation, and believed like one.
   */
  #isRepointed({ is, server }: Settled, endpoint: Endpoint): boolean {
    if (is === 'routing' || server === undefined || endpoint.server === undefined) return false
    if (endpoint.server === server) return false
    const { book } = this.context.judge
    const now = book.word(endpoint.server, this.who.ucc)?.term
    const before = book.word(server, this.who.ucc)?.term
    const difference = now === undefined || before === undefined ? 0 : now - before
    if (difference < 0 || (difference === 0 && !endpoint.isSettled)) return false
    return this.context.judge.standing(endpoint, this.who.ucc).candidate
  }

  /** A planned move through the same endpoint, to who answers there now. */
  #follow(now: Instant, place: Settled, endpoint: Endpoint): void {
    const to = this.context.judge.standing(endpoint, this.who.ucc)
    this.#pend(now, endpoint, to, 'designation', now, this.#latest(now, 'designation'))
    this.#pursue(now, place, endpoint)
  }

  /** `manual` failback stops moves to a better rank, also by term; a designation and a wish still move. */
  #isManual({ to, reason }: Extract<Choice, { do: 'move' }>, here: Endpoint, mode: 'automatic' | 'manual'): boolean {
    const isFailback = to.rank < here.seed.rank && (reason === 'rank' || reason === 'term')
    return mode === 'manual' && isFailback && !to.designated
  }

  /** The topic is silent though everything claims to run: a server that took over since is where it speaks. */
  #silence(now: Instant, place: Settled, endpoint: Endpoint, standings: readonly Standing[], since: Instant): boolean {
    const { judge } = this.context
    const here = judge.word(endpoint, this.who.ucc)
    const to = standings.find((standing) => {
      if (!standing.candidate || standing.server === endpoint.server) return false
      const word = judge.book.word(standing.server, this.who.ucc)
      const higher = word?.term !== undefined && here?.term !== undefined && word.term > here.term
      return higher || (word?.runningSince !== undefined && word.runningSince >= since)
    })
    if (to === undefined) return false
    this.#pend(now, endpoint, to, 'topic-silent', now, now)
    this.#pursue(now, place, endpoint)
    return true
  }

  /** Within `leaveWithinMs`, each client at its own moment of the first half; nobody there: the old side is kept. */
  #drain(now: Instant, place: Settled, endpoint: Endpoint, standings: readonly Standing[]): void {
    const others = standings.filter((one) => one.server === undefined || one.server !== endpoint.server)
    const choice = choose(others, { endpointId: place.endpointId, serves: false }, this.asked)
    if (choice.do !== 'failover') return this.reset()
    const { to } = choice
    if (this.#pending?.to !== to.endpointId || this.#pending.reason !== 'drain') {
      const { goaway } = place
      const since = goaway?.at ?? now
      const ownMs = this.host.windowMs(endpoint, to)
      const windowMs = goaway === undefined ? ownMs : Math.min(goaway.spreadMs ?? ownMs, (goaway.until - since) / 2)
      const drawnMs = drawSpread(windowMs, this.who.priority(), this.context.random)
      // The server closes at the end: a move that begins only then has nothing to be made before.
      const leadMs = goaway === undefined ? 0 : Math.min(DRAIN_LEAD_MS, (goaway.until - since) / 4)
      const until = (goaway?.until ?? now + 2 * windowMs) - leadMs
      this.#pend(now, endpoint, to, 'drain', Math.min(since + drawnMs, until), until)
    }
    this.#pursue(now, place, endpoint)
  }

  #pend(now: Instant, here: Endpoint, to: Standing, reason: MoveReason, notBefore: Instant, latest: Instant): void {
    const known = this.#pending
    if (known !== undefined && known.to === to.endpointId && known.reason === reason) {
      // The hold-down counts continuous readiness: an interruption pushes it out, nothing pulls it in but a new reason.
      if (notBefore > known.notBefore) this.#pending = { ...known, notBefore }
      return
    }
    const kind = moveKind(to.rank < here.seed.rank)
    this.#pending = { to: to.endpointId, reason, kind, since: now, notBefore, latest, question: { is: 'not-asked' } }
  }

  /** Waits for the hold-down, the backoff and the quiet moment; then goes. */
  #pursue(now: Instant, place: Settled, endpoint: Endpoint): void {
    const pending = this.#pending
    if (pending === undefined) return
    const notBefore = Math.max(pending.notBefore, this.host.barredUntil(pending.to))
    if (now < notBefore) return this.host.wake(notBefore)
    if (this.#isMissing(pending)) return
    // Whoever asked for the move, or sees nothing any more, needs no quiet moment.
    const asks = this.who.asksCanMove && pending.reason !== 'switchover' && pending.reason !== 'topic-silent'
    if (asks && pending.question.is !== 'granted' && now < pending.latest) return this.#askQuiet(now, pending, place)
    const { kind, reason, to } = pending
    const evidence = reason === 'switchover' && this.#wish?.why !== undefined ? [this.#wish.why] : []
    const times = { lastProof: now, detected: now, decided: now, dialled: now }
    const server = place.server ?? endpoint.server
    const fromServer = server === undefined ? {} : { fromServer: server }
    const plan = { kind, reason, to, from: place.endpointId, ...fromServer, makeBeforeBreak: true, evidence, times }
    this.host.start(now, plan)
  }

  /** Nothing presses: whoever has just missed a probe is not moved to before it answers again. */
  #isMissing({ to, reason }: PendingMove): boolean {
    const isUrgent = reason === 'drain' || reason === 'switchover'
    return !isUrgent && this.context.judge.roster.get(to)?.liveness.is === 'down'
  }

  #askQuiet(now: Instant, pending: PendingMove, place: Settled): void {
    this.host.wake(pending.latest)
    const { question: state, kind, to, reason } = pending
    if (state.is === 'asked') return
    if (state.is === 'refused' && now < state.until) return this.host.wake(state.until)
    const question = this.context.nextQuestion()
    this.#pending = { ...pending, question: { is: transition(QUIET_TRANSITIONS, state.is, 'ask'), question } }
    this.context.emit({ type: 'ask-can-move', seat: this.who.id, question, kind, from: place.endpointId, to, reason })
  }

  #notBefore(now: Instant, place: Settled, to: Standing, reason: MoveReason): Instant {
    if (reason === 'switchover' && this.#wish?.call !== undefined) return now
    const word = this.context.judge.book.word(to.server, this.who.ucc)
    if (reason === 'term' && !this.holdDown.recently(now) && !this.#isRestless(now, word)) return now
    // A new word is followed; an old one, whose endpoint was lost meanwhile, calls back like a better rank.
    if (reason === 'designation' && this.context.judge.designation.changedAt >= place.chosenAt) return now
    // Not heard of since it was interrupted: nothing has begun to count. Without a contract only the wish counts.
    const since = word === undefined ? (this.#pending?.since ?? now) : (word.readySince ?? now)
    // Not before this client itself has been away for as long: it left for a reason.
    return Math.max(since, place.since) + this.holdDown.waitMs(now)
  }

  /** It took two terms within the flap window: it comes and goes, and the next one may be as short. */
  #isRestless(now: Instant, word: Word | undefined): boolean {
    const { flapWindowMs } = this.context.settings.failback
    return word?.risenBeforeAt !== undefined && now - word.risenBeforeAt < flapWindowMs
  }

  #latest(now: Instant, reason: MoveReason): Instant {
    const since = this.#pending?.reason === reason ? this.#pending.since : now
    return reason === 'term' || reason === 'designation' ? since + QUIET_LIMIT_MS : NEVER
  }

  #otherThan(here: string, standings: readonly Standing[], wish: 'switchover' | 'failback'): string | undefined {
    const rank = standings.find((one) => one.endpointId === here)?.rank ?? 0
    const others = standings.filter((one) => one.endpointId !== here && (wish === 'switchover' || one.rank < rank))
    const choice = choose(others, { endpointId: here, serves: false })
    return choice.do === 'failover' ? choice.to.endpointId : undefined
  }
}
