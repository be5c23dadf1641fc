import { CountBreaker } from 'cockatiel'
import { describe, expect, test } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { EndpointBreaker } from '../../src/core/breaker'
import { seededRandom } from '../../src/core/random'
import { PoolWorld } from './pool-world'

const { breaker: SETTINGS, health: HEALTH } = DEFAULTS

function breaker(): EndpointBreaker {
  return new EndpointBreaker(SETTINGS, seededRandom(7))
}

/** Plays successes and failures; at which one (from 1) did it open? */
function opensAt(pattern: string, one = breaker()): number | undefined {
  for (const [index, outcome] of [...pattern].entries()) {
    if (outcome === '.') one.success()
    else if (one.failure(1000 + index)) return index + 1
  }
  return undefined
}

describe('what opens it', () => {
  test.each([
    // Consecutive 3.
    ['xxx', 3],
    ['xx.xxx', 6],
    ['.xx.xx.xx', undefined],
    // 5 of the last 10: not before 10 calls, and exactly at the fifth failure.
    ['x.x.x.x.x', undefined],
    ['x.x.x.x.x.', undefined],
    ['.x.x.x.x.x', 10],
    ['x.x.x.x.xx', 10],
    ['......xx.x', undefined],
    ['..xx.xx.x.', undefined],
    ['...xx.xx.x', 10],
    // What fell out of the window does not count.
    ['x.x......x.x..x', undefined],
    ['x.x......x.x..xx.x', 18],
    ['..........', undefined],
  ])('%s opens at %s', (pattern, expected) => {
    expect(opensAt(pattern)).toBe(expected)
  })

  test('the pin of cockatiel: it opens *above* its threshold, so that 5 of 10 lies below a half', () => {
    const fiveOfTen = (threshold: number): boolean => {
      const count = new CountBreaker({ threshold, size: 10, minimumNumberOfCalls: 10 })
      let isOpen = false
      for (let call = 1; call <= 10; call += 1) {
        if (call % 2 === 1) count.success(0)
        else isOpen = count.failure(0)
      }
      return isOpen
    }
    expect(fiveOfTen(0.5)).toBe(false)
    expect(fiveOfTen(0.45)).toBe(true)
    expect((SETTINGS.failures - 0.5) / SETTINGS.window).toBe(0.45)
  })
})

describe('what closes it', () => {
  const tripped = (permanent = false): EndpointBreaker => {
    const one = breaker()
    one.trip(0, permanent)
    return one
  }
  const until = (one: EndpointBreaker): number => (one.state.is === 'open' ? one.state.until : NaN)

  test('only the prober: traffic that succeeds closes nothing', () => {
    const one = tripped()
    for (let call = 0; call < 20; call += 1) one.success()
    expect(one.state.is).toBe('open')
  })

  test('three passes after the open time; a failure between opens again, for longer on average', () => {
    const one = tripped()
    const opened = until(one)
    expect(one.probePassed(opened - 1, HEALTH.rise)).toBe(false)
    expect(one.state.is).toBe('open')
    expect(one.probePassed(opened, HEALTH.rise)).toBe(false)
    expect(one.probePassed(opened + 500, HEALTH.rise)).toBe(false)
    expect(one.state).toEqual({ is: 'half-open', passes: 2 })
    one.probeFailed(opened + 1000)
    expect(one.state.is).toBe('open')
    const again = until(one)
    expect([0, 500, 1000].map((ms) => one.probePassed(again + ms, HEALTH.rise))).toEqual([false, false, true])
    expect(one.state.is).toBe('closed')
  })

  test('one pass, at once, when nobody else could serve', () => {
    const one = tripped()
    expect(one.probePassed(1, 1)).toBe(true)
  })

  test('after closing the counters are new: one failure does not reopen it', () => {
    const one = breaker()
    expect(opensAt('...xx.xx.x', one)).toBe(10)
    expect(one.probePassed(100_000, 1)).toBe(true)
    expect(opensAt('x.x.x.x.', one)).toBeUndefined()
  })

  test('open times grow from 500 ms and never pass 30 s; a stable while makes them short again', () => {
    const one = breaker()
    const spans = Array.from({ length: 40 }, (_unused, round) => {
      const at = round * 1_000_000
      one.trip(at, false)
      const span = until(one) - at
      one.probePassed(until(one), 1)
      return span
    })
    expect(Math.min(...spans)).toBeGreaterThanOrEqual(500)
    expect(Math.max(...spans)).toBeLessThanOrEqual(30_000)
    expect(spans[0]).toBeLessThanOrEqual(1000)
    expect(Math.max(...spans.slice(10))).toBeGreaterThan(10_000)
    one.settle()
    one.trip(0, false)
    expect(until(one)).toBeLessThanOrEqual(1000)
  })

  test('a permanent failure stays open for 5 minutes', () => {
    expect(until(tripped(true))).toBe(SETTINGS.permanentOpenMs)
  })
})

