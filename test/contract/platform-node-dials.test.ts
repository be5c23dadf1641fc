/** How the Node platform dials: what is provably unsent, what ends with whom, and the options that are refused. */
import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isFailoverError, type FailoverError } from '../../src/errors'
import { nodePlatform } from '../../src/platform/node/node-platform'
import { checkPlatformOptions, type NodePlatformOptions } from '../../src/platform/node/node-platform-options'
import { openTunnel } from '../../src/platform/node/tunnel'
import type { Platform } from '../../src/platform/platform'
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate'
import { Loopback, until } from '../support/loopback'
import { exchange, failureOf, fetchRouted, road } from '../support/platform-probes'

const tls = { ca: TEST_CERTIFICATE }

let loopback: Loopback
let platform: Platform

beforeEach(() => {
  loopback = new Loopback()
  platform = nodePlatform({ tls })
})
afterEach(async () => {
  platform.close()
  await loopback.close()
})

describe('a request that waits for its connection', () => {
  /** Accepts connections and never says a word of TLS. */
  const silentTls = async (): Promise<{ url: string; port: number }> => {
    const port = await loopback.tcp((socket) => socket.resume())
    return { port, url: `https://127.0.0.1:${port}` }
  }

  // fault-matrix: 15
  it('says so, and fails as provably unsent after connectTimeoutMs', async () => {
    const { port, url } = await silentTls()
    const heard: boolean[] = []
    const request = { road: road(port, { url }), url: `${url}/x`, init: { method: 'POST', body: 'b' } }
    const waits = (isWaiting: boolean): void => void heard.push(isWaiting)
    const { first } = fetchRouted(platform, { ...request, connectTimeoutMs: 200, waits })
    expect(failureOf(await first)).toMatchObject({ kind: 'connect-timeout', sent: 'no' })
    expect(heard).toEqual([true])
  })

  it('says when it is written, and has no deadline from then on', async () => {
    let answer = (): void => undefined
    const { port } = await loopback.http((_request, response) => {
      answer = () => void response.end('late')
    })
    for (const expected of ['a new connection', 'a kept one']) {
      const heard: boolean[] = []
      const url = `http://127.0.0.1:${port}/`
      const { first, outcomes } = fetchRouted(platform, {
        road: road(port),
        url,
        init: { method: 'POST', body: expected },
        connectTimeoutMs: 60,
        waits: (isWaiting) => void heard.push(isWaiting),
      })
      answer = () => undefined
      const started = performance.now()
      await until('it was written', () => heard.at(-1) === false)
      await until('the deadline has passed', () => performance.now() - started > 120)
      expect(outcomes).toEqual([])
      answer()
      const outcome = await first
      expect(outcome.ok && (await outcome.response.text())).toBe('late')
    }
  })

  it('that was given up is not written when the connection comes after all', async () => {
    const { server, port } = await loopback.http((_request, response) => response.end(), true)
    const seen: string[] = []
    server.on('request', (request: IncomingMessage) => void seen.push(request.url ?? ''))
    const held: Socket[] = []
    let isOpen = false
    const reach = (socket: Socket): void => {
      const upstream = connect(port, '127.0.0.1')
      upstream.on('error', () => socket.destroy())
      socket.pipe(upstream).pipe(socket)
    }
    const gate = await loopback.tcp((socket) => (isOpen ? reach(socket) : void held.push(socket)))
    const url = `https://srv1.contoso.test:${gate}`
    const gated = road(gate, { url, address: '127.0.0.1' })
    const init = { method: 'POST', body: 'b' }
    const { cancel } = fetchRouted(platform, { road: gated, url: `${url}/given-up`, init })
    await until('it is being dialled', () => held.length === 1)
    cancel()
    isOpen = true
    held.forEach(reach)
    const next = exchange(platform, { road: gated, path: '/next' })
    expect(await next.first).toMatchObject({ ok: true })
    expect(seen).toEqual(['/next'])
  })
})

