import type { PeerCertificate } from 'node:tls'
import { checkServerIdentity } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import type { Cluster, ClusterOptions } from 'failover-client/testing/node'
import { startCluster } from 'failover-client/testing/node'
import { runBundled } from '../support/run-bundled'
import { TLS } from './cluster-tls'
import { ready, until, Wire } from './cluster-wire'

let cluster: Cluster | undefined
const AGENTS = 'ucc/helpdesk/agents'
const LOG = 'ucc/helpdesk/events'

async function start(options: ClusterOptions = {}): Promise<Cluster> {
  cluster = await startCluster(options)
  return cluster
}

function urlOf(of: Cluster, server: string): string {
  return of.server(server).url
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_unused, index) => from + index)
}

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

test('an interrupted stream of a shared log goes on exactly on the other server after a kill', async () => {
  const c = await start({ heartbeatMs: 200 })
  const generation = c.generate({ topic: LOG, perSecond: 200 })
  const first = await Wire.open(urlOf(c, 'srv1'))
  const id = first.subscribe(LOG)
  await until(() => first.seqs(id).length > 50, '50 events')
  const killed = await c.kill('srv1')
  expect(killed.at).toBeLessThanOrEqual(Date.now())
  await until(() => first.closed, 'the close')
  expect(first.closed?.code).toBe(1006)
  await expect(fetch(`${urlOf(c, 'srv1')}/failover/ready`)).rejects.toThrow()

  const seen = first.seqs(id)
  const epoch = (first.of(id, 'subscribed')[0]?.['cursor'] as { epoch: string }).epoch
  const second = await Wire.open(urlOf(c, 'srv2'), { previous: { server: 'srv1', reason: 'closed' } })
  const again = second.subscribe(LOG, { epoch, seq: seen.at(-1) })
  const subscribed = await second.frame('subscribed')
  expect(subscribed).toMatchObject({ id: again, kind: 'log', recovered: true })
  await until(() => second.seqs(again).length > 50, '50 more events')
  const published = generation.stop()
  await until(() => second.seqs(again).at(-1) === published.at(-1)?.cursor.seq, 'the last event')
  const all = [...seen, ...second.seqs(again)]
  expect(all).toEqual(range(all[0] ?? 0, published.length))
  expect(second.of(again, 'snapshot')).toEqual([])

  await c.restart('srv1')
  const third = await Wire.open(urlOf(c, 'srv1'))
  const back = third.subscribe(LOG, { epoch, seq: 10 })
  await until(() => third.seqs(back).at(-1) === published.length, 'the replay')
  expect(third.seqs(back)).toEqual(range(11, published.length))
  const record = c
    .server('srv2')
    .connections()
    .find((connection) => connection.previous !== undefined)
  expect(record).toMatchObject({ client: 'wire', ucc: 'helpdesk', previous: { server: 'srv1' }, topics: [LOG] })
})

test('readiness says the truth per server and UCC, with CORS on every path and status', async () => {
  const c = await start({
    uccs: { helpdesk: { running: ['srv1'], starting: ['srv2'] }, sales: { running: ['srv2'], servers: ['srv2'] } },
  })
  const one = await ready(urlOf(c, 'srv1'))
  expect(one.status).toBe(200)
  expect(one.body).toMatchObject({ server: 'srv1', versions: [1], ucc: 'helpdesk', state: 'running', term: 1 })
  expect(one.body).toMatchObject({ load: { clients: 0, acceptPerSec: 500 }, draining: false })
  expect(one.body['peers']).toEqual([
    { server: 'srv1', url: c.endpoints[0] },
    { server: 'srv2', url: c.endpoints[1] },
  ])
  expect(await ready(urlOf(c, 'srv2'))).toMatchObject({ status: 503, body: { state: 'starting' } })
  expect(await ready(urlOf(c, 'srv1'), 'sales')).toMatchObject({ status: 404, body: { state: 'unknown' } })
  expect(await ready(urlOf(c, 'srv2'), 'sales')).toMatchObject({ status: 200, body: { state: 'running' } })
  const alive = await fetch(`${urlOf(c, 'srv2')}/failover/ready`)
  expect(alive.status).toBe(200)
  expect(await alive.json()).toMatchObject({ server: 'srv2', state: 'unknown' })
  for (const path of ['/failover/ready?ucc=none', '/api/status/503?retryAfter=2', '/nowhere']) {
    const response = await fetch(`${urlOf(c, 'srv1')}${path}`)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('access-control-expose-headers')).toContain('Retry-After')
    expect(response.headers.get('cache-control')).toBe('no-store')
  }
  const preflight = await fetch(`${urlOf(c, 'srv1')}/api/whoami`, { method: 'OPTIONS' })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('access-control-allow-headers')).toContain(
    'Authorization, Content-Type, Idempotency-Key',
  )
})

