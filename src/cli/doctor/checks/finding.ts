/** What a check says. */
import type { FINDINGS } from './findings'

/**
 * `broken`: does not work now. `fragile`: works, and would not survive a failover, or not for everybody. `hint`: good
 * to know.
 */
export type Level = 'broken' | 'fragile' | 'hint'

/** The code of a finding: stable, and documented one by one. */
export type FindingCode = keyof typeof FINDINGS

export interface Finding {
  readonly code: FindingCode
  readonly level: Level
  /** Where: a road, a name server, a server. None: the deployment as a whole. */
  readonly subject?: string
  /** What was seen. */
  readonly seen: string
}
