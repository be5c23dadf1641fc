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
import type { Lane } from './topic-lane'
import { carries, openLane } from './topic-lane'
import type { LinkId, TopicConfig, TopicEffect, TopicInput, TopicState } from './topic-protocol'
import { TopicPulse } from './topic-pulse'
import { TopicTrack } from './topic-track'
import type { Instant } from './time'
import { NEVER } from './time'
import type { Cursor, EventFrame, SnapshotFrame, SubscribedFrame, TopicKind } from './wire'

type Adoption = Extract<TopicEffect, { type: 'adopted' }>['how']

/** What a lane that broke the contract gets next: its position again, then a snapshot, then nothing any more. */
type Patience = 'whole' | 'resumed' | 'resynced'

/** One wire subscription, shared by all handles of its topic. Pure: effects are returned, time is told. */
export class TopicMachine {
  readonly #config: TopicConfig
  readonly #lanes = new Map<LinkId, Lane>()
  readonly #pulse: TopicPulse
  readonly #track: TopicTrack
  #current: Lane | undefined
  #state: TopicState = 'pending'
  #wasLive = false
  #full = false
  #patience: Patience = 'whole'
  /** A snapshot was asked for because something could not be read, and is not here yet. */
  #isResyncDue = false
  #now: Instant = 0
  #effects: TopicEffect[] = []

  constructor(config: TopicConfig) {
    this.#config = config
    this.#pulse = new TopicPulse(config)
    this.#track = new TopicTrack(config, (effect) => this.#emit(effect))
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
    return this.#state === 'closed' ? NEVER : this.#pulse.deadline(this.#carrier(), this.#state)
  }

  handle(now: Instant, input: TopicInput): readonly TopicEffect[] {
    if (this.#state === 'closed') return []
    this.#now = now
    this.#effects = []
    this.#take(input)
    this.#settle()
    return this.#effects
  }

  #take(input: TopicInput): void {
    if (input.type === 'tick') return
    if (input.type === 'close') return this.#shut()
    if (input.type === 'pressure') return this.#press(input.full)
    if (input.type === 'link-ready') return this.#linkReady(input)
    const lane = this.#lanes.get(input.link)
    if (lane === undefined) return
    if (input.type === 'link-lost') return this.#linkLost(lane)
    if (input.type === 'frame') return this.#frame(lane, input.frame)
    if (input.type === 'rejected') return this.#rejected(lane, input.code, input.message)
    if (input.type === 'problem') return this.#problem(lane, input.detail)
    if (input.type === 'not-running') lane.running = false
    else this.#proof(lane)
  }

  // Links

  #linkReady({ link, server, heartbeatMs }: Extract<TopicInput, { type: 'link-ready' }>): void {
    if (this.#lanes.has(link)) return
    const lane = openLane(link, server, heartbeatMs, this.#now)
    this.#lanes.set(link, lane)
    if (this.#full) this.#adoptPaused(lane)
    else this.#subscribe(lane, this.#position())
  }

  #linkLost(lane: Lane): void {
    this.#lanes.delete(lane.link)
    if (this.#current === lane) this.#current = undefined
    const left = [...this.#lanes.values()]
    for (const other of left) this.#completeIfCaughtUp(other)
    if (this.#current !== undefined || left.some((other) => other.phase.name !== 'retired')) return
    // The new side died after this topic had moved there. The old link still lives: back, by position.
    const wayBack = left.reduce<Lane | undefined>(
      (best, other) => (best && best.link > other.link ? best : other),
      undefined,
    )
    if (wayBack !== undefined) this.#resubscribe(wayBack, this.#position())
  }

  /** What a new subscribe asks for. A resync that did not come about is still owed, also on the next link. */
  #position(): Cursor | undefined {
    return this.#isResyncDue ? undefined : this.received
  }

  #subscribe(lane: Lane, cursor: Cursor | undefined): void {
    lane.phase = { name: 'subscribing', asked: cursor }
    lane.changes = 0
    this.#emit(
      cursor === undefined ? { type: 'subscribe', link: lane.link } : { type: 'subscribe', link: lane.link, cursor },
    )
  }

  /** A new id on the same link: what still comes for the old one is dropped by the session. */
  #resubscribe(lane: Lane, cursor: Cursor | undefined): void {
    this.#emit({ type: 'unsubscribe', link: lane.link })
    this.#subscribe(lane, cursor)
  }

