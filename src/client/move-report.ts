/** The report of a move that has ended, in public words. */
import type { MovePlan } from '../core/pool-protocol'
import type { MoveTimings } from '../core/session-protocol'
import type { EndpointInfo, MoveReport } from './reports'

/** Nothing for what is no move: the first connection, and one that was dialled again at the same server. */
export function moveReportOf(
  { kind, from: fromId, fromServer, to: toId, reason, evidence }: MovePlan,
  timings: MoveTimings,
  describe: (endpointId: string) => EndpointInfo | undefined,
): MoveReport | undefined {
  if (kind === 'initial' || kind === 'redial' || fromId === undefined) return undefined
  const before = describe(fromId)
  const to = describe(toId)
  if (before === undefined || to === undefined) return undefined
  // The server that was left: the endpoint may lead elsewhere by now.
  const from = fromServer === undefined ? before : Object.freeze({ ...before, server: fromServer })
  return Object.freeze({ kind, from, to, reason, evidence, timings })
}
