/** `ready`, `url`, `diagnostics` and `close`: what ends how, within a second, and nothing is left alive. */
import { describe, expect, it } from 'vitest'
import { createFailoverClient, isFailoverError, type FailoverClient, type FailoverClientOptions } from 'failover-client'
import { connect as connectTcp } from 'node:net'
import { onCleanup, reportTimes, startHarness, until } from '../support/harness'

const FAST: Partial<FailoverClientOptions> = { failover: { spreadMs: 0 } }

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

function codeOf(error: unknown): string | undefined {
  const { code, cause } = error as { code?: string; cause?: { code?: string } }
  return code ?? cause?.code
}

async function closeTimed(client: FailoverClient, what: string): Promise<void> {
  const started = performance.now()
  await client.close()
  const tookMs = performance.now() - started
  reportTimes(`close() ${what}`, [tookMs])
  expect(tookMs).toBeLessThan(1000)
}

describe('ready', () => {
  it('resolves when a candidate is known; at once when it is; each call for itself', async () => {
    const { connect } = await startHarness()
    const { client } = connect(FAST)
    await Promise.all([client.ready(), client.ready({ timeoutMs: 9000 })])
    expect(client.state).toBe('connected')
    await client.ready({ timeoutMs: 0 })
  })

  it('rejects after timeoutMs with the reason, and with the signal’s reason on abort', async () => {
    const { connect } = await startHarness({ uccs: { helpdesk: { running: [] } } })
    const { client } = connect(FAST)
    await until('offline', () => client.state === 'offline', 9000)
    const started = performance.now()
    const error = await failureOf(client.ready({ timeoutMs: 300 }))
    expect(performance.now() - started).toBeGreaterThanOrEqual(295)
    expect(isFailoverError(error, 'NO_ENDPOINT_AVAILABLE')).toBe(true)
    expect(String(error)).toMatch(/offline: starting/)
    const controller = new AbortController()
    const pending = failureOf(client.ready({ signal: controller.signal }))
    controller.abort(new Error('enough'))
    expect(await pending).toMatchObject({ message: 'enough' })
    expect(await failureOf(client.ready({ signal: AbortSignal.abort('before') }))).toBe('before')
  })
})

describe('url', () => {
  it('is at the dedicated hostname first, then at the active endpoint, for http and ws', async () => {
    const { cluster, connect } = await startHarness({ basePath: '/base' })
    const { client } = connect(FAST)
    expect(client.url('/api/x?y=1')).toBe(`${cluster.hostname}/api/x?y=1`)
    await client.ready({ timeoutMs: 9000 })
    await cluster.kill('srv1')
    await until('the other is active', () => client.active?.server === 'srv2', 9000)
    expect(client.url('/api/x')).toBe(`${cluster.endpoints[1] ?? ''}/api/x`)
    expect(client.url('api/x')).toBe(`${cluster.endpoints[1] ?? ''}/api/x`)
    expect(client.url('/ws/echo', 'ws')).toBe(`${(cluster.endpoints[1] ?? '').replace('http', 'ws')}/ws/echo`)
    expect((await fetch(client.url('/api/whoami'))).status).toBe(200)
  })
})

describe('diagnostics', () => {
  it('are JSON of everything but tokens and payloads', async () => {
    const { cluster, connect } = await startHarness({ tokens: ['secret-token'] })
    const { client, events } = connect({ ...FAST, token: () => 'secret-token' })
    const agents = client.subscribe('ucc/helpdesk/agents')
    cluster.publish('ucc/helpdesk/agents', { key: 'secret-key', data: 'secret-payload' })
    await until('it is live', () => agents.view.has('secret-key'), 9000)
    await client.command('echo', { secret: 'secret-payload' })
    await client.fetch('/api/whoami?token=secret-token')
    await cluster.kill('srv1')
    await until('the failover', () => events.failover.length === 1, 9000)
    const text = JSON.stringify(client.diagnostics())
    expect(JSON.parse(text)).toMatchObject({
      platform: 'node',
      hostname: cluster.hostname,
      ucc: 'helpdesk',
      state: 'connected',
      active: client.active?.id,
      subscriptions: [{ topic: 'ucc/helpdesk/agents', state: 'live' }],
      pendingCommands: 0,
    })
    expect(text).not.toMatch(/secret-(token|payload|key)/)
    expect(client.decisions().length).toBeGreaterThan(3)
    expect(client.decisions().length).toBeLessThanOrEqual(200)
  })
})

