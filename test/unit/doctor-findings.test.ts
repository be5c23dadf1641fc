/** Broken deployments as facts, and what the doctor says of each. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { check } from '../../src/cli/doctor/checks/check'
import { FINDINGS } from '../../src/cli/doctor/checks/findings'
import type { FindingCode, Level } from '../../src/cli/doctor/checks/finding'
import type { Facts, HttpFacts, RoadFacts } from '../../src/cli/doctor/facts'
import { reportOf } from '../../src/cli/doctor/report'
import {
  answer,
  answering,
  body,
  certificate,
  HEALTHY,
  hostnameRoad,
  http,
  NOW,
  PREFLIGHT,
  QUESTION,
  resolvers,
  road,
} from '../support/deployment-facts'

const DAY_MS = 86_400_000
const ORIGIN = 'https://app.contoso.com'
const REFUSED = { kind: 'failure', code: 'ECONNREFUSED' } as const
const SILENT = { kind: 'failure', code: 'ETIMEDOUT' } as const
const OPEN = { kind: 'open', tookMs: 1 } as const

/** Nothing beyond TCP was to be seen. */
function unreachable(server: string, tcp: RoadFacts['tcp'], more: Partial<RoadFacts> = {}): RoadFacts {
  const { id, url, source, address = '' } = road(server)
  return { id, url, source, address, tcp, ...more }
}

function broken(more: Partial<Facts>): Facts {
  return { ...HEALTHY, ...more }
}

function roads(...all: readonly RoadFacts[]): Facts {
  return broken({ roads: all })
}

/** The standby is otherwise. */
function standby(more: Partial<RoadFacts>): Facts {
  return roads(hostnameRoad(), road('srv1'), road('srv2', more))
}

function asPage(more: Partial<NonNullable<RoadFacts['page']>> = {}, every: Partial<RoadFacts> = {}): Facts {
  const page = { actual: http(body('srv1')), preflight: PREFLIGHT, ...more }
  return {
    ...HEALTHY,
    question: { ...QUESTION, origin: ORIGIN },
    roads: HEALTHY.roads.map((one) => ({ ...one, ...every, page })),
  }
}

function withPort(active: RoadFacts['tcp'], passive: RoadFacts['tcp'], second: Partial<RoadFacts> = {}): Facts {
  return {
    ...HEALTHY,
    question: { ...QUESTION, uccPort: 6001 },
    roads: [hostnameRoad(), road('srv1', { uccPort: active }), road('srv2', { uccPort: passive, ...second })],
  }
}

const noHeaders = (status: number): RoadFacts['ready'] => ({ kind: 'http', status, headers: {}, tookMs: 5 })

const slow = (server: string): HttpFacts => http(body(server), { tookMs: 2400 })

