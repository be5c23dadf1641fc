/** What a page lives through beside its servers: no network, no server, policies, the end. */
import { expect, test } from 'vitest'
import type { Cluster } from 'failover-client/testing/node'
import { compareLog, elapse, EXACT, reportTimes, startHarness } from '../support/harness'
import { connectTo, useBrowser, type DrivenPage } from './harness'

const LOG = 'ucc/helpdesk/log'
const openSide = useBrowser()

async function follow(page: DrivenPage, cluster: Cluster): Promise<ReturnType<Cluster['generate']>> {
  await connectTo(page, cluster)
  await page.call('recordLog', LOG)
  const generation = cluster.generate({ topic: LOG, perSecond: 50 })
  await page.when(
    'first events',
    () => page.call('deliveredCount'),
    (count) => count > 10,
    10_000,
  )
  return generation
}

async function expectWhole(page: DrivenPage, generation: ReturnType<Cluster['generate']>): Promise<void> {
  const published = generation.stop()
  await page.when(
    'all events',
    () => page.call('deliveredCount'),
    (count) => count >= published.length,
    10_000,
  )
  const keys = (await page.call('delivered')).map(({ key }) => key)
  expect(compareLog(published, keys)).toEqual(EXACT)
  expect(keys).toHaveLength(published.length)
  expect(await page.allErrors()).toEqual([])
}

