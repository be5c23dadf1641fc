/** Event streams: the live connection without WebSocket, and the drop-in EventSource. Both over a made-up platform. */
import fc from 'fast-check'
import { createEventSourceClass } from '../../../src/drop-in/event-source'
import { readRetryAfter } from '../../../src/drop-in/fetch-errors'
import type { Routing } from '../../../src/drop-in/routing'
import { eventStreamTransport } from '../../../src/transports/event-stream'
import { broken, must } from '../expect'
import { bentTexts, cut, hostileText } from '../generators'
import type { FuzzTarget } from '../target'
import { LINK_REQUEST, Wire } from '../wire'

const EVENT_STREAM = { 'content-type': 'text/event-stream' }

const frames = [
  { type: 'welcome', version: 1, server: 'srv1', state: 'running', heartbeatMs: 1000, ts: 1 },
  { type: 'subscribed', id: 1, kind: 'log', recovered: false },
  { type: 'snapshot', id: 1, cursor: { epoch: 'e', seq: 1 }, items: [{ key: 'a', data: 'x' }] },
  { type: 'event', id: 1, seq: 2, op: 'append', key: 'b', data: ['é', '😀'] },
  { type: 'heartbeat', state: 'running', ts: 2 },
  { type: 'goaway', reason: 'drain', leaveWithinMs: 1000 },
  { type: 'reject', code: 'overloaded', message: 'later', retryAfterMs: 1000 },
].map((frame) => `data: ${JSON.stringify(frame)}`)

const PIECES = [
  ...[
    '\r',
    '\n',
    '\r\n',
    '\n\n',
    '\r\r',
    ': comment\n',
    'data\n',
    'data:\n',
    'data: ',
    'event: x\n',
    'id: 7\n',
    'id\n',
  ],
  ...['retry: 0\n', 'retry: 99999999999999999999\n', 'id: \u0001\n', 'id: \u0000\n', 'id: é😀\n', '\ufeff', '\u0000'],
]
const streams = bentTexts(
  [
    `${frames.join('\n\n')}\n\n`,
    `${frames.join('\r\n\r\n')}\r\n\r\n`,
    `${frames.slice(0, 4).join('\r\r')}\r\r:`,
    'id: 1\nevent: change\ndata: a\ndata: b\n\nretry: 10\nid: 2\ndata\n\n',
  ],
  PIECES,
)
const cuts = fc.array(fc.nat({ max: 1000 }), { maxLength: 5 })

/** What the link tells of this stream, one line a call. */
function linkSays(chunks: readonly string[]): string[] {
  const wire = new Wire()
  const told: string[] = []
  const tell = (what: string, details: unknown): void => {
    if (told.some((line) => line.startsWith('closed'))) broken(`${what} after the end`)
    told.push(`${what} ${JSON.stringify(details)}`)
  }
  const link = eventStreamTransport(wire.platform).open(LINK_REQUEST, {
    opened: () => undefined,
    frame: (frame) => tell('frame', frame),
    problem: (problem) => tell('problem', problem),
    closed: (close) => tell('closed', close),
  })
  link.send({ type: 'hello', version: 1, client: { id: 'c' } })
  link.send({ type: 'subscribe', id: 1, topic: 't' })
  wire.pass(0)
  wire.answer(200, EVENT_STREAM, chunks)
  wire.pass(0)
  must(told.at(-1)?.startsWith('closed') === true, 'the end was not told')
  return told
}

const link: FuzzTarget<[string, number[]]> = {
  name: 'event-stream',
  reads: 'the event stream of the wire contract, cut anywhere',
  inputs: fc.tuple(streams, cuts),
  check([text, at]) {
    const whole = linkSays([text])
    const pieces = linkSays(cut(text, at))
    // How much is buffered when a frame is too long depends on the pieces; what was read before does not.
    if (whole.some((line) => line.includes('too-large')) || pieces.some((line) => line.includes('too-large'))) return
    must(whole.join('\n') === pieces.join('\n'), `cut: ${pieces.join('; ')}; whole: ${whole.join('; ')}`)
  },
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly retryAfter: string
  readonly location: string
  readonly text: string
  readonly cuts: readonly number[]
}

