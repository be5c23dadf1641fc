/**
 * The Topic machine: keeps one topic continuous over connections and servers that come and go.
 *
 * Theory of operation. A topic is read from *lanes*, one per live link. Whatever a lane says is judged against one
 * position, `received`: the last change accepted into the view and the consumers' buffers. Lanes of the same sequence
 * space may all deliver, because `seq` rises by one and tells duplicates (at or below `received`) and holes (beyond
 * `received + 1`) apart. A lane of another space delivers nothing before its snapshot is whole; then the view becomes
 * that snapshot by difference, or the log is joined by message keys. A new lane is *adopted* when nothing is missing on
 * it: its replay is through and it has caught up with what another lane delivered meanwhile. Until then the old lane
 * goes on, so a planned move loses nothing, and if the new side fails nothing has happened. Older lanes stay `retired`
 * while their link lives: they are the way back.
 *
 * The server decides continuity, never a clock here. Nothing is cleared before its replacement is complete.
 */
import type { FailoverErrorCode } from '../errors'
import type { TopicConfig, TopicEffect, TopicInput, TopicState } from './topic-protocol'
import { TopicPulse } from './topic-pulse'
import { TopicReader } from './topic-reader'
import { TopicTrack } from './topic-track'
import { TOPIC_TRANSITIONS } from './topic-transitions'
import type { Instant } from './time'
import { NEVER } from './time'
import { transition } from './transitions'
import type { Cursor, TopicKind } from './wire'

/** One wire subscription, shared by all handles of its topic. Pure: effects are returned, time is told. */
export class TopicMachine {
  readonly #pulse: TopicPulse
  readonly #track: TopicTrack
  readonly #reader: TopicReader
  #state: TopicState = 'pending'
  #effects: TopicEffect[] = []

  /** What the server calls it. */
  readonly name: string

  constructor(config: TopicConfig) {
    this.name = config.name
    const emit = (effect: TopicEffect): void => this.#emit(effect)
    const pulse = new TopicPulse(config)
    const track = new TopicTrack(config, emit)
    const fail = (code: FailoverErrorCode, message: string, reason?: string): void => this.#fail(code, message, reason)
    this.#pulse = pulse
    this.#track = track
    this.#reader = new TopicReader({ name: config.name, track, pulse, emit, fail })
  }

  get state(): TopicState {
    return this.#state
  }

  /** As configured, else as the first server said. */
  get kind(): TopicKind | undefined {
    return this.#track.kind
  }

  /** Last change accepted: where a move resumes. */
  get received(): Cursor | undefined {
    return this.#track.received
  }

  /** A state topic's content; empty for the others. A new object a version, never changed itself. */
  get view(): ReadonlyMap<string, unknown> {
    return this.#track.view
  }

  /** When the last event or snapshot was accepted. */
  get lastEventAt(): Instant | undefined {
    return this.#pulse.lastEventAt
  }

  /** When the content was last known to be current: the last event or in-band proof on the lane in use. */
  get currentAt(): Instant | undefined {
    return this.#pulse.currentAt
  }

  deadline(): Instant {
    return this.#state === 'closed' ? NEVER : this.#pulse.deadline(this.#reader.carrier, this.#state)
  }

  handle(now: Instant, input: TopicInput): readonly TopicEffect[] {
    if (this.#state === 'closed') return []
    this.#effects = []
    if (input.type === 'close') this.#shut()
    else {
      if (input.type !== 'tick') this.#reader.take(now, input)
      this.#settle(now)
    }
    return this.#effects
  }

  #settle(now: Instant): void {
    if (this.#state === 'closed') return
    const { carrier } = this.#reader
    if (carrier !== undefined) this.#pulse.check(now, carrier, (effect) => this.#emit(effect))
    this.#become(this.#seenAt(now))
  }

  #seenAt(now: Instant): 'uncarried' | 'current' | 'quiet' {
    const { carrier } = this.#reader
    if (carrier === undefined) return 'uncarried'
    return carrier.running && now < this.#pulse.staleAt(carrier) ? 'current' : 'quiet'
  }

  #become(event: 'uncarried' | 'current' | 'quiet' | 'close'): void {
    const state = transition(TOPIC_TRANSITIONS, this.#state, event)
    if (state === this.#state) return
    this.#emit({ type: 'state', state, previous: this.#state })
    this.#state = state
  }

  #fail(code: FailoverErrorCode, message: string, reason?: string): void {
    this.#emit({ type: 'error', code, message, fatal: true, ...(reason === undefined ? {} : { reason }) })
    this.#shut()
  }

  #shut(): void {
    this.#reader.shut()
    this.#become('close')
  }

  #emit(effect: TopicEffect): void {
    this.#effects.push(effect)
  }
}
