/** What the frames of a topic mean, by kind: a view, a log or passing signals. Positions are the machine's business. */
import type { Change, ChangeOrigin, GapReason } from './change'
import { LogMemory } from './log-continuity'
import { StateView, differences } from './state-view'
import type { TopicConfig } from './topic-protocol'
import type { Cursor, EventFrame, SnapshotItem, TopicKind } from './wire'

/** Where changes come from, and the positions around them. */
export interface ChangeSource {
  readonly server: string
  readonly origin: ChangeOrigin
  /** Position before the first of them. */
  readonly before: Cursor | undefined
  /** Position after the last of them. */
  readonly after: Cursor | undefined
}

export interface AppliedSnapshot {
  readonly changes: readonly Change[]
  readonly gap: boolean
  /** Continuity was proven by message keys. */
  readonly continuous: boolean
}

/** Called for an item whose data the topic's own `parse` refused. */
export type RefusedItem = (key: string, cause: unknown) => void

export interface TopicContent {
  readonly kind: TopicKind
  /** A snapshot was applied once. */
  readonly loaded: boolean
  /** State topics only. A new identity a version. */
  readonly view?: ReadonlyMap<string, unknown>
  accepts(op: EventFrame['op']): boolean
  event(frame: EventFrame, source: ChangeSource): readonly Change[]
  snapshot(items: readonly SnapshotItem[], source: ChangeSource): AppliedSnapshot
}

export function createContent(kind: TopicKind, config: TopicConfig, refused: RefusedItem): TopicContent {
  const parser = new ItemParser(config.parse, refused)
  if (kind === 'state') return new StateContent(parser)
  if (kind === 'log') return new LogContent(parser, config.logKeys)
  return new EphemeralContent(parser)
}

/** The user's validator, which may throw. */
class ItemParser {
  readonly #parse: ((data: unknown) => unknown) | undefined
  readonly #refused: RefusedItem

  constructor(parse: ((data: unknown) => unknown) | undefined, refused: RefusedItem) {
    this.#parse = parse
    this.#refused = refused
  }

  get transforms(): boolean {
    return this.#parse !== undefined
  }