test('a command is executed once by servers that share the memory of keys, also when the first is killed', async () => {
  const c = await start({ commandDelayMs: 5000 })
  const first = await Wire.open(urlOf(c, 'srv1'))
  expect(await first.frame('welcome')).toMatchObject({ keys: 'keys-1', server: 'srv1', state: 'running', term: 1 })
  first.command('set', { target: 'agent-1', value: 'ready' }, 'K1')
  await until(() => c.ledger.executions('K1').length === 1, 'the execution')
  await c.kill('srv1')
  expect(first.frames.some((frame) => frame.type === 'result')).toBe(false)
  c.setCommandDelay({})
  const second = await Wire.open(urlOf(c, 'srv2'))
  const repeated = second.command('set', { target: 'agent-1', value: 'ready' }, 'K1')
  const late = second.command('echo', 1, 'K2', { notAfter: Date.now() - 1 })
  const refused = second.command('fail', { code: 'no', message: 'not you' }, 'K3')
  expect(await second.result(late)).toMatchObject({ status: 'expired' })
  expect(await second.result(refused)).toMatchObject({ status: 'rejected', error: { code: 'no', message: 'not you' } })
  expect(await second.result(repeated)).toMatchObject({ status: 'duplicate', data: { value: 'ready' } })
  expect(c.ledger.executions('K1')).toMatchObject([{ server: 'srv1', name: 'set', client: 'wire', status: 'executed' }])
  expect(c.ledger.all().map(({ key, status }) => `${key} ${status}`)).toEqual([
    'K1 executed',
    'K1 duplicate',
    'K2 expired',
    'K3 rejected',
  ])
  expect(c.ledger.violations()).toEqual([])
  expect(c.ledger.values().get('agent-1')).toBe('ready')
})

test('a repeat of a command that still runs is answered when that ends, on any server', async () => {
  const c = await start({ commandDelayMs: 300 })
  const [first, second] = [await Wire.open(urlOf(c, 'srv1')), await Wire.open(urlOf(c, 'srv2'))]
  const startedAt = performance.now()
  const original = first.command('echo', 'x', 'K')
  await until(() => c.ledger.executions('K').length === 1, 'the execution')
  const repeat = second.command('echo', 'x', 'K')
  expect(await second.result(repeat)).toMatchObject({ status: 'duplicate', data: 'x' })
  expect(performance.now() - startedAt).toBeGreaterThan(290)
  expect(await first.result(original)).toMatchObject({ status: 'done', data: 'x' })
})

test('a frozen server does not execute late, and says so', async () => {
  const c = await start()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  await c.freeze('srv1')
  const notAfter = Date.now() + 150
  const id = wire.command('echo', 'late', 'K', { notAfter })
  await until(() => Date.now() > notAfter + 20, 'the deadline')
  expect(c.ledger.all()).toEqual([])
  await c.thaw('srv1')
  expect(await wire.result(id)).toMatchObject({ status: 'expired' })
  expect(c.ledger.executions('K')).toEqual([])
})

