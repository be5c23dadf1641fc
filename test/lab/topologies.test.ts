/**
 * The three figures of the guide. Paired pools lie at two sites; the UCC of a paired pool is started by hand, when the
 * other pool is lost.
 */
import { expect, it } from 'vitest'
import type { EndpointInput } from 'failover-client'
import { compareLog, EXACT, until } from '../support/harness'
import { cut, type LabHost } from './support/network'
import { arrivalsWithin, NOWHERE, reportBeside, startPlainClient } from './support/plain-client'
import { firstEventFrom, fqdn, startClient, startNames, startServers, urlOf } from './support/world'

const TOPIC = 'ucc/helpdesk/events'
const PLAIN_MS = 3000
const SITES = ['amsterdam', 'utrecht'] as const

interface Figure {
  readonly title: string
  /** Servers by pool, in rank order. */
  readonly pools: readonly (readonly LabHost[])[]
}

const FIGURES: readonly Figure[] = [
  { title: 'figure 1: one pool with two servers', pools: [['srv1', 'srv2']] },
  { title: 'figure 2: two paired pools with one server each', pools: [['srv1'], ['srv2']] },
  {
    title: 'figure 3: two paired pools with two servers each',
    pools: [
      ['srv1', 'srv2'],
      ['srv3', 'srv4'],
    ],
  },
]

function endpointsOf({ pools }: Figure): EndpointInput[] {
  return pools.flatMap((pool, index) => pool.map((name) => ({ url: urlOf(name), name, site: SITES[index] ?? '' })))
}

async function start(figure: Figure) {
  const [first = [], ...others] = figure.pools
  const servers = figure.pools.flat()
  await startNames({ a365web1: 'srv1' }, 300)
  const cluster = await startServers(servers, { uccs: { helpdesk: { running: first } } })
  const live = await startClient({ hostname: urlOf('a365web1'), endpoints: endpointsOf(figure) })
  const known = (): boolean => live.client.endpoints.every(({ readiness }) => readiness !== 'unknown')
  await until('all are known', known, 15_000, () => live.client.endpoints)
  const plain = startPlainClient(urlOf('a365web1'))
  await until('the plain client runs', () => plain.heard.fetch === 'srv1' && plain.heard.ws === 'srv1', 9000)
  return { ...live, cluster, plain, servers, paired: new Set(others.flat()) }
}

it.each(FIGURES)('$title: they die one after the other', async (figure) => {
  const all = await start(figure)
  const { cluster, client, servers, paired, plain, log, events } = all
  const generation = cluster.generate({ topic: TOPIC, perSecond: 50 })
  for (const [rank, next] of servers.entries()) {
    const victim = servers[rank - 1]
    if (victim === undefined) continue
    const faultAt = performance.now()
    await cluster.kill(victim)
    if (paired.has(next)) await cluster.startUcc(next)
    const oursMs = await firstEventFrom(all, next, faultAt, 9000)
    const theirs = await arrivalsWithin(plain, faultAt, next, PLAIN_MS)
    reportBeside(`${figure.title}, ${victim} killed`, oursMs, theirs, PLAIN_MS)
    expect(theirs).toEqual(NOWHERE)
    const site = SITES[figure.pools.findIndex((pool) => pool.includes(next))]
    expect(client.active).toMatchObject({ name: next, rank, site })
  }
  const published = generation.stop()
  await until('all arrived', () => log.keys.length >= published.length, 9000)
  expect(compareLog(published, log.keys)).toEqual(EXACT)
  expect(events.failover).toHaveLength(servers.length - 1)
})

it('figure 3: a whole site falls silent, and the other one is started', async () => {
  const figure = FIGURES[2] ?? { title: '', pools: [] }
  const all = await start(figure)
  const generation = all.cluster.generate({ topic: TOPIC, perSecond: 50 })
  const faultAt = performance.now()
  await Promise.all([cut('srv1'), cut('srv2')])
  await all.cluster.startUcc('srv3')
  const oursMs = await firstEventFrom(all, 'srv3', faultAt, 9000)
  const theirs = await arrivalsWithin(all.plain, faultAt, 'srv3', PLAIN_MS)
  reportBeside(`${figure.title}, a site black-holed`, oursMs, theirs, PLAIN_MS)
  expect(theirs).toEqual(NOWHERE)
  expect(all.client.active).toMatchObject({ url: urlOf('srv3'), site: 'utrecht' })
  const published = generation.stop()
  await until('all arrived', () => all.log.keys.length >= published.length, 9000)
  expect(compareLog(published, all.log.keys)).toEqual(EXACT)
})

it('figure 2: the site comes back, and the administrator fails back by the CNAME', async () => {
  const { zone } = await startNames({ a365web1: 'srv2' }, 300)
  const cluster = await startServers(['srv1', 'srv2'])
  const figure = FIGURES[1] ?? { title: '', pools: [] }
  const live = await startClient({ hostname: urlOf('a365web1'), endpoints: endpointsOf(figure) })
  await until(
    'on the designated server',
    () => live.client.active?.name === 'srv2',
    20_000,
    () => live.client.decisions(),
  )
  const plain = startPlainClient(urlOf('a365web1'))
  await until('the plain client runs', () => plain.heard.fetch === 'srv2' && plain.heard.ws === 'srv2', 9000)
  const generation = cluster.generate({ topic: TOPIC, perSecond: 50 })
  const changedAt = performance.now()
  await zone.flip(fqdn('a365web1'), fqdn('srv1'))
  const oursMs = await firstEventFrom(live, 'srv1', changedAt, 15_000)
  const theirs = plain.since(changedAt, 'srv1')
  reportBeside(`${figure.title}, failed back by the CNAME`, oursMs, theirs, Math.round(oursMs))
  expect(theirs).toEqual(NOWHERE)
  const published = generation.stop()
  await until('all arrived', () => live.log.keys.length >= published.length, 9000)
  expect(compareLog(published, live.log.keys)).toEqual(EXACT)
  expect(live.events.failover).toEqual([])
})
