/** HTTP at 300 requests a second while the active server is killed, hangs or drains. */
import { describe, expect, it } from 'vitest'
import { isFailoverError, type FailoverClient } from 'failover-client'
import type { Cluster } from 'failover-client/testing/node'
import { reportTimes, startHarness, until } from '../support/harness'

const RATE_PER_SEC = 300
/**
 * A machine that cannot keep this pace starts fewer: requests that queue up without end would measure the machine. As
 * many as this are a second's worth; in a failover that takes no longer all of them are started.
 */
const MAX_IN_FLIGHT = RATE_PER_SEC
/** After a stall the pace goes on; it does not catch up at once. */
const MAX_OWED = RATE_PER_SEC / 10
/** Three times the defaults, like every bound here: `npm run bench` holds the library to its numbers with defaults. */
const PATIENT = { requests: { readyTimeoutMs: 15_000, timeoutMs: 45_000 } }
/** POSTs and every tenth request take this long, so that some are in flight when the server dies. */
const IN_FLIGHT_MS = 60

interface Answer {
  readonly key: string
  readonly atMs: number
  readonly tookMs: number
  readonly status?: number
  readonly server?: string
  readonly error?: unknown
}

interface Load {
  readonly gets: Answer[]
  readonly posts: Answer[]
  readonly begunAt: number
  started: number
  stop(): Promise<void>
}

/** Two GETs for each POST, at an even pace. */
function startLoad(client: FailoverClient): Load {
  const pending = new Set<Promise<void>>()
  let paced = performance.now()
  let owed = 0
  let isStopped = false
  let resolveStopped: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => (resolveStopped = resolve))
  const load: Load = {
    gets: [],
    posts: [],
    begunAt: paced,
    started: 0,
    stop: async () => {
      isStopped = true
      await stopped
      await Promise.all(pending)
    },
  }
  const one = async (key: string, isPost: boolean): Promise<void> => {
    const atMs = performance.now()
    const took = (): { key: string; atMs: number; tookMs: number } => ({ key, atMs, tookMs: performance.now() - atMs })
    const list = isPost ? load.posts : load.gets
    try {
      const response = isPost
        ? await client.fetch('/api/ucc/helpdesk/actions', { method: 'POST', body: key })
        : await client.fetch(key.endsWith('0') ? `/api/slow?ms=${IN_FLIGHT_MS}` : '/api/ucc/helpdesk/agents')
      const { server } = (await response.json()) as { server: string }
      list.push({ ...took(), status: response.status, server })
    } catch (error) {
      list.push({ ...took(), error })
    }
  }
  const pace = (): void => {
    if (isStopped) return resolveStopped()
    const now = performance.now()
    owed = Math.min(MAX_OWED, owed + ((now - paced) / 1000) * RATE_PER_SEC)
    paced = now
    for (; owed >= 1 && pending.size < MAX_IN_FLIGHT; owed -= 1) {
      const work = one(`n${load.started}`, load.started % 3 === 2)
      load.started += 1
      pending.add(work)
      void work.finally(() => pending.delete(work))
    }
    setTimeout(pace, 3)
  }
  pace()
  return load
}

/** How often each POST was executed, by its body. */
function executions(cluster: Cluster): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { kind, status, args } of cluster.ledger.all()) {
    if (kind === 'http' && status === 'executed') counts.set(String(args), (counts.get(String(args)) ?? 0) + 1)
  }
  return counts
}

function codeOf(error: unknown): string {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause
  return cause?.code ?? String(error)
}

function checkAnswers(load: Load, cluster: Cluster, client: string): void {
  const failed = load.gets.filter(({ error, status }) => error !== undefined || status !== 200)
  const began = (atMs: number): string => `${(atMs - load.begunAt).toFixed(0)} ms after the first`
  expect(
    failed.map(({ error, status, atMs, tookMs }) => [status ?? codeOf(error), tookMs, began(atMs)]),
    `${client}: GETs that failed`,
  ).toEqual([])
  const doubtful = load.posts.filter(({ error }) => isFailoverError(error, 'OUTCOME_UNKNOWN'))
  const neither = load.posts.filter(({ error, status }) => status !== 200 && !isFailoverError(error, 'OUTCOME_UNKNOWN'))
  expect(
    neither.map(({ error, status }) => status ?? codeOf(error)),
    'POSTs neither answered nor in doubt',
  ).toEqual([])
  const counts = executions(cluster)
  expect([...counts].filter(([, count]) => count > 1)).toEqual([])
  for (const { key, error } of load.posts) if (error === undefined) expect(counts.get(key), key).toBe(1)
  const perSec = load.started / ((performance.now() - load.begunAt) / 1000)
  const worstMs = Math.max(...load.gets.map(({ tookMs }) => tookMs))
  console.log(
    `${client}: ${perSec.toFixed(0)} a second, ${load.gets.length} GETs (0 failed, worst ${worstMs.toFixed(0)} ms), ` +
      `${load.posts.length} POSTs (${doubtful.length} OUTCOME_UNKNOWN)`,
  )
}