  #press(full: boolean): void {
    if (this.#full === full || this.kind === 'state') return
    this.#full = full
    const lanes = [...this.#lanes.values()].filter((lane) => lane.phase.name !== 'retired')
    if (!full) {
      for (const lane of lanes) if (lane.phase.name === 'paused') this.#subscribe(lane, this.#position())
      return
    }
    for (const lane of lanes) {
      if (lane.phase.name === 'refused') continue
      this.#emit({ type: 'unsubscribe', link: lane.link })
      if (lane.phase.name === 'subscribing') this.#emit({ type: 'answered', link: lane.link })
      lane.phase = { name: 'paused' }
      lane.quiet = true
    }
    const newest = lanes.at(-1)
    if (newest !== undefined && newest !== this.#current && newest.phase.name === 'paused') this.#adoptPaused(newest)
  }

  /** With a full buffer there is nothing to wait for: the topic goes on here, from `received`, when there is room. */
  #adoptPaused(lane: Lane): void {
    if (lane.phase.name === 'subscribing') this.#emit({ type: 'answered', link: lane.link })
    lane.quiet = true
    lane.phase = { name: 'paused' }
    this.#adopt(lane, 'continued', 0, false)
  }

  // Frames

  #frame(lane: Lane, frame: SubscribedFrame | SnapshotFrame | EventFrame): void {
    if (lane.phase.name === 'retired' || lane.phase.name === 'paused') return
    lane.running = true
    lane.heardAt = this.#now
    if (frame.type === 'subscribed') return this.#subscribed(lane, frame)
    if (frame.type === 'snapshot') return this.#snapshot(lane, frame)
    this.#event(lane, frame)
  }