describe('in the pool', () => {
  test('a refused connection confirmed once condemns; other failures take three', () => {
    for (const [kind, needed] of [
      ['refused', 2],
      ['reset', 3],
    ] as const) {
      const world = new PoolWorld(['srv1', 'srv2'])
      world.open()
      world.run(1000)
      world.server('srv2').fails = kind
      const since = world.now
      world.until('srv2 is condemned', () => world.breaker('srv2') === 'open', 30_000)
      expect(world.probesOf('srv2', since), kind).toHaveLength(needed)
    }
  })

  test('timeouts alone never condemn while the live connection proves the server', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    const client = world.open()
    world.run(1000)
    for (let call = 0; call < 20; call += 1) {
      world.evidence('srv1', { type: 'timeout' })
      world.run(200)
    }
    expect(world.breaker('srv1')).toBe('closed')
    expect(client.at).toBe('srv1')
  })

  test('a stopped or starting UCC is no failure', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    world.run(1000)
    Object.assign(world.server('srv2'), { state: 'stopped' })
    world.run(120_000)
    Object.assign(world.server('srv2'), { state: 'starting' })
    world.run(120_000)
    expect(world.breaker('srv2')).toBe('closed')
  })

  test('answers of the service itself (4xx, 429, 503 with Retry-After) are no evidence, 500 asks for a probe', () => {
    const asked = (status: number, retryAfter = false): number => {
      const world = new PoolWorld(['srv1', 'srv2'])
      world.open()
      world.run(3000)
      const since = world.now
      for (let call = 0; call < 6; call += 1) {
        world.evidence('srv1', { type: 'status', status, retryAfter })
      }
      world.run(100)
      expect(world.breaker('srv1')).toBe('closed')
      return world.probesOf('srv1', since).length
    }
    expect([400, 404, 429, 200].map((status) => asked(status))).toEqual([0, 0, 0, 0])
    expect(asked(503, true)).toBe(0)
    expect([500, 502, 503, 504].map((status) => asked(status))).toEqual([1, 1, 1, 1])
  })

  test('the evidence of an older generation counts for nothing', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    world.run(1000)
    const before = world.machine.judge.roster.get('srv1')?.generation ?? NaN
    world.kill('srv1')
    world.until('srv1 is condemned', () => world.breaker('srv1') === 'open', 5000)
    world.server('srv1').fails = undefined
    world.until('srv1 is back', () => world.breaker('srv1') === 'closed', 60_000)
    const failure = { kind: 'refused' as const, sent: 'no' as const, message: 'late' }
    const outcome = { type: 'failure' as const, failure }
    for (let call = 0; call < 5; call += 1) {
      world.feed({ type: 'evidence', endpointId: 'srv1', generation: before, outcome })
    }
    expect(world.breaker('srv1')).toBe('closed')
    for (let call = 0; call < 3; call += 1) world.evidence('srv1', outcome)
    expect(world.breaker('srv1')).toBe('open')
  })

  test('with one endpoint the breaker bars nobody who answers `running`', () => {
    const world = new PoolWorld(['srv1'])
    const client = world.open()
    world.run(1000)
    world.kill('srv1')
    world.until('srv1 is condemned', () => world.breaker('srv1') === 'open', 5000)
    world.run(20_000)
    world.server('srv1').fails = undefined
    expect(world.until('attached again', () => client.at === 'srv1', 10_000)).toBeLessThan(2000)
  })

  test('own network: everything fails together without proof, and nobody is condemned', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    const client = world.open()
    world.run(1000)
    world.server('srv1').fails = 'unreachable'
    world.server('srv2').fails = 'unreachable'
    world.lose(client, { type: 'closed', code: 1006, failure: { kind: 'unreachable', sent: 'maybe', message: 'gone' } })
    world.run(60_000)
    const last = world.all('condition').at(-1)?.condition
    expect(last).toEqual({ is: 'offline', reason: 'network' })
    expect(world.breaker('srv2')).toBe('closed')
  })

  test('own network, and nobody has a connection: what the standby said long before proves nothing', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open({ live: false })
    world.run(5000)
    // The standby was asked a moment ago, and is not asked again for 15 s.
    world.until('the standby is asked', () => (world.probesOf('srv2').at(-1) ?? 0) > world.now - 100, 20_000)
    world.server('srv1').fails = 'timeout'
    world.server('srv2').fails = 'timeout'
    world.run(60_000)
    expect([world.breaker('srv1'), world.breaker('srv2')]).toEqual(['closed', 'closed'])
  })
})

describe('our own pause', () => {
  const HOUR = 3_600_000
  const openFor = (counted: number, pause: { readonly lateMs: number; readonly uncountedMs?: number }): number => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    world.run(1000)
    world.server('srv2').fails = 'refused'
    world.run(60_000)
    world.now += counted
    world.feed({ type: 'pause', ...pause })
    const state = world.machine.judge.roster.get('srv2')?.breaker.state
    return state?.is === 'open' ? state.until - world.now : NaN
  }

  test('an open breaker waits on by what the clock counted, and by nothing of what it slept through', () => {
    const before = openFor(0, { lateMs: 0 })
    expect(openFor(HOUR, { lateMs: HOUR })).toBe(before)
    expect(openFor(0, { lateMs: HOUR, uncountedMs: HOUR })).toBe(before)
    expect(openFor(HOUR, { lateMs: 2 * HOUR, uncountedMs: HOUR })).toBe(before)
  })
})
