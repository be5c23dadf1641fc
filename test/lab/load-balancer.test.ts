/**
 * The guide's "DNS record with a load balancer": the dedicated hostname leads to the virtual address of an HAProxy,
 * which checks the port of one UCC (6001) on both servers and sends everybody to the active one.
 */
import { isDeepStrictEqual as isSame } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { Change, FailoverClientOptions } from 'failover-client'
import type { Cluster, ClusterOptions, PublishInput } from 'failover-client/testing/node'
import { compareLog, EXACT, onCleanup, until } from '../support/harness'
import { startHaproxy, type Haproxy } from './support/haproxy'
import { addressOf, cut } from './support/network'
import { arrivalsWithin, NOWHERE, reportBeside, startPlainClient, type PlainClient } from './support/plain-client'
import { firstEventFrom, fqdn, startClient, startNames, startServers, urlOf, type LiveClient } from './support/world'

const TOPIC = 'ucc/helpdesk/events'
/** How long the plain client is waited for: twice what the check takes, and its own second. */
const PLAIN_MS = 5000
/** Two missed checks, a second apart, and what a loaded machine adds. */
const SWITCHED_MS = 10_000
/** Nobody has waited for the check, which takes twice as long. */
const PAST_IT_MS = 1000
/** Three times the target of a silent loss. */
const SILENT_MS = 3 * 1500
/** The promise of a followed CNAME. */
const FOLLOWED_MS = 15_000
/** Keys of the state topic. */
const AGENTS = 10
const VIRTUAL = urlOf('a365web1')
const MOVES = [
  ['srv2', 'srv1', 'to '],
  ['srv1', 'srv2', 'back to '],
] as const

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

/** A state topic whose content changes all the time, and the least that its view ever held once it was whole. */
async function watchAgents({ client, cluster }: World) {
  const topic = 'ucc/helpdesk/agents'
  const agents = client.subscribe({ name: topic, kind: 'state' })
  const changes: Change[] = []
  agents.on('change', (change) => changes.push(change))
  const change = (n: number): PublishInput => ({ key: `agent${n % AGENTS}`, data: { calls: n } })
  const generation = cluster.generate({ topic, perSecond: 20, change })
  await until('the whole view', () => agents.view.size === AGENTS, 9000)
  let least = AGENTS
  const look = (): void => void (least = Math.min(least, agents.view.size))
  agents.on('state', look)
  agents.on('batch', look)
  const timer = setInterval(look, 5)
  onCleanup(async () => clearInterval(timer))
  return { agents, changes, generation, topic, least: () => least }
}

/** Who was there each time the client dialled. Questions for readiness, and the plain client, are none of these. */
const dialled = ({ servers }: Cluster): string[] =>
  servers
    .flatMap((server) => server.connections().map(({ openedAt }) => ({ name: server.name, openedAt })))
    .sort((left, right) => left.openedAt - right.openedAt)
    .map(({ name }) => name)

