import { describe, expect, it, vi } from 'vitest'
import { createWebSocketClass } from '../../src/drop-in/web-socket'
import { DropInWorld, ROUTE_A, ROUTE_B, routeTo } from '../support/drop-in'
import type { FakeSocket } from '../support/drop-in'

const FAILED = { code: 1006, reason: '', clean: false }
const REFUSED = { kind: 'refused', sent: 'no', message: 'connect ECONNREFUSED' } as const

function world(base?: string) {
  const net = new DropInWorld(base === undefined ? {} : { base })
  const RoutedSocket = createWebSocketClass(net.routing())
  const latest = async (): Promise<FakeSocket> => {
    await net.settle()
    const socket = net.sockets.at(-1)
    if (socket === undefined) throw new Error('nothing was dialled')
    return socket
  }
  return { net, RoutedSocket, latest }
}

/** Every event of a socket, in order, short. */
function record(socket: WebSocket): unknown[] {
  const events: unknown[] = []
  socket.addEventListener('open', () => events.push('open'))
  socket.addEventListener('error', () => events.push('error'))
  socket.addEventListener('message', ({ data }) => events.push(data))
  socket.addEventListener('close', ({ code, reason, wasClean }) => events.push([code, reason, wasClean]))
  return events
}

async function opened() {
  const w = world()
  const socket = new w.RoutedSocket('/ws')
  const events = record(socket)
  const raw = await w.latest()
  raw.handlers.opened({ protocol: '', extensions: '' })
  return { ...w, socket, events, raw }
}

describe('WebSocket', () => {
  it('goes to the candidate, says what it was asked for', async () => {
    const { RoutedSocket, latest, net } = world()
    const socket = new RoutedSocket('wss://a365web1.contoso.test/ws?x=1', ['one', 'two'])
    expect([socket.readyState, socket.url]).toEqual([0, 'wss://a365web1.contoso.test/ws?x=1'])
    const events = record(socket)
    const raw = await latest()
    expect(raw.request).toEqual({ road: ROUTE_A.road, path: '/ws?x=1', protocols: ['one', 'two'] })
    raw.handlers.opened({ protocol: 'two', extensions: 'permessage-deflate' })
    expect([socket.readyState, socket.protocol, socket.extensions]).toEqual([1, 'two', 'permessage-deflate'])
    expect(events).toEqual(['open'])
    expect(net.evidence.map(({ outcome }) => outcome)).toEqual([{ type: 'status', status: 101, retryAfter: false }])
    expect(net.timers.size).toBe(0)
  })

  it.each([
    ['/ws', 'https://srv1.contoso.test/ws'],
    ['https://a365web1.contoso.test/ws', 'https://srv1.contoso.test/ws'],
    ['ws://srv2.contoso.test/ws', 'https://srv1.contoso.test/ws'],
    ['wss://other.example:444/ws', 'https://other.example:444/ws'],
    ['ws://other.example/ws', 'http://other.example/ws'],
  ])('%s is dialled as %s', async (url, expected) => {
    const { RoutedSocket, latest } = world()
    expect(new RoutedSocket(url).url).toMatch(/^wss?:/)
    const { road, path } = (await latest()).request
    expect(road.url + path).toBe(expected)
  })

  it('a foreign one asks nobody and blames nobody', async () => {
    const { RoutedSocket, latest, net } = world()
    const events = record(new RoutedSocket('wss://other.example/ws'))
    ;(await latest()).handlers.closed({ ...FAILED, failure: REFUSED })
    expect(events).toEqual(['error', [1006, '', false]])
    expect([net.asks, net.evidence, net.alive]).toEqual([[], [], 0])
  })

  it.each([
    ['ftp://a365web1.contoso.test/', []],
    ['wss://a365web1.contoso.test/#f', []],
    ['wss://', []],
    ['/ws', ['a', 'A']],
    ['/ws', ['a b']],
    ['/ws', ['']],
  ])('refuses %s %j', (url, protocols) => {
    const { RoutedSocket } = world()
    expect(() => new RoutedSocket(url, protocols)).toThrow(expect.objectContaining({ name: 'SyntaxError' }))
  })

  it('has the constants, handler properties and listener options of the standard', async () => {
    const { RoutedSocket, latest } = world()
    const socket = new RoutedSocket('/ws')
    expect([RoutedSocket.CONNECTING, RoutedSocket.OPEN, RoutedSocket.CLOSING, RoutedSocket.CLOSED]).toEqual([
      0, 1, 2, 3,
    ])
    expect([socket.CONNECTING, socket.OPEN, socket.CLOSING, socket.CLOSED]).toEqual([0, 1, 2, 3])
    const calls: string[] = []
    const gone = new AbortController()
    expect(socket.onopen).toBeNull()
    socket.onopen = () => calls.push('replaced')
    socket.addEventListener('open', () => calls.push('listener'))
    socket.onopen = function (event) {
      calls.push(`handler ${String(this === socket)} ${event.type}`)
    }
    socket.addEventListener('message', () => calls.push('once'), { once: true })
    socket.addEventListener('message', () => calls.push('signal'), { signal: gone.signal })
    const raw = await latest()
    raw.handlers.opened({ protocol: '', extensions: '' })
    raw.handlers.message('1')
    gone.abort()
    raw.handlers.message('2')
    expect(calls).toEqual(['handler true open', 'listener', 'once', 'signal'])
  })
})

