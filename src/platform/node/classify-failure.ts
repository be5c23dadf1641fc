/**
 * Puts what Node, undici and ws throw into the words of the judge. The *kind* is read from the error's code, found by
 * walking `cause` and `AggregateError`; `sent` is not guessed from it: undici tells each request when it is about to be
 * written (see `dispatcher.ts`), which is proof on Node 20, 22 and 24. Codes alone would not do: a reset during the TLS
 * handshake and one after the request was written are both ECONNRESET, and `socket.bytesWritten` of a failed request
 * was never 0 once it had a socket.
 */
import type { FailureKind, NetworkFailure } from '../../core/road'

/**
 * How far a request got: `untouched` = our dispatcher never saw it (an interceptor such as msw answered, or `fetch`
 * refused its arguments), `waiting` = for a connection, `written` = it may have left.
 */
export type RequestProgress = 'untouched' | 'waiting' | 'written'

const KINDS: ReadonlyMap<string, FailureKind> = new Map<string, FailureKind>([
  ['ECONNREFUSED', 'refused'],
  ['ENOTFOUND', 'dns'],
  ['EAI_AGAIN', 'dns'],
  ['EAI_FAIL', 'dns'],
  ['EAI_NODATA', 'dns'],
  ['ENODATA', 'dns'],
  ['ESERVFAIL', 'dns'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EHOSTDOWN', 'unreachable'],
  ['ENETDOWN', 'unreachable'],
  ['EADDRNOTAVAIL', 'unreachable'],
  ['UND_ERR_CONNECT_TIMEOUT', 'connect-timeout'],
  ['ETIMEDOUT', 'timeout'],
  ['UND_ERR_HEADERS_TIMEOUT', 'timeout'],
  ['UND_ERR_BODY_TIMEOUT', 'timeout'],
  ['ECONNRESET', 'reset'],
  ['ECONNABORTED', 'reset'],
  ['EPIPE', 'reset'],
  ['UND_ERR_SOCKET', 'reset'],
  // undici's word for a stream of HTTP/2 that ended before its answer.
  ['UND_ERR_INFO', 'reset'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'reset'],
  ['UND_ERR_DESTROYED', 'aborted'],
  ['UND_ERR_CLOSED', 'aborted'],
  ['UND_ERR_ABORTED', 'aborted'],
  ['ERR_INVALID_URL', 'aborted'],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'too-large'],
  ['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'too-large'],
  ['FAILOVER_PROXY_REFUSED', 'blocked'],
  ['FAILOVER_PROXY_UNREACHABLE', 'unreachable'],
  ['EPERM', 'blocked'],
  ['EACCES', 'blocked'],
])

/** OpenSSL's and Node's names for a handshake that failed; all of them permanent until somebody acts. */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH|EPROTO$)/
/** A response that is no HTTP (llhttp); a session or stream of HTTP/2 that broke (Node's names of it). */
const BROKEN_CODE = /^(HPE_|ERR_HTTP2_)/
/** Deep enough for fetch > undici > AggregateError > socket; a bound, because `cause` may be a circle. */
const MAX_DEPTH = 6

interface ErrorLike {
  readonly name?: unknown
  readonly code?: unknown
  readonly message?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

function isErrorLike(value: unknown): value is ErrorLike {
  return typeof value === 'object' && value !== null
}

/** The error itself, then what caused it, outermost first. */
function* walkCauses(error: unknown, depth = 0): Generator<ErrorLike> {
  if (!isErrorLike(error) || depth > MAX_DEPTH) return
  yield error
  if (Array.isArray(error.errors)) for (const inner of error.errors as unknown[]) yield* walkCauses(inner, depth + 1)
  yield* walkCauses(error.cause, depth + 1)
}

function kindOf(error: ErrorLike): FailureKind | undefined {
  if (typeof error.code === 'string') {
    const kind = KINDS.get(error.code)
    if (kind !== undefined) return kind
    if (TLS_CODE.test(error.code)) return 'certificate'
    if (BROKEN_CODE.test(error.code)) return 'reset'
  }
  if (error.name === 'HTTPParserError') return 'reset'
  if (error.name === 'AbortError') return 'aborted'
  if (error.name === 'TimeoutError') return 'timeout'
  // The fetch standard's list of ports no page may reach: no server was asked.
  if (error.message === 'bad port') return 'blocked'
  return undefined
}

function messageOf(error: ErrorLike): string {
  return typeof error.message === 'string' && error.message !== '' ? error.message.trim() : 'network failure'
}

/** Before a request was written, a timeout and a refused handshake are facts about the connection. */
function atConnect(kind: FailureKind): FailureKind {
  return kind === 'timeout' ? 'connect-timeout' : kind
}

/** Kinds that cannot come after a byte left, whoever reports them. */
const NEVER_SENT: ReadonlySet<FailureKind> = new Set<FailureKind>(['refused', 'dns', 'connect-timeout', 'blocked'])

/** Reads an error. Never throws. */
export function classifyFailure(error: unknown, progress: RequestProgress): NetworkFailure {
  let found: { readonly kind: FailureKind; readonly at: ErrorLike } | undefined
  for (const at of walkCauses(error)) {
    const kind = kindOf(at)
    if (kind === undefined) continue
    found = { kind, at }
    break
  }
  const at = found?.at ?? (isErrorLike(error) ? error : {})
  const read = found?.kind ?? 'opaque'
  const kind = progress === 'waiting' ? atConnect(read) : read
  // 'connect' errors name their system call; an interceptor's or a proxy's copy of them proves as much.
  const unsent = progress === 'waiting' || (progress === 'untouched' && NEVER_SENT.has(kind))
  return {
    kind,
    sent: unsent ? 'no' : 'maybe',
    ...(typeof at.code === 'string' ? { code: at.code } : {}),
    message: messageOf(at),
    cause: error,
  }
}

/** The failure of a request that met our own deadline. */
export function timeoutFailure(progress: RequestProgress, timeoutMs: number): NetworkFailure {
  return progress === 'waiting'
    ? { kind: 'connect-timeout', sent: 'no', message: `no connection within ${timeoutMs} ms` }
    : { kind: 'timeout', sent: 'maybe', message: `no answer within ${timeoutMs} ms` }
}
