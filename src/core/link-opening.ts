/**
 * Brings a link up, in the order of the contract: hello when socket and token are there; welcome; the application's
 * restore; all subscribes in one flush; commands when they are answered; committed when nothing is missing on it.
 */
import { helloOf } from './client-frames'
import type { Link, LinkPhase } from './link'
import type { LinkBook } from './link-book'
import { LINK_TRANSITIONS } from './link-transitions'
import { MoveReporter } from './move-timings'
import type { LossCause } from './pool-protocol'
import { restoreEffect, welcomedInput } from './session-frames'
import type { SessionHost } from './session-host'
import type { SessionConfig, SessionInput } from './session-protocol'
import type { TopicSet } from './session-topics'
import { NEVER, type Instant } from './time'
import { transition } from './transitions'

export interface OpeningHost extends SessionHost {
  readonly links: LinkBook
  readonly topics: TopicSet
  /** This attempt came to nothing. */
  readonly end: (link: Link, cause: LossCause) => void
}

/** Queued commands wait at most this long for the answers to the subscribes (rule 2 of the contract). */
const COMMANDS_AFTER_MS = 5000

export class LinkOpening {
  readonly #reporter = new MoveReporter()
  /** Server of the last link that was the client's. */
  #left: string | undefined
  #stableAt: Instant = NEVER

  constructor(
    private readonly config: SessionConfig,
    private readonly host: OpeningHost,
  ) {}

  /** When the link in use will have been up long enough to forget earlier failures. */
  get stableAt(): Instant {
    return this.#stableAt
  }

  /** The link in use is gone: nothing is stable. */
  unsettle(): void {
    this.#stableAt = NEVER
  }

  tick(): void {
    if (this.host.now() < this.#stableAt) return
    this.#stableAt = NEVER
    this.host.pool({ type: 'seat-stable', seat: this.config.seat })
  }

  greet(link: Link): void {
    if (link.phase.is !== 'dialling' || !link.socketOpen || link.token.is !== 'had') return
    link.phase = { is: transition(LINK_TRANSITIONS, link.phase.is, 'hello'), deadline: link.phase.deadline }
    const { plan } = link
    const previous =
      plan === undefined || this.#left === undefined ? undefined : { server: this.#left, reason: plan.reason }
    this.host.send(link, helloOf(link, this.config, previous))
  }

  tokenAnswer(link: Link, answer: Extract<SessionInput, { type: 'token' }>): void {
    if (link.phase.is === 'dialling') {
      if (answer.failed === true) return this.host.end(link, { type: 'local', what: 'token' })
      link.token = { is: 'had', token: answer.token }
      return this.greet(link)
    }
    // A renewal in band. When the provider fails, the server will say so in its time.
    if (answer.token === undefined || link.isLeft) return
    this.host.send(link, { type: 'authorize', token: answer.token })
    // Nothing answers `authorize`: the next token is taken to live as long as the first one.
    link.renewTokenLater(this.host.now())
  }

  /** `welcome` arrived (or the standby's is used now): restore, then subscribe. */
  welcomed(link: Link): void {
    const { welcome, plan } = link
    if (welcome === undefined || plan === undefined) return
    this.host.pool(welcomedInput(this.config.seat, plan.id, welcome))
    const belowFence = link.term !== undefined && link.term < (plan.minTerm ?? link.term)
    if (!link.running || belowFence)
      return this.host.end(link, { type: 'not-ready', state: link.running ? 'unknown' : welcome.state })
    if (!this.config.hasRestore) return this.#subscribe(link)
    const deadline = this.host.now() + this.config.settings.connect.restoreTimeoutMs
    link.phase = { is: transition(LINK_TRANSITIONS, link.phase.is, 'restore'), deadline }
    this.host.emit(restoreEffect(link, plan))
  }

  restored(link: Link, ok: boolean): void {
    if (link.phase.is !== 'restoring') return
    if (ok) this.#subscribe(link)
    else this.host.end(link, { type: 'local', what: 'restore' })
  }

  /** All subscribes in one flush; commands follow when they are answered. */
  #subscribe(link: Link): void {
    link.times.restored = this.host.now()
    const deadline = this.host.now() + this.config.settings.connect.overlapMs
    const commandsAt = this.host.now() + COMMANDS_AFTER_MS
    if (link.plan?.makeBeforeBreak === true) {
      link.phase = { is: transition(LINK_TRANSITIONS, link.phase.is, 'overlap'), deadline, commandsAt }
    } else {
      // After a loss there is no other side to wait for: this one is it, as soon as it is restored.
      link.phase = { is: transition(LINK_TRANSITIONS, link.phase.is, 'resume'), commandsAt }
      this.#commit(link)
    }
    for (const topic of this.host.topics.names()) this.host.topics.ready(this.host.now(), link, topic)
    this.progress(link)
  }

