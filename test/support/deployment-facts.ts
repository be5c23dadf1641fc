/** A deployment that is as the guide wants it, as the doctor would see it; tests break it one thing at a time. */
import type { ReadinessBody } from '../../src/core/wire'
import type { Facts, HttpFacts, NameAnswer, Question, RoadFacts, TlsFacts } from '../../src/cli/doctor/facts'

export const NOW = Date.UTC(2026, 10, 22)
const DAY_MS = 86_400_000

const PEERS = [
  { server: 'srv1', url: 'https://srv1.contoso.com' },
  { server: 'srv2', url: 'https://srv2.contoso.com' },
]
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Retry-After',
  'access-control-allow-headers': 'Authorization, Content-Type, Idempotency-Key',
}

export const QUESTION: Question = {
  url: 'https://a365web1.contoso.com',
  name: 'a365web1.contoso.com',
  ucc: 'helpdesk',
  endpoints: [{ url: 'https://srv1.contoso.com' }, { url: 'https://srv2.contoso.com' }],
}

export function body(server: string, more: Partial<ReadinessBody> = {}): ReadinessBody {
  const state = server === 'srv1' ? 'running' : 'stopped'
  return { server, versions: [1], ucc: 'helpdesk', state, term: server === 'srv1' ? 7 : 6, peers: PEERS, ...more }
}

export function http(answer: ReadinessBody | undefined, more: Partial<HttpFacts> = {}): HttpFacts {
  return {
    kind: 'http',
    status: answer?.state === 'running' ? 200 : 503,
    headers: { 'cache-control': 'no-store', ...CORS },
    ...(answer === undefined ? {} : { body: answer }),
    tookMs: 12,
    skewMs: 200,
    ...more,
  }
}

export const UPGRADED: HttpFacts = { kind: 'http', status: 101, headers: {}, tookMs: 5 }
export const PREFLIGHT: HttpFacts = { kind: 'http', status: 204, headers: CORS, tookMs: 5 }

export function certificate(more: Partial<TlsFacts> = {}): TlsFacts {
  return {
    kind: 'tls',
    protocol: 'TLSv1.3',
    names: ['*.contoso.com'],
    coversRoad: true,
    coversHostname: true,
    issuer: 'Contoso CA',
    validFrom: NOW - 30 * DAY_MS,
    validTo: NOW + 300 * DAY_MS,
    chainLength: 2,
    ...more,
  }
}

/** A road to that server, by its own name; as a page sees it, too. */
export function road(server: string, more: Partial<RoadFacts> = {}): RoadFacts {
  const url = `https://${server}.contoso.com`
  const answer = http(body(server))
  return {
    id: url,
    url,
    source: 'endpoint',
    address: server === 'srv1' ? '203.0.113.11' : '203.0.113.12',
    tcp: { kind: 'open', tookMs: 3 },
    tls: certificate(),
    ready: answer,
    again: answer,
    upgrade: UPGRADED,
    ...more,
  }
}

/** That road with another readiness answer. */
export function answering(server: string, more: Partial<ReadinessBody>, rest: Partial<RoadFacts> = {}): RoadFacts {
  const answer = http(body(server, more))
  return road(server, { ready: answer, again: answer, ...rest })
}

/** The dedicated hostname, which leads to `server`. */
export function hostnameRoad(server = 'srv1', more: Partial<RoadFacts> = {}): RoadFacts {
  return road(server, { id: QUESTION.url, url: QUESTION.url, source: 'hostname', ...more })
}

export function answer(more: Partial<NameAnswer> = {}): NameAnswer {
  return {
    kind: 'answer',
    aliases: ['srv1.contoso.com'],
    addresses: ['203.0.113.11'],
    ttlSeconds: 30,
    addressTtlSeconds: 3600,
    ...more,
  }
}

/** The resolver that is asked, and the zone's own name server. */
export function resolvers(
  configured: NameAnswer | { readonly kind: 'failure'; readonly code: string } = answer(),
  zone: NameAnswer | { readonly kind: 'failure'; readonly code: string } = configured,
): NonNullable<Facts['dns']> {
  return {
    resolvers: [
      { server: '10.0.0.54', role: 'configured', answer: configured },
      { server: '10.0.0.53', role: 'zone', answer: zone },
    ],
    system: configured.kind === 'answer' ? configured.addresses : [],
    services: [],
  }
}

export const HEALTHY: Facts = {
  question: QUESTION,
  at: NOW,
  dns: resolvers(),
  roads: [hostnameRoad(), road('srv1'), road('srv2')],
}
