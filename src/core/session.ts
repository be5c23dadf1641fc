/**
 * The Session machine: carries out where the pool wants this client to be.
 *
 *   go ─► dialling ─socket and token─► greeting ─welcome─► restoring ─► resuming ─all topics─► live ─leave─► leaving
 *
 * One link is *current* (the committed side), one may be *next* (a move under way), one may be *standby* (warm, idle).
 * A planned move reads both sides until the next one carries every topic; after a loss the next one is committed as
 * soon as it is restored. Every link has an id; frames and closes of links that were given up are dropped.
 */
import { Detector } from './detector'
import { Lateness } from './lateness'
import { lossOf, type Link } from './link'
import { LinkBook, type LinkRole } from './link-book'
import { LinkDialling } from './link-dialling'
import { LinkOpening } from './link-opening'
import { LINK_TRANSITIONS, SESSION_TRANSITIONS } from './link-transitions'
import { timingsOf } from './move-timings'
import type { LossCause, MovePlan, PoolInput } from './pool-protocol'
import type { Road } from './road'
import { SessionCommands } from './session-commands'
import { hearFrame, hearProblem, hearWelcome, refusedByStandby, type FrameContext } from './session-frames'
import type { SessionHost } from './session-host'
import type { SessionConfig, SessionEffect, SessionInput } from './session-protocol'
import type { SessionState } from './session-state'
import { TopicSet } from './session-topics'
import { NEVER, type Instant } from './time'
import type { LinkId, TopicConfig } from './topic-protocol'
import { transition } from './transitions'
import type { ClientFrame, ServerFrame, WelcomeFrame } from './wire'

/** A standby's status may come behind the probe that found it running. */
const STANDBY_WORD_MS = 500
/** The last goodbyes when the client closes. */
const CLOSE_WITHIN_MS = 500

export class SessionMachine {
  readonly #config: SessionConfig
  readonly #links: LinkBook
  readonly #topics: TopicSet
  readonly #commands: SessionCommands
  #effects: SessionEffect[] = []
  #now: Instant = 0
  readonly #dialling: LinkDialling
  readonly #lateness = new Lateness()
  #state: SessionState = { is: 'new' }
  readonly #opening: LinkOpening
  readonly #frames: FrameContext