  /** Looks whether all is answered, and whether all topics have changed sides. */
  progress(link: Link): void {
    const { phase } = link
    if (phase.is !== 'overlapping' && phase.is !== 'resuming') return
    // The old side carries everything still: nobody is moved to a server whose UCC has stopped meanwhile.
    if (phase.is === 'overlapping' && !link.running) return this.host.end(link, { type: 'not-ready', state: 'stopped' })
    const names = this.host.topics.names().filter((name) => this.host.topics.wanting(name))
    const answered = names.every((name) => link.answered.has(name))
    if (!link.commandsOpen && (answered || this.host.now() >= phase.commandsAt)) this.#openCommands(link)
    if (names.every((name) => link.adopted.has(name))) return this.#complete(link, phase)
    // The overlap is over: the new side is taken as it is; what is missing there comes when it comes.
    if (phase.is === 'overlapping' && this.host.now() >= phase.deadline) this.takeOver(link)
  }

  #complete(link: Link, { is }: Extract<LinkPhase, { is: 'overlapping' | 'resuming' }>): void {
    if (!link.commandsOpen) this.#openCommands(link)
    link.phase = { is: transition(LINK_TRANSITIONS, is, 'complete') }
    link.times.live = this.host.now()
    if (is === 'overlapping') this.#commit(link)
    this.#stableAt = this.host.now() + this.config.settings.connect.stableAfterMs
    const moved = this.#reporter.finish(link, this.host.now())
    if (moved !== undefined) this.host.emit(moved)
  }

  /** There is no old side any more, or no more time for it: the new one is taken as it is. */
  takeOver(link: Link): void {
    if (link.phase.is !== 'overlapping') return
    this.#commit(link)
    link.phase = { is: transition(LINK_TRANSITIONS, link.phase.is, 'commit'), commandsAt: link.phase.commandsAt }
  }

  #openCommands(link: Link): void {
    link.commandsOpen = true
    const keys = link.welcome?.keys
    this.host.outbox({
      type: 'link-open',
      link: link.id,
      running: link.running,
      ...(keys === undefined ? {} : { keys }),
    })
  }

  /** From now on this link is the client's. */
  #commit(link: Link): void {
    const { plan } = link
    const former = this.host.links.commit(link)
    if (plan !== undefined) {
      this.#reporter.begin(plan, link)
      this.host.pool({ type: 'seat-committed', seat: this.config.seat, move: plan.id, live: true })
      this.#repeatGoaway(link)
    }
    this.host.links.leave(former, plan?.reason ?? 'moved')
    this.#left = link.server
  }

  /** It was told to leave before it was the client's: the pool hears of it now. */
  #repeatGoaway({ drainsUntil }: Link): void {
    if (drainsUntil === undefined) return
    const leaveWithinMs = Math.max(0, drainsUntil - this.host.now())
    this.host.pool({ type: 'goaway', seat: this.config.seat, leaveWithinMs })
  }
}
