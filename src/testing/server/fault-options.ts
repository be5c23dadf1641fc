/** What can be published and ordered to go wrong: the options of the faults, for both kinds of servers. */
import type { Cursor, ReadinessState } from '../../core/wire'
import type { Announce } from './server-types'

/** A change to publish. */
export interface PublishInput {
  /** @default 'append' on logs, else 'upsert' */
  readonly op?: 'upsert' | 'remove' | 'append'
  /** Key of the state item, or the message's own id. */
  readonly key: string
  /** Any JSON value; none for `remove`. */
  readonly data?: unknown
}

/** What was published, and where it stands. */
export interface Published {
  /** Name of the topic. */
  readonly topic: string
  /** As given, or by the kind of the topic. */
  readonly op: 'upsert' | 'remove' | 'append'
  /** As given. */
  readonly key: string
  /** As given. */
  readonly data: unknown
  /** Unix milliseconds. */
  readonly ts: number
  /** Position in the shared log, or in the first addressed server's; `seq` is 0 for ephemeral topics. */
  readonly cursor: Cursor
  /** Positions by server. */
  readonly positions: Readonly<Record<string, Cursor>>
}

/** `same`: the one it had. `new`: greater than every term announced so far. `none`: announce none. */
export type TermChoice = 'same' | 'new' | 'none' | number

/** Options of `stopUcc`. */
export interface StopUccOptions {
  /**
   * How it can be noticed. Events of the UCC stop and the web services go on (HTTP 200, empty lists) in every case.
   *
   * - `status`: pushed at once by a `status` frame; heartbeats and readiness say `stopped`.
   * - `heartbeat`: not pushed; the next heartbeat and readiness say `stopped`.
   * - `beats`: heartbeats go on without a state (they prove liveness only); readiness says `stopped`.
   * - `readiness`: heartbeats go on to claim `running`; only readiness says `stopped`.
   * - `silent`: everything claims `running`; only the topics are silent and commands are never answered.
   *
   * With `readiness` and `silent` the live connection accepts new subscriptions, which show the content of that moment.
   *
   * @default 'status'
   */
  readonly announce?: Announce
}

/** Options of `startUcc`. */
export interface StartUccOptions {
  /** Be `starting` for this long first. @default 0 */
  readonly startingMs?: number
  /** @default 'new', as the contract asks for */
  readonly term?: TermChoice
}

/** Options of `promote`. */
export interface PromoteOptions {
  /** Stop the UCC on all other servers. @default true */
  readonly fence?: boolean
  /** How the fenced servers show it. @default 'status' */
  readonly announce?: Announce
  /** @default 'new' */
  readonly term?: TermChoice
}

/** Options of `restart`. */
export interface RestartOptions {
  /** State of every UCC there. @default what it was, unless a `promote` has fenced it meanwhile */
  readonly state?: ReadinessState
  /** Be `starting` for this long first; the restart resolves before that ends. @default 0 */
  readonly startingMs?: number
  /** @default 'same' for a UCC that ran there before, 'new' for one that begins to */
  readonly term?: TermChoice
  /** With a split log: what it comes back with. @default 'current' */
  readonly content?: 'current' | 'empty'
}

/** Options of `drain`. */
export interface DrainOptions {
  /** Connections are closed with 1001 after this long. */
  readonly leaveWithinMs: number
  /** Window over which the clients are asked to spread. @default none announced */
  readonly spreadMs?: number
  /** Hint where to go: a server's name here, or any host. */
  readonly to?: string
  /** @default 'drain' */
  readonly reason?: string
}

/** Options of `rejectNext`. */
export interface RejectNextOptions {
  /** `unauthorized`, `forbidden`, `unknown-ucc`, `not-running`, `unsupported-version`, `overloaded`, `invalid`. */
  readonly code: string
  /** For people. */
  readonly message?: string
  /** With `overloaded`: when to come again. */
  readonly retryAfterMs?: number
  /** How many `hello`s. @default 1 */
  readonly times?: number
}
