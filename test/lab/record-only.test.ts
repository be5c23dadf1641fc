/**
 * The guide's "DNS record without a load balancer": a CNAME of the dedicated hostname leads to the active server, and
 * an administrator changes it. The client is configured with nothing but names, and asks the cache, as everybody does.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FailoverClientOptions } from 'failover-client'
import type { Cluster, ConnectionRecord } from 'failover-client/testing/node'
import { buildCli, removeCli } from '../support/cli'
import { diagnose, type Diagnosis } from '../support/doctor'
import { compareLog, elapse, EXACT, until } from '../support/harness'
import { addressOf, cut, type Cut, type LabHost } from './support/network'
import { arrivalsWithin, NOWHERE, reportBeside, startPlainClient, type PlainClient } from './support/plain-client'
import { alias, answerOf, firstEventFrom, fqdn, startClient, startNames, startServers, urlOf } from './support/world'
import type { LiveClient, Names } from './support/world'

const TOPIC = 'ucc/helpdesk/events'
/** How long the plain client is waited for. */
const PLAIN_MS = 3000
/** The promise of a followed CNAME. */
const FOLLOWED_MS = 15_000

/** Two lines of the guide's table of pools. */
const POOLS = {
  a365web1: { active: 'srv1', passive: 'srv2' },
  a365web2: { active: 'srv3', passive: 'srv4' },
} as const satisfies Record<string, { active: LabHost; passive: LabHost }>
type Hostname = keyof typeof POOLS

interface World extends LiveClient {
  readonly hostname: Hostname
  readonly cluster: Cluster
  readonly plain: PlainClient
  readonly generation: ReturnType<Cluster['generate']>
  /** Every state of the topic that was not `live`, since all of it was. */
  readonly lapses: readonly string[]
}

async function deploy(hostname: Hostname): Promise<World> {
  const { active, passive } = POOLS[hostname]
  const cluster = await startServers([active, passive])
  const options: FailoverClientOptions = { hostname: urlOf(hostname), endpoints: [urlOf(active), urlOf(passive)] }
  const live = await startClient(options)
  const { client, log } = live
  await until(
    'both run',
    () => client.endpoints.every(({ readiness }) => readiness === 'running'),
    15_000,
    () => client.endpoints,
  )
  const plain = startPlainClient(urlOf(hostname))
  await until('the plain client runs', () => plain.heard.fetch === active && plain.heard.ws === active, 9000)
  const lapses: string[] = []
  log.subscription.on('state', (state) => lapses.push(state))
  return { ...live, hostname, cluster, plain, lapses, generation: cluster.generate({ topic: TOPIC, perSecond: 50 }) }
}

async function world(ttl: number): Promise<World & { readonly names: Names }> {
  const names = await startNames({ a365web1: 'srv1' }, ttl)
  return { ...(await deploy('a365web1')), names }
}

/** Everything that was published has come, once and in order. */
async function expectExact({ generation, log }: Pick<World, 'generation' | 'log'>): Promise<void> {
  const published = generation.stop()
  await until('all arrived', () => log.keys.length >= published.length, 9000)
  expect(compareLog(published, log.keys)).toEqual(EXACT)
}

let cli = ''

beforeAll(async () => {
  cli = await buildCli()
})

afterAll(() => removeCli())

/** What the doctor says of that deployment, where the clients are. */
function askDoctor(hostname: Hostname): Promise<Diagnosis> {
  const endpoints = Object.values(POOLS[hostname]).flatMap((name) => ['--endpoint', fqdn(name)])
  return diagnose(cli, [urlOf(hostname), '--ucc', 'helpdesk', ...endpoints])
}

describe('the active server dies, and nobody touches DNS', () => {
  it.each<{ ttl: number; fault: string; how?: Cut }>([
    { ttl: 300, fault: 'killed' },
    { ttl: 3600, fault: 'killed' },
    { ttl: 3600, fault: 'black-holed', how: {} },
    { ttl: 300, fault: 'heard no more', how: { way: 'out' } },
    { ttl: 300, fault: 'reset by a firewall', how: { way: 'in', how: 'reset' } },
  ])('TTL $ttl s, $fault', async ({ ttl, fault, how }) => {
    const all = await world(ttl)
    const faultAt = performance.now()
    await (how === undefined ? all.cluster.kill('srv1') : cut('srv1', how))
    // Three times the targets of an announced and of a silent loss.
    const oursMs = await firstEventFrom(all, 'srv2', faultAt, how === undefined ? 3 * 150 : 3 * 1500)
    const boundMs = Math.max(PLAIN_MS, Math.ceil(oursMs))
    const theirs = await arrivalsWithin(all.plain, faultAt, 'srv2', boundMs)
    reportBeside(`DNS record, TTL ${ttl} s, active server ${fault}`, oursMs, theirs, boundMs)
    expect(theirs).toEqual(NOWHERE)
    await expectExact(all)
    expect(all.events.failover).toHaveLength(1)
    expect(all.client.active?.url).toBe(urlOf('srv2'))
    expect(await answerOf(all.names.zone, 'a365web1')).toEqual({ address: addressOf('srv1'), ttl })
  })
})

