/**
 * Reads server frames from untrusted text. Rules of the contract: unknown frame types and fields are ignored, senseless
 * numbers are clamped, malformed optional members are ignored, nothing here throws. Payloads (`data`) pass by
 * reference and are never copied member by member, so a `__proto__` in them reaches nobody's prototype.
 */
import type {
  Cursor,
  EventFrame,
  GoawayFrame,
  Load,
  Peer,
  ReadinessState,
  RejectFrame,
  ResultFrame,
  ServerFrame,
  SnapshotFrame,
  SnapshotItem,
  SubscribedFrame,
  TopicKind,
  WelcomeFrame,
} from './wire'

/** Why a frame could not be used. With an `id`, only that topic or command is concerned. */
export interface FrameProblem {
  readonly reason: 'not-json' | 'not-an-object' | 'malformed' | 'too-large'
  readonly detail: string
  readonly id?: number
}

export type ParsedFrame =
  | { readonly ok: true; readonly frame: ServerFrame }
  /** A frame of a later version: to be ignored. */
  | { readonly ok: true; readonly frame: undefined }
  | { readonly ok: false; readonly problem: FrameProblem }

export type JsonObject = Readonly<Record<string, unknown>>

const STATES: ReadonlySet<unknown> = new Set<ReadinessState>(['running', 'starting', 'stopped', 'unknown'])
const KINDS: ReadonlySet<unknown> = new Set<TopicKind>(['state', 'log', 'ephemeral'])
const RESULT_STATUSES: ReadonlySet<unknown> = new Set<ResultFrame['status']>([
  'done',
  'duplicate',
  'rejected',
  'expired',
])
const OPS: ReadonlySet<unknown> = new Set<EventFrame['op']>(['upsert', 'remove', 'append'])

const MIN_HEARTBEAT_MS = 500
const MAX_HEARTBEAT_MS = 30_000
/** No server has a reason to ask for more: a senseless wait would keep a client away for good. */
const MAX_WAIT_MS = 3_600_000
/** More peers than any pool has; the rest is not read. */
const MAX_PEERS = 32

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An own member, never an inherited one. */
export function member(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

export function readText(value: unknown, maxLength = 4096): string | undefined {
  return typeof value === 'string' && value.length <= maxLength ? value : undefined
}

function readNumber(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}

function readCount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

function readWait(value: unknown): number | undefined {
  const waitMs = readCount(value)
  return waitMs === undefined ? undefined : Math.min(MAX_WAIT_MS, waitMs)
}

export function readState(value: unknown): ReadinessState | undefined {
  return STATES.has(value) ? (value as ReadinessState) : undefined
}

export function readTerm(value: unknown): number | undefined {
  return readCount(value)
}

export function readCursor(value: unknown): Cursor | undefined {
  if (!isObject(value)) return undefined
  const epoch = readText(member(value, 'epoch'), 256)
  const seq = readCount(member(value, 'seq'))
  return epoch === undefined || seq === undefined ? undefined : { epoch, seq }
}

export function readPeers(value: unknown): Peer[] | undefined {
  if (!Array.isArray(value)) return undefined
  const peers: Peer[] = []
  for (const entry of value.slice(0, MAX_PEERS) as unknown[]) {
    if (!isObject(entry)) continue
    const server = readText(member(entry, 'server'), 256)
    const url = readText(member(entry, 'url'), 2048)
    if (server !== undefined && url !== undefined) peers.push({ server, url })
  }
  return peers
}

export function readLoad(value: unknown): Load | undefined {
  if (!isObject(value)) return undefined
  const clients = readNumber(member(value, 'clients'))
  const acceptPerSec = readNumber(member(value, 'acceptPerSec'))
  return {
    ...(clients !== undefined && clients >= 0 ? { clients } : {}),
    ...(acceptPerSec !== undefined && acceptPerSec > 0 ? { acceptPerSec } : {}),
  }
}

/** Drops the members that are `undefined`, so that absent and undefined stay one thing. */
export function defined<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept: Partial<T> = {}
  // Copied, for an object that members are deleted from is slow ever after.
  for (const key of Object.keys(object) as (keyof T)[]) if (object[key] !== undefined) kept[key] = object[key]
  return kept as { [K in keyof T]: Exclude<T[K], undefined> }
}

type Reader = (object: JsonObject) => ServerFrame | string

function readWelcome(object: JsonObject): WelcomeFrame | string {
  const server = readText(member(object, 'server'), 256)
  const state = readState(member(object, 'state'))
  if (server === undefined || state === undefined) return 'welcome needs server and state'
  const beat = readNumber(member(object, 'heartbeatMs')) ?? 1000
  return defined({
    type: 'welcome',
    version: readCount(member(object, 'version')) ?? 1,
    server,
    state,
    heartbeatMs: Math.min(MAX_HEARTBEAT_MS, Math.max(MIN_HEARTBEAT_MS, beat)),
    term: readTerm(member(object, 'term')),
    ts: readNumber(member(object, 'ts')),
    keys: readText(member(object, 'keys'), 256),
    tokenExpiresInMs: readCount(member(object, 'tokenExpiresInMs')),
    peers: readPeers(member(object, 'peers')),
    load: readLoad(member(object, 'load')),
    spreadMs: readCount(member(object, 'spreadMs')),
  }) as WelcomeFrame
}

