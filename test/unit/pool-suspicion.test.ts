import { describe, expect, test } from 'vitest'
import type { AskedReadiness, PingAnswer, SuspicionDecision } from '../../src/core/suspicion'
import { decideSuspicion, SUSPICION_TABLE } from '../../src/core/suspicion'
import { PoolWorld } from './pool-world'

const STATES: readonly AskedReadiness[] = ['running', 'starting', 'stopped', 'unknown', 'none', 'refused']
const PINGS: readonly PingAnswer[] = ['none', 'waiting']

describe('the table', () => {
  const rows: readonly (readonly [PingAnswer, AskedReadiness, AskedReadiness, SuspicionDecision, boolean])[] = [
    // Told to be down, another one runs. The ping does not matter.
    ['none', 'starting', 'running', 'failover', false],
    ['waiting', 'stopped', 'running', 'failover', false],
    // The connection broke, not the server.
    ['none', 'running', 'running', 'redial', false],
    ['none', 'running', 'none', 'redial', false],
    // Gone, and another one runs: the one row that counts a hard failure.
    ['none', 'none', 'running', 'failover', true],
    ['none', 'refused', 'running', 'failover', true],
    // Nobody runs the UCC.
    ['none', 'stopped', 'stopped', 'wait', false],
    ['none', 'starting', 'none', 'wait', false],
    ['waiting', 'stopped', 'refused', 'wait', false],
    // Gone, the other one lives without the UCC.
    ['none', 'none', 'starting', 'wait', false],
    ['none', 'refused', 'stopped', 'wait', false],
    // Own network, or all down.
    ['none', 'none', 'none', 'blind', false],
    ['none', 'refused', 'refused', 'blind', false],
    // No row: the ping may still be answered.
    ['waiting', 'none', 'running', 'undecided', false],
    ['waiting', 'running', 'running', 'undecided', false],
  ]
  test.each(rows)('ping %s, here %s, there %s: %s', (ping, current, other, decision, hard) => {
    expect(decideSuspicion({ ping, current, other })).toEqual({ decision, hard })
  })

  test('every combination is decided once the ping is, and none before unless the server says it is down', () => {
    for (const ping of PINGS)
      for (const current of STATES)
        for (const other of STATES) {
          const { decision, hard } = decideSuspicion({ ping, current, other })
          const isOpen = ping === 'waiting' && current !== 'stopped' && current !== 'starting'
          expect(decision === 'undecided', `${ping} ${current} ${other}`).toBe(isOpen)
          // A connection may be abandoned on less than it takes to condemn an endpoint.
          if (hard) expect([ping, other]).toEqual(['none', 'running'])
        }
  })

  test('every row decides something', () => {
    const deciding = new Set<number>()
    for (const ping of PINGS)
      for (const current of STATES)
        for (const other of STATES) {
          const row = SUSPICION_TABLE.findIndex(
            (one) => one.ping.includes(ping) && one.current.includes(current) && one.other.includes(other),
          )
          if (row >= 0) deciding.add(row)
        }
    expect([...deciding].sort()).toEqual([...SUSPICION_TABLE.keys()])
  })
})

