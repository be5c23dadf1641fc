/** HTTP as programs speak of it, from and to what travels on a line. */
import type { Road } from '../core/road'
import type { AttemptRecord } from './device-types'
import type { Segment } from './segments'

export type AnswerSegment = Extract<Segment, { is: 'response' }>

/** Statuses whose responses may have no body (WHATWG fetch). */
const NULL_BODY = new Set([101, 204, 205, 304])

/** What a request to this path is for. */
export function kindOf(path: string): AttemptRecord['kind'] {
  if (path.startsWith('/failover/ready')) return 'readiness'
  if (path.startsWith('/failover/events')) return 'events'
  return path.startsWith('/failover/command') ? 'command' : 'http'
}

export function lowerCase(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}

export function readHeader({ headers }: AnswerSegment): (name: string) => string | undefined {
  // Few answers have a header read.
  let lower: Readonly<Record<string, string>> | undefined
  return (name) => (lower ??= lowerCase(headers))[name.toLowerCase()]
}

/** Path and query below the road. */
export function targetOf(url: string, road: Road): string {
  const { pathname, search } = new URL(url)
  const base = new URL(road.url).pathname.replace(/\/$/, '')
  return (base !== '' && pathname.startsWith(base) ? pathname.slice(base.length) : pathname) + search
}

export function asResponse({ status, headers, text }: AnswerSegment): Response {
  return new Response(NULL_BODY.has(status) ? null : text, { status, headers })
}

export interface ReadBody {
  readonly text: string
  readonly headers: Readonly<Record<string, string>>
}

/** The body as text. At once where it is text already: other kinds are read by promises. */
export function withBody({ body, headers }: RequestInit, then: (read: ReadBody) => void): void {
  const given = Object.fromEntries(new Headers(headers))
  if (body === undefined || body === null) return then({ text: '', headers: given })
  if (typeof body === 'string') return then({ text: body, headers: { 'content-type': 'text/plain', ...given } })
  const read = new Response(body)
  const type = read.headers.get('content-type')
  const complete = { ...(type === null ? {} : { 'content-type': type }), ...given }
  void read.text().then((text) => then({ text, headers: complete }))
}
