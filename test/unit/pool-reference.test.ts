import { expect, test } from 'vitest'
import { PoolWorld } from './pool-world'

/** Nobody answers any more, and a page cannot tell why. */
function allOpaque(): PoolWorld {
  const world = new PoolWorld(['a', 'b'])
  const client = world.open()
  world.run(5000)
  for (const name of ['a', 'b']) world.server(name).fails = 'opaque'
  world.lose(client, { type: 'closed', code: 1006 })
  return world
}

function reason(world: PoolWorld): string | undefined {
  const condition = world.machine.seat(1)?.condition
  return condition?.is === 'offline' ? condition.reason : condition?.is
}

// fault-matrix: 33
test('the reference tells the network from the servers, and is asked again: networks come and go', () => {
  const world = allOpaque()
  world.run(1000)
  expect(world.all('probe-reference')).toHaveLength(1)
  world.feed({ type: 'reference', reachable: false })
  expect(reason(world)).toBe('network')
  world.run(9000)
  const asked = world.all('probe-reference').length
  expect(asked).toBeGreaterThanOrEqual(3)
  // Never two at once: the question may take 1.5 s.
  expect(asked).toBeLessThanOrEqual(5)
  expect(['a', 'b'].map((name) => world.breaker(name))).toEqual(['closed', 'closed'])
  world.feed({ type: 'reference', reachable: true })
  expect(reason(world)).toBe('servers')
  world.feed({ type: 'reference', reachable: false })
  expect(reason(world)).toBe('network')
})

test('once somebody answers the reference is not asked any more, and the next silence asks anew', () => {
  const world = allOpaque()
  world.run(1000)
  world.feed({ type: 'reference', reachable: true })
  world.server('b').fails = undefined
  world.until('b is in use', () => world.clients[0]?.at === 'b', 20_000)
  expect(world.machine.judge.networkProven).toBe(false)
  const before = world.all('probe-reference').length
  world.run(20_000)
  expect(world.all('probe-reference')).toHaveLength(before)
})
