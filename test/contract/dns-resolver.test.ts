/** `dnsResolver` against name servers on real sockets. The same against BIND: test/lab. */
import { describe, expect, it } from 'vitest'
import { createDnsResolver, dnsResolver, type DnsSurroundings } from '../../src/platform/node/dns-resolver'
import type { DnsResolverOptions } from '../../src/platform/node/dns-options'
import type { KnownEndpoint, ResolvedEndpoint } from '../../src/platform/platform'
import { startNameServer, type NameRecord, type NameServer } from '../support/name-server'

const NAME = 'a365web1.contoso.test'
const URL = `https://${NAME}`
const SRV1 = { url: 'https://srv1.contoso.test' }
const SRV2 = { url: 'https://srv2.contoso.test' }
const SERVERS = {
  'srv1.contoso.test': [['A', '10.0.0.1']],
  'srv2.contoso.test': [['A', '10.0.0.2']],
} as const satisfies Record<string, readonly NameRecord[]>

interface Asked {
  readonly server: NameServer
  ask(endpoints?: readonly KnownEndpoint[]): Promise<readonly ResolvedEndpoint[]>
}

async function start(
  records: Readonly<Record<string, readonly NameRecord[]>>,
  options: DnsResolverOptions = {},
  surroundings: DnsSurroundings = {},
): Promise<Asked> {
  const server = await startNameServer({ ...SERVERS, ...records })
  const fixed = { servers: [server.at], timeoutMs: 300, authoritative: false }
  const resolver = createDnsResolver({ ...fixed, ...options }, { random: () => 0.5, ...surroundings })
  return {
    server,
    ask: (endpoints = [SRV1, SRV2]) =>
      resolver.resolve({ hostname: NAME, url: URL, endpoints, signal: new AbortController().signal }),
  }
}

describe('the endpoint that the name points at is designated', () => {
  it('by its CNAME, and by that alone: no address is needed', async () => {
    const { server, ask } = await start({ [NAME]: [['CNAME', 'srv2.contoso.test']] })
    expect(await ask()).toEqual([{ ...SRV2, designated: true }])
    server.records.set(NAME, [['CNAME', 'srv1.contoso.test']])
    expect(await ask()).toEqual([{ ...SRV1, designated: true }])
    server.records.set(NAME, [['CNAME', 'srv1.contoso.test.elsewhere.test']])
    server.records.delete('srv1.contoso.test')
    await expect(ask()).rejects.toThrow('which has no address')
  })

  it('by a chain of aliases', async () => {
    const { ask } = await start({
      [NAME]: [['CNAME', 'active.contoso.test']],
      'active.contoso.test': [['CNAME', 'SRV2.contoso.test']],
    })
    expect(await ask()).toEqual([{ ...SRV2, designated: true }])
  })

  it('by its address, of a name or pinned', async () => {
    const { ask } = await start({ [NAME]: [['A', '10.0.0.2']] })
    expect(await ask()).toEqual([{ ...SRV2, designated: true }])
    const pinned = [SRV1, { url: URL, address: '10.0.0.2' }]
    expect(await ask(pinned)).toEqual([{ url: URL, address: '10.0.0.2', designated: true }])
  })

  it('not by the address of another service', async () => {
    const { ask } = await start({ [NAME]: [['A', '10.0.0.2']] })
    const other = { url: 'https://srv2.contoso.test:8443' }
    expect(await ask([other])).toEqual([{ url: URL, address: '10.0.0.2', designated: true }])
  })

  it('nobody, where it points at several', async () => {
    const both = await start({
      [NAME]: [
        ['A', '10.0.0.1'],
        ['A', '10.0.0.2'],
      ],
    })
    expect(await both.ask()).toEqual([SRV1, SRV2])
    const alsoUnknown = await start({
      [NAME]: [
        ['A', '10.0.0.1'],
        ['A', '10.0.0.9'],
      ],
    })
    expect(await alsoUnknown.ask()).toEqual([SRV1])
    const sameName = await start({ [NAME]: [['CNAME', 'srv1.contoso.test']] })
    const roads = [SRV1, { url: 'https://srv1.contoso.test/base' }]
    expect(await sameName.ask(roads)).toEqual(roads)
  })
})

