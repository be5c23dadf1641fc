/** Requests, commands and the drop-in classes of a page, against two real servers on other origins. */
import { expect, test } from 'vitest'
import { startHarness } from '../support/harness'
import { connectTo, useBrowser } from './harness'

const openSide = useBrowser()
const AGENTS = 'ucc/helpdesk/agents'

test('a request is routed, with the token, across origins: preflight and answer', async () => {
  const { cluster } = await startHarness({ tokens: ['secret-1'] })
  const page = await openSide()
  await connectTo(page, cluster, { token: 'secret-1' })
  const answer = await page.call('fetch', '/api/headers')
  expect(answer).toMatchObject({ status: 200, server: 'srv1' })
  const { headers } = answer.body as { headers: Record<string, string> }
  expect(headers).toMatchObject({ authorization: 'Bearer secret-1', origin: page.origin })
  const requests = cluster.server('srv1').requests()
  const preflight = requests.find(({ method, url }) => method === 'OPTIONS' && url === '/api/headers')
  expect(preflight?.headers['access-control-request-headers']).toContain('authorization')
  // Readiness is a simple request: no preflight, no token, no cookie.
  const readiness = requests.filter(({ url }) => url.startsWith('/failover/ready'))
  expect(readiness.length).toBeGreaterThan(0)
  expect(readiness.filter(({ method }) => method !== 'GET')).toEqual([])
  expect(readiness.filter((one) => 'authorization' in one.headers || 'cookie' in one.headers)).toEqual([])
  // Nobody else's server hears the token, nor is a URL of somebody else changed.
  expect(await page.call('fetch', `${page.origin}/page.js`)).toMatchObject({ status: 200, server: null })
  expect(await page.allErrors()).toEqual([])
})

test('requests follow the failover: URLs of the dedicated hostname and one in flight', async () => {
  const { cluster } = await startHarness()
  const page = await openSide()
  await connectTo(page, cluster)
  await page.call('watchState', AGENTS)
  expect(await page.call('fetch', `${cluster.hostname}/api/whoami`)).toMatchObject({ server: 'srv1' })
  const inFlight = page.call('fetch', '/api/slow?ms=1500')
  const unsafe = page.call('fetchEnding', '/api/slow?ms=1500', { method: 'POST', body: 'once' })
  const slow = (): number =>
    cluster
      .server('srv1')
      .requests()
      .filter(({ url }) => url.startsWith('/api/slow')).length
  await page.when(
    'both are under way',
    () => Promise.resolve(slow()),
    (count) => count >= 2,
    5000,
  )
  await cluster.kill('srv1')
  expect(await inFlight).toMatchObject({ status: 200, server: 'srv2' })
  // A page can never know what was sent: an unsafe request that was cut off is not repeated.
  expect(await unsafe).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  expect(await page.call('fetch', `${cluster.hostname}/api/whoami`)).toMatchObject({ server: 'srv2' })
  const post = await page.call('fetch', '/api/echo', { method: 'POST', body: '{"a":1}' })
  expect(post).toMatchObject({ server: 'srv2', body: { method: 'POST', body: '{"a":1}' } })
  const repeated = cluster
    .server('srv2')
    .requests()
    .filter(({ url }) => url.startsWith('/api/slow'))
  expect(repeated.map(({ method }) => method)).toEqual(['GET'])
  expect(await page.allErrors()).toEqual([])
})

test('commands in flight when the server dies: known by their key, or unknown and said so', async () => {
  const { cluster } = await startHarness({ keys: 'split', commandDelayMs: 1500 })
  const page = await openSide()
  await connectTo(page, cluster)
  const set = page.call('command', 'set', { target: 'a', value: 7 }, { safety: 'set', target: 'a' })
  const keyed = page.call('command', 'keyed-one', { a: 1 }, { safety: 'keyed', key: 'key-keyed' })
  const effect = page.call('command', 'effect-one', { a: 1 }, { safety: 'effect', key: 'key-effect' })
  const under = (): number => cluster.ledger.all().length
  await page.when(
    'all three are executed',
    () => Promise.resolve(under()),
    (count) => count === 3,
    5000,
  )
  await cluster.kill('srv1')
  expect(await set).toEqual({ value: { target: 'a', value: 7 } })
  expect(await keyed).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  expect(await effect).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
  expect(cluster.ledger.executions('key-keyed')).toHaveLength(1)
  expect(cluster.ledger.executions('key-effect')).toHaveLength(1)
  expect(await page.call('said', 'outcomeUnknown')).toHaveLength(2)
  expect(await page.allErrors()).toEqual([])
})

test('a keyed command goes on where the servers share the memory of keys', async () => {
  const { cluster } = await startHarness({ keys: 'shared', commandDelayMs: 1500 })
  const page = await openSide()
  await connectTo(page, cluster)
  const keyed = page.call('command', 'keyed-one', { a: 1 }, { safety: 'keyed', key: 'key-shared' })
  const executed = (): number => cluster.ledger.executions('key-shared').length
  await page.when(
    'it is executed',
    () => Promise.resolve(executed()),
    (count) => count === 1,
    5000,
  )
  await cluster.kill('srv1')
  expect(await keyed).toEqual({ value: { a: 1 } })
  expect(executed()).toBe(1)
  expect(cluster.ledger.violations()).toEqual([])
  expect(await page.allErrors()).toEqual([])
})

