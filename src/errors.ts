/**
 * Every error this library raises is a {@link FailoverError} with a `code`. Tell them apart with
 * {@link isFailoverError}, not with `instanceof`: the ESM and CommonJS builds of one package hold two classes.
 */

/** All error codes, each with what it means. A removed or renamed code is a breaking change. */
export const ERROR_CODES = {
  INVALID_OPTION: 'An option or argument is wrong; `field` names it and the message says what is right.',
  RESOLVE_FAILED: 'No source gave any endpoint for the dedicated hostname.',
  NO_ENDPOINT_AVAILABLE: 'No endpoint could serve within the time allowed.',
  CONNECT_TIMEOUT: 'A connection was not usable within `connect.timeoutMs`.',
  REQUEST_TIMEOUT: 'No response headers within the deadline; the request was safe or never sent.',
  OUTCOME_UNKNOWN: 'It may have been executed, and cannot be repeated safely. Reconcile from the state.',
  COMMAND_REJECTED: 'The server refused the command; certainly not executed.',
  COMMAND_EXPIRED: 'The deadline passed before the command left; certainly not executed.',
  SUBSCRIPTION_REJECTED: 'The server refused the topic.',
  MOVE_FAILED: 'The asked switchover or failback did not happen.',
  UNAUTHORIZED: 'The servers refuse the token, or the token provider failed.',
  FORBIDDEN: 'The token is valid but not allowed here.',
  PROTOCOL_ERROR: 'A server broke the wire contract.',
  BUFFER_FULL: 'A bounded queue is full; nothing was sent.',
  CLIENT_CLOSED: 'The client was closed.',
} as const

/** Code of a {@link FailoverError}: a name in {@link ERROR_CODES}. */
export type FailoverErrorCode = keyof typeof ERROR_CODES

/** Facts beside the message. Never a token, never a payload. */
export interface FailoverErrorFields {
  /** Name of the wrong option, for `INVALID_OPTION`. */
  readonly field?: string | undefined
  /** Id or URL of the endpoint concerned. */
  readonly endpoint?: string | undefined
  /** Name of the server concerned. */
  readonly server?: string | undefined
  /** Topic, command or path concerned. */
  readonly subject?: string | undefined
  /** Machine-readable reason, often the server's own `reject` code. */
  readonly reason?: string | undefined
  /** Whether anything may have left this machine. */
  readonly sent?: 'no' | 'maybe' | undefined
  readonly [name: string]: unknown
}

const BRAND = Symbol.for('failover-client.error')

/** The one error class of the library. Tell its kinds apart by `code`. */
export class FailoverError extends Error {
  /** What went wrong: a name in {@link ERROR_CODES}. */
  readonly code: FailoverErrorCode
  /** Facts beside the message: which option, endpoint, topic. */
  readonly fields: FailoverErrorFields

  constructor(code: FailoverErrorCode, message: string, fields: FailoverErrorFields & { cause?: unknown } = {}) {
    const { cause, ...facts } = fields
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'FailoverError'
    this.code = code
    this.fields = facts
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/**
 * Is `error`, or anything in its chain of causes, a {@link FailoverError} (of this `code`)? Works across bundles and
 * realms, and through the `TypeError` that `fetch` must throw.
 */
export function isFailoverError(error: unknown, code?: FailoverErrorCode): boolean {
  return findFailoverError(error, code) !== undefined
}

/** The first {@link FailoverError} (of this `code`) in the chain of causes. */
export function findFailoverError(error: unknown, code?: FailoverErrorCode): FailoverError | undefined {
  let current = error
  // A chain of causes can be a ring; nobody nests them deeper than this on purpose.
  for (let depth = 0; depth < 16 && typeof current === 'object' && current !== null; depth += 1) {
    const candidate = current as Partial<FailoverError>
    if (BRAND in current && (code === undefined || candidate.code === code)) return candidate as FailoverError
    current = candidate.cause
  }
  return undefined
}
