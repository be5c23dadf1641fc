/** Endpoints that are paths of one origin, as a reverse proxy offers its servers: requests go below the active one. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { beforeEach, describe, expect, it } from 'vitest'
import { createFailoverClient, type FailoverClient } from 'failover-client'
import { onCleanup, until } from '../support/harness'

let origin: string
/** Which of them runs the UCC. */
let running: string
let asked: string[]

beforeEach(async () => {
  running = 'srv2'
  asked = []
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://proxy')
    const [, name = '', rest = ''] = /^\/(srv[12])(\/.*)$/.exec(pathname) ?? []
    if (rest === '/failover/ready') {
      const state = name === running ? 'running' : 'stopped'
      return response.end(JSON.stringify({ server: name, versions: [1], ucc: 'helpdesk', state }))
    }
    asked.push(pathname)
    return response.writeHead(rest === '/api/x' ? 200 : 404).end(name)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  onCleanup(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
})

function connect(hostname: string): FailoverClient {
  const client = createFailoverClient({
    hostname,
    endpoints: [`${origin}/srv1`, `${origin}/srv2`],
    ucc: 'helpdesk',
    health: { activeIntervalMs: 300, standbyIntervalMs: 300 },
    failover: { spreadMs: 0 },
  })
  onCleanup(() => client.close())
  return client
}

async function answer(client: FailoverClient, url: string): Promise<unknown[]> {
  const response = await client.fetch(url)
  return [response.status, await response.text()]
}

describe('endpoints below the origin of the dedicated hostname', () => {
  it.each([
    ['a path', () => '/api/x'],
    ['a URL of the dedicated hostname', () => `${origin}/api/x`],
    ['a URL of the active endpoint', () => `${origin}/srv2/api/x`],
    ['a URL of the other endpoint', () => `${origin}/srv1/api/x`],
  ])('%s is asked below the active endpoint', async (_what, url) => {
    const client = connect(origin)
    expect(await answer(client, url())).toEqual([200, 'srv2'])
    expect(asked).toEqual(['/srv2/api/x'])
  })

  it('and below the other one when that is active', async () => {
    const client = connect(origin)
    expect(await answer(client, '/api/x')).toEqual([200, 'srv2'])
    running = 'srv1'
    await until('srv2 is known to have stopped', () => client.endpoints[1]?.readiness === 'stopped', 5000)
    expect(await answer(client, '/api/x')).toEqual([200, 'srv1'])
  })

  it('also where the dedicated hostname is one of them', async () => {
    const client = connect(`${origin}/srv1`)
    expect(await answer(client, '/api/x')).toEqual([200, 'srv2'])
  })
})
