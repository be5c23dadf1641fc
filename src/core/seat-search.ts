/** What a searching seat does next: waits, goes back to the connection it had, or takes a road. */
import type { Standing } from './choose'
import type { Judge } from './judge'
import type { MoveKind, MovePlan } from './pool-protocol'
import { betterRoadUntil, isWhence, search } from './search'
import { askAt, known, readyAt, unknown } from './seat-places'
import type { Searching } from './seat-state'
import { NEVER, type Instant } from './time'

export type MoveSketch = Omit<MovePlan, 'id' | 'road'>

export type Sought =
  | { readonly do: 'wait'; readonly place: Searching; readonly until: Instant }
  /** The server that was left serves again, and the connection to it stands. */
  | { readonly do: 'recover'; readonly from: string }
  | { readonly do: 'go'; readonly place: Searching; readonly plan: MoveSketch }

export interface SeekFacts {
  readonly judge: Judge
  readonly ucc: string | undefined
  readonly asked: string | undefined
  readonly barred: (endpointId: string) => boolean
  readonly betterRoadMs: number
  /** How long a probe may take. */
  readonly probeTimeoutMs: number
  /** Was the client ever served? */
  readonly everServed: boolean
}

export function seek(now: Instant, place: Searching, facts: SeekFacts): Sought {
  const { judge, ucc, asked, barred } = facts
  const result = search(judge, { place, ucc, asked, barred })
  if (result.found === 'nothing') return { do: 'wait', place: unknown(place), until: askAt(place) ?? NEVER }
  const { to, betterPending } = result
  const { from, oldLink, dialAfter } = place
  if (oldLink === 'alive' && from !== undefined && isWhence(to, place)) return { do: 'recover', from }
  const since = readyAt(place) ?? now
  const waitMs = isHerePending(place, facts) ? facts.probeTimeoutMs : facts.betterRoadMs
  const waitUntil = betterPending ? betterRoadUntil(since, waitMs) : now
  const found = known(place, now < waitUntil ? 'compare' : 'choose', since)
  const goAt = Math.max(waitUntil, dialAfter)
  if (now < goAt) return { do: 'wait', place: found, until: Math.min(goAt, askAt(place) ?? NEVER) }
  return { do: 'go', place: found, plan: sketch(now, place, to, since, facts.everServed) }
}

/**
 * The server has lost nothing: a seat that only routed requests needs a connection, or ours ended while we slept; and
 * where it is has not answered yet. That server is given as long as any probe, or a slow answer would read as a
 * failover that nothing has caused.
 */
function isHerePending({ reason, from, since, isByOwnPause }: Searching, { judge, ucc, barred }: SeekFacts): boolean {
  const isBlameless = reason === 'start' || isByOwnPause === true
  const here = !isBlameless || from === undefined ? undefined : judge.roster.get(from)
  return here !== undefined && !barred(here.id) && !judge.triedSince(here, ucc, since)
}

function sketch(now: Instant, place: Searching, to: Standing, since: Instant, everServed: boolean): MoveSketch {
  const kind: MoveKind = !everServed ? 'initial' : isWhence(to, place) ? 'redial' : 'failover'
  // Where the draw had put the question off, that wait is the draw's, and deciding began with the question.
  const { detected, askedAt = detected } = place
  const decided = decidedAt(now, { since, detected, askedAt })
  return {
    kind,
    // A seat that only routed requests had no connection to lose: its endpoint does not serve any more.
    reason: kind === 'failover' && place.reason === 'start' ? 'endpoint-down' : place.reason,
    to: to.endpointId,
    // Whatever is left of the old connection may speak until the new one carries everything, if it can speak at all.
    makeBeforeBreak: place.oldLink === 'alive',
    evidence: [...place.evidence, inWords(to)],
    times: { lastProof: place.lastProof, detected, decided, dialled: now },
    ...(place.from === undefined ? {} : { from: place.from }),
    ...(place.fromServer === undefined ? {} : { fromServer: place.fromServer }),
  }
}

function inWords({ term, server, endpointId }: Standing): string {
  return `${server ?? endpointId} answered running${term === undefined ? '' : ` with term ${term}`}`
}

/** The server that was left answers again. By its name where it is known: the endpoint may lead elsewhere by now. */
/** Sums of instants leave rounding errors, and what is decided has been decided: never later than now. */
export function decidedAt(
  now: Instant,
  { since, detected, askedAt }: { readonly since: Instant; readonly detected: Instant; readonly askedAt: Instant },
): Instant {
  return Math.min(now, detected + Math.max(0, Math.min(since, now) - Math.max(askedAt, detected)))
}
