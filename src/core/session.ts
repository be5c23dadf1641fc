/**
 * The Session machine: carries out where the pool wants this client to be.
 *
 *   go ─► dialling ─socket and token─► greeting ─welcome─► restoring ─► resuming ─all topics─► live ─leave─► leaving
 *
 * One link is *current* (the committed side), one may be *next* (a move under way), one may be *standby* (warm, idle).
 * A planned move reads both sides until the next one carries every topic; after a loss the next one is committed as soon
 * as it is restored. Every link has an id; frames and closes of links that were given up are dropped.
 */
import type { CommandRequest, OutboxEffect, OutboxInput } from './command-protocol'
import { Detector } from './detector'
import { Link, lossOf } from './link'
import { timingsOf } from './move-timings'
import { OutboxMachine } from './outbox'
import type { LossCause, MovePlan, PoolInput, SeatId } from './pool-protocol'
import type { Road } from './road'
import { hearFrame, hearWelcome, type FrameContext } from './session-frames'
import type { SessionEffect, SessionInput } from './session-protocol'
import { TopicSet, type TopicListener } from './session-topics'
import type { SessionSettings } from './settings'
import { NEVER, type Instant } from './time'
import type { LinkId, TopicEffect } from './topic-protocol'
import { CLOSE, PROTOCOL_VERSION, type ClientFrame, type ClientIdentity, type WelcomeFrame } from './wire'

export interface SessionConfig {
  readonly seat: SeatId
  readonly settings: SessionSettings
  readonly ucc: string | undefined
  readonly client: ClientIdentity
  readonly warm: boolean
  readonly hasRestore: boolean
  readonly commands: { readonly maxQueued: number; readonly maxQueuedBytes: number; readonly sharedKeys: boolean }
}

/** Queued commands wait at most this long for the answers to the subscribes (rule 2 of the contract). */
const COMMANDS_AFTER_MS = 5000
/** A left connection may still deliver results this long, then its close handshake has a second. */
const LEAVE_GRACE_MS = 2000
const CLOSE_GRACE_MS = 1000
/** How often a failing warm standby is tried again. */
const WARM_AGAIN_MS = 5000
/** The token is asked anew when this part of its life is over. */
const RENEW_AT = 0.8
/** How long the event stream is used after upgrades were refused. */
const DOWNGRADE_MS = 600_000

export class SessionMachine {
  readonly #config: SessionConfig
  readonly #links = new Map<LinkId, Link>()
  readonly #topics: TopicSet
  readonly #outbox: OutboxMachine
  #effects: SessionEffect[] = []
  #now: Instant = 0
  #lastLink = 0
  #current: LinkId | undefined
  #next: LinkId | undefined
  #standby: { road: Road; link: LinkId | undefined; retryAt: Instant } | undefined
  /** Settled without a live connection: nobody needed one. */
  #routedOnly = false
  #askedLive = false
  #reporting: { plan: MovePlan; link: LinkId } | undefined
  #stableAt: Instant = NEVER
  #previous: { server: string; reason: string } | undefined
  /** Endpoints whose last token was refused: the next one is asked for with that reason. */
  readonly #tokenRejected = new Set<string>()
  /** Failed upgrades per endpoint, and until when the event stream is used there. */
  readonly #upgrades = new Map<string, { failed: number; downgradedUntil: Instant }>()
  #closing: Instant | undefined
  #ended = false

  constructor(config: SessionConfig) {
    this.#config = config
    this.#outbox = new OutboxMachine(config.commands, (link) => this.#links.get(link)?.nextId({ command: true }) ?? 0)
    this.#topics = new TopicSet((topic, link, effect) => this.#topicEffect(topic, link, effect))
  }

  /** Does anybody need a live connection? */
  get wantsLive(): boolean {
    return this.#closing === undefined && (this.#topics.size > 0 || this.#outbox.size > 0 || this.#config.warm)
  }

  get topics(): TopicSet {
    return this.#topics
  }

