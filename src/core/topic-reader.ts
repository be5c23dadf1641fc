/** The lanes of a topic: what each one's frames mean, and which of them carries the topic. See `topic.ts`. */
import type { FailoverErrorCode } from '../errors'
import type { Adoption, Lane, Patience } from './topic-lane'
import { carries, isOpening, openLane, retire } from './topic-lane'
import type { LinkId, TopicEffect, TopicInput } from './topic-protocol'
import type { TopicPulse } from './topic-pulse'
import type { TopicTrack } from './topic-track'
import { LANE_TRANSITIONS } from './topic-transitions'
import type { Instant } from './time'
import { transition } from './transitions'
import type { Cursor, EventFrame, SnapshotFrame, SubscribedFrame } from './wire'

export interface ReaderOptions {
  /** Name of the topic, for messages. */
  readonly name: string
  readonly track: TopicTrack
  readonly pulse: TopicPulse
  readonly emit: (effect: TopicEffect) => void
  /** The topic cannot go on. */
  readonly fail: (code: FailoverErrorCode, message: string, reason?: string) => void
}

export class TopicReader {
  readonly #name: ReaderOptions['name']
  readonly #track: ReaderOptions['track']
  readonly #pulse: ReaderOptions['pulse']
  readonly #emit: ReaderOptions['emit']
  readonly #fail: ReaderOptions['fail']
  readonly #lanes = new Map<LinkId, Lane>()
  #current: Lane | undefined
  #wasLive = false
  #full = false
  #patience: Patience = 'whole'
  /** A snapshot was asked for because something could not be read, and is not here yet. */
  #isResyncDue = false
  #now: Instant = 0

  constructor({ name, track, pulse, emit, fail }: ReaderOptions) {
    this.#name = name
    this.#track = track
    this.#pulse = pulse
    this.#emit = emit
    this.#fail = fail
  }

  /** The lane in use, when it carries the topic. */
  get carrier(): Lane | undefined {
    return this.#current !== undefined && carries(this.#current) ? this.#current : undefined
  }

  take(now: Instant, input: Exclude<TopicInput, { type: 'tick' | 'close' }>): void {
    this.#now = now
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

  /** Unsubscribes everywhere. */
  shut(): void {
    for (const lane of this.#lanes.values()) {
      if (lane.phase.name !== 'paused') this.#emit({ type: 'unsubscribe', link: lane.link })
    }
    this.#lanes.clear()
    this.#current = undefined
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
    // The new side died after this topic had moved there. The newest old link still lives: back, by position.
    const wayBack = left.at(-1)
    if (wayBack !== undefined) this.#resubscribe(wayBack, this.#position())
  }

  /** What a new subscribe asks for. A resync that did not come about is still owed, also on the next link. */
  #position(): Cursor | undefined {
    return this.#isResyncDue ? undefined : this.#track.received
  }