/** What is broken, the finding that names it, how bad it is. */
const CASES: readonly (readonly [what: string, code: FindingCode, level: Level, facts: Facts])[] = [
  [
    'the name does not exist, and nobody else is known',
    'DNS_NO_ADDRESS',
    'broken',
    broken({
      dns: resolvers(answer({ aliases: [], addresses: [] })),
      roads: [{ id: QUESTION.url, url: QUESTION.url, source: 'hostname', tcp: { kind: 'failure', code: 'ENOTFOUND' } }],
    }),
  ],
  [
    'the name does not exist, and the servers are listed',
    'DNS_NO_ADDRESS',
    'fragile',
    broken({ dns: resolvers(answer({ aliases: [], addresses: [] })), roads: [road('srv1'), road('srv2')] }),
  ],
  [
    'a typing error in the CNAME',
    'DNS_DANGLING_ALIAS',
    'fragile',
    broken({
      dns: resolvers(answer({ aliases: ['svr1.contoso.com'], addresses: [] })),
      roads: [road('srv1'), road('srv2')],
    }),
  ],
  [
    'a resolver is dead',
    'DNS_RESOLVER_FAILS',
    'fragile',
    broken({ dns: resolvers({ kind: 'failure', code: 'ETIMEOUT' }, answer()) }),
  ],
  [
    'the zone’s own servers are behind a firewall',
    'DNS_ZONE_SERVERS_UNREACHABLE',
    'hint',
    broken({ dns: resolvers(answer(), { kind: 'failure', code: 'ETIMEOUT' }) }),
  ],
  [
    'a cache has the old answer',
    'DNS_RESOLVERS_DISAGREE',
    'fragile',
    broken({ dns: resolvers(answer({ addresses: ['203.0.113.12'] }), answer()) }),
  ],
  ['TTL an hour', 'DNS_TTL_LONG', 'fragile', broken({ dns: resolvers(answer({ ttlSeconds: 3600 })) })],
  ['TTL five minutes', 'DNS_TTL_LONG', 'hint', broken({ dns: resolvers(answer({ ttlSeconds: 300 })) })],
  [
    'both servers behind one name',
    'DNS_SEVERAL_ADDRESSES',
    'fragile',
    broken({ dns: resolvers(answer({ aliases: [], addresses: ['203.0.113.11', '203.0.113.12'] })) }),
  ],
  [
    'the name leads into another domain',
    'DNS_FOREIGN_TARGET',
    'fragile',
    broken({ dns: resolvers(answer({ aliases: ['srv1.fabrikam.com'] })) }),
  ],
  [
    'the CNAME was left at the passive server',
    'DNS_POINTS_AT_PASSIVE',
    'fragile',
    roads(hostnameRoad('srv2'), road('srv1'), road('srv2')),
  ],
  [
    'a forgotten line in the hosts file',
    'DNS_LOCAL_OVERRIDE',
    'hint',
    broken({ dns: { ...resolvers(), system: ['203.0.113.99'] } }),
  ],
  ['an address in place of a name', 'DNS_HOSTNAME_IS_ADDRESS', 'hint', withoutDns()],
  [
    'the standby has no record',
    'ROAD_NO_ADDRESS',
    'fragile',
    roads(hostnameRoad(), road('srv1'), {
      ...{ id: 'https://srv2.contoso.com', url: 'https://srv2.contoso.com', source: 'endpoint' },
      tcp: { kind: 'failure', code: 'ENOTFOUND' },
    }),
  ],
  ['the standby is off', 'TCP_REFUSED', 'fragile', roads(hostnameRoad(), road('srv1'), unreachable('srv2', REFUSED))],
  [
    'a firewall before the standby',
    'TCP_SILENT',
    'fragile',
    roads(hostnameRoad(), road('srv1'), unreachable('srv2', SILENT)),
  ],
  [
    'everything is off',
    'TCP_REFUSED',
    'broken',
    roads(...['srv1', 'srv2'].map((server) => unreachable(server, REFUSED))),
  ],
  [
    'plain http at the https port of the standby',
    'TLS_FAILS',
    'fragile',
    roads(hostnameRoad(), road('srv1'), unreachable('srv2', OPEN, { tls: { kind: 'failure', code: 'EPROTO' } })),
  ],
  [
    'the standby has another machine’s certificate',
    'TLS_NAME_MISSING',
    'fragile',
    standby({ tls: certificate({ coversRoad: false, coversHostname: false, names: ['old.contoso.com'] }) }),
  ],
  [
    'the dedicated hostname is not in the standby’s certificate',
    'TLS_HOSTNAME_MISSING',
    'fragile',
    standby({ tls: certificate({ coversHostname: false, names: ['srv2.contoso.com'] }) }),
  ],
  ['the standby’s certificate is over', 'TLS_EXPIRED', 'fragile', standby({ tls: certificate({ validTo: NOW - 1 }) })],
  ['it begins tomorrow', 'TLS_NOT_YET_VALID', 'fragile', standby({ tls: certificate({ validFrom: NOW + DAY_MS }) })],
  ['it ends this week', 'TLS_EXPIRES_SOON', 'fragile', standby({ tls: certificate({ validTo: NOW + 3 * DAY_MS }) })],
  ['it ends this month', 'TLS_EXPIRES_SOON', 'hint', standby({ tls: certificate({ validTo: NOW + 20 * DAY_MS }) })],
  [
    'the intermediate certificate is not sent',
    'TLS_CHAIN_INCOMPLETE',
    'fragile',
    standby({ tls: certificate({ chainLength: 1, chainProblem: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }) }),
  ],
  [
    'a private authority nobody installed',
    'TLS_ISSUER_UNKNOWN',
    'fragile',
    standby({ tls: certificate({ chainProblem: 'SELF_SIGNED_CERT_IN_CHAIN' }) }),
  ],
  ['a very old server', 'TLS_OLD_PROTOCOL', 'fragile', standby({ tls: certificate({ protocol: 'TLSv1.1' }) })],
  [
    'plain http',
    'PLAIN_HTTP',
    'hint',
    roads(hostnameRoad(), road('srv1'), road('srv2', { url: 'http://srv2.contoso.com' })),
  ],
  [
    'the UCC is stopped everywhere',
    'UCC_RUNS_NOWHERE',
    'broken',
    roads(answering('srv1', { state: 'stopped' }), road('srv2')),
  ],
  [
    'the standby was never given the UCC',
    'UCC_UNKNOWN',
    'fragile',
    roads(hostnameRoad(), road('srv1'), answering('srv2', { state: 'unknown' })),
  ],
  [
    'the standby is starting',
    'UCC_STARTING',
    'hint',
    roads(hostnameRoad(), road('srv1'), answering('srv2', { state: 'starting' })),
  ],
  [
    'both run it',
    'UCC_RUNS_TWICE',
    'hint',
    roads(hostnameRoad(), road('srv1'), answering('srv2', { state: 'running', term: 7 })),
  ],
  [
    'the old active one came back and still runs it',
    'UCC_RUNS_TWICE',
    'fragile',
    roads(hostnameRoad(), road('srv1'), answering('srv2', { state: 'running', term: 6 })),
  ],
  ['the standby hangs', 'READY_SILENT', 'fragile', standby({ ready: SILENT, again: SILENT })],
  [
    'a login page before the standby',
    'READY_NO_CONTRACT',
    'fragile',
    standby({ ready: http(undefined, { status: 200, headers: { 'content-type': 'text/html' } }) }),
  ],
  [
    'http is redirected',
    'READY_REDIRECT',
    'fragile',
    standby({ ready: http(undefined, { status: 302, headers: { location: 'https://login.contoso.com' } }) }),
  ],
  ['a slow standby', 'READY_SLOW', 'fragile', standby({ ready: slow('srv2'), again: slow('srv2') })],
  ['readiness may be cached', 'READY_CACHEABLE', 'hint', standby({ ready: http(body('srv2'), { headers: {} }) })],
  [
    'the standby is being drained',
    'SERVER_DRAINING',
    'fragile',
    roads(hostnameRoad(), road('srv1'), answering('srv2', { draining: true })),
  ],
  [
    'the standby has another version',
    'VERSION_UNKNOWN',
    'fragile',
    roads(hostnameRoad(), road('srv1'), answering('srv2', { versions: [2] })),
  ],
  [
    'one of them was updated',
    'VERSIONS_DIFFER',
    'hint',
    roads(hostnameRoad(), road('srv1'), answering('srv2', { versions: [1, 2] })),
  ],
  ['there is one server', 'ONE_SERVER', 'fragile', roads(hostnameRoad(), road('srv1'))],
  [
    'only the dedicated hostname is known',
    'STANDBY_UNKNOWN',
    'fragile',
    broken({ question: { ...QUESTION, endpoints: [] }, roads: [hostnameRoad()] }),
  ],
  [
    'both endpoints lead to one server',
    'ROADS_SHARE_SERVER',
    'fragile',
    roads(hostnameRoad(), road('srv1'), answering('srv2', { server: 'srv1' })),
  ],
  [
    'the load balancer goes round',
    'SERVER_CHANGES',
    'fragile',
    roads(hostnameRoad('srv1', { again: http(body('srv2')) }), road('srv1'), road('srv2')),
  ],
  [
    'the servers disagree on who belongs to the pool',
    'PEERS_DIFFER',
    'fragile',
    roads(hostnameRoad(), road('srv1'), answering('srv2', { peers: [{ server: 'srv2', url: road('srv2').url }] })),
  ],
  [
    'the standby is not announced',
    'PEERS_MISS_SERVER',
    'fragile',
    roads(
      ...['srv1', 'srv2'].map((server) => answering(server, { peers: [{ server: 'srv1', url: road('srv1').url }] })),
    ),
  ],
  [
    'the peers have internal names of another domain',
    'PEERS_REFUSED',
    'fragile',
    roads(hostnameRoad(), answering('srv1', { peers: [{ server: 'srv2', url: 'https://srv2.internal.lan' }] })),
  ],
  [
    'a peer is announced at another one’s URL',
    'PEER_MISNAMED',
    'fragile',
    roads(hostnameRoad(), answering('srv1', { peers: [{ server: 'srv9', url: road('srv2').url }] }), road('srv2')),
  ],
  ['the active one announces no term', 'TERM_MISSING', 'fragile', withoutTerm()],
  [
    'the active one’s clock was set back before it was promoted',
    'TERM_REGRESSION',
    'broken',
    roads(hostnameRoad(), road('srv1'), answering('srv2', { term: 8 })),
  ],
  ['the servers’ clocks differ', 'CLOCKS_DIFFER', 'fragile', standby({ ready: http(body('srv2'), { skewMs: -9000 }) })],
  [
    'this machine’s clock is wrong',
    'CLOCK_HERE',
    'hint',
    roads(...['srv1', 'srv2'].map((server) => road(server, { ready: http(body(server), { skewMs: 90_000 }) }))),
  ],
  ['no CORS headers at all', 'CORS_MISSING', 'broken', asPage({ actual: noHeaders(200) as never })],
  ['OPTIONS is refused', 'CORS_PREFLIGHT', 'broken', asPage({ preflight: { ...PREFLIGHT, status: 405 } })],
  [
    'a * for the headers',
    'CORS_PREFLIGHT',
    'broken',
    asPage({
      preflight: {
        ...PREFLIGHT,
        headers: { 'access-control-allow-origin': ORIGIN, 'access-control-allow-headers': '*' },
      },
    }),
  ],
  [
    'Retry-After is hidden',
    'CORS_RETRY_AFTER_HIDDEN',
    'hint',
    asPage({ actual: http(body('srv1'), { headers: { 'access-control-allow-origin': '*' } }) }),
  ],
  ['an https page and http servers', 'MIXED_CONTENT', 'broken', asPage({}, { url: 'http://srv1.contoso.com' })],
  ['private addresses', 'LOCAL_NETWORK_ACCESS', 'hint', asPage({}, { address: '10.0.0.11' })],
  ['a proxy strips upgrades', 'UPGRADE_REFUSED', 'hint', standby({ upgrade: { ...PREFLIGHT, status: 403 } })],
  ['the load balancer’s check', 'PORT_SPEAKS_FOR_ALL', 'hint', withPort(OPEN, REFUSED)],
  ['a firewall before the UCC’s port', 'PORT_CLOSED', 'fragile', withPort(SILENT, REFUSED)],
  ['the port of another UCC', 'PORT_MISLEADS', 'fragile', withPort(OPEN, OPEN)],
  [
    'the port of a server that hangs',
    'PORT_MISLEADS',
    'fragile',
    withPort(OPEN, OPEN, { ready: SILENT, again: SILENT }),
  ],
]