  /** The committed link, while there is one. */
  get currentLink(): Link | undefined {
    return this.#current === undefined ? undefined : this.#links.get(this.#current)
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
    let at = Math.min(this.#outbox.deadline(), this.#topics.deadline(), this.#stableAt)
    if (this.#standby !== undefined && this.#standby.link === undefined) at = Math.min(at, this.#standby.retryAt)
    if (this.#closing !== undefined && !this.#ended) at = Math.min(at, this.#closing)
    for (const link of this.#links.values()) at = Math.min(at, link.deadline())
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
        for (const link of this.#carriers()) this.#topics.ready(this.#now, link, input.config.name)
        return
      case 'topic-close':
        return this.#topics.close(this.#now, input.topic)
      case 'topic-pressure':
        return this.#topics.handle(this.#now, input.topic, { type: 'pressure', full: input.full })
      case 'command':
        return this.#command(input.request)
      case 'command-abort':
        return this.#toOutbox({ type: 'abort', command: input.command, reason: input.reason })
      case 'pause':
        for (const link of this.#links.values()) link.detector?.reset(this.#now)
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
        return this.#greet(link)
      case 'token':
        return this.#tokenAnswer(link, input)
      case 'restored':
        return this.#restored(link, input.ok)
      case 'link-frame':
        return this.#frame(link, input)
      case 'link-problem':
        return this.#problem(link, input)
      case 'link-closed':
        return this.#closed(link, input)
    }
  }

  // ---- moving ---------------------------------------------------------------------------------------------------

  #go(plan: MovePlan): void {
    if (this.#next !== undefined) this.#drop(this.#next)
    this.#next = undefined
    if (!plan.makeBeforeBreak && this.#current !== undefined) this.#drop(this.#current)
    if (!this.wantsLive) {
      this.#routedOnly = true
      this.#askedLive = false
      if (plan.makeBeforeBreak && this.#current !== undefined) this.#leave(this.#current, plan.reason)
      this.#pool({ type: 'seat-committed', seat: this.#config.seat, move: plan.id, live: false })
      const at = { welcomed: plan.times.dialled, restored: plan.times.dialled, live: this.#now }
      this.#effects.push({ type: 'moved', plan, timings: timingsOf(plan, at, this.#now) })
      return
    }
    this.#routedOnly = false
    const warm = this.#standby?.link === undefined ? undefined : this.#links.get(this.#standby.link)
    if (warm !== undefined && warm.phase.is === 'idle' && warm.road.endpointId === plan.to) return this.#promote(warm, plan)
    this.#next = this.#dial(plan.road, plan)
  }

  /** The warm standby becomes the next link: it is welcomed already. */
  #promote(link: Link, plan: MovePlan): void {
    this.#standby = undefined
    this.#next = link.id
    link.plan = plan
    link.times.welcomed = this.#now
    this.#welcomed(link)
  }

  #dial(road: Road, plan: MovePlan | undefined): LinkId {
    this.#lastLink += 1
    const downgraded = (this.#upgrades.get(road.endpointId)?.downgradedUntil ?? -NEVER) > this.#now
    const link = new Link(this.#lastLink, road, plan, downgraded, this.#now, this.#config.settings.connect.timeoutMs)
    this.#links.set(link.id, link)
    this.#effects.push({ type: 'open-link', link: link.id, road, downgraded })
    const reason = this.#tokenRejected.has(road.endpointId) ? 'rejected' : 'connect'
    this.#effects.push({ type: 'ask-token', link: link.id, endpointId: road.endpointId, server: plan?.fromServer, reason })
    return link.id
  }

  #cancelMove(move: number): void {
    const link = this.#next === undefined ? undefined : this.#links.get(this.#next)
    if (link?.plan?.id === move) this.#drop(link.id)
  }

  #warm(road: Road | undefined): void {
    const known = this.#standby
    if (known !== undefined && known.road.endpointId === road?.endpointId) return
    if (known?.link !== undefined) this.#leave(known.link, 'standby-changed')
    this.#standby = road === undefined ? undefined : { road, link: undefined, retryAt: this.#now }
  }

  #greet(link: Link): void {
    if (link.phase.is !== 'dialling' || !link.socketOpen || link.token.is !== 'had') return
    const { ucc, client, settings } = this.#config
    const previous = link.plan === undefined ? undefined : this.#previous
    link.phase = { is: 'greeting', deadline: link.phase.deadline }
    this.#send(link, {
      type: 'hello',
      version: PROTOCOL_VERSION,
      client,
      heartbeatMs: settings.detection.heartbeatMs,
      ...(ucc === undefined ? {} : { ucc }),
      ...(link.token.token === undefined ? {} : { token: link.token.token }),
      ...(previous === undefined ? {} : { previous }),
    })
  }

  #tokenAnswer(link: Link, answer: Extract<SessionInput, { type: 'token' }>): void {
    if (link.phase.is === 'dialling') {
      if (answer.failed === true) return this.#fail(link, { type: 'local', what: 'token' })
      link.token = { is: 'had', token: answer.token }
      return this.#greet(link)
    }
    // A renewal in band. When the provider fails, the server will say so in its time.
    if (answer.token !== undefined && link.phase.is !== 'leaving') this.#send(link, { type: 'authorize', token: answer.token })
  }

  /** `welcome` arrived (or the standby's is used now): restore, then subscribe. */
  #welcomed(link: Link): void {
    const { welcome, plan } = link
    if (welcome === undefined || plan === undefined) return
    this.#pool({
      type: 'seat-welcomed',
      seat: this.#config.seat,
      move: plan.id,
      server: welcome.server,
      ...(welcome.spreadMs === undefined ? {} : { spreadMs: welcome.spreadMs }),
    })
    const belowFence = plan.minTerm !== undefined && welcome.term !== undefined && welcome.term < plan.minTerm
    if (!link.running || belowFence) return this.#fail(link, { type: 'not-ready', state: link.running ? 'unknown' : welcome.state })
    if (!this.#config.hasRestore) return this.#subscribe(link)
    link.phase = { is: 'restoring', deadline: this.#now + this.#config.settings.connect.restoreTimeoutMs }
    this.#effects.push({
      type: 'restore',
      link: link.id,
      endpointId: link.road.endpointId,
      server: welcome.server,
      ...(plan.fromServer === undefined ? {} : { previous: plan.fromServer }),
      ...(welcome.term === undefined ? {} : { term: welcome.term }),
    })
  }

  #restored(link: Link, ok: boolean): void {
    if (link.phase.is !== 'restoring') return
    if (ok) this.#subscribe(link)
    else this.#fail(link, { type: 'local', what: 'restore' })
  }

  /** All subscribes in one flush; commands follow when they are answered. */
  #subscribe(link: Link): void {
    link.times.restored = this.#now
    const deadline = this.#now + this.#config.settings.connect.overlapMs
    link.phase = { is: 'resuming', deadline, commandsAt: this.#now + COMMANDS_AFTER_MS }
    // After a loss there is no other side to wait for: this one is it, as soon as it is restored.
    if (link.plan?.makeBeforeBreak !== true) this.#commit(link)
    for (const topic of this.#topics.names()) this.#topics.ready(this.#now, link, topic)
    this.#progress(link)
  }

  /** Looks whether all is answered, and whether all topics have changed sides. */
  #progress(link: Link): void {
    if (link.phase.is !== 'resuming') return
    const names = this.#topics.names().filter((name) => this.#topics.wanting(name))
    const answered = names.every((name) => link.answered.has(name))
    if (!link.commandsOpen && (answered || this.#now >= link.phase.commandsAt)) this.#openCommands(link)
    const complete = names.every((name) => link.adopted.has(name))
    const overlapOver = link.plan?.makeBeforeBreak === true && this.#now >= link.phase.deadline
    if (!complete && !overlapOver) return
    if (!complete) {
      // The overlap is over: the new side is taken as it is; what is missing there comes when it comes.
      if (this.#current !== link.id) this.#commit(link)
      link.phase = { ...link.phase, deadline: NEVER }
      return
    }
    if (!link.commandsOpen) this.#openCommands(link)
    link.phase = { is: 'live' }
    link.times.live = this.#now
    if (this.#current !== link.id) this.#commit(link)
    this.#stableAt = this.#now + this.#config.settings.connect.stableAfterMs
    this.#report(link)
  }

  #openCommands(link: Link): void {
    link.commandsOpen = true
    const keys = link.welcome?.keys
    this.#toOutbox({ type: 'link-open', link: link.id, running: link.running, ...(keys === undefined ? {} : { keys }) })
  }

  /** From now on this link is the client's. */
  #commit(link: Link): void {
    const { plan } = link
    const old = this.#current
    this.#current = link.id
    if (this.#next === link.id) this.#next = undefined
    if (plan !== undefined) {
      this.#reporting = { plan, link: link.id }
      this.#pool({ type: 'seat-committed', seat: this.#config.seat, move: plan.id, live: true })
    }
    if (old !== undefined && old !== link.id) this.#leave(old, plan?.reason ?? 'moved')
    this.#previous = { server: link.server, reason: plan?.reason ?? 'moved' }
    this.#tokenRejected.delete(link.road.endpointId)
  }

  #report(link: Link): void {
    const reporting = this.#reporting
    if (reporting === undefined || reporting.link !== link.id) return
    this.#reporting = undefined
    this.#effects.push({ type: 'moved', plan: reporting.plan, timings: timingsOf(reporting.plan, link.times, this.#now) })
  }

  // ---- what a link says -----------------------------------------------------------------------------------------

  #frame(link: Link, { frame }: Extract<SessionInput, { type: 'link-frame' }>): void {
    if (frame.type === 'pong') link.detector?.pong(this.#now, frame.n)
    const cleared = link.detector?.inbound(this.#now) === true
    if (cleared && link.id === this.#current) this.#pool({ type: 'seat-clear', seat: this.#config.seat })
    if (link.phase.is === 'dialling') return
    if (frame.type === 'welcome') return this.#welcomeFrame(link, frame)
    if (link.phase.is === 'greeting' && frame.type !== 'reject') return
    hearFrame(link, frame, this.#context(link))
    this.#progress(link)
  }

  #welcomeFrame(link: Link, frame: WelcomeFrame): void {
    if (link.phase.is !== 'greeting') return
    link.welcome = frame
    link.times.welcomed = this.#now
    link.running = frame.state === 'running' || (this.#config.ucc === undefined && frame.state === 'unknown')
    // The event stream has no ping of its own.
    link.detector = new Detector(this.#config.settings.detection, frame.heartbeatMs, !link.downgraded, this.#now)
    this.#upgrades.delete(link.road.endpointId)
    const { endpointId } = link.road
    this.#pool({ type: 'token', endpointId, accepted: true })
    hearWelcome(link, frame, this.#context(link))
    const { tokenExpiresInMs } = frame
    if (tokenExpiresInMs !== undefined) link.tokenRenewAt = this.#now + tokenExpiresInMs * RENEW_AT
    if (this.#standby?.link === link.id) link.phase = { is: 'idle' }
    else this.#welcomed(link)
  }

  #problem(link: Link, { problem }: Extract<SessionInput, { type: 'link-problem' }>): void {
    const meaning = problem.id === undefined ? undefined : link.ids.get(problem.id)
    if (meaning !== undefined && 'topic' in meaning) {
      this.#topics.handle(this.#now, meaning.topic, { type: 'problem', link: link.id, detail: problem.detail })
    }
    const sentence = `${link.server} sent a frame that was refused: ${problem.detail}.`
    this.#effects.push({ type: 'warning', code: 'FRAME_REFUSED', sentence, endpointId: link.road.endpointId })
  }

  #refused(link: Link, cause: LossCause): void {
    link.refusal = cause
    this.#end(link, cause)
  }

  #closed(link: Link, close: Extract<SessionInput, { type: 'link-closed' }>): void {
    if (link.phase.is === 'dialling') this.#upgradeFailed(link, close)
    this.#end(link, lossOf(link, close.code, close.failure), true)
  }

  /** Two failed handshakes where readiness answers: a proxy strips upgrades, so the event stream is taken. */
  #upgradeFailed(link: Link, close: Extract<SessionInput, { type: 'link-closed' }>): void {
    if (link.downgraded || link.socketOpen) return
    const reached = close.status !== undefined || close.failure === undefined || close.failure.kind === 'opaque'
    if (!reached) return
    const entry = this.#upgrades.get(link.road.endpointId) ?? { failed: 0, downgradedUntil: -NEVER }
    entry.failed += 1
    this.#upgrades.set(link.road.endpointId, entry)
    if (entry.failed < 2) return
    entry.failed = 0
    entry.downgradedUntil = this.#now + DOWNGRADE_MS
    const sentence = `${link.road.endpointId} refuses WebSocket upgrades: the event stream is used there for 10 minutes.`
    this.#effects.push({ type: 'warning', code: 'TRANSPORT_DOWNGRADE', sentence, endpointId: link.road.endpointId })
  }

  /** This attempt came to nothing, by our own decision. */
  #fail(link: Link, cause: LossCause): void {
    this.#end(link, cause)
  }

  /** A link is over: tell whoever counted on it. */
  #end(link: Link, cause: LossCause, isClosed = false): void {
    const role = this.#roleOf(link)
    const lastProof = link.detector?.lastInbound ?? this.#now
    if (cause.type === 'unauthorized') {
      // Asked once again after a refusal; refused again, the endpoint counts as refusing us.
      if (this.#tokenRejected.has(link.road.endpointId)) {
        this.#pool({ type: 'token', endpointId: link.road.endpointId, accepted: false })
      }
      this.#tokenRejected.add(link.road.endpointId)
    }
    this.#remove(link, isClosed ? 'closed' : 'abandon')
    const seat = this.#config.seat
    if (role === 'next' && link.plan !== undefined) this.#pool({ type: 'seat-failed', seat, move: link.plan.id, cause })
    else if (role === 'current') this.#pool({ type: 'seat-lost', seat, cause, lastProof })
    else if (role === 'standby') this.#standbyEnded(cause)
  }

  #standbyEnded(cause: LossCause): void {
    if (this.#standby === undefined) return
    this.#standby = { ...this.#standby, link: undefined, retryAt: this.#now + WARM_AGAIN_MS }
    if (cause.type === 'unauthorized') {
      const { endpointId } = this.#standby.road
      const sentence = `The standby ${endpointId} refuses the token: a failover there would not be served.`
      this.#effects.push({ type: 'warning', code: 'TOKEN_REFUSED_BY_STANDBY', sentence, endpointId })
    }
  }

  #roleOf(link: Link): 'current' | 'next' | 'standby' | 'leaving' {
    if (link.id === this.#current) return 'current'
    if (link.id === this.#next) return 'next'
    return this.#standby?.link === link.id ? 'standby' : 'leaving'
  }

  /** Gives a link up without telling the pool, which decided it. */
  #drop(id: LinkId): void {
    const link = this.#links.get(id)
    if (link !== undefined) this.#remove(link, 'abandon')
  }

  #remove(link: Link, how: 'closed' | 'abandon'): void {
    this.#links.delete(link.id)
    if (this.#current === link.id) {
      this.#current = undefined
      this.#stableAt = NEVER
    }
    if (this.#next === link.id) this.#next = undefined
    if (this.#standby?.link === link.id) this.#standby = { ...this.#standby, link: undefined, retryAt: this.#now + WARM_AGAIN_MS }
    if (link.phase.is === 'restoring') this.#effects.push({ type: 'cancel-restore', link: link.id })
    this.#topics.lost(this.#now, link.id)
    this.#toOutbox({ type: 'link-lost', link: link.id })
    if (how === 'abandon') this.#effects.push({ type: 'abandon-link', link: link.id })
  }

  /** A goodbye: so that silence is not taken for a lost agent. Results in flight may still come. */
  #leave(id: LinkId, reason: string): void {
    const link = this.#links.get(id)
    if (link === undefined || link.phase.is === 'leaving') return
    if (link.welcome === undefined) return this.#drop(id)
    if (link.phase.is === 'restoring') this.#effects.push({ type: 'cancel-restore', link: link.id })
    this.#topics.lost(this.#now, id)
    const waitMs = this.#closing === undefined ? LEAVE_GRACE_MS : 0
    link.phase = { is: 'leaving', deadline: this.#now + waitMs, closing: false }
    if (this.#current === id) this.#current = undefined
    if (this.#next === id) this.#next = undefined
    this.#send(link, { type: 'leave', reason })
    this.#finishLeaving(link)
  }

  #finishLeaving(link: Link): void {
    if (link.phase.is !== 'leaving') return
    if (link.phase.closing) {
      if (this.#now >= link.phase.deadline) this.#drop(link.id)
      return
    }
    if (this.#outbox.awaits(link.id) && this.#now < link.phase.deadline) return
    const graceMs = this.#closing === undefined ? CLOSE_GRACE_MS : CLOSE_GRACE_MS / 4
    link.phase = { is: 'leaving', deadline: this.#now + graceMs, closing: true }
    this.#effects.push({ type: 'close-link', link: link.id, code: CLOSE.normal, reason: 'leave' })
  }

  // ---- time -----------------------------------------------------------------------------------------------------

  #tick(): void {
    this.#topics.tick(this.#now)
    this.#toOutbox({ type: 'tick' })
    for (const link of [...this.#links.values()]) this.#tickLink(link)
    if (this.#now >= this.#stableAt) {
      this.#stableAt = NEVER
      this.#pool({ type: 'seat-stable', seat: this.#config.seat })
    }
    if (this.#closing !== undefined && this.#now >= this.#closing) {
      for (const id of [...this.#links.keys()]) this.#drop(id)
    }
  }

  #tickLink(link: Link): void {
    const { phase } = link
    if (phase.is === 'leaving') return this.#finishLeaving(link)
    if (phase.is === 'resuming') this.#progress(link)
    if ((phase.is === 'dialling' || phase.is === 'greeting') && this.#now >= phase.deadline) {
      return this.#fail(link, { type: 'timeout', phase: 'connect' })
    }
    if (phase.is === 'restoring' && this.#now >= phase.deadline) return this.#fail(link, { type: 'timeout', phase: 'restore' })
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
      else if (link.id === this.#current) {
        this.#pool({ type: verdict.type === 'suspect' ? 'seat-suspect' : 'seat-unanswered', seat, lastProof })
      } else if (verdict.type === 'unanswered') {
        // An attempt or a standby that falls silent is given up at once: nothing depends on it yet.
        return this.#fail(link, { type: 'timeout', phase: 'connect' })
      }
    }
  }

  /** After every input: the standby is dialled when due, a live connection asked for when first needed. */
  #settle(): void {
    for (const link of this.#links.values()) if (link.phase.is === 'leaving') this.#finishLeaving(link)
    const standby = this.#standby
    if (standby !== undefined && standby.link === undefined && this.#now >= standby.retryAt && this.#closing === undefined) {
      this.#standby = { ...standby, link: this.#dial(standby.road, undefined) }
    }
    if (this.#routedOnly && this.wantsLive && !this.#askedLive) {
      this.#askedLive = true
      this.#pool({ type: 'seat-live', seat: this.#config.seat })
    }
    if (this.#closing !== undefined && this.#links.size === 0 && !this.#ended) {
      this.#ended = true
      this.#effects.push({ type: 'ended' })
    }
  }

  #close(): void {
    if (this.#closing !== undefined) return
    this.#closing = this.#now + CLOSE_GRACE_MS / 2
    this.#toOutbox({ type: 'close' })
    this.#topics.closeAll(this.#now)
    this.#standby = undefined
    for (const link of [...this.#links.values()]) {
      if (link.welcome === undefined) this.#drop(link.id)
      else this.#leave(link.id, 'closed')
    }
  }

  // ---- plumbing -------------------------------------------------------------------------------------------------

  #context(link: Link): FrameContext {
    return {
      now: this.#now,
      seat: this.#config.seat,
      ucc: this.#config.ucc,
      isCurrent: link.id === this.#current,
      topics: this.#topics,
      outbox: (input) => this.#toOutbox(input),
      pool: (input) => this.#pool(input),
      refused: (cause) => this.#refused(link, cause),
      emit: (effect) => void this.#effects.push(effect),
    }
  }

  #carriers(): Link[] {
    return [...this.#links.values()].filter((link) => link.carries)
  }

  #command(request: CommandRequest): void {
    this.#toOutbox({ type: 'command', request })
  }

  #topicEffect(topic: string, linkId: LinkId | undefined, effect: TopicEffect): void {
    const link = linkId === undefined ? undefined : this.#links.get(linkId)
    if (effect.type === 'subscribe') {
      if (link === undefined) return
      const id = link.nextId({ topic })
      link.topicIds.set(topic, id)
      const { cursor } = effect
      return this.#send(link, { type: 'subscribe', id, topic, ...(cursor === undefined ? {} : { cursor }) })
    }
    if (effect.type === 'unsubscribe') {
      const id = link?.topicIds.get(topic)
      if (link === undefined || id === undefined) return
      link.ids.delete(id)
      link.topicIds.delete(topic)
      return this.#send(link, { type: 'unsubscribe', id })
    }
    if (effect.type === 'answered') return void link?.answered.add(topic)
    if (effect.type === 'adopted') link?.adopted.add(topic)
    if (effect.type === 'silent' || effect.type === 'heard') {
      if (linkId === this.#current) this.#pool({ type: 'topic-silent', seat: this.#config.seat, silent: effect.type === 'silent' })
      return
    }
    this.#effects.push({ type: 'topic', topic, effect, ...(link === undefined ? {} : { server: link.server }) })
  }

  #toOutbox(input: OutboxInput): void {
    for (const effect of this.#outbox.handle(this.#now, input)) this.#outboxEffect(effect)
  }

  #outboxEffect(effect: OutboxEffect): void {
    if (effect.type !== 'send') return void this.#effects.push({ type: 'outbox', effect })
    const link = this.#links.get(effect.link)
    if (link === undefined) return
    const { name, args, key } = effect.request
    const notAfter = effect.notAfter === undefined ? {} : { notAfter: effect.notAfter }
    this.#send(link, { type: 'command', id: effect.id, name, args, key, ...notAfter })
  }

  #send(link: Link, frame: ClientFrame): void {
    this.#effects.push({ type: 'send', link: link.id, frame })
  }

  #pool(input: PoolInput): void {
    this.#effects.push({ type: 'pool', input })
  }
}
