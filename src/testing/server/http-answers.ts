/** The HTTP side of the contract as values: readiness, the POSTed command, refusals. Who carries HTTP sends them. */
import type { ReadinessBody, ReadinessState } from '../../core/wire'
import { PROTOCOL_VERSION } from '../../core/wire'
import { executeCommand, type CommandInput } from './commands'
import { takeReject, termOf, tokenRefusal } from './frames'
import type { ServerState } from './server-state'
import type { DialKind } from './server-types'

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** On every path and every status. */
export const CORS: Readonly<Record<string, string>> = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Retry-After, X-Server',
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, Idempotency-Key, Last-Event-ID',
  'Access-Control-Max-Age': '86400',
  'Cache-Control': 'no-store',
}

const REFUSAL_STATUS: Readonly<Record<string, number>> = {
  unauthorized: 401,
  forbidden: 403,
  'unknown-ucc': 404,
  overloaded: 503,
}

export function jsonAnswer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  const contentType = { 'Content-Type': 'application/json; charset=utf-8' }
  return { status, headers: { ...contentType, ...headers }, body: JSON.stringify(body) }
}

/** What a request to this path is for. */
export function dialKind(path: string): DialKind {
  if (path === '/failover/ready') return 'readiness'
  if (path === '/failover/events') return 'events'
  return path === '/failover/command' ? 'command' : 'http'
}

export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

/** `hello` may leave its token to the `Authorization` header. */
export function withToken(frame: unknown, token: string | undefined): unknown {
  if (token === undefined || typeof frame !== 'object' || frame === null) return frame
  const isBareHello = (frame as { type?: unknown }).type === 'hello' && !('token' in frame)
  return isBareHello ? { ...frame, token } : frame
}

/** `GET /failover/ready?ucc=NAME`. */
export function readinessAnswer(state: ServerState, asked: string | undefined): HttpAnswer {
  const { readiness: override, drain } = state.faults
  if (override !== null) {
    const { status = 200, contentType = 'text/html', headers, body = '' } = override
    return { status, headers: { 'Content-Type': contentType, ...headers }, body }
  }
  const { runtime, config } = state
  const ucc = state.ucc(asked)
  const load = state.load()
  const told: ReadinessState = ucc?.readiness ?? 'unknown'
  const body: ReadinessBody = {
    server: config.name,
    versions: [PROTOCOL_VERSION],
    ...(ucc === undefined ? {} : { ucc: ucc.name }),
    state: told,
    ...(ucc === undefined ? {} : termOf(ucc)),
    ...(runtime.peers === undefined ? {} : { peers: runtime.peers }),
    ...(load === undefined ? {} : { load }),
    draining: drain !== undefined,
  }
  // Without `ucc` the question is liveness, and an answer is one.
  if (asked === undefined || told === 'running') return jsonAnswer(200, body)
  return jsonAnswer(ucc === undefined ? 404 : 503, body)
}

type PostedCommand = CommandInput & { readonly id?: number; readonly client?: { readonly id?: unknown } }

/** `POST /failover/command?ucc=NAME`: one command where there is no WebSocket to send it on. */
export function answerCommand(
  state: ServerState,
  request: { readonly ucc: string | undefined; readonly token: string | undefined; readonly body: unknown },
  done: (answer: HttpAnswer) => void,
): void {
  const refuse = (code: string, message: string, retryAfterMs?: number): void => {
    const retryAfter = retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) }
    const body = { type: 'reject', code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
    done(jsonAnswer(REFUSAL_STATUS[code] ?? 400, body, retryAfter))
  }
  const ordered = takeReject(state)
  if (ordered !== undefined) return refuse(ordered.code, ordered.message ?? 'as ordered', ordered.retryAfterMs)
  const { token } = request
  if (token !== undefined) state.host.note({ note: 'token', token, where: 'header', at: state.host.wallClock() })
  const refusal = tokenRefusal(state.runtime, token)
  if (refusal !== undefined) return refuse(refusal, 'the token was refused')
  const ucc = state.ucc(request.ucc)
  if (ucc === undefined) return refuse('unknown-ucc', 'this server does not know that UCC')
  if (typeof request.body !== 'object' || request.body === null) return refuse('invalid', 'the body is a command frame')
  const frame = request.body as PostedCommand
  executeCommand(state, ucc, frame, String(frame.client?.id ?? ''), (answer) => {
    done(jsonAnswer(200, { type: 'result', id: frame.id, ...answer }))
  })
}
