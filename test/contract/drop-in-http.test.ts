/** HTTP edge cases of the drop-in `fetch`, answered by msw beneath the global fetch of the platform of Node. */
import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createFetch } from '../../src/drop-in/fetch'
import type { FetchFunction } from '../../src/drop-in/fetch'
import { isFailoverError } from '../../src/errors'
import { nodePlatform } from '../../src/platform/node/node-platform'
import type { Platform } from '../../src/platform/platform'
import { DropInWorld, ROUTE_A, ROUTE_B } from '../support/drop-in'

const A = 'https://srv1.contoso.test'
const B = 'https://srv2.contoso.test'
const msw = setupServer()

let platform: Platform
let net: DropInWorld
let fetch: FetchFunction
/** `METHOD URL` of each request, in order. */
let requests: string[]

beforeAll(() => msw.listen({ onUnhandledRequest: 'error' }))
afterAll(() => msw.close())

beforeEach(() => {
  platform = nodePlatform()
  net = new DropInWorld()
  fetch = createFetch(net.routing(platform))
  requests = []
  msw.events.on('request:start', ({ request }) => void requests.push(`${request.method} ${request.url}`))
})

afterEach(() => {
  msw.resetHandlers()
  msw.events.removeAllListeners()
  platform.close()
  expect(net.alive).toBe(0)
})

/** Server A answers the first time with `status`, then with 200; server B with 200. */
function fail(status: number, headers: Record<string, string> = {}): void {
  let answered = 0
  msw.use(
    http.all(`${A}/x`, () => {
      answered += 1
      return answered === 1 ? new HttpResponse('failed', { status, headers }) : HttpResponse.text('a')
    }),
    http.all(`${B}/x`, () => HttpResponse.text('b')),
  )
}

describe('a safe request', () => {
  it.each([502, 503, 504, 408])('answered with %i is repeated at once on the other server', async (status) => {
    fail(status)
    expect(await (await fetch('/x')).text()).toBe('b')
    expect(requests).toEqual([`GET ${A}/x`, `GET ${B}/x`])
  })

  it.each([400, 401, 403, 404, 409, 500, 501])('answered with %i is not', async (status) => {
    fail(status)
    const response = await fetch('/x')
    expect([response.status, await response.text()]).toEqual([status, 'failed'])
    expect(requests).toHaveLength(1)
  })

  it('does not wait for Retry-After where another server is there', async () => {
    fail(503, { 'retry-after': '30' })
    expect(await (await fetch('/x')).text()).toBe('b')
  })

  it('waits for Retry-After where there is none', async () => {
    net.candidates = [ROUTE_A]
    fail(503, { 'retry-after': '1' })
    const start = performance.now()
    expect(await (await fetch('/x')).text()).toBe('a')
    expect(performance.now() - start).toBeGreaterThanOrEqual(990)
  })

  it('returns a response whose Retry-After is beyond the deadline, as a date too', async () => {
    net.candidates = [ROUTE_A]
    for (const wait of ['3600', new Date(Date.now() + 3_600_000).toUTCString()]) {
      fail(503, { 'retry-after': wait })
      expect((await fetch('/x')).status).toBe(503)
    }
  })

  it('waits after 429 and asks the same server again', async () => {
    fail(429, { 'retry-after': '0' })
    expect(await (await fetch('/x')).text()).toBe('a')
    expect(requests).toEqual([`GET ${A}/x`, `GET ${A}/x`])
  })

  it('gives up after two retries, with the last response', async () => {
    msw.use(
      http.get(`${A}/x`, () => new HttpResponse('a', { status: 503 })),
      http.get(`${B}/x`, () => new HttpResponse('b', { status: 503 })),
    )
    const response = await fetch('/x')
    expect([response.status, requests.length]).toEqual([503, 3])
  })

  it('goes on after a network error', async () => {
    msw.use(
      http.get(`${A}/x`, () => HttpResponse.error()),
      http.get(`${B}/x`, () => HttpResponse.text('b')),
    )
    expect(await (await fetch('/x')).text()).toBe('b')
  })
})

