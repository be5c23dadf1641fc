/** The report of a move that has ended, in public words. */
import type { MovePlan } from '../core/pool-protocol'
import type { MoveTimings } from '../core/session-protocol'
import type { EndpointInfo, MoveReport } from './reports'

/** Nothing for what is no move: the first connection, and one that was dialled again at the same server. */
export function moveReportOf(
  { kind, from: fromId, to: toId, reason, evidence }: MovePlan,
  timings: MoveTimings,
  describe: (endpointId: string) => EndpointInfo | undefined,
): MoveReport | undefined {
  if (kind === 'initial' || kind === 'redial' || fromId === undefined) return undefined
  const from = describe(fromId)
  const to = describe(toId)
  if (from === undefined || to === undefined) return undefined
  return Object.freeze({ kind, from, to, reason, evidence, timings })
}
