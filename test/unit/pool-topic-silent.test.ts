/** A server that beats, answers `running`, and sends nothing: the silence of a topic is the only sign. */
import { describe, expect, test } from 'vitest'
import { PoolWorld } from './pool-world'

function started(): PoolWorld {
  const world = new PoolWorld(['srv1', 'srv2'])
  Object.assign(world.server('srv1'), { term: 1 })
  Object.assign(world.server('srv2'), { state: 'stopped' })
  world.open()
  world.run(3000)
  return world
}

function silence(world: PoolWorld, silent = true): void {
  world.feed({ type: 'topic-silent', seat: 1, silent })
}

describe('a silent topic', () => {
  test('alone moves nobody, and is no failure; the other server is asked at the edge cadence', () => {
    const world = started()
    silence(world)
    const since = world.now
    world.run(30_000)
    expect(world.moves).toHaveLength(1)
    expect(world.breaker('srv1')).toBe('closed')
    expect(world.all('condition').at(-1)?.condition).toEqual({ is: 'serving' })
    expect(world.probesOf('srv2', since).length).toBeGreaterThanOrEqual(45)
  })

  test('and another server with a higher term: a planned move; requests go there at once, and it is told', () => {
    const world = started()
    silence(world)
    world.run(5000)
    Object.assign(world.server('srv2'), { state: 'running', term: 2 })
    world.until('decided', () => world.moves.length === 2, 1000)
    expect(world.moves[1]?.plan).toMatchObject({ kind: 'switchover', reason: 'topic-silent', makeBeforeBreak: true })
    expect(world.all('condition').at(-1)?.condition).toEqual({ is: 'degraded', why: 'moving' })
    expect(world.machine.seat(1)?.route([])?.id).toBe('srv2')
    world.until('moved', () => world.clients[0]?.at === 'srv2', 1000)
    expect(world.all('condition').at(-1)?.condition).toEqual({ is: 'serving' })
  })

  test('or one that began to run since, without any term', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.server('srv2').state = 'stopped'
    world.open()
    world.run(3000)
    silence(world)
    world.run(2000)
    world.server('srv2').state = 'running'
    expect(world.until('moved', () => world.clients[0]?.at === 'srv2', 3000)).toBeLessThan(1000)
  })

  test('a hot pair: the other one ran all the time, so its running says nothing', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    world.run(3000)
    silence(world)
    world.run(120_000)
    expect(world.moves).toHaveLength(1)
  })

  test('heard again: over', () => {
    const world = started()
    silence(world)
    world.run(2000)
    silence(world, false)
    const since = world.now
    world.run(30_000)
    expect(world.probesOf('srv2', since).length).toBeLessThanOrEqual(4)
  })

  test('is that of the server left: after the move nothing is suspected, and a repaired server moves nobody', () => {
    const world = started()
    silence(world)
    world.run(5000)
    Object.assign(world.server('srv2'), { state: 'running', term: 2 })
    world.until('moved', () => world.clients[0]?.at === 'srv2', 2000)
    world.server('srv1').state = 'stopped'
    world.run(20_000)
    world.server('srv1').state = 'running'
    const since = world.now
    world.run(60_000)
    expect(world.moves).toHaveLength(2)
    expect(world.probesOf('srv1', since).length).toBeLessThanOrEqual(7)
  })
})
