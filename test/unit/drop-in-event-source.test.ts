import { describe, expect, it } from 'vitest'
import { createEventSourceClass } from '../../src/drop-in/event-source'
import { DropInWorld, ROUTE_A, ROUTE_B, routeTo } from '../support/drop-in'
import type { FakeStream } from '../support/drop-in'

const RESET = { kind: 'reset', sent: 'maybe', message: 'socket hang up' } as const

function world() {
  const net = new DropInWorld()
  const RoutedSource = createEventSourceClass(net.routing())
  const latest = async (): Promise<FakeStream> => {
    await net.settle()
    const stream = net.streams.at(-1)
    if (stream === undefined) throw new Error('nothing was asked for')
    return stream
  }
  return { net, RoutedSource, latest }
}

function record(source: EventSource): unknown[] {
  const events: unknown[] = []
  source.onopen = () => events.push('open')
  source.onerror = () => events.push('error')
  source.onmessage = ({ data, lastEventId }) => events.push([data, lastEventId])
  return events
}

async function opened() {
  const w = world()
  const source = new w.RoutedSource('/events')
  const events = record(source)
  const stream = await w.latest()
  stream.head(200)
  return { ...w, source, events, stream }
}

describe('EventSource', () => {
  it('asks the candidate, with the token in a header', async () => {
    const { RoutedSource, net, latest } = world()
    net.token = () => ({ token: 'secret' })
    const source = new RoutedSource('/events?x=1', { withCredentials: true })
    expect([source.readyState, source.url, source.withCredentials]).toEqual([
      0,
      'https://a365web1.contoso.test/events?x=1',
      true,
    ])
    const events = record(source)
    const stream = await latest()
    expect(stream.request).toEqual({
      road: ROUTE_A.road,
      path: '/events?x=1',
      method: 'GET',
      headers: { accept: 'text/event-stream', authorization: 'Bearer secret' },
      timeoutMs: 5000,
    })
    stream.head(200, { 'content-type': 'Text/Event-Stream; charset=utf-8' })
    expect([source.readyState, events]).toEqual([1, ['open']])
    expect([RoutedSource.CONNECTING, RoutedSource.OPEN, RoutedSource.CLOSED]).toEqual([0, 1, 2])
  })

  it('delivers messages and named events, with id and origin', async () => {
    const { source, stream, events } = await opened()
    const named: MessageEvent[] = []
    source.addEventListener('call', (event) => named.push(event as MessageEvent))
    stream.text('data: one\n\nid: 7\ndata: two\nda')
    stream.text('ta: lines\n\nevent: call\ndata: {}\n\n: comment\n\nid\ndata: none\n\n')
    expect(events).toEqual(['open', ['one', ''], ['two\nlines', '7'], ['none', '']])
    expect(named.map(({ data, lastEventId, origin }) => [data, lastEventId, origin])).toEqual([
      ['{}', '7', 'https://a365web1.contoso.test'],
    ])
  })

  it('close() ends it, even within a chunk', async () => {
    const { source, stream, events, net } = await opened()
    source.addEventListener('message', () => source.close())
    stream.text('data: one\n\ndata: two\n\n')
    expect([source.readyState, stream.isCancelled, events]).toEqual([2, true, ['open', ['one', '']]])
    expect(net.alive).toBe(0)
  })

  it('a foreign one goes straight there, without the token', async () => {
    const { RoutedSource, net, latest } = world()
    net.token = () => ({ token: 'secret' })
    const events = record(new RoutedSource('https://other.example/events'))
    const stream = await latest()
    expect(stream.request.road.url + stream.request.path).toBe('https://other.example/events')
    expect(stream.request.headers).not.toHaveProperty('authorization')
    stream.head(302, { location: 'https://third.example/e' })
    const second = await latest()
    expect(second.request.road.url + second.request.path).toBe('https://third.example/e')
    second.head(200)
    expect([events, net.asks, net.tokenAsks, net.evidence]).toEqual([['open'], [], [], []])
  })

  it('refuses what is no URL', () => {
    const { RoutedSource } = world()
    expect(() => new RoutedSource('https://')).toThrow(expect.objectContaining({ name: 'SyntaxError' }))
  })
})

