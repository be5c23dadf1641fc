/** What a server of the contract is made of and told, whatever carries it: a process of its own, or a simulation. */
import type { Load, Peer, ReadinessState, TopicKind } from '../../core/wire'
import type { TopicDump, TopicLimits } from './topic-log'

/** What a server starts with. */
export interface ServerConfig extends RuntimeConfig {
  readonly name: string
  readonly uccs: Readonly<Record<string, UccConfig>>
  readonly limits: TopicLimits
  readonly topics: Readonly<Record<string, TopicKind>>
  readonly onlyTopics: boolean
  readonly content: TopicsContent
}

/** The content of topics. A topic that is not among the dumps is empty, in the epoch `epoch`, at position `seq`. */
export interface TopicsContent {
  readonly epoch: string
  readonly seq: number
  readonly dumps: readonly TopicDump[]
}

/** The part of the configuration that can be changed while the server runs. */
export interface RuntimeConfig {
  readonly heartbeatMs?: number
  readonly spreadMs?: number
  readonly snapshotPartBytes: number
  readonly refuseUpgrades: boolean
  readonly peers?: readonly Peer[]
  readonly load: Load | false
  /** Name of the command memory; absent = shared with nobody. */
  readonly keys?: string
  /** Accepted tokens; absent = everybody is. */
  readonly tokens?: readonly string[]
  /** Valid, but refused with `forbidden`. */
  readonly forbiddenTokens?: readonly string[]
  readonly tokenExpiresInMs?: number
}

export interface UccConfig {
  readonly state: ReadinessState
  readonly term?: number
}

/** How a server that lost its UCC shows it; see `StopUccOptions.announce`. */
export type Announce = 'status' | 'heartbeat' | 'beats' | 'readiness' | 'silent'

export interface UccChange extends UccConfig {
  readonly ucc: string
  readonly announce: Announce
}

/** What `serveReadiness` answers instead of readiness. */
export interface ReadinessOverride {
  /** HTTP status. */
  readonly status?: number
  /** Of the body. */
  readonly contentType?: string
  /** As it is sent. */
  readonly body?: string
  /** Further ones. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface PendingReject {
  readonly code: string
  readonly message?: string
  readonly retryAfterMs?: number
  readonly times?: number
}

/** A command or unsafe HTTP request, as the cluster's ledger is asked to execute it. */
export interface ExecutionRequest {
  readonly kind: 'command' | 'http'
  readonly ucc: string
  readonly name: string
  readonly args: unknown
  /** Idempotency key; HTTP requests may have none. */
  readonly key?: string
  readonly notAfter?: number
  readonly client?: string
  /** The server does not execute it (`not-running`): the answer, unless the key is known. */
  readonly refusal?: { readonly code: string; readonly message: string }
}

export interface ExecutionAnswer {
  readonly status: 'done' | 'duplicate' | 'rejected' | 'expired'
  readonly data?: unknown
  readonly error?: { readonly code: string; readonly message: string }
}

/** What a server saw, told to the cluster as it happens so that a kill loses nothing. */
export type Note =
  | { readonly note: 'dial'; readonly kind: DialKind; readonly at: number }
  | {
      readonly note: 'request'
      readonly method: string
      readonly url: string
      readonly headers: Headers
      readonly at: number
    }
  | {
      readonly note: 'token'
      readonly token: string
      readonly where: 'header' | 'hello' | 'authorize'
      readonly at: number
    }
  | { readonly note: 'open'; readonly id: number; readonly transport: 'websocket' | 'events'; readonly at: number }
  | {
      readonly note: 'hello'
      readonly id: number
      readonly client: string
      readonly ucc: string
      readonly previous?: { readonly server: string; readonly reason: string }
    }
  | { readonly note: 'topic'; readonly id: number; readonly topic: string; readonly on: boolean }
  | { readonly note: 'leave'; readonly id: number; readonly reason: string }
  | { readonly note: 'close'; readonly id: number; readonly code: number; readonly reason: string; readonly at: number }

/** What arrived at a server: `tcp` is each connection, the others are requests by purpose. */
export type DialKind = 'tcp' | 'upgrade' | 'readiness' | 'events' | 'command' | 'http'

type Headers = Readonly<Record<string, string>>
