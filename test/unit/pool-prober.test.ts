import { describe, expect, test } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { Prober, type Attempt } from '../../src/core/prober'
import { PoolWorld } from './pool-world'

/** Pauses between the probes of an endpoint since an instant. */
function pauses(world: PoolWorld, endpointId: string, since: number): readonly number[] {
  const at = world.probesOf(endpointId, since)
  return at.slice(1).map((instant, index) => instant - (at[index] ?? NaN))
}

function expectEvery(found: readonly number[], intervalMs: number, answerMs = 0): void {
  expect(found.length).toBeGreaterThan(3)
  expect(Math.min(...found)).toBeGreaterThanOrEqual(intervalMs * 0.8)
  expect(Math.max(...found)).toBeLessThanOrEqual(intervalMs * 1.2 + answerMs + 1)
  // Jittered: never in step.
  expect(new Set(found.map((ms) => Math.round(ms))).size).toBeGreaterThan(2)
}

function started(): PoolWorld {
  const world = new PoolWorld(['srv1', 'srv2'])
  world.open()
  world.run(3000)
  expect(world.clients[0]?.at).toBe('srv1')
  return world
}

describe('a second question beside the first', () => {
  const isOurs = (): boolean => true
  const ask = (prober: Prober, now: number): readonly Attempt[] =>
    prober.due(
      now,
      () => Infinity,
      () => 0,
    )

  test('is one of its own, and told apart; a third is not asked', () => {
    const prober = new Prober(DEFAULTS.health, () => 0.5)
    prober.sync([{ endpointId: 'srv1', ucc: 'helpdesk' }])
    prober.urge(0, isOurs)
    expect(ask(prober, 0)).toMatchObject([{ attempt: 1, isHedge: false }])
    prober.hedge(150, isOurs)
    expect(ask(prober, 150)).toMatchObject([{ attempt: 2, isHedge: true }])
    prober.hedge(200, isOurs)
    expect(ask(prober, 200)).toEqual([])
  })

  test('is not asked where the first has been answered', () => {
    const prober = new Prober(DEFAULTS.health, () => 0.5)
    prober.sync([{ endpointId: 'srv1', ucc: 'helpdesk' }])
    prober.urge(0, isOurs)
    expect(ask(prober, 0)).toHaveLength(1)
    prober.ended(1)
    prober.hedge(150, isOurs)
    expect(ask(prober, 150)).toEqual([])
  })

  test('that fails counts nothing: the endpoint has missed one probe, not two', () => {
    const world = started()
    world.server('srv1').fails = 'timeout'
    const { seat } = world.clients[0] ?? {}
    world.feed({ type: 'seat-suspect', seat: seat ?? 0, lastProof: world.now })
    world.run(1)
    world.server('srv2').fails = 'timeout'
    const missed = (): number => world.machine.judge.roster.get('srv1')?.misses ?? NaN
    const since = world.now
    world.run(1499 + 160)
    expect(world.probesOf('srv1', since - 1).length).toBeGreaterThanOrEqual(2)
    expect(missed()).toBe(1)
  })
})

