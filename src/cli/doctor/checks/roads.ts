/** Can each server be reached: TCP, and the certificate. */
import type { Facts, RoadFacts, TlsFacts } from '../facts'
import type { Finding, FindingCode } from './finding'
import { impact, listed, tlsOf } from './view'

const DAY_MS = 86_400_000
/** Renewals take place long before this. */
const SOON_DAYS = 30
const VERY_SOON_DAYS = 7

export function checkRoads(facts: Facts): Finding[] {
  return [...facts.roads.flatMap((road) => [...tcp(road, facts), ...tls(road, facts)]), ...plain(facts)]
}

function tcp({ tcp: seen, id, address, url, source }: RoadFacts, facts: Facts): Finding[] {
  if (seen.kind === 'open') return []
  const finding = (code: FindingCode, text: string): Finding[] => [
    { code, level: impact(facts), subject: id, seen: text },
  ]
  if (address === undefined) {
    // Of the dedicated hostname, and of name servers that fail, DNS itself is to be told about.
    return source === 'hostname' || isDnsDead(facts)
      ? []
      : finding('ROAD_NO_ADDRESS', `${new URL(url).hostname} has no address.`)
  }
  if (seen.code === 'ECONNREFUSED') return finding('TCP_REFUSED', `${address} refuses connections for ${url}.`)
  return finding('TCP_SILENT', `${address} cannot be reached for ${url} (${seen.code}).`)
}

function tls(road: RoadFacts, facts: Facts): Finding[] {
  const level = impact(facts)
  const { id } = road
  if (road.tls?.kind === 'failure') {
    return [{ code: 'TLS_FAILS', level, subject: id, seen: `The TLS handshake fails (${road.tls.code}).` }]
  }
  const seen = tlsOf(road)
  if (seen === undefined) return []
  return [
    ...names(road, seen, facts),
    ...dates(id, seen, facts),
    ...chain(id, seen, facts),
    ...(/^TLSv1(\.1)?$/.test(seen.protocol)
      ? [{ code: 'TLS_OLD_PROTOCOL', level, subject: id, seen: `It speaks ${seen.protocol} at most.` } as const]
      : []),
  ]
}

function names({ id, url }: RoadFacts, seen: TlsFacts, facts: Facts): Finding[] {
  const has = `The certificate is for ${listed(seen.names.slice(0, 8))}`
  const { hostname } = new URL(url)
  if (!seen.coversRoad) {
    return [{ code: 'TLS_NAME_MISSING', level: impact(facts), subject: id, seen: `${has}, not for ${hostname}.` }]
  }
  if (seen.coversHostname) return []
  const text = `${has}, not for the dedicated hostname ${facts.question.name}.`
  return [{ code: 'TLS_HOSTNAME_MISSING', level: 'fragile', subject: id, seen: text }]
}

function dates(subject: string, { validFrom, validTo }: TlsFacts, facts: Facts): Finding[] {
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10)
  if (validTo < facts.at) {
    return [{ code: 'TLS_EXPIRED', level: impact(facts), subject, seen: `The certificate ended on ${day(validTo)}.` }]
  }
  if (validFrom > facts.at) {
    const seen = `The certificate begins on ${day(validFrom)}.`
    return [{ code: 'TLS_NOT_YET_VALID', level: impact(facts), subject, seen }]
  }
  const days = Math.floor((validTo - facts.at) / DAY_MS)
  if (days >= SOON_DAYS) return []
  const level = days < VERY_SOON_DAYS ? 'fragile' : 'hint'
  return [{ code: 'TLS_EXPIRES_SOON', level, subject, seen: `The certificate ends in ${days} days.` }]
}

function chain(subject: string, { chainProblem, issuer, chainLength }: TlsFacts, facts: Facts): Finding[] {
  if (chainProblem === undefined) return []
  const level = impact(facts)
  if (chainProblem === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE') {
    const seen = `The server sent ${chainLength} certificate(s), and that of the issuer "${issuer}" is not among them.`
    return [{ code: 'TLS_CHAIN_INCOMPLETE', level, subject, seen }]
  }
  const seen = `The issuer "${issuer}" is not trusted by this machine (${chainProblem}).`
  return [{ code: 'TLS_ISSUER_UNKNOWN', level, subject, seen }]
}

function plain({ roads }: Facts): Finding[] {
  const urls = [...new Set(roads.map(({ url }) => url).filter((url) => url.startsWith('http:')))]
  return urls.length === 0 ? [] : [{ code: 'PLAIN_HTTP', level: 'hint', seen: `Plain http: ${listed(urls)}.` }]
}

function isDnsDead({ dns }: Facts): boolean {
  const asked = (dns?.resolvers ?? []).filter(({ role }) => role === 'configured')
  return asked.length > 0 && asked.every(({ answer }) => answer.kind === 'failure')
}
