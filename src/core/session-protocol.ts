/**
 * Inputs and effects of the Session machine: one per client. It carries out where the pool wants the client to be: one
 * committed live connection, a second one during a planned move, perhaps an idle warm one. It owns the order of the
 * contract: hello, welcome, restore, subscribes, commands.
 */
import type { OutboxEffect, CommandRequest } from './command-protocol'
import type { FrameProblem } from './parse-frame'
import type { MoveId, MovePlan, PoolInput, SeatId } from './pool-protocol'
import type { NetworkFailure, Road } from './road'
import type { SessionSettings } from './settings'
import type { DurationMs } from './time'
import type { LinkId, TopicConfig, TopicEffect } from './topic-protocol'
import type { ClientFrame, ClientIdentity, Peer, ServerFrame } from './wire'

export interface SessionConfig {
  readonly seat: SeatId
  readonly settings: SessionSettings
  readonly ucc: string | undefined
  readonly client: ClientIdentity
  readonly warm: boolean
  readonly hasRestore: boolean
  readonly commands: { readonly maxQueued: number; readonly maxQueuedBytes: number; readonly sharedKeys: boolean }
}

export type SessionInput =
  | { readonly type: 'go'; readonly plan: MovePlan }
  | { readonly type: 'cancel-move'; readonly move: MoveId }
  | { readonly type: 'fence'; readonly move: MoveId; readonly minTerm: number }
  | { readonly type: 'warm'; readonly road: Road | undefined }
  | { readonly type: 'topic-open'; readonly config: TopicConfig }
  | { readonly type: 'topic-close'; readonly topic: string }
  | { readonly type: 'topic-pressure'; readonly topic: string; readonly full: boolean }
  | { readonly type: 'command'; readonly request: CommandRequest }
  | { readonly type: 'command-abort'; readonly command: number; readonly reason: unknown }
  | { readonly type: 'link-opened'; readonly link: LinkId }
  | { readonly type: 'link-frame'; readonly link: LinkId; readonly frame: ServerFrame }
  | { readonly type: 'link-problem'; readonly link: LinkId; readonly problem: FrameProblem }
  | {
      readonly type: 'link-closed'
      readonly link: LinkId
      readonly code: number
      readonly failure?: NetworkFailure
      /** HTTP status that refused the upgrade. */
      readonly status?: number
    }
  | { readonly type: 'token'; readonly link: LinkId; readonly token?: string; readonly failed?: boolean }
  | { readonly type: 'restored'; readonly link: LinkId; readonly ok: boolean }
  /** So much time passed that our monotonic clock did not see: what is overdue by then must not leave. */
  | { readonly type: 'slept'; readonly ms: DurationMs }
  /** We ourselves were stopped for this long. */
  | { readonly type: 'pause'; readonly lateMs: DurationMs }
  | { readonly type: 'close' }
  | { readonly type: 'tick' }

/** How long the parts of a move took; they add up to `totalMs`. */
export interface MoveTimings {
  readonly detectMs: DurationMs
  readonly decideMs: DurationMs
  readonly spreadMs: DurationMs
  readonly connectMs: DurationMs
  readonly restoreMs: DurationMs
  readonly resumeMs: DurationMs
  readonly totalMs: DurationMs
}

export type SessionEffect =
  | { readonly type: 'open-link'; readonly link: LinkId; readonly road: Road; readonly downgraded: boolean }
  | { readonly type: 'send'; readonly link: LinkId; readonly frame: ClientFrame }
  /**
   * This command has ended: where it has not left the link yet (one waits for another), it must not any more.
   * `expired`: by its deadline, behind which no server executes it; nobody need wait for its answer.
   */
  | { readonly type: 'withdraw'; readonly link: LinkId; readonly id: number; readonly expired: boolean }
  | { readonly type: 'close-link'; readonly link: LinkId; readonly code: number; readonly reason: string }
  | { readonly type: 'abandon-link'; readonly link: LinkId }
  | {
      readonly type: 'ask-token'
      readonly link: LinkId
      readonly endpointId: string
      readonly server: string | undefined
      readonly reason: 'connect' | 'expiring' | 'rejected'
    }
  | {
      readonly type: 'restore'
      readonly link: LinkId
      readonly endpointId: string
      readonly server: string
      readonly previous?: string
      readonly term?: number
    }
  /** The restore hook's attempt is over: its signal aborts. */
  | { readonly type: 'cancel-restore'; readonly link: LinkId }
  | { readonly type: 'peers'; readonly server: string; readonly peers: readonly Peer[] }
  | { readonly type: 'topic'; readonly topic: string; readonly effect: TopicEffect; readonly server?: string }
  /** `server`: where the command was last sent, if it was. */
  | {
      readonly type: 'outbox'
      readonly effect: Exclude<OutboxEffect, { readonly type: 'send' }>
      readonly server?: string
    }
  | { readonly type: 'pool'; readonly input: PoolInput }
  /** A move is over: the last topic is live again on the new side. */
  | { readonly type: 'moved'; readonly plan: MovePlan; readonly timings: MoveTimings }
  | { readonly type: 'warning'; readonly code: string; readonly sentence: string; readonly endpointId?: string }
  /** All links are gone after `close`. */
  | { readonly type: 'ended' }
