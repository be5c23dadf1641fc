/** How long a failover takes here, with this library and without. */
import { ttlOf } from './checks/dns'
import { isBalanced, isUsable, targetsOf } from './checks/view'
import type { Facts } from './facts'

/** Seconds, where they can be told, and what they consist of. */
export interface Estimate {
  /** `null`: it does not end by itself, or nobody can tell from here. */
  readonly seconds: number | null
  readonly text: string
}

export interface Estimates {
  /** A client that knows the dedicated hostname only, and dials it again when its connection breaks. */
  readonly plain: Estimate
  /** A client of this library. */
  readonly library: Estimate
}

/** Chromium keeps a name at least this long. */
const BROWSER_CACHE_S = 60
/** A question to DNS every 10 s, and once more to believe it. */
const FOLLOWS_DNS_S = 15
/** The slowest p99 of a loss that nothing announces. */
const SILENT_LOSS_S = 3

export function estimate(facts: Facts): Estimates {
  if (!facts.roads.some((road) => isUsable(road, facts))) {
    const nothing = { seconds: null, text: 'nothing works now' }
    return { plain: nothing, library: nothing }
  }
  return { plain: plainOf(facts), library: libraryOf(facts) }
}

function plainOf(facts: Facts): Estimate {
  if (isBalanced(facts)) {
    return { seconds: null, text: 'as long as the load balancer’s check takes; open connections may hang for minutes' }
  }
  const ttl = facts.dns === undefined ? undefined : ttlOf(facts.dns)
  if (ttl === undefined) return { seconds: null, text: 'until somebody repairs the server' }
  const seconds = ttl.seconds + BROWSER_CACHE_S
  const kept = `TTL ${ttl.isAtLeast ? 'of at least ' : ''}${ttl.seconds} s`
  const text = `after somebody has changed the record: ${kept}, ${BROWSER_CACHE_S} s and more in the browser`
  return { seconds, text }
}

function libraryOf(facts: Facts): Estimate {
  const isKnown = facts.roads.some(({ source }) => source !== 'hostname')
  if (isKnown && targetsOf(facts).length >= 2) {
    const text = `a killed server within 1 s, a silent one within ${SILENT_LOSS_S} s; nobody has to do anything`
    return { seconds: SILENT_LOSS_S, text }
  }
  if (isKnown) return { seconds: null, text: 'there is nobody to fail over to' }
  if (isBalanced(facts)) return { seconds: null, text: 'as long as the load balancer’s check takes' }
  const ttl = facts.dns === undefined ? undefined : ttlOf(facts.dns)
  if (facts.dns === undefined || ttl === undefined) return { seconds: null, text: 'until somebody repairs the server' }
  const asksZone = facts.dns.resolvers.some(({ role, answer }) => role === 'zone' && answer.kind === 'answer')
  const seconds = FOLLOWS_DNS_S + (asksZone ? 0 : ttl.seconds)
  return { seconds, text: 'after somebody has changed the record, as no other server is known' }
}
