/** What only the Node platform promises: pinned addresses, TLS names, generations, proof of what was sent, proxies. */
import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import { createServer, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocketServer, type WebSocket } from 'ws'
import { nodePlatform } from '../../src/platform/node/node-platform'
import type { Platform } from '../../src/platform/platform'
import { TEST_CERTIFICATE, TEST_KEY } from '../support/certificate'
import { Loopback, until } from '../support/loopback'
import { exchange, failureOf, fetchRouted, openSocket, road } from '../support/platform-probes'

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

/** Answers with the Host and the SNI name it was asked by. */
async function startMirror(secure: boolean): Promise<number> {
  const { server, port } = await loopback.http((request, response) => {
    const servername = (request.socket as Partial<TLSSocket>).servername
    response.end(JSON.stringify({ host: request.headers.host, sni: servername === false ? undefined : servername }))
  }, secure)
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (peer, request) => {
    const servername = (request.socket as Partial<TLSSocket>).servername
    peer.send(JSON.stringify({ host: request.headers.host, sni: servername }))
  })
  return port
}

describe('a timer that is late because the program was busy', () => {
  it('steps back behind what was received meanwhile', async () => {
    const { server, port } = await loopback.http(() => undefined)
    const peers: WebSocket[] = []
    new WebSocketServer({ server }).on('connection', (peer) => void peers.push(peer))
    const heard = openSocket(platform, { road: road(port) })
    await until('open', () => heard.opened.length > 0 && peers.length > 0)
    // From an immediate: Node's next phase is that of its timers, and sockets are read after them.
    await new Promise((resolve) => setImmediate(resolve))
    const received = new Promise((resolve) => platform.setTimer(1, () => resolve([...heard.messages])))
    peers[0]?.send('beat')
    const busyUntil = performance.now() + 200
    while (performance.now() < busyUntil);
    expect(await received).toEqual(['beat'])
  })

  it('can still be cancelled', async () => {
    const fired: string[] = []
    const cancels = ['a', 'b'].map((name) => platform.setTimer(1, () => fired.push(name)))
    // Runs after both have fired and stepped back, and before they go on: Node runs timers of one length in order, and
    // the program is busy until all three are late.
    setTimeout(() => cancels[1]?.(), 1)
    const busyUntil = performance.now() + 200
    while (performance.now() < busyUntil);
    await until('the other one', () => fired.length > 0)
    expect(fired).toEqual(['a'])
  })
})

