/** Several resolvers at once: each has its own word, on endpoints and on whom DNS designates. */
import { describe, expect, it } from 'vitest'
import { resolveOptions } from '../../src/client/options'
import { Resolution } from '../../src/client/resolution'
import { topologyDocument, type ResolvedEndpoint, type Resolver } from '../../src/client/resolvers'
import type { ExchangeOutcome, ExchangeRequest, Platform } from '../../src/platform/platform'

interface World {
  readonly merged: readonly string[]
  readonly designated: readonly (string | undefined)[]
  /** Everybody is asked (again). */
  ask: () => Promise<void>
}

function world(resolver: readonly unknown[]): World {
  const merged: string[] = []
  const designated: (string | undefined)[] = []
  const timers: (() => void)[] = []
  const config = resolveOptions({ hostname: 'a365web1.contoso.com', resolver } as never)
  const platform = {
    now: () => 0,
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
    warn: () => undefined,
  })
  let isStarted = false
  const ask = async (): Promise<void> => {
    if (isStarted) for (const call of timers.splice(0)) call()
    else resolution.start()
    isStarted = true
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { merged, designated, ask }
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
