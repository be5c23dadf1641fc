/** Leaving that comes to nothing: a drain that is taken back, and a road that is known by another name. */
import { describe, expect, test } from 'vitest'
import { PoolWorld, seed } from './pool-world'

const MINUTE = 60_000

/** A client on srv1 that was told to leave, and has nowhere to go. */
function told(): PoolWorld {
  const world = new PoolWorld(['srv1', 'srv2'])
  world.server('srv2').state = 'stopped'
  world.open()
  world.run(15_000)
  world.feed({ type: 'goaway', seat: 1, leaveWithinMs: 30_000 })
  return world
}

function isWatchful(world: PoolWorld): boolean | undefined {
  return world.machine.seat(1)?.watchful
}

describe('a drain with nobody to go to', () => {
  test('ends when readiness takes it back', () => {
    const world = told()
    world.server('srv1').draining = true
    world.run(10_000)
    expect(isWatchful(world)).toBe(true)
    world.server('srv1').draining = false
    world.run(2000)
    expect(isWatchful(world)).toBe(false)
    // Whoever could take over now is not needed any more.
    world.server('srv2').state = 'running'
    world.run(5 * MINUTE)
    expect(world.moves.map(({ plan }) => plan.kind)).toEqual(['initial'])
  })

  test('ends with a new term', () => {
    const world = told()
    world.run(1000)
    world.server('srv1').term = 1
    world.run(2000)
    expect(isWatchful(world)).toBe(true)
    world.server('srv1').term = 2
    world.run(2000)
    expect(isWatchful(world)).toBe(false)
  })

  test('of which readiness says nothing ends a hold-down after its time', () => {
    const world = told()
    world.run(30_000 + MINUTE - 1)
    expect(isWatchful(world)).toBe(true)
    world.run(1)
    expect(isWatchful(world)).toBe(false)
  })
})

describe('a road that no source names any more', () => {
  /** A client at an address that DNS named, of a server whose own name is known later. */
  function renamed(): PoolWorld {
    // Its rank alone moves nobody.
    const world = new PoolWorld(['srv2'], { failback: { mode: 'manual' } })
    world.addServer('srv1', 0)
    world.addServer('address', 0)
    world.repoint('address', 'srv1')
    world.feed({ type: 'endpoints', source: 'dns', name: 'DNS', seeds: [seed('address', 100)] })
    world.feed({ type: 'designated', endpointId: 'address' })
    world.open()
    world.run(15_000)
    expect(world.moves.map(({ plan }) => plan.to)).toEqual(['address'])
    world.feed({ type: 'endpoints', source: 'peers', name: 'srv1', seeds: [seed('srv1', 101)] })
    world.run(MINUTE)
    world.feed({ type: 'designated', endpointId: 'srv1' })
    world.run(2100)
    world.feed({ type: 'designated', endpointId: 'srv1' })
    world.feed({ type: 'endpoints', source: 'dns', name: 'DNS', seeds: [seed('srv1', 101)] })
    return world
  }

  test('moves nobody off its server while that one is known by another road', () => {
    const world = renamed()
    world.run(10 * MINUTE)
    expect(world.moves).toHaveLength(1)
  })

  test('is left for another server when that is the designated one', () => {
    const world = renamed()
    world.run(MINUTE)
    for (let word = 0; word < 2; word += 1) {
      world.feed({ type: 'designated', endpointId: 'srv2' })
      world.run(2100)
    }
    world.run(10_000)
    expect(world.moves.slice(1).map(({ plan }) => [plan.reason, plan.to])).toEqual([['designation', 'srv2']])
  })

  test('by a name server that gives some of many addresses moves nobody', () => {
    const world = new PoolWorld(['name'])
    world.server('name').fails = 'refused'
    const addresses = ['a', 'b', 'c']
    for (const id of addresses) world.addServer(id, 0)
    const say = (missing: number): void => {
      const seeds = addresses.filter((_id, index) => index !== missing).map((id) => seed(id, 100))
      world.feed({ type: 'endpoints', source: 'dns', name: 'DNS', seeds })
    }
    say(2)
    world.open()
    for (let poll = 0; poll < 60; poll += 1) {
      world.run(10_000)
      say(poll % 3)
    }
    expect(world.moves.map(({ plan }) => plan.kind)).toEqual(['initial'])
  })

  test('is left when its server is not known otherwise', () => {
    const world = renamed()
    world.feed({ type: 'endpoints', source: 'peers', name: 'srv1', seeds: [] })
    world.feed({ type: 'endpoints', source: 'dns', name: 'DNS', seeds: [seed('srv2', 0)] })
    world.run(29_999)
    expect(world.moves).toHaveLength(1)
    world.run(5000)
    expect(world.moves.slice(1).map(({ plan }) => [plan.reason, plan.to])).toEqual([['drain', 'srv2']])
  })
})
