import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Cluster } from 'failover-client/testing/node'
import { EXPIRED_CERTIFICATE, TEST_CERTIFICATE, TEST_KEY } from '../support/certificate'
import { buildCli, removeCli, runCli } from '../support/cli'
import { diagnose } from '../support/doctor'
import { onCleanup, startHarness } from '../support/harness'
import { startNameServer, type NameServer } from '../support/name-server'

// The doctor as a process of its own, against real servers on loopback addresses and a name server of the test's own.

const NAME = 'a365web1.contoso.test'
const ORIGIN = 'https://app.contoso.test'

let cli = ''

beforeAll(async () => {
  cli = await buildCli()
})

afterAll(() => removeCli())

interface Deployment {
  readonly cluster: Cluster
  readonly names: NameServer
  /** What every run of the doctor is given. */
  readonly args: readonly string[]
}

/** SRV1 active, SRV2 passive, as the guide has them: a CNAME of 30 s, servers with names of their own. */
async function deployment(): Promise<Deployment> {
  const { cluster } = await startHarness({
    uccs: { helpdesk: { running: ['srv1'], term: 7 } },
    peers: false,
  })
  const [srv1, srv2] = cluster.servers
  const names = await startNameServer({
    [NAME]: [['CNAME', 'srv1.contoso.test', 30]],
    'srv1.contoso.test': [['A', srv1?.address ?? '', 3600]],
    'srv2.contoso.test': [['A', srv2?.address ?? '', 3600]],
  })
  const endpoints = ['srv1', 'srv2'].flatMap((name) => ['--endpoint', `${name}.contoso.test`])
  const hostname = `http://${NAME}:${cluster.port}`
  return { cluster, names, args: [hostname, '--ucc', 'helpdesk', '--dns', names.at, ...endpoints] }
}

const isGrave = (said: string): boolean => !said.startsWith('hint')

describe('a deployment of two servers', () => {
  it('is ready to fail over: exit code 0, hints only', async () => {
    const { args } = await deployment()
    const { report, said } = await diagnose(cli, args)
    expect(said.filter(isGrave)).toEqual([])
    expect(said).toContain('hint PLAIN_HTTP')
    expect(report).toMatchObject({ version: 1, verdict: 'ready', exitCode: 0 })
    expect(report.roads.map(({ source, server, state, term }) => [source, server, state, term])).toEqual([
      ['hostname', 'srv1', 'running', 7],
      ['endpoint', 'srv1', 'running', 7],
      ['endpoint', 'srv2', 'stopped', null],
    ])
    expect(report.dns?.resolvers[0]?.answer).toMatchObject({ aliases: ['srv1.contoso.test'], ttlSeconds: 30 })
  })

  it('is shown to people without escape sequences: what was seen, why it matters, what to do', async () => {
    const { args } = await deployment()
    const { code, stdout } = await runCli(cli, ['doctor', ...args])
    expect(code).toBe(0)
    expect(stdout).not.toContain('\u001b')
    expect(stdout).toMatch(/^HINT PLAIN_HTTP\n {2}seen {4}.*\n(?: {10}.*\n)* {2}why {5}.*\n(?: {10}.*\n)* {2}do {6}/m)
    expect(stdout).toMatch(/Ready to fail over\.\n$/)
  })

  it.each(['peer', 'srv'] as const)('finds the standby by itself: %s', async (source) => {
    const { args, cluster, names } = await deployment()
    const { port } = cluster
    const targets = ['srv1', 'srv2'].map((server) => ({ server, target: `${server}.contoso.test` }))
    if (source === 'srv') {
      const records = targets.map(({ target }, priority) => ['SRV', { port, target, priority }] as const)
      names.records.set(`_failover._tcp.${NAME}`, records)
    } else {
      await cluster.announce({
        peers: targets.map(({ server, target }) => ({ server, url: `http://${target}:${port}` })),
      })
    }
    const { report, said } = await diagnose(cli, args.slice(0, 5))
    expect(said.filter(isGrave)).toEqual([])
    expect(report.roads.filter((one) => one.source === source).map(({ server }) => server)).toEqual(['srv1', 'srv2'])
  })

  it('changes nothing and shows no token: what it asks is anonymous', async () => {
    const { args, cluster } = await deployment()
    await diagnose(cli, [...args, '--origin', ORIGIN])
    expect(cluster.servers.flatMap((server) => server.tokensSeen())).toEqual([])
    expect(cluster.servers.flatMap((server) => server.connections()).filter(({ ucc }) => ucc !== undefined)).toEqual([])
  })
})

