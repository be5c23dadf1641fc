/** One live connection of a session: its phase, its ids, what it said of itself. */
import type { Detector } from './detector'
import type { LossCause, MovePlan } from './pool-protocol'
import type { Road } from './road'
import { NEVER, type DurationMs, type Instant } from './time'
import type { LinkId } from './topic-protocol'
import { CLOSE, type WelcomeFrame } from './wire'

/** What a connection goes through; `LINK_TRANSITIONS` says how. */
export type LinkPhase =
  /** Socket and token are on their way; `hello` leaves when both are there. */
  | { readonly is: 'dialling'; readonly deadline: Instant }
  | { readonly is: 'greeting'; readonly deadline: Instant }
  /** Warm standby: welcomed, not restored. With a deadline it is wanted, and its own word is waited for. */
  | { readonly is: 'idle'; readonly deadline?: Instant }
  | { readonly is: 'restoring'; readonly deadline: Instant }
  /** Subscribes are out, and the old side carries the client until the deadline. Commands wait for their answers. */
  | { readonly is: 'overlapping'; readonly deadline: Instant; readonly commandsAt: Instant }
  /** It is the client's; topics are on their way. */
  | { readonly is: 'resuming'; readonly commandsAt: Instant }
  | { readonly is: 'live' }
  /** Given up: results in flight may still come, then goodbye is said. */
  | { readonly is: 'leaving'; readonly deadline: Instant; readonly reason: string }
  /** Goodbye is said, the close handshake is under way. */
  | { readonly is: 'closing'; readonly deadline: Instant }
  | { readonly is: 'gone' }

/** The part of a token's life after which the next one is asked for. */
const RENEW_AT = 0.8
const MIN_TOKEN_LIFE_MS = 1000
const MAX_PROBLEMS_TOLD = 8

/** How long the phases of an attempt may take. */
export interface AttemptLimits {
  readonly timeoutMs: DurationMs
  readonly restoreTimeoutMs: DurationMs
  readonly overlapMs: DurationMs
}

export interface LinkTimes {
  welcomed?: Instant
  restored?: Instant
  live?: Instant
}

export class Link {
  phase: LinkPhase
  socketOpen = false
  token: { readonly is: 'asked' } | { readonly is: 'had'; readonly token: string | undefined } = { is: 'asked' }
  welcome: WelcomeFrame | undefined
  detector: Detector | undefined
  /** A refusal that arrived as a frame; the close behind it means this. */
  refusal: LossCause | undefined
  drainsUntil: Instant | undefined
  commandsOpen = false
  /** Does the UCC run behind this link, by its own last word? */
  running = false
  /** The term by its own last word: a standby that waited may run with another one than its welcome said. */
  term: number | undefined
  tokenRenewAt: Instant = NEVER
  readonly times: LinkTimes = {}
  /** Topics by the id of their subscribe. Any other id is a command's, and those the outbox knows. */
  readonly ids = new Map<number, string>()
  readonly topicIds = new Map<string, number>()
  /** Topics whose subscribe was answered, and those this link carries. */
  readonly answered = new Set<string>()
  readonly adopted = new Set<string>()
  #lastId = 0
  readonly #problemsTold = new Set<string>()
  #proofToldAt: Instant = -NEVER
  #clockToldAt: Instant = -NEVER

  constructor(
    readonly id: LinkId,
    readonly road: Road,
    /** The move this link is an attempt of; none for a warm standby. */
    public plan: MovePlan | undefined,
    readonly downgraded: boolean,
    now: Instant,
    timeoutMs: DurationMs,
  ) {
    this.phase = { is: 'dialling', deadline: now + timeoutMs }
  }

  /** One rising series for subscribe and command alike, never reused. */
  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  /** The id of a subscribe: frames that bear it are the topic's. */
  topicId(topic: string): number {
    const id = this.nextId()
    this.ids.set(id, topic)
    this.topicIds.set(topic, id)
    return id
  }

  /** The topic is over for this client: a connection that lives for weeks keeps nothing of it. */
  forget(topic: string): void {
    const id = this.topicIds.get(topic)
    if (id !== undefined) this.ids.delete(id)
    this.topicIds.delete(topic)
    this.answered.delete(topic)
    this.adopted.delete(topic)
  }

