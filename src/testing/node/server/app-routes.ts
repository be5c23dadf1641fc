/** A small application beside the contract: what a client's ordinary requests meet. */
import { readText } from './body'
import type { Exchange } from './http'
import { sendJson } from './http'

const MAX_DELAY_MS = 120_000

export async function appRoute(exchange: Exchange): Promise<void> {
  const { world, request, response, path, url } = exchange
  const server = world.config.name
  const ofUcc = /^\/api\/ucc\/([^/]+)\/(agents|actions)$/.exec(path)
  if (ofUcc !== null) return uccRoute(exchange, decodeURIComponent(ofUcc[1] ?? ''), ofUcc[2] === 'actions')
  const status = /^\/api\/status\/(\d{3})$/.exec(path)
  if (status !== null) {
    const retryAfter = url.searchParams.get('retryAfter')
    return sendJson(response, Number(status[1]), { server }, retryAfter === null ? {} : { 'Retry-After': retryAfter })
  }
  if (path === '/api/whoami') return sendJson(response, 200, { server, pid: process.pid })
  if (path === '/api/headers') return sendJson(response, 200, { server, headers: request.headers })
  if (path === '/api/echo') {
    const body = await readText(request)
    return sendJson(response, 200, { server, method: request.method, headers: request.headers, body })
  }
  if (path === '/api/slow') {
    const delayMs = Math.min(MAX_DELAY_MS, Number(url.searchParams.get('ms')) || 0)
    const timer = setTimeout(() => sendJson(response, 200, { server, delayMs }), delayMs)
    response.on('close', () => clearTimeout(timer))
    return
  }
  if (path === '/api/redirect') {
    response
      .writeHead(Number(url.searchParams.get('status')) || 302, { Location: url.searchParams.get('to') ?? '/' })
      .end()
    return
  }
  if (path === '/api/topology') return sendJson(response, 200, { peers: world.runtime.peers ?? [] })
  sendJson(response, 404, { server, error: 'no such route' })
}

/** The web services know only the UCC on their own server; without it they answer 200 and nothing (gray failure). */
async function uccRoute(exchange: Exchange, name: string, isAction: boolean): Promise<void> {
  const { world, request, response } = exchange
  const server = world.config.name
  const ucc = world.uccs.get(name)
  if (ucc === undefined) return sendJson(response, 404, { server, error: 'unknown UCC' })
  if (!isAction) {
    const items = ucc.runs ? (world.topic(`ucc/${name}/agents`, name)?.snapshot() ?? []) : []
    return sendJson(response, 200, { server, ucc: name, state: ucc.readiness, items })
  }
  if (request.method !== 'POST') return sendJson(response, 405, { server, error: 'POST only' })
  const args = await readText(request)
  const key = request.headers['idempotency-key']
  const answer = await world.link.execute({
    kind: 'http',
    ucc: name,
    name: 'action',
    args,
    ...(typeof key === 'string' ? { key } : {}),
  })
  sendJson(response, 200, { server, status: answer.status, ...(answer.data as object | undefined) })
}
