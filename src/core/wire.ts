/**
 * The frames of the wire contract "failover-stream", version 1, as PROTOCOL.md writes them. Types only: reading them
 * from untrusted text is the work of `parse-frame.ts` and `parse-readiness.ts`.
 */

export const PROTOCOL_VERSION = 1
/** WebSocket subprotocol. Constant: the version is inside the frames. */
export const SUBPROTOCOL = 'failover-stream'

/** Position in one sequence space of one topic. `seq` means nothing without its `epoch`. */
export interface Cursor {
  /** Name of one sequence space of one topic. */
  readonly epoch: string
  /** Rises by one with each change of that space. */
  readonly seq: number
}

/** Can this server serve this UCC now? Liveness is another question. */
export type ReadinessState = 'running' | 'starting' | 'stopped' | 'unknown'

/** `state`: one value a key. `log`: messages in order. `ephemeral`: signals that are never replayed. */
export type TopicKind = 'state' | 'log' | 'ephemeral'

/** One server of the pool, as a server names it. */
export interface Peer {
  /** Its name. */
  readonly server: string
  /** Its base URL. */
  readonly url: string
}

/** What a server says of its load; sizes the spread window W = clients / acceptPerSec. */
export interface Load {
  /** Live connections the server has now. */
  readonly clients?: number
  /** New live connections a second that it takes well. */
  readonly acceptPerSec?: number
}

/** Body of `GET /failover/ready`, judged by itself, whatever the status was. */
export interface ReadinessBody {
  /** Name of the server that answers, unique and stable. */
  readonly server: string
  /** Versions of the contract it speaks. */
  readonly versions: readonly number[]
  /** The UCC this answer is about. */
  readonly ucc?: string
  /** Does that UCC run on this server now? */
  readonly state: ReadinessState
  /** Number of the UCC's incarnation; rises with each activation. */
  readonly term?: number
  /** All servers of the pool, in rank order. */
  readonly peers?: readonly Peer[]
  /** Sizes the spread of a fleet that must move. */
  readonly load?: Load
  /** A planned departure is under way. */
  readonly draining?: boolean
}

/** Who a client says it is, in `hello`. */
export interface ClientIdentity {
  /** Random per client unless the application names one. */
  readonly id: string
  /** Of the program, for the server's log. */
  readonly name?: string
  /** Of the program. */
  readonly version?: string
}

export type ClientFrame =
  | {
      readonly type: 'hello'
      readonly version: number
      readonly client: ClientIdentity
      readonly ucc?: string
      readonly token?: string
      readonly heartbeatMs?: number
      readonly previous?: { readonly server: string; readonly reason: string }
    }
  | { readonly type: 'authorize'; readonly token: string }
  | { readonly type: 'subscribe'; readonly id: number; readonly topic: string; readonly cursor?: Cursor }
  | { readonly type: 'unsubscribe'; readonly id: number }
  | CommandFrame
  | { readonly type: 'ping'; readonly n: number }
  | { readonly type: 'leave'; readonly reason: string }

export interface CommandFrame {
  readonly type: 'command'
  readonly id: number
  readonly name: string
  readonly args: unknown
  readonly key: string
  /** On the server's clock. */
  readonly notAfter?: number
}

export type HelloFrame = Extract<ClientFrame, { type: 'hello' }>

export interface WelcomeFrame {
  readonly type: 'welcome'
  readonly version: number
  readonly server: string
  readonly state: ReadinessState
  readonly term?: number
  readonly heartbeatMs: number
  readonly ts?: number
  /** Name of the command memory. None = shared with nobody. */
  readonly keys?: string
  readonly tokenExpiresInMs?: number
  readonly peers?: readonly Peer[]
  readonly load?: Load
  readonly spreadMs?: number
}

export interface SnapshotItem {
  readonly key: string
  readonly data: unknown
  readonly ts?: number
}

export interface SubscribedFrame {
  readonly type: 'subscribed'
  readonly id: number
  readonly kind: TopicKind
  readonly recovered: boolean
  readonly cursor?: Cursor
}

export interface SnapshotFrame {
  readonly type: 'snapshot'
  readonly id: number
  readonly cursor: Cursor
  readonly items: readonly SnapshotItem[]
  readonly more?: boolean
}

export interface EventFrame {
  readonly type: 'event'
  readonly id: number
  readonly seq?: number
  /** `unknown` stands for an op of a later version: the topic is resynchronised once, then it is a protocol error. */
  readonly op: 'upsert' | 'remove' | 'append' | 'unknown'
  readonly key: string
  readonly data?: unknown
  readonly ts?: number
}

export type RejectCode =
  | 'unauthorized'
  | 'forbidden'
  | 'unknown-ucc'
  | 'not-running'
  | 'unknown-topic'
  | 'unsupported-version'
  | 'overloaded'
  | 'invalid'

export interface ResultFrame {
  readonly type: 'result'
  readonly id: number
  readonly status: 'done' | 'duplicate' | 'rejected' | 'expired'
  readonly data?: unknown
  readonly error?: { readonly code: string; readonly message: string }
}

export interface RejectFrame {
  readonly type: 'reject'
  readonly code: string
  readonly message: string
  readonly id?: number
  readonly retryAfterMs?: number
}

export interface GoawayFrame {
  readonly type: 'goaway'
  readonly reason: string
  readonly leaveWithinMs: number
  readonly spreadMs?: number
  readonly to?: string
}

export type TopicFrame = SubscribedFrame | SnapshotFrame | EventFrame

export type ServerFrame =
  | WelcomeFrame
  | TopicFrame
  | ResultFrame
  | {
      readonly type: 'heartbeat'
      readonly state: ReadinessState
      readonly ts?: number
      readonly term?: number
      readonly load?: Load
    }
  | { readonly type: 'status'; readonly state: ReadinessState; readonly term?: number }
  | { readonly type: 'pong'; readonly n: number; readonly ts?: number }
  | GoawayFrame
  | RejectFrame

/** Close codes of the contract (rule 10) and of RFC 6455 7.4.1 that mean something here. */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  abnormal: 1006,
  messageTooBig: 1009,
  restart: 1012,
  tryLater: 1013,
  invalid: 4400,
  unauthorized: 4401,
  forbidden: 4403,
  unknownUcc: 4404,
  frameTooBig: 4409,
} as const