  /**
   * We were stopped: the other side has had none of that time. The deadlines move by it, but never beyond a whole new
   * one: a monotonic clock that stood still, too, has taken nothing.
   */
  pause(now: Instant, lateMs: DurationMs, limits: AttemptLimits): void {
    this.detector?.reset(now)
    const { phase } = this
    const later = (at: Instant, wholeMs: DurationMs): Instant => Math.max(at, Math.min(at + lateMs, now + wholeMs))
    switch (phase.is) {
      case 'dialling':
      case 'greeting':
        this.phase = { is: phase.is, deadline: later(phase.deadline, limits.timeoutMs) }
        return
      case 'restoring':
        this.phase = { is: phase.is, deadline: later(phase.deadline, limits.restoreTimeoutMs) }
        return
      case 'overlapping':
        this.phase = { ...phase, deadline: later(phase.deadline, limits.overlapMs) }
        return
      default:
    }
  }

  get server(): string {
    return this.welcome?.server ?? this.road.endpointId
  }

  /** Restored: takes subscriptions. */
  get carries(): boolean {
    return this.phase.is === 'overlapping' || this.phase.is === 'resuming' || this.phase.is === 'live'
  }

  /** Nothing new is said on it: its goodbye is, or it is gone. */
  get isLeft(): boolean {
    return this.phase.is === 'leaving' || this.phase.is === 'closing' || this.phase.is === 'gone'
  }

  /** In-band proof of readiness is told to the pool at most this often. */
  tellsProof(now: Instant, everyMs: DurationMs): boolean {
    if (now - this.#proofToldAt < everyMs) return false
    this.#proofToldAt = now
    return true
  }

  /** One warning for each kind of bad frame, and a few at most: a server that goes mad floods nobody. */
  tellsProblem(detail: string): boolean {
    if (this.#problemsTold.has(detail) || this.#problemsTold.size >= MAX_PROBLEMS_TOLD) return false
    this.#problemsTold.add(detail)
    return true
  }

  tellsClock(now: Instant, everyMs: DurationMs): boolean {
    if (now - this.#clockToldAt < everyMs) return false
    this.#clockToldAt = now
    return true
  }

  /** Which deadline of its phase has passed, if any. */
  overdue(now: Instant): LossCause | undefined {
    const { phase } = this
    if (!('deadline' in phase) || now < (phase.deadline ?? NEVER)) return undefined
    if (phase.is === 'idle') return { type: 'not-ready', state: 'stopped' }
    if (phase.is === 'dialling' || phase.is === 'greeting') return { type: 'timeout', phase: 'connect' }
    return phase.is === 'restoring' ? { type: 'timeout', phase: 'restore' } : undefined
  }

  /** The token is asked for anew when 80 % of its life are over. A life of nothing is nonsense, and no storm. */
  renewTokenLater(now: Instant): void {
    const lifeMs = this.welcome?.tokenExpiresInMs
    if (lifeMs !== undefined) this.tokenRenewAt = now + Math.max(MIN_TOKEN_LIFE_MS, lifeMs) * RENEW_AT
  }

  deadline(): Instant {
    const { phase } = this
    const own = ('deadline' in phase ? phase.deadline : undefined) ?? NEVER
    if (this.isLeft) return own
    const commands = 'commandsAt' in phase && !this.commandsOpen ? phase.commandsAt : NEVER
    return Math.min(own, commands, this.detector?.deadline() ?? NEVER, this.tokenRenewAt)
  }
}

/** What a close means, from its code and what was said before it (rule 10 of the contract). */
export function lossOf(
  link: Link,
  code: number,
  failure: Extract<LossCause, { type: 'closed' }>['failure'],
): LossCause {
  if (link.refusal !== undefined) return link.refusal
  switch (code) {
    case CLOSE.goingAway:
      return link.drainsUntil === undefined ? { type: 'restart', code } : { type: 'drained' }
    case CLOSE.restart:
      return { type: 'restart', code }
    case CLOSE.tryLater:
      return { type: 'refused', code: 'overloaded' }
    case CLOSE.unauthorized:
      return { type: 'unauthorized' }
    case CLOSE.forbidden:
      return { type: 'refused', code: 'forbidden' }
    case CLOSE.unknownUcc:
      return { type: 'refused', code: 'unknown-ucc' }
    case CLOSE.invalid:
      return { type: 'refused', code: 'invalid' }
    case CLOSE.frameTooBig:
    case CLOSE.messageTooBig:
      return { type: 'protocol', detail: 'a frame over the size limit' }
    default:
      return { type: 'closed', code, ...(failure === undefined ? {} : { failure }) }
  }
}
