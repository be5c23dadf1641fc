/** Several resolvers at once: each has its own word, on endpoints and on whom DNS designates. */
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../src/client/options'
import { Resolution } from '../../src/client/resolution'
import { topologyDocument, type ResolvedEndpoint, type Resolver } from '../../src/client/resolvers'
import type { ExchangeOutcome, ExchangeRequest, Platform } from '../../src/platform/platform'

const HOUR = 3_600_000

interface World {
  readonly merged: readonly string[]
  readonly designated: readonly (string | undefined)[]
  readonly warnings: readonly string[]
  /** Everybody is asked (again). */
  ask: () => Promise<void>
  pass: (ms: number) => void
}

function world(resolver: readonly unknown[] | undefined, own?: Resolver, hostname = 'a365web1.contoso.com'): World {
  let now = 0
  const warnings: string[] = []
  const merged: string[] = []
  const designated: (string | undefined)[] = []
  const timers: (() => void)[] = []
  const config = resolveOptions({ hostname, resolver } as never)
  const platform = {
    now: () => now,
    ...(own === undefined ? {} : { resolver: own }),
    random: () => 0.5,
    setTimer: (_waitMs: number, call: () => void) => {
      timers.push(call)
      return () => undefined
    },
    exchange: ({ path }: ExchangeRequest, done: (outcome: ExchangeOutcome) => void) => {
      const body = JSON.stringify({ peers: [{ server: 'x', url: `https://${path.slice(1)}.contoso.com` }] })
      queueMicrotask(() => done({ ok: true, status: 200, header: () => undefined, body }))
      return () => undefined
    },
  } as unknown as Platform
  const resolution = new Resolution(config, platform, {
    merge: (source, seeds, name) =>
      void merged.push(`${source} ${name ?? ''}: ${seeds.map((seed) => new URL(seed.url).host).join(' ')}`),
    designated: (endpointId) => void designated.push(endpointId),
    known: () => [],
    warn: (code) => void warnings.push(code),
  })
  let isStarted = false
  const ask = async (): Promise<void> => {
    if (isStarted) for (const call of timers.splice(0)) call()
    else resolution.start()
    isStarted = true
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { merged, designated, warnings, ask, pass: (ms) => void (now += ms) }
}

function resolver(name: string, resolve: () => readonly ResolvedEndpoint[]): Resolver {
  return { name, resolve: () => Promise.resolve(resolve()) }
}

describe('sources of one kind', () => {
  it('are told apart by name, even where two have the same one', async () => {
    const give = (host: string) => () => [{ url: `https://${host}.contoso.com` }]
    const { merged, ask } = world([
      resolver('mine', give('s1')),
      resolver('mine', give('s2')),
      resolver('b', give('s3')),
    ])
    await ask()
    await ask()
    const once = ['dns mine: s1.contoso.com', 'dns mine (2): s2.contoso.com', 'dns b: s3.contoso.com']
    expect(merged.slice(1)).toEqual([...once, ...once])
  })

  it('two topology documents too', async () => {
    const { merged, ask } = world([topologyDocument('/east'), topologyDocument('/west')])
    await ask()
    expect(merged.slice(1)).toEqual([
      'topology topology document /east: east.contoso.com',
      'topology topology document /west: west.contoso.com',
    ])
  })
})

describe('whom DNS designates', () => {
  it('stays while another resolver designates nobody; disagreeing ones designate nobody', async () => {
    const answers = { one: true, two: false }
    const { designated, ask } = world([
      resolver('one', () => [{ url: 'https://s1.contoso.com', designated: answers.one }]),
      resolver('two', () => [{ url: 'https://s2.contoso.com', designated: answers.two }]),
    ])
    await ask()
    expect(designated).toEqual(['https://s1.contoso.com', 'https://s1.contoso.com'])
    answers.two = true
    await ask()
    expect(designated.at(-1)).toBeUndefined()
    answers.one = false
    await ask()
    expect(designated.at(-1)).toBe('https://s2.contoso.com')
  })
})

/** One resolver, which says this now. */
function saying(): { resolver: Resolver; says: (answer: readonly ResolvedEndpoint[] | Error) => void } {
  let answer: readonly ResolvedEndpoint[] | Error = []
  return {
    resolver: {
      name: 'dns',
      resolve: () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)),
    },
    says: (next) => (answer = next),
  }
}

describe('the dedicated hostname at an address', () => {
  const at = (address: string): ResolvedEndpoint[] => [
    { url: 'https://a365web1.contoso.com', address, designated: true },
  ]
  const id = (address: string): string => `https://a365web1.contoso.com#${address}`
  const count = (text: string): number =>
    text
      .slice(text.indexOf(':') + 1)
      .split(' ')
      .filter(Boolean).length

  it('is an endpoint beside the hostname; a former one stays until the new one was said twice, 2 s apart', async () => {
    const { resolver: dns, says } = saying()
    const { merged, designated, ask, pass } = world([dns])
    says(at('10.0.0.1'))
    await ask()
    expect([merged.length, designated]).toEqual([2, [id('10.0.0.1')]])
    says(at('10.0.0.2'))
    for (const ms of [10_000, 1000, 1001]) {
      pass(ms)
      await ask()
    }
    expect(merged.slice(1).map((text) => count(text.replace('dns dns', '')))).toEqual([1, 2, 2, 1])
    expect(designated.at(-1)).toBe(id('10.0.0.2'))
  })

  it('holds for a day when the source fails, then no longer', async () => {
    const { resolver: dns, says } = saying()
    const { merged, designated, warnings, ask, pass } = world([dns])
    says(at('10.0.0.1'))
    await ask()
    says(new Error('silent'))
    pass(23 * HOUR)
    await ask()
    expect([merged.length, warnings]).toEqual([2, ['RESOLVER_FAILED']])
    pass(HOUR)
    await ask()
    expect([merged.length, merged.at(-1), designated.at(-1)]).toEqual([3, 'dns dns: ', undefined])
    says(at('10.0.0.1'))
    await ask()
    expect(designated.at(-1)).toBe(id('10.0.0.1'))
  })
})

describe('the resolver of the platform', () => {
  const give = (): Resolver => resolver('own', () => [{ url: 'https://srv1.contoso.com' }])

  it.each([
    ['is asked where the user names none', undefined, 'a365web1.contoso.com', 2],
    ['is not asked where the user wants none', [], 'a365web1.contoso.com', 1],
    ['is not asked about an address', undefined, '10.0.0.1', 1],
    ['is not asked about this machine', undefined, 'http://localhost:8080', 1],
  ])('%s', async (_what, given, hostname, count) => {
    const { merged, ask } = world(given, give(), hostname)
    await ask()
    expect(merged).toHaveLength(count)
  })
})
