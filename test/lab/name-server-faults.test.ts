/**
 * The guide's "DNS record without a load balancer" while the zone's name server fails: clients go on with what was
 * known last, are told, and a failover does not wait for DNS. The plain client has the same name server.
 */
import { describe, expect, it } from 'vitest'
import { dnsResolver, nodePlatform } from 'failover-client/node'
import type { FailoverClientOptions } from 'failover-client'
import type { Cluster, ClusterOptions } from 'failover-client/testing/node'
import { EXPIRED_CERTIFICATE, TEST_CERTIFICATE, TEST_KEY } from '../support/certificate'
import { compareLog, EXACT, until } from '../support/harness'
import type { BindMode } from './support/bind'
import { addressOf } from './support/network'
import { arrivalsWithin, NOWHERE, reportBeside, startPlainClient, type PlainClient } from './support/plain-client'
import { firstEventFrom, fqdn, startClient, startNames, startServers, urlOf, type LiveClient } from './support/world'

const TOPIC = 'ucc/helpdesk/events'
const PLAIN_MS = 3000
/** Half of what it takes to ask everybody in vain: the zone's server and the cache 1 s each, the system 2 s. */
const WITHOUT_DNS_MS = 2000

interface World extends LiveClient {
  readonly cluster: Cluster
  readonly plain: PlainClient
  readonly generation: ReturnType<Cluster['generate']>
}

async function start(
  url: string,
  options: Omit<FailoverClientOptions, 'hostname'>,
  servers: ClusterOptions = {},
): Promise<World> {
  const cluster = await startServers(['srv1', 'srv2'], servers)
  const live = await startClient({ hostname: url, ...options })
  const { client } = live
  const isKnown = (): boolean => client.endpoints.every(({ readiness }) => readiness === 'running')
  await until('both run', isKnown, 15_000, () => client.endpoints)
  const ca = servers.tls?.cert
  const plain = startPlainClient(url, ca === undefined ? {} : { ca })
  await until('the plain client runs', () => plain.heard.fetch === 'srv1' && plain.heard.ws === 'srv1', 9000)
  return { ...live, cluster, plain, generation: cluster.generate({ topic: TOPIC, perSecond: 50 }) }
}

/** The fault of DNS has changed nothing so far; then the active server is killed. */
async function killActive(all: World, circumstance: string): Promise<void> {
  const { client, cluster, events, generation, log, plain } = all
  expect(client.state).toBe('connected')
  expect([...events.failover, ...events.switchover, ...events.failback]).toEqual([])
  const faultAt = performance.now()
  await cluster.kill('srv1')
  const oursMs = await firstEventFrom(all, 'srv2', faultAt, WITHOUT_DNS_MS)
  const theirs = await arrivalsWithin(plain, faultAt, 'srv2', PLAIN_MS)
  reportBeside(`DNS record, name server ${circumstance}, active server killed`, oursMs, theirs, PLAIN_MS)
  expect(theirs).toEqual(NOWHERE)
  const published = generation.stop()
  await until('all arrived', () => log.keys.length >= published.length, 9000)
  expect(compareLog(published, log.keys)).toEqual(EXACT)
  expect(events.failover).toHaveLength(1)
}

describe('the name server fails before the active server does', () => {
  it.each<{ mode: BindMode; timeoutMs?: number; atMost: number }>([
    { mode: 'dead', atMost: 1 },
    { mode: 'hung', atMost: 1 },
    { mode: 'servfail', atMost: 1 },
    { mode: 'nxdomain', atMost: 1 },
    { mode: 'refused', atMost: 1 },
    // It answers those who happen to ask when it is awake: they are told again when it has fallen asleep.
    { mode: 'slow', timeoutMs: 200, atMost: 2 },
  ])('$mode: going on with the last known good, with a warning', async ({ mode, timeoutMs = 1000, atMost }) => {
    const { zone } = await startNames({ a365web1: 'srv1' }, 1)
    const resolver = dnsResolver({ pollMs: 1000, timeoutMs })
    const all = await start(urlOf('a365web1'), { resolver, endpoints: [urlOf('srv1'), urlOf('srv2')] })
    await zone.lame(mode)
    const warnings = (): readonly string[] =>
      all.events.warning.map(({ code }) => code).filter((code) => code === 'RESOLVER_FAILED')
    await until(
      'warned',
      () => warnings().length > 0,
      30_000,
      () => all.events.warning,
    )
    await killActive(all, mode)
    expect(warnings().length).toBeLessThanOrEqual(atMost)
  })

  it('lying: whoever is there cannot prove that it is the dedicated hostname, and hears no token', async () => {
    const foreignZone = {
      name: 'elsewhere.test',
      records: [{ name: 'srv4.elsewhere.test', type: 'A', ttl: 1, values: [addressOf('srv4')] }],
    } as const
    const { zone } = await startNames({ pool: 'srv1' }, 1, [], [foreignZone])
    const url = `https://${fqdn('pool')}`
    const tls = { key: TEST_KEY, cert: TEST_CERTIFICATE }
    const foreign = await startServers(['srv4'], { port: 443, tls: { ...tls, cert: EXPIRED_CERTIFICATE } })
    const options: Omit<FailoverClientOptions, 'hostname'> = {
      endpoints: [
        { url, address: addressOf('srv1'), name: 'srv1' },
        { url, address: addressOf('srv2'), name: 'srv2' },
      ],
      resolver: dnsResolver({ pollMs: 1000 }),
      token: () => 'secret',
      platform: nodePlatform({ tls: { ca: TEST_CERTIFICATE } }),
    }
    const all = await start(url, options, { port: 443, tls })
    await zone.flip(fqdn('pool'), 'srv4.elsewhere.test')
    const warned = (): boolean => all.events.warning.some(({ code }) => code === 'CERTIFICATE')
    await until('warned of its certificate', warned, 30_000, () => [all.events.warning, all.client.endpoints])
    await killActive(all, 'lying')
    expect(all.client.active?.name).toBe('srv2')
    expect(foreign.server('srv4').tokensSeen()).toEqual([])
    expect(foreign.server('srv4').requests()).toEqual([])
  })
})
