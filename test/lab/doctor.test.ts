/**
 * The doctor against broken deployments of the guide: real name servers with a cache in front of them, a real load
 * balancer, servers on hosts of their own, and cuts between them. It must name the cause in each.
 */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cluster, ClusterOptions } from 'failover-client/testing/node'
import { EXPIRED_CERTIFICATE, TEST_CERTIFICATE, TEST_KEY } from '../support/certificate'
import { buildCli, removeCli } from '../support/cli'
import { diagnose } from '../support/doctor'
import { onCleanup, reportTimes } from '../support/harness'
import type { BindRecord } from './support/bind'
import { startHaproxy, type Haproxy } from './support/haproxy'
import { addressOf, cut } from './support/network'
import { fqdn, startNames, startServers, type Names } from './support/world'

const NAME = fqdn('a365web1')
const AUTHORITY = fileURLToPath(new URL('../support/certificate/cert.pem', import.meta.url))
const tookMs: number[] = []

let cli = ''

beforeAll(async () => {
  cli = await buildCli()
})

afterAll(() => {
  removeCli()
  if (tookMs.length > 0) reportTimes('one run of the doctor (limit 20000 ms)', tookMs)
})

interface World {
  readonly names: Names
  readonly cluster: Cluster
  /** Of deployments with one: what the name points at. */
  readonly haproxy?: Haproxy
}

/** How a deployment differs from the guide's, and what the doctor must say. */
interface Case {
  readonly what: string
  readonly exitCode: 0 | 1 | 2
  readonly finding: string
  /** What follows from it. */
  readonly also?: readonly string[]
  readonly servers?: ClusterOptions
  /** Where the dedicated hostname points. */
  readonly target?: 'srv1' | 'lb1'
  readonly ttl?: number
  readonly records?: readonly BindRecord[]
  readonly spoil?: (world: World) => Promise<unknown> | void
  /** In place of what clients are configured with otherwise. */
  readonly hostname?: string
  readonly endpoints?: readonly string[]
  readonly more?: readonly string[]
}

const PAIR: ClusterOptions = { terms: true, uccs: { helpdesk: { running: ['srv1'], term: 7 } } }
const PORTS: ClusterOptions = {
  ...PAIR,
  uccs: { helpdesk: { running: ['srv1'], term: 7 }, support: { running: ['srv1', 'srv2'] } },
  uccPorts: { helpdesk: 6001, support: 6002 },
}

async function run(one: Case): Promise<Awaited<ReturnType<typeof diagnose>>> {
  const target = one.target ?? 'srv1'
  const names = await startNames({ a365web1: target, pool: 'srv1' }, one.ttl ?? 30, one.records)
  const cluster = await startServers(['srv1', 'srv2'], one.servers ?? PAIR)
  const haproxy = target === 'lb1' ? { haproxy: await startHaproxy({ on: 'lb1', servers: ['srv1', 'srv2'] }) } : {}
  await one.spoil?.({ names, cluster, ...haproxy })
  const scheme = one.servers?.tls === undefined ? 'http' : 'https'
  const endpoints = (one.endpoints ?? ['srv1', 'srv2'].map(fqdn)).flatMap((name) => ['--endpoint', name])
  const args = [`${scheme}://${one.hostname ?? NAME}`, '--ucc', 'helpdesk', ...endpoints, ...(one.more ?? [])]
  const diagnosis = await diagnose(cli, args)
  tookMs.push(diagnosis.tookMs)
  return diagnosis
}

const isGrave = (said: string): boolean => !said.startsWith('hint')

describe('the guide’s deployments', () => {
  it.each<Case>([
    { what: 'a DNS record without a load balancer', exitCode: 0, finding: 'hint PLAIN_HTTP' },
    {
      what: 'a DNS record with a load balancer',
      exitCode: 0,
      finding: 'hint PORT_SPEAKS_FOR_ALL',
      target: 'lb1',
      ttl: 3600,
      servers: PORTS,
      more: ['--ucc-port', '6001'],
    },
  ])('$what: ready to fail over', async (one) => {
    const { said, report } = await run(one)
    expect(said.filter(isGrave)).toEqual([])
    expect(said).toContain(one.finding)
    expect(report.exitCode).toBe(0)
  })
})

