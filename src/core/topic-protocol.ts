/**
 * Inputs and effects of the Topic machine: one per wire subscription, shared by all handles of that topic. It reads
 * from *lanes*, one per live link that carries the topic: usually one, two during a planned move. Ids belong to the
 * session, which drops frames of ids it no longer maps, so the machine speaks of links only.
 */
import type { FailoverErrorCode } from '../errors'
import type { Change } from './change'
import type { DurationMs } from './time'
import type { Cursor, TopicFrame, TopicKind } from './wire'

/** Names one live connection of a session. Rising, never reused. */
export type LinkId = number

export type TopicState = 'pending' | 'live' | 'recovering' | 'stale' | 'closed'

/** Names one wire subscription within a session. */
export type TopicId = string

export interface TopicConfig {
  readonly name: string
  /** Where one topic is read more than once, from positions of their own. @default its name */
  readonly id?: TopicId
  /** Asserted against the server's `subscribed.kind`; a mismatch is a PROTOCOL_ERROR that closes the topic. */
  readonly kind?: TopicKind
  /** Start position, from the consumer. */
  readonly cursor?: Cursor
  /** Validates one item's data; may throw: that item is dropped and reported, the topic goes on. */
  readonly parse?: (data: unknown) => unknown
  /** How many recent log keys are remembered to tell duplicates across epochs. */
  readonly logKeys: number
  /** No event and no beat with `running` for max(this, 2 × heartbeat) = stale. */
  readonly staleAfterMs: DurationMs
  /** The topic's own silence that is suspicious; absent = silence means nothing. */
  readonly freshWithinMs?: DurationMs
}

export type TopicInput =
  /** A link can take subscriptions now (restored). During a planned move a second one comes beside the first. */
  | { readonly type: 'link-ready'; readonly link: LinkId; readonly server: string; readonly heartbeatMs: DurationMs }
  /** The link is gone or abandoned: nothing of it counts any more; parts of a cut snapshot are thrown away. */
  | { readonly type: 'link-lost'; readonly link: LinkId }
  | { readonly type: 'frame'; readonly link: LinkId; readonly frame: TopicFrame }
  /** `reject` with this subscription's id. `not-running` waits for the server's repeat or the next link. */
  | { readonly type: 'rejected'; readonly link: LinkId; readonly code: string; readonly message: string }
  /** A frame of this id that could not be read. Resynchronised once, then a protocol error. */
  | { readonly type: 'problem'; readonly link: LinkId; readonly detail: string }
  /** In-band proof that the UCC runs behind this link (beat or status with `running`). */
  | { readonly type: 'proof'; readonly link: LinkId }
  /** The UCC does not run behind this link (status or beat): the topic is stale at once. */
  | { readonly type: 'not-running'; readonly link: LinkId }
  /** A log consumer's buffer is full (unsubscribe, keep `received`) or half empty again (resume from it). */
  | { readonly type: 'pressure'; readonly full: boolean }
  | { readonly type: 'close' }
  | { readonly type: 'tick' }

export type TopicEffect =
  | { readonly type: 'subscribe'; readonly link: LinkId; readonly cursor?: Cursor }
  | { readonly type: 'unsubscribe'; readonly link: LinkId }
  /** In order. `view` is the state topic's whole new view (a new identity), or absent for logs and ephemerals. */
  | {
      readonly type: 'batch'
      readonly changes: readonly Change[]
      readonly view?: ReadonlyMap<string, unknown>
      /** Position after this batch; none for ephemeral topics. */
      readonly cursor?: Cursor
    }
  | { readonly type: 'state'; readonly state: TopicState; readonly previous: TopicState }
  /** The subscribe on this link was answered (subscribed or rejected): queued commands may follow. */
  | { readonly type: 'answered'; readonly link: LinkId }
  /** This link now carries the topic: its resume or snapshot is complete; the other lanes were dropped. */
  | {
      readonly type: 'adopted'
      readonly link: LinkId
      readonly how: 'first' | 'resumed' | 'resynced' | 'continued'
      /** Changes delivered by the resume or resync itself. */
      readonly changes: number
      readonly gap: boolean
    }
  /** Reported to handles. `fatal` also closes the topic. */
  | {
      readonly type: 'error'
      readonly code: FailoverErrorCode
      readonly message: string
      readonly fatal: boolean
      /** The server's own code of a refusal. */
      readonly reason?: string
      readonly cause?: unknown
    }
  /** Nothing came for `freshWithinMs`: suspicious, once per silence. */
  | { readonly type: 'silent'; readonly link: LinkId; readonly sinceMs: DurationMs }
  /** An event ended a silence that was reported. */
  | { readonly type: 'heard'; readonly link: LinkId }
