import { describe, expect, it } from 'vitest'
import { EVENTS } from '../../src/client/events'
import {
  checkCommandArguments,
  checkListenerArguments,
  checkNotifyArguments,
  checkReadyArguments,
  checkSubscribeArguments,
  checkSwitchoverArguments,
  checkTopicArguments,
} from '../../src/client/options-arguments'
import { list, nearest } from '../../src/client/options-check'
import {
  checkDirectoryClientArguments,
  clientConfigOf,
  resolveDirectoryOptions,
} from '../../src/client/options-directory'
import { resolveOptions } from '../../src/client/options'
import { findFailoverError } from '../../src/errors'

function refusal(act: () => unknown): { field: string | undefined; message: string } {
  try {
    act()
  } catch (error) {
    const found = findFailoverError(error, 'INVALID_OPTION')
    if (found !== undefined) return { field: found.fields.field, message: found.message }
    throw error
  }
  throw new Error('accepted')
}

const ring: { self?: unknown } = {}
ring.self = ring
const hostile = {
  toJSON(): never {
    throw new Error('secret payload')
  },
}
const tooDeep = {
  toJSON(): never {
    throw new RangeError('Maximum call stack size exceeded')
  },
}

describe('wrong arguments', () => {
  it.each<[string, () => unknown, field: string, says: RegExp]>([
    ['no topic', () => checkSubscribeArguments(undefined), 'topic', /must be a name, or what stateTopic/],
    ['an empty topic', () => checkSubscribeArguments(''), 'topic', /1 to 1024/],
    ['a list of topics', () => checkSubscribeArguments(['a']), 'topic', /got an array/],
    ['a topic without name', () => checkSubscribeArguments({}), 'topic.name', /must be a text/],
    ['a wrong kind', () => checkSubscribeArguments({ name: 'a', kind: 'logs' }), 'topic.kind', /did you mean "log"/],
    ['a wrong parse', () => checkSubscribeArguments({ name: 'a', parse: {} }), 'topic.parse', /function/],
    ['an unknown option', () => checkSubscribeArguments('a', { curser: {} }), 'curser', /did you mean cursor\?/],
    ['options that are none', () => checkSubscribeArguments('a', () => undefined), 'options', /got a function/],
    ['half a cursor', () => checkSubscribeArguments('a', { cursor: { epoch: 'e' } }), 'cursor', /epoch: text, seq/],
    ['a negative cursor', () => checkSubscribeArguments('a', { cursor: { epoch: 'e', seq: -1 } }), 'cursor', /from 0/],
    ['no buffer', () => checkSubscribeArguments('a', { maxBuffered: 0 }), 'maxBuffered', /at least 1/],
    ['NaN freshness', () => checkSubscribeArguments('a', { freshWithinMs: Number.NaN }), 'freshWithinMs', /got NaN/],
    ['a controller', () => checkSubscribeArguments('a', { signal: new AbortController() }), 'signal', /AbortSignal/],
    ['a topic name that is none', () => checkTopicArguments(7, undefined), 'topic', /got 7/],
    ['a topic option', () => checkTopicArguments('a', { prase: 1 }), 'prase', /did you mean parse\?/],
    ['a topic parser', () => checkTopicArguments('a', { parse: 1 }), 'parse', /function/],
    ['no command name', () => checkCommandArguments(''), 'name', /1 to 1024/],
    [
      'an unknown command option',
      () => checkCommandArguments('a', 1, { safty: 'set' }),
      'safty',
      /did you mean safety/,
    ],
    ['a wrong safety', () => checkCommandArguments('a', 1, { safety: 'safe' }), 'safety', /"read", "set", "keyed"/],
    ['an empty key', () => checkCommandArguments('a', 1, { key: '' }), 'key', /1 to 256/],
    ['an empty target', () => checkCommandArguments('a', 1, { target: '' }), 'target', /1 to 1024/],
    ['no time', () => checkCommandArguments('a', 1, { deadlineMs: 0 }), 'deadlineMs', /from 1/],
    ['a wrong signal', () => checkCommandArguments('a', 1, { signal: {} }), 'signal', /AbortSignal/],
    ['a function as args', () => checkCommandArguments('a', () => 1), 'args', /must be JSON; got a function/],
    ['a ring', () => checkCommandArguments('a', ring), 'args', /no rings/],
    ['a bigint', () => checkCommandArguments('a', { n: 1n }), 'args', /no bigint/],
    ['a toJSON that throws', () => checkCommandArguments('a', hostile), 'args', /its toJSON failed/],
    ['what no call stack can write', () => checkCommandArguments('a', tooDeep), 'args', /nested too deeply/],
    ['a wrong target of a switchover', () => checkSwitchoverArguments({ to: 2 }), 'to', /got 2/],
    [
      'a string in place of options',
      () => checkSwitchoverArguments('srv2'),
      'options',
      /object with to, reason and hold/,
    ],
    ['a wrong hold', () => checkSwitchoverArguments({ hold: 'yes' }), 'hold', /true or false/],
    ['an empty reason', () => checkSwitchoverArguments({ reason: '' }), 'reason', /1 to 256/],
    ['a negative wait', () => checkReadyArguments({ timeoutMs: -1 }), 'timeoutMs', /from 0/],
    ['a number in place of options', () => checkReadyArguments(5000), 'options', /signal|timeoutMs/],
    ['an unknown signal', () => checkNotifyArguments('resumed'), 'signal', /did you mean "resume"/],
    ['an unknown event', () => checkListenerArguments('failOver', () => 1), 'name', /did you mean failover\?/],
    ['a strange event', () => checkListenerArguments('toString', () => 1), 'name', /stateChange, endpointChange/],
    ['a listener that is none', () => checkListenerArguments('gap', undefined), 'listener', /must be a function/],
  ])('%s', (_what, act, field, says) => {
    const { field: blamed, message } = refusal(act)
    expect(blamed).toBe(field)
    expect(message).toMatch(says)
    expect(message).not.toContain('secret payload')
  })
})