function readSubscribed(object: JsonObject): SubscribedFrame | string {
  const id = readCount(member(object, 'id'))
  const kind = member(object, 'kind')
  if (id === undefined) return 'subscribed needs an id'
  if (!KINDS.has(kind)) return 'subscribed needs kind state, log or ephemeral'
  return defined({
    type: 'subscribed',
    id,
    kind: kind as TopicKind,
    recovered: member(object, 'recovered') === true,
    cursor: readCursor(member(object, 'cursor')),
  }) as SubscribedFrame
}

function readSnapshot(object: JsonObject): SnapshotFrame | string {
  const id = readCount(member(object, 'id'))
  const cursor = readCursor(member(object, 'cursor'))
  const items = member(object, 'items')
  if (id === undefined) return 'snapshot needs an id'
  if (cursor === undefined) return 'snapshot needs cursor {epoch, seq}'
  if (!Array.isArray(items)) return 'snapshot needs items'
  const read: SnapshotItem[] = []
  for (const item of items as unknown[]) {
    const key = isObject(item) ? readText(member(item, 'key')) : undefined
    if (!isObject(item) || key === undefined) return 'a snapshot item needs a key'
    const ts = readNumber(member(item, 'ts'))
    read.push({ key, data: member(item, 'data'), ...(ts === undefined ? {} : { ts }) })
  }
  return { type: 'snapshot', id, cursor, items: read, more: member(object, 'more') === true }
}

function readEvent(object: JsonObject): EventFrame | string {
  const id = readCount(member(object, 'id'))
  const key = readText(member(object, 'key'))
  const op = member(object, 'op')
  if (id === undefined) return 'event needs an id'
  if (typeof op !== 'string') return 'event needs an op'
  if (key === undefined && OPS.has(op)) return 'event needs a key'
  return defined({
    type: 'event',
    id,
    op: OPS.has(op) ? (op as EventFrame['op']) : 'unknown',
    key: key ?? '',
    seq: readCount(member(object, 'seq')),
    data: member(object, 'data'),
    ts: readNumber(member(object, 'ts')),
  }) as EventFrame
}

function readResult(object: JsonObject): ResultFrame | string {
  const id = readCount(member(object, 'id'))
  const status = member(object, 'status')
  if (id === undefined) return 'result needs an id'
  if (!RESULT_STATUSES.has(status)) return 'result needs status done, duplicate, rejected or expired'
  const error = member(object, 'error')
  return defined({
    type: 'result',
    id,
    status: status as ResultFrame['status'],
    data: member(object, 'data'),
    error: isObject(error)
      ? {
          code: readText(member(error, 'code'), 256) ?? 'unknown',
          message: readText(member(error, 'message')) ?? '',
        }
      : undefined,
  }) as ResultFrame
}

function readBeat(type: 'heartbeat' | 'status'): Reader {
  return (object) =>
    defined({
      type,
      state: readState(member(object, 'state')) ?? 'unknown',
      term: readTerm(member(object, 'term')),
      ts: readNumber(member(object, 'ts')),
      load: readLoad(member(object, 'load')),
    }) as ServerFrame
}

function readGoaway(object: JsonObject): GoawayFrame {
  return defined({
    type: 'goaway',
    reason: readText(member(object, 'reason'), 256) ?? 'drain',
    leaveWithinMs: readWait(member(object, 'leaveWithinMs')) ?? 0,
    spreadMs: readCount(member(object, 'spreadMs')),
    to: readText(member(object, 'to'), 2048),
  }) as GoawayFrame
}

function readReject(object: JsonObject): RejectFrame {
  return defined({
    type: 'reject',
    code: readText(member(object, 'code'), 256) ?? 'invalid',
    message: readText(member(object, 'message')) ?? '',
    id: readCount(member(object, 'id')),
    retryAfterMs: readWait(member(object, 'retryAfterMs')),
  }) as RejectFrame
}

function readPong(object: JsonObject): ServerFrame | string {
  const n = readCount(member(object, 'n'))
  if (n === undefined) return 'pong needs n'
  const ts = readNumber(member(object, 'ts'))
  return { type: 'pong', n, ...(ts === undefined ? {} : { ts }) }
}

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['welcome', readWelcome],
  ['subscribed', readSubscribed],
  ['snapshot', readSnapshot],
  ['event', readEvent],
  ['result', readResult],
  ['heartbeat', readBeat('heartbeat')],
  ['status', readBeat('status')],
  ['pong', readPong],
  ['goaway', readGoaway],
  ['reject', readReject],
])

function problem(reason: FrameProblem['reason'], detail: string, id?: number): ParsedFrame {
  return { ok: false, problem: id === undefined ? { reason, detail } : { reason, detail, id } }
}

/** Reads one frame already parsed from JSON. */
export function readFrame(value: unknown): ParsedFrame {
  if (!isObject(value)) return problem('not-an-object', 'a frame is one JSON object')
  const type = member(value, 'type')
  if (typeof type !== 'string') return problem('malformed', 'a frame needs a type')
  const reader = READERS.get(type)
  if (reader === undefined) return { ok: true, frame: undefined }
  const frame = reader(value)
  return typeof frame === 'string' ? problem('malformed', frame, readCount(member(value, 'id'))) : { ok: true, frame }
}

/** Reads one frame from text. Never throws. */
export function parseFrame(text: string): ParsedFrame {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return problem('not-json', `not JSON (${text.length} characters)`)
  }
  return readFrame(value)
}