test('a snapshot comes in parts with one cursor, and can be cut in the middle', async () => {
  const c = await start({ snapshotPartBytes: 1000 })
  for (let n = 0; n < 100; n += 1) c.publish(AGENTS, { key: `a${n}`, data: { name: 'x'.repeat(60), n } })
  c.publish(AGENTS, { op: 'remove', key: 'a7' })
  await c.sync()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  const id = wire.subscribe(AGENTS)
  await until(() => wire.of(id, 'snapshot').some((frame) => frame['more'] !== true), 'the last part')
  const parts = wire.of(id, 'snapshot')
  expect(parts.length).toBeGreaterThan(5)
  expect(parts.slice(0, -1).every((part) => part['more'] === true)).toBe(true)
  expect(new Set(parts.map((part) => JSON.stringify(part['cursor']))).size).toBe(1)
  expect(parts[0]?.['cursor']).toMatchObject({ seq: 101 })
  const keys = parts.flatMap((part) => (part['items'] as { key: string }[]).map((item) => item.key))
  expect(new Set(keys).size).toBe(99)
  expect(keys).not.toContain('a7')

  await c.cutSnapshotAfterParts('srv1', 3)
  const cut = await Wire.open(urlOf(c, 'srv1'))
  const cutId = cut.subscribe(AGENTS)
  await until(() => cut.closed, 'the cut')
  expect(cut.of(cutId, 'snapshot').length).toBe(3)
})

test('continuity is told honestly: history lost, another epoch, a cursor from the future, a new epoch', async () => {
  const c = await start({ historySize: 20, recentItems: 10 })
  for (let n = 1; n <= 50; n += 1) c.publish(LOG, { key: `m${n}`, data: n })
  await c.sync()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  const fresh = wire.subscribe(LOG)
  const snapshot = await wire.frame('snapshot', (frame) => frame['id'] === fresh)
  expect((snapshot['items'] as { key: string }[]).map((item) => item.key)).toEqual(range(41, 50).map((n) => `m${n}`))
  const cursor = snapshot['cursor'] as { epoch: string; seq: number }
  expect(cursor.seq).toBe(50)
  const held = wire.subscribe(LOG, { epoch: cursor.epoch, seq: 30 })
  const lost = wire.subscribe(LOG, { epoch: cursor.epoch, seq: 29 })
  const foreign = wire.subscribe(LOG, { epoch: 'other', seq: 50 })
  const ahead = wire.subscribe(LOG, { epoch: cursor.epoch, seq: 52 })
  await wire.frame('subscribed', (frame) => frame['id'] === ahead)
  expect(wire.of(held, 'subscribed')[0]).toMatchObject({ recovered: true })
  expect(wire.seqs(held)).toEqual(range(31, 50))
  expect(wire.of(lost, 'subscribed')[0]).toMatchObject({ recovered: false })
  expect(wire.of(foreign, 'subscribed')[0]).toMatchObject({ recovered: false })
  expect(wire.of(ahead, 'subscribed')[0]).toMatchObject({ recovered: true, cursor: { seq: 50 } })
  for (let n = 51; n <= 53; n += 1) c.publish(LOG, { key: `m${n}`, data: n })
  await until(() => wire.seqs(fresh).length === 3 && wire.seqs(ahead).length > 0, 'the news')
  expect(wire.seqs(ahead)).toEqual([53])
  c.newEpoch()
  const begun = await wire.frame('snapshot', (frame) => (frame['cursor'] as { epoch: string }).epoch !== cursor.epoch)
  expect(begun['cursor']).toMatchObject({ seq: 0 })
  c.publish(LOG, { key: 'm54', data: 54 })
  await until(() => wire.seqs(fresh).at(-1) === 1, 'the first event of the new epoch')
})

