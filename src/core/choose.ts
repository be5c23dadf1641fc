/**
 * Choose: the one pure function that ranks endpoints; nothing else does. Latency never decides. The order of reasons is
 * data: asked for by `switchover`, higher term, designated, lower rank number.
 */

/** What Choose must know of one endpoint, for one UCC. */
export interface Standing {
  readonly endpointId: string
  /** Who answers there; two endpoints of one server are one failover target. */
  readonly server: string | undefined
  /** May be moved to: breaker closed, running (or no contract), not draining, not below the fence. */
  readonly candidate: boolean
  readonly term: number | undefined
  readonly designated: boolean
  readonly rank: number
  /** Registration order; breaks ties of rank, so that the order is total. */
  readonly order: number
}

export type PreferenceReason = 'switchover' | 'term' | 'designation' | 'rank'

interface Preference {
  readonly reason: PreferenceReason
  /** Negative: the first is preferred. */
  readonly compare: (a: Standing, b: Standing, asked: string | undefined) => number
}

const yesFirst = (a: boolean, b: boolean): number => Number(b) - Number(a)

export const PREFERENCES: readonly Preference[] = [
  { reason: 'switchover', compare: (a, b, asked) => yesFirst(a.endpointId === asked, b.endpointId === asked) },
  // No term is equal to all: it neither wins nor loses by term.
  { reason: 'term', compare: (a, b) => (a.term === undefined || b.term === undefined ? 0 : b.term - a.term) },
  { reason: 'designation', compare: (a, b) => yesFirst(a.designated, b.designated) },
  { reason: 'rank', compare: (a, b) => a.rank - b.rank || a.order - b.order },
]

/** The first reason that tells two standings apart, and for whom it speaks. */
export function compareStandings(
  a: Standing,
  b: Standing,
  asked?: string,
): { readonly reason: PreferenceReason; readonly difference: number } {
  for (const { reason, compare } of PREFERENCES) {
    const difference = compare(a, b, asked)
    if (difference !== 0) return { reason, difference }
  }
  return { reason: 'rank', difference: 0 }
}

/** The preferred candidate, if any may be moved to. */
export function preferred(standings: readonly Standing[], asked?: string): Standing | undefined {
  const left = byRank(standings.filter((standing) => standing.candidate))
  return left[unbeaten(left, asked)]
}

/**
 * Best first. "No term equals all" is not transitive, so this is no sort: each place is taken by the one that nobody
 * left beats, the earlier registered one where that is a ring.
 */
export function inOrder(standings: readonly Standing[], asked?: string): Standing[] {
  const left = byRank(standings)
  const ordered: Standing[] = []
  while (left.length > 0) ordered.push(...left.splice(unbeaten(left, asked), 1))
  return ordered
}

function byRank(standings: readonly Standing[]): Standing[] {
  return [...standings].sort((a, b) => a.rank - b.rank || a.order - b.order)
}

function unbeaten(left: readonly Standing[], asked: string | undefined): number {
  const isUnbeaten = (a: Standing): boolean =>
    left.every((b) => a === b || compareStandings(a, b, asked).difference <= 0)
  return Math.max(0, left.findIndex(isUnbeaten))
}

export type Choice =
  | { readonly do: 'stay' }
  /** Current is no candidate: go now. */
  | { readonly do: 'failover'; readonly to: Standing }
  /** Current is no candidate and nobody else is one. */
  | { readonly do: 'wait' }
  /** Current still serves, another is preferred. */
  | { readonly do: 'move'; readonly to: Standing; readonly reason: PreferenceReason }

export function choose(
  standings: readonly Standing[],
  current: { readonly endpointId: string; readonly serves: boolean },
  asked?: string,
): Choice {
  const here = standings.find((standing) => standing.endpointId === current.endpointId)
  const best = preferred(standings, asked)
  if (here === undefined || !current.serves) {
    return best === undefined || best.endpointId === current.endpointId ? { do: 'wait' } : { do: 'failover', to: best }
  }
  if (best === undefined || best.endpointId === here.endpointId) return { do: 'stay' }
  const { reason, difference } = compareStandings(best, here, asked)
  if (difference >= 0) return { do: 'stay' }
  // Two roads to one server are one target: only an explicit wish changes the road.
  if (best.server !== undefined && best.server === here.server && reason !== 'switchover') return { do: 'stay' }
  return { do: 'move', to: best, reason }
}
