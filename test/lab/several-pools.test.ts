/**
 * The guide's "Multiple trusted application pools", through one directory: a365pool1 with SRV1 and SRV2 behind
 * a365web1, a365pool2 with SRV3 and SRV4 behind a365web2; a UCC on each.
 */
import { expect, it } from 'vitest'
import { createFailoverDirectory } from 'failover-client'
import type { Cluster } from 'failover-client/testing/node'
import { compareLog, EXACT, onCleanup, until } from '../support/harness'
import { arrivalsWithin, NOWHERE, reportBeside, startPlainClient, type PlainClient } from './support/plain-client'
import { firstEventFrom, startNames, startServers, urlOf, watch, type LiveClient } from './support/world'

const PLAIN_MS = 3000

interface Pool extends LiveClient {
  readonly cluster: Cluster
  readonly generation: ReturnType<Cluster['generate']>
}

async function start(): Promise<{ helpdesk: Pool; sales: Pool }> {
  await startNames({ a365web1: 'srv1', a365web2: 'srv3' }, 300)
  const clusters = [
    await startServers(['srv1', 'srv2'], { uccs: ['helpdesk'], standby: 'stopped' }),
    await startServers(['srv3', 'srv4'], { uccs: ['sales'], standby: 'stopped' }),
  ] as const
  const directory = createFailoverDirectory({
    pools: [
      { hostname: urlOf('a365web1'), endpoints: [urlOf('srv1'), urlOf('srv2')], uccs: ['helpdesk'] },
      { hostname: urlOf('a365web2'), endpoints: [urlOf('srv3'), urlOf('srv4')], uccs: ['sales'] },
    ],
  })
  onCleanup(() => directory.close())
  const pool = async (ucc: string, cluster: Cluster): Promise<Pool> => {
    const live = await watch(directory.client(ucc), ucc)
    return { ...live, cluster, generation: cluster.generate({ topic: `ucc/${ucc}/events`, perSecond: 50 }) }
  }
  return { helpdesk: await pool('helpdesk', clusters[0]), sales: await pool('sales', clusters[1]) }
}

async function expectExact({ generation, log }: Pool): Promise<void> {
  const published = generation.stop()
  await until('all arrived', () => log.keys.length >= published.length, 9000)
  expect(compareLog(published, log.keys)).toEqual(EXACT)
}

const hears = ({ heard }: PlainClient, server: string): boolean => heard.fetch === server && heard.ws === server

const serversHeard = ({ log }: LiveClient): string[] => [...new Set(log.changes.map(({ server }) => server))]

it('each UCC is on its own pool, and a pool that fails is alone with it', async () => {
  const { helpdesk, sales } = await start()
  const plain = { helpdesk: startPlainClient(urlOf('a365web1')), sales: startPlainClient(urlOf('a365web2')) }
  await until('the plain clients run', () => hears(plain.helpdesk, 'srv1') && hears(plain.sales, 'srv3'), 9000)
  expect([helpdesk, sales].map(({ client }) => client.active?.url)).toEqual([urlOf('srv1'), urlOf('srv3')])

  const faultAt = performance.now()
  await helpdesk.cluster.kill('srv1')
  await helpdesk.cluster.promote('srv2')
  const oursMs = await firstEventFrom(helpdesk, 'srv2', faultAt, 9000)
  const theirs = await arrivalsWithin(plain.helpdesk, faultAt, 'srv2', PLAIN_MS)
  reportBeside('several pools, SRV1 killed', oursMs, theirs, PLAIN_MS)
  expect(theirs).toEqual(NOWHERE)

  // The whole first pool is gone, and the second one still knows nothing of it.
  await helpdesk.cluster.kill('srv2')
  await until('the first pool is told as offline', () => helpdesk.client.state === 'offline', 9000)
  expect(sales.client.state).toBe('connected')
  expect(sales.events.failover).toEqual([])
  expect(sales.events.stateChange.map(({ to }) => to)).not.toContain('degraded')

  const stoppedAt = performance.now()
  await sales.cluster.promote('srv4')
  const salesMs = await firstEventFrom(sales, 'srv4', stoppedAt, 9000)
  const theirSales = await arrivalsWithin(plain.sales, stoppedAt, 'srv4', PLAIN_MS)
  reportBeside('several pools, UCC moved from SRV3 to SRV4', salesMs, theirSales, PLAIN_MS)
  expect(theirSales).toEqual(NOWHERE)
  expect(helpdesk.client.state).toBe('offline')

  await helpdesk.cluster.restart('srv2')
  await until('the first pool is back', () => helpdesk.client.state === 'connected', 15_000)
  await expectExact(helpdesk)
  await expectExact(sales)
  expect(serversHeard(helpdesk)).toEqual(['srv1', 'srv2'])
  expect(serversHeard(sales)).toEqual(['srv3', 'srv4'])
})
