/**
 * The guide's "DNS record without a load balancer", on a real BIND 9: a CNAME to the active server, and an
 * administrator who changes it. Loopback; the zone's name server is at port 53, as everywhere.
 */
import { describe, expect, it } from 'vitest'
import { createFailoverClient, type FailoverClient } from 'failover-client'
import { dnsResolver } from 'failover-client/node'
import { compareLog, EXACT, onCleanup, record, recordLog, reportTimes, startHarness, until } from '../support/harness'
import { startBind, type Bind, type BindMode, type BindRecord } from './support/bind'

const ZONE = 'contoso.test'
const NAME = `a365web1.${ZONE}`
const ZONE_SERVER = '127.0.0.1'
const CACHE_PORT = 5301

interface World {
  readonly zone: Bind
  readonly client: FailoverClient
  readonly events: ReturnType<typeof record>
  readonly log: ReturnType<typeof recordLog>
  readonly cluster: Awaited<ReturnType<typeof startHarness>>['cluster']
}

/** A zone, a cache in front of it that the client is configured with, two servers, and a live client. */
async function world(ttl: number, options: { readonly authoritative?: boolean } = {}): Promise<World> {
  const { cluster } = await startHarness({ peers: false, terms: false })
  const hosts = cluster.servers.map((one): BindRecord => ({
    name: `${one.name}.${ZONE}`,
    type: 'A',
    ttl: 3600,
    values: [one.address],
  }))
  const alias: BindRecord = { name: NAME, type: 'CNAME', ttl, values: [`srv1.${ZONE}.`] }
  const zone = await startBind({ address: ZONE_SERVER, zones: [{ name: ZONE, records: [alias, ...hosts] }] })
  onCleanup(() => zone.stop())
  const cache = await startBind({ address: '127.0.0.1', port: CACHE_PORT, forwarders: [ZONE_SERVER] })
  onCleanup(() => cache.stop())
  const client = createFailoverClient({
    hostname: `http://${NAME}:${cluster.port}`,
    // This machine's resolver knows nothing of the zone: the servers' names are pinned.
    endpoints: cluster.servers.map(({ name, address }) => ({
      url: `http://${name}.${ZONE}:${cluster.port}`,
      address,
      name,
    })),
    ucc: 'helpdesk',
    resolver: dnsResolver({ servers: [`127.0.0.1:${CACHE_PORT}`], timeoutMs: 500, ...options }),
    failover: { spreadMs: 0 },
  })
  onCleanup(() => client.close())
  const events = record(client)
  const log = recordLog(client, 'ucc/helpdesk/events')
  await until(
    'live',
    () => log.subscription.state === 'live',
    9000,
    () => [client.state, events.warning],
  )
  await until('both run', () => client.endpoints.every(({ readiness }) => readiness === 'running'), 9000)
  return { zone, client, events, log, cluster }
}

const moves = ({ events }: World): number => events.switchover.length + events.failback.length

describe('the administrator changes the CNAME while both servers are healthy', () => {
  it.each([300, 3600])('TTL %i s: live connections move within 15 s, and lose nothing; back as well', async (ttl) => {
    const all = await world(ttl)
    const generation = all.cluster.generate({ topic: 'ucc/helpdesk/events', perSecond: 50 })
    const times: number[] = []
    for (const [count, to] of ['srv2', 'srv1'].entries()) {
      const changedAt = performance.now()
      await all.zone.flip(NAME, `${to}.${ZONE}`)
      await until(
        `moved to ${to}`,
        () => moves(all) === count + 1,
        15_000,
        () => all.client.decisions().slice(-5),
      )
      times.push(performance.now() - changedAt)
      expect(all.client.active?.name).toBe(to)
    }
    reportTimes(`CNAME changed to moved, TTL ${ttl} s (target 15000 ms)`, times)
    const published = generation.stop()
    await until('all arrived', () => all.log.keys.length >= published.length, 9000)
    expect(compareLog(published, all.log.keys)).toEqual(EXACT)
    expect(all.events.failover).toEqual([])
  })

  it('behind a cache alone it is followed when its TTL is over', async () => {
    const ttl = 10
    const all = await world(ttl, { authoritative: false })
    const changedAt = performance.now()
    await all.zone.flip(NAME, `srv2.${ZONE}`)
    await until(
      'moved',
      () => moves(all) === 1,
      15_000 + ttl * 1000,
      () => all.client.decisions().slice(-5),
    )
    reportTimes(`CNAME changed to moved, behind a cache, TTL ${ttl} s`, [performance.now() - changedAt])
    expect(all.client.active?.name).toBe('srv2')
  })
})

describe('the name server fails', () => {
  it.each(['dead', 'hung', 'servfail', 'nxdomain', 'refused'] as const)(
    '%s: a failover needs it not, and it is told once',
    async (mode: BindMode) => {
      const all = await world(1)
      await all.zone.lame(mode)
      const failed = (): number => all.events.warning.filter(({ code }) => code === 'RESOLVER_FAILED').length
      await until(
        'told',
        () => failed() === 1,
        30_000,
        () => all.events.warning,
      )
      const killedAt = performance.now()
      await all.cluster.kill('srv1')
      await until(
        'failed over',
        () => all.events.failover.length === 1,
        9000,
        () => all.client.decisions().slice(-5),
      )
      reportTimes(`failover, name server ${mode}`, [performance.now() - killedAt])
      expect(all.client.active?.name).toBe('srv2')
      expect(failed()).toBe(1)
    },
  )
})
