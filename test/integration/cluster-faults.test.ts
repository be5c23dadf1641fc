import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Announce, Cluster, ClusterOptions } from 'failover-client/testing/node'
import { startCluster } from 'failover-client/testing/node'
import type { Frame } from './cluster-wire'
import { ready, until, Wire } from './cluster-wire'

let cluster: Cluster | undefined
const AGENTS = 'ucc/helpdesk/agents'

async function start(options: ClusterOptions = {}): Promise<Cluster> {
  cluster = await startCluster({ heartbeatMs: 100, ...options })
  return cluster
}

function urlOf(of: Cluster, server: string): string {
  return of.server(server).url
}

afterEach(async () => {
  await cluster?.close()
  cluster = undefined
})

describe('stopUcc: what still claims that it runs', () => {
  const stopped = 'stopped'
  const running = 'running'
  test.each<[Announce, { status?: string; beat: string | undefined; readiness: string; subscribes: boolean }]>([
    ['status', { status: stopped, beat: stopped, readiness: stopped, subscribes: false }],
    ['heartbeat', { beat: stopped, readiness: stopped, subscribes: false }],
    ['beats', { beat: undefined, readiness: stopped, subscribes: false }],
    ['readiness', { beat: running, readiness: stopped, subscribes: true }],
    ['silent', { beat: running, readiness: running, subscribes: true }],
  ])('%s', async (announce, expected) => {
    const c = await start({ uccs: ['helpdesk', 'sales'] })
    c.publish(AGENTS, { key: 'a1', data: 1 })
    await c.sync()
    const wire = await Wire.open(urlOf(c, 'srv1'), { ucc: 'helpdesk' })
    const other = await Wire.open(urlOf(c, 'srv1'), { ucc: 'sales' })
    const id = wire.subscribe(AGENTS)
    const otherId = other.subscribe('ucc/sales/agents')
    await Promise.all([wire.frame('snapshot'), other.frame('snapshot')])
    await c.stopUcc('srv1', 'helpdesk', { announce })
    const before = wire.frames.length
    c.publish(AGENTS, { key: 'a2', data: 2 })
    c.publish('ucc/sales/agents', { key: 's1', data: 1 })
    await until(() => other.seqs(otherId).length === 1, 'the unharmed UCC')
    const beats = (): Frame[] => wire.frames.slice(before).filter((frame) => frame.type === 'heartbeat')
    await until(() => beats().length >= 2, 'two beats')
    expect(beats()[1]?.['state']).toBe(expected.beat)
    expect(wire.seqs(id)).toEqual([])
    const status = wire.frames.find((frame) => frame.type === 'status')
    expect(status?.['state']).toBe(expected.status)
    const { status: code, body } = await ready(urlOf(c, 'srv1'))
    expect([code, body['state']]).toEqual([expected.readiness === running ? 200 : 503, expected.readiness])
    const web = await fetch(`${urlOf(c, 'srv1')}/api/ucc/helpdesk/agents`)
    expect([web.status, web.headers.get('x-server')]).toEqual([200, 'srv1'])
    expect(await web.json()).toMatchObject({ items: [] })

    const again = wire.subscribe(AGENTS)
    if (expected.subscribes) {
      const shown = await wire.frame('snapshot', (frame) => frame['id'] === again)
      expect(shown['items']).toMatchObject([{ key: 'a1' }])
    } else {
      const reject = await wire.frame('reject', (frame) => frame['id'] === again)
      expect(reject['code']).toBe('not-running')
    }
    const command = wire.command('echo', 1, `K-${announce}`)
    if (announce !== 'silent') {
      expect(await wire.result(command)).toMatchObject({ status: 'rejected', error: { code: 'not-running' } })
    }
    expect(c.ledger.executions(`K-${announce}`)).toEqual([])

    await c.startUcc('srv1', 'helpdesk')
    await until(() => wire.seqs(id).at(-1) === 2, 'what was missed')
    expect(wire.of(id, 'subscribed').at(-1)).toMatchObject({ recovered: true })
    expect(wire.frames.find((frame) => frame.type === 'status' && frame['term'] === 2)).toMatchObject({
      state: running,
    })
    expect(wire.seqs(id).filter((seq) => seq === 2).length).toBe(1)
  })
})

