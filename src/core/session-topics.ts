/** The topics of a session: one machine each. Turns link events into topic inputs and hands their effects up. */
import { topicFrameOf } from './client-frames'
import type { Link } from './link'
import type { SessionHost } from './session-host'
import { NEVER, type Instant } from './time'
import { TopicMachine } from './topic'
import type { LinkId, TopicConfig, TopicEffect, TopicId, TopicInput } from './topic-protocol'

export interface TopicHost extends Pick<SessionHost, 'link' | 'send' | 'emit'> {
  /** A topic has been silent beyond its bound, or none is any more. */
  readonly silent: (silent: boolean) => void
}

export class TopicSet {
  readonly #topics = new Map<string, TopicMachine>()
  /** Logs whose consumer is slow: unsubscribed for now, so no move waits for them. */
  readonly #paused = new Set<string>()
  /** Topics that are silent beyond their bound, and on which link. */
  readonly #silent = new Map<string, LinkId | undefined>()

  readonly #deadlines = new Map<string, Instant>()
  /** Undefined: to be found among `#deadlines`. */
  #earliest: Instant | undefined = NEVER

  constructor(private readonly host: TopicHost) {}

  get size(): number {
    return this.#topics.size
  }

  get(topic: string): TopicMachine | undefined {
    return this.#topics.get(topic)
  }

  names(): string[] {
    return [...this.#topics.keys()]
  }

  /** Does a link have to carry this topic before it counts as live? */
  wanting(topic: string): boolean {
    return this.#topics.has(topic) && !this.#paused.has(topic)
  }

  /**
   * The earliest of all. Asked after every frame, so it is kept: looking at a thousand topics for each event of one
   * was three quarters of its cost (measured). Only when the earliest itself moved back are all looked at again.
   */
  deadline(): Instant {
    this.#earliest ??= [...this.#deadlines.values()].reduce((least, at) => Math.min(least, at), NEVER)
    return this.#earliest
  }

  open(now: Instant, config: TopicConfig): TopicId {
    const id = config.id ?? config.name
    if (!this.#topics.has(id)) this.#topics.set(id, new TopicMachine(config))
    this.#run(now, id, { type: 'tick' })
    return id
  }

  close(now: Instant, topic: string): void {
    this.#run(now, topic, { type: 'close' })
    this.#topics.delete(topic)
    this.#paused.delete(topic)
  }

  closeAll(now: Instant): void {
    for (const topic of this.names()) this.close(now, topic)
  }

  handle(now: Instant, topic: string, input: TopicInput): void {
    if (input.type === 'pressure') {
      if (input.full) this.#paused.add(topic)
      else this.#paused.delete(topic)
    }
    this.#run(now, topic, input)
  }

  /** The link takes subscriptions now. */
  ready(now: Instant, link: Link, topic: string): void {
    const heartbeatMs = link.welcome?.heartbeatMs ?? 0
    this.#run(now, topic, { type: 'link-ready', link: link.id, server: link.server, heartbeatMs })
  }

  lost(now: Instant, link: LinkId): void {
    for (const topic of this.names()) this.#run(now, topic, { type: 'link-lost', link })
  }

  /** In-band word about the UCC behind a link. */
  running(now: Instant, link: LinkId, running: boolean): void {
    for (const topic of this.names()) this.#run(now, topic, { type: running ? 'proof' : 'not-running', link })
  }

  tick(now: Instant): void {
    for (const [topic, machine] of this.#topics) if (now >= machine.deadline()) this.#run(now, topic, { type: 'tick' })
  }

  #run(now: Instant, topic: string, input: TopicInput): void {
    const machine = this.#topics.get(topic)
    if (machine === undefined) return
    for (const effect of machine.handle(now, input)) {
      this.#carryOut(topic, 'link' in effect ? effect.link : 'link' in input ? input.link : undefined, effect)
    }
    this.#keepDeadline(topic, machine.deadline())
    // A refused topic is over: nothing waits for it any more.
    if (machine.state !== 'closed') return
    this.#topics.delete(topic)
    this.#heard(topic)
  }

  #keepDeadline(topic: string, at: Instant): void {
    const before = this.#deadlines.get(topic) ?? NEVER
    if (at === before) return
    if (at === NEVER) this.#deadlines.delete(topic)
    else this.#deadlines.set(topic, at)
    if (this.#earliest === undefined) return
    if (at <= this.#earliest) this.#earliest = at
    else if (before === this.#earliest) this.#earliest = undefined
  }

  /** One silent topic is enough to suspect the server; none may be left to trust it again. */
  #heard(topic: string): void {
    if (this.#silent.delete(topic) && this.#silent.size === 0) this.host.silent(false)
  }

  #carryOut(topic: string, linkId: LinkId | undefined, effect: TopicEffect): void {
    const link = linkId === undefined ? undefined : this.host.link(linkId)
    switch (effect.type) {
      case 'subscribe':
      case 'unsubscribe': {
        const name = this.#topics.get(topic)?.name ?? topic
        const frame = link === undefined ? undefined : topicFrameOf(link, { id: topic, name }, effect)
        if (link !== undefined && frame !== undefined) this.host.send(link, frame)
        return
      }
      case 'answered':
        return void link?.answered.add(topic)
      case 'silent':
        if (this.#silent.size === 0) this.host.silent(true)
        return void this.#silent.set(topic, linkId)
      case 'heard':
        return this.#heard(topic)
      case 'adopted':
        link?.adopted.add(topic)
        // Its silence was that of the link before.
        if (this.#silent.get(topic) !== linkId) this.#heard(topic)
        break
      default:
    }
    this.host.emit({ type: 'topic', topic, effect, ...(link === undefined ? {} : { server: link.server }) })
  }
}
