/** From one place of a seat to the next: pure functions, one a transition. */
import type { Endpoint } from './endpoint'
import type { MovePlan, MoveReason } from './pool-protocol'
import type { Word } from './readiness-book'
import type { OldLink, Place, Searching, Settled } from './seat-state'
import { OLD_LINK_TRANSITIONS, PLACE_TRANSITIONS, SEARCH_TRANSITIONS, TRUST_TRANSITIONS } from './seat-transitions'
import type { DurationMs, Instant } from './time'
import { transition } from './transitions'

/** Why a seat leaves a place where it had settled. */
export type Leaving = 'lose' | 'stop' | 'doubt' | 'need'

export interface LeaveFacts {
  readonly reason: MoveReason
  readonly oldLink: OldLink
  /** Last proof of the old side. */
  readonly lastProof: Instant
  readonly evidence: readonly string[]
  /** What answered from then on counts. Default: now. */
  readonly since?: Instant
  /** We ourselves were stopped just before. */
  readonly isByOwnPause?: boolean
}

// ---- between places -----------------------------------------------------------------------------------------------

/** Where every seat begins. */
export function beginning(now: Instant): Searching {
  return searching(now, { reason: 'start', oldLink: 'gone', lastProof: now, evidence: [] })
}

/** Off a place, without a draw of its own yet. */
export function left(
  now: Instant,
  here: Settled,
  event: Leaving,
  from: Endpoint | undefined,
  facts: LeaveFacts,
): Searching {
  const fromServer = here.server ?? from?.server
  return {
    ...searching(now, facts),
    is: transition(PLACE_TRANSITIONS, here.is, event),
    ...(from === undefined ? {} : { from: from.id }),
    ...(fromServer === undefined ? {} : { fromServer }),
    ...(here.goaway === undefined ? {} : { goaway: here.goaway }),
    ...(facts.isByOwnPause === true ? { isByOwnPause: true as const } : {}),
  }
}

function searching(now: Instant, { reason, oldLink, lastProof, evidence, since }: LeaveFacts): Searching {
  return {
    is: 'searching',
    since: since ?? now,
    reason,
    oldLink,
    lastProof: Math.min(lastProof, now),
    detected: now,
    dialAfter: now,
    search: { is: 'asking' },
    evidence,
  }
}

/** A move has ended where it led: on a live connection to this server, or with requests only. */
export function arrived(now: Instant, { is }: Place, { to, times }: MovePlan, live: boolean, server?: string): Settled {
  return {
    is: live ? transition(PLACE_TRANSITIONS, is, 'attach') : transition(PLACE_TRANSITIONS, is, 'route'),
    endpointId: to,
    chosenAt: times.dialled,
    since: now,
    trust: { is: 'trusted' },
    ...(live && server !== undefined ? { server } : {}),
  }
}

/** On the connection that was nearly left; what it had said of itself still holds. */
export function backAt(now: Instant, { is, fromServer, goaway }: Searching, endpointId: string): Settled {
  return {
    is: transition(PLACE_TRANSITIONS, is, 'recover'),
    endpointId,
    chosenAt: now,
    since: now,
    trust: { is: 'trusted' },
    ...(fromServer === undefined ? {} : { server: fromServer }),
    ...(goaway === undefined ? {} : { goaway }),
  }
}

// ---- while settled ------------------------------------------------------------------------------------------------

export function suspected(now: Instant, place: Settled, lastProof: Instant): Settled {
  if (place.trust.is !== 'trusted') return place
  return { ...place, trust: { is: transition(TRUST_TRANSITIONS, place.trust.is, 'suspect'), since: now, lastProof } }
}

/** The ping was not answered. */
export function unanswered(now: Instant, place: Settled, lastProof: Instant): Settled {
  const { trust } = place
  const known = trust.is === 'trusted' ? { since: now } : trust
  return { ...place, trust: { ...known, is: transition(TRUST_TRANSITIONS, trust.is, 'hush'), lastProof } }
}

