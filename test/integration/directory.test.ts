/** `createFailoverDirectory`: one judge for each pool, one connection for each client. */
import { expect, test } from 'vitest'
import { createFailoverDirectory, isFailoverError, logTopic, type FailoverDirectory } from 'failover-client'
import { startCluster, type Cluster, type ClusterServer } from 'failover-client/testing/node'
import { elapse, onCleanup, record, recordLog, until } from '../support/harness'

const WATCH_MS = 6000

async function started(uccs: readonly string[]): Promise<Cluster> {
  const cluster = await startCluster({ uccs })
  onCleanup(() => cluster.close())
  return cluster
}

function directoryOf(...pools: readonly (readonly [Cluster, readonly string[]])[]): FailoverDirectory {
  const directory = createFailoverDirectory({
    pools: pools.map(([{ hostname, endpoints }, uccs]) => ({ hostname, endpoints: [...endpoints], uccs })),
  })
  onCleanup(() => directory.close())
  return directory
}

function probes(server: ClusterServer, ucc: string): number {
  return server.requests().filter(({ url }) => url.startsWith('/failover/ready') && url.endsWith(`ucc=${ucc}`)).length
}

function live(server: ClusterServer): number {
  return server.connections().filter(({ closedAt, client }) => closedAt === undefined && client !== undefined).length
}

test('clients of one pool share the prober; each has its own connection', async () => {
  const cluster = await started(['helpdesk', 'sales'])
  const directory = directoryOf([cluster, ['helpdesk', 'sales']])
  const paths = ['/one', '/two', '/three', '/four', '/five']
  const same = paths.map((basePath) => directory.client('helpdesk', { basePath }))
  const other = directory.client('sales')
  expect(directory.client('sales')).toBe(other)
  expect(directory.clients).toHaveLength(6)
  for (const client of same) recordLog(client, logTopic('ucc/helpdesk/log'))
  recordLog(other, logTopic('ucc/sales/log'))
  const [srv1, srv2] = [cluster.server('srv1'), cluster.server('srv2')]
  await until('each has a connection', () => live(srv1) === 6, 10_000)
  expect(new Set(srv1.connections().map(({ client }) => client)).size).toBe(6)
  for (const server of [srv1, srv2]) server.clearRecords()
  await elapse(WATCH_MS)
  await cluster.sync()
  // In-band proof makes probes of the server in use rare (15 s); five clients ask no more often than one would.
  for (const server of [srv1, srv2]) {
    expect(probes(server, 'helpdesk'), server.name).toBeLessThanOrEqual(1)
    expect(probes(server, 'sales'), server.name).toBeLessThanOrEqual(1)
  }
})

test('one verdict: all clients of a pool leave a dead server, whose breaker they share', async () => {
  const cluster = await started(['helpdesk', 'sales'])
  const directory = directoryOf([cluster, ['helpdesk', 'sales']])
  const clients = ['helpdesk', 'sales'].map((ucc) => directory.client(ucc))
  const events = clients.map((client) => record(client))
  for (const [index, ucc] of ['helpdesk', 'sales'].entries())
    recordLog(clients[index] ?? directory.client(ucc), logTopic(`ucc/${ucc}/log`))
  await until('both are connected', () => live(cluster.server('srv1')) === 2, 10_000)
  // One that never opened a live connection is told all the same.
  const idle = directory.client('helpdesk', { basePath: '/idle' })
  await idle.ready({ timeoutMs: 5000 })
  await cluster.kill('srv1')
  await until('both have failed over', () => events.every(({ failover }) => failover.length === 1), 5000)
  await until('the breaker is open', () => idle.endpoints[0]?.breaker === 'open', 5000)
  expect([...clients, idle].map((client) => client.endpoints[0]?.breaker)).toEqual(['open', 'open', 'open'])
  await until('the idle one moved too', () => idle.active?.server === 'srv2', 5000)
  const whoami = (await (await idle.fetch(`${cluster.hostname}/idle/nothing`)).json()) as { server: string }
  expect(whoami.server).toBe('srv2')
})

// fault-matrix: 11
test('a stopped UCC moves its own clients only', async () => {
  const cluster = await started(['helpdesk', 'sales'])
  const directory = directoryOf([cluster, ['helpdesk', 'sales']])
  const [helpdesk, sales] = [directory.client('helpdesk'), directory.client('sales')]
  const heard = record(sales)
  recordLog(helpdesk, logTopic('ucc/helpdesk/log'))
  recordLog(sales, logTopic('ucc/sales/log'))
  await until('both are connected', () => live(cluster.server('srv1')) === 2, 10_000)
  await cluster.stopUcc('srv1', 'helpdesk')
  await until('helpdesk moves', () => helpdesk.active?.server === 'srv2' && helpdesk.state === 'connected', 5000)
  expect(sales.active?.server).toBe('srv1')
  expect(heard.failover).toEqual([])
  expect(sales.endpoints.map(({ readiness }) => readiness)).toEqual(['running', 'running'])
  expect(helpdesk.endpoints.map(({ readiness }) => readiness)).toEqual(['stopped', 'running'])
})

test('pools fail independently; close() ends all', async () => {
  const [one, two] = [await started(['helpdesk']), await started(['sales'])]
  const directory = directoryOf([one, ['helpdesk']], [two, ['sales']])
  const [helpdesk, sales] = [directory.client('helpdesk'), directory.client('sales')]
  const [heard, other] = [record(helpdesk), record(sales)]
  const loops = [helpdesk.subscribe(logTopic('ucc/helpdesk/log')), sales.subscribe(logTopic('ucc/sales/log'))].map(
    async (subscription) => {
      for await (const change of subscription) void change
    },
  )
  await until('both are connected', () => live(one.server('srv1')) === 1 && live(two.server('srv1')) === 1, 10_000)
  await one.kill('srv1')
  await one.kill('srv2')
  await until(
    'one pool is offline',
    () => helpdesk.state === 'offline',
    10_000,
    () => helpdesk.diagnostics(),
  )
  expect(helpdesk.offlineReason).toBe('servers')
  expect(sales.state).toBe('connected')
  expect(other.stateChange.map(({ to }) => to)).toEqual(['connected'])
  expect([...other.failover, ...other.endpointChange.filter(({ reason }) => reason === 'breaker-open')]).toEqual([])
  expect(heard.stateChange.at(-1)).toMatchObject({ to: 'offline', offlineReason: 'servers' })

  const startedAt = performance.now()
  await directory.close()
  expect(performance.now() - startedAt).toBeLessThan(3 * 1000)
  await Promise.all(loops)
  expect([helpdesk.state, sales.state]).toEqual(['closed', 'closed'])
  expect(directory.clients).toEqual([])
  await until('the connection is closed', () => live(two.server('srv1')) === 0, 3000)
  const isClosed = (error: unknown): boolean => isFailoverError(error, 'CLIENT_CLOSED')
  expect(() => directory.client('sales')).toThrow(expect.toSatisfy(isClosed))
  expect(() => sales.subscribe('ucc/sales/log')).toThrow(expect.toSatisfy(isClosed))
  two.server('srv1').clearRecords()
  await elapse(2000)
  expect(two.server('srv1').requests()).toEqual([])
})