describe('reconnecting', () => {
  it('after the end: error, a pause, then with Last-Event-ID', async () => {
    const { source, stream, events, net, latest } = await opened()
    stream.text('id: 42\ndata: x\n\ndata: cut off')
    stream.end()
    expect([source.readyState, events.at(-1)]).toEqual([0, 'error'])
    await net.advance(2999)
    expect(net.streams).toHaveLength(1)
    await net.advance(1)
    const second = await latest()
    expect(second.request.headers).toMatchObject({ 'last-event-id': '42' })
    second.head(200)
    second.text('\n\ndata: y\n\n')
    expect(events.slice(2)).toEqual(['error', 'open', ['y', '42']])
    expect(net.evidence.every(({ outcome }) => outcome.type === 'status')).toBe(true)
  })

  it('sends an id in UTF-8', async () => {
    const { stream, net, latest } = await opened()
    stream.text('id: ü\ndata: x\n\n')
    stream.end()
    await net.advance(3000)
    expect((await latest()).request.headers?.['last-event-id']).toBe('\u00c3\u00bc')
  })

  it('comes back without an id that Node cannot send: with it never', async () => {
    const { stream, net, latest } = await opened()
    stream.text('id: a\u0001b\ndata: x\n\n')
    stream.end()
    await net.advance(3000)
    expect((await latest()).request.headers).not.toHaveProperty('last-event-id')
  })

  it.each(['9'.repeat(20), '9'.repeat(400)])('comes back within hours, though told `retry: %s`', async (retry) => {
    const { stream, net } = await opened()
    stream.text(`retry: ${retry}\n\n`)
    stream.end()
    await net.advance(3_599_999)
    expect(net.streams).toHaveLength(1)
    await net.advance(3_600_001)
    expect(net.streams).toHaveLength(2)
  })

  it('obeys `retry`', async () => {
    const { stream, net } = await opened()
    stream.text('retry: 50\n\n')
    stream.end()
    await net.advance(49)
    expect(net.streams).toHaveLength(1)
    await net.advance(1)
    expect(net.streams).toHaveLength(2)
  })

  it('a broken stream is evidence, and another candidate is preferred', async () => {
    const { stream, net, latest } = await opened()
    stream.end(RESET)
    expect(net.evidence.at(-1)).toMatchObject({ route: ROUTE_A, outcome: { type: 'failure', failure: RESET } })
    await net.advance(3000)
    expect((await latest()).request.road).toBe(ROUTE_B.road)
  })

  it('waits longer after each failure, and starts again after an event or ten good seconds', async () => {
    const { stream, net, latest } = await opened()
    net.random = 1
    const pauseMs = async (): Promise<number> => {
      const before = net.streams.length
      const start = net.now
      for (let step = 0; step < 100 && net.streams.length === before; step += 1) await net.advance(500)
      return net.now - start
    }
    stream.end(RESET)
    const pauses = [await pauseMs()]
    for (let failure = 0; failure < 4; failure += 1) {
      ;(await latest()).end(RESET)
      pauses.push(await pauseMs())
    }
    expect(pauses).toEqual([6000, 12_000, 24_000, 30_000, 30_000])
    ;(await latest()).head(200)
    await net.advance(10_000)
    ;(await latest()).end()
    expect(await pauseMs()).toBe(6000)
    ;(await latest()).head(200)
    ;(await latest()).text('data: x\n\n')
    ;(await latest()).end()
    expect(await pauseMs()).toBe(6000)
  })

  it.each([502, 503, 504])('%i is temporary', async (status) => {
    const { RoutedSource, net, latest } = world()
    const source = new RoutedSource('/events')
    const events = record(source)
    ;(await latest()).head(status)
    expect([source.readyState, events]).toEqual([0, ['error']])
    await net.advance(3000)
    expect((await latest()).request.road).toBe(ROUTE_B.road)
  })

  it('Retry-After is obeyed', async () => {
    const { RoutedSource, net, latest } = world()
    record(new RoutedSource('/events'))
    ;(await latest()).head(503, { 'retry-after': '20' })
    await net.advance(19_999)
    expect(net.streams).toHaveLength(1)
    await net.advance(1)
    expect(net.streams).toHaveLength(2)
  })

  it.each([
    [204, {}],
    [200, { 'content-type': 'text/html' }],
    [200, {}],
    [401, {}],
    [404, {}],
    [500, {}],
    [302, { location: 'https://evil.example/' }],
  ])('%i %j is for good', async (status, headers: Record<string, string>) => {
    const { RoutedSource, net, latest } = world()
    const source = new RoutedSource('/events')
    const events = record(source)
    ;(await latest()).head(status, headers)
    await net.advance(60_000)
    expect([source.readyState, events, net.streams.length, net.alive]).toEqual([2, ['error'], 1, 0])
  })

  it('a refused token is asked anew once', async () => {
    const { RoutedSource, net, latest } = world()
    net.token = ({ reason }) => ({ token: reason === 'connect' ? 'old' : 'new' })
    const source = new RoutedSource('/events')
    ;(await latest()).head(401)
    const second = await latest()
    expect(second.request.headers).toMatchObject({ authorization: 'Bearer new' })
    second.head(401)
    await net.settle()
    expect([source.readyState, net.streams.length]).toEqual([2, 2])
  })

  it('a token provider that fails is a failed attempt against nobody', async () => {
    const { RoutedSource, net } = world()
    net.token = () => ({ error: new Error('no') })
    const events = record(new RoutedSource('/events'))
    await net.settle()
    expect(events).toEqual(['error'])
    net.token = () => ({})
    await net.advance(3000)
    expect([net.streams.length, net.evidence]).toEqual([1, []])
  })

  it('a token that is at hand at once does no harm', async () => {
    const { RoutedSource, net, latest } = world()
    net.isTokenAtHand = true
    net.token = () => ({ token: 'secret' })
    const source = new RoutedSource('/events')
    const stream = await latest()
    source.close()
    expect([stream.isCancelled, net.alive]).toEqual([true, 0])
  })

  it('follows a redirect to another candidate there, with the token of that server', async () => {
    const { RoutedSource, latest, net } = world()
    const events = record(new RoutedSource('/events'))
    ;(await latest()).head(307, { location: 'https://srv2.contoso.test/other' })
    const second = await latest()
    expect(second.request.road.url + second.request.path).toBe('https://srv2.contoso.test/other')
    expect(net.tokenAsks.map(({ endpointId }) => endpointId)).toEqual(['a', 'b'])
    second.head(200)
    expect(events).toEqual(['open'])
    expect(net.evidence.at(-1)?.route.endpointId).toBe('b')
  })

  it('follows other redirects on the current road, but not back to what was just asked', async () => {
    const { RoutedSource, latest, net } = world()
    net.candidates = [ROUTE_A]
    const source = new RoutedSource('/events')
    ;(await latest()).head(307, { location: 'https://srv2.contoso.test/other' })
    const second = await latest()
    expect(second.request.road.url + second.request.path).toBe('https://srv1.contoso.test/other')
    second.head(307, { location: 'https://srv2.contoso.test/other' })
    await net.settle()
    expect([source.readyState, net.streams.length]).toEqual([2, 2])
  })
})

