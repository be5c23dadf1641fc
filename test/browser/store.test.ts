/** localStorage: what was learned in one visit helps the next one start; whatever stands there can do no harm. */
import { expect, test } from 'vitest'
import type { Cluster } from 'failover-client/testing/node'
import { startHarness } from '../support/harness'
import { TLS } from '../integration/cluster-tls'
import { useBrowser, type DrivenPage } from './harness'

// For the cluster with TLS: what is wrong with a certificate is not the matter here.
const openSide = useBrowser({ flags: ['--ignore-certificate-errors'] })
const TOPIC = 'ucc/helpdesk/agents'

/** Under which a page keeps what it knows of this cluster. */
function keyOf(cluster: Cluster): string {
  return `failover-client:failover-client ${cluster.hostname}`
}

function read(page: DrivenPage, cluster: Cluster): Promise<string> {
  return page.page.evaluate((key) => localStorage.getItem(key) ?? '', keyOf(cluster))
}

function write(page: DrivenPage, cluster: Cluster, text: string): Promise<void> {
  return page.page.evaluate(([key = '', value = '']) => localStorage.setItem(key, value), [keyOf(cluster), text])
}

/** A client that knows nothing but the dedicated hostname, which is the first server's address. */
async function connectBare(page: DrivenPage, cluster: Cluster): Promise<void> {
  const allowedHosts = cluster.servers.map(({ address }) => address)
  await page.call('connect', { hostname: cluster.hostname, ucc: 'helpdesk', allowedHosts, failover: { spreadMs: 0 } })
}

async function warnings(page: DrivenPage): Promise<string[]> {
  return (await page.call('said', 'warning')).map(({ about }) => about)
}

/** Waits for a warning of the store, or for what it holds to be refused. */
async function whenWarned(page: DrivenPage, code: string): Promise<void> {
  await page.when(
    code,
    () => warnings(page),
    (codes) => codes.includes(code),
    9000,
  )
}

function content(...urls: string[]): string {
  const endpoints = urls.map((url) => ({ url, server: 'srv2' }))
  return JSON.stringify({ version: 1, savedAt: Date.now(), endpoints, active: urls[0] })
}

const valid = (): string => content('http://srv2.contoso.test')

test('a cold start with the first server dead needs the hostname and the store only', async () => {
  const { cluster } = await startHarness()
  const page = await openSide()
  await connectBare(page, cluster)
  await page.call('ready', 9000)
  await page.when(
    'the other server is stored',
    () => read(page, cluster),
    (text) => text.includes(cluster.endpoints[1] ?? '?') && text.includes('"active"'),
    9000,
  )
  await page.call('close')
  await cluster.kill('srv1')
  await page.page.reload()
  await connectBare(page, cluster)
  await page.call('watchState', TOPIC)
  await page.when(
    'the topic is live',
    () => page.call('view', TOPIC),
    ({ state }) => state === 'live',
    9000,
  )
  expect(await page.call('state')).toMatchObject({ state: 'connected', server: 'srv2' })
  expect(await warnings(page)).not.toContain('STORE_CORRUPT')
  expect(await page.allErrors()).toEqual([])
})

test('who served last is asked for first, among the learned', async () => {
  const { cluster } = await startHarness({ servers: 3, peers: false })
  const [, second = '', third = ''] = cluster.endpoints
  await cluster.kill('srv1')
  const page = await openSide()
  const stored = { version: 1, savedAt: Date.now(), endpoints: [{ url: second }, { url: third }], active: third }
  await write(page, cluster, JSON.stringify(stored))
  await connectBare(page, cluster)
  await page.call('ready', 9000)
  expect(await page.call('state')).toMatchObject({ server: 'srv3' })
})

