/** Wrong options and arguments, end to end: the error names the option, says what is right, and nothing is started. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  createFailoverClient,
  createFailoverDirectory,
  httpProbe,
  isFailoverError,
  logTopic,
  topologyDocument,
  type FailoverClient,
  type FailoverDirectory,
} from 'failover-client'
import { fileStore, nodePlatform, tcpProbe } from 'failover-client/node'
import { onCleanup, until } from '../support/harness'

/** `[what, options, field, words that must be in the message]` */
type Row = readonly [what: string, value: unknown, field: string, says: RegExp]

const BASE = { hostname: 'http://127.0.0.1:9' }
const with_ = (more: object): object => ({ ...BASE, ...more })
const ring: { self?: unknown } = {}
ring.self = ring

const CLIENT_ROWS: readonly Row[] = [
  ['no options', undefined, 'options', /object/],
  ['null', null, 'options', /object/],
  ['a text', 'srv1.contoso.com', 'options', /object/],
  ['no hostname', {}, 'hostname', /required/],
  ['an empty hostname', { hostname: '' }, 'hostname', /host name|must/],
  ['a hostname with credentials', { hostname: 'https://me:pw@contoso.com' }, 'hostname', /credentials/],
  ['a ws hostname', { hostname: 'wss://contoso.com' }, 'hostname', /https:\/\//],
  ['a hostname with a query', { hostname: 'https://contoso.com?a=1' }, 'hostname', /query/],
  ['a wildcard', { hostname: '*.contoso.com' }, 'hostname', /wildcard/],
  ['an unknown option', with_({ hostnames: 'x' }), 'hostnames', /hostname/],
  ['a misspelt option', with_({ tokn: 'x' }), 'tokn', /token/],
  ['an option in the wrong place', with_({ timeoutMs: 5 }), 'timeoutMs', /health|connect|requests/],
  ['endpoints that are no array', with_({ endpoints: 'srv1' }), 'endpoints', /array/],
  ['no endpoint at all', with_({ endpoints: [] }), 'endpoints', /at least one|empty/],
  [
    'an endpoint twice',
    with_({ endpoints: ['http://127.0.0.1:9', 'http://127.0.0.1:9/'] }),
    'endpoints[1]',
    /same|twice|already|once/,
  ],
  [
    'an endpoint with an unknown member',
    with_({ endpoints: [{ url: 'http://127.0.0.1:9', ranks: 1 }] }),
    'endpoints[0].ranks',
    /rank/,
  ],
  [
    'an endpoint with a name for an address',
    with_({ endpoints: [{ url: 'http://127.0.0.1:9', address: 'srv1' }] }),
    'endpoints[0].address',
    /IP/,
  ],
  ['allowedHosts with a URL', with_({ allowedHosts: ['https://x.contoso.com'] }), 'allowedHosts[0]', /name/],
  ['an empty ucc', with_({ ucc: '' }), 'ucc', /text|empty/],
  ['a token with a line break', with_({ token: 'a\nb' }), 'token', /header|character|line/],
  ['a token that is a number', with_({ token: 5 }), 'token', /text, or a function/],
  ['a priority', with_({ priority: 'high' }), 'priority', /interactive.*agent.*board.*visitor/],
  ['a resolver', with_({ resolver: 'dns' }), 'resolver', /topologyDocument/],
  ['a resolver without a name', with_({ resolver: [{ resolve: () => [] }] }), 'resolver[0].name', /text/],
  [
    'an http document for an https hostname',
    { hostname: 'contoso.com', resolver: topologyDocument('http://x.contoso.com/t') },
    'resolver',
    /https/,
  ],
  ['a hook that is no function', with_({ restoreSession: {} }), 'restoreSession', /function/],
  ['canMove', with_({ canMove: true }), 'canMove', /function/],
  ['a hot standby', with_({ standby: 'hot' }), 'standby', /reserved/],
  ['a store', with_({ store: {} }), 'store', /load.*save/],
  ['a platform', with_({ platform: {} }), 'platform', /nodePlatform/],
  ['a client identity', with_({ client: { id: 5 } }), 'client.id', /text/],
  ['a negative time', with_({ health: { timeoutMs: -1 } }), 'health.timeoutMs', /milliseconds|number/],
  ['a time as a text', with_({ connect: { timeoutMs: '5s' } }), 'connect.timeoutMs', /milliseconds|number/],
  ['NaN', with_({ failover: { spreadMs: NaN } }), 'failover.spreadMs', /milliseconds|number/],
  ['a heartbeat below the contract', with_({ detection: { heartbeatMs: 10 } }), 'detection.heartbeatMs', /500/],
  [
    'slack upside down',
    with_({ detection: { minSlackMs: 900, maxSlackMs: 300 } }),
    'detection.maxSlackMs',
    /minSlackMs/,
  ],
  ['a path without a slash', with_({ health: { path: 'ready' } }), 'health.path', /"?\//],
  ['a probe', with_({ health: { probe: 'tcp' } }), 'health.probe', /readinessProbe|function/],
  ['a mode', with_({ failback: { mode: 'never' } }), 'failback.mode', /automatic.*manual/],
  ['a fraction of retries', with_({ requests: { maxRetries: 1.5 } }), 'requests.maxRetries', /integer|whole/],
  ['methods', with_({ retry: { methods: 'GET' } }), 'retry.methods', /array/],
  ['a flag', with_({ commands: { sharedKeys: 'yes' } }), 'commands.sharedKeys', /true or false|boolean/],
  ['a frame limit below a welcome', with_({ streams: { maxFrameBytes: 10 } }), 'streams.maxFrameBytes', /1024/],
  ['a misspelt tuning option', with_({ breaker: { consecutiv: 3 } }), 'breaker.consecutiv', /consecutive/],
  ['a group that is no object', with_({ streams: 5 }), 'streams', /object/],
]

const DIRECTORY_ROWS: readonly Row[] = [
  ['no pools', {}, 'pools', /required/],
  ['no pool', { pools: [] }, 'pools', /at least one/],
  ['a pool without hostname', { pools: [{ uccs: ['a'] }] }, 'pools[0].hostname', /required/],
  ['a pool without UCCs', { pools: [BASE] }, 'pools[0].uccs', /at least one/],
  [
    'a UCC in two pools',
    {
      pools: [
        { ...BASE, uccs: ['a'] },
        { hostname: 'http://127.0.0.2:9', uccs: ['a'] },
      ],
    },
    'pools[1].uccs[0]',
    /once/,
  ],
  [
    'a hostname in two pools',
    {
      pools: [
        { ...BASE, uccs: ['a'] },
        { ...BASE, uccs: ['b'] },
      ],
    },
    'pools[1].hostname',
    /one pool/,
  ],
  ['a shared option in a pool', { pools: [{ ...BASE, uccs: ['a'], token: 'x' }] }, 'pools[0].token', /directory/],
  ['a pool option outside', { pools: [{ ...BASE, uccs: ['a'] }], ucc: 'a' }, 'ucc', /uccs/],
]

const CALL_ROWS: readonly (readonly [string, (client: FailoverClient) => unknown, string, RegExp])[] = [
  ['subscribe()', (client) => client.subscribe(undefined as never), 'topic', /stateTopic/],
  ['subscribe("")', (client) => client.subscribe(''), 'topic', /text|empty/],
  [
    'subscribe with a kind',
    (client) => client.subscribe({ name: 'x', kind: 'list' as never }),
    'topic.kind',
    /state.*log.*ephemeral/,
  ],
  ['subscribe, unknown option', (client) => client.subscribe('x', { cursors: 1 } as never), 'cursors', /cursor/],
  ['subscribe, cursor', (client) => client.subscribe('x', { cursor: { epoch: 'e', seq: -1 } }), 'cursor', /seq/],
  ['subscribe, maxBuffered', (client) => client.subscribe('x', { maxBuffered: 0 }), 'maxBuffered', /1/],
  [
    'subscribe, freshWithinMs',
    (client) => client.subscribe('x', { freshWithinMs: 'soon' as never }),
    'freshWithinMs',
    /number|milliseconds/,
  ],
  ['subscribe, signal', (client) => client.subscribe('x', { signal: {} as never }), 'signal', /AbortSignal/],
  ['logTopic', () => logTopic('x', { parse: 'json' as never }), 'parse', /function/],
  ['command()', (client) => client.command(undefined as never), 'name', /text/],
  [
    'command, safety',
    (client) => client.command('x', {}, { safety: 'safe' as never }),
    'safety',
    /read.*set.*keyed.*claim.*effect/,
  ],
  ['command, args', (client) => client.command('x', ring), 'args', /JSON/],
  ['command, bigint', (client) => client.command('x', { n: 1n }), 'args', /JSON/],
  ['command, deadlineMs', (client) => client.command('x', {}, { deadlineMs: -5 }), 'deadlineMs', /number|milliseconds/],
  [
    'command, unknown option',
    (client) => client.command('x', {}, { timeout: 5 } as never),
    'timeout',
    /deadlineMs|one of|known|option/,
  ],
  ['switchover, to', (client) => client.switchover({ to: 'nobody' }), 'to', /known/],
  ['switchover, hold', (client) => client.switchover({ hold: 1 as never }), 'hold', /true or false|boolean/],
  ['switchover, unknown option', (client) => client.switchover({ too: 'x' } as never), 'too', /to/],
  ['ready, timeoutMs', (client) => client.ready({ timeoutMs: 'x' as never }), 'timeoutMs', /number|milliseconds/],
  ['ready, signal', (client) => client.ready({ signal: 5 as never }), 'signal', /AbortSignal/],
  ['notify', (client) => client.notify('sleep' as never), 'signal', /suspend.*resume.*online.*offline/],
  ['on, name', (client) => client.on('failOver' as never, () => undefined), 'name', /failover/],
  ['on, listener', (client) => client.on('failover', undefined as never), 'listener', /function/],
  ['once, name', (client) => client.once('x' as never, () => undefined), 'name', /stateChange/],
  ['off, name', (client) => client.off(5 as never, () => undefined), 'name', /stateChange/],
  ['url, path', (client) => client.url(5 as never), 'path', /text/],
  ['url, scheme', (client) => client.url('/x', 'wss' as never), 'scheme', /http/],
  ['topologyDocument', () => topologyDocument('ftp://x'), 'url', /http/],
  ['httpProbe', () => httpProbe({ path: 'x' }), 'path', /\//],
  ['tcpProbe', () => tcpProbe({ port: 70_000 }), 'port', /65535/],
  ['fileStore', () => fileStore(''), 'folder', /path/],
]

/** The error that a call throws or rejects with. */
async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return undefined
}

function expectInvalid(error: unknown, field: string, says: RegExp): void {
  expect(isFailoverError(error, 'INVALID_OPTION'), `${field}: ${String(error)}`).toBe(true)
  const { message, fields } = error as { message: string; fields: { field?: string } }
  expect(fields.field).toBe(field)
  expect(message).toMatch(says)
  // The name for people, too, and no stack of checks.
  expect(message).toContain(field.split('.').at(-1) ?? field)
}

describe('createFailoverClient', () => {
  let before: readonly string[]
  beforeEach(() => void (before = process.getActiveResourcesInfo()))
  // Whatever was refused has started nothing.
  afterEach(() => expect(process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before.length))

  it.each(CLIENT_ROWS)('refuses %s', async (_what, options, field, says) => {
    expectInvalid(await errorOf(() => createFailoverClient(options as never)), field, says)
  })

  it.each(DIRECTORY_ROWS)('as a directory refuses %s', async (_what, options, field, says) => {
    expectInvalid(await errorOf(() => createFailoverDirectory(options as never)), field, says)
  })

  it('does not quote the token or a password in its errors', async () => {
    for (const options of [
      with_({ token: 'secret-token\n' }),
      { hostname: 'https://user:secret-token@contoso.com' },
      with_({ endpoints: ['https://user:secret-token@contoso.com'] }),
    ]) {
      const error = await errorOf(() => createFailoverClient(options as never))
      expect(isFailoverError(error, 'INVALID_OPTION')).toBe(true)
      expect(`${String(error)} ${JSON.stringify((error as { fields: object }).fields)}`).not.toContain('secret-token')
    }
  })
})

describe('a client', () => {
  let client: FailoverClient
  beforeEach(() => {
    client = createFailoverClient(BASE)
    onCleanup(() => client.close())
  })

  it.each(CALL_ROWS)('refuses %s', async (_what, call, field, says) => {
    expectInvalid(await errorOf(() => call(client)), field, says)
  })

  it('refuses a UCC of no pool and a base path in its directory', async () => {
    const directory: FailoverDirectory = createFailoverDirectory({ pools: [{ ...BASE, uccs: ['helpdesk'] }] })
    onCleanup(() => directory.close())
    expectInvalid(await errorOf(() => directory.client('helpdesc')), 'ucc', /helpdesk/)
    expectInvalid(await errorOf(() => directory.client('helpdesk', { basePath: 'x' })), 'basePath', /\//)
    expectInvalid(await errorOf(() => directory.client('helpdesk', { path: '/x' } as never)), 'path', /basePath/)
    expect(directory.clients).toEqual([])
  })

  it('throws the same before and after close for wrong arguments, and CLIENT_CLOSED for right ones', async () => {
    await client.close()
    for (const [what, call, field, says] of CALL_ROWS) {
      const error = await errorOf(() => call(client))
      const isClosed = isFailoverError(error, 'CLIENT_CLOSED')
      if (!isClosed) expectInvalid(error, field, says)
      expect(error, what).toBeDefined()
    }
    const right: (() => unknown)[] = [
      () => client.subscribe('x'),
      () => client.command('x'),
      () => client.fetch('/x'),
      () => client.ready(),
      () => client.switchover(),
      () => client.failback(),
      () => client.notify('online'),
      () => client.url('/x'),
    ]
    for (const call of right) expect(isFailoverError(await errorOf(call), 'CLIENT_CLOSED'), String(call)).toBe(true)
    expect(client.state).toBe('closed')
    expect(client.diagnostics().state).toBe('closed')
  })
})

it('nothing is asked and nothing is left alive after a refused construction', async () => {
  let asked = 0
  const server = createServer((_request, response) => {
    asked += 1
    response.end('{}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const hostname = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const platform = nodePlatform()
  onCleanup(() => Promise.resolve(platform.close()))
  let called = 0
  const call = (): never => {
    called += 1
    throw new Error('called')
  }
  const store = { load: call, save: call }
  const resolver = { name: 'mine', resolve: call }
  const hooks = {
    hostname,
    platform,
    store,
    resolver,
    token: call,
    priority: call,
    restoreSession: call,
    canMove: call,
  }
  const before = process.getActiveResourcesInfo()
  for (let count = 0; count < 50; count += 1) {
    expect(() => createFailoverClient({ ...hooks, standby: 'lukewarm' as never })).toThrow(/standby/)
  }
  // A request of a good client arrives, so one of a refused client would have.
  const good = createFailoverClient({ hostname })
  await until('the good one asks', () => asked > 0, 9000)
  await good.close()
  await until(
    'nothing is left',
    () => process.getActiveResourcesInfo().filter((name) => name !== 'TCPSocketWrap').length <= before.length,
    3000,
    () => process.getActiveResourcesInfo(),
  )
  expect(called).toBe(0)
})
