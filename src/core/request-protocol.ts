/**
 * Inputs and effects of the Request machine: one per routed HTTP request. Pure retry decision; Response objects stay
 * in the driver, which knows them by attempt number.
 */
import type { FailoverErrorCode } from '../errors'
import type { NetworkFailure } from './road'
import type { DurationMs, Instant } from './time'

export interface RequestConfig {
  /** Hard deadline to response headers (`requests.timeoutMs` after the start). */
  readonly deadline: Instant
  /** How long to wait for a candidate at most. */
  readonly readyTimeoutMs: DurationMs
  readonly maxRetries: number
  /** Safe to repeat by method (`retry.methods`). */
  readonly safe: boolean
  /** Has an Idempotency-Key: repeated on the same server, on another only with `sharedKeys`. */
  readonly keyed: boolean
  readonly sharedKeys: boolean
  /** The body can be sent again (none, string, bytes, Blob, FormData, URLSearchParams). */
  readonly replayable: boolean
  /** The platform can prove that nothing was sent. */
  readonly proveUnsent: boolean
}

export interface RouteTaken {
  readonly endpointId: string
  readonly generation: number
  readonly server?: string
}

export type RequestInput =
  | { readonly type: 'start' }
  /** Answer to a `route` effect. */
  | { readonly type: 'routed'; readonly route: RouteTaken }
  /** The attempt goes to the network now. Before this it only waited for its token, and nothing can have left. */
  | { readonly type: 'sent'; readonly attempt: number }
  /** Proof that nothing of it has left yet: it waits for a connection. Followed by `sent` when it is written. */
  | { readonly type: 'waiting'; readonly attempt: number }
  /** An endpoint has answered with a redirect to another one, which is asked now. Followed by `sent`. */
  | { readonly type: 'redirected'; readonly attempt: number; readonly route: RouteTaken }
  | { readonly type: 'response'; readonly attempt: number; readonly status: number; readonly retryAfterMs?: DurationMs }
  | { readonly type: 'failed'; readonly attempt: number; readonly failure: NetworkFailure }
  /** The endpoint was left by a failover while the attempt was in flight there. */
  | { readonly type: 'left'; readonly endpointId: string }
  | { readonly type: 'aborted' }
  /** The client closes. */
  | { readonly type: 'closed' }
  | { readonly type: 'tick' }

export type RequestEffect =
  /**
   * Ask the pool for a candidate; answered by `routed` as soon as there is one. `avoid`: endpoints that failed this
   * request or are bound by Retry-After; named all the same, at once, when nothing else is a candidate: the machine
   * itself waits where one is bound, and learns so that there is no other.
   * `freshProof`: an unsafe request in a page goes only to a server whose readiness proof is younger than 5 s.
   */
  | { readonly type: 'route'; readonly avoid: readonly string[]; readonly freshProof: boolean }
  | { readonly type: 'cancel-route' }
  | { readonly type: 'dispatch'; readonly attempt: number; readonly route: RouteTaken }
  /** Abort the attempt in flight, or cancel the body of its response. */
  | { readonly type: 'discard'; readonly attempt: number }
  /** What this attempt says of its endpoint. The pool decides what it is worth. */
  | {
      readonly type: 'evidence'
      readonly route: RouteTaken
      readonly outcome:
        | { readonly type: 'status'; readonly status: number; readonly retryAfter: boolean }
        | { readonly type: 'failure'; readonly failure: NetworkFailure }
        | { readonly type: 'timeout' }
    }
  | { readonly type: 'respond'; readonly attempt: number }
  /** Rejects the caller. `failure`: becomes the cause. Aborts carry the caller's own reason (driver). */
  | {
      readonly type: 'reject'
      readonly code: FailoverErrorCode | 'ABORTED' | 'NETWORK'
      readonly message: string
      readonly failure?: NetworkFailure
    }
