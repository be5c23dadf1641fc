/**
 * Inputs and effects of the Outbox machine: one per session. It decides when a command may leave, when it may leave
 * again, and when its outcome is unknown. It never executes one twice, and never late.
 */
import type { FailoverErrorCode } from '../errors'
import type { DurationMs, Instant } from './time'
import type { ResultFrame } from './wire'
import type { LinkId } from './topic-protocol'

/** What a repeat would mean. `effect` is the default because it promises least. */
export type CommandSafety = 'read' | 'set' | 'keyed' | 'claim' | 'effect'

export interface CommandRequest {
  /** The caller's own handle of it, unique in the session. */
  readonly command: number
  readonly name: string
  readonly args: unknown
  readonly safety: CommandSafety
  /** Idempotency key: the user's, or a random one. */
  readonly key: string
  /** What a `set` sets: a newer `set` with the same target supersedes an older one. Default: the name. */
  readonly target: string
  readonly deadline: Instant
  /** Size of the serialised arguments, for the queue's byte bound. */
  readonly bytes: number
  /** Bound to one link (a restore hook's command): sent there at once, never queued, never repeated elsewhere. */
  readonly lane?: LinkId
}

export interface OutboxConfig {
  readonly maxQueued: number
  readonly maxQueuedBytes: number
  readonly sharedKeys: boolean
}

export type OutboxInput =
  | { readonly type: 'command'; readonly request: CommandRequest }
  /** Abort by the caller. Queued: it never leaves. Sent: OUTCOME_UNKNOWN at once. */
  | { readonly type: 'abort'; readonly command: number; readonly reason: unknown }
  /**
   * This link now takes queued commands (its subscribes are answered). `keys`: its command memory.
   * `clockOffsetMs`: server's Unix clock minus the local monotonic clock, from the newest `ts`; absent = unknown.
   */
  | {
      readonly type: 'link-open'
      readonly link: LinkId
      readonly keys?: string
      readonly running: boolean
    }
  /** A planned move reads both; new commands go to the newest open link. The old one only awaits its results. */
  | { readonly type: 'link-lost'; readonly link: LinkId }
  /** Said goodbye: it takes nothing new, but what is on its wire may still be answered. */
  | { readonly type: 'link-left'; readonly link: LinkId }
  /** The UCC behind the link started or stopped: commands are held while it does not run. */
  | { readonly type: 'link-running'; readonly link: LinkId; readonly running: boolean }
  /** Our monotonic clock stood still for so long (sleep): for whoever waits, that time has passed. */
  | { readonly type: 'slept'; readonly ms: DurationMs }
  | { readonly type: 'clock'; readonly link: LinkId; readonly offsetMs: DurationMs }
  | { readonly type: 'result'; readonly link: LinkId; readonly id: number; readonly frame: ResultFrame }
  /** The session numbered a `send` effect: `id` on that link is this command. */
  | { readonly type: 'close' }
  | { readonly type: 'tick' }

export type OutboxEffect =
  /** Send now. `id` comes from the session's one rising series: the machine is given `nextId(link)`. */
  | {
      readonly type: 'send'
      readonly link: LinkId
      readonly id: number
      readonly request: CommandRequest
      readonly notAfter?: number
    }
  | { readonly type: 'done'; readonly command: number; readonly data: unknown; readonly duplicate: boolean }
  | {
      readonly type: 'failed'
      readonly command: number
      readonly code: FailoverErrorCode
      readonly message: string
      readonly reason?: string
      /** For aborts: what the caller's signal carried. */
      readonly abortReason?: unknown
    }
