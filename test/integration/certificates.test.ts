/**
 * Certificates: the dedicated hostname in each of them is enough, and one that does not fit costs its endpoint only.
 * The certificate here is for srv1.contoso.test and pool.contoso.test, not for srv2.contoso.test.
 */
import { describe, expect, it } from 'vitest'
import { createFailoverClient, type FailoverClient, type FailoverClientOptions } from 'failover-client'
import { nodePlatform, type NodeTlsOptions } from 'failover-client/node'
import type { Cluster } from 'failover-client/testing/node'
import { onCleanup, record, startHarness, until } from '../support/harness'
import { EXPIRED_CERTIFICATE, TEST_CERTIFICATE, TEST_KEY } from '../support/certificate'

const POOL = 'pool.contoso.test'
const TRUSTED = { ca: TEST_CERTIFICATE }

async function start(cert = TEST_CERTIFICATE): Promise<Cluster> {
  return (await startHarness({ peers: false, tls: { key: TEST_KEY, cert } })).cluster
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

describe('a certificate that does not fit', () => {
  it('by its name: told with the names it has, the other endpoint is used, no token goes there', async () => {
    const cluster = await start()
    const client = connect(
      cluster,
      [
        { ...own(cluster, 'srv2'), rank: 0 },
        { ...own(cluster, 'srv1'), rank: 1 },
      ],
      TRUSTED,
    )
    const events = record(client)
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until(
      'live',
      () => agents.state === 'live',
      9000,
      () => events.warning,
    )
    expect(await who(client)).toBe('srv1')
    const [warning] = events.warning.filter(({ code }) => code === 'CERTIFICATE')
    expect(warning?.sentence).toContain('srv2')
    expect(warning?.sentence).toContain('DNS:srv1.contoso.test, DNS:pool.contoso.test')
    // Permanent: not tried again at every turn.
    expect(client.endpoints.find(({ name }) => name === 'srv2')?.breaker).toBe('open')
    expect(cluster.server('srv2').requests()).toEqual([])
  })

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