test('hang: connections are accepted and stay open, nothing is answered, until unhang', async () => {
  const c = await start()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  await c.hang('srv1')
  expect(c.server('srv1').frozen).toBe(true)
  const { address, port } = c.server('srv1')
  const socket = connect(port, address)
  await until(() => !socket.connecting, 'the TCP handshake')
  socket.destroy()
  await expect(fetch(`${urlOf(c, 'srv1')}/api/whoami`, { signal: AbortSignal.timeout(150) })).rejects.toThrow()
  const heard = wire.frames.length
  wire.send({ type: 'ping', n: 7 })
  expect((await ready(urlOf(c, 'srv2'))).status).toBe(200)
  expect(wire.frames.length).toBe(heard)
  await c.unhang('srv1')
  expect(await wire.frame('pong')).toMatchObject({ n: 7 })
  expect((await ready(urlOf(c, 'srv1'))).status).toBe(200)
})

test('reset: every connection breaks, the server lives on', async () => {
  const c = await start()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  let failure: NodeJS.ErrnoException | undefined
  const { address, port } = c.server('srv1')
  const raw = connect(port, address)
  raw.on('error', (error) => (failure = error))
  await until(
    () =>
      !raw.connecting &&
      c
        .server('srv1')
        .dials()
        .filter((dial) => dial.kind === 'tcp').length === 2,
    'it',
  )
  await c.reset('srv1')
  await until(() => wire.closed !== undefined && failure, 'the resets')
  expect(failure?.code).toBe('ECONNRESET')
  expect(wire.closed?.code).toBe(1006)
  expect((await ready(urlOf(c, 'srv1'))).status).toBe(200)
})

test('slow: answers and frames come later, in order', async () => {
  const c = await start()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  await c.slow('srv1', { delayMs: 200 })
  const at = performance.now()
  for (let n = 1; n <= 5; n += 1) wire.send({ type: 'ping', n })
  const answer = fetch(`${urlOf(c, 'srv1')}/api/whoami`)
  await wire.frame('pong', (frame) => frame['n'] === 5)
  expect(performance.now() - at).toBeGreaterThan(190)
  await answer
  expect(performance.now() - at).toBeGreaterThan(190)
  const pongs = wire.frames.filter((frame) => frame.type === 'pong')
  expect(pongs.map((frame) => frame['n'])).toEqual([1, 2, 3, 4, 5])
})

test('promote: the new server gets a term above all others, the old one is fenced, dead or alive', async () => {
  const c = await start({ standby: 'starting' })
  const old = await Wire.open(urlOf(c, 'srv1'))
  const fresh = await Wire.open(urlOf(c, 'srv2'))
  expect(await fresh.frame('welcome')).toMatchObject({ state: 'starting' })
  const early = fresh.subscribe(AGENTS)
  expect(await fresh.frame('reject')).toMatchObject({ id: early, code: 'not-running' })
  await c.promote('srv2')
  expect(await fresh.frame('status')).toMatchObject({ state: 'running', term: 2 })
  expect(await old.frame('status')).toMatchObject({ state: 'stopped', term: 1 })
  await c.kill('srv1')
  await c.restart('srv1')
  expect((await ready(urlOf(c, 'srv1'))).body).toMatchObject({ state: 'stopped' })
  await c.promote('srv1', 'helpdesk', { fence: false })
  expect((await ready(urlOf(c, 'srv1'))).body).toMatchObject({ state: 'running', term: 3 })
  expect((await ready(urlOf(c, 'srv2'))).body).toMatchObject({ state: 'running', term: 2 })
  await c.restart('srv2', { startingMs: 200 })
  expect((await ready(urlOf(c, 'srv2'))).body).toMatchObject({ state: 'starting' })
  const back = await Wire.open(urlOf(c, 'srv2'))
  await back.frame('status', (frame) => frame['state'] === 'running')
})

