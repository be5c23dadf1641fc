/**
 * What became of every event: each one the cluster published is waited for at each consumer, each one delivered is
 * looked up. Nothing here knows what the client believes of itself.
 */
import type { Change } from '../../index'
import type { Published } from '../../testing/node'

/** Numbers of one consumer of one topic, or of several together. */
export interface AuditCount {
  readonly published: number
  readonly delivered: number
  /** Not delivered yet, and nothing newer was. */
  readonly behind: number
  /** Not delivered although something newer was; at the end: not delivered. */
  readonly lost: number
  /** Delivered once more. */
  readonly duplicated: number
  /** Delivered after something newer. */
  readonly unordered: number
  /** Delivered, but never published so. */
  readonly foreign: number
  /** Gaps the client reported in a log. */
  readonly gaps: number
  /** Intermediate values of a state topic that a snapshot replaced: the view is right, the steps were not shown. */
  readonly merged: number
}

export const NOTHING: AuditCount = {
  published: 0,
  delivered: 0,
  behind: 0,
  lost: 0,
  duplicated: 0,
  unordered: 0,
  foreign: 0,
  gaps: 0,
  merged: 0,
}

/** One consumer's account of one topic. Events are known by position and key; memory does not grow with time. */
export class StreamAudit {
  readonly topic: string
  readonly #kind: 'state' | 'log'
  /** Published and not delivered, by position. */
  readonly #open = new Map<number, string>()
  #firstSeq = Infinity
  #lastSeq = 0
  #highest = 0
  #count = { ...NOTHING }

  constructor(topic: string, kind: 'state' | 'log') {
    this.topic = topic
    this.#kind = kind
  }

  /** Tells what was published. What was published before the first call is nobody's business. */
  published(one: Pick<Published, 'key' | 'cursor'>): void {
    const { seq } = one.cursor
    this.#firstSeq = Math.min(this.#firstSeq, seq)
    this.#lastSeq = seq
    this.#open.set(seq, one.key)
    this.#count.published += 1
  }

  /** Tells what a subscription delivered. */
  delivered(change: Change): void {
    if (change.op === 'gap') {
      this.#count.gaps += 1
      return
    }
    const { cursor, origin, key } = change
    const seq = cursor?.seq ?? 0
    const isSnapshot = origin === 'snapshot' || origin === 'resync'
    if (isSnapshot && seq < this.#firstSeq) return
    // The items of a snapshot all carry its one position: those of a state topic stand for everything up to it, those
    // of a log are messages, each known by its key.
    if (!isSnapshot) this.#take(seq, key)
    else if (this.#kind === 'state') this.#merge(seq)
    else this.#take(this.#positionOf(key) ?? this.#highest, key)
  }

  /** As it stands now. */
  count(): AuditCount {
    let lost = 0
    for (const seq of this.#open.keys()) {
      if (seq < this.#highest) lost += 1
    }
    return { ...this.#count, lost, behind: this.#open.size - lost }
  }

  #take(seq: number, key: string): void {
    const expected = this.#open.get(seq)
    if (seq > this.#lastSeq || seq < this.#firstSeq || (expected !== undefined && expected !== key)) {
      this.#count.foreign += 1
      return
    }
    if (expected === undefined) {
      this.#count.duplicated += 1
      return
    }
    this.#open.delete(seq)
    this.#count.delivered += 1
    if (seq < this.#highest) this.#count.unordered += 1
    else this.#highest = seq
  }

  #positionOf(key: string): number | undefined {
    for (const [seq, expected] of this.#open) {
      if (expected === key) return seq
    }
    return undefined
  }

  #merge(upTo: number): void {
    for (const seq of this.#open.keys()) {
      if (seq > upTo) continue
      this.#open.delete(seq)
      this.#count.merged += 1
    }
    this.#highest = Math.max(this.#highest, upTo)
  }
}

/** Several counts as one. */
export function sum(counts: readonly AuditCount[]): AuditCount {
  return counts.reduce((all, one) => combine(all, one, 1), NOTHING)
}

/** What came after `before`, and what is behind now: what was on its way at that moment and has arrived is no debt. */
export function since(now: AuditCount, before: AuditCount): AuditCount {
  return { ...combine(now, before, -1), behind: now.behind }
}

/** What is wrong, in words; empty when every event arrived once, in order. */
export function faultsOf(count: AuditCount): readonly string[] {
  const wrong: readonly (readonly [number, string])[] = [
    [count.lost, 'lost'],
    [count.behind, 'not delivered'],
    [count.duplicated, 'duplicated'],
    [count.unordered, 'out of order'],
    [count.foreign, 'never published'],
    [count.gaps, 'reported as gaps'],
  ]
  return wrong.filter(([number]) => number > 0).map(([number, word]) => `${number} events ${word}`)
}

function combine(one: AuditCount, other: AuditCount, sign: 1 | -1): AuditCount {
  return {
    published: one.published + sign * other.published,
    delivered: one.delivered + sign * other.delivered,
    behind: one.behind + sign * other.behind,
    lost: one.lost + sign * other.lost,
    duplicated: one.duplicated + sign * other.duplicated,
    unordered: one.unordered + sign * other.unordered,
    foreign: one.foreign + sign * other.foreign,
    gaps: one.gaps + sign * other.gaps,
    merged: one.merged + sign * other.merged,
  }
}
