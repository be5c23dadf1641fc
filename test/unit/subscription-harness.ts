/** A hub fed by hand, as a client feeds it from a TopicMachine. */
import type { Change, ChangeOrigin } from '../../src/core/change'
import type { TopicEffect } from '../../src/core/topic-protocol'
import type { TopicKind } from '../../src/core/wire'
import { TopicHub } from '../../src/client/subscription-hub'

export function upsert(key: string, data: unknown, seq: number, previous?: unknown): Change {
  const base = { op: 'upsert', key, data, cursor: { epoch: 'A', seq }, server: 's1', origin: 'live' } as const
  return previous === undefined ? base : { ...base, previous }
}

export function append(seq: number, origin: ChangeOrigin = 'live'): Change {
  return { op: 'append', key: `m${seq}`, data: seq, cursor: { epoch: 'A', seq }, server: 's1', origin }
}

export class HubHarness {
  readonly hub: TopicHub
  now = 0
  kind: TopicKind | undefined
  readonly reported: unknown[] = []
  readonly pressures: boolean[] = []
  emptied = 0

  constructor(kind: TopicKind | undefined, maxBuffered = 1000) {
    this.kind = kind
    this.hub = new TopicHub({
      topic: 't',
      kind: () => this.kind,
      maxBuffered,
      now: () => this.now,
      report: (error) => this.reported.push(error),
      onPressure: (full) => this.pressures.push(full),
      onEmpty: () => {
        this.emptied += 1
      },
    })
  }

  batch(...changes: Change[]): void {
    const cursor = changes.at(-1)?.cursor
    this.hub.deliver(cursor === undefined ? { type: 'batch', changes } : { type: 'batch', changes, cursor })
  }

  state(state: Extract<TopicEffect, { type: 'state' }>['state']): void {
    this.hub.deliver({ type: 'state', state, previous: this.hub.state })
  }
}

export function keysOf(changes: readonly Change[]): string[] {
  return changes.map((change) => (change.op === 'gap' ? 'gap' : change.key))
}

/** Lets everything that waits for a microtask go on. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await Promise.resolve()
}
