/** What servers send: frames, readiness bodies, topology documents. */
import { isDeepStrictEqual } from 'node:util'
import { parseFrame, readFrame, type ParsedFrame } from '../../../src/core/parse-frame'
import { parseReadiness, parseTopology } from '../../../src/core/parse-readiness'
import { exceedsBytes } from '../../../src/transports/frame-size'
import { anything, between, bool, choice, count, finite, list, must, mustRoundTrip, shape, text } from '../expect'
import type { Checker } from '../expect'
import { bentJson, bentTexts, bentValues } from '../generators'
import type { FuzzTarget } from '../target'

const cursor = { epoch: 'e1', seq: 41 }
const peers = [
  { server: 'srv1', url: 'https://srv1.contoso.com' },
  { server: 'srv2', url: 'https://srv2.contoso.com' },
]
/** Doubled once, more than are read. */
const manyPeers = Array.from({ length: 20 }, (_unused, n) => ({
  server: `srv${n}`,
  url: `https://srv${n}.contoso.com`,
}))
const load = { clients: 120, acceptPerSec: 500 }

const FRAMES = [
  { type: 'welcome', version: 1, server: 'srv1', state: 'running', term: 7, heartbeatMs: 1000, ts: 1 },
  { type: 'welcome', server: 'srv1', state: 'running', keys: 'k', tokenExpiresInMs: 60_000, peers, load, spreadMs: 9 },
  { type: 'subscribed', id: 1, kind: 'state', recovered: true, cursor },
  { type: 'snapshot', id: 1, cursor, items: [{ key: 'a', data: { b: [1] }, ts: 1 }, { key: 'b' }], more: true },
  { type: 'event', id: 1, seq: 42, op: 'upsert', key: 'a', data: { text: 'x' }, ts: 1 },
  { type: 'event', id: 1, op: 'append', key: 'm1', data: null },
  { type: 'result', id: 2, status: 'rejected', error: { code: 'busy', message: 'later' } },
  { type: 'result', id: 2, status: 'done', data: [1] },
  { type: 'heartbeat', state: 'running', ts: 1, term: 7, load },
  { type: 'status', state: 'stopped', term: 7 },
  { type: 'pong', n: 3, ts: 1 },
  { type: 'goaway', reason: 'drain', leaveWithinMs: 30_000, spreadMs: 1000, to: 'srv2' },
  { type: 'reject', id: 1, code: 'overloaded', message: 'try later', retryAfterMs: 5000 },
]

const NAMES = [...new Set(FRAMES.flatMap((frame) => Object.keys(frame)))]

