/** Hostile input from servers and networks: typed errors or warnings, no crash; no token leaves the allowed hosts. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createFailoverClient, isFailoverError, topologyDocument, type FailoverClientOptions } from 'failover-client'
import { nodePlatform } from 'failover-client/node'
import { startCluster, type Cluster } from 'failover-client/testing/node'
import {
  compareLog,
  EXACT,
  onCleanup,
  record,
  recordLog,
  startHarness,
  until,
  type Connected,
  type Harness,
} from '../support/harness'
import { TLS } from './cluster-tls'

const FAST: Partial<FailoverClientOptions> = { failover: { spreadMs: 0 } }
const TOKEN = 'secret-token-of-this-test'

let crashes: unknown[] = []
const crashed = (error: unknown): void => void crashes.push(error)

beforeEach(() => {
  crashes = []
  process.on('uncaughtException', crashed)
  process.on('unhandledRejection', crashed)
})

afterEach(() => {
  process.off('uncaughtException', crashed)
  process.off('unhandledRejection', crashed)
  expect(crashes).toEqual([])
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  expect(Object.keys(Object.prototype)).toEqual([])
})

/** A host that is none of the client's: whatever arrives there is noted. */
async function startStranger(): Promise<{ url: string; seen: string[] }> {
  const seen: string[] = []
  const server = createServer((request, response) => {
    seen.push(`${request.method ?? ''} ${request.url ?? ''} ${JSON.stringify(request.headers)}`)
    response.end('{"server":"evil","state":"running","term":9999999999999}')
  })
  server.on('upgrade', (request, socket) => {
    seen.push(`UPGRADE ${request.url ?? ''}`)
    socket.destroy()
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

/** A client of a cluster that outlives one test. */
function connectTo(cluster: Cluster, more: Partial<FailoverClientOptions> = {}): Connected {
  const client = createFailoverClient({
    hostname: cluster.hostname,
    endpoints: [...cluster.endpoints],
    ucc: 'helpdesk',
    ...more,
  })
  onCleanup(() => client.close())
  return { client, events: record(client) }
}

function codes({ events }: Connected): string[] {
  return events.warning.map(({ code }) => code)
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

/** Messages go through exactly, before and after. */
async function expectServing(cluster: Cluster, log: ReturnType<typeof recordLog>, published: object[]): Promise<void> {
  for (let count = 0; count < 5; count += 1) {
    published.push(cluster.publish('chat/1', { key: `m${published.length}`, data: { count } }))
  }
  await until(
    'all is delivered',
    () => log.keys.filter((key) => key !== 'gap').length >= published.length,
    12_000,
    () => [log.keys.length, published.length, log.subscription.state],
  )
  expect(compareLog(published as never, log.keys)).toEqual(EXACT)
}

/** Text that is no frame, or a wrong one that concerns no topic and no command: it must harm nothing. */
const STRAY_FRAMES: readonly string[] = [
  'not json',
  '',
  '{',
  '[]',
  'null',
  '42',
  '"text"',
  '{}',
  '{"type":5}',
  '{"type":null}',
  '{"type":"__proto__"}',
  '{"type":"constructor"}',
  '{"type":"toString","id":1}',
  '{"__proto__":{"type":"heartbeat","polluted":true}}',
  '{"type":"heartbeat","state":"running","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  '{"type":"heartbeat","state":"exploded","ts":"soon","term":-1,"load":{"clients":-5,"acceptPerSec":0}}',
  '{"type":"heartbeat","state":"running","ts":1e308,"load":[]}',
  '{"type":"status"}',
  '{"type":"welcome","server":"evil","state":"running","heartbeatMs":-5}',
  '{"type":"welcome","server":5}',
  '{"type":"event"}',
  '{"type":"event","id":"1","op":"upsert","key":"k","seq":1}',
  '{"type":"event","id":-1,"op":"upsert","key":"k","seq":1}',
  '{"type":"event","id":1e99,"op":"upsert","key":"k","seq":1}',
  '{"type":"event","id":424242,"op":"append","key":"k","seq":1,"data":1}',
  '{"type":"snapshot","id":424242,"cursor":{"epoch":"e","seq":1},"items":[]}',
  '{"type":"result","id":424242,"status":"done"}',
  '{"type":"result","status":"exploded"}',
  '{"type":"reject","id":424242,"code":5}',
  '{"type":"pong"}',
  '{"type":"pong","n":424242,"ts":"x"}',
]

/** Wrong frames for the topic with id 1: it goes on exactly, or ends with a typed error. */
const TOPIC_FRAMES: readonly string[] = [
  '{"type":"event","id":1,"op":"append","key":5,"seq":1}',
  '{"type":"event","id":1,"op":"append","key":"k","seq":"x"}',
  '{"type":"event","id":1,"op":"append","key":"k","seq":-7,"data":1}',
  '{"type":"event","id":1,"op":"append","key":"k","seq":9007199254740993,"data":1}',
  '{"type":"event","id":1,"op":"append","key":"k","data":1}',
  '{"type":"event","id":1,"op":5,"key":"k","seq":1}',
  '{"type":"event","id":1,"op":"explode","key":"k","seq":1}',
  '{"type":"event","id":1,"op":"upsert","key":"k","seq":1,"data":1}',
  '{"type":"event","id":1,"op":"remove","key":"__proto__","seq":0}',
  '{"type":"subscribed","id":1}',
  '{"type":"subscribed","id":1,"kind":"queue","recovered":true}',
  '{"type":"subscribed","id":1,"kind":"state","recovered":true}',
  '{"type":"snapshot","id":1,"items":[]}',
  '{"type":"snapshot","id":1,"cursor":{"epoch":5,"seq":"x"},"items":{}}',
  '{"type":"snapshot","id":1,"cursor":{"epoch":"e","seq":1},"items":[{"key":null}]}',
  '{"type":"snapshot","id":1,"cursor":{"epoch":"e","seq":1},"items":[],"more":true}',
  '{"type":"result","id":1,"status":"done","data":{"polluted":true}}',
]

function deep(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}

function isWritable(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined
  } catch {
    return false
  }
}

describe('frames', () => {
  let shared: Harness
  let endShared: () => Promise<void>
  beforeAll(async () => {
    const cluster = await startCluster()
    endShared = () => cluster.close()
    shared = { cluster, connect: (more) => connectTo(cluster, more) }
  })
  afterAll(() => endShared())

  it.each([
    ['WebSocket', false],
    ['event stream', true],
  ])('malformed ones over %s harm nothing', async (_name, refuseUpgrades) => {
    const harness = await startHarness({ refuseUpgrades, uccs: { helpdesk: { running: ['srv1'] } } })
    const { cluster } = harness
    const connected = harness.connect(FAST)
    const { client, events } = connected
    const log = recordLog(client, 'chat/1')
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('both are live', () => log.subscription.state === 'live' && agents.state === 'live', 15_000)
    const published: object[] = []
    await expectServing(cluster, log, published)
    for (let round = 0; round < 3; round += 1) for (const frame of STRAY_FRAMES) await cluster.sendRaw('srv1', frame)
    await until('they are told', () => codes(connected).includes('FRAME_REFUSED'), 3000)
    await expectServing(cluster, log, published)
    cluster.publish('ucc/helpdesk/agents', { key: '__proto__', data: { polluted: true } })
    await until('the state goes on', () => agents.view.has('__proto__'), 9000)
    expect(events.failover).toEqual([])
    expect(
      cluster
        .server('srv1')
        .connections()
        .filter(({ closedAt }) => closedAt === undefined).length,
    ).toBeLessThan(3)
    expect(client.endpoints.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
    expect(await client.command('echo', { a: 1 }, { safety: 'keyed' })).toBeDefined()
  })

  it.each(TOPIC_FRAMES)('of a topic, %s: it goes on exactly, or ends with a typed error', async (frame) => {
    const { cluster, connect } = shared
    const { client } = connect(FAST)
    const topic = `chat/hostile-${TOPIC_FRAMES.indexOf(frame)}`
    const log = recordLog(client, topic)
    const errors: unknown[] = []
    log.subscription.on('error', (error) => void errors.push(error))
    await until('it is live', () => log.subscription.state === 'live', 9000)
    const published = [cluster.publish(topic, { key: 'm1' })]
    await until('the first is delivered', () => log.keys.includes('m1'), 9000)
    await cluster.sendRaw('srv1', frame)
    await cluster.sendRaw('srv1', frame)
    published.push(cluster.publish(topic, { key: 'm2' }), cluster.publish(topic, { key: 'm3' }))
    const isOver = (): boolean => log.subscription.state === 'closed' || log.keys.includes('m3')
    await until('it goes on or ends', isOver, 12_000, () => [log.subscription.state, log.keys])
    if (log.subscription.state === 'closed') {
      expect(
        errors.map(
          (error) => isFailoverError(error, 'PROTOCOL_ERROR') || isFailoverError(error, 'SUBSCRIPTION_REJECTED'),
        ),
      ).toEqual([true])
    } else {
      const wellKnown = log.keys.filter((key) => key !== 'k')
      expect(compareLog(published, wellKnown)).toEqual(EXACT)
    }
    expect(client.endpoints.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
    await client.close()
  })

  it('a flood of the same bad frame is one warning', async () => {
    const harness = await startHarness()
    const connected = harness.connect(FAST)
    const log = recordLog(connected.client, 'chat/1')
    await until('it is live', () => log.subscription.state === 'live', 9000)
    for (let count = 0; count < 200; count += 1) await harness.cluster.sendRaw('srv1', '{"type":5}')
    await expectServing(harness.cluster, log, [])
    expect(codes(connected).filter((code) => code === 'FRAME_REFUSED')).toHaveLength(1)
  })

  it('nested deeper than any call stack are carried and compared', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    const connected = harness.connect(FAST)
    const { client } = connected
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('it is live', () => agents.state === 'live', 9000)
    const cursor = agents.cursor
    const text = deep(200_000)
    await cluster.sendRaw('srv1', `{"type":"heartbeat","state":${text}}`)
    await cluster.sendRaw(
      'srv1',
      `{"type":"event","id":1,"op":"upsert","key":"deep","seq":${(cursor?.seq ?? 0) + 1},"data":${text}}`,
    )
    await until('it is in the view', () => agents.view.has('deep'), 9000)
    // A resync compares it with what the server has; diagnostics do not touch it.
    await cluster.resync('srv1')
    await until(
      'the resync took it away',
      () => !agents.view.has('deep'),
      9000,
      () => [...agents.view.keys()],
    )
    expect(JSON.stringify(client.diagnostics()).length).toBeLessThan(100_000)
    const argument = JSON.parse(text) as unknown
    const error = await failureOf(client.command('echo', argument))
    // Some versions of Node can write as text what others cannot.
    if (isWritable(argument)) expect(error).toBeUndefined()
    else expect(error).toMatchObject({ code: 'INVALID_OPTION', fields: { field: 'args' } })
  })

  // fault-matrix: 53
  it('over the limit close the connection, never the endpoint', async () => {
    const harness = await startHarness()
    const { cluster } = harness
    const connected = harness.connect({ ...FAST, streams: { maxFrameBytes: 65_536 } })
    const { client, events } = connected
    const log = recordLog(client, 'chat/1')
    await until('it is live', () => log.subscription.state === 'live', 9000)
    const published: object[] = []
    await expectServing(cluster, log, published)
    await cluster.sendRaw('srv1', `{"type":"unknown","pad":"${'x'.repeat(200_000)}"}`)
    const closed = (): boolean =>
      cluster
        .server('srv1')
        .connections()
        .some(({ closeCode }) => closeCode !== undefined)
    await until('the connection is closed', closed, 9000)
    await expectServing(cluster, log, published)
    expect(events.failover).toEqual([])
    expect(client.active?.server).toBe('srv1')
    expect(client.endpoints.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
    expect([4409, 1009]).toContain(
      cluster
        .server('srv1')
        .connections()
        .find(({ closeCode }) => closeCode !== undefined)?.closeCode,
    )
    expect(codes(connected)).toContain('FRAME_REFUSED')
  })

  it('a welcome full of nonsense is clamped, not believed', async () => {
    const harness = await startHarness()
    const connected = harness.connect({ ...FAST, token: TOKEN })
    const log = recordLog(connected.client, 'chat/1')
    await until('it is live', () => log.subscription.state === 'live', 9000)
    const raw = '{"type":"goaway","reason":"evil","leaveWithinMs":1e300,"spreadMs":-5,"to":"http://evil.example"}'
    await harness.cluster.sendRaw('srv1', raw)
    await expectServing(harness.cluster, log, [])
    expect(connected.client.endpoints.some(({ url }) => url.includes('evil'))).toBe(false)
  })
})

describe('foreign hosts', () => {
  it('named as peers, by a goaway, a topology document or a redirect are never asked anything', async () => {
    const stranger = await startStranger()
    const peers = [
      { server: 'evil', url: stranger.url },
      { server: 'evil2', url: stranger.url.replace('http', 'ws') },
      { server: 'evil3', url: `${stranger.url}@127.0.0.1/` },
      { server: 'evil4', url: 'javascript:alert(1)' },
      { server: 'evil5', url: 'file:///etc/passwd' },
      { server: 'srv2', url: '//evil.example' },
    ]
    const harness = await startHarness({ peers, tokens: [TOKEN] })
    const { cluster } = harness
    const connected = harness.connect({ ...FAST, token: TOKEN, resolver: topologyDocument(`${stranger.url}/topology`) })
    const { client } = connected
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('it is live', () => agents.state === 'live', 9000)
    await until('the peers are refused', () => codes(connected).includes('FOREIGN_PEER_REFUSED'), 9000)
    await cluster.sendRaw('srv1', `{"type":"goaway","reason":"x","leaveWithinMs":60000,"to":"${stranger.url}"}`)
    for (const status of [301, 302, 303, 307, 308]) {
      const error = await failureOf(
        client.fetch(`/api/redirect?status=${status}&to=${encodeURIComponent(stranger.url)}`),
      )
      expect(error).toBeInstanceOf(TypeError)
      expect(isFailoverError(error, 'PROTOCOL_ERROR')).toBe(true)
    }
    const shown = await client.fetch(`/api/redirect?to=${encodeURIComponent(stranger.url)}`, { redirect: 'manual' })
    expect(shown.status).toBe(302)
    // The document was asked for by the user, without the token; nothing else arrived.
    expect(stranger.seen.filter((line) => !line.startsWith('GET /topology'))).toEqual([])
    expect(stranger.seen.join()).not.toContain(TOKEN)
    expect(stranger.seen.join()).not.toContain('authorization')
    expect(client.endpoints.map(({ url }) => url)).toEqual([...cluster.endpoints])
    const said = JSON.stringify([client.diagnostics(), client.decisions(), connected.events])
    expect(said).not.toContain(TOKEN)
  })

  it('asked for by the user are reached without the token', async () => {
    const stranger = await startStranger()
    const harness = await startHarness({ tokens: [TOKEN] })
    const { client } = harness.connect({ ...FAST, token: TOKEN })
    await client.ready({ timeoutMs: 9000 })
    expect((await client.fetch(`${stranger.url}/mine`)).status).toBe(200)
    expect(stranger.seen).toHaveLength(1)
    expect(stranger.seen.join()).not.toContain(TOKEN)
  })

  it('by http are refused to an https client: peers and redirects', async () => {
    const harness = await startHarness({ tls: TLS, tokens: [TOKEN] })
    const { cluster } = harness
    const [first] = cluster.servers
    const platform = nodePlatform({ tls: { ca: TLS.cert } })
    onCleanup(() => Promise.resolve(platform.close()))
    const port = cluster.port
    const connected = harness.connect({
      ...FAST,
      hostname: `https://cluster.test:${port}`,
      endpoints: cluster.servers.map(({ address, name }) => ({ url: `https://cluster.test:${port}`, address, name })),
      allowedHosts: ['127.0.0.1', 'cluster.test'],
      platform,
      token: TOKEN,
    })
    const { client } = connected
    const stranger = await startStranger()
    const peers = [
      { server: 'srv2', url: `http://cluster.test:${port}` },
      { server: 'evil', url: stranger.url },
    ]
    await cluster.announce({ peers })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until(
      'it is live',
      () => agents.state === 'live',
      15_000,
      () => [client.state, codes(connected)],
    )
    await until(
      'the downgrade is told',
      () => codes(connected).includes('DOWNGRADE_REFUSED'),
      20_000,
      () => codes(connected),
    )
    for (const to of [stranger.url, `http://cluster.test:${port}/api/whoami`]) {
      const error = await failureOf(client.fetch(`/api/redirect?to=${encodeURIComponent(to)}`))
      expect(isFailoverError(error, 'PROTOCOL_ERROR')).toBe(true)
    }
    expect(client.endpoints.every(({ url }) => url.startsWith('https:'))).toBe(true)
    expect(stranger.seen).toEqual([])
    expect(first?.tokensSeen().every(({ token }) => token === TOKEN)).toBe(true)
  })
})

const PORTALS: readonly (readonly [string, { status?: number; body?: string; headers?: Record<string, string> }])[] = [
  ['an HTML page', { status: 200, body: '<html><form action="/login">Sign in</form></html>' }],
  ['an HTML page with 503', { status: 503, body: '<html>busy</html>' }],
  ['a redirect to its login page', { status: 302, headers: { Location: 'http://127.0.0.1:1/login' } }],
  ['JSON of somebody else', { body: '{"status":"ok","state":"running"}' }],
  ['a body of 5 MB', { body: 'x'.repeat(5_000_000) }],
  ['deep JSON', { body: deep(100_000) }],
  ['prototype keys', { body: '{"__proto__":{"server":"evil","state":"running","polluted":true}}' }],
  ['wrong types', { body: '{"server":5,"state":["running"],"term":"high","peers":5,"load":null}' }],
  ['an endless name', { body: JSON.stringify({ server: 'x'.repeat(100_000), state: 'running' }) }],
]

describe('readiness', () => {
  it.each(PORTALS)(
    'answered with %s by the server in use and the standby: a warning, and nothing moves',
    async (_what, body) => {
      const harness = await startHarness()
      const { cluster } = harness
      const connected = harness.connect({ ...FAST, health: { activeIntervalMs: 300, standbyIntervalMs: 300 } })
      const { client, events } = connected
      const log = recordLog(client, 'chat/1')
      await until('it is live', () => log.subscription.state === 'live', 9000)
      await until('both run', () => client.endpoints.every(({ readiness }) => readiness === 'running'), 9000)
      // On a slow machine the second one may answer first, and be chosen.
      const chosen = client.active?.server
      for (const server of cluster.servers) {
        await cluster.serveReadiness(server.name, body)
        server.clearRecords()
      }
      const asked = (): number[] =>
        cluster.servers.map((server) => server.dials().filter(({ kind }) => kind === 'readiness').length)
      const told = (): number => codes(connected).filter((code) => code === 'FOREIGN_READINESS').length
      await until(
        'each is told',
        () => told() === 2,
        9000,
        () => codes(connected),
      )
      // More pages than it takes misses to condemn anybody.
      await until('each was asked often', () => asked().every((count) => count >= 8), 15_000, asked)
      const published: object[] = []
      await expectServing(cluster, log, published)
      expect(client.endpoints.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
      expect(client.active?.server).toBe(chosen)
      expect([events.failover, events.switchover, events.failback]).toEqual([[], [], []])
      expect(told()).toBe(2)
      for (const { name } of cluster.servers) await cluster.serveReadiness(name, null)
      await until(
        'both run again',
        () => client.endpoints.every(({ verdict }) => verdict === 'healthy'),
        20_000,
        () => client.endpoints,
      )
      await expectServing(cluster, log, published)
      expect(events.failover).toEqual([])
      expect(client.active?.server).toBe('srv1')
    },
  )

  // fault-matrix: 34
  it('of a captive portal at the start: no crash, and served as soon as it is gone', async () => {
    const addresses = ['127.77.12.1', '127.77.12.2'] as const
    const portals = addresses.map(() =>
      createServer((_request, response) => response.end('<html>Welcome to the hotel</html>')),
    )
    const listen = (server: Server, host: string, port: number): Promise<void> =>
      new Promise((resolve) => server.listen(port, host, resolve))
    const [first, second] = portals as [Server, Server]
    await listen(first, addresses[0], 0)
    const { port } = first.address() as AddressInfo
    await listen(second, addresses[1], port)
    const client = createFailoverClient({
      hostname: `http://${addresses[0]}:${port}`,
      endpoints: addresses.map((address) => `http://${address}:${port}`),
      ucc: 'helpdesk',
      connect: { maxBackoffMs: 1000 },
      ...FAST,
    })
    onCleanup(() => client.close())
    const connected = { client, events: record(client) }
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('it is told', () => codes(connected).includes('NO_READINESS_CONTRACT'), 9000)
    await until(
      'it was tried',
      () => client.decisions().filter(({ kind }) => kind === 'attempt-failed').length >= 4,
      20_000,
    )
    expect(client.state).not.toBe('connected')
    for (const portal of portals) portal.close()
    for (const portal of portals) portal.closeAllConnections()
    const cluster = await startCluster({ addresses: [...addresses], port })
    onCleanup(() => cluster.close())
    await until(
      'it is live',
      () => agents.state === 'live',
      20_000,
      () => [client.state, client.decisions().slice(-4)],
    )
    // The standby is asked in its own time.
    await until(
      'both run',
      () => client.endpoints.every(({ readiness }) => readiness === 'running'),
      20_000,
      () => client.endpoints,
    )
  }, 60_000)
})
