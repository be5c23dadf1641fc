/** Hysteresis with several UCCs on one pool: each asks on its own, and what they see at once is one verdict. */
import { describe, expect, test } from 'vitest'
import { Rounds } from '../../src/core/rounds'
import { PoolWorld } from './pool-world'

const UCCS = ['alpha', 'beta', 'gamma', 'delta'] as const

function running(uccs: readonly string[]): PoolWorld {
  const world = new PoolWorld(['srv1', 'srv2'])
  for (const ucc of uccs) world.open({ ucc })
  world.run(5000)
  expect(world.clients.every(({ at }) => at === 'srv1')).toBe(true)
  return world
}

/** Asks all there is to ask at once, while srv2 fails so. */
function oneStorm(world: PoolWorld, fails: 'reset' | 'timeout' | 'refused'): void {
  const script = world.server('srv2')
  script.fails = fails
  world.feed({ type: 'check' })
  // The answer is made half way.
  world.run(fails === 'timeout' ? 600 : 3)
  script.fails = undefined
}

describe('a round', () => {
  test('ends when a schedule speaks again; the count is that of one schedule', () => {
    const rounds = new Rounds()
    expect(['a', 'b', 'c', 'b', 'a', 'c', 'c'].map((ucc) => rounds.hear(ucc))).toEqual([
      true,
      false,
      false,
      true,
      false,
      false,
      true,
    ])
    expect(rounds.count).toBe(3)
    rounds.reset()
    expect([rounds.count, rounds.hear(undefined), rounds.hear(undefined)]).toEqual([0, true, true])
  })
})

describe.each([1, 3, 4])('with %i UCCs', (count) => {
  const uccs = UCCS.slice(0, count)

  test.each(['reset', 'timeout', 'refused'] as const)('one moment of %s condemns nobody', (fails) => {
    const world = running(uccs)
    oneStorm(world, fails)
    world.run(2500)
    expect(world.all('endpoint-changed').map(({ reason }) => reason)).not.toContain('breaker-open')
    expect(world.breaker('srv2')).toBe('closed')
  })

  test('misses that last do, after as many questions of one schedule as with one UCC', () => {
    const world = running(uccs)
    world.server('srv2').fails = 'reset'
    const since = world.now
    world.until('open', () => world.breaker('srv2') === 'open', 60_000)
    const asked = uccs.map((ucc) => world.probesOf('srv2', since, ucc).length)
    expect(Math.max(...asked)).toBeGreaterThanOrEqual(3)
    expect(Math.max(...asked)).toBeLessThanOrEqual(5)
  })

  test('a refused connection is confirmed by a second question', () => {
    const world = running(uccs)
    const since = world.now
    world.server('srv2').fails = 'refused'
    world.feed({ type: 'check' })
    world.until('open', () => world.breaker('srv2') === 'open', 1000)
    expect(world.now - since).toBeGreaterThanOrEqual(50)
    expect(world.now - since).toBeLessThan(100)
    for (const ucc of uccs) expect(world.probesOf('srv2', since, ucc)).toHaveLength(2)
  })

  test('three passes in a row of one schedule bring it back, not one of each', () => {
    const world = running(uccs)
    world.server('srv2').fails = 'refused'
    world.feed({ type: 'check' })
    world.run(3000)
    expect(world.breaker('srv2')).not.toBe('closed')
    world.server('srv2').fails = undefined
    const since = world.now
    world.until('back', () => world.breaker('srv2') === 'closed', 60_000)
    const asked = uccs.map((ucc) => world.probesOf('srv2', since, ucc).length)
    expect(Math.max(...asked)).toBeGreaterThanOrEqual(3)
  })
})