interface Case {
  readonly what: string
  readonly exitCode: number
  readonly finding: string
  readonly spoil?: (all: Deployment) => Promise<unknown> | void
  readonly more?: readonly string[]
}

const DEAD_NAME_SERVERS = [1, 2, 3, 4, 5].flatMap((port) => ['--dns', `127.0.0.1:${port}`])
const UNKNOWN_ENDPOINTS = [3, 4, 5, 6, 7, 8].flatMap((number) => ['--endpoint', `srv${number}.contoso.test`])

const CASES: readonly Case[] = [
  {
    what: 'many names and name servers',
    exitCode: 1,
    finding: 'fragile DNS_RESOLVER_FAILS',
    more: [...DEAD_NAME_SERVERS, ...UNKNOWN_ENDPOINTS],
  },
  {
    what: 'the standby is dead',
    exitCode: 1,
    finding: 'fragile TCP_REFUSED',
    spoil: ({ cluster }) => cluster.kill('srv2'),
  },
  {
    what: 'the standby hangs',
    exitCode: 1,
    finding: 'fragile READY_SILENT',
    spoil: ({ cluster }) => cluster.hang('srv2'),
  },
  {
    what: 'the active one is dead',
    exitCode: 2,
    finding: 'broken UCC_RUNS_NOWHERE',
    spoil: ({ cluster }) => cluster.kill('srv1'),
  },
  {
    what: 'the UCC is stopped everywhere',
    exitCode: 2,
    finding: 'broken UCC_RUNS_NOWHERE',
    spoil: ({ cluster }) => cluster.stopUcc('srv1'),
  },
  {
    what: 'everything is dead',
    exitCode: 2,
    finding: 'broken TCP_REFUSED',
    spoil: ({ cluster }) => killAll(cluster),
  },
  {
    what: 'the name has gone',
    exitCode: 1,
    finding: 'fragile DNS_NO_ADDRESS',
    spoil: ({ names }) => void names.records.delete(NAME),
  },
  {
    what: 'the name server fails',
    exitCode: 2,
    finding: 'broken DNS_RESOLVER_FAILS',
    spoil: ({ names }) => void (names.mode = 'servfail'),
  },
  {
    what: 'the name server is silent',
    exitCode: 2,
    finding: 'broken DNS_RESOLVER_FAILS',
    spoil: ({ names }) => void (names.mode = 'silent'),
  },
  {
    what: 'a long TTL',
    exitCode: 1,
    finding: 'fragile DNS_TTL_LONG',
    spoil: ({ names }) => setAlias(names, 'srv1', 3600),
  },
  {
    what: 'a CNAME at the passive one',
    exitCode: 1,
    finding: 'fragile DNS_POINTS_AT_PASSIVE',
    spoil: ({ names }) => setAlias(names, 'srv2', 30),
  },
  {
    what: 'a typing error in the CNAME',
    exitCode: 1,
    finding: 'fragile DNS_DANGLING_ALIAS',
    spoil: ({ names }) => setAlias(names, 'svr2', 30),
  },
  { what: 'another UCC', exitCode: 2, finding: 'broken UCC_UNKNOWN', more: ['--ucc', 'support'] },
  {
    what: 'a proxy page on the standby',
    exitCode: 1,
    finding: 'fragile READY_NO_CONTRACT',
    spoil: ({ cluster }) => loginPage(cluster),
  },
  {
    what: 'the standby refuses upgrades',
    exitCode: 0,
    finding: 'hint UPGRADE_REFUSED',
    spoil: ({ cluster }) => cluster.refuseUpgrades('srv2'),
  },
  { what: 'a page that came over https', exitCode: 2, finding: 'broken MIXED_CONTENT', more: ['--origin', ORIGIN] },
  { what: 'nothing at the UCC’s port', exitCode: 1, finding: 'fragile PORT_CLOSED', more: ['--ucc-port', '1'] },
]