describe('right arguments', () => {
  const { signal } = new AbortController()

  it('of subscribe', () => {
    expect(checkSubscribeArguments('a')).toEqual({ name: 'a' })
    const parse = (data: unknown): unknown => data
    const cursor = { epoch: 'e', seq: 7 }
    expect(
      checkSubscribeArguments(
        { name: 'a', kind: 'log', parse },
        { cursor, maxBuffered: 5, freshWithinMs: 100, signal },
      ),
    ).toEqual({ name: 'a', kind: 'log', parse, cursor, maxBuffered: 5, freshWithinMs: 100, signal })
    expect(checkSubscribeArguments('a', { cursor: undefined, signal: undefined })).toEqual({ name: 'a' })
    expect(checkTopicArguments('a', { parse })).toEqual({ name: 'a', parse })
  })

  it('of command', () => {
    expect(checkCommandArguments('pick')).toEqual({
      name: 'pick',
      args: null,
      bytes: 4,
      safety: 'effect',
      target: 'pick',
    })
    const options = { safety: 'set', key: 'k', target: 't', deadlineMs: 5, signal } as const
    expect(checkCommandArguments('pick', { a: 1 }, options)).toEqual({
      name: 'pick',
      args: { a: 1 },
      bytes: 7,
      ...options,
    })
    const own = { key: undefined, target: undefined }
    expect(checkCommandArguments('pick', 1, own)).not.toHaveProperty('key')
    expect(checkCommandArguments('pick', 1, own).target).toBe('pick')
  })

  it('are measured in UTF-8', () => {
    for (const text of ['', 'a', 'é', '€', '😀', 'a😀é€', '\ud800', '\n"']) {
      const expected = new TextEncoder().encode(JSON.stringify(text)).length
      expect(checkCommandArguments('a', text).bytes, JSON.stringify(text)).toBe(expected)
    }
  })

  it('of a command, as they were at the call', () => {
    const args: Record<string, unknown> = { to: '200', legs: [1], at: new Date(0) }
    const checked = checkCommandArguments('transfer', args)
    args['self'] = args
    expect(checked.args).toEqual({ to: '200', legs: [1], at: '1970-01-01T00:00:00.000Z' })
    expect(checked.bytes).toBe(JSON.stringify(checked.args).length)
    expect(checkCommandArguments('hold').args).toBeNull()
  })

  it('of the others', () => {
    expect(checkSwitchoverArguments()).toEqual({ hold: false })
    expect(checkSwitchoverArguments({ to: new URL('https://srv2'), reason: 'patching', hold: true })).toEqual({
      to: 'https://srv2/',
      reason: 'patching',
      hold: true,
    })
    expect(checkReadyArguments({ timeoutMs: 0, signal })).toEqual({ timeoutMs: 0, signal })
    expect(checkNotifyArguments('suspend')).toBe('suspend')
    for (const name of Object.keys(EVENTS)) expect(checkListenerArguments(name, () => undefined)).toBe(name)
  })
})