const IN_DNS: readonly Case[] = [
  { what: 'a TTL of an hour', exitCode: 1, finding: 'fragile DNS_TTL_LONG', ttl: 3600 },
  {
    what: 'the CNAME was left at the passive server',
    exitCode: 1,
    finding: 'fragile DNS_POINTS_AT_PASSIVE',
    spoil: ({ names }) => names.zone.flip(NAME, fqdn('srv2')),
  },
  {
    what: 'a typing error in the CNAME',
    exitCode: 1,
    finding: 'fragile DNS_DANGLING_ALIAS',
    spoil: ({ names }) => names.zone.flip(NAME, fqdn('svr1')),
  },
  {
    what: 'the record was deleted',
    exitCode: 1,
    finding: 'fragile DNS_NO_ADDRESS',
    spoil: ({ names }) => names.zone.setRecord(NAME, 'CNAME', []),
  },
  {
    what: 'the zone’s name server has failed, and the cache knows nothing',
    exitCode: 2,
    finding: 'broken DNS_RESOLVER_FAILS',
    spoil: ({ names }) => names.zone.lame('dead'),
  },
  {
    what: 'the name server of the clients is a black hole',
    exitCode: 2,
    finding: 'broken DNS_RESOLVER_FAILS',
    spoil: () => cut('cache'),
  },
  {
    what: 'a firewall between clients and the zone’s name server',
    exitCode: 0,
    finding: 'hint DNS_ZONE_SERVERS_UNREACHABLE',
    spoil: () => cut('dns', { from: 'client' }),
  },
  {
    what: 'the cache still has the record from before the change',
    exitCode: 1,
    finding: 'fragile DNS_RESOLVERS_DISAGREE',
    also: ['fragile DNS_POINTS_AT_PASSIVE'],
    ttl: 300,
    spoil: async ({ names }) => {
      await diagnose(cli, [`http://${NAME}`, '--ucc', 'helpdesk'])
      await names.zone.flip(NAME, fqdn('srv2'))
    },
  },
  {
    what: 'both servers behind one name',
    exitCode: 1,
    finding: 'fragile DNS_SEVERAL_ADDRESSES',
    also: ['fragile DNS_POINTS_AT_PASSIVE'],
    hostname: fqdn('both'),
    records: [{ name: fqdn('both'), type: 'A', ttl: 30, values: [addressOf('srv1'), addressOf('srv2')] }],
  },
  {
    what: 'the CNAME leads out of the domain',
    exitCode: 1,
    finding: 'fragile DNS_FOREIGN_TARGET',
    records: [{ name: fqdn('srv1.old'), type: 'A', ttl: 30, values: [addressOf('srv1')] }],
    spoil: ({ names }) => names.zone.flip(NAME, fqdn('srv1.old')),
  },
  {
    what: 'the standby has no record',
    exitCode: 1,
    finding: 'fragile ROAD_NO_ADDRESS',
    also: ['fragile ONE_SERVER'],
    spoil: ({ names }) => names.zone.setRecord(fqdn('srv2'), 'A', []),
  },
]

const IN_SERVERS: readonly Case[] = [
  {
    what: 'the standby is down',
    exitCode: 1,
    finding: 'fragile TCP_REFUSED',
    also: ['fragile ONE_SERVER'],
    spoil: ({ cluster }) => cluster.kill('srv2'),
  },
  {
    what: 'the standby is cut off',
    exitCode: 1,
    finding: 'fragile TCP_SILENT',
    also: ['fragile ONE_SERVER'],
    spoil: () => cut('srv2'),
  },
  {
    what: 'both are cut off',
    exitCode: 2,
    finding: 'broken TCP_SILENT',
    spoil: () => Promise.all([cut('srv1'), cut('srv2')]),
  },
  {
    what: 'the standby hangs',
    exitCode: 1,
    finding: 'fragile READY_SILENT',
    also: ['fragile ONE_SERVER'],
    spoil: ({ cluster }) => cluster.hang('srv2'),
  },
  {
    what: 'the UCC is stopped everywhere, the web services run',
    exitCode: 2,
    finding: 'broken UCC_RUNS_NOWHERE',
    spoil: ({ cluster }) => cluster.stopUcc('srv1'),
  },
  {
    what: 'the standby was never given the UCC',
    exitCode: 1,
    finding: 'fragile UCC_UNKNOWN',
    also: ['fragile ONE_SERVER'],
    servers: { terms: true, uccs: { helpdesk: { running: ['srv1'], servers: ['srv1'], term: 7 }, support: {} } },
  },
  {
    what: 'the old active one came back and still runs it',
    exitCode: 1,
    finding: 'fragile UCC_RUNS_TWICE',
    servers: { terms: true, uccs: { helpdesk: { running: ['srv1', 'srv2'], term: { srv1: 7, srv2: 6 } } } },
  },
  {
    what: 'the passive one announces a higher term than the active one',
    exitCode: 2,
    finding: 'broken TERM_REGRESSION',
    spoil: ({ cluster }) =>
      cluster.serveReadiness('srv2', {
        status: 503,
        contentType: 'application/json',
        body: JSON.stringify({ server: 'srv2', versions: [1], ucc: 'helpdesk', state: 'stopped', term: 8 }),
      }),
  },
  {
    what: 'a login page in front of the standby',
    exitCode: 1,
    finding: 'fragile READY_NO_CONTRACT',
    also: ['fragile ONE_SERVER'],
    spoil: ({ cluster }) => cluster.serveReadiness('srv2', { status: 200, body: '<h1>Sign in</h1>' }),
  },
  {
    what: 'the standby is being drained',
    exitCode: 1,
    finding: 'fragile SERVER_DRAINING',
    spoil: ({ cluster }) => cluster.drain('srv2', { leaveWithinMs: 60_000 }),
  },
  {
    what: 'the servers do not name the standby',
    exitCode: 1,
    finding: 'fragile PEERS_MISS_SERVER',
    servers: { ...PAIR, peers: [{ server: 'srv1', url: `http://${fqdn('srv1')}` }] },
  },
  {
    what: 'the peers have names that clients refuse',
    exitCode: 1,
    finding: 'fragile PEERS_REFUSED',
    servers: { ...PAIR, peers: ['srv1', 'srv2'].map((server) => ({ server, url: `http://${server}.internal.lan` })) },
  },
  {
    what: 'a page that came over https',
    exitCode: 2,
    finding: 'broken MIXED_CONTENT',
    more: ['--origin', 'https://app.contoso.test'],
  },
  {
    what: 'something strips WebSocket upgrades',
    exitCode: 0,
    finding: 'hint UPGRADE_REFUSED',
    spoil: ({ cluster }) => cluster.refuseUpgrades('srv2'),
  },
  {
    what: 'clients know the dedicated hostname only',
    exitCode: 1,
    finding: 'fragile STANDBY_UNKNOWN',
    endpoints: [],
  },
]