describe('failover', () => {
  it('reconnects at once on the candidate of that moment', async () => {
    const { source, stream, events, net, latest } = await opened()
    stream.text('id: 1\ndata: x\n\n')
    net.candidates = [ROUTE_B]
    await net.leave(ROUTE_A)
    expect([source.readyState, stream.isCancelled, events.at(-1)]).toEqual([0, true, 'error'])
    const second = await latest()
    expect(second.request.road).toBe(ROUTE_B.road)
    expect(second.request.headers).toMatchObject({ 'last-event-id': '1' })
    stream.text('data: late\n\n')
    second.head(200)
    expect(events).toEqual(['open', ['x', '1'], 'error', 'open'])
  })

  it('ends the pause after a loss', async () => {
    const { stream, events, net, latest } = await opened()
    stream.end(RESET)
    await net.leave(ROUTE_A)
    expect((await latest()).request.road).toBe(ROUTE_B.road)
    expect(events).toEqual(['open', 'error'])
    await net.advance(60_000)
    expect(net.streams).toHaveLength(2)
  })

  it('brought about by its own evidence makes one new connection', async () => {
    const { stream, events, net, latest } = await opened()
    net.condemnOnFailure()
    stream.end(RESET)
    expect((await latest()).request.road).toBe(ROUTE_B.road)
    await net.advance(60_000)
    expect([net.streams.length, events]).toEqual([2, ['open', 'error']])
  })

  it('does not concern other endpoints or newer generations', async () => {
    const { stream, net } = await opened()
    await net.leave(ROUTE_B)
    await net.leave(routeTo('a', 'https://srv1.contoso.test', 'server-a', 0))
    expect(stream.isCancelled).toBe(false)
  })
})

describe('the client closes', () => {
  it('the EventSource fails, and no new one can be made', async () => {
    const { source, stream, events, net, RoutedSource } = await opened()
    await net.close()
    expect([source.readyState, stream.isCancelled, events.at(-1), net.alive]).toEqual([2, true, 'error', 0])
    expect(() => new RoutedSource('/events')).toThrow(expect.objectContaining({ code: 'CLIENT_CLOSED' }))
  })
})
