/** Frames made from what the server is, and members read from what a client sent. */
import type { Cursor, ServerFrame } from '../../core/wire'
import { CLOSE, PROTOCOL_VERSION } from '../../core/wire'
import type { PendingReject, RuntimeConfig } from './server-types'
import type { ServerState } from './server-state'
import type { UccHere } from './ucc-here'

/** Close code behind each `reject` without `id` (rule 10). */
export const CLOSE_CODES: Readonly<Record<string, number>> = {
  unauthorized: CLOSE.unauthorized,
  forbidden: CLOSE.forbidden,
  'unknown-ucc': CLOSE.unknownUcc,
  'unsupported-version': CLOSE.invalid,
  invalid: CLOSE.invalid,
  overloaded: CLOSE.tryLater,
  'not-running': CLOSE.tryLater,
}

export function termOf(ucc: UccHere): { term?: number } {
  return ucc.term === undefined ? {} : { term: ucc.term }
}

export function welcomeFrame(state: ServerState, ucc: UccHere, heartbeatMs: number): ServerFrame {
  const { runtime, config } = state
  const load = state.load()
  return {
    type: 'welcome',
    version: PROTOCOL_VERSION,
    server: config.name,
    state: ucc.told,
    ...termOf(ucc),
    heartbeatMs,
    ts: state.host.wallClock(),
    ...(runtime.keys === undefined ? {} : { keys: runtime.keys }),
    ...(runtime.tokenExpiresInMs === undefined ? {} : { tokenExpiresInMs: runtime.tokenExpiresInMs }),
    ...(runtime.peers === undefined ? {} : { peers: runtime.peers }),
    ...(load === undefined ? {} : { load }),
    ...(runtime.spreadMs === undefined ? {} : { spreadMs: runtime.spreadMs }),
  }
}

export function heartbeatFrame(state: ServerState, ucc: UccHere): ServerFrame {
  const load = state.load()
  // Only a fault leaves `state` out; a real server always says it.
  const proof = ucc.beat === undefined ? {} : { state: ucc.beat, ...termOf(ucc) }
  return {
    type: 'heartbeat',
    ...proof,
    ts: state.host.wallClock(),
    ...(load === undefined ? {} : { load }),
  } as ServerFrame
}

/** The interval between beats: the server's own, else the client's wish, within the contract's bounds. */
export function agreedBeatMs(runtime: RuntimeConfig, wishMs: unknown): number {
  if (runtime.heartbeatMs !== undefined) return runtime.heartbeatMs
  if (typeof wishMs !== 'number' || !Number.isFinite(wishMs)) return 1000
  return Math.min(30_000, Math.max(500, wishMs))
}

/** A cursor, or undefined for anything that is none: a malformed member is ignored, never fatal. */
export function readCursor(value: unknown): Cursor | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { epoch, seq } = value as Partial<Cursor>
  return typeof epoch === 'string' && Number.isSafeInteger(seq) ? { epoch, seq: Number(seq) } : undefined
}

/** May this token be used here? Undefined = yes. */
export function tokenRefusal(runtime: RuntimeConfig, token: unknown): 'unauthorized' | 'forbidden' | undefined {
  if (typeof token === 'string' && runtime.forbiddenTokens?.includes(token) === true) return 'forbidden'
  if (runtime.tokens === undefined) return undefined
  return typeof token === 'string' && runtime.tokens.includes(token) ? undefined : 'unauthorized'
}

/** The refusal in force: ordered by `rejectNext` as long as any is left, or for overload. */
export function takeReject(state: ServerState): PendingReject | undefined {
  const { rejects, overload } = state.faults
  const first = rejects[0]
  if (first === undefined) return overload && { code: 'overloaded', message: 'try again later', ...overload }
  const times = (first.times ?? 1) - 1
  if (times <= 0) rejects.shift()
  else rejects[0] = { ...first, times }
  return first
}