describe('the UCC stops on the active server, and starts on the passive one', () => {
  it('the load balancer switches, and the client rides it: through the virtual address, not blamed', async () => {
    // A firewall keeps clients from the servers themselves: whoever is there has come through the load balancer.
    await Promise.all([cut('srv1', { from: 'client' }), cut('srv2', { from: 'client' })])
    const all = await world({ standby: 'stopped', log: 'split' })
    const { client, cluster, events } = all
    const agents = await watchAgents(all)
    const epochs = [agents.agents.cursor?.epoch]
    for (const [server, other, there] of MOVES) {
      const faultAt = performance.now()
      await cluster.promote(server, 'helpdesk')
      const oursMs = await firstEventFrom(all, server, faultAt, SWITCHED_MS)
      const theirs = await arrivalsWithin(all.plain, faultAt, server, PLAIN_MS)
      reportBeside(`load balancer, UCC moved ${there}${server}`, oursMs, theirs, PLAIN_MS)
      await until('the move has ended', () => events.failover.length === epochs.length, 9000)
      // The state topic has become a snapshot of the other server, whose sequence space is another one.
      const brought = agents.changes.filter((change) => change.server === server && change.origin === 'resync')
      expect(brought.length).toBeGreaterThan(0)
      expect(events.resume.findLast(({ topic }) => topic === agents.topic)).toMatchObject({ server, how: 'resynced' })
      // So has the log, whose known keys prove that nothing is missing.
      expect(events.resume.findLast(({ topic }) => topic === TOPIC)).toMatchObject({ server, how: 'continued' })
      expect(events.failover.at(-1)).toMatchObject({ reason: 'ucc-stopped', to: { url: VIRTUAL, server } })
      expect(events.failover.at(-1)?.evidence).toEqual([`${other} says stopped`, `${server} answered running`])
      epochs.push(agents.agents.cursor?.epoch)
    }
    await expectExact(all)
    expect(epochs.map((epoch) => epoch?.split('-')[0])).toEqual(['srv1', 'srv2', 'srv1'])
    agents.generation.stop()
    const content = [...cluster.content(agents.topic)]
    await until('the view is what the server has', () => isSame([...agents.agents.view], content), 9000)
    expect(agents.least()).toBe(AGENTS)
    // One dial a move, and the first one was the right one: nobody else was tried, nor the virtual address in vain.
    expect(dialled(cluster)).toEqual(['srv1', 'srv2', 'srv1'])
    expect(client.decisions().map(({ kind }) => kind)).not.toContain('attempt-failed')
    const known = [...events.endpointChange.map(({ endpoint }) => endpoint), ...client.endpoints]
    expect(new Set(known.map(({ url }) => url))).toEqual(new Set([VIRTUAL]))
    expect(known.filter(({ breaker }) => breaker !== 'closed')).toEqual([])
    expect(events.failover).toHaveLength(MOVES.length)
  })
})

describe('the virtual address leads to nobody who can serve', () => {
  it('the check passes for the wrong UCC: dialled past it', async () => {
    const all = await world({ uccs: ['helpdesk', 'sales'], uccPorts: { sales: 6001 }, standby: 'stopped' }, PAST_IT)
    const faultAt = performance.now()
    await all.cluster.promote('srv2', 'helpdesk')
    const oursMs = await firstEventFrom(all, 'srv2', faultAt, PAST_IT_MS)
    const theirs = await arrivalsWithin(all.plain, faultAt, 'srv2', PLAIN_MS)
    reportBeside('load balancer that checks another UCC, UCC moved to srv2', oursMs, theirs, PLAIN_MS)
    expect(theirs).toEqual(NOWHERE)
    await expectExact(all)
    expect(all.client.active?.name).toBe('srv2')
  })

  it.each<{ fault: string; boundMs: number; strike: (all: World) => Promise<void> }>([
    { fault: 'killed', boundMs: PAST_IT_MS, strike: ({ balancer }) => balancer.kill() },
    { fault: 'black-holed', boundMs: SILENT_MS, strike: () => cut('lb1') },
  ])('the load balancer is $fault: dialled past it, to the same server', async ({ fault, boundMs, strike }) => {
    const all = await world({ standby: 'stopped' }, PAST_IT)
    const resumed = all.events.resume.length
    const faultAt = performance.now()
    await strike(all)
    await until('live again', () => all.events.resume.length > resumed, SWITCHED_MS)
    const oursMs = performance.now() - faultAt
    expect(oursMs).toBeLessThan(boundMs)
    const theirs = await arrivalsWithin(all.plain, performance.now(), 'srv1', PLAIN_MS)
    reportBeside(`load balancer ${fault}`, oursMs, theirs, PLAIN_MS)
    expect(theirs).toEqual(NOWHERE)
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
    expect(theirs).toEqual(NOWHERE)
    await expectExact({ ...live, generation })
    expect(live.client.active).toMatchObject({ address: addressOf('lb2'), server: 'srv3' })
  })
})