  constructor(config: SessionConfig) {
    this.#config = config
    const host: SessionHost = {
      now: () => this.#now,
      link: (id) => this.#links.get(id),
      send: (link, frame) => this.#send(link, frame),
      pool: (input) => this.#pool(input),
      outbox: (input) => this.#commands.handle(input),
      emit: (effect) => void this.#effects.push(effect),
    }
    this.#commands = new SessionCommands(config.commands, host)
    this.#links = new LinkBook({
      ...host,
      isClosing: () => this.#isClosing,
      awaits: (link) => this.#commands.awaits(link),
      lost: (link, how) => this.#linkLost(link, how),
    })
    this.#dialling = new LinkDialling(config.settings.connect.timeoutMs, { ...host, links: this.#links })
    this.#topics = new TopicSet({
      ...host,
      silent: (silent) => this.#pool({ type: 'topic-silent', seat: config.seat, silent }),
    })
    this.#opening = new LinkOpening(config, {
      ...host,
      links: this.#links,
      topics: this.#topics,
      end: (link, cause) => this.#end(link, cause),
    })
    this.#frames = {
      ...host,
      seat: config.seat,
      ucc: config.ucc,
      isCurrent: (link) => link === this.#links.current,
      topics: this.#topics,
      refused: (link, cause) => this.#refused(link, cause),
    }
  }

  /** Does anybody need a live connection? */
  get wantsLive(): boolean {
    return !this.#isClosing && (this.#topics.size > 0 || this.#commands.size > 0 || this.#config.warm)
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
      this.#commands.deadline(),
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
      case 'fence':
        return this.#fence(input.move, input.minTerm)
      case 'warm':
        return this.#warm(input.road)
      case 'topic-open':
        return this.#openTopic(input.config)
      case 'topic-close':
        this.#topics.close(this.#now, input.topic)
        for (const link of this.#links.all()) link.forget(input.topic)
        return
      case 'topic-pressure':
        return this.#topics.handle(this.#now, input.topic, { type: 'pressure', full: input.full })
      case 'command':
        return this.#commands.handle({ type: 'command', request: input.request })
      case 'command-abort':
        return this.#commands.handle({ type: 'abort', command: input.command, reason: input.reason })
      case 'slept':
        return this.#commands.handle(input)
      case 'pause':
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

  #openTopic(config: TopicConfig): void {
    const topic = this.#topics.open(this.#now, config)
    for (const link of this.#links.carriers()) this.#topics.ready(this.#now, link, topic)
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
        return hearProblem(link, input.problem, this.#frames)
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
    this.#links.attempt(this.#dialling.dial(plan.road, plan))
  }

  /** The warm standby becomes the next link: it is welcomed already. */
  #promote(link: Link, plan: MovePlan): void {
    this.#links.standby.taken()
    this.#links.attempt(link)
    link.plan = plan
    if (!this.#takeStandby(link)) link.phase = { is: 'idle', deadline: this.#now + STANDBY_WORD_MS }
  }

  /** A standby that is wanted is taken once it says itself that it runs. */
  #takeStandby(link: Link): boolean {
    if (!link.running) return false
    link.times.welcomed = this.#now
    this.#opening.welcomed(link)
    return true
  }

  #cancelMove(move: number): void {
    const { next } = this.#links
    if (next?.plan?.id === move) this.#links.drop(next)
  }

  #fence(move: number, minTerm: number): void {
    const { next } = this.#links
    if (next?.plan?.id === move) next.plan = { ...next.plan, minTerm }
  }

  #warm(road: Road | undefined): void {
    // Whoever says goodbye needs nobody to wait: not even the pool's next word on it brings a standby back.
    const left = this.#links.standby.aim(this.#now, this.#isClosing ? undefined : road)
    if (left !== undefined) this.#links.leave(this.#links.get(left), 'standby-changed')
  }

  // ---- what a link says -----------------------------------------------------------------------------------------

  #frame(link: Link, { frame }: Extract<SessionInput, { type: 'link-frame' }>): void {
    // Beside an event stream results come by POST, each on a connection of its own: they say nothing of the stream.
    if (!link.downgraded || frame.type !== 'result') this.#inbound(link, frame)
    if (link.phase.is === 'dialling') return
    if (frame.type === 'welcome') return this.#welcomeFrame(link, frame)
    if (link.phase.is === 'greeting' && frame.type !== 'reject') return
    hearFrame(link, frame, this.#frames)
    if (link.phase.is === 'idle' && link.phase.deadline !== undefined) this.#takeStandby(link)
    this.#opening.progress(link)
  }

  /** The connection is alive. */
  #inbound(link: Link, frame: ServerFrame): void {
    if (frame.type === 'pong') link.detector?.pong(this.#now, frame.n)
    const cleared = link.detector?.inbound(this.#now) === true
    if (cleared && link === this.#links.current) this.#pool({ type: 'seat-clear', seat: this.#config.seat })
    const sign = link.isLeft ? undefined : link.detector?.signOfLife(this.#now)
    if (sign !== undefined) this.#send(link, { type: 'ping', n: sign })
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
    this.#dialling.welcomed(link)
    this.#pool({ type: 'token', endpointId: link.road.endpointId, accepted: true })
    hearWelcome(link, frame, this.#frames)
    link.renewTokenLater(this.#now)
    if (this.#links.roleOf(link) !== 'standby') this.#opening.welcomed(link)
    else link.phase = { is: transition(LINK_TRANSITIONS, link.phase.is, 'wait') }
  }

  #refused(link: Link, cause: LossCause): void {
    link.refusal = cause
    this.#end(link, cause)
  }

  #closed(link: Link, close: Extract<SessionInput, { type: 'link-closed' }>): void {
    this.#dialling.closed(link, close)
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

  /** Dialled again at once, with a new token, unless that has been tried. */
  #tryAnotherToken({ road, plan }: Link, role: LinkRole): boolean {
    const { endpointId } = road
    if (!this.#dialling.mayBeOldToken(endpointId)) {
      this.#pool({ type: 'token', endpointId, accepted: false })
      return false
    }
    if (role === 'next' && plan !== undefined) this.#links.attempt(this.#dialling.dial(road, plan))
    else if (role === 'standby') this.#links.standby.dialled(this.#dialling.dial(road, undefined).id)
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
    this.#commands.handle({ type: 'tick' })
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
    if (road !== undefined) standby.dialled(this.#dialling.dial(road, undefined).id)
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
    this.#commands.handle({ type: 'close' })
    this.#topics.closeAll(this.#now)
    this.#links.standby.taken()
    for (const link of this.#links.all()) this.#links.leave(link, 'closed')
  }

  // ---- plumbing -------------------------------------------------------------------------------------------------

  /** Nothing comes from this link any more (`left`: results in flight still may). */
  #linkLost(link: LinkId, how: 'left' | 'gone'): void {
    this.#topics.lost(this.#now, link)
    this.#commands.handle({ type: how === 'gone' ? 'link-lost' : 'link-left', link })
    if (this.#links.current === undefined) this.#opening.unsettle()
  }

  #send(link: Link, frame: ClientFrame): void {
    link.detector?.sent(this.#now)
    this.#effects.push({ type: 'send', link: link.id, frame })
  }

  #pool(input: PoolInput): void {
    this.#effects.push({ type: 'pool', input })
  }
}