describe('an answer that fits nobody known adds the dedicated hostname at that address', () => {
  it('designated, where it is one', async () => {
    const { ask } = await start({ [NAME]: [['A', '10.0.0.9']] })
    expect(await ask()).toEqual([{ url: URL, address: '10.0.0.9', designated: true }])
    expect(await ask([{ url: URL }])).toEqual([{ url: URL, address: '10.0.0.9', designated: true }])
  })

  it('one family of two: they are one endpoint', async () => {
    const records = {
      [NAME]: [
        ['A', '10.0.0.9'],
        ['AAAA', 'fd00::9'],
      ],
    } as const
    expect(await (await start(records)).ask()).toEqual([{ url: URL, address: '10.0.0.9', designated: true }])
    const six = await start(records, { family: 6 })
    expect(await six.ask()).toEqual([{ url: URL, address: 'fd00::9', designated: true }])
    const only = await start({ [NAME]: [['AAAA', 'fd00::9']] })
    expect(await only.ask()).toEqual([{ url: URL, address: 'fd00::9', designated: true }])
  })

  it('several, in an order of its own that the answer’s order does not change', async () => {
    const draws = [0.9, 0.1, 0.5]
    const random = (): number => draws.pop() ?? 0
    const { server, ask } = await start(
      {
        [NAME]: [
          ['A', '10.0.0.7'],
          ['A', '10.0.0.8'],
          ['A', '10.0.0.9'],
        ],
      },
      {},
      { random },
    )
    const first = (await ask()).map(({ address }) => address)
    server.records.set(NAME, [
      ['A', '10.0.0.9'],
      ['A', '10.0.0.7'],
      ['A', '10.0.0.8'],
    ])
    const again = await ask()
    expect(again.map(({ address }) => address)).toEqual(first)
    expect(again.some(({ designated }) => designated === true)).toBe(false)
    expect([...first].sort()).toEqual(['10.0.0.7', '10.0.0.8', '10.0.0.9'])
  })
})

