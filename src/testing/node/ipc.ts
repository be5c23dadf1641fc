/** What the cluster (parent process) and its servers (child processes) tell each other. JSON over the IPC channel. */
import type { GoawayFrame } from '../../core/wire'
import type {
  ExecutionAnswer,
  ExecutionRequest,
  Note,
  PendingReject,
  ReadinessOverride,
  RuntimeConfig,
  ServerConfig,
  TopicsContent,
  UccChange,
} from '../server/server-types'
import type { StoredEvent } from '../server/topic-log'

/** What a server process starts with. */
export interface ProcessConfig extends ServerConfig {
  readonly address: string
  readonly port: number
  /** Of the UCCs it knows that have one. */
  readonly uccPorts: Readonly<Record<string, number>>
  readonly basePath: string
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** Orders to a server that are answered when carried out. */
export interface ServerCalls {
  readonly ucc: UccChange
  readonly configure: Partial<RuntimeConfig> & { readonly unset?: readonly (keyof RuntimeConfig)[] }
  readonly reset: Record<string, never>
  readonly slow: { readonly delayMs: number }
  readonly drain: Omit<GoawayFrame, 'type'>
  readonly undrain: Record<string, never>
  readonly refuse: Record<string, never>
  readonly accept: Record<string, never>
  readonly goSilent: { readonly on: boolean; readonly scope: 'existing' | 'all' }
  readonly sendRaw: { readonly text: string }
  readonly serveReadiness: { readonly override: ReadinessOverride | null }
  readonly closeAll: { readonly code: number; readonly reason: string }
  readonly rejectNext: PendingReject
  readonly cutSnapshotAfterParts: { readonly parts: number }
  readonly checkTokens: Record<string, never>
  readonly resync: { readonly topic?: string }
  readonly sync: Record<string, never>
}

export type CallName = keyof ServerCalls

export type CallMessage = {
  [Name in CallName]: {
    readonly type: 'call'
    readonly n: number
    readonly name: Name
    readonly args: ServerCalls[Name]
  }
}[CallName]

export type ToServer =
  | { readonly type: 'init'; readonly config: ProcessConfig }
  | { readonly type: 'event'; readonly event: StoredEvent }
  /** New sequence spaces: of one topic, or of all there are and will be. */
  | { readonly type: 'topics'; readonly content: TopicsContent; readonly only?: string }
  | { readonly type: 'executed'; readonly n: number; readonly answer: ExecutionAnswer }
  /** Pids of sibling processes that are stopped and could not notice the death of the parent by themselves. */
  | { readonly type: 'frozen'; readonly pids: readonly number[] }
  | CallMessage

export type FromServer =
  | { readonly type: 'listening' }
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  | { readonly type: 'reply'; readonly n: number; readonly error?: string }
  | { readonly type: 'execute'; readonly n: number; readonly request: ExecutionRequest }
  | { readonly type: 'notes'; readonly notes: readonly Note[] }
