/** When a topic was last heard of: what is stale, what is suspiciously silent, and when to look again. */
import type { Lane } from './topic-lane'
import type { LinkId, TopicConfig, TopicEffect, TopicState } from './topic-protocol'
import type { Instant } from './time'
import { NEVER } from './time'

export class TopicPulse {
  readonly #config: TopicConfig
  #lastEventAt: Instant | undefined
  #currentAt: Instant | undefined
  #silentSince: Instant = 0
  #isReported = false

  constructor(config: TopicConfig) {
    this.#config = config
  }

  get lastEventAt(): Instant | undefined {
    return this.#lastEventAt
  }

  get currentAt(): Instant | undefined {
    return this.#currentAt
  }

  /** An event or snapshot was accepted. */
  event(now: Instant, link: LinkId, emit: (effect: TopicEffect) => void): void {
    this.#lastEventAt = now
    this.#currentAt = now
    this.#silentSince = now
    if (this.#isReported) emit({ type: 'heard', link })
    this.#isReported = false
  }

  /** Another lane is in use: its silence begins now, that of the old one is over. */
  moved(now: Instant): void {
    this.#silentSince = now
    this.#isReported = false
  }

  /** From when on nothing heard on this lane means that the content may be old. */
  staleAt(lane: Lane): Instant {
    return lane.heardAt + Math.max(this.#config.staleAfterMs, 2 * lane.heartbeatMs)
  }

  check(now: Instant, lane: Lane, emit: (effect: TopicEffect) => void): void {
    if (lane.running) this.#currentAt = Math.max(this.#currentAt ?? lane.heardAt, lane.heardAt)
    if (now < this.#silentAt(lane)) return
    this.#isReported = true
    emit({ type: 'silent', link: lane.link, sinceMs: now - this.#silentSince })
  }

  deadline(lane: Lane | undefined, state: TopicState): Instant {
    if (lane === undefined) return NEVER
    return Math.min(state === 'live' ? this.staleAt(lane) : NEVER, this.#silentAt(lane))
  }

  /** A lane that rests or does not run is silent for a reason that is known. */
  #silentAt(lane: Lane): Instant {
    const { freshWithinMs } = this.#config
    if (freshWithinMs === undefined || this.#isReported || !lane.running || lane.phase.name !== 'live') return NEVER
    return this.#silentSince + freshWithinMs
  }
}
