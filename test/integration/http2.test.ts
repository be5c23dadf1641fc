/** Requests over HTTP/2 (`nodePlatform({ http2: true })`) are moved, repeated and given up as over HTTP/1.1. */
import { beforeEach, expect, it } from 'vitest'
import { createFailoverClient, httpProbe, isFailoverError, type FailoverClient, type Platform } from 'failover-client'
import { nodePlatform } from 'failover-client/node'
import { TEST_CERTIFICATE } from '../support/certificate'
import { onCleanup, until } from '../support/harness'
import { startHttp2Server, type Http2Server } from '../support/http2-server'

let srv1: Http2Server
let srv2: Http2Server
let platform: Platform
let client: FailoverClient
/** Servers that reset their probes, and nothing else. */
let broken: Set<string>

/** A server that answers probes, and everything else but what begins with `/held`. */
async function start(name: string): Promise<Http2Server> {
  const server = await startHttp2Server(name, ({ path }, reply, { reset }) => {
    if (path === '/probe' && broken.has(name)) reset()
    else if (!path.startsWith('/held') || name === 'srv2') reply()
  })
  onCleanup(async () => server.kill())
  return server
}

beforeEach(async () => {
  broken = new Set()
  srv1 = await start('srv1')
  srv2 = await start('srv2')
  platform = nodePlatform({ tls: { ca: TEST_CERTIFICATE }, http2: true })
  client = createFailoverClient({
    hostname: `https://pool.contoso.test:${srv1.port}`,
    endpoints: [srv1, srv2].map(({ port }, index) => ({
      url: `https://pool.contoso.test:${port}`,
      address: '127.0.0.1',
      name: `srv${index + 1}`,
    })),
    resolver: [],
    platform,
    health: { probe: httpProbe({ path: '/probe' }), activeIntervalMs: 100 },
    failover: { spreadMs: 0 },
  })
  onCleanup(async () => {
    await client.close()
    platform.close()
  })
  await until('both are known to answer', () => client.endpoints.every(({ verdict }) => verdict === 'healthy'), 9000)
})

/** Requests that came to a server, without probes. */
function requests({ seen }: Http2Server): string[] {
  return seen.filter(({ path }) => path !== '/probe').map(({ version, method, path }) => `${version} ${method} ${path}`)
}

it('a killed server: the GET in flight is repeated on the other one, the POST in flight never', async () => {
  expect(await (await client.fetch('/first')).text()).toBe('srv1')
  const get = client.fetch('/held-get').then((response) => response.text())
  const post = client.fetch('/held-post', { method: 'POST', body: 'x' }).catch((error: unknown) => error)
  await until('both are in flight', () => requests(srv1).length === 3, 9000)
  srv1.kill()
  expect(await get).toBe('srv2')
  expect(isFailoverError(await post, 'OUTCOME_UNKNOWN')).toBe(true)
  // One that provably never left may go to the other server, unsafe or not.
  expect(await (await client.fetch('/after', { method: 'POST', body: 'x' })).text()).toBe('srv2')
  expect(requests(srv1)).toEqual(['2.0 GET /first', '2.0 GET /held-get', '2.0 POST /held-post'])
  expect(requests(srv2)).toEqual(['2.0 GET /held-get', '2.0 POST /after'])
})

it('a condemned server: its sessions end, the GET in flight there is repeated on the other one', async () => {
  expect(await (await client.fetch('/first')).text()).toBe('srv1')
  const get = client.fetch('/held-get').then((response) => response.text())
  await until('it is in flight', () => requests(srv1).length === 2, 9000)
  expect(srv1.sessions.size).toBeGreaterThan(0)
  broken.add('srv1')
  expect(await get).toBe('srv2')
  await until('the session is gone', () => srv1.sessions.size === 0, 9000)
  expect(requests(srv2)).toEqual(['2.0 GET /held-get'])
})

it('nothing is alive after the end', async () => {
  await Promise.all(['/a', '/b', '/c'].map(async (path) => (await client.fetch(path)).text()))
  expect(srv1.sessions.size).toBeGreaterThan(0)
  const held = client.fetch('/held').catch((error: unknown) => error)
  await until('one is in flight', () => requests(srv1).length === 4, 9000)
  await client.close()
  expect(isFailoverError(await held)).toBe(true)
  platform.close()
  await until('nothing is left', () => [srv1, srv2].every(({ sockets }) => sockets.size === 0), 1000)
})
