/** The dedicated hostname resolved by the client itself: flips are followed, name servers that fail are survived. */
import { describe, expect, it } from 'vitest'
import { createFailoverClient, type FailoverClient, type FailoverClientOptions, type Store } from 'failover-client'
import { dnsResolver } from 'failover-client/node'
import type { Cluster } from 'failover-client/testing/node'
import { compareLog, EXACT, onCleanup, record, recordLog, reportTimes, startHarness, until } from '../support/harness'
import { startNameServer, type NameRecord, type NameServer, type NameServerMode } from '../support/name-server'

const NAME = 'a365web1.contoso.test'

interface World {
  readonly cluster: Cluster
  readonly dns: NameServer
  readonly client: FailoverClient
  readonly events: ReturnType<typeof record>
}

/** What the guide says: a CNAME to the active server's name; or its address. */
async function world(
  records: (cluster: Cluster) => Readonly<Record<string, readonly NameRecord[]>>,
  more: (cluster: Cluster) => Partial<FailoverClientOptions> = () => ({}),
  pollMs = 1000,
): Promise<World> {
  // Without terms and peers: nobody but DNS says who is meant.
  const { cluster } = await startHarness({ peers: false, terms: false })
  const dns = await startNameServer(records(cluster))
  const client = createFailoverClient({
    hostname: `http://${NAME}:${cluster.port}`,
    ucc: 'helpdesk',
    resolver: dnsResolver({ servers: [dns.at], authoritative: false, pollMs, timeoutMs: 300 }),
    failover: { spreadMs: 0 },
    ...more(cluster),
  })
  onCleanup(() => client.close())
  return { cluster, dns, client, events: record(client) }
}

function address(cluster: Cluster, name: string): string {
  return cluster.server(name).address
}

/** Both servers by their own names, pinned: nothing on this machine resolves them. */
function named(cluster: Cluster): Partial<FailoverClientOptions> {
  const endpoints = cluster.servers.map(({ name, address: pinned }) => ({
    url: `http://${name}.contoso.test:${cluster.port}`,
    address: pinned,
    name,
  }))
  return { endpoints }
}

describe('only the dedicated hostname is configured', () => {
  it('its address is found, and a changed one is a planned move that loses nothing', async () => {
    const { cluster, dns, client, events } = await world((all) => ({ [NAME]: [['A', address(all, 'srv1'), 3600]] }))
    const log = recordLog(client, 'ucc/helpdesk/events')
    await until(
      'live',
      () => log.subscription.state === 'live',
      9000,
      () => [client.state, events.warning],
    )
    expect(client.active).toMatchObject({ server: 'srv1', address: address(cluster, 'srv1') })
    const generator = cluster.generate({ topic: 'ucc/helpdesk/events', perSecond: 50 })
    const flippedAt = performance.now()
    dns.records.set(NAME, [['A', address(cluster, 'srv2'), 3600]])
    await until(
      'moved',
      () => events.switchover.length === 1,
      15_000,
      () => client.decisions().slice(-5),
    )
    reportTimes('flip to moved (poll 1000 ms, target 15 s)', [performance.now() - flippedAt])
    expect(events.switchover[0]).toMatchObject({ reason: 'designation', to: { server: 'srv2' } })
    const published = generator.stop()
    await until('all arrived', () => log.keys.length >= published.length, 9000)
    expect(compareLog(published, log.keys)).toEqual(EXACT)
    expect(events.failover).toEqual([])
    // The name is a road to the pool, not a second server.
    expect(events.warning.map(({ code }) => code)).not.toContain('DUPLICATE_SERVER')
  })

  it('and it does not exist: ready() ends with RESOLVE_FAILED', async () => {
    const { client } = await world(() => ({}))
    await expect(client.ready({ timeoutMs: 9000 })).rejects.toMatchObject({ code: 'RESOLVE_FAILED' })
  })
})

