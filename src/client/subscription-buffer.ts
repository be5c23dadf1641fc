/**
 * What a loop has not asked for yet. Logs are kept whole (the hub pauses the topic when one is full), state topics are
 * coalesced by key from `limit` on (so bounded by the number of keys), ephemeral ones lose the oldest.
 */
import type { Change } from '../core/change'
import type { Cursor, TopicKind } from '../core/wire'

/** A place in what was delivered. Cursors of two epochs cannot be compared, orders can. */
export interface Position {
  readonly order: number
  readonly cursor: Cursor | undefined
}

interface Entry {
  change: Change
  /** Where the consumer is as long as it has not finished with this (or, coalesced, with the first of them). */
  readonly before: Position
}

export class ChangeBuffer {
  readonly #limit: number
  readonly #kind: () => TopicKind | undefined
  /** By number, or by the changes' own keys once coalescing. A Map's iterator is live: what it passed was taken. */
  #entries = new Map<number | string, Entry>()
  #reader = this.#entries.entries()
  #number = 0
  #isCoalescing = false

  constructor(limit: number, kind: () => TopicKind | undefined) {
    this.#limit = limit
    this.#kind = kind
  }

  get size(): number {
    return this.#entries.size
  }

  /** Where the consumer is while the oldest waits; nothing when none does. */
  get before(): Position | undefined {
    for (const entry of this.#entries.values()) return entry.before
    return undefined
  }

  push(change: Change, before: Position): void {
    const kind = this.#kind()
    if (kind === 'state' && !this.#isCoalescing && this.size >= this.#limit) this.#coalesce()
    if (this.#isCoalescing) return this.#merge(change, before)
    this.#entries.set((this.#number += 1), { change, before })
    if (kind === 'ephemeral' && this.size > this.#limit) this.take()
  }

  take(): { readonly change: Change; readonly before: Position } | undefined {
    let next = this.#reader.next()
    if (next.done === true) {
      // An iterator that has once come to its end stays there.
      this.#reader = this.#entries.entries()
      next = this.#reader.next()
    }
    if (next.done === true) return undefined
    const [key, entry] = next.value
    this.#entries.delete(key)
    if (this.size === 0) this.#isCoalescing = false
    return entry
  }

  clear(): void {
    this.#replace(new Map())
    this.#isCoalescing = false
  }

  #replace(entries: Map<number | string, Entry>): void {
    this.#entries = entries
    this.#reader = entries.entries()
  }

  #coalesce(): void {
    const entries = this.#entries
    this.#replace(new Map())
    this.#isCoalescing = true
    for (const { change, before } of entries.values()) this.#merge(change, before)
  }

  /** Keeps the place of the first, so that a key that changes all the time is not put off for ever. */
  #merge(change: Change, before: Position): void {
    // State topics have no gaps; one that came would stand for itself.
    const key = change.op === 'gap' ? (this.#number += 1) : change.key
    const first = this.#entries.get(key)
    if (first === undefined) {
      this.#entries.set(key, { change, before })
      return
    }
    const merged = coalesced(first.change, change)
    if (merged === undefined) this.#entries.delete(key)
    else first.change = merged
  }
}

/** Two changes of one key as one: what the consumer has, `previous`, is what it was before the first. */
export function coalesced(first: Change, next: Change): Change | undefined {
  if (first.op === 'gap' || next.op === 'gap') return next
  const had = 'previous' in first
  if (next.op === 'remove') return had ? { ...next, previous: first.previous } : undefined
  const { previous: _, ...rest } = next
  return had ? { ...rest, previous: first.previous } : rest
}