const integer = between(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
const state = choice('running', 'starting', 'stopped', 'unknown')
const position = shape({ epoch: text(256), seq: count })
const peerList = list(shape({ server: text(256), url: text(2048) }), 32)
const loads = shape({}, { clients: between(0, Number.MAX_VALUE), acceptPerSec: between(0, Number.MAX_VALUE) })
const item = shape({ key: text(4096), data: anything }, { ts: finite })
const type = anything
const oneHour = 3_600_000

const FRAME_TYPES: Readonly<Record<string, Checker>> = {
  welcome: shape(
    { type, version: count, server: text(256), state, heartbeatMs: between(500, 30_000) },
    {
      term: count,
      ts: finite,
      keys: text(256),
      tokenExpiresInMs: count,
      peers: peerList,
      load: loads,
      spreadMs: count,
    },
  ),
  subscribed: shape(
    { type, id: count, kind: choice('state', 'log', 'ephemeral'), recovered: bool },
    { cursor: position },
  ),
  snapshot: shape({ type, id: count, cursor: position, items: list(item), more: bool }),
  event: shape(
    { type, id: count, op: choice('upsert', 'remove', 'append', 'unknown'), key: text(4096) },
    { seq: count, data: anything, ts: finite },
  ),
  result: shape(
    { type, id: count, status: choice('done', 'duplicate', 'rejected', 'expired') },
    { data: anything, error: shape({ code: text(256), message: text(4096) }) },
  ),
  heartbeat: shape({ type, state }, { term: count, ts: finite, load: loads }),
  status: shape({ type, state }, { term: count, ts: finite, load: loads }),
  pong: shape({ type, n: count }, { ts: finite }),
  goaway: shape({ type, reason: text(256), leaveWithinMs: between(0, oneHour) }, { spreadMs: count, to: text(2048) }),
  reject: shape({ type, code: text(256), message: text(4096) }, { id: count, retryAfterMs: between(0, oneHour) }),
}

const problem = shape({ reason: choice('not-json', 'not-an-object', 'malformed'), detail: text(200) }, { id: count })

export function mustBeFrame(parsed: ParsedFrame): void {
  if (!parsed.ok) return problem(parsed.problem, 'problem')
  const { frame } = parsed
  if (frame === undefined) return
  const checker = Object.hasOwn(FRAME_TYPES, frame.type) ? FRAME_TYPES[frame.type] : undefined
  must(checker !== undefined, `there is no frame ${frame.type}`)
  checker?.(frame, frame.type)
}

const BODIES = [
  { server: 'srv1', versions: [1], ucc: 'helpdesk', state: 'running', term: 7, peers, load, draining: false },
  { server: 'srv2', state: 'stopped', peers: manyPeers },
]

const readiness = shape(
  { server: text(256, 1), state, versions: list(integer) },
  { ucc: text(256), term: count, peers: peerList, load: loads, draining: bool },
)

const frame: FuzzTarget<string> = {
  name: 'frame',
  reads: 'one frame of the live connection, as text',
  inputs: bentJson(FRAMES, NAMES),
  check(input) {
    const parsed = parseFrame(input)
    mustBeFrame(parsed)
    if (parsed.ok && parsed.frame !== undefined)
      mustRoundTrip(parsed, (again) => parseFrame(JSON.stringify(frameIn(again))))
  },
}

function frameIn(text: string): unknown {
  return (JSON.parse(text) as { frame: unknown }).frame
}

const frameValue: FuzzTarget = {
  name: 'frame-value',
  reads: 'one frame, already parsed (the answer to a command over HTTP)',
  inputs: bentValues(FRAMES, NAMES),
  check(input) {
    mustBeFrame(readFrame(input))
    if (typeof input !== 'object' || input === null) return
    must(!readFrame(Object.create(input)).ok, 'what is inherited is nobody’s word')
  },
}

const readinessBody: FuzzTarget<string> = {
  name: 'readiness',
  reads: 'the body of GET /failover/ready',
  inputs: bentJson(BODIES, Object.keys(BODIES[0] ?? {})),
  check(input) {
    const body = parseReadiness(input)
    if (body === undefined) return
    readiness(body, 'readiness')
    mustRoundTrip(body, (again) => parseReadiness(again) ?? body)
    must(
      isDeepStrictEqual(parseTopology(input), body.peers?.length === 0 ? undefined : body.peers),
      'one reading of peers',
    )
  },
}

const topology: FuzzTarget<string> = {
  name: 'topology',
  reads: 'a topology document',
  inputs: bentJson([{ peers }, { peers: manyPeers, comment: 'x' }], ['peers', 'server', 'url']),
  check(input) {
    const read = parseTopology(input)
    if (read === undefined) return
    peerList(read, 'peers')
    must(read.length > 0, 'no peers are no document')
    mustRoundTrip({ peers: read }, (again) => ({ peers: parseTopology(again) ?? [] }))
  },
}

const frameSize: FuzzTarget<string> = {
  name: 'frame-size',
  reads: 'the size of a text in UTF-8',
  inputs: bentTexts(['plain', 'ä ö ü', '😀😀😀', '\ud800 alone'], ['é', '😀', '\udc00']),
  check(input) {
    const bytes = Buffer.byteLength(input)
    for (const limit of [bytes - 1, bytes, bytes + 1, input.length]) {
      must(exceedsBytes(input, limit) === bytes > limit, `${bytes} bytes against ${limit}`)
    }
  },
}

export const frameTargets: readonly FuzzTarget[] = [frame, frameValue, readinessBody, topology, frameSize]