/** Another server has answered what was asked because of the suspicion. */
export function heardElsewhere(place: Settled, at: Instant | undefined): Settled {
  const { trust } = place
  if (at === undefined || trust.is === 'trusted' || trust.elsewhereAt !== undefined) return place
  return { ...place, trust: { ...trust, elsewhereAt: at } }
}

/** The server in doubt is asked once more. */
export function askedAgain(place: Settled): Settled {
  return place.trust.is === 'trusted' ? place : { ...place, trust: { ...place.trust, isAskedAgain: true } }
}

/** The connection spoke. */
export function trusted(place: Settled): Settled {
  if (place.trust.is === 'trusted') return place
  return { ...place, trust: { is: transition(TRUST_TRANSITIONS, place.trust.is, 'hear') } }
}

/**
 * Does the server still leave? Not when its readiness takes that back, or its UCC has begun anew; where readiness does
 * not speak of it, not when it is still there long after its time (`lapseMs`).
 */
export function leaving(now: Instant, place: Settled, word: Word | undefined, lapseMs: DurationMs): Settled {
  const { goaway, ...staying } = place
  if (goaway === undefined) return place
  const isTakenBack = goaway.isSaid === true && word?.draining === false
  const isAnew = word?.risenAt !== undefined && word.risenAt > goaway.at
  if (isTakenBack || isAnew || now >= goaway.until + lapseMs) return staying
  return goaway.isSaid === undefined && word?.draining === true
    ? { ...place, goaway: { ...goaway, isSaid: true } }
    : place
}

// ---- while searching ----------------------------------------------------------------------------------------------

export function oldLinkAfter(place: Searching, event: 'lose' | 'drop' | 'hush'): Searching {
  return { ...place, oldLink: transition(OLD_LINK_TRANSITIONS, place.oldLink, event) }
}

/** When everybody is to be asked, where that is put off. */
export function askAt({ search }: Searching): Instant | undefined {
  return 'askAt' in search ? search.askAt : undefined
}

/** Everybody is asked at this instant. */
export function putOff(place: Searching, at: Instant): Searching {
  return { ...place, search: { is: transition(SEARCH_TRANSITIONS, place.search.is, 'rest'), askAt: at } }
}

/** Everybody is asked. */
export function asked(now: Instant, place: Searching): Searching {
  const { search } = place
  if (search.is === 'asking') return place
  if (search.is === 'patient')
    return { ...place, askedAt: now, search: { is: transition(SEARCH_TRANSITIONS, search.is, 'ask') } }
  return { ...place, askedAt: now, search: { is: search.is, readyAt: search.readyAt } }
}

/** A road is known since then; `compare`: a better one is waited for. */
export function known(place: Searching, event: 'compare' | 'choose', readyAt: Instant): Searching {
  const at = askAt(place)
  const is = transition(SEARCH_TRANSITIONS, place.search.is, event)
  return { ...place, search: { is, readyAt, ...(at === undefined ? {} : { askAt: at }) } }
}

/** No road is known any more. */
export function unknown(place: Searching): Searching {
  const { search } = place
  if (search.is === 'patient' || search.is === 'asking') return place
  if (search.askAt === undefined)
    return { ...place, search: { is: transition(SEARCH_TRANSITIONS, search.is, 'forget') } }
  return { ...place, search: { is: transition(SEARCH_TRANSITIONS, search.is, 'rest'), askAt: search.askAt } }
}

/** An attempt has failed; `isRedial`: at the server that was lost. What answers from now on counts. */
export function attemptFailed(now: Instant, place: Searching, isRedial: boolean): Searching {
  return { ...unknown(place), since: now, ...(isRedial ? { hasRedialFailed: true as const } : {}) }
}

/** When the road in sight was first known. */
export function readyAt({ search }: Searching): Instant | undefined {
  return 'readyAt' in search ? search.readyAt : undefined
}