test.each([
  ['no JSON', () => '{'],
  ['another shape', () => '[]'],
  ['another version', () => valid().replace('"version":1', '"version":99')],
  ['what it should hold on a prototype', () => `{"__proto__":${valid()}}`],
  ['a list that is a prototype', () => '{"version":1,"savedAt":0,"endpoints":{"__proto__":[]}}'],
  ['deep nesting', () => '['.repeat(50_000) + ']'.repeat(50_000)],
  ['as much as fits', () => 'x'.repeat(4_000_000)],
])('that holds %s is ignored with one warning, and replaced', async (_what, make) => {
  const { cluster } = await startHarness()
  const page = await openSide()
  await write(page, cluster, make())
  await connectBare(page, cluster)
  await page.call('ready', 9000)
  expect(await page.call('state')).toMatchObject({ server: 'srv1' })
  await whenWarned(page, 'STORE_CORRUPT')
  await page.when(
    'it is replaced',
    () => read(page, cluster),
    (text) => text.length < 10_000 && text.includes(cluster.endpoints[1] ?? '?'),
    9000,
  )
  expect((await warnings(page)).filter((code) => code === 'STORE_CORRUPT')).toHaveLength(1)
  expect(await page.page.evaluate(() => Object.keys(Object.prototype))).toEqual([])
  expect(await page.allErrors()).toEqual([])
})

test.each([
  ['a foreign host', false, () => 'http://evil.example:8080', 'FOREIGN_PEER_REFUSED'],
  ['a URL that is none', false, () => 'javascript:alert(1)', 'MALFORMED_ANSWER'],
  [
    'a server of ours without encryption',
    true,
    ({ servers, port }: Cluster) => `http://${servers[1]?.address ?? ''}:${port}`,
    'DOWNGRADE_REFUSED',
  ],
])('that names %s gets nobody there: the configuration serves', async (_what, secure, name, code) => {
  const { cluster } = await startHarness({ peers: false, ...(secure ? { tls: TLS } : {}) })
  const page = await openSide()
  const url = name(cluster)
  await write(page, cluster, content(url))
  await connectBare(page, cluster)
  await page.call('ready', 9000)
  await whenWarned(page, code)
  expect(await page.call('state')).toMatchObject({ server: 'srv1' })
  expect((await page.call('endpoints')).map((endpoint) => endpoint.url)).toEqual([cluster.hostname])
  expect(cluster.server('srv2').requests()).toEqual([])
})

test('that is forbidden to the page is told, and nothing else happens', async () => {
  const { cluster } = await startHarness()
  // An opaque origin: reading `localStorage` throws a SecurityError.
  const headers = { 'content-security-policy': 'sandbox allow-scripts', 'access-control-allow-origin': '*' }
  const page = await openSide(headers)
  await connectBare(page, cluster)
  await page.call('ready', 9000)
  await whenWarned(page, 'STORE_FAILED')
  expect(await page.call('state')).toMatchObject({ server: 'srv1' })
  const said = (await page.call('said', 'warning')).filter(({ about }) => about === 'STORE_FAILED')
  expect(said[0]?.sentence).toContain('could not be read')
  expect(await page.allErrors()).toEqual([])
})

test('that is full is told once, and nothing else happens', async () => {
  const { cluster } = await startHarness()
  const page = await openSide()
  await page.page.evaluate(() => {
    let text = 'x'.repeat(1_048_576)
    for (let n = 0; text !== ''; n += 1) {
      try {
        localStorage.setItem(`full ${n}`, text)
      } catch {
        text = text.slice(0, text.length / 2)
      }
    }
  })
  await connectBare(page, cluster)
  await page.call('ready', 9000)
  await page.when(
    'both servers are known, and to be stored',
    () => page.call('endpoints'),
    (endpoints) => endpoints.length === 2,
    9000,
  )
  await whenWarned(page, 'STORE_FAILED')
  await page.call('close')
  const said = (await page.call('said', 'warning')).filter(({ about }) => about === 'STORE_FAILED')
  expect(said.map(({ sentence }) => sentence.includes('could not be stored'))).toEqual([true])
  expect(await read(page, cluster)).toBe('')
  expect(await page.allErrors()).toEqual([])
})
