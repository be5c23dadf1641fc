/** What the caller of `fetch` is told: a `TypeError`, as the standard has it, whose cause is the FailoverError. */
import type { RequestEffect, RouteTaken } from '../core/request-protocol'
import type { NetworkFailure } from '../core/road'
import { FailoverError } from '../errors'
import type { FailoverErrorCode, FailoverErrorFields } from '../errors'
import type { Routing } from './routing'

type Reject = Extract<RequestEffect, { type: 'reject' }>

/** The client is closed: no network failure, so the error comes as itself. */
export function clientClosed(message = 'the client is closed'): FailoverError {
  return new FailoverError('CLIENT_CLOSED', message)
}

/** The error for a rejected request. Names the path, never the query, which may hold a secret. */
export function toFetchError(
  reject: Reject,
  path: string,
  route: RouteTaken | undefined,
  lack: ReturnType<Routing['lack']>,
): Error {
  if (reject.code === 'CLIENT_CLOSED') return clientClosed(reject.message)
  const { failure } = reject
  const fields: FailoverErrorFields = {
    subject: path,
    ...(route === undefined ? {} : { endpoint: route.endpointId }),
    ...(route?.server === undefined ? {} : { server: route.server }),
    ...(failure === undefined ? {} : { reason: failure.kind, sent: failure.sent }),
  }
  // Nobody could be asked: who is to blame for that says what to do about it.
  const [code, message] =
    reject.code === 'NO_ENDPOINT_AVAILABLE' && failure === undefined
      ? [lack.code, `${reject.message}: ${lack.why}`]
      : [codeOf(reject), reject.message]
  const cause = causedError(code, message, fields, failure?.cause ?? failure)
  return new TypeError('fetch failed', { cause })
}

/** The token function threw or rejected. */
export function tokenFailed(error: unknown): TypeError {
  return new TypeError('fetch failed', { cause: causedError('UNAUTHORIZED', 'the token provider failed', {}, error) })
}

function causedError(
  code: FailoverErrorCode,
  message: string,
  fields: FailoverErrorFields,
  cause: unknown,
): FailoverError {
  return new FailoverError(code, message, Object.assign({ ...fields }, cause === undefined ? {} : { cause }))
}

function codeOf({ code, failure }: Reject): FailoverErrorCode {
  if (code === 'NETWORK') return codeOfFailure(failure)
  return code === 'ABORTED' ? 'CLIENT_CLOSED' : code
}

function codeOfFailure(failure: NetworkFailure | undefined): FailoverErrorCode {
  if (failure?.kind === 'connect-timeout') return 'CONNECT_TIMEOUT'
  if (failure?.kind === 'timeout') return 'REQUEST_TIMEOUT'
  return 'NO_ENDPOINT_AVAILABLE'
}

/** The three forms of an HTTP date begin with the day (RFC 9110 5.6.7). `Date.parse` reads almost anything. */
const HTTP_DATE = /^(?:mon|tue|wed|thu|fri|sat|sun)/i
/** As for frames: a senseless wait would keep a caller away for good. */
export const MAX_RETRY_AFTER_MS = 3_600_000

/**
 * Milliseconds of a Retry-After header: seconds or an HTTP date (RFC 9110 10.2.3), one hour at most. Nothing when it is
 * neither.
 */
export function readRetryAfter(value: string | null, wallClockMs: number): number | undefined {
  if (value === null) return undefined
  const text = value.trim()
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : HTTP_DATE.test(text) ? Date.parse(text) - wallClockMs : NaN
  return Number.isNaN(waitMs) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, waitMs))
}
