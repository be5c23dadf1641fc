/** A warm standby: a welcomed, idle, unrestored connection to the next server. Its `status` is the fastest news. */
import { expect, test } from 'vitest'
import { logTopic } from 'failover-client'
import type { FailoverClientOptions } from 'failover-client'
import type { ClusterServer, ConnectionRecord } from 'failover-client/testing/node'
import { compareLog, elapse, EXACT, recordLog, reportTimes, startHarness, until } from '../support/harness'

const LOG = 'ucc/helpdesk/log'
const WITHIN_MS = 300

function open(server: ClusterServer): readonly ConnectionRecord[] {
  return server.connections().filter(({ closedAt, client }) => closedAt === undefined && client !== undefined)
}

function upgrades(server: ClusterServer): number {
  return server.dials().filter(({ kind }) => kind === 'upgrade' || kind === 'events').length
}

test('the UCC stops and runs on the warm standby: attached within 0.3 s, over the connection that waited', async () => {
  const { cluster, connect } = await startHarness({ standby: 'stopped' })
  cluster.publish('ucc/helpdesk/agents', { key: 'a1', data: { name: 'Ada' } })
  const restored: string[] = []
  const options: Partial<FailoverClientOptions> = {
    standby: 'warm',
    restoreSession: ({ endpoint }) => void restored.push(endpoint.server ?? ''),
  }
  const clients = Array.from({ length: 5 }, () => connect(options))
  const movedAt: number[] = []
  const answers: Promise<string>[] = []
  for (const { client } of clients) client.on('failover', () => movedAt.push(performance.now()))
  const logs = clients.map(({ client }) => recordLog(client, logTopic(LOG)))
  const generation = cluster.generate({ topic: LOG, perSecond: 50 })
  const srv2 = cluster.server('srv2')
  await until('every log flows', () => logs.every(({ keys }) => keys.length > 10), 10_000)
  await until('every standby waits', () => open(srv2).length === clients.length, 10_000)
  expect(open(srv2).flatMap(({ topics }) => topics)).toEqual([])
  expect(restored).toEqual(clients.map(() => 'srv1'))
  const dials = upgrades(srv2)
  for (const { client } of clients) {
    client.on('stateChange', ({ to }) => {
      if (to === 'closed') return
      const asked = client
        .fetch('/api/ucc/helpdesk/agents')
        .then((response) => response.json() as Promise<{ server: string; items: unknown[] }>)
      answers.push(asked.then(({ server, items }) => `${server} ${items.length}`))
    })
  }

  await cluster.stopUcc('srv1', 'helpdesk', { announce: 'status' })
  await elapse(3000)
  expect(restored).toHaveLength(clients.length)
  const { atMonotonicMs } = await cluster.promote('srv2', 'helpdesk')
  await until(
    'all have moved',
    () => movedAt.length === clients.length,
    3000,
    () => clients[0]?.client.diagnostics(),
  )
  const times = movedAt.map((at) => at - atMonotonicMs)
  reportTimes('(a) status, warm standby', times)
  expect(Math.max(...times)).toBeLessThan(3 * WITHIN_MS)

  const published = generation.stop()
  await until('all is delivered', () => logs.every(({ keys }) => keys.at(-1) === published.at(-1)?.key), 5000)
  await cluster.sync()
  expect(upgrades(srv2), 'new dials').toBe(dials)
  expect(restored.slice(clients.length)).toEqual(clients.map(() => 'srv2'))
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['srv2 1']))
  for (const { keys } of logs) {
    expect(compareLog(published.slice(published.findIndex(({ key }) => key === keys[0])), keys)).toEqual(EXACT)
  }
  for (const { client, events } of clients) {
    expect(events.failover).toHaveLength(1)
    expect(client.endpoints.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
  }
})

