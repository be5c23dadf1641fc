/**
 * The guide's "DNS record without a load balancer": a CNAME of the dedicated hostname leads to the active server, and
 * an administrator changes it. The client is configured with nothing but names, and asks the cache, as everybody does.
 */
import { describe, expect, it } from 'vitest'
import type { FailoverClientOptions } from 'failover-client'
import type { Cluster } from 'failover-client/testing/node'
import { compareLog, EXACT, until } from '../support/harness'
import { cut, type Cut } from './support/network'
import { arrivalsWithin, reportBeside, startPlainClient, type PlainClient } from './support/plain-client'
import { firstEventFrom, fqdn, startClient, startNames, startServers, urlOf } from './support/world'
import type { LiveClient, Names } from './support/world'

const TOPIC = 'ucc/helpdesk/events'
/** How long the plain client is waited for. */
const PLAIN_MS = 5000
/** The promise of a followed CNAME. */
const FOLLOWED_MS = 15_000

interface World extends LiveClient {
  readonly names: Names
  readonly cluster: Cluster
  readonly plain: PlainClient
  readonly generation: ReturnType<Cluster['generate']>
}

async function world(ttl: number, options: Partial<FailoverClientOptions> = {}): Promise<World> {
  const names = await startNames({ a365web1: 'srv1' }, ttl)
  const cluster = await startServers(['srv1', 'srv2'])
  const endpoints = [urlOf('srv1'), urlOf('srv2')]
  const live = await startClient({ hostname: urlOf('a365web1'), endpoints, ...options })
  const { client } = live
  await until(
    'both run',
    () => client.endpoints.every(({ readiness }) => readiness === 'running'),
    15_000,
    () => client.endpoints,
  )
  const plain = startPlainClient(urlOf('a365web1'))
  await until('the plain client runs', () => plain.heard.fetch === 'srv1' && plain.heard.ws === 'srv1', 9000)
  return { ...live, names, cluster, plain, generation: cluster.generate({ topic: TOPIC, perSecond: 50 }) }
}

/** Everything that was published has come, once and in order. */
async function expectExact({ generation, log }: Pick<World, 'generation' | 'log'>): Promise<void> {
  const published = generation.stop()
  await until('all arrived', () => log.keys.length >= published.length, 9000)
  expect(compareLog(published, log.keys)).toEqual(EXACT)
}

const planned = ({ events }: World): number => events.switchover.length + events.failback.length

describe('the active server dies, and nobody touches DNS', () => {
  it.each<{ ttl: number; fault: string; how?: Cut }>([
    { ttl: 300, fault: 'killed' },
    { ttl: 3600, fault: 'black-holed', how: {} },
    { ttl: 300, fault: 'heard no more', how: { way: 'out' } },
    { ttl: 300, fault: 'reset by a firewall', how: { way: 'in', how: 'reset' } },
  ])('TTL $ttl s, $fault', async ({ ttl, fault, how }) => {
    const all = await world(ttl)
    const faultAt = performance.now()
    await (how === undefined ? all.cluster.kill('srv1') : cut('srv1', how))
    // Three times the targets of an announced and of a silent loss.
    const oursMs = await firstEventFrom(all, 'srv2', faultAt, how === undefined ? 3 * 150 : 3 * 1500)
    const theirs = await arrivalsWithin(all.plain, faultAt, 'srv2', PLAIN_MS)
    reportBeside(`DNS record, TTL ${ttl} s, active server ${fault}`, oursMs, theirs, PLAIN_MS)
    expect(theirs).toEqual({ fetch: undefined, ws: undefined })
    await expectExact(all)
    expect(all.events.failover).toHaveLength(1)
    expect(all.client.active?.url).toBe(urlOf('srv2'))
  })
})

describe('the administrator changes the CNAME while both servers are healthy', () => {
  it.each([300, 3600])('TTL %i s: live connections move, and back, and lose nothing', async (ttl) => {
    const all = await world(ttl)
    for (const [count, to] of ['srv2', 'srv1'].entries()) {
      const changedAt = performance.now()
      await all.names.zone.flip(fqdn('a365web1'), fqdn(to))
      const oursMs = await firstEventFrom(all, to, changedAt, FOLLOWED_MS)
      const theirs = all.plain.since(changedAt, 'srv2')
      reportBeside(`DNS record, TTL ${ttl} s, CNAME changed to ${to}`, oursMs, theirs, Math.round(oursMs))
      expect(theirs).toEqual({ fetch: undefined, ws: undefined })
      await until('the move has ended', () => planned(all) === count + 1, 9000)
      expect(all.client.active?.url).toBe(urlOf(to))
    }
    await expectExact(all)
    expect(all.events.failover).toEqual([])
  })

  it('behind nothing but a cache the TTL is added', async () => {
    const ttl = 8
    // A firewall between the clients and the zone's name server, as many companies have it.
    await cut('dns', { from: 'client' })
    const all = await world(ttl)
    const changedAt = performance.now()
    await all.names.zone.flip(fqdn('a365web1'), fqdn('srv2'))
    const boundMs = FOLLOWED_MS + ttl * 1000
    const oursMs = await firstEventFrom(all, 'srv2', changedAt, boundMs)
    const theirs = await arrivalsWithin(all.plain, changedAt, 'srv2', oursMs)
    reportBeside(`DNS record behind a cache, TTL ${ttl} s, CNAME changed to srv2`, oursMs, theirs, Math.round(oursMs))
    await expectExact(all)
    expect(all.events.failover).toEqual([])
  })
})
