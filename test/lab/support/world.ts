/**
 * The guide's deployment in the lab: servers in network namespaces of their own, the zone `contoso.test` on a name
 * server, and a cache in front of it, which is what everybody here is configured with.
 */
import type { RecordWithTtl } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { createFailoverClient, type FailoverClient, type FailoverClientOptions } from 'failover-client'
import { startCluster, type Cluster, type ClusterOptions } from 'failover-client/testing/node'
import { onCleanup, record, recordLog, until, type LogRecord } from '../../support/harness'
import { startBind, type Bind, type BindRecord, type BindZone } from './bind'
import { addressOf, within, type LabHost } from './network'

export const ZONE = 'contoso.test'
/** The port of everything that speaks HTTP. */
const PORT = 80

/** `srv1` as `srv1.contoso.test`. */
export function fqdn(host: string): string {
  return `${host}.${ZONE}`
}

export function urlOf(host: string): string {
  return `http://${fqdn(host)}`
}

export interface Names {
  /** The zone's own name server. */
  readonly zone: Bind
  /** Which answers from its cache until a TTL is over. */
  readonly cache: Bind
}

/** A dedicated hostname's record. */
export function alias(name: string, target: string, ttl: number): BindRecord {
  return { name: fqdn(name), type: 'CNAME', ttl, values: [`${fqdn(target)}.`] }
}

/**
 * Dedicated hostnames as CNAMEs, by their first label: `{ a365web1: 'srv1' }`. `further`: other records of the zone;
 * `foreign`: zones of somebody else, on the same name server.
 */
export async function startNames(
  aliases: Readonly<Record<string, string>>,
  ttl: number,
  further: readonly BindRecord[] = [],
  foreign: readonly BindZone[] = [],
): Promise<Names> {
  const hosts = (['lb1', 'lb2', 'srv1', 'srv2', 'srv3', 'srv4'] as const).map((host): BindRecord => ({
    name: fqdn(host),
    type: 'A',
    ttl: 3600,
    values: [addressOf(host)],
  }))
  const records = Object.entries(aliases).map(([name, target]) => alias(name, target, ttl))
  const zones = [{ name: ZONE, records: [...records, ...hosts, ...further] }, ...foreign]
  const zone = await startBind({ address: addressOf('dns'), zones, within: within('dns') })
  onCleanup(() => zone.stop())
  const cache = await startBind({
    address: addressOf('cache'),
    forwarders: [addressOf('dns')],
    within: within('cache'),
  })
  onCleanup(() => cache.stop())
  return { zone, cache }
}

/** What that name server says of a dedicated hostname: its address, and for how many seconds that may be kept. */
export async function answerOf({ address, port }: Bind, name: string): Promise<RecordWithTtl | undefined> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  resolver.setServers([`${address}:${port}`])
  return (await resolver.resolve4(fqdn(name), { ttl: true }))[0]
}

/** Servers at their hosts, by their own names; nothing of this library's own on top: no peers, no terms. */
export async function startServers(names: readonly LabHost[], options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await startCluster({
    servers: names,
    addresses: names.map(addressOf),
    port: PORT,
    within: Object.fromEntries(names.map((name) => [name, within(name)])),
    peers: false,
    terms: false,
    ...options,
  })
  onCleanup(() => cluster.close())
  return cluster
}

export interface LiveClient {
  readonly client: FailoverClient
  readonly events: ReturnType<typeof record>
  readonly log: LogRecord
}

/** A client with a live log, that knows every endpoint as running. */
export async function startClient(options: FailoverClientOptions): Promise<LiveClient> {
  const client = createFailoverClient({ ucc: 'helpdesk', ...options })
  onCleanup(() => client.close())
  return watch(client, options.ucc ?? 'helpdesk')
}

/** The same of a client that was made otherwise. */
export async function watch(client: FailoverClient, ucc: string): Promise<LiveClient> {
  const events = record(client)
  const log = recordLog(client, `ucc/${ucc}/events`)
  const state = (): unknown => [client.state, client.endpoints, events.warning]
  await until('live', () => log.subscription.state === 'live', 15_000, state)
  return { client, events, log }
}

/**
 * Waits until an event of that server has come, and tells how long after the fault that was. Time in which the machine
 * stopped this very process is waited for on top.
 */
export async function firstEventFrom(
  { log, client, events }: LiveClient,
  server: string,
  faultAt: number,
  withinMs: number,
): Promise<number> {
  const index = (): number =>
    log.changes.findIndex((change, at) => change.server === server && (log.at[at] ?? 0) >= faultAt)
  const state = (): unknown => client.decisions().slice(-8)
  const pausedMs = (): number => {
    const pauses = events.decision.filter(({ kind, at }) => kind === 'own-pause' && at >= wallClock(faultAt))
    return pauses.reduce((sum, { facts }) => sum + Number(facts?.['lateMs'] ?? 0), 0)
  }
  const isLate = (): boolean => performance.now() - faultAt > withinMs + pausedMs()
  await until(`the first event of ${server}`, () => index() >= 0 || isLate(), 3 * withinMs, state)
  if (index() < 0) throw new Error(`no event of ${server} within ${withinMs} ms ${JSON.stringify(state())}`)
  return (log.at[index()] ?? NaN) - faultAt
}

function wallClock(monotonicMs: number): number {
  return performance.timeOrigin + monotonicMs
}
