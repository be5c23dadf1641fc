/** One sequencing of the topics' content: the shared log, or the log of one server. */
import type { TopicKind } from '../../core/wire'
import type { TopicsContent } from './server-types'
import type { StoredEvent, TopicLimits } from './topic-log'
import { conventionalKind, TopicLog } from './topic-log'

export interface Change {
  readonly op: 'upsert' | 'remove' | 'append'
  readonly key: string
  readonly data?: unknown
  readonly ts: number
}

export class ContentStore {
  readonly #name: string
  readonly #limits: TopicLimits
  readonly #kinds: Readonly<Record<string, TopicKind>>
  readonly #topics = new Map<string, TopicLog>()
  readonly #firstSeq: number
  #epochs = 1
  #epoch: string

  constructor(name: string, firstSeq: number, limits: TopicLimits, kinds: Readonly<Record<string, TopicKind>>) {
    this.#name = name
    this.#firstSeq = firstSeq
    this.#limits = limits
    this.#kinds = kinds
    this.#epoch = `${name}.1`
  }

  kind(topic: string): TopicKind {
    return (Object.hasOwn(this.#kinds, topic) ? this.#kinds[topic] : undefined) ?? conventionalKind(topic)
  }

  topic(name: string): TopicLog {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      topic = new TopicLog(name, this.kind(name), this.#epoch, this.#firstSeq, this.#limits)
      this.#topics.set(name, topic)
    }
    return topic
  }

  append(name: string, change: Change): StoredEvent {
    const topic = this.topic(name)
    const seq = topic.kind === 'ephemeral' ? 0 : topic.seq + 1
    const event = { topic: name, kind: topic.kind, epoch: topic.epoch, seq, ...change }
    topic.apply(event)
    return event
  }

  /** What a server process needs to serve all this. */
  content(): TopicsContent {
    return { epoch: this.#epoch, seq: this.#firstSeq, dumps: [...this.#topics.values()].map((topic) => topic.dump()) }
  }

  /** A new sequence space for one topic, or for all there are and will be. The content stays. */
  newEpoch(only?: string): void {
    this.#epochs += 1
    const epoch = `${this.#name}.${this.#epochs}`
    if (only !== undefined) {
      this.topic(only).restart(epoch)
      return
    }
    this.#epoch = epoch
    for (const topic of this.#topics.values()) topic.restart(epoch)
  }

  /** Takes over the content of another store, without its history and positions. */
  seed(from: ContentStore): void {
    for (const dump of from.content().dumps) {
      const own = { ...dump, epoch: this.#epoch, seq: this.#firstSeq, history: [] }
      this.#topics.set(dump.name, TopicLog.load(own, this.#limits))
    }
  }
}
