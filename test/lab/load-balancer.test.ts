/**
 * The guide's "DNS record with a load balancer": the dedicated hostname leads to the virtual address of an HAProxy,
 * which checks the port of one UCC (6001) on both servers and sends everybody to the active one.
 */
import { describe, expect, it } from 'vitest'
import type { FailoverClientOptions } from 'failover-client'
import type { Cluster, ClusterOptions } from 'failover-client/testing/node'
import { compareLog, EXACT, until } from '../support/harness'
import { startHaproxy, type Haproxy } from './support/haproxy'
import { addressOf } from './support/network'
import { arrivalsWithin, reportBeside, startPlainClient, type PlainClient } from './support/plain-client'
import { firstEventFrom, fqdn, startClient, startNames, startServers, urlOf, type LiveClient } from './support/world'

const TOPIC = 'ucc/helpdesk/events'
const PLAIN_MS = 10_000
/** Two missed checks, a second apart, and what a loaded machine adds. */
const SWITCHED_MS = 10_000
/** The promise of a followed CNAME. */
const FOLLOWED_MS = 15_000

interface World extends LiveClient {
  readonly cluster: Cluster
  readonly balancer: Haproxy
  readonly plain: PlainClient
  readonly generation: ReturnType<Cluster['generate']>
}

async function world(servers: ClusterOptions = {}, options: Partial<FailoverClientOptions> = {}): Promise<World> {
  await startNames({ a365web1: 'lb1' }, 300)
  const cluster = await startServers(['srv1', 'srv2'], { uccPorts: { helpdesk: 6001 }, ...servers })
  const balancer = await startHaproxy({ on: 'lb1', servers: ['srv1', 'srv2'] })
  const live = await startClient({ hostname: urlOf('a365web1'), ...options })
  const plain = startPlainClient(urlOf('a365web1'))
  await until('the plain client runs', () => plain.heard.fetch === 'srv1' && plain.heard.ws === 'srv1', 9000)
  const generation = cluster.generate({ topic: TOPIC, perSecond: 50 })
  // Without a message known nothing can be proven across servers that number for themselves.
  await until('the first message', () => live.log.keys.length > 0, 9000)
  return { ...live, cluster, balancer, plain, generation }
}

async function expectExact({ generation, log }: Pick<World, 'generation' | 'log'>): Promise<void> {
  const published = generation.stop()
  await until('all arrived', () => log.keys.length >= published.length, 9000)
  expect(compareLog(published, log.keys)).toEqual(EXACT)
}

/** The servers themselves, behind the virtual address: where the client goes when that leads to nobody. */
const PAST_IT: Partial<FailoverClientOptions> = {
  endpoints: [
    { url: urlOf('a365web1'), name: 'vip' },
    { url: urlOf('srv1'), name: 'srv1' },
    { url: urlOf('srv2'), name: 'srv2' },
  ],
}

describe('the UCC stops on the active server, and starts on the passive one', () => {
  it('the load balancer switches, and the client rides it: through the virtual address, not blamed', async () => {
    const all = await world({ standby: 'stopped', log: 'split' })
    const faultAt = performance.now()
    await all.cluster.promote('srv2', 'helpdesk')
    const oursMs = await firstEventFrom(all, 'srv2', faultAt, SWITCHED_MS)
    const theirs = await arrivalsWithin(all.plain, faultAt, 'srv2', PLAIN_MS)
    reportBeside('load balancer, UCC moved to srv2', oursMs, theirs, PLAIN_MS)
    const backAt = performance.now()
    await all.cluster.promote('srv1', 'helpdesk')
    const ourBackMs = await firstEventFrom(all, 'srv1', backAt, SWITCHED_MS)
    const theirBack = await arrivalsWithin(all.plain, backAt, 'srv1', PLAIN_MS)
    reportBeside('load balancer, UCC moved back to srv1', ourBackMs, theirBack, PLAIN_MS)
    await expectExact(all)
    expect(all.events.endpointChange.map(({ reason }) => reason)).not.toContain('breaker-open')
    // Another server, another sequence space: a snapshot, whose known keys prove that nothing is missing.
    expect(all.events.resume.at(-1)).toMatchObject({ server: 'srv1', how: 'continued' })
    expect(all.cluster.server('srv2').connections()).toHaveLength(1)
  })
})

