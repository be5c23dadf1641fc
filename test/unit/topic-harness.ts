/** Drives a TopicMachine by hand: short inputs, virtual time, and what came out. */
import type { Change } from '../../src/core/change'
import { TopicMachine } from '../../src/core/topic'
import type { LinkId, TopicConfig, TopicEffect, TopicInput } from '../../src/core/topic-protocol'
import type { Cursor, SnapshotItem, TopicKind } from '../../src/core/wire'

export function at(epoch: string, seq: number): Cursor {
  return { epoch, seq }
}

export function items(...entries: readonly (string | readonly [string, unknown])[]): SnapshotItem[] {
  return entries.map((entry) =>
    typeof entry === 'string' ? { key: entry, data: entry } : { key: entry[0], data: entry[1] },
  )
}

export class TopicHarness {
  readonly machine: TopicMachine
  now = 1000
  /** Every change delivered so far. */
  readonly changes: Change[] = []

  constructor(config: Partial<TopicConfig> = {}) {
    this.machine = new TopicMachine({ name: 'topic', logKeys: 1000, staleAfterMs: 5000, ...config })
  }

  input(input: TopicInput): readonly TopicEffect[] {
    const effects = this.machine.handle(this.now, input)
    for (const effect of effects) if (effect.type === 'batch') this.changes.push(...effect.changes)
    return effects
  }

  ready(link: LinkId, server = `srv${link}`): readonly TopicEffect[] {
    return this.input({ type: 'link-ready', link, server, heartbeatMs: 1000 })
  }

  lost(link: LinkId): readonly TopicEffect[] {
    return this.input({ type: 'link-lost', link })
  }

  subscribed(link: LinkId, kind: TopicKind, recovered: boolean, cursor?: Cursor): readonly TopicEffect[] {
    const position = cursor === undefined ? {} : { cursor }
    return this.input({ type: 'frame', link, frame: { type: 'subscribed', id: 1, kind, recovered, ...position } })
  }

  snapshot(link: LinkId, cursor: Cursor, list: readonly SnapshotItem[], more = false): readonly TopicEffect[] {
    return this.input({ type: 'frame', link, frame: { type: 'snapshot', id: 1, cursor, items: list, more } })
  }

  event(
    link: LinkId,
    seq: number | undefined,
    op: 'upsert' | 'remove' | 'append' | 'unknown',
    key: string,
    data?: unknown,
  ): readonly TopicEffect[] {
    const position = seq === undefined ? {} : { seq }
    const content = data === undefined ? {} : { data }
    return this.input({ type: 'frame', link, frame: { type: 'event', id: 1, op, key, ...position, ...content } })
  }

  tickAt(now: number): readonly TopicEffect[] {
    this.now = now
    return this.input({ type: 'tick' })
  }

  /** A live log on link 1, epoch A, at `seq`, that saw m1 … mN as its first snapshot. */
  static liveLog(seq = 2, config: Partial<TopicConfig> = {}): TopicHarness {
    const harness = new TopicHarness({ kind: 'log', ...config })
    harness.ready(1)
    harness.subscribed(1, 'log', false, at('A', seq))
    harness.snapshot(1, at('A', seq), items(...Array.from({ length: seq }, (_, index) => `m${index + 1}`)))
    return harness
  }

  /** A live state topic on link 1, epoch A at 2, with a=1 and b=2. */
  static liveState(config: Partial<TopicConfig> = {}): TopicHarness {
    const harness = new TopicHarness({ kind: 'state', ...config })
    harness.ready(1)
    harness.subscribed(1, 'state', false, at('A', 2))
    harness.snapshot(1, at('A', 2), items(['a', 1], ['b', 2]))
    return harness
  }
}

/** Types of the effects, in order. */
export function types(effects: readonly TopicEffect[]): string[] {
  return effects.map((effect) => effect.type)
}

/** The changes of a batch in few words: `upsert a=1 snapshot`. */
export function told(effects: readonly TopicEffect[]): string[] {
  return effects.flatMap((effect) => (effect.type === 'batch' ? effect.changes.map(sentence) : []))
}

export function sentence(change: Change): string {
  if (change.op === 'gap') return `gap ${change.from?.seq ?? '-'}..${change.to.seq} ${change.reason}`
  if (change.op === 'remove') return `remove ${change.key} ${change.origin}`
  return `${change.op} ${change.key}=${JSON.stringify(change.data)} ${change.origin}`
}