/** Make before break: the old connection outlived the dial of the new one, said goodbye, and all was live meanwhile. */
async function expectMadeBeforeBroken({ cluster, events, lapses }: World, from: LabHost, to: LabHost): Promise<void> {
  // The doctor's handshakes say no hello.
  const last = (name: LabHost): ConnectionRecord | undefined =>
    cluster
      .server(name)
      .connections()
      .filter(({ client }) => client !== undefined)
      .at(-1)
  await until('the old connection has ended', () => last(from)?.closedAt !== undefined, 9000)
  expect(last(from)).toMatchObject({ left: 'designation' })
  expect(last(to)).toMatchObject({ topics: [TOPIC], closedAt: undefined })
  expect(last(to)?.openedAt).toBeLessThan(last(from)?.closedAt ?? 0)
  expect(lapses).toEqual([])
  expect(events.stateChange.map((change) => change.to)).toEqual(['connected'])
  expect(events.failover).toEqual([])
}

describe('the administrator changes the CNAME while both servers are healthy', () => {
  async function follow(all: World, ttl: number, changedAt: number, from: LabHost, to: LabHost): Promise<void> {
    const { hostname, plain, events, client } = all
    const oursMs = await firstEventFrom(all, to, changedAt, FOLLOWED_MS)
    // Neither has gone to the passive server yet, the second time neither.
    const theirs = plain.since(changedAt, POOLS[hostname].passive)
    reportBeside(`DNS record, TTL ${ttl} s, CNAME changed to ${to}`, oursMs, theirs, Math.round(oursMs))
    expect(theirs).toEqual(NOWHERE)
    const isThere = ({ to: { url } }: (typeof events.switchover)[number]): boolean => url === urlOf(to)
    const moves = (): typeof events.switchover => [...events.switchover, ...events.failback].filter(isThere)
    await until('the move has ended', () => moves().length > 0, 9000)
    expect(moves()).toMatchObject([{ reason: 'designation', from: { url: urlOf(from) } }])
    await expectMadeBeforeBroken(all, from, to)
    // HTTP goes where the live connection is.
    expect(await (await client.fetch('/api/whoami')).json()).toMatchObject({ server: to })
  }

  it('TTL 300 s and TTL 3600 s: live connections move, and back, and lose nothing', async () => {
    const { zone } = await startNames({ a365web1: 'srv1' }, 300, [alias('a365web2', 'srv3', 3600)])
    // Side by side: nearly all of it is waiting for the next question to DNS.
    const short = await deploy('a365web1')
    const long = await deploy('a365web2')
    const both = [
      { all: short, ttl: 300 },
      { all: long, ttl: 3600 },
    ]
    for (const isBack of [false, true]) {
      const steps: Promise<void>[] = []
      for (const { all, ttl } of both) {
        const { active, passive } = POOLS[all.hostname]
        const [from, to] = isBack ? [passive, active] : [active, passive]
        const changedAt = performance.now()
        await zone.flip(fqdn(all.hostname), fqdn(to))
        steps.push(follow(all, ttl, changedAt, from, to))
      }
      const [{ said }] = await Promise.all([askDoctor('a365web2'), ...steps])
      // What it says where the zone's own name servers cannot be asked.
      expect(said).not.toContain('hint DNS_ZONE_SERVERS_UNREACHABLE')
    }
    await Promise.all(both.map(({ all }) => expectExact(all)))
  })

  it('behind nothing but a cache the TTL is added, and the doctor says so', async () => {
    const ttl = 20
    // A firewall between the clients and the zone's name server, as many companies have it.
    await cut('dns', { from: 'client' })
    const all = await world(ttl)
    const leftMs = await keptForMs(all.names, FOLLOWED_MS)
    const changedAt = performance.now()
    await all.names.zone.flip(fqdn('a365web1'), fqdn('srv2'))
    const [oursMs, { said, report }] = await Promise.all([
      firstEventFrom(all, 'srv2', changedAt, ttl * 1000 + FOLLOWED_MS),
      askDoctor('a365web1'),
    ])
    const theirs = all.plain.since(changedAt, 'srv2')
    reportBeside(`DNS record behind a cache, TTL ${ttl} s, CNAME changed to srv2`, oursMs, theirs, Math.round(oursMs))
    // Not before the cache had forgotten the old answer, which is later than it ever is where the zone can be asked.
    expect(oursMs).toBeGreaterThan(leftMs)
    await expectMadeBeforeBroken(all, 'srv1', 'srv2')
    await expectExact(all)
    expect(said).toContain('hint DNS_ZONE_SERVERS_UNREACHABLE')
    const finding = report.findings.find(({ code }) => code === 'DNS_ZONE_SERVERS_UNREACHABLE')
    expect(finding?.why).toContain('only when its TTL is over')
  })
})

/** Waits until the cache will keep what it has of the name for longer than that, and tells for how long. */
async function keptForMs({ cache }: Names, leastMs: number): Promise<number> {
  for (;;) {
    const answer = await answerOf(cache, 'a365web1')
    // A cache counts whole seconds: what is called 16 s is 15 s and a part.
    const leftMs = ((answer?.ttl ?? 0) - 1) * 1000
    if (leftMs > leastMs) return leftMs
    await elapse(50)
  }
}
