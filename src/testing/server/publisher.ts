/** Publishing: sequenced here, sent to every server that serves that log. */
import { FailoverError } from '../../errors'
import type { Cursor } from '../../core/wire'
import type { ContentStore } from './content-store'
import type { Published, PublishInput } from './fault-options'
import { invalid } from './pool-options'
import type { TopicsContent } from './server-types'
import type { StoredEvent } from './topic-log'

/** A place in the pool where servers come and go. */
export interface PublishSeat {
  readonly name: string
  /** The shared log, or its own. */
  readonly store: ContentStore
}

/** What publishing needs to know of the servers. */
export interface PublishingPool<Seat extends PublishSeat> {
  readonly log: 'shared' | 'split'
  /** The shared log; with split logs what the world outside would tell a server that comes back. */
  readonly reality: ContentStore
  seats(): Iterable<Seat>
  isAlive(seat: Seat): boolean
  /** To the server, where it lives. */
  deliver(seat: Seat, event: StoredEvent): void
  /** New sequence spaces: of one topic, or of all there are and will be. */
  renew(seat: Seat, content: TopicsContent, only: string | undefined): void
  wallClock(): number
}

export class Publisher<Seat extends PublishSeat> {
  readonly #pool: PublishingPool<Seat>
  #isClosed = false

  constructor(pool: PublishingPool<Seat>) {
    this.#pool = pool
  }

  /** On every server, or on one with a split log. A dead server of a split log misses it. */
  publish(topic: string, input: PublishInput, only?: Seat): Published {
    const pool = this.#pool
    if (this.#isClosed) throw new FailoverError('CLIENT_CLOSED', 'the servers are closed')
    const kind = pool.reality.kind(topic)
    const { key, op = kind === 'log' ? 'append' : 'upsert', data } = input
    if (typeof topic !== 'string' || topic === '') throw invalid('topic', 'must be a name')
    if (typeof key !== 'string') throw invalid('key', 'must be a string')
    if ((op === 'append') !== (kind === 'log')) throw invalid('op', `${op} does not go with a topic of kind ${kind}`)
    const ts = pool.wallClock()
    const change = { op, key, ts, ...(op === 'remove' ? {} : { data: data ?? null }) }
    const isShared = pool.log === 'shared'
    // A change on one server only is that server's own news, not the world's.
    const everywhere = isShared || only === undefined ? pool.reality.append(topic, change) : undefined
    const positions: Record<string, Cursor> = {}
    for (const seat of pool.seats()) {
      if (!isShared && only !== undefined && seat !== only) continue
      if (!isShared && !pool.isAlive(seat)) continue
      const event = isShared && everywhere !== undefined ? everywhere : seat.store.append(topic, change)
      pool.deliver(seat, event)
      positions[seat.name] = { epoch: event.epoch, seq: event.seq }
    }
    const cursor = Object.values(positions)[0] ?? { epoch: '', seq: 0 }
    return { topic, op, key, data: change.data, ts, cursor, positions }
  }

  newEpoch(only: Seat | undefined, topic: string | undefined): void {
    const seats = [...this.#pool.seats()]
    const stores = new Set((only === undefined ? seats : [only]).map((seat) => seat.store))
    for (const store of stores) store.newEpoch(topic)
    for (const seat of seats) {
      if (stores.has(seat.store)) this.#pool.renew(seat, seat.store.content(), topic)
    }
  }

  /** As the shared log or the first server has it. */
  content(topic: string): ReadonlyMap<string, unknown> {
    const pool = this.#pool
    const [first] = pool.seats()
    const store = pool.log === 'shared' ? pool.reality : (first?.store ?? pool.reality)
    const items = store.topic(topic).snapshot()
    return new Map(items.map((item) => [item.key, item.data]))
  }

  close(): void {
    this.#isClosed = true
  }
}
