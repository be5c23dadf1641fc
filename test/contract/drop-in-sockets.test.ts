/** The drop-in faces over the platform of Node and real sockets on loopback. Routes and moves are the test's. */
import { getEventListeners } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { WebSocket as ServerSocket } from 'ws'
import { WebSocketServer } from 'ws'
import { createEventSourceClass } from '../../src/drop-in/event-source'
import { createFetch } from '../../src/drop-in/fetch'
import type { Route } from '../../src/drop-in/routing'
import { createWebSocketClass } from '../../src/drop-in/web-socket'
import { findFailoverError, isFailoverError } from '../../src/errors'
import { nodePlatform } from '../../src/platform/node/node-platform'
import type { Platform } from '../../src/platform/platform'
import { DropInWorld, routeTo } from '../support/drop-in'
import { Loopback, until } from '../support/loopback'

let loopback: Loopback
let platform: Platform
let net: DropInWorld

beforeEach(() => {
  loopback = new Loopback()
  platform = nodePlatform()
  net = new DropInWorld()
  net.knownHosts.add('127.0.0.1')
  net.candidates = []
})

afterEach(async () => {
  await net.close()
  platform.close()
  await loopback.close()
  expect(net.alive).toBe(0)
})

/** A server, as the next candidate. */
async function serve(id: string, listener: RequestListener): Promise<Route> {
  const { port } = await loopback.http(listener)
  return candidate(id, port)
}

function candidate(id: string, port: number): Route {
  const route = routeTo(id, `http://127.0.0.1:${port}`)
  net.candidates.push(route)
  return route
}

function streamOf(text: string): ReadableStream {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text))
      controller.close()
    },
  })
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

async function echo(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, url, headers } = request
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ method, url, headers, body: await read(request) }))
}

const echoing: RequestListener = (request, response) => void echo(request, response)

test('a request arrives as it was meant, on the dedicated hostname’s behalf', async () => {
  await serve('a', echoing)
  net.token = () => ({ token: 'secret' })
  const fetch = createFetch(net.routing(platform))
  const response = await fetch('https://a365web1.contoso.test/api?x=1', { method: 'put', body: 'grüße' })
  expect(await response.json()).toMatchObject({
    method: 'PUT',
    url: '/api?x=1',
    body: 'grüße',
    headers: { authorization: 'Bearer secret', 'content-type': 'text/plain;charset=UTF-8', 'content-length': '7' },
  })
})

test('every kind of body arrives whole', async () => {
  await serve('a', echoing)
  const fetch = createFetch(net.routing(platform))
  const send = async (body: BodyInit): Promise<{ body: string; headers: Record<string, string> }> =>
    (await fetch('/x', { method: 'POST', body })).json() as Promise<{ body: string; headers: Record<string, string> }>
  expect((await send(new TextEncoder().encode('bytes').subarray(1))).body).toBe('ytes')
  expect(await send(new URLSearchParams('a=ä'))).toMatchObject({
    body: 'a=%C3%A4',
    headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' },
  })
  expect(await send(new Blob(['b'], { type: 'text/csv' }))).toMatchObject({
    body: 'b',
    headers: { 'content-type': 'text/csv' },
  })
  const form = new FormData()
  form.append('file', new File(['content'], 'name.txt'))
  expect((await send(form)).body).toMatch(/name="file"; filename="name\.txt"[^]*content/)
  expect(await send(streamOf('stream'))).toMatchObject({
    body: 'stream',
    headers: { 'transfer-encoding': 'chunked' },
  })
  const request = new Request('https://a365web1.contoso.test/x', { method: 'POST', body: '{}' })
  expect(await (await fetch(request)).json()).toMatchObject({ body: '{}', headers: { 'content-length': '2' } })
})

test('an unsafe request that met a dead port goes to the other server, once', async () => {
  candidate('a', await loopback.deadPort())
  let executed = 0
  await serve('b', (request, response) => {
    executed += 1
    echoing(request, response)
  })
  const fetch = createFetch(net.routing(platform))
  const response = await fetch('/x', { method: 'POST', body: 'once' })
  expect(await response.json()).toMatchObject({ method: 'POST', body: 'once' })
  expect(executed).toBe(1)
  expect(net.evidence.map(({ route, outcome }) => [route.endpointId, outcome.type])).toEqual([
    ['a', 'failure'],
    ['b', 'status'],
  ])
})