test('drain: goaway, readiness draining, 1001 at the end; a leave is recorded; undrain takes it back', async () => {
  const c = await start()
  const [stays, leaves] = [await Wire.open(urlOf(c, 'srv1')), await Wire.open(urlOf(c, 'srv1'))]
  const id = stays.subscribe(AGENTS)
  await stays.frame('snapshot')
  await c.drain('srv1', { leaveWithinMs: 400, spreadMs: 100, to: 'srv2', reason: 'patch' })
  const expected = { reason: 'patch', leaveWithinMs: 400, spreadMs: 100, to: new URL(urlOf(c, 'srv2')).host }
  expect(await stays.frame('goaway')).toMatchObject(expected)
  expect((await ready(urlOf(c, 'srv1'))).body).toMatchObject({ draining: true, state: 'running' })
  c.publish(AGENTS, { key: 'a', data: 1 })
  await until(() => stays.seqs(id).length === 1, 'an event on the draining connection')
  leaves.send({ type: 'leave', reason: 'drain' })
  leaves.socket.close(1000)
  await until(() => stays.closed, 'the close')
  expect(stays.closed).toEqual({ code: 1001, reason: 'patch' })
  await c.undrain('srv1')
  expect((await ready(urlOf(c, 'srv1'))).body).toMatchObject({ draining: false })
  const records = (): unknown[] =>
    c
      .server('srv1')
      .connections()
      .map(({ left, closeCode }) => [left, closeCode])
  await until(
    () =>
      c
        .server('srv1')
        .connections()
        .every((record) => record.closedAt !== undefined),
    'the records',
  )
  expect(records()).toEqual([
    [undefined, 1001],
    ['drain', 1000],
  ])
})

test('refuse and accept: new connections are refused, old ones live on', async () => {
  const c = await start()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  await c.refuse('srv1')
  const refused = await Wire.dial(urlOf(c, 'srv1'))
  expect(refused.closed?.code).toBe(1006)
  wire.send({ type: 'ping', n: 1 })
  await wire.frame('pong')
  await c.accept('srv1')
  await Wire.open(urlOf(c, 'srv1'))
})

test('goSilent: open but mute and deaf; new connections and HTTP work; what was held back follows', async () => {
  const c = await start()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  await c.goSilent('srv1')
  const heard = wire.frames.length
  wire.send({ type: 'ping', n: 1 })
  const fresh = await Wire.open(urlOf(c, 'srv1'))
  await fresh.frame('heartbeat')
  expect((await ready(urlOf(c, 'srv1'))).status).toBe(200)
  expect(wire.frames.length).toBe(heard)
  expect(wire.closed).toBeUndefined()
  await c.goSilent('srv1', false)
  await wire.frame('pong')
})

test('hostile answers: raw frames, foreign readiness, refusals, close codes', async () => {
  const c = await start()
  const url = urlOf(c, 'srv1')
  const texts: string[] = []
  const wire = await Wire.open(url)
  wire.socket.removeAllListeners('message')
  wire.socket.on('message', (data: Buffer) => texts.push(data.toString()))
  await c.sendRaw('srv1', '{broken')
  await until(() => texts.includes('{broken'), 'the raw text')
  await c.serveReadiness('srv1', { status: 200, contentType: 'text/html', body: '<h1>Sign in</h1>' })
  expect(await (await fetch(`${url}/failover/ready`)).text()).toContain('Sign in')
  await c.serveReadiness('srv1', null)
  expect((await ready(url)).status).toBe(200)
  await c.rejectNext('srv1', { code: 'overloaded', retryAfterMs: 700 })
  const refused = await Wire.dial(url)
  refused.send({ type: 'hello', version: 1, client: { id: 'x' } })
  await until(() => refused.closed, 'the refusal')
  expect(refused.frames).toMatchObject([{ type: 'reject', code: 'overloaded', retryAfterMs: 700 }])
  expect(refused.closed?.code).toBe(1013)
  await c.closeAll('srv1', 1012, 'restart')
  await until(() => wire.closed, 'the close')
  expect(wire.closed).toEqual({ code: 1012, reason: 'restart' })
})

