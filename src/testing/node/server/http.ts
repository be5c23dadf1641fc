/** HTTP of a server: readiness, the two POST paths of the contract, and the application's own routes. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerApp } from '../../server/app-routes'
import { tokenRefusal } from '../../server/frames'
import type { HttpAnswer } from '../../server/http-answers'
import { answerCommand, bearerToken, CORS, dialKind, jsonAnswer, readinessAnswer } from '../../server/http-answers'
import type { ServerState } from '../../server/server-state'
import type { DialKind } from '../../server/server-types'
import { readJson, readText } from './body'
import type { LiveConnections } from './live'
import { plainEvents } from './plain-events'

export interface Exchange {
  readonly state: ServerState
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  /** Path below the base path. */
  readonly path: string
}

export async function serveHttp(exchange: Exchange, live: LiveConnections): Promise<void> {
  const { state, request, response, path, url } = exchange
  for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value)
  response.setHeader('X-Server', state.config.name)
  noteRequest(state, request, dialKind(path))
  if (request.method === 'OPTIONS') {
    // Chromium asks this before a page of a public site may reach a private address.
    response.setHeader('Access-Control-Allow-Private-Network', 'true')
    response.writeHead(204).end()
    return
  }
  if (state.faults.slowMs > 0) await new Promise((resolve) => setTimeout(resolve, state.faults.slowMs))
  const asked = url.searchParams.get('ucc') ?? undefined
  if (path === '/failover/ready') return send(response, readinessAnswer(state, asked))
  if (path === '/failover/events' && request.method === 'POST') return live.events(request, response)
  const token = bearerToken(request.headers.authorization)
  if (path === '/failover/command' && request.method === 'POST') {
    const body = await readJson(request)
    return answerCommand(state, { ucc: asked, token, body }, (answer) => send(response, answer))
  }
  if (token !== undefined) state.host.note({ note: 'token', token, where: 'header', at: Date.now() })
  const refusal = tokenRefusal(state.runtime, token)
  if (refusal !== undefined) return sendJson(response, refusal === 'forbidden' ? 403 : 401, { error: refusal })
  if (path === '/events/plain') return plainEvents(exchange)
  const { method = 'GET' } = request
  const body = await readText(request)
  const asApp = { method, path, query: url.searchParams, headers: plainHeaders(request), body }
  answerApp(state, asApp, (answer) => send(response, answer))
}

function plainHeaders(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) headers[name] = String(value)
  return headers
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  response.writeHead(status, headers)
  response.end(body)
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  send(response, jsonAnswer(status, body, headers))
}

export function noteRequest(state: ServerState, request: IncomingMessage, kind: DialKind): void {
  const at = Date.now()
  state.host.note({ note: 'dial', kind, at })
  state.host.note({
    note: 'request',
    method: request.method ?? '',
    url: request.url ?? '',
    headers: plainHeaders(request),
    at,
  })
}
