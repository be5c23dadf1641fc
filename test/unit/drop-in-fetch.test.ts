import { afterEach, describe, expect, it, vi } from 'vitest'
import { createFetch } from '../../src/drop-in/fetch'
import { findFailoverError, isFailoverError } from '../../src/errors'
import { DropInWorld, ROUTE_A, ROUTE_B, routeTo } from '../support/drop-in'
import type { DropInWorldOptions, FakeFetch } from '../support/drop-in'

const REFUSED = { kind: 'refused', sent: 'no', message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' } as const
const RESET = { kind: 'reset', sent: 'maybe', message: 'socket hang up' } as const

function world(options?: DropInWorldOptions) {
  const net = new DropInWorld(options)
  const fetch = createFetch(net.routing())
  /** The request made last, once it was made. */
  const latest = async (): Promise<FakeFetch> => {
    await net.settle()
    const call = net.fetches.at(-1)
    if (call === undefined) throw new Error('nothing was sent')
    return call
  }
  return { net, fetch, latest }
}

/** A response whose body can tell that it was cancelled. */
function watchedResponse(status: number, headers: Record<string, string> = {}) {
  const seen = { isCancelled: false }
  const body = new ReadableStream({ cancel: () => void (seen.isCancelled = true) })
  return { seen, response: new Response(body, { status, headers }) }
}

afterEach(() => vi.unstubAllGlobals())

describe('fetch', () => {
  it('routes relative URLs and known ones, and adds the token', async () => {
    const { net, fetch, latest } = world()
    net.token = () => ({ token: 'secret' })
    for (const input of [
      '/api/x?q=1',
      new URL('https://a365web1.contoso.test/api/x?q=1'),
      'https://srv2.contoso.test/api/x?q=1',
    ]) {
      const promise = fetch(input)
      const call = await latest()
      expect(call.request.url).toBe('https://srv1.contoso.test/api/x?q=1')
      expect(call.request.road).toBe(ROUTE_A.road)
      expect(call.headers.get('authorization')).toBe('Bearer secret')
      const answer = call.answer(200, 'hello')
      expect(await promise).toBe(answer)
    }
    expect(net.tokenAsks).toEqual(Array(3).fill({ reason: 'connect', endpointId: 'a', server: 'server-a' }))
    expect(net.alive).toBe(0)
  })

  it('leaves foreign URLs to the global fetch, untouched and without the token', async () => {
    const { net, fetch } = world()
    net.token = () => ({ token: 'secret' })
    const response = new Response('foreign')
    const global = vi.fn(() => Promise.resolve(response))
    vi.stubGlobal('fetch', global)
    const init = { headers: { 'x-mine': '1' } }
    expect(await fetch('https://other.example/x', init)).toBe(response)
    expect(global).toHaveBeenCalledExactlyOnceWith('https://other.example/x', init)
    await fetch('wss://a365web1.contoso.test/x')
    expect(global).toHaveBeenLastCalledWith('wss://a365web1.contoso.test/x', undefined)
    expect(net.tokenAsks).toEqual([])
  })

  it('does not replace the caller’s own Authorization', async () => {
    const { net, fetch, latest } = world()
    net.token = () => ({ token: 'secret' })
    const promise = fetch('/x', { headers: { authorization: 'Basic mine' } })
    const call = await latest()
    expect(call.headers.get('authorization')).toBe('Basic mine')
    call.answer(401)
    expect((await promise).status).toBe(401)
    expect(net.tokenAsks).toEqual([])
  })

  it('takes method, headers and signal of a Request, and sends its body once', async () => {
    const { fetch, latest, net } = world()
    const request = new Request('https://a365web1.contoso.test/x', {
      method: 'PUT',
      body: 'text',
      headers: { 'x-mine': '1' },
    })
    const promise = fetch(request)
    // Reading a Request's body takes turns of the event loop.
    await vi.waitUntil(() => net.fetches.length > 0)
    const call = await latest()
    expect(call.request.init.method).toBe('PUT')
    expect(call.headers.get('x-mine')).toBe('1')
    expect(call.headers.get('content-type')).toBe('text/plain;charset=UTF-8')
    expect(new TextDecoder().decode(call.request.init.body as ArrayBuffer)).toBe('text')
    call.fail(REFUSED)
    await expect(promise).rejects.toThrow(TypeError)
    expect(net.fetches).toHaveLength(1)
  })

  it('lets init outweigh the Request', async () => {
    const { fetch, latest } = world()
    const promise = fetch(new Request('https://a365web1.contoso.test/x'), {
      method: 'post',
      body: 'b',
      cache: 'no-store',
    })
    const call = await latest()
    expect(call.request.init).toMatchObject({ method: 'POST', body: 'b', cache: 'no-store' })
    call.answer(204)
    await promise
  })

  it.each([
    ['GET with a body', '/x', { body: 'b' }],
    ['no method', '/x', { method: 'G T' }],
    ['TRACE', '/x', { method: 'trace' }],
    ['credentials in the URL', 'https://me:pw@a365web1.contoso.test/', {}],
    ['a wrong header', '/x', { headers: { 'b d': '1' } }],
    ['a wrong redirect mode', '/x', { redirect: 'maybe' as RequestRedirect }],
    ['no URL', 'https://', {}],
  ])('refuses %s with a TypeError, before anything is sent', async (_name, input, init) => {
    const { fetch, net } = world()
    await expect(fetch(input, init)).rejects.toThrow(TypeError)
    await net.settle()
    expect(net.fetches).toEqual([])
    expect(net.alive).toBe(0)
  })
})

describe('failures', () => {
  it('goes to another endpoint, and lets the first response go', async () => {
    const { fetch, latest, net } = world()
    const promise = fetch('/x')
    const { seen, response } = watchedResponse(503)
    ;(await latest()).give(response)
    const second = await latest()
    expect(second.request.url).toBe('https://srv2.contoso.test/x')
    second.answer(200)
    expect((await promise).status).toBe(200)
    expect(seen.isCancelled).toBe(true)
    expect(net.evidence.map(({ route, outcome }) => [route.endpointId, outcome])).toEqual([
      ['a', { type: 'status', status: 503, retryAfter: false }],
      ['b', { type: 'status', status: 200, retryAfter: false }],
    ])
  })

  it('returns the last response when retries end', async () => {
    const { fetch, latest, net } = world({ tokens: 0 })
    const promise = fetch('/x')
    ;(await latest()).answer(502, 'sorry')
    expect(await (await promise).text()).toBe('sorry')
    expect(net.alive).toBe(0)
  })

  it('a network failure is a TypeError with the facts in its cause', async () => {
    const { fetch, latest, net } = world()
    net.candidates = [ROUTE_A]
    const promise = fetch('/x?secret=1', { method: 'POST', body: 'b' })
    const settled = promise.catch((error: unknown) => error)
    ;(await latest()).fail(RESET)
    const error = await settled
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).toBe('fetch failed')
    expect(findFailoverError(error)).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      fields: { subject: '/x', endpoint: 'a', server: 'server-a', reason: 'reset', sent: 'maybe' },
    })
    // Told once more as an event, for whoever reconciles.
    expect(net.doubts).toEqual([{ subject: 'POST /x', server: 'server-a' }])
    expect(net.alive).toBe(0)
  })

  it('replays every replayable body on the next endpoint', async () => {
    const form = new FormData()
    form.append('a', '1')
    const bodies: BodyInit[] = ['text', new Uint8Array([1]), new Blob(['x']), new URLSearchParams('a=1'), form]
    for (const body of bodies) {
      const { fetch, latest, net } = world()
      const promise = fetch('/x', { method: 'POST', body })
      ;(await latest()).fail(REFUSED)
      const second = await latest()
      expect(net.fetches).toHaveLength(2)
      expect(second.request.init.body).toBe(net.fetches[0]?.request.init.body)
      second.answer(204)
      await promise
    }
  })

  it('sends a stream once, with half duplex', async () => {
    const { fetch, latest, net } = world()
    const promise = fetch('/x', { method: 'POST', body: new ReadableStream() })
    const settled = promise.catch((error: unknown) => error)
    const call = await latest()
    expect(call.request.init).toMatchObject({ duplex: 'half' })
    call.fail(REFUSED)
    expect(isFailoverError(await settled, 'NO_ENDPOINT_AVAILABLE')).toBe(true)
    expect(net.fetches).toHaveLength(1)
  })

  it('waits for a candidate at most readyTimeoutMs', async () => {
    const { fetch, net } = world()
    net.candidates = []
    const settled = fetch('/x').catch((error: unknown) => error)
    await net.advance(4999)
    expect(net.asks).toHaveLength(1)
    await net.advance(1)
    expect(isFailoverError(await settled, 'NO_ENDPOINT_AVAILABLE')).toBe(true)
    expect(net.alive).toBe(0)
  })

  it.each(['UNAUTHORIZED', 'FORBIDDEN', 'RESOLVE_FAILED'] as const)('and says why there is none: %s', async (code) => {
    const { fetch, net } = world()
    net.candidates = []
    net.lack = { code, why: 'this is why' }
    const settled = fetch('/x').catch((error: unknown) => error)
    await net.advance(5000)
    const error = await settled
    expect(isFailoverError(error, code)).toBe(true)
    expect(String((error as Error).cause)).toContain('this is why')
  })

  it('goes as soon as a candidate comes', async () => {
    const { fetch, net, latest } = world()
    net.candidates = []
    const promise = fetch('/x', { method: 'POST' })
    await net.advance(3000)
    await net.offer(ROUTE_B)
    ;(await latest()).answer(201)
    expect((await promise).status).toBe(201)
  })

  it('waits where Retry-After says so and there is nothing else', async () => {
    const { fetch, net, latest } = world()
    net.candidates = [ROUTE_A]
    const promise = fetch('/x')
    ;(await latest()).answer(503, null, { 'retry-after': '2' })
    await net.advance(1999)
    expect(net.fetches).toHaveLength(1)
    await net.advance(1)
    ;(await latest()).answer(200)
    expect((await promise).status).toBe(200)
  })

  it('times out: safe and unsafe', async () => {
    for (const [method, code] of [
      ['GET', 'REQUEST_TIMEOUT'],
      ['POST', 'OUTCOME_UNKNOWN'],
    ] as const) {
      const { fetch, net, latest } = world()
      const settled = fetch('/x', { method }).catch((error: unknown) => error)
      const call = await latest()
      await net.advance(15_000)
      expect(findFailoverError(await settled)?.code).toBe(code)
      expect(call.isCancelled).toBe(true)
      expect(net.evidence.map(({ outcome }) => outcome)).toEqual([{ type: 'timeout' }])
      expect(net.doubts).toEqual(method === 'GET' ? [] : [{ subject: 'POST /x', server: 'server-a' }])
      expect(net.alive).toBe(0)
    }
  })

  it('the deadline ends with the headers', async () => {
    const { fetch, net, latest } = world()
    const promise = fetch('/x')
    const { response, seen } = watchedResponse(200)
    ;(await latest()).give(response)
    await promise
    await net.advance(60_000)
    expect(seen.isCancelled).toBe(false)
  })
})

