/**
 * The topics of one event-stream link and how far each was read. The set of topics travels in the request that opens
 * the stream, so every change reopens it; the positions kept here make the new stream go on exactly where the old one
 * was left, and what the overlap of the two delivers twice is dropped here.
 */
import type { ClientFrame, Cursor, TopicFrame } from '../core/wire'

type SubscribeFrame = Extract<ClientFrame, { type: 'subscribe' }>

interface Position {
  readonly topic: string
  cursor: Cursor | undefined
  /** The cursor the newest stream was asked to resume from. */
  asked: Cursor | undefined
  /** What was passed on last: nothing yet, a snapshot under way, or everything up to `cursor`. */
  phase: 'asked' | 'snapshot' | 'live'
}

/** What to do with a frame of a topic. `lost`: the two streams cannot be joined, the link must end. */
export type PositionVerdict = 'pass' | 'drop' | 'lost'

/** Subscriptions of one link by id. */
export class TopicPositions {
  readonly #positions = new Map<number, Position>()

  /** Adds a topic; it is asked for with the next stream. */
  subscribe(frame: SubscribeFrame): void {
    this.#positions.set(frame.id, { topic: frame.topic, cursor: frame.cursor, asked: frame.cursor, phase: 'asked' })
  }

  /** Forgets a topic: unsubscribed, or refused by the server. Frames of its id are dropped from here on. */
  remove(id: number): boolean {
    return this.#positions.delete(id)
  }

  /** The subscribe frames of the next stream, with the positions reached. */
  frames(): SubscribeFrame[] {
    return [...this.#positions].map(([id, position]) => {
      position.asked = position.cursor
      const { topic, cursor } = position
      return cursor === undefined ? { type: 'subscribe', id, topic } : { type: 'subscribe', id, topic, cursor }
    })
  }

  /** Judges a frame that arrived and moves its topic's position. */
  judge(frame: TopicFrame): PositionVerdict {
    const position = this.#positions.get(frame.id)
    if (position === undefined) return 'drop'
    switch (frame.type) {
      case 'subscribed':
        if (frame.kind === 'ephemeral') return goLive(position)
        return frame.recovered ? recover(position, frame.cursor) : resync(position)
      case 'snapshot':
        if (frame.more !== true) {
          position.cursor = frame.cursor
          position.phase = 'live'
        }
        return 'pass'
      case 'event':
        return advance(position, frame.seq)
    }
  }
}

/** The first answer is passed on; repeats of a reopened stream say nothing new. */
function goLive(position: Position): PositionVerdict {
  if (position.phase === 'live') return 'drop'
  position.phase = 'live'
  return 'pass'
}

function recover(position: Position, newest: Cursor | undefined): PositionVerdict {
  // While this stream was being opened the old one moved to another epoch: its seqs and these are not one series.
  if (position.asked?.epoch !== position.cursor?.epoch) return 'lost'
  position.cursor ??= newest
  return goLive(position)
}

function resync(position: Position): PositionVerdict {
  position.phase = 'snapshot'
  return 'pass'
}

function advance(position: Position, seq: number | undefined): PositionVerdict {
  const { cursor } = position
  if (seq === undefined || cursor === undefined || position.phase !== 'live') return 'pass'
  if (seq <= cursor.seq) return 'drop'
  // Beyond a hole the position stays: whoever reads the topic will see the hole and ask again.
  if (seq === cursor.seq + 1) position.cursor = { epoch: cursor.epoch, seq }
  return 'pass'
}
