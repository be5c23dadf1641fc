/** What a page of `--origin` would meet. */
import { isIP } from 'node:net'
import type { Facts, HttpFacts, RoadFacts } from '../facts'
import type { Finding, Level } from './finding'
import { bodyOf, isUsable, listed } from './view'

const NEEDED_HEADERS = ['authorization', 'content-type', 'idempotency-key']

export function checkPages(facts: Facts): Finding[] {
  const { origin } = facts.question
  if (origin === undefined) return []
  const isServed = facts.roads.some((road) => isUsable(road, facts) && problems(road, origin).length === 0)
  const level = isServed ? 'fragile' : 'broken'
  return [
    ...facts.roads.flatMap((road) => [...problems(road, origin, level), ...hiddenHeaders(road)]),
    ...localNetwork(facts.roads, origin),
  ]
}

function problems(road: RoadFacts, origin: string, level: Level = 'fragile'): Finding[] {
  const { page, id: subject, url } = road
  if (origin.startsWith('https:') && url.startsWith('http:')) {
    return [{ code: 'MIXED_CONTENT', level, subject, seen: `A page of ${origin} would use ${url}.` }]
  }
  if (page === undefined || bodyOf(road) === undefined) return []
  const findings: Finding[] = []
  if (page.actual.kind === 'http' && !allows(page.actual, origin)) {
    const seen = `Readiness comes with Access-Control-Allow-Origin: ${allowed(page.actual)} to a page of ${origin}.`
    findings.push({ code: 'CORS_MISSING', level, subject, seen })
  }
  const refusal = refusalOf(page.preflight, origin)
  if (refusal !== undefined) {
    const seen = `The preflight of a command ${refusal}.`
    findings.push({ code: 'CORS_PREFLIGHT', level, subject, seen })
  }
  return findings
}

function allowed({ headers }: HttpFacts): string {
  return headers['access-control-allow-origin'] ?? '(none)'
}

function allows(answer: HttpFacts, origin: string): boolean {
  return ['*', origin].includes(allowed(answer))
}

function refusalOf(preflight: NonNullable<RoadFacts['page']>['preflight'], origin: string): string | undefined {
  if (preflight.kind === 'failure') return `failed (${preflight.code})`
  if (preflight.status < 200 || preflight.status > 299) return `was answered with ${preflight.status}`
  if (!allows(preflight, origin)) return `came with Access-Control-Allow-Origin: ${allowed(preflight)}`
  const text = preflight.headers['access-control-allow-headers'] ?? ''
  const names = text
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
  // Without credentials a * stands for all but this one.
  const missing = NEEDED_HEADERS.filter(
    (name) => !names.includes(name) && (name === 'authorization' || !names.includes('*')),
  )
  return missing.length === 0 ? undefined : `does not allow the headers ${listed(missing)}`
}

function hiddenHeaders({ page, id: subject }: RoadFacts): Finding[] {
  if (page?.actual.kind !== 'http' || page.actual.body === undefined) return []
  const exposed = page.actual.headers['access-control-expose-headers'] ?? ''
  if (/(^|,)\s*(\*|retry-after)\s*(,|$)/i.test(exposed)) return []
  const seen = `Access-Control-Expose-Headers: ${exposed === '' ? '(none)' : exposed}.`
  return [{ code: 'CORS_RETRY_AFTER_HIDDEN', level: 'hint', subject, seen }]
}

function localNetwork(roads: readonly RoadFacts[], origin: string): Finding[] {
  const addresses = new Set(
    roads.flatMap(({ address }) => (address !== undefined && isPrivate(address) ? [address] : [])),
  )
  if (addresses.size === 0) return []
  const seen = `${listed([...addresses])}: private addresses, for a page of ${origin}.`
  return [{ code: 'LOCAL_NETWORK_ACCESS', level: 'hint', seen }]
}

/** Loopback, link-local and private use (RFC 1918, 4193, 6598). */
export function isPrivate(address: string): boolean {
  if (isIP(address) === 6) return /^(::1$|f[cd]|fe[89ab])/i.test(address)
  return /^(10\.|127\.|169\.254\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/.test(
    address,
  )
}