describe('300 requests a second', () => {
  it.each([
    ['without a live connection', false],
    ['with a live connection', true],
  ])('while the active server is killed, %s', async (name, live) => {
    const { cluster, connect } = await startHarness({ commandDelayMs: IN_FLIGHT_MS })
    const { client, events } = connect(PATIENT)
    if (live) client.subscribe('ucc/helpdesk/agents')
    await client.ready({ timeoutMs: 9000 })
    const load = startLoad(client)
    await until('srv1 answers', () => load.gets.filter(({ server }) => server === 'srv1').length > 200, 9000)
    const killed = await cluster.kill('srv1')
    const answeredBy2 = (): Answer | undefined => load.gets.find(({ server }) => server === 'srv2')
    await until('srv2 answers', () => answeredBy2() !== undefined, 9000)
    await until(
      'srv2 answers for a while',
      () => load.gets.filter(({ server }) => server === 'srv2').length > 300,
      9000,
    )
    await load.stop()
    checkAnswers(load, cluster, name)
    const first = load.gets.filter(({ server }) => server === 'srv2').map(({ atMs, tookMs }) => atMs + tookMs)
    reportTimes(`first answer of the other server after the kill, ${name}`, [Math.min(...first) - killed.atMonotonicMs])
    expect(client.active?.server).toBe('srv2')
    // One event for each request in doubt: the application reconciles from it.
    const doubtful = load.posts.filter(({ error }) => error !== undefined)
    expect(doubtful.length).toBeGreaterThan(0)
    expect(events.outcomeUnknown.filter(({ kind }) => kind === 'request')).toHaveLength(doubtful.length)
    for (const { subject, sentence } of events.outcomeUnknown) {
      expect(subject).toBe('POST /api/ucc/helpdesk/actions')
      expect(sentence).toContain('may have been executed')
    }
    expect(cluster.ledger.violations()).toEqual([])
  })

  it('while the active server hangs: GETs in flight move, no POST is repeated', async () => {
    const { cluster, connect } = await startHarness()
    const { client } = connect({ requests: { timeoutMs: 8000 } })
    client.subscribe('ucc/helpdesk/agents')
    await client.ready({ timeoutMs: 9000 })
    const load = startLoad(client)
    await until('srv1 answers', () => load.gets.filter(({ server }) => server === 'srv1').length > 100, 9000)
    await cluster.hang('srv1')
    await until('srv2 answers', () => load.gets.filter(({ server }) => server === 'srv2').length > 100, 9000)
    await load.stop()
    await cluster.kill('srv1')
    checkAnswers(load, cluster, 'hang')
  })

  it('while the active server drains: nothing fails and nothing is in doubt', async () => {
    const { cluster, connect } = await startHarness()
    const { client } = connect()
    client.subscribe('ucc/helpdesk/agents')
    await client.ready({ timeoutMs: 9000 })
    const load = startLoad(client)
    await until('srv1 answers', () => load.gets.filter(({ server }) => server === 'srv1').length > 100, 9000)
    await cluster.drain('srv1', { leaveWithinMs: 3000 })
    await until('srv2 answers', () => load.gets.filter(({ server }) => server === 'srv2').length > 100, 12_000)
    await load.stop()
    checkAnswers(load, cluster, 'drain')
    expect(load.posts.filter(({ error }) => error !== undefined)).toEqual([])
  })
})

describe('Retry-After', () => {
  it('is honoured on one server: not asked again before; the answer is returned when it is too far away', async () => {
    const { cluster, connect } = await startHarness({ servers: 1 })
    const { client } = connect({ requests: { timeoutMs: 5000 } })
    await client.ready({ timeoutMs: 9000 })
    const started = performance.now()
    const response = await client.fetch('/api/status/503?retryAfter=1')
    expect(response.status).toBe(503)
    // Two retries, each a second after the answer before it.
    expect(performance.now() - started).toBeGreaterThanOrEqual(1980)
    const asked = (): number[] =>
      cluster
        .server('srv1')
        .requests()
        .filter(({ url }) => url === '/api/status/503?retryAfter=1')
        .map(({ at }) => at)
    await until('all three are noted', () => asked().length >= 3, 3000)
    const gaps = asked().map((at, index, all) => at - (all[index - 1] ?? -Infinity))
    expect(gaps).toHaveLength(3)
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(980)
    const again = performance.now()
    expect((await client.fetch('/api/status/503?retryAfter=60')).status).toBe(503)
    expect(performance.now() - again).toBeLessThan(3000)
  })

  it('binds its endpoint only: another candidate is asked at once', async () => {
    const { cluster, connect } = await startHarness()
    const { client } = connect()
    await client.ready({ timeoutMs: 9000 })
    await until('both run', () => client.endpoints.every(({ readiness }) => readiness === 'running'), 9000)
    const started = performance.now()
    const response = await client.fetch('/api/status/503?retryAfter=2')
    const tookMs = performance.now() - started
    expect(response.status).toBe(503)
    const asked = (name: string): number =>
      cluster
        .server(name)
        .requests()
        .filter(({ url }) => url.startsWith('/api/status')).length
    await until('both were asked', () => asked('srv1') >= 1 && asked('srv2') >= 1, 3000)
    // The third attempt waits for whoever is free first.
    expect(tookMs).toBeGreaterThanOrEqual(1900)
    expect(asked('srv1') + asked('srv2')).toBeLessThanOrEqual(3)
    expect(client.endpoints.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
  })
})