  #subscribe(lane: Lane, cursor: Cursor | undefined): void {
    lane.phase = { name: transition(LANE_TRANSITIONS, lane.phase.name, 'ask'), asked: cursor }
    lane.changes = 0
    this.#emit({ type: 'subscribe', link: lane.link, ...(cursor === undefined ? {} : { cursor }) })
  }

  /** A new id on the same link: what still comes for the old one is dropped by the session. */
  #resubscribe(lane: Lane, cursor: Cursor | undefined): void {
    this.#emit({ type: 'unsubscribe', link: lane.link })
    this.#subscribe(lane, cursor)
  }

  #press(full: boolean): void {
    if (this.#full === full || this.#track.kind === 'state') return
    this.#full = full
    const lanes = [...this.#lanes.values()].filter((lane) => lane.phase.name !== 'retired')
    if (!full) {
      for (const lane of lanes) if (lane.phase.name === 'paused') this.#subscribe(lane, this.#position())
      return
    }
    for (const lane of lanes) {
      if (lane.phase.name === 'refused') continue
      this.#emit({ type: 'unsubscribe', link: lane.link })
      this.#pause(lane)
    }
    const newest = lanes.at(-1)
    if (newest?.phase.name === 'paused' && newest !== this.#current) this.#adopt(newest, 'continued', 0, false)
  }

  /** With a full buffer there is nothing to wait for: the topic goes on here, from `received`, when there is room. */
  #adoptPaused(lane: Lane): void {
    this.#pause(lane)
    this.#adopt(lane, 'continued', 0, false)
  }

  #pause(lane: Lane): void {
    if (lane.phase.name === 'subscribing') this.#emit({ type: 'answered', link: lane.link })
    lane.phase = { name: transition(LANE_TRANSITIONS, lane.phase.name, 'pause') }
    lane.quiet = true
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
    if (this.#track.kind === undefined) this.#track.setKind(frame.kind)
    if (frame.kind !== this.#track.kind) {
      return this.#fail('PROTOCOL_ERROR', `Topic "${this.#name}" is "${frame.kind}" here, not "${this.#track.kind}".`)
    }
    if (frame.kind === 'ephemeral') return this.#live(lane, 'continued', 0, false)
    lane.changes = 0
    const from = phase.name === 'subscribing' || phase.name === 'refused' ? phase.asked : this.#track.received
    if (frame.recovered) return this.#recovered(lane, from, frame.cursor)
    lane.phase = { name: transition(LANE_TRANSITIONS, phase.name, 'gather'), cursor: undefined, items: [] }
  }

  #recovered(lane: Lane, asked: Cursor | undefined, newest: Cursor | undefined): void {
    const recovery = this.#track.recover(asked, newest)
    if (recovery.verdict === 'problem') return this.#problem(lane, recovery.detail)
    if (recovery.verdict === 'outdated') return this.#resubscribe(lane, this.#position())
    if (recovery.verdict === 'unplaced') return this.#live(lane, 'resumed', 0, false)
    // What another lane delivers from here on this one will send too, only later: it need not be waited for. On a busy
    // topic a side that is a little slower would never catch up with a moving goal.
    const goal = Math.max(recovery.target, this.#track.received?.seq ?? 0)
    const name = transition(LANE_TRANSITIONS, lane.phase.name, 'replay')
    lane.phase = { name, seq: recovery.seq, target: recovery.target, goal }
    this.#completeIfCaughtUp(lane)
  }

  #completeIfCaughtUp(lane: Lane): void {
    const { phase } = lane
    if (phase.name !== 'resuming' || phase.seq < phase.target) return
    const alone = this.#current === undefined || this.#current === lane || !carries(this.#current)
    // A lagging replica is behind what another lane had delivered: it stays second until it has caught up with that.
    if (!alone && phase.seq < phase.goal) return
    this.#live(lane, 'resumed', lane.changes, false)
  }

  #snapshot(lane: Lane, frame: SnapshotFrame): void {
    const { phase } = lane
    if (phase.name !== 'snapshotting') return this.#problem(lane, 'a snapshot that was not announced')
    const cursor = phase.cursor ?? frame.cursor
    if (cursor.epoch !== frame.cursor.epoch || cursor.seq !== frame.cursor.seq) {
      return this.#problem(lane, 'parts of one snapshot carry different cursors')
    }
    for (const item of frame.items) phase.items.push(item)
    if (frame.more === true) lane.phase = { ...phase, cursor }
    else this.#applySnapshot(lane, { ...frame, items: phase.items })
  }

  #applySnapshot(lane: Lane, frame: SnapshotFrame): void {
    this.#pulse.event(this.#now, lane.link, this.#emit)
    const { changes, gap, continuous, isNewSpace } = this.#track.snapshot(lane.server, frame)
    this.#isResyncDue = false
    this.#live(lane, continuous ? 'continued' : 'resynced', changes, gap)
    if (isNewSpace) this.#askAgain()
  }

  /** The position moved into another space: lanes still being opened by the old one must ask by the new one. */
  #askAgain(): void {
    for (const lane of this.#lanes.values()) {
      if (isOpening(lane) && lane !== this.#current) this.#resubscribe(lane, this.#position())
    }
  }

  #event(lane: Lane, frame: EventFrame): void {
    const { phase } = lane
    // Before `subscribed`, or before the last part: of no position we could know.
    if (phase.name !== 'live' && phase.name !== 'resuming') return
    if (!this.#track.accepts(frame.op)) {
      return this.#problem(lane, `op "${frame.op}" means nothing for kind ${this.#track.kind}`)
    }
    const { seq } = frame
    if (this.#track.kind === 'ephemeral') return this.#accept(lane, frame, undefined, 'live')
    if (seq === undefined) return this.#problem(lane, 'an event without seq')
    const known = this.#track.received?.seq ?? seq - 1
    if (seq > known + 1) return this.#hole(lane, known, seq)
    const isReplay = phase.name === 'resuming' && seq <= phase.target
    if (phase.name === 'resuming') lane.phase = { ...phase, seq: Math.max(phase.seq, seq) }
    if (seq > known) {
      if (isReplay) lane.changes += 1
      this.#accept(lane, frame, seq, isReplay ? 'resume' : 'live')
    }
    this.#completeIfCaughtUp(lane)
  }

  /** Progress: what went wrong before is forgiven. */
  #accept(lane: Lane, frame: EventFrame, seq: number | undefined, origin: 'live' | 'resume'): void {
    this.#patience = 'whole'
    this.#pulse.event(this.#now, lane.link, this.#emit)
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
      return this.#fail('PROTOCOL_ERROR', `Topic "${this.#name}" cannot be read from ${lane.server}: ${detail}.`)
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
      const asked = phase.name === 'subscribing' ? phase.asked : this.#track.received
      lane.phase = { name: transition(LANE_TRANSITIONS, phase.name, 'refuse'), asked }
      return
    }
    this.#fail('SUBSCRIPTION_REJECTED', `${lane.server} refused topic "${this.#name}": ${code} ${message}`.trim(), code)
  }

  /** A server need not remember an id it refused, so it is asked again as soon as it says that it runs. */
  #proof(lane: Lane): void {
    lane.running = true
    lane.heardAt = this.#now
    if (lane.phase.name !== 'refused') return
    if (this.#full) this.#adoptPaused(lane)
    else this.#resubscribe(lane, this.#position())
  }

  // Where the topic is

  #live(lane: Lane, how: Adoption, changes: number, gap: boolean): void {
    lane.phase = { name: transition(LANE_TRANSITIONS, lane.phase.name, 'carry') }
    lane.quiet = false
    this.#adopt(lane, how, changes, gap)
  }

  #adopt(lane: Lane, how: Adoption, changes: number, gap: boolean): void {
    for (const other of this.#lanes.values()) if (other.link < lane.link) retire(other)
    if (this.#current !== lane) this.#pulse.moved(this.#now)
    this.#current = lane
    this.#emit({ type: 'adopted', link: lane.link, how: this.#wasLive ? how : 'first', changes, gap })
    this.#wasLive = true
  }
}