  read(key: string, data: unknown): { readonly value: unknown } | undefined {
    if (this.#parse === undefined) return { value: data }
    try {
      return { value: this.#parse(data) }
    } catch (cause) {
      this.#refused(key, cause)
      return undefined
    }
  }
}

function describe(source: ChangeSource, ts: number | undefined): Pick<Change, 'server' | 'origin' | 'ts'> {
  return ts === undefined
    ? { server: source.server, origin: source.origin }
    : { server: source.server, origin: source.origin, ts }
}

/**
 * Only the last change moves the position. Whoever stops in the middle of a snapshot must not come back with a
 * position that claims the rest of it.
 */
function withCursors(changes: readonly Change[], source: ChangeSource): readonly Change[] {
  return changes.map((change, index) => {
    const cursor = index === changes.length - 1 ? source.after : source.before
    return cursor === undefined ? change : { ...change, cursor }
  })
}

class StateContent implements TopicContent {
  readonly kind = 'state'
  loaded = false
  readonly #parser: ItemParser
  readonly #view = new StateView<unknown>()
  /** As sent, when `parse` makes something else of it: only JSON can be compared as JSON. */
  readonly #sent: StateView<unknown>

  constructor(parser: ItemParser) {
    this.#parser = parser
    this.#sent = parser.transforms ? new StateView<unknown>() : this.#view
  }

  get view(): ReadonlyMap<string, unknown> {
    return this.#view.current
  }

  accepts(op: EventFrame['op']): boolean {
    return op === 'upsert' || op === 'remove'
  }

  event(frame: EventFrame, source: ChangeSource): readonly Change[] {
    const change =
      frame.op === 'remove'
        ? this.#remove(frame.key, source, frame.ts)
        : this.#write(frame.key, frame.data, source, frame.ts)
    return change === undefined ? [] : withCursors([change], source)
  }

  snapshot(items: readonly SnapshotItem[], source: ChangeSource): AppliedSnapshot {
    const next = new Map<string, SnapshotItem>()
    for (const item of items) next.set(item.key, item)
    const data = new Map<string, unknown>()
    for (const [key, item] of next) data.set(key, item.data)
    const { removed, written } = differences(this.#sent, data)
    const changes: Change[] = []
    for (const key of removed) push(changes, this.#remove(key, source, undefined))
    for (const key of written) push(changes, this.#write(key, data.get(key), source, next.get(key)?.ts))
    this.#view.touch()
    this.loaded = true
    return { changes: withCursors(changes, source), gap: false, continuous: false }
  }

  /** An item that `parse` refuses is dropped: what was known of the key stays. */
  #write(key: string, data: unknown, source: ChangeSource, ts: number | undefined): Change | undefined {
    const read = this.#parser.read(key, data)
    if (read === undefined) return undefined
    if (this.#sent !== this.#view) this.#sent.set(key, data)
    const had = this.#view.has(key)
    const previous = this.#view.get(key)
    this.#view.set(key, read.value)
    const base = { op: 'upsert', key, data: read.value, ...describe(source, ts) } as const
    return had ? { ...base, previous } : base
  }

  #remove(key: string, source: ChangeSource, ts: number | undefined): Change | undefined {
    if (this.#sent !== this.#view) this.#sent.remove(key)
    const had = this.#view.has(key)
    const removed = this.#view.remove(key)
    if (!had || removed === undefined) return undefined
    return { op: 'remove', key, previous: removed.previous, ...describe(source, ts) }
  }
}

class LogContent implements TopicContent {
  readonly kind = 'log'
  loaded = false
  readonly #parser: ItemParser
  readonly #memory: LogMemory

  constructor(parser: ItemParser, logKeys: number) {
    this.#parser = parser
    this.#memory = new LogMemory(logKeys)
  }

  accepts(op: EventFrame['op']): boolean {
    return op === 'append'
  }

  /** A message known by its key was delivered from another sequence space. */
  event(frame: EventFrame, source: ChangeSource): readonly Change[] {
    if (this.#memory.has(frame.key)) return []
    const change = this.#append(frame, source)
    return change === undefined ? [] : withCursors([change], source)
  }

  snapshot(items: readonly SnapshotItem[], source: ChangeSource): AppliedSnapshot {
    const fresh = newerItems(items, source)
    const { continuous, unknown } = this.#memory.judge(fresh ?? items)
    const proven = continuous || fresh !== undefined || nothingMissed(items, source)
    const changes: Change[] = []
    // Nothing was ever seen and no position given: this is the beginning, and a beginning has no gap.
    const gap = source.before !== undefined && !proven
    if (gap && source.after !== undefined) changes.push(gapChange(source, source.before, source.after))
    for (const item of unknown) push(changes, this.#append(item, source))
    // Known items are the newest known of this server too: without this they would be forgotten before older ones.
    for (const item of items) this.#memory.remember(item.key)
    this.loaded = true
    return { changes: withCursors(changes, source), gap, continuous: proven }
  }

  #append(item: { key: string; data?: unknown; ts?: number }, source: ChangeSource): Change | undefined {
    this.#memory.remember(item.key)
    const read = this.#parser.read(item.key, item.data)
    if (read === undefined) return undefined
    return { op: 'append', key: item.key, data: read.value, ...describe(source, item.ts) }
  }
}

/**
 * The items behind the position, when positions alone prove that none is missing: the same sequence space, in which
 * each append is one `seq`, and enough items to reach back.
 */
function newerItems(items: readonly SnapshotItem[], source: ChangeSource): readonly SnapshotItem[] | undefined {
  const { before, after } = source
  if (before === undefined || after === undefined || before.epoch !== after.epoch) return undefined
  const missing = Math.max(0, after.seq - before.seq)
  return items.length >= missing ? items.slice(items.length - missing) : undefined
}

/** Neither log ever had a message. */
function nothingMissed(items: readonly SnapshotItem[], source: ChangeSource): boolean {
  return source.before?.seq === 0 && source.after?.seq === 0 && items.length === 0
}

function gapChange(source: ChangeSource, from: Cursor, to: Cursor): Change {
  const reason: GapReason = from.epoch === to.epoch ? 'history-lost' : 'epoch-changed'
  return { op: 'gap', from, to, reason, server: source.server, origin: source.origin }
}

class EphemeralContent implements TopicContent {
  readonly kind = 'ephemeral'
  readonly loaded = true
  readonly #parser: ItemParser

  constructor(parser: ItemParser) {
    this.#parser = parser
  }

  accepts(op: EventFrame['op']): boolean {
    return op !== 'unknown'
  }

  event(frame: EventFrame, source: ChangeSource): readonly Change[] {
    const context = describe(source, frame.ts)
    if (frame.op === 'remove') return [{ op: 'remove', key: frame.key, ...context }]
    if (frame.op === 'unknown') return []
    const read = this.#parser.read(frame.key, frame.data)
    return read === undefined ? [] : [{ op: frame.op, key: frame.key, data: read.value, ...context }]
  }

  /** Ephemeral topics have none; one that comes is not looked at. */
  snapshot(): AppliedSnapshot {
    return { changes: [], gap: false, continuous: true }
  }
}

function push(changes: Change[], change: Change | undefined): void {
  if (change !== undefined) changes.push(change)
}