describe('data', () => {
  it('arrives as text, Blob or ArrayBuffer, with its origin', async () => {
    const { socket, raw } = await opened()
    const received: MessageEvent[] = []
    socket.onmessage = (event) => void received.push(event as MessageEvent)
    const bytes = new Uint8Array([1, 2]).buffer
    raw.handlers.message('text')
    raw.handlers.message(bytes)
    socket.binaryType = 'arraybuffer'
    socket.binaryType = 'nonsense' as BinaryType
    raw.handlers.message(bytes)
    expect(received[0]?.data).toBe('text')
    expect(received[0]?.origin).toBe('wss://a365web1.contoso.test')
    expect(received[1]?.data).toBeInstanceOf(Blob)
    expect(await (received[1]?.data as Blob).arrayBuffer()).toEqual(bytes)
    expect(received[2]?.data).toBe(bytes)
  })

  it('is sent in every form, in order, even behind a Blob', async () => {
    const { socket, raw } = await opened()
    socket.send('one')
    socket.send(new Uint8Array([1]))
    socket.send(new Blob(['three']))
    const late = new Uint8Array([4])
    socket.send(late)
    late[0] = 9
    socket.send(5 as unknown as string)
    expect(raw.sent).toHaveLength(2)
    expect(socket.bufferedAmount).toBe(7)
    socket.close(3001, 'bye')
    expect(raw.closes).toEqual([])
    await vi.waitUntil(() => raw.closes.length > 0)
    expect(raw.sent.slice(0, 2)).toEqual(['one', new Uint8Array([1])])
    expect(new TextDecoder().decode(raw.sent[2] as ArrayBuffer)).toBe('three')
    expect(raw.sent.slice(3)).toEqual([new Uint8Array([4]), '5'])
    expect(raw.closes).toEqual([{ code: 3001, reason: 'bye' }])
    expect(socket.bufferedAmount).toBe(0)
  })

  it('is sent at once again when the Blob is through', async () => {
    const { socket, raw } = await opened()
    socket.send(new Blob(['one']))
    await vi.waitUntil(() => raw.sent.length === 1)
    await Promise.resolve()
    socket.send('two')
    expect(raw.sent).toHaveLength(2)
  })

  it('behind a Blob that cannot be read fails the connection', async () => {
    const { socket, net, events } = await opened()
    const gone = new Blob(['x'])
    gone.arrayBuffer = () => Promise.reject(new Error('the file is gone'))
    socket.send(gone)
    socket.send('half')
    await net.advance(0)
    expect([socket.readyState, events, net.sockets[0]?.sent]).toEqual([3, ['open', 'error', [1006, '', false]], []])
  })

  it('cannot be sent while connecting, and goes nowhere after the end', async () => {
    const { RoutedSocket } = world()
    expect(() => new RoutedSocket('/ws').send('x')).toThrow(expect.objectContaining({ name: 'InvalidStateError' }))
    const { socket, raw } = await opened()
    socket.close()
    socket.send('grüße')
    expect(raw.sent).toEqual([])
    expect(socket.bufferedAmount).toBe(7)
  })
})