// fault-matrix: 33
test('no network: said within 5 s, nobody is blamed, and all of it goes on afterwards', async () => {
  const { cluster } = await startHarness()
  const page = await openSide()
  const generation = await follow(page, cluster)
  const context = page.page.context()
  const offlineAt = Date.now()
  let onlineAt = NaN
  await context.setOffline(true)
  try {
    await page.when(
      'offline',
      () => page.call('state'),
      ({ state }) => state === 'offline',
      3 * 5000,
    )
    expect((await page.call('state')).offlineReason).toBe('network')
    // Long enough for every breaker to open, if the servers were blamed.
    await elapse(4000)
    expect((await page.call('endpoints')).map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
  } finally {
    onlineAt = Date.now()
    await context.setOffline(false)
  }
  await page.when(
    'connected again',
    () => page.call('state'),
    ({ state }) => state === 'connected',
    3 * 5000,
  )
  const changes = await page.call('said', 'stateChange')
  const told = changes.find(({ about }) => about === 'offline')?.at ?? NaN
  reportTimes('page, network gone to offline', [told - offlineAt])
  reportTimes('page, network back to connected', [(changes.at(-1)?.at ?? NaN) - onlineAt])
  expect(told - offlineAt).toBeLessThan(5000)
  expect(await page.call('said', 'failover')).toEqual([])
  await expectWhole(page, generation)
})

test.each(['answers', 'redirects'] as const)(
  'no server, though the origin of the page %s: that is not the network',
  async (reference) => {
    const { cluster } = await startHarness()
    const page = await openSide({}, reference === 'redirects' ? 'http://127.0.0.1:9/sign-in' : undefined)
    const generation = await follow(page, cluster)
    const { at } = await cluster.kill('srv1')
    await cluster.kill('srv2')
    await page.when(
      'offline',
      () => page.call('state'),
      ({ state }) => state === 'offline',
      3 * 5000,
    )
    const isSettled = ({ offlineReason }: { offlineReason: string | undefined }): boolean => offlineReason === 'servers'
    await page.when('the reason is the servers', () => page.call('state'), isSettled, 3 * 5000)
    const told = (await page.call('said', 'stateChange')).find(({ offlineReason }) => offlineReason === 'servers')
    reportTimes(`page, both servers killed to offline, servers (the origin ${reference})`, [(told?.at ?? NaN) - at])
    await cluster.restart('srv2')
    await page.when(
      'connected again',
      () => page.call('state'),
      ({ state }) => state === 'connected',
      3 * 5000,
    )
    await expectWhole(page, generation)
  },
)

test('close() says goodbye and leaves nothing in the page', async () => {
  const { cluster } = await startHarness()
  const page = await openSide()
  const devtools = await page.page.context().newCDPSession(page.page)
  const left = async () => {
    const listeners = await Promise.all(['window', 'document'].map((name) => countListeners(devtools, name)))
    const timers = await page.page.evaluate(
      () => (globalThis as unknown as { liveTimers: Set<number> }).liveTimers.size,
    )
    return { listeners, timers }
  }
  const before = await left()
  const generation = await follow(page, cluster)
  await page.call('openSocket', '/ws/echo?greet')
  await page.call('openSource', '/events/plain')
  await page.when(
    'the greeting',
    () => page.call('socketTold'),
    (told) => told.length >= 2,
    5000,
  )
  await page.when(
    'the stream',
    () => page.call('sourceTold'),
    (told) => told.length >= 1,
    5000,
  )
  const during = await left()
  expect(during.timers).toBeGreaterThan(before.timers)
  expect(during.listeners[0]).toBeGreaterThan(before.listeners[0] ?? NaN)
  const started = performance.now()
  await page.call('close')
  expect(performance.now() - started).toBeLessThan(3 * 1000)
  generation.stop()
  await page.when('nothing is left', left, (now) => JSON.stringify(now) === JSON.stringify(before), 2000)
  const lives = cluster.servers.flatMap((server) => server.connections())
  expect(lives.map(({ left: reason, closeCode }) => [reason !== undefined, closeCode])).toEqual([[true, 1000]])
  expect((await page.call('socketTold')).at(-1)).toMatchObject({ what: 'close' })
  const asked = () => cluster.servers.reduce((sum, server) => sum + server.dials().length, 0)
  const before3 = asked()
  await elapse(3000)
  expect(asked()).toBe(before3)
  expect(await page.allErrors()).toEqual([])
})

test('a page that goes away closes its connection', async () => {
  const { cluster } = await startHarness()
  const page = await openSide()
  const generation = await follow(page, cluster)
  generation.stop()
  await page.page.goto('about:blank')
  const open = () =>
    Promise.resolve(
      cluster.servers.flatMap((one) => one.connections()).filter((one) => one.closedAt === undefined).length,
    )
  await page.when('the server sees it', open, (count) => count === 0, 5000)
})

// fault-matrix: 40
test('an endpoint that the policy of the page forbids is named, and the other one serves', async () => {
  const { cluster } = await startHarness()
  const [first = '', second = ''] = cluster.endpoints
  const allowed = `${second} ${second.replace('http', 'ws')}`
  const page = await openSide({ 'content-security-policy': `connect-src 'self' ${allowed}` })
  await connectTo(page, cluster)
  await page.call('recordLog', LOG)
  cluster.publish(LOG, { key: 'm1', data: 1 })
  await page.when(
    'an event',
    () => page.call('deliveredCount'),
    (count) => count === 1,
    5000,
  )
  expect(await page.call('state')).toMatchObject({ state: 'connected', server: 'srv2' })
  const warnings = await page.call('said', 'warning')
  expect(warnings.map(({ about }) => about)).toContain('CORS_OR_CSP_BLOCKED')
  expect(warnings.find(({ about }) => about === 'CORS_OR_CSP_BLOCKED')?.sentence).toContain('Content-Security-Policy')
  expect((await page.call('endpoints')).find(({ url }) => url === first)?.breaker).toBe('open')
  // The browser tells of the policy on its console; nothing else is wrong.
  expect((await page.allErrors()).filter((text) => !text.includes('Content Security Policy'))).toEqual([])
})

async function countListeners(
  devtools: Awaited<ReturnType<ReturnType<DrivenPage['page']['context']>['newCDPSession']>>,
  name: string,
): Promise<number> {
  const { result } = await devtools.send('Runtime.evaluate', { expression: name })
  const { listeners } = await devtools.send('DOMDebugger.getEventListeners', { objectId: result.objectId ?? '' })
  return listeners.length
}
