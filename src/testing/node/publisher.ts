/** Publishing: sequenced here, sent to every server that serves that log. */
import { FailoverError } from '../../errors'
import type { Cursor } from '../../core/wire'
import type { ContentStore } from './content-store'
import type { Fleet, Seat } from './fleet'
import type { GenerateOptions, Generation } from './generator'
import { startGeneration } from './generator'
import { invalid } from './options'
import type { StoredEvent } from './topic-log'
import type { Published, PublishInput } from './types'

export class Publisher {
  /** The shared log; with split logs what the world outside would tell a server that comes back. */
  readonly reality: ContentStore
  readonly #fleet: Fleet
  readonly #generations = new Set<Generation>()
  #isClosed = false

  constructor(fleet: Fleet) {
    this.#fleet = fleet
    this.reality = fleet.newStore('shared', 0)
  }

  /** On every server, or on one with a split log. A dead server of a split log misses it. */
  publish(topic: string, input: PublishInput, only?: Seat): Published {
    if (this.#isClosed) throw new FailoverError('CLIENT_CLOSED', 'the cluster is closed')
    const kind = this.reality.kind(topic)
    const { key, op = kind === 'log' ? 'append' : 'upsert', data } = input
    if (typeof topic !== 'string' || topic === '') throw invalid('topic', 'must be a name')
    if (typeof key !== 'string') throw invalid('key', 'must be a string')
    if ((op === 'append') !== (kind === 'log')) throw invalid('op', `${op} does not go with a topic of kind ${kind}`)
    const ts = Date.now()
    const change = { op, key, ts, ...(op === 'remove' ? {} : { data: data ?? null }) }
    const isShared = this.#fleet.options.log === 'shared'
    // A change on one server only is that server's own news, not the world's.
    const everywhere = isShared || only === undefined ? this.reality.append(topic, change) : undefined
    const positions: Record<string, Cursor> = {}
    for (const seat of this.#fleet.seats.values()) {
      if (!isShared && only !== undefined && seat !== only) continue
      if (!isShared && seat.process?.isAlive !== true) continue
      const event = isShared && everywhere !== undefined ? everywhere : seat.store.append(topic, change)
      seat.process?.post({ type: 'event', event })
      positions[seat.name] = positionOf(event)
    }
    const cursor = Object.values(positions)[0] ?? { epoch: '', seq: 0 }
    return { topic, op, key, data: change.data, ts, cursor, positions }
  }

  generate(options: GenerateOptions): Generation {
    const isLog = this.reality.kind(options.topic) === 'log'
    const generation = startGeneration(options, isLog, (change) => this.publish(options.topic, change))
    this.#generations.add(generation)
    return generation
  }

  newEpoch(options: { readonly server?: string; readonly topic?: string }): void {
    const { server, topic } = options
    const asked = server === undefined ? [...this.#fleet.seats.values()] : [this.#fleet.seat(server)]
    const stores = new Set(asked.map((seat) => seat.store))
    for (const store of stores) store.newEpoch(topic)
    for (const seat of this.#fleet.seats.values()) {
      if (!stores.has(seat.store)) continue
      const content = seat.store.content()
      seat.process?.post({ type: 'topics', content, ...(topic === undefined ? {} : { only: topic }) })
    }
  }

  content(topic: string): ReadonlyMap<string, unknown> {
    const first = [...this.#fleet.seats.values()][0]
    const store = this.#fleet.options.log === 'shared' ? this.reality : (first?.store ?? this.reality)
    return new Map(
      store
        .topic(topic)
        .snapshot()
        .map((item) => [item.key, item.data]),
    )
  }

  close(): void {
    this.#isClosed = true
    for (const generation of this.#generations) generation.stop()
  }
}

function positionOf({ epoch, seq }: StoredEvent): Cursor {
  return { epoch, seq }
}
