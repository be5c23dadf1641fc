/** Questions that several checks ask of the facts. */
import type { ReadinessBody } from '../../../core/wire'
import { PROTOCOL_VERSION } from '../../../core/wire'
import type { Facts, HttpFacts, RoadFacts, TlsFacts } from '../facts'
import type { Level } from './finding'

/** A server of the deployment, as it names itself, with the first road that leads to it. */
export interface ServerView {
  readonly name: string
  readonly body: ReadinessBody
  readonly road: RoadFacts
}

export function tlsOf({ tls }: RoadFacts): TlsFacts | undefined {
  return tls?.kind === 'tls' ? tls : undefined
}

export function readyOf({ ready }: RoadFacts): HttpFacts | undefined {
  return ready?.kind === 'http' ? ready : undefined
}

export function bodyOf(road: RoadFacts): ReadinessBody | undefined {
  return readyOf(road)?.body
}

/** Would a client's dial succeed, certificate included? */
export function isDialable(road: RoadFacts, at: number): boolean {
  if (road.tcp.kind !== 'open' || road.tls?.kind === 'failure') return false
  const tls = tlsOf(road)
  return (
    tls === undefined || (tls.coversRoad && tls.chainProblem === undefined && tls.validFrom <= at && at <= tls.validTo)
  )
}

/** Could a client use the UCC by this road now? Without readiness anywhere, whoever answers is taken for it. */
export function isUsable(road: RoadFacts, facts: Facts): boolean {
  const ready = readyOf(road)
  if (!isDialable(road, facts.at) || ready === undefined) return false
  const { body } = ready
  if (body !== undefined) return body.state === 'running' && body.versions.includes(PROTOCOL_VERSION)
  return ready.status < 500 && facts.roads.every((one) => bodyOf(one) === undefined)
}

/** How bad is what bars one road? The worst, when no other road is left. */
export function impact(facts: Facts): Level {
  return facts.roads.some((road) => isUsable(road, facts)) ? 'fragile' : 'broken'
}

/** Servers that answer readiness, by their own names. */
export function serversOf(facts: Facts): readonly ServerView[] {
  const found = new Map<string, ServerView>()
  // By their own roads rather than by the dedicated hostname.
  const roads = [...facts.roads].sort((left, right) => rank(left) - rank(right))
  for (const road of roads) {
    const body = bodyOf(road)
    if (body !== undefined && !found.has(body.server)) found.set(body.server, { name: body.server, body, road })
  }
  return [...found.values()]
}

function rank({ source }: RoadFacts): number {
  return source === 'hostname' ? 1 : 0
}

/** Servers that could take over or serve now: dialable, of our version, and they know the UCC. */
export function targetsOf(facts: Facts): readonly string[] {
  const dialable = facts.roads.filter((road) => isDialable(road, facts.at) && readyOf(road) !== undefined)
  const named = dialable.flatMap((road) => {
    const body = bodyOf(road)
    return body !== undefined && body.state !== 'unknown' && body.versions.includes(PROTOCOL_VERSION)
      ? [body.server]
      : []
  })
  if (facts.roads.some((road) => bodyOf(road) !== undefined)) return [...new Set(named)]
  return [...new Set(dialable.flatMap(({ address }) => (address === undefined ? [] : [address])))]
}

/** Where does the dedicated hostname lead: to a server itself, or to something in front of the servers? */
export function isBalanced(facts: Facts): boolean {
  const others = facts.roads.filter(({ source }) => source !== 'hostname')
  const own = facts.roads.filter(({ source }) => source === 'hostname')
  const addresses = new Set(others.map(({ address }) => address))
  const names = new Set(serversOf(facts).map(({ name }) => name))
  return own.some((road) => {
    const body = bodyOf(road)
    const isServer = addresses.has(road.address)
    return (
      body !== undefined && !isServer && others.some((other) => bodyOf(other) !== undefined) && names.has(body.server)
    )
  })
}

/** `a, b and c` */
export function listed(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? 'nothing') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
