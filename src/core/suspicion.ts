/**
 * The decision table of a suspected live connection, as data. The first row that matches decides. Its principle: a
 * connection may be abandoned on less evidence than it takes to condemn an endpoint.
 *
 * A pong needs no row. Like any frame it ends the suspicion before the table is asked; what is left to decide then is
 * the same as ever: a higher term elsewhere is a planned move, and readiness that stays away is the endpoint's own.
 */
import type { ReadinessState } from './wire'

/** The ping: `waiting` until its deadline. A UCC told to be down needs no ping: `any` rows match at once. */
export type PingAnswer = 'none' | 'waiting'

/** Readiness as asked because of the suspicion. `none` = not answered; `refused` = proof that the process is gone. */
export type AskedReadiness = ReadinessState | 'none' | 'refused'

export type SuspicionDecision =
  /** Leave now for the other server. */
  | 'failover'
  /** The connection broke, not the server: dial the same server again (the other one, if its term is higher). */
  | 'redial'
  /** Nobody runs the UCC: stay attached, topics stale, poll both, take the first `running`. */
  | 'wait'
  /** Own network, or all down: count nothing, poll. */
  | 'blind'
  /** No row matches yet: more evidence is on its way. */
  | 'undecided'

export interface SuspicionFacts {
  readonly ping: PingAnswer
  readonly current: AskedReadiness
  readonly other: AskedReadiness
}

interface Row {
  readonly ping: readonly PingAnswer[]
  readonly current: readonly AskedReadiness[]
  readonly other: readonly AskedReadiness[]
  readonly decision: SuspicionDecision
  /** Does this row count one hard failure against the current endpoint? */
  readonly hard?: true
}

const ANY_PING: readonly PingAnswer[] = ['none', 'waiting']
const DOWN: readonly AskedReadiness[] = ['stopped', 'starting']
const GONE: readonly AskedReadiness[] = ['none', 'refused', 'unknown']
const ANY: readonly AskedReadiness[] = ['running', 'starting', 'stopped', 'unknown', 'none', 'refused']

export const SUSPICION_TABLE: readonly Row[] = [
  { ping: ANY_PING, current: DOWN, other: ['running'], decision: 'failover' },
  { ping: ['none'], current: ['running'], other: ANY, decision: 'redial' },
  { ping: ['none'], current: GONE, other: ['running'], decision: 'failover', hard: true },
  { ping: ANY_PING, current: DOWN, other: ANY, decision: 'wait' },
  { ping: ['none'], current: GONE, other: DOWN, decision: 'wait' },
  { ping: ['none'], current: GONE, other: GONE, decision: 'blind' },
]

export function decideSuspicion(facts: SuspicionFacts): {
  readonly decision: SuspicionDecision
  readonly hard: boolean
} {
  for (const row of SUSPICION_TABLE) {
    if (!row.ping.includes(facts.ping) || !row.current.includes(facts.current)) continue
    if (!row.other.includes(facts.other)) continue
    return { decision: row.decision, hard: row.hard === true }
  }
  return { decision: 'undecided', hard: false }
}
