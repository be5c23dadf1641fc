/** Spread: bounds of every draw, the order of the classes, and fairness of a fleet. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULTS } from '../../src/client/defaults'
import { seededRandom } from '../../src/core/random'
import { askDelay, drawSpread, SPREAD_CLASSES, spreadWindow, type SpreadFacts } from '../../src/core/spread'
import type { PriorityClass } from '../../src/core/settings'

const PARTS: Readonly<Record<PriorityClass, readonly [number, number]>> = {
  interactive: [0, 0.1],
  agent: [0, 1],
  board: [1, 3],
  visitor: [1, 5],
}
const CLASSES = Object.keys(PARTS) as PriorityClass[]

const windowMs = fc.oneof(fc.constantFrom(0, 1, 30_000), fc.double({ min: 0, max: 30_000, noNaN: true }))
const draw = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const load = fc.record(
  {
    clients: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    acceptPerSec: fc.double({ min: Number.MIN_VALUE, noNaN: true, noDefaultInfinity: true }),
  },
  { requiredKeys: [] },
)
const facts: fc.Arbitrary<SpreadFacts> = fc.record(
  { announcedMs: fc.maxSafeNat(), left: load, dialled: load },
  { requiredKeys: [] },
)

describe('the window', () => {
  it('is never negative, never above its cap, whatever servers announce', () => {
    fc.assert(
      fc.property(facts, fc.nat({ max: 60_000 }), (told, maxSpreadMs) => {
        const window = spreadWindow(told, { ...DEFAULTS.failover, maxSpreadMs })
        expect(window).toBeGreaterThanOrEqual(0)
        expect(window).toBeLessThanOrEqual(maxSpreadMs)
        if (told.announcedMs !== undefined) expect(window).toBe(Math.min(maxSpreadMs, told.announcedMs))
      }),
    )
  })

  it('grows with those who come, and shrinks with what the next server takes', () => {
    const whole = fc.integer({ min: 1, max: 100_000 })
    fc.assert(
      fc.property(whole, whole, whole, (clients, acceptPerSec, more) => {
        const width = (coming: number, taken: number): number =>
          spreadWindow({ left: { clients: coming }, dialled: { acceptPerSec: taken } }, DEFAULTS.failover)
        expect(width(clients + more, acceptPerSec)).toBeGreaterThanOrEqual(width(clients, acceptPerSec))
        expect(width(clients, acceptPerSec + more)).toBeLessThanOrEqual(width(clients, acceptPerSec))
        const fair = (clients / acceptPerSec) * 1000
        expect(width(clients, acceptPerSec)).toBeCloseTo(Math.min(DEFAULTS.failover.maxSpreadMs, fair))
      }),
    )
  })
})

describe('a draw', () => {
  it('lies in the part of the window that is its class’s', () => {
    expect(SPREAD_CLASSES).toEqual(PARTS)
    fc.assert(
      fc.property(windowMs, draw, fc.constantFrom(...CLASSES), (window, drawn, priority) => {
        const [from, to] = PARTS[priority]
        const hop = drawSpread(window, priority, () => drawn)
        expect(hop).toBeGreaterThanOrEqual(from * window)
        expect(hop).toBeLessThanOrEqual(to * window)
      }),
    )
  })

  it('with the same luck, who holds a call comes first and visitors last', () => {
    fc.assert(
      fc.property(windowMs, draw, (window, drawn) => {
        const hops = CLASSES.map((priority) => drawSpread(window, priority, () => drawn))
        expect(hops).toEqual([...hops].sort((a, b) => a - b))
      }),
    )
  })

  it('is fair: each tenth of the part gets its tenth of a fleet, whatever the seed', () => {
    const fleet = 5000
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom(...CLASSES), (seed, priority) => {
        const random = seededRandom(seed)
        const [from, to] = PARTS[priority]
        const tenths = Array.from({ length: 10 }, () => 0)
        for (let client = 0; client < fleet; client += 1) {
          const place = (drawSpread(1000, priority, random) / 1000 - from) / (to - from)
          const tenth = Math.floor(place * 10)
          tenths[tenth] = (tenths[tenth] ?? 0) + 1
        }
        // Chi-square, nine degrees of freedom: above 45 in one of 10^6 fair fleets.
        const expected = fleet / 10
        const chiSquare = tenths.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
        expect(chiSquare).toBeLessThan(45)
      }),
      { numRuns: 40, seed: 20_261_122 },
    )
  })

  it('readiness is asked before the draw ends, and within 4 s', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 150_000, noNaN: true }), draw, (drawMs, drawn) => {
        const delay = askDelay(drawMs, DEFAULTS, () => drawn)
        expect(delay).toBeGreaterThanOrEqual(0)
        expect(delay).toBeLessThanOrEqual(Math.min(4000, drawMs))
        if (drawMs <= DEFAULTS.health.edgeIntervalMs) expect(delay).toBe(0)
      }),
    )
  })
})