describe('close', () => {
  it.each([
    [1001, '', 'InvalidAccessError'],
    [999, '', 'InvalidAccessError'],
    [2999, '', 'InvalidAccessError'],
    [5000, '', 'InvalidAccessError'],
    [1000, 'ü'.repeat(62), 'SyntaxError'],
  ])('refuses %i %s', async (code, reason, name) => {
    const { socket } = await opened()
    expect(() => socket.close(code, reason)).toThrow(expect.objectContaining({ name }))
    expect(socket.readyState).toBe(1)
  })

  it('is a handshake: CLOSING until the peer answers, frames dropped meanwhile', async () => {
    const { socket, raw, events, net } = await opened()
    socket.close()
    socket.close()
    expect([socket.readyState, raw.closes]).toEqual([2, [{ code: 1000, reason: '' }]])
    raw.handlers.message('late')
    raw.handlers.closed({ code: 1000, reason: 'ok', clean: true })
    expect([socket.readyState, events]).toEqual([3, ['open', [1000, 'ok', true]]])
    expect(net.alive).toBe(0)
  })

  it('does not wait for a peer that never answers', async () => {
    const { socket, raw, events, net } = await opened()
    socket.close(4000, 'bye')
    await net.advance(5000)
    expect([raw.isAbandoned, events]).toEqual([true, ['open', [1006, '', false]]])
    expect(net.alive).toBe(0)
  })

  it('while connecting fails the connection, a moment later', async () => {
    const { RoutedSocket, net, latest } = world()
    const socket = new RoutedSocket('/ws')
    const events = record(socket)
    const raw = await latest()
    socket.close()
    expect([socket.readyState, events, raw.isAbandoned]).toEqual([2, [], true])
    await net.advance(0)
    expect([socket.readyState, events]).toEqual([3, ['error', [1006, '', false]]])
    expect(net.alive).toBe(0)
  })

  it('of the server comes through, with an error when the connection broke', async () => {
    const clean = await opened()
    clean.raw.handlers.closed({ code: 4001, reason: 'kicked', clean: true })
    expect(clean.events).toEqual(['open', [4001, 'kicked', true]])
    const broken = await opened()
    broken.raw.handlers.closed({ ...FAILED, failure: { kind: 'reset', sent: 'maybe', message: 'ECONNRESET' } })
    expect(broken.events).toEqual(['open', 'error', [1006, '', false]])
    expect(broken.net.evidence.at(-1)?.outcome).toMatchObject({ type: 'failure', failure: { kind: 'reset' } })
    expect(broken.net.alive).toBe(0)
  })
})

describe('connecting', () => {
  it('waits for a candidate until the connect deadline', async () => {
    const { RoutedSocket, net } = world()
    net.candidates = []
    const events = record(new RoutedSocket('/ws'))
    await net.advance(4999)
    expect(events).toEqual([])
    await net.advance(1)
    expect(events).toEqual(['error', [1006, '', false]])
    expect([net.evidence, net.alive]).toEqual([[], 0])
  })

  it('a handshake that hangs is evidence, and is abandoned', async () => {
    const { RoutedSocket, net, latest } = world()
    const events = record(new RoutedSocket('/ws'))
    const raw = await latest()
    await net.advance(5000)
    expect([raw.isAbandoned, events]).toEqual([true, ['error', [1006, '', false]]])
    expect(net.evidence.map(({ outcome }) => outcome)).toEqual([{ type: 'timeout' }])
    raw.handlers.opened({ protocol: '', extensions: '' })
    expect(events).toHaveLength(2)
  })

  it('a failed handshake is evidence and is tried once at another candidate', async () => {
    const { RoutedSocket, net, latest } = world()
    const events = record(new RoutedSocket('/ws'))
    ;(await latest()).handlers.closed({ ...FAILED, failure: REFUSED })
    const second = await latest()
    expect(second.request.road).toBe(ROUTE_B.road)
    expect(net.asks.map(({ avoid, purpose }) => [avoid, purpose])).toEqual([
      [[], 'websocket'],
      [['a'], 'websocket'],
    ])
    second.handlers.opened({ protocol: '', extensions: '' })
    expect(events).toEqual(['open'])
    expect(net.evidence[0]).toMatchObject({ route: ROUTE_A, outcome: { type: 'failure', failure: REFUSED } })
  })

  it('fails when there is no other candidate', async () => {
    const { RoutedSocket, net, latest } = world()
    net.candidates = [ROUTE_A]
    const events = record(new RoutedSocket('/ws'))
    ;(await latest()).handlers.closed(FAILED)
    await net.settle()
    expect([net.sockets.length, events]).toEqual([1, ['error', [1006, '', false]]])
    expect(net.evidence[0]?.outcome).toMatchObject({ type: 'failure', failure: { kind: 'opaque' } })
    expect(net.alive).toBe(0)
  })

  it('dials three times at most', async () => {
    const { RoutedSocket, net, latest } = world()
    net.candidates = ['a', 'b', 'c', 'd'].map((id) => routeTo(id, `https://${id}.contoso.test`))
    const events = record(new RoutedSocket('/ws'))
    for (let dial = 0; dial < 3; dial += 1) (await latest()).handlers.closed(FAILED)
    await net.settle()
    expect([net.sockets.length, events]).toEqual([3, ['error', [1006, '', false]]])
  })

  it.each([
    [503, 2],
    [502, 2],
    [401, 1],
    [404, 1],
  ])('an upgrade answered with %i: %i dials', async (status, dials) => {
    const { RoutedSocket, net, latest } = world()
    record(new RoutedSocket('/ws'))
    ;(await latest()).handlers.closed({ ...FAILED, failure: REFUSED, status })
    await net.settle()
    expect(net.sockets).toHaveLength(dials)
    expect(net.evidence[0]?.outcome).toEqual({ type: 'status', status, retryAfter: false })
  })
})

