/** Reads the arguments of `fetch` into one routed call, with the checks that `fetch` itself would make. */
import { NO_BODY, prepareBody } from './body'
import type { PreparedBody } from './body'

/** A routed call, its arguments read and checked. */
export interface FetchCall {
  /** As the caller means it; not yet on a road. */
  readonly url: URL
  readonly method: string
  readonly headers: Headers
  readonly body: PreparedBody
  readonly signal: AbortSignal | undefined
  /** The Request this was read from: it keeps its signal working. */
  readonly request: Request | undefined
  readonly redirect: RequestRedirect
  /** What else the caller said: `cache`, `credentials`, `keepalive` and the like. */
  readonly rest: RequestInit
}

/** Methods whose case does not matter (WHATWG Fetch, "normalize a method"). */
const NORMALISED: ReadonlySet<string> = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'])
const FORBIDDEN: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK'])
const TOKEN = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/
const REDIRECT_MODES: ReadonlySet<string> = new Set(['follow', 'error', 'manual'])

/** Is this a Request, of this realm or another? */
export function isRequest(input: RequestInfo | URL): input is Request {
  return typeof input === 'object' && 'headers' in input && 'url' in input
}

/**
 * Reads a call. A Request's body is read whole, because a stream would have to be sent without its length and not at
 * all by most browsers; by contract it is still sent once.
 */
export async function readCall(url: URL, input: RequestInfo | URL, init: RequestInit = {}): Promise<FetchCall> {
  const request = isRequest(input) ? input : undefined
  const { method: _method, headers: _headers, body: _body, signal: _signal, redirect: _redirect, ...said } = init
  const signal = (init.signal === undefined ? request?.signal : init.signal) ?? undefined
  signal?.throwIfAborted()
  if (url.username !== '' || url.password !== '') throw new TypeError('a request URL cannot include credentials')
  const method = readMethod(init.method ?? request?.method ?? 'GET')
  const redirect = init.redirect ?? request?.redirect ?? 'follow'
  if (!REDIRECT_MODES.has(redirect)) throw new TypeError(`'${redirect}' is not a redirect mode`)
  const body = init.body === undefined && request !== undefined ? undefined : prepareBody(init.body)
  const headers = new Headers(init.headers ?? request?.headers)
  const call = { url, method, headers, signal, request, redirect, rest: { ...requestDetails(request), ...said } }
  return { ...call, body: checkBody(method, body ?? (await readRequestBody(request, signal))) }
}

function readMethod(method: string): string {
  if (!TOKEN.test(method)) throw new TypeError(`'${method}' is not an HTTP method`)
  const upper = method.toUpperCase()
  if (FORBIDDEN.has(upper)) throw new TypeError(`the HTTP method '${method}' is not allowed`)
  return NORMALISED.has(upper) ? upper : method
}

function checkBody(method: string, body: PreparedBody): PreparedBody {
  if (body.body !== null && (method === 'GET' || method === 'HEAD')) {
    throw new TypeError('a request with method GET or HEAD cannot have a body')
  }
  return body
}

async function readRequestBody(request: Request | undefined, signal: AbortSignal | undefined): Promise<PreparedBody> {
  if (request === undefined || request.method === 'GET' || request.method === 'HEAD') return NO_BODY
  if (request.body === null) return NO_BODY
  const bytes = await request.arrayBuffer()
  signal?.throwIfAborted()
  return { body: bytes, replayable: false }
}

function requestDetails(request: Request | undefined): RequestInit {
  if (request === undefined) return {}
  const { cache, credentials, integrity, keepalive, mode, referrer, referrerPolicy } = request
  // 'navigate' is the mode of a service worker's own requests, which fetch refuses to make again.
  const details = { cache, credentials, integrity, keepalive, referrer, referrerPolicy }
  return mode === 'navigate' ? details : { ...details, mode }
}