const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const BASE = new URL('https://a365web1.contoso.com')

function routingOn(wire: Wire): Routing {
  const route = {
    endpointId: 'e',
    generation: 1,
    server: 'srv1',
    road: { endpointId: 'e', generation: 1, url: BASE.origin },
  }
  return {
    platform: wire.platform,
    base: BASE,
    connectTimeoutMs: 5000,
    closed: false,
    knows: (url: URL) => url.hostname.endsWith('.contoso.com'),
    homeOf: () => BASE,
    candidateAt: () => undefined,
    serves: () => true,
    route: (_ask: unknown, done: (found: typeof route) => void) => wire.platform.setTimer(0, () => done(route)),
    token: (_ask: unknown, done: (answer: { token: string }) => void) => {
      done({ token: 'secret' })
      return () => undefined
    },
    evidence: () => undefined,
    onLeft: () => () => undefined,
    onClose: () => () => undefined,
  } as unknown as Routing
}

const source: FuzzTarget<Answer> = {
  name: 'event-source',
  reads: 'the head and body that an EventSource is answered',
  inputs: fc.record({
    status: fc.constantFrom(200, 200, 200, 200, 204, 301, 307, 401, 404, 503),
    type: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom('text/event-stream', 'text/event-stream; charset=utf-8') },
      { weight: 1, arbitrary: hostileText },
    ),
    retryAfter: fc.oneof(fc.constantFrom('1', '99999999999', 'Fri, 31 Dec 9999 23:59:59 GMT'), hostileText),
    location: bentTexts(['https://srv2.contoso.com/x', '/y', '//evil.example'], ['@', '\\', 'data:', 'http://']),
    text: streams,
    cuts,
  }),
  check({ status, type, retryAfter, location, text, cuts: at }) {
    const wire = new Wire()
    const EventSourceOf = createEventSourceClass(routingOn(wire))
    const face = new EventSourceOf('/events')
    const ids: string[] = []
    face.onmessage = (event) => {
      if (typeof event.data !== 'string') broken('data must be a text')
      ids.push(event.lastEventId)
    }
    wire.pass(0)
    const headers = { 'content-type': type, 'retry-after': retryAfter, location }
    wire.answer(status, headers, cut(text, at))
    wire.pass(86_400_000)
    must([0, 1, 2].includes(face.readyState), 'readyState must be 0, 1 or 2')
    must(
      ids.every((id) => !/[\0\r\n]/.test(id)),
      'an id is one line',
    )
    // What it says when it comes back must be a header that can be sent.
    for (const value of Object.values(wire.request?.headers ?? {})) must(FIELD_VALUE.test(value), `header ${value}`)
    face.close()
    must(wire.cancelled && face.readyState === 2, 'closed')
  },
}

const NOW = Date.parse('Wed, 21 Oct 2015 07:28:00 GMT')

const retryAfter: FuzzTarget<string> = {
  name: 'retry-after',
  reads: 'the Retry-After header',
  inputs: bentTexts(
    ['120', '0', 'Wed, 21 Oct 2015 07:28:10 GMT', 'Wednesday, 21-Oct-15 07:28:10 GMT', 'Wed Oct 21 07:28:10 2015'],
    ['9', '99999999999', '-', '.', 'e9', '0x', '+', ',', 'GMT', '+275760-09-13', '999999', 'Sun'],
  ),
  check(input) {
    const waitMs = readRetryAfter(input, NOW)
    if (waitMs === undefined) return
    must(Number.isInteger(waitMs) && waitMs >= 0 && waitMs <= 3_600_000, `${input} became ${waitMs} ms`)
    must(/^\s*(\d+|[A-Za-z]{3}.*)\s*$/s.test(input), `${input} is neither seconds nor a date`)
  },
}

export const eventStreamTargets: readonly FuzzTarget[] = [link, source, retryAfter]