function withoutDns(): Facts {
  const { dns: _dns, ...rest } = HEALTHY
  return { ...rest, question: { ...QUESTION, name: '203.0.113.11', url: 'https://203.0.113.11' } }
}

function withoutTerm(): Facts {
  const { term: _term, ...rest } = body('srv1')
  return roads(hostnameRoad(), road('srv1', { ready: http(rest), again: http(rest) }), road('srv2'))
}

describe('a deployment as the guide wants it', () => {
  it('has nothing to be said of it', () => {
    expect(check(HEALTHY)).toEqual([])
    expect(reportOf(HEALTHY)).toMatchObject({ verdict: 'ready', exitCode: 0 })
  })

  it('nor has it for a page of an origin that may use it', () => {
    expect(check(asPage())).toEqual([])
  })

  it('tells how long a failover takes, and the line for the pages', () => {
    const { estimate, csp } = reportOf(HEALTHY)
    expect(estimate.plain).toMatchObject({ seconds: 90, text: expect.stringContaining('TTL 30 s') as string })
    expect(estimate.library.seconds).toBe(3)
    expect(csp).toBe(
      "connect-src 'self' https://a365web1.contoso.com wss://a365web1.contoso.com https://srv1.contoso.com " +
        'wss://srv1.contoso.com https://srv2.contoso.com wss://srv2.contoso.com',
    )
  })
})

