/**
 * Certificates: the dedicated hostname in each of them is enough, and one that does not fit costs its endpoint only.
 * The certificates here are for srv1.contoso.test and pool.contoso.test, not for srv2.contoso.test.
 */
import { describe, expect, it } from 'vitest'
import { createFailoverClient, type FailoverClient, type FailoverClientOptions } from 'failover-client'
import { nodePlatform, type NodeTlsOptions } from 'failover-client/node'
import type { Cluster } from 'failover-client/testing/node'
import { onCleanup, record, startHarness, until } from '../support/harness'
import { EXPIRED_CERTIFICATE, HOSTILE_CERTIFICATE, TEST_CERTIFICATE, TEST_KEY } from '../support/certificate'

const POOL = 'pool.contoso.test'
const TRUSTED = { ca: TEST_CERTIFICATE }

async function start(cert = TEST_CERTIFICATE): Promise<Cluster> {
  return (await startHarness({ peers: false, tls: { key: TEST_KEY, cert } })).cluster
}

/** A cluster of one server. */
async function startOne(cert: string): Promise<Cluster> {
  return (await startHarness({ servers: 1, peers: false, tls: { key: TEST_KEY, cert } })).cluster
}

function connect(cluster: Cluster, endpoints: FailoverClientOptions['endpoints'], tls: NodeTlsOptions): FailoverClient {
  const platform = nodePlatform({ tls })
  const client = createFailoverClient({
    hostname: `https://${POOL}:${cluster.port}`,
    ...(endpoints === undefined ? {} : { endpoints }),
    ucc: 'helpdesk',
    token: 'secret-token',
    resolver: [],
    platform,
    failover: { spreadMs: 0 },
  })
  onCleanup(async () => {
    await client.close()
    platform.close()
  })
  return client
}

/** A server's own name, at its address. */
function own(cluster: Cluster, name: string): { url: string; address: string; name: string } {
  return { url: `https://${name}.contoso.test:${cluster.port}`, address: cluster.server(name).address, name }
}

async function who(client: FailoverClient): Promise<string> {
  return ((await (await client.fetch('/api/whoami')).json()) as { server: string }).server
}

describe('the dedicated hostname in the certificate is enough', () => {
  it.each([
    [
      'the hostname itself at two addresses',
      (all: Cluster) => ['srv1', 'srv2'].map((name) => ({ ...own(all, name), url: `https://${POOL}:${all.port}` })),
    ],
    [
      'names of their own, with the hostname for SNI and Host',
      (all: Cluster) => ['srv1', 'srv2'].map((name) => ({ ...own(all, name), hostname: POOL })),
    ],
    [
      'one by its own name, which the certificate has',
      (all: Cluster) => [own(all, 'srv1'), { ...own(all, 'srv2'), hostname: POOL }],
    ],
  ])('%s: HTTP and WebSocket fail over', async (_what, endpoints) => {
    const cluster = await start()
    const client = connect(cluster, endpoints(cluster), TRUSTED)
    const events = record(client)
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until(
      'live',
      () => agents.state === 'live',
      9000,
      () => events.warning,
    )
    await until('both run', () => client.endpoints.every(({ readiness }) => readiness === 'running'), 9000)
    expect(await who(client)).toBe('srv1')
    await cluster.kill('srv1')
    await until('live again', () => events.failover.length === 1 && agents.state === 'live', 9000)
    expect(await who(client)).toBe('srv2')
    expect(events.warning.map(({ code }) => code)).not.toContain('CERTIFICATE')
  })
})

/** One endpoint with it, preferred, and one of another cluster with a certificate that is right. */
const REFUSED = [
  [
    'by its name',
    { bad: TEST_CERTIFICATE, good: TEST_CERTIFICATE, ca: TEST_CERTIFICATE, name: 'srv2' },
    'the certificate is not for srv2.contoso.test, it is for srv1.contoso.test, pool.contoso.test; issued by',
  ],
  [
    'by its date',
    { bad: EXPIRED_CERTIFICATE, good: TEST_CERTIFICATE, ca: [EXPIRED_CERTIFICATE, TEST_CERTIFICATE], name: 'srv1' },
    'certificate has expired: the certificate is for srv1.contoso.test, pool.contoso.test; issued by',
  ],
  [
    'by its issuer',
    { bad: HOSTILE_CERTIFICATE, good: TEST_CERTIFICATE, ca: TEST_CERTIFICATE, name: 'srv1' },
    'self-signed certificate: the certificate is for srv1.contoso.test, ',
  ],
] as const

describe('a certificate that does not fit', () => {
  // fault-matrix: 18, 19
  it.each(REFUSED)(
    '%s: told once with the names it has, nothing sent, the other endpoint used',
    async (_what, given, sentence) => {
      const [wrong, right] = await Promise.all([startOne(given.bad), startOne(given.good)])
      const client = connect(
        right,
        [
          {
            url: `https://${given.name}.contoso.test:${wrong.port}`,
            address: wrong.server('srv1').address,
            name: 'bad',
          },
          own(right, 'srv1'),
        ],
        { ca: [given.ca].flat() },
      )
      const events = record(client)
      const agents = client.subscribe('ucc/helpdesk/agents')
      await until(
        'live',
        () => agents.state === 'live',
        9000,
        () => events.warning,
      )
      expect((await client.fetch('/api/whoami')).status).toBe(200)
      const warnings = events.warning.filter(({ code }) => code === 'CERTIFICATE')
      expect(warnings).toHaveLength(1)
      expect(warnings[0]?.sentence).toContain(`bad: ${sentence}`)
      expect(warnings[0]?.sentence.length).toBeLessThan(1000)
      expect(warnings[0]?.endpoint?.name).toBe('bad')
      // Permanent: not tried again at every turn.
      expect(client.endpoints.find(({ name }) => name === 'bad')?.breaker).toBe('open')
      expect(client.active?.name).toBe('srv1')
      expect(wrong.server('srv1').requests()).toEqual([])
      expect(right.server('srv1').requests().length).toBeGreaterThan(0)
    },
  )

  it.each([
    ['by its date', EXPIRED_CERTIFICATE, { ca: EXPIRED_CERTIFICATE }, 'CERT_HAS_EXPIRED'],
    ['by its issuer', TEST_CERTIFICATE, {}, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ])('%s, everywhere: offline, told, and nothing was sent', async (_what, cert, tls, code) => {
    const cluster = await start(cert)
    const client = connect(
      cluster,
      ['srv1', 'srv2'].map((name) => ({ ...own(cluster, name), hostname: POOL })),
      tls,
    )
    const events = record(client)
    client.subscribe('ucc/helpdesk/agents')
    await until('offline', () => client.state === 'offline', 9000)
    const told = (): number => events.warning.filter((one) => one.code === 'CERTIFICATE').length
    await until(
      'told of both',
      () => told() === 2,
      9000,
      () => events.warning,
    )
    expect(client.offlineReason).toBe('servers')
    expect(client.endpoints.map(({ lastError }) => lastError)).toEqual([code, code])
    for (const server of cluster.servers) expect(server.requests()).toEqual([])
  })
})