describe('an unsafe request', () => {
  it.each([502, 503, 504, 408, 429])('answered with %i is not repeated', async (status) => {
    fail(status, { 'retry-after': '0' })
    expect((await fetch('/x', { method: 'POST', body: 'b' })).status).toBe(status)
    expect(requests).toEqual([`POST ${A}/x`])
  })

  it('with an Idempotency-Key is repeated on the same server only', async () => {
    fail(503)
    const init = { method: 'POST', body: 'b', headers: { 'idempotency-key': 'k' } }
    expect(await (await fetch('/x', init)).text()).toBe('a')
    expect(requests).toEqual([`POST ${A}/x`, `POST ${A}/x`])
  })

  it('with an Idempotency-Key and shared keys is repeated on the other, with its body', async () => {
    net = new DropInWorld({ sharedKeys: true })
    fetch = createFetch(net.routing(platform))
    msw.use(
      http.post(`${A}/x`, () => new HttpResponse(null, { status: 503 })),
      http.post(`${B}/x`, async ({ request }) => HttpResponse.text(await request.text())),
    )
    const init = { method: 'POST', body: 'again', headers: { 'idempotency-key': 'k' } }
    expect(await (await fetch('/x', init)).text()).toBe('again')
  })

  it('cut off by the network has an unknown outcome', async () => {
    msw.use(http.post(`${A}/x`, () => HttpResponse.error()))
    const error = await fetch('/x', { method: 'POST' }).catch((thrown: unknown) => thrown)
    expect(isFailoverError(error, 'OUTCOME_UNKNOWN')).toBe(true)
  })
})

describe('tokens and redirects', () => {
  it('a refused token is renewed and the request repeated with it', async () => {
    net.token = ({ reason }) => ({ token: reason === 'connect' ? 'old' : 'new' })
    msw.use(
      http.post(`${A}/x`, async ({ request }) =>
        request.headers.get('authorization') === 'Bearer new'
          ? HttpResponse.text(await request.text())
          : new HttpResponse(null, { status: 401 }),
      ),
    )
    expect(await (await fetch('/x', { method: 'POST', body: 'body' })).text()).toBe('body')
    expect(net.tokenAsks).toEqual([
      { reason: 'connect', endpointId: 'a', server: 'server-a' },
      { reason: 'rejected', endpointId: 'a', server: 'server-a' },
    ])
  })

  it('a redirect to a stranger is refused before anything is sent there', async () => {
    net.token = () => ({ token: 'secret' })
    msw.use(http.get(`${A}/x`, () => HttpResponse.redirect('https://evil.example/')))
    const error = await fetch('/x').catch((thrown: unknown) => thrown)
    expect(isFailoverError(error, 'PROTOCOL_ERROR')).toBe(true)
    expect(requests).toEqual([`GET ${A}/x`])
  })

  it('a redirect to the other server goes there when it is a candidate, with method, body and its token', async () => {
    net.token = ({ endpointId }) => ({ token: `for-${endpointId}` })
    msw.use(
      http.post(`${A}/x`, () => HttpResponse.redirect(`${B}/x`, 307)),
      http.post(`${B}/x`, async ({ request }) =>
        HttpResponse.text(`${request.headers.get('authorization')} ${await request.text()}`),
      ),
    )
    expect(await (await fetch('/x', { method: 'POST', body: 'kept' })).text()).toBe('Bearer for-b kept')
    expect(requests).toEqual([`POST ${A}/x`, `POST ${B}/x`])
  })

  it('a redirect to the same path of a server that is none is refused after one request', async () => {
    net.candidates = [ROUTE_B]
    msw.use(http.post(`${B}/x`, () => HttpResponse.redirect(`${A}/x`, 307)))
    const error = await fetch('/x', { method: 'POST', body: 'once' }).catch((thrown: unknown) => thrown)
    expect(isFailoverError(error, 'PROTOCOL_ERROR')).toBe(true)
    expect(requests).toEqual([`POST ${B}/x`])
  })

  it('a redirect to another path of a server that is none stays on the current road', async () => {
    net.candidates = [ROUTE_B]
    msw.use(
      http.post(`${B}/x`, () => HttpResponse.redirect(`${A}/y`, 307)),
      http.post(`${B}/y`, async ({ request }) => HttpResponse.text(await request.text())),
    )
    expect(await (await fetch('/x', { method: 'POST', body: 'kept' })).text()).toBe('kept')
    expect(requests).toEqual([`POST ${B}/x`, `POST ${B}/y`])
  })
})
