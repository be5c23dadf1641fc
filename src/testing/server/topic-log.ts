/** One topic as a server (and the cluster's shared store) holds it: its sequence space, recent events and content. */
import type { SnapshotItem, TopicKind } from '../../core/wire'

/** One published change, sequenced. `seq` is 0 for ephemeral topics, which have none. */
export interface StoredEvent {
  readonly topic: string
  readonly kind: TopicKind
  readonly epoch: string
  readonly seq: number
  readonly op: 'upsert' | 'remove' | 'append'
  readonly key: string
  readonly data?: unknown
  readonly ts: number
}

/** Everything a new process needs to go on serving a topic. */
export interface TopicDump {
  readonly name: string
  readonly kind: TopicKind
  readonly epoch: string
  readonly seq: number
  readonly history: readonly StoredEvent[]
  readonly items: readonly SnapshotItem[]
}

export interface TopicLimits {
  /** How many events can be replayed. */
  readonly historySize: number
  /** How many items a snapshot of a log holds. */
  readonly recentItems: number
}

/**
 * Kind of a topic by its name, where the `topics` option does not say: `…/typing` is ephemeral; `chat/…`, `…/log` and
 * `…/events` are logs; everything else is state.
 */
export function conventionalKind(name: string): TopicKind {
  if (/(^|\/)typing$/.test(name)) return 'ephemeral'
  if (name.startsWith('chat/') || /(^|\/)(log|events)$/.test(name)) return 'log'
  return 'state'
}

/** UCC that a topic's name names (`ucc/NAME/…`), if any. */
export function uccOfTopic(name: string): string | undefined {
  const match = /^ucc\/([^/]+)\//.exec(name)
  return match?.[1]
}

export class TopicLog {
  readonly name: string
  readonly kind: TopicKind
  epoch: string
  seq: number
  readonly #limits: TopicLimits
  #history: StoredEvent[] = []
  #items = new Map<string, SnapshotItem>()
  #recent: SnapshotItem[] = []

  constructor(name: string, kind: TopicKind, epoch: string, seq: number, limits: TopicLimits) {
    this.name = name
    this.kind = kind
    this.epoch = epoch
    this.seq = seq
    this.#limits = limits
  }

  static load(dump: TopicDump, limits: TopicLimits): TopicLog {
    const log = new TopicLog(dump.name, dump.kind, dump.epoch, dump.seq, limits)
    log.#history = [...dump.history]
    if (dump.kind === 'log') log.#recent = [...dump.items]
    else log.#items = new Map(dump.items.map((item) => [item.key, item]))
    return log
  }

  /** Takes one sequenced event. Ephemeral ones leave no trace. */
  apply(event: StoredEvent): void {
    if (this.kind === 'ephemeral') return
    this.seq = event.seq
    this.#history.push(event)
    if (this.#history.length > this.#limits.historySize * 1.25 + 16) {
      this.#history.splice(0, this.#history.length - this.#limits.historySize)
    }
    const item = { key: event.key, data: event.data, ts: event.ts }
    if (this.kind === 'log') {
      this.#recent.push(item)
      if (this.#recent.length > this.#limits.recentItems * 1.25 + 16) {
        this.#recent.splice(0, this.#recent.length - this.#limits.recentItems)
      }
    } else if (event.op === 'remove') {
      this.#items.delete(event.key)
    } else {
      this.#items.set(event.key, item)
    }
  }

  /** Events after `seq`, oldest first; undefined when some of them are no longer held. */
  since(seq: number): readonly StoredEvent[] | undefined {
    if (seq >= this.seq) return []
    const missing = this.seq - seq
    if (missing > this.#limits.historySize || missing > this.#history.length) return undefined
    return this.#history.slice(this.#history.length - missing)
  }

  /** State: the whole set. Log: recent items, oldest first. */
  snapshot(): readonly SnapshotItem[] {
    if (this.kind === 'log') return this.#limits.recentItems === 0 ? [] : this.#recent.slice(-this.#limits.recentItems)
    return [...this.#items.values()]
  }

  /** Begins a new sequence space with the same content. */
  restart(epoch: string): void {
    this.epoch = epoch
    this.seq = 0
    this.#history = []
  }

  dump(): TopicDump {
    const history = this.#history.slice(-this.#limits.historySize)
    return { name: this.name, kind: this.kind, epoch: this.epoch, seq: this.seq, history, items: this.snapshot() }
  }
}