describe('a broken deployment of two servers', () => {
  it.each(CASES)('$what: exit code $exitCode, $finding', async ({ exitCode, finding, spoil, more = [] }) => {
    const all = await deployment()
    await spoil?.(all)
    const { report, said } = await diagnose(cli, [...all.args, ...more])
    expect(said).toContain(finding)
    expect(report.exitCode).toBe(exitCode)
  })

  it('only one of them is known: exit code 1', async () => {
    const { args } = await deployment()
    const { report, said } = await diagnose(cli, args.slice(0, 5))
    expect(said).toContain('fragile STANDBY_UNKNOWN')
    expect(report.exitCode).toBe(1)
  })
})

async function killAll(cluster: Cluster): Promise<void> {
  for (const { name } of cluster.servers) await cluster.kill(name)
}

function setAlias(names: NameServer, server: string, ttl: number): void {
  names.records.set(NAME, [['CNAME', `${server}.contoso.test`, ttl]])
}

function loginPage(cluster: Cluster): Promise<void> {
  return cluster.serveReadiness('srv2', { status: 200, contentType: 'text/html', body: '<h1>Sign in</h1>' })
}

describe('certificates', () => {
  it.each([
    ['the certificate is over', 'pool.contoso.test', EXPIRED_CERTIFICATE, 'broken TLS_EXPIRED'],
    ['the name is not in it', NAME, TEST_CERTIFICATE, 'broken TLS_NAME_MISSING'],
    ['the issuer is nobody’s', 'pool.contoso.test', TEST_CERTIFICATE, 'broken TLS_ISSUER_UNKNOWN'],
  ])('%s', async (_what, name, cert, finding) => {
    const { report, said } = await diagnose(cli, await tlsServer(name, cert))
    expect(said).toContain(finding)
    expect(report.exitCode).toBe(2)
  })

  it('an authority the machine was told of is known', async () => {
    process.env['NODE_EXTRA_CA_CERTS'] = fileURLToPath(new URL('../support/certificate/cert.pem', import.meta.url))
    onCleanup(async () => void delete process.env['NODE_EXTRA_CA_CERTS'])
    const { said } = await diagnose(cli, await tlsServer('pool.contoso.test', TEST_CERTIFICATE))
    expect(said.filter((one) => one.includes('TLS'))).toEqual([])
  })
})

/** A server with that certificate, under that name. */
async function tlsServer(name: string, cert: string): Promise<string[]> {
  const port = await listen(createHttpsServer({ key: TEST_KEY, cert }, ready({})))
  const names = await startNameServer({ [name]: [['A', '127.0.0.1', 30]] })
  return [`https://${name}:${port}`, '--ucc', 'helpdesk', '--dns', names.at]
}

describe('pages', () => {
  it.each([
    ['no CORS headers', {}, 'broken CORS_MISSING'],
    ['another origin only', { 'access-control-allow-origin': 'http://old.contoso.test' }, 'broken CORS_MISSING'],
    ['no headers allowed', { 'access-control-allow-origin': '*' }, 'broken CORS_PREFLIGHT'],
  ])('%s', async (_what, headers, finding) => {
    const port = await listen(createHttpServer(ready(headers)))
    const origin = ['--origin', 'http://app.contoso.test']
    const { report, said } = await diagnose(cli, [`http://127.0.0.1:${port}`, '--ucc', 'helpdesk', ...origin])
    expect(said).toContain(finding)
    expect(report.exitCode).toBe(2)
  })
})

/** Answers everything as a server whose UCC runs. */
function ready(headers: Readonly<Record<string, string>>): RequestListener {
  const body = JSON.stringify({ server: 'srv1', versions: [1], ucc: 'helpdesk', state: 'running', term: 1 })
  return (_request, response) => void response.writeHead(200, headers).end(body)
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  )
  return (server.address() as AddressInfo).port
}

it('stands in the help', async () => {
  const { stdout } = await runCli(cli, ['--help'])
  expect(stdout).toContain('failover-client doctor HOSTNAME --ucc NAME')
})
