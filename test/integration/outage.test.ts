/** Line 8: both servers are down for a minute. */
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { stateTopic } from 'failover-client'
import { elapse, onCleanup, reportTimes, startHarness, until } from '../support/harness'

const DOWN_MS = 60_000
const AGENTS = 'ucc/helpdesk/agents'

// fault-matrix: 55
test('a minute without any server: told, bounded, and over within two seconds', { timeout: 120_000 }, async () => {
  const { cluster, connect } = await startHarness()
  const { client, events } = connect()
  const agents = client.subscribe(stateTopic(AGENTS))
  cluster.publish(AGENTS, { op: 'upsert', key: 'agent-1', data: { state: 'idle' } })
  await until('the agent is seen', () => agents.view.size === 1, 5000)
  const baseline = activeTimers()
  await Promise.all([cluster.kill('srv1'), cluster.kill('srv2')])
  const downAt = performance.now()
  // Where the servers were, somebody now counts who comes, and serves nobody.
  const counters = await Promise.all(cluster.servers.map(({ address, port }) => countConnections(address, port)))
  await until('offline is told', () => client.state === 'offline', 5000)
  expect(client.offlineReason).toBe('servers')
  expect(events.stateChange.at(-1)).toMatchObject({ to: 'offline', offlineReason: 'servers' })
  // What was known stays, and its age is shown.
  expect(agents.view.get('agent-1')).toEqual({ state: 'idle' })
  const ageBefore = agents.ageMs ?? 0
  await elapse(DOWN_MS - (performance.now() - downAt))
  expect(agents.ageMs ?? 0).toBeGreaterThan(ageBefore + DOWN_MS / 2)
  expect(client.state).toBe('offline')
  expect(activeTimers()).toBeLessThanOrEqual(baseline + 2)
  const seconds = (performance.now() - downAt) / 1000
  const perSecond = counters.map(({ count }) => count() / seconds)
  console.log(`attempts per second and endpoint: ${perSecond.map((rate) => rate.toFixed(2)).join(', ')}`)
  for (const rate of perSecond) expect(rate).toBeLessThan(1.2)
  for (const rate of perSecond) expect(rate).toBeGreaterThan(0.5)
  for (const { close } of counters) await close()
  await cluster.restart('srv2')
  const readyAfter = performance.now()
  await until(
    'the first server back is used',
    () => client.state === 'connected' && client.active?.server === 'srv2',
    6000,
  )
  reportTimes('first server back to connected', [performance.now() - readyAfter])
  expect(agents.view.get('agent-1')).toEqual({ state: 'idle' })
})

function activeTimers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
}

async function countConnections(address: string, port: number) {
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    socket.on('error', () => undefined)
    socket.resetAndDestroy()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, resolve)
  })
  const close = (): Promise<void> => new Promise((resolve) => void server.close(() => resolve()))
  onCleanup(close)
  return { count: () => connections, close }
}
