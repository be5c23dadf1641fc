/**
 * Which road to take after a loss, as a pure function. Rules: only what answered `running` after the loss; the current
 * server is kept when it still serves; the best that answered, waiting briefly for a better one; servers without the
 * readiness contract in rank order, the just-lost one last; with nobody else left, an open breaker or a drain bars
 * nobody who answers `running`.
 */
import { compareStandings, inOrder, type Standing } from './choose'
import type { Endpoint } from './endpoint'
import type { Judge } from './judge'
import { NOT_BACK, type Searching } from './seat-state'
import type { Instant } from './time'

export interface SearchFacts {
  readonly place: Searching
  readonly ucc: string | undefined
  readonly asked: string | undefined
  /** Endpoints that must not be dialled yet (their own backoff). */
  readonly barred: (endpointId: string) => boolean
}

export type SearchResult =
  | { readonly found: 'nothing' }
  /** `betterPending`: somebody who would be preferred has not answered yet. */
  | { readonly found: 'road'; readonly to: Standing; readonly betterPending: boolean }

export function search(judge: Judge, facts: SearchFacts): SearchResult {
  const present = judge.roster.present()
  const serving = present.filter((endpoint) => servesSince(judge, endpoint, facts) && !facts.barred(endpoint.id))
  const fresh = serving.filter((endpoint) => !isSilentRoad(endpoint, serving, facts.place.since))
  const strict = fresh.map((endpoint) => judge.standing(endpoint, facts.ucc)).filter((standing) => standing.candidate)
  const usable = strict.length > 0 ? strict : lenient(judge, fresh, facts)
  const to = pick(judge, usable, facts)
  if (to === undefined) return { found: 'nothing' }
  return { found: 'road', to, betterPending: present.some((endpoint) => couldBeBetter(judge, endpoint, to, facts)) }
}

function servesSince(judge: Judge, endpoint: Endpoint, { place, ucc }: SearchFacts): boolean {
  if (!judge.saidSince(endpoint, ucc, place.since)) return false
  return endpoint.contract === 'absent' || judge.running(judge.word(endpoint, ucc), ucc)
}

/** Its server was heard of by another road only: this one may be what broke. */
function isSilentRoad(road: Endpoint, among: readonly Endpoint[], since: Instant): boolean {
  if (road.server === undefined || road.answeredSince(since)) return false
  return among.some((other) => other.server === road.server && other.answeredSince(since))
}

/** Nobody stands as a candidate: breakers, drains and refused tokens bar nobody any more; the fence still does. */
function lenient(judge: Judge, fresh: readonly Endpoint[], { ucc }: SearchFacts): Standing[] {
  const allowed = fresh.filter((endpoint) => judge.fence(ucc).allows(judge.word(endpoint, ucc)?.term))
  const staying = allowed.filter((endpoint) => judge.word(endpoint, ucc)?.draining !== true)
  return (staying.length > 0 ? staying : allowed).map((endpoint) => judge.standing(endpoint, ucc))
}

function pick(judge: Judge, usable: readonly Standing[], facts: SearchFacts): Standing | undefined {
  const { place, asked } = facts
  const ordered = inOrder(usable, asked)
  const best = ordered[0]
  if (best === undefined || place.from === undefined || best.endpointId === asked) return best
  const same = ordered.find((standing) => isWhence(standing, place))
  if (same === undefined) return best
  if (comesLast(judge, place)) return ordered.find((standing) => !isWhence(standing, place)) ?? same
  // The connection broke, the server did not: stay with it, unless another one has the higher term.
  return compareStandings(best, same).reason === 'term' && !isWhence(best, place) ? best : same
}

/**
 * Is the lost place the last choice? It sent us away, was dialled again in vain, or has no readiness to say that it
 * serves all the same.
 */
function comesLast(judge: Judge, { from, reason, hasRedialFailed }: Searching): boolean {
  return (
    hasRedialFailed === true ||
    NOT_BACK.has(reason) ||
    (from !== undefined && judge.roster.get(from)?.contract === 'absent')
  )
}

export function isWhence(
  { endpointId, server }: Pick<Standing, 'endpointId' | 'server'>,
  { from, fromServer }: Searching,
): boolean {
  // By the server's name where it is known: the endpoint may lead elsewhere by now.
  return server === undefined || fromServer === undefined ? endpointId === from : server === fromServer
}

function couldBeBetter(judge: Judge, endpoint: Endpoint, than: Standing, facts: SearchFacts): boolean {
  const { place, ucc, asked } = facts
  if (endpoint.id === than.endpointId || facts.barred(endpoint.id)) return false
  if (judge.triedSince(endpoint, ucc, place.since)) return false
  const standing = judge.standing(endpoint, ucc)
  if (isWhence(standing, place)) return !comesLast(judge, place)
  // A server that has just sent us away answers first because it is near: whoever could take us is heard before.
  if (isWhence(than, place) && comesLast(judge, place)) return standing.candidate
  return compareStandings(standing, than, asked).difference < 0
}

/** When the lost-side answers arrive one by one: the earliest instant at which waiting for a better road ends. */
export function betterRoadUntil(readyAt: Instant, betterRoadMs: number): Instant {
  return readyAt + betterRoadMs
}