describe('SRV records', () => {
  const srv = (target: string, priority: number, weight = 0): NameRecord => [
    'SRV',
    { target, port: 8443, priority, weight },
  ]

  it('add their targets, by priority and weight', async () => {
    const { ask } = await start({
      [NAME]: [['A', '10.0.0.9']],
      [`_failover._tcp.${NAME}`]: [
        srv('srv2.contoso.test', 20),
        srv('small.contoso.test', 10, 1),
        srv('big.contoso.test', 10, 9),
      ],
    })
    const [first, second, third, pinned] = await ask([])
    expect([first, second, third]).toEqual([
      { url: 'https://big.contoso.test:8443', rank: 0 },
      { url: 'https://small.contoso.test:8443', rank: 1 },
      { url: 'https://srv2.contoso.test:8443', rank: 2 },
    ])
    expect(pinned).toMatchObject({ address: '10.0.0.9', designated: true })
  })

  it('share by weight among clients, and keep still for one', async () => {
    const records = {
      [NAME]: [['A', '10.0.0.9']],
      [`_failover._tcp.${NAME}`]: [srv('a.contoso.test', 1, 1), srv('b.contoso.test', 1, 3)],
    } as const
    const server = await startNameServer(records)
    let seed = 1
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
    let first = 0
    for (let client = 0; client < 200; client += 1) {
      const resolver = createDnsResolver({ servers: [server.at], authoritative: false }, { random })
      const context = { hostname: NAME, url: URL, endpoints: [], signal: new AbortController().signal }
      const [best] = await resolver.resolve(context)
      expect((await resolver.resolve(context))[0]).toEqual(best)
      if (best?.url.includes('//b.') === true) first += 1
    }
    // 3 of 4 expected; four standard deviations.
    expect(first).toBeGreaterThan(125)
    expect(first).toBeLessThan(175)
  })

  it('that say "not here", or are switched off, add nothing; none are not asked for again and again', async () => {
    const { server, ask } = await start({
      [NAME]: [['CNAME', 'srv1.contoso.test']],
      [`_failover._tcp.${NAME}`]: [srv('.', 0)],
    })
    for (let time = 0; time < 3; time += 1) expect(await ask()).toEqual([{ ...SRV1, designated: true }])
    expect(server.asked.filter((one) => one.startsWith('SRV'))).toHaveLength(1)
    const off = await start({ [NAME]: [['CNAME', 'srv1.contoso.test']] }, { srv: false })
    await off.ask()
    expect(off.server.asked.filter((one) => one.startsWith('SRV'))).toEqual([])
  })

  it('hold while a question for them is lost, for a day', async () => {
    let now = 0
    const records = {
      [NAME]: [['CNAME', 'srv1.contoso.test']],
      [`_failover._tcp.${NAME}`]: [srv('srv1.contoso.test', 0), srv('srv3.contoso.test', 1)],
    } as const
    const { server, ask } = await start(records, {}, { now: () => now })
    const answer = await ask()
    expect(answer.map(({ url }) => url)).toContain('https://srv3.contoso.test:8443')
    server.ignored.add('SRV')
    expect(await ask()).toEqual(answer)
    now = 86_400_001
    expect(await ask()).toEqual([{ ...SRV1, designated: true }])
  })

  it('found before are no answer when nobody answers', async () => {
    const { server, ask } = await start({ [`_failover._tcp.${NAME}`]: [srv('srv1.contoso.test', 0)] })
    expect(await ask([])).toHaveLength(1)
    server.mode = 'silent'
    await expect(ask([])).rejects.toThrow(NAME)
  })

  it('make an answer even where the name itself has none', async () => {
    const { ask } = await start({ [`_failover._tcp.${NAME}`]: [srv('srv1.contoso.test', 0)] })
    expect(await ask([])).toEqual([{ url: 'https://srv1.contoso.test:8443', rank: 0 }])
  })
})

describe('the zone’s own name servers', () => {
  /** A cache that holds on to what it knows, and the zone behind it. */
  async function zone(): Promise<{ cache: NameServer; own: NameServer; ask: Asked['ask']; at: (ms: number) => void }> {
    const own = await startNameServer({ ...SERVERS, [NAME]: [['CNAME', 'srv1.contoso.test']] })
    const cache = await startNameServer({
      ...SERVERS,
      [NAME]: [['CNAME', 'srv1.contoso.test']],
      'contoso.test': [['NS', 'ns1.contoso.test']],
      'ns1.contoso.test': [['A', '127.0.0.1']],
    })
    let now = 0
    const options = { servers: [cache.at], timeoutMs: 300 }
    const resolver = createDnsResolver(options, { zonePort: own.port, now: () => now })
    const context = { hostname: NAME, url: URL, endpoints: [SRV1, SRV2], signal: new AbortController().signal }
    return { cache, own, ask: () => resolver.resolve(context), at: (ms) => (now = ms) }
  }

  it('know of a change at once, whatever a cache holds', async () => {
    const { own, ask } = await zone()
    expect(await ask()).toEqual([{ ...SRV1, designated: true }])
    own.records.set(NAME, [['CNAME', 'srv2.contoso.test']])
    expect(await ask()).toEqual([{ ...SRV2, designated: true }])
  })

  it('are believed when the configured servers have died', async () => {
    const { cache, own, ask, at } = await zone()
    await ask()
    cache.mode = 'servfail'
    own.records.set(NAME, [['CNAME', 'srv2.contoso.test']])
    at(301_000)
    expect(await ask()).toEqual([{ ...SRV2, designated: true }])
  })

  it.each(['silent', 'servfail', 'refused'] as const)(
    'that are %s are left alone for a minute: then the configured ones tell',
    async (mode) => {
      const { own, ask, at } = await zone()
      own.mode = mode
      expect(await ask()).toEqual([{ ...SRV1, designated: true }])
      const asked = own.asked.length
      expect(asked).toBeGreaterThan(0)
      expect(await ask()).toEqual([{ ...SRV1, designated: true }])
      expect(own.asked).toHaveLength(asked)
      own.mode = 'answers'
      own.records.set(NAME, [['CNAME', 'srv2.contoso.test']])
      at(61_000)
      expect(await ask()).toEqual([{ ...SRV2, designated: true }])
    },
  )
})

