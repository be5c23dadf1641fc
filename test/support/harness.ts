/** A real cluster and real clients for integration tests: everything is closed after each test, in order. */
import { afterEach } from 'vitest'
import {
  createFailoverClient,
  type FailoverClient,
  type FailoverClientOptions,
  type FailoverEvents,
} from 'failover-client'
import type { Change, LogTopic, SubscribeOptions, Subscription } from 'failover-client'
import { startCluster, type Cluster, type ClusterOptions, type Published } from 'failover-client/testing/node'

type Recorded = { [Name in keyof FailoverEvents]: FailoverEvents[Name][] }

export interface Harness {
  readonly cluster: Cluster
  /** A client of this cluster. All its events are recorded from the start. */
  connect(options?: Partial<FailoverClientOptions>): Connected
}

export interface Connected {
  readonly client: FailoverClient
  readonly events: Recorded
}

const EVENT_NAMES = [
  'stateChange',
  'endpointChange',
  'topologyChange',
  'failover',
  'switchover',
  'failback',
  'resume',
  'gap',
  'outcomeUnknown',
  'warning',
  'decision',
] as const

const cleanups: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** To be undone after the test. */
export function onCleanup(cleanup: () => Promise<void>): void {
  cleanups.push(cleanup)
}

/** Starts a cluster; it and all clients are closed after the test. */
export async function startHarness(options: ClusterOptions = {}): Promise<Harness> {
  const cluster = await startCluster(options)
  cleanups.push(() => cluster.close())
  return {
    cluster,
    connect: (more = {}) => {
      const client = createFailoverClient({
        hostname: cluster.hostname,
        endpoints: [...cluster.endpoints],
        ucc: 'helpdesk',
        ...more,
      })
      cleanups.push(() => client.close())
      return { client, events: record(client) }
    },
  }
}

/** Everything a client says, by event. */
export function record(client: FailoverClient): Recorded {
  const recorded = Object.fromEntries(EVENT_NAMES.map((name) => [name, []])) as unknown as Recorded
  for (const name of EVENT_NAMES) client.on(name, (event) => (recorded[name] as unknown[]).push(event))
  return recorded
}

/**
 * Waits for a condition, checking it every few milliseconds; resolves with how long it took.
 * @throws Error that says what did not come, and what `state()` shows, after `withinMs`.
 */
export async function until(
  what: string,
  condition: () => boolean,
  withinMs: number,
  state: () => unknown = () => '',
): Promise<number> {
  const started = performance.now()
  while (!condition()) {
    const waited = performance.now() - started
    if (waited > withinMs) throw new Error(`not within ${withinMs} ms: ${what} ${JSON.stringify(state())}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return performance.now() - started
}

/** Lets time pass where time itself is the condition ("nothing happens for"): never to wait for something. */
export async function elapse(ms: number): Promise<void> {
  const started = performance.now()
  await until(`${ms} ms to pass`, () => performance.now() - started >= ms, ms + 5000)
}

export interface LogRecord {
  /** Keys of the messages delivered, in order; gaps as `gap`. */
  readonly keys: readonly string[]
  readonly changes: readonly Change[]
  /** `performance.now()` of each change. */
  readonly at: readonly number[]
  readonly subscription: Subscription
}

/** Subscribes a log and keeps what it delivers. */
export function recordLog(client: FailoverClient, topic: string | LogTopic, options: SubscribeOptions = {}): LogRecord {
  const subscription: Subscription =
    typeof topic === 'string' ? client.subscribe(topic, options) : client.subscribe(topic, options)
  const record = { keys: [] as string[], changes: [] as Change[], at: [] as number[], subscription }
  subscription.on('change', (change) => {
    record.keys.push(change.op === 'gap' ? 'gap' : change.key)
    record.changes.push(change)
    record.at.push(performance.now())
  })
  return record
}

/** What is wrong with a log against what was published: lost, duplicated, out of order, gaps. All empty when exact. */
export function compareLog(published: readonly Published[], delivered: readonly string[]): Record<string, string[]> {
  const expected = published.map((one) => one.key)
  const seen = new Map<string, number>()
  for (const key of delivered) seen.set(key, (seen.get(key) ?? 0) + 1)
  const places = new Map(expected.map((key, index) => [key, index]))
  const known = delivered.filter((key) => places.has(key))
  return {
    lost: expected.filter((key) => !seen.has(key)),
    duplicated: [...seen].filter(([, count]) => count > 1).map(([key]) => key),
    unordered: known.filter(
      (key, index) => index > 0 && (places.get(key) ?? 0) < (places.get(known[index - 1] ?? '') ?? 0),
    ),
    foreign: delivered.filter((key) => !places.has(key)),
  }
}

export const EXACT: Record<string, string[]> = { lost: [], duplicated: [], unordered: [], foreign: [] }

/** Middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[middle] ?? NaN) : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

/** One line of measured times, kept in the test output: numbers are reported, and held to 3 × their target here. */
export function reportTimes(what: string, valuesMs: readonly number[]): void {
  const sorted = [...valuesMs].sort((a, b) => a - b)
  const shown = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(0))
  console.log(`${what}: median ${shown(median(sorted))} ms, worst ${shown(sorted.at(-1))} ms, n=${sorted.length}`)
}
