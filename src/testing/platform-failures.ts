/** Failures in the words of the judge: what Node tells, and the little that a page may know. */
import type { FailureKind, NetworkFailure } from '../core/road'

export type Failures = (kind: FailureKind, isSent: boolean, code: string) => NetworkFailure

const MESSAGES: Readonly<Partial<Record<FailureKind, string>>> = {
  refused: 'connect ECONNREFUSED',
  reset: 'the connection was reset',
  unreachable: 'no route to host',
  'connect-timeout': 'no connection in time',
  timeout: 'no answer in time',
  certificate: 'certificate has expired',
  dns: 'the name was not found',
}

export const nodeFailure: Failures = (kind, isSent, code) => ({
  kind: kind === 'timeout' && !isSent ? 'connect-timeout' : kind,
  sent: isSent ? 'maybe' : 'no',
  code,
  message: MESSAGES[kind] ?? code,
})

/** A page cannot tell refused from reset from a wrong certificate. */
export const pageFailure: Failures = (kind) => {
  if (kind === 'timeout' || kind === 'connect-timeout') {
    return { kind: 'timeout', sent: 'maybe', message: 'no answer in time' }
  }
  if (kind === 'aborted' || kind === 'too-large') return { kind, sent: 'maybe', message: kind }
  return { kind: 'opaque', sent: 'maybe', message: 'the browser gives no reason' }
}
