/** `createDispatcher(client)` under the global fetch and undici's own `request`, against a real cluster. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent, request, type Dispatcher } from 'undici'
import { describe, expect, it } from 'vitest'
import { isFailoverError, type FailoverClient } from 'failover-client'
import { createDispatcher } from 'failover-client/node'
import { onCleanup, startHarness, until } from '../support/harness'

const FAST = { failover: { spreadMs: 0 } }

function dispatcherOf(client: FailoverClient): Dispatcher {
  const dispatcher = createDispatcher(client)
  onCleanup(() => dispatcher.close())
  return dispatcher
}

async function who(url: string, dispatcher: Dispatcher, init: RequestInit = {}): Promise<{ server: string }> {
  const response = await fetch(url, { ...init, dispatcher } as RequestInit)
  expect(response.status).toBe(200)
  return (await response.json()) as { server: string }
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** A server that is no endpoint. */
async function startStranger(): Promise<{ url: string; seen: (string | undefined)[] }> {
  const seen: (string | undefined)[] = []
  const server: Server = createServer((incoming, response) => {
    seen.push(incoming.headers.authorization)
    response.end('stranger')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

describe('createDispatcher', () => {
  it('routes fetch and undici.request of the dedicated hostname and of any endpoint to the active server', async () => {
    const { cluster, connect } = await startHarness()
    const { client } = connect(FAST)
    const dispatcher = dispatcherOf(client)
    // Before anything is known: it waits for the candidate.
    expect((await who(`${cluster.hostname}/api/whoami`, dispatcher)).server).toBe('srv1')
    expect((await who(`${cluster.endpoints[1] ?? ''}/api/whoami`, dispatcher)).server).toBe('srv1')
    const answer = await request(`${cluster.endpoints[1] ?? ''}/api/whoami?x=1`, { dispatcher })
    expect((await answer.body.json()) as object).toMatchObject({ server: 'srv1' })
    await until(
      'the query arrived',
      () =>
        cluster
          .server('srv1')
          .requests()
          .some(({ url }) => url === '/api/whoami?x=1'),
      3000,
    )
    await cluster.stopUcc('srv1')
    await until('the client has left srv1', () => client.active?.server === 'srv2', 12_000)
    expect((await who(`${cluster.hostname}/api/whoami`, dispatcher)).server).toBe('srv2')
    expect((await who(`${cluster.endpoints[0] ?? ''}/api/whoami`, dispatcher)).server).toBe('srv2')
  })

  it('carries bodies, headers of every shape and the token, unless the request has one', async () => {
    const { cluster, connect } = await startHarness({ tokens: ['good-token', 'own-token'] })
    const { client } = connect({ token: () => 'good-token' })
    const dispatcher = dispatcherOf(client)
    const url = `${cluster.hostname}/api/echo`
    interface Echo {
      method: string
      body: string
      headers: Record<string, string>
    }
    const posted = await fetch(url, {
      method: 'POST',
      body: 'hello',
      headers: { 'x-mark': 'a' },
      dispatcher,
    } as RequestInit)
    expect(await posted.json()).toMatchObject({
      method: 'POST',
      body: 'hello',
      headers: { authorization: 'Bearer good-token', 'x-mark': 'a' },
    })
    const shapes: Parameters<typeof request>[1][] = [
      { headers: ['x-mark', 'b', 'x-mark', 'c'] },
      { headers: { 'x-mark': ['b', 'c'] } },
      { headers: new Map([['x-mark', 'b, c']]) },
    ]
    for (const shape of shapes) {
      const { body } = await request(url, { ...shape, dispatcher })
      const echo = (await body.json()) as Echo
      expect(echo.headers).toMatchObject({ authorization: 'Bearer good-token', 'x-mark': 'b, c' })
    }
    const own = await fetch(url, { headers: { Authorization: 'Bearer own-token' }, dispatcher } as RequestInit)
    expect(((await own.json()) as Echo).headers.authorization).toBe('Bearer own-token')
  })

  it('leaves other URLs alone and shows them no token, also behind a redirect', async () => {
    const { cluster, connect } = await startHarness({ tokens: ['good-token'] })
    const stranger = await startStranger()
    const { client } = connect({ token: 'good-token' })
    const dispatcher = dispatcherOf(client)
    await client.ready({ timeoutMs: 9000 })
    expect(await (await fetch(`${stranger.url}/x`, { dispatcher } as RequestInit)).text()).toBe('stranger')
    const to = encodeURIComponent(`${stranger.url}/y`)
    const redirected = await fetch(`${cluster.hostname}/api/redirect?to=${to}`, { dispatcher } as RequestInit)
    expect(await redirected.text()).toBe('stranger')
    expect(stranger.seen).toEqual([undefined, undefined])
  })

  it('repeats nothing, and its failures are evidence for the client', async () => {
    const { cluster, connect } = await startHarness({ servers: 1 })
    const { client } = connect(FAST)
    const dispatcher = dispatcherOf(client)
    await client.ready({ timeoutMs: 9000 })
    const failed = await fetch(`${cluster.hostname}/api/status/503`, { dispatcher } as RequestInit)
    expect(failed.status).toBe(503)
    // A later request is noted later: everything before it has been counted.
    await fetch(`${cluster.hostname}/api/last`, { dispatcher } as RequestInit)
    const urls = (): string[] =>
      cluster
        .server('srv1')
        .requests()
        .map(({ url }) => url)
    await until('the last request is noted', () => urls().includes('/api/last'), 3000)
    expect(urls().filter((url) => url === '/api/status/503')).toHaveLength(1)
    await cluster.kill('srv1')
    const started = performance.now()
    expect(await failureOf(fetch(`${cluster.hostname}/api/whoami`, { dispatcher } as RequestInit))).toBeInstanceOf(
      TypeError,
    )
    // The default cadence would ask a second later at the earliest.
    await until('the failure counts', () => client.endpoints[0]?.lastError !== undefined, 900)
    expect(performance.now() - started).toBeLessThan(6000)
  })

  it('without a candidate waits for requests.readyTimeoutMs, and lets an abort end the wait', async () => {
    const { cluster, connect } = await startHarness({ uccs: { helpdesk: { running: [] } } })
    const { client } = connect({ requests: { readyTimeoutMs: 400 } })
    const dispatcher = dispatcherOf(client)
    await until(
      'both are known as stopped',
      () => client.endpoints.every(({ readiness }) => readiness === 'stopped'),
      9000,
    )
    const started = performance.now()
    const error = await failureOf(request(`${cluster.hostname}/api/whoami`, { dispatcher }))
    expect(isFailoverError(error, 'NO_ENDPOINT_AVAILABLE')).toBe(true)
    expect(performance.now() - started).toBeGreaterThanOrEqual(390)
    const controller = new AbortController()
    const pending = failureOf(
      fetch(`${cluster.hostname}/api/whoami`, { signal: controller.signal, dispatcher } as RequestInit),
    )
    controller.abort(new Error('enough'))
    expect(await pending).toMatchObject({ message: 'enough' })
  })

  it('ends with the client: what waits is refused, and every later call', async () => {
    const { cluster, connect } = await startHarness({ uccs: { helpdesk: { running: [] } } })
    const { client } = connect()
    const dispatcher = dispatcherOf(client)
    const waiting = failureOf(request(`${cluster.hostname}/api/whoami`, { dispatcher }))
    await client.close()
    expect(isFailoverError(await waiting, 'CLIENT_CLOSED')).toBe(true)
    const late = await failureOf(fetch(`${cluster.hostname}/api/whoami`, { dispatcher } as RequestInit))
    expect(isFailoverError(late, 'CLIENT_CLOSED')).toBe(true)
    await dispatcher.close()
    await dispatcher.destroy()
    expect(() => createDispatcher(client)).toThrow(expect.objectContaining({ code: 'CLIENT_CLOSED' }))
  })

  it('refuses anything but a client of this package on the Node platform', async () => {
    for (const wrong of [undefined, {}, new Agent()]) {
      expect(() => createDispatcher(wrong as never)).toThrow(
        expect.objectContaining({
          code: 'INVALID_OPTION',
          fields: expect.objectContaining({ field: 'client' }) as object,
        }),
      )
    }
    // And takes one, whoever made it: it carries a request.
    const { cluster, connect } = await startHarness()
    const { client } = connect()
    const { statusCode, body } = await request(`${cluster.hostname}/api/whoami`, {
      dispatcher: createDispatcher(client),
    })
    expect([statusCode, await body.json()]).toMatchObject([
      200,
      { server: expect.stringMatching(/^srv[12]$/) as string },
    ])
  })
})