describe('how often readiness is asked', () => {
  test('at the start: everybody at once', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    expect(world.probes.map(({ at, endpointId }) => `${at} ${endpointId}`)).toEqual(['1000 srv1', '1000 srv2'])
  })

  test('a standby every 15 s, and the one in use as well while its beats prove readiness', () => {
    const world = started()
    const since = world.now
    world.run(300_000)
    expectEvery(pauses(world, 'srv1', since), 15_000)
    expectEvery(pauses(world, 'srv2', since), 15_000)
  })

  test('the one in use every 2 s when nothing in band proves readiness', () => {
    const world = started()
    world.server('srv1').beats = 'plain'
    const since = world.now
    world.run(60_000)
    expectEvery(pauses(world, 'srv1', since), 2000)
    expect(pauses(world, 'srv2', since).every((ms) => ms >= 12_000)).toBe(true)
  })

  test('everybody every 60 s while the page is hidden; at once when it is seen again', () => {
    const world = started()
    world.feed({ type: 'hidden', hidden: true })
    const since = world.now
    world.run(600_000)
    expectEvery(pauses(world, 'srv2', since), 60_000)
    const seen = world.now
    world.feed({ type: 'hidden', hidden: false })
    world.run(1)
    expect(world.probesOf('srv2', seen)).toHaveLength(1)
  })

  test('the edge cadence while a road is sought and somebody lives', () => {
    const world = started()
    world.server('srv2').state = 'stopped'
    world.kill('srv1')
    world.run(2000)
    const since = world.now
    world.run(20_000)
    expectEvery(pauses(world, 'srv2', since), 500)
    expectEvery(pauses(world, 'srv1', since), 500)
  })

  test('every second when all are down', () => {
    const world = started()
    world.server('srv2').fails = 'refused'
    world.kill('srv1')
    world.run(5000)
    const since = world.now
    world.run(30_000)
    expectEvery(pauses(world, 'srv1', since), 1000)
  })

  test('slower for a large fleet: half the spread window', () => {
    const world = started()
    world.server('srv2').load = { clients: 5000, acceptPerSec: 500 }
    world.server('srv2').state = 'stopped'
    world.feed({ type: 'check' })
    world.run(100)
    world.kill('srv1')
    world.run(10_000)
    const since = world.now
    world.run(90_000)
    expectEvery(pauses(world, 'srv2', since), 5000)
  })

  test('a returning server at the edge cadence until its breaker closes', () => {
    const world = started()
    world.server('srv2').fails = 'refused'
    world.until('srv2 is condemned', () => world.breaker('srv2') === 'open', 40_000)
    world.server('srv2').fails = undefined
    const since = world.now
    world.until('srv2 is back', () => world.breaker('srv2') === 'closed', 30_000)
    const found = pauses(world, 'srv2', since)
    expect(found.length).toBeGreaterThanOrEqual(2)
    expect(Math.max(...found)).toBeLessThanOrEqual(601)
  })

  test('an answer that contradicts the beats is asked again at the edge cadence; two outvote them', () => {
    const world = started()
    world.server('srv1').state = 'stopped'
    const since = world.now
    world.until('moved', () => world.clients[0]?.at === 'srv2', 25_000)
    const at = world.probesOf('srv1', since)
    expect((at[1] ?? NaN) - (at[0] ?? NaN)).toBeLessThanOrEqual(601)
    expect((at[1] ?? NaN) - (at[0] ?? NaN)).toBeGreaterThanOrEqual(400)
    expect(world.moves.at(-1)?.plan).toMatchObject({ kind: 'failover', reason: 'ucc-stopped' })
    // Its beats go on to claim `running`: they are not believed again before a probe says so.
    world.run(30_000)
    expect(world.machine.judge.book.word('srv1', 'helpdesk')?.state).toBe('stopped')
    world.server('srv1').state = 'running'
    world.run(20_000)
    expect(world.machine.judge.book.word('srv1', 'helpdesk')?.state).toBe('running')
  })

  test('one contradiction alone changes nothing', () => {
    const world = started()
    world.server('srv1').state = 'stopped'
    const since = world.now
    world.until('asked once', () => world.probesOf('srv1', since).length === 1, 20_000)
    world.run(100)
    world.server('srv1').state = 'running'
    world.run(60_000)
    expect(world.moves).toHaveLength(1)
  })

  test('once for all clients of a UCC, once for each UCC', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    for (let client = 0; client < 10; client += 1) world.open()
    world.open({ ucc: 'sales' })
    world.run(3000)
    const since = world.now
    world.run(150_000)
    for (const ucc of ['helpdesk', 'sales']) {
      expect(world.probesOf('srv1', since, ucc).length).toBeGreaterThanOrEqual(8)
      expect(world.probesOf('srv1', since, ucc).length).toBeLessThanOrEqual(13)
    }
  })

  test('a probe that never ends counts as failed after its timeout, and is asked again', () => {
    const world = started()
    const { probes } = world
    const before = probes.length
    world.server('srv2').rttMs = 100_000
    world.run(120_000)
    expect(probes.length).toBeGreaterThan(before + 3)
    expect(world.breaker('srv2')).toBe('open')
  })
})

describe('with two UCCs', () => {
  test('an answer about one says nothing about the other: the better server is waited for', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    // srv1 answers a little later than srv2, and both are asked for `helpdesk` first.
    world.server('srv1').rttMs = 60
    world.open()
    world.run(40)
    world.open({ ucc: 'sales' })
    world.run(2000)
    expect(world.clients.map(({ at }) => at)).toEqual(['srv1', 'srv1'])
  })
})