describe('beside configured endpoints', () => {
  it('the CNAME designates one of them; flipped it is followed, flipped back as well', async () => {
    const { cluster, dns, client, events } = await world(
      (all) => ({
        [NAME]: [['CNAME', 'srv1.contoso.test']],
        'srv1.contoso.test': [['A', address(all, 'srv1')]],
        'srv2.contoso.test': [['A', address(all, 'srv2')]],
      }),
      named,
    )
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until(
      'live',
      () => agents.state === 'live',
      9000,
      () => [client.state, events.warning],
    )
    await until('both run', () => client.endpoints.every(({ readiness }) => readiness === 'running'), 9000)
    // DNS names nobody new.
    expect(client.endpoints).toHaveLength(cluster.servers.length)
    for (const [count, to] of ['srv2', 'srv1'].entries()) {
      dns.records.set(NAME, [['CNAME', `${to}.contoso.test`]])
      const moves = (): number => events.switchover.length + events.failback.length
      await until(
        `moved to ${to}`,
        () => moves() === count + 1,
        15_000,
        () => client.decisions().slice(-5),
      )
      expect(client.active?.name).toBe(to)
    }
  })

  it.each([
    ['silent', 'silent'],
    ['without the name', 'nxdomain'],
    ['broken', 'servfail'],
    ['refusing', 'refused'],
  ] as const)('a name server that is %s is told once, and costs nothing', async (_what, mode: NameServerMode) => {
    const { cluster, dns, client, events } = await world(() => ({ [NAME]: [['CNAME', 'srv1.contoso.test']] }), named)
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('live', () => agents.state === 'live', 9000)
    await until('both run', () => client.endpoints.every(({ readiness }) => readiness === 'running'), 9000)
    dns.mode = mode
    const failed = (): number => events.warning.filter(({ code }) => code === 'RESOLVER_FAILED').length
    await until(
      'told',
      () => failed() === 1,
      15_000,
      () => events.warning,
    )
    await cluster.kill('srv1')
    await until(
      'failed over',
      () => events.failover.length === 1,
      9000,
      () => client.decisions().slice(-5),
    )
    await until('live again', () => agents.state === 'live', 9000)
    expect(client.active?.server).toBe('srv2')
    expect(failed()).toBe(1)
  })

  it('a lie leads nobody away: an address where no server of ours answers is never moved to', async () => {
    const { dns, client, events } = await world(() => ({ [NAME]: [['CNAME', 'srv1.contoso.test']] }), named)
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('live', () => agents.state === 'live', 9000)
    const asked = dns.asked.length
    dns.records.set(NAME, [['CNAME', 'www.evil.example']])
    dns.records.set('www.evil.example', [['A', '127.66.6.6']])
    await until('it is known', () => client.endpoints.some((one) => one.address === '127.66.6.6'), 15_000)
    await until('asked again and again', () => dns.asked.length > asked + 20, 15_000)
    expect(client.active?.server).toBe('srv1')
    expect(events.switchover.concat(events.failover as never)).toEqual([])
    expect(agents.state).toBe('live')
  })

  it('the name is asked for again at once when a server is lost', async () => {
    const { cluster, dns, client, events } = await world(
      () => ({ [NAME]: [['CNAME', 'srv1.contoso.test']] }),
      named,
      600_000,
    )
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('live', () => agents.state === 'live', 9000)
    await until('both run', () => client.endpoints.every(({ readiness }) => readiness === 'running'), 9000)
    const asked = dns.asked.length
    await cluster.kill('srv1')
    await until('failed over', () => events.failover.length === 1, 9000)
    await until('asked', () => dns.asked.length > asked, 3000)
  })
})

describe('a cold start with no name server and no active server', () => {
  it('goes where the names led in the run before', async () => {
    const { cluster } = await startHarness({ peers: false })
    const url = (name: string): string => `http://${name}.contoso.test:${cluster.port}`
    const addresses = Object.fromEntries(cluster.servers.map((one) => [`${one.name}.contoso.test`, one.address]))
    const stored = {
      version: 1,
      savedAt: Date.now(),
      endpoints: [{ url: url('srv1') }, { url: url('srv2') }],
      addresses,
    }
    let saved = ''
    const store: Store = { load: () => JSON.stringify(stored), save: (_key, text) => void (saved = text) }
    await cluster.kill('srv1')
    const dns = await startNameServer({})
    dns.mode = 'silent'
    const client = createFailoverClient({
      hostname: `http://${NAME}:${cluster.port}`,
      endpoints: [url('srv1'), url('srv2')],
      ucc: 'helpdesk',
      resolver: dnsResolver({ servers: [dns.at] }),
      store,
    })
    onCleanup(() => client.close())
    const startedAt = performance.now()
    await client.ready({ timeoutMs: 9000 })
    reportTimes('cold start, DNS silent, active server dead', [performance.now() - startedAt])
    expect(client.active?.server).toBe('srv2')
    await until('it is kept for the next run', () => saved.includes('addresses'), 9000)
    expect((JSON.parse(saved) as typeof stored).addresses).toMatchObject({
      'srv2.contoso.test': addresses['srv2.contoso.test'],
    })
  })
})
