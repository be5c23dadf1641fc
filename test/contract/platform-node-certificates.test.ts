/** A certificate that is refused: permanent, provably unsent, and told with what it is, over HTTP and WebSocket. */
import { createServer as createProxy, type Server } from 'node:http'
import { createServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import type { NetworkFailure } from '../../src/core/road'
import { describeCertificate } from '../../src/platform/node/certificate'
import type { NodeTlsOptions } from '../../src/platform/node/connector'
import { nodePlatform } from '../../src/platform/node/node-platform'
import type { Platform } from '../../src/platform/platform'
import { EXPIRED_CERTIFICATE, HOSTILE_CERTIFICATE, TEST_CERTIFICATE, TEST_KEY } from '../support/certificate'
import { until } from '../support/loopback'
import { exchange, failureOf, openSocket, road } from '../support/platform-probes'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => void sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

/** A server with this certificate, and the requests and upgrades that reached it. */
async function start(cert: string, more: SecureContextOptions = {}): Promise<{ port: number; reached: string[] }> {
  const reached: string[] = []
  const server = createServer({ key: TEST_KEY, cert, ...more }, (request, response) => {
    reached.push(request.url ?? '')
    response.end('fine')
  })
  new WebSocketServer({ server }).on('connection', () => void reached.push('a WebSocket'))
  return { port: await listen(server), reached }
}

/** An HTTP proxy that tunnels. */
async function startProxy(): Promise<string> {
  const proxy = createProxy()
  proxy.on('connect', (request, downstream: Socket) => {
    const upstream = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      downstream.write('HTTP/1.1 200 fine\r\n\r\n')
      upstream.pipe(downstream).pipe(upstream)
    })
    for (const socket of [upstream, downstream]) socket.on('error', () => undefined)
    cleanups.push(() => upstream.destroy())
  })
  return `http://127.0.0.1:${await listen(proxy)}`
}

function make(tls: NodeTlsOptions, proxy?: string): Platform {
  const platform = nodePlatform({ tls, ...(proxy === undefined ? {} : { proxy }) })
  cleanups.push(() => platform.close())
  return platform
}

/** How a request and a WebSocket to `host` fail. */
async function failures(platform: Platform, port: number, host: string): Promise<(NetworkFailure | undefined)[]> {
  const to = road(port, { url: `https://${host}:${port}`, address: '127.0.0.1' })
  const heard = openSocket(platform, { road: to })
  const failure = failureOf(await exchange(platform, { road: to }).first)
  await until('the WebSocket is closed', () => heard.closes.length > 0)
  return [failure, heard.closes[0]?.failure]
}

const NAMES = 'for srv1.contoso.test, pool.contoso.test; issued by srv1.contoso.test'
const REFUSED = [
  [
    'has expired',
    { cert: EXPIRED_CERTIFICATE, tls: { ca: EXPIRED_CERTIFICATE }, host: 'srv1.contoso.test' },
    'CERT_HAS_EXPIRED',
    `certificate has expired: the certificate is ${NAMES}; valid from 2020-01-01 to 2021-01-01`,
  ],
  [
    'is for other names',
    { cert: TEST_CERTIFICATE, tls: { ca: TEST_CERTIFICATE }, host: 'srv2.contoso.test' },
    'ERR_TLS_CERT_ALTNAME_INVALID',
    `the certificate is not for srv2.contoso.test, it is ${NAMES}; valid from 2020-01-01 to 2100-01-01`,
  ],
  [
    'is of an issuer nobody knows',
    { cert: TEST_CERTIFICATE, tls: {}, host: 'srv1.contoso.test' },
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    `self-signed certificate: the certificate is ${NAMES}; valid from 2020-01-01 to 2100-01-01`,
  ],
] as const

// fault-matrix: 19
describe.each(REFUSED)('a certificate that %s', (_what, { cert, tls, host }, code, message) => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('is told with its names, and nothing is sent (%s)', async (version) => {
    const { port, reached } = await start(cert, { minVersion: version, maxVersion: version })
    const expected = { kind: 'certificate', sent: 'no', code, message }
    for (const failure of await failures(make(tls), port, host)) {
      expect(failure).toMatchObject(expected)
    }
    expect(reached).toEqual([])
  })

  it('is told the same through a proxy', async () => {
    const { port, reached } = await start(cert)
    for (const failure of await failures(make(tls, await startProxy()), port, host)) {
      expect(failure).toMatchObject({ kind: 'certificate', sent: 'no', code, message })
    }
    expect(reached).toEqual([])
  })
})

describe('what a hostile certificate says', () => {
  it.each([
    ['by its names', { ca: HOSTILE_CERTIFICATE }, 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['by its issuer', {}, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ])('is bounded and harmless where it is refused %s', async (_what, tls, code) => {
    const { port } = await start(HOSTILE_CERTIFICATE)
    for (const failure of await failures(make(tls), port, 'srv2.contoso.test')) {
      expect(failure).toMatchObject({ kind: 'certificate', code })
      const { message } = failure ?? { message: '' }
      expect(message).toContain('srv1.contoso.test, ?evil?u002c?DNS:srv2.contoso.test?, long.long.')
      expect(message).toContain('n8.contoso.test and 291 more')
      expect(message).toContain('issued by Evil??31m ? Authority? token?abcdefgh')
      expect(message).not.toMatch(/[\p{Cc}\p{Cf}<>"[\]]/u)
      expect(message.length).toBeLessThan(600)
      expect(String((failure?.cause as Error).cause ?? failure?.cause)).toContain(message)
    }
  })
})

describe('what is told of a certificate', () => {
  it.each([
    ['without alternative names', { subject: { O: 'Contoso', CN: ['srv1.contoso.com', 'x'] } }, 'for srv1.contoso.com'],
    ['without any name', { subject: { O: 'Contoso' } }, 'for no host'],
    [
      'with an address, an organisation and dates nobody can read',
      {
        subjectaltname: 'IP Address:10.0.0.1, URI:x',
        issuer: { O: 'Contoso & Söhne' },
        valid_from: '?',
        valid_to: '?',
      },
      'for 10.0.0.1; issued by Contoso & Söhne',
    ],
  ])('%s', (_what, certificate, expected) => {
    expect(describeCertificate(certificate)).toBe(expected)
  })
})

it('a connection whose certificate is right keeps the errors that come later as they are', async () => {
  const server = createServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }, (request) => request.socket.destroy())
  const port = await listen(server)
  const to = road(port, { url: `https://srv1.contoso.test:${port}`, address: '127.0.0.1' })
  const failure = failureOf(await exchange(make({ ca: TEST_CERTIFICATE }), { road: to }).first)
  expect(failure).toMatchObject({ kind: 'reset', sent: 'maybe' })
  expect(failure.message).not.toContain('certificate')
})
