/** Everything that can be seen of a deployment, side by side, within a bounded time whatever does not answer. */
import { setMaxListeners } from 'node:events'
import { isIP } from 'node:net'
import { acceptLearnedUrl, normaliseBase, type Base } from '../../../client/urls'
import type { DnsFacts, Facts, Question, RoadFacts, RoadSource } from '../facts'
import { gatherDns, resolveHere } from './dns'
import { gatherRoad, silentRoad, type Road } from './road'
import { within } from './within'

/** Everything has deadlines of its own; where all of them pass, one after the other, this comes first. */
const RUN_MS = 18_000
const MAX_ROADS = 16

export async function gather(question: Question): Promise<Facts> {
  const at = Date.now()
  const endsAt = performance.now() + RUN_MS
  const signal = AbortSignal.timeout(RUN_MS)
  // Every question listens; Node would take more than ten for a leak, and say so.
  setMaxListeners(0, signal)
  const look = (road: Road): Promise<RoadFacts> =>
    within(endsAt - performance.now(), gatherRoad(road, question), silentRoad(road))
  const [dns, configured] = await Promise.all([
    isIP(question.name) === 0 ? gatherDns(question, signal) : undefined,
    Promise.all(question.endpoints.map((place) => roadTo(place.url, 'endpoint', question, signal, place.address))),
  ])
  const services = await Promise.all(
    learned(dns?.services ?? [], question).map((url) => roadTo(url, 'srv', question, signal)),
  )
  const first = distinct([...hostnameRoads(question, dns), ...configured, ...services])
  const seen = await Promise.all(first.map(look))
  const peers = await Promise.all(learned(peersOf(seen), question).map((url) => roadTo(url, 'peer', question, signal)))
  const second = distinct([...first, ...peers]).slice(first.length)
  const further = await Promise.all(second.map(look))
  return { question, at, ...(dns === undefined ? {} : { dns }), roads: [...seen, ...further] }
}

/** The dedicated hostname at each address anybody names. */
function hostnameRoads({ url, name }: Question, dns: DnsFacts | undefined): Road[] {
  const road: Road = { url, source: 'hostname', isPinned: false }
  if (dns === undefined) return [{ ...road, address: name }]
  const answers = dns.resolvers.flatMap(({ answer }) => (answer.kind === 'answer' ? answer.addresses : []))
  const addresses = [...new Set([...answers, ...dns.system])]
  if (addresses.length === 0) return [road]
  return addresses.map((address) => ({ ...road, address, isPinned: addresses.length > 1 }))
}

async function roadTo(
  url: string,
  source: RoadSource,
  question: Question,
  signal: AbortSignal,
  pinned?: string,
): Promise<Road> {
  if (pinned !== undefined) return { url, source, address: pinned, isPinned: true }
  const name = new URL(url).hostname.replace(/^\[|\]$/g, '')
  const [address] = isIP(name) === 0 ? await resolveHere(name, question, signal) : [name]
  return { url, source, isPinned: false, ...(address === undefined ? {} : { address }) }
}

/** One of each URL and address; the first to name it stays. */
function distinct(roads: readonly Road[]): Road[] {
  const byKey = new Map<string, Road>()
  for (const road of roads) {
    const key = `${road.url} ${road.address ?? ''}`
    if (!byKey.has(key)) byKey.set(key, road)
  }
  return [...byKey.values()].slice(0, MAX_ROADS)
}

function peersOf(roads: readonly RoadFacts[]): string[] {
  return roads.flatMap(({ ready }) => (ready?.kind === 'http' ? (ready.body?.peers ?? []).map(({ url }) => url) : []))
}

/** Those a client would use, too. Nobody else's servers are dialled because a server says so. */
function learned(texts: readonly string[], { url, endpoints }: Question): string[] {
  const result = normaliseBase(url)
  if (!result.ok) return []
  const rules = { hostname: result.base, allowedHosts: [], configured: endpoints.map((one) => one.url) }
  const urls = texts.flatMap((text) => {
    const accepted = acceptLearnedUrl(withScheme(text, result.base), rules)
    return accepted.ok ? [accepted.url] : []
  })
  return [...new Set(urls)]
}

/** SRV records name hosts and ports alone. */
function withScheme(text: string, { scheme, path }: Base): string {
  return text.includes('://') ? text : `${scheme}://${text}${path}`
}
