import { describe, expect, test } from 'vitest'
import type { SeatCondition } from '../../src/core/pool-protocol'
import { PoolWorld, reset, UCC } from './pool-world'

describe('a server that welcomes and closes', () => {
  /** Closes the connection as soon as it is there, for so long. Returns when it was dialled. */
  function closing(world: PoolWorld, ms: number): number[] {
    const client = world.clients[0]
    if (client === undefined) throw new Error('no client')
    const before = world.moves.length
    const end = world.now + ms
    while (world.now < end) {
      world.run(1)
      if (client.at !== undefined) world.lose(client, { type: 'drained' })
    }
    return world.moves.slice(before).map(({ at }) => at)
  }

  test('is dialled again at once after the first loss, then ever more seldom', () => {
    const world = new PoolWorld(['srv1'])
    world.open()
    world.run(15_000)
    const lostAt = world.now
    const dials = closing(world, 60_000)
    expect(dials[0]! - lostAt).toBeLessThan(100)
    expect(dials[1]! - dials[0]!).toBeGreaterThan(250)
    expect(dials.length).toBeGreaterThan(3)
    expect(dials.length).toBeLessThan(15)
  })

  test('once it has been stable, its next loss is the first again', () => {
    const world = new PoolWorld(['srv1'])
    world.open()
    world.run(15_000)
    closing(world, 20_000)
    world.until('it serves again', () => world.clients[0]?.at === 'srv1', 40_000)
    world.run(11_000)
    const lostAt = world.now
    world.lose(world.clients[0]!, reset())
    world.until('the next dial', () => (world.moves.at(-1)?.at ?? 0) > lostAt, 2000)
    expect(world.moves.at(-1)!.at - lostAt).toBeLessThan(100)
  })

  test('bars nobody else: the other one is dialled at once', () => {
    const world = new PoolWorld(['srv1', 'srv2'])
    world.open()
    world.run(15_000)
    closing(world, 500)
    const lostAt = world.now
    expect(world.moves.some(({ plan }) => plan.to === 'srv2')).toBe(true)
    expect(lostAt).toBeGreaterThan(0)
  })
})

test('a target that stops serving in the instant of the decision is given up, and no request is sent there', () => {
  const world = new PoolWorld(['srv1'])
  const client = world.open()
  world.until('it is dialled', () => client.move !== undefined, 2000)
  const word = { server: 'srv1', ucc: UCC, state: 'starting', via: 'status' } as const
  expect(world.machine.seat(client.seat)?.route([])?.id).toBe('srv1')
  world.feed({ type: 'readiness', endpointId: 'srv1', ...word })
  expect(world.moves.at(-1)?.at).toBe(world.now)
  expect(world.all('cancel-move')).toHaveLength(1)
  expect(world.machine.seat(client.seat)?.route([])).toBeUndefined()
})

test('a fence that its own target raises while it is dialled is told to the attempt, once', () => {
  const world = new PoolWorld(['srv1'])
  world.server('srv1').term = 1
  const client = world.open()
  world.until('it is dialled', () => client.move !== undefined, 2000)
  const word = { server: 'srv1', ucc: UCC, state: 'running', term: 2, via: 'status' } as const
  world.feed({ type: 'readiness', endpointId: 'srv1', ...word })
  world.feed({ type: 'readiness', endpointId: 'srv1', ...word })
  const move = world.moves[0]?.plan.id
  expect(world.all('fence')).toEqual([{ type: 'fence', seat: client.seat, move, minTerm: 2 }])
})

test('attempts that fail at servers that answer `running` are no lack of candidates: never offline', () => {
  const world = new PoolWorld(['srv1', 'srv2'])
  const client = world.open()
  const refused = { kind: 'opaque', sent: 'maybe', code: 'HTTP_403', message: 'upgrade refused' } as const
  for (let ms = 0; ms < 10_000; ms += 1) {
    world.run(1)
    const { move } = client
    if (move === undefined) continue
    client.move = undefined
    world.feed({
      type: 'seat-failed',
      seat: client.seat,
      move: move.id,
      cause: { type: 'closed', code: 1006, failure: refused },
    })
  }
  expect(world.moves.length).toBeGreaterThan(5)
  const told: readonly SeatCondition['is'][] = world.all('condition').map(({ condition }) => condition.is)
  expect(told).not.toContain('offline')
  expect(world.breaker('srv1')).toBe('closed')
  // As soon as one takes it, it serves.
  world.until('it serves', () => client.at !== undefined, 40_000)
})
