/** `nodePlatform({ http2: true })`: what is promised over HTTP/1.1 holds over HTTP/2. */
import { createServer as createSecureServer } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Road } from '../../src/core/road'
import { nodePlatform } from '../../src/platform/node/node-platform'
import type { Platform } from '../../src/platform/platform'
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate'
import { startHttp2Server, type Connection, type Http2Server } from '../support/http2-server'
import { Loopback, until } from '../support/loopback'
import { exchange, failureOf, fetchRouted, openSocket, road } from '../support/platform-probes'

const tls = { ca: TEST_CERTIFICATE }

let platform: Platform
let servers: Http2Server[]

beforeEach(() => {
  platform = nodePlatform({ tls, http2: true })
  servers = []
})
afterEach(() => {
  platform.close()
  for (const server of servers) server.kill()
})

async function start(...parameters: Parameters<typeof startHttp2Server>): Promise<Http2Server> {
  const server = await startHttp2Server(...parameters)
  servers.push(server)
  return server
}

function pinned({ port }: { readonly port: number }, more: Partial<Road> = {}): Road {
  return road(port, { endpointId: 'a', url: `https://srv1.contoso.test:${port}`, address: '127.0.0.1', ...more })
}

describe('which protocol is spoken', () => {
  it('HTTP/2 for requests, with the name of a pinned address in :authority and SNI', async () => {
    const server = await start('srv1')
    const paired = pinned(server, { hostname: 'pool.contoso.test', endpointId: 'b' })
    expect(await exchange(platform, { road: pinned(server), path: '/own' }).first).toMatchObject({ body: 'srv1' })
    const url = `${paired.url}/pool`
    const outcome = await fetchRouted(platform, { road: paired, url, init: { method: 'POST', body: 'x' } }).first
    expect(outcome.ok && (await outcome.response.text())).toBe('srv1')
    const at = (name: string): object => ({ host: `${name}:${server.port}`, sni: name })
    expect(server.seen).toEqual([
      { version: '2.0', method: 'GET', path: '/own', ...at('srv1.contoso.test') },
      { version: '2.0', method: 'POST', path: '/pool', ...at('pool.contoso.test') },
    ])
  })

  it('HTTP/1.1 for probes, which want a connection of their own, and for WebSockets', async () => {
    const server = await start('srv1')
    await exchange(platform, { road: pinned(server), fresh: true }).first
    const heard = openSocket(platform, { road: pinned(server) })
    await until('a message', () => heard.messages.length > 0)
    expect(heard.messages).toEqual(['srv1'])
    expect(server.seen.map(({ version }) => version)).toEqual(['1.1'])
    expect(server.sessions.size).toBe(0)
  })

  it('HTTP/1.1 where the server has nothing else, and everywhere without the option', async () => {
    const loopback = new Loopback()
    const versions: string[] = []
    const { port } = await loopback.http((request, response) => {
      versions.push(request.httpVersion)
      response.end()
    }, true)
    await exchange(platform, { road: pinned({ port }) }).first
    expect(versions).toEqual(['1.1'])
    const server = await start('srv1')
    const plain = nodePlatform({ tls })
    await exchange(plain, { road: pinned(server) }).first
    plain.close()
    expect(server.seen.map(({ version }) => version)).toEqual(['1.1'])
    await loopback.close()
  })
})