describe('failover', () => {
  it('repeats a safe request on the new endpoint', async () => {
    const { fetch, net, latest } = world()
    const promise = fetch('/x')
    const first = await latest()
    await net.leave(ROUTE_A)
    expect(first.isCancelled).toBe(true)
    const second = await latest()
    expect(second.request.url).toBe('https://srv2.contoso.test/x')
    second.answer(200)
    await promise
  })

  it('brought about by its own evidence: one more request', async () => {
    const { fetch, net, latest } = world()
    net.condemnOnFailure()
    const promise = fetch('/x', { method: 'POST' })
    ;(await latest()).fail(REFUSED)
    const second = await latest()
    expect([net.fetches.length, net.asks.length, second.request.road]).toEqual([2, 2, ROUTE_B.road])
    second.answer(200)
    await promise
    expect(net.alive).toBe(0)
  })

  it('leaves an unsafe one, one at a drained endpoint and one of a newer generation alone', async () => {
    const { fetch, net, latest } = world()
    const unsafe = fetch('/x', { method: 'POST' })
    const call = await latest()
    await net.leave(ROUTE_A)
    call.answer(200)
    await unsafe
    const safe = fetch('/y')
    const other = await latest()
    await net.leave(ROUTE_A, 'drained')
    await net.leave(routeTo('a', 'https://srv1.contoso.test', 'server-a', 0))
    expect(other.isCancelled).toBe(false)
    other.answer(200)
    await safe
  })

  it('in a page an unsafe request asks for a server that was proved just now', async () => {
    const { fetch, net, latest } = world({ can: { proveUnsent: false } })
    const promise = fetch('/x', { method: 'POST' })
    ;(await latest()).answer(200)
    await promise
    expect(net.asks).toEqual([{ avoid: [], freshProof: true, purpose: 'request' }])
  })
})

