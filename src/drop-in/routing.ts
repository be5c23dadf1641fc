/**
 * What the drop-in faces (`fetch`, `WebSocket`, `EventSource`) need of the client. Implemented by the driver; the
 * faces own no verdict of their own.
 */
import type { RequestConfig, RequestEffect, RouteTaken } from '../core/request-protocol'
import type { RetryBudget } from '../core/retry-budget'
import type { Road } from '../core/road'
import type { FailoverErrorCode } from '../errors'
import type { Cancel, Platform } from '../platform/platform'

export interface RouteAsk {
  /** Named again only when there is no other candidate. */
  readonly avoid: readonly string[]
  readonly freshProof: boolean
  /** `websocket` and `event-stream` prefer nothing; the word is for the decision log. */
  readonly purpose: 'request' | 'websocket' | 'event-stream'
}

export interface Route extends RouteTaken {
  readonly road: Road
}

export type Evidence = Extract<RequestEffect, { type: 'evidence' }>['outcome']

export interface LeftEndpoint {
  readonly endpointId: string
  readonly generation: number
  /** `lost`: condemned or left by a failover, now. `drained`: a planned move has ended; the old side may go. */
  readonly how: 'lost' | 'drained'
}

export interface TokenQuestion {
  readonly reason: 'connect' | 'rejected'
  /** Whose token it is: servers that give no name have one each all the same. */
  readonly endpointId: string
  readonly server: string | undefined
}

export interface RequestInDoubt {
  /** Method and path; never the query, which may hold a secret. */
  readonly subject: string
  /** Its Idempotency-Key. */
  readonly key?: string
  /** The server that may have executed it. */
  readonly server?: string
}

export interface Routing {
  readonly platform: Platform
  /** The dedicated hostname's URL with its base path; relative URLs are resolved against it. */
  readonly base: URL
  /** Numbers for the Request machine. */
  readonly requests: Pick<RequestConfig, 'readyTimeoutMs' | 'maxRetries' | 'sharedKeys'> & {
    readonly timeoutMs: number
    readonly safeMethods: ReadonlySet<string>
  }
  readonly connectTimeoutMs: number
  readonly budget: RetryBudget
  readonly closed: boolean
  /** Does this URL belong to the dedicated hostname or to an endpoint (http/https or ws/wss)? Then it is routed. */
  knows(url: URL): boolean
  /**
   * What a known URL lies below, with its base path: `base`, or an endpoint's own URL where that is nearer. `base` when
   * it lies below none; its own origin when it is a stranger's.
   */
  homeOf(url: URL): URL
  /** The endpoint that this URL names, if that may be asked now: a candidate, its session restored. */
  candidateAt(url: URL): Route | undefined
  /** Calls back, asynchronously, as soon as a candidate exists (session restored where that is needed first). */
  route(ask: RouteAsk, done: (route: Route) => void): Cancel
  /** May the endpoint of this route be asked still: does it serve, as far as is known by now? */
  serves(route: RouteTaken): boolean
  /** Why there is no candidate, as the code of the error that says so, and in words. */
  lack(): { readonly code: FailoverErrorCode; readonly why: string }
  evidence(route: RouteTaken, outcome: Evidence): void
  /** The Bearer token for this server, if any. `rejected`: the last one was refused there (401). */
  token(ask: TokenQuestion, done: (answer: { readonly token?: string } | { readonly error: unknown }) => void): Cancel
  /** An unsafe request may have been executed, and nobody will know: the application must look. */
  inDoubt(doubt: RequestInDoubt): void
  /** Announces endpoints that were left. */
  onLeft(listener: (left: LeftEndpoint) => void): Cancel
  /** Announces that the client closes, before anything is torn down. */
  onClose(listener: () => void): Cancel
  /** Aborts when the client closes. For the bodies that were handed over, which nobody else ends. */
  readonly closing: AbortSignal
}
