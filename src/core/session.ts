/**
 * The Session machine: carries out where the pool wants this client to be.
 *
 *   go ─► dialling ─socket and token─► greeting ─welcome─► restoring ─► resuming ─all topics─► live ─leave─► leaving
 *
 * One link is *current* (the committed side), one may be *next* (a move under way), one may be *standby* (warm, idle).
 * A planned move reads both sides until the next one carries every topic; after a loss the next one is committed as
 * soon as it is restored. Every link has an id; frames and closes of links that were given up are dropped.
 */
import type { OutboxEffect, OutboxInput } from './command-protocol'
import { Detector } from './detector'
import { Lateness } from './lateness'
import { Link, lossOf } from './link'
import { LinkBook, type LinkRole } from './link-book'
import { commandFrameOf } from './client-frames'
import { LinkOpening } from './link-opening'
import { LINK_TRANSITIONS, SESSION_TRANSITIONS } from './link-transitions'
import { timingsOf } from './move-timings'
import { OutboxMachine } from './outbox'
import type { LossCause, MovePlan, PoolInput } from './pool-protocol'
import type { Road } from './road'
import { hearFrame, hearProblem, hearWelcome, refusedByStandby, type FrameContext } from './session-frames'
import type { SessionConfig, SessionEffect, SessionInput } from './session-protocol'
import type { SessionState } from './session-state'
import { TopicSet } from './session-topics'
import { NEVER, type Instant } from './time'
import type { LinkId } from './topic-protocol'
import { transition } from './transitions'
import { Upgrades } from './upgrades'
import type { ClientFrame, WelcomeFrame } from './wire'

/** The last goodbyes when the client closes. */
const CLOSE_WITHIN_MS = 500

export class SessionMachine {
  readonly #config: SessionConfig
  readonly #links: LinkBook
  readonly #topics: TopicSet
  readonly #outbox: OutboxMachine
  /** Where pending commands were last sent: told of those whose outcome nobody will know, withdrawn where they wait. */
  readonly #sentTo = new Map<number, { readonly server: string; readonly link: LinkId; readonly id: number }>()
  #effects: SessionEffect[] = []
  #now: Instant = 0
  #lastLink = 0
  readonly #upgrades = new Upgrades()
  readonly #lateness = new Lateness()
  #state: SessionState = { is: 'new' }
  readonly #opening: LinkOpening
  /** Endpoints whose last token was refused: the next one is asked for with that reason. */
  readonly #tokenRejected = new Set<string>()

