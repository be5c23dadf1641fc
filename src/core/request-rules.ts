/** The fixed rules, numbers and sentences of the retry decision of one routed request. */
import type { RequestConfig } from './request-protocol'
import type { FlightProgress } from './request-state'

/** Free moves (never sent, or the endpoint was left): enough for every road of a pool, and an end to a loop. */
export const MAX_FREE_MOVES = 8
/** How long a request that may not be repeated any more waits for the verdict on the endpoint that broke off. */
export const VERDICT_MS = 2000

/** Before the same endpoint is asked again because it is the only candidate. Another candidate is asked at once. */
export const SAME_ENDPOINT_BACKOFF = { baseMs: 250, maxMs: 30_000 } as const

export const RETRYABLE_STATUSES: ReadonlySet<number> = new Set([408, 429, 502, 503, 504])

export const TOO_LATE = 'no response headers within the deadline'
export const NO_CONNECTION = 'no connection within the deadline; the request was never sent'
export const EARLY_END = 'the client was closed before the request was answered'
export const IN_DOUBT = 'the request may have been executed and cannot be repeated safely'

/** May this request be sent again after it may have arrived? */
export function isRepeatable({ replayable, safe, keyed }: RequestConfig): boolean {
  return replayable && (safe || keyed)
}

/** May an attempt that got this far be given up for another endpoint? */
export function mayLeave(config: RequestConfig, progress: FlightProgress): boolean {
  if (progress === 'held') return true
  // A stream may have been read already although nothing of it left.
  if (progress === 'waiting') return config.replayable
  // Unsafe ones keep their deadline: the answer may still come.
  return isRepeatable(config) && (config.safe || config.sharedKeys)
}