describe('abort', () => {
  it('rejects with the reason of the signal, whatever that is', async () => {
    for (const reason of [new Error('mine'), 'text', 0, null]) {
      const { fetch, net, latest } = world()
      const controller = new AbortController()
      const settled = fetch('/x', { signal: controller.signal }).catch((error: unknown) => ({ error }))
      const call = await latest()
      controller.abort(reason)
      expect(await settled).toEqual({ error: reason })
      expect(call.isCancelled).toBe(true)
      expect(net.evidence).toEqual([])
      expect(net.alive).toBe(0)
    }
  })

  it('right after the call is not missed', async () => {
    const { fetch, net } = world()
    const controller = new AbortController()
    const settled = fetch('/x', { signal: controller.signal }).catch((error: unknown) => error)
    controller.abort('at once')
    expect(await settled).toBe('at once')
    expect([net.asks, net.alive]).toEqual([[], 0])
  })

  it('is an AbortError by default, before the start, while waiting and through a Request', async () => {
    const { fetch, net } = world()
    await expect(fetch('/x', { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
    expect(net.asks).toEqual([])
    net.candidates = []
    const controller = new AbortController()
    const settled = fetch(new Request('https://a365web1.contoso.test/x', { signal: controller.signal })).catch(
      (error: unknown) => error,
    )
    await net.settle()
    controller.abort()
    expect(await settled).toMatchObject({ name: 'AbortError' })
    expect(net.alive).toBe(0)
  })

  it('reaches the body later', async () => {
    const { fetch, latest } = world()
    const controller = new AbortController()
    const promise = fetch('/x', { signal: controller.signal })
    const call = await latest()
    call.answer(200, 'body')
    await promise
    expect(call.request.init.signal?.aborted).toBe(false)
    controller.abort('enough')
    expect(call.request.init.signal?.aborted).toBe(true)
    expect(call.request.init.signal?.reason).toBe('enough')
  })

  it('has one listener on a signal, however many requests, and none in the end', async () => {
    const { fetch, net } = world()
    const { signal } = new AbortController()
    const add = vi.spyOn(signal, 'addEventListener')
    const remove = vi.spyOn(signal, 'removeEventListener')
    const promises = Array.from({ length: 20 }, () => fetch('/x', { signal }))
    await net.settle()
    expect(net.fetches).toHaveLength(20)
    for (const call of net.fetches) call.answer(204)
    await Promise.all(promises)
    expect(add).toHaveBeenCalledTimes(1)
    expect(remove).toHaveBeenCalledExactlyOnceWith('abort', add.mock.calls[0]?.[1])
  })

  it('reaches every request and body of one signal', async () => {
    const { fetch, net } = world()
    const controller = new AbortController()
    const { signal } = controller
    const answered = fetch('/x', { signal })
    const waiting = ['/y', '/z'].map((path) => fetch(path, { signal }).catch((error: unknown) => error))
    await net.settle()
    net.fetches[0]?.answer(200, 'body')
    await answered
    controller.abort('enough')
    expect(await Promise.all(waiting)).toEqual(['enough', 'enough'])
    expect(net.fetches[0]?.request.init.signal?.reason).toBe('enough')
    expect(net.alive).toBe(0)
  })

  it('while the refused token is asked anew lets that response go', async () => {
    const { fetch, net, latest } = world()
    net.token = ({ reason }) => (reason === 'connect' ? { token: 'old' } : undefined)
    const controller = new AbortController()
    const settled = fetch('/x', { signal: controller.signal }).catch((error: unknown) => error)
    const { seen, response } = watchedResponse(401)
    ;(await latest()).give(response)
    await net.settle()
    controller.abort()
    await settled
    expect(seen.isCancelled).toBe(true)
  })
})

describe('the token', () => {
  it('refused: asked once again, then the answer stands', async () => {
    const { fetch, net, latest } = world()
    net.token = ({ reason }) => ({ token: reason === 'connect' ? 'old' : 'new' })
    const promise = fetch('/x', { method: 'POST', body: 'b' })
    const { seen, response } = watchedResponse(401)
    ;(await latest()).give(response)
    const second = await latest()
    expect(second.headers.get('authorization')).toBe('Bearer new')
    expect(seen.isCancelled).toBe(true)
    second.answer(401)
    expect((await promise).status).toBe(401)
    expect(net.tokenAsks.map(({ reason }) => reason)).toEqual(['connect', 'rejected'])
    expect(net.fetches).toHaveLength(2)
  })

  it.each([
    ['the same token again', { token: 'old' }],
    ['none', {}],
    ['an error', { error: new Error('no') }],
  ])('refused, and the provider gives %s: the refusal is the answer', async (_name, answer) => {
    const { fetch, net, latest } = world()
    net.token = ({ reason }) => (reason === 'connect' ? { token: 'old' } : answer)
    const promise = fetch('/x')
    ;(await latest()).answer(401, 'no')
    expect(await (await promise).text()).toBe('no')
    expect(net.fetches).toHaveLength(1)
  })

  it('refused, and the endpoint has stopped serving meanwhile: it goes to the next one', async () => {
    const { fetch, net, latest } = world()
    net.token = ({ reason }) => ({ token: reason === 'connect' ? 'old' : 'new' })
    const promise = fetch('/x', { method: 'POST', body: 'once' })
    const first = await latest()
    net.candidates.shift()
    first.answer(401)
    const second = await latest()
    expect(second.request.road.endpointId).not.toBe(first.request.road.endpointId)
    second.answer(200)
    expect((await promise).status).toBe(200)
    expect(net.fetches).toHaveLength(2)
  })

  it('is there, and the endpoint has stopped serving meanwhile: it is not asked at all, streams included', async () => {
    const { fetch, net, latest } = world()
    net.token = () => {
      if (net.tokenAsks.length === 1) net.candidates = [ROUTE_B]
      return { token: 't' }
    }
    const body = new Response('once').body
    const promise = fetch('/x', { method: 'POST', body, duplex: 'half' } as RequestInit)
    const call = await latest()
    expect(call.request.road.endpointId).toBe('b')
    call.answer(201)
    expect((await promise).status).toBe(201)
    expect(net.fetches).toHaveLength(1)
    expect(net.evidence).toHaveLength(1)
  })

  it('is not asked anew for a body that cannot be sent twice', async () => {
    const { fetch, net, latest } = world()
    net.token = () => ({ token: 'old' })
    const promise = fetch('/x', { method: 'POST', body: new ReadableStream() })
    ;(await latest()).answer(401)
    expect((await promise).status).toBe(401)
    expect(net.tokenAsks).toHaveLength(1)
  })

  it('whose provider fails: UNAUTHORIZED, and nobody is blamed', async () => {
    const { fetch, net } = world()
    const reason = new Error('login expired')
    net.token = () => ({ error: reason })
    const error = await fetch('/x').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(TypeError)
    expect(findFailoverError(error, 'UNAUTHORIZED')?.cause).toBe(reason)
    expect(net.evidence).toEqual([])
    expect(net.alive).toBe(0)
  })

  it('at hand at once: what follows can still be cancelled', async () => {
    const { fetch, net, latest } = world()
    net.isTokenAtHand = true
    net.token = () => ({ token: 'secret' })
    const controller = new AbortController()
    const settled = fetch('/x', { signal: controller.signal }).catch((error: unknown) => error)
    const call = await latest()
    expect(call.headers.get('authorization')).toBe('Bearer secret')
    controller.abort('enough')
    expect([await settled, call.isCancelled]).toEqual(['enough', true])
  })

  it('awaited for too long: never sent, nobody blamed', async () => {
    const { fetch, net } = world()
    net.token = () => undefined
    const settled = fetch('/x', { method: 'POST' }).catch((error: unknown) => error)
    await net.advance(15_000)
    expect(findFailoverError(await settled)?.code).toBe('REQUEST_TIMEOUT')
    expect(net.evidence).toEqual([])
    expect(net.fetches).toEqual([])
  })
})

describe('redirects', () => {
  it('are followed on the current road, with the token', async () => {
    const { fetch, net, latest } = world()
    net.candidates = [ROUTE_A]
    net.token = () => ({ token: 'secret' })
    const promise = fetch('/a')
    const { seen, response } = watchedResponse(302, { location: 'https://a365web1.contoso.test/b' })
    ;(await latest()).give(response)
    const second = await latest()
    expect(second.request.url).toBe('https://srv1.contoso.test/b')
    expect(second.request.init.redirect).toBe('manual')
    expect(second.headers.get('authorization')).toBe('Bearer secret')
    expect(seen.isCancelled).toBe(true)
    second.answer(307, null, { location: 'https://srv2.contoso.test/c' })
    const third = await latest()
    expect(third.request.url).toBe('https://srv1.contoso.test/c')
    third.answer(200)
    expect((await promise).status).toBe(200)
    expect(net.tokenAsks).toHaveLength(1)
    expect(net.evidence).toHaveLength(1)
  })

  it('to another candidate are followed there, with its own token, and count for it', async () => {
    const { fetch, net, latest } = world()
    net.token = ({ endpointId }) => ({ token: `for-${endpointId}` })
    const promise = fetch('/a', { method: 'POST', body: 'b' })
    ;(await latest()).answer(307, null, { location: 'https://srv2.contoso.test/a' })
    const second = await latest()
    expect([second.request.url, second.request.road]).toEqual(['https://srv2.contoso.test/a', ROUTE_B.road])
    expect(second.headers.get('authorization')).toBe('Bearer for-b')
    expect(second.request.init).toMatchObject({ method: 'POST', body: 'b' })
    second.answer(201)
    expect((await promise).status).toBe(201)
    expect(net.evidence.map(({ route }) => route.endpointId)).toEqual(['b'])
    expect(net.alive).toBe(0)
  })

  it.each([
    ['another endpoint that is no candidate', 'https://srv2.contoso.test/a'],
    ['the dedicated hostname', 'https://a365web1.contoso.test/a'],
  ])('to %s and back to what was just asked are refused at once', async (_name, location) => {
    const { fetch, net, latest } = world()
    net.candidates = [ROUTE_A]
    const settled = fetch('/a', { method: 'POST', body: 'b' }).catch((error: unknown) => error)
    ;(await latest()).answer(307, null, { location })
    expect(isFailoverError(await settled, 'PROTOCOL_ERROR')).toBe(true)
    expect(net.fetches).toHaveLength(1)
  })

  it('from a POST to a GET of the same place are no way back', async () => {
    const { fetch, net, latest } = world()
    net.candidates = [ROUTE_A]
    const promise = fetch('/a', { method: 'POST', body: 'b' })
    ;(await latest()).answer(303, null, { location: 'https://a365web1.contoso.test/a' })
    ;(await latest()).answer(200)
    expect((await promise).status).toBe(200)
  })

  it('rewrite the method and drop the body as the standard says', async () => {
    const { fetch, latest } = world()
    const promise = fetch('/a', { method: 'POST', body: 'b', headers: { 'content-type': 'text/plain', 'x-mine': '1' } })
    ;(await latest()).answer(303, null, { location: '/b' })
    const call = await latest()
    expect(call.request.init).toMatchObject({ method: 'GET' })
    expect('body' in call.request.init).toBe(false)
    expect(call.headers.get('content-type')).toBeNull()
    expect(call.headers.get('x-mine')).toBe('1')
    call.answer(200)
    await promise
  })

  it.each([
    ['a stranger', 'https://evil.example/'],
    ['http', 'http://srv1.contoso.test/'],
  ])('to %s are refused, and nothing is sent there', async (_name, location) => {
    const { fetch, net, latest } = world()
    const settled = fetch('/a').catch((error: unknown) => error)
    const { seen, response } = watchedResponse(302, { location })
    ;(await latest()).give(response)
    const error = await settled
    expect(error).toBeInstanceOf(TypeError)
    expect(findFailoverError(error, 'PROTOCOL_ERROR')?.fields.reason).toBe('redirect-refused')
    expect(net.fetches).toHaveLength(1)
    expect(seen.isCancelled).toBe(true)
    expect(net.alive).toBe(0)
  })

  it('end after twenty', async () => {
    const { fetch, net, latest } = world()
    const settled = fetch('/a').catch((error: unknown) => error)
    for (let hop = 0; hop <= 20; hop += 1) (await latest()).answer(302, null, { location: '/a' })
    expect(isFailoverError(await settled, 'PROTOCOL_ERROR')).toBe(true)
    expect(net.fetches).toHaveLength(21)
  })

  it('honour the caller’s mode', async () => {
    const manual = world()
    const promise = manual.fetch('/a', { redirect: 'manual' })
    ;(await manual.latest()).answer(302, null, { location: 'https://evil.example/' })
    expect((await promise).status).toBe(302)
    const strict = world()
    const settled = strict.fetch('/a', { redirect: 'error' }).catch((error: unknown) => error)
    ;(await strict.latest()).answer(302, null, { location: '/b' })
    expect(await settled).toBeInstanceOf(TypeError)
  })

  it('an unsafe request that was redirected has been seen: a refused hop is no proof', async () => {
    const { fetch, net, latest } = world()
    const settled = fetch('/a', { method: 'POST', body: 'b' }).catch((error: unknown) => error)
    ;(await latest()).answer(303, null, { location: '/b' })
    ;(await latest()).fail(REFUSED)
    expect(isFailoverError(await settled, 'OUTCOME_UNKNOWN')).toBe(true)
    expect(net.fetches).toHaveLength(2)
  })

  it('in a page are followed by the page, and checked where they arrive', async () => {
    const page = { can: { inspectRedirects: false } }
    const arrive = (url: string): Response => {
      const { response } = watchedResponse(200)
      return Object.defineProperties(response, { url: { value: url }, redirected: { value: true } })
    }
    const good = world(page)
    const promise = good.fetch('/a')
    const call = await good.latest()
    expect(call.request.init.redirect).toBe('follow')
    const response = arrive('https://srv2.contoso.test/b')
    call.give(response)
    expect(await promise).toBe(response)
    for (const url of ['https://evil.example/', 'http://srv1.contoso.test/']) {
      const bad = world(page)
      const settled = bad.fetch('/a').catch((error: unknown) => error)
      ;(await bad.latest()).give(arrive(url))
      expect(isFailoverError(await settled, 'PROTOCOL_ERROR')).toBe(true)
    }
  })
})

describe('in a page', () => {
  const page = { can: { inspectRedirects: false, proveUnsent: false } }

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    'a redirected %s is not followed: refused, nobody blamed',
    async (method) => {
      const { fetch, net, latest } = world(page)
      const settled = fetch('/a', { method, body: 'card' }).catch((error: unknown) => error)
      const call = await latest()
      expect(call.request.init.redirect).toBe('manual')
      const opaque = Object.defineProperties(new Response(null), {
        type: { value: 'opaqueredirect' },
        status: { value: 0 },
      })
      call.give(opaque)
      const error = await settled
      expect(error).toBeInstanceOf(TypeError)
      expect(findFailoverError(error, 'PROTOCOL_ERROR')?.fields.reason).toBe('redirect-refused')
      expect([net.fetches.length, net.evidence, net.alive]).toEqual([1, [], 0])
    },
  )

  it.each(['GET', 'HEAD'])('a %s is followed by the page, another mode is the caller’s', async (method) => {
    for (const redirect of ['follow', 'error', 'manual'] as const) {
      const { fetch, latest } = world(page)
      const promise = fetch('/a', { method, redirect })
      const call = await latest()
      expect(call.request.init.redirect).toBe(redirect)
      call.answer(204)
      await promise
    }
    const { fetch, latest } = world(page)
    const promise = fetch('/a', { method: 'POST', redirect: 'error' })
    expect((await latest()).request.init.redirect).toBe('error')
    ;(await latest()).answer(204)
    await promise
  })
})

describe('a request that waits for its connection', () => {
  it('moves when its endpoint is left, also an unsafe one; once written it stays', async () => {
    const { fetch, net, latest } = world()
    const promise = fetch('/x', { method: 'POST', body: 'b' })
    const first = await latest()
    expect(first.request.connectTimeoutMs).toBe(5000)
    first.request.waits?.(true)
    await net.leave(ROUTE_A)
    expect(first.isCancelled).toBe(true)
    const second = await latest()
    expect(second.request.road).toBe(ROUTE_B.road)
    second.request.waits?.(true)
    second.request.waits?.(false)
    await net.leave(ROUTE_B)
    expect(second.isCancelled).toBe(false)
    second.answer(201)
    expect((await promise).status).toBe(201)
    expect(net.doubts).toEqual([])
  })

  it('until the deadline was never sent', async () => {
    const { fetch, net, latest } = world()
    const settled = fetch('/x', { method: 'POST' }).catch((error: unknown) => error)
    ;(await latest()).request.waits?.(true)
    await net.advance(15_000)
    expect(findFailoverError(await settled)).toMatchObject({ code: 'REQUEST_TIMEOUT', fields: { sent: 'no' } })
    expect(net.doubts).toEqual([])
  })

  it('after a redirect is none: something of it has arrived', async () => {
    const { fetch, net, latest } = world()
    net.candidates = [ROUTE_A]
    const promise = fetch('/a', { method: 'POST', body: 'b' })
    ;(await latest()).answer(307, null, { location: '/b' })
    const second = await latest()
    second.request.waits?.(true)
    await net.leave(ROUTE_A)
    expect(second.isCancelled).toBe(false)
    second.answer(200)
    await promise
  })
})

describe('close', () => {
  it('ends bodies that were handed over, also without a signal of the caller’s', async () => {
    for (const signal of [undefined, new AbortController().signal]) {
      const { fetch, net, latest } = world()
      const promise = fetch('/x', signal === undefined ? {} : { signal })
      const call = await latest()
      call.answer(200, 'body')
      const response = await promise
      expect(call.request.init.signal?.aborted).toBe(false)
      await net.close()
      expect(call.request.init.signal?.aborted).toBe(true)
      expect(response.status).toBe(200)
    }
  })

  it('rejects what waits and everything later with CLIENT_CLOSED', async () => {
    const { fetch, net } = world()
    net.candidates = []
    const settled = fetch('/x').catch((error: unknown) => error)
    await net.settle()
    await net.close()
    expect(await settled).toMatchObject({ code: 'CLIENT_CLOSED' })
    await expect(fetch('/x')).rejects.toMatchObject({ code: 'CLIENT_CLOSED' })
    expect(net.alive).toBe(0)
  })

  it('says OUTCOME_UNKNOWN for what may have left', async () => {
    const { fetch, net, latest } = world()
    const settled = fetch('/x', { method: 'POST' }).catch((error: unknown) => error)
    await latest()
    await net.close()
    expect(isFailoverError(await settled, 'OUTCOME_UNKNOWN')).toBe(true)
    expect(net.alive).toBe(0)
  })
})