test('to and fro: the standby that waited with an old term is attached to by its new one', async () => {
  const { cluster, connect } = await startHarness({ standby: 'stopped' })
  const { client, events } = connect({ standby: 'warm' })
  recordLog(client, logTopic(LOG))
  const times: number[] = []
  const ways = [
    ['srv1', 'srv2'],
    ['srv2', 'srv1'],
    ['srv1', 'srv2'],
  ] as const
  for (const [index, [from, to]] of ways.entries()) {
    const next = cluster.server(to)
    // It carries nothing; the connection that was just left there still does.
    const isIdle = ({ topics }: ConnectionRecord): boolean => topics.length === 0
    const isSettled = (): boolean => client.active?.server === from && client.state === 'connected'
    const waits = (): boolean => isSettled() && open(next).some(isIdle)
    await until(`a standby waits at ${to}`, waits, 10_000, () => client.diagnostics())
    const dials = upgrades(next)
    await cluster.stopUcc(from)
    const { atMonotonicMs } = await cluster.promote(to)
    const hasMoved = (): boolean => events.failover.length === index + 1
    await until(`the client has moved to ${to}`, hasMoved, 3000, () => client.diagnostics())
    times.push(performance.now() - atMonotonicMs)
    await cluster.sync()
    expect(upgrades(next), `dials of ${to}`).toBe(dials)
    expect(events.failover.at(-1)).toMatchObject({ reason: 'ucc-stopped', to: { server: to } })
  }
  reportTimes('to and fro, warm standby', times)
  expect(Math.max(...times)).toBeLessThan(3 * WITHIN_MS)
})

test('a kill with a warm standby costs no dial, and the dead server is waited for again', async () => {
  const { cluster, connect } = await startHarness()
  const { client, events } = connect({ standby: 'warm' })
  const { keys } = recordLog(client, logTopic(LOG))
  const generation = cluster.generate({ topic: LOG, perSecond: 100 })
  const [srv1, srv2] = [cluster.server('srv1'), cluster.server('srv2')]
  const times: number[] = []
  for (const [dying, next] of [
    [srv1, srv2],
    [srv2, srv1],
  ] as const) {
    await until('the log flows', () => keys.length > 10, 10_000)
    await until(
      `a standby waits at ${next.name}`,
      () => client.active?.server === dying.name && open(next).length === 1,
      30_000,
      () => client.diagnostics(),
    )
    const moves = events.failover.length
    const { atMonotonicMs } = await cluster.kill(dying.name)
    await until(
      'the client has moved',
      () => events.failover.length > moves,
      3000,
      () => client.diagnostics(),
    )
    times.push(performance.now() - atMonotonicMs)
    expect(client.active?.server).toBe(next.name)
    await cluster.restart(dying.name)
  }
  reportTimes('kill, warm standby', times)
  expect(Math.max(...times)).toBeLessThan(3 * WITHIN_MS)
  const published = generation.stop()
  await until('all is delivered', () => keys.at(-1) === published.at(-1)?.key, 5000)
  expect(compareLog(published.slice(published.findIndex(({ key }) => key === keys[0])), keys)).toEqual(EXACT)
})

test('boards and visitors keep no warm standby', async () => {
  const { cluster, connect } = await startHarness()
  const idle = (['board', 'visitor'] as const).map((priority) => connect({ standby: 'warm', priority }))
  const agent = connect({ standby: 'warm', priority: 'agent' })
  for (const { client } of [...idle, agent]) recordLog(client, logTopic(LOG))
  await until('the agent has its standby', () => open(cluster.server('srv2')).length > 0, 10_000)
  await until('all are connected', () => open(cluster.server('srv1')).length === 3, 10_000)
  await elapse(1000)
  expect(open(cluster.server('srv2'))).toHaveLength(1)
})

test('a token that only the standby refuses is told before it is needed, and moves nobody', async () => {
  const { cluster, connect } = await startHarness()
  await cluster.server('srv2').setTokens(['another'])
  const startedAt = performance.now()
  const { client, events } = connect({ standby: 'warm', token: 'mine' })
  recordLog(client, logTopic(LOG))
  const told = (): boolean => events.warning.some(({ code }) => code === 'TOKEN_REFUSED_BY_STANDBY')
  await until('the refusal is told', told, 12_000, () => events.warning)
  reportTimes('token refused by the standby, told', [performance.now() - startedAt])
  expect(client.active?.server).toBe('srv1')
  expect(client.state).toBe('connected')
  expect(events.warning.filter(({ code }) => code === 'TOKEN_REFUSED_BY_STANDBY')).toHaveLength(1)
})
