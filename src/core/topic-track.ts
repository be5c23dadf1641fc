/** How far a topic is, and with what content: the one position against which every lane is judged. */
import type { Change, ChangeOrigin } from './change'
import type { TopicContent } from './topic-content'
import { createContent } from './topic-content'
import type { TopicConfig, TopicEffect } from './topic-protocol'
import type { Cursor, EventFrame, SnapshotFrame, TopicKind } from './wire'

const EMPTY_VIEW: ReadonlyMap<string, unknown> = new Map()

/** What `recovered: true` means for a lane. */
export type Recovery =
  /** Replay up to `target`; nothing there when it is not above `seq`. */
  | { readonly verdict: 'replay'; readonly seq: number; readonly target: number }
  /** A log that says neither where it is nor where we are: its first event tells. */
  | { readonly verdict: 'unplaced' }
  /** Another lane moved on into another space meanwhile: what was asked here means nothing any more. */
  | { readonly verdict: 'outdated' }
  | { readonly verdict: 'problem'; readonly detail: string }

export interface SnapshotOutcome {
  readonly changes: number
  readonly gap: boolean
  /** A log whose continuity the message keys prove. */
  readonly continuous: boolean
  /** The position is in another sequence space now. */
  readonly isNewSpace: boolean
}

export class TopicTrack {
  readonly #config: TopicConfig
  readonly #emit: (effect: TopicEffect) => void
  #content: TopicContent | undefined
  #received: Cursor | undefined

  constructor(config: TopicConfig, emit: (effect: TopicEffect) => void) {
    this.#config = config
    this.#emit = emit
    this.#received = config.cursor
    if (config.kind !== undefined) this.setKind(config.kind)
    // A state topic's view must be whole, so it never starts in the middle.
    if (config.kind === 'state') this.#received = undefined
  }

  /** As configured, else as the first server said. */
  get kind(): TopicKind | undefined {
    return this.#content?.kind
  }

  /** Last change accepted into the view and the consumers' buffers. */
  get received(): Cursor | undefined {
    return this.#received
  }

  get view(): ReadonlyMap<string, unknown> {
    return this.#content?.view ?? EMPTY_VIEW
  }

  setKind(kind: TopicKind): void {
    this.#content = createContent(kind, this.#config, (key, cause) => {
      const message = `An item of topic "${this.#config.name}" was refused by its parse: key "${key}".`
      this.#emit({ type: 'error', code: 'PROTOCOL_ERROR', message, fatal: false, cause })
    })
    if (kind === 'ephemeral') this.#received = undefined
  }

  accepts(op: EventFrame['op']): boolean {
    return this.#content?.accepts(op) === true
  }

  /** @param asked position this lane asked for, or was known to be at. */
  recover(asked: Cursor | undefined, newest: Cursor | undefined): Recovery {
    if (this.#content?.kind === 'state' && !this.#content.loaded) {
      this.#received = undefined
      return { verdict: 'problem', detail: 'recovered:true for a state topic whose content was never sent' }
    }
    const base = asked ?? newest
    if (base === undefined) return { verdict: 'unplaced' }
    // A position without an epoch (its events came before any cursor) takes the server's.
    const epoch = base.epoch === '' ? (newest?.epoch ?? '') : base.epoch
    if (newest !== undefined && newest.epoch !== '' && newest.epoch !== epoch) {
      return { verdict: 'problem', detail: `recovered:true from epoch "${epoch}" into epoch "${newest.epoch}"` }
    }
    if (this.#received === undefined || this.#received.epoch === '') {
      this.#received = { epoch, seq: this.#received?.seq ?? base.seq }
    }
    if (this.#received.epoch !== epoch) return { verdict: 'outdated' }
    return { verdict: 'replay', seq: base.seq, target: newest?.seq ?? base.seq }
  }

  /** All parts of a snapshot, as one. */
  snapshot(server: string, { items, cursor }: SnapshotFrame): SnapshotOutcome {
    const content = this.#content
    if (content === undefined) return { changes: 0, gap: false, continuous: false, isNewSpace: false }
    const before = this.#received
    const origin = !content.loaded && before === undefined ? 'snapshot' : 'resync'
    const { changes, gap, continuous } = content.snapshot(items, { server, origin, before, after: cursor })
    // A log was delivered up to `before`, whatever an older tail of the same space says; a state is what it is told.
    const isOlder = content.kind === 'log' && before?.epoch === cursor.epoch && before.seq > cursor.seq
    this.#received = isOlder ? before : cursor
    this.#batch(changes)
    return { changes: changes.length, gap, continuous, isNewSpace: before?.epoch !== cursor.epoch }
  }

  /** @param seq none for ephemeral topics. */
  event(server: string, frame: EventFrame, seq: number | undefined, origin: ChangeOrigin): void {
    const before = this.#received
    const after = seq === undefined ? undefined : { epoch: before?.epoch ?? '', seq }
    const changes = this.#content?.event(frame, { server, origin, before, after }) ?? []
    this.#received = after
    this.#batch(changes)
  }

  #batch(changes: readonly Change[]): void {
    const content = this.#content
    const position = this.#received === undefined ? {} : { cursor: this.#received }
    if (content?.kind !== 'state') return this.#emit({ type: 'batch', changes, ...position })
    this.#emit({
      type: 'batch',
      changes,
      ...position,
      // Made when somebody looks: copying a large view for every event would cost more than the events.
      get view() {
        return content.view ?? EMPTY_VIEW
      },
    })
  }
}