describe('proof of what was sent', () => {
  const post = async (server: Http2Server, path = '/'): Promise<unknown> =>
    failureOf(await exchange(platform, { road: pinned(server), path, method: 'POST', body: 'x' }).first)

  it('"maybe" for a request in flight on a killed session, "no" for the next one', async () => {
    const server = await start('srv1', (request, reply) => {
      if (request.method === 'GET') reply()
      else server.kill()
    })
    await exchange(platform, { road: pinned(server) }).first
    expect(await post(server)).toMatchObject({ kind: 'reset', sent: 'maybe' })
    expect(await post(server)).toMatchObject({ kind: 'refused', sent: 'no' })
  })

  it.each([
    [
      'a session that is closed with its last answers to come',
      (server: Http2Server) => [...server.sessions][0]?.close(),
    ],
    ['a session that is destroyed', (server: Http2Server) => [...server.sessions][0]?.destroy()],
    ['GOAWAY with an error', (server: Http2Server) => [...server.sessions][0]?.goaway(2)],
    ['the end of the connection', (server: Http2Server) => [...server.sockets][0]?.destroy()],
  ])('"maybe" after %s', async (_what, end) => {
    const server = await start('srv1', () => void end(server))
    expect(await post(server)).toMatchObject({ kind: 'reset', sent: 'maybe' })
    expect(server.seen).toHaveLength(1)
  })

  it('"maybe" where the other side speaks no HTTP/2 after all', async () => {
    const server = createSecureServer({ key: TEST_KEY, cert: TEST_CERTIFICATE, ALPNProtocols: ['h2'] }, (socket) => {
      socket.resume()
      socket.on('error', () => undefined).write('HTTP/1.1 200 OK\r\n\r\n'.repeat(50))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const failure = failureOf(await exchange(platform, { road: pinned({ port }), method: 'POST' }).first)
    expect(failure).toMatchObject({ kind: 'reset', sent: 'maybe' })
    await new Promise((resolve) => server.close(resolve))
  })

  it('no request is written twice, however often its connection breaks', async () => {
    const ends = [
      ({ session }: Connection) => session?.close(),
      ({ reset }: Connection) => reset(),
      ({ session }: Connection) => session?.destroy(),
    ]
    const server = await start('srv1', (_request, reply, connection) => {
      const count = server.seen.length
      if (count % 4 === 0) ends[(count / 4) % ends.length]?.(connection)
      else setImmediate(reply)
    })
    const asked = Array.from({ length: 200 }, (_, n) => `/${n}`)
    const outcomes: boolean[] = []
    const askNext = async (): Promise<void> => {
      for (let path = asked.pop(); path !== undefined; path = asked.pop()) {
        const method = Number(path.slice(1)) % 2 === 0 ? 'GET' : 'POST'
        outcomes.push((await exchange(platform, { road: pinned(server), path, method }).first).ok)
      }
    }
    await Promise.all([1, 2, 3, 4].map(askNext))
    expect(outcomes).toHaveLength(200)
    expect(outcomes.filter((isOk) => !isOk).length).toBeGreaterThan(10)
    const paths = server.seen.map(({ path }) => path)
    expect(new Set(paths).size).toBe(paths.length)
  })
})

describe('what is kept alive', () => {
  it('one session for requests one after the other, a second one for a request beside another', async () => {
    const replies: (() => void)[] = []
    const server = await start('srv1', (request, reply) => {
      if (request.path === '/held') replies.push(reply)
      else reply()
    })
    const ask = async (path: string, method: 'GET' | 'POST'): Promise<unknown> => {
      const outcome = await exchange(platform, { road: pinned(server), path, method }).first
      // undici gives a connection back a turn after the body has ended.
      await new Promise(setImmediate)
      return outcome
    }
    await ask('/a', 'GET')
    await ask('/b', 'POST')
    expect(server.sessions.size).toBe(1)
    const held = exchange(platform, { road: pinned(server), path: '/held' })
    await until('it is held', () => replies.length === 1)
    // An open event stream must not hold up what comes after it.
    expect(await ask('/c', 'POST')).toMatchObject({ ok: true })
    expect(server.sessions.size).toBe(2)
    replies[0]?.()
    expect(await held.first).toMatchObject({ ok: true })
  })

  it('nothing of a generation that is released: idle sessions at once, busy ones with their answer', async () => {
    const replies: (() => void)[] = []
    const server = await start('srv1', (request, reply) => {
      if (request.path === '/held') replies.push(reply)
      else reply()
    })
    const held = exchange(platform, { road: pinned(server, { generation: 1 }), path: '/held' })
    await until('it is held', () => replies.length === 1)
    await exchange(platform, { road: pinned(server, { generation: 1 }), path: '/idle' }).first
    await exchange(platform, { road: pinned(server, { generation: 2 }), path: '/next' }).first
    expect(server.sessions.size).toBe(3)
    platform.releaseRoad('a', 2)
    replies[0]?.()
    expect(await held.first).toMatchObject({ ok: true, body: 'srv1' })
    await until('the old ones are closed', () => server.sessions.size === 1)
    platform.releaseRoad('a')
    await until('all are closed', () => server.sessions.size === 0 && server.sockets.size === 0)
  })

  it('nothing after close(), whatever is in flight', async () => {
    const server = await start('srv1', (request, reply) => {
      if (request.path !== '/held') reply()
    })
    const held = fetchRouted(platform, { road: pinned(server), url: `${pinned(server).url}/held`, init: {} })
    await until('it is held', () => server.seen.length === 1)
    await exchange(platform, { road: pinned(server), path: '/idle' }).first
    expect(server.sessions.size).toBe(2)
    platform.close()
    await until('all are closed', () => server.sessions.size === 0 && server.sockets.size === 0)
    expect(held.outcomes).toEqual([])
  })
})
