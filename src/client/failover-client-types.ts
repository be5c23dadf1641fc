/** The public face of the client. */
import type { DisposedByClosing } from './disposable'
import type { FailoverEventName, FailoverListener } from './events'
import type {
  CommandOptions,
  ReadyOptions,
  SubscribeOptions,
  SwitchoverOptions,
  TopicDescription,
} from './option-types'
import type { ClientState, Decision, EndpointInfo, MoveReport, OfflineReason } from './reports'
import type { StateSubscription, Subscription } from './subscription'
import type { StateTopic } from './topics'

/** What `notify()` takes: news of the surroundings that only the application knows (Electron's powerMonitor, …). */
export type NotifySignal = 'suspend' | 'resume' | 'online' | 'offline'

/** A moment of the client as JSON, for a ticket. Free of tokens and payloads. */
export interface Diagnostics {
  /** Of this package. */
  readonly version: string
  /** `node`, `browser` or the name of one of your own. */
  readonly platform: string
  /** Unix milliseconds, local clock. */
  readonly at: number
  /** Base URL of the dedicated hostname. */
  readonly hostname: string
  /** As configured. */
  readonly ucc: string | undefined
  /** As `client.state`. */
  readonly state: ClientState
  /** As `client.offlineReason`. */
  readonly offlineReason: OfflineReason | undefined
  /** Id of the endpoint in use. */
  readonly active: string | undefined
  /** As `client.endpoints`. */
  readonly endpoints: readonly EndpointInfo[]
  /** Each topic, where it stands, and how old its content is. */
  readonly subscriptions: readonly {
    readonly topic: string
    readonly state: string
    readonly ageMs: number | undefined
  }[]
  /** Commands without an outcome yet. */
  readonly pendingCommands: number
  /** As `client.decisions()`. */
  readonly decisions: readonly Decision[]
}

/**
 * One client of a contact centre's servers. It starts at once; `close()` ends it and leaves nothing alive.
 *
 * Every method throws `CLIENT_CLOSED` after `close()`, and `INVALID_OPTION` for a wrong argument; only what looks back
 * (`decisions()`, `diagnostics()`) and the listeners go on.
 */
export interface FailoverClient extends DisposedByClosing {
  /** Where the client stands. `connected` without subscriptions and commands means: a candidate is known. */
  readonly state: ClientState
  /** Why, while `state` is `offline`. */
  readonly offlineReason: OfflineReason | undefined
  /** The endpoint in use. */
  readonly active: EndpointInfo | undefined
  /** All endpoints known, configured ones first. */
  readonly endpoints: readonly EndpointInfo[]
  /** WHATWG `fetch`: relative URLs and URLs of the dedicated hostname or an endpoint are routed, others untouched. */
  readonly fetch: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>
  /** WHATWG `WebSocket`: one instance is one connection; it closes with 1012 when its endpoint is left. */
  readonly WebSocket: typeof WebSocket
  /** WHATWG `EventSource` on the candidate of the moment, with Last-Event-ID and the token. */
  readonly EventSource: typeof EventSource

  /** Listens to an event. Returns the function that stops it. A listener that throws is reported as a `warning`. */
  on<Name extends FailoverEventName>(name: Name, listener: FailoverListener<Name>): () => void
  /** The same, for the next one only. */
  once<Name extends FailoverEventName>(name: Name, listener: FailoverListener<Name>): () => void
  /** Removes a listener, however often it was added. */
  off<Name extends FailoverEventName>(name: Name, listener: FailoverListener<Name>): void

  /**
   * Resolves when the client is `connected`.
   * @throws FailoverError `UNAUTHORIZED` or `FORBIDDEN` as soon as every server that runs the UCC refuses the token
   * (the client itself tries again, ever more seldom); `RESOLVE_FAILED` as soon as it is clear that the dedicated
   * hostname does not exist and no other source names an endpoint; `NO_ENDPOINT_AVAILABLE`, or `RESOLVE_FAILED` where
   * no endpoint is known, after `timeoutMs` (default: never); the signal's reason on abort.
   */
  ready(options?: ReadyOptions): Promise<void>
  /** Absolute URL of `path` at the active endpoint (the dedicated hostname while there is none). */
  url(path: string, scheme?: 'http' | 'ws'): string
  /** A live topic that survives failover. Subscriptions of one topic share one wire subscription. */
  subscribe<T = unknown>(topic: StateTopic<T>, options?: SubscribeOptions): StateSubscription<T>
  subscribe<T = unknown>(topic: string, options?: SubscribeOptions): StateSubscription<T>
  subscribe<T = unknown>(topic: TopicDescription<T>, options?: SubscribeOptions): Subscription<T>
  /**
   * Sends a command; resolves with the server's result. Safety `effect` unless named: never repeated where a repeat
   * could mean a second execution.
   * @throws FailoverError `COMMAND_EXPIRED` (never sent), `COMMAND_REJECTED`, `OUTCOME_UNKNOWN` (may have been
   * executed), `BUFFER_FULL`, `CLIENT_CLOSED`; the signal's reason when aborted before it left.
   */
  command<R = unknown>(name: string, args?: unknown, options?: CommandOptions): Promise<R>
  /** A planned move, make-before-break. @throws FailoverError `MOVE_FAILED` */
  switchover(options?: SwitchoverOptions): Promise<MoveReport>
  /** Back to the best ranked endpoint now, without hold-down. @throws FailoverError `MOVE_FAILED` */
  failback(): Promise<MoveReport>
  /** The last 200 decisions, oldest first, free of tokens. */
  decisions(): readonly Decision[]
  /** A moment of the client as JSON, for a ticket. */
  diagnostics(): Diagnostics
  /** News of the surroundings: triggers an immediate check, nothing else. */
  notify(signal: NotifySignal): void
  /** Ends everything within a second. Idempotent. */
  close(): Promise<void>
}