describe('a pinned address', () => {
  it('keeps the name in Host', async () => {
    const port = await startMirror(false)
    const pinned = road(port, { url: `http://srv1.contoso.test:${port}`, address: '127.0.0.1' })
    expect(await exchange(platform, { road: pinned }).first).toMatchObject({
      body: JSON.stringify({ host: `srv1.contoso.test:${port}` }),
    })
  })

  it('keeps the name in Host, SNI and the certificate check, for HTTP and WebSocket', async () => {
    const port = await startMirror(true)
    const pinned = road(port, { url: `https://srv1.contoso.test:${port}`, address: '127.0.0.1' })
    const expected = JSON.stringify({ host: `srv1.contoso.test:${port}`, sni: 'srv1.contoso.test' })
    expect(await exchange(platform, { road: pinned }).first).toMatchObject({ body: expected })
    const heard = openSocket(platform, { road: pinned })
    await until('a message', () => heard.messages.length > 0)
    expect(heard.messages).toEqual([expected])
  })

  it('takes the pool’s own name for Host and SNI where one is configured', async () => {
    const port = await startMirror(true)
    const paired = road(port, { url: `https://127.0.0.1:${port}`, hostname: 'pool.contoso.test' })
    const expected = JSON.stringify({ host: `pool.contoso.test:${port}`, sni: 'pool.contoso.test' })
    expect(await exchange(platform, { road: paired }).first).toMatchObject({ body: expected })
    const url = `https://127.0.0.1:${port}/a`
    const outcome = await fetchRouted(platform, { road: paired, url, init: {} }).first
    expect(outcome.ok && (await outcome.response.text())).toBe(expected)
    const heard = openSocket(platform, { road: paired })
    await until('a message', () => heard.messages.length > 0)
    expect(heard.messages).toEqual([expected])
  })

  it('fails where the certificate is for another name, provably unsent', async () => {
    const port = await startMirror(true)
    const wrong = road(port, { url: `https://srv2.contoso.test:${port}`, address: '127.0.0.1' })
    const code = 'ERR_TLS_CERT_ALTNAME_INVALID'
    expect(failureOf(await exchange(platform, { road: wrong }).first)).toMatchObject({
      kind: 'certificate',
      sent: 'no',
      code,
    })
    const heard = openSocket(platform, { road: wrong })
    await until('closed', () => heard.closes.length > 0)
    expect(heard.closes[0]?.failure).toMatchObject({ kind: 'certificate', code })
  })

  // fault-matrix: 19
  it('fails where nobody known signed the certificate', async () => {
    const port = await startMirror(true)
    const other = nodePlatform()
    const pinned = road(port, { url: `https://srv1.contoso.test:${port}`, address: '127.0.0.1' })
    const failure = failureOf(await exchange(other, { road: pinned }).first)
    expect(failure).toMatchObject({ kind: 'certificate', sent: 'no', code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
    other.close()
  })

  it('shows the certificate of this client where a server asks for one, over HTTP and WebSocket', async () => {
    const server = createSecureServer(
      { key: TEST_KEY, cert: TEST_CERTIFICATE, ca: TEST_CERTIFICATE, requestCert: true, rejectUnauthorized: true },
      (request, response) => response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN),
    )
    new WebSocketServer({ server }).on('connection', (peer) => peer.send('welcome'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const pinned = road(port, { url: `https://srv1.contoso.test:${port}`, address: '127.0.0.1' })
    const mutual = nodePlatform({ tls: { ...tls, cert: TEST_CERTIFICATE, key: TEST_KEY } })
    const heard = openSocket(mutual, { road: pinned })
    await until('a message', () => heard.messages.length > 0)
    expect(await exchange(mutual, { road: pinned }).first).toMatchObject({ ok: true, body: 'srv1.contoso.test' })
    expect(await exchange(platform, { road: pinned }).first).toMatchObject({ ok: false })
    mutual.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  it('is not used for another host that a redirect leads to', async () => {
    const port = await startMirror(false)
    const { port: first } = await loopback.http((_request, response) => {
      response.writeHead(307, { Location: `http://localhost:${port}/` }).end()
    })
    const pinned = road(first, { url: `http://srv1.contoso.test:${first}`, address: '127.0.0.1' })
    const outcome = await fetchRouted(platform, { road: pinned, url: `${pinned.url}/`, init: {} }).first
    expect(outcome.ok && (await outcome.response.text())).toBe(JSON.stringify({ host: `localhost:${port}` }))
  })
})

describe('generations', () => {
  it('share no keep-alive socket, and releasing one cuts it', async () => {
    const ports: (number | undefined)[] = []
    const { port } = await loopback.http((request, response) => {
      ports.push(request.socket.remotePort)
      response.end()
    })
    const ask = async (generation: number): Promise<void> => {
      await exchange(platform, { road: road(port, { endpointId: 'a', generation }) }).first
      // undici gives a connection back a turn after the body has ended.
      await new Promise(setImmediate)
    }
    await ask(1)
    await ask(1)
    await ask(2)
    expect(ports[1]).toBe(ports[0])
    expect(ports[2]).not.toBe(ports[0])
    expect(loopback.connections).toBe(2)
    platform.releaseRoad('a', 2)
    await until('the old one is cut', () => loopback.connections === 1)
    await ask(2)
    expect(ports[3]).toBe(ports[2])
    platform.releaseRoad('a')
    await until('all are cut', () => loopback.connections === 0)
    platform.releaseRoad('a')
    platform.releaseRoad('unknown')
    await ask(2)
    expect(ports).toHaveLength(5)
  })

  it('are left aside by what wants a connection of its own, which is closed afterwards', async () => {
    const ports: (number | undefined)[] = []
    const { port } = await loopback.http((request, response) => {
      ports.push(request.socket.remotePort)
      response.end()
    })
    for (const fresh of [false, true, true, false]) {
      await exchange(platform, { road: road(port, { endpointId: 'a' }), fresh }).first
      await new Promise(setImmediate)
    }
    expect(new Set(ports).size).toBe(3)
    expect(ports[3]).toBe(ports[0])
    await until('one is left', () => loopback.connections === 1)
  })

  it('let requests in flight end when released, and take no new ones', async () => {
    const pending: (() => void)[] = []
    const { port } = await loopback.http((_request, response) => void pending.push(() => response.end('late')))
    const heard = exchange(platform, { road: road(port, { endpointId: 'a' }) })
    await until('under way', () => pending.length === 1)
    platform.releaseRoad('a')
    pending[0]?.()
    expect(await heard.first).toMatchObject({ ok: true, status: 200, body: 'late' })
    await until('the socket is closed', () => loopback.connections === 0)
  })
})

describe('proof of what was sent', () => {
  const post = async (port: number, more: { secure?: boolean; timeoutMs?: number } = {}): Promise<unknown[]> => {
    const url = `${more.secure === true ? 'https' : 'http'}://127.0.0.1:${port}`
    const timeoutMs = more.timeoutMs ?? 5000
    const outcome = await exchange(platform, { road: road(port, { url }), method: 'POST', body: 'x', timeoutMs }).first
    const failure = failureOf(outcome)
    return [failure.kind, failure.sent]
  }

  it('"no" while no connection stands: TLS handshake reset, closed, or never answered', async () => {
    expect(await post(await loopback.tcp((socket) => socket.resetAndDestroy()), { secure: true })).toEqual([
      'reset',
      'no',
    ])
    expect(await post(await loopback.tcp((socket) => socket.destroy()), { secure: true })).toEqual(['reset', 'no'])
    const silent = await loopback.tcp((socket) => socket.resume())
    expect(await post(silent, { secure: true, timeoutMs: 60 })).toEqual(['connect-timeout', 'no'])
  })

  it('"no" for a server that speaks no TLS and for a name nobody has', async () => {
    const { port } = await loopback.http((_request, response) => response.end())
    expect(await post(port, { secure: true })).toEqual(['certificate', 'no'])
    const nowhere = road(port, { url: `http://no-such-name.invalid:${port}` })
    expect(failureOf(await exchange(platform, { road: nowhere }).first)).toMatchObject({ kind: 'dns', sent: 'no' })
  })

  it('"maybe" once it may have been written: closed without an answer, garbage, cut short', async () => {
    const close = await loopback.tcp((socket) => socket.once('data', () => socket.destroy()))
    const garbage = await loopback.tcp((socket) => socket.once('data', () => socket.end('220 smtp ready\r\n\r\n')))
    const cut = await loopback.tcp((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')),
    )
    expect(await post(close)).toEqual(['reset', 'maybe'])
    expect(await post(garbage)).toEqual(['reset', 'maybe'])
    expect(await post(cut)).toEqual(['reset', 'maybe'])
  })

  it('"maybe" for a reused keep-alive connection that the server closes', async () => {
    let count = 0
    const { port } = await loopback.http((request, response) => {
      count += 1
      if (count === 1) response.end('first')
      else request.socket.destroy()
    })
    expect(await exchange(platform, { road: road(port) }).first).toMatchObject({ body: 'first' })
    expect(await post(port)).toEqual(['reset', 'maybe'])
    expect(count).toBe(2)
  })

  it('"maybe" for what an interceptor answers or fails, which our dispatcher never saw', async () => {
    const mocks = setupServer(
      http.get('http://mocked.test/ok', () => HttpResponse.text('mocked')),
      http.get('http://mocked.test/broken', () => HttpResponse.error()),
    )
    mocks.listen({ onUnhandledRequest: 'bypass' })
    try {
      const mocked = road(80, { url: 'http://mocked.test' })
      expect(await exchange(platform, { road: mocked, path: '/ok' }).first).toMatchObject({ body: 'mocked' })
      const failure = failureOf(await exchange(platform, { road: mocked, path: '/broken' }).first)
      expect(failure).toMatchObject({ kind: 'opaque', sent: 'maybe' })
    } finally {
      mocks.close()
    }
  })

  it('"maybe" stays when a redirect leads to a dead server', async () => {
    const dead = await loopback.deadPort()
    const { port } = await loopback.http((_request, response) => {
      response.writeHead(307, { Location: `http://127.0.0.1:${dead}/` }).end()
    })
    const outcome = await fetchRouted(platform, { road: road(port), url: `http://127.0.0.1:${port}/`, init: {} }).first
    expect(failureOf(outcome)).toMatchObject({ kind: 'refused', sent: 'maybe' })
  })
})

describe('connectTcp', () => {
  const ask = (port: number, timeoutMs = 5000): Promise<unknown> =>
    new Promise((resolve) => platform.connectTcp?.(road(port), port, timeoutMs, (failure) => resolve(failure?.kind)))

  it('passes on an accepted connection and hangs up', async () => {
    expect(await ask(await loopback.tcp((socket) => socket.resume()))).toBeUndefined()
    await until('hung up', () => loopback.connections === 0)
  })

  it('fails on a refused one', async () => {
    expect(await ask(await loopback.deadPort())).toBe('refused')
  })

  it('is silent after cancel', async () => {
    const heard: unknown[] = []
    const port = await loopback.tcp((socket) => socket.resume())
    platform.connectTcp?.(road(port), port, 5000, (failure) => heard.push(failure))()
    expect(await ask(port)).toBeUndefined()
    expect(heard).toEqual([])
  })
})

describe('through a proxy', () => {
  const asked: { authority: string | undefined; authorization: string | undefined }[] = []
  let proxy: Server
  let status: number

  /** A CONNECT proxy that reaches everything on loopback. */
  async function startProxy(): Promise<URL> {
    const { server, port } = await loopback.http((_request, response) => response.writeHead(400).end())
    proxy = server
    status = 200
    asked.length = 0
    proxy.on('connect', (request, client: Socket) => {
      asked.push({ authority: request.url, authorization: request.headers['proxy-authorization'] })
      client.on('error', () => undefined)
      if (status !== 200) return void client.end(`HTTP/1.1 ${status} No\r\n\r\n`)
      const upstream = connect(Number(request.url?.split(':').pop()), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n')
        upstream.pipe(client)
        client.pipe(upstream)
      })
      upstream.on('error', () => client.destroy())
      client.on('close', () => upstream.destroy())
    })
    return new URL(`http://user:p%40ss@127.0.0.1:${port}`)
  }

  const use = (url: URL): void => {
    platform.close()
    platform = nodePlatform({ tls, proxy: url })
  }

  it('tunnels HTTP, HTTPS and WebSocket with Host, SNI and credentials', async () => {
    use(await startProxy())
    const plain = await startMirror(false)
    const secure = await startMirror(true)
    const secured = road(secure, { url: `https://srv1.contoso.test:${secure}` })
    expect(await exchange(platform, { road: road(plain) }).first).toMatchObject({ ok: true })
    expect(await exchange(platform, { road: secured }).first).toMatchObject({
      body: JSON.stringify({ host: `srv1.contoso.test:${secure}`, sni: 'srv1.contoso.test' }),
    })
    const heard = openSocket(platform, { road: secured })
    const clear = openSocket(platform, { road: road(plain) })
    await until('messages', () => heard.messages.length + clear.messages.length === 2)
    expect(asked).toHaveLength(4)
    expect(asked[1]).toEqual({
      authority: `srv1.contoso.test:${secure}`,
      authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
    })
    platform.close()
    await until('nothing is left open', () => loopback.connections === 0)
  })

  it('tells the proxy’s own refusal from a server it cannot reach; neither was sent', async () => {
    use(await startProxy())
    const port = await loopback.deadPort()
    status = 407
    expect(failureOf(await exchange(platform, { road: road(port) }).first)).toMatchObject({
      kind: 'blocked',
      sent: 'no',
    })
    status = 502
    const failure = failureOf(await exchange(platform, { road: road(port) }).first)
    expect(failure).toMatchObject({ kind: 'unreachable', sent: 'no' })
    const heard = openSocket(platform, { road: road(port) })
    await until('closed', () => heard.closes.length > 0)
    expect(heard.closes[0]?.failure).toMatchObject({ kind: 'unreachable' })
  })

  it('does not take a dead proxy for a server that refuses', async () => {
    use(new URL(`http://127.0.0.1:${await loopback.deadPort()}`))
    const failure = failureOf(await exchange(platform, { road: road(await loopback.deadPort()) }).first)
    expect(failure).toMatchObject({ kind: 'blocked', sent: 'no', code: 'FAILOVER_PROXY_REFUSED' })
  })

  it('abandons a socket whose tunnel is not open yet', async () => {
    const silent = createServer(() => undefined).on('connect', () => undefined)
    const port = await loopback.tcp((socket) => silent.emit('connection', socket.resume()))
    use(new URL(`http://127.0.0.1:${port}`))
    const heard = openSocket(platform, { road: road(1) })
    await until('dialled', () => loopback.connections === 1)
    heard.socket.abandon()
    await until('hung up', () => loopback.connections === 0)
    expect(heard.closes).toEqual([])
  })
})