test('split logs: the same content, epochs and positions of their own', async () => {
  const c = await start({ log: 'split' })
  const published = c.publish(LOG, { key: 'm1', data: 1 })
  expect(published.positions['srv1']?.epoch).not.toBe(published.positions['srv2']?.epoch)
  c.server('srv2').publish(LOG, { key: 'only2', data: 2 })
  await c.sync()
  const wires = await Promise.all(c.endpoints.map((url) => Wire.open(url)))
  const keys = async (wire: Wire): Promise<string[]> => {
    wire.subscribe(LOG)
    return ((await wire.frame('snapshot'))['items'] as { key: string }[]).map((item) => item.key)
  }
  expect(await Promise.all(wires.map(keys))).toEqual([['m1'], ['m1', 'only2']])
  const welcomes = await Promise.all(wires.map((wire) => wire.frame('welcome')))
  expect(welcomes[0]?.['keys']).not.toBe(welcomes[1]?.['keys'])
  await c.kill('srv1')
  c.publish(LOG, { key: 'm3', data: 3 })
  await c.restart('srv1')
  const back = await Wire.open(urlOf(c, 'srv1'))
  expect(await keys(back)).toEqual(['m1', 'm3'])
  expect((await back.frame('welcome'))['keys']).not.toBe(welcomes[0]?.['keys'])
})

test('close leaves no process, a frozen one included', async () => {
  const c = await start({ servers: 3 })
  const pids = c.servers.map((server) => server.pid ?? 0)
  expect(pids.every((pid) => isAlive(pid))).toBe(true)
  await c.freeze('srv3')
  await Promise.all([c.close(), c.close()])
  expect(pids.some((pid) => isAlive(pid))).toBe(false)
  await expect(c.restart('srv1')).rejects.toMatchObject({ code: 'CLIENT_CLOSED' })
  expect(() => c.publish(LOG, { key: 'x' })).toThrowError(/closed/)
})

test('TLS: https and wss, the certificate checked against the name and not the address; reset works too', async () => {
  const c = await start({ tls: TLS })
  expect(c.hostname).toMatch(/^https:/)
  const wire = await Wire.open(c.hostname, {}, { ca: TLS.cert, servername: 'cluster.test', checkServerIdentity: check })
  expect(await wire.frame('welcome')).toMatchObject({ peers: [{ url: c.endpoints[0] }, { url: c.endpoints[1] }] })
  await c.reset('srv1')
  await until(() => wire.closed, 'the reset')
  const distrusted = await Wire.dial(c.hostname)
  expect(distrusted.closed?.code).toBe(1006)
})

function check(_host: string, certificate: PeerCertificate): Error | undefined {
  return checkServerIdentity('cluster.test', certificate)
}

test('servers end with the process that started them, frozen ones too', async () => {
  const { child: parent, stop } = await runBundled('test/support/cluster-process.ts')
  let pids: number[] = []
  parent.on('message', (message: number[]) => (pids = message))
  await until(() => pids.length === 3, 'the cluster', 20_000)
  parent.kill('SIGKILL')
  await until(() => !pids.some((pid) => isAlive(pid)), 'the end of all servers')
  await stop()
})

test.each([
  [{ servers: 0 }, 'servers'],
  [{ servers: ['a', 'a'] }, 'servers'],
  [{ uccs: [] }, 'uccs'],
  [{ uccs: { helpdesk: { running: ['srv9'] } } }, 'uccs.helpdesk'],
  [{ heartbeatMs: -1 }, 'heartbeatMs'],
  [{ log: 'both' as 'shared' }, 'log'],
  [{ addresses: ['127.0.0.9'] }, 'addresses'],
  [{ basePath: 'x' }, 'basePath'],
] satisfies [ClusterOptions, string][])('a wrong option is named: %j', async (options, field) => {
  await expect(startCluster(options)).rejects.toMatchObject({ code: 'INVALID_OPTION', fields: { field } })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
