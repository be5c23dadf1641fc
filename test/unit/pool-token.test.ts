/** A refused token bars an endpoint for a while, not for ever. */
import { describe, expect, test } from 'vitest'
import { PoolWorld } from './pool-world'

function candidate(world: PoolWorld, endpointId: string): boolean {
  const endpoint = world.machine.judge.roster.get(endpointId)
  return endpoint !== undefined && world.machine.judge.standing(endpoint, 'helpdesk').candidate
}

function refused(): PoolWorld {
  const world = new PoolWorld(['srv1', 'srv2'])
  Object.assign(world.server('srv2'), { term: 3 })
  world.open()
  world.run(5000)
  world.feed({ type: 'token', endpointId: 'srv2', accepted: false })
  expect(candidate(world, 'srv2')).toBe(false)
  return world
}

describe('a refused token', () => {
  test('lapses by itself, later each time, and never later than 5 minutes', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    world.run(5000)
    const waits: number[] = []
    for (let round = 0; round < 12; round += 1) {
      world.feed({ type: 'token', endpointId: 'srv2', accepted: false })
      expect(candidate(world, 'srv2')).toBe(false)
      waits.push(world.until('a candidate again', () => candidate(world, 'srv2'), 301_000))
    }
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(30_000)
    expect(waits[0]).toBeLessThanOrEqual(60_001)
    expect(Math.max(...waits)).toBeGreaterThan(120_000)
  })

  test('again while it holds keeps it up, and makes it no longer', () => {
    const world = refused()
    for (let count = 0; count < 20; count += 1) {
      world.feed({ type: 'token', endpointId: 'srv2', accepted: false })
      world.run(20_000)
      expect(candidate(world, 'srv2')).toBe(false)
    }
    expect(world.until('a candidate again', () => candidate(world, 'srv2'), 60_000)).toBeLessThan(41_000)
  })

  test('is forgotten with a new term there', () => {
    const world = refused()
    world.run(1000)
    expect(candidate(world, 'srv2')).toBe(false)
    world.server('srv2').term = 4
    world.feed({ type: 'check' })
    world.run(10)
    expect(candidate(world, 'srv2')).toBe(true)
  })

  test('is forgotten when another server answers there, and when it is accepted', () => {
    const world = refused()
    world.addServer('srv3', 2)
    world.server('srv3').term = 3
    world.repoint('srv2', 'srv3')
    world.feed({ type: 'check' })
    world.run(10)
    expect(candidate(world, 'srv2')).toBe(true)
    world.feed({ type: 'token', endpointId: 'srv2', accepted: false })
    expect(candidate(world, 'srv2')).toBe(false)
    world.feed({ type: 'token', endpointId: 'srv2', accepted: true })
    expect(candidate(world, 'srv2')).toBe(true)
  })

  test('is lifted by another token than before, elsewhere; refused again, it bars for longer', () => {
    const world = refused()
    world.feed({ type: 'token-renewed', endpointId: 'srv2' })
    expect(candidate(world, 'srv2')).toBe(false)
    world.feed({ type: 'token-renewed', endpointId: 'srv1' })
    expect(candidate(world, 'srv2')).toBe(true)
    const waits = Array.from({ length: 6 }, () => {
      world.feed({ type: 'token', endpointId: 'srv2', accepted: false })
      const from = world.now
      world.run(29_000)
      expect(candidate(world, 'srv2')).toBe(false)
      world.until('a candidate again', () => candidate(world, 'srv2'), 301_000)
      return world.now - from
    })
    expect(Math.max(...waits)).toBeGreaterThan(60_001)
  })

  test('is lifted once: a provider that gives another token each time hides no refusal', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    world.run(5000)
    const seen: boolean[] = []
    for (const id of ['srv1', 'srv2', 'srv1', 'srv2', 'srv1']) {
      world.feed({ type: 'token-renewed', endpointId: id })
      world.feed({ type: 'token', endpointId: id, accepted: false })
      seen.push(candidate(world, 'srv1') || candidate(world, 'srv2'))
    }
    // Each of them has been tried with a token later than the other's, and refused it.
    expect(seen).toEqual([true, true, true, false, false])
    world.until('one of them again', () => candidate(world, 'srv1') || candidate(world, 'srv2'), 301_000)
    // From then on a later token lifts again.
    world.until('srv2 again', () => candidate(world, 'srv2'), 301_000)
    world.feed({ type: 'token', endpointId: 'srv2', accepted: false })
    world.feed({ type: 'token-renewed', endpointId: 'srv1' })
    expect(candidate(world, 'srv2')).toBe(true)
  })

  test('says how it was refused', () => {
    const world = refused()
    const endpoint = world.machine.judge.roster.get('srv2')
    expect(endpoint?.refusal).toBe('unauthorized')
    world.feed({ type: 'token', endpointId: 'srv2', accepted: false, refusal: 'forbidden' })
    expect(endpoint?.refusal).toBe('forbidden')
    world.feed({ type: 'token', endpointId: 'srv2', accepted: true })
    expect(endpoint?.refusal).toBeUndefined()
  })
})

describe('requests of a seat that waits for a better road', () => {
  test('wait with it, and go where it goes', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.server('srv1').rttMs = 40
    world.server('srv2').rttMs = 5
    world.open()
    const seat = world.machine.seat(1)
    world.run(20)
    // The second one runs too, and answered first: the first one is preferred, and may still answer.
    expect(candidate(world, 'srv2')).toBe(true)
    expect(seat?.route([])).toBeUndefined()
    // Whoever has tried the first one already does not wait for it.
    expect(seat?.route(['srv1'])?.id).toBe('srv2')
    world.run(25)
    expect(seat?.route([])?.id).toBe('srv1')
  })

  test('no longer than it does', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.server('srv1').rttMs = 1400
    world.open()
    const seat = world.machine.seat(1)
    const waited = world.until('a road', () => seat?.route([]) !== undefined, 1000)
    expect(waited).toBeGreaterThanOrEqual(250)
    expect(waited).toBeLessThan(300)
    expect(seat?.route([])?.id).toBe('srv2')
  })
})