const BEHIND_A_LOAD_BALANCER: readonly Case[] = [
  {
    what: 'its check looks at another UCC',
    exitCode: 1,
    finding: 'fragile PORT_MISLEADS',
    also: ['fragile DNS_POINTS_AT_PASSIVE'],
    target: 'lb1',
    servers: { ...PORTS, uccPorts: { helpdesk: 6002, support: 6001 } },
    spoil: ({ cluster }) => cluster.promote('srv2', 'helpdesk'),
    more: ['--ucc-port', '6001'],
  },
  {
    what: 'nothing listens on the port that it checks',
    exitCode: 1,
    finding: 'fragile PORT_CLOSED',
    target: 'lb1',
    servers: PORTS,
    more: ['--ucc-port', '6003'],
  },
  {
    what: 'it is down',
    exitCode: 1,
    finding: 'fragile TCP_REFUSED',
    target: 'lb1',
    servers: PORTS,
    spoil: ({ haproxy }) => haproxy?.kill(),
  },
]

/** The certificate is for srv1 and pool.contoso.test. */
const IN_CERTIFICATES: readonly Case[] = [
  {
    what: 'the standby’s own name is not in its certificate',
    exitCode: 1,
    finding: 'fragile TLS_NAME_MISSING',
    also: ['fragile ONE_SERVER'],
    hostname: fqdn('pool'),
    servers: { ...PAIR, port: 443, tls: { key: TEST_KEY, cert: TEST_CERTIFICATE } },
  },
  {
    what: 'the dedicated hostname is not in the servers’ certificates',
    exitCode: 1,
    finding: 'fragile TLS_HOSTNAME_MISSING',
    also: ['fragile TLS_NAME_MISSING', 'fragile ONE_SERVER'],
    servers: { ...PAIR, port: 443, tls: { key: TEST_KEY, cert: TEST_CERTIFICATE } },
  },
  {
    what: 'the certificates are over',
    exitCode: 2,
    finding: 'broken TLS_EXPIRED',
    also: ['broken TLS_NAME_MISSING'],
    hostname: fqdn('pool'),
    servers: { ...PAIR, port: 443, tls: { key: TEST_KEY, cert: EXPIRED_CERTIFICATE } },
  },
]

const ALL = [...IN_DNS, ...IN_SERVERS, ...BEHIND_A_LOAD_BALANCER, ...IN_CERTIFICATES]

describe('a broken deployment', () => {
  it.each(ALL)('$what: $finding, exit code $exitCode', async (one) => {
    process.env['NODE_EXTRA_CA_CERTS'] = AUTHORITY
    onCleanup(async () => void delete process.env['NODE_EXTRA_CA_CERTS'])
    const { said, report } = await run(one)
    expect(said).toContain(one.finding)
    const causes = [one.finding, ...(one.also ?? [])].filter(isGrave)
    expect([...new Set(said.filter(isGrave))].sort()).toEqual(causes.sort())
    expect(report.exitCode).toBe(one.exitCode)
  })
})