describe('a broken deployment', () => {
  it.each(CASES)('%s: %s', (_what, code, level, facts) => {
    const found = check(facts).filter((one) => one.code === code)
    expect(found.map((one) => one.level)).toContain(level)
    for (const { seen } of found) expect(seen).toMatch(/^\S[^\n]*\.$/)
    const { exitCode, findings } = reportOf(facts)
    expect(exitCode).toBeGreaterThanOrEqual({ hint: 0, fragile: 1, broken: 2 }[level])
    expect(findings.find((one) => one.code === code)).toMatchObject(FINDINGS[code])
  })

  it('is shown for every finding there is', () => {
    expect(new Set(CASES.map(([, code]) => code))).toEqual(new Set(Object.keys(FINDINGS)))
  })

  it('says the worst first', () => {
    const levels = check(roads(unreachable('srv1', REFUSED), unreachable('srv2', SILENT))).map(({ level }) => level)
    expect(levels).toEqual([...levels].sort())
    expect(levels[0]).toBe('broken')
  })
})

describe('what is no finding', () => {
  it.each<[string, FindingCode, Facts]>([
    ['a standby whose UCC is stopped', 'UCC_UNKNOWN', HEALTHY],
    ['a closed UCC port of the standby', 'PORT_CLOSED', withPort(OPEN, REFUSED)],
    ['the zone knows nothing of a target elsewhere', 'DNS_RESOLVERS_DISAGREE', zoneElsewhere()],
  ])('%s is not %s', (_what, code, facts) => {
    expect(check(facts).map((one) => one.code)).not.toContain(code)
  })

  it('a long TTL in front of a load balancer is a hint', () => {
    const vip = hostnameRoad('srv1', { address: '203.0.113.80' })
    const dns = resolvers(answer({ aliases: [], addresses: ['203.0.113.80'], ttlSeconds: 3600 }))
    const facts = broken({ dns, roads: [vip, road('srv1'), road('srv2')] })
    expect(check(facts)).toMatchObject([{ code: 'DNS_TTL_LONG', level: 'hint' }])
    expect(reportOf(facts).estimate.plain).toMatchObject({ seconds: null })
  })
})

function zoneElsewhere(): Facts {
  return broken({ dns: resolvers(answer(), { kind: 'answer', aliases: ['srv1.contoso.com'], addresses: [] }) })
}

describe('docs/doctor.md', () => {
  it('has every finding in its own words', () => {
    const text = readFileSync(new URL('../../docs/doctor.md', import.meta.url), 'utf8')
    for (const [code, { why, remedy }] of Object.entries(FINDINGS)) {
      expect(text).toContain(`| \`${code}\` | ${why} | ${remedy} |`)
    }
  })
})