test.each([
  [{ type: 'subscribe', id: 1, topic: AGENTS }, 'invalid', 4400],
  [{ type: 'hello', version: 2, client: { id: 'x' } }, 'unsupported-version', 4400],
  [{ type: 'hello', version: 1, client: { id: 'x' }, ucc: 'none' }, 'unknown-ucc', 4404],
  [{ type: 'hello', version: 1, client: { id: 'x' }, token: 'wrong' }, 'unauthorized', 4401],
  [{ type: 'hello', version: 1, client: { id: 'x' }, token: 'not-here' }, 'forbidden', 4403],
])('a first frame that is refused: %j', async (frame, code, closeCode) => {
  const tokens = 'token' in frame ? { tokens: ['right'], forbiddenTokens: ['not-here'] } : {}
  const c = await start(tokens)
  const wire = await Wire.dial(urlOf(c, 'srv1'))
  wire.send(frame)
  await until(() => wire.closed, 'the close')
  expect(wire.frames).toMatchObject([{ type: 'reject', code }])
  expect(wire.closed?.code).toBe(closeCode)
})

test('tokens: on HTTP, in hello, renewed in band, and expiring', async () => {
  const c = await start({ tokens: ['one'], tokenExpiresInMs: 400 })
  const url = urlOf(c, 'srv1')
  expect((await fetch(`${url}/api/whoami`)).status).toBe(401)
  expect((await fetch(`${url}/failover/command`, { method: 'POST', body: '{}' })).status).toBe(401)
  expect((await fetch(`${url}/api/whoami`, { headers: { Authorization: 'Bearer one' } })).status).toBe(200)
  expect((await ready(url)).status).toBe(200)
  const wire = await Wire.open(url, { token: 'one' })
  expect(await wire.frame('welcome')).toMatchObject({ tokenExpiresInMs: 400 })
  await until(() => wire.closed, 'the expiry')
  expect(wire.closed?.code).toBe(4401)
  await c.server('srv1').setTokens(['two'])
  const renewed = await Wire.open(url, { token: 'two' })
  renewed.send({ type: 'authorize', token: 'one' })
  await until(() => renewed.closed, 'the refusal')
  expect(renewed.frames.at(-1)).toMatchObject({ type: 'reject', code: 'unauthorized' })
  const seen = c
    .server('srv1')
    .tokensSeen()
    .map(({ token, where }) => `${where} ${token}`)
  expect(seen).toEqual(['header one', 'hello one', 'hello two', 'authorize one'])
  expect(c.server('srv2').tokensSeen()).toEqual([])
  expect(
    c
      .server('srv1')
      .requests()
      .filter((request) => request.headers['authorization'] !== undefined).length,
  ).toBe(1)
})

test('the same frames without WebSocket: events and commands by POST', async () => {
  const c = await start({ refuseUpgrades: true })
  const url = urlOf(c, 'srv1')
  c.publish(AGENTS, { key: 'a1', data: 1 })
  await c.sync()
  const noUpgrade = await Wire.dial(url)
  expect(noUpgrade.closed?.code).toBe(1006)
  const frames: Frame[] = []
  const abort = new AbortController()
  const hello = { type: 'hello', version: 1, client: { id: 'sse' } }
  const reading = readEvents(url, [hello, { type: 'subscribe', id: 1, topic: AGENTS }], frames, abort.signal)
  await until(() => frames.some((frame) => frame.type === 'heartbeat'), 'a beat')
  expect(frames.slice(0, 3).map((frame) => frame.type)).toEqual(['welcome', 'subscribed', 'snapshot'])
  c.publish(AGENTS, { key: 'a2', data: 2 })
  await until(() => frames.find((frame) => frame.type === 'event'), 'an event')
  const command = { type: 'command', id: 1, name: 'echo', args: { x: 1 }, key: 'S1', client: { id: 'sse' } }
  const post = (ucc: string): Promise<Response> =>
    fetch(`${url}/failover/command?ucc=${ucc}`, { method: 'POST', body: JSON.stringify(command) })
  expect(await (await post('helpdesk')).json()).toMatchObject({ type: 'result', id: 1, status: 'done', data: { x: 1 } })
  expect(await (await post('helpdesk')).json()).toMatchObject({ type: 'result', status: 'duplicate', data: { x: 1 } })
  expect((await post('none')).status).toBe(404)
  abort.abort()
  await reading
  await until(() => c.server('srv1').connections()[0]?.closedAt, 'the end of the stream')
  expect(c.server('srv1').connections()).toMatchObject([{ transport: 'events', client: 'sse', topics: [AGENTS] }])

  const refused: Frame[] = []
  await readEvents(url, [{ ...hello, ucc: 'none' }], refused, AbortSignal.timeout(5000))
  expect(refused).toMatchObject([{ type: 'reject', code: 'unknown-ucc' }])
})