describe('dials under way', () => {
  /** Three requests to a server that accepts and says nothing. */
  const hang = async (): Promise<void> => {
    const port = await loopback.tcp((socket) => socket.resume())
    const stuck = road(port, { url: `https://127.0.0.1:${port}` })
    for (const path of ['/a', '/b', '/c']) void exchange(platform, { road: stuck, path })
    await until('dialled', () => loopback.connections >= 1)
  }

  it('end with the platform', async () => {
    await hang()
    platform.close()
    await until('hung up', () => loopback.connections === 0)
  })

  it('of a released road end when nobody waits for them any more', async () => {
    const port = await loopback.tcp((socket) => socket.resume())
    const stuck = road(port, { url: `https://127.0.0.1:${port}` })
    const wanted = exchange(platform, { road: stuck })
    await until('dialled', () => loopback.connections === 1)
    platform.releaseRoad(stuck.endpointId)
    // A request in flight keeps its own deadline, and so its dial.
    await new Promise((resolve) => setImmediate(resolve))
    expect(loopback.connections).toBe(1)
    wanted.cancel()
    await until('hung up', () => loopback.connections === 0)
  })

  it('through a proxy that never answers end with the platform, and by themselves', async () => {
    const sockets: Socket[] = []
    const port = await loopback.tcp((socket) => void sockets.push(socket.resume()))
    platform.close()
    platform = nodePlatform({ tls, proxy: `http://127.0.0.1:${port}` })
    void exchange(platform, { road: road(1, { url: 'https://srv1.contoso.test' }) })
    await until('the proxy was asked', () => sockets.length === 1)
    platform.close()
    await until('hung up', () => loopback.connections === 0)
    const outcome = new Promise((resolve) => {
      const proxy = { url: new URL(`http://127.0.0.1:${port}`) }
      openTunnel(proxy, { host: 'srv1.contoso.test', port: 443, timeoutMs: 100 }, (error) => resolve(error))
    })
    expect(await outcome).toMatchObject({ code: 'FAILOVER_PROXY_REFUSED' })
    await until('hung up', () => loopback.connections === 0)
  })

  it('through a proxy end with the platform while TLS is silent behind it', async () => {
    let tunnels = 0
    const { server, port } = await loopback.http((_request, response) => response.end())
    server.on('connect', (_request, client: Socket) => {
      tunnels += 1
      client.on('error', () => undefined).resume()
      // The sockets of an HTTP server stay half open by themselves.
      client.once('end', () => client.end())
      client.write('HTTP/1.1 200 OK\r\n\r\n')
    })
    platform.close()
    platform = nodePlatform({ tls, proxy: `http://127.0.0.1:${port}` })
    void exchange(platform, { road: road(1, { url: 'https://srv1.contoso.test' }) })
    await until('the tunnel stands', () => tunnels === 1)
    platform.close()
    await until('hung up', () => loopback.connections === 0)
  })
})

describe('wrong options', () => {
  const AUTHORITY = { ca: TEST_CERTIFICATE }

  it.each([
    ['an unknown one', { tsl: {} }, 'tsl', /known are tls, proxy, http2/],
    ['an unknown one of tls', { tls: { rejectUnauthorised: false } }, 'tls.rejectUnauthorised', /rejectUnauthorized/],
    ['no object', 'tls', 'options', /object/],
    ['tls that is no object', { tls: true }, 'tls', /object/],
    ['a flag that is none', { tls: { rejectUnauthorized: 'no' } }, 'tls.rejectUnauthorized', /true or false/],
    ['a certificate that is none', { tls: { ca: 5 } }, 'tls.ca', /PEM/],
    ['no certificate', { tls: { ca: [] } }, 'tls.ca', /PEM/],
    ['a TLS version that is none', { tls: { minVersion: '1.2' } }, 'tls.minVersion', /TLSv1.2/],
    ['a key that cannot be read', { tls: { ...AUTHORITY, key: 'no key' } }, 'tls', /cannot be used/],
    ['a proxy that is no URL', { proxy: 'nonsense' }, 'proxy', /http or https URL/],
    ['a proxy of another kind', { proxy: 'socks5://127.0.0.1:1' }, 'proxy', /http or https URL/],
    ['a proxy with a path', { proxy: 'http://127.0.0.1:1/path' }, 'proxy', /without a path/],
    ['a proxy that is a number', { proxy: 8080 }, 'proxy', /http or https URL/],
    ['HTTP/2 that is neither on nor off', { http2: 'yes' }, 'http2', /true or false/],
    ['malformed credentials', { proxy: 'http://us%er:secret@127.0.0.1:1' }, 'proxy', /percent-encoded/],
  ])('%s: INVALID_OPTION names it, without its value', (_what, options, field, says) => {
    let error: unknown
    try {
      nodePlatform(options as NodePlatformOptions).close()
    } catch (thrown) {
      error = thrown
    }
    expect(isFailoverError(error, 'INVALID_OPTION')).toBe(true)
    expect((error as FailoverError).fields.field).toBe(field)
    expect(String(error)).toMatch(says)
    expect(String(error)).not.toMatch(/secret|no key/)
  })

  it('right ones of every kind are taken', () => {
    const bytes = Buffer.from(TEST_CERTIFICATE)
    const right: NodePlatformOptions[] = [
      {},
      { tls: {} },
      { tls: { ca: [bytes, TEST_CERTIFICATE], cert: TEST_CERTIFICATE, key: TEST_KEY, minVersion: 'TLSv1.3' } },
      { tls: { rejectUnauthorized: false }, proxy: 'https://user:p%40ss@proxy.contoso.com' },
      { proxy: new URL('http://[::1]:3128') },
      { http2: true },
      { http2: false },
    ]
    for (const options of right) {
      const made = nodePlatform(options)
      expect(made.name).toBe('node')
      made.close()
    }
    expect(checkPlatformOptions({}).http2).toBe(false)
    // An https proxy of the same private authority.
    expect(checkPlatformOptions({ tls, proxy: 'https://proxy.contoso.com' }).proxy?.ca).toBe(TEST_CERTIFICATE)
  })
})