describe('a live connection that falls silent', () => {
  const silent = (world: PoolWorld): number => {
    const client = world.clients[0]
    if (client === undefined) throw new Error('no client')
    client.silent = true
    const lastProof = world.now
    world.run(1300)
    world.feed({ type: 'seat-suspect', seat: client.seat, lastProof })
    world.run(300)
    world.feed({ type: 'seat-unanswered', seat: client.seat, lastProof })
    return world.now
  }
  const started = (): PoolWorld => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    world.run(2500)
    expect(world.clients[0]?.at).toBe('srv1')
    return world
  }

  test('nothing answers here, the other one runs: failover as soon as the probe has failed, one hard failure', () => {
    const world = started()
    world.server('srv1').fails = 'timeout'
    world.server('srv1').beats = 'none'
    silent(world)
    world.until('moved', () => world.clients[0]?.at === 'srv2', 3000)
    expect(world.moves.at(-1)?.plan).toMatchObject({
      kind: 'failover',
      reason: 'server-silent',
      makeBeforeBreak: false,
    })
    expect(world.breaker('srv1')).toBe('closed')
  })

  test('the server answers `running`: the connection is dialled again, nobody is blamed', () => {
    const world = started()
    silent(world)
    world.until('attached again', () => world.moves.length > 1 && world.clients[0]?.at === 'srv1', 3000)
    expect(world.moves.at(-1)?.plan).toMatchObject({ kind: 'redial', reason: 'connection-broken', to: 'srv1' })
    expect(world.all('left')).toEqual([])
  })

  test('the same, but the other one has the higher term: the other one', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.server('srv1').term = 1
    world.server('srv2').state = 'stopped'
    world.open()
    world.run(2500)
    Object.assign(world.server('srv2'), { state: 'running', term: 2 })
    silent(world)
    world.until(
      'attached',
      () => world.clients[0]?.at !== undefined && world.clients[0].move === undefined && world.moves.length > 1,
      3000,
    )
    expect(world.clients[0]?.at).toBe('srv2')
  })

  test('nothing answers anywhere: it is me; nothing is counted, and the connection is kept', () => {
    const world = started()
    world.server('srv1').fails = 'timeout'
    world.server('srv2').fails = 'timeout'
    world.server('srv1').beats = 'none'
    silent(world)
    world.run(4000)
    expect(world.moves).toHaveLength(1)
    expect([world.breaker('srv1'), world.breaker('srv2')]).toEqual(['closed', 'closed'])
    expect(world.all('condition').at(-1)?.condition).toEqual({ is: 'offline', reason: 'network' })
    // The network is back, and the connection with it.
    world.server('srv1').fails = undefined
    world.server('srv2').fails = undefined
    world.feed({ type: 'seat-clear', seat: 1 })
    expect(world.all('condition').at(-1)?.condition).toEqual({ is: 'serving' })
  })

  test('unanswered, then condemned by its probes before it was heard out: dialled again, not gone back to', () => {
    const world = started()
    const [client] = world.clients
    // The other one answers late: this one is given as long as any probe.
    Object.assign(world.server('srv2'), { state: 'stopped', rttMs: 400 })
    Object.assign(world.server('srv1'), { fails: 'timeout', beats: 'none' })
    world.until('missed twice', () => world.machine.judge.roster.get('srv1')?.misses === 2, 30_000)
    const lastProof = world.now
    world.run(600)
    world.feed({ type: 'seat-suspect', seat: 1, lastProof })
    world.run(600)
    world.feed({ type: 'seat-unanswered', seat: 1, lastProof })
    expect(client?.at).toBe('srv1')
    world.until('condemned', () => world.all('condition').at(-1)?.condition.is === 'offline', 1000)
    // The server answers; the connection to it still does not.
    world.server('srv1').fails = undefined
    world.until('dialled', () => world.moves.length > 1, 10_000)
    expect(world.moves.at(-1)?.plan).toMatchObject({ kind: 'redial', to: 'srv1', makeBeforeBreak: false })
    expect(world.all('decision').map(({ kind }) => kind)).not.toContain('recovered')
  })

  test('stopped while nobody runs: kept, all asked at the edge cadence, the first `running` taken', () => {
    const world = started()
    Object.assign(world.server('srv1'), { state: 'stopped', beats: 'stopped' })
    world.server('srv2').state = 'stopped'
    const client = world.clients[0]
    if (client !== undefined) world.push(client, 'stopped')
    const since = world.now
    world.run(10_000)
    expect(client?.at).toBe('srv1')
    expect(world.moves).toHaveLength(1)
    for (const name of ['srv1', 'srv2']) {
      expect(world.probesOf(name, since).length).toBeGreaterThanOrEqual(16)
      expect(world.probesOf(name, since).length).toBeLessThanOrEqual(27)
    }
    Object.assign(world.server('srv2'), { state: 'running', term: 5 })
    expect(world.until('moved', () => client?.at === 'srv2', 3000)).toBeLessThan(1000)
    expect(world.moves.at(-1)?.plan).toMatchObject({ kind: 'failover', reason: 'ucc-stopped', makeBeforeBreak: true })
    expect(world.breaker('srv1')).toBe('closed')
  })

  test('the stopped server runs again first: no move at all', () => {
    const world = started()
    Object.assign(world.server('srv1'), { state: 'stopped', beats: 'stopped' })
    world.server('srv2').state = 'stopped'
    const [client] = world.clients
    if (client !== undefined) world.push(client, 'stopped')
    world.run(3000)
    Object.assign(world.server('srv1'), { state: 'running', beats: 'running' })
    world.run(3000)
    expect(world.moves).toHaveLength(1)
    expect(world.all('condition').at(-1)?.condition).toEqual({ is: 'serving' })
  })
})
