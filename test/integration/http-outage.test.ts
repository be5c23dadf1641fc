/** A total outage: attempts stay within the retry budget, calls end in time, and with an error that says why. */
import { describe, expect, it } from 'vitest'
import { DEFAULTS, isFailoverError, type FailoverClient } from 'failover-client'
import type { Cluster } from 'failover-client/testing/node'
import { reportTimes, startHarness, until } from '../support/harness'

const MAX_ATTEMPTS_A_REQUEST = 1.4

interface Outcome {
  readonly status?: number
  readonly error?: unknown
  readonly tookMs: number
}

async function ask(client: FailoverClient, path: string): Promise<Outcome> {
  const started = performance.now()
  try {
    const response = await client.fetch(path)
    await response.text()
    return { status: response.status, tookMs: performance.now() - started }
  } catch (error) {
    return { error, tookMs: performance.now() - started }
  }
}

/** So many at an even pace; resolves when all have ended. */
async function askMany(client: FailoverClient, path: string, count: number, perSec: number): Promise<Outcome[]> {
  const started = performance.now()
  const pending: Promise<Outcome>[] = []
  while (pending.length < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - started) / 1000) * perSec))
    while (pending.length < due) pending.push(ask(client, path))
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
  return Promise.all(pending)
}

function arrived(cluster: Cluster, path: string): number {
  return cluster.servers.flatMap((server) => server.requests().filter(({ url }) => url === path)).length
}

async function warmUp(client: FailoverClient, requests: number): Promise<void> {
  await client.ready({ timeoutMs: 9000 })
  await until('both run', () => client.endpoints.every(({ readiness }) => readiness === 'running'), 9000)
  const good = await askMany(client, '/api/whoami', requests, 400)
  expect(good.filter(({ status }) => status !== 200)).toEqual([])
}

describe('a total outage', () => {
  it.each([
    [502, {}],
    [503, {}],
    // A full budget: what a long calm day leaves.
    [503, { retry: { tokens: DEFAULTS.retry.maxTokens } }],
    [504, {}],
  ])('of %i from every server, %o: at most 1.4 attempts a request', async (status, options) => {
    const { cluster, connect } = await startHarness()
    const { client } = connect(options)
    await warmUp(client, 200)
    const path = `/api/status/${status}`
    const outcomes = await askMany(client, path, 300, 300)
    expect(outcomes.filter((outcome) => outcome.status !== status)).toEqual([])
    const last = `/api/last-${status}`
    await Promise.all(cluster.servers.map((server) => fetch(server.url + last)))
    await until('all is counted', () => arrived(cluster, last) === 2, 3000)
    const attempts = arrived(cluster, path) / outcomes.length
    console.log(`${status} everywhere: ${attempts.toFixed(3)} attempts a request`)
    expect(attempts).toBeGreaterThanOrEqual(1)
    expect(attempts).toBeLessThanOrEqual(MAX_ATTEMPTS_A_REQUEST)
    reportTimes(
      `an answer in the outage of ${status}`,
      outcomes.map(({ tookMs }) => tookMs),
    )
  })

  it('of killed servers: calls wait for readyTimeoutMs and end with NO_ENDPOINT_AVAILABLE', async () => {
    const { cluster, connect } = await startHarness()
    const { client } = connect({ requests: { readyTimeoutMs: 1000 } })
    await warmUp(client, 50)
    await Promise.all([cluster.kill('srv1'), cluster.kill('srv2')])
    const outcomes = await askMany(client, '/api/whoami', 300, 300)
    for (const { error, tookMs } of outcomes) {
      expect(error).toBeInstanceOf(TypeError)
      expect(isFailoverError(error, 'NO_ENDPOINT_AVAILABLE'), String((error as Error).cause)).toBe(true)
      expect(tookMs).toBeLessThan(3 * 1500)
    }
    await until(
      'it is told',
      () => client.state === 'offline',
      9000,
      () => client.state,
    )
    expect(client.offlineReason).toBe('servers')
    await cluster.restart('srv2')
    // Asked about once a second while all are down: a call may give up before that.
    await until('srv2 is used', () => client.active?.server === 'srv2', 3 * 2000)
    expect(await ask(client, '/api/whoami')).toMatchObject({ status: 200 })
  })

  it('of hanging servers: each call ends at its deadline, and is not repeated', async () => {
    const { cluster, connect } = await startHarness()
    const { client } = connect({ requests: { timeoutMs: 1500, readyTimeoutMs: 500 } })
    await warmUp(client, 50)
    await Promise.all([cluster.hang('srv1'), cluster.hang('srv2')])
    const path = '/api/ucc/helpdesk/agents'
    const outcomes = await askMany(client, path, 200, 300)
    const codes = new Set(
      outcomes.map(({ error }) => ((error as Error | undefined)?.cause as { code?: string } | undefined)?.code),
    )
    expect([...codes].sort()).toEqual(expect.arrayContaining(['REQUEST_TIMEOUT']))
    for (const code of codes) expect(['REQUEST_TIMEOUT', 'NO_ENDPOINT_AVAILABLE', 'CONNECT_TIMEOUT']).toContain(code)
    for (const { tookMs } of outcomes) expect(tookMs).toBeLessThan(3 * 1500)
    await Promise.all([cluster.unhang('srv1'), cluster.unhang('srv2')])
    await until(
      'a server serves again',
      () => client.state === 'connected',
      9000,
      () => client.state,
    )
    expect((await ask(client, '/api/whoami')).status).toBe(200)
    await Promise.all(cluster.servers.map((server) => fetch(`${server.url}/api/last`)))
    await until('what arrived late is counted', () => arrived(cluster, '/api/last') === 2, 6000)
    const attempts = arrived(cluster, path) / outcomes.length
    console.log(`hanging servers: ${attempts.toFixed(3)} attempts a request`)
    expect(attempts).toBeLessThanOrEqual(MAX_ATTEMPTS_A_REQUEST)
  })
})
