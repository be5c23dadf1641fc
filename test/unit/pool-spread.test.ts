import { describe, expect, test } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { seededRandom } from '../../src/core/random'
import { drawSpread, SPREAD_CLASSES, spreadWindow } from '../../src/core/spread'
import type { PriorityClass } from '../../src/core/settings'
import { PoolWorld } from './pool-world'

const { failover: SETTINGS } = DEFAULTS

describe('the window W', () => {
  const load = (clients: number, acceptPerSec: number): { clients: number; acceptPerSec: number } => ({
    clients,
    acceptPerSec,
  })
  test.each([
    ['what the server announced itself', { announcedMs: 4000, left: load(5000, 500) }, 4000],
    ['clients left ÷ what the next one accepts', { left: load(5000, 1), dialled: load(7, 1000) }, 5000],
    ['the rate of the one left, where the next has told none', { left: load(5000, 500) }, 10_000],
    ['one client of an idle server: nothing', { left: load(1, 500), dialled: load(0, 500) }, 2],
    ['one second, where nobody announced anything', {}, 1000],
    ['the same without a count', { left: { acceptPerSec: 500 } }, 1000],
    ['the cap', { left: load(1_000_000, 500) }, 30_000],
    ['the cap over an announcement', { announcedMs: 900_000 }, 30_000],
  ])('%s', (_what, facts, expected) => {
    expect(spreadWindow(facts, SETTINGS)).toBe(expected)
  })

  test('a cap of 0 switches it off', () => {
    expect(spreadWindow({ announcedMs: 4000 }, { ...SETTINGS, maxSpreadMs: 0 })).toBe(0)
  })
})

describe('the classes', () => {
  const classes: readonly (readonly [PriorityClass, number, number])[] = [
    ['interactive', 0, 0.1],
    ['agent', 0, 1],
    ['board', 1, 3],
    ['visitor', 1, 5],
  ]

  test.each(classes)('%s: %d W to %d W, evenly', (priority, from, to) => {
    const random = seededRandom(11)
    const draws = Array.from({ length: 2000 }, () => drawSpread(1000, priority, random))
    expect(Math.min(...draws)).toBeGreaterThanOrEqual(from * 1000)
    expect(Math.max(...draws)).toBeLessThanOrEqual(to * 1000)
    const width = (to - from) * 1000
    for (let part = 0; part < 4; part += 1) {
      const low = from * 1000 + (part * width) / 4
      const share = draws.filter((draw) => draw >= low && draw < low + width / 4).length / draws.length
      expect(share).toBeCloseTo(0.25, 1)
    }
  })

  test('these four, and no other', () => {
    expect(Object.keys(SPREAD_CLASSES).sort()).toEqual(classes.map(([name]) => name).sort())
  })

  test.each(classes)('in the pool: after a loss a client of class %s dials at its own moment', (priority, from, to) => {
    const windowMs = 2000
    const waits = Array.from({ length: 40 }, (_unused, run) => {
      const world = new PoolWorld(['srv1', 'srv2'], {}, seededRandom(run + 1))
      world.server('srv1').load = { clients: 1000, acceptPerSec: 500 }
      world.server('srv2').load = { clients: 0, acceptPerSec: 500 }
      world.open({ class: priority })
      world.run(2500)
      const lostAt = world.now
      world.kill('srv1')
      world.until('dialled', () => world.moves.length === 2, 15_000)
      return (world.moves[1]?.at ?? NaN) - lostAt
    })
    // The answer to the question of who runs comes first: one round trip.
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(from * windowMs)
    expect(Math.max(...waits)).toBeLessThanOrEqual(to * windowMs + 10)
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(((to - from) * windowMs) / 2)
  })

  test('the draw starts at the loss and is not repeated when a candidate appears later', () => {
    for (let run = 1; run <= 20; run += 1) {
      const world = fleet(10_000, run)
      world.server('srv2').state = 'stopped'
      world.kill('srv1')
      world.run(60_000)
      world.server('srv2').state = 'running'
      world.server('srv2').term = 2
      // Half a window of edge cadence with its jitter, and no draw of up to 10 s on top.
      expect(world.until('attached', () => world.clients[0]?.at === 'srv2', 20_000)).toBeLessThan(6100)
    }
  })
})

/** One of so many clients that the window is this long, settled on srv1. */
function fleet(windowMs: number, seed: number): PoolWorld {
  const world = new PoolWorld(['srv1', 'srv2'], {}, seededRandom(seed))
  world.server('srv1').load = { clients: windowMs / 2, acceptPerSec: 500 }
  // The passive server has few clients of its own: that is not how many will come.
  world.server('srv2').load = { clients: 1, acceptPerSec: 500 }
  world.open()
  world.run(2500)
  return world
}

describe('the question after a loss', () => {
  const asked = (world: PoolWorld, from: number): number[] =>
    world.probes.filter(({ at, endpointId }) => endpointId === 'srv2' && at >= from).map(({ at }) => at - from)

  test('is put just before a long draw ends, once', () => {
    const dialled: number[] = []
    for (let run = 1; run <= 20; run += 1) {
      const world = fleet(3000, run)
      const lostAt = world.now
      const before = world.moves.length
      world.kill('srv1')
      world.until('attached', () => world.clients[0]?.at === 'srv2', 5000)
      const dialAt = (world.moves[before]?.at ?? NaN) - lostAt
      dialled.push(dialAt)
      const questions = asked(world, lostAt)
      expect(questions).toHaveLength(1)
      // A short draw asks at once: nobody else is drawn apart by less than the edge cadence.
      if (dialAt > 510) expect(dialAt - (questions[0] ?? NaN)).toBeCloseTo(DEFAULTS.connect.betterRoadMs, 0)
      else expect(questions[0]).toBe(0)
    }
    expect(Math.max(...dialled)).toBeGreaterThan(2000)
  })

  test('comes within 4 s however long the draw, for whoever must be told that nobody is there', () => {
    const questions = Array.from({ length: 20 }, (_unused, run) => {
      const world = fleet(30_000, run + 1)
      const lostAt = world.now
      world.kill('srv1')
      world.run(4100)
      return asked(world, lostAt)[0] ?? Infinity
    })
    expect(Math.max(...questions)).toBeLessThanOrEqual(4000)
    // Not all of them together.
    expect(new Set(questions.map((at) => Math.floor(at / 500))).size).toBeGreaterThan(4)
  })

  test('is put at once when a request needs the answer', () => {
    const world = fleet(30_000, 3)
    world.kill('srv1')
    const lostAt = world.now
    const seat = world.machine.seat(1)
    expect(seat?.isPatient).toBe(true)
    expect(asked(world, lostAt)).toEqual([])
    world.feed({ type: 'seat-needs-road', seat: 1 })
    expect(asked(world, lostAt)).toEqual([0])
    expect(seat?.isPatient).toBe(false)
    world.run(50)
    expect(seat?.route([])?.id).toBe('srv2')
  })

  test('is repeated at half the window while nobody runs the UCC: a whole fleet asks', () => {
    const world = fleet(10_000, 5)
    world.server('srv2').state = 'stopped'
    world.kill('srv1')
    world.run(15_000)
    const from = world.now
    world.run(60_000)
    expect(asked(world, from).length).toBeGreaterThanOrEqual(10)
    expect(asked(world, from).length).toBeLessThanOrEqual(15)
  })
})