describe('the virtual address leads to nobody who can serve', () => {
  it('the check passes for the wrong UCC: dialled past it', async () => {
    const all = await world({ uccs: ['helpdesk', 'sales'], uccPorts: { sales: 6001 }, standby: 'stopped' }, PAST_IT)
    const faultAt = performance.now()
    await all.cluster.promote('srv2', 'helpdesk')
    const oursMs = await firstEventFrom(all, 'srv2', faultAt, SWITCHED_MS)
    const theirs = await arrivalsWithin(all.plain, faultAt, 'srv2', PLAIN_MS)
    reportBeside('load balancer that checks another UCC, UCC moved to srv2', oursMs, theirs, PLAIN_MS)
    expect(theirs).toEqual({ fetch: undefined, ws: undefined })
    await expectExact(all)
    expect(all.client.active?.name).toBe('srv2')
  })

  it('the load balancer is down: dialled past it, to the same server', async () => {
    const all = await world({ standby: 'stopped' }, PAST_IT)
    const resumed = all.events.resume.length
    const faultAt = performance.now()
    await all.balancer.kill()
    await until('live again', () => all.events.resume.length > resumed, SWITCHED_MS)
    const oursMs = performance.now() - faultAt
    const theirs = await arrivalsWithin(all.plain, performance.now(), 'srv1', PLAIN_MS)
    reportBeside('load balancer killed', oursMs, theirs, PLAIN_MS)
    expect(theirs).toEqual({ fetch: undefined, ws: undefined })
    await expectExact(all)
    expect(all.client.active).toMatchObject({ name: 'srv1', server: 'srv1' })
  })
})

describe('two datacentres with a load balancer each, and a CNAME between', () => {
  it.each(['both live', 'the first is gone'] as const)('%s: the changed CNAME is followed', async (what) => {
    const { zone } = await startNames({ a365web1: 'lb1' }, 300)
    const cluster = await startServers(['srv1', 'srv2', 'srv3', 'srv4'], {
      standby: 'stopped',
      uccPorts: { helpdesk: 6001 },
    })
    const balancer = await startHaproxy({ on: 'lb1', servers: ['srv1', 'srv2'] })
    await startHaproxy({ on: 'lb2', servers: ['srv3', 'srv4'] })
    const live = await startClient({ hostname: urlOf('a365web1') })
    const plain = startPlainClient(urlOf('a365web1'))
    const generation = cluster.generate({ topic: TOPIC, perSecond: 50 })
    await until('the plain client runs', () => plain.heard.fetch === 'srv1' && plain.heard.ws === 'srv1', 9000)
    if (what === 'the first is gone') await Promise.all([balancer.kill(), cluster.kill('srv1'), cluster.kill('srv2')])
    await cluster.promote('srv3', 'helpdesk', { fence: what === 'both live' })
    const changedAt = performance.now()
    await zone.flip(fqdn('a365web1'), fqdn('lb2'))
    const oursMs = await firstEventFrom(live, 'srv3', changedAt, FOLLOWED_MS)
    const theirs = await arrivalsWithin(plain, changedAt, 'srv3', oursMs)
    reportBeside(`two datacentres, ${what}, CNAME changed`, oursMs, theirs, Math.round(oursMs))
    expect(theirs).toEqual({ fetch: undefined, ws: undefined })
    await expectExact({ ...live, generation })
    expect(live.client.active).toMatchObject({ address: addressOf('lb2'), server: 'srv3' })
  })
})