test('an unsafe request that was cut off has an unknown outcome, a safe one goes on', async () => {
  await serve('a', (request) => void read(request).then(() => request.socket.destroy()))
  await serve('b', echoing)
  const fetch = createFetch(net.routing(platform))
  const error = await fetch('/x', { method: 'POST', body: 'b' }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(TypeError)
  expect(findFailoverError(error)).toMatchObject({ code: 'OUTCOME_UNKNOWN', fields: { sent: 'maybe' } })
  expect((await fetch('/x')).status).toBe(200)
})

test('a request that hangs on the server that is left is repeated on the new one', async () => {
  let isAborted = false
  let hasArrived = false
  const a = await serve('a', (request) => {
    hasArrived = true
    request.socket.once('close', () => (isAborted = true))
  })
  await serve('b', echoing)
  const fetch = createFetch(net.routing(platform))
  const promise = fetch('/x')
  await until('the request has arrived', () => hasArrived)
  await net.leave(a)
  expect((await promise).status).toBe(200)
  await until('the old one was aborted', () => isAborted)
})

test('redirects stay on the road and within the known hosts', async () => {
  await serve('a', (request, response) => {
    const locations: Record<string, string> = {
      '/post': '/there',
      '/name': 'https://a365web1.contoso.test/there',
      '/out': 'http://localhost:9/',
    }
    const location = locations[request.url ?? '']
    if (location === undefined) return echoing(request, response)
    response.writeHead(request.url === '/post' ? 303 : 302, { location }).end('elsewhere')
  })
  const fetch = createFetch(net.routing(platform))
  expect(await (await fetch('/post', { method: 'POST', body: 'b' })).json()).toMatchObject({
    method: 'GET',
    url: '/there',
  })
  expect(await (await fetch('/name')).json()).toMatchObject({ url: '/there' })
  expect((await fetch('/out', { redirect: 'manual' })).status).toBe(302)
  const error = await fetch('/out').catch((thrown: unknown) => thrown)
  expect(findFailoverError(error, 'PROTOCOL_ERROR')?.fields.reason).toBe('redirect-refused')
})

test('an abort reaches the body, also when only its reader is left, and the connection ends', async () => {
  let isClosed = false
  await serve('a', (request, response) => {
    request.socket.once('close', () => (isClosed = true))
    response.write('first')
  })
  const fetch = createFetch(net.routing(platform))
  const controller = new AbortController()
  const reader = (await fetch('/x', { signal: controller.signal })).body?.getReader()
  expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('first')
  const reason = new Error('enough')
  controller.abort(reason)
  await expect(reader?.read()).rejects.toBe(reason)
  await until('the connection ended', () => isClosed)
})

test('a signal that outlives many requests keeps no listener of those without a body', async () => {
  await serve('a', (_request, response) => response.writeHead(204).end())
  const fetch = createFetch(net.routing(platform))
  const { signal } = new AbortController()
  for (let count = 0; count < 20; count += 1) await fetch('/x', { signal })
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

/** A WebSocket server; `onSocket` gets each connection. */
async function serveSockets(id: string, onSocket: (socket: ServerSocket) => void): Promise<Route> {
  const { server, port } = await loopback.http((_request, response) => response.writeHead(404).end())
  new WebSocketServer({ server, handleProtocols: (names) => [...names].at(-1) ?? false }).on('connection', onSocket)
  return candidate(id, port)
}

/** What happens to a socket, and its end. */
function watch(socket: WebSocket): { readonly events: unknown[]; isClosed(): boolean } {
  const events: unknown[] = []
  socket.binaryType = 'arraybuffer'
  socket.addEventListener('open', () => events.push('open'))
  socket.addEventListener('message', ({ data }) =>
    events.push(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer)),
  )
  socket.addEventListener('close', ({ code, reason, wasClean }) => events.push([code, reason, wasClean]))
  return { events, isClosed: () => socket.readyState === 3 }
}

test('WebSocket: subprotocol, text, bytes, Blob, and a close from either side', async () => {
  await serveSockets('a', (socket) => {
    socket.on('message', (data, isBinary) => {
      if (String(data) === 'close') return socket.close(4001, 'kicked')
      socket.send(data, { binary: isBinary })
    })
  })
  const RoutedSocket = createWebSocketClass(net.routing(platform))
  const socket = new RoutedSocket('wss://a365web1.contoso.test/ws', ['one', 'two'])
  const { events, isClosed } = watch(socket)
  await until('it is open', () => socket.readyState === 1)
  expect(socket.protocol).toBe('two')
  socket.send('text')
  socket.send(new Uint8Array([1, 2]))
  socket.send(new Blob([new Uint8Array([3])]))
  socket.send('last')
  await until('all came back', () => events.length === 5)
  expect(events).toEqual(['open', 'text', new Uint8Array([1, 2]), new Uint8Array([3]), 'last'])
  socket.close(3000, 'bye')
  await until('it is closed', isClosed)
  expect(events.at(-1)).toEqual([3000, 'bye', true])
  const other = new RoutedSocket('/ws')
  const seen = watch(other)
  await until('it is open', () => other.readyState === 1)
  other.send('close')
  await until('it is closed', seen.isClosed)
  expect(seen.events).toEqual(['open', [4001, 'kicked', true]])
})

test('WebSocket: a dead port is passed over, a failover is told with 1012', async () => {
  candidate('a', await loopback.deadPort())
  let serverCode: number | undefined
  const b = await serveSockets('b', (socket) => socket.on('close', (code) => (serverCode = code)))
  const RoutedSocket = createWebSocketClass(net.routing(platform))
  const lost = new RoutedSocket('/ws')
  const { events } = watch(lost)
  await until('it is open', () => lost.readyState === 1)
  await net.leave(b)
  expect(events).toEqual(['open', [1012, 'failover', false]])
  await until('the server noticed', () => serverCode !== undefined)
  serverCode = undefined
  const drained = new RoutedSocket('/ws')
  const seen = watch(drained)
  await until('it is open', () => drained.readyState === 1)
  await net.leave(b, 'drained')
  expect(seen.events).toEqual(['open', [1012, 'failover', true]])
  await until('the server heard the goodbye', () => serverCode !== undefined)
  expect(serverCode).toBe(1001)
  // The timer for a goodbye without an answer is the platform's: it ends with it.
  net.timers.clear()
})

test('WebSocket: an upgrade refused by the application is the end', async () => {
  const { port } = await loopback.http((_request, response) => response.end())
  candidate('a', port)
  await serveSockets('b', () => undefined)
  const RoutedSocket = createWebSocketClass(net.routing(platform))
  const socket = new RoutedSocket('/ws')
  const { events, isClosed } = watch(socket)
  await until('it is closed', isClosed)
  expect(events).toEqual([[1006, '', false]])
})

test('EventSource: named events, reconnection with Last-Event-ID, failover at once', async () => {
  const ids: (string | undefined)[] = []
  const events: RequestListener = (request, response) => {
    ids.push(request.headers['last-event-id'] as string | undefined)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`retry: 20\nid: ${ids.length}\nevent: call\ndata: to ${request.url}\n\n`)
    // The second connection stays.
    if (ids.length === 1) response.end()
  }
  const a = await serve('a', events)
  const RoutedSource = createEventSourceClass(net.routing(platform))
  const source = new RoutedSource('/events')
  const received: unknown[] = []
  source.addEventListener('call', (event) =>
    received.push([(event as MessageEvent).data, (event as MessageEvent).lastEventId]),
  )
  await until('it has reconnected', () => received.length === 2)
  await serve('b', events)
  net.candidates.shift()
  await net.leave(a)
  await until('it is on the other server', () => received.length === 3)
  expect(ids).toEqual([undefined, '1', '2'])
  expect(received).toEqual([
    ['to /events', '1'],
    ['to /events', '2'],
    ['to /events', '3'],
  ])
  source.close()
})

test('after close nothing is sent any more', async () => {
  await serve('a', (_request, _response) => undefined)
  const fetch = createFetch(net.routing(platform))
  const settled = fetch('/x', { method: 'POST' }).catch((thrown: unknown) => thrown)
  await until('it is under way', () => loopback.connections > 0)
  await net.close()
  expect(isFailoverError(await settled, 'OUTCOME_UNKNOWN')).toBe(true)
  await expect(fetch('/x')).rejects.toMatchObject({ code: 'CLIENT_CLOSED' })
})
