/** One id of one connection: where its client is in the topic, and how it is brought up to date (rules 3 and 4). */
import type { Cursor, SnapshotItem } from '../../core/wire'
import type { Session } from './session'
import type { StoredEvent, TopicLog } from './topic-log'

export class Subscription {
  readonly #session: Session
  readonly #id: number
  readonly #topicName: string
  /** Last position sent. */
  position: Cursor | undefined
  /** Events were dropped because the client reads too slowly; it is resynchronised when it has caught up. */
  lagging = false

  constructor(session: Session, id: number, topicName: string) {
    this.#session = session
    this.#id = id
    this.#topicName = topicName
  }

  get topicName(): string {
    return this.#topicName
  }

  /** Sends `subscribed`, then the events after `cursor` when all of them are still held, else the snapshot. */
  begin(cursor: Cursor | undefined): void {
    const topic = this.#session.state.topics.get(this.#topicName)
    if (topic === undefined) return
    this.lagging = false
    if (topic.kind === 'ephemeral') {
      this.#session.send({ type: 'subscribed', id: this.#id, kind: topic.kind, recovered: false })
      return
    }
    const missed = cursor?.epoch === topic.epoch ? topic.since(cursor.seq) : undefined
    const newest = { epoch: topic.epoch, seq: topic.seq }
    const recovered = missed !== undefined
    this.#session.send({ type: 'subscribed', id: this.#id, kind: topic.kind, recovered, cursor: newest })
    // Ahead of this server's newest: a lagging replica sends nothing at or below the client's position.
    this.position = recovered && cursor !== undefined && cursor.seq > newest.seq ? cursor : newest
    if (missed === undefined) this.#sendSnapshot(topic, newest)
    else for (const event of missed) this.#sendEvent(event)
  }

  deliver(event: StoredEvent, slow: boolean): void {
    if (event.kind === 'ephemeral') {
      if (!slow) this.#sendEvent(event)
      return
    }
    if (this.lagging || this.position === undefined || event.seq <= this.position.seq) return
    if (slow) {
      this.lagging = true
      return
    }
    this.position = { epoch: event.epoch, seq: event.seq }
    this.#sendEvent(event)
  }

  #sendEvent({ kind, seq, op, key, data, ts }: StoredEvent): void {
    const position = kind === 'ephemeral' ? {} : { seq }
    const content = op === 'remove' ? {} : { data }
    this.#session.send({ type: 'event', id: this.#id, ...position, op, key, ...content, ts })
  }

  #sendSnapshot(topic: TopicLog, cursor: Cursor): void {
    const { state, carrier } = this.#session
    const parts = inParts(topic.snapshot(), state.runtime.snapshotPartBytes)
    const cutAfter = state.faults.cutAfterParts
    state.faults.cutAfterParts = undefined
    for (const [index, items] of parts.entries()) {
      const more = index < parts.length - 1 ? { more: true } : {}
      const isCut = cutAfter !== undefined && index + 1 >= cutAfter && index < parts.length - 1
      const frame = { type: 'snapshot', id: this.#id, cursor, items, ...more } as const
      this.#session.send(frame, isCut ? () => carrier.destroy() : undefined)
      if (isCut) return
    }
  }
}

/** Parts of at most `partBytes` of JSON each (one item at least); one empty part for an empty topic. */
function inParts(items: readonly SnapshotItem[], partBytes: number): SnapshotItem[][] {
  const parts: SnapshotItem[][] = [[]]
  let bytes = 0
  for (const item of items) {
    const size = new TextEncoder().encode(JSON.stringify(item)).byteLength + 1
    let part = parts[parts.length - 1] ?? []
    if (part.length > 0 && bytes + size > partBytes) {
      part = []
      parts.push(part)
      bytes = 0
    }
    part.push(item)
    bytes += size
  }
  return parts
}