test('an application beside the contract: requests, plain event streams, plain WebSockets', async () => {
  const c = await start({ basePath: '/base' })
  const url = urlOf(c, 'srv1')
  expect(url).toMatch(/^http:\/\/127\.\d+\.\d+\.1:\d+\/base$/)
  const action = await fetch(`${url}/api/ucc/helpdesk/actions`, {
    method: 'POST',
    body: 'login',
    headers: { 'Idempotency-Key': 'H1' },
  })
  expect(await action.json()).toMatchObject({ server: 'srv1', n: 1, status: 'done' })
  expect(c.ledger.executions('H1')).toMatchObject([{ kind: 'http', args: 'login', ucc: 'helpdesk' }])
  const busy = await fetch(`${url}/api/status/503?retryAfter=3`)
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '3'])
  const moved = await fetch(`${url}/api/redirect?to=${encodeURIComponent(c.endpoints[1] ?? '')}`, {
    redirect: 'manual',
  })
  expect([moved.status, moved.headers.get('location')]).toEqual([302, c.endpoints[1]])

  c.publish('plain/log', { key: 'm1', data: 1 })
  c.publish('plain/log', { key: 'm2', data: 2 })
  await c.sync()
  const abort = new AbortController()
  const plain = await fetch(`${url}/events/plain`, { headers: { 'Last-Event-ID': 'shared.1/1' }, signal: abort.signal })
  let text = ''
  const reading = collect(plain, (chunk) => (text += chunk))
  await until(() => text.includes('"m2"'), 'the event after the position')
  expect(text).toContain('id: shared.1/2\n')
  expect(text).not.toContain('"m1"')
  abort.abort()
  await reading

  const echo = new WebSocket(`${url.replace('http', 'ws')}/ws/echo?greet`)
  const said: string[] = []
  echo.on('message', (data: Buffer) => said.push(data.toString()))
  await until(() => echo.readyState === WebSocket.OPEN, 'the handshake')
  echo.send('hello')
  await until(() => said.length === 2, 'the echo')
  expect(said).toEqual(['{"server":"srv1"}', 'hello'])
  echo.terminate()
})

test('frames: too large ends with 1009, no JSON with 4400, unknown types and ids that fall are survived', async () => {
  const c = await start()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  wire.send({ type: 'from-the-future' })
  wire.send({ type: 'subscribe', id: 5, topic: AGENTS })
  wire.send({ type: 'subscribe', id: 5, topic: AGENTS })
  wire.send({ type: 'subscribe', id: 6, topic: 'ucc/sales/agents' })
  expect(await wire.frame('reject', (frame) => frame['id'] === 6)).toMatchObject({ code: 'unknown-topic' })
  expect(await wire.frame('reject')).toMatchObject({ id: 5, code: 'invalid' })
  expect(wire.closed).toBeUndefined()
  wire.socket.send('{')
  await until(() => wire.closed, 'the close')
  expect(wire.closed?.code).toBe(4400)
  const large = await Wire.open(urlOf(c, 'srv1'))
  large.socket.send('x'.repeat(1_048_577))
  await until(() => large.closed, 'the close')
  expect(large.closed?.code).toBe(1009)
})

