/** Kill, hang and stopped UCC, as a page lives through them: two real servers on other origins, real Chromium. */
import { beforeEach, expect, test } from 'vitest'
import type { Cluster } from 'failover-client/testing/node'
import { compareLog, elapse, EXACT, median, reportTimes, startHarness } from '../support/harness'
import { connectTo, useBrowser, type DrivenPage } from './harness'

const LOG = 'ucc/helpdesk/log'
const PER_SECOND = 200
const ROUNDS = 5

const openSide = useBrowser()
let page: DrivenPage
beforeEach(async () => {
  page = await openSide()
})

const other = (server: string): string => (server === 'srv1' ? 'srv2' : 'srv1')

/** A client in the page, ready, with the shared log running through it. */
async function follow(cluster: Cluster): Promise<ReturnType<Cluster['generate']>> {
  await connectTo(page, cluster)
  await page.call('recordLog', LOG)
  const generation = cluster.generate({ topic: LOG, perSecond: PER_SECOND })
  await page.when(
    'first events',
    () => page.call('deliveredCount'),
    (count) => count > 20,
    10_000,
  )
  return generation
}

/** Nothing lost, nothing twice, in order; and nobody in the page had to hear of it. */
async function expectWhole(generation: ReturnType<Cluster['generate']>): Promise<void> {
  const published = generation.stop()
  await page.when(
    'all events',
    () => page.call('deliveredCount'),
    (count) => count >= published.length,
    10_000,
  )
  const keys = (await page.call('delivered')).map(({ key }) => key)
  expect(compareLog(published, keys)).toEqual(EXACT)
  expect(keys.length).toBe(published.length)
  expect(await page.allErrors()).toEqual([])
}

/** Both servers can be moved to, and the page knows it. */
async function bothReady(): Promise<void> {
  await page.when(
    'both servers are candidates, and one is in use',
    async () => [await page.call('state'), await page.call('endpoints')] as const,
    ([{ state }, endpoints]) =>
      state === 'connected' &&
      endpoints.length === 2 &&
      endpoints.every((one) => one.breaker === 'closed' && one.readiness === 'running'),
    20_000,
  )
}

/** Does `harm` to the server in use, again and again; gives the times to the first event from the other one. */
async function rounds(harm: (server: string) => Promise<{ at: number }>, heal: (server: string) => Promise<void>) {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const server = (await page.call('state')).server ?? ''
    const { at } = await harm(server)
    const first = await page.when(
      `an event from ${other(server)}`,
      () => page.call('firstFrom', other(server), at),
      (found) => found !== undefined,
      20_000,
    )
    times.push((first?.at ?? NaN) - at)
    await heal(server)
    await bothReady()
  }
  return times
}

test('kill: nothing is lost, and the other server goes on at once', async () => {
  const { cluster } = await startHarness()
  const generation = await follow(cluster)
  const times = await rounds(
    (server) => cluster.kill(server),
    (server) => cluster.restart(server),
  )
  await expectWhole(generation)
  reportTimes('page, kill to first event from the other server', times)
  expect(median(times)).toBeLessThan(3 * 150)
  expect(await page.call('said', 'failover')).toHaveLength(ROUNDS)
})

test('hang: a server that only stays silent is left', async () => {
  const { cluster } = await startHarness()
  const generation = await follow(cluster)
  const times = await rounds(
    (server) => cluster.hang(server),
    (server) => cluster.unhang(server),
  )
  await expectWhole(generation)
  reportTimes('page, hang to first event from the other server', times)
  expect(median(times)).toBeLessThan(3 * 1500)
  expect(Math.max(...times)).toBeLessThan(3 * 3000)
  expect(await page.call('said', 'failover')).toHaveLength(ROUNDS)
})

// fault-matrix: 5, 6, 43
test('UCC stopped: the passive is dialled when it runs, and not before', async () => {
  const { cluster } = await startHarness({ standby: 'stopped' })
  const generation = await follow(cluster)
  const stopped = await cluster.stopUcc('srv1', 'helpdesk', { announce: 'status' })
  await page.when(
    'offline, starting',
    () => page.call('state'),
    ({ state }) => state === 'offline',
    3000,
  )
  expect(await page.call('state')).toMatchObject({ state: 'offline', offlineReason: 'starting' })
  // The web services answer perfectly all the while.
  expect(await (await fetch(`${cluster.endpoints[0]}/api/whoami`)).json()).toMatchObject({ server: 'srv1' })
  await elapse(3000 - (Date.now() - stopped.at))
  const passive = cluster.server('srv2')
  expect(passive.dials().filter(({ kind }) => kind === 'upgrade' || kind === 'events')).toEqual([])
  const { at } = await cluster.promote('srv2')
  const first = await page.when('an event from srv2', () => page.call('firstFrom', 'srv2', at), Boolean, 10_000)
  const [connection] = passive.connections()
  const attachedMs = (connection?.openedAt ?? NaN) - at
  reportTimes('page, running on the passive to attached', [attachedMs])
  reportTimes('page, running on the passive to first event', [(first?.at ?? NaN) - at])
  expect(attachedMs).toBeLessThan(3 * 1000)
  await expectWhole(generation)
})