  constructor(config: SessionConfig) {
    this.#config = config
    this.#outbox = new OutboxMachine(config.commands, (link) => this.#links.get(link)?.nextId() ?? 0)
    this.#links = new LinkBook({
      now: () => this.#now,
      isClosing: () => this.#isClosing,
      awaits: (link) => this.#outbox.awaits(link),
      send: (link, frame) => this.#send(link, frame),
      emit: (effect) => void this.#effects.push(effect),
      lost: (link, how) => this.#linkLost(link, how),
    })
    this.#opening = new LinkOpening(config, {
      now: () => this.#now,
      links: this.#links,
      topics: () => this.#topics,
      send: (link, frame) => this.#send(link, frame),
      pool: (input) => this.#pool(input),
      outbox: (input) => this.#toOutbox(input),
      emit: (effect) => void this.#effects.push(effect),
      end: (link, cause) => this.#end(link, cause),
    })
    this.#topics = new TopicSet({
      link: (id) => this.#links.get(id),
      send: (link, frame) => this.#send(link, frame),
      silent: (silent) => this.#pool({ type: 'topic-silent', seat: config.seat, silent }),
      emit: (effect) => void this.#effects.push(effect),
    })
  }

  /** Does anybody need a live connection? */
  get wantsLive(): boolean {
    return !this.#isClosing && (this.#topics.size > 0 || this.#outbox.size > 0 || this.#config.warm)
  }

  get #isClosing(): boolean {
    return this.#state.is === 'closing' || this.#state.is === 'ended'
  }

  get topics(): TopicSet {
    return this.#topics
  }

  handle(now: Instant, input: SessionInput): readonly SessionEffect[] {
    this.#now = now
    this.#take(input)
    this.#settle()
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  deadline(): Instant {
    let at = Math.min(
      this.#outbox.deadline(),
      this.#topics.deadline(),
      this.#links.standby.deadline(),
      this.#opening.stableAt,
    )
    if (this.#state.is === 'closing') at = Math.min(at, this.#state.until)
    for (const link of this.#links.all()) at = Math.min(at, link.deadline())
    return at
  }

  #take(input: SessionInput): void {
    switch (input.type) {
      case 'go':
        return this.#go(input.plan)
      case 'cancel-move':
        return this.#cancelMove(input.move)
      case 'warm':
        return this.#warm(input.road)
      case 'topic-open':
        this.#topics.open(this.#now, input.config)
        for (const link of this.#links.carriers()) this.#topics.ready(this.#now, link, input.config.name)
        return
      case 'topic-close':
        this.#topics.close(this.#now, input.topic)
        for (const link of this.#links.all()) link.forget(input.topic)
        return
      case 'topic-pressure':
        return this.#topics.handle(this.#now, input.topic, { type: 'pressure', full: input.full })
      case 'command':
        return this.#toOutbox({ type: 'command', request: input.request })
      case 'command-abort':
        return this.#toOutbox({ type: 'abort', command: input.command, reason: input.reason })
      case 'pause':
        // First: what is overdue must not leave on a link that wakes up.
        this.#toOutbox({ type: 'slept', ms: input.uncountedMs ?? 0 })
        for (const link of this.#links.all()) link.pause(this.#now, input.lateMs, this.#config.settings.connect)
        return
      case 'close':
        return this.#close()
      case 'tick':
        return this.#tick()
      default:
        return this.#fromLink(input)
    }
  }

  #fromLink(input: Extract<SessionInput, { link: LinkId }>): void {
    const link = this.#links.get(input.link)
    if (link === undefined) return
    switch (input.type) {
      case 'link-opened':
        link.socketOpen = true
        return this.#opening.greet(link)
      case 'token':
        return this.#opening.tokenAnswer(link, input)
      case 'restored':
        return this.#opening.restored(link, input.ok)
      case 'link-frame':
        return this.#frame(link, input)
      case 'link-problem':
        return hearProblem(link, input.problem, this.#context(link))
      case 'link-closed':
        return this.#closed(link, input)
    }
  }

  // ---- moving ---------------------------------------------------------------------------------------------------

  #go(plan: MovePlan): void {
    this.#links.drop(this.#links.next)
    if (!plan.makeBeforeBreak) this.#links.drop(this.#links.current)
    if (!this.wantsLive) {
      if (!this.#isClosing) this.#state = { is: transition(SESSION_TRANSITIONS, this.#state.is, 'route') }
      this.#links.leave(this.#links.current, plan.reason)
      this.#pool({ type: 'seat-committed', seat: this.#config.seat, move: plan.id, live: false })
      const at = { welcomed: plan.times.dialled, restored: plan.times.dialled, live: this.#now }
      this.#effects.push({ type: 'moved', plan, timings: timingsOf(plan, at, this.#now) })
      return
    }
    this.#state = { is: transition(SESSION_TRANSITIONS, this.#state.is, 'dial') }
    const { link: standby } = this.#links.standby
    const warm = standby === undefined ? undefined : this.#links.get(standby)
    if (warm?.phase.is === 'idle' && warm.road.endpointId === plan.to) return this.#promote(warm, plan)
    this.#links.attempt(this.#dial(plan.road, plan))
  }

  /** The warm standby becomes the next link: it is welcomed already. */
  #promote(link: Link, plan: MovePlan): void {
    this.#links.standby.taken()
    this.#links.attempt(link)
    link.plan = plan
    link.times.welcomed = this.#now
    this.#opening.welcomed(link)
  }

  #dial(road: Road, plan: MovePlan | undefined): Link {
    this.#lastLink += 1
    const downgraded = this.#upgrades.isDowngraded(this.#now, road.endpointId)
    const link = new Link(this.#lastLink, road, plan, downgraded, this.#now, this.#config.settings.connect.timeoutMs)
    this.#links.add(link)
    this.#effects.push({ type: 'open-link', link: link.id, road, downgraded })
    const reason = this.#tokenRejected.has(road.endpointId) ? 'rejected' : 'connect'
    // Who will answer there is not known to a link before its welcome.
    const { endpointId } = road
    this.#effects.push({ type: 'ask-token', link: link.id, endpointId, server: undefined, reason })
    return link
  }

  #cancelMove(move: number): void {
    const { next } = this.#links
    if (next?.plan?.id === move) this.#links.drop(next)
  }

  #warm(road: Road | undefined): void {
    // Whoever says goodbye needs nobody to wait: not even the pool's next word on it brings a standby back.
    const left = this.#links.standby.aim(this.#now, this.#isClosing ? undefined : road)
    if (left !== undefined) this.#links.leave(this.#links.get(left), 'standby-changed')
  }

  // ---- what a link says -----------------------------------------------------------------------------------------

  #frame(link: Link, { frame }: Extract<SessionInput, { type: 'link-frame' }>): void {
    if (frame.type === 'pong') link.detector?.pong(this.#now, frame.n)
    const cleared = link.detector?.inbound(this.#now) === true
    if (cleared && link === this.#links.current) this.#pool({ type: 'seat-clear', seat: this.#config.seat })
    const sign = link.isLeft ? undefined : link.detector?.signOfLife(this.#now)
    if (sign !== undefined) this.#send(link, { type: 'ping', n: sign })
    if (link.phase.is === 'dialling') return
    if (frame.type === 'welcome') return this.#welcomeFrame(link, frame)
    if (link.phase.is === 'greeting' && frame.type !== 'reject') return
    hearFrame(link, frame, this.#context(link))
    this.#opening.progress(link)
  }

  #welcomeFrame(link: Link, frame: WelcomeFrame): void {
    if (link.phase.is !== 'greeting') return
    link.welcome = frame
    link.term = frame.term
    link.times.welcomed = this.#now
    link.running = frame.state === 'running' || (this.#config.ucc === undefined && frame.state === 'unknown')
    // The event stream has no ping of its own.
    const { detection } = this.#config.settings
    link.detector = new Detector(detection, frame.heartbeatMs, !link.downgraded, this.#lateness, this.#now)
    if (!link.downgraded) this.#upgrades.succeeded(link.road.endpointId)
    const { endpointId } = link.road
    this.#pool({ type: 'token', endpointId, accepted: true })
    this.#tokenRejected.delete(endpointId)
    hearWelcome(link, frame, this.#context(link))
    link.renewTokenLater(this.#now)
    if (this.#links.roleOf(link) !== 'standby') this.#opening.welcomed(link)
    else link.phase = { is: transition(LINK_TRANSITIONS, link.phase.is, 'wait') }
  }

  #refused(link: Link, cause: LossCause): void {
    link.refusal = cause
    this.#end(link, cause)
  }

  #closed(link: Link, close: Extract<SessionInput, { type: 'link-closed' }>): void {
    const downgrade = this.#upgrades.closed(this.#now, link, close)
    if (downgrade !== undefined) this.#effects.push(downgrade)
    this.#end(link, lossOf(link, close.code, close.failure), true)
  }

  /** A link is over: tell whoever counted on it. */
  #end(link: Link, cause: LossCause, isClosed = false): void {
    const role = this.#links.roleOf(link)
    const lastProof = link.detector?.lastInbound ?? this.#now
    if (isClosed) this.#links.remove(link)
    else this.#links.drop(link)
    if (cause.type === 'unauthorized' && this.#tryAnotherToken(link, role)) return
    // The token holds and is not allowed there: another one would be the same user's.
    if (cause.type === 'refused' && cause.code === 'forbidden')
      this.#pool({ type: 'token', endpointId: link.road.endpointId, accepted: false, refusal: 'forbidden' })
    const seat = this.#config.seat
    if (role === 'next' && link.plan !== undefined) this.#pool({ type: 'seat-failed', seat, move: link.plan.id, cause })
    else if (role === 'current') this.#currentLost(cause, lastProof)
    else if (role === 'standby' && cause.type === 'unauthorized') this.#effects.push(refusedByStandby(link))
  }

  /** A first refusal may mean an old token only: dialled again at once, with a new one. A second one counts. */
  #tryAnotherToken({ road, plan }: Link, role: LinkRole): boolean {
    const { endpointId } = road
    if (this.#tokenRejected.has(endpointId)) {
      this.#pool({ type: 'token', endpointId, accepted: false })
      return false
    }
    this.#tokenRejected.add(endpointId)
    if (role === 'next' && plan !== undefined) this.#links.attempt(this.#dial(road, plan))
    else if (role === 'standby') this.#links.standby.dialled(this.#dial(road, undefined).id)
    else return false
    return true
  }

  #currentLost(cause: LossCause, lastProof: Instant): void {
    this.#pool({ type: 'seat-lost', seat: this.#config.seat, cause, lastProof })
    const { next } = this.#links
    if (next?.plan === undefined) return
    // The move under way goes on, as a failover: nothing is left to overlap with.
    const { plan } = next
    const isPlanned = plan.kind === 'switchover' || plan.kind === 'failback'
    next.plan = { ...plan, kind: isPlanned ? 'failover' : plan.kind, makeBeforeBreak: false }
    this.#opening.takeOver(next)
  }

  // ---- time -----------------------------------------------------------------------------------------------------

  #tick(): void {
    this.#topics.tick(this.#now)
    this.#toOutbox({ type: 'tick' })
    for (const link of this.#links.all()) this.#tickLink(link)
    this.#opening.tick()
    if (this.#state.is === 'closing' && this.#now >= this.#state.until) {
      for (const link of this.#links.all()) this.#links.drop(link)
    }
  }

  #tickLink(link: Link): void {
    if (link.isLeft) return this.#links.finishLeaving(link)
    this.#opening.progress(link)
    const overdue = link.overdue(this.#now)
    if (overdue !== undefined) return this.#end(link, overdue)
    if (this.#now >= link.tokenRenewAt) {
      link.tokenRenewAt = NEVER
      const { endpointId } = link.road
      this.#effects.push({ type: 'ask-token', link: link.id, endpointId, server: link.server, reason: 'expiring' })
    }
    this.#watch(link)
  }

  #watch(link: Link): void {
    const lastProof = link.detector?.lastInbound ?? this.#now
    const { seat } = this.#config
    for (const verdict of link.detector?.tick(this.#now) ?? []) {
      if (verdict.type === 'ping') this.#send(link, { type: 'ping', n: verdict.n })
      else if (link === this.#links.current) {
        this.#pool({ type: verdict.type === 'suspect' ? 'seat-suspect' : 'seat-unanswered', seat, lastProof })
      } else if (verdict.type === 'unanswered') {
        // An attempt or a standby that falls silent is given up at once: nothing depends on it yet.
        return this.#end(link, { type: 'timeout', phase: 'connect' })
      }
    }
  }

  /** After every input: the standby is dialled when due, a live connection asked for when first needed. */
  #settle(): void {
    for (const link of this.#links.all()) this.#links.finishLeaving(link)
    const { standby } = this.#links
    const road = standby.due(this.#now)
    if (road !== undefined) standby.dialled(this.#dial(road, undefined).id)
    if (this.#state.is === 'routed' && this.wantsLive) {
      this.#state = { is: transition(SESSION_TRANSITIONS, this.#state.is, 'need') }
      this.#pool({ type: 'seat-live', seat: this.#config.seat })
    }
    if (this.#state.is === 'closing' && this.#links.size === 0) {
      this.#state = { is: transition(SESSION_TRANSITIONS, this.#state.is, 'end') }
      this.#effects.push({ type: 'ended' })
    }
  }

  #close(): void {
    if (this.#state.is === 'closing' || this.#state.is === 'ended') return
    this.#state = {
      is: transition(SESSION_TRANSITIONS, this.#state.is, 'close'),
      until: this.#now + CLOSE_WITHIN_MS,
    }
    this.#toOutbox({ type: 'close' })
    this.#topics.closeAll(this.#now)
    this.#links.standby.taken()
    for (const link of this.#links.all()) this.#links.leave(link, 'closed')
  }

  // ---- plumbing -------------------------------------------------------------------------------------------------

  #context(link: Link): FrameContext {
    return {
      now: this.#now,
      seat: this.#config.seat,
      ucc: this.#config.ucc,
      isCurrent: link === this.#links.current,
      topics: this.#topics,
      outbox: (input) => this.#toOutbox(input),
      pool: (input) => this.#pool(input),
      refused: (cause) => this.#refused(link, cause),
      emit: (effect) => void this.#effects.push(effect),
    }
  }

  /** Nothing comes from this link any more (`left`: results in flight still may). */
  #linkLost(link: LinkId, how: 'left' | 'gone'): void {
    this.#topics.lost(this.#now, link)
    this.#toOutbox({ type: how === 'gone' ? 'link-lost' : 'link-left', link })
    if (this.#links.current === undefined) this.#opening.unsettle()
  }

  #toOutbox(input: OutboxInput): void {
    for (const effect of this.#outbox.handle(this.#now, input)) this.#outboxEffect(effect)
  }

  #outboxEffect(effect: OutboxEffect): void {
    if (effect.type !== 'send') {
      const sent = this.#sentTo.get(effect.command)
      this.#sentTo.delete(effect.command)
      if (effect.type === 'failed' && sent !== undefined && this.#links.get(sent.link) !== undefined)
        this.#effects.push({ type: 'withdraw', link: sent.link, id: sent.id })
      const server = sent?.server
      return void this.#effects.push({ type: 'outbox', effect, ...(server === undefined ? {} : { server }) })
    }
    const link = this.#links.get(effect.link)
    if (link === undefined) return
    this.#sentTo.set(effect.request.command, { server: link.server, link: link.id, id: effect.id })
    this.#send(link, commandFrameOf(effect))
  }

  #send(link: Link, frame: ClientFrame): void {
    link.detector?.sent(this.#now)
    this.#effects.push({ type: 'send', link: link.id, frame })
  }

  #pool(input: PoolInput): void {
    this.#effects.push({ type: 'pool', input })
  }
}
