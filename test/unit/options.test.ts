import { describe, expect, it } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { readPriority, resolveOptions, checkPlatformCan } from '../../src/client/options'
import { TUNING_RULES } from '../../src/client/options-schema'
import { httpProbe, readinessProbe, tcpProbe } from '../../src/client/probes'
import { topologyDocument } from '../../src/client/resolvers'
import type { FailoverError } from '../../src/errors'
import { isFailoverError } from '../../src/errors'
import type { Platform } from '../../src/platform/platform'

const hostname = 'a365web1.contoso.com'

function refusal(options: unknown): FailoverError {
  try {
    resolveOptions(options)
  } catch (error) {
    expect(isFailoverError(error, 'INVALID_OPTION')).toBe(true)
    return error as FailoverError
  }
  throw new Error(`accepted: ${JSON.stringify(options)}`)
}

const methods = (...names: string[]): object => Object.fromEntries(names.map((name) => [name, () => undefined]))

/** Wrong options beside a good hostname, the field blamed, and what the message must say. */
const WRONG: readonly (readonly [options: object, field: string, says: RegExp])[] = [
  // names
  [{ hostnme: 'x' }, 'hostnme', /did you mean hostname\?/],
  [{ endpoint: [] }, 'endpoint', /did you mean endpoints\?/],
  [{ ednpoints: [] }, 'ednpoints', /did you mean endpoints\?/],
  [{ Token: 'x' }, 'Token', /did you mean token\?/],
  [{ resolvers: [] }, 'resolvers', /did you mean resolver\?/],
  [{ allowedHost: [] }, 'allowedHost', /did you mean allowedHosts\?/],
  [{ restore: () => undefined }, 'restore', /did you mean restoreSession\?/],
  [{ heartbeatMs: 1000 }, 'heartbeatMs', /belongs to detection\.heartbeatMs/],
  [{ holdDownMs: 1000 }, 'holdDownMs', /belongs to failback\.holdDownMs/],
  [{ zzz: 1 }, 'zzz', /known are hostname, endpoints/],
  [{ timeoutMs: 1 }, 'timeoutMs', /health\.timeoutMs, connect\.timeoutMs or requests\.timeoutMs/],
  [{ health: { timeout: 1 } }, 'health.timeout', /did you mean health\.timeoutMs\?/],
  [{ health: { maxOpenMs: 1 } }, 'health.maxOpenMs', /belongs to breaker\.maxOpenMs/],
  [{ breaker: { consecutiv: 1 } }, 'breaker.consecutiv', /did you mean breaker\.consecutive\?/],
  [{ 'token\nforged line': 1 }, 'token forged line', /is not an option/],
  [{ failback: { automatic: true } }, 'failback.automatic', /known are mode/],
  [{ client: { nmae: 'x' } }, 'client.nmae', /did you mean client\.name\?/],
  [{ endpoints: [{ uri: 'srv1' }] }, 'endpoints[0].uri', /did you mean endpoints\[0\]\.url\?/],
  [JSON.parse('{"__proto__":{"ucc":"x"}}') as object, '__proto__', /not an option/],
  // hostname
  [{ hostname: undefined }, 'hostname', /is required.*a365web1\.contoso\.com/],
  [{ hostname: '' }, 'hostname', /must not be empty/],
  [{ hostname: '   ' }, 'hostname', /must not be empty/],
  [{ hostname: null }, 'hostname', /must be a host name.*got null/],
  [{ hostname: 5 }, 'hostname', /must be a host name.*got 5/],
  [{ hostname: 'ftp://contoso.com' }, 'hostname', /http or https URL/],
  [{ hostname: 'wss://contoso.com' }, 'hostname', /write https:\/\//],
  [{ hostname: 'ws://contoso.com' }, 'hostname', /write http:\/\//],
  [{ hostname: 'https:/contoso.com' }, 'hostname', /host name or an http or https URL/],
  [{ hostname: 'wss:\\\\contoso.com' }, 'hostname', /host name or an http or https URL/],
  [{ hostname: 'https://https://contoso.com' }, 'hostname', /host name or an http or https URL/],
  [{ hostname: 'https://user:hunter22@contoso.com' }, 'hostname', /must not contain credentials/],
  [{ hostname: 'hunter22@contoso.com' }, 'hostname', /must not contain credentials/],
  [{ hostname: 'https://contoso.com/?a=1' }, 'hostname', /query or fragment/],
  [{ hostname: 'https://contoso.com/#a' }, 'hostname', /query or fragment/],
  [{ hostname: 'a b.contoso.com' }, 'hostname', /must be a host name/],
  [{ hostname: '*.contoso.com' }, 'hostname', /no wildcard/],
  [{ hostname: 'contoso..com' }, 'hostname', /valid host name/],
  [{ hostname: '-a.contoso.com' }, 'hostname', /valid host name/],
  [{ hostname: 'contoso.com:99999' }, 'hostname', /must be a host name/],
  [{ hostname: '10.1' }, 'hostname', /complete IP address/],
  [{ hostname: '12345' }, 'hostname', /complete IP address/],
  // endpoints
  [{ endpoints: 'srv1' }, 'endpoints', /must be an array/],
  [{ endpoints: [] }, 'endpoints', /leave it out/],
  [{ endpoints: [undefined] }, 'endpoints[0]', /must be a name, a URL or/],
  [{ endpoints: Object.assign([], { 1: 'srv2' }) }, 'endpoints[0]', /got undefined/],
  [{ endpoints: [7] }, 'endpoints[0]', /got 7/],
  [{ endpoints: ['srv1', ''] }, 'endpoints[1]', /must not be empty/],
  [{ endpoints: [{}] }, 'endpoints[0].url', /is required/],
  [{ endpoints: [{ url: '' }] }, 'endpoints[0].url', /must not be empty/],
  [{ endpoints: ['srv1', { url: 'gopher://x' }] }, 'endpoints[1].url', /http or https/],
  [{ endpoints: ['http://srv1.contoso.com'] }, 'endpoints[0]', /must be https like the dedicated hostname/],
  [{ endpoints: ['https://u:p@srv1'] }, 'endpoints[0]', /credentials/],
  [{ endpoints: ['srv1', 'SRV1.'] }, 'endpoints[1]', /same endpoint as endpoints\[0\]/],
  [{ endpoints: ['https://srv1', 'https://srv1:443/'] }, 'endpoints[1]', /list each once/],
  [
    {
      endpoints: [
        { url: 'a', name: 'one' },
        { url: 'b', name: 'one' },
      ],
    },
    'endpoints[1].name',
    /must be unique/,
  ],
  [{ endpoints: [{ url: 'srv1', name: '' }] }, 'endpoints[0].name', /1 to 256 characters/],
  [{ endpoints: [{ url: 'srv1', site: ' ams' }] }, 'endpoints[0].site', /blanks at its ends/],
  [{ endpoints: [{ url: 'srv1', rank: -1 }] }, 'endpoints[0].rank', /integer of at least 0.*got -1/],
  [{ endpoints: [{ url: 'srv1', rank: 1.5 }] }, 'endpoints[0].rank', /integer/],
  [{ endpoints: [{ url: 'srv1', rank: '1' }] }, 'endpoints[0].rank', /got "1"/],
  [{ endpoints: [{ url: 'srv1', address: 'srv1.contoso.com' }] }, 'endpoints[0].address', /must be an IP address/],
  [{ endpoints: [{ url: 'srv1', address: '10.0.0.256' }] }, 'endpoints[0].address', /must be an IP address/],
  [{ endpoints: [{ url: 'srv1', address: '10.0.0.2:443' }] }, 'endpoints[0].address', /without port/],
  [{ endpoints: [{ url: 'srv1', address: '10.0.0' }] }, 'endpoints[0].address', /must be an IP address/],
  [{ endpoints: [{ url: 'srv1', address: 10 }] }, 'endpoints[0].address', /got 10/],
  [{ endpoints: [{ url: 'srv1', hostname: 'https://x' }] }, 'endpoints[0].hostname', /without scheme/],
  [{ endpoints: [{ url: 'srv1', hostname: '10.0.0.1' }] }, 'endpoints[0].hostname', /must be a host name/],
  // allowedHosts
  [{ allowedHosts: 'contoso.com' }, 'allowedHosts', /array of host names/],
  [{ allowedHosts: ['https://contoso.com'] }, 'allowedHosts[0]', /without scheme/],
  [{ allowedHosts: ['ok.com', 'contoso.com:443'] }, 'allowedHosts[1]', /port/],
  [{ allowedHosts: ['contoso.com/x'] }, 'allowedHosts[0]', /path/],
  [{ allowedHosts: ['*.contoso.com'] }, 'allowedHosts[0]', /wildcard/],
  [{ allowedHosts: [''] }, 'allowedHosts[0]', /must be a host name/],
  [{ allowedHosts: [/contoso/] }, 'allowedHosts[0]', /must be a host name/],
  // identity and hooks
  [{ ucc: '' }, 'ucc', /1 to 256/],
  [{ ucc: 'help\ndesk' }, 'ucc', /control characters/],
  [{ ucc: 'help\ud800desk' }, 'ucc', /broken/],
  [{ ucc: 7 }, 'ucc', /must be a text/],
  [{ ucc: 'x'.repeat(257) }, 'ucc', /1 to 256/],
  [{ client: 'wallboard' }, 'client', /object with id, name and version/],
  [{ client: { id: '' } }, 'client.id', /1 to 256/],
  [{ client: { version: 2 } }, 'client.version', /must be a text.*got 2/],
  [{ token: '' }, 'token', /must be a token/],
  [{ token: 'Bearer abc' }, 'token', /without the word "Bearer"/],
  [{ token: 42 }, 'token', /a function that gives one; its type is number/],
  [{ token: null }, 'token', /its type is null/],
  [{ priority: 'urgent' }, 'priority', /"interactive", "agent", "board" or "visitor"/],
  [{ priority: 'agents' }, 'priority', /did you mean "agent"/],
  [{ priority: 3 }, 'priority', /got 3/],
  [{ restoreSession: {} }, 'restoreSession', /must be a function/],
  [{ canMove: true }, 'canMove', /must be a function; got true/],
  [{ standby: 'hot' }, 'standby', /"hot" is reserved/],
  [{ standby: 'wram' }, 'standby', /did you mean "warm"/],
  [{ standby: true }, 'standby', /"cold" or "warm"/],
  [{ store: true }, 'store', /must be false or an object with load/],
  [{ store: methods('load') }, 'store', /save\(key, value\)/],
  [{ store: null }, 'store', /got null/],
  [{ platform: {} }, 'platform', /nodePlatform/],
  [{ platform: 'node' }, 'platform', /must be a Platform/],
  [{ resolver: 'dns' }, 'resolver', /topologyDocument\(url\) or an object/],
  [{ resolver: () => undefined }, 'resolver', /got a function/],
  [{ resolver: [methods('resolve')] }, 'resolver[0].name', /must be a text/],
  [{ resolver: { kind: 'topology', name: 'x', url: 'A', pollMs: 60_000 } }, 'resolver', /http or https URL, or a path/],
  [{ resolver: { kind: 'topology', name: 'x', url: '/a' } }, 'resolver.pollMs', /milliseconds/],
  [{ resolver: { kind: 'topology', url: '/a', pollMs: 60_000 } }, 'resolver.name', /must be a text/],
  [{ resolver: { name: 'x', ...methods('resolve'), pollMs: 10 } }, 'resolver.pollMs', /from 1000/],
  [{ resolver: [topologyDocument('http://x.com/t')] }, 'resolver[0]', /https document/],
  // groups
  [{ health: 5 }, 'health', /must be an object with path, probe/],
  [{ health: null }, 'health', /got null/],
  [{ health: [] }, 'health', /got an array/],
  [{ breaker: new Map() }, 'breaker', /must be an object/],
  [{ health: { path: 'failover/ready' } }, 'health.path', /begins with one "\/"/],
  [{ health: { path: '//evil.com/' } }, 'health.path', /begins with one "\/"/],
  [{ health: { path: '/a/../b' } }, 'health.path', /"\.\."/],
  [{ health: { path: '/a/%2e%2E/b' } }, 'health.path', /"\.\."/],
  [{ health: { path: '/a?ucc=1' } }, 'health.path', /query/],
  [{ health: { path: '/a#b' } }, 'health.path', /"#"/],
  [{ health: { path: '/a b' } }, 'health.path', /blanks/],
  [{ health: { probe: readinessProbe } }, 'health.probe', /call the function/],
  [{ health: { probe: 'tcp' } }, 'health.probe', /readinessProbe\(\), httpProbe/],
  [{ health: { timeoutMs: 0 } }, 'health.timeoutMs', /from 1 to 2147483647; got 0/],
  [{ health: { timeoutMs: Number.NaN } }, 'health.timeoutMs', /number of milliseconds.*got NaN/],
  [{ health: { timeoutMs: Number.POSITIVE_INFINITY } }, 'health.timeoutMs', /got Infinity/],
  [{ health: { timeoutMs: '1500' } }, 'health.timeoutMs', /got "1500"/],
  [{ health: { timeoutMs: 10n } }, 'health.timeoutMs', /got 10n/],
  [{ health: { timeoutMs: null } }, 'health.timeoutMs', /got null/],
  [{ health: { timeoutMs: 2 ** 31 } }, 'health.timeoutMs', /to 2147483647/],
  [{ health: { jitter: 1.2 } }, 'health.jitter', /from 0 to 1/],
  [{ health: { fall: 0 } }, 'health.fall', /integer from 1 to 100/],
  [{ health: { rise: 2.5 } }, 'health.rise', /integer/],
  [{ health: { referenceUrl: '/ping' } }, 'health.referenceUrl', /http or https URL/],
  [{ health: { referenceUrl: 'https://u:p@x.com' } }, 'health.referenceUrl', /credentials/],
  [{ breaker: { failures: 11 } }, 'breaker.failures', /at most breaker\.window \(10, the default\); got 11/],
  [{ breaker: { window: 4 } }, 'breaker.window', /at least breaker\.failures \(5, the default\); got 4/],
  [{ breaker: { maxOpenMs: 100 } }, 'breaker.maxOpenMs', /at least breaker\.firstOpenMs \(500, the default\)/],
  [{ breaker: { firstOpenMs: 40_000 } }, 'breaker.firstOpenMs', /at most breaker\.maxOpenMs \(30000, the default\)/],
  [{ breaker: { firstOpenMs: 9, maxOpenMs: 8 } }, 'breaker.maxOpenMs', /at least breaker\.firstOpenMs \(9\); got 8/],
  [{ detection: { heartbeatMs: 499 } }, 'detection.heartbeatMs', /from 500 to 30000/],
  [{ detection: { heartbeatMs: 30_001 } }, 'detection.heartbeatMs', /from 500 to 30000/],
  [{ detection: { maxSlackMs: 200 } }, 'detection.maxSlackMs', /at least detection\.minSlackMs/],
  [{ detection: { maxPingMs: 299 } }, 'detection.maxPingMs', /from 300/],
  [{ detection: { pingAfterMs: -1 } }, 'detection.pingAfterMs', /from 0/],
  [{ connect: { timeoutMs: -5 } }, 'connect.timeoutMs', /got -5/],
  [{ connect: { maxBackoffMs: 100 } }, 'connect.maxBackoffMs', /at least connect\.backoffMs/],
  [{ failover: { maxSpreadMs: false } }, 'failover.maxSpreadMs', /from 0.*got false/],
  [{ failback: { mode: 'auto' } }, 'failback.mode', /did you mean "automatic"/],
  [{ failback: { factor: 0.5 } }, 'failback.factor', /from 1/],
  [{ failback: { holdDownMs: 1_000_000 } }, 'failback.holdDownMs', /at most failback\.maxHoldDownMs/],
  [{ requests: { maxRetries: 11 } }, 'requests.maxRetries', /from 0 to 10/],
  [{ retry: { tokens: 101 } }, 'retry.tokens', /at most retry\.maxTokens/],
  [{ retry: { perSuccess: -0.1 } }, 'retry.perSuccess', /at least 0/],
  [{ retry: { methods: 'GET' } }, 'retry.methods', /array of HTTP methods/],
  [{ retry: { methods: ['GET', 'P UT'] } }, 'retry.methods[1]', /HTTP method/],
  // eslint-disable-next-line no-sparse-arrays
  [{ retry: { methods: [, 'GET'] } }, 'retry.methods[0]', /HTTP method/],
  [{ retry: { methods: ['TRACE'] } }, 'retry.methods[0]', /fetch allows/],
  [{ retry: { sharedKeys: 'yes' } }, 'retry.sharedKeys', /true or false/],
  [{ streams: { maxBuffered: 0 } }, 'streams.maxBuffered', /at least 1/],
  [{ streams: { maxFrameBytes: 100 } }, 'streams.maxFrameBytes', /at least 1024/],
  [{ streams: { path: 'https://x/stream' } }, 'streams.path', /path/],
  [{ streams: { eventsPath: '' } }, 'streams.eventsPath', /path/],
  [{ streams: { persistViews: true }, store: false }, 'streams.persistViews', /needs a store/],
  [{ commands: { maxQueued: 0 } }, 'commands.maxQueued', /at least 1/],
  [{ commands: { deadlineMs: {} } }, 'commands.deadlineMs', /got an object/],
  [{ commands: { path: '/x?y' } }, 'commands.path', /query/],
]

describe('wrong options', () => {
  it.each(WRONG)('%o', (options, field, says) => {
    const error = refusal({ hostname, ...options })
    expect(error.fields.field).toBe(field)
    expect(error.message).toMatch(says)
    expect(error.message.startsWith(field)).toBe(true)
    expect(error.message).not.toContain('hunter22')
  })

  it.each([undefined, null, 'a365web1.contoso.com', 5, [], () => undefined, new Map(), new URL('https://x')])(
    'refuses %o in place of the options',
    (options) => {
      const error = refusal(options)
      expect(error.fields.field).toBe('options')
      expect(error.message).toMatch(/must be an object with hostname/)
    },
  )

  const tuning = Object.entries(TUNING_RULES).flatMap(([group, rules]) =>
    Object.keys(rules).map((name) => [group, name] as const),
  )

  it.each(tuning)('refuses a symbol, null and NaN as %s.%s, by its path', (group, name) => {
    for (const value of [Symbol('x'), null, Number.NaN]) {
      const error = refusal({ hostname, [group]: { [name]: value } })
      expect(error.fields.field).toBe(`${group}.${name}`)
      expect(error.message).toMatch(/ must be /)
    }
  })

  it('never shows a secret', () => {
    const secret = 'eyJhbGciOi.eyJzdWIiOjF9.c2lnbmF0dXJl'
    const attempts = [
      { token: `Bearer ${secret}` },
      { token: [secret] },
      { hostname: `https://${secret}@contoso.com` },
      { hostname: `https://contoso.com/?token=${secret}` },
      { endpoints: [`https://contoso.com/?access_token=${secret}`] },
      { health: { referenceUrl: `https://me:${secret}@x.com/` } },
      { ucc: `\n${secret}` },
      { [secret]: 1 },
    ]
    for (const attempt of attempts) expect(refusal({ hostname, ...attempt }).message).not.toContain(secret)
  })

  it('reads own members only', () => {
    const options = Object.create({ standby: 'nonsense' }) as Record<string, unknown>
    options.hostname = hostname
    expect(resolveOptions(options).standby).toBe('cold')
  })
})

describe('defaults', () => {
  const config = resolveOptions({ hostname })

  it('holds every number of the API', () => {
    expect(DEFAULTS).toEqual({
      health: {
        ...{ path: '/failover/ready', probe: expect.any(Function) as unknown, timeoutMs: 1500, activeIntervalMs: 2000 },
        ...{ standbyIntervalMs: 15_000, hiddenIntervalMs: 60_000, edgeIntervalMs: 500, jitter: 0.2, fall: 3, rise: 3 },
      },
      breaker: {
        ...{ consecutive: 3, failures: 5, window: 10, firstOpenMs: 500, maxOpenMs: 30_000, permanentOpenMs: 300_000 },
      },
      detection: { heartbeatMs: 1000, pingAfterMs: 100, minSlackMs: 300, maxSlackMs: 900, maxPingMs: 2000 },
      connect: {
        ...{ timeoutMs: 5000, restoreTimeoutMs: 10_000, overlapMs: 5000, betterRoadMs: 250, stableAfterMs: 10_000 },
        ...{ backoffMs: 250, maxBackoffMs: 30_000 },
      },
      failover: { spreadMs: 1000, maxSpreadMs: 30_000, fenceMs: 60_000 },
      failback: {
        ...{ mode: 'automatic', holdDownMs: 60_000, jitter: 0.5, factor: 2, maxHoldDownMs: 900_000 },
        ...{ flapWindowMs: 300_000 },
      },
      requests: { timeoutMs: 15_000, readyTimeoutMs: 5000, maxRetries: 2 },
      retry: {
        ...{ tokens: 5, maxTokens: 100, perSuccess: 0.1, perSecond: 0.05, methods: ['GET', 'HEAD', 'OPTIONS'] },
        ...{ sharedKeys: false },
      },
      streams: {
        ...{ path: '/failover/stream', eventsPath: '/failover/events', maxBuffered: 1000, staleAfterMs: 5000 },
        ...{ logKeys: 1000, maxFrameBytes: 1_048_576, persistViews: false },
      },
      commands: {
        ...{ path: '/failover/command', deadlineMs: 10_000, maxQueued: 256, maxQueuedBytes: 1_048_576 },
        ...{ sharedKeys: false },
      },
    })
    expect(DEFAULTS.health.probe.kind).toBe('readiness')
  })

  it('passes its own checks, value by value', () => {
    const { hostname: name, ...rest } = resolveOptions({ hostname, ...DEFAULTS })
    expect(rest).toEqual({ ...config, hostname: undefined })
    expect(name.url).toBe('https://a365web1.contoso.com')
  })

  it('is what the hostname alone gives', () => {
    expect(config).toMatchObject({ ...DEFAULTS })
    expect(config).toMatchObject({ priority: 'agent', standby: 'cold', allowedHosts: [], client: {} })
    for (const name of ['ucc', 'token', 'resolvers', 'restoreSession', 'canMove', 'store', 'platform'] as const) {
      expect(config[name], name).toBeUndefined()
    }
    expect(config.endpointsGiven).toBe(false)
    expect(config.endpoints).toEqual([
      {
        id: 'https://a365web1.contoso.com',
        url: 'https://a365web1.contoso.com',
        name: 'a365web1.contoso.com',
        rank: 0,
        field: 'hostname',
      },
    ])
  })

  it('has a rule for every default and a default for every rule', () => {
    for (const [group, rules] of Object.entries(TUNING_RULES)) {
      const names = Object.keys(rules).filter((name) => name !== 'referenceUrl')
      expect(Object.keys(DEFAULTS[group as keyof typeof DEFAULTS]).sort(), group).toEqual(names.sort())
    }
  })
})

describe('merging', () => {
  it('changes what is given and nothing else', () => {
    const config = resolveOptions({ hostname, failback: { mode: 'manual' }, streams: { maxBuffered: 10 } })
    expect(config.failback).toEqual({ ...DEFAULTS.failback, mode: 'manual' })
    expect(config.streams).toEqual({ ...DEFAULTS.streams, maxBuffered: 10 })
    expect(config.health).toEqual(DEFAULTS.health)
  })

  it('takes undefined for absent, everywhere', () => {
    const nothing = Object.fromEntries(Object.keys(DEFAULTS).map((group) => [group, undefined]))
    const config = resolveOptions({
      ...nothing,
      hostname,
      endpoints: undefined,
      ucc: undefined,
      client: { id: undefined },
      health: { timeoutMs: undefined },
    })
    expect(config).toEqual(resolveOptions({ hostname }))
  })

  it('takes the extremes', () => {
    const config = resolveOptions({
      hostname,
      health: { jitter: 0, referenceUrl: new URL('https://example.com/ping?x=1') },
      failover: { maxSpreadMs: 0, spreadMs: 0 },
      connect: { timeoutMs: 2_147_483_647, overlapMs: 0 },
      requests: { maxRetries: 0, readyTimeoutMs: 0 },
      retry: { tokens: 0, maxTokens: 0, methods: [] },
    })
    expect(config.health).toMatchObject({ jitter: 0, referenceUrl: 'https://example.com/ping?x=1' })
    expect(config.retry.methods).toEqual([])
    expect(config.failover.maxSpreadMs).toBe(0)
  })

  it('writes methods in capitals, once each', () => {
    expect(resolveOptions({ hostname, retry: { methods: ['get', 'GET', 'put'] } }).retry.methods).toEqual([
      'GET',
      'PUT',
    ])
  })

  it('keeps what it was given by reference, and is frozen itself', () => {
    const token = (): string => 'x'
    const store = { load: () => undefined, save: () => undefined }
    const config = resolveOptions({ hostname, token, store, ucc: 'helpdesk', client: { name: 'wallboard' } })
    expect(config).toMatchObject({ ucc: 'helpdesk', client: { name: 'wallboard' } })
    expect(config.token).toBe(token)
    expect(config.store).toBe(store)
    for (const part of [config, config.health, config.endpoints, config.endpoints[0], config.client, config.hostname]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  it('does not see what is done to the options afterwards', () => {
    const options = { hostname, endpoints: ['srv1', 'srv2'], retry: { methods: ['GET'] } }
    const config = resolveOptions(options)
    options.endpoints.push('srv3')
    options.retry.methods.push('POST')
    expect(config.endpoints).toHaveLength(2)
    expect(config.retry.methods).toEqual(['GET'])
  })

  it('takes classes as store and platform', () => {
    class MapStore {
      load(): undefined {}
      save(): void {}
    }
    const store = new MapStore()
    expect(resolveOptions({ hostname, store }).store).toBe(store)
    expect(resolveOptions({ hostname, store: false }).store).toBe(false)
  })
})

describe('resolvers', () => {
  it('takes one or several, and an empty list for none', () => {
    const custom = { name: 'consul', resolve: () => Promise.resolve([]) }
    expect(resolveOptions({ hostname, resolver: [] }).resolvers).toEqual([])
    expect(resolveOptions({ hostname, resolver: custom }).resolvers).toEqual([
      { kind: 'custom', name: 'consul', resolver: custom, pollMs: 10_000 },
    ])
    expect(
      resolveOptions({ hostname, resolver: [topologyDocument('/topology?v=2', { pollMs: 5000 })] }).resolvers,
    ).toEqual([
      {
        kind: 'topology',
        name: 'topology document /topology?v=2',
        url: 'https://a365web1.contoso.com/topology?v=2',
        pollMs: 5000,
      },
    ])
  })

  it('checks a topology document where it is made', () => {
    for (const url of ['topology', '', 'ftp://x', 'https://a b'] as const) {
      expect(() => topologyDocument(url)).toThrow(/^url must be an absolute http or https URL/)
    }
    expect(() => topologyDocument('/t', { pollMs: 5 })).toThrow(/^pollMs must be/)
    expect(() => topologyDocument('/t', { poll: 5 } as object)).toThrow(/options\.poll .*did you mean options\.pollMs/)
    expect(topologyDocument('https://u:hunter22@x.com/t').name).not.toContain('hunter22')
  })
})

describe('what a platform cannot do', () => {
  const page = { can: { pinAddress: false } } as Platform
  const node = { can: { pinAddress: true }, connectTcp: () => () => undefined } as unknown as Platform

  it.each([
    [{ endpoints: ['srv1', { url: 'srv2', address: '10.0.0.2' }] }, 'endpoints[1].address'],
    [
      {
        endpoints: [
          { url: 'srv2', rank: 5 },
          { url: 'srv1', address: '10.0.0.1' },
        ],
      },
      'endpoints[1].address',
    ],
    [{ endpoints: [{ url: 'srv1', hostname: 'a365web2.contoso.com' }] }, 'endpoints[0].hostname'],
    [{ health: { probe: tcpProbe({ port: 6001 }) } }, 'health.probe'],
  ])('is refused in a page and taken in Node: %o', (options, field) => {
    const config = resolveOptions({ hostname, ...options })
    expect(() => checkPlatformCan(config, node)).not.toThrow()
    expect(() => checkPlatformCan(config, page)).toThrow(expect.objectContaining({ fields: { field } }) as Error)
  })

  it('lets everything else through', () => {
    const config = resolveOptions({ hostname, endpoints: ['srv1'], health: { probe: httpProbe({ path: '/up' }) } })
    expect(() => checkPlatformCan(config, page)).not.toThrow()
  })
})

it('reads what a priority function answers', () => {
  expect(readPriority('board')).toBe('board')
  expect(readPriority('urgent')).toBeUndefined()
  expect(readPriority(undefined)).toBeUndefined()
})
