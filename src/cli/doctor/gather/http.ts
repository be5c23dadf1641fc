/** One anonymous request at one address: no token is ever sent. */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { parseReadiness } from '../../../core/parse-readiness'
import type { Failure, HttpFacts } from '../facts'

const HTTP_MS = 3000
/** A slower answer says too little about a clock. */
const CLOCK_MS = 1000
const MAX_BODY_BYTES = 65_536

/** What to ask. */
export interface HttpQuestion {
  readonly url: string
  readonly address: string
  readonly method?: 'GET' | 'OPTIONS'
  readonly headers?: Readonly<Record<string, string>>
}

export async function gatherHttp({
  url,
  address,
  method = 'GET',
  headers,
}: HttpQuestion): Promise<HttpFacts | Failure> {
  const target = new URL(url)
  const name = target.hostname.replace(/^\[|\]$/g, '')
  const isSecure = target.protocol === 'https:'
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const request = (isSecure ? httpsRequest : httpRequest)({
      host: address,
      port: target.port === '' ? (isSecure ? 443 : 80) : Number(target.port),
      path: `${target.pathname}${target.search}`,
      method,
      headers: { host: target.host, accept: 'application/json', ...headers },
      agent: false,
      // A bad certificate is another finding; what the server says is worth knowing all the same.
      ...(isSecure ? { rejectUnauthorized: false, ...(isIP(name) === 0 ? { servername: name } : {}) } : {}),
    })
    const end = (facts: HttpFacts | Failure): void => {
      clearTimeout(timer)
      request.destroy()
      resolve(facts)
    }
    const timer = setTimeout(() => end({ kind: 'failure', code: 'ETIMEDOUT' }), HTTP_MS)
    request.on('error', (error: NodeJS.ErrnoException) => end({ kind: 'failure', code: error.code ?? 'EPROTO' }))
    request.on('upgrade', (response, socket) => {
      socket.destroy()
      end(read(response, '', performance.now() - startedAt))
    })
    request.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
        if (text.length > MAX_BODY_BYTES) end(read(response, '', performance.now() - startedAt))
      })
      response.on('end', () => end(read(response, text, performance.now() - startedAt)))
      response.on('error', () => end({ kind: 'failure', code: 'ECONNRESET' }))
    })
    request.end()
  })
}

function read(response: IncomingMessage, text: string, tookMs: number): HttpFacts {
  const body = parseReadiness(text)
  const date = Date.parse(response.headers.date ?? '')
  return {
    kind: 'http',
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
    ...(body === undefined ? {} : { body }),
    tookMs: Math.round(tookMs),
    // The header has whole seconds, rounded down; the answer left about half a round trip ago.
    ...(Number.isNaN(date) || tookMs > CLOCK_MS ? {} : { skewMs: Math.round(date + 500 - (Date.now() - tookMs / 2)) }),
  }
}
