/** The application's hooks against real servers: token, restoreSession, canMove, priority. */
import { describe, expect, it } from 'vitest'
import {
  isFailoverError,
  type EndpointInfo,
  type FailoverClientOptions,
  type Move,
  type RestoreContext,
} from 'failover-client'
import type { Cluster } from 'failover-client/testing/node'
import { elapse, reportTimes, startHarness, until } from '../support/harness'

const FAST: Partial<FailoverClientOptions> = { failover: { spreadMs: 0 } }

function tokensOf(cluster: Cluster, name: string, where?: string): string[] {
  return cluster
    .server(name)
    .tokensSeen()
    .filter((seen) => where === undefined || seen.where === where)
    .map(({ token }) => token)
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('token', () => {
  it('is asked for every server, and once more after one refusal, with the reason', async () => {
    const { cluster, connect } = await startHarness({ tokens: ['good-token'] })
    const asks: { reason: string; server: string | undefined }[] = []
    const token = ({ reason, server }: { reason: string; server: string | undefined }): string => {
      asks.push({ reason, server })
      return reason === 'rejected' ? 'good-token' : 'stale-token'
    }
    const { client, events } = connect({ ...FAST, token })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until(
      'the topic is live',
      () => agents.state === 'live',
      9000,
      () => [client.state, asks],
    )
    expect(asks.map(({ reason }) => reason)).toEqual(['connect', 'rejected'])
    await until('the tokens are noted', () => tokensOf(cluster, 'srv1', 'hello').length >= 2, 3000)
    expect(tokensOf(cluster, 'srv1', 'hello')).toEqual(['stale-token', 'good-token'])
    await cluster.kill('srv1')
    await until(
      'the topic is live on the other',
      () => events.failover.length === 1,
      9000,
      () => [client.state, asks],
    )
    expect(asks.map(({ reason }) => reason)).toEqual(['connect', 'rejected', 'connect', 'rejected'])
    await until('the tokens are noted', () => tokensOf(cluster, 'srv2', 'hello').length >= 2, 3000)
    expect(tokensOf(cluster, 'srv2', 'hello')).toEqual(['stale-token', 'good-token'])
    // A refused token is nobody's breaker.
    expect(client.endpoints.find(({ server }) => server === 'srv2')?.breaker).toBe('closed')
    expect(JSON.stringify(client.diagnostics())).not.toMatch(/good-token|stale-token/)
    expect(JSON.stringify(events)).not.toMatch(/good-token|stale-token/)
  })

  it('is renewed in band at 80 % of its life, and the connection lives on', async () => {
    const { cluster, connect } = await startHarness({ tokens: ['t-1', 't-2', 't-3', 't-4'], tokenExpiresInMs: 2000 })
    let count = 0
    const asks: { reason: string; at: number }[] = []
    const token = ({ reason }: { reason: string }): string => {
      asks.push({ reason, at: performance.now() })
      count += 1
      return `t-${count}`
    }
    const { client } = connect({ ...FAST, token })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('the topic is live', () => agents.state === 'live', 9000)
    await until(
      'two renewals',
      () => tokensOf(cluster, 'srv1', 'authorize').length >= 2,
      12_000,
      () => asks,
    )
    expect(asks.slice(0, 3).map(({ reason }) => reason)).toEqual(['connect', 'expiring', 'expiring'])
    expect(tokensOf(cluster, 'srv1', 'authorize').slice(0, 2)).toEqual(['t-2', 't-3'])
    const afterMs = (asks[1]?.at ?? 0) - (asks[0]?.at ?? 0)
    reportTimes('token asked again after (80 % of 2000 ms)', [afterMs])
    expect(afterMs).toBeGreaterThanOrEqual(1590)
    // In time: nothing was ever refused.
    expect(afterMs).toBeLessThan(3 * 1600)
    expect(
      cluster
        .server('srv1')
        .connections()
        .filter(({ client: id }) => id !== undefined),
    ).toHaveLength(1)
  })

  it('whose provider rejects is a failed attempt against nobody, tried again with backoff', async () => {
    const { connect } = await startHarness()
    let failing = true
    const token = (): string => {
      if (failing) throw new Error('the sign-in page is closed, secret-word')
      return 'some-token'
    }
    const { client, events } = connect({ ...FAST, token })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('the failure is told', () => events.warning.some(({ code }) => code === 'TOKEN_PROVIDER_FAILED'), 9000)
    expect(events.warning.find(({ code }) => code === 'TOKEN_PROVIDER_FAILED')?.sentence).toContain('sign-in page')
    expect(client.endpoints.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
    const error = await failureOf(client.fetch('/api/whoami'))
    expect(isFailoverError(error, 'UNAUTHORIZED')).toBe(true)
    failing = false
    await until(
      'the topic is live',
      () => agents.state === 'live',
      9000,
      () => client.state,
    )
    expect(client.endpoints.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
  })

  it('refused by all: offline, unauthorized; asked again with backoff until it is taken', async () => {
    const { cluster, connect } = await startHarness({ tokens: ['nobody-has-this'] })
    let asks = 0
    const token = (): string => {
      asks += 1
      return 'refused-token'
    }
    const { client } = connect({ ...FAST, token })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until(
      'offline',
      () => client.state === 'offline',
      15_000,
      () => client.state,
    )
    expect(client.offlineReason).toBe('unauthorized')
    const before = asks
    await elapse(2000)
    // Not a storm: decorrelated jitter from 250 ms up, for two endpoints.
    expect(asks - before).toBeLessThan(16)
    await cluster.server('srv1').setTokens(['refused-token'])
    await cluster.server('srv2').setTokens(['refused-token'])
    await until(
      'the topic is live',
      () => agents.state === 'live',
      30_000,
      () => [client.state, client.decisions().slice(-5)],
    )
    expect(client.state).toBe('connected')
  }, 60_000)

  // fault-matrix: 22
  it('refused by the standby only: a warning with a warm standby, told once', async () => {
    const { cluster, connect } = await startHarness({ tokens: ['good-token'] })
    await cluster.server('srv2').setTokens(['another'])
    const started = performance.now()
    const { client, events } = connect({ ...FAST, token: () => 'good-token', standby: 'warm' })
    const agents = client.subscribe('ucc/helpdesk/agents')
    const warned = (): number => events.warning.filter(({ code }) => code === 'TOKEN_REFUSED_BY_STANDBY').length
    await until(
      'the warning',
      () => warned() > 0,
      3 * 4000,
      () => events.warning,
    )
    reportTimes('TOKEN_REFUSED_BY_STANDBY after', [performance.now() - started])
    await until('the topic is live', () => agents.state === 'live', 9000)
    expect(client.state).toBe('connected')
    expect(client.active?.server).toBe('srv1')
    // Asked once more with the reason before it was held against it.
    await until('both tokens are noted', () => tokensOf(cluster, 'srv2', 'hello').length >= 2, 3000)
    await elapse(6000)
    expect(warned()).toBe(1)
  })
})

describe('restoreSession', () => {
  // fault-matrix: 22, 48
  it('runs on each new live connection before its subscriptions, with tools bound to that server', async () => {
    const { cluster, connect } = await startHarness()
    const runs: { server: string | undefined; previous: string | undefined; fetched: string; topicsThen: string[] }[] =
      []
    const restoreSession = async ({ endpoint, previous, command, fetch }: RestoreContext): Promise<void> => {
      const answer = (await (await fetch('/api/whoami')).json()) as { server: string }
      await command('login', { profile: 7 }, { safety: 'keyed', key: `login-${endpoint.server ?? ''}` })
      const topicsThen = cluster
        .server(answer.server)
        .connections()
        .flatMap(({ topics }) => [...topics])
      runs.push({ server: endpoint.server, previous: previous?.server, fetched: answer.server, topicsThen })
    }
    const { client, events } = connect({ ...FAST, restoreSession })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('the topic is live', () => agents.state === 'live', 9000)
    await cluster.kill('srv1')
    await until('the failover', () => events.failover.length === 1, 9000)
    expect(runs).toEqual([
      { server: 'srv1', previous: undefined, fetched: 'srv1', topicsThen: [] },
      { server: 'srv2', previous: 'srv1', fetched: 'srv2', topicsThen: [] },
    ])
    expect(cluster.ledger.executions('login-srv1')[0]?.server).toBe('srv1')
    expect(cluster.ledger.executions('login-srv2')[0]?.server).toBe('srv2')
    expect(events.failover[0]?.timings.restoreMs).toBeGreaterThan(0)
  })

  it('without a live connection runs once for a server and term, before the first routed request there', async () => {
    const { cluster, connect } = await startHarness({ uccs: { helpdesk: { running: ['srv1'], term: 5 } } })
    const order: string[] = []
    const restoreSession = async ({ endpoint, command }: RestoreContext): Promise<void> => {
      await command('login', {}, { safety: 'keyed', key: `k-${order.length}` })
      order.push(`restored ${endpoint.server ?? ''} ${endpoint.term ?? ''}`)
    }
    const { client } = connect({ ...FAST, restoreSession })
    const who = async (): Promise<void> => {
      const { server } = (await (await client.fetch('/api/whoami')).json()) as { server: string }
      order.push(`answered ${server}`)
    }
    await Promise.all([who(), who()])
    await who()
    expect(order).toEqual(['restored srv1 5', 'answered srv1', 'answered srv1', 'answered srv1'])
    await cluster.promote('srv2')
    await until('the client is there', () => client.active?.server === 'srv2', 15_000)
    await who()
    const term = cluster.server('srv2').ucc().term
    expect(order.slice(4)).toEqual([`restored srv2 ${term ?? ''}`, 'answered srv2'])
    expect(cluster.servers.flatMap((server) => server.connections())).toEqual([])
  })

  it('that rejects ends the attempt with a warning and is tried again', async () => {
    const { connect } = await startHarness()
    let runs = 0
    const restoreSession = (): void => {
      runs += 1
      if (runs <= 2) throw new Error('no seat')
    }
    const { client, events } = connect({ ...FAST, restoreSession })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until(
      'the topic is live',
      () => agents.state === 'live',
      15_000,
      () => [client.state, runs],
    )
    expect(runs).toBe(3)
    expect(events.warning.filter(({ code }) => code === 'RESTORE_FAILED').length).toBeGreaterThan(0)
    expect(client.endpoints.map(({ breaker }) => breaker)).toEqual(['closed', 'closed'])
  })
})

describe('canMove', () => {
  it('delays a failback until the call has ended, and never a failover', async () => {
    const { cluster, connect } = await startHarness()
    let inCall = true
    // The dead server is asked more often than every 15 s.
    const health = { standbyIntervalMs: 1000 }
    const asked: Move[] = []
    const canMove = (move: Move): boolean => {
      asked.push(move)
      return !inCall
    }
    const { client, events } = connect({ ...FAST, canMove, failback: { holdDownMs: 500, jitter: 0 }, health })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('the topic is live', () => agents.state === 'live', 9000)
    await cluster.kill('srv1')
    await until('the failover in the call', () => events.failover.length === 1, 9000)
    expect(asked).toEqual([])
    await cluster.restart('srv1')
    await until(
      'the failback is asked for',
      () => asked.length >= 2,
      45_000,
      () => client.decisions().slice(-5),
    )
    expect(client.active?.server).toBe('srv2')
    expect(events.failback).toEqual([])
    expect(asked[0]).toMatchObject({
      kind: 'failback',
      reason: 'rank',
      from: { server: 'srv2' },
      to: { server: 'srv1' },
    })
    inCall = false
    const started = performance.now()
    await until('the failback', () => events.failback.length === 1, 9000)
    reportTimes('failback after the call ended', [performance.now() - started])
    expect(client.active?.server).toBe('srv1')
  }, 60_000)

  it('that throws is reported, and the move goes on', async () => {
    const { cluster, connect } = await startHarness()
    const canMove = (): boolean => {
      throw new Error('no idea')
    }
    const { client, events } = connect({ ...FAST, canMove, health: { standbyIntervalMs: 1000 } })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('the topic is live', () => agents.state === 'live', 9000)
    await cluster.promote('srv2', undefined, { fence: false })
    await until(
      'the planned move',
      () => events.switchover.length === 1,
      20_000,
      () => client.decisions().slice(-3),
    )
    expect(events.warning.some(({ code }) => code === 'HOOK_FAILED')).toBe(true)
  })
})

describe('priority', () => {
  it('as a function is asked at each move and decides its spread', async () => {
    const { cluster, connect } = await startHarness({ spreadMs: 2000 })
    let asks = 0
    const priority = (): 'interactive' => {
      asks += 1
      return 'interactive'
    }
    const { client, events } = connect({ priority })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('the topic is live', () => agents.state === 'live', 9000)
    asks = 0
    await cluster.kill('srv1')
    await until('the failover', () => events.failover.length === 1, 9000)
    expect(asks).toBeGreaterThanOrEqual(1)
    // 0 to 0.1 W.
    expect(events.failover[0]?.timings.spreadMs).toBeLessThanOrEqual(3 * 200)
  })

  it('that fails or answers nonsense is reported; "agent" is taken', async () => {
    const { cluster, connect } = await startHarness({ spreadMs: 300 })
    const { client, events } = connect({ priority: () => 'fastest' as never })
    const agents = client.subscribe('ucc/helpdesk/agents')
    await until('the topic is live', () => agents.state === 'live', 9000)
    await cluster.kill('srv1')
    await until('the failover', () => events.failover.length === 1, 9000)
    expect(events.warning.some(({ code }) => code === 'HOOK_FAILED')).toBe(true)
  })
})

describe('listeners', () => {
  it('that throw or reject are reported and disturb nobody; an unknown event is refused', async () => {
    const { connect } = await startHarness()
    const { client, events } = connect(FAST)
    const seen: EndpointInfo[] = []
    client.on('stateChange', () => {
      throw new Error('listener one')
    })
    client.on('stateChange', () => Promise.reject(new Error('listener two')))
    client.on('stateChange', () => void seen.push(...client.endpoints))
    await client.ready({ timeoutMs: 9000 })
    expect(seen.length).toBeGreaterThan(0)
    const told = (): string[] =>
      events.warning.filter(({ code }) => code === 'LISTENER_THREW').map(({ sentence }) => sentence)
    await until('both are told', () => told().length >= 2, 3000, told)
    expect(() => client.on('failovr' as never, () => undefined)).toThrow(/failover/)
    expect(() => client.once('failover', 'x' as never)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }))
    expect(() => client.off('nope' as never, () => undefined)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    )
    let once = 0
    client.once('stateChange', () => (once += 1))
    const removed = (): number => (once += 100)
    client.on('stateChange', removed)
    client.off('stateChange', removed)
    await client.close()
    expect(once).toBe(1)
  })
})
