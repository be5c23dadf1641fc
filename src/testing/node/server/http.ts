/** HTTP of a server: readiness, the two POST paths of the contract, and the application's own routes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ReadinessBody, ReadinessState } from '../../../core/wire'
import { PROTOCOL_VERSION } from '../../../core/wire'
import type { DialKind } from '../ipc'
import { appRoute } from './app-routes'
import { bearerToken, readJson } from './body'
import type { CommandInput } from './commands'
import { executeCommand } from './commands'
import { takeReject, termOf, tokenRefusal } from './frames'
import type { LiveConnections } from './live'
import { plainEvents } from './plain-events'
import type { World } from './world'

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

export interface Exchange {
  readonly world: World
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** Path below the base path. */
  readonly path: string
}

export async function serveHttp(exchange: Exchange, live: LiveConnections): Promise<void> {
  const { world, request, response, path } = exchange
  for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value)
  response.setHeader('X-Server', world.config.name)
  noteRequest(world, request, dialKind(path))
  if (request.method === 'OPTIONS') {
    // Chromium asks this before a page of a public site may reach a private address.
    response.setHeader('Access-Control-Allow-Private-Network', 'true')
    response.writeHead(204).end()
    return
  }
  if (world.faults.slowMs > 0) await new Promise((resolve) => setTimeout(resolve, world.faults.slowMs))
  if (path === '/failover/ready') return readiness(exchange)
  if (path === '/failover/events' && request.method === 'POST') return live.events(request, response)
  if (path === '/failover/command' && request.method === 'POST') return command(exchange)
  const token = bearerToken(request)
  if (token !== undefined) world.link.note({ note: 'token', token, where: 'header', at: Date.now() })
  const refusal = tokenRefusal(world.runtime, token)
  if (refusal !== undefined) return sendJson(response, refusal === 'forbidden' ? 403 : 401, { error: refusal })
  if (path === '/events/plain') return plainEvents(exchange)
  return appRoute(exchange)
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...headers })
  response.end(JSON.stringify(body))
}

export function noteRequest(world: World, request: IncomingMessage, kind: DialKind): void {
  const at = Date.now()
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value)
  world.link.note({ note: 'dial', kind, at })
  world.link.note({ note: 'request', method: request.method ?? '', url: request.url ?? '', headers, at })
}

function dialKind(path: string): DialKind {
  if (path === '/failover/ready') return 'readiness'
  if (path === '/failover/events') return 'events'
  return path === '/failover/command' ? 'command' : 'http'
}

function readiness({ world, response, url }: Exchange): void {
  const { readiness: override, drain } = world.faults
  if (override !== null) {
    response.writeHead(override.status ?? 200, {
      'Content-Type': override.contentType ?? 'text/html',
      ...override.headers,
    })
    response.end(override.body ?? '')
    return
  }
  const { runtime, config } = world
  const asked = url.searchParams.get('ucc') ?? undefined
  const ucc = world.ucc(asked)
  const load = world.load()
  const state: ReadinessState = ucc?.readiness ?? 'unknown'
  const body: ReadinessBody = {
    server: config.name,
    versions: [PROTOCOL_VERSION],
    ...(ucc === undefined ? {} : { ucc: ucc.name }),
    state,
    ...(ucc === undefined ? {} : termOf(ucc)),
    ...(runtime.peers === undefined ? {} : { peers: runtime.peers }),
    ...(load === undefined ? {} : { load }),
    draining: drain !== undefined,
  }
  // Without `ucc` the question is liveness, and an answer is one.
  if (asked === undefined || state === 'running') sendJson(response, 200, body)
  else sendJson(response, ucc === undefined ? 404 : 503, body)
}

/** `POST /failover/command?ucc=NAME`: one command where there is no WebSocket to send it on. */
async function command({ world, request, response, url }: Exchange): Promise<void> {
  const frame = (await readJson(request)) as
    (CommandInput & { id?: number; client?: { id?: unknown } }) | null | undefined
  const refuse = (code: string, message: string, retryAfterMs?: number): void => {
    const retryAfter = retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) }
    const body = { type: 'reject', code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
    sendJson(response, REFUSAL_STATUS[code] ?? 400, body, retryAfter)
  }
  const ordered = takeReject(world)
  if (ordered !== undefined) return refuse(ordered.code, ordered.message ?? 'as ordered', ordered.retryAfterMs)
  const token = bearerToken(request)
  if (token !== undefined) world.link.note({ note: 'token', token, where: 'header', at: Date.now() })
  const refusal = tokenRefusal(world.runtime, token)
  if (refusal !== undefined) return refuse(refusal, 'the token was refused')
  const ucc = world.ucc(url.searchParams.get('ucc') ?? undefined)
  if (ucc === undefined) return refuse('unknown-ucc', 'this server does not know that UCC')
  if (typeof frame !== 'object' || frame === null) return refuse('invalid', 'the body is a command frame')
  const answer = await executeCommand(world, ucc, frame, String(frame.client?.id ?? ''))
  if (answer !== undefined) sendJson(response, 200, { type: 'result', id: frame.id, ...answer })
}
