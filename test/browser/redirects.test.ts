/** Redirects in a page, which follows them by itself: what a stranger gets to see of a request that was sent to him. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { onCleanup, startHarness } from '../support/harness'
import { connectTo, useBrowser } from './harness'

const openSide = useBrowser()

/** A server that is no endpoint and lets every page in. */
async function startStranger(): Promise<{ readonly url: string; readonly seen: string[] }> {
  const seen: string[] = []
  const server: Server = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-allow-headers', 'authorization, content-type')
    if (request.method === 'OPTIONS') return void response.writeHead(204).end()
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? 'no token'} ${body}`.trim())
      response.end('stranger')
    })
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

test('an unsafe request is not carried to a stranger; a GET arrives there without the token', async () => {
  const stranger = await startStranger()
  const { cluster } = await startHarness({ tokens: ['secret'] })
  const page = await openSide()
  await connectTo(page, cluster, { token: 'secret' })
  for (const [method, status] of [
    ['POST', 307],
    ['PUT', 308],
    ['POST', 303],
  ] as const) {
    const to = encodeURIComponent(`${stranger.url}/take`)
    const init = { method, body: 'card=4711' }
    const ending = await page.call('fetchEnding', `/api/redirect?status=${status}&to=${to}`, init)
    expect(JSON.stringify(ending)).toContain('PROTOCOL_ERROR')
  }
  expect(stranger.seen).toEqual([])
  const ending = await page.call('fetchEnding', `/api/redirect?to=${encodeURIComponent(`${stranger.url}/look`)}`)
  expect(JSON.stringify(ending)).toContain('PROTOCOL_ERROR')
  expect(stranger.seen).toEqual(['GET /look no token'])
})
