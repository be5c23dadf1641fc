/** A small application beside the contract: what a client's ordinary requests meet. */
import { jsonAnswer, type HttpAnswer } from './http-answers'
import type { ServerState } from './server-state'

const MAX_DELAY_MS = 120_000

export interface AppRequest {
  readonly method: string
  /** Without query. */
  readonly path: string
  readonly query: URLSearchParams
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

type Answered = (answer: HttpAnswer) => void

export function answerApp(state: ServerState, request: AppRequest, done: Answered): void {
  const { method, path, query, headers, body } = request
  const server = state.config.name
  const ofUcc = /^\/api\/ucc\/([^/]+)\/(agents|actions)$/.exec(path)
  if (ofUcc !== null) {
    const ucc = decodeURIComponent(ofUcc[1] ?? '')
    return ofUcc[2] === 'actions' ? act(state, ucc, request, done) : done(listAgents(state, ucc))
  }
  const status = /^\/api\/status\/(\d{3})$/.exec(path)
  if (status !== null) {
    const retryAfter = query.get('retryAfter')
    return done(jsonAnswer(Number(status[1]), { server }, retryAfter === null ? {} : { 'Retry-After': retryAfter }))
  }
  if (path === '/api/whoami') return done(jsonAnswer(200, { server, ...state.host.identity }))
  if (path === '/api/headers') return done(jsonAnswer(200, { server, headers }))
  if (path === '/api/echo') return done(jsonAnswer(200, { server, method, headers, body }))
  if (path === '/api/slow') {
    const delayMs = Math.min(MAX_DELAY_MS, Number(query.get('ms')) || 0)
    state.host.after(delayMs, () => done(jsonAnswer(200, { server, delayMs })))
    return
  }
  if (path === '/api/redirect') {
    const headers = { Location: query.get('to') ?? '/' }
    return done({ status: Number(query.get('status')) || 302, headers, body: '' })
  }
  if (path === '/api/topology') return done(jsonAnswer(200, { peers: state.runtime.peers ?? [] }))
  done(jsonAnswer(404, { server, error: 'no such route' }))
}

/** The web services know only the UCC on their own server; without it they answer 200 and nothing (gray failure). */
function listAgents(state: ServerState, name: string): HttpAnswer {
  const server = state.config.name
  const ucc = state.uccs.get(name)
  if (ucc === undefined) return jsonAnswer(404, { server, error: 'unknown UCC' })
  const items = ucc.runs ? (state.topic(`ucc/${name}/agents`, name)?.snapshot() ?? []) : []
  return jsonAnswer(200, { server, ucc: name, state: ucc.readiness, items })
}

function act(state: ServerState, name: string, { method, headers, body }: AppRequest, done: Answered): void {
  const server = state.config.name
  if (!state.uccs.has(name)) return done(jsonAnswer(404, { server, error: 'unknown UCC' }))
  if (method !== 'POST') return done(jsonAnswer(405, { server, error: 'POST only' }))
  const key = headers['idempotency-key']
  const action = { kind: 'http' as const, ucc: name, name: 'action', args: body }
  state.host.execute({ ...action, ...(key === undefined ? {} : { key }) }, (answer) => {
    done(jsonAnswer(200, { server, status: answer.status, ...(answer.data as object | undefined) }))
  })
}