test('a state topic shows what the servers have, through a failover', async () => {
  const { cluster } = await startHarness()
  cluster.publish(AGENTS, { key: 'a1', data: { name: 'Ada' } })
  const page = await openSide()
  await connectTo(page, cluster)
  await page.call('watchState', AGENTS)
  const items = async (): Promise<unknown> => (await page.call('view', AGENTS)).items
  const shows = (wanted: unknown) => (found: unknown) => JSON.stringify(found) === JSON.stringify(wanted)
  await page.when('the first agent', items, shows({ a1: { name: 'Ada' } }), 5000)
  await cluster.kill('srv1')
  cluster.publish(AGENTS, { key: 'a2', data: { name: 'Bob' } })
  await page.when('the second agent', items, shows({ a1: { name: 'Ada' }, a2: { name: 'Bob' } }), 5000)
  expect(await page.allErrors()).toEqual([])
})

test('WebSocket: echoes, and closes with 1012 at once when its server is left', async () => {
  const { cluster } = await startHarness()
  const page = await openSide()
  await connectTo(page, cluster)
  await page.call('watchState', AGENTS)
  await page.call('openSocket', '/ws/echo?greet')
  const told = () => page.call('socketTold')
  const messages = (list: Awaited<ReturnType<typeof told>>) => list.filter(({ what }) => what === 'message')
  await page.when('the greeting', told, (list) => messages(list).length === 1, 5000)
  await page.call('sendOnSocket', 'hello')
  const before = await page.when('the echo', told, (list) => messages(list).length === 2, 5000)
  expect(messages(before).map(({ data }) => data)).toEqual(['{"server":"srv1"}', 'hello'])
  const { at } = await cluster.hang('srv1')
  const list = await page.when('the close', told, (found) => found.some(({ what }) => what === 'close'), 10_000)
  const close = list.find(({ what }) => what === 'close')
  expect(close).toMatchObject({ code: 1012, reason: 'failover' })
  expect((close?.at ?? NaN) - at).toBeLessThan(3 * 3000)
  await page.call('openSocket', '/ws/echo?greet')
  await page.when('the greeting', told, (found) => messages(found).at(-1)?.data === '{"server":"srv2"}', 5000)
  expect(await page.allErrors()).toEqual([])
})

test('EventSource: goes on at the other server from the last event id, token included', async () => {
  const { cluster } = await startHarness({ tokens: ['secret-1'] })
  const page = await openSide()
  await connectTo(page, cluster, { token: 'secret-1' })
  await page.call('watchState', AGENTS)
  await page.call('openSource', '/events/plain?retryMs=100')
  const told = () => page.call('sourceTold')
  await page.when('open', told, (list) => list.some(({ what }) => what === 'open'), 5000)
  cluster.publish('plain/log', { key: 'm1', data: 1 })
  const keys = async (): Promise<string[]> =>
    (await told()).flatMap(({ data }) => (data === undefined ? [] : [(JSON.parse(data) as { key: string }).key]))
  await page.when('the first message', keys, (list) => list.length === 1, 5000)
  await cluster.kill('srv1')
  cluster.publish('plain/log', { key: 'm2', data: 2 })
  cluster.publish('plain/log', { key: 'm3', data: 3 })
  expect(await page.when('the others', keys, (list) => list.length >= 3, 10_000)).toEqual(['m1', 'm2', 'm3'])
  const find = () =>
    cluster
      .server('srv2')
      .requests()
      .find(({ method, url }) => method === 'GET' && url.startsWith('/events'))
  const again = await page.when('the request is on record', () => Promise.resolve(find()), Boolean, 5000)
  expect(again?.headers).toMatchObject({ authorization: 'Bearer secret-1' })
  expect(again?.headers['last-event-id']).toMatch(/\/1$/)
  expect(await page.allErrors()).toEqual([])
})

// fault-matrix: 42
test('the live connection takes the event stream where upgrades are refused', async () => {
  const { cluster } = await startHarness({ refuseUpgrades: true })
  const page = await openSide()
  await connectTo(page, cluster)
  await page.call('recordLog', 'ucc/helpdesk/log')
  const open = () =>
    cluster.servers.flatMap((server) => server.connections().filter((one) => one.closedAt === undefined))
  const streams = () => Promise.resolve(open().map(({ transport, topics }) => `${transport} ${topics.join()}`))
  await page.when('an event stream', streams, (list) => list.join() === 'events ucc/helpdesk/log', 15_000)
  await page.when(
    'connected',
    () => page.call('state'),
    ({ state }) => state === 'connected',
    10_000,
  )
  const generation = cluster.generate({ topic: 'ucc/helpdesk/log', perSecond: 100 })
  await page.when(
    'events',
    () => page.call('deliveredCount'),
    (count) => count > 20,
    5000,
  )
  const { server = '' } = await page.call('state')
  const { at } = await cluster.kill(server)
  const other = server === 'srv1' ? 'srv2' : 'srv1'
  await page.when('events from the other', () => page.call('firstFrom', other, at), Boolean, 15_000)
  const published = generation.stop().map(({ key }) => key)
  const keys = async (): Promise<string[]> => (await page.call('delivered')).map(({ key }) => key)
  expect(await page.when('all', keys, (list) => list.length >= published.length, 10_000)).toEqual(published)
  expect(await page.allErrors()).toEqual([])
})