test('ephemeral topics have no positions and no replay; a resync repeats subscribed for a live id', async () => {
  const c = await start()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  c.publish('chat/1/typing', { key: 'anna', data: true })
  await c.sync()
  const typing = wire.subscribe('chat/1/typing')
  const agents = wire.subscribe(AGENTS)
  await wire.frame('snapshot')
  c.publish('chat/1/typing', { key: 'bob', data: true })
  const event = await wire.frame('event')
  expect(event).toMatchObject({ id: typing, op: 'upsert', key: 'bob' })
  expect('seq' in event).toBe(false)
  expect(wire.of(typing, 'subscribed')).toMatchObject([{ kind: 'ephemeral' }])
  await c.resync('srv1', AGENTS)
  await until(() => wire.of(agents, 'snapshot').length === 2, 'the second snapshot')
  expect(wire.of(agents, 'subscribed').at(-1)).toMatchObject({ recovered: false })
})

test('a client that reads too slowly is resynchronised, not flooded', async () => {
  const c = await start()
  const wire = await Wire.open(urlOf(c, 'srv1'))
  const id = wire.subscribe(AGENTS)
  await wire.frame('snapshot')
  wire.socket.pause()
  const data = 'x'.repeat(100_000)
  const all = await c.generate({
    topic: AGENTS,
    perSecond: 2000,
    count: 300,
    change: (n) => ({ key: `a${n % 5}`, data }),
  }).finished
  await c.sync()
  wire.socket.resume()
  await until(() => wire.of(id, 'snapshot').length > 1, 'the resync')
  expect(wire.of(id, 'subscribed').at(-1)).toMatchObject({ recovered: false })
  expect(wire.of(id, 'snapshot').at(-1)?.['cursor']).toMatchObject({ seq: all.length })
  expect(wire.seqs(id).length).toBeLessThan(all.length)
})

test('what is announced can be changed, and an even pace is kept', async () => {
  const c = await start({ announcedClients: 5000, spreadMs: 900 })
  const wire = await Wire.open(urlOf(c, 'srv1'))
  expect(await wire.frame('welcome')).toMatchObject({ load: { clients: 5000, acceptPerSec: 500 }, spreadMs: 900 })
  await c.announce({ peers: undefined, spreadMs: undefined, clients: undefined, acceptPerSec: 50 })
  const { body } = await ready(urlOf(c, 'srv1'))
  expect(body['peers']).toBeUndefined()
  expect(body['load']).toEqual({ clients: 1, acceptPerSec: 50 })
  const startedAt = performance.now()
  const all = await c.generate({ topic: AGENTS, perSecond: 500, count: 100 }).finished
  const tookMs = performance.now() - startedAt
  expect(all.length).toBe(100)
  expect(tookMs).toBeGreaterThan(190)
  const digest = createHash('sha256')
    .update(JSON.stringify([...c.content(AGENTS)]))
    .digest('hex')
  const seen = await Wire.open(urlOf(c, 'srv2'))
  seen.subscribe(AGENTS)
  const items = (await seen.frame('snapshot'))['items'] as { key: string; data: unknown }[]
  const served = createHash('sha256')
    .update(JSON.stringify(items.map(({ key, data }) => [key, data])))
    .digest('hex')
  expect(served).toBe(digest)
})

async function collect(response: Response, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  try {
    for await (const chunk of response.body ?? []) take(decoder.decode(chunk as Uint8Array, { stream: true }))
  } catch {
    // Aborted by the test.
  }
}

async function readEvents(url: string, body: object[], frames: Frame[], signal: AbortSignal): Promise<void> {
  const response = await fetch(`${url}/failover/events`, { method: 'POST', body: JSON.stringify(body), signal })
  expect(response.headers.get('content-type')).toBe('text/event-stream')
  let text = ''
  await collect(response, (chunk) => {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      frames.push(JSON.parse(text.slice('data: '.length, end)) as Frame)
      text = text.slice(end + 2)
    }
  })
}
