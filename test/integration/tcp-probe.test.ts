/** `tcpProbe`: the load balancer's own check of the UCC's port, for servers without the readiness contract. */
import { createServer, type Server } from 'node:net'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { createFailoverClient } from 'failover-client'
import { tcpProbe } from 'failover-client/node'
import { onCleanup, record, reportTimes, startHarness, until } from '../support/harness'

/** What listens at a server while its UCC runs. */
async function openPort(address: string, port: number): Promise<Server> {
  const server = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end(),
  )
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, address, resolve))
  onCleanup(() => new Promise((resolve) => server.close(() => resolve())))
  return server
}

it('the UCC’s port closes while the web services run: HTTP goes to the other server, and comes back', async () => {
  const { cluster } = await startHarness({ peers: false })
  const [first, second] = cluster.servers.map(({ address }) => address)
  const ucc1 = await openPort(first ?? '', 0)
  const { port } = ucc1.address() as AddressInfo
  await openPort(second ?? '', port)
  const client = createFailoverClient({
    hostname: cluster.hostname,
    endpoints: [...cluster.endpoints],
    health: { probe: tcpProbe({ port }), activeIntervalMs: 300, standbyIntervalMs: 300, edgeIntervalMs: 100 },
    failback: { holdDownMs: 1000, jitter: 0 },
    failover: { spreadMs: 0 },
  })
  onCleanup(() => client.close())
  const events = record(client)
  const who = async (): Promise<string> =>
    ((await (await client.fetch('/api/whoami')).json()) as { server: string }).server
  await client.ready({ timeoutMs: 9000 })
  expect(await who()).toBe('srv1')
  const closedAt = performance.now()
  await new Promise<void>((resolve) => void ucc1.close(() => resolve()))
  await until(
    'the other is used',
    () => client.active?.url === cluster.endpoints[1],
    9000,
    () => client.endpoints,
  )
  reportTimes('port closed to moved', [performance.now() - closedAt])
  expect(await who()).toBe('srv2')
  // Nothing of the contract was asked.
  expect(
    cluster
      .server('srv1')
      .requests()
      .map(({ url }) => url),
  ).toEqual(['/api/whoami'])
  await openPort(first ?? '', port)
  await until(
    'back',
    () => client.active?.url === cluster.endpoints[0],
    9000,
    () => client.decisions().slice(-4),
  )
  expect(await who()).toBe('srv1')
  expect(events.warning.map(({ code }) => code)).toContain('NO_READINESS_CONTRACT')
})
