/** A page in place of readiness: of a server without the contract, or of somebody between it and us. */
import { describe, expect, test } from 'vitest'
import { PoolWorld } from './pool-world'

const STATUSES = [200, 302, 404, 500, 502, 503, 511] as const

function running(): PoolWorld {
  const world = new PoolWorld(['srv1', 'srv2'])
  world.open()
  world.run(3000)
  expect(world.clients[0]?.at).toBe('srv1')
  return world
}

function liveness(world: PoolWorld, endpointId: string): string | undefined {
  return world.machine.judge.roster.get(endpointId)?.liveness.is
}

describe('where the contract was spoken before', () => {
  test.each(STATUSES)('a page with %i is told once and judges nobody', (status) => {
    const world = running()
    for (const name of ['srv1', 'srv2']) world.server(name).foreign = status
    world.run(120_000)
    expect([world.breaker('srv1'), world.breaker('srv2')]).toEqual(['closed', 'closed'])
    expect([liveness(world, 'srv1'), liveness(world, 'srv2')]).toEqual(['up', 'up'])
    expect(world.moves).toHaveLength(1)
    expect(world.warnings().filter((code) => code === 'FOREIGN_READINESS')).toHaveLength(2)
    expect(world.warnings()).not.toContain('NO_READINESS_CONTRACT')
  })

  test('while traffic gets errors too, an error page is a failure; readiness ends that', () => {
    // The live connection is with the other one: requests are all there is to tell by.
    const world = running()
    world.server('srv2').foreign = 502
    for (let call = 0; call < 3; call += 1) {
      world.evidence('srv2', { type: 'status', status: 502, retryAfter: false })
      world.run(1000)
    }
    expect(world.breaker('srv2')).toBe('open')
    world.server('srv2').foreign = false
    world.until('srv2 is back', () => world.breaker('srv2') === 'closed', 60_000)
    world.server('srv2').foreign = 502
    world.run(60_000)
    expect(world.breaker('srv2')).toBe('closed')
  })

  test.each([
    ['a page that is no error', 200, () => undefined],
    [
      'traffic served since',
      502,
      (world: PoolWorld) => world.evidence('srv2', { type: 'status', status: 200, retryAfter: false }),
    ],
  ])('errors of traffic count for nothing with %s', (_what, status, then) => {
    const world = running()
    world.server('srv2').foreign = status
    for (let call = 0; call < 10; call += 1) {
      world.evidence('srv2', { type: 'status', status: 502, retryAfter: false })
      then(world)
      world.run(1000)
    }
    expect(world.breaker('srv2')).toBe('closed')
  })
})

describe('where the contract was never spoken', () => {
  test.each(STATUSES)('%i: alive unless it is an error of the server', (status) => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.server('srv2').foreign = status
    world.open()
    world.run(60_000)
    const isError = status >= 500
    expect(world.breaker('srv2')).toBe(isError ? 'open' : 'closed')
    expect(liveness(world, 'srv2')).toBe(isError ? 'down' : 'up')
    expect(world.warnings().includes('NO_READINESS_CONTRACT')).toBe(!isError)
    expect(world.warnings()).not.toContain('FOREIGN_READINESS')
  })
})