describe('name servers that fail', () => {
  it.each([
    ['nxdomain', 'does not exist'],
    ['servfail', 'ESERVFAIL'],
    ['refused', 'EREFUSED'],
    ['silent', 'ETIMEOUT'],
  ] as const)('%s: rejected, and the reason is told', async (mode, reason) => {
    const { server, ask } = await start({ [NAME]: [['A', '10.0.0.9']] })
    server.mode = mode
    await expect(ask()).rejects.toThrow(reason)
    server.mode = 'answers'
    expect(await ask()).toHaveLength(1)
  })

  it('an abort ends the questions', async () => {
    const server = await startNameServer({})
    server.mode = 'silent'
    const controller = new AbortController()
    const resolver = dnsResolver({ servers: [server.at], timeoutMs: 60_000, authoritative: false })
    const answer = resolver.resolve({ hostname: NAME, url: URL, endpoints: [], signal: controller.signal })
    controller.abort()
    await expect(answer).rejects.toThrow(/ECANCELLED|aborted/)
  })

  it('hosts files are asked where DNS has nothing', async () => {
    const { server } = await start({})
    const resolver = dnsResolver({ servers: [server.at], authoritative: false })
    const signal = new AbortController().signal
    // What every hosts file has.
    const answer = await resolver.resolve({ hostname: 'localhost', url: 'http://localhost:81', endpoints: [], signal })
    expect(answer[0]?.address).toMatch(/^127\.0\.0\.1$|^::1$/)
  })
})

describe('options', () => {
  it.each([
    ['servers', { servers: [] }],
    ['servers', { servers: ['ns1.contoso.test'] }],
    ['servers', { servers: '10.0.0.53' }],
    ['family', { family: 5 }],
    ['timeoutMs', { timeoutMs: 0 }],
    ['pollMs', { pollMs: 10 }],
    ['srv', { srv: 'yes' }],
    ['authoritative', { authoritative: 1 }],
    ['server', { server: '10.0.0.53' }],
    ['options', null],
  ])('a wrong %s is named', (field, options) => {
    expect(() => dnsResolver(options as DnsResolverOptions)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', fields: { field } }) as Error,
    )
  })
})

describe('the end', () => {
  it('of a round is heard by all of its questions, and Node sees no leak in that', async () => {
    const warnings: string[] = []
    const warned = ({ name }: Error): void => void warnings.push(name)
    process.on('warning', warned)
    const { ask, server } = await start({ [NAME]: [['A', '10.0.0.9']] })
    const endpoints = Array.from({ length: 12 }, (_unused, index) => ({ url: `https://srv${index}.contoso.test` }))
    await ask(endpoints)
    await new Promise(setImmediate)
    process.off('warning', warned)
    expect(server.asked.length).toBeGreaterThan(12)
    expect(warnings).toEqual([])
  })

  it('asks nobody any more, closed in the turn of the question', async () => {
    const server = await startNameServer({ [NAME]: [['A', '10.0.0.9']] })
    const resolver = createDnsResolver({ servers: [server.at], authoritative: false }, {})
    const signal = AbortSignal.abort()
    await expect(resolver.resolve({ hostname: NAME, url: URL, endpoints: [], signal })).rejects.toThrow('aborted')
    expect(server.asked).toEqual([])
  })
})