describe('failover', () => {
  it('closes with 1012 at once, and drops late frames', async () => {
    const { socket, raw, events, net } = await opened()
    await net.leave(ROUTE_A)
    expect([socket.readyState, raw.isAbandoned, events]).toEqual([3, true, ['open', [1012, 'failover', false]]])
    raw.handlers.message('late')
    raw.handlers.closed(FAILED)
    expect(events).toHaveLength(2)
    expect(net.alive).toBe(0)
  })

  it('after a drain closes with 1012 too, and says goodbye', async () => {
    const { raw, events, net } = await opened()
    await net.leave(ROUTE_A, 'drained')
    expect([raw.closes, raw.isAbandoned]).toEqual([[{ code: 1001, reason: 'failover' }], false])
    expect(events).toEqual(['open', [1012, 'failover', true]])
    raw.handlers.message('late')
    await net.advance(2000)
    expect([raw.isAbandoned, events.length, net.alive]).toEqual([true, 2, 0])
  })

  it('ends a closing handshake too', async () => {
    const { socket, events, net } = await opened()
    socket.close()
    await net.leave(ROUTE_A)
    expect(events).toEqual(['open', [1012, 'failover', false]])
    expect(net.alive).toBe(0)
  })

  it('while connecting goes on at the next candidate', async () => {
    const { RoutedSocket, net, latest } = world()
    const events = record(new RoutedSocket('/ws'))
    const first = await latest()
    await net.leave(ROUTE_A)
    expect(first.isAbandoned).toBe(true)
    const second = await latest()
    expect(second.request.road).toBe(ROUTE_B.road)
    first.handlers.opened({ protocol: 'late', extensions: '' })
    expect(events).toEqual([])
    second.handlers.opened({ protocol: '', extensions: '' })
    expect(events).toEqual(['open'])
  })

  it('brought about by its own evidence ends it once', async () => {
    const { raw, events, net } = await opened()
    net.condemnOnFailure()
    raw.handlers.closed({ ...FAILED, failure: REFUSED })
    expect(events).toEqual(['open', [1012, 'failover', false]])
    expect(net.alive).toBe(0)
  })

  it('brought about by its own failed handshake: one more dial', async () => {
    const { RoutedSocket, net, latest } = world()
    net.condemnOnFailure()
    const events = record(new RoutedSocket('/ws'))
    ;(await latest()).handlers.closed({ ...FAILED, failure: REFUSED })
    ;(await latest()).handlers.opened({ protocol: '', extensions: '' })
    expect([net.sockets.length, net.sockets[1]?.request.road, events]).toEqual([2, ROUTE_B.road, ['open']])
  })

  it('does not concern other endpoints, newer generations or strangers', async () => {
    const { events, net } = await opened()
    await net.leave(ROUTE_B)
    await net.leave(routeTo('a', 'https://srv1.contoso.test', 'server-a', 0))
    expect(events).toEqual(['open'])
    const foreign = world()
    const seen = record(new foreign.RoutedSocket('wss://other.example/'))
    ;(await foreign.latest()).handlers.opened({ protocol: '', extensions: '' })
    await foreign.net.leave(ROUTE_A)
    expect(seen).toEqual(['open'])
  })
})

describe('the client closes', () => {
  it('1001 at once, open or connecting, and nothing new afterwards', async () => {
    const { socket, raw, events, net, RoutedSocket } = await opened()
    const other = record(new RoutedSocket('/other'))
    await net.settle()
    await net.close()
    expect([socket.readyState, events]).toEqual([3, ['open', [1001, 'client closed', true]]])
    expect(other).toEqual([[1001, 'client closed', true]])
    expect(raw.closes).toEqual([{ code: 1001, reason: 'client closed' }])
    expect(net.sockets[1]?.isAbandoned).toBe(true)
    expect(() => new RoutedSocket('/ws')).toThrow(expect.objectContaining({ code: 'CLIENT_CLOSED' }))
    await net.advance(2000)
    expect(net.alive).toBe(0)
  })
})