  #subscribed(lane: Lane, frame: SubscribedFrame): void {
    const { phase } = lane
    if (phase.name === 'subscribing') this.#emit({ type: 'answered', link: lane.link })
    if (this.kind === undefined) this.#track.setKind(frame.kind)
    if (frame.kind !== this.kind) {
      return this.#fail('PROTOCOL_ERROR', `Topic "${this.#config.name}" is "${frame.kind}" here, not "${this.kind}".`)
    }
    if (frame.kind === 'ephemeral') {
      lane.phase = { name: 'live' }
      return this.#adopt(lane, 'continued', 0, false)
    }
    lane.changes = 0
    const from = phase.name === 'subscribing' || phase.name === 'refused' ? phase.asked : this.received
    if (frame.recovered) return this.#recovered(lane, from, frame.cursor)
    lane.phase = { name: 'snapshotting', cursor: undefined, items: [] }
  }

  #recovered(lane: Lane, asked: Cursor | undefined, newest: Cursor | undefined): void {
    const recovery = this.#track.recover(asked, newest)
    if (recovery.verdict === 'problem') return this.#problem(lane, recovery.detail)
    if (recovery.verdict === 'outdated') return this.#resubscribe(lane, this.#position())
    if (recovery.verdict === 'unplaced') {
      lane.phase = { name: 'live' }
      return this.#adopt(lane, 'resumed', 0, false)
    }
    lane.phase = { name: 'resuming', seq: recovery.seq, target: recovery.target }
    this.#completeIfCaughtUp(lane)
  }

  #completeIfCaughtUp(lane: Lane): void {
    const { phase } = lane
    if (phase.name !== 'resuming' || phase.seq < phase.target) return
    const alone = this.#current === undefined || this.#current === lane || !carries(this.#current)
    // A lagging replica is behind what another lane delivered: it stays second until it has caught up.
    if (!alone && phase.seq < (this.received?.seq ?? 0)) return
    lane.phase = { name: 'live' }
    this.#adopt(lane, 'resumed', lane.changes, false)
  }

  #snapshot(lane: Lane, frame: SnapshotFrame): void {
    const { phase } = lane
    if (phase.name !== 'snapshotting') return this.#problem(lane, 'a snapshot that was not announced')
    const cursor = phase.cursor ?? frame.cursor
    if (cursor.epoch !== frame.cursor.epoch || cursor.seq !== frame.cursor.seq) {
      return this.#problem(lane, 'parts of one snapshot carry different cursors')
    }
    // One part is the usual case; gathering copies the list, not the items.
    const items = phase.items.length === 0 ? frame.items : [...phase.items, ...frame.items]
    if (frame.more === true) lane.phase = { name: 'snapshotting', cursor, items }
    else this.#applySnapshot(lane, { ...frame, items })
  }

  #applySnapshot(lane: Lane, frame: SnapshotFrame): void {
    this.#pulse.event(this.#now, lane.link, this.#effects)
    const { changes, gap, continuous, isNewSpace } = this.#track.snapshot(lane.server, frame)
    this.#isResyncDue = false
    lane.phase = { name: 'live' }
    this.#adopt(lane, continuous ? 'continued' : 'resynced', changes, gap)
    if (isNewSpace) this.#askAgain()
  }

  /** The position moved into another space: lanes still being opened by the old one must ask by the new one. */
  #askAgain(): void {
    for (const lane of this.#lanes.values()) {
      const { name } = lane.phase
      if (lane !== this.#current && (name === 'subscribing' || name === 'resuming')) {
        this.#resubscribe(lane, this.#position())
      }
    }
  }

  #event(lane: Lane, frame: EventFrame): void {
    const { phase } = lane
    // Before `subscribed`, or before the last part: of no position we could know.
    if (phase.name !== 'live' && phase.name !== 'resuming') return
    if (!this.#track.accepts(frame.op)) {
      return this.#problem(lane, `op "${frame.op}" means nothing for kind ${this.kind ?? 'unknown'}`)
    }
    if (this.kind === 'ephemeral') return this.#accept(lane, frame, undefined, 'live')
    const { seq } = frame
    if (seq === undefined) return this.#problem(lane, 'an event without seq')
    const known = this.received?.seq ?? seq - 1
    if (seq > known + 1) return this.#hole(lane, known, seq)
    const isReplay = phase.name === 'resuming' && seq <= phase.target
    if (phase.name === 'resuming') lane.phase = { ...phase, seq: Math.max(phase.seq, seq) }
    if (seq > known) {
      this.#patience = 'whole'
      if (isReplay) lane.changes += 1
      this.#accept(lane, frame, seq, isReplay ? 'resume' : 'live')
    }
    this.#completeIfCaughtUp(lane)
  }

  #accept(lane: Lane, frame: EventFrame, seq: number | undefined, origin: 'live' | 'resume'): void {
    this.#pulse.event(this.#now, lane.link, this.#effects)
    this.#track.event(lane.server, frame, seq, origin)
  }

  // What goes wrong

  /** Asked again by position; a server that skips in every replay is asked for a snapshot, then given up. */
  #hole(lane: Lane, known: number, seq: number): void {
    if (this.#patience !== 'whole') return this.#problem(lane, `event ${seq} after ${known}: a hole again`)
    this.#patience = 'resumed'
    this.#resubscribe(lane, this.#position())
  }

  #problem(lane: Lane, detail: string): void {
    if (lane.phase.name === 'retired' || lane.phase.name === 'paused') return
    if (this.#patience === 'resynced') {
      return this.#fail('PROTOCOL_ERROR', `Topic "${this.#config.name}" cannot be read from ${lane.server}: ${detail}.`)
    }
    this.#patience = 'resynced'
    this.#isResyncDue = true
    this.#resubscribe(lane, undefined)
  }

  #rejected(lane: Lane, code: string, message: string): void {
    const { phase } = lane
    if (phase.name === 'retired' || phase.name === 'paused') return
    if (phase.name === 'subscribing') this.#emit({ type: 'answered', link: lane.link })
    if (code === 'not-running') {
      lane.running = false
      lane.phase = { name: 'refused', asked: phase.name === 'subscribing' ? phase.asked : this.received }
      return
    }
    const why = message === '' ? code : `${code} (${message})`
    this.#fail('SUBSCRIPTION_REJECTED', `${lane.server} refused topic "${this.#config.name}": ${why}.`, code)
  }

  /** A server need not remember an id it refused, so it is asked again as soon as it says that it runs. */
  #proof(lane: Lane): void {
    lane.running = true
    lane.heardAt = this.#now
    if (lane.phase.name !== 'refused') return
    if (this.#full) this.#adoptPaused(lane)
    else this.#resubscribe(lane, this.#position())
  }

  #fail(code: FailoverErrorCode, message: string, reason?: string): void {
    this.#emit({ type: 'error', code, message, fatal: true, ...(reason === undefined ? {} : { reason }) })
    this.#shut()
  }

  #shut(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.phase.name !== 'paused') this.#emit({ type: 'unsubscribe', link: lane.link })
    }
    this.#lanes.clear()
    this.#current = undefined
    this.#emit({ type: 'state', state: 'closed', previous: this.#state })
    this.#state = 'closed'
  }

  // Where the topic is

  #adopt(lane: Lane, how: Adoption, changes: number, gap: boolean): void {
    if (lane.phase.name === 'live') lane.quiet = false
    for (const other of this.#lanes.values()) if (other.link < lane.link) other.phase = { name: 'retired' }
    if (this.#current !== lane) this.#pulse.moved(this.#now)
    this.#current = lane
    lane.heardAt = this.#now
    this.#emit({ type: 'adopted', link: lane.link, how: this.#wasLive ? how : 'first', changes, gap })
    this.#wasLive = true
  }

  /** The lane in use, when it carries the topic. */
  #carrier(): Lane | undefined {
    return this.#current !== undefined && carries(this.#current) ? this.#current : undefined
  }

  #settle(): void {
    if (this.#state === 'closed') return
    const carrier = this.#carrier()
    if (carrier !== undefined) this.#pulse.check(this.#now, carrier, this.#effects)
    const state = this.#stateNow(carrier)
    if (state === this.#state) return
    this.#emit({ type: 'state', state, previous: this.#state })
    this.#state = state
  }

  #stateNow(carrier: Lane | undefined): TopicState {
    if (carrier === undefined) return this.#wasLive ? 'recovering' : 'pending'
    return carrier.running && this.#now < this.#pulse.staleAt(carrier) ? 'live' : 'stale'
  }

  #emit(effect: TopicEffect): void {
    this.#effects.push(effect)
  }
}
