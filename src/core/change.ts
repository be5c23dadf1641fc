import type { Cursor } from './wire'

/** How a change reached the consumer. */
export type ChangeOrigin = 'snapshot' | 'live' | 'resume' | 'resync'

interface ChangeContext {
  /** Position of this change; none for ephemeral topics. */
  readonly cursor?: Cursor
  /** `welcome.server` of the server that sent it. */
  readonly server: string
  /** Unix milliseconds on the server's clock, where it was told. */
  readonly ts?: number
  readonly origin: ChangeOrigin
}

/** One change of a topic. Gaps come in order, in band: what follows a gap is newer than what is missing. */
export type Change<T = unknown> = ChangeContext &
  (
    | { readonly op: 'upsert' | 'append'; readonly key: string; readonly data: T; readonly previous?: T }
    | { readonly op: 'remove'; readonly key: string; readonly previous?: T }
    | { readonly op: 'gap'; readonly from?: Cursor; readonly to: Cursor; readonly reason: GapReason }
  )

/** Why continuity could not be proven. */
export type GapReason =
  /** The new sequence space shares no known message with what was seen. */
  | 'epoch-changed'
  /** The server no longer holds the events since the position. */
  | 'history-lost'