describe('close', () => {
  it('ends everything as the API says, within a second, and leaves nothing alive', async () => {
    const { cluster, connect } = await startHarness({ commandDelayMs: 3000 })
    const before = process.getActiveResourcesInfo().length
    const { client, events } = connect(FAST)
    const agents = client.subscribe('ucc/helpdesk/agents')
    const log = client.subscribe('chat/1')
    await until('both are live', () => agents.state === 'live' && log.state === 'live', 9000)
    const loop = (async () => {
      let count = 0
      for await (const _change of log) count += 1
      return count
    })()
    const sent = failureOf(client.command('echo', 1))
    await until('it was executed', () => cluster.ledger.all().length === 1, 3000)
    const post = failureOf(client.fetch('/api/ucc/helpdesk/actions', { method: 'POST', body: 'x' }))
    const get = failureOf(client.fetch('/api/slow?ms=5000'))
    await until('the POST was executed', () => cluster.ledger.all().length === 2, 3000)
    const socket = new client.WebSocket(client.url('/ws/echo', 'ws'))
    const socketEvents: string[] = []
    await new Promise((resolve) => (socket.onopen = resolve))
    socket.onclose = ({ code }) => socketEvents.push(`close ${code}`)
    const source = new client.EventSource('/events/plain?topic=chat/1')
    await new Promise((resolve) => (source.onopen = resolve))
    await closeTimed(client, 'with everything in use')
    expect(codeOf(await sent)).toBe('OUTCOME_UNKNOWN')
    expect(codeOf(await post)).toBe('OUTCOME_UNKNOWN')
    expect(codeOf(await get)).toBe('CLIENT_CLOSED')
    expect(await loop).toBe(0)
    expect([agents.state, log.state]).toEqual(['closed', 'closed'])
    expect(source.readyState).toBe(2)
    await until('the socket is closed', () => socketEvents.length === 1, 1000)
    expect(client.state).toBe('closed')
    expect(events.stateChange.at(-1)).toMatchObject({ to: 'closed' })
    expect(events.outcomeUnknown.map(({ kind }) => kind).sort()).toEqual(['command', 'request'])
    await client.close()
    const left = (): string[] => process.getActiveResourcesInfo()
    await until('nothing is left', () => left().length <= before, 3000, left)
    const { left: goodbye } = cluster.server('srv1').connections()[0] ?? {}
    expect(goodbye).toBe('closed')
  })

  it('before anything is known: what waits is CLIENT_CLOSED', async () => {
    const { cluster, connect } = await startHarness({ uccs: { helpdesk: { running: [] } } })
    const { client } = connect(FAST)
    const waiting = [
      client.ready(),
      client.command('echo', 1),
      client.command('echo', 2, { safety: 'set' }),
      client.fetch('/api/whoami'),
      client.fetch('/api/ucc/helpdesk/actions', { method: 'POST', body: 'x' }),
    ].map(failureOf)
    const agents = client.subscribe('ucc/helpdesk/agents')
    const loop = agents[Symbol.asyncIterator]().next()
    await until('it is offline', () => client.state === 'offline', 9000)
    await closeTimed(client, 'without a candidate')
    expect((await Promise.all(waiting)).map(codeOf)).toEqual(Array(5).fill('CLIENT_CLOSED'))
    expect(await loop).toMatchObject({ done: true })
    expect(cluster.ledger.all()).toEqual([])
  })

  it('with a server that hangs, a hook that never ends, and a provider and a store that never answer', async () => {
    const { cluster, connect } = await startHarness()
    const signals: AbortSignal[] = []
    const never = ({ signal }: { signal: AbortSignal }): Promise<never> => {
      signals.push(signal)
      return new Promise(() => undefined)
    }
    const stuck = {
      load: () => new Promise<undefined>(() => undefined),
      save: () => new Promise<void>(() => undefined),
    }
    const restoring = connect({ ...FAST, restoreSession: never, store: stuck }).client
    const asking = connect({ ...FAST, token: never }).client
    const live = connect(FAST).client
    const agents = live.subscribe('ucc/helpdesk/agents')
    restoring.subscribe('ucc/helpdesk/agents')
    asking.subscribe('ucc/helpdesk/agents')
    await until('all are under way', () => agents.state === 'live' && signals.length >= 2, 9000)
    await cluster.hang('srv1')
    await Promise.all([
      closeTimed(restoring, 'while restoring, store stuck'),
      closeTimed(asking, 'while asking for a token'),
      closeTimed(live, 'to a hanging server'),
    ])
    expect(signals.every(({ aborted }) => aborted)).toBe(true)
    await cluster.unhang('srv1')
  })

  it('at every moment of a start, also from inside a listener', async () => {
    const { connect } = await startHarness()
    const before = process.getActiveResourcesInfo().length
    const closes: number[] = []
    for (let moment = 0; moment < 40; moment += 1) {
      const { client } = connect(FAST)
      client.subscribe('ucc/helpdesk/agents')
      const deadline = performance.now() + moment
      await until('the moment', () => performance.now() >= deadline, 1000)
      const started = performance.now()
      await client.close()
      closes.push(performance.now() - started)
    }
    reportTimes('close() at any moment of the start', closes)
    expect(Math.max(...closes)).toBeLessThan(1000)
    const { client } = connect(FAST)
    const closed = new Promise<void>((resolve) => {
      client.on('stateChange', ({ to }) => {
        if (to === 'connected') void client.close().then(resolve)
      })
    })
    client.subscribe('ucc/helpdesk/agents')
    await closed
    expect(client.state).toBe('closed')
    const left = (): string[] => process.getActiveResourcesInfo()
    await until('nothing is left', () => left().length <= before, 3000, left)
  })

  it('of a client whose servers are dead, by await using where there is such a thing', async () => {
    const dead = await deadPort()
    const client = createFailoverClient({ hostname: `http://127.0.0.1:${dead}` })
    onCleanup(() => client.close())
    await until('offline', () => client.state === 'offline', 9000)
    expect(client.offlineReason).toBe('servers')
    const dispose = (client as unknown as Record<symbol, (() => Promise<void>) | undefined>)[Symbol.asyncDispose]
    await dispose?.call(client)
    expect(client.state).toBe(dispose === undefined ? 'offline' : 'closed')
  })
})

/** A port of this host where nobody listens. */
async function deadPort(): Promise<number> {
  for (let port = 61_000; port < 62_000; port += 1) {
    const isDead = await new Promise<boolean>((resolve) => {
      const socket = connectTcp(port, '127.0.0.1')
      socket.once('connect', () => (socket.destroy(), resolve(false)))
      socket.once('error', () => resolve(true))
    })
    if (isDead) return port
  }
  throw new Error('no free port')
}