describe('the directory', () => {
  const pools = [
    { hostname: 'a365web1.contoso.com', endpoints: ['srv1', 'srv2'], uccs: ['helpdesk', 'sales'] },
    { hostname: 'a365web2.contoso.com', allowedHosts: ['srv4.fabrikam.com'], uccs: ['billing'] },
  ]
  const [first, second] = pools

  it.each<[string, object, field: string, says: RegExp]>([
    ['no pools', { pools: undefined }, 'pools', /is required/],
    ['empty pools', { pools: [] }, 'pools', /at least one/],
    ['one pool without list', { pools: first }, 'pools', /must be an array/],
    ['a pool that is none', { pools: ['a365web1'] }, 'pools[0]', /object with hostname/],
    ['a client option', { hostname: 'x' }, 'hostname', /belongs to pools\[\]\.hostname/],
    ['one UCC', { ucc: 'x' }, 'ucc', /belongs to pools\[\]\.uccs/],
    ['a misspelt option', { tokn: 'x' }, 'tokn', /did you mean token\?/],
    ['a shared option in a pool', { pools: [{ ...first, token: 'x' }] }, 'pools[0].token', /the directory: token/],
    ['no hostname', { pools: [{ uccs: ['a'] }] }, 'pools[0].hostname', /is required/],
    ['no uccs', { pools: [first, { hostname: 'x' }] }, 'pools[1].uccs', /at least one UCC/],
    ['empty uccs', { pools: [{ hostname: 'x', uccs: [] }] }, 'pools[0].uccs', /at least one UCC/],
    ['an empty UCC', { pools: [{ hostname: 'x', uccs: ['a', ''] }] }, 'pools[0].uccs[1]', /1 to 256/],
    ['a bad endpoint', { pools: [first, { ...second, endpoints: ['a b'] }] }, 'pools[1].endpoints[0]', /host name/],
    ['a bad allowed host', { pools: [{ ...second, allowedHosts: ['*'] }] }, 'pools[0].allowedHosts[0]', /wildcard/],
    ['a bad shared allowed host', { allowedHosts: ['*'] }, 'allowedHosts[0]', /wildcard/],
    [
      'a UCC twice',
      { pools: [first, { hostname: 'x', uccs: ['sales'] }] },
      'pools[1].uccs[0]',
      /pools\[0\]\.uccs\[1\]/,
    ],
    ['a pool twice', { pools: [first, { ...first, uccs: ['x'] }] }, 'pools[1].hostname', /into one pool/],
    ['a wrong number', { health: { fall: 0 } }, 'health.fall', /from 1/],
  ])('refuses %s', (_what, options, field, says) => {
    const { field: blamed, message } = refusal(() => resolveDirectoryOptions({ pools, ...options }))
    expect(blamed).toBe(field)
    expect(message).toMatch(says)
  })

  it('gives each pool the shared options and its own', () => {
    const token = (): string => 'x'
    const directory = resolveDirectoryOptions({ pools, token, allowedHosts: ['dr.fabrikam.com'], health: { fall: 5 } })
    expect(directory.pools.map(({ uccs, config }) => [uccs, config.hostname.name, config.health.fall])).toEqual([
      [['helpdesk', 'sales'], 'a365web1.contoso.com', 5],
      [['billing'], 'a365web2.contoso.com', 5],
    ])
    expect(directory.pools[0]?.config.endpoints.map(({ url }) => url)).toEqual(['https://srv1', 'https://srv2'])
    expect(directory.pools[0]?.config.allowedHosts).toEqual(['dr.fabrikam.com'])
    expect(directory.pools[1]?.config.allowedHosts).toEqual(['dr.fabrikam.com', 'srv4.fabrikam.com'])
    expect(directory.pools.every(({ config }) => config.token === token && config.ucc === undefined)).toBe(true)
  })

  it('gives a client what the same options would give it alone', () => {
    const directory = resolveDirectoryOptions({ pools })
    const { pool, ucc } = checkDirectoryClientArguments(directory, 'sales')
    const { uccs: _, ...own } = pools[0] ?? { uccs: [] }
    const alone = resolveOptions({ ...own, ucc: 'sales' })
    const endpoints = alone.endpoints.map((endpoint) => ({ ...endpoint, field: `pools[0].${endpoint.field}` }))
    expect(clientConfigOf(pool, ucc)).toEqual({ ...alone, endpoints })
  })

  it('finds the pool of a UCC', () => {
    const directory = resolveDirectoryOptions({ pools })
    expect(checkDirectoryClientArguments(directory, 'billing', { basePath: '/dashboard/' })).toMatchObject({
      pool: directory.pools[1],
      basePath: '/dashboard',
    })
    expect(checkDirectoryClientArguments(directory, 'billing', { basePath: '/' }).basePath).toBe('')
    expect(checkDirectoryClientArguments(directory, 'billing').basePath).toBeUndefined()
    expect(refusal(() => checkDirectoryClientArguments(directory, 'biling')).message).toMatch(/did you mean "billing"/)
    expect(refusal(() => checkDirectoryClientArguments(directory, undefined)).field).toBe('ucc')
    expect(refusal(() => checkDirectoryClientArguments(directory, 'sales', { basePath: 'x' })).field).toBe('basePath')
    expect(refusal(() => checkDirectoryClientArguments(directory, 'sales', { path: '/' })).field).toBe('path')
  })
})

describe('hints', () => {
  it.each([
    ['tokne', 'token'],
    ['ENDPOINTS', 'endpoints'],
    ['timeout', 'timeoutMs'],
    ['hostanme', 'hostname'],
    ['x', undefined],
    ['', undefined],
    ['entirely-different', undefined],
    ['y'.repeat(5000), undefined],
  ])('%s: %s', (word, hint) => {
    expect(nearest(word, ['token', 'endpoints', 'timeoutMs', 'hostname'])).toBe(hint)
  })

  it('lists words as people do', () => {
    expect([list([]), list(['a']), list(['a', 'b']), list(['a', 'b', 'c'], 'or')]).toEqual([
      '',
      'a',
      'a and b',
      'a, b or c',
    ])
  })
})
